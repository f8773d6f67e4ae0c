#include "internal/aws/process.h"
#include "internal/base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

enum { CHUNK = 4096, EXIT_LOOK_MS = 20 };

/* ---- words ---- */

struct splitter {
    const char *p;
    struct buf word;
    bool in_word, needs_shell, open_quote;
};

static void put(struct splitter *s, char c)
{
    s->in_word = true;
    (void)buf_add(&s->word, &c, 1);
}

static void double_quoted(struct splitter *s)
{
    for (s->p++; *s->p && *s->p != '"'; s->p++) {
        if (*s->p == '$' || *s->p == '`')
            s->needs_shell = true;
        if (*s->p == '\\' && s->p[1] && strchr("\\\"$`\n", s->p[1]))
            s->p++;
        put(s, *s->p);
    }
    s->open_quote = !*s->p;
}

static void single_quoted(struct splitter *s)
{
    for (s->p++; *s->p && *s->p != '\''; s->p++)
        put(s, *s->p);
    s->open_quote = !*s->p;
}

/* One character outside quotes, at least. Leaves `p` on the last one used. */
static void plain(struct splitter *s)
{
    if (*s->p == '"' || *s->p == '\'') {
        s->in_word = true; /* "" is a word, too */
        if (*s->p == '"')
            double_quoted(s);
        else
            single_quoted(s);
        return;
    }
    bool first = !s->in_word;
    if (strchr("|&;<>()$`*?[{}!\n", *s->p) || (first && (*s->p == '~' || *s->p == '#')))
        s->needs_shell = true;
    if (*s->p == '\\' && s->p[1])
        s->p++;
    put(s, *s->p);
}

static void skip_blanks(struct splitter *s)
{
    while (*s->p == ' ' || *s->p == '\t')
        s->p++;
}

/* A leading NAME=value is the shell's, too. */
static bool is_assignment(const char *word)
{
    const char *equals = strchr(word, '=');
    return equals && equals > word && !memchr(word, '/', (size_t)(equals - word));
}

bool process_words(struct arena *a, const char *command, char *const **ret, struct err *e)
{
    struct splitter s = {.p = command, .word = BUF_INIT(PROCESS_COMMAND_MAX)};
    char **words = ARENA_ARRAY(a, char *, PROCESS_WORDS_MAX + 1);
    size_t n = 0;
    if (strlen(command) > PROCESS_COMMAND_MAX)
        return err_set(e, ERR_INVALID, "the command is longer than %d bytes", PROCESS_COMMAND_MAX);
    skip_blanks(&s);
    while (*s.p && n < PROCESS_WORDS_MAX && !s.open_quote) {
        for (s.in_word = false; *s.p && *s.p != ' ' && *s.p != '\t' && !s.open_quote;) {
            plain(&s);
            if (*s.p)
                s.p++;
        }
        if (s.in_word)
            words[n++] = arena_strdup(a, buf_text(&s.word));
        buf_clear(&s.word);
        skip_blanks(&s);
    }
    buf_done(&s.word);
    if (s.open_quote)
        return err_set(e, ERR_INVALID, "the command has a quote that is not closed");
    if (n == 0 || (*s.p && n == PROCESS_WORDS_MAX))
        return err_set(e, ERR_INVALID, n ? "the command has more than %d words" : "the command is empty",
                       PROCESS_WORDS_MAX);
    if (s.needs_shell || is_assignment(words[0])) {
        words[0] = arena_strdup(a, "/bin/sh");
        words[1] = arena_strdup(a, "-c");
        words[2] = arena_strdup(a, command);
        words[3] = NULL;
    }
    *ret = words;
    return true;
}

/* ---- starting ----
 *
 * The kernel tells one process of its parent's death, and forgets that wish in the processes this one starts:
 * a shell would be ended and its commands not. So a fork of ours stands in between, leads the group and ends
 * all of it; it lives as long as the program does. The wish is bound to the thread that forked, which is the
 * one that waits for the program. */

struct spawn {
    char *const *words, *const *environment;
    posix_spawn_file_actions_t files;
    posix_spawnattr_t how;
};

static void spawn_init(struct spawn *s, char *const *words, const struct process_limits *limits, int output)
{
    sigset_t none, all;
    (void)sigemptyset(&none);
    (void)sigfillset(&all);
    s->words = words;
    s->environment = limits->environment ? limits->environment : environ;
    (void)posix_spawn_file_actions_init(&s->files);
    (void)posix_spawn_file_actions_addopen(&s->files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    (void)posix_spawn_file_actions_adddup2(&s->files, output, STDOUT_FILENO);
    if (limits->joins_errors)
        (void)posix_spawn_file_actions_adddup2(&s->files, output, STDERR_FILENO);
    else
        (void)posix_spawn_file_actions_addopen(&s->files, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    (void)posix_spawn_file_actions_addclosefrom_np(&s->files, STDERR_FILENO + 1);
    (void)posix_spawnattr_init(&s->how);
    (void)posix_spawnattr_setsigmask(&s->how, &none);
    (void)posix_spawnattr_setsigdefault(&s->how, &all);
    (void)posix_spawnattr_setflags(&s->how, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
}

static void spawn_done(struct spawn *s)
{
    (void)posix_spawn_file_actions_destroy(&s->files);
    (void)posix_spawnattr_destroy(&s->how);
}

static void kill_all(pid_t pid)
{
    (void)kill(-pid, SIGKILL);
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        ;
}

static void end_group(int number)
{
    (void)number;
    (void)kill(0, SIGKILL);
}

/* Other threads' locks may be held for ever here: nothing may allocate. Ends as the program does; `told` gets
 * the reason if that cannot be started, and is closed in any case. */
static _Noreturn void guard(const struct spawn *s, pid_t parent, int told)
{
    const struct sigaction parent_died = {.sa_handler = end_group};
    sigset_t others;
    int status = 0;
    pid_t pid = 0;
    (void)setpgid(0, 0);
    (void)sigaction(SIGHUP, &parent_died, NULL);
    (void)prctl(PR_SET_PDEATHSIG, SIGHUP);
    (void)sigfillset(&others);
    (void)sigdelset(&others, SIGHUP);
    (void)pthread_sigmask(SIG_SETMASK, &others, NULL);
    if (getppid() != parent) /* it died before it could be noticed */
        end_group(0);
    int failed = posix_spawnp(&pid, s->words[0], &s->files, &s->how, s->words, s->environment);
    if (failed && write(told, &failed, sizeof failed) > 0)
        _exit(127);
    (void)close_range(0, ~0U, 0);
    while (!failed && waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    _exit(WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status));
}

/* With all signals blocked, so that no handler of ours runs in the fork. */
static pid_t fork_guard(const struct spawn *s, int told)
{
    sigset_t all, before;
    pid_t self = getpid();
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    pid_t pid = _Fork();
    if (pid == 0)
        guard(s, self, told);
    int reason = errno;
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    errno = reason;
    return pid;
}

static bool start(char *const *words, const struct process_limits *limits, int output, pid_t *ret,
                  struct err *e)
{
    struct spawn s;
    int ends[2], failed = 0;
    if (pipe2(ends, O_CLOEXEC) != 0)
        return err_errno(e, errno, "make a pipe");
    spawn_init(&s, words, limits, output);
    pid_t pid = fork_guard(&s, ends[1]);
    if (pid < 0)
        failed = errno;
    (void)close(ends[1]);
    while (pid > 0 && read(ends[0], &failed, sizeof failed) < 0 && errno == EINTR)
        ;
    (void)close(ends[0]);
    spawn_done(&s);
    if (failed && pid > 0)
        kill_all(pid);
    if (failed)
        return err_errno(e, failed, "start %s", words[0]);
    *ret = pid;
    return true;
}

/* ---- running ---- */

struct run {
    pid_t pid;
    int fd;
    int64_t until_ms; /* monotonic */
    const struct process_limits *limits;
    struct stop *stop;
    struct buf output;
};

static int left_ms(const struct run *r)
{
    int64_t left = r->until_ms - clock_real()->mono_ms(clock_real());
    return left < 0 ? 0 : left > INT32_MAX ? INT32_MAX : (int)left;
}

static bool give_up(const struct run *r, struct err *e)
{
    if (stop_requested(r->stop))
        return err_set(e, ERR_CANCELLED, "stopped while waiting for a program");
    return err_set(e, ERR_TIMEOUT, "the program did not end within %lld s",
                   (long long)(r->limits->time_ms / 1000));
}

static bool keep(struct run *r, const char *chunk, size_t n)
{
    size_t room = r->limits->output_bytes - r->output.n;
    if (r->limits->cuts_output && n > room)
        n = room;
    return n == 0 || buf_add(&r->output, chunk, n);
}

/* Until the program closes its output. */
static bool collect(struct run *r, struct err *e)
{
    struct pollfd wait[] = {{.fd = r->fd, .events = POLLIN}, {.fd = stop_fd(r->stop), .events = POLLIN}};
    char chunk[CHUNK];
    for (;;) {
        if (stop_requested(r->stop) || left_ms(r) == 0)
            return give_up(r, e);
        if (poll(wait, ARRAY_LEN(wait), left_ms(r)) <= 0 || !wait[0].revents)
            continue;
        ssize_t n = read(r->fd, chunk, sizeof chunk);
        if (n == 0)
            return true;
        if (n < 0 && errno != EINTR && errno != EAGAIN)
            return err_errno(e, errno, "read what the program prints");
        if (n > 0 && !keep(r, chunk, (size_t)n))
            return err_set(e, ERR_INVALID, "the program prints more than %zu bytes", r->limits->output_bytes);
    }
}

/* Until it has ended: a program may close its output and live on. */
static bool reap(struct run *r, int *ret_status, struct err *e)
{
    struct pollfd wait = {.fd = stop_fd(r->stop), .events = POLLIN};
    int status = 0;
    for (;;) {
        pid_t pid = waitpid(r->pid, &status, WNOHANG);
        if (pid == r->pid)
            *ret_status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
        if (pid == r->pid)
            return true;
        if (pid < 0 && errno != EINTR)
            return err_errno(e, errno, "wait for the program");
        if (stop_requested(r->stop) || left_ms(r) == 0)
            return give_up(r, e);
        (void)poll(&wait, 1, EXIT_LOOK_MS);
    }
}

bool process_run(struct arena *a, char *const *words, const struct process_limits *limits, struct stop *stop,
                 struct str *ret_output, int *ret_status, struct err *e)
{
    int ends[2];
    struct run r = {.limits = limits,
                    .stop = stop,
                    .until_ms = clock_real()->mono_ms(clock_real()) + limits->time_ms,
                    .output = BUF_INIT(limits->output_bytes)};
    if (pipe2(ends, O_CLOEXEC) != 0)
        return err_errno(e, errno, "make a pipe");
    bool ok = start(words, limits, ends[1], &r.pid, e);
    (void)close(ends[1]);
    r.fd = ends[0];
    if (ok && !(collect(&r, e) && reap(&r, ret_status, e))) {
        kill_all(r.pid);
        ok = false;
    }
    (void)close(r.fd);
    if (ok)
        *ret_output = (struct str){arena_memdup(a, r.output.p ? r.output.p : "", r.output.n), r.output.n};
    if (r.output.p)
        explicit_bzero(r.output.p, r.output.n);
    buf_done(&r.output);
    return ok;
}
