/* call.h — what server.c and call.c share: the server's inside and the life of one call.
 *
 * A call is born as an outstanding request for "whatever comes next", takes a path when one arrives, and is
 * freed by the poller when it was answered and none of its batches is under way. It is one of
 *   unary      RECV_MESSAGE, then the handler (on a worker, or on the poller if inline), then the answer
 *   held       a stream of the host's that stays open and silent until the server ends
 *   unknown    answered with UNIMPLEMENTED at once
 * Beside that a RECV_CLOSE batch runs for each; for the host's stdio stream it tells that the host is gone.
 */
#ifndef AURORA_RPC_CALL_H
#define AURORA_RPC_CALL_H

#include "internal/rpc/pool.h"
#include "internal/rpc/server.h"

#include <grpc/grpc.h>
#include <pthread.h>
#include <stdatomic.h>

/* Every tag on the completion queue is one of these. */
struct tag {
    void (*done)(void *of, bool ok);
    void *of;
};

struct route {
    rpc_handler handle; /* NULL: held or unknown */
    bool is_inline;
    bool is_held;
    bool is_lifeline; /* its loss means that the host is gone */
    bool ends_server;
};

struct call {
    struct server *server;
    grpc_call *core;
    grpc_call_details details;
    grpc_metadata_array metadata;
    grpc_byte_buffer *request, *reply;
    struct route route;
    struct pool_job job;
    struct tag arrived, closed, opened, received, answered;
    atomic_int refs;                   /* one until answered, one for each batch under way */
    int is_cancelled;                  /* the close batch wants a place to write to */
    struct call *next_held, **held_at; /* in server.held; held_at NULL: not there */
};

struct server {
    struct server_options options;
    grpc_server *core;
    grpc_completion_queue *queue;
    struct pool *pool;
    struct stop *ending, *answered;
    struct tag down;
    pthread_mutex_t lock; /* guards cause, is_ending, held */
    enum server_cause cause;
    bool is_ending;
    struct call *held;
    size_t live;  /* calls not yet freed; poller only */
    bool is_down; /* the server accepts nothing more; poller only */
};

/* Asks gRPC for the next call. Poller, or before it runs. */
void call_expect(struct server *s);

/* Ends held streams with OK. The caller holds server.lock. */
void call_release_held(struct server *s);

/* Poller: after each change of live or is_down. */
void server_settle(struct server *s);

/* The services beside the provider's own; false: not one of them. */
bool service_find(struct str path, struct route *ret);

#endif
