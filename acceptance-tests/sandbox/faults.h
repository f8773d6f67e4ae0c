/* faults.h — trouble on request: which call fails, how, how often.
 *
 * A fault is a record in the state: {operation, kind, code, message, status, count, delay}. The first one
 * that matches a call and still has a count is used up by one.
 */
#ifndef SANDBOX_FAULTS_H
#define SANDBOX_FAULTS_H

#include "acceptance-tests/sandbox/sandbox.h"

enum fault_kind {
    FAULT_NONE,
    FAULT_ERROR,      /* refused with a code of one's choice, nothing done */
    FAULT_THROTTLE,   /* refused with Throttling */
    FAULT_HTTP,       /* a 5xx without a body AWS would write, nothing done */
    FAULT_DELAY,      /* done, answered late */
    FAULT_LOST_REPLY, /* done, connection closed without an answer */
    FAULT_GARBLED,    /* done, answered with XML that ends in the middle */
};

struct fault_plan {
    enum fault_kind kind;
    char code[96], message[512];
    int status;
    int64_t delay_ms; /* never scaled by the speed */
};

/* Takes the fault that is due for this operation; takes the lock. */
struct fault_plan fault_take(struct sandbox *sb, const char *operation);

/* Checks and adds one; with the lock held. Durations in the request are seconds. */
MUST_CHECK bool fault_add(struct sandbox *sb, const json_t *spec, struct err *e);

/* "error, throttle, …" for --help. */
void fault_kinds(struct buf *b);

#endif
