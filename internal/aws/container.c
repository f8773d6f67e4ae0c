/* Credentials of a container: ECS tasks, EKS pod identities, and agents that speak as they do.
 * Sources: AWS SDKs and Tools guide, "Container credential provider"; EKS guide, "Pod Identity". */
#include "internal/aws/credentials_internal.h"
#include "internal/base/file.h"
#include "internal/base/log.h"

#include <string.h>

enum { CONNECT_MS = 1000, TOTAL_MS = 5000, TRIES = 3, TOKEN_MAX = 64 * 1024 };

static bool is_container_host(const char *authority)
{
    static const char *const hosts[] = {"169.254.170.2", "169.254.170.23", "[fd00:ec2::23]"};
    for (size_t i = 0; i < ARRAY_LEN(hosts); i++)
        if (strcmp(authority, hosts[i]) == 0)
            return true;
    return false;
}

bool container_url(const struct settings *s, struct arena *a, const char **ret, struct err *e)
{
    const char *relative = settings_env(s, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
    const char *full = settings_env(s, "AWS_CONTAINER_CREDENTIALS_FULL_URI");
    struct http_url url;
    if (relative && relative[0] != '/')
        return err_set(e, ERR_INVALID, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI does not begin with a slash");
    *ret = relative ? arena_printf(a, "http://169.254.170.2%s", relative)
           : full   ? arena_strdup(a, full)
                    : NULL;
    if (relative || !full)
        return true;
    if (!http_url_parse(a, arena_memdup(a, full, strcspn(full, "?")), &url, e))
        return err_wrap(e, "AWS_CONTAINER_CREDENTIALS_FULL_URI");
    if (!url.secure && !url.loopback && !is_container_host(url.authority))
        return err_set(e, ERR_INVALID,
                       "AWS_CONTAINER_CREDENTIALS_FULL_URI is not encrypted and its host %s is neither this "
                       "machine nor a container agent's address",
                       url.authority);
    return true;
}

static bool read_token(struct search *h, const char **ret, struct err *e)
{
    const struct settings *s = &h->aws->settings;
    const char *path = settings_env(s, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
    const char *token = settings_env(s, "AWS_CONTAINER_AUTHORIZATION_TOKEN");
    struct str text = str_of(token);
    if (path && !file_read(h->arena, path, TOKEN_MAX, &text, e)) {
        if (e)
            e->code = ERR_AUTH;
        return err_wrap(e, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
    }
    while (text.n > 0 && strchr("\r\n", text.p[text.n - 1]))
        text.n--;
    *ret = text.n ? arena_memdup(h->arena, text.p, text.n) : NULL;
    log_secret(*ret);
    return true;
}

static bool fetch(struct search *h, const char *url, struct keys *ret, struct err *e)
{
    static const struct key_names names = {"AccessKeyId", "SecretAccessKey", "Token", "Expiration"};
    struct http *http CLEANUP(http_cleanup) = NULL;
    struct http_reply reply = HTTP_REPLY_INIT;
    const char *token = NULL;
    const struct value *v = NULL;
    if (!read_token(h, &token, e) || !ask_beside(h, CONNECT_MS, TOTAL_MS, &http, e))
        return false;
    struct ask q = {.http = http, .method = "GET", .url = url, .tries = TRIES};
    if (token)
        q.headers[0] = (struct http_header){"Authorization", token};
    bool ok = ask(h, &q, &reply, e);
    if (ok && reply.status != 200)
        ok = err_set(e, ERR_AUTH, "it answers HTTP %d", reply.status);
    ok = ok && ask_object(h, buf_view(&reply.body), "its answer", &v, e) && keys_of(v, &names, ret, e) &&
         keys_alive(h, ret, e);
    http_reply_done(&reply);
    return ok;
}

bool container_keys(struct search *h, struct keys *ret, bool *ret_found, struct err *e)
{
    const char *url = NULL;
    struct keys k;
    if (!container_url(&h->aws->settings, h->arena, &url, e))
        return false;
    if (!url) {
        not_found(h, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI and …_FULL_URI are not set");
        return true;
    }
    if (!fetch(h, url, &k, e))
        return err_wrap(e, "the container's credential service");
    k.renewal = RENEW_SURE;
    k.source = "container";
    *ret = k;
    *ret_found = true;
    return true;
}
