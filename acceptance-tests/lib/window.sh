# shellcheck shell=bash
# window.sh — stories of upgrades that wait for a maintenance window; sourced after story.sh. They have $here, with aurora_in_place_upgrade.it.

# What a user does: the window of production, from so many hours away on (0: it is open now) for two hours. Written as RDS has it.
window_in() { # HOURS
    local from to
    from=$(LC_ALL=C date -u -d "$1 hours -1 hour" +%a:%H:%M) to=$(LC_ALL=C date -u -d "$1 hours +1 hour" +%a:%H:%M)
    rds modify-db-cluster --db-cluster-identifier orders --preferred-maintenance-window "${from,,}-${to,,}" >/dev/null
}

# shellcheck disable=SC2154 # here: the story's
stage() { # TARGET STAGE [FURTHER-LINES]
    UPGRADE=aurora_in_place_upgrade upgrade_hcl orders "$@" >"$here/main.tf"
}

queue_shown() { # status, present major, waiting version
    look DescribeDBClusters DBClusterIdentifier=orders |
        jq -r '.DBClusters[0] | "\(.Status) \(.EngineVersion | split(".")[0]) \(.PendingModifiedValues.EngineVersion // "nothing")"'
}

upgraded_to() { [ "$(queue_shown)" = "available $1 nothing" ]; }
modify_calls() { sandbox log | jq -s 'map(select(.operation == "ModifyDBCluster")) | length'; }
