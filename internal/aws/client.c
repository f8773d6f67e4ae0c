#include "internal/aws/client.h"
#include "internal/base/file.h"
#include "internal/base/log.h"

#include <stdlib.h>
#include <string.h>

enum { SKEW_MATTERS_MS = 4 * 60 * 1000, HEADERS_MAX = 8, MINUTE_MS = 60 * 1000, PATH_BYTES_MAX = 16384 };

const struct sigv4_keys aws_unsigned = {NULL, NULL, NULL};

bool aws_new(const struct aws_config *c, struct aws **ret, struct err *e)
{
    struct aws *w CLEANUP(aws_cleanup) = calloc(1, sizeof *w);
    if (!w)
        abort();
    w->arena = arena_new();
    w->clock = c->clock ? c->clock : clock_real();
    w->keys = sigv4_cache_new();
    w->crew = crew_new(HTTP_PLACES);
    retry_budget_init(&w->budget, c->retry_capacity, w->clock->mono_ms(w->clock));
    if (!settings_resolve(w->arena, c, &w->settings, e) || !http_new(&w->settings.http, &w->http, e) ||
        !credentials_new(w, c, &w->credentials, e))
        return err_wrap(e, "configure AWS");
    *ret = STEAL(w);
    return true;
}

void aws_free(struct aws *w)
{
    if (!w)
        return;
    crew_free(w->crew);
    credentials_free(w->credentials);
    http_free(w->http);
    retry_budget_done(&w->budget);
    sigv4_cache_free(w->keys);
    arena_free(w->arena);
    free(w);
}

const char *aws_region(const struct aws *w)
{
    return w->settings.region;
}

int64_t aws_now_ms(struct aws *w)
{
    return w->clock->wall_ms(w->clock) + atomic_load(&w->skew_ms);
}

/* ---- one attempt ---- */

struct attempt {
    bool done;
    enum retry_class class;
    bool maybe_done;  /* the request may have been carried out although it failed for us */
    bool cured;       /* clock or credentials were put right: try at once */
    int64_t asked_ms; /* -1: the server did not say when to come back */
};

struct attempts {
    int n; /* the present one, from 1 */
    bool clock_cured, credentials_cured, maybe_done;
};

/* An endpoint may have a path of its own. */
static const char *path_below(struct arena *a, const struct http_url *url, const char *path)
{
    size_t n = strlen(url->path);
    n -= n > 0 && url->path[n - 1] == '/';
    return path ? arena_printf(a, "%.*s%s", (int)n, url->path, path) : url->path;
}

/* As it stands in the request line. */
static const char *path_with_query(const struct aws_call *c, const char *path)
{
    struct buf b CLEANUP(buf_done) = BUF_INIT(PATH_BYTES_MAX);
    (void)buf_puts(&b, path);
    for (size_t i = 0; i < c->query_count; i++) {
        (void)buf_printf(&b, "%c%s=", i == 0 ? '?' : '&', c->query[i].name);
        sigv4_uri_encode(&b, c->query[i].value, false);
    }
    return arena_strdup(c->session->arena, buf_text(&b));
}

static struct http_request prepare(struct aws_call *c, const struct sigv4_keys *k, struct http_url *url)
{
    struct arena *a = c->session->arena;
    struct aws *w = c->session->aws;
    char hash[SIGV4_HEX_SIZE];
    sigv4_sha256(c->body, hash);
    struct sigv4_pair pairs[3] = {{"host", url->authority}};
    struct sigv4_request r = {.method = c->method ? c->method : "POST",
                              .path = path_below(a, url, c->path),
                              .query = c->query,
                              .query_count = c->query_count,
                              .headers = pairs,
                              .header_count = 1,
                              .payload_hash = hash};
    if (c->content_type)
        pairs[r.header_count++] = (struct sigv4_pair){"content-type", c->content_type};
    if (c->target)
        pairs[r.header_count++] = (struct sigv4_pair){"x-amz-target", c->target};
    struct http_header *h = ARENA_ARRAY(a, struct http_header, HEADERS_MAX);
    size_t n = 0;
    for (size_t i = 0; i < r.header_count; i++)
        h[n++] = (struct http_header){pairs[i].name, pairs[i].value};
    if (k->access_key) {
        struct sigv4_scope scope = {c->region, c->service->signing_name, aws_now_ms(w)};
        struct sigv4_signed s = sigv4_sign(a, w->keys, k, &scope, &r);
        h[n++] = (struct http_header){"x-amz-date", s.date};
        if (k->session_token && *k->session_token)
            h[n++] = (struct http_header){"x-amz-security-token", k->session_token};
        h[n++] = (struct http_header){"authorization", s.authorization};
    }
    return (struct http_request){.method = r.method,
                                 .url = url,
                                 .path = path_with_query(c, r.path),
                                 .headers = h,
                                 .header_count = n,
                                 .body = c->body,
                                 .once = !(c->op->flags & OP_REPEATABLE)};
}

/* A refusal that speaks of time, while the server's clock really is elsewhere: believe it, once. */
static bool cure_clock(struct aws *w, struct attempts *all, const struct http_reply *r, const char *code)
{
    if (all->clock_cured || !aws_error_is_about_time(code) || r->date_ms == 0)
        return false;
    int64_t skew = r->date_ms - w->clock->wall_ms(w->clock);
    int64_t change = skew - atomic_load(&w->skew_ms);
    if (change < SKEW_MATTERS_MS && change > -SKEW_MATTERS_MS)
        return false;
    log_debug("aws", "clock is %lld s off AWS's", (long long)(skew / 1000));
    atomic_store(&w->skew_ms, skew);
    all->clock_cured = true;
    return true;
}

static bool cure_credentials(struct aws_call *c, struct attempts *all, const struct sigv4_keys *used,
                             const char *code)
{
    if (all->credentials_cured || c->keys || !aws_error_is_expiry(code))
        return false;
    all->credentials_cured = true;
    return credentials_renew(c->session, used);
}

static struct attempt refused(struct aws_call *c, struct attempts *all, const struct sigv4_keys *k,
                              const struct http_reply *r, const struct aws_refusal *refusal, struct err *e)
{
    (void)aws_error_set(e, c->op, refusal);
    enum retry_class class = retry_class_of(refusal->code, r->status);
    struct attempt a = {.class = class, .asked_ms = r->retry_after_ms};
    a.maybe_done = class == RETRY_SERVER;
    a.cured =
        cure_clock(c->session->aws, all, r, refusal->code) || cure_credentials(c, all, k, refusal->code);
    int64_t skew = atomic_load(&c->session->aws->skew_ms);
    if (all->clock_cured && !a.cured && aws_error_is_about_time(refusal->code))
        (void)err_hint(e, "This machine's clock is %lld minutes off AWS's: set it right.",
                       (long long)(skew / MINUTE_MS));
    return a;
}

static struct attempt received(struct aws_call *c, struct attempts *all, const struct sigv4_keys *k,
                               const struct http_reply *r, struct err *e)
{
    struct aws_refusal refusal = {"", "", r->request_id, r->status};
    switch (c->decode(c, r, &refusal, e)) {
    case REPLY_GOOD:
        return (struct attempt){.done = true};
    case REPLY_REFUSAL:
        return refused(c, all, k, r, &refusal, e);
    default:
        (void)err_said(e, "HTTP %d, %s, %zu bytes", r->status,
                       *r->content_type ? r->content_type : "no content type", r->body.n);
        return (struct attempt){.class = RETRY_BROKEN, .maybe_done = true, .asked_ms = -1};
    }
}

static struct attempt not_received(enum http_result result)
{
    struct attempt a = {.class = RETRY_NETWORK, .asked_ms = -1};
    a.maybe_done = result == HTTP_LOST || result == HTTP_OVERSIZE;
    if (result == HTTP_OVERSIZE)
        a.class = RETRY_BROKEN;
    else if (result != HTTP_LOST && result != HTTP_UNSENT)
        a.class = RETRY_NEVER;
    return a;
}

static struct attempt attempt(struct aws_call *c, struct attempts *all, struct err *e)
{
    struct aws *w = c->session->aws;
    struct http_reply reply = HTTP_REPLY_INIT;
    struct http_url url;
    struct sigv4_keys k;
    if (!settings_endpoint(&w->settings, c->session->arena, c->service, c->region, &url, e))
        return (struct attempt){.class = RETRY_NEVER};
    if (c->keys)
        k = *c->keys;
    else if (!credentials_get(c->session, &k, e))
        return (struct attempt){.class = RETRY_NEVER};
    struct http_request q = prepare(c, &k, &url);
    int64_t began = w->clock->mono_ms(w->clock);
    enum http_result result = http_send(w->http, &q, c->session->stop, &reply, e);
    struct attempt a = result == HTTP_DONE ? received(c, all, &k, &reply, e) : not_received(result);
    log_debug("aws", "%s %s attempt %d: HTTP %d, %lld ms%s%s", c->op->service, c->op->action, all->n,
              reply.status, (long long)(w->clock->mono_ms(w->clock) - began),
              *reply.request_id ? ", request " : "", reply.request_id);
    http_reply_done(&reply);
    return a;
}

struct errand {
    struct aws_call *call;
    struct attempts *all;
    struct err *e;
    struct attempt result;
};

static void run_errand(void *of)
{
    struct errand *x = of;
    x->result = attempt(x->call, x->all, x->e);
}

/* ---- all attempts ---- */

static bool give_up(struct aws_call *c, const struct attempts *all, const struct attempt *last, struct err *e)
{
    bool repeatable = c->op->flags & OP_REPEATABLE;
    if (last->maybe_done && !repeatable)
        (void)err_hint(e,
                       "%s may have been carried out all the same: it is not repeated blindly. Look at the "
                       "present state first.",
                       c->op->action);
    if (all->maybe_done && !last->maybe_done && last->class == RETRY_NEVER)
        (void)err_wrap(e, "repeated after an attempt whose reply was lost");
    else if (all->n > 1)
        (void)err_wrap(e, "gave up after %d attempts", all->n);
    return err_wrap(e, "%s %s", c->op->service, c->op->action);
}

/* Waits for the next attempt. False: there is none. */
static bool try_again(struct aws_call *c, struct attempts *all, const struct attempt *last, struct err *e)
{
    struct aws *w = c->session->aws;
    bool repeatable = c->op->flags & OP_REPEATABLE;
    if (last->cured)
        return true;
    if ((last->maybe_done && !repeatable) || all->n >= retry_attempts(last->class, w->settings.max_retries))
        return give_up(c, all, last, e);
    uint32_t random;
    random_bytes(&random, sizeof random);
    int64_t delay = retry_delay_ms(last->class, all->n, last->asked_ms, random);
    delay += retry_budget_take(&w->budget, w->clock->mono_ms(w->clock));
    if (!w->clock->wait(w->clock, c->session->stop, delay))
        return true;
    struct err why = *e;
    (void)err_set(e, ERR_CANCELLED, "stopped while waiting to repeat %s %s", c->op->service, c->op->action);
    return err_said(e, "%s", *why.said ? why.said : why.text);
}

bool aws_perform(struct aws_call *c, struct err *e)
{
    struct err why = ERR_INIT; /* failures that a later attempt mends are nobody's business */
    struct attempts all = {0};
    if (!c->region)
        c->region = c->session->region ? c->session->region : c->session->aws->settings.region;
    c->region = aws_service_region(c->service, c->region);
    for (;;) {
        all.n++;
        struct errand x = {c, &all, &why, {0}};
        crew_run(c->session->aws->crew, run_errand, &x);
        if (x.result.done)
            return true;
        if (!try_again(c, &all, &x.result, &why))
            break;
        all.maybe_done = all.maybe_done || x.result.maybe_done;
    }
    if (e)
        *e = why;
    return false;
}
