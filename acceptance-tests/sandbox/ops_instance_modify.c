/* ModifyDBInstance: settings at once, groups, class and name through a job. */
#include "acceptance-tests/sandbox/check.h"
#include "acceptance-tests/sandbox/events.h"
#include "acceptance-tests/sandbox/instance.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

static const struct member MODIFY_IN[] = {
    STR_REQUIRED("DBInstanceIdentifier"),
    STR("NewDBInstanceIdentifier"),
    STR("DBInstanceClass"),
    BOOL("ApplyImmediately"),
    STR("DBParameterGroupName"),
    STR("PreferredMaintenanceWindow"),
    STR("EngineVersion"),
    BOOL("AutoMinorVersionUpgrade"),
    STR("CACertificateIdentifier"),
    BOOL("CopyTagsToSnapshot"),
    INT("MonitoringInterval"),
    STR("MonitoringRoleArn"),
    BOOL("PubliclyAccessible"),
    INT("PromotionTier"),
    BOOL("EnablePerformanceInsights"),
    STR("PerformanceInsightsKMSKeyId"),
    INT("PerformanceInsightsRetentionPeriod"),
    SHAPE_END_ROW,
};

/* What waits for the window without ApplyImmediately, as PendingModifiedValues shows it. */
static const struct deferred {
    const char *request, *pending;
} DEFERRED[] = {
    {"DBInstanceClass", "DBInstanceClass"},
    {"NewDBInstanceIdentifier", "DBInstanceIdentifier"},
    {"CACertificateIdentifier", "CACertificateIdentifier"},
};

static bool check_modify(struct call *c, const json_t *instance, const json_t *cluster)
{
    const char *name = rec_str(c->in, "NewDBInstanceIdentifier");
    const char *family = arena_printf(c->arena, FAMILY_PREFIX "%lld", (long long)rec_int(cluster, "_major"));
    if (rec_has(c->in, "EngineVersion") && !rec_is(c->in, "EngineVersion", rec_str(cluster, "EngineVersion")))
        return fault_set(
            &c->fault, "InvalidParameterCombination",
            "The specified DB Instance is a member of a cluster. Modify engine version for the DB Cluster "
            "using the ModifyDbCluster API");
    if (*name && !check_identifier(c, "NewDBInstanceIdentifier"))
        return false;
    if (*name && store_find(c->sb->store, KIND_INSTANCE, name) != NULL &&
        store_find(c->sb->store, KIND_INSTANCE, name) != instance)
        return fault_set(&c->fault, "DBInstanceAlreadyExists", "DB instance already exists");
    if (rec_has(c->in, "DBParameterGroupName") &&
        !check_group(c, KIND_INSTANCE_GROUP, rec_str(c->in, "DBParameterGroupName"), family))
        return false;
    return instance_check_settings(c, cluster);
}

/* Moves what waits out of the request; gives the changes that a job makes now, or NULL. */
static json_t *sort_deferred(struct call *c, json_t *instance)
{
    json_t *pending = json_object(), *now = json_object();
    bool immediately = rec_bool(c->in, "ApplyImmediately");
    for (size_t i = 0; i < ARRAY_LEN(DEFERRED); i++) {
        if (!rec_has(c->in, DEFERRED[i].request))
            continue;
        rec_set_str(pending, DEFERRED[i].pending, rec_str(c->in, DEFERRED[i].request));
        if (immediately)
            rec_copy(now, c->in, DEFERRED[i].request);
        rec_unset(c->in, DEFERRED[i].request);
    }
    bool any = json_object_size(now) > 0;
    if (json_object_size(pending) > 0)
        rec_set(instance, "PendingModifiedValues", pending);
    else
        json_decref(pending);
    if (!any)
        json_decref(now);
    return any ? now : NULL;
}

static void take_group(struct call *c, json_t *instance)
{
    const char *group = rec_str(c->in, "DBParameterGroupName");
    if (!*group || rec_same(instance, "_group", group))
        return;
    rec_set_str(instance, "_group", group);
    rec_set_str(instance, "_group_status", "applying");
    rec_set_str(instance, "_group_next", "pending-reboot");
    job_start(c->sb, &JOB_PARAMETERS, instance_job_args(instance));
}

static bool modify_instance(struct call *c)
{
    json_t *instance = need(c, KIND_INSTANCE, "DBInstanceIdentifier");
    if (!instance || !check_instance_ready(c, instance))
        return false;
    json_t *cluster = store_resource(c->sb->store, KIND_CLUSTER, rec_str(instance, "_cluster"));
    if (!check_modify(c, instance, cluster))
        return false;
    json_t *now = sort_deferred(c, instance), *args = instance_job_args(instance);
    bool monitoring = rec_has(c->in, "MonitoringInterval") || rec_has(c->in, "EnablePerformanceInsights");
    instance_take(instance, c->in);
    take_group(c, instance);
    rec_set(args, "changes", now);
    if (now || monitoring)
        job_start(c->sb, &JOB_INSTANCE_MODIFY, args);
    else
        json_decref(args);
    rec_set(c->out, "DBInstance", view_instance(c->sb, instance));
    return true;
}

/* ---- the job ---- */

static bool show_modifying(struct job *j, struct err *e)
{
    (void)e;
    sandbox_lock(j->sb);
    bool renames = rec_has(rec_get(j->args, "changes"), "NewDBInstanceIdentifier");
    sandbox_unlock(j->sb);
    job_instance_status(j, renames ? "renaming" : "modifying");
    return true;
}

static bool wait_as_needed(struct job *j, struct err *e)
{
    sandbox_lock(j->sb);
    bool renames = rec_has(rec_get(j->args, "changes"), "NewDBInstanceIdentifier");
    sandbox_unlock(j->sb);
    return job_delay(j, renames ? DELAY_INSTANCE_RENAME : DELAY_INSTANCE_MODIFY, e);
}

struct outcome {
    const char *old_name; /* NULL: not renamed */
    bool restart;
};

/* The name asked for, as RDS stores it; "" if none. */
static const char *new_name(struct job *j, struct arena *a)
{
    sandbox_lock(j->sb);
    char *name = arena_strdup(a, rec_str(rec_get(j->args, "changes"), "NewDBInstanceIdentifier"));
    sandbox_unlock(j->sb);
    for (char *p = name; *p; p++)
        *p = (char)tolower((unsigned char)*p);
    return name;
}

/* Name and address change together: whenever our process is killed, both are on record or neither. */
static struct outcome change_record(struct job *j, struct arena *a, const char *name, const char *address)
{
    struct outcome o = {0};
    json_t *instance = job_instance(j), *changes = rec_get(j->args, "changes");
    if (!instance)
        return o;
    instance_take(instance, changes);
    o.restart = changes && rec_bool(instance, "_writer");
    if (*name && !rec_is(instance, "DBInstanceIdentifier", name)) {
        o.old_name = arena_strdup(a, rec_str(instance, "DBInstanceIdentifier"));
        rec_set_str(instance, "DBInstanceIdentifier", name);
        rec_set_str(instance, "_address", address);
        store_set_arn(j->sb->store, KIND_INSTANCE, instance);
        event_add(j->sb, KIND_INSTANCE, instance, "notification", "Renamed instance from %s to %s",
                  o.old_name, name);
    }
    rec_unset(instance, "PendingModifiedValues");
    if (changes) {
        rec_set_str(instance, "_cluster_group_status", "in-sync");
        rec_set_str(instance, "_group_status", "in-sync");
    }
    return o;
}

static bool apply(struct job *j, struct err *e)
{
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    char resource[RESOURCE_SIZE];
    const char *name = new_name(j, a), *address = "";
    (void)job_arg(j, "cluster", resource, sizeof resource);
    if (*name &&
        !endpoint_address(j->sb->engine, a, endpoint_key(a, ENDPOINT_OF_INSTANCE, name), &address, e))
        return false;
    sandbox_lock(j->sb);
    struct outcome o = change_record(j, a, name, address);
    sandbox_unlock(j->sb);
    if (o.old_name)
        endpoint_remove(j->sb->engine, endpoint_key(a, ENDPOINT_OF_INSTANCE, o.old_name));
    if (o.restart && (!volume_stop(j->sb->engine, resource, e) || !cluster_start(j->sb, resource, e)))
        return false;
    return cluster_point_endpoints(j->sb, resource, e);
}

static bool show_available(struct job *j, struct err *e)
{
    (void)e;
    job_instance_status(j, "available");
    return true;
}

static void modify_failed(struct job *j, const struct err *e)
{
    sandbox_lock(j->sb);
    json_t *instance = job_instance(j);
    if (instance) {
        rec_set_str(instance, "DBInstanceStatus", "failed");
        event_add(j->sb, KIND_INSTANCE, instance, "failure", "Unable to modify DB instance: %s", e->text);
    }
    sandbox_save(j->sb);
    sandbox_unlock(j->sb);
}

static const struct job_step MODIFY_STEPS[] = {
    {"show modifying", DELAY_INSTANCE_MODIFY_LAG, show_modifying},
    {"wait", DELAY_NONE, wait_as_needed},
    {"apply", DELAY_NONE, apply},
    {"show available", DELAY_INSTANCE_REBOOT, show_available},
    {0},
};
const struct job_kind JOB_INSTANCE_MODIFY = {"instance-modify", MODIFY_STEPS, modify_failed};

const struct op OPS_INSTANCE_MODIFY[] = {
    {"rds", "ModifyDBInstance", MODIFY_IN, RESULT_INSTANCE, .run = modify_instance},
    {0},
};
