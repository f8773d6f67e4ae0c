/* translate.h — parameters from one family to another: what becomes of a group's own values, and what the
 * family change alone does. Pure functions over lists that rds.h has read: the flows make their groups with
 * it, and data.aurora_parameter_group_diff tells the same.
 *
 * An override is carried if the target family has the parameter, lets it be changed and allows the value.
 * Where PostgreSQL itself goes on reading an old name (map_old_guc_names in its guc.c), the value is carried
 * under the new one. Everything else is refused by the flows, or dropped if the user says so.
 *
 * Results live in the arena; they point into the lists.
 */
#ifndef AURORA_UPGRADE_TRANSLATE_H
#define AURORA_UPGRADE_TRANSLATE_H

#include "internal/aws/rds.h"

struct params {
    const struct rds_param *items;
    size_t n;
};
const struct rds_param *params_find(struct params p, const char *name); /* NULL: not there */

struct translated {
    const struct rds_param *own;
    const char *name;         /* in the target's family; "" if it does not have it */
    const char *refusal;      /* a clause such as "aurora-postgresql17 does not have it"; NULL: carried */
    const char *allowed;      /* where the value is what is refused; else NULL */
    const char *apply_method; /* as the target's family needs it */
};

/* One for every parameter in `own` that has a value. */
struct translated *translate_params(struct arena *a, struct params own, struct params target,
                                    const char *target_family, size_t *ret_n);

enum param_change {
    PARAM_REMOVED = 1,
    PARAM_RENAMED = 2,
    PARAM_ADDED = 4,
    PARAM_DEFAULT = 8,
    PARAM_APPLY_TYPE = 16,
    PARAM_ALLOWED_VALUES = 32,
    PARAM_MODIFIABLE = 64, /* can, or can no longer, be changed */
    PARAM_DATA_TYPE = 128
};

struct param_diff {
    const char *name; /* the source's, or of an added one the target's */
    unsigned changes; /* of enum param_change */
    const struct rds_param *before, *after;
    const struct translated *own; /* NULL: the group does not set it */
};

/* Every parameter that the change of family touches or that the group sets, by name. */
struct param_diff *params_diff(struct arena *a, struct params source, struct params target,
                               const struct translated *own, size_t own_n, size_t *ret_n);

#endif
