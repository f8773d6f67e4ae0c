/* json_text.h — a JSON value as text on one line.
 *
 * What json_dumps(value, JSON_COMPACT) gives, byte by byte, at a small part of its cost: that one makes a
 * table of the containers it is in, by their addresses as text, to find a value that holds itself. Values
 * here are read from JSON or built from parts of their own, so none does.
 */
#ifndef SANDBOX_JSON_TEXT_H
#define SANDBOX_JSON_TEXT_H

#include "internal/base/buf.h"

#include <jansson.h>

/* False: the buffer's maximum is passed. */
MUST_CHECK bool json_text(struct buf *b, const json_t *value);

#endif
