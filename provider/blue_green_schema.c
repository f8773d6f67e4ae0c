/* The schema of aurora_blue_green_upgrade. INTERFACE names every attribute; a new one is a row here. */
#include "internal/base/names.h"
#include "provider/staging.h"
#include "provider/upgrade_resource.h"
#include "provider/upgrade_schema.h"

#include <stdlib.h>
#include <string.h>

/* ---- checks of single values ---- */

/* AWS: SwitchoverTimeout is 30 to 3600 seconds. */
static bool check_outage(const struct value *v, struct err *e)
{
    int64_t ms = 0;
    if (!validate_duration(v, e) || !duration_parse(value_as_text(v, ""), &ms))
        return false;
    return (ms >= 30000 && ms <= 3600000 && ms % 1000 == 0) ||
           err_set(e, ERR_INVALID, "AWS allows 30 seconds to 1 hour, in whole seconds");
}

/* CreateBlueGreenDeployment: letters, digits, single hyphens, first a letter, at most 60. */
static bool check_deployment_name(const struct value *v, struct err *e)
{
    const char *name = value_as_text(v, "");
    return (identifier_valid(name) && strlen(name) <= 60) ||
           err_set(e, ERR_INVALID,
                   "1 to 60 letters, digits and single hyphens, first a letter, last not a hyphen");
}

/* Steps of 0.5 ACU. */
static bool check_capacity(const struct value *v, struct err *e)
{
    double acu = strtod(v->text, NULL);
    return (acu >= 0 && acu <= 256 && acu * 2 == (double)(int)(acu * 2)) ||
           err_set(e, ERR_INVALID, "0 to 256 ACU in steps of 0.5");
}

/* ---- the tables ---- */

static const char *const source_ways[] = {"check", "manage", NULL};

/* clang-format off */
static const struct tf_attr attrs[] = {
    UPGRADE_PLACE,
    {.name = "target_engine_version", .type = TF_STRING, .flags = TF_REQUIRED, .validate = validate_version,
     .doc = "Version to upgrade to: `\"17.6\"`, or `\"17\"` for the newest valid minor at the time the green side is made. This resource "
            "upgrades majors; later minor upgrades by AWS are no drift."},
    {.name = "stage", .type = TF_STRING, .flags = TF_REQUIRED, .one_of = upgrade_stages,
     .doc = "How far to go: `prepared` (green exists and follows), `validated` (proved equal), `switched` (production is the new version, the old "
            "side is kept read-only), `completed` (the old side is gone) or `rolled_back` (everything made is removed; only before the switch)."},
    {.name = "retain_old_for", .type = TF_STRING, .flags = TF_OPTIONAL_COMPUTED, .otherwise = "\"168h\"", .validate = validate_duration,
     .doc = "How long the old side stays after the switch before `completed` may remove it; `\"0s\"` is allowed."},
    {.name = "on_destroy", .type = TF_STRING, .flags = TF_OPTIONAL_COMPUTED, .otherwise = "\"refuse\"", .one_of = upgrade_destroy_ways,
     .doc = "What a destroy does between the switch and `completed`: `refuse`, `keep_old` (the old side and its deployment stay, read-only) or "
            "`delete_old` (with a final snapshot, whatever `retain_old_for` says). Before the switch a destroy removes everything made."},
    {.name = "allow_reboot", .type = TF_BOOL, .flags = TF_OPTIONAL_COMPUTED, .otherwise = "false",
     .doc = "Allow a reboot of production's instances where parameters wait for it. Otherwise that is an error of the plan."},
    {.name = "source_parameters", .type = TF_STRING, .flags = TF_OPTIONAL_COMPUTED, .otherwise = "\"check\"", .one_of = source_ways,
     .doc = "`check`: production that is not ready for logical replication is an error that says what to add. `manage`: a completed copy of "
            "the cluster's parameter group is attached; your configuration must then take the group's name from `data.aurora_cluster`."},
    UPGRADE_PLAN_CHECKS,
    {.name = "deployment_name", .type = TF_STRING, .flags = TF_OPTIONAL, .validate = check_deployment_name,
     .doc = "Name of the blue/green deployment. Default: `<cluster>-upgrade-<from>-to-<to>`, with the majors, made legal."},
    {.name = "instance_class", .type = TF_STRING, .flags = TF_OPTIONAL,
     .doc = "Instance class of the green side. Default: as production."},
    {.name = "target_min_capacity", .type = TF_NUMBER, .flags = TF_OPTIONAL, .validate = check_capacity,
     .doc = "Serverless v2: the green side's minimum while it builds, at least 1.0 by default; production's own value is put back before the switch."},
    {.name = "raise_source_capacity", .type = TF_BOOL, .flags = TF_OPTIONAL_COMPUTED, .otherwise = "false",
     .doc = "Serverless v2: raise production's own minimum to the same value for the duration."},
    UPGRADE_COMMON,
    {.name = "staging_endpoint", .type = TF_STRING, .flags = TF_COMPUTED, .doc = "Writer endpoint of the green side before the switch, to test against."},
    {.name = "staging_reader_endpoint", .type = TF_STRING, .flags = TF_COMPUTED, .doc = "Reader endpoint of the green side before the switch."},
    {.name = "new_cluster_resource_id", .type = TF_STRING, .flags = TF_COMPUTED,
     .doc = "Resource id of the new side, known from `prepared` on: IAM database policies must name it before the switch."},
    {.name = "new_dbi_resource_ids", .type = TF_STRING_LIST, .flags = TF_COMPUTED, .doc = "Resource ids of the new side's instances."},
    {.name = "old_cluster_identifier", .type = TF_STRING, .flags = TF_COMPUTED, .doc = "Name of the old cluster after the switch; kept as history."},
    {.name = "old_cluster_resource_id", .type = TF_STRING, .flags = TF_COMPUTED, .doc = "Resource id of the old cluster; kept as history."},
    {.name = "blue_green_deployment_identifier", .type = TF_STRING, .flags = TF_COMPUTED, .doc = "AWS's id of the deployment; kept as history."},
    {0},
};

static const struct tf_attr validation_attrs[] = {
    UPGRADE_ROWS("counts"),
    {.name = "exclude_tables", .type = TF_STRING_LIST, .flags = TF_OPTIONAL, .doc = "Tables (`schema.table`) whose rows are not counted."},
    {.name = "minimum_stable", .type = TF_STRING, .flags = TF_OPTIONAL, .validate = validate_duration,
     .doc = "Soak: how long the green side must have been validated before the stage counts as reached. Counted from a recorded time."},
    {0},
};

static const struct tf_attr cutover_attrs[] = {
    {.name = "max_write_outage", .type = TF_STRING, .flags = TF_OPTIONAL, .validate = check_outage,
     .doc = "AWS's SwitchoverTimeout, default `\"300s\"`: when it is over AWS goes back and production stays as it is."},
    {.name = "max_lag", .type = TF_STRING, .flags = TF_OPTIONAL, .validate = validate_size,
     .doc = "Replication lag under which the green side counts as caught up, default `\"16MB\"`; looked at again at the moment of the switch."},
    {.name = "window", .type = TF_STRING_LIST, .flags = TF_OPTIONAL, .validate = validate_window,
     .doc = "When the switch may begin: `[\"Sun 02:00-04:00 UTC\", \"Mon-Fri 22:30-00:30 UTC+02:00\"]`; days may be lists and ranges or `daily`, zones are UTC or "
            "a fixed distance to it. An apply waits for a window that opens within `timeouts`, else it pauses (`AUR-PAUSED`) and the next one goes on. What is left "
            "of the window must be longer than `max_write_outage`. Default: at any time."},
    {.name = "watch_for", .type = TF_STRING, .flags = TF_OPTIONAL, .validate = validate_duration,
     .doc = "How long the new production is watched after the switch, counted from a recorded time: deadlocks, lost sessions, failing and slow transactions, "
            "and applications still connected to the old side are told as warnings. Needs a login. Default: not."},
    {0},
};

static const struct tf_block blocks[] = {
    {.name = "postgresql", .attrs = postgresql_attrs,
     .doc = "How to log in. Without a login only what needs no database is possible, and the plan says what is not."},
    {.name = "target_parameter_group", .attrs = upgrade_group_attrs, .doc = "Parameter groups of the green side."},
    {.name = "validation", .attrs = validation_attrs, .blocks = upgrade_query_blocks, .doc = "How the green side is proved equal."},
    {.name = "cutover", .attrs = cutover_attrs, .doc = "Bounds of the switch."},
    {.name = "hook", .is_list = true, .attrs = hook_attrs,
     .doc = hook_doc},
    {.name = "timeouts", .attrs = upgrade_timeouts_attrs, .doc = "How long an operation may take; applying again goes on."},
    {0},
};
/* clang-format on */

const struct tf_schema blue_green_schema = {
    .version = 0,
    .attrs = attrs,
    .blocks = blocks,
    .doc = "Upgrades an Aurora PostgreSQL cluster to a new major version with an RDS blue/green deployment. "
           "The resource is the upgrade state of "
           "one cluster: it stays in the configuration, and `stage` says how far an apply may go.",
};
