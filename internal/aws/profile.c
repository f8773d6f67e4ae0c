/* Profiles of the shared files as a source of keys. Order inside one profile, as in the AWS SDK for Go:
 * source_profile, static keys, credential_source, web identity, IAM Identity Center, credential_process;
 * role_arn is assumed on top of what was found. */
#include "internal/aws/credentials_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CHAIN_MAX = 10, DURATION_MIN = 900, DURATION_MAX = 43200 };

struct chain {
    const char *names[CHAIN_MAX];
    size_t n;
};

static bool find_in(struct search *h, const char *profile, struct chain *chain, struct keys *ret,
                    bool *ret_found, struct err *e);

static const char *get(const struct search *h, const char *profile, const char *key)
{
    return shared_get(&h->shared, profile, key);
}

static bool static_keys(struct search *h, const char *profile, struct keys *ret)
{
    const char *access = get(h, profile, "aws_access_key_id");
    const char *secret = get(h, profile, "aws_secret_access_key");
    if (!access || !secret)
        return false;
    *ret = (struct keys){.sign = {access, secret, get(h, profile, "aws_session_token")},
                         .expires_ms = KEYS_NO_EXPIRY,
                         .source = arena_printf(h->arena, "the shared files' profile \"%s\"", profile)};
    return true;
}

/* Says why a profile gave nothing. */
static void nothing_in(struct search *h, const char *profile)
{
    if (!shared_has_profile(&h->shared, profile))
        not_found(h, "no profile \"%s\" in %s", profile,
                  shared_paths_text(h->arena, &h->aws->settings.paths));
    else if (get(h, profile, "login_session"))
        not_found(h, "profile \"%s\" has login_session, which this version does not read", profile);
    else
        not_found(h, "profile \"%s\" has neither keys nor a role", profile);
}

static bool from_source(struct search *h, const char *profile, const char *source, struct keys *ret,
                        struct err *e)
{
    size_t before = h->tried.n;
    bool found = false, done = true;
    if (strcmp(source, "Environment") == 0)
        return sources_environment(h, ret) ||
               err_set(e, ERR_AUTH, "profile \"%s\" takes its keys from the environment, which has none",
                       profile);
    if (strcmp(source, "Ec2InstanceMetadata") == 0)
        done = metadata_keys(h, ret, &found, e);
    else if (strcmp(source, "EcsContainer") == 0)
        done = container_keys(h, ret, &found, e);
    else
        return err_set(e, ERR_AUTH,
                       "profile \"%s\": credential_source \"%s\" is none of Environment, "
                       "Ec2InstanceMetadata, EcsContainer",
                       profile, source);
    if (!done)
        return err_wrap(e, "profile \"%s\"", profile);
    return found || err_set(e, ERR_AUTH, "profile \"%s\": credential_source %s gives no credentials%s",
                            profile, source, h->tried.n > before ? buf_text(&h->tried) + before : "");
}

static bool from_other_profile(struct search *h, const char *profile, const char *other, struct chain *chain,
                               struct keys *ret, struct err *e)
{
    bool found = false;
    if (strcmp(profile, other) == 0)
        return static_keys(h, profile, ret) ||
               err_set(e, ERR_AUTH, "profile \"%s\" names itself as source_profile but has no keys", profile);
    if (!shared_has_profile(&h->shared, other))
        return err_set(e, ERR_AUTH, "profile \"%s\": its source_profile \"%s\" does not exist", profile,
                       other);
    if (!find_in(h, other, chain, ret, &found, e))
        return false;
    return found || err_set(e, ERR_AUTH, "profile \"%s\": its source_profile \"%s\" gives no credentials",
                            profile, other);
}

static bool duration(const char *profile, const char *text, int *ret, struct err *e)
{
    char *end = NULL;
    long n = strtol(text, &end, 10);
    if (*end || n < DURATION_MIN || n > DURATION_MAX)
        return err_set(e, ERR_AUTH, "profile \"%s\": duration_seconds is not a number from %d to %d", profile,
                       DURATION_MIN, DURATION_MAX);
    *ret = (int)n;
    return true;
}

/* What gives keys without another profile's help, strongest first. */
static bool own_keys(struct search *h, const char *profile, struct keys *ret, bool *ret_found, struct err *e)
{
    const char *command = get(h, profile, "credential_process");
    *ret_found = true;
    if (static_keys(h, profile, ret))
        return true;
    if (get(h, profile, "sso_session") || get(h, profile, "sso_start_url"))
        return sso_keys(h, profile, ret, e);
    if (command)
        return process_keys(h, profile, command, ret, e);
    *ret_found = false;
    return true;
}

/* Two ways to get keys in one profile: nobody can say which one is meant. */
static bool one_way(const struct search *h, const char *profile, struct err *e)
{
    static const char *const ways[] = {"source_profile", "credential_source", "credential_process",
                                       "web_identity_token_file"};
    const char *seen = NULL;
    for (size_t i = 0; i < ARRAY_LEN(ways); i++) {
        if (!get(h, profile, ways[i]))
            continue;
        if (seen)
            return err_set(e, ERR_AUTH, "profile \"%s\" has both %s and %s", profile, seen, ways[i]);
        seen = ways[i];
    }
    return true;
}

/* The keys that assume the role. */
static bool base_keys(struct search *h, const char *profile, struct chain *chain, struct keys *ret,
                      struct err *e)
{
    const char *other = get(h, profile, "source_profile");
    const char *source = get(h, profile, "credential_source");
    bool found = false;
    if (other)
        return from_other_profile(h, profile, other, chain, ret, e);
    if (source && !static_keys(h, profile, ret))
        return from_source(h, profile, source, ret, e);
    if (!own_keys(h, profile, ret, &found, e))
        return false;
    if (found)
        return true;
    return err_set(e, ERR_AUTH,
                   "profile \"%s\" has role_arn, but neither source_profile nor "
                   "credential_source",
                   profile);
}

static bool role_keys(struct search *h, const char *profile, const char *arn, struct chain *chain,
                      struct keys *ret, struct err *e)
{
    struct keys base;
    struct aws_assume_role role = {.role_arn = arn,
                                   .session_name = get(h, profile, "role_session_name"),
                                   .external_id = get(h, profile, "external_id")};
    const char *seconds = get(h, profile, "duration_seconds");
    if (get(h, profile, "mfa_serial"))
        return err_set(e, ERR_AUTH, "profile \"%s\" has mfa_serial: a provider cannot ask for a code",
                       profile) ||
               err_hint(e, "Get session credentials with the code first (aws sts get-session-token or "
                           "assume-role) and give those to the provider.");
    if (seconds && !duration(profile, seconds, &role.duration_seconds, e))
        return false;
    if (!base_keys(h, profile, chain, &base, e))
        return false;
    return assume_role(h, &base, &role, ret, e) || err_wrap(e, "profile \"%s\"", profile);
}

static bool web_keys(struct search *h, const char *profile, const char *arn, const char *file,
                     struct keys *ret, struct err *e)
{
    const struct aws_web_identity w = {
        .role_arn = arn, .session_name = get(h, profile, "role_session_name"), .token_file = file};
    if (!arn)
        return err_set(e, ERR_AUTH, "profile \"%s\" has web_identity_token_file, but no role_arn", profile);
    return assume_web_identity(h, &w, ret, e) || err_wrap(e, "profile \"%s\"", profile);
}

static bool find_in(struct search *h, const char *profile, struct chain *chain, struct keys *ret,
                    bool *ret_found, struct err *e)
{
    for (size_t i = 0; i < chain->n; i++)
        if (strcmp(chain->names[i], profile) == 0)
            return err_set(e, ERR_AUTH, "source_profile goes round in a circle at profile \"%s\"", profile);
    if (chain->n == CHAIN_MAX)
        return err_set(e, ERR_AUTH, "more than %d profiles linked by source_profile", CHAIN_MAX);
    chain->names[chain->n++] = profile;

    const char *arn = get(h, profile, "role_arn"), *file = get(h, profile, "web_identity_token_file");
    *ret_found = true;
    if (!one_way(h, profile, e))
        return false;
    if (file)
        return web_keys(h, profile, arn, file, ret, e);
    if (arn)
        return role_keys(h, profile, arn, chain, ret, e);
    if (!own_keys(h, profile, ret, ret_found, e))
        return false;
    if (!*ret_found)
        nothing_in(h, profile);
    return true;
}

bool profile_keys(struct search *h, const char *profile, struct keys *ret, bool *ret_found, struct err *e)
{
    struct chain chain = {0};
    bool found = false;
    if (!find_in(h, profile, &chain, ret, &found, e))
        return false;
    *ret_found = found;
    return true;
}
