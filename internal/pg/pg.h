/* pg.h — one connection to one PostgreSQL server. Only this module includes libpq and only internal/pg holds
 * SQL; everything above speaks typed verbs (catalog.h, preflight.h, compare.h, replica.h).
 *
 * TLS is verified against the host name unless the user says otherwise (sslmode default verify-full). Every
 * verb has a statement time-out, looks at the stop token while it waits (the running query is cancelled at
 * the server), and reports SQLSTATE in e->remote_code and the server's words in e->said. The search_path is
 * empty, names are quoted by the server or libpq. A connection belongs to one thread. Sessions are opened
 * read-only (default_transaction_read_only=on) unless `writable`; row security is an error, never fewer rows.
 *
 * Refuses servers before 13, lists of hosts, and an address smuggled in by PGHOSTADDR or PGSERVICE. The stop
 * token must outlive the connection; once it is requested every verb fails with ERR_CANCELLED. Resolving the
 * host's name is the one thing that stop cannot cut short (getaddrinfo); it ends by the resolver's own
 * limits.
 *
 * Codes of pg_open: ERR_AUTH (password, role, pg_hba), ERR_UNAVAILABLE (unreachable, starting, full),
 * ERR_DENIED (CONNECT is missing), ERR_NOT_FOUND (no such database), ERR_CONFLICT (database takes no
 * connections), ERR_INVALID (certificate, sslmode, the target itself), each with a remedy in e->hint.
 */
#ifndef AURORA_PG_H
#define AURORA_PG_H

#include "internal/base/arena.h"
#include "internal/base/err.h"
#include "internal/base/names.h"
#include "internal/base/stop.h"

struct pg_target {
    const char *host;
    int port;
    const char *database, *username, *password; /* password registered with log_secret() by pg_open */
    const char *sslmode,
        *sslrootcert;        /* NULL: "verify-full", libpq's default file ("system" where libpq knows it) */
    int connect_timeout_s;   /* 0: 30 */
    int statement_timeout_s; /* 0: 300 */
    bool writable;
    bool replication; /* for stream.h alone: takes no statement of any other verb */
};

struct pg;

MUST_CHECK bool pg_open(const struct pg_target *t, struct stop *stop, struct pg **ret, struct err *e);
void pg_close(struct pg *c);
DEFINE_CLEANUP(struct pg, pg_cleanup, pg_close)

int pg_server_version(const struct pg *c); /* server_version_num: 130023 */
const char *pg_database(const struct pg *c);

/* Setting's value in this session (pg_settings; names in any case), "" if the server does not know it. */
MUST_CHECK bool pg_setting(struct pg *c, struct arena *a, const char *name, const char **ret, struct err *e);
/* The oid of this database: its name may change, and is too long for some uses. */
MUST_CHECK bool pg_database_oid(struct pg *c, int64_t *ret, struct err *e);
/* Connectable databases that are not templates and not rdsadmin's. */
MUST_CHECK bool pg_databases(struct pg *c, struct arena *a, const char ***ret, size_t *ret_n, struct err *e);
/* Every database but rdsadmin's, templates and those that take no connections included, in the order of
 * names. `is_open`: it takes connections; whose is another matter, and only a try tells. */
struct pg_database_row {
    const char *name;
    bool is_template, is_open;
};
MUST_CHECK bool pg_all_databases(struct pg *c, struct arena *a, const struct pg_database_row **ret,
                                 size_t *ret_n, struct err *e);
/* Behind everything that anybody can see by now: the insert position (on a reader, the replayed one). */
MUST_CHECK bool pg_current_lsn(struct pg *c, lsn_t *ret, struct err *e);
/* Would a new session of this user be refused writes? (recovery, or a read-only default of server, database
 * or role) */
MUST_CHECK bool pg_is_read_only(struct pg *c, bool *ret, struct err *e);
/* Proves that production takes writes, without leaving anything: a transaction begun as any application
 * begins one, which is given an id and writes WAL (a transactional logical message), and is rolled back.
 * Needs `writable`. ERR_CONFLICT: it is read-only. */
MUST_CHECK bool pg_probe_writable(struct pg *c, struct err *e);

#endif
