/* arena.h — memory that lives as long as one RPC or one operation.
 *
 * Everything allocated is zeroed and freed together with the arena; nothing is freed singly. Running out of
 * memory aborts the process: every step of an upgrade can be resumed, so a crash is recoverable and a
 * half-handled allocation failure is not. One thread at a time.
 */
#ifndef AURORA_ARENA_H
#define AURORA_ARENA_H

#include "internal/base/base.h"

#include <stdarg.h>

struct arena;

struct arena *arena_new(void) NONNULL_RETURN;
void arena_free(struct arena *a); /* NULL is allowed */
DEFINE_CLEANUP(struct arena, arena_cleanup, arena_free)

void *arena_alloc(struct arena *a, size_t n) NONNULL_RETURN;
void *arena_memdup(struct arena *a, const void *p, size_t n) NONNULL_RETURN; /* adds a NUL behind the copy */
char *arena_strdup(struct arena *a, const char *s) NONNULL_RETURN;
char *arena_printf(struct arena *a, const char *fmt, ...) PRINTF(2, 3) NONNULL_RETURN;
char *arena_vprintf(struct arena *a, const char *fmt, va_list ap) NONNULL_RETURN;

#define ARENA_NEW(a, T)      ((T *)arena_alloc((a), sizeof(T)))
#define ARENA_ARRAY(a, T, n) ((T *)arena_alloc((a), sizeof(T) * (n)))

/* Growing array in an arena: `ARR_PUSH(a, items, count, cap, value)` with `T *items; size_t count, cap;`. */
void *arena_grow(struct arena *a, void *old, size_t elem, size_t count, size_t *cap) NONNULL_RETURN;
#define ARR_PUSH(a, items, count, cap, value)                                                                \
    do {                                                                                                     \
        if ((count) == (cap))                                                                                \
            (items) = arena_grow((a), (items), sizeof *(items), (count), &(cap));                            \
        (items)[(count)++] = (value);                                                                        \
    } while (0)

#endif
