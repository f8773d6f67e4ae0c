#include "internal/pg/rows_work.h"

#include <stdlib.h>
#include <string.h>

enum {
    PARTS = 16,          /* a range that did not agree is split into */
    LEVELS = 12,         /* 16^12 rows: a table that grows faster than it is split is read to a limit */
    ROWS_LIMIT = 8000,   /* of a range that is fetched: a side with more of them has differences enough */
    RANGES_AT_ONCE = 32, /* fetched for one common position */
    BAG_ROWS = 100000,   /* the same, without a key */
};

/* ---- sums at a common position ---- */

bool rows_equal(const struct row_sum *a, const struct row_sum *b)
{
    return a->rows >= 0 && a->rows == b->rows && strcmp(a->sum, b->sum) == 0;
}

/* Drops the ranges that agree. */
static size_t drop_equal(struct rows_worker *w, struct row_range **r, size_t n)
{
    size_t kept = 0;
    for (size_t i = 0; i < n; i++) {
        if (rows_equal(&r[i]->old_sum, &r[i]->new_sum))
            rows_settled(w, r[i]->t, r[i]->old_sum.rows, r[i]->new_sum.rows);
        else
            r[kept++] = r[i];
    }
    return kept;
}

static bool bracket(struct rows_worker *w, struct row_range **r, size_t *n, struct err *e)
{
    if (!rows_read_sums(w, OLD, r, *n, e) || !rows_catch_up(w, e) || !rows_read_sums(w, NEW, r, *n, e))
        return false;
    *n = drop_equal(w, r, *n);
    if (*n == 0)
        return true;
    if (!rows_read_sums(w, OLD, r, *n, e))
        return false;
    *n = drop_equal(w, r, *n);
    return true;
}

/* ---- rows at a common position ---- */

struct suspects {
    struct arena *a;
    struct row_suspect *s;
    size_t n, cap;
};

static bool same_content(const struct row_version *a, const struct row_version *b)
{
    return a && b ? strcmp(a->content, b->content) == 0 : a == b;
}

/* Of each key in `in` that is not in `seen`: is the new side's row one of the old side's two? */
static void suspect(struct suspects *out, const struct row_versions *in, const struct row_versions *seen,
                    const struct row_versions look[3])
{
    for (size_t i = 0; i < in->n; i++) {
        const char *id = in->v[i].id;
        if (seen && rows_find(seen, id))
            continue;
        const struct row_version *before = rows_find(&look[0], id), *now = rows_find(&look[1], id),
                                 *after = rows_find(&look[2], id);
        if (same_content(now, before) || same_content(now, after))
            continue;
        struct row_suspect s = {.id = id, .key = (const char *const *)in->v[i].key};
        ARR_PUSH(out->a, out->s, out->n, out->cap, s);
    }
}

/* A row that only `after` knows has come since, and is of no interest. */
static void suspects_of(struct suspects *out, const struct row_versions look[3])
{
    suspect(out, &look[0], NULL, look);
    suspect(out, &look[1], &look[0], look);
}

static bool fetch(struct rows_worker *w, struct arena *a, struct row_range *const *r, size_t n,
                  struct row_versions (*look)[3], struct err *e)
{
    static const enum row_side sides[] = {OLD, NEW, OLD};
    for (size_t k = 0; k < ARRAY_LEN(sides); k++) {
        for (size_t i = 0; i < n; i++)
            if (!rows_read_range(w, a, sides[k], r[i], ROWS_LIMIT, &look[i][k], e))
                return false;
        if (k == 0 && !rows_catch_up(w, e))
            return false;
    }
    return true;
}

static bool compare_fetched(struct rows_worker *w, struct row_range *const *r, size_t n, struct err *e)
{
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    struct row_versions(*look)[3] = arena_alloc(a, n * sizeof *look);
    if (!fetch(w, a, r, n, look, e))
        return false;
    for (size_t i = 0; i < n; i++) {
        struct suspects out = {.a = a};
        suspects_of(&out, look[i]);
        rows_settled(w, r[i]->t, (int64_t)look[i][0].n, (int64_t)look[i][1].n);
        if (out.n > 0 && !rows_judge(w, r[i]->t, out.s, out.n, e))
            return false;
    }
    return true;
}

static bool compare_small(struct rows_worker *w, struct row_range *const *r, size_t n, struct err *e)
{
    for (size_t i = 0, k; i < n; i += k) {
        if (rows_enough(w, r[i]->t)) {
            k = 1;
            continue;
        }
        k = n - i < RANGES_AT_ONCE ? n - i : RANGES_AT_ONCE;
        if (!compare_fetched(w, r + i, k, e))
            return false;
    }
    return true;
}

/* ---- narrowing ---- */

struct pointers {
    struct row_range **r;
    size_t n, cap;
};

static bool split(struct rows_worker *w, struct arena *a, const struct row_range *r, struct pointers *out,
                  struct err *e)
{
    struct row_range *parts;
    size_t n;
    int64_t rows = r->old_sum.rows >= 0 ? r->old_sum.rows : r->pages * PARTS;
    if (!rows_split_range(w, a, r, rows / PARTS + 1, &parts, &n, e))
        return false;
    for (size_t i = 0; i < n; i++)
        ARR_PUSH(a, out->r, out->n, out->cap, &parts[i]);
    return true;
}

static bool next_level(struct rows_worker *w, struct arena *a, const struct pointers *now, int level,
                       struct pointers *small, struct pointers *next, struct err *e)
{
    for (size_t i = 0; i < now->n; i++) {
        struct row_range *r = now->r[i];
        if (rows_enough(w, r->t))
            continue;
        if (level >= LEVELS || (r->old_sum.rows >= 0 && r->old_sum.rows <= ROWS_SMALL))
            ARR_PUSH(a, small->r, small->n, small->cap, r);
        else if (!split(w, a, r, next, e))
            return false;
    }
    return true;
}

/* A range that could not be read in time is split before it is read again. */
static bool narrow_keyed(struct rows_worker *w, struct arena *a, struct pointers *now, struct err *e)
{
    struct pointers small = {0}, late = {0};
    for (size_t i = 0; i < now->n; i++)
        if (now->r[i]->old_sum.rows < 0 && !split(w, a, now->r[i], &late, e))
            return false;
    size_t kept = 0;
    for (size_t i = 0; i < now->n; i++)
        if (now->r[i]->old_sum.rows >= 0)
            now->r[kept++] = now->r[i];
    now->n = kept;
    for (size_t i = 0; i < late.n; i++)
        ARR_PUSH(a, now->r, now->n, now->cap, late.r[i]);
    for (int level = 0; now->n > 0; level++) {
        struct pointers next = {0};
        if (!bracket(w, now->r, &now->n, e) || !next_level(w, a, now, level, &small, &next, e))
            return false;
        *now = next;
    }
    return compare_small(w, small.r, small.n, e);
}

/* ---- without a key ---- */

struct bag {
    struct row_sum before[BAG_BUCKETS], now[BAG_BUCKETS], after[BAG_BUCKETS];
    int open[BAG_BUCKETS]; /* buckets that did not agree */
    size_t n;
};

static bool read_bag(struct rows_worker *w, struct row_table *t, struct bag *b, struct err *e)
{
    int64_t rows[2] = {0};
    if (!rows_read_buckets(w, OLD, t, b->before, e) || !rows_catch_up(w, e) ||
        !rows_read_buckets(w, NEW, t, b->now, e) || !rows_read_buckets(w, OLD, t, b->after, e))
        return false;
    b->n = 0;
    for (int i = 0; i < BAG_BUCKETS; i++) {
        rows[OLD] += b->before[i].rows;
        rows[NEW] += b->now[i].rows;
        if (!rows_equal(&b->now[i], &b->before[i]) && !rows_equal(&b->now[i], &b->after[i]))
            b->open[b->n++] = i;
    }
    rows_settled(w, t, rows[OLD], rows[NEW]);
    return true;
}

static bool compare_buckets(struct rows_worker *w, struct row_table *t, const int *buckets, size_t n,
                            struct err *e)
{
    static const enum row_side sides[] = {OLD, NEW, OLD};
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    struct row_versions look[3];
    struct suspects out = {.a = a};
    for (size_t k = 0; k < ARRAY_LEN(sides); k++) {
        if (!rows_read_bag(w, a, sides[k], t, buckets, n, &look[k], e) || (k == 0 && !rows_catch_up(w, e)))
            return false;
    }
    suspects_of(&out, look);
    return out.n == 0 || rows_judge(w, t, out.s, out.n, e);
}

static bool narrow_bag(struct rows_worker *w, struct row_table *t, struct err *e)
{
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    struct bag *b = ARENA_NEW(a, struct bag);
    if (!read_bag(w, t, b, e))
        return false;
    for (size_t i = 0; i < b->n && !rows_enough(w, t);) {
        int64_t rows = 0;
        size_t from = i;
        while (i < b->n && (i == from || rows < BAG_ROWS)) {
            rows += b->before[b->open[i]].rows + b->now[b->open[i]].rows;
            i++;
        }
        if (!compare_buckets(w, t, b->open + from, i - from, e))
            return false;
    }
    return true;
}

/* ---- both ---- */

bool rows_narrow(struct rows_worker *w, const struct row_range *r, size_t n, struct err *e)
{
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    struct pointers keyed = {0};
    for (size_t i = 0; i < n; i++) {
        if (r[i].t->key_count == 0) {
            if (!narrow_bag(w, r[i].t, e))
                return false;
            continue;
        }
        struct row_range *copy = arena_memdup(a, &r[i], sizeof r[i]);
        ARR_PUSH(a, keyed.r, keyed.n, keyed.cap, copy);
    }
    return narrow_keyed(w, a, &keyed, e);
}
