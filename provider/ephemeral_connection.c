/* ephemeral_connection.c — ephemeral.aurora_connection: where a cluster is and a way in, never stored.
 *
 * A result cannot change after it was opened, so there is nothing to renew: an IAM token opens connections
 * for 15 minutes, and sessions outlive it. */
#include "provider/attrs.h"
#include "provider/config.h"
#include "provider/validate.h"

#include "internal/base/clock.h"

#include <string.h>

enum { TOKEN_LIFE_MS = 15 * 60000 }; /* RDS user guide, IAM database authentication */

static const struct tf_attr attrs[] = {
    {.name = "aws_rds_iam_auth",
     .type = TF_BOOL,
     .flags = TF_OPTIONAL,
     .doc = "Make an IAM token. Otherwise the password comes from `password_secret_arn`, else from the "
            "secret that RDS "
            "manages for the master user."},
    IDENTIFIER_OF_CLUSTER(TF_REQUIRED, "Identifier of the cluster."),
    {.name = "password_secret_arn",
     .type = TF_STRING,
     .flags = TF_OPTIONAL,
     .doc =
         "Secret with the login: JSON with `username` and `password`, or the password alone. Conflicts with "
         "`aws_rds_iam_auth`."},
    {.name = "region",
     .type = TF_STRING,
     .flags = TF_OPTIONAL_COMPUTED,
     .doc = "Region of the cluster. Default: the provider's."},
    {.name = "username",
     .type = TF_STRING,
     .flags = TF_OPTIONAL_COMPUTED,
     .doc = "Role to log in as. Default: the secret's, else the master user."},
    {.name = "expires_at",
     .type = TF_STRING,
     .flags = TF_COMPUTED,
     .doc =
         "When an IAM token stops opening connections (15 minutes after it was made); null for passwords."},
    {.name = "host", .type = TF_STRING, .flags = TF_COMPUTED, .doc = "Writer endpoint."},
    {.name = "password",
     .type = TF_STRING,
     .flags = TF_COMPUTED | TF_SENSITIVE,
     .doc = "Password or IAM token."},
    {.name = "port", .type = TF_NUMBER, .flags = TF_COMPUTED, .doc = "Port."},
    {.name = "sslmode",
     .type = TF_STRING,
     .flags = TF_COMPUTED,
     .doc = "Always `verify-full`: a password goes to the server it is meant for, or nowhere."},
    {.name = NULL},
};

static const struct tf_schema schema = {
    .attrs = attrs,
    .doc = "Endpoint and login of a cluster, for the `provider` blocks of other providers. Neither plan nor "
           "state hold "
           "the password. Needs Terraform 1.10 or OpenTofu 1.11.",
};

struct login {
    const struct rds_cluster *cluster;
    const char *username, *password;
    int64_t expires_at_ms; /* 0: does not */
};

static bool find_cluster(const struct aws_session *s, const char *id, const struct rds_cluster **ret,
                         struct err *e)
{
    const struct rds_cluster *k;
    if (!rds_cluster_find(s, id, &k, e))
        return err_wrap(e, "read cluster %s", id);
    if (!k || !k->endpoint[0]) {
        err_set(e, ERR_NOT_FOUND, k ? "cluster %s has no endpoint yet" : "there is no cluster %s", id);
        err_attribute(e, "cluster_identifier");
        return err_id(e, "AUR0101");
    }
    *ret = k;
    return true;
}

static bool token_login(const struct aws_session *s, const char *username, struct login *l, struct err *e)
{
    l->username = username ? username : l->cluster->master_username;
    l->expires_at_ms = clock_real()->wall_ms(clock_real()) + TOKEN_LIFE_MS;
    return aws_rds_auth_token(s, l->cluster->endpoint, l->cluster->port, l->username, &l->password, e) ||
           err_wrap(e, "make an IAM token for %s", l->username);
}

static bool secret_login(const struct aws_session *s, const char *username, const char *arn, struct login *l,
                         struct err *e)
{
    const char *secret, *user;
    if (!arn)
        arn = l->cluster->master_user_secret_arn;
    if (!*arn) {
        err_set(e, ERR_INVALID, "RDS manages no secret for the master user of %s", l->cluster->identifier);
        err_hint(e, "Set password_secret_arn, or aws_rds_iam_auth = true.");
        err_attribute(e, "password_secret_arn");
        return err_id(e, "AUR0014");
    }
    if (!secret_value(s, arn, &secret, e) || !provider_secret_parse(s->arena, secret, &user, &l->password, e))
        return err_wrap(e, "read secret %s", arn);
    if (user && username && strcmp(user, username) != 0) {
        err_set(e, ERR_INVALID, "secret %s is the login of \"%s\", not of \"%s\"", arn, user, username);
        err_attribute(e, "username");
        return err_id(e, "AUR0014");
    }
    l->username = user ? user : username ? username : l->cluster->master_username;
    return true;
}

static const struct value *result(struct tf_call *c, const struct aws_session *s, const struct login *l)
{
    struct arena *a = c->arena;
    char when[TIME_ISO_SIZE];
    struct value *o = value_object(a);
    for (const struct tf_attr *t = attrs; t->name; t++)
        value_set(a, o, t->name, value_get(c->config, t->name));
    time_iso(l->expires_at_ms, false, when);
    value_set(a, o, "region", value_string(a, s->region ? s->region : aws_region(s->aws)));
    value_set(a, o, "username", value_string(a, l->username));
    value_set(a, o, "password", value_string(a, l->password));
    value_set(a, o, "expires_at", l->expires_at_ms ? value_string(a, when) : &value_null);
    value_set(a, o, "host", value_string(a, l->cluster->endpoint));
    value_set(a, o, "port", value_int(a, l->cluster->port));
    value_set(a, o, "sslmode", value_string(a, "verify-full"));
    return o;
}

static const struct value *open_connection(struct tf_call *c, int64_t *renew_at_ms)
{
    struct err e = ERR_INIT;
    struct login l = {0};
    struct aws_session s = provider_session(c, value_as_text(value_get(c->config, "region"), NULL));
    const char *username = config_text(c->arena, c->config, "username");
    const char *arn = config_text(c->arena, c->config, "password_secret_arn");
    bool iam = value_as_bool(value_get(c->config, "aws_rds_iam_auth"), false);
    *renew_at_ms = 0;
    if (!s.aws) {
        provider_not_ready(c);
        return NULL;
    }
    if (iam && arn) {
        tf_error(c, "password_secret_arn", "AUR0014: several ways to log in",
                 "Give password_secret_arn or aws_rds_iam_auth = true, not both.");
        return NULL;
    }
    bool ok =
        find_cluster(&s, value_as_text(value_get(c->config, "cluster_identifier"), ""), &l.cluster, &e) &&
        (iam ? token_login(&s, username, &l, &e) : secret_login(&s, username, arn, &l, &e));
    if (!ok)
        tf_fail(c, &e);
    return ok ? result(c, &s, &l) : NULL;
}

const struct tf_ephemeral ephemeral_connection = {
    .name = "aurora_connection",
    .schema = &schema,
    .open = open_connection,
};
