/* upgrade_schema.h — rows and tables that the schemas of all kinds of upgrades share (INTERFACE 2.1). */
#ifndef AURORA_PROVIDER_UPGRADE_SCHEMA_H
#define AURORA_PROVIDER_UPGRADE_SCHEMA_H

#include "provider/provider.h"
#include "provider/validate.h"

extern const char *const upgrade_stages[], *const upgrade_destroy_ways[], *const upgrade_plan_ways[];
extern const struct tf_attr upgrade_step_attrs[], upgrade_group_attrs[], upgrade_timeouts_attrs[];

extern const char *const upgrade_row_modes[];
extern const struct tf_block upgrade_query_blocks[]; /* of validation { } */

bool validate_version(const struct value *v, struct err *e);
bool validate_sessions(const struct value *v, struct err *e);
bool validate_size(const struct value *v, struct err *e); /* as size_parse() takes it */

/* clang-format off */
/* Rows at the beginning and at the end of every table. */
#define UPGRADE_PLACE \
    {.name = "cluster_identifier", .type = TF_STRING, .flags = TF_REQUIRED | TF_REPLACE, .validate = validate_cluster_identifier, \
     .doc = "The production cluster. It keeps its name and its endpoints before and after."}, \
    {.name = "region", .type = TF_STRING, .flags = TF_OPTIONAL_COMPUTED | TF_REPLACE | TF_STABLE, \
     .doc = "Region of the cluster. Default: the provider's."}
#define UPGRADE_PLAN_CHECKS \
    {.name = "plan_checks", .type = TF_STRING, .flags = TF_OPTIONAL, .one_of = upgrade_plan_ways, \
     .doc = "What a plan looks at: `full` (AWS and databases), `aws` or `off`. Default: the provider's. Apply always runs all checks."}
#define UPGRADE_COMMON \
    {.name = "tags", .type = TF_STRING_MAP, .flags = TF_OPTIONAL, .doc = "Tags for objects made for the upgrade. Nothing of yours is tagged."}, \
    {.name = "tags_all", .type = TF_STRING_MAP, .flags = TF_COMPUTED, .doc = "`tags` over the provider's `default_tags`."}, \
    {.name = "id", .type = TF_STRING, .flags = TF_COMPUTED | TF_STABLE, .doc = "The same as `cluster_identifier`."}, \
    {.name = "reached_stage", .type = TF_STRING, .flags = TF_COMPUTED, \
     .doc = "What AWS shows: `none`, `prepared`, `validated`, `switched`, `completed` or `rolled_back`."}, \
    {.name = "planned_steps", .type = TF_OBJECT_LIST, .flags = TF_COMPUTED, .nested = upgrade_step_attrs, \
     .doc = "In a plan: every step an apply will walk. Empty once nothing is to be done."}, \
    {.name = "source_engine_version", .type = TF_STRING, .flags = TF_COMPUTED, .doc = "Version before the upgrade."}, \
    {.name = "resolved_engine_version", .type = TF_STRING, .flags = TF_COMPUTED, .doc = "Version the upgrade goes to, chosen once per run."}, \
    {.name = "master_user_secret_arn", .type = TF_STRING, .flags = TF_COMPUTED, .doc = "Secret of the master user, where AWS manages it."}, \
    {.name = "switched_at", .type = TF_STRING, .flags = TF_COMPUTED, .doc = "When the switch was observed (ISO 8601, UTC)."}
/* Of validation { }: what a row of data is compared by, and with how many sessions. */
#define UPGRADE_ROWS(usual) \
    {.name = "mode", .type = TF_STRING, .flags = TF_OPTIONAL, .one_of = upgrade_row_modes, \
     .doc = "How data is compared, exact while writers go on: `full` (every row by its content; differing keys are named), `sample` (a tenth of it, another one each " \
            "time) or `counts` (the number of rows). Default: `" usual "`."}, \
    {.name = "max_connections", .type = TF_NUMBER, .flags = TF_OPTIONAL, .validate = validate_sessions, \
     .doc = "How many sessions the comparison may have on either side, 1 to 32. Default: 2. Not used by `counts`."}
/* clang-format on */

#endif
