/* upgrade_targets.h — where a cluster can go, as values, under the names data.aurora_upgrade_targets gives
 * them: what AWS lists as valid targets of its version, and until when each major is supported. */
#ifndef AURORA_PROVIDER_UPGRADE_TARGETS_H
#define AURORA_PROVIDER_UPGRADE_TARGETS_H

#include "provider/provider.h"

/* *ret: object with every attribute but cluster_identifier. Refuses AUR0101, AUR0102, AUR0142 as
 * data.aurora_cluster does, and AUR0106 where AWS does not know the cluster's own version any more. */
MUST_CHECK bool upgrade_targets(const struct aws_session *s, struct old_sides *old_sides,
                                const char *identifier, const struct value **ret, struct err *e);

#endif
