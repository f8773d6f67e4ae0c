#include "internal/upgrade/translate.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

const struct rds_param *params_find(struct params p, const char *name)
{
    for (size_t i = 0; i < p.n; i++)
        if (strcmp(p.items[i].name, name) == 0)
            return &p.items[i];
    return NULL;
}

/* ---- names ---- */

/* Renamed with the old name still understood and the values the same: PostgreSQL 16 and 18, release notes and
 * map_old_guc_names. */
static const struct {
    const char *before, *after;
} renamed[] = {
    {"force_parallel_mode", "debug_parallel_query"},
    {"ssl_ecdh_curve", "ssl_groups"},
};

static const struct rds_param *counterpart(struct params target, const char *name)
{
    const struct rds_param *found = params_find(target, name);
    for (size_t i = 0; !found && i < ARRAY_LEN(renamed); i++)
        if (strcmp(renamed[i].before, name) == 0)
            found = params_find(target, renamed[i].after);
    return found;
}

/* ---- values ---- */

/* "1-100", "0,1", "-1-2147483647": the forms AWS uses for numbers. Anything else is left to AWS. */
static bool number_fits(const char *allowed, const char *value)
{
    char *end = NULL;
    long long v = strtoll(value, &end, 10);
    if (end == value || *end != '\0')
        return true; /* a formula */
    for (const char *p = allowed;; p = end + 1) {
        long long low = strtoll(p, &end, 10), high = low;
        if (end == p)
            return true;
        if (*end == '-') {
            p = end + 1;
            high = strtoll(p, &end, 10);
        }
        if (end == p || (*end != ',' && *end != '\0') || (v >= low && v <= high))
            return true;
        if (*end == '\0')
            return false;
    }
}

/* Is every member of the list `value` one of `allowed`? Both are separated by commas. */
static bool list_fits(const char *allowed, const char *value)
{
    for (const char *v = value; *v; v += strcspn(v, ",")) {
        v += strspn(v, ", ");
        size_t n = strcspn(v, ", ");
        bool found = n == 0;
        for (const char *p = allowed; *p && !found; p += strcspn(p, ",")) {
            p += strspn(p, ", ");
            found = strcspn(p, ", ") == n && strncasecmp(p, v, n) == 0;
        }
        if (!found)
            return false;
    }
    return true;
}

/* What a family allows changes from major to major: libraries go, bounds move. */
static bool value_fits(const struct rds_param *target, const char *value)
{
    if (target->allowed_values[0] == '\0')
        return true;
    if (strcmp(target->data_type, "integer") == 0)
        return number_fits(target->allowed_values, value);
    return strcmp(target->data_type, "list") != 0 || list_fits(target->allowed_values, value);
}

/* ---- overrides ---- */

static struct translated translate_one(struct arena *a, const struct rds_param *own, struct params target,
                                       const char *family)
{
    const struct rds_param *there = counterpart(target, own->name);
    struct translated t = {.own = own, .name = there ? there->name : ""};
    if (!there) {
        t.refusal = arena_printf(a, "%s does not have it", family);
    } else if (!there->is_modifiable) {
        t.refusal = arena_printf(a, "it cannot be changed in %s", family);
    } else if (!value_fits(there, own->value)) {
        t.allowed = there->allowed_values;
        t.refusal = arena_printf(a, "%s allows %s", family, there->allowed_values);
    } else {
        t.apply_method = strcmp(there->apply_type, "dynamic") == 0 ? "immediate" : "pending-reboot";
    }
    return t;
}

struct translated *translate_params(struct arena *a, struct params own, struct params target,
                                    const char *target_family, size_t *ret_n)
{
    struct translated *list = ARENA_ARRAY(a, struct translated, own.n + 1);
    size_t n = 0;
    for (size_t i = 0; i < own.n; i++)
        if (own.items[i].has_value)
            list[n++] = translate_one(a, &own.items[i], target, target_family);
    *ret_n = n;
    return list;
}

/* ---- families ---- */

/* AWS leaves a default out, or writes it empty: the server's own holds either way. */
static bool same_default(const struct rds_param *p, const struct rds_param *q)
{
    return strcmp(p->has_value ? p->value : "", q->has_value ? q->value : "") == 0;
}

static unsigned changes_of(const struct rds_param *before, const struct rds_param *after)
{
    if (!after)
        return PARAM_REMOVED;
    if (!before)
        return PARAM_ADDED;
    unsigned changes = strcmp(before->name, after->name) != 0 ? PARAM_RENAMED : 0;
    changes |= same_default(before, after) ? 0 : PARAM_DEFAULT;
    changes |= strcmp(before->apply_type, after->apply_type) != 0 ? PARAM_APPLY_TYPE : 0;
    changes |= strcmp(before->allowed_values, after->allowed_values) != 0 ? PARAM_ALLOWED_VALUES : 0;
    changes |= before->is_modifiable != after->is_modifiable ? PARAM_MODIFIABLE : 0;
    return changes | (strcmp(before->data_type, after->data_type) != 0 ? PARAM_DATA_TYPE : 0);
}

static const struct translated *own_value(const struct translated *own, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(own[i].own->name, name) == 0)
            return &own[i];
    return NULL;
}

/* A name of the target is new unless the source has it, under this name or the one before. */
static bool is_added(struct params source, struct params target, const char *name)
{
    if (params_find(source, name))
        return false;
    for (size_t i = 0; i < ARRAY_LEN(renamed); i++)
        if (strcmp(renamed[i].after, name) == 0 && params_find(source, renamed[i].before) &&
            !params_find(target, renamed[i].before))
            return false;
    return true;
}

static int by_name(const void *x, const void *y)
{
    return strcasecmp(((const struct param_diff *)x)->name, ((const struct param_diff *)y)->name);
}

struct param_diff *params_diff(struct arena *a, struct params source, struct params target,
                               const struct translated *own, size_t own_n, size_t *ret_n)
{
    struct param_diff *list = ARENA_ARRAY(a, struct param_diff, source.n + target.n + 1);
    size_t n = 0;
    for (size_t i = 0; i < source.n; i++) {
        const struct rds_param *before = &source.items[i], *after = counterpart(target, before->name);
        struct param_diff d = {.name = before->name,
                               .before = before,
                               .after = after,
                               .changes = changes_of(before, after),
                               .own = own_value(own, own_n, before->name)};
        if (d.changes || d.own)
            list[n++] = d;
    }
    for (size_t i = 0; i < target.n; i++)
        if (is_added(source, target, target.items[i].name))
            list[n++] = (struct param_diff){
                .name = target.items[i].name, .after = &target.items[i], .changes = PARAM_ADDED};
    qsort(list, n, sizeof *list, by_name);
    *ret_n = n;
    return list;
}
