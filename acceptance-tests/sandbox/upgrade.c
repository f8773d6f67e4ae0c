#include "acceptance-tests/sandbox/upgrade.h"

#include "acceptance-tests/sandbox/events.h"
#include "acceptance-tests/sandbox/snapshot.h"
#include "internal/base/file.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

/* ---- refusals of the call ---- */

static bool custom_without_new(struct call *c, const char *what, const char *group, const char *given)
{
    return strncmp(group, "default.", 8) == 0 || rec_has(c->in, given) ||
           fault_set(&c->fault, "InvalidParameterCombination",
                     "The current DB %s parameter group %s is custom. You must explicitly specify a new DB "
                     "%s parameter "
                     "group, either default or custom, for the engine version upgrade.",
                     what, group, what);
}

static bool check_groups(struct call *c, const json_t *cluster, const struct engine_version *to)
{
    char family[32];
    size_t i;
    json_t *instance;
    (void)version_family(to, family);
    if (!custom_without_new(c, "cluster", rec_str(cluster, "DBClusterParameterGroup"),
                            "DBClusterParameterGroupName"))
        return false;
    json_array_foreach(store_list(c->sb->store, KIND_INSTANCE), i, instance)
    {
        if (rec_is(instance, "_cluster", rec_str(cluster, "DbClusterResourceId")) &&
            !custom_without_new(c, "instance", rec_str(instance, "_group"), "DBInstanceParameterGroupName"))
            return false;
    }
    return (!rec_has(c->in, "DBClusterParameterGroupName") ||
            check_group(c, KIND_CLUSTER_GROUP, rec_str(c->in, "DBClusterParameterGroupName"), family)) &&
           (!rec_has(c->in, "DBInstanceParameterGroupName") ||
            check_group(c, KIND_INSTANCE_GROUP, rec_str(c->in, "DBInstanceParameterGroupName"), family));
}

static bool check_members(struct call *c, const json_t *cluster, const struct engine_version *to)
{
    size_t i;
    json_t *instance;
    if (!cluster_writer(c->sb, cluster))
        return fault_set(&c->fault, "InvalidDBClusterStateFault",
                         "Cannot modify engine version without a primary instance in DB cluster");
    json_array_foreach(store_list(c->sb->store, KIND_INSTANCE), i, instance)
    {
        if (!rec_is(instance, "_cluster", rec_str(cluster, "DbClusterResourceId")))
            continue;
        const struct instance_class *k = class_find(rec_str(instance, "DBInstanceClass"));
        if (!rec_is(instance, "DBInstanceStatus", "available"))
            return fault_set(
                &c->fault, "InvalidDBInstanceState",
                "Unable to upgrade DB cluster %s because the instance %s has a status of %s. Resolve the "
                "issue or delete the instance and try again.",
                rec_str(cluster, "DBClusterIdentifier"), rec_str(instance, "DBInstanceIdentifier"),
                rec_str(instance, "DBInstanceStatus"));
        if (k && (to->major < k->first_major || to->major > k->last_major))
            return fault_set(
                &c->fault, "InvalidParameterCombination",
                "RDS does not support the following combination: DBInstanceClass=%s, Engine=" ENGINE_NAME
                ", EngineVersion=%d.%d",
                k->name, to->major, to->minor);
    }
    return true;
}

static bool check_capacity(struct call *c, const json_t *cluster, const struct engine_version *to)
{
    const json_t *range = rec_get(cluster, "ServerlessV2ScalingConfiguration");
    return !range || rec_real(range, "MinCapacity") >= version_serverless_min(to) ||
           fault_set(&c->fault, "InvalidParameterCombination",
                     "Serverless v2 minimum capacity %g isn't supported for engine version %d.%d.",
                     rec_real(range, "MinCapacity"), to->major, to->minor);
}

bool upgrade_check(struct call *c, const json_t *cluster, const struct engine_version **ret)
{
    const struct engine_version *from = version_find(c->sb, rec_str(cluster, "EngineVersion"));
    const struct engine_version *to = NULL;
    bool given = rec_has(c->in, "EngineVersion"), group = rec_has(c->in, "DBInstanceParameterGroupName");
    if (given && !(to = check_version(c, rec_str(c->in, "EngineVersion"))))
        return false;
    bool major = to && from && to->major != from->major;
    if (group && !(major && rec_bool(c->in, "AllowMajorVersionUpgrade")))
        return fault_set(
            &c->fault, "InvalidParameterCombination",
            "The db-instance-parameter-group-name can only be specified for a major version upgrade "
            "with allow-major-version-upgrade.");
    if (!to || to == from)
        return true;
    if (!from || !version_upgradable(from, to))
        return fault_set(&c->fault, "InvalidParameterCombination",
                         "Cannot upgrade " ENGINE_NAME " from %s to %s", rec_str(cluster, "EngineVersion"),
                         rec_str(c->in, "EngineVersion"));
    if (major && !rec_bool(c->in, "AllowMajorVersionUpgrade"))
        return fault_set(
            &c->fault, "InvalidParameterCombination",
            "The AllowMajorVersionUpgrade flag must be present when upgrading to a new major version.");
    if (!check_members(c, cluster, to) || !check_capacity(c, cluster, to) ||
        (major && !check_groups(c, cluster, to)))
        return false;
    *ret = to;
    return true;
}

void upgrade_start(struct call *c, json_t *cluster, const struct engine_version *to)
{
    char version[VERSION_SIZE];
    json_t *args = cluster_job_args(cluster);
    rec_set_str(args, "from", rec_str(cluster, "EngineVersion"));
    rec_set_str(args, "to", version_text(to, version));
    rec_copy(args, c->in, "DBClusterParameterGroupName");
    rec_copy(args, c->in, "DBInstanceParameterGroupName");
    rec_set_str(rec_get(cluster, "PendingModifiedValues"), "EngineVersion", version);
    job_start(c->sb, rec_int(cluster, "_major") != to->major ? &JOB_CLUSTER_UPGRADE : &JOB_CLUSTER_PATCH,
              args);
}

/* ---- prechecks ---- */

/* One condition, looked for in every database (or once); the text is AWS's where it is public. */
static const struct precheck {
    const char *name, *sql, *text;
    bool each_database;
} PRECHECKS[] = {
    {"logical-slots", "SELECT slot_name FROM pg_replication_slots WHERE slot_type = 'logical'",
     "The instance could not be upgraded because one or more databases have logical replication slots. "
     "Please drop "
     "all logical replication slots and try again.",
     false},
    {"prepared-transactions", "SELECT gid FROM pg_prepared_xacts",
     "The instance could not be upgraded because one or more databases have uncommitted prepared "
     "transactions. Please "
     "commit or rollback all prepared transactions and try again.",
     false},
    {"connections",
     "SELECT datname FROM pg_database WHERE (NOT datallowconn AND datname <> 'template0') OR datconnlimit = "
     "-2",
     "The instance could not be upgraded because one or more databases don't allow connections.", false},
    {"templates",
     "SELECT 1 WHERE (SELECT count(*) FROM pg_database WHERE datistemplate AND datname IN ('template0', "
     "'template1')) < 2",
     "The instance could not be upgraded because template0 or template1 is missing or isn't a template.",
     false},
    {"reg-types",
     "SELECT n.nspname || '.' || c.relname || '.' || a.attname FROM pg_attribute a JOIN pg_class c ON c.oid "
     "= a.attrelid "
     "JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'm', 'i') AND NOT "
     "a.attisdropped AND "
     "a.atttypid IN ('regproc'::regtype, 'regprocedure'::regtype, 'regoper'::regtype, "
     "'regoperator'::regtype, "
     "'regconfig'::regtype, 'regdictionary'::regtype, 'regcollation'::regtype, 'regnamespace'::regtype) AND "
     "n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname !~ '^pg_toast'",
     "The instance could not be upgraded because one or more databases use unsupported reg* data types in "
     "user tables. "
     "Please remove all usages of reg* data types and try again.",
     true},
    {"extensions-to-drop",
     "SELECT extname FROM pg_extension WHERE extname IN ('pg_repack', 'chkpass', 'tsearch2')",
     "The instance could not be upgraded because one or more databases have extensions installed that are "
     "not "
     "supported on the target database version. Please drop these extensions and try again.",
     true},
    {"extensions-to-update",
     "SELECT x.extname || ' ' || x.extversion FROM pg_extension x JOIN pg_available_extensions a ON a.name = "
     "x.extname WHERE x.extversion <> a.default_version AND x.extname IN ('pgrouting', 'postgis', "
     "'postgis_raster', 'postgis_tiger_geocoder', 'postgis_topology', 'address_standardizer', "
     "'address_standardizer_data_us', 'rdkit')",
     "The instance could not be upgraded because there are one or more databases with an older version of "
     "PostGIS extension or its dependent extensions installed. Please upgrade all installations of PostGIS "
     "and "
     "drop its dependent extensions and try again.",
     true},
};

static bool look(struct sandbox *sb, struct arena *a, const char *volume, const char *database,
                 const struct precheck *p, const char **ret, struct err *e)
{
    struct sql_result found = {0};
    if (!volume_sql(sb->engine, a, volume, database, p->sql, &found, e))
        return err_wrap(e, "precheck %s", p->name);
    if (found.rows > 0)
        *ret = arena_printf(a, "%s%s%s (%s)", p->text, p->each_database ? " Database: " : "",
                            p->each_database ? database : "", found.cell[0][0] ? found.cell[0][0] : "");
    return true;
}

bool upgrade_obstacle(struct sandbox *sb, struct arena *a, const char *volume, const char **ret,
                      struct err *e)
{
    const char **databases = NULL, *found = "";
    size_t n = 0;
    if (!volume_databases(sb->engine, a, volume, &databases, &n, e))
        return false;
    for (size_t i = 0; i < ARRAY_LEN(PRECHECKS) && !*found; i++) {
        size_t times = PRECHECKS[i].each_database ? n : 1;
        for (size_t d = 0; d < times && !*found; d++)
            if (!look(sb, a, volume, PRECHECKS[i].each_database ? databases[d] : "postgres", &PRECHECKS[i],
                      &found, e))
                return false;
    }
    *ret = found;
    return true;
}

/* ---- log files ---- */

bool upgrade_log_folder(struct sandbox *sb, struct arena *a, const char *resource, const char **ret,
                        struct err *e)
{
    const char *path =
        arena_printf(a, "%s/logs/%s/%lld", sb->state_dir, resource, (long long)sb->clock->wall_ms(sb->clock));
    if (!dir_make(path, e))
        return false;
    *ret = path;
    return true;
}

static bool write_precheck_log(struct job *j, struct arena *a, const char *folder, const char *text,
                               struct err *e)
{
    char now[TIME_ISO_SIZE];
    sandbox_now(j->sb, now);
    const char *content =
        arena_printf(a,
                     "------------------------------------------------------------------------\n"
                     "Upgrade could not be run on %s\n"
                     "------------------------------------------------------------------------\n%s\n",
                     now, text);
    return file_replace(arena_printf(a, "%s/pg_upgrade_precheck.log", folder), content, strlen(content), 0600,
                        e);
}

/* ---- the major upgrade ---- */

static void show_members(struct job *j, const char *cluster_status, const char *instance_status)
{
    sandbox_lock(j->sb);
    json_t *cluster = job_cluster(j);
    if (cluster) {
        rec_set_str(cluster, "Status", cluster_status);
        cluster_instances_status(j->sb, cluster, instance_status);
    }
    sandbox_save(j->sb);
    sandbox_unlock(j->sb);
}

static void tell(struct job *j, const char *category, const char *text)
{
    sandbox_lock(j->sb);
    json_t *cluster = job_cluster(j);
    if (cluster)
        event_add(j->sb, KIND_CLUSTER, cluster, category, "%s", text);
    sandbox_unlock(j->sb);
}

static bool begin_upgrade(struct job *j, struct err *e)
{
    (void)e;
    sandbox_lock(j->sb);
    const json_t *cluster = job_cluster(j);
    if (cluster)
        event_add(j->sb, KIND_CLUSTER, cluster, "maintenance",
                  "Upgrade preparation in progress: Starting online "
                  "upgrade prechecks for DB cluster %s.",
                  rec_str(cluster, "DBClusterIdentifier"));
    sandbox_unlock(j->sb);
    show_members(j, "upgrading", "upgrading");
    return true;
}

/* The parameters of the upgraded server: the new groups are put on record when the upgrade is done, so they
 * are worked out here from the job's arguments. */
static void new_params(struct job *j, struct arena *a, struct engine_param **ret, size_t *ret_n,
                       int *ret_major)
{
    sandbox_lock(j->sb);
    json_t *cluster = job_cluster(j);
    json_t *after = cluster ? json_deep_copy(cluster) : json_object();
    cluster_set_version(after, rec_str(j->args, "to"));
    rec_set_str(after, "DBClusterParameterGroup", rec_str(j->args, "DBClusterParameterGroupName"));
    rec_set_str(after, "_instance_group", rec_str(j->args, "DBInstanceParameterGroupName"));
    cluster_params(j->sb, a, after, ret, ret_n);
    *ret_major = (int)rec_int(after, "_major");
    json_decref(after);
    sandbox_unlock(j->sb);
}

static bool refuse_upgrade(struct job *j, struct arena *a, const char *folder, const char *reason,
                           struct err *e)
{
    struct err log = ERR_INIT;
    if (!write_precheck_log(j, a, folder, reason, &log))
        sandbox_warn("write the precheck log: %s", log.text);
    return err_set(e, ERR_CONFLICT, "PreUpgrade checks failed: %s", reason);
}

/* What pg_upgrade said; our own volumes and paths mean nothing to anybody outside. */
static const char *own_words(const struct err *why)
{
    return why->said[0] ? why->said : why->text;
}

static bool run_prechecks(struct job *j, struct err *e)
{
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    char resource[RESOURCE_SIZE];
    const char *obstacle, *folder;
    struct engine_param *params;
    size_t n;
    int major;
    (void)job_arg(j, "cluster", resource, sizeof resource);
    if (!upgrade_log_folder(j->sb, a, resource, &folder, e) ||
        !upgrade_obstacle(j->sb, a, resource, &obstacle, e))
        return false;
    if (*obstacle)
        return refuse_upgrade(j, a, folder, obstacle, e);
    new_params(j, a, &params, &n, &major);
    struct err why = ERR_INIT;
    return volume_upgrade(j->sb->engine, resource, major, params, n, true, folder, &why) ||
           refuse_upgrade(j, a, folder, own_words(&why), e);
}

/* "17.6" as it stands in a snapshot's name: "17-6". */
static const char *dashed(struct arena *a, const char *text)
{
    char *copy = arena_strdup(a, text);
    for (char *p = copy; *p; p++)
        if (*p == '.')
            *p = '-';
    return copy;
}

static bool take_snapshot(struct job *j, struct err *e)
{
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    char resource[RESOURCE_SIZE], volume[RESOURCE_SIZE] = "", stamp[32];
    time_t now = (time_t)(j->sb->clock->wall_ms(j->sb->clock) / 1000);
    struct tm utc;
    (void)job_arg(j, "cluster", resource, sizeof resource);
    show_members(j, "upgrading", "backing-up");
    (void)strftime(stamp, sizeof stamp, "%Y-%m-%d-%H-%M", gmtime_r(&now, &utc));
    sandbox_lock(j->sb);
    json_t *cluster = job_cluster(j);
    if (cluster) {
        const char *id =
            arena_printf(a, "preupgrade-%s-%s-to-%s-%s", rec_str(cluster, "DBClusterIdentifier"),
                         dashed(a, rec_str(j->args, "from")), dashed(a, rec_str(j->args, "to")), stamp);
        json_t *known = store_find(j->sb->store, KIND_SNAPSHOT, id);
        const json_t *snapshot = known ? known : snapshot_new(j->sb, cluster, id, "manual");
        (void)snprintf(volume, sizeof volume, "%s", rec_str(snapshot, "_volume"));
        event_add(j->sb, KIND_CLUSTER, cluster, "maintenance", "Database cluster upgrade is in progress.");
    }
    sandbox_unlock(j->sb);
    bool ok =
        !*volume || (snapshot_copy_volume(j->sb, resource, volume, e) && snapshot_finish(j->sb, volume));
    show_members(j, "upgrading", "upgrading");
    return ok;
}

static void record_groups(struct job *j, json_t *cluster)
{
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    const char *family = arena_printf(a, FAMILY_PREFIX "%lld", (long long)rec_int(cluster, "_major"));
    const char *fallback = default_group(a, family), *own = rec_str(j->args, "DBClusterParameterGroupName");
    const char *instances = rec_str(j->args, "DBInstanceParameterGroupName");
    size_t i;
    json_t *instance;
    rec_set_str(cluster, "DBClusterParameterGroup", *own ? own : fallback);
    cluster_group_status(j->sb, cluster, "in-sync", NULL);
    json_array_foreach(store_list(j->sb->store, KIND_INSTANCE), i, instance)
    {
        if (!rec_is(instance, "_cluster", rec_str(cluster, "DbClusterResourceId")))
            continue;
        rec_set_str(instance, "_group", *instances ? instances : fallback);
        rec_set_str(instance, "_group_status", *instances ? "pending-reboot" : "in-sync");
    }
}

static bool upgrade_writer(struct job *j, struct err *e)
{
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    char resource[RESOURCE_SIZE];
    const char *folder;
    struct engine_param *params;
    size_t n;
    int major;
    (void)job_arg(j, "cluster", resource, sizeof resource);
    new_params(j, a, &params, &n, &major);
    if (volume_major(j->sb->engine, resource) != major) {
        struct err why = ERR_INIT;
        if (!upgrade_log_folder(j->sb, a, resource, &folder, &why) ||
            !volume_stop(j->sb->engine, resource, &why) ||
            !volume_upgrade(j->sb->engine, resource, major, params, n, false, folder, &why))
            return err_set(e, why.code, "Upgrade failed: %s", own_words(&why));
    }
    sandbox_lock(j->sb);
    json_t *cluster = job_cluster(j);
    if (cluster) {
        cluster_set_version(cluster, rec_str(j->args, "to"));
        record_groups(j, cluster);
    }
    sandbox_unlock(j->sb);
    return cluster_start(j->sb, resource, e) && cluster_point_endpoints(j->sb, resource, e);
}

static bool upgrade_readers(struct job *j, struct err *e)
{
    sandbox_lock(j->sb);
    const json_t *cluster = job_cluster(j);
    size_t n = cluster ? cluster_instances(j->sb, cluster, true) : 0;
    sandbox_unlock(j->sb);
    for (size_t i = 1; i < n; i++)
        if (!job_delay(j, DELAY_UPGRADE_READER, e))
            return false;
    return true;
}

static void finish(struct job *j, const char *category, const char *text)
{
    sandbox_lock(j->sb);
    json_t *cluster = job_cluster(j);
    if (cluster) {
        rec_unset(cluster, "PendingModifiedValues");
        rec_unset(cluster, "_pending_upgrade");
    }
    sandbox_unlock(j->sb);
    tell(j, category, text);
    show_members(j, "available", "available");
}

static bool finish_upgrade(struct job *j, struct err *e)
{
    (void)e;
    finish(j, "maintenance", "Database cluster engine major version has been upgraded.");
    return true;
}

/* The roll-back: the volume is unchanged, its server runs again, everything is available, on the old version.
 */
static void upgrade_failed(struct job *j, const struct err *e)
{
    struct err again = ERR_INIT;
    char resource[RESOURCE_SIZE], text[2048];
    (void)job_arg(j, "cluster", resource, sizeof resource);
    if (!cluster_start(j->sb, resource, &again) || !cluster_point_endpoints(j->sb, resource, &again))
        sandbox_warn("roll back the upgrade of %s: %s", resource, again.text);
    (void)snprintf(text, sizeof text, "Database cluster is in a state that cannot be upgraded: %.1500s",
                   e->text);
    for (char *p = text; *p; p++)
        if (*p == '\n')
            *p = p[1] ? ' ' : '\0';
    finish(j, "maintenance", text);
}

static const struct job_step UPGRADE_STEPS[] = {
    {"begin", DELAY_UPGRADE_LAG, begin_upgrade},
    {"prechecks", DELAY_UPGRADE_PRECHECK, run_prechecks},
    {"snapshot", DELAY_UPGRADE_SNAPSHOT, take_snapshot},
    {"upgrade the writer", DELAY_UPGRADE_WRITER, upgrade_writer},
    {"upgrade the readers", DELAY_NONE, upgrade_readers},
    {"finish", DELAY_NONE, finish_upgrade},
    {0},
};
const struct job_kind JOB_CLUSTER_UPGRADE = {"cluster-upgrade", UPGRADE_STEPS, upgrade_failed};

/* ---- the minor upgrade: the same real server under a newer label, restarted ---- */

static bool begin_patch(struct job *j, struct err *e)
{
    (void)e;
    show_members(j, "upgrading", "upgrading");
    return true;
}

static bool patch(struct job *j, struct err *e)
{
    char resource[RESOURCE_SIZE];
    (void)job_arg(j, "cluster", resource, sizeof resource);
    sandbox_lock(j->sb);
    json_t *cluster = job_cluster(j);
    if (cluster)
        cluster_set_version(cluster, rec_str(j->args, "to"));
    sandbox_unlock(j->sb);
    return volume_stop(j->sb->engine, resource, e) && cluster_start(j->sb, resource, e);
}

static bool finish_patch(struct job *j, struct err *e)
{
    (void)e;
    finish(j, "maintenance", "Database cluster engine version has been upgraded.");
    return true;
}

static const struct job_step PATCH_STEPS[] = {
    {"begin", DELAY_UPGRADE_LAG, begin_patch},
    {"patch", DELAY_UPGRADE_MINOR, patch},
    {"finish", DELAY_NONE, finish_patch},
    {0},
};
const struct job_kind JOB_CLUSTER_PATCH = {"cluster-patch", PATCH_STEPS, upgrade_failed};
