#include "internal/pg/rows_work.h"

#include <stdlib.h>
#include <string.h>

enum {
    STATEMENT_RANGES = 100, /* small ranges in one statement: a round trip costs more than reading them */
    STATEMENT_PAGES = 32768,
};

/* ---- pieces of statements ---- */

void rows_add_literal(const struct pg *c, struct buf *sql, const char *text)
{
    char *quoted = PQescapeLiteral(c->conn, text, strlen(text));
    if (!quoted)
        abort(); /* out of memory, or a key that is not in the session's encoding, which the server sent */
    (void)buf_puts(sql, quoted);
    PQfreemem(quoted);
}

void rows_add_key(struct buf *sql, const struct row_table *t)
{
    for (size_t i = 0; i < t->key_count; i++)
        (void)buf_printf(sql, "%s%s.%s", i ? "," : "(", t->alias, t->key[i]->quoted);
    (void)buf_puts(sql, ")");
}

static void add_key_value(const struct pg *c, struct buf *sql, const struct row_table *t,
                          const char *const *key)
{
    for (size_t i = 0; i < t->key_count; i++) {
        (void)buf_puts(sql, i ? "," : "(");
        rows_add_literal(c, sql, key[i]);
        (void)buf_printf(sql, "::%s", t->key[i]->type);
    }
    (void)buf_puts(sql, ")");
}

void rows_add_where(const struct pg *c, struct buf *sql, const struct row_range *r)
{
    const char *const *ends[] = {r->low, r->high};
    static const char *const compare[] = {" >= ", " < "};
    const char *glue = " WHERE ";
    for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
        if (!ends[i])
            continue;
        (void)buf_puts(sql, glue);
        rows_add_key(sql, r->t);
        (void)buf_puts(sql, compare[i]);
        add_key_value(c, sql, r->t, ends[i]);
        glue = " AND ";
    }
}

static void add_hash(struct buf *sql, const struct row_table *t, enum row_side side)
{
    (void)buf_printf(sql, "hashtextextended(%s::text COLLATE \"C\", 0)", t->whole[side]);
}

static bool run(struct rows_worker *w, enum row_side side, struct buf *sql, PGresult **ret, struct err *e)
{
    bool done = sql->overflow ? err_set(e, ERR_INVALID, "a statement would be longer than %d MB",
                                        ROWS_STATEMENT_MAX / 1024 / 1024)
                              : query_rows(w->side[side], buf_text(sql), NULL, 0, ret, e);
    buf_done(sql);
    return done;
}

/* ---- sums ---- */

struct sum_row {
    int64_t index, rows;
    const char *sum;
};
static const struct field sum_fields[] = {
    {FIELD_INT64, offsetof(struct sum_row, index)},
    {FIELD_INT64, offsetof(struct sum_row, rows)},
    {FIELD_TEXT, offsetof(struct sum_row, sum)},
};

static bool read_sum_rows(struct rows_worker *w, struct arena *a, enum row_side side, struct buf *sql,
                          struct sum_row **ret, size_t *ret_n, struct err *e)
{
    PGresult *r CLEANUP(result_cleanup) = NULL;
    void *rows;
    if (!run(w, side, sql, &r, e) ||
        !query_map(r, a, sum_fields, ARRAY_LEN(sum_fields), sizeof(struct sum_row), &rows, ret_n, e))
        return false;
    *ret = rows;
    return true;
}

static void set_sum(struct row_sum *at, const struct sum_row *from)
{
    at->rows = from->rows;
    (void)snprintf(at->sum, sizeof at->sum, "%s", from->sum);
}

static bool read_statement(struct rows_worker *w, enum row_side side, struct row_range *const *r, size_t n,
                           struct err *e)
{
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    struct buf sql = BUF_INIT(ROWS_STATEMENT_MAX);
    struct sum_row *rows;
    size_t count;
    for (size_t i = 0; i < n; i++) {
        const struct row_table *t = r[i]->t;
        (void)buf_printf(&sql, "%sSELECT %zu, count(*), coalesce(sum(", i ? " UNION ALL " : "", i);
        add_hash(&sql, t, side);
        (void)buf_printf(&sql, "), 0)::text FROM ONLY %s AS %s", t->name, t->alias);
        rows_add_where(w->side[side], &sql, r[i]);
    }
    if (!read_sum_rows(w, a, side, &sql, &rows, &count, e))
        return err_wrap(e, "read %s%s", r[0]->t->name, n > 1 ? " and what follows" : "");
    for (size_t i = 0; i < count; i++) {
        struct row_range *at = r[rows[i].index];
        set_sum(side == OLD ? &at->old_sum : &at->new_sum, &rows[i]);
    }
    return true;
}

bool rows_read_sums(struct rows_worker *w, enum row_side side, struct row_range *const *r, size_t n,
                    struct err *e)
{
    for (size_t i = 0, k; i < n; i += k) {
        int64_t pages = r[i]->pages;
        for (k = 1; i + k < n && k < STATEMENT_RANGES && pages + r[i + k]->pages <= STATEMENT_PAGES; k++)
            pages += r[i + k]->pages;
        if (!read_statement(w, side, r + i, k, e))
            return false;
    }
    return true;
}

static void add_key_texts(const struct pg *c, struct buf *sql, const struct row_table *t,
                          const char *const *const *keys, size_t n)
{
    for (size_t k = 0; k < t->key_count; k++) {
        for (size_t i = 0; i < n; i++) {
            (void)buf_puts(sql, i ? "," : k ? ",ARRAY[" : "ARRAY[");
            rows_add_literal(c, sql, keys[i][k]);
        }
        (void)buf_puts(sql, "]::text[]");
    }
}

/* A list of rows, "(a, b) IN ((1, 2), …)", would be one condition each to the planner. */
bool rows_read_key_sum(struct rows_worker *w, enum row_side side, const struct row_table *t,
                       const char *const *const *keys, size_t n, struct row_sum *ret, struct err *e)
{
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    struct buf sql = BUF_INIT(ROWS_STATEMENT_MAX);
    struct sum_row *rows;
    size_t count;
    (void)buf_puts(&sql, "SELECT 0, count(*), coalesce(sum(");
    add_hash(&sql, t, side);
    (void)buf_puts(&sql, "), 0)::text FROM unnest(");
    add_key_texts(w->side[side], &sql, t, keys, n);
    for (size_t k = 0; k < t->key_count; k++)
        (void)buf_printf(&sql, "%sk%zu", k ? "," : ") AS aurora_key(", k);
    (void)buf_printf(&sql, ") JOIN ONLY %s AS %s ON ", t->name, t->alias);
    for (size_t k = 0; k < t->key_count; k++)
        (void)buf_printf(&sql, "%s%s.%s = aurora_key.k%zu::%s", k ? " AND " : "", t->alias, t->key[k]->quoted,
                         k, t->key[k]->type);
    if (!read_sum_rows(w, a, side, &sql, &rows, &count, e))
        return err_wrap(e, "read rows of %s", t->name);
    set_sum(ret, &rows[0]);
    return true;
}

bool rows_read_buckets(struct rows_worker *w, enum row_side side, const struct row_table *t,
                       struct row_sum *ret, struct err *e)
{
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    struct buf sql = BUF_INIT(ROWS_STATEMENT_MAX);
    struct sum_row *rows;
    size_t count;
    (void)buf_printf(&sql, "SELECT h & %d, count(*), sum(h)::text FROM (SELECT ", BAG_BUCKETS - 1);
    add_hash(&sql, t, side);
    (void)buf_printf(&sql, " AS h FROM ONLY %s AS %s) s GROUP BY 1", t->name, t->alias);
    if (!read_sum_rows(w, a, side, &sql, &rows, &count, e))
        return err_wrap(e, "read %s", t->name);
    for (size_t i = 0; i < BAG_BUCKETS; i++)
        ret[i] = (struct row_sum){.rows = 0, .sum = "0"};
    for (size_t i = 0; i < count; i++)
        set_sum(&ret[rows[i].index], &rows[i]);
    return true;
}

/* ---- single rows ---- */

static int by_id(const void *a, const void *b)
{
    return strcmp(((const struct row_version *)a)->id, ((const struct row_version *)b)->id);
}

const struct row_version *rows_find(const struct row_versions *in, const char *id)
{
    const struct row_version key = {.id = id};
    return in->n ? bsearch(&key, in->v, in->n, sizeof *in->v, by_id) : NULL;
}

/* Lengths keep ("a", "bc") and ("ab", "c") apart. */
const char *rows_id(struct arena *a, const char *const *key, size_t n)
{
    if (n == 1)
        return key[0];
    struct buf b = BUF_INIT(ROWS_STATEMENT_MAX);
    for (size_t i = 0; i < n; i++)
        (void)buf_printf(&b, "%zu:%s,", strlen(key[i]), key[i]);
    const char *id = arena_strdup(a, buf_text(&b));
    buf_done(&b);
    return id;
}

/* Columns: content, physical, place, locked, then the parts of the key. */
static bool read_versions(struct rows_worker *w, struct arena *a, enum row_side side,
                          const struct row_table *t, struct buf *sql, size_t limit, struct row_versions *ret,
                          struct err *e)
{
    enum { CONTENT, PHYSICAL, PLACE, LOCKED, KEY };
    PGresult *r CLEANUP(result_cleanup) = NULL;
    if (!run(w, side, sql, &r, e))
        return err_wrap(e, "read rows of %s", t->name);
    size_t n = (size_t)PQntuples(r), parts = t->key_count ? t->key_count : 1;
    if ((size_t)PQnfields(r) != parts + KEY)
        return err_set(e, ERR_BUG, "%d columns of rows", PQnfields(r));
    struct row_version *v = ARENA_ARRAY(a, struct row_version, n + 1);
    for (size_t i = 0; i < n; i++) {
        v[i].content = arena_strdup(a, PQgetvalue(r, (int)i, CONTENT));
        v[i].physical = arena_strdup(a, PQgetvalue(r, (int)i, PHYSICAL));
        v[i].place = arena_strdup(a, PQgetvalue(r, (int)i, PLACE));
        v[i].locked = PQgetvalue(r, (int)i, LOCKED)[0] == 't';
        v[i].key = ARENA_ARRAY(a, const char *, parts);
        for (size_t k = 0; k < parts; k++)
            v[i].key[k] = arena_strdup(a, PQgetvalue(r, (int)i, (int)(k + KEY)));
        v[i].id = rows_id(a, v[i].key, parts);
    }
    qsort(v, n, sizeof *v, by_id);
    *ret = (struct row_versions){.v = v, .n = n, .cut = limit > 0 && n >= limit};
    return true;
}

/* ROW() around each column, so that it is printed as in a row: bool::text is "true", character(3)::text is
 * cut. */
static void add_rows(struct buf *sql, const struct row_table *t)
{
    (void)buf_puts(sql, "SELECT ARRAY[");
    for (size_t i = 0; i < t->column_count; i++)
        (void)buf_printf(sql, "%shashtextextended(ROW(%s.%s)::text COLLATE \"C\", 0)", i ? "," : "", t->alias,
                         t->columns[i].quoted);
    (void)buf_printf(sql, "]::bigint[]::text, %s.ctid::text || ' ' || %s.xmin::text, '', %s.xmax <> '0'",
                     t->alias, t->alias, t->alias);
    for (size_t i = 0; i < t->key_count; i++)
        (void)buf_printf(sql, ", format('%%s', %s.%s)", t->alias, t->key[i]->quoted);
    (void)buf_printf(sql, " FROM ONLY %s AS %s", t->name, t->alias);
}

bool rows_read_range(struct rows_worker *w, struct arena *a, enum row_side side, const struct row_range *r,
                     size_t limit, struct row_versions *ret, struct err *e)
{
    struct buf sql = BUF_INIT(ROWS_STATEMENT_MAX);
    add_rows(&sql, r->t);
    rows_add_where(w->side[side], &sql, r);
    (void)buf_printf(&sql, " LIMIT %zu", limit);
    return read_versions(w, a, side, r->t, &sql, limit, ret, e);
}

/* Equal rows are one: how many there are, which versions they are taken together, and where one is. */
static void add_bag(struct buf *sql, const struct row_table *t, enum row_side side)
{
    (void)buf_puts(sql, "SELECT '{' || count(*) || '}', sum(hashtextextended(p COLLATE \"C\", 0))::text,"
                        " (array_agg(c))[1]::text, bool_or(l), h::text FROM (SELECT ");
    add_hash(sql, t, side);
    (void)buf_printf(sql,
                     " AS h, %s.ctid AS c, %s.ctid::text || ' ' || %s.xmin::text AS p, %s.xmax <> '0' AS l"
                     " FROM ONLY %s AS %s) s",
                     t->alias, t->alias, t->alias, t->alias, t->name, t->alias);
}

bool rows_read_keys(struct rows_worker *w, struct arena *a, enum row_side side, const struct row_table *t,
                    const char *const *const *keys, size_t n, struct row_versions *ret, struct err *e)
{
    struct buf sql = BUF_INIT(ROWS_STATEMENT_MAX);
    if (t->key_count > 0) {
        add_rows(&sql, t);
        (void)buf_puts(&sql, " WHERE ");
        rows_add_key(&sql, t);
    } else {
        add_bag(&sql, t, side);
        (void)buf_puts(&sql, " WHERE h");
    }
    for (size_t i = 0; i < n; i++) {
        (void)buf_puts(&sql, i ? "," : " IN (");
        if (t->key_count > 0)
            add_key_value(w->side[side], &sql, t, keys[i]);
        else
            (void)buf_printf(&sql, "'%s'::bigint", keys[i][0]);
    }
    (void)buf_puts(&sql, t->key_count > 0 ? ")" : ") GROUP BY h");
    return read_versions(w, a, side, t, &sql, 0, ret, e);
}

bool rows_read_bag(struct rows_worker *w, struct arena *a, enum row_side side, const struct row_table *t,
                   const int *buckets, size_t n, struct row_versions *ret, struct err *e)
{
    struct buf sql = BUF_INIT(ROWS_STATEMENT_MAX);
    add_bag(&sql, t, side);
    (void)buf_printf(&sql, " WHERE (h & %d) IN (", BAG_BUCKETS - 1);
    for (size_t i = 0; i < n; i++)
        (void)buf_printf(&sql, "%s%d", i ? "," : "", buckets[i]);
    (void)buf_puts(&sql, ") GROUP BY h");
    return read_versions(w, a, side, t, &sql, 0, ret, e);
}
