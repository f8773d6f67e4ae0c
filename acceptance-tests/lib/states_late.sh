# shellcheck shell=bash
# states_late.sh — topics of states.sh, which sources it: a state that is unlocked by force while an apply lives, and saved
# plans that are applied after the world has moved.

# ================ a state unlocked by force ================

# Terraform's own HTTP backend: a state and its lock are files in $STACK/backend.
backend_start() {
    "$ROOT/acceptance-tests/lib/state-server" "$STACK/backend" >"$STACK/backend.port" &
    BACKEND=$!
    await "the state's server" 20 test -s "$STACK/backend.port"
}
backend_hcl() { # FOLDER NAME: the state is behind the server from now on
    local url
    url=http://127.0.0.1:$(cat "$STACK/backend.port")/$2
    cat >"$1/backend.tf" <<HCL
terraform {
  backend "http" {
    address        = "$url"
    lock_address   = "$url"
    unlock_address = "$url"
  }
}
HCL
    terraform_in "$1" init -input=false -reconfigure >"$STACK/init.log" 2>&1
}
lock_of() { jq -r .ID "$STACK/backend/$1.lock"; }
hook_waits() { # FOLDER: an apply that holds at its first hook until $STACK/go exists
    printf 'hook {\nat = "after_prepare"\non = "runner"\ncommand = "touch %s/held; while [ ! -e %s/go ]; do sleep 0.2; done"\n}' "$STACK" "$STACK"
}
in_backend() { jq -r ".resources[0].instances[0].attributes | \"\(.stage)/\(.reached_stage)\"" "$STACK/backend/state"; }
# With a login the lock in the database decides, without one the lease. Terraform itself forgets what the first did if
# the state began empty and somebody else wrote it meanwhile: then the next apply finds the run in AWS.
unlocked() { # LOGIN a-state|no-state
    local one two first cluster=unlocked-$1
    cluster_on "$cluster" 13 || die "no production"
    backend_start || die "no server for the state"
    one=$(project one) two=$(project two)
    backend_hcl "$one" state && backend_hcl "$two" state || die "no backend"
    configure "$one" "$cluster" 17 rolled_back
    [ "$2" = no-state ] || applies "a state from before" "$one"
    configure "$one" "$cluster" 17 prepared "$(hook_waits)"
    cp "$one/main.tf" "$two/main.tf"
    with_login "$1"
    setsid "$AURORA_CLI" -chdir="$one" apply -input=false -auto-approve >"$STACK/first.log" 2>&1 &
    first=$!
    await "the first apply at its hook" 240 test -e "$STACK/held" || die "the first apply: $(tail -n 5 "$STACK/first.log")"
    refuses "a second apply finds the state locked" "$two" apply 'state lock|locked'
    ok "terraform force-unlock, while the first still lives" terraform_in "$two" force-unlock -force "$(lock_of state)"
    refuses "the second apply, login $1: refused by the cluster's own lock" "$two" apply AUR0175 'another apply works on' '13\.'
    is "… the first lives on" "$(kill -0 "$first" 2>/dev/null && echo lives)" lives
    touch "$STACK/go"
    wait "$first" || true # it cannot give a lock back that is gone
    like "… and finishes, whatever Terraform says of its lock" "$(tail -n 30 "$STACK/first.log")" 'Creation complete|Modifications complete'
    is "… one deployment" "$(there_is "$cluster")" "green+production, 1 deployments, 1 groups"
    with_login present
    alive "… production takes writes" "$cluster" 13
    [ "$2" = a-state ] || applies "… the next apply finds the run" "$two"
    is "… with its state" "$(in_backend)" prepared/prepared
    plan_is "… the plan is empty" "$two" empty
    applies "… and either can destroy it" "$two" -destroy
    is "… wholly" "$(there_is "$cluster")" "production, 0 deployments, 0 groups"
    stop_process "$BACKEND" 5
}

# ================ saved plans that are late ================

saves() { # FOLDER CLUSTER TARGET STAGE [LINES]: a plan in $STACK/late
    configure "$@"
    terraform_in "$1" plan -input=false -out="$STACK/late" >"$STACK/plan.log" 2>&1 || {
        row fail "a plan to save"
        tail -n 20 "$STACK/plan.log" | note
    }
}
# The state is put back: whatever was written into it makes all other saved plans stale, which Terraform finds itself.
late_refused() { # NAME FOLDER PLAN REGEX…
    local status=0
    cp "$2/terraform.tfstate" "$STACK/before" 2>/dev/null || rm -f "$STACK/before"
    tf_json "$2" apply "$STACK/$3" || status=$?
    refused "$1" "$status" "${@:4}"
    [ ! -e "$STACK/before" ] || cp "$STACK/before" "$2/terraform.tfstate"
}
in_own_words='!inconsistent final plan|bug in the provider' # not Terraform's, who takes it for a defect
late_applies() { applies "$1" "$2" "$STACK/late"; } # NAME FOLDER
switch_by_hand() { # CLUSTER
    look SwitchoverBlueGreenDeployment "BlueGreenDeploymentIdentifier=$(runs_of "$1")" >/dev/null
    await "the switchover by hand" 120 is_status "$1" SWITCHOVER_COMPLETED
}
is_status() { [ "$(status_of "$1")" = "$2" ]; }
is_gone() { [ -z "$(runs_of "$1")" ] && [ "$(sides_of "$1")" = production ]; }
removed_by_hand() { # CLUSTER
    look DeleteBlueGreenDeployment "BlueGreenDeploymentIdentifier=$(runs_of "$1")" DeleteTarget=true >/dev/null
    await "the deployment's end" 60 is_gone "$1"
}
renamed() { # CLUSTER NAME
    look ModifyDBCluster "DBClusterIdentifier=$1" "NewDBClusterIdentifier=$2" ApplyImmediately=true >/dev/null
    await "the new name $2" 60 cluster_available "$2"
}
with_group() { # CLUSTER GROUP: attached, and the writer rebooted
    look ModifyDBCluster "DBClusterIdentifier=$1" "DBClusterParameterGroupName=$2" ApplyImmediately=true >/dev/null
    await "the group $2" 60 cluster_available "$1"
    look RebootDBInstance "DBInstanceIdentifier=$1-1" >/dev/null
    await "the reboot" 60 cluster_available "$1"
}

late_renamed() { # FOLDER: a cluster with a deployment cannot be renamed, says AWS
    reaches "rolled_back, with nothing to roll back" "$1" late 15 rolled_back
    saves "$1" late 15 prepared
    renamed late late-renamed
    late_refused "prepared planned, then the cluster renamed: refused" "$1" late "$in_own_words" AUR0170 'changed since this plan.*late'
    renamed late-renamed late
    is "… nothing is made" "$(there_is late)" "production, 0 deployments, 0 groups"
}
late_deleted() { # FOLDER TARGET STAGE
    saves "$1" late "$2" "$3"
    removed_by_hand late
    late_refused "$3 planned, then the deployment deleted: refused" "$1" late "$in_own_words" AUR0170 'deployment.*gone' '13\.'
    alive "… production takes writes" late 13
}
late_before_a_run() {
    local folder
    cluster_on late 13 || die "no production"
    folder=$(project late-folder)
    saves "$folder" late 15 prepared
    with_group late default.aurora-postgresql13
    late_refused "create planned, then another group attached: refused" "$folder" late "$in_own_words" AUR0107 '13\.'
    is "… nothing is made" "$(there_is late)" "production, 0 deployments, 0 groups"
    with_group late late-pg-cluster
    saves "$folder" late 15 prepared
    renamed late late-renamed
    late_refused "create planned, then the cluster renamed: refused" "$folder" late late
    renamed late-renamed late
    late_renamed "$folder"
    reaches "… and a new apply does it" "$folder" late 15 prepared
    alive "… production takes writes" late 13
}
late_in_a_run() { # FOLDER
    reaches "validated" "$1" late 15 validated
    late_deleted "$1" 15 switched
    reaches "… and a new apply begins again" "$1" late 15 validated
    plan_is "… the plan is empty" "$1" empty
}
late_and_switched() { # FOLDER
    saves "$1" late 15 rolled_back
    cp "$STACK/late" "$STACK/back"
    saves "$1" late 15 switched
    terraform_in "$1" plan -destroy -input=false -out="$STACK/end" >/dev/null 2>&1
    switch_by_hand late
    late_refused "rolled_back planned, then switched by hand: refused" "$1" back "$in_own_words" 'AUR0160|AUR0170' '15\.'
    late_refused "destroy planned, then switched by hand: refused" "$1" end "$in_own_words" 'AUR0161|AUR0160|AUR0170' '15\.'
    is "… nothing is touched" "$(there_is late)" "old+production, 1 deployments, 1 groups"
    alive "… production takes writes" late 15
    late_applies "switched planned, then switched by hand: taken over" "$1"
    is "… and verified" "$(stage_in "$1")" switched/switched
    plan_is "… the plan is empty" "$1" empty
}
late_at_the_end() { # FOLDER
    local run
    saves "$1" late 15 completed 'retain_old_for = "0s"'
    run=$(runs_of late)
    look DeleteBlueGreenDeployment "BlueGreenDeploymentIdentifier=$run" >/dev/null
    late_applies "completed planned, then the deployment deleted by hand: completed" "$1"
    is "… wholly" "$(there_is late) $(stage_in "$1")" "production, 0 deployments, 1 groups completed/completed"
    plan_is "… the plan is empty" "$1" empty
    alive "… production takes writes" late 15
}
late() {
    late_before_a_run
    late_in_a_run "$STACK/late-folder"
    late_and_switched "$STACK/late-folder"
    late_at_the_end "$STACK/late-folder"
}
