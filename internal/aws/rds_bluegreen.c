/* Blue/green deployments. */
#include "internal/aws/rds_internal.h"

#include <string.h>

bool rds_bluegreen_find(const struct aws_session *s, const char *identifier, const struct rds_bluegreen **ret,
                        struct err *e)
{
    const struct rds_bluegreen *found = NULL;
    struct fields f = {.arena = s->arena};
    fields_add(&f, "BlueGreenDeploymentIdentifier", identifier);
    if (!rds_find(s, "DescribeBlueGreenDeployments", &f, &rds_bluegreen_shape, &found, e))
        return false;
    if (found && strcmp(found->identifier, identifier) != 0)
        return err_set(e, ERR_REMOTE, "asked for deployment %s, AWS described %s", identifier,
                       found->identifier);
    *ret = found;
    return true;
}

bool rds_bluegreen_list(const struct aws_session *s, const struct rds_bluegreen *const **ret, size_t *ret_n,
                        struct err *e)
{
    struct fields f = {.arena = s->arena};
    struct rds_bluegreen *items = NULL;
    size_t n = 0;
    if (!rds_list(s, "DescribeBlueGreenDeployments", &f, &rds_bluegreen_shape, &items, &n, e))
        return false;
    *ret = (const struct rds_bluegreen *const *)rds_pointers(s->arena, items, sizeof *items, n);
    *ret_n = n;
    return true;
}

struct each_deployment {
    void (*each)(void *arg, const struct rds_bluegreen *d);
    void *arg;
};

static void see_deployment(void *arg, const void *item)
{
    const struct each_deployment *k = arg;
    k->each(k->arg, item);
}

bool rds_bluegreen_each(const struct aws_session *s, void (*each)(void *arg, const struct rds_bluegreen *d),
                        void *arg, struct err *e)
{
    struct fields f = {.arena = s->arena};
    struct each_deployment k = {each, arg};
    return rds_each(s, "DescribeBlueGreenDeployments", &f, &rds_bluegreen_shape, see_deployment, &k, e);
}

bool rds_bluegreen_create(const struct aws_session *s, const struct rds_bluegreen_spec *b,
                          const struct rds_bluegreen **ret, struct err *e)
{
    struct fields f = {.arena = s->arena};
    const struct xml *result = NULL;
    fields_add(&f, "BlueGreenDeploymentName", b->name);
    fields_add(&f, "Source", b->source_arn);
    fields_add(&f, "TargetEngineVersion", b->target_version);
    fields_add(&f, "TargetDBClusterParameterGroupName", b->cluster_group);
    fields_add(&f, "TargetDBParameterGroupName", b->instance_group);
    fields_add(&f, "TargetDBInstanceClass", b->instance_class);
    fields_add_tags(&f, b->tags);
    if (!rds_call(s, "CreateBlueGreenDeployment", &f, &result, e))
        return false;
    struct rds_bluegreen *made = ARENA_NEW(s->arena, struct rds_bluegreen);
    shape_read(s->arena, &rds_bluegreen_shape, xml_find(result, "BlueGreenDeployment"), made);
    if (!*made->identifier)
        return err_set(e, ERR_UNAVAILABLE, "the reply to CreateBlueGreenDeployment names no deployment");
    *ret = made;
    return true;
}

bool rds_bluegreen_switchover(const struct aws_session *s, const char *identifier, int timeout_seconds,
                              struct err *e)
{
    struct fields f = {.arena = s->arena};
    fields_add(&f, "BlueGreenDeploymentIdentifier", identifier);
    fields_add_int(&f, "SwitchoverTimeout", timeout_seconds);
    return rds_call(s, "SwitchoverBlueGreenDeployment", &f, NULL, e);
}

bool rds_bluegreen_delete(const struct aws_session *s, const char *identifier, bool delete_target,
                          struct err *e)
{
    struct fields f = {.arena = s->arena};
    fields_add(&f, "BlueGreenDeploymentIdentifier", identifier);
    if (delete_target)
        fields_add_bool(&f, "DeleteTarget", true);
    return rds_call(s, "DeleteBlueGreenDeployment", &f, NULL, e);
}
