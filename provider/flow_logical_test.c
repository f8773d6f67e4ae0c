/* The tables of the logical upgrade obey the engine's rules, and stand in the order that loses nothing. */
#include "internal/base/testing.h"
#include "internal/upgrade/logical.h"
#include "provider/flow_upgrades.h"

#include <string.h>

static void the_tables_obey_the_rules(void **state)
{
    (void)state;
    static const struct flow *const flows[] = {&flow_logical, &flow_logical_back, &flow_logical_return};
    struct upgrade u = {.strategy = &strategy_logical, .source_major = 13, .has_login = true};
    u.request.cluster = "orders";
    u.request.target = (struct version){17, 6};
    for (size_t i = 0; i < ARRAY_LEN(flows); i++) {
        struct err e = ERR_INIT;
        if (!flow_check(flows[i], &u, &e))
            fail_msg("%s", e.text);
    }
}

static size_t row_of(const struct flow *f, const char *name)
{
    for (size_t i = 0; i < f->count; i++)
        if (strcmp(f->steps[i].name, name) == 0)
            return i;
    fail_msg("no row %s", name);
    return 0;
}

/* Each pair the other way round loses rows, silently or for good (postgresql chapter 29; the project's
 * findings). */
static void the_order_that_loses_nothing(void **state)
{
    (void)state;
    static const char *const order[] = {"check-databases",
                                        "facts",
                                        "replica-identity",
                                        "catalogue-noted",
                                        "publication",
                                        "slots",
                                        "marker",
                                        "clone-snapshot",
                                        "clone-snapshot-copy",
                                        "clone-snapshot-copied",
                                        "clone",
                                        "position",
                                        "inherited-removed",
                                        "clone-snapshot-removed",
                                        "clone-upgrade",
                                        "clone-in-sync",
                                        "subscription",
                                        "origin",
                                        "enabled",
                                        "follow-marker",
                                        "following",
                                        "prepared",
                                        "hooks-after-prepare",
                                        "catalogue-compared",
                                        "replication-caught-up",
                                        "clone-materialized-views",
                                        "clone-statistics",
                                        "check-rows",
                                        "clone-extensions",
                                        "check-catalogue",
                                        "validated",
                                        "check-catalogue-again",
                                        "check-schema-again",
                                        "endpoints-copied",
                                        "ready-to-switch",
                                        "check-fence",
                                        "switch",
                                        "fence-stands",
                                        "instances-leave",
                                        "cluster-leaves",
                                        "old-noted",
                                        "arriving-untagged",
                                        "cluster-arrives",
                                        "instances-arrive",
                                        "switched-noted",
                                        "hooks-at-switch",
                                        "new-available",
                                        "verify-catalogue",
                                        "forward-removed",
                                        "way-back",
                                        "way-back-follows",
                                        "retention",
                                        "way-back-removed",
                                        "role-removed",
                                        "facts-removed",
                                        "old-instances-deleted"};
    for (size_t i = 0; i + 1 < ARRAY_LEN(order); i++)
        assert_true(row_of(&flow_logical, order[i]) < row_of(&flow_logical, order[i + 1]));
}

/* The old side is opened before anybody is led to it, and closed to nobody but by the switch back. */
static void the_way_back_opens_before_names_move(void **state)
{
    (void)state;
    static const char *const order[] = {"check-switch-over",
                                        "way-back-caught-up",
                                        "check-fence",
                                        "switch-back",
                                        "opened",
                                        "fence-stands",
                                        "instances-leave",
                                        "cluster-arrived",
                                        "hooks-at-rollback",
                                        "subscriptions-removed",
                                        "slots-removed",
                                        "role-removed",
                                        "facts-removed",
                                        "roll-back-noted",
                                        "aside-cluster"};
    for (size_t i = 0; i + 1 < ARRAY_LEN(order); i++)
        assert_true(row_of(&flow_logical_return, order[i]) < row_of(&flow_logical_return, order[i + 1]));
}

/* With names of the user's own nothing is changed or waited for between the side that takes writes and the
 * hooks that lead them there. */
static void names_of_the_user_are_led_at_once(void **state)
{
    (void)state;
    static const struct {
        const struct flow *flow;
        const char *from, *to;
    } ways[] = {{&flow_logical, "switch", "hooks-at-switch"},
                {&flow_logical_return, "opened", "hooks-at-rollback"}};
    const struct upgrade u = {.request = {.keeps_names = true}};
    for (size_t i = 0; i < ARRAY_LEN(ways); i++) {
        size_t from = row_of(ways[i].flow, ways[i].from), to = row_of(ways[i].flow, ways[i].to);
        assert_true(from < to);
        for (const struct step *s = &ways[i].flow->steps[from + 1]; s < &ways[i].flow->steps[to]; s++)
            if ((!s->applies || s->applies(&u)) && s->kind != STEP_CHECK)
                fail_msg("%s stands between", s->name);
    }
}

/* The record's time to live is low, for whom ever, before a window is waited for; between the side that takes
 * writes and the record that leads there nothing is changed or waited for; it has its own time to live again
 * before the last fact about it goes. */
static void a_record_is_led_at_once(void **state)
{
    (void)state;
    static const char *const order[] = {"check-record-known",
                                        "clone",
                                        "check-record",
                                        "record-ttl",
                                        "record-ttl-in-sync",
                                        "record-ttl-noted",
                                        "record-ttl-passed",
                                        "hooks-before-switch",
                                        "window",
                                        "check-record-again",
                                        "switch",
                                        "check-endpoint",
                                        "record-moved",
                                        "hooks-at-switch",
                                        "record-in-sync",
                                        "new-available",
                                        "record-ttl-restored",
                                        "completed-noted"};
    static const char *const back[] = {"switch-back",           "opened",
                                       "record-returned",       "hooks-at-rollback",
                                       "record-return-in-sync", "aside-instances"};
    static const struct {
        const struct flow *flow;
        const char *from, *to;
    } ways[] = {{&flow_logical, "switch", "record-moved"},
                {&flow_logical_return, "opened", "record-returned"}};
    const struct upgrade u = {.request = {.keeps_names = true, .record = {.is_led = true}}};
    for (size_t i = 0; i + 1 < ARRAY_LEN(order); i++)
        assert_true(row_of(&flow_logical, order[i]) < row_of(&flow_logical, order[i + 1]));
    for (size_t i = 0; i + 1 < ARRAY_LEN(back); i++)
        assert_true(row_of(&flow_logical_return, back[i]) < row_of(&flow_logical_return, back[i + 1]));
    for (size_t i = 0; i < ARRAY_LEN(ways); i++)
        for (size_t k = row_of(ways[i].flow, ways[i].from) + 1; k < row_of(ways[i].flow, ways[i].to); k++) {
            const struct step *s = &ways[i].flow->steps[k];
            if ((!s->applies || s->applies(&u)) && s->kind != STEP_CHECK)
                fail_msg("%s stands between", s->name);
        }
}

/* Other upgrades do not know of records; whoever destroys one or rolls it back gives the time to live back.
 */
static void rows_of_a_record_are_for_records(void **state)
{
    (void)state;
    static const struct flow *const flows[] = {&flow_logical, &flow_logical_back, &flow_logical_return,
                                               &flow_logical_retire, &flow_logical_keep};
    const struct upgrade others = {.request = {.keeps_names = true}},
                         led = {.request = {.keeps_names = true, .record = {.is_led = true}}};
    for (size_t i = 0; i < ARRAY_LEN(flows); i++) {
        size_t rows = 0;
        for (size_t k = 0; k < flows[i]->count; k++) {
            const struct step *s = &flows[i]->steps[k];
            if (!strstr(s->name, "record"))
                continue;
            rows++;
            assert_true(s->applies && s->applies(&led) && !s->applies(&others));
        }
        assert_true(rows > 0);
    }
    (void)row_of(&flow_logical_back, "record-ttl-restored");
    (void)row_of(&flow_logical_keep, "record-ttl-restored");
}

static void production_is_not_blocked_and_nothing_is_final(void **state)
{
    (void)state;
    for (size_t i = 0; i < row_of(&flow_logical, "switch"); i++) {
        const struct step *s = &flow_logical.steps[i];
        assert_int_equal(s->blocks_writes, strcmp(s->name, "source-reboot") == 0);
        assert_false(s->irreversible || s->kind == STEP_NO_RETURN);
    }
}

/* What is only of one way to a clone stands in no other way's plan. */
static void each_way_to_a_clone_has_its_rows(void **state)
{
    (void)state;
    static const struct {
        bool by_snapshot;
        const char *key, *rows[8];
    } ways[] = {
        {false, NULL, {"clone", "clone-created"}},
        {true,
         NULL,
         {"clone-snapshot", "clone-snapshot-ready", "clone", "clone-restored", "clone-snapshot-removed"}},
        {true,
         "arn:aws:kms:r:a:key/k",
         {"check-clone-key", "clone-snapshot", "clone-snapshot-ready", "clone-snapshot-copy",
          "clone-snapshot-copied", "clone", "clone-restored", "clone-snapshot-removed"}},
    };
    for (size_t i = 0; i < ARRAY_LEN(ways); i++) {
        struct upgrade u = {.request = {.clones_by_snapshot = ways[i].by_snapshot, .kms_key = ways[i].key}};
        size_t n = 0;
        for (size_t k = 0; k < row_of(&flow_logical, "clone-upgrade"); k++) {
            const struct step *s = &flow_logical.steps[k];
            bool of_way = strncmp(s->name, "clone-snapshot", 14) == 0 || strcmp(s->name, "clone") == 0 ||
                          strcmp(s->name, "clone-created") == 0 || strcmp(s->name, "clone-restored") == 0 ||
                          strcmp(s->name, "check-clone-key") == 0;
            if (of_way && (!s->applies || s->applies(&u)))
                assert_string_equal(s->name, ways[i].rows[n++]);
        }
        assert_true(n == 8 || !ways[i].rows[n]);
    }
}

/* Whatever a way back takes, production keeps no WAL meanwhile. */
static void slots_go_first(void **state)
{
    (void)state;
    for (size_t i = 0; i < row_of(&flow_logical_back, "slots-removed"); i++)
        assert_true(flow_logical_back.steps[i].kind == STEP_CHECK ||
                    strcmp(flow_logical_back.steps[i].name, "fence-lifted") == 0);
}

static void a_destroy_takes_the_last_rows(void **state)
{
    (void)state;
    assert_int_equal(row_of(&flow_logical_retire, "way-back-removed"), 0);
    assert_int_equal(row_of(&flow_logical_retire, "completed-noted"), flow_logical_retire.count - 1);
    assert_int_equal(row_of(&flow_logical_keep, "facts-removed"), flow_logical_keep.count - 1);
}

/* Without an identity UPDATE and DELETE fail while anything is published; what it was is a fact. */
static void identities_go_between_publications_and_facts(void **state)
{
    static const struct flow *const flows[] = {&flow_logical, &flow_logical_back, &flow_logical_return,
                                               &flow_logical_keep, &flow_logical_retire};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(flows); i++) {
        size_t row = row_of(flows[i], "identities-restored");
        assert_true(row_of(flows[i], "publications-removed") < row);
        assert_true(row < row_of(flows[i], "facts-removed"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_tables_obey_the_rules),
        cmocka_unit_test(the_order_that_loses_nothing),
        cmocka_unit_test(the_way_back_opens_before_names_move),
        cmocka_unit_test(names_of_the_user_are_led_at_once),
        cmocka_unit_test(a_record_is_led_at_once),
        cmocka_unit_test(rows_of_a_record_are_for_records),
        cmocka_unit_test(production_is_not_blocked_and_nothing_is_final),
        cmocka_unit_test(each_way_to_a_clone_has_its_rows),
        cmocka_unit_test(slots_go_first),
        cmocka_unit_test(a_destroy_takes_the_last_rows),
        cmocka_unit_test(identities_go_between_publications_and_facts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
