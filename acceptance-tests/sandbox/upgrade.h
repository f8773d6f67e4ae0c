/* upgrade.h — in-place upgrades, minor and major, with AWS's refusals, prechecks, snapshot and roll-back. */
#ifndef SANDBOX_UPGRADE_H
#define SANDBOX_UPGRADE_H

#include "acceptance-tests/sandbox/check.h"
#include "acceptance-tests/sandbox/cluster.h"

/* With the lock: is the request's EngineVersion one this cluster may go to, with the groups named beside it?
 * *ret NULL: the cluster is at that version already. */
MUST_CHECK bool upgrade_check(struct call *c, const json_t *cluster, const struct engine_version **ret);
/* With the lock: records what is pending and starts the job. */
void upgrade_start(struct call *c, json_t *cluster, const struct engine_version *to);

/* What keeps a volume from being upgraded, asked from its databases; "" when nothing does. In AWS's words.
 * Without the lock. */
MUST_CHECK bool upgrade_obstacle(struct sandbox *sb, struct arena *a, const char *volume, const char **ret,
                                 struct err *e);

/* DIR/logs/<resource>/<time>, made; in the arena. Files in it are shown as log files of the writer. */
MUST_CHECK bool upgrade_log_folder(struct sandbox *sb, struct arena *a, const char *resource,
                                   const char **ret, struct err *e);

#endif
