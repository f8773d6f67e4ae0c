/* How the clone of a logical upgrade follows, after the switch its old side, in one look: two readings of the
 * slots a moment apart, for the rates, and the apply worker of every database. */
#include "provider/upgrade_status.h"

#include "internal/pg/logical.h"
#include "internal/pg/replica.h"
#include "internal/pg/stall.h"
#include "internal/upgrade/errors.h"
#include "internal/upgrade/logical.h"

#include <inttypes.h>
#include <string.h>

enum { APART_MS = 2000, WAITS_TOLD_MS = 60000, ERRORS_TOLD = 3, GOAL_BYTES = 16 << 20 };

static const struct value *text(struct arena *a, const char *s)
{
    return s && *s ? value_string(a, s) : &value_null;
}

/* ---- rates ---- */

static const struct pg_slot *slot_named(const struct pg_slot *list, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(list[i].name, name) == 0)
            return &list[i];
    return NULL;
}

static struct catch_up_look look_of(const struct pg_slot *s, int64_t at_ms)
{
    return (struct catch_up_look){at_ms, s->confirmed + (lsn_t)s->lag_bytes, s->confirmed};
}

/* The server's own measure of time is older than this look. */
static struct catch_up_state state_of(const struct pg_slot *then, int64_t then_ms, const struct pg_slot *now,
                                      int64_t now_ms)
{
    struct catch_up c = {0};
    catch_up_add(&c, look_of(then, then_ms));
    catch_up_add(&c, look_of(now, now_ms));
    struct catch_up_state s = catch_up_state(&c, GOAL_BYTES);
    s.lag_ms = now->lag_bytes == 0 ? 0 : now->behind_ms;
    s.lag_is_least = false;
    return s;
}

static bool measure(struct upgrade *u, struct pg *source, struct follow_status *f, struct err *e)
{
    const struct pg_slot *then = f->slots, *list = NULL;
    size_t n = f->slot_count, again = 0;
    int64_t began = u->clock->mono_ms(u->clock);
    if (u->clock->wait(u->clock, u->stop, APART_MS))
        return err_set(e, ERR_CANCELLED, "interrupted");
    if (!pg_slots(source, u->look, u->strategy->slot_prefix, &list, &again, e))
        return false;
    int64_t now = u->clock->mono_ms(u->clock);
    for (size_t i = 0; i < n; i++) {
        const struct pg_slot *s = slot_named(list, again, then[i].name);
        if (!s || (f->is_known && s->lag_bytes <= f->worst.lag_bytes))
            continue;
        f->is_known = true;
        f->worst = state_of(&then[i], began, s, now);
    }
    f->slots = list;
    f->slot_count = again;
    return true;
}

/* ---- workers ---- */

static const char *waits_for(struct upgrade *u, const struct pg_holder *list, size_t n)
{
    if (n == 0)
        return NULL;
    return arena_printf(u->look, "a lock%s%s held by %s", list[0].table[0] ? " on " : "", list[0].table,
                        pg_holder_text(u->look, &list[0]));
}

static const struct value *worker_value(struct upgrade *u, struct arena *a, const char *database,
                                        const struct pg_subscription *s, const char *waits)
{
    (void)u;
    struct value *o = value_object(a);
    value_set(a, o, "database", value_string(a, database));
    value_set(a, o, "enabled", value_bool(s->enabled));
    value_set(a, o, "errors", value_int(a, s->apply_errors));
    value_set(a, o, "pid", s->pid ? value_int(a, s->pid) : &value_null);
    value_set(a, o, "waits_for", text(a, waits));
    return o;
}

static bool judge(struct upgrade *u, const char *database, const struct pg_subscription *s,
                  const struct pg_holder *list, size_t n, struct err *e)
{
    const char *clone = who_follows(u).cluster->identifier;
    if (!s->exists)
        return upgrade_fail(e, E_CANNOT_FOLLOW,
                            "%s can never catch up: the subscription of database %s is gone",
                            follower_name(u, u->look), database);
    if (!s->enabled)
        return upgrade_fail(e, E_APPLY_FAILS, "the subscription of database %s on %s is disabled", database,
                            clone);
    if (s->pid == 0 && s->apply_errors >= ERRORS_TOLD) {
        (void)upgrade_fail(e, E_APPLY_FAILS,
                           "the subscription of database %s on %s has failed %" PRId64 " times", database,
                           clone, s->apply_errors);
        return err_said(e, "%.1000s", follower_log_error(u));
    }
    return n == 0 || list[0].age_ms < WAITS_TOLD_MS ||
           upgrade_fail(e, E_STALLED, "in database %s of %s the replication waits for %s", database,
                        follower_name(u, u->look), waits_for(u, list, n));
}

static bool look_at_worker(struct upgrade *u, struct arena *a, const char *database, struct value *workers,
                           struct err *e)
{
    struct pg *clone CLEANUP(pg_cleanup) = NULL;
    const struct pg_holder *list = NULL;
    struct pg_subscription s;
    size_t n = 0;
    if (!side_open(u, who_follows(u).side, database, false, &clone, e) ||
        !pg_subscription_find(clone, u->look, LOGICAL_NAME, &s, e) ||
        !pg_apply_blockers(clone, u->look, LOGICAL_NAME, &list, &n, e))
        return err_wrap(e, "the replication of database %s cannot be looked at", database);
    value_append(a, workers, worker_value(u, a, database, &s, waits_for(u, list, n)));
    return judge(u, database, &s, list, n, e);
}

bool status_follow(struct upgrade *u, struct arena *a, struct pg *source, struct follow_status *f,
                   struct err *e)
{
    struct value *workers = value_list(a);
    bool well = true;
    f->workers = workers;
    for (size_t i = 0; i < f->slot_count; i++)
        if (well)
            well = look_at_worker(u, a, f->slots[i].database, workers, e);
    return measure(u, source, f, well ? e : NULL) && well;
}

/* ---- as values ---- */

static const struct value *rate_value(struct arena *a, int64_t rate)
{
    return rate >= 0 ? value_int(a, rate) : &value_null;
}

void status_follow_fill(struct arena *a, const struct follow_status *f, struct value *out)
{
    const struct catch_up_state none = {.lag_ms = -1, .write_rate = -1, .apply_rate = -1};
    const struct catch_up_state *s = f->is_known ? &f->worst : &none;
    struct buf said CLEANUP(buf_done) = BUF_INIT(500);
    if (f->is_known)
        catch_up_say(s, &said);
    value_set(a, out, "apply_rate", rate_value(a, s->apply_rate));
    value_set(a, out, "catch_up", said.n ? text(a, arena_strdup(a, buf_text(&said))) : &value_null);
    value_set(a, out, "lag_seconds", s->lag_ms >= 0 ? value_int(a, s->lag_ms / 1000) : &value_null);
    value_set(a, out, "workers", f->workers ? f->workers : value_list(a));
    value_set(a, out, "write_rate", rate_value(a, s->write_rate));
}

bool status_catalogue(struct operation *o, struct err *e)
{
    const struct upgrade *u = &o->upgrade;
    bool same = true;
    return o->kind != &kind_logical || !u->has_login || !u->world.production || !u->world.green ||
           catalogue_on_both(&o->upgrade, &same, e);
}
