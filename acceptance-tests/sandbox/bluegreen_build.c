/* Building green: the record and the real copy, its upgrade, instances, custom endpoints; then watching that
 * replication stays sound. */
#include "acceptance-tests/sandbox/bluegreen.h"
#include "acceptance-tests/sandbox/endpoint.h"
#include "acceptance-tests/sandbox/events.h"
#include "acceptance-tests/sandbox/instance.h"
#include "acceptance-tests/sandbox/upgrade.h"
#include "internal/base/file.h"

#include <stdio.h>
#include <string.h>

json_t *job_deployment(struct job *j)
{
    return store_find(j->sb->store, KIND_BLUEGREEN, rec_str(j->args, "deployment"));
}

bool job_sides(struct job *j, struct bluegreen_sides *ret, struct err *e)
{
    sandbox_lock(j->sb);
    const json_t *d = job_deployment(j);
    (void)snprintf(ret->id, sizeof ret->id, "%s", rec_str(d, "BlueGreenDeploymentIdentifier"));
    (void)snprintf(ret->blue, sizeof ret->blue, "%s", rec_str(d, "_blue"));
    (void)snprintf(ret->green, sizeof ret->green, "%s", rec_str(d, "_green"));
    sandbox_unlock(j->sb);
    return d || err_set(e, ERR_NOT_FOUND, "the deployment is gone");
}

static void set_task(json_t *deployment, const char *name, const char *status)
{
    size_t i;
    json_t *task;
    json_array_foreach(rec_get(deployment, "Tasks"), i, task)
    {
        if (rec_is(task, "Name", name))
            rec_set_str(task, "Status", status);
    }
}

void bluegreen_details_status(json_t *deployment, const char *status)
{
    size_t i;
    json_t *detail;
    json_array_foreach(rec_get(deployment, "SwitchoverDetails"), i, detail)
    {
        rec_set_str(detail, "Status", status);
    }
}

static void job_task(struct job *j, const char *name, const char *status)
{
    sandbox_lock(j->sb);
    json_t *d = job_deployment(j);
    if (d)
        set_task(d, name, status);
    sandbox_save(j->sb);
    sandbox_unlock(j->sb);
}

/* "<name>-green-xxxxxx", a suffix of its own for every member; long names are cut to fit 63 characters. */
static const char *green_name(struct arena *a, const char *name)
{
    enum { IDENTIFIER_MAX = 63, SUFFIX = 13 };
    char suffix[7];
    random_name(suffix, 6);
    int n = (int)strlen(name);
    int room = IDENTIFIER_MAX - SUFFIX;
    while (n > room || (n > 0 && name[n - 1] == '-'))
        n--;
    return arena_printf(a, "%.*s-green-%s", n, name, suffix);
}

static json_t *detail_of(const json_t *d, const char *source)
{
    size_t i;
    json_t *detail;
    json_array_foreach(rec_get(d, "SwitchoverDetails"), i, detail)
    {
        if (rec_is(detail, "_source", source))
            return detail;
    }
    return NULL;
}

static void set_target(json_t *d, const char *source, enum kind kind, const json_t *record)
{
    json_t *detail = detail_of(d, source);
    if (detail) {
        rec_set_str(detail, "TargetMember", rec_str(record, KINDS[kind].arn));
        rec_set_str(detail, "_target", rec_str(record, KINDS[kind].resource));
    }
}

/* ---- the green cluster's record ---- */

static const char *group_for_green(struct arena *a, const json_t *d, const char *given, const char *blues)
{
    char family[32];
    struct version to;
    if (rec_has(d, given))
        return rec_str(d, given);
    if (!rec_bool(d, "_new_major") || !version_parse(rec_str(d, "_to"), &to))
        return blues; /* the same major: blue's own group fits */
    (void)snprintf(family, sizeof family, FAMILY_PREFIX "%d", to.major);
    return default_group(a, family);
}

/* Blue's settings under a name of its own; roles are not carried (Aurora User Guide). */
static json_t *new_green(struct sandbox *sb, struct arena *a, const json_t *d, json_t *blue, const char *name)
{
    static const char *const OWN[] = {"DBClusterIdentifier",  "DBClusterArn",
                                      "DbClusterResourceId",  "Status",
                                      "ClusterCreateTime",    "EarliestRestorableTime",
                                      "LatestRestorableTime", "PendingModifiedValues",
                                      "AssociatedRoles",      "ReadReplicaIdentifiers",
                                      "EngineVersion",        "_major",
                                      "CloneGroupId",         "_volume"};
    json_t *green = json_deep_copy(blue), *fresh = cluster_new(sb, name, rec_str(d, "_to"));
    for (size_t i = 0; i < ARRAY_LEN(OWN); i++)
        rec_copy(green, fresh, OWN[i]);
    json_decref(fresh);
    rec_set_str(
        green, "DBClusterParameterGroup",
        group_for_green(a, d, "TargetDBClusterParameterGroupName", rec_str(blue, "DBClusterParameterGroup")));
    rec_set_str(green, "ReplicationSourceIdentifier", rec_str(blue, "DBClusterArn"));
    (void)json_array_append_new(rec_list(blue, "ReadReplicaIdentifiers"),
                                json_string(rec_str(green, "DBClusterArn")));
    if (rec_has(green, "ServerlessV2ScalingConfiguration"))
        rec_set_str(green, "ServerlessV2PlatformVersion", "4");
    return store_add(sb->store, KIND_CLUSTER, green);
}

static bool begin(struct job *j, struct err *e)
{
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    struct bluegreen_sides s;
    const char *writer, *reader;
    if (!job_sides(j, &s, e))
        return false;
    if (*s.green)
        return true;
    sandbox_lock(j->sb);
    const json_t *blue = store_resource(j->sb->store, KIND_CLUSTER, s.blue);
    const char *name = green_name(a, rec_str(blue, "DBClusterIdentifier"));
    sandbox_unlock(j->sb);
    if (!cluster_addresses(j->sb, a, name, &writer, &reader, e))
        return false;
    sandbox_lock(j->sb);
    json_t *d = job_deployment(j), *source = store_resource(j->sb->store, KIND_CLUSTER, s.blue);
    if (d && source) {
        json_t *green = new_green(j->sb, a, d, source, name);
        rec_set_str(green, "Endpoint", writer);
        rec_set_str(green, "ReaderEndpoint", reader);
        rec_set_str(d, "_green", rec_str(green, "DbClusterResourceId"));
        rec_set_str(d, "Target", rec_str(green, "DBClusterArn"));
        set_target(d, s.blue, KIND_CLUSTER, green);
        set_task(d, "CREATING_READ_REPLICA_OF_SOURCE", "IN_PROGRESS");
    }
    sandbox_unlock(j->sb);
    return (d && source) || err_set(e, ERR_NOT_FOUND, "the source cluster is gone");
}

/* ---- the copy ---- */

static void tell_long_transaction(struct job *j, const char *blue)
{
    sandbox_lock(j->sb);
    const json_t *cluster = store_resource(j->sb->store, KIND_CLUSTER, blue);
    if (cluster)
        event_add(
            j->sb, KIND_CLUSTER, cluster, "notification",
            "RDS can't configure the DB cluster %s as a replication source because of idle or long-running "
            "transactions.",
            rec_str(cluster, "DBClusterIdentifier"));
    sandbox_save(j->sb);
    sandbox_unlock(j->sb);
}

static bool wait_for_quiet(struct job *j, struct err *e)
{
    enum { ATTEMPTS = 20 };
    struct bluegreen_sides s;
    bool open = true;
    if (!job_sides(j, &s, e))
        return false;
    for (int i = 0; i < ATTEMPTS; i++) {
        if (!bluegreen_long_transaction(j->sb, s.blue, &open, e))
            return false;
        if (!open)
            return true;
        tell_long_transaction(j, s.blue);
        if (!job_delay(j, DELAY_BG_CREATE_RETRY, e))
            return false;
    }
    return err_set(e, ERR_CONFLICT, "idle or long-running transactions on the blue environment");
}

static bool remember_catalogues(struct job *j, struct err *e)
{
    struct bluegreen_sides s;
    json_t *prints = NULL;
    if (!job_sides(j, &s, e) || !bluegreen_fingerprints(j->sb, s.blue, &prints, e))
        return false;
    sandbox_lock(j->sb);
    json_t *d = job_deployment(j);
    if (d)
        rec_set(d, "_fingerprints", prints);
    else
        json_decref(prints);
    sandbox_unlock(j->sb);
    return true;
}

static void note_built(struct job *j)
{
    sandbox_lock(j->sb);
    const json_t *d = job_deployment(j);
    json_t *green = store_resource(j->sb->store, KIND_CLUSTER, rec_str(d, "_green"));
    if (green)
        rec_set_bool(green, "_volume", true);
    sandbox_unlock(j->sb);
}

static bool build(struct job *j, struct err *e)
{
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    struct bluegreen_sides s;
    const char *folder;
    struct engine_param *params = NULL;
    size_t n = 0;
    int major = 0;
    const char *version = "";
    if (!job_sides(j, &s, e) || !upgrade_log_folder(j->sb, a, s.green, &folder, e))
        return false;
    sandbox_lock(j->sb);
    const json_t *green = store_resource(j->sb->store, KIND_CLUSTER, s.green);
    if (green) {
        cluster_params(j->sb, a, green, &params, &n);
        major = (int)rec_int(green, "_major");
        version = arena_strdup(a, rec_str(green, "EngineVersion"));
    }
    sandbox_unlock(j->sb);
    /* what a killed process was building follows nobody, or not all of blue */
    bool ok = (volume_major(j->sb->engine, s.green) == 0 || volume_delete(j->sb->engine, s.green, e)) &&
              bluegreen_build(j->sb->engine, s.blue, s.green, major, params, n, folder, e) &&
              volume_set_label(j->sb->engine, s.green, version, e);
    if (ok)
        note_built(j);
    return ok || err_wrap(e, "build the green environment");
}

static bool upgrade_task(struct job *j, struct err *e)
{
    (void)e;
    job_task(j, "CREATING_READ_REPLICA_OF_SOURCE", "COMPLETED");
    job_task(j, "DB_ENGINE_VERSION_UPGRADE", "IN_PROGRESS");
    sandbox_lock(j->sb);
    const json_t *d = job_deployment(j);
    bool upgrade = d && !rec_is(d, "_from", rec_str(d, "_to"));
    json_t *green = store_resource(j->sb->store, KIND_CLUSTER, rec_str(d, "_green"));
    if (green && upgrade)
        rec_set_str(green, "Status", "upgrading");
    sandbox_unlock(j->sb);
    if (upgrade && !job_delay(j, DELAY_BG_UPGRADE, e))
        return false;
    job_task(j, "DB_ENGINE_VERSION_UPGRADE", "COMPLETED");
    job_task(j, "CREATE_DB_INSTANCES_FOR_CLUSTER", "IN_PROGRESS");
    return true;
}

/* ---- instances ---- */

static json_t *new_twin(struct sandbox *sb, struct arena *a, const json_t *d, const json_t *blue,
                        const json_t *green)
{
    static const char *const OWN[] = {"DBInstanceIdentifier",
                                      "DBInstanceArn",
                                      "DbiResourceId",
                                      "DBInstanceStatus",
                                      "InstanceCreateTime",
                                      "_cluster",
                                      "_cluster_group_status",
                                      "_group_status",
                                      "PendingModifiedValues",
                                      "_maintenance",
                                      "_address",
                                      "_cluster_group_next",
                                      "_group_next"};
    json_t *twin = json_deep_copy(blue);
    json_t *fresh = instance_new(sb, green, green_name(a, rec_str(blue, "DBInstanceIdentifier")));
    for (size_t i = 0; i < ARRAY_LEN(OWN); i++)
        rec_copy(twin, fresh, OWN[i]);
    json_decref(fresh);
    rec_set_str(twin, "_group", group_for_green(a, d, "TargetDBParameterGroupName", rec_str(blue, "_group")));
    if (rec_has(d, "TargetDBInstanceClass"))
        rec_set_str(twin, "DBInstanceClass", rec_str(d, "TargetDBInstanceClass"));
    return store_add(sb->store, KIND_INSTANCE, twin);
}

/* A twin that has no address yet: its process was killed. */
static const json_t *unfinished_twin(struct job *j, const json_t *detail)
{
    const json_t *twin = store_resource(j->sb->store, KIND_INSTANCE, rec_str(detail, "_target"));
    return twin && !rec_has(twin, "_address") ? twin : NULL;
}

/* The next of blue's instances without a complete twin; false: all have one. */
static bool make_twin(struct job *j, struct arena *a, char ret_id[RESOURCE_SIZE])
{
    bool made = false;
    sandbox_lock(j->sb);
    json_t *d = job_deployment(j), *detail;
    const json_t *green = store_resource(j->sb->store, KIND_CLUSTER, rec_str(d, "_green"));
    size_t i;
    json_array_foreach(rec_get(d, "SwitchoverDetails"), i, detail)
    {
        const json_t *blue = store_resource(j->sb->store, KIND_INSTANCE, rec_str(detail, "_source"));
        const json_t *twin = unfinished_twin(j, detail);
        if (made || !green || !blue || !rec_is(detail, "_kind", "db") ||
            (rec_has(detail, "_target") && !twin))
            continue;
        if (!twin) {
            twin = new_twin(j->sb, a, d, blue, green);
            set_target(d, rec_str(detail, "_source"), KIND_INSTANCE, twin);
        }
        (void)snprintf(ret_id, RESOURCE_SIZE, "%s", rec_str(twin, "DbiResourceId"));
        made = true;
    }
    sandbox_save(j->sb);
    sandbox_unlock(j->sb);
    return made;
}

static bool make_instances(struct job *j, struct err *e)
{
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    struct bluegreen_sides s;
    char twin[RESOURCE_SIZE];
    if (!job_sides(j, &s, e))
        return false;
    while (make_twin(j, a, twin)) {
        if (!job_delay(j, DELAY_BG_INSTANCES, e) || !instance_address(j->sb, twin, e))
            return false;
        sandbox_lock(j->sb);
        json_t *record = store_resource(j->sb->store, KIND_INSTANCE, twin);
        if (record)
            rec_set_str(record, "DBInstanceStatus", "available");
        sandbox_save(j->sb);
        sandbox_unlock(j->sb);
        if (!cluster_point_endpoints(j->sb, s.green, e))
            return false;
    }
    job_task(j, "CREATE_DB_INSTANCES_FOR_CLUSTER", "COMPLETED");
    return true;
}

/* ---- custom endpoints ---- */

/* Members by green's names. */
static json_t *translated(struct sandbox *sb, const json_t *d, const json_t *names)
{
    json_t *out = json_array(), *name;
    size_t i;
    json_array_foreach(names, i, name)
    {
        const json_t *blue = store_find(sb->store, KIND_INSTANCE, json_string_value(name));
        const json_t *detail = detail_of(d, rec_str(blue, "DbiResourceId"));
        const json_t *twin = store_resource(sb->store, KIND_INSTANCE, rec_str(detail, "_target"));
        if (twin)
            (void)json_array_append_new(out, json_string(rec_str(twin, "DBInstanceIdentifier")));
    }
    return out;
}

static bool name_endpoint(struct job *j, struct arena *a, const char **ret_source, const char **ret_name)
{
    *ret_source = NULL;
    sandbox_lock(j->sb);
    const json_t *d = job_deployment(j);
    size_t i;
    json_t *detail;
    json_array_foreach(rec_get(d, "SwitchoverDetails"), i, detail)
    {
        const json_t *blue = store_resource(j->sb->store, KIND_ENDPOINT, rec_str(detail, "_source"));
        if (*ret_source || !blue || !rec_is(detail, "_kind", "cluster-endpoint") ||
            rec_has(detail, "_target"))
            continue;
        *ret_source = arena_strdup(a, rec_str(detail, "_source"));
        *ret_name = green_name(a, rec_str(blue, "DBClusterEndpointIdentifier"));
    }
    sandbox_unlock(j->sb);
    return *ret_source != NULL;
}

static void add_endpoint(struct job *j, const char *source, const char *name, const char *address)
{
    sandbox_lock(j->sb);
    json_t *d = job_deployment(j);
    const json_t *blue = store_resource(j->sb->store, KIND_ENDPOINT, source);
    const json_t *green = store_resource(j->sb->store, KIND_CLUSTER, rec_str(d, "_green"));
    if (blue && green) {
        json_t *endpoint = endpoint_new(j->sb, green, name, address);
        rec_copy(endpoint, blue, "CustomEndpointType");
        rec_copy(endpoint, blue, "TagList");
        rec_set(endpoint, "StaticMembers", translated(j->sb, d, rec_get(blue, "StaticMembers")));
        rec_set(endpoint, "ExcludedMembers", translated(j->sb, d, rec_get(blue, "ExcludedMembers")));
        rec_set_str(endpoint, "Status", "available");
        set_target(d, source, KIND_ENDPOINT, endpoint);
    }
    sandbox_save(j->sb);
    sandbox_unlock(j->sb);
}

static bool make_endpoints(struct job *j, struct err *e)
{
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    struct bluegreen_sides s;
    const char *source, *name, *address;
    if (!job_sides(j, &s, e))
        return false;
    job_task(j, "CREATE_CUSTOM_ENDPOINTS", "IN_PROGRESS");
    while (name_endpoint(j, a, &source, &name)) {
        if (!endpoint_address(j->sb->engine, a, endpoint_key(a, ENDPOINT_CUSTOM, name), &address, e) ||
            !job_delay(j, DELAY_BG_ENDPOINTS, e))
            return false;
        add_endpoint(j, source, name, address);
    }
    job_task(j, "CREATE_CUSTOM_ENDPOINTS", "COMPLETED");
    return cluster_point_endpoints(j->sb, s.green, e);
}

/* ---- done ---- */

/* The deployment says AVAILABLE a little before its members are, as AWS's does. */
static bool show_available(struct job *j, struct err *e)
{
    (void)e;
    sandbox_lock(j->sb);
    json_t *d = job_deployment(j);
    json_t *green = store_resource(j->sb->store, KIND_CLUSTER, rec_str(d, "_green"));
    if (d && green) {
        rec_set_str(green, "Status", "available");
        cluster_instances_status(j->sb, green, "storage-optimization");
        rec_set_str(d, "Status", "AVAILABLE");
        bluegreen_details_status(d, "AVAILABLE");
        event_add(
            j->sb, KIND_BLUEGREEN, d, "creation",
            "Blue/green deployment tasks completed. You can make more modifications to the green environment "
            "databases or switch over the deployment.");
    }
    sandbox_unlock(j->sb);
    return true;
}

static bool settle(struct job *j, struct err *e)
{
    (void)e;
    sandbox_lock(j->sb);
    const json_t *d = job_deployment(j);
    const json_t *green = store_resource(j->sb->store, KIND_CLUSTER, rec_str(d, "_green"));
    if (green)
        cluster_instances_status(j->sb, green, "available");
    if (d)
        job_start(j->sb, &JOB_BG_WATCH,
                  json_pack("{s:s}", "deployment", rec_str(d, "BlueGreenDeploymentIdentifier")));
    sandbox_unlock(j->sb);
    return true;
}

static void build_failed(struct job *j, const struct err *e)
{
    size_t i;
    json_t *task;
    sandbox_lock(j->sb);
    json_t *d = job_deployment(j);
    if (d) {
        rec_set_str(d, "Status", "INVALID_CONFIGURATION");
        rec_printf(d, "StatusDetails", "Creation of blue/green deployment failed because %s%s%s", e->text,
                   *e->said ? ": " : "", e->said);
        json_array_foreach(rec_get(d, "Tasks"), i, task)
        {
            if (rec_is(task, "Status", "IN_PROGRESS"))
                rec_set_str(task, "Status", "FAILED");
        }
        event_add(j->sb, KIND_BLUEGREEN, d, "failure", "%s.", rec_str(d, "StatusDetails"));
        json_t *green = store_resource(j->sb->store, KIND_CLUSTER, rec_str(d, "_green"));
        if (green)
            rec_set_str(green, "Status", "available");
    }
    sandbox_save(j->sb);
    sandbox_unlock(j->sb);
}

static const struct job_step BUILD_STEPS[] = {
    {"begin", DELAY_BG_TASK_LAG, begin},
    {"wait for long transactions", DELAY_NONE, wait_for_quiet},
    {"remember the catalogues", DELAY_NONE, remember_catalogues},
    {"build", DELAY_NONE, build},
    {"upgrade", DELAY_BG_REPLICA, upgrade_task},
    {"instances", DELAY_NONE, make_instances},
    {"endpoints", DELAY_NONE, make_endpoints},
    {"show it", DELAY_NONE, show_available},
    {"settle", DELAY_BG_SETTLE, settle},
    {0},
};
const struct job_kind JOB_BG_CREATE = {"bluegreen-create", BUILD_STEPS, build_failed};

/* ---- watching ---- */

/* Watched until it is switched over, broken or deleted; looked at only while it is AVAILABLE. */
static bool is_watched(struct job *j, bool *ret_look)
{
    sandbox_lock(j->sb);
    const json_t *d = job_deployment(j);
    *ret_look = rec_is(d, "Status", "AVAILABLE");
    bool watched = *ret_look || rec_is(d, "Status", "SWITCHOVER_IN_PROGRESS") ||
                   rec_is(d, "Status", "SWITCHOVER_FAILED");
    sandbox_unlock(j->sb);
    return watched;
}

/* `reason` is "": it goes on again. */
static void tell_health(struct job *j, const char *reason)
{
    sandbox_lock(j->sb);
    json_t *d = job_deployment(j);
    if (d && strcmp(rec_str(d, "_degraded"), reason) != 0) {
        rec_set_str(d, "_degraded", reason);
        if (*reason)
            event_add(j->sb, KIND_BLUEGREEN, d, "notification", "Replication degraded: %s", reason);
        else
            event_add(j->sb, KIND_BLUEGREEN, d, "notification",
                      "Replication recovered: the green environment follows the blue environment again.");
        sandbox_save(j->sb);
    }
    sandbox_unlock(j->sb);
}

static bool watch(struct job *j, struct err *e)
{
    enum { PAUSE_MS = 500 }; /* also at high speed leave the servers in peace */
    struct bluegreen_sides s;
    bool look = false;
    while (is_watched(j, &look)) {
        struct err why = ERR_INIT;
        bool is_seen = look && job_sides(j, &s, &why);
        bool is_fine = is_seen && bluegreen_degraded(j->sb, &s, &why);
        if ((is_fine || (is_seen && why.code == ERR_CONFLICT)) && is_watched(j, &look) && look)
            tell_health(j, is_fine ? "" : why.text);
        if (!job_delay(j, DELAY_BG_WATCH, e))
            return false;
        if (j->sb->clock->wait(j->sb->clock, j->sb->stop, PAUSE_MS))
            return err_set(e, ERR_CANCELLED, "the sandbox is stopping");
    }
    return true;
}

static const struct job_step WATCH_STEPS[] = {{"watch", DELAY_NONE, watch}, {0}};
const struct job_kind JOB_BG_WATCH = {"bluegreen-watch", WATCH_STEPS, NULL};
