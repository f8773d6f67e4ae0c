/* The master user: what it may do beyond stock PostgreSQL, and what it may not. One row per statement; an
 * empty SQLSTATE means that it works. Rows run in order, in one session per volume.
 */
#include "acceptance-tests/sandbox/engine/fixture.h"

#include <stdio.h>
#include <string.h>

struct row {
    const char *sql;
    const char *on_13, *on_17; /* SQLSTATE; NULL: not run there */
};

#define OTHER_DB "host=127.0.0.1 port=1 dbname=x user=x password=x"

static const struct row rows[] = {
    {"CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1)", "", ""},
    /* publications */
    {"CREATE PUBLICATION every FOR ALL TABLES", "", ""},
    {"SELECT 1 / count(*) FROM pg_publication WHERE pubname = 'every' AND puballtables"
     " AND pubowner = current_user::regrole",
     "", ""},
    {"ALTER PUBLICATION every SET (publish = 'insert'); ALTER PUBLICATION every RENAME TO every2", "", ""},
    {"CREATE PUBLICATION in_schema FOR TABLES IN SCHEMA public", "42601", ""},
    {"ALTER PUBLICATION in_schema DROP TABLES IN SCHEMA public", NULL, ""},
    {"DROP PUBLICATION every2", "", ""},
    /* subscriptions */
    {"CREATE SUBSCRIPTION s CONNECTION '" OTHER_DB "' PUBLICATION p WITH (connect = false, slot_name = 's')",
     "", ""},
    {"SELECT 1 / count(*) FROM pg_subscription WHERE subname = 's' AND subowner = current_user::regrole", "",
     ""},
    {"SELECT pg_replication_origin_advance('pg_' || oid, '0/1234') FROM pg_subscription WHERE subname = 's'",
     "", ""},
    {"SELECT pg_replication_origin_progress('pg_' || oid, false) FROM pg_subscription WHERE subname = 's'",
     "", ""},
    {"ALTER SUBSCRIPTION s SET (slot_name = NONE); DROP SUBSCRIPTION s", "", ""},
    {"CREATE SUBSCRIPTION s CONNECTION 'host=/tmp user=rdsadmin dbname=postgres' PUBLICATION p"
     " WITH (connect = false)",
     "42501", NULL},
    {"CREATE SUBSCRIPTION s CONNECTION 'postgresql://rdsadmin@%2Ftmp/postgres' PUBLICATION p WITH (connect = "
     "false)",
     "42501", NULL},
    {"CREATE SUBSCRIPTION s CONNECTION 'host=127.0.0.1 dbname=x' PUBLICATION p WITH (connect = false)", NULL,
     "2F003"},
    {"SELECT pg_show_replication_origin_status()", "", ""},
    {"SELECT pg_replication_origin_create('mine'); SELECT pg_replication_origin_drop('mine')", "", ""},
    {"SELECT * FROM pg_replication_origin_status", "42501", ""},
    /* slots, without the attribute */
    {"SELECT 1 / (NOT rolreplication AND NOT rolsuper)::int FROM pg_roles WHERE rolname = current_user", "",
     ""},
    {"SELECT pg_create_logical_replication_slot('mine', 'pgoutput')", "", ""},
    {"SELECT pg_drop_replication_slot('mine')", "", ""},
    {"ALTER ROLE CURRENT_USER PASSWORD 'correct horse'", "", ""},
    {"SELECT 1 / (NOT rolreplication)::int FROM pg_roles WHERE rolname = current_user", "", ""},
    /* the service's roles */
    {"CREATE ROLE app LOGIN PASSWORD 'correct horse'; GRANT rds_replication TO app; GRANT rds_superuser TO "
     "app",
     "", ""},
    {"REVOKE rds_superuser FROM app; REVOKE rds_replication FROM app", "", ""},
    {"GRANT pg_read_server_files TO app", "42501", "42501"},
    {"CREATE ROLE sly IN ROLE pg_execute_server_program", "42501", "42501"},
    {"GRANT rdsadmin TO app", "42501", "42501"},
    {"ALTER ROLE rds_superuser SUPERUSER", "42501", "42501"},
    {"ALTER ROLE rdsadmin PASSWORD 'x'", "42501", "42501"},
    {"CREATE ROLE rds_mine", "42501", "42501"},
    {"CREATE ROLE super SUPERUSER", "42501", "42501"},
    {"SET ROLE rdsadmin", "42501", "42501"},
    /* extensions */
    {"CREATE EXTENSION dblink; CREATE EXTENSION pgcrypto; ALTER EXTENSION pgcrypto UPDATE; DROP EXTENSION "
     "dblink",
     "", ""},
    {"CREATE EXTENSION file_fdw", "42501", "42501"},
    /* settings and functions */
    {"SET session_replication_role = replica; RESET session_replication_role", "", ""},
    {"SET log_statement = 'none'", "42501", "42501"},
    {"SET aurora_sandbox.version = '99'", "55P02", "55P02"},
    {"SET rds.logical_replication = off", "55P02", "55P02"},
    {"SELECT query FROM pg_stat_activity", "", ""},
    {"CHECKPOINT", "42501", ""},
    {"ALTER SYSTEM SET work_mem = '1MB'", "42501", "42501"},
    {"SELECT pg_read_file('postgresql.conf')", "42501", "42501"},
    {"SELECT pg_switch_wal()", "42501", "42501"},
    {"SELECT pg_reload_conf()", "42501", "42501"},
    {"COPY t TO PROGRAM 'cat'", "42501", "42501"},
    {"COPY t TO '/tmp/t'", "42501", "42501"},
    {"LOAD 'pgcrypto'", "42501", "42501"},
    {"CREATE FUNCTION f() RETURNS int LANGUAGE c AS 'x'", "42501", "42501"},
    {"UPDATE pg_authid SET rolsuper = true", "42501", "42501"},
    {"CREATE OR REPLACE FUNCTION pg_catalog.aurora_version() RETURNS text LANGUAGE sql AS $$ SELECT '99' $$",
     "42501", "42501"},
};

static void check_rows(const char *volume, bool is_13)
{
    char cell[256], why[256];
    PGconn *c = fx_session(volume);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const char *expected = is_13 ? rows[i].on_13 : rows[i].on_17;
        if (!expected)
            continue;
        bool done = fx_run(c, rows[i].sql, cell, why);
        if (done != (*expected == '\0') || strncmp(why, expected, strlen(expected)) != 0)
            fail_msg("%s\n  expected %s, got %s", rows[i].sql, *expected ? expected : "success",
                     done ? "success" : why);
    }
    PQfinish(c);
}

static void test_13(void **state)
{
    (void)state;
    fx_volume("r13", 13);
    check_rows("r13", true);
}

static void test_17(void **state)
{
    (void)state;
    fx_volume("r17", 17);
    check_rows("r17", false);
}

/* A plain role has none of it, and membership ends at once. */
static void test_plain_role(void **state)
{
    (void)state;
    static const char *const volumes[] = {"r13", "r17"};
    for (size_t i = 0; i < ARRAY_LEN(volumes); i++) {
        char cell[256], why[256];
        PGconn *master = fx_session(volumes[i]), *app = fx_connect(volumes[i], DATABASE, "app", why);
        assert_non_null(app);
        assert_false(fx_run(app, "CREATE PUBLICATION p FOR ALL TABLES", cell, why));
        assert_false(fx_run(app, "SELECT pg_create_logical_replication_slot('x', 'pgoutput')", cell, why));
        assert_false(fx_run(app, "SET session_replication_role = replica", cell, why));
        (void)fx_must(master, "GRANT rds_replication TO app");
        (void)fx_must(app, "SELECT pg_create_logical_replication_slot('x', 'pgoutput')");
        (void)fx_must(app, "SELECT pg_drop_replication_slot('x')");
        (void)fx_must(master, "REVOKE rds_replication FROM app");
        assert_false(fx_run(app, "SELECT pg_create_logical_replication_slot('x', 'pgoutput')", cell, why));
        PQfinish(app);
        PQfinish(master);
    }
}

/* Owners and grants survive an upgrade, and what pg_upgrade does not carry is made again. */
static void test_after_upgrade(void **state)
{
    (void)state;
    static const struct engine_param logical[] = {{"rds.logical_replication", "1"}};
    PGconn *c = fx_session("r13");
    (void)fx_must(c, "CREATE PUBLICATION every FOR ALL TABLES");
    (void)fx_must(c, "CREATE SUBSCRIPTION s CONNECTION '" OTHER_DB "' PUBLICATION p"
                     " WITH (connect = false, enabled = false, slot_name = NONE)");
    PQfinish(c);
    for (int major = 15; major <= 17; major += 2) {
        OK(volume_upgrade(fx_engine, "r13", major, logical, 1, false, NULL, &e));
        OK(volume_start(fx_engine, "r13", &e));
        c = fx_session("r13");
        assert_string_equal(fx_must(c, "SELECT pubowner::regrole || '' || subowner::regrole"
                                       " FROM pg_publication, pg_subscription"),
                            MASTER MASTER);
        (void)fx_must(c, "SELECT aurora_version(), aurora_volume_logical_start_lsn()");
        (void)fx_must(c, "SET session_replication_role = replica");
        (void)fx_must(c, "SELECT pg_replication_origin_create('x'), pg_replication_origin_drop('x')");
        PQfinish(c);
    }
}

static void test_reader(void **state)
{
    (void)state;
    OK(endpoint_point(fx_engine, "reader", 5432, "r17", ENDPOINT_READER, &e));
    PGconn *c = fx_session("reader");
    assert_string_equal(fx_must(c, "SHOW transaction_read_only"), "on");
    assert_string_equal(fx_must(c, "SELECT count(*) FROM t"), "1");
    PQfinish(c);
    fx_refused("reader", "INSERT INTO t VALUES (2)", "25006");
    fx_refused("reader", "SET default_transaction_read_only = off; INSERT INTO t VALUES (2)", "25006");
    fx_refused("reader", "BEGIN READ WRITE; INSERT INTO t VALUES (2)", "25006");
    fx_refused("reader", "SELECT lo_create(0)", "25006");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_13),
        cmocka_unit_test(test_17),
        cmocka_unit_test(test_plain_role),
        cmocka_unit_test(test_reader),
        cmocka_unit_test(test_after_upgrade),
    };
    return cmocka_run_group_tests(tests, fx_open, fx_close);
}
