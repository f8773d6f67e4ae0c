/* schema.c — the provider block: hashicorp/aws's arguments under their own names, and ours.
 *
 * An argument of hashicorp/aws that would have no effect here is not in the table: Terraform then refuses it,
 * which is better than a setting that people believe in.
 */
#include "provider/provider.h"

#include "provider/validate.h"

static const char *const plan_checks_values[] = {"full", "aws", "off", NULL};
static const char *const metadata_mode_values[] = {"IPv4", "IPv6", NULL};
static const char *const sslmode_values[] = {"disable", "require", "verify-ca", "verify-full", NULL};

static const struct tf_attr top_attrs[] = {
    {.name = "access_key",
     .type = TF_STRING,
     .flags = TF_OPTIONAL,
     .doc = "Access key id. Belongs with `secret_key`. Environment: `AWS_ACCESS_KEY_ID`."},
    {.name = "allowed_account_ids",
     .type = TF_STRING_SET,
     .flags = TF_OPTIONAL,
     .doc = "The only AWS accounts this provider may work in. Conflicts with `forbidden_account_ids`."},
    {.name = "custom_ca_bundle",
     .type = TF_STRING,
     .flags = TF_OPTIONAL,
     .doc = "File with the certificate authorities (PEM) to trust for AWS. Environment: `AWS_CA_BUNDLE`."},
    {.name = "ec2_metadata_service_endpoint",
     .type = TF_STRING,
     .flags = TF_OPTIONAL,
     .validate = validate_url,
     .doc = "URL of the EC2 instance metadata service, if it is not AWS's own. Environment: "
            "`AWS_EC2_METADATA_SERVICE_ENDPOINT`."},
    {.name = "ec2_metadata_service_endpoint_mode",
     .type = TF_STRING,
     .flags = TF_OPTIONAL,
     .one_of = metadata_mode_values,
     .doc = "Protocol to reach the metadata service by: `IPv4` (default) or `IPv6`. Environment: "
            "`AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE`."},
    {.name = "forbidden_account_ids",
     .type = TF_STRING_SET,
     .flags = TF_OPTIONAL,
     .doc = "AWS accounts this provider must not work in. Conflicts with `allowed_account_ids`."},
    {.name = "http_proxy",
     .type = TF_STRING,
     .flags = TF_OPTIONAL,
     .doc = "Proxy for plain HTTP requests. Environment: `HTTP_PROXY`, `http_proxy`."},
    {.name = "https_proxy",
     .type = TF_STRING,
     .flags = TF_OPTIONAL,
     .doc = "Proxy for HTTPS requests. Environment: `HTTPS_PROXY`, `https_proxy`."},
    {.name = "insecure",
     .type = TF_BOOL,
     .flags = TF_OPTIONAL,
     .doc = "Do not check the certificates of AWS endpoints: whoever is in between can read and change "
            "everything. Prefer `custom_ca_bundle`."},
    {.name = "journal_dir",
     .type = TF_STRING,
     .flags = TF_OPTIONAL,
     .doc = "Folder for the journals of operations. Default: `$XDG_STATE_HOME/aurora`, else "
            "`~/.local/state/aurora`, because the working folders of CI and Terragrunt are disposable."},
    {.name = "max_retries",
     .type = TF_NUMBER,
     .flags = TF_OPTIONAL | TF_INTEGER,
     .validate = validate_retries,
     .doc = "How often an AWS call is repeated after throttling and passing failures. Default 25. "
            "Environment: `AWS_MAX_ATTEMPTS`."},
    {.name = "no_proxy",
     .type = TF_STRING,
     .flags = TF_OPTIONAL,
     .doc = "Comma-separated hosts that are reached without a proxy. Environment: `NO_PROXY`, `no_proxy`."},
    {.name = "plan_checks",
     .type = TF_STRING,
     .flags = TF_OPTIONAL,
     .one_of = plan_checks_values,
     .doc = "What a plan looks at, unless a resource says otherwise: `full` (AWS and databases), `aws` (the "
            "default: a plan needs no way into the VPC) or `off`. Apply always runs all checks."},
    {.name = "profile",
     .type = TF_STRING,
     .flags = TF_OPTIONAL,
     .doc = "Profile in the shared configuration and credentials files. Environment: `AWS_PROFILE`, "
            "`AWS_DEFAULT_PROFILE`."},
    {.name = "region",
     .type = TF_STRING,
     .flags = TF_OPTIONAL,
     .doc = "AWS Region. Environment: `AWS_REGION`, `AWS_DEFAULT_REGION`; else the profile's."},
    {.name = "retry_mode",
     .type = TF_STRING,
     .flags = TF_OPTIONAL,
     .validate = validate_retry_mode,
     .doc = "`standard`, the only mode there is here: it spreads the repetitions of all calls together, so "
            "that many upgrades at once do not overload AWS. `adaptive` is refused; `AWS_RETRY_MODE` is not "
            "read."},
    {.name = "secret_key",
     .type = TF_STRING,
     .flags = TF_OPTIONAL | TF_SENSITIVE,
     .doc = "Secret access key. Environment: `AWS_SECRET_ACCESS_KEY`."},
    {.name = "shared_config_files",
     .type = TF_STRING_LIST,
     .flags = TF_OPTIONAL,
     .doc = "Shared configuration files. Default `~/.aws/config`. Environment: `AWS_CONFIG_FILE`."},
    {.name = "shared_credentials_files",
     .type = TF_STRING_LIST,
     .flags = TF_OPTIONAL,
     .doc = "Shared credentials files. Default `~/.aws/credentials`. Environment: "
            "`AWS_SHARED_CREDENTIALS_FILE`."},
    {.name = "skip_credentials_validation",
     .type = TF_BOOL,
     .flags = TF_OPTIONAL,
     .doc = "Do not ask STS who the credentials belong to before anything else is done."},
    {.name = "skip_metadata_api_check",
     .type = TF_STRING,
     .flags = TF_OPTIONAL,
     .validate = validate_skip_metadata,
     .doc = "`\"true\"`: do not look for credentials at the EC2 instance metadata service; `\"false\"`: do, "
            "whatever the environment says. A string, as in `hashicorp/aws`. Environment: "
            "`AWS_EC2_METADATA_DISABLED`."},
    {.name = "skip_region_validation",
     .type = TF_BOOL,
     .flags = TF_OPTIONAL,
     .doc = "Accept a `region` that does not look like one of AWS's."},
    {.name = "skip_requesting_account_id",
     .type = TF_BOOL,
     .flags = TF_OPTIONAL,
     .doc =
         "Do not ask for the account id. With `allowed_account_ids` or `forbidden_account_ids` it is asked "
         "for nevertheless."},
    {.name = "sts_region",
     .type = TF_STRING,
     .flags = TF_OPTIONAL,
     .doc = "Region whose STS endpoint is used. Default: the provider's Region."},
    {.name = "token",
     .type = TF_STRING,
     .flags = TF_OPTIONAL | TF_SENSITIVE,
     .doc = "Session token of temporary credentials. Environment: `AWS_SESSION_TOKEN`."},
    {.name = "token_bucket_rate_limiter_capacity",
     .type = TF_NUMBER,
     .flags = TF_OPTIONAL | TF_INTEGER,
     .validate = validate_retry_capacity,
     .doc = "How many repetitions of AWS calls may go at once, 1 to 10000, before they are spread to ten a "
            "second. Default 100. A call that finds none left waits; in `hashicorp/aws` it fails."},
    {.name = "use_dualstack_endpoint",
     .type = TF_BOOL,
     .flags = TF_OPTIONAL,
     .doc = "Use endpoints with IPv6. Environment: `AWS_USE_DUALSTACK_ENDPOINT`."},
    {.name = "use_fips_endpoint",
     .type = TF_BOOL,
     .flags = TF_OPTIONAL,
     .doc = "Use endpoints with FIPS cryptography. Environment: `AWS_USE_FIPS_ENDPOINT`."},
    {.name = "user_agent",
     .type = TF_STRING_LIST,
     .flags = TF_OPTIONAL,
     .validate = validate_user_agent,
     .doc = "Products to add to the User-Agent header, each `name/version (comment)`. Environment: "
            "`TF_APPEND_USER_AGENT`."},
    {.name = NULL},
};

static const struct tf_attr assume_role_attrs[] = {
    {.name = "duration",
     .type = TF_STRING,
     .flags = TF_OPTIONAL,
     .validate = validate_role_duration,
     .doc = "How long the role's credentials live: 15m to 12h."},
    {.name = "external_id",
     .type = TF_STRING,
     .flags = TF_OPTIONAL,
     .doc = "External id that the role's trust policy asks for."},
    {.name = "policy",
     .type = TF_STRING,
     .flags = TF_OPTIONAL,
     .doc = "IAM policy (JSON) that further restricts the session."},
    {.name = "policy_arns",
     .type = TF_STRING_SET,
     .flags = TF_OPTIONAL,
     .doc = "ARNs of managed policies that further restrict the session."},
    {.name = "role_arn",
     .type = TF_STRING,
     .flags = TF_REQUIRED,
     .validate = validate_role_arn,
     .doc = "ARN of the role."},
    {.name = "session_name",
     .type = TF_STRING,
     .flags = TF_OPTIONAL,
     .doc = "Name of the session, as CloudTrail shows it."},
    {.name = "source_identity",
     .type = TF_STRING,
     .flags = TF_OPTIONAL,
     .doc = "Source identity that stays with the session."},
    {.name = "tags", .type = TF_STRING_MAP, .flags = TF_OPTIONAL, .doc = "Session tags, at most 50."},
    {.name = "transitive_tag_keys",
     .type = TF_STRING_SET,
     .flags = TF_OPTIONAL,
     .doc = "Keys of session tags that stay when the session assumes another role."},
    {.name = NULL},
};

static const struct tf_attr web_identity_attrs[] = {
    {.name = "duration",
     .type = TF_STRING,
     .flags = TF_OPTIONAL,
     .validate = validate_role_duration,
     .doc = "How long the role's credentials live: 15m to 12h."},
    {.name = "policy",
     .type = TF_STRING,
     .flags = TF_OPTIONAL,
     .doc = "IAM policy (JSON) that further restricts the session."},
    {.name = "policy_arns",
     .type = TF_STRING_SET,
     .flags = TF_OPTIONAL,
     .doc = "ARNs of managed policies that further restrict the session."},
    {.name = "role_arn",
     .type = TF_STRING,
     .flags = TF_OPTIONAL,
     .validate = validate_role_arn,
     .doc = "ARN of the role. Environment: `AWS_ROLE_ARN`."},
    {.name = "session_name",
     .type = TF_STRING,
     .flags = TF_OPTIONAL,
     .doc = "Name of the session, as CloudTrail shows it. Environment: `AWS_ROLE_SESSION_NAME`."},
    {.name = "web_identity_token",
     .type = TF_STRING,
     .flags = TF_OPTIONAL | TF_SENSITIVE,
     .doc = "The token itself. It cannot be renewed: for an upgrade of hours use `web_identity_token_file`."},
    {.name = "web_identity_token_file",
     .type = TF_STRING,
     .flags = TF_OPTIONAL,
     .doc = "File with the token, read anew whenever credentials are renewed. Environment: "
            "`AWS_WEB_IDENTITY_TOKEN_FILE`."},
    {.name = NULL},
};

#define ENDPOINT(service)                                                                                    \
    {                                                                                                        \
        .name = service, .type = TF_STRING, .flags = TF_OPTIONAL, .validate = validate_url,                  \
        .doc = "URL to use instead of AWS's own for `" service "`."                                          \
    }

static const struct tf_attr endpoints_attrs[] = {
    ENDPOINT("cloudwatch"),
    ENDPOINT("databasemigration"),
    ENDPOINT("databasemigrationservice"),
    ENDPOINT("dms"),
    ENDPOINT("ec2"),
    ENDPOINT("iam"),
    ENDPOINT("kms"),
    ENDPOINT("logs"),
    ENDPOINT("rds"),
    ENDPOINT("route53"),
    ENDPOINT("secretsmanager"),
    ENDPOINT("sso"),
    ENDPOINT("ssooidc"),
    ENDPOINT("sts"),
    {.name = NULL},
};

static const struct tf_attr default_tags_attrs[] = {
    {.name = "tags",
     .type = TF_STRING_MAP,
     .flags = TF_OPTIONAL,
     .doc = "Tags for everything this provider creates; a resource's own tags win. Environment: "
            "`TF_AWS_DEFAULT_TAGS_<name>`."},
    {.name = NULL},
};

static const struct tf_attr ignore_tags_attrs[] = {
    {.name = "key_prefixes",
     .type = TF_STRING_SET,
     .flags = TF_OPTIONAL,
     .doc = "Tags whose keys begin so are neither shown nor changed. Environment: "
            "`TF_AWS_IGNORE_TAGS_KEY_PREFIXES`."},
    {.name = "keys",
     .type = TF_STRING_SET,
     .flags = TF_OPTIONAL,
     .doc = "Tags with these keys are neither shown nor changed. Environment: `TF_AWS_IGNORE_TAGS_KEYS`."},
    {.name = NULL},
};

/* What the provider's block and the resources' have in common, by name in cyrilgdn/postgresql. */
#define POSTGRESQL_PLACE                                                                                     \
    {.name = "aws_rds_iam_auth",                                                                             \
     .type = TF_BOOL,                                                                                        \
     .flags = TF_OPTIONAL,                                                                                   \
     .doc = "Log in with an IAM token instead of a password. The role needs `rds_iam`, the caller "          \
            "`rds-db:connect`."},                                                                            \
        {.name = "connect_timeout",                                                                          \
         .type = TF_NUMBER,                                                                                  \
         .flags = TF_OPTIONAL | TF_INTEGER,                                                                  \
         .validate = validate_connect_timeout,                                                               \
         .doc = "Seconds to wait for a connection, 1 to 3600. Default 30. Environment: "                     \
                "`PGCONNECT_TIMEOUT`."},                                                                     \
        {.name = "database",                                                                                 \
         .type = TF_STRING,                                                                                  \
         .flags = TF_OPTIONAL,                                                                               \
         .doc = "Database to connect to first; the others are found from there. Default `postgres`. "        \
                "Environment: `PGDATABASE`."},                                                               \
        {.name = "host",                                                                                     \
         .type = TF_STRING,                                                                                  \
         .flags = TF_OPTIONAL,                                                                               \
         .doc = "Address of production, if it is not reached at the cluster's endpoint (through a tunnel, "  \
                "say). The certificate must name it."},                                                      \
        {.name = "password_secret_arn",                                                                      \
         .type = TF_STRING,                                                                                  \
         .flags = TF_OPTIONAL,                                                                               \
         .doc = "Secret in Secrets Manager with the password: JSON with `username` and `password`, as RDS "  \
                "writes it, or the password alone."},                                                        \
        {.name = "port",                                                                                     \
         .type = TF_NUMBER,                                                                                  \
         .flags = TF_OPTIONAL | TF_INTEGER,                                                                  \
         .validate = validate_port,                                                                          \
         .doc = "Port of production, if it is not the cluster's."},                                          \
        {.name = "sslmode",                                                                                  \
         .type = TF_STRING,                                                                                  \
         .flags = TF_OPTIONAL,                                                                               \
         .one_of = sslmode_values,                                                                           \
         .doc = "How TLS is checked: `verify-full` (default), `verify-ca`, `require` (encrypted, but to "    \
                "whom is not checked) or `disable`. Environment: `PGSSLMODE`."},                             \
        {.name = "sslrootcert",                                                                              \
         .type = TF_STRING,                                                                                  \
         .flags = TF_OPTIONAL,                                                                               \
         .doc = "File with the certificate authorities (PEM) of the servers. Environment: "                  \
                "`PGSSLROOTCERT`."},                                                                         \
    {                                                                                                        \
        .name = "username", .type = TF_STRING, .flags = TF_OPTIONAL,                                         \
        .doc = "Role to log in as. Default: the secret's. Environment: `PGUSER`."                            \
    }

const struct tf_attr provider_postgresql_attrs[] = {
    POSTGRESQL_PLACE,
    {.name = "password",
     .type = TF_STRING,
     .flags = TF_OPTIONAL | TF_SENSITIVE,
     .doc = "Password; may be an ephemeral value and is never stored. Environment: `PGPASSWORD`."},
    {.name = NULL},
};

const struct tf_attr postgresql_attrs[] = {
    POSTGRESQL_PLACE,
    {.name = "password_wo",
     .type = TF_STRING,
     .flags = TF_OPTIONAL | TF_SENSITIVE | TF_WRITE_ONLY,
     .doc = "Password; write-only: never in plan or state. Needs Terraform or OpenTofu 1.11."},
    {.name = "password_wo_version",
     .type = TF_STRING,
     .flags = TF_OPTIONAL,
     .doc = "Change it when `password_wo` has changed, so that Terraform notices."},
    {.name = NULL},
};

static const struct tf_block top_blocks[] = {
    {.name = "assume_role",
     .is_list = true,
     .attrs = assume_role_attrs,
     .doc = "Role to assume. Several blocks are a chain, assumed in order."},
    {.name = "assume_role_with_web_identity",
     .attrs = web_identity_attrs,
     .doc = "Role to assume with a token of an identity provider, such as a CI system's. `assume_role` is "
            "assumed on top of it."},
    {.name = "default_tags", .attrs = default_tags_attrs, .doc = "Tags for everything that is created."},
    {.name = "endpoints",
     .attrs = endpoints_attrs,
     .doc = "Endpoints other than AWS's own, such as the "
            "sandbox's."},
    {.name = "ignore_tags", .attrs = ignore_tags_attrs, .doc = "Tags that others look after."},
    {.name = "postgresql",
     .attrs = provider_postgresql_attrs,
     .doc = "Login for the databases, wherever a resource has none of its own. The only one that `destroy` "
            "can use with a password that is not stored, because it may hold ephemeral values."},
    {.name = NULL},
};

const struct tf_schema provider_schema = {
    .attrs = top_attrs,
    .blocks = top_blocks,
    .doc = "Upgrades Aurora PostgreSQL clusters to a new major version with `terraform apply`: checks, "
           "parameter groups, build, replication, verification, switch, after-care and the way back. "
           "Arguments, environment variables and credentials are those of `hashicorp/aws`; an argument that "
           "has no effect here is refused.",
};
