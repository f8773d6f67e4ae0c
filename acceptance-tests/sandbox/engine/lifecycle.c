/* The verbs on one volume: create, start, stop, delete, parameters, passwords, SQL. */
#include "acceptance-tests/sandbox/engine/lifecycle.h"

#include "acceptance-tests/sandbox/engine/forward.h"
#include "acceptance-tests/sandbox/engine/server.h"
#include "acceptance-tests/sandbox/engine/sql.h"
#include "acceptance-tests/sandbox/engine/template.h"
#include "acceptance-tests/sandbox/engine/tree.h"
#include "internal/base/file.h"

#include <ctype.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define HALT_PATIENCE_MS 60000
#define SCRIPT_MAX       (256 * 1024)

/* ---- a new data directory ---- */

static bool run_initdb(struct engine *g, const struct major *m, const char *data, bool checksums,
                       struct err *e)
{
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    const char *argv[12] = {arena_printf(a, "%s/initdb", m->bin),
                            "-D",
                            data,
                            "-U",
                            "rdsadmin",
                            "-A",
                            "peer",
                            "-E",
                            "UTF8",
                            "--locale=C.UTF-8",
                            "--no-sync",
                            NULL};
    const char *with[14];
    size_t n = 0;
    for (; argv[n]; n++)
        with[n] = argv[n];
    if (checksums ||
        m->number >= 18) /* 18 has them on by default; an upgrade needs them equal on both sides */
        with[n++] = checksums ? "--data-checksums" : "--no-data-checksums";
    with[n] = NULL;
    struct child_spec s = {.argv = with, .cwd = "/", .account = &g->account, .death_signal = SIGKILL};
    return tree_make_private(data, &g->account, e) && child_run(&s, a, NULL, e);
}

bool data_init(struct engine *g, const struct major *m, const char *data, bool checksums, struct err *e)
{
    struct template bare = {.major = m, .checksums = checksums};
    if (template_take(g, &bare, data))
        return true;
    if (!run_initdb(g, m, data, checksums, e))
        return false;
    template_keep(g, &bare, data);
    return true;
}

/* Runs bootstrap.sql in one database. */
static bool bootstrap_in(struct engine *g, struct volume *v, const char *database, const char *script,
                         struct err *e)
{
    PGconn *c CLEANUP(sql_close_cleanup) = NULL;
    if (!sql_open_volume(g, v, database, &c, e) || !sql_do(c, script, e))
        return err_wrap(e, "prepare database \"%s\"", database);
    return true;
}

bool volume_bootstrap(struct engine *g, struct volume *v, struct err *e)
{
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    PGconn *c CLEANUP(sql_close_cleanup) = NULL;
    struct str script;
    const char **names;
    size_t n;
    if (!file_read(a, majors_bootstrap(g->majors), SCRIPT_MAX, &script, e) ||
        !sql_open_volume(g, v, "rdsadmin", &c, e) || !sql_databases(c, a, &names, &n, e) ||
        !bootstrap_in(g, v, "template1", script.p, e) || !bootstrap_in(g, v, "rdsadmin", script.p, e))
        return false;
    for (size_t i = 0; i < n; i++)
        if (!bootstrap_in(g, v, names[i], script.p, e))
            return false;
    return true;
}

static bool own_database(struct engine *g, struct volume *v, struct err *e)
{
    PGconn *c CLEANUP(sql_close_cleanup) = NULL;
    return sql_open_volume(g, v, "postgres", &c, e) && sql_do(c, "CREATE DATABASE rdsadmin", e);
}

static bool make_master(struct engine *g, struct volume *v, const struct volume_spec *s, struct err *e)
{
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    PGconn *c CLEANUP(sql_close_cleanup) = NULL;
    const char *verifier;
    if (!sql_open_volume(g, v, "rdsadmin", &c, e) ||
        !sql_verifier(c, a, s->master_user, s->master_password, &verifier, e))
        return false;
    const char *role[] = {s->master_user, verifier}, *database[] = {s->database, s->master_user};
    if (!sql_compose(c, "CREATE ROLE %I LOGIN NOSUPERUSER CREATEDB CREATEROLE NOREPLICATION PASSWORD %L", 2,
                     role, e) ||
        !sql_compose(c, "GRANT rds_superuser TO %I WITH ADMIN OPTION", 1, role, e) ||
        !sql_compose(c, "ALTER DATABASE postgres OWNER TO %I", 1, role, e) ||
        !sql_compose(c, "ALTER DATABASE template1 OWNER TO %I", 1, role, e))
        return err_wrap(e, "create user \"%s\"", s->master_user);
    if (!s->database || strcmp(s->database, "postgres") == 0)
        return true;
    return sql_compose(c, "CREATE DATABASE %I OWNER %I", 2, database, e) ||
           err_wrap(e, "create database \"%s\"", s->database);
}

/* Ends the server that did some work on a new data directory. */
static bool finished(struct engine *g, struct volume *v, bool worked, struct err *e)
{
    struct err stop = ERR_INIT;
    if (!server_halt(g, v, HALT_PATIENCE_MS, &stop) && worked)
        return err_set(e, stop.code, "%s", stop.text);
    return worked;
}

/* All that volumes of a major have in common; made without the volume's parameters, since others get it, too.
 */
static bool make_ready(struct engine *g, struct volume *v, const struct major *m, const char *folder,
                       const char *data, struct err *e)
{
    static const struct engine_param none[1];
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    struct template ready = {.major = m, .ready = true};
    struct server_spec server = {
        .v = v, .major = m, .data = data, .log = arena_printf(a, "%s/log.first", folder), .params = none};
    if (template_take(g, &ready, data))
        return true;
    if (!data_init(g, m, data, false, e) || !server_launch(g, &server, e))
        return false;
    if (!finished(g, v, own_database(g, v, e) && volume_bootstrap(g, v, e), e) || !tree_remove(server.log, e))
        return false;
    template_keep(g, &ready, data);
    return true;
}

static bool fill(struct engine *g, struct volume *v, const struct volume_spec *s, const struct major *m,
                 const char *folder, struct err *e)
{
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    struct server_spec server = {.v = v,
                                 .major = m,
                                 .data = arena_printf(a, "%s/data", folder),
                                 .log = arena_printf(a, "%s/log", folder)};
    return make_ready(g, v, m, folder, server.data, e) && server_launch(g, &server, e) &&
           finished(g, v, make_master(g, v, s, e), e);
}

bool volume_publish(struct engine *g, struct volume *v, int major, struct err *e)
{
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    const char *making = volume_making_path(g, a, v, "");
    if (!volume_save(g, v, making, e) || !tree_rename(making, volume_path(g, a, v, ""), e))
        return false;
    atomic_store(&v->major, major);
    atomic_store(&v->exists, true);
    return true;
}

bool volume_create(struct engine *g, const struct volume_spec *s, struct err *e)
{
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    const struct major *m;
    struct volume *v CLEANUP(volume_leave_cleanup) = NULL;
    if (!majors_find(g->majors, s->major, &m, e) || !config_check(m, s->params, s->param_count, e) ||
        !volume_reserve(g, s->id, &v, e))
        return err_wrap(e, "create volume %s", s->id);
    const char *folder = volume_making_path(g, a, v, "");
    volume_keep(v, NULL, s->params, s->param_count);
    if (tree_remove(folder, e) && tree_make(folder, 0711, e) && fill(g, v, s, m, folder, e) &&
        volume_publish(g, v, s->major, e))
        return true;
    best_effort(tree_remove(folder, NULL));
    return err_wrap(e, "create volume %s", s->id);
}

/* ---- verbs ---- */

bool volume_start(struct engine *g, const char *id, struct err *e)
{
    struct volume *v CLEANUP(volume_leave_cleanup) = NULL;
    return volume_enter(g, id, &v, e) && server_start(g, v, e);
}

bool volume_stop(struct engine *g, const char *id, struct err *e)
{
    struct volume *v CLEANUP(volume_leave_cleanup) = NULL;
    return volume_enter(g, id, &v, e) && server_halt(g, v, HALT_PATIENCE_MS, e);
}

bool volume_delete(struct engine *g, const char *id, struct err *e)
{
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    struct volume *v CLEANUP(volume_leave_cleanup) = NULL;
    if (!volume_enter(g, id, &v, e))
        return false;
    /* Under the hidden name it is gone even if we die before all files are. */
    const char *hidden = volume_making_path(g, a, v, "");
    if (!server_halt(g, v, 0, e) || !tree_remove(hidden, e) ||
        !tree_rename(volume_path(g, a, v, ""), hidden, e))
        return err_wrap(e, "delete volume %s", id);
    atomic_store(&v->exists, false);
    forward_forget(g->forward, v);
    return tree_remove(hidden, e);
}

/* What the server itself says about the file it has just read. Settings that wait for a restart are no error.
 */
static bool check_applied(struct engine *g, struct volume *v, struct err *e)
{
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    PGconn *c CLEANUP(sql_close_cleanup) = NULL;
    struct sql_result r;
    if (!sql_open_volume(g, v, "rdsadmin", &c, e) ||
        !sql_run(c, a,
                 "SELECT f.name, f.error FROM pg_file_settings f WHERE f.error IS NOT NULL AND NOT EXISTS"
                 " (SELECT FROM pg_settings s WHERE s.name = lower(f.name) AND s.pending_restart) LIMIT 1",
                 &r, e))
        return false;
    if (r.rows == 0)
        return true;
    return err_set(e, ERR_INVALID, "parameter \"%s\": %s", r.cell[0][0], r.cell[0][1]);
}

/* Writes the record down and lets a running server know. */
static bool changed(struct engine *g, struct volume *v, struct err *e)
{
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    return volume_save(g, v, volume_path(g, a, v, ""), e) && (!server_alive(v) || server_reload(g, v, e));
}

static struct engine_param *copy_params(struct arena *a, const struct engine_param *p, size_t n)
{
    struct engine_param *copy = ARENA_ARRAY(a, struct engine_param, n + 1);
    for (size_t i = 0; i < n; i++)
        copy[i] = (struct engine_param){arena_strdup(a, p[i].name), arena_strdup(a, p[i].value)};
    return copy;
}

bool volume_set_params(struct engine *g, const char *id, const struct engine_param *p, size_t n,
                       struct err *e)
{
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    struct volume *v CLEANUP(volume_leave_cleanup) = NULL;
    const struct major *m;
    if (!volume_enter(g, id, &v, e) || !majors_find(g->majors, atomic_load(&v->major), &m, e) ||
        !config_check(m, p, n, e))
        return false;
    size_t former_count = v->param_count;
    struct engine_param *former = copy_params(a, v->params, former_count);
    volume_keep(v, v->label, p, n);
    if (changed(g, v, e) && (!server_alive(v) || check_applied(g, v, e)))
        return true;
    volume_keep(v, v->label, former, former_count);
    best_effort(changed(g, v, NULL));
    return false;
}

bool volume_set_start_lsn(struct engine *g, const char *id, lsn_t lsn, struct err *e)
{
    struct volume *v CLEANUP(volume_leave_cleanup) = NULL;
    if (!volume_enter(g, id, &v, e))
        return false;
    v->start_lsn = lsn;
    return changed(g, v, e);
}

bool volume_set_label(struct engine *g, const char *id, const char *version, struct err *e)
{
    struct volume *v CLEANUP(volume_leave_cleanup) = NULL;
    if (!volume_enter(g, id, &v, e))
        return false;
    for (const char *p = version; p && *p; p++)
        if (iscntrl((unsigned char)*p) || p - version > 100)
            return err_set(e, ERR_INVALID, "not a version: too long or with control characters");
    volume_keep(v, version, v->params, v->param_count);
    return changed(g, v, e);
}

bool volume_set_password(struct engine *g, const char *id, const char *user, const char *password,
                         struct err *e)
{
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    struct volume *v CLEANUP(volume_leave_cleanup) = NULL;
    PGconn *c CLEANUP(sql_close_cleanup) = NULL;
    const char *values[] = {user, NULL};
    if (strcasecmp(user, "rdsadmin") == 0)
        return err_set(e, ERR_DENIED, "\"%s\" has no password", user);
    return volume_enter(g, id, &v, e) && sql_open_volume(g, v, "rdsadmin", &c, e) &&
           sql_verifier(c, a, user, password, &values[1], e) &&
           sql_compose(c, "ALTER ROLE %I PASSWORD %L", 2, values, e);
}

bool volume_running(struct engine *g, const char *id)
{
    struct volume *v;
    return volume_find(g, id, &v, NULL) && server_alive(v);
}

int volume_major(struct engine *g, const char *id)
{
    struct volume *v;
    return volume_find(g, id, &v, NULL) ? atomic_load(&v->major) : 0;
}

int volume_pid(struct engine *g, const char *id)
{
    struct volume *v;
    return volume_find(g, id, &v, NULL) && server_alive(v) ? atomic_load(&v->pid) : 0;
}

bool volume_log_file(struct engine *g, struct arena *a, const char *id, const char **ret, struct err *e)
{
    struct volume *v;
    if (!volume_find(g, id, &v, e))
        return false;
    *ret = volume_path(g, a, v, "log");
    return true;
}

bool volume_sql(struct engine *g, struct arena *a, const char *id, const char *database, const char *sql,
                struct sql_result *ret, struct err *e)
{
    struct volume *v;
    PGconn *c CLEANUP(sql_close_cleanup) = NULL;
    return volume_find(g, id, &v, e) && sql_open_volume(g, v, database, &c, e) && sql_run(c, a, sql, ret, e);
}

bool volume_databases(struct engine *g, struct arena *a, const char *id, const char ***ret_names,
                      size_t *ret_n, struct err *e)
{
    struct volume *v;
    PGconn *c CLEANUP(sql_close_cleanup) = NULL;
    return volume_find(g, id, &v, e) && sql_open_volume(g, v, "rdsadmin", &c, e) &&
           sql_databases(c, a, ret_names, ret_n, e);
}

bool volume_kill(struct engine *g, const char *id, struct err *e)
{
    enum { PATIENCE_MS = 10000 };
    struct volume *v;
    return volume_find(g, id, &v, e) && server_kill(v, PATIENCE_MS, e);
}

bool volume_pause(struct engine *g, const char *id, bool pause, struct err *e)
{
    struct volume *v;
    if (!volume_find(g, id, &v, e))
        return false;
    if (!server_alive(v))
        return err_set(e, ERR_CONFLICT, "the server of %s is not running", id);
    server_pause(v, pause);
    return true;
}
