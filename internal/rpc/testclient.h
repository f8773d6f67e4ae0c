/* testclient.h — the other side for tests of rpc: starts a plugin as go-plugin does and calls it.
 *
 * Every function that cannot do its part fails the running test at once.
 */
#ifndef AURORA_RPC_TESTCLIENT_H
#define AURORA_RPC_TESTCLIENT_H

#include "internal/base/arena.h"
#include "internal/base/buf.h"
#include "internal/rpc/certificate.h"

#include <grpc/grpc.h>
#include <sys/types.h>

enum {
    PATIENCE_MS = 60000,     /* for what must happen, on a busy machine with sanitizers */
    HOST_PATIENCE_MS = 2500, /* go-plugin's 2 s between Shutdown and SIGKILL, and the same machine */
};

/* ---- the process ---- */

struct plugin_options {
    const struct certificate *client; /* NULL: no PLUGIN_CLIENT_CERT */
    const char *const *environment;   /* more "NAME=value", ends with NULL; may be NULL */
    const char *tmpdir;               /* NULL: a new one, which plugin_done() finds empty */
    bool has_no_cookie;
    bool has_closed_stdout; /* the host is gone before it could read the line */
};

struct plugin {
    pid_t pid;
    int pidfd, in, out, err; /* in and out: our ends of pipes; err: a file in memory */
    char tmpdir[64];         /* "" if the test gave one */
    char line[4096];         /* the handshake line, without newline; "" if none came */
    char socket[108];
    char *server_pem;  /* owned; NULL without TLS */
    double started_ms; /* from spawn to line */
};

void plugin_start(struct plugin *p, const struct plugin_options *o);
/* Waits; true if it ended within `ms`, with its wait status. */
bool plugin_wait(struct plugin *p, int64_t ms, int *ret_status);
/* All that was written to stderr so far. The arena's. */
const char *plugin_stderr(struct plugin *p, struct arena *a);
/* The process must be gone; checks that it left nothing in its temporary directory. */
void plugin_done(struct plugin *p);
/* Shutdown must end it: status 0, silent, nothing left. */
struct client;
void plugin_shut_down(struct plugin *p, struct client *c);

/* ---- the connection ---- */

/* `who` is presented as client certificate (NULL: none); TLS is used if `expects` (PEM, NULL: plain text) is
 * given. Nothing is connected until the first call. */
struct client *client_new(const char *socket, const char *expects, const struct certificate *who);
void client_free(struct client *c);

struct call_result {
    grpc_status_code status;
    const char *details; /* the arena's */
    struct str reply;    /* the arena's */
};

/* One unary call from start to end. */
struct call_result client_call(struct client *c, struct arena *a, const char *path, struct str request);

/* The same in two steps; between them anything may happen. */
struct pending *client_begin(struct client *c, const char *path, struct str request);
struct pending *client_begin_without_message(struct client *c, const char *path);
struct call_result pending_finish(struct pending *p, struct arena *a); /* frees it */

/* A stream with one message sent: client_begin() with `opened` below, and no end of sending. */
struct pending *client_open(struct client *c, const char *path);
bool pending_wait_opened(struct pending *p); /* the server has sent its initial metadata */
bool pending_is_over(struct pending *p, int64_t ms);
void pending_cancel(struct pending *p);

/* ---- small things ---- */

double now_ms(void);
/* Calls Running until the plugin runs that many; never longer than PATIENCE_MS. */
void wait_until_running(struct client *c, int count);

#endif
