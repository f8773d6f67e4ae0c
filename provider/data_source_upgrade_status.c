/* data_source_upgrade_status.c — data.aurora_upgrade_status: everything about a running upgrade that changes
 * from one look to the next, and is therefore in no resource. */
#include "provider/attrs.h"
#include "provider/upgrade_status.h"
#include "provider/validate.h"

static const struct tf_attr deployment_attrs[] = {
    COMPUTED("created_at", TF_STRING, "When it was made."),
    COMPUTED("identifier", TF_STRING, "Identifier, `bgd-…`."),
    COMPUTED("is_ours", TF_BOOL, "Made by `aurora_blue_green_upgrade`; false: in the console, or elsewhere."),
    COMPUTED("name", TF_STRING, "Name."),
    COMPUTED("status", TF_STRING, "Status as AWS gives it."),
    COMPUTED("status_details", TF_STRING, "AWS's own words about it."),
    {.name = NULL},
};

static const struct tf_attr member_attrs[] = {
    COMPUTED("source", TF_STRING, "Cluster or instance of production."),
    COMPUTED("status", TF_STRING, "Status as AWS gives it."),
    COMPUTED("target", TF_STRING, "Its counterpart on the new side."),
    {.name = NULL},
};

static const struct tf_attr task_attrs[] = {
    COMPUTED("name", TF_STRING, "What AWS does."),
    COMPUTED("status", TF_STRING, "Status as AWS gives it."),
    {.name = NULL},
};

static const struct tf_attr cluster_attrs[] = {
    COMPUTED("endpoint", TF_STRING, "Writer endpoint."),
    COMPUTED("engine_version", TF_STRING, "Exact version."),
    COMPUTED("identifier", TF_STRING, "Identifier at this moment."),
    COMPUTED("resource_id", TF_STRING, "Resource id, which no renaming changes."),
    COMPUTED("status", TF_STRING, "Status as AWS gives it."),
    {.name = NULL},
};

static const struct tf_attr snapshot_attrs[] = {
    COMPUTED("created_at", TF_STRING, "When it was made."),
    COMPUTED("engine_version", TF_STRING, "Exact version of what it holds."),
    COMPUTED("identifier", TF_STRING, "Name."),
    COMPUTED("status", TF_STRING, "Status as AWS gives it."),
    {.name = NULL},
};

static const struct tf_attr slot_attrs[] = {
    COMPUTED("active", TF_BOOL, "Somebody reads it."),
    COMPUTED("database", TF_STRING, "Database."),
    COMPUTED("kept_bytes", TF_NUMBER, "WAL that production keeps for it."),
    COMPUTED("lag_bytes", TF_NUMBER, "WAL that the new side has not confirmed yet."),
    COMPUTED("name", TF_STRING, "Name."),
    COMPUTED("wal_status", TF_STRING, "As in `pg_replication_slots`; `lost` cannot be repaired."),
    {.name = NULL},
};

static const struct tf_attr worker_attrs[] = {
    COMPUTED("database", TF_STRING, "Database."),
    COMPUTED("enabled", TF_BOOL, "The subscription is enabled."),
    COMPUTED("errors", TF_NUMBER, "How often it has failed; a clone before 15 does not count."),
    COMPUTED("pid", TF_NUMBER, "Process of the apply worker on the clone; null while none runs."),
    COMPUTED(
        "waits_for", TF_STRING,
        "The lock it waits for, and whose it is: process, application, statement without values; null if it "
        "waits for none."),
    {.name = NULL},
};

static const struct tf_attr finding_attrs[] = {
    COMPUTED("id", TF_STRING, "Id as on the page of errors."),
    COMPUTED("next", TF_STRING, "The next thing to do."),
    COMPUTED("said", TF_STRING, "AWS's or PostgreSQL's own words."),
    COMPUTED("summary", TF_STRING, "What was found."),
    {.name = NULL},
};

static const struct tf_attr attrs[] = {
    IDENTIFIER_OF_CLUSTER(TF_REQUIRED, "Identifier of the production cluster."),
    REGION_OF_CLUSTER,
    COMPUTED("apply_rate", TF_NUMBER,
             "Logical upgrade: bytes of WAL per second that the clone, after the switch the old side, "
             "applies, over two seconds."),
    COMPUTED("catch_up", TF_STRING,
             "Logical upgrade, of the database that is furthest behind: lag, rates, and when it will be "
             "caught up, in one "
             "sentence. Two readings say little; the journal of an apply has the better range."),
    COMPUTED_OF("deployment", TF_OBJECT, deployment_attrs,
                "The blue/green deployment; null if there is none."),
    COMPUTED_OF("findings", TF_OBJECT_LIST, finding_attrs,
                "What stands in the way, or could not be looked at."),
    COMPUTED("held_by", TF_STRING, "Whose apply works on it at this moment; null if nobody's."),
    COMPUTED("id", TF_STRING, "The cluster identifier."),
    COMPUTED("in_flight", TF_BOOL, "AWS is working on it at this moment."),
    COMPUTED("lag_bytes", TF_NUMBER,
             "Largest lag of all slots; null without a login for PostgreSQL, and after the switch."),
    COMPUTED(
        "lag_seconds", TF_NUMBER,
        "Logical upgrade: how old what the clone has applied last is; null while nobody reads the slots."),
    COMPUTED_OF("members", TF_OBJECT_LIST, member_attrs, "Members of the deployment."),
    COMPUTED(
        "not_followed", TF_STRING_LIST,
        "Tables that a logical upgrade does not follow, `database: schema.table`: those left out, and those "
        "made since. At most 1000; null without a login for PostgreSQL, and for the other kinds."),
    COMPUTED_OF(
        "new_side", TF_OBJECT, cluster_attrs,
        "The green cluster before the switch, or what a roll-back in place restores, until it bears the "
        "name."),
    COMPUTED("next", TF_STRING, "The next thing to do, in one sentence."),
    COMPUTED_OF("old_side", TF_OBJECT, cluster_attrs,
                "The cluster that the switch, or a roll-back in place, put aside, until it is removed."),
    COMPUTED_OF("production", TF_OBJECT, cluster_attrs,
                "The cluster that bears the name; null in the gap between two renames."),
    COMPUTED("put_aside_at", TF_STRING, "When a roll-back in place was over; null without one."),
    COMPUTED(
        "reached_stage", TF_STRING,
        "`none`, `prepared`, `validated`, `switched`, `completed` or `rolled_back` (in place, as long as "
        "what that put aside is there), as AWS shows it: from deployment, snapshot, tags and parameter "
        "groups alone, so an upgrade into groups of your own is `none` again when its old side is gone, "
        "and an upgrade in place `none` until it is `switched`."),
    COMPUTED_OF("rehearsal", TF_OBJECT, cluster_attrs,
                "The clone on which an upgrade in place is rehearsed; null if there is none."),
    COMPUTED("resource", TF_STRING,
             "`aurora_blue_green_upgrade`, `aurora_in_place_upgrade` or `aurora_logical_upgrade`; null "
             "without a run."),
    COMPUTED("situation", TF_STRING, "The state production is in, in plain words."),
    COMPUTED_OF("snapshot", TF_OBJECT, snapshot_attrs,
                "The snapshot of an upgrade in place; null without one."),
    COMPUTED_OF("slots", TF_OBJECT_LIST, slot_attrs,
                "Replication slots of production; empty without a login for PostgreSQL."),
    COMPUTED("source_engine_version", TF_STRING, "Version before the upgrade; null without one."),
    COMPUTED("switched_at", TF_STRING, "When production was switched."),
    COMPUTED("switching", TF_BOOL, "A switchover is under way: AWS refuses writes for a short time."),
    COMPUTED("target_engine_version", TF_STRING, "Version the upgrade goes to; null without one."),
    COMPUTED_OF("tasks", TF_OBJECT_LIST, task_attrs, "AWS's own steps while it builds the new side."),
    COMPUTED("validated_at", TF_STRING, "When the validation passed for the first time."),
    COMPUTED_OF("workers", TF_OBJECT_LIST, worker_attrs,
                "Logical upgrade: the apply worker of each database; empty without a login for PostgreSQL."),
    COMPUTED("write_rate", TF_NUMBER,
             "Logical upgrade: bytes of WAL per second that production writes, over two seconds."),
    {.name = NULL},
};

static const struct tf_schema schema = {
    .attrs = attrs,
    .doc = "How far the upgrade of a cluster has come, with everything that changes from one look to the "
           "next: for outputs, `check` blocks and pipelines. It answers in every stage, while names move, "
           "too; reading fails only if there is neither a cluster nor anything of its upgrade. Replication "
           "slots are looked at if the provider has a login for PostgreSQL; if that fails, it is one of the "
           "findings.",
};

static const struct value *read_data(struct tf_call *c)
{
    struct operation o;
    const struct value *status = NULL;
    struct err e = ERR_INIT;
    if (!provider_session(c, NULL).aws) {
        provider_not_ready(c);
        return NULL;
    }
    if (!operation_start(&o, &kind_blue_green, c, c->config, &value_null))
        return NULL;
    bool ok = upgrade_status(&o, &status, &e);
    operation_done(&o);
    if (!ok) {
        tf_fail(c, &e);
        return NULL;
    }
    return tf_with(c, status, "cluster_identifier", value_get(c->config, "cluster_identifier"));
}

const struct tf_data_source data_source_upgrade_status = {
    .name = "aurora_upgrade_status",
    .schema = &schema,
    .read = read_data,
};
