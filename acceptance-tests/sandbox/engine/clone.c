/* An exact copy of a volume: backup mode, files, WAL up to a chosen position, recovery to just before it.
 *
 * Why it is exact: recovery with an exclusive target replays the records that start before the position L and
 * no other; logical decoding from L skips the transactions whose commit record starts before L and no other.
 * L must be read before a record that is certainly copied too, else recovery would not reach it.
 */
#include "acceptance-tests/sandbox/engine/lifecycle.h"
#include "acceptance-tests/sandbox/engine/server.h"
#include "acceptance-tests/sandbox/engine/sql.h"
#include "acceptance-tests/sandbox/engine/tree.h"
#include "internal/base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define HALT_PATIENCE_MS 60000
#define WAL_NAME         24 /* timeline, log, segment: 8 hexadecimal digits each */

DEFINE_CLEANUP(DIR, dir_cleanup, (void)closedir)

/* ---- which files ---- */

static bool in_list(const char *const *list, const char *path)
{
    for (; *list; list++)
        if (strcmp(*list, path) == 0)
            return true;
    return false;
}

static bool below(const char *folder, const char *path)
{
    size_t n = strlen(folder);
    return strncmp(path, folder, n) == 0 && path[n] == '/';
}

/* What belongs to the running process, or is written anew. */
static bool skip(const char *path, bool is_dir)
{
    static const char *const files[] = {"postmaster.pid",
                                        "postmaster.opts",
                                        "backup_label",
                                        "tablespace_map",
                                        "recovery.signal",
                                        "standby.signal",
                                        "postgresql.conf",
                                        "pg_hba.conf",
                                        "pg_ident.conf",
                                        "current_logfiles",
                                        NULL};
    const char *name = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
    return (!is_dir && in_list(files, path)) || strncmp(name, "pgsql_tmp", 9) == 0;
}

static bool empty_of_slots(const char *path)
{
    static const char *const folders[] = {"pg_wal",    "pg_replslot",  "pg_stat_tmp",
                                          "pg_notify", "pg_dynshmem",  "pg_subtrans",
                                          "pg_serial", "pg_snapshots", NULL};
    return in_list(folders, path);
}

static bool empty(const char *path)
{
    return empty_of_slots(path) && strcmp(path, "pg_replslot") != 0;
}

/* Of a user's slot its state, not what decoding has spilled; of the sandbox's own nothing. */
static bool skip_but_slots(const char *path, bool is_dir)
{
    if (!below("pg_replslot", path))
        return skip(path, is_dir);
    const char *name = strrchr(path, '/') + 1;
    return is_dir ? strncmp(name, "rds_", 4) == 0 : strcmp(name, "state") != 0;
}

static bool copy_data(struct engine *g, const char *from, const char *to, bool with_slots, bool live,
                      struct err *e)
{
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    struct tree_copy c = {.from = from,
                          .to = to,
                          .account = &g->account,
                          .live = live,
                          .skip = with_slots ? skip_but_slots : skip,
                          .empty = with_slots ? empty : empty_of_slots};
    return tree_copy(&c, e) &&
           tree_make_private(arena_printf(a, "%s/pg_wal/archive_status", to), &g->account, e);
}

/* ---- WAL ---- */

static bool is_segment(const char *name)
{
    return strlen(name) == WAL_NAME && strspn(name, "0123456789ABCDEF") == WAL_NAME;
}

static bool is_history(const char *name)
{
    return strlen(name) == 16 && strcmp(name + 8, ".history") == 0;
}

/* Segments from `first` to `last`, both included, and all timeline histories. */
static bool copy_wal(struct engine *g, const char *from, const char *to, const char *first, const char *last,
                     struct err *e)
{
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    const char *source = arena_printf(a, "%s/pg_wal", from);
    DIR *d CLEANUP(dir_cleanup) = opendir(source);
    if (!d)
        return err_errno(e, errno, "read folder %s", source);
    for (struct dirent *x; (x = readdir(d));) {
        bool wanted = is_history(x->d_name) || (is_segment(x->d_name) && strcmp(x->d_name, first) >= 0 &&
                                                strcmp(x->d_name, last) <= 0);
        if (wanted && !tree_copy_file(arena_printf(a, "%s/%s", source, x->d_name),
                                      arena_printf(a, "%s/pg_wal/%s", to, x->d_name), &g->account, false, e))
            return false;
    }
    return true;
}

/* "START WAL LOCATION: 0/9000028 (file 000000010000000000000009)" */
static bool first_segment(const char *label, char out[WAL_NAME + 1], struct err *e)
{
    const char *file = strstr(label, "(file ");
    if (!file || strlen(file + 6) < WAL_NAME)
        return err_set(e, ERR_BUG, "a backup label without its first WAL file");
    (void)snprintf(out, WAL_NAME + 1, "%s", file + 6);
    return is_segment(out) || err_set(e, ERR_BUG, "a backup label with an unknown WAL file name");
}

/* ---- a running source ---- */

struct backup {
    PGconn *c;
    int major;
    const char *from, *to;
    bool with_slots;
};

static bool put_label(struct engine *g, const char *to, const char *label, struct err *e)
{
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    const char *path = arena_printf(a, "%s/backup_label", to);
    if (!file_replace(path, label, strlen(label), 0600, e))
        return false;
    if (g->account.change && chown(path, g->account.uid, g->account.gid) != 0)
        return err_errno(e, errno, "give %s to user %s", path, g->account.name);
    return true;
}

static bool begin_backup(const struct backup *b, struct err *e)
{
    /* The temporary slot keeps the WAL; it goes with this session. */
    return sql_do(b->c,
                  "SELECT pg_create_physical_replication_slot("
                  "'rds_clone_' || pg_backend_pid(), true, true)",
                  e) &&
           sql_do(b->c,
                  b->major >= 15 ? "SELECT pg_backup_start('rds_clone', true)"
                                 : "SELECT pg_start_backup('rds_clone', true, false)",
                  e);
}

static bool end_backup(struct engine *g, struct arena *a, const struct backup *b, lsn_t *ret, struct err *e)
{
    const char *label, *last;
    char first[WAL_NAME + 1];
    lsn_t restore_point;
    if (!sql_value(b->c, a,
                   b->major >= 15 ? "SELECT labelfile FROM pg_backup_stop(false)"
                                  : "SELECT labelfile FROM pg_stop_backup(false, false)",
                   &label, e) ||
        !label || !first_segment(label, first, e) || !put_label(g, b->to, label, e) ||
        !sql_lsn(b->c, "SELECT pg_current_wal_insert_lsn()", &restore_point, e) ||
        !sql_do(b->c, "SELECT pg_logical_emit_message(false, 'rds_clone', '')", e) ||
        !sql_value(b->c, a, "SELECT pg_walfile_name(pg_switch_wal())", &last, e) || !last ||
        !copy_wal(g, b->from, b->to, first, last, e))
        return false;
    *ret = restore_point;
    return true;
}

static bool copy_running(struct engine *g, struct volume *source, struct backup *b, lsn_t *ret, struct err *e)
{
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    PGconn *c CLEANUP(sql_close_cleanup) = NULL;
    if (!sql_open_volume(g, source, "rdsadmin", &c, e))
        return false;
    b->c = c;
    return begin_backup(b, e) && copy_data(g, b->from, b->to, b->with_slots, true, e) &&
           end_backup(g, a, b, ret, e);
}

/* ---- recovery of the copy ---- */

/* What a clone must not carry on: transactions prepared on the source, and subscriptions, whose workers would
 * take the source's changes away from it. */
static bool detach_database(struct engine *g, struct volume *v, const char *database, struct err *e)
{
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    PGconn *c CLEANUP(sql_close_cleanup) = NULL;
    struct sql_result r;
    static const char *const forget[] = {"ALTER SUBSCRIPTION %I DISABLE",
                                         "ALTER SUBSCRIPTION %I SET (slot_name = NONE)",
                                         "DROP SUBSCRIPTION %I"};
    if (!sql_open_volume(g, v, database, &c, e) ||
        !sql_run(c, a, "SELECT gid FROM pg_prepared_xacts WHERE database = current_database()", &r, e))
        return false;
    for (size_t i = 0; i < r.rows; i++)
        if (!sql_compose(c, "ROLLBACK PREPARED %L", 1, r.cell[i], e))
            return false;
    if (!sql_run(c, a,
                 "SELECT subname FROM pg_subscription s JOIN pg_database d ON d.oid = s.subdbid"
                 " WHERE d.datname = current_database()",
                 &r, e))
        return false;
    for (size_t i = 0; i < r.rows; i++)
        for (size_t j = 0; j < ARRAY_LEN(forget); j++)
            if (!sql_compose(c, forget[j], 1, r.cell[i], e))
                return false;
    return true;
}

static bool detach(struct engine *g, struct volume *v, struct err *e)
{
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    PGconn *c CLEANUP(sql_close_cleanup) = NULL;
    const char **names;
    size_t n;
    if (!sql_open_volume(g, v, "rdsadmin", &c, e) || !sql_databases(c, a, &names, &n, e))
        return false;
    for (size_t i = 0; i < n; i++)
        if (!detach_database(g, v, names[i], e))
            return err_wrap(e, "database \"%s\"", names[i]);
    return true;
}

static bool touch(const char *path, struct err *e)
{
    return file_replace(path, "", 0, 0644, e);
}

/* One run of the new server: recovers if there is something to recover, detaches, ends. */
static bool settle(struct engine *g, struct volume *v, const struct major *m, const char *folder,
                   bool keep_all, const lsn_t *restore_point, struct err *e)
{
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    char lsn[LSN_SIZE];
    struct server_spec s = {.v = v,
                            .major = m,
                            .data = arena_printf(a, "%s/data", folder),
                            .log = arena_printf(a, "%s/log", folder),
                            .ignore_writes = true};
    s.extra = "max_logical_replication_workers = 0\nautovacuum = off\n";
    if (restore_point) {
        s.extra = arena_printf(a,
                               "%shot_standby = off\nrestore_command = 'false'\nrecovery_target_lsn = '%s'\n"
                               "recovery_target_inclusive = off\nrecovery_target_action = 'promote'\n"
                               "recovery_target_timeline = 'current'\n",
                               s.extra, lsn_print(*restore_point, lsn));
        if (!touch(arena_printf(a, "%s/recovery.signal", s.data), e))
            return false;
    }
    if (!server_launch(g, &s, e))
        return err_wrap(e, "recover the copy");
    bool ok = keep_all || detach(g, v, e);
    struct err stop = ERR_INIT;
    if (!server_halt(g, v, HALT_PATIENCE_MS, &stop) && ok)
        return err_set(e, stop.code, "%s", stop.text);
    return ok;
}

/* ---- a stopped source ---- */

static const char *control_value(const char *text, const char *key)
{
    const char *at = strstr(text, key);
    return at ? at + strlen(key) + strspn(at + strlen(key), " ") : "";
}

/* A cleanly stopped server has written a checkpoint as its last act: everything is before it. */
static bool shutdown_point(struct engine *g, struct arena *a, const struct major *m, const char *data,
                           bool *ret_clean, lsn_t *ret, char segment[WAL_NAME + 1], struct err *e)
{
    const char *argv[] = {arena_printf(a, "%s/pg_controldata", m->bin), "-D", data, NULL};
    struct child_spec s = {.argv = argv, .cwd = "/", .account = &g->account, .death_signal = SIGKILL};
    struct str text;
    if (!child_run(&s, a, &text, e))
        return false;
    char lsn[LSN_SIZE];
    *ret_clean = strncmp(control_value(text.p, "Database cluster state:"), "shut down\n", 10) == 0;
    const char *at = control_value(text.p, "Latest checkpoint location:");
    (void)snprintf(lsn, sizeof lsn, "%.*s", (int)strcspn(at, "\n"), at);
    (void)snprintf(segment, WAL_NAME + 1, "%s", control_value(text.p, "REDO WAL file:"));
    return (lsn_parse(lsn, ret) && is_segment(segment)) ||
           err_set(e, ERR_BUG, "pg_controldata of %s says nothing about its last checkpoint", data);
}

static bool copy_stopped(struct engine *g, struct volume *source, const struct major *m, struct backup *b,
                         lsn_t *ret, struct err *e)
{
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    bool clean = false;
    char segment[WAL_NAME + 1];
    if (!shutdown_point(g, a, m, b->from, &clean, ret, segment, e))
        return false;
    if (!clean && (!server_start(g, source, e) || !server_halt(g, source, HALT_PATIENCE_MS, e) ||
                   !shutdown_point(g, a, m, b->from, &clean, ret, segment, e)))
        return err_wrap(e, "the source did not end cleanly");
    return copy_data(g, b->from, b->to, b->with_slots, false, e) &&
           copy_wal(g, b->from, b->to, segment, "FFFFFFFFFFFFFFFFFFFFFFFF", e);
}

/* ---- the whole ---- */

struct copied {
    const struct major *m;
    lsn_t restore_point;
    bool recover; /* the source was running */
};

static bool copy_source(struct engine *g, struct volume *source, struct volume *v, const char *folder,
                        bool with_slots, struct copied *ret, struct err *e)
{
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    if (!majors_find(g->majors, atomic_load(&source->major), &ret->m, e))
        return false;
    struct backup b = {.major = ret->m->number,
                       .with_slots = with_slots,
                       .from = volume_path(g, a, source, "data"),
                       .to = arena_printf(a, "%s/data", folder)};
    volume_keep(v, source->label, source->params, source->param_count);
    ret->recover = server_alive(source);
    return ret->recover ? copy_running(g, source, &b, &ret->restore_point, e)
                        : copy_stopped(g, source, ret->m, &b, &ret->restore_point, e);
}

static bool make_copy(struct engine *g, struct volume *source, struct volume *v, const char *folder,
                      bool with_slots, struct copied *ret, struct err *e)
{
    bool ok = tree_remove(folder, e) && tree_make(folder, 0711, e) &&
              copy_source(g, source, v, folder, with_slots, ret, e);
    volume_leave(source); /* the rest does not concern it */
    return ok && ((!ret->recover && with_slots) ||
                  settle(g, v, ret->m, folder, with_slots, ret->recover ? &ret->restore_point : NULL, e));
}

bool volume_clone(struct engine *g, const char *source, const char *id, bool with_slots, lsn_t *ret_lsn,
                  struct err *e)
{
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    struct volume *v CLEANUP(volume_leave_cleanup) = NULL;
    struct volume *s CLEANUP(volume_leave_cleanup) = NULL;
    struct copied c = {0};
    if (!volume_enter(g, source, &s, e) || !volume_reserve(g, id, &v, e))
        return err_wrap(e, "clone volume %s", source);
    const char *folder = volume_making_path(g, a, v, "");
    if (make_copy(g, STEAL(s), v, folder, with_slots, &c, e)) {
        v->start_lsn = c.restore_point;
        if (volume_publish(g, v, c.m->number, e)) {
            *ret_lsn = c.restore_point;
            return true;
        }
    }
    best_effort(tree_remove(folder, NULL));
    return err_wrap(e, "clone volume %s to %s", source, id);
}
