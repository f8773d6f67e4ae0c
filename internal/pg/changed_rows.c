#include "internal/base/file.h"
#include "internal/base/log.h"
#include "internal/pg/changed_work.h"
#include "internal/pg/logical.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>

enum {
    SLOT_WAIT_MS = 600000,
    LOOK_EVERY_MS = 200, /* of the thread, whether it is asked for */
    REST_MS = 20,
    PAUSE_MS = 2,      /* of a reader that waits for something that is on its way */
    ASK_EVERY_MS = 20, /* how far a server has come */
    SILENT_MS = 5000,  /* a server that says nothing for so long is not waited for before the fence */
    SEEN_MS = 1000,    /* a commit that waits for a standby is waited for so long */
    WEIGH_EVERY_MS = 5000,
    COMPARE_AT = 50000, /* keys */
    TRANSACTIONS_AT = 200000,
    KEYS_MAX = 2000000, /* that do not agree */
    TURNS = 8,          /* before the fence */
    TURN_PAUSE_MS = 30, /* for the new side to apply what the old one has */
    FEW = 100,          /* keys: not worth another turn */
    NAMED = 20,         /* differences in one table */
    SKIPPED_BYTES = 4096,
    NAME_LETTERS = 8,
};

/* ---- reading ---- */

static bool pause_for(struct pg_changed *c, int ms, struct err *e)
{
    struct stop *stop = c->w.side[OLD]->stop;
    struct pollfd fds[] = {{.fd = stream_fd(c->feeds[OLD].stream), .events = POLLIN},
                           {.fd = stream_fd(c->feeds[NEW].stream), .events = POLLIN},
                           {.fd = stop_fd(stop), .events = POLLIN}};
    (void)poll(fds, ARRAY_LEN(fds), ms);
    return !stop_requested(stop) || err_set(e, ERR_CANCELLED, "stopped while reading what has changed");
}

/* Waits for something, unless *ret_any says that there was something a moment ago. */
static bool take(struct pg_changed *c, int wait_ms, bool *ret_any, struct err *e)
{
    bool any[2] = {false, false};
    if (!pause_for(c, *ret_any ? 0 : wait_ms, e))
        return false;
    for (size_t i = 0; i < ARRAY_LEN(c->feeds); i++)
        if (!stream_take(c->feeds[i].stream, feed_take, &c->feeds[i], &any[i], e))
            return false;
    *ret_any = any[OLD] || any[NEW];
    return true;
}

/* From here on the set is a new one. */
static struct key_set *take_set(struct pg_changed *c)
{
    struct key_set *was = c->set;
    c->set = key_set_new(c->run.table_count);
    return was;
}

/* What does not agree yet is not looked at again before there is as much once more: the new side is behind.
 */
static bool compare_now(struct pg_changed *c, struct err *e)
{
    bool seen = false;
    if (!changed_wait_seen(c, SEEN_MS, &seen, e))
        return false;
    if (!seen)
        return true;
    struct key_set *now CLEANUP(key_set_cleanup) = take_set(c);
    if (!changed_compare_set(c, now, e))
        return false;
    c->compare_at = 2 * c->set->n > c->o.compare_at ? 2 * c->set->n : c->o.compare_at;
    return c->set->n <= KEYS_MAX ||
           err_set(e, ERR_CONFLICT, "more than %d rows that change are not the same on both sides", KEYS_MAX);
}

/* Production comes first: what it keeps for us it keeps beside what it keeps for the new side. */
static bool weigh(struct pg_changed *c, struct err *e)
{
    static const char sql[] = "SELECT coalesce(max(pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn)), 0)"
                              "::bigint FROM pg_replication_slots WHERE slot_name = $1";
    static const struct field field = {FIELD_INT64, 0};
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    PGresult *r CLEANUP(result_cleanup) = NULL;
    void *rows;
    size_t n;
    if (c->o.max_kept_bytes <= 0 || socket_now_ms() - c->weighed_ms < WEIGH_EVERY_MS)
        return true;
    c->weighed_ms = socket_now_ms();
    if (!query_rows(c->w.side[OLD], sql, &c->feeds[OLD].slot, 1, &r, e) ||
        !query_map(r, a, &field, 1, sizeof(int64_t), &rows, &n, e))
        return err_wrap(e, "read what is kept for slot %s", c->feeds[OLD].slot);
    int64_t kept = *(int64_t *)rows;
    return kept <= c->o.max_kept_bytes ||
           err_set(e, ERR_CONFLICT, "%lld MB of WAL are kept for what was not read yet, more than %lld MB",
                   (long long)(kept >> 20), (long long)(c->o.max_kept_bytes >> 20));
}

static bool is_much(const struct pg_changed *c)
{
    return c->set->n > c->compare_at || c->set->by[OLD].n > TRANSACTIONS_AT ||
           c->set->by[NEW].n > TRANSACTIONS_AT;
}

/* Nobody waits for it: one look for many transactions. */
static bool follow(struct pg_changed *c, struct err *e)
{
    for (bool any = false; !atomic_load(&c->is_asked);) {
        if (!take(c, LOOK_EVERY_MS, &any, e) || !weigh(c, e) || (is_much(c) && !compare_now(c, e)))
            return false;
        (void)stop_wait(c->w.side[OLD]->stop, REST_MS);
    }
    return true;
}

static void *follow_main(void *arg)
{
    struct pg_changed *c = arg;
    c->failed = !follow(c, &c->failure);
    for (size_t i = 0; c->failed && i < ARRAY_LEN(c->feeds); i++) {
        stream_close(c->feeds[i].stream);
        c->feeds[i].stream = NULL;
    }
    return NULL;
}

/* Whoever asks goes on himself. */
static bool take_over(struct pg_changed *c, struct err *e)
{
    atomic_store(&c->is_asked, true);
    if (c->has_thread)
        (void)pthread_join(c->thread, NULL);
    c->has_thread = false;
    if (c->failed && e)
        *e = c->failure;
    return !c->failed;
}

/* ---- up to now ---- */

static bool flushed(struct pg *c, lsn_t *ret, struct err *e)
{
    static const struct field field = {FIELD_LSN, 0};
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    PGresult *r CLEANUP(result_cleanup) = NULL;
    void *rows;
    size_t n;
    if (!query_rows(c, "SELECT pg_current_wal_flush_lsn()", NULL, 0, &r, e) ||
        !query_map(r, a, &field, 1, sizeof(lsn_t), &rows, &n, e))
        return err_wrap(e, "read the position of %s:%d", c->host, c->port);
    *ret = *(lsn_t *)rows;
    return true;
}

/* What was applied is committed there asynchronously, and sent once it is on disk: a fifth of a second later,
 * unless somebody asks for the position. Its keys would come when their rows have been compared. */
static bool flush_applied(struct pg_changed *c, struct err *e)
{
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    struct pg_subscription s;
    return pg_subscription_find(c->w.side[NEW], a, c->o.subscription, &s, e);
}

static bool ask(struct pg_changed *c, int64_t *asked_ms, struct err *e)
{
    if (socket_now_ms() - *asked_ms < ASK_EVERY_MS)
        return true;
    *asked_ms = socket_now_ms();
    return stream_ask(c->feeds[OLD].stream, e) && stream_ask(c->feeds[NEW].stream, e);
}

/* A large transaction takes its time to be decoded, and a server may stand still with the end of its log half
 * written: neither is waited for, since all of it has to come before the marker does. */
static bool read_to_now(struct pg_changed *c, struct err *e)
{
    lsn_t want[2], at[2] = {0, 0};
    int64_t asked_ms = 0, moved_ms = socket_now_ms();
    if (!flush_applied(c, e) || !flushed(c->w.side[OLD], &want[OLD], e) ||
        !flushed(c->w.side[NEW], &want[NEW], e))
        return false;
    for (bool any = false, there = false; !there;) {
        if (!ask(c, &asked_ms, e) || !take(c, PAUSE_MS, &any, e) || !weigh(c, e))
            return false;
        there = true;
        for (size_t i = 0; i < ARRAY_LEN(at); i++) {
            lsn_t position = stream_position(c->feeds[i].stream);
            moved_ms = any && position != at[i] ? socket_now_ms() : moved_ms;
            at[i] = position;
            there = there && position >= want[i];
        }
        there = there || socket_now_ms() - moved_ms >= SILENT_MS;
    }
    return true;
}

static bool settle(struct pg_changed *c, struct err *e)
{
    if (!take_over(c, e))
        return false;
    for (int turn = 0; turn < TURNS; turn++) {
        if (turn > 0 && stop_wait(c->w.side[OLD]->stop, TURN_PAUSE_MS))
            return err_set(e, ERR_CANCELLED, "stopped while comparing rows");
        if (!read_to_now(c, e) || !compare_now(c, e))
            return false;
        if (c->set->n <= FEW)
            break;
    }
    return true;
}

bool pg_changed_settle(struct pg_changed *c, struct err *e)
{
    return settle(c, e) || err_wrap(e, "compare the rows that have changed");
}

static void set_result(struct pg_changed *c, struct arena *a, struct pg_rows_result *ret)
{
    struct pg_rows_table *tables = ARENA_ARRAY(a, struct pg_rows_table, c->run.table_count + 1);
    *ret = (struct pg_rows_result){.tables = tables, .rows = c->compared};
    for (size_t i = 0; i < c->run.table_count; i++) {
        struct row_table *t = &c->run.tables[i];
        if (t->on_old && t->on_new && (t->note[0] || t->difference_count > 0))
            tables[ret->table_count++] = rows_result_of(a, t);
        t->unsettled = 0; /* what changes at every look is looked at behind the fence */
        t->unsettled_key = NULL;
    }
}

bool pg_changed_look(struct pg_changed *c, struct arena *a, struct pg_rows_result *ret, struct err *e)
{
    if (!settle(c, e) || !changed_look_closely(c, e))
        return err_wrap(e, "compare the rows that have changed");
    set_result(c, a, ret);
    return true;
}

/* ---- the end ---- */

static bool has_marker(const struct pg_changed *c, enum row_side side, const char *token)
{
    return strcmp(c->feeds[side].marker, token) == 0;
}

static bool read_to_marker(struct pg_changed *c, const char *token, int64_t limit_ms, struct err *e)
{
    int64_t until = socket_now_ms() + limit_ms;
    for (bool any = false; !has_marker(c, OLD, token) || !has_marker(c, NEW, token);) {
        if (socket_now_ms() >= until)
            return err_set(e, ERR_TIMEOUT, "the last marker was not seen on the %s side within %lld ms",
                           has_marker(c, OLD, token) ? "new" : "old", (long long)limit_ms);
        if (!take(c, PAUSE_MS, &any, e))
            return false;
    }
    return true;
}

static bool finish(struct pg_changed *c, struct arena *a, const char *token, int64_t limit_ms,
                   struct pg_changed_result *ret, struct err *e)
{
    struct buf skipped CLEANUP(buf_done) = BUF_INIT(SKIPPED_BYTES);
    int64_t began_ms = socket_now_ms();
    if (!take_over(c, e) || !read_to_marker(c, token, limit_ms, e))
        return false;
    struct pg_changed_result r = {.before = c->compared, .read_ms = socket_now_ms() - began_ms};
    bool seen = false;
    if (!changed_wait_seen(c, limit_ms - r.read_ms, &seen, e))
        return false;
    if (!seen)
        return err_set(e, ERR_TIMEOUT, "what was committed last could not be seen within %lld ms",
                       (long long)limit_ms);
    c->compared = 0;
    struct key_set *last CLEANUP(key_set_cleanup) = take_set(c);
    if (!changed_judge_set(c, last, &skipped, e))
        return false;
    set_result(c, a, &r.rows);
    r.skipped = arena_strdup(a, buf_text(&skipped));
    *ret = r;
    return true;
}

bool pg_changed_finish(struct pg_changed *c, struct arena *a, const char *token, int64_t limit_ms,
                       struct pg_changed_result *ret, struct err *e)
{
    return finish(c, a, token, limit_ms, ret, e) || err_wrap(e, "compare the rows that changed last");
}

/* ---- from the beginning ---- */

static bool open_feed(struct pg_changed *c, enum row_side side, struct err *e)
{
    static const char prefix[] = "aurora_changes_";
    char name[sizeof prefix + NAME_LETTERS];
    struct feed *f = &c->feeds[side];
    struct pg *session = NULL;
    f->of = c;
    memcpy(name, prefix, sizeof prefix);
    random_name(name + sizeof prefix - 1, NAME_LETTERS);
    f->slot = arena_strdup(c->a, name);
    return c->o.open(c->o.arg, side == NEW, true, &session, e) &&
           stream_open(session, name, c->o.publication,
                       c->o.slot_wait_ms > 0 ? c->o.slot_wait_ms : SLOT_WAIT_MS, &f->stream, e);
}

static bool find_marker(struct pg *c, int64_t *ret, struct err *e)
{
    static const struct field field = {FIELD_INT64, 0};
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    PGresult *r CLEANUP(result_cleanup) = NULL;
    void *rows;
    size_t n;
    if (!query_rows(c, "SELECT coalesce(to_regclass('aurora_upgrade.marker')::oid::bigint, 0)", NULL, 0, &r,
                    e) ||
        !query_map(r, a, &field, 1, sizeof(int64_t), &rows, &n, e))
        return err_wrap(e, "look for the markers of %s:%d", c->host, c->port);
    *ret = *(int64_t *)rows;
    return true;
}

/* Keys are looked up: to read a table of some size from end to end is cheaper to the planner, and not to
 * those who work there. */
static bool prefer_keys(struct pg *c, struct err *e)
{
    return query_run(
        c,
        "SELECT set_config(n, 'off', false) FROM (VALUES ('enable_hashjoin'), ('enable_mergejoin'),"
        " ('enable_seqscan')) v(n)",
        e);
}

/* Tables are listed behind the slots: one that comes later is DDL, which others look for. */
static bool plan(struct pg_changed *c, struct err *e)
{
    for (size_t i = 0; i < ARRAY_LEN(c->w.side); i++)
        if (!c->o.open(c->o.arg, i == NEW, false, &c->w.side[i], e) || !rows_set_up(c->w.side[i], e) ||
            !prefer_keys(c->w.side[i], e))
            return false;
    if (!rows_plan(&c->run, c->w.side, c->a, e))
        return false;
    for (size_t i = 0; i < ARRAY_LEN(c->feeds); i++) {
        struct row_oid *oids = NULL;
        if (!rows_oids(&c->run, c->w.side[i], c->a, &oids, e) ||
            !find_marker(c->w.side[i], &c->feeds[i].marker_oid, e))
            return false;
        c->feeds[i].oids = oids;
        c->feeds[i].relations = ARENA_ARRAY(c->a, struct feed_relation, c->run.table_count + 1);
    }
    c->set = key_set_new(c->run.table_count);
    return true;
}

static const char *const *copy_list(struct arena *a, const char *const *list)
{
    size_t n = 0;
    while (list && list[n])
        n++;
    const char **copy = ARENA_ARRAY(a, const char *, n + 1);
    for (size_t i = 0; i < n; i++)
        copy[i] = arena_strdup(a, list[i]);
    return copy;
}

static struct pg_changed *new_changed(const struct pg_changed_options *o)
{
    struct pg_changed *c = calloc(1, sizeof *c);
    if (!c)
        abort();
    c->a = arena_new();
    c->o = *o;
    c->o.subscription = arena_strdup(c->a, o->subscription);
    c->compare_at = c->o.compare_at = o->compare_at > 0 ? o->compare_at : COMPARE_AT;
    c->rows_options = (struct pg_rows_options){.mode = PG_ROWS_FULL,
                                               .slot = o->slot ? arena_strdup(c->a, o->slot) : NULL,
                                               .exclude = copy_list(c->a, o->exclude)};
    c->run = (struct rows_run){.o = &c->rows_options, .a = c->a, .named = NAMED};
    c->w = (struct rows_worker){.run = &c->run, .a = c->a};
    (void)pthread_mutex_init(&c->run.lock, NULL);
    return c;
}

bool pg_changed_begin(const struct pg_changed_options *o, struct pg_changed **ret, struct err *e)
{
    struct pg_changed *c = new_changed(o);
    bool ok = open_feed(c, OLD, e) && open_feed(c, NEW, e) && plan(c, e);
    if (ok && pthread_create(&c->thread, NULL, follow_main, c) != 0)
        ok = err_set(e, ERR_UNAVAILABLE, "no thread could be started");
    if (!ok) {
        pg_changed_end(c);
        return err_wrap(e, "follow what changes while rows are compared");
    }
    c->has_thread = true;
    c->o.arg = NULL; /* the caller's, who may go */
    *ret = c;
    return true;
}

void pg_changed_end(struct pg_changed *c)
{
    if (!c)
        return;
    struct err why = ERR_INIT;
    if (!take_over(c, &why))
        log_debug("pg", "what changed is not followed any more: %s", why.text);
    for (size_t i = 0; i < ARRAY_LEN(c->feeds); i++) {
        stream_close(c->feeds[i].stream);
        pg_close(c->w.side[i]);
    }
    key_set_free(c->set);
    (void)pthread_mutex_destroy(&c->run.lock);
    arena_free(c->a);
    free(c);
}
