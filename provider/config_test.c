/* The provider block and the environment, as they become settings; the choice of a login. */
#include "provider/config.h"
#include "provider/validate.h"

#include "internal/base/testing.h"

#include <stdlib.h>
#include <string.h>

static const struct value *json(struct arena *a, const char *text)
{
    const struct value *v = NULL;
    struct err e = ERR_INIT;
    if (!value_from_json(a, str_of(text), &v, &e))
        fail_msg("%s: %s", text, e.text);
    return v;
}

static void clean_environment(void)
{
    static const char *const names[] = {"PGHOST",
                                        "PGPORT",
                                        "PGUSER",
                                        "PGPASSWORD",
                                        "PGDATABASE",
                                        "PGSSLMODE",
                                        "PGSSLROOTCERT",
                                        "PGCONNECT_TIMEOUT",
                                        "XDG_STATE_HOME",
                                        "TF_AWS_DEFAULT_TAGS_Team",
                                        "TF_AWS_IGNORE_TAGS_KEYS",
                                        "TF_AWS_IGNORE_TAGS_KEY_PREFIXES"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        unsetenv(names[i]);
    setenv("HOME", "/home/u", 1);
}

static int set_up(void **state)
{
    clean_environment();
    *state = arena_new();
    return 0;
}

static int tear_down(void **state)
{
    arena_free(*state);
    return 0;
}

static struct provider_settings settings(struct arena *a, const char *text)
{
    struct provider_settings s;
    provider_settings_read(a, json(a, text), &s);
    return s;
}

static void test_defaults(void **state)
{
    struct provider_settings s = settings(*state, "{}");
    assert_null(s.config.unknown);
    assert_string_equal(s.config.plan_checks, "aws");
    assert_string_equal(s.config.journal_dir, "/home/u/.local/state/aurora");
    assert_int_equal(s.aws.max_retries, -1);
    assert_null(s.aws.region);
    assert_null(s.aws.user_agent);
    assert_int_equal(s.config.default_tags.count, 0);
    assert_null(s.config.ignore_tag_keys[0]);
    assert_int_equal(s.aws.assume_role_count, 0);
    assert_null(s.aws.web_identity);
    assert_int_equal(s.aws.skip_metadata, AWS_UNSAID);
    assert_false(s.aws.insecure);
}

static void test_journal_dir(void **state)
{
    static const struct {
        const char *block, *xdg, *home, *expect;
    } rows[] = {
        {"{}", "/state", "/home/u", "/state/aurora"},
        {"{}", "relative", "/home/u", "/home/u/.local/state/aurora"},
        {"{}", NULL, NULL, ".aurora"},
        {"{\"journal_dir\":\"~/j\"}", "/state", "/home/u", "/home/u/j"},
        {"{\"journal_dir\":\"/j\"}", "/state", "/home/u", "/j"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        clean_environment();
        unsetenv("HOME");
        if (rows[i].xdg)
            setenv("XDG_STATE_HOME", rows[i].xdg, 1);
        if (rows[i].home)
            setenv("HOME", rows[i].home, 1);
        assert_string_equal(settings(*state, rows[i].block).config.journal_dir, rows[i].expect);
    }
}

static void test_everything_arrives(void **state)
{
    struct provider_settings s = settings(
        *state,
        "{\"region\":\"eu-west-1\",\"profile\":\"p\",\"access_key\":\"AK\",\"secret_key\":\"SK\",\"token\":"
        "\"T\","
        "\"max_retries\":3,\"insecure\":true,\"custom_ca_bundle\":\"~/ca.pem\",\"sts_region\":\"us-east-1\","
        "\"user_agent\":[\"a/1\",\"b/2 (c)\"],\"shared_config_files\":[\"x\",\"y\"],\"plan_checks\":\"full\","
        "\"use_fips_endpoint\":true,\"use_dualstack_endpoint\":true,\"http_proxy\":\"h\",\"https_proxy\":"
        "\"s\","
        "\"no_proxy\":\"n\",\"skip_credentials_validation\":true,\"skip_region_validation\":true,"
        "\"endpoints\":{\"rds\":\"http://127.0.0.1:1\",\"sts\":null,\"kms\":\"\"},"
        "\"assume_role\":[{\"role_arn\":\"arn:aws:iam::123456789012:role/a\",\"duration\":\"1h\","
        "\"policy_arns\":[\"q\"],\"tags\":{\"t\":\"u\"},\"transitive_tag_keys\":[\"t\"]},{\"role_arn\":\"arn:"
        "aws:iam::123456789012:role/"
        "b\",\"external_id\":\"e\"}],"
        "\"assume_role_with_web_identity\":{\"role_arn\":\"r\",\"session_name\":\"s\",\"policy\":\"p\","
        "\"policy_arns\":[\"w\"],\"duration\":\"30m\",\"web_identity_token\":\"k\","
        "\"web_identity_token_file\":\"~/token\"},"
        "\"ec2_metadata_service_endpoint\":\"http://127.0.0.1:2\",\"ec2_metadata_service_endpoint_mode\":"
        "\"IPv6\",\"skip_metadata_api_check\":\"false\",\"token_bucket_rate_limiter_capacity\":7}");
    assert_string_equal(s.aws.region, "eu-west-1");
    assert_string_equal(s.aws.profile, "p");
    assert_string_equal(s.aws.access_key, "AK");
    assert_string_equal(s.aws.secret_key, "SK");
    assert_string_equal(s.aws.token, "T");
    assert_int_equal(s.aws.max_retries, 3);
    assert_true(s.aws.insecure && s.aws.use_fips_endpoint && s.aws.use_dualstack_endpoint);
    assert_true(s.skip_credentials_validation && s.skip_region_validation);
    assert_string_equal(s.aws.custom_ca_bundle, "/home/u/ca.pem");
    assert_string_equal(s.aws.sts_region, "us-east-1");
    assert_string_equal(s.aws.user_agent, "a/1 b/2 (c)");
    assert_string_equal(s.aws.shared_config_files[1], "y");
    assert_null(s.aws.shared_config_files[2]);
    assert_string_equal(s.config.plan_checks, "full");
    assert_string_equal(s.aws.endpoints[0].service, "rds");
    assert_string_equal(s.aws.endpoints[0].url, "http://127.0.0.1:1");
    assert_null(s.aws.endpoints[1].service);
    assert_int_equal(s.aws.assume_role_count, 2);
    assert_int_equal(s.aws.assume_roles[0].duration_seconds, 3600);
    assert_string_equal(s.aws.assume_roles[0].policy_arns[0], "q");
    assert_string_equal(s.aws.assume_roles[1].external_id, "e");
    assert_string_equal(s.aws.https_proxy, "s");
    assert_string_equal(s.aws.assume_roles[0].tags[0].name, "t");
    assert_string_equal(s.aws.assume_roles[0].tags[0].value, "u");
    assert_null(s.aws.assume_roles[0].tags[1].name);
    assert_string_equal(s.aws.assume_roles[0].transitive_tag_keys[0], "t");
    assert_null(s.aws.assume_roles[1].tags[0].name);
    assert_string_equal(s.aws.ec2_metadata_endpoint, "http://127.0.0.1:2");
    assert_string_equal(s.aws.ec2_metadata_endpoint_mode, "IPv6");
    assert_int_equal(s.aws.skip_metadata, AWS_NO);
    assert_int_equal(s.aws.retry_capacity, 7);
    const struct aws_web_identity *w = s.aws.web_identity;
    assert_non_null(w);
    assert_string_equal(w->role_arn, "r");
    assert_string_equal(w->session_name, "s");
    assert_string_equal(w->policy, "p");
    assert_string_equal(w->policy_arns[0], "w");
    assert_string_equal(w->token, "k");
    assert_string_equal(w->token_file, "/home/u/token");
    assert_int_equal(w->duration_seconds, 1800);
}

/* Unknown where AWS calls depend on it: named. Elsewhere: no obstacle. */
static void test_unknown(void **state)
{
    static const struct {
        const char *name;
        bool matters;
    } rows[] = {{"region", true},       {"endpoints", true},   {"assume_role", true},  {"token", true},
                {"journal_dir", false}, {"postgresql", false}, {"default_tags", false}};
    struct arena *a = *state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct value *b = value_object(a);
        struct provider_settings s;
        value_set(a, b, rows[i].name, &value_unknown);
        provider_settings_read(a, b, &s);
        assert_int_equal(s.config.unknown != NULL, rows[i].matters);
        if (rows[i].matters)
            assert_non_null(strstr(s.config.unknown, rows[i].name));
    }
    struct provider_settings s;
    provider_settings_read(a, &value_unknown, &s);
    assert_non_null(s.config.unknown);
}

static const char *tag(const struct rds_tags *t, const char *key)
{
    for (size_t i = 0; i < t->count; i++)
        if (strcmp(t->tags[i].key, key) == 0)
            return t->tags[i].value;
    return NULL;
}

static void test_tags(void **state)
{
    struct arena *a = *state;
    setenv("TF_AWS_DEFAULT_TAGS_Team", "env", 1);
    setenv("TF_AWS_IGNORE_TAGS_KEYS", "one,,two", 1);
    struct provider_settings s = settings(
        a, "{\"default_tags\":{\"tags\":{\"Owner\":\"dba\"}},\"ignore_tags\":{\"key_prefixes\":[\"aws:\"]}}");
    assert_string_equal(tag(&s.config.default_tags, "Team"), "env");
    assert_string_equal(tag(&s.config.default_tags, "Owner"), "dba");
    assert_string_equal(s.config.ignore_tag_keys[1], "two");
    assert_true(provider_tag_ignored(&s.config, "aws:cloudformation"));
    assert_true(provider_tag_ignored(&s.config, "one"));
    assert_false(provider_tag_ignored(&s.config, "onetwo"));
    s = settings(a, "{\"default_tags\":{\"tags\":{\"Team\":\"block\"}},\"ignore_tags\":{\"keys\":[\"k\"]}}");
    assert_string_equal(tag(&s.config.default_tags, "Team"), "block");
    assert_null(s.config.ignore_tag_keys[1]);

    struct tf_call c = {.arena = a, .configured = &s.config};
    const struct value *all =
        provider_tags_all(&c, json(a, "{\"k\":\"ignored\",\"Team\":\"own\",\"x\":\"y\"}"));
    assert_true(value_equal(all, json(a, "{\"Team\":\"own\",\"x\":\"y\"}")));
    assert_true(value_is_unknown(provider_tags_all(&c, &value_unknown)));
    s.config.default_tags_unknown = true;
    assert_true(value_is_unknown(provider_tags_all(&c, NULL)));
    struct rds_tags sent = provider_rds_tags(a, all);
    assert_int_equal(sent.count, 2);
    assert_string_equal(tag(&sent, "Team"), "own");
}

static void test_accounts(void **state)
{
    static const struct {
        const char *block, *account;
        bool allowed;
    } rows[] = {
        {"{}", "1", true},
        {"{\"allowed_account_ids\":[\"1\",\"2\"]}", "2", true},
        {"{\"allowed_account_ids\":[\"1\",\"2\"]}", "3", false},
        {"{\"forbidden_account_ids\":[\"1\"]}", "1", false},
        {"{\"forbidden_account_ids\":[\"1\"]}", "2", true},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct provider_settings s = settings(*state, rows[i].block);
        struct err e = ERR_INIT;
        assert_int_equal(provider_account_allowed(&s, rows[i].account, &e), rows[i].allowed);
        if (!rows[i].allowed)
            assert_non_null(strstr(e.attribute, "_account_ids"));
    }
}

/* ---- login ---- */

struct login_row {
    const char *name, *provider, *resource; /* JSON of postgresql { }, NULL: not given */
    const char *env[5];                     /* NAME=value */
    const char *expect;                     /* "user:password@host:port/database", NULL: not known */
    const char *error;                      /* part of the error */
};

static const struct login_row login_rows[] = {
    {.name = "nothing", .expect = NULL},
    {.name = "provider alone",
     .provider = "{\"username\":\"u\",\"password\":\"p\"}",
     .expect = "u:p@cluster.host:5433/postgres"},
    {.name = "resource over provider, pair stays together",
     .provider = "{\"username\":\"u\",\"password\":\"p\",\"database\":\"d\"}",
     .resource = "{\"username\":\"r\",\"password_wo\":\"w\"}",
     .expect = "r:w@cluster.host:5433/d"},
    {.name = "destroy: the write-only password is gone, its user name goes with it",
     .provider = "{\"username\":\"u\",\"password\":\"p\"}",
     .resource = "{\"username\":\"r\"}",
     .expect = "u:p@cluster.host:5433/postgres"},
    {.name = "user name from another level",
     .provider = "{\"password\":\"p\"}",
     .resource = "{\"username\":\"r\"}",
     .expect = "r:p@cluster.host:5433/postgres"},
    {.name = "environment",
     .env = {"PGUSER=e", "PGPASSWORD=ep", "PGDATABASE=ed", "PGHOST=env.host", "PGPORT=1"},
     .expect = "e:ep@cluster.host:5433/ed"},
    {.name = "PGPASSWORD alone is somebody else's", .env = {"PGPASSWORD=ep"}, .expect = NULL},
    {.name = "PGPASSWORD with a configured user",
     .resource = "{\"username\":\"r\"}",
     .env = {"PGPASSWORD=ep"},
     .expect = "r:ep@cluster.host:5433/postgres"},
    {.name = "password without user", .provider = "{\"password\":\"p\"}", .error = "no user name"},
    {.name = "configured place wins over the cluster's",
     .provider = "{\"username\":\"u\",\"password\":\"p\",\"host\":\"tunnel\",\"port\":15432}",
     .expect = "u:p@tunnel:15432/postgres"},
    {.name = "resource's host over the provider's",
     .provider = "{\"username\":\"u\",\"password\":\"p\",\"host\":\"tunnel\"}",
     .resource = "{\"host\":\"mine\"}",
     .expect = "u:p@mine:5433/postgres"},
    {.name = "secret without AWS is not known yet",
     .resource = "{\"password_secret_arn\":\"arn:s\"}",
     .provider = "{\"username\":\"u\",\"password\":\"p\"}",
     .expect = NULL},
};

static void set_environment(const char *const *env)
{
    for (; *env; env++) {
        const char *equals = strchr(*env, '=');
        char name[64];
        memcpy(name, *env, (size_t)(equals - *env));
        name[equals - *env] = '\0';
        setenv(name, equals + 1, 1);
    }
}

static void check_login(struct arena *a, const struct login_row *row)
{
    const char *const env[] = {row->env[0], row->env[1], row->env[2], row->env[3], row->env[4], NULL};
    set_environment(env);
    struct provider_settings s =
        settings(a, arena_printf(a, "{\"postgresql\":%s}", row->provider ? row->provider : "null"));
    struct tf_call c = {.arena = a, .configured = &s.config};
    struct provider_pg_place place = {.cluster_host = "cluster.host", .cluster_port = 5433};
    struct pg_target t = {0};
    struct err e = ERR_INIT;
    bool known = false;
    const struct value *block = row->resource ? json(a, row->resource) : NULL;
    bool ok = provider_pg_target(&c, block, &place, &t, &known, &e);
    assert_int_equal(ok, row->error == NULL);
    if (row->error) {
        assert_non_null(strstr(e.text, row->error));
        return;
    }
    assert_int_equal(known, row->expect != NULL);
    if (known)
        assert_string_equal(
            arena_printf(a, "%s:%s@%s:%d/%s", t.username, t.password, t.host, t.port, t.database),
            row->expect);
}

static void test_login(void **state)
{
    for (size_t i = 0; i < ARRAY_LEN(login_rows); i++) {
        clean_environment();
        print_message("    %s\n", login_rows[i].name);
        check_login(*state, &login_rows[i]);
    }
}

/* Green is where the caller says, whatever a block or the environment says about production. */
static void test_place_given_by_the_caller(void **state)
{
    setenv("PGHOST", "env.host", 1);
    struct provider_settings s = settings(
        *state, "{\"postgresql\":{\"username\":\"u\",\"password\":\"p\",\"host\":\"tunnel\",\"port\":9}}");
    struct tf_call c = {.arena = *state, .configured = &s.config};
    struct provider_pg_place place = {.host = "green.host", .port = 5433, .cluster_host = "c"};
    struct pg_target t = {0};
    struct err e = ERR_INIT;
    bool known = false;
    assert_true(provider_pg_target(&c, NULL, &place, &t, &known, &e) && known);
    assert_string_equal(t.host, "green.host");
    assert_int_equal(t.port, 5433);

    place = (struct provider_pg_place){0};
    s.config.pg.host = NULL;
    s.config.pg.port = 0;
    known = false;
    assert_true(provider_pg_target(&c, NULL, &place, &t, &known, &e) && known);
    assert_string_equal(t.host, "env.host");
    assert_int_equal(t.port, 5432);
}

static void test_unknown_login(void **state)
{
    struct arena *a = *state;
    struct provider_settings s = settings(a, "{\"postgresql\":{\"username\":\"u\",\"password\":\"p\"}}");
    struct tf_call c = {.arena = a, .configured = &s.config};
    struct provider_pg_place place = {.cluster_host = "c"};
    struct value *block = value_object(a);
    struct pg_target t = {0};
    struct err e = ERR_INIT;
    bool known = true;
    value_set(a, block, "host", &value_unknown);
    assert_true(provider_pg_target(&c, block, &place, &t, &known, &e));
    assert_false(known);
}

static void test_secret(void **state)
{
    static const struct {
        const char *secret, *user, *password; /* password NULL: refused */
    } rows[] = {
        {"{\"username\":\"u\",\"password\":\"p\\\"q\"}", "u", "p\"q"},
        {" {\"password\":\"p\"}", NULL, "p"},
        {"plain text", NULL, "plain text"},
        {"{not json", NULL, "{not json"},
        {"{\"username\":\"u\"}", NULL, NULL},
        {"{\"password\":17}", NULL, NULL},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const char *user = "untouched", *password = NULL;
        struct err e = ERR_INIT;
        bool ok = provider_secret_parse(*state, rows[i].secret, &user, &password, &e);
        assert_int_equal(ok, rows[i].password != NULL);
        if (!ok) {
            assert_null(strstr(e.text, "17"));
            continue;
        }
        assert_string_equal(password, rows[i].password);
        assert_string_equal(user ? user : "-", rows[i].user ? rows[i].user : "-");
    }
}

/* ---- single values ---- */

static void test_validators(void **state)
{
    static const struct {
        bool (*check)(const struct value *v, struct err *e);
        const char *json;
        bool ok;
    } rows[] = {
        {validate_port, "5432", true},
        {validate_port, "0", false},
        {validate_port, "65536", false},
        {validate_connect_timeout, "3601", false},
        {validate_retries, "0", true},
        {validate_retries, "-1", false},
        {validate_role_duration, "\"15m\"", true},
        {validate_role_duration, "\"13h\"", false},
        {validate_role_duration, "\"\"", false},
        {validate_role_arn, "\"arn:aws:iam::123456789012:role/path/x\"", true},
        {validate_role_arn, "\"arn:aws:iam::123456789012:user/x\"", false},
        {validate_url, "\"https://rds.example.com:8443/x\"", true},
        {validate_url, "\"http://[::1]:8\"", true},
        {validate_url, "\"https://user@host\"", false},
        {validate_url, "\"ftp://host\"", false},
        {validate_url, "\"https://\"", false},
        {validate_url, "\"https://h/?q\"", false},
        {validate_user_agent, "[\"a/1 (b; c)\"]", true},
        {validate_user_agent, "[\"a\\r\\nX: y\"]", false},
        {validate_user_agent, "[\"\"]", false},
        {validate_skip_metadata, "\"true\"", true},
        {validate_skip_metadata, "\"false\"", true},
        {validate_skip_metadata, "\"yes\"", false},
        {validate_retry_mode, "\"standard\"", true},
        {validate_retry_mode, "\"adaptive\"", false},
        {validate_retry_capacity, "500", true},
        {validate_retry_capacity, "0", false},
        {validate_retry_capacity, "10001", false},
        {validate_cluster_identifier, "\"orders\"", true},
        {validate_cluster_identifier, "\"orders--1\"", false},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct err e = ERR_INIT;
        bool ok = rows[i].check(json(*state, rows[i].json), &e);
        if (ok != rows[i].ok)
            fail_msg("%s: %s", rows[i].json, e.text);
        assert_int_equal(ok, e.text[0] == '\0');
    }
}

static void test_regions(void **state)
{
    (void)state;
    static const char *const good[] = {"eu-west-1", "us-gov-east-1", "us-isob-east-1", "ap-southeast-10"};
    static const char *const bad[] = {"",          "eu",         "eu-west",     "eu-west-",
                                      "EU-west-1", "eu-west-1a", "eu-west-123", "-1"};
    for (size_t i = 0; i < ARRAY_LEN(good); i++)
        assert_true(region_plausible(good[i]));
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_false(region_plausible(bad[i]));
}

static void test_version_family(void **state)
{
    static const struct {
        const char *args, *family;
    } rows[] = {{"[\"17.6\"]", "aurora-postgresql17"},
                {"[\"13\"]", "aurora-postgresql13"},
                {"[\"9.6\"]", NULL},
                {"[\"\"]", NULL},
                {"[\"17.x\"]", NULL},
                {"[]", NULL}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct value *ret = NULL;
        struct err e = ERR_INIT;
        int argument = -1;
        bool ok = function_version_family.call(*state, json(*state, rows[i].args), &ret, &argument, &e);
        assert_int_equal(ok, rows[i].family != NULL);
        if (ok)
            assert_string_equal(value_as_text(ret, ""), rows[i].family);
        else
            assert_int_equal(argument, 0);
    }
}

int main(void)
{
#define ROW(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        ROW(test_defaults),
        ROW(test_journal_dir),
        ROW(test_everything_arrives),
        ROW(test_unknown),
        ROW(test_tags),
        ROW(test_accounts),
        ROW(test_login),
        ROW(test_place_given_by_the_caller),
        ROW(test_unknown_login),
        ROW(test_secret),
        ROW(test_validators),
        ROW(test_regions),
        ROW(test_version_family),
    };
    return cmocka_run_group_tests_name("provider", tests, NULL, NULL);
}
