/* Parameter groups of clusters and of instances: the same operations under two names. */
#include "acceptance-tests/sandbox/check.h"
#include "acceptance-tests/sandbox/cluster.h"
#include "acceptance-tests/sandbox/seed.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

enum { CHANGES_MAX = 20, GROUPS_MAX = 50 };

/* Which of the two levels an operation is about. */
struct level {
    enum kind kind;
    bool cluster;
    const char *name, *result;                        /* request member; result member with the object */
    const char *source, *target, *target_description; /* of the copy operation */
    const char *attached; /* member of the records that use groups, and their kind */
    enum kind users;
};
static const struct level CLUSTER_LEVEL = {KIND_CLUSTER_GROUP,
                                           true,
                                           "DBClusterParameterGroupName",
                                           "DBClusterParameterGroup",
                                           "SourceDBClusterParameterGroupIdentifier",
                                           "TargetDBClusterParameterGroupIdentifier",
                                           "TargetDBClusterParameterGroupDescription",
                                           "DBClusterParameterGroup",
                                           KIND_CLUSTER};
static const struct level INSTANCE_LEVEL = {KIND_INSTANCE_GROUP,
                                            false,
                                            "DBParameterGroupName",
                                            "DBParameterGroup",
                                            "SourceDBParameterGroupIdentifier",
                                            "TargetDBParameterGroupIdentifier",
                                            "TargetDBParameterGroupDescription",
                                            "_group",
                                            KIND_INSTANCE};

/* ---- create, copy ---- */

static bool check_new_name(struct call *c, const struct level *l, const char *name)
{
    if (strncasecmp(name, "default.", 8) == 0 || !identifier_valid(name))
        return fault_set(
            &c->fault, "InvalidParameterValue",
            "The parameter %s is not a valid identifier. Identifiers must begin with a letter; must "
            "contain only ASCII letters, digits, and hyphens; and must not end with a hyphen or contain "
            "two consecutive hyphens.",
            l->name);
    if (store_find(c->sb->store, l->kind, name))
        return fault_set(&c->fault, "DBParameterGroupAlreadyExists", "Parameter group %s already exists",
                         name);
    size_t custom = json_array_size(store_list(c->sb->store, l->kind));
    return custom < GROUPS_MAX + 10 || fault_set(&c->fault, "DBParameterGroupQuotaExceeded",
                                                 "Cannot create more than %d parameter groups", GROUPS_MAX);
}

static json_t *new_group(struct sandbox *sb, const struct level *l, const char *name, const char *family,
                         const char *description)
{
    char lower[256];
    (void)snprintf(lower, sizeof lower, "%s", name);
    for (char *p = lower; *p; p++)
        *p = (char)tolower((unsigned char)*p);
    json_t *group =
        json_pack("{s:s, s:s, s:s, s:{}, s:[]}", KINDS[l->kind].id, lower, "DBParameterGroupFamily", family,
                  "Description", description, "_parameters", "TagList");
    store_set_arn(sb->store, l->kind, group);
    return store_add(sb->store, l->kind, group);
}

void groups_seed(struct sandbox *sb)
{
    for (int major = 13; major <= 18; major++) {
        char family[32], name[48], text[96];
        (void)snprintf(family, sizeof family, FAMILY_PREFIX "%d", major);
        (void)snprintf(name, sizeof name, "default.%s", family);
        if (!engine_has_major(sb->engine, major) || store_find(sb->store, KIND_CLUSTER_GROUP, name))
            continue;
        (void)snprintf(text, sizeof text, "Default cluster parameter group for %s", family);
        (void)new_group(sb, &CLUSTER_LEVEL, name, family, text);
        (void)snprintf(text, sizeof text, "Default parameter group for %s", family);
        (void)new_group(sb, &INSTANCE_LEVEL, name, family, text);
    }
}

static bool create_group(struct call *c, const struct level *l)
{
    const char *family = rec_str(c->in, "DBParameterGroupFamily");
    int major = family_major(family);
    if (!check_new_name(c, l, rec_str(c->in, l->name)) || !check_tags(c))
        return false;
    if (!major || !engine_has_major(c->sb->engine, major))
        return fault_set(&c->fault, "InvalidParameterValue",
                         "ParameterGroupFamily %.60s is not a valid parameter group family", family);
    if (!*rec_str(c->in, "Description"))
        return fault_set(&c->fault, "InvalidParameterValue",
                         "The parameter Description must be provided and must not be blank.");
    json_t *group = new_group(c->sb, l, rec_str(c->in, l->name), family, rec_str(c->in, "Description"));
    if (rec_has(c->in, "Tags"))
        rec_set(group, "TagList", json_deep_copy(rec_get(c->in, "Tags")));
    rec_set(c->out, l->result, json_incref(group));
    return true;
}

static bool copy_group(struct call *c, const struct level *l)
{
    const json_t *source = need(c, l->kind, l->source);
    if (!source || !check_new_name(c, l, rec_str(c->in, l->target)) || !check_tags(c))
        return false;
    json_t *group = new_group(c->sb, l, rec_str(c->in, l->target), rec_str(source, "DBParameterGroupFamily"),
                              rec_str(c->in, l->target_description));
    rec_copy(group, source, "_parameters");
    if (rec_has(c->in, "Tags"))
        rec_set(group, "TagList", json_deep_copy(rec_get(c->in, "Tags")));
    rec_set(c->out, l->result, json_incref(group));
    return true;
}

/* ---- modify, reset ---- */

/* A changed setting reaches every user of the group: dynamic ones at once, static ones at a reboot. */
static void tell_users(struct call *c, const struct level *l, const json_t *group, bool needs_reboot)
{
    const char *next = needs_reboot ? "pending-reboot" : "in-sync";
    size_t i;
    json_t *user;
    json_array_foreach(store_list(c->sb->store, l->users), i, user)
    {
        if (!rec_same(user, l->attached, rec_str(group, KINDS[l->kind].id)))
            continue;
        const char *resource = rec_str(user, l->cluster ? "DbClusterResourceId" : "_cluster");
        if (l->cluster) {
            const json_t *writer = cluster_writer(c->sb, user);
            bool waits = rec_is(writer, "_cluster_group_status", "pending-reboot");
            cluster_group_status(c->sb, user, "applying", waits ? "pending-reboot" : next);
        } else {
            bool waits = rec_is(user, "_group_status", "pending-reboot");
            rec_set_str(user, "_group_status", "applying");
            rec_set_str(user, "_group_next", waits ? "pending-reboot" : next);
        }
        job_start(c->sb, &JOB_PARAMETERS, json_pack("{s:s}", "cluster", resource));
    }
}

static bool group_for_change(struct call *c, const struct level *l, json_t **ret)
{
    json_t *group = need(c, l->kind, l->name);
    if (!group)
        return false;
    if (strncmp(rec_str(group, KINDS[l->kind].id), "default.", 8) == 0)
        return fault_set(&c->fault, "InvalidDBParameterGroupState",
                         "The default parameter group %s can't be modified.",
                         rec_str(group, KINDS[l->kind].id));
    *ret = group;
    return true;
}

static bool check_changes(struct call *c, const struct level *l, const json_t *group, const json_t *changes,
                          bool values)
{
    int major = family_major(rec_str(group, "DBParameterGroupFamily"));
    size_t i;
    json_t *change;
    if (json_array_size(changes) > CHANGES_MAX)
        return fault_set(&c->fault, "InvalidParameterValue",
                         "A maximum of %d parameters can be modified in a single request.", CHANGES_MAX);
    json_array_foreach(changes, i, change)
    {
        if (values && !rec_has(change, "ParameterValue"))
            return fault_set(&c->fault, "InvalidParameterCombination",
                             "ParameterValue and ApplyMethod are required for parameter %.100s.",
                             rec_str(change, "ParameterName"));
        if (!param_check(major, l->cluster, change, &c->fault))
            return false;
    }
    return true;
}

static bool is_static(const struct level *l, const json_t *group, const char *name)
{
    struct param p;
    return param_find(family_major(rec_str(group, "DBParameterGroupFamily")), l->cluster, name, &p) &&
           p.row->apply == STATIC;
}

static bool modify_group(struct call *c, const struct level *l)
{
    json_t *group = NULL, *changes = rec_get(c->in, "Parameters"), *change;
    bool reboot = false;
    size_t i;
    if (!group_for_change(c, l, &group) || !check_changes(c, l, group, changes, true))
        return false;
    json_array_foreach(changes, i, change)
    {
        char name[128];
        (void)snprintf(name, sizeof name, "%s", rec_str(change, "ParameterName"));
        for (char *p = name; *p; p++)
            *p = (char)tolower((unsigned char)*p);
        reboot = reboot || is_static(l, group, name) || rec_is(change, "ApplyMethod", "pending-reboot");
        rec_set(rec_get(group, "_parameters"), name,
                json_pack("{s:s, s:s}", "value", rec_str(change, "ParameterValue"), "method",
                          rec_str(change, "ApplyMethod")));
    }
    tell_users(c, l, group, reboot);
    rec_set_str(c->out, l->name, rec_str(group, KINDS[l->kind].id));
    return true;
}

static bool reset_group(struct call *c, const struct level *l)
{
    json_t *group = NULL, *change;
    const json_t *changes = rec_get(c->in, "Parameters");
    bool all = rec_bool(c->in, "ResetAllParameters"), reboot = all;
    size_t i;
    if (!group_for_change(c, l, &group))
        return false;
    if (all == (json_array_size(changes) > 0))
        return fault_set(&c->fault, "InvalidParameterCombination",
                         "Specify either ResetAllParameters or a list of parameters, not both.");
    if (!check_changes(c, l, group, changes, false))
        return false;
    if (all)
        (void)json_object_clear(rec_get(group, "_parameters"));
    json_array_foreach(changes, i, change)
    {
        reboot = reboot || is_static(l, group, rec_str(change, "ParameterName"));
        rec_unset(rec_get(group, "_parameters"), rec_str(change, "ParameterName"));
    }
    tell_users(c, l, group, reboot);
    rec_set_str(c->out, l->name, rec_str(group, KINDS[l->kind].id));
    return true;
}

/* ---- delete, list ---- */

static bool delete_group(struct call *c, const struct level *l)
{
    json_t *group = need(c, l->kind, l->name);
    if (!group)
        return false;
    const char *name = rec_str(group, KINDS[l->kind].id);
    if (strncmp(name, "default.", 8) == 0)
        return fault_set(&c->fault, "InvalidDBParameterGroupState",
                         "Default DBParameterGroup cannot be deleted: %s", name);
    if (store_find_by(c->sb->store, l->users, l->attached, name))
        return fault_set(
            &c->fault, "InvalidDBParameterGroupState",
            "One or more database %s are still members of this parameter group %s, so the group cannot be "
            "deleted",
            l->cluster ? "clusters" : "instances", name);
    store_remove(c->sb->store, l->kind, group);
    return true;
}

static const struct filter_row PARAMETER_FILTERS[] = {{"parameter-name", "ParameterName", false}, {0}};

static bool list_parameters(struct call *c, int major, bool cluster, const json_t *overrides, json_t *to,
                            const char *member)
{
    const char *source = rec_str(c->in, "Source");
    size_t i;
    json_t *all = params_list(major, cluster, overrides), *p, *kept = json_array(), *out = c->out;
    bool ok = filters_check(c, PARAMETER_FILTERS);
    json_array_foreach(all, i, p)
    {
        if (ok && (!*source || rec_is(p, "Source", source)) && filters_match(c, PARAMETER_FILTERS, p))
            (void)json_array_append(kept, p);
    }
    json_decref(all);
    if (!ok) {
        json_decref(kept);
        return false;
    }
    c->out = to;
    ok = paginate(c, kept, member);
    c->out = out;
    return ok;
}

static bool describe_parameters(struct call *c, const struct level *l)
{
    const json_t *group = need(c, l->kind, l->name);
    return group && list_parameters(c, family_major(rec_str(group, "DBParameterGroupFamily")), l->cluster,
                                    rec_get(group, "_parameters"), c->out, "Parameters");
}

static bool describe_defaults(struct call *c, const struct level *l)
{
    const char *family = rec_str(c->in, "DBParameterGroupFamily");
    int major = family_major(family);
    if (!major || !engine_has_major(c->sb->engine, major))
        return fault_set(&c->fault, "InvalidParameterValue",
                         "ParameterGroupFamily %.60s is not a valid parameter group family", family);
    json_t *defaults = json_object();
    rec_set_str(defaults, "DBParameterGroupFamily", family);
    rec_set(c->out, "EngineDefaults", defaults);
    return list_parameters(c, major, l->cluster, NULL, defaults, "Parameters");
}

/* ---- tables ---- */

#define BOTH(verb)                                                                                           \
    static bool cluster_##verb(struct call *c)                                                               \
    {                                                                                                        \
        return verb(c, &CLUSTER_LEVEL);                                                                      \
    }                                                                                                        \
    static bool instance_##verb(struct call *c)                                                              \
    {                                                                                                        \
        return verb(c, &INSTANCE_LEVEL);                                                                     \
    }
BOTH(create_group)
BOTH(copy_group)
BOTH(modify_group)
BOTH(reset_group)
BOTH(delete_group)
BOTH(describe_parameters)
BOTH(describe_defaults)

static const struct member SETTING[] = {STR_REQUIRED("ParameterName"), STR("ParameterValue"),
                                        STR("ApplyMethod"), SHAPE_END_ROW};
#define SETTINGS LIST_OF("Parameters", "Parameter", SETTING)
#define TAGS     LIST_OF("Tags", "Tag", SHAPE_TAG)

static const struct member CREATE_CLUSTER_IN[] = {STR_REQUIRED("DBClusterParameterGroupName"),
                                                  STR_REQUIRED("DBParameterGroupFamily"),
                                                  STR_REQUIRED("Description"), TAGS, SHAPE_END_ROW};
static const struct member CREATE_INSTANCE_IN[] = {STR_REQUIRED("DBParameterGroupName"),
                                                   STR_REQUIRED("DBParameterGroupFamily"),
                                                   STR_REQUIRED("Description"), TAGS, SHAPE_END_ROW};
static const struct member COPY_CLUSTER_IN[] = {STR_REQUIRED("SourceDBClusterParameterGroupIdentifier"),
                                                STR_REQUIRED("TargetDBClusterParameterGroupIdentifier"),
                                                STR_REQUIRED("TargetDBClusterParameterGroupDescription"),
                                                TAGS, SHAPE_END_ROW};
static const struct member COPY_INSTANCE_IN[] = {
    STR_REQUIRED("SourceDBParameterGroupIdentifier"), STR_REQUIRED("TargetDBParameterGroupIdentifier"),
    STR_REQUIRED("TargetDBParameterGroupDescription"), TAGS, SHAPE_END_ROW};
static const struct member CHANGE_CLUSTER_IN[] = {STR_REQUIRED("DBClusterParameterGroupName"),
                                                  BOOL("ResetAllParameters"), SETTINGS, SHAPE_END_ROW};
static const struct member CHANGE_INSTANCE_IN[] = {STR_REQUIRED("DBParameterGroupName"),
                                                   BOOL("ResetAllParameters"), SETTINGS, SHAPE_END_ROW};
static const struct member CHANGE_CLUSTER_OUT[] = {STR("DBClusterParameterGroupName"), SHAPE_END_ROW};
static const struct member CHANGE_INSTANCE_OUT[] = {STR("DBParameterGroupName"), SHAPE_END_ROW};
static const struct member LIST_CLUSTER_IN[] = {STR("DBClusterParameterGroupName"), DESCRIBE_MEMBERS,
                                                SHAPE_END_ROW};
static const struct member LIST_INSTANCE_IN[] = {STR("DBParameterGroupName"), DESCRIBE_MEMBERS,
                                                 SHAPE_END_ROW};
static const struct member LIST_CLUSTER_OUT[] = {
    STR("Marker"), LIST_OF("DBClusterParameterGroups", "DBClusterParameterGroup", SHAPE_CLUSTER_GROUP),
    SHAPE_END_ROW};
static const struct member LIST_INSTANCE_OUT[] = {
    STR("Marker"), LIST_OF("DBParameterGroups", "DBParameterGroup", SHAPE_INSTANCE_GROUP), SHAPE_END_ROW};
static const struct member PARAMS_CLUSTER_IN[] = {STR_REQUIRED("DBClusterParameterGroupName"), STR("Source"),
                                                  DESCRIBE_MEMBERS, SHAPE_END_ROW};
static const struct member PARAMS_INSTANCE_IN[] = {STR_REQUIRED("DBParameterGroupName"), STR("Source"),
                                                   DESCRIBE_MEMBERS, SHAPE_END_ROW};
static const struct member PARAMS_OUT[] = {LIST_OF("Parameters", "Parameter", SHAPE_PARAMETER), STR("Marker"),
                                           SHAPE_END_ROW};
static const struct member DEFAULTS_IN[] = {STR_REQUIRED("DBParameterGroupFamily"), STR("Source"),
                                            DESCRIBE_MEMBERS, SHAPE_END_ROW};
static const struct member DEFAULTS[] = {STR("DBParameterGroupFamily"), STR("Marker"),
                                         LIST_OF("Parameters", "Parameter", SHAPE_PARAMETER), SHAPE_END_ROW};
static const struct member DEFAULTS_OUT[] = {STRUCT_OF("EngineDefaults", DEFAULTS), SHAPE_END_ROW};

static const struct filter_row NO_FILTERS[] = {{0}};
static const struct describe LIST_CLUSTER = {.kind = KIND_CLUSTER_GROUP,
                                             .by_id = "DBClusterParameterGroupName",
                                             .result = "DBClusterParameterGroups",
                                             .filters = NO_FILTERS};
static const struct describe LIST_INSTANCE = {.kind = KIND_INSTANCE_GROUP,
                                              .by_id = "DBParameterGroupName",
                                              .result = "DBParameterGroups",
                                              .filters = NO_FILTERS};

const struct op OPS_GROUP[] = {
    {"rds", "CreateDBClusterParameterGroup", CREATE_CLUSTER_IN, RESULT_CLUSTER_GROUP,
     .run = cluster_create_group},
    {"rds", "CreateDBParameterGroup", CREATE_INSTANCE_IN, RESULT_INSTANCE_GROUP,
     .run = instance_create_group},
    {"rds", "CopyDBClusterParameterGroup", COPY_CLUSTER_IN, RESULT_CLUSTER_GROUP, .run = cluster_copy_group},
    {"rds", "CopyDBParameterGroup", COPY_INSTANCE_IN, RESULT_INSTANCE_GROUP, .run = instance_copy_group},
    {"rds", "ModifyDBClusterParameterGroup", CHANGE_CLUSTER_IN, CHANGE_CLUSTER_OUT,
     .run = cluster_modify_group},
    {"rds", "ModifyDBParameterGroup", CHANGE_INSTANCE_IN, CHANGE_INSTANCE_OUT, .run = instance_modify_group},
    {"rds", "ResetDBClusterParameterGroup", CHANGE_CLUSTER_IN, CHANGE_CLUSTER_OUT,
     .run = cluster_reset_group},
    {"rds", "ResetDBParameterGroup", CHANGE_INSTANCE_IN, CHANGE_INSTANCE_OUT, .run = instance_reset_group},
    {"rds", "DeleteDBClusterParameterGroup", CHANGE_CLUSTER_IN, NULL, .run = cluster_delete_group},
    {"rds", "DeleteDBParameterGroup", CHANGE_INSTANCE_IN, NULL, .run = instance_delete_group},
    {"rds", "DescribeDBClusterParameterGroups", LIST_CLUSTER_IN, LIST_CLUSTER_OUT, .describe = &LIST_CLUSTER,
     .flags = OP_READS},
    {"rds", "DescribeDBParameterGroups", LIST_INSTANCE_IN, LIST_INSTANCE_OUT, .describe = &LIST_INSTANCE,
     .flags = OP_READS},
    {"rds", "DescribeDBClusterParameters", PARAMS_CLUSTER_IN, PARAMS_OUT, .run = cluster_describe_parameters,
     .flags = OP_READS},
    {"rds", "DescribeDBParameters", PARAMS_INSTANCE_IN, PARAMS_OUT, .run = instance_describe_parameters,
     .flags = OP_READS},
    {"rds", "DescribeEngineDefaultClusterParameters", DEFAULTS_IN, DEFAULTS_OUT,
     .run = cluster_describe_defaults, .flags = OP_READS},
    {"rds", "DescribeEngineDefaultParameters", DEFAULTS_IN, DEFAULTS_OUT, .run = instance_describe_defaults,
     .flags = OP_READS},
    {0},
};
