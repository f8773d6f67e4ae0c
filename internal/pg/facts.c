#include "internal/pg/logical.h"
#include "internal/pg/query.h"

#include <string.h>

/* One statement, one transaction. IF NOT EXISTS everywhere: an apply that was cut short may have left any
 * part of it. */
static const char make_sql[] =
    "DO $$ BEGIN"
    " CREATE SCHEMA IF NOT EXISTS aurora_upgrade;"
    " IF NOT (SELECT pg_has_role(current_user, nspowner, 'USAGE') FROM pg_namespace WHERE nspname ="
    "  'aurora_upgrade') THEN RAISE EXCEPTION USING ERRCODE = 'object_in_use', MESSAGE ="
    "  'schema aurora_upgrade belongs to another role'; END IF;"
    " REVOKE ALL ON SCHEMA aurora_upgrade FROM PUBLIC;"
    " CREATE TABLE IF NOT EXISTS aurora_upgrade.fact (name text PRIMARY KEY, value text NOT NULL);"
    " CREATE TABLE IF NOT EXISTS aurora_upgrade.marker (token text PRIMARY KEY,"
    "  written timestamptz NOT NULL DEFAULT clock_timestamp(),"
    "  lsn pg_lsn NOT NULL DEFAULT pg_current_wal_insert_lsn());"
    " COMMENT ON SCHEMA aurora_upgrade IS 'of terraform-provider-aurora, for the time of an upgrade';"
    " END $$";

bool pg_facts_make(struct pg *c, struct err *e)
{
    if (query_run(c, make_sql, e))
        return true;
    if (e && strcmp(e->remote_code, "55006") == 0)
        e->code = ERR_CONFLICT;
    return err_wrap(e, "make schema aurora_upgrade in database \"%s\" of %s:%d", c->database, c->host,
                    c->port);
}

static bool one_text(struct pg *c, struct arena *a, const char *sql, const char *const *params, size_t n,
                     const char **ret, struct err *e)
{
    static const struct field field = {FIELD_TEXT, 0};
    PGresult *r CLEANUP(result_cleanup) = NULL;
    void *rows;
    size_t count;
    if (!query_rows(c, sql, params, n, &r, e) ||
        !query_map(r, a, &field, 1, sizeof(const char *), &rows, &count, e))
        return false;
    *ret = count ? *(const char **)rows : "";
    return true;
}

bool pg_facts_exist(struct pg *c, bool *ret, struct err *e)
{
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    const char *both = "";
    if (!one_text(
            c, a,
            "SELECT to_regclass('aurora_upgrade.fact')::text || to_regclass('aurora_upgrade.marker')::text",
            NULL, 0, &both, e))
        return err_wrap(e, "look for schema aurora_upgrade in database \"%s\"", c->database);
    *ret = both[0] != '\0';
    return true;
}

bool pg_facts_drop(struct pg *c, struct err *e)
{
    return query_run(c, "DROP SCHEMA IF EXISTS aurora_upgrade CASCADE", e) ||
           err_wrap(e, "drop schema aurora_upgrade in database \"%s\" of %s:%d", c->database, c->host,
                    c->port);
}

bool pg_fact_write(struct pg *c, const char *name, const char *value, struct err *e)
{
    static const char sql[] = "INSERT INTO aurora_upgrade.fact (name, value) VALUES ($1, $2)"
                              " ON CONFLICT (name) DO NOTHING";
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    const char *params[] = {name, value}, *there = "";
    PGresult *r CLEANUP(result_cleanup) = NULL;
    if (!query_rows(c, sql, params, 2, &r, e) || !pg_fact_read(c, a, name, &there, e))
        return err_wrap(e, "write down %s in database \"%s\"", name, c->database);
    if (strcmp(there, value) == 0)
        return true;
    return err_set(e, ERR_CONFLICT, "database \"%s\" has another %s written down: %s", c->database, name,
                   there);
}

bool pg_fact_change(struct pg *c, const char *name, const char *value, struct err *e)
{
    static const char sql[] = "INSERT INTO aurora_upgrade.fact (name, value) VALUES ($1, $2)"
                              " ON CONFLICT (name) DO UPDATE SET value = excluded.value";
    const char *params[] = {name, value};
    PGresult *r CLEANUP(result_cleanup) = NULL;
    return query_rows(c, sql, params, 2, &r, e) ||
           err_wrap(e, "write down %s in database \"%s\"", name, c->database);
}

bool pg_fact_read(struct pg *c, struct arena *a, const char *name, const char **ret, struct err *e)
{
    static const char there_sql[] = "SELECT to_regclass('aurora_upgrade.fact')::text";
    const char *table = "";
    *ret = "";
    if (!one_text(c, a, there_sql, NULL, 0, &table, e))
        return err_wrap(e, "look for facts in database \"%s\"", c->database);
    return table[0] == '\0' ||
           one_text(c, a, "SELECT value FROM aurora_upgrade.fact WHERE name = $1", &name, 1, ret, e) ||
           err_wrap(e, "read %s in database \"%s\"", name, c->database);
}

bool pg_marker_write(struct pg *c, const char *token, struct err *e)
{
    static const char sql[] = "INSERT INTO aurora_upgrade.marker (token) VALUES ($1) ON CONFLICT DO NOTHING";
    PGresult *r CLEANUP(result_cleanup) = NULL;
    return query_rows(c, sql, &token, 1, &r, e) ||
           err_wrap(e, "write a marker into database \"%s\" of %s:%d", c->database, c->host, c->port);
}

bool pg_fact_forget(struct pg *c, const char *name, struct err *e)
{
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    const char *there = "";
    PGresult *r CLEANUP(result_cleanup) = NULL;
    if (!pg_fact_read(c, a, name, &there, e))
        return false;
    return there[0] == '\0' ||
           query_rows(c, "DELETE FROM aurora_upgrade.fact WHERE name = $1", &name, 1, &r, e) ||
           err_wrap(e, "forget %s in database \"%s\"", name, c->database);
}

/* The key alone would hide a row that arrived twice; a count over the table would not, if the key is gone. */
bool pg_marker_find(struct pg *c, const char *token, int64_t *ret, lsn_t *ret_lsn, struct err *e)
{
    struct found {
        int64_t n;
        lsn_t lsn;
    };
    static const struct field fields[] = {{FIELD_INT64, offsetof(struct found, n)},
                                          {FIELD_LSN, offsetof(struct found, lsn)}};
    static const char sql[] = "SELECT count(*), max(lsn) FROM aurora_upgrade.marker WHERE token = $1";
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    PGresult *r CLEANUP(result_cleanup) = NULL;
    const char *table = "";
    void *rows;
    size_t n;
    *ret = 0;
    *ret_lsn = 0;
    if (!one_text(c, a, "SELECT to_regclass('aurora_upgrade.marker')::text", NULL, 0, &table, e))
        return err_wrap(e, "look for markers in database \"%s\" of %s:%d", c->database, c->host, c->port);
    if (table[0] == '\0')
        return true;
    if (!query_rows(c, sql, &token, 1, &r, e) ||
        !query_map(r, a, fields, ARRAY_LEN(fields), sizeof(struct found), &rows, &n, e))
        return err_wrap(e, "look for a marker in database \"%s\" of %s:%d", c->database, c->host, c->port);
    *ret = ((struct found *)rows)->n;
    *ret_lsn = ((struct found *)rows)->lsn;
    return true;
}
