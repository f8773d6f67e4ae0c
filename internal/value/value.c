#include "internal/value/value.h"
#include "internal/value/inside.h"
#include "internal/value/number.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

const struct value value_null = {.kind = VALUE_NULL};
const struct value value_unknown = {.kind = VALUE_UNKNOWN};
const struct value value_true = {.kind = VALUE_BOOL, .boolean = true};
const struct value value_false = {.kind = VALUE_BOOL, .boolean = false};

static struct value *make(struct arena *a, enum value_kind kind)
{
    struct value *v = ARENA_NEW(a, struct value);
    v->kind = kind;
    return v;
}

static const struct value *make_text(struct arena *a, enum value_kind kind, const char *s, size_t n)
{
    struct value *v = make(a, kind);
    v->text = arena_memdup(a, s, n);
    v->size = n;
    return v;
}

const struct value *value_string(struct arena *a, const char *s)
{
    return s ? make_text(a, VALUE_STRING, s, strlen(s)) : &value_null;
}

const struct value *value_string_n(struct arena *a, const char *s, size_t n)
{
    return make_text(a, VALUE_STRING, s, n);
}

const struct value *value_int(struct arena *a, int64_t n)
{
    struct value *v = make(a, VALUE_NUMBER);
    v->text = arena_printf(a, "%" PRId64, n);
    v->size = strlen(v->text);
    return v;
}

const struct value *value_number(struct arena *a, const char *decimal)
{
    struct decimal d;
    if (!decimal || !decimal_parse(str_of(decimal), &d))
        return &value_null;
    return make_text(a, VALUE_NUMBER, decimal, strlen(decimal));
}

const struct value *value_bool(bool b)
{
    return b ? &value_true : &value_false;
}

struct value *value_object(struct arena *a)
{
    return make(a, VALUE_OBJECT);
}

struct value *value_list(struct arena *a)
{
    return make(a, VALUE_LIST);
}

/* Capacity is not stored: an array is full when its count is zero or a power of two from FIRST on. */
static void *room_for_one(struct arena *a, void *old, size_t count)
{
    enum { FIRST = 4 };
    bool full = count == 0 || (count >= FIRST && (count & (count - 1)) == 0);
    if (!full)
        return old;
    void **bigger = ARENA_ARRAY(a, void *, count == 0 ? FIRST : count * 2);
    if (count)
        memcpy(bigger, old, count * sizeof *bigger);
    return bigger;
}

static size_t key_index(const struct value *object, const char *key)
{
    size_t i = 0;
    while (i < object->count && strcmp(object->keys[i], key) != 0)
        i++;
    return i;
}

static const struct value *or_null(const struct value *v)
{
    return v ? v : &value_null;
}

void value_add(struct arena *a, struct value *object, const char *key, const struct value *v)
{
    size_t at = object->count++;
    object->items = room_for_one(a, object->items, at);
    object->keys = room_for_one(a, object->keys, at);
    object->keys[at] = key;
    object->items[at] = or_null(v);
}

void value_set(struct arena *a, struct value *object, const char *key, const struct value *v)
{
    size_t at = key_index(object, key);
    if (at == object->count)
        value_add(a, object, arena_strdup(a, key), v);
    else
        object->items[at] = or_null(v);
}

static int compare_keys(const void *x, const void *y)
{
    return strcmp(*(char *const *)x, *(char *const *)y);
}

const char *keys_duplicate(struct arena *a, const struct value *object)
{
    if (object->kind != VALUE_OBJECT || object->count < 2)
        return NULL;
    const char **sorted = arena_memdup(a, object->keys, object->count * sizeof *sorted);
    qsort(sorted, object->count, sizeof *sorted, compare_keys);
    for (size_t i = 1; i < object->count; i++)
        if (strcmp(sorted[i - 1], sorted[i]) == 0)
            return sorted[i];
    return NULL;
}

void value_append(struct arena *a, struct value *list, const struct value *v)
{
    list->items = room_for_one(a, list->items, list->count);
    list->items[list->count++] = or_null(v);
}

bool value_is_null(const struct value *v)
{
    return !v || v->kind == VALUE_NULL;
}

bool value_is_unknown(const struct value *v)
{
    return v && v->kind == VALUE_UNKNOWN;
}

bool value_has_unknown(const struct value *v)
{
    if (!v)
        return false;
    for (size_t i = 0; i < v->count; i++)
        if (value_has_unknown(v->items[i]))
            return true;
    return v->kind == VALUE_UNKNOWN;
}

const struct value *value_get(const struct value *object, const char *key)
{
    if (!object || object->kind != VALUE_OBJECT)
        return &value_null;
    size_t at = key_index(object, key);
    return at < object->count ? object->items[at] : &value_null;
}

/* The member or element whose name is the `n` bytes at `name`. */
static const struct value *step(const struct value *v, const char *name, size_t n)
{
    if (v && v->kind == VALUE_LIST) {
        char *end;
        unsigned long long at = strtoull(name, &end, 10);
        return end == name + n && at < v->count ? v->items[at] : &value_null;
    }
    for (size_t i = 0; v && v->kind == VALUE_OBJECT && i < v->count; i++)
        if (strncmp(v->keys[i], name, n) == 0 && v->keys[i][n] == '\0')
            return v->items[i];
    return &value_null;
}

const struct value *value_path(const struct value *v, const char *dotted)
{
    for (const char *at = dotted;;) {
        size_t n = strcspn(at, ".");
        v = step(v, at, n);
        if (at[n] == '\0')
            return v;
        at += n + 1;
    }
}

static bool numbers_equal(const struct value *x, const struct value *y)
{
    struct decimal dx, dy;
    return decimal_parse((struct str){x->text, x->size}, &dx) &&
           decimal_parse((struct str){y->text, y->size}, &dy) && decimal_equal(&dx, &dy);
}

static bool items_equal(const struct value *x, const struct value *y)
{
    if (x->count != y->count)
        return false;
    for (size_t i = 0; i < x->count; i++) {
        /* Both sides nearly always have the same order: then no search is needed. */
        size_t j = i;
        if (x->kind == VALUE_OBJECT && strcmp(x->keys[i], y->keys[i]) != 0)
            j = key_index(y, x->keys[i]);
        if (j == y->count || !value_equal(x->items[i], y->items[j]))
            return false;
    }
    return true;
}

bool value_equal(const struct value *x, const struct value *y)
{
    x = or_null(x);
    y = or_null(y);
    if (x == y)
        return true;
    if (x->kind != y->kind)
        return false;
    switch (x->kind) {
    case VALUE_NULL:
    case VALUE_UNKNOWN:
        return true;
    case VALUE_BOOL:
        return x->boolean == y->boolean;
    case VALUE_STRING:
        return x->size == y->size && memcmp(x->text, y->text, x->size) == 0;
    case VALUE_NUMBER:
        return numbers_equal(x, y);
    case VALUE_LIST:
    case VALUE_OBJECT:
        return items_equal(x, y);
    }
    return false;
}

const char *value_as_text(const struct value *v, const char *otherwise)
{
    return v && v->kind == VALUE_STRING ? v->text : otherwise;
}

bool value_as_bool(const struct value *v, bool otherwise)
{
    return v && v->kind == VALUE_BOOL ? v->boolean : otherwise;
}

int64_t value_as_int(const struct value *v, int64_t otherwise)
{
    struct decimal d;
    int64_t n;
    bool is_int = v && v->kind == VALUE_NUMBER && decimal_parse((struct str){v->text, v->size}, &d) &&
                  decimal_to_int64(&d, &n);
    return is_int ? n : otherwise;
}
