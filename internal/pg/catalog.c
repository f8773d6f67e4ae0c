#include "internal/pg/catalog.h"
#include "internal/base/buf.h"
#include "internal/pg/query.h"

#include <string.h>

/* ---- names that may and may not be looked at ---- */

struct name_right {
    const char *name;
    bool allowed;
};
static const struct field name_right_fields[] = {
    {FIELD_TEXT, offsetof(struct name_right, name)},
    {FIELD_BOOL, offsetof(struct name_right, allowed)},
};

/* Splits rows of (name, allowed). */
static bool names_by_right(struct pg *c, struct arena *a, const char *sql, const char ***ret, size_t *ret_n,
                           const char ***ret_denied, size_t *ret_denied_n, struct err *e)
{
    PGresult *r CLEANUP(result_cleanup) = NULL;
    void *mapped;
    size_t n;
    if (!query_rows(c, sql, NULL, 0, &r, e) ||
        !query_map(r, a, name_right_fields, ARRAY_LEN(name_right_fields), sizeof(struct name_right), &mapped,
                   &n, e))
        return false;
    const struct name_right *rows = mapped;
    *ret = ARENA_ARRAY(a, const char *, n + 1);
    *ret_denied = ARENA_ARRAY(a, const char *, n + 1);
    *ret_n = *ret_denied_n = 0;
    for (size_t i = 0; i < n; i++)
        if (rows[i].allowed)
            (*ret)[(*ret_n)++] = rows[i].name;
        else
            (*ret_denied)[(*ret_denied_n)++] = rows[i].name;
    return true;
}

/* ---- statistics ---- */

/* pg_stats shows a table's statistics only to those who may read the table. To the others only "was analyzed
 * once" is visible, which is as good; 18 carries statistics over an upgrade without that. */
static const char unanalyzed[] =
    "WITH t AS (SELECT c.oid, n.nspname, c.relname, c.reltuples, c.relkind,"
    "  has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT') AND NOT"
    "  row_security_active(c.oid) AS readable FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
    "  WHERE c.relkind IN ('r', 'm', 'p') AND " SQL_USER_RELATION(
        "c",
        "n") "),"
             " known AS (SELECT DISTINCT schemaname, tablename, inherited FROM pg_stats)"
             " SELECT format('%I.%I', t.nspname, t.relname), t.readable FROM t WHERE CASE WHEN t.relkind = "
             "'p' THEN EXISTS"
             "  (SELECT FROM pg_partition_tree(t.oid) l WHERE l.isleaf AND pg_relation_size(l.relid) > 0)"
             "  ELSE pg_relation_size(t.oid) > 0 END"
             " AND NOT EXISTS (SELECT FROM known k WHERE k.schemaname = t.nspname AND k.tablename = t.relname"
             "  AND k.inherited = (t.relkind = 'p'))"
             " AND NOT EXISTS (SELECT FROM pg_stat_all_tables s WHERE s.relid = t.oid AND"
             "  coalesce(s.last_analyze, s.last_autoanalyze) IS NOT NULL)"
             " ORDER BY t.nspname, t.relname";

bool pg_unanalyzed(struct pg *c, struct arena *a, size_t max, const char ***ret_names, size_t *ret_n,
                   struct err *e)
{
    const char **names, **forbidden;
    size_t n, forbidden_n;
    if (!names_by_right(c, a, unanalyzed, &names, &n, &forbidden, &forbidden_n, e))
        return err_wrap(e, "look for tables without statistics in database \"%s\"", c->database);
    if (forbidden_n > 0) {
        (void)denied(c, "see whether these tables have statistics:",
                     "GRANT USAGE ON SCHEMA … and GRANT SELECT ON TABLE …", forbidden, forbidden_n, e);
        return err_wrap(e, "look for tables without statistics in database \"%s\"", c->database);
    }
    *ret_names = names;
    (*ret_names)[n < max ? n : max] = NULL;
    *ret_n = n;
    return true;
}

/* What ANALYZE without a name covers, catalogues included: they lack statistics after an upgrade as well. The
 * parent of partitions analyzes these, so in the pass that does parents its leaves are left out. */
static const char analyzable[] =
    "SELECT format('%I.%I', n.nspname, c.relname), n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'"
    " FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relpersistence <> 't' AND "
    "n.nspname"
    " !~ '^pg_toast' AND NOT (n.nspname ~ '^rds' AND n.nspowner = 10) AND CASE WHEN $1::bool THEN c.relkind "
    "IN ('r', 'm', 'p') AND NOT c.relispartition"
    " ELSE c.relkind IN ('r', 'm') END ORDER BY c.relpages DESC, 1";

struct stage {
    const char *target; /* default_statistics_target; NULL: the session's own */
    bool parents;
};

static bool list_analyzable(struct pg *c, struct arena *a, bool parents, const struct name_right **ret,
                            size_t *ret_n, struct err *e)
{
    const char *params[] = {parents ? "true" : "false"};
    PGresult *r CLEANUP(result_cleanup) = NULL;
    void *rows;
    if (!query_rows(c, analyzable, params, 1, &r, e) ||
        !query_map(r, a, name_right_fields, ARRAY_LEN(name_right_fields), sizeof(struct name_right), &rows,
                   ret_n, e))
        return false;
    *ret = rows;
    return true;
}

/* One table. The server skips what may not be analyzed with a WARNING only (of a wording that differs by
 * major); a table dropped meanwhile is no failure. */
static bool analyze_table(struct pg *c, struct arena *a, const char *name, bool *ret_skipped, struct err *e)
{
    struct err failure = ERR_INIT;
    if (query_run_for(c, arena_printf(a, "ANALYZE %s", name), 0, &failure)) {
        *ret_skipped = strstr(c->warning, "skipping") != NULL;
        return true;
    }
    *ret_skipped = failure.code == ERR_DENIED; /* of its schema */
    if (failure.code == ERR_NOT_FOUND || failure.code == ERR_DENIED)
        return true;
    if (e)
        *e = failure;
    return err_wrap(e, "analyze %s", name);
}

static bool analyze_stage(struct pg *c, struct arena *a, const struct stage *s, const char ***ret_skipped,
                          size_t *ret_n, struct err *e)
{
    const struct name_right *tables;
    size_t n, skipped_n = 0;
    const char *set = s->target ? arena_printf(a, "SET default_statistics_target = %s", s->target)
                                : "RESET default_statistics_target";
    if (!query_run(c, set, e) || !list_analyzable(c, a, s->parents, &tables, &n, e))
        return false;
    const char **skipped = ARENA_ARRAY(a, const char *, n + 1);
    for (size_t i = 0; i < n; i++) {
        bool skip;
        if (!analyze_table(c, a, tables[i].name, &skip, e))
            return false;
        if (skip &&
            tables[i].allowed) /* catalogues belong to the service; users' tables must not be missed */
            skipped[skipped_n++] = tables[i].name;
    }
    *ret_skipped = skipped;
    *ret_n = skipped_n;
    return true;
}

bool pg_analyze(struct pg *c, struct err *e)
{
    static const struct stage stages[] = {{"1", false}, {"10", false}, {NULL, true}};
    if (!c->writable)
        return err_set(e, ERR_BUG, "ANALYZE on a session that was opened read-only");
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    const char **skipped = NULL;
    size_t n = 0;
    /* A big partitioned table may take longer than any one query should (stop still works), and an autovacuum
     * in the way gives up only to somebody who waits for a second. */
    if (!query_run(
            c, "SELECT set_config('statement_timeout', '0', false), set_config('lock_timeout', '0', false)",
            e))
        return false;
    bool done = true;
    for (size_t i = 0; done && i < ARRAY_LEN(stages); i++)
        done = analyze_stage(c, a, &stages[i], &skipped, &n, e);
    struct err ignored = ERR_INIT;
    const char *restore = arena_printf(
        a,
        "SELECT set_config('statement_timeout', '%ds', false), set_config('lock_timeout', '" LOCK_TIMEOUT
        "', false)",
        c->statement_timeout_s);
    if (!query_run(c, restore, done ? e : &ignored) || !done)
        return err_wrap(e, "gather statistics of database \"%s\"", c->database);
    if (n == 0)
        return true;
    (void)denied(c, "analyze these tables (all others are done):",
                 c->version >= 170000 ? "GRANT MAINTAIN ON TABLE …"
                                      : "make it the owner, or GRANT the owning role",
                 skipped, n, e);
    return err_wrap(e, "gather statistics of database \"%s\"", c->database);
}

/* ---- extensions ---- */

static const struct field extension_fields[] = {
    {FIELD_TEXT, offsetof(struct pg_extension, name)},
    {FIELD_TEXT, offsetof(struct pg_extension, installed)},
    {FIELD_TEXT, offsetof(struct pg_extension, available)},
};

bool pg_extensions(struct pg *c, struct arena *a, const struct pg_extension **ret, size_t *ret_n,
                   struct err *e)
{
    static const char sql[] =
        "SELECT x.extname, x.extversion, v.default_version FROM pg_extension x LEFT JOIN"
        " pg_available_extensions v ON v.name = x.extname ORDER BY x.extname COLLATE \"C\"";
    PGresult *r CLEANUP(result_cleanup) = NULL;
    void *rows;
    if (!query_rows(c, sql, NULL, 0, &r, e) || !query_map(r, a, extension_fields, ARRAY_LEN(extension_fields),
                                                          sizeof(struct pg_extension), &rows, ret_n, e))
        return err_wrap(e, "list extensions of database \"%s\"", c->database);
    *ret = rows;
    return true;
}

bool pg_extension_update(struct pg *c, const char *name, struct err *e)
{
    char *quoted = PQescapeIdentifier(c->conn, name, strlen(name));
    struct buf sql CLEANUP(buf_done) = BUF_INIT(256);
    bool fits = quoted && buf_printf(&sql, "ALTER EXTENSION %s UPDATE", quoted);
    PQfreemem(quoted);
    if (!fits)
        return err_set(e, ERR_INVALID, "extension \"%.60s\" has no legal name", name);
    return query_run_for(c, buf_text(&sql), 0, e) ||
           err_wrap(e, "update extension %s of database \"%s\"", name, c->database);
}
