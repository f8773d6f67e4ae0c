#include "internal/base/utf8.h"
#include "internal/pg/counts.h"
#include "internal/pg/rows_work.h"

#include <stdlib.h>
#include <string.h>

enum {
    KEYS_AT_ONCE = 100,
    ROUNDS = 12,
    PROOFS = 2,
    LOOKS_MAX = 200, /* of the old side, while the new one catches up */
    LOOK_PAUSE_MS = 2,
    PAUSE_MIN_MS = 25,
    PAUSE_MAX_MS = 250,
    CATCH_UP_MS = 60000,
    PART_BYTES = 60, /* of a key that are shown */
    KEY_BYTES = 300,
};

/* What is known about one key. */
struct state {
    const struct row_suspect *s;
    bool done;
    int proofs;
    const char *physical;    /* of the new side, since `horizon`; "": it was absent */
    int64_t horizon;         /* transactions before it may not have been seen by all when that was read */
    bool seen[2], absent[2]; /* ever */
    const char *first[2];    /* content of the first look that showed it */
    int below, above; /* of a bag: rounds in which the new side had fewer, more, than any look showed */
    bool *moved[2];   /* per column: was it ever something else */
};

/* One round. */
struct round {
    struct arena *a;
    int64_t xmin, xmax; /* before the first look, behind the last */
    struct row_versions old[LOOKS_MAX + 2], now;
    size_t n;
};

struct judge {
    struct rows_worker *w;
    struct row_table *t;
    struct arena *a;
    struct state *states;
    size_t n;
    const char *const **keys; /* of those that are not done */
    size_t key_count;
    size_t marks; /* parts of a content: columns, or the one number of a bag */
};

/* ---- looking ---- */

struct horizon {
    int64_t xmin, xmax;
};
static const struct field horizon_fields[] = {
    {FIELD_INT64, offsetof(struct horizon, xmin)},
    {FIELD_INT64, offsetof(struct horizon, xmax)},
};

static bool read_horizon(struct pg *c, struct horizon *ret, struct err *e)
{
    static const char sql[] = "SELECT pg_snapshot_xmin(s)::text::bigint, pg_snapshot_xmax(s)::text::bigint"
                              " FROM pg_current_snapshot() s";
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    PGresult *r CLEANUP(result_cleanup) = NULL;
    void *rows;
    size_t n;
    if (!query_rows(c, sql, NULL, 0, &r, e) ||
        !query_map(r, a, horizon_fields, ARRAY_LEN(horizon_fields), sizeof *ret, &rows, &n, e))
        return err_wrap(e, "read the transactions of %s:%d", c->host, c->port);
    *ret = *(const struct horizon *)rows;
    return true;
}

static bool look(struct judge *j, struct round *r, enum row_side side, struct row_versions *at, struct err *e)
{
    return rows_read_keys(j->w, r->a, side, j->t, j->keys, j->key_count, at, e);
}

/* While the new side is on its way, the old one is looked at again and again: a row that changes all the time
 * is recognised by one of its versions. */
static bool watch(struct judge *j, struct round *r, struct err *e)
{
    const struct pg_rows_options *o = j->w->run->o;
    struct pg *c = j->w->side[OLD];
    lsn_t want;
    if (!look(j, r, OLD, &r->old[r->n++], e) || !pg_current_lsn(c, &want, e))
        return false;
    for (bool there = false; r->n < LOOKS_MAX && j->t->key_count > 0;) {
        if (!counts_confirmed(c, o->slot, want, &there, e))
            return false;
        if (there)
            return true;
        if (stop_wait(c->stop, LOOK_PAUSE_MS))
            return err_set(e, ERR_CANCELLED, "stopped while comparing rows");
        if (!look(j, r, OLD, &r->old[r->n++], e))
            return false;
    }
    return counts_catch_up(c, o->slot, want, o->catch_up_ms ? o->catch_up_ms : CATCH_UP_MS, e);
}

static bool look_around(struct judge *j, struct round *r, struct err *e)
{
    struct pg *c = j->w->side[OLD];
    struct horizon before, after;
    if (!read_horizon(c, &before, e) || !watch(j, r, e) || !look(j, r, NEW, &r->now, e) ||
        !look(j, r, OLD, &r->old[r->n++], e) || !read_horizon(c, &after, e))
        return false;
    r->xmin = before.xmin;
    r->xmax = after.xmax;
    return true;
}

/* ---- what a look says ---- */

static size_t column_text(const char *from)
{
    return strcspn(from, ",}");
}

/* Marks the columns in which two contents differ; both are {…} over the same columns. */
static void mark_moved(bool *moved, size_t n, const char *a, const char *b)
{
    for (size_t i = 0; i < n && *a && *b; i++) {
        size_t na = column_text(++a), nb = column_text(++b);
        moved[i] = moved[i] || na != nb || memcmp(a, b, na) != 0;
        a += na;
        b += nb;
    }
}

static void note_look(struct judge *j, struct state *s, enum row_side side, const struct row_version *v)
{
    if (!v) {
        s->absent[side] = true;
        return;
    }
    s->seen[side] = true;
    if (!s->first[side]) {
        s->first[side] = arena_strdup(j->a, v->content);
        s->moved[side] = ARENA_ARRAY(j->a, bool, j->marks + 1);
    }
    mark_moved(s->moved[side], j->marks, s->first[side], v->content);
}

static bool is_same(const struct row_version *a, const struct row_version *b)
{
    return a && b ? strcmp(a->content, b->content) == 0 : a == b;
}

/* rows.h says why either is a proof. */
static void weigh(struct judge *j, struct state *s, const struct round *r, const struct row_version *now)
{
    const struct row_version *before = rows_find(&r->old[0], s->s->id),
                             *after = rows_find(&r->old[r->n - 1], s->s->id);
    bool old_stayed = before && after && strcmp(before->physical, after->physical) == 0;
    bool new_stayed = now && s->physical && strcmp(now->physical, s->physical) == 0;
    s->proofs += (old_stayed && !after->locked) || (new_stayed && r->xmin >= s->horizon);
    if (new_stayed)
        return;
    s->physical = now ? arena_strdup(j->a, now->physical) : NULL;
    s->horizon = r->xmax;
}

/* ---- the verdict ---- */

static void add_part(struct buf *b, const char *text)
{
    char shown[PART_BYTES + 1];
    size_t n = strlen(text);
    (void)snprintf(shown, sizeof shown, "%s", text);
    utf8_clean(shown);
    for (char *p = shown; *p; p++)
        if (*p == '\n' || *p == '\t')
            *p = '?';
    (void)buf_printf(b, "%s%s", shown, n > PART_BYTES ? "…" : "");
}

static const char *shown_key(struct arena *a, const struct row_table *t, const char *const *key)
{
    struct buf b = BUF_INIT((size_t)64 * 1024);
    for (size_t i = 0; i < t->key_count; i++) {
        (void)buf_puts(&b, i ? ", " : t->key_count > 1 ? "(" : "");
        add_part(&b, t->key[i]->name);
    }
    (void)buf_puts(&b, t->key_count > 1 ? ") = (" : " = ");
    for (size_t i = 0; i < t->key_count; i++) {
        (void)buf_puts(&b, i ? ", " : "");
        add_part(&b, key[i]);
    }
    (void)buf_puts(&b, t->key_count > 1 ? ")" : "");
    char *text = arena_printf(a, "%.*s%s", KEY_BYTES, buf_text(&b), b.n > KEY_BYTES ? "…" : "");
    utf8_clean(text);
    buf_done(&b);
    return text;
}

/* Of a bag: the content is {number}. */
static int64_t copies(const struct row_version *v)
{
    return v ? strtoll(v->content + 1, NULL, 10) : 0;
}

static const char *shown_bag(struct arena *a, const char *hash, const struct row_version *old,
                             const struct row_version *now)
{
    const struct row_version *at = old ? old : now;
    return arena_printf(
        a, "rows of hash %s: %lld on the old side, %lld on the new side; one is at ctid %s there", hash,
        (long long)copies(old), (long long)copies(now), at ? at->place : "?");
}

static const char *shown_columns(struct arena *a, const struct row_table *t, const bool *which)
{
    enum { SHOWN = 10 };
    const char **names = ARENA_ARRAY(a, const char *, t->column_count + 1);
    size_t n = 0;
    for (size_t i = 0; i < t->column_count; i++)
        if (which[i])
            names[n++] = t->columns[i].quoted;
    return name_list(a, names, n, SHOWN);
}

void rows_report_pair(struct rows_worker *w, struct row_table *t, const char *const *key,
                      const struct row_version *old, const struct row_version *now)
{
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    struct pg_row_difference d = {.key = shown_key(a, t, key), .columns = ""};
    d.kind = !now ? PG_ROW_MISSING : !old ? PG_ROW_EXTRA : PG_ROW_DIFFERS;
    if (d.kind == PG_ROW_DIFFERS) {
        bool *which = ARENA_ARRAY(a, bool, t->column_count + 1);
        mark_moved(which, t->column_count, old->content, now->content);
        d.columns = shown_columns(a, t, which);
    }
    rows_report(w, t, d);
}

static void report(struct judge *j, struct state *s, const struct row_version *old,
                   const struct row_version *now)
{
    s->done = true;
    if (j->t->key_count > 0) {
        rows_report_pair(j->w, j->t, s->s->key, old, now);
        return;
    }
    struct pg_row_difference d = {.kind = copies(now) < copies(old) ? PG_ROW_MISSING : PG_ROW_EXTRA,
                                  .key = shown_bag(j->a, s->s->id, old, now),
                                  .columns = ""};
    rows_report(j->w, j->t, d);
}

/* What was constant on both sides and differs, after all rounds. */
static bool constant_difference(struct judge *j, const struct state *s, bool *which)
{
    bool any = false;
    if (!s->first[OLD] || !s->first[NEW])
        return false;
    mark_moved(which, j->marks, s->first[OLD], s->first[NEW]);
    for (size_t i = 0; i < j->marks; i++) {
        which[i] = which[i] && !s->moved[OLD][i] && !s->moved[NEW][i];
        any = any || which[i];
    }
    return any && !s->absent[OLD] && !s->absent[NEW];
}

/* A row that changed in every round. */
static void report_moving(struct judge *j, struct state *s)
{
    struct pg_row_difference d = {.columns = ""};
    bool is_bag = j->t->key_count == 0, *which = ARENA_ARRAY(j->a, bool, j->marks + 1);
    d.key = is_bag ? arena_printf(j->a, "rows of hash %s", s->s->id) : shown_key(j->a, j->t, s->s->key);
    if (is_bag ? s->below == ROUNDS : !s->seen[NEW] && !s->absent[OLD]) {
        d.kind = PG_ROW_MISSING;
    } else if (is_bag ? s->above == ROUNDS : !s->absent[NEW] && !s->seen[OLD]) {
        d.kind = PG_ROW_EXTRA;
    } else if (is_bag || !constant_difference(j, s, which)) {
        rows_unsettled(j->w, j->t, d.key);
        return;
    } else {
        d.kind = PG_ROW_DIFFERS;
        d.columns = shown_columns(j->a, j->t, which);
    }
    rows_report(j->w, j->t, d);
}

/* A bag whose numbers change all the time: bracketed. */
static void weigh_copies(struct judge *j, struct state *s, const struct round *r,
                         const struct row_version *now)
{
    int64_t most = 0, least = INT64_MAX, there = copies(now);
    for (size_t i = 0; i < r->n && j->t->key_count == 0; i++) {
        int64_t n = copies(rows_find(&r->old[i], s->s->id));
        most = n > most ? n : most;
        least = n < least ? n : least;
    }
    s->below += there < least;
    s->above += there > most;
}

/* ---- rounds ---- */

static void conclude(struct judge *j, struct state *s, const struct round *r)
{
    const struct row_version *now = rows_find(&r->now, s->s->id);
    for (size_t i = 0; i < r->n; i++) {
        const struct row_version *old = rows_find(&r->old[i], s->s->id);
        if (is_same(old, now)) {
            s->done = true;
            return;
        }
        note_look(j, s, OLD, old);
    }
    note_look(j, s, NEW, now);
    weigh_copies(j, s, r, now);
    weigh(j, s, r, now);
    if (s->proofs >= PROOFS)
        report(j, s, rows_find(&r->old[r->n - 1], s->s->id), now);
}

static void choose_open(struct judge *j)
{
    j->key_count = 0;
    for (size_t i = 0; i < j->n; i++)
        if (!j->states[i].done)
            j->keys[j->key_count++] = j->states[i].s->key;
}

static bool one_round(struct judge *j, struct err *e)
{
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    struct round *r = ARENA_NEW(a, struct round);
    r->a = a;
    if (!look_around(j, r, e))
        return false;
    for (size_t i = 0; i < j->n; i++)
        if (!j->states[i].done)
            conclude(j, &j->states[i], r);
    return true;
}

static bool judge_batch(struct judge *j, struct err *e)
{
    int pause = PAUSE_MIN_MS;
    for (int round = 0; round < ROUNDS; round++) {
        choose_open(j);
        if (j->key_count == 0)
            return true;
        if (round > 0 && stop_wait(j->w->side[OLD]->stop, pause))
            return err_set(e, ERR_CANCELLED, "stopped while comparing rows");
        pause = round == 0 ? pause : 2 * pause < PAUSE_MAX_MS ? 2 * pause : PAUSE_MAX_MS;
        if (!one_round(j, e))
            return false;
    }
    for (size_t i = 0; i < j->n; i++)
        if (!j->states[i].done)
            report_moving(j, &j->states[i]);
    return true;
}

bool rows_judge(struct rows_worker *w, struct row_table *t, const struct row_suspect *s, size_t n,
                struct err *e)
{
    for (size_t i = 0, k; i < n && !rows_enough(w, t); i += k) {
        struct arena *a CLEANUP(arena_cleanup) = arena_new();
        k = n - i < KEYS_AT_ONCE ? n - i : KEYS_AT_ONCE;
        struct judge j = {.w = w, .t = t, .a = a, .n = k, .marks = t->key_count ? t->column_count : 1};
        j.states = ARENA_ARRAY(a, struct state, k);
        j.keys = ARENA_ARRAY(a, const char *const *, k);
        for (size_t m = 0; m < k; m++)
            j.states[m].s = &s[i + m];
        if (!judge_batch(&j, e))
            return false;
    }
    return true;
}
