#include "internal/aws/process.h"
#include "internal/base/hash.h"
#include "internal/pg/script.h"
#include "internal/upgrade/blue_green.h"
#include "internal/upgrade/errors.h"
#include "internal/upgrade/staging.h"
#include "internal/upgrade/tags.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PRINT_DIGITS = 12, LINE_BYTES = 1000 };

static const struct {
    const char *name, *tag;
} points[HOOK_POINTS] = {
    [HOOK_AFTER_PREPARE] = {"after_prepare", TAG_HOOKS "after-prepare"},
    [HOOK_BEFORE_SWITCH] = {"before_switch", TAG_HOOKS "before-switch"},
    [HOOK_IN_WINDOW] = {"in_window", TAG_HOOKS "in-window"},
    [HOOK_AT_SWITCH] = {"at_switch", TAG_HOOKS "at-switch"},
    [HOOK_AFTER_SWITCH] = {"after_switch", TAG_HOOKS "after-switch"},
    [HOOK_BEFORE_ROLLBACK] = {"before_rollback", TAG_HOOKS "before-rollback"},
    [HOOK_AT_ROLLBACK] = {"at_rollback", TAG_HOOKS "at-rollback"},
    [HOOK_AFTER_ROLLBACK] = {"after_rollback", TAG_HOOKS "after-rollback"},
};

const struct hook_place hooks_of_deployment[HOOK_POINTS] = {
    [HOOK_AFTER_PREPARE] = {.memory = ON_DEPLOYMENT, .old_side = SIDE_BLUE, .new_side = SIDE_GREEN},
    [HOOK_BEFORE_SWITCH] = {.memory = ON_DEPLOYMENT, .old_side = SIDE_BLUE, .new_side = SIDE_GREEN},
    [HOOK_IN_WINDOW] = {.memory = ON_DEPLOYMENT, .old_side = SIDE_BLUE, .new_side = SIDE_GREEN},
    [HOOK_AFTER_SWITCH] = {.memory = ON_OLD_CLUSTER, .old_side = SIDE_OLD, .new_side = SIDE_BLUE},
    [HOOK_BEFORE_ROLLBACK] = {.memory = ON_DEPLOYMENT, .old_side = SIDE_BLUE, .new_side = SIDE_GREEN},
    [HOOK_AFTER_ROLLBACK] = {.memory = NOWHERE,
                             .old_side = SIDE_BLUE,
                             .new_side = SIDE_GREEN,
                             .no_new = true},
};

/* One cluster is production throughout; a roll-back after the upgrade has the old version as the restored
 * one, before names move. */
const struct hook_place hooks_of_snapshot[HOOK_POINTS] = {
    [HOOK_BEFORE_SWITCH] = {.memory = ON_SNAPSHOT,
                            .old_side = SIDE_BLUE,
                            .new_side = SIDE_BLUE,
                            .no_new = true},
    [HOOK_AFTER_SWITCH] = {.memory = ON_SNAPSHOT,
                           .old_side = SIDE_BLUE,
                           .new_side = SIDE_BLUE,
                           .no_old = true},
    [HOOK_BEFORE_ROLLBACK] = {.memory = ON_SNAPSHOT, .old_side = SIDE_GREEN, .new_side = SIDE_BLUE},
    [HOOK_AFTER_ROLLBACK] = {.memory = ON_SNAPSHOT,
                             .old_side = SIDE_BLUE,
                             .new_side = SIDE_BLUE,
                             .no_new = true},
};

const struct hook_place hooks_of_clone[HOOK_POINTS] = {
    [HOOK_AFTER_PREPARE] = {.memory = ON_RUN, .old_side = SIDE_BLUE, .new_side = SIDE_GREEN},
    [HOOK_BEFORE_SWITCH] = {.memory = ON_RUN, .old_side = SIDE_BLUE, .new_side = SIDE_GREEN},
    [HOOK_IN_WINDOW] = {.memory = ON_RUN, .old_side = SIDE_BLUE, .new_side = SIDE_GREEN},
    [HOOK_AT_SWITCH] = {.memory = ON_RUN, .old_side = SIDE_OLD, .new_side = SIDE_BLUE},
    [HOOK_AFTER_SWITCH] = {.memory = ON_RUN, .old_side = SIDE_OLD, .new_side = SIDE_BLUE},
    [HOOK_BEFORE_ROLLBACK] = {.memory = ON_RUN, .old_side = SIDE_BLUE, .new_side = SIDE_GREEN},
    [HOOK_AT_ROLLBACK] = {.memory = ON_RUN, .old_side = SIDE_BLUE, .new_side = SIDE_GREEN, .no_new = true},
    [HOOK_AFTER_ROLLBACK] = {.memory = ON_RUN, .old_side = SIDE_BLUE, .new_side = SIDE_GREEN, .no_new = true},
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

/* Once the new version is production, a roll-back has the sides that the switch has left. */
static const struct hook_place *place_of(const struct upgrade *u, enum hook_point at)
{
    bool is_return = at == HOOK_BEFORE_ROLLBACK && u->world.old;
    return &u->strategy->hook_places[is_return ? HOOK_AFTER_SWITCH : at];
}

static bool is_on_old(const struct upgrade *u, enum hook_point at)
{
    const struct hook_place *all = u->strategy->hook_places, *p = place_of(u, at);
    bool is_behind = p == &all[HOOK_AT_SWITCH] || p == &all[HOOK_AFTER_SWITCH];
    return is_behind && p->memory != ON_SNAPSHOT && u->world.old;
}

/* NULL: there is nothing to write on. */
static const struct rds_tags *memory_of(const struct upgrade *u, enum hook_point at)
{
    const struct world *w = &u->world;
    switch (place_of(u, at)->memory) {
    case ON_OLD_CLUSTER:
        if (w->old)
            return &switch_notes(w)->tags;
        return w->deployment ? &w->deployment->tags : NULL;
    case ON_DEPLOYMENT:
        return w->deployment ? &w->deployment->tags : NULL;
    case ON_SNAPSHOT:
        return w->snapshot ? &w->snapshot->tags : NULL;
    case ON_RUN:
        return w->facts;
    case HOOK_NOT_HERE:
    case NOWHERE:
        break;
    }
    return NULL;
}

static const char *noted(const struct upgrade *u, enum hook_point at)
{
    const struct rds_tags *tags = memory_of(u, at);
    const char *text = tags ? rds_tag_value(tags, points[at].tag) : NULL;
    return text ? text : "";
}

/* AWS hands tags on from cluster to cluster: what is noted on the old one counts for this switch only. Of
 * hooks that are alike, each has its own. */
static const char *fingerprint(struct upgrade *u, size_t index)
{
    const struct hook *hooks = u->request.hooks, *k = &hooks[index];
    const char *text = k->sql ? k->sql : k->command;
    uint64_t h = hash_mix(hash_mix(HASH_INIT, places[k->on]), k->sql ? "sql" : "command");
    h = hash_mix(h, text);
    for (size_t i = 0; i < index; i++)
        if (hooks[i].at == k->at && hooks[i].on == k->on &&
            strcmp(hooks[i].sql ? hooks[i].sql : hooks[i].command, text) == 0)
            h = hash_mix(h, "again");
    const char *when =
        is_on_old(u, k->at) ? rds_tag_value(&switch_notes(&u->world)->tags, TAG_SWITCHED_AT) : NULL;
    h = hash_mix(h, when ? when : "");
    return arena_printf(u->look, "%0*llx", PRINT_DIGITS, (unsigned long long)(h & 0xffffffffffffU));
}

static bool has_run(struct upgrade *u, size_t index)
{
    return u->hooks_ran >> index & 1 || strstr(noted(u, u->request.hooks[index].at), fingerprint(u, index));
}

static bool is_of_clone(const struct upgrade *u)
{
    return u->strategy->hook_places == hooks_of_clone;
}

/* Is there anything these hooks would be about? */
static bool concerns(const struct upgrade *u, enum hook_point at)
{
    switch (at) {
    case HOOK_AT_SWITCH:
    case HOOK_AFTER_SWITCH:
        return !u->is_verified; /* an earlier apply has been here */
    case HOOK_AT_ROLLBACK:
        return u->world.aside != NULL;
    case HOOK_BEFORE_ROLLBACK:
        return is_of_clone(u) ? u->world.green || u->world.old : u->world.deployment || u->world.restored;
    case HOOK_AFTER_ROLLBACK:
        return is_of_clone(u) ? u->history.green_identifier || u->world.aside
                              : u->history.deployment_id || u->deployment_hint || u->history.snapshot_id;
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

struct rds_tag hooks_note(struct upgrade *u, enum hook_point at, struct arena *a)
{
    struct buf text CLEANUP(buf_done) = BUF_INIT(256);
    for (size_t i = 0; i < u->request.hook_count; i++)
        if (u->request.hooks[i].at == at && has_run(u, i))
            (void)buf_printf(&text, "%s%s", text.n ? " " : "", fingerprint(u, i));
    return (struct rds_tag){points[at].tag, arena_strdup(a, buf_text(&text))};
}

/* After the act: a process that dies before this runs the hook again. */
static bool note(struct upgrade *u, size_t index, struct err *e)
{
    enum hook_point at = u->request.hooks[index].at;
    u->hooks_ran |= 1U << index;
    const struct rds_tag tag = hooks_note(u, at, u->look);
    const struct rds_tags one = {&tag, 1};
    if (is_on_old(u, at))
        return rds_tag_add(&u->aws, switch_notes(&u->world)->arn, one, e) ||
               err_wrap(e, "tag the old cluster with %s", tag.key);
    if (!memory_of(u, at))
        return true;
    if (place_of(u, at)->memory == ON_SNAPSHOT)
        return rds_tag_add(&u->aws, u->world.snapshot->arn, one, e) ||
               err_wrap(e, "tag snapshot %s with %s", u->world.snapshot->identifier, tag.key);
    return tag_run(u, tag.key, tag.value, e);
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
    const struct hook_place *p = place_of(u, k->at);
    put_side(&v, "OLD", p->no_old ? NULL : cluster_of(u, p->old_side));
    put_side(&v, "NEW", p->no_new ? NULL : cluster_of(u, p->new_side));
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

static enum side side_of(const struct upgrade *u, const struct hook *k)
{
    const struct hook_place *p = place_of(u, k->at);
    return k->on == HOOK_ON_OLD ? p->old_side : p->new_side;
}

static bool run_sql(struct upgrade *u, const struct hook *k, struct err *e)
{
    struct pg *c CLEANUP(pg_cleanup) = NULL;
    enum side side = side_of(u, k);
    return side_open(u, side, NULL, side != SIDE_OLD, &c, e) && pg_run_script(c, k->sql, k->timeout_ms, e);
}

/* ---- one hook ---- */

/* SQL that wanted to write on a side that is kept read-only. */
static void explain_read_only(const struct upgrade *u, const struct hook *k, const char *remote_code,
                              struct err *e)
{
    enum side side = side_of(u, k);
    if (!k->sql || strcmp(remote_code, "25006") != 0 || side == SIDE_BLUE || u->world.restored)
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

static bool failed(const struct upgrade *u, size_t index, const struct err *cause, struct err *e)
{
    const struct hook *k = &u->request.hooks[index];
    char path[32];
    (void)snprintf(path, sizeof path, "hook.%zu", index);
    (void)upgrade_fail(e, E_HOOK_FAILED, "hook %zu (%s, %s on %s) failed: %s", index + 1, points[k->at].name,
                       k->sql ? "SQL" : "command", places[k->on], cause->text);
    if (!e)
        return false;
    (void)snprintf(e->remote_code, sizeof e->remote_code, "%s", cause->remote_code);
    (void)err_said(e, "%s", cause->said);
    explain_read_only(u, k, cause->remote_code, e);
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
            return failed(u, index, &cause, e);
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
ROWS(at_switch, HOOK_AT_SWITCH)
ROWS(after_switch, HOOK_AFTER_SWITCH)
ROWS(before_rollback, HOOK_BEFORE_ROLLBACK)
ROWS(at_rollback, HOOK_AT_ROLLBACK)
ROWS(after_rollback, HOOK_AFTER_ROLLBACK)
