/* The tables of the blue/green upgrade obey the engine's rules, and the pure parts around them hold their
 * limits. */
#include "internal/base/testing.h"
#include "internal/upgrade/errors.h"
#include "internal/upgrade/upgrade.h"
#include "provider/flow_upgrades.h"
#include "provider/upgrade_resource.h"

#include <ctype.h>
#include <string.h>

static struct upgrade sample(void)
{
    struct upgrade u = {.source_major = 13, .has_login = true};
    u.request.cluster = "orders";
    u.request.target = (struct version){17, 6};
    u.request.max_write_outage_s = 300;
    return u;
}

static void the_tables_obey_the_rules(void **state)
{
    (void)state;
    static const struct flow *const flows[] = {&flow_blue_green, &flow_blue_green_back,
                                               &flow_blue_green_retire};
    struct upgrade u = sample();
    for (size_t i = 0; i < ARRAY_LEN(flows); i++) {
        struct err e = ERR_INIT;
        if (!flow_check(flows[i], &u, &e))
            fail_msg("%s", e.text);
    }
}

static void the_retirement_starts_behind_the_retention(void **state)
{
    (void)state;
    assert_string_equal(flow_blue_green_retire.steps[0].name, "deployment-removed");
    assert_string_equal(flow_blue_green_retire.steps[flow_blue_green_retire.count - 1].name,
                        "source-group-removed");
}

static bool row_included(const char *name, const struct upgrade *u, enum flow_stage reached,
                         enum flow_stage target)
{
    for (size_t i = 0; i < flow_blue_green.count; i++)
        if (strcmp(flow_blue_green.steps[i].name, name) == 0)
            return flow_includes(&flow_blue_green.steps[i], u, reached, target);
    fail_msg("no row %s", name);
    return false;
}

static void rows_follow_the_configuration(void **state)
{
    (void)state;
    struct upgrade u = sample();
    assert_true(row_included("check-rows", &u, STAGE_NONE, STAGE_SWITCHED));
    assert_false(row_included("check-rows", &u, STAGE_VALIDATED, STAGE_SWITCHED));
    assert_false(row_included("switchover", &u, STAGE_NONE, STAGE_VALIDATED));
    assert_false(row_included("green-capacity", &u, STAGE_NONE, STAGE_SWITCHED));
    assert_false(row_included("source-reboot", &u, STAGE_NONE, STAGE_SWITCHED));
    u.is_serverless = u.request.allow_reboot = true;
    u.has_login = false;
    assert_true(row_included("green-capacity", &u, STAGE_NONE, STAGE_SWITCHED));
    assert_true(row_included("source-reboot", &u, STAGE_NONE, STAGE_SWITCHED));
    assert_false(row_included("check-rows", &u, STAGE_NONE, STAGE_SWITCHED));
}

static void nothing_that_deletes_stands_before_the_switch(void **state)
{
    (void)state;
    bool switched = false;
    for (size_t i = 0; i < flow_blue_green.count; i++) {
        switched = switched || flow_blue_green.steps[i].kind == STEP_NO_RETURN;
        assert_true(switched || !flow_blue_green.steps[i].irreversible);
    }
    assert_true(switched);
}

static void every_error_has_its_own_id_and_a_next_step(void **state)
{
    (void)state;
    for (size_t i = 0; i < E_COUNT; i++) {
        const struct upgrade_error_row *row = &upgrade_errors[i];
        assert_non_null(row->id);
        assert_int_equal(strlen(row->id), 7);
        assert_true(strncmp(row->id, "AUR", 3) == 0 && isdigit((unsigned char)row->id[3]));
        assert_true(row->code != ERR_NONE && row->hint[0] != '\0' && row->attribute);
        for (size_t k = 0; k < i; k++)
            assert_string_not_equal(row->id, upgrade_errors[k].id);
    }
}

static void deployment_names_are_legal(void **state)
{
    (void)state;
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    struct upgrade u = sample();
    assert_string_equal(deployment_name(&u, a), "orders-upgrade-13-to-17");
    u.request.cluster = "a-very-long-cluster-name-that-fills-all-of-the-sixty-three-char";
    const char *name = deployment_name(&u, a);
    assert_true(strlen(name) <= 60 && identifier_valid(name));
    assert_non_null(strstr(name, "-upgrade-13-to-17"));
    u.request.cluster = "cut-exactly-behind-the-hyphen-of-this-nam-";
    assert_true(identifier_valid(deployment_name(&u, a)));
    u.request.deployment_name = "mine";
    assert_string_equal(deployment_name(&u, a), "mine");
}

static void sizes(void **state)
{
    (void)state;
    int64_t bytes = -1;
    assert_true(size_parse("16MB", &bytes) && bytes == 16 << 20);
    assert_true(size_parse("0", &bytes) && bytes == 0);
    assert_true(size_parse("1GB", &bytes) && bytes == 1 << 30);
    static const char *const bad[] = {"", "MB", "-1MB", "1.5GB", "16 MB", "1TB", "99999999999GB", "+1"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_false(size_parse(bad[i], &bytes));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_tables_obey_the_rules),
        cmocka_unit_test(the_retirement_starts_behind_the_retention),
        cmocka_unit_test(rows_follow_the_configuration),
        cmocka_unit_test(nothing_that_deletes_stands_before_the_switch),
        cmocka_unit_test(every_error_has_its_own_id_and_a_next_step),
        cmocka_unit_test(deployment_names_are_legal),
        cmocka_unit_test(sizes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
