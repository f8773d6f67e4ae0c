/* Credentials of an EC2 instance's role, by version 2 of the metadata service only: version 1 gives them to
 * whoever can make this machine fetch a URL. Source: EC2 guide, "Use the Instance Metadata Service".
 *
 * Anywhere but on EC2 nobody answers there: two short tries, so that a laptop is not held up for long. */
#include "internal/aws/credentials_internal.h"
#include "internal/base/log.h"

#include <string.h>

enum { CONNECT_MS = 1000, TOTAL_MS = 2000, FIRST_TRIES = 2, TRIES = 4, NAME_MAX_BYTES = 256 };

struct metadata {
    struct search *h;
    struct http *http;
    const char *token;
};

static const char *address(const struct metadata *m, const char *path)
{
    const char *base = m->h->aws->settings.metadata_url;
    size_t n = strlen(base);
    while (n > 0 && base[n - 1] == '/')
        n--;
    return arena_printf(m->h->arena, "%.*s/latest/%s", (int)n, base, path);
}

/* One line of visible characters: a token or a role's name. */
static bool one_line(struct search *h, struct str text, size_t max, const char **ret)
{
    while (text.n > 0 && strchr("\r\n", text.p[text.n - 1]))
        text.n--;
    for (size_t i = 0; i < text.n; i++)
        if ((unsigned char)text.p[i] <= ' ' || (unsigned char)text.p[i] >= 0x7f)
            return false;
    if (text.n == 0 || text.n > max)
        return false;
    *ret = arena_memdup(h->arena, text.p, text.n);
    return true;
}

/* *ret_token stays NULL if there is no such service; `tried` says why. */
static bool take_token(struct metadata *m, const char **ret_token, struct err *e)
{
    const struct ask q = {.http = m->http,
                          .method = "PUT",
                          .url = address(m, "api/token"),
                          .headers = {{"x-aws-ec2-metadata-token-ttl-seconds", "300"}},
                          .tries = FIRST_TRIES};
    struct http_reply reply = HTTP_REPLY_INIT;
    struct err why = ERR_INIT;
    bool answered = ask(m->h, &q, &reply, &why);
    if (!answered && why.code == ERR_CANCELLED) {
        if (e)
            *e = why;
        return false;
    }
    if (!answered)
        not_found(m->h, "%s does not answer", m->h->aws->settings.metadata_url);
    else if (reply.status != 200)
        not_found(m->h, "it answers HTTP %d to the request for an IMDSv2 token", reply.status);
    else if (!one_line(m->h, buf_view(&reply.body), HTTP_HEADERS_MAX / 2, ret_token))
        not_found(m->h, "its IMDSv2 token is none");
    log_secret(*ret_token);
    http_reply_done(&reply);
    return true;
}

static bool get(const struct metadata *m, const char *path, struct http_reply *reply, struct err *e)
{
    const struct ask q = {.http = m->http,
                          .method = "GET",
                          .url = address(m, path),
                          .headers = {{"x-aws-ec2-metadata-token", m->token}},
                          .tries = TRIES};
    return ask(m->h, &q, reply, e);
}

/* *ret_role stays NULL if the instance has none. */
static bool take_role(const struct metadata *m, const char **ret_role, struct err *e)
{
    struct http_reply reply = HTTP_REPLY_INIT;
    bool ok = get(m, "meta-data/iam/security-credentials/", &reply, e);
    struct str text = buf_view(&reply.body);
    const char *end = text.n ? memchr(text.p, '\n', text.n) : NULL;
    if (ok && reply.status == 404)
        not_found(m->h, "this instance has no role");
    else if (ok && reply.status != 200)
        ok = err_set(e, ERR_AUTH, "it answers HTTP %d to the question for the role", reply.status);
    else if (ok && !one_line(m->h, end ? (struct str){text.p, (size_t)(end - text.p)} : text, NAME_MAX_BYTES,
                             ret_role))
        ok = err_set(e, ERR_AUTH, "the name of the instance's role is none");
    http_reply_done(&reply);
    return ok;
}

static bool take_keys(const struct metadata *m, const char *role, struct keys *ret, struct err *e)
{
    static const struct key_names names = {"AccessKeyId", "SecretAccessKey", "Token", "Expiration"};
    struct http_reply reply = HTTP_REPLY_INIT;
    struct buf path = BUF_INIT(2048);
    const struct value *v = NULL;
    (void)buf_puts(&path, "meta-data/iam/security-credentials/");
    sigv4_uri_encode(&path, role, false);
    bool ok = get(m, buf_text(&path), &reply, e);
    buf_done(&path);
    if (ok && reply.status != 200)
        ok = err_set(e, ERR_AUTH, "it answers HTTP %d to the question for role %s", reply.status, role);
    ok = ok && ask_object(m->h, buf_view(&reply.body), "its answer", &v, e);
    if (ok && strcmp(value_as_text(value_get(v, "Code"), "Success"), "Success") != 0)
        ok = err_set(e, ERR_AUTH, "it has no credentials for role %s: %s", role,
                     value_as_text(value_get(v, "Code"), ""));
    /* Expired ones, too: while AWS cannot renew them it goes on accepting them. */
    ok = ok && keys_of(v, &names, ret, e);
    http_reply_done(&reply);
    return ok;
}

static bool fetch(struct metadata *m, struct keys *ret, bool *ret_found, struct err *e)
{
    const char *role = NULL;
    if (!ask_beside(m->h, CONNECT_MS, TOTAL_MS, &m->http, e) || !take_token(m, &m->token, e))
        return false;
    if (!m->token)
        return true;
    if (!take_role(m, &role, e))
        return false;
    if (!role)
        return true;
    if (!take_keys(m, role, ret, e))
        return false;
    ret->renewal = RENEW_SURE;
    ret->source = arena_printf(m->h->arena, "instance metadata, role %s", role);
    *ret_found = true;
    return true;
}

bool metadata_keys(struct search *h, struct keys *ret, bool *ret_found, struct err *e)
{
    struct metadata m = {.h = h};
    if (h->aws->settings.metadata_off) {
        not_found(h, "switched off");
        return true;
    }
    bool ok = fetch(&m, ret, ret_found, e);
    http_free(m.http);
    return ok || err_wrap(e, "the instance metadata service");
}
