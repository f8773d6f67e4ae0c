/* params.h — parameters of a family: what exists, what it may be set to, what a group makes of it, and what
 * the real server is told.
 *
 * The rows of params_table.c come from the real servers; those of params.c say where Aurora differs: its own
 * rds.* parameters, formulas as defaults, what only cluster groups have, what nobody may change. A group
 * record holds the user's own settings in "_parameters": {name: {"value", "method"}}.
 */
#ifndef SANDBOX_PARAMS_H
#define SANDBOX_PARAMS_H

#include "acceptance-tests/sandbox/engine.h"
#include "acceptance-tests/sandbox/fault.h"
#include "acceptance-tests/sandbox/rec.h"
#include "internal/base/arena.h"

enum param_type { T_BOOL, T_INT, T_REAL, T_ENUM, T_STR, T_LIST };
enum param_apply { DYNAMIC, STATIC };

struct param_row {
    const char *name;
    enum param_type type;
    enum param_apply apply;
    int first, last;             /* majors */
    const char *allowed, *value; /* "" = no limit, no default */
};
extern const struct param_row PARAM_ROWS[];
extern const size_t PARAM_ROW_COUNT;

#define FAMILY_PREFIX "aurora-postgresql"
int family_major(const char *family); /* 0: not a family of ours */

struct param {
    const struct param_row *row;
    const char *value; /* default as Aurora shows it */
    bool modifiable, cluster_only;
};
/* NULL-safe lookup; false: the family has no such parameter at this level. */
bool param_find(int major, bool cluster, const char *name, struct param *ret);

/* Checks one {ParameterName, ParameterValue, ApplyMethod} of a request. */
MUST_CHECK bool param_check(int major, bool cluster, const json_t *request, struct fault *f);

/* All of a family as AWS's Parameter objects, the group's own settings laid over them; sorted by name.
 * `overrides` NULL: the family's defaults. */
json_t *params_list(int major, bool cluster, const json_t *overrides);

/* What formulas are computed from. */
struct machine {
    double memory_bytes, vcpus;
    int port;
};

/* The effective value: the instance group's, else the cluster group's, else the default; formulas computed.
 * "" when there is none. Groups may be NULL. */
const char *param_effective(struct arena *a, int major, const json_t *cluster_group,
                            const json_t *instance_group, const struct machine *m, const char *name);
int64_t param_effective_int(int major, const json_t *cluster_group, const json_t *instance_group,
                            const struct machine *m, const char *name);

/* What the engine gets: every setting of the groups that a server of this size can bear. */
void params_for_engine(struct arena *a, int major, const json_t *cluster_group, const json_t *instance_group,
                       const struct machine *m, struct engine_param **ret, size_t *ret_n);

/* AWS's formulas: numbers, {Variable}, {Variable/number}, + - * /, GREATEST, LEAST, SUM, LOG. */
MUST_CHECK bool formula_eval(const char *text, const struct machine *m, double *ret);
bool is_formula(const char *text);

#endif
