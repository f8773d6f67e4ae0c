/* login.c — which server, and as whom: resource block over provider block over environment. */
#include "provider/config.h"

#include "internal/base/log.h"

#include <string.h>

enum { RESOURCE, PROVIDER, ENVIRONMENT, LEVELS };

struct levels {
    struct provider_pg at[LEVELS];
};

/* First of the levels that has this member. */
#define PICK(l, member)                                                                                      \
    ((l)->at[RESOURCE].member   ? (l)->at[RESOURCE].member                                                   \
     : (l)->at[PROVIDER].member ? (l)->at[PROVIDER].member                                                   \
                                : (l)->at[ENVIRONMENT].member)

static struct levels levels_of(struct tf_call *c, const struct value *block)
{
    const struct provider_config *p = provider_config(c);
    struct levels l = {{provider_pg_read(c->arena, block)}};
    if (p) {
        l.at[PROVIDER] = p->pg;
        l.at[ENVIRONMENT] = p->pg_env;
    }
    return l;
}

/* The level whose way to log in is used; LEVELS: there is none. PGPASSWORD without any user name is somebody
 * else's variable. */
static int login_level(const struct levels *l)
{
    for (int i = 0; i < LEVELS; i++) {
        const struct provider_pg *p = &l->at[i];
        bool usable = i < ENVIRONMENT || PICK(l, username);
        if (p->iam_auth || p->password_secret_arn || (p->password && usable))
            return i;
    }
    return LEVELS;
}

/* A user name beside the password belongs to it; only without one do other levels have a say. */
static const char *user_for(const struct levels *l, int level)
{
    return l->at[level].username ? l->at[level].username : PICK(l, username);
}

static bool no_user(struct err *e)
{
    err_set(e, ERR_INVALID, "there is a way to log in to PostgreSQL, but no user name");
    err_hint(e, "Set username in postgresql { }, or PGUSER.");
    err_attribute(e, "postgresql.username");
    return err_id(e, "AUR0014");
}

static bool with_token(const struct aws_session *s, const struct levels *l, struct pg_target *t,
                       struct err *e)
{
    t->username = PICK(l, username);
    if (!t->username)
        return no_user(e);
    return aws_rds_auth_token(s, t->host, t->port, t->username, &t->password, e) ||
           err_wrap(e, "make an IAM token for %s", t->username);
}

/* What RDS writes, {"username": …, "password": …}, or the bare password. */
bool provider_secret_parse(struct arena *a, const char *secret, const char **ret_user,
                           const char **ret_password, struct err *e)
{
    const struct value *json = NULL;
    struct err ignored = ERR_INIT;
    if (secret[strspn(secret, " \t\r\n")] != '{' || !value_from_json(a, str_of(secret), &json, &ignored)) {
        *ret_user = NULL;
        *ret_password = secret;
        return true;
    }
    const char *password = value_as_text(value_get(json, "password"), NULL);
    if (!password)
        return err_set(e, ERR_INVALID, "the secret is a JSON object without a text member \"password\"");
    *ret_user = value_as_text(value_get(json, "username"), NULL);
    *ret_password = password;
    return true;
}

static const char *secret_meant(const struct provider_pg_place *p, const char *configured)
{
    if (!p->managed_secret || !*p->managed_secret)
        return configured;
    for (size_t i = 0; i < ARRAY_LEN(p->run_secrets); i++)
        if (p->run_secrets[i] && strcmp(p->run_secrets[i], configured) == 0)
            return p->managed_secret;
    return configured;
}

static bool with_secret(const struct aws_session *s, const struct levels *l, int level,
                        const struct provider_pg_place *place, struct pg_target *t, struct err *e)
{
    const char *arn = secret_meant(place, l->at[level].password_secret_arn), *secret, *user;
    if (!secret_value(s, arn, &secret, e) ||
        !provider_secret_parse(s->arena, secret, &user, &t->password, e)) {
        err_attribute(e, "postgresql.password_secret_arn");
        return err_wrap(e, "read the PostgreSQL login from secret %s", arn);
    }
    log_secret(t->password);
    const char *told = l->at[level].username;
    if (user && told && strcmp(user, told) != 0) {
        err_set(e, ERR_INVALID, "secret %s is the login of \"%s\", but username is \"%s\"", arn, user, told);
        err_hint(e, "Leave out username, or name the secret of \"%s\".", told);
        err_attribute(e, "postgresql.username");
        return err_id(e, "AUR0014");
    }
    t->username = user ? user : user_for(l, level);
    return t->username || no_user(e);
}

static bool log_in(const struct aws_session *s, const struct levels *l, int level,
                   const struct provider_pg_place *place, struct pg_target *t, struct err *e)
{
    if (l->at[level].iam_auth)
        return with_token(s, l, t, e);
    if (l->at[level].password_secret_arn)
        return with_secret(s, l, level, place, t, e);
    t->username = user_for(l, level);
    t->password = l->at[level].password;
    return t->username || no_user(e);
}

/* See provider_pg_place: configuration, then AWS, then a variable that may be a leftover. */
static void choose_place(const struct levels *l, const struct provider_pg_place *p, struct pg_target *t)
{
    const char *configured = l->at[RESOURCE].host ? l->at[RESOURCE].host : l->at[PROVIDER].host;
    int port = l->at[RESOURCE].port ? l->at[RESOURCE].port : l->at[PROVIDER].port;
    const struct provider_pg *env = &l->at[ENVIRONMENT];
    if (p->host) {
        t->host = p->host;
        t->port = p->port;
    } else {
        t->host = configured ? configured : p->cluster_host ? p->cluster_host : env->host;
        t->port = port ? port : p->cluster_port ? p->cluster_port : env->port;
    }
    if (!t->port)
        t->port = 5432;
}

/* Is anything missing that only apply will know? */
static bool undecided(const struct levels *l, int level, const struct provider_config *p)
{
    bool from_aws = level < LEVELS && (l->at[level].iam_auth || l->at[level].password_secret_arn);
    return l->at[RESOURCE].has_unknown || l->at[PROVIDER].has_unknown || (from_aws && (!p || !p->aws));
}

bool provider_pg_target(struct tf_call *c, const struct value *block, const struct provider_pg_place *place,
                        struct pg_target *ret, bool *ret_known, struct err *e)
{
    struct levels l = levels_of(c, block);
    int level = login_level(&l);
    struct pg_target t = {
        .database = PICK(&l, database),
        .sslmode = PICK(&l, sslmode),
        .sslrootcert = PICK(&l, sslrootcert),
        .connect_timeout_s = PICK(&l, connect_timeout_s),
    };
    if (!t.database)
        t.database = "postgres";
    choose_place(&l, place, &t);
    if (level == LEVELS || !t.host || undecided(&l, level, provider_config(c))) {
        *ret_known = false;
        return true;
    }
    struct aws_session s = provider_session(c, place->region);
    t.host = arena_strdup(c->arena, t.host);
    if (!log_in(&s, &l, level, place, &t, e))
        return false;
    *ret = t;
    *ret_known = true;
    return true;
}

enum provider_login provider_login_state(struct tf_call *c, const struct value *block)
{
    struct levels l = levels_of(c, block);
    if (value_is_unknown(block) || l.at[RESOURCE].has_unknown || l.at[PROVIDER].has_unknown)
        return PROVIDER_LOGIN_UNKNOWN;
    return login_level(&l) < LEVELS ? PROVIDER_LOGIN_KNOWN : PROVIDER_LOGIN_NONE;
}
