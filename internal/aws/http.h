/* http.h — one HTTP request at a time per caller, through a bounded pool of kept connections.
 *
 * The only file that knows libcurl. Knows nothing of AWS but the few reply headers the layers above look at.
 * Refuses: redirects (returned as they are), replies over HTTP_BODY_MAX or HTTP_HEADERS_MAX, compressed
 * replies, schemes other than https and http, TLS under 1.2, control characters in headers, the process's
 * own proxy variables (whoever makes the pool says which proxy) and any proxy for loopback hosts.
 * Threads: any number; at most HTTP_PLACES requests run at once, the others wait. A waiting or running call
 * ends at once when stop is requested. No call lasts longer than the total time-out.
 */
#ifndef AURORA_AWS_HTTP_H
#define AURORA_AWS_HTTP_H

#include "internal/base/arena.h"
#include "internal/base/buf.h"
#include "internal/base/err.h"
#include "internal/base/stop.h"

enum { HTTP_PLACES = 32, HTTP_BODY_MAX = 16 * 1024 * 1024, HTTP_HEADERS_MAX = 64 * 1024 };
enum { HTTP_CONNECT_MS = 10000, HTTP_IDLE_S = 30, HTTP_TOTAL_MS = 60000 };

struct http_config { /* NULL: none; strings are copied */
    const char *ca_file, *http_proxy, *https_proxy, *no_proxy, *user_agent;
    bool insecure;
    int connect_ms, idle_s, total_ms; /* 0: the defaults above */
};

struct http;
MUST_CHECK bool http_new(const struct http_config *c, struct http **ret, struct err *e);
void http_free(struct http *h); /* no call may be running */
DEFINE_CLEANUP(struct http, http_cleanup, http_free)

struct http_url {
    const char *text;      /* normalised, without path */
    const char *authority; /* as in the Host header: no default port */
    const char *path;      /* "/" at least, still encoded */
    bool secure, loopback;
};
/* Refuses user names, queries and fragments: an endpoint has none. */
MUST_CHECK bool http_url_parse(struct arena *a, const char *text, struct http_url *ret, struct err *e);

struct http_header {
    const char *name, *value;
};

struct http_request {
    const char *method; /* "POST", "GET", "PUT" */
    const struct http_url *url;
    const char *path; /* NULL: the URL's; may carry a query */
    const struct http_header *headers;
    size_t header_count;
    struct str body;
    bool once; /* must not be sent twice, not even by a connection layer that finds a dead kept connection */
};

struct http_reply {
    int status;
    struct buf body;
    int64_t date_ms;        /* the Date header; 0 if there is none */
    int64_t retry_after_ms; /* -1: none */
    char request_id[96], error_type[160], content_type[96];
};
#define HTTP_REPLY_INIT                                                                                      \
    {                                                                                                        \
        .body = BUF_INIT(HTTP_BODY_MAX), .retry_after_ms = -1                                                \
    }
void http_reply_done(struct http_reply *r);

enum http_result {
    HTTP_DONE,      /* a whole reply of whatever status */
    HTTP_UNSENT,    /* nothing reached the server: repeating is safe */
    HTTP_LOST,      /* the request may have been carried out */
    HTTP_OVERSIZE,  /* the reply passed a limit; the request may have been carried out */
    HTTP_UNTRUSTED, /* the server's certificate or our CA file is not good: repeating is useless */
    HTTP_REFUSED,   /* the request itself cannot be sent */
    HTTP_STOPPED
};
/* Anything but HTTP_DONE sets `e` and leaves an empty reply. */
MUST_CHECK enum http_result http_send(struct http *h, const struct http_request *q, struct stop *stop,
                                      struct http_reply *reply, struct err *e);

#endif
