/* pg_upgrade from one major to the next, beside the old data directory: nothing of the old one is changed
 * until the new one is complete and has started once.
 */
#include "acceptance-tests/sandbox/engine/lifecycle.h"
#include "acceptance-tests/sandbox/engine/server.h"
#include "acceptance-tests/sandbox/engine/sql.h"
#include "acceptance-tests/sandbox/engine/tree.h"
#include "internal/base/file.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define HALT_PATIENCE_MS 60000
#define REPORT_MAX       (1024 * 1024)
#define DEPTH_MAX        8

DEFINE_CLEANUP(DIR, dir_cleanup, (void)closedir)

struct upgrade {
    struct volume *v;
    const struct major *from, *to;
    const char *folder, *old_data, *new_data, *work, *report; /* report: what pg_upgrade printed */
    const struct engine_param *params;
    size_t param_count;
    bool check_only, live; /* live: the old server runs and goes on running */
    const char *log_dir;
};

/* ---- what can be refused at once ---- */

/* Slots would be lost without a word (before 17) or refused by pg_upgrade; Aurora refuses them always. */
static bool refuse_slots(struct arena *a, const struct upgrade *u, struct err *e)
{
    DIR *d CLEANUP(dir_cleanup) = opendir(arena_printf(a, "%s/pg_replslot", u->old_data));
    if (!d)
        return err_errno(e, errno, "read %s/pg_replslot", u->old_data);
    for (struct dirent *x; (x = readdir(d));)
        if (x->d_name[0] != '.' && strncmp(x->d_name, "rds_", 4) != 0) {
            (void)err_set(e, ERR_CONFLICT, "there are logical replication slots");
            return err_said(e,
                            "The instance could not be upgraded because one or more databases have logical "
                            "replication slots. Please drop all logical replication slots and try again.");
        }
    return true;
}

static bool old_has_checksums(struct engine *g, struct arena *a, const struct upgrade *u, bool *ret,
                              struct err *e)
{
    const char *argv[] = {arena_printf(a, "%s/pg_controldata", u->from->bin), "-D", u->old_data, NULL};
    struct child_spec s = {.argv = argv, .cwd = "/", .account = &g->account, .death_signal = SIGKILL};
    struct str text;
    if (!child_run(&s, a, &text, e))
        return false;
    const char *at = strstr(text.p, "Data page checksum version:");
    *ret =
        at &&
        at[strlen("Data page checksum version:") + strspn(at + strlen("Data page checksum version:"), " ")] !=
            '0';
    return true;
}

/* ---- pg_upgrade ---- */

static bool make_new(struct engine *g, struct arena *a, const struct upgrade *u, struct err *e)
{
    bool checksums;
    struct server_spec old = {.v = u->v, .data = u->old_data, .major = u->from, .ignore_writes = true};
    struct server_spec new = {.v = u->v,
                              .data = u->new_data,
                              .major = u->to,
                              .ignore_writes = true,
                              .params = u->params,
                              .param_count = u->param_count};
    return tree_remove(u->new_data, e) && tree_remove(u->work, e) &&
           tree_make_private(u->work, &g->account, e) && old_has_checksums(g, a, u, &checksums, e) &&
           data_init(g, u->to, u->new_data, checksums, e) && (u->live || server_configure(g, &old, e)) &&
           server_configure(g, &new, e);
}

static bool run_pg_upgrade(struct engine *g, struct arena *a, const struct upgrade *u, struct err *e)
{
    const char *port = arena_printf(a, "%d", atomic_load(&u->v->port));
    /* A live check compares the ports of two running servers. */
    const char *new_port = u->live ? arena_printf(a, "%d", atomic_load(&u->v->port) + 10000) : port;
    const char *argv[32] = {arena_printf(a, "%s/pg_upgrade", u->to->bin),
                            "-b",
                            u->from->bin,
                            "-B",
                            u->to->bin,
                            "-d",
                            u->old_data,
                            "-D",
                            u->new_data,
                            "-U",
                            "rdsadmin",
                            "-j",
                            "2",
                            "-p",
                            port,
                            "-P",
                            new_port,
                            "-s",
                            g->socket_dir};
    size_t n = 19;
    if (u->to->number >= 15) {
        argv[n++] = "--retain";
        argv[n++] = "--no-sync";
    }
    if (u->check_only)
        argv[n++] = "--check";
    struct child_spec s = {
        .argv = argv, .cwd = u->work, .output = u->report, .account = &g->account, .death_signal = SIGKILL};
    int status;
    if (!child_run_logged(&s, &status, e))
        return false;
    if (status == 0)
        return true;
    return err_set(e, ERR_REMOTE, "pg_upgrade from %d to %d failed (status %d)", u->from->number,
                   u->to->number, WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status));
}

/* ---- its files ---- */

static bool wanted_file(const char *name)
{
    const char *dot = strrchr(name, '.');
    return dot && (strcmp(dot, ".txt") == 0 || strcmp(dot, ".log") == 0);
}

/* All lists and logs below `from`, flat, under their own names. */
static bool collect(const char *from, const char *to, int depth, struct err *e)
{
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    DIR *d CLEANUP(dir_cleanup) = opendir(from);
    if (!d)
        return errno == ENOENT || err_errno(e, errno, "read folder %s", from);
    for (struct dirent *x; (x = readdir(d));) {
        const char *path = arena_printf(a, "%s/%s", from, x->d_name);
        const char *copy = arena_printf(a, "%s/%s", to, x->d_name);
        struct account ours = {.change = false};
        struct stat st;
        if (x->d_name[0] == '.' || lstat(path, &st) != 0)
            continue;
        if (S_ISDIR(st.st_mode) && depth < DEPTH_MAX && !collect(path, to, depth + 1, e))
            return false;
        if (S_ISREG(st.st_mode) && wanted_file(x->d_name) &&
            (!tree_remove(copy, e) || !tree_copy_file(path, copy, &ours, false, e)))
            return false;
    }
    return true;
}

static bool collect_all(struct arena *a, const struct upgrade *u, struct err *e)
{
    return !u->log_dir || (tree_make(u->log_dir, 0755, e) && collect(u->work, u->log_dir, 0, e) &&
                           collect(arena_printf(a, "%s/pg_upgrade_output.d", u->new_data), u->log_dir, 0, e));
}

/* The lines of a file that tell a failure, or its end. */
static void quote(struct arena *a, const char *path, const char *const *words, struct buf *out)
{
    struct str text;
    if (!file_read(a, path, REPORT_MAX, &text, NULL))
        return;
    char *rest = arena_memdup(a, text.p, text.n);
    for (char *line; (line = strsep(&rest, "\n"));)
        for (size_t i = 0; words[i]; i++)
            if (strstr(line, words[i])) {
                (void)buf_printf(out, "%s\n", line);
                break;
            }
}

/* What pg_upgrade says lies in its report; what the new server said, in one log per database. */
static void quote_failure(const struct upgrade *u, struct err *e)
{
    static const char *const in_report[] = {
        "fatal",   "Failure",  "failure", "Your installation", "The source cluster", "could not",
        "must be", "does not", NULL};
    static const char *const in_dump[] = {"ERROR:", "error:", "Command was:", NULL};
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    struct buf out = BUF_INIT(1500);
    quote(a, u->report, in_report, &out);
    DIR *d CLEANUP(dir_cleanup) = u->log_dir ? opendir(u->log_dir) : NULL;
    for (struct dirent *x; d && (x = readdir(d));)
        if (strncmp(x->d_name, "pg_upgrade_dump_", 16) == 0)
            quote(a, arena_printf(a, "%s/%s", u->log_dir, x->d_name), in_dump, &out);
    (void)err_said(e, "%s", buf_text(&out));
    buf_done(&out);
}

/* ---- the whole ---- */

/* The new server must start and take its bootstrap before the old one is given up. */
static bool try_new(struct engine *g, struct arena *a, const struct upgrade *u, struct err *e)
{
    struct server_spec s = {.v = u->v,
                            .data = u->new_data,
                            .log = arena_printf(a, "%s/log", u->folder),
                            .major = u->to,
                            .ignore_writes = true,
                            .params = u->params,
                            .param_count = u->param_count};
    if (!server_launch(g, &s, e))
        return false;
    bool ok = volume_bootstrap(g, u->v, e);
    struct err stop = ERR_INIT;
    if (!server_halt(g, u->v, HALT_PATIENCE_MS, &stop) && ok)
        return err_set(e, stop.code, "%s", stop.text);
    return ok;
}

static bool swap(struct engine *g, struct arena *a, const struct upgrade *u, struct err *e)
{
    const char *aside = arena_printf(a, "%s/data.old", u->folder);
    if (!tree_remove(aside, e) || !tree_rename(u->old_data, aside, e))
        return false;
    if (!tree_rename(u->new_data, u->old_data, e)) {
        best_effort(tree_rename(aside, u->old_data, NULL));
        return false;
    }
    atomic_store(&u->v->major, u->to->number);
    volume_keep(u->v, NULL, u->params, u->param_count);
    return volume_save(g, u->v, u->folder, e) && tree_remove(aside, e);
}

static bool upgrade_steps(struct engine *g, struct arena *a, const struct upgrade *u, struct err *e)
{
    struct err ignored = ERR_INIT;
    if (!refuse_slots(a, u, e) || !make_new(g, a, u, e))
        return false;
    bool ok = run_pg_upgrade(g, a, u, e);
    best_effort(server_stop_leftover(u->new_data, NULL));
    if (!u->live)
        best_effort(server_stop_leftover(u->old_data, NULL));
    if (!collect_all(a, u, ok ? e : &ignored))
        ok = false;
    if (!ok)
        quote_failure(u, e);
    return ok && (u->check_only || (try_new(g, a, u, e) && swap(g, a, u, e)));
}

bool volume_upgrade(struct engine *g, const char *id, int new_major, const struct engine_param *p, size_t n,
                    bool check_only, const char *log_dir, struct err *e)
{
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    struct volume *v CLEANUP(volume_leave_cleanup) = NULL;
    static const struct engine_param none[1];
    struct upgrade u = {
        .params = p ? p : none, .param_count = n, .check_only = check_only, .log_dir = log_dir};
    if (!volume_enter(g, id, &v, e) || !majors_find(g->majors, atomic_load(&v->major), &u.from, e) ||
        !majors_find(g->majors, new_major, &u.to, e) || !config_check(u.to, p, n, e))
        return err_wrap(e, "upgrade volume %s", id);
    if (new_major <= u.from->number)
        return err_set(e, ERR_INVALID, "volume %s has PostgreSQL %d already", id, u.from->number);
    u.v = v;
    u.folder = volume_path(g, a, v, "");
    u.old_data = volume_path(g, a, v, "data");
    u.new_data = volume_path(g, a, v, "data.new");
    u.work = volume_path(g, a, v, "upgrade");
    u.report = volume_path(g, a, v, "upgrade/pg_upgrade_output.log");
    u.live = check_only && server_alive(v);
    bool ok = (u.live || server_halt(g, v, HALT_PATIENCE_MS, e)) && upgrade_steps(g, a, &u, e);
    best_effort(tree_remove(u.new_data, NULL));
    best_effort(tree_remove(u.work, NULL));
    return ok || err_wrap(e, "upgrade volume %s", id);
}
