/* The script and the rows of chain_test.c. */
#include "internal/aws/chain_rows.h"

#include <string.h>
#include <unistd.h>

#define KEYS_JSON(letter, expiry)                                                                            \
    "\"AccessKeyId\":\"AKID" letter "\",\"SecretAccessKey\":\"" CANARY "-secret-" letter                     \
    "\",\"Token\":\"" CANARY "-token-" letter "\",\"SessionToken\":\"" CANARY "-token-" letter               \
    "\",\"Expiration\":\"" expiry "\""
#define SOON  FIXTURE_IN_AN_HOUR
#define EARLY "2026-01-02T03:00:44Z" /* a second before the tests' now */
#define ROLE_OF(action, letter)                                                                              \
    REPLY(action, "<Credentials><AccessKeyId>AKID" letter "</AccessKeyId><SecretAccessKey>" CANARY           \
                  "-secret</SecretAccessKey><SessionToken>" CANARY "-token-" letter                          \
                  "</SessionToken><Expiration>" SOON "</Expiration></Credentials>")
#define GARBAGE "{\"AccessKeyId\":\"" CANARY "\", garbage"

#define METADATA(place, token, role, keys)                                                                   \
    {.action = "PUT /" place "/latest/api/token ", .body = token},                                           \
        {.action = "GET /" place "/latest/meta-data/iam/security-credentials/ ", .body = role},              \
    {                                                                                                        \
        .action = "GET /" place "/latest/meta-data/iam/security-credentials/", .body = keys                  \
    }
#define ROLE_CREDENTIALS(expiration)                                                                         \
    "{\"roleCredentials\":{\"accessKeyId\":\"AKIDSSO\",\"secretAccessKey\":\"" CANARY                        \
    "-secret-sso\",\"sessionToken\":\"" CANARY "-token-sso\",\"expiration\":" expiration "}}"

const struct step chain_script[] = {
    {.action = "Action=GetCallerIdentity", .body = FIXTURE_IDENTITY},
    {.action = "WebIdentityToken=" CANARY "-good", .body = ROLE_OF("AssumeRoleWithWebIdentity", "WEB")},
    {.action = "WebIdentityToken=" CANARY "-old",
     .status = 400,
     .body = REFUSAL("ExpiredTokenException", "Token expired: current date must be before the expiration")},
    {.action = "WebIdentityToken=" CANARY "-empty",
     .body = REPLY("AssumeRoleWithWebIdentity", "<Credentials/>")},
    {.action = "Action=AssumeRole&", .body = ROLE_OF("AssumeRole", "ROLE")},

    {.action = "GET /agent ", .body = "{" KEYS_JSON("BOX", SOON) "}"},
    {.action = "GET /agent?x=y ", .body = "{" KEYS_JSON("QUERY", SOON) "}"},
    {.action = "GET /late ", .body = "{" KEYS_JSON("BOX", EARLY) "}"},
    {.action = "GET /garbled ", .body = GARBAGE},
    {.action = "GET /refused ", .status = 403, .body = "{\"message\":\"" CANARY "\"}"},
    {.action = "GET /flaky ", .times = 2, .status = 503, .body = "busy"},
    {.action = "GET /flaky ", .body = "{" KEYS_JSON("FLAKY", SOON) "}"},
    {.action = "GET /hangup ", .fault = FAULT_HANG_UP},

    METADATA("ec2", CANARY "-imds", "web-role\n", "{\"Code\":\"Success\"," KEYS_JSON("EC2", SOON) "}"),
    METADATA("ec2-old", CANARY "-imds", "web-role", "{\"Code\":\"Success\"," KEYS_JSON("EC2", EARLY) "}"),
    METADATA("ec2-failed", CANARY "-imds", "web-role", "{\"Code\":\"AssumeRoleUnauthorizedAccess\"}"),
    METADATA("ec2-garbled", CANARY "-imds", "web-role", GARBAGE),
    METADATA("ec2-odd", CANARY "-imds", "a role with " CANARY, "{}"),
    METADATA("ec2-bad-token", "not a\ttoken", "web-role", "{}"),
    {.action = "PUT /ec2-none/latest/api/token ", .body = CANARY "-imds"},
    {.action = "GET /ec2-none/", .status = 404, .body = "none"},
    {.action = "PUT /ec2-v1/latest/api/token ", .status = 403, .body = "no"},
    {.action = "PUT /ec2-silent/", .fault = FAULT_SILENCE},

    {.action = "role_name=good&account_id=1 ", .body = ROLE_CREDENTIALS("1767326445000")},
    {.action = "role_name=late&", .body = ROLE_CREDENTIALS("1767322844000")},
    {.action = "role_name=wordy&", .body = ROLE_CREDENTIALS("\"tomorrow\"")},
    {.action = "role_name=garbled&", .body = GARBAGE},
    {.action = "role_name=foreign&", .status = 403, .body = "{\"message\":\"" CANARY "\"}"},
    {.action = "role_name=revoked&", .status = 401, .body = "{\"message\":\"" CANARY "\"}"},
    {.action = CANARY "-refresh-good",
     .body = "{\"accessToken\":\"" CANARY "-sso-new\",\"expiresIn\":3600,\"refreshToken\":\"" CANARY
             "-refresh-next\"}"},
    {.action = CANARY "-refresh-used", .status = 400, .body = "{\"error\":\"invalid_grant\"}"},
    {.action = CANARY "-refresh-odd", .body = "{\"accessToken\":\"" CANARY "\",\"expiresIn\":-1}"},
    {0}};

#define ENV_KEYS                                                                                             \
    {"AWS_ACCESS_KEY_ID", "AKIDENV"},                                                                        \
    {                                                                                                        \
        "AWS_SECRET_ACCESS_KEY", CANARY "-env"                                                               \
    }
#define WEB_ENV(file)                                                                                        \
    {"AWS_ROLE_ARN", "arn:aws:iam::1:role/web"},                                                             \
    {                                                                                                        \
        "AWS_WEB_IDENTITY_TOKEN_FILE", "%H/" file                                                            \
    }
#define AGENT(path)                                                                                          \
    {                                                                                                        \
        "AWS_CONTAINER_CREDENTIALS_FULL_URI", "%U" path                                                      \
    }
#define METADATA_ON                                                                                          \
    {                                                                                                        \
        "AWS_EC2_METADATA_DISABLED", "false"                                                                 \
    }
#define EC2(path)                                                                                            \
    {                                                                                                        \
        "AWS_EC2_METADATA_SERVICE_ENDPOINT", "%U" path                                                       \
    }
#define TOKEN_FILE(text)                                                                                     \
    {                                                                                                        \
        "token", text                                                                                        \
    }
#define FILE_KEYS "aws_access_key_id = AKIDFILE\naws_secret_access_key = " CANARY "-file\n"

#define SSO_TOKEN(expiry) "{\"accessToken\":\"" CANARY "-sso\",\"expiresAt\":\"" expiry "\"}"
#define SSO_RENEWABLE(expiry, refresh)                                                                       \
    "{\"startUrl\":\"https://corp.example/start\",\"accessToken\":\"" CANARY                                 \
    "-sso\",\"expiresAt\":\"" expiry "\",\"clientId\":\"id\",\"clientSecret\":\"" CANARY                     \
    "-client\",\"registrationExpiresAt\":"                                                                   \
    "\"2026-03-01T00:00:00Z\",\"refreshToken\":\"" refresh "\"}"
#define CORP(role)                                                                                           \
    "[profile dev]\nsso_session = corp\nsso_account_id = 1\nsso_role_name = " role "\n"                      \
    "[sso-session corp]\nsso_region = eu-west-1\nsso_start_url = https://corp.example/start\n"
#define LEGACY                                                                                               \
    "[profile dev]\nsso_start_url = https://corp.example/start\nsso_region = eu-west-1\n"                    \
    "sso_account_id = 1\nsso_role_name = good\n"
#define PROCESS(command) "[profile dev]\ncredential_process = " command "\n"
#define PROCESS_CAT      PROCESS("/bin/cat %H/out")
#define DEV              .config = {.profile = "dev"}

static const struct aws_web_identity web_block = {.role_arn = "arn:aws:iam::1:role/block",
                                                  .session_name = "ci",
                                                  .token = CANARY "-good",
                                                  .policy_arns = (const char *const[]){"arn:p", NULL},
                                                  .duration_seconds = 1800};
static const struct aws_web_identity web_bare = {.session_name = "ci"};
static const struct aws_assume_role tagged_role[] = {
    {.role_arn = "arn:aws:iam::1:role/A",
     .session_name = "s",
     .tags = (const struct aws_field[]){{"team", "dba"}, {"cost", "1"}, {0}},
     .transitive_tag_keys = (const char *const[]){"team", NULL}}};

const struct chain_row chain_rows[] = {
    /* ---- order ---- */
    {.name = "arguments before everything",
     .config = {.access_key = "AKIDARG", .secret_key = CANARY "-arg", .web_identity = &web_block},
     .env = {ENV_KEYS, WEB_ENV("token")},
     .used = "AKIDARG"},
    {.name = "the block's web identity before the environment",
     .config = {.web_identity = &web_block},
     .env = {ENV_KEYS},
     .used = "- AKIDWEB",
     .text = "RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fblock&RoleSessionName=ci&WebIdentityToken=" CANARY
             "-good&DurationSeconds=1800&PolicyArns.member.1.arn=arn%3Ap"},
    {.name = "keys of the environment before its web identity",
     .env = {ENV_KEYS, WEB_ENV("token")},
     .used = "AKIDENV"},
    {.name = "web identity before files",
     .env = {WEB_ENV("token")},
     .file = "[default]\n" FILE_KEYS,
     .files = {TOKEN_FILE(CANARY "-good\n")},
     .used = "- AKIDWEB"},
    {.name = "but not if the provider names a profile",
     DEV,
     .env = {WEB_ENV("token")},
     .file = "[profile dev]\n" FILE_KEYS,
     .used = "AKIDFILE"},
    {.name = "files before a container",
     .env = {AGENT("/agent")},
     .file = "[default]\n" FILE_KEYS,
     .used = "AKIDFILE"},
    {.name = "container before instance metadata",
     .env = {AGENT("/agent"), METADATA_ON, EC2("/ec2")},
     .used = "- AKIDBOX"},
    {.name = "a profile without keys leads to the machine",
     DEV,
     .env = {METADATA_ON, EC2("/ec2")},
     .file = "[profile dev]\nregion = x\n",
     .used = "- - - AKIDEC2"},
    {.name = "assume_role on top of web identity, with session tags",
     .config = {.web_identity = &web_block, .assume_roles = tagged_role, .assume_role_count = 1},
     .used = "- AKIDWEB AKIDROLE",
     .text = "Tags.member.1.Key=team&Tags.member.1.Value=dba&Tags.member.2.Key=cost&Tags.member.2.Value=1&"
             "TransitiveTagKeys.member.1=team"},

    /* ---- web identity ---- */
    {.name = "the block takes the rest from the environment",
     .config = {.web_identity = &web_bare},
     .env = {WEB_ENV("token")},
     .files = {TOKEN_FILE(CANARY "-good")},
     .used = "- AKIDWEB",
     .text = "RoleSessionName=ci&"},
    {.name = "a block with nothing", .config = {.web_identity = &web_bare}, .text = "no role_arn is given"},
    {.name = "a block without token",
     .config = {.web_identity = &web_bare},
     .env = {{"AWS_ROLE_ARN", "arn:aws:iam::1:role/web"}},
     .text = "no token is given"},
    {.name = "a token file without role",
     .env = {{"AWS_WEB_IDENTITY_TOKEN_FILE", "%H/token"}},
     .text = "AWS_ROLE_ARN is not"},
    {.name = "session name of the environment",
     .env = {WEB_ENV("token"), {"AWS_ROLE_SESSION_NAME", "pod"}},
     .files = {TOKEN_FILE(CANARY "-good")},
     .used = "- AKIDWEB",
     .text = "RoleSessionName=pod&"},
    {.name = "no token file",
     .env = {WEB_ENV("absent")},
     .text = "assume role arn:aws:iam::1:role/web with a web"},
    {.name = "empty token file", .env = {WEB_ENV("token")}, .files = {TOKEN_FILE("\n")}, .text = "is empty"},
    {.name = "expired token",
     .env = {WEB_ENV("token")},
     .files = {TOKEN_FILE(CANARY "-old")},
     .text = "web identity token: sts AssumeRoleWithWebIdentity"},
    {.name = "no keys in the reply",
     .env = {WEB_ENV("token")},
     .files = {TOKEN_FILE(CANARY "-empty")},
     .text = "no complete credentials"},
    {.name = "web identity of a profile",
     DEV,
     .file = "[profile dev]\nrole_arn = arn:aws:iam::1:role/p\nweb_identity_token_file = %H/token\n"
             "role_session_name = me\n",
     .files = {TOKEN_FILE(CANARY "-good")},
     .used = "- AKIDWEB",
     .text = "role%2Fp&RoleSessionName=me"},
    {.name = "a role on a profile's web identity",
     DEV,
     .file = "[profile dev]\nrole_arn = arn:aws:iam::1:role/A\nsource_profile = web\n"
             "[profile web]\nrole_arn = arn:aws:iam::1:role/p\nweb_identity_token_file = %H/token\n",
     .files = {TOKEN_FILE(CANARY "-good")},
     .used = "- AKIDWEB AKIDROLE"},
    {.name = "web identity without role",
     DEV,
     .file = "[profile dev]\nweb_identity_token_file = %H/token\n",
     .text = "has web_identity_token_file, but no role_arn"},

    /* ---- credential_process ---- */
    {.name = "process",
     DEV,
     .file = PROCESS_CAT,
     .files = {{"out", "{\"Version\":1," KEYS_JSON("PROC", SOON) "}"}},
     .used = "AKIDPROC",
     .text = "x-amz-security-token: " CANARY "-token-PROC"},
    {.name = "process without expiry and token",
     DEV,
     .file = PROCESS_CAT,
     .files = {{"out",
                "{\"Version\":1,\"AccessKeyId\":\"AKIDPROC\",\"SecretAccessKey\":\"" CANARY "-bare\"}\n"}},
     .used = "AKIDPROC"},
    {.name = "expiry with an offset",
     DEV,
     .file = PROCESS_CAT,
     .files = {{"out", "{\"Version\":1," KEYS_JSON("PROC", "2026-01-02T05:00:45+01:00") "}"}},
     .used = "AKIDPROC"},
    {.name = "a role on a process, other profile",
     DEV,
     .file = "[profile dev]\nrole_arn = arn:aws:iam::1:role/A\nsource_profile = p\n"
             "[profile p]\ncredential_process = /bin/cat %H/out\n",
     .files = {{"out", "{\"Version\":1," KEYS_JSON("PROC", SOON) "}"}},
     .used = "AKIDPROC AKIDROLE"},
    {.name = "a role on a process, same profile",
     DEV,
     .file = PROCESS_CAT "role_arn = arn:aws:iam::1:role/A\n",
     .files = {{"out", "{\"Version\":1," KEYS_JSON("PROC", SOON) "}"}},
     .used = "AKIDPROC AKIDROLE"},
    {.name = "other version",
     DEV,
     .file = PROCESS_CAT,
     .files = {{"out", "{\"Version\":2," KEYS_JSON("P", SOON) "}"}},
     .text = "no \"Version\": 1"},
    {.name = "expired already",
     DEV,
     .file = PROCESS_CAT,
     .files = {{"out", "{\"Version\":1," KEYS_JSON("P", EARLY) "}"}},
     .text = "have expired already"},
    {.name = "expiry that is none",
     DEV,
     .file = PROCESS_CAT,
     .files = {{"out", "{\"Version\":1," KEYS_JSON("P", "tomorrow") "}"}},
     .text = "is not a time"},
    {.name = "no keys",
     DEV,
     .file = PROCESS_CAT,
     .files = {{"out", "{\"Version\":1}"}},
     .text = "no AccessKeyId and"},
    {.name = "garbage", DEV, .file = PROCESS_CAT, .files = {{"out", GARBAGE}}, .text = "not a JSON object"},
    {.name = "a JSON text",
     DEV,
     .file = PROCESS_CAT,
     .files = {{"out", "\"" CANARY "\""}},
     .text = "not a JSON object"},
    {.name = "nothing", DEV, .file = PROCESS_CAT, .files = {{"out", ""}}, .text = "not a JSON object"},
    {.name = "too much", DEV, .file = PROCESS("/bin/cat /dev/zero"), .text = "prints more than"},
    {.name = "it fails, and talks about it",
     DEV,
     .file = PROCESS("echo " CANARY " >&2; echo " CANARY "; exit 4"),
     .text = "credential_process of profile \"dev\": it ended with status 4"},
    {.name = "it is not there",
     DEV,
     .file = PROCESS("/nowhere/helper " CANARY),
     .text = "start /nowhere/helper"},
    {.name = "an open quote",
     DEV,
     .file = PROCESS("'/nowhere " CANARY),
     .text = "a quote that is not closed"},
    {.name = "two ways",
     DEV,
     .file = PROCESS_CAT "role_arn = arn:1\nsource_profile = dev\n",
     .text = "has both source_profile and credential_process"},

    /* ---- container ---- */
    {.name = "container",
     .env = {AGENT("/agent"), {"AWS_CONTAINER_AUTHORIZATION_TOKEN", CANARY "-auth"}},
     .used = "- AKIDBOX",
     .text = "Authorization: " CANARY "-auth\r\n"},
    {.name = "container with a query", .env = {AGENT("/agent?x=y")}, .used = "- AKIDQUERY"},
    {.name = "the token's file before the token",
     .env = {AGENT("/agent"),
             {"AWS_CONTAINER_AUTHORIZATION_TOKEN", CANARY "-auth"},
             {"AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "%H/token"}},
     .files = {TOKEN_FILE(CANARY "-pod\n")},
     .used = "- AKIDBOX",
     .text = "Authorization: " CANARY "-pod\r\n"},
    {.name = "a token with a line break",
     .env = {AGENT("/agent"), {"AWS_CONTAINER_AUTHORIZATION_TOKEN", "a\r\n" CANARY ": x"}},
     .text = "control characters"},
    {.name = "no such token file",
     .env = {AGENT("/agent"), {"AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "%H/absent"}},
     .text = "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: read"},
    {.name = "an agent that needs three tries", .env = {AGENT("/flaky")}, .used = "- - - AKIDFLAKY"},
    {.name = "an agent that hangs up", .env = {AGENT("/hangup")}, .text = "container's credential service: "},
    {.name = "an agent that refuses", .env = {AGENT("/refused")}, .text = "it answers HTTP 403"},
    {.name = "expired keys of a container", .env = {AGENT("/late")}, .text = "have expired already"},
    {.name = "garbage of a container", .env = {AGENT("/garbled")}, .text = "its answer is not a JSON object"},
    {.name = "nobody there",
     .env = {{"AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1:1/x"}},
     .text = "cannot be reached"},
    {.name = "a host far away",
     .env = {{"AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://agent.example/x"}},
     .text = "its host agent.example is neither this machine nor"},
    {.name = "container as source of a profile",
     DEV,
     .env = {AGENT("/agent")},
     .file = "[profile dev]\nrole_arn = arn:aws:iam::1:role/A\ncredential_source = EcsContainer\n",
     .used = "- AKIDBOX AKIDROLE"},
    {.name = "… which is not there",
     DEV,
     .file = "[profile dev]\nrole_arn = arn:aws:iam::1:role/A\ncredential_source = EcsContainer\n",
     .text = "credential_source EcsContainer gives no credentials (AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"},

    /* ---- instance metadata ---- */
    {.name = "instance",
     .env = {METADATA_ON, EC2("/ec2")},
     .used = "- - - AKIDEC2",
     .text = "x-aws-ec2-metadata-token: " CANARY "-imds\r\n"},
    {.name = "a slash at the end", .env = {METADATA_ON, EC2("/ec2/")}, .used = "- - - AKIDEC2"},
    {.name = "arguments on, environment off",
     .config = {.skip_metadata = AWS_NO},
     .env = {EC2("/ec2")},
     .used = "- - - AKIDEC2"},
    {.name = "arguments off, environment on",
     .config = {.skip_metadata = AWS_YES},
     .env = {METADATA_ON, EC2("/ec2")},
     .text = "instance metadata (switched off)"},
    {.name = "expired keys of an instance are used: AWS may be unable to renew them",
     .env = {METADATA_ON, EC2("/ec2-old")},
     .used = "- - - AKIDEC2"},
    {.name = "no role", .env = {METADATA_ON, EC2("/ec2-none")}, .text = "(this instance has no role)"},
    {.name = "version 1 only",
     .env = {METADATA_ON, EC2("/ec2-v1")},
     .text = "(it answers HTTP 403 to the request"},
    {.name = "a token that is none",
     .env = {METADATA_ON, EC2("/ec2-bad-token")},
     .text = "its IMDSv2 token is none"},
    {.name = "a role that is none",
     .env = {METADATA_ON, EC2("/ec2-odd")},
     .text = "the name of the instance's role"},
    {.name = "a role that cannot be assumed",
     .env = {METADATA_ON, EC2("/ec2-failed")},
     .text = "no credentials for role web-role: AssumeRoleUnauthorizedAccess"},
    {.name = "garbage of an instance",
     .env = {METADATA_ON, EC2("/ec2-garbled")},
     .text = "its answer is not a JSON"},
    {.name = "not an instance",
     .env = {METADATA_ON, {"AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://127.0.0.1:1"}},
     .text = "instance metadata (http://127.0.0.1:1 does not answer)"},
    {.name = "instance as source of a profile",
     DEV,
     .env = {METADATA_ON, EC2("/ec2")},
     .file = "[profile dev]\nrole_arn = arn:aws:iam::1:role/A\ncredential_source = Ec2InstanceMetadata\n",
     .used = "- - - AKIDEC2 AKIDROLE"},

    /* ---- IAM Identity Center ---- */
    {.name = "session",
     DEV,
     .file = CORP("good"),
     .files = {{CORP_CACHE, SSO_TOKEN("2026-01-02T11:00:00Z")}},
     .used = "- AKIDSSO",
     .text = "x-amz-sso_bearer_token: " CANARY "-sso\r\n"},
    {.name = "the older form",
     DEV,
     .file = LEGACY,
     .files = {{LEGACY_CACHE, SSO_TOKEN("2026-01-02T11:00:00UTC")}},
     .used = "- AKIDSSO"},
    {.name = "a role on a session",
     DEV,
     .file = CORP("good") "[profile dev]\nrole_arn = arn:aws:iam::1:role/A\n",
     .files = {{CORP_CACHE, SSO_TOKEN("2026-01-02T11:00:00Z")}},
     .used = "- AKIDSSO AKIDROLE"},
    {.name = "nobody has logged in",
     DEV,
     .file = CORP("good"),
     .text = "Log in again: aws sso login --profile dev"},
    {.name = "the login is over",
     DEV,
     .file = CORP("good"),
     .files = {{CORP_CACHE, SSO_TOKEN(EARLY)}},
     .text = "Log in again: aws sso login --profile dev"},
    {.name = "the login is over, older form",
     DEV,
     .file = LEGACY,
     .files = {{LEGACY_CACHE, SSO_TOKEN(EARLY)}},
     .text = "the IAM Identity Center session has expired"},
    {.name = "… of the default profile",
     .file = "[default]\nsso_start_url = https://corp.example/start\nsso_region = eu-west-1\n"
             "sso_account_id = 1\nsso_role_name = good\n",
     .text = "Log in again: aws sso login\n"},
    {.name = "a token that is renewed",
     DEV,
     .file = CORP("good"),
     .files = {{CORP_CACHE, SSO_RENEWABLE(EARLY, CANARY "-refresh-good")}},
     .used = "- - AKIDSSO",
     .text = "x-amz-sso_bearer_token: " CANARY "-sso-new\r\n"},
    {.name = "a token that is renewed before it ends",
     DEV,
     .file = CORP("good"),
     .files = {{CORP_CACHE, SSO_RENEWABLE("2026-01-02T03:05:00Z", CANARY "-refresh-good")}},
     .used = "- - AKIDSSO"},
    {.name = "renewal refused, but the token still lives",
     DEV,
     .file = CORP("good"),
     .files = {{CORP_CACHE, SSO_RENEWABLE("2026-01-02T03:05:00Z", CANARY "-refresh-used")}},
     .used = "- - AKIDSSO"},
    {.name = "renewal refused",
     DEV,
     .file = CORP("good"),
     .files = {{CORP_CACHE, SSO_RENEWABLE(EARLY, CANARY "-refresh-used")}},
     .text = "Log in again: aws sso login --profile dev"},
    {.name = "renewal that makes no sense",
     DEV,
     .file = CORP("good"),
     .files = {{CORP_CACHE, SSO_RENEWABLE(EARLY, CANARY "-refresh-odd")}},
     .text = "session has expired"},
    {.name = "a cache that is garbage",
     DEV,
     .file = CORP("good"),
     .files = {{CORP_CACHE, GARBAGE}},
     .text = "is kept in a file that is not JSON"},
    {.name = "a cache without a token",
     DEV,
     .file = CORP("good"),
     .files = {{CORP_CACHE, "{}"}},
     .text = "has no token"},
    {.name = "a token that was revoked",
     DEV,
     .file = CORP("revoked"),
     .files = {{CORP_CACHE, SSO_TOKEN("2026-01-02T11:00:00Z")}},
     .text = "is no longer accepted"},
    {.name = "a role of somebody else",
     DEV,
     .file = CORP("foreign"),
     .files = {{CORP_CACHE, SSO_TOKEN("2026-01-02T11:00:00Z")}},
     .text = "must be assigned to that role"},
    {.name = "expired keys of a session",
     DEV,
     .file = CORP("late"),
     .files = {{CORP_CACHE, SSO_TOKEN("2026-01-02T11:00:00Z")}},
     .text = "have expired already"},
    {.name = "an expiry in words",
     DEV,
     .file = CORP("wordy"),
     .files = {{CORP_CACHE, SSO_TOKEN("2026-01-02T11:00:00Z")}},
     .text = "have expired already"},
    {.name = "garbage of the portal",
     DEV,
     .file = CORP("garbled"),
     .files = {{CORP_CACHE, SSO_TOKEN("2026-01-02T11:00:00Z")}},
     .text = "IAM Identity Center: the answer is not"},
    {.name = "no account",
     DEV,
     .file = "[profile dev]\nsso_session = corp\nsso_role_name = x\n[sso-session corp]\n"
             "sso_region = eu-west-1\nsso_start_url = https://corp.example/start\n",
     .text = "profile \"dev\" has no sso_account_id"},
    {.name = "no such session",
     DEV,
     .file = "[profile dev]\nsso_session = corp\n",
     .text = "no sso_start_url in [sso-session corp]"},
};

const size_t chain_row_count = ARRAY_LEN(chain_rows);

/* ---- one row's world ---- */

/* "%U" is the server's URL, "%H" is ~/.aws. */
static const char *filled(struct arena *a, const char *text, const char *url)
{
    const char *out = "";
    for (const char *p = text; p && *p;) {
        size_t n = strcspn(p, "%");
        const char *insert = !p[n] ? "" : p[n + 1] == 'U' ? url : fixture_home_path(a, "");
        out = arena_printf(a, "%s%.*s%s", out, (int)n, p, insert);
        p += n + (p[n] ? 2 : 0);
        if (*insert && p[0] == '/' && out[strlen(out) - 1] == '/') /* the folder's own slash */
            p++;
    }
    return out;
}

static void lay_out(struct arena *a, const struct chain_row *r, const char *url,
                    struct variable env[CHAIN_VARIABLES + 1])
{
    static const char *const all[] = {"credentials", "config", "token", "out", CORP_CACHE, LEGACY_CACHE};
    for (size_t i = 0; i < ARRAY_LEN(all); i++)
        (void)unlink(fixture_home_path(a, all[i]));
    fixture_home_write("config", filled(a, r->file, url));
    for (size_t i = 0; i < CHAIN_FILES && r->files[i].name; i++)
        fixture_home_write(r->files[i].name, r->files[i].text);
    for (size_t i = 0; i < CHAIN_VARIABLES && r->env[i].name; i++)
        env[i] = (struct variable){r->env[i].name, filled(a, r->env[i].value, url)};
    fixture_set_env(env);
}

void chain_start(struct chain *h, const struct chain_row *r)
{
    static struct variable env[CHAIN_VARIABLES + 1];
    memset(env, 0, sizeof env);
    *h = (struct chain){.arena = arena_new()};
    recorder_init(&h->clock);
    scripted_start(&h->server, chain_script, NULL);
    lay_out(h->arena, r, h->server.url, env);
    h->aws = fixture_aws(&r->config, h->server.url, &h->clock.clock, &h->e);
}

void chain_stop(struct chain *h)
{
    aws_free(h->aws);
    scripted_stop(&h->server);
    arena_free(h->arena);
}

const struct chain_row *chain_row(const char *name)
{
    for (size_t i = 0; i < chain_row_count; i++)
        if (strcmp(chain_rows[i].name, name) == 0)
            return &chain_rows[i];
    fail_msg("no row \"%s\"", name);
    return NULL;
}
