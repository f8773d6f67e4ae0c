#include "internal/pg/fence.h"
#include "internal/pg/logical.h"
#include "internal/pg/query.h"

#include <stdlib.h>
#include <string.h>

enum { NAMED = 10 };

#define THIS_DATABASE "(SELECT d FROM pg_database d WHERE datname = current_database())"
/* As an access list reads that nobody has touched yet. */
#define ACCESS_LIST "coalesce(d.datacl, acldefault('d', d.datdba))"
#define PASSES                                                                                               \
    "r.rolcanlogin AND NOT r.rolsuper AND r.rolname <> current_user AND r.rolname <> %s AND"                 \
    " has_database_privilege(r.oid, current_database(), 'CONNECT')"
/* Whom a sweep ends. */
#define FOREIGN_SESSIONS                                                                                     \
    " FROM pg_stat_activity s JOIN pg_roles r ON r.oid = s.usesysid WHERE s.datname = current_database()"    \
    " AND s.pid <> pg_backend_pid() AND NOT r.rolsuper AND r.rolname <> $1 AND NOT (r.rolname = "            \
    "current_user"                                                                                           \
    " AND s.application_name = current_setting('application_name'))"

/* ---- obstacles ---- */

/* Members of our role would keep CONNECT through it, and so would sessions of it. */
static const char obstacles_sql[] =
    "SELECT concat('the database belongs to ', quote_ident(pg_get_userbyid(d.datdba)), ', of which ',"
    " quote_ident(current_user), ' is no member: GRANT ', quote_ident(pg_get_userbyid(d.datdba)), ' TO ',"
    " quote_ident(current_user)) FROM pg_database d WHERE d.datname = current_database() AND NOT"
    " pg_has_role(current_user, d.datdba, 'USAGE')"
    " UNION ALL SELECT concat(quote_ident(r.rolname), ' is a member of ', quote_ident(current_user),"
    " ', and keeps every right of it') FROM pg_roles r WHERE r.rolcanlogin AND NOT r.rolsuper AND r.rolname"
    " <> current_user AND pg_has_role(r.oid, (SELECT oid FROM pg_roles WHERE rolname = current_user),"
    " 'USAGE')"
    " UNION ALL SELECT concat('CONNECT was granted by ', quote_ident(pg_get_userbyid(x.grantor)),"
    " ', who does not own the database, to ', CASE x.grantee WHEN 0 THEN 'PUBLIC' ELSE"
    " quote_ident(pg_get_userbyid(x.grantee)) END) FROM pg_database d, aclexplode(d.datacl) x WHERE d.datname"
    " = current_database() AND x.privilege_type = 'CONNECT' AND x.grantor <> d.datdba"
    " UNION ALL SELECT concat('prepared transaction ', quote_literal(gid), ' of ', quote_ident(owner), ' in "
    "',"
    " quote_ident(database)) FROM pg_prepared_xacts WHERE prepared <= clock_timestamp() - make_interval(secs "
    "=>"
    " $2::int)"
    " UNION ALL SELECT concat(quote_ident(s.usename), ', whom this upgrade logs in as, has another session:"
    " process ', s.pid, ' (', left(s.application_name, 60), ')')" FOREIGN_SESSIONS
    " AND s.usename = current_user AND s.backend_type = 'client backend'";

bool pg_fence_obstacles(struct pg *c, struct arena *a, const char *keep, int prepared_s, const char ***ret,
                        size_t *ret_n, struct err *e)
{
    const char *params[] = {keep, arena_printf(a, "%d", prepared_s)};
    return query_names(c, a, obstacles_sql, params, ARRAY_LEN(params), ret, ret_n, e) ||
           err_wrap(e, "look for what a fence of database \"%s\" would not hold", c->database);
}

/* ---- up ---- */

/* %1$s: the fact's name, %2$s: whose login is kept, as literals. The access list is read and written down
 * first; a fact that is there already ends it. What remains open at the end takes everything back. */
static const char raise_sql[] =
    "DO $fence$ DECLARE item record; d pg_database; passes text; grantee text; BEGIN"
    " SELECT * INTO d FROM pg_database WHERE datname = current_database();"
    " INSERT INTO aurora_upgrade.fact (name, value) SELECT %s, jsonb_build_object('access', " ACCESS_LIST
    "::text, 'we', (SELECT oid::bigint FROM pg_roles WHERE rolname = current_user), 'had', EXISTS (SELECT "
    "FROM"
    " aclexplode(" ACCESS_LIST ") x JOIN pg_roles r ON r.oid = x.grantee WHERE r.rolname = current_user AND"
    " x.privilege_type = 'CONNECT'), 'roles', (SELECT jsonb_agg(jsonb_build_array(o.grantee::bigint,"
    " o.grants_on, o.empty)) FROM (SELECT x.grantee, bool_or(x.is_grantable) FILTER (WHERE x.privilege_type ="
    " 'CONNECT') AS grants_on, count(*) = 1 AS empty FROM aclexplode(" ACCESS_LIST
    ") x GROUP BY x.grantee HAVING bool_or(x.privilege_type = 'CONNECT')) o WHERE o.grantee = 0 OR"
    " pg_get_userbyid(o.grantee) NOT IN (current_user, %s)))::text ON CONFLICT DO NOTHING;"
    " IF NOT FOUND THEN RETURN; END IF;"
    " EXECUTE format('GRANT CONNECT ON DATABASE %%I TO %%I', d.datname, current_user);"
    " FOR item IN SELECT (o->>0)::bigint::oid AS role, (o->>2)::bool AS empty FROM aurora_upgrade.fact f,"
    " jsonb_array_elements(CASE WHEN jsonb_typeof(f.value::jsonb->'roles') = 'array' THEN"
    " f.value::jsonb->'roles' ELSE '[]' END) o WHERE f.name = %s LOOP"
    " grantee := CASE item.role WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(item.role)) END;"
    " IF item.empty THEN EXECUTE format('GRANT TEMPORARY ON DATABASE %%I TO %%s', d.datname, grantee); END "
    "IF;"
    " EXECUTE format('REVOKE CONNECT ON DATABASE %%I FROM %%s', d.datname, grantee); END LOOP;"
    " SELECT string_agg(quote_ident(o.rolname), ', ') INTO passes FROM (SELECT r.rolname FROM pg_roles r "
    "WHERE"
    " " PASSES " ORDER BY 1 LIMIT 10) o;"
    " IF passes IS NOT NULL THEN RAISE EXCEPTION USING ERRCODE = 'insufficient_privilege', MESSAGE ="
    " concat('these roles could still connect: ', passes); END IF;"
    " END $fence$";

bool pg_fence_raise(struct pg *c, const char *fact, const char *keep, struct err *e)
{
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    const char *name, *kept;
    return (query_text(c, a, fact, &name, e) && query_text(c, a, keep, &kept, e) &&
            query_run(c, arena_printf(a, raise_sql, name, kept, name, kept), e)) ||
           err_wrap(e, "fence database \"%s\" of %s:%d", c->database, c->host, c->port);
}

bool pg_fence_is_up(struct pg *c, const char *fact, bool *ret, struct err *e)
{
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    const char *value = "";
    if (!pg_fact_read(c, a, fact, &value, e))
        return false;
    *ret = value[0] != '\0';
    return true;
}

bool pg_fence_sweep(struct pg *c, const char *keep, int64_t *ret_ended, struct err *e)
{
    static const char sql[] = "SELECT count(pg_terminate_backend(s.pid))" FOREIGN_SESSIONS;
    static const struct field field = {FIELD_INT64, 0};
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    PGresult *r CLEANUP(result_cleanup) = NULL;
    void *rows;
    size_t n;
    if (!query_rows(c, sql, &keep, 1, &r, e) || !query_map(r, a, &field, 1, sizeof(int64_t), &rows, &n, e))
        return err_wrap(e, "end the sessions of database \"%s\"", c->database);
    *ret_ended = *(int64_t *)rows;
    return true;
}

/* ---- down ---- */

/* Roles that are gone by now have nothing to get back. */
static const char lift_sql[] =
    "DO $fence$ DECLARE item record; f jsonb; db text := quote_ident(current_database()); who text; BEGIN"
    " SELECT value::jsonb INTO f FROM aurora_upgrade.fact WHERE name = %s;"
    " IF NOT FOUND THEN RETURN; END IF;"
    " FOR item IN SELECT (o->>0)::bigint::oid AS role, (o->>1)::bool AS grants_on, (o->>2)::bool AS empty "
    "FROM"
    " jsonb_array_elements(CASE WHEN jsonb_typeof(f->'roles') = 'array' THEN f->'roles' ELSE '[]' END) o"
    " WHERE (o->>0)::bigint = 0 OR EXISTS (SELECT FROM pg_roles r WHERE r.oid = (o->>0)::bigint::oid) LOOP"
    " who := CASE item.role WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(item.role)) END;"
    " EXECUTE format('GRANT CONNECT ON DATABASE %%s TO %%s%%s', db, who, CASE WHEN item.grants_on THEN"
    " ' WITH GRANT OPTION' END);"
    " IF item.empty THEN EXECUTE format('REVOKE TEMPORARY ON DATABASE %%s FROM %%s', db, who); END IF;"
    " END LOOP;"
    " IF NOT (f->>'had')::bool AND EXISTS (SELECT FROM pg_roles r WHERE r.oid = (f->>'we')::bigint::oid) THEN"
    " EXECUTE format('REVOKE CONNECT ON DATABASE %%s FROM %%I', db,"
    " pg_get_userbyid((f->>'we')::bigint::oid)); END IF;"
    " DELETE FROM aurora_upgrade.fact WHERE name = %s;"
    " END $fence$";

static bool access_list(struct pg *c, struct arena *a, const char **ret, struct err *e)
{
    const char **rows;
    size_t n;
    if (!query_names(c, a,
                     "SELECT " ACCESS_LIST "::text FROM pg_database d WHERE d.datname = current_database()",
                     NULL, 0, &rows, &n, e))
        return err_wrap(e, "read the access list of database \"%s\"", c->database);
    *ret = rows[0];
    return true;
}

static bool noted_list(struct pg *c, struct arena *a, const char *fact, const char **ret, struct err *e)
{
    const char **rows;
    size_t n;
    if (!query_names(c, a, "SELECT value::jsonb->>'access' FROM aurora_upgrade.fact WHERE name = $1", &fact,
                     1, &rows, &n, e))
        return err_wrap(e, "read the access list that database \"%s\" had", c->database);
    *ret = n ? rows[0] : "";
    return true;
}

bool pg_fence_lift(struct pg *c, const char *fact, bool *ret_same, struct err *e)
{
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    const char *name, *before = "", *now = "";
    bool is_up = false;
    if (!pg_fence_is_up(c, fact, &is_up, e))
        return false;
    *ret_same = true;
    if (!is_up)
        return true;
    if (!noted_list(c, a, fact, &before, e) || !query_text(c, a, fact, &name, e))
        return false;
    if (!query_run(c, arena_printf(a, lift_sql, name, name), e))
        return err_wrap(e, "lift the fence of database \"%s\" of %s:%d", c->database, c->host, c->port);
    if (!access_list(c, a, &now, e))
        return false;
    *ret_same = strcmp(before, now) == 0;
    return true;
}

/* ---- quiet ---- */

bool pg_quiet(struct pg *c, struct pg_quiet *ret, struct err *e)
{
    static const char sql[] = "SELECT pg_snapshot_xmin(s)::text::bigint, pg_snapshot_xmax(s)::text::bigint,"
                              " pg_current_wal_insert_lsn() FROM pg_current_snapshot() s";
    static const struct field fields[] = {{FIELD_INT64, offsetof(struct pg_quiet, xmin)},
                                          {FIELD_INT64, offsetof(struct pg_quiet, xmax)},
                                          {FIELD_LSN, offsetof(struct pg_quiet, at)}};
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    PGresult *r CLEANUP(result_cleanup) = NULL;
    void *rows;
    size_t n;
    if (!query_rows(c, sql, NULL, 0, &r, e) ||
        !query_map(r, a, fields, ARRAY_LEN(fields), sizeof(struct pg_quiet), &rows, &n, e))
        return err_wrap(e, "read which transactions run on %s:%d", c->host, c->port);
    *ret = *(const struct pg_quiet *)rows;
    return true;
}

/* First bytes of pgoutput's messages (PostgreSQL chapter 55.9): Delete, Insert, Truncate, Update. */
bool pg_changes_from(struct pg *c, const char *slot, const char *publication, lsn_t from, int64_t *ret,
                     struct err *e)
{
    static const char sql[] =
        "SELECT count(*) FROM pg_catalog.pg_logical_slot_peek_binary_changes($1, NULL, NULL,"
        " 'proto_version', '1', 'publication_names', $2)"
        " WHERE get_byte(data, 0) IN (68, 73, 84, 85) AND lsn >= $3::pg_lsn";
    char text[LSN_SIZE];
    const char *params[] = {slot, publication, lsn_print(from, text)};
    PGresult *r CLEANUP(result_cleanup) = NULL;
    if (!query_rows(c, sql, params, 3, &r, e))
        return err_wrap(e, "read what slot %s of %s:%d holds", slot, c->host, c->port);
    *ret = strtoll(PQgetvalue(r, 0, 0), NULL, 10);
    return true;
}
