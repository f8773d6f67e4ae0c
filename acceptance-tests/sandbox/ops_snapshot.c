/* Cluster snapshots: create, describe, copy, delete. */
#include "acceptance-tests/sandbox/snapshot.h"

#include "acceptance-tests/sandbox/check.h"
#include "acceptance-tests/sandbox/events.h"
#include "acceptance-tests/sandbox/keys.h"
#include "internal/base/file.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

bool snapshot_check_name(struct call *c, const char *member)
{
    enum { NAME_MAX_LENGTH = 255, COPY_NAME_MAX_LENGTH = 63 }; /* CopyDBClusterSnapshot, Constraints */
    const char *name = rec_str(c->in, member);
    bool of_copy = strcmp(member, "TargetDBClusterSnapshotIdentifier") == 0;
    size_t n = strlen(name), longest = of_copy ? COPY_NAME_MAX_LENGTH : NAME_MAX_LENGTH;
    bool legal =
        n > 0 && n <= longest && isalpha((unsigned char)name[0]) && name[n - 1] != '-' && !strstr(name, "--");
    for (const char *p = name; *p; p++)
        legal = legal && (isalnum((unsigned char)*p) || *p == '-');
    if (!legal)
        return fault_set(
            &c->fault, "InvalidParameterValue",
            "The parameter %s is not a valid identifier. Identifiers must begin with a letter; must contain "
            "only ASCII letters, digits, and hyphens; and must not end with a hyphen or contain two "
            "consecutive hyphens.",
            member);
    return !store_find(c->sb->store, KIND_SNAPSHOT, name) ||
           fault_set(&c->fault, "DBClusterSnapshotAlreadyExistsFault",
                     "Cannot create the snapshot because a snapshot with the identifier %s already exists.",
                     name);
}

json_t *snapshot_new(struct sandbox *sb, const json_t *cluster, const char *id, const char *type)
{
    static const char *const COPIED[] = {
        "AvailabilityZones",
        "DBClusterIdentifier",
        "Engine",
        "EngineMode",
        "AllocatedStorage",
        "Port",
        "ClusterCreateTime",
        "MasterUsername",
        "EngineVersion",
        "StorageEncrypted",
        "KmsKeyId",
        "IAMDatabaseAuthenticationEnabled",
        "StorageType",
        "DbClusterResourceId",
        "DatabaseName",
        "_major",
        "BackupRetentionPeriod",
    };
    char now[TIME_ISO_SIZE], name[17], lower[256];
    sandbox_now(sb, now);
    random_name(name, 16);
    (void)snprintf(lower, sizeof lower, "%s", id);
    for (char *p = lower; *p; p++)
        *p = (char)tolower((unsigned char)*p);
    json_t *snapshot =
        json_pack("{s:s, s:s, s:s, s:s, s:i, s:s, s:s, s:[]}", "DBClusterSnapshotIdentifier", lower,
                  "SnapshotCreateTime", now, "Status", "creating", "SnapshotType", type, "PercentProgress", 0,
                  "LicenseModel", "postgresql-license", "VpcId", "vpc-00000000000000001", "TagList");
    for (size_t i = 0; i < ARRAY_LEN(COPIED); i++)
        rec_copy(snapshot, cluster, COPIED[i]);
    rec_printf(snapshot, "_volume", "snapshot-%s", name);
    rec_set_int(snapshot, "_began_ms", sb->clock->wall_ms(sb->clock));
    rec_set_str(snapshot, "_source_arn", rec_str(cluster, "DBClusterArn"));
    if (rec_bool(cluster, "CopyTagsToSnapshot"))
        rec_copy(snapshot, cluster, "TagList");
    store_set_arn(sb->store, KIND_SNAPSHOT, snapshot);
    event_add(sb, KIND_SNAPSHOT, snapshot, "backup", "Creating %s cluster snapshot", type);
    return store_add(sb->store, KIND_SNAPSHOT, snapshot);
}

/* Whoever else drops it may be sooner. */
static bool drop_volume(struct sandbox *sb, const char *volume, struct err *e)
{
    struct err why = ERR_INIT;
    if (volume_major(sb->engine, volume) == 0 || volume_delete(sb->engine, volume, &why) ||
        volume_major(sb->engine, volume) == 0)
        return true;
    *e = why;
    return false;
}

static bool is_copied(struct sandbox *sb, const char *volume)
{
    sandbox_lock(sb);
    const json_t *snapshot = store_find_by(sb->store, KIND_SNAPSHOT, "_volume", volume);
    bool copied = !snapshot || rec_bool(snapshot, "_copied");
    sandbox_unlock(sb);
    return copied;
}

bool snapshot_copy_volume(struct sandbox *sb, const char *resource, const char *volume, struct err *e)
{
    lsn_t lsn = 0;
    char text[LSN_SIZE];
    if (is_copied(sb, volume) || volume_major(sb->engine, resource) == 0)
        return true; /* before a restart of ours, or nothing to copy */
    /* a copy whose position was not noted, because our process was killed, is of no use */
    if (!drop_volume(sb, volume, e))
        return err_wrap(e, "copy the volume again");
    if (!volume_clone(sb->engine, resource, volume, true, &lsn, e))
        return err_wrap(e, "copy the volume");
    sandbox_lock(sb);
    json_t *snapshot = store_find_by(sb->store, KIND_SNAPSHOT, "_volume", volume);
    if (snapshot) {
        if (!rec_has(snapshot, "_lsn")) /* a copy stands where its snapshot does */
            rec_set_str(snapshot, "_lsn", lsn_print(lsn, text));
        rec_set_bool(snapshot, "_copied", true);
    }
    sandbox_unlock(sb);
    return snapshot || drop_volume(sb, volume, e); /* deleted meanwhile */
}

bool snapshot_finish(struct sandbox *sb, const char *volume)
{
    sandbox_lock(sb);
    json_t *snapshot = store_find_by(sb->store, KIND_SNAPSHOT, "_volume", volume);
    if (snapshot) {
        bool manual = rec_is(snapshot, "SnapshotType", "manual");
        rec_set_str(snapshot, "Status", "available");
        rec_set_int(snapshot, "PercentProgress", 100);
        event_add(sb, KIND_SNAPSHOT, snapshot, "backup", "%s cluster snapshot created",
                  manual ? "Manual" : "Automated");
        sandbox_save(sb);
    }
    sandbox_unlock(sb);
    return true;
}

/* ---- create ---- */

static const struct member CREATE_IN[] = {STR_REQUIRED("DBClusterSnapshotIdentifier"),
                                          STR_REQUIRED("DBClusterIdentifier"),
                                          LIST_OF("Tags", "Tag", SHAPE_TAG), SHAPE_END_ROW};

static bool create_snapshot(struct call *c)
{
    json_t *cluster = need(c, KIND_CLUSTER, "DBClusterIdentifier");
    if (!cluster || !check_cluster_ready(c, cluster) ||
        !snapshot_check_name(c, "DBClusterSnapshotIdentifier") || !check_tags(c))
        return false;
    json_t *snapshot = snapshot_new(c->sb, cluster, rec_str(c->in, "DBClusterSnapshotIdentifier"), "manual");
    if (rec_has(c->in, "Tags"))
        rec_set(snapshot, "TagList", json_deep_copy(rec_get(c->in, "Tags")));
    job_start(c->sb, &JOB_SNAPSHOT_CREATE,
              json_pack("{s:s, s:s}", "volume", rec_str(snapshot, "_volume"), "cluster",
                        rec_str(cluster, "DbClusterResourceId")));
    rec_set(c->out, "DBClusterSnapshot", json_incref(snapshot));
    return true;
}

static bool copy_now(struct job *j, struct err *e)
{
    char resource[RESOURCE_SIZE], volume[RESOURCE_SIZE];
    return snapshot_copy_volume(j->sb, job_arg(j, "cluster", resource, sizeof resource),
                                job_arg(j, "volume", volume, sizeof volume), e);
}

static bool finish(struct job *j, struct err *e)
{
    char volume[RESOURCE_SIZE];
    (void)e;
    return snapshot_finish(j->sb, job_arg(j, "volume", volume, sizeof volume));
}

static void create_failed(struct job *j, const struct err *e)
{
    sandbox_lock(j->sb);
    json_t *snapshot = store_find_by(j->sb->store, KIND_SNAPSHOT, "_volume", rec_str(j->args, "volume"));
    if (snapshot) {
        rec_set_str(snapshot, "Status", "failed");
        event_add(j->sb, KIND_SNAPSHOT, snapshot, "failure", "Cluster snapshot failed: %s", e->text);
    }
    sandbox_save(j->sb);
    sandbox_unlock(j->sb);
}

static const struct job_step CREATE_STEPS[] = {
    {"copy the volume", DELAY_NONE, copy_now},
    {"show it", DELAY_SNAPSHOT_CREATE, finish},
    {0},
};
const struct job_kind JOB_SNAPSHOT_CREATE = {"snapshot-create", CREATE_STEPS, create_failed};

/* ---- copy ---- */

static const struct member COPY_IN[] = {STR_REQUIRED("SourceDBClusterSnapshotIdentifier"),
                                        STR_REQUIRED("TargetDBClusterSnapshotIdentifier"),
                                        STR("KmsKeyId"),
                                        STR("PreSignedUrl"),
                                        BOOL("CopyTags"),
                                        LIST_OF("Tags", "Tag", SHAPE_TAG),
                                        SHAPE_END_ROW};

/* "If you copy an unencrypted DB cluster snapshot and specify a value for the KmsKeyId parameter, an error is
 * returned" (CopyDBClusterSnapshot). */
static bool check_copy_key(struct call *c, const json_t *source)
{
    bool named = rec_has(c->in, "KmsKeyId");
    if (named && !rec_bool(source, "StorageEncrypted"))
        return fault_set(&c->fault, "InvalidParameterCombination",
                         "The snapshot %s is not encrypted: KmsKeyId can't be specified for its copy.",
                         rec_str(source, "DBClusterSnapshotIdentifier"));
    return key_usable(c, source, named ? "specified" : "source snapshot");
}

static bool copy_snapshot(struct call *c)
{
    const json_t *source = need(c, KIND_SNAPSHOT, "SourceDBClusterSnapshotIdentifier");
    if (!source || !snapshot_check_name(c, "TargetDBClusterSnapshotIdentifier") || !check_tags(c))
        return false;
    if (!rec_is(source, "Status", "available"))
        return fault_set(&c->fault, "InvalidDBClusterSnapshotStateFault",
                         "The snapshot %s is not in available state.",
                         rec_str(source, "DBClusterSnapshotIdentifier"));
    if (!check_copy_key(c, source))
        return false;
    char from[RESOURCE_SIZE];
    (void)snprintf(from, sizeof from, "%s", rec_str(source, "_volume"));
    json_t *target =
        snapshot_new(c->sb, source, rec_str(c->in, "TargetDBClusterSnapshotIdentifier"), "manual");
    rec_set_str(target, "Status", "copying");
    rec_set_str(target, "SourceDBClusterSnapshotArn", rec_str(source, "DBClusterSnapshotArn"));
    rec_copy(target, source, "_source_arn");
    rec_copy(target, source, "_lsn");
    if (rec_has(c->in, "KmsKeyId"))
        cluster_set_key(c->sb, target, rec_str(c->in, "KmsKeyId"));
    if (rec_bool(c->in, "CopyTags"))
        rec_copy(target, source, "TagList");
    if (rec_has(c->in, "Tags"))
        rec_set(target, "TagList", json_deep_copy(rec_get(c->in, "Tags")));
    job_start(c->sb, &JOB_SNAPSHOT_COPY,
              json_pack("{s:s, s:s}", "volume", rec_str(target, "_volume"), "cluster", from));
    rec_set(c->out, "DBClusterSnapshot", json_incref(target));
    return true;
}

static const struct job_step COPY_STEPS[] = {
    {"copy the volume", DELAY_NONE, copy_now},
    {"show it", DELAY_SNAPSHOT_COPY, finish},
    {0},
};
const struct job_kind JOB_SNAPSHOT_COPY = {"snapshot-copy", COPY_STEPS, create_failed};

/* ---- delete ---- */

static const struct member DELETE_IN[] = {STR_REQUIRED("DBClusterSnapshotIdentifier"), SHAPE_END_ROW};

/* "If the snapshot is being copied, the copy operation is terminated" (DeleteDBClusterSnapshot). */
static bool delete_snapshot(struct call *c)
{
    json_t *snapshot = need(c, KIND_SNAPSHOT, "DBClusterSnapshotIdentifier");
    if (!snapshot)
        return false;
    if (!rec_is(snapshot, "Status", "available") && !rec_is(snapshot, "Status", "failed") &&
        !rec_is(snapshot, "Status", "copying"))
        return fault_set(&c->fault, "InvalidDBClusterSnapshotStateFault",
                         "The snapshot %s is not in available state.",
                         rec_str(snapshot, "DBClusterSnapshotIdentifier"));
    if (!rec_is(snapshot, "SnapshotType", "manual"))
        return fault_set(&c->fault, "InvalidDBClusterSnapshotStateFault",
                         "Only manual snapshots can be deleted.");
    rec_set(c->out, "DBClusterSnapshot", json_deep_copy(snapshot));
    rec_set_str(rec_get(c->out, "DBClusterSnapshot"), "Status", "deleting");
    job_start(c->sb, &JOB_SNAPSHOT_DELETE, json_pack("{s:s}", "volume", rec_str(snapshot, "_volume")));
    store_remove(c->sb->store, KIND_SNAPSHOT, snapshot);
    return true;
}

static bool delete_volume(struct job *j, struct err *e)
{
    char volume[RESOURCE_SIZE];
    return drop_volume(j->sb, job_arg(j, "volume", volume, sizeof volume), e);
}

static const struct job_step DELETE_STEPS[] = {{"delete the volume", DELAY_NONE, delete_volume}, {0}};
const struct job_kind JOB_SNAPSHOT_DELETE = {"snapshot-delete", DELETE_STEPS, NULL};

/* ---- describe ---- */

static const struct member DESCRIBE_IN[] = {STR("DBClusterIdentifier"), STR("DBClusterSnapshotIdentifier"),
                                            STR("SnapshotType"),        DESCRIBE_MEMBERS,
                                            BOOL("IncludeShared"),      BOOL("IncludePublic"),
                                            STR("DbClusterResourceId"), SHAPE_END_ROW};
static const struct member DESCRIBE_OUT[] = {
    STR("Marker"), LIST_OF("DBClusterSnapshots", "DBClusterSnapshot", SHAPE_SNAPSHOT), SHAPE_END_ROW};
static const struct filter_row SNAPSHOT_FILTERS[] = {
    {"db-cluster-id", "DBClusterIdentifier", true},
    {"db-cluster-snapshot-id", "DBClusterSnapshotIdentifier", true},
    {"snapshot-type", "SnapshotType", false},
    {"engine", "Engine", false},
    {0},
};

static bool keep_snapshot(const struct call *c, const json_t *snapshot)
{
    const char *cluster = rec_str(c->in, "DBClusterIdentifier"), *colon = strrchr(cluster, ':');
    return (!*cluster || rec_same(snapshot, "DBClusterIdentifier", colon ? colon + 1 : cluster)) &&
           (!rec_has(c->in, "SnapshotType") ||
            rec_is(snapshot, "SnapshotType", rec_str(c->in, "SnapshotType"))) &&
           (!rec_has(c->in, "DbClusterResourceId") ||
            rec_same(snapshot, "DbClusterResourceId", rec_str(c->in, "DbClusterResourceId")));
}

/* As far as the modelled time has gone; what is done shows so by itself. */
static json_t *view_snapshot(struct sandbox *sb, const json_t *record)
{
    bool copies = rec_is(record, "Status", "copying");
    json_t *shown = json_deep_copy(record);
    if (!copies && !rec_is(record, "Status", "creating"))
        return shown;
    int64_t all = delay_ms(copies ? DELAY_SNAPSHOT_COPY : DELAY_SNAPSHOT_CREATE, sb->speed);
    int64_t gone = sb->clock->wall_ms(sb->clock) - rec_int(record, "_began_ms");
    rec_set_int(shown, "PercentProgress", all > 0 && gone < all ? gone * 100 / all : 99);
    return shown;
}

static const struct describe DESCRIBE_SNAPSHOTS = {
    .kind = KIND_SNAPSHOT,
    .by_id = "DBClusterSnapshotIdentifier",
    .result = "DBClusterSnapshots",
    .filters = SNAPSHOT_FILTERS,
    .keep = keep_snapshot,
    .view = view_snapshot,
};

const struct op OPS_SNAPSHOT[] = {
    {"rds", "CreateDBClusterSnapshot", CREATE_IN, RESULT_SNAPSHOT, .run = create_snapshot},
    {"rds", "CopyDBClusterSnapshot", COPY_IN, RESULT_SNAPSHOT, .run = copy_snapshot},
    {"rds", "DeleteDBClusterSnapshot", DELETE_IN, RESULT_SNAPSHOT, .run = delete_snapshot},
    {"rds", "DescribeDBClusterSnapshots", DESCRIBE_IN, DESCRIBE_OUT, .describe = &DESCRIBE_SNAPSHOTS,
     .flags = OP_READS},
    {0},
};
