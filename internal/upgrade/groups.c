/* The new version's parameter groups: the source's own overrides, translated into the target's family. */
#include "internal/upgrade/blue_green.h"
#include "internal/upgrade/errors.h"
#include "internal/upgrade/rehearsal.h"
#include "internal/upgrade/tags.h"

#include <string.h>

static const char *kind_name(bool is_cluster)
{
    return is_cluster ? "cluster" : "instance";
}

/* As a line of an error: the name, and with the value where that is the reason. */
static const char *refused_line(struct arena *a, const struct translated *t)
{
    return t->allowed ? arena_printf(a, "%s = %s (allowed: %s)", t->own->name, t->own->value, t->allowed)
                      : t->own->name;
}

static struct translation sorted_out(struct arena *a, const struct translated *list, size_t n)
{
    struct translation t = {0};
    struct rds_param *carried = ARENA_ARRAY(a, struct rds_param, n + 1);
    t.unsupported = ARENA_ARRAY(a, const char *, n + 1);
    for (size_t i = 0; i < n; i++) {
        if (list[i].refusal) {
            t.unsupported[t.unsupported_count++] = refused_line(a, &list[i]);
            continue;
        }
        struct rds_param p = *list[i].own;
        p.name = list[i].name;
        p.apply_method = list[i].apply_method;
        carried[t.carried_count++] = p;
    }
    t.carried = carried;
    return t;
}

bool group_overrides(const struct aws_session *s, bool is_cluster, const char *name, struct params *ret,
                     struct err *e)
{
    struct params own = {0};
    if (strncmp(name, "default.", 8) != 0 &&
        !rds_group_params(s, is_cluster, name, "user", &own.items, &own.n, e))
        return err_wrap(e, "read parameter group %s", name);
    *ret = own;
    return true;
}

bool translate_group(struct upgrade *u, bool is_cluster, struct translation *ret, struct err *e)
{
    struct params own = {0}, target = {0};
    const char *family = family_name(u->look, u->request.target.major);
    size_t n = 0;
    if (!group_overrides(&u->aws, is_cluster, source_group(u, is_cluster), &own, e))
        return false;
    if (own.n > 0 && !rds_family_params(&u->aws, is_cluster, family, &target.items, &target.n, e))
        return err_wrap(e, "read the parameters of family %s", family);
    const struct translated *list = translate_params(u->look, own, target, family, &n);
    *ret = sorted_out(u->look, list, n);
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
        const struct rds_param *p = params_find((struct params){present, n}, t->carried[i].name);
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
    const struct rds_param *p = params_find((struct params){params, n}, "rds.logical_replication");
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
    const struct rds_cluster *const clusters[] = {w->production, w->green, w->old, w->restored, w->aside};
    for (size_t i = 0; is_cluster && i < ARRAY_LEN(clusters); i++)
        if (clusters[i] && strcmp(clusters[i]->parameter_group, name) == 0)
            return true;
    for (size_t i = 0; !is_cluster && i < w->instance_count; i++)
        if (strcmp(w->instances[i]->parameter_group, name) == 0)
            return true;
    return false;
}

typedef bool group_act(struct upgrade *u, bool is_cluster, const char *name, bool *ret_any, struct err *e);

/* One that is in use or not ours stays. */
static bool if_ours(struct upgrade *u, bool is_cluster, const char *name, group_act *act, bool *ret_any,
                    struct err *e)
{
    const struct rds_group *g = NULL;
    bool ours = false;
    if (!rds_group_find(&u->aws, is_cluster, name, &g, e) || (g && !is_made_by_us(u, g, &ours, e)))
        return false;
    return !ours || in_use(u, is_cluster, name) || act(u, is_cluster, name, ret_any, e) ||
           err_wrap(e, "parameter group %s", name);
}

/* Copies of production's own group. An apply from an empty state, after the old side has gone, does not know
 * what the upgrade started from: then every major below the target is asked for. */
static bool each_copy(struct upgrade *u, group_act *act, bool *ret_any, struct err *e)
{
    enum { OLDEST_MAJOR = 11 }; /* the first with blue/green deployments */
    bool known = u->source_major > 0 && u->source_major < u->request.target.major;
    int last = known ? u->source_major : u->request.target.major - 1;
    for (int major = known ? last : OLDEST_MAJOR; major <= last; major++)
        if (!if_ours(u, true, managed_group_of(u, u->look, major), act, ret_any, e))
            return false;
    return true;
}

/* Every group a run of ours may have made. */
static bool each_of_ours(struct upgrade *u, group_act *act, bool *ret_any, struct err *e)
{
    bool may_rehearse = strcmp(u->strategy->resource, TAG_RESOURCE_IN_PLACE) == 0;
    return (!may_rehearse || if_ours(u, true, rehearsal_note_name(u, u->look), act, ret_any, e)) &&
           if_ours(u, true, group_name(u, u->look, true), act, ret_any, e) &&
           if_ours(u, false, group_name(u, u->look, false), act, ret_any, e) && each_copy(u, act, ret_any, e);
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
    if (!world_look(u, e) || !each_of_ours(u, note_one, &any, e))
        return false;
    *ret = !any;
    return true;
}

bool groups_remove(struct upgrade *u, struct err *e)
{
    bool any = false;
    return each_of_ours(u, delete_one, &any, e);
}

bool source_group_removed(struct upgrade *u, bool *ret, struct err *e)
{
    bool any = false;
    if (!world_look(u, e) || !each_copy(u, note_one, &any, e))
        return false;
    *ret = !any;
    return true;
}

bool source_group_remove(struct upgrade *u, struct err *e)
{
    bool any = false;
    return each_copy(u, delete_one, &any, e);
}
