# shellcheck shell=bash
# stack.sh — a sandbox, production clusters, writers, and Terraform pointed at them.
# Sourced by examples/quickstart/run and by the stories. Everything started here is stopped, by process id, when
# the script ends in whatever way; everything written lives below $STACK, which then goes too (AURORA_KEEP=1
# leaves it).
#
#     stack_open; sandbox_start 60; production_create orders 13 1; writers_start 8 400
#     terraform_in "$dir" apply -auto-approve

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
BIN=$ROOT/build/release/bin
WRITERS=$ROOT/build/release/tests/aurora-writers
[ ! -r "$ROOT/build/setup/env.sh" ] || . "$ROOT/build/setup/env.sh"
AURORA_CLI=${AURORA_CLI:-terraform}
export AURORA_CLI

say() { printf '%s\n' "$*" >&2; }
die() {
    say "error: $*"
    exit 1
}

# ---- life ----

STACK='' SANDBOX_PID='' WRITERS_PID=''

stack_open() {
    local variable
    exec {STACK_SAYS}>&2
    STACK=$(mktemp -d "${TMPDIR:-/tmp}/aurora-XXXXXX")
    chmod 711 "$STACK" # servers run as somebody else, who has to pass through
    trap stack_close EXIT
    trap 'exit 130' INT
    trap 'stack_interrupted; exit 143' TERM HUP
    # Nothing of the caller's own AWS, PostgreSQL or Terraform set-up may leak in.
    for variable in $(compgen -e | grep -E '^(AWS_|PG[A-Z]|TF_)' || true); do unset "$variable"; done
    export AWS_CONFIG_FILE=/dev/null AWS_SHARED_CREDENTIALS_FILE=/dev/null AWS_EC2_METADATA_DISABLED=true AWS_PAGER=''
    terraform_mirror
    for variable in init plan apply destroy show import refresh validate; do export "TF_CLI_ARGS_$variable=-no-color"; done
    export CHECKPOINT_DISABLE=1 TF_IN_AUTOMATION=1 TF_INPUT=0 XDG_STATE_HOME=$STACK/state
}

stop_process() { # PID SECONDS: asks, waits, insists
    local pid=$1 deadline=$((SECONDS + $2))
    kill -TERM "$pid" 2>/dev/null || return 0
    while kill -0 "$pid" 2>/dev/null; do
        if [ "$SECONDS" -ge "$deadline" ]; then
            kill -KILL "$pid" 2>/dev/null
            break
        fi
        sleep 0.1
    done
    wait "$pid" 2>/dev/null || true
}

stack_close() {
    local status=$?
    trap - EXIT
    trap '' INT TERM HUP
    [ -z "$WRITERS_PID" ] || stop_process "$WRITERS_PID" 20
    [ -z "$SANDBOX_PID" ] || stop_process "$SANDBOX_PID" 60
    WRITERS_PID='' SANDBOX_PID=''
    if [ -n "${AURORA_KEEP:-}" ]; then
        say "kept: $STACK"
    else
        rm -rf "$STACK"
    fi
    exit "$status"
}

# Whoever reads why a run was told to end (its time was up) sees what it was waiting for.
stack_interrupted() {
    local file
    exec 2>&"$STACK_SAYS" # what was under way may have had another one
    say "told to end after $SECONDS s, in: $BASH_COMMAND"
    for file in tf.json tf.err row.log plan.log init.log sandbox.log; do
        [ ! -s "$STACK/$file" ] || {
            say "end of $file ($(($(date +%s) - $(stat -c %Y "$STACK/$file"))) s old):"
            tail -n 6 "$STACK/$file" | cut -c1-240 >&2
        }
    done
    [ -z "$SANDBOX_PID" ] || {
        say "last requests:"
        sandbox log 2>&1 | tail -n 8 | cut -c1-240 >&2
    }
}

await() { # WHAT SECONDS COMMAND…: until the command succeeds
    local what=$1 deadline=$((SECONDS + $2))
    shift 2
    until "$@"; do
        [ "$SECONDS" -lt "$deadline" ] || {
            say "waited in vain for $what"
            return 1
        }
        sleep 0.2
    done
}

# ---- the sandbox ----

sandbox_start() { # SPEED [STATE-FOLDER]
    local ready line=''
    SANDBOX_STATE=${2:-$STACK/sandbox}
    ready=$STACK/ready.$$
    mkfifo "$ready"
    "$BIN/aurora-sandbox" serve --state "$SANDBOX_STATE" --speed "$1" ${CUTOVER_SPEED:+--cutover-speed "$CUTOVER_SPEED"} \
        ${SANDBOX_REGION:+--region "$SANDBOX_REGION"} >"$ready" 2>>"$STACK/sandbox.log" &
    SANDBOX_PID=$!
    read -r -t 120 line <"$ready" || true
    rm -f "$ready"
    { [ -n "$line" ] && jq -e .endpoint >/dev/null 2>&1 <<<"$line"; } || {
        tail -n 20 "$STACK/sandbox.log" >&2
        die "the sandbox did not start"
    }
    AURORA_ENDPOINT=$(jq -r .endpoint <<<"$line")
    AWS_REGION=$(jq -r .region <<<"$line")
    AWS_ACCESS_KEY_ID=$(jq -r .access_key_id <<<"$line")
    AWS_SECRET_ACCESS_KEY=$(jq -r .secret_access_key <<<"$line")
    PGSSLROOTCERT=$(jq -r .ca_file <<<"$line")
    AWS_ENDPOINT_URL=$AURORA_ENDPOINT
    AWS_DEFAULT_REGION=$AWS_REGION
    export AURORA_ENDPOINT AWS_ENDPOINT_URL AWS_REGION AWS_DEFAULT_REGION AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY \
        PGSSLROOTCERT SANDBOX_STATE
}

sandbox_stop() {
    stop_process "$SANDBOX_PID" 60
    SANDBOX_PID=''
}

sandbox() { # VERB [ARGUMENT…]: sql, fault, log, speed
    local verb=$1
    shift
    "$BIN/aurora-sandbox" "$verb" --state "$SANDBOX_STATE" "$@"
}

# The AWS CLI of Debian bookworm does not know AWS_ENDPOINT_URL yet.
rds() { aws --endpoint-url "$AURORA_ENDPOINT" --output json rds "$@"; }

# The same without the second the AWS CLI takes to start, and with members that an older one does not know.
look() { "$ROOT/acceptance-tests/lib/look" "$@"; }

# ---- production ----

MASTER=postgres_admin

cluster_field() { # CLUSTER JQ-PATH
    look DescribeDBClusters "DBClusterIdentifier=$1" | jq -r ".DBClusters[0].$2"
}

volume_available() { [ "$(cluster_field "$1" Status)" = available ]; }

cluster_available() {
    volume_available "$1" && look DescribeDBInstances Filters.Filter.1.Name=db-cluster-id \
        "Filters.Filter.1.Values.Value.1=$1" |
        jq -e '.DBInstances | length > 0 and all(.DBInstanceStatus == "available")' >/dev/null
}

newest_minor() { # MAJOR
    look DescribeDBEngineVersions Engine=aurora-postgresql | jq -r --arg major "$1" \
        '[.DBEngineVersions[].EngineVersion | select(split(".")[0] == $major)] | sort_by(split(".") | map(tonumber)) | last'
}

parameter_groups() { # PREFIX MAJOR [NAME=VALUE…]: cluster and instance group of one's own
    local prefix=$1 family=aurora-postgresql$2 pair
    shift 2
    look CreateDBClusterParameterGroup "DBClusterParameterGroupName=$prefix-cluster" "DBParameterGroupFamily=$family" \
        "Description=of $prefix" >/dev/null || return 1
    look CreateDBParameterGroup "DBParameterGroupName=$prefix-instance" "DBParameterGroupFamily=$family" \
        "Description=of $prefix" >/dev/null || return 1
    for pair; do
        look ModifyDBClusterParameterGroup "DBClusterParameterGroupName=$prefix-cluster" \
            "Parameters.Parameter.1.ParameterName=${pair%%=*}" "Parameters.Parameter.1.ParameterValue=${pair#*=}" \
            Parameters.Parameter.1.ApplyMethod=pending-reboot >/dev/null || return 1
    done
}

# Passwords go through a file, never through an argument list. The AWS CLI takes most of a second of a processor to start,
# so it makes the cluster only.
production_create() { # CLUSTER MAJOR READERS [EXTRA-JSON]
    local id=$1 major=$2 readers=$3 extra=${4:-'{}'} i
    PGPASSWORD=$(openssl rand -hex 16)
    export PGPASSWORD
    # shellcheck disable=SC2086 # PARAMETERS: "NAME=VALUE …" beyond what every production here has
    parameter_groups "$id-pg$major" "$major" rds.logical_replication=1 ${PARAMETERS:-} || return 1
    (
        umask 077
        jq -n --arg id "$id" --arg version "$(newest_minor "$major")" --arg user "$MASTER" --arg group "$id-pg$major-cluster" \
            --argjson extra "$extra" '{DBClusterIdentifier: $id, Engine: "aurora-postgresql", EngineVersion: $version,
            MasterUsername: $user, MasterUserPassword: env.PGPASSWORD, DatabaseName: "shop",
            DBClusterParameterGroupName: $group} + $extra' >"$STACK/cluster.json"
    )
    rds create-db-cluster --cli-input-json "file://$STACK/cluster.json" >/dev/null || return 1
    rm -f "$STACK/cluster.json"
    await "the volume of $id" 300 volume_available "$id" || return 1
    for ((i = 1; i <= readers + 1; i++)); do
        look CreateDBInstance "DBInstanceIdentifier=$id-$i" "DBClusterIdentifier=$id" Engine=aurora-postgresql \
            DBInstanceClass=db.r6g.large "DBParameterGroupName=$id-pg$major-instance" >/dev/null || return 1
    done
    await "cluster $id" 300 cluster_available "$id" || return 1
    production_point "$id"
}

production_point() { # CLUSTER: psql, the writers and their check talk to its writer endpoint from now on
    PGHOST=$(cluster_field "$1" Endpoint)
    PGPORT=$(cluster_field "$1" Port)
    PGUSER=$MASTER PGSSLMODE=verify-full PGDATABASE=shop PGCONNECT_TIMEOUT=10
    export PGHOST PGPORT PGUSER PGSSLMODE PGDATABASE PGCONNECT_TIMEOUT
    unset PGCONNECTION
    CONNINFO="host=$PGHOST port=$PGPORT user=$PGUSER dbname=shop sslmode=verify-full sslrootcert=$PGSSLROOTCERT connect_timeout=10"
}

query() { psql -XAtq -v ON_ERROR_STOP=1 "$@"; }

# ---- writers ----

writers_start() { # CONNECTIONS RATE [LEDGER]
    "$WRITERS" init "$CONNINFO"
    writers_run "$@"
}

writers_run() { # the same where their tables are there already
    LEDGER=${3:-$STACK/ledger}
    "$WRITERS" run "$CONNINFO" "$LEDGER" "$1" "$2" >"$LEDGER.json" 2>"$LEDGER.log" &
    WRITERS_PID=$!
    await "the first acknowledged writes" 30 test -s "$LEDGER"
}

writers_stop() { # fails if they had stopped by themselves
    local status=0
    [ -n "$WRITERS_PID" ] || return 0
    kill -TERM "$WRITERS_PID" 2>/dev/null || status=1
    wait "$WRITERS_PID" || status=1
    WRITERS_PID=''
    [ "$status" = 0 ] || tail -n 5 "$LEDGER.log" >&2
    return "$status"
}

writers_check() { "$WRITERS" check "$CONNINFO" "$LEDGER"; }

# ---- Terraform ----

# The freshly built provider as a registry would have delivered it, so that `init` is a real one.
terraform_mirror() {
    local version system target host
    version=$("$BIN/terraform-provider-aurora" version --json | jq -r .version)
    system=linux_$(uname -m | sed 's/x86_64/amd64/; s/aarch64/arm64/')
    for host in registry.terraform.io registry.opentofu.org; do
        target=$STACK/mirror/$host/aurora-upgrade/aurora/$version/$system
        mkdir -p "$target"
        ln -sf "$BIN/terraform-provider-aurora" "$target/terraform-provider-aurora_v$version"
    done
    printf 'provider_installation {\n  filesystem_mirror {\n    path = "%s"\n  }\n}\n' "$STACK/mirror" >"$STACK/terraform.rc"
    export TF_CLI_CONFIG_FILE=$STACK/terraform.rc
}

terraform_in() { # FOLDER ARGUMENT…
    "$AURORA_CLI" -chdir="$1" "${@:2}"
}

# "empty", "changes" or "error"
plan_verdict() { # FOLDER [ARGUMENT…]
    local status=0
    terraform_in "$1" plan -detailed-exitcode -lock=false "${@:2}" >"$STACK/plan.log" 2>&1 || status=$?
    case $status in
    0) echo empty ;;
    2) echo changes ;;
    *) echo error ;;
    esac
}
