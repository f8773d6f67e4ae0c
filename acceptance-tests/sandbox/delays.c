#include "acceptance-tests/sandbox/delays.h"

#define UNVERIFIED "unverified"

const struct delay_row DELAYS[DELAY_COUNT] = {
    [DELAY_NONE] = {"nothing", 0, "-"},
    [DELAY_CLUSTER_CREATE] = {"a new cluster is creating", 45, UNVERIFIED},
    [DELAY_CLUSTER_DELETE] = {"a cluster is deleting", 60, UNVERIFIED},
    [DELAY_CLUSTER_MODIFY_LAG] = {"a cluster still shows available after a change", 5, UNVERIFIED},
    [DELAY_CLUSTER_MODIFY] = {"a cluster is modifying", 30, UNVERIFIED},
    [DELAY_CLUSTER_RENAME] = {"a cluster is renaming", 120,
                              "RDS User Guide, renaming a Multi-AZ DB cluster: about two minutes"},
    [DELAY_CLUSTER_STOP] = {"a cluster is stopping", 300, UNVERIFIED},
    [DELAY_CLUSTER_START] = {"a cluster is starting", 300, UNVERIFIED},
    [DELAY_INSTANCE_CREATE] = {"an instance is creating", 240, UNVERIFIED},
    [DELAY_INSTANCE_CREATE_LATE] = {"a new instance is configuring-enhanced-monitoring or backing-up", 60,
                                    UNVERIFIED},
    [DELAY_INSTANCE_DELETE] = {"an instance is deleting", 120, UNVERIFIED},
    [DELAY_INSTANCE_MODIFY_LAG] = {"an instance still shows available after a change", 5, UNVERIFIED},
    [DELAY_INSTANCE_MODIFY] = {"an instance is modifying", 60, UNVERIFIED},
    [DELAY_INSTANCE_RENAME] = {"an instance is renaming", 300,
                               "RDS User Guide, renaming a DB instance: up to ten minutes; middle taken"},
    [DELAY_INSTANCE_REBOOT_LAG] = {"an instance still shows available after a reboot call", 2, UNVERIFIED},
    [DELAY_INSTANCE_REBOOT] = {"an instance is rebooting, besides the server's own restart", 20, UNVERIFIED},
    [DELAY_FAILOVER] = {"a cluster is failing-over", 30,
                        "Aurora User Guide: typically within 60 seconds, often 30"},
    [DELAY_PARAMETERS_APPLY] = {"a member's group status is applying", 20, UNVERIFIED},
    [DELAY_SNAPSHOT_CREATE] = {"a snapshot is creating", 90, UNVERIFIED},
    [DELAY_SNAPSHOT_COPY] = {"a snapshot is copying", 60, UNVERIFIED},
    [DELAY_RESTORE] = {"a cluster restored from a snapshot is creating", 300, UNVERIFIED},
    [DELAY_CLONE] = {"a clone is creating", 240, "public traces: minutes"},
    [DELAY_UPGRADE_LAG] = {"a cluster still shows available after an upgrade call", 30,
                           "public traces: seconds up to a minute"},
    [DELAY_UPGRADE_PRECHECK] = {"prechecks before an upgrade", 60, UNVERIFIED},
    [DELAY_UPGRADE_SNAPSHOT] = {"the preupgrade snapshot and the roll-back clone", 120, UNVERIFIED},
    [DELAY_UPGRADE_WRITER] = {"the upgrade of the writer, besides pg_upgrade itself", 300,
                              "public traces: 10 minutes up to an hour in all"},
    [DELAY_UPGRADE_READER] = {"the upgrade of one reader", 60, UNVERIFIED},
    [DELAY_UPGRADE_MINOR] = {"a minor upgrade", 180, UNVERIFIED},
    [DELAY_ENDPOINT_CREATE] = {"a custom endpoint is creating", 30, UNVERIFIED},
    [DELAY_ENDPOINT_MODIFY] = {"a custom endpoint is modifying", 20, UNVERIFIED},
    [DELAY_ENDPOINT_DELETE] = {"a custom endpoint is deleting", 20, UNVERIFIED},
    [DELAY_BG_TASK_LAG] = {"a new deployment shows all tasks pending", 20, UNVERIFIED},
    [DELAY_BG_REPLICA] = {"CREATING_READ_REPLICA_OF_SOURCE, besides the copy itself", 900,
                          "published trace of 2023: creation under 90 minutes in all"},
    [DELAY_BG_UPGRADE] = {"DB_ENGINE_VERSION_UPGRADE, besides pg_upgrade itself", 900, "the same trace"},
    [DELAY_BG_INSTANCES] = {"CREATE_DB_INSTANCES_FOR_CLUSTER, each instance", 420, "the same trace"},
    [DELAY_BG_ENDPOINTS] = {"CREATE_CUSTOM_ENDPOINTS", 60, UNVERIFIED},
    [DELAY_BG_SETTLE] = {"a deployment shows AVAILABLE while a green member does not", 30,
                         "terraform-provider-aws issue 36241"},
    [DELAY_BG_CREATE_RETRY] = {"between attempts to start replication past a long transaction", 60,
                               UNVERIFIED},
    [DELAY_BG_WATCH] = {"between looks for degraded replication", 30, UNVERIFIED},
    [DELAY_BG_SWITCH_LAG] = {"switchover details still say AVAILABLE", 10,
                             "published trace: about 10 seconds"},
    [DELAY_BG_SWITCH_GUARD] = {"guardrails, besides their queries", 5, UNVERIFIED},
    [DELAY_BG_SWITCH_NAMES] = {"writes are held while names move, releases of December 2025 and later", 3,
                               "AWS 2026: typically 5 seconds or less; field: 3 seconds"},
    [DELAY_BG_SWITCH_NAMES_OLD_ENGINE] = {"the same, older releases", 25,
                                          "field: 26 seconds, about 30 seconds"},
    [DELAY_BG_SWITCH_MEMBER] = {"between members that turn SWITCHOVER_COMPLETED", 10,
                                "published driver trace"},
    [DELAY_BG_SWITCH_FINISH] = {"all members done, deployment not yet SWITCHOVER_COMPLETED", 60,
                                "published driver trace: completed at 136 seconds"},
    [DELAY_BG_FAILED] = {"a deployment stays SWITCHOVER_FAILED before it is AVAILABLE again", 60, UNVERIFIED},
    [DELAY_BG_DELETE] = {"a deployment is DELETING", 60, UNVERIFIED},
    [DELAY_DNS_CHANGE] = {"a change of a hosted zone is PENDING", 30,
                          "Route 53 API Reference: generally within 60 seconds; middle taken"},
};

int64_t delay_ms(enum delay d, double speed)
{
    return (int64_t)(DELAYS[d].seconds * 1000 / speed);
}

bool delay_is_cutover(enum delay d)
{
    static const enum delay apart[] = {DELAY_CLUSTER_RENAME, DELAY_INSTANCE_RENAME, DELAY_DNS_CHANGE};
    for (size_t i = 0; i < ARRAY_LEN(apart); i++)
        if (apart[i] == d)
            return true;
    return d >= DELAY_BG_SWITCH_LAG && d <= DELAY_BG_SWITCH_FINISH;
}
