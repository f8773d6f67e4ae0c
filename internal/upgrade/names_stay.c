/* A logical switch that moves no name (cutover.endpoint = "none", and "route53"): the clone becomes
 * production under its own name, and the cluster it came from keeps its, fenced, and stays the user's. Which
 * of the two is production is found by tags of the clone alone. */
#include "internal/upgrade/errors.h"
#include "internal/upgrade/logical_switch.h"
#include "internal/upgrade/record.h"
#include "internal/upgrade/tags.h"

#include "internal/pg/identity.h"
#include "internal/pg/logical.h"

#include <string.h>

static const char *tag(const struct rds_cluster *k, const char *key)
{
    return rds_tag_value(&k->tags, key);
}

/* ---- the look ---- */

static void clone_is_production(struct world *w)
{
    const struct rds_cluster *clone = w->green, *left = w->production;
    bool is_over = tag(clone, TAG_COMPLETED_AT) != NULL;
    w->production = clone;
    w->instances = w->green_instances;
    w->instance_count = w->green_instance_count;
    (void)!version_parse(clone->engine_version, &w->version);
    w->old = is_over ? NULL : left;
    w->facts = is_over ? NULL : &clone->tags;
    w->is_ours = !is_over;
    w->reached = is_over ? STAGE_COMPLETED : STAGE_SWITCHED;
}

/* Until all of the way back is done it is as if names moved: nothing else may begin. */
static void clone_is_left(struct world *w, const struct names_way *back)
{
    w->aside = w->green;
    w->facts = &w->aside->tags;
    if (tag(w->aside, TAG_ROLLED_BACK_AT) || !w->production)
        return;
    w->names_move = true;
    w->restored = w->production;
    w->way = back;
    w->reached = STAGE_SWITCHED;
}

bool names_stay_look(struct world *w, const struct names_way *back)
{
    if (!w->green || !tag(w->green, TAG_NAMES_STAY))
        return false;
    w->names_stay = true;
    if (tag(w->green, TAG_RETURNED_AT))
        clone_is_left(w, back);
    else
        clone_is_production(w);
    w->green = NULL;
    w->green_instances = NULL;
    w->green_instance_count = 0;
    return true;
}

/* ---- rows ---- */

/* What the switch has begun with is what it ends with; it begins, for a record, with its time to live. */
bool endpoint_way_holds(const struct upgrade *u, struct err *e)
{
    const struct world *w = &u->world;
    const struct record_request *asked = &u->request.record;
    struct record_note n;
    if (record_noted(u, &n))
        return (asked->is_led && (!asked->zone || strcmp(asked->zone, n.zone) == 0) &&
                (!asked->name || strcmp(asked->name, n.name) == 0)) ||
               upgrade_fail(e, E_ENDPOINT_WAY,
                            "the upgrade of %s leads record %s of zone %s (cutover.endpoint = \"route53\")",
                            u->request.cluster, n.name, n.zone);
    bool is_known = w->old || w->names_move;
    return !is_known || (w->names_stay == u->request.keeps_names && !asked->is_led) ||
           upgrade_fail(e, E_ENDPOINT_WAY, "%s was switched with cutover.endpoint = \"%s\"",
                        u->request.cluster, w->names_stay ? "none" : "rename");
}

bool endpoint_way_check(struct upgrade *u, bool *ret, struct err *e)
{
    *ret = true;
    return world_look(u, e) && endpoint_way_holds(u, e);
}

static bool has_some(struct upgrade *u, struct pg *c, const char *database, void *arg, struct err *e)
{
    struct pg_publication p;
    bool *any = arg;
    int64_t identities = 0;
    (void)database;
    if (!pg_publication_find(c, u->look, LOGICAL_NAME, &p, e) || !pg_identity_changed(c, &identities, e))
        return false;
    *any = *any || p.exists || identities > 0;
    return true;
}

/* The access list from before the fence stays there: it is the user's to open that cluster again. */
bool old_cleared(struct upgrade *u, bool *ret, struct err *e)
{
    struct pg *c CLEANUP(pg_cleanup) = NULL;
    bool any = false, has_role = false;
    if (!world_need(u, e))
        return false;
    if (u->world.old && (!side_each_database(u, SIDE_OLD, false, has_some, &any, e) ||
                         !side_open(u, SIDE_OLD, NULL, false, &c, e) ||
                         !pg_replication_role_exists(c, LOGICAL_ROLE, &has_role, e)))
        return false;
    *ret = !any && !has_role;
    return true;
}

static bool clear(struct upgrade *u, struct pg *c, const char *database, void *arg, struct err *e)
{
    (void)u;
    (void)database;
    (void)arg;
    return pg_subscription_drop(c, LOGICAL_NAME, e) && pg_publication_drop(c, LOGICAL_NAME, e) &&
           pg_identity_put_back(c, e) && pg_replication_role_leave(c, LOGICAL_ROLE, e);
}

bool old_clear(struct upgrade *u, struct err *e)
{
    struct pg *c CLEANUP(pg_cleanup) = NULL;
    return side_each_database(u, SIDE_OLD, true, clear, NULL, e) &&
           side_open(u, SIDE_OLD, NULL, true, &c, e) && pg_replication_role_drop(c, LOGICAL_ROLE, e);
}

bool stay_completed(struct upgrade *u, bool *ret, struct err *e)
{
    if (!world_need(u, e))
        return false;
    *ret = !u->world.names_stay || tag(u->world.production, TAG_COMPLETED_AT) != NULL;
    return true;
}

bool stay_complete(struct upgrade *u, struct err *e)
{
    char date[TIME_ISO_SIZE];
    time_iso(u->clock->wall_ms(u->clock), false, date);
    const struct rds_tag t = {TAG_COMPLETED_AT, date};
    return rds_tag_add(&u->aws, u->world.production->arn, (struct rds_tags){&t, 1}, e) ||
           err_wrap(e, "write down that the upgrade of %s is completed", u->request.cluster);
}
