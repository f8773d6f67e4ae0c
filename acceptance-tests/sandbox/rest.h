/* rest.h — REST-XML: which operation a method and a path are, and its parameters: an id in the path, a query
 * string, a body in XML.
 *
 * Stricter than AWS: a body with anything that has no row is refused, an element's text must have the form of
 * its row, and nothing may stand twice but elements of lists.
 */
#ifndef SANDBOX_REST_H
#define SANDBOX_REST_H

#include "acceptance-tests/sandbox/sandbox.h"

/* "/2013-04-01/hostedzone/{Id}/rrset" and the like; a slash at the end does not count. *ret_id: what stands
 * for "{Id}", decoded; "" where the operation has none. */
bool rest_is(struct arena *a, const struct op *op, const struct http_request *r, const char **ret_id);
/* By the rows of c->op: of the body where it has one, else of the query string. */
MUST_CHECK bool rest_bind(struct call *c, const struct http_request *r, const char *id);

#endif
