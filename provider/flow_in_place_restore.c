/* flow_in_place_restore.c — the way back from an upgrade in place, step by step, and the end of what it put
 * aside. The rules are those of flow_blue_green_upgrade.c; what the rows point to is in
 * internal/upgrade/roll_back.h. Until names move production is only looked at; from there on it goes forward,
 * and an apply that is cut short is finished by the next one.
 */
#include "internal/upgrade/in_place.h"
#include "internal/upgrade/roll_back.h"
#include "provider/flow_upgrades.h"

/* ---- what a row says ---- */

SAY(say_accepted,
    "Checks that the loss of what was written since the snapshot is accepted, and tells how much that is.")
SAY(say_restorable,
    "Checks that the snapshot is there, that the parameter groups of %d exist, and that the names needed are "
    "free.",
    FROM)
SAY(say_restore, "Restores the snapshot under another name, with every setting that %s has.", CLUSTER)
SAY(say_exists, "Waits until the restored cluster is available.")
SAY(say_repair, "Gives the restored cluster what a restore does not take: roles, monitoring, windows, tags.")
SAY(say_twins, "Makes an instance for each of %s's: same class, zone, tier and settings, the group of %d.",
    CLUSTER, FROM)
SAY(say_twins_ready, "Waits until the restored cluster and its instances are available.")
SAY(say_repair_instances, "Gives the restored instances what is still missing of their settings.")
SAY(say_restored_reboot, "Reboots restored instances that wait for it to take their parameter groups over.")
SAY(say_restored_in_sync, "Waits until every restored instance has its parameters in sync.")
SAY(say_same_settings, "Compares every setting of the restored cluster and instances with production's.")
SAY(say_content,
    "Proves that the restored cluster runs %d, takes writes, and holds what was counted before the upgrade; "
    "tells which tables differ from production.",
    FROM)
SAY(say_secret, "Lets AWS manage the restored master password, where it manages production's.")
SAY(say_endpoints_copy,
    "Makes a copy of each custom endpoint of %s for the restored cluster, under another name; the fifth has "
    "its "
    "turn later.",
    CLUSTER)
SAY(say_endpoints_leave,
    "Deletes the custom endpoints of the upgraded %s, each once its copy is there: they would lead to what "
    "is "
    "put aside.",
    CLUSTER)
SAY(say_endpoints_arrive, "Makes the custom endpoints again under their names, and deletes their copies.")
SAY(say_credentials,
    "Checks that the AWS credentials outlive the change of names or can be renewed meanwhile.")
SAY(say_names, "Writes down on the restored cluster that names move from now on.")
SAY(say_leave, "Renames the instances of the upgraded %s; each reboots.", CLUSTER)
SAY(say_left, "Waits until they have their new names.")
SAY(say_cluster_leaves,
    "Renames the upgraded %s: from here until the restored cluster has the name, no endpoint answers.",
    CLUSTER)
SAY(say_cluster_left, "Waits until the name is free.")
SAY(say_aside_note, "Writes down on the cluster put aside what replaces it.")
SAY(say_untag, "Takes our tags from the restored cluster.")
SAY(say_arrives, "Renames the restored cluster to %s, with production's deletion protection.", CLUSTER)
SAY(say_arrived, "Waits until %s answers to its name.", CLUSTER)
SAY(say_instances_arrive, "Renames the restored instances to production's names; each reboots.")
SAY(say_instances_arrived, "Waits until they have them.")
SAY(say_instances_untag, "Takes our tags from the restored instances.")
SAY(say_protect, "Protects the cluster put aside from deletion.")
SAY(say_back_version, "Proves that the endpoint answers from %d and takes writes.", FROM)
SAY(say_losses, "Tells which writes only the cluster put aside has.")
SAY(say_closed, "Writes down on the snapshot that the run is over; the snapshot stays.")
SAY(say_noted, "Writes down on the cluster put aside that the roll-back is over.")
SAY(say_unprotect, "Lifts the deletion protection of what the roll-back put aside.")
SAY(say_aside_instances, "Deletes the instances of what the roll-back put aside.")
SAY(say_aside_delete, "Deletes the cluster put aside, with a final snapshot.")
SAY(say_aside_gone, "Waits until it is gone.")

SAY(say_spare, "Checks that no name of %s was moved, and that its snapshot is there.", CLUSTER)
SAY(say_spare_unprotect, "Lifts the deletion protection of what the snapshot was restored as.")
SAY(say_spare_endpoints, "Deletes its copies of production's custom endpoints.")
SAY(say_spare_instances, "Deletes its instances.")
SAY(say_spare_delete, "Deletes it.")
SAY(say_spare_gone, "Waits until it is gone.")

SAY(say_stray_delete, "Deletes what the snapshot was restored as once more, by a call of an apply that was "
                      "cut short and that AWS "
                      "carried out late; there hardly ever is one.")
SAY(say_stray_gone, "Waits until it is gone.")

/* ---- the same by hand ---- */

SAY(cli_restore,
    RDS
    "restore-db-cluster-from-snapshot --db-cluster-identifier %s-restored --snapshot-identifier <snapshot> "
    "--engine aurora-postgresql --engine-version <of the snapshot> <every other setting of %s>",
    CLUSTER, CLUSTER)
SAY(cli_repair,
    RDS "modify-db-cluster --db-cluster-identifier %s-restored …; " RDS "add-role-to-db-cluster …", CLUSTER)
SAY(cli_twins,
    RDS "create-db-instance --db-instance-identifier <instance>-restored --db-cluster-identifier %s-restored "
        "--engine aurora-postgresql --db-instance-class <class> …",
    CLUSTER)
SAY(cli_repair_instances, RDS "modify-db-instance --db-instance-identifier <instance>-restored …")
SAY(cli_reboot, RDS "reboot-db-instance --db-instance-identifier <instance>-restored")
SAY(cli_secret, RDS "modify-db-cluster --db-cluster-identifier %s-restored --manage-master-user-password",
    CLUSTER)
SAY(cli_endpoints_copy,
    RDS "create-db-cluster-endpoint --db-cluster-identifier %s-restored --db-cluster-endpoint-identifier "
        "<endpoint>-restored --endpoint-type <type> --static-members <instances>",
    CLUSTER)
SAY(cli_endpoints_leave, RDS "delete-db-cluster-endpoint --db-cluster-endpoint-identifier <endpoint>")
SAY(cli_endpoints_arrive,
    RDS "create-db-cluster-endpoint --db-cluster-identifier %s --db-cluster-endpoint-identifier <endpoint> "
        "…; " RDS "delete-db-cluster-endpoint --db-cluster-endpoint-identifier <endpoint>-restored",
    CLUSTER)
SAY(cli_tag, RDS "add-tags-to-resource --resource-name <cluster> --tags …")
SAY(cli_untag, RDS "remove-tags-from-resource --resource-name <cluster or instance> --tag-keys …")
SAY(cli_leave, RDS
    "modify-db-instance --db-instance-identifier <instance> --new-db-instance-identifier <instance>-upgraded "
    "--apply-immediately")
SAY(cli_cluster_leaves,
    RDS "modify-db-cluster --db-cluster-identifier %s --new-db-cluster-identifier %s-upgraded "
        "--apply-immediately",
    CLUSTER, CLUSTER)
SAY(cli_arrives,
    RDS "modify-db-cluster --db-cluster-identifier %s-restored --new-db-cluster-identifier %s "
        "--apply-immediately",
    CLUSTER, CLUSTER)
SAY(cli_instances_arrive, RDS
    "modify-db-instance --db-instance-identifier <instance>-restored --new-db-instance-identifier <instance> "
    "--apply-immediately")
SAY(cli_protect, RDS "modify-db-cluster --db-cluster-identifier %s-upgraded --deletion-protection", CLUSTER)
SAY(cli_unprotect, RDS "modify-db-cluster --db-cluster-identifier %s-upgraded --no-deletion-protection",
    CLUSTER)
SAY(cli_aside_instances, RDS "delete-db-instance --db-instance-identifier <instance>-upgraded")
SAY(cli_aside_delete,
    RDS "delete-db-cluster --db-cluster-identifier %s-upgraded --final-db-snapshot-identifier <name>",
    CLUSTER)
SAY(cli_spare_unprotect, RDS "modify-db-cluster --db-cluster-identifier %s-restored --no-deletion-protection",
    CLUSTER)
SAY(cli_spare_endpoints,
    RDS "delete-db-cluster-endpoint --db-cluster-endpoint-identifier <endpoint>-restored")
SAY(cli_spare_instances, RDS "delete-db-instance --db-instance-identifier <instance>-restored")
SAY(cli_spare_delete, RDS "delete-db-cluster --db-cluster-identifier %s-restored --skip-final-snapshot",
    CLUSTER)

SAY(cli_stray_delete,
    RDS "modify-db-cluster --db-cluster-identifier %s-restored --no-deletion-protection; " RDS
        "delete-db-cluster --db-cluster-identifier %s-restored --skip-final-snapshot",
    CLUSTER, CLUSTER)

/* ---- the tables ---- */

/* clang-format off */

/* It may come at any time behind the change of names: each way that may find it takes it away. */
#define STRAY_ROWS(at) \
    {.name = "stray-deleted", .stage = (at), .kind = STEP_CHANGE, .duration = "seconds", .irreversible = true, \
     .describe = say_stray_delete, .equivalent = cli_stray_delete, .is_done = stray_deleted, .run = stray_delete}, \
    {.name = "stray-gone", .stage = (at), .kind = STEP_WAIT, .duration = "minutes", \
     .describe = say_stray_gone, .is_done = stray_gone}

static const struct step restore[] = {
    {.name = "check-loss", .stage = STAGE_ROLLED_BACK, .kind = STEP_CHECK, .duration = "seconds",
     .describe = say_accepted, .is_done = loss_accepted},
    {.name = "check-restorable", .stage = STAGE_ROLLED_BACK, .kind = STEP_CHECK, .duration = "seconds",
     .describe = say_restorable, .is_done = restorable_check},
    {.name = "restored", .stage = STAGE_ROLLED_BACK, .kind = STEP_CHANGE, .duration = "seconds",
     .describe = say_restore, .equivalent = cli_restore, .is_done = restored_done, .run = restored_run},
    {.name = "restored-exists", .stage = STAGE_ROLLED_BACK, .kind = STEP_WAIT, .duration = "minutes",
     .describe = say_exists, .is_done = restored_exists},
    {.name = "restored-settings", .stage = STAGE_ROLLED_BACK, .kind = STEP_CHANGE, .duration = "seconds",
     .describe = say_repair, .equivalent = cli_repair, .is_done = green_settings_done, .run = green_settings_run},
    {.name = "restored-instances", .stage = STAGE_ROLLED_BACK, .kind = STEP_CHANGE, .duration = "seconds",
     .describe = say_twins, .equivalent = cli_twins, .is_done = restored_instances_done, .run = restored_instances_run},
    {.name = "restored-available", .stage = STAGE_ROLLED_BACK, .kind = STEP_WAIT, .duration = "minutes",
     .describe = say_twins_ready, .is_done = restored_available},
    {.name = "restored-instance-settings", .stage = STAGE_ROLLED_BACK, .kind = STEP_CHANGE, .duration = "seconds",
     .describe = say_repair_instances, .equivalent = cli_repair_instances, .is_done = green_settings_done, .run = green_settings_run},
    {.name = "restored-reboot", .stage = STAGE_ROLLED_BACK, .kind = STEP_CHANGE, .duration = "minutes",
     .describe = say_restored_reboot, .equivalent = cli_reboot, .is_done = restored_reboot_done, .run = restored_reboot_run},
    {.name = "restored-in-sync", .stage = STAGE_ROLLED_BACK, .kind = STEP_WAIT, .duration = "minutes",
     .describe = say_restored_in_sync, .is_done = restored_in_sync},
    {.name = "verify-restored-settings", .stage = STAGE_ROLLED_BACK, .kind = STEP_CHECK, .duration = "seconds",
     .describe = say_same_settings, .is_done = settings_check},
    {.name = "restored-secret", .stage = STAGE_ROLLED_BACK, .kind = STEP_CHANGE, .duration = "seconds",
     .describe = say_secret, .equivalent = cli_secret, .is_done = restored_secret_done, .run = restored_secret_run},
    {.name = "restored-ready", .stage = STAGE_ROLLED_BACK, .kind = STEP_WAIT, .duration = "seconds",
     .describe = say_twins_ready, .is_done = restored_available},
    {.name = "verify-restored", .stage = STAGE_ROLLED_BACK, .kind = STEP_CHECK, .duration = "minutes", .applies = has_login,
     .describe = say_content, .is_done = restored_content_check},
    {.name = "endpoints-copied", .stage = STAGE_ROLLED_BACK, .kind = STEP_CHANGE, .duration = "minutes",
     .describe = say_endpoints_copy, .equivalent = cli_endpoints_copy, .is_done = endpoints_copied, .run = endpoints_copy},
    {.name = "hooks-before-rollback", .stage = STAGE_ROLLED_BACK, .kind = STEP_CHANGE, .duration = "minutes", .applies = has_before_rollback,
     .describe = say_before_rollback, .equivalent = cli_hooks, .is_done = before_rollback_hooks_done, .run = before_rollback_hooks_run},
    {.name = "check-credentials", .stage = STAGE_ROLLED_BACK, .kind = STEP_CHECK, .duration = "seconds",
     .describe = say_credentials, .is_done = credentials_check_names},

    {.name = "names-move", .stage = STAGE_ROLLED_BACK, .kind = STEP_NO_RETURN, .duration = "seconds",
     .describe = say_names, .equivalent = cli_tag, .is_done = names_move_done, .run = names_move_run},
    {.name = "endpoints-leave", .stage = STAGE_ROLLED_BACK, .kind = STEP_CHANGE, .duration = "minutes", .blocks_writes = true,
     .describe = say_endpoints_leave, .equivalent = cli_endpoints_leave, .is_done = endpoints_left, .run = endpoints_leave},
    {.name = "instances-leave", .stage = STAGE_ROLLED_BACK, .kind = STEP_CHANGE, .duration = "seconds", .blocks_writes = true,
     .describe = say_leave, .equivalent = cli_leave, .is_done = instances_leave_done, .run = instances_leave_run},
    {.name = "instances-left", .stage = STAGE_ROLLED_BACK, .kind = STEP_WAIT, .duration = "minutes", .blocks_writes = true,
     .describe = say_left, .is_done = instances_left},
    {.name = "cluster-leaves", .stage = STAGE_ROLLED_BACK, .kind = STEP_CHANGE, .duration = "seconds", .blocks_writes = true,
     .describe = say_cluster_leaves, .equivalent = cli_cluster_leaves, .is_done = cluster_leaves_done, .run = cluster_leaves_run},
    {.name = "cluster-left", .stage = STAGE_ROLLED_BACK, .kind = STEP_WAIT, .duration = "minutes", .blocks_writes = true,
     .describe = say_cluster_left, .is_done = cluster_left},
    {.name = "aside-noted", .stage = STAGE_ROLLED_BACK, .kind = STEP_CHANGE, .duration = "seconds", .blocks_writes = true,
     .describe = say_aside_note, .equivalent = cli_tag, .is_done = aside_noted, .run = aside_note},
    {.name = "restored-untagged", .stage = STAGE_ROLLED_BACK, .kind = STEP_CHANGE, .duration = "seconds", .blocks_writes = true,
     .describe = say_untag, .equivalent = cli_untag, .is_done = restored_untagged, .run = restored_untag},
    {.name = "cluster-arrives", .stage = STAGE_ROLLED_BACK, .kind = STEP_CHANGE, .duration = "seconds", .blocks_writes = true,
     .describe = say_arrives, .equivalent = cli_arrives, .is_done = cluster_arrives_done, .run = cluster_arrives_run},
    {.name = "cluster-arrived", .stage = STAGE_ROLLED_BACK, .kind = STEP_WAIT, .duration = "minutes", .blocks_writes = true,
     .describe = say_arrived, .is_done = cluster_arrived},
    {.name = "instances-arrive", .stage = STAGE_ROLLED_BACK, .kind = STEP_CHANGE, .duration = "seconds", .blocks_writes = true,
     .describe = say_instances_arrive, .equivalent = cli_instances_arrive, .is_done = instances_arrive_done, .run = instances_arrive_run},
    {.name = "instances-arrived", .stage = STAGE_ROLLED_BACK, .kind = STEP_WAIT, .duration = "minutes", .blocks_writes = true,
     .describe = say_instances_arrived, .is_done = instances_arrived},
    {.name = "endpoints-arrive", .stage = STAGE_ROLLED_BACK, .kind = STEP_CHANGE, .duration = "minutes",
     .describe = say_endpoints_arrive, .equivalent = cli_endpoints_arrive, .is_done = endpoints_arrived, .run = endpoints_arrive},
    {.name = "instances-untagged", .stage = STAGE_ROLLED_BACK, .kind = STEP_CHANGE, .duration = "seconds",
     .describe = say_instances_untag, .equivalent = cli_untag, .is_done = instances_untagged, .run = instances_untag},
    {.name = "aside-protected", .stage = STAGE_ROLLED_BACK, .kind = STEP_CHANGE, .duration = "seconds",
     .describe = say_protect, .equivalent = cli_protect, .is_done = aside_protected, .run = aside_protect},
    {.name = "verify-version", .stage = STAGE_ROLLED_BACK, .kind = STEP_CHECK, .duration = "seconds",
     .describe = say_back_version, .is_done = back_version_check},
    {.name = "losses-told", .stage = STAGE_ROLLED_BACK, .kind = STEP_CHECK, .duration = "seconds", .applies = has_login,
     .describe = say_losses, .is_done = losses_told},
    {.name = "hooks-after-rollback", .stage = STAGE_ROLLED_BACK, .kind = STEP_CHANGE, .duration = "minutes", .applies = has_after_rollback,
     .describe = say_after_rollback, .equivalent = cli_hooks, .is_done = after_rollback_hooks_done, .run = after_rollback_hooks_run},
    {.name = "run-closed", .stage = STAGE_ROLLED_BACK, .kind = STEP_CHANGE, .duration = "seconds",
     .describe = say_closed, .equivalent = cli_tag, .is_done = run_closed, .run = run_close},
    {.name = "roll-back-noted", .stage = STAGE_ROLLED_BACK, .kind = STEP_CHANGE, .duration = "seconds",
     .describe = say_noted, .equivalent = cli_tag, .is_done = roll_back_noted, .run = roll_back_note},
    STRAY_ROWS(STAGE_ROLLED_BACK),
};

static const struct step put_away[] = {
    STRAY_ROWS(STAGE_COMPLETED),
    {.name = "aside-unprotected", .stage = STAGE_COMPLETED, .kind = STEP_CHANGE, .duration = "seconds",
     .describe = say_unprotect, .equivalent = cli_unprotect, .is_done = old_unprotected, .run = old_unprotect},
    {.name = "aside-instances", .stage = STAGE_COMPLETED, .kind = STEP_CHANGE, .duration = "seconds", .irreversible = true,
     .describe = say_aside_instances, .equivalent = cli_aside_instances, .is_done = old_instances_deleted, .run = old_instances_delete},
    {.name = "aside-cluster", .stage = STAGE_COMPLETED, .kind = STEP_CHANGE, .duration = "seconds", .irreversible = true,
     .describe = say_aside_delete, .equivalent = cli_aside_delete, .is_done = old_cluster_deleted, .run = old_cluster_delete},
    {.name = "aside-gone", .stage = STAGE_COMPLETED, .kind = STEP_WAIT, .duration = "minutes",
     .describe = say_aside_gone, .is_done = old_gone},
    {.name = "groups-removed", .stage = STAGE_COMPLETED, .kind = STEP_CHANGE, .duration = "seconds",
     .describe = say_groups_remove, .equivalent = cli_groups_remove, .is_done = groups_removed, .run = groups_remove},
};

static const struct step give_up[] = {
    {.name = "check-names-stay", .stage = STAGE_ROLLED_BACK, .kind = STEP_CHECK, .duration = "seconds",
     .describe = say_spare, .is_done = spare_check},
    {.name = "restored-unprotected", .stage = STAGE_ROLLED_BACK, .kind = STEP_CHANGE, .duration = "seconds",
     .describe = say_spare_unprotect, .equivalent = cli_spare_unprotect, .is_done = spare_unprotected, .run = spare_unprotect},
    {.name = "restored-endpoints-deleted", .stage = STAGE_ROLLED_BACK, .kind = STEP_CHANGE, .duration = "seconds",
     .describe = say_spare_endpoints, .equivalent = cli_spare_endpoints, .is_done = spare_endpoints_deleted, .run = spare_endpoints_delete},
    {.name = "restored-instances-deleted", .stage = STAGE_ROLLED_BACK, .kind = STEP_CHANGE, .duration = "seconds", .irreversible = true,
     .describe = say_spare_instances, .equivalent = cli_spare_instances, .is_done = spare_instances_deleted, .run = spare_instances_delete},
    {.name = "restored-deleted", .stage = STAGE_ROLLED_BACK, .kind = STEP_CHANGE, .duration = "seconds", .irreversible = true,
     .describe = say_spare_delete, .equivalent = cli_spare_delete, .is_done = spare_deleted, .run = spare_delete},
    {.name = "restored-gone", .stage = STAGE_ROLLED_BACK, .kind = STEP_WAIT, .duration = "minutes",
     .describe = say_spare_gone, .is_done = spare_gone},
};

static const struct step stray[] = {
    STRAY_ROWS(STAGE_ROLLED_BACK),
};
/* clang-format on */

const struct flow flow_in_place_restore = {
    .name = "in-place-restore", .steps = restore, .count = ARRAY_LEN(restore)};
const struct flow flow_in_place_give_up = {
    .name = "in-place-give-up", .steps = give_up, .count = ARRAY_LEN(give_up)};
const struct flow flow_in_place_stray = {.name = "in-place-stray", .steps = stray, .count = ARRAY_LEN(stray)};
const struct flow flow_in_place_put_away = {
    .name = "in-place-put-away", .steps = put_away, .count = ARRAY_LEN(put_away)};
