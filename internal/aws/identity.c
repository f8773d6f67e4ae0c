/* Who we are, what a secret holds, what a key is, and the token that logs in to a database. */
#include "internal/aws/client.h"
#include "internal/aws/rds.h"
#include "internal/base/log.h"

#include <ctype.h>
#include <string.h>

enum { TOKEN_SECONDS = 900 };

bool sts_identity(const struct aws_session *s, struct sts_identity *ret, struct err *e)
{
    const struct xml *x = NULL;
    if (!aws_query_as(s, NULL, "sts", s->aws->settings.sts_region, "GetCallerIdentity", NULL, &x, e))
        return false;
    *ret =
        (struct sts_identity){xml_text(x, "Account", ""), xml_text(x, "Arn", ""), xml_text(x, "UserId", "")};
    return true;
}

/* An RDS secret is a JSON object; what its text members hold may be printed by nobody. */
static void mask_members(const struct aws_session *s, const char *text)
{
    const struct value *v = NULL;
    if (!value_from_json(s->arena, str_of(text), &v, NULL) || !v || v->kind != VALUE_OBJECT)
        return;
    for (size_t i = 0; i < v->count; i++) {
        const char *key = v->keys[i];
        bool is_secret = strcasestr(key, "pass") || strcasestr(key, "secret") || strcasestr(key, "token") ||
                         strcasestr(key, "key");
        if (is_secret)
            log_secret(value_as_text(v->items[i], NULL));
    }
}

bool secret_value(const struct aws_session *s, const char *secret_id, const char **ret, struct err *e)
{
    struct value *request = value_object(s->arena);
    const struct value *reply = NULL;
    value_set(s->arena, request, "SecretId", value_string(s->arena, secret_id));
    if (!aws_json(s, "secretsmanager", "GetSecretValue", request, &reply, e))
        return err_wrap(e, "read secret %s", secret_id);
    const char *text = value_as_text(value_get(reply, "SecretString"), NULL);
    if (!text)
        return err_set(e, ERR_REMOTE, "secret %s holds no text", secret_id);
    log_secret(text);
    mask_members(s, text);
    *ret = text;
    return true;
}

bool kms_key_find(const struct aws_session *s, const char *id, const struct kms_key **ret, struct err *e)
{
    struct value *request = value_object(s->arena);
    const struct value *reply = NULL;
    struct err why = ERR_INIT;
    value_set(s->arena, request, "KeyId", value_string(s->arena, id));
    if (!aws_json(s, "kms", "DescribeKey", request, &reply, &why)) {
        *ret = NULL;
        if (aws_op_means_absent(aws_op_find("kms", "DescribeKey"), why.remote_code))
            return true;
        *e = why;
        return err_wrap(e, "look at key %s", id);
    }
    struct kms_key *k = ARENA_NEW(s->arena, struct kms_key);
    const struct value *about = value_get(reply, "KeyMetadata");
    *k = (struct kms_key){value_as_text(value_get(about, "KeyState"), ""),
                          value_as_text(value_get(about, "KeySpec"), "")};
    *ret = k;
    return true;
}

bool aws_rds_auth_token(const struct aws_session *s, const char *host, int port, const char *user,
                        const char **ret, struct err *e)
{
    struct aws *w = s->aws;
    struct arena *a = s->arena;
    struct sigv4_keys k;
    if (!credentials_get(s, &k, e))
        return err_wrap(e, "database token for %s", user);
    char *name = arena_strdup(a, host);
    for (char *c = name; *c; c++)
        *c = (char)tolower((unsigned char)*c);
    char hash[SIGV4_HEX_SIZE];
    sigv4_sha256(str_of(""), hash);
    const char *authority = arena_printf(a, "%s:%d", name, port);
    struct sigv4_pair headers[] = {{"host", authority}};
    struct sigv4_pair query[] = {{"Action", "connect"}, {"DBUser", user}};
    struct sigv4_request r = {.method = "GET",
                              .path = "/",
                              .query = query,
                              .query_count = ARRAY_LEN(query),
                              .headers = headers,
                              .header_count = ARRAY_LEN(headers),
                              .payload_hash = hash};
    struct sigv4_scope scope = {s->region ? s->region : w->settings.region, "rds-db", aws_now_ms(w)};
    const char *token =
        arena_printf(a, "%s/?%s", authority, sigv4_presign(a, w->keys, &k, &scope, &r, TOKEN_SECONDS));
    log_secret(token);
    *ret = token;
    return true;
}
