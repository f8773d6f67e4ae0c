#include "internal/aws/credentials_internal.h"

#include <stdarg.h>
#include <string.h>

/* ---- the sources ---- */

static bool given(const char *s)
{
    return s && *s;
}

void not_found(struct search *h, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    (void)buf_printf(&h->tried, " (%s)", arena_vprintf(h->arena, fmt, ap));
    va_end(ap);
}

static bool from_arguments(struct search *h, struct keys *ret, bool *ret_found, struct err *e)
{
    const struct sigv4_keys *k = &h->arguments;
    if (!given(k->access_key) && !given(k->secret_key) && !given(k->session_token)) {
        not_found(h, "not set");
        return true;
    }
    if (!given(k->access_key) || !given(k->secret_key))
        return err_set(e, ERR_AUTH, "access_key and secret_key must be given together") ||
               err_attribute(e, given(k->access_key) ? "secret_key" : "access_key");
    *ret = (struct keys){.sign = *k, .expires_ms = KEYS_NO_EXPIRY, .source = "provider arguments"};
    *ret_found = true;
    return true;
}

/* The provider's block says a role at least; file and session name may come from the environment. */
static bool from_web_identity_block(struct search *h, struct keys *ret, bool *ret_found, struct err *e)
{
    const struct settings *s = &h->aws->settings;
    if (!h->web_identity) {
        not_found(h, "not set");
        return true;
    }
    struct aws_web_identity w = *h->web_identity;
    if (!w.role_arn)
        w.role_arn = settings_env(s, "AWS_ROLE_ARN");
    if (!w.session_name)
        w.session_name = settings_env(s, "AWS_ROLE_SESSION_NAME");
    if (!w.token && !w.token_file)
        w.token_file = settings_env(s, "AWS_WEB_IDENTITY_TOKEN_FILE");
    if (!w.role_arn || (!w.token && !w.token_file))
        return err_set(e, ERR_AUTH, "no %s is given", w.role_arn ? "token" : "role_arn") ||
               err_attribute(e, "assume_role_with_web_identity");
    *ret_found = true;
    return assume_web_identity(h, &w, ret, e) || err_attribute(e, "assume_role_with_web_identity");
}

static bool from_web_identity(struct search *h, struct keys *ret, bool *ret_found, struct err *e)
{
    const struct settings *s = &h->aws->settings;
    const struct aws_web_identity w = {.role_arn = settings_env(s, "AWS_ROLE_ARN"),
                                       .session_name = settings_env(s, "AWS_ROLE_SESSION_NAME"),
                                       .token_file = settings_env(s, "AWS_WEB_IDENTITY_TOKEN_FILE")};
    if (s->profile_argument)
        not_found(h, "not asked, because the provider names a profile");
    else if (!w.token_file)
        not_found(h, "AWS_WEB_IDENTITY_TOKEN_FILE is not set");
    else if (!w.role_arn)
        return err_set(e, ERR_AUTH, "AWS_WEB_IDENTITY_TOKEN_FILE is set, but AWS_ROLE_ARN is not");
    else
        *ret_found = true;
    return !*ret_found || assume_web_identity(h, &w, ret, e);
}

static const char *either(const struct settings *s, const char *x, const char *y)
{
    const char *value = settings_env(s, x);
    return value ? value : settings_env(s, y);
}

bool sources_environment(struct search *h, struct keys *ret)
{
    const struct settings *s = &h->aws->settings;
    const char *access = either(s, "AWS_ACCESS_KEY_ID", "AWS_ACCESS_KEY");
    const char *secret = either(s, "AWS_SECRET_ACCESS_KEY", "AWS_SECRET_KEY");
    const char *token = settings_env(s, "AWS_SESSION_TOKEN");
    const char *expiry = settings_env(s, "AWS_CREDENTIAL_EXPIRATION");
    if (!access || !secret) {
        not_found(h, access ? "AWS_SECRET_ACCESS_KEY is not set" : "AWS_ACCESS_KEY_ID is not set");
        return false;
    }
    *ret = (struct keys){.sign = {arena_strdup(h->arena, access), arena_strdup(h->arena, secret),
                                  token ? arena_strdup(h->arena, token) : NULL},
                         .expires_ms = KEYS_NO_EXPIRY,
                         .source = "environment"};
    if (expiry && !expiry_parse(expiry, &ret->expires_ms))
        ret->expires_ms = KEYS_NO_EXPIRY;
    return true;
}

/* A profile named in the provider block is meant, whatever the environment holds; AWS_PROFILE gives way to
 * keys in the environment (hashicorp/aws, AWS SDK for Go). */
static bool from_environment(struct search *h, struct keys *ret, bool *ret_found, struct err *e)
{
    (void)e;
    if (h->aws->settings.profile_argument)
        not_found(h, "not asked, because the provider names a profile");
    else
        *ret_found = sources_environment(h, ret);
    return true;
}

static bool from_profile(struct search *h, struct keys *ret, bool *ret_found, struct err *e)
{
    return profile_keys(h, h->aws->settings.profile, ret, ret_found, e);
}

static const struct {
    const char *name;
    bool (*find)(struct search *h, struct keys *ret, bool *ret_found, struct err *e);
} sources[] = {
    {"provider arguments", from_arguments},
    {"assume_role_with_web_identity", from_web_identity_block},
    {"environment", from_environment},
    {"web identity", from_web_identity},
    {"shared credentials and configuration files", from_profile},
    {"container", container_keys},
    {"instance metadata", metadata_keys},
};

const char *aws_credential_source(size_t i)
{
    return i < ARRAY_LEN(sources) ? sources[i].name : NULL;
}

/* A stray line break or blank, pasted along, otherwise ends as an unexplained refusal. */
static bool is_plain(const char *s)
{
    for (; *s; s++)
        if ((unsigned char)*s <= ' ' || (unsigned char)*s >= 0x7f)
            return false;
    return true;
}

static bool check(const struct keys *k, struct err *e)
{
    const struct {
        const char *name, *value;
    } parts[] = {{"access key", k->sign.access_key},
                 {"secret key", k->sign.secret_key},
                 {"session token", k->sign.session_token ? k->sign.session_token : ""}};
    for (size_t i = 0; i < ARRAY_LEN(parts); i++)
        if (!is_plain(parts[i].value))
            return err_set(e, ERR_AUTH,
                           "the %s from %s contains a blank, a line break or another character "
                           "that no key has",
                           parts[i].name, k->source);
    return true;
}

bool sources_find(struct search *h, struct keys *ret, int *ret_source, struct err *e)
{
    if (!shared_load(h->arena, &h->aws->settings.paths, &h->shared, e))
        return false;
    for (int i = 0; i < (int)ARRAY_LEN(sources); i++) {
        struct keys k;
        bool found = false;
        if (h->only != SOURCE_ANY && i != h->only)
            continue;
        (void)buf_printf(&h->tried, "%s%s", h->tried.n ? ", " : "", sources[i].name);
        if (!sources[i].find(h, &k, &found, e))
            return err_wrap(e, "credentials from %s", sources[i].name);
        if (found && !check(&k, e))
            return false;
        if (found) {
            *ret = k;
            *ret_source = i;
            return true;
        }
    }
    return err_set(e, ERR_AUTH, "no AWS credentials found in: %s", buf_text(&h->tried)) ||
           err_hint(e, "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or a profile in the shared files.");
}
