/* query.h — how the files of internal/pg talk to their server; for no other folder.
 *
 * One statement at a time, values only as parameters, waiting on the socket and the stop token together.
 * When the wait ends early (stop, deadline) the statement is cancelled at the server and the connection
 * stays usable if the server confirms within INTERRUPT_MS; else it is broken and every later call says so.
 */
#ifndef AURORA_PG_QUERY_H
#define AURORA_PG_QUERY_H

#include "internal/pg/pg.h"

#include <libpq-fe.h>

struct pg {
    PGconn *conn;
    struct arena *arena;
    struct stop *stop;
    const char *host, *database, *username, *password;
    const char *grantee; /* the user name as SQL writes it */
    int port, version, statement_timeout_s;
    bool writable, broken;
    const char **ready; /* names of sequences that prepared statements of this session read, in order */
    size_t ready_n;
    char warning[512]; /* the last WARNING of the running statement; "" = none */
};

DEFINE_CLEANUP(PGresult, result_cleanup, PQclear)

/* ---- waiting ---- */

enum socket_wait { SOCKET_READY, SOCKET_STOPPED, SOCKET_LATE, SOCKET_BAD };
int64_t socket_now_ms(void);
/* `events` as for poll(2). */
enum socket_wait socket_wait(PGconn *conn, short events, struct stop *stop, int64_t until_ms);

/* ---- statements ---- */

#define QUERY_PARAMS_MAX 8
enum { LOCK_PATIENCE_MS = 60000, LOCK_PAUSE_MS = 200 };
#define LOCK_TIMEOUT "500ms" /* below the least deadlock_timeout anybody runs with, 1 s */
/* Rows of one statement; the server's limits apply. Outside of a transaction a lock that cannot be had is
 * tried for again for a minute. `params` are texts, NULL for SQL null. */
MUST_CHECK bool query_rows(struct pg *c, const char *sql, const char *const *params, size_t n, PGresult **ret,
                           struct err *e);
/* The same with an own time limit on our side, tighter than the session's; passing it is ERR_TIMEOUT. */
MUST_CHECK bool query_rows_for(struct pg *c, const char *sql, const char *const *params, size_t n,
                               int64_t limit_ms, PGresult **ret, struct err *e);
/* One statement without parameters whose rows nobody needs. */
MUST_CHECK bool query_run(struct pg *c, const char *sql, struct err *e);
/* The same with an own time limit on our side; the server's limit is the session's. 0: none but stop. */
MUST_CHECK bool query_run_for(struct pg *c, const char *sql, int64_t limit_ms, struct err *e);

/* Several statements of ours in one round trip and one transaction; `take` sees the rows of each, in their
 * order, and all of them again where a lock made it try again. */
typedef void query_taker(void *arg, const PGresult *r);
MUST_CHECK bool query_each(struct pg *c, const char *sql, query_taker *take, void *arg, struct err *e);

/* Any number of statements of somebody else's in one go; only for those who may send what they like. Never
 * tried again by itself. */
MUST_CHECK bool query_script(struct pg *c, const char *sql, int64_t limit_ms, struct err *e);

/* A name or a value as a statement takes it, for statements that have no parameters (DDL). */
MUST_CHECK bool query_name(struct pg *c, struct arena *a, const char *name, const char **ret, struct err *e);
MUST_CHECK bool query_text(struct pg *c, struct arena *a, const char *text, const char **ret, struct err *e);

bool is_lock_failure(const struct err *e);

/* Ends an open transaction, whatever happened in it, even after stop. Nothing to do outside of one. */
void query_rollback(struct pg *c);
DEFINE_CLEANUP(struct pg, query_rollback_cleanup, query_rollback)

/* ---- rows into structs ---- */

enum field_kind { FIELD_TEXT, FIELD_INT64, FIELD_BOOL, FIELD_LSN };
struct field {
    enum field_kind kind;
    size_t offset; /* of a const char *, int64_t, bool or lsn_t; SQL null gives "", 0, false, 0 */
};
/* Column i of every row goes where fields[i] says. The number of columns must be the number of fields. */
MUST_CHECK bool query_map(const PGresult *r, struct arena *a, const struct field *fields, size_t field_count,
                          size_t row_size, void **ret_rows, size_t *ret_n, struct err *e);

/* The rows of a statement with one column. */
MUST_CHECK bool query_names(struct pg *c, struct arena *a, const char *sql, const char *const *params,
                            size_t n, const char ***ret, size_t *ret_n, struct err *e);

/* ---- errors ---- */

/* What the server refused, as code, SQLSTATE, words and, for missing privileges, the GRANT. */
bool query_failed(const struct pg *c, const PGresult *r, struct err *e);
/* Masks the password, whatever its length, in a text that libpq or a server wrote. */
void scrub(char *text, const char *password);
/* ERR_DENIED that names up to ten of the objects, and `grant` with the user's name as the hint. */
bool denied(const struct pg *c, const char *action, const char *grant, const char *const *names, size_t n,
            struct err *e);
/* "a, b and 3 more" */
const char *name_list(struct arena *a, const char *const *names, size_t n, size_t shown);

/* ---- SQL that several files need ---- */

/* User's namespaces; AWS's own are those that the bootstrap superuser (oid 10) made under its prefix. */
#define SQL_USER_NAMESPACE(n)                                                                                \
    "(" n ".nspname !~ '^pg_' AND " n ".nspname NOT IN ('information_schema', 'aurora_upgrade')"             \
    " AND NOT (" n ".nspname ~ '^rds' AND " n ".nspowner = 10))"
/* User's relations: additionally not AWS's by name and owner. Membership in an extension is not looked at. */
#define SQL_USER_RELATION(c, n)                                                                              \
    "(" SQL_USER_NAMESPACE(n) " AND NOT (" c ".relname ~ '^rds_' AND " c ".relowner = 10)"                   \
                              " AND " c ".relpersistence <> 't')"
#define SQL_NOT_OF_EXTENSION(catalog, oid)                                                                   \
    "NOT EXISTS (SELECT FROM pg_depend xd WHERE xd.classid = '" catalog "'::regclass AND xd.objid = " oid    \
    " AND xd.deptype = 'e')"
#define SQL_CURRENT_LSN                                                                                      \
    "CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_insert_lsn() END"

#endif
