/* Two sessions that want the lock, on real servers. */
#include "internal/base/testing.h"
#include "internal/pg/fixture.h"
#include "internal/pg/lock.h"

#include <string.h>

static const int majors[] = {13, 15, 17, 18};

static bool take(struct pg *c, struct arena *a, const char **ret_holder)
{
    bool held = false;
    struct err e = ERR_INIT;
    if (!pg_lock_take(c, a, &held, ret_holder, &e))
        fail_msg("%s", e.text);
    return held;
}

struct taking {
    struct pg *c;
    struct arena *a;
};

static bool taken(void *arg)
{
    struct taking *t = arg;
    const char *holder = NULL;
    return take(t->c, t->a, &holder);
}

static void contend(int major)
{
    struct server *s = server_new(major, false, NULL);
    server_sql(s, "postgres", "CREATE ROLE \"the \"\"admin\" LOGIN; CREATE ROLE ci LOGIN");
    server_sql(s, "postgres", "CREATE DATABASE other");
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    struct pg *first = server_open(s, "postgres", "the \"admin", false);
    struct pg *second CLEANUP(pg_cleanup) = server_open(s, "postgres", "ci", false);
    struct pg *elsewhere CLEANUP(pg_cleanup) = server_open(s, "other", "ci", false);
    const char *holder = NULL;
    assert_true(take(first, a, &holder));
    assert_true(take(first, a, &holder));
    assert_string_equal(holder, "");
    assert_false(take(second, a, &holder));
    /* Who may not see other roles' sessions is told the process at least. */
    assert_int_equal(strncmp(holder, "process ", 8), 0);
    assert_true(take(elsewhere, a, &holder));
    server_sql(s, "postgres", "GRANT pg_monitor TO ci");
    assert_false(take(second, a, &holder));
    assert_non_null(strstr(holder, "\"the \"\"admin\""));
    assert_non_null(strstr(holder, "terraform-provider-aurora"));
    pg_close(first); /* once is enough, although it was taken twice */
    struct taking t = {second, a};
    assert_true(eventually(taken, &t, 5000));
    server_stop(s);
}

static void test_one_session_has_it(void **state)
{
    (void)state;
    int seen = 0;
    for (size_t i = 0; i < ARRAY_LEN(majors); i++) {
        if (!server_available(majors[i]))
            continue;
        contend(majors[i]);
        seen++;
    }
    assert_true(seen > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_one_session_has_it)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
