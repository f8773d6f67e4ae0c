/* Where the clone's history ends: read once, before the upgrade, and written down. */
#include "internal/upgrade/errors.h"
#include "internal/upgrade/logical.h"
#include "internal/upgrade/tags.h"

#include "internal/pg/logical.h"
#include "internal/pg/replica.h"

#include <string.h>

static bool is_new(const struct rds_cluster *k, const struct upgrade *u)
{
    struct version v = {0};
    return version_parse(k->engine_version, &v) && v.major >= u->request.target.major;
}

/* An upgrade writes the WAL anew: what a server says behind it is no position of its source. */
bool position_noted(struct upgrade *u, bool *ret, struct err *e)
{
    if (!world_need(u, e))
        return false;
    const struct rds_cluster *k = u->world.green;
    *ret = k && noted_position(&u->world) != 0;
    return *ret || !k || !is_new(k, u) ||
           upgrade_fail(e, E_PROVENANCE, "clone %s was upgraded before anybody wrote down where it stands",
                        k->identifier);
}

/* ---- what has to be true of it ---- */

struct proof {
    lsn_t at;
};

static bool refused(const struct upgrade *u, const char *database, lsn_t at, const char *why, struct err *e)
{
    char text[LSN_SIZE];
    return upgrade_fail(e, E_PROVENANCE, "clone %s says that it stands at %s, but in database %s %s",
                        u->world.green->identifier, lsn_print(at, text), database, why);
}

static bool marker_agrees(struct upgrade *u, const char *database, lsn_t start, lsn_t at, struct err *e)
{
    struct pg *clone CLEANUP(pg_cleanup) = NULL;
    int64_t n = 0;
    lsn_t written = 0;
    if (!side_open(u, SIDE_GREEN, database, false, &clone, e) ||
        !pg_marker_find(clone, marker_behind(u->look, start), &n, &written, e))
        return false;
    if (n != 1)
        return refused(u, database, at, "the marker written behind the slot is not there", e);
    return written < at || refused(u, database, at, "the marker that it holds was written later", e);
}

static bool prove(struct upgrade *u, struct pg *source, const char *database, void *arg, struct err *e)
{
    const struct proof *p = arg;
    const struct pg_slot *slot = NULL;
    lsn_t start = 0, now = 0;
    if (!slot_start(u, source, &start, e) || !slot_look(u, source, &slot, e) ||
        !pg_current_lsn(source, &now, e))
        return false;
    if (!slot || start == 0)
        return refused(u, database, p->at, "there is no slot", e);
    if (p->at < start)
        return refused(u, database, p->at, "the slot begins later", e);
    if (p->at > now)
        return refused(u, database, p->at, "production is not there yet", e);
    if (slot->confirmed > p->at)
        return refused(u, database, p->at, "the slot has passed that already", e);
    return marker_agrees(u, database, start, p->at, e);
}

bool position_note(struct upgrade *u, struct err *e)
{
    struct pg *clone CLEANUP(pg_cleanup) = NULL;
    struct proof p = {0};
    char text[LSN_SIZE];
    if (!world_need(u, e) || !u->world.green)
        return false;
    if (!side_open(u, SIDE_GREEN, NULL, false, &clone, e))
        return false;
    if (pg_server_version(clone) / 10000 != u->world.version.major)
        return upgrade_fail(e, E_PROVENANCE, "clone %s answers from %d, production from %d",
                            u->world.green->identifier, pg_server_version(clone) / 10000,
                            u->world.version.major);
    if (!pg_volume_start(clone, &p.at, e))
        return e->code == ERR_NOT_FOUND
                   ? upgrade_fail(e, E_NO_POSITION, "clone %s does not say where it stands",
                                  u->world.green->identifier)
                   : false;
    return run_each_database(u, SIDE_BLUE, false, prove, &p, e) &&
           tag_run(u, TAG_RESTORE_LSN, lsn_print(p.at, text), e);
}

/* ---- what came along ---- */

static bool count_inherited(struct upgrade *u, struct pg *clone, const char *database, void *arg,
                            struct err *e)
{
    struct pg_inherited there = {0};
    size_t *all = arg;
    (void)u;
    (void)database;
    if (!pg_inherited(clone, &there, e))
        return false;
    *all += there.slots + there.subscriptions + there.prepared;
    return true;
}

/* The login of the subscriptions as well: made on this major, an upgraded server from 16 on would let nobody
 * but a superuser alter or drop it, and the new side needs one of its own for the way back. */
static bool has_login_of_subscriptions(struct upgrade *u, bool *ret, struct err *e)
{
    struct pg *clone CLEANUP(pg_cleanup) = NULL;
    return side_open(u, SIDE_GREEN, NULL, false, &clone, e) &&
           pg_replication_role_exists(clone, LOGICAL_ROLE, ret, e);
}

/* Of an upgraded clone only our own is left, which is wanted. */
bool inherited_removed(struct upgrade *u, bool *ret, struct err *e)
{
    size_t all = 0;
    bool has_role = false;
    if (!world_need(u, e))
        return false;
    if (u->world.green && !is_new(u->world.green, u) && is_available(u->world.green->status) &&
        (!side_each_database(u, SIDE_GREEN, false, count_inherited, &all, e) ||
         !has_login_of_subscriptions(u, &has_role, e)))
        return false;
    *ret = all == 0 && !has_role;
    return true;
}

static bool remove_inherited(struct upgrade *u, struct pg *clone, const char *database, void *arg,
                             struct err *e)
{
    struct pg_inherited there = {0};
    (void)u;
    (void)database;
    (void)arg;
    return pg_inherited_drop(clone, &there, e) && pg_replication_role_leave(clone, LOGICAL_ROLE, e);
}

bool inherited_remove(struct upgrade *u, struct err *e)
{
    struct pg *clone CLEANUP(pg_cleanup) = NULL;
    return side_each_database(u, SIDE_GREEN, true, remove_inherited, NULL, e) &&
           side_open(u, SIDE_GREEN, NULL, true, &clone, e) &&
           pg_replication_role_drop(clone, LOGICAL_ROLE, e);
}
