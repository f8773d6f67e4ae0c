/* The clone follows: subscriptions, from where they begin, until what is written on production arrives. */
#include "internal/upgrade/errors.h"
#include "internal/upgrade/failing.h"
#include "internal/upgrade/logical.h"
#include "internal/upgrade/tags.h"

#include "internal/base/file.h"
#include "internal/base/log.h"
#include "internal/pg/logical.h"
#include "internal/pg/replica.h"

#include <inttypes.h>
#include <string.h>

enum {
    PASSWORD_LETTERS = 40,
    LOG_LINES = 400,
};

typedef bool each_database(struct upgrade *u, struct pg *clone, const char *database, void *arg,
                           struct err *e);

static bool need_position(struct upgrade *u, struct err *e)
{
    if (!world_need(u, e))
        return false;
    return (u->world.green && noted_position(&u->world)) ||
           upgrade_fail(e, E_DEPLOYMENT_GONE, "the clone of %s has disappeared", u->request.cluster);
}

static bool on_clone(struct upgrade *u, each_database *each, bool *ret, struct err *e)
{
    bool all = true;
    if (!need_position(u, e) || !run_each_database(u, SIDE_GREEN, false, each, &all, e))
        return false;
    *ret = all;
    return true;
}

/* Only the subscription that went knew how far it had come: one that is made anew would take again what is
 * on the clone already. */
static bool is_lost(struct upgrade *u, const char *database, const char *what, struct err *e)
{
    return upgrade_fail(e, E_CANNOT_FOLLOW, "%s can never catch up: the subscription of database %s %s",
                        follower_name(u, u->look), database, what);
}

static bool was_enabled(const struct upgrade *u)
{
    return rds_tag_value(u->world.facts, TAG_ENABLED_AT) || rds_tag_value(u->world.facts, TAG_FOLLOWS_SINCE);
}

/* ---- subscriptions ---- */

static bool is_subscribed(struct upgrade *u, struct pg *clone, const char *database, void *arg, struct err *e)
{
    bool *all = arg;
    struct pg_subscription s;
    if (!pg_subscription_find(clone, u->look, LOGICAL_NAME, &s, e))
        return false;
    *all = *all && s.exists;
    return s.exists || !was_enabled(u) || is_lost(u, database, "is gone", e);
}

bool subscriptions_done(struct upgrade *u, bool *ret, struct err *e)
{
    return on_clone(u, is_subscribed, ret, e);
}

static bool own_slot(struct upgrade *u, const char *database, const char **ret, struct err *e)
{
    struct pg *source CLEANUP(pg_cleanup) = NULL;
    return side_open(u, SIDE_BLUE, database, false, &source, e) && slot_name(u, source, ret, e);
}

static bool subscribe(struct upgrade *u, struct pg *clone, const char *database, void *arg, struct err *e)
{
    const struct pg_source from = {.host = u->world.production->endpoint,
                                   .port = u->world.production->port,
                                   .database = database,
                                   .username = LOGICAL_ROLE,
                                   .password = arg};
    struct pg_subscription s;
    const char *slot = NULL;
    if (!pg_subscription_find(clone, u->look, LOGICAL_NAME, &s, e))
        return false;
    if (s.exists)
        return pg_subscription_connect(clone, LOGICAL_NAME, &from, e);
    return own_slot(u, database, &slot, e) &&
           pg_subscription_make(clone, LOGICAL_NAME, &from, LOGICAL_NAME, slot, e);
}

/* The password is drawn anew, and known to nobody but the subscriptions: those that a process made which died
 * in between are told it, too. */
bool subscriptions_run(struct upgrade *u, struct err *e)
{
    struct pg *source CLEANUP(pg_cleanup) = NULL;
    char password[PASSWORD_LETTERS + 1];
    random_name(password, PASSWORD_LETTERS);
    log_secret(password);
    return need_position(u, e) && side_open(u, SIDE_BLUE, NULL, true, &source, e) &&
           pg_replication_role_password(source, LOGICAL_ROLE, password, e) &&
           run_each_database(u, SIDE_GREEN, true, subscribe, password, e);
}

/* ---- where they begin ---- */

static bool is_begun(struct upgrade *u, struct pg *clone, const char *database, void *arg, struct err *e)
{
    bool *all = arg;
    struct pg_subscription s;
    if (!pg_subscription_find(clone, u->look, LOGICAL_NAME, &s, e))
        return false;
    *all = *all && s.advanced;
    return s.advanced || !was_enabled(u) || is_lost(u, database, "was made anew", e);
}

bool origins_done(struct upgrade *u, bool *ret, struct err *e)
{
    return on_clone(u, is_begun, ret, e);
}

static bool begin(struct upgrade *u, struct pg *clone, const char *database, void *arg, struct err *e)
{
    bool begun = true;
    (void)arg;
    return is_begun(u, clone, database, &begun, e) &&
           (begun || pg_subscription_start_at(clone, LOGICAL_NAME, noted_position(&u->world), e));
}

bool origins_run(struct upgrade *u, struct err *e)
{
    return need_position(u, e) && run_each_database(u, SIDE_GREEN, true, begin, NULL, e);
}

/* One that was enabled before it had a position would take everything from the slot's beginning. */
static bool is_enabled(struct upgrade *u, struct pg *clone, const char *database, void *arg, struct err *e)
{
    bool *all = arg;
    struct pg_subscription s;
    if (!pg_subscription_find(clone, u->look, LOGICAL_NAME, &s, e))
        return false;
    *all = *all && s.enabled;
    if (!s.enabled || (s.advanced && s.origin >= noted_position(&u->world)))
        return true;
    return upgrade_fail(e, E_PROVENANCE, "the subscription of database %s on %s runs from before %s",
                        database, u->world.green->identifier, rds_tag_value(u->world.facts, TAG_RESTORE_LSN));
}

bool enabled_done(struct upgrade *u, bool *ret, struct err *e)
{
    return on_clone(u, is_enabled, ret, e);
}

static bool enable(struct upgrade *u, struct pg *clone, const char *database, void *arg, struct err *e)
{
    (void)u;
    (void)database;
    (void)arg;
    return pg_subscription_enable(clone, LOGICAL_NAME, true, e);
}

/* Written down first: from here on what has arrived is known to the subscriptions alone. */
static bool note_enabled(struct upgrade *u, struct err *e)
{
    char now[TIME_ISO_SIZE];
    if (was_enabled(u))
        return true;
    time_iso(u->clock->wall_ms(u->clock), false, now);
    return tag_run(u, TAG_ENABLED_AT, now, e);
}

bool enabled_run(struct upgrade *u, struct err *e)
{
    return need_position(u, e) && note_enabled(u, e) &&
           run_each_database(u, SIDE_GREEN, true, enable, NULL, e);
}

/* ---- what is written on production arrives, once ---- */

static const char *follow_marker(struct upgrade *u)
{
    return arena_printf(u->look, "behind-clone-%s", rds_tag_value(u->world.facts, TAG_RESTORE_LSN));
}

static bool has_marker(struct upgrade *u, struct pg *c, const char *database, void *arg, struct err *e)
{
    bool *all = arg;
    int64_t n = 0;
    lsn_t at = 0;
    if (!pg_marker_find(c, follow_marker(u), &n, &at, e))
        return false;
    *all = *all && n == 1;
    return n <= 1 ||
           upgrade_fail(e, E_PROVENANCE, "a marker has arrived %" PRId64 " times in database %s of %s", n,
                        database, u->world.green->identifier);
}

bool follow_marker_done(struct upgrade *u, bool *ret, struct err *e)
{
    bool all = true;
    if (!need_position(u, e) || !run_each_database(u, SIDE_BLUE, false, has_marker, &all, e))
        return false;
    *ret = all;
    return true;
}

static bool write_marker(struct upgrade *u, struct pg *source, const char *database, void *arg, struct err *e)
{
    (void)database;
    (void)arg;
    return pg_marker_write(source, follow_marker(u), e);
}

bool follow_marker_run(struct upgrade *u, struct err *e)
{
    return need_position(u, e) && run_each_database(u, SIDE_BLUE, true, write_marker, NULL, e);
}

/* ---- how whoever follows does ---- */

struct follower who_follows(const struct upgrade *u)
{
    const struct world *w = &u->world;
    return w->green ? (struct follower){SIDE_GREEN, w->green} : (struct follower){SIDE_OLD, w->old};
}

const char *follower_name(const struct upgrade *u, struct arena *a)
{
    const struct follower f = who_follows(u);
    return arena_printf(a, "%s %s", f.side == SIDE_GREEN ? "clone" : "old side",
                        f.cluster ? f.cluster->identifier : "(gone)");
}

static const char *writer_of(const struct rds_cluster *k)
{
    for (size_t m = 0; m < k->member_count; m++)
        if (k->members[m].is_writer)
            return k->members[m].identifier;
    return NULL;
}

/* Statistics count errors and keep no text. Best effort. */
const char *follower_log_error(struct upgrade *u)
{
    const struct follower f = who_follows(u);
    const struct rds_log_file *files = NULL, *newest = NULL;
    const char *text = "", *line = NULL;
    struct err ignored = ERR_INIT;
    size_t n = 0;
    const char *writer = f.cluster ? writer_of(f.cluster) : NULL;
    if (!writer || !rds_log_files(&u->aws, writer, "postgresql", &files, &n, &ignored))
        return "";
    for (size_t i = 0; i < n; i++)
        if (!newest || files[i].written_ms > newest->written_ms)
            newest = &files[i];
    if (!newest || !rds_log_tail(&u->aws, writer, newest->name, LOG_LINES, &text, &ignored))
        return "";
    for (const char *p = text; (p = strstr(p, "ERROR:")); p++)
        line = p;
    return line ? arena_printf(u->look, "%.*s", (int)strcspn(line, "\n"), line) : "";
}

/* Most of what stops a worker is DDL; where it can be named, that says more than the worker does. */
static bool worker_fails(struct upgrade *u, const char *database, int64_t times, struct err *e)
{
    struct err ddl = ERR_INIT;
    bool same = true;
    bool is_clone = u->world.green && who_follows(u).cluster == u->world.green;
    if (is_clone && !catalogue_on_both(u, &same, &ddl) && !same) {
        if (e)
            *e = ddl;
        (void)err_wrap(e, "the subscription of database %s has failed %" PRId64 " times", database, times);
        return err_said(e, "%.1000s", follower_log_error(u));
    }
    (void)upgrade_fail(e, E_APPLY_FAILS, "the subscription of database %s on %s has failed %" PRId64 " times",
                       database, who_follows(u).cluster->identifier, times);
    return err_said(e, "%.1000s", follower_log_error(u));
}

static bool works(struct upgrade *u, struct pg *follower, const char *database, void *arg, struct err *e)
{
    bool *all = arg;
    struct pg_subscription s;
    if (!pg_subscription_find(follower, u->look, LOGICAL_NAME, &s, e))
        return false;
    *all = *all && s.exists && s.enabled && s.not_ready == 0;
    if (s.exists && s.enabled)
        return !fails_again(u, database, &s) || worker_fails(u, database, s.apply_errors + s.sync_errors, e);
    if (!s.exists)
        return is_lost(u, database, "is gone", e);
    return upgrade_fail(e, E_APPLY_FAILS, "the subscription of database %s on %s is disabled", database,
                        who_follows(u).cluster->identifier);
}

bool follower_works(struct upgrade *u, bool *ret, struct err *e)
{
    bool all = true;
    const struct follower f = who_follows(u);
    if (!f.cluster)
        return upgrade_fail(e, E_CANNOT_FOLLOW, "nobody follows %s", u->request.cluster);
    if (!run_each_database(u, f.side, false, works, &all, e) || !catch_up_watch(u, e))
        return false;
    *ret = all;
    return true;
}

static bool stands(struct upgrade *u, bool *ret, struct err *e)
{
    bool fits = false;
    return retained_wal_check(u, &fits, e) && need_position(u, e) && follower_works(u, ret, e);
}

bool following(struct upgrade *u, bool *ret, struct err *e)
{
    bool working = false, arrived = false;
    if (!stands(u, &working, e) || !on_clone(u, has_marker, &arrived, e))
        return false;
    *ret = working && arrived;
    return true;
}

bool clone_caught_up(struct upgrade *u, bool *ret, struct err *e)
{
    bool working = false;
    if (!stands(u, &working, e) || !replication_caught_up(u, ret, e))
        return false;
    *ret = *ret && working;
    return true;
}

/* ---- written down ---- */

bool follows_noted(struct upgrade *u, bool *ret, struct err *e)
{
    if (!need_position(u, e))
        return false;
    *ret = rds_tag_value(u->world.facts, TAG_FOLLOWS_SINCE) != NULL;
    return true;
}

bool follows_note(struct upgrade *u, struct err *e)
{
    char now[TIME_ISO_SIZE];
    time_iso(u->clock->wall_ms(u->clock), false, now);
    return tag_run(u, TAG_FOLLOWS_SINCE, now, e);
}
