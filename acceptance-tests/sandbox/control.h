/* control.h — the sandbox's own door, for its own verbs: POST /_sandbox/<verb> with the state's token.
 *
 * Not part of AWS: no signature, but a token that only readers of the state folder know.
 */
#ifndef SANDBOX_CONTROL_H
#define SANDBOX_CONTROL_H

#include "acceptance-tests/sandbox/sandbox.h"

#define CONTROL_PREFIX "/_sandbox/"
#define CONTROL_HEADER "x-sandbox-token"

/* False: the request is not for this door, *ret is untouched. */
bool control_serve(struct sandbox *sb, const struct http_request *r, struct http_reply *ret);

#endif
