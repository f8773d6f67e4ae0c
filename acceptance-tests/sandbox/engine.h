/* engine.h — the real PostgreSQL behind the sandbox: volumes, servers, endpoints, replication. Knows nothing
 * of AWS.
 *
 * A *volume* is what one Aurora cluster has: a data directory with one server, known by the cluster's
 * resource id. A server runs as an unprivileged user, listens on a private loopback port with TLS and on a
 * unix socket for rdsadmin, the only superuser, who cannot log in over TCP. An *endpoint* is a loopback
 * address of its own (127/8) with the port asked for; the engine forwards it to the server it points at.
 * Moving an endpoint cuts its connections, so clients keep one host and port for ever; the certificate every
 * server presents names all endpoint addresses.
 *
 * Every function blocks until the effect is real, and may be called from several threads; calls for one
 * volume are serialised inside. Nothing here takes AWS's time: delays are the caller's business. Texts in
 * errors are PostgreSQL's own.
 */
#ifndef SANDBOX_ENGINE_H
#define SANDBOX_ENGINE_H

#include "internal/base/arena.h"
#include "internal/base/err.h"
#include "internal/base/names.h"

struct engine;

struct engine_options {
    const char *state_dir;  /* everything lives below it; parents must be searchable by `run_as` */
    const char *majors_dir; /* trees made by fetch-majors; NULL: the default cache folder; installed majors
                               are found as well */
    const char *run_as;     /* "nobody", "postgres"; ignored when we are not root */
};

/* Servers of an earlier process that died are ended, half-made volumes removed; no server is started.
 * ERR_CONFLICT if another process has the folder open. */
MUST_CHECK bool engine_open(const struct engine_options *o, struct engine **ret, struct err *e);
void engine_close(
    struct engine *g); /* stops every server (fast shutdown), cuts every endpoint, frees; NULL allowed */

const char *engine_ca_file(const struct engine *g); /* PEM of the sandbox's CA, for sslrootcert */
bool engine_has_major(struct engine *g, int major);
/* Full version of a major's server, such as 130023 (server_version_num); 0 if absent. */
int engine_version_num(struct engine *g, int major);

struct engine_param;
/* Refuses names this major does not have (names with a dot, such as rds.force_ssl, are free) and values that
 * no configuration file can hold; what a value means is for the server to judge when it starts or reloads. */
MUST_CHECK bool engine_params_check(struct engine *g, int major, const struct engine_param *p, size_t n,
                                    struct err *e);

/* ---- volumes ---- */

struct engine_param {
    const char *name,
        *value; /* as in postgresql.conf; names the major does not know are refused by engine_params_check */
};

struct volume_spec {
    const char *id; /* letters, digits, hyphens */
    int major;
    const char *master_user, *master_password, *database; /* database may be NULL: only "postgres" */
    const struct engine_param *params;
    size_t param_count;
};

MUST_CHECK bool volume_create(struct engine *g, const struct volume_spec *s,
                              struct err *e); /* initdb + bootstrap; left stopped */
MUST_CHECK bool volume_start(struct engine *g, const char *id,
                             struct err *e); /* tolerates "already running" */
MUST_CHECK bool volume_stop(struct engine *g, const char *id,
                            struct err *e); /* fast; tolerates "not running" */
MUST_CHECK bool volume_delete(struct engine *g, const char *id, struct err *e);
/* Replaces the parameter set; takes effect at the next start, or at once for reloadable ones when running. A
 * value that a running server refuses is an error with its words, and the former set stays. */
MUST_CHECK bool volume_set_params(struct engine *g, const char *id, const struct engine_param *p, size_t n,
                                  struct err *e);
MUST_CHECK bool volume_set_password(struct engine *g, const char *id, const char *user, const char *password,
                                    struct err *e);
/* What `aurora_version()` answers from now on, such as "17.6.1"; NULL: the server's own version. */
MUST_CHECK bool volume_set_label(struct engine *g, const char *id, const char *version, struct err *e);
/* What the server has said since it was made; for AWS's log files. */
MUST_CHECK bool volume_log_file(struct engine *g, struct arena *a, const char *id, const char **ret,
                                struct err *e);
bool volume_running(struct engine *g, const char *id);
int volume_major(struct engine *g, const char *id); /* 0: no such volume */
int volume_pid(struct engine *g, const char *id);   /* postmaster; 0: not running */
/* Faults. Killed as by the kernel, without a word, and left so until volume_start; paused in mid-work, with
 * every session. */
MUST_CHECK bool volume_kill(struct engine *g, const char *id, struct err *e);
MUST_CHECK bool volume_pause(struct engine *g, const char *id, bool pause, struct err *e);
/* A new volume, left stopped, with the content of a running or stopped one. *ret_lsn is the exact restore
 * point: everything committed in WAL before it is there, nothing after. Logical slots and subscriptions come
 * along when `with_slots`, as Aurora's clones have them (slots are then inert: an upgrade refuses them). */
MUST_CHECK bool volume_clone(struct engine *g, const char *source, const char *id, bool with_slots,
                             lsn_t *ret_lsn, struct err *e);
/* What `aurora_volume_logical_start_lsn()` answers from now on; 0 = NULL. */
MUST_CHECK bool volume_set_start_lsn(struct engine *g, const char *id, lsn_t lsn, struct err *e);
/* pg_upgrade to a new major (a running server is stopped first, and stays so), left stopped, bootstrapped
 * again. On failure the volume is unchanged and startable on its old major, and the files pg_upgrade wrote
 * are in `log_dir`. `check_only` runs pg_upgrade
 * --check, beside the running server if there is one. */
MUST_CHECK bool volume_upgrade(struct engine *g, const char *id, int new_major, const struct engine_param *p,
                               size_t n, bool check_only, const char *log_dir, struct err *e);

/* ---- SQL as rdsadmin, for guard rails and bookkeeping ---- */

struct sql_result {
    size_t rows, columns;
    const char ***cell; /* cell[row][column], NULL for SQL null; in the arena */
};
MUST_CHECK bool volume_sql(struct engine *g, struct arena *a, const char *id, const char *database,
                           const char *sql, struct sql_result *ret,
                           struct err *e); /* ret may be NULL; several statements allowed */
/* Databases a user could have made: not templates, not rdsadmin's own. */
MUST_CHECK bool volume_databases(struct engine *g, struct arena *a, const char *id, const char ***ret_names,
                                 size_t *ret_n, struct err *e);

/* ---- endpoints ---- */

enum endpoint_mode {
    ENDPOINT_WRITER,
    /* The same server, reached through a second address, whose sessions can do nothing but read: the server
     * module refuses their writes whatever they set. So a reader has no lag, and pg_is_in_recovery() is
     * false. */
    ENDPOINT_READER
};

/* The loopback address that belongs to a name, chosen at first use and stable for the life of the state
 * folder. */
MUST_CHECK bool endpoint_address(struct engine *g, struct arena *a, const char *name, const char **ret,
                                 struct err *e);
/* Points a name at a volume (or nowhere: NULL, connections are then refused), listening on `port`. Existing
 * connections through the endpoint are cut if the target changes. */
MUST_CHECK bool endpoint_point(struct engine *g, const char *name, int port, const char *volume_id,
                               enum endpoint_mode mode, struct err *e);
void endpoint_hold(struct engine *g, const char *name,
                   bool hold); /* leave new connections in the accept backlog */
void endpoint_remove(struct engine *g, const char *name);
size_t endpoint_connections(struct engine *g, const char *name);

/* ---- blue/green replication between two volumes, one subscription per database, run by rdsadmin ---- */

/* Publishes everything on blue, makes slots, copies blue into a new volume `green` at the exact point,
 * upgrades it to `major`, subscribes, advances the origins, enables; once more where blue's server is another
 * one meanwhile. Tables without replica identity make it
 * fail with PostgreSQL's words only when written to, as AWS. Objects it makes in the databases are named
 * rds_*, and invisible to checks for user-made slots and subscriptions by that prefix. */
MUST_CHECK bool bluegreen_build(struct engine *g, const char *blue, const char *green, int major,
                                const struct engine_param *p, size_t n, const char *log_dir, struct err *e);

struct bluegreen_state {
    bool healthy;      /* every subscription has a running worker and no error is being repeated */
    char reason[512];  /* when not */
    int64_t lag_bytes; /* blue's current position minus what green confirmed, the largest of all databases */
};
MUST_CHECK bool bluegreen_observe(struct engine *g, const char *blue, const char *green,
                                  struct bluegreen_state *ret, struct err *e);

struct bluegreen_switch {
    const char *blue, *green;
    int64_t timeout_ms;
    /* Called when both sides are fenced, drained and sequences are equal, before writes are allowed on green:
     * moves endpoints. False aborts. */
    bool (*flip)(void *arg, struct err *e);
    void *arg;
};
/* Fence blue for all but rdsadmin (default_transaction_read_only is not enough), end sessions with 57P01,
 * drain by marker LSN, copy sequences, flip, open green for writes, leave blue read-only until
 * bluegreen_drop. On any failure blue is writable again and it says why. */
MUST_CHECK bool bluegreen_switchover(struct engine *g, const struct bluegreen_switch *s, struct err *e);
/* For a switchover whose flip has happened and whose process died then: green is open, blue is locked, and
 * green follows no more. Servers that do not run are only told so at their next start. */
MUST_CHECK bool bluegreen_settle(struct engine *g, const char *blue, const char *green, struct err *e);
/* Removes what build made on whichever side is left; lifts blue's read-only lock. Tolerates "already so". */
MUST_CHECK bool bluegreen_drop(struct engine *g, const char *blue, const char *green, struct err *e);
/* Again after the sandbox was restarted: subscriptions point to sockets and ports of servers, which may have
 * moved. Replication is running when it returns, unless it has a reason of its own. */
MUST_CHECK bool bluegreen_resume(struct engine *g, const char *blue, const char *green, struct err *e);

#endif
