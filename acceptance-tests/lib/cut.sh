# shellcheck shell=bash disable=SC2154
# For stories that cut an upgrade of cluster "orders" short at points of its journal; to be sourced behind story.sh. The story
# sets $here, the folder of its configuration.
XDG_STATE_HOME=$STACK/state
export XDG_STATE_HOME
# What a step waits for may be there at its first look.
events() { cat "$XDG_STATE_HOME"/aurora/*.ndjson | jq -r 'select(.kind == "intent" or .kind == "done" or .kind == "found") | "\(.step) \(if .kind == "intent" then .kind else "done" end)"'; }
apply_now() { terraform_in "$here" apply -input=false -auto-approve -lock-timeout=20s >"$STACK/apply.log" 2>&1; }
why() { grep -m 3 -E 'Error|AUR|│ [A-Z]' "$STACK/apply.log" | tr '\n' ' '; }
gone() { ! kill -0 "$1" 2>/dev/null; }
left() {
    printf '%s in databases, %s clusters, %s instances, %s+%s groups, %s snapshots' \
        "$(query -c "SELECT (SELECT count(*) FROM pg_replication_slots) + (SELECT count(*) FROM pg_publication) + (SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'aurora_upgrade%') + (SELECT count(*) FROM pg_roles WHERE rolname LIKE 'aurora_upgrade%')")" \
        "$(look DescribeDBClusters | jq '.DBClusters | length')" "$(look DescribeDBInstances | jq '.DBInstances | length')" \
        "$(look DescribeDBClusterParameterGroups | jq '[.DBClusterParameterGroups[] | select(.DBClusterParameterGroupName | test("-upgrade-"))] | length')" \
        "$(look DescribeDBParameterGroups | jq '[.DBParameterGroups[] | select(.DBParameterGroupName | test("-upgrade-"))] | length')" \
        "$(look DescribeDBClusterSnapshots | jq '[.DBClusterSnapshots[] | select(.SnapshotType == "manual")] | length')"
}

cut_short() { # STEP intent|done VICTIM: an apply that is; adds to the caller's $problem
    local provider status=0 cli
    rm -rf "$XDG_STATE_HOME"
    setsid "$AURORA_CLI" -chdir="$here" apply -input=false -auto-approve >"$STACK/cut.log" 2>&1 & cli=$!
    provider=$("$ROOT/acceptance-tests/lib/strike" "$XDG_STATE_HOME/aurora" "$1" "$2" "$3" "$cli") || status=$?
    [ "$status" = 0 ] || problem+=" the point was not reached ($status);"
    await 'the end of the CLI' 120 gone "$cli" || problem+=' the CLI does not end;'
    [ -z "$provider" ] || await 'the end of the provider' 120 gone "$provider" || problem+=' the provider does not end;'
    kill -KILL "$cli" ${provider:+"$provider"} 2>/dev/null # of a case that has failed
    wait "$cli" 2>/dev/null
}
