#include "internal/base/arena.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Sanitizers see every overrun if each piece is a malloc of its own. Else pieces share blocks: a thousand
 * calls that wait keep theirs for hours, and malloc's own words would be half of it. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define IS_SHARED 0
#elif defined(__has_feature)
#define IS_SHARED (!__has_feature(address_sanitizer) && !__has_feature(thread_sanitizer))
#else
#define IS_SHARED 1
#endif

enum {
    ALIGNMENT = _Alignof(max_align_t),
    MALLOC_HEADER = 16,
    /* With the headers. Above what malloc would keep for the thread alone once it is freed (1 KiB), and of
     * the one that is half empty there is one in each arena. */
    BLOCK = 2048 - MALLOC_HEADER,
    OWN_BLOCK = 1024, /* larger pieces do not share */
};

struct block {
    struct block *next;
    size_t used, size;
    max_align_t data[];
};

struct arena {
    struct block *blocks; /* the first is the one with room */
};

static _Noreturn void panic(const char *why)
{
    (void)fprintf(stderr, "panic: %s\n", why);
    abort();
}

static void *must_calloc(size_t n)
{
    void *p = calloc(1, n);
    if (!p)
        panic("out of memory");
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
    for (struct block *b = a->blocks, *next; b; b = next) {
        next = b->next;
        free(b);
    }
    free(a);
}

static struct block *new_block(size_t size)
{
    struct block *b = must_calloc(sizeof *b + size);
    b->size = size;
    return b;
}

/* A piece that would waste much of a block stands behind the one with room. */
static void *own_block(struct arena *a, size_t n)
{
    struct block *b = new_block(n), **at = a->blocks ? &a->blocks->next : &a->blocks;
    b->used = n;
    b->next = *at;
    *at = b;
    return b->data;
}

void *arena_alloc(struct arena *a, size_t n)
{
    struct block *b = a->blocks;
    if (!IS_SHARED || n > OWN_BLOCK)
        return own_block(a, n);
    size_t taken = (n + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    if (!b || b->size - b->used < taken) {
        size_t fits = BLOCK - sizeof *b;
        b = new_block(fits > taken ? fits : taken);
        b->next = a->blocks;
        a->blocks = b;
    }
    void *p = (char *)b->data + b->used;
    b->used += taken;
    return p;
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
    char mostly[256]; /* enough */
    va_list again;
    va_copy(again, ap);
    int n = vsnprintf(mostly, sizeof mostly, fmt, ap);
    if (n < 0)
        panic("a format cannot be written");
    char *s = arena_alloc(a, (size_t)n + 1);
    if ((size_t)n < sizeof mostly)
        memcpy(s, mostly, (size_t)n);
    else
        (void)vsnprintf(s, (size_t)n + 1, fmt, again);
    va_end(again);
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
