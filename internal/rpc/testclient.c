#include "internal/rpc/testclient.h"
#include "internal/base/clock.h"
#include "internal/base/testing.h"

#include <grpc/byte_buffer.h>
#include <grpc/byte_buffer_reader.h>
#include <grpc/grpc_security.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct client {
    grpc_channel *channel;
};

struct pending {
    grpc_completion_queue *queue;
    grpc_call *call;
    grpc_metadata_array initial, trailing;
    grpc_byte_buffer *request, *reply;
    grpc_status_code status;
    grpc_slice details;
    bool is_opened, is_over;
    char opened, over; /* only their addresses are used, as tags */
};

double now_ms(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1000 + (double)t.tv_nsec / 1e6;
}

static gpr_timespec after(int64_t ms)
{
    return gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC), gpr_time_from_millis(ms, GPR_TIMESPAN));
}

static grpc_channel_credentials *credentials(const char *expects, const struct certificate *who)
{
    if (!expects)
        return grpc_insecure_credentials_create();
    grpc_ssl_pem_key_cert_pair pair = {who ? who->key_pem : NULL, who ? who->pem : NULL};
    return grpc_ssl_credentials_create_ex(expects, who ? &pair : NULL, NULL, NULL);
}

struct client *client_new(const char *socket, const char *expects, const struct certificate *who)
{
    char target[300], localhost[] = "localhost";
    (void)snprintf(target, sizeof target, "unix:%s", socket);
    grpc_arg settings[] = {
        {.type = GRPC_ARG_STRING, .key = GRPC_SSL_TARGET_NAME_OVERRIDE_ARG, .value.string = localhost},
        {.type = GRPC_ARG_INTEGER, .key = GRPC_ARG_MAX_RECEIVE_MESSAGE_LENGTH, .value.integer = -1},
        {.type = GRPC_ARG_INTEGER, .key = GRPC_ARG_MAX_SEND_MESSAGE_LENGTH, .value.integer = -1},
        {.type = GRPC_ARG_INTEGER, .key = GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, .value.integer = 1},
    };
    const grpc_channel_args args = {ARRAY_LEN(settings), settings};
    struct client *c = calloc(1, sizeof *c);
    assert_non_null(c);
    grpc_channel_credentials *creds = credentials(expects, who);
    c->channel = grpc_channel_create(target, creds, &args);
    grpc_channel_credentials_release(creds);
    return c;
}

void client_free(struct client *c)
{
    grpc_channel_destroy(c->channel);
    free(c);
}

static void copy_out(void *p)
{
    free(p);
}

static grpc_byte_buffer *make_message(struct str bytes)
{
    char *copy = malloc(bytes.n + 1);
    assert_non_null(copy);
    if (bytes.n)
        memcpy(copy, bytes.p, bytes.n);
    grpc_slice slice = grpc_slice_new(copy, bytes.n, copy_out);
    grpc_byte_buffer *b = grpc_raw_byte_buffer_create(&slice, 1);
    grpc_slice_unref(slice);
    return b;
}

static struct pending *new_pending(struct client *c, const char *path)
{
    struct pending *p = calloc(1, sizeof *p);
    assert_non_null(p);
    p->queue = grpc_completion_queue_create_for_pluck(NULL);
    grpc_metadata_array_init(&p->initial);
    grpc_metadata_array_init(&p->trailing);
    p->details = grpc_empty_slice();
    p->call = grpc_channel_create_call(c->channel, NULL, 0, p->queue, grpc_slice_from_static_string(path),
                                       NULL, gpr_inf_future(GPR_CLOCK_REALTIME), NULL);
    return p;
}

static void start_status(struct pending *p)
{
    grpc_op op = {.op = GRPC_OP_RECV_STATUS_ON_CLIENT};
    op.data.recv_status_on_client.trailing_metadata = &p->trailing;
    op.data.recv_status_on_client.status = &p->status;
    op.data.recv_status_on_client.status_details = &p->details;
    assert_int_equal(grpc_call_start_batch(p->call, &op, 1, &p->over, NULL), GRPC_CALL_OK);
}

static void start_exchange(struct pending *p, bool is_unary)
{
    grpc_op ops[5] = {{.op = GRPC_OP_SEND_INITIAL_METADATA},
                      {.op = GRPC_OP_SEND_MESSAGE},
                      {.op = GRPC_OP_RECV_INITIAL_METADATA},
                      {.op = GRPC_OP_RECV_MESSAGE},
                      {.op = GRPC_OP_SEND_CLOSE_FROM_CLIENT}};
    ops[1].data.send_message.send_message = p->request;
    ops[2].data.recv_initial_metadata.recv_initial_metadata = &p->initial;
    ops[3].data.recv_message.recv_message = &p->reply;
    assert_int_equal(grpc_call_start_batch(p->call, ops, is_unary ? 5 : 3, &p->opened, NULL), GRPC_CALL_OK);
    start_status(p);
}

struct pending *client_begin(struct client *c, const char *path, struct str request)
{
    struct pending *p = new_pending(c, path);
    p->request = make_message(request);
    start_exchange(p, true);
    return p;
}

struct pending *client_begin_without_message(struct client *c, const char *path)
{
    struct pending *p = new_pending(c, path);
    grpc_op ops[3] = {{.op = GRPC_OP_SEND_INITIAL_METADATA},
                      {.op = GRPC_OP_SEND_CLOSE_FROM_CLIENT},
                      {.op = GRPC_OP_RECV_INITIAL_METADATA}};
    ops[2].data.recv_initial_metadata.recv_initial_metadata = &p->initial;
    assert_int_equal(grpc_call_start_batch(p->call, ops, 3, &p->opened, NULL), GRPC_CALL_OK);
    start_status(p);
    return p;
}

struct pending *client_open(struct client *c, const char *path)
{
    struct pending *p = new_pending(c, path);
    p->request = make_message(STR_LIT(""));
    start_exchange(p, false);
    return p;
}

bool pending_wait_opened(struct pending *p)
{
    grpc_event e = grpc_completion_queue_pluck(p->queue, &p->opened, after(PATIENCE_MS), NULL);
    assert_int_equal(e.type, GRPC_OP_COMPLETE);
    p->is_opened = true;
    return e.success;
}

bool pending_is_over(struct pending *p, int64_t ms)
{
    if (!p->is_over) {
        grpc_event e = grpc_completion_queue_pluck(p->queue, &p->over, after(ms), NULL);
        p->is_over = e.type == GRPC_OP_COMPLETE;
    }
    return p->is_over;
}

void pending_cancel(struct pending *p)
{
    assert_int_equal(grpc_call_cancel(p->call, NULL), GRPC_CALL_OK);
}

static struct str take_reply(grpc_byte_buffer *message, struct arena *a)
{
    grpc_byte_buffer_reader reader;
    assert_true(grpc_byte_buffer_reader_init(&reader, message));
    grpc_slice all = grpc_byte_buffer_reader_readall(&reader);
    size_t n = GRPC_SLICE_LENGTH(all);
    struct str s = {arena_memdup(a, GRPC_SLICE_START_PTR(all), n), n};
    grpc_slice_unref(all);
    grpc_byte_buffer_reader_destroy(&reader);
    return s;
}

static void free_pending(struct pending *p)
{
    grpc_call_unref(p->call);
    grpc_completion_queue_shutdown(p->queue);
    assert_int_equal(grpc_completion_queue_pluck(p->queue, NULL, after(PATIENCE_MS), NULL).type,
                     GRPC_QUEUE_SHUTDOWN);
    grpc_completion_queue_destroy(p->queue);
    grpc_metadata_array_destroy(&p->initial);
    grpc_metadata_array_destroy(&p->trailing);
    grpc_byte_buffer_destroy(p->request);
    grpc_byte_buffer_destroy(p->reply);
    grpc_slice_unref(p->details);
    free(p);
}

struct call_result pending_finish(struct pending *p, struct arena *a)
{
    if (!pending_is_over(p, PATIENCE_MS))
        fail_msg("no answer in %d ms", PATIENCE_MS);
    if (!p->is_opened)
        (void)pending_wait_opened(p); /* the reply may be filled in until then */
    struct call_result r = {.status = p->status};
    r.details = arena_memdup(a, GRPC_SLICE_START_PTR(p->details), GRPC_SLICE_LENGTH(p->details));
    if (p->reply)
        r.reply = take_reply(p->reply, a);
    free_pending(p);
    return r;
}

struct call_result client_call(struct client *c, struct arena *a, const char *path, struct str request)
{
    struct pending *p = client_begin(c, path, request);
    (void)pending_wait_opened(p);
    return pending_finish(p, a);
}

void wait_until_running(struct client *c, int count)
{
    CLEANUP(arena_cleanup) struct arena *a = arena_new();
    for (double until = now_ms() + PATIENCE_MS; now_ms() < until;) {
        struct call_result r = client_call(c, a, "/test.Plugin/Running", STR_LIT(""));
        assert_int_equal(r.status, GRPC_STATUS_OK);
        if (atoi(r.reply.p) == count)
            return;
    }
    fail_msg("never %d calls at once", count);
}
