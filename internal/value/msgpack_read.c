/* Own reader: msgpack-c's unpacker has a nesting stack of 32 levels compiled into the shared library, builds
 * a tree of everything before the type can be looked at, and trusts element counts. This one is led by the
 * type, checks every length against what is left, and allocates nothing that the input does not pay for.
 * Writing is left to the library (msgpack_write.c). */
#include "internal/value/inside.h"
#include "internal/value/msgpack.h"
#include "internal/value/number.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

enum { DEPTH_MAX = 64 };

enum kind { NIL, BOOL, INT, UINT, FLOAT, STR, BIN, EXT, ARRAY, MAP };

/* The specification's table of formats. `size` = bytes of length or number behind the first byte; `mask` =
 * bits of the first byte that hold the number itself. */
static const struct format {
    unsigned char first, last;
    unsigned char kind, size, mask, fixed;
} formats[] = {
    {0x00, 0x7f, UINT, 0, 0x7f, 0}, {0x80, 0x8f, MAP, 0, 0x0f, 0}, {0x90, 0x9f, ARRAY, 0, 0x0f, 0},
    {0xa0, 0xbf, STR, 0, 0x1f, 0},  {0xc0, 0xc0, NIL, 0, 0, 0},    {0xc2, 0xc3, BOOL, 0, 0x01, 0},
    {0xc4, 0xc4, BIN, 1, 0, 0},     {0xc5, 0xc5, BIN, 2, 0, 0},    {0xc6, 0xc6, BIN, 4, 0, 0},
    {0xc7, 0xc7, EXT, 1, 0, 0},     {0xc8, 0xc8, EXT, 2, 0, 0},    {0xc9, 0xc9, EXT, 4, 0, 0},
    {0xca, 0xca, FLOAT, 4, 0, 0},   {0xcb, 0xcb, FLOAT, 8, 0, 0},  {0xcc, 0xcc, UINT, 1, 0, 0},
    {0xcd, 0xcd, UINT, 2, 0, 0},    {0xce, 0xce, UINT, 4, 0, 0},   {0xcf, 0xcf, UINT, 8, 0, 0},
    {0xd0, 0xd0, INT, 1, 0, 0},     {0xd1, 0xd1, INT, 2, 0, 0},    {0xd2, 0xd2, INT, 4, 0, 0},
    {0xd3, 0xd3, INT, 8, 0, 0},     {0xd4, 0xd4, EXT, 0, 0, 1},    {0xd5, 0xd5, EXT, 0, 0, 2},
    {0xd6, 0xd6, EXT, 0, 0, 4},     {0xd7, 0xd7, EXT, 0, 0, 8},    {0xd8, 0xd8, EXT, 0, 0, 16},
    {0xd9, 0xd9, STR, 1, 0, 0},     {0xda, 0xda, STR, 2, 0, 0},    {0xdb, 0xdb, STR, 4, 0, 0},
    {0xdc, 0xdc, ARRAY, 2, 0, 0},   {0xdd, 0xdd, ARRAY, 4, 0, 0},  {0xde, 0xde, MAP, 2, 0, 0},
    {0xdf, 0xdf, MAP, 4, 0, 0},     {0xe0, 0xff, INT, 0, 0xff, 0},
};

struct reader {
    struct arena *arena;
    const unsigned char *p, *end;
    int depth;
    struct err *e;
};

/* One item without its elements. */
struct head {
    enum kind kind;
    uint64_t bits;   /* BOOL, UINT; INT and FLOAT as stored, extended to 64 bits for INT */
    unsigned size;   /* FLOAT: 4 or 8 */
    struct str body; /* STR, BIN, EXT */
    size_t count;    /* ARRAY elements, MAP pairs */
};

static size_t left(const struct reader *r)
{
    return (size_t)(r->end - r->p);
}

static bool cut_short(struct reader *r)
{
    return err_set(r->e, ERR_INVALID, "the data end too early");
}

static const struct format *format_of(unsigned char byte)
{
    const struct format *f = formats;
    while (f < formats + ARRAY_LEN(formats) && (byte < f->first || byte > f->last))
        f++;
    return f < formats + ARRAY_LEN(formats) ? f : NULL;
}

/* The number in or behind the first byte, big-endian; sign-extended for INT. */
static uint64_t take_bits(struct reader *r, unsigned char first, const struct format *f)
{
    uint64_t bits = f->fixed ? f->fixed : first & f->mask;
    unsigned width = 8;
    if (f->size > 0) {
        bits = 0;
        width = f->size * 8U;
        for (int i = 0; i < f->size; i++)
            bits = bits << 8 | *r->p++;
    }
    if (f->kind == INT && width < 64 && bits >> (width - 1))
        bits |= ~UINT64_C(0) << width;
    return bits;
}

static bool take_extent(struct reader *r, struct head *h)
{
    size_t n = (size_t)h->bits;
    if (h->kind == ARRAY || h->kind == MAP) {
        h->count = n;
        /* Each element is at least a byte: a forged count cannot make us allocate. */
        return n <= left(r) / (h->kind == MAP ? 2 : 1) || cut_short(r);
    }
    if (h->kind == STR || h->kind == BIN || h->kind == EXT) {
        n += h->kind == EXT; /* the extension's type */
        if (n > left(r))
            return cut_short(r);
        h->body = (struct str){(const char *)r->p, n};
        r->p += n;
    }
    return true;
}

static bool read_head(struct reader *r, struct head *ret)
{
    if (left(r) == 0)
        return cut_short(r);
    unsigned char first = *r->p++;
    const struct format *f = format_of(first);
    if (!f)
        return err_set(r->e, ERR_INVALID, "byte 0x%02x begins nothing", first);
    if (f->size > left(r))
        return cut_short(r);
    *ret = (struct head){.kind = (enum kind)f->kind, .size = f->size};
    ret->bits = take_bits(r, first, f);
    return take_extent(r, ret);
}

static bool read_typed(struct reader *r, const struct type *t, const struct value **ret);

static bool required(struct reader *r, const char *what)
{
    return err_set(r->e, ERR_INVALID, "%s is required", what);
}

static bool read_string(struct reader *r, const struct head *h, const struct type *t,
                        const struct value **ret)
{
    (void)t;
    if (h->kind != STR)
        return required(r, "a string");
    if (!text_valid(h->body))
        return err_set(r->e, ERR_INVALID, "a string is not valid UTF-8");
    *ret = value_string_n(r->arena, h->body.p, h->body.n);
    return true;
}

static bool float_of(const struct head *h, double *ret)
{
    double d;
    if (h->size == sizeof(float)) {
        float f;
        uint32_t bits = (uint32_t)h->bits;
        memcpy(&f, &bits, sizeof f);
        d = (double)f;
    } else {
        memcpy(&d, &h->bits, sizeof d);
    }
    *ret = d;
    return isfinite(d);
}

static bool read_number(struct reader *r, const struct head *h, const struct type *t,
                        const struct value **ret)
{
    double d;
    char text[DOUBLE_TEXT_SIZE];
    (void)t;
    switch (h->kind) {
    case INT:
        *ret = value_int(r->arena, (int64_t)h->bits);
        return true;
    case UINT:
        *ret = value_number(r->arena, arena_printf(r->arena, "%" PRIu64, h->bits));
        return true;
    case FLOAT:
        if (!float_of(h, &d))
            return err_set(r->e, ERR_INVALID, "infinity is not a number");
        double_to_text(d, text);
        *ret = value_number(r->arena, text);
        return true;
    case STR: {
        const char *decimal = arena_memdup(r->arena, h->body.p, h->body.n);
        const struct value *v = strlen(decimal) == h->body.n ? value_number(r->arena, decimal) : NULL;
        if (value_is_null(v))
            return err_set(r->e, ERR_INVALID, "a text is not a number, or is too long");
        *ret = v;
        return true;
    }
    default:
        return required(r, "a number");
    }
}

static bool read_bool(struct reader *r, const struct head *h, const struct type *t, const struct value **ret)
{
    (void)t;
    if (h->kind != BOOL)
        return required(r, "true or false");
    *ret = value_bool(h->bits);
    return true;
}

/* List, set and tuple. */
static bool read_array(struct reader *r, const struct head *h, const struct type *t, const struct value **ret)
{
    bool is_tuple = t->kind == TYPE_TUPLE;
    if (h->kind != ARRAY || (is_tuple && h->count != t->count))
        return required(r, is_tuple ? "a tuple of the right length" : "a list");
    struct value *list = value_list(r->arena);
    for (size_t i = 0; i < h->count; i++) {
        const struct value *v;
        if (!read_typed(r, is_tuple ? t->types[i] : t->element, &v))
            return err_wrap(r->e, "element %zu", i);
        value_append(r->arena, list, v);
    }
    *ret = list;
    return true;
}

/* The key as it is kept, and the type of what it names. An attribute's name is the type's own: objects of one
 * type share it. */
static bool read_key(struct reader *r, const struct type *t, const char **ret, const struct type **ret_type)
{
    struct head h;
    if (!read_head(r, &h))
        return false;
    if (h.kind != STR || !text_valid(h.body) || memchr(h.body.p, '\0', h.body.n))
        return required(r, "a key of plain text");
    if (t->kind == TYPE_MAP) {
        *ret = arena_memdup(r->arena, h.body.p, h.body.n);
        *ret_type = t->element;
        return true;
    }
    for (size_t i = 0; i < t->count; i++)
        if (str_is(h.body, t->names[i])) {
            *ret = t->names[i];
            *ret_type = t->types[i];
            return true;
        }
    return err_set(r->e, ERR_INVALID, "unsupported attribute \"%.*s\"", (int)(h.body.n & 0xffff), h.body.p);
}

static bool read_member(struct reader *r, const struct type *t, const char **ret_key,
                        const struct value **ret)
{
    const struct type *type = NULL;
    if (!read_key(r, t, ret_key, &type))
        return false;
    return read_typed(r, type, ret) || err_wrap(r->e, "%s", *ret_key);
}

/* Its arrays have just the room they need, which is no more than the type's; nothing is ever added. */
static bool read_attributes(struct reader *r, const struct head *h, const struct type *t,
                            struct value *object, const char **ret_twice)
{
    object->keys = ARENA_ARRAY(r->arena, const char *, h->count);
    object->items = ARENA_ARRAY(r->arena, const struct value *, h->count);
    for (size_t i = 0; i < h->count; i++) {
        if (!read_member(r, t, &object->keys[i], &object->items[i]))
            return false;
        for (size_t j = 0; j < i; j++)
            if (object->keys[j] == object->keys[i]) /* the type's own text */
                *ret_twice = object->keys[i];
        object->count++;
    }
    return true;
}

static bool read_elements(struct reader *r, const struct head *h, const struct type *t, struct value *map,
                          const char **ret_twice)
{
    const char *key = NULL;
    const struct value *v = NULL;
    for (size_t i = 0; i < h->count; i++) {
        if (!read_member(r, t, &key, &v))
            return false;
        value_add(r->arena, map, key, v);
    }
    *ret_twice = keys_duplicate(r->arena, map);
    return true;
}

/* Object and map. Right count, known names and no name twice: then no attribute is missing. */
static bool read_map(struct reader *r, const struct head *h, const struct type *t, const struct value **ret)
{
    if (h->kind != MAP)
        return required(r, t->kind == TYPE_MAP ? "a map" : "an object");
    if (t->kind == TYPE_OBJECT && h->count > t->count)
        return err_set(r->e, ERR_INVALID, "%zu attributes where %zu are defined", h->count, t->count);
    struct value *object = value_object(r->arena);
    const char *twice = NULL;
    bool ok = t->kind == TYPE_OBJECT ? read_attributes(r, h, t, object, &twice)
                                     : read_elements(r, h, t, object, &twice);
    if (!ok)
        return false;
    if (twice)
        return err_set(r->e, ERR_INVALID, "\"%s\" is there twice", twice);
    for (size_t i = 0; t->kind == TYPE_OBJECT && h->count < t->count && i < t->count; i++) {
        bool there = false;
        for (size_t j = 0; j < object->count && !there; j++)
            there = object->keys[j] == t->names[i];
        if (!there)
            return err_set(r->e, ERR_INVALID, "attribute \"%s\" is missing", t->names[i]);
    }
    *ret = object;
    return true;
}

/* [type constraint as JSON, value] */
static bool read_dynamic(struct reader *r, const struct head *h, const struct type *t,
                         const struct value **ret)
{
    struct head type_head;
    const struct type *own;
    (void)t;
    if (h->kind != ARRAY || h->count != 2)
        return required(r, "a pair of type and value");
    if (!read_head(r, &type_head))
        return false;
    if (type_head.kind != BIN && type_head.kind != STR)
        return required(r, "a type constraint");
    return type_from_json(r->arena, type_head.body, &own, r->e) && read_typed(r, own, ret);
}

static bool read_typed(struct reader *r, const struct type *t, const struct value **ret)
{
    static bool (*const readers[])(struct reader *, const struct head *, const struct type *,
                                   const struct value **) = {
        [TYPE_STRING] = read_string,   [TYPE_NUMBER] = read_number, [TYPE_BOOL] = read_bool,
        [TYPE_DYNAMIC] = read_dynamic, [TYPE_LIST] = read_array,    [TYPE_SET] = read_array,
        [TYPE_MAP] = read_map,         [TYPE_OBJECT] = read_map,    [TYPE_TUPLE] = read_array,
    };
    struct head h;
    if (r->depth == DEPTH_MAX)
        return err_set(r->e, ERR_INVALID, "nested too deeply");
    if (!read_head(r, &h))
        return false;
    if (h.kind == NIL || h.kind == EXT) { /* every extension is an unknown; refinements are hints only */
        *ret = h.kind == NIL ? &value_null : &value_unknown;
        return true;
    }
    r->depth++;
    bool ok = readers[t->kind](r, &h, t, ret);
    r->depth--;
    return ok;
}

bool msgpack_decode(struct arena *a, struct str in, const struct type *t, const struct value **ret,
                    struct err *e)
{
    if (in.n == 0) {
        *ret = &value_null;
        return true;
    }
    const unsigned char *start = (const unsigned char *)in.p;
    struct reader r = {.arena = a, .p = start, .end = start + in.n, .e = e};
    const struct value *v;
    if (!read_typed(&r, t, &v))
        return false;
    if (left(&r) > 0)
        return err_set(e, ERR_INVALID, "%zu bytes behind the value", left(&r));
    *ret = v;
    return true;
}
