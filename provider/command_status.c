/* status, watch, wait — how far an upgrade has come, once or until something happens. */
#include "provider/command.h"
#include "provider/upgrade_status.h"

#include "internal/upgrade/errors.h"

#include <stdio.h>
#include <string.h>

enum { POLL_FIRST_MS = 1000, POLL_LAST_MS = 30000, TEXT_MAX = 1 << 20 };

/* ---- one look ---- */

/* What the table still has before it, and what is behind it. */
static const struct value *steps_of(struct operation *o, enum flow_stage reached)
{
    struct arena *a = o->call->arena;
    const struct flow *f = reached == STAGE_ROLLED_BACK ? o->kind->put_away : o->kind->forward;
    struct value *v = value_object(a);
    int64_t done = 0;
    if (reached == STAGE_ROLLED_BACK)
        reached = STAGE_NONE;
    for (size_t n = 0; n < f->count; n++)
        done += flow_includes(&f->steps[n], &o->upgrade, STAGE_NONE, reached);
    value_set(a, v, "done", value_int(a, done));
    value_set(a, v, "left", planned_steps(o, f, reached, STAGE_COMPLETED));
    return v;
}

static bool has_run(const struct value *status)
{
    return !value_is_null(value_get(status, "resource"));
}

/* How many rows are behind it shows in the stage alone; in the middle of a roll-back, and where AWS shows no
 * stage, that says nothing. */
static bool has_steps(const struct operation *o, enum flow_stage reached)
{
    return !o->upgrade.world.restored && (o->kind->strategy->shows_stages || reached >= STAGE_SWITCHED);
}

static bool look(struct invocation *i, const struct value **ret, struct err *e)
{
    struct operation o;
    const struct value *status = NULL;
    if (!operation_start(&o, &kind_blue_green, &i->call, command_attrs(i), &value_null))
        return err_set(e, ERR_NONE, "told");
    o.may_give_up = true;
    bool ok = upgrade_status(&o, &status, e);
    if (ok) {
        status = tf_with(&i->call, status, "cluster_identifier", value_string(i->arena, i->cluster));
        enum flow_stage reached = stage_of(status, "reached_stage");
        bool counted = has_run(status) && has_steps(&o, reached);
        status = tf_with(&i->call, status, "steps", counted ? steps_of(&o, reached) : &value_null);
    }
    operation_done(&o);
    if (ok)
        *ret = status;
    return ok;
}

/* ---- for people ---- */

static const char *at(const struct value *v, const char *path)
{
    return value_as_text(value_path(v, path), "");
}

static void say_side(struct buf *out, const struct value *status, const char *name, const char *title)
{
    const struct value *k = value_get(status, name);
    if (!value_is_null(k))
        (void)buf_printf(out, "%-12s %s, %s, %s\n", title, at(k, "identifier"), at(k, "engine_version"),
                         at(k, "status"));
}

static void say_deployment(struct buf *out, const struct value *status)
{
    const struct value *d = value_get(status, "deployment"), *members = value_get(status, "members");
    if (value_is_null(d))
        return;
    (void)buf_printf(out, "%-12s %s (%s)%s, %s%s%s\n", "Deployment:", at(d, "name"), at(d, "identifier"),
                     value_as_bool(value_get(d, "is_ours"), false) ? "" : ", made elsewhere", at(d, "status"),
                     *at(d, "status_details") ? ": " : "", at(d, "status_details"));
    for (size_t n = 0; n < members->count; n++) {
        const struct value *m = members->items[n];
        (void)buf_printf(out, "%-12s %s -> %s, %s\n", "", at(m, "source"),
                         *at(m, "target") ? at(m, "target") : "(not made yet)", at(m, "status"));
    }
}

static void say_lag(struct buf *out, const struct value *status)
{
    const struct value *lag = value_get(status, "lag_bytes"), *slots = value_get(status, "slots");
    if (*at(status, "catch_up"))
        (void)buf_printf(out, "%-12s %s\n", "Following:", at(status, "catch_up"));
    if (value_is_null(value_get(status, "deployment")) || !value_is_null(value_get(status, "old_side")))
        return;
    if (value_is_null(lag))
        (void)buf_printf(
            out,
            "%-12s not known: that takes a login for PostgreSQL (PGUSER, PGPASSWORD) and a new side "
            "that is built\n",
            "Lag:");
    else
        (void)buf_printf(out, "%-12s %s bytes at most, %zu slot%s\n", "Lag:", lag->text, slots->count,
                         slots->count == 1 ? "" : "s");
}

static void say_not_followed(struct buf *out, const struct value *status)
{
    enum { SHOWN = 10 };
    const struct value *list = value_get(status, "not_followed");
    if (list->kind != VALUE_LIST || list->count == 0)
        return;
    (void)buf_printf(out, "%-12s ", "Left out:");
    for (size_t n = 0; n < list->count && n < SHOWN; n++)
        (void)buf_printf(out, "%s%s", n ? ", " : "", value_as_text(list->items[n], ""));
    if (list->count > SHOWN)
        (void)buf_printf(out, " and %zu more", list->count - SHOWN);
    (void)buf_puts(out, "\n");
}

static void say_steps(struct buf *out, const struct value *status)
{
    const struct value *left = value_path(status, "steps.left");
    if (value_is_null(value_get(status, "steps")))
        return;
    (void)buf_printf(out, "%-12s %lld done, %zu left",
                     "Steps:", (long long)value_as_int(value_path(status, "steps.done"), 0), left->count);
    if (left->count > 0)
        (void)buf_printf(out, "; the next: %s", at(left->items[0], "description"));
    (void)buf_puts(out, "\n");
}

static void say_findings(struct buf *out, const struct value *status)
{
    const struct value *list = value_get(status, "findings");
    for (size_t n = 0; n < list->count; n++) {
        const struct value *f = list->items[n];
        (void)buf_printf(out, "Finding:     %s: %s\n", at(f, "id"), at(f, "summary"));
        if (*at(f, "said"))
            (void)buf_printf(out, "             %s\n", at(f, "said"));
        (void)buf_printf(out, "             %s\n", at(f, "next"));
    }
}

static const char *as_text(struct invocation *i, const struct value *status)
{
    CLEANUP(buf_done) struct buf b = BUF_INIT(TEXT_MAX);
    const char *from = at(status, "source_engine_version"), *to = at(status, "target_engine_version");
    (void)buf_printf(&b, "%-12s %s", "Stage:", at(status, "reached_stage"));
    if (*to)
        (void)buf_printf(&b, " (%s to %s)", *from ? from : "?", to);
    (void)buf_puts(&b, value_as_bool(value_get(status, "in_flight"), false) ? ", AWS is at work\n" : "\n");
    (void)buf_printf(&b, "%-12s %s\n", "State:", at(status, "situation"));
    say_side(&b, status, "production", "Production:");
    say_side(&b, status, "new_side", "New side:");
    say_side(&b, status, "old_side", "Old side:");
    say_side(&b, status, "rehearsal", "Rehearsal:");
    if (*at(status, "switched_at"))
        (void)buf_printf(&b, "%-12s %s\n", "Switched:", at(status, "switched_at"));
    if (!value_is_null(value_get(status, "snapshot")))
        (void)buf_printf(&b, "%-12s %s, %s, %s\n", "Snapshot:", at(status, "snapshot.identifier"),
                         at(status, "snapshot.engine_version"), at(status, "snapshot.status"));
    say_deployment(&b, status);
    say_lag(&b, status);
    say_not_followed(&b, status);
    if (*at(status, "held_by"))
        (void)buf_printf(&b, "%-12s an apply of %s\n", "At work:", at(status, "held_by"));
    say_steps(&b, status);
    say_findings(&b, status);
    (void)buf_printf(&b, "%-12s %s\n", "Next:", at(status, "next"));
    return arena_strdup(i->arena, buf_text(&b));
}

static enum command_status verdict(const struct value *status)
{
    return value_get(status, "findings")->count > 0 ? COMMAND_FINDINGS : COMMAND_DONE;
}

enum command_status command_status(struct invocation *i)
{
    struct err e = ERR_INIT;
    const struct value *status = NULL;
    if (!command_open(i, &e) || !look(i, &status, &e))
        return command_fail(i, &e);
    return command_answer(i, status, as_text(i, status), verdict(status));
}

/* ---- look after look ---- */

struct watch {
    struct invocation *i;
    enum flow_stage wanted; /* STAGE_NONE: whatever comes */
    int64_t started_ms, deadline_ms;
    const struct value *seen; /* what was told last, in `kept` */
    struct arena *kept;
};

/* Positions move all the time; that is no news. */
static const struct value *without_positions(struct invocation *i, const struct value *status)
{
    static const char *const moving[] = {"apply_rate", "catch_up",   "lag_bytes", "lag_seconds",
                                         "slots",      "write_rate", "workers"};
    for (size_t n = 0; n < ARRAY_LEN(moving); n++)
        status = tf_with(&i->call, status, moving[n], &value_null);
    return status;
}

static bool tell_news(struct watch *w, const struct value *status, struct err *e)
{
    struct invocation *i = w->i;
    const struct value *plain = without_positions(i, status);
    CLEANUP(buf_done) struct buf b = BUF_INIT(TEXT_MAX);
    if (w->seen && value_equal(w->seen, plain))
        return true;
    if (!value_to_json(plain, &b, e))
        return false;
    struct arena *kept = arena_new();
    if (!value_from_json(kept, buf_view(&b), &w->seen, e)) {
        arena_free(kept);
        return false;
    }
    arena_free(w->kept);
    w->kept = kept;
    return i->json ? command_print_json(status, e)
                   : command_print(as_text(i, status), e) && command_print("\n", e);
}

static bool is_untouched(const struct value *status, enum flow_stage reached)
{
    return reached == STAGE_NONE && !has_run(status) && !value_as_bool(value_get(status, "in_flight"), false);
}

static bool is_reached(const struct watch *w, const struct value *status)
{
    enum flow_stage reached = stage_of(status, "reached_stage");
    if (w->wanted == STAGE_ROLLED_BACK || reached == STAGE_ROLLED_BACK)
        return w->wanted == reached || (w->wanted == STAGE_ROLLED_BACK && is_untouched(status, reached));
    return w->wanted != STAGE_NONE && reached >= w->wanted;
}
/* A deployment that has failed becomes nothing else any more. */
static bool is_hopeless(const struct value *status)
{
    const struct value *list = value_get(status, "findings");
    for (size_t n = 0; n < list->count; n++)
        if (strcmp(at(list->items[n], "id"), upgrade_errors[E_DEPLOYMENT_FAILED].id) == 0)
            return true;
    return false;
}

static enum command_status ended(const struct watch *w, const struct value *status, bool *ret_ended)
{
    bool over =
        w->wanted == STAGE_NONE && !has_run(status) && !value_as_bool(value_get(status, "in_flight"), false);
    *ret_ended = true;
    if (is_reached(w, status) || over)
        return COMMAND_DONE;
    if (w->wanted != STAGE_NONE && is_hopeless(status))
        return COMMAND_FINDINGS;
    *ret_ended = false;
    return COMMAND_DONE;
}

/* An eighth of what was already waited, as the engine does. False: interrupted, or the time is over. */
static bool pause(struct watch *w, struct err *e)
{
    struct clock *c = clock_real();
    int64_t now = c->mono_ms(c), length = (now - w->started_ms) / 8;
    length = length < POLL_FIRST_MS ? POLL_FIRST_MS : length > POLL_LAST_MS ? POLL_LAST_MS : length;
    if (now + length > w->deadline_ms)
        length = w->deadline_ms - now;
    if (length <= 0)
        return err_set(e, ERR_PAUSED, "%s: the time allowed by --timeout is over", w->i->command->name);
    return !c->wait(c, w->i->stop, length) ||
           err_set(e, ERR_CANCELLED, "%s: interrupted", w->i->command->name);
}

/* Each look in an arena of its own, so that a day of them needs no more memory than one. */
static enum command_status one_look(struct watch *w, bool *ret_ended)
{
    struct invocation *i = w->i;
    struct arena *whole = i->arena, *a CLEANUP(arena_cleanup) = arena_new();
    struct err e = ERR_INIT;
    const struct value *status = NULL;
    i->arena = i->call.arena = a;
    bool ok = look(i, &status, &e) && tell_news(w, status, &e);
    enum command_status result = ok ? ended(w, status, ret_ended) : command_fail(i, &e);
    *ret_ended = *ret_ended || !ok;
    i->arena = i->call.arena = whole;
    return result;
}

static enum command_status go_on_looking(struct watch *w)
{
    struct clock *c = clock_real();
    struct err e = ERR_INIT;
    int64_t given = INT64_MAX / 2;
    if (w->i->timeout && !duration_parse(w->i->timeout, &given)) {
        (void)upgrade_fail(&e, E_USAGE, "--timeout: \"%s\" is not a duration such as \"90s\" or \"2h\"",
                           w->i->timeout);
        return command_fail(w->i, &e);
    }
    if (!command_open(w->i, &e))
        return command_fail(w->i, &e);
    w->started_ms = c->mono_ms(c);
    w->deadline_ms = given < INT64_MAX / 2 ? w->started_ms + given : INT64_MAX;
    for (;;) {
        bool is_ended = false;
        enum command_status status = one_look(w, &is_ended);
        if (is_ended)
            return status;
        if (!pause(w, &e))
            return command_fail(w->i, &e);
    }
}

static enum command_status run_watch(struct watch *w)
{
    enum command_status status = go_on_looking(w);
    arena_free(w->kept);
    return status;
}

enum command_status command_watch(struct invocation *i)
{
    struct watch w = {.i = i, .wanted = STAGE_NONE};
    return run_watch(&w);
}

enum command_status command_wait(struct invocation *i)
{
    struct watch w = {.i = i};
    struct err e = ERR_INIT;
    if (i->stage && stage_parse(i->stage, &w.wanted) && w.wanted != STAGE_NONE)
        return run_watch(&w);
    (void)upgrade_fail(&e, E_USAGE,
                       "wait needs --for prepared, validated, switched, completed or rolled_back");
    return command_fail(i, &e);
}
