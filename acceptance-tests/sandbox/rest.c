#include "acceptance-tests/sandbox/rest.h"

#include "acceptance-tests/sandbox/request.h"
#include "internal/value/xml.h"

#include <string.h>

/* ---- paths ---- */

static struct str without_slash(struct str path)
{
    if (path.n > 1 && path.p[path.n - 1] == '/')
        path.n--;
    return path;
}

bool rest_is(struct arena *a, const struct op *op, const struct http_request *r, const char **ret_id)
{
    struct str path = without_slash(r->path);
    const char *hole = op->path ? strstr(op->path, "{Id}") : NULL;
    if (!op->path || strcmp(op->method, r->method) != 0)
        return false;
    *ret_id = "";
    if (!hole)
        return str_is(path, op->path);
    size_t before = (size_t)(hole - op->path), after = strlen(hole + 4);
    if (path.n <= before + after || memcmp(path.p, op->path, before) != 0 ||
        memcmp(path.p + path.n - after, hole + 4, after) != 0)
        return false;
    struct str id = {path.p + before, path.n - before - after};
    return !memchr(id.p, '/', id.n) && percent_decode(a, id, false, ret_id);
}

/* ---- bodies ---- */

static bool bind_fields(const struct xml *x, const struct member *rows, json_t *out, struct fault *f);

static bool invalid(struct fault *f, const char *what, const char *name)
{
    return fault_set(f, "InvalidInput", "Invalid XML ; %s '%.100s'.", what, name);
}

static json_t *bind_list(const struct xml *x, const struct member *row, struct fault *f)
{
    json_t *list = json_array();
    for (const struct xml *e = NULL; (e = xml_child(x, NULL, e));) {
        json_t *item = json_object();
        bool ok = strcmp(e->name, row->element) == 0 && json_array_size(list) < LIST_ITEMS_MAX;
        if (!ok)
            (void)invalid(f, "cvc-complex-type.2.4.a: Invalid content was found starting with element",
                          e->name);
        ok = ok && bind_fields(e, row->fields, item, f);
        (void)json_array_append_new(list, item);
        if (ok)
            continue;
        json_decref(list);
        return NULL;
    }
    return list;
}

static json_t *bind_struct(const struct xml *x, const struct member *row, struct fault *f)
{
    json_t *object = json_object();
    if (bind_fields(x, row->fields, object, f))
        return object;
    json_decref(object);
    return NULL;
}

static json_t *bind_text(const struct xml *x, const struct member *row, struct fault *f)
{
    json_t *value = x->first ? NULL : scalar_parse(x->text, row->kind);
    if (!value)
        (void)invalid(f, "cvc-datatype-valid.1.2.1: not a valid value for", row->name);
    return value;
}

static json_t *bind_one(const struct xml *x, const struct member *row, struct fault *f)
{
    return row->kind == SHAPE_LIST     ? bind_list(x, row, f)
           : row->kind == SHAPE_STRUCT ? bind_struct(x, row, f)
                                       : bind_text(x, row, f);
}

static const struct member *row_named(const struct member *rows, const char *name)
{
    for (; rows->kind != SHAPE_END; rows++)
        if (strcmp(rows->name, name) == 0)
            return rows;
    return NULL;
}

static bool bind_fields(const struct xml *x, const struct member *rows, json_t *out, struct fault *f)
{
    for (const struct xml *e = NULL; (e = xml_child(x, NULL, e));) {
        const struct member *row = row_named(rows, e->name);
        if (!row || json_object_get(out, e->name))
            return invalid(f, "cvc-complex-type.2.4.a: Invalid content was found starting with element",
                           e->name);
        json_t *value = bind_one(e, row, f);
        if (!value)
            return false;
        (void)json_object_set_new(out, row->name, value);
    }
    for (; rows->kind != SHAPE_END; rows++)
        if (rows->required && !json_object_get(out, rows->name))
            return invalid(f, "cvc-complex-type.2.4.b: The content is not complete; expected is", rows->name);
    return true;
}

static bool bind_body(struct call *c, struct str body)
{
    const struct xml *root = NULL;
    struct err e = ERR_INIT;
    if (!xml_parse(c->arena, body, &root, &e))
        return fault_set(&c->fault, "InvalidInput", "Invalid XML ; %s", e.text);
    if (strcmp(root->name, c->op->body) != 0)
        return invalid(&c->fault, "cvc-elt.1: Cannot find the declaration of element", root->name);
    c->in = json_object();
    return bind_fields(root, c->op->in, c->in, &c->fault);
}

bool rest_bind(struct call *c, const struct http_request *r, const char *id)
{
    struct form form = {0};
    bool ok = c->op->body ? bind_body(c, r->body)
                          : form_parse(c->arena, r->query, &form, &c->fault) &&
                                form_bind(&form, c->op->in, &c->in, &c->fault);
    if (ok && *id)
        rec_set_str(c->in, "Id", id);
    return ok;
}
