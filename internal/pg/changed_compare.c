#include "internal/pg/changed_work.h"

#include <stdlib.h>
#include <string.h>

enum {
    KEYS_AT_ONCE = 2000,    /* in one sum */
    ROWS_AT_ONCE = 200,     /* that are read one by one */
    LOOK_MAX = 300,         /* rows that are looked at closely, which takes its time */
    WHOLE_PAGES_MAX = 8192, /* 64 MB: a fifth of a second for hashing, behind the fence */
};

static int by_table(const void *a, const void *b)
{
    size_t x = ((const struct changed_key *)a)->table, y = ((const struct changed_key *)b)->table;
    return (x > y) - (x < y);
}

/* What is done with rows that do not agree. */
struct verdict {
    struct pg_changed *c;
    size_t table;
    bool is_last;
};

static void put_back(struct pg_changed *c, size_t table, const char *const *parts)
{
    size_t n = c->run.tables[table].key_count;
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    struct str *views = ARENA_ARRAY(a, struct str, n + 1);
    for (size_t i = 0; i < n; i++)
        views[i] = str_of(parts[i]);
    key_set_add(c->set, c->run.tables, table, views);
}

static void disagree(const struct verdict *v, const char *const *key, const struct row_version *old,
                     const struct row_version *now)
{
    if (v->is_last)
        rows_report_pair(&v->c->w, &v->c->run.tables[v->table], key, old, now);
    else
        put_back(v->c, v->table, key);
}

/* By what is there, not by the keys that were asked for: 1.0 finds 1.00. */
static bool each_row(const struct verdict *v, const char *const *const *keys, size_t n, struct err *e)
{
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    const struct row_table *t = &v->c->run.tables[v->table];
    struct row_versions old, now;
    if (!rows_read_keys(&v->c->w, a, OLD, t, keys, n, &old, e) ||
        !rows_read_keys(&v->c->w, a, NEW, t, keys, n, &now, e))
        return false;
    for (size_t i = 0; i < old.n; i++) {
        const struct row_version *other = rows_find(&now, old.v[i].id);
        if (!other || strcmp(other->content, old.v[i].content) != 0)
            disagree(v, (const char *const *)old.v[i].key, &old.v[i], other);
    }
    for (size_t i = 0; i < now.n; i++)
        if (!rows_find(&old, now.v[i].id))
            disagree(v, (const char *const *)now.v[i].key, NULL, &now.v[i]);
    return true;
}

static bool some_keys(const struct verdict *v, const char *const *const *keys, size_t n, struct err *e)
{
    const struct row_table *t = &v->c->run.tables[v->table];
    struct row_sum old, now;
    v->c->compared += (int64_t)n;
    if (!rows_read_key_sum(&v->c->w, OLD, t, keys, n, &old, e) ||
        !rows_read_key_sum(&v->c->w, NEW, t, keys, n, &now, e))
        return false;
    for (size_t i = 0; i < n && !rows_equal(&old, &now); i += ROWS_AT_ONCE)
        if (!each_row(v, keys + i, n - i < ROWS_AT_ONCE ? n - i : ROWS_AT_ONCE, e))
            return false;
    return true;
}

static bool all_keys(struct pg_changed *c, struct key_set *from, bool is_last, struct err *e)
{
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    const char *const **keys = ARENA_ARRAY(a, const char *const *, KEYS_AT_ONCE);
    if (from->n > 0)
        qsort(from->keys, from->n, sizeof *from->keys, by_table);
    for (size_t i = 0, k; i < from->n; i += k) {
        const struct verdict v = {c, from->keys[i].table, is_last};
        for (k = 0; i + k < from->n && k < KEYS_AT_ONCE && from->keys[i + k].table == v.table; k++)
            keys[k] = from->keys[i + k].parts;
        if (!some_keys(&v, keys, k, e))
            return false;
    }
    return true;
}

/* ---- whole tables ---- */

static bool whole_table(struct pg_changed *c, size_t table, bool *ret_equal, struct err *e)
{
    struct row_range r = {.t = &c->run.tables[table], .old_sum.rows = -1, .new_sum.rows = -1}, *one = &r;
    if (!rows_read_sums(&c->w, OLD, &one, 1, e) || !rows_read_sums(&c->w, NEW, &one, 1, e))
        return false;
    c->compared += r.new_sum.rows;
    *ret_equal = rows_equal(&r.old_sum, &r.new_sum);
    return true;
}

/* What is too big waits for the end, and is named there. */
static bool all_whole(struct pg_changed *c, const struct key_set *from, struct buf *skipped, struct err *e)
{
    for (size_t i = 0; i < c->run.table_count && from->whole_count > 0; i++) {
        struct row_table *t = &c->run.tables[i];
        bool is_equal = false, is_big = t->pages > WHOLE_PAGES_MAX;
        if (!from->whole[i])
            continue;
        if (!is_big && !whole_table(c, i, &is_equal, e))
            return false;
        if (skipped && is_big)
            (void)buf_printf(skipped, "%s%s", skipped->n ? ", " : "", t->name);
        else if (skipped && !is_equal)
            t->note = "its rows are not the same on both sides any more";
        else if (!is_equal)
            key_set_add_whole(c->set, i);
    }
    return true;
}

bool changed_compare_set(struct pg_changed *c, struct key_set *from, struct err *e)
{
    return all_keys(c, from, false, e) && all_whole(c, from, NULL, e);
}

bool changed_judge_set(struct pg_changed *c, struct key_set *from, struct buf *skipped, struct err *e)
{
    return all_keys(c, from, true, e) && all_whole(c, from, skipped, e);
}

/* ---- a close look ---- */

bool changed_look_closely(struct pg_changed *c, struct err *e)
{
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    struct key_set *s = c->set;
    if (s->n == 0 || s->n > LOOK_MAX)
        return true;
    struct row_suspect *suspects = ARENA_ARRAY(a, struct row_suspect, s->n);
    for (size_t from = 0, n = 0; from < s->n; from += n) {
        struct row_table *t = &c->run.tables[s->keys[from].table];
        for (n = 0; from + n < s->n && s->keys[from + n].table == s->keys[from].table; n++)
            suspects[n] = (struct row_suspect){.id = rows_id(a, s->keys[from + n].parts, t->key_count),
                                               .key = s->keys[from + n].parts};
        if (!rows_judge(&c->w, t, suspects, n, e))
            return false;
    }
    return true;
}
