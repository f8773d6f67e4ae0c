/* aurora_in_place_upgrade: what tells it from the other kinds of upgrades. */
#include "internal/upgrade/in_place.h"
#include "internal/upgrade/tags.h"
#include "provider/flow_upgrades.h"
#include "provider/upgrade_resource.h"

static const char *const shape[] = {"target_parameter_group.db_cluster_parameter_group_name",
                                    "target_parameter_group.db_parameter_group_name", NULL};

static const char *const deciding[] = {"cluster_identifier",
                                       "target_engine_version",
                                       "stage",
                                       "region",
                                       "retain_old_for",
                                       "snapshot_identifier",
                                       "accept_data_loss_since_snapshot",
                                       "parameter_group_strategy",
                                       "switch_in_maintenance_window",
                                       "rehearse",
                                       "target_parameter_group",
                                       "hook",
                                       NULL};

static upgrade_check *const checks[] = {in_place_source_check, target_check, instance_groups_check, NULL};

const struct upgrade_kind kind_in_place = {
    .strategy = &strategy_in_place,
    .schema = &in_place_schema,
    .forward = &flow_in_place,
    .back = &flow_in_place_back,
    .retire = &flow_in_place_retire,
    .restore = &flow_in_place_restore,
    .restore_loses = true,
    .put_away = &flow_in_place_put_away,
    .give_up = &flow_in_place_give_up,
    .sweep = &flow_in_place_sweep,
    .shape = shape,
    .deciding = deciding,
    .checks = checks,
    .without_login =
        "what would make the upgrade fail in the databases is left to AWS's own prechecks, which "
        "tell it one by one, and no statistics are made",
};

UPGRADE_RESOURCE(resource_in_place_upgrade, TAG_RESOURCE_IN_PLACE, kind_in_place, in_place_schema);
