/* staging.h — what surrounds a switch, for any flow: soak, window, hooks, watch. Rows of a table point here;
 * none of it knows how the switch itself is made.
 *
 * Hooks are the user's own SQL and commands at named points of a flow. One is run by the first apply that
 * comes to its point and has not run it; that it has run is written down after it has ended, as a tag on an
 * object of ours (on the deployment before the switch, on the old cluster after it), so a process that dies
 * in between runs it again: hooks must bear that. A tag holds fingerprints of what was run; a hook whose text
 * is changed is another hook. `after_rollback` has no object left to write on: it is run by the apply that
 * removed something, and after a crash by the next one that knows the run from its state. In place all of it
 * stands on the run's snapshot; what ran before that is made is written down as it is made. A logical upgrade
 * has its clone for that, after the switch its old side, and in a roll-back the cluster that is put aside.
 * Nothing may be written on an old side.
 *
 * SQL runs as the login's user in that side's default database, whole or not at all (pg_run_script). A
 * command runs under /bin/sh -c with PATH, HOME, USER, LOGNAME, LANG, LC_ALL, TZ and TMPDIR of ours and
 * AURORA_… facts, never with credentials; it and all it has started are killed at its time-out and at Stop;
 * what it prints goes to the journal, cut at HOOK_OUTPUT_BYTES.
 *
 * The watch compares the new side's counters with what they were when it began (a tag on the old cluster) and
 * with the old side's own, and tells what is worse as warnings. It never fails an upgrade that is done.
 */
#ifndef AURORA_UPGRADE_STAGING_H
#define AURORA_UPGRADE_STAGING_H

#include "internal/aws/rds.h"
#include "internal/base/err.h"
#include "internal/base/window.h"

struct upgrade;

enum side { SIDE_BLUE, SIDE_GREEN, SIDE_OLD, SIDES };

/* ---- hooks.c ---- */

enum hook_point {
    HOOK_AFTER_PREPARE,
    HOOK_BEFORE_SWITCH, /* before the window is waited for */
    HOOK_IN_WINDOW,
    HOOK_AT_SWITCH, /* the new side is production from here: no name of the user's leads there yet */
    HOOK_AFTER_SWITCH,
    HOOK_BEFORE_ROLLBACK,
    HOOK_AT_ROLLBACK, /* the same on the way back */
    HOOK_AFTER_ROLLBACK,
    HOOK_POINTS
};
enum hook_on { HOOK_ON_OLD, HOOK_ON_NEW, HOOK_ON_RUNNER, HOOK_PLACES };
enum { HOOKS_MAX = 16, HOOK_TEXT_MAX = 16384, HOOK_OUTPUT_BYTES = 65536, HOOK_TIMEOUT_MS = 5 * 60 * 1000 };

struct hook {
    enum hook_point at;
    enum hook_on on;
    const char *sql, *command; /* one of them */
    int64_t timeout_ms;
    bool goes_on; /* a failure is a warning */
};

const char *hook_point_name(enum hook_point at); /* "after_prepare" */
const char *hook_on_name(enum hook_on on);
MUST_CHECK bool hook_point_parse(const char *name, enum hook_point *ret);
MUST_CHECK bool hook_on_parse(const char *name, enum hook_on *ret);
size_t hooks_at(const struct upgrade *u, enum hook_point at); /* how many */
/* In place, for a snapshot about to be made: those of a point that have run, as its tag. Value "": none. */
struct rds_tag hooks_note(struct upgrade *u, enum hook_point at, struct arena *a);
/* A point of hooks in one kind of upgrade: what is written down of them stands on which object of ours, and
 * which cluster is the old version, which the new one, at that moment. */
enum hook_memory { HOOK_NOT_HERE, ON_DEPLOYMENT, ON_OLD_CLUSTER, ON_SNAPSHOT, ON_RUN, NOWHERE };
struct hook_place {
    enum hook_memory memory; /* HOOK_NOT_HERE: this kind has no such point */
    enum side old_side, new_side;
    bool no_old, no_new; /* there is none at that moment */
};
extern const struct hook_place hooks_of_deployment[], hooks_of_snapshot[], hooks_of_clone[];

/* The rows of one point: is_done and run. */
#define HOOK_ROWS(point)                                                                                     \
    bool point##_hooks_done(struct upgrade *u, bool *ret, struct err *e);                                    \
    bool point##_hooks_run(struct upgrade *u, struct err *e)
HOOK_ROWS(after_prepare);
HOOK_ROWS(before_switch);
HOOK_ROWS(in_window);
HOOK_ROWS(at_switch);
HOOK_ROWS(after_switch);
HOOK_ROWS(before_rollback);
HOOK_ROWS(at_rollback);
HOOK_ROWS(after_rollback);
#undef HOOK_ROWS

/* ---- staging.c ---- */

bool soak_over(struct upgrade *u, bool *ret, struct err *e);
bool soak_fits(struct upgrade *u, int64_t until_wall_ms, struct err *e);
/* Open for longer than the outage may last. */
bool window_open(struct upgrade *u, bool *ret, struct err *e);
bool window_fits(struct upgrade *u, int64_t until_wall_ms, struct err *e);
bool window_check(struct upgrade *u, bool *ret, struct err *e);
/* Everything that a switch needs, at the same moment. */
bool switch_ready(struct upgrade *u, bool *ret, struct err *e);

/* ---- watch.c ---- */

bool watch_begun(struct upgrade *u, bool *ret, struct err *e);
bool watch_begin(struct upgrade *u, struct err *e);
bool watch_ended(struct upgrade *u, bool *ret, struct err *e);

#endif
