/* Requests that are not signed, to the metadata service, a container's agent and the SSO portal. */
#include "internal/aws/credentials_internal.h"
#include "internal/base/log.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ANSWER_MAX = 64 * 1024, EXPIRY_TEXT = 64, KEY_BYTES_MAX = 16 * 1024, AGAIN_MS = 100 };

bool ask_beside(struct search *h, int connect_ms, int total_ms, struct http **ret, struct err *e)
{
    const struct http_config *c = &h->aws->settings.http;
    const struct http_config own = {.ca_file = c->ca_file,
                                    .user_agent = c->user_agent,
                                    .insecure = c->insecure,
                                    .connect_ms = connect_ms,
                                    .total_ms = total_ms};
    return http_new(&own, ret, e);
}

static bool worth_repeating(enum http_result result, const struct http_reply *r)
{
    if (result == HTTP_DONE)
        return r->status == 429 || r->status >= 500;
    return result == HTTP_UNSENT || result == HTTP_LOST;
}

bool ask(struct search *h, const struct ask *q, struct http_reply *reply, struct err *e)
{
    const char *query = strchr(q->url, '?');
    const char *plain = arena_memdup(h->arena, q->url, query ? (size_t)(query - q->url) : strlen(q->url));
    struct http_url url;
    if (!http_url_parse(h->arena, plain, &url, e))
        return false;
    struct http_request r = {.method = q->method,
                             .url = &url,
                             .path = query ? arena_printf(h->arena, "%s%s", url.path, query) : NULL,
                             .headers = q->headers,
                             .body = q->body};
    while (r.header_count < ASK_HEADERS && q->headers[r.header_count].name)
        r.header_count++;
    struct clock *clock = h->aws->clock;
    for (int n = 1;; n++) {
        enum http_result result = http_send(q->http, &r, h->session->stop, reply, e);
        if (!worth_repeating(result, reply) || n >= q->tries)
            return result == HTTP_DONE;
        if (clock->wait(clock, h->session->stop, AGAIN_MS * n))
            return err_set(e, ERR_CANCELLED, "stopped while asking %s", url.text);
    }
}

bool ask_object(struct search *h, struct str text, const char *what, const struct value **ret, struct err *e)
{
    const struct value *v = NULL;
    if (text.n > ANSWER_MAX)
        return err_set(e, ERR_AUTH, "%s is larger than %d bytes", what, ANSWER_MAX);
    if (!value_from_json(h->arena, text, &v, NULL) || !v || v->kind != VALUE_OBJECT)
        return err_set(e, ERR_AUTH, "%s is not a JSON object", what);
    *ret = v;
    return true;
}

/* Takes "+hh:mm" or "-hhmm" off the end; *ret is what it adds to UTC. */
static bool take_offset(char *text, int64_t *ret_ms)
{
    size_t n = strlen(text);
    char *sign = n > 5 ? strpbrk(text + n - 6, "+-") : NULL;
    int hours = 0, minutes = 0;
    if (!sign)
        return false;
    const char *digits = sign + 1;
    for (size_t i = 0; digits[i]; i++)
        if (!isdigit((unsigned char)digits[i]) && !(i == 2 && digits[i] == ':'))
            return false;
    size_t length = strlen(digits);
    bool colon = length == 5 && digits[2] == ':';
    if (!colon && length != 4)
        return false;
    hours = (digits[0] - '0') * 10 + digits[1] - '0';
    digits += colon ? 3 : 2;
    minutes = (digits[0] - '0') * 10 + digits[1] - '0';
    *ret_ms = (hours * 60 + minutes) * 60000LL * (*sign == '+' ? 1 : -1);
    *sign = '\0';
    return hours < 24 && minutes < 60;
}

bool expiry_parse(const char *text, int64_t *ret_ms)
{
    char copy[EXPIRY_TEXT];
    int64_t offset = 0, when = 0;
    size_t n = strlen(text);
    if (n + 2 > sizeof copy)
        return false;
    memcpy(copy, text, n + 1);
    if (n > 3 && strcmp(copy + n - 3, "UTC") == 0)
        copy[n - 3] = '\0';
    else if (n > 1 && copy[n - 1] == 'Z')
        copy[n - 1] = '\0';
    else if (!take_offset(copy, &offset))
        return false;
    n = strlen(copy);
    memcpy(copy + n, "Z", 2);
    if (!time_parse_iso(copy, &when))
        return false;
    *ret_ms = when - offset;
    return true;
}

static const char *member(const struct value *object, const char *name)
{
    const char *text = value_as_text(value_get(object, name), "");
    return strlen(text) <= KEY_BYTES_MAX ? text : "";
}

bool keys_of(const struct value *object, const struct key_names *names, struct keys *ret, struct err *e)
{
    const char *token = member(object, names->session_token);
    const char *expiry = member(object, names->expiry);
    struct keys k = {
        .sign = {member(object, names->access_key), member(object, names->secret_key), *token ? token : NULL},
        .expires_ms = KEYS_NO_EXPIRY};
    log_secret(k.sign.secret_key);
    log_secret(k.sign.session_token);
    if (!*k.sign.access_key || !*k.sign.secret_key)
        return err_set(e, ERR_AUTH, "the answer has no %s and %s", names->access_key, names->secret_key);
    if (*expiry && !expiry_parse(expiry, &k.expires_ms))
        return err_set(e, ERR_AUTH, "the answer's %s is not a time such as 2026-01-02T03:04:05Z",
                       names->expiry);
    *ret = k;
    return true;
}

bool keys_alive(struct search *h, const struct keys *k, struct err *e)
{
    return k->expires_ms > aws_now_ms(h->aws) ||
           err_set(e, ERR_AUTH, "the credentials it gives have expired already, by this machine's clock");
}
