#include "internal/tf/inside.h"

#include <string.h>

/* Core's proposal is the prior state overlaid with the configuration. Two passes turn it into a plan:
 *
 *     settle   write-only values out, defaults of the schema in
 *     mark     only if that differs from the prior state: computed values that nobody set become unknown
 *
 * Both walk configuration and proposal side by side, because "nobody set it" is known from the configuration
 * alone. Source of the rules: Terraform's resource instance change lifecycle. */
struct planner {
    struct exchange *x;
    bool mark;
};

static const struct value *plan_object(struct planner *p, const struct tf_attr *attrs,
                                       const struct tf_block *blocks, const struct value *config,
                                       const struct value *proposed, bool is_top);

/* An object or a list of objects; wholly unknown ones stay so. */
static const struct value *plan_nested(struct planner *p, const struct tf_attr *attrs,
                                       const struct tf_block *blocks, const struct value *config,
                                       const struct value *proposed)
{
    if (proposed->kind == VALUE_OBJECT)
        return plan_object(p, attrs, blocks, config, proposed, false);
    if (proposed->kind != VALUE_LIST)
        return proposed;
    struct arena *a = p->x->call.arena;
    struct value *list = value_list(a);
    for (size_t i = 0; i < proposed->count; i++) {
        bool paired = config->kind == VALUE_LIST && i < config->count;
        value_append(
            a, list,
            plan_nested(p, attrs, blocks, paired ? config->items[i] : &value_null, proposed->items[i]));
    }
    return list;
}

static const struct value *default_of(struct arena *a, const struct tf_attr *attr)
{
    const struct value *v = &value_null;
    /* tf_check has proved that defaults parse and fit. */
    return value_from_json(a, str_of(attr->otherwise), &v, NULL) ? v : &value_null;
}

static const struct value *plan_attr(struct planner *p, const struct tf_attr *attr,
                                     const struct value *config, const struct value *proposed, bool is_top)
{
    if (attr->flags & TF_WRITE_ONLY)
        return &value_null;
    if (!value_is_null(config))
        return attr->nested ? plan_nested(p, attr->nested, NULL, config, proposed) : proposed;
    if (is_top && attr->otherwise)
        return default_of(p->x->call.arena, attr);
    bool stays = attr->flags & TF_STABLE && !value_is_null(proposed);
    return p->mark && attr->flags & TF_COMPUTED && !stays ? &value_unknown : proposed;
}

static const struct value *plan_object(struct planner *p, const struct tf_attr *attrs,
                                       const struct tf_block *blocks, const struct value *config,
                                       const struct value *proposed, bool is_top)
{
    struct arena *a = p->x->call.arena;
    struct value *planned = value_object(a);
    for (const struct tf_attr *attr = attrs; attr && attr->name; attr++)
        value_set(a, planned, attr->name,
                  plan_attr(p, attr, value_get(config, attr->name), value_get(proposed, attr->name), is_top));
    for (const struct tf_block *b = blocks; b && b->name; b++)
        value_set(
            a, planned, b->name,
            plan_nested(p, b->attrs, b->blocks, value_get(config, b->name), value_get(proposed, b->name)));
    return planned;
}

const struct value *plan_default(struct exchange *x, const struct value *proposed)
{
    struct tf_call *c = &x->call;
    struct planner p = {.x = x};
    c->proposed = plan_object(&p, x->schema->attrs, x->schema->blocks, c->config, proposed, true);
    if (value_equal(c->proposed, c->prior))
        return c->prior;
    p.mark = true;
    return plan_object(&p, x->schema->attrs, x->schema->blocks, c->config, proposed, true);
}

/* ---- replacement ---- */

/* The same spot in three values. */
struct views {
    const struct value *config, *prior, *planned;
};

struct replacements {
    struct exchange *x;
    Tfplugin6__PlanResourceChange__Response *resp;
    size_t cap;
};

static struct views member_views(struct views v, const char *name)
{
    return (struct views){value_get(v.config, name), value_get(v.prior, name), value_get(v.planned, name)};
}

static const struct value *element(const struct value *list, size_t i)
{
    return list->kind == VALUE_LIST && i < list->count ? list->items[i] : &value_null;
}

static void compare_object(struct replacements *r, const struct tf_attr *attrs, const struct tf_block *blocks,
                           struct views v, const struct place *at);

static void compare_nested(struct replacements *r, const struct tf_attr *attrs, const struct tf_block *blocks,
                           struct views v, const struct place *at)
{
    if (v.prior->kind == VALUE_OBJECT || v.planned->kind == VALUE_OBJECT)
        compare_object(r, attrs, blocks, v, at);
    bool lists = v.prior->kind == VALUE_LIST && v.planned->kind == VALUE_LIST;
    for (size_t i = 0; lists && (i < v.prior->count || i < v.planned->count); i++) {
        const struct place here = {.up = at, .index = i};
        const struct views inner = {element(v.config, i), element(v.prior, i), element(v.planned, i)};
        compare_nested(r, attrs, blocks, inner, &here);
    }
}

static void compare_attr(struct replacements *r, const struct tf_attr *attr, struct views v,
                         const struct place *at)
{
    struct arena *a = r->x->call.arena;
    if (attr->nested)
        compare_nested(r, attr->nested, NULL, v, at);
    /* A value we have yet to choose is no wish of the user's to replace anything. */
    bool is_ours = value_is_null(v.config) && value_is_unknown(v.planned);
    if (!(attr->flags & TF_REPLACE) || is_ours || value_equal(v.prior, v.planned))
        return;
    Tfplugin6__AttributePath *path = attribute_path(a, r->x->schema, place_text(a, at));
    if (path)
        ARR_PUSH(a, r->resp->requires_replace, r->resp->n_requires_replace, r->cap, path);
}

static void compare_object(struct replacements *r, const struct tf_attr *attrs, const struct tf_block *blocks,
                           struct views v, const struct place *at)
{
    for (const struct tf_attr *attr = attrs; attr && attr->name; attr++) {
        const struct place here = {.up = at, .name = attr->name};
        compare_attr(r, attr, member_views(v, attr->name), &here);
    }
    for (const struct tf_block *b = blocks; b && b->name; b++) {
        const struct place here = {.up = at, .name = b->name};
        compare_nested(r, b->attrs, b->blocks, member_views(v, b->name), &here);
    }
}

void plan_replacements(struct exchange *x, const struct value *planned,
                       Tfplugin6__PlanResourceChange__Response *resp)
{
    struct replacements r = {.x = x, .resp = resp};
    const struct views all = {x->call.config, x->call.prior, planned};
    if (!value_is_null(x->call.prior))
        compare_object(&r, x->schema->attrs, x->schema->blocks, all, NULL);
}
