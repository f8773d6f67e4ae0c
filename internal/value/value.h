/* value.h — a Terraform value: known, null or unknown. And JSON as the same tree.
 *
 * Immutable once built, allocated in the arena of its RPC, passed as `const struct value *`. Numbers keep
 * their decimal text, because cty numbers have 512 bits and must come back as they were. A C NULL pointer is
 * treated as a null value by every function here.
 */
#ifndef AURORA_VALUE_H
#define AURORA_VALUE_H

#include "internal/base/arena.h"
#include "internal/base/buf.h"
#include "internal/base/err.h"

enum value_kind {
    VALUE_NULL,
    VALUE_UNKNOWN,
    VALUE_BOOL,
    VALUE_NUMBER,
    VALUE_STRING,
    VALUE_LIST,
    VALUE_OBJECT
};

struct value {
    enum value_kind kind;
    bool boolean;
    const char *text; /* string (NUL-terminated; see `size`) or decimal text of a number */
    size_t size;      /* bytes of text */
    size_t count;     /* elements of a list (also set, tuple) or members of an object (also map) */
    const struct value **items;
    const char **keys; /* of an object, same order as items */
};

extern const struct value value_null, value_unknown, value_true, value_false;

const struct value *value_string(struct arena *a, const char *s); /* NULL gives null */
const struct value *value_string_n(struct arena *a, const char *s, size_t n);
const struct value *value_int(struct arena *a, int64_t n);
const struct value *value_number(struct arena *a, const char *decimal); /* null unless it is a number */
const struct value *value_bool(bool b);

/* Builders: `struct value *o = value_object(a); value_set(a, o, "name", v);` value_set replaces an existing
 * key. */
struct value *value_object(struct arena *a);
struct value *value_list(struct arena *a);
void value_set(struct arena *a, struct value *object, const char *key, const struct value *v);
void value_append(struct arena *a, struct value *list, const struct value *v);

bool value_is_null(const struct value *v);
bool value_is_unknown(const struct value *v);
bool value_has_unknown(const struct value *v);                              /* anywhere inside */
const struct value *value_get(const struct value *object, const char *key); /* null value if absent */
const struct value *value_path(const struct value *v,
                               const char *dotted); /* "postgresql.host", "hook.0.at" */
bool value_equal(const struct value *x,
                 const struct value *y); /* numbers by value; objects regardless of order */

/* Typed reading; the default is returned for null, unknown and other kinds. Text lives as long as the value.
 */
const char *value_as_text(const struct value *v, const char *otherwise);
bool value_as_bool(const struct value *v, bool otherwise);
int64_t value_as_int(const struct value *v, int64_t otherwise);

/* JSON (RFC 8259). Our own reader, because jansson has no way to keep a number's text. Depth is limited to
 * 64, size to 64 MiB; refused are invalid UTF-8, NUL in a name and a name that occurs twice in one object.
 * value_to_json writes members in their own order; unknown cannot be written (ERR_BUG). */
MUST_CHECK bool value_from_json(struct arena *a, struct str json, const struct value **ret, struct err *e);
MUST_CHECK bool value_to_json(const struct value *v, struct buf *out, struct err *e);

#endif
