/* data_source_cluster.c — data.aurora_cluster: what the user's own aws_rds_cluster takes its version and
 * group names from, so that its plan is empty before, during and after an upgrade.
 */
#include "provider/attrs.h"
#include "provider/cluster_facts.h"
#include "provider/validate.h"

static const struct tf_attr scaling_attrs[] = {
    COMPUTED("max_capacity", TF_NUMBER, "Maximum capacity in ACU."),
    COMPUTED("min_capacity", TF_NUMBER, "Minimum capacity in ACU."),
    COMPUTED("seconds_until_auto_pause", TF_NUMBER, "Idle seconds before an instance with minimum 0 pauses."),
    {.name = NULL},
};

static const struct tf_attr endpoint_attrs[] = {
    COMPUTED("arn", TF_STRING, "ARN of the endpoint."),
    COMPUTED("cluster_endpoint_identifier", TF_STRING, "Identifier of the endpoint."),
    COMPUTED("custom_endpoint_type", TF_STRING, "`READER` or `ANY`."),
    COMPUTED("endpoint", TF_STRING, "DNS name."),
    COMPUTED("excluded_members", TF_STRING_SET, "Instances that do not belong to it."),
    COMPUTED("static_members", TF_STRING_SET, "Instances that belong to it."),
    {.name = NULL},
};

static const struct tf_attr instance_attrs[] = {
    COMPUTED("availability_zone", TF_STRING, "Availability Zone."),
    COMPUTED("dbi_resource_id", TF_STRING, "Resource id; another one after a switch."),
    COMPUTED("identifier", TF_STRING, "Instance identifier."),
    COMPUTED("instance_class", TF_STRING, "Instance class."),
    COMPUTED("promotion_tier", TF_NUMBER, "Fail-over order, 0 to 15."),
    {.name = NULL},
};

static const struct tf_attr secret_attrs[] = {
    COMPUTED("kms_key_id", TF_STRING, "KMS key of the secret."),
    COMPUTED("secret_arn", TF_STRING, "ARN of the secret; another one after a switch."),
    COMPUTED("secret_status", TF_STRING, "`creating`, `active`, `rotating` or `impaired`."),
    {.name = NULL},
};

static const struct tf_attr operation_attrs[] = {
    COMPUTED("in_flight", TF_BOOL, "AWS is working on it at this moment."),
    COMPUTED("resource", TF_STRING, "Resource type that runs or ran the operation."),
    COMPUTED("stage", TF_STRING, "Stage reached, as in the resource's `reached_stage`."),
    {.name = NULL},
};

static const struct tf_attr attrs[] = {
    IDENTIFIER_OF_CLUSTER(
        TF_REQUIRED,
        "Identifier of the cluster. Give it literally (or from a variable), not from the resource that "
        "takes "
        "its version from here."),
    REGION_OF_CLUSTER,
    COMPUTED("availability_zones", TF_STRING_SET, "Availability Zones of the volume."),
    COMPUTED("cluster_resource_id", TF_STRING, "Resource id; another one after a switch."),
    COMPUTED_OF("custom_endpoints", TF_OBJECT_LIST, endpoint_attrs,
                "Custom endpoints, sorted by identifier."),
    COMPUTED("db_cluster_parameter_group_name", TF_STRING, "Cluster parameter group in use."),
    COMPUTED("db_parameter_group_name", TF_STRING, "Parameter group of the writer instance."),
    COMPUTED("endpoint", TF_STRING, "Writer endpoint."),
    COMPUTED("engine_version", TF_STRING, "Exact version, such as `17.6`."),
    COMPUTED("exists", TF_BOOL, "False if the values come from `default`."),
    COMPUTED("iam_roles", TF_STRING_SET, "ARNs of the roles associated with the cluster."),
    COMPUTED("id", TF_STRING, "The cluster identifier."),
    COMPUTED_OF("instances", TF_OBJECT_LIST, instance_attrs, "Instances, sorted by identifier."),
    COMPUTED("kms_key_id", TF_STRING, "KMS key of the volume."),
    COMPUTED_OF("master_user_secret", TF_OBJECT_LIST, secret_attrs,
                "The secret RDS manages for the master user; empty if it manages none."),
    COMPUTED_OF("operation", TF_OBJECT, operation_attrs,
                "The upgrade that was found for this cluster, from AWS alone; null if there is none."),
    COMPUTED("port", TF_NUMBER, "Port of all endpoints."),
    COMPUTED("reader_endpoint", TF_STRING, "Reader endpoint."),
    COMPUTED_OF("serverlessv2_scaling_configuration", TF_OBJECT_LIST, scaling_attrs,
                "Serverless v2 capacity; empty for clusters without."),
    COMPUTED("storage_encrypted", TF_BOOL, "Is the volume encrypted?"),
    {.name = NULL},
};

#define DEFAULT(n, t, d)                                                                                     \
    {                                                                                                        \
        .name = n, .type = t, .flags = TF_OPTIONAL, .doc = d                                                 \
    }

static const struct tf_attr default_attrs[] = {
    DEFAULT("availability_zones", TF_STRING_SET, "As the attribute of the same name."),
    DEFAULT("db_cluster_parameter_group_name", TF_STRING, "As the attribute of the same name."),
    DEFAULT("db_parameter_group_name", TF_STRING,
            "As the attribute of the same name; also used while a cluster has no instance yet."),
    {.name = "engine_version",
     .type = TF_STRING,
     .flags = TF_REQUIRED,
     .doc = "Version to create the cluster with: the exact one, such as `17.6`, so that the plan after it is "
            "empty."},
    DEFAULT("kms_key_id", TF_STRING, "As the attribute of the same name."),
    DEFAULT("port", TF_NUMBER, "As the attribute of the same name."),
    DEFAULT("storage_encrypted", TF_BOOL, "As the attribute of the same name."),
    {.name = NULL},
};

static const struct tf_block blocks[] = {
    {.name = "default",
     .attrs = default_attrs,
     .doc =
         "Values for a cluster that does not exist yet. Without this block an absent cluster is an error."},
    {.name = NULL},
};

static const struct tf_schema schema = {
    .attrs = attrs,
    .blocks = blocks,
    .doc = "A live Aurora PostgreSQL cluster, for the arguments of `aws_rds_cluster` that an upgrade "
           "changes. With "
           "version and group names taken from here, the plan of `hashicorp/aws` is empty after every stage. "
           "Reading fails while AWS moves names between the old and the new side, because a plan made from "
           "that moment would create or replace production.",
};

static const struct value *read_data(struct tf_call *c)
{
    struct aws_session s = provider_session(c, value_as_text(value_get(c->config, "region"), NULL));
    const char *identifier = value_as_text(value_get(c->config, "cluster_identifier"), "");
    const struct value *facts;
    struct err e = ERR_INIT;
    if (!s.aws) {
        provider_not_ready(c);
        return NULL;
    }
    if (!cluster_facts(&s, provider_config(c)->old_sides, identifier, value_get(c->config, "default"), &facts,
                       &e)) {
        tf_fail(c, &e);
        return NULL;
    }
    facts = tf_with(c, facts, "cluster_identifier", value_get(c->config, "cluster_identifier"));
    return tf_with(c, facts, "default", value_get(c->config, "default"));
}

const struct tf_data_source data_source_cluster = {
    .name = "aurora_cluster",
    .schema = &schema,
    .read = read_data,
};
