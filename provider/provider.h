/* provider.h — what the resources, data sources and companion commands of this folder share: the configured
 * provider, the schema tables several of them use, and the one place that decides which login to use.
 *
 * configure (config.c) turns the provider block and the environment into a `struct provider_config`, which
 * later calls find in tf_call.configured. It lives until the process ends, is read-only after that, and may
 * be used by all threads. Passwords in it are never stored anywhere else.
 *
 *     struct aws_session s = provider_session(c, region);
 *     if (!s.aws)                      (only in a plan: the provider block is not wholly known yet)
 *         return planned;
 *     struct provider_pg_place place = {.region = region, .cluster_host = k->endpoint, .cluster_port =
 * k->port}; if (!provider_pg_target(c, block, &place, &target, &known, &e)) return tf_fail(c, &e), NULL;
 *
 * Names and precedence are hashicorp/aws 6's; those inside postgresql { } cyrilgdn/postgresql's, but
 * certificates are verified by default.
 */
#ifndef AURORA_PROVIDER_H
#define AURORA_PROVIDER_H

#include "internal/aws/aws.h"
#include "internal/aws/rds.h"
#include "internal/pg/pg.h"
#include "internal/tf/tf.h"

/* One postgresql { } block, or the environment; NULL/0: not given there. */
struct provider_pg {
    const char *host, *database, *username, *password, *password_secret_arn, *sslmode, *sslrootcert;
    int port, connect_timeout_s;
    bool iam_auth;
    bool has_unknown; /* something in the block is known only at apply */
};

struct provider_config {
    struct aws *aws;             /* NULL: unknown at plan, see `unknown` */
    struct old_sides *old_sides; /* with aws, never NULL then */
    const char *unknown;   /* NULL or "endpoints is known only after apply": for a warning of the caller */
    struct provider_pg pg; /* the provider's block */
    struct provider_pg pg_env; /* PGUSER … at the time of configure */
    const char *plan_checks;   /* "full", "aws", "off"; never NULL */
    const char *journal_dir;   /* never NULL; created by whoever writes there */
    struct rds_tags default_tags;
    bool default_tags_unknown;
    const char *const *ignore_tag_keys, *const *ignore_tag_prefixes; /* end with NULL */
    struct arena *arena;                                             /* owns all of the above but aws */
};

/* The configured provider; NULL in validate, which runs unconfigured. */
const struct provider_config *provider_config(const struct tf_call *c);

/* Session of this call in `region` (NULL or "": the provider's). `.aws` is NULL when provider_config is NULL
 * or not wholly known. */
struct aws_session provider_session(const struct tf_call *c, const char *region);

/* For members that cannot answer without AWS (data sources, ephemeral resources): the error that says why. */
void provider_not_ready(struct tf_call *c);

/* default_tags with the resource's own tags over them (an object of strings, may be null), for what is sent
 * to AWS and for tags_all. Unknown stays unknown. */
const struct value *provider_tags_all(const struct tf_call *c, const struct value *tags);
struct rds_tags provider_rds_tags(struct arena *a, const struct value *tags_all);
/* True for tags that ignore_tags names: neither shown nor touched. */
bool provider_tag_ignored(const struct provider_config *p, const char *key);

/* ---- PostgreSQL ---- */

extern const struct tf_attr provider_postgresql_attrs[]; /* the provider's block: password may be ephemeral */
extern const struct tf_attr postgresql_attrs[]; /* of resources: password_wo W, password_wo_version */

/* Where and how to log in. `block` is the resource's postgresql object: from tf_call.config while there is
 * one (write-only password included), else from the state; may be NULL.
 *
 * Place: `host` and `port` are authoritative if given: the caller names one side, such as green. With
 * host == NULL production is meant, and its address is the first of: resource block, provider block,
 * `cluster_host`:`cluster_port` as AWS names it, PGHOST and PGPORT. So PGHOST left over in a shell cannot
 * point an upgrade at another server.
 *
 * Login: the first level (resource block, provider block, environment) that names a way to log in (IAM
 * token, secret, password) decides it alone. The user name is that level's own, or the secret's
 * (contradiction is an error), or another level's; with IAM simply the first one given. Tokens and secrets
 * are fetched here with the place's Region; a token opens connections for 15 minutes, so ask again before a
 * later one.
 *
 * *ret_known = false, without an error: no login is configured at all, or what decides it is unknown (in a
 * plan). Everything in *ret lives in the call's arena. `writable` is left false. */
struct provider_pg_place {
    const char *region; /* for the secret and the token; NULL: the provider's */
    const char *host;   /* authoritative; NULL: production */
    int port;
    const char *cluster_host; /* production as AWS names it; NULL: not known */
    int cluster_port;
    /* Master passwords that RDS manages: the cluster's behind `host` (NULL or "": none), and those of the
     * clusters of one run, which takes turns in being production. Where one of these is configured, the first
     * is meant. */
    const char *managed_secret, *run_secrets[3];
};
MUST_CHECK bool provider_pg_target(struct tf_call *c, const struct value *block,
                                   const struct provider_pg_place *place, struct pg_target *ret,
                                   bool *ret_known, struct err *e);

/* Part of a resource's validate: at most one way to log in per block. `path` is the block's, "postgresql". */
void provider_validate_login(struct tf_call *c, const struct value *block, const char *path);

/* Is there a login at all? From the configuration alone, asking nobody. */
enum provider_login { PROVIDER_LOGIN_NONE, PROVIDER_LOGIN_KNOWN, PROVIDER_LOGIN_UNKNOWN };
enum provider_login provider_login_state(struct tf_call *c, const struct value *block);

/* ---- members, one file each ---- */

extern const struct tf_provider aurora_provider; /* provider.c: the lists */
extern const struct tf_resource resource_blue_green_upgrade, resource_in_place_upgrade,
    resource_logical_upgrade;
extern const struct tf_data_source data_source_cluster, data_source_parameter_group_diff,
    data_source_upgrade_targets;
extern const struct tf_data_source data_source_upgrade_status;
extern const struct tf_function function_version_family;
extern const struct tf_ephemeral ephemeral_connection;

/* Of config.c, for provider.c. */
extern const struct tf_schema provider_schema;
void provider_validate(struct tf_call *c);
void *provider_configure(struct tf_call *c);
void provider_unconfigure(void *configured);

/* command.c: what a person types. Returns the exit status: 0 done, 1 error, 2 findings, 3 paused. */
int command_main(int argc, char **argv);

#endif
