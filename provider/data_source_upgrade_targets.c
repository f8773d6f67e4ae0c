/* data_source_upgrade_targets.c — data.aurora_upgrade_targets: where a cluster can go, and until when. */
#include "provider/attrs.h"
#include "provider/upgrade_targets.h"
#include "provider/validate.h"

#define SUPPORT_DATES                                                                                        \
    COMPUTED("end_of_extended_support", TF_STRING,                                                           \
             "When paid Extended Support of the major ends (RFC 3339); AWS upgrades what is left then. "     \
             "Null: AWS gives no date."),                                                                    \
        COMPUTED("end_of_standard_support", TF_STRING,                                                       \
                 "When standard support of the major ends (RFC 3339); from then on Extended Support is "     \
                 "charged. Null: AWS gives no date.")

static const struct tf_attr target_attrs[] = {
    SUPPORT_DATES,
    COMPUTED("is_major", TF_BOOL, "Another major than the cluster's."),
    COMPUTED("is_newest", TF_BOOL,
             "The newest of its major: what `target_engine_version = \"17\"` chooses at present."),
    COMPUTED("major", TF_NUMBER, "Major version."),
    COMPUTED("parameter_group_family", TF_STRING, "Family of its parameter groups."),
    COMPUTED("version", TF_STRING, "Version, such as `17.6`."),
    {.name = NULL},
};

static const struct tf_attr attrs[] = {
    IDENTIFIER_OF_CLUSTER(TF_REQUIRED, "Identifier of the cluster."),
    REGION_OF_CLUSTER,
    SUPPORT_DATES,
    COMPUTED("engine_version", TF_STRING, "The cluster's exact version."),
    COMPUTED("id", TF_STRING, "The cluster identifier."),
    COMPUTED_OF("targets", TF_OBJECT_LIST, target_attrs,
                "The versions AWS accepts as targets of an upgrade of this cluster, in order; minor upgrades "
                "among them."),
    {.name = NULL},
};

static const struct tf_schema schema = {
    .attrs = attrs,
    .doc = "The versions a cluster can be upgraded to, as AWS lists them for the version it runs, and until "
           "when each major is supported. The upgrades choose from the same list.",
};

static const struct value *read_data(struct tf_call *c)
{
    struct aws_session s = provider_session(c, value_as_text(value_get(c->config, "region"), NULL));
    const char *identifier = value_as_text(value_get(c->config, "cluster_identifier"), "");
    const struct value *out = NULL;
    struct err e = ERR_INIT;
    if (!s.aws) {
        provider_not_ready(c);
        return NULL;
    }
    if (!upgrade_targets(&s, provider_config(c)->old_sides, identifier, &out, &e)) {
        tf_fail(c, &e);
        return NULL;
    }
    return tf_with(c, out, "cluster_identifier", value_get(c->config, "cluster_identifier"));
}

const struct tf_data_source data_source_upgrade_targets = {
    .name = "aurora_upgrade_targets",
    .schema = &schema,
    .read = read_data,
};
