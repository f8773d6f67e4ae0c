#include "provider/staging.h"
#include "internal/upgrade/blue_green.h"
#include "internal/upgrade/errors.h"
#include "internal/upgrade/tags.h"

#include <stdio.h>
#include <string.h>

enum { INSTANCES_SHOWN = 15, TO_BEGIN_MS = 60 * 1000 };
static const int64_t hook_timeout_max_ms = 24LL * 3600000;

/* ---- checks of single values ---- */

bool validate_duration(const struct value *v, struct err *e)
{
    int64_t ms = 0;
    return duration_parse(value_as_text(v, ""), &ms) ||
           err_set(e, ERR_INVALID, "\"%s\" is not a duration such as \"90s\", \"30m\" or \"168h\"",
                   value_as_text(v, ""));
}

bool validate_window(const struct value *v, struct err *e)
{
    struct window w = {0};
    if (v->count == 0)
        return err_set(e, ERR_INVALID, "a list without a window would never let the switch happen");
    for (size_t i = 0; i < v->count; i++)
        if (!window_add(&w, value_as_text(v->items[i], ""), e))
            return false;
    return true;
}

static bool validate_hook_timeout(const struct value *v, struct err *e)
{
    int64_t ms = 0;
    if (!validate_duration(v, e))
        return false;
    return (duration_parse(value_as_text(v, ""), &ms) && ms >= 1000 && ms <= hook_timeout_max_ms) ||
           err_set(e, ERR_INVALID, "a hook may take 1 second to 24 hours");
}

static bool validate_hook_text(const struct value *v, struct err *e)
{
    const char *text = value_as_text(v, "");
    return (text[strspn(text, " \t\r\n")] != '\0' && strlen(text) <= HOOK_TEXT_MAX) ||
           err_set(e, ERR_INVALID, "a hook has 1 to %d bytes of text", HOOK_TEXT_MAX);
}

static const char *const hook_points[] = {"after_prepare",   "before_switch",  "in_window", "after_switch",
                                          "before_rollback", "after_rollback", NULL};
static const char *const logical_points[] = {"after_prepare", "before_switch",  "in_window",
                                             "at_switch",     "after_switch",   "before_rollback",
                                             "at_rollback",   "after_rollback", NULL};
static const char *const in_place_points[] = {"before_switch", "after_switch", "before_rollback",
                                              "after_rollback", NULL};
static const char *const hook_places[] = {"old", "new", "runner", NULL};
static const char *const failure_ways[] = {"abort", "continue", NULL};

const char hook_doc[] =
    "SQL or a command of yours at a point of the upgrade, at most 16, in their order. A hook that has run is "
    "not repeated by the next apply, unless its text changes; one whose apply died before that was written "
    "down is: hooks must be idempotent. A hook added behind a point that was passed is run by the next apply "
    "that walks past it.";

/* clang-format off */
#define HOOK_REST                                                                                                                                              \
    {.name = "command", .type = TF_STRING, .flags = TF_OPTIONAL, .validate = validate_hook_text,                                                               \
     .doc = "On `runner`: a command for `/bin/sh -c`. Its environment is `PATH`, `HOME` and the like, and `AURORA_HOOK`, `AURORA_CLUSTER`, `AURORA_REGION`, "  \
            "`AURORA_STAGE`, `AURORA_REACHED_STAGE`, `AURORA_TARGET_MAJOR`, `AURORA_OLD_CLUSTER`, `AURORA_OLD_ENDPOINT`, `AURORA_OLD_PORT` and the same for "  \
            "`NEW`; no credentials. What it prints goes to the journal."},                                                                                     \
    {.name = "timeout", .type = TF_STRING, .flags = TF_OPTIONAL, .validate = validate_hook_timeout,                                                            \
     .doc = "Default `\"5m\"`. Then the statement is cancelled, or the command and all it has started are killed, which counts as a failure."},                \
    {.name = "on_failure", .type = TF_STRING, .flags = TF_OPTIONAL, .one_of = failure_ways,                                                                    \
     .doc = "`abort` (default): the apply ends there, and applying again runs the hook again. `continue`: a warning."},                                        \
    {0}

const struct tf_attr hook_attrs[] = {
    {.name = "at", .type = TF_STRING, .flags = TF_REQUIRED, .one_of = hook_points,
     .doc = "When: `after_prepare` (the green side follows production), `before_switch` (before the window is waited for), `in_window` (right before the "
            "switch), `after_switch` (the new production is proved), `before_rollback`, `after_rollback`."},
    {.name = "on", .type = TF_STRING, .flags = TF_REQUIRED, .one_of = hook_places,
     .doc = "Where: `old` (production before the switch, the old side after it), `new` (the green side, production after the switch) or `runner` (this machine)."},
    {.name = "sql", .type = TF_STRING, .flags = TF_OPTIONAL, .validate = validate_hook_text,
     .doc = "On `old` or `new`: SQL for the side's default database, run as the login's user; without BEGIN of its own all of it happens or nothing. "
            "Until the switch AWS keeps the green side read-only by default, because a row written there can stop replication: SQL that has to write there begins with "
            "`SET TRANSACTION READ WRITE;`. After it the old side takes no writes."},
    HOOK_REST,
};

const struct tf_attr in_place_hook_attrs[] = {
    {.name = "at", .type = TF_STRING, .flags = TF_REQUIRED, .one_of = in_place_points,
     .doc = "When: `before_switch` (right before the snapshot), `after_switch` (the new version is proved), `before_rollback` (the snapshot is restored and proved, "
            "no name has moved; not before the upgrade), `after_rollback` (if there was a snapshot)."},
    {.name = "on", .type = TF_STRING, .flags = TF_REQUIRED, .one_of = hook_places,
     .doc = "Where: `old` (the old version: production until the upgrade and after the roll-back; before that the restored cluster), `new` (the new version: "
            "production) or `runner` (this machine)."},
    {.name = "sql", .type = TF_STRING, .flags = TF_OPTIONAL, .validate = validate_hook_text,
     .doc = "On `old` or `new`: SQL for its default database, run as the login's user; without BEGIN of its own all of it happens or nothing."},
    HOOK_REST,
};

const struct tf_attr logical_hook_attrs[] = {
    {.name = "at", .type = TF_STRING, .flags = TF_REQUIRED, .one_of = logical_points,
     .doc = "When: `after_prepare` (the clone follows production), `before_switch` (before the window is waited for), `in_window` (right before the switch, while production "
            "still takes writes), `at_switch` (production is the new cluster from here: with `endpoint = \"none\"` right behind the fence, the moment to lead names of your own "
            "there; else once names have moved), `after_switch` (the new production is proved), `before_rollback` (before the switch: the slots are dropped, nothing else, and if there is "
            "a clone; after it: right before production goes back), `at_rollback` (after it: production is the old cluster again from here), `after_rollback` (before the switch: if this apply removed a clone; after it: production has gone back, "
            "what was put aside is still there)."},
    {.name = "on", .type = TF_STRING, .flags = TF_REQUIRED, .one_of = hook_places,
     .doc = "Where: `old` (production, after the switch the old side), `new` (the clone, after the switch production) or `runner` (this machine)."},
    {.name = "sql", .type = TF_STRING, .flags = TF_OPTIONAL, .validate = validate_hook_text,
     .doc = "On `old` or `new`: SQL for the side's default database, run as the login's user; without BEGIN of its own all of it happens or nothing. "
            "A row written on the clone may collide with one of production's and stop the replication. The old side takes no writes."},
    HOOK_REST,
};
/* clang-format on */

/* ---- checks of several ---- */

static bool is_given(const struct value *v)
{
    return !value_is_null(v);
}

static void refuse_hook(struct tf_call *c, size_t index, const char *attribute, const char *why)
{
    tf_error(c, arena_printf(c->arena, "hook.%zu.%s", index, attribute), "The hook cannot be run", "%s", why);
}

/* What its point has no side for, or nobody would run. */
static void validate_point(const struct upgrade_kind *kind, struct tf_call *c, const struct value *hook,
                           size_t index)
{
    const char *on = value_as_text(value_get(hook, "on"), "");
    const struct value *in_window = value_get(c->config, "switch_in_maintenance_window");
    enum hook_point at;
    if (!hook_point_parse(value_as_text(value_get(hook, "at"), ""), &at))
        return;
    const struct hook_place *p = &kind->strategy->hook_places[at];
    if (p->no_new && strcmp(on, "new") == 0)
        refuse_hook(c, index, "on",
                    arena_printf(c->arena, "There is no new side at %s.", hook_point_name(at)));
    if (p->no_old && strcmp(on, "old") == 0)
        refuse_hook(c, index, "on",
                    arena_printf(c->arena, "There is no old side at %s.", hook_point_name(at)));
    if (at == HOOK_BEFORE_SWITCH && value_as_bool(in_window, false))
        refuse_hook(c, index, "at",
                    "With switch_in_maintenance_window AWS begins by itself: no apply is there to run it.");
}

static void validate_hook(struct tf_call *c, const struct value *hook, size_t index)
{
    const struct value *sql = value_get(hook, "sql"), *command = value_get(hook, "command");
    const char *on = value_as_text(value_get(hook, "on"), "");
    bool unknown = value_is_unknown(sql) || value_is_unknown(command);
    bool runner = strcmp(on, "runner") == 0;
    if (is_given(sql) && is_given(command) && !unknown)
        refuse_hook(c, index, "command", "A hook has either sql or command.");
    else if (!is_given(sql) && !is_given(command))
        refuse_hook(c, index, "on", "A hook needs sql (on old or new) or command (on runner).");
    else if (is_given(sql) && !unknown && runner)
        refuse_hook(c, index, "on", "SQL runs on \"old\" or \"new\", not on the runner.");
    else if (is_given(command) && !unknown && on[0] && !runner)
        refuse_hook(c, index, "on", "A command runs on \"runner\" only.");
}

/* A window that is always too short for the outage would let an apply wait for ever. */
static void validate_window_length(struct tf_call *c)
{
    const struct value *list = value_path(c->config, "cutover.window");
    const char *outage = value_as_text(value_path(c->config, "cutover.max_write_outage"), "300s");
    struct window w = {0};
    int64_t ms = 0;
    if (list->kind != VALUE_LIST || value_has_unknown(list) || !duration_parse(outage, &ms))
        return;
    for (size_t i = 0; i < list->count; i++)
        if (!window_add(&w, value_as_text(list->items[i], ""), NULL))
            return; /* told by the attribute's own check */
    if (list->count > 0 && window_next_ms(&w, 0, ms + TO_BEGIN_MS) < 0)
        tf_error(c, "cutover.window", "No window is long enough",
                 "A switch may take max_write_outage (%s), and every window has to be longer than that.",
                 outage);
}

void staging_validate(const struct upgrade_kind *kind, struct tf_call *c)
{
    const struct value *hooks = value_get(c->config, "hook");
    validate_window_length(c);
    if (hooks->kind != VALUE_LIST)
        return;
    if (hooks->count > HOOKS_MAX)
        tf_error(c, "hook", "Too many hooks", "There may be %d; let one of them do more.", HOOKS_MAX);
    for (size_t i = 0; i < hooks->count; i++) {
        validate_hook(c, hooks->items[i], i);
        validate_point(kind, c, hooks->items[i], i);
    }
}

/* ---- configuration → request ---- */

static const char *text_of(struct arena *a, const struct value *v, const char *name)
{
    const char *text = value_as_text(value_get(v, name), NULL);
    return text && text[0] ? arena_strdup(a, text) : NULL;
}

/* False: not of a shape that validate lets through. */
static bool read_hook(struct arena *a, const struct value *v, struct hook *ret)
{
    const char *timeout = value_as_text(value_get(v, "timeout"), NULL);
    *ret =
        (struct hook){.sql = text_of(a, v, "sql"),
                      .command = text_of(a, v, "command"),
                      .timeout_ms = HOOK_TIMEOUT_MS,
                      .goes_on = strcmp(value_as_text(value_get(v, "on_failure"), "abort"), "continue") == 0};
    if (timeout && !duration_parse(timeout, &ret->timeout_ms))
        return false;
    return !ret->sql == (ret->command != NULL) &&
           hook_point_parse(value_as_text(value_get(v, "at"), ""), &ret->at) &&
           hook_on_parse(value_as_text(value_get(v, "on"), ""), &ret->on);
}

static const struct window *read_window(struct arena *a, const struct value *list)
{
    if (list->kind != VALUE_LIST || list->count == 0)
        return NULL;
    struct window *w = ARENA_NEW(a, struct window);
    for (size_t i = 0; i < list->count; i++)
        (void)!window_add(w, value_as_text(list->items[i], ""), NULL); /* validated */
    return w;
}

void staging_read(struct arena *a, const struct value *attrs, struct request *r)
{
    const struct value *hooks = value_get(attrs, "hook");
    const char *watch = value_as_text(value_path(attrs, "cutover.watch_for"), NULL);
    size_t n = hooks->kind == VALUE_LIST ? hooks->count : 0;
    struct hook *list = ARENA_ARRAY(a, struct hook, n + 1);
    r->window = read_window(a, value_path(attrs, "cutover.window"));
    if (watch)
        (void)!duration_parse(watch, &r->watch_ms);
    for (size_t i = 0; i < n && i < HOOKS_MAX; i++)
        if (read_hook(a, hooks->items[i], &list[r->hook_count]))
            r->hook_count++;
    r->hooks = list;
}

/* ---- plans ---- */

bool staging_hooks_have_login(const struct upgrade *u, enum flow_stage reached, enum flow_stage wanted,
                              struct err *e)
{
    static const enum flow_stage stages[HOOK_POINTS] = {
        [HOOK_AFTER_PREPARE] = STAGE_PREPARED,      [HOOK_BEFORE_SWITCH] = STAGE_SWITCHED,
        [HOOK_IN_WINDOW] = STAGE_SWITCHED,          [HOOK_AT_SWITCH] = STAGE_SWITCHED,
        [HOOK_AFTER_SWITCH] = STAGE_SWITCHED,       [HOOK_AT_ROLLBACK] = STAGE_ROLLED_BACK,
        [HOOK_BEFORE_ROLLBACK] = STAGE_ROLLED_BACK, [HOOK_AFTER_ROLLBACK] = STAGE_ROLLED_BACK};
    for (size_t i = 0; i < u->request.hook_count && !u->has_login; i++) {
        const struct hook *k = &u->request.hooks[i];
        bool back = wanted == STAGE_ROLLED_BACK;
        bool ahead = back ? stages[k->at] == wanted : stages[k->at] > reached && stages[k->at] <= wanted;
        if (!k->sql || !ahead)
            continue;
        (void)upgrade_fail(e, E_HOOK_LOGIN,
                           "hook %zu runs SQL (%s, on %s), and there is no login for PostgreSQL", i + 1,
                           hook_point_name(k->at), hook_on_name(k->on));
        char path[32];
        (void)snprintf(path, sizeof path, "hook.%zu.sql", i);
        return err_attribute(e, path);
    }
    return true;
}

/* "orders-old1-1 (db.r6g.large), …", with what else is billed. */
static const char *billed(struct operation *o)
{
    struct upgrade *u = &o->upgrade;
    struct buf out CLEANUP(buf_done) = BUF_INIT(4096);
    const struct rds_instance *const *list = NULL;
    struct err ignored = ERR_INIT;
    size_t n = 0;
    if (!rds_instance_list(&u->aws, u->world.old->identifier, &list, &n, &ignored))
        return "its instances, storage and backups";
    for (size_t i = 0; i < n && i < INSTANCES_SHOWN; i++)
        (void)buf_printf(&out, "%s (%s), ", list[i]->identifier, list[i]->instance_class);
    (void)buf_puts(&out, "its storage and its backups");
    return arena_strdup(u->look, buf_text(&out));
}

static void remind_of_endpoint(struct operation *o, const struct rds_cluster *k)
{
    const struct rds_cluster *old = o->upgrade.world.old;
    const char *record = o->upgrade.request.record.name;
    const char *lead = record ? arena_printf(o->upgrade.look, "%s leads to the first.", record)
                              : "Lead your clients, or your DNS record, there.";
    tf_warn(o->call, "cutover.endpoint", "Production has another endpoint",
            "%s (%s) is production: %s, for readers %s, port %d. %s %s (%s) has kept its name; it is fenced, "
            "follows, and is billed like any other cluster "
            "until you delete it, which no stage does.",
            k->identifier, k->engine_version, k->endpoint, k->reader_endpoint, k->port, lead, old->identifier,
            old->engine_version);
}

void staging_remind(struct operation *o)
{
    struct upgrade *u = &o->upgrade;
    const struct rds_cluster *old = u->world.old;
    char ends[TIME_ISO_SIZE];
    bool noted = old && tag_time(&switch_notes(&u->world)->tags, TAG_SWITCHED_AT) > 0;
    if (u->world.reached != STAGE_SWITCHED || !noted || strcmp(old->status, "deleting") == 0)
        return;
    if (u->world.names_stay) {
        remind_of_endpoint(o, u->world.production);
        return;
    }
    int64_t ends_ms = retention_ends(u);
    time_iso(ends_ms, false, ends);
    tf_warn(o->call, "stage", "The old side still runs and costs money",
            "%s (%s) was put aside when %s was switched, and is billed like any other cluster: %s. stage = "
            "\"completed\" removes it, with a final snapshot; that is possible %s %s (retain_old_for).",
            old->identifier, old->engine_version, u->request.cluster, billed(o),
            u->clock->wall_ms(u->clock) >= ends_ms ? "since" : "from", ends);
}
