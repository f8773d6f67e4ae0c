/* aws_rds_cluster_instance. Found by its identifier; then the cluster that the instance itself names must be
 * there, or reading fails. */
#include "acceptance-tests/awslike/awslike.h"

#include <string.h>
#include <strings.h>

static const struct tf_attr attrs[] = {
    {"apply_immediately", TF_BOOL, AL_O, .doc = "Never refreshed."},
    {"arn", TF_STRING, AL_C, .doc = AS_NAMED},
    {"auto_minor_version_upgrade", TF_BOOL, AL_OC, .doc = AS_NAMED, .otherwise = "true"},
    {"availability_zone", TF_STRING, AL_OC | AL_FN, .doc = AS_NAMED},
    {"ca_cert_identifier", TF_STRING, AL_OC, .doc = AS_NAMED},
    {"cluster_identifier", TF_STRING, TF_REQUIRED | AL_FN, .doc = AS_NAMED},
    {"copy_tags_to_snapshot", TF_BOOL, AL_OC, .doc = AS_NAMED, .otherwise = "false"},
    {"db_parameter_group_name", TF_STRING, AL_OC, .doc = AS_NAMED},
    {"db_subnet_group_name", TF_STRING, AL_OC | AL_FN, .doc = AS_NAMED},
    {"dbi_resource_id", TF_STRING, AL_C, .doc = AS_NAMED},
    {"endpoint", TF_STRING, AL_C, .doc = AS_NAMED},
    {"engine", TF_STRING, TF_REQUIRED | AL_FN, .doc = AS_NAMED},
    {"engine_version", TF_STRING, AL_OC, .doc = "Exact, or the beginning of the live one."},
    {"engine_version_actual", TF_STRING, AL_C, .doc = AS_NAMED},
    {"id", TF_STRING, AL_C, .doc = "The identifier."},
    {"identifier", TF_STRING, TF_REQUIRED | AL_FN, .doc = AS_NAMED},
    {"instance_class", TF_STRING, TF_REQUIRED, .doc = AS_NAMED},
    {"kms_key_id", TF_STRING, AL_C, .doc = AS_NAMED},
    {"monitoring_interval", TF_NUMBER, AL_OC | TF_INTEGER, .doc = AS_NAMED, .otherwise = "0"},
    {"monitoring_role_arn", TF_STRING, AL_OC, .doc = AS_NAMED},
    {"network_type", TF_STRING, AL_C, .doc = AS_NAMED},
    {"performance_insights_enabled", TF_BOOL, AL_OC, .doc = AS_NAMED},
    {"performance_insights_kms_key_id", TF_STRING, AL_OC, .doc = AS_NAMED},
    {"performance_insights_retention_period", TF_NUMBER, AL_OC | TF_INTEGER, .doc = AS_NAMED},
    {"port", TF_NUMBER, AL_C, .doc = AS_NAMED},
    {"preferred_backup_window", TF_STRING, AL_OC, .doc = AS_NAMED},
    {"preferred_maintenance_window", TF_STRING, AL_OC, .doc = AS_NAMED},
    {"promotion_tier", TF_NUMBER, AL_OC | TF_INTEGER, .doc = AS_NAMED, .otherwise = "0"},
    {"publicly_accessible", TF_BOOL, AL_OC, .doc = AS_NAMED},
    {"storage_encrypted", TF_BOOL, AL_C, .doc = AS_NAMED},
    {"tags", TF_STRING_MAP, AL_O, .doc = AS_NAMED},
    {"tags_all", TF_STRING_MAP, AL_C, .doc = AS_NAMED},
    {"writer", TF_BOOL, AL_C, .doc = AS_NAMED},
    {0},
};

const struct tf_schema instance_schema = {.doc = "An instance of a cluster.", .attrs = attrs};

/* The certificate authority is never sent with the create: it is changed afterwards, with a reboot. */
const struct member instance_members[] = {
    AL_SEEN("arn", TF_STRING, "DBInstanceArn"),
    AL_SAME("auto_minor_version_upgrade", TF_BOOL, "AutoMinorVersionUpgrade"),
    AL_FIXED("availability_zone", TF_STRING, "AvailabilityZone"),
    {.attr = "ca_cert_identifier",
     .type = TF_STRING,
     .shown = "CACertificateIdentifier",
     .change = "CACertificateIdentifier"},
    AL_FIXED("cluster_identifier", TF_STRING, "DBClusterIdentifier"),
    AL_SAME("copy_tags_to_snapshot", TF_BOOL, "CopyTagsToSnapshot"),
    {.attr = "db_parameter_group_name",
     .type = TF_STRING,
     .shown = "DBParameterGroups/DBParameterGroup/DBParameterGroupName",
     .create = "DBParameterGroupName",
     .change = "DBParameterGroupName"},
    {.attr = "db_subnet_group_name",
     .type = TF_STRING,
     .shown = "DBSubnetGroup/DBSubnetGroupName",
     .create = "DBSubnetGroupName"},
    AL_SEEN("dbi_resource_id", TF_STRING, "DbiResourceId"),
    AL_SEEN("endpoint", TF_STRING, "Endpoint/Address"),
    AL_FIXED("engine", TF_STRING, "Engine"),
    {.attr = "engine_version", .type = TF_STRING, .create = "EngineVersion"},
    AL_SEEN("engine_version_actual", TF_STRING, "EngineVersion"),
    AL_SEEN("id", TF_STRING, "DBInstanceIdentifier"),
    AL_FIXED("identifier", TF_STRING, "DBInstanceIdentifier"),
    {.attr = "instance_class",
     .type = TF_STRING,
     .shown = "DBInstanceClass",
     .create = "DBInstanceClass",
     .change = "DBInstanceClass"},
    AL_SEEN("kms_key_id", TF_STRING, "KmsKeyId"),
    AL_SAME("monitoring_interval", TF_NUMBER, "MonitoringInterval"),
    AL_SAME("monitoring_role_arn", TF_STRING, "MonitoringRoleArn"),
    AL_SEEN("network_type", TF_STRING, "NetworkType"),
    {.attr = "performance_insights_enabled",
     .type = TF_BOOL,
     .shown = "PerformanceInsightsEnabled",
     .create = "EnablePerformanceInsights",
     .change = "EnablePerformanceInsights"},
    AL_SAME("performance_insights_kms_key_id", TF_STRING, "PerformanceInsightsKMSKeyId"),
    AL_SAME("performance_insights_retention_period", TF_NUMBER, "PerformanceInsightsRetentionPeriod"),
    AL_SEEN("port", TF_NUMBER, "Endpoint/Port"),
    AL_SEEN("preferred_backup_window", TF_STRING, "PreferredBackupWindow"),
    {.attr = "preferred_maintenance_window",
     .type = TF_STRING,
     .shown = "PreferredMaintenanceWindow",
     .create = "PreferredMaintenanceWindow",
     .change = "PreferredMaintenanceWindow",
     .folded = true},
    AL_SAME("promotion_tier", TF_NUMBER, "PromotionTier"),
    AL_SAME("publicly_accessible", TF_BOOL, "PubliclyAccessible"),
    AL_SEEN("storage_encrypted", TF_BOOL, "StorageEncrypted"),
    {0},
};

/* ---- read ---- */

static bool find(struct tf_call *c, const char *id, const struct rds_instance **ret, struct err *e)
{
    const struct aws_session s = session_of(c);
    return rds_instance_find(&s, id, ret, e) || err_wrap(e, "read instance %s", id);
}

static bool is_writer(struct tf_call *c, const struct rds_instance *in, bool *ret, struct err *e)
{
    const struct aws_session s = session_of(c);
    const struct rds_cluster *k = NULL;
    if (!rds_cluster_find(&s, in->cluster_identifier, &k, e))
        return false;
    if (!k)
        return err_set(e, ERR_NOT_FOUND, "instance %s belongs to cluster %s, which does not exist",
                       in->identifier, in->cluster_identifier);
    *ret = false;
    for (size_t i = 0; i < k->member_count; i++)
        if (strcasecmp(k->members[i].identifier, in->identifier) == 0)
            *ret = k->members[i].is_writer;
    return true;
}

static bool state_of(struct tf_call *c, const struct value *prior, const struct rds_instance *in,
                     const struct value **ret, struct err *e)
{
    bool writer = false;
    if (!is_writer(c, in, &writer, e))
        return false;
    const struct value *state = object_state(c, instance_members, in->raw, prior);
    const char *pending = xml_text(in->raw, "PendingModifiedValues/EngineVersion", "");
    state = tf_with(c, state, "engine_version",
                    version_state(c->arena, value_get(prior, "engine_version"), in->engine_version, pending));
    state = tf_with(c, state, "writer", value_bool(writer));
    *ret = tags_state(c, state, tags_shown(c->arena, xml_find(in->raw, "TagList")));
    return true;
}

static const struct value *read_instance(struct tf_call *c)
{
    const struct rds_instance *in = NULL;
    const struct value *state = NULL;
    struct err e = ERR_INIT;
    if (!find(c, text_of(c->prior, "id"), &in, &e) || (in && !state_of(c, c->prior, in, &state, &e)))
        return tf_fail(c, &e), NULL;
    return state;
}

static const struct value *import_instance(struct tf_call *c)
{
    return tf_with(c, NULL, "id", value_string(c->arena, c->import_id));
}

/* ---- plan ---- */

static const struct value *plan_instance(struct tf_call *c, const struct value *planned)
{
    return object_plan_versioned(c, instance_members, planned);
}

/* ---- changes ---- */

static bool is_available(struct tf_call *c, const char *id, bool *ret, struct err *e)
{
    const struct rds_instance *in = NULL;
    if (!find(c, id, &in, e))
        return false;
    if (!in)
        return err_set(e, ERR_NOT_FOUND, "instance %s has disappeared", id);
    return has_settled(id, in->status, ret, e);
}

static bool is_gone(struct tf_call *c, const char *id, bool *ret, struct err *e)
{
    const struct rds_instance *in = NULL;
    if (!find(c, id, &in, e))
        return false;
    *ret = in == NULL;
    return true;
}

static const struct value *settled(struct tf_call *c)
{
    const struct rds_instance *in = NULL;
    const struct value *now = NULL;
    struct err e = ERR_INIT;
    const char *id = text_of(c->planned, "identifier");
    bool ok = find(c, id, &in, &e);
    if (ok && !in)
        ok = err_set(&e, ERR_NOT_FOUND, "instance %s has disappeared", id);
    if (!ok || !state_of(c, c->planned, in, &now, &e))
        return tf_fail(c, &e), NULL;
    return object_settle(c, c->planned, now);
}

static bool has_certificate(struct tf_call *c, const char *id, bool *ret, struct err *e)
{
    const struct rds_instance *in = NULL;
    bool available = false;
    if (!find(c, id, &in, e))
        return false;
    if (!in)
        return err_set(e, ERR_NOT_FOUND, "instance %s has disappeared", id);
    if (!has_settled(id, in->status, &available, e))
        return false;
    *ret = available && strcmp(in->ca_certificate, text_of(c->planned, "ca_cert_identifier")) == 0;
    return true;
}

static bool set_certificate(struct tf_call *c, const char *id, struct err *e)
{
    struct request r = {.arena = c->arena}, reboot = {.arena = c->arena};
    const struct value *wanted = value_get(c->planned, "ca_cert_identifier");
    bool there = false;
    if (wanted->kind != VALUE_STRING)
        return true;
    if (!has_certificate(c, id, &there, e) || there)
        return there;
    request_add(&r, "DBInstanceIdentifier", id);
    request_add(&r, "CACertificateIdentifier", wanted->text);
    request_add_bool(&r, "ApplyImmediately", true);
    request_add(&reboot, "DBInstanceIdentifier", id);
    return call_rds(c, "ModifyDBInstance", &r, NULL, e) && wait_for(c, has_certificate, id, e) &&
           call_rds(c, "RebootDBInstance", &reboot, NULL, e) && wait_for(c, is_available, id, e);
}

static const struct value *create_instance(struct tf_call *c)
{
    struct err e = ERR_INIT;
    struct request r = {.arena = c->arena};
    const char *id = text_of(c->planned, "identifier");
    object_create(&r, instance_members, c->planned);
    request_add_tags(&r, value_get(c->planned, "tags"));
    if (!call_rds(c, "CreateDBInstance", &r, NULL, &e)) {
        (void)err_wrap(&e, "create instance %s", id);
        return tf_fail(c, &e), NULL;
    }
    if (!wait_for(c, is_available, id, &e) || !set_certificate(c, id, &e))
        tf_fail(c, &e);
    return settled(c);
}

/* A difference in the version alone is an empty request: it comes back in every plan. */
static bool modify(struct tf_call *c, const char *id, struct err *e)
{
    struct request r = {.arena = c->arena};
    request_add(&r, "DBInstanceIdentifier", id);
    if (!object_change(&r, instance_members, c->prior, c->planned))
        return true;
    request_add_bool(&r, "ApplyImmediately",
                     value_as_bool(value_get(c->planned, "apply_immediately"), false));
    return call_rds(c, "ModifyDBInstance", &r, NULL, e) && wait_for(c, is_available, id, e);
}

static const struct value *update_instance(struct tf_call *c)
{
    struct err e = ERR_INIT;
    const char *id = text_of(c->prior, "id");
    if (!modify(c, id, &e) || !tags_change(c, text_of(c->prior, "arn"), &e)) {
        (void)err_wrap(&e, "update instance %s", id);
        return tf_fail(c, &e), NULL;
    }
    return settled(c);
}

static const struct value *delete_instance(struct tf_call *c)
{
    struct err e = ERR_INIT;
    struct request r = {.arena = c->arena};
    const char *id = text_of(c->prior, "id");
    request_add(&r, "DBInstanceIdentifier", id);
    bool ok = call_rds(c, "DeleteDBInstance", &r, NULL, &e) || means_absent(&e);
    if (!ok || !wait_for(c, is_gone, id, &e)) {
        (void)err_wrap(&e, "delete instance %s", id);
        tf_fail(c, &e);
    }
    return NULL;
}

const struct tf_resource aws_rds_cluster_instance = {
    .name = "aws_rds_cluster_instance",
    .schema = &instance_schema,
    .plan = plan_instance,
    .create = create_instance,
    .update = update_instance,
    .del = delete_instance,
    .read = read_instance,
    .import = import_instance,
};
