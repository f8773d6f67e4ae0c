/* msgpack.h — a cty value in the msgpack form of DynamicValue, both ways, driven by a type constraint.
 *
 * Types are Terraform's JSON constraints ("string", ["list","string"], ["object",{…}], "dynamic") parsed
 * once. Decoding is strict about shape (missing or surplus attributes are errors) and tolerant about numbers
 * (int, float, decimal text) and unknowns (any extension). Depth is limited to 64.
 *
 * The reader is our own: msgpack-c's has a fixed stack of 32 levels and no type to be led by. Writing is the
 * library's. A dynamic value loses its declared type on the way in and gets the one its content has on the
 * way out (lists become tuples, maps become objects), which core converts back where it matters.
 */
#ifndef AURORA_MSGPACK_H
#define AURORA_MSGPACK_H

#include "internal/value/value.h"

enum type_kind {
    TYPE_STRING,
    TYPE_NUMBER,
    TYPE_BOOL,
    TYPE_DYNAMIC,
    TYPE_LIST,
    TYPE_SET,
    TYPE_MAP,
    TYPE_OBJECT,
    TYPE_TUPLE
};

struct type {
    enum type_kind kind;
    const struct type *element; /* list, set, map */
    size_t count;               /* object attributes, tuple members */
    const char **names;         /* object */
    const struct type **types;  /* object, tuple */
};

MUST_CHECK bool type_from_json(struct arena *a, struct str json, const struct type **ret, struct err *e);
void type_to_json(const struct type *t, struct buf *out);

/* Null of any type for empty input (an absent DynamicValue is null). */
MUST_CHECK bool msgpack_decode(struct arena *a, struct str in, const struct type *t, const struct value **ret,
                               struct err *e);
MUST_CHECK bool msgpack_encode(struct arena *a, const struct value *v, const struct type *t, struct str *ret,
                               struct err *e);

/* Checks a value that came as JSON (state upgrade) against a type and gives it the type's shape: absent
 * attributes become null, surplus ones are an error naming the path. */
MUST_CHECK bool value_conform(struct arena *a, const struct value *v, const struct type *t,
                              const struct value **ret, struct err *e);

#endif
