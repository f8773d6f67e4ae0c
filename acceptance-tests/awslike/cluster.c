/* aws_rds_cluster. Found again by its identifier alone: a cluster that takes over the name is taken for the
 * same one; a name that belongs to nobody drops it from the state. */
#include "acceptance-tests/awslike/awslike.h"
#include "internal/base/log.h"

#include <string.h>

/* ---- read ---- */

/* An exact comparison, upper and lower case included, as hashicorp/aws makes. */
static bool find(struct tf_call *c, const char *id, const struct rds_cluster **ret, struct err *e)
{
    const struct aws_session s = session_of(c);
    if (!rds_cluster_find(&s, id, ret, e))
        return err_wrap(e, "read cluster %s", id);
    if (*ret && strcmp((*ret)->identifier, id) != 0)
        *ret = NULL;
    return true;
}

static const struct value *secret_state(struct arena *a, const struct xml *shown)
{
    struct value *list = value_list(a);
    const struct xml *x = xml_find(shown, "MasterUserSecret");
    if (!x || !x->first)
        return list;
    struct value *one = value_object(a);
    value_set(a, one, "kms_key_id", value_string(a, xml_text(x, "KmsKeyId", NULL)));
    value_set(a, one, "secret_arn", value_string(a, xml_text(x, "SecretArn", NULL)));
    value_set(a, one, "secret_status", value_string(a, xml_text(x, "SecretStatus", NULL)));
    value_append(a, list, one);
    return list;
}

/* A block that the configuration does not have stays out of the state. */
static const struct value *scaling_state(struct arena *a, const struct value *prior, const struct xml *shown)
{
    const struct xml *x = xml_find(shown, "ServerlessV2ScalingConfiguration");
    if (value_is_null(prior) || !x || !x->first)
        return &value_null;
    struct value *block = value_object(a);
    const char *pause = xml_text(x, "SecondsUntilAutoPause", "");
    value_set(a, block, "max_capacity", value_number(a, xml_text(x, "MaxCapacity", "0")));
    value_set(a, block, "min_capacity", value_number(a, xml_text(x, "MinCapacity", "0")));
    value_set(a, block, "seconds_until_auto_pause", *pause ? value_number(a, pause) : &value_null);
    return block;
}

static const struct value *state_of(struct tf_call *c, const struct value *prior, const struct rds_cluster *k)
{
    static const char block[] = "serverlessv2_scaling_configuration";
    const struct value *state = object_state(c, cluster_members, k->raw, prior);
    const struct value *version = version_state(c->arena, value_get(prior, "engine_version"),
                                                k->engine_version, k->pending_engine_version);
    state = tf_with(c, state, "engine_version", version);
    state = tf_with(c, state, "master_user_secret", secret_state(c->arena, k->raw));
    state = tf_with(c, state, block, scaling_state(c->arena, value_get(prior, block), k->raw));
    return tags_state(c, state, tags_shown(c->arena, xml_find(k->raw, "TagList")));
}

static const struct value *read_cluster(struct tf_call *c)
{
    const struct rds_cluster *k = NULL;
    struct err e = ERR_INIT;
    if (!find(c, text_of(c->prior, "id"), &k, &e))
        return tf_fail(c, &e), NULL;
    return k ? state_of(c, c->prior, k) : NULL;
}

static const struct value *import_cluster(struct tf_call *c)
{
    const struct value *state = tf_with(c, NULL, "id", value_string(c->arena, c->import_id));
    state = tf_with(c, state, "skip_final_snapshot", &value_true);
    return tf_with(c, state, "delete_automated_backups", &value_true);
}

/* ---- plan ---- */

static const struct value *plan_cluster(struct tf_call *c, const struct value *planned)
{
    return object_plan_versioned(c, cluster_members, planned);
}

/* ---- changes ---- */

static bool is_available(struct tf_call *c, const char *id, bool *ret, struct err *e)
{
    const struct rds_cluster *k = NULL;
    if (!find(c, id, &k, e))
        return false;
    if (!k)
        return err_set(e, ERR_NOT_FOUND, "cluster %s has disappeared", id);
    return has_settled(id, k->status, ret, e);
}

static bool is_gone(struct tf_call *c, const char *id, bool *ret, struct err *e)
{
    const struct rds_cluster *k = NULL;
    if (!find(c, id, &k, e))
        return false;
    *ret = k == NULL;
    return true;
}

static void add_scaling(struct request *r, const struct value *block)
{
    if (value_is_null(block))
        return;
    request_add_value(r, "ServerlessV2ScalingConfiguration.MaxCapacity", value_get(block, "max_capacity"));
    request_add_value(r, "ServerlessV2ScalingConfiguration.MinCapacity", value_get(block, "min_capacity"));
    request_add_value(r, "ServerlessV2ScalingConfiguration.SecondsUntilAutoPause",
                      value_get(block, "seconds_until_auto_pause"));
}

static void add_password(struct tf_call *c, struct request *r)
{
    const char *password = value_as_text(value_get(c->config, "master_password_wo"), NULL);
    if (!password)
        return;
    log_secret(password);
    request_add(r, "MasterUserPassword", password);
}

/* Roles named by the cluster itself have no feature name. */
static bool add_roles(struct tf_call *c, const char *id, const struct value *roles, struct err *e)
{
    for (size_t i = 0; i < roles->count; i++) {
        struct request r = {.arena = c->arena};
        request_add(&r, "DBClusterIdentifier", id);
        request_add(&r, "RoleArn", value_as_text(roles->items[i], ""));
        if (!call_rds(c, "AddRoleToDBCluster", &r, NULL, e))
            return err_wrap(e, "add a role to cluster %s", id);
    }
    return true;
}

/* What is there, for a state that a failed create leaves as well. */
static const struct value *settled(struct tf_call *c)
{
    const struct rds_cluster *k = NULL;
    struct err e = ERR_INIT;
    const char *id = text_of(c->planned, "cluster_identifier");
    if (!find(c, id, &k, &e) || !k) {
        if (e.code == ERR_NONE)
            (void)err_set(&e, ERR_NOT_FOUND, "cluster %s has disappeared", id);
        return tf_fail(c, &e), NULL;
    }
    return object_settle(c, c->planned, state_of(c, c->planned, k));
}

static const struct value *create_cluster(struct tf_call *c)
{
    struct err e = ERR_INIT;
    struct request r = {.arena = c->arena};
    const char *id = text_of(c->planned, "cluster_identifier");
    object_create(&r, cluster_members, c->planned);
    add_scaling(&r, value_get(c->planned, "serverlessv2_scaling_configuration"));
    add_password(c, &r);
    request_add_tags(&r, value_get(c->planned, "tags"));
    if (!call_rds(c, "CreateDBCluster", &r, NULL, &e)) {
        (void)err_wrap(&e, "create cluster %s", id);
        return tf_fail(c, &e), NULL;
    }
    if (!wait_for(c, is_available, id, &e) || !add_roles(c, id, value_get(c->planned, "iam_roles"), &e))
        tf_fail(c, &e);
    return settled(c);
}

/* Log exports are changed by naming those that come and those that go. */
static void add_exports(struct request *r, const struct value *old, const struct value *now)
{
    const struct value *const lists[] = {now, old};
    static const char *const names[] = {"CloudwatchLogsExportConfiguration.EnableLogTypes.member",
                                        "CloudwatchLogsExportConfiguration.DisableLogTypes.member"};
    for (size_t l = 0; l < 2; l++) {
        struct value *only = value_list(r->arena);
        for (size_t i = 0; i < lists[l]->count; i++) {
            bool both = false;
            for (size_t k = 0; k < lists[1 - l]->count; k++)
                both = both || value_equal(lists[l]->items[i], lists[1 - l]->items[k]);
            if (!both)
                value_append(r->arena, only, lists[l]->items[i]);
        }
        request_add_value(r, names[l], only);
    }
}

/* On a change of it, and whenever the state's version is only the beginning of the live one. */
static void add_version(struct tf_call *c, struct request *r)
{
    const char *wanted = text_of(c->planned, "engine_version");
    bool changed = strcmp(wanted, text_of(c->prior, "engine_version")) != 0;
    bool differs = strcmp(wanted, text_of(c->prior, "engine_version_actual")) != 0;
    if (changed || (differs && !newer_only(c)))
        request_add(r, "EngineVersion", wanted);
}

static bool modify(struct tf_call *c, const char *id, struct err *e)
{
    static const char block[] = "serverlessv2_scaling_configuration";
    struct request r = {.arena = c->arena};
    request_add(&r, "DBClusterIdentifier", id);
    size_t fixed = r.n;
    (void)object_change(&r, cluster_members, c->prior, c->planned);
    if (!value_equal(value_get(c->prior, block), value_get(c->planned, block)))
        add_scaling(&r, value_get(c->planned, block));
    add_exports(&r, value_get(c->prior, "enabled_cloudwatch_logs_exports"),
                value_get(c->planned, "enabled_cloudwatch_logs_exports"));
    add_version(c, &r);
    if (!value_equal(value_get(c->prior, "master_password_wo_version"),
                     value_get(c->planned, "master_password_wo_version")))
        add_password(c, &r);
    if (r.n == fixed)
        return true;
    request_add(&r, "DBInstanceParameterGroupName",
                value_as_text(value_get(c->planned, "db_instance_parameter_group_name"), NULL));
    request_add_bool(&r, "ApplyImmediately",
                     value_as_bool(value_get(c->planned, "apply_immediately"), false));
    if (value_as_bool(value_get(c->planned, "allow_major_version_upgrade"), false))
        request_add_bool(&r, "AllowMajorVersionUpgrade", true);
    return call_rds(c, "ModifyDBCluster", &r, NULL, e) && wait_for(c, is_available, id, e);
}

static bool switch_http_endpoint(struct tf_call *c, struct err *e)
{
    bool old = value_as_bool(value_get(c->prior, "enable_http_endpoint"), false);
    bool now = value_as_bool(value_get(c->planned, "enable_http_endpoint"), false);
    struct request r = {.arena = c->arena};
    request_add(&r, "ResourceArn", text_of(c->prior, "arn"));
    return old == now || call_rds(c, now ? "EnableHttpEndpoint" : "DisableHttpEndpoint", &r, NULL, e);
}

static const struct value *update_cluster(struct tf_call *c)
{
    struct err e = ERR_INIT;
    const char *id = text_of(c->prior, "id");
    if (!modify(c, id, &e) || !switch_http_endpoint(c, &e) || !tags_change(c, text_of(c->prior, "arn"), &e)) {
        (void)err_wrap(&e, "update cluster %s", id);
        return tf_fail(c, &e), NULL;
    }
    return settled(c);
}

static const struct value *delete_cluster(struct tf_call *c)
{
    struct err e = ERR_INIT;
    struct request r = {.arena = c->arena};
    const char *id = text_of(c->prior, "id");
    request_add(&r, "DBClusterIdentifier", id);
    request_add_value(&r, "SkipFinalSnapshot", value_get(c->prior, "skip_final_snapshot"));
    request_add_value(&r, "FinalDBSnapshotIdentifier", value_get(c->prior, "final_snapshot_identifier"));
    request_add_value(&r, "DeleteAutomatedBackups", value_get(c->prior, "delete_automated_backups"));
    bool ok = call_rds(c, "DeleteDBCluster", &r, NULL, &e) || means_absent(&e);
    if (!ok || !wait_for(c, is_gone, id, &e)) {
        (void)err_wrap(&e, "delete cluster %s", id);
        tf_fail(c, &e);
    }
    return NULL;
}

const struct tf_resource aws_rds_cluster = {
    .name = "aws_rds_cluster",
    .schema = &cluster_schema,
    .plan = plan_cluster,
    .create = create_cluster,
    .update = update_cluster,
    .del = delete_cluster,
    .read = read_cluster,
    .import = import_cluster,
};
