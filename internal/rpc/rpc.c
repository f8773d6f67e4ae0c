#include "internal/rpc/rpc.h"
#include "internal/base/log.h"
#include "internal/rpc/certificate.h"
#include "internal/rpc/crash.h"
#include "internal/rpc/handshake.h"
#include "internal/rpc/server.h"
#include "internal/rpc/socket.h"
#include "internal/rpc/watch.h"

#include <errno.h>
#include <fcntl.h>
#include <grpc/grpc.h>
#include <grpc/support/log.h>
#include <linux/close_range.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void log_of_grpc(gpr_log_func_args *args)
{
    static const enum log_level levels[] = {
        [GPR_LOG_SEVERITY_DEBUG] = LOG_TRACE,
        [GPR_LOG_SEVERITY_INFO] = LOG_DEBUG,
        [GPR_LOG_SEVERITY_ERROR] = LOG_WARN, /* a refused client, mostly */
    };
    log_line(levels[args->severity], "grpc", "%s", args->message);
}

/* gRPC writes to stderr by itself unless told otherwise, and a foreign line there can crash the host. Threads
 * of its own may end after main() does: OpenSSL's clean-up at exit would pull its state away from under them.
 */
static void start_grpc(void)
{
    (void)OPENSSL_init_crypto(OPENSSL_INIT_NO_ATEXIT, NULL);
    gpr_set_log_function(log_of_grpc);
    gpr_set_log_verbosity(log_enabled(LOG_TRACE)   ? GPR_LOG_SEVERITY_DEBUG
                          : log_enabled(LOG_DEBUG) ? GPR_LOG_SEVERITY_INFO
                                                   : GPR_LOG_SEVERITY_ERROR);
    grpc_init();
}

/* Stdin is the CLI's terminal: nobody here may read from it. Stdout and stderr are the CLI's pipes, and it
 * waits for their end: no child may hold them open, nor whatever else the CLI let us inherit. */
static void guard_descriptors(void)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null >= 0) {
        (void)dup2(null, STDIN_FILENO);
        if (null > STDERR_FILENO)
            (void)close(null);
    }
    if (close_range(STDIN_FILENO, ~0u, CLOSE_RANGE_CLOEXEC) == 0)
        return;
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) /* a kernel before 5.11 */
        (void)fcntl(fd, F_SETFD, FD_CLOEXEC);
}

static bool say(const char *line, struct err *e)
{
    for (size_t n = strlen(line); n > 0;) {
        ssize_t written = write(STDOUT_FILENO, line, n);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return err_errno(e, errno, "tell the CLI where the plugin listens");
        line += written;
        n -= (size_t)written;
    }
    return true;
}

static bool announce(const struct rpc_options *o, const struct handshake *h, const char *socket,
                     const struct certificate *c, struct err *e)
{
    CLEANUP(arena_cleanup) struct arena *a = arena_new();
    if (h->is_reattach)
        return say(handshake_reattach_line(a, o->source_address, o->protocol_version, (long)getpid(), socket),
                   e);
    return say(handshake_line(a, o->protocol_version, socket, c->der, c->der_size), e);
}

/* gRPC does not unlink the socket before the server is freed; the directory goes after that. */
static void socket_cleanup(struct socket_path *s)
{
    socket_path_remove(s);
}

static bool serve(const struct rpc_options *o, const struct handshake *h, const sigset_t *signals,
                  struct err *e)
{
    CLEANUP(certificate_done) struct certificate certificate = {0};
    CLEANUP(socket_cleanup) struct socket_path socket = {0};
    CLEANUP(server_cleanup) struct server *server = NULL;
    CLEANUP(watch_cleanup) struct watch *watch = NULL;
    if (!socket_path_default(&socket, e))
        return false;
    crash_remove(&socket);
    if (h->client_pem && !certificate_make("P-256", &certificate, e))
        return false;
    const struct server_options so = {.rpc = o,
                                      .socket_path = socket.socket,
                                      .client_pem = h->client_pem,
                                      .certificate = &certificate,
                                      .outlives_client = h->is_reattach};
    if (!server_new(&so, &server, e))
        return false;
    const struct watch_options wo = {
        .server = server, .socket = &socket, .signals = *signals, .follows_parent = !h->is_reattach};
    if (!watch_start(&wo, &watch, e) || !announce(o, h, socket.socket, &certificate, e))
        return false;
    certificate_done(&certificate);
    server_run(server);
    return true;
}

/* The host's user sees this one line even with logging off, because the exit status is 1. */
static void tell_failure(const struct err *e)
{
    char line[sizeof e->text + sizeof e->hint + 64];
    (void)snprintf(line, sizeof line, "the plugin could not start: %s. %s", e->text, e->hint);
    crash_say(line);
}

int rpc_serve(const struct rpc_options *o)
{
    const char *level = getenv("TF_LOG_PROVIDER");
    log_init(level && *level ? level : getenv("TF_LOG"));
    struct handshake h = handshake_read(o);
    if (!h.has_cookie && !h.is_reattach) {
        (void)fputs(
            "This program is a plugin. Terraform and OpenTofu start it themselves when a configuration "
            "needs it;\nstarted by hand it does nothing.\n",
            stderr);
        return 1;
    }
    if (!h.offers_version) /* the host compares versions itself and tells its user */
        log_line(LOG_WARN, "rpc", "the CLI does not offer plugin protocol %d", o->protocol_version);
    sigset_t signals;
    crash_init(h.is_reattach);
    guard_descriptors();
    watch_signals(h.is_reattach, &signals);
    start_grpc();
    struct err e = ERR_INIT;
    bool done = serve(o, &h, &signals, &e);
    grpc_shutdown();
    if (!done)
        tell_failure(&e);
    return done ? 0 : 1;
}
