#include "internal/pg/counts.h"

#include <stdlib.h>
#include <string.h>

enum {
    ROUNDS = 5,
    CATCH_UP_MS = 60000,
    POLL_MS = 50,
    CHUNK_PAGES = 131072, /* 1 GB: the sooner a table is counted again, the likelier it has not changed */
    STATISTICS_LATE_MS = 2000, /* sessions report what they did at most once a second (pgstat.c) */
    QUIET_DIFFERENCES = 2,
};

struct comparison {
    struct pg *old_side, *new_side;
    struct arena *a;
    const struct pg_count_options *o;
    struct count_table **t; /* undecided ones of the chunk */
    size_t n;
    struct count_pass pass;
};

/* ---- the common position ---- */

bool counts_confirmed(struct pg *old_side, const char *slot, lsn_t want, bool *ret, struct err *e)
{
    const struct pg_slot *slots;
    size_t n;
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    if (!slot) {
        *ret = true;
        return true;
    }
    if (!pg_slots(old_side, a, slot, &slots, &n, e))
        return false;
    for (size_t i = 0; i < n; i++) {
        if (strcmp(slots[i].name, slot) != 0)
            continue;
        if (strcmp(slots[i].wal_status, "lost") == 0)
            return err_set(e, ERR_REMOTE, "slot \"%s\" has lost its WAL", slot);
        *ret = slots[i].confirmed >= want;
        return true;
    }
    return err_set(e, ERR_NOT_FOUND, "slot \"%s\" does not exist", slot);
}

bool counts_catch_up(struct pg *old_side, const char *slot, lsn_t want, int64_t limit_ms, struct err *e)
{
    int64_t limit = limit_ms ? limit_ms : CATCH_UP_MS, until = socket_now_ms() + limit;
    char text[LSN_SIZE];
    for (bool there = false;;) {
        if (!counts_confirmed(old_side, slot, want, &there, e))
            return false;
        if (there)
            return true;
        if (socket_now_ms() >= until)
            return err_set(e, ERR_TIMEOUT, "the new side did not confirm position %s within %lld s",
                           lsn_print(want, text), (long long)(limit / 1000));
        if (stop_wait(old_side->stop, POLL_MS))
            return err_set(e, ERR_CANCELLED, "stopped while waiting for the new side to catch up");
    }
}

/* ---- one round ---- */

/* Equal versions of rows before and after, and nobody reported any work in between: a row that was inserted
 * and deleted again within the span shows only in the latter. */
static bool was_quiet(const struct count_table *t)
{
    return t->before.rows == t->after.rows && strcmp(t->before.sum, t->after.sum) == 0 &&
           strcmp(t->before.hash, t->after.hash) == 0 && memcmp(&t->first, &t->last, sizeof t->first) == 0;
}

static void decide(struct count_table *t)
{
    if (!was_quiet(t))
        return;
    t->exact = true;
    t->equal = t->new_rows == t->after.rows;
    t->quiet_differences += !t->equal;
    t->decided = t->equal || t->quiet_differences >= QUIET_DIFFERENCES;
}

static void drop_decided(struct comparison *k)
{
    size_t n = 0;
    for (size_t i = 0; i < k->n; i++)
        if (!k->t[i]->decided)
            k->t[n++] = k->t[i];
    k->n = n;
}

static bool round_of(struct comparison *k, struct err *e)
{
    struct count_pass pass = k->pass;
    for (size_t i = 0; i < k->n; i++) {
        k->t[i]->before = k->t[i]->after;
        k->t[i]->first = k->t[i]->last;
        k->t[i]->exact = false;
    }
    if (!counts_catch_up(k->old_side, k->o->slot, k->pass.lsn, k->o->catch_up_ms, e) ||
        !counts_new(k->new_side, k->a, k->t, k->n, e) ||
        !counts_old(k->old_side, k->a, k->t, k->n, &pass, &k->pass, e) ||
        !counts_activity(k->old_side, k->a, k->t, k->n, e))
        return false;
    for (size_t i = 0; i < k->n; i++)
        decide(k->t[i]);
    return true;
}

/* ---- tables that never stood still ---- */

/* Rows that were there all the time are on the new side as well; more than were there or came there are not.
 */
static bool is_bracketed(const struct count_table *t)
{
    int64_t came = t->after.rows - t->after.kept, inserted = t->last.inserted - t->first.inserted;
    return t->new_rows >= t->after.kept &&
           t->new_rows <= t->before.rows + (came > inserted ? came : inserted);
}

static bool bracket(struct comparison *k, struct err *e)
{
    bool again = false;
    for (size_t i = 0; i < k->n; i++)
        again = again || (!k->t[i]->exact && !is_bracketed(k->t[i]));
    if (again) { /* perhaps only the statistics are late */
        if (stop_wait(k->old_side->stop, STATISTICS_LATE_MS))
            return err_set(e, ERR_CANCELLED, "stopped while comparing row counts");
        if (!counts_activity(k->old_side, k->a, k->t, k->n, e))
            return false;
    }
    for (size_t i = 0; i < k->n; i++)
        if (!k->t[i]->exact)
            k->t[i]->equal = is_bracketed(k->t[i]);
    return true;
}

static bool compare_chunk(struct comparison *k, struct err *e)
{
    int rounds = k->o->rounds > 0 ? k->o->rounds : ROUNDS;
    if (!counts_activity(k->old_side, k->a, k->t, k->n, e) ||
        !counts_old(k->old_side, k->a, k->t, k->n, NULL, &k->pass, e))
        return false;
    for (int i = 0; i < rounds && k->n > 0; i++) {
        if (!round_of(k, e))
            return false;
        drop_decided(k);
    }
    return bracket(k, e);
}

/* ---- all tables ---- */

static bool compare_all(struct comparison *k, struct count_table *all, size_t n, struct err *e)
{
    struct count_table **chunk = ARENA_ARRAY(k->a, struct count_table *, n + 1);
    for (size_t i = 0; i < n;) {
        int64_t pages = 0;
        size_t m = 0;
        for (; i < n && (m == 0 || pages + all[i].pages <= CHUNK_PAGES); i++) {
            if (!all[i].on_old || !all[i].on_new)
                continue;
            pages += all[i].pages;
            chunk[m++] = &all[i];
        }
        k->t = chunk;
        k->n = m;
        if (m > 0 && !compare_chunk(k, e))
            return false;
    }
    return true;
}

static struct pg_count_result result_of(const struct count_table *t)
{
    return (struct pg_count_result){
        .table = t->name,
        .old_rows = t->on_old ? t->on_new ? t->after.rows : -1 : -1,
        .new_rows = t->on_old && t->on_new ? t->new_rows : -1,
        .exact = t->exact || !t->on_old || !t->on_new,
        .equal = t->equal && t->on_old && t->on_new,
    };
}

bool pg_compare_counts(struct pg *old_side, struct pg *new_side, struct arena *a,
                       const struct pg_count_options *o, const struct pg_count_result **ret, size_t *ret_n,
                       struct err *e)
{
    struct comparison k = {.old_side = old_side, .new_side = new_side, .a = a, .o = o};
    struct count_table *all;
    size_t n;
    if (!counts_tables(old_side, new_side, a, o->exclude, &all, &n, e) || !compare_all(&k, all, n, e))
        return err_wrap(e, "compare row counts of database \"%s\"", old_side->database);
    struct pg_count_result *results = ARENA_ARRAY(a, struct pg_count_result, n + 1);
    for (size_t i = 0; i < n; i++)
        results[i] = result_of(&all[i]);
    *ret = results;
    *ret_n = n;
    return true;
}
