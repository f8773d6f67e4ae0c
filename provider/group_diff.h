/* group_diff.h — what another family does to parameter groups, as values, under the names
 * data.aurora_parameter_group_diff gives them.
 *
 * What becomes of a group's own values is worked out by the code that the upgrades make their groups with
 * (internal/upgrade/translate.h), from the same two lists of AWS's. Describe calls only. */
#ifndef AURORA_PROVIDER_GROUP_DIFF_H
#define AURORA_PROVIDER_GROUP_DIFF_H

#include "provider/provider.h"

struct group_question {
    const char *cluster;                        /* NULL: the groups are named */
    const char *cluster_group, *instance_group; /* with a cluster: NULL, its own are taken */
    const char *target;                         /* "17" or "17.6" */
    bool drops_unsupported;
};

/* *ret: object with every computed attribute. Refuses: AUR0101, AUR0102, AUR0142 as data.aurora_cluster does;
 * AUR0105 and AUR0106 as the upgrades do for a version that is lower or that AWS does not list; AUR0118 a
 * group that is not there or of another engine. A cluster that is on the target's major has no changes. */
MUST_CHECK bool group_diff(const struct aws_session *s, struct old_sides *old_sides,
                           const struct group_question *q, const struct value **ret, struct err *e);

#endif
