/* The login of subscribers. */
#include "internal/pg/logical.h"
#include "internal/pg/query.h"

#include <string.h>

/* What tells a role that we made from one that only bears the name. */
#define MARK "of terraform-provider-aurora, for the time of an upgrade"

static bool find_role(struct pg *c, const char *name, bool *ret, bool *ret_ours, struct err *e)
{
    static const char sql[] = "SELECT coalesce(shobj_description(oid, 'pg_authid') = '" MARK
                              "', false) FROM pg_roles WHERE rolname = $1";
    static const struct field field = {FIELD_BOOL, 0};
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    PGresult *r CLEANUP(result_cleanup) = NULL;
    void *rows;
    size_t n;
    if (!query_rows(c, sql, &name, 1, &r, e) || !query_map(r, a, &field, 1, sizeof(bool), &rows, &n, e))
        return err_wrap(e, "look for role %s on %s:%d", name, c->host, c->port);
    *ret = n > 0;
    *ret_ours = n > 0 && *(bool *)rows;
    return true;
}

bool pg_replication_role_exists(struct pg *c, const char *name, bool *ret, struct err *e)
{
    bool is_there = false;
    return find_role(c, name, &is_there, ret, e);
}

bool pg_replication_role_ready(struct pg *c, const char *name, bool *ret, struct err *e)
{
    static const char sql[] = "SELECT has_database_privilege($1, current_database(), 'CONNECT')";
    static const struct field field = {FIELD_BOOL, 0};
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    PGresult *r CLEANUP(result_cleanup) = NULL;
    void *rows;
    size_t n;
    bool is_ours = false;
    if (!pg_replication_role_exists(c, name, &is_ours, e))
        return false;
    *ret = false;
    if (!is_ours)
        return true;
    if (!query_rows(c, sql, &name, 1, &r, e) || !query_map(r, a, &field, 1, sizeof(bool), &rows, &n, e))
        return err_wrap(e, "look what role %s may on %s:%d", name, c->host, c->port);
    *ret = *(bool *)rows;
    return true;
}

/* One statement, one transaction: a role without its mark would be somebody else's for the next apply. */
static bool create_role(struct pg *c, struct arena *a, const char *name, struct err *e)
{
    const char *quoted, *text;
    if (!query_name(c, a, name, &quoted, e) || !query_text(c, a, name, &text, e))
        return false;
    return query_run(
        c,
        arena_printf(a,
                     "DO $$ BEGIN CREATE ROLE %s LOGIN CONNECTION LIMIT 100; COMMENT ON ROLE %s IS "
                     "'" MARK "'; IF EXISTS (SELECT FROM pg_roles WHERE rolname = "
                     "'rds_replication') THEN GRANT rds_replication TO %s; ELSE ALTER ROLE %s "
                     "REPLICATION; END IF; END $$",
                     quoted, quoted, quoted, quoted),
        e);
}

static bool set_password(struct pg *c, struct arena *a, const char *name, const char *password, struct err *e)
{
    const char *quoted, *text;
    char *verifier = PQencryptPasswordConn(c->conn, password, name, "scram-sha-256");
    if (!verifier)
        return err_set(e, ERR_BUG, "libpq makes no verifier of a password");
    bool ok = query_name(c, a, name, &quoted, e) && query_text(c, a, verifier, &text, e) &&
              query_run(c, arena_printf(a, "ALTER ROLE %s PASSWORD %s", quoted, text), e);
    if (e)
        scrub(e->said, verifier);
    PQfreemem(verifier);
    return ok;
}

/* `may` false: taken away */
static bool grant(struct pg *c, struct arena *a, bool may, const char *name, struct err *e)
{
    const char *role, *database;
    return query_name(c, a, name, &role, e) && query_name(c, a, c->database, &database, e) &&
           query_run(c,
                     arena_printf(a, "%s CONNECT ON DATABASE %s %s %s", may ? "GRANT" : "REVOKE", database,
                                  may ? "TO" : "FROM", role),
                     e);
}

bool pg_replication_role_make(struct pg *c, const char *name, struct err *e)
{
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    bool is_there = false, is_ours = false;
    if (!find_role(c, name, &is_there, &is_ours, e))
        return false;
    if (is_there && !is_ours)
        return err_set(e, ERR_CONFLICT, "role %s of %s:%d exists and was not made for an upgrade", name,
                       c->host, c->port);
    return ((is_there || create_role(c, a, name, e)) && grant(c, a, true, name, e)) ||
           err_wrap(e, "make role %s on %s:%d", name, c->host, c->port);
}

bool pg_replication_role_password(struct pg *c, const char *name, const char *password, struct err *e)
{
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    return set_password(c, a, name, password, e) ||
           err_wrap(e, "set the password of role %s on %s:%d", name, c->host, c->port);
}

/* A table that somebody added to the publication had to be readable for its copy: such a right would keep the
 * role from being dropped. */
static bool revoke_tables(struct pg *c, struct arena *a, const char *name, struct err *e)
{
    const char *text;
    return query_text(c, a, name, &text, e) &&
           query_run(
               c,
               arena_printf(
                   a,
                   "DO $$ DECLARE one record; BEGIN FOR one IN SELECT DISTINCT c.oid::regclass AS it, "
                   "x.grantee::regrole AS role FROM pg_class c, aclexplode(c.relacl) x JOIN pg_roles r "
                   "ON r.oid = x.grantee WHERE r.rolname = %s AND c.relkind IN ('r', 'p', 'v', 'm', 'f') "
                   "LOOP "
                   "EXECUTE format('REVOKE ALL ON TABLE %%s FROM %%s', one.it, one.role); END LOOP; END $$",
                   text),
               e);
}

bool pg_replication_role_leave(struct pg *c, const char *name, struct err *e)
{
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    bool is_ours = false;
    return pg_replication_role_exists(c, name, &is_ours, e) &&
           (!is_ours || (revoke_tables(c, a, name, e) && grant(c, a, false, name, e)) ||
            err_wrap(e, "take role %s out of database \"%s\"", name, c->database));
}

bool pg_replication_role_drop(struct pg *c, const char *name, struct err *e)
{
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    const char *quoted;
    bool is_ours = false;
    if (!pg_replication_role_exists(c, name, &is_ours, e))
        return false;
    return !is_ours ||
           (query_name(c, a, name, &quoted, e) && query_run(c, arena_printf(a, "DROP ROLE %s", quoted), e)) ||
           err_wrap(e, "drop role %s of %s:%d", name, c->host, c->port);
}
