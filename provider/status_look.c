/* Which upgrade of a cluster there is, seen without a configuration. */
#include "provider/cluster_facts.h"
#include "provider/upgrade_status.h"

#include "internal/upgrade/blue_green.h"
#include "internal/upgrade/errors.h"
#include "internal/upgrade/roll_back.h"
#include "internal/upgrade/tags.h"

#include <string.h>
#include <strings.h>

bool group_owner(struct upgrade *u, bool is_cluster, const char *name, struct group_owner *ret, struct err *e)
{
    const struct rds_group *g = NULL;
    struct rds_tags tags = {0};
    struct version target = {0};
    if (strncmp(name, "default.", 8) != 0 && !rds_group_find(&u->aws, is_cluster, name, &g, e))
        return err_wrap(e, "look for parameter group %s", name);
    if (g && !rds_tag_list(&u->aws, g->arn, &tags, e))
        return err_wrap(e, "read the tags of parameter group %s", name);
    const char *owner = rds_tag_value(&tags, TAG_CLUSTER), *resource = rds_tag_value(&tags, TAG_RESOURCE),
               *version = rds_tag_value(&tags, TAG_TARGET_VERSION);
    *ret = (struct group_owner){
        .is_ours = owner && strcasecmp(owner, u->request.cluster) == 0,
        .is_in_place = resource && strcmp(resource, TAG_RESOURCE_IN_PLACE) == 0,
        .target = version && version_parse(version, &target) ? target.major : 0,
    };
    return true;
}

/* What one kind has seen would send the other's look astray: what a roll-back put aside is no old side. */
static void become(struct upgrade *u, const struct upgrade_kind *kind)
{
    if (u->strategy != kind->strategy) {
        u->history = (struct history){0};
        u->old_searched = false;
    }
    u->strategy = kind->strategy;
}

static bool look_as(struct upgrade *u, const struct upgrade_kind *kind, struct err *e)
{
    become(u, kind);
    return world_look(u, e);
}

static bool shows_roll_back(const struct world *w)
{
    return w->restored || w->aside;
}

/* In place is what tags of snapshots and clusters tell, logical a clone. */
bool look_for_other_runs(struct upgrade *u, const struct upgrade_kind **ret, struct err *e)
{
    *ret = &kind_blue_green;
    if (u->world.deployment || u->world.old || u->world.is_deleting)
        return true;
    if (!look_as(u, &kind_in_place, e))
        return false;
    *ret = &kind_in_place;
    if (world_has_run(&u->world) || shows_roll_back(&u->world) || u->world.rehearsal)
        return true;
    if (!look_as(u, &kind_logical, e))
        return false;
    *ret = world_has_run(&u->world) || u->world.names_stay ? &kind_logical : &kind_blue_green;
    become(u, *ret);
    return true;
}

static bool look_for_run(struct operation *o, struct err *e)
{
    struct upgrade *u = &o->upgrade;
    return look_as(u, &kind_blue_green, e) && look_for_other_runs(u, &o->kind, e);
}

/* In the gap between two renames nobody bears the name, and nothing is known yet that would tell. */
static bool look_for_moving(struct upgrade *u, struct err *e)
{
    const struct rds_bluegreen *const *all = NULL;
    size_t n = 0;
    if (u->world.production || world_has_run(&u->world) || u->deployment_hint)
        return true;
    if (!rds_bluegreen_list(&u->aws, &all, &n, e))
        return err_wrap(e, "look for a switchover of %s", u->request.cluster);
    for (size_t i = 0; i < n; i++)
        if (cluster_concerns(all[i], u->request.cluster))
            u->deployment_hint = arena_strdup(u->arena, all[i]->identifier);
    return !u->deployment_hint || world_look(u, e);
}

static bool is_there(const struct upgrade *u, struct err *e)
{
    const struct world *w = &u->world;
    const char *region = u->aws.region ? u->aws.region : aws_region(u->aws.aws);
    if (!w->production && !world_has_run(w) && !w->aside && !w->is_deleting)
        return upgrade_fail(e, E_CLUSTER_ABSENT, "there is no cluster %s in %s", u->request.cluster, region);
    if (w->production && strcmp(w->production->engine, "aurora-postgresql") != 0)
        return upgrade_fail(e, E_WRONG_ENGINE, "cluster %s runs %s, not aurora-postgresql",
                            u->request.cluster, w->production->engine);
    return true;
}

/* After `completed` only the groups that production has from it tell. */
static bool was_upgraded(struct operation *o, bool *ret, struct err *e)
{
    struct upgrade *u = &o->upgrade;
    const struct world *w = &u->world;
    struct group_owner owner = {0};
    *ret = w->names_stay && w->reached == STAGE_COMPLETED;
    if (*ret || !w->production || world_has_run(w) || w->aside)
        return true;
    if (!group_owner(u, true, w->production->parameter_group, &owner, e))
        return false;
    *ret = owner.is_ours && owner.target == w->version.major;
    if (*ret && owner.is_in_place)
        o->kind = &kind_in_place;
    become(u, o->kind);
    return true;
}

/* What was rolled back went where the cluster put aside is. */
static struct version target_of(const struct world *w)
{
    struct version v = {0};
    if (w->run_target.major)
        return w->run_target;
    return w->aside && version_parse(w->aside->engine_version, &v) ? v : w->version;
}

bool status_look(struct operation *o, enum flow_stage *ret_reached, struct err *e)
{
    struct upgrade *u = &o->upgrade;
    struct version source = {0};
    bool completed = false;
    if (!look_for_run(o, e) || !look_for_moving(u, e) || !is_there(u, e) || !was_upgraded(o, &completed, e))
        return false;
    const struct world *w = &u->world;
    u->request.target = target_of(w);
    u->source_major = u->history.source_version && version_parse(u->history.source_version, &source)
                          ? source.major
                          : w->version.major;
    u->is_serverless = w->production && w->production->serverless_v2;
    *ret_reached = world_has_run(w)       ? w->reached
                   : roll_back_is_over(w) ? STAGE_ROLLED_BACK
                   : completed            ? STAGE_COMPLETED
                                          : STAGE_NONE;
    return true;
}
