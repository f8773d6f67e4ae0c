/* Logins that come from AWS, over the wire from a scripted one: the provider's configure, secrets and IAM
 * tokens in postgresql { }, and ephemeral.aurora_connection. */
#include "provider/config.h"

#include "internal/aws/scripted.h"
#include "internal/base/testing.h"

#include <stdlib.h>
#include <string.h>

#define IDENTITY                                                                                             \
    {                                                                                                        \
        .action = "Action=GetCallerIdentity",                                                                \
        .body = "<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>arn:aws:iam::123456789012:user/u"  \
                "</Arn><UserId>U</UserId><Account>123456789012</Account></GetCallerIdentityResult>"          \
                "</GetCallerIdentityResponse>"                                                               \
    }
#define SECRET(id, text)                                                                                     \
    {                                                                                                        \
        .action = "\"SecretId\":\"" id "\"", .body = "{\"ARN\":\"" id "\",\"SecretString\":" text "}"        \
    }

static const struct step script[] = {
    IDENTITY,
    SECRET("arn:rds", "\"{\\\"username\\\":\\\"boss\\\",\\\"password\\\":\\\"from-the-secret\\\"}\""),
    SECRET("arn:plain", "\"plain-password\""),
    SECRET("arn:odd", "\"{\\\"user\\\":\\\"hidden-user-name\\\"}\""),
    {.action = "DBClusterIdentifier=orders",
     .body =
         "<DescribeDBClustersResponse><DescribeDBClustersResult><DBClusters><DBCluster><DBClusterIdentifier>"
         "orders"
         "</DBClusterIdentifier><Endpoint>orders.e</Endpoint><Port>5433</Port><MasterUsername>master"
         "</MasterUsername><MasterUserSecret><SecretArn>arn:rds</SecretArn></MasterUserSecret></DBCluster>"
         "</DBClusters></DescribeDBClustersResult></DescribeDBClustersResponse>"},
    {.status = 0},
};

struct fixture {
    struct arena *arena;
    struct stop *stop;
    struct scripted server;
    void *configured;
};

static const struct value *json(struct arena *a, const char *text)
{
    const struct value *v = NULL;
    struct err e = ERR_INIT;
    if (!value_from_json(a, str_of(text), &v, &e))
        fail_msg("%s: %s", text, e.text);
    return v;
}

static struct tf_call call_of(struct fixture *f)
{
    return (struct tf_call){.arena = f->arena, .stop = f->stop, .configured = f->configured};
}

static int set_up(void **state)
{
    static struct fixture f;
    f = (struct fixture){.arena = arena_new(), .stop = stop_new()};
    static const char *const names[] = {"PGHOST",     "PGPORT",     "PGUSER",
                                        "PGPASSWORD", "PGDATABASE", "AWS_PROFILE"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        unsetenv(names[i]);
    scripted_start(&f.server, script, NULL);
    struct tf_call c = call_of(&f);
    c.config =
        json(f.arena, arena_printf(f.arena,
                                   "{\"region\":\"eu-west-1\",\"access_key\":\"AKIDEXAMPLE\",\"secret_key\":"
                                   "\"key\",\"max_retries\":0,\"allowed_account_ids\":[\"123456789012\"],"
                                   "\"endpoints\":{\"rds\":\"%s\",\"sts\":\"%s\",\"secretsmanager\":\"%s\"}}",
                                   f.server.url, f.server.url, f.server.url));
    f.configured = provider_configure(&c);
    *state = &f;
    return f.configured ? 0 : -1;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    provider_unconfigure(f->configured);
    scripted_stop(&f->server);
    stop_free(f->stop);
    arena_free(f->arena);
    return 0;
}

static void test_configure(void **state)
{
    struct fixture *f = *state;
    struct tf_call c = call_of(f);
    assert_non_null(strstr(scripted_request(&f->server, 0), "GetCallerIdentity"));
    assert_int_equal(scripted_requests(&f->server), 1);
    struct aws_session s = provider_session(&c, "us-east-1");
    assert_non_null(s.aws);
    assert_string_equal(s.region, "us-east-1");
    assert_null(provider_session(&c, "").region);
    c.configured = NULL;
    assert_null(provider_session(&c, NULL).aws);
}

/* Configuration that is known only at apply: nobody is asked, and there is no client. */
static void test_configure_unknown(void **state)
{
    struct fixture *f = *state;
    struct tf_call c = call_of(f);
    struct value *config = value_object(f->arena);
    value_set(f->arena, config, "region", &value_unknown);
    c.config = config;
    struct provider_config *p = provider_configure(&c);
    assert_non_null(p);
    assert_null(p->aws);
    assert_non_null(strstr(p->unknown, "region"));
    assert_int_equal(scripted_requests(&f->server), 1);
    provider_unconfigure(p);
}

static void test_login(void **state)
{
    static const struct {
        const char *block, *user, *password; /* password NULL: refused */
        const char *error;
    } rows[] = {
        {"{\"password_secret_arn\":\"arn:rds\"}", "boss", "from-the-secret", NULL},
        {"{\"password_secret_arn\":\"arn:rds\",\"username\":\"boss\"}", "boss", "from-the-secret", NULL},
        {"{\"password_secret_arn\":\"arn:rds\",\"username\":\"x\"}", NULL, NULL, "username is \"x\""},
        {"{\"password_secret_arn\":\"arn:plain\",\"username\":\"x\"}", "x", "plain-password", NULL},
        {"{\"password_secret_arn\":\"arn:plain\"}", NULL, NULL, "no user name"},
        {"{\"password_secret_arn\":\"arn:odd\"}", NULL, NULL, "without a text member"},
        {"{\"aws_rds_iam_auth\":true}", NULL, NULL, "no user name"},
    };
    struct fixture *f = *state;
    struct provider_pg_place place = {.cluster_host = "h", .cluster_port = 5433};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct tf_call c = call_of(f);
        struct pg_target t = {0};
        struct err e = ERR_INIT;
        bool known = false,
             ok = provider_pg_target(&c, json(f->arena, rows[i].block), &place, &t, &known, &e);
        assert_int_equal(ok, rows[i].password != NULL);
        if (ok) {
            assert_true(known);
            assert_string_equal(t.username, rows[i].user);
            assert_string_equal(t.password, rows[i].password);
        } else if (!strstr(e.text, rows[i].error) || strstr(e.text, "hidden-user-name")) {
            fail_msg("%s", e.text);
        }
    }
}

/* What is restored has another managed secret than what it replaces: whichever of the run's is configured,
 * that of the cluster behind the host is read. */
static void test_secret_of_the_run(void **state)
{
    static const struct {
        const char *configured, *managed, *run[3], *password;
    } rows[] = {
        {"arn:gone", "arn:rds", {"arn:gone", "arn:rds", NULL}, "from-the-secret"},
        {"arn:rds", "arn:rds", {"arn:rds", NULL, NULL}, "from-the-secret"},
        {"arn:rds", "", {"arn:rds", "", NULL}, "from-the-secret"},          /* it has none */
        {"arn:rds", NULL, {"arn:rds", NULL, NULL}, "from-the-secret"},      /* another cluster */
        {"arn:rds", "arn:gone", {"arn:gone", "", NULL}, "from-the-secret"}, /* the user's own secret */
    };
    struct fixture *f = *state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct tf_call c = call_of(f);
        struct pg_target t = {0};
        struct err e = ERR_INIT;
        bool known = false;
        const struct provider_pg_place place = {.cluster_host = "h",
                                                .managed_secret = rows[i].managed,
                                                .run_secrets = {rows[i].run[0], rows[i].run[1], NULL}};
        const char *block = arena_printf(f->arena, "{\"password_secret_arn\":\"%s\"}", rows[i].configured);
        if (!provider_pg_target(&c, json(f->arena, block), &place, &t, &known, &e))
            fail_msg("row %zu: %s", i, e.text);
        assert_true(known);
        assert_string_equal(t.password, rows[i].password);
    }
}

static void test_iam(void **state)
{
    struct fixture *f = *state;
    struct tf_call c = call_of(f);
    struct provider_pg_place place = {.host = "green.host", .port = 5433, .region = "us-east-1"};
    struct pg_target t = {0};
    struct err e = ERR_INIT;
    bool known = false;
    const struct value *block = json(f->arena, "{\"aws_rds_iam_auth\":true,\"username\":\"app\"}");
    assert_true(provider_pg_target(&c, block, &place, &t, &known, &e) && known);
    assert_string_equal(t.username, "app");
    assert_true(strncmp(t.password, "green.host:5433/?", 17) == 0);
    assert_non_null(strstr(t.password, "DBUser=app"));
    assert_non_null(strstr(t.password, "us-east-1"));
}

static const char *text(const struct value *o, const char *name)
{
    return value_as_text(value_get(o, name), "(null)");
}

static void test_ephemeral(void **state)
{
    struct fixture *f = *state;
    struct tf_call c = call_of(f);
    int64_t renew_at = -1;
    c.config = json(f->arena, "{\"cluster_identifier\":\"orders\"}");
    const struct value *v = ephemeral_connection.open(&c, &renew_at);
    assert_non_null(v);
    assert_int_equal(renew_at, 0);
    assert_string_equal(text(v, "host"), "orders.e");
    assert_int_equal(value_as_int(value_get(v, "port"), 0), 5433);
    assert_string_equal(text(v, "username"), "boss");
    assert_string_equal(text(v, "password"), "from-the-secret");
    assert_string_equal(text(v, "sslmode"), "verify-full");
    assert_string_equal(text(v, "region"), "eu-west-1");
    assert_true(value_is_null(value_get(v, "expires_at")));

    c.config = json(f->arena, "{\"cluster_identifier\":\"orders\",\"aws_rds_iam_auth\":true}");
    v = ephemeral_connection.open(&c, &renew_at);
    assert_non_null(v);
    assert_string_equal(text(v, "username"), "master");
    assert_non_null(strstr(text(v, "password"), "X-Amz-Signature"));
    assert_false(value_is_null(value_get(v, "expires_at")));
    for (const struct tf_attr *t = ephemeral_connection.schema->attrs; t->name; t++)
        assert_false(value_is_unknown(value_get(v, t->name)));
}

int main(void)
{
#define ROW(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        ROW(test_configure), ROW(test_configure_unknown), ROW(test_login), ROW(test_secret_of_the_run),
        ROW(test_iam),       ROW(test_ephemeral),
    };
    return cmocka_run_group_tests_name("connection", tests, NULL, NULL);
}
