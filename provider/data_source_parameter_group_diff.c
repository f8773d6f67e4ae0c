/* data_source_parameter_group_diff.c — data.aurora_parameter_group_diff: what the family of another major
 * changes, and what becomes of the values that are set today. */
#include "provider/attrs.h"
#include "provider/group_diff.h"
#include "provider/upgrade_schema.h"
#include "provider/validate.h"

#include <string.h>

static const char *const ways[] = {"error", "drop", NULL};

static const struct tf_attr group_attrs[] = {
    COMPUTED("level", TF_STRING, "`cluster` or `instance`."),
    COMPUTED("name", TF_STRING, "Name of the group."),
    COMPUTED("source_family", TF_STRING, "Its family."),
    COMPUTED("target_family", TF_STRING, "The family it is compared with."),
    {.name = NULL},
};

static const struct tf_attr parameter_attrs[] = {
    COMPUTED("changes", TF_STRING_LIST,
             "What the family change alone does: `removed`, `renamed`, `added`, `default`, `apply_type`, "
             "`allowed_values`, `data_type`, `is_modifiable`. Empty for a value of yours that nothing "
             "happens to."),
    COMPUTED("level", TF_STRING, "`cluster` or `instance`."),
    COMPUTED("name", TF_STRING, "Name in the source family; of an added one in the target's."),
    COMPUTED("outcome", TF_STRING,
             "What the upgrade does with the value set in the group: `carried`, `refused` (AUR0115), or "
             "`dropped` with `on_unsupported = \"drop\"`. Null if the group does not set it."),
    COMPUTED("reason", TF_STRING, "Why it is refused or dropped."),
    COMPUTED("source_allowed_values", TF_STRING, "Allowed values in the source family."),
    COMPUTED("source_apply_type", TF_STRING, "`dynamic`, or `static`: takes effect at a reboot."),
    COMPUTED("source_default", TF_STRING, "Default in the source family; null: the server's own."),
    COMPUTED("target_allowed_values", TF_STRING, "Allowed values in the target family."),
    COMPUTED("target_apply_type", TF_STRING, "As `source_apply_type`, in the target family."),
    COMPUTED("target_default", TF_STRING, "As `source_default`, in the target family."),
    COMPUTED("target_name", TF_STRING, "Name in the target family; null: it has none there."),
    COMPUTED("value", TF_STRING, "The value set in the group; null: none is."),
    {.name = NULL},
};

static const struct tf_attr attrs[] = {
    IDENTIFIER_OF_CLUSTER(
        TF_OPTIONAL,
        "Cluster whose two groups are looked at: its own, and its writer's, as the upgrades take them. "
        "Either this, or names of groups."),
    {.name = "db_cluster_parameter_group_name",
     .type = TF_STRING,
     .flags = TF_OPTIONAL,
     .doc = "A cluster parameter group."},
    {.name = "db_parameter_group_name",
     .type = TF_STRING,
     .flags = TF_OPTIONAL,
     .doc = "An instance parameter group."},
    {.name = "on_unsupported",
     .type = TF_STRING,
     .flags = TF_OPTIONAL,
     .one_of = ways,
     .otherwise = "\"error\"",
     .doc = "As in `target_parameter_group` of the upgrade: decides between `refused` and `dropped`."},
    REGION_OF_CLUSTER,
    {.name = "target_engine_version",
     .type = TF_STRING,
     .flags = TF_REQUIRED,
     .validate = validate_version,
     .doc = "Version to upgrade to, as in the upgrade: `\"17\"` or `\"17.6\"`. Of a cluster it must be one "
            "that AWS lists as a target."},
    COMPUTED_OF("groups", TF_OBJECT_LIST, group_attrs, "The groups that were compared."),
    COMPUTED("id", TF_STRING, "Cluster or groups, and the version."),
    COMPUTED_OF("parameters", TF_OBJECT_LIST, parameter_attrs,
                "Every parameter that the family change touches or that a group sets, by name, the cluster "
                "group's first."),
    {.name = NULL},
};

static const struct tf_schema schema = {
    .attrs = attrs,
    .doc = "What the parameter group family of another major version does to a cluster's groups: every "
           "parameter renamed, removed, added, with another default, apply type or range, and which of the "
           "values set today the upgrade carries, refuses or drops. It is worked out by the code that makes "
           "the groups of the upgrade. A cluster that is already on that major has no changes.",
};

static const char *given(struct tf_call *c, const char *name)
{
    const char *text = value_as_text(value_get(c->config, name), NULL);
    return text && *text ? text : NULL;
}

static void validate(struct tf_call *c)
{
    static const char *const names[] = {"cluster_identifier", "db_cluster_parameter_group_name",
                                        "db_parameter_group_name"};
    bool has[ARRAY_LEN(names)];
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        const struct value *v = value_get(c->config, names[i]);
        if (value_is_unknown(v))
            return;
        has[i] = !value_is_null(v);
    }
    if (has[0] == (has[1] || has[2]))
        tf_error(c, has[0] ? names[0] : NULL, "Whose parameters?",
                 "Give cluster_identifier, or else db_cluster_parameter_group_name, db_parameter_group_name "
                 "or both of these.");
}

static const char *identity(struct tf_call *c, const struct group_question *q)
{
    const char *whose = q->cluster           ? q->cluster
                        : !q->instance_group ? q->cluster_group
                        : !q->cluster_group
                            ? q->instance_group
                            : arena_printf(c->arena, "%s,%s", q->cluster_group, q->instance_group);
    return arena_printf(c->arena, "%s:%s", whose, q->target);
}

static const struct value *read_data(struct tf_call *c)
{
    struct aws_session s = provider_session(c, given(c, "region"));
    const struct group_question q = {
        .cluster = given(c, "cluster_identifier"),
        .cluster_group = given(c, "db_cluster_parameter_group_name"),
        .instance_group = given(c, "db_parameter_group_name"),
        .target = value_as_text(value_get(c->config, "target_engine_version"), ""),
        .drops_unsupported =
            strcmp(value_as_text(value_get(c->config, "on_unsupported"), "error"), "drop") == 0};
    const struct value *out = NULL;
    struct err e = ERR_INIT;
    if (!s.aws) {
        provider_not_ready(c);
        return NULL;
    }
    if (!group_diff(&s, provider_config(c)->old_sides, &q, &out, &e)) {
        tf_fail(c, &e);
        return NULL;
    }
    for (const struct tf_attr *a = attrs; a->name; a++)
        if (!(a->flags & TF_COMPUTED))
            out = tf_with(c, out, a->name, value_get(c->config, a->name));
    return tf_with(c, out, "id", value_string(c->arena, identity(c, &q)));
}

const struct tf_data_source data_source_parameter_group_diff = {
    .name = "aurora_parameter_group_diff",
    .schema = &schema,
    .validate = validate,
    .read = read_data,
};
