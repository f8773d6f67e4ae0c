#include "internal/aws/process.h"
#include "internal/pg/script.h"
#include "internal/upgrade/blue_green.h"
#include "internal/upgrade/errors.h"
#include "internal/upgrade/staging.h"
#include "internal/upgrade/tags.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PRINT_DIGITS = 12, LINE_BYTES = 1000 };

/* Where it is written down that hooks of a point have run. */
enum memory { ON_DEPLOYMENT, ON_OLD_CLUSTER, NOWHERE };

static const struct {
    const char *name, *tag;
    enum memory memory;
    enum side old_side, new_side;
} points[HOOK_POINTS] = {
    [HOOK_AFTER_PREPARE] = {"after_prepare", TAG_HOOKS "after-prepare", ON_DEPLOYMENT, SIDE_BLUE, SIDE_GREEN},
    [HOOK_BEFORE_SWITCH] = {"before_switch", TAG_HOOKS "before-switch", ON_DEPLOYMENT, SIDE_BLUE, SIDE_GREEN},
    [HOOK_IN_WINDOW] = {"in_window", TAG_HOOKS "in-window", ON_DEPLOYMENT, SIDE_BLUE, SIDE_GREEN},
    [HOOK_AFTER_SWITCH] = {"after_switch", TAG_HOOKS "after-switch", ON_OLD_CLUSTER, SIDE_OLD, SIDE_BLUE},
    [HOOK_BEFORE_ROLLBACK] = {"before_rollback", TAG_HOOKS "before-rollback", ON_DEPLOYMENT, SIDE_BLUE,
                              SIDE_GREEN},
    [HOOK_AFTER_ROLLBACK] = {"after_rollback", NULL, NOWHERE, SIDE_BLUE, SIDE_GREEN},
};
static const char *const places[HOOK_PLACES] = {"old", "new", "runner"};

const char *hook_point_name(enum hook_point at)
{
    return points[at].name;
}

const char *hook_on_name(enum hook_on on)
{
    return places[on];
}

bool hook_point_parse(const char *name, enum hook_point *ret)
{
    for (size_t i = 0; i < HOOK_POINTS; i++) {
        if (strcmp(points[i].name, name) == 0) {
            *ret = (enum hook_point)i;
            return true;
        }
    }
    return false;
}

bool hook_on_parse(const char *name, enum hook_on *ret)
{
    for (size_t i = 0; i < HOOK_PLACES; i++) {
        if (strcmp(places[i], name) == 0) {
            *ret = (enum hook_on)i;
            return true;
        }
    }
    return false;
}

size_t hooks_at(const struct upgrade *u, enum hook_point at)
{
    size_t n = 0;
    for (size_t i = 0; i < u->request.hook_count; i++)
        n += u->request.hooks[i].at == at;
    return n;
}

/* ---- what has run ---- */

static bool is_on_old(const struct upgrade *u, enum hook_point at)
{
    return points[at].memory == ON_OLD_CLUSTER && u->world.old;
}

static const char *noted(const struct upgrade *u, enum hook_point at)
{
    const struct rds_tags *tags = is_on_old(u, at) ? &u->world.old->tags
                                  : points[at].memory != NOWHERE && u->world.deployment
                                      ? &u->world.deployment->tags
                                      : NULL;
    const char *text = tags ? rds_tag_value(tags, points[at].tag) : NULL;
    return text ? text : "";
}

static uint64_t mix(uint64_t h, const char *text)
{
    for (; *text; text++)
        h = (h ^ (unsigned char)*text) * 0x100000001b3U;
    return (h ^ 256U) * 0x100000001b3U;
}

/* AWS hands tags on from cluster to cluster: what is noted on the old one counts for this switch only. Of
 * hooks that are alike, each has its own. */
static const char *fingerprint(struct upgrade *u, size_t index)
{
    const struct hook *hooks = u->request.hooks, *k = &hooks[index];
    const char *text = k->sql ? k->sql : k->command;
    uint64_t h = mix(mix(0xcbf29ce484222325U, places[k->on]), k->sql ? "sql" : "command");
    h = mix(h, text);
    for (size_t i = 0; i < index; i++)
        if (hooks[i].at == k->at && hooks[i].on == k->on &&
            strcmp(hooks[i].sql ? hooks[i].sql : hooks[i].command, text) == 0)
            h = mix(h, "again");
    const char *when = is_on_old(u, k->at) ? rds_tag_value(&u->world.old->tags, TAG_SWITCHED_AT) : NULL;
    h = mix(h, when ? when : "");
    return arena_printf(u->look, "%0*llx", PRINT_DIGITS, (unsigned long long)(h & 0xffffffffffffU));
}

static bool has_run(struct upgrade *u, size_t index)
{
    return u->hooks_ran >> index & 1 || strstr(noted(u, u->request.hooks[index].at), fingerprint(u, index));
}

/* Is there anything these hooks would be about? */
static bool concerns(const struct upgrade *u, enum hook_point at)
{
    switch (at) {
    case HOOK_AFTER_SWITCH:
        return !u->is_verified; /* an earlier apply has been here */
    case HOOK_BEFORE_ROLLBACK:
        return u->world.deployment != NULL;
    case HOOK_AFTER_ROLLBACK:
        return u->history.deployment_id || u->deployment_hint;
    default:
        return true;
    }
}

static bool all_done(struct upgrade *u, enum hook_point at, bool *ret, struct err *e)
{
    bool done = true;
    if (!world_look(u, e))
        return false;
    for (size_t i = 0; i < u->request.hook_count && concerns(u, at); i++)
        done = done && (u->request.hooks[i].at != at || has_run(u, i));
    *ret = done;
    return true;
}

/* After the act: a process that dies before this runs the hook again. */
static bool note(struct upgrade *u, size_t index, struct err *e)
{
    enum hook_point at = u->request.hooks[index].at;
    struct buf text CLEANUP(buf_done) = BUF_INIT(256);
    u->hooks_ran |= 1U << index;
    for (size_t i = 0; i < u->request.hook_count; i++)
        if (u->request.hooks[i].at == at && has_run(u, i))
            (void)buf_printf(&text, "%s%s", text.n ? " " : "", fingerprint(u, i));
    const struct rds_tag tag = {points[at].tag, buf_text(&text)};
    if (is_on_old(u, at))
        return rds_tag_add(&u->aws, u->world.old->arn, (struct rds_tags){&tag, 1}, e) ||
               err_wrap(e, "tag the old cluster with %s", tag.key);
    if (points[at].memory == NOWHERE || !u->world.deployment)
        return true;
    return tag_deployment(u, tag.key, tag.value, e);
}

/* ---- commands ---- */

struct environment {
    struct arena *arena;
    char **items;
    size_t n, cap;
};

static void put(struct environment *v, const char *name, const char *value)
{
    if (value && value[0])
        ARR_PUSH(v->arena, v->items, v->n, v->cap, arena_printf(v->arena, "%s=%s", name, value));
}

static void put_side(struct environment *v, const char *name, const struct rds_cluster *k)
{
    if (!k)
        return;
    put(v, arena_printf(v->arena, "AURORA_%s_CLUSTER", name), k->identifier);
    put(v, arena_printf(v->arena, "AURORA_%s_ENDPOINT", name), k->endpoint);
    put(v, arena_printf(v->arena, "AURORA_%s_PORT", name), arena_printf(v->arena, "%d", k->port));
}

static const struct rds_cluster *cluster_of(const struct upgrade *u, enum side side)
{
    return side == SIDE_GREEN ? u->world.green : side == SIDE_OLD ? u->world.old : u->world.production;
}

static char *const *environment_of(struct upgrade *u, const struct hook *k)
{
    static const char *const ours[] = {"PATH", "HOME", "USER", "LOGNAME", "LANG", "LC_ALL", "TZ", "TMPDIR"};
    struct environment v = {.arena = u->look};
    for (size_t i = 0; i < ARRAY_LEN(ours); i++)
        put(&v, ours[i], getenv(ours[i]));
    put(&v, "AURORA_HOOK", points[k->at].name);
    put(&v, "AURORA_CLUSTER", u->request.cluster);
    put(&v, "AURORA_REGION", u->aws.region ? u->aws.region : aws_region(u->aws.aws));
    put(&v, "AURORA_STAGE", stage_name(u->request.stage));
    put(&v, "AURORA_REACHED_STAGE", stage_name(u->world.reached));
    put(&v, "AURORA_TARGET_MAJOR", arena_printf(u->look, "%d", u->request.target.major));
    put_side(&v, "OLD", cluster_of(u, points[k->at].old_side));
    put_side(&v, "NEW", cluster_of(u, points[k->at].new_side));
    ARR_PUSH(v.arena, v.items, v.n, v.cap, NULL);
    return v.items;
}

/* Line by line, into the journal. */
static void tell_output(struct upgrade *u, struct str output)
{
    while (output.n > 0 && u->note) {
        const char *end = memchr(output.p, '\n', output.n);
        size_t n = end ? (size_t)(end - output.p) : output.n;
        int shown = n > LINE_BYTES ? LINE_BYTES : (int)n;
        if (n > 0)
            u->note(u->note_arg, "hook", arena_printf(u->look, "%.*s", shown, output.p));
        output.p += n + (end != NULL);
        output.n -= n + (end != NULL);
    }
}

static bool run_command(struct upgrade *u, const struct hook *k, struct err *e)
{
    char *const words[] = {arena_strdup(u->look, "/bin/sh"), arena_strdup(u->look, "-c"),
                           arena_strdup(u->look, k->command), NULL};
    const struct process_limits limits = {.time_ms = k->timeout_ms,
                                          .output_bytes = HOOK_OUTPUT_BYTES,
                                          .environment = environment_of(u, k),
                                          .joins_errors = true,
                                          .cuts_output = true};
    struct str output = {NULL, 0};
    int status = 0;
    if (!process_run(u->look, words, &limits, u->stop, &output, &status, e))
        return false;
    tell_output(u, output);
    return status == 0 ||
           err_set(e, ERR_REMOTE, "it ended with status %d; what it printed is in the journal", status);
}

static bool run_sql(struct upgrade *u, const struct hook *k, struct err *e)
{
    struct pg *c CLEANUP(pg_cleanup) = NULL;
    enum side side = k->on == HOOK_ON_OLD ? points[k->at].old_side : points[k->at].new_side;
    return side_open(u, side, NULL, true, &c, e) && pg_run_script(c, k->sql, k->timeout_ms, e);
}

/* ---- one hook ---- */

/* SQL that wanted to write on a side that is kept read-only. */
static void explain_read_only(const struct hook *k, const char *remote_code, struct err *e)
{
    enum side side = k->on == HOOK_ON_OLD ? points[k->at].old_side : points[k->at].new_side;
    if (!k->sql || strcmp(remote_code, "25006") != 0 || side == SIDE_BLUE)
        return;
    if (side == SIDE_GREEN)
        (void)err_hint(e,
                       "Until the switch AWS keeps the new side read-only by default, because a row written "
                       "there can stop replication. SQL that has to write there, and meets no row of "
                       "production's, begins with SET TRANSACTION READ WRITE; then apply again.");
    else
        (void)err_hint(e, "After the switch the old side takes no writes: use on = \"new\", or an earlier "
                          "point; then apply again.");
}

static bool failed(size_t index, const struct hook *k, const struct err *cause, struct err *e)
{
    char path[32];
    (void)snprintf(path, sizeof path, "hook.%zu", index);
    (void)upgrade_fail(e, E_HOOK_FAILED, "hook %zu (%s, %s on %s) failed: %s", index + 1, points[k->at].name,
                       k->sql ? "SQL" : "command", places[k->on], cause->text);
    if (!e)
        return false;
    (void)snprintf(e->remote_code, sizeof e->remote_code, "%s", cause->remote_code);
    (void)err_said(e, "%s", cause->said);
    explain_read_only(k, cause->remote_code, e);
    return err_attribute(e, path);
}

static bool run_one(struct upgrade *u, size_t index, struct err *e)
{
    const struct hook *k = &u->request.hooks[index];
    struct err cause = ERR_INIT;
    const char *what = arena_printf(u->look, "hook %zu (%s, %s on %s)", index + 1, points[k->at].name,
                                    k->sql ? "SQL" : "command", places[k->on]);
    if (u->note)
        u->note(u->note_arg, "hook", arena_printf(u->look, "%s begins", what));
    if (!(k->sql ? run_sql(u, k, &cause) : run_command(u, k, &cause))) {
        if (cause.code == ERR_CANCELLED || stop_requested(u->stop)) {
            if (e)
                *e = cause;
            return err_wrap(e, "%s", what);
        }
        if (!k->goes_on)
            return failed(index, k, &cause, e);
        u->warn(u->warn_arg, "A hook failed, and the upgrade goes on",
                arena_printf(u->look, "%s failed, and its on_failure is \"continue\": %s%s%s", what,
                             cause.text, cause.said[0] ? ": " : "", cause.said));
    }
    return note(u, index, e);
}

static bool run_all(struct upgrade *u, enum hook_point at, struct err *e)
{
    for (size_t i = 0; i < u->request.hook_count; i++)
        if (u->request.hooks[i].at == at && !has_run(u, i) && !run_one(u, i, e))
            return false;
    return true;
}

/* ---- rows ---- */

#define ROWS(point, at)                                                                                      \
    bool point##_hooks_done(struct upgrade *u, bool *ret, struct err *e)                                     \
    {                                                                                                        \
        return all_done(u, at, ret, e);                                                                      \
    }                                                                                                        \
    bool point##_hooks_run(struct upgrade *u, struct err *e)                                                 \
    {                                                                                                        \
        return run_all(u, at, e);                                                                            \
    }
ROWS(after_prepare, HOOK_AFTER_PREPARE)
ROWS(before_switch, HOOK_BEFORE_SWITCH)
ROWS(in_window, HOOK_IN_WINDOW)
ROWS(after_switch, HOOK_AFTER_SWITCH)
ROWS(before_rollback, HOOK_BEFORE_ROLLBACK)
ROWS(after_rollback, HOOK_AFTER_ROLLBACK)
