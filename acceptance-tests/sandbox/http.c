#include "acceptance-tests/sandbox/http.h"

#include <arpa/inet.h>
#include <errno.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

struct http_server {
    struct sandbox *sb;
    struct MHD_Daemon *daemon;
};

/* One request while it arrives. The URI is kept as it stood on the wire: signatures are made over that. */
struct incoming {
    char *uri;
    bool started, refused;
    struct buf body;
};

static void *on_uri(void *arg, const char *uri, struct MHD_Connection *connection)
{
    (void)arg;
    (void)connection;
    struct incoming *in = calloc(1, sizeof *in);
    if (!in || !(in->uri = strdup(uri)))
        abort();
    in->body.max = HTTP_BODY_MAX;
    return in;
}

static void on_done(void *arg, struct MHD_Connection *connection, void **context,
                    enum MHD_RequestTerminationCode why)
{
    (void)arg;
    (void)connection;
    (void)why;
    struct incoming *in = *context;
    if (!in)
        return;
    buf_done(&in->body);
    free(in->uri);
    free(in);
    *context = NULL;
}

struct header_list {
    struct http_header headers[128];
    size_t count;
};

static enum MHD_Result on_header(void *arg, enum MHD_ValueKind kind, const char *name, const char *value)
{
    (void)kind;
    struct header_list *list = arg;
    if (list->count == ARRAY_LEN(list->headers))
        return MHD_NO;
    list->headers[list->count++] = (struct http_header){name, value ? value : ""};
    return MHD_YES;
}

/* A body that breaks off, or is followed by blanks. */
struct odd_body {
    struct buf body;
    size_t end; /* the connection is closed there; SIZE_MAX: never */
};

static ssize_t read_odd(void *arg, uint64_t at, char *out, size_t room)
{
    const struct odd_body *odd = arg;
    if (at >= odd->end)
        return MHD_CONTENT_READER_END_WITH_ERROR;
    if (room > odd->end - at)
        room = odd->end - (size_t)at;
    if (at >= odd->body.n) {
        memset(out, ' ', room);
        return (ssize_t)room;
    }
    size_t n = odd->body.n - (size_t)at;
    n = n < room ? n : room;
    memcpy(out, odd->body.p + at, n);
    return (ssize_t)n;
}

static void free_odd(void *arg)
{
    struct odd_body *odd = arg;
    buf_done(&odd->body);
    free(odd);
}

/* Takes the body. */
static struct MHD_Response *odd_response(struct http_reply *reply)
{
    enum { BLOCK = 32 * 1024 };
    struct odd_body *odd = calloc(1, sizeof *odd);
    if (!odd)
        abort();
    odd->body = reply->body;
    odd->end = reply->cut ? reply->cut_at : SIZE_MAX;
    reply->body = (struct buf)BUF_INIT(1);
    return MHD_create_response_from_callback(odd->body.n + reply->pad, BLOCK, read_odd, odd, free_odd);
}

static enum MHD_Result send_reply(struct MHD_Connection *connection, struct http_reply *reply)
{
    struct MHD_Response *response =
        reply->cut || reply->pad > 0
            ? odd_response(reply)
            : MHD_create_response_from_buffer(reply->body.n, reply->body.p, MHD_RESPMEM_MUST_COPY);
    if (!response)
        return MHD_NO;
    (void)MHD_add_response_header(response, "Content-Type", reply->content_type);
    (void)MHD_add_response_header(response, "x-amzn-RequestId", reply->request_id);
    enum MHD_Result ok = MHD_queue_response(connection, (unsigned)reply->status, response);
    MHD_destroy_response(response);
    return ok;
}

static enum MHD_Result refuse_size(struct MHD_Connection *connection)
{
    struct http_reply reply = {.status = 413, .content_type = "text/plain", .body = BUF_INIT(64)};
    (void)buf_puts(&reply.body, "Request body too large\n");
    enum MHD_Result ok = send_reply(connection, &reply);
    buf_done(&reply.body);
    return ok;
}

static enum MHD_Result answer(struct sandbox *sb, struct MHD_Connection *connection, const char *method,
                              struct incoming *in)
{
    struct header_list list = {.count = 0};
    struct http_reply reply = {.status = 500};
    const char *mark = strchr(in->uri, '?');
    struct http_request r = {.method = method, .body = buf_view(&in->body), .headers = list.headers};
    r.path = (struct str){in->uri, mark ? (size_t)(mark - in->uri) : strlen(in->uri)};
    r.query = mark ? str_of(mark + 1) : STR_LIT("");
    (void)MHD_get_connection_values(connection, MHD_HEADER_KIND, on_header, &list);
    r.header_count = list.count;
    sandbox_serve(sb, &r, &reply);
    enum MHD_Result ok = reply.drop ? MHD_NO : send_reply(connection, &reply);
    buf_done(&reply.body);
    return ok;
}

static enum MHD_Result on_request(void *arg, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *data, size_t *size,
                                  void **context)
{
    (void)url;
    (void)version;
    struct http_server *h = arg;
    struct incoming *in = *context;
    if (!in->started) {
        in->started = true;
        return MHD_YES;
    }
    if (*size > 0) {
        in->refused = !buf_add(&in->body, data, *size) || in->refused;
        *size = 0;
        return MHD_YES;
    }
    return in->refused ? refuse_size(connection) : answer(h->sb, connection, method, in);
}

bool http_start(struct sandbox *sb, int port, struct http_server **ret, int *ret_port, struct err *e)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    struct http_server *h = calloc(1, sizeof *h);
    if (!h)
        abort();
    h->sb = sb;
    h->daemon = MHD_start_daemon(MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_THREAD_PER_CONNECTION, 0, NULL,
                                 NULL, on_request, h, MHD_OPTION_SOCK_ADDR, (struct sockaddr *)&address,
                                 MHD_OPTION_CONNECTION_LIMIT, (unsigned)HTTP_CONNECTIONS_MAX,
                                 MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)HTTP_IDLE_SECONDS,
                                 MHD_OPTION_URI_LOG_CALLBACK, on_uri, NULL, MHD_OPTION_NOTIFY_COMPLETED,
                                 on_done, NULL, MHD_OPTION_END);
    if (!h->daemon) {
        int reason = errno;
        free(h);
        return err_errno(e, reason, "listen on 127.0.0.1:%d", port);
    }
    *ret_port = MHD_get_daemon_info(h->daemon, MHD_DAEMON_INFO_BIND_PORT)->port;
    *ret = h;
    return true;
}

void http_stop(struct http_server *h)
{
    if (!h)
        return;
    MHD_stop_daemon(h->daemon);
    free(h);
}
