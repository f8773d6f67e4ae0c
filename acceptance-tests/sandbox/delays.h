/* delays.h — how long AWS takes: every modelled waiting time is a row here, and nowhere else.
 *
 * Seconds hold at speed 1 and are divided by the speed. PostgreSQL's own work is real and comes on top.
 */
#ifndef SANDBOX_DELAYS_H
#define SANDBOX_DELAYS_H

#include "internal/base/base.h"

enum delay {
    DELAY_NONE,
    DELAY_CLUSTER_CREATE,
    DELAY_CLUSTER_DELETE,
    DELAY_CLUSTER_MODIFY_LAG,
    DELAY_CLUSTER_MODIFY,
    DELAY_CLUSTER_RENAME,
    DELAY_CLUSTER_STOP,
    DELAY_CLUSTER_START,
    DELAY_INSTANCE_CREATE,
    DELAY_INSTANCE_CREATE_LATE,
    DELAY_INSTANCE_DELETE,
    DELAY_INSTANCE_MODIFY_LAG,
    DELAY_INSTANCE_MODIFY,
    DELAY_INSTANCE_RENAME,
    DELAY_INSTANCE_REBOOT_LAG,
    DELAY_INSTANCE_REBOOT,
    DELAY_FAILOVER,
    DELAY_PARAMETERS_APPLY,
    DELAY_SNAPSHOT_CREATE,
    DELAY_SNAPSHOT_COPY,
    DELAY_RESTORE,
    DELAY_CLONE,
    DELAY_UPGRADE_LAG,
    DELAY_UPGRADE_PRECHECK,
    DELAY_UPGRADE_SNAPSHOT,
    DELAY_UPGRADE_WRITER,
    DELAY_UPGRADE_READER,
    DELAY_UPGRADE_MINOR,
    DELAY_ENDPOINT_CREATE,
    DELAY_ENDPOINT_MODIFY,
    DELAY_ENDPOINT_DELETE,
    DELAY_BG_TASK_LAG,
    DELAY_BG_REPLICA,
    DELAY_BG_UPGRADE,
    DELAY_BG_INSTANCES,
    DELAY_BG_ENDPOINTS,
    DELAY_BG_SETTLE,
    DELAY_BG_CREATE_RETRY,
    DELAY_BG_WATCH,
    DELAY_BG_SWITCH_LAG,
    DELAY_BG_SWITCH_GUARD,
    DELAY_BG_SWITCH_NAMES,
    DELAY_BG_SWITCH_NAMES_OLD_ENGINE,
    DELAY_BG_SWITCH_MEMBER,
    DELAY_BG_SWITCH_FINISH,
    DELAY_BG_FAILED,
    DELAY_BG_DELETE,
    DELAY_DNS_CHANGE,
    DELAY_COUNT
};

struct delay_row {
    const char *what;
    double seconds;
    const char *source; /* "unverified": stands in the README's list */
};
extern const struct delay_row DELAYS[DELAY_COUNT];

int64_t delay_ms(enum delay d, double speed);

/* Names, or a record that leads to one, change hands: `--cutover-speed` may leave these as AWS has them while
 * all else goes faster. */
bool delay_is_cutover(enum delay d);

#endif
