/* Where keys come from, as rows. A scripted STS gives a key per role. */
#include "internal/aws/fixture.h"
#include "internal/aws/rds.h"

#include <string.h>

enum { VARIABLES = 8 };

#define ROLE(letter, expiry) FIXTURE_ROLE("AssumeRole", letter, expiry)
#define IDENTITY             FIXTURE_IDENTITY
#define IN_AN_HOUR           FIXTURE_IN_AN_HOUR

static const struct step sts[] = {
    {.action = "Action=GetCallerIdentity", .body = IDENTITY},
    {.action = "role%2Fdenied", .status = 403, .body = REFUSAL("AccessDenied", "not for you")},
    {.action = "role%2Fempty", .body = REPLY("AssumeRole", "<Credentials/>")},
    {.action = "role%2FA", .body = ROLE("A", IN_AN_HOUR)},
    {.action = "role%2FB", .body = ROLE("B", IN_AN_HOUR)},
    {0}};

static const struct aws_assume_role role_a[] = {{.role_arn = "arn:aws:iam::1:role/A",
                                                 .session_name = "s",
                                                 .external_id = "x/1",
                                                 .duration_seconds = 900,
                                                 .policy_arns = (const char *const[]){"arn:p", NULL}}};
static const struct aws_assume_role role_chain[] = {{.role_arn = "arn:aws:iam::1:role/A"},
                                                    {.role_arn = "arn:aws:iam::1:role/B"}};
static const struct aws_assume_role role_denied[] = {{.role_arn = "arn:aws:iam::1:role/denied"}};
static const struct aws_assume_role role_empty[] = {{.role_arn = "arn:aws:iam::1:role/empty"}};

#define ENV_KEYS                                                                                             \
    {"AWS_ACCESS_KEY_ID", "AKIDENV"},                                                                        \
    {                                                                                                        \
        "AWS_SECRET_ACCESS_KEY", "secret-env"                                                                \
    }
#define FILE_KEYS "aws_access_key_id = AKIDFILE\naws_secret_access_key = secret-file\n"

struct row {
    const char *name;
    struct aws_config config;
    struct variable env[VARIABLES];
    const char *credentials, *file;
    const char *used; /* access keys that signed, in order; NULL: refused */
    const char *text; /* part of the refusal, or of the requests */
};

static const struct row rows[] = {
    {"arguments first",
     {.access_key = "AKIDARG", .secret_key = "secret-arg"},
     {ENV_KEYS},
     "[default]\n" FILE_KEYS,
     NULL,
     "AKIDARG",
     NULL},
    {"environment before files", {0}, {ENV_KEYS}, "[default]\n" FILE_KEYS, NULL, "AKIDENV", NULL},
    {"environment despite AWS_PROFILE",
     {0},
     {ENV_KEYS, {"AWS_PROFILE", "dev"}},
     "[dev]\n" FILE_KEYS,
     NULL,
     "AKIDENV",
     NULL},
    {"but not despite the provider's profile",
     {.profile = "dev"},
     {ENV_KEYS},
     "[dev]\n" FILE_KEYS,
     NULL,
     "AKIDFILE",
     NULL},
    {"session token of the environment",
     {0},
     {ENV_KEYS, {"AWS_SESSION_TOKEN", "token-env"}},
     NULL,
     NULL,
     "AKIDENV",
     "x-amz-security-token: token-env\r\n"},
    {"half of an environment is none",
     {0},
     {{"AWS_ACCESS_KEY_ID", "AKIDENV"}},
     "[default]\n" FILE_KEYS,
     NULL,
     "AKIDFILE",
     NULL},
    {"credentials file",
     {0},
     {{0}},
     "[default]\n" FILE_KEYS "aws_session_token = token-file\n",
     NULL,
     "AKIDFILE",
     "x-amz-security-token: token-file\r\n"},
    {"config file", {.profile = "dev"}, {{0}}, NULL, "[profile dev]\n" FILE_KEYS, "AKIDFILE", NULL},
    {"credentials file before config file",
     {.profile = "dev"},
     {{0}},
     "[dev]\n" FILE_KEYS,
     "[profile dev]\naws_access_key_id = AKIDOTHER\naws_secret_access_key = other\n",
     "AKIDFILE",
     NULL},
    {"[profile default] before [default]",
     {0},
     {{0}},
     NULL,
     "[default]\naws_access_key_id = AKIDOTHER\naws_secret_access_key = other\n[profile default]\n" FILE_KEYS,
     "AKIDFILE",
     NULL},
    {"role on a source profile",
     {.profile = "r"},
     {{0}},
     "[base]\n" FILE_KEYS,
     "[profile r]\nrole_arn = arn:aws:iam::1:role/A\nsource_profile = base\nrole_session_name = me\n"
     "external_id = e\nduration_seconds = 3600\n",
     "AKIDFILE AKIDROLEA",
     "RoleSessionName=me&ExternalId=e&DurationSeconds=3600"},
    {"role on a role",
     {.profile = "r"},
     {{0}},
     "[base]\n" FILE_KEYS,
     "[profile r]\nrole_arn = arn:aws:iam::1:role/B\nsource_profile = m\n"
     "[profile m]\nrole_arn = arn:aws:iam::1:role/A\nsource_profile = base\n",
     "AKIDFILE AKIDROLEA AKIDROLEB",
     "RoleSessionName=terraform-provider-aurora-"},
    {"role on the profile's own keys",
     {.profile = "r"},
     {{0}},
     NULL,
     "[profile r]\nrole_arn = arn:aws:iam::1:role/A\nsource_profile = r\n" FILE_KEYS,
     "AKIDFILE AKIDROLEA",
     NULL},
    {"role on the environment",
     {.profile = "r"},
     {ENV_KEYS},
     NULL,
     "[profile r]\nrole_arn = arn:aws:iam::1:role/A\ncredential_source = Environment\n",
     "AKIDENV AKIDROLEA",
     NULL},
    {"assume_role on top",
     {.assume_roles = role_a, .assume_role_count = 1},
     {ENV_KEYS},
     NULL,
     NULL,
     "AKIDENV AKIDROLEA",
     "RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2FA&RoleSessionName=s&ExternalId=x%2F1&DurationSeconds=900&"
     "PolicyArns.member.1.arn=arn%3Ap"},
    {"assume_role chain",
     {.assume_roles = role_chain, .assume_role_count = 2},
     {ENV_KEYS},
     NULL,
     NULL,
     "AKIDENV AKIDROLEA AKIDROLEB",
     "x-amz-security-token: token-of-role-B\r\n"},
    {"assume_role on a profile's role",
     {.profile = "r", .assume_roles = role_chain + 1, .assume_role_count = 1},
     {{0}},
     "[base]\n" FILE_KEYS,
     "[profile r]\nrole_arn = arn:aws:iam::1:role/A\nsource_profile = base\n",
     "AKIDFILE AKIDROLEA AKIDROLEB",
     NULL},

    {"nothing anywhere",
     {0},
     {{0}},
     NULL,
     NULL,
     NULL,
     "no AWS credentials found in: provider arguments (not set), assume_role_with_web_identity (not set), "
     "environment (AWS_ACCESS_KEY_ID is not set), web identity (AWS_WEB_IDENTITY_TOKEN_FILE is not set), "
     "shared credentials and configuration files (no profile \"default\" in "},
    {"half of the arguments",
     {.access_key = "AKIDARG"},
     {ENV_KEYS},
     NULL,
     NULL,
     NULL,
     "must be given together"},
    {"profile without keys",
     {.profile = "dev"},
     {{0}},
     "[dev]\nregion = x\n",
     NULL,
     NULL,
     "profile \"dev\" has neither keys nor a role"},
    {"profile of `aws login`",
     {.profile = "dev"},
     {{0}},
     NULL,
     "[profile dev]\nlogin_session = x\n",
     NULL,
     "login_session, which this version does not read"},
    {"unknown profile",
     {.profile = "nope"},
     {ENV_KEYS},
     NULL,
     NULL,
     NULL,
     "the profile \"nope\" does not exist in "},
    {"unknown source profile",
     {.profile = "r"},
     {{0}},
     NULL,
     "[profile r]\nrole_arn = arn:aws:iam::1:role/A\nsource_profile = nope\n",
     NULL,
     "its source_profile \"nope\" does not exist"},
    {"source profile without keys",
     {.profile = "r"},
     {{0}},
     NULL,
     "[profile r]\nrole_arn = arn:aws:iam::1:role/A\nsource_profile = b\n[profile b]\nregion = x\n",
     NULL,
     "its source_profile \"b\" gives no credentials"},
    {"circle of profiles",
     {.profile = "r"},
     {{0}},
     NULL,
     "[profile r]\nrole_arn = arn:1\nsource_profile = q\n[profile q]\nrole_arn = arn:2\nsource_profile = r\n",
     NULL,
     "goes round in a circle"},
    {"itself without keys",
     {.profile = "r"},
     {{0}},
     NULL,
     "[profile r]\nrole_arn = arn:1\nsource_profile = r\n",
     NULL,
     "names itself"},
    {"both sources",
     {.profile = "r"},
     {{0}},
     NULL,
     "[profile r]\nrole_arn = arn:1\nsource_profile = r\ncredential_source = Environment\n",
     NULL,
     "both source_profile and credential_source"},
    {"no source",
     {.profile = "r"},
     {{0}},
     NULL,
     "[profile r]\nrole_arn = arn:1\n",
     NULL,
     "neither source_profile nor credential_source"},
    {"instance metadata",
     {.profile = "r"},
     {{0}},
     NULL,
     "[profile r]\nrole_arn = arn:1\ncredential_source = Ec2InstanceMetadata\n",
     NULL,
     "credential_source Ec2InstanceMetadata gives no credentials (switched off)"},
    {"unknown source",
     {.profile = "r"},
     {{0}},
     NULL,
     "[profile r]\nrole_arn = arn:1\ncredential_source = x\n",
     NULL,
     "is none of"},
    {"empty environment as source",
     {.profile = "r"},
     {{0}},
     NULL,
     "[profile r]\nrole_arn = arn:1\ncredential_source = Environment\n",
     NULL,
     "which has none"},
    {"MFA",
     {.profile = "r"},
     {{0}},
     "[base]\n" FILE_KEYS,
     "[profile r]\nrole_arn = arn:1\nsource_profile = base\nmfa_serial = arn:2\n",
     NULL,
     "cannot ask for a code"},
    {"silly duration",
     {.profile = "r"},
     {{0}},
     "[base]\n" FILE_KEYS,
     "[profile r]\nrole_arn = arn:1\nsource_profile = base\nduration_seconds = 5\n",
     NULL,
     "duration_seconds"},
    {"role denied",
     {.assume_roles = role_denied, .assume_role_count = 1},
     {ENV_KEYS},
     NULL,
     NULL,
     NULL,
     "assume role arn:aws:iam::1:role/denied with credentials from environment: sts AssumeRole: "},
    {"role without keys",
     {.assume_roles = role_empty, .assume_role_count = 1},
     {ENV_KEYS},
     NULL,
     NULL,
     NULL,
     "no complete credentials"},
    {"key with a line break",
     {0},
     {{"AWS_ACCESS_KEY_ID", "AKIDENV\n"}, {"AWS_SECRET_ACCESS_KEY", "secret-env"}},
     NULL,
     NULL,
     NULL,
     "access key from environment contains"},
    {"secret with a blank",
     {.access_key = "AKIDARG", .secret_key = "secret arg"},
     {{0}},
     NULL,
     NULL,
     NULL,
     "secret key from provider arguments contains"},
    {"NUL in a file", {0}, {{"AWS_CONFIG_FILE", "/dev/zero"}}, NULL, NULL, NULL, "not a regular file"},
};

static void check_no_secret(const struct row *r, const struct err *e)
{
    static const char *const values[] = {"secret-env",  "secret-arg", "secret arg",
                                         "secret-file", "secret-of",  "token-"};
    for (size_t i = 0; i < ARRAY_LEN(values); i++)
        if (strstr(e->text, values[i]) || strstr(e->said, values[i]) || strstr(e->hint, values[i]))
            fail_msg("%s: a secret is in the error", r->name);
}

static void check_row(const struct row *r)
{
    struct scripted server;
    struct recorder clock;
    struct err e = ERR_INIT;
    struct sts_identity who;
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    fixture_home_write("credentials", r->credentials);
    fixture_home_write("config", r->file);
    fixture_set_env(r->env);
    recorder_init(&clock);
    scripted_start(&server, sts, NULL);
    struct aws *w CLEANUP(aws_cleanup) = fixture_aws(&r->config, server.url, &clock.clock, &e);
    struct aws_session s = {.aws = w, .arena = a};
    bool ok = w && sts_identity(&s, &who, &e);
    const char *used = fixture_signers(&server, a);
    if (ok != (r->used != NULL) || (ok && strcmp(used, r->used) != 0))
        fail_msg("%s: signed by %s; %s", r->name, used, e.text);
    if (!ok && (!strstr(e.text, r->text) || e.code == ERR_NONE))
        fail_msg("%s: %s", r->name, e.text);
    if (ok && r->text && !fixture_was_sent(&server, r->text))
        fail_msg("%s: \"%s\" was not sent", r->name, r->text);
    check_no_secret(r, &e);
    scripted_stop(&server);
}

static void source_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        check_row(&rows[i]);
    print_message("%zu rows\n", ARRAY_LEN(rows));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(source_rows)};
    return cmocka_run_group_tests(tests, fixture_home_make, fixture_home_remove);
}
