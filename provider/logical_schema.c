/* The schema of aurora_logical_upgrade. INTERFACE names every attribute; a new one is a row here. */
#include "provider/staging.h"
#include "provider/upgrade_resource.h"
#include "provider/upgrade_schema.h"

#include <string.h>

static const char *const publication_ways[] = {"tables", "all_tables", NULL};

/* "schema.table", "schema.*", or quoted as SQL does. */
static bool validate_tables(const struct value *v, struct err *e)
{
    enum { LONGEST = 2 * (2 * 63 + 2) + 1 }; /* both quoted, every byte of it doubled */
    for (size_t i = 0; i < v->count; i++) {
        const char *s = value_as_text(v->items[i], "x.x"), *dot = strchr(s, '.');
        if (!dot || dot == s || !dot[1] || strlen(s) > LONGEST)
            return err_set(e, ERR_INVALID, "\"%.200s\" is not \"schema.table\" or \"schema.*\"", s);
        for (size_t k = 0; k < i; k++)
            if (strcmp(s, value_as_text(v->items[k], "")) == 0)
                return err_set(e, ERR_INVALID, "\"%.200s\" is there twice", s);
    }
    return true;
}

static const char *const endpoint_ways[] = {"rename", "route53", "none", NULL};
/* AWS's prefix may stand before it. */
static bool validate_zone(const struct value *v, struct err *e)
{
    static const char prefix[] = "/hostedzone/";
    const char *s = value_as_text(v, ""), *id = s;
    if (strncmp(s, prefix, sizeof prefix - 1) == 0)
        id += sizeof prefix - 1;
    size_t n = strspn(id, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789");
    return (*id == 'Z' && n > 1 && n <= 32 && !id[n]) ||
           err_set(e, ERR_INVALID,
                   "\"%.100s\" is not the id of a hosted zone, such as \"Z0123456789ABCDEFGHIJ\"", s);
}

static bool is_label(const char *p, size_t n)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";
    return n > 0 && n <= 63 && strspn(p, letters) >= n && p[0] != '-' && p[n - 1] != '-';
}

/* The name becomes a part of a tag, which has room for 256 characters. */
static bool validate_record_name(const struct value *v, struct err *e)
{
    enum { LONGEST = 190 };
    const char *s = value_as_text(v, "");
    size_t length = strlen(s), labels = 0;
    bool ok = length <= LONGEST;
    for (const char *p = s; ok && *p; labels++) {
        size_t n = strcspn(p, ".");
        ok = is_label(p, n);
        p += n + (p[n] == '.');
    }
    return (ok && labels > 1) ||
           err_set(e, ERR_INVALID,
                   "\"%.100s\" is not a name such as \"db.example.com\", of at most %d characters", s,
                   LONGEST);
}

static bool validate_ttl(const struct value *v, struct err *e)
{
    enum { LONGEST = 86400 };
    int64_t n = value_as_int(v, -1);
    return (n >= 1 && n <= LONGEST) ||
           err_set(e, ERR_INVALID, "must be a whole number of seconds from 1 to %d", LONGEST);
}

static const char *const source_ways[] = {"check", "manage", NULL};
static const char *const clone_ways[] = {"copy_on_write", "snapshot", NULL};

/* AWS shows a key by its ARN, whatever it was called by: no alias, no bare id. */
static bool validate_key(const struct value *v, struct err *e)
{
    const char *s = value_as_text(v, "");
    struct arn p;
    return (arn_parse(s, &p) && strcmp(p.service, "kms") == 0 && strncmp(p.resource, "key/", 4) == 0) ||
           err_set(e, ERR_INVALID,
                   "\"%.200s\" is not the ARN of a key, such as "
                   "\"arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab\"",
                   s);
}

/* clang-format off */
static const struct tf_attr attrs[] = {
    UPGRADE_PLACE,
    {.name = "target_engine_version", .type = TF_STRING, .flags = TF_REQUIRED, .validate = validate_version,
     .doc = "Version to upgrade to: `\"17.6\"`, or `\"17\"` for the newest valid minor at the time the clone is made. This resource "
            "upgrades majors; later minor upgrades by AWS are no drift."},
    {.name = "stage", .type = TF_STRING, .flags = TF_REQUIRED, .one_of = upgrade_stages,
     .doc = "How far to go: `prepared` (a clone exists, is upgraded and follows production), `validated` (proved equal), `switched` (the clone is production and bears its "
            "names; the old side is fenced and follows it), `completed` (the old side is gone) or `rolled_back` (before the switch: everything made is removed; after it: "
            "the old side is production again, with every write made since)."},
    {.name = "retain_old_for", .type = TF_STRING, .flags = TF_OPTIONAL_COMPUTED, .otherwise = "\"168h\"", .validate = validate_duration,
     .doc = "How long the old side stays after the switch before `completed` may remove it; `\"0s\"` is allowed."},
    {.name = "on_destroy", .type = TF_STRING, .flags = TF_OPTIONAL_COMPUTED, .otherwise = "\"refuse\"", .one_of = upgrade_destroy_ways,
     .doc = "What a destroy does between the switch and `completed`: `refuse`, `keep_old` (the old side stays, fenced) or "
            "`delete_old` (with a final snapshot, whatever `retain_old_for` says). Before the switch a destroy removes everything made."},
    {.name = "reverse_replication", .type = TF_BOOL, .flags = TF_OPTIONAL_COMPUTED, .otherwise = "true",
     .doc = "After the switch the old side follows the new one, so that `rolled_back` loses nothing. Without it there is no way back after the switch."},
    {.name = "allow_reboot", .type = TF_BOOL, .flags = TF_OPTIONAL_COMPUTED, .otherwise = "false",
     .doc = "Allow a reboot of production's instances where parameters wait for it. Otherwise that is an error of the plan."},
    {.name = "source_parameters", .type = TF_STRING, .flags = TF_OPTIONAL_COMPUTED, .otherwise = "\"check\"", .one_of = source_ways,
     .doc = "`check`: production that is not ready for logical replication is an error that says what to add. `manage`: a completed copy of "
            "the cluster's parameter group is attached; your configuration must then take the group's name from `data.aurora_cluster`."},
    UPGRADE_PLAN_CHECKS,
    {.name = "databases", .type = TF_STRING_LIST, .flags = TF_OPTIONAL,
     .doc = "Databases that the clone follows and that are compared. The others are on the clone as they were when it was made. Default: all that take connections."},
    {.name = "publication", .type = TF_STRING, .flags = TF_OPTIONAL_COMPUTED, .otherwise = "\"tables\"", .one_of = publication_ways,
     .doc = "`tables`: an explicit list, so that a table made later cannot break production; it is then told as a difference. `all_tables`: a table made later without "
            "a replica identity refuses updates and deletes in production."},
    {.name = "include_tables", .type = TF_STRING_LIST, .flags = TF_OPTIONAL, .validate = validate_tables,
     .doc = "Follow these tables only: `schema.table`, or `schema.*`; a partitioned table by its root. All others are on the clone as they were when it was made, and are not "
            "compared: such an upgrade goes as far as `validated` (AUR0224). An entry that names no table in any database is an error (AUR0223). Not with `publication = \"all_tables\"`."},
    {.name = "exclude_tables", .type = TF_STRING_LIST, .flags = TF_OPTIONAL, .validate = validate_tables,
     .doc = "Do not follow these tables, written likewise. Definitions of all tables are compared, rows of the followed ones."},
    {.name = "replica_identity_full", .type = TF_STRING_LIST, .flags = TF_OPTIONAL, .validate = validate_tables,
     .doc = "Tables, written likewise, that get `REPLICA IDENTITY FULL` for the time of the upgrade where they have no key: without one, UPDATE and DELETE on them "
            "would fail once they are published. What they had is put back. Each changed row is then searched for on the clone, whole: for small tables, and none with a "
            "column whose type cannot be compared (`json`, `xml`, `point`), which is refused."},
    {.name = "max_retained_wal", .type = TF_STRING, .flags = TF_OPTIONAL_COMPUTED, .otherwise = "\"100GB\"", .validate = validate_size,
     .doc = "How much WAL production may keep for the clone. Beyond it the slots are dropped by whatever of ours sees it first, and the run has to be rolled back: production "
            "comes first. Between two applies only an alarm on `OldestReplicationSlotLag` sees it."},
    UPGRADE_COMMON,
    {.name = "staging_endpoint", .type = TF_STRING, .flags = TF_COMPUTED, .doc = "Writer endpoint of the clone, to test against. What is written there is lost, and may stop the replication."},
    {.name = "staging_reader_endpoint", .type = TF_STRING, .flags = TF_COMPUTED, .doc = "Reader endpoint of the clone."},
    {.name = "endpoint", .type = TF_STRING, .flags = TF_COMPUTED,
     .doc = "Writer endpoint of production, whichever cluster that is. With `cutover { endpoint = \"none\" }` a switch changes it."},
    {.name = "reader_endpoint", .type = TF_STRING, .flags = TF_COMPUTED, .doc = "Reader endpoint of production."},
    {.name = "new_cluster_resource_id", .type = TF_STRING, .flags = TF_COMPUTED,
     .doc = "Resource id of the clone, known from `prepared` on: IAM database policies must name it before the switch."},
    {.name = "new_dbi_resource_ids", .type = TF_STRING_LIST, .flags = TF_COMPUTED, .doc = "Resource ids of the clone's instances."},
    {.name = "old_cluster_identifier", .type = TF_STRING, .flags = TF_COMPUTED, .doc = "Name of the old cluster after the switch; kept as history."},
    {.name = "old_cluster_resource_id", .type = TF_STRING, .flags = TF_COMPUTED, .doc = "Resource id of the old cluster; kept as history."},
    {0},
};

static const struct tf_attr clone_attrs[] = {
    {.name = "method", .type = TF_STRING, .flags = TF_OPTIONAL, .one_of = clone_ways,
     .doc = "`copy_on_write` (default): the clone shares production's pages, and is there in minutes whatever the size. `snapshot`: it is restored from a snapshot made behind "
            "the slots, which takes as long as the volume is large; production keeps WAL meanwhile, within `max_retained_wal`. The snapshot goes once the clone's position is proved."},
    {.name = "instance_class", .type = TF_STRING, .flags = TF_OPTIONAL, .doc = "Instance class of the clone. Default: as production."},
    {.name = "kms_key_id", .type = TF_STRING, .flags = TF_OPTIONAL, .validate = validate_key,
     .doc = "ARN of the KMS key that the clone is encrypted with, and production from the switch on; only with `method = \"snapshot\"` (AUR0226). The snapshot is copied with that key; "
            "one of a cluster that is not encrypted is restored with it. Encryption cannot be removed. Default: as production. Your own `aws_rds_cluster` must then take `kms_key_id` and "
            "`storage_encrypted` from `data.aurora_cluster`: a difference there replaces the cluster."},
    {0},
};

static const struct tf_attr validation_attrs[] = {
    UPGRADE_ROWS("full"),
    {.name = "exclude_tables", .type = TF_STRING_LIST, .flags = TF_OPTIONAL, .doc = "Tables (`schema.table`) whose rows are not compared."},
    {.name = "minimum_stable", .type = TF_STRING, .flags = TF_OPTIONAL, .validate = validate_duration,
     .doc = "Soak: how long the clone must have been validated before the stage counts as reached. Counted from a recorded time."},
    {0},
};

static const struct tf_attr cutover_attrs[] = {
    {.name = "endpoint", .type = TF_STRING, .flags = TF_OPTIONAL, .one_of = endpoint_ways,
     .doc = "How clients get to the new version. `rename` (default): it takes over production's names; nothing of a configuration changes, and the write outage includes "
            "AWS's renaming, minutes. `route53`: as `none`, and a CNAME of yours is led to the new cluster right behind the fence: a second, and for clients up to the "
            "record's time to live. `none`: no name moves, and the outage on our side is under a second; the new cluster keeps the name `<cluster>-next`, `endpoint` and "
            "`reader_endpoint` tell where clients or a DNS record of yours have to be led. The old cluster keeps its name, is fenced and follows; it is yours, and no stage "
            "deletes it. Cannot change between the switch and `completed` or `rolled_back`."},
    {.name = "max_write_outage", .type = TF_STRING, .flags = TF_OPTIONAL, .validate = validate_duration,
     .doc = "How long nobody may write before the switch is past its point of no return, default `\"300s\"`; then everything is taken back and production stays as it is. "
            "From that point on the outage is AWS's time for two renamings, minutes."},
    {.name = "max_lag", .type = TF_STRING, .flags = TF_OPTIONAL, .validate = validate_size,
     .doc = "Replication lag under which the clone counts as caught up, default `\"16MB\"`; looked at again at the moment of the switch."},
    {.name = "window", .type = TF_STRING_LIST, .flags = TF_OPTIONAL, .validate = validate_window,
     .doc = "When the switch may begin: `[\"Sun 02:00-04:00 UTC\", \"Mon-Fri 22:30-00:30 UTC+02:00\"]`; days may be lists and ranges or `daily`, zones are UTC or "
            "a fixed distance to it. An apply waits for a window that opens within `timeouts`, else it pauses (`AUR-PAUSED`) and the next one goes on. What is left "
            "of the window must be longer than `max_write_outage`. Default: at any time."},
    {.name = "watch_for", .type = TF_STRING, .flags = TF_OPTIONAL, .validate = validate_duration,
     .doc = "How long the new production is watched after the switch, counted from a recorded time: deadlocks, lost sessions, failing and slow transactions, "
            "and applications still connected to the old side are told as warnings. Default: not."},
    {0},
};

static const struct tf_attr route53_attrs[] = {
    {.name = "zone_id", .type = TF_STRING, .flags = TF_REQUIRED, .validate = validate_zone, .doc = "Id of the hosted zone, public or private."},
    {.name = "record", .type = TF_STRING, .flags = TF_REQUIRED, .validate = validate_record_name,
     .doc = "Name of the record: a CNAME with production's writer endpoint as its only value, and without a routing policy. It has to be there (AUR0240), and is changed only "
            "as long as it leads to one of the two sides (AUR0241)."},
    {.name = "ttl", .type = TF_NUMBER, .flags = TF_OPTIONAL | TF_INTEGER, .validate = validate_ttl,
     .doc = "Seconds that resolvers may keep an answer around the switch, default 5. A longer time to live of the record is lowered to it before the window, the longer one waited out, "
            "and put back at `completed` and `rolled_back`. For so long clients may still go to the side that is fenced: they are refused, nothing is lost."},
    {0},
};

static const struct tf_block cutover_blocks[] = {
    {.name = "route53", .attrs = route53_attrs, .doc = "The record that clients know production by, with `endpoint = \"route53\"`."},
    {0},
};

static const struct tf_block blocks[] = {
    {.name = "postgresql", .attrs = postgresql_attrs,
     .doc = "How to log in. Needed: replication is set up in the databases, by a member of `rds_superuser`."},
    {.name = "target_parameter_group", .attrs = upgrade_group_attrs, .doc = "Parameter groups of the new version."},
    {.name = "clone", .attrs = clone_attrs, .doc = "The second cluster, `<cluster>-next`."},
    {.name = "validation", .attrs = validation_attrs, .blocks = upgrade_query_blocks, .doc = "How the clone is proved equal."},
    {.name = "cutover", .attrs = cutover_attrs, .blocks = cutover_blocks, .doc = "Bounds of the switch."},
    {.name = "hook", .is_list = true, .attrs = logical_hook_attrs, .doc = hook_doc},
    {.name = "timeouts", .attrs = upgrade_timeouts_attrs, .doc = "How long an operation may take; applying again goes on."},
    {0},
};
/* clang-format on */

const struct tf_schema logical_schema = {
    .version = 0,
    .attrs = attrs,
    .blocks = blocks,
    .doc =
        "Upgrades an Aurora PostgreSQL cluster to a new major version with a clone that is upgraded and "
        "follows production by logical replication, is proved equal, and takes over from it, with a way back "
        "that loses nothing. The resource is the upgrade state of one cluster: it stays in the "
        "configuration, and "
        "`stage` says how far an apply may go.",
};
