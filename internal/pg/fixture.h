/* fixture.h — real PostgreSQL servers for tests of internal/pg.
 *
 * Servers run as nobody when the test is root, listen on a unix socket (anybody is let in, "rdsadmin" is the
 * superuser) and, with TLS, on 127.0.0.1 with passwords. They are stopped by pid when the test ends in any
 * way, and their folder is removed unless it crashed. Majors come from the folder that fetch-majors fills,
 * else from /usr/lib/postgresql. A step of the fixture that fails ends the test program.
 */
#ifndef AURORA_PG_FIXTURE_H
#define AURORA_PG_FIXTURE_H

#include "internal/pg/query.h"

#include <sys/types.h>

struct server {
    int major, port;
    pid_t pid; /* of the postmaster; 0: not running */
    char bin[512], dir[512], tls_dir[512];
    bool tls;
    struct server *next;
};

bool server_available(int major);
/* initdb and start. `settings`: words for postgres's command line such as "-c wal_level=logical"; NULL. */
struct server *server_new(int major, bool tls, const char *settings);
void server_start(struct server *s, const char *settings);
void server_stop(struct server *s);
/* Stops `old`, upgrades a copy of it and starts both: the new one is returned. */
struct server *server_upgrade(struct server *old, int new_major, const char *settings);

/* A session as `user` on the socket; fails the test if it cannot be had. */
struct pg *server_open(struct server *s, const char *database, const char *user, bool writable);
/* Several statements as rdsadmin; fails the test if one does. */
void server_sql(struct server *s, const char *database, const char *sql);
void server_sqlf(struct server *s, const char *database, const char *fmt, ...) PRINTF(3, 4);
/* A file of statements, relative to this folder, each in a transaction of its own. */
void server_file(struct server *s, const char *database, const char *path);
/* First field of the first row, as rdsadmin; the caller frees. */
char *server_value(struct server *s, const char *database, const char *sql);
/* A plain libpq connection as rdsadmin. */
PGconn *server_conn(struct server *s, const char *database);
void conn_sql(PGconn *conn, const char *sql);

/* The folder of this test program, searchable by the server's user. */
const char *fixture_dir(void);
/* Runs a program to its end; the test ends if it fails. */
void fixture_run(const char *const *argv, bool as_server_user);
/* True once `done(arg)` is; gives up after `ms`. */
bool eventually(bool (*done)(void *arg), void *arg, int64_t ms);

#endif
