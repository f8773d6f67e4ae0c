/* provider.c — everything this provider has. A new member is a file of its own and one line here. */
#include "provider/provider.h"

static const struct tf_resource *const resources[] = {
    &resource_blue_green_upgrade, &resource_in_place_upgrade, &resource_logical_upgrade, NULL};
static const struct tf_data_source *const data_sources[] = {
    &data_source_cluster, &data_source_parameter_group_diff, &data_source_upgrade_status,
    &data_source_upgrade_targets, NULL};
static const struct tf_function *const functions[] = {&function_version_family, NULL};
static const struct tf_ephemeral *const ephemerals[] = {&ephemeral_connection, NULL};

const struct tf_provider aurora_provider = {
    .name = "aurora",
    .schema = &provider_schema,
    .validate = provider_validate,
    .configure = provider_configure,
    .unconfigure = provider_unconfigure,
    .resources = resources,
    .data_sources = data_sources,
    .functions = functions,
    .ephemerals = ephemerals,
    .address = "registry.terraform.io/aurora-upgrade/aurora",
};
