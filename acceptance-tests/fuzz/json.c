/* JSON as it comes in states, replies and files: what was read and written is read as the same again. */
#include "acceptance-tests/fuzz/fuzz.h"
#include "internal/value/value.h"

#include <string.h>

enum { WRITTEN_MAX = 64 * 1024 * 1024 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    CLEANUP(arena_cleanup) struct arena *a = arena_new();
    struct buf first CLEANUP(buf_done) = BUF_INIT(WRITTEN_MAX),
                     second CLEANUP(buf_done) = BUF_INIT(WRITTEN_MAX);
    const struct value *v = NULL, *again = NULL;
    struct err e = ERR_INIT;
    if (!value_from_json(a, (struct str){(const char *)data, n}, &v, &e)) {
        DEMAND(e.code != ERR_NONE && e.code != ERR_BUG && !v);
        return 0;
    }
    DEMAND(value_to_json(v, &first, &e));
    DEMAND(value_from_json(a, buf_view(&first), &again, &e));
    DEMAND(value_equal(v, again));
    DEMAND(value_to_json(again, &second, &e));
    DEMAND(first.n == second.n && memcmp(first.p, second.p, first.n) == 0);
    return 0;
}
