/* Building a green volume that follows a blue one, watching it, taking it apart. */
#include "acceptance-tests/sandbox/engine/bluegreen.h"

#include "acceptance-tests/sandbox/engine/lifecycle.h"
#include "acceptance-tests/sandbox/engine/number.h"
#include "acceptance-tests/sandbox/engine/server.h"
#include "internal/base/clock.h"
#include "internal/base/file.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define HALT_PATIENCE_MS 60000
#define WORKER_MS        30000
#define RESUME_MS        3000 /* a broken replication does not hold up a start for longer */
#define SLOT_MS          30000
#define RESTART_MS       30000
#define BUILD_TRIES      3
#define QUIET_MS         2000 /* so long without a new error counts as healthy */
#define LOG_TAIL         65536

static int64_t now_ms(void)
{
    return clock_real()->mono_ms(clock_real());
}

static void pause_ms(int64_t ms)
{
    (void)clock_real()->wait(clock_real(), NULL, ms);
}

/* ---- blue's side of build ---- */

/* Creating a slot waits for every open transaction, for prepared ones possibly for ever. */
static bool check_blue(struct engine *g, struct volume *blue, struct err *e)
{
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    PGconn *c CLEANUP(sql_close_cleanup) = NULL;
    const char *value;
    if (!sql_open_volume(g, blue, "rdsadmin", &c, e) || !sql_value(c, a, "SHOW wal_level", &value, e))
        return false;
    if (strcmp(value, "logical") != 0)
        return err_set(e, ERR_CONFLICT, "blue has wal_level %s: rds.logical_replication is not on", value);
    if (!sql_value(c, a, "SELECT string_agg(gid, ', ') FROM pg_prepared_xacts", &value, e))
        return false;
    return !value || err_set(e, ERR_CONFLICT, "blue has prepared transactions: %s", value);
}

/* The publication before the slot: decoding looks it up as of the slot's own past. */
static bool publish(struct engine *g, struct volume *blue, const char *database, struct err *e)
{
    PGconn *c CLEANUP(sql_close_cleanup) = NULL;
    return sql_open_volume(g, blue, database, &c, e) &&
           sql_do(c,
                  "BEGIN;"
                  "CREATE SCHEMA rds_bluegreen;"
                  "CREATE TABLE rds_bluegreen.rds_marker (id int PRIMARY KEY, token text NOT NULL);"
                  "INSERT INTO rds_bluegreen.rds_marker VALUES (1, '');"
                  "CREATE PUBLICATION rds_bluegreen FOR ALL TABLES;"
                  "COMMIT",
                  e) &&
           sql_do(c,
                  "SET lock_timeout = '10min';"
                  "SELECT pg_create_logical_replication_slot('rds_bluegreen_' || oid, 'pgoutput')"
                  " FROM pg_database WHERE datname = current_database()",
                  e);
}

typedef bool each_database(struct engine *g, struct volume *v, const char *database, struct err *e);

static bool for_each(struct engine *g, struct volume *v, each_database *f, struct err *e)
{
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    PGconn *c CLEANUP(sql_close_cleanup) = NULL;
    const char **names;
    size_t n;
    if (!sql_open_volume(g, v, "rdsadmin", &c, e) || !sql_databases(c, a, &names, &n, e))
        return false;
    for (size_t i = 0; i < n; i++)
        if (!f(g, v, names[i], e))
            return err_wrap(e, "database \"%s\"", names[i]);
    return true;
}

/* ---- green's side of build ---- */

/* Where green's workers find blue. They run as the servers' user, whom blue's socket knows as rdsadmin. */
static const char *conninfo(struct engine *g, struct arena *a, const struct volume *blue,
                            const char *database)
{
    struct buf quoted = BUF_INIT(1024);
    for (const char *p = database; *p; p++)
        (void)buf_printf(&quoted, *p == '\'' || *p == '\\' ? "\\%c" : "%c", *p);
    const char *info =
        arena_printf(a, "host='%s' port=%d user=rdsadmin dbname='%s' passfile='/dev/null/none'",
                     g->socket_dir, atomic_load(&blue->port), buf_text(&quoted));
    buf_done(&quoted);
    return info;
}

static bool slot_name(PGconn *blue, struct arena *a, const char *database, const char **ret, struct err *e)
{
    struct sql_result r;
    if (!sql_params(blue, a,
                    "SELECT s.slot_name FROM pg_replication_slots s JOIN pg_database d"
                    " ON s.slot_name = 'rds_bluegreen_' || d.oid WHERE d.datname = $1",
                    1, &database, &r, e))
        return false;
    if (r.rows != 1)
        return err_set(e, ERR_NOT_FOUND, "blue has no slot for database \"%s\"", database);
    *ret = r.cell[0][0];
    return true;
}

/* connect stays on: only then are the tables known as "ready" from the start, and what is streamed before a
 * later REFRESH would be dropped without a word. */
static bool subscribe(struct engine *g, PGconn *blue, PGconn *green, const struct volume *bv,
                      const char *database, lsn_t at, struct err *e)
{
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    char lsn[LSN_SIZE];
    const char *slot;
    if (!slot_name(blue, a, database, &slot, e))
        return false;
    const char *values[] = {conninfo(g, a, bv, database), slot};
    const char *create =
        arena_printf(a,
                     "CREATE SUBSCRIPTION rds_bluegreen CONNECTION %%L PUBLICATION rds_bluegreen WITH "
                     "(slot_name = %%I, create_slot = false, copy_data = false, enabled = false%s)",
                     PQserverVersion(green) >= 160000 ? ", run_as_owner = true" : "");
    const char *position[] = {lsn_print(at, lsn)};
    return sql_do(green, "DROP PUBLICATION IF EXISTS rds_bluegreen", e) &&
           sql_compose(green, create, 2, values, e) &&
           sql_params(
               green, a,
               "SELECT pg_replication_origin_advance('pg_' || s.oid, $1::pg_lsn) FROM pg_subscription s"
               " JOIN pg_database d ON d.oid = s.subdbid"
               " WHERE d.datname = current_database() AND s.subname = 'rds_bluegreen'",
               1, position, NULL, e) &&
           sql_do(green, "ALTER SUBSCRIPTION rds_bluegreen ENABLE", e);
}

static bool follow(struct engine *g, const char *blue, const char *green, lsn_t at, struct err *e)
{
    struct pair p CLEANUP(pair_done) = {0};
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    PGconn *c CLEANUP(sql_close_cleanup) = NULL;
    const char **names;
    size_t n;
    if (!pair_open(g, blue, green, &p, e) || !sql_databases(p.green_admin, a, &names, &n, e))
        return false;
    for (size_t i = 0; i < n; i++) {
        PGconn *there CLEANUP(sql_close_cleanup) = NULL;
        if (!sql_open_volume(g, p.green, names[i], &there, e) ||
            !subscribe(g, p.blue_admin, there, p.blue, names[i], at, e))
            return err_wrap(e, "subscribe database \"%s\"", names[i]);
    }
    return true;
}

static bool make_green(struct engine *g, const char *green, int major, const struct engine_param *p, size_t n,
                       const char *log_dir, struct err *e)
{
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    struct volume *v CLEANUP(volume_leave_cleanup) = NULL;
    if (volume_major(g, green) == major ? !volume_set_params(g, green, p, n, e)
                                        : !volume_upgrade(g, green, major, p, n, false, log_dir, e))
        return false;
    if (!volume_enter(g, green, &v, e))
        return false;
    v->writes = WRITES_OFF_BY_DEFAULT;
    v->start_lsn = 0;
    return volume_save(g, v, volume_path(g, a, v, ""), e) && server_start(g, v, e);
}

/* Replication is running when build returns, unless it has a reason of its own, which observing then tells.
 */
static void await_workers(struct engine *g, const char *blue, const char *green, int64_t ms)
{
    struct bluegreen_state s;
    for (int64_t deadline = now_ms() + ms; now_ms() < deadline; pause_ms(10))
        if (bluegreen_observe(g, blue, green, &s, NULL) && s.healthy)
            return;
}

static bool build(struct engine *g, const char *blue, const char *green, int major,
                  const struct engine_param *p, size_t n, const char *log_dir, struct err *e)
{
    struct volume *v;
    lsn_t at;
    if (!volume_enter(g, blue, &v, e))
        return false;
    bool published = check_blue(g, v, e) && for_each(g, v, publish, e);
    volume_leave(v);
    return published && volume_clone(g, blue, green, false, &at, e) &&
           make_green(g, green, major, p, n, log_dir, e) && follow(g, blue, green, at, e);
}

/* Whether blue's server is another than it was; for a while one that is being restarted is waited for. */
static bool is_served_anew(struct engine *g, const char *blue, int pid)
{
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    int64_t until = now_ms() + RESTART_MS;
    for (; now_ms() < until; pause_ms(50)) {
        int is = volume_pid(g, blue);
        if (is != 0 && is != pid)
            return true;
        if (is == pid && volume_sql(g, a, blue, "rdsadmin", "SELECT 1", NULL, NULL))
            return false;
    }
    return false;
}

/* Aurora copies storage, whether or not the writer restarts meanwhile. We need its server: what was lost with
 * that is made once more. */
static bool build_whole(struct engine *g, const char *blue, const char *green, int major,
                        const struct engine_param *p, size_t n, const char *log_dir, struct err *e)
{
    for (int tries = 1;; tries++) {
        int pid = volume_pid(g, blue);
        struct err why = ERR_INIT;
        if (build(g, blue, green, major, p, n, log_dir, &why))
            return true;
        if (volume_major(g, green) != 0)
            best_effort(volume_delete(g, green, NULL));
        bool again = tries < BUILD_TRIES && is_served_anew(g, blue, pid);
        best_effort(bluegreen_drop(g, blue, green, NULL));
        if (again)
            continue;
        if (e)
            *e = why;
        return false;
    }
}

bool bluegreen_build(struct engine *g, const char *blue, const char *green, int major,
                     const struct engine_param *p, size_t n, const char *log_dir, struct err *e)
{
    if (volume_major(g, green) != 0)
        return err_set(e, ERR_CONFLICT, "volume \"%s\" exists already", green);
    if (!engine_params_check(g, major, p, n, e))
        return false;
    if (!volume_running(g, blue))
        return err_set(e, ERR_CONFLICT, "volume \"%s\" is not running", blue);
    best_effort(bluegreen_drop(g, blue, green, NULL)); /* what a build that was cut short has left */
    if (!build_whole(g, blue, green, major, p, n, log_dir, e))
        return err_wrap(e, "build %s from %s", green, blue);
    await_workers(g, blue, green, WORKER_MS);
    return true;
}

/* ---- observe ---- */

/* What green's workers said last; their lines have neither user nor database. */
static void last_error(struct engine *g, const struct volume *green, char *out, size_t size)
{
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    char *tail = arena_alloc(a, LOG_TAIL + 1);
    FILE *f = fopen(volume_path(g, a, green, "log"), "re");
    if (!f)
        return;
    if (fseek(f, -LOG_TAIL, SEEK_END) != 0)
        rewind(f);
    tail[fread(tail, 1, LOG_TAIL, f)] = '\0';
    (void)fclose(f);
    for (char *line; (line = strsep(&tail, "\n"));) {
        const char *error = strstr(line, "::@:[") ? strstr(line, "ERROR:  ") : NULL;
        if (error)
            (void)snprintf(out, size, "%s", error + strlen("ERROR:  "));
    }
}

/* Workers that are missing, and errors counted (15 and later). */
static bool ask_green(PGconn *green, struct arena *a, long *ret_missing, long *ret_errors, struct err *e)
{
    const char *missing, *errors = "0";
    if (!sql_value(green, a,
                   "SELECT count(*) FROM pg_subscription s WHERE s.subname = 'rds_bluegreen' AND NOT EXISTS"
                   " (SELECT FROM pg_stat_subscription w WHERE w.subid = s.oid AND w.relid IS NULL"
                   "  AND w.pid IS NOT NULL)",
                   &missing, e))
        return false;
    if (PQserverVersion(green) >= 150000 &&
        !sql_value(green, a,
                   "SELECT coalesce(sum(apply_error_count), 0) FROM pg_stat_subscription_stats"
                   " WHERE subname = 'rds_bluegreen'",
                   &errors, e))
        return false;
    *ret_missing = number_count(missing);
    *ret_errors = number_count(errors);
    return true;
}

static bool ask_blue(PGconn *blue, struct arena *a, int64_t *ret_lag, long *ret_slots, struct err *e)
{
    struct sql_result r;
    if (!sql_run(blue, a,
                 "SELECT count(*), coalesce(max(pg_wal_lsn_diff(pg_current_wal_lsn(), confirmed_flush_lsn)), "
                 "0)::bigint"
                 " FROM pg_replication_slots WHERE slot_name LIKE 'rds\\_bluegreen\\_%'",
                 &r, e))
        return false;
    *ret_slots = number_count(r.cell[0][0]);
    *ret_lag = number_count(r.cell[0][1]);
    if (*ret_lag < 0)
        *ret_lag = 0;
    return true;
}

/* A worker that fails is started again ten times a second: an error not long ago is an error now. What the
 * server has counted before it was observed is history: blue went down before green, and its worker said so.
 */
static bool errors_repeat(struct volume *green, long errors)
{
    long before = atomic_exchange(&green->apply_errors, errors);
    if (before >= 0 && errors > before)
        atomic_store(&green->apply_error_at, now_ms());
    int64_t at = atomic_load(&green->apply_error_at);
    return at != 0 && now_ms() - at < QUIET_MS;
}

static void judge(struct engine *g, struct volume *green, long slots, long missing, long errors,
                  struct bluegreen_state *s)
{
    bool failing = errors_repeat(green, errors);
    s->healthy = slots > 0 && missing == 0 && !failing;
    if (s->healthy)
        return;
    (void)snprintf(s->reason, sizeof s->reason,
                   slots == 0 ? "blue has no replication slots" : "a replication worker is not running");
    if (slots > 0)
        last_error(g, green, s->reason, sizeof s->reason);
}

bool bluegreen_observe(struct engine *g, const char *blue, const char *green, struct bluegreen_state *ret,
                       struct err *e)
{
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    PGconn *bc CLEANUP(sql_close_cleanup) = NULL;
    PGconn *gc CLEANUP(sql_close_cleanup) = NULL;
    struct volume *bv, *gv;
    struct bluegreen_state s = {0};
    long slots, missing, errors;
    if (!volume_find(g, blue, &bv, e) || !volume_find(g, green, &gv, e))
        return false;
    if (!server_alive(bv) || !server_alive(gv)) {
        (void)snprintf(s.reason, sizeof s.reason, "the server of %s is not running",
                       server_alive(bv) ? green : blue);
        *ret = s;
        return true;
    }
    if (!sql_open_volume(g, bv, "rdsadmin", &bc, e) || !sql_open_volume(g, gv, "rdsadmin", &gc, e) ||
        !ask_blue(bc, a, &s.lag_bytes, &slots, e) || !ask_green(gc, a, &missing, &errors, e))
        return false;
    judge(g, gv, slots, missing, errors, &s);
    *ret = s;
    return true;
}

/* ---- taking apart ---- */

bool green_detach(PGconn *green, struct err *e)
{
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    const char *there;
    if (!sql_value(green, a,
                   "SELECT count(*) FROM pg_subscription s JOIN pg_database d ON d.oid = s.subdbid"
                   " WHERE d.datname = current_database() AND s.subname = 'rds_bluegreen'",
                   &there, e))
        return false;
    if (strcmp(there, "0") != 0 &&
        (!sql_do(green, "ALTER SUBSCRIPTION rds_bluegreen DISABLE", e) ||
         !sql_do(green, "ALTER SUBSCRIPTION rds_bluegreen SET (slot_name = NONE)", e) ||
         !sql_do(green, "DROP SUBSCRIPTION rds_bluegreen", e)))
        return false;
    return sql_do(green,
                  "SET client_min_messages = warning; DROP PUBLICATION IF EXISTS rds_bluegreen;"
                  " DROP SCHEMA IF EXISTS rds_bluegreen CASCADE",
                  e);
}

static bool detach_in(struct engine *g, struct volume *v, const char *database, struct err *e)
{
    PGconn *c CLEANUP(sql_close_cleanup) = NULL;
    return sql_open_volume(g, v, database, &c, e) && green_detach(c, e);
}

/* A walsender may still hold the slot for a moment after its subscription is gone. */
static bool drop_slots(struct engine *g, struct volume *v, struct err *e)
{
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    PGconn *c CLEANUP(sql_close_cleanup) = NULL;
    const char *left;
    if (!sql_open_volume(g, v, "rdsadmin", &c, e))
        return false;
    for (int64_t deadline = now_ms() + SLOT_MS; now_ms() < deadline; pause_ms(10)) {
        if (!sql_do(c,
                    "SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots"
                    " WHERE slot_name LIKE 'rds\\_bluegreen\\_%' AND active_pid IS NOT NULL",
                    e))
            return false;
        /* Between looking and dropping a worker may have come back: then the next round has it. */
        best_effort(sql_do(c,
                           "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots"
                           " WHERE slot_name LIKE 'rds\\_bluegreen\\_%' AND active_pid IS NULL",
                           NULL));
        if (!sql_value(c, a,
                       "SELECT count(*) FROM pg_replication_slots WHERE slot_name LIKE 'rds\\_bluegreen\\_%'",
                       &left, e))
            return false;
        if (strcmp(left, "0") == 0)
            return true;
    }
    return err_set(e, ERR_TIMEOUT, "blue's replication slots stay in use");
}

/* The same for either side: whatever build made there goes, and anybody may write again. */
static bool clean_side(struct engine *g, const char *id, struct err *e)
{
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    struct volume *v CLEANUP(volume_leave_cleanup) = NULL;
    if (volume_major(g, id) == 0)
        return true;
    if (!volume_enter(g, id, &v, e))
        return false;
    bool was_running = server_alive(v);
    if (!server_start(g, v, e))
        return false;
    bool ok = for_each(g, v, detach_in, e) && drop_slots(g, v, e);
    if (ok && v->writes != WRITES_OPEN) {
        v->writes = WRITES_OPEN;
        ok = volume_save(g, v, volume_path(g, a, v, ""), e) && server_reload(g, v, e);
    }
    if (!was_running)
        ok = server_halt(g, v, HALT_PATIENCE_MS, ok ? e : NULL) && ok;
    return ok || err_wrap(e, "volume %s", id);
}

bool bluegreen_drop(struct engine *g, const char *blue, const char *green, struct err *e)
{
    return (clean_side(g, green, e) && clean_side(g, blue, e)) || err_wrap(e, "remove the replication");
}

/* ---- after a restart ---- */

static bool settle_side(struct engine *g, const char *id, enum writes writes, struct err *e)
{
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    struct volume *v CLEANUP(volume_leave_cleanup) = NULL;
    if (!volume_enter(g, id, &v, e))
        return false;
    v->writes = writes;
    if (!volume_save(g, v, volume_path(g, a, v, ""), e) || (server_alive(v) && !server_reload(g, v, e)))
        return false;
    return writes != WRITES_OPEN || !server_alive(v) || for_each(g, v, detach_in, e);
}

bool bluegreen_settle(struct engine *g, const char *blue, const char *green, struct err *e)
{
    return ((volume_major(g, blue) == 0 || settle_side(g, blue, WRITES_LOCKED, e)) &&
            settle_side(g, green, WRITES_OPEN, e)) ||
           err_wrap(e, "finish the switchover");
}

bool bluegreen_resume(struct engine *g, const char *blue, const char *green, struct err *e)
{
    struct pair p CLEANUP(pair_done) = {0};
    if (!pair_open(g, blue, green, &p, e))
        return err_wrap(e, "resume the replication");
    for (size_t i = 0; i < p.count; i++) {
        const char *info = conninfo(g, p.arena, p.blue, p.databases[i].name);
        if (!sql_compose(p.databases[i].green, "ALTER SUBSCRIPTION rds_bluegreen CONNECTION %L", 1, &info, e))
            return err_wrap(e, "resume the replication of database \"%s\"", p.databases[i].name);
    }
    await_workers(g, blue, green, RESUME_MS);
    return true;
}
