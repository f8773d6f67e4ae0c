/* The rehearsal of an upgrade in place against a fake RDS: every call fails once, before its effect or after
 * it, or is the last one the process makes; whatever is asked for next, no clone is left. */
#include "internal/base/testing.h"
#include "internal/upgrade/errors.h"
#include "internal/upgrade/in_place.h"
#include "internal/upgrade/rehearsal.h"
#include "internal/upgrade/tags.h"
#include "provider/fake_rds.h"
#include "provider/flow_upgrades.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char told[8192], warned[4096];
static struct history seen;
static char seen_seconds[2][32];

static void report(void *arg, const struct step *s, const struct err *finding)
{
    (void)arg;
    (void)snprintf(told, sizeof told, "%s %s %s %s", finding->id ? finding->id : "", s->name, finding->text,
                   finding->said);
}

static void warn(void *arg, const char *summary, const char *detail)
{
    (void)arg;
    (void)snprintf(warned, sizeof warned, "%s: %s", summary, detail);
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

enum asked { REHEARSE, FORWARD, BACK, DESTROY };

static bool walk(struct upgrade *u, const struct flow *flow, enum flow_stage target, struct err *e)
{
    const struct flow_run r = {.flow = flow,
                               .u = u,
                               .target = target,
                               .clock = &fake.clock.clock,
                               .deadline_ms = fake.clock.mono + 24LL * 3600000,
                               .poll_ms = 5000,
                               .poll_max_ms = 30000,
                               .report = report};
    return flow_apply(&r, NULL, e);
}

/* As provider/upgrade_resource.c does. */
static bool walk_as_asked(struct upgrade *u, enum asked asked, struct err *e)
{
    bool is_left = false;
    if (!world_look(u, e))
        return false;
    if (asked == DESTROY && !walk(u, &flow_in_place_sweep, STAGE_COMPLETED, e))
        return false;
    if (!rehearsal_is_left(u, asked <= FORWARD, &is_left, e) ||
        (is_left && !walk(u, &flow_in_place_sweep, STAGE_PREPARED, e)))
        return false;
    return asked <= FORWARD ? walk(u, &flow_in_place, STAGE_PREPARED, e)
                            : walk(u, &flow_in_place_back, STAGE_ROLLED_BACK, e);
}

static bool toggles, is_blind;

/* One process: nothing is remembered from the one before. */
static bool apply(enum asked asked, struct err *e)
{
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    struct aws_session s = {.arena = a};
    struct upgrade u;
    struct old_sides *old_sides CLEANUP(old_sides_cleanup) = old_sides_new(&fake.clock.clock);
    told[0] = warned[0] = '\0';
    upgrade_init(&u, a, &s, &fake.clock.clock, old_sides);
    u.strategy = &strategy_in_place;
    u.request.cluster = "orders";
    u.request.target = (struct version){17, -1};
    u.request.rehearses = asked == REHEARSE;
    u.request.toggles_groups = toggles;
    u.source_major = 13;
    u.has_login = !is_blind;
    u.login = login;
    u.warn = warn;
    bool ok = walk_as_asked(&u, asked, e);
    seen = u.history;
    (void)snprintf(seen_seconds[0], sizeof seen_seconds[0], "%s",
                   seen.rehearsed_upgrade_s ? seen.rehearsed_upgrade_s : "");
    (void)snprintf(seen_seconds[1], sizeof seen_seconds[1], "%s",
                   seen.rehearsed_statistics_s ? seen.rehearsed_statistics_s : "");
    upgrade_done(&u);
    return ok;
}

static void must(enum asked asked)
{
    struct err e = ERR_INIT;
    if (!apply(asked, &e))
        fail_msg("asked %d: %s | %s | %s", asked, e.text, e.said, told);
}

static void must_fail(enum asked asked, const char *id)
{
    struct err e = ERR_INIT;
    assert_false(apply(asked, &e));
    if (!e.id || strcmp(e.id, id) != 0)
        fail_msg("wanted %s, got %s: %s", id, e.id ? e.id : "none", e.text);
}

static void assert_no_clone(void)
{
    (void)fake_clone_major("nowhere"); /* time passes */
    assert_false(fake.rehearsal.cluster || fake.rehearsal.instance);
    assert_string_equal(fake.production_version, "13.23");
    assert_int_equal(fake.final_snapshots, 0);
}

static void start(void)
{
    fake_reset();
    toggles = is_blind = false;
}

/* ---- rows ---- */

static void it_is_made_once_and_leaves_its_outcome(void **state)
{
    (void)state;
    for (int way = 0; way < 4; way++) {
        start();
        toggles = way & 1;
        is_blind = way & 2;
        must(REHEARSE);
        assert_no_clone();
        assert_true(fake.rehearsal.note);
        assert_int_equal(fake.rehearsal.made, 1);
        assert_int_equal(fake.rehearsal.calls, 1);
        long took = strtol(seen_seconds[0], NULL, 10);
        assert_true(took >= 20 && took < 60);
        assert_string_equal(seen_seconds[1], is_blind ? "-" : "0");
        assert_string_equal(fake.rehearsal.hosts, is_blind ? "" : "orders-rehearsal.example ");
        assert_non_null(strstr(warned, "the upgrade took "));
        int changes = fake.changes;
        must(REHEARSE);
        assert_int_equal(fake.changes, changes);
        assert_string_equal(warned, "");
        assert_true(strtol(seen_seconds[0], NULL, 10) == took);
    }
}

static void the_clone_gets_what_the_upgrade_needs_and_no_more(void **state)
{
    (void)state;
    static const char *const never[] = {"PubliclyAccessible=true",     "Role",
                                        "EnableCloudwatchLogsExports", "DeletionProtection=true",
                                        "AvailabilityZone=",           "PerformanceInsightsKMS"};
    struct err e = ERR_INIT;
    start();
    fake.rehearsal.no_capacity = true;
    assert_false(apply(REHEARSE, &e));
    assert_non_null(strstr(fake.rehearsal.sent, "PubliclyAccessible=false"));
    assert_non_null(strstr(fake.rehearsal.sent, "DBParameterGroupName=orders-pg-instance"));
    for (size_t i = 0; i < ARRAY_LEN(never); i++)
        assert_null(strstr(fake.rehearsal.sent, never[i]));
}

static void another_subject_is_another_rehearsal(void **state)
{
    (void)state;
    start();
    must(REHEARSE);
    toggles = true;
    must(REHEARSE);
    assert_int_equal(fake.rehearsal.made, 2);
    assert_no_clone();
}

static void what_aws_refuses_is_told_once_the_clone_is_gone(void **state)
{
    (void)state;
    start();
    fake.rehearsal.goes_back = true;
    must_fail(REHEARSE, "AUR0204");
    assert_no_clone();
    assert_false(fake.rehearsal.note);
    assert_non_null(strstr(told, "rehearsed"));
    assert_non_null(strstr(told, "a view is in the way"));
    assert_non_null(strstr(told, "pg_upgrade_dump_1.log of orders-rehearsal-1"));
    assert_non_null(strstr(told, "no such column"));
    fake.rehearsal.goes_back = false;
    must(REHEARSE);
    assert_int_equal(fake.rehearsal.made, 2);
    assert_no_clone();
}

static void a_clone_that_cannot_be_made_whole_goes_too(void **state)
{
    (void)state;
    start();
    fake.rehearsal.no_capacity = true;
    must_fail(REHEARSE, "AUR0204");
    assert_non_null(strstr(told, "InsufficientDBInstanceCapacity"));
    assert_no_clone();
    start();
    fake.rehearsal.status = "cloning-failed";
    must_fail(REHEARSE, "AUR0204");
    assert_no_clone();
    must(REHEARSE);
}

/* Nothing was made: no clone, no note, and once the key is enabled it is rehearsed. */
static void a_key_that_may_not_be_used_is_told(void **state)
{
    (void)state;
    start();
    fake.rehearsal.no_key = true;
    must_fail(REHEARSE, "AUR0204");
    assert_non_null(strstr(told, "KMSKeyNotAccessibleFault: The specified KMS key [k] is not enabled"));
    assert_no_clone();
    assert_false(fake.rehearsal.note);
    assert_int_equal(fake.rehearsal.made, 0);
    must(FORWARD);
    fake.rehearsal.no_key = false;
    must(REHEARSE);
    assert_int_equal(fake.rehearsal.made, 1);
    assert_no_clone();
}

static void a_cluster_of_somebody_else_is_left_alone(void **state)
{
    (void)state;
    start();
    fake.rehearsal.foreign = true;
    fake.rehearsal.version = "13.23";
    must_fail(REHEARSE, "AUR0205");
    for (int asked = FORWARD; asked <= DESTROY; asked++)
        must((enum asked)asked);
    assert_int_equal(fake.rehearsal.made, 0);
    assert_true(fake.rehearsal.foreign);
}

static void a_clone_out_of_reach_is_no_failure(void **state)
{
    (void)state;
    start();
    fake.rehearsal.unseen = true;
    must(REHEARSE);
    assert_string_equal(seen_seconds[1], "-");
    assert_true(strtol(seen_seconds[0], NULL, 10) >= 20);
    assert_no_clone();
}

static void its_outcome_goes_with_the_run(void **state)
{
    (void)state;
    for (int asked = BACK; asked <= DESTROY; asked++) {
        start();
        must(REHEARSE);
        assert_true(fake.rehearsal.note);
        must((enum asked)asked);
        assert_false(fake.rehearsal.note);
    }
}

/* ---- sweeps ---- */

static int count_calls(enum asked asked)
{
    start();
    if (asked != REHEARSE)
        must(REHEARSE);
    int before = fake.calls;
    must(asked);
    return fake.calls - before;
}

static void cut_at(int call, enum fake_fault fault, bool death, bool goes_back)
{
    struct err e = ERR_INIT;
    start();
    fake.rehearsal.goes_back = goes_back;
    fake.fault = fault;
    fake.fault_at = call;
    fake.fault_everything_after = death;
    (void)!apply(REHEARSE, &e);
    fake.fault = FAULT_NONE;
    fake.fault_at = 0;
    fake.fault_everything_after = false;
}

static int cases;

/* Every call of it; what is asked for next takes turns. */
static void sweep(enum fake_fault fault, bool death)
{
    int calls = count_calls(REHEARSE);
    assert_true(calls > 100);
    for (int turn = 0; turn < 2; turn++)
        for (int i = 1; i <= calls; i++) {
            enum asked next = turn == 0 ? REHEARSE : FORWARD + (enum asked)(i % 3);
            cut_at(i, fault, death, false);
            /* what comes next comes at once, or when AWS is at rest again */
            fake.clock.mono += i % 2 ? 0 : 3600000;
            fake.clock.wall += i % 2 ? 0 : 3600000;
            must(next);
            assert_no_clone();
            assert_int_equal(fake.rehearsal.note,
                             next == REHEARSE || (next == FORWARD && fake.rehearsal.note));
            assert_true(fake.rehearsal.made <= 2);
            cases++;
        }
}

static void a_call_that_fails_is_repeated(void **state)
{
    (void)state;
    sweep(FAULT_BEFORE, false);
}

static void a_lost_reply_is_found_again(void **state)
{
    (void)state;
    sweep(FAULT_AFTER, false);
}

static void a_dead_process_is_followed_by_another(void **state)
{
    (void)state;
    sweep(FAULT_BEFORE, true);
    sweep(FAULT_AFTER, true);
    print_message("%d cases\n", cases);
}

static void a_failing_rehearsal_can_be_cut_anywhere(void **state)
{
    (void)state;
    start();
    fake.rehearsal.goes_back = true;
    must_fail(REHEARSE, "AUR0204");
    int calls = fake.calls;
    for (int i = 1; i <= calls; i += 3)
        for (int next = REHEARSE; next <= DESTROY; next++) {
            cut_at(i, FAULT_AFTER, true, true);
            fake.rehearsal.goes_back = false;
            must((enum asked)next);
            assert_no_clone();
        }
}

/* ---- credentials ---- */

/* An upgrade in place, and names that our calls move: half an hour, or something that renews. */
static void work_in_place_wants_credentials_that_last(void **state)
{
    (void)state;
    static const struct {
        struct aws_life life;
        bool goes_on;
    } rows[] = {
        {{30 * 60, false, "environment", ""}, true},
        {{30 * 60 - 1, false, "environment", ""}, false},
        {{60, true, "role arn:r", ""}, true},
        {{60, false, "role arn:r", "STS says no"}, false},
    };
    static bool (*const checks[])(struct upgrade *, bool *, struct err *) = {credentials_check_upgrade,
                                                                             credentials_check_names};
    for (size_t i = 0; i < ARRAY_LEN(rows) * ARRAY_LEN(checks); i++) {
        struct err e = ERR_INIT;
        struct upgrade u = {.request.cluster = "orders"};
        bool done = false;
        fake_reset();
        fake.life = rows[i / 2].life;
        assert_int_equal(checks[i % 2](&u, &done, &e), rows[i / 2].goes_on);
        assert_string_equal(rows[i / 2].goes_on ? "" : "AUR0144", e.id ? e.id : "");
        assert_string_equal(e.said, rows[i / 2].goes_on ? "" : rows[i / 2].life.trouble);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(work_in_place_wants_credentials_that_last),
        cmocka_unit_test(it_is_made_once_and_leaves_its_outcome),
        cmocka_unit_test(the_clone_gets_what_the_upgrade_needs_and_no_more),
        cmocka_unit_test(another_subject_is_another_rehearsal),
        cmocka_unit_test(what_aws_refuses_is_told_once_the_clone_is_gone),
        cmocka_unit_test(a_clone_that_cannot_be_made_whole_goes_too),
        cmocka_unit_test(a_key_that_may_not_be_used_is_told),
        cmocka_unit_test(a_cluster_of_somebody_else_is_left_alone),
        cmocka_unit_test(a_clone_out_of_reach_is_no_failure),
        cmocka_unit_test(its_outcome_goes_with_the_run),
        cmocka_unit_test(a_call_that_fails_is_repeated),
        cmocka_unit_test(a_lost_reply_is_found_again),
        cmocka_unit_test(a_dead_process_is_followed_by_another),
        cmocka_unit_test(a_failing_rehearsal_can_be_cut_anywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
