#include "internal/aws/credentials_internal.h"
#include "internal/base/file.h"

#include <stdio.h>
#include <string.h>

enum { FIELDS_MAX = 32, POLICIES_MAX = 10, SUFFIX_LENGTH = 12 };

static const char *session_name(struct arena *a)
{
    char suffix[SUFFIX_LENGTH + 1];
    random_name(suffix, SUFFIX_LENGTH);
    return arena_printf(a, "terraform-provider-aurora-%s", suffix);
}

static bool fill(struct arena *a, const struct aws_assume_role *r, struct aws_field fields[FIELDS_MAX],
                 struct err *e)
{
    size_t n = 0;
    const char *seconds = r->duration_seconds > 0 ? arena_printf(a, "%d", r->duration_seconds) : NULL;
    const struct aws_field plain[] = {
        {"RoleArn", r->role_arn},
        {"RoleSessionName", r->session_name ? r->session_name : session_name(a)},
        {"ExternalId", r->external_id},
        {"Policy", r->policy},
        {"DurationSeconds", seconds},
        {"SourceIdentity", r->source_identity}};
    for (size_t i = 0; i < ARRAY_LEN(plain); i++)
        fields[n++] = plain[i];
    for (size_t i = 0; r->policy_arns && r->policy_arns[i]; i++) {
        if (i == POLICIES_MAX)
            return err_set(e, ERR_INVALID, "more than %d policy ARNs", POLICIES_MAX);
        fields[n++] =
            (struct aws_field){arena_printf(a, "PolicyArns.member.%zu.arn", i + 1), r->policy_arns[i]};
    }
    fields[n] = (struct aws_field){0};
    return true;
}

static bool read_keys(struct search *h, const struct xml *result, const char *role_arn, struct keys *ret,
                      struct err *e)
{
    const struct xml *x = xml_find(result, "Credentials");
    struct keys k = {.sign = {xml_text(x, "AccessKeyId", ""), xml_text(x, "SecretAccessKey", ""),
                              xml_text(x, "SessionToken", "")},
                     .renewable = true,
                     .source = arena_printf(h->arena, "role %s", role_arn)};
    if (!*k.sign.access_key || !*k.sign.secret_key || !*k.sign.session_token ||
        !time_parse_iso(xml_text(x, "Expiration", ""), &k.expires_ms))
        return err_set(e, ERR_REMOTE, "the reply of STS holds no complete credentials");
    *ret = k;
    return true;
}

bool assume_role(struct search *h, const struct keys *with, const struct aws_assume_role *role,
                 struct keys *ret, struct err *e)
{
    struct aws_field fields[FIELDS_MAX];
    const struct xml *result = NULL;
    if (!fill(h->arena, role, fields, e) ||
        !aws_query_as(h->session, &with->sign, "sts", h->aws->settings.sts_region, "AssumeRole", fields,
                      &result, e) ||
        !read_keys(h, result, role->role_arn, ret, e))
        return err_wrap(e, "assume role %s with credentials from %s", role->role_arn, with->source);
    return true;
}
