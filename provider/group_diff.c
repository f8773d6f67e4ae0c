#include "provider/group_diff.h"
#include "provider/cluster_facts.h"

#include "internal/upgrade/blue_green.h"
#include "internal/upgrade/errors.h"

#include <stdio.h>
#include <string.h>

struct asking {
    const struct group_question *q;
    const struct aws_session *s;
    struct arena *arena;
    struct version target;
    struct value *groups, *parameters;
};

static const char *level_name(bool is_cluster)
{
    return is_cluster ? "cluster" : "instance";
}

static void put(struct asking *a, struct value *object, const char *name, const char *text)
{
    value_set(a->arena, object, name, text && *text ? value_string(a->arena, text) : &value_null);
}

/* ---- one parameter ---- */

static const struct value *changes_value(struct asking *a, unsigned changes)
{
    static const struct {
        unsigned bit;
        const char *name;
    } names[] = {
        {PARAM_REMOVED, "removed"},       {PARAM_RENAMED, "renamed"},
        {PARAM_ADDED, "added"},           {PARAM_DEFAULT, "default"},
        {PARAM_APPLY_TYPE, "apply_type"}, {PARAM_ALLOWED_VALUES, "allowed_values"},
        {PARAM_DATA_TYPE, "data_type"},   {PARAM_MODIFIABLE, "is_modifiable"},
    };
    struct value *list = value_list(a->arena);
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (changes & names[i].bit)
            value_append(a->arena, list, value_string(a->arena, names[i].name));
    return list;
}

static void put_side(struct asking *a, struct value *o, const char *side, const struct rds_param *p)
{
    put(a, o, arena_printf(a->arena, "%s_allowed_values", side), p ? p->allowed_values : NULL);
    put(a, o, arena_printf(a->arena, "%s_apply_type", side), p ? p->apply_type : NULL);
    put(a, o, arena_printf(a->arena, "%s_default", side), p && p->has_value ? p->value : NULL);
}

static void put_own(struct asking *a, struct value *o, const struct translated *own)
{
    bool drops = a->q->drops_unsupported;
    put(a, o, "outcome", !own ? NULL : !own->refusal ? "carried" : drops ? "dropped" : "refused");
    put(a, o, "reason", own ? own->refusal : NULL);
    value_set(a->arena, o, "value", own ? value_string(a->arena, own->own->value) : &value_null);
}

static const struct value *parameter_value(struct asking *a, bool is_cluster, const struct param_diff *d)
{
    struct value *o = value_object(a->arena);
    value_set(a->arena, o, "changes", changes_value(a, d->changes));
    put(a, o, "level", level_name(is_cluster));
    put(a, o, "name", d->name);
    put(a, o, "target_name", d->after ? d->after->name : NULL);
    put_side(a, o, "source", d->before);
    put_side(a, o, "target", d->after);
    put_own(a, o, d->own);
    return o;
}

/* ---- one group ---- */

/* 0: not of ours. */
static int family_major(const char *family)
{
    static const char prefix[] = "aurora-postgresql";
    struct version v;
    return strncmp(family, prefix, sizeof prefix - 1) == 0 && version_parse(family + sizeof prefix - 1, &v)
               ? v.major
               : 0;
}

static bool check_group(struct asking *a, bool is_cluster, const char *name, const struct rds_group *g,
                        struct err *e)
{
    const char *level = level_name(is_cluster);
    const char *attribute = is_cluster ? "db_cluster_parameter_group_name" : "db_parameter_group_name";
    if (!g)
        (void)upgrade_fail(e, E_GROUP_UNKNOWN, "there is no %s parameter group %s in %s", level, name,
                           a->s->region ? a->s->region : aws_region(a->s->aws));
    else if (family_major(g->family) == 0)
        (void)upgrade_fail(e, E_GROUP_UNKNOWN, "%s parameter group %s is of family %s, not aurora-postgresql",
                           level, name, g->family);
    else if (family_major(g->family) > a->target.major)
        return upgrade_fail(e, E_TARGET_LOWER, "%s parameter group %s is of family %s, which is above %d",
                            level, name, g->family, a->target.major);
    else
        return true;
    return err_attribute(e, attribute);
}

/* AWS says InvalidParameterValue to a family it does not have. */
static bool read_family(struct asking *a, bool is_cluster, const char *family, struct params *ret,
                        struct err *e)
{
    struct err refused = ERR_INIT;
    if (rds_family_params(a->s, is_cluster, family, &ret->items, &ret->n, &refused))
        return true;
    if (refused.code != ERR_INVALID) {
        *e = refused;
        return err_wrap(e, "read the parameters of family %s", family);
    }
    (void)upgrade_fail(e, E_TARGET_INVALID, "AWS knows no parameter group family %s", family);
    return err_said(e, "%s", refused.said[0] ? refused.said : refused.text);
}

static void add_group(struct asking *a, bool is_cluster, const struct rds_group *g, const char *family)
{
    struct value *o = value_object(a->arena);
    put(a, o, "level", level_name(is_cluster));
    put(a, o, "name", g->name);
    put(a, o, "source_family", g->family);
    put(a, o, "target_family", family);
    value_append(a->arena, a->groups, o);
}

static bool one_group(struct asking *a, bool is_cluster, const char *name, struct err *e)
{
    const struct rds_group *g = NULL;
    const char *family = family_name(a->arena, a->target.major);
    struct params own = {0}, source = {0}, target = {0};
    size_t own_n = 0, n = 0;
    if (!name || !*name)
        return true;
    if (!rds_group_find(a->s, is_cluster, name, &g, e))
        return err_wrap(e, "look for parameter group %s", name);
    if (!check_group(a, is_cluster, name, g, e) || !group_overrides(a->s, is_cluster, name, &own, e) ||
        !read_family(a, is_cluster, g->family, &source, e) || !read_family(a, is_cluster, family, &target, e))
        return false;
    add_group(a, is_cluster, g, family);
    const struct translated *list = translate_params(a->arena, own, target, family, &own_n);
    const struct param_diff *diff = params_diff(a->arena, source, target, list, own_n, &n);
    for (size_t i = 0; i < n; i++)
        value_append(a->arena, a->parameters, parameter_value(a, is_cluster, &diff[i]));
    return true;
}

/* ---- whose groups ---- */

/* What the upgrade would say to this target; there is nothing to choose on the major a cluster already has.
 */
static bool check_target(struct asking *a, struct upgrade *u, struct err *e)
{
    int major = u->world.version.major;
    if (a->target.major < major)
        return upgrade_fail(e, E_TARGET_LOWER, "cluster %s runs %s, which is above %s", u->request.cluster,
                            u->world.production->engine_version, a->q->target);
    return a->target.major == major || resolve_version(u, e);
}

static bool groups_of_cluster(struct asking *a, struct old_sides *old_sides, struct err *e)
{
    struct upgrade u;
    const char *cluster_group = NULL, *instance_group = NULL;
    cluster_open(&u, a->s, old_sides, a->q->cluster);
    u.request.target = a->target;
    bool ok = cluster_need(&u, e) && check_target(a, &u, e);
    if (ok) {
        cluster_group = arena_strdup(a->arena, source_group(&u, true));
        instance_group = arena_strdup(a->arena, source_group(&u, false));
    }
    upgrade_done(&u);
    return ok && one_group(a, true, cluster_group, e) && one_group(a, false, instance_group, e);
}

bool group_diff(const struct aws_session *s, struct old_sides *old_sides, const struct group_question *q,
                const struct value **ret, struct err *e)
{
    struct asking a = {.q = q, .s = s, .arena = s->arena};
    struct value *out = value_object(s->arena);
    a.groups = value_list(s->arena);
    a.parameters = value_list(s->arena);
    if (!version_parse(q->target, &a.target))
        return upgrade_fail(e, E_TARGET_INVALID, "\"%s\" is not a version such as \"17\" or \"17.6\"",
                            q->target);
    if (q->cluster ? !groups_of_cluster(&a, old_sides, e)
                   : !one_group(&a, true, q->cluster_group, e) || !one_group(&a, false, q->instance_group, e))
        return false;
    put(&a, out, "region", s->region ? s->region : aws_region(s->aws));
    value_set(s->arena, out, "groups", a.groups);
    value_set(s->arena, out, "parameters", a.parameters);
    *ret = out;
    return true;
}
