/* request.h — the query protocol's parameters: decoding, looking up, binding to an operation's rows.
 *
 * Hostile input: at most FORM_PAIRS_MAX pairs, LIST_ITEMS_MAX elements a list; names and values must be valid
 * UTF-8 after decoding. Unknown parameters are ignored, as AWS does, but reported, so that the request log
 * shows them.
 */
#ifndef SANDBOX_REQUEST_H
#define SANDBOX_REQUEST_H

#include "acceptance-tests/sandbox/fault.h"
#include "acceptance-tests/sandbox/shape.h"
#include "internal/base/arena.h"
#include "internal/base/buf.h"

#include <jansson.h>

enum { FORM_PAIRS_MAX = 4000, LIST_ITEMS_MAX = 500 };

struct form {
    struct form_pair {
        const char *name, *value;
        bool used;
    } * pairs;
    size_t count;
};

/* Decodes "a=b&c=d". */
MUST_CHECK bool form_parse(struct arena *a, struct str text, struct form *ret, struct fault *f);
const char *form_get(struct form *form, const char *name); /* NULL: absent; marks it as used */

/* Binds by the rows. *ret is a new JSON object: strings, booleans, integers, reals, lists, objects; times
 * stay ISO strings. Absent members are absent. */
MUST_CHECK bool form_bind(struct form *form, const struct member *rows, json_t **ret, struct fault *f);
/* Checks a JSON body (Secrets Manager) against the same rows; unknown members are left out of *ret. */
MUST_CHECK bool json_bind(const json_t *body, const struct member *rows, json_t **ret, struct fault *f);

/* One scalar of the wire as JSON; NULL: it has not the form of its kind. */
json_t *scalar_parse(const char *text, enum shape_kind kind);

/* RFC 3986 percent-decoding of `n` bytes; `plus` also turns '+' into a space. False: malformed. */
MUST_CHECK bool percent_decode(struct arena *a, struct str text, bool plus, const char **ret);

#endif
