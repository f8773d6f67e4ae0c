# shellcheck shell=bash
# sweep.sh — an upgrade that is cut short at one point, and finished by applying again. Sourced by the stories that
# sweep over the points, on top of story.sh.
#
# A point is "OPERATION NTH MOMENT": the NTH call of the operation (counted from the case's beginning; '*' counts every call)
# is held by the sandbox before it takes effect (`slow`) or after it did (`delay`), and meanwhile the victim dies. Which
# points there are is read from the sandbox's request log of an upgrade that nobody disturbed.
#
# Every case has a world of its own, $STACK/world: the sandbox's state with its servers, the project and what the provider
# keeps on its machine. It is a copy of one of two: "nothing" (production as it was before) and "prepared" (an upgrade whose
# green side waits), so that no case makes a cluster anew, and those of the switchover do not upgrade one, either.

HELD_SECONDS=${AURORA_HELD_SECONDS:-6} # how long the sandbox holds the call: long enough to find the processes and kill them
WRITABLE_SECONDS=20 # the bound for production to take a write again
ENDS_SECONDS=30 # … and for the processes to end; half a minute is what a busy machine may need
LEFT='0 deployments, 1 clusters, 2+2 groups, 1 snapshots' # what an upgrade that is over leaves
SWEEP_CASES=0 SWEEP_PASSED=0 SWEEP_OUTAGE=0 SWEEP_SURPLUS=0 SWEEP_LOST=0
SWEEP_FROM=${SWEEP_FROM:-nothing prepared} # the worlds that cases begin with

cluster=orders

# ---- worlds ----

sweep_world() { # nothing|prepared: the case's world is a copy of that one; sets $here
    [ -z "$SANDBOX_PID" ] || sandbox_stop
    rm -rf "$STACK/world"
    cp -a "$STACK/$1" "$STACK/world" || return 1
    here=$STACK/world/$cluster
    sandbox_start 10000 "$STACK/world/sandbox"
}

sweep_keep() { # NAME: the world as it is becomes one to begin with
    sandbox_stop
    mv "$STACK/world" "$STACK/$1"
}

apply_quietly() { terraform_in "$here" apply -input=false -auto-approve >"$STACK/reference.log" 2>&1; }

last_request() { sandbox log | jq -s 'map(.seq) | max // 0'; }
requests_of() { # SEQ: operations, in order
    sandbox log | jq -r --argjson from "$1" 'select(.seq > $from) | .operation'
}

# Makes the worlds and, on the way, $STACK/requests-WORLD: the calls of an upgrade that nobody disturbed.
sweep_worlds() {
    local from
    export XDG_STATE_HOME=$STACK/world/state
    mkdir "$STACK/world"
    sandbox_start 10000 "$STACK/world/sandbox"
    production_create "$cluster" 13 0 >"$STACK/reference.log" 2>&1 || return 1
    query -c 'CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t SELECT generate_series(1, 100)' >/dev/null || return 1
    "$WRITERS" init "$CONNINFO" || return 1
    here=$(project "world/$cluster") || return 1
    sweep_stage completed
    sweep_keep nothing
    sweep_world nothing
    from=$(last_request)
    if [[ $SWEEP_FROM == *prepared* ]]; then
        sweep_stage prepared
        apply_quietly || return 1
        requests_of "$from" >"$STACK/requests-nothing"
        sweep_stage completed
        sweep_keep prepared
        sweep_world prepared
        from=$(last_request)
        apply_quietly || return 1
        requests_of "$from" >"$STACK/requests-prepared"
    else
        apply_quietly || return 1
        requests_of "$from" >"$STACK/requests-nothing"
    fi
}

# The points of a world are those of an apply up to the next one.
stage_from() { if [ "$1" = nothing ] && [[ $SWEEP_FROM == *prepared* ]]; then echo prepared; else echo completed; fi; }

sweep_stage() { upgrade_hcl "$cluster" 17 "$1" 'retain_old_for = "0s"' >"$here/main.tf"; }

sweep_open() {
    sweep_worlds || {
        tail -n 20 "$STACK/reference.log" >&2
        die "the undisturbed upgrade failed"
    }
}

# Points of an undisturbed upgrade, one a line, "WORLD OPERATION NTH": the calls that change something, then every tenth of
# any kind.
sweep_points() {
    local world
    for world in $SWEEP_FROM; do
        grep -Ev '^(Describe|List|Get)' "$STACK/requests-$world" | awk -v w="$world" '{print w, $1, ++n[$1]}'
    done
    for world in $SWEEP_FROM; do awk -v w="$world" '++n % 10 == 0 {print w, "*", n}' "$STACK/requests-$world"; done
}

# ---- one case ----

# Their tables are part of the world: made now they would be DDL that the green side misses.
sweep_writers() {
    rm -f "$STACK/ledger"
    production_point "$cluster"
    writers_run 2 40 "$STACK/ledger"
}

nothing_held() { [ -z "$(running '*')" ]; }
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
sweep_case() { # WORLD OPERATION NTH MOMENT VICTIM [its-state|empty-state]
    local world=$1 operation=$2 nth=$3 moment=$4 victim=$5 from=${6:-its-state} kind name cli provider struck ended problem=''
    SWEEP_CASES=$((SWEEP_CASES + 1))
    name="$victim at $operation $nth from $world, $moment the effect, then from $from"
    sweep_world "$world" || { row fail "$name: no world"; return; }
    sweep_stage "$(stage_from "$world")"
    sweep_writers || { row fail "$name: no writers"; return; }
    kind=slow && [ "$moment" = after ] && kind=delay
    sandbox fault --operation "$operation" --kind "$kind" --delay "$HELD_SECONDS" --nth "$nth" >/dev/null
    setsid "$AURORA_CLI" -chdir="$here" apply -input=false -auto-approve >"$STACK/cut.log" 2>&1 & cli=$!
    await_point "$operation" "$cli" || problem="the point was not reached: $(tail -n 3 "$STACK/cut.log")"
    # How many calls there are depends on how often was asked whether something is over: the last of them need not come.
    if [ -n "$problem" ] && [ "$operation" = '*' ] && wait "$cli"; then
        SWEEP_CASES=$((SWEEP_CASES - 1))
        sandbox fault --clear >/dev/null
        writers_stop
        skip "$name" 'the apply was over before that many calls'
        return
    fi
    provider=$(provider_of "$cli")
    [ -n "$problem$provider" ] || problem='no provider process'
    if [ -z "$problem" ]; then
        strike "$victim" "$cli" "$provider"
        struck=$EPOCHREALTIME
        await 'writes' "$WRITABLE_SECONDS" writable 2>/dev/null || problem+=" production not writable for $WRITABLE_SECONDS s;"
        await 'the end of the CLI' "$ENDS_SECONDS" gone "$cli" 2>/dev/null || problem+=' the CLI does not end;'
        await 'the end of the provider' "$ENDS_SECONDS" gone "$provider" 2>/dev/null || problem+=' the provider does not end;'
        ended=$(since "$struck")
    fi
    kill -KILL "$cli" ${provider:+"$provider"} 2>/dev/null # of a point that was not reached
    wait "$cli" 2>/dev/null
    cp "$STACK/cut.log" "$STACK/first.log"
    # The held call has its effect under the next apply, as a delayed one may have at AWS.
    [ -n "$problem" ] || sweep_finish "$from" || problem+=$(cat "$STACK/problem")
    sandbox fault --clear >/dev/null
    sweep_writes
    sweep_verdict "$name" "over after ${ended:-?} s, writes refused for $REFUSED s at the longest"
}

since() { awk -v a="$1" -v b="$EPOCHREALTIME" 'BEGIN {printf "%.1f", b - a}'; }
larger() { awk -v a="$1" -v b="$2" 'BEGIN {print (a + 0 > b + 0 ? a : b)}'; }

# What the writers say of the whole case; adds to the caller's $problem, sets $REFUSED.
sweep_writes() {
    local lost
    REFUSED='?'
    writers_stop || problem+=' the writers gave up;'
    production_point "$cluster"
    writers_check >"$STACK/row.log" 2>&1 || problem+=" writes: $(tr '\n' ';' <"$STACK/row.log");"
    lost=$(sed -n 's/^lost: //p' "$STACK/row.log")
    SWEEP_LOST=$((SWEEP_LOST + ${lost:-0}))
    REFUSED=$(awk '/^longest refused write/ {printf "%.1f", $4 / 1000}' "$STACK/row.log")
    SWEEP_OUTAGE=$(larger "${REFUSED:-0}" "$SWEEP_OUTAGE")
    [ "$(larger "${REFUSED:-0}" "$WRITABLE_SECONDS")" = "$WRITABLE_SECONDS" ] || problem+=" no write for $REFUSED s;"
}

sweep_verdict() { # NAME FIGURES; $problem is the caller's
    if [ -z "$problem" ]; then
        SWEEP_PASSED=$((SWEEP_PASSED + 1))
        row pass "$1: $2"
    else
        row fail "$1"
        { echo "$problem"; tail -n 15 "$STACK/first.log"; echo '-- then'; tail -n 15 "$STACK/cut.log"; } | note
    fi
}

await_point() { # OPERATION CLI-PID: a call of it is seen twice, thus is held, and the CLI still lives
    local deadline=$((SECONDS + 240)) before=' ' now seq
    while ! gone "$2" && [ "$SECONDS" -lt "$deadline" ]; do
        now=$(running "$1" | tr '\n' ' ')
        for seq in $now; do
            [[ $before != *" $seq "* ]] || return 0
        done
        before=" $now"
        sleep 0.2
    done
    return 1
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

sweep_finish() { # from its state, or as on another machine, which has neither that nor what the provider keeps on one
    local left
    if [ "$1" = empty-state ]; then rm -rf "$here"/terraform.tfstate* "$here"/.terraform.tfstate* "$XDG_STATE_HOME"; fi
    : >"$STACK/problem"
    sweep_stage completed
    terraform_in "$here" apply -input=false -auto-approve -lock-timeout=20s >"$STACK/cut.log" 2>&1 ||
        { echo ' the next apply failed;' >"$STACK/problem"; return 1; }
    # What the held call does, a reboot, may come only now; nothing is looked at in the middle of it.
    await 'the end of the held call' 60 nothing_held 2>/dev/null || echo ' the held call does not end;' >>"$STACK/problem"
    production_point "$cluster"
    await 'writes' "$WRITABLE_SECONDS" writable 2>/dev/null || echo ' production takes no write in the end;' >>"$STACK/problem"
    [ "$(query -c 'SHOW server_version_num' | cut -c1-2)" = 17 ] || echo ' not on 17;' >>"$STACK/problem"
    [ "$(plan_verdict "$here")" = empty ] || echo ' the plan is not empty;' >>"$STACK/problem"
    left=$(left_behind)
    SWEEP_SURPLUS=$((SWEEP_SURPLUS + $(surplus "$left")))
    [ "$left" = "$LEFT" ] || echo " left behind: $left;" >>"$STACK/problem"
    [ ! -s "$STACK/problem" ]
}

surplus() { # LEFT-BEHIND: by how many objects it differs from what is to be left
    paste -d ' ' <(grep -oE '[0-9]+' <<<"$1") <(grep -oE '[0-9]+' <<<"$LEFT") |
        awk '{d = $1 - $2; n += d < 0 ? -d : d} END {print n + 0}'
}

# Every call that changes something, cut short before and after its effect, by every victim; and every tenth call of any kind,
# with a victim each. AURORA_POINTS (a regular expression), AURORA_MOMENTS and AURORA_VICTIMS choose among them; with
# AURORA_BY_TURN=1 every call has a victim each.
sweep_all() {
    local from=(its-state empty-state) world operation nth moment victim boundaries=0
    sweep_open
    sweep_points >"$STACK/points"
    printf '# points: %s\n' "$(wc -l <"$STACK/points")"
    while read -r world operation nth <&3; do
        [[ "$world $operation $nth" =~ ${AURORA_POINTS:-.} ]] || continue
        for moment in ${AURORA_MOMENTS:-before after}; do
            boundaries=$((boundaries + 1))
            for victim in $(victims_at "$operation" "$boundaries"); do
                my_turn "$world $operation $nth $moment $victim" || continue
                sweep_case "$world" "$operation" "$nth" "$moment" "$victim" \
                    "${from[(SWEEP_CASES + SWEEP_CASES / 4 + SWEEP_CASES / 8) % 2]}"
            done
        done
    done 3<"$STACK/points"
    echo "# $boundaries boundaries, $SWEEP_CASES cases, $SWEEP_PASSED passed; production took no write for $SWEEP_OUTAGE s" \
        "at the longest, bound $WRITABLE_SECONDS s; objects left behind: $SWEEP_SURPLUS; acknowledged writes lost: $SWEEP_LOST"
}

# All of them; of a call of any kind, and of every call with AURORA_BY_TURN, the one whose turn it is. N runs through the moments
# of a point, too: without its fourth part a victim would never meet the other moment.
victims_at() { # OPERATION N
    local all
    read -ra all <<<"${AURORA_VICTIMS:-provider both cli interrupt}"
    if [ "$1" = '*' ] || [ -n "${AURORA_BY_TURN:-}" ]; then echo "${all[($2 + $2 / 4) % ${#all[@]}]}"; else echo "${all[@]}"; fi
}

# ---- faults ----

SWEEP_FAULTS=0 SWEEP_HIT=0 SWEEP_CLEAR=0

# One upgrade in which the first call of every operation goes wrong in one way; applied again until it is through. Each apply
# that fails has to say so clearly and in time. An operation that it came by without (another call had gone wrong; a lease is
# given back at the end of a stage only) has its turn in one that goes by stages. One row per kind, with the figures; a case is
# an operation that met its fault.
fault_case() { # KIND [OPTION…]
    local name="$*" total longest=0 applies=0 problem=''
    cp "$STACK/operations" "$STACK/unmet"
    total=$(wc -l <"$STACK/operations")
    SWEEP_FAULTS=$((SWEEP_FAULTS + 1)) SWEEP_CASES=$((SWEEP_CASES + total))
    fault_upgrade nothing completed -- "$@"
    [ -n "$problem" ] || [ ! -s "$STACK/unmet" ] || fault_upgrade prepared validated completed -- "$@"
    [ ! -s "$STACK/unmet" ] || problem+=" without a fault: $(tr '\n' ' ' <"$STACK/unmet");"
    [ -n "$problem" ] || SWEEP_HIT=$((SWEEP_HIT + total))
    SWEEP_CLEAR=$(larger "$longest" "$SWEEP_CLEAR")
    sweep_verdict "$name" "$total operations, $applies applies, longest from a fault until a clear error: $longest s"
}

fault_upgrade() { # WORLD STAGE… -- KIND [OPTION…]: of the operations in $STACK/unmet, which keeps those still without
    local world=$1 stages=() stage operation
    shift
    while [ "$1" != -- ]; do stages+=("$1"); shift; done
    shift
    sweep_world "$world" || { problem+=' no world;'; return; }
    sweep_writers || { problem+=' no writers;'; return; }
    while read -r operation; do
        sandbox fault --operation "$operation" --kind "$@" >/dev/null || problem+=" no fault for $operation;"
    done <"$STACK/unmet"
    sandbox fault >"$STACK/faults"
    for stage in "${stages[@]}"; do
        if [ "$stage" = completed ]; then sweep_stage completed; else upgrade_hcl "$cluster" 17 "$stage" >"$here/main.tf"; fi
        fault_applies
    done
    printf '%s\n' "$SAID" | tee "$STACK/first.log" >"$STACK/cut.log"
    sandbox fault | grep -Fxf "$STACK/faults" | jq -r .operation >"$STACK/unmet"
    sandbox fault --clear >/dev/null
    [ -n "$problem" ] || sweep_finish its-state || problem+=$(cat "$STACK/problem")
    sweep_writes
}

# When the last call behind SEQ that met a fault began, in seconds since 1970; OTHERWISE if none did.
faulted_at() { # SEQ OTHERWISE
    sandbox log | jq -rs --argjson from "$1" --arg otherwise "$2" 'def seconds: (.[0:19] + "Z" | fromdate) + ("0" + .[19:23] | tonumber);
        [.[] | select(.seq > $from and (.fault // "") != "") | .started | seconds] | max // $otherwise'
}

fault_applies() { # until it is through; adds to the caller's figures
    local began from took
    until [ -n "$problem" ]; do
        began=$EPOCHREALTIME from=$(last_request)
        applies=$((applies + 1))
        tf_json "$here" apply && break
        took=$(since "$(faulted_at "$from" "$began")")
        longest=$(larger "$took" "$longest")
        clear_error || problem+=" not clear: $SAID;"
        [ "$applies" -le $((2 * total)) ] || problem+=' it never gets through;'
    done
}

# Says an id, what failed, and is no crash.
clear_error() {
    grep -Eq 'error: AUR[0-9]{4}|error: .*AUR[0-9]{4}|AUR-PAUSED' <<<"$SAID" &&
        ! grep -Eqi 'plugin did not respond|panic|AddressSanitizer|runtime error' <<<"$SAID"
}

sweep_operations() { # of an upgrade that nobody disturbed, into $STACK/operations
    sweep_open
    cat "$STACK"/requests-* | sort -u >"$STACK/operations"
}

fault_figures() {
    echo "# $(wc -l <"$STACK/operations") operations x $SWEEP_FAULTS faults, $SWEEP_CASES cases, $SWEEP_HIT passed;" \
        "longest from a fault until a clear error: $SWEEP_CLEAR s; acknowledged writes lost: $SWEEP_LOST; objects left behind: $SWEEP_SURPLUS"
}
