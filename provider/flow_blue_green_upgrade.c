/* flow_blue_green_upgrade.c — a blue/green upgrade, step by step. Start reading here.
 *
 * Three tables: forward, back (before the switch), and the removal of the old side for a destroy. One row is
 * one step; the engine (internal/flow/flow.h) walks a table from the top, skips what is already there, and
 * stops at the stage asked for. What the rows point to is in internal/upgrade/blue_green.h.
 *
 * Descriptions and equivalents depend on the configuration and the two majors only: they are planned values,
 * and Terraform insists that a plan and its apply agree.
 */
#include "internal/upgrade/blue_green.h"
#include "provider/flow_upgrades.h"

/* ---- when a row applies ---- */

static bool raises_source(const struct upgrade *u)
{
    return u->is_serverless && u->request.raise_source_capacity;
}

static bool is_serverless(const struct upgrade *u)
{
    return u->is_serverless;
}

/* ---- what a row says ---- */

SAY(say_source,
    "Checks that %s is an available aurora-postgresql cluster that AWS can make a blue/green deployment of.",
    CLUSTER)
SAY(say_proxies, "Checks that every RDS Proxy in front of production reaches it.")
SAY(say_databases, "Looks into every database for what would break replication or the upgrade: tables "
                   "without a key, prepared "
                   "transactions, slots and subscriptions of your own, and more.")
SAY(say_cluster_group,
    "Makes sure of the cluster parameter group of family aurora-postgresql%d: yours, or one made from "
    "production's "
    "own overrides.",
    TO)
SAY(say_source_capacity, "Raises production's own minimum capacity while the new side builds, because "
                         "raise_source_capacity is true.")
SAY(say_deployment, "Makes the blue/green deployment: a copy of %s on %d that follows production.", CLUSTER,
    TO)
SAY(say_green_created, "Waits until AWS has made the green cluster.")
SAY(say_green_capacity, "Gives the green side enough minimum capacity to build and catch up.")
SAY(say_available,
    "Waits until the deployment and every member of it have been AVAILABLE several times in a row.")
SAY(say_green_reboot,
    "Reboots green instances that wait for their parameter groups; production is not touched.")
SAY(say_green_ready, "Waits until every green instance has its parameters in sync.")
SAY(say_statistics, "Runs ANALYZE on the green side, in stages: an upgrade does not carry statistics.")
SAY(say_events, "Checks that AWS has reported no degraded replication for the deployment.")
SAY(say_validated, "Writes down that the validation has passed, as a tag of the deployment.")
SAY(say_green_minimum, "Gives the green side production's minimum capacity back.")
SAY(say_ready,
    "Waits for one moment at which all is in order: the deployment and every member of it AVAILABLE several "
    "times "
    "in a row%s%s.",
    u->has_login ? ", every slot's lag under max_lag" : "", u->request.window ? ", the window open" : "")
SAY(say_credentials, "Checks that the AWS credentials outlive the switchover or can be renewed meanwhile.")
SAY(say_switchover,
    "Switches over: AWS refuses writes, lets green catch up, and gives it production's names; at most "
    "max_write_outage, else AWS goes back.")
SAY(say_old_noted, "Writes down on the old cluster whose it was and when the switch was.")
SAY(say_new_available, "Waits until the new production and all its instances are available.")
SAY(say_new_sequences, "Proves that no sequence is behind the old side.")
SAY(say_new_statistics, "Proves that the planner has statistics, and runs ANALYZE where it has none.")
SAY(say_green_settings, "Gives the green side every setting of production that AWS did not carry over.")
SAY(say_deployment_gone, "Deletes the deployment object; both sides stay.")
SAY(say_deployment_wait, "Waits until the deployment object is gone.")
SAY(say_green_unprotect, "Lifts the deletion protection of the green cluster.")
SAY(say_green_remove, "Deletes the deployment together with the green side; production is not touched.")
SAY(say_green_gone, "Waits until the green side is gone.")
SAY(say_capacity_back, "Gives production its own minimum capacity back, where it was raised.")
SAY(say_source_group_remove,
    "Removes the completed copy of production's own parameter group, where one was made.")

/* ---- the same by hand ---- */

SAY(cli_source_capacity,
    RDS "modify-db-cluster --db-cluster-identifier %s --serverless-v2-scaling-configuration MinCapacity=<n>",
    CLUSTER)
SAY(cli_deployment,
    RDS "create-blue-green-deployment --source <ARN of %s> --target-engine-version %d "
        "--target-db-cluster-parameter-group-name <group> --target-db-parameter-group-name <group>",
    CLUSTER, TO)
SAY(cli_green_capacity, RDS
    "modify-db-cluster --db-cluster-identifier <green> --serverless-v2-scaling-configuration MinCapacity=<n>")
SAY(cli_green_reboot, RDS "reboot-db-instance --db-instance-identifier <each green instance>")
SAY(cli_green_settings,
    RDS "modify-db-cluster, modify-db-instance, add-role-to-db-cluster (what differs, on the new side)")
SAY(cli_available, RDS "describe-blue-green-deployments")
SAY(cli_statistics, "vacuumdb --all --analyze-in-stages (on green)")
SAY(cli_events, RDS "describe-events --source-type blue-green-deployment")
SAY(cli_validated, RDS
    "add-tags-to-resource --resource-name <deployment> --tags Key=aurora-upgrade:validated-at,Value=<now>")
SAY(cli_switchover, RDS "switchover-blue-green-deployment --switchover-timeout %d",
    u->request.max_write_outage_s)
SAY(cli_old_noted,
    RDS "add-tags-to-resource --resource-name <%s-old1> --tags Key=aurora-upgrade:switched-at,Value=<now>",
    CLUSTER)
SAY(cli_deployment_gone, RDS "delete-blue-green-deployment --no-delete-target")
SAY(cli_old_unprotect,
    RDS "modify-db-cluster --db-cluster-identifier <%s-old1> --no-deletion-protection --apply-immediately",
    CLUSTER)
SAY(cli_old_cluster,
    RDS "delete-db-cluster --db-cluster-identifier <%s-old1> --final-db-snapshot-identifier <name>", CLUSTER)
SAY(cli_green_unprotect,
    RDS "modify-db-cluster --db-cluster-identifier <green> --no-deletion-protection --apply-immediately")
SAY(cli_green_remove, RDS "delete-blue-green-deployment --delete-target")
SAY(cli_source_group_remove,
    RDS "delete-db-cluster-parameter-group --db-cluster-parameter-group-name %s-upgrade-%d-source", CLUSTER,
    FROM)

/* ---- the tables ---- */

/* clang-format off */
static const struct step forward[] = {
    {.name = "check-source", .stage = STAGE_PREPARED, .kind = STEP_CHECK, .duration = "seconds",
     .describe = say_source, .is_done = source_check},
    {.name = "check-target", .stage = STAGE_PREPARED, .kind = STEP_CHECK, .duration = "seconds",
     .describe = say_target, .is_done = target_check},
    {.name = "check-parameters", .stage = STAGE_PREPARED, .kind = STEP_CHECK, .duration = "seconds",
     .describe = say_parameters, .is_done = parameters_check},
    {.name = "check-proxies", .stage = STAGE_PREPARED, .kind = STEP_CHECK, .duration = "seconds",
     .describe = say_proxies, .is_done = proxies_check},
    {.name = "check-databases", .stage = STAGE_PREPARED, .kind = STEP_CHECK, .duration = "seconds", .applies = has_login,
     .describe = say_databases, .is_done = databases_check},
    {.name = "source-parameters", .stage = STAGE_PREPARED, .kind = STEP_CHANGE, .duration = "seconds", .applies = manages_source,
     .describe = say_source_group, .equivalent = cli_source_group,
     .is_done = source_parameters_done, .run = source_parameters_run},
    {.name = "source-settled", .stage = STAGE_PREPARED, .kind = STEP_WAIT, .duration = "minutes", .applies = may_reboot,
     .describe = say_source_settled, .is_done = source_settled},
    {.name = "source-reboot", .stage = STAGE_PREPARED, .kind = STEP_CHANGE, .duration = "minutes", .applies = may_reboot,
     .blocks_writes = true, .describe = say_source_reboot, .equivalent = cli_source_reboot,
     .is_done = source_reboot_done, .run = source_reboot_run},
    {.name = "source-ready", .stage = STAGE_PREPARED, .kind = STEP_WAIT, .duration = "minutes", .applies = may_reboot,
     .describe = say_source_ready, .is_done = source_in_sync},
    {.name = "cluster-parameter-group", .stage = STAGE_PREPARED, .kind = STEP_CHANGE, .duration = "seconds",
     .describe = say_cluster_group, .equivalent = cli_cluster_group,
     .is_done = cluster_group_done, .run = cluster_group_run},
    {.name = "instance-parameter-group", .stage = STAGE_PREPARED, .kind = STEP_CHANGE, .duration = "seconds",
     .describe = say_instance_group, .equivalent = cli_instance_group,
     .is_done = instance_group_done, .run = instance_group_run},
    {.name = "source-capacity", .stage = STAGE_PREPARED, .kind = STEP_CHANGE, .duration = "seconds", .applies = raises_source,
     .describe = say_source_capacity, .equivalent = cli_source_capacity,
     .is_done = source_capacity_done, .run = source_capacity_run},
    {.name = "deployment", .stage = STAGE_PREPARED, .kind = STEP_CHANGE, .duration = "seconds",
     .describe = say_deployment, .equivalent = cli_deployment,
     .is_done = deployment_done, .run = deployment_run},
    {.name = "green-created", .stage = STAGE_PREPARED, .kind = STEP_WAIT, .duration = "minutes", .applies = is_serverless,
     .describe = say_green_created, .equivalent = cli_available, .is_done = green_exists},
    {.name = "green-capacity", .stage = STAGE_PREPARED, .kind = STEP_CHANGE, .duration = "minutes", .applies = is_serverless,
     .describe = say_green_capacity, .equivalent = cli_green_capacity,
     .is_done = green_capacity_done, .run = green_capacity_run},
    {.name = "deployment-available", .stage = STAGE_PREPARED, .kind = STEP_WAIT, .duration = "hours",
     .describe = say_available, .equivalent = cli_available, .is_done = deployment_available},
    {.name = "green-settings", .stage = STAGE_PREPARED, .kind = STEP_CHANGE, .duration = "minutes",
     .describe = say_green_settings, .equivalent = cli_green_settings,
     .is_done = green_settings_done, .run = green_settings_run},
    {.name = "green-reboot", .stage = STAGE_PREPARED, .kind = STEP_CHANGE, .duration = "minutes",
     .describe = say_green_reboot, .equivalent = cli_green_reboot,
     .is_done = green_reboot_done, .run = green_reboot_run},
    {.name = "green-ready", .stage = STAGE_PREPARED, .kind = STEP_WAIT, .duration = "minutes",
     .describe = say_green_ready, .is_done = green_in_sync},
    {.name = "hooks-after-prepare", .stage = STAGE_PREPARED, .kind = STEP_CHANGE, .duration = "minutes", .applies = has_after_prepare,
     .describe = say_after_prepare, .equivalent = cli_hooks, .is_done = after_prepare_hooks_done, .run = after_prepare_hooks_run},

    {.name = "replication-caught-up", .stage = STAGE_VALIDATED, .kind = STEP_WAIT, .duration = "minutes", .applies = has_login,
     .describe = say_lag, .equivalent = cli_lag, .is_done = replication_caught_up},
    {.name = "green-statistics", .stage = STAGE_VALIDATED, .kind = STEP_CHANGE, .duration = "minutes", .applies = has_login,
     .describe = say_statistics, .equivalent = cli_statistics, .is_done = statistics_done, .run = statistics_run},
    {.name = "check-events", .stage = STAGE_VALIDATED, .kind = STEP_CHECK, .duration = "seconds",
     .describe = say_events, .equivalent = cli_events, .is_done = events_check},
    {.name = "check-schema", .stage = STAGE_VALIDATED, .kind = STEP_CHECK, .duration = "seconds", .applies = has_login,
     .describe = say_schema, .is_done = schema_check},
    {.name = "check-rows", .stage = STAGE_VALIDATED, .kind = STEP_CHECK, .duration = "minutes", .applies = has_login,
     .describe = say_rows, .is_done = rows_check},
    {.name = "check-queries", .stage = STAGE_VALIDATED, .kind = STEP_CHECK, .duration = "minutes", .applies = has_queries,
     .describe = say_queries, .is_done = queries_check},
    {.name = "check-settings", .stage = STAGE_VALIDATED, .kind = STEP_CHECK, .duration = "seconds",
     .describe = say_settings, .is_done = settings_check},
    {.name = "validated", .stage = STAGE_VALIDATED, .kind = STEP_CHANGE, .duration = "seconds",
     .describe = say_validated, .equivalent = cli_validated, .is_done = validated_done, .run = validated_run},
    {.name = "soak", .stage = STAGE_VALIDATED, .kind = STEP_WAIT, .duration = "hours", .applies = soaks,
     .describe = say_soak, .is_done = soak_over, .fits = soak_fits},

    {.name = "green-minimum", .stage = STAGE_SWITCHED, .kind = STEP_CHANGE, .duration = "seconds", .applies = is_serverless,
     .describe = say_green_minimum, .equivalent = cli_green_capacity,
     .is_done = green_capacity_restored, .run = green_capacity_restore},
    {.name = "hooks-before-switch", .stage = STAGE_SWITCHED, .kind = STEP_CHANGE, .duration = "minutes", .applies = has_before_switch,
     .describe = say_before_switch, .equivalent = cli_hooks, .is_done = before_switch_hooks_done, .run = before_switch_hooks_run},
    {.name = "window", .stage = STAGE_SWITCHED, .kind = STEP_WAIT, .duration = "hours", .applies = has_window,
     .describe = say_window, .is_done = window_open, .fits = window_fits},
    {.name = "hooks-in-window", .stage = STAGE_SWITCHED, .kind = STEP_CHANGE, .duration = "minutes", .applies = has_in_window,
     .describe = say_in_window, .equivalent = cli_hooks, .is_done = in_window_hooks_done, .run = in_window_hooks_run},
    {.name = "ready-to-switch", .stage = STAGE_SWITCHED, .kind = STEP_WAIT, .duration = "seconds",
     .describe = say_ready, .equivalent = cli_available, .is_done = switch_ready, .fits = window_fits},
    {.name = "check-credentials", .stage = STAGE_SWITCHED, .kind = STEP_CHECK, .duration = "seconds",
     .describe = say_credentials, .is_done = credentials_check},
    {.name = "check-window", .stage = STAGE_SWITCHED, .kind = STEP_CHECK, .duration = "seconds", .applies = has_window,
     .describe = say_window_left, .is_done = window_check},
    {.name = "switchover", .stage = STAGE_SWITCHED, .kind = STEP_NO_RETURN, .duration = "seconds", .blocks_writes = true,
     .describe = say_switchover, .equivalent = cli_switchover, .is_done = switchover_done,
     .is_underway = switchover_underway, .run = switchover_run},
    {.name = "old-noted", .stage = STAGE_SWITCHED, .kind = STEP_CHANGE, .duration = "seconds",
     .describe = say_old_noted, .equivalent = cli_old_noted, .is_done = old_noted, .run = old_note},
    {.name = "new-available", .stage = STAGE_SWITCHED, .kind = STEP_WAIT, .duration = "minutes",
     .describe = say_new_available, .is_done = new_available},
    {.name = "verify-version", .stage = STAGE_SWITCHED, .kind = STEP_CHECK, .duration = "seconds",
     .describe = say_new_version, .is_done = new_version_check},
    {.name = "verify-sequences", .stage = STAGE_SWITCHED, .kind = STEP_CHECK, .duration = "seconds", .applies = has_login,
     .describe = say_new_sequences, .is_done = new_sequences_check},
    {.name = "new-extensions", .stage = STAGE_SWITCHED, .kind = STEP_CHANGE, .duration = "seconds", .applies = has_login,
     .describe = say_new_extensions, .equivalent = cli_new_extensions, .is_done = new_extensions_done, .run = new_extensions_run},
    {.name = "new-statistics", .stage = STAGE_SWITCHED, .kind = STEP_CHANGE, .duration = "minutes", .applies = has_login,
     .describe = say_new_statistics, .equivalent = cli_new_statistics,
     .is_done = new_statistics_done, .run = new_statistics_run},
    {.name = "new-settings", .stage = STAGE_SWITCHED, .kind = STEP_CHANGE, .duration = "minutes",
     .describe = say_new_put_right, .equivalent = cli_green_settings,
     .is_done = new_settings_done, .run = new_settings_run},
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
    {.name = "deployment-removed", .stage = STAGE_COMPLETED, .kind = STEP_CHANGE, .duration = "minutes",
     .describe = say_deployment_gone, .equivalent = cli_deployment_gone,
     .is_done = deployment_removed, .run = deployment_remove},
    {.name = "deployment-gone", .stage = STAGE_COMPLETED, .kind = STEP_WAIT, .duration = "minutes",
     .describe = say_deployment_wait, .is_done = deployment_gone},
    {.name = "old-unprotected", .stage = STAGE_COMPLETED, .kind = STEP_CHANGE, .duration = "seconds",
     .describe = say_old_unprotect, .equivalent = cli_old_unprotect,
     .is_done = old_unprotected, .run = old_unprotect},
    {.name = "old-instances-deleted", .stage = STAGE_COMPLETED, .kind = STEP_CHANGE, .duration = "minutes", .irreversible = true,
     .describe = say_old_instances, .equivalent = cli_old_instances,
     .is_done = old_instances_deleted, .run = old_instances_delete},
    {.name = "old-cluster-deleted", .stage = STAGE_COMPLETED, .kind = STEP_CHANGE, .duration = "minutes", .irreversible = true,
     .describe = say_old_cluster, .equivalent = cli_old_cluster,
     .is_done = old_cluster_deleted, .run = old_cluster_delete},
    {.name = "old-gone", .stage = STAGE_COMPLETED, .kind = STEP_WAIT, .duration = "minutes",
     .describe = say_old_gone, .is_done = old_gone},
    {.name = "source-group-removed", .stage = STAGE_COMPLETED, .kind = STEP_CHANGE, .duration = "seconds",
     .describe = say_source_group_remove, .equivalent = cli_source_group_remove,
     .is_done = source_group_removed, .run = source_group_remove},
};

static const struct step back[] = {
    {.name = "check-not-switched", .stage = STAGE_ROLLED_BACK, .kind = STEP_CHECK, .duration = "seconds",
     .describe = say_not_switched, .is_done = not_switched_check},
    {.name = "hooks-before-rollback", .stage = STAGE_ROLLED_BACK, .kind = STEP_CHANGE, .duration = "minutes", .applies = has_before_rollback,
     .describe = say_before_rollback, .equivalent = cli_hooks, .is_done = before_rollback_hooks_done, .run = before_rollback_hooks_run},
    {.name = "green-unprotected", .stage = STAGE_ROLLED_BACK, .kind = STEP_CHANGE, .duration = "seconds",
     .describe = say_green_unprotect, .equivalent = cli_green_unprotect,
     .is_done = green_unprotected, .run = green_unprotect},
    {.name = "green-removed", .stage = STAGE_ROLLED_BACK, .kind = STEP_CHANGE, .duration = "minutes",
     .describe = say_green_remove, .equivalent = cli_green_remove,
     .is_done = deployment_removed, .run = green_deployment_remove},
    {.name = "green-gone", .stage = STAGE_ROLLED_BACK, .kind = STEP_WAIT, .duration = "minutes",
     .describe = say_green_gone, .is_done = green_gone},
    {.name = "source-capacity-restored", .stage = STAGE_ROLLED_BACK, .kind = STEP_CHANGE, .duration = "seconds",
     .applies = is_serverless, .describe = say_capacity_back, .equivalent = cli_source_capacity,
     .is_done = source_capacity_restored, .run = source_capacity_restore},
    {.name = "source-parameters-restored", .stage = STAGE_ROLLED_BACK, .kind = STEP_CHANGE, .duration = "seconds",
     .describe = say_group_back, .equivalent = cli_group_back,
     .is_done = source_parameters_restored, .run = source_parameters_restore},
    {.name = "groups-removed", .stage = STAGE_ROLLED_BACK, .kind = STEP_CHANGE, .duration = "seconds",
     .describe = say_groups_remove, .equivalent = cli_groups_remove,
     .is_done = groups_removed, .run = groups_remove},
    {.name = "hooks-after-rollback", .stage = STAGE_ROLLED_BACK, .kind = STEP_CHANGE, .duration = "minutes", .applies = has_after_rollback,
     .describe = say_after_rollback, .equivalent = cli_hooks, .is_done = after_rollback_hooks_done, .run = after_rollback_hooks_run},
};
/* clang-format on */

enum { RETIRE_ROWS = 7 };

const struct flow flow_blue_green = {.name = "blue-green", .steps = forward, .count = ARRAY_LEN(forward)};
const struct flow flow_blue_green_back = {.name = "blue-green-back", .steps = back, .count = ARRAY_LEN(back)};
/* The last rows of the forward table, without the retention: for on_destroy = "delete_old". */
const struct flow flow_blue_green_retire = {
    .name = "blue-green-retire", .steps = &forward[ARRAY_LEN(forward) - RETIRE_ROWS], .count = RETIRE_ROWS};
/* The last row alone: nothing in AWS shows a run any more, and an apply may have died before it. */
const struct flow flow_blue_green_tidy = {
    .name = "blue-green-tidy", .steps = &forward[ARRAY_LEN(forward) - 1], .count = 1};
