#include "internal/base/testing.h"
#include "internal/pg/logical.h"
#include "internal/upgrade/failing.h"
#include "internal/upgrade/upgrade.h"

struct look {
    int64_t errors;
    uint64_t at;
    bool fails;
};

static void only_errors_in_one_place_count(void **state)
{
    (void)state;
    static const struct look looks[] = {
        {131, 100, false}, /* from before this operation */
        {133, 100, false}, {133, 100, false}, {134, 100, true},  {140, 100, true},  /* in vain */
        {140, 101, false}, {142, 101, false}, {142, 102, false}, {144, 102, false}, /* it goes on */
        {0, 102, false},   {2, 102, false},   {3, 102, true}, /* statistics began anew */
    };
    struct failing_count c = {0};
    for (size_t i = 0; i < ARRAY_LEN(looks); i++)
        if (failing_add(&c, looks[i].errors, looks[i].at) != looks[i].fails)
            fail_msg("look %zu", i);
}

static bool look(struct upgrade *u, const char *database, int64_t apply, int64_t sync, int64_t not_ready)
{
    const struct pg_subscription s = {
        .origin = 7, .pid = 1, .apply_errors = apply, .sync_errors = sync, .not_ready = not_ready};
    return fails_again(u, database, &s);
}

static void each_database_has_its_own(void **state)
{
    (void)state;
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    struct upgrade u = {.arena = a};
    assert_false(look(&u, "one", 5, 0, 0));
    assert_false(look(&u, "two", 9, 0, 0));
    assert_false(look(&u, "two", 11, 0, 0));
    assert_true(look(&u, "one", 8, 0, 0));
    assert_true(look(&u, "two", 12, 0, 0));
}

static void a_copy_that_fails_counts_while_there_is_one(void **state)
{
    (void)state;
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    struct upgrade u = {.arena = a};
    assert_false(look(&u, "one", 0, 4, 1));
    assert_false(look(&u, "one", 0, 6, 1));
    assert_true(look(&u, "one", 0, 7, 1));
    assert_false(look(&u, "one", 0, 7, 0));
    assert_false(look(&u, "one", 0, 20, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_errors_in_one_place_count),
        cmocka_unit_test(each_database_has_its_own),
        cmocka_unit_test(a_copy_that_fails_counts_while_there_is_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
