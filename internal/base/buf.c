#include "internal/base/buf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What is freed in small pieces malloc keeps for the thread that freed it, up to 1 KiB: with a thousand
 * threads that is much. */
enum { FIRST_BYTES = 2048 };

struct str str_of(const char *s)
{
    return (struct str){s, s ? strlen(s) : 0};
}

bool str_is(struct str s, const char *literal)
{
    return s.n == strlen(literal) && (s.n == 0 || memcmp(s.p, literal, s.n) == 0);
}

void buf_done(struct buf *b)
{
    free(b->p);
    *b = (struct buf){.max = b->max};
}

void buf_clear(struct buf *b)
{
    b->n = 0;
    b->overflow = false;
    if (b->p)
        b->p[0] = '\0';
}

static void reserve(struct buf *b, size_t need)
{
    if (need <= b->cap)
        return;
    size_t cap = b->cap ? b->cap : FIRST_BYTES;
    while (cap < need)
        cap *= 2;
    char *p = realloc(b->p, cap);
    if (!p) {
        (void)fputs("panic: out of memory\n", stderr);
        abort();
    }
    b->p = p;
    b->cap = cap;
}

bool buf_add(struct buf *b, const void *p, size_t n)
{
    if (b->overflow || n > b->max - b->n) {
        b->overflow = true;
        return false;
    }
    reserve(b, b->n + n + 1);
    if (n)
        memcpy(b->p + b->n, p, n);
    b->n += n;
    b->p[b->n] = '\0';
    return true;
}

bool buf_puts(struct buf *b, const char *s)
{
    return buf_add(b, s, strlen(s));
}

bool buf_printf(struct buf *b, const char *fmt, ...)
{
    char mostly[512]; /* enough */
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(mostly, sizeof mostly, fmt, ap);
    va_end(ap);
    if (n >= 0 && (size_t)n < sizeof mostly)
        return buf_add(b, mostly, (size_t)n);
    char *s = NULL;
    va_start(ap, fmt);
    n = vasprintf(&s, fmt, ap);
    va_end(ap);
    if (n < 0) {
        (void)fputs("panic: out of memory\n", stderr);
        abort();
    }
    bool ok = buf_add(b, s, (size_t)n);
    free(s);
    return ok;
}

struct str buf_view(const struct buf *b)
{
    return (struct str){b->p, b->n};
}

const char *buf_text(const struct buf *b)
{
    return b->p ? b->p : "";
}
