/* change.h — what became different between two JSON documents, as a list that can be stored and played back.
 *
 * A list has one array per change: ["set", path, value] puts a member or an element in place, ["add", path,
 * value] puts an element in front of the one at that index (or behind the last), ["cut", path] takes a
 * member or an element away. A path names members by text and elements by index, from the outermost inwards;
 * each holds for the document as the changes before it have left it. Nobody has to say what he changed: both
 * documents are walked side by side. What both hold in common, as one object, is not walked. Order of members
 * means nothing here.
 *
 * Objects and arrays are copied, what is in them is shared: nobody changes a text or a number in place
 * (json_string_set and its kind are banned), a new one comes in its stead.
 */
#ifndef SANDBOX_CHANGE_H
#define SANDBOX_CHANGE_H

#include "internal/base/err.h"

#include <jansson.h>

/* A copy that goes on as it is when the other changes. */
json_t *change_copy(json_t *value) NONNULL_RETURN;

/* A new list that makes `before` equal to `after`; empty if it is. It shares no container with either.
 * Neither is changed; they are not const because jansson's iterators are not. */
json_t *change_find(json_t *before, json_t *after) NONNULL_RETURN;

/* Plays a list back. ERR_INVALID if a change does not fit the document, which is then partly changed. Values
 * are not copied: give up `changes` afterwards. */
MUST_CHECK bool change_apply(json_t *document, const json_t *changes, struct err *e);

#endif
