/* Create, Describe, Switchover, DeleteBlueGreenDeployment: refusals and replies; the work is in
 * bluegreen_build.c, bluegreen_switch.c and bluegreen_delete.c. */
#include "acceptance-tests/sandbox/bluegreen.h"
#include "internal/base/file.h"
#include "internal/base/names.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

/* ---- what AWS shows ---- */

enum kind bluegreen_kind(const json_t *detail)
{
    return rec_is(detail, "_kind", "cluster") ? KIND_CLUSTER
           : rec_is(detail, "_kind", "db")    ? KIND_INSTANCE
                                              : KIND_ENDPOINT;
}

/* A member that somebody deleted shows as missing. */
static json_t *view_deployment(struct sandbox *sb, const json_t *deployment)
{
    json_t *view = json_copy((json_t *)deployment),
           *details = json_deep_copy(rec_get(deployment, "SwitchoverDetails"));
    size_t i;
    json_t *detail;
    json_array_foreach(details, i, detail)
    {
        enum kind kind = bluegreen_kind(detail);
        if (!store_resource(sb->store, kind, rec_str(detail, "_source")))
            rec_set_str(detail, "Status", "MISSING_SOURCE");
        else if (rec_has(detail, "_target") && !store_resource(sb->store, kind, rec_str(detail, "_target")))
            rec_set_str(detail, "Status", "MISSING_TARGET");
    }
    rec_set(view, "SwitchoverDetails", details);
    return view;
}

/* ---- create ---- */

static const struct member CREATE_IN[] = {STR_REQUIRED("BlueGreenDeploymentName"),
                                          STR_REQUIRED("Source"),
                                          STR("TargetEngineVersion"),
                                          STR("TargetDBParameterGroupName"),
                                          STR("TargetDBClusterParameterGroupName"),
                                          STR("TargetDBInstanceClass"),
                                          LIST_OF("Tags", "Tag", SHAPE_TAG),
                                          SHAPE_END_ROW};

#define NEEDS_LOGICAL                                                                                        \
    "Blue/Green Deployments require a DB cluster with logical replication enabled. Before you create a "     \
    "Blue/Green Deployment for a DB cluster, associate the DB cluster with a custom DB cluster parameter "   \
    "group that enables logical replication."

/* [a-zA-Z](?:-?[a-zA-Z0-9]+)* and at most 60 characters. */
static bool name_legal(const char *name)
{
    size_t n = strlen(name);
    for (size_t i = 0; i < n; i++) {
        bool hyphen = name[i] == '-';
        if (!hyphen && !isalnum((unsigned char)name[i]))
            return false;
        if (hyphen && (i == 0 || name[i - 1] == '-' || i + 1 == n))
            return false;
    }
    return n >= 1 && n <= 60 && isalpha((unsigned char)name[0]);
}

static bool check_name(struct call *c)
{
    const char *name = rec_str(c->in, "BlueGreenDeploymentName");
    if (!name_legal(name))
        return fault_set(&c->fault, "InvalidParameterValue",
                         "The parameter BlueGreenDeploymentName is not a valid identifier: %.80s", name);
    return !store_find_by(c->sb->store, KIND_BLUEGREEN, "BlueGreenDeploymentName", name) ||
           fault_set(&c->fault, "BlueGreenDeploymentAlreadyExistsFault",
                     "A Blue Green Deployment with the name '%s' already exists", name);
}

static json_t *source_of(struct call *c)
{
    struct arn arn;
    const char *source = rec_str(c->in, "Source");
    if (!arn_parse(source, &arn) || strcmp(arn.service, "rds") != 0) {
        (void)fault_set(&c->fault, "InvalidParameterValue", "Invalid source ARN: %.200s", source);
        return NULL;
    }
    if (strcmp(arn.type, "db") == 0) {
        (void)fault_set(&c->fault, "SourceDatabaseNotSupportedFault",
                        "DB instance %s is a member of a DB cluster: specify the ARN of the DB cluster.",
                        arn.resource);
        return NULL;
    }
    return need_id(c, KIND_CLUSTER, source);
}

static bool check_members(struct call *c, const json_t *blue)
{
    size_t i;
    json_t *record;
    if (!cluster_writer(c->sb, blue))
        return fault_set(&c->fault, "InvalidDBClusterStateFault", "DB cluster %s has no DB instance.",
                         rec_str(blue, "DBClusterIdentifier"));
    json_array_foreach(store_list(c->sb->store, KIND_INSTANCE), i, record)
    {
        if (rec_is(record, "_cluster", rec_str(blue, "DbClusterResourceId")) &&
            !rec_is(record, "DBInstanceStatus", "available"))
            return fault_set(&c->fault, "InvalidDBInstanceState", "DB instance %s is not in available state",
                             rec_str(record, "DBInstanceIdentifier"));
    }
    json_array_foreach(store_list(c->sb->store, KIND_BLUEGREEN), i, record)
    {
        if (rec_is(record, "Source", rec_str(blue, "DBClusterArn")) ||
            rec_is(record, "Target", rec_str(blue, "DBClusterArn")))
            return fault_set(&c->fault, "SourceClusterNotSupportedFault",
                             "DB cluster %s is already part of blue/green deployment %s.",
                             rec_str(blue, "DBClusterIdentifier"),
                             rec_str(record, "BlueGreenDeploymentIdentifier"));
    }
    return !rec_has(blue, "MasterUserSecret") || fault_set(&c->fault, "SourceClusterNotSupportedFault",
                                                           "Blue/Green Deployments don't support DB clusters "
                                                           "whose master user password is managed in AWS "
                                                           "Secrets Manager.");
}

static bool check_logical(struct call *c, const json_t *blue)
{
    const json_t *group =
        store_find(c->sb->store, KIND_CLUSTER_GROUP, rec_str(blue, "DBClusterParameterGroup"));
    const json_t *writer = cluster_writer(c->sb, blue);
    struct machine m = {1, 2, 5432};
    int major = (int)rec_int(blue, "_major");
    if (strcmp(param_effective(c->arena, major, group, NULL, &m, "rds.logical_replication"), "1") != 0 ||
        !rec_is(writer, "_cluster_group_status", "in-sync"))
        return fault_set(&c->fault, "SourceClusterNotSupportedFault", NEEDS_LOGICAL);
    return strcmp(param_effective(c->arena, major, group, NULL, &m, "synchronous_commit"), "on") == 0 ||
           fault_set(&c->fault, "SourceClusterNotSupportedFault",
                     "Creation of blue/green deployment failed due to incompatible parameter(s): "
                     "synchronous_commit.");
}

static bool check_target(struct call *c, const json_t *blue, const struct engine_version **ret)
{
    const struct engine_version *from = version_find(c->sb, rec_str(blue, "EngineVersion")), *to = from;
    char family[32];
    if (rec_has(c->in, "TargetEngineVersion") &&
        !(to = check_version(c, rec_str(c->in, "TargetEngineVersion"))))
        return false;
    if (!from || (to != from && !version_upgradable(from, to)))
        return fault_set(&c->fault, "InvalidParameterCombination",
                         "Cannot upgrade " ENGINE_NAME " from %s to %s", rec_str(blue, "EngineVersion"),
                         rec_str(c->in, "TargetEngineVersion"));
    if (!from->bluegreen || !to->bluegreen)
        return fault_set(&c->fault, "SourceClusterNotSupportedFault",
                         "Blue/Green Deployments aren't supported from engine version %d.%d to %d.%d.",
                         from->major, from->minor, to->major, to->minor);
    (void)version_family(to, family);
    *ret = to;
    return (!rec_has(c->in, "TargetDBClusterParameterGroupName") ||
            check_group(c, KIND_CLUSTER_GROUP, rec_str(c->in, "TargetDBClusterParameterGroupName"),
                        family)) &&
           (!rec_has(c->in, "TargetDBParameterGroupName") ||
            check_group(c, KIND_INSTANCE_GROUP, rec_str(c->in, "TargetDBParameterGroupName"), family));
}

static bool check_create(struct call *c, json_t **ret_blue, const struct engine_version **ret_to)
{
    if (!check_name(c) || !check_tags(c))
        return false;
    json_t *blue = source_of(c);
    *ret_blue = blue;
    return blue && check_cluster_ready(c, blue) && check_members(c, blue) && check_logical(c, blue) &&
           check_target(c, blue, ret_to);
}

/* Parameters that are too small, as the fault names them: "a", "a, and b", "a, b, and c". */
struct shortage {
    const char *names[4];
    size_t count;
    char text[256];
};

static void too_small(struct shortage *s, const char *name)
{
    s->names[s->count++] = name;
}

static const char *shortage_text(struct shortage *s)
{
    for (size_t i = 0; i < s->count; i++) {
        size_t n = strlen(s->text);
        const char *before = i == 0 ? "" : i + 1 == s->count ? ", and " : ", ";
        (void)snprintf(s->text + n, sizeof s->text - n, "%s%s", before, s->names[i]);
    }
    return s->text;
}

/* Documented needs: more slots and senders than databases, a worker per database and one more. Processes
 * count only when somebody set them: Aurora's own defaults would not meet the documented sum. */
static bool check_capacity(struct call *c, const json_t *blue, size_t databases)
{
    const json_t *group =
        store_find(c->sb->store, KIND_CLUSTER_GROUP, rec_str(blue, "DBClusterParameterGroup"));
    const json_t *writer = cluster_writer(c->sb, blue);
    const json_t *own = store_find(c->sb->store, KIND_INSTANCE_GROUP, rec_str(writer, "_group"));
    struct machine m = class_machine(rec_str(writer, "DBInstanceClass"), (int)rec_int(blue, "Port"));
    int major = (int)rec_int(blue, "_major");
    struct shortage s = {.count = 0};
    int64_t workers = param_effective_int(major, group, own, &m, "max_logical_replication_workers");
    int64_t processes = param_effective_int(major, group, own, &m, "max_worker_processes");
    int64_t others = param_effective_int(major, group, own, &m, "autovacuum_max_workers") +
                     param_effective_int(major, group, own, &m, "max_parallel_workers");
    if (param_effective_int(major, group, own, &m, "max_replication_slots") <= (int64_t)databases)
        too_small(&s, "max_replication_slots");
    if (param_effective_int(major, group, own, &m, "max_wal_senders") <= (int64_t)databases)
        too_small(&s, "max_wal_senders");
    if (workers <= (int64_t)databases)
        too_small(&s, "max_logical_replication_workers");
    if (rec_has(rec_get(group, "_parameters"), "max_worker_processes") && processes < workers + others)
        too_small(&s, "max_worker_processes");
    return s.count == 0 ||
           fault_set(&c->fault, "SourceClusterNotSupportedFault",
                     "Creation of blue/green deployment failed due to incompatible parameter(s): %s.",
                     shortage_text(&s));
}

static void add_detail(json_t *details, const char *kind, const json_t *record, enum kind store_kind)
{
    (void)json_array_append_new(details, json_pack("{s:s, s:s, s:s, s:s}", "SourceMember",
                                                   rec_str(record, KINDS[store_kind].arn), "Status",
                                                   "PROVISIONING", "_kind", kind, "_source",
                                                   rec_str(record, KINDS[store_kind].resource)));
}

static json_t *details_of(struct sandbox *sb, const json_t *blue)
{
    json_t *details = json_array(), *record;
    const char *resource = rec_str(blue, "DbClusterResourceId");
    size_t i;
    add_detail(details, "cluster", blue, KIND_CLUSTER);
    json_array_foreach(store_list(sb->store, KIND_INSTANCE), i, record)
    {
        if (rec_is(record, "_cluster", resource))
            add_detail(details, "db", record, KIND_INSTANCE);
    }
    json_array_foreach(store_list(sb->store, KIND_ENDPOINT), i, record)
    {
        if (rec_is(record, "_cluster", resource))
            add_detail(details, "cluster-endpoint", record, KIND_ENDPOINT);
    }
    return details;
}

static json_t *tasks_of(bool upgrade, bool endpoints)
{
    json_t *tasks = json_array();
    const char *names[] = {"CREATING_READ_REPLICA_OF_SOURCE", upgrade ? "DB_ENGINE_VERSION_UPGRADE" : NULL,
                           "CREATE_DB_INSTANCES_FOR_CLUSTER", endpoints ? "CREATE_CUSTOM_ENDPOINTS" : NULL};
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (names[i])
            (void)json_array_append_new(tasks,
                                        json_pack("{s:s, s:s}", "Name", names[i], "Status", "PENDING"));
    return tasks;
}

static json_t *new_deployment(struct call *c, const json_t *blue, const struct engine_version *to)
{
    char id[17], now[TIME_ISO_SIZE], version[VERSION_SIZE];
    const char *resource = rec_str(blue, "DbClusterResourceId");
    random_name(id, 16);
    sandbox_now(c->sb, now);
    (void)version_text(to, version);
    bool endpoints = store_find_by(c->sb->store, KIND_ENDPOINT, "_cluster", resource) != NULL;
    json_t *d = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:o, s:o, s:[]}", "BlueGreenDeploymentName",
                          rec_str(c->in, "BlueGreenDeploymentName"), "Source", rec_str(blue, "DBClusterArn"),
                          "Status", "PROVISIONING", "CreateTime", now, "_blue", resource, "_from",
                          rec_str(blue, "EngineVersion"), "_to", version, "SwitchoverDetails",
                          details_of(c->sb, blue), "Tasks",
                          tasks_of(!rec_is(blue, "EngineVersion", version), endpoints), "TagList");
    rec_printf(d, "BlueGreenDeploymentIdentifier", "bgd-%s", id);
    rec_set_bool(d, "_new_major", to->major != rec_int(blue, "_major"));
    if (rec_has(c->in, "Tags"))
        rec_set(d, "TagList", json_deep_copy(rec_get(c->in, "Tags")));
    rec_copy(d, c->in, "TargetDBClusterParameterGroupName");
    rec_copy(d, c->in, "TargetDBParameterGroupName");
    rec_copy(d, c->in, "TargetDBInstanceClass");
    store_set_arn(c->sb->store, KIND_BLUEGREEN, d);
    return store_add(c->sb->store, KIND_BLUEGREEN, d);
}

/* Checks the records, asks the server how many databases there are, checks again: somebody may have been
 * quicker. */
static bool create_deployment(struct call *c)
{
    json_t *blue = NULL;
    const struct engine_version *to = NULL;
    const char **names;
    char resource[RESOURCE_SIZE] = "";
    size_t databases = 0;
    struct err e = ERR_INIT;
    sandbox_lock(c->sb);
    bool ok = check_create(c, &blue, &to);
    (void)snprintf(resource, sizeof resource, "%s", rec_str(blue, "DbClusterResourceId"));
    sandbox_unlock(c->sb);
    if (ok && !volume_databases(c->sb->engine, c->arena, resource, &names, &databases, &e))
        ok = fault_set(&c->fault, "InternalFailure", "%s", e.text);
    if (!ok)
        return false;
    sandbox_lock(c->sb);
    ok = check_create(c, &blue, &to) && to && check_capacity(c, blue, databases);
    if (ok) {
        const json_t *d = new_deployment(c, blue, to);
        job_start(c->sb, &JOB_BG_CREATE,
                  json_pack("{s:s}", "deployment", rec_str(d, "BlueGreenDeploymentIdentifier")));
        rec_set(c->out, "BlueGreenDeployment", view_deployment(c->sb, d));
    }
    sandbox_unlock(c->sb);
    return ok;
}

/* ---- describe ---- */

static const struct member DESCRIBE_IN[] = {STR("BlueGreenDeploymentIdentifier"), DESCRIBE_MEMBERS,
                                            SHAPE_END_ROW};
static const struct member DESCRIBE_OUT[] = {LIST_OF("BlueGreenDeployments", "member", SHAPE_BLUEGREEN),
                                             STR("Marker"), SHAPE_END_ROW};
static const struct filter_row BLUEGREEN_FILTERS[] = {
    {"blue-green-deployment-identifier", "BlueGreenDeploymentIdentifier", false},
    {"blue-green-deployment-name", "BlueGreenDeploymentName", false},
    {"source", "Source", false},
    {"target", "Target", false},
    {0},
};
static const struct describe DESCRIBE_BLUEGREEN = {
    .kind = KIND_BLUEGREEN,
    .by_id = "BlueGreenDeploymentIdentifier",
    .result = "BlueGreenDeployments",
    .filters = BLUEGREEN_FILTERS,
    .view = view_deployment,
};

/* ---- switchover ---- */

static const struct member SWITCH_IN[] = {STR_REQUIRED("BlueGreenDeploymentIdentifier"),
                                          INT("SwitchoverTimeout"), SHAPE_END_ROW};

static bool invalid_state(struct call *c, const json_t *d)
{
    return fault_set(&c->fault, "InvalidBlueGreenDeploymentStateFault",
                     "Blue/Green Deployment %s is in the %s state.",
                     rec_str(d, "BlueGreenDeploymentIdentifier"), rec_str(d, "Status"));
}

/* Both clusters and all their instances must be available. */
static bool check_available(struct call *c, const char *resource)
{
    size_t i;
    json_t *instance;
    const json_t *cluster = store_resource(c->sb->store, KIND_CLUSTER, resource);
    if (!rec_is(cluster, "Status", "available"))
        return fault_set(&c->fault, "InvalidBlueGreenDeploymentStateFault",
                         "DB cluster %s is not in available state", rec_str(cluster, "DBClusterIdentifier"));
    json_array_foreach(store_list(c->sb->store, KIND_INSTANCE), i, instance)
    {
        if (rec_is(instance, "_cluster", resource) && !rec_is(instance, "DBInstanceStatus", "available"))
            return fault_set(&c->fault, "InvalidBlueGreenDeploymentStateFault",
                             "DB instance %s is not in available state",
                             rec_str(instance, "DBInstanceIdentifier"));
    }
    return cluster_writer(c->sb, cluster) != NULL ||
           fault_set(&c->fault, "InvalidBlueGreenDeploymentStateFault", "DB cluster %s has no DB instance",
                     rec_str(cluster, "DBClusterIdentifier"));
}

static bool switchover(struct call *c)
{
    json_t *d = need(c, KIND_BLUEGREEN, "BlueGreenDeploymentIdentifier");
    int64_t timeout = rec_has(c->in, "SwitchoverTimeout") ? rec_int(c->in, "SwitchoverTimeout") : 300;
    if (!d)
        return false;
    if (timeout < 30 || timeout > 3600)
        return fault_set(&c->fault, "InvalidParameterValue",
                         "Invalid switchover timeout: %lld. Must be between 30 and 3600 seconds.",
                         (long long)timeout);
    if (!rec_is(d, "Status", "AVAILABLE"))
        return invalid_state(c, d);
    if (!check_available(c, rec_str(d, "_blue")) || !check_available(c, rec_str(d, "_green")))
        return false;
    rec_set_str(d, "Status", "SWITCHOVER_IN_PROGRESS");
    rec_unset(d, "StatusDetails");
    job_start(c->sb, &JOB_BG_SWITCH,
              json_pack("{s:s, s:I}", "deployment", rec_str(d, "BlueGreenDeploymentIdentifier"), "timeout",
                        (json_int_t)timeout));
    rec_set(c->out, "BlueGreenDeployment", view_deployment(c->sb, d));
    return true;
}

/* ---- delete ---- */

static const struct member DELETE_IN[] = {STR_REQUIRED("BlueGreenDeploymentIdentifier"), BOOL("DeleteTarget"),
                                          SHAPE_END_ROW};

static bool delete_deployment(struct call *c)
{
    json_t *d = need(c, KIND_BLUEGREEN, "BlueGreenDeploymentIdentifier");
    bool target = rec_bool(c->in, "DeleteTarget"), done = rec_is(d, "Status", "SWITCHOVER_COMPLETED");
    char now[TIME_ISO_SIZE];
    if (!d)
        return false;
    if (!done && !rec_is(d, "Status", "AVAILABLE") && !rec_is(d, "Status", "INVALID_CONFIGURATION") &&
        !rec_is(d, "Status", "SWITCHOVER_FAILED"))
        return invalid_state(c, d);
    if (target && done)
        return fault_set(
            &c->fault, "InvalidBlueGreenDeploymentStateFault",
            "You can't specify DeleteTarget if the Blue/Green Deployment status is SWITCHOVER_COMPLETED.");
    const json_t *green = store_resource(c->sb->store, KIND_CLUSTER, rec_str(d, "_green"));
    if (target && rec_bool(green, "DeletionProtection"))
        return fault_set(
            &c->fault, "InvalidParameterCombination",
            "Cannot delete protected Cluster, please disable deletion protection and try again.");
    sandbox_now(c->sb, now);
    rec_set_str(d, "Status", "DELETING");
    rec_set_str(d, "DeleteTime", now);
    json_t *args = json_pack("{s:s}", "deployment", rec_str(d, "BlueGreenDeploymentIdentifier"));
    rec_set_bool(args, "target", target);
    job_start(c->sb, &JOB_BG_DELETE, args);
    rec_set(c->out, "BlueGreenDeployment", view_deployment(c->sb, d));
    return true;
}

const struct op OPS_BLUEGREEN[] = {
    {"rds", "CreateBlueGreenDeployment", CREATE_IN, RESULT_BLUEGREEN, .run = create_deployment,
     .flags = OP_UNLOCKED},
    {"rds", "DescribeBlueGreenDeployments", DESCRIBE_IN, DESCRIBE_OUT, .describe = &DESCRIBE_BLUEGREEN,
     .flags = OP_READS},
    {"rds", "SwitchoverBlueGreenDeployment", SWITCH_IN, RESULT_BLUEGREEN, .run = switchover},
    {"rds", "DeleteBlueGreenDeployment", DELETE_IN, RESULT_BLUEGREEN, .run = delete_deployment},
    {0},
};
