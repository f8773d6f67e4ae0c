/* After the switch the old side follows the new one, so that going back loses nothing. */
#include "internal/upgrade/errors.h"
#include "internal/upgrade/logical_switch.h"
#include "internal/upgrade/tags.h"

#include "internal/base/file.h"
#include "internal/base/log.h"
#include "internal/pg/fence.h"
#include "internal/pg/identity.h"
#include "internal/pg/logical.h"
#include "internal/pg/replica.h"

#include <inttypes.h>
#include <string.h>

enum { PASSWORD_LETTERS = 40 };

typedef bool each_database(struct upgrade *u, struct pg *c, const char *database, void *arg, struct err *e);

/* While the old side is there: afterwards nothing of it is left to look at. */
static bool on_old(struct upgrade *u, each_database *each, bool *ret, struct err *e)
{
    bool all = true;
    if (!world_need(u, e) || (u->world.old && !run_each_database(u, SIDE_OLD, false, each, &all, e)))
        return false;
    *ret = all;
    return true;
}

/* ---- the replication that has ended ---- */

static bool is_unsubscribed(struct upgrade *u, struct pg *c, const char *database, void *arg, struct err *e)
{
    struct pg_subscription s;
    bool *all = arg;
    (void)database;
    if (!pg_subscription_find(c, u->look, LOGICAL_NAME, &s, e))
        return false;
    *all = *all && !s.exists;
    return true;
}

bool forward_removed(struct upgrade *u, bool *ret, struct err *e)
{
    bool all = true, none = true;
    if (!world_need(u, e) || (u->world.old && !slots_gone(u, SIDE_OLD, &none, e)) ||
        !run_each_database(u, SIDE_BLUE, false, is_unsubscribed, &all, e))
        return false;
    *ret = all && none;
    return true;
}

static bool unsubscribe(struct upgrade *u, struct pg *c, const char *database, void *arg, struct err *e)
{
    (void)u;
    (void)database;
    (void)arg;
    return pg_subscription_drop(c, LOGICAL_NAME, e);
}

bool forward_remove(struct upgrade *u, struct err *e)
{
    return world_need(u, e) && run_each_database(u, SIDE_BLUE, true, unsubscribe, NULL, e) &&
           (!u->world.old || slots_drop(u, SIDE_OLD, e));
}

bool subscription_removed(struct upgrade *u, bool *ret, struct err *e)
{
    bool all = true;
    if (!world_need(u, e) || !run_each_database(u, SIDE_BLUE, false, is_unsubscribed, &all, e))
        return false;
    *ret = all;
    return true;
}

bool subscription_remove(struct upgrade *u, struct err *e)
{
    return world_need(u, e) && run_each_database(u, SIDE_BLUE, true, unsubscribe, NULL, e);
}

/* ---- the one that begins ---- */

static bool follows(struct upgrade *u, struct pg *c, const char *database, void *arg, struct err *e)
{
    struct pg_subscription s;
    bool *all = arg;
    (void)database;
    if (!pg_subscription_find(c, u->look, LOGICAL_NAME, &s, e))
        return false;
    *all = *all && s.exists && s.enabled;
    return true;
}

bool way_back_made(struct upgrade *u, bool *ret, struct err *e)
{
    return on_old(u, follows, ret, e);
}

/* The slot was made in the cutover, before anybody could write; one that is made now begins too late. */
static bool back_slot_of(struct upgrade *u, const char *database, const char **ret, struct err *e)
{
    struct pg *c CLEANUP(pg_cleanup) = NULL;
    const struct pg_slot *slots = NULL;
    size_t n = 0;
    if (!side_open(u, SIDE_BLUE, database, false, &c, e) ||
        !pg_slots(c, u->look, LOGICAL_BACK_PREFIX, &slots, &n, e))
        return false;
    for (size_t i = 0; i < n; i++)
        if (strcmp(slots[i].database, database) == 0 && strcmp(slots[i].wal_status, "lost") != 0) {
            *ret = slots[i].name;
            return true;
        }
    return upgrade_fail(e, E_NO_WAY_BACK_LEFT,
                        "the slot that keeps the way back of database %s on %s is gone", database,
                        u->request.cluster);
}

static bool subscribe(struct upgrade *u, struct pg *old_side, const char *database, void *arg, struct err *e)
{
    const struct pg_source from = {.host = u->world.production->endpoint,
                                   .port = u->world.production->port,
                                   .database = database,
                                   .username = LOGICAL_ROLE,
                                   .password = arg,
                                   .sslmode = NULL};
    struct pg_subscription s;
    const char *slot = NULL;
    if (!pg_subscription_find(old_side, u->look, LOGICAL_NAME, &s, e))
        return false;
    bool ok = s.exists ? pg_subscription_connect(old_side, LOGICAL_NAME, &from, e)
                       : back_slot_of(u, database, &slot, e) &&
                             pg_subscription_make(old_side, LOGICAL_NAME, &from, LOGICAL_NAME, slot, e);
    return ok && pg_subscription_enable(old_side, LOGICAL_NAME, true, e);
}

static bool make_role(struct upgrade *u, struct pg *c, const char *database, void *arg, struct err *e)
{
    (void)u;
    (void)database;
    (void)arg;
    return pg_replication_role_make(c, LOGICAL_ROLE, e);
}

bool way_back_make(struct upgrade *u, struct err *e)
{
    struct pg *c CLEANUP(pg_cleanup) = NULL;
    char password[PASSWORD_LETTERS + 1];
    random_name(password, PASSWORD_LETTERS);
    log_secret(password);
    return world_need(u, e) && run_each_database(u, SIDE_BLUE, true, make_role, NULL, e) &&
           side_open(u, SIDE_BLUE, NULL, true, &c, e) &&
           pg_replication_role_password(c, LOGICAL_ROLE, password, e) &&
           run_each_database(u, SIDE_OLD, true, subscribe, password, e);
}

/* ---- what is written on the new side arrives on the old one, once ---- */

static const char *back_marker(struct upgrade *u)
{
    return arena_printf(u->look, "back-to-%s", u->world.old->resource_id);
}

static bool has_marker(struct upgrade *u, struct pg *c, const char *database, void *arg, struct err *e)
{
    bool *all = arg;
    int64_t n = 0;
    lsn_t at = 0;
    if (!pg_marker_find(c, back_marker(u), &n, &at, e))
        return false;
    *all = *all && n == 1;
    return n <= 1 ||
           upgrade_fail(e, E_PROVENANCE, "a marker has arrived %" PRId64 " times in database %s of %s", n,
                        database, u->world.old->identifier);
}

bool way_back_marked(struct upgrade *u, bool *ret, struct err *e)
{
    bool all = true;
    if (!world_need(u, e) || (u->world.old && !run_each_database(u, SIDE_BLUE, false, has_marker, &all, e)))
        return false;
    *ret = all;
    return true;
}

static bool write_marker(struct upgrade *u, struct pg *c, const char *database, void *arg, struct err *e)
{
    (void)database;
    (void)arg;
    return pg_marker_write(c, back_marker(u), e);
}

bool way_back_mark(struct upgrade *u, struct err *e)
{
    return world_need(u, e) && run_each_database(u, SIDE_BLUE, true, write_marker, NULL, e);
}

bool way_back_follows(struct upgrade *u, bool *ret, struct err *e)
{
    return on_old(u, has_marker, ret, e);
}

/* ---- going back ---- */

/* Every database of the old side is at most max_lag behind, and nothing stands in its way. */
bool way_back_caught_up(struct upgrade *u, bool *ret, struct err *e)
{
    struct pg *c CLEANUP(pg_cleanup) = NULL;
    const struct pg_slot *slots = NULL;
    size_t n = 0;
    bool all = true;
    if (!world_need(u, e))
        return false;
    *ret = true;
    if (u->world.names_move || !u->world.old)
        return true;
    if (!on_old(u, follows, &all, e) || !side_open(u, SIDE_BLUE, NULL, false, &c, e) ||
        !pg_slots(c, u->look, LOGICAL_BACK_PREFIX, &slots, &n, e))
        return false;
    if (!all || n == 0)
        return upgrade_fail(e, E_NO_WAY_BACK_LEFT,
                            "%s does not follow %s: what was written since the switch is "
                            "not there",
                            u->world.old->identifier, u->request.cluster);
    if (!follower_works(u, &all, e))
        return false;
    for (size_t i = 0; i < n; i++)
        *ret = *ret && slots[i].active && slots[i].lag_bytes <= u->request.max_lag_bytes;
    return true;
}

/* The side that arrives was fenced when it was left; once it has the name this is long done. NULL: it has. */
static const struct rds_cluster *arriving(const struct upgrade *u, enum side *ret)
{
    const struct world *w = &u->world;
    bool stays = w->names_stay && w->names_move;
    *ret = stays ? SIDE_BLUE : SIDE_GREEN;
    return stays ? w->production : w->green;
}

static const char *arriving_fact(struct upgrade *u)
{
    enum side side;
    return arena_printf(u->look, "access-%s", arriving(u, &side)->resource_id);
}

static bool is_open(struct upgrade *u, struct pg *c, const char *database, void *arg, struct err *e)
{
    bool *all = arg, up = false;
    (void)database;
    if (!pg_fence_is_up(c, arriving_fact(u), &up, e))
        return false;
    *all = *all && !up;
    return true;
}

bool arriving_opened(struct upgrade *u, bool *ret, struct err *e)
{
    bool all = true;
    enum side side;
    if (!world_need(u, e))
        return false;
    if (arriving(u, &side) && !side_each_database(u, side, false, is_open, &all, e))
        return false;
    *ret = all;
    return true;
}

static bool lift(struct upgrade *u, struct pg *c, const char *database, void *arg, struct err *e)
{
    bool same = true;
    (void)database;
    (void)arg;
    return pg_fence_lift(c, arriving_fact(u), &same, e);
}

bool arriving_open(struct upgrade *u, struct err *e)
{
    enum side side;
    return world_need(u, e) && (!arriving(u, &side) || side_each_database(u, side, true, lift, NULL, e));
}

/* ---- over ---- */

/* All of this would go with the old cluster, but not out of its final snapshot, nor where it is kept. */
static bool end_old(struct upgrade *u, struct pg *c, const char *database, void *arg, struct err *e)
{
    return unsubscribe(u, c, database, arg, e) && pg_publication_drop(c, LOGICAL_NAME, e) &&
           pg_identity_put_back(c, e);
}

/* One whose server is gone already cannot be asked. */
bool way_back_remove(struct upgrade *u, struct err *e)
{
    struct err ignored = ERR_INIT;
    if (!world_need(u, e))
        return false;
    if (u->world.old && !run_each_database(u, SIDE_OLD, true, end_old, NULL, &ignored))
        log_debug("switch", "%s: what it has of this upgrade stays until it is deleted: %s",
                  u->world.old->identifier, ignored.text);
    return slots_remove(u, e);
}
