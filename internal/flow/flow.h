/* flow.h — the step engine: plan, apply, resume, undo, cancel. Knows neither AWS nor PostgreSQL.
 *
 * A flow is a const table of steps. The same table gives the plan preview, the apply, the resume, the undo,
 * the journal and the docs page. There is no resume path: an apply walks the table from the top and skips
 * what `is_done` observes to be there. Rows above a NO_RETURN row that is observed done are history and are
 * not looked at.
 *
 *   kind       is_done                             run                 undo
 *   CHECK      true: passes; false + err: finding  –                   –
 *   CHANGE     observes, changes nothing           idempotent          only what we made; optional
 *   WAIT       polled until true or the deadline   –                   –
 *   NO_RETURN  observes                            once is enough      –
 *
 * A CHANGE that is refused with an ERR_CONFLICT nobody gave an id is repeated for five minutes: a passing
 * state of the object. CHECK rows that stand next to each other form a group: all of them run, all findings
 * are reported, and the walk ends there if any failed. On failure, time-out or Stop only rows marked
 * undo_on_failure are undone, in reverse order, and never beyond a NO_RETURN row that is done; what took
 * hours stays. Time-out and Stop are pauses: applying again goes on. A row that fails while the NO_RETURN row
 * behind it turns out to be done or under way (a call of an apply that was killed, delayed on its way) is no
 * failure: the walk goes on there.
 */
#ifndef AURORA_FLOW_H
#define AURORA_FLOW_H

#include "internal/base/arena.h"
#include "internal/base/buf.h"
#include "internal/base/clock.h"
#include "internal/base/err.h"
#include "internal/base/stop.h"

/* How far an upgrade has come; also what a user asks for. Order matters. */
enum flow_stage {
    STAGE_NONE,
    STAGE_PREPARED,
    STAGE_VALIDATED,
    STAGE_SWITCHED,
    STAGE_COMPLETED,
    STAGE_ROLLED_BACK
};
const char *stage_name(enum flow_stage s);
MUST_CHECK bool stage_parse(const char *name, enum flow_stage *ret);

enum step_kind { STEP_CHECK, STEP_CHANGE, STEP_WAIT, STEP_NO_RETURN };
const char *step_kind_name(enum step_kind k);

struct upgrade; /* the domain's; the engine never looks inside, its tests define their own */

struct step {
    const char *name; /* stable id: plan, log, journal, docs, diagnostics */
    enum flow_stage stage;
    enum step_kind kind;
    bool blocks_writes;
    bool undo_on_failure;
    bool irreversible;    /* nobody can undo it; a NO_RETURN row is that anyway */
    const char *duration; /* expected: "seconds", "minutes" or "hours" */
    /* A function of the request and the two majors only, so that a plan and its apply agree; NULL = always.
     */
    bool (*applies)(const struct upgrade *u);
    void (*describe)(const struct upgrade *u, struct buf *out);   /* one sentence, the same restriction */
    void (*equivalent)(const struct upgrade *u, struct buf *out); /* AWS CLI call or SQL; NULL: none */
    bool (*is_done)(struct upgrade *u, bool *ret, struct err *e);
    /* NO_RETURN only, optional: begun by an apply that was cut short, outcome open. The walk goes on at this
     * row. */
    bool (*is_underway)(struct upgrade *u, bool *ret, struct err *e);
    /* WAIT only, optional: can it be over by then (wall clock, Unix ms)? Asked as long as it is not done;
     * false with an ERR_PAUSED that says when it can ends the walk at once, instead of at the deadline. */
    bool (*fits)(struct upgrade *u, int64_t until_wall_ms, struct err *e);
    bool (*run)(struct upgrade *u, struct err *e);
    bool (*undo)(struct upgrade *u, struct err *e);
};

struct flow {
    const char *name;
    const struct step *steps; /* stages never go down the table */
    size_t count;
};

/* Does this row belong to a walk from `reached` (exclusive) to `target` (inclusive)? */
bool flow_includes(const struct step *s, const struct upgrade *u, enum flow_stage reached,
                   enum flow_stage target);

struct journal;

struct flow_run {
    const struct flow *flow;
    struct upgrade *u;
    enum flow_stage target;
    struct clock *clock;
    struct stop *stop;
    int64_t deadline_ms;     /* mono_ms of the clock after which waiting pauses */
    int64_t poll_ms;         /* shortest pause between two looks */
    int64_t poll_max_ms;     /* longest; 0: always poll_ms. Pauses of a WAIT row grow with the time already
 waited, and with the number of walks that wait in this process */
    int observe_tries;       /* looks after a CHANGE before "ran but cannot be observed"; 0: 10 */
    struct journal *journal; /* may be NULL */
    /* Asked at the start, before everything that changes something and before every wait: does this walk
     * still have the right to? An undo does not ask. May be NULL. */
    bool (*may_change)(void *arg, struct err *e);
    void *may_change_arg;
    /* Before every pause of a WAIT row: drops what the next look brings again. May be NULL. */
    void (*rest)(void *arg);
    void *rest_arg;
    /* A row has failed: for something that passes, a server that restarts, and that is over by now? Then the
     * row is done once more. Not asked about a NO_RETURN row, nor where writes are blocked: there a row has
     * its own patience. May be NULL. */
    bool (*is_over)(void *arg, const struct err *why);
    void *is_over_arg;
    /* The end of a walk that failed, and the row it ended at (NULL: before the first), for callers that hold
     * no error of their own through hours of waiting. May be NULL. */
    void (*failed)(void *arg, const struct step *s, struct err *e);
    void *failed_arg;
    /* One failed CHECK of a group, or a failed undo: everything else comes back in the error of flow_apply.
     * May be NULL. */
    void (*report)(void *arg, const struct step *s, const struct err *finding);
    void *report_arg;
};

/* Walks the table up to and including the rows of `target`. On failure *ret_failed (may be NULL) is the row
 * it ended at; with `e` NULL the error is told to `failed`. */
MUST_CHECK bool flow_apply(const struct flow_run *r, const struct step **ret_failed, struct err *e);

/* The rules of the table above, proved for one flow: unique names, descriptions, columns each kind must and
 * must not have, at most one NO_RETURN, stages in order, no undo at or after it. For unit tests of every
 * flow. */
MUST_CHECK bool flow_check(const struct flow *f, const struct upgrade *sample, struct err *e);

#endif
