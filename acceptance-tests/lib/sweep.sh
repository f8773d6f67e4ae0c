# shellcheck shell=bash
# sweep.sh — an upgrade that is cut short at one point, and finished by applying again. Sourced by the stories that
# sweep over the points, on top of story.sh.
#
# A point is "OPERATION NTH MOMENT": the NTH call of the operation (counted over one whole upgrade; '*' counts every call)
# is held by the sandbox before it takes effect (`slow`) or after it did (`delay`), and meanwhile the victim dies. Which
# points there are is read from the sandbox's request log of an upgrade that nobody disturbed.

HELD_SECONDS=4 # how long the sandbox holds the call: long enough to find the processes and kill them
WRITABLE_SECONDS=20 # the bound for production to take a write again
LEFT='0 deployments, 1 clusters, 2+2 groups, 1 snapshots' # what an upgrade that is over leaves
SWEEP_CASES=0

# A small production with a ledger of writes; $cluster, $here.
sweep_production() { # NAME
    cluster=$1
    production_create "$cluster" 13 0 >"$STACK/row.log" 2>&1 || return 1
    query -c 'CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t SELECT generate_series(1, 100)' >/dev/null || return 1
    here=$(project "$cluster") || return 1
    upgrade_hcl "$cluster" 17 completed 'retain_old_for = "0s"' >"$here/main.tf"
}

requests_of() { # FROM-SEQ: operations since, in order
    sandbox log | jq -r --argjson from "$1" 'select(.seq > $from) | .operation'
}
last_request() { sandbox log | jq -s 'map(.seq) | max // 0'; }

# Points of an undisturbed upgrade, one a line: "OPERATION NTH".
sweep_points() { # changing calls only
    local from
    sweep_production reference || return 1
    from=$(last_request)
    terraform_in "$here" apply -input=false -auto-approve >"$STACK/reference.log" 2>&1 || {
        tail -n 20 "$STACK/reference.log" >&2
        return 1
    }
    requests_of "$from" >"$STACK/requests"
    grep -Ev '^(Describe|List|Get)' "$STACK/requests" | awk '{print $1, ++n[$1]}'
}

running() { sandbox log --running | jq --arg o "$1" 'select($o == "*" or .operation == $o) | .seq'; }

provider_of() { pgrep -P "$1" -f terraform-provider-aurora | head -n 1; }

gone() { ! kill -0 "$1" 2>/dev/null; }

writable() { query -c 'INSERT INTO t SELECT max(id) + 1 FROM t' >/dev/null 2>&1; }

strike() { # VICTIM CLI-PID PROVIDER-PID
    case $1 in
    provider) kill -KILL "$3" ;;
    cli) kill -KILL "$2" ;;
    both) kill -KILL "$2" "$3" ;;
    interrupt) kill -INT "$2" "$3" ;; # as a terminal does: both get it
    esac
}

# One case is one row: cut short, production writable within the bound, both processes gone within the bound, the next apply
# finishes with exactly one of everything, every acknowledged write there once.
sweep_case() { # OPERATION NTH MOMENT VICTIM [its-state|empty-state]
    local operation=$1 nth=$2 moment=$3 victim=$4 from=${5:-its-state} kind name cli provider ended problem=''
    SWEEP_CASES=$((SWEEP_CASES + 1))
    name="$victim at $operation $nth, $moment the effect, then from $from"
    sweep_production "c$SWEEP_CASES" || { row fail "$name: no production"; note <"$STACK/row.log"; return; }
    writers_start 2 40 "$STACK/ledger-$cluster" >/dev/null
    kind=slow && [ "$moment" = after ] && kind=delay
    sandbox fault --operation "$operation" --kind "$kind" --delay "$HELD_SECONDS" --nth "$nth" >/dev/null
    setsid "$AURORA_CLI" -chdir="$here" apply -input=false -auto-approve >"$STACK/cut.log" 2>&1 & cli=$!
    await_point "$operation" "$cli" || problem="the point was not reached: $(tail -n 3 "$STACK/cut.log")"
    provider=$(provider_of "$cli")
    [ -n "$problem$provider" ] || problem='no provider process'
    if [ -z "$problem" ]; then
        strike "$victim" "$cli" "$provider"
        ended=$EPOCHREALTIME
        await 'writes' "$WRITABLE_SECONDS" writable 2>/dev/null || problem+=" production not writable for $WRITABLE_SECONDS s;"
        await 'the end of the CLI' 15 gone "$cli" 2>/dev/null || problem+=' the CLI does not end;'
        await 'the end of the provider' 15 gone "$provider" 2>/dev/null || problem+=' the provider does not end;'
        ended=$(awk -v a="$ended" -v b="$EPOCHREALTIME" 'BEGIN {printf "%.1f", b - a}')
    fi
    wait "$cli" 2>/dev/null
    sandbox fault --clear >/dev/null
    [ -n "$problem" ] || sweep_finish "$from" || problem+=$(cat "$STACK/problem")
    writers_stop || problem+=' the writers gave up;'
    production_point "$cluster"
    [ -n "$problem" ] || writers_check >"$STACK/row.log" 2>&1 || problem+=" writes: $(tail -n 2 "$STACK/row.log");"
    if [ -z "$problem" ]; then row pass "$name: over after $ended s"; else
        row fail "$name"
        { echo "$problem"; tail -n 15 "$STACK/cut.log"; } | note
    fi
    sweep_remove
}

await_point() { # OPERATION CLI-PID: a call of it is seen twice, thus is held, and the CLI still lives
    local deadline=$((SECONDS + 240)) before='' now
    until now=$(running "$1") && [ -n "$now" ] && [ -n "$before" ] && grep -qxFf <(echo "$before") <<<"$now"; do
        ! gone "$2" && [ "$SECONDS" -lt "$deadline" ] || return 1
        before=$now
        sleep 0.2
    done
}

count() { # ACTION LIST FILTER
    look "$1" | jq "[.$2[]? | select($3)] | length"
}

left_behind() { # what an upgrade that is over must have left, and nothing else: "deployments clusters groups groups snapshots"
    local mine
    mine="startswith(\"$cluster-\") or . == \"$cluster\""
    printf '%s deployments, %s clusters, %s+%s groups, %s snapshots' \
        "$(count DescribeBlueGreenDeployments BlueGreenDeployments ".BlueGreenDeploymentName | $mine")" \
        "$(count DescribeDBClusters DBClusters ".DBClusterIdentifier | $mine")" \
        "$(count DescribeDBClusterParameterGroups DBClusterParameterGroups ".DBClusterParameterGroupName | $mine")" \
        "$(count DescribeDBParameterGroups DBParameterGroups ".DBParameterGroupName | $mine")" \
        "$(count DescribeDBClusterSnapshots DBClusterSnapshots "(.DBClusterSnapshotIdentifier | test(\"$cluster\")) and .SnapshotType == \"manual\"")"
}

sweep_finish() { # from its state, or from another machine that has none
    local left
    if [ "$1" = empty-state ]; then rm -f "$here"/terraform.tfstate* "$here"/.terraform.tfstate*; fi
    : >"$STACK/problem"
    terraform_in "$here" apply -input=false -auto-approve -lock-timeout=20s >"$STACK/cut.log" 2>&1 ||
        { echo ' the next apply failed;' >"$STACK/problem"; return 1; }
    production_point "$cluster"
    [ "$(query -c 'SHOW server_version_num' | cut -c1-2)" = 17 ] || echo ' not on 17;' >>"$STACK/problem"
    [ "$(plan_verdict "$here")" = empty ] || echo ' the plan is not empty;' >>"$STACK/problem"
    left=$(left_behind)
    [ "$left" = "$LEFT" ] || echo " left behind: $left;" >>"$STACK/problem"
    [ ! -s "$STACK/problem" ]
}

# Every call that changes something, cut short before and after its effect, by every victim; and every tenth call of any kind.
# AURORA_POINTS (a regular expression) and AURORA_VICTIMS choose among them.
sweep_all() {
    local from=(its-state empty-state) operation nth moment victim
    sweep_points >"$STACK/points" || die "the undisturbed upgrade failed"
    awk '{if (++n % 10 == 0) print "*", n}' "$STACK/requests" >>"$STACK/points"
    sweep_remove
    printf '# points: %s\n' "$(wc -l <"$STACK/points")"
    while read -r operation nth <&3; do
        [[ "$operation $nth" =~ ${AURORA_POINTS:-.} ]] || continue
        for moment in before after; do
            for victim in ${AURORA_VICTIMS:-provider cli both interrupt}; do
                sweep_case "$operation" "$nth" "$moment" "$victim" "${from[SWEEP_CASES % 2]}"
            done
        done
    done 3<"$STACK/points"
}

# Servers of cases that are over would only take memory.
sweep_remove() {
    local instance
    for instance in $(look DescribeDBInstances Filters.Filter.1.Name=db-cluster-id "Filters.Filter.1.Values.Value.1=$cluster" |
        jq -r '.DBInstances[].DBInstanceIdentifier'); do
        look DeleteDBInstance "DBInstanceIdentifier=$instance" SkipFinalSnapshot=true >/dev/null
    done
    look DeleteDBCluster "DBClusterIdentifier=$cluster" SkipFinalSnapshot=true >/dev/null || true
    rm -rf "$here"
}

# ---- faults ----

# One upgrade in which the first call of every operation goes wrong in one way; applied again until it is through. Each apply
# that fails has to say so clearly and in time. One row per kind, with the figures.
fault_case() { # KIND [OPTION…]
    local kind=$1 operation began took longest=0 applies=0 problem='' name
    name="$*"
    SWEEP_CASES=$((SWEEP_CASES + 1))
    sweep_production "f$SWEEP_CASES" || { row fail "$name: no production"; note <"$STACK/row.log"; return; }
    writers_start 2 40 "$STACK/ledger-$cluster" >/dev/null
    while read -r operation; do
        sandbox fault --operation "$operation" --kind "$@" >/dev/null || problem+=" no fault for $operation;"
    done <"$STACK/operations"
    until [ -n "$problem" ]; do
        began=$SECONDS
        applies=$((applies + 1))
        tf_json "$here" apply && break
        took=$((SECONDS - began))
        [ "$took" -le "$longest" ] || longest=$took
        clear_error || problem+=" not clear: $SAID;"
        [ "$applies" -le "$(wc -l <"$STACK/operations")" ] || problem+=' it never gets through;'
    done
    sandbox fault --clear >/dev/null
    [ -n "$problem" ] || sweep_finish its-state || problem+=$(cat "$STACK/problem")
    writers_stop || problem+=' the writers gave up;'
    production_point "$cluster"
    [ -n "$problem" ] || writers_check >"$STACK/row.log" 2>&1 || problem+=" writes: $(tail -n 2 "$STACK/row.log");"
    if [ -z "$problem" ]; then
        row pass "$name: $(wc -l <"$STACK/operations") operations, $applies applies, longest until a clear error: $longest s"
    else
        row fail "$name"
        echo "$problem" | note
    fi
    sweep_remove
}

# Says an id, what failed, and is no crash.
clear_error() {
    grep -Eq 'error: AUR[0-9]{4}|error: .*AUR[0-9]{4}|AUR-PAUSED' <<<"$SAID" &&
        ! grep -Eqi 'plugin did not respond|panic|AddressSanitizer|runtime error' <<<"$SAID"
}

sweep_operations() { # of an upgrade that nobody disturbed, into $STACK/operations
    sweep_points >/dev/null || return 1
    sort -u "$STACK/requests" >"$STACK/operations"
    sweep_remove
}
