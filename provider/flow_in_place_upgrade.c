/* flow_in_place_upgrade.c — an upgrade in place, step by step.
 *
 * Three tables: forward, back (before the upgrade; after it: flow_in_place_restore.c), and the removal of the
 * snapshot for a destroy; the rules
 * are those of flow_blue_green_upgrade.c. What the rows point to is in internal/upgrade/in_place.h. Between
 * the one call and its outcome AWS works alone: an apply that is cut short there is gone on with by the next
 * one.
 */
#include "internal/upgrade/in_place.h"
#include "provider/flow_upgrades.h"

static bool toggles_groups(const struct upgrade *u)
{
    return u->request.toggles_groups;
}

static bool uses_window(const struct upgrade *u)
{
    return u->request.in_maintenance_window;
}

static bool schedules(const struct upgrade *u)
{
    return u->schedules;
}

/* ---- what a row says ---- */

SAY(say_source, "Checks that %s is an available aurora-postgresql cluster without a blue/green deployment.",
    CLUSTER)
SAY(say_instance_groups, "Checks that one instance parameter group can serve all instances.")
SAY(say_cluster_group,
    "Makes sure of the cluster parameter group of family aurora-postgresql%d: yours, one made from "
    "production's own overrides, or the family's default where production has a default.",
    TO)
SAY(say_databases,
    "Looks into every database for what AWS's prechecks and pg_upgrade refuse: prepared transactions, "
    "logical slots, reg* columns, databases that allow no connections, and more; all findings at once.")
SAY(say_ready, "Waits until production and all its instances are available.")
SAY(say_snapshot, "Makes a snapshot of %s, the last thing before the upgrade.", CLUSTER)
SAY(say_snapshot_ready, "Waits until the snapshot is available.")
SAY(say_upgrade,
    "Upgrades %s from %d to %d with one call that names the version and both parameter groups; AWS runs its "
    "own prechecks first, then production refuses writes until the new version answers.",
    CLUSTER, FROM, TO)
SAY(say_ended,
    "Waits until %s is available on %d; when AWS gives up and goes back, its events and its log say why.",
    CLUSTER, TO)
SAY(say_noted, "Writes down on the snapshot when production was upgraded.")
SAY(say_available, "Waits until production and all its instances are available on the new version.")
SAY(say_attached, "Attaches both parameter groups, because parameter_group_strategy is \"toggle\".")
SAY(say_settled, "Waits until AWS says which instances wait for a reboot.")
SAY(say_reboot, "Reboots the instances that wait for it to take their new parameter groups over.")
SAY(say_in_sync, "Waits until every instance has its parameters in sync.")
SAY(say_statistics,
    "Runs ANALYZE in stages where the planner has no statistics: an upgrade does not carry them.")
SAY(say_settings, "Compares every setting of cluster and instances with what it was before.")
SAY(say_retention, "Checks that retain_old_for is over.")
SAY(say_closed, "Writes down on the snapshot that the run is over; the snapshot stays.")
SAY(say_queue_snapshot, "Makes a snapshot of %s, the last thing before the upgrade waits for its window.",
    CLUSTER)
SAY(say_queue,
    "Leaves the upgrade of %s from %d to %d to AWS, with the version and both parameter groups: AWS begins "
    "by itself "
    "in the cluster's maintenance window. The apply after that does the rest.",
    CLUSTER, FROM, TO)
SAY(say_taken_over, "Takes over the snapshot that AWS makes in the window right before it upgrades: it holds "
                    "what was written since ours.")
SAY(say_unqueued, "Takes an upgrade out of the queue that waits for the maintenance window of %s.", CLUSTER)
SAY(say_not_upgraded, "Checks that production was not upgraded yet.")
SAY(say_snapshot_remove, "Deletes the snapshot made for this upgrade.")

/* ---- the same by hand ---- */

SAY(cli_snapshot,
    RDS "create-db-cluster-snapshot --db-cluster-identifier %s --db-cluster-snapshot-identifier "
        "%s-upgrade-%d-to-%d-<time>",
    CLUSTER, CLUSTER, FROM, TO)
SAY(cli_snapshot_ready, RDS "wait db-cluster-snapshot-available")
SAY(cli_upgrade,
    RDS "modify-db-cluster --db-cluster-identifier %s --engine-version %d --allow-major-version-upgrade "
        "--db-cluster-parameter-group-name <group> --db-instance-parameter-group-name <group> "
        "--apply-immediately",
    CLUSTER, TO)
SAY(cli_ended, RDS "describe-db-clusters, describe-events, download-db-log-file-portion")
SAY(cli_noted, RDS "add-tags-to-resource --resource-name <snapshot> --tags "
                   "Key=aurora-upgrade:switched-at,Value=<now>")
SAY(cli_attached,
    RDS "modify-db-cluster --db-cluster-identifier %s --db-cluster-parameter-group-name <group> "
        "--apply-immediately; " RDS "modify-db-instance --db-parameter-group-name <group>",
    CLUSTER)
SAY(cli_reboot, RDS "reboot-db-instance --db-instance-identifier <each instance of %s>", CLUSTER)
SAY(cli_closed, RDS "add-tags-to-resource --resource-name <snapshot> --tags "
                    "Key=aurora-upgrade:completed-at,Value=<now>")
SAY(cli_queue,
    RDS "modify-db-cluster --db-cluster-identifier %s --engine-version %d --allow-major-version-upgrade "
        "--db-cluster-parameter-group-name <group> --db-instance-parameter-group-name <group> "
        "--no-apply-immediately",
    CLUSTER, TO)
SAY(cli_taken_over, RDS "add-tags-to-resource --resource-name <preupgrade snapshot>")
SAY(cli_unqueued,
    RDS
    "modify-db-cluster --db-cluster-identifier %s --engine-version <present version> --no-apply-immediately",
    CLUSTER)
SAY(cli_snapshot_remove, RDS "delete-db-cluster-snapshot --db-cluster-snapshot-identifier <snapshot>")
/* ---- the tables ---- */

/* clang-format off */
static const struct step forward[] = {
    {.name = "check-source", .stage = STAGE_PREPARED, .kind = STEP_CHECK, .duration = "seconds",
     .describe = say_source, .is_done = in_place_source_check},
    {.name = "check-target", .stage = STAGE_PREPARED, .kind = STEP_CHECK, .duration = "seconds",
     .describe = say_target, .is_done = target_check},
    {.name = "check-instance-groups", .stage = STAGE_PREPARED, .kind = STEP_CHECK, .duration = "seconds",
     .describe = say_instance_groups, .is_done = instance_groups_check},
    {.name = "cluster-group", .stage = STAGE_PREPARED, .kind = STEP_CHANGE, .duration = "seconds",
     .describe = say_cluster_group, .equivalent = cli_cluster_group, .is_done = cluster_group_done, .run = cluster_group_run},
    {.name = "instance-group", .stage = STAGE_PREPARED, .kind = STEP_CHANGE, .duration = "seconds",
     .describe = say_instance_group, .equivalent = cli_instance_group, .is_done = instance_group_done, .run = instance_group_run},

    {.name = "check-databases", .stage = STAGE_VALIDATED, .kind = STEP_CHECK, .duration = "seconds", .applies = has_login,
     .describe = say_databases, .is_done = databases_check},

    {.name = "queue-ready", .stage = STAGE_VALIDATED, .kind = STEP_WAIT, .duration = "seconds", .applies = schedules,
     .describe = say_ready, .is_done = new_available},
    {.name = "queue-snapshot", .stage = STAGE_VALIDATED, .kind = STEP_CHANGE, .duration = "seconds", .applies = schedules,
     .describe = say_queue_snapshot, .equivalent = cli_snapshot, .is_done = queue_snapshot_taken, .run = snapshot_take},
    {.name = "queue-snapshot-available", .stage = STAGE_VALIDATED, .kind = STEP_WAIT, .duration = "minutes", .applies = schedules,
     .describe = say_snapshot_ready, .equivalent = cli_snapshot_ready, .is_done = snapshot_ready},
    {.name = "queue-upgrade", .stage = STAGE_VALIDATED, .kind = STEP_CHANGE, .duration = "seconds", .applies = schedules,
     .describe = say_queue, .equivalent = cli_queue, .is_done = upgrade_queued, .run = upgrade_queue},

    {.name = "ready", .stage = STAGE_SWITCHED, .kind = STEP_WAIT, .duration = "seconds",
     .describe = say_ready, .is_done = new_available},
    {.name = "snapshot", .stage = STAGE_SWITCHED, .kind = STEP_CHANGE, .duration = "seconds",
     .describe = say_snapshot, .equivalent = cli_snapshot, .is_done = snapshot_taken, .run = snapshot_take},
    {.name = "snapshot-available", .stage = STAGE_SWITCHED, .kind = STEP_WAIT, .duration = "minutes",
     .describe = say_snapshot_ready, .equivalent = cli_snapshot_ready, .is_done = snapshot_ready},
    {.name = "upgrade", .stage = STAGE_SWITCHED, .kind = STEP_NO_RETURN, .duration = "minutes", .blocks_writes = true,
     .describe = say_upgrade, .equivalent = cli_upgrade, .is_done = upgrade_begun, .run = upgrade_begin},
    {.name = "upgraded", .stage = STAGE_SWITCHED, .kind = STEP_WAIT, .duration = "minutes", .blocks_writes = true,
     .describe = say_ended, .equivalent = cli_ended, .is_done = upgrade_ended},
    {.name = "snapshot-of-window", .stage = STAGE_SWITCHED, .kind = STEP_CHANGE, .duration = "seconds", .applies = uses_window,
     .describe = say_taken_over, .equivalent = cli_taken_over, .is_done = window_snapshot_taken_over, .run = window_snapshot_take_over},
    {.name = "upgrade-noted", .stage = STAGE_SWITCHED, .kind = STEP_CHANGE, .duration = "seconds",
     .describe = say_noted, .equivalent = cli_noted, .is_done = upgrade_noted, .run = upgrade_note},
    {.name = "new-available", .stage = STAGE_SWITCHED, .kind = STEP_WAIT, .duration = "minutes",
     .describe = say_available, .is_done = new_available},
    {.name = "groups-attached", .stage = STAGE_SWITCHED, .kind = STEP_CHANGE, .duration = "seconds", .applies = toggles_groups,
     .describe = say_attached, .equivalent = cli_attached, .is_done = groups_attached, .run = groups_attach},
    {.name = "groups-settled", .stage = STAGE_SWITCHED, .kind = STEP_WAIT, .duration = "minutes", .applies = toggles_groups,
     .describe = say_settled, .is_done = groups_settled},
    {.name = "new-reboot", .stage = STAGE_SWITCHED, .kind = STEP_CHANGE, .duration = "minutes", .blocks_writes = true,
     .describe = say_reboot, .equivalent = cli_reboot, .is_done = new_reboot_done, .run = new_reboot_run},
    {.name = "new-in-sync", .stage = STAGE_SWITCHED, .kind = STEP_WAIT, .duration = "minutes",
     .describe = say_in_sync, .is_done = new_in_sync},
    {.name = "verify-version", .stage = STAGE_SWITCHED, .kind = STEP_CHECK, .duration = "seconds",
     .describe = say_new_version, .is_done = new_version_check},
    {.name = "new-statistics", .stage = STAGE_SWITCHED, .kind = STEP_CHANGE, .duration = "minutes", .applies = has_login,
     .describe = say_statistics, .equivalent = cli_new_statistics, .is_done = new_statistics_done, .run = new_statistics_run},
    {.name = "verify-settings", .stage = STAGE_SWITCHED, .kind = STEP_CHECK, .duration = "seconds",
     .describe = say_settings, .is_done = kept_settings_check},

    {.name = "retention", .stage = STAGE_COMPLETED, .kind = STEP_CHECK, .duration = "seconds",
     .describe = say_retention, .is_done = retention_check},
    {.name = "run-closed", .stage = STAGE_COMPLETED, .kind = STEP_CHANGE, .duration = "seconds",
     .describe = say_closed, .equivalent = cli_closed, .is_done = run_closed, .run = run_close},
};

static const struct step back[] = {
    {.name = "check-not-upgraded", .stage = STAGE_ROLLED_BACK, .kind = STEP_CHECK, .duration = "seconds",
     .describe = say_not_upgraded, .is_done = not_switched_check},
    {.name = "upgrade-unqueued", .stage = STAGE_ROLLED_BACK, .kind = STEP_CHANGE, .duration = "seconds",
     .describe = say_unqueued, .equivalent = cli_unqueued, .is_done = upgrade_unqueued, .run = upgrade_unqueue},
    {.name = "snapshot-removed", .stage = STAGE_ROLLED_BACK, .kind = STEP_CHANGE, .duration = "seconds",
     .describe = say_snapshot_remove, .equivalent = cli_snapshot_remove, .is_done = snapshots_removed, .run = snapshots_remove},
    {.name = "groups-removed", .stage = STAGE_ROLLED_BACK, .kind = STEP_CHANGE, .duration = "seconds",
     .describe = say_groups_remove, .equivalent = cli_groups_remove, .is_done = groups_removed, .run = groups_remove},
};

static const struct step retire[] = {
    {.name = "snapshot-removed", .stage = STAGE_COMPLETED, .kind = STEP_CHANGE, .duration = "seconds", .irreversible = true,
     .describe = say_snapshot_remove, .equivalent = cli_snapshot_remove, .is_done = snapshots_removed, .run = snapshots_remove},
};
/* clang-format on */

const struct flow flow_in_place = {.name = "in-place", .steps = forward, .count = ARRAY_LEN(forward)};
const struct flow flow_in_place_back = {.name = "in-place-back", .steps = back, .count = ARRAY_LEN(back)};
const struct flow flow_in_place_retire = {
    .name = "in-place-retire", .steps = retire, .count = ARRAY_LEN(retire)};
