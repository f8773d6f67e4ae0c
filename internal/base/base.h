/* base.h — the few macros every file uses. No functions, no state.
 *
 * A function that can fail returns bool, true = done, takes `struct err *e` last and leaves its `ret_*`
 * arguments untouched on failure. The result must be looked at: MUST_CHECK.
 */
#ifndef AURORA_BASE_H
#define AURORA_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MUST_CHECK     __attribute__((warn_unused_result))
#define PRINTF(a, b)   __attribute__((format(printf, a, b)))
#define CLEANUP(f)     __attribute__((cleanup(f)))
#define NONNULL_RETURN __attribute__((returns_nonnull))
/* Its large locals are not to stand on the stack of a caller that later waits for hours: never inlined. */
#define OWN_FRAME    __attribute__((noinline))
#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

/* Defines `name_cleanup(T **p)`, for CLEANUP on an owning pointer: calls `free_fn` if it is not NULL. */
#define DEFINE_CLEANUP(T, name, free_fn)                                                                     \
    static inline void name(T **p)                                                                           \
    {                                                                                                        \
        if (*p)                                                                                              \
            free_fn(*p);                                                                                     \
    }

/* Takes ownership out of a CLEANUP variable: `*ret = STEAL(x);` */
#define STEAL(p)                                                                                             \
    ({                                                                                                       \
        __typeof__(p) steal_ = (p);                                                                          \
        (p) = NULL;                                                                                          \
        steal_;                                                                                              \
    })

#endif
