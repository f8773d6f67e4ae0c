/* flow_logical_upgrade.c — a logical upgrade, step by step: a proved copy that follows production, and takes
 * over from it.
 *
 * Two tables: forward, and back before the switch (after it: flow_logical_return.c); the rules are those of
 * flow_blue_green_upgrade.c. What the rows point to is in internal/upgrade/logical.h, which also says why
 * they stand in this order.
 */
#include "internal/upgrade/changed.h"
#include "internal/upgrade/in_place.h"
#include "provider/flow_logical_names.h"

static bool keeps_way_back(const struct upgrade *u)
{
    return u->request.reverse_replication;
}

static bool by_snapshot(const struct upgrade *u)
{
    return u->request.clones_by_snapshot;
}

static bool shares_pages(const struct upgrade *u)
{
    return !by_snapshot(u);
}

static bool names_key(const struct upgrade *u)
{
    return u->request.kms_key != NULL;
}

static bool gets_key(const struct upgrade *u)
{
    return by_snapshot(u) && names_key(u);
}

/* ---- what a row says ---- */

SAY(say_login, "Checks that there is a login: replication is set up in the databases.")
SAY(say_source,
    "Checks that %s is an available aurora-postgresql cluster that is no part of another upgrade.", CLUSTER)
SAY(say_key, "Checks that the key of clone.kms_key_id is a symmetric one of this Region, and enabled.")
SAY(say_position_known, "Checks that a clone of %s can tell its position.", CLUSTER)
SAY(say_databases, "Looks into every database for what would break replication or the upgrade, or lose data: "
                   "tables without a key, prepared and long transactions, subscriptions of your own, and "
                   "more; all findings at once.")
SAY(say_tables, "Checks that every entry of include_tables, exclude_tables and replica_identity_full names a "
                "table, and tells which tables are not followed.")
SAY(say_identities,
    "Sets REPLICA IDENTITY FULL on the tables of replica_identity_full that have no key; what they "
    "had is written down.")
SAY(say_cluster_group,
    "Makes sure of the cluster parameter group of family aurora-postgresql%d: yours, or one made from "
    "production's own overrides.",
    TO)
SAY(say_role, "Makes a login on production for the clone's subscriptions, with the right to replicate and "
              "nothing else.")
SAY(say_facts,
    "Makes schema aurora_upgrade in every database: what must be remembered about it, and markers.")
SAY(say_catalogue_noted, "Writes down in every database what its catalogue is: DDL is not replicated.")
SAY(say_catalogue_compared,
    "Looks for DDL on production since then: what was changed must have been changed on the "
    "clone, too, and is then written down anew.")
SAY(say_taken,
    "Checks that every table and partition that production sends is taken by the clone: one made since the "
    "subscription was is dropped without a word.")
SAY(say_catalogue, "Checks that production's catalogue was not changed since both sides were compared.")
SAY(say_catalogue_carried,
    "Checks that no DDL came in between the last look and the stop of writes without being there now, and "
    "writes down on the old side that it was so: looked at once.")
SAY(say_publication, "Makes a publication in every database%s.",
    u->request.publishes_all ? " for all tables"
    : chooses_tables(u)      ? ", with the list of the tables chosen"
                             : ", with an explicit list of its tables")
SAY(say_slots, "Makes a replication slot in every database: from here on production keeps what the clone has "
               "not taken yet.")
SAY(say_retained, "Checks that production keeps no more WAL for that than max_retained_wal; else the slots "
                  "are dropped again.")
SAY(say_marker, "Writes a marker into every database: the clone must hold it.")
SAY(say_seed,
    "Makes a snapshot of %s: the clone is restored from it, and it must not be older than the slots.",
    CLUSTER)
SAY(say_seed_ready, "Waits until the snapshot is available.")
SAY(say_seed_copy,
    "Copies the snapshot with the key of clone.kms_key_id; where %s is not encrypted, what is "
    "restored from it gets the key.",
    CLUSTER)
SAY(say_seed_copied, "Waits until the copy is available: the whole volume is written again.")
static void say_clone(const struct upgrade *u, struct buf *out)
{
    if (by_snapshot(u))
        (void)buf_printf(out, "Restores the snapshot as a cluster, with every setting of %s%s.", CLUSTER,
                         gets_key(u) ? " but the key" : "");
    else
        (void)buf_printf(out, "Clones %s (copy-on-write), with every setting.", CLUSTER);
}
SAY(say_restored, "Waits until what was restored is available: it takes as long as the volume is large.")
SAY(say_seeds_removed, "Deletes the snapshots that the clone was made from: its position is proved.")
SAY(say_seeds_remove, "Deletes the snapshots that the clone was to be made from, if there are any.")
SAY(say_cloned, "Waits until the clone is available.")
SAY(say_writer, "Makes the clone's first instance, like production's writer.")
SAY(say_clone_ready, "Waits until the clone and its instances are available.")
SAY(say_position, "Reads where the clone's history ends, before its upgrade, proves it against slot and "
                  "marker, and writes it down on the clone.")
SAY(say_inherited, "Removes slots and subscriptions that the clone has inherited.")
SAY(say_upgrade, "Upgrades the clone from %d to %d.", FROM, TO)
SAY(say_upgraded,
    "Waits until the clone is available on %d; when AWS gives up, its events and its log say why.", TO)
SAY(say_clone_settings, "Gives the clone every setting of production that AWS did not carry over.")
SAY(say_clone_reboot, "Reboots the clone's instances that wait for their parameter groups.")
SAY(say_clone_in_sync, "Waits until every instance of the clone has its parameters in sync.")
SAY(say_subscription, "Makes a subscription in every database of the clone: without a copy, disabled.")
SAY(say_origin, "Lets every subscription begin where the clone's history ends.")
SAY(say_enabled, "Enables the subscriptions.")
SAY(say_follow_marker,
    "Writes a marker into every database of production: it has to arrive on the clone, once.")
SAY(say_following, "Waits until that marker has arrived in every database of the clone.")
SAY(say_readers, "Makes the clone's other instances, like production's.")
SAY(say_prepared, "Writes down on the clone since when it follows.")
SAY(say_views, "Refreshes the clone's materialized views: replication carries none.")
SAY(say_extensions,
    "Updates the clone's extensions that are behind the new version; one that may not be updated "
    "is told.")
SAY(say_statistics, "Runs ANALYZE on the clone, in stages: an upgrade does not carry statistics.")
SAY(say_validated, "Writes down that the validation has passed, as a tag of the clone.")
SAY(say_old_clear, "Drops what is left of the replication on %s, which stays, fenced: it is yours.", CLUSTER)
SAY(cli_old_clear,
    "DROP SUBSCRIPTION " LOGICAL_NAME "; DROP PUBLICATION " LOGICAL_NAME "; DROP ROLE " LOGICAL_ROLE)
SAY(say_completed, "Writes down on the new cluster that the upgrade is over.")
SAY(say_slots_remove, "Drops the replication slots of this upgrade: production keeps no WAL for it any more.")
SAY(say_publications_remove, "Drops its publications.")
SAY(say_role_remove, "Drops the login of the clone's subscriptions.")
SAY(say_facts_remove, "Drops schema aurora_upgrade in every database.")
SAY(say_unprotect, "Lifts the deletion protection of the clone.")
SAY(say_snapshots_delete, "Deletes the snapshot that AWS made of the clone before its upgrade.")
SAY(say_instances_delete, "Deletes the clone's instances.")
SAY(say_clone_delete, "Deletes the clone, without a final snapshot; production is not touched.")
SAY(say_clone_gone, "Waits until the clone is gone.")

/* ---- the same by hand ---- */

SAY(cli_role, "CREATE ROLE " LOGICAL_ROLE " LOGIN; GRANT rds_replication TO " LOGICAL_ROLE)
SAY(cli_facts,
    "CREATE SCHEMA aurora_upgrade; CREATE TABLE aurora_upgrade.fact (…), aurora_upgrade.marker (…)")
SAY(cli_identities, "ALTER TABLE <each of them> REPLICA IDENTITY FULL")
SAY(cli_catalogue_noted, "INSERT INTO aurora_upgrade.fact VALUES ('catalogue', …)")
SAY(cli_catalogue_compared, "your DDL (on the clone)")
SAY(cli_catalogue_carried,
    "INSERT INTO aurora_upgrade.fact VALUES ('catalogue_carried', …) (on the old side)")
SAY(cli_publication, "CREATE PUBLICATION " LOGICAL_NAME "%s",
    u->request.publishes_all ? " FOR ALL TABLES"
    : chooses_tables(u)      ? " FOR TABLE ONLY <each table chosen>"
                             : " FOR TABLE ONLY <each table>")
SAY(cli_slots, "SELECT pg_create_logical_replication_slot('" LOGICAL_SLOT_PREFIX "<oid>', 'pgoutput')")
SAY(cli_marker, "INSERT INTO aurora_upgrade.marker (token) VALUES (…)")
SAY(cli_seed,
    RDS
    "create-db-cluster-snapshot --db-cluster-identifier %s --db-cluster-snapshot-identifier %s-next-<time>",
    CLUSTER, CLUSTER)
SAY(cli_seed_copy,
    RDS "copy-db-cluster-snapshot --source-db-cluster-snapshot-identifier %s-next-<time> "
        "--target-db-cluster-snapshot-identifier %s-next-<time>-copy --kms-key-id <key>",
    CLUSTER, CLUSTER)
static void cli_clone(const struct upgrade *u, struct buf *out)
{
    if (by_snapshot(u))
        (void)buf_printf(out,
                         RDS "restore-db-cluster-from-snapshot --snapshot-identifier %s-next-<time>%s "
                             "--db-cluster-identifier %s-next --engine aurora-postgresql --engine-version "
                             "<present version> <settings of %s>",
                         CLUSTER, gets_key(u) ? "-copy --kms-key-id <key>" : "", CLUSTER, CLUSTER);
    else
        (void)buf_printf(out,
                         RDS
                         "restore-db-cluster-to-point-in-time --restore-type copy-on-write "
                         "--use-latest-restorable-time "
                         "--source-db-cluster-identifier %s --db-cluster-identifier %s-next <settings of %s>",
                         CLUSTER, CLUSTER, CLUSTER);
}
SAY(cli_seeds_remove, RDS "delete-db-cluster-snapshot --db-cluster-snapshot-identifier %s-next-<time>",
    CLUSTER)
SAY(cli_writer,
    RDS
    "create-db-instance --db-cluster-identifier %s-next --engine aurora-postgresql <settings of the twin>",
    CLUSTER)
SAY(cli_position,
    "SELECT aurora_volume_logical_start_lsn() (on the clone); " RDS
    "add-tags-to-resource --resource-name <clone> --tags Key=aurora-upgrade:restore-lsn,Value=…")
SAY(cli_inherited,
    "DROP SUBSCRIPTION …; SELECT pg_drop_replication_slot(…); ROLLBACK PREPARED … (on the clone)")
SAY(cli_upgrade,
    RDS "modify-db-cluster --db-cluster-identifier %s-next --engine-version %d --allow-major-version-upgrade "
        "--db-cluster-parameter-group-name <group> --db-instance-parameter-group-name <group> "
        "--apply-immediately",
    CLUSTER, TO)
SAY(cli_clone_settings,
    RDS "modify-db-cluster, modify-db-instance, add-role-to-db-cluster (what differs, on the clone)")
SAY(cli_clone_reboot, RDS "reboot-db-instance --db-instance-identifier <each instance of %s-next>", CLUSTER)
SAY(cli_subscription, "CREATE SUBSCRIPTION " LOGICAL_NAME " CONNECTION '…' PUBLICATION " LOGICAL_NAME
                      " WITH (copy_data = false, create_slot = false, enabled = false, slot_name = '…')")
SAY(cli_origin, "SELECT pg_replication_origin_advance('pg_' || oid, '<restore-lsn>') FROM pg_subscription")
SAY(cli_enabled, "ALTER SUBSCRIPTION " LOGICAL_NAME " ENABLE")
SAY(cli_follow, "SELECT count(*) FROM aurora_upgrade.marker WHERE token = … (on the clone)")
SAY(cli_prepared,
    RDS "add-tags-to-resource --resource-name <clone> --tags Key=aurora-upgrade:follows-since,Value=<now>")
SAY(cli_views, "REFRESH MATERIALIZED VIEW <each> (on the clone)")
SAY(cli_extensions, "ALTER EXTENSION <each that is behind> UPDATE (on the clone)")
SAY(cli_statistics, "vacuumdb --all --analyze-in-stages (on the clone)")
SAY(cli_validated,
    RDS "add-tags-to-resource --resource-name <clone> --tags Key=aurora-upgrade:validated-at,Value=<now>")
SAY(cli_slots_remove, "SELECT pg_drop_replication_slot('" LOGICAL_SLOT_PREFIX "<oid>')")
SAY(cli_publications_remove, "DROP PUBLICATION " LOGICAL_NAME)
SAY(cli_role_remove, "DROP ROLE " LOGICAL_ROLE)
SAY(cli_facts_remove, "DROP SCHEMA aurora_upgrade CASCADE")
SAY(cli_unprotect,
    RDS "modify-db-cluster --db-cluster-identifier %s-next --no-deletion-protection --apply-immediately",
    CLUSTER)
SAY(cli_snapshots_delete,
    RDS "delete-db-cluster-snapshot --db-cluster-snapshot-identifier preupgrade-%s-next-…", CLUSTER)
SAY(cli_instances_delete, RDS "delete-db-instance --db-instance-identifier <each instance of %s-next>",
    CLUSTER)
SAY(cli_clone_delete, RDS "delete-db-cluster --db-cluster-identifier %s-next --skip-final-snapshot", CLUSTER)

SAY(say_old_names, "Checks that nobody has the names that the old cluster and its instances get.")
SAY(say_same_clone, "Gives the clone what it still lacks of production's settings, and production's tags.")
SAY(say_still_equal,
    "Waits for one moment at which all is in order: the clone available and at most max_lag behind%s.",
    u->request.window ? ", the window open" : "")
SAY(say_record_ttl,
    "Lowers the time to live of your record to %d s where it is longer, which also proves that it may be "
    "changed.",
    u->request.record.ttl)
SAY(say_record_known, "Waits until every server of Route 53 answers so.")
SAY(say_record_since, "Writes down on the clone since when.")
SAY(say_record_old,
    "Waits until nobody can have an answer from before that: as long as the old time to live.")
SAY(say_record_moved,
    "Leads your record to the clone. Who has the old answer, for up to %d s, goes on to the fenced side: "
    "refused, "
    "not lost.",
    u->request.record.ttl)
SAY(say_changed,
    "Compares the rows that have changed on either side since all were compared, until few are left.")
SAY(say_switch,
    "Stops all writes to %s (fence), waits until the clone has the last of them (marker), carries the "
    "sequences, compares the rows that changed last%s, and proves it; at most max_write_outage, else "
    "everything is taken back. From here on it "
    "goes forward.",
    CLUSTER, keeps_way_back(u) ? ", makes the slot of the way back" : "")
SAY(say_switched, "Writes down on the old cluster when the switch was.")
SAY(say_forward_removed, "Drops the subscriptions of the clone that was, and their slots on the old side.")
SAY(say_way_back, "Lets the old side, fenced for everybody else, follow the new one.")
SAY(say_back_marker,
    "Writes a marker into every database of the new side: it has to arrive on the old one, once.")
SAY(say_back_follows,
    "Waits until that marker has arrived: from here on stage = \"rolled_back\" loses nothing.")
SAY(say_source_group_gone,
    "Deletes the copy of production's group that was made for the upgrade, where there is one.")
SAY(say_way_back_over, "Drops the way back: subscriptions of the old side, and their slots on the new one.")

SAY(cli_switch,
    "REVOKE CONNECT ON DATABASE … FROM …; SELECT pg_terminate_backend(pid) …; INSERT INTO "
    "aurora_upgrade.marker …; SELECT setval(…) (on the clone); " RDS
    "add-tags-to-resource --resource-name <clone> --tags Key=aurora-upgrade:names-move,Value=<now>")
SAY(cli_forward_removed,
    "DROP SUBSCRIPTION " LOGICAL_NAME "; SELECT pg_drop_replication_slot(…) (on the old side)")
SAY(cli_way_back, "CREATE SUBSCRIPTION " LOGICAL_NAME
                  " … WITH (copy_data = false, create_slot = false, slot_name = '" LOGICAL_BACK_PREFIX
                  "<oid>') (on the old side)")
SAY(cli_way_back_over,
    "DROP SUBSCRIPTION " LOGICAL_NAME " (on the old side); SELECT pg_drop_replication_slot(…)")
SAY(cli_old_unprotect,
    RDS "modify-db-cluster --db-cluster-identifier %s-old --no-deletion-protection --apply-immediately",
    CLUSTER)
SAY(cli_old_cluster,
    RDS "delete-db-cluster --db-cluster-identifier %s-old --final-db-snapshot-identifier <name>", CLUSTER)

/* ---- the tables ---- */

/* clang-format off */
static const struct step forward[] = {
    FENCE_LIFTED(STAGE_PREPARED),
    {.name = "check-login", .stage = STAGE_PREPARED, .kind = STEP_CHECK, .duration = "seconds",
     .describe = say_login, .is_done = login_check},
    {.name = "check-source", .stage = STAGE_PREPARED, .kind = STEP_CHECK, .duration = "seconds",
     .describe = say_source, .is_done = in_place_source_check},
    {.name = "check-target", .stage = STAGE_PREPARED, .kind = STEP_CHECK, .duration = "seconds",
     .describe = say_target, .is_done = target_check},
    {.name = "check-parameters", .stage = STAGE_PREPARED, .kind = STEP_CHECK, .duration = "seconds",
     .describe = say_parameters, .is_done = parameters_check},
    {.name = "check-clone-key", .stage = STAGE_PREPARED, .kind = STEP_CHECK, .duration = "seconds", .applies = names_key,
     .describe = say_key, .is_done = clone_key_check},
    {.name = "check-record-known", .stage = STAGE_PREPARED, .kind = STEP_CHECK, .duration = "seconds", .applies = leads_record,
     .describe = say_record_check, .is_done = record_check},
    {.name = "check-start-position", .stage = STAGE_PREPARED, .kind = STEP_CHECK, .duration = "seconds", .applies = has_login,
     .describe = say_position_known, .is_done = start_position_check},
    {.name = "check-databases", .stage = STAGE_PREPARED, .kind = STEP_CHECK, .duration = "seconds", .applies = has_login,
     .describe = say_databases, .is_done = databases_check},
    {.name = "check-tables", .stage = STAGE_PREPARED, .kind = STEP_CHECK, .duration = "seconds", .applies = names_tables,
     .describe = say_tables, .is_done = tables_check},
    {.name = "source-parameters", .stage = STAGE_PREPARED, .kind = STEP_CHANGE, .duration = "seconds", .applies = manages_source,
     .describe = say_source_group, .equivalent = cli_source_group, .is_done = source_parameters_done, .run = source_parameters_run},
    {.name = "source-settled", .stage = STAGE_PREPARED, .kind = STEP_WAIT, .duration = "minutes", .applies = may_reboot,
     .describe = say_source_settled, .is_done = source_settled},
    {.name = "source-reboot", .stage = STAGE_PREPARED, .kind = STEP_CHANGE, .duration = "minutes", .applies = may_reboot,
     .blocks_writes = true, .describe = say_source_reboot, .equivalent = cli_source_reboot,
     .is_done = source_reboot_done, .run = source_reboot_run},
    {.name = "source-ready", .stage = STAGE_PREPARED, .kind = STEP_WAIT, .duration = "minutes", .applies = may_reboot,
     .describe = say_source_ready, .is_done = source_in_sync},
    {.name = "cluster-parameter-group", .stage = STAGE_PREPARED, .kind = STEP_CHANGE, .duration = "seconds",
     .describe = say_cluster_group, .equivalent = cli_cluster_group, .is_done = cluster_group_done, .run = cluster_group_run},
    {.name = "instance-parameter-group", .stage = STAGE_PREPARED, .kind = STEP_CHANGE, .duration = "seconds",
     .describe = say_instance_group, .equivalent = cli_instance_group, .is_done = instance_group_done, .run = instance_group_run},

    {.name = "replication-role", .stage = STAGE_PREPARED, .kind = STEP_CHANGE, .duration = "seconds",
     .describe = say_role, .equivalent = cli_role, .is_done = role_done, .run = role_run},
    {.name = "facts", .stage = STAGE_PREPARED, .kind = STEP_CHANGE, .duration = "seconds",
     .describe = say_facts, .equivalent = cli_facts, .is_done = facts_done, .run = facts_run},
    {.name = "replica-identity", .stage = STAGE_PREPARED, .kind = STEP_CHANGE, .duration = "seconds", .applies = sets_identities,
     .describe = say_identities, .equivalent = cli_identities, .is_done = identities_done, .run = identities_run},
    {.name = "catalogue-noted", .stage = STAGE_PREPARED, .kind = STEP_CHANGE, .duration = "seconds",
     .describe = say_catalogue_noted, .equivalent = cli_catalogue_noted, .is_done = catalogue_noted, .run = catalogue_note},
    {.name = "publication", .stage = STAGE_PREPARED, .kind = STEP_CHANGE, .duration = "seconds",
     .describe = say_publication, .equivalent = cli_publication, .is_done = publication_done, .run = publication_run},
    {.name = "slots", .stage = STAGE_PREPARED, .kind = STEP_CHANGE, .duration = "minutes", .undo_on_failure = true,
     .describe = say_slots, .equivalent = cli_slots, .is_done = slots_done, .run = slots_run, .undo = slots_give_up},
    {.name = "check-retained-wal", .stage = STAGE_PREPARED, .kind = STEP_CHECK, .duration = "seconds",
     .describe = say_retained, .is_done = retained_wal_check},
    {.name = "marker", .stage = STAGE_PREPARED, .kind = STEP_CHANGE, .duration = "seconds",
     .describe = say_marker, .equivalent = cli_marker, .is_done = marker_done, .run = marker_run},
    {.name = "clone-snapshot", .stage = STAGE_PREPARED, .kind = STEP_CHANGE, .duration = "seconds", .applies = by_snapshot,
     .describe = say_seed, .equivalent = cli_seed, .is_done = seed_taken, .run = seed_take},
    {.name = "clone-snapshot-ready", .stage = STAGE_PREPARED, .kind = STEP_WAIT, .duration = "minutes", .applies = by_snapshot,
     .describe = say_seed_ready, .is_done = kept_seed_ready},
    {.name = "clone-snapshot-copy", .stage = STAGE_PREPARED, .kind = STEP_CHANGE, .duration = "seconds", .applies = gets_key,
     .describe = say_seed_copy, .equivalent = cli_seed_copy, .is_done = seed_copied, .run = seed_copy},
    {.name = "clone-snapshot-copied", .stage = STAGE_PREPARED, .kind = STEP_WAIT, .duration = "hours", .applies = gets_key,
     .describe = say_seed_copied, .is_done = kept_seed_copy_ready},
    {.name = "clone", .stage = STAGE_PREPARED, .kind = STEP_CHANGE, .duration = "seconds",
     .describe = say_clone, .equivalent = cli_clone, .is_done = clone_made, .run = clone_make},
    {.name = "clone-created", .stage = STAGE_PREPARED, .kind = STEP_WAIT, .duration = "minutes", .applies = shares_pages,
     .describe = say_cloned, .is_done = kept_clone_exists},
    {.name = "clone-restored", .stage = STAGE_PREPARED, .kind = STEP_WAIT, .duration = "hours", .applies = by_snapshot,
     .describe = say_restored, .is_done = kept_clone_exists},
    {.name = "clone-writer", .stage = STAGE_PREPARED, .kind = STEP_CHANGE, .duration = "seconds",
     .describe = say_writer, .equivalent = cli_writer, .is_done = clone_writer_made, .run = clone_writer_make},
    {.name = "clone-available", .stage = STAGE_PREPARED, .kind = STEP_WAIT, .duration = "minutes",
     .describe = say_clone_ready, .is_done = kept_clone_available},
    {.name = "position", .stage = STAGE_PREPARED, .kind = STEP_CHANGE, .duration = "seconds",
     .describe = say_position, .equivalent = cli_position, .is_done = position_noted, .run = position_note},
    {.name = "inherited-removed", .stage = STAGE_PREPARED, .kind = STEP_CHANGE, .duration = "seconds",
     .describe = say_inherited, .equivalent = cli_inherited, .is_done = inherited_removed, .run = inherited_remove},
    {.name = "clone-snapshot-removed", .stage = STAGE_PREPARED, .kind = STEP_CHANGE, .duration = "seconds", .applies = by_snapshot,
     .describe = say_seeds_removed, .equivalent = cli_seeds_remove, .is_done = seeds_removed, .run = seeds_remove},
    {.name = "clone-upgrade", .stage = STAGE_PREPARED, .kind = STEP_CHANGE, .duration = "minutes",
     .describe = say_upgrade, .equivalent = cli_upgrade, .is_done = clone_upgrade_begun, .run = clone_upgrade_begin},
    {.name = "clone-upgraded", .stage = STAGE_PREPARED, .kind = STEP_WAIT, .duration = "minutes",
     .describe = say_upgraded, .is_done = kept_clone_upgraded},
    {.name = "clone-settings", .stage = STAGE_PREPARED, .kind = STEP_CHANGE, .duration = "minutes",
     .describe = say_clone_settings, .equivalent = cli_clone_settings, .is_done = green_settings_done, .run = green_settings_run},
    {.name = "clone-reboot", .stage = STAGE_PREPARED, .kind = STEP_CHANGE, .duration = "minutes",
     .describe = say_clone_reboot, .equivalent = cli_clone_reboot, .is_done = green_reboot_done, .run = green_reboot_run},
    {.name = "clone-in-sync", .stage = STAGE_PREPARED, .kind = STEP_WAIT, .duration = "minutes",
     .describe = say_clone_in_sync, .is_done = kept_green_in_sync},
    {.name = "subscription", .stage = STAGE_PREPARED, .kind = STEP_CHANGE, .duration = "seconds",
     .describe = say_subscription, .equivalent = cli_subscription, .is_done = subscriptions_done, .run = subscriptions_run},
    {.name = "origin", .stage = STAGE_PREPARED, .kind = STEP_CHANGE, .duration = "seconds",
     .describe = say_origin, .equivalent = cli_origin, .is_done = origins_done, .run = origins_run},
    {.name = "enabled", .stage = STAGE_PREPARED, .kind = STEP_CHANGE, .duration = "seconds",
     .describe = say_enabled, .equivalent = cli_enabled, .is_done = enabled_done, .run = enabled_run},
    {.name = "follow-marker", .stage = STAGE_PREPARED, .kind = STEP_CHANGE, .duration = "seconds",
     .describe = say_follow_marker, .equivalent = cli_marker, .is_done = follow_marker_done, .run = follow_marker_run},
    {.name = "following", .stage = STAGE_PREPARED, .kind = STEP_WAIT, .duration = "hours",
     .describe = say_following, .equivalent = cli_follow, .is_done = following},
    {.name = "clone-instances", .stage = STAGE_PREPARED, .kind = STEP_CHANGE, .duration = "seconds",
     .describe = say_readers, .equivalent = cli_writer, .is_done = clone_instances_made, .run = clone_instances_make},
    {.name = "clone-ready", .stage = STAGE_PREPARED, .kind = STEP_WAIT, .duration = "minutes",
     .describe = say_clone_ready, .is_done = kept_clone_available},
    {.name = "prepared", .stage = STAGE_PREPARED, .kind = STEP_CHANGE, .duration = "seconds",
     .describe = say_prepared, .equivalent = cli_prepared, .is_done = follows_noted, .run = follows_note},

    {.name = "hooks-after-prepare", .stage = STAGE_PREPARED, .kind = STEP_CHANGE, .duration = "minutes", .applies = has_after_prepare,
     .describe = say_after_prepare, .equivalent = cli_hooks, .is_done = after_prepare_hooks_done, .run = after_prepare_hooks_run},

    {.name = "catalogue-compared", .stage = STAGE_VALIDATED, .kind = STEP_CHANGE, .duration = "seconds",
     .describe = say_catalogue_compared, .equivalent = cli_catalogue_compared, .is_done = catalogue_same, .run = catalogue_accept},
    {.name = "replication-caught-up", .stage = STAGE_VALIDATED, .kind = STEP_WAIT, .duration = "minutes",
     .describe = say_lag, .equivalent = cli_lag, .is_done = clone_caught_up},
    {.name = "clone-materialized-views", .stage = STAGE_VALIDATED, .kind = STEP_CHANGE, .duration = "minutes",
     .describe = say_views, .equivalent = cli_views, .is_done = clone_views_done, .run = clone_views_run},
    {.name = "clone-statistics", .stage = STAGE_VALIDATED, .kind = STEP_CHANGE, .duration = "minutes",
     .describe = say_statistics, .equivalent = cli_statistics, .is_done = statistics_done, .run = statistics_run},
    {.name = "check-schema", .stage = STAGE_VALIDATED, .kind = STEP_CHECK, .duration = "seconds",
     .describe = say_schema, .is_done = schema_check},
    {.name = "check-followed", .stage = STAGE_VALIDATED, .kind = STEP_CHECK, .duration = "seconds",
     .describe = say_taken, .is_done = taken_check},
    {.name = "check-rows", .stage = STAGE_VALIDATED, .kind = STEP_CHECK, .duration = "minutes",
     .describe = say_rows, .is_done = rows_check},
    {.name = "check-queries", .stage = STAGE_VALIDATED, .kind = STEP_CHECK, .duration = "minutes", .applies = has_queries,
     .describe = say_queries, .is_done = queries_check},
    {.name = "check-settings", .stage = STAGE_VALIDATED, .kind = STEP_CHECK, .duration = "seconds",
     .describe = say_settings, .is_done = settings_check},
    {.name = "clone-extensions", .stage = STAGE_VALIDATED, .kind = STEP_CHANGE, .duration = "seconds",
     .describe = say_extensions, .equivalent = cli_extensions, .is_done = clone_extensions_done, .run = clone_extensions_run},
    {.name = "check-catalogue", .stage = STAGE_VALIDATED, .kind = STEP_CHECK, .duration = "seconds",
     .describe = say_catalogue, .is_done = catalogue_check},
    {.name = "validated", .stage = STAGE_VALIDATED, .kind = STEP_CHANGE, .duration = "seconds",
     .describe = say_validated, .equivalent = cli_validated, .is_done = validated_done, .run = validated_run},
    {.name = "soak", .stage = STAGE_VALIDATED, .kind = STEP_WAIT, .duration = "hours", .applies = soaks,
     .describe = say_soak, .is_done = kept_soak_over, .fits = soak_fits},

    {.name = "check-names", .stage = STAGE_SWITCHED, .kind = STEP_CHECK, .duration = "seconds", .applies = moves_names,
     .describe = say_old_names, .is_done = old_names_check},
    {.name = "check-catalogue-again", .stage = STAGE_SWITCHED, .kind = STEP_CHECK, .duration = "seconds",
     .describe = say_catalogue, .is_done = catalogue_check},
    {.name = "check-schema-again", .stage = STAGE_SWITCHED, .kind = STEP_CHECK, .duration = "seconds",
     .describe = say_schema, .is_done = schema_check},
    {.name = "clone-settings-again", .stage = STAGE_SWITCHED, .kind = STEP_CHANGE, .duration = "minutes",
     .describe = say_same_clone, .equivalent = cli_clone_settings, .is_done = clone_settings_same, .run = clone_settings_carry},
    {.name = "endpoints-copied", .stage = STAGE_SWITCHED, .kind = STEP_CHANGE, .duration = "minutes", .applies = moves_names,
     .describe = say_names_copy, .equivalent = cli_names_copy, .is_done = endpoints_copied, .run = endpoints_copy},
    {.name = "clone-snapshots-deleted", .stage = STAGE_SWITCHED, .kind = STEP_CHANGE, .duration = "seconds",
     .describe = say_snapshots_delete, .equivalent = cli_snapshots_delete, .is_done = clone_snapshots_deleted, .run = clone_snapshots_delete},
    {.name = "check-record", .stage = STAGE_SWITCHED, .kind = STEP_CHECK, .duration = "seconds", .applies = leads_record,
     .describe = say_record_check, .is_done = record_check},
    {.name = "record-ttl", .stage = STAGE_SWITCHED, .kind = STEP_CHANGE, .duration = "seconds", .applies = leads_record,
     .describe = say_record_ttl, .equivalent = cli_record, .is_done = record_ttl_lowered, .run = record_ttl_lower},
    {.name = "record-ttl-in-sync", .stage = STAGE_SWITCHED, .kind = STEP_WAIT, .duration = "seconds", .applies = leads_record,
     .describe = say_record_known, .is_done = record_ttl_in_sync},
    {.name = "record-ttl-noted", .stage = STAGE_SWITCHED, .kind = STEP_CHANGE, .duration = "seconds", .applies = leads_record,
     .describe = say_record_since, .equivalent = cli_names_tag, .is_done = record_ttl_noted, .run = record_ttl_note},
    {.name = "record-ttl-passed", .stage = STAGE_SWITCHED, .kind = STEP_WAIT, .duration = "minutes", .applies = leads_record,
     .describe = say_record_old, .is_done = record_ttl_passed, .fits = record_ttl_fits},
    {.name = "hooks-before-switch", .stage = STAGE_SWITCHED, .kind = STEP_CHANGE, .duration = "minutes", .applies = has_before_switch,
     .describe = say_before_switch, .equivalent = cli_hooks, .is_done = before_switch_hooks_done, .run = before_switch_hooks_run},
    {.name = "window", .stage = STAGE_SWITCHED, .kind = STEP_WAIT, .duration = "hours", .applies = has_window,
     .describe = say_window, .is_done = window_open, .fits = window_fits},
    {.name = "hooks-in-window", .stage = STAGE_SWITCHED, .kind = STEP_CHANGE, .duration = "minutes", .applies = has_in_window,
     .describe = say_in_window, .equivalent = cli_hooks, .is_done = in_window_hooks_done, .run = in_window_hooks_run},
    {.name = "ready-to-switch", .stage = STAGE_SWITCHED, .kind = STEP_WAIT, .duration = "seconds",
     .describe = say_still_equal, .equivalent = cli_lag, .is_done = clone_ready_to_switch, .fits = window_fits},
    {.name = "check-changed-rows", .stage = STAGE_SWITCHED, .kind = STEP_CHECK, .duration = "seconds",
     .describe = say_changed, .is_done = changed_check},
    {.name = "check-fence", .stage = STAGE_SWITCHED, .kind = STEP_CHECK, .duration = "seconds",
     .describe = say_fence_check, .is_done = fence_check},
    {.name = "check-credentials", .stage = STAGE_SWITCHED, .kind = STEP_CHECK, .duration = "seconds", .applies = moves_names,
     .describe = say_names_credentials, .is_done = credentials_check_names},
    {.name = "check-record-again", .stage = STAGE_SWITCHED, .kind = STEP_CHECK, .duration = "seconds", .applies = leads_record,
     .describe = say_record_check, .is_done = record_check_again},
    {.name = "check-window", .stage = STAGE_SWITCHED, .kind = STEP_CHECK, .duration = "seconds", .applies = has_window,
     .describe = say_window_left, .is_done = window_check},
    {.name = "switch", .stage = STAGE_SWITCHED, .kind = STEP_NO_RETURN, .duration = "seconds", .blocks_writes = true,
     .describe = say_switch, .equivalent = cli_switch, .is_done = switch_done, .run = cutover_run},
    ENDPOINT_WAY(STAGE_SWITCHED),
    {.name = "record-moved", .stage = STAGE_SWITCHED, .kind = STEP_CHANGE, .duration = "seconds", .applies = leads_record, .blocks_writes = true,
     .describe = say_record_moved, .equivalent = cli_record, .is_done = record_moved, .run = record_move},
    NAMES_MOVE(STAGE_SWITCHED),
    {.name = "old-protected", .stage = STAGE_SWITCHED, .kind = STEP_CHANGE, .duration = "seconds", .applies = moves_names,
     .describe = say_names_protect, .equivalent = cli_names_protect, .is_done = aside_protected, .run = aside_protect},
    {.name = "switched-noted", .stage = STAGE_SWITCHED, .kind = STEP_CHANGE, .duration = "seconds", .applies = moves_names,
     .describe = say_switched, .equivalent = cli_names_tag, .is_done = switched_noted, .run = switched_note},
    {.name = "hooks-at-switch", .stage = STAGE_SWITCHED, .kind = STEP_CHANGE, .duration = "minutes", .applies = has_at_switch,
     .describe = say_at_switch, .equivalent = cli_hooks, .is_done = at_switch_hooks_done, .run = at_switch_hooks_run},
    {.name = "record-in-sync", .stage = STAGE_SWITCHED, .kind = STEP_WAIT, .duration = "seconds", .applies = leads_record, .blocks_writes = true,
     .describe = say_record_known, .is_done = record_move_in_sync},
    {.name = "new-available", .stage = STAGE_SWITCHED, .kind = STEP_WAIT, .duration = "minutes",
     .describe = say_names_available, .is_done = new_available},
    {.name = "return-given-up", .stage = STAGE_SWITCHED, .kind = STEP_CHANGE, .duration = "seconds",
     .describe = say_fence_lift, .equivalent = cli_fence_lift, .is_done = fence_lifted, .run = fence_lift},
    {.name = "verify-version", .stage = STAGE_SWITCHED, .kind = STEP_CHECK, .duration = "seconds",
     .describe = say_new_version, .is_done = new_version_check},
    {.name = "verify-catalogue", .stage = STAGE_SWITCHED, .kind = STEP_CHANGE, .duration = "seconds",
     .describe = say_catalogue_carried, .equivalent = cli_catalogue_carried, .is_done = catalogue_carried, .run = catalogue_carried_note},
    {.name = "forward-removed", .stage = STAGE_SWITCHED, .kind = STEP_CHANGE, .duration = "seconds",
     .describe = say_forward_removed, .equivalent = cli_forward_removed, .is_done = forward_removed, .run = forward_remove},
    {.name = "way-back", .stage = STAGE_SWITCHED, .kind = STEP_CHANGE, .duration = "seconds", .applies = keeps_way_back,
     .describe = say_way_back, .equivalent = cli_way_back, .is_done = way_back_made, .run = way_back_make},
    {.name = "way-back-marker", .stage = STAGE_SWITCHED, .kind = STEP_CHANGE, .duration = "seconds", .applies = keeps_way_back,
     .describe = say_back_marker, .equivalent = cli_marker, .is_done = way_back_marked, .run = way_back_mark},
    {.name = "way-back-follows", .stage = STAGE_SWITCHED, .kind = STEP_WAIT, .duration = "seconds", .applies = keeps_way_back,
     .describe = say_back_follows, .is_done = way_back_follows},
    {.name = "new-extensions", .stage = STAGE_SWITCHED, .kind = STEP_CHANGE, .duration = "seconds",
     .describe = say_new_extensions, .equivalent = cli_new_extensions, .is_done = new_extensions_done, .run = new_extensions_run},
    {.name = "new-settings", .stage = STAGE_SWITCHED, .kind = STEP_CHANGE, .duration = "minutes",
     .describe = say_new_put_right, .equivalent = cli_clone_settings, .is_done = new_settings_done, .run = new_settings_run},
    {.name = "verify-settings", .stage = STAGE_SWITCHED, .kind = STEP_CHECK, .duration = "seconds",
     .describe = say_new_settings, .is_done = new_settings_check},
    {.name = "hooks-after-switch", .stage = STAGE_SWITCHED, .kind = STEP_CHANGE, .duration = "minutes", .applies = has_after_switch,
     .describe = say_after_switch, .equivalent = cli_hooks, .is_done = after_switch_hooks_done, .run = after_switch_hooks_run},
    {.name = "watch-started", .stage = STAGE_SWITCHED, .kind = STEP_CHANGE, .duration = "seconds", .applies = watches,
     .describe = say_watch_started, .equivalent = cli_watch, .is_done = watch_begun, .run = watch_begin},
    {.name = "watch", .stage = STAGE_SWITCHED, .kind = STEP_WAIT, .duration = "hours", .applies = watches,
     .describe = say_watch, .equivalent = cli_watch, .is_done = watch_ended},

    {.name = "retention", .stage = STAGE_COMPLETED, .kind = STEP_CHECK, .duration = "seconds",
     .describe = say_retention, .is_done = retention_check},
    {.name = "way-back-removed", .stage = STAGE_COMPLETED, .kind = STEP_CHANGE, .duration = "seconds",
     .describe = say_way_back_over, .equivalent = cli_way_back_over, .is_done = slots_removed, .run = way_back_remove},
    RECORD_TTL_RESTORED(STAGE_COMPLETED),
    {.name = "publications-removed", .stage = STAGE_COMPLETED, .kind = STEP_CHANGE, .duration = "seconds",
     .describe = say_publications_remove, .equivalent = cli_publications_remove, .is_done = publications_removed, .run = publications_remove},
    IDENTITIES_RESTORED(STAGE_COMPLETED),
    {.name = "role-removed", .stage = STAGE_COMPLETED, .kind = STEP_CHANGE, .duration = "seconds",
     .describe = say_role_remove, .equivalent = cli_role_remove, .is_done = role_removed, .run = role_remove},
    {.name = "facts-removed", .stage = STAGE_COMPLETED, .kind = STEP_CHANGE, .duration = "seconds",
     .describe = say_facts_remove, .equivalent = cli_facts_remove, .is_done = facts_removed, .run = facts_remove},
    {.name = "old-unprotected", .stage = STAGE_COMPLETED, .kind = STEP_CHANGE, .duration = "seconds", .applies = moves_names,
     .describe = say_old_unprotect, .equivalent = cli_old_unprotect, .is_done = old_unprotected, .run = old_unprotect},
    {.name = "old-instances-deleted", .stage = STAGE_COMPLETED, .kind = STEP_CHANGE, .duration = "minutes", .applies = moves_names, .irreversible = true,
     .describe = say_old_instances, .equivalent = cli_old_instances, .is_done = old_instances_deleted, .run = old_instances_delete},
    {.name = "old-cluster-deleted", .stage = STAGE_COMPLETED, .kind = STEP_CHANGE, .duration = "minutes", .applies = moves_names, .irreversible = true,
     .describe = say_old_cluster, .equivalent = cli_old_cluster, .is_done = old_cluster_deleted, .run = old_cluster_delete},
    {.name = "old-gone", .stage = STAGE_COMPLETED, .kind = STEP_WAIT, .duration = "minutes", .applies = moves_names,
     .describe = say_old_gone, .is_done = old_gone},
    {.name = "old-cleared", .stage = STAGE_COMPLETED, .kind = STEP_CHANGE, .duration = "seconds", .applies = keeps_names,
     .describe = say_old_clear, .equivalent = cli_old_clear, .is_done = old_cleared, .run = old_clear},
    {.name = "source-group-removed", .stage = STAGE_COMPLETED, .kind = STEP_CHANGE, .duration = "seconds",
     .describe = say_source_group_gone, .equivalent = cli_group_back, .is_done = source_group_removed, .run = source_group_remove},
    {.name = "completed-noted", .stage = STAGE_COMPLETED, .kind = STEP_CHANGE, .duration = "seconds", .applies = keeps_names,
     .describe = say_completed, .equivalent = cli_names_tag, .is_done = stay_completed, .run = stay_complete},
};

/* Slots first: from then on production keeps nothing for this upgrade, whatever the rest takes. */
static const struct step back[] = {
    FENCE_LIFTED(STAGE_ROLLED_BACK),
    {.name = "check-not-switched", .stage = STAGE_ROLLED_BACK, .kind = STEP_CHECK, .duration = "seconds",
     .describe = say_not_switched, .is_done = not_switched_check},
    {.name = "check-login", .stage = STAGE_ROLLED_BACK, .kind = STEP_CHECK, .duration = "seconds",
     .describe = say_login, .is_done = login_check},
    {.name = "slots-removed", .stage = STAGE_ROLLED_BACK, .kind = STEP_CHANGE, .duration = "seconds",
     .describe = say_slots_remove, .equivalent = cli_slots_remove, .is_done = slots_removed, .run = slots_remove},
    {.name = "hooks-before-rollback", .stage = STAGE_ROLLED_BACK, .kind = STEP_CHANGE, .duration = "minutes", .applies = has_before_rollback,
     .describe = say_before_rollback, .equivalent = cli_hooks, .is_done = before_rollback_hooks_done, .run = before_rollback_hooks_run},
    {.name = "publications-removed", .stage = STAGE_ROLLED_BACK, .kind = STEP_CHANGE, .duration = "seconds",
     .describe = say_publications_remove, .equivalent = cli_publications_remove, .is_done = publications_removed, .run = publications_remove},
    IDENTITIES_RESTORED(STAGE_ROLLED_BACK),
    {.name = "role-removed", .stage = STAGE_ROLLED_BACK, .kind = STEP_CHANGE, .duration = "seconds",
     .describe = say_role_remove, .equivalent = cli_role_remove, .is_done = role_removed, .run = role_remove},
    {.name = "facts-removed", .stage = STAGE_ROLLED_BACK, .kind = STEP_CHANGE, .duration = "seconds",
     .describe = say_facts_remove, .equivalent = cli_facts_remove, .is_done = facts_removed, .run = facts_remove},
    RECORD_TTL_RESTORED(STAGE_ROLLED_BACK),
    {.name = "clone-unprotected", .stage = STAGE_ROLLED_BACK, .kind = STEP_CHANGE, .duration = "seconds",
     .describe = say_unprotect, .equivalent = cli_unprotect, .is_done = green_unprotected, .run = green_unprotect},
    {.name = "clone-snapshots-deleted", .stage = STAGE_ROLLED_BACK, .kind = STEP_CHANGE, .duration = "seconds",
     .describe = say_snapshots_delete, .equivalent = cli_snapshots_delete, .is_done = clone_snapshots_deleted, .run = clone_snapshots_delete},
    {.name = "clone-instances-deleted", .stage = STAGE_ROLLED_BACK, .kind = STEP_CHANGE, .duration = "minutes",
     .describe = say_instances_delete, .equivalent = cli_instances_delete, .is_done = clone_instances_deleted, .run = clone_instances_delete},
    {.name = "clone-deleted", .stage = STAGE_ROLLED_BACK, .kind = STEP_CHANGE, .duration = "minutes",
     .describe = say_clone_delete, .equivalent = cli_clone_delete, .is_done = clone_deleted, .run = clone_delete},
    {.name = "clone-gone", .stage = STAGE_ROLLED_BACK, .kind = STEP_WAIT, .duration = "minutes",
     .describe = say_clone_gone, .is_done = clone_gone},
    {.name = "clone-snapshot-removed", .stage = STAGE_ROLLED_BACK, .kind = STEP_CHANGE, .duration = "minutes",
     .describe = say_seeds_remove, .equivalent = cli_seeds_remove, .is_done = seeds_removed, .run = seeds_remove},
    {.name = "source-parameters-restored", .stage = STAGE_ROLLED_BACK, .kind = STEP_CHANGE, .duration = "seconds",
     .describe = say_group_back, .equivalent = cli_group_back, .is_done = source_parameters_restored, .run = source_parameters_restore},
    {.name = "groups-removed", .stage = STAGE_ROLLED_BACK, .kind = STEP_CHANGE, .duration = "seconds",
     .describe = say_groups_remove, .equivalent = cli_groups_remove, .is_done = groups_removed, .run = groups_remove},
    {.name = "hooks-after-rollback", .stage = STAGE_ROLLED_BACK, .kind = STEP_CHANGE, .duration = "minutes", .applies = has_after_rollback,
     .describe = say_after_rollback, .equivalent = cli_hooks, .is_done = after_rollback_hooks_done, .run = after_rollback_hooks_run},
};
/* clang-format on */

const struct flow flow_logical = {.name = "logical", .steps = forward, .count = ARRAY_LEN(forward)};
const struct flow flow_logical_back = {.name = "logical-back", .steps = back, .count = ARRAY_LEN(back)};
enum { RETIRE_ROWS = 13, KEEP_ROWS = 6 };
/* The last rows of the forward table, without the retention: for on_destroy = "delete_old". */
const struct flow flow_logical_retire = {
    .name = "logical-retire", .steps = &forward[ARRAY_LEN(forward) - RETIRE_ROWS], .count = RETIRE_ROWS};
/* The first of those: production keeps no WAL for the old side any more. */
const struct flow flow_logical_keep = {
    .name = "logical-keep", .steps = &forward[ARRAY_LEN(forward) - RETIRE_ROWS], .count = KEEP_ROWS};
