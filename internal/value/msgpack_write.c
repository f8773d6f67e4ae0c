#include "internal/value/inside.h"
#include "internal/value/msgpack.h"
#include "internal/value/number.h"

#include <msgpack.h>
#include <string.h>

enum { BYTES_MAX = 1024 * 1024 * 1024 }; /* the CLI accepts messages of up to 2 GiB */

struct writer {
    struct arena *arena;
    msgpack_packer pk;
    struct err *e;
};

static int add_bytes(void *buf, const char *p, size_t n)
{
    return buf_add(buf, p, n) ? 0 : -1; /* looked at once, at the end: the buffer remembers */
}

static bool write_typed(struct writer *w, const struct value *v, const struct type *t);

static bool mismatch(struct writer *w, const char *wanted)
{
    return err_set(w->e, ERR_BUG, "%s is required", wanted);
}

static void write_text(struct writer *w, struct str s)
{
    (void)msgpack_pack_str(&w->pk, s.n);
    (void)msgpack_pack_str_body(&w->pk, s.p, s.n);
}

/* As core does it: int64, else a float64 that is exact, else decimal text. */
static bool write_number(struct writer *w, const struct value *v, const struct type *t)
{
    struct decimal d;
    int64_t integer;
    double exact;
    (void)t;
    if (v->kind != VALUE_NUMBER || !decimal_parse((struct str){v->text, v->size}, &d))
        return mismatch(w, "a number");
    if (decimal_to_int64(&d, &integer))
        (void)msgpack_pack_int64(&w->pk, integer);
    else if ((int64_t)d.n > d.exponent && decimal_to_double(&d, v->text, &exact))
        (void)msgpack_pack_double(&w->pk, exact);
    else
        write_text(w, (struct str){v->text, v->size});
    return true;
}

static bool write_string(struct writer *w, const struct value *v, const struct type *t)
{
    (void)t;
    if (v->kind != VALUE_STRING)
        return mismatch(w, "a string");
    write_text(w, text_clean(w->arena, (struct str){v->text, v->size}));
    return true;
}

static bool write_bool(struct writer *w, const struct value *v, const struct type *t)
{
    (void)t;
    if (v->kind != VALUE_BOOL)
        return mismatch(w, "true or false");
    (void)(v->boolean ? msgpack_pack_true(&w->pk) : msgpack_pack_false(&w->pk));
    return true;
}

static bool write_array(struct writer *w, const struct value *v, const struct type *t)
{
    bool is_tuple = t->kind == TYPE_TUPLE;
    if (v->kind != VALUE_LIST || (is_tuple && v->count != t->count))
        return mismatch(w, is_tuple ? "a tuple of the right length" : "a list");
    (void)msgpack_pack_array(&w->pk, v->count);
    for (size_t i = 0; i < v->count; i++)
        if (!write_typed(w, v->items[i], is_tuple ? t->types[i] : t->element))
            return err_wrap(w->e, "element %zu", i);
    return true;
}

static bool write_map(struct writer *w, const struct value *v, const struct type *t)
{
    if (v->kind != VALUE_OBJECT)
        return mismatch(w, "a map");
    (void)msgpack_pack_map(&w->pk, v->count);
    for (size_t i = 0; i < v->count; i++) {
        write_text(w, text_clean(w->arena, str_of(v->keys[i])));
        if (!write_typed(w, v->items[i], t->element))
            return err_wrap(w->e, "%s", v->keys[i]);
    }
    return true;
}

/* Exactly the type's attributes, whatever the value has: absent ones are null, surplus ones a bug. */
static bool write_object(struct writer *w, const struct value *v, const struct type *t)
{
    if (v->kind != VALUE_OBJECT)
        return mismatch(w, "an object");
    size_t found = 0;
    (void)msgpack_pack_map(&w->pk, t->count);
    for (size_t i = 0; i < t->count; i++) {
        const struct value *member = value_get(v, t->names[i]);
        write_text(w, str_of(t->names[i]));
        if (!write_typed(w, member, t->types[i]))
            return err_wrap(w->e, "%s", t->names[i]);
        for (size_t j = 0; j < v->count; j++)
            found += strcmp(v->keys[j], t->names[i]) == 0;
    }
    return found == v->count || err_set(w->e, ERR_BUG, "an attribute that the type does not have");
}

/* ---- dynamic: the type is read off the value ---- */

static const struct type *infer(struct arena *a, const struct value *v)
{
    struct type *t = ARENA_NEW(a, struct type);
    static const enum type_kind kinds[] = {
        [VALUE_NULL] = TYPE_DYNAMIC,  [VALUE_UNKNOWN] = TYPE_DYNAMIC, [VALUE_BOOL] = TYPE_BOOL,
        [VALUE_NUMBER] = TYPE_NUMBER, [VALUE_STRING] = TYPE_STRING,   [VALUE_LIST] = TYPE_TUPLE,
        [VALUE_OBJECT] = TYPE_OBJECT,
    };
    t->kind = kinds[v->kind];
    t->count = v->count;
    t->names = v->keys;
    t->types = ARENA_ARRAY(a, const struct type *, v->count);
    for (size_t i = 0; i < v->count; i++)
        t->types[i] = infer(a, v->items[i]);
    return t;
}

static bool write_dynamic(struct writer *w, const struct value *v, const struct type *t)
{
    struct buf json CLEANUP(buf_done) = BUF_INIT(BYTES_MAX);
    (void)t;
    const struct type *own = infer(w->arena, v);
    type_to_json(own, &json);
    (void)msgpack_pack_array(&w->pk, 2);
    (void)msgpack_pack_bin(&w->pk, json.n);
    (void)msgpack_pack_bin_body(&w->pk, json.p, json.n);
    return write_typed(w, v, own);
}

static bool write_typed(struct writer *w, const struct value *v, const struct type *t)
{
    static bool (*const writers[])(struct writer *, const struct value *, const struct type *) = {
        [TYPE_STRING] = write_string,   [TYPE_NUMBER] = write_number, [TYPE_BOOL] = write_bool,
        [TYPE_DYNAMIC] = write_dynamic, [TYPE_LIST] = write_array,    [TYPE_SET] = write_array,
        [TYPE_MAP] = write_map,         [TYPE_OBJECT] = write_object, [TYPE_TUPLE] = write_array,
    };
    if (value_is_null(v)) {
        (void)msgpack_pack_nil(&w->pk);
        return true;
    }
    if (value_is_unknown(v)) {
        (void)msgpack_pack_ext(&w->pk, 1, 0);
        (void)msgpack_pack_ext_body(&w->pk, "", 1);
        return true;
    }
    return writers[t->kind](w, v, t);
}

bool msgpack_encode(struct arena *a, const struct value *v, const struct type *t, struct str *ret,
                    struct err *e)
{
    struct buf out CLEANUP(buf_done) = BUF_INIT(BYTES_MAX);
    struct writer w = {.arena = a, .e = e};
    msgpack_packer_init(&w.pk, &out, add_bytes);
    if (!write_typed(&w, v, t))
        return false;
    if (out.overflow)
        return err_set(e, ERR_INVALID, "a value of more than %d bytes", BYTES_MAX);
    *ret = (struct str){arena_memdup(a, out.p, out.n), out.n};
    return true;
}
