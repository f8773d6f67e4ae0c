#include "internal/base/testing.h"
#include "internal/pg/catalog.h"
#include "internal/pg/fixture.h"
#include "internal/pg/replica.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

static struct server *old_side, *new_side;
static const char schema[] =
    "CREATE TABLE public.still (id int PRIMARY KEY, t text); CREATE TABLE public.gone (id int PRIMARY KEY);"
    "CREATE TABLE public.more (id int PRIMARY KEY); CREATE TABLE public.empty (id int PRIMARY KEY);"
    "CREATE TABLE public.hot (id bigserial PRIMARY KEY, n int, t text); CREATE TABLE public.queue (id "
    "bigserial"
    " PRIMARY KEY, t text); CREATE TABLE public.part (id bigserial, k int NOT NULL, PRIMARY KEY (id, k)) "
    "PARTITION BY"
    " LIST (k); CREATE TABLE public.part_0 PARTITION OF public.part FOR VALUES IN (0); CREATE TABLE "
    "public.part_1"
    " PARTITION OF public.part DEFAULT; CREATE TABLE public.\"Odd \"\"t\" (id int PRIMARY KEY); CREATE "
    "UNLOGGED TABLE"
    " public.scratch (id int); CREATE TABLE public.parent (id int PRIMARY KEY); CREATE TABLE public.child "
    "(PRIMARY KEY"
    " (id)) INHERITS (public.parent)";

static bool caught_up(void *arg)
{
    (void)arg;
    char *sql = server_value(old_side, "app", "SELECT pg_current_wal_lsn()");
    char query[200];
    (void)snprintf(query, sizeof query, "SELECT confirmed_flush_lsn >= '%s' FROM pg_replication_slots", sql);
    char *yes = server_value(old_side, "app", query);
    bool done = yes[0] == 't';
    free(sql);
    free(yes);
    return done;
}

static int start_pair(void **state)
{
    (void)state;
    bool all = server_available(13) && server_available(17);
    old_side = server_new(all ? 13 : 15, false, "-c wal_level=logical");
    new_side = server_new(all ? 17 : 15, false, NULL);
    struct server *both[] = {old_side, new_side};
    for (size_t i = 0; i < ARRAY_LEN(both); i++) {
        server_sql(both[i], "postgres", "CREATE ROLE reader LOGIN");
        server_sql(both[i], "postgres", "CREATE DATABASE app");
        server_sql(both[i], "app", schema);
    }
    server_sql(old_side, "app", "CREATE PUBLICATION p FOR ALL TABLES");
    server_sql(old_side, "app", "SELECT pg_create_logical_replication_slot('s', 'pgoutput')");
    server_sqlf(
        new_side, "app",
        "CREATE SUBSCRIPTION sub CONNECTION 'host=%s port=%d dbname=app user=rdsadmin' PUBLICATION p WITH"
        " (create_slot = false, slot_name = 's', copy_data = false)",
        fixture_dir(), old_side->port);
    server_sql(old_side, "app",
               "INSERT INTO public.still SELECT g, 'x' FROM generate_series(1, 5000) g; INSERT INTO "
               "public.gone SELECT g"
               " FROM generate_series(1, 100) g; INSERT INTO public.more TABLE public.gone; INSERT INTO "
               "public.hot (n) SELECT"
               " g FROM generate_series(1, 5000) g; INSERT INTO public.part (k) SELECT g % 3 FROM "
               "generate_series(1, 300) g;"
               "INSERT INTO public.\"Odd \"\"t\" VALUES (1); INSERT INTO public.scratch VALUES (1); INSERT "
               "INTO public.parent"
               " VALUES (1); INSERT INTO public.child VALUES (2), (3)");
    return eventually(caught_up, NULL, 60000) ? 0 : 1;
}

/* ---- writers ---- */

static atomic_bool writing;
static atomic_long written;

static void *writer(void *arg)
{
    static const char *const statements[] = {
        "INSERT INTO public.hot (n, t) SELECT g, 'new' FROM generate_series(1, 3) g",
        "UPDATE public.hot SET n = n + 1 WHERE id = (SELECT max(id) - 5 FROM public.hot)",
        "DELETE FROM public.hot WHERE id = (SELECT min(id) FROM public.hot)",
        ("BEGIN; INSERT INTO public.queue (t) VALUES ('job'); DELETE FROM public.queue WHERE id = (SELECT "
         "min(id) FROM"
         " public.queue); COMMIT"),
        "INSERT INTO public.queue (t) VALUES ('a'), ('b')",
        ("DELETE FROM public.queue WHERE id IN (SELECT id FROM public.queue ORDER BY id FOR UPDATE SKIP "
         "LOCKED LIMIT 2)"),
        "INSERT INTO public.part (k) VALUES (1)",
        "BEGIN; INSERT INTO public.still SELECT g FROM generate_series(10000, 10500) g; ROLLBACK",
    };
    PGconn *conn = arg;
    for (size_t i = 0; atomic_load(&writing); i++) {
        PGresult *r = PQexec(conn, statements[i % ARRAY_LEN(statements)]);
        if (PQresultStatus(r) == PGRES_COMMAND_OK) /* deletes of two writers may collide; that is all right */
            atomic_fetch_add(&written, 1);
        PQclear(r);
    }
    return NULL;
}

enum { WRITERS = 3 };
struct writers {
    PGconn *conn[WRITERS];
    pthread_t thread[WRITERS];
};

static void writers_start(struct writers *w)
{
    atomic_store(&writing, true);
    for (size_t i = 0; i < WRITERS; i++) {
        w->conn[i] = server_conn(old_side, "app");
        assert_int_equal(pthread_create(&w->thread[i], NULL, writer, w->conn[i]), 0);
    }
}

static void writers_stop(struct writers *w)
{
    atomic_store(&writing, false);
    for (size_t i = 0; i < WRITERS; i++) {
        (void)pthread_join(w->thread[i], NULL);
        PQfinish(w->conn[i]);
    }
}

/* ---- comparing ---- */

struct outcome {
    struct arena *a;
    const struct pg_count_result *r;
    size_t n;
};

static const struct pg_count_result *of(const struct outcome *o, const char *table)
{
    for (size_t i = 0; i < o->n; i++)
        if (strcmp(o->r[i].table, table) == 0)
            return &o->r[i];
    fail_msg("%s is not among the results", table);
    return NULL;
}

static void compare(struct outcome *o, const struct pg_count_options *options)
{
    struct pg *c CLEANUP(pg_cleanup) = server_open(old_side, "app", "rdsadmin", false);
    struct pg *n CLEANUP(pg_cleanup) = server_open(new_side, "app", "rdsadmin", false);
    struct err e = ERR_INIT;
    if (!pg_compare_counts(c, n, o->a, options, &o->r, &o->n, &e))
        fail_msg("%s: %s", e.text, e.said);
}

static void counts_are_right_while_writers_run(void **state)
{
    (void)state;
    static const char *const still[] = {"public.still",  "public.gone",   "public.more",
                                        "public.empty",  "public.part_0", "public.\"Odd \"\"t\"",
                                        "public.parent", "public.child"};
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    struct outcome o = {.a = a};
    struct writers w;
    writers_start(&w);
    long before = atomic_load(&written);
    compare(&o, &(struct pg_count_options){.slot = "s"});
    long during = atomic_load(&written) - before;
    writers_stop(&w);
    assert_true(during > 100);
    assert_int_equal(o.n, ARRAY_LEN(still) + 3);
    for (size_t i = 0; i < o.n; i++)
        if (!o.r[i].equal)
            fail_msg("%s: %lld and %lld rows (%s)", o.r[i].table, (long long)o.r[i].old_rows,
                     (long long)o.r[i].new_rows, o.r[i].exact ? "exact" : "bracketed");
    for (size_t i = 0; i < ARRAY_LEN(still); i++)
        assert_true(of(&o, still[i])->exact);
    assert_false(of(&o, "public.hot")->exact);
    assert_int_equal(of(&o, "public.still")->new_rows, 5000);
    assert_int_equal(of(&o, "public.child")->new_rows, 2);
    assert_int_equal(of(&o, "public.parent")->new_rows, 1);
    print_message("%ld transactions during the comparison\n", during);
}

static void all_is_exact_once_the_writers_are_gone(void **state)
{
    (void)state;
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    struct outcome o = {.a = a};
    compare(&o, &(struct pg_count_options){.slot = "s"});
    for (size_t i = 0; i < o.n; i++)
        if (!o.r[i].equal || !o.r[i].exact)
            fail_msg("%s: %lld and %lld rows (%s)", o.r[i].table, (long long)o.r[i].old_rows,
                     (long long)o.r[i].new_rows, o.r[i].exact ? "exact" : "bracketed");
    assert_true(of(&o, "public.hot")->new_rows > 5000);
}

static void planted_differences_are_found_while_writers_run(void **state)
{
    (void)state;
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    struct outcome o = {.a = a};
    struct writers w;
    server_sql(new_side, "app", "DELETE FROM public.gone WHERE id = 50; INSERT INTO public.more VALUES (-1)");
    server_sql(new_side, "app", "CREATE TABLE public.new_only (x int)");
    writers_start(&w);
    compare(&o, &(struct pg_count_options){.slot = "s"});
    writers_stop(&w);
    const struct pg_count_result *gone = of(&o, "public.gone"), *more = of(&o, "public.more");
    assert_true(gone->exact && !gone->equal && gone->old_rows == 100 && gone->new_rows == 99);
    assert_true(more->exact && !more->equal && more->old_rows == 100 && more->new_rows == 101);
    const struct pg_count_result *only = of(&o, "public.new_only");
    assert_true(only->exact && !only->equal && only->old_rows == -1 && only->new_rows == -1);
    assert_true(of(&o, "public.still")->equal && of(&o, "public.hot")->equal);
    server_sql(new_side, "app",
               "INSERT INTO public.gone VALUES (50); DELETE FROM public.more WHERE id = -1; DROP TABLE "
               "public.new_only");
}

/* Many rows of a table that is never still: more than came and went in the meantime. */
static void a_big_loss_in_a_busy_table_is_found(void **state)
{
    (void)state;
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    struct outcome o = {.a = a};
    struct writers w;
    server_sql(old_side, "app", "INSERT INTO public.part (k) SELECT 1 FROM generate_series(1, 50000)");
    assert_true(eventually(caught_up, NULL, 60000));
    server_sql(new_side, "app", "DELETE FROM public.part WHERE k = 1 AND id > 20000");
    writers_start(&w);
    compare(&o, &(struct pg_count_options){.slot = "s", .rounds = 2});
    writers_stop(&w);
    const struct pg_count_result *part = of(&o, "public.part_1");
    assert_true(!part->exact && !part->equal && part->new_rows < part->old_rows - 10000);
    server_sql(old_side, "app", "TRUNCATE public.part");
    assert_true(eventually(caught_up, NULL, 60000));
}

static void excluded_tables_are_left_out(void **state)
{
    (void)state;
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    struct outcome o = {.a = a};
    static const char *const exclude[] = {"public.hot", "public.Odd \"t", "public.\"Odd \"\"t\"", NULL};
    compare(&o, &(struct pg_count_options){.slot = "s", .exclude = exclude});
    assert_int_equal(o.n, 9);
    for (size_t i = 0; i < o.n; i++)
        assert_true(strcmp(o.r[i].table, "public.hot") != 0 && !strstr(o.r[i].table, "Odd"));
}

static void a_side_that_does_not_follow_is_not_compared(void **state)
{
    (void)state;
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    struct err e = ERR_INIT;
    const struct pg_count_result *r;
    size_t n;
    struct pg *o CLEANUP(pg_cleanup) = server_open(old_side, "app", "rdsadmin", false);
    struct pg *w CLEANUP(pg_cleanup) = server_open(new_side, "app", "rdsadmin", false);
    server_sql(new_side, "app", "ALTER SUBSCRIPTION sub DISABLE");
    server_sql(old_side, "app", "INSERT INTO public.still VALUES (-1)");
    assert_false(
        pg_compare_counts(o, w, a, &(struct pg_count_options){.slot = "s", .catch_up_ms = 400}, &r, &n, &e));
    assert_int_equal(e.code, ERR_TIMEOUT);
    assert_int_equal(PQtransactionStatus(o->conn), PQTRANS_IDLE);
    assert_false(pg_compare_counts(o, w, a, &(struct pg_count_options){.slot = "none"}, &r, &n, &e));
    assert_int_equal(e.code, ERR_NOT_FOUND);
    server_sql(new_side, "app", "ALTER SUBSCRIPTION sub ENABLE");
    assert_true(eventually(caught_up, NULL, 60000));
}

static void tables_that_cannot_be_read_are_named(void **state)
{
    (void)state;
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    struct err e = ERR_INIT;
    const struct pg_count_result *r;
    size_t n;
    struct server *both[] = {old_side, new_side};
    for (size_t i = 0; i < ARRAY_LEN(both); i++)
        server_sql(both[i], "app",
                   "GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader; REVOKE SELECT ON public.still "
                   "FROM reader;"
                   "ALTER TABLE public.gone ENABLE ROW LEVEL SECURITY");
    struct pg *o CLEANUP(pg_cleanup) = server_open(old_side, "app", "reader", false);
    struct pg *w CLEANUP(pg_cleanup) = server_open(new_side, "app", "reader", false);
    struct pg_count_options options = {.slot = "s"};
    assert_false(pg_compare_counts(o, w, a, &options, &r, &n, &e));
    assert_int_equal(e.code, ERR_DENIED);
    assert_non_null(strstr(e.text, "public.gone, public.still"));
    assert_non_null(strstr(e.hint, "GRANT SELECT ON TABLE"));
    options.exclude = (const char *const[]){"public.still", "public.gone", NULL};
    if (!pg_compare_counts(o, w, a, &options, &r, &n, &e))
        fail_msg("%s: %s", e.text, e.said);
    /* the same through a statement of the user's: row security is an error, not fewer rows */
    bool equal;
    const char *difference;
    assert_false(pg_compare_query(o, w, a, "SELECT count(*) FROM public.gone", &equal, &difference, &e));
    assert_int_equal(e.code, ERR_DENIED);
    assert_false(pg_compare_query(o, w, a, "SELECT count(*) FROM public.still", &equal, &difference, &e));
    assert_int_equal(e.code, ERR_DENIED);
    assert_string_equal(e.hint, "GRANT SELECT ON TABLE still TO \"reader\";");
    for (size_t i = 0; i < ARRAY_LEN(both); i++)
        server_sql(both[i], "app", "ALTER TABLE public.gone DISABLE ROW LEVEL SECURITY");
}

/* ---- queries ---- */

static const struct {
    const char *sql;
    bool done, equal;
    const char *text; /* of the difference, or of the error */
    enum err_code code;
} queries[] = {
    {"SELECT count(*), sum(id), now() > '2000-01-01' FROM public.still", true, true, "", ERR_NONE},
    {"SELECT id, t FROM public.still ORDER BY id;", true, true, "", ERR_NONE},
    {"SELECT 1 WHERE false", true, true, "", ERR_NONE},
    {"SELECT 1.5::float8 / 3, '2020-01-01 00:00+05'::timestamptz, '\\x00ff'::bytea, NULL, interval '1 "
     "month',"
     " '{\"b\": 1, \"a\": 2}'::jsonb, ARRAY[1.1]::float4[], 1e300::float8, ''",
     true, true, "", ERR_NONE},
    {"SELECT extract(year FROM now())::int", true, true, "", ERR_NONE}, /* named date_part in 13 */
    {"SELECT g, current_setting('server_version_num') FROM generate_series(1, 3) g", true, false,
     "row 1, column \"current_setting\": \"", ERR_NONE},
    {"SELECT g FROM generate_series(1, CASE WHEN current_setting('server_version_num')::int >= 170000 "
     "THEN 1201 ELSE"
     " 1200 END) g",
     true, false, "1200 rows on the old side, 1201 on the new side", ERR_NONE},
    {"SELECT g FROM generate_series(1, 1500) g ORDER BY CASE WHEN "
     "current_setting('server_version_num')::int >="
     " 170000 THEN -g ELSE g END",
     true, false, "the same 1500 rows in another order", ERR_NONE},
    {"SELECT CASE WHEN current_setting('server_version_num')::int >= 170000 THEN '' END", true, false,
     "row 1, column \"case\": NULL on the old side, \"\" on the new side", ERR_NONE},
    {"SELECT count(*) FROM still", false, false, "", ERR_NOT_FOUND},
    {"SELEKT", false, false, "", ERR_INVALID},
    {"", false, false, "", ERR_INVALID},
    {"SELECT 1; DROP TABLE public.still", false, false, "", ERR_INVALID},
    {"DELETE FROM public.still", false, false, "", ERR_INVALID},
    {"WITH d AS (DELETE FROM public.still RETURNING 1) SELECT * FROM d", false, false, "", ERR_REMOTE},
    {"COMMIT", false, false, "", ERR_INVALID},
    {"SELECT set_config('transaction_read_only', 'off', true), public.wipe()", false, false, "", ERR_REMOTE},
    {"SELECT public.wipe()", false, false, "", ERR_CONFLICT},
    {"SELECT 1/0", false, false, "", ERR_REMOTE},
    {"SELECT repeat('x', 10) FROM pg_sleep(0.01)", true, true, "", ERR_NONE},
};

static void user_queries_are_compared_as_text(void **state)
{
    (void)state;
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    struct server *both[] = {old_side, new_side};
    for (size_t i = 0; i < ARRAY_LEN(both); i++)
        server_sql(
            both[i], "app",
            "CREATE FUNCTION public.wipe() RETURNS int LANGUAGE sql AS 'DELETE FROM public.still; SELECT 1'");
    struct pg *o CLEANUP(pg_cleanup) = server_open(old_side, "app", "rdsadmin", false);
    struct pg *n CLEANUP(pg_cleanup) = server_open(new_side, "app", "rdsadmin", false);
    for (size_t i = 0; i < ARRAY_LEN(queries); i++) {
        struct err e = ERR_INIT;
        bool equal = false;
        const char *difference = "?";
        bool done = pg_compare_query(o, n, a, queries[i].sql, &equal, &difference, &e);
        if (done != queries[i].done ||
            (done && (equal != queries[i].equal ||
                      strncmp(difference, queries[i].text, strlen(queries[i].text)) != 0)) ||
            (!done && e.code != queries[i].code))
            fail_msg("row %zu: %d %d \"%s\" %s %s %s", i, done, equal, difference, err_code_name(e.code),
                     e.remote_code, e.said);
        assert_int_equal(PQtransactionStatus(o->conn), PQTRANS_IDLE);
        assert_int_equal(PQtransactionStatus(n->conn), PQTRANS_IDLE);
    }
    char *left = server_value(old_side, "app", "SELECT count(*) FROM public.still");
    assert_string_equal(left, "5001");
    free(left);
}

/* ---- other people's locks ---- */

static void *let_go_later(void *arg)
{
    struct stop *never = stop_new();
    (void)stop_wait(never, 1500); /* longer than a session of ours waits for one lock */
    conn_sql(arg, "COMMIT");
    stop_free(never);
    return NULL;
}

/* While the lock is held, other sessions' DDL behind it has to be able to get through. */
static void locked_tables_are_waited_for(void **state)
{
    (void)state;
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    struct outcome o = {.a = a};
    struct err e = ERR_INIT;
    bool equal = false;
    const char *difference;
    for (int round = 0; round < 2; round++) {
        PGconn *ddl = server_conn(old_side, "app");
        pthread_t thread;
        conn_sql(ddl, "BEGIN; LOCK TABLE public.still IN ACCESS EXCLUSIVE MODE");
        assert_int_equal(pthread_create(&thread, NULL, let_go_later, ddl), 0);
        struct pg *c CLEANUP(pg_cleanup) = server_open(old_side, "app", "rdsadmin", false);
        struct pg *n CLEANUP(pg_cleanup) = server_open(new_side, "app", "rdsadmin", false);
        if (round == 0)
            compare(&o, &(struct pg_count_options){.slot = "s"});
        else if (!pg_compare_query(c, n, a, "SELECT count(*) FROM public.still", &equal, &difference, &e))
            fail_msg("%s: %s", e.text, e.said);
        (void)pthread_join(thread, NULL);
        PQfinish(ddl);
    }
    assert_true(of(&o, "public.still")->equal && equal);
}

/* ---- size ---- */

#define TABLES 10000

static int64_t lap(int64_t *since)
{
    int64_t now = socket_now_ms(), took = now - *since;
    *since = now;
    return took;
}

static void ten_thousand_tables(void **state)
{
    (void)state;
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    struct err e = ERR_INIT;
    server_sql(old_side, "postgres", "CREATE DATABASE many");
    /* without indexes and long columns: a table is one file then, and ten thousand are made soon enough */
    for (int i = 0; i < TABLES; i += 1000)
        server_sqlf(old_side, "many",
                    "DO $$BEGIN FOR i IN %d..%d LOOP EXECUTE format('CREATE TABLE public.t%%s AS SELECT 1 AS "
                    "id, 2 AS a',"
                    " i); END LOOP; END$$",
                    i, i + 999);
    server_sql(old_side, "postgres", "CREATE DATABASE many2 TEMPLATE many");
    server_sql(old_side, "many2", "DELETE FROM public.t4711; ALTER TABLE public.t815 DROP COLUMN a");
    struct pg *o CLEANUP(pg_cleanup) = server_open(old_side, "many", "rdsadmin", false);
    struct pg *n CLEANUP(pg_cleanup) = server_open(old_side, "many2", "rdsadmin", false);
    struct pg_fingerprint fo, fn;
    const struct pg_finding *findings;
    const struct pg_count_result *counts;
    const char **lines;
    size_t count, unequal = 0;
    int64_t clock = socket_now_ms(), fingerprint, diff, preflight, counting, unanalyzed;
    assert_true(pg_fingerprint(o, a, &fo, &e));
    fingerprint = lap(&clock);
    assert_true(pg_fingerprint(n, a, &fn, &e));
    (void)lap(&clock);
    pg_fingerprint_diff(a, "many", &fo, &fn, NULL, 10, &lines, &count);
    diff = lap(&clock);
    assert_int_equal(count, 1);
    assert_string_equal(lines[0], "many: column public.t815.a is missing on the new side");
    assert_true(pg_preflight(o, a, PG_FOR_LOGICAL, 17, &findings, &count, &e));
    assert_int_equal(findings[0].count, TABLES);
    preflight = lap(&clock);
    assert_true(pg_unanalyzed(o, a, 10, &lines, &count, &e));
    unanalyzed = lap(&clock);
    if (!pg_compare_counts(o, n, a, &(struct pg_count_options){.slot = NULL}, &counts, &count, &e))
        fail_msg("%s: %s", e.text, e.said);
    counting = lap(&clock);
    assert_int_equal(count, TABLES);
    for (size_t i = 0; i < count; i++)
        unequal += !counts[i].equal || !counts[i].exact;
    assert_int_equal(unequal, 1);
    print_message("%d tables: fingerprint %lld ms, difference %lld ms, preflight %lld ms, unanalyzed %lld "
                  "ms, counts %lld"
                  " ms\n",
                  TABLES, (long long)fingerprint, (long long)diff, (long long)preflight,
                  (long long)unanalyzed, (long long)counting);
    assert_true(fingerprint < 60000 && preflight < 60000 && counting < 120000); /* on a busy machine */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_are_right_while_writers_run),
        cmocka_unit_test(all_is_exact_once_the_writers_are_gone),
        cmocka_unit_test(planted_differences_are_found_while_writers_run),
        cmocka_unit_test(a_big_loss_in_a_busy_table_is_found),
        cmocka_unit_test(excluded_tables_are_left_out),
        cmocka_unit_test(a_side_that_does_not_follow_is_not_compared),
        cmocka_unit_test(tables_that_cannot_be_read_are_named),
        cmocka_unit_test(user_queries_are_compared_as_text),
        cmocka_unit_test(locked_tables_are_waited_for),
        cmocka_unit_test(ten_thousand_tables),
    };
    return cmocka_run_group_tests(tests, start_pair, NULL);
}
