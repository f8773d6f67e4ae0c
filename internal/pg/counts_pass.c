#include "internal/base/buf.h"
#include "internal/pg/counts.h"

#include <stdlib.h>
#include <string.h>

enum {
    BATCH_TABLES = 200, /* small tables in one statement: a round trip costs more than counting them */
    BATCH_PAGES = 4096,
    STATEMENT_MAX = 1024 * 1024,
};

/* ---- which tables ---- */

struct listed {
    const char *name, *plain, *oid;
    int64_t pages;
    bool readable;
};
static const struct field listed_fields[] = {
    {FIELD_TEXT, offsetof(struct listed, name)},     {FIELD_TEXT, offsetof(struct listed, plain)},
    {FIELD_TEXT, offsetof(struct listed, oid)},      {FIELD_INT64, offsetof(struct listed, pages)},
    {FIELD_BOOL, offsetof(struct listed, readable)},
};

/* Tables with rows of their own that are replicated: leaves of partitions, no parents, no unlogged ones. An
 * extension's tables belong to its version, but for those that it declares to hold the user's data. */
static const char list_sql[] =
    "SELECT format('%I.%I', n.nspname, c.relname), n.nspname || '.' || c.relname, c.oid,"
    " pg_relation_size(c.oid) / current_setting('block_size')::int, has_schema_privilege(n.oid, 'USAGE') AND"
    " has_table_privilege(c.oid, 'SELECT') AND NOT row_security_active(c.oid) FROM pg_class c JOIN "
    "pg_namespace n"
    " ON n.oid = c.relnamespace WHERE c.relkind = 'r' AND c.relpersistence = 'p' AND " SQL_USER_RELATION(
        "c",
        "n") " AND (" SQL_NOT_OF_EXTENSION("pg_class",
                                           "c.oid") " OR EXISTS (SELECT FROM pg_extension x WHERE c.oid ="
                                                    " ANY (x.extconfig))) ORDER BY (format('%I.%I', "
                                                    "n.nspname, c.relname)) COLLATE \"C\"";

static bool is_excluded(const struct listed *t, const char *const *exclude)
{
    for (; exclude && *exclude; exclude++)
        if (strcmp(*exclude, t->plain) == 0 || strcmp(*exclude, t->name) == 0)
            return true;
    return false;
}

static bool list_side(struct pg *c, struct arena *a, const char *const *exclude, struct listed **ret,
                      size_t *ret_n, struct err *e)
{
    PGresult *r CLEANUP(result_cleanup) = NULL;
    void *rows;
    size_t n, kept = 0, forbidden_n = 0;
    if (!query_rows(c, list_sql, NULL, 0, &r, e) ||
        !query_map(r, a, listed_fields, ARRAY_LEN(listed_fields), sizeof(struct listed), &rows, &n, e))
        return err_wrap(e, "list tables of database \"%s\" on %s:%d", c->database, c->host, c->port);
    struct listed *all = rows;
    const char **forbidden = ARENA_ARRAY(a, const char *, n + 1);
    for (size_t i = 0; i < n; i++) {
        if (is_excluded(&all[i], exclude))
            continue;
        if (!all[i].readable)
            forbidden[forbidden_n++] = all[i].name;
        all[kept++] = all[i];
    }
    if (forbidden_n > 0) {
        (void)denied(c, "read all rows of these tables (privilege or row security):",
                     "GRANT USAGE ON SCHEMA … and GRANT SELECT ON TABLE …, or the role that owns them,",
                     forbidden, forbidden_n, e);
        return err_wrap(e, "count rows on %s:%d", c->host, c->port);
    }
    *ret = all;
    *ret_n = kept;
    return true;
}

bool counts_tables(struct pg *old_side, struct pg *new_side, struct arena *a, const char *const *exclude,
                   struct count_table **ret, size_t *ret_n, struct err *e)
{
    struct listed *o, *w;
    size_t on, wn, n = 0;
    if (!list_side(old_side, a, exclude, &o, &on, e) || !list_side(new_side, a, exclude, &w, &wn, e))
        return false;
    struct count_table *all = ARENA_ARRAY(a, struct count_table, on + wn + 1);
    for (size_t i = 0, k = 0; i < on || k < wn; n++) {
        int order = i == on ? 1 : k == wn ? -1 : strcmp(o[i].name, w[k].name);
        const struct listed *t = order <= 0 ? &o[i] : &w[k];
        all[n] = (struct count_table){.name = t->name,
                                      .plain = t->plain,
                                      .oid = t->oid,
                                      .pages = t->pages,
                                      .on_old = order <= 0,
                                      .on_new = order >= 0};
        i += order <= 0;
        k += order >= 0;
    }
    *ret = all;
    *ret_n = n;
    return true;
}

/* ---- counting ---- */

struct row {
    int64_t index;
    struct counted c;
};
static const struct field row_fields[] = {
    {FIELD_INT64, offsetof(struct row, index)},  {FIELD_INT64, offsetof(struct row, c.rows)},
    {FIELD_TEXT, offsetof(struct row, c.sum)},   {FIELD_TEXT, offsetof(struct row, c.hash)},
    {FIELD_INT64, offsetof(struct row, c.kept)},
};

/* `since` NULL: the new side, nothing but the number of rows. Distances between transactions are modulo 2^32,
 * older ones lie in the upper half. Rows frozen by PostgreSQL 9.3 and before have the permanent xid 2, whose
 * age is no distance. age() counts from a point that is fixed within a statement: age(xid 3) turns it back.
 */
static void add_count(struct buf *sql, const struct count_table *t, size_t index, const int64_t *since)
{
    const char *glue = sql->n ? " UNION ALL " : "";
    if (!since)
        (void)buf_printf(sql, "%sSELECT %zu, count(*), '', '', 0 FROM ONLY %s", glue, index, t->name);
    else
        (void)buf_printf(
            sql,
            "%sSELECT %zu, count(*), coalesce(sum(x), 0)::text, coalesce(sum(hashint8(x)), 0)::text,"
            " count(*) FILTER (WHERE ((x - %lld) & 4294967295) >= 2147483648) FROM (SELECT CASE"
            " age(t.xmin) WHEN 2147483647 THEN 2 ELSE (3::bigint + age('3'::xid) - age(t.xmin)) &"
            " 4294967295 END AS x FROM ONLY %s t) s",
            glue, index, (long long)*since, t->name);
}

/* How many tables, from the first on, go into one statement. */
static size_t batch_size(struct count_table *const *t, size_t n)
{
    int64_t pages = 0;
    size_t k = 0;
    while (k < n && k < BATCH_TABLES && (k == 0 || pages + t[k]->pages <= BATCH_PAGES))
        pages += t[k++]->pages;
    return k;
}

static bool count_batch(struct pg *c, struct arena *a, struct count_table **t, size_t n, const int64_t *since,
                        struct err *e)
{
    struct buf sql = BUF_INIT(STATEMENT_MAX);
    for (size_t i = 0; i < n; i++)
        add_count(&sql, t[i], i, since);
    PGresult *r CLEANUP(result_cleanup) = NULL;
    bool done = sql.overflow ? err_set(e, ERR_BUG, "names of %zu tables are too long together", n)
                             : query_rows(c, buf_text(&sql), NULL, 0, &r, e);
    buf_done(&sql);
    void *mapped;
    size_t count;
    if (!done || !query_map(r, a, row_fields, ARRAY_LEN(row_fields), sizeof(struct row), &mapped, &count, e))
        return err_wrap(e, "count rows of %s%s", t[0]->name, n > 1 ? " and other tables" : "");
    const struct row *rows = mapped;
    for (size_t i = 0; i < count; i++) {
        struct count_table *at = t[rows[i].index];
        if (since)
            at->after = rows[i].c;
        else
            at->new_rows = rows[i].c.rows;
    }
    return true;
}

static bool count_all(struct pg *c, struct arena *a, struct count_table **t, size_t n, const int64_t *since,
                      struct err *e)
{
    for (size_t i = 0, k; i < n; i += k) {
        k = batch_size(t + i, n - i);
        if (!count_batch(c, a, t + i, k, since, e))
            return false;
    }
    return true;
}

struct position {
    lsn_t lsn;
    int64_t xmin;
};
static const struct field position_fields[] = {
    {FIELD_LSN, offsetof(struct position, lsn)},
    {FIELD_INT64, offsetof(struct position, xmin)},
};

/* The insert position: an asynchronous commit is visible before it is written. */
static bool read_position(struct pg *c, struct arena *a, struct position *ret, struct err *e)
{
    static const char sql[] =
        "SELECT " SQL_CURRENT_LSN ", pg_snapshot_xmin(pg_current_snapshot())::text::numeric % 4294967296";
    PGresult *r CLEANUP(result_cleanup) = NULL;
    void *rows;
    size_t n;
    if (!query_rows(c, sql, NULL, 0, &r, e) ||
        !query_map(r, a, position_fields, ARRAY_LEN(position_fields), sizeof *ret, &rows, &n, e))
        return err_wrap(e, "read the position of %s:%d", c->host, c->port);
    *ret = *(const struct position *)rows;
    return true;
}

/* Every statement has a snapshot of its own, and gives back its locks: a transaction over thousands of tables
 * would fill the lock table that it shares with production, and hold back vacuum. So transactions count as
 * new from before the first statement on, and the position is one behind the last. */
bool counts_old(struct pg *c, struct arena *a, struct count_table **t, size_t n,
                const struct count_pass *since, struct count_pass *ret, struct err *e)
{
    struct position before, after;
    if (!read_position(c, a, &before, e) || !count_all(c, a, t, n, since ? &since->xmin : &before.xmin, e) ||
        !read_position(c, a, &after, e))
        return false;
    *ret = (struct count_pass){after.lsn, before.xmin};
    return true;
}

bool counts_new(struct pg *c, struct arena *a, struct count_table **t, size_t n, struct err *e)
{
    return count_all(c, a, t, n, NULL, e);
}

/* ---- activity ---- */

struct active {
    int64_t index;
    struct activity x;
};
static const struct field active_fields[] = {
    {FIELD_INT64, offsetof(struct active, index)},
    {FIELD_INT64, offsetof(struct active, x.inserted)},
    {FIELD_INT64, offsetof(struct active, x.updated)},
    {FIELD_INT64, offsetof(struct active, x.deleted)},
};

bool counts_activity(struct pg *c, struct arena *a, struct count_table **t, size_t n, struct err *e)
{
    static const char sql[] =
        "SELECT u.i - 1, pg_stat_get_tuples_inserted(u.o), pg_stat_get_tuples_updated(u.o),"
        " pg_stat_get_tuples_deleted(u.o) FROM unnest($1::oid[]) WITH ORDINALITY u(o, i)";
    struct buf oids = BUF_INIT((size_t)64 * 1024 * 1024);
    for (size_t i = 0; i < n; i++)
        (void)buf_printf(&oids, "%s%s", i ? "," : "{", t[i]->oid);
    (void)buf_puts(&oids, n ? "}" : "{}");
    const char *params[] = {buf_text(&oids)};
    PGresult *r CLEANUP(result_cleanup) = NULL;
    bool done = query_rows(c, sql, params, 1, &r, e);
    buf_done(&oids);
    void *mapped;
    size_t count;
    if (!done ||
        !query_map(r, a, active_fields, ARRAY_LEN(active_fields), sizeof(struct active), &mapped, &count, e))
        return err_wrap(e, "read the activity of tables");
    const struct active *rows = mapped;
    for (size_t i = 0; i < count; i++)
        t[rows[i].index]->last = rows[i].x;
    return true;
}
