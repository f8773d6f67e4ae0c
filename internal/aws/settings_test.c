/* Precedence of arguments, environment and profiles, and where services answer, as rows. */
#include "internal/aws/fixture.h"

#include <string.h>

enum { VARIABLES = 8 };

static const char config_text[] = "[default]\nregion = eu-west-1\n"
                                  "[profile dev]\nregion = eu-west-2\nmax_attempts = 4\nservices = local\n"
                                  "endpoint_url = https://dev.example\n"
                                  "[profile fips]\nregion = us-east-2\nuse_fips_endpoint = true\n"
                                  "[profile http]\nregion = eu-west-2\nendpoint_url = http://plain.example\n"
                                  "[services local]\nrds =\n  endpoint_url = http://127.0.0.1:4566\n"
                                  "secrets_manager =\n  endpoint_url = https://sm.example/base\n";

struct row {
    const char *name;
    struct aws_config config;
    struct variable env[VARIABLES];
    const char *service, *region; /* region NULL: the configured one */
    const char *url;              /* NULL: refused */
    const char *text;             /* part of the refusal */
};

static const struct row rows[] = {
    {"default profile's region", {0}, {{0}}, "rds", NULL, "https://rds.eu-west-1.amazonaws.com", NULL},
    {"argument first",
     {.region = "us-west-2"},
     {{"AWS_REGION", "us-west-1"}},
     "rds",
     NULL,
     "https://rds.us-west-2.amazonaws.com",
     NULL},
    {"AWS_REGION before the default one",
     {0},
     {{"AWS_DEFAULT_REGION", "us-west-1"}, {"AWS_REGION", "us-west-2"}},
     "rds",
     NULL,
     "https://rds.us-west-2.amazonaws.com",
     NULL},
    {"AWS_DEFAULT_REGION before the profile",
     {0},
     {{"AWS_DEFAULT_REGION", "us-west-1"}},
     "rds",
     NULL,
     "https://rds.us-west-1.amazonaws.com",
     NULL},
    {"another region for one resource",
     {0},
     {{0}},
     "rds",
     "ap-south-1",
     "https://rds.ap-south-1.amazonaws.com",
     NULL},
    {"China", {.region = "cn-north-1"}, {{0}}, "sts", NULL, "https://sts.cn-north-1.amazonaws.com.cn", NULL},
    {"GovCloud",
     {.region = "us-gov-west-1"},
     {{0}},
     "rds",
     NULL,
     "https://rds.us-gov-west-1.amazonaws.com",
     NULL},
    {"GovCloud's ordinary host is FIPS",
     {.region = "us-gov-west-1", .use_fips_endpoint = true},
     {{0}},
     "rds",
     NULL,
     "https://rds.us-gov-west-1.amazonaws.com",
     NULL},
    {"but not for every service",
     {.region = "us-gov-west-1", .use_fips_endpoint = true},
     {{0}},
     "secretsmanager",
     NULL,
     "https://secretsmanager-fips.us-gov-west-1.amazonaws.com",
     NULL},
    {"isolated",
     {.region = "us-isob-east-1"},
     {{0}},
     "rds",
     NULL,
     "https://rds.us-isob-east-1.sc2s.sgov.gov",
     NULL},
    {"FIPS by argument",
     {.region = "us-east-1", .use_fips_endpoint = true},
     {{0}},
     "rds",
     NULL,
     "https://rds-fips.us-east-1.amazonaws.com",
     NULL},
    {"FIPS by variable",
     {.region = "us-east-1"},
     {{"AWS_USE_FIPS_ENDPOINT", "true"}},
     "sts",
     NULL,
     "https://sts-fips.us-east-1.amazonaws.com",
     NULL},
    {"FIPS by profile",
     {.profile = "fips"},
     {{0}},
     "rds",
     NULL,
     "https://rds-fips.us-east-2.amazonaws.com",
     NULL},
    {"dual-stack",
     {.region = "us-east-1", .use_dualstack_endpoint = true},
     {{0}},
     "rds",
     NULL,
     "https://rds.us-east-1.api.aws",
     NULL},
    {"dual-stack and FIPS",
     {.region = "us-east-1", .use_dualstack_endpoint = true, .use_fips_endpoint = true},
     {{0}},
     "rds",
     NULL,
     "https://rds-fips.us-east-1.api.aws",
     NULL},
    {"dual-stack in China",
     {.region = "cn-north-1", .use_dualstack_endpoint = true},
     {{0}},
     "rds",
     NULL,
     "https://rds.cn-north-1.api.amazonwebservices.com.cn",
     NULL},
    {"one endpoint for all Regions",
     {.region = "eu-central-1"},
     {{0}},
     "route53",
     NULL,
     "https://route53.amazonaws.com",
     NULL},
    {"one for all, FIPS and dual-stack",
     {.region = "eu-central-1", .use_dualstack_endpoint = true, .use_fips_endpoint = true},
     {{0}},
     "route53",
     NULL,
     "https://route53-fips.global.api.aws",
     NULL},
    {"one for all of China",
     {.region = "cn-north-1", .use_dualstack_endpoint = true},
     {{0}},
     "route53",
     NULL,
     "https://route53.global.api.amazonwebservices.com.cn",
     NULL},
    {"one for all of GovCloud, FIPS",
     {.region = "us-gov-east-1", .use_fips_endpoint = true},
     {{0}},
     "route53",
     NULL,
     "https://route53.us-gov.amazonaws.com",
     NULL},
    {"one for an isolated partition",
     {.region = "us-iso-west-1"},
     {{0}},
     "route53",
     NULL,
     "https://route53.c2s.ic.gov",
     NULL},
    {"one for Europe's own",
     {.region = "eusc-de-east-1"},
     {{0}},
     "route53",
     NULL,
     "https://route53.amazonaws.eu",
     NULL},
    {"its own variable",
     {.region = "eu-central-1"},
     {{"AWS_ENDPOINT_URL_ROUTE_53", "http://127.0.0.1:4566"}, {"AWS_ENDPOINT_URL", "https://b.example"}},
     "route53",
     NULL,
     "http://127.0.0.1:4566",
     NULL},
    {"provider's endpoint first",
     {.endpoints = {{"rds", "https://a.example"}}},
     {{"AWS_ENDPOINT_URL_RDS", "https://b.example"}},
     "rds",
     NULL,
     "https://a.example",
     NULL},
    {"provider's endpoint despite the ignore flag",
     {.endpoints = {{"rds", "https://a.example"}}},
     {{"AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true"}},
     "rds",
     NULL,
     "https://a.example",
     NULL},
    {"provider's endpoint of another service",
     {.endpoints = {{"sts", "https://a.example"}}},
     {{0}},
     "rds",
     NULL,
     "https://rds.eu-west-1.amazonaws.com",
     NULL},
    {"service variable before the general one",
     {0},
     {{"AWS_ENDPOINT_URL", "https://all.example"}, {"AWS_ENDPOINT_URL_RDS", "https://b.example"}},
     "rds",
     NULL,
     "https://b.example",
     NULL},
    {"general variable",
     {0},
     {{"AWS_ENDPOINT_URL", "https://all.example:8443/"}},
     "sts",
     NULL,
     "https://all.example:8443",
     NULL},
    {"Secrets Manager's variable",
     {0},
     {{"AWS_ENDPOINT_URL_SECRETS_MANAGER", "https://c.example"}},
     "secretsmanager",
     NULL,
     "https://c.example",
     NULL},
    {"variable before services section",
     {.profile = "dev"},
     {{"AWS_ENDPOINT_URL", "https://all.example"}},
     "rds",
     NULL,
     "https://all.example",
     NULL},
    {"services section before the profile's",
     {.profile = "dev"},
     {{0}},
     "rds",
     NULL,
     "http://127.0.0.1:4566",
     NULL},
    {"services section with a path",
     {.profile = "dev"},
     {{0}},
     "secretsmanager",
     NULL,
     "https://sm.example",
     NULL},
    {"the profile's endpoint", {.profile = "dev"}, {{0}}, "sts", NULL, "https://dev.example", NULL},
    {"ignored",
     {.profile = "dev"},
     {{"AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true"}, {"AWS_ENDPOINT_URL", "https://all.example"}},
     "rds",
     NULL,
     "https://rds.eu-west-2.amazonaws.com",
     NULL},
    {"http on loopback",
     {0},
     {{"AWS_ENDPOINT_URL", "http://localhost:1"}},
     "rds",
     NULL,
     "http://localhost:1",
     NULL},
    {"http elsewhere, by variable",
     {0},
     {{"AWS_ENDPOINT_URL", "http://plain.example"}},
     "rds",
     NULL,
     NULL,
     "not encrypted"},
    {"http elsewhere, by profile", {.profile = "http"}, {{0}}, "rds", NULL, NULL, "not encrypted"},
    {"http elsewhere, said in the provider",
     {.endpoints = {{"rds", "http://plain.example"}}},
     {{0}},
     "rds",
     NULL,
     "http://plain.example",
     NULL},
    {"a host that only begins like loopback",
     {0},
     {{"AWS_ENDPOINT_URL", "http://127.0.0.1.example"}},
     "rds",
     NULL,
     NULL,
     "not encrypted"},
    {"no URL", {.endpoints = {{"rds", "ftp://x"}}}, {{0}}, "rds", NULL, NULL, "not an https or http URL"},
    {"no URL at all", {.endpoints = {{"rds", "nonsense://x"}}}, {{0}}, "rds", NULL, NULL, "is not a URL"},
    {"URL with a user", {.endpoints = {{"rds", "https://u:p@x"}}}, {{0}}, "rds", NULL, NULL, "no user name"},
    {"URL with a query", {.endpoints = {{"rds", "https://x/?a=b"}}}, {{0}}, "rds", NULL, NULL, "query"},
    {"Region that is none",
     {.region = "evil.example/"},
     {{0}},
     "rds",
     NULL,
     NULL,
     "not the name of a Region"},
    {"Region with a line break",
     {.region = "eu-west-1\r\nx"},
     {{0}},
     "rds",
     NULL,
     NULL,
     "not the name of a Region"},
    {"no Region", {0}, {{"AWS_CONFIG_FILE", "/dev/null"}}, "rds", NULL, NULL, "no Region is configured"},
    {"unknown profile by argument",
     {.profile = "nope"},
     {{0}},
     "rds",
     NULL,
     NULL,
     "the profile \"nope\" does not exist in "},
    {"unknown profile by variable", {0}, {{"AWS_PROFILE", "nope"}}, "rds", NULL, NULL, "does not exist"},
    {"argument before AWS_PROFILE",
     {.profile = "dev"},
     {{"AWS_PROFILE", "nope"}},
     "sts",
     NULL,
     "https://dev.example",
     NULL},
    {"AWS_PROFILE before AWS_DEFAULT_PROFILE",
     {0},
     {{"AWS_DEFAULT_PROFILE", "nope"}, {"AWS_PROFILE", "dev"}},
     "sts",
     NULL,
     "https://dev.example",
     NULL},
    {"empty variables are unset",
     {0},
     {{"AWS_REGION", ""}, {"AWS_PROFILE", ""}},
     "rds",
     NULL,
     "https://rds.eu-west-1.amazonaws.com",
     NULL},
    {"user agent with a line break", {.user_agent = "x\r\nEvil: 1"}, {{0}}, "rds", NULL, NULL, "user agent"},
    {"attempts that are no number",
     {.max_retries = -1},
     {{"AWS_MAX_ATTEMPTS", "many"}},
     "rds",
     NULL,
     NULL,
     "not a number"},
};

static void check_row(const struct row *r)
{
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    struct aws_config c = r->config;
    struct settings s;
    struct http_url url;
    struct err e = ERR_INIT;
    fixture_set_env(r->env);
    c.getenv = fixture_getenv;
    bool ok =
        settings_resolve(a, &c, &s, &e) &&
        settings_endpoint(&s, a, aws_service_find(r->service), r->region ? r->region : s.region, &url, &e);
    if (ok != (r->url != NULL) || (ok && strcmp(url.text, r->url) != 0))
        fail_msg("%s: %s %s", r->name, ok ? url.text : "refused", e.text);
    if (!ok && !strstr(e.text, r->text))
        fail_msg("%s: %s", r->name, e.text);
}

/* Which Region the signatures of a global service are for. */
static void global_regions(void **state)
{
    (void)state;
    static const struct {
        const char *region, *signs_for;
    } regions[] = {{"us-east-1", "us-east-1"},          {"eu-central-1", "us-east-1"},
                   {"cn-north-1", "cn-northwest-1"},    {"us-gov-east-1", "us-gov-west-1"},
                   {"us-iso-west-1", "us-iso-east-1"},  {"us-isob-east-1", "us-isob-east-1"},
                   {"eusc-de-east-1", "eusc-de-east-1"}};
    for (size_t i = 0; i < ARRAY_LEN(regions); i++) {
        const char *region = regions[i].region;
        assert_string_equal(aws_service_region(aws_service_find("route53"), region), regions[i].signs_for);
        assert_string_equal(aws_service_region(aws_service_find("rds"), region), region);
    }
}

static void endpoint_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        check_row(&rows[i]);
    print_message("%zu rows\n", ARRAY_LEN(rows));
}

static void single_values(void **state)
{
    (void)state;
    static const struct {
        struct aws_config config;
        struct variable env[VARIABLES];
        int retries;
        const char *https_proxy, *ca_file, *agent;
    } list[] = {
        {{.max_retries = -1}, {{0}}, 25, NULL, NULL, "terraform-provider-aurora/" AURORA_VERSION},
        {{.max_retries = 0},
         {{"AWS_MAX_ATTEMPTS", "9"}},
         0,
         NULL,
         NULL,
         "terraform-provider-aurora/" AURORA_VERSION},
        {{.max_retries = -1, .user_agent = "mine/1"},
         {{"AWS_MAX_ATTEMPTS", "9"}, {"TF_APPEND_USER_AGENT", "yours/2"}, {"AWS_CA_BUNDLE", "/a"}},
         8,
         NULL,
         "/a",
         "terraform-provider-aurora/" AURORA_VERSION " mine/1 yours/2"},
        {{.max_retries = -1, .profile = "dev", .custom_ca_bundle = "/b"},
         {{"HTTPS_PROXY", "http://u"}, {"https_proxy", "http://l"}, {"AWS_CA_BUNDLE", "/a"}},
         3,
         "http://u",
         "/b",
         "terraform-provider-aurora/" AURORA_VERSION},
        {{.max_retries = -1, .https_proxy = "http://arg"},
         {{"https_proxy", "http://l"}},
         25,
         "http://arg",
         NULL,
         "terraform-provider-aurora/" AURORA_VERSION},
        {{.max_retries = -1, .http_proxy = "http://arg"},
         {{0}},
         25,
         NULL,
         NULL,
         "terraform-provider-aurora/" AURORA_VERSION},
    };
    for (size_t i = 0; i < ARRAY_LEN(list); i++) {
        struct arena *a CLEANUP(arena_cleanup) = arena_new();
        struct aws_config c = list[i].config;
        struct settings s;
        struct err e = ERR_INIT;
        fixture_set_env(list[i].env);
        c.getenv = fixture_getenv;
        assert_true(settings_resolve(a, &c, &s, &e));
        assert_int_equal(s.max_retries, list[i].retries);
        assert_string_equal(s.http.https_proxy ? s.http.https_proxy : "none",
                            list[i].https_proxy ? list[i].https_proxy : "none");
        assert_string_equal(s.http.ca_file ? s.http.ca_file : "none",
                            list[i].ca_file ? list[i].ca_file : "none");
        assert_string_equal(s.http.user_agent, list[i].agent);
    }
}

static int make_files(void **state)
{
    int failed = fixture_home_make(state);
    if (!failed)
        fixture_home_write("config", config_text);
    return failed;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(endpoint_rows),
        cmocka_unit_test(global_regions),
        cmocka_unit_test(single_values),
    };
    return cmocka_run_group_tests(tests, make_files, fixture_home_remove);
}
