/* Volumes and endpoints with real servers: life, TLS, moves, restarts of the sandbox. */
#include "acceptance-tests/sandbox/engine/fixture.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void test_life(void **state)
{
    (void)state;
    fx_volume("one", 17);
    assert_true(volume_running(fx_engine, "one"));
    assert_int_equal(volume_major(fx_engine, "one"), 17);
    assert_int_equal(atoi(fx_sql("one", "SHOW server_version_num")), engine_version_num(fx_engine, 17));
    (void)fx_sql("one", "CREATE TABLE t (a int); INSERT INTO t SELECT generate_series(1, 1000)");
    OK(volume_stop(fx_engine, "one", &e));
    OK(volume_stop(fx_engine, "one", &e));
    assert_false(volume_running(fx_engine, "one"));
    OK(volume_start(fx_engine, "one", &e));
    OK(volume_start(fx_engine, "one", &e));
    assert_string_equal(fx_sql("one", "SELECT count(*) FROM t"), "1000");
}

static void test_tls_and_users(void **state)
{
    (void)state;
    char cell[256], why[256];
    PGconn *c = fx_connect("one", DATABASE, NULL, why);
    assert_non_null(c);
    assert_true(PQsslInUse(c));
    assert_true(fx_run(c, "SELECT current_setting('is_superuser') || aurora_version()", cell, why));
    assert_int_equal(strncmp(cell, "off17.", 6), 0);
    PQfinish(c);
    assert_null(fx_connect("one", DATABASE, "rdsadmin", why));
    assert_non_null(strstr(why, "pg_hba.conf rejects connection"));
    assert_null(fx_connect("one", "rdsadmin", NULL, why));
    assert_non_null(strstr(why, "pg_hba.conf rejects connection"));
    OK(volume_set_password(fx_engine, "one", MASTER, "other", &e));
    assert_null(fx_connect("one", DATABASE, NULL, why));
    assert_non_null(strstr(why, "password authentication failed"));
    OK(volume_set_password(fx_engine, "one", MASTER, PASSWORD, &e));
}

static void test_endpoint_moves(void **state)
{
    (void)state;
    char cell[256], why[256];
    fx_volume("two", 13);
    OK(endpoint_point(fx_engine, "app", 5432, "one", ENDPOINT_WRITER, &e));
    PGconn *c = fx_connect("app", DATABASE, NULL, why);
    assert_non_null(c);
    assert_int_equal(endpoint_connections(fx_engine, "app"), 1);
    OK(endpoint_point(fx_engine, "app", 5432, "one", ENDPOINT_WRITER, &e));
    assert_true(fx_run(c, "SELECT 1", cell, why));
    OK(endpoint_point(fx_engine, "app", 5432, "two", ENDPOINT_WRITER, &e));
    assert_false(fx_run(c, "SELECT 1", cell, why));
    PQfinish(c);
    c = fx_connect("app", DATABASE, NULL, why);
    assert_non_null(c);
    assert_true(fx_run(c, "SHOW server_version_num", cell, why));
    assert_int_equal(atoi(cell) / 10000, 13);
    PQfinish(c);
    OK(endpoint_point(fx_engine, "app", 5432, NULL, ENDPOINT_WRITER, &e));
    assert_null(fx_connect("app", DATABASE, NULL, why));
    assert_non_null(strstr(why, "refused"));
}

/* A child that has not come to its exec has copies of all descriptors, of listening sockets, too. */
static void test_endpoint_comes_back_beside_a_child(void **state)
{
    (void)state;
    char why[256];
    OK(endpoint_point(fx_engine, "app", 5432, "one", ENDPOINT_WRITER, &e));
    pid_t child = fork();
    if (child == 0)
        for (;;)
            (void)pause();
    assert_true(child > 0);
    OK(endpoint_point(fx_engine, "app", 5432, NULL, ENDPOINT_WRITER, &e));
    assert_null(fx_connect("app", DATABASE, NULL, why));
    assert_non_null(strstr(why, "refused"));
    OK(endpoint_point(fx_engine, "app", 5432, "one", ENDPOINT_WRITER, &e));
    PGconn *c = fx_connect("app", DATABASE, NULL, why);
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, NULL, 0), child);
    assert_non_null(c);
    PQfinish(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_life),
        cmocka_unit_test(test_tls_and_users),
        cmocka_unit_test(test_endpoint_moves),
        cmocka_unit_test(test_endpoint_comes_back_beside_a_child),
    };
    return cmocka_run_group_tests(tests, fx_open, fx_close);
}
