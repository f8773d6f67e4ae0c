/* faults.h — trouble on request: which call fails, how, how often. Nothing is left to chance.
 *
 * A fault is a record in the state: {operation, kind, code, message, status, skip, count, delay, size,
 * element, value, match, match_value}. It is due for calls of its operation ("*": every one) whose parameter
 * `match` has `match_value`, after `skip` such calls, for `count` calls (0: until cleared). Every fault that
 * matches counts the call; the first one that is due is used.
 */
#ifndef SANDBOX_FAULTS_H
#define SANDBOX_FAULTS_H

#include "acceptance-tests/sandbox/sandbox.h"

enum fault_kind {
    FAULT_NONE,
    FAULT_ERROR,      /* refused with a code of one's choice, nothing done */
    FAULT_THROTTLE,   /* refused with Throttling */
    FAULT_EXPIRED,    /* refused with ExpiredToken */
    FAULT_DROP,       /* nothing done, connection closed without an answer */
    FAULT_HTTP,       /* a 5xx without a body AWS would write, nothing done */
    FAULT_SLOW,       /* late, then done and answered */
    FAULT_DELAY,      /* done, answered late */
    FAULT_LOST_REPLY, /* done, connection closed without an answer */
    FAULT_CUT,        /* done, the answer breaks off after `size` bytes (0: half) of the length it promised */
    FAULT_GARBLED,    /* done, a whole answer whose XML or JSON ends in the middle */
    FAULT_EMPTY,      /* done, 200 without a body */
    FAULT_HTML,       /* done, 200 with a page of HTML */
    FAULT_WRONG_ROOT, /* done, well-formed XML of another operation */
    FAULT_HUGE,       /* done, followed by `size` bytes of blanks (0: 50 MB) */
    FAULT_ENTITIES,   /* done, XML whose entities grow without end */
    FAULT_PARTIAL_PAGE, /* listings give `size` elements (0: one) and a marker */
    FAULT_REWRITE,      /* done, every <element> of the answer holds `value`: statuses nobody has heard of */
    FAULT_STALE,        /* reads are answered as things stood when the fault was made */
};

struct fault_plan {
    enum fault_kind kind;
    char code[96], message[512], element[96], value[256];
    int status;
    size_t size;
    int64_t delay_ms; /* never scaled by the speed */
    unsigned cleared; /* how often faults had been cleared when this one was taken */
};

/* Takes the fault that is due for this call; takes the lock. */
struct fault_plan fault_take(struct sandbox *sb, const char *operation, const json_t *parameters);

/* Holds the call for the plan's delay; until the faults are cleared, or the sandbox stops, if that is
 * earlier. */
void fault_hold(struct sandbox *sb, const struct fault_plan *plan);

/* What the fault does to a finished reply. */
void fault_spoil(const struct fault_plan *plan, struct http_reply *reply);

void faults_clear(struct sandbox *sb); /* with the lock held */

/* Checks and adds one; with the lock held. Durations in the request are seconds. */
MUST_CHECK bool fault_add(struct sandbox *sb, const json_t *spec, struct err *e);

const char *fault_name(enum fault_kind kind); /* "error", "throttle" …; "" for none */
void fault_kinds(struct buf *b);              /* "error, throttle, …" for --help */

#endif
