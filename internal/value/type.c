#include "internal/value/inside.h"
#include "internal/value/msgpack.h"
#include "internal/value/number.h"

#include <string.h>

static const struct type type_string = {.kind = TYPE_STRING};
static const struct type type_number = {.kind = TYPE_NUMBER};
static const struct type type_bool = {.kind = TYPE_BOOL};
static const struct type type_dynamic = {.kind = TYPE_DYNAMIC};

static const struct {
    const char *word;
    const struct type *simple; /* NULL: the word begins an array */
} words[] = {
    [TYPE_STRING] = {"string", &type_string},
    [TYPE_NUMBER] = {"number", &type_number},
    [TYPE_BOOL] = {"bool", &type_bool},
    [TYPE_DYNAMIC] = {"dynamic", &type_dynamic},
    [TYPE_LIST] = {"list", NULL},
    [TYPE_SET] = {"set", NULL},
    [TYPE_MAP] = {"map", NULL},
    [TYPE_OBJECT] = {"object", NULL},
    [TYPE_TUPLE] = {"tuple", NULL},
};

static bool from_value(struct arena *a, const struct value *v, const struct type **ret, struct err *e);

static bool members_from_value(struct arena *a, const struct value *v, struct type *t, struct err *e)
{
    t->count = v->count;
    t->names = v->keys;
    t->types = ARENA_ARRAY(a, const struct type *, v->count);
    for (size_t i = 0; i < v->count; i++)
        if (!from_value(a, v->items[i], &t->types[i], e))
            return false;
    return true;
}

/* ["list",T], ["object",{…}], ["tuple",[…]]; the list of optional attributes some objects have is ignored. */
static bool complex_from_value(struct arena *a, const struct value *v, const struct type **ret, struct err *e)
{
    const char *word = v->kind == VALUE_LIST && v->count >= 2 ? value_as_text(v->items[0], "") : "";
    struct type *t = ARENA_NEW(a, struct type);
    t->kind = TYPE_LIST;
    while (t->kind <= TYPE_TUPLE && strcmp(words[t->kind].word, word) != 0)
        t->kind++;
    bool is_object = t->kind == TYPE_OBJECT;
    bool has_members = (is_object && v->items[1]->kind == VALUE_OBJECT) ||
                       (t->kind == TYPE_TUPLE && v->items[1]->kind == VALUE_LIST);
    bool has_element = t->kind < TYPE_OBJECT;
    if ((!has_members && !has_element) || v->count > (is_object ? 3 : 2))
        return err_set(e, ERR_INVALID, "not a type constraint");
    if (has_element ? !from_value(a, v->items[1], &t->element, e) : !members_from_value(a, v->items[1], t, e))
        return false;
    *ret = t;
    return true;
}

static bool from_value(struct arena *a, const struct value *v, const struct type **ret, struct err *e)
{
    const char *word = value_as_text(v, NULL);
    if (!word)
        return complex_from_value(a, v, ret, e);
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        if (words[i].simple && strcmp(words[i].word, word) == 0) {
            *ret = words[i].simple;
            return true;
        }
    }
    return err_set(e, ERR_INVALID, "\"%s\" is not a type", word);
}

bool type_from_json(struct arena *a, struct str json, const struct type **ret, struct err *e)
{
    const struct value *v;
    return (value_from_json(a, json, &v, e) && from_value(a, v, ret, e)) || err_wrap(e, "type constraint");
}

void type_to_json(const struct type *t, struct buf *out)
{
    if (words[t->kind].simple) {
        (void)buf_printf(out, "\"%s\"", words[t->kind].word);
        return;
    }
    (void)buf_printf(out, "[\"%s\",", words[t->kind].word);
    if (t->element)
        type_to_json(t->element, out);
    else
        (void)buf_puts(out, t->kind == TYPE_OBJECT ? "{" : "[");
    for (size_t i = 0; i < t->count; i++) {
        if (i > 0)
            (void)buf_puts(out, ",");
        if (t->kind == TYPE_OBJECT) {
            json_write_text(out, t->names[i], strlen(t->names[i]));
            (void)buf_puts(out, ":");
        }
        type_to_json(t->types[i], out);
    }
    if (!t->element)
        (void)buf_puts(out, t->kind == TYPE_OBJECT ? "}" : "]");
    (void)buf_puts(out, "]");
}

/* ---- giving a value that came as JSON the shape of its type ---- */

static const struct value *text_to_bool(const struct value *v)
{
    const char *text = value_as_text(v, "");
    return strcmp(text, "true") == 0 ? &value_true : strcmp(text, "false") == 0 ? &value_false : NULL;
}

/* The conversions that core makes itself when it reads a state file; NULL: not one of them. */
static const struct value *convert(struct arena *a, const struct value *v, enum type_kind kind)
{
    bool is_text = v->kind == VALUE_STRING, is_number = v->kind == VALUE_NUMBER,
         is_bool = v->kind == VALUE_BOOL;
    if (kind == TYPE_STRING && is_number)
        return value_string_n(a, v->text, v->size);
    if (kind == TYPE_STRING && is_bool)
        return value_string(a, v->boolean ? "true" : "false");
    if (kind == TYPE_NUMBER && is_text) {
        const struct value *n = strlen(v->text) == v->size ? value_number(a, v->text) : NULL;
        return value_is_null(n) ? NULL : n;
    }
    if (kind == TYPE_BOOL && is_text)
        return text_to_bool(v);
    bool same = kind == TYPE_STRING ? is_text : kind == TYPE_NUMBER ? is_number : is_bool;
    return same ? v : NULL;
}

static bool conform_elements(struct arena *a, const struct value *v, const struct type *t,
                             const struct value **ret, struct err *e)
{
    enum value_kind wanted = t->kind == TYPE_MAP ? VALUE_OBJECT : VALUE_LIST;
    if (v->kind != wanted || (t->kind == TYPE_TUPLE && v->count != t->count))
        return err_set(e, ERR_INVALID, "a %s is required", words[t->kind].word);
    struct value *shaped = wanted == VALUE_LIST ? value_list(a) : value_object(a);
    for (size_t i = 0; i < v->count; i++) {
        const struct value *item;
        if (!value_conform(a, v->items[i], t->kind == TYPE_TUPLE ? t->types[i] : t->element, &item, e))
            return wanted == VALUE_LIST ? err_wrap(e, "element %zu", i) : err_wrap(e, "%s", v->keys[i]);
        if (wanted == VALUE_LIST)
            value_append(a, shaped, item);
        else
            value_add(a, shaped, v->keys[i], item);
    }
    *ret = shaped;
    return true;
}

static bool object_has(const struct type *t, const char *name)
{
    for (size_t i = 0; i < t->count; i++)
        if (strcmp(t->names[i], name) == 0)
            return true;
    return false;
}

static bool conform_object(struct arena *a, const struct value *v, const struct type *t,
                           const struct value **ret, struct err *e)
{
    if (v->kind != VALUE_OBJECT)
        return err_set(e, ERR_INVALID, "an object is required");
    for (size_t i = 0; i < v->count; i++)
        if (!object_has(t, v->keys[i]))
            return err_set(e, ERR_INVALID, "unsupported attribute \"%s\"", v->keys[i]);
    struct value *shaped = value_object(a);
    shaped->keys = ARENA_ARRAY(a, const char *, t->count);
    shaped->items = ARENA_ARRAY(a, const struct value *, t->count);
    for (size_t i = 0; i < t->count; i++) {
        shaped->keys[i] = t->names[i];
        if (!value_conform(a, value_get(v, t->names[i]), t->types[i], &shaped->items[i], e))
            return err_wrap(e, "%s", t->names[i]);
    }
    shaped->count = t->count;
    *ret = shaped;
    return true;
}

/* {"value":…,"type":…} */
static bool conform_dynamic(struct arena *a, const struct value *v, const struct value **ret, struct err *e)
{
    const struct type *t;
    const struct value *type = value_get(v, "type");
    if (v->kind != VALUE_OBJECT || v->count != 2 || value_is_null(type))
        return err_set(e, ERR_INVALID, "a dynamic value needs \"value\" and \"type\"");
    return from_value(a, type, &t, e) && value_conform(a, value_get(v, "value"), t, ret, e);
}

bool value_conform(struct arena *a, const struct value *v, const struct type *t, const struct value **ret,
                   struct err *e)
{
    if (value_is_null(v) || value_is_unknown(v)) {
        *ret = v ? v : &value_null;
        return true;
    }
    switch (t->kind) {
    case TYPE_OBJECT:
        return conform_object(a, v, t, ret, e);
    case TYPE_DYNAMIC:
        return conform_dynamic(a, v, ret, e);
    case TYPE_STRING:
    case TYPE_NUMBER:
    case TYPE_BOOL: {
        const struct value *converted = convert(a, v, t->kind);
        if (!converted)
            return err_set(e, ERR_INVALID, "a %s is required", words[t->kind].word);
        *ret = converted;
        return true;
    }
    default:
        return conform_elements(a, v, t, ret, e);
    }
}
