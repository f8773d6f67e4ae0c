/* Hooks of an upgrade in place: what is remembered on the snapshot, by whom each runs, and on which side.
 * Those of a deployment are tested with the whole flow (flow_staging_test). */
#include "internal/aws/process.h"
#include "internal/base/testing.h"
#include "internal/pg/script.h"
#include "internal/upgrade/blue_green.h"
#include "internal/upgrade/in_place.h"
#include "internal/upgrade/tags.h"

#include <stdio.h>
#include <string.h>

/* ---- what is around it ---- */

static struct {
    struct rds_tag tag; /* of the snapshot; key NULL: none */
    char key[64], value[300];
    char ran[512], environment[4096];
    int written;
} seen;

const char *rds_tag_value(const struct rds_tags *t, const char *key)
{
    for (size_t i = 0; i < t->count; i++)
        if (strcmp(t->tags[i].key, key) == 0)
            return t->tags[i].value;
    return NULL;
}

bool rds_tag_add(const struct aws_session *s, const char *arn, struct rds_tags tags, struct err *e)
{
    (void)s;
    (void)e;
    assert_string_equal(arn, "arn:memory");
    assert_int_equal(tags.count, 1);
    (void)snprintf(seen.key, sizeof seen.key, "%s", tags.tags[0].key);
    (void)snprintf(seen.value, sizeof seen.value, "%s", tags.tags[0].value);
    seen.tag = (struct rds_tag){seen.key, seen.value};
    seen.written++;
    return true;
}

const struct rds_cluster *switch_notes(const struct world *w)
{
    return w->old;
}

/* Of a run that stands on a clone. */
bool tag_run(struct upgrade *u, const char *key, const char *value, struct err *e)
{
    (void)e;
    assert_ptr_equal(u->strategy->hook_places, hooks_of_clone);
    (void)snprintf(seen.key, sizeof seen.key, "%s", key);
    (void)snprintf(seen.value, sizeof seen.value, "%s", value);
    seen.tag = (struct rds_tag){seen.key, seen.value};
    seen.written++;
    return true;
}

bool world_look(struct upgrade *u, struct err *e)
{
    (void)u;
    (void)e;
    return true;
}

const char *aws_region(const struct aws *w)
{
    (void)w;
    return "eu-west-1";
}

static void note_run(const char *where, const char *text)
{
    (void)snprintf(seen.ran + strlen(seen.ran), sizeof seen.ran - strlen(seen.ran), "%s:%s|", where, text);
}

bool process_run(struct arena *a, char *const *words, const struct process_limits *limits, struct stop *stop,
                 struct str *ret_output, int *ret_status, struct err *e)
{
    (void)a;
    (void)stop;
    (void)e;
    note_run("runner", words[2]);
    seen.environment[0] = '\0';
    for (char *const *v = limits->environment; *v; v++)
        (void)snprintf(seen.environment + strlen(seen.environment),
                       sizeof seen.environment - strlen(seen.environment), "%s\n", *v);
    *ret_output = (struct str){"", 0};
    *ret_status = 0;
    return true;
}

static enum side opened;
static bool opened_writable;

bool side_open(struct upgrade *u, enum side side, const char *database, bool writable, struct pg **ret,
               struct err *e)
{
    (void)u;
    (void)database;
    (void)e;
    opened = side;
    opened_writable = writable;
    *ret = NULL;
    return true;
}

void pg_close(struct pg *c)
{
    assert_null(c);
}

bool pg_run_script(struct pg *c, const char *script, int64_t timeout_ms, struct err *e)
{
    (void)c;
    (void)timeout_ms;
    (void)e;
    static const char *const names[] = {
        [SIDE_BLUE] = "production", [SIDE_GREEN] = "restored", [SIDE_OLD] = "old"};
    assert_int_equal(opened_writable, opened != SIDE_OLD);
    note_run(names[opened], script);
    return true;
}

/* ---- a process ---- */

struct process {
    struct arena *a;
    struct rds_cluster production, restored;
    struct rds_snapshot snapshot;
    struct upgrade u;
};

static void begin(struct process *p, const struct hook *hooks, size_t n, bool has_snapshot, bool restores)
{
    *p = (struct process){.a = arena_new()};
    p->production = (struct rds_cluster){.identifier = "orders", .endpoint = "orders.e", .port = 5432};
    p->restored = (struct rds_cluster){.identifier = "orders-restored", .endpoint = "r.e", .port = 5432};
    p->snapshot = (struct rds_snapshot){
        .identifier = "snap", .arn = "arn:memory", .tags = {&seen.tag, seen.tag.key ? 1 : 0}};
    static const struct strategy in_place = {.hook_places = hooks_of_snapshot};
    p->u = (struct upgrade){.strategy = &in_place, .arena = p->a, .look = p->a};
    p->u.request = (struct request){.cluster = "orders", .hooks = hooks, .hook_count = n};
    p->u.world.production = &p->production;
    p->u.world.snapshot = has_snapshot ? &p->snapshot : NULL;
    p->u.world.restored = restores ? &p->restored : NULL;
    p->u.world.green = p->u.world.restored;
    p->u.history.snapshot_id = has_snapshot ? "snap" : NULL;
}

static bool is_done(struct process *p, bool (*row)(struct upgrade *u, bool *ret, struct err *e))
{
    struct err e = ERR_INIT;
    bool done = false;
    if (!row(&p->u, &done, &e))
        fail_msg("%s", e.text);
    return done;
}

static void run(struct process *p, bool (*row)(struct upgrade *u, struct err *e))
{
    struct err e = ERR_INIT;
    if (!row(&p->u, &e))
        fail_msg("%s", e.text);
}

/* ---- the points ---- */

/* It runs before there is a snapshot, and its making takes the note along: whoever comes then has nothing to
 * do. Killed in between, the next one runs it again. */
static void before_the_upgrade(void **state)
{
    static const struct hook hooks[] = {{HOOK_BEFORE_SWITCH, HOOK_ON_OLD, "pause", NULL, 1000, false},
                                        {HOOK_BEFORE_SWITCH, HOOK_ON_RUNNER, NULL, "stop", 1000, false},
                                        {HOOK_AFTER_SWITCH, HOOK_ON_NEW, "resume", NULL, 1000, false}};
    struct process p;
    (void)state;
    memset(&seen, 0, sizeof seen);
    for (int i = 0; i < 2; i++) {
        begin(&p, hooks, 3, false, false);
        assert_false(is_done(&p, before_switch_hooks_done));
        run(&p, before_switch_hooks_run);
        assert_true(is_done(&p, before_switch_hooks_done));
        assert_int_equal(seen.written, 0);
        if (i == 1) {
            const struct rds_tag made = hooks_note(&p.u, HOOK_BEFORE_SWITCH, p.a);
            assert_true(rds_tag_add(NULL, "arn:memory", (struct rds_tags){&made, 1}, NULL));
        }
        arena_free(p.a);
    }
    assert_string_equal(seen.ran, "production:pause|runner:stop|production:pause|runner:stop|");
    assert_non_null(strstr(seen.environment, "AURORA_OLD_ENDPOINT=orders.e\n"));
    assert_null(strstr(seen.environment, "AURORA_NEW_"));
    begin(&p, hooks, 3, true, false);
    assert_true(is_done(&p, before_switch_hooks_done));
    assert_string_equal(hooks_note(&p.u, HOOK_BEFORE_SWITCH, p.a).value, seen.value);
    assert_string_equal(hooks_note(&p.u, HOOK_AFTER_SWITCH, p.a).value, "");
    arena_free(p.a);
    static const struct hook changed = {HOOK_BEFORE_SWITCH, HOOK_ON_OLD, "pause more", NULL, 1000, false};
    begin(&p, &changed, 1, true, false);
    assert_false(is_done(&p, before_switch_hooks_done));
    arena_free(p.a);
}

static void after_the_upgrade(void **state)
{
    static const struct hook hooks[] = {{HOOK_AFTER_SWITCH, HOOK_ON_NEW, "resume", NULL, 1000, false},
                                        {HOOK_AFTER_SWITCH, HOOK_ON_RUNNER, NULL, "go", 1000, false}};
    struct process p;
    (void)state;
    memset(&seen, 0, sizeof seen);
    begin(&p, hooks, 2, true, false);
    run(&p, after_switch_hooks_run);
    arena_free(p.a);
    assert_string_equal(seen.ran, "production:resume|runner:go|");
    assert_non_null(strstr(seen.environment, "AURORA_NEW_CLUSTER=orders\n"));
    assert_null(strstr(seen.environment, "AURORA_OLD_"));
    assert_int_equal(seen.written, 2);
    begin(&p, hooks, 2, true, false);
    assert_true(is_done(&p, after_switch_hooks_done));
    arena_free(p.a);
    memset(&seen, 0, sizeof seen);
    begin(&p, hooks, 2, true, false);
    assert_false(is_done(&p, after_switch_hooks_done));
    p.u.is_verified = true; /* an earlier apply has been here */
    assert_true(is_done(&p, after_switch_hooks_done));
    arena_free(p.a);
}

/* Old and new are versions: what was restored is the old one, until it is production. */
static void around_a_roll_back(void **state)
{
    static const struct hook hooks[] = {{HOOK_BEFORE_ROLLBACK, HOOK_ON_OLD, "a", NULL, 1000, false},
                                        {HOOK_BEFORE_ROLLBACK, HOOK_ON_NEW, "b", NULL, 1000, false},
                                        {HOOK_AFTER_ROLLBACK, HOOK_ON_OLD, "c", NULL, 1000, false}};
    struct process p;
    (void)state;
    memset(&seen, 0, sizeof seen);
    begin(&p, hooks, 3, true, true);
    assert_false(is_done(&p, before_rollback_hooks_done));
    run(&p, before_rollback_hooks_run);
    assert_true(is_done(&p, before_rollback_hooks_done));
    run(&p, after_rollback_hooks_run);
    arena_free(p.a);
    assert_string_equal(seen.ran, "restored:a|production:b|production:c|");
    begin(&p, hooks, 3, true, true);
    assert_true(is_done(&p, after_rollback_hooks_done));
    arena_free(p.a);
}

/* Before the upgrade the snapshot goes, too: the process that saw it runs the hook, nobody after it. */
static void after_a_roll_back_that_leaves_nothing(void **state)
{
    static const struct hook hook = {HOOK_AFTER_ROLLBACK, HOOK_ON_RUNNER, NULL, "c", 1000, false};
    struct process p;
    (void)state;
    memset(&seen, 0, sizeof seen);
    begin(&p, &hook, 1, true, false);
    p.u.world.snapshot = NULL;
    assert_false(is_done(&p, after_rollback_hooks_done));
    run(&p, after_rollback_hooks_run);
    assert_true(is_done(&p, after_rollback_hooks_done));
    assert_int_equal(seen.written, 0);
    arena_free(p.a);
    begin(&p, &hook, 1, false, false);
    assert_true(is_done(&p, after_rollback_hooks_done));
    arena_free(p.a);
}

/* ---- logical: the clone remembers ---- */

static void begin_logical(struct process *p, const struct hook *hooks, size_t n, bool has_clone)
{
    static const struct strategy logical = {.hook_places = hooks_of_clone};
    begin(p, hooks, n, false, false);
    p->u.strategy = &logical;
    p->restored.tags = (struct rds_tags){&seen.tag, seen.tag.key ? 1 : 0};
    p->u.world.green = has_clone ? &p->restored : NULL;
    p->u.world.facts = &p->restored.tags;
}

static void the_clone_remembers(void **state)
{
    static const struct hook hooks[] = {{HOOK_AFTER_PREPARE, HOOK_ON_OLD, "a", NULL, 1000, false},
                                        {HOOK_AFTER_PREPARE, HOOK_ON_NEW, "b", NULL, 1000, false},
                                        {HOOK_AFTER_PREPARE, HOOK_ON_RUNNER, NULL, "c", 1000, false}};
    struct process p;
    (void)state;
    memset(&seen, 0, sizeof seen);
    begin_logical(&p, hooks, 3, true);
    assert_false(is_done(&p, after_prepare_hooks_done));
    run(&p, after_prepare_hooks_run);
    arena_free(p.a);
    assert_string_equal(seen.ran, "production:a|restored:b|runner:c|");
    assert_non_null(strstr(seen.environment, "AURORA_NEW_CLUSTER=orders-restored\n"));
    assert_non_null(strstr(seen.environment, "AURORA_OLD_CLUSTER=orders\n"));
    assert_int_equal(seen.written, 3);
    begin_logical(&p, hooks, 3, true); /* another process */
    assert_true(is_done(&p, after_prepare_hooks_done));
    arena_free(p.a);
}

/* Before: only if there is a clone. After: by the apply that removed it, for then nothing is left to write
 * on. */
static void around_the_end_of_a_clone(void **state)
{
    static const struct hook hooks[] = {{HOOK_BEFORE_ROLLBACK, HOOK_ON_NEW, "a", NULL, 1000, false},
                                        {HOOK_AFTER_ROLLBACK, HOOK_ON_OLD, "b", NULL, 1000, false}};
    struct process p;
    (void)state;
    memset(&seen, 0, sizeof seen);
    begin_logical(&p, hooks, 2, false);
    assert_true(is_done(&p, before_rollback_hooks_done));
    assert_true(is_done(&p, after_rollback_hooks_done));
    arena_free(p.a);
    begin_logical(&p, hooks, 2, true);
    assert_false(is_done(&p, before_rollback_hooks_done));
    run(&p, before_rollback_hooks_run);
    assert_true(is_done(&p, before_rollback_hooks_done));
    p.u.history.green_identifier = "orders-restored";
    p.u.world.green = NULL;
    p.u.world.facts = NULL;
    assert_true(is_done(&p, before_rollback_hooks_done));
    assert_false(is_done(&p, after_rollback_hooks_done));
    run(&p, after_rollback_hooks_run);
    assert_true(is_done(&p, after_rollback_hooks_done));
    assert_string_equal(seen.ran, "restored:a|production:b|");
    assert_int_equal(seen.written, 1);
    arena_free(p.a);
}

static void begin_switched(struct process *p, const struct hook *hooks, size_t n)
{
    static struct rds_tag tags[2];
    begin_logical(p, hooks, n, false);
    tags[0] = (struct rds_tag){TAG_SWITCHED_AT, "2026-11-22T02:00:00Z"};
    tags[1] = seen.tag;
    p->restored.arn = "arn:memory";
    p->restored.tags = (struct rds_tags){tags, seen.tag.key ? 2 : 1};
    p->u.world.old = &p->restored;
}

/* After the switch the old side remembers, and is not written to by a hook that does not insist. What ran
 * around a roll-back before the switch says nothing about one after it. */
static void the_old_side_remembers(void **state)
{
    static const struct hook hooks[] = {{HOOK_AFTER_SWITCH, HOOK_ON_NEW, "a", NULL, 1000, false},
                                        {HOOK_AFTER_SWITCH, HOOK_ON_OLD, "b", NULL, 1000, false},
                                        {HOOK_BEFORE_ROLLBACK, HOOK_ON_NEW, "c", NULL, 1000, false},
                                        {HOOK_BEFORE_ROLLBACK, HOOK_ON_OLD, "d", NULL, 1000, false},
                                        {HOOK_AFTER_ROLLBACK, HOOK_ON_RUNNER, NULL, "e", 1000, false}};
    struct process p;
    (void)state;
    memset(&seen, 0, sizeof seen);
    begin_logical(&p, hooks, ARRAY_LEN(hooks), true);
    run(&p, before_rollback_hooks_run);
    arena_free(p.a);
    for (int process = 0; process < 2; process++) {
        begin_switched(&p, hooks, ARRAY_LEN(hooks));
        assert_int_equal(is_done(&p, before_rollback_hooks_done), process == 1);
        run(&p, before_rollback_hooks_run);
        arena_free(p.a);
    }
    begin_switched(&p, hooks, ARRAY_LEN(hooks));
    assert_false(is_done(&p, after_switch_hooks_done));
    run(&p, after_switch_hooks_run);
    assert_true(is_done(&p, after_switch_hooks_done));
    assert_true(is_done(&p, after_rollback_hooks_done)); /* nothing was put aside yet */
    p.u.world.old = NULL;
    p.u.world.aside = &p.restored;
    assert_true(is_done(&p, before_rollback_hooks_done));
    assert_false(is_done(&p, after_rollback_hooks_done));
    run(&p, after_rollback_hooks_run);
    assert_string_equal(seen.ran, "restored:c|production:d|production:c|old:d|production:a|old:b|runner:e|");
    arena_free(p.a);
}

/* Names of the user's own are led as soon as production is elsewhere, each way, and once. */
static void where_production_is_from_here(void **state)
{
    static const struct hook hooks[] = {{HOOK_AT_SWITCH, HOOK_ON_RUNNER, NULL, "lead", 1000, false},
                                        {HOOK_AT_SWITCH, HOOK_ON_NEW, "a", NULL, 1000, false},
                                        {HOOK_AT_SWITCH, HOOK_ON_OLD, "b", NULL, 1000, false},
                                        {HOOK_AT_ROLLBACK, HOOK_ON_RUNNER, NULL, "lead back", 1000, false},
                                        {HOOK_AT_ROLLBACK, HOOK_ON_OLD, "c", NULL, 1000, false}};
    struct process p;
    (void)state;
    memset(&seen, 0, sizeof seen);
    for (int process = 0; process < 2; process++) {
        begin_switched(&p, hooks, ARRAY_LEN(hooks));
        assert_int_equal(is_done(&p, at_switch_hooks_done), process == 1);
        run(&p, at_switch_hooks_run);
        assert_true(is_done(&p, at_switch_hooks_done));
        assert_true(is_done(&p, at_rollback_hooks_done)); /* nothing was put aside yet */
        arena_free(p.a);
    }
    assert_string_equal(seen.ran, "runner:lead|production:a|old:b|");
    assert_non_null(strstr(seen.environment, "AURORA_HOOK=at_switch\n"));
    assert_non_null(strstr(seen.environment, "AURORA_NEW_ENDPOINT=orders.e\n"));
    assert_non_null(strstr(seen.environment, "AURORA_OLD_ENDPOINT=r.e\n"));
    assert_int_equal(seen.written, 3);
    begin_switched(&p, hooks, ARRAY_LEN(hooks));
    p.u.is_verified = true;
    seen.tag.key = NULL;
    assert_true(is_done(&p, at_switch_hooks_done)); /* an upgrade that was over before */
    p.u.world.old = NULL;
    p.u.world.aside = &p.restored;
    assert_false(is_done(&p, at_rollback_hooks_done));
    run(&p, at_rollback_hooks_run);
    assert_true(is_done(&p, at_rollback_hooks_done));
    assert_string_equal(seen.ran, "runner:lead|production:a|old:b|runner:lead back|production:c|");
    assert_non_null(strstr(seen.environment, "AURORA_OLD_ENDPOINT=orders.e\n"));
    assert_null(strstr(seen.environment, "AURORA_NEW_"));
    arena_free(p.a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(before_the_upgrade),     cmocka_unit_test(after_the_upgrade),
        cmocka_unit_test(around_a_roll_back),     cmocka_unit_test(after_a_roll_back_that_leaves_nothing),
        cmocka_unit_test(the_clone_remembers),    cmocka_unit_test(around_the_end_of_a_clone),
        cmocka_unit_test(the_old_side_remembers), cmocka_unit_test(where_production_is_from_here),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
