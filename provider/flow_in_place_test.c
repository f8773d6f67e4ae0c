/* The tables of the upgrade in place obey the engine's rules, and say what a user has to know. */
#include "internal/base/testing.h"
#include "internal/upgrade/in_place.h"
#include "internal/upgrade/roll_back.h"
#include "provider/flow_upgrades.h"
#include "provider/upgrade_resource.h"

#include <string.h>

static struct upgrade sample(void)
{
    struct upgrade u = {.strategy = &strategy_in_place, .source_major = 13, .has_login = true};
    u.request.cluster = "orders";
    u.request.target = (struct version){17, 6};
    return u;
}

static void the_tables_obey_the_rules(void **state)
{
    (void)state;
    static const struct flow *const flows[] = {
        &flow_in_place,          &flow_in_place_back,    &flow_in_place_retire, &flow_in_place_restore,
        &flow_in_place_put_away, &flow_in_place_give_up, &flow_in_place_stray,  &flow_in_place_sweep};
    struct upgrade u = sample();
    for (size_t i = 0; i < ARRAY_LEN(flows); i++) {
        struct err e = ERR_INIT;
        if (!flow_check(flows[i], &u, &e))
            fail_msg("%s", e.text);
    }
}

static size_t row_of(const char *name)
{
    for (size_t i = 0; i < flow_in_place.count; i++)
        if (strcmp(flow_in_place.steps[i].name, name) == 0)
            return i;
    fail_msg("no row %s", name);
    return 0;
}

/* Nothing may come between them: the snapshot has to hold the last writes. */
static void the_snapshot_stands_right_before_the_upgrade(void **state)
{
    (void)state;
    size_t upgrade = row_of("upgrade");
    assert_int_equal(row_of("snapshot-available") + 1, upgrade);
    assert_int_equal(row_of("snapshot") + 2, upgrade);
    assert_int_equal(flow_in_place.steps[upgrade].kind, STEP_NO_RETURN);
}

/* Nothing is begun that cannot be turned back while the credentials may end in the middle of it. */
static void credentials_are_asked_about_before_there_is_no_way_back(void **state)
{
    (void)state;
    assert_ptr_equal(flow_in_place.steps[row_of("snapshot") - 1].is_done, credentials_check_upgrade);
    for (size_t i = 0; i < flow_in_place_restore.count; i++)
        if (flow_in_place_restore.steps[i].kind == STEP_NO_RETURN)
            assert_ptr_equal(flow_in_place_restore.steps[i - 1].is_done, credentials_check_names);
}

static void production_is_touched_by_nothing_before_the_upgrade(void **state)
{
    (void)state;
    for (size_t i = 0; i < row_of("upgrade"); i++) {
        assert_false(flow_in_place.steps[i].blocks_writes);
        assert_false(flow_in_place.steps[i].irreversible);
    }
    assert_true(flow_in_place.steps[row_of("upgrade")].blocks_writes);
    assert_true(flow_in_place.steps[row_of("upgraded")].blocks_writes);
    assert_true(flow_in_place.steps[row_of("new-reboot")].blocks_writes);
}

/* Until the restored cluster is proved production is only looked at; from there on nothing is a check that
 * could leave a name with nobody. */
static void names_move_once_the_restored_cluster_is_proved(void **state)
{
    (void)state;
    size_t turn = 0, settings = 0, content = 0, arrived = 0;
    for (size_t i = 0; i < flow_in_place_restore.count; i++) {
        const struct step *s = &flow_in_place_restore.steps[i];
        turn = s->kind == STEP_NO_RETURN ? i : turn;
        settings = s->is_done == settings_check ? i : settings;
        content = s->is_done == restored_content_check ? i : content;
        arrived = s->is_done == instances_arrived ? i : arrived;
    }
    assert_true(settings > 0 && settings < turn && content > 0 && content < turn && turn < arrived);
    for (size_t i = 0; i < flow_in_place_restore.count; i++) {
        const struct step *s = &flow_in_place_restore.steps[i];
        assert_int_equal(s->irreversible, s->is_done == stray_deleted);
        assert_int_equal(s->blocks_writes, i > turn && i <= arrived);
        assert_false(s->kind == STEP_CHECK && i > turn && i <= arrived);
    }
}

static void names_of_both_sides_are_legal_and_their_own(void **state)
{
    (void)state;
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    static const char one[] = "a-very-long-cluster-name-that-fills-all-of-the-sixty-three-chax";
    static const char other[] = "a-very-long-cluster-name-that-fills-all-of-the-sixty-three-chay";
    static const char cut[] = "cut-exactly-behind-the-hyphen-of-this-very-long-na-me-of-orders";
    const char *(*const ways[])(struct arena *, const char *) = {restored_name, aside_name};
    assert_string_equal(restored_name(a, "orders"), "orders-restored");
    assert_string_equal(aside_name(a, "orders-1"), "orders-1-upgraded");
    for (size_t i = 0; i < ARRAY_LEN(ways); i++) {
        assert_true(strlen(ways[i](a, one)) <= 63 && identifier_valid(ways[i](a, one)));
        assert_true(identifier_valid(ways[i](a, cut)));
        assert_string_not_equal(ways[i](a, one), ways[i](a, other));
    }
}

static void a_twin_is_found_before_and_after_it_has_the_name(void **state)
{
    (void)state;
    static const struct rds_tag tag = {"aurora-upgrade:twin-of", "orders-1"};
    const struct rds_instance waits = {.identifier = "orders-1-restored", .tags = {&tag, 1}},
                              bears = {.identifier = "orders-2"};
    const struct rds_instance *const list[] = {&bears, &waits};
    assert_ptr_equal(twin_of(list, 2, "ORDERS-1"), &waits);
    assert_ptr_equal(twin_of(list, 2, "orders-2"), &bears);
    assert_null(twin_of(list, 2, "orders-1-restored"));
    assert_null(twin_of(list, 2, "orders-3"));
}

static void rows_follow_the_login(void **state)
{
    (void)state;
    static const char *const rows[] = {"check-databases", "new-statistics"};
    struct upgrade u = sample();
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct step *s = &flow_in_place.steps[row_of(rows[i])];
        u.has_login = true;
        assert_true(flow_includes(s, &u, STAGE_NONE, STAGE_SWITCHED));
        u.has_login = false;
        assert_false(flow_includes(s, &u, STAGE_NONE, STAGE_SWITCHED));
    }
    assert_false(flow_includes(&flow_in_place.steps[row_of("upgrade")], &u, STAGE_NONE, STAGE_VALIDATED));
}

/* All that has to do with the clone is between the groups and the first look at production's databases, and
 * ends with its removal before anything is told. */
static void a_rehearsal_is_walked_only_if_asked_for(void **state)
{
    (void)state;
    struct upgrade u = sample();
    size_t rows = 0, ends = row_of("rehearsed");
    for (size_t i = 0; i < flow_in_place.count; i++) {
        const struct step *s = &flow_in_place.steps[i];
        if (strncmp(s->name, "rehears", 7) != 0)
            continue;
        rows++;
        u.request.rehearses = true;
        u.request.toggles_groups = true;
        assert_true(flow_includes(s, &u, STAGE_NONE, STAGE_PREPARED));
        u.request.rehearses = false;
        assert_false(flow_includes(s, &u, STAGE_NONE, STAGE_COMPLETED));
        assert_true(i > row_of("instance-group") && i <= ends);
    }
    assert_true(rows > 15);
    assert_int_equal(row_of("rehearsal-gone") + 1, ends);
    assert_true(row_of("rehearsal-databases") < row_of("rehearsal-clone"));
    assert_int_equal(ends + 1, row_of("check-databases"));
    for (size_t i = 0; i < flow_in_place_sweep.count; i++)
        assert_false(flow_in_place_sweep.steps[i].blocks_writes);
}

static size_t row_in(const struct flow *f, const char *name)
{
    for (size_t i = 0; i < f->count; i++)
        if (strcmp(f->steps[i].name, name) == 0)
            return i;
    fail_msg("no row %s in %s", name, f->name);
    return 0;
}

/* Each is a row only where the configuration has a hook for it; what may fail stands before the snapshot and
 * before names move, the rest behind the proof. */
static void hooks_have_their_rows(void **state)
{
    static const struct {
        enum hook_point at;
        const struct flow *flow;
        const char *row, *before, *behind;
    } rows[] = {
        {HOOK_BEFORE_SWITCH, &flow_in_place, "hooks-before-switch", "snapshot", "check-databases"},
        {HOOK_AFTER_SWITCH, &flow_in_place, "hooks-after-switch", "retention", "verify-settings"},
        {HOOK_BEFORE_ROLLBACK, &flow_in_place_restore, "hooks-before-rollback", "names-move",
         "verify-restored"},
        {HOOK_AFTER_ROLLBACK, &flow_in_place_restore, "hooks-after-rollback", "run-closed", "verify-version"},
        {HOOK_AFTER_ROLLBACK, &flow_in_place_back, "hooks-after-rollback", NULL, "groups-removed"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct hook hook = {.at = rows[i].at, .command = "true"};
        const struct hook other = {.at = HOOK_IN_WINDOW, .command = "true"};
        struct upgrade u = sample();
        size_t n = row_in(rows[i].flow, rows[i].row);
        const struct step *s = &rows[i].flow->steps[n];
        u.request.hook_count = 1;
        u.request.hooks = &hook;
        assert_true(s->applies(&u));
        u.request.hooks = &other;
        assert_false(s->applies(&u));
        assert_true(n > row_in(rows[i].flow, rows[i].behind));
        assert_true(!rows[i].before || n < row_in(rows[i].flow, rows[i].before));
        assert_false(s->blocks_writes);
    }
}

static void snapshots_have_legal_names_of_their_own(void **state)
{
    (void)state;
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    struct clock_fake clock;
    struct upgrade u = sample();
    clock_fake_init(&clock, 1795000000000);
    u.clock = &clock.clock;
    const char *first = run_snapshot_name(&u, a);
    assert_int_equal(strncmp(first, "orders-upgrade-13-to-17-", 24), 0);
    assert_int_equal(strspn(first + 24, "0123456789"), 14);
    assert_int_equal(strlen(first), 38);
    clock.wall += 1000;
    assert_string_not_equal(first, run_snapshot_name(&u, a));
}

static struct rds_cluster cluster_with(const char *group)
{
    return (struct rds_cluster){.identifier = "orders", .parameter_group = group};
}

static void default_groups_are_left_to_aws(void **state)
{
    (void)state;
    struct upgrade u = sample();
    struct rds_cluster k = cluster_with("default.aurora-postgresql13");
    u.world.production = &k;
    assert_true(takes_default(&u, true));
    u.strategy = &strategy_blue_green;
    assert_false(takes_default(&u, true));
    u.strategy = &strategy_in_place;
    u.request.cluster_group = "mine";
    assert_false(takes_default(&u, true));
    u.request.cluster_group = NULL;
    k = cluster_with("orders-13");
    assert_false(takes_default(&u, true));
}

/* ---- an upgrade that waits for the maintenance window ---- */

struct queue_row {
    const char *status, *version, *pending, *scheduled;
    bool in_window;
    enum flow_stage wanted, reached;
    bool waits, missed, schedules;
};

/* What AWS shows, and whether our tag says that it was left to the window. */
static void the_queue_is_told_from_what_aws_shows(void **state)
{
    static const struct queue_row rows[] = {
        {"available", "13.23", "", NULL, true, STAGE_SWITCHED, STAGE_NONE, false, false, true},
        {"available", "13.23", "", NULL, true, STAGE_COMPLETED, STAGE_NONE, false, false, true},
        {"available", "13.23", "", NULL, true, STAGE_VALIDATED, STAGE_NONE, false, false, false},
        {"available", "13.23", "", NULL, true, STAGE_ROLLED_BACK, STAGE_NONE, false, false, false},
        {"available", "13.23", "", NULL, false, STAGE_SWITCHED, STAGE_NONE, false, false, false},
        {"available", "13.23", "17.6", "t", true, STAGE_SWITCHED, STAGE_VALIDATED, true, false, true},
        {"available", "13.23", "17.6", NULL, true, STAGE_SWITCHED, STAGE_NONE, false, false, true},
        {"available", "13.23", "13.24", "t", true, STAGE_SWITCHED, STAGE_NONE, false, true, true},
        {"available", "13.23", "", "t", true, STAGE_SWITCHED, STAGE_NONE, false, true, true},
        {"upgrading", "13.23", "17.6", "t", true, STAGE_SWITCHED, STAGE_VALIDATED, false, false, false},
        {"modifying", "13.23", "", "t", true, STAGE_SWITCHED, STAGE_NONE, false, false, true},
        {"available", "17.6", "", "t", true, STAGE_SWITCHED, STAGE_SWITCHED, false, false, false},
        {"available", "17.6", "", NULL, true, STAGE_SWITCHED, STAGE_COMPLETED, false, false, false},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct queue_row *r = &rows[i];
        struct upgrade u = sample();
        const struct rds_tag tag = {"aurora-upgrade:scheduled-at", r->scheduled};
        const struct rds_snapshot snapshot = {.tags = {&tag, r->scheduled ? 1 : 0}};
        const struct rds_cluster k = {.identifier = "orders",
                                      .status = r->status,
                                      .engine_version = r->version,
                                      .pending_engine_version = r->pending};
        u.world = (struct world){.production = &k,
                                 .snapshot = &snapshot,
                                 .facts = &snapshot.tags,
                                 .run_target = {17, 6},
                                 .reached = r->reached};
        assert_true(version_parse(r->version, &u.world.version));
        u.request.in_maintenance_window = r->in_window;
        u.request.stage = r->wanted;
        if (upgrade_waits(&u.world) != r->waits || upgrade_missed(&u, &u.world) != r->missed ||
            upgrade_schedules(&u) != r->schedules)
            fail_msg("row %zu: waits %d, missed %d, schedules %d", i, upgrade_waits(&u.world),
                     upgrade_missed(&u, &u.world), upgrade_schedules(&u));
    }
}

/* The walk that puts it into the queue ends there; the one after the window has nothing of it. */
static void rows_of_the_queue_end_before_the_switch(void **state)
{
    (void)state;
    struct upgrade u = sample();
    size_t queue = row_of("queue-upgrade");
    assert_int_equal(row_of("queue-snapshot-available") + 1, queue);
    assert_int_equal(row_of("hooks-before-switch"), queue + 1);
    assert_int_equal(row_of("ready"), queue + 2);
    for (size_t i = row_of("queue-ready"); i <= queue; i++) {
        const struct step *s = &flow_in_place.steps[i];
        assert_int_equal(s->stage, STAGE_VALIDATED);
        u.schedules = false;
        assert_false(flow_includes(s, &u, STAGE_NONE, STAGE_SWITCHED));
        u.schedules = true;
        assert_true(flow_includes(s, &u, STAGE_PREPARED, STAGE_VALIDATED));
    }
    assert_ptr_equal(flow_in_place_back.steps[1].is_done, upgrade_unqueued);
    const struct step *taken_over = &flow_in_place.steps[row_of("snapshot-of-window")];
    assert_false(flow_includes(taken_over, &u, STAGE_NONE, STAGE_SWITCHED));
    u.request.in_maintenance_window = true;
    assert_true(flow_includes(taken_over, &u, STAGE_NONE, STAGE_SWITCHED));
    assert_true(row_of("snapshot-of-window") < row_of("upgrade-noted"));
}

/* By the state alone: stage, reached_stage, the attribute. */
static void a_state_says_what_has_passed(void **state)
{
    static const struct {
        const char *stage, *reached;
        bool in_window;
        enum flow_stage passed;
        bool missed;
    } rows[] = {
        {"switched", "validated", true, STAGE_VALIDATED, false},
        {"switched", "validated", false, STAGE_VALIDATED, false},
        {"switched", "none", true, STAGE_PREPARED, true},
        {"switched", "none", false, STAGE_PREPARED, false},
        {"completed", "prepared", true, STAGE_PREPARED, true},
        {"switched", "switched", true, STAGE_SWITCHED, false},
        {"completed", "completed", true, STAGE_COMPLETED, false},
        {"validated", "none", true, STAGE_VALIDATED, false},
        {"rolled_back", "none", true, STAGE_ROLLED_BACK, false},
    };
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct value *v = value_object(a);
        value_set(a, v, "stage", value_string(a, rows[i].stage));
        value_set(a, v, "reached_stage", value_string(a, rows[i].reached));
        value_set(a, v, "switch_in_maintenance_window", value_bool(rows[i].in_window));
        assert_int_equal(passed_by(&kind_in_place, v), rows[i].passed);
        assert_int_equal(passed_by(&kind_blue_green, v), stage_of(v, "stage"));
        assert_int_equal(missed_by(v), rows[i].missed);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_tables_obey_the_rules),
        cmocka_unit_test(the_snapshot_stands_right_before_the_upgrade),
        cmocka_unit_test(credentials_are_asked_about_before_there_is_no_way_back),
        cmocka_unit_test(production_is_touched_by_nothing_before_the_upgrade),
        cmocka_unit_test(names_move_once_the_restored_cluster_is_proved),
        cmocka_unit_test(names_of_both_sides_are_legal_and_their_own),
        cmocka_unit_test(a_twin_is_found_before_and_after_it_has_the_name),
        cmocka_unit_test(rows_follow_the_login),
        cmocka_unit_test(a_rehearsal_is_walked_only_if_asked_for),
        cmocka_unit_test(hooks_have_their_rows),
        cmocka_unit_test(snapshots_have_legal_names_of_their_own),
        cmocka_unit_test(default_groups_are_left_to_aws),
        cmocka_unit_test(the_queue_is_told_from_what_aws_shows),
        cmocka_unit_test(rows_of_the_queue_end_before_the_switch),
        cmocka_unit_test(a_state_says_what_has_passed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
