#include "internal/tf/inside.h"

#include <string.h>

/* ---- types ---- */

static const struct type string_type = {.kind = TYPE_STRING};
static const struct type simple_types[] = {
    [TF_STRING] = {.kind = TYPE_STRING},
    [TF_NUMBER] = {.kind = TYPE_NUMBER},
    [TF_BOOL] = {.kind = TYPE_BOOL},
    [TF_STRING_LIST] = {.kind = TYPE_LIST, .element = &string_type},
    [TF_STRING_SET] = {.kind = TYPE_SET, .element = &string_type},
    [TF_STRING_MAP] = {.kind = TYPE_MAP, .element = &string_type},
    [TF_DYNAMIC] = {.kind = TYPE_DYNAMIC},
};

static const struct type *list_of(struct arena *a, const struct type *element)
{
    struct type *t = ARENA_NEW(a, struct type);
    t->kind = TYPE_LIST;
    t->element = element;
    return t;
}

size_t count_attrs(const struct tf_attr *attrs)
{
    size_t n = 0;
    while (attrs && attrs[n].name)
        n++;
    return n;
}

size_t count_blocks(const struct tf_block *blocks)
{
    size_t n = 0;
    while (blocks && blocks[n].name)
        n++;
    return n;
}

static const struct type *object_of(struct arena *a, const struct tf_attr *attrs,
                                    const struct tf_block *blocks)
{
    struct type *t = ARENA_NEW(a, struct type);
    t->kind = TYPE_OBJECT;
    t->names = ARENA_ARRAY(a, const char *, count_attrs(attrs) + count_blocks(blocks));
    t->types = ARENA_ARRAY(a, const struct type *, count_attrs(attrs) + count_blocks(blocks));
    for (const struct tf_attr *attr = attrs; attr && attr->name; attr++) {
        t->names[t->count] = attr->name;
        t->types[t->count++] = type_of(a, attr->type, attr->nested);
    }
    for (const struct tf_block *b = blocks; b && b->name; b++) {
        const struct type *inner = object_of(a, b->attrs, b->blocks);
        t->names[t->count] = b->name;
        t->types[t->count++] = b->is_list ? list_of(a, inner) : inner;
    }
    return t;
}

const struct type *type_of(struct arena *a, enum tf_type type, const struct tf_attr *nested)
{
    if (type == TF_OBJECT)
        return object_of(a, nested, NULL);
    return type == TF_OBJECT_LIST ? list_of(a, object_of(a, nested, NULL)) : &simple_types[type];
}

const struct type *type_of_schema(struct arena *a, const struct tf_schema *s)
{
    return object_of(a, s->attrs, s->blocks);
}

/* ---- places ---- */

static void write_place(const struct place *p, struct buf *out)
{
    if (!p)
        return;
    write_place(p->up, out);
    if (out->n > 0)
        (void)buf_puts(out, ".");
    if (p->name)
        (void)buf_puts(out, p->name);
    else
        (void)buf_printf(out, "%zu", p->index);
}

const char *place_text(struct arena *a, const struct place *p)
{
    enum { PLACE_MAX = 4096 };
    struct buf out CLEANUP(buf_done) = BUF_INIT(PLACE_MAX);
    write_place(p, &out);
    return arena_strdup(a, buf_text(&out));
}

/* ---- results ---- */

struct shaper {
    struct exchange *x;
    bool unknown_allowed;
};

static void blame(struct shaper *s, const struct place *at, const char *what)
{
    const char *path = place_text(s->x->call.arena, at);
    tf_error(&s->x->call, path, "AUR0890: provider bug: a result does not fit the schema",
             "%s: %s. The value was left out; everything else was kept.", path[0] ? path : "the result",
             what);
}

static const struct value *without_unknown(struct arena *a, const struct value *v)
{
    if (value_is_unknown(v))
        return &value_null;
    if (!value_has_unknown(v))
        return v;
    struct value *copy = v->kind == VALUE_LIST ? value_list(a) : value_object(a);
    for (size_t i = 0; i < v->count; i++) {
        const struct value *item = without_unknown(a, v->items[i]);
        if (v->kind == VALUE_LIST)
            value_append(a, copy, item);
        else
            value_set(a, copy, v->keys[i], item);
    }
    return copy;
}

static const struct value *shape_object(struct shaper *s, const struct tf_attr *attrs,
                                        const struct tf_block *blocks, const struct value *v,
                                        const struct place *at);

/* One object, or a list of them. */
static const struct value *shape_nested(struct shaper *s, const struct tf_attr *attrs,
                                        const struct tf_block *blocks, bool is_list, const struct value *v,
                                        const struct place *at)
{
    if (v->kind != (is_list ? VALUE_LIST : VALUE_OBJECT)) {
        blame(s, at, is_list ? "a list of objects is required" : "an object is required");
        return &value_null;
    }
    if (!is_list)
        return shape_object(s, attrs, blocks, v, at);
    struct value *list = value_list(s->x->call.arena);
    for (size_t i = 0; i < v->count; i++) {
        const struct place here = {.up = at, .index = i};
        bool is_object = v->items[i]->kind == VALUE_OBJECT;
        if (!is_object)
            blame(s, &here, "an object is required");
        value_append(s->x->call.arena, list,
                     shape_object(s, attrs, blocks, is_object ? v->items[i] : &value_null, &here));
    }
    return list;
}

static const struct value *shape_attr(struct shaper *s, const struct tf_attr *attr, const struct value *v,
                                      const struct place *at)
{
    struct err e = ERR_INIT;
    const struct value *fitting;
    struct arena *a = s->x->call.arena;
    if (attr->flags & TF_WRITE_ONLY || value_is_null(v))
        return &value_null;
    if (value_is_unknown(v) && s->unknown_allowed)
        return v;
    if (value_is_unknown(v)) {
        blame(s, at, "still unknown after the work was done");
        return &value_null;
    }
    if (attr->nested)
        return shape_nested(s, attr->nested, NULL, attr->type == TF_OBJECT_LIST, v, at);
    if (!value_conform(a, v, type_of(a, attr->type, NULL), &fitting, &e)) {
        blame(s, at, e.text);
        return &value_null;
    }
    if (value_has_unknown(fitting) && !s->unknown_allowed) {
        blame(s, at, "still partly unknown after the work was done");
        return without_unknown(a, fitting);
    }
    return fitting;
}

static const struct value *shape_block(struct shaper *s, const struct tf_block *b, const struct value *v,
                                       const struct place *at)
{
    const struct value *none = b->is_list ? value_list(s->x->call.arena) : &value_null;
    if (value_is_null(v))
        return none;
    if (value_is_unknown(v)) {
        if (s->unknown_allowed)
            return v;
        blame(s, at, "still unknown after the work was done");
        return none;
    }
    const struct value *shaped = shape_nested(s, b->attrs, b->blocks, b->is_list, v, at);
    return value_is_null(shaped) ? none : shaped;
}

static const struct value *shape_object(struct shaper *s, const struct tf_attr *attrs,
                                        const struct tf_block *blocks, const struct value *v,
                                        const struct place *at)
{
    struct arena *a = s->x->call.arena;
    struct value *shaped = value_object(a);
    for (const struct tf_attr *attr = attrs; attr && attr->name; attr++) {
        const struct place here = {.up = at, .name = attr->name};
        value_set(a, shaped, attr->name, shape_attr(s, attr, value_get(v, attr->name), &here));
    }
    for (const struct tf_block *b = blocks; b && b->name; b++) {
        const struct place here = {.up = at, .name = b->name};
        value_set(a, shaped, b->name, shape_block(s, b, value_get(v, b->name), &here));
    }
    size_t known = shaped->count;
    for (size_t i = 0; i < v->count; i++) {
        const struct place here = {.up = at, .name = v->keys ? v->keys[i] : ""};
        size_t j = 0;
        while (j < known && strcmp(shaped->keys[j], here.name) != 0)
            j++;
        if (j == known)
            blame(s, &here, "the schema has no such attribute");
    }
    return shaped;
}

const struct value *shape_result(struct exchange *x, const struct value *v, bool unknown_allowed)
{
    struct shaper s = {.x = x, .unknown_allowed = unknown_allowed};
    if (v->kind != VALUE_OBJECT) {
        blame(&s, NULL, "an object is required");
        return &value_null;
    }
    return shape_object(&s, x->schema->attrs, x->schema->blocks, v, NULL);
}
