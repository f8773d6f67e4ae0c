#include "internal/flow/flow.h"
#include "internal/base/log.h"
#include "internal/flow/journal.h"

#include <stdatomic.h>
#include <string.h>

enum {
    OBSERVE_TRIES_DEFAULT = 10,
    PASSING_TRIES = 3,
    EACH_WAITING_MS = 50, /* twenty looks a second, of some calls each, however many walks wait */
    CONFLICT_PATIENCE_MS =
        5 * 60 * 1000 /* as long as hashicorp/aws repeats a call refused with Invalid…StateFault */
};

static const char *const stage_names[] = {"none",     "prepared",  "validated",
                                          "switched", "completed", "rolled_back"};
static const char *const kind_names[] = {"check", "change", "wait", "no_return"};
static const char *const durations[] = {"seconds", "minutes", "hours"};

const char *stage_name(enum flow_stage s)
{
    return stage_names[s];
}

bool stage_parse(const char *name, enum flow_stage *ret)
{
    for (size_t i = 0; i < ARRAY_LEN(stage_names); i++) {
        if (strcmp(name, stage_names[i]) == 0) {
            *ret = (enum flow_stage)i;
            return true;
        }
    }
    return false;
}

const char *step_kind_name(enum step_kind k)
{
    return kind_names[k];
}

static bool applies(const struct step *s, const struct upgrade *u)
{
    return !s->applies || s->applies(u);
}

bool flow_includes(const struct step *s, const struct upgrade *u, enum flow_stage reached,
                   enum flow_stage target)
{
    return s->stage > reached && s->stage <= target && applies(s, u);
}

/* ---- one row ---- */

static bool interrupted(const struct step *s, struct err *e)
{
    return err_set(e, ERR_CANCELLED, "step %s: interrupted; applying again continues here", s->name);
}

/* A look that Stop has cut short says no more than that, unless the row has words of its own for it. */
static OWN_FRAME bool observe(const struct flow_run *r, const struct step *s, bool *ret, struct err *e)
{
    bool done = false;
    struct err why = ERR_INIT;
    if (s->is_done(r->u, &done, &why)) {
        *ret = done;
        return true;
    }
    if (why.code == ERR_CANCELLED && !why.id && stop_requested(r->stop))
        return interrupted(s, e);
    if (e)
        *e = why;
    return err_wrap(e, "step %s: observe", s->name);
}

static bool paused(const struct flow_run *r, const struct step *s, struct err *e)
{
    if (stop_requested(r->stop))
        return interrupted(s, e);
    if (r->clock->mono_ms(r->clock) >= r->deadline_ms) {
        (void)err_set(e, ERR_PAUSED, "step %s: the time allowed by `timeouts` is over", s->name);
        return err_hint(e, "Nothing was undone. Apply again to go on, or raise the time-out.");
    }
    return true;
}

/* What failed did so for something that has passed. Each row has a few tries, so that none goes on for ever.
 */
static bool has_passed(const struct flow_run *r, const struct step *s, const struct err *why, int *tries)
{
    if (!r->is_over || s->kind == STEP_NO_RETURN || s->blocks_writes || *tries >= PASSING_TRIES ||
        !r->is_over(r->is_over_arg, why))
        return false;
    ++*tries;
    journal_event(r->journal, s->name, "again", why->text);
    return true;
}

static bool may_change(const struct flow_run *r, struct err *e)
{
    return !r->may_change || r->may_change(r->may_change_arg, e);
}

/* WAIT rows of all walks of this process. */
static atomic_int waiting;

/* An eighth of what was already waited: short waits end promptly, long ones ask AWS seldom; a sixty-fourth
 * where nobody can write until the wait is over. The more walks wait the longer each pauses, because AWS
 * counts the calls of them all. */
static int64_t pause_length(const struct flow_run *r, const struct step *s, int64_t waited_ms)
{
    int64_t longest = r->poll_max_ms > r->poll_ms ? r->poll_max_ms : r->poll_ms;
    int64_t pause = waited_ms / (s->blocks_writes ? 64 : 8),
            share = (int64_t)atomic_load(&waiting) * EACH_WAITING_MS;
    pause = pause < r->poll_ms ? r->poll_ms : pause > longest ? longest : pause;
    return pause > share ? pause : share;
}

/* No use in waiting for what cannot be over in the time that is left. */
static bool fits(const struct flow_run *r, const struct step *s, struct err *e)
{
    int64_t left = r->deadline_ms - r->clock->mono_ms(r->clock);
    return !s->fits || s->fits(r->u, r->clock->wall_ms(r->clock) + left, e);
}

/* Where a walk is. Nothing else of it stands on the stack while it waits: that may be for hours, and a
 * thousand may wait. */
struct walk {
    const struct flow_run *r;
    size_t start, at;
    const struct step *failed;
    bool has_begun, is_waiting, was_stopped;
    int64_t since;    /* when the present wait began */
    int64_t pause_ms; /* after PAUSES */
    int tries;        /* of the present row, behind what passes */
};

enum progress { ENDED, FAILED, PAUSES };

static bool begin_wait(struct walk *w, const struct step *s, struct err *e)
{
    if (!paused(w->r, s, e))
        return false;
    log_debug("flow", "%s: step %s (%s)", w->r->flow->name, s->name, kind_names[s->kind]);
    if (!may_change(w->r, e))
        return false;
    w->since = w->r->clock->mono_ms(w->r->clock);
    w->is_waiting = true;
    (void)atomic_fetch_add(&waiting, 1);
    return true;
}

static void end_wait(struct walk *w)
{
    if (w->is_waiting)
        (void)atomic_fetch_sub(&waiting, 1);
    w->is_waiting = false;
}

/* A failing observation ends the wait: transient faults were already retried below. */
static enum progress look_once(struct walk *w, const struct step *s, struct err *e)
{
    const struct flow_run *r = w->r;
    bool done = false, may_look = w->is_waiting ? !w->was_stopped || paused(r, s, e) : begin_wait(w, s, e);
    if (!may_look || !observe(r, s, &done, e))
        return FAILED;
    if (done) {
        journal_event(r->journal, s->name, "done", "");
        return ENDED;
    }
    if (!paused(r, s, e) || !fits(r, s, e))
        return FAILED;
    w->pause_ms = pause_length(r, s, r->clock->mono_ms(r->clock) - w->since);
    return PAUSES;
}

static enum progress wait_row(struct walk *w, const struct step *s, struct err *e)
{
    enum progress p = look_once(w, s, e);
    if (p != PAUSES)
        end_wait(w);
    if (p == FAILED)
        journal_event(w->r->journal, s->name, "error", e->text);
    return p;
}

/* A conflict that the other side reports and no row has named is a passing state of the object: tried again
 * for a while. */
static bool run_patiently(const struct flow_run *r, const struct step *s, struct err *e)
{
    int64_t until = r->clock->mono_ms(r->clock) + CONFLICT_PATIENCE_MS;
    for (;;) {
        bool done = false;
        if (s->run(r->u, e))
            return true;
        if (e->code != ERR_CONFLICT || e->id || s->kind == STEP_NO_RETURN ||
            r->clock->mono_ms(r->clock) >= until)
            return err_wrap(e, "step %s", s->name);
        journal_event(r->journal, s->name, "refused", e->text);
        if (r->clock->wait(r->clock, r->stop, r->poll_ms))
            return paused(r, s, e);
        if (!observe(r, s, &done, e))
            return false;
        if (done)
            return true;
    }
}

static bool change(const struct flow_run *r, const struct step *s, struct err *e)
{
    bool done = false;
    if (!observe(r, s, &done, e))
        return false;
    if (done) {
        journal_event(r->journal, s->name, "found", "");
        return true;
    }
    if (!may_change(r, e))
        return false;
    journal_event(r->journal, s->name, "intent", "");
    if (!run_patiently(r, s, e))
        return false;
    int tries = r->observe_tries ? r->observe_tries : OBSERVE_TRIES_DEFAULT;
    for (int i = 0; i < tries; i++) {
        if (!observe(r, s, &done, e))
            return false;
        if (done) {
            journal_event(r->journal, s->name, "done", "");
            return true;
        }
        if (r->clock->wait(r->clock, r->stop, r->poll_ms))
            break;
    }
    if (!paused(r, s, e))
        return false;
    return err_set(e, ERR_REMOTE, "step %s was carried out, but its effect cannot be observed", s->name);
}

static bool one_row(const struct flow_run *r, const struct step *s, struct err *e)
{
    if (!paused(r, s, e))
        return false;
    log_debug("flow", "%s: step %s (%s)", r->flow->name, s->name, kind_names[s->kind]);
    bool ok = change(r, s, e);
    if (!ok)
        journal_event(r->journal, s->name, "error", e->text);
    return ok;
}

/* ---- where to begin ---- */

/* Index of the first row to look at: behind the last NO_RETURN row observed done, or at it while it is under
 * way. */
static bool find_start(const struct flow_run *r, size_t *ret, struct err *e)
{
    for (size_t i = r->flow->count; i-- > 0;) {
        const struct step *s = &r->flow->steps[i];
        bool done = false;
        if (s->kind != STEP_NO_RETURN || !applies(s, r->u))
            continue;
        if (!observe(r, s, &done, e))
            return false;
        if (done) {
            *ret = i + 1;
            return true;
        }
        if (s->is_underway && !s->is_underway(r->u, &done, e))
            return err_wrap(e, "step %s: observe", s->name);
        if (done) {
            *ret = i;
            return true;
        }
    }
    *ret = 0;
    return true;
}

/* A call of an apply that was cut short may have its effect late, under this walk: what fails then above the
 * point of no return is history. True: the walk goes on at *ret. */
static OWN_FRAME bool is_overtaken(const struct flow_run *r, size_t at, const struct err *why, size_t *ret)
{
    const struct step *s = &r->flow->steps[at];
    struct err ignored = ERR_INIT;
    size_t now = 0;
    bool is_pause = why->code == ERR_PAUSED || why->code == ERR_CANCELLED || stop_requested(r->stop);
    if (is_pause || s->kind == STEP_NO_RETURN || !find_start(r, &now, &ignored) || now <= at)
        return false;
    journal_event(r->journal, s->name, "overtaken", why->text);
    *ret = now;
    return true;
}

/* ---- a group of checks ---- */

static void report(const struct flow_run *r, const struct step *s, const struct err *finding)
{
    journal_event(r->journal, s->name, "finding", finding->text);
    if (r->report)
        r->report(r->report_arg, s, finding);
}

/* Runs all CHECK rows from *index on; leaves *index at the last of them, or in front of where to go on. */
static OWN_FRAME bool check_group(const struct flow_run *r, size_t *index, const struct step **ret_failed,
                                  struct err *e)
{
    size_t failed = 0, i = *index, start = 0;
    int tries = 0;
    struct err first = ERR_INIT;
    for (; i < r->flow->count && r->flow->steps[i].kind == STEP_CHECK; i++) {
        const struct step *s = &r->flow->steps[i];
        struct err finding = ERR_INIT;
        bool passes = false;
        if (s->stage > r->target || !applies(s, r->u))
            continue;
        if (!paused(r, s, e))
            return false;
        if (s->is_done(r->u, &passes, &finding) && passes) {
            journal_event(r->journal, s->name, "done", "");
            continue;
        }
        if (has_passed(r, s, &finding, &tries)) {
            i--;
            continue;
        }
        if (finding.code == ERR_NONE)
            (void)err_set(&finding, ERR_INVALID, "check %s failed", s->name);
        if (failed == 0 && is_overtaken(r, i, &finding, &start)) {
            *index = start - 1;
            return true;
        }
        report(r, s, &finding);
        if (failed++ == 0) {
            first = finding;
            *ret_failed = s;
        }
    }
    *index = i - 1;
    if (failed == 0)
        return true;
    *e = first;
    if (failed > 1)
        return err_wrap(e, "%zu checks failed, the first", failed);
    return false;
}

/* ---- the walk ---- */

static void undo_rows(const struct flow_run *r, size_t start, size_t end)
{
    for (size_t i = end + 1; i-- > start;) {
        const struct step *s = &r->flow->steps[i];
        struct err e = ERR_INIT;
        if (!s->undo_on_failure || !applies(s, r->u))
            continue;
        bool ok = s->undo(r->u, &e);
        journal_event(r->journal, s->name, ok ? "undone" : "undo-error", ok ? "" : e.text);
        if (!ok) {
            (void)err_wrap(&e, "undo %s", s->name);
            report(r, s, &e);
        }
    }
}

static bool has_undo(const struct flow_run *r, size_t start, size_t end)
{
    for (size_t i = start; i <= end; i++)
        if (r->flow->steps[i].undo_on_failure && applies(&r->flow->steps[i], r->u))
            return true;
    return false;
}

/* Never beyond a point of no return that was passed, whatever the row itself reported. */
static OWN_FRAME void undo_after_failure(const struct flow_run *r, size_t start, size_t failed)
{
    size_t now = start;
    struct err ignored = ERR_INIT;
    if (!has_undo(r, start, failed))
        return;
    if (!find_start(r, &now, &ignored)) {
        (void)err_wrap(&ignored,
                       "not undone, because it cannot be told whether the point of no return was passed");
        report(r, &r->flow->steps[failed], &ignored);
        return;
    }
    undo_rows(r, now > start ? now : start, failed);
}

static bool begin(struct walk *w, struct err *e)
{
    if (w->has_begun)
        return true;
    w->has_begun = true;
    journal_event(w->r->journal, "", "begin", stage_name(w->r->target));
    if (!may_change(w->r, e) || !find_start(w->r, &w->start, e))
        return false;
    w->at = w->start;
    return true;
}

static enum progress next_row(struct walk *w, const struct step *s, struct err *e)
{
    if (s->kind == STEP_WAIT)
        return wait_row(w, s, e);
    bool ok = s->kind == STEP_CHECK ? check_group(w->r, &w->at, &w->failed, e) : one_row(w->r, s, e);
    return ok ? ENDED : FAILED;
}

/* From where it is to the next pause or the end. */
static enum progress walk_on(struct walk *w, struct err *e)
{
    const struct flow_run *r = w->r;
    enum progress p = begin(w, e) ? ENDED : FAILED;
    for (; p == ENDED && w->at < r->flow->count; w->at++) {
        const struct step *s = &r->flow->steps[w->at];
        if (s->stage > r->target)
            break;
        if (s->kind != STEP_CHECK && !applies(s, r->u))
            continue;
        size_t first = w->at;
        w->failed = s;
        p = next_row(w, s, e);
        if (p == PAUSES)
            return p;
        if (p == FAILED && s->kind != STEP_CHECK && e && has_passed(r, s, e, &w->tries)) {
            *e = (struct err)ERR_INIT;
            w->at--;
            p = ENDED;
            continue;
        }
        w->tries = 0;
        if (p == FAILED && s->kind != STEP_CHECK && is_overtaken(r, first, e, &w->at)) {
            w->at--; /* the loop goes on at it */
            p = ENDED;
        }
        if (p == FAILED)
            undo_after_failure(r, w->start, first);
    }
    bool ok = p == ENDED;
    journal_event(r->journal, w->failed && !ok ? w->failed->name : "", ok ? "end" : "failed",
                  ok ? "" : e->text);
    return p;
}

/* The error is told before it would have to stand through the next pause. */
static OWN_FRAME enum progress walk_on_alone(struct walk *w)
{
    struct err e = ERR_INIT;
    enum progress p = walk_on(w, &e);
    if (p == FAILED && w->r->failed)
        w->r->failed(w->r->failed_arg, w->failed, &e);
    return p;
}

bool flow_apply(const struct flow_run *r, const struct step **ret_failed, struct err *e)
{
    struct walk w = {.r = r};
    enum progress p;
    while ((p = e ? walk_on(&w, e) : walk_on_alone(&w)) == PAUSES) {
        if (r->rest)
            r->rest(r->rest_arg);
        w.was_stopped = r->clock->wait(r->clock, r->stop, w.pause_ms);
    }
    if (p == FAILED && ret_failed)
        *ret_failed = w.failed;
    return p == ENDED;
}

/* ---- the rules of a table ---- */

static bool bad(struct err *e, const struct flow *f, const struct step *s, const char *rule)
{
    return err_set(e, ERR_BUG, "flow %s, step %s: %s", f->name, s->name ? s->name : "(no name)", rule);
}

static bool check_columns(const struct flow *f, const struct step *s, struct err *e)
{
    bool known = false;
    for (size_t i = 0; i < ARRAY_LEN(durations); i++)
        known = known || (s->duration && strcmp(s->duration, durations[i]) == 0);
    bool acts = s->kind == STEP_CHANGE || s->kind == STEP_NO_RETURN;
    if (!s->name || !s->describe || !s->is_done || !known)
        return bad(e, f, s, "needs name, describe, is_done and a duration");
    if (acts != (s->run != NULL))
        return bad(e, f, s, "CHANGE and NO_RETURN have run, CHECK and WAIT have not");
    if (s->kind != STEP_CHANGE && (s->undo || s->undo_on_failure))
        return bad(e, f, s, "only CHANGE may be undone");
    if (s->is_underway && s->kind != STEP_NO_RETURN)
        return bad(e, f, s, "only NO_RETURN may be under way");
    if (s->fits && s->kind != STEP_WAIT)
        return bad(e, f, s, "only a WAIT may fit or not");
    if (s->undo_on_failure && !s->undo)
        return bad(e, f, s, "undo_on_failure without undo");
    if (acts && !s->equivalent)
        return bad(e, f, s, "a change shows its equivalent");
    return true;
}

static bool check_text(const struct flow *f, const struct step *s, const struct upgrade *sample,
                       struct err *e)
{
    struct buf text = BUF_INIT(4096);
    s->describe(sample, &text);
    bool ok = text.n > 0 && !text.overflow && text.p[text.n - 1] == '.';
    buf_done(&text);
    return ok || bad(e, f, s, "describe gives one sentence that ends with a full stop");
}

bool flow_check(const struct flow *f, const struct upgrade *sample, struct err *e)
{
    bool no_return = false;
    for (size_t i = 0; i < f->count; i++) {
        const struct step *s = &f->steps[i];
        if (!check_columns(f, s, e) || !check_text(f, s, sample, e))
            return false;
        for (size_t k = 0; k < i; k++)
            if (strcmp(f->steps[k].name, s->name) == 0)
                return bad(e, f, s, "name used twice");
        if (i > 0 && s->stage < f->steps[i - 1].stage)
            return bad(e, f, s, "stages go down");
        if (no_return && (s->kind == STEP_NO_RETURN || s->undo))
            return bad(e, f, s, "stands behind the point of no return");
        no_return = no_return || s->kind == STEP_NO_RETURN;
    }
    return true;
}
