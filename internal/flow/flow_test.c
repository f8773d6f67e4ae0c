/* The engine against a toy world: a row of booleans instead of AWS. */
#include "internal/base/file.h"
#include "internal/base/testing.h"
#include "internal/flow/flow.h"
#include "internal/flow/journal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ROWS = 8 };

struct upgrade {
    bool done[ROWS]; /* the world */
    int ran[ROWS];   /* how often run was called */
    int undone[ROWS];
    int fail_at;        /* run of this row fails without effect; -1: none */
    int die_at;         /* run of this row has its effect, then fails (a lost reply) */
    int wait_polls;     /* looks until the WAIT row is done */
    int looks;          /* so far */
    int64_t over_at_ms; /* when the WAIT row will be done, as it says itself */
    bool check_fails[2];
    struct stop *stop_at_wait, *stop_in_pause;
    bool look_is_cut; /* by that Stop, while the other side is being asked */
    bool skip_optional;
    bool underway;    /* the switch was begun by another apply */
    int overtaken_at; /* in this row the switch of another apply has its effect, and the row fails; 0: none */
    bool overtaken_in_check;
    int busy, busy_row; /* how often which row is refused with a conflict */
};

enum { R_CHECK_A, R_CHECK_B, R_GROUP, R_OPTIONAL, R_WAIT, R_FENCE, R_SWITCH, R_TIDY };

static void say(const struct upgrade *u, struct buf *out)
{
    (void)u;
    (void)buf_puts(out, "Does it.");
}

static bool run_row(struct upgrade *u, int row, struct err *e)
{
    u->ran[row]++;
    if (u->overtaken_at == row && row > 0) {
        u->done[R_SWITCH] = true;
        return err_set(e, ERR_UNAVAILABLE, "row %d: terminating connection", row);
    }
    if (u->busy > 0 && u->busy_row == row) {
        u->busy--;
        return err_set(e, ERR_CONFLICT, "row %d: not in available state", row);
    }
    if (u->fail_at == row)
        return err_set(e, ERR_REMOTE, "row %d refused", row);
    u->done[row] = true;
    if (u->die_at == row)
        return err_set(e, ERR_UNAVAILABLE, "row %d: reply lost", row);
    return true;
}

#define ROW(name, index)                                                                                     \
    static bool name##_done(struct upgrade *u, bool *ret, struct err *e)                                     \
    {                                                                                                        \
        (void)e;                                                                                             \
        *ret = u->done[index];                                                                               \
        return true;                                                                                         \
    }                                                                                                        \
    static bool name##_run(struct upgrade *u, struct err *e)                                                 \
    {                                                                                                        \
        return run_row(u, index, e);                                                                         \
    }
ROW(group, R_GROUP)
ROW(optional, R_OPTIONAL)
ROW(fence, R_FENCE)
ROW(cutover, R_SWITCH)
ROW(tidy, R_TIDY)

static bool fence_undo(struct upgrade *u, struct err *e)
{
    (void)e;
    u->undone[R_FENCE]++;
    u->done[R_FENCE] = false;
    return true;
}

static bool group_undo(struct upgrade *u, struct err *e)
{
    (void)e;
    u->undone[R_GROUP]++;
    u->done[R_GROUP] = false;
    return true;
}

static bool check_a(struct upgrade *u, bool *ret, struct err *e)
{
    *ret = !u->check_fails[0] && !u->overtaken_in_check;
    u->underway = u->underway || u->overtaken_in_check;
    return *ret || err_set(e, ERR_INVALID, "finding A");
}

static bool check_b(struct upgrade *u, bool *ret, struct err *e)
{
    (void)e;
    *ret = !u->check_fails[1];
    return true;
}

static bool polled(struct upgrade *u, bool *ret, struct err *e)
{
    if (u->stop_at_wait)
        stop_request(u->stop_at_wait);
    u->looks++;
    if (u->look_is_cut)
        return err_set(e, ERR_CANCELLED, "DescribeBlueGreenDeployments: stopped");
    *ret = u->wait_polls-- <= 0;
    return true;
}

static bool wait_fits(struct upgrade *u, int64_t until_wall_ms, struct err *e)
{
    return u->over_at_ms <= until_wall_ms || err_set(e, ERR_PAUSED, "over at %d", (int)u->over_at_ms);
}

static bool wants_optional(const struct upgrade *u)
{
    return !u->skip_optional;
}

static bool cutover_underway(struct upgrade *u, bool *ret, struct err *e)
{
    (void)e;
    *ret = u->underway;
    return true;
}

/* clang-format off */
static const struct step steps[ROWS] = {
    {.name = "check-a", .stage = STAGE_PREPARED, .kind = STEP_CHECK, .duration = "seconds",
     .describe = say, .is_done = check_a},
    {.name = "check-b", .stage = STAGE_PREPARED, .kind = STEP_CHECK, .duration = "seconds",
     .describe = say, .is_done = check_b},
    {.name = "group", .stage = STAGE_PREPARED, .kind = STEP_CHANGE, .duration = "seconds",
     .describe = say, .equivalent = say, .is_done = group_done, .run = group_run, .undo = group_undo},
    {.name = "optional", .stage = STAGE_PREPARED, .kind = STEP_CHANGE, .duration = "seconds", .applies = wants_optional,
     .describe = say, .equivalent = say, .is_done = optional_done, .run = optional_run},
    {.name = "wait", .stage = STAGE_VALIDATED, .kind = STEP_WAIT, .duration = "hours",
     .describe = say, .is_done = polled, .fits = wait_fits},
    {.name = "fence", .stage = STAGE_SWITCHED, .kind = STEP_CHANGE, .duration = "seconds", .blocks_writes = true,
     .undo_on_failure = true, .describe = say, .equivalent = say, .is_done = fence_done, .run = fence_run, .undo = fence_undo},
    {.name = "switch", .stage = STAGE_SWITCHED, .kind = STEP_NO_RETURN, .duration = "minutes",
     .describe = say, .equivalent = say, .is_done = cutover_done, .is_underway = cutover_underway, .run = cutover_run},
    {.name = "tidy", .stage = STAGE_COMPLETED, .kind = STEP_CHANGE, .duration = "seconds",
     .describe = say, .equivalent = say, .is_done = tidy_done, .run = tidy_run},
};
/* clang-format on */
static const struct flow flow = {.name = "toy", .steps = steps, .count = ROWS};

static size_t findings;
static void count_finding(void *arg, const struct step *s, const struct err *finding)
{
    (void)arg;
    (void)s;
    assert_true(finding->code != ERR_NONE);
    findings++;
}

static struct upgrade fresh(void)
{
    return (struct upgrade){.fail_at = -1, .die_at = -1};
}

static struct stop *stopped_by_pause;

static bool stopping_wait(struct clock *c, struct stop *stop, int64_t ms)
{
    (void)c;
    (void)ms;
    stop_request(stopped_by_pause);
    return stop_requested(stop);
}

static bool apply(struct upgrade *u, enum flow_stage target, struct stop *stop, const struct step **failed,
                  struct err *e)
{
    struct clock_fake clock;
    clock_fake_init(&clock, 0);
    findings = 0;
    stopped_by_pause = u->stop_in_pause;
    if (u->stop_in_pause)
        clock.clock.wait = stopping_wait;
    struct flow_run r = {.flow = &flow,
                         .u = u,
                         .target = target,
                         .clock = &clock.clock,
                         .stop = stop,
                         .deadline_ms = 1000000,
                         .poll_ms = 1000,
                         .report = count_finding};
    return flow_apply(&r, failed, e);
}

static void the_toy_table_obeys_the_rules(void **state)
{
    (void)state;
    struct upgrade u = fresh();
    struct err e = ERR_INIT;
    assert_true(flow_check(&flow, &u, &e));
}

static void a_bad_table_is_refused(void **state)
{
    (void)state;
    struct upgrade u = fresh();
    for (int kind = 0; kind < 10; kind++) {
        struct step copy[ROWS];
        memcpy(copy, steps, sizeof copy);
        switch (kind) {
        case 0:
            copy[1].name = "check-a";
            break;
        case 1:
            copy[0].run = group_run;
            break;
        case 2:
            copy[2].run = NULL;
            break;
        case 3:
            copy[6].undo = fence_undo;
            break;
        case 4:
            copy[7].undo = fence_undo;
            break;
        case 5:
            copy[7].stage = STAGE_PREPARED;
            break;
        case 6:
            copy[5].undo = NULL;
            break;
        case 7:
            copy[4].duration = "days";
            break;
        case 8:
            copy[2].fits = wait_fits;
            break;
        default:
            copy[2].equivalent = NULL;
            break;
        }
        struct err e = ERR_INIT;
        assert_false(flow_check(&(struct flow){"bad", copy, ROWS}, &u, &e));
        assert_int_equal(e.code, ERR_BUG);
    }
}

static void a_walk_ends_at_its_stage_and_a_second_one_changes_nothing(void **state)
{
    (void)state;
    struct upgrade u = fresh();
    struct err e = ERR_INIT;
    assert_true(apply(&u, STAGE_PREPARED, NULL, NULL, &e));
    assert_true(u.done[R_GROUP] && u.done[R_OPTIONAL] && !u.done[R_FENCE]);
    u.wait_polls = 3;
    assert_true(apply(&u, STAGE_COMPLETED, NULL, NULL, &e));
    assert_int_equal(u.ran[R_GROUP], 1);
    assert_true(u.done[R_TIDY]);
    assert_true(apply(&u, STAGE_COMPLETED, NULL, NULL, &e));
    for (int i = 0; i < ROWS; i++)
        assert_true(u.ran[i] <= 1);
}

static void all_findings_of_a_group_are_reported_and_nothing_is_changed(void **state)
{
    (void)state;
    struct upgrade u = fresh();
    struct err e = ERR_INIT;
    const struct step *failed = NULL;
    u.check_fails[0] = u.check_fails[1] = true;
    assert_false(apply(&u, STAGE_COMPLETED, NULL, &failed, &e));
    assert_int_equal(findings, 2);
    assert_string_equal(failed->name, "check-a");
    assert_string_equal(e.text, "2 checks failed, the first: finding A");
    assert_int_equal(u.ran[R_GROUP], 0);
}

static void failure_at_each_row_undoes_only_the_fence_and_the_next_apply_finishes(void **state)
{
    (void)state;
    static const int rows[] = {R_GROUP, R_OPTIONAL, R_FENCE, R_SWITCH, R_TIDY};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        for (int lost_reply = 0; lost_reply < 2; lost_reply++) {
            struct upgrade u = fresh();
            struct err e = ERR_INIT;
            const struct step *failed = NULL;
            *(lost_reply ? &u.die_at : &u.fail_at) = rows[i];
            assert_false(apply(&u, STAGE_COMPLETED, NULL, &failed, &e));
            assert_string_equal(failed->name, steps[rows[i]].name);
            bool switched = u.done[R_SWITCH];
            bool fence_ran = rows[i] == R_FENCE || rows[i] == R_SWITCH;
            assert_int_equal(u.undone[R_FENCE], fence_ran && !switched ? 1 : 0);
            assert_int_equal(u.undone[R_GROUP], 0);
            assert_true(switched || !u.done[R_FENCE]);
            u.fail_at = u.die_at = -1;
            assert_true(apply(&u, STAGE_COMPLETED, NULL, NULL, &e));
            assert_true(u.done[R_SWITCH] && u.done[R_TIDY]);
        }
    }
}

static void rows_above_the_point_of_no_return_are_history(void **state)
{
    (void)state;
    struct upgrade u = fresh();
    struct err e = ERR_INIT;
    u.done[R_SWITCH] = true;
    u.check_fails[0] = true;
    assert_true(apply(&u, STAGE_COMPLETED, NULL, NULL, &e));
    assert_int_equal(u.ran[R_GROUP], 0);
    assert_int_equal(u.ran[R_FENCE], 0);
    assert_int_equal(u.ran[R_TIDY], 1);
}

static void a_switch_under_way_is_finished_and_nothing_above_it_touched(void **state)
{
    (void)state;
    struct upgrade u = fresh();
    struct err e = ERR_INIT;
    u.underway = u.check_fails[0] = true;
    u.fail_at = R_SWITCH;
    assert_false(apply(&u, STAGE_COMPLETED, NULL, NULL, &e));
    assert_int_equal(u.undone[R_FENCE], 0);
    u.fail_at = -1;
    assert_true(apply(&u, STAGE_COMPLETED, NULL, NULL, &e));
    assert_int_equal(u.ran[R_GROUP], 0);
    assert_true(u.done[R_SWITCH] && u.done[R_TIDY]);
}

static void a_late_switch_of_another_apply_overtakes_the_rows_above_it(void **state)
{
    (void)state;
    static const int rows[] = {R_GROUP, R_OPTIONAL, R_FENCE};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct upgrade u = fresh();
        struct err e = ERR_INIT;
        u.overtaken_at = rows[i];
        assert_true(apply(&u, STAGE_COMPLETED, NULL, NULL, &e));
        assert_int_equal(u.ran[rows[i]], 1);
        assert_int_equal(u.ran[R_SWITCH], 0);
        assert_int_equal(u.undone[R_FENCE], 0);
        assert_int_equal(u.ran[R_TIDY], 1);
    }
    struct upgrade u = fresh();
    struct err e = ERR_INIT;
    u.overtaken_in_check = true;
    assert_true(apply(&u, STAGE_COMPLETED, NULL, NULL, &e));
    assert_int_equal(findings, 0);
    assert_int_equal(u.ran[R_GROUP], 0);
    assert_int_equal(u.ran[R_SWITCH], 1); /* it was under way: observed not done, and run is idempotent */
    assert_int_equal(u.ran[R_TIDY], 1);
}

static void a_passing_conflict_is_waited_out(void **state)
{
    (void)state;
    struct upgrade u = fresh();
    struct err e = ERR_INIT;
    u.busy = 5;
    u.busy_row = R_GROUP;
    assert_true(apply(&u, STAGE_PREPARED, NULL, NULL, &e));
    assert_int_equal(u.ran[R_GROUP], 6);
    u = fresh();
    u.busy = 1;
    u.busy_row = R_SWITCH; /* never repeated by the engine */
    assert_false(apply(&u, STAGE_SWITCHED, NULL, NULL, &e));
    assert_int_equal(u.ran[R_SWITCH], 1);
    u = fresh();
    u.busy = 1000000;
    u.busy_row = R_TIDY;
    assert_false(apply(&u, STAGE_COMPLETED, NULL, NULL, &e));
    assert_int_equal(e.code, ERR_CONFLICT);
    assert_true(u.ran[R_TIDY] < 1000);
    const char *first = strstr(e.text, "step tidy");
    assert_non_null(first);
    assert_null(strstr(first + 1, "step tidy")); /* a step is named once */
}

/* What would be looked at after Stop cannot be: AWS is not asked any more. */
static void stop_in_a_pause_ends_it_at_once(void **state)
{
    (void)state;
    struct upgrade u = fresh();
    struct err e = ERR_INIT;
    CLEANUP(stop_cleanup) struct stop *stop = stop_new();
    u.wait_polls = 1000000;
    u.stop_in_pause = stop;
    assert_false(apply(&u, STAGE_SWITCHED, stop, NULL, &e));
    assert_int_equal(e.code, ERR_CANCELLED);
    assert_non_null(strstr(e.text, "interrupted"));
    assert_int_equal(u.looks, 1);
    assert_int_equal(findings, 0);
}

static void stop_in_a_look_is_no_failure_of_the_look(void **state)
{
    (void)state;
    struct upgrade u = fresh();
    struct err e = ERR_INIT;
    CLEANUP(stop_cleanup) struct stop *stop = stop_new();
    u.wait_polls = 1000000;
    u.stop_at_wait = stop;
    u.look_is_cut = true;
    assert_false(apply(&u, STAGE_SWITCHED, stop, NULL, &e));
    assert_int_equal(e.code, ERR_CANCELLED);
    assert_non_null(strstr(e.text, "interrupted; applying again continues here"));
    assert_null(strstr(e.text, "observe"));
}

static void stop_and_deadline_are_pauses(void **state)
{
    (void)state;
    struct upgrade u = fresh();
    struct err e = ERR_INIT;
    u.wait_polls = 1000000;
    assert_false(apply(&u, STAGE_SWITCHED, NULL, NULL, &e));
    assert_int_equal(e.code, ERR_PAUSED);
    struct stop *stop = stop_new();
    u.stop_at_wait = stop;
    assert_false(apply(&u, STAGE_SWITCHED, stop, NULL, &e));
    assert_int_equal(e.code, ERR_CANCELLED);
    assert_true(u.done[R_GROUP]);
    stop_free(stop);
    u.stop_at_wait = NULL;
    u.wait_polls = 0;
    assert_true(apply(&u, STAGE_SWITCHED, NULL, NULL, &e));
}

static void a_wait_that_does_not_fit_pauses_at_once(void **state)
{
    (void)state;
    static const struct {
        int64_t over_at_ms;
        int looks; /* 0: it is waited for */
    } rows[] = {{1000000, 0}, {1000001, 1}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct upgrade u = fresh();
        struct err e = ERR_INIT;
        const struct step *failed = NULL;
        u.wait_polls = 3;
        u.over_at_ms = rows[i].over_at_ms;
        assert_int_equal(apply(&u, STAGE_SWITCHED, NULL, &failed, &e), rows[i].looks == 0);
        if (rows[i].looks == 0)
            continue;
        assert_int_equal(e.code, ERR_PAUSED);
        assert_string_equal(failed->name, "wait");
        assert_int_equal(u.looks, rows[i].looks);
        assert_true(u.done[R_GROUP]);
        u.over_at_ms = 0; /* the next apply goes on */
        assert_true(apply(&u, STAGE_SWITCHED, NULL, NULL, &e));
    }
}

struct told {
    int rests, looks_at_rest, ends;
    struct upgrade *u;
    const struct step *failed;
    char text[sizeof((struct err *)0)->text];
};

static void count_rest(void *arg)
{
    struct told *t = arg;
    t->rests++;
    t->looks_at_rest = t->u->looks;
}

static void keep_failure(void *arg, const struct step *s, struct err *e)
{
    struct told *t = arg;
    t->ends++;
    t->failed = s;
    (void)snprintf(t->text, sizeof t->text, "%s", e->text);
}

static void a_walk_without_an_error_of_its_callers_rests_and_tells(void **state)
{
    (void)state;
    struct upgrade u = fresh();
    struct told t = {.u = &u};
    struct clock_fake clock;
    clock_fake_init(&clock, 0);
    u.wait_polls = 3;
    u.fail_at = R_TIDY;
    struct flow_run r = {.flow = &flow,
                         .u = &u,
                         .target = STAGE_COMPLETED,
                         .clock = &clock.clock,
                         .deadline_ms = 1000000,
                         .poll_ms = 1000,
                         .rest = count_rest,
                         .rest_arg = &t,
                         .failed = keep_failure,
                         .failed_arg = &t};
    assert_false(flow_apply(&r, NULL, NULL));
    assert_int_equal(t.rests, 3); /* one before each pause of the WAIT row, none after its last look */
    assert_int_equal(t.looks_at_rest, 3);
    assert_int_equal(u.looks, 4);
    assert_int_equal(clock.mono, 3000);
    assert_int_equal(t.ends, 1);
    assert_ptr_equal(t.failed, &steps[R_TIDY]);
    assert_string_equal(t.text, "step tidy: row 7 refused");
    u.fail_at = -1;
    assert_true(flow_apply(&r, NULL, NULL));
    assert_int_equal(t.ends, 1);
}

static void a_wait_that_nobody_can_write_in_ends_promptly(void **state)
{
    (void)state;
    for (int blocks = 0; blocks < 2; blocks++) {
        struct step row = steps[R_WAIT];
        struct flow one = {.name = "toy", .steps = &row, .count = 1};
        struct upgrade u = {.fail_at = -1, .die_at = -1, .wait_polls = 110};
        struct clock_fake clock;
        struct flow_run r = {.flow = &one, .u = &u, .target = STAGE_VALIDATED, .clock = &clock.clock};
        clock_fake_init(&clock, 0);
        row.blocks_writes = blocks;
        r.deadline_ms = 10000000, r.poll_ms = 1000, r.poll_max_ms = 30000;
        assert_true(flow_apply(&r, NULL, NULL));
        assert_in_range(clock.mono, blocks ? 110000 : 2000000, blocks ? 140000 : 3000000);
    }
}

static void rows_that_do_not_apply_are_left_out(void **state)
{
    (void)state;
    struct upgrade u = fresh();
    struct err e = ERR_INIT;
    u.skip_optional = true;
    assert_false(flow_includes(&steps[R_OPTIONAL], &u, STAGE_NONE, STAGE_PREPARED));
    assert_true(flow_includes(&steps[R_GROUP], &u, STAGE_NONE, STAGE_PREPARED));
    assert_false(flow_includes(&steps[R_GROUP], &u, STAGE_PREPARED, STAGE_SWITCHED));
    assert_true(apply(&u, STAGE_PREPARED, NULL, NULL, &e));
    assert_int_equal(u.ran[R_OPTIONAL], 0);
}

static void the_journal_tells_the_walk(void **state)
{
    (void)state;
    char dir[] = "/tmp/aurora-journal-XXXXXX";
    assert_non_null(mkdtemp(dir));
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    struct journal *j = NULL;
    struct err e = ERR_INIT;
    struct clock_fake clock;
    clock_fake_init(&clock, 1767323045678);
    assert_true(journal_open(dir, "orders", "toy", &clock.clock, &j, &e));
    struct upgrade u = fresh();
    u.fail_at = R_TIDY;
    struct flow_run r = {.flow = &flow,
                         .u = &u,
                         .target = STAGE_COMPLETED,
                         .clock = &clock.clock,
                         .deadline_ms = 1000000,
                         .poll_ms = 1000,
                         .journal = j};
    assert_false(flow_apply(&r, NULL, &e));
    journal_event(j, "x", "sample", "quote \" back\\slash \xff\n");
    struct str text;
    assert_true(file_read(a, journal_path(j), 100000, &text, &e));
    assert_non_null(strstr(text.p, "\"ts\":\"2026-01-02T03:04:05.678Z\""));
    assert_non_null(strstr(text.p, "\"step\":\"switch\",\"kind\":\"intent\""));
    assert_non_null(
        strstr(text.p, "\"step\":\"tidy\",\"kind\":\"error\",\"detail\":\"step tidy: row 7 refused\""));
    assert_non_null(strstr(text.p, "quote \\\" back\\\\slash ?\\u000a"));
    (void)unlink(journal_path(j));
    journal_close(j);
    (void)rmdir(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_toy_table_obeys_the_rules),
        cmocka_unit_test(a_bad_table_is_refused),
        cmocka_unit_test(a_walk_ends_at_its_stage_and_a_second_one_changes_nothing),
        cmocka_unit_test(all_findings_of_a_group_are_reported_and_nothing_is_changed),
        cmocka_unit_test(failure_at_each_row_undoes_only_the_fence_and_the_next_apply_finishes),
        cmocka_unit_test(rows_above_the_point_of_no_return_are_history),
        cmocka_unit_test(a_switch_under_way_is_finished_and_nothing_above_it_touched),
        cmocka_unit_test(a_late_switch_of_another_apply_overtakes_the_rows_above_it),
        cmocka_unit_test(a_passing_conflict_is_waited_out),
        cmocka_unit_test(stop_and_deadline_are_pauses),
        cmocka_unit_test(stop_in_a_pause_ends_it_at_once),
        cmocka_unit_test(a_wait_that_nobody_can_write_in_ends_promptly),
        cmocka_unit_test(stop_in_a_look_is_no_failure_of_the_look),
        cmocka_unit_test(a_wait_that_does_not_fit_pauses_at_once),
        cmocka_unit_test(a_walk_without_an_error_of_its_callers_rests_and_tells),
        cmocka_unit_test(rows_that_do_not_apply_are_left_out),
        cmocka_unit_test(the_journal_tells_the_walk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
