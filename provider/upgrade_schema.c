/* What the schemas of all kinds of upgrades have in common. */
#include "provider/upgrade_schema.h"
#include "internal/base/names.h"
#include "provider/staging.h"

bool validate_version(const struct value *v, struct err *e)
{
    struct version parsed;
    return version_parse(value_as_text(v, ""), &parsed) ||
           err_set(e, ERR_INVALID, "\"%s\" is not a version of Aurora PostgreSQL such as \"17\" or \"17.6\"",
                   value_as_text(v, ""));
}

const char *const upgrade_stages[] = {"prepared", "validated", "switched", "completed", "rolled_back", NULL};
const char *const upgrade_destroy_ways[] = {"refuse", "keep_old", "delete_old", NULL};
const char *const upgrade_plan_ways[] = {"full", "aws", "off", NULL};
static const char *const unsupported_ways[] = {"error", "drop", NULL};

/* clang-format off */
const struct tf_attr upgrade_step_attrs[] = {
    {.name = "name", .type = TF_STRING, .flags = TF_COMPUTED, .doc = "Stable id of the step."},
    {.name = "stage", .type = TF_STRING, .flags = TF_COMPUTED, .doc = "The stage it belongs to."},
    {.name = "description", .type = TF_STRING, .flags = TF_COMPUTED, .doc = "What it does."},
    {.name = "equivalent", .type = TF_STRING, .flags = TF_COMPUTED, .doc = "The same by hand: an AWS CLI call or SQL."},
    {.name = "blocks_writes", .type = TF_BOOL, .flags = TF_COMPUTED, .doc = "Production refuses writes meanwhile."},
    {.name = "irreversible", .type = TF_BOOL, .flags = TF_COMPUTED, .doc = "There is no way back behind it."},
    {.name = "expected_duration", .type = TF_STRING, .flags = TF_COMPUTED, .doc = "`seconds`, `minutes` or `hours`."},
    {0},
};

const struct tf_attr upgrade_group_attrs[] = {
    {.name = "db_cluster_parameter_group_name", .type = TF_STRING, .flags = TF_OPTIONAL,
     .doc = "Existing cluster parameter group of the target's family. Default: one made from production's own overrides."},
    {.name = "db_parameter_group_name", .type = TF_STRING, .flags = TF_OPTIONAL,
     .doc = "Existing instance parameter group of the target's family. Default: one made from production's own overrides."},
    {.name = "on_unsupported", .type = TF_STRING, .flags = TF_OPTIONAL, .one_of = unsupported_ways,
     .doc = "Overrides the target's family does not have: `error` (default) or `drop`."},
    {0},
};

const struct tf_attr upgrade_timeouts_attrs[] = {
    {.name = "create", .type = TF_STRING, .flags = TF_OPTIONAL, .validate = validate_duration, .doc = "Default `\"24h\"`. A time-out is a pause."},
    {.name = "read", .type = TF_STRING, .flags = TF_OPTIONAL, .validate = validate_duration, .doc = "Default `\"5m\"`."},
    {.name = "update", .type = TF_STRING, .flags = TF_OPTIONAL, .validate = validate_duration, .doc = "Default `\"24h\"`."},
    {.name = "delete", .type = TF_STRING, .flags = TF_OPTIONAL, .validate = validate_duration, .doc = "Default `\"2h\"`."},
    {0},
};
/* clang-format on */
