/* sql.h — SQL as rdsadmin over the unix socket; the engine's only includer of libpq.
 *
 * One session is used by one thread. Errors carry PostgreSQL's message in `said` and its SQLSTATE in
 * `remote_code`.
 */
#ifndef SANDBOX_ENGINE_SQL_H
#define SANDBOX_ENGINE_SQL_H

#include "acceptance-tests/sandbox/engine/volume.h"

#include <libpq-fe.h>

DEFINE_CLEANUP(PGconn, sql_close_cleanup, PQfinish)
DEFINE_CLEANUP(PGresult, sql_clear_cleanup, PQclear)

struct sql_place {
    const char *socket_dir;
    int port;
    const char *database;
};

MUST_CHECK bool sql_open(const struct sql_place *p, PGconn **ret, struct err *e);
MUST_CHECK bool sql_open_volume(struct engine *g, struct volume *v, const char *database, PGconn **ret,
                                struct err *e);
/* Several statements allowed; ret (may be NULL) is the last one's result. */
MUST_CHECK bool sql_run(PGconn *c, struct arena *a, const char *sql, struct sql_result *ret, struct err *e);
/* One statement with text parameters. */
MUST_CHECK bool sql_params(PGconn *c, struct arena *a, const char *sql, int n, const char *const *values,
                           struct sql_result *ret, struct err *e);
/* The only cell of a one-row result, NULL for SQL null. */
MUST_CHECK bool sql_value(PGconn *c, struct arena *a, const char *sql, const char **ret, struct err *e);
MUST_CHECK bool sql_lsn(PGconn *c, const char *sql, lsn_t *ret, struct err *e);
MUST_CHECK bool sql_do(PGconn *c, const char *sql, struct err *e);
/* The server composes `format` (%I, %L, %s as in its function format()) with the values and runs the result:
 * names and texts from outside are never quoted by us. */
MUST_CHECK bool sql_compose(PGconn *c, const char *format, int n, const char *const *values, struct err *e);
/* The SCRAM verifier of a password, so that the password itself is in no statement and no log. */
MUST_CHECK bool sql_verifier(PGconn *c, struct arena *a, const char *user, const char *password,
                             const char **ret, struct err *e);
/* Names of the databases a user could have made. */
MUST_CHECK bool sql_databases(PGconn *c, struct arena *a, const char ***ret, size_t *ret_n, struct err *e);

#endif
