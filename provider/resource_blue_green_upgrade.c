/* aurora_blue_green_upgrade: what tells it from the other kinds of upgrades. */
#include "internal/upgrade/blue_green.h"
#include "internal/upgrade/tags.h"
#include "provider/flow_upgrades.h"
#include "provider/upgrade_resource.h"

static const char *const shape[] = {"deployment_name", "instance_class",
                                    "target_parameter_group.db_cluster_parameter_group_name",
                                    "target_parameter_group.db_parameter_group_name", NULL};

static const char *const deciding[] = {"cluster_identifier",
                                       "target_engine_version",
                                       "stage",
                                       "region",
                                       "retain_old_for",
                                       "allow_reboot",
                                       "source_parameters",
                                       "deployment_name",
                                       "instance_class",
                                       "target_min_capacity",
                                       "raise_source_capacity",
                                       "target_parameter_group",
                                       "validation",
                                       "cutover",
                                       "hook",
                                       NULL};

static upgrade_check *const checks[] = {source_check, target_check, parameters_check, proxies_check, NULL};

const struct upgrade_kind kind_blue_green = {
    .strategy = &strategy_blue_green,
    .schema = &blue_green_schema,
    .forward = &flow_blue_green,
    .back = &flow_blue_green_back,
    .retire = &flow_blue_green_retire,
    .tidy = &flow_blue_green_tidy,
    .shape = shape,
    .deciding = deciding,
    .checks = checks,
    .without_login = "schema, rows, lag and sequences are not compared and no statistics are made; AWS's own "
                     "guard rails are all that remains",
};

UPGRADE_RESOURCE(resource_blue_green_upgrade, TAG_RESOURCE_BLUE_GREEN, kind_blue_green, blue_green_schema);
