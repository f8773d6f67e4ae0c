/* upgrade_status.h — how far the upgrade of a cluster has come, from AWS and, with a login, its replication
 * slots. Describe calls and reading sessions only; asks nothing of a configuration, so it serves the data
 * source, the companion command, and whoever finds somebody else's run.
 */
#ifndef AURORA_PROVIDER_UPGRADE_STATUS_H
#define AURORA_PROVIDER_UPGRADE_STATUS_H

#include "provider/upgrade_resource.h"

/* A look at the world without a configuration: the target is that of the run that is observed, else of the
 * groups production has from an upgrade of ours (*ret_reached is `completed` then), else production's own
 * version. While names move, the deployment alone tells. Fails with AUR0101 if there is neither a cluster nor
 * anything of its upgrade, with AUR0102 for another engine. */
MUST_CHECK bool status_look(struct operation *o, enum flow_stage *ret_reached, struct err *e);

/* status_look(), and all that data.aurora_upgrade_status has but cluster_identifier. */
MUST_CHECK bool upgrade_status(struct operation *o, const struct value **ret, struct err *e);

/* Is this parameter group one that an upgrade of the cluster has made? *ret_target: for which major, 0 if it
 * does not say. */
MUST_CHECK bool group_is_ours(struct upgrade *u, bool is_cluster, const char *name, bool *ret,
                              int *ret_target, struct err *e);

/* The next thing to do, without the note for a configuration that upgrade_fail() adds. */
const char *hint_alone(struct arena *a, const struct err *e);

#endif
