#include "internal/base/utf8.h"
#include "internal/value/inside.h"

#include <string.h>

bool text_valid(struct str s)
{
    for (size_t at = 0; at < s.n;) {
        size_t n = strnlen(s.p + at, s.n - at);
        if (!utf8_valid(s.p + at, n))
            return false;
        at += n + 1;
    }
    return true;
}

struct str text_clean(struct arena *a, struct str s)
{
    if (text_valid(s))
        return s;
    char *copy = arena_memdup(a, s.p, s.n);
    size_t out = 0;
    for (size_t at = 0; at < s.n;) {
        size_t n = strlen(copy + at);
        utf8_clean(copy + at); /* may shorten the piece */
        size_t left = strlen(copy + at);
        memmove(copy + out, copy + at, left);
        out += left;
        at += n + 1;
        if (at <= s.n)
            copy[out++] = '\0';
    }
    copy[out] = '\0';
    return (struct str){copy, out};
}
