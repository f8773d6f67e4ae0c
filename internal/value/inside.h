/* inside.h — what the files of this folder lend each other; private to internal/value. */
#ifndef AURORA_VALUE_INSIDE_H
#define AURORA_VALUE_INSIDE_H

#include "internal/value/value.h"

/* Like value_set without the search, for readers of large maps: they look for duplicates once, at the end.
 * `key` must live as long as the object. */
void value_add(struct arena *a, struct value *object, const char *key, const struct value *v);

/* A key that occurs twice, or NULL. */
const char *keys_duplicate(struct arena *a, const struct value *object);

/* Text of values may contain NUL, which utf8.h does not know: these look at the pieces between. */
bool text_valid(struct str s);
struct str text_clean(struct arena *a, struct str s); /* `s` itself if it is valid */

void json_write_text(struct buf *out, const char *s, size_t n); /* quoted and escaped */

#endif
