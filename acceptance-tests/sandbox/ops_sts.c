/* STS: GetCallerIdentity, AssumeRole, AssumeRoleWithWebIdentity. Sessions expire; every role may be assumed,
 * and every token is believed that has the form of one and is not expired: trust policies and the signatures
 * of identity providers are not looked at. */
#include "acceptance-tests/sandbox/sandbox.h"
#include "acceptance-tests/sandbox/shape.h"
#include "internal/base/file.h"
#include "internal/base/names.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

static const struct member IDENTITY_OUT[] = {STR("Arn"), STR("UserId"), STR("Account"), SHAPE_END_ROW};

static bool caller_identity(struct call *c)
{
    rec_set_str(c->out, "Arn", c->who->arn);
    rec_set_str(c->out, "UserId", c->who->user_id);
    rec_set_str(c->out, "Account", store_account(c->sb->store));
    return true;
}

static const struct member ASSUME_IN[] = {
    STR_REQUIRED("RoleArn"), STR_REQUIRED("RoleSessionName"), INT("DurationSeconds"), STR("ExternalId"),
    STR("Policy"),           STR("SourceIdentity"),           SHAPE_END_ROW};
static const struct member CREDENTIALS[] = {STR("AccessKeyId"), STR("SecretAccessKey"), STR("SessionToken"),
                                            TIME("Expiration"), SHAPE_END_ROW};
static const struct member ASSUMED[] = {STR("AssumedRoleId"), STR("Arn"), SHAPE_END_ROW};
static const struct member ASSUME_OUT[] = {STRUCT_OF("Credentials", CREDENTIALS),
                                           STRUCT_OF("AssumedRoleUser", ASSUMED), INT("PackedPolicySize"),
                                           STR("SourceIdentity"), SHAPE_END_ROW};

static bool check_assume(struct call *c, struct arn *role)
{
    const char *name = rec_str(c->in, "RoleSessionName"), *arn = rec_str(c->in, "RoleArn");
    int64_t seconds = rec_has(c->in, "DurationSeconds") ? rec_int(c->in, "DurationSeconds") : 3600;
    size_t n = strlen(name);
    for (const char *p = name; *p; p++)
        if (!isalnum((unsigned char)*p) && !strchr("_+=,.@-", *p))
            n = 0;
    if (n < 2 || n > 64)
        return fault_set(
            &c->fault, "ValidationError",
            "1 validation error detected: Value '%.100s' at 'roleSessionName' failed to satisfy constraint: "
            "Member must satisfy regular expression pattern: [\\w+=,.@-]*",
            name);
    if (seconds < 900 || seconds > 43200)
        return fault_set(
            &c->fault, "ValidationError",
            "1 validation error detected: Value '%lld' at 'durationSeconds' failed to satisfy constraint: "
            "Member must have value between 900 and 43200",
            (long long)seconds);
    return (arn_parse(arn, role) && strcmp(role->service, "iam") == 0) ||
           fault_set(&c->fault, "ValidationError", "%.200s is invalid", arn);
}

static void forget_expired(json_t *sessions, int64_t now)
{
    enum { KEPT_MS = 24 * 3600 * 1000 }; /* so that an expired token is told from an unknown one */
    for (size_t i = json_array_size(sessions); i-- > 0;)
        if (rec_int(json_array_get(sessions, i), "_expires_ms") + KEPT_MS < now)
            (void)json_array_remove(sessions, i);
}

static void upper(char *text)
{
    for (; *text; text++)
        *text = (char)toupper((unsigned char)*text);
}

/* A new session of the role: Credentials and AssumedRoleUser of the reply, and what is kept to check them. */
static void open_session(struct call *c, const struct arn *role)
{
    char key[17], secret[41], token[201], id[18], until[TIME_ISO_SIZE];
    int64_t seconds = rec_has(c->in, "DurationSeconds") ? rec_int(c->in, "DurationSeconds") : 3600;
    int64_t now = c->sb->clock->wall_ms(c->sb->clock), expires = now + seconds * 1000;
    random_name(key, 16);
    random_name(secret, 40);
    random_name(token, 200);
    random_name(id, 17);
    upper(key);
    upper(id);
    time_iso(expires, false, until);
    const char *session = rec_str(c->in, "RoleSessionName"), *slash = strrchr(role->resource, '/');
    json_t *credentials =
        json_pack("{s:s, s:s, s:s}", "SecretAccessKey", secret, "SessionToken", token, "Expiration", until);
    rec_printf(credentials, "AccessKeyId", "ASIA%s", key);
    json_t *user = json_object();
    rec_printf(user, "AssumedRoleId", "AROA%s:%s", id, session);
    rec_printf(user, "Arn", "arn:aws:sts::%s:assumed-role/%s/%s", role->account,
               slash ? slash + 1 : role->resource, session);
    json_t *kept = json_copy(credentials);
    rec_set_str(kept, "Arn", rec_str(user, "Arn"));
    rec_set_str(kept, "AssumedRoleId", rec_str(user, "AssumedRoleId"));
    rec_set_int(kept, "_expires_ms", expires);
    json_t *sessions = rec_list(store_root(c->sb->store), "sessions");
    forget_expired(sessions, now);
    (void)json_array_append_new(sessions, kept);
    rec_set(c->out, "Credentials", credentials);
    rec_set(c->out, "AssumedRoleUser", user);
}

static bool assume_role(struct call *c)
{
    struct arn role;
    if (!check_assume(c, &role))
        return false;
    open_session(c, &role);
    rec_copy(c->out, c->in, "SourceIdentity");
    return true;
}

/* ---- with a token of an identity provider, without a signature ---- */

static const struct member WEB_IN[] = {STR_REQUIRED("RoleArn"),
                                       STR_REQUIRED("RoleSessionName"),
                                       STR_REQUIRED("WebIdentityToken"),
                                       STR("ProviderId"),
                                       INT("DurationSeconds"),
                                       STR("Policy"),
                                       SHAPE_END_ROW};
static const struct member WEB_OUT[] = {STRUCT_OF("Credentials", CREDENTIALS),
                                        STR("SubjectFromWebIdentityToken"),
                                        STRUCT_OF("AssumedRoleUser", ASSUMED),
                                        STR("Provider"),
                                        STR("Audience"),
                                        SHAPE_END_ROW};

static int digit_of(char c)
{
    static const char DIGITS[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    const char *at = c ? strchr(DIGITS, c) : NULL;
    return at ? (int)(at - DIGITS) : -1;
}

/* The claims of a JSON web token: its middle part, base64url. A new object; NULL: not the form of a token. */
static json_t *claims_of(struct arena *a, const char *token)
{
    const char *from = strchr(token, '.'), *to = from ? strchr(from + 1, '.') : NULL;
    if (!to || from == token || strchr(to + 1, '.') || !to[1])
        return NULL;
    char *out = arena_alloc(a, (size_t)(to - from));
    size_t n = 0;
    uint32_t bits = 0;
    int held = 0;
    for (const char *p = from + 1; p < to; p++) {
        int digit = digit_of(*p);
        if (digit < 0)
            return NULL;
        bits = bits << 6 | (uint32_t)digit;
        held += 6;
        if (held >= 8) {
            held -= 8;
            out[n++] = (char)(bits >> held & 0xff);
        }
    }
    json_t *claims = json_loadb(out, n, JSON_REJECT_DUPLICATES, NULL);
    if (json_is_object(claims) && rec_has(claims, "sub"))
        return claims;
    json_decref(claims);
    return NULL;
}

static bool assume_with_token(struct call *c)
{
    struct arn role;
    if (!check_assume(c, &role))
        return false;
    json_t *claims = claims_of(c->arena, rec_str(c->in, "WebIdentityToken"));
    int64_t now = c->sb->clock->wall_ms(c->sb->clock) / 1000;
    if (!claims)
        return fault_set(&c->fault, "InvalidIdentityToken", "The ID Token provided is not a valid JWT.");
    if (rec_has(claims, "exp") && rec_int(claims, "exp") < now) {
        (void)fault_set(&c->fault, "ExpiredTokenException",
                        "Token expired: current date/time %lld must be before the expiration date/time %lld",
                        (long long)now, (long long)rec_int(claims, "exp"));
        json_decref(claims);
        return false;
    }
    open_session(c, &role);
    rec_set_str(c->out, "SubjectFromWebIdentityToken", rec_str(claims, "sub"));
    rec_set_str(c->out, "Provider", rec_str(claims, "iss"));
    rec_set_str(c->out, "Audience", rec_str(claims, "aud"));
    json_decref(claims);
    return true;
}

void sessions_expire(struct sandbox *sb)
{
    size_t i;
    json_t *session;
    json_array_foreach(rec_list(store_root(sb->store), "sessions"), i, session)
    {
        rec_set_int(session, "_expires_ms", sb->clock->wall_ms(sb->clock) - 1);
    }
}

const struct op OPS_STS[] = {
    {"sts", "GetCallerIdentity", NULL, IDENTITY_OUT, .run = caller_identity, .flags = OP_READS},
    {"sts", "AssumeRole", ASSUME_IN, ASSUME_OUT, .run = assume_role},
    {"sts", "AssumeRoleWithWebIdentity", WEB_IN, WEB_OUT, .run = assume_with_token, .flags = OP_UNSIGNED},
    {0},
};
