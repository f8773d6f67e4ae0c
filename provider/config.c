#include "provider/config.h"
#include "provider/validate.h"

#include "internal/base/clock.h"
#include "internal/base/log.h"

#include <stdlib.h>
#include <string.h>

extern char **environ;

/* ---- plain reading ---- */

const char *config_text(struct arena *a, const struct value *object, const char *name)
{
    const char *s = value_as_text(value_get(object, name), "");
    return *s ? arena_strdup(a, s) : NULL;
}

const char *const *config_strings(struct arena *a, const struct value *list)
{
    size_t n = list && list->kind == VALUE_LIST ? list->count : 0, used = 0;
    const char **out = ARENA_ARRAY(a, const char *, n + 1);
    for (size_t i = 0; i < n; i++) {
        const char *s = value_as_text(list->items[i], "");
        if (*s)
            out[used++] = arena_strdup(a, s);
    }
    return out;
}

static const char *const *strings(struct arena *a, const struct value *object, const char *name)
{
    return config_strings(a, value_get(object, name));
}

static const char *env_text(struct arena *a, const char *name)
{
    const char *s = getenv(name);
    return s && *s ? arena_strdup(a, s) : NULL;
}

/* "~/x" as the shell would: hashicorp/aws does so for all its files. */
static const char *expand_home(struct arena *a, const char *path)
{
    const char *home = getenv("HOME");
    if (!path || strncmp(path, "~/", 2) != 0 || !home)
        return path;
    return arena_printf(a, "%s%s", home, path + 1);
}

/* ---- what an AWS client needs ---- */

static int role_seconds(const struct value *block)
{
    int64_t ms = 0;
    return duration_parse(value_as_text(value_get(block, "duration"), "0s"), &ms) ? (int)(ms / 1000) : 0;
}

static const struct aws_field *session_tags(struct arena *a, const struct value *tags)
{
    size_t n = tags && tags->kind == VALUE_OBJECT ? tags->count : 0, used = 0;
    struct aws_field *out = ARENA_ARRAY(a, struct aws_field, n + 1);
    for (size_t i = 0; i < n; i++)
        if (tags->items[i] && tags->items[i]->kind == VALUE_STRING)
            out[used++] =
                (struct aws_field){arena_strdup(a, tags->keys[i]), arena_strdup(a, tags->items[i]->text)};
    return out;
}

static void read_web_identity(struct arena *a, const struct value *b, struct aws_config *ret)
{
    if (value_is_null(b) || b->kind != VALUE_OBJECT)
        return;
    struct aws_web_identity *w = ARENA_NEW(a, struct aws_web_identity);
    *w = (struct aws_web_identity){
        .role_arn = config_text(a, b, "role_arn"),
        .session_name = config_text(a, b, "session_name"),
        .policy = config_text(a, b, "policy"),
        .token = config_text(a, b, "web_identity_token"),
        .token_file = expand_home(a, config_text(a, b, "web_identity_token_file")),
        .policy_arns = strings(a, b, "policy_arns"),
        .duration_seconds = role_seconds(b),
    };
    ret->web_identity = w;
}

static void read_assume_roles(struct arena *a, const struct value *list, struct aws_config *ret)
{
    size_t n = list && list->kind == VALUE_LIST ? list->count : 0;
    struct aws_assume_role *roles = ARENA_ARRAY(a, struct aws_assume_role, n);
    for (size_t i = 0; i < n; i++) {
        const struct value *r = list->items[i];
        roles[i] = (struct aws_assume_role){
            .role_arn = config_text(a, r, "role_arn"),
            .session_name = config_text(a, r, "session_name"),
            .external_id = config_text(a, r, "external_id"),
            .policy = config_text(a, r, "policy"),
            .source_identity = config_text(a, r, "source_identity"),
            .policy_arns = strings(a, r, "policy_arns"),
            .tags = session_tags(a, value_get(r, "tags")),
            .transitive_tag_keys = strings(a, r, "transitive_tag_keys"),
            .duration_seconds = role_seconds(r),
        };
    }
    ret->assume_roles = roles;
    ret->assume_role_count = n;
}

static void read_endpoints(struct arena *a, const struct value *block, struct aws_config *ret)
{
    size_t n = 0;
    for (size_t i = 0; block && block->kind == VALUE_OBJECT && i < block->count; i++) {
        const char *url = config_text(a, block, block->keys[i]);
        if (url && n + 1 < ARRAY_LEN(ret->endpoints))
            ret->endpoints[n++] = (struct aws_endpoint){arena_strdup(a, block->keys[i]), url};
    }
}

/* The client puts the provider's own name in front. */
static const char *user_agent(struct arena *a, const struct value *list)
{
    const char *out = NULL;
    for (const char *const *p = config_strings(a, list); *p; p++)
        out = out ? arena_printf(a, "%s %s", out, *p) : *p;
    return out;
}

static void read_aws(struct arena *a, const struct value *b, struct aws_config *ret)
{
    *ret = (struct aws_config){
        .region = config_text(a, b, "region"),
        .profile = config_text(a, b, "profile"),
        .access_key = config_text(a, b, "access_key"),
        .secret_key = config_text(a, b, "secret_key"),
        .token = config_text(a, b, "token"),
        .shared_config_files = strings(a, b, "shared_config_files"),
        .shared_credentials_files = strings(a, b, "shared_credentials_files"),
        .custom_ca_bundle = expand_home(a, config_text(a, b, "custom_ca_bundle")),
        .http_proxy = config_text(a, b, "http_proxy"),
        .https_proxy = config_text(a, b, "https_proxy"),
        .no_proxy = config_text(a, b, "no_proxy"),
        .sts_region = config_text(a, b, "sts_region"),
        .user_agent = user_agent(a, value_get(b, "user_agent")),
        .ec2_metadata_endpoint = config_text(a, b, "ec2_metadata_service_endpoint"),
        .ec2_metadata_endpoint_mode = config_text(a, b, "ec2_metadata_service_endpoint_mode"),
        .retry_capacity = (int)value_as_int(value_get(b, "token_bucket_rate_limiter_capacity"), 0),
        .max_retries = (int)value_as_int(value_get(b, "max_retries"), -1),
        .insecure = value_as_bool(value_get(b, "insecure"), false),
        .use_fips_endpoint = value_as_bool(value_get(b, "use_fips_endpoint"), false),
        .use_dualstack_endpoint = value_as_bool(value_get(b, "use_dualstack_endpoint"), false),
    };
    (void)choice_parse(value_as_text(value_get(b, "skip_metadata_api_check"), ""), &ret->skip_metadata);
    read_assume_roles(a, value_get(b, "assume_role"), ret);
    read_web_identity(a, value_get(b, "assume_role_with_web_identity"), ret);
    read_endpoints(a, value_get(b, "endpoints"), ret);
}

/* ---- tags ---- */

static void tag_set(struct arena *a, struct rds_tags *t, size_t *cap, const char *key, const char *value)
{
    struct rds_tag *tags = (struct rds_tag *)t->tags;
    for (size_t i = 0; i < t->count; i++)
        if (strcmp(tags[i].key, key) == 0) {
            tags[i].value = value;
            return;
        }
    ARR_PUSH(a, tags, t->count, *cap, ((struct rds_tag){key, value}));
    t->tags = tags;
}

/* The environment first, so that the block's own tags win. */
static struct rds_tags read_default_tags(struct arena *a, const struct value *tags)
{
    static const char prefix[] = "TF_AWS_DEFAULT_TAGS_";
    struct rds_tags out = {NULL, 0};
    size_t cap = 0;
    for (char **p = environ; p && *p; p++) {
        const char *equals = strchr(*p, '=');
        if (strncmp(*p, prefix, sizeof prefix - 1) != 0 || !equals || equals == *p + sizeof prefix - 1)
            continue;
        const char *name = *p + sizeof prefix - 1;
        tag_set(a, &out, &cap, arena_memdup(a, name, (size_t)(equals - name)), arena_strdup(a, equals + 1));
    }
    for (size_t i = 0; tags && tags->kind == VALUE_OBJECT && i < tags->count; i++)
        if (tags->items[i] && tags->items[i]->kind == VALUE_STRING)
            tag_set(a, &out, &cap, arena_strdup(a, tags->keys[i]), arena_strdup(a, tags->items[i]->text));
    return out;
}

/* What the block says, else the comma-separated variable. */
static const char *const *list_or_env(struct arena *a, const struct value *block, const char *name,
                                      const char *variable)
{
    const char *const *given = strings(a, block, name);
    const char *env = getenv(variable);
    if (*given || !env)
        return given;
    const char **out = NULL;
    size_t n = 0, cap = 0;
    char *rest = arena_strdup(a, env), *word;
    while ((word = strsep(&rest, ",")))
        if (*word)
            ARR_PUSH(a, out, n, cap, word);
    ARR_PUSH(a, out, n, cap, NULL);
    return out;
}

/* ---- PostgreSQL ---- */

struct provider_pg provider_pg_read(struct arena *a, const struct value *b)
{
    const char *password = config_text(a, b, "password");
    return (struct provider_pg){
        .host = config_text(a, b, "host"),
        .database = config_text(a, b, "database"),
        .username = config_text(a, b, "username"),
        .password = password ? password : config_text(a, b, "password_wo"),
        .password_secret_arn = config_text(a, b, "password_secret_arn"),
        .sslmode = config_text(a, b, "sslmode"),
        .sslrootcert = expand_home(a, config_text(a, b, "sslrootcert")),
        .port = (int)value_as_int(value_get(b, "port"), 0),
        .connect_timeout_s = (int)value_as_int(value_get(b, "connect_timeout"), 0),
        .iam_auth = value_as_bool(value_get(b, "aws_rds_iam_auth"), false),
        .has_unknown = value_has_unknown(b),
    };
}

static int env_number(const char *name, int low, int high)
{
    const char *s = getenv(name);
    char *end = NULL;
    long n = s && *s ? strtol(s, &end, 10) : 0;
    return end && !*end && n >= low && n <= high ? (int)n : 0;
}

struct provider_pg provider_pg_from_env(struct arena *a)
{
    return (struct provider_pg){
        .host = env_text(a, "PGHOST"),
        .database = env_text(a, "PGDATABASE"),
        .username = env_text(a, "PGUSER"),
        .password = env_text(a, "PGPASSWORD"),
        .sslmode = env_text(a, "PGSSLMODE"),
        .sslrootcert = env_text(a, "PGSSLROOTCERT"),
        .port = env_number("PGPORT", 1, 65535),
        .connect_timeout_s = env_number("PGCONNECT_TIMEOUT", 1, 3600),
    };
}

/* ---- the whole block ---- */

/* Parts a plan can do without: only what they feed is unknown then. */
static bool may_be_unknown(const char *name)
{
    static const char *const names[] = {"journal_dir", "plan_checks", "default_tags", "ignore_tags",
                                        "postgresql"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (strcmp(names[i], name) == 0)
            return true;
    return false;
}

static const char *first_unknown(struct arena *a, const struct value *block)
{
    for (size_t i = 0; block && block->kind == VALUE_OBJECT && i < block->count; i++)
        if (!may_be_unknown(block->keys[i]) && value_has_unknown(block->items[i]))
            return arena_printf(a, "the provider's argument %s is known only after apply", block->keys[i]);
    return value_is_unknown(block) ? "the provider's configuration is known only after apply" : NULL;
}

/* Where neither is set (a service account without a home), the working folder has to do. */
static const char *journal_dir(struct arena *a, const struct value *block)
{
    const char *given = config_text(a, block, "journal_dir");
    const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
    if (given)
        return expand_home(a, given);
    if (state && state[0] == '/')
        return arena_printf(a, "%s/aurora", state);
    if (home && home[0] == '/')
        return arena_printf(a, "%s/.local/state/aurora", home);
    return ".aurora";
}

static void read_own(struct arena *a, const struct value *b, struct provider_config *ret)
{
    const struct value *tags = value_path(b, "default_tags.tags");
    const char *checks = config_text(a, b, "plan_checks");
    *ret = (struct provider_config){
        .unknown = first_unknown(a, b),
        .pg = provider_pg_read(a, value_get(b, "postgresql")),
        .pg_env = provider_pg_from_env(a),
        .plan_checks = checks ? checks : "aws",
        .journal_dir = journal_dir(a, b),
        .default_tags = read_default_tags(a, tags),
        .default_tags_unknown = value_has_unknown(value_get(b, "default_tags")),
        .ignore_tag_keys = list_or_env(a, value_get(b, "ignore_tags"), "keys", "TF_AWS_IGNORE_TAGS_KEYS"),
        .ignore_tag_prefixes =
            list_or_env(a, value_get(b, "ignore_tags"), "key_prefixes", "TF_AWS_IGNORE_TAGS_KEY_PREFIXES"),
        .arena = a,
    };
}

void provider_settings_read(struct arena *a, const struct value *b, struct provider_settings *ret)
{
    *ret = (struct provider_settings){
        .allowed_accounts = strings(a, b, "allowed_account_ids"),
        .forbidden_accounts = strings(a, b, "forbidden_account_ids"),
        .skip_credentials_validation = value_as_bool(value_get(b, "skip_credentials_validation"), false),
        .skip_region_validation = value_as_bool(value_get(b, "skip_region_validation"), false),
    };
    read_own(a, b, &ret->config);
    read_aws(a, b, &ret->aws);
}

static bool contains(const char *const *list, const char *s)
{
    for (; *list; list++)
        if (strcmp(*list, s) == 0)
            return true;
    return false;
}

bool provider_account_allowed(const struct provider_settings *s, const char *account, struct err *e)
{
    if (*s->allowed_accounts && !contains(s->allowed_accounts, account)) {
        err_set(e, ERR_DENIED,
                "the credentials belong to account %s, which allowed_account_ids does not name", account);
        return err_attribute(e, "allowed_account_ids");
    }
    if (contains(s->forbidden_accounts, account)) {
        err_set(e, ERR_DENIED, "the credentials belong to account %s, which forbidden_account_ids names",
                account);
        return err_attribute(e, "forbidden_account_ids");
    }
    return true;
}
