#include "internal/aws/http.h"
#include "internal/aws/gate.h"
#include "internal/base/log.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <curl/curl.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

enum { UPLOAD_BUFFER = 16 * 1024 }; /* libcurl's least: requests are small, and each place has one */
enum { KEPT_CONNECTIONS = 2, POLL_MS = 1000, RETRY_AFTER_MAX_S = 3600 };

struct place {
    CURLM *multi; /* keeps its connections between calls; made at first use */
    CURL *easy;
};

struct http {
    struct arena *arena;
    struct http_config config;
    struct gate gate;
    pthread_mutex_t lock;
    struct place places[HTTP_PLACES];
    int idle[HTTP_PLACES]; /* stack: the warmest connection is used first */
    size_t idle_count;
};

DEFINE_CLEANUP(CURLU, url_cleanup, curl_url_cleanup)
DEFINE_CLEANUP(struct curl_slist, slist_cleanup, curl_slist_free_all)
DEFINE_CLEANUP(char, text_cleanup, curl_free)

static void global_init(void)
{
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        (void)fputs("panic: libcurl cannot start\n", stderr);
        abort();
    }
}

/* ---- URLs ---- */

static char *url_part(CURLU *u, CURLUPart part)
{
    char *text = NULL;
    return curl_url_get(u, part, &text, 0) == CURLUE_OK ? text : NULL;
}

static bool is_loopback(const char *host)
{
    struct in_addr v4;
    if (inet_pton(AF_INET, host, &v4) == 1)
        return (ntohl(v4.s_addr) >> 24) == 127;
    size_t n = strlen(host);
    static const char name[] = ".localhost";
    bool below = n >= sizeof name && strcasecmp(host + n - (sizeof name - 1), name) == 0;
    return below || strcasecmp(host, name + 1) == 0 || strcmp(host, "[::1]") == 0;
}

static bool has_forbidden_part(CURLU *u)
{
    static const CURLUPart parts[] = {CURLUPART_USER, CURLUPART_PASSWORD, CURLUPART_QUERY,
                                      CURLUPART_FRAGMENT};
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        char *text CLEANUP(text_cleanup) = url_part(u, parts[i]);
        if (text)
            return true;
    }
    return false;
}

bool http_url_parse(struct arena *a, const char *text, struct http_url *ret, struct err *e)
{
    CURLU *u CLEANUP(url_cleanup) = curl_url();
    const char *shown = strchr(text, '@') ? "(hidden)" : text; /* a password may stand before the '@' */
    if (!u || curl_url_set(u, CURLUPART_URL, text, 0) != CURLUE_OK)
        return err_set(e, ERR_INVALID, "\"%s\" is not a URL", shown);
    char *scheme CLEANUP(text_cleanup) = url_part(u, CURLUPART_SCHEME);
    char *host CLEANUP(text_cleanup) = url_part(u, CURLUPART_HOST);
    char *port CLEANUP(text_cleanup) = url_part(u, CURLUPART_PORT);
    char *path CLEANUP(text_cleanup) = url_part(u, CURLUPART_PATH);
    bool secure = scheme && strcmp(scheme, "https") == 0;
    if (!host || !*host || !scheme || (!secure && strcmp(scheme, "http") != 0))
        return err_set(e, ERR_INVALID, "\"%s\" is not an https or http URL", shown);
    if (has_forbidden_part(u))
        return err_set(e, ERR_INVALID, "an endpoint URL has no user name, query or fragment");

    bool plain_port = !port || strcmp(port, secure ? "443" : "80") == 0;
    struct http_url url = {.secure = secure, .loopback = is_loopback(host)};
    url.authority = plain_port ? arena_strdup(a, host) : arena_printf(a, "%s:%s", host, port);
    url.text = arena_printf(a, "%s://%s", scheme, url.authority);
    url.path = arena_strdup(a, path && *path ? path : "/");
    *ret = url;
    return true;
}

/* ---- the pool ---- */

static const char *copy(struct arena *a, const char *s)
{
    return s ? arena_strdup(a, s) : NULL;
}

/* A proxy's password must not come out in a log line that quotes the configuration. */
static bool check_proxy(const char *name, const char *proxy, struct err *e)
{
    if (!proxy || !*proxy)
        return true;
    CURLU *u CLEANUP(url_cleanup) = curl_url();
    if (!u || curl_url_set(u, CURLUPART_URL, proxy, CURLU_GUESS_SCHEME) != CURLUE_OK)
        return err_set(e, ERR_INVALID, "%s is not a URL", name);
    char *password CLEANUP(text_cleanup) = url_part(u, CURLUPART_PASSWORD);
    log_secret(password);
    return true;
}

bool http_new(const struct http_config *c, struct http **ret, struct err *e)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    (void)pthread_once(&once, global_init);
    if (c->ca_file && *c->ca_file && access(c->ca_file, R_OK) != 0)
        return err_set(e, ERR_INVALID, "the CA bundle %s cannot be read", c->ca_file) ||
               err_attribute(e, "custom_ca_bundle");
    if (!check_proxy("http_proxy", c->http_proxy, e) || !check_proxy("https_proxy", c->https_proxy, e))
        return false;

    struct http *h = calloc(1, sizeof *h);
    if (!h)
        abort();
    h->arena = arena_new();
    h->config = (struct http_config){
        .ca_file = copy(h->arena, c->ca_file),
        .http_proxy = copy(h->arena, c->http_proxy),
        .https_proxy = copy(h->arena, c->https_proxy),
        .no_proxy = copy(h->arena, c->no_proxy),
        .user_agent = copy(h->arena, c->user_agent),
        .insecure = c->insecure,
        .connect_ms = c->connect_ms ? c->connect_ms : HTTP_CONNECT_MS,
        .idle_s = c->idle_s ? c->idle_s : HTTP_IDLE_S,
        .total_ms = c->total_ms ? c->total_ms : HTTP_TOTAL_MS,
    };
    gate_init(&h->gate, HTTP_PLACES);
    (void)pthread_mutex_init(&h->lock, NULL);
    for (int i = 0; i < HTTP_PLACES; i++)
        h->idle[h->idle_count++] = HTTP_PLACES - 1 - i;
    *ret = h;
    return true;
}

void http_free(struct http *h)
{
    if (!h)
        return;
    for (int i = 0; i < HTTP_PLACES; i++) {
        curl_easy_cleanup(h->places[i].easy);
        (void)curl_multi_cleanup(h->places[i].multi);
    }
    gate_done(&h->gate);
    (void)pthread_mutex_destroy(&h->lock);
    arena_free(h->arena);
    free(h);
}

static int place_take(struct http *h)
{
    (void)pthread_mutex_lock(&h->lock);
    int i = h->idle[--h->idle_count];
    (void)pthread_mutex_unlock(&h->lock);
    struct place *p = &h->places[i];
    if (!p->easy) {
        p->easy = curl_easy_init();
        p->multi = curl_multi_init();
        if (!p->easy || !p->multi)
            abort();
        (void)curl_multi_setopt(p->multi, CURLMOPT_MAXCONNECTS, (long)KEPT_CONNECTIONS);
    }
    curl_easy_reset(p->easy);
    return i;
}

static void place_return(struct http *h, int i)
{
    (void)pthread_mutex_lock(&h->lock);
    h->idle[h->idle_count++] = i;
    (void)pthread_mutex_unlock(&h->lock);
    gate_leave(&h->gate);
}

/* ---- what comes back ---- */

struct receiver {
    struct http_reply *reply;
    size_t header_bytes;
    bool oversize;
};

static size_t on_body(char *data, size_t one, size_t n, void *context)
{
    (void)one;
    struct receiver *r = context;
    r->oversize = r->oversize || !buf_add(&r->reply->body, data, n);
    return r->oversize ? 0 : n;
}

static void keep_text(char *out, size_t size, const char *value, size_t n)
{
    if (n >= size)
        n = size - 1;
    memcpy(out, value, n);
    out[n] = '\0';
}

static int64_t retry_after(const char *text, int64_t unit_ms)
{
    char *end = NULL;
    long long n = strtoll(text, &end, 10);
    if (end == text || n < 0 || n * unit_ms > RETRY_AFTER_MAX_S * 1000LL)
        return -1;
    return n * unit_ms;
}

static void take_header(struct http_reply *r, const char *name, size_t name_n, const char *value, size_t n)
{
    struct {
        const char *name;
        char *out;
        size_t size;
    } texts[] = {
        {"x-amzn-requestid", r->request_id, sizeof r->request_id},
        {"x-amz-request-id", r->request_id, sizeof r->request_id},
        {"x-amzn-errortype", r->error_type, sizeof r->error_type},
        {"content-type", r->content_type, sizeof r->content_type},
    };
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        if (strlen(texts[i].name) == name_n && strncasecmp(texts[i].name, name, name_n) == 0)
            keep_text(texts[i].out, texts[i].size, value, n);

    char text[64];
    keep_text(text, sizeof text, value, n);
    if (name_n == 4 && strncasecmp(name, "date", 4) == 0) {
        time_t when = curl_getdate(text, NULL);
        r->date_ms = when > 0 ? (int64_t)when * 1000 : 0;
    }
    if (name_n == 11 && strncasecmp(name, "retry-after", 11) == 0)
        r->retry_after_ms = retry_after(text, 1000);
    if (name_n == 17 && strncasecmp(name, "x-amz-retry-after", 17) == 0)
        r->retry_after_ms = retry_after(text, 1);
}

static size_t on_header(char *line, size_t one, size_t n, void *context)
{
    (void)one;
    struct receiver *r = context;
    r->header_bytes += n;
    if (r->header_bytes > HTTP_HEADERS_MAX) {
        r->oversize = true;
        return 0;
    }
    const char *colon = memchr(line, ':', n);
    if (!colon)
        return n;
    const char *value = colon + 1, *end = line + n;
    while (value < end && isspace((unsigned char)*value))
        value++;
    while (end > value && isspace((unsigned char)end[-1]))
        end--;
    take_header(r->reply, line, (size_t)(colon - line), value, (size_t)(end - value));
    return n;
}

/* A CA that has our CA's name but another key makes OpenSSL leave older errors in front of "certificate
 * verify failed"; libcurl looks at the first one only and would call it a broken connection. */
static int on_verify(X509_STORE_CTX *chain, void *context)
{
    (void)context;
    int ok = X509_verify_cert(chain);
    if (ok <= 0)
        ERR_clear_error();
    return ok;
}

static CURLcode on_tls(CURL *c, void *tls, void *context)
{
    (void)c;
    SSL_CTX_set_cert_verify_callback(tls, on_verify, context);
    return CURLE_OK;
}

/* Children of the process must not inherit connections to AWS. */
static curl_socket_t on_socket(void *context, curlsocktype purpose, struct curl_sockaddr *address)
{
    (void)context;
    (void)purpose;
    return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

void http_reply_done(struct http_reply *r)
{
    buf_done(&r->body);
    *r = (struct http_reply)HTTP_REPLY_INIT;
}

/* ---- one request ---- */

static bool header_ok(const struct http_header *h)
{
    for (const char *c = h->value; *c; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            return false;
    return true;
}

static bool make_headers(const struct http_request *q, struct curl_slist **ret, struct err *e)
{
    struct curl_slist *list = curl_slist_append(NULL, "Expect:"); /* no waiting for 100-continue */
    for (size_t i = 0; i < q->header_count && list; i++) {
        const struct http_header *h = &q->headers[i];
        if (!header_ok(h)) {
            curl_slist_free_all(list);
            return err_set(e, ERR_INVALID, "the value of header %s contains control characters", h->name);
        }
        struct buf line = BUF_INIT(HTTP_HEADERS_MAX);
        (void)buf_printf(&line, "%s: %s", h->name, h->value);
        struct curl_slist *longer = line.overflow ? NULL : curl_slist_append(list, buf_text(&line));
        buf_done(&line);
        if (!longer) {
            curl_slist_free_all(list);
            return err_set(e, ERR_INVALID, "header %s is too long", h->name);
        }
        list = longer;
    }
    *ret = list;
    return true;
}

static void set_transport(CURL *c, const struct http *h, const struct http_request *q)
{
    const struct http_config *k = &h->config;
    const char *proxy = q->url->secure ? k->https_proxy : k->http_proxy;
    (void)curl_easy_setopt(c, CURLOPT_PROXY, proxy && !q->url->loopback ? proxy : "");
    (void)curl_easy_setopt(c, CURLOPT_NOPROXY, k->no_proxy ? k->no_proxy : "");
    (void)curl_easy_setopt(c, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    (void)curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
    (void)curl_easy_setopt(c, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    (void)curl_easy_setopt(c, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    (void)curl_easy_setopt(c, CURLOPT_SSL_VERIFYPEER, k->insecure ? 0L : 1L);
    (void)curl_easy_setopt(c, CURLOPT_SSL_VERIFYHOST, k->insecure ? 0L : 2L);
    (void)curl_easy_setopt(c, CURLOPT_SSL_CTX_FUNCTION, on_tls);
    if (k->ca_file && *k->ca_file)
        (void)curl_easy_setopt(c, CURLOPT_CAINFO, k->ca_file);
    (void)curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
    (void)curl_easy_setopt(c, CURLOPT_UPLOAD_BUFFERSIZE, (long)UPLOAD_BUFFER);
    (void)curl_easy_setopt(c, CURLOPT_OPENSOCKETFUNCTION, on_socket);
    (void)curl_easy_setopt(c, CURLOPT_TCP_KEEPALIVE, 1L);
    (void)curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS, (long)k->connect_ms);
    (void)curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, (long)k->total_ms);
    (void)curl_easy_setopt(c, CURLOPT_LOW_SPEED_LIMIT, 1L);
    (void)curl_easy_setopt(c, CURLOPT_LOW_SPEED_TIME, (long)k->idle_s);
    /* libcurl repeats a request by itself when a kept connection turns out to be dead. */
    (void)curl_easy_setopt(c, CURLOPT_FRESH_CONNECT, q->once ? 1L : 0L);
}

static void set_request(CURL *c, const struct http *h, const struct http_request *q, const char *url,
                        struct curl_slist *headers, struct receiver *r, char *words)
{
    (void)curl_easy_setopt(c, CURLOPT_URL, url);
    (void)curl_easy_setopt(c, CURLOPT_PATH_AS_IS, 1L);
    (void)curl_easy_setopt(c, CURLOPT_HTTPHEADER, headers);
    (void)curl_easy_setopt(c, CURLOPT_USERAGENT, h->config.user_agent ? h->config.user_agent : "");
    if (strcmp(q->method, "GET") == 0) {
        (void)curl_easy_setopt(c, CURLOPT_HTTPGET, 1L);
    } else {
        (void)curl_easy_setopt(c, CURLOPT_POST, 1L);
        (void)curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)q->body.n);
        (void)curl_easy_setopt(c, CURLOPT_POSTFIELDS, q->body.n ? q->body.p : "");
        (void)curl_easy_setopt(c, CURLOPT_CUSTOMREQUEST, q->method);
    }
    (void)curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_body);
    (void)curl_easy_setopt(c, CURLOPT_WRITEDATA, r);
    (void)curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, on_header);
    (void)curl_easy_setopt(c, CURLOPT_HEADERDATA, r);
    (void)curl_easy_setopt(c, CURLOPT_ERRORBUFFER, words);
}

/* Runs the transfer to its end. False: stop was requested. */
static bool drive(struct place *p, struct stop *stop, CURLcode *ret)
{
    struct curl_waitfd wait = {.fd = stop_fd(stop), .events = CURL_WAIT_POLLIN};
    int running = 1, left = 0;
    CURLcode code = CURLE_FAILED_INIT;
    bool stopped = false;
    if (curl_multi_add_handle(p->multi, p->easy) == CURLM_OK) {
        while (!(stopped = stop_requested(stop)) && curl_multi_perform(p->multi, &running) == CURLM_OK &&
               running)
            (void)curl_multi_poll(p->multi, &wait, stop ? 1 : 0, POLL_MS, NULL);
        for (CURLMsg *m = curl_multi_info_read(p->multi, &left); m; m = curl_multi_info_read(p->multi, &left))
            code = m->msg == CURLMSG_DONE ? m->data.result : code;
        if (stopped) /* else removing would wait for a name server that does not answer */
            (void)curl_easy_setopt(p->easy, CURLOPT_QUICK_EXIT, 1L);
        (void)curl_multi_remove_handle(p->multi, p->easy);
    }
    *ret = code;
    return !stopped;
}

static enum http_result classify(CURL *c, CURLcode code, const struct receiver *r)
{
    long sent = 0;
    (void)curl_easy_getinfo(c, CURLINFO_REQUEST_SIZE, &sent);
    if (r->oversize)
        return HTTP_OVERSIZE;
    switch (code) {
    case CURLE_OK:
        return HTTP_DONE;
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
        return HTTP_UNTRUSTED;
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_BAD_FUNCTION_ARGUMENT:
        return HTTP_REFUSED;
    default:
        return sent > 0 ? HTTP_LOST : HTTP_UNSENT;
    }
}

static void explain(enum http_result result, const struct http_request *q, CURLcode code, const char *words,
                    struct err *e)
{
    const char *said = *words ? words : curl_easy_strerror(code);
    switch (result) {
    case HTTP_OVERSIZE:
        (void)err_set(e, ERR_UNAVAILABLE, "the reply of %s is larger than %d MiB", q->url->text,
                      HTTP_BODY_MAX / (1024 * 1024));
        break;
    case HTTP_UNTRUSTED:
        (void)err_set(e, ERR_UNAVAILABLE, "no trusted connection to %s: %s", q->url->text, said);
        (void)err_hint(e, "If a proxy of yours ends TLS, name its CA in custom_ca_bundle or AWS_CA_BUNDLE.");
        break;
    case HTTP_REFUSED:
        (void)err_set(e, ERR_INVALID, "no request can be sent to %s: %s", q->url->text, said);
        break;
    case HTTP_UNSENT:
        (void)err_set(e, ERR_UNAVAILABLE, "%s cannot be reached: %s", q->url->text, said);
        break;
    default:
        (void)err_set(e, ERR_UNAVAILABLE, "the connection to %s broke before the reply was complete: %s",
                      q->url->text, said);
        break;
    }
}

static enum http_result perform(struct http *h, const struct http_request *q, struct stop *stop,
                                struct curl_slist *headers, struct http_reply *reply, struct err *e)
{
    struct receiver r = {.reply = reply};
    char words[CURL_ERROR_SIZE] = "";
    struct buf url = BUF_INIT(HTTP_HEADERS_MAX);
    (void)buf_printf(&url, "%s%s", q->url->text, q->path ? q->path : q->url->path);

    int i = place_take(h);
    CURL *c = h->places[i].easy;
    CURLcode code = CURLE_OK;
    long status = 0;
    set_transport(c, h, q);
    set_request(c, h, q, buf_text(&url), headers, &r, words);
    bool ended = drive(&h->places[i], stop, &code);
    enum http_result result = classify(c, code, &r);
    (void)curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &status);
    place_return(h, i);
    buf_done(&url);

    if (!ended) {
        (void)err_set(e, ERR_CANCELLED, "stopped while waiting for %s", q->url->text);
        result = HTTP_STOPPED;
    } else if (result != HTTP_DONE) {
        explain(result, q, code, words, e);
    }
    reply->status = (int)status;
    return result;
}

enum http_result http_send(struct http *h, const struct http_request *q, struct stop *stop,
                           struct http_reply *reply, struct err *e)
{
    struct curl_slist *headers CLEANUP(slist_cleanup) = NULL;
    http_reply_done(reply);
    if (!make_headers(q, &headers, e))
        return HTTP_REFUSED;
    if (!gate_enter(&h->gate, stop)) {
        (void)err_set(e, ERR_CANCELLED, "stopped before calling %s", q->url->text);
        return HTTP_STOPPED;
    }
    enum http_result result = perform(h, q, stop, headers, reply, e);
    if (result != HTTP_DONE)
        http_reply_done(reply);
    return result;
}
