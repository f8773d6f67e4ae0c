/* errors.h — every error a user can meet in an upgrade: one row each, with a stable id. Ids are never reused.
 */
#ifndef AURORA_UPGRADE_ERRORS_H
#define AURORA_UPGRADE_ERRORS_H

#include "internal/base/err.h"

enum upgrade_error {
    E_CLUSTER_ABSENT,
    E_WRONG_ENGINE,
    E_SOURCE_BUSY,
    E_SOURCE_UNSUPPORTED,
    E_TARGET_LOWER,
    E_TARGET_INVALID,
    E_DEFAULT_GROUP,
    E_LOGICAL_REPLICATION_OFF,
    E_TOO_FEW_SLOTS,
    E_REBOOT_NEEDED,
    E_NAME_TAKEN,
    E_OTHER_RUN,
    E_DATABASE_FINDING,
    E_CLASS_UNAVAILABLE,
    E_UNSUPPORTED_PARAMETER,
    E_GROUP_UNSUITABLE,
    E_SEVERAL_GROUPS,
    E_GROUP_UNKNOWN,
    E_PROXY_UNREACHED,
    E_DEPLOYMENT_FAILED,
    E_DEPLOYMENT_GONE,
    E_DEPLOYMENT_FOREIGN,
    E_REPLICATION_UNHEALTHY,
    E_SCHEMA_DIFFERS,
    E_ROWS_DIFFER,
    E_NO_STATISTICS,
    E_SETTINGS_DIFFER,
    E_QUERY_DIFFERS,
    E_SOAK,
    E_SWITCHOVER_REFUSED,
    E_SWITCHOVER_ROLLED_BACK,
    E_SWITCHOVER_RUNNING,
    E_VERIFY_FAILED,
    E_CREDENTIALS_SHORT,
    E_WINDOW_CLOSED,
    E_HOOK_FAILED,
    E_HOOK_LOGIN,
    E_RETENTION,
    E_NO_WAY_BACK,
    E_DESTROY_REFUSED,
    E_WORLD_CHANGED,
    E_STAGE_LOWERED,
    E_SHAPE_CHANGED,
    E_TARGET_CHANGED,
    E_SECOND_RESOURCE,
    E_HELD,
    E_USAGE,
    E_NO_FIELD,
    E_NOT_WRITABLE,
    E_NO_LOGIN,
    E_UNSEEN,
    E_UPGRADE_REFUSED,
    E_UPGRADE_WENT_BACK,
    E_UPGRADE_RUNNING,
    E_SNAPSHOT_FAILED,
    E_SNAPSHOT_FOREIGN,
    E_SNAPSHOT_ONLY,
    E_LOSS_NOT_ACCEPTED,
    E_NOT_RESTORABLE,
    E_RESTORE_FAILED,
    E_RESTORE_DIFFERS,
    E_RENAME_STUCK,
    E_ROLL_BACK_RUNNING,
    E_UPGRADE_QUEUED,
    E_UPGRADE_STAYS_QUEUED,
    E_REHEARSAL_FAILED,
    E_REHEARSAL_NAME,
    E_LOGIN_NEEDED,
    E_NO_POSITION,
    E_CLONE_NAME,
    E_CLONE_FAILED,
    E_PROVENANCE,
    E_CANNOT_FOLLOW,
    E_RETAINED_WAL,
    E_APPLY_FAILS,
    E_STALLED,
    E_CATALOGUE_CHANGED,
    E_CATALOGUE_MOVES,
    E_CATALOGUE_BEHIND,
    E_NEW_DATABASE,
    E_TABLES,
    E_SWITCH_SUBSET,
    E_NOT_FOLLOWED,
    E_CLONE_KEY,
    E_SEED_FAILED,
    E_KEY_UNUSABLE,
    E_OUTAGE_TOO_LONG,
    E_FENCE_LEAKS,
    E_SEQUENCES_DIFFER,
    E_SEQUENCES_DENIED,
    E_SWITCH_OPEN,
    E_SWITCH_PARTIAL,
    E_FENCE_GONE,
    E_SWITCH_UNDERWAY,
    E_NO_WAY_BACK_LEFT,
    E_ENDPOINT_WAY,
    E_RECORD_UNSUITABLE,
    E_RECORD_FOREIGN,
    E_RECORD_TTL,
    E_CHANGED_DIFFER,
    E_COUNT
};

/* Sets id, code and the row's next step, and the text. Returns false. */
bool upgrade_fail(struct err *e, enum upgrade_error id, const char *fmt, ...) PRINTF(3, 4);

/* For the docs page and the test of the table. */
struct upgrade_error_row {
    const char *id; /* "AUR0101" */
    enum err_code code;
    const char *attribute; /* where in the configuration the cause or the cure is; "" none */
    const char *hint;
};
extern const struct upgrade_error_row upgrade_errors[E_COUNT];

#endif
