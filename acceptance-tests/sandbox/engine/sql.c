#include "acceptance-tests/sandbox/engine/sql.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool refused(struct err *e, const char *sqlstate, const char *message)
{
    (void)err_set(e, ERR_REMOTE, "PostgreSQL refused a statement");
    if (e)
        (void)snprintf(e->remote_code, sizeof e->remote_code, "%s", sqlstate ? sqlstate : "");
    return err_said(e, "%s", message);
}

/* Notices are nobody's business: without this libpq writes them to stderr. */
static void no_notice(void *arg, const PGresult *r)
{
    (void)arg;
    (void)r;
}

bool sql_open(const struct sql_place *p, PGconn **ret, struct err *e)
{
    char port[16];
    (void)snprintf(port, sizeof port, "%d", p->port);
    const char *const keys[] = {
        "host",    "port",     "user",    "dbname", "connect_timeout", "application_name", "gssencmode",
        "sslmode", "passfile", "options", NULL};
    /* The lock timeout keeps a forgotten session of a user from blocking the control plane for ever. */
    const char *const values[] = {p->socket_dir,
                                  port,
                                  "rdsadmin",
                                  p->database,
                                  "10",
                                  "rdsadmin",
                                  "disable",
                                  "disable",
                                  "/dev/null/none",
                                  "-clock_timeout=60s -cdefault_transaction_read_only=off",
                                  NULL};
    PGconn *c CLEANUP(sql_close_cleanup) = PQconnectdbParams(keys, values, 0);
    if (!c || PQstatus(c) != CONNECTION_OK) {
        (void)err_set(e, ERR_UNAVAILABLE, "could not connect to database \"%s\"", p->database);
        return err_said(e, "%s", c ? PQerrorMessage(c) : "out of memory");
    }
    (void)PQsetNoticeReceiver(c, no_notice, NULL);
    *ret = STEAL(c);
    return true;
}

bool sql_open_volume(struct engine *g, struct volume *v, const char *database, PGconn **ret, struct err *e)
{
    struct sql_place p = {g->socket_dir, atomic_load(&v->port), database};
    if (atomic_load(&v->pid) == 0)
        return err_set(e, ERR_CONFLICT, "the server of %s is not running", v->id);
    return sql_open(&p, ret, e) || err_wrap(e, "volume %s", v->id);
}

static void copy_cells(struct arena *a, const PGresult *r, struct sql_result *ret)
{
    int rows = PQntuples(r), columns = PQnfields(r);
    struct sql_result out = {(size_t)rows, (size_t)columns, ARENA_ARRAY(a, const char **, (size_t)rows + 1)};
    for (int i = 0; i < rows; i++) {
        out.cell[i] = ARENA_ARRAY(a, const char *, (size_t)columns + 1);
        for (int j = 0; j < columns; j++)
            if (!PQgetisnull(r, i, j))
                out.cell[i][j] = arena_memdup(a, PQgetvalue(r, i, j), (size_t)PQgetlength(r, i, j));
    }
    *ret = out;
}

static bool take(PGconn *c, struct arena *a, const PGresult *r, struct sql_result *ret, struct err *e)
{
    ExecStatusType status = PQresultStatus(r);
    if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK && status != PGRES_EMPTY_QUERY)
        return refused(e, r ? PQresultErrorField(r, PG_DIAG_SQLSTATE) : NULL,
                       r && *PQresultErrorMessage(r) ? PQresultErrorMessage(r) : PQerrorMessage(c));
    if (ret)
        copy_cells(a, r, ret);
    return true;
}

bool sql_run(PGconn *c, struct arena *a, const char *sql, struct sql_result *ret, struct err *e)
{
    PGresult *r CLEANUP(sql_clear_cleanup) = PQexec(c, sql);
    return take(c, a, r, ret, e);
}

bool sql_params(PGconn *c, struct arena *a, const char *sql, int n, const char *const *values,
                struct sql_result *ret, struct err *e)
{
    PGresult *r CLEANUP(sql_clear_cleanup) = PQexecParams(c, sql, n, NULL, values, NULL, NULL, 0);
    return take(c, a, r, ret, e);
}

bool sql_value(PGconn *c, struct arena *a, const char *sql, const char **ret, struct err *e)
{
    struct sql_result r;
    if (!sql_run(c, a, sql, &r, e))
        return false;
    if (r.rows != 1 || r.columns != 1)
        return err_set(e, ERR_BUG, "expected one value, got %zu rows of %zu columns", r.rows, r.columns);
    *ret = r.cell[0][0];
    return true;
}

bool sql_lsn(PGconn *c, const char *sql, lsn_t *ret, struct err *e)
{
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    const char *text;
    if (!sql_value(c, a, sql, &text, e))
        return false;
    return (text && lsn_parse(text, ret)) || err_set(e, ERR_BUG, "not an LSN: %s", text ? text : "NULL");
}

bool sql_do(PGconn *c, const char *sql, struct err *e)
{
    return sql_run(c, NULL, sql, NULL, e);
}

#define COMPOSE_MAX 6

bool sql_compose(PGconn *c, const char *format, int n, const char *const *values, struct err *e)
{
    static const char *const calls[COMPOSE_MAX + 1] = {
        "SELECT format($1)",
        "SELECT format($1, $2::text)",
        "SELECT format($1, $2::text, $3::text)",
        "SELECT format($1, $2::text, $3::text, $4::text)",
        "SELECT format($1, $2::text, $3::text, $4::text, $5::text)",
        "SELECT format($1, $2::text, $3::text, $4::text, $5::text, $6::text)",
        "SELECT format($1, $2::text, $3::text, $4::text, $5::text, $6::text, $7::text)",
    };
    const char *all[COMPOSE_MAX + 1] = {format};
    if (n < 0 || n > COMPOSE_MAX)
        return err_set(e, ERR_BUG, "a statement with %d parts", n);
    for (int i = 0; i < n; i++)
        all[i + 1] = values[i];
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    struct sql_result r;
    return sql_params(c, a, calls[n], n + 1, all, &r, e) && sql_do(c, r.cell[0][0], e);
}

bool sql_verifier(PGconn *c, struct arena *a, const char *user, const char *password, const char **ret,
                  struct err *e)
{
    char *verifier = PQencryptPasswordConn(c, password, user, "scram-sha-256");
    if (!verifier)
        return err_set(e, ERR_INVALID, "the password of user \"%s\" cannot be used", user);
    *ret = arena_strdup(a, verifier);
    PQfreemem(verifier);
    return true;
}

bool sql_databases(PGconn *c, struct arena *a, const char ***ret, size_t *ret_n, struct err *e)
{
    struct sql_result r;
    if (!sql_run(c, a,
                 "SELECT datname FROM pg_database WHERE datallowconn AND NOT datistemplate"
                 " AND datname <> 'rdsadmin' ORDER BY datname",
                 &r, e))
        return false;
    const char **names = ARENA_ARRAY(a, const char *, r.rows + 1);
    for (size_t i = 0; i < r.rows; i++)
        names[i] = r.cell[i][0];
    *ret = names;
    *ret_n = r.rows;
    return true;
}
