#include "internal/base/arena.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Each piece is its own malloc, chained: sanitizers then see every overrun, and an RPC's few hundred pieces
 * are not worth a bump allocator. */
struct piece {
    struct piece *next;
    max_align_t data[];
};

struct arena {
    struct piece *pieces;
};

static void *must_calloc(size_t n)
{
    void *p = calloc(1, n);
    if (!p) {
        (void)fputs("panic: out of memory\n", stderr);
        abort();
    }
    return p;
}

struct arena *arena_new(void)
{
    return must_calloc(sizeof(struct arena));
}

void arena_free(struct arena *a)
{
    if (!a)
        return;
    for (struct piece *p = a->pieces, *next; p; p = next) {
        next = p->next;
        free(p);
    }
    free(a);
}

void *arena_alloc(struct arena *a, size_t n)
{
    struct piece *p = must_calloc(sizeof *p + n);
    p->next = a->pieces;
    a->pieces = p;
    return p->data;
}

void *arena_memdup(struct arena *a, const void *p, size_t n)
{
    char *copy = arena_alloc(a, n + 1);
    if (n)
        memcpy(copy, p, n);
    return copy;
}

char *arena_strdup(struct arena *a, const char *s)
{
    return arena_memdup(a, s, strlen(s));
}

PRINTF(2, 0) char *arena_vprintf(struct arena *a, const char *fmt, va_list ap)
{
    char *made = NULL;
    int n = vasprintf(&made, fmt, ap);
    if (n < 0) {
        (void)fputs("panic: out of memory\n", stderr);
        abort();
    }
    char *s = arena_memdup(a, made, (size_t)n);
    free(made);
    return s;
}

char *arena_printf(struct arena *a, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    char *s = arena_vprintf(a, fmt, ap);
    va_end(ap);
    return s;
}

void *arena_grow(struct arena *a, void *old, size_t elem, size_t count, size_t *cap)
{
    *cap = *cap ? *cap * 2 : 8;
    void *bigger = arena_alloc(a, elem * *cap);
    if (count)
        memcpy(bigger, old, elem * count);
    return bigger;
}
