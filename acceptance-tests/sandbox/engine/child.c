#include "acceptance-tests/sandbox/engine/child.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define OUTPUT_MAX (256 * 1024)

/* LOCALE and time zone are fixed: messages are compared, and dates must not depend on the machine. */
static const char *const environment[] = {"PATH=/usr/bin:/bin", "LC_ALL=C", "TZ=UTC", "HOME=/", NULL};

static void close_fd(int *fd)
{
    if (*fd >= 0)
        (void)close(*fd);
}

/* What went wrong between fork and exec, sent to the parent as it is. */
struct failure {
    int errnum;
    int at; /* index into step_names */
};

static const char *const step_names[] = {"become the server user", "enter its folder", "set up signals",
                                         "run"};

static _Noreturn void give_up(int pipe_fd, int at)
{
    struct failure f = {errno, at};
    ssize_t put = write(pipe_fd, &f, sizeof f);
    _exit(put == sizeof f ? 126 : 127);
}

static bool become(const struct account *u)
{
    if (!u->change)
        return true;
    return setgroups(0, NULL) == 0 && setresgid(u->gid, u->gid, u->gid) == 0 &&
           setresuid(u->uid, u->uid, u->uid) == 0;
}

/* Runs in the child of a process with threads: async-signal-safe calls only. */
static _Noreturn void child_main(const struct child_spec *s, int out, int fail, pid_t parent)
{
    sigset_t none;
    (void)sigemptyset(&none);
    for (int sig = 1; sig < 32; sig++)
        (void)signal(sig, SIG_DFL);
    int null = open("/dev/null", O_RDONLY);
    if (setsid() < 0 || null < 0 || dup2(null, 0) < 0 || dup2(out, 1) < 0 || dup2(out, 2) < 0)
        give_up(fail, 2);
    if (fail != 3 && dup3(fail, 3, O_CLOEXEC) < 0)
        give_up(fail, 2);
    (void)syscall(SYS_close_range, 4U, UINT_MAX, 0U);
    if (!become(s->account))
        give_up(3, 0);
    if (chdir(s->cwd) != 0)
        give_up(3, 1);
    if (prctl(PR_SET_PDEATHSIG, s->death_signal) != 0 || getppid() != parent ||
        sigprocmask(SIG_SETMASK, &none, NULL) != 0)
        give_up(3, 2);
    execve(s->argv[0], (char *const *)(uintptr_t)s->argv, (char *const *)(uintptr_t)environment);
    give_up(3, 3);
}

static bool started(const struct child_spec *s, int fail_read, pid_t pid, struct err *e)
{
    struct failure f;
    ssize_t got;
    do
        got = read(fail_read, &f, sizeof f);
    while (got < 0 && errno == EINTR);
    if (got == 0)
        return true;
    (void)waitpid(pid, NULL, 0);
    if (got != sizeof f || f.at < 0 || (size_t)f.at >= ARRAY_LEN(step_names))
        return err_set(e, ERR_BUG, "start %s: no word from the child", s->argv[0]);
    if (f.at == 1)
        return err_errno(e, f.errnum, "start %s: enter %s as user %s", s->argv[0], s->cwd, s->account->name);
    return err_errno(e, f.errnum, "start %s: %s", s->argv[0], step_names[f.at]);
}

static bool launch(const struct child_spec *s, int out, pid_t *ret_pid, struct err *e)
{
    int fail[2];
    if (pipe2(fail, O_CLOEXEC) != 0)
        return err_errno(e, errno, "start %s", s->argv[0]);
    int fail_read CLEANUP(close_fd) = fail[0];
    sigset_t all, before;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before); /* no handler of ours may run in the child */
    pid_t parent = getpid(), pid = fork();
    if (pid == 0)
        child_main(s, out, fail[1], parent);
    int reason = errno;
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    (void)close(fail[1]);
    if (pid < 0)
        return err_errno(e, reason, "start %s", s->argv[0]);
    if (!started(s, fail_read, pid, e))
        return false;
    *ret_pid = pid;
    return true;
}

bool child_start(const struct child_spec *s, pid_t *ret_pid, struct err *e)
{
    const char *path = s->output ? s->output : "/dev/null";
    int out CLEANUP(close_fd) = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0644);
    if (out < 0)
        return err_errno(e, errno, "open %s", path);
    return launch(s, out, ret_pid, e);
}

bool child_ended(pid_t pid, int64_t ms)
{
    int fd CLEANUP(close_fd) = (int)syscall(SYS_pidfd_open, pid, 0);
    if (fd < 0)
        return errno == ESRCH || errno == EINVAL;
    struct pollfd p = {.fd = fd, .events = POLLIN};
    return poll(&p, 1, (int)(ms > INT_MAX ? INT_MAX : ms)) == 1;
}

static int reap(pid_t pid)
{
    int status = -1;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    return status;
}

static void drain(int fd, struct buf *out)
{
    char piece[4096];
    for (;;) {
        ssize_t got = read(fd, piece, sizeof piece);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return;
        (void)buf_add(out, piece, (size_t)got);
    }
}

bool child_run(const struct child_spec *s, struct arena *a, struct str *ret_output, struct err *e)
{
    int out[2];
    pid_t pid;
    if (pipe2(out, O_CLOEXEC) != 0)
        return err_errno(e, errno, "start %s", s->argv[0]);
    int out_read CLEANUP(close_fd) = out[0];
    bool ok = launch(s, out[1], &pid, e);
    (void)close(out[1]);
    if (!ok)
        return false;
    struct buf said = BUF_INIT(OUTPUT_MAX);
    drain(out_read, &said);
    int status = reap(pid);
    struct str text = {arena_memdup(a, buf_text(&said), said.n), said.n};
    buf_done(&said);
    if (status != 0) {
        (void)err_set(e, ERR_REMOTE, "%s failed (status %d)", s->argv[0],
                      WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status));
        return err_said(e, "%s", text.p);
    }
    if (ret_output)
        *ret_output = text;
    return true;
}

bool child_run_logged(const struct child_spec *s, int *ret_status, struct err *e)
{
    pid_t pid;
    if (!child_start(s, &pid, e))
        return false;
    *ret_status = reap(pid);
    return true;
}
