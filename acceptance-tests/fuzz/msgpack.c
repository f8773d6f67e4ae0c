/* DynamicValues: what was decoded is encoded, and decoded as the same again.
 *
 * The first line of an input is a type as JSON, the rest the value. An empty first line means "dynamic".
 */
#include "internal/value/msgpack.h"
#include "acceptance-tests/fuzz/fuzz.h"

#include <string.h>

enum { TYPE_MAX = 64 * 1024 };

static const struct type *read_type(struct arena *a, struct str line)
{
    struct buf text CLEANUP(buf_done) = BUF_INIT(TYPE_MAX), twice CLEANUP(buf_done) = BUF_INIT(TYPE_MAX);
    const struct type *t = NULL, *again = NULL;
    struct err e = ERR_INIT;
    if (!type_from_json(a, line.n ? line : STR_LIT("\"dynamic\""), &t, &e))
        return NULL;
    type_to_json(t, &text);
    if (text.overflow)
        return t;
    DEMAND(type_from_json(a, buf_view(&text), &again, &e));
    type_to_json(again, &twice);
    DEMAND(text.n == twice.n && memcmp(text.p, twice.p, text.n) == 0);
    return t;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    CLEANUP(arena_cleanup) struct arena *a = arena_new();
    const uint8_t *end = n ? memchr(data, '\n', n) : NULL;
    size_t first = end ? (size_t)(end - data) : 0;
    const struct type *t = read_type(a, (struct str){(const char *)data, first});
    struct str in = {(const char *)(end ? end + 1 : data), end ? n - first - 1 : n}, out;
    const struct value *v = NULL, *again = NULL, *shaped = NULL;
    struct err e = ERR_INIT;
    if (!t)
        return 0;
    if (!msgpack_decode(a, in, t, &v, &e)) {
        DEMAND(e.code != ERR_NONE && e.code != ERR_BUG && !v);
        return 0;
    }
    DEMAND(msgpack_encode(a, v, t, &out, &e));
    DEMAND(msgpack_decode(a, out, t, &again, &e));
    DEMAND(value_equal(v, again));
    DEMAND(value_has_unknown(v) == value_has_unknown(again));
    if (value_conform(a, v, t, &shaped, &e))
        DEMAND(msgpack_encode(a, shaped, t, &out, &e));
    return 0;
}
