/* The tables of the blue/green upgrade against a fake RDS: every call of every stage fails once, before its
 * effect or after it, or the process dies there; the next apply must finish, with exactly one of everything.
 */
#include "internal/base/testing.h"
#include "internal/upgrade/errors.h"
#include "internal/upgrade/upgrade.h"
#include "provider/fake_rds.h"
#include "provider/flow_upgrades.h"

#include <stdio.h>
#include <string.h>

static size_t findings;
static struct upgrade asked; /* what differs from the usual request; set per test */
static char last_finding[4096];

static void report(void *arg, const struct step *s, const struct err *finding)
{
    (void)arg;
    findings++;
    (void)snprintf(last_finding, sizeof last_finding, "%s %s %s", finding->id ? finding->id : "", s->name,
                   finding->text);
}

static void warn(void *arg, const char *summary, const char *detail)
{
    (void)arg;
    assert_true(summary[0] != '\0' && detail[0] != '\0');
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

/* One process: nothing is remembered from the one before. */
static bool apply_flow(const struct flow *flow, enum flow_stage target, const struct step **failed,
                       struct err *e)
{
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    struct aws_session s = {.arena = a};
    struct upgrade u;
    findings = 0;
    struct old_sides *old_sides CLEANUP(old_sides_cleanup) = old_sides_new(&fake.clock.clock);
    upgrade_init(&u, a, &s, &fake.clock.clock, old_sides);
    u.request.cluster = "orders";
    u.request.target = (struct version){17, -1};
    u.request.max_lag_bytes = 1 << 20;
    u.request.max_write_outage_s = 300;
    u.request.manage_source = asked.request.manage_source;
    u.request.allow_reboot = asked.request.allow_reboot;
    u.request.raise_source_capacity = asked.request.raise_source_capacity;
    u.request.minimum_stable_ms = asked.request.minimum_stable_ms;
    u.old_hint = asked.old_hint;
    u.source_major = 13;
    u.has_login = true;
    u.is_serverless = fake.serverless;
    u.login = login;
    u.warn = warn;
    struct flow_run r = {.flow = flow,
                         .u = &u,
                         .target = target,
                         .clock = &fake.clock.clock,
                         .deadline_ms = fake.clock.mono + 24LL * 3600000,
                         .poll_ms = 1000,
                         .poll_max_ms = 30000,
                         .report = report};
    bool ok = flow_apply(&r, failed, e);
    upgrade_done(&u);
    return ok;
}

static bool apply_to(enum flow_stage target, struct err *e)
{
    return apply_flow(&flow_blue_green, target, NULL, e);
}

static void must_apply(enum flow_stage target)
{
    struct err e = ERR_INIT;
    if (!apply_to(target, &e))
        fail_msg("to %s: %s (%s)", stage_name(target), e.text, last_finding);
}

static void assert_one_of_everything(void)
{
    assert_int_equal(fake.deployments_made, 1);
    assert_int_equal(fake.groups_made, 2);
    assert_int_equal(fake.switchovers, 1);
    assert_int_equal(fake.final_snapshots, 1);
    assert_false(fake.deployment || fake.old || fake.green);
    assert_string_equal(fake.production_version, "17.6");
}

static void each_stage_is_reached_once_and_again_changes_nothing(void **state)
{
    (void)state;
    fake_reset();
    for (int serverless = 0; serverless < 2; serverless++) {
        fake_reset();
        fake.serverless = serverless;
        for (enum flow_stage s = STAGE_PREPARED; s <= STAGE_COMPLETED; s++) {
            must_apply(s);
            int before = fake.changes;
            must_apply(s);
            assert_int_equal(fake.changes, before);
        }
        assert_one_of_everything();
        assert_true(fake.production_min == 0.5);
    }
}

static int count_calls(enum flow_stage from, enum flow_stage target)
{
    fake_reset();
    fake.old_protected = true;
    if (from > STAGE_NONE)
        must_apply(from);
    int before = fake.calls;
    must_apply(target);
    return fake.calls - before;
}

static void sweep(enum flow_stage from, enum flow_stage target, enum fake_fault fault, bool death)
{
    int calls = count_calls(from, target);
    assert_true(calls > 10);
    for (int i = 1; i <= calls; i++) {
        struct err e = ERR_INIT;
        fake_reset();
        if (from > STAGE_NONE)
            must_apply(from);
        fake.old_protected = true;
        fake.fault = fault;
        fake.fault_at = fake.calls + i;
        fake.fault_everything_after = death;
        (void)!apply_to(target, &e);
        bool lost_on_the_way = !fake.cluster_exists || !fake.production_writable;
        assert_false(lost_on_the_way);
        fake.fault_at = 0;
        must_apply(target);
        must_apply(STAGE_COMPLETED);
        assert_one_of_everything();
    }
}

static void every_call_may_fail_before_its_effect(void **state)
{
    (void)state;
    sweep(STAGE_NONE, STAGE_COMPLETED, FAULT_BEFORE, false);
}

static void every_call_may_lose_its_reply(void **state)
{
    (void)state;
    sweep(STAGE_NONE, STAGE_COMPLETED, FAULT_AFTER, false);
}

static void the_process_may_die_at_every_call(void **state)
{
    (void)state;
    sweep(STAGE_NONE, STAGE_COMPLETED, FAULT_BEFORE, true);
    sweep(STAGE_NONE, STAGE_COMPLETED, FAULT_AFTER, true);
}

/* What one defect of the world does to an apply to `switched`. */
static void defects_stop_before_the_switch(void **state)
{
    (void)state;
    static const struct {
        bool *flag;
        bool worker_fails; /* no slot is ever seen at work: not waited for once AWS has said why */
        const char *id, *step;
    } rows[] = {
        {&fake.degraded_event, false, "AUR0130", "check-events"},
        {&fake.degraded_event, true, "AUR0130", "replication-caught-up"},
        {&fake.schema_differs, false, "AUR0131", "check-schema"},
        {&fake.rows_differ, false, "AUR0132", "check-rows"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct err e = ERR_INIT;
        const struct step *failed = NULL;
        fake_reset();
        *rows[i].flag = true;
        fake.worker_fails = rows[i].worker_fails;
        assert_false(apply_flow(&flow_blue_green, STAGE_SWITCHED, &failed, &e));
        assert_string_equal(e.id, rows[i].id);
        assert_string_equal(failed->name, rows[i].step);
        assert_int_equal(findings, !rows[i].worker_fails); /* of a check */
        assert_int_equal(fake.switchovers, 0);
        assert_false(fake.validated_tag);
        *rows[i].flag = fake.worker_fails = false;
        must_apply(STAGE_SWITCHED);
        assert_int_equal(fake.deployments_made, 1);
    }
}

static void credentials_must_outlive_the_switch(void **state)
{
    (void)state;
    static const struct {
        struct aws_life life;
        bool switches;
    } rows[] = {
        {{300 + 600, false, "environment", ""}, true},
        {{300 + 599, false, "environment", ""}, false},
        {{60, true, "role arn:r", ""}, true},
        {{60, false, "role arn:r", "STS says no"}, false},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct err e = ERR_INIT;
        const struct step *failed = NULL;
        fake_reset();
        fake.life = rows[i].life;
        assert_int_equal(apply_flow(&flow_blue_green, STAGE_SWITCHED, &failed, &e), rows[i].switches);
        assert_int_equal(fake.switchovers, rows[i].switches);
        if (rows[i].switches)
            continue;
        assert_string_equal(e.id, "AUR0144");
        assert_string_equal(failed->name, "check-credentials");
        assert_string_equal(e.said, rows[i].life.trouble);
        assert_true(fake.validated_tag && fake.deployments_made == 1);
        fake.life = (struct aws_life){3600, false, "environment", ""};
        must_apply(STAGE_SWITCHED);
        assert_int_equal(fake.deployments_made, 1);
    }
}

static void a_refused_switchover_says_so_and_production_takes_writes(void **state)
{
    (void)state;
    struct err e = ERR_INIT;
    fake_reset();
    must_apply(STAGE_VALIDATED);
    fake.refuse_switchover = true;
    assert_false(apply_to(STAGE_SWITCHED, &e));
    assert_string_equal(e.id, "AUR0140");
    assert_non_null(strstr(e.said, "not in available state"));
    assert_non_null(strstr(e.state, "takes writes"));
    fake.refuse_switchover = false;
    must_apply(STAGE_SWITCHED);
}

static void a_switchover_that_aws_takes_back_is_told_and_can_be_repeated(void **state)
{
    (void)state;
    struct err e = ERR_INIT;
    fake_reset();
    must_apply(STAGE_VALIDATED);
    fake.roll_back_switchover = true;
    assert_false(apply_to(STAGE_SWITCHED, &e));
    assert_string_equal(e.id, "AUR0141");
    assert_non_null(strstr(e.state, "takes writes"));
    fake.roll_back_switchover = false;
    must_apply(STAGE_SWITCHED);
    assert_int_equal(fake.switchovers, 1);
}

static void the_way_back_removes_everything_of_ours(void **state)
{
    (void)state;
    struct err e = ERR_INIT;
    for (enum flow_stage s = STAGE_NONE; s <= STAGE_VALIDATED; s++) {
        fake_reset();
        if (s > STAGE_NONE)
            must_apply(s);
        assert_true(apply_flow(&flow_blue_green_back, STAGE_ROLLED_BACK, NULL, &e));
        assert_false(fake.deployment || fake.green || fake.cluster_group || fake.instance_group);
        assert_string_equal(fake.production_version, "13.23");
    }
    fake_reset();
    must_apply(STAGE_SWITCHED);
    assert_false(apply_flow(&flow_blue_green_back, STAGE_ROLLED_BACK, NULL, &e));
    assert_string_equal(e.id, "AUR0160");
    assert_true(fake.old && fake.deployment);
}

/* A deployment of somebody else that turns out to go elsewhere only once green is there. */
static void another_major_is_never_switched_to(void **state)
{
    (void)state;
    struct err e = ERR_INIT;
    fake_reset();
    fake.deployment = fake.green = fake.late_green = true;
    fake.green_version = "15.10";
    fake.created_ms = fake.clock.mono;
    assert_false(apply_to(STAGE_SWITCHED, &e));
    assert_string_equal(e.id, "AUR0122");
    assert_int_equal(fake.switchovers, 0);
    fake_reset();
    fake.green_major = "15.10";
    e = (struct err)ERR_INIT;
    must_apply(STAGE_VALIDATED); /* ours by its tags; now they are taken away */
    fake.ours_tag = false;
    assert_false(apply_to(STAGE_SWITCHED, &e));
    assert_string_equal(e.id, "AUR0122");
    assert_int_equal(fake.switchovers, 0);
    assert_string_equal(fake.production_version, "13.23");
}

/* The events of one world, oldest first, and whether the deployment bgd-1 may be switched. */
static void the_newest_event_about_replication_decides(void **state)
{
    (void)state;
#define AT(hour, from, text)                                                                                 \
    {                                                                                                        \
        (from), "blue-green-deployment", (text), "2026-01-02T" hour ":10:00Z"                                \
    }
    static const struct {
        struct rds_event events[4];
        bool switches;
    } rows[] = {
        {{AT("03", "bgd-9", "Replication degraded because of DDL."),
          AT("09", "bgd-9", "Switchover was canceled due to lag.")},
         true},
        {{AT("04", "bgd-1", "Replication degraded: x"), AT("05", "bgd-1", "Replication recovered: y")}, true},
        {{AT("04", "bgd-1", "Replication degraded: x"),
          AT("05", "bgd-1", "The environment is no longer degraded; replication goes on.")},
         true},
        {{AT("04", "bgd-1", "Replication degraded: x"),
          AT("05", "bgd-1", "The replication state is Replicating.")},
         true},
        {{AT("04", "bgd-1", "Replication degraded: x"), AT("04", "bgd-1", "Replication resumed")}, true},
        {{AT("04", "bgd-1", "Replication degraded: x"), AT("05", "bgd-9", "Replication recovered: y")},
         false},
        {{AT("04", "bgd-1", "Replication degraded: x"),
          AT("05", "bgd-1", "Blue/green deployment tasks completed.")},
         false},
        {{AT("04", "bgd-1", "Replication degraded: x"),
          AT("05", "bgd-1", "Replication could not be resumed")},
         false},
        {{AT("04", "bgd-1", "Replication degraded: x"), AT("05", "bgd-1", "Replication isn't restored")},
         false},
        {{AT("04", "bgd-1", "Replication degraded: x"), AT("05", "bgd-1", "Replication recovered: y"),
          AT("06", "bgd-1", "Replication degraded: z")},
         false},
        {{AT("06", "bgd-1", "Replication degraded: z"), AT("05", "bgd-1", "Replication recovered: y")},
         false},
        {{AT("04", "bgd-1", "The green environment is degraded")}, false},
    };
#undef AT
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct err e = ERR_INIT;
        fake_reset();
        fake.events = rows[i].events;
        while (fake.event_count < ARRAY_LEN(rows[i].events) && rows[i].events[fake.event_count].source)
            fake.event_count++;
        assert_int_equal(apply_to(STAGE_SWITCHED, &e), rows[i].switches);
        assert_int_equal(fake.switchovers, rows[i].switches);
        if (!rows[i].switches)
            assert_string_equal(e.id, "AUR0130");
    }
}

static void the_switch_waits_for_steady_readings_of_its_own(void **state)
{
    (void)state;
    struct err e = ERR_INIT;
    fake_reset();
    fake.flaps = true;
    assert_false(apply_to(STAGE_SWITCHED, &e));
    assert_int_equal(e.code, ERR_PAUSED);
    assert_int_equal(fake.switchovers, 0);
    fake.flaps = false;
    must_apply(STAGE_SWITCHED);
}

static void a_lost_reply_to_the_switchover_is_watched(void **state)
{
    (void)state;
    fake_reset();
    fake.lose_switchover = true;
    must_apply(STAGE_SWITCHED);
    assert_int_equal(fake.switchovers, 1);
    assert_true(fake.old_tag);
}

static void a_soak_that_is_not_over_is_a_pause(void **state)
{
    (void)state;
    struct err e = ERR_INIT;
    fake_reset();
    fake.clock.wall = 1767323045000;
    asked.request.minimum_stable_ms = 365LL * 24 * 3600000;
    assert_false(apply_to(STAGE_SWITCHED, &e));
    assert_int_equal(e.code, ERR_PAUSED);
    assert_int_equal(fake.switchovers, 0);
    asked.request.minimum_stable_ms = 0;
    must_apply(STAGE_SWITCHED);
}

/* The state remembers the old side of the run before; the deployment was removed by an apply that died. */
static void the_old_side_is_found_behind_a_stale_hint(void **state)
{
    (void)state;
    fake_reset();
    must_apply(STAGE_SWITCHED);
    fake.deployment = fake.completed = false;
    asked.old_hint = "cluster-OF-THE-RUN-BEFORE";
    must_apply(STAGE_COMPLETED);
    assert_one_of_everything();
    asked.old_hint = NULL;
}

static void a_note_of_an_earlier_run_does_not_count(void **state)
{
    (void)state;
    fake_reset();
    fake.stale_old_note = true;
    must_apply(STAGE_SWITCHED);
    assert_true(fake.old_tag);
}

static void the_old_side_is_noted_before_its_deployment_goes(void **state)
{
    (void)state;
    struct err e = ERR_INIT;
    fake_reset();
    must_apply(STAGE_SWITCHED);
    fake.old_tag = false;
    assert_true(apply_flow(&flow_blue_green_retire, STAGE_COMPLETED, NULL, &e));
    assert_true(fake.old_tag);
    assert_one_of_everything();
}

static void production_is_made_ready_only_where_it_may_be_rebooted(void **state)
{
    (void)state;
    struct err e = ERR_INIT;
    const struct step *failed = NULL;
    fake_reset();
    fake.unready = asked.request.manage_source = true;
    assert_false(apply_flow(&flow_blue_green, STAGE_PREPARED, &failed, &e));
    assert_string_equal(e.id, "AUR0110");
    assert_int_equal(fake.changes, 0);
    asked.request.allow_reboot = true;
    must_apply(STAGE_VALIDATED);
    assert_int_equal(fake.reboots, 1);
    assert_int_equal(fake.deployed_unready, 0);
    /* The way back does not depend on the attribute still being there. */
    asked.request = (struct request){0};
    e = (struct err)ERR_INIT;
    if (!apply_flow(&flow_blue_green_back, STAGE_ROLLED_BACK, &failed, &e))
        fail_msg("%s", e.text);
    assert_false(fake.managed_attached || fake.managed_group || fake.cluster_group);
}

static void the_copy_of_productions_group_goes_with_the_old_side(void **state)
{
    (void)state;
    fake_reset();
    fake.unready = asked.request.manage_source = asked.request.allow_reboot = true;
    must_apply(STAGE_SWITCHED);
    assert_true(fake.managed_group);
    asked.request.manage_source = asked.request.allow_reboot = false; /* the attributes may go in mid-run */
    must_apply(STAGE_COMPLETED);
    asked.request = (struct request){0};
    assert_false(fake.managed_group);
    assert_true(fake.cluster_group);
}

static void instances_with_groups_of_their_own_are_told(void **state)
{
    (void)state;
    struct err e = ERR_INIT;
    const struct step *failed = NULL;
    fake_reset();
    fake.groups_differ = true;
    assert_false(apply_flow(&flow_blue_green, STAGE_PREPARED, &failed, &e));
    assert_string_equal(e.id, "AUR0117");
    assert_string_equal(failed->name, "check-parameters");
    assert_int_equal(fake.changes, 0);
}

static void values_that_the_new_family_refuses_are_told_before_anything_is_made(void **state)
{
    (void)state;
    static const struct {
        const char *type, *allowed, *value;
        bool fits;
    } rows[] = {
        {"integer", "1-100", "100", true},
        {"integer", "1-100", "101", false},
        {"integer", "-1-2147483647", "-1", true},
        {"integer", "-1-2147483647", "-2", false},
        {"integer", "0,1", "1", true},
        {"integer", "0,1", "2", false},
        {"integer", "1-100", "{DBInstanceClassMemory/32768}", true},
        {"integer", "any", "7", true},
        {"integer", "", "7", true},
        {"list", "auto_explain,pg_cron, pg_stat_statements", "pg_stat_statements, pg_cron", true},
        {"list", "auto_explain,pg_stat_statements", "pg_stat_statements,pg_cron", false},
        {"list", "auto_explain,pg_stat_statements", "pg_stat", false},
        {"list", "auto_explain,pg_stat_statements", "", true},
        {"string", "on,off", "maybe", true},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct err e = ERR_INIT;
        fake_reset();
        fake.carried = rows[i].value;
        fake.carried_type = rows[i].type;
        fake.allowed = rows[i].allowed;
        bool ok = apply_to(STAGE_PREPARED, &e);
        if (ok != rows[i].fits)
            fail_msg("%s in %s: %s", rows[i].value, rows[i].allowed, e.text);
        if (!ok)
            assert_string_equal(e.id, "AUR0115");
        assert_int_equal(fake.groups_made, ok ? 2 : 0);
    }
}

static void a_switch_made_elsewhere_is_taken_over(void **state)
{
    (void)state;
    fake_reset();
    must_apply(STAGE_PREPARED);
    fake.no_statistics = true;
    fake.switching_ms = fake.clock.mono;
    fake.clock.mono += 60000;
    must_apply(STAGE_SWITCHED);
    assert_int_equal(fake.switchovers, 1);
    assert_true(fake.old_tag);
    assert_false(fake.no_statistics);
}

static void a_raised_minimum_is_given_back_either_way(void **state)
{
    (void)state;
    struct err e = ERR_INIT;
    fake_reset();
    fake.serverless = asked.request.raise_source_capacity = true;
    must_apply(STAGE_VALIDATED);
    assert_true(fake.production_min == 1.0);
    asked.request.raise_source_capacity = false;
    assert_true(apply_flow(&flow_blue_green_back, STAGE_ROLLED_BACK, NULL, &e));
    assert_true(fake.production_min == 0.5);
    fake_reset();
    fake.serverless = asked.request.raise_source_capacity = true;
    must_apply(STAGE_SWITCHED);
    assert_true(fake.production_min == 0.5);
    fake_reset();
    fake.serverless = true;
    must_apply(STAGE_PREPARED);
    fake.production_min = 4; /* the user's, in the middle of it */
    must_apply(STAGE_SWITCHED);
    assert_true(fake.production_min == 4);
    asked.request = (struct request){0};
}

static void a_destroy_may_retire_the_old_side(void **state)
{
    (void)state;
    struct err e = ERR_INIT;
    fake_reset();
    must_apply(STAGE_SWITCHED);
    assert_true(apply_flow(&flow_blue_green_retire, STAGE_COMPLETED, NULL, &e));
    assert_one_of_everything();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_stage_is_reached_once_and_again_changes_nothing),
        cmocka_unit_test(every_call_may_fail_before_its_effect),
        cmocka_unit_test(every_call_may_lose_its_reply),
        cmocka_unit_test(the_process_may_die_at_every_call),
        cmocka_unit_test(defects_stop_before_the_switch),
        cmocka_unit_test(credentials_must_outlive_the_switch),
        cmocka_unit_test(a_refused_switchover_says_so_and_production_takes_writes),
        cmocka_unit_test(a_switchover_that_aws_takes_back_is_told_and_can_be_repeated),
        cmocka_unit_test(the_way_back_removes_everything_of_ours),
        cmocka_unit_test(a_destroy_may_retire_the_old_side),
        cmocka_unit_test(another_major_is_never_switched_to),
        cmocka_unit_test(the_newest_event_about_replication_decides),
        cmocka_unit_test(the_switch_waits_for_steady_readings_of_its_own),
        cmocka_unit_test(a_lost_reply_to_the_switchover_is_watched),
        cmocka_unit_test(a_soak_that_is_not_over_is_a_pause),
        cmocka_unit_test(the_old_side_is_found_behind_a_stale_hint),
        cmocka_unit_test(a_note_of_an_earlier_run_does_not_count),
        cmocka_unit_test(the_old_side_is_noted_before_its_deployment_goes),
        cmocka_unit_test(production_is_made_ready_only_where_it_may_be_rebooted),
        cmocka_unit_test(the_copy_of_productions_group_goes_with_the_old_side),
        cmocka_unit_test(instances_with_groups_of_their_own_are_told),
        cmocka_unit_test(values_that_the_new_family_refuses_are_told_before_anything_is_made),
        cmocka_unit_test(a_switch_made_elsewhere_is_taken_over),
        cmocka_unit_test(a_raised_minimum_is_given_back_either_way),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
