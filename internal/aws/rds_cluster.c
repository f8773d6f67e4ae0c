/* Clusters and instances. */
#include "internal/aws/rds_internal.h"

#include <string.h>
#include <strings.h>

/* ---- shapes ---- */

static const struct shape_member tag_members[] = {
    MEMBER(rds_tag, TEXT, key, "Key"),
    MEMBER(rds_tag, TEXT, value, "Value"),
    END_OF_SHAPE,
};
const struct shape rds_tag_shape = {sizeof(struct rds_tag), tag_members};

static const struct shape_member member_members[] = {
    MEMBER(rds_member, TEXT, identifier, "DBInstanceIdentifier"),
    MEMBER(rds_member, TEXT, parameter_group_status, "DBClusterParameterGroupStatus"),
    MEMBER(rds_member, BOOL, is_writer, "IsClusterWriter"),
    MEMBER(rds_member, INT, promotion_tier, "PromotionTier"),
    END_OF_SHAPE,
};
static const struct shape member_shape = {sizeof(struct rds_member), member_members};

static const struct shape_member role_members[] = {
    MEMBER(rds_role, TEXT, arn, "RoleArn"),
    MEMBER(rds_role, TEXT, feature, "FeatureName"),
    MEMBER(rds_role, TEXT, status, "Status"),
    END_OF_SHAPE,
};
static const struct shape role_shape = {sizeof(struct rds_role), role_members};

static const struct shape_member cluster_members[] = {
    MEMBER(rds_cluster, TEXT, identifier, "DBClusterIdentifier"),
    MEMBER(rds_cluster, TEXT, arn, "DBClusterArn"),
    MEMBER(rds_cluster, TEXT, resource_id, "DbClusterResourceId"),
    MEMBER(rds_cluster, TEXT, status, "Status"),
    MEMBER(rds_cluster, TEXT, engine, "Engine"),
    MEMBER(rds_cluster, TEXT, engine_mode, "EngineMode"),
    MEMBER(rds_cluster, TEXT, engine_version, "EngineVersion"),
    MEMBER(rds_cluster, TEXT, parameter_group, "DBClusterParameterGroup"),
    MEMBER(rds_cluster, TEXT, endpoint, "Endpoint"),
    MEMBER(rds_cluster, TEXT, reader_endpoint, "ReaderEndpoint"),
    MEMBER(rds_cluster, TEXT, master_username, "MasterUsername"),
    MEMBER(rds_cluster, TEXT, pending_engine_version, "PendingModifiedValues/EngineVersion"),
    MEMBER(rds_cluster, TEXT, kms_key_id, "KmsKeyId"),
    MEMBER(rds_cluster, TEXT, storage_type, "StorageType"),
    MEMBER(rds_cluster, TEXT, global_cluster_identifier, "GlobalClusterIdentifier"),
    MEMBER(rds_cluster, TEXT, replication_source, "ReplicationSourceIdentifier"),
    MEMBER(rds_cluster, TEXT, master_user_secret_arn, "MasterUserSecret/SecretArn"),
    MEMBER(rds_cluster, TEXT, clone_group_id, "CloneGroupId"),
    MEMBER(rds_cluster, TEXT, database_name, "DatabaseName"),
    MEMBER(rds_cluster, INT, port, "Port"),
    MEMBER(rds_cluster, INT, backup_retention, "BackupRetentionPeriod"),
    MEMBER(rds_cluster, BOOL, storage_encrypted, "StorageEncrypted"),
    MEMBER(rds_cluster, BOOL, deletion_protection, "DeletionProtection"),
    MEMBER(rds_cluster, BOOL, iam_auth, "IAMDatabaseAuthenticationEnabled"),
    MEMBER(rds_cluster, HAS_CHILDREN, has_pending_changes, "PendingModifiedValues"),
    MEMBER(rds_cluster, PRESENT, serverless_v2, "ServerlessV2ScalingConfiguration"),
    MEMBER(rds_cluster, DOUBLE, min_capacity, "ServerlessV2ScalingConfiguration/MinCapacity"),
    MEMBER(rds_cluster, DOUBLE, max_capacity, "ServerlessV2ScalingConfiguration/MaxCapacity"),
    LIST_OF(rds_cluster, members, member_count, "DBClusterMembers", "DBClusterMember", &member_shape),
    TEXTS(rds_cluster, availability_zones, "AvailabilityZones", "AvailabilityZone"),
    TEXTS(rds_cluster, custom_endpoints, "CustomEndpoints", "member"),
    LIST_OF(rds_cluster, roles, role_count, "AssociatedRoles", "DBClusterRole", &role_shape),
    TAGS_OF(rds_cluster),
    MEMBER(rds_cluster, RAW, raw, ""),
    END_OF_SHAPE,
};
static const struct shape cluster_shape = {sizeof(struct rds_cluster), cluster_members};

static const struct shape_member instance_members[] = {
    MEMBER(rds_instance, TEXT, identifier, "DBInstanceIdentifier"),
    MEMBER(rds_instance, TEXT, arn, "DBInstanceArn"),
    MEMBER(rds_instance, TEXT, resource_id, "DbiResourceId"),
    MEMBER(rds_instance, TEXT, status, "DBInstanceStatus"),
    MEMBER(rds_instance, TEXT, instance_class, "DBInstanceClass"),
    MEMBER(rds_instance, TEXT, engine, "Engine"),
    MEMBER(rds_instance, TEXT, engine_version, "EngineVersion"),
    MEMBER(rds_instance, TEXT, cluster_identifier, "DBClusterIdentifier"),
    MEMBER(rds_instance, TEXT, availability_zone, "AvailabilityZone"),
    MEMBER(rds_instance, TEXT, parameter_group, "DBParameterGroups/DBParameterGroup/DBParameterGroupName"),
    MEMBER(rds_instance, TEXT, parameter_apply_status,
           "DBParameterGroups/DBParameterGroup/ParameterApplyStatus"),
    MEMBER(rds_instance, TEXT, endpoint, "Endpoint/Address"),
    MEMBER(rds_instance, TEXT, ca_certificate, "CACertificateIdentifier"),
    MEMBER(rds_instance, INT, port, "Endpoint/Port"),
    MEMBER(rds_instance, INT, promotion_tier, "PromotionTier"),
    MEMBER(rds_instance, HAS_CHILDREN, has_pending_changes, "PendingModifiedValues"),
    TAGS_OF(rds_instance),
    MEMBER(rds_instance, RAW, raw, ""),
    END_OF_SHAPE,
};
static const struct shape instance_shape = {sizeof(struct rds_instance), instance_members};

const char *rds_tag_value(const struct rds_tags *t, const char *key)
{
    for (size_t i = 0; i < t->count; i++)
        if (strcmp(t->tags[i].key, key) == 0)
            return t->tags[i].value;
    return NULL;
}

/* ---- clusters ---- */

/* What follows from a reply may be a deletion: it must be about what was asked. */
static bool is_cluster(const struct rds_cluster *c, const char *id)
{
    return strcasecmp(c->identifier, id) == 0 || strcmp(c->arn, id) == 0;
}

bool rds_cluster_find(const struct aws_session *s, const char *id, const struct rds_cluster **ret,
                      struct err *e)
{
    struct fields f = {.arena = s->arena};
    const struct rds_cluster *c = NULL;
    fields_add(&f, "DBClusterIdentifier", id);
    if (!rds_find(s, "DescribeDBClusters", &f, &cluster_shape, &c, e))
        return false;
    if (c && !is_cluster(c, id))
        return err_set(e, ERR_REMOTE, "asked for cluster %s, AWS described %s", id, c->identifier);
    *ret = c;
    return true;
}

bool rds_cluster_find_by_resource_id(const struct aws_session *s, const char *resource_id,
                                     const struct rds_cluster **ret, struct err *e)
{
    struct fields f = {.arena = s->arena};
    const struct rds_cluster *items = NULL, *found = NULL;
    size_t n = 0;
    fields_add_filter(&f, 1, "db-cluster-resource-id", resource_id);
    if (!rds_list(s, "DescribeDBClusters", &f, &cluster_shape, &items, &n, e))
        return false;
    for (size_t i = 0; i < n; i++)
        if (strcmp(items[i].resource_id, resource_id) == 0)
            found = &items[i];
    *ret = found;
    return true;
}

bool rds_cluster_list(const struct aws_session *s, const struct rds_cluster *const **ret, size_t *ret_n,
                      struct err *e)
{
    struct fields f = {.arena = s->arena};
    struct rds_cluster *items = NULL;
    size_t n = 0;
    if (!rds_list(s, "DescribeDBClusters", &f, &cluster_shape, &items, &n, e))
        return false;
    *ret = (const struct rds_cluster *const *)rds_pointers(s->arena, items, sizeof *items, n);
    *ret_n = n;
    return true;
}

struct each_cluster {
    void (*each)(void *arg, const struct rds_cluster *c);
    void *arg;
};

static void see_cluster(void *arg, const void *item)
{
    const struct each_cluster *k = arg;
    k->each(k->arg, item);
}

bool rds_cluster_each(const struct aws_session *s, void (*each)(void *arg, const struct rds_cluster *c),
                      void *arg, struct err *e)
{
    struct fields f = {.arena = s->arena};
    struct each_cluster k = {each, arg};
    return rds_each(s, "DescribeDBClusters", &f, &cluster_shape, see_cluster, &k, e);
}

bool rds_cluster_modify(const struct aws_session *s, const char *id, const struct rds_cluster_change *c,
                        struct err *e)
{
    struct fields f = {.arena = s->arena};
    fields_add(&f, "DBClusterIdentifier", id);
    fields_add(&f, "NewDBClusterIdentifier", c->new_identifier);
    fields_add(&f, "DBClusterParameterGroupName", c->parameter_group);
    fields_add(&f, "DBInstanceParameterGroupName", c->instance_parameter_group);
    fields_add(&f, "EngineVersion", c->engine_version);
    if (c->min_capacity >= 0 && c->max_capacity >= 0) {
        fields_add(&f, "ServerlessV2ScalingConfiguration.MinCapacity",
                   arena_printf(s->arena, "%.1f", c->min_capacity));
        fields_add(&f, "ServerlessV2ScalingConfiguration.MaxCapacity",
                   arena_printf(s->arena, "%.1f", c->max_capacity));
    }
    if (c->deletion_protection >= 0)
        fields_add_bool(&f, "DeletionProtection", c->deletion_protection > 0);
    if (c->backup_retention >= 0)
        fields_add_int(&f, "BackupRetentionPeriod", c->backup_retention);
    if (c->allow_major_version_upgrade)
        fields_add_bool(&f, "AllowMajorVersionUpgrade", true);
    fields_add_bool(&f, "ApplyImmediately", c->apply_immediately);
    return rds_call(s, "ModifyDBCluster", &f, NULL, e);
}

static bool set_all(const struct aws_session *s, const char *action, const char *name, const char *id,
                    const struct aws_field *settings, struct err *e)
{
    struct fields f = {.arena = s->arena};
    fields_add(&f, name, id);
    for (; settings->name; settings++)
        fields_add(&f, settings->name, settings->value);
    fields_add_bool(&f, "ApplyImmediately", true);
    return rds_call(s, action, &f, NULL, e);
}

bool rds_cluster_set(const struct aws_session *s, const char *id, const struct aws_field *settings,
                     struct err *e)
{
    return set_all(s, "ModifyDBCluster", "DBClusterIdentifier", id, settings, e);
}

bool rds_cluster_role(const struct aws_session *s, const char *id, const struct rds_role *role, bool add,
                      struct err *e)
{
    struct fields f = {.arena = s->arena};
    struct err why = ERR_INIT;
    fields_add(&f, "DBClusterIdentifier", id);
    fields_add(&f, "RoleArn", role->arn);
    fields_add(&f, "FeatureName", role->feature[0] ? role->feature : NULL);
    if (!add)
        return rds_call_unless_absent(s, "RemoveRoleFromDBCluster", &f, e);
    if (rds_call(s, "AddRoleToDBCluster", &f, NULL, &why) ||
        strcmp(why.remote_code, "DBClusterRoleAlreadyExists") == 0)
        return true;
    if (e)
        *e = why;
    return false;
}

bool rds_http_endpoint(const struct aws_session *s, const char *arn, bool on, struct err *e)
{
    struct fields f = {.arena = s->arena};
    fields_add(&f, "ResourceArn", arn);
    return rds_call(s, on ? "EnableHttpEndpoint" : "DisableHttpEndpoint", &f, NULL, e);
}

bool rds_cluster_delete(const struct aws_session *s, const char *id, const char *final_snapshot,
                        bool delete_backups, struct err *e)
{
    struct fields f = {.arena = s->arena};
    fields_add(&f, "DBClusterIdentifier", id);
    fields_add_bool(&f, "SkipFinalSnapshot", final_snapshot == NULL);
    fields_add(&f, "FinalDBSnapshotIdentifier", final_snapshot);
    fields_add_bool(&f, "DeleteAutomatedBackups", delete_backups);
    return rds_call_unless_absent(s, "DeleteDBCluster", &f, e);
}

/* ---- instances ---- */

bool rds_instance_find(const struct aws_session *s, const char *id, const struct rds_instance **ret,
                       struct err *e)
{
    struct fields f = {.arena = s->arena};
    const struct rds_instance *found = NULL;
    fields_add(&f, "DBInstanceIdentifier", id);
    if (!rds_find(s, "DescribeDBInstances", &f, &instance_shape, &found, e))
        return false;
    if (found && strcasecmp(found->identifier, id) != 0 && strcmp(found->arn, id) != 0)
        return err_set(e, ERR_REMOTE, "asked for instance %s, AWS described %s", id, found->identifier);
    *ret = found;
    return true;
}

static size_t keep_cluster(struct rds_instance *items, size_t n, const char *cluster_id)
{
    size_t kept = 0;
    for (size_t i = 0; i < n; i++)
        if (strcasecmp(items[i].cluster_identifier, cluster_id) == 0)
            items[kept++] = items[i];
    return kept;
}

bool rds_instance_list(const struct aws_session *s, const char *cluster_id,
                       const struct rds_instance *const **ret, size_t *ret_n, struct err *e)
{
    struct fields f = {.arena = s->arena};
    struct rds_instance *items = NULL;
    size_t n = 0;
    fields_add_filter(&f, 1, "db-cluster-id", cluster_id);
    if (!rds_list(s, "DescribeDBInstances", &f, &instance_shape, &items, &n, e))
        return false;
    n = keep_cluster(items, n, cluster_id);
    *ret = (const struct rds_instance *const *)rds_pointers(s->arena, items, sizeof *items, n);
    *ret_n = n;
    return true;
}

bool rds_instance_set_parameter_group(const struct aws_session *s, const char *id, const char *group,
                                      struct err *e)
{
    struct fields f = {.arena = s->arena};
    fields_add(&f, "DBInstanceIdentifier", id);
    fields_add(&f, "DBParameterGroupName", group);
    fields_add_bool(&f, "ApplyImmediately", true);
    return rds_call(s, "ModifyDBInstance", &f, NULL, e);
}

bool rds_instance_set(const struct aws_session *s, const char *id, const struct aws_field *settings,
                      struct err *e)
{
    return set_all(s, "ModifyDBInstance", "DBInstanceIdentifier", id, settings, e);
}

bool rds_instance_reboot(const struct aws_session *s, const char *id, struct err *e)
{
    struct fields f = {.arena = s->arena};
    fields_add(&f, "DBInstanceIdentifier", id);
    return rds_call(s, "RebootDBInstance", &f, NULL, e);
}

bool rds_instance_delete(const struct aws_session *s, const char *id, struct err *e)
{
    struct fields f = {.arena = s->arena};
    fields_add(&f, "DBInstanceIdentifier", id);
    fields_add_bool(&f, "SkipFinalSnapshot", true); /* members of a cluster have none */
    return rds_call_unless_absent(s, "DeleteDBInstance", &f, e);
}
