#include "internal/base/clock.h"
#include "internal/base/file.h"
#include "internal/tf/demo_tables.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { FILE_MAX = 32 * 1024 * 1024, HANG_MS = 60 * 1000, HUGE_SIZE = 5 * 1024 * 1024 };

static bool behaves(const struct value *v, const char *how)
{
    return strcmp(value_as_text(value_get(v, "behaviour"), ""), how) == 0;
}

static const char *path_of(struct tf_call *c, const char *name, const char *suffix)
{
    return arena_printf(c->arena, "%s/%s%s", (const char *)c->configured, name, suffix);
}

static bool ready(struct tf_call *c)
{
    if (!c->configured)
        tf_error(c, NULL, "AUR0102: the provider is not configured", "The folder is not known.");
    return c->configured != NULL;
}

static bool load(struct tf_call *c, const char *name, const struct value **ret, struct err *e)
{
    struct str json;
    return file_read(c->arena, path_of(c, name, ".json"), FILE_MAX, &json, e) &&
           value_from_json(c->arena, json, ret, e);
}

static bool store(struct tf_call *c, const struct value *state, struct err *e)
{
    struct buf json CLEANUP(buf_done) = BUF_INIT(FILE_MAX);
    const char *name = value_as_text(value_get(state, "name"), "");
    return value_to_json(state, &json, e) && file_replace(path_of(c, name, ".json"), json.p, json.n, 0600, e);
}

const struct value *thing_plan(struct tf_call *c, const struct value *planned)
{
    struct arena *a = c->arena;
    if (behaves(planned, "bug_null"))
        return NULL;
    if (behaves(planned, "warn"))
        tf_warn(c, "behaviour", "Look here", "A warning with token-123456 in it.");
    if (planned == c->prior)
        return planned;
    struct value *one = value_object(a), *steps = value_list(a);
    value_set(a, one, "name", value_string(a, "copy"));
    value_set(a, one, "blocks_writes", &value_false);
    value_append(a, steps, one);
    return tf_with(c, planned, "steps", steps);
}

void thing_plan_destroy(struct tf_call *c)
{
    if (behaves(c->prior, "refuse_destroy"))
        tf_error(c, NULL, "AUR0103: this thing stays", "Change behaviour first.");
    c->private_out = STR_LIT("destroy planned");
}

/* What apply makes of a plan: every unknown gets a value. */
static const struct value *settled(struct tf_call *c, int64_t revision)
{
    struct arena *a = c->arena;
    const char *secret = value_as_text(value_get(c->config, "secret_wo"), "");
    const struct value *v = c->planned;
    const char *name = value_as_text(value_get(v, "name"), "");
    v = tf_with(c, v, "id", value_string(a, arena_printf(a, "id-%s", name)));
    v = tf_with(c, v, "revision", value_int(a, revision));
    v = tf_with(c, v, "secret_length", value_int(a, (int64_t)strlen(secret)));
    v = tf_with(c, v, "report", value_string(a, "all is well"));
    if (value_is_unknown(value_get(v, "region")))
        v = tf_with(c, v, "region", value_string(a, "here"));
    const struct value *login = value_get(v, "login"), *hooks = value_get(v, "hook");
    if (!value_is_null(login))
        v = tf_with(c, v, "login", tf_with(c, login, "session", value_string(a, "s-1")));
    struct value *numbered = value_list(a);
    for (size_t i = 0; i < hooks->count; i++)
        value_append(a, numbered, tf_with(c, hooks->items[i], "number", value_int(a, (int64_t)i)));
    v = tf_with(c, v, "hook", numbered);
    const struct value *size = value_get(v, "size");
    if (value_is_unknown(value_get(size, "area")))
        v = tf_with(c, v, "size", tf_with(c, size, "area", value_int(a, 100)));
    return v;
}

static const struct value *huge_text(struct tf_call *c)
{
    char *text = arena_alloc(c->arena, HUGE_SIZE + 1);
    memset(text, 'x', HUGE_SIZE);
    return value_string(c->arena, text);
}

static const struct value *misbehave(struct tf_call *c, const struct value *state)
{
    struct err e = ERR_INIT;
    if (behaves(state, "bug_unknown"))
        return tf_with(c, tf_with(c, state, "report", &value_unknown), "steps", &value_unknown);
    if (behaves(state, "bug_type"))
        return tf_with(c, tf_with(c, state, "report", value_list(c->arena)), "nonsense", &value_true);
    if (behaves(state, "huge"))
        return tf_with(c, state, "report", huge_text(c));
    if (behaves(state, "pause")) {
        (void)err_set(&e, ERR_PAUSED, "the window opens on Sunday");
        (void)err_hint(&e, "apply again then");
        tf_fail(c, &e);
    }
    return state;
}

/* The folder shows that the work has begun, then it takes for ever. */
static const struct value *hang(struct tf_call *c, const char *name)
{
    struct err e = ERR_INIT;
    if (!file_replace(path_of(c, name, ".started"), "", 0, 0600, &e))
        return tf_fail(c, &e), NULL;
    if (stop_wait(c->stop, HANG_MS))
        (void)err_set(&e, ERR_CANCELLED, "interrupted before anything was made");
    else
        (void)err_set(&e, ERR_TIMEOUT, "nobody stopped it");
    return tf_fail(c, &e), NULL;
}

const struct value *thing_create(struct tf_call *c)
{
    struct err e = ERR_INIT;
    const char *name = value_as_text(value_get(c->planned, "name"), "");
    if (!ready(c))
        return NULL;
    if (behaves(c->planned, "hang_create"))
        return hang(c, name);
    if (behaves(c->planned, "fail_create")) {
        (void)err_set(&e, ERR_REMOTE, "no room for %s", name);
        (void)err_said(&e, "out of space \xff\x01 token-123456 (request 7)");
        (void)err_state(&e, "%s was not made", name);
        (void)err_hint(&e, "make room");
        (void)err_attribute(&e, "hook.0.at");
        (void)err_wrap(&e, "create thing %s", name);
        return tf_fail(c, &e), NULL;
    }
    const struct value *state = settled(c, 1);
    if (!store(c, state, &e))
        return tf_fail(c, &e), NULL;
    if (behaves(c->planned, "partial_create"))
        tf_error(c, NULL, "AUR0104: half made", "The thing exists, but its report does not.");
    c->private_out = STR_LIT("made");
    return misbehave(c, state);
}

const struct value *thing_update(struct tf_call *c)
{
    struct err e = ERR_INIT;
    if (!ready(c))
        return NULL;
    if (behaves(c->planned, "fail_update"))
        return tf_error(c, "behaviour", "AUR0105: update failed", "As asked."), NULL;
    const struct value *state = settled(c, value_as_int(value_get(c->prior, "revision"), 0) + 1);
    if (!store(c, state, &e))
        return tf_fail(c, &e), NULL;
    return misbehave(c, state);
}

const struct value *thing_delete(struct tf_call *c)
{
    struct err e = ERR_INIT;
    if (!ready(c))
        return NULL;
    if (behaves(c->prior, "bug_type"))
        return c->prior;
    const char *path = path_of(c, value_as_text(value_get(c->prior, "name"), ""), ".json");
    if (unlink(path) != 0 && errno != ENOENT) {
        (void)err_errno(&e, errno, "remove %s", path);
        tf_fail(c, &e);
    }
    return NULL;
}

static const struct value *read_named(struct tf_call *c, const char *name)
{
    struct err e = ERR_INIT;
    const struct value *state = NULL;
    if (ready(c) && !load(c, name, &state, &e) && e.code != ERR_NOT_FOUND)
        tf_fail(c, &e);
    return state;
}

const struct value *thing_read(struct tf_call *c)
{
    return read_named(c, value_as_text(value_get(c->prior, "name"), ""));
}

const struct value *thing_import(struct tf_call *c)
{
    return tf_with(c, NULL, "name", value_string(c->arena, c->import_id));
}

/* Version 1 had "title" for "name", and "count_of" as a text. */
const struct value *thing_upgrade(struct tf_call *c, int64_t version, const struct value *old)
{
    if (version != 1)
        return tf_error(c, NULL, "AUR0106: too old", "Only version 1 is known."), NULL;
    const struct value *v = tf_with(c, NULL, "name", value_get(old, "title"));
    v = tf_with(c, v, "id", value_get(old, "id"));
    return tf_with(c, v, "count_of", value_number(c->arena, value_as_text(value_get(old, "count_of"), "")));
}

const struct value *lookup_read(struct tf_call *c)
{
    const char *name = value_as_text(value_get(c->config, "name"), "");
    const struct value *found = read_named(c, name);
    if (tf_failed(c))
        return NULL;
    const struct value *v = tf_with(c, c->config, "exists", value_bool(found != NULL));
    return tf_with(c, v, "count_of", value_get(found, "count_of"));
}

const struct value *token_open(struct tf_call *c, int64_t *renew_at_ms)
{
    enum { SOON_MS = 1500 };
    const char *name = value_as_text(value_get(c->config, "name"), "");
    *renew_at_ms = clock_real()->wall_ms(clock_real()) + SOON_MS;
    c->private_out = str_of(arena_printf(c->arena, "opened for %s", name));
    return tf_with(c, c->config, "token",
                   value_string(c->arena, arena_printf(c->arena, "secret-of-%s", name)));
}

/* What a call was given, where a test finds it. */
static void leave_private(struct tf_call *c, const char *call)
{
    struct err e = ERR_INIT;
    if (c->configured &&
        !file_replace(path_of(c, call, ".token"), c->private_in.p, c->private_in.n, 0600, &e))
        tf_fail(c, &e);
}

void token_renew(struct tf_call *c, int64_t *renew_at_ms)
{
    *renew_at_ms = 0;
    c->private_out = STR_LIT("renewed");
    leave_private(c, "renewed");
}

void token_close(struct tf_call *c)
{
    leave_private(c, "closed");
}
