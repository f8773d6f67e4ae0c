/* What is left over: the old side after the switch, everything of ours before it. Always by resource id,
 * never by a guessed name. */
#include "internal/upgrade/blue_green.h"
#include "internal/upgrade/errors.h"
#include "internal/upgrade/tags.h"

#include <string.h>
#include <strings.h>

int64_t retention_ends(const struct upgrade *u)
{
    const struct world *w = &u->world;
    const struct rds_tags *noted = w->old ? &switch_notes(w)->tags : w->snapshot ? w->facts : NULL;
    int64_t switched = noted ? tag_time(noted, TAG_SWITCHED_AT) : 0;
    return (switched ? switched : u->clock->wall_ms(u->clock)) + u->request.retain_old_ms;
}

bool retention_check(struct upgrade *u, bool *ret, struct err *e)
{
    if (!world_need(u, e))
        return false;
    const struct world *w = &u->world;
    const char *kept = w->old ? w->old->identifier : w->snapshot ? w->snapshot->identifier : NULL;
    int64_t ends = retention_ends(u);
    *ret = !kept || u->clock->wall_ms(u->clock) >= ends;
    if (*ret)
        return true;
    char date[TIME_ISO_SIZE];
    time_iso(ends, false, date);
    return upgrade_fail(e, E_RETENTION, "%s, what %s was before, is kept until %s (retain_old_for)", kept,
                        u->request.cluster, date);
}

bool deployment_removed(struct upgrade *u, bool *ret, struct err *e)
{
    if (!world_look(u, e))
        return false;
    *ret = u->world.deployment == NULL;
    return true;
}

bool deployment_gone(struct upgrade *u, bool *ret, struct err *e)
{
    if (!world_look(u, e))
        return false;
    *ret = !u->world.deployment && !u->world.is_deleting;
    return true;
}

static bool delete_deployment(struct upgrade *u, bool with_green, struct err *e)
{
    const struct rds_bluegreen *d = u->world.deployment;
    if (!d)
        return true;
    return rds_bluegreen_delete(&u->aws, d->identifier, with_green, e) ||
           err_wrap(e, "delete deployment %s", d->name);
}

/* The deployment is what tells the old side from any other cluster: before it goes, the tag must be there. */
bool deployment_remove(struct upgrade *u, struct err *e)
{
    bool noted = !u->world.old || rds_tag_value(&u->world.old->tags, TAG_OLD_OF);
    return (noted || old_note(u, e)) && delete_deployment(u, false, e);
}

/* ---- the old side ---- */

static const struct rds_cluster *old_of(const struct upgrade *u)
{
    return world_put_aside(&u->world);
}

/* The last line of defence before anything is changed or deleted: it is not production, and it is what the
 * switch, or a roll-back, put aside. */
static bool is_the_old_one(const struct upgrade *u, struct err *e)
{
    const struct world *w = &u->world;
    bool ours = rds_tag_value(&old_of(u)->tags, TAG_OLD_OF) != NULL;
    bool other = w->production && strcmp(old_of(u)->resource_id, w->production->resource_id) != 0 &&
                 strcasecmp(old_of(u)->identifier, u->request.cluster) != 0;
    if (ours && other)
        return true;
    return err_set(e, ERR_BUG, "refusing to touch %s: it is not positively the old side of %s",
                   old_of(u)->identifier, u->request.cluster);
}

static bool unprotect(struct upgrade *u, const struct rds_cluster *k, struct err *e)
{
    struct rds_cluster_change change = RDS_CLUSTER_CHANGE_INIT;
    change.deletion_protection = 0;
    change.apply_immediately = true;
    return rds_cluster_modify(&u->aws, k->identifier, &change, e) ||
           err_wrap(e, "lift the deletion protection of %s", k->identifier);
}

bool old_unprotected(struct upgrade *u, bool *ret, struct err *e)
{
    if (!world_look(u, e))
        return false;
    *ret = !old_of(u) || !old_of(u)->deletion_protection;
    return true;
}

bool old_unprotect(struct upgrade *u, struct err *e)
{
    return is_the_old_one(u, e) && unprotect(u, old_of(u), e);
}

static bool old_instances(struct upgrade *u, const struct rds_instance *const **ret, size_t *ret_n,
                          struct err *e)
{
    *ret_n = 0;
    return !old_of(u) || rds_instance_list(&u->aws, old_of(u)->identifier, ret, ret_n, e);
}

bool old_instances_deleted(struct upgrade *u, bool *ret, struct err *e)
{
    const struct rds_instance *const *list = NULL;
    size_t n = 0;
    if (!world_look(u, e) || !old_instances(u, &list, &n, e))
        return false;
    bool all = true;
    for (size_t i = 0; i < n; i++)
        all = all && strcmp(list[i]->status, "deleting") == 0;
    *ret = all;
    return true;
}

bool old_instances_delete(struct upgrade *u, struct err *e)
{
    const struct rds_instance *const *list = NULL;
    size_t n = 0;
    if (!is_the_old_one(u, e) || !old_instances(u, &list, &n, e))
        return false;
    for (size_t i = 0; i < n; i++)
        if (strcmp(list[i]->status, "deleting") != 0 && !rds_instance_delete(&u->aws, list[i]->identifier, e))
            return err_wrap(e, "delete instance %s", list[i]->identifier);
    return true;
}

bool old_cluster_deleted(struct upgrade *u, bool *ret, struct err *e)
{
    if (!world_look(u, e))
        return false;
    *ret = !old_of(u) || strcmp(old_of(u)->status, "deleting") == 0;
    return true;
}

bool old_cluster_delete(struct upgrade *u, struct err *e)
{
    return is_the_old_one(u, e) &&
           rds_cluster_delete(&u->aws, old_of(u)->identifier, final_snapshot_name(u, u->look), false, e);
}

bool old_gone(struct upgrade *u, bool *ret, struct err *e)
{
    if (!world_look(u, e))
        return false;
    *ret = old_of(u) == NULL;
    return true;
}

/* ---- before the switch ---- */

bool not_switched_check(struct upgrade *u, bool *ret, struct err *e)
{
    if (!world_look(u, e))
        return false;
    const struct rds_bluegreen *d = u->world.deployment;
    if (d && strcmp(d->status, "SWITCHOVER_IN_PROGRESS") == 0)
        return upgrade_fail(e, E_SWITCHOVER_RUNNING, "AWS is switching %s over at this moment",
                            u->request.cluster);
    if (u->world.snapshot && u->world.production && strcmp(u->world.production->status, "upgrading") == 0)
        return upgrade_fail(e, E_UPGRADE_RUNNING, "AWS is upgrading %s at this moment", u->request.cluster);
    if (u->world.is_switching)
        return upgrade_fail(e, E_SWITCH_UNDERWAY, "names of %s move to the new version at this moment",
                            u->request.cluster);
    *ret = u->world.reached != STAGE_SWITCHED;
    return *ret ||
           upgrade_fail(e, (enum upgrade_error)u->strategy->no_way_back, "%s is already switched to %s",
                        u->request.cluster,
                        u->world.production ? u->world.production->engine_version : "the new version");
}

bool green_unprotected(struct upgrade *u, bool *ret, struct err *e)
{
    if (!world_look(u, e))
        return false;
    *ret = !u->world.green || !u->world.green->deletion_protection;
    return true;
}

bool green_unprotect(struct upgrade *u, struct err *e)
{
    return unprotect(u, u->world.green, e);
}

bool green_deployment_remove(struct upgrade *u, struct err *e)
{
    return delete_deployment(u, true, e);
}

bool green_gone(struct upgrade *u, bool *ret, struct err *e)
{
    const struct rds_cluster *green = NULL;
    if (!world_look(u, e))
        return false;
    if (u->history.green_identifier && !rds_cluster_find(&u->aws, u->history.green_identifier, &green, e))
        return err_wrap(e, "look for %s", u->history.green_identifier);
    *ret = green == NULL && !u->world.is_deleting;
    return true;
}
