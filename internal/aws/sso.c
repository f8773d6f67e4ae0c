/* IAM Identity Center: the token that `aws sso login` has left, exchanged for keys of a role.
 *
 * Both forms of profile: with an `sso_session` section, whose token is renewed here as the AWS CLI does it,
 * and the older one with everything in the profile, whose token only a login renews. Tokens are files named
 * by the SHA-1 of the session's name or of the start URL. Sources: AWS SDKs and Tools guide, "IAM Identity
 * Center credential provider"; the services' models (portal GetRoleCredentials, OIDC CreateToken). */
#include "internal/aws/credentials_internal.h"
#include "internal/base/file.h"
#include "internal/base/log.h"

#include <openssl/sha.h>
#include <stdio.h>
#include <string.h>

enum { CACHE_MAX = 256 * 1024, TRIES = 3, EARLY_MS = 5 * 60 * 1000, EXPIRES_IN_MAX = 366 * 24 * 3600 };

struct sso {
    struct search *h;
    const char *profile, *session; /* session NULL: the older form */
    const char *start_url, *region, *account, *role;
    const char *path;           /* of the token */
    const struct value *cached; /* as it was read */
    const char *token;
};

static bool login_needed(const struct sso *s, const char *why, struct err *e)
{
    (void)err_set(e, ERR_AUTH, "profile \"%s\": the IAM Identity Center session %s", s->profile, why);
    if (strcmp(s->profile, "default") == 0)
        return err_hint(e, "Log in again: aws sso login");
    return err_hint(e, "Log in again: aws sso login --profile %s", s->profile);
}

/* ---- what the files say ---- */

static bool read_profile(struct sso *s, struct err *e)
{
    const struct shared *files = &s->h->shared;
    const char *profile = s->profile;
    s->session = shared_get(files, profile, "sso_session");
    s->start_url = s->session ? shared_sso_session(files, s->session, "sso_start_url")
                              : shared_get(files, profile, "sso_start_url");
    s->region = s->session ? shared_sso_session(files, s->session, "sso_region")
                           : shared_get(files, profile, "sso_region");
    s->account = shared_get(files, profile, "sso_account_id");
    s->role = shared_get(files, profile, "sso_role_name");
    const struct {
        const char *key, *value;
    } needed[] = {{"sso_start_url", s->start_url},
                  {"sso_region", s->region},
                  {"sso_account_id", s->account},
                  {"sso_role_name", s->role}};
    for (size_t i = 0; i < ARRAY_LEN(needed); i++)
        if (!needed[i].value && s->session && i < 2)
            return err_set(e, ERR_AUTH, "profile \"%s\": no %s in [sso-session %s]", profile, needed[i].key,
                           s->session);
        else if (!needed[i].value)
            return err_set(e, ERR_AUTH, "profile \"%s\" has no %s", profile, needed[i].key);
    return true;
}

static bool read_cache(struct sso *s, struct err *e)
{
    struct arena *a = s->h->arena;
    const char *name = s->session ? s->session : s->start_url;
    const char *home = settings_env(&s->h->aws->settings, "HOME");
    unsigned char digest[SHA_DIGEST_LENGTH];
    char hex[2 * SHA_DIGEST_LENGTH + 1];
    struct err why = ERR_INIT;
    struct str text;
    (void)SHA1((const unsigned char *)name, strlen(name), digest);
    for (size_t i = 0; i < sizeof digest; i++)
        (void)snprintf(hex + 2 * i, 3, "%02x", digest[i]);
    s->path = arena_printf(a, "%s/.aws/sso/cache/%s.json", home ? home : "", hex);
    if (!file_read(a, s->path, CACHE_MAX, &text, &why))
        return login_needed(s, why.code == ERR_NOT_FOUND ? "has not begun" : "cannot be read", e);
    if (!value_from_json(a, text, &s->cached, NULL) || !s->cached || s->cached->kind != VALUE_OBJECT)
        return login_needed(s, "is kept in a file that is not JSON", e);
    s->token = value_as_text(value_get(s->cached, "accessToken"), "");
    log_secret(s->token);
    log_secret(value_as_text(value_get(s->cached, "refreshToken"), NULL));
    log_secret(value_as_text(value_get(s->cached, "clientSecret"), NULL));
    return true;
}

/* -1: not known */
static int64_t left_ms(const struct sso *s, const char *member)
{
    int64_t when = 0;
    if (!expiry_parse(value_as_text(value_get(s->cached, member), ""), &when))
        return -1;
    int64_t left = when - aws_now_ms(s->h->aws);
    return left > 0 ? left : -1;
}

/* ---- a new token for a session ---- */

static const char *service_url(const struct sso *s, const char *service, const char *path, struct err *e)
{
    struct http_url url;
    if (!settings_endpoint(&s->h->aws->settings, s->h->arena, aws_service_find(service), s->region, &url, e))
        return NULL;
    size_t n = strlen(url.path);
    return arena_printf(s->h->arena, "%s%.*s%s", url.text, (int)(n - (url.path[n - 1] == '/')), url.path,
                        path);
}

static const char *refresh_body(const struct sso *s)
{
    static const char *const members[] = {"clientId", "clientSecret", "refreshToken"};
    struct arena *a = s->h->arena;
    struct value *v = value_object(a);
    struct buf b = BUF_INIT(CACHE_MAX);
    value_set(a, v, "grantType", value_string(a, "refresh_token"));
    for (size_t i = 0; i < ARRAY_LEN(members); i++) {
        if (!*value_as_text(value_get(s->cached, members[i]), ""))
            return NULL;
        value_set(a, v, members[i], value_get(s->cached, members[i]));
    }
    const char *text = value_to_json(v, &b, NULL) && !b.overflow ? arena_strdup(a, buf_text(&b)) : NULL;
    buf_done(&b);
    return text;
}

/* Written back as the AWS CLI would, so that both use the newest token: a used refresh token is void. */
static void keep_token(struct sso *s, const struct value *answer, int64_t seconds)
{
    struct arena *a = s->h->arena;
    struct value *v = value_object(a);
    struct buf b = BUF_INIT(CACHE_MAX);
    struct err why = ERR_INIT;
    char when[TIME_ISO_SIZE];
    for (size_t i = 0; i < s->cached->count; i++)
        value_set(a, v, s->cached->keys[i], s->cached->items[i]);
    time_iso(aws_now_ms(s->h->aws) + seconds * 1000, false, when);
    value_set(a, v, "accessToken", value_get(answer, "accessToken"));
    value_set(a, v, "expiresAt", value_string(a, when));
    if (*value_as_text(value_get(answer, "refreshToken"), ""))
        value_set(a, v, "refreshToken", value_get(answer, "refreshToken"));
    s->cached = v;
    if (!value_to_json(v, &b, &why) || b.overflow || !file_replace(s->path, b.p, b.n, 0600, &why))
        log_line(LOG_WARN, "aws", "the renewed token of profile \"%s\" cannot be kept: %s", s->profile,
                 why.text);
    buf_done(&b);
}

/* False without an error if there is nothing to renew it with. */
static bool refresh(struct sso *s, struct err *e)
{
    const char *body = left_ms(s, "registrationExpiresAt") > 0 ? refresh_body(s) : NULL;
    const char *url = body ? service_url(s, "ssooidc", "/token", e) : NULL;
    struct http_reply reply = HTTP_REPLY_INIT;
    const struct value *v = NULL;
    if (!url)
        return false;
    struct ask q = {.http = s->h->aws->http,
                    .method = "POST",
                    .url = url,
                    .headers = {{"content-type", "application/json"}},
                    .body = str_of(body),
                    .tries = 1}; /* a second use of the refresh token would be refused */
    bool ok = ask(s->h, &q, &reply, e);
    if (ok && reply.status != 200)
        ok = err_set(e, ERR_AUTH, "IAM Identity Center answers HTTP %d", reply.status);
    ok = ok && ask_object(s->h, buf_view(&reply.body), "the answer", &v, e);
    http_reply_done(&reply);
    const char *token = value_as_text(value_get(v, "accessToken"), "");
    int64_t seconds = value_as_int(value_get(v, "expiresIn"), 0);
    if (ok && (!*token || seconds <= 0 || seconds > EXPIRES_IN_MAX))
        ok = err_set(e, ERR_AUTH, "IAM Identity Center's answer has no token");
    if (!ok)
        return false;
    s->token = token;
    log_secret(token);
    log_secret(value_as_text(value_get(v, "refreshToken"), NULL));
    keep_token(s, v, seconds);
    return true;
}

static bool need_token(struct sso *s, struct err *e)
{
    struct err why = ERR_INIT;
    int64_t left = left_ms(s, "expiresAt");
    bool good = *s->token && left > 0;
    if (good && (left > EARLY_MS || !s->session))
        return true;
    if (s->session && refresh(s, &why))
        return true;
    if (why.code == ERR_CANCELLED)
        return err_set(e, ERR_CANCELLED, "%s", why.text);
    if (why.code != ERR_NONE)
        log_line(LOG_WARN, "aws", "the token of profile \"%s\" cannot be renewed: %s", s->profile, why.text);
    return good || login_needed(s, *s->token ? "has expired" : "has no token", e);
}

/* ---- keys ---- */

static bool refused(const struct sso *s, int status, struct err *e)
{
    if (status == 401)
        return login_needed(s, "is no longer accepted", e);
    (void)err_set(e, ERR_AUTH,
                  "profile \"%s\": IAM Identity Center answers HTTP %d for role %s in account %s", s->profile,
                  status, s->role, s->account);
    if (status == 403 || status == 404)
        return err_hint(e, "Check sso_account_id and sso_role_name: the person who logged in must be "
                           "assigned to that role.");
    return false;
}

static bool read_answer(const struct sso *s, struct str body, struct keys *ret, struct err *e)
{
    static const struct key_names names = {"accessKeyId", "secretAccessKey", "sessionToken", "expiresAt"};
    const struct value *v = NULL;
    struct keys k;
    if (!ask_object(s->h, body, "the answer", &v, e))
        return false;
    const struct value *inside = value_get(v, "roleCredentials");
    if (!keys_of(inside, &names, &k, e))
        return false;
    k.expires_ms = value_as_int(value_get(inside, "expiration"), 0);
    if (!keys_alive(s->h, &k, e))
        return false;
    k.renewal = RENEW_SURE;
    k.source = arena_printf(s->h->arena, "IAM Identity Center, profile \"%s\"", s->profile);
    *ret = k;
    return true;
}

static bool fetch(struct sso *s, struct keys *ret, struct err *e)
{
    struct buf path = BUF_INIT(4096);
    struct http_reply reply = HTTP_REPLY_INIT;
    (void)buf_puts(&path, "/federation/credentials?role_name=");
    sigv4_uri_encode(&path, s->role, false);
    (void)buf_puts(&path, "&account_id=");
    sigv4_uri_encode(&path, s->account, false);
    const char *url = path.overflow ? NULL : service_url(s, "sso", buf_text(&path), e);
    buf_done(&path);
    if (!url)
        return false;
    struct ask q = {.http = s->h->aws->http,
                    .method = "GET",
                    .url = url,
                    .headers = {{"x-amz-sso_bearer_token", s->token}},
                    .tries = TRIES};
    bool ok = ask(s->h, &q, &reply, e);
    if (ok && reply.status != 200)
        ok = refused(s, reply.status, e);
    ok = ok && (read_answer(s, buf_view(&reply.body), ret, e) ||
                err_wrap(e, "profile \"%s\": IAM Identity Center", s->profile));
    http_reply_done(&reply);
    return ok;
}

bool sso_keys(struct search *h, const char *profile, struct keys *ret, struct err *e)
{
    struct sso s = {.h = h, .profile = profile};
    return read_profile(&s, e) && read_cache(&s, e) && need_token(&s, e) && fetch(&s, ret, e);
}
