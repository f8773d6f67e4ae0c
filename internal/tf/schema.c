#include "internal/tf/inside.h"

#include <string.h>

static ProtobufCBinaryData type_json(struct arena *a, const struct type *t)
{
    enum { TYPE_JSON_MAX = 1024 * 1024 };
    struct buf json CLEANUP(buf_done) = BUF_INIT(TYPE_JSON_MAX);
    type_to_json(t, &json);
    return wire_data((struct str){arena_memdup(a, json.p, json.n), json.n});
}

const char *attr_doc(struct arena *a, const struct tf_attr *attr)
{
    enum { DOC_MAX = 16 * 1024 };
    struct buf doc CLEANUP(buf_done) = BUF_INIT(DOC_MAX);
    (void)buf_puts(&doc, attr->doc ? attr->doc : "");
    for (const char *const *one = attr->one_of; one && *one; one++)
        (void)buf_printf(&doc, "%s`%s`%s", one == attr->one_of ? " One of " : "", *one, one[1] ? ", " : ".");
    if (attr->otherwise)
        (void)buf_printf(&doc, " Default `%s`.", attr->otherwise);
    return arena_strdup(a, buf_text(&doc));
}

static Tfplugin6__Schema__Attribute **attributes(struct arena *a, const struct tf_attr *attrs);

static Tfplugin6__Schema__Object *object(struct arena *a, const struct tf_attr *attr)
{
    Tfplugin6__Schema__Object *o = WIRE_NEW(a, Schema__Object, schema__object);
    o->n_attributes = count_attrs(attr->nested);
    o->attributes = attributes(a, attr->nested);
    o->nesting = attr->type == TF_OBJECT ? TFPLUGIN6__SCHEMA__OBJECT__NESTING_MODE__SINGLE
                                         : TFPLUGIN6__SCHEMA__OBJECT__NESTING_MODE__LIST;
    return o;
}

static Tfplugin6__Schema__Attribute *attribute(struct arena *a, const struct tf_attr *attr)
{
    Tfplugin6__Schema__Attribute *m = WIRE_NEW(a, Schema__Attribute, schema__attribute);
    m->name = (char *)attr->name;
    if (attr->type == TF_OBJECT || attr->type == TF_OBJECT_LIST)
        m->nested_type = object(a, attr);
    else
        m->type = type_json(a, type_of(a, attr->type, NULL));
    m->description = wire_text(a, attr_doc(a, attr));
    m->description_kind = TFPLUGIN6__STRING_KIND__MARKDOWN;
    m->required = (attr->flags & TF_REQUIRED) != 0;
    m->optional = (attr->flags & TF_OPTIONAL) != 0;
    m->computed = (attr->flags & TF_COMPUTED) != 0;
    m->sensitive = (attr->flags & TF_SENSITIVE) != 0;
    m->write_only = (attr->flags & TF_WRITE_ONLY) != 0;
    return m;
}

static Tfplugin6__Schema__Attribute **attributes(struct arena *a, const struct tf_attr *attrs)
{
    size_t n = count_attrs(attrs);
    Tfplugin6__Schema__Attribute **list = ARENA_ARRAY(a, Tfplugin6__Schema__Attribute *, n);
    for (size_t i = 0; i < n; i++)
        list[i] = attribute(a, &attrs[i]);
    return list;
}

static Tfplugin6__Schema__Block *block(struct arena *a, const struct tf_attr *attrs,
                                       const struct tf_block *blocks, const char *doc);

static Tfplugin6__Schema__NestedBlock *nested_block(struct arena *a, const struct tf_block *b)
{
    Tfplugin6__Schema__NestedBlock *m = WIRE_NEW(a, Schema__NestedBlock, schema__nested_block);
    m->type_name = (char *)b->name;
    m->block = block(a, b->attrs, b->blocks, b->doc);
    m->nesting = b->is_list ? TFPLUGIN6__SCHEMA__NESTED_BLOCK__NESTING_MODE__LIST
                            : TFPLUGIN6__SCHEMA__NESTED_BLOCK__NESTING_MODE__SINGLE;
    return m;
}

static Tfplugin6__Schema__Block *block(struct arena *a, const struct tf_attr *attrs,
                                       const struct tf_block *blocks, const char *doc)
{
    Tfplugin6__Schema__Block *m = WIRE_NEW(a, Schema__Block, schema__block);
    m->n_attributes = count_attrs(attrs);
    m->attributes = attributes(a, attrs);
    size_t cap = 0;
    for (const struct tf_block *b = blocks; b && b->name; b++)
        ARR_PUSH(a, m->block_types, m->n_block_types, cap, nested_block(a, b));
    m->description = wire_text(a, doc);
    m->description_kind = TFPLUGIN6__STRING_KIND__MARKDOWN;
    return m;
}

Tfplugin6__Schema *schema_message(struct arena *a, const struct tf_schema *s)
{
    Tfplugin6__Schema *m = WIRE_NEW(a, Schema, schema);
    m->version = s->version;
    m->block = block(a, s->attrs, s->blocks, s->doc);
    return m;
}

static Tfplugin6__Function__Parameter *parameter(struct arena *a, const struct tf_attr *p)
{
    Tfplugin6__Function__Parameter *m = WIRE_NEW(a, Function__Parameter, function__parameter);
    m->name = (char *)p->name;
    m->type = type_json(a, type_of(a, p->type, p->nested));
    m->description = wire_text(a, attr_doc(a, p));
    m->description_kind = TFPLUGIN6__STRING_KIND__MARKDOWN;
    return m;
}

Tfplugin6__Function *function_message(struct arena *a, const struct tf_function *f)
{
    Tfplugin6__Function *m = WIRE_NEW(a, Function, function);
    size_t cap = 0;
    for (const struct tf_attr *p = f->params; p && p->name; p++)
        ARR_PUSH(a, m->parameters, m->n_parameters, cap, parameter(a, p));
    m->return_ = WIRE_NEW(a, Function__Return, function__return);
    m->return_->type = type_json(a, type_of(a, f->returns, NULL));
    m->summary = wire_text(a, f->summary);
    m->description = wire_text(a, f->doc);
    m->description_kind = TFPLUGIN6__STRING_KIND__MARKDOWN;
    return m;
}
