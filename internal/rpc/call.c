#include "internal/rpc/call.h"
#include "internal/base/log.h"
#include "internal/rpc/crash.h"

#include <grpc/byte_buffer.h>
#include <grpc/byte_buffer_reader.h>
#include <stdlib.h>
#include <string.h>

static void free_call(struct call *c)
{
    struct server *s = c->server;
    if (c->core)
        grpc_call_unref(c->core);
    grpc_call_details_destroy(&c->details);
    grpc_metadata_array_destroy(&c->metadata);
    grpc_byte_buffer_destroy(c->request);
    grpc_byte_buffer_destroy(c->reply);
    free(c);
    s->live--;
    server_settle(s);
}

/* On the poller only, so that nothing is freed behind its back. The order is for the worker's last writes. */
static void drop(struct call *c, int refs)
{
    if (atomic_fetch_sub_explicit(&c->refs, refs, memory_order_acq_rel) == refs)
        free_call(c);
}

/* A worker touches the call no more once it counted the batch: the poller may free it any time then. */
static void start(struct call *c, const grpc_op *ops, size_t n, struct tag *tag)
{
    grpc_call *core = c->core;
    (void)atomic_fetch_add_explicit(&c->refs, 1, memory_order_acq_rel);
    if (grpc_call_start_batch(core, ops, n, tag, NULL) != GRPC_CALL_OK)
        crash_die("gRPC refused a batch"); /* it does so for programming errors only */
}

static struct str path_of(const struct call *c)
{
    return (struct str){(const char *)GRPC_SLICE_START_PTR(c->details.method),
                        GRPC_SLICE_LENGTH(c->details.method)};
}

/* ---- answering ---- */

static void on_answered(void *of, bool ok)
{
    struct call *c = of;
    if (!ok)
        log_debug("rpc", "the client did not wait for the answer to %.*s", (int)path_of(c).n, path_of(c).p);
    if (c->route.ends_server)
        server_end(c->server, SERVER_SHUTDOWN);
    drop(c, 2); /* the batch's and the call's own */
}

static void answer(struct call *c, grpc_status_code status, const char *text)
{
    grpc_op ops[3] = {{.op = GRPC_OP_SEND_STATUS_FROM_SERVER}};
    size_t n = 1;
    grpc_slice details = grpc_slice_from_copied_string(text);
    ops[0].data.send_status_from_server.status = status;
    ops[0].data.send_status_from_server.status_details = &details;
    if (!c->route.is_held)
        ops[n++] = (grpc_op){.op = GRPC_OP_SEND_INITIAL_METADATA};
    if (c->reply) {
        ops[n] = (grpc_op){.op = GRPC_OP_SEND_MESSAGE};
        ops[n++].data.send_message.send_message = c->reply;
    }
    start(c, ops, n, &c->answered);
    grpc_slice_unref(details);
}

static void free_arena(void *arena)
{
    arena_free(arena);
}

/* The arena goes with the reply: gRPC may read the bytes until it drops the slice, even if the call failed.
 */
static void answer_reply(struct call *c, struct arena *arena, struct str reply)
{
    grpc_slice bytes = grpc_slice_new_with_user_data((void *)(uintptr_t)reply.p, reply.n, free_arena, arena);
    c->reply = grpc_raw_byte_buffer_create(&bytes, 1);
    grpc_slice_unref(bytes);
    answer(c, GRPC_STATUS_OK, "");
}

/* ---- unary calls ---- */

static bool read_request(struct call *c, struct arena *a, struct str *ret)
{
    grpc_byte_buffer_reader reader;
    if (!c->request || !grpc_byte_buffer_reader_init(&reader, c->request))
        return false;
    size_t size = grpc_byte_buffer_length(reader.buffer_out), n = 0;
    char *bytes = arena_alloc(a, size + 1);
    grpc_slice *piece;
    while (grpc_byte_buffer_reader_peek(&reader, &piece) && GRPC_SLICE_LENGTH(*piece) <= size - n) {
        memcpy(bytes + n, GRPC_SLICE_START_PTR(*piece), GRPC_SLICE_LENGTH(*piece));
        n += GRPC_SLICE_LENGTH(*piece);
    }
    grpc_byte_buffer_reader_destroy(&reader);
    grpc_byte_buffer_destroy(STEAL(c->request));
    *ret = (struct str){bytes, n};
    return n == size;
}

static void handle(void *of)
{
    struct call *c = of;
    const struct rpc_options *o = c->server->options.rpc;
    CLEANUP(arena_cleanup) struct arena *arena = arena_new();
    struct rpc_call rpc = {.arena = arena, .stop = o->stop, .service = o->service, .received = arena_new()};
    if (!read_request(c, rpc.received, &rpc.request))
        answer(c, GRPC_STATUS_INTERNAL, "the request has no readable message");
    else if (!c->route.handle(&rpc))
        answer(c, GRPC_STATUS_INTERNAL, rpc.failure);
    else
        answer_reply(c, STEAL(arena), rpc.reply);
    arena_free(rpc.received);
}

static void on_received(void *of, bool ok)
{
    struct call *c = of;
    if (!ok)
        answer(c, GRPC_STATUS_CANCELLED, "the call was cancelled");
    else if (c->route.is_inline)
        handle(c);
    else if (!pool_submit(c->server->pool, &c->job))
        answer(c, GRPC_STATUS_RESOURCE_EXHAUSTED, "no thread could be started for the call");
    drop(c, 1);
}

static void receive(struct call *c)
{
    grpc_op op = {.op = GRPC_OP_RECV_MESSAGE};
    op.data.recv_message.recv_message = &c->request;
    start(c, &op, 1, &c->received);
}

/* ---- held streams ---- */

static void unlink_held(struct call *c)
{
    *c->held_at = c->next_held;
    if (c->next_held)
        c->next_held->held_at = c->held_at;
    c->held_at = NULL;
}

static void hold(struct call *c)
{
    struct server *s = c->server;
    grpc_op op = {.op = GRPC_OP_SEND_INITIAL_METADATA};
    start(c, &op, 1, &c->opened);
    (void)pthread_mutex_lock(&s->lock);
    c->next_held = s->held;
    if (s->held)
        s->held->held_at = &c->next_held;
    c->held_at = &s->held;
    s->held = c;
    if (s->is_ending)
        call_release_held(s);
    (void)pthread_mutex_unlock(&s->lock);
}

void call_release_held(struct server *s)
{
    while (s->held) {
        struct call *c = s->held;
        unlink_held(c);
        answer(c, GRPC_STATUS_OK, "");
    }
}

/* True: the stream was open, and nobody else will answer it. */
static bool take_held(struct call *c)
{
    (void)pthread_mutex_lock(&c->server->lock);
    bool was_held = c->held_at != NULL;
    if (was_held)
        unlink_held(c);
    (void)pthread_mutex_unlock(&c->server->lock);
    return was_held;
}

static void on_opened(void *of, bool ok)
{
    (void)ok; /* if the client is gone, on_closed says so */
    drop(of, 1);
}

/* ---- arrival and end ---- */

static void on_closed(void *of, bool ok)
{
    struct call *c = of;
    (void)ok; /* always true for RECV_CLOSE */
    bool was_open = c->route.is_held && take_held(c);
    if (was_open && c->route.is_lifeline && !c->server->options.outlives_client)
        server_end(c->server, SERVER_CLIENT_LOST);
    drop(c, was_open ? 2 : 1); /* a stream that was open gets no answer */
}

static void watch_close(struct call *c)
{
    grpc_op op = {.op = GRPC_OP_RECV_CLOSE_ON_SERVER};
    op.data.recv_close_on_server.cancelled = &c->is_cancelled;
    start(c, &op, 1, &c->closed);
}

static bool find_route(struct call *c)
{
    struct str path = path_of(c);
    for (const struct rpc_method *m = c->server->options.rpc->methods; m->path; m++)
        if (str_is(path, m->path)) {
            c->route = (struct route){.handle = m->handle, .is_inline = m->is_inline};
            return true;
        }
    return service_find(path, &c->route);
}

static void on_arrived(void *of, bool ok)
{
    struct call *c = of;
    if (!ok) { /* the server ends */
        free_call(c);
        return;
    }
    call_expect(c->server);
    bool is_known = find_route(c);
    log_debug("rpc", "%.*s%s", (int)path_of(c).n, path_of(c).p, is_known ? "" : " is not known");
    watch_close(c);
    if (!is_known)
        answer(c, GRPC_STATUS_UNIMPLEMENTED, "this plugin does not have the method");
    else if (c->route.is_held)
        hold(c);
    else
        receive(c);
}

void call_expect(struct server *s)
{
    struct call *c = calloc(1, sizeof *c);
    if (!c)
        crash_die("out of memory");
    c->server = s;
    c->refs = 1;
    c->job = (struct pool_job){.run = handle, .of = c};
    c->arrived = (struct tag){on_arrived, c};
    c->closed = (struct tag){on_closed, c};
    c->opened = (struct tag){on_opened, c};
    c->received = (struct tag){on_received, c};
    c->answered = (struct tag){on_answered, c};
    grpc_call_details_init(&c->details);
    grpc_metadata_array_init(&c->metadata);
    s->live++;
    if (grpc_server_request_call(s->core, &c->core, &c->details, &c->metadata, s->queue, s->queue,
                                 &c->arrived) != GRPC_CALL_OK)
        crash_die("gRPC refused to wait for a call");
}
