/* aurora_logical_upgrade: what tells it from the other kinds of upgrades. */
#include "internal/upgrade/in_place.h"
#include "internal/upgrade/logical.h"
#include "internal/upgrade/record.h"
#include "internal/upgrade/tables.h"
#include "internal/upgrade/tags.h"
#include "provider/flow_upgrades.h"
#include "provider/upgrade_resource.h"

#include <string.h>

static const char *const shape[] = {"databases",
                                    "publication",
                                    "include_tables",
                                    "exclude_tables",
                                    "replica_identity_full",
                                    "clone.method",
                                    "clone.instance_class",
                                    "clone.kms_key_id",
                                    "target_parameter_group.db_cluster_parameter_group_name",
                                    "target_parameter_group.db_parameter_group_name",
                                    NULL};

static const char *const deciding[] = {"cluster_identifier",
                                       "target_engine_version",
                                       "stage",
                                       "region",
                                       "allow_reboot",
                                       "source_parameters",
                                       "databases",
                                       "publication",
                                       "include_tables",
                                       "exclude_tables",
                                       "replica_identity_full",
                                       "clone",
                                       "target_parameter_group",
                                       "validation",
                                       "hook",
                                       "cutover",
                                       "reverse_replication",
                                       NULL};

static upgrade_check *const checks[] = {
    in_place_source_check, target_check, parameters_check, clone_key_check, tables_check, record_check, NULL};

static bool has_items(const struct value *list)
{
    return list->kind == VALUE_LIST && list->count > 0;
}

/* What goes only as far as a proved copy. */
static void validate_part(struct tf_call *c)
{
    enum flow_stage to = stage_of(c->config, "stage");
    struct err e = ERR_INIT;
    bool is_part = has_items(value_get(c->config, "include_tables")) ||
                   has_items(value_get(c->config, "exclude_tables"));
    if (!tables_may_switch(is_part, to, value_as_text(value_get(c->config, "cluster_identifier"), "it"), &e))
        tf_fail(c, &e);
}

static void validate_key(struct tf_call *c)
{
    const struct value *method = value_path(c->config, "clone.method");
    bool by_snapshot = value_is_unknown(method) || strcmp(value_as_text(method, ""), "snapshot") == 0;
    const char *key = value_as_text(value_path(c->config, "clone.kms_key_id"), NULL);
    struct err e = ERR_INIT;
    if (!clone_key_fits(by_snapshot, key, value_as_text(value_get(c->config, "cluster_identifier"), "it"),
                        &e))
        tf_fail(c, &e);
}

/* The block and the way of the cutover belong together. */
static void validate_record(struct tf_call *c)
{
    const struct value *way = value_path(c->config, "cutover.endpoint");
    const struct value *block = value_path(c->config, "cutover.route53");
    bool is_led = strcmp(value_as_text(way, ""), "route53") == 0, has_block = block->kind == VALUE_OBJECT;
    if (value_is_unknown(way) || value_is_unknown(block) || is_led == has_block)
        return;
    if (is_led)
        tf_error(c, "cutover.endpoint", "No record is named",
                 "endpoint = \"route53\" needs a block route53 { zone_id = …, record = … } beside it.");
    else
        tf_error(c, "cutover.route53", "Two arguments contradict each other",
                 "route53 { } is for endpoint = \"route53\"; say that, or leave the block out.");
}

static void validate_choice(struct tf_call *c)
{
    static const char *const lists[] = {"include_tables", "exclude_tables"};
    validate_part(c);
    validate_key(c);
    validate_record(c);
    if (strcmp(value_as_text(value_get(c->config, "publication"), "tables"), "all_tables") != 0)
        return;
    for (size_t i = 0; i < ARRAY_LEN(lists); i++)
        if (has_items(value_get(c->config, lists[i])))
            tf_error(c, lists[i], "Two arguments contradict each other",
                     "publication = \"all_tables\" publishes every table; leave %s out, or take \"tables\".",
                     lists[i]);
}

static void tell_key(const struct operation *o)
{
    if (clone_key_changes(&o->upgrade))
        tf_warn(o->call, "clone.kms_key_id", "The switch gives production another KMS key",
                "Take kms_key_id and storage_encrypted of %s from data.aurora_cluster before it: where your "
                "own configuration names the present ones, it will want to replace the cluster.",
                o->upgrade.request.cluster);
}

const struct upgrade_kind kind_logical = {
    .strategy = &strategy_logical,
    .schema = &logical_schema,
    .forward = &flow_logical,
    .back = &flow_logical_back,
    .retire = &flow_logical_retire,
    .keep = &flow_logical_keep,
    .restore = &flow_logical_return,
    .shape = shape,
    .deciding = deciding,
    .checks = checks,
    .tell = tell_key,
    .validate = validate_choice,
    .without_login = "nothing of a logical upgrade is possible",
};

UPGRADE_RESOURCE(resource_logical_upgrade, TAG_RESOURCE_LOGICAL, kind_logical, logical_schema);
