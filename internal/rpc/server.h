/* server.h — the gRPC server of one plugin process, from a bound socket to an orderly end.
 *
 * server_run() is the poller: it owns the completion queue and all bookkeeping of calls, and returns when the
 * last answer was sent after server_end(). It never waits for a handler of the pool.
 *
 * The order of the end matters (each step's neglect hangs or aborts gRPC core 1.51): shut the server down
 * first, finish the streams the host holds open, let handlers answer, and only when no call is left shut down
 * the queue. server_cancel() is the last resort: it throws answers away.
 */
#ifndef AURORA_RPC_SERVER_H
#define AURORA_RPC_SERVER_H

#include "internal/rpc/certificate.h"
#include "internal/rpc/rpc.h"

enum server_cause { SERVER_SHUTDOWN, SERVER_SIGNAL, SERVER_CLIENT_LOST };

struct server_options {
    const struct rpc_options *rpc;
    const char *socket_path;
    const char *client_pem;                /* only this certificate's owner gets in; NULL: plain text */
    const struct certificate *certificate; /* ours; needed if client_pem is set */
    bool outlives_client;                  /* reattach: hosts come and go */
};

struct server;

/* grpc_init() must have been called. On success the socket accepts connections. */
MUST_CHECK bool server_new(const struct server_options *o, struct server **ret, struct err *e);

/* Returns after the end; workers may still be leaving their last job. */
void server_run(struct server *s);

/* Begins the end, once; requests the stop token of rpc_options. Any thread. */
void server_end(struct server *s, enum server_cause cause);

/* Requested when the end began, for those who wait for it; then server_cause() tells why. */
struct stop *server_ending(struct server *s);
enum server_cause server_cause(struct server *s);

/* Requested when, after that, every call was answered; only the connections are left to be closed. */
struct stop *server_answered(struct server *s);

/* Cancels every call; after server_end() only. Any thread. */
void server_cancel(struct server *s);

void server_free(struct server *s); /* after server_run() returned, or if it was never called */
DEFINE_CLEANUP(struct server, server_cleanup, server_free)

#endif
