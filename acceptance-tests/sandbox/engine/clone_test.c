/* Clones taken under load are exact; upgrades carry everything or change nothing. */
#include "acceptance-tests/sandbox/engine/fixture.h"
#include "acceptance-tests/sandbox/engine/tree.h"
#include "acceptance-tests/sandbox/engine/writers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* The clone's rows and the changes decoded from the restore point on are together what the source has, and
 * nothing is in both. */
static void check_exact(const char *source, const char *clone, lsn_t at)
{
    char sql[512], lsn[LSN_SIZE];
    (void)snprintf(sql, sizeof sql, "SELECT pg_replication_slot_advance('proof', '%s')", lsn_print(at, lsn));
    (void)fx_sql(source, sql);
    long streamed =
        atol(fx_sql(source, "SELECT count(*) FROM pg_logical_slot_get_changes('proof', NULL, NULL)"
                            " WHERE data LIKE 'table public.ledger: INSERT%'"));
    (void)fx_sql(source, "SELECT pg_drop_replication_slot('proof')");
    long cloned = atol(fx_sql(clone, "SELECT count(*) FROM ledger"));
    long all = atol(fx_sql(source, "SELECT count(*) FROM ledger"));
    assert_true(streamed > 0 && cloned > 0);
    assert_int_equal(cloned + streamed, all);
}

static void clone_under_load(int major, int times)
{
    char source[32], clone[64];
    lsn_t at = 0;
    (void)snprintf(source, sizeof source, "src%d", major);
    fx_volume(source, major);
    (void)fx_sql(source, LEDGER_TABLE);
    for (int i = 0; i < times; i++) {
        (void)snprintf(clone, sizeof clone, "clone%d-%d", major, i);
        (void)fx_sql(source, "SELECT pg_create_logical_replication_slot('proof', 'test_decoding')");
        struct writers *w = writers_start(source, 6);
        assert_true(writers_progress(w, 300));
        OK(volume_clone(fx_engine, source, clone, false, &at, &e));
        assert_true(writers_progress(w, 300));
        writers_free(w);
        OK(volume_start(fx_engine, clone, &e));
        check_exact(source, clone, at);
        OK(volume_delete(fx_engine, clone, &e));
    }
}

static void test_clone_13(void **state)
{
    (void)state;
    clone_under_load(13, 3);
}

static void test_clone_17(void **state)
{
    (void)state;
    clone_under_load(17, 3);
}

static void test_clone_keeps_slots(void **state)
{
    (void)state;
    lsn_t at = 0;
    struct err refusal = ERR_INIT;
    (void)fx_sql("src13", "SELECT pg_create_logical_replication_slot('theirs', 'pgoutput')");
    (void)fx_sql("src13", "CREATE SUBSCRIPTION s CONNECTION 'host=127.0.0.1 dbname=x' PUBLICATION p"
                          " WITH (connect = false)");
    OK(volume_clone(fx_engine, "src13", "with", true, &at, &e));
    OK(volume_clone(fx_engine, "src13", "without", false, &at, &e));
    OK(volume_start(fx_engine, "with", &e));
    OK(volume_start(fx_engine, "without", &e));
    assert_string_equal(fx_sql("with", "SELECT slot_name || active FROM pg_replication_slots"),
                        "theirsfalse");
    assert_string_equal(fx_sql("with", "SELECT count(*) FROM pg_subscription"), "1");
    assert_string_equal(fx_sql("without", "SELECT count(*) FROM pg_replication_slots"), "0");
    assert_string_equal(fx_sql("without", "SELECT count(*) FROM pg_subscription"), "0");
    assert_false(volume_upgrade(fx_engine, "with", 15, NULL, 0, false, NULL, &refusal));
    assert_non_null(strstr(refusal.said, "logical replication slots"));
    (void)fx_sql("src13", "ALTER SUBSCRIPTION s SET (slot_name = NONE)");
    (void)fx_sql("src13", "DROP SUBSCRIPTION s; SELECT pg_drop_replication_slot('theirs')");
    OK(volume_delete(fx_engine, "with", &e));
    OK(volume_delete(fx_engine, "without", &e));
}

static void test_clone_of_stopped(void **state)
{
    (void)state;
    lsn_t at = 0, end = 0;
    char rows[32];
    (void)snprintf(rows, sizeof rows, "%s", fx_sql("src13", "SELECT count(*) FROM ledger"));
    assert_true(lsn_parse(fx_sql("src13", "SELECT pg_current_wal_insert_lsn()"), &end));
    OK(volume_stop(fx_engine, "src13", &e));
    OK(volume_clone(fx_engine, "src13", "cold", false, &at, &e));
    OK(volume_start(fx_engine, "src13", &e));
    OK(volume_start(fx_engine, "cold", &e));
    assert_true(at >= end);
    assert_string_equal(fx_sql("cold", "SELECT count(*) FROM ledger"), rows);
    char lsn[LSN_SIZE];
    assert_string_equal(fx_sql("cold", "SELECT aurora_volume_logical_start_lsn()"), lsn_print(at, lsn));
    OK(volume_delete(fx_engine, "cold", &e));
}

static bool file_there(const char *dir, const char *name)
{
    char path[512];
    struct stat st;
    (void)snprintf(path, sizeof path, "%s/%s", dir, name);
    return stat(path, &st) == 0 && st.st_size > 0;
}

/* pg_upgrade's own check refuses a column of type regproc. */
static void test_upgrade_refused_by_check(void **state)
{
    (void)state;
    char dir[128];
    struct err refusal = ERR_INIT;
    (void)snprintf(dir, sizeof dir, "%s/refused", fx_state);
    (void)fx_sql("src13", "CREATE TABLE reg (f regproc)");
    assert_false(volume_upgrade(fx_engine, "src13", 17, NULL, 0, true, dir, &refusal));
    assert_true(volume_running(fx_engine, "src13"));
    assert_non_null(strstr(refusal.said, "reg* data types"));
    assert_true(file_there(dir, "tables_using_reg.txt"));
    (void)fx_sql("src13", "DROP TABLE reg");
}

/* The check passes, the restore of the schema does not: a view on a column that 17 has renamed. */
static void test_upgrade_fails_half_way(void **state)
{
    (void)state;
    char dir[128];
    struct err refusal = ERR_INIT;
    (void)snprintf(dir, sizeof dir, "%s/failed", fx_state);
    (void)fx_sql("src13", "CREATE VIEW v AS SELECT max_dead_tuples FROM pg_stat_progress_vacuum");
    OK(volume_upgrade(fx_engine, "src13", 17, NULL, 0, true, dir, &e));
    assert_false(volume_upgrade(fx_engine, "src13", 17, NULL, 0, false, dir, &refusal));
    assert_non_null(strstr(refusal.said, "max_dead_tuples"));
    assert_true(file_there(dir, "pg_upgrade_output.log"));
    assert_int_equal(volume_major(fx_engine, "src13"), 13);
    OK(volume_start(fx_engine, "src13", &e));
    (void)fx_sql("src13", "DROP VIEW v; INSERT INTO ledger VALUES (99, 1)");
}

static void test_upgrade(void **state)
{
    (void)state;
    static const struct engine_param p[] = {{"rds.logical_replication", "1"}, {"work_mem", "5000"}};
    char rows[32], why[256], cell[256];
    (void)snprintf(rows, sizeof rows, "%s", fx_sql("src13", "SELECT count(*) FROM ledger"));
    (void)fx_sql("src13", "SELECT setval('ledger_seq', 4711, false); CREATE EXTENSION pgcrypto");
    OK(volume_upgrade(fx_engine, "src13", 17, p, ARRAY_LEN(p), false, NULL, &e));
    assert_int_equal(volume_major(fx_engine, "src13"), 17);
    assert_false(volume_running(fx_engine, "src13"));
    OK(volume_start(fx_engine, "src13", &e));
    assert_string_equal(fx_sql("src13", "SELECT count(*) FROM ledger"), rows);
    assert_string_equal(fx_sql("src13", "SELECT nextval('ledger_seq')"), "4711");
    assert_string_equal(fx_sql("src13", "SHOW work_mem"), "5000kB");
    assert_int_equal(strncmp(fx_sql("src13", "SELECT aurora_version()"), "17.", 3), 0);
    PGconn *c = fx_connect("src13", DATABASE, NULL, why);
    assert_non_null(c);
    assert_true(fx_run(c, "INSERT INTO ledger VALUES (99, 2)", cell, why));
    PQfinish(c);
}

/* The sandbox comes back: same address, same data, same parameters; nothing of an unfinished volume is left.
 */
static void test_reopen(void **state)
{
    (void)state;
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    const char *before = NULL, *after = NULL;
    char why[256];
    OK(endpoint_address(fx_engine, a, "src13", &before, &e));
    fx_reopen();
    assert_false(volume_running(fx_engine, "src13"));
    assert_int_equal(volume_major(fx_engine, "src13"), 17);
    OK(endpoint_address(fx_engine, a, "src13", &after, &e));
    assert_string_equal(before, after);
    OK(volume_start(fx_engine, "src13", &e));
    OK(endpoint_point(fx_engine, "src13", 5432, "src13", ENDPOINT_WRITER, &e));
    assert_string_equal(fx_sql("src13", "SHOW work_mem"), "5000kB");
    PQfinish(fx_connect("src13", DATABASE, NULL, why));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_clone_13),
        cmocka_unit_test(test_clone_17),
        cmocka_unit_test(test_clone_keeps_slots),
        cmocka_unit_test(test_clone_of_stopped),
        cmocka_unit_test(test_upgrade_refused_by_check),
        cmocka_unit_test(test_upgrade_fails_half_way),
        cmocka_unit_test(test_upgrade),
        cmocka_unit_test(test_reopen),
    };
    return cmocka_run_group_tests(tests, fx_open, fx_close);
}
