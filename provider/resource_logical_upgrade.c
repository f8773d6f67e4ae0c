/* aurora_logical_upgrade: what tells it from the other kinds of upgrades. */
#include "internal/upgrade/in_place.h"
#include "internal/upgrade/tags.h"
#include "provider/flow_upgrades.h"
#include "provider/upgrade_resource.h"

static const char *const shape[] = {"databases",
                                    "publication",
                                    "clone.instance_class",
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
                                       "clone",
                                       "target_parameter_group",
                                       "validation",
                                       "hook",
                                       "cutover",
                                       "reverse_replication",
                                       NULL};

static upgrade_check *const checks[] = {in_place_source_check, target_check, parameters_check, NULL};

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
    .without_login = "nothing of a logical upgrade is possible",
};

UPGRADE_RESOURCE(resource_logical_upgrade, TAG_RESOURCE_LOGICAL, kind_logical, logical_schema);
