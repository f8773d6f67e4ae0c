/* The new version's parameter groups: the source's own overrides, translated into the target's family. */
#include "internal/upgrade/blue_green.h"
#include "internal/upgrade/errors.h"
#include "internal/upgrade/tags.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const char *kind_name(bool is_cluster)
{
    return is_cluster ? "cluster" : "instance";
}

static const struct rds_param *find_param(const struct rds_param *params, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(params[i].name, name) == 0)
            return &params[i];
    return NULL;
}

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

bool translate_group(struct upgrade *u, bool is_cluster, struct translation *ret, struct err *e)
{
    const struct rds_param *own = NULL, *known = NULL;
    size_t n = 0, known_count = 0, carried_cap = 0, unsupported_cap = 0;
    const char *from = source_group(u, is_cluster), *family = family_name(u->look, u->request.target.major);
    struct translation t = {0};
    struct rds_param *carried = NULL;
    if (strncmp(from, "default.", 8) != 0 &&
        !rds_group_params(&u->aws, is_cluster, from, "user", &own, &n, e))
        return err_wrap(e, "read parameter group %s", from);
    if (n > 0 && !rds_family_params(&u->aws, is_cluster, family, &known, &known_count, e))
        return err_wrap(e, "read the parameters of family %s", family);
    for (size_t i = 0; i < n; i++) {
        const struct rds_param *target = find_param(known, known_count, own[i].name);
        if (!own[i].has_value)
            continue;
        if (!target || !target->is_modifiable) {
            ARR_PUSH(u->look, t.unsupported, t.unsupported_count, unsupported_cap, own[i].name);
            continue;
        }
        if (!value_fits(target, own[i].value)) {
            ARR_PUSH(u->look, t.unsupported, t.unsupported_count, unsupported_cap,
                     arena_printf(u->look, "%s = %s (allowed: %s)", own[i].name, own[i].value,
                                  target->allowed_values));
            continue;
        }
        struct rds_param p = own[i];
        p.apply_method = strcmp(target->apply_type, "dynamic") == 0 ? "immediate" : "pending-reboot";
        ARR_PUSH(u->look, carried, t.carried_count, carried_cap, p);
    }
    t.carried = carried;
    *ret = t;
    return true;
}

static bool translate_or_refuse(struct upgrade *u, bool is_cluster, struct translation *t, struct err *e)
{
    if (!translate_group(u, is_cluster, t, e))
        return false;
    if (t->unsupported_count == 0 || u->request.drop_unsupported)
        return true;
    return upgrade_fail(e, E_UNSUPPORTED_PARAMETER,
                        "the %s parameter group sets what %s does not have or allow: %s",
                        kind_name(is_cluster), family_name(u->look, u->request.target.major),
                        join_lines(u->look, t->unsupported, t->unsupported_count, 20));
}

/* ---- is_done ---- */

static bool is_made_by_us(struct upgrade *u, const struct rds_group *g, bool *ret, struct err *e)
{
    struct rds_tags tags = {0};
    if (!rds_tag_list(&u->aws, g->arn, &tags, e))
        return err_wrap(e, "read the tags of parameter group %s", g->name);
    const char *owner = rds_tag_value(&tags, TAG_CLUSTER);
    *ret = owner && strcmp(owner, u->request.cluster) == 0;
    return true;
}

static bool has_all(struct upgrade *u, bool is_cluster, const char *name, const struct translation *t,
                    bool *ret, struct err *e)
{
    const struct rds_param *present = NULL;
    size_t n = 0;
    if (!rds_group_params(&u->aws, is_cluster, name, "user", &present, &n, e))
        return false;
    bool all = true;
    for (size_t i = 0; i < t->carried_count; i++) {
        const struct rds_param *p = find_param(present, n, t->carried[i].name);
        all = all && p && strcmp(p->value, t->carried[i].value) == 0;
    }
    *ret = all;
    return true;
}

static bool replicates(struct upgrade *u, const char *name, struct err *e)
{
    const struct rds_param *params = NULL;
    size_t n = 0;
    if (!rds_group_params(&u->aws, true, name, NULL, &params, &n, e))
        return err_wrap(e, "read parameter group %s", name);
    const struct rds_param *p = find_param(params, n, "rds.logical_replication");
    return (p && strcmp(p->value, "1") == 0) ||
           upgrade_fail(e, E_GROUP_UNSUITABLE,
                        "cluster parameter group %s does not have rds.logical_replication = 1", name);
}

static bool check_named(struct upgrade *u, bool is_cluster, const char *name, const struct rds_group *g,
                        struct err *e)
{
    const char *family = family_name(u->look, u->request.target.major);
    if (!g)
        return upgrade_fail(e, E_GROUP_UNSUITABLE, "%s parameter group %s does not exist",
                            kind_name(is_cluster), name);
    if (strcmp(g->family, family) != 0)
        return upgrade_fail(e, E_GROUP_UNSUITABLE, "%s parameter group %s is of family %s, needed is %s",
                            kind_name(is_cluster), name, g->family, family);
    return !is_cluster || !u->strategy->replicates || replicates(u, name, e);
}

static bool group_done(struct upgrade *u, bool is_cluster, bool *ret, struct err *e)
{
    const struct rds_group *g = NULL;
    struct translation t = {0};
    bool ours = false;
    if (!world_need(u, e))
        return false;
    const char *name = target_group(u, u->look, is_cluster);
    if ((u->world.deployment && !u->world.is_ours) || takes_default(u, is_cluster)) {
        *ret = true; /* made elsewhere with groups of its own, or none is needed */
        return true;
    }
    if (!rds_group_find(&u->aws, is_cluster, name, &g, e))
        return err_wrap(e, "look for parameter group %s", name);
    if (!makes_group(u, is_cluster)) {
        *ret = true;
        return check_named(u, is_cluster, name, g, e);
    }
    if (!translate_or_refuse(u, is_cluster, &t, e))
        return false;
    if (!g)
        return true;
    if (!is_made_by_us(u, g, &ours, e))
        return false;
    if (!ours)
        return upgrade_fail(e, E_NAME_TAKEN, "%s parameter group %s exists and was not made for this upgrade",
                            kind_name(is_cluster), name);
    return has_all(u, is_cluster, name, &t, ret, e);
}

static bool group_run(struct upgrade *u, bool is_cluster, struct err *e)
{
    struct translation t = {0};
    struct err made = ERR_INIT;
    const char *name = target_group(u, u->look, is_cluster),
               *family = family_name(u->look, u->request.target.major);
    if (!resolve_version(u, e) || !translate_or_refuse(u, is_cluster, &t, e))
        return false;
    if (!rds_group_create(&u->aws, is_cluster, name, family,
                          arena_printf(u->look, "Overrides of %s for the upgrade of %s",
                                       source_group(u, is_cluster), u->request.cluster),
                          run_tags(u, u->look), &made) &&
        made.code != ERR_CONFLICT) {
        *e = made;
        return err_wrap(e, "make parameter group %s", name);
    }
    if (t.carried_count > 0 && !rds_group_set(&u->aws, is_cluster, name, t.carried, t.carried_count, e))
        return err_wrap(e, "fill parameter group %s", name);
    return true;
}

bool cluster_group_done(struct upgrade *u, bool *ret, struct err *e)
{
    return group_done(u, true, ret, e);
}

bool cluster_group_run(struct upgrade *u, struct err *e)
{
    return group_run(u, true, e);
}

bool instance_group_done(struct upgrade *u, bool *ret, struct err *e)
{
    return group_done(u, false, ret, e);
}

bool instance_group_run(struct upgrade *u, struct err *e)
{
    return group_run(u, false, e);
}

/* ---- roll-back ---- */

static bool in_use(const struct upgrade *u, bool is_cluster, const char *name)
{
    const struct world *w = &u->world;
    if (is_cluster)
        return w->production && strcmp(w->production->parameter_group, name) == 0;
    for (size_t i = 0; i < w->instance_count; i++)
        if (strcmp(w->instances[i]->parameter_group, name) == 0)
            return true;
    return false;
}

enum { MADE_GROUPS = 3, SOURCE_GROUP = 2 }; /* the last is the copy of production's own */

/* Every group a run of ours may have made, from the nth on; one that is in use or not ours stays. */
static bool each_of_ours(struct upgrade *u, size_t first,
                         bool (*act)(struct upgrade *, bool, const char *, bool *, struct err *),
                         bool *ret_any, struct err *e)
{
    const struct {
        bool is_cluster;
        const char *name;
    } groups[MADE_GROUPS] = {{true, group_name(u, u->look, true)},
                             {false, group_name(u, u->look, false)},
                             [SOURCE_GROUP] = {true, managed_group_name(u, u->look)}};
    for (size_t i = first; i < MADE_GROUPS; i++) {
        const struct rds_group *g = NULL;
        bool ours = false;
        if (!rds_group_find(&u->aws, groups[i].is_cluster, groups[i].name, &g, e) ||
            (g && !is_made_by_us(u, g, &ours, e)))
            return false;
        if (ours && !in_use(u, groups[i].is_cluster, groups[i].name) &&
            !act(u, groups[i].is_cluster, groups[i].name, ret_any, e))
            return err_wrap(e, "parameter group %s", groups[i].name);
    }
    return true;
}

static bool note_one(struct upgrade *u, bool is_cluster, const char *name, bool *ret, struct err *e)
{
    (void)u;
    (void)is_cluster;
    (void)name;
    (void)e;
    *ret = true;
    return true;
}

static bool delete_one(struct upgrade *u, bool is_cluster, const char *name, bool *ret, struct err *e)
{
    (void)ret;
    return rds_group_delete(&u->aws, is_cluster, name, e);
}

bool groups_removed(struct upgrade *u, bool *ret, struct err *e)
{
    bool any = false;
    if (!world_look(u, e) || !each_of_ours(u, 0, note_one, &any, e))
        return false;
    *ret = !any;
    return true;
}

bool groups_remove(struct upgrade *u, struct err *e)
{
    bool any = false;
    return each_of_ours(u, 0, delete_one, &any, e);
}

bool source_group_removed(struct upgrade *u, bool *ret, struct err *e)
{
    bool any = false;
    if (!world_look(u, e) || !each_of_ours(u, SOURCE_GROUP, note_one, &any, e))
        return false;
    *ret = !any;
    return true;
}

bool source_group_remove(struct upgrade *u, struct err *e)
{
    bool any = false;
    return each_of_ours(u, SOURCE_GROUP, delete_one, &any, e);
}
