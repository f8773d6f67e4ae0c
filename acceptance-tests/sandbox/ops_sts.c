/* STS: GetCallerIdentity, AssumeRole. Sessions expire; every role may be assumed (trust policies come with
 * IAM mode). */
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

static bool assume_role(struct call *c)
{
    struct arn role;
    if (!check_assume(c, &role))
        return false;
    char key[17], secret[41], token[201], id[18], until[TIME_ISO_SIZE];
    int64_t seconds = rec_has(c->in, "DurationSeconds") ? rec_int(c->in, "DurationSeconds") : 3600;
    int64_t now = c->sb->clock->wall_ms(c->sb->clock), expires = now + seconds * 1000;
    random_name(key, 16);
    random_name(secret, 40);
    random_name(token, 200);
    random_name(id, 17);
    for (char *p = key; *p; p++)
        *p = (char)toupper((unsigned char)*p);
    for (char *p = id; *p; p++)
        *p = (char)toupper((unsigned char)*p);
    time_iso(expires, false, until);
    const char *session = rec_str(c->in, "RoleSessionName"), *slash = strrchr(role.resource, '/');
    json_t *credentials =
        json_pack("{s:s, s:s, s:s}", "SecretAccessKey", secret, "SessionToken", token, "Expiration", until);
    rec_printf(credentials, "AccessKeyId", "ASIA%s", key);
    json_t *user = json_object();
    rec_printf(user, "AssumedRoleId", "AROA%s:%s", id, session);
    rec_printf(user, "Arn", "arn:aws:sts::%s:assumed-role/%s/%s", role.account,
               slash ? slash + 1 : role.resource, session);
    json_t *kept = json_copy(credentials);
    rec_set_str(kept, "Arn", rec_str(user, "Arn"));
    rec_set_str(kept, "AssumedRoleId", rec_str(user, "AssumedRoleId"));
    rec_set_int(kept, "_expires_ms", expires);
    json_t *sessions = rec_list(store_root(c->sb->store), "sessions");
    forget_expired(sessions, now);
    (void)json_array_append_new(sessions, kept);
    rec_set(c->out, "Credentials", credentials);
    rec_set(c->out, "AssumedRoleUser", user);
    rec_copy(c->out, c->in, "SourceIdentity");
    return true;
}

const struct op OPS_STS[] = {
    {"sts", "GetCallerIdentity", NULL, IDENTITY_OUT, .run = caller_identity, .flags = OP_READS},
    {"sts", "AssumeRole", ASSUME_IN, ASSUME_OUT, .run = assume_role},
    {0},
};
