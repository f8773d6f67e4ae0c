/* buf.h — a growing byte buffer with a stated maximum, and `struct str`, a view of bytes.
 *
 * A buffer that would pass its maximum stops growing and remembers it (`overflow`): look once at the end, not
 * after every append. The content is always NUL-terminated for convenience; it may contain NULs itself.
 */
#ifndef AURORA_BUF_H
#define AURORA_BUF_H

#include "internal/base/base.h"

#include <stdarg.h>

struct str {
    const char *p; /* not owned, not NUL-terminated; may be NULL if n == 0 */
    size_t n;
};

#define STR_LIT(s) ((struct str){(s), sizeof(s) - 1})
struct str str_of(const char *s); /* NULL gives the empty view */
bool str_is(struct str s, const char *literal);

struct buf {
    char *p; /* owned; NUL-terminated once anything was appended, else NULL */
    size_t n, cap, max;
    bool overflow;
};

#define BUF_INIT(limit)                                                                                      \
    {                                                                                                        \
        .max = (limit)                                                                                       \
    }

void buf_done(struct buf *b); /* frees the content; the buffer can be used again */
void buf_clear(struct buf *b);
bool buf_add(struct buf *b, const void *p, size_t n); /* false: overflow */
bool buf_puts(struct buf *b, const char *s);
bool buf_printf(struct buf *b, const char *fmt, ...) PRINTF(2, 3);
struct str buf_view(const struct buf *b);
const char *buf_text(const struct buf *b); /* "" for an empty buffer */

#endif
