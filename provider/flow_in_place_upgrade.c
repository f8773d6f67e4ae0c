/* flow_in_place_upgrade.c — an upgrade in place, step by step.
 *
 * Three tables: forward, back (before the upgrade; after it: flow_in_place_restore.c), and the removal of the
 * snapshot for a destroy; the rules
 * are those of flow_blue_green_upgrade.c. What the rows point to is in internal/upgrade/in_place.h and
 * rehearsal.h. Between the one call and its outcome AWS works alone: an apply that is cut short there is gone
 * on with by the next one.
 */
#include "internal/upgrade/in_place.h"
#include "internal/upgrade/rehearsal.h"
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

static bool rehearses(const struct upgrade *u)
{
    return u->request.rehearses;
}

static bool rehearses_with_login(const struct upgrade *u)
{
    return rehearses(u) && has_login(u);
}

static bool rehearses_toggle(const struct upgrade *u)
{
    return rehearses(u) && toggles_groups(u);
}

/* ---- what a row says ---- */

SAY(say_source, "Checks that %s is an available aurora-postgresql cluster without a blue/green deployment.",
    CLUSTER)
SAY(say_instance_groups, "Checks that one instance parameter group can serve all instances.")
SAY(say_cluster_group,
    "Makes sure of the cluster parameter group of family aurora-postgresql%d: yours, one made from "
    "production's own overrides, or the family's default where production has a default.",
    TO)
SAY(say_clone, "Clones %s (copy-on-write), with every setting that the upgrade needs.", CLUSTER)
SAY(say_cloned, "Waits until the clone is available.")
SAY(say_clone_instance, "Makes one instance of the writer's class for the clone.")
SAY(say_clone_ready, "Waits until the clone and its instance are available.")
SAY(say_clone_upgrade,
    "Rehearses the upgrade: the clone is upgraded from %d to %d with the same call that production will get.",
    FROM, TO)
SAY(say_clone_ended,
    "Waits until the clone is available on %d; when AWS gives up and goes back, its events and its log say "
    "why.",
    TO)
SAY(say_clone_attached, "Attaches both parameter groups to the clone, as parameter_group_strategy says.")
SAY(say_clone_settled, "Waits until AWS says whether the clone waits for a reboot.")
SAY(say_clone_reboot, "Reboots the clone if it waits for that to take its new parameter groups over.")
SAY(say_clone_in_sync, "Waits until the clone has its parameters in sync.")
SAY(say_measured, "Writes down how long that took.")
SAY(say_clone_statistics,
    "Proves that the clone answers from %d and takes writes, and runs ANALYZE in stages on it, if it can be "
    "reached.",
    TO)
SAY(say_rehearsal_noted, "Writes the outcome down on a parameter group of its own that is attached nowhere: "
                         "a rehearsal that was made is "
                         "not made again.")
SAY(say_clone_rests, "Waits until AWS is not at work on the clone.")
SAY(say_clone_instance_deleted, "Deletes the clone's instance, also after a failure.")
SAY(say_clone_deleted, "Deletes the clone, without a final snapshot.")
SAY(say_clone_gone, "Waits until the clone is gone.")
SAY(say_rehearsed, "Checks that the rehearsal succeeded, and tells how long the upgrade will take.")
SAY(say_forgotten, "Deletes the parameter group on which the outcome of a rehearsal is written down.")
SAY(say_databases,
    "Looks into every database for what AWS's prechecks and pg_upgrade refuse: prepared transactions, "
    "logical slots, reg* columns, databases that allow no connections, and more; all findings at once.")
SAY(say_ready, "Waits until production and all its instances are available.")
SAY(say_snapshot, "Makes a snapshot of %s, the last thing before the upgrade.", CLUSTER)
SAY(say_snapshot_ready, "Waits until the snapshot is available.")
SAY(say_credentials, "Checks that the AWS credentials outlive the upgrade or can be renewed meanwhile.")
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
SAY(say_kept_settings, "Compares every setting of cluster and instances with what it was before.")
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

SAY(cli_clone,
    RDS "restore-db-cluster-to-point-in-time --restore-type copy-on-write --use-latest-restorable-time "
        "--source-db-cluster-identifier %s --db-cluster-identifier %s-rehearsal <settings of %s>",
    CLUSTER, CLUSTER, CLUSTER)
SAY(cli_clone_instance,
    RDS "create-db-instance --db-instance-identifier %s-rehearsal-1 --db-cluster-identifier %s-rehearsal "
        "--engine aurora-postgresql --db-instance-class <of the writer> --no-publicly-accessible",
    CLUSTER, CLUSTER)
SAY(cli_clone_upgrade,
    RDS "modify-db-cluster --db-cluster-identifier %s-rehearsal --engine-version %d "
        "--allow-major-version-upgrade "
        "--db-cluster-parameter-group-name <group> --db-instance-parameter-group-name <group> "
        "--apply-immediately",
    CLUSTER, TO)
SAY(cli_clone_attached,
    RDS "modify-db-cluster --db-cluster-identifier %s-rehearsal --db-cluster-parameter-group-name <group> "
        "--apply-immediately; " RDS "modify-db-instance --db-parameter-group-name <group>",
    CLUSTER)
SAY(cli_clone_reboot, RDS "reboot-db-instance --db-instance-identifier %s-rehearsal-1", CLUSTER)
SAY(cli_clone_tag,
    RDS "add-tags-to-resource --resource-name <clone> --tags Key=aurora-upgrade:…,Value=<seconds>")
SAY(cli_clone_statistics, "vacuumdb --all --analyze-in-stages --host <endpoint of %s-rehearsal>", CLUSTER)
SAY(cli_rehearsal_noted,
    RDS "create-db-cluster-parameter-group --db-cluster-parameter-group-name %s-upgrade-%d-rehearsal …; " RDS
        "add-tags-to-resource …",
    CLUSTER, TO)
SAY(cli_clone_instance_deleted, RDS "delete-db-instance --db-instance-identifier %s-rehearsal-1", CLUSTER)
SAY(cli_clone_deleted,
    RDS "delete-db-cluster --db-cluster-identifier %s-rehearsal --skip-final-snapshot "
        "--delete-automated-backups",
    CLUSTER)
SAY(cli_forgotten,
    RDS "delete-db-cluster-parameter-group --db-cluster-parameter-group-name %s-upgrade-%d-rehearsal",
    CLUSTER, TO)

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

    {.name = "rehearsal-databases", .stage = STAGE_PREPARED, .kind = STEP_CHECK, .duration = "seconds", .applies = rehearses_with_login,
     .describe = say_databases, .is_done = databases_check},
    {.name = "rehearsal-clone", .stage = STAGE_PREPARED, .kind = STEP_CHANGE, .duration = "seconds", .applies = rehearses,
     .describe = say_clone, .equivalent = cli_clone, .is_done = rehearsal_cloned, .run = rehearsal_clone},
    {.name = "rehearsal-cloned", .stage = STAGE_PREPARED, .kind = STEP_WAIT, .duration = "minutes", .applies = rehearses,
     .describe = say_cloned, .is_done = rehearsal_exists},
    {.name = "rehearsal-instance", .stage = STAGE_PREPARED, .kind = STEP_CHANGE, .duration = "seconds", .applies = rehearses,
     .describe = say_clone_instance, .equivalent = cli_clone_instance, .is_done = rehearsal_instance_made, .run = rehearsal_instance_make},
    {.name = "rehearsal-ready", .stage = STAGE_PREPARED, .kind = STEP_WAIT, .duration = "minutes", .applies = rehearses,
     .describe = say_clone_ready, .is_done = rehearsal_ready},
    {.name = "rehearsal-upgrade", .stage = STAGE_PREPARED, .kind = STEP_CHANGE, .duration = "minutes", .applies = rehearses,
     .describe = say_clone_upgrade, .equivalent = cli_clone_upgrade, .is_done = rehearsal_upgrade_begun, .run = rehearsal_upgrade_begin},
    {.name = "rehearsal-upgraded", .stage = STAGE_PREPARED, .kind = STEP_WAIT, .duration = "minutes", .applies = rehearses,
     .describe = say_clone_ended, .is_done = rehearsal_upgrade_ended},
    {.name = "rehearsal-attached", .stage = STAGE_PREPARED, .kind = STEP_CHANGE, .duration = "seconds", .applies = rehearses_toggle,
     .describe = say_clone_attached, .equivalent = cli_clone_attached, .is_done = rehearsal_groups_attached, .run = rehearsal_groups_attach},
    {.name = "rehearsal-settled", .stage = STAGE_PREPARED, .kind = STEP_WAIT, .duration = "minutes", .applies = rehearses_toggle,
     .describe = say_clone_settled, .is_done = rehearsal_groups_settled},
    {.name = "rehearsal-reboot", .stage = STAGE_PREPARED, .kind = STEP_CHANGE, .duration = "minutes", .applies = rehearses,
     .describe = say_clone_reboot, .equivalent = cli_clone_reboot, .is_done = rehearsal_reboot_done, .run = rehearsal_reboot_run},
    {.name = "rehearsal-in-sync", .stage = STAGE_PREPARED, .kind = STEP_WAIT, .duration = "minutes", .applies = rehearses,
     .describe = say_clone_in_sync, .is_done = rehearsal_in_sync},
    {.name = "rehearsal-measured", .stage = STAGE_PREPARED, .kind = STEP_CHANGE, .duration = "seconds", .applies = rehearses,
     .describe = say_measured, .equivalent = cli_clone_tag, .is_done = rehearsal_measured, .run = rehearsal_measure},
    {.name = "rehearsal-statistics", .stage = STAGE_PREPARED, .kind = STEP_CHANGE, .duration = "minutes", .applies = rehearses_with_login,
     .describe = say_clone_statistics, .equivalent = cli_clone_statistics, .is_done = rehearsal_statistics_done, .run = rehearsal_statistics_run},
    {.name = "rehearsal-noted", .stage = STAGE_PREPARED, .kind = STEP_CHANGE, .duration = "seconds", .applies = rehearses,
     .describe = say_rehearsal_noted, .equivalent = cli_rehearsal_noted, .is_done = rehearsal_noted, .run = rehearsal_note},
    {.name = "rehearsal-rests", .stage = STAGE_PREPARED, .kind = STEP_WAIT, .duration = "minutes", .applies = rehearses,
     .describe = say_clone_rests, .is_done = rehearsal_rests},
    {.name = "rehearsal-instance-deleted", .stage = STAGE_PREPARED, .kind = STEP_CHANGE, .duration = "seconds", .applies = rehearses,
     .describe = say_clone_instance_deleted, .equivalent = cli_clone_instance_deleted, .is_done = rehearsal_instances_deleted, .run = rehearsal_instances_delete},
    {.name = "rehearsal-deleted", .stage = STAGE_PREPARED, .kind = STEP_CHANGE, .duration = "seconds", .applies = rehearses,
     .describe = say_clone_deleted, .equivalent = cli_clone_deleted, .is_done = rehearsal_deleted, .run = rehearsal_delete},
    {.name = "rehearsal-gone", .stage = STAGE_PREPARED, .kind = STEP_WAIT, .duration = "minutes", .applies = rehearses,
     .describe = say_clone_gone, .is_done = rehearsal_gone},
    {.name = "rehearsed", .stage = STAGE_PREPARED, .kind = STEP_CHECK, .duration = "seconds", .applies = rehearses,
     .describe = say_rehearsed, .is_done = rehearsal_check},

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

    {.name = "hooks-before-switch", .stage = STAGE_SWITCHED, .kind = STEP_CHANGE, .duration = "minutes", .applies = has_before_switch,
     .describe = say_before_switch, .equivalent = cli_hooks, .is_done = before_switch_hooks_done, .run = before_switch_hooks_run},
    {.name = "ready", .stage = STAGE_SWITCHED, .kind = STEP_WAIT, .duration = "seconds",
     .describe = say_ready, .is_done = new_available},
    {.name = "check-credentials", .stage = STAGE_SWITCHED, .kind = STEP_CHECK, .duration = "seconds",
     .describe = say_credentials, .is_done = credentials_check_upgrade},
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
    {.name = "new-extensions", .stage = STAGE_SWITCHED, .kind = STEP_CHANGE, .duration = "seconds", .applies = has_login,
     .describe = say_new_extensions, .equivalent = cli_new_extensions, .is_done = new_extensions_done, .run = new_extensions_run},
    {.name = "new-statistics", .stage = STAGE_SWITCHED, .kind = STEP_CHANGE, .duration = "minutes", .applies = has_login,
     .describe = say_statistics, .equivalent = cli_new_statistics, .is_done = new_statistics_done, .run = new_statistics_run},
    {.name = "verify-settings", .stage = STAGE_SWITCHED, .kind = STEP_CHECK, .duration = "seconds",
     .describe = say_kept_settings, .is_done = kept_settings_check},
    {.name = "hooks-after-switch", .stage = STAGE_SWITCHED, .kind = STEP_CHANGE, .duration = "minutes", .applies = has_after_switch,
     .describe = say_after_switch, .equivalent = cli_hooks, .is_done = after_switch_hooks_done, .run = after_switch_hooks_run},

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
    {.name = "hooks-after-rollback", .stage = STAGE_ROLLED_BACK, .kind = STEP_CHANGE, .duration = "minutes", .applies = has_after_rollback,
     .describe = say_after_rollback, .equivalent = cli_hooks, .is_done = after_rollback_hooks_done, .run = after_rollback_hooks_run},
};

static const struct step retire[] = {
    {.name = "snapshot-removed", .stage = STAGE_COMPLETED, .kind = STEP_CHANGE, .duration = "seconds", .irreversible = true,
     .describe = say_snapshot_remove, .equivalent = cli_snapshot_remove, .is_done = snapshots_removed, .run = snapshots_remove},
};

static const struct step sweep[] = {
    {.name = "rehearsal-rests", .stage = STAGE_PREPARED, .kind = STEP_WAIT, .duration = "minutes",
     .describe = say_clone_rests, .is_done = rehearsal_rests},
    {.name = "rehearsal-instance-deleted", .stage = STAGE_PREPARED, .kind = STEP_CHANGE, .duration = "seconds",
     .describe = say_clone_instance_deleted, .equivalent = cli_clone_instance_deleted, .is_done = rehearsal_instances_deleted, .run = rehearsal_instances_delete},
    {.name = "rehearsal-deleted", .stage = STAGE_PREPARED, .kind = STEP_CHANGE, .duration = "seconds",
     .describe = say_clone_deleted, .equivalent = cli_clone_deleted, .is_done = rehearsal_deleted, .run = rehearsal_delete},
    {.name = "rehearsal-gone", .stage = STAGE_PREPARED, .kind = STEP_WAIT, .duration = "minutes",
     .describe = say_clone_gone, .is_done = rehearsal_gone},
    {.name = "rehearsal-forgotten", .stage = STAGE_COMPLETED, .kind = STEP_CHANGE, .duration = "seconds",
     .describe = say_forgotten, .equivalent = cli_forgotten, .is_done = rehearsal_forgotten, .run = rehearsal_forget},
};
/* clang-format on */

const struct flow flow_in_place_sweep = {.name = "in-place-sweep", .steps = sweep, .count = ARRAY_LEN(sweep)};
const struct flow flow_in_place = {.name = "in-place", .steps = forward, .count = ARRAY_LEN(forward)};
const struct flow flow_in_place_back = {.name = "in-place-back", .steps = back, .count = ARRAY_LEN(back)};
const struct flow flow_in_place_retire = {
    .name = "in-place-retire", .steps = retire, .count = ARRAY_LEN(retire)};
