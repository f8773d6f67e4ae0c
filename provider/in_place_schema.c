/* The schema of aurora_in_place_upgrade. INTERFACE names every attribute; a new one is a row here. */
#include "provider/staging.h"
#include "provider/upgrade_resource.h"
#include "provider/upgrade_schema.h"

#include <string.h>

/* CreateDBClusterSnapshot: as the name of a cluster, but up to 255 characters. */
static bool check_snapshot_name(const struct value *v, struct err *e)
{
    const char *name = value_as_text(v, "");
    size_t n = strlen(name);
    bool letter = (name[0] >= 'a' && name[0] <= 'z') || (name[0] >= 'A' && name[0] <= 'Z');
    bool legal = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-") == n;
    return (letter && legal && n <= 255 && name[n - 1] != '-' && !strstr(name, "--")) ||
           err_set(e, ERR_INVALID,
                   "1 to 255 letters, digits and single hyphens, first a letter, last not a hyphen");
}

static const char *const group_ways[] = {"direct", "toggle", NULL};

/* clang-format off */
static const struct tf_attr attrs[] = {
    UPGRADE_PLACE,
    {.name = "target_engine_version", .type = TF_STRING, .flags = TF_REQUIRED, .validate = validate_version,
     .doc = "Version to upgrade to: `\"17.6\"`, or `\"17\"` for the newest valid minor at the time the snapshot is made. This resource "
            "upgrades majors; later minor upgrades by AWS are no drift."},
    {.name = "stage", .type = TF_STRING, .flags = TF_REQUIRED, .one_of = upgrade_stages,
     .doc = "How far to go: `prepared` (both parameter groups exist), `validated` (the checks in the databases pass), `switched` (snapshot taken, production "
            "is the new version), `completed` (the run is over; its snapshot stays; after `rolled_back`: what that put aside is removed) or `rolled_back` (before the "
            "upgrade everything made is removed; after it the snapshot is restored, proved, and takes production's names; the upgraded cluster is put aside)."},
    {.name = "retain_old_for", .type = TF_STRING, .flags = TF_OPTIONAL_COMPUTED, .otherwise = "\"168h\"", .validate = validate_duration,
     .doc = "How long after the upgrade `completed` is refused; `\"0s\"` is allowed."},
    {.name = "on_destroy", .type = TF_STRING, .flags = TF_OPTIONAL_COMPUTED, .otherwise = "\"refuse\"", .one_of = upgrade_destroy_ways,
     .doc = "What a destroy does between the upgrade and `completed`: `refuse`, `keep_old` (the snapshot stays) or `delete_old` (it is deleted). Before the "
            "upgrade a destroy removes everything made."},
    UPGRADE_PLAN_CHECKS,
    {.name = "snapshot_identifier", .type = TF_STRING, .flags = TF_OPTIONAL_COMPUTED, .validate = check_snapshot_name,
     .doc = "Name of the snapshot that is made right before the upgrade, and verified available. Default: `<cluster>-upgrade-<from>-to-<to>-<time>`. One that exists "
            "and was not made by this run is refused: it would not hold the last writes."},
    {.name = "accept_data_loss_since_snapshot", .type = TF_STRING, .flags = TF_OPTIONAL,
     .doc = "Name of the run's snapshot. `rolled_back` after the upgrade restores it, and loses what was written since: without this it is refused, and "
            "the refusal gives the name, its age and the rows written per table. To count them, it connects to the databases even where plan_checks says `aws`."},
    {.name = "parameter_group_strategy", .type = TF_STRING, .flags = TF_OPTIONAL_COMPUTED, .otherwise = "\"direct\"", .one_of = group_ways,
     .doc = "`direct`: version and both parameter groups go into one call. `toggle`: the upgrade is made with the new family's default groups, and the groups are "
            "attached after it, with the reboot they need: for parameters that stand in the way of the upgrade itself."},
    {.name = "switch_in_maintenance_window", .type = TF_BOOL, .flags = TF_OPTIONAL_COMPUTED, .otherwise = "false",
     .doc = "`true`: an apply with `stage = \"switched\"` makes the snapshot and leaves the upgrade to AWS, which begins by itself in the cluster's own maintenance "
            "window; it succeeds with a warning and `reached_stage = \"validated\"`. Plans are empty until the window is over; then the next one shows what remains "
            "(verification, reboots, statistics), and the snapshot that AWS makes in the window becomes the run's: ours holds nothing written after that apply. "
            "Until then any other change of the cluster made with `apply_immediately` starts the upgrade at once; `false` does so too. `rolled_back` and a destroy take it out of "
            "the queue, or fail (AUR0203) if AWS keeps it."},
    {.name = "rehearse", .type = TF_BOOL, .flags = TF_OPTIONAL_COMPUTED, .otherwise = "false",
     .doc = "Makes the same upgrade on a clone of production first, in stage `prepared`: one instance of the writer's class, the same call, the same groups. "
            "If it fails, the error quotes AWS's event and the end of the log, and production was not touched. The clone is removed in any case, and a rehearsal "
            "of the same versions and groups is made once. It costs the clone's instance for that time, and what the upgrade writes."},
    UPGRADE_COMMON,
    {.name = "rehearsed_at", .type = TF_STRING, .flags = TF_COMPUTED, .doc = "When the rehearsal for this run was over (ISO 8601, UTC)."},
    {.name = "rehearsed_upgrade_seconds", .type = TF_NUMBER, .flags = TF_COMPUTED,
     .doc = "How long the upgrade of the clone took, from the call until its parameter groups were in force: about as long production will refuse writes, at most."},
    {.name = "rehearsed_statistics_seconds", .type = TF_NUMBER, .flags = TF_COMPUTED,
     .doc = "How long ANALYZE in stages took on the clone; null without a login, or where the clone could not be reached."},
    {.name = "old_cluster_identifier", .type = TF_STRING, .flags = TF_COMPUTED, .doc = "What a roll-back after the upgrade put aside."},
    {.name = "old_cluster_resource_id", .type = TF_STRING, .flags = TF_COMPUTED, .doc = "Its resource id."},
    {0},
};

static const struct tf_block blocks[] = {
    {.name = "postgresql", .attrs = postgresql_attrs,
     .doc = "How to log in. Without a login only what needs no database is possible, and the plan says what is not."},
    {.name = "target_parameter_group", .attrs = upgrade_group_attrs,
     .doc = "Parameter groups of the new version. Where production has a default group and none is named here, AWS takes the new family's default."},
    {.name = "hook", .is_list = true, .attrs = in_place_hook_attrs, .doc = hook_doc},
    {.name = "timeouts", .attrs = upgrade_timeouts_attrs, .doc = "How long an operation may take; applying again goes on."},
    {0},
};
/* clang-format on */

const struct tf_schema in_place_schema = {
    .version = 0,
    .attrs = attrs,
    .blocks = blocks,
    .doc = "Upgrades an Aurora PostgreSQL cluster to a new major version in place, with one call: production "
           "refuses writes for minutes, and keeps its cluster, its endpoints and everything else. The "
           "resource is the upgrade state of one cluster: it stays in the configuration, and `stage` says "
           "how far an apply may go.",
};
