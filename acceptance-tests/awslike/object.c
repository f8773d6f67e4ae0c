/* Tables at work: reply → state, plan → request, and what counts as a difference. */
#include "acceptance-tests/awslike/awslike.h"
#include "internal/base/names.h"

#include <string.h>
#include <strings.h>

/* ---- reply → value ---- */

static const struct value *shown_set(struct arena *a, const struct member *m, const struct xml *list)
{
    struct value *out = value_list(a);
    for (const struct xml *x = NULL; list && (x = xml_child(list, m->item, x));) {
        const char *text = m->leaf ? xml_text(x, m->leaf, "") : x->text;
        bool seen = false;
        for (size_t i = 0; i < out->count; i++)
            seen = seen || strcmp(out->items[i]->text, text) == 0;
        if (!seen)
            value_append(a, out, value_string(a, text));
    }
    return out;
}

static const struct value *shown_value(struct arena *a, const struct member *m, const struct xml *x)
{
    const char *text = xml_text(x, m->shown, "");
    if (m->type == TF_STRING_SET)
        return shown_set(a, m, xml_find(x, m->shown));
    if (m->type == TF_BOOL)
        return value_bool(strcmp(text, "true") == 0);
    if (*text == '\0')
        return &value_null;
    return m->type == TF_NUMBER ? value_number(a, text) : value_string(a, text);
}

static bool is_zero(const struct value *v)
{
    switch (v->kind) {
    case VALUE_NULL:
        return true;
    case VALUE_BOOL:
        return !v->boolean;
    case VALUE_NUMBER:
        return value_as_int(v, 1) == 0;
    case VALUE_STRING:
        return v->size == 0;
    case VALUE_LIST:
        return v->count == 0;
    default:
        return false;
    }
}

static bool has_text(const struct value *list, const char *text)
{
    for (size_t i = 0; i < list->count; i++)
        if (strcmp(value_as_text(list->items[i], ""), text) == 0)
            return true;
    return false;
}

static bool same_set(const struct value *x, const struct value *y)
{
    if (x->kind != VALUE_LIST || y->kind != VALUE_LIST || x->count != y->count)
        return false;
    for (size_t i = 0; i < x->count; i++)
        if (!has_text(y, value_as_text(x->items[i], "")))
            return false;
    return true;
}

static bool same_value(const struct member *m, const struct value *x, const struct value *y)
{
    if (m->loose && is_zero(x) && is_zero(y))
        return true;
    if (m->folded && x->kind == VALUE_STRING && y->kind == VALUE_STRING)
        return strcasecmp(x->text, y->text) == 0;
    return m->type == TF_STRING_SET ? same_set(x, y) : value_equal(x, y);
}

const struct value *object_state(struct tf_call *c, const struct member *table, const struct xml *shown,
                                 const struct value *prior)
{
    const struct value *state = prior;
    for (const struct member *m = table; m->attr; m++) {
        if (!m->shown)
            continue;
        const struct value *old = value_get(prior, m->attr), *now = shown_value(c->arena, m, shown);
        bool kept = (m->lasting && value_is_null(now)) || same_value(m, old, now);
        if (!kept)
            state = tf_with(c, state, m->attr, now);
    }
    return state;
}

const struct value *object_settle(struct tf_call *c, const struct value *planned, const struct value *now)
{
    const struct value *state = planned;
    for (size_t i = 0; i < planned->count; i++) {
        const struct value *was = planned->items[i], *is = value_get(now, planned->keys[i]);
        if (value_is_unknown(was))
            state = tf_with(c, state, planned->keys[i], is);
        else if (was->kind == VALUE_OBJECT && value_has_unknown(was))
            state = tf_with(c, state, planned->keys[i], object_settle(c, was, is));
    }
    return state;
}

/* ---- plan ---- */

/* Only what is configured is compared again: the rest has its prior or a default value already. */
const struct value *object_plan(struct tf_call *c, const struct member *table, const struct value *planned)
{
    if (value_is_null(c->prior) || planned == c->prior)
        return planned;
    const struct value *proposed = c->proposed;
    for (const struct member *m = table; m->attr; m++) {
        const struct value *old = value_get(c->prior, m->attr), *now = value_get(proposed, m->attr);
        bool configured = !value_is_null(value_get(c->config, m->attr));
        if (!configured || value_is_null(old) || value_is_unknown(now) || !same_value(m, old, now))
            continue;
        planned = tf_with(c, planned, m->attr, old);
        proposed = tf_with(c, proposed, m->attr, old);
    }
    return value_equal(proposed, c->prior) ? c->prior : planned;
}

const char *text_of(const struct value *object, const char *name)
{
    return value_as_text(value_get(object, name), "");
}

/* A version that makes no difference is taken out before everything else is compared. */
static const struct value *without_version(struct tf_call *c, const struct value *planned)
{
    const struct value *configured = value_get(c->config, "engine_version");
    const struct value *old = value_get(c->prior, "engine_version");
    if (configured->kind != VALUE_STRING || value_is_null(old) ||
        version_differs(configured, text_of(c->prior, "engine_version_actual"), newer_only(c)))
        return planned;
    c->proposed = tf_with(c, c->proposed, "engine_version", old);
    return value_equal(c->proposed, c->prior) ? c->prior : tf_with(c, planned, "engine_version", old);
}

const struct value *object_plan_tagged(struct tf_call *c, const struct member *table,
                                       const struct value *planned)
{
    planned = object_plan(c, table, planned);
    if (planned != c->prior && !value_equal(value_get(planned, "tags"), value_get(c->prior, "tags")))
        planned = tf_with(c, planned, "tags_all", &value_unknown);
    return planned;
}

const struct value *object_plan_versioned(struct tf_call *c, const struct member *table,
                                          const struct value *planned)
{
    planned = object_plan_tagged(c, table, without_version(c, planned));
    if (planned != c->prior &&
        !value_equal(value_get(planned, "engine_version"), value_get(c->prior, "engine_version")))
        planned = tf_with(c, planned, "engine_version_actual", &value_unknown);
    return planned;
}

/* ---- requests ---- */

void request_add(struct request *r, const char *name, const char *value)
{
    const struct aws_field field = {name, value};
    if (value)
        ARR_PUSH(r->arena, r->list, r->n, r->cap, field);
}

void request_add_bool(struct request *r, const char *name, bool b)
{
    request_add(r, name, b ? "true" : "false");
}

void request_add_value(struct request *r, const char *name, const struct value *v)
{
    if (v->kind == VALUE_BOOL)
        request_add_bool(r, name, v->boolean);
    else if (v->kind == VALUE_STRING || v->kind == VALUE_NUMBER)
        request_add(r, name, v->text);
    for (size_t i = 0; v->kind == VALUE_LIST && i < v->count; i++)
        request_add(r, arena_printf(r->arena, "%s.%zu", name, i + 1), value_as_text(v->items[i], ""));
}

static void add_member(struct request *r, const struct member *m, const char *name, const struct value *v)
{
    if (!m->only_true || value_as_bool(v, false))
        request_add_value(r, name, v);
}

void object_create(struct request *r, const struct member *table, const struct value *planned)
{
    for (const struct member *m = table; m->attr; m++)
        if (m->create)
            add_member(r, m, m->create, value_get(planned, m->attr));
}

bool object_change(struct request *r, const struct member *table, const struct value *prior,
                   const struct value *planned)
{
    size_t before = r->n;
    for (const struct member *m = table; m->attr; m++) {
        const struct value *old = value_get(prior, m->attr), *now = value_get(planned, m->attr);
        if (!m->change || same_value(m, old, now))
            continue;
        if (m->loose && value_is_null(now) && m->type == TF_BOOL)
            request_add_bool(r, m->change, false);
        else
            request_add_value(r, m->change, now);
    }
    return r->n > before;
}

/* ---- versions ---- */

const struct value *version_state(struct arena *a, const struct value *prior, const char *live,
                                  const char *pending)
{
    const char *old = value_as_text(prior, "");
    size_t n = strlen(old);
    bool kept = n > 0 && (strcmp(old, pending) == 0 || (strncmp(live, old, n) == 0 && live[n] == '.'));
    return kept ? prior : value_string(a, live);
}

bool version_differs(const struct value *configured, const char *actual, bool only_if_newer)
{
    struct version wanted, present;
    const char *text = value_as_text(configured, "");
    if (!only_if_newer || !version_parse(text, &wanted) || !version_parse(actual, &present))
        return true;
    return version_compare(wanted, present) > 0;
}

/* ---- tags ---- */

const struct value *tags_shown(struct arena *a, const struct xml *tag_list)
{
    struct value *tags = value_object(a);
    for (const struct xml *x = NULL; tag_list && (x = xml_child(tag_list, "Tag", x));) {
        const char *key = xml_text(x, "Key", "");
        if (strncmp(key, "aws:", 4) != 0)
            value_set(a, tags, key, value_string(a, xml_text(x, "Value", "")));
    }
    return tags;
}

const struct value *tags_state(struct tf_call *c, const struct value *state, const struct value *shown)
{
    const struct value *old = value_get(state, "tags");
    state = tf_with(c, state, "tags_all", shown);
    return shown->count == 0 && old->count == 0 ? state : tf_with(c, state, "tags", shown);
}

void request_add_tags(struct request *r, const struct value *tags)
{
    for (size_t i = 0; i < tags->count; i++) {
        request_add(r, arena_printf(r->arena, "Tags.Tag.%zu.Key", i + 1), tags->keys[i]);
        request_add(r, arena_printf(r->arena, "Tags.Tag.%zu.Value", i + 1),
                    value_as_text(tags->items[i], ""));
    }
}

bool tags_change(struct tf_call *c, const char *arn, struct err *e)
{
    const struct value *old = value_get(c->prior, "tags"), *now = value_get(c->planned, "tags");
    const struct aws_session s = session_of(c);
    struct request r = {.arena = c->arena};
    const char **gone = ARENA_ARRAY(c->arena, const char *, old->count + 1);
    size_t n = 0;
    if (value_equal(old, now))
        return true;
    for (size_t i = 0; i < old->count; i++)
        if (value_is_null(value_get(now, old->keys[i])))
            gone[n++] = old->keys[i];
    if (n > 0 && !rds_tag_remove(&s, arn, gone, e))
        return err_wrap(e, "remove tags of %s", arn);
    request_add(&r, "ResourceName", arn);
    request_add_tags(&r, now);
    return now->count == 0 || call_rds(c, "AddTagsToResource", &r, NULL, e) || err_wrap(e, "tag %s", arn);
}
