/* What the schemas of all kinds of upgrades have in common. */
#include "provider/upgrade_schema.h"
#include "internal/base/names.h"
#include "provider/staging.h"
#include "provider/upgrade_resource.h"

#include <stdlib.h>
#include <string.h>

bool validate_version(const struct value *v, struct err *e)
{
    struct version parsed;
    return version_parse(value_as_text(v, ""), &parsed) ||
           err_set(e, ERR_INVALID, "\"%s\" is not a version of Aurora PostgreSQL such as \"17\" or \"17.6\"",
                   value_as_text(v, ""));
}

const char *const upgrade_row_modes[] = {"full", "sample", "counts", NULL};

bool validate_sessions(const struct value *v, struct err *e)
{
    double n = strtod(v->text, NULL);
    return (n >= 1 && n <= 32 && n == (double)(int)n) || err_set(e, ERR_INVALID, "1 to 32 sessions");
}

bool size_parse(const char *text, int64_t *ret_bytes)
{
    static const struct {
        const char *unit;
        int64_t bytes;
    } units[] = {{"", 1}, {"B", 1}, {"kB", 1 << 10}, {"KB", 1 << 10}, {"MB", 1 << 20}, {"GB", 1 << 30}};
    char *end = NULL;
    if (*text < '0' || *text > '9')
        return false;
    long long n = strtoll(text, &end, 10);
    for (size_t i = 0; i < ARRAY_LEN(units); i++) {
        if (strcmp(end, units[i].unit) == 0 && n < (1LL << 31)) {
            *ret_bytes = n * units[i].bytes;
            return true;
        }
    }
    return false;
}

bool validate_size(const struct value *v, struct err *e)
{
    int64_t bytes = 0;
    return size_parse(value_as_text(v, ""), &bytes) ||
           err_set(e, ERR_INVALID, "\"%s\" is not a size such as \"16MB\"", value_as_text(v, ""));
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

static const struct tf_attr query_attrs[] = {
    {.name = "name", .type = TF_STRING, .flags = TF_REQUIRED, .doc = "Name for messages."},
    {.name = "sql", .type = TF_STRING, .flags = TF_REQUIRED, .doc = "A query whose result must be the same on both sides."},
    {0},
};

const struct tf_block upgrade_query_blocks[] = {
    {.name = "query", .is_list = true, .attrs = query_attrs, .doc = "A query of yours, run on both sides in a read-only transaction."},
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
