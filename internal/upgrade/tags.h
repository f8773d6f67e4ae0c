/* tags.h — what is written down on objects of ours, and nowhere else (INTERFACE 2.6). Values use only
 * characters RDS allows in tags; times are ISO 8601 in UTC. Adding a fact is adding a name here. */
#ifndef AURORA_UPGRADE_TAGS_H
#define AURORA_UPGRADE_TAGS_H

/* On the deployment, on groups and snapshots we make, and on the old cluster: whose they are. */
#define TAG_CLUSTER        "aurora-upgrade:cluster"
#define TAG_RESOURCE       "aurora-upgrade:resource"
#define TAG_SOURCE_VERSION "aurora-upgrade:source-version"
#define TAG_TARGET_VERSION "aurora-upgrade:target-version"
/* On the deployment: when the validation passed for the first time; the soak counts from here. */
#define TAG_VALIDATED_AT "aurora-upgrade:validated-at"
/* On the cluster parameter group we make: production's own minimum capacity and what it was raised to,
 * "0.5/1.0". */
#define TAG_SOURCE_CAPACITY "aurora-upgrade:source-min-capacity"
/* On the deployment, later the old cluster: whose apply works on it, and until when (lease.h). */
#define TAG_HOLDER "aurora-upgrade:holder"
/* On the same: which of Terraform's objects looks after the run (provider/keeper.c). */
#define TAG_KEEPER "aurora-upgrade:kept-by"
/* On the old cluster, once it has lost the name; the time on the snapshot, too. */
#define TAG_OLD_OF      "aurora-upgrade:old-of"
#define TAG_SWITCHED_AT "aurora-upgrade:switched-at"
/* Before the point's name ("aurora-upgrade:hooks-in-window"): fingerprints of the hooks that have run. On the
 * deployment or the clone; those after the switch on the old cluster. */
#define TAG_HOOKS "aurora-upgrade:hooks-"
/* On the old cluster: since when the new side is watched, and its counters then. */
#define TAG_WATCHED "aurora-upgrade:watched-from"
/* On a parameter group attached with source_parameters = "manage": the group it replaced. */
#define TAG_REPLACED_GROUP "aurora-upgrade:replaced-group"

/* On the snapshot of an upgrade in place: its own name, which a copy has not; when all was over for good. */
#define TAG_SNAPSHOT     "aurora-upgrade:snapshot"
#define TAG_COMPLETED_AT "aurora-upgrade:completed-at"
/* On the same: when the upgrade was left to AWS's maintenance window; absent: it was not. */
#define TAG_SCHEDULED_AT "aurora-upgrade:scheduled-at"

/* On the same: production's parameter groups before the upgrade, and what its databases held
 * ("tables/rows/hash"). An instance that has another group than the writer has a tag of its own: the second's
 * name, a colon, and the instance's. */
#define TAG_CLUSTER_GROUP  "aurora-upgrade:cluster-group"
#define TAG_INSTANCE_GROUP "aurora-upgrade:instance-group"
#define TAG_CONTENT        "aurora-upgrade:content"

/* On the same, right before the call that upgrades: what the cluster's settings were (settings_note.c). Of an
 * instance: with a colon and its name. */
#define TAG_SETTINGS "aurora-upgrade:settings"

/* Roll-back of an upgrade in place. On the restored cluster, until the last moment before it takes the name:
 * the resource id of the cluster it replaces; since when names move. On its instances: whose name each takes.
 * On the cluster put aside, once it has lost the name: the resource id of what replaced it; when all was
 * over. */
#define TAG_REPLACES       "aurora-upgrade:replaces"
#define TAG_NAMES_MOVE     "aurora-upgrade:names-move"
#define TAG_TWIN_OF        "aurora-upgrade:twin-of"
#define TAG_REPLACED_BY    "aurora-upgrade:replaced-by"
#define TAG_ROLLED_BACK_AT "aurora-upgrade:rolled-back-at"

/* Rehearsal of an upgrade in place. On the clone: the resource id of the cluster it was made of; when the
 * call was made that upgrades it. On the clone, and on the parameter group that keeps the outcome: what was
 * rehearsed (versions, strategy, groups; "over" on a clone that is being removed), how many seconds the
 * upgrade took until its groups were in force, and ANALYZE ("-": could not be measured); on the group alone,
 * when it was over. */
#define TAG_REHEARSAL_OF         "aurora-upgrade:rehearsal-of"
#define TAG_REHEARSAL_BEGAN      "aurora-upgrade:rehearsal-began"
#define TAG_REHEARSAL            "aurora-upgrade:rehearsal"
#define TAG_REHEARSED_UPGRADE    "aurora-upgrade:rehearsed-upgrade-seconds"
#define TAG_REHEARSED_STATISTICS "aurora-upgrade:rehearsed-statistics-seconds"
#define TAG_REHEARSED_AT         "aurora-upgrade:rehearsed-at"

/* The clone of a logical upgrade: the resource id of the cluster it was made of; where its history ends, as
 * it said itself before its upgrade; since when what is written on production arrives there. Its instances
 * say with TAG_TWIN_OF which of production's they are like. */
#define TAG_CLONE_OF      "aurora-upgrade:clone-of"
#define TAG_RESTORE_LSN   "aurora-upgrade:restore-lsn"
#define TAG_FOLLOWS_SINCE "aurora-upgrade:follows-since"
/* On the snapshot that a clone is restored from: behind which slots it was made, as a hash; its own name is
 * there, too (TAG_SNAPSHOT), and the first of the three above. On its copy: what it is a copy of, and with
 * which key. */
#define TAG_SLOTS    "aurora-upgrade:slots"
#define TAG_COPY_OF  "aurora-upgrade:copy-of"
#define TAG_COPY_KEY "aurora-upgrade:copy-key"
/* On the clone: when its subscriptions were enabled first, noted before; when its materialized views were
 * refreshed. */
#define TAG_ENABLED_AT   "aurora-upgrade:enabled-at"
#define TAG_REFRESHED_AT "aurora-upgrade:refreshed-at"

/* On the same, after a switch that moved no name: the resource id of the cluster that it took over from; when
 * that one took over again. With TAG_SWITCHED_AT, and what is else said of an old cluster, which is not
 * ours here. */
#define TAG_NAMES_STAY  "aurora-upgrade:names-stay"
#define TAG_RETURNED_AT "aurora-upgrade:returned-at"
/* On the same, where a record of Route 53 is led: "<zone>/<name>/<time to live>/<the lowered one>", before it
 * is changed first; the id of the change that lowered it last; that id and since when every server had that,
 * with a slash between them; the ids of the changes that led it to the clone, and back. */
#define TAG_RECORD          "aurora-upgrade:record"
#define TAG_RECORD_TTL      "aurora-upgrade:record-ttl-change"
#define TAG_RECORD_SINCE    "aurora-upgrade:record-ttl-since"
#define TAG_RECORD_MOVED    "aurora-upgrade:record-moved"
#define TAG_RECORD_RETURNED "aurora-upgrade:record-returned"

#define TAG_RESOURCE_BLUE_GREEN "aurora_blue_green_upgrade"
#define TAG_RESOURCE_IN_PLACE   "aurora_in_place_upgrade"
#define TAG_RESOURCE_LOGICAL    "aurora_logical_upgrade"

#endif
