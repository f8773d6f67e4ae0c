# shellcheck shell=bash
# states.sh — the table of states (INTERFACE 2.2) away from the straight way: attributes changed in mid-run, resources
# that Terraform forgets, replaces or leaves deposed, destroys in every stage, unlocked states, plans that are late. Sourced
# on top of story.sh. Each topic is a function with clusters of its own, so that topics run beside each other:
#
#     beside attributes mid_run; beside removed forgotten; beside_end

# shellcheck source=acceptance-tests/lib/states_late.sh
. "$(dirname "${BASH_SOURCE[0]}")/states_late.sh"

it=aurora_blue_green_upgrade.it
STATES_TOPICS=() STATES_PIDS=()

# ---- topics beside each other ----

beside() { # NAME COMMAND…: makes rows in the background, with files and a login of its own
    local name=$1
    shift
    STATES_TOPICS+=("$name")
    mkdir -p "$STACK/$name"
    (
        STACK=$STACK/$name STORY_ROWS=0 STORY_FAILED=0 WRITERS_PID=''
        "$@"
        [ -z "$WRITERS_PID" ] || stop_process "$WRITERS_PID" 20
        echo "$STORY_ROWS $STORY_FAILED" >"$STACK/sum"
    ) >"$STACK/$name/rows" 2>&1 &
    STATES_PIDS+=($!)
}

# Rows are numbered anew; a topic that died has no sum, which is a failed row.
beside_end() {
    local name rows failed took=$SECONDS topics="${STATES_TOPICS[*]}"
    wait "${STATES_PIDS[@]}"
    for name in "${STATES_TOPICS[@]}"; do
        rows='' failed=0
        read -r rows failed 2>/dev/null <"$STACK/$name/sum" || true
        sed -E "s/^((not )?ok) [0-9]+ - /\1 - $name: /" "$STACK/$name/rows"
        STORY_ROWS=$((STORY_ROWS + $(grep -cE '^(not )?ok ' "$STACK/$name/rows")))
        STORY_FAILED=$((STORY_FAILED + failed))
        is "$name: ended in order" "${rows:-died}" "$(grep -cE '^(not )?ok ' "$STACK/$name/rows")"
    done
    STATES_TOPICS=() STATES_PIDS=()
    echo "# $((SECONDS - took)) s for $topics"
}

# ---- production ----

# As production_create does it, with one start of the AWS CLI instead of five: a password goes through a file.
cluster_on() { # ID MAJOR [LOGICAL-REPLICATION]: production with one table
    local id=$1 major=$2
    [ -n "${PASSWORD:-}" ] || PASSWORD=$(openssl rand -hex 16)
    export PGPASSWORD=$PASSWORD
    look CreateDBClusterParameterGroup "DBClusterParameterGroupName=$id-pg-cluster" "DBParameterGroupFamily=aurora-postgresql$major" \
        Description=theirs >/dev/null && look CreateDBParameterGroup "DBParameterGroupName=$id-pg-instance" \
        "DBParameterGroupFamily=aurora-postgresql$major" Description=theirs >/dev/null &&
        look ModifyDBClusterParameterGroup "DBClusterParameterGroupName=$id-pg-cluster" \
            Parameters.Parameter.1.ParameterName=rds.logical_replication "Parameters.Parameter.1.ParameterValue=${3:-1}" \
            Parameters.Parameter.1.ApplyMethod=pending-reboot >/dev/null || return 1
    (
        umask 077
        jq -n --arg id "$id" --arg version "$(newest_minor "$major")" --arg user "$MASTER" '{DBClusterIdentifier: $id,
            Engine: "aurora-postgresql", EngineVersion: $version, MasterUsername: $user, MasterUserPassword: env.PGPASSWORD,
            DatabaseName: "shop", DBClusterParameterGroupName: ($id + "-pg-cluster")}' >"$STACK/$id.json"
    )
    rds create-db-cluster --cli-input-json "file://$STACK/$id.json" >/dev/null || return 1
    rm -f "$STACK/$id.json"
    await "the volume of $id" 300 volume_available "$id" || return 1
    look CreateDBInstance "DBInstanceIdentifier=$id-1" "DBClusterIdentifier=$id" Engine=aurora-postgresql \
        DBInstanceClass=db.r6g.large "DBParameterGroupName=$id-pg-instance" >/dev/null || return 1
    await "cluster $id" 300 cluster_available "$id" || return 1
    production_point "$id"
    query -c 'CREATE TABLE t (id serial PRIMARY KEY)' && echo 0 >"$STACK/$id.writes"
}

major() { production_point "$1" && PGPASSWORD=$PASSWORD query -c 'SHOW server_version_num' 2>&1 | cut -c1-2; }

alive() { # NAME CLUSTER MAJOR: production takes a write, has every write of before, and runs that major
    local writes
    production_point "$2"
    writes=$(($(cat "$STACK/$2.writes") + 1))
    is "$1" "$(PGPASSWORD=$PASSWORD query -c 'INSERT INTO t DEFAULT VALUES' -c 'SELECT count(*) FROM t' 2>&1) rows on $(major "$2")" \
        "$writes rows on $3"
    echo "$writes" >"$STACK/$2.writes"
}

# ---- what there is ----

runs_of() { # CLUSTER: identifiers of its deployments
    look DescribeBlueGreenDeployments | jq -r --arg c ":cluster:$1" '[.BlueGreenDeployments[]? |
        select((.Source | endswith($c)) or (.Target // "" | endswith($c))) | .BlueGreenDeploymentIdentifier] | join(" ")'
}
status_of() { # CLUSTER: of its deployment
    look DescribeBlueGreenDeployments | jq -r --arg c ":cluster:$1" '.BlueGreenDeployments[]? |
        select((.Source | endswith($c)) or (.Target // "" | endswith($c))) | .Status'
}
sides_of() { # CLUSTER: production, green and old, by kind
    look DescribeDBClusters | jq -r --arg c "$1" '[.DBClusters[].DBClusterIdentifier | select(. == $c or startswith($c + "-")) |
        ltrimstr($c) | sub("^-green-.*"; "green") | sub("^-old[0-9]+"; "old") | if . == "" then "production" else . end] | sort | join("+")'
}
groups_of() { # CLUSTER: how many groups an upgrade made for it
    look DescribeDBClusterParameterGroups | jq --arg c "$1-upgrade" \
        '[.DBClusterParameterGroups[]? | select(.DBClusterParameterGroupName | startswith($c))] | length'
}
there_is() { echo "$(sides_of "$1"), $(runs_of "$1" | wc -w) deployments, $(groups_of "$1") groups"; }
instances_in() { # FOLDER JQ: of the upgrade's objects in the state, deposed ones included
    jq -r "[.resources[]? | select(.type == \"aurora_blue_green_upgrade\") | .instances[]] | $2" "$1/terraform.tfstate"
}
stage_in() { instances_in "$1" 'map(select(.deposed == null))[0].attributes | "\(.stage)/\(.reached_stage)"'; }

configure() { upgrade_hcl "${@:2}" >"$1/main.tf"; } # FOLDER CLUSTER TARGET STAGE [LINES]
reaches() { # NAME FOLDER CLUSTER TARGET STAGE [LINES]: applied, and the stage is reached
    configure "${@:2}"
    applies "$1" "$2" && [ "$(stage_in "$2")" = "$5/$5" ]
}
forget() { rm -f "$1"/terraform.tfstate*; } # FOLDER: as on a machine that has no state

# ================ every attribute, changed in mid-run ================

# One row: planned as an update without steps, applied, the same stage and the same deployment, an empty plan.
in_place() { # ATTRIBUTE FOLDER CLUSTER TARGET STAGE LINES
    local problem='' before actions
    before="$(stage_in "$2") $(runs_of "$3")"
    configure "$2" "$3" "$4" "$5" "$6"
    tf_json "$2" plan -out="$STACK/saved" || problem+=" plan: $SAID;"
    actions=$(jq -rR 'fromjson? | select(.type == "planned_change") | .change.action' "$STACK/tf.json")
    [ "$actions" = update ] || problem+=" planned: ${actions:-nothing};"
    [ -n "$problem" ] || tf_json "$2" apply "$STACK/saved" || problem+=" apply: $SAID;"
    [ "$(instances_in "$2" '.[0].attributes.planned_steps | length')" = 0 ] || problem+=' it has steps;'
    [ "$(stage_in "$2") $(runs_of "$3")" = "$before" ] || problem+=" was $before, is $(stage_in "$2") $(runs_of "$3");"
    [ "$(plan_verdict "$2")" = empty ] || problem+=" not empty: $(grep -v '^$' "$STACK/plan.log" | tail -n 20);"
    if [ -z "$problem" ]; then row pass "$1 in $5: in place, no step, then an empty plan"; else
        row fail "$1 in $5"
        printf '%s\n' "$problem" | note
    fi
}

# "attribute | lines": all that may change while a run is under way
mid_run_attributes() {
    cat <<HCL
retain_old_for | retain_old_for = "24h"
on_destroy | on_destroy = "keep_old"
allow_reboot | allow_reboot = true
source_parameters | source_parameters = "manage"
plan_checks | plan_checks = "full"
target_min_capacity | target_min_capacity = 2
raise_source_capacity | raise_source_capacity = true
tags | tags = { team = "orders" }
postgresql | postgresql { username = "$MASTER", sslrootcert = "$PGSSLROOTCERT", connect_timeout = 20 }
postgresql.password_wo_version | postgresql { username = "$MASTER", sslrootcert = "$PGSSLROOTCERT", password_wo = "$PASSWORD", password_wo_version = "2" }
target_parameter_group.on_unsupported | target_parameter_group { on_unsupported = "drop" }
validation.exclude_tables | validation { exclude_tables = ["public.t"] }
validation.query | validation { query { name = "ids", sql = "SELECT max(id) FROM t" } }
validation.minimum_stable | validation { minimum_stable = "1s" }
cutover.max_write_outage | cutover { max_write_outage = "60s" }
cutover.max_lag | cutover { max_lag = "1MB" }
cutover.window | cutover { window = ["Sun 02:00-04:00 UTC"] }
cutover.watch_for | cutover { watch_for = "1m" }
hook | hook { at = "after_switch", on = "runner", command = "true" }
timeouts | timeouts { create = "1h", read = "1m", update = "1h", delete = "1h" }
HCL
}
blocks_in_lines() { # several arguments of a block on one line are not HCL
    sed -E 's/, ([a-z_]+ = )/\n\1/g; s/\{ /{\n/g; s/ \}/\n}/g'
}
mid_run_each() { # FOLDER CLUSTER STAGE [FIRST-WORDS…]: of all attributes, or of some
    local name lines
    while IFS='|' read -r name lines; do
        name=${name% }
        [ $# -le 3 ] || [[ " ${*:4} " == *" $name "* ]] || continue
        [[ $lines == *tags* ]] || lines=$(blocks_in_lines <<<"$lines")
        in_place "$name" "$1" "$2" 17 "$3" "$lines"
    done < <(mid_run_attributes)
}
mid_run_refused() { # FOLDER CLUSTER STAGE
    local before
    before=$(there_is "$2")
    configure "$1" "$2" 17 "$3" 'deployment_name = "other"'
    refuses "deployment_name in $3: refused" "$1" plan AUR0172 'deployment_name' 'roll back first' '13\.'
    configure "$1" "$2" 17 "$3" 'instance_class = "db.r6g.xlarge"'
    refuses "instance_class in $3: refused" "$1" plan AUR0172 instance_class
    configure "$1" "$2" 17 "$3" $'target_parameter_group {\ndb_cluster_parameter_group_name = "another"\n}'
    refuses "target_parameter_group.db_cluster_parameter_group_name in $3: refused" "$1" plan AUR0172 db_cluster_parameter_group_name
    configure "$1" "$2" 17 "$3" $'target_parameter_group {\ndb_parameter_group_name = "another"\n}'
    refuses "target_parameter_group.db_parameter_group_name in $3: refused" "$1" plan AUR0172 db_parameter_group_name
    configure "$1" "$2" 15 "$3"
    refuses "target_engine_version to another major in $3: refused" "$1" plan 'AUR0112|AUR0173' target_engine_version
    configure "$1" "$2" 17 completed
    refuses "stage = completed with retain_old_for in $3: refused" "$1" plan AUR0150
    is "… all of it without touching anything" "$(there_is "$2")" "$before"
}
action_planned() { # FOLDER [ARGUMENT…]
    tf_json "$1" plan "${@:2}"
    jq -rR 'fromjson? | select(.type == "planned_change") | .change.action' "$STACK/tf.json"
}

# Writers are at it all the time; at the end the run goes on to its end, and every acknowledged write is there.
mid_run() {
    local folder
    cluster_on mid 13 && cluster_on elsewhere 13 || die "no production"
    folder=$(project mid) || die "no project"
    production_point mid
    writers_start 2 20 >/dev/null || die "no writers"
    reaches "prepared" "$folder" mid 17 prepared
    mid_run_each "$folder" mid prepared
    in_place "target_engine_version, the same major written out" "$folder" mid "$(newest_minor 17)" prepared ''
    mid_run_refused "$folder" mid prepared
    configure "$folder" elsewhere 17 prepared
    is "cluster_identifier in prepared: replaced" "$(action_planned "$folder")" replace
    configure "$folder" mid 17 prepared 'region = "eu-west-1"'
    refuses "region in prepared: replaced, if there were anything in that place" "$folder" plan eu-west-1
    reaches "validated" "$folder" mid 17 validated
    mid_run_each "$folder" mid validated
    in_place "target_engine_version, the same major written out" "$folder" mid "$(newest_minor 17)" validated ''
    mid_run_refused "$folder" mid validated
    soak_changed "$folder" mid
    reaches "switched, after all that" "$folder" mid 17 switched
    alive "… production takes writes" mid 17
    in_place on_destroy "$folder" mid 17 switched 'on_destroy = "keep_old"'
    in_place retain_old_for "$folder" mid 17 switched 'retain_old_for = "24h"'
    in_place tags "$folder" mid 17 switched 'tags = { team = "orders" }'
    configure "$folder" elsewhere 17 switched
    refuses "cluster_identifier in switched: refused" "$folder" plan AUR0161
    reaches "completed" "$folder" mid 17 completed 'retain_old_for = "0s"'
    plan_is "… the plan is empty" "$folder" empty
    is "… nothing is left behind" "$(there_is mid)" "production, 0 deployments, 1 groups"
    ok "the writers were served all the time" writers_stop
    production_point mid
    ok "… and no acknowledged write is lost" writers_check
    other_cluster "$folder"
}

soak_changed() { # FOLDER CLUSTER: raised beyond what has passed, and taken back
    configure "$1" "$2" 17 validated $'validation {\nminimum_stable = "3h"\n}\ntimeouts {\nupdate = "5m"\n}'
    refuses "minimum_stable raised in validated: a pause" "$1" apply AUR-PAUSED AUR0136 '13\.'
    configure "$1" "$2" 17 validated
    applies "… taken back: applied" "$1"
    is "… validated as before" "$(stage_in "$1")" validated/validated
    plan_is "… and the plan is empty" "$1" empty
}

# The old cluster's run is over (completed); the resource moves on to the other cluster and back.
other_cluster() { # FOLDER
    configure "$1" elsewhere 17 prepared
    applies "cluster_identifier after completed: replaced" "$1"
    is "… the other cluster is prepared" "$(there_is elsewhere)" "green+production, 1 deployments, 1 groups"
    configure "$1" mid 17 completed 'retain_old_for = "0s"'
    applies "cluster_identifier in prepared: the run of the one goes, the other is adopted" "$1"
    is "… nothing is left of it" "$(there_is elsewhere)" "production, 0 deployments, 0 groups"
    alive "… whose production takes writes" elsewhere 13
    alive "… as does the other" mid 17
    plan_is "… and the plan is empty" "$1" empty
}

# source_parameters = "manage" attached a copy of production's group; then the attribute changes. The copy goes nevertheless.
managed() {
    local folder managed=$'source_parameters = "manage"\nallow_reboot = true'
    cluster_on managed 13 0 || die "no production"
    folder=$(project managed)
    reaches "prepared, with a group of ours attached to production" "$folder" managed 15 prepared "$managed"
    is "… which is one more" "$(there_is managed)" "green+production, 1 deployments, 2 groups"
    in_place "source_parameters, back to check," "$folder" managed 15 prepared ''
    reaches "rolled_back" "$folder" managed 15 rolled_back
    is "… gives production its own group back" "$(cluster_field managed DBClusterParameterGroup)" managed-pg-cluster
    is "… nothing is left" "$(there_is managed)" "production, 0 deployments, 0 groups"
    alive "… production takes writes" managed 13
    reaches "prepared again" "$folder" managed 15 prepared "$managed"
    reaches "completed, after source_parameters went back to check" "$folder" managed 15 completed 'retain_old_for = "0s"'
    is "… the copy is gone" "$(there_is managed)" "production, 0 deployments, 1 groups"
    plan_is "… the plan is empty" "$folder" empty
    alive "… production takes writes" managed 15
}

# ================ removed { } ================

removed_hcl() { printf 'removed {\n  from = %s\n  lifecycle {\n    destroy = %s\n  }\n}\n' "$it" "$2" >"$1/main.tf"; } # FOLDER DESTROY

forgotten_in() { # FOLDER CLUSTER TARGET STAGE MAJOR [LINES]
    local before
    reaches "$4" "$1" "$2" "$3" "$4" "${6:-}"
    before="$(runs_of "$2") $(there_is "$2")"
    removed_hcl "$1" false
    applies "removed { destroy = false } in $4" "$1"
    is "… Terraform has forgotten it" "$(instances_in "$1" length)" 0
    is "… nothing in AWS is touched" "$(runs_of "$2") $(there_is "$2")" "$before"
    alive "… production takes writes" "$2" "$5"
    forget "$1"
    reaches "… an apply from an empty state takes it over" "$1" "$2" "$3" "$4" "${6:-}"
    is "… and makes nothing anew" "$(runs_of "$2") $(there_is "$2")" "$before"
    plan_is "… the plan is empty" "$1" empty
}
forgotten() {
    local folder stage
    cluster_on forgotten 13 || die "no production"
    folder=$(project forgotten)
    reaches "prepared" "$folder" forgotten 15 prepared
    removed_hcl "$folder" true
    applies "removed { destroy = true } in prepared" "$folder"
    is "… removes all of ours" "$(there_is forgotten) $(instances_in "$folder" length)" "production, 0 deployments, 0 groups 0"
    for stage in prepared validated; do forgotten_in "$folder" forgotten 15 "$stage" 13; done
    forgotten_in "$folder" forgotten 15 switched 15
    removed_hcl "$folder" true
    refuses "removed { destroy = true } in switched: refused" "$folder" plan AUR0161 keep_old '15\.'
    forgotten_in "$folder" forgotten 15 completed 15 'retain_old_for = "0s"'
    removed_hcl "$folder" true
    applies "removed { destroy = true } in completed" "$folder"
    is "… only Terraform forgets it" "$(there_is forgotten) $(instances_in "$folder" length)" "production, 0 deployments, 1 groups 0"
    alive "… production takes writes" forgotten 15
}

# ================ create_before_destroy, deposed objects ================

# A second resource is replaced with the first; while $1/broken exists its making fails, which leaves the replaced
# upgrade in the state as deposed.
replacing_hcl() { # FOLDER CLUSTER TARGET STAGE [LINES]
    configure "${@:1:4}" "${5:-}
  lifecycle {
    create_before_destroy = true
  }"
    cat >>"$1/main.tf" <<HCL
resource "terraform_data" "after" {
  depends_on = [$it]
  lifecycle {
    create_before_destroy = true
    replace_triggered_by  = [$it]
  }
  provisioner "local-exec" {
    command = "test ! -e $1/broken"
  }
}
HCL
}
replacement_fails() { # NAME FOLDER REGEX
    local status=0
    tf_json "$2" apply "-replace=$it" || status=$?
    refused "$1" "$status" "$3"
}
deposed_in() { # FOLDER CLUSTER TARGET STAGE MAJOR ON-DESTROY
    local before lines="  on_destroy = \"$6\""
    replacing_hcl "$1" "$2" "$3" "$4" "$lines"
    applies "$4, on_destroy = $6" "$1"
    before="$(runs_of "$2") $(there_is "$2")"
    touch "$1/broken"
    replacement_fails "a replacement that what depends on it cuts short" "$1" 'local-exec'
    is "… leaves a deposed object beside the new one" "$(instances_in "$1" 'map(.deposed != null) | sort | tostring')" '[false,true]'
    is "… nothing in AWS is touched" "$(runs_of "$2") $(there_is "$2")" "$before"
    rm -f "$1/broken"
    applies "… the next apply removes the deposed object" "$1"
    is "… from the state" "$(instances_in "$1" 'map(.deposed != null) | tostring')" '[false]'
    is "… and nothing of the run" "$(runs_of "$2") $(there_is "$2")" "$before"
    plan_is "… the plan is empty" "$1" empty
    is "… the stage is what it was" "$(stage_in "$1")" "$4/$4"
    alive "… production takes writes" "$2" "$5"
}

# The create leg itself fails, at a hook that is new: then there is one object as before.
create_leg_fails() { # FOLDER CLUSTER TARGET STAGE MAJOR
    local before
    before="$(runs_of "$2") $(there_is "$2")"
    replacing_hcl "$1" "$2" "$3" "$4" $'hook {\nat = "after_prepare"\non = "runner"\ncommand = "exit 1"\n}'
    replacement_fails "a replacement whose create leg fails" "$1" AUR0146
    is "… nothing in AWS is touched" "$(runs_of "$2") $(there_is "$2")" "$before"
    replacing_hcl "$1" "$2" "$3" "$4"
    applies "… the next apply goes on" "$1"
    is "… with one object, and the same run" "$(instances_in "$1" 'map(.deposed != null) | tostring') $(runs_of "$2") $(there_is "$2")" \
        "[false] $before"
    plan_is "… the plan is empty" "$1" empty
    alive "… production takes writes" "$2" "$5"
}
deposed() {
    local folder
    cluster_on deposed 13 || die "no production"
    folder=$(project deposed)
    deposed_in "$folder" deposed 17 prepared 13 refuse
    create_leg_fails "$folder" deposed 17 prepared 13
    deposed_in "$folder" deposed 17 validated 13 delete_old
    deposed_in "$folder" deposed 17 switched 17 refuse
    deposed_in "$folder" deposed 17 switched 17 delete_old
    deposed_in "$folder" deposed 17 switched 17 keep_old
    replacing_hcl "$folder" deposed 17 switched 'on_destroy = "delete_old"'
    applies "delete_old" "$folder"
    : >"$folder/main.tf"
    applies "removed from the configuration" "$folder"
    is "… now it is a destroy" "$(there_is deposed)" "production, 0 deployments, 1 groups"
    alive "… production takes writes" deposed 17
}

# ================ destroy in every stage ================

with_login() { # present|absent|wrong
    case $1 in
    present) export PGPASSWORD=$PASSWORD ;;
    absent) unset PGPASSWORD ;;
    wrong) export PGPASSWORD=not-the-password ;;
    esac
}
destroys_in() { # LOGIN FOLDER CLUSTER STAGE WHAT-IS-LEFT MAJOR
    with_login "$1"
    applies "destroy in $4, login $1" "$2" -destroy
    with_login present
    is "… what is left" "$(there_is "$3")" "$5"
    is "… no state" "$(instances_in "$2" length)" 0
    alive "… production takes writes" "$3" "$6"
}
# A hook in SQL needs a login: without one a destroy says so before anything is done. It may go in mid-run, too.
destroy_hook() { # LOGIN CLUSTER FOLDER
    reaches "prepared, with a hook for the way back" "$3" "$2" 15 prepared \
        $'hook {\nat = "before_rollback"\non = "old"\nsql = "SELECT 1"\n}'
    with_login "$1"
    refuses "destroy in prepared with a hook in SQL, login $1: refused" "$3" destroy 'AUR0147|AUR0146' 'login|password' '13\.'
    with_login present
    is "… nothing is touched" "$(there_is "$2")" "green+production, 1 deployments, 1 groups"
    alive "… production takes writes" "$2" 13
    in_place "hook, which goes" "$3" "$2" 15 prepared ''
}
destroyed_before_the_switch() { # LOGIN CLUSTER FOLDER
    if [ "$1" = present ]; then reaches "prepared" "$3" "$2" 15 prepared; else destroy_hook "$@"; fi
    destroys_in "$1" "$3" "$2" prepared "production, 0 deployments, 0 groups" 13
    reaches "validated" "$3" "$2" 15 validated
    destroys_in "$1" "$3" "$2" validated "production, 0 deployments, 0 groups" 13
}
destroyed() { # LOGIN
    local cluster=destroyed-$1 folder
    cluster_on "$cluster" 13 || die "no production"
    folder=$(project "$cluster")
    destroyed_before_the_switch "$1" "$cluster" "$folder"
    reaches "switched" "$folder" "$cluster" 15 switched
    with_login "$1"
    refuses "destroy in switched, login $1: refused" "$folder" destroy AUR0161 on_destroy keep_old delete_old '15\.'
    with_login present
    is "… nothing is touched" "$(there_is "$cluster")" "old+production, 1 deployments, 1 groups"
    alive "… production takes writes" "$cluster" 15
    reaches "on_destroy = delete_old" "$folder" "$cluster" 15 switched 'on_destroy = "delete_old"'
    destroys_in "$1" "$folder" "$cluster" "switched with delete_old" "production, 0 deployments, 1 groups" 15
    reaches "completed" "$folder" "$cluster" 17 completed 'retain_old_for = "0s"'
    destroys_in "$1" "$folder" "$cluster" completed "production, 0 deployments, 2 groups" 17
}
