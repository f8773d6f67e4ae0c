#include "internal/pg/counts.h"
#include "internal/pg/rows_work.h"

#include <stdlib.h>
#include <string.h>

enum {
    CHUNK_PAGES = 16384,       /* 128 MB: half a second of hashing */
    SCATTERED_PAGES = 1048576, /* 8 GB: half a minute */
    SAMPLE_PARTS = 8,          /* a sample's ranges are smaller, so that they tell more */
    PAGES_SAMPLED_PER_CHUNK = 6,
    CORRELATED_PERCENT = 70,
    NAMES_MAX = 64 * 1024 * 1024,
};

/* ---- columns ---- */

struct column_row {
    int64_t table;
    struct row_column c;
};
static const struct field column_fields[] = {
    {FIELD_INT64, offsetof(struct column_row, table)},
    {FIELD_TEXT, offsetof(struct column_row, c.name)},
    {FIELD_TEXT, offsetof(struct column_row, c.quoted)},
    {FIELD_TEXT, offsetof(struct column_row, c.type)},
};

/* With modifier -1 a type's name can be cast to without cutting the value: character is bpchar. */
static const char columns_sql[] =
    "SELECT u.i - 1, a.attname, quote_ident(a.attname), format_type(a.atttypid, -1) FROM unnest($1::text[])"
    " WITH ORDINALITY u(n, i) JOIN pg_attribute a ON a.attrelid = to_regclass(u.n) AND a.attnum > 0 AND NOT"
    " a.attisdropped ORDER BY u.i, a.attnum";

/* Of the replica identity, which is sent of a row that goes; else of a primary key, else of any other unique
 * index that cannot hold a row twice. */
static const char keys_sql[] =
    "SELECT u.i - 1, a.attname, '', '' FROM unnest($1::text[]) WITH ORDINALITY u(n, i) CROSS JOIN LATERAL"
    " (SELECT x.indrelid, x.indkey, x.indnkeyatts FROM pg_index x JOIN pg_class c ON c.oid = x.indexrelid"
    " JOIN pg_am m ON m.oid = c.relam WHERE x.indrelid = to_regclass(u.n) AND m.amname = 'btree' AND"
    " x.indisunique AND x.indisvalid AND x.indpred IS NULL AND x.indexprs IS NULL AND NOT EXISTS (SELECT FROM"
    " generate_series(0, x.indnkeyatts - 1) p JOIN pg_attribute n ON n.attrelid = x.indrelid AND n.attnum ="
    " x.indkey[p] WHERE NOT n.attnotnull) ORDER BY x.indisreplident DESC, x.indisprimary DESC, x.indnkeyatts,"
    " x.indexrelid LIMIT 1) k CROSS JOIN LATERAL generate_series(0, k.indnkeyatts - 1) p JOIN pg_attribute a"
    " ON a.attrelid = k.indrelid AND a.attnum = k.indkey[p] ORDER BY u.i, p";

struct size_row {
    int64_t table, pages;
};
static const struct field size_fields[] = {
    {FIELD_INT64, offsetof(struct size_row, table)},
    {FIELD_INT64, offsetof(struct size_row, pages)},
};
static const char sizes_sql[] =
    "SELECT u.i - 1, (pg_relation_size(c.oid) + CASE c.reltoastrelid WHEN 0 THEN 0 ELSE"
    " pg_relation_size(c.reltoastrelid) END) / current_setting('block_size')::int FROM unnest($1::text[])"
    " WITH ORDINALITY u(n, i) JOIN pg_class c ON c.oid = to_regclass(u.n)";

static const char *names_of(struct arena *a, const struct row_table *t, size_t n)
{
    struct buf b = BUF_INIT(NAMES_MAX);
    (void)buf_puts(&b, "{");
    for (size_t i = 0; i < n; i++) {
        (void)buf_puts(&b, i ? ",\"" : "\"");
        for (const char *p = t[i].name; *p; p++) {
            if (*p == '"' || *p == '\\')
                (void)buf_puts(&b, "\\");
            (void)buf_add(&b, p, 1);
        }
        (void)buf_puts(&b, "\"");
    }
    (void)buf_puts(&b, "}");
    const char *text = arena_strdup(a, buf_text(&b));
    buf_done(&b);
    return text;
}

/* What one of the statements above gives for the tables of these names. */
struct question {
    const char *sql;
    const struct field *fields;
    size_t field_count, row_size;
};
static const struct question columns_question = {columns_sql, column_fields, ARRAY_LEN(column_fields),
                                                 sizeof(struct column_row)};
static const struct question keys_question = {keys_sql, column_fields, ARRAY_LEN(column_fields),
                                              sizeof(struct column_row)};
static const struct question sizes_question = {sizes_sql, size_fields, ARRAY_LEN(size_fields),
                                               sizeof(struct size_row)};

static bool ask(struct pg *c, struct arena *a, const struct question *q, const char *names, void **ret,
                size_t *ret_n, struct err *e)
{
    PGresult *r CLEANUP(result_cleanup) = NULL;
    if (!query_rows(c, q->sql, &names, 1, &r, e) ||
        !query_map(r, a, q->fields, q->field_count, q->row_size, ret, ret_n, e))
        return err_wrap(e, "read the columns of tables on %s:%d", c->host, c->port);
    return true;
}

/* The rows of table `i`, which follow each other; *at moves behind them. */
static size_t rows_of(const struct column_row *r, size_t n, size_t table, size_t *at)
{
    while (*at < n && (size_t)r[*at].table < table)
        (*at)++;
    size_t from = *at;
    while (*at < n && (size_t)r[*at].table == table)
        (*at)++;
    return *at - from;
}

static const struct row_column *column_named(const struct row_table *t, const char *name)
{
    for (size_t i = 0; i < t->column_count; i++)
        if (strcmp(t->columns[i].name, name) == 0)
            return &t->columns[i];
    return NULL;
}

static const char *free_alias(struct arena *a, const struct row_table *t)
{
    const char *alias = "aurora_row";
    while (column_named(t, alias))
        alias = arena_printf(a, "%s_", alias);
    return alias;
}

/* ---- one table ---- */

static const char *whole_row(struct arena *a, const struct row_table *t, bool same_order)
{
    if (same_order)
        return arena_printf(a, "(%s.*)", t->alias);
    struct buf b = BUF_INIT(ROWS_STATEMENT_MAX);
    for (size_t i = 0; i < t->column_count; i++)
        (void)buf_printf(&b, "%s%s.%s", i ? "," : "ROW(", t->alias, t->columns[i].quoted);
    const char *text = arena_printf(a, "%s)", buf_text(&b));
    buf_done(&b);
    return text;
}

static void note_columns(struct arena *a, struct row_table *t, const struct column_row *w, size_t wn)
{
    enum { SHOWN = 10 };
    const char **gone = ARENA_ARRAY(a, const char *, t->column_count + 1);
    const char **more = ARENA_ARRAY(a, const char *, wn + 1);
    size_t gone_n = 0, more_n = 0;
    for (size_t i = 0; i < t->column_count; i++) {
        bool there = false;
        for (size_t k = 0; k < wn && !there; k++)
            there = strcmp(w[k].c.name, t->columns[i].name) == 0;
        if (!there)
            gone[gone_n++] = t->columns[i].quoted;
    }
    for (size_t k = 0; k < wn; k++)
        if (!column_named(t, w[k].c.name))
            more[more_n++] = w[k].c.quoted;
    if (gone_n + more_n > 0)
        t->note = arena_printf(a, "columns differ: %s%s%s%s%s", gone_n ? "missing on the new side: " : "",
                               gone_n ? name_list(a, gone, gone_n, SHOWN) : "", gone_n && more_n ? "; " : "",
                               more_n ? "missing on the old side: " : "",
                               more_n ? name_list(a, more, more_n, SHOWN) : "");
}

static void set_columns(struct arena *a, struct row_table *t, const struct column_row *o, size_t on,
                        const struct column_row *w, size_t wn)
{
    struct row_column *columns = ARENA_ARRAY(a, struct row_column, on + 1);
    for (size_t i = 0; i < on; i++)
        columns[i] = o[i].c;
    t->columns = columns;
    t->column_count = on;
    t->alias = free_alias(a, t);
    note_columns(a, t, w, wn);
    bool same_order = on == wn;
    for (size_t i = 0; i < on && same_order; i++)
        same_order = strcmp(o[i].c.name, w[i].c.name) == 0;
    t->whole[OLD] = whole_row(a, t, true);
    t->whole[NEW] = whole_row(a, t, same_order);
}

static void set_key(struct arena *a, struct row_table *t, const struct column_row *k, size_t n)
{
    const struct row_column **key = ARENA_ARRAY(a, const struct row_column *, n + 1);
    for (size_t i = 0; i < n; i++) {
        key[i] = column_named(t, k[i].c.name);
        if (!key[i])
            return; /* changed while it was looked at */
    }
    t->key = key;
    t->key_count = n;
}

static bool describe(struct rows_run *run, struct pg *const side[2], struct arena *a, struct err *e)
{
    const char *names = names_of(a, run->tables, run->table_count);
    void *o_rows, *w_rows, *k_rows, *sizes;
    size_t on, wn, kn, sn, at_o = 0, at_w = 0, at_k = 0;
    if (!ask(side[OLD], a, &columns_question, names, &o_rows, &on, e) ||
        !ask(side[NEW], a, &columns_question, names, &w_rows, &wn, e) ||
        !ask(side[OLD], a, &keys_question, names, &k_rows, &kn, e) ||
        !ask(side[OLD], a, &sizes_question, names, &sizes, &sn, e))
        return false;
    const struct column_row *o = o_rows, *w = w_rows, *k = k_rows;
    for (size_t i = 0; i < run->table_count; i++) {
        struct row_table *t = &run->tables[i];
        size_t o_n = rows_of(o, on, i, &at_o), w_n = rows_of(w, wn, i, &at_w), k_n = rows_of(k, kn, i, &at_k);
        if (!t->on_old || !t->on_new)
            continue;
        set_columns(a, t, o + at_o - o_n, o_n, w + at_w - w_n, w_n);
        set_key(a, t, k + at_k - k_n, k_n);
    }
    for (size_t i = 0; i < sn; i++)
        run->tables[((struct size_row *)sizes)[i].table].pages = ((struct size_row *)sizes)[i].pages;
    return true;
}

bool rows_plan(struct rows_run *run, struct pg *const side[2], struct arena *a, struct err *e)
{
    struct count_table *listed;
    size_t n;
    if (!counts_tables(side[OLD], side[NEW], a, run->o->exclude, &listed, &n, e))
        return false;
    run->tables = ARENA_ARRAY(a, struct row_table, n + 1);
    run->table_count = n;
    for (size_t i = 0; i < n; i++)
        run->tables[i] = (struct row_table){.name = listed[i].name,
                                            .oid = listed[i].oid,
                                            .on_old = listed[i].on_old,
                                            .on_new = listed[i].on_new,
                                            .note = ""};
    return describe(run, side, a, e);
}

bool rows_oids(const struct rows_run *run, struct pg *c, struct arena *a, struct row_oid **ret, struct err *e)
{
    static const char sql[] = "SELECT u.i - 1, coalesce(to_regclass(u.n)::oid::bigint, 0) FROM"
                              " unnest($1::text[]) WITH ORDINALITY u(n, i) ORDER BY 2";
    static const struct field fields[] = {{FIELD_INT64, offsetof(struct row_oid, table)},
                                          {FIELD_INT64, offsetof(struct row_oid, oid)}};
    const struct question q = {sql, fields, ARRAY_LEN(fields), sizeof(struct row_oid)};
    void *rows;
    size_t n;
    if (!ask(c, a, &q, names_of(a, run->tables, run->table_count), &rows, &n, e))
        return false;
    *ret = rows;
    return n == run->table_count || err_set(e, ERR_BUG, "%zu oids of %zu tables", n, run->table_count);
}

/* ---- ranges ---- */

static const char *const *key_at(struct arena *a, const struct row_table *t, const PGresult *r, int row)
{
    const char **key = ARENA_ARRAY(a, const char *, t->key_count + 1);
    for (size_t i = 0; i < t->key_count; i++)
        key[i] = arena_strdup(a, PQgetvalue(r, row, (int)i));
    return key;
}

/* Ranges between `low`, the keys in the rows of a result, and `high`. */
static void between(struct arena *a, const struct row_range *whole, const PGresult *r, struct row_range **ret,
                    size_t *ret_n)
{
    int n = r ? PQntuples(r) : 0;
    struct row_range *ranges = ARENA_ARRAY(a, struct row_range, (size_t)n + 1);
    for (int i = 0; i <= n; i++) {
        ranges[i] = (struct row_range){.t = whole->t,
                                       .low = i ? ranges[i - 1].high : whole->low,
                                       .high = i < n ? key_at(a, whole->t, r, i) : whole->high,
                                       .pages = whole->pages / (n + 1) + 1};
        ranges[i].old_sum.rows = ranges[i].new_sum.rows = -1;
    }
    *ret = ranges;
    *ret_n = (size_t)n + 1;
}

static void add_key_list(struct buf *sql, const struct row_table *t, const char *fmt_before,
                         const char *fmt_after)
{
    for (size_t i = 0; i < t->key_count; i++)
        (void)buf_printf(sql, "%s%s%s.%s%s", i ? "," : "", fmt_before, t->alias, t->key[i]->quoted,
                         fmt_after);
}

/* Every `every`th key of those that `from` gives. */
static void add_boundaries(const struct pg *c, struct buf *sql, const struct row_range *r, const char *sample,
                           const char *every)
{
    const struct row_table *t = r->t;
    (void)buf_puts(sql, "SELECT ");
    for (size_t i = 0; i < t->key_count; i++)
        (void)buf_printf(sql, "%sk%zu", i ? "," : "", i);
    (void)buf_puts(sql, " FROM (SELECT ");
    for (size_t i = 0; i < t->key_count; i++)
        (void)buf_printf(sql, "format('%%s', %s.%s) AS k%zu, ", t->alias, t->key[i]->quoted, i);
    (void)buf_puts(sql, "row_number() OVER (ORDER BY ");
    add_key_list(sql, t, "", "");
    (void)buf_printf(sql, ") AS r, count(*) OVER () AS n FROM ONLY %s AS %s%s", t->name, t->alias, sample);
    rows_add_where(c, sql, r);
    (void)buf_printf(sql, ") s WHERE r > 1 AND (r - 1) %% (%s) = 0 ORDER BY r", every);
}

static bool boundaries(struct rows_worker *w, struct arena *a, const struct row_range *whole,
                       const char *sample, const char *every, struct row_range **ret, size_t *ret_n,
                       struct err *e)
{
    struct buf sql = BUF_INIT(ROWS_STATEMENT_MAX);
    add_boundaries(w->side[OLD], &sql, whole, sample, every);
    PGresult *r CLEANUP(result_cleanup) = NULL;
    bool done = query_rows(w->side[OLD], buf_text(&sql), NULL, 0, &r, e);
    buf_done(&sql);
    if (!done)
        return err_wrap(e, "split %s into ranges of its key", whole->t->name);
    between(a, whole, r, ret, ret_n);
    return true;
}

bool rows_split_range(struct rows_worker *w, struct arena *a, const struct row_range *r, int64_t step,
                      struct row_range **ret, size_t *ret_n, struct err *e)
{
    return boundaries(w, a, r, "", arena_printf(a, "%lld", (long long)step), ret, ret_n, e);
}

/* Does the table lie on disk in the order of its key? In a sample of its pages. */
static bool is_correlated(struct rows_worker *w, struct arena *a, const struct row_table *t,
                          const char *sample, bool *ret, struct err *e)
{
    struct buf sql = BUF_INIT(ROWS_STATEMENT_MAX);
    (void)buf_puts(&sql, "SELECT coalesce(abs(corr(r, b)) * 100, 0)::bigint FROM (SELECT row_number() OVER"
                         " (ORDER BY ");
    add_key_list(&sql, t, "", "");
    (void)buf_printf(&sql, ") AS r, (%s.ctid::text::point)[0] AS b FROM ONLY %s AS %s%s) s", t->alias,
                     t->name, t->alias, sample);
    static const struct field fields[] = {{FIELD_INT64, 0}};
    PGresult *r CLEANUP(result_cleanup) = NULL;
    void *rows;
    size_t n;
    bool done = query_rows(w->side[OLD], buf_text(&sql), NULL, 0, &r, e) &&
                query_map(r, a, fields, 1, sizeof(int64_t), &rows, &n, e);
    buf_done(&sql);
    if (!done)
        return err_wrap(e, "look at the order of %s", t->name);
    *ret = *(int64_t *)rows >= CORRELATED_PERCENT;
    return true;
}

bool rows_split_table(struct rows_worker *w, struct row_table *t, struct err *e)
{
    struct row_range whole = {.t = t, .pages = t->pages, .old_sum.rows = -1, .new_sum.rows = -1};
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    const struct pg_rows_options *o = w->run->o;
    int64_t size = o->range_pages > 0 ? o->range_pages : CHUNK_PAGES;
    size = o->mode == PG_ROWS_SAMPLE ? size / SAMPLE_PARTS + 1 : size;
    int64_t parts = t->pages / size + 1;
    if (parts == 1 || t->key_count == 0) {
        between(w->a, &whole, NULL, &t->ranges, &t->range_count);
        return true;
    }
    bool ordered;
    double percent = 100.0 * PAGES_SAMPLED_PER_CHUNK * (double)parts / (double)t->pages;
    const char *sample = arena_printf(a, " TABLESAMPLE SYSTEM (%.6f)", percent < 100 ? percent : 100);
    if (!is_correlated(w, a, t, sample, &ordered, e))
        return false;
    if (!ordered)
        parts = t->pages / SCATTERED_PAGES + 1;
    const char *every = arena_printf(a, "greatest(1, n / %lld)", (long long)parts);
    return boundaries(w, w->a, &whole, sample, every, &t->ranges, &t->range_count, e);
}
