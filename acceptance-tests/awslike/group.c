/* aws_rds_cluster_parameter_group and aws_db_parameter_group: one kind of object under two sets of names.
 * Name and family replace. Parameters are a list here, in the configuration's order. */
#include "acceptance-tests/awslike/awslike.h"

#include <string.h>

static const struct tf_attr parameter_attrs[] = {
    {"apply_method", TF_STRING, TF_OPTIONAL, .doc = "`immediate` or `pending-reboot`.",
     .otherwise = "\"immediate\""},
    {"name", TF_STRING, TF_REQUIRED, .doc = AS_NAMED},
    {"value", TF_STRING, TF_REQUIRED, .doc = AS_NAMED},
    {0},
};

static const struct tf_attr attrs[] = {
    {"arn", TF_STRING, AL_C, .doc = AS_NAMED},
    {"description", TF_STRING, AL_OC | AL_FN, .doc = AS_NAMED, .otherwise = "\"Managed by Terraform\""},
    {"family", TF_STRING, TF_REQUIRED | AL_FN, .doc = AS_NAMED},
    {"id", TF_STRING, AL_C, .doc = "The name."},
    {"name", TF_STRING, TF_REQUIRED | AL_FN, .doc = AS_NAMED},
    {"tags", TF_STRING_MAP, AL_O, .doc = AS_NAMED},
    {"tags_all", TF_STRING_MAP, AL_C, .doc = AS_NAMED},
    {0},
};

static const struct tf_schema schema = {
    .doc = "A parameter group.",
    .attrs = attrs,
    .blocks = (const struct tf_block[]){{.name = "parameter",
                                         .is_list = true,
                                         .attrs = parameter_attrs,
                                         .doc = "One parameter with a value of its own."},
                                        {0}},
};

struct kind {
    bool is_cluster;
    const char *name, *create, *modify, *reset, *remove;
};
static const struct kind kinds[] = {
    {false, "DBParameterGroupName", "CreateDBParameterGroup", "ModifyDBParameterGroup",
     "ResetDBParameterGroup", "DeleteDBParameterGroup"},
    {true, "DBClusterParameterGroupName", "CreateDBClusterParameterGroup", "ModifyDBClusterParameterGroup",
     "ResetDBClusterParameterGroup", "DeleteDBClusterParameterGroup"},
};

static const struct member no_members[] = {{0}};

/* ---- read ---- */

static const struct rds_param *live(const struct rds_param *params, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(params[i].name, name) == 0)
            return &params[i];
    return NULL;
}

static const struct value *named(const struct value *list, const char *name)
{
    for (size_t i = 0; i < list->count; i++)
        if (strcmp(text_of(list->items[i], "name"), name) == 0)
            return list->items[i];
    return NULL;
}

/* Those that the state knows first, in its order; then what somebody else has set. */
static const struct value *parameters_state(struct tf_call *c, const struct rds_param *params, size_t n)
{
    const struct value *old = value_get(c->prior, "parameter");
    struct value *out = value_list(c->arena);
    for (size_t i = 0; i < old->count; i++) {
        const struct rds_param *p = live(params, n, text_of(old->items[i], "name"));
        if (p)
            value_append(c->arena, out, tf_with(c, old->items[i], "value", value_string(c->arena, p->value)));
    }
    for (size_t i = 0; i < n; i++) {
        if (named(old, params[i].name))
            continue;
        const struct value *one = tf_with(c, NULL, "name", value_string(c->arena, params[i].name));
        one = tf_with(c, one, "value", value_string(c->arena, params[i].value));
        value_append(c->arena, out,
                     tf_with(c, one, "apply_method", value_string(c->arena, params[i].apply_method)));
    }
    return out;
}

static bool state_of(struct tf_call *c, const struct value *prior, const struct rds_group *g,
                     const struct value **ret, struct err *e)
{
    const struct aws_session s = session_of(c);
    struct rds_tags tags = {0};
    if (!rds_tag_list(&s, g->arn, &tags, e))
        return err_wrap(e, "read the tags of group %s", g->name);
    struct value *shown = value_object(c->arena);
    for (size_t i = 0; i < tags.count; i++)
        if (strncmp(tags.tags[i].key, "aws:", 4) != 0)
            value_set(c->arena, shown, tags.tags[i].key, value_string(c->arena, tags.tags[i].value));
    const struct value *state = tf_with(c, prior, "arn", value_string(c->arena, g->arn));
    state = tf_with(c, state, "id", value_string(c->arena, g->name));
    state = tf_with(c, state, "name", value_string(c->arena, g->name));
    state = tf_with(c, state, "family", value_string(c->arena, g->family));
    state = tf_with(c, state, "description", value_string(c->arena, g->description));
    *ret = tags_state(c, state, shown);
    return true;
}

static const struct value *read_group(struct tf_call *c, const struct kind *k)
{
    const struct aws_session s = session_of(c);
    const struct rds_group *g = NULL;
    const struct rds_param *params = NULL;
    const struct value *state = NULL;
    struct err e = ERR_INIT;
    size_t n = 0;
    const char *name = text_of(c->prior, "id");
    if (!rds_group_find(&s, k->is_cluster, name, &g, &e) ||
        (g && !rds_group_params(&s, k->is_cluster, name, "user", &params, &n, &e)) ||
        (g && !state_of(c, c->prior, g, &state, &e))) {
        (void)err_wrap(&e, "read group %s", name);
        return tf_fail(c, &e), NULL;
    }
    return g ? tf_with(c, state, "parameter", parameters_state(c, params, n)) : NULL;
}

/* ---- changes ---- */

static bool same_parameter(const struct value *x, const struct value *y)
{
    return x && y && value_equal(value_get(x, "value"), value_get(y, "value"));
}

static struct rds_param param_of(const struct value *v)
{
    const char *method = text_of(v, "apply_method");
    return (struct rds_param){.name = text_of(v, "name"),
                              .value = text_of(v, "value"),
                              .apply_method = *method ? method : "immediate",
                              .has_value = true};
}

static bool set_changed(struct tf_call *c, const struct kind *k, const char *name, const struct value *old,
                        const struct value *now, struct err *e)
{
    const struct aws_session s = session_of(c);
    struct rds_param *changed = ARENA_ARRAY(c->arena, struct rds_param, now->count + 1);
    size_t n = 0;
    for (size_t i = 0; i < now->count; i++)
        if (!same_parameter(named(old, text_of(now->items[i], "name")), now->items[i]))
            changed[n++] = param_of(now->items[i]);
    return n == 0 || rds_group_set(&s, k->is_cluster, name, changed, n, e);
}

static bool reset_removed(struct tf_call *c, const struct kind *k, const char *name, const struct value *old,
                          const struct value *now, struct err *e)
{
    struct request r = {.arena = c->arena};
    size_t n = 0;
    request_add(&r, k->name, name);
    for (size_t i = 0; i < old->count; i++) {
        const struct rds_param p = param_of(old->items[i]);
        if (named(now, p.name))
            continue;
        n++;
        request_add(&r, arena_printf(c->arena, "Parameters.Parameter.%zu.ParameterName", n), p.name);
        request_add(&r, arena_printf(c->arena, "Parameters.Parameter.%zu.ApplyMethod", n), p.apply_method);
    }
    request_add_bool(&r, "ResetAllParameters", false);
    return n == 0 || call_rds(c, k->reset, &r, NULL, e);
}

static const struct value *settled(struct tf_call *c, const struct kind *k)
{
    const struct aws_session s = session_of(c);
    const struct rds_group *g = NULL;
    const struct value *now = NULL;
    struct err e = ERR_INIT;
    const char *name = text_of(c->planned, "name");
    bool ok = rds_group_find(&s, k->is_cluster, name, &g, &e);
    if (ok && !g)
        ok = err_set(&e, ERR_NOT_FOUND, "group %s has disappeared", name);
    if (!ok || !state_of(c, c->planned, g, &now, &e))
        return tf_fail(c, &e), NULL;
    return object_settle(c, c->planned, now);
}

static const struct value *create_group(struct tf_call *c, const struct kind *k)
{
    struct err e = ERR_INIT;
    struct request r = {.arena = c->arena};
    const char *name = text_of(c->planned, "name");
    request_add(&r, k->name, name);
    request_add(&r, "DBParameterGroupFamily", text_of(c->planned, "family"));
    request_add(&r, "Description", text_of(c->planned, "description"));
    request_add_tags(&r, value_get(c->planned, "tags"));
    if (!call_rds(c, k->create, &r, NULL, &e)) {
        (void)err_wrap(&e, "create group %s", name);
        return tf_fail(c, &e), NULL;
    }
    if (!set_changed(c, k, name, &value_null, value_get(c->planned, "parameter"), &e))
        tf_fail(c, &e);
    return settled(c, k);
}

static const struct value *update_group(struct tf_call *c, const struct kind *k)
{
    struct err e = ERR_INIT;
    const char *name = text_of(c->prior, "id");
    const struct value *old = value_get(c->prior, "parameter"), *now = value_get(c->planned, "parameter");
    if (!set_changed(c, k, name, old, now, &e) || !reset_removed(c, k, name, old, now, &e) ||
        !tags_change(c, text_of(c->prior, "arn"), &e)) {
        (void)err_wrap(&e, "update group %s", name);
        return tf_fail(c, &e), NULL;
    }
    return settled(c, k);
}

/* A group that is still used is waited for, and then not deleted. */
static const struct value *delete_group(struct tf_call *c, const struct kind *k)
{
    struct err e = ERR_INIT;
    struct request r = {.arena = c->arena};
    const char *name = text_of(c->prior, "id");
    request_add(&r, k->name, name);
    if (!call_rds(c, k->remove, &r, NULL, &e) && !means_absent(&e)) {
        (void)err_wrap(&e, "delete group %s", name);
        tf_fail(c, &e);
    }
    return NULL;
}

static const struct value *plan_group(struct tf_call *c, const struct value *planned)
{
    return object_plan_tagged(c, no_members, planned);
}

static const struct value *import_group(struct tf_call *c)
{
    return tf_with(c, NULL, "id", value_string(c->arena, c->import_id));
}

#define OF(verb, kind)                                                                                       \
    static const struct value *verb##_##kind(struct tf_call *c)                                              \
    {                                                                                                        \
        return verb##_group(c, &kinds[kind]);                                                                \
    }
enum { of_instance, of_cluster };
OF(read, of_instance)
OF(create, of_instance)
OF(update, of_instance)
OF(delete, of_instance)
OF(read, of_cluster)
OF(create, of_cluster)
OF(update, of_cluster)
OF(delete, of_cluster)

const struct tf_resource aws_db_parameter_group = {
    .name = "aws_db_parameter_group",
    .schema = &schema,
    .plan = plan_group,
    .create = create_of_instance,
    .update = update_of_instance,
    .del = delete_of_instance,
    .read = read_of_instance,
    .import = import_group,
};

const struct tf_resource aws_rds_cluster_parameter_group = {
    .name = "aws_rds_cluster_parameter_group",
    .schema = &schema,
    .plan = plan_group,
    .create = create_of_cluster,
    .update = update_of_cluster,
    .del = delete_of_cluster,
    .read = read_of_cluster,
    .import = import_group,
};
