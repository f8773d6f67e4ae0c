/* rpc.h — the process as a go-plugin server: handshake, mutual TLS, gRPC, and an orderly end.
 *
 * The only module that includes grpc headers; it knows bytes and paths, not Terraform. rpc_serve() owns the
 * whole life of a plugin process: magic cookie, certificate, socket, the one line on stdout, the services
 * beside the provider (GRPCController, GRPCStdio, GRPCBroker, health), UNIMPLEMENTED for every other path,
 * Stop, Shutdown.
 *
 * Threads: one poller owns the completion queue; each call of `methods` runs on a worker of an elastic pool
 * (up to RPC_WORKERS_MAX at once, the rest queue), except INLINE ones, which are answered on the poller and
 * must not block: so Stop and Shutdown are answered while any number of applies wait. Handlers may run
 * concurrently.
 *
 * The end: Shutdown, SIGTERM, SIGHUP (unless ignored, as under nohup), or a CLI that died; all request
 * rpc_options.stop. Calls under way still deliver their answers. They have RPC_GRACE_SHUTDOWN_MS after
 * Shutdown, because the host kills after 2 s anyway, and RPC_GRACE_ALONE_MS when nobody is there to kill:
 * what must be undone (a write fence) can then be undone. Past that the process exits whatever handlers do.
 *
 * SIGINT is ignored: Ctrl-C reaches the whole process group, and the CLI sends StopProvider. Children must be
 * given their own stdin, stdout and stderr (ours are close-on-exec), default signals and an empty signal
 * mask (posix_spawn's SETSIGDEF and SETSIGMASK).
 *
 * Messages have no size limit on either way. Sources: reference for go-plugin 1.6 (handshake line, AutoMTLS,
 * Shutdown then SIGKILL after 2 s), gRPC core 1.51.
 */
#ifndef AURORA_RPC_H
#define AURORA_RPC_H

#include "internal/base/arena.h"
#include "internal/base/buf.h"
#include "internal/base/err.h"
#include "internal/base/stop.h"

enum {
    RPC_WORKERS_MAX = 2048,
    RPC_GRACE_SHUTDOWN_MS = 1500,
    RPC_GRACE_ALONE_MS = 30000,
};

struct rpc_call {
    struct arena *arena;    /* lives until the reply was sent */
    struct stop *stop;      /* the process's: requested by StopProvider, Shutdown, SIGTERM, or a lost CLI */
    void *service;          /* rpc_options.service */
    struct arena *received; /* owns the request; a handler that is done with it may free it, and sets NULL */
    struct str request;     /* the packed request message; empty is a valid message */
    struct str reply;       /* set by the handler: bytes in the arena */
    const char *failure;    /* set by a handler that returns false: in the arena, or static */
};

/* False: the call ends with gRPC status INTERNAL and the words of `failure`. Reserve that for undecodable
 * requests; failures of the provider's own belong into diagnostics of a reply. A handler that may wait for
 * hours finds no large frame above its own. */
typedef bool (*rpc_handler)(struct rpc_call *call);

struct rpc_method {
    const char *path; /* "/tfplugin6.Provider/PlanResourceChange" */
    rpc_handler handle;
    bool is_inline; /* answered on the poller: must neither block nor take long */
};

struct rpc_options {
    const char *magic_cookie_key, *magic_cookie_value;
    int protocol_version;             /* 6 */
    const struct rpc_method *methods; /* ends with path == NULL */
    void *service;
    struct stop *stop;
    const char *source_address; /* "registry.terraform.io/acme/aurora", for AURORA_REATTACH; may be NULL */
};

/* Serves until Shutdown, SIGTERM or the loss of the client; returns the process's exit status. Prints a
 * friendly word to stderr and returns 1 when the cookie is missing (a person started the binary without a
 * command). With AURORA_REATTACH=1 in the environment it needs no cookie, lets SIGINT end it and prints the
 * JSON for TF_REATTACH_PROVIDERS instead of the handshake line (for debuggers and sanitizers). */
int rpc_serve(const struct rpc_options *o);

#endif
