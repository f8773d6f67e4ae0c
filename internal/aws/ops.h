/* ops.h — the operations we call, one row each: what may be repeated, how replies are shaped.
 *
 * Actions that are not in the table work too (aws_query), as calls that are never repeated once they may have
 * been carried out.
 */
#ifndef AURORA_AWS_OPS_H
#define AURORA_AWS_OPS_H

#include "internal/base/base.h"

enum op_flags {
    /* A second execution does no harm: it only reads, sets what is set already, or is answered "exists
     * already" or "not found", which the caller gets to see. */
    OP_REPEATABLE = 1,
    OP_NO_RESULT = 2, /* the reply has no <ActionResult>: all of it is the result, as REST-XML's always is */
    OP_NEEDS_NO_RIGHTS = 4
};

struct aws_op {
    const char *service, *action;
    unsigned flags;
    /* Of lists: paths below the result. Every list we use is paginated by Marker. */
    const char *list, *item, *marker;
    /* REST: "GET" and "hostedzone/{}/rrset", below the version; "{}" is the object's id. */
    const char *method, *path;
    /* AWS codes that positively say "it is not there", separated by spaces; NULL: there is none. */
    const char *absent;
};

const struct aws_op *aws_op_find(const char *service, const char *action); /* NULL: unknown */
bool aws_op_means_absent(const struct aws_op *op, const char *code);

#endif
