/* configure.c — the provider's own RPCs: is the block consistent, and what account does it lead to. */
#include "internal/upgrade/upgrade.h"
#include "provider/config.h"
#include "provider/validate.h"

#include "internal/base/log.h"

#include <string.h>

/* ---- validate ---- */

static bool given(const struct value *v)
{
    return !value_is_null(v) && !value_is_unknown(v) && !(v->kind == VALUE_LIST && !v->count) &&
           !(v->kind == VALUE_STRING && !v->size);
}

static void check_pairs(struct tf_call *c)
{
    const struct value *b = c->config;
    if (given(value_get(b, "allowed_account_ids")) && given(value_get(b, "forbidden_account_ids")))
        tf_error(c, "forbidden_account_ids", "AUR0011: allowed and forbidden accounts exclude each other",
                 "Give allowed_account_ids or forbidden_account_ids, not both.");
    if (given(value_get(b, "access_key")) && value_is_null(value_get(b, "secret_key")))
        tf_error(c, "access_key", "AUR0011: access_key without secret_key",
                 "Give both, or neither and let profile or environment supply them.");
    if (given(value_get(b, "secret_key")) && value_is_null(value_get(b, "access_key")))
        tf_error(c, "secret_key", "AUR0011: secret_key without access_key",
                 "Give both, or neither and let profile or environment supply them.");
}

/* Role and token may come from the environment; two tokens cannot both be meant. */
static void check_web_identity(struct tf_call *c)
{
    const struct value *b = value_get(c->config, "assume_role_with_web_identity");
    if (given(value_get(b, "web_identity_token")) && given(value_get(b, "web_identity_token_file")))
        tf_error(c, "assume_role_with_web_identity", "AUR0011: two web identity tokens",
                 "Give web_identity_token or web_identity_token_file, not both.");
}

static void check_region(struct tf_call *c)
{
    const char *region = value_as_text(value_get(c->config, "region"), "");
    if (!*region || region_plausible(region) ||
        value_as_bool(value_get(c->config, "skip_region_validation"), false))
        return;
    tf_error(c, "region", "AUR0012: not an AWS Region",
             "\"%s\" does not look like a Region such as \"eu-west-1\". Correct it, or set "
             "skip_region_validation.",
             region);
}

/* hashicorp/aws knows DMS under three names; two of them at once cannot both be meant. */
static void check_endpoints(struct tf_call *c)
{
    static const char *const aliases[] = {"dms", "databasemigration", "databasemigrationservice"};
    const struct value *b = value_get(c->config, "endpoints");
    size_t n = 0;
    for (size_t i = 0; i < ARRAY_LEN(aliases); i++)
        n += given(value_get(b, aliases[i]));
    if (n > 1)
        tf_error(
            c, "endpoints", "AUR0011: several endpoints for one service",
            "dms, databasemigration and databasemigrationservice are the same service: give one of them.");
}

void provider_validate_login(struct tf_call *c, const struct value *b, const char *path)
{
    size_t ways = given(value_get(b, "password")) + given(value_get(b, "password_wo")) +
                  given(value_get(b, "password_secret_arn")) +
                  value_as_bool(value_get(b, "aws_rds_iam_auth"), false);
    if (ways > 1)
        tf_error(c, path, "AUR0014: several ways to log in",
                 "Give one of password, password_secret_arn and aws_rds_iam_auth = true.");
    if (value_as_bool(value_get(b, "aws_rds_iam_auth"), false) &&
        strcmp(value_as_text(value_get(b, "sslmode"), ""), "disable") == 0)
        tf_error(c, path, "AUR0014: IAM needs TLS",
                 "aws_rds_iam_auth sends a token that must be encrypted: sslmode = \"disable\" is refused by "
                 "RDS.");
}

void provider_validate(struct tf_call *c)
{
    check_pairs(c);
    check_web_identity(c);
    check_region(c);
    check_endpoints(c);
    provider_validate_login(c, value_get(c->config, "postgresql"), "postgresql");
}

/* ---- configure ---- */

static bool check_account(const struct provider_settings *s, const struct aws_session *session, struct err *e)
{
    bool guarded = *s->allowed_accounts || *s->forbidden_accounts;
    if (s->skip_credentials_validation && !guarded)
        return true;
    struct sts_identity who;
    if (!sts_identity(session, &who, e)) {
        err_wrap(e, "AWS does not confirm the credentials");
        if (!e->hint[0])
            err_hint(e, "Check region, profile, keys and endpoints; skip_credentials_validation leaves out "
                        "this call.");
        return err_id(e, e->id ? e->id : "AUR0013");
    }
    log_debug("provider", "working as %s in account %s", who.arn, who.account);
    return provider_account_allowed(s, who.account, e) || err_id(e, "AUR0015");
}

static bool connect_aws(struct provider_settings *s, struct stop *stop, struct err *e)
{
    CLEANUP(aws_cleanup) struct aws *aws = NULL;
    if (!aws_new(&s->aws, &aws, e)) {
        err_wrap(e, "the provider cannot be configured");
        return err_id(e, e->id ? e->id : "AUR0013");
    }
    const char *region = aws_region(aws);
    if (!s->skip_region_validation && !region_plausible(region ? region : "")) {
        err_set(e, ERR_INVALID, "\"%s\" is not an AWS Region", region ? region : "");
        err_hint(e, "Set region, AWS_REGION or the profile's region.");
        err_attribute(e, "region");
        return err_id(e, "AUR0012");
    }
    struct aws_session session = {.aws = aws, .arena = s->config.arena, .stop = stop};
    if (!check_account(s, &session, e))
        return false;
    s->config.aws = STEAL(aws);
    s->config.old_sides = old_sides_new(clock_real());
    return true;
}

static void warn_insecure(struct tf_call *c, const struct provider_settings *s)
{
    if (s->aws.insecure)
        tf_warn(c, "insecure", "AUR0016: certificates of AWS endpoints are not checked",
                "insecure = true: anybody between here and AWS can read and change every call, credentials "
                "included. Use custom_ca_bundle to trust a private certificate authority.");
}

void *provider_configure(struct tf_call *c)
{
    cluster_created_forget();
    CLEANUP(arena_cleanup) struct arena *a = arena_new();
    struct provider_settings *s = ARENA_NEW(a, struct provider_settings);
    struct err e = ERR_INIT;
    provider_settings_read(a, c->config, s);
    log_secret(s->config.pg.password);
    log_secret(s->config.pg_env.password);
    warn_insecure(c, s);
    if (!s->config.unknown && !connect_aws(s, c->stop, &e)) {
        tf_fail(c, &e);
        return NULL;
    }
    (void)STEAL(a);
    return &s->config;
}

void provider_unconfigure(void *configured)
{
    struct provider_config *p = configured;
    if (!p)
        return;
    old_sides_free(p->old_sides);
    aws_free(p->aws);
    arena_free(p->arena);
}

/* ---- what calls use ---- */

const struct provider_config *provider_config(const struct tf_call *c)
{
    return c->configured;
}

struct aws_session provider_session(const struct tf_call *c, const char *region)
{
    const struct provider_config *p = provider_config(c);
    return (struct aws_session){
        .aws = p ? p->aws : NULL,
        .arena = c->arena,
        .stop = c->stop,
        .region = region && *region ? region : NULL,
    };
}

void provider_not_ready(struct tf_call *c)
{
    const struct provider_config *p = provider_config(c);
    tf_error(
        c, NULL, "AUR0017: the provider is not configured yet",
        "%s, so nothing can be read from AWS in this plan. Give the provider values that are known at plan.",
        p && p->unknown ? p->unknown : "the provider has no configuration");
}
