#include "internal/base/testing.h"
#include "internal/pg/catalog.h"
#include "internal/pg/fixture.h"
#include "internal/pg/replica.h"

#include <stdlib.h>
#include <string.h>

/* Names that break whoever forgets to quote; the second is 63 bytes of two-byte letters and one more. */
static const char *const hostile[] = {
    "x'; DROP TABLE public.witness; --",
    "éééééééééééééééééééééééééééééééx",
    "\"); DROP TABLE public.witness; --",
    "back\\slash\\'",
    "tab\there",
    "$$;$1%s%n%d",
    "SELECT",
    "a.b",
    "{a,b}",
    "línea\nnueva",
    "with space ",
};

#define SETTINGS "-c wal_level=logical -c max_prepared_transactions=5 -c autovacuum=off"
#define ROLES                                                                                                \
    "CREATE ROLE owner LOGIN; CREATE ROLE nobody_special LOGIN; CREATE ROLE master LOGIN; GRANT pg_monitor," \
    " owner TO master"

static struct server *server;

static int start_server(void **state)
{
    (void)state;
    server = server_new(server_available(13) ? 13 : 15, false, SETTINGS);
    server_sql(server, "postgres", ROLES);
    return 0;
}

static char *ident(PGconn *conn, const char *name)
{
    char *quoted = PQescapeIdentifier(conn, name, strlen(name));
    assert_non_null(quoted);
    return quoted;
}

static void make_hostile(const char *database)
{
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    PGconn *conn = server_conn(server, database);
    conn_sql(conn, "CREATE TABLE public.witness (a int PRIMARY KEY)");
    for (size_t i = 0; i < ARRAY_LEN(hostile); i++) {
        char *q = ident(conn, hostile[i]);
        conn_sql(conn, arena_printf(a, "CREATE SCHEMA %s", q));
        conn_sql(conn, arena_printf(a, "CREATE TABLE %s.%s (%s int DEFAULT 1, t text)", q, q, q));
        conn_sql(conn,
                 arena_printf(a, "INSERT INTO %s.%s SELECT g FROM generate_series(1, %zu) g", q, q, i + 1));
        conn_sql(conn, arena_printf(a, "CREATE SEQUENCE %s.\"s%zu\" START %zu", q, i, i + 7));
        conn_sql(conn, arena_printf(a, "CREATE VIEW %s.\"v%zu\" AS SELECT %s FROM %s.%s", q, i, q, q, q));
        PQfreemem(q);
    }
    PQfinish(conn);
}

static const char hostile_database[] = "d'b\"; DROP DATABASE postgres; -- \\é";

static void catalogs_with_hostile_names(struct arena *a, struct pg *c)
{
    struct err e = ERR_INIT;
    struct pg_fingerprint f;
    const struct pg_finding *findings;
    const struct pg_sequence *sequences;
    const struct pg_extension *extensions;
    const char **names;
    size_t n;
    assert_true(pg_fingerprint(c, a, &f, &e));
    pg_fingerprint_diff(a, hostile_database, &f, &f, NULL, 10, &names, &n);
    assert_int_equal(n, 0);
    assert_true(pg_preflight(c, a, PG_FOR_LOGICAL, 17, &findings, &n, &e));
    assert_string_equal(findings[0].id, "no-replica-identity");
    assert_int_equal(findings[0].count, ARRAY_LEN(hostile));
    assert_true(pg_unanalyzed(c, a, 5, &names, &n, &e));
    assert_int_equal(n, ARRAY_LEN(hostile));
    assert_true(pg_analyze(c, &e));
    assert_true(pg_unanalyzed(c, a, 5, &names, &n, &e));
    assert_int_equal(n, 0);
    assert_true(pg_sequences(c, a, &sequences, &n, &e));
    assert_int_equal(n, ARRAY_LEN(hostile));
    assert_true(pg_extensions(c, a, &extensions, &n, &e));
    assert_true(pg_databases(c, a, &names, &n, &e));
}

static void rows_with_hostile_names(struct arena *a, struct pg *c, struct pg *other)
{
    struct err e = ERR_INIT;
    const struct pg_count_result *counts;
    size_t n;
    int64_t sum = 0;
    struct pg_count_options o = {.exclude = (const char *const[]){"public.witness", NULL}};
    if (!pg_compare_counts(c, other, a, &o, &counts, &n, &e))
        fail_msg("%s: %s", e.text, e.said);
    assert_int_equal(n, ARRAY_LEN(hostile));
    for (size_t i = 0; i < n; i++) {
        assert_true(counts[i].exact && counts[i].equal);
        sum += counts[i].new_rows;
    }
    assert_int_equal(sum, ARRAY_LEN(hostile) * (ARRAY_LEN(hostile) + 1) / 2);
}

static void hostile_arguments(struct arena *a, struct pg *c, struct pg *other, const char *argument)
{
    struct err e = ERR_INIT;
    const struct pg_count_result *counts;
    const struct pg_slot *slots;
    const char *value, *difference;
    size_t n;
    bool equal;
    assert_true(pg_setting(c, a, argument, &value, &e));
    assert_true(pg_slots(c, a, argument, &slots, &n, &e));
    assert_true(!pg_compare_query(c, other, a, argument, &equal, &difference, &e) || equal);
    assert_false(
        pg_compare_counts(c, other, a, &(struct pg_count_options){.slot = argument}, &counts, &n, &e));
    assert_int_equal(e.code, ERR_NOT_FOUND);
}

static void hostile_names_go_through_every_verb(void **state)
{
    (void)state;
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    PGconn *conn = server_conn(server, "postgres");
    char *q = ident(conn, hostile_database);
    conn_sql(conn, arena_printf(a, "CREATE DATABASE %s", q));
    PQfreemem(q);
    PQfinish(conn);
    make_hostile(hostile_database);
    struct pg *c CLEANUP(pg_cleanup) = server_open(server, hostile_database, "rdsadmin", true);
    struct pg *other CLEANUP(pg_cleanup) = server_open(server, hostile_database, "rdsadmin", false);
    catalogs_with_hostile_names(a, c);
    rows_with_hostile_names(a, c, other);
    for (size_t i = 0; i < ARRAY_LEN(hostile); i++)
        hostile_arguments(a, c, other, hostile[i]);
    char *witness = server_value(server, hostile_database, "SELECT count(*) FROM public.witness");
    assert_string_equal(witness, "0");
    free(witness);
}

/* ---- sequences ---- */

static void sequences_are_exact(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int64_t last_value, increment;
        bool is_called;
    } expected[] = {
        {"q.\"Odd \"\"one\"", 1, 1, false}, {"q.cached", 20, 1, true},        {"q.called", 3, 1, true},
        {"q.descending", -4, -2, true},     {"q.identity_x_seq", 2, 1, true}, {"q.never", 1, 1, false},
        {"q.set_uncalled", 50, 1, false},   {"q.smallest", 32767, 5, true},
    };
    server_sql(server, "postgres", "CREATE DATABASE seq");
    server_sql(
        server, "seq",
        "CREATE SCHEMA q; CREATE SEQUENCE q.never; CREATE SEQUENCE q.called; SELECT nextval('q.called') FROM"
        " generate_series(1, 3); CREATE SEQUENCE q.set_uncalled; SELECT setval('q.set_uncalled', 50, false);"
        "CREATE SEQUENCE q.descending INCREMENT -2 START -2; SELECT nextval('q.descending') FROM"
        " generate_series(1, 2); CREATE SEQUENCE q.cached CACHE 20; SELECT nextval('q.cached');"
        "CREATE SEQUENCE q.smallest AS smallint INCREMENT 5; SELECT setval('q.smallest', 32767);"
        "CREATE TABLE q.identity (x int GENERATED ALWAYS AS IDENTITY); INSERT INTO q.identity DEFAULT VALUES;"
        "INSERT INTO q.identity DEFAULT VALUES; CREATE SEQUENCE q.\"Odd \"\"one\"; CREATE TEMP SEQUENCE "
        "gone");
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    struct err e = ERR_INIT;
    const struct pg_sequence *s;
    size_t n;
    struct pg *c CLEANUP(pg_cleanup) = server_open(server, "seq", "rdsadmin", false);
    if (!pg_sequences(c, a, &s, &n, &e))
        fail_msg("%s: %s", e.text, e.said);
    assert_int_equal(n, ARRAY_LEN(expected));
    for (size_t i = 0; i < n; i++) {
        assert_string_equal(s[i].name, expected[i].name);
        assert_int_equal(s[i].last_value, expected[i].last_value);
        assert_int_equal(s[i].increment, expected[i].increment);
        assert_int_equal(s[i].is_called, expected[i].is_called);
    }
    struct pg *poor CLEANUP(pg_cleanup) = server_open(server, "seq", "nobody_special", false);
    assert_false(pg_sequences(poor, a, &s, &n, &e));
    assert_int_equal(e.code, ERR_DENIED);
    assert_non_null(strstr(e.text, "q.called"));
    assert_non_null(strstr(e.hint, "GRANT SELECT ON SEQUENCE … TO \"nobody_special\""));
}

/* ---- statistics ---- */

static void tables_without_statistics_are_named_until_analyzed(void **state)
{
    (void)state;
    server_sql(server, "postgres", "CREATE DATABASE stats OWNER owner");
    server_sql(
        server, "stats",
        "SET ROLE owner; CREATE SCHEMA s; CREATE TABLE s.a AS SELECT 1 x; CREATE TABLE s.empty (x int);"
        "CREATE TABLE s.p (x int) PARTITION BY LIST (x); CREATE TABLE s.p1 PARTITION OF s.p DEFAULT; INSERT "
        "INTO"
        " s.p VALUES (1); CREATE MATERIALIZED VIEW s.m AS SELECT 1 x; RESET ROLE; CREATE TABLE s.foreigner AS"
        " SELECT 1 x");
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    struct err e = ERR_INIT;
    const char **names;
    size_t n;
    struct pg *c CLEANUP(pg_cleanup) = server_open(server, "stats", "rdsadmin", false);
    assert_true(pg_unanalyzed(c, a, 10, &names, &n, &e));
    assert_string_equal(name_list(a, names, n, 10), "s.a, s.foreigner, s.m, s.p, s.p1");
    assert_true(pg_unanalyzed(c, a, 2, &names, &n, &e));
    assert_int_equal(n, 5);
    assert_null(names[2]);
    struct pg *poor CLEANUP(pg_cleanup) = server_open(server, "stats", "nobody_special", false);
    assert_false(pg_unanalyzed(poor, a, 10, &names, &n, &e));
    assert_int_equal(e.code, ERR_DENIED);
    assert_non_null(strstr(e.text, "s.foreigner"));
    assert_false(pg_analyze(c, &e));
    assert_int_equal(e.code, ERR_BUG);
    /* a stranger is told what was skipped; the owner of the database may analyze everything in it */
    struct pg *stranger CLEANUP(pg_cleanup) = server_open(server, "stats", "nobody_special", true);
    assert_false(pg_analyze(stranger, &e));
    assert_int_equal(e.code, ERR_DENIED);
    if (!strstr(e.text, "s.foreigner") || !strstr(e.text, "s.m"))
        fail_msg("%s", e.text);
    struct pg *owner CLEANUP(pg_cleanup) = server_open(server, "stats", "owner", true);
    if (!pg_analyze(owner, &e))
        fail_msg("%s: %s", e.text, e.said);
    assert_true(pg_unanalyzed(c, a, 10, &names, &n, &e));
    assert_int_equal(n, 0);
    char *target = server_value(
        server, "stats",
        "SELECT count(*) FROM pg_stats WHERE schemaname = 's' AND tablename = 'p' AND inherited");
    assert_string_equal(target, "1");
    free(target);
}

/* The first look at all tables comes before the second at any. */
static void statistics_come_in_stages(void **state)
{
    (void)state;
    server_sql(server, "postgres", "CREATE DATABASE stages");
    server_sql(
        server, "stages",
        "CREATE TABLE public.a AS SELECT g x FROM generate_series(1, 20000) g; CREATE TABLE public.b AS TABLE"
        " public.a");
    struct err e = ERR_INIT;
    struct pg *c CLEANUP(pg_cleanup) = server_open(server, "stages", "rdsadmin", true);
    server_sql(server, "postgres", "ALTER DATABASE stages SET log_statement = 'none'");
    assert_true(query_run(c, "SET log_statement = 'all'", &e));
    assert_true(pg_analyze(c, &e));
    char *order = server_value(
        server, "stages",
        "SELECT string_agg(regexp_replace(l, '^.*(default_statistics_target|ANALYZE public\\.)(.*)$', "
        "'\\2'), ';' ORDER BY"
        " n) FROM regexp_split_to_table(pg_read_file(current_setting('data_directory') || '.log'), '\\n') "
        "WITH ORDINALITY"
        " u(l, n) WHERE l ~ '(default_statistics_target|ANALYZE public.)' AND l !~ 'string_agg'");
    assert_string_equal(order, " = 1;a;b; = 10;a;b;;a;b");
    free(order);
    char *buckets = server_value(
        server, "stages", "SELECT array_length(histogram_bounds, 1) FROM pg_stats WHERE tablename = 'a'");
    assert_string_equal(buckets, "101");
    free(buckets);
}

static void extensions_show_both_versions(void **state)
{
    (void)state;
    server_sql(server, "postgres", "CREATE DATABASE ext");
    server_sql(server, "ext", "CREATE EXTENSION pg_trgm VERSION '1.3'");
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    struct err e = ERR_INIT;
    const struct pg_extension *x;
    size_t n;
    struct pg *c CLEANUP(pg_cleanup) = server_open(server, "ext", "nobody_special", false);
    assert_true(pg_extensions(c, a, &x, &n, &e));
    assert_int_equal(n, 2);
    assert_string_equal(x[0].name, "pg_trgm");
    assert_string_equal(x[0].installed, "1.3");
    assert_true(strcmp(x[0].available, "1.3") > 0);
    assert_string_equal(x[1].name, "plpgsql");
}

static void slots_are_listed_with_their_lag(void **state)
{
    (void)state;
    server_sql(server, "postgres", "CREATE DATABASE slots");
    server_sql(server, "slots",
               "SELECT pg_create_logical_replication_slot('aurora_upgrade_a', 'pgoutput');"
               "SELECT pg_create_logical_replication_slot('other', 'test_decoding');"
               "SELECT pg_create_physical_replication_slot('physical', true)");
    server_sql(server, "slots", "CREATE TABLE public.t AS SELECT g FROM generate_series(1, 1000) g");
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    struct err e = ERR_INIT;
    const struct pg_slot *s;
    size_t n;
    struct pg *c CLEANUP(pg_cleanup) = server_open(server, "slots", "nobody_special", false);
    assert_true(pg_slots(c, a, NULL, &s, &n, &e));
    assert_int_equal(n, 2);
    assert_true(pg_slots(c, a, "aurora_upgrade_", &s, &n, &e));
    assert_int_equal(n, 1);
    assert_string_equal(s[0].name, "aurora_upgrade_a");
    assert_string_equal(s[0].plugin, "pgoutput");
    assert_string_equal(s[0].database, "slots");
    assert_string_equal(s[0].wal_status, "reserved");
    assert_false(s[0].active);
    assert_true(s[0].confirmed > 0 && s[0].lag_bytes > 10000);
    server_sql(server, "slots", "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hostile_names_go_through_every_verb),
        cmocka_unit_test(sequences_are_exact),
        cmocka_unit_test(tables_without_statistics_are_named_until_analyzed),
        cmocka_unit_test(statistics_come_in_stages),
        cmocka_unit_test(extensions_show_both_versions),
        cmocka_unit_test(slots_are_listed_with_their_lag),
    };
    return cmocka_run_group_tests(tests, start_server, NULL);
}
