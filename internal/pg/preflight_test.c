#include "internal/base/testing.h"
#include "internal/pg/catalog.h"
#include "internal/pg/fixture.h"
#include "internal/pg/replica.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define SETTINGS                                                                                             \
    "-c wal_level=logical -c max_prepared_transactions=5 -c autovacuum=off -c max_locks_per_transaction=10"
#define ROLES                                                                                                \
    "CREATE ROLE owner LOGIN; CREATE ROLE nobody_special LOGIN; CREATE ROLE master LOGIN; GRANT pg_monitor," \
    " owner TO master"

static struct server *server;
static PGconn
    *idler; /* since settings_of_the_server_are_checked in a transaction; another one is prepared since */

static void make_preflight_databases(struct server *s)
{
    server_sql(s, "postgres", ROLES);
    server_sql(s, "postgres", "CREATE DATABASE pre");
    server_sql(s, "postgres", "CREATE DATABASE spare");
    server_sql(s, "postgres", "ALTER ROLE master CREATEROLE; GRANT CREATE ON DATABASE pre, spare TO master");
    server_sql(s, "pre", "CREATE SCHEMA t; ALTER SCHEMA t OWNER TO owner");
}

static int start_server(void **state)
{
    (void)state;
    server = server_new(server_available(13) ? 13 : 15, false, SETTINGS);
    make_preflight_databases(server);
    return 0;
}

/* ---- preflight ---- */

static const struct {
    const char *id, *sql, *undo, *evidence;
    enum pg_purpose purpose;
    int target;
    enum pg_severity severity;
    int max_major; /* of the server that can provoke it; 0: all */
} provoked[] = {
    {"no-replica-identity", "CREATE TABLE t.a (x int)", "DROP TABLE t.a", "t.a", PG_FOR_BLUE_GREEN, 17,
     PG_BLOCKER, 0},
    {"no-replica-identity", "CREATE TABLE t.a (x int PRIMARY KEY DEFERRABLE)", "DROP TABLE t.a", "t.a",
     PG_FOR_LOGICAL, 17, PG_BLOCKER, 0},
    {"no-replica-identity", "CREATE TABLE t.a (x int PRIMARY KEY); ALTER TABLE t.a REPLICA IDENTITY NOTHING",
     "DROP TABLE t.a", "t.a", PG_FOR_LOGICAL, 17, PG_BLOCKER, 0},
    {"no-replica-identity",
     "CREATE TABLE t.a (x int NOT NULL UNIQUE); ALTER TABLE t.a REPLICA IDENTITY USING INDEX a_x_key; DROP "
     "INDEX IF"
     " EXISTS t.none; ALTER TABLE t.a DROP CONSTRAINT a_x_key",
     "DROP TABLE t.a", "t.a", PG_FOR_LOGICAL, 17, PG_BLOCKER, 0},
    {"no-replica-identity",
     "CREATE TABLE t.p (x int) PARTITION BY LIST (x); CREATE TABLE t.p1 PARTITION OF t.p DEFAULT",
     "DROP TABLE t.p", "t.p1", PG_FOR_LOGICAL, 17, PG_BLOCKER, 0},
    {"identity-without-equality",
     "CREATE TABLE t.a (x int, j json, p point[]); ALTER TABLE t.a REPLICA IDENTITY FULL", "DROP TABLE t.a",
     "t.a.j json, t.a.p point[]", PG_FOR_LOGICAL, 17, PG_BLOCKER, 0},
    {"identity-full",
     "CREATE TYPE t.e AS ENUM ('a'); CREATE DOMAIN t.d AS varchar(3); CREATE TABLE t.a (x int, v varchar, c "
     "char(2),"
     " e t.e, d t.d, r int4range, a text[], j jsonb, n name, i inet, x2 xid, o oid, m money, ts tsvector, b "
     "bit(3));"
     " ALTER TABLE t.a REPLICA IDENTITY FULL",
     "DROP TABLE t.a; DROP TYPE t.e; DROP DOMAIN t.d", "t.a", PG_FOR_LOGICAL, 17, PG_WARNING, 0},
    {"tables-of-others", "CREATE TABLE t.a (x int PRIMARY KEY)", "DROP TABLE t.a", "t.a of rdsadmin",
     PG_FOR_LOGICAL, 17, PG_BLOCKER, 0},
    {"database-without-create", "REVOKE CREATE ON DATABASE pre FROM master",
     "GRANT CREATE ON DATABASE pre TO master", "pre", PG_FOR_LOGICAL, 17, PG_BLOCKER, 0},
    {"login-makes-no-roles", "ALTER ROLE master NOCREATEROLE", "ALTER ROLE master CREATEROLE", "master",
     PG_FOR_LOGICAL, 17, PG_BLOCKER, 0},
    {"prepared-transactions", "BEGIN; CREATE TABLE t.never (x int PRIMARY KEY); PREPARE TRANSACTION 'it''s'",
     "ROLLBACK PREPARED 'it''s'", "'it''s' since ", PG_FOR_IN_PLACE, 17, PG_BLOCKER, 0},
    {"user-slots", "SELECT pg_create_logical_replication_slot('mine', 'pgoutput')",
     "SELECT pg_drop_replication_slot('mine')", "mine (pgoutput)", PG_FOR_BLUE_GREEN, 17, PG_BLOCKER, 0},
    {"user-slots", "SELECT pg_create_logical_replication_slot('mine', 'pgoutput')",
     "SELECT pg_drop_replication_slot('mine')", "mine (pgoutput)", PG_FOR_LOGICAL, 17, PG_WARNING, 0},
    {"user-slots", "SELECT pg_create_logical_replication_slot('rds_own', 'pgoutput')",
     "SELECT pg_drop_replication_slot('rds_own')", "rds_own (pgoutput)", PG_FOR_IN_PLACE, 17, PG_BLOCKER, 0},
    {"subscriptions", "CREATE SUBSCRIPTION s CONNECTION 'host=h' PUBLICATION p WITH (connect = false)",
     "ALTER SUBSCRIPTION s SET (slot_name = NONE); DROP SUBSCRIPTION s", "s", PG_FOR_BLUE_GREEN, 17,
     PG_BLOCKER, 0},
    {"subscriptions", "CREATE SUBSCRIPTION s CONNECTION 'host=h' PUBLICATION p WITH (connect = false)",
     "ALTER SUBSCRIPTION s SET (slot_name = NONE); DROP SUBSCRIPTION s", "s", PG_FOR_IN_PLACE, 17, PG_BLOCKER,
     0},
    {"publications", "CREATE PUBLICATION p", "DROP PUBLICATION p", "p", PG_FOR_LOGICAL, 17, PG_WARNING, 0},
    {"large-objects", "SELECT lo_create(4711)", "SELECT lo_unlink(4711)", "4711", PG_FOR_BLUE_GREEN, 17,
     PG_WARNING, 0},
    {"unlogged-tables", "CREATE UNLOGGED TABLE t.a (x int)", "DROP TABLE t.a", "t.a", PG_FOR_LOGICAL, 17,
     PG_WARNING, 0},
    {"foreign-tables",
     "CREATE EXTENSION postgres_fdw; CREATE SERVER f FOREIGN DATA WRAPPER postgres_fdw; CREATE FOREIGN TABLE "
     "t.f (x int)"
     " SERVER f",
     "DROP EXTENSION postgres_fdw CASCADE", "t.f", PG_FOR_LOGICAL, 17, PG_WARNING, 0},
    {"materialized-views", "CREATE MATERIALIZED VIEW t.m AS SELECT 1", "DROP MATERIALIZED VIEW t.m", "t.m",
     PG_FOR_BLUE_GREEN, 17, PG_WARNING, 0},
    {"always-triggers",
     "CREATE TABLE t.a (x int PRIMARY KEY); CREATE TRIGGER tr BEFORE UPDATE ON t.a FOR EACH ROW EXECUTE "
     "FUNCTION"
     " suppress_redundant_updates_trigger(); ALTER TABLE t.a ENABLE ALWAYS TRIGGER tr",
     "DROP TABLE t.a", "tr on t.a", PG_FOR_LOGICAL, 17, PG_WARNING, 0},
    {"event-triggers",
     "CREATE FUNCTION t.ev() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END'; CREATE EVENT TRIGGER ev "
     "ON"
     " sql_drop EXECUTE FUNCTION t.ev()",
     "DROP FUNCTION t.ev CASCADE", "ev", PG_FOR_LOGICAL, 17, PG_WARNING, 0},
    {"reg-columns",
     "CREATE DOMAIN t.d AS regproc; CREATE TYPE t.c AS (x t.d[]); CREATE TABLE t.a (x int PRIMARY KEY, y "
     "regnamespace, z"
     " t.c, ok regclass)",
     "DROP TABLE t.a; DROP TYPE t.c; DROP DOMAIN t.d", "t.a.y regnamespace, t.a.z t.c", PG_FOR_IN_PLACE, 17,
     PG_BLOCKER, 0},
    {"system-row-columns", "CREATE TABLE t.a (x int PRIMARY KEY, y pg_class)", "DROP TABLE t.a",
     "t.a.y pg_class", PG_FOR_LOGICAL, 17, PG_BLOCKER, 0},
    {"aclitem-columns", "CREATE TABLE t.a (x int PRIMARY KEY, y aclitem[])", "DROP TABLE t.a",
     "t.a.y aclitem[]", PG_FOR_IN_PLACE, 17, PG_BLOCKER, 15},
    {"invalid-databases", "UPDATE pg_database SET datconnlimit = -2 WHERE datname = 'spare'",
     "UPDATE pg_database SET datconnlimit = -1 WHERE datname = 'spare'", "spare", PG_FOR_IN_PLACE, 17,
     PG_BLOCKER, 0},
    {"closed-databases", "UPDATE pg_database SET datallowconn = false WHERE datname = 'spare'",
     "UPDATE pg_database SET datallowconn = true WHERE datname = 'spare'", "spare", PG_FOR_IN_PLACE, 17,
     PG_BLOCKER, 0},
    {"template-databases", "UPDATE pg_database SET datallowconn = true WHERE datname = 'template0'",
     "UPDATE pg_database SET datallowconn = false WHERE datname = 'template0'",
     "template0 allows connections", PG_FOR_IN_PLACE, 17, PG_BLOCKER, 0},
    {"postfix-operators", "CREATE OPERATOR t.!! (LEFTARG = int, FUNCTION = int4abs)",
     "DROP OPERATOR t.!! (int, NONE)", "t.!!(integer,NONE)", PG_FOR_LOGICAL, 17, PG_BLOCKER, 13},
    {"encoding-conversions", "CREATE CONVERSION t.cv FOR 'LATIN1' TO 'UTF8' FROM iso8859_1_to_utf8",
     "DROP CONVERSION t.cv", "t.cv", PG_FOR_LOGICAL, 17, PG_BLOCKER, 13},
    {"polymorphic-functions", "CREATE AGGREGATE t.agg(anyelement) (SFUNC = array_append, STYPE = anyarray)",
     "DROP AGGREGATE t.agg(anyelement)", "aggregate t.agg(anyelement)", PG_FOR_LOGICAL, 17, PG_BLOCKER, 13},
    {"not-null-inheritance",
     "CREATE TABLE t.a (x int PRIMARY KEY); CREATE TABLE t.b (x int PRIMARY KEY) INHERITS (t.a); ALTER TABLE "
     "t.a ADD y"
     " int; UPDATE pg_attribute SET attnotnull = true WHERE attrelid = 't.a'::regclass AND attname = 'y'",
     "DROP TABLE t.b; DROP TABLE t.a", "t.b.y", PG_FOR_IN_PLACE, 18, PG_BLOCKER, 17},
    {"removed-views", "CREATE VIEW t.v AS SELECT max_dead_tuples FROM pg_stat_progress_vacuum",
     "DROP VIEW t.v", "t.v uses pg_stat_progress_vacuum.max_dead_tuples", PG_FOR_IN_PLACE, 17, PG_BLOCKER,
     16},
    {"removed-views", "CREATE VIEW t.v AS SELECT pg_is_in_backup() AS b", "DROP VIEW t.v",
     "t.v uses pg_is_in_backup()", PG_FOR_IN_PLACE, 15, PG_BLOCKER, 14},
    {"removed-views", "CREATE VIEW t.v AS SELECT compression FROM pg_stat_ssl", "DROP VIEW t.v",
     "t.v uses pg_stat_ssl.compression", PG_FOR_IN_PLACE, 14, PG_BLOCKER, 13},
    {"system-views", "CREATE VIEW t.v AS SELECT relname FROM pg_class", "DROP VIEW t.v", "t.v",
     PG_FOR_LOGICAL, 17, PG_WARNING, 0},
    {"removed-functions",
     "CREATE FUNCTION t.f() RETURNS void LANGUAGE plpgsql AS 'BEGIN PERFORM pg_start_backup(''x''); END'",
     "DROP FUNCTION t.f", "t.f()", PG_FOR_LOGICAL, 17, PG_WARNING, 14},
    {"removed-extensions", "CREATE EXTENSION adminpack", "DROP EXTENSION adminpack", "adminpack 2.1",
     PG_FOR_LOGICAL, 17, PG_BLOCKER, 16},
    {"extensions-to-drop",
     "CREATE EXTENSION hstore; UPDATE pg_extension SET extname = 'pg_repack' WHERE extname = 'hstore'",
     "UPDATE pg_extension SET extname = 'hstore' WHERE extname = 'pg_repack'; DROP EXTENSION hstore",
     "pg_repack 1.", PG_FOR_IN_PLACE, 17, PG_BLOCKER, 0},
    {"background-extensions",
     "CREATE EXTENSION hstore; UPDATE pg_extension SET extname = 'pg_cron' WHERE extname = 'hstore'",
     "UPDATE pg_extension SET extname = 'hstore' WHERE extname = 'pg_cron'; DROP EXTENSION hstore",
     "pg_cron 1.", PG_FOR_BLUE_GREEN, 17, PG_WARNING, 0},
    {"attver-columns",
     "CREATE TABLE t.a (x int PRIMARY KEY); UPDATE pg_attribute SET attoptions = '{pg_attver=26686112}' "
     "WHERE attrelid ="
     " 't.a'::regclass AND attname = 'x'",
     "DROP TABLE t.a", "t.a.x", PG_FOR_LOGICAL, 17, PG_WARNING, 0},
    {"locks-exhausted",
     "DO $$BEGIN FOR i IN 1..460 LOOP EXECUTE format('CREATE TABLE t.lock_%s (x int)', i); COMMIT; END LOOP; "
     "END$$",
     "DO $$BEGIN FOR i IN 1..460 LOOP EXECUTE format('DROP TABLE t.lock_%s', i); COMMIT; END LOOP; END$$",
     "460 tables, sequences and views; max_locks_per_transaction 10 gives room for 450 locks",
     PG_FOR_IN_PLACE, 17, PG_WARNING, 0},
    {"large-objects",
     "INSERT INTO pg_largeobject_metadata (oid, lomowner) SELECT g, 10 FROM generate_series(20000, 1020000) "
     "g",
     "DELETE FROM pg_largeobject_metadata", "1000001 large objects", PG_FOR_IN_PLACE, 17, PG_WARNING, 13},
    {"unreadable", "REVOKE SELECT ON pg_largeobject_metadata FROM PUBLIC",
     "GRANT SELECT ON pg_largeobject_metadata TO PUBLIC", "large-objects: permission denied for table",
     PG_FOR_LOGICAL, 17, PG_BLOCKER, 0},
};

static const struct pg_finding *find(const struct pg_finding *f, size_t n, const char *id)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(f[i].id, id) == 0)
            return &f[i];
    return NULL;
}

static const struct pg_finding *preflight(struct arena *a, struct pg *c, size_t row)
{
    struct err e = ERR_INIT;
    const struct pg_finding *findings;
    size_t n;
    int major = pg_server_version(c) / 10000;
    int target = provoked[row].target > major ? provoked[row].target : major + 1;
    if (!pg_preflight(c, a, provoked[row].purpose, target, &findings, &n, &e))
        fail_msg("row %zu: %s (%s)", row, e.text, e.said);
    return find(findings, n, provoked[row].id);
}

static void provoke(struct arena *a, struct server *s, struct pg *c, size_t row)
{
    server_sql(s, "pre", provoked[row].sql);
    const struct pg_finding *f = preflight(a, c, row);
    if (!f || f->severity != provoked[row].severity || !f->remedy[0] || f->count == 0 ||
        strncmp(f->evidence, provoked[row].evidence, strlen(provoked[row].evidence)) != 0)
        fail_msg("%d, row %zu: %s: \"%s\"", s->major, row, provoked[row].id, f ? f->evidence : "not found");
    server_sql(s, "pre", provoked[row].undo);
}

/* Each is found when it is there, and none before and after. */
static void provoke_all(struct server *s)
{
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    struct pg *c CLEANUP(pg_cleanup) = server_open(s, "pre", "master", false);
    for (size_t i = 0; i < ARRAY_LEN(provoked); i++)
        if (!provoked[i].max_major || s->major <= provoked[i].max_major) {
            if (preflight(a, c, i))
                fail_msg("row %zu: %s is found before it is there", i, provoked[i].id);
            provoke(a, s, c, i);
        }
}

static void each_obstacle_is_found(void **state)
{
    (void)state;
    provoke_all(server);
}

static void each_obstacle_is_found_on_the_newest_major(void **state)
{
    (void)state;
    if (!server_available(18)) {
        skip();
        return;
    }
    struct server *s = server_new(18, false, SETTINGS);
    make_preflight_databases(s);
    provoke_all(s);
    server_stop(s);
}

/* In the scope `s`: is `id` found of table t.bare? */
static bool is_found(struct arena *a, struct pg *c, const struct pg_scope *s, const char *id)
{
    const struct pg_finding *findings;
    struct err e = ERR_INIT;
    size_t n;
    if (!pg_preflight_of(c, a, PG_FOR_LOGICAL, 17, s, &findings, &n, &e))
        fail_msg("%s (%s)", e.text, e.said);
    const struct pg_finding *f = find(findings, n, id);
    return f && strstr(f->evidence, "t.bare") != NULL;
}

static void what_is_not_replicated_needs_no_key_and_full_needs_equality(void **state)
{
    (void)state;
    static const struct {
        const char *id;
        bool whole, untaken, made_full;
    } expected[] = {
        {"no-replica-identity", true, false, false},
        {"identity-without-equality", false, false, true},
        {"identity-full", false, false, true},
        {"tables-of-others", true, false, true},
    };
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    struct pg *c CLEANUP(pg_cleanup) = server_open(server, "pre", "master", false);
    server_sql(server, "pre", "CREATE TABLE t.bare (x int, y json)");
    char *oid = server_value(server, "pre", "SELECT 't.bare'::regclass::oid");
    const char *it = arena_printf(a, "{1,%s}", oid);
    const struct pg_scope whole = {NULL, NULL}, untaken = {it, NULL}, made_full = {NULL, it};
    for (size_t i = 0; i < ARRAY_LEN(expected); i++) {
        assert_int_equal(is_found(a, c, &whole, expected[i].id), expected[i].whole);
        assert_int_equal(is_found(a, c, &untaken, expected[i].id), expected[i].untaken);
        assert_int_equal(is_found(a, c, &made_full, expected[i].id), expected[i].made_full);
    }
    free(oid);
    server_sql(server, "pre", "DROP TABLE t.bare");
}

static void only_a_target_that_lacks_it_makes_it_an_obstacle(void **state)
{
    (void)state;
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    struct err e = ERR_INIT;
    const struct pg_finding *findings;
    size_t n;
    struct pg *c CLEANUP(pg_cleanup) = server_open(server, "pre", "master", false);
    server_sql(server, "pre", "CREATE TABLE t.a (x int PRIMARY KEY, y aclitem)");
    assert_true(pg_preflight(c, a, PG_FOR_IN_PLACE, 15, &findings, &n, &e));
    assert_null(find(findings, n, "aclitem-columns"));
    assert_true(pg_preflight(c, a, PG_FOR_IN_PLACE, 16, &findings, &n, &e));
    assert_non_null(find(findings, n, "aclitem-columns"));
    assert_true(pg_preflight(c, a, PG_FOR_IN_PLACE, 0, &findings, &n, &e));
    assert_non_null(find(findings, n, "aclitem-columns"));
    server_sql(server, "pre", "DROP TABLE t.a");
}

/* pg_upgrade takes templates over as well; nothing replicates them. */
static void a_template_is_asked_for_what_pg_upgrade_refuses(void **state)
{
    (void)state;
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    struct err e = ERR_INIT;
    const struct pg_finding *findings;
    size_t n;
    server_sql(server, "template1", "CREATE TABLE public.in_template (x regproc)");
    struct pg *c = server_open(server, "template1", "master", false);
    assert_true(pg_preflight(c, a, PG_FOR_TEMPLATE, 17, &findings, &n, &e));
    pg_close(c);
    server_sql(server, "template1", "DROP TABLE public.in_template");
    const struct pg_finding *f = find(findings, n, "reg-columns");
    assert_true(f && f->severity == PG_BLOCKER);
    assert_string_equal(f->database, "template1");
    assert_string_equal(f->evidence, "public.in_template.x regproc");
    assert_null(find(findings, n, "no-replica-identity"));
}

/* The login may not enter every database: these are seen from any. */
static void slots_and_prepared_transactions_of_other_databases_are_found(void **state)
{
    (void)state;
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    struct err e = ERR_INIT;
    const struct pg_finding *findings;
    size_t n;
    server_sql(server, "pre", "SELECT pg_create_logical_replication_slot('mine', 'pgoutput')");
    server_sql(server, "pre", "BEGIN; CREATE TABLE t.never (x int); PREPARE TRANSACTION 'x'");
    struct pg *c = server_open(server, "spare", "master", false);
    assert_true(pg_preflight(c, a, PG_FOR_LOGICAL, 17, &findings, &n, &e));
    assert_null(find(findings, n, "prepared-transactions")); /* it was not left there, not yet */
    assert_true(pg_preflight(c, a, PG_FOR_IN_PLACE, 17, &findings, &n, &e));
    pg_close(c);
    server_sql(server, "pre", "ROLLBACK PREPARED 'x'");
    server_sql(server, "pre", "SELECT pg_drop_replication_slot('mine')");
    const struct pg_finding *slots = find(findings, n, "user-slots"),
                            *prepared = find(findings, n, "prepared-transactions");
    assert_true(slots && strcmp(slots->evidence, "mine (pgoutput) in pre") == 0 && !slots->database[0]);
    assert_true(prepared && strstr(prepared->evidence, " in pre") && !prepared->database[0]);
}

static void types_with_equality_are_not_accused(void **state)
{
    (void)state;
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    struct err e = ERR_INIT;
    const struct pg_finding *findings;
    size_t n;
    for (size_t i = 0; i < ARRAY_LEN(provoked); i++)
        if (strcmp(provoked[i].id, "identity-full") == 0) {
            server_sql(server, "pre", provoked[i].sql);
            struct pg *c CLEANUP(pg_cleanup) = server_open(server, "pre", "master", false);
            assert_true(pg_preflight(c, a, PG_FOR_LOGICAL, 17, &findings, &n, &e));
            const struct pg_finding *f = find(findings, n, "identity-without-equality");
            if (f)
                fail_msg("%s", f->evidence);
            server_sql(server, "pre", provoked[i].undo);
        }
}

static void many_findings_are_counted_and_a_few_named(void **state)
{
    (void)state;
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    struct err e = ERR_INIT;
    const struct pg_finding *findings;
    size_t n;
    server_sql(server, "pre",
               "DO $$BEGIN FOR i IN 10..34 LOOP EXECUTE format('CREATE TABLE t.many_%s (x int)', i); END "
               "LOOP; END$$");
    struct pg *c CLEANUP(pg_cleanup) = server_open(server, "pre", "master", false);
    assert_true(pg_preflight(c, a, PG_FOR_LOGICAL, 17, &findings, &n, &e));
    const struct pg_finding *f = find(findings, n, "no-replica-identity");
    assert_non_null(f);
    assert_int_equal(f->count, 25);
    assert_string_equal(f->evidence,
                        "t.many_10, t.many_11, t.many_12, t.many_13, t.many_14, t.many_15, t.many_16,"
                        " t.many_17, t.many_18, t.many_19 and 15 more");
    assert_string_equal(f->database, "pre");
    server_sql(server, "pre",
               "DO $$BEGIN FOR i IN 10..34 LOOP EXECUTE format('DROP TABLE t.many_%s', i); END LOOP; END$$");
}

/* Enough for three databases to be followed, and not for their rows to be compared meanwhile. */
static void slots_to_compare_are_counted(void)
{
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    struct err e = ERR_INIT;
    const struct pg_finding *findings, *f;
    size_t n;
    server_start(server, SETTINGS " -c max_replication_slots=5 -c max_wal_senders=6");
    struct pg *c = server_open(server, "pre", "rdsadmin", false);
    assert_true(pg_preflight(c, a, PG_FOR_LOGICAL, 17, &findings, &n, &e));
    assert_null(find(findings, n, "slots-exhausted"));
    f = find(findings, n, "slots-to-compare");
    assert_true(f && f->count == 1 && strstr(f->evidence, "max_replication_slots is 5, 0 in use, 6 more"));
    assert_true(pg_preflight(c, a, PG_FOR_BLUE_GREEN, 17, &findings, &n, &e));
    assert_null(find(findings, n, "slots-to-compare"));
    pg_close(c);
    server_stop(server);
}

static void settings_of_the_server_are_checked(void **state)
{
    (void)state;
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    struct err e = ERR_INIT;
    const struct pg_finding *findings, *f;
    size_t n;
    server_stop(server);
    server_start(server, "-c max_replication_slots=2 -c max_wal_senders=3 -c max_prepared_transactions=5 -c"
                         " autovacuum=off");
    struct pg *c = server_open(server, "pre", "nobody_special", false);
    assert_true(pg_preflight(c, a, PG_FOR_BLUE_GREEN, 17, &findings, &n, &e));
    f = find(findings, n, "logical-replication-off");
    assert_true(f && strcmp(f->evidence, "wal_level is replica") == 0 && f->database[0] == '\0');
    f = find(findings, n, "slots-exhausted");
    assert_true(f && f->count == 2 && strstr(f->evidence, "max_replication_slots is 2, 0 in use"));
    assert_non_null(find(findings, n, "sessions-hidden"));
    pg_close(c);
    server_stop(server);
    slots_to_compare_are_counted();
    server_start(server, SETTINGS);
    idler = server_conn(server, "pre");
    conn_sql(idler, "BEGIN; SELECT 1");
    server_sql(server, "pre", "BEGIN; CREATE TABLE t.never (x int); PREPARE TRANSACTION 'left'");
}

static bool long_transactions_are_found(void *arg)
{
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    struct err e = ERR_INIT;
    const struct pg_finding *findings;
    size_t n;
    assert_true(pg_preflight(arg, a, PG_FOR_LOGICAL, 17, &findings, &n, &e));
    const struct pg_finding *f = find(findings, n, "long-transactions"),
                            *left = find(findings, n, "prepared-transactions");
    return f && f->count == 1 && strstr(f->evidence, "of rdsadmin") && left &&
           strstr(left->evidence, "'left' since ");
}

static void transactions_left_open_are_found(void **state)
{
    (void)state;
    struct pg *c CLEANUP(pg_cleanup) = server_open(server, "pre", "master", false);
    assert_true(eventually(long_transactions_are_found, c, 30000));
    server_sql(server, "pre", "ROLLBACK PREPARED 'left'");
    PQfinish(idler);
}

static void a_lost_slot_is_reported(void **state)
{
    (void)state;
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    struct err e = ERR_INIT;
    const struct pg_finding *findings;
    const struct pg_slot *slots;
    const struct pg_count_result *counts;
    size_t n;
    server_sql(server, "pre", "SELECT pg_create_logical_replication_slot('doomed', 'pgoutput')");
    server_sql(server, "postgres", "ALTER SYSTEM SET max_slot_wal_keep_size = '1MB'");
    server_sql(server, "postgres", "SELECT pg_reload_conf()");
    for (int i = 0; i < 4; i++)
        server_sql(server, "pre",
                   "SELECT pg_switch_wal(); CREATE TABLE t.filler (x int PRIMARY KEY); DROP TABLE t.filler");
    server_sql(server, "pre", "CHECKPOINT");
    struct pg *c CLEANUP(pg_cleanup) = server_open(server, "pre", "rdsadmin", false);
    assert_true(pg_slots(c, a, "doomed", &slots, &n, &e));
    assert_string_equal(slots[0].wal_status, "lost");
    assert_true(pg_preflight(c, a, PG_FOR_LOGICAL, 17, &findings, &n, &e));
    const struct pg_finding *f = find(findings, n, "lost-slots");
    assert_true(f && strcmp(f->evidence, "doomed") == 0 && f->database[0] == '\0');
    server_sql(server, "pre", "CREATE TABLE t.a (x int PRIMARY KEY)");
    assert_false(pg_compare_counts(
        c, c, a,
        &(struct pg_count_options){.slot = "doomed", .exclude = (const char *const[]){"t.none", NULL}},
        &counts, &n, &e));
    assert_int_equal(e.code, ERR_REMOTE);
    server_sql(server, "pre", "DROP TABLE t.a; SELECT pg_drop_replication_slot('doomed')");
    server_sql(server, "postgres", "ALTER SYSTEM RESET max_slot_wal_keep_size");
    server_sql(server, "postgres", "SELECT pg_reload_conf()");
}

/* Nothing in the catalogues needs more rights than everybody has. */
static void a_plain_role_can_check_everything(void **state)
{
    (void)state;
    static const enum pg_purpose purposes[] = {PG_FOR_BLUE_GREEN, PG_FOR_IN_PLACE, PG_FOR_LOGICAL};
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    struct err e = ERR_INIT;
    const struct pg_finding *findings;
    size_t n;
    struct pg *c CLEANUP(pg_cleanup) = server_open(server, "pre", "nobody_special", false);
    for (size_t i = 0; i < ARRAY_LEN(purposes); i++) {
        assert_true(pg_preflight(c, a, purposes[i], 17, &findings, &n, &e));
        assert_null(find(findings, n, "unreadable"));
        assert_non_null(find(findings, n, "sessions-hidden"));
    }
}

/* ---- objects that come and go while they are looked at ---- */

static atomic_bool churning;

static void *churn(void *arg)
{
    while (atomic_load(&churning)) {
        PGresult *r = PQexec(
            arg, "CREATE TABLE t.brief (x int PRIMARY KEY, y text CHECK (y <> 'a')); CREATE VIEW t.v AS"
                 " SELECT x FROM t.brief; CREATE INDEX ON t.brief (lower(y))");
        PQclear(r);
        PQclear(PQexec(arg, "DROP TABLE t.brief CASCADE"));
    }
    return NULL;
}

static void a_fingerprint_survives_ddl(void **state)
{
    (void)state;
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    struct err e = ERR_INIT;
    struct pg_fingerprint f;
    const struct pg_finding *findings;
    size_t n;
    PGconn *conn = server_conn(server, "pre");
    struct pg *c CLEANUP(pg_cleanup) = server_open(server, "pre", "master", false);
    pthread_t thread;
    atomic_store(&churning, true);
    assert_int_equal(pthread_create(&thread, NULL, churn, conn), 0);
    bool done = true;
    for (int i = 0; i < 8 && done; i++)
        done = pg_fingerprint(c, a, &f, &e) && pg_preflight(c, a, PG_FOR_LOGICAL, 17, &findings, &n, &e);
    atomic_store(&churning, false);
    (void)pthread_join(thread, NULL);
    PQfinish(conn);
    if (!done)
        fail_msg("%s: %s %s", e.text, e.remote_code, e.said);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_obstacle_is_found),
        cmocka_unit_test(each_obstacle_is_found_on_the_newest_major),
        cmocka_unit_test(what_is_not_replicated_needs_no_key_and_full_needs_equality),
        cmocka_unit_test(only_a_target_that_lacks_it_makes_it_an_obstacle),
        cmocka_unit_test(a_template_is_asked_for_what_pg_upgrade_refuses),
        cmocka_unit_test(slots_and_prepared_transactions_of_other_databases_are_found),
        cmocka_unit_test(types_with_equality_are_not_accused),
        cmocka_unit_test(many_findings_are_counted_and_a_few_named),
        cmocka_unit_test(a_lost_slot_is_reported),
        cmocka_unit_test(settings_of_the_server_are_checked),
        cmocka_unit_test(a_plain_role_can_check_everything),
        cmocka_unit_test(a_fingerprint_survives_ddl),
        cmocka_unit_test(transactions_left_open_are_found),
    };
    return cmocka_run_group_tests(tests, start_server, NULL);
}
