#include "acceptance-tests/sandbox/change.h"

#include <stdlib.h>
#include <string.h>

/* Where a value stands: a way from the inside to the outside. */
struct place {
    const struct place *in; /* NULL: in the document itself */
    const char *key;        /* NULL: an element */
    size_t index;
};

static bool same_text(const json_t *a, const json_t *b)
{
    size_t n = json_string_length(a);
    return n == json_string_length(b) && memcmp(json_string_value(a), json_string_value(b), n) == 0;
}

static bool same_key(void *a, void *b)
{
    return strcmp(json_object_iter_key(a), json_object_iter_key(b)) == 0;
}

static bool same(json_t *a, json_t *b);

/* Members mostly stand in the same order, which saves looking each one up. */
static bool same_objects(json_t *a, json_t *b)
{
    void *x = json_object_iter(a), *y = json_object_iter(b);
    if (json_object_size(a) != json_object_size(b))
        return false;
    for (; x && y; x = json_object_iter_next(a, x), y = json_object_iter_next(b, y)) {
        if (!same_key(x, y))
            return json_equal(a, b);
        if (!same(json_object_iter_value(x), json_object_iter_value(y)))
            return false;
    }
    return true;
}

static bool same_arrays(json_t *a, json_t *b)
{
    size_t n = json_array_size(a);
    bool all = n == json_array_size(b);
    for (size_t i = 0; all && i < n; i++)
        all = same(json_array_get(a, i), json_array_get(b, i));
    return all;
}

static bool same(json_t *a, json_t *b)
{
    if (a == b)
        return true;
    if (json_typeof(a) != json_typeof(b))
        return false;
    switch (json_typeof(a)) {
    case JSON_OBJECT:
        return same_objects(a, b);
    case JSON_ARRAY:
        return same_arrays(a, b);
    case JSON_STRING:
        return same_text(a, b);
    default:
        return json_equal(a, b) != 0;
    }
}

static json_t *path_of(const struct place *p)
{
    json_t *path = p->in ? path_of(p->in) : json_array();
    (void)json_array_append_new(path, p->key ? json_string(p->key) : json_integer((json_int_t)p->index));
    return path;
}

static json_t *copy_object(json_t *from)
{
    json_t *to = json_object();
    for (void *i = json_object_iter(from); i; i = json_object_iter_next(from, i))
        if (json_object_set_new_nocheck(to, json_object_iter_key(i),
                                        change_copy(json_object_iter_value(i))) != 0)
            abort();
    return to;
}

static json_t *copy_array(json_t *from)
{
    json_t *to = json_array();
    for (size_t i = 0; i < json_array_size(from); i++)
        if (json_array_append_new(to, change_copy(json_array_get(from, i))) != 0)
            abort();
    return to;
}

json_t *change_copy(json_t *value)
{
    if (json_is_object(value))
        return copy_object(value);
    return json_is_array(value) ? copy_array(value) : json_incref(value);
}

/* `value` is copied, because the document it stands in goes on changing; NULL: none. */
static void note(json_t *changes, const char *what, const struct place *p, json_t *value)
{
    json_t *change = json_array();
    (void)json_array_append_new(change, json_string(what));
    (void)json_array_append_new(change, path_of(p));
    if (value)
        (void)json_array_append_new(change, change_copy(value));
    if (!change || json_array_append_new(changes, change) != 0)
        abort();
}

static void find(json_t *before, json_t *after, const struct place *at, json_t *changes);

static void find_in_objects(json_t *before, json_t *after, const struct place *in, json_t *changes)
{
    void *b = json_object_iter(before), *a = json_object_iter(after);
    for (; a && b && same_key(a, b);
         a = json_object_iter_next(after, a), b = json_object_iter_next(before, b)) {
        struct place at = {in, json_object_iter_key(a), 0};
        find(json_object_iter_value(b), json_object_iter_value(a), &at, changes);
    }
    for (; a; a = json_object_iter_next(after, a)) { /* out of step: by name from here on */
        struct place at = {in, json_object_iter_key(a), 0};
        json_t *was = json_object_get(before, at.key);
        if (was)
            find(was, json_object_iter_value(a), &at, changes);
        else
            note(changes, "set", &at, json_object_iter_value(a));
    }
    for (; b; b = json_object_iter_next(before, b)) {
        struct place at = {in, json_object_iter_key(b), 0};
        if (!json_object_get(after, at.key))
            note(changes, "cut", &at, NULL);
    }
}

/* Whether the element stands in the list a few places behind `from`. */
static bool stands_ahead(const json_t *list, size_t from, json_t *element)
{
    enum { FEW = 8 };
    bool found = false;
    for (size_t i = from + 1; !found && i <= from + FEW && i < json_array_size(list); i++)
        found = same(json_array_get(list, i), element);
    return found;
}

/* In step, with a look ahead, so that what comes or goes anywhere is one change. Up to j the
 * changed list is as it will be, from there on it is what was from i on. */
static void find_in_arrays(json_t *before, json_t *after, const struct place *in, json_t *changes)
{
    size_t was = json_array_size(before), is = json_array_size(after), i = 0, j = 0;
    while (i < was || j < is) {
        struct place at = {in, NULL, j};
        json_t *b = json_array_get(before, i), *a = json_array_get(after, j); /* NULL: at the end */
        if (b && a && same(b, a)) {
            i++, j++;
        } else if (b && (!a || stands_ahead(before, i, a))) {
            note(changes, "cut", &at, NULL);
            i++;
        } else if (a && (!b || stands_ahead(after, j, b))) {
            note(changes, "add", &at, a);
            j++;
        } else {
            find(b, a, &at, changes);
            i++, j++;
        }
    }
}

static void find(json_t *before, json_t *after, const struct place *at, json_t *changes)
{
    if (json_is_object(before) && json_is_object(after))
        find_in_objects(before, after, at, changes);
    else if (json_is_array(before) && json_is_array(after))
        find_in_arrays(before, after, at, changes);
    else if (!same(before, after))
        note(changes, "set", at, after);
}

json_t *change_find(json_t *before, json_t *after)
{
    json_t *changes = json_array();
    if (!changes)
        abort();
    find_in_objects(before, after, NULL, changes);
    return changes;
}

/* ---- playing back ---- */

static json_t *child(const json_t *in, const json_t *step)
{
    if (json_is_string(step))
        return json_object_get(in, json_string_value(step));
    json_int_t index = json_integer_value(step);
    return json_is_integer(step) && index >= 0 ? json_array_get(in, (size_t)index) : NULL;
}

/* The object or array that the path's last step is taken in. */
static json_t *parent(json_t *document, const json_t *path)
{
    json_t *in = document;
    for (size_t i = 0; in && i + 1 < json_array_size(path); i++)
        in = child(in, json_array_get(path, i));
    return in;
}

static bool set_member(json_t *in, const char *what, const char *key, json_t *value)
{
    if (strcmp(what, "set") == 0)
        return value && json_object_set(in, key, value) == 0;
    return strcmp(what, "cut") == 0 && !value && json_object_del(in, key) == 0;
}

static bool set_element(json_t *in, const char *what, json_int_t index, json_t *value)
{
    size_t at = (size_t)index, n = json_array_size(in);
    if (index < 0 || at > n)
        return false;
    if (strcmp(what, "set") == 0)
        return value && json_array_set(in, at, value) == 0;
    if (strcmp(what, "add") == 0)
        return value && json_array_insert(in, at, value) == 0;
    return strcmp(what, "cut") == 0 && !value && json_array_remove(in, at) == 0;
}

static bool apply_one(json_t *document, const json_t *change)
{
    const char *what = json_string_value(json_array_get(change, 0));
    const json_t *path = json_array_get(change, 1);
    json_t *value = json_array_get(change, 2), *in = parent(document, path);
    size_t depth = json_array_size(path);
    if (!what || json_array_size(change) > 3 || depth == 0)
        return false;
    const json_t *last = json_array_get(path, depth - 1);
    if (json_is_object(in) && json_is_string(last))
        return set_member(in, what, json_string_value(last), value);
    return json_is_array(in) && json_is_integer(last) &&
           set_element(in, what, json_integer_value(last), value);
}

bool change_apply(json_t *document, const json_t *changes, struct err *e)
{
    size_t i;
    json_t *change;
    if (!json_is_array(changes))
        return err_set(e, ERR_INVALID, "there is no list of changes");
    json_array_foreach(changes, i, change)
    {
        if (!apply_one(document, change))
            return err_set(e, ERR_INVALID, "change %zu does not fit", i + 1);
    }
    return true;
}
