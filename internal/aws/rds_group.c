/* Parameter groups of clusters and instances, and engine versions. */
#include "internal/aws/rds_internal.h"

#include "internal/base/names.h"

#include <string.h>
#include <strings.h>

enum { PARAMS_PER_CALL = 20 };

/* The two kinds differ in names only. */
struct kind {
    const char *name, *describe, *params, *defaults, *create, *modify, *delete;
    const struct shape *shape;
};

static const struct shape_member cluster_group_members[] = {
    MEMBER(rds_group, TEXT, name, "DBClusterParameterGroupName"),
    MEMBER(rds_group, TEXT, family, "DBParameterGroupFamily"),
    MEMBER(rds_group, TEXT, description, "Description"),
    MEMBER(rds_group, TEXT, arn, "DBClusterParameterGroupArn"),
    END_OF_SHAPE,
};
static const struct shape cluster_group_shape = {sizeof(struct rds_group), cluster_group_members};

static const struct shape_member instance_group_members[] = {
    MEMBER(rds_group, TEXT, name, "DBParameterGroupName"),
    MEMBER(rds_group, TEXT, family, "DBParameterGroupFamily"),
    MEMBER(rds_group, TEXT, description, "Description"),
    MEMBER(rds_group, TEXT, arn, "DBParameterGroupArn"),
    END_OF_SHAPE,
};
static const struct shape instance_group_shape = {sizeof(struct rds_group), instance_group_members};

static const struct shape_member param_members[] = {
    MEMBER(rds_param, TEXT, name, "ParameterName"),
    MEMBER(rds_param, TEXT, value, "ParameterValue"),
    MEMBER(rds_param, TEXT, source, "Source"),
    MEMBER(rds_param, TEXT, apply_type, "ApplyType"),
    MEMBER(rds_param, TEXT, data_type, "DataType"),
    MEMBER(rds_param, TEXT, allowed_values, "AllowedValues"),
    MEMBER(rds_param, TEXT, apply_method, "ApplyMethod"),
    MEMBER(rds_param, BOOL, is_modifiable, "IsModifiable"),
    MEMBER(rds_param, PRESENT, has_value, "ParameterValue"),
    END_OF_SHAPE,
};
static const struct shape param_shape = {sizeof(struct rds_param), param_members};

static const struct kind kinds[] = {
    [false] = {"DBParameterGroupName", "DescribeDBParameterGroups", "DescribeDBParameters",
               "DescribeEngineDefaultParameters", "CreateDBParameterGroup", "ModifyDBParameterGroup",
               "DeleteDBParameterGroup", &instance_group_shape},
    [true] = {"DBClusterParameterGroupName", "DescribeDBClusterParameterGroups",
              "DescribeDBClusterParameters", "DescribeEngineDefaultClusterParameters",
              "CreateDBClusterParameterGroup", "ModifyDBClusterParameterGroup",
              "DeleteDBClusterParameterGroup", &cluster_group_shape},
};

bool rds_group_find(const struct aws_session *s, bool is_cluster, const char *name,
                    const struct rds_group **ret, struct err *e)
{
    const struct kind *k = &kinds[is_cluster];
    const struct rds_group *found = NULL;
    struct fields f = {.arena = s->arena};
    fields_add(&f, k->name, name);
    if (!rds_find(s, k->describe, &f, k->shape, &found, e))
        return false;
    if (found && strcasecmp(found->name, name) != 0)
        return err_set(e, ERR_REMOTE, "asked for parameter group %s, AWS described %s", name, found->name);
    *ret = found;
    return true;
}

bool rds_group_list(const struct aws_session *s, bool is_cluster, const char *prefix,
                    const struct rds_group **ret, size_t *ret_n, struct err *e)
{
    const struct kind *k = &kinds[is_cluster];
    struct rds_group *items = NULL;
    struct fields f = {.arena = s->arena};
    size_t n = 0, kept = 0;
    if (!rds_list(s, k->describe, &f, k->shape, &items, &n, e))
        return false;
    for (size_t i = 0; i < n; i++)
        if (strncasecmp(items[i].name, prefix, strlen(prefix)) == 0)
            items[kept++] = items[i];
    *ret = items;
    *ret_n = kept;
    return true;
}

bool rds_group_params(const struct aws_session *s, bool is_cluster, const char *name, const char *source,
                      const struct rds_param **ret, size_t *ret_n, struct err *e)
{
    struct fields f = {.arena = s->arena};
    fields_add(&f, kinds[is_cluster].name, name);
    fields_add(&f, "Source", source);
    return rds_list(s, kinds[is_cluster].params, &f, &param_shape, ret, ret_n, e);
}

bool rds_family_params(const struct aws_session *s, bool is_cluster, const char *family,
                       const struct rds_param **ret, size_t *ret_n, struct err *e)
{
    struct fields f = {.arena = s->arena};
    fields_add(&f, "DBParameterGroupFamily", family);
    return rds_list(s, kinds[is_cluster].defaults, &f, &param_shape, ret, ret_n, e);
}

bool rds_group_create(const struct aws_session *s, bool is_cluster, const char *name, const char *family,
                      const char *description, struct rds_tags tags, struct err *e)
{
    struct fields f = {.arena = s->arena};
    fields_add(&f, kinds[is_cluster].name, name);
    fields_add(&f, "DBParameterGroupFamily", family);
    fields_add(&f, "Description", description);
    fields_add_tags(&f, tags);
    return rds_call(s, kinds[is_cluster].create, &f, NULL, e);
}

static bool set_batch(const struct aws_session *s, const struct kind *k, const char *name,
                      const struct rds_param *params, size_t n, struct err *e)
{
    struct fields f = {.arena = s->arena};
    fields_add(&f, k->name, name);
    for (size_t i = 0; i < n; i++) {
        const char *prefix = arena_printf(s->arena, "Parameters.Parameter.%zu.", i + 1);
        fields_add(&f, arena_printf(s->arena, "%sParameterName", prefix), params[i].name);
        fields_add(&f, arena_printf(s->arena, "%sParameterValue", prefix), params[i].value);
        fields_add(&f, arena_printf(s->arena, "%sApplyMethod", prefix), params[i].apply_method);
    }
    return rds_call(s, k->modify, &f, NULL, e);
}

bool rds_group_set(const struct aws_session *s, bool is_cluster, const char *name,
                   const struct rds_param *params, size_t n, struct err *e)
{
    for (size_t i = 0; i < n; i += PARAMS_PER_CALL) {
        size_t left = n - i;
        if (!set_batch(s, &kinds[is_cluster], name, params + i,
                       left < PARAMS_PER_CALL ? left : PARAMS_PER_CALL, e))
            return err_wrap(e, "parameters %zu to %zu of %zu of %s", i + 1,
                            i + (left < PARAMS_PER_CALL ? left : PARAMS_PER_CALL), n, name);
    }
    return true;
}

bool rds_group_delete(const struct aws_session *s, bool is_cluster, const char *name, struct err *e)
{
    struct fields f = {.arena = s->arena};
    fields_add(&f, kinds[is_cluster].name, name);
    return rds_call_unless_absent(s, kinds[is_cluster].delete, &f, e);
}

/* ---- engine versions ---- */

static const struct shape_member target_members[] = {
    MEMBER(rds_target, TEXT, version, "EngineVersion"),
    MEMBER(rds_target, BOOL, is_major, "IsMajorVersionUpgrade"),
    END_OF_SHAPE,
};
static const struct shape target_shape = {sizeof(struct rds_target), target_members};

static const struct shape_member version_members[] = {
    MEMBER(rds_engine_version, TEXT, version, "EngineVersion"),
    MEMBER(rds_engine_version, TEXT, family, "DBParameterGroupFamily"),
    MEMBER(rds_engine_version, TEXT, status, "Status"),
    LIST_OF(rds_engine_version, targets, target_count, "ValidUpgradeTarget", "UpgradeTarget", &target_shape),
    {.type = SHAPE_DOUBLE,
     .offset = offsetof(struct rds_engine_version, serverless_min),
     .path = "ServerlessV2FeaturesSupport/MinCapacity",
     .otherwise = -1},
    END_OF_SHAPE,
};
static const struct shape version_shape = {sizeof(struct rds_engine_version), version_members};

/* AWS takes "13" for all of 13.x: only the version asked for counts. */
bool rds_engine_version_find(const struct aws_session *s, const char *engine, const char *version,
                             const struct rds_engine_version **ret, struct err *e)
{
    const struct rds_engine_version *items = NULL, *found = NULL;
    struct fields f = {.arena = s->arena};
    size_t n = 0;
    fields_add(&f, "Engine", engine);
    fields_add(&f, "EngineVersion", version);
    fields_add_bool(&f, "IncludeAll", true); /* a deprecated version is just what needs an upgrade */
    if (!rds_list(s, "DescribeDBEngineVersions", &f, &version_shape, &items, &n, e))
        return false;
    for (size_t i = 0; i < n; i++)
        if (strcmp(items[i].version, version) == 0)
            found = &items[i];
    *ret = found;
    return true;
}

static const struct shape_member lifecycle_members[] = {
    MEMBER(rds_lifecycle, TEXT, name, "LifecycleSupportName"),
    MEMBER(rds_lifecycle, TEXT, ends, "LifecycleSupportEndDate"),
    END_OF_SHAPE,
};
static const struct shape lifecycle_shape = {sizeof(struct rds_lifecycle), lifecycle_members};

static const struct shape_member major_members[] = {
    MEMBER(rds_major, TEXT, version, "MajorEngineVersion"),
    LIST_OF(rds_major, lifecycles, lifecycle_count, "SupportedEngineLifecycles", "SupportedEngineLifecycle",
            &lifecycle_shape),
    END_OF_SHAPE,
};
static const struct shape major_shape = {sizeof(struct rds_major), major_members};

bool rds_majors(const struct aws_session *s, const char *engine, const struct rds_major **ret, size_t *ret_n,
                struct err *e)
{
    struct fields f = {.arena = s->arena};
    fields_add(&f, "Engine", engine);
    return rds_list(s, "DescribeDBMajorEngineVersions", &f, &major_shape, ret, ret_n, e);
}

const char *rds_support_ends(const struct rds_major *majors, size_t n, int major, const char *name)
{
    struct version v;
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; version_parse(majors[i].version, &v) && k < majors[i].lifecycle_count; k++)
            if (v.major == major && strcmp(majors[i].lifecycles[k].name, name) == 0)
                return majors[i].lifecycles[k].ends;
    return "";
}

struct orderable {
    const char *instance_class, *version;
};
static const struct shape_member orderable_members[] = {
    MEMBER(orderable, TEXT, instance_class, "DBInstanceClass"),
    MEMBER(orderable, TEXT, version, "EngineVersion"),
    END_OF_SHAPE,
};
static const struct shape orderable_shape = {sizeof(struct orderable), orderable_members};

bool rds_orderable_classes(const struct aws_session *s, const char *engine, const char *version,
                           const char *instance_class, bool *ret, struct err *e)
{
    const struct orderable *items = NULL;
    struct fields f = {.arena = s->arena};
    size_t n = 0;
    fields_add(&f, "Engine", engine);
    fields_add(&f, "EngineVersion", version);
    fields_add(&f, "DBInstanceClass", instance_class);
    if (!rds_list(s, "DescribeOrderableDBInstanceOptions", &f, &orderable_shape, &items, &n, e))
        return false;
    bool found = false;
    for (size_t i = 0; i < n; i++)
        found = found || (strcmp(items[i].instance_class, instance_class) == 0 &&
                          strcmp(items[i].version, version) == 0);
    *ret = found;
    return true;
}
