/* What surrounds a switch, against a fake RDS and PostgreSQL: soak, window, hooks, watch. As in
 * flow_faults_test.c every apply is a process of its own that remembers nothing. */
#include "internal/base/testing.h"
#include "internal/upgrade/errors.h"
#include "internal/upgrade/upgrade.h"
#include "provider/fake_rds.h"
#include "provider/flow_upgrades.h"

#include <stdio.h>
#include <string.h>

enum { MINUTE = 60 * 1000 };
static const int64_t hour = 60LL * MINUTE, day = 24 * 60LL * MINUTE;

static struct request asked;
static int64_t timeout_ms, longest_pause_ms;
static const char *state_deployment; /* what a state would know; NULL: there is none */
static char warned[8192], noted[8192];
static struct err first_finding;

static void report(void *arg, const struct step *s, const struct err *finding)
{
    (void)arg;
    (void)s;
    first_finding = *finding;
}

static void append(char *all, size_t size, const char *one, const char *two)
{
    size_t n = strlen(all);
    (void)snprintf(all + n, size - n, "%s|%s|", one, two);
}

static void warn(void *arg, const char *summary, const char *detail)
{
    (void)arg;
    append(warned, sizeof warned, summary, detail);
}

static void note(void *arg, const char *step, const char *text)
{
    (void)arg;
    append(noted, sizeof noted, step, text);
}

static bool login(void *arg, const char *host, int port, struct pg_target *ret, bool *ret_known,
                  struct err *e)
{
    (void)arg;
    (void)e;
    *ret = (struct pg_target){.host = host ? host : "orders.example", .port = port};
    *ret_known = true;
    return true;
}

/* Monday 2026-01-05T00:00:00Z, which is when the fake's objects are two days old. */
static void start(void)
{
    fake_reset();
    fake.clock.wall = 1767571200000;
    fake.no_statistics = false;
    asked = (struct request){.cluster = "orders",
                             .target = {17, -1},
                             .max_lag_bytes = 1 << 20,
                             .max_write_outage_s = 300,
                             .target_min_capacity = -1};
    timeout_ms = day;
    longest_pause_ms = 30000;
    state_deployment = NULL;
    warned[0] = noted[0] = '\0';
}

static bool apply_flow(const struct flow *flow, enum flow_stage target, const struct step **failed,
                       struct err *e)
{
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    struct aws_session s = {.arena = a};
    struct old_sides *old_sides CLEANUP(old_sides_cleanup) = old_sides_new(&fake.clock.clock);
    struct upgrade u;
    upgrade_init(&u, a, &s, &fake.clock.clock, old_sides);
    u.request = asked;
    u.request.stage = target;
    u.deployment_hint = state_deployment;
    u.source_major = 13;
    u.has_login = true;
    u.login = login;
    u.warn = warn;
    u.note = note;
    struct flow_run r = {.flow = flow,
                         .u = &u,
                         .target = target,
                         .clock = &fake.clock.clock,
                         .deadline_ms = fake.clock.mono + timeout_ms,
                         .poll_ms = 1000,
                         .poll_max_ms = longest_pause_ms,
                         .report = report};
    bool ok = flow_apply(&r, failed, e);
    upgrade_done(&u);
    return ok;
}

static void must_apply(enum flow_stage target)
{
    struct err e = ERR_INIT;
    bool back = target == STAGE_ROLLED_BACK;
    if (!apply_flow(back ? &flow_blue_green_back : &flow_blue_green, target, NULL, &e))
        fail_msg("to %s: %s (%s)", stage_name(target), e.text, e.said);
}

static void must_fail(enum flow_stage target, const char *id, const char *row, struct err *e)
{
    const struct step *failed = NULL;
    bool back = target == STAGE_ROLLED_BACK;
    *e = (struct err)ERR_INIT;
    assert_false(apply_flow(back ? &flow_blue_green_back : &flow_blue_green, target, &failed, e));
    if (!e->id || strcmp(e->id, id) != 0 || strcmp(failed->name, row) != 0)
        fail_msg("%s at %s: %s", e->id ? e->id : "-", failed->name, e->text);
}

/* ---- window ---- */

static const struct window *window(const char *text)
{
    static struct window w;
    struct err e = ERR_INIT;
    w = (struct window){0};
    if (!window_add(&w, text, &e))
        fail_msg("%s", e.text);
    return &w;
}

static void a_window_is_waited_for_or_pauses(void **state)
{
    (void)state;
    struct err e = ERR_INIT;
    static const struct {
        const char *text;
        int64_t timeout_ms;
        bool pauses;
    } rows[] = {
        {"Mon 00:00-24:00 UTC", 1, false}, /* 1: of days */
        {"Mon 12:00-14:00 UTC", 1, false},   {"Tue 00:30-02:00 UTC", 1, true},
        {"Sun 02:00-04:00 UTC", 1, true},    {"Sun 02:00-04:00 UTC", 7, false},
        {"daily 03:00-03:05 UTC", 1, true}, /* never longer than the outage */
        {"daily 03:00-03:06 UTC", 1, false},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        start();
        asked.window = window(rows[i].text);
        timeout_ms = rows[i].timeout_ms * day;
        if (!rows[i].pauses) {
            must_apply(STAGE_SWITCHED);
            assert_int_equal(fake.switchovers, 1);
            continue;
        }
        must_fail(STAGE_SWITCHED, "AUR0145", "window", &e);
        assert_int_equal(e.code, ERR_PAUSED);
        assert_true(fake.clock.wall - 1767571200000 < hour); /* it does not wait for nothing */
        assert_true(fake.switchovers == 0 && fake.validated_tag && fake.deployments_made == 1);
        asked.window = NULL;
        must_apply(STAGE_SWITCHED);
        assert_int_equal(fake.deployments_made, 1);
    }
}

static void the_switch_falls_into_the_window(void **state)
{
    (void)state;
    start();
    asked.window = window("Mon 12:00-14:00 UTC");
    must_apply(STAGE_SWITCHED);
    int64_t opened = 1767571200000 + 12 * hour;
    assert_true(fake.clock.wall > opened && fake.clock.wall < opened + 10 * MINUTE);
}

/* Hooks use the window up; the next one is a day later, within the time-out or not. */
static void a_window_that_was_used_up_is_not_switched_in(void **state)
{
    (void)state;
    struct err e = ERR_INIT;
    static const struct hook slow = {HOOK_IN_WINDOW, HOOK_ON_RUNNER, NULL, "slow", MINUTE, false};
    for (int days = 1; days <= 2; days++) {
        start();
        asked.window = window("daily 12:00-13:00 UTC");
        asked.hooks = &slow;
        asked.hook_count = 1;
        fake.hook_takes_ms = 58 * MINUTE;
        timeout_ms = days * day;
        if (days == 1) {
            must_fail(STAGE_SWITCHED, "AUR0145", "ready-to-switch", &e);
            assert_int_equal(fake.switchovers, 0);
            continue;
        }
        must_apply(STAGE_SWITCHED);
        assert_true(fake.clock.wall > 1767571200000 + 36 * hour);
        assert_string_equal(fake.ran, "slow@0");
    }
}

/* ---- soak ---- */

static void a_soak_counts_from_its_tag(void **state)
{
    (void)state;
    struct err e = ERR_INIT;
    start();
    asked.minimum_stable_ms = 14 * day;
    must_fail(STAGE_SWITCHED, "AUR0136", "soak", &e);
    assert_int_equal(e.code, ERR_PAUSED);
    assert_non_null(strstr(e.text, "2026-01-16T03:04:05Z")); /* of the tag, not of this process */
    assert_true(fake.clock.wall - 1767571200000 < hour);
    fake.clock.wall = 1768532645000 - 12 * hour;
    must_apply(STAGE_SWITCHED);
    assert_true(fake.clock.wall >= 1768532645000);
}

/* ---- hooks ---- */

static const struct hook all_points[] = {
    {HOOK_AFTER_SWITCH, HOOK_ON_NEW, "release", NULL, MINUTE, false},
    {HOOK_AFTER_SWITCH, HOOK_ON_OLD, "last", NULL, MINUTE, false},
    {HOOK_AFTER_PREPARE, HOOK_ON_NEW, "grants", NULL, MINUTE, false},
    {HOOK_BEFORE_SWITCH, HOOK_ON_RUNNER, NULL, "announce", MINUTE, false},
    {HOOK_IN_WINDOW, HOOK_ON_OLD, "lock", NULL, MINUTE, false},
    {HOOK_IN_WINDOW, HOOK_ON_RUNNER, NULL, "drain", MINUTE, false},
    {HOOK_BEFORE_ROLLBACK, HOOK_ON_RUNNER, NULL, "sorry", MINUTE, false},
    {HOOK_AFTER_ROLLBACK, HOOK_ON_RUNNER, NULL, "gone", MINUTE, false},
};

static void ask_hooks(const struct hook *hooks, size_t n)
{
    asked.hooks = hooks;
    asked.hook_count = n;
}

static void hooks_run_once_each_and_in_order(void **state)
{
    (void)state;
    start();
    ask_hooks(all_points, ARRAY_LEN(all_points));
    must_apply(STAGE_PREPARED);
    assert_string_equal(fake.ran, "orders-green-abc123.example:grants@0");
    must_apply(STAGE_VALIDATED);
    must_apply(STAGE_SWITCHED);
    static const char order[] =
        "orders-green-abc123.example:grants@0 announce@0 orders.example:lock@0 drain@0 "
        "orders.example:release@1 orders-old1.example:last@1";
    assert_string_equal(fake.ran, order);
    must_apply(STAGE_SWITCHED);
    must_apply(STAGE_COMPLETED);
    assert_string_equal(fake.ran, order);
    assert_non_null(strstr(noted, "hook|one|hook|two|"));
    assert_null(strstr(noted, "announce")); /* no texts of the user's */
}

static void a_command_knows_where_it_is_and_nothing_secret(void **state)
{
    (void)state;
    start();
    ask_hooks(&all_points[5], 1);
    must_apply(STAGE_SWITCHED);
    assert_string_equal(
        fake.environment,
        "AURORA_HOOK=in_window\nAURORA_CLUSTER=orders\nAURORA_REGION=eu-central-1\n"
        "AURORA_STAGE=switched\nAURORA_REACHED_STAGE=validated\nAURORA_TARGET_MAJOR=17\n"
        "AURORA_OLD_CLUSTER=orders\nAURORA_OLD_ENDPOINT=orders.example\nAURORA_OLD_PORT=5432\n"
        "AURORA_NEW_CLUSTER=orders-green-abc123\nAURORA_NEW_ENDPOINT=orders-green-abc123.example\n"
        "AURORA_NEW_PORT=5432\n");
}

static void a_failing_hook_aborts_or_is_told(void **state)
{
    (void)state;
    struct err e = ERR_INIT;
    static const struct {
        size_t hook;
        const char *row, *said;
    } rows[] = {{2, "hooks-after-prepare", "division by zero"},
                {3, "hooks-before-switch", ""},
                {4, "hooks-in-window", "division by zero"},
                {0, "hooks-after-switch", "division by zero"}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct hook hooks[ARRAY_LEN(all_points)];
        memcpy(hooks, all_points, sizeof hooks);
        start();
        ask_hooks(hooks, ARRAY_LEN(hooks));
        struct hook *k = &hooks[rows[i].hook];
        fake.hook_fails = k->sql ? k->sql : k->command;
        must_fail(STAGE_SWITCHED, "AUR0146", rows[i].row, &e);
        assert_string_equal(e.said, rows[i].said);
        assert_non_null(strstr(e.attribute, "hook."));
        assert_null(strstr(e.text, fake.hook_fails));
        assert_int_equal(fake.switchovers, k->at == HOOK_AFTER_SWITCH);
        k->goes_on = true;
        must_apply(STAGE_SWITCHED);
        assert_non_null(strstr(warned, "A hook failed"));
        warned[0] = '\0';
        must_apply(STAGE_COMPLETED);
        assert_string_equal(warned, ""); /* told once */
    }
}

static void a_hook_that_may_not_write_is_told_what_to_do(void **state)
{
    (void)state;
    static const struct {
        struct hook hook;
        bool writes;
        const char *hint;
    } rows[] = {
        {{HOOK_AFTER_PREPARE, HOOK_ON_NEW, "w", NULL, MINUTE, false}, true, "SET TRANSACTION READ WRITE"},
        {{HOOK_IN_WINDOW, HOOK_ON_NEW, "w", NULL, MINUTE, false}, true, "SET TRANSACTION READ WRITE"},
        {{HOOK_AFTER_SWITCH, HOOK_ON_OLD, "w", NULL, MINUTE, false}, true, "the old side takes no writes"},
        {{HOOK_IN_WINDOW, HOOK_ON_OLD, "w", NULL, MINUTE, false}, true, "Correct its cause"},
        {{HOOK_AFTER_SWITCH, HOOK_ON_NEW, "w", NULL, MINUTE, false}, true, "Correct its cause"},
        {{HOOK_AFTER_PREPARE, HOOK_ON_NEW, "w", NULL, MINUTE, false}, false, "Correct its cause"},
        {{HOOK_AFTER_PREPARE, HOOK_ON_RUNNER, NULL, "w", MINUTE, false}, true, "Correct its cause"},
    };
    static const char *const steps[HOOK_POINTS] = {[HOOK_AFTER_PREPARE] = "hooks-after-prepare",
                                                   [HOOK_IN_WINDOW] = "hooks-in-window",
                                                   [HOOK_AFTER_SWITCH] = "hooks-after-switch"};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct err e = ERR_INIT;
        start();
        ask_hooks(&rows[i].hook, 1);
        fake.hook_fails = "w";
        fake.hook_writes = rows[i].writes;
        must_fail(STAGE_SWITCHED, "AUR0146", steps[rows[i].hook.at], &e);
        if (!strstr(e.hint, rows[i].hint))
            fail_msg("row %zu: %s", i, e.hint);
    }
}

static void a_changed_hook_is_another_and_two_alike_are_two(void **state)
{
    (void)state;
    struct hook hooks[] = {{HOOK_AFTER_PREPARE, HOOK_ON_RUNNER, NULL, "a", MINUTE, false},
                           {HOOK_AFTER_PREPARE, HOOK_ON_RUNNER, NULL, "a", MINUTE, false}};
    start();
    ask_hooks(hooks, 2);
    must_apply(STAGE_PREPARED);
    assert_string_equal(fake.ran, "a@0 a@0");
    hooks[1].timeout_ms = hour;
    must_apply(STAGE_PREPARED);
    assert_string_equal(fake.ran, "a@0 a@0");
    hooks[1].command = "b";
    must_apply(STAGE_PREPARED);
    assert_string_equal(fake.ran, "a@0 a@0 b@0");
}

static void as_many_hooks_as_there_may_be_are_remembered(void **state)
{
    (void)state;
    struct hook hooks[HOOKS_MAX];
    char texts[HOOKS_MAX][4];
    start();
    for (size_t i = 0; i < HOOKS_MAX; i++) {
        (void)snprintf(texts[i], sizeof texts[i], "%zu", i);
        hooks[i] = (struct hook){HOOK_AFTER_PREPARE, HOOK_ON_RUNNER, NULL, texts[i], MINUTE, false};
    }
    ask_hooks(hooks, HOOKS_MAX);
    must_apply(STAGE_PREPARED);
    size_t n = strlen(fake.ran);
    assert_true(n > (size_t)HOOKS_MAX * 4);
    must_apply(STAGE_VALIDATED);
    assert_int_equal(strlen(fake.ran), n);
}

static void the_way_back_has_hooks_where_there_was_something(void **state)
{
    (void)state;
    start();
    ask_hooks(all_points, ARRAY_LEN(all_points));
    must_apply(STAGE_ROLLED_BACK);
    assert_string_equal(fake.ran, ""); /* nothing to roll back */
    must_apply(STAGE_PREPARED);
    must_apply(STAGE_ROLLED_BACK);
    assert_string_equal(fake.ran, "orders-green-abc123.example:grants@0 sorry@0 gone@0");
    assert_false(fake.deployment || fake.green || fake.cluster_group);
    /* An apply that died after the removal leaves nothing but the state to tell. */
    state_deployment = "bgd-1";
    must_apply(STAGE_ROLLED_BACK);
    assert_string_equal(fake.ran, "orders-green-abc123.example:grants@0 sorry@0 gone@0 gone@0");
}

/* ---- watch ---- */

static void the_watch_lasts_from_its_tag_and_tells_what_is_worse(void **state)
{
    (void)state;
    start();
    asked.watch_ms = 10 * MINUTE;
    fake.deadlocks = 2;
    fake.stragglers = 1;
    must_apply(STAGE_SWITCHED);
    assert_true(fake.watch_looks > 10);
    assert_non_null(strstr(warned, "2 deadlock(s)"));
    assert_non_null(strstr(warned, "\"till 7\", 1 session(s)"));
    int looks = fake.watch_looks;
    warned[0] = '\0';
    must_apply(STAGE_COMPLETED); /* over: one look to tell, no waiting */
    assert_true(fake.watch_looks <= looks + 2);
}

static void a_quiet_watch_says_nothing_and_one_that_cannot_look_does_not_fail(void **state)
{
    (void)state;
    start();
    asked.watch_ms = 10 * MINUTE;
    must_apply(STAGE_SWITCHED);
    assert_string_equal(warned, "");
    assert_non_null(strstr(noted, "watch|nothing is worse"));
    assert_non_null(strstr(noted, "watch|new side: \"shop\" 3; old side: nobody|"));
    start();
    asked.watch_ms = 10 * MINUTE;
    fake.health_fails = true;
    must_apply(STAGE_SWITCHED);
    assert_non_null(strstr(warned, "could not be looked at"));
}

static void a_watch_longer_than_the_time_out_goes_on_with_the_next_apply(void **state)
{
    (void)state;
    struct err e = ERR_INIT;
    const struct step *failed = NULL;
    start();
    asked.watch_ms = 2 * day;
    assert_false(apply_flow(&flow_blue_green, STAGE_SWITCHED, &failed, &e));
    assert_int_equal(e.code, ERR_PAUSED);
    assert_string_equal(failed->name, "watch");
    int64_t before = fake.clock.wall;
    timeout_ms = 3 * day;
    must_apply(STAGE_SWITCHED);
    assert_true(fake.clock.wall - before < day + hour); /* not two more days */
    assert_int_equal(fake.switchovers, 1);
}

/* ---- faults ---- */

static void ask_everything(void)
{
    start();
    longest_pause_ms = 10 * MINUTE;
    asked.window = window("Mon 00:40-04:00 UTC");
    asked.watch_ms = MINUTE;
    asked.minimum_stable_ms = 2 * day + 21 * hour;
    ask_hooks(all_points, ARRAY_LEN(all_points));
}

static size_t times(const char *text)
{
    size_t n = 0;
    for (const char *at = strstr(fake.ran, text); at; at = strstr(at + 1, text))
        n++;
    return n;
}

/* Every call fails, loses its reply, or is the process's last: the next apply finishes, and each hook has
 * run, again only where its end could not be written down. */
static void sweep(enum fake_fault fault, bool death, enum flow_stage target)
{
    static const char *const forward[] = {"grants", "announce", "lock", "drain", "release", "last"};
    static const char *const back[] = {"grants", "sorry"};
    bool is_back = target == STAGE_ROLLED_BACK;
    const char *const *wanted = is_back ? back : forward;
    size_t wanted_count = is_back ? ARRAY_LEN(back) : ARRAY_LEN(forward);
    ask_everything();
    must_apply(STAGE_PREPARED);
    int before = fake.calls;
    must_apply(target);
    int calls = fake.calls - before;
    assert_true(calls > 10);
    for (int i = 1; i <= calls; i++) {
        struct err e = ERR_INIT;
        ask_everything();
        must_apply(STAGE_PREPARED);
        state_deployment = "bgd-1";
        fake.fault = fault;
        fake.fault_at = fake.calls + i;
        fake.fault_everything_after = death;
        (void)!apply_flow(is_back ? &flow_blue_green_back : &flow_blue_green, target, NULL, &e);
        fake.fault_at = 0;
        must_apply(target);
        for (size_t k = 0; k < wanted_count; k++)
            if (times(wanted[k]) < 1 || times(wanted[k]) > 2)
                fail_msg("call %d: %s ran %zu times: %s", i, wanted[k], times(wanted[k]), fake.ran);
        assert_int_equal(fake.switchovers, !is_back);
        assert_true(fake.production_writable && fake.cluster_exists);
        if (is_back)
            assert_true(times("gone") >= 1);
    }
}

static void every_call_may_fail(void **state)
{
    (void)state;
    static const enum flow_stage targets[] = {STAGE_SWITCHED, STAGE_ROLLED_BACK};
    for (size_t i = 0; i < ARRAY_LEN(targets); i++) {
        sweep(FAULT_BEFORE, false, targets[i]);
        sweep(FAULT_AFTER, true, targets[i]);
    }
}

/* One of three extensions is behind: it alone is updated, once; where that is not allowed it is told, and the
 * upgrade goes on. */
static void extensions_that_are_behind_are_updated_or_told(void **state)
{
    (void)state;
    for (int refused = 0; refused < 2; refused++) {
        struct err e = ERR_INIT;
        start();
        fake.extensions = true;
        fake.extension_refused = refused;
        if (!apply_flow(&flow_blue_green, STAGE_SWITCHED, NULL, &e))
            fail_msg("%s", e.text);
        assert_int_equal(fake.updates, 1);
        assert_int_equal(fake.extension_updated, !refused);
        bool told = strstr(warned, "hstore (1.9, not 1.10)") && strstr(warned, "must be owner");
        assert_int_equal(told, refused);
        assert_null(strstr(warned, "ahead"));
        assert_null(strstr(warned, "unknown"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_window_is_waited_for_or_pauses),
        cmocka_unit_test(the_switch_falls_into_the_window),
        cmocka_unit_test(a_window_that_was_used_up_is_not_switched_in),
        cmocka_unit_test(a_soak_counts_from_its_tag),
        cmocka_unit_test(hooks_run_once_each_and_in_order),
        cmocka_unit_test(a_command_knows_where_it_is_and_nothing_secret),
        cmocka_unit_test(a_failing_hook_aborts_or_is_told),
        cmocka_unit_test(a_hook_that_may_not_write_is_told_what_to_do),
        cmocka_unit_test(a_changed_hook_is_another_and_two_alike_are_two),
        cmocka_unit_test(as_many_hooks_as_there_may_be_are_remembered),
        cmocka_unit_test(the_way_back_has_hooks_where_there_was_something),
        cmocka_unit_test(the_watch_lasts_from_its_tag_and_tells_what_is_worse),
        cmocka_unit_test(a_quiet_watch_says_nothing_and_one_that_cannot_look_does_not_fail),
        cmocka_unit_test(a_watch_longer_than_the_time_out_goes_on_with_the_next_apply),
        cmocka_unit_test(extensions_that_are_behind_are_updated_or_told),
        cmocka_unit_test(every_call_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
