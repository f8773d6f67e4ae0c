/* Production's own parameter group: touched only with source_parameters = "manage", rebooted only with
 * allow_reboot. The user's group is never modified: a completed copy of it is attached, and given back by a
 * roll-back. */
#include "internal/upgrade/blue_green.h"
#include "internal/upgrade/errors.h"
#include "internal/upgrade/tags.h"

#include <string.h>

static bool all_met(const struct parameter_need needs[PARAMETER_NEEDS])
{
    for (size_t i = 0; i < PARAMETER_NEEDS; i++)
        if (!needs[i].is_met)
            return false;
    return true;
}

bool source_parameters_done(struct upgrade *u, bool *ret, struct err *e)
{
    struct parameter_need needs[PARAMETER_NEEDS];
    if (!world_need(u, e) || !parameter_needs(u, needs, e))
        return false;
    *ret = all_met(needs);
    return true;
}

static bool make_copy(struct upgrade *u, const char *name, const char *from, struct err *e)
{
    struct rds_tags tags = run_tags(u, u->look);
    struct rds_tag *with = ARENA_ARRAY(u->look, struct rds_tag, tags.count + 1);
    memcpy(with, tags.tags, tags.count * sizeof *with);
    with[tags.count] = (struct rds_tag){TAG_REPLACED_GROUP, from};
    struct err made = ERR_INIT;
    if (!rds_group_create(
            &u->aws, true, name, family_name(u->look, u->world.version.major),
            arena_printf(u->look, "Copy of %s, completed for the upgrade of %s", from, u->request.cluster),
            (struct rds_tags){with, tags.count + 1}, &made) &&
        made.code != ERR_CONFLICT) {
        *e = made;
        return err_wrap(e, "make parameter group %s", name);
    }
    return true;
}

static bool fill_copy(struct upgrade *u, const char *name, const char *from, struct err *e)
{
    struct parameter_need needs[PARAMETER_NEEDS];
    const struct rds_param *own = NULL;
    size_t n = 0, count = 0, cap = 0;
    struct rds_param *all = NULL;
    if (!parameter_needs(u, needs, e) || !rds_group_params(&u->aws, true, from, "user", &own, &n, e))
        return false;
    for (size_t i = 0; i < n; i++)
        if (own[i].has_value)
            ARR_PUSH(u->look, all, count, cap, own[i]);
    for (size_t i = 0; i < PARAMETER_NEEDS; i++) {
        struct rds_param p = {.name = needs[i].name,
                              .value = arena_strdup(u->look, needs[i].wanted),
                              .apply_method = "pending-reboot",
                              .has_value = true};
        if (!needs[i].is_met)
            ARR_PUSH(u->look, all, count, cap, p);
    }
    return rds_group_set(&u->aws, true, name, all, count, e);
}

bool source_parameters_run(struct upgrade *u, struct err *e)
{
    const char *name = managed_group_name(u, u->look), *from = u->world.production->parameter_group;
    bool attached = strcmp(name, from) == 0; /* by an apply that was cut short */
    if (!attached && !make_copy(u, name, from, e))
        return false;
    if (!fill_copy(u, name, from, e))
        return err_wrap(e, "complete parameter group %s", name);
    struct rds_cluster_change change = RDS_CLUSTER_CHANGE_INIT;
    change.parameter_group = name;
    change.apply_immediately = true;
    return attached || rds_cluster_modify(&u->aws, u->request.cluster, &change, e);
}

/* ---- reboot ---- */

static bool is_pending(const char *status)
{
    return strcmp(status, "pending-reboot") == 0;
}

/* A group that was just attached is `applying` at first; only then AWS says what needs a reboot. */
bool source_settled(struct upgrade *u, bool *ret, struct err *e)
{
    if (!world_need(u, e))
        return false;
    bool settled = is_available(u->world.production->status);
    for (size_t i = 0; i < u->world.production->member_count; i++)
        settled = settled && strcmp(u->world.production->members[i].parameter_group_status, "applying") != 0;
    *ret = settled;
    return true;
}

static bool waits_for_reboot(const struct upgrade *u, const struct rds_member *m)
{
    for (size_t i = 0; i < u->world.instance_count; i++)
        if (strcmp(u->world.instances[i]->identifier, m->identifier) == 0 &&
            strcmp(u->world.instances[i]->status, "rebooting") == 0)
            return false;
    return is_pending(m->parameter_group_status);
}

bool source_reboot_done(struct upgrade *u, bool *ret, struct err *e)
{
    if (!world_need(u, e))
        return false;
    bool waiting = false;
    for (size_t i = 0; i < u->world.production->member_count; i++)
        waiting = waiting || waits_for_reboot(u, &u->world.production->members[i]);
    *ret = !waiting;
    return true;
}

bool source_reboot_run(struct upgrade *u, struct err *e)
{
    const struct rds_cluster *k = u->world.production;
    for (int writers_first = 1; writers_first >= 0; writers_first--)
        for (size_t i = 0; i < k->member_count; i++)
            if (k->members[i].is_writer == (writers_first == 1) && waits_for_reboot(u, &k->members[i]) &&
                !rds_instance_reboot(&u->aws, k->members[i].identifier, e))
                return err_wrap(e, "reboot %s", k->members[i].identifier);
    return true;
}

bool source_in_sync(struct upgrade *u, bool *ret, struct err *e)
{
    const char *busy = NULL;
    if (!world_need(u, e))
        return false;
    bool in_sync = is_available(u->world.production->status) &&
                   instances_available(u->world.instances, u->world.instance_count, &busy);
    for (size_t i = 0; i < u->world.production->member_count; i++)
        in_sync = in_sync && strcmp(u->world.production->members[i].parameter_group_status, "in-sync") == 0;
    *ret = in_sync;
    return true;
}

/* ---- giving it back ---- */

static bool replaced_group(struct upgrade *u, const char **ret, struct err *e)
{
    const struct rds_group *group = NULL;
    struct rds_tags tags = {0};
    const char *name = managed_group_name(u, u->look);
    *ret = NULL;
    if (!u->world.production || strcmp(u->world.production->parameter_group, name) != 0)
        return true;
    if (!rds_group_find(&u->aws, true, name, &group, e))
        return false;
    if (group && !rds_tag_list(&u->aws, group->arn, &tags, e))
        return false;
    *ret = rds_tag_value(&tags, TAG_REPLACED_GROUP);
    return true;
}

bool source_parameters_restored(struct upgrade *u, bool *ret, struct err *e)
{
    const char *theirs = NULL;
    if (!world_look(u, e) || !replaced_group(u, &theirs, e))
        return false;
    *ret = theirs == NULL;
    return true;
}

bool source_parameters_restore(struct upgrade *u, struct err *e)
{
    const char *theirs = NULL;
    struct rds_cluster_change change = RDS_CLUSTER_CHANGE_INIT;
    if (!replaced_group(u, &theirs, e))
        return false;
    if (!theirs)
        return true;
    change.parameter_group = theirs;
    change.apply_immediately = true;
    return rds_cluster_modify(&u->aws, u->request.cluster, &change, e);
}
