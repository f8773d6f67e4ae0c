#include "internal/rpc/watch.h"
#include "internal/base/log.h"
#include "internal/rpc/crash.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

enum {
    LINGER_MS = 150,     /* for the client to agree to the end of its connection */
    LAST_WORDS_MS = 200, /* for calls to end once they were cancelled */
};
_Static_assert(RPC_GRACE_SHUTDOWN_MS + LINGER_MS + LAST_WORDS_MS < 2000, "the host kills after 2 s");

enum { ON_QUIT, ON_ENDING, ON_SIGNAL, ON_PARENT, SOURCES };

struct watch {
    struct watch_options o;
    struct stop *quit;
    int signals, parent; /* descriptors; parent is -1 where the kernel has none to give */
    pthread_t thread;
};

void watch_signals(bool is_reattach, sigset_t *ret_waited)
{
    const struct sigaction ignore = {.sa_handler = SIG_IGN};
    (void)sigaction(SIGPIPE, &ignore, NULL);
    (void)sigaction(SIGXFSZ, &ignore, NULL); /* a file that may not grow is an error of write(), too */
    (void)sigemptyset(ret_waited);
    (void)sigaddset(ret_waited, SIGTERM);
    if (is_reattach)
        (void)sigaddset(ret_waited, SIGINT);
    else
        (void)sigaction(SIGINT, &ignore, NULL);
    struct sigaction hangup;
    if (sigaction(SIGHUP, NULL, &hangup) == 0 && hangup.sa_handler != SIG_IGN) /* else nohup asked for it */
        (void)sigaddset(ret_waited, SIGHUP);
    (void)pthread_sigmask(SIG_BLOCK, ret_waited, NULL);
}

/* Returns when the end began (true) or the watch is to leave (false). */
static bool wait_for_end(struct watch *w)
{
    struct pollfd sources[SOURCES] = {
        [ON_QUIT] = {.fd = stop_fd(w->quit), .events = POLLIN},
        [ON_ENDING] = {.fd = stop_fd(server_ending(w->o.server)), .events = POLLIN},
        [ON_SIGNAL] = {.fd = w->signals, .events = POLLIN},
        [ON_PARENT] = {.fd = w->parent, .events = POLLIN},
    };
    while (poll(sources, SOURCES, -1) < 0)
        if (errno != EINTR)
            crash_die("cannot wait for signals");
    if (sources[ON_QUIT].revents)
        return false;
    if (sources[ON_SIGNAL].revents)
        server_end(w->o.server, SERVER_SIGNAL);
    else if (sources[ON_PARENT].revents)
        server_end(w->o.server, SERVER_CLIENT_LOST);
    return true;
}

/* True: the server came to its end in order. */
static bool wait_for_answers(struct watch *w)
{
    struct pollfd sources[] = {
        {.fd = stop_fd(w->quit), .events = POLLIN},
        {.fd = stop_fd(server_answered(w->o.server)), .events = POLLIN},
    };
    bool is_shutdown = server_cause(w->o.server) == SERVER_SHUTDOWN;
    while (poll(sources, ARRAY_LEN(sources), is_shutdown ? RPC_GRACE_SHUTDOWN_MS : RPC_GRACE_ALONE_MS) < 0)
        if (errno != EINTR)
            crash_die("cannot wait for the end of calls");
    if (!sources[1].revents)
        log_line(LOG_WARN, "rpc", "calls are still running; their answers are dropped");
    return stop_wait(w->quit, sources[1].revents ? LINGER_MS : 0);
}

static void *watch(void *of)
{
    struct watch *w = of;
    char last_words[CRASH_STACK_BYTES];
    crash_thread(last_words);
    if (!wait_for_end(w) || wait_for_answers(w))
        return NULL;
    server_cancel(w->o.server);
    if (stop_wait(w->quit, LAST_WORDS_MS))
        return NULL;
    socket_path_remove(w->o.socket);
    _exit(1);
}

/* -1: no such kernel interface, or the parent is gone and another process has taken its place. */
static int open_parent(void)
{
    pid_t parent = getppid();
    int fd = pidfd_open(parent, 0); /* close-on-exec by nature */
    if (fd >= 0 && getppid() != parent) {
        (void)close(fd);
        fd = -1;
    }
    return fd;
}

static void free_watch(struct watch *w)
{
    if (w->signals >= 0)
        (void)close(w->signals);
    if (w->parent >= 0)
        (void)close(w->parent);
    stop_free(w->quit);
    free(w);
}

bool watch_start(const struct watch_options *o, struct watch **ret, struct err *e)
{
    struct watch *w = calloc(1, sizeof *w);
    if (!w)
        crash_die("out of memory");
    w->o = *o;
    w->quit = stop_new();
    w->signals = signalfd(-1, &o->signals, SFD_CLOEXEC);
    w->parent = o->follows_parent ? open_parent() : -1;
    int failed = w->signals < 0 ? errno : pthread_create(&w->thread, NULL, watch, w);
    if (failed) {
        free_watch(w);
        return err_errno(e, failed, "start the thread that watches for signals");
    }
    *ret = w;
    return true;
}

void watch_end(struct watch *w)
{
    if (!w)
        return;
    stop_request(w->quit);
    (void)pthread_join(w->thread, NULL);
    free_watch(w);
}
