/* flow_logical_upgrade.c — a logical upgrade, step by step, up to a proved copy that follows production.
 *
 * Two tables: forward, and back before the switch; the rules are those of flow_blue_green_upgrade.c. What the
 * rows point to is in internal/upgrade/logical.h, which also says why they stand in this order.
 */
#include "internal/upgrade/in_place.h"
#include "internal/upgrade/logical.h"
#include "provider/flow_upgrades.h"

/* ---- what a row says ---- */

SAY(say_login, "Checks that there is a login: replication is set up in the databases.")
SAY(say_source,
    "Checks that %s is an available aurora-postgresql cluster that is no part of another upgrade.", CLUSTER)
SAY(say_position_known, "Checks that a clone of %s can tell its position.", CLUSTER)
SAY(say_databases, "Looks into every database for what would break replication or the upgrade, or lose data: "
                   "tables without a key, prepared and long transactions, subscriptions of your own, and "
                   "more; all findings at once.")
SAY(say_cluster_group,
    "Makes sure of the cluster parameter group of family aurora-postgresql%d: yours, or one made from "
    "production's own overrides.",
    TO)
SAY(say_role, "Makes a login on production for the clone's subscriptions, with the right to replicate and "
              "nothing else.")
SAY(say_facts,
    "Makes schema aurora_upgrade in every database: what must be remembered about it, and markers.")
SAY(say_publication, "Makes a publication in every database%s.",
    u->request.publishes_all ? " for all tables" : ", with an explicit list of its tables")
SAY(say_slots, "Makes a replication slot in every database: from here on production keeps what the clone has "
               "not taken yet.")
SAY(say_retained, "Checks that production keeps no more WAL for that than max_retained_wal; else the slots "
                  "are dropped again.")
SAY(say_marker, "Writes a marker into every database: the clone must hold it.")
SAY(say_clone, "Clones %s (copy-on-write), with every setting.", CLUSTER)
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
SAY(say_statistics, "Runs ANALYZE on the clone, in stages: an upgrade does not carry statistics.")
SAY(say_validated, "Writes down that the validation has passed, as a tag of the clone.")
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
SAY(cli_publication, "CREATE PUBLICATION " LOGICAL_NAME "%s",
    u->request.publishes_all ? " FOR ALL TABLES" : " FOR TABLE ONLY <each table>")
SAY(cli_slots, "SELECT pg_create_logical_replication_slot('" LOGICAL_SLOT_PREFIX "<oid>', 'pgoutput')")
SAY(cli_marker, "INSERT INTO aurora_upgrade.marker (token) VALUES (…)")
SAY(cli_clone,
    RDS "restore-db-cluster-to-point-in-time --restore-type copy-on-write --use-latest-restorable-time "
        "--source-db-cluster-identifier %s --db-cluster-identifier %s-next <settings of %s>",
    CLUSTER, CLUSTER, CLUSTER)
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

/* ---- the tables ---- */

/* clang-format off */
static const struct step forward[] = {
    {.name = "check-login", .stage = STAGE_PREPARED, .kind = STEP_CHECK, .duration = "seconds",
     .describe = say_login, .is_done = login_check},
    {.name = "check-source", .stage = STAGE_PREPARED, .kind = STEP_CHECK, .duration = "seconds",
     .describe = say_source, .is_done = in_place_source_check},
    {.name = "check-target", .stage = STAGE_PREPARED, .kind = STEP_CHECK, .duration = "seconds",
     .describe = say_target, .is_done = target_check},
    {.name = "check-parameters", .stage = STAGE_PREPARED, .kind = STEP_CHECK, .duration = "seconds",
     .describe = say_parameters, .is_done = parameters_check},
    {.name = "check-start-position", .stage = STAGE_PREPARED, .kind = STEP_CHECK, .duration = "seconds", .applies = has_login,
     .describe = say_position_known, .is_done = start_position_check},
    {.name = "check-databases", .stage = STAGE_PREPARED, .kind = STEP_CHECK, .duration = "seconds", .applies = has_login,
     .describe = say_databases, .is_done = databases_check},
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
    {.name = "publication", .stage = STAGE_PREPARED, .kind = STEP_CHANGE, .duration = "seconds",
     .describe = say_publication, .equivalent = cli_publication, .is_done = publication_done, .run = publication_run},
    {.name = "slots", .stage = STAGE_PREPARED, .kind = STEP_CHANGE, .duration = "minutes", .undo_on_failure = true,
     .describe = say_slots, .equivalent = cli_slots, .is_done = slots_done, .run = slots_run, .undo = slots_give_up},
    {.name = "check-retained-wal", .stage = STAGE_PREPARED, .kind = STEP_CHECK, .duration = "seconds",
     .describe = say_retained, .is_done = retained_wal_check},
    {.name = "marker", .stage = STAGE_PREPARED, .kind = STEP_CHANGE, .duration = "seconds",
     .describe = say_marker, .equivalent = cli_marker, .is_done = marker_done, .run = marker_run},
    {.name = "clone", .stage = STAGE_PREPARED, .kind = STEP_CHANGE, .duration = "seconds",
     .describe = say_clone, .equivalent = cli_clone, .is_done = clone_made, .run = clone_make},
    {.name = "clone-created", .stage = STAGE_PREPARED, .kind = STEP_WAIT, .duration = "minutes",
     .describe = say_cloned, .is_done = kept_clone_exists},
    {.name = "clone-writer", .stage = STAGE_PREPARED, .kind = STEP_CHANGE, .duration = "seconds",
     .describe = say_writer, .equivalent = cli_writer, .is_done = clone_writer_made, .run = clone_writer_make},
    {.name = "clone-available", .stage = STAGE_PREPARED, .kind = STEP_WAIT, .duration = "minutes",
     .describe = say_clone_ready, .is_done = kept_clone_available},
    {.name = "position", .stage = STAGE_PREPARED, .kind = STEP_CHANGE, .duration = "seconds",
     .describe = say_position, .equivalent = cli_position, .is_done = position_noted, .run = position_note},
    {.name = "inherited-removed", .stage = STAGE_PREPARED, .kind = STEP_CHANGE, .duration = "seconds",
     .describe = say_inherited, .equivalent = cli_inherited, .is_done = inherited_removed, .run = inherited_remove},
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

    {.name = "replication-caught-up", .stage = STAGE_VALIDATED, .kind = STEP_WAIT, .duration = "minutes",
     .describe = say_lag, .equivalent = cli_lag, .is_done = clone_caught_up},
    {.name = "clone-statistics", .stage = STAGE_VALIDATED, .kind = STEP_CHANGE, .duration = "minutes",
     .describe = say_statistics, .equivalent = cli_statistics, .is_done = statistics_done, .run = statistics_run},
    {.name = "check-schema", .stage = STAGE_VALIDATED, .kind = STEP_CHECK, .duration = "seconds",
     .describe = say_schema, .is_done = schema_check},
    {.name = "check-rows", .stage = STAGE_VALIDATED, .kind = STEP_CHECK, .duration = "minutes",
     .describe = say_rows, .is_done = rows_check},
    {.name = "check-queries", .stage = STAGE_VALIDATED, .kind = STEP_CHECK, .duration = "minutes", .applies = has_queries,
     .describe = say_queries, .is_done = queries_check},
    {.name = "check-settings", .stage = STAGE_VALIDATED, .kind = STEP_CHECK, .duration = "seconds",
     .describe = say_settings, .is_done = settings_check},
    {.name = "validated", .stage = STAGE_VALIDATED, .kind = STEP_CHANGE, .duration = "seconds",
     .describe = say_validated, .equivalent = cli_validated, .is_done = validated_done, .run = validated_run},
    {.name = "soak", .stage = STAGE_VALIDATED, .kind = STEP_WAIT, .duration = "hours", .applies = soaks,
     .describe = say_soak, .is_done = kept_soak_over, .fits = soak_fits},
};

/* Slots first: from then on production keeps nothing for this upgrade, whatever the rest takes. */
static const struct step back[] = {
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
    {.name = "role-removed", .stage = STAGE_ROLLED_BACK, .kind = STEP_CHANGE, .duration = "seconds",
     .describe = say_role_remove, .equivalent = cli_role_remove, .is_done = role_removed, .run = role_remove},
    {.name = "facts-removed", .stage = STAGE_ROLLED_BACK, .kind = STEP_CHANGE, .duration = "seconds",
     .describe = say_facts_remove, .equivalent = cli_facts_remove, .is_done = facts_removed, .run = facts_remove},
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
