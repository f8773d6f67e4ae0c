#include "internal/rpc/call.h"
#include "internal/rpc/crash.h"
#include "internal/rpc/socket.h"

#include <grpc/grpc_security.h>
#include <stdio.h>
#include <stdlib.h>

static void on_down(void *of, bool ok)
{
    struct server *s = of;
    (void)ok;
    s->is_down = true;
    server_settle(s);
}

void server_settle(struct server *s)
{
    if (s->live == 0)
        stop_request(s->answered);
    if (s->is_down && s->live == 0)
        grpc_completion_queue_shutdown(s->queue);
}

/* Core's own default lets in 4 MiB, and hangs up on a client that pings more often than it likes. */
static grpc_server *make_core(void)
{
    grpc_arg settings[] = {
        {.type = GRPC_ARG_INTEGER, .key = GRPC_ARG_MAX_RECEIVE_MESSAGE_LENGTH, .value.integer = -1},
        {.type = GRPC_ARG_INTEGER, .key = GRPC_ARG_MAX_SEND_MESSAGE_LENGTH, .value.integer = -1},
        {.type = GRPC_ARG_INTEGER, .key = GRPC_ARG_HTTP2_MAX_PING_STRIKES, .value.integer = 0},
    };
    const grpc_channel_args args = {ARRAY_LEN(settings), settings};
    return grpc_server_create(&args, NULL);
}

static grpc_server_credentials *make_credentials(const struct server_options *o)
{
    if (!o->client_pem)
        return grpc_insecure_server_credentials_create();
    const grpc_ssl_pem_key_cert_pair ours = {o->certificate->key_pem, o->certificate->pem};
    return grpc_ssl_server_credentials_create_with_options(
        grpc_ssl_server_credentials_create_options_using_config(
            GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY,
            grpc_ssl_server_certificate_config_create(o->client_pem, &ours, 1)));
}

static bool bind_socket(struct server *s, struct err *e)
{
    char address[SOCKET_PATH_SIZE + sizeof "unix:"];
    (void)snprintf(address, sizeof address, "unix:%s", s->options.socket_path);
    grpc_server_credentials *credentials = make_credentials(&s->options);
    if (!credentials)
        return err_set(e, ERR_INVALID, "the client's certificate (PLUGIN_CLIENT_CERT) cannot be used");
    int port = grpc_server_add_http2_port(s->core, address, credentials);
    grpc_server_credentials_release(credentials);
    if (port == 0)
        return err_set(e, ERR_UNAVAILABLE, "cannot listen on %s%s", s->options.socket_path,
                       s->options.client_pem ? ", or PLUGIN_CLIENT_CERT is no certificate" : "");
    return true;
}

bool server_new(const struct server_options *o, struct server **ret, struct err *e)
{
    CLEANUP(server_cleanup) struct server *s = calloc(1, sizeof *s);
    if (!s)
        crash_die("out of memory");
    s->options = *o;
    (void)pthread_mutex_init(&s->lock, NULL);
    s->down = (struct tag){on_down, s};
    s->ending = stop_new();
    s->answered = stop_new();
    s->pool = pool_new(RPC_WORKERS_MAX);
    s->queue = grpc_completion_queue_create_for_next(NULL);
    s->core = make_core();
    grpc_server_register_completion_queue(s->core, s->queue, NULL);
    if (!bind_socket(s, e))
        return false;
    grpc_server_start(s->core);
    call_expect(s);
    *ret = STEAL(s);
    return true;
}

void server_run(struct server *s)
{
    for (;;) {
        grpc_event event = grpc_completion_queue_next(s->queue, gpr_inf_future(GPR_CLOCK_MONOTONIC), NULL);
        if (event.type == GRPC_QUEUE_SHUTDOWN)
            return;
        const struct tag *tag = event.tag;
        tag->done(tag->of, event.success);
    }
}

void server_end(struct server *s, enum server_cause cause)
{
    (void)pthread_mutex_lock(&s->lock);
    if (!s->is_ending) {
        s->is_ending = true;
        s->cause = cause;
        grpc_server_shutdown_and_notify(s->core, s->queue, &s->down);
        call_release_held(s);
    }
    (void)pthread_mutex_unlock(&s->lock);
    stop_request(s->options.rpc->stop);
    stop_request(s->ending);
}

struct stop *server_ending(struct server *s)
{
    return s->ending;
}

struct stop *server_answered(struct server *s)
{
    return s->answered;
}

enum server_cause server_cause(struct server *s)
{
    (void)pthread_mutex_lock(&s->lock);
    enum server_cause cause = s->cause;
    (void)pthread_mutex_unlock(&s->lock);
    return cause;
}

void server_cancel(struct server *s)
{
    grpc_server_cancel_all_calls(s->core);
}

void server_free(struct server *s)
{
    if (!s)
        return;
    if (!s->is_down) { /* gRPC destroys no server that was not shut down */
        server_end(s, SERVER_SIGNAL);
        server_run(s);
    }
    pool_free(s->pool);
    grpc_server_destroy(s->core);
    grpc_completion_queue_destroy(s->queue);
    stop_free(s->ending);
    stop_free(s->answered);
    (void)pthread_mutex_destroy(&s->lock);
    free(s);
}
