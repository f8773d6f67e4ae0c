# shellcheck shell=bash disable=SC2154
# outage.sh — an upgrade during which a server or its connections fail, or the provider's own disk is full. Sourced by the
# stories that do so, on top of sweep.sh.
#
# A case is "WHERE VICTIM KIND": the fault begins when the apply is at WHERE, ends by itself (a server that was killed comes
# back, as Aurora's do), and the apply goes on meanwhile. It has to succeed, or to end with an error that says where production
# is; production takes writes again, and the next apply finishes.

# WHERE: the world it begins with, the call that is held there (see sweep.sh), and what the fault waits for besides.
outage_points() {
    cat <<'POINTS'
building     nothing  CreateBlueGreenDeployment     1 after  green_exists
catching-up  prepared AddTagsToResource             1 before green_exists
comparing    prepared DescribeEvents                1 before green_exists
switching    prepared SwitchoverBlueGreenDeployment 1 before green_exists
moving-names prepared SwitchoverBlueGreenDeployment 1 after  names_move
switched     prepared AddTagsToResource             3 before switched_over
completing   prepared DeleteBlueGreenDeployment     1 before switched_over
removing     prepared DeleteDBInstance              1 before switched_over
POINTS
}

# While green is built there is no server of it yet, or AWS stops and starts one as it likes.
outage_can_be() { [[ ! $1 =~ ^building\ other\ (kill|pause)$ ]]; } # CASE

# KIND: how long it lasts, in seconds.
outage_kinds() { printf '%s\n' 'kill 5' 'pause 10' 'cut 0' 'hold 10'; }

APPLY_SECONDS=240 # the bound for the apply to end, with or without success
MOVING_SPEED=10   # of a switchover that is struck while names move: AWS's waiting times divided by this
OUTAGE_SURE=0     # applies that went through in spite of it

clusters_like() { # REGEX: identifiers
    look DescribeDBClusters | jq -r --arg like "$1" '.DBClusters[].DBClusterIdentifier | select(test($like))'
}
other_side() { clusters_like "^$cluster-(green-[a-z0-9]+|old[0-9]+)$" | head -n 1; }
deployment_is() { look DescribeBlueGreenDeployments | jq -e --arg s "$1" 'any(.BlueGreenDeployments[]?; .Status == $s)' >/dev/null; }
green_exists() { [ -n "$(clusters_like "^$cluster-green-")" ]; }
switched_over() { [ -n "$(clusters_like "^$cluster-old")" ]; }
names_move() { deployment_is SWITCHOVER_IN_PROGRESS; }

# Every side that there still is answers, and AWS says, where it said so, that green follows again.
answers() {
    local side
    for side in "$cluster" $(other_side); do
        sandbox sql --cluster "$side" 'SELECT 1' >/dev/null 2>&1 || return 1
    done
    ! green_exists || look DescribeEvents SourceType=blue-green-deployment |
        jq -e '[.Events[]?.Message | select(startswith("Replication "))] | last // "" | contains("degraded") | not' >/dev/null
}

victim_named() { # production|other
    if [ "$1" = production ]; then echo "$cluster"; else other_side; fi
}

outage_case() { # WHERE VICTIM KIND
    local where=$1 victim=$2 kind=$3 name cli world operation nth moment until seconds slow speed='' struck status=0 took bound problem=''
    SWEEP_CASES=$((SWEEP_CASES + 1))
    name="$kind of $victim while $where"
    read -r _ world operation nth moment until <<<"$(outage_points | grep "^$where ")"
    seconds=$(outage_kinds | sed -n "s/^$kind //p")
    slow=slow && [ "$moment" = after ] && slow=delay
    [ "$where" != moving-names ] || speed=$MOVING_SPEED
    CUTOVER_SPEED=$speed sweep_world "$world" || { row fail "$name: no world"; return; }
    sweep_stage "$(stage_from "$world")"
    sweep_writers || { row fail "$name: no writers"; return; }
    sandbox fault --operation "$operation" --kind "$slow" --delay 60 --nth "$nth" >/dev/null
    "$AURORA_CLI" -chdir="$here" apply -json -input=false -auto-approve >"$STACK/tf.json" 2>"$STACK/tf.err" & cli=$!
    await_point "$operation" "$cli" && await "$until" 60 "$until" || problem="the point was not reached;"
    struck=$EPOCHREALTIME
    [ -n "$problem" ] || sandbox fault --cluster "$(victim_named "$victim")" --kind "$kind" --delay "$seconds" >"$STACK/row.log" 2>&1 ||
        problem+=" no fault: $(cat "$STACK/row.log");"
    sandbox fault --clear >/dev/null # the call that is held goes on under it
    await 'the end of the apply' "$APPLY_SECONDS" gone "$cli" 2>/dev/null || problem+=' the apply does not end;'
    took=$(since "$struck")
    ! kill -0 "$cli" 2>/dev/null || { kill -KILL "$cli" "$(provider_of "$cli")" 2>/dev/null; }
    wait "$cli" || status=$?
    outage_said "$status"
    bound=$((seconds + WRITABLE_SECONDS))
    await 'writes' "$bound" writable 2>/dev/null || problem+=" production takes no write $bound s later;"
    [ -n "$problem" ] || await 'the end of the fault' "$bound" answers 2>/dev/null || problem+=' the other side does not come back;'
    [ -n "$problem" ] || sweep_finish its-state || problem+=$(cat "$STACK/problem")
    WRITABLE_SECONDS=$bound sweep_writes
    sweep_verdict "$name" "$(outcome "$status") after $took s, writes refused for $REFUSED s at the longest"
    [ "$status" = 0 ] || grep -m 1 -E 'AUR[0-9]{4}|AUR-PAUSED' "$STACK/first.log" | note
}

# Success, or an error by its id that says where production is; adds to the caller's $problem.
outage_said() { # STATUS
    SAID=$(diagnostics "$STACK/tf.json"; cat "$STACK/tf.err")
    printf '%s\n' "$SAID" >"$STACK/first.log"
    if [ "$1" = 0 ]; then
        OUTAGE_SURE=$((OUTAGE_SURE + 1))
        return
    fi
    clear_error || problem+=' not clear;'
    grep -Eq 'is in production on|is switching .* over at this moment' <<<"$SAID" || problem+=' it does not say where production is;'
}

outcome() { if [ "$1" = 0 ]; then echo 'through'; else grep -m 1 -oE 'AUR[0-9]{4}|AUR-PAUSED' "$STACK/first.log"; fi; }

outage_figures() {
    echo "# $SWEEP_CASES cases, $SWEEP_PASSED passed, $OUTAGE_SURE applies went through all the same; production took no write for" \
        "$SWEEP_OUTAGE s at the longest; acknowledged writes lost: $SWEEP_LOST; objects left behind: $SWEEP_SURPLUS"
}
