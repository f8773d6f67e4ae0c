#include "acceptance-tests/sandbox/engine/server.h"

#include "acceptance-tests/sandbox/engine/number.h"
#include "acceptance-tests/sandbox/engine/sql.h"
#include "acceptance-tests/sandbox/engine/tree.h"
#include "internal/base/clock.h"
#include "internal/base/file.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define CONFIG_MAX (1024 * 1024)
#define START_MS   300000 /* crash recovery of a large volume */
#define HALT_MS    60000
#define HARD_MS    10000
#define RELOAD_MS  20000
#define LOG_TAIL   8192

static int64_t now_ms(void)
{
    return clock_real()->mono_ms(clock_real());
}

static void close_fd(int *fd)
{
    if (*fd >= 0)
        (void)close(*fd);
}

/* ---- files ---- */

/* Beside the target and renamed, so that a server never reads half; without fsync, which can take long on a
 * busy disk and would lengthen a switchover. The files are written anew at every start anyway. */
static bool put_file(struct engine *g, const char *dir, const char *name, const struct buf *content,
                     struct err *e)
{
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    const char *path = arena_printf(a, "%s/%s", dir, name), *beside = arena_printf(a, "%s.new", path);
    (void)unlink(beside);
    int fd CLEANUP(close_fd) = open(beside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return err_errno(e, errno, "write %s", path);
    for (size_t done = 0; done < content->n;) {
        ssize_t put = write(fd, content->p + done, content->n - done);
        if (put < 0 && errno != EINTR)
            return err_errno(e, errno, "write %s", path);
        done += put > 0 ? (size_t)put : 0;
    }
    if (g->account.change && fchown(fd, g->account.uid, g->account.gid) != 0)
        return err_errno(e, errno, "give %s to user %s", path, g->account.name);
    return tree_rename(beside, path, e);
}

/* No line for physical replication: nobody but the sandbox copies volumes. */
static void render_hba(const struct server_spec *s, struct buf *out)
{
    (void)buf_printf(out,
                     "local all rdsadmin peer map=sandbox\n"
                     "host all rdsadmin all reject\n"
                     "host rdsadmin all all reject\n"
                     "%s all all all scram-sha-256\n",
                     config_on(s, "rds.force_ssl") ? "hostssl" : "host");
}

bool server_configure(struct engine *g, const struct server_spec *given, struct err *e)
{
    struct buf conf = BUF_INIT(CONFIG_MAX), hba = BUF_INIT(CONFIG_MAX), ident = BUF_INIT(CONFIG_MAX);
    struct server_spec s = *given;
    if (!s.params) {
        s.params = s.v->params;
        s.param_count = s.v->param_count;
    }
    s.v->generation++;
    render_hba(&s, &hba);
    (void)buf_printf(&ident, "sandbox \"%s\" rdsadmin\n", g->account.name);
    if (strcmp(g->account.name, g->own_name) != 0)
        (void)buf_printf(&ident, "sandbox \"%s\" rdsadmin\n", g->own_name);
    bool ok = config_render(g, &s, &conf, e) && put_file(g, s.data, "postgresql.conf", &conf, e) &&
              put_file(g, s.data, "pg_hba.conf", &hba, e) && put_file(g, s.data, "pg_ident.conf", &ident, e);
    buf_done(&conf);
    buf_done(&hba);
    buf_done(&ident);
    return ok || err_wrap(e, "configure the server of %s", s.v->id);
}

/* ---- alive or not ---- */

bool server_alive(struct volume *v)
{
    pid_t pid = atomic_load(&v->pid);
    siginfo_t info = {0};
    if (pid == 0)
        return false;
    /* Looks without reaping, so that whoever holds `op` can do that and nobody signals a reused pid. */
    return waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == 0;
}

static void forget(struct volume *v)
{
    pid_t pid = atomic_exchange(&v->pid, 0);
    if (pid > 0)
        (void)waitpid(pid, NULL, 0);
}

/* ---- stop ---- */

/* Sessions and workers have process groups of their own, so each is dealt with by itself. */
static void for_children(pid_t pid, void (*deal)(pid_t child, int64_t arg), int64_t arg)
{
    char path[64];
    long child;
    (void)snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)pid, (int)pid);
    FILE *f = fopen(path, "re");
    while (f && fscanf(f, "%ld", &child) == 1)
        if (child > 1)
            deal((pid_t)child, arg);
    if (f)
        (void)fclose(f);
}

static void signal_child(pid_t child, int64_t signal)
{
    (void)kill(child, (int)signal);
}

static void await_child(pid_t child, int64_t ms)
{
    (void)child_ended(child, ms);
}

/* It may have been paused as a fault. */
static void wake(pid_t pid)
{
    for_children(pid, signal_child, SIGCONT);
    (void)kill(pid, SIGCONT);
}

void server_pause(struct volume *v, bool pause)
{
    pid_t pid = atomic_load(&v->pid);
    if (pid <= 0 || !server_alive(v))
        return;
    if (!pause) {
        wake(pid);
        return;
    }
    (void)kill(pid, SIGSTOP); /* the parent first: then it makes no more children */
    for_children(pid, signal_child, SIGSTOP);
}

/* The sessions first, while their parent is stopped: it makes no more of them and reaps none, so their
 * numbers stay their own. Killed before them, it would leave those behind that were paused, where nobody
 * finds them. */
bool server_kill(struct volume *v, int64_t patience_ms, struct err *e)
{
    pid_t pid = server_alive(v) ? atomic_load(&v->pid) : 0;
    if (pid <= 0)
        return err_set(e, ERR_CONFLICT, "the server of %s is not running", v->id);
    (void)kill(pid, SIGSTOP);
    for_children(pid, signal_child, SIGKILL);
    for_children(pid, await_child,
                 patience_ms);   /* none may hold the shared memory when it is started again */
    if (kill(pid, SIGKILL) != 0) /* not reaped before the next start, so the number is still its own */
        return err_errno(e, errno, "kill the server of %s", v->id);
    return child_ended(pid, patience_ms) || err_set(e, ERR_TIMEOUT, "the server of %s does not die", v->id);
}

void server_begin_halt(struct volume *v)
{
    pid_t pid = atomic_load(&v->pid);
    if (pid > 0 && server_alive(v)) {
        (void)kill(pid, SIGINT);
        wake(pid);
    }
}

static bool halt(pid_t pid, int64_t patience_ms)
{
    static const int signals[] = {SIGINT, SIGQUIT, SIGKILL};
    for (size_t i = 0; i < ARRAY_LEN(signals); i++) {
        if (kill(pid, signals[i]) != 0 && errno == ESRCH)
            return true;
        wake(pid);
        if (child_ended(pid, i == 0 ? patience_ms : HARD_MS))
            return true;
    }
    return false;
}

bool server_halt(struct engine *g, struct volume *v, int64_t patience_ms, struct err *e)
{
    (void)g;
    pid_t pid = atomic_load(&v->pid);
    if (server_alive(v) && !halt(pid, patience_ms))
        return err_set(e, ERR_TIMEOUT, "the server of %s (process %d) does not end", v->id, (int)pid);
    forget(v);
    return true;
}

/* The process named in postmaster.pid, if it really is a server working in that folder. */
static pid_t leftover(const char *data)
{
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    struct str text;
    char cwd[PATH_MAX], exe[PATH_MAX], real[PATH_MAX];
    if (!file_read(a, arena_printf(a, "%s/postmaster.pid", data), 4096, &text, NULL) || !realpath(data, real))
        return 0;
    int pid;
    if (!number_take(text.p, INT_MAX, &pid) || pid <= 1)
        return 0;
    ssize_t n = readlink(arena_printf(a, "/proc/%d/cwd", pid), cwd, sizeof cwd - 1);
    ssize_t m = readlink(arena_printf(a, "/proc/%d/exe", pid), exe, sizeof exe - 1);
    if (n <= 0 || m <= 0)
        return 0;
    cwd[n] = exe[m] = '\0';
    return strcmp(cwd, real) == 0 && strstr(exe, "/postgres") ? pid : 0;
}

DEFINE_CLEANUP(DIR, dir_cleanup, (void)closedir)

bool server_stop_leftover(const char *data, struct err *e)
{
    pid_t pid = leftover(data);
    return pid == 0 || halt(pid, HALT_MS) ||
           err_set(e, ERR_TIMEOUT, "the server in %s (process %d) does not end", data, (int)pid);
}

bool server_stop_leftovers(const char *folder, struct err *e)
{
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    DIR *d CLEANUP(dir_cleanup) = opendir(folder);
    if (!d)
        return errno == ENOENT || errno == ENOTDIR || err_errno(e, errno, "read folder %s", folder);
    for (struct dirent *x; (x = readdir(d));)
        if (x->d_name[0] != '.' && !server_stop_leftover(arena_printf(a, "%s/%s", folder, x->d_name), e))
            return false;
    return true;
}

/* ---- start ---- */

static bool can_bind(struct engine *g, int octet, int port)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    at.sin_addr.s_addr =
        htonl(127U << 24 | (unsigned)g->block_a << 16 | (unsigned)g->block_b << 8 | (unsigned)octet);
    int one = 1, fd CLEANUP(close_fd) = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    return fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) == 0 &&
           bind(fd, (struct sockaddr *)&at, sizeof at) == 0;
}

/* Somebody may listen on all addresses with our port; then the volume moves to another one. */
static bool settle_port(struct engine *g, struct volume *v, struct err *e)
{
    int port = atomic_load(&v->port);
    if (can_bind(g, WRITER_OCTET, port) && can_bind(g, READER_OCTET, port))
        return true;
    for (int i = 0; i < 2000; i++) {
        port = 22000 + (port + 1) % 8000;
        bool taken = false;
        (void)pthread_mutex_lock(&g->lock);
        for (struct volume *o = g->volumes; o; o = o->next)
            taken |= atomic_load(&o->port) == port;
        if (!taken)
            atomic_store(&v->port, port);
        (void)pthread_mutex_unlock(&g->lock);
        if (!taken && can_bind(g, WRITER_OCTET, port) && can_bind(g, READER_OCTET, port))
            return true;
    }
    return err_set(e, ERR_UNAVAILABLE, "no free port for the server of %s", v->id);
}

/* The last lines of the log from `from` on that say why a server did not start. */
static const char *reasons(struct arena *a, const char *log, off_t from)
{
    char tail[LOG_TAIL + 1];
    struct buf out = BUF_INIT(LOG_TAIL);
    int fd CLEANUP(close_fd) = open(log, O_RDONLY | O_CLOEXEC);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) != 0)
        return "";
    if (st.st_size - from > LOG_TAIL)
        from = st.st_size - LOG_TAIL;
    ssize_t n = pread(fd, tail, LOG_TAIL, from);
    tail[n > 0 ? n : 0] = '\0';
    char *rest = tail;
    for (char *line; (line = strsep(&rest, "\n"));)
        if (strstr(line, "FATAL:") || strstr(line, "ERROR:") || strstr(line, "DETAIL:") ||
            strstr(line, "PANIC:"))
            (void)buf_printf(&out, "%s%s", out.n ? "\n" : "", line);
    const char *text = arena_strdup(a, out.n ? buf_text(&out) : tail);
    buf_done(&out);
    return text;
}

static off_t log_size(const char *log)
{
    struct stat st;
    return stat(log, &st) == 0 ? st.st_size : 0;
}

static bool spawn(struct engine *g, const struct server_spec *s, struct err *e)
{
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    const char *argv[] = {arena_printf(a, "%s/postgres", s->major->bin), "-D", s->data, NULL};
    struct child_spec c = {
        .argv = argv, .cwd = s->data, .output = s->log, .account = &g->account, .death_signal = SIGINT};
    pid_t pid;
    if (!keeper_start(g->keeper, &c, &pid, e))
        return false;
    atomic_store(&s->v->pid, pid);
    return true;
}

/* Accepts sessions and is no longer recovering? A volume that was just made has no database of ours yet,
 * which only a server that accepts sessions can say. */
static bool ready(struct engine *g, struct volume *v)
{
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    PGconn *c CLEANUP(sql_close_cleanup) = NULL;
    const char *value;
    struct err e = ERR_INIT;
    if (!sql_open_volume(g, v, "rdsadmin", &c, &e))
        return strstr(e.said, "database \"rdsadmin\" does not exist") != NULL;
    return sql_value(c, a, "SELECT pg_is_in_recovery()", &value, NULL) && value && *value == 'f';
}

enum outcome { READY, DIED, LATE };

static enum outcome await(struct engine *g, const struct server_spec *s, int64_t deadline)
{
    pid_t pid = atomic_load(&s->v->pid);
    while (now_ms() < deadline) {
        if (ready(g, s->v))
            return READY;
        if (child_ended(pid, 5))
            return DIED;
    }
    return LATE;
}

/* Processes of a server that was killed hard still hold its memory for a moment. */
static bool worth_another_try(const char *why)
{
    return strstr(why, "is still in use") || strstr(why, "lock file \"postmaster.pid\" already exists");
}

bool server_launch(struct engine *g, const struct server_spec *s, struct err *e)
{
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    int64_t deadline = now_ms() + START_MS;
    for (;;) {
        off_t from = log_size(s->log);
        if (!settle_port(g, s->v, e) || !server_configure(g, s, e) || !spawn(g, s, e))
            return err_wrap(e, "start the server of %s", s->v->id);
        enum outcome o = await(g, s, deadline);
        if (o == READY)
            return true;
        best_effort(server_halt(g, s->v, 0, NULL));
        const char *why = reasons(a, s->log, from);
        if (o == LATE)
            return err_set(e, ERR_TIMEOUT, "the server of %s does not become ready", s->v->id);
        if (!worth_another_try(why) || now_ms() > deadline) {
            (void)err_set(e, ERR_REMOTE, "the server of %s does not start", s->v->id);
            return err_said(e, "%s", why);
        }
        (void)clock_real()->wait(clock_real(), NULL, 50);
    }
}

bool server_start(struct engine *g, struct volume *v, struct err *e)
{
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    struct server_spec s = {.v = v, .data = volume_path(g, a, v, "data"), .log = volume_path(g, a, v, "log")};
    int port = atomic_load(&v->port);
    if (server_alive(v))
        return true;
    forget(v);
    if (!majors_find(g->majors, atomic_load(&v->major), &s.major, e) || !server_launch(g, &s, e))
        return false;
    return port == atomic_load(&v->port) || volume_save(g, v, volume_path(g, a, v, ""), e);
}

/* ---- reload ---- */

static bool generation_seen(struct engine *g, struct volume *v)
{
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    PGconn *c CLEANUP(sql_close_cleanup) = NULL;
    const char *value;
    return sql_open_volume(g, v, "rdsadmin", &c, NULL) &&
           sql_value(c, a, "SELECT current_setting('aurora_sandbox.generation')", &value, NULL) && value &&
           strtoul(value, NULL, 10) == v->generation;
}

bool server_reload(struct engine *g, struct volume *v, struct err *e)
{
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    struct server_spec s = {.v = v, .data = volume_path(g, a, v, "data")};
    pid_t pid = atomic_load(&v->pid);
    if (!server_alive(v))
        return err_set(e, ERR_CONFLICT, "the server of %s is not running", v->id);
    if (!majors_find(g->majors, atomic_load(&v->major), &s.major, e) || !server_configure(g, &s, e))
        return false;
    if (kill(pid, SIGHUP) != 0)
        return err_errno(e, errno, "signal the server of %s", v->id);
    /* A session takes over what the postmaster has at its start, so a new one shows what all new ones get. */
    for (int64_t deadline = now_ms() + RELOAD_MS; now_ms() < deadline;) {
        if (generation_seen(g, v))
            return true;
        if (child_ended(pid, 1))
            return err_set(e, ERR_UNAVAILABLE, "the server of %s has died", v->id);
    }
    return err_set(e, ERR_TIMEOUT, "the server of %s does not take its new configuration", v->id);
}
