#include "internal/aws/credentials_internal.h"
#include "internal/base/file.h"
#include "internal/base/log.h"

#include <stdio.h>
#include <string.h>

enum { POLICIES_MAX = 10, TAGS_MAX = 50, SUFFIX_LENGTH = 12, TOKEN_BYTES_MAX = 20000 };
enum { FIELDS_MAX = 8 + POLICIES_MAX + 3 * TAGS_MAX };

struct fields {
    struct arena *arena;
    struct aws_field list[FIELDS_MAX + 1];
    size_t n;
};

static void add(struct fields *f, const char *name, const char *value)
{
    if (value && f->n < FIELDS_MAX)
        f->list[f->n++] = (struct aws_field){name, value};
}

static const char *session_name(struct arena *a)
{
    char suffix[SUFFIX_LENGTH + 1];
    random_name(suffix, SUFFIX_LENGTH);
    return arena_printf(a, "terraform-provider-aurora-%s", suffix);
}

static bool add_policies(struct fields *f, const char *const *arns, struct err *e)
{
    for (size_t i = 0; arns && arns[i]; i++) {
        if (i == POLICIES_MAX)
            return err_set(e, ERR_INVALID, "more than %d policy ARNs", POLICIES_MAX);
        add(f, arena_printf(f->arena, "PolicyArns.member.%zu.arn", i + 1), arns[i]);
    }
    return true;
}

static bool add_tags(struct fields *f, const struct aws_assume_role *r, struct err *e)
{
    for (size_t i = 0; r->tags && r->tags[i].name; i++) {
        if (i == TAGS_MAX)
            return err_set(e, ERR_INVALID, "more than %d session tags", TAGS_MAX);
        add(f, arena_printf(f->arena, "Tags.member.%zu.Key", i + 1), r->tags[i].name);
        add(f, arena_printf(f->arena, "Tags.member.%zu.Value", i + 1), r->tags[i].value);
    }
    for (size_t i = 0; r->transitive_tag_keys && r->transitive_tag_keys[i]; i++) {
        if (i == TAGS_MAX)
            return err_set(e, ERR_INVALID, "more than %d transitive tag keys", TAGS_MAX);
        add(f, arena_printf(f->arena, "TransitiveTagKeys.member.%zu", i + 1), r->transitive_tag_keys[i]);
    }
    return true;
}

static const char *seconds(struct arena *a, int n)
{
    return n > 0 ? arena_printf(a, "%d", n) : NULL;
}

static bool fill(struct fields *f, const struct aws_assume_role *r, struct err *e)
{
    add(f, "RoleArn", r->role_arn);
    add(f, "RoleSessionName", r->session_name ? r->session_name : session_name(f->arena));
    add(f, "ExternalId", r->external_id);
    add(f, "Policy", r->policy);
    add(f, "DurationSeconds", seconds(f->arena, r->duration_seconds));
    add(f, "SourceIdentity", r->source_identity);
    return add_policies(f, r->policy_arns, e) && add_tags(f, r, e);
}

static bool read_keys(struct search *h, const struct xml *result, const char *role_arn, struct keys *ret,
                      struct err *e)
{
    const struct xml *x = xml_find(result, "Credentials");
    struct keys k = {.sign = {xml_text(x, "AccessKeyId", ""), xml_text(x, "SecretAccessKey", ""),
                              xml_text(x, "SessionToken", "")},
                     .renewal = RENEW_SURE,
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
    struct fields fields = {.arena = h->arena};
    const struct xml *result = NULL;
    if (!fill(&fields, role, e) ||
        !aws_query_as(h->session, &with->sign, "sts", h->aws->settings.sts_region, "AssumeRole", fields.list,
                      &result, e) ||
        !read_keys(h, result, role->role_arn, ret, e))
        return err_wrap(e, "assume role %s with credentials from %s", role->role_arn, with->source);
    if (with->renewal == RENEW_PERHAPS) /* a chain is as sure as its beginning */
        ret->renewal = RENEW_PERHAPS;
    return true;
}

/* ---- web identity ---- */

static bool read_token(struct search *h, const struct aws_web_identity *w, const char **ret, struct err *e)
{
    struct str text = str_of(w->token);
    struct err why = ERR_INIT;
    if (!w->token && !file_read(h->arena, w->token_file, TOKEN_BYTES_MAX, &text, &why))
        return err_set(e, ERR_AUTH, "the web identity token: %s", why.text);
    while (text.n > 0 && strchr(" \t\r\n", text.p[text.n - 1]))
        text.n--;
    if (text.n == 0 || text.n > TOKEN_BYTES_MAX || memchr(text.p, '\0', text.n))
        return err_set(e, ERR_AUTH, "the web identity token is empty, longer than %d bytes or not a text",
                       TOKEN_BYTES_MAX);
    *ret = arena_memdup(h->arena, text.p, text.n);
    log_secret(*ret);
    return true;
}

bool assume_web_identity(struct search *h, const struct aws_web_identity *w, struct keys *ret, struct err *e)
{
    struct fields fields = {.arena = h->arena};
    const struct xml *result = NULL;
    const char *token = NULL;
    bool ok = read_token(h, w, &token, e);
    add(&fields, "RoleArn", w->role_arn);
    add(&fields, "RoleSessionName", w->session_name ? w->session_name : session_name(h->arena));
    add(&fields, "WebIdentityToken", token);
    add(&fields, "Policy", w->policy);
    add(&fields, "DurationSeconds", seconds(h->arena, w->duration_seconds));
    if (!ok || !add_policies(&fields, w->policy_arns, e) ||
        !aws_query_as(h->session, &aws_unsigned, "sts", h->aws->settings.sts_region,
                      "AssumeRoleWithWebIdentity", fields.list, &result, e) ||
        !read_keys(h, result, w->role_arn, ret, e))
        return err_wrap(e, "assume role %s with a web identity token", w->role_arn);
    if (w->token)
        ret->renewal = RENEW_NEVER; /* a token given by itself lives for minutes */
    return true;
}
