/* Names move from the cluster that is left to the one that arrives, of a roll-back in place or of a logical
 * switch in either direction: old instances, old cluster, new cluster, new
 * instances. Each name is free before it is given; what moves is found by resource id and by tags, so that an
 * apply from anywhere goes on. */
#include "internal/upgrade/errors.h"
#include "internal/upgrade/roll_back.h"
#include "internal/upgrade/tags.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

enum { STUCK_READINGS = 240 }; /* a quarter of an hour */

typedef const char *new_name_of(struct upgrade *u, const struct rds_instance *i);

/* ---- one instance ---- */

/* AWS has taken the call: it says so in one way or the other. */
static bool is_moving(const struct rds_instance *i)
{
    return !is_available(i->status) || i->has_pending_changes;
}

static bool is_named(struct upgrade *u, const struct rds_instance *i, new_name_of *name)
{
    const char *wanted = name(u, i);
    return !wanted || strcasecmp(i->identifier, wanted) == 0;
}

static bool rename_all(struct upgrade *u, const struct rds_instance *const *list, size_t n, new_name_of *name,
                       struct err *e)
{
    for (size_t i = 0; i < n; i++) {
        if (is_named(u, list[i], name) || is_moving(list[i]))
            continue;
        const struct aws_field fields[] = {{"NewDBInstanceIdentifier", name(u, list[i])}, {NULL, NULL}};
        if (!rds_instance_set(&u->aws, list[i]->identifier, fields, e))
            return err_wrap(e, "rename instance %s to %s", list[i]->identifier, fields[0].value);
    }
    return true;
}

static bool all_asked(struct upgrade *u, const struct rds_instance *const *list, size_t n, new_name_of *name)
{
    for (size_t i = 0; i < n; i++)
        if (!is_named(u, list[i], name) && !is_moving(list[i]))
            return false;
    return true;
}

/* A rename that AWS gave up leaves the instance available under its present name. */
static bool all_named(struct upgrade *u, const struct rds_instance *const *list, size_t n, new_name_of *name,
                      bool *ret, struct err *e)
{
    const struct rds_instance *stuck = NULL;
    *ret = true;
    for (size_t i = 0; i < n; i++) {
        bool named = is_named(u, list[i], name), moving = is_moving(list[i]);
        *ret = *ret && named && is_available(list[i]->status);
        stuck = !named && !moving ? list[i] : stuck;
    }
    u->steady_readings = stuck ? u->steady_readings + 1 : 0;
    if (u->steady_readings < STUCK_READINGS)
        return true;
    u->steady_readings = 0;
    return upgrade_fail(e, E_RENAME_STUCK, "AWS does not rename instance %s to %s", stuck->identifier,
                        name(u, stuck));
}

/* ---- production's instances leave ---- */

/* Of the cluster that leaves; its instances' names are given by those that are to take them. */
static const char *name_aside(struct upgrade *u, const struct rds_instance *i)
{
    const struct world *w = &u->world;
    return twin_of(w->restored_instances, w->restored_instance_count, i->identifier)
               ? leaving_name(u, i->identifier)
               : NULL;
}

static bool has_left(const struct world *w)
{
    return !w->restored || !w->production ||
           strcmp(w->production->resource_id, w->restored->resource_id) == 0;
}

/* From here on it goes forward: the row after this one takes the first name away. */
bool names_move_done(struct upgrade *u, bool *ret, struct err *e)
{
    if (!world_need(u, e))
        return false;
    *ret = u->world.names_move || (!u->world.restored && u->world.aside);
    return true;
}

bool names_move_run(struct upgrade *u, struct err *e)
{
    char now[TIME_ISO_SIZE];
    time_iso(u->clock->wall_ms(u->clock), false, now);
    const struct rds_tag tag = {TAG_NAMES_MOVE, now};
    return rds_tag_add(&u->aws, u->world.restored->arn, (struct rds_tags){&tag, 1}, e) ||
           err_wrap(e, "write down that names of %s move", u->request.cluster);
}

bool instances_leave_done(struct upgrade *u, bool *ret, struct err *e)
{
    if (!world_need(u, e))
        return false;
    const struct world *w = &u->world;
    *ret = has_left(w) || all_asked(u, w->instances, w->instance_count, name_aside);
    return true;
}

bool instances_leave_run(struct upgrade *u, struct err *e)
{
    u->steady_readings = 0;
    return rename_all(u, u->world.instances, u->world.instance_count, name_aside, e);
}

bool instances_left(struct upgrade *u, bool *ret, struct err *e)
{
    if (!world_need(u, e))
        return false;
    if (!has_left(&u->world))
        return all_named(u, u->world.instances, u->world.instance_count, name_aside, ret, e);
    *ret = true;
    return true;
}

/* ---- the clusters ---- */

static bool rename_cluster(struct upgrade *u, const struct rds_cluster *k, const char *name, int protection,
                           struct err *e)
{
    struct rds_cluster_change change = RDS_CLUSTER_CHANGE_INIT;
    change.new_identifier = name;
    change.deletion_protection = protection;
    change.apply_immediately = true;
    u->steady_readings = 0;
    return rds_cluster_modify(&u->aws, k->identifier, &change, e) ||
           err_wrap(e, "rename cluster %s to %s", k->identifier, name);
}

static bool is_renaming(const struct rds_cluster *k)
{
    return !is_available(k->status) || k->has_pending_changes;
}

/* Available under its present name, reading after reading: AWS gave it up. */
static bool not_stuck(struct upgrade *u, const struct rds_cluster *k, const char *name, struct err *e)
{
    u->steady_readings = k && !is_renaming(k) ? u->steady_readings + 1 : 0;
    if (u->steady_readings < STUCK_READINGS)
        return true;
    u->steady_readings = 0;
    return upgrade_fail(e, E_RENAME_STUCK, "AWS does not rename cluster %s to %s", k->identifier, name);
}

bool cluster_leaves_done(struct upgrade *u, bool *ret, struct err *e)
{
    if (!world_need(u, e))
        return false;
    *ret = has_left(&u->world) || is_renaming(u->world.production);
    return true;
}

bool cluster_leaves_run(struct upgrade *u, struct err *e)
{
    return rename_cluster(u, u->world.production, leaving_name(u, u->request.cluster), -1, e);
}

bool cluster_left(struct upgrade *u, bool *ret, struct err *e)
{
    if (!world_need(u, e))
        return false;
    const struct world *w = &u->world;
    const struct rds_cluster *aside = world_put_aside(w);
    *ret = has_left(w) && aside && is_available(aside->status) &&
           strcasecmp(aside->identifier, u->request.cluster) != 0;
    return *ret || has_left(w) || not_stuck(u, w->production, leaving_name(u, u->request.cluster), e);
}

static bool need_aside(struct upgrade *u, struct err *e)
{
    if (!world_need(u, e))
        return false;
    return world_put_aside(&u->world) ||
           upgrade_fail(e, E_RENAME_STUCK, "the cluster that %s was has disappeared", u->request.cluster);
}

bool aside_noted(struct upgrade *u, bool *ret, struct err *e)
{
    if (!need_aside(u, e))
        return false;
    *ret = rds_tag_value(&u->world.aside->tags, TAG_OLD_OF) &&
           rds_tag_value(&u->world.aside->tags, TAG_REPLACED_BY);
    return true;
}

bool aside_note(struct upgrade *u, struct err *e)
{
    const struct rds_tag tags[] = {{TAG_CLUSTER, u->request.cluster},
                                   {TAG_RESOURCE, TAG_RESOURCE_IN_PLACE},
                                   {TAG_OLD_OF, u->request.cluster},
                                   {TAG_REPLACED_BY, u->world.restored->resource_id}};
    return rds_tag_add(&u->aws, u->world.aside->arn, (struct rds_tags){tags, ARRAY_LEN(tags)}, e) ||
           err_wrap(e, "tag cluster %s", u->world.aside->identifier);
}

bool restored_untagged(struct upgrade *u, bool *ret, struct err *e)
{
    if (!world_need(u, e))
        return false;
    *ret = !u->world.restored || !rds_tag_value(&u->world.restored->tags, TAG_CLUSTER);
    return true;
}

/* Whom it replaces goes last with the rest: one call. */
bool restored_untag(struct upgrade *u, struct err *e)
{
    static const char *const keys[] = {TAG_CLUSTER,    TAG_RESOURCE, TAG_SNAPSHOT,
                                       TAG_NAMES_MOVE, TAG_REPLACES, NULL};
    return rds_tag_remove(&u->aws, u->world.restored->arn, keys, e) ||
           err_wrap(e, "take our tags from cluster %s", u->world.restored->identifier);
}

static bool has_arrived(const struct upgrade *u)
{
    const struct rds_cluster *r = u->world.restored;
    return !r || strcasecmp(r->identifier, u->request.cluster) == 0;
}

bool cluster_arrives_done(struct upgrade *u, bool *ret, struct err *e)
{
    if (!world_need(u, e))
        return false;
    *ret = has_arrived(u) || is_renaming(u->world.restored);
    return true;
}

/* With the protection that production had: the cluster put aside still has it. */
bool cluster_arrives_run(struct upgrade *u, struct err *e)
{
    const struct rds_cluster *p = u->world.aside;
    return rename_cluster(u, u->world.restored, u->request.cluster, p ? p->deletion_protection : -1, e);
}

bool cluster_arrived(struct upgrade *u, bool *ret, struct err *e)
{
    if (!world_need(u, e))
        return false;
    *ret = has_arrived(u) && is_available(u->world.production->status);
    return has_arrived(u) || not_stuck(u, u->world.restored, u->request.cluster, e);
}

/* ---- the restored instances arrive ---- */

static const char *name_taken(struct upgrade *u, const struct rds_instance *i)
{
    (void)u;
    return rds_tag_value(&i->tags, TAG_TWIN_OF);
}

bool instances_arrive_done(struct upgrade *u, bool *ret, struct err *e)
{
    if (!world_need(u, e))
        return false;
    *ret = all_asked(u, u->world.instances, u->world.instance_count, name_taken);
    return true;
}

bool instances_arrive_run(struct upgrade *u, struct err *e)
{
    u->steady_readings = 0;
    return rename_all(u, u->world.instances, u->world.instance_count, name_taken, e);
}

bool instances_arrived(struct upgrade *u, bool *ret, struct err *e)
{
    return world_need(u, e) && all_named(u, u->world.instances, u->world.instance_count, name_taken, ret, e);
}

bool instances_untagged(struct upgrade *u, bool *ret, struct err *e)
{
    if (!world_need(u, e))
        return false;
    *ret = true;
    for (size_t i = 0; i < u->world.instance_count; i++)
        *ret = *ret && !rds_tag_value(&u->world.instances[i]->tags, TAG_TWIN_OF);
    return true;
}

bool instances_untag(struct upgrade *u, struct err *e)
{
    static const char *const keys[] = {TAG_CLUSTER,        TAG_RESOURCE, TAG_SOURCE_VERSION,
                                       TAG_TARGET_VERSION, TAG_TWIN_OF,  NULL};
    for (size_t i = 0; i < u->world.instance_count; i++)
        if (rds_tag_value(&u->world.instances[i]->tags, TAG_TWIN_OF) &&
            !rds_tag_remove(&u->aws, u->world.instances[i]->arn, keys, e))
            return err_wrap(e, "take our tags from instance %s", u->world.instances[i]->identifier);
    return true;
}

/* ---- over ---- */

bool aside_protected(struct upgrade *u, bool *ret, struct err *e)
{
    if (!need_aside(u, e))
        return false;
    *ret = world_put_aside(&u->world)->deletion_protection;
    return true;
}

bool aside_protect(struct upgrade *u, struct err *e)
{
    struct rds_cluster_change change = RDS_CLUSTER_CHANGE_INIT;
    change.deletion_protection = 1;
    change.apply_immediately = true;
    const struct rds_cluster *aside = world_put_aside(&u->world);
    return rds_cluster_modify(&u->aws, aside->identifier, &change, e) ||
           err_wrap(e, "protect %s", aside->identifier);
}

bool back_version_check(struct upgrade *u, bool *ret, struct err *e)
{
    struct pg *c CLEANUP(pg_cleanup) = NULL;
    if (!world_need(u, e))
        return false;
    const struct rds_cluster *k = u->world.production;
    *ret = true;
    if (u->world.version.major != u->source_major)
        return upgrade_fail(e, E_RESTORE_DIFFERS, "%s runs %s after the roll-back", k->identifier,
                            k->engine_version);
    if (!u->has_login)
        return true;
    if (!side_open(u, SIDE_BLUE, NULL, true, &c, e) || !pg_probe_writable(c, e))
        return err_wrap(e, "write to %s after the roll-back", k->identifier);
    return pg_server_version(c) / 10000 == u->source_major ||
           upgrade_fail(e, E_RESTORE_DIFFERS, "the endpoint of %s answers from a server of version %d",
                        k->identifier, pg_server_version(c));
}

bool roll_back_noted(struct upgrade *u, bool *ret, struct err *e)
{
    if (!need_aside(u, e))
        return false;
    *ret = rds_tag_value(&u->world.aside->tags, TAG_ROLLED_BACK_AT) != NULL;
    return true;
}

bool roll_back_note(struct upgrade *u, struct err *e)
{
    char now[TIME_ISO_SIZE];
    time_iso(u->clock->wall_ms(u->clock), false, now);
    const struct rds_tag tag = {TAG_ROLLED_BACK_AT, now};
    return rds_tag_add(&u->aws, u->world.aside->arn, (struct rds_tags){&tag, 1}, e) ||
           err_wrap(e, "write down that %s is rolled back", u->request.cluster);
}
