#include "internal/base/testing.h"
#include "internal/pg/catalog.h"
#include "internal/pg/fixture.h"

#include <stdlib.h>
#include <string.h>

static void make_database(struct server *s)
{
    server_file(s, "postgres", "testdata/roles.sql");
    server_sql(s, "postgres", "CREATE DATABASE rich OWNER app");
    server_sql(s, "postgres",
               "ALTER DATABASE rich SET statement_timeout = '1h'; ALTER ROLE app IN DATABASE rich SET "
               "lock_timeout = '5s'");
    server_file(s, "rich", "testdata/schema.sql");
    if (s->major >= 14)
        server_file(s, "rich", "testdata/schema_14.sql");
    if (s->major >= 15)
        server_file(s, "rich", "testdata/schema_15.sql");
}

static void fingerprint_of(struct server *s, const char *user, struct arena *a, struct pg_fingerprint *ret)
{
    struct pg *c CLEANUP(pg_cleanup) = server_open(s, "rich", user, false);
    struct err e = ERR_INIT;
    if (!pg_fingerprint(c, a, ret, &e))
        fail_msg("%d: %s (%s %s)", s->major, e.text, e.remote_code, e.said);
}

static void expect_equal(struct arena *a, const struct pg_fingerprint *o, const struct pg_fingerprint *n)
{
    const char **lines;
    size_t count;
    pg_fingerprint_diff(a, "rich", o, n, NULL, 20, &lines, &count);
    for (size_t i = 0; i < count && i < 20; i++)
        print_message("%s\n", lines[i]);
    assert_int_equal(count, 0);
    assert_int_equal(o->part_count, n->part_count);
    for (size_t i = 0; i < o->part_count; i++) {
        assert_true(o->parts[i].hash == n->parts[i].hash);
        assert_int_equal(o->parts[i].count, n->parts[i].count);
    }
}

/* As a superuser and as a plain role: what may be seen must not depend on it. */
static void nothing_differs_after_upgrade(int old_major, int new_major)
{
    if (!server_available(old_major) || !server_available(new_major)) {
        skip();
        return;
    }
    static const char *const users[] = {"rdsadmin", "app", "reader"};
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    struct server *old = server_new(old_major, false, NULL);
    make_database(old);
    struct server *new_side = server_upgrade(old, new_major, NULL);
    for (size_t i = 0; i < ARRAY_LEN(users); i++) {
        struct pg_fingerprint o, n;
        fingerprint_of(old, users[i], a, &o);
        fingerprint_of(new_side, users[i], a, &n);
        expect_equal(a, &o, &n);
        for (size_t k = 0; k < o.part_count; k++) {
            if (o.parts[k].count == 0)
                fail_msg("aspect %s has no line: the schema does not test it", o.parts[k].aspect);
            for (size_t l = 0; l < o.parts[k].count; l++)
                assert_null(strstr(o.parts[k].lines[l], "far-secret"));
        }
    }
    server_stop(old);
    server_stop(new_side);
}

static void nothing_differs_13_17(void **state)
{
    (void)state;
    nothing_differs_after_upgrade(13, 17);
}

static void nothing_differs_15_17(void **state)
{
    (void)state;
    nothing_differs_after_upgrade(15, 17);
}

static void nothing_differs_17_18(void **state)
{
    (void)state;
    nothing_differs_after_upgrade(17, 18);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_differs_13_17),
        cmocka_unit_test(nothing_differs_15_17),
        cmocka_unit_test(nothing_differs_17_18),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
