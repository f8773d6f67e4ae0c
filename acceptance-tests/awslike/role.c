/* aws_rds_cluster_role_association. Its id is "cluster,role ARN"; a role that the cluster of that name has
 * not (any more) drops it from the state, another feature name replaces it. */
#include "acceptance-tests/awslike/awslike.h"

#include <string.h>

static const struct tf_attr attrs[] = {
    {"db_cluster_identifier", TF_STRING, TF_REQUIRED | AL_FN, .doc = AS_NAMED},
    {"feature_name", TF_STRING, TF_REQUIRED | AL_FN, .doc = AS_NAMED},
    {"id", TF_STRING, AL_C, .doc = "Cluster and role ARN."},
    {"role_arn", TF_STRING, TF_REQUIRED | AL_FN, .doc = AS_NAMED},
    {0},
};
static const struct tf_schema schema = {.doc = "A role of a cluster.", .attrs = attrs};

/* *ret = NULL: cluster or role are not there. */
static bool find(struct tf_call *c, const struct value *of, const struct rds_role **ret, struct err *e)
{
    const struct aws_session s = session_of(c);
    const struct rds_cluster *k = NULL;
    const char *id = text_of(of, "db_cluster_identifier");
    *ret = NULL;
    if (!rds_cluster_find(&s, id, &k, e))
        return err_wrap(e, "read the roles of cluster %s", id);
    for (size_t i = 0; k && i < k->role_count; i++)
        if (strcmp(k->roles[i].arn, text_of(of, "role_arn")) == 0)
            *ret = &k->roles[i];
    return true;
}

static const struct value *read_role(struct tf_call *c)
{
    const struct rds_role *role = NULL;
    struct err e = ERR_INIT;
    if (!find(c, c->prior, &role, &e))
        return tf_fail(c, &e), NULL;
    return role ? tf_with(c, c->prior, "feature_name", value_string(c->arena, role->feature)) : NULL;
}

static bool is_active(struct tf_call *c, const char *id, bool *ret, struct err *e)
{
    const struct rds_role *role = NULL;
    (void)id;
    if (!find(c, c->planned, &role, e))
        return false;
    *ret = role && strcmp(role->status, "ACTIVE") == 0;
    return true;
}

static bool is_gone(struct tf_call *c, const char *id, bool *ret, struct err *e)
{
    const struct rds_role *role = NULL;
    (void)id;
    if (!find(c, c->prior, &role, e))
        return false;
    *ret = role == NULL;
    return true;
}

static void add_names(struct request *r, const struct value *of)
{
    request_add(r, "DBClusterIdentifier", text_of(of, "db_cluster_identifier"));
    request_add(r, "RoleArn", text_of(of, "role_arn"));
    request_add(r, "FeatureName", text_of(of, "feature_name"));
}

static const struct value *create_role(struct tf_call *c)
{
    struct err e = ERR_INIT;
    struct request r = {.arena = c->arena};
    const char *id = arena_printf(c->arena, "%s,%s", text_of(c->planned, "db_cluster_identifier"),
                                  text_of(c->planned, "role_arn"));
    add_names(&r, c->planned);
    if (!call_rds(c, "AddRoleToDBCluster", &r, NULL, &e) || !wait_for(c, is_active, id, &e)) {
        (void)err_wrap(&e, "add role %s", id);
        return tf_fail(c, &e), NULL;
    }
    return tf_with(c, c->planned, "id", value_string(c->arena, id));
}

/* All that can differ replaces. */
static const struct value *update_role(struct tf_call *c)
{
    return c->planned;
}

static const struct value *delete_role(struct tf_call *c)
{
    struct err e = ERR_INIT;
    struct request r = {.arena = c->arena};
    add_names(&r, c->prior);
    bool ok = call_rds(c, "RemoveRoleFromDBCluster", &r, NULL, &e) || means_absent(&e);
    if (!ok || !wait_for(c, is_gone, text_of(c->prior, "id"), &e)) {
        (void)err_wrap(&e, "remove role %s", text_of(c->prior, "id"));
        tf_fail(c, &e);
    }
    return NULL;
}

const struct tf_resource aws_rds_cluster_role_association = {
    .name = "aws_rds_cluster_role_association",
    .schema = &schema,
    .create = create_role,
    .update = update_role,
    .del = delete_role,
    .read = read_role,
};
