/* Clusters and instances. */
#include "internal/aws/rds_internal.h"

#include <string.h>
#include <strings.h>

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
    if (!rds_find(s, "DescribeDBClusters", &f, &rds_cluster_shape, &c, e))
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
    if (!rds_list(s, "DescribeDBClusters", &f, &rds_cluster_shape, &items, &n, e))
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
    if (!rds_list(s, "DescribeDBClusters", &f, &rds_cluster_shape, &items, &n, e))
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
    return rds_each(s, "DescribeDBClusters", &f, &rds_cluster_shape, see_cluster, &k, e);
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

static bool make(const struct aws_session *s, const char *action, const struct aws_field *settings,
                 struct rds_tags tags, struct err *e)
{
    struct fields f = {.arena = s->arena};
    for (; settings->name; settings++)
        fields_add(&f, settings->name, settings->value);
    fields_add_tags(&f, tags);
    return rds_call(s, action, &f, NULL, e);
}

bool rds_cluster_restore(const struct aws_session *s, const struct aws_field *settings, struct rds_tags tags,
                         struct err *e)
{
    return make(s, "RestoreDBClusterFromSnapshot", settings, tags, e);
}

bool rds_cluster_clone(const struct aws_session *s, const struct aws_field *settings, struct rds_tags tags,
                       struct err *e)
{
    return make(s, "RestoreDBClusterToPointInTime", settings, tags, e);
}

bool rds_instance_create(const struct aws_session *s, const struct aws_field *settings, struct rds_tags tags,
                         struct err *e)
{
    return make(s, "CreateDBInstance", settings, tags, e);
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
    if (!rds_find(s, "DescribeDBInstances", &f, &rds_instance_shape, &found, e))
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
    if (!rds_list(s, "DescribeDBInstances", &f, &rds_instance_shape, &items, &n, e))
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
