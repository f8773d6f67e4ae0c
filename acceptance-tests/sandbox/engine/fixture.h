/* fixture.h — what the tests with real servers share: one engine in a temporary folder, sessions through
 * endpoints as an application has them, writers with a ledger. Tests only.
 */
#ifndef SANDBOX_ENGINE_FIXTURE_H
#define SANDBOX_ENGINE_FIXTURE_H

#include "acceptance-tests/sandbox/engine.h"
#include "acceptance-tests/sandbox/engine/child.h"
#include "internal/base/testing.h"

#include <libpq-fe.h>

#define MASTER   "master"
#define PASSWORD "correct horse"
#define DATABASE "app"

extern struct engine *fx_engine;
extern char fx_state[64]; /* the state folder */

/* For cmocka's group set-up and tear-down; the latter stops every server, whatever happened. */
int fx_open(void **state);
int fx_folder(void **state); /* the folder only; fx_reopen() opens the engine */
int fx_close(void **state);
/* Closes and opens the engine, as a restarted sandbox does. */
void fx_reopen(void);

/* The user servers run as. */
struct account fx_account(void);
/* Until a file is there and not empty; fails after 30 s. */
void fx_await_file(const char *dir, const char *name);

/* Fails the test with the error's texts. */
void fx_ok(bool done, const struct err *e);
#define OK(call)                                                                                             \
    do {                                                                                                     \
        struct err e = ERR_INIT;                                                                             \
        fx_ok((call), &e);                                                                                   \
    } while (0)

/* A running volume of that major with wal_level = logical and an endpoint of the same name at port 5432. */
void fx_volume(const char *id, int major);
/* First cell of the last statement's result, as rdsadmin in DATABASE; "" for null; valid until the next call.
 */
const char *fx_sql(const char *id, const char *sql);
/* The same in any database. */
const char *fx_sql_in(const char *id, const char *database, const char *sql);

/* A session through an endpoint, TLS verified fully; user NULL: the master user with its password. NULL and
 * the reason in `why` (may be NULL) if it is refused. */
PGconn *fx_connect(const char *endpoint, const char *database, const char *user, char why[256]);
/* Runs one statement; true if it succeeded, else SQLSTATE and message in `why`. Cell as in fx_sql. */
bool fx_run(PGconn *c, const char *sql, char cell[256], char why[256]);
/* The same where success is expected: anything else fails the test. The cell is valid until the next call. */
const char *fx_must(PGconn *c, const char *sql);
/* A session that must be possible. */
PGconn *fx_session(const char *endpoint);
/* One statement in a session of its own that must be refused with this SQLSTATE. */
void fx_refused(const char *endpoint, const char *sql, const char *sqlstate);

#endif
