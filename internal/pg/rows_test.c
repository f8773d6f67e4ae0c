#include "internal/base/testing.h"
#include "internal/pg/fixture.h"
#include "internal/pg/rows.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

static struct server *old_side, *new_side;

/* ---- a pair that replicates ---- */

/* One column per type, a value, and another one. */
static const struct {
    const char *type, *value, *other;
} kinds[] = {
    {"bool", "true", "false"},
    {"int2", "7", "8"},
    {"int8", "9007199254740993", "9007199254740992"},
    {"float4", "0.1", "0.10000001"},
    {"float8", "0.1", "0.10000000000000002"},
    {"numeric", "1.0", "1.00"},
    {"money", "12.34", "12.35"},
    {"text", "ä", "a"},
    {"varchar(9)", "x", "x "},
    {"char(5)", "x", "y"},
    {"\"char\"", "x", "y"},
    {"name", "n", "m"},
    {"bytea", "\\x00ff", "\\x00fe"},
    {"date", "2026-11-22", "infinity"},
    {"time", "01:02:03.000001", "01:02:03"},
    {"timetz", "01:02+01", "01:02+02"},
    {"timestamp", "2026-11-22 01:02", "2026-11-22 01:02:00.000001"},
    {"timestamptz", "2026-11-22 01:02+05", "2026-11-22 01:02+04"},
    {"interval", "1 month", "30 days"},
    {"uuid", "00000000-0000-0000-0000-000000000001", "00000000-0000-0000-0000-000000000002"},
    {"json", "{\"a\": 1, \"b\": 2}", "{\"b\": 2, \"a\": 1}"},
    {"jsonb", "{\"a\": 1}", "{\"a\": 1.0}"},
    {"xml", "<a/>", "<a></a>"},
    {"int[]", "{1,NULL}", "{1}"},
    {"text[]", "{a,b}", "{\"a,b\"}"},
    {"point", "(1,2)", "(1,3)"},
    {"inet", "10.0.0.1/24", "10.0.0.1"},
    {"cidr", "10.0.0.0/24", "10.0.0.0/25"},
    {"macaddr", "08:00:2b:01:02:03", "08:00:2b:01:02:04"},
    {"bit(4)", "1010", "1011"},
    {"varbit", "101", "1010"},
    {"tsvector", "a:1 b:2", "a:1 b:3"},
    {"tsquery", "a & b", "a | b"},
    {"int4range", "[1,5)", "[1,6)"},
    {"tstzrange", "[2026-01-01 00:00+00,)", "(2026-01-01 00:00+00,)"},
    {"pg_lsn", "0/1", "0/2"},
    {"jsonpath", "$.a", "$.b"},
    {"path", "[(0,0),(1,1)]", "((0,0),(1,1))"},
    {"public.mood", "glad", "sad"},
    {"public.small", "5", "6"},
    {"public.small[]", "{5}", "{5,5}"},
    {"public.pair", "(1,x)", "(1,\"\")"},
    {"public.pair[]", "{\"(1,)\"}", "{\"(,)\"}"},
};

static const char schema[] =
    "CREATE TYPE public.mood AS ENUM ('sad', 'glad'); CREATE DOMAIN public.small AS int CHECK (value < 10);"
    "CREATE TYPE public.pair AS (a int, b text);"
    "CREATE TABLE public.big (id bigint PRIMARY KEY, n int, t text);"
    "CREATE TABLE public.hot (id bigserial PRIMARY KEY, n int, t text);"
    "CREATE TABLE public.counter (id int PRIMARY KEY, n bigint NOT NULL DEFAULT 0, fixed text);"
    "CREATE TABLE public.queue (id bigserial PRIMARY KEY, t text);"
    "CREATE TABLE public.log (t text, n int); ALTER TABLE public.log REPLICA IDENTITY FULL;"
    "CREATE TABLE public.bag (a int, t text); ALTER TABLE public.bag REPLICA IDENTITY FULL;"
    "CREATE TABLE public.part (id bigserial, k int NOT NULL, t text, PRIMARY KEY (id, k)) PARTITION BY LIST "
    "(k);"
    "CREATE TABLE public.part_0 PARTITION OF public.part FOR VALUES IN (0);"
    "CREATE TABLE public.part_1 PARTITION OF public.part DEFAULT;"
    "CREATE TABLE public.parent (id int PRIMARY KEY); CREATE TABLE public.child (PRIMARY KEY (id)) INHERITS"
    " (public.parent);"
    "CREATE TABLE public.\"Odd \"\"t\\\" (\"k 1\" text, \"aurora_row\" public.pair, \"K2\" char(4), PRIMARY "
    "KEY"
    " (\"k 1\", \"K2\"));"
    "CREATE TABLE public.generated (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, a int, b int GENERATED"
    " ALWAYS AS (a * 2) STORED);"
    "CREATE TABLE public.scattered (id uuid PRIMARY KEY, t text);"
    "CREATE TABLE public.empty (id int PRIMARY KEY); CREATE TABLE public.none ();"
    "CREATE UNLOGGED TABLE public.scratch (id int)";

static const char contents[] =
    "INSERT INTO public.big SELECT g, g % 7, repeat('x', g % 50) FROM generate_series(1, 30000) g;"
    "INSERT INTO public.hot (n) SELECT g FROM generate_series(1, 20000) g;"
    "INSERT INTO public.counter SELECT g, 0, (SELECT string_agg(md5(g::text || i), '') FROM "
    "generate_series(1, 200) i) FROM generate_series(1, 16) g;"
    "INSERT INTO public.log SELECT 'line ' || g % 100, g % 3 FROM generate_series(1, 5000) g;"
    "INSERT INTO public.bag SELECT g % 1000, 'same' FROM generate_series(1, 5000) g;"
    "INSERT INTO public.part (k) SELECT g % 3 FROM generate_series(1, 3000) g;"
    "INSERT INTO public.parent VALUES (1); INSERT INTO public.child VALUES (2), (3);"
    "INSERT INTO public.\"Odd \"\"t\\\" SELECT E'it''s\\\\ \\t' || g, ROW(g, 'x'::text)::public.pair, 'k' "
    "FROM "
    "generate_series(1, 200) g;"
    "INSERT INTO public.ordered SELECT chr(65 + g % 26) || chr(97 + g % 7) || g, g FROM generate_series(1, "
    "4000) g;"
    "INSERT INTO public.generated (a) SELECT g FROM generate_series(1, 100) g;"
    "INSERT INTO public.moved SELECT g, g, 'b' || g FROM generate_series(1, 500) g;"
    "INSERT INTO public.scattered SELECT md5(g::text)::uuid, g FROM generate_series(1, 5000) g";

static void kinds_table(struct server *s)
{
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    const char *columns = "";
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
        columns = arena_printf(a, "%s, c%zu %s", columns, i, kinds[i].type);
    server_sqlf(s, "app", "CREATE TABLE public.kinds (id int PRIMARY KEY%s)", columns);
}

static void fill_kinds(void)
{
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    const char *values = "";
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
        values = arena_printf(a, "%s, '%s'::%s", values, kinds[i].value, kinds[i].type);
    server_sqlf(
        old_side, "app",
        "INSERT INTO public.kinds SELECT g%s FROM generate_series(0, %zu) g; INSERT INTO public.kinds (id)"
        " SELECT g FROM generate_series(1000, 1010) g",
        values, ARRAY_LEN(kinds) + 10);
}

static bool caught_up(void *arg)
{
    const char *want = arg;
    char query[200];
    (void)snprintf(query, sizeof query, "SELECT confirmed_flush_lsn >= '%s' FROM pg_replication_slots", want);
    char *yes = server_value(old_side, "app", query);
    bool done = yes[0] == 't';
    free(yes);
    return done;
}

static void catch_up(void)
{
    char *want = server_value(old_side, "app", "SELECT pg_current_wal_lsn()");
    assert_true(eventually(caught_up, want, 120000));
    free(want);
}

static int start_pair(int old_major, int new_major)
{
    bool all = server_available(old_major) && server_available(new_major);
    old_side = server_new(all ? old_major : 15, false, "-c wal_level=logical");
    new_side = server_new(all ? new_major : 15, false, NULL);
    struct server *both[] = {old_side, new_side};
    for (size_t i = 0; i < ARRAY_LEN(both); i++) {
        server_sql(both[i], "postgres", "CREATE ROLE reader LOGIN");
        server_sql(both[i], "postgres", "CREATE DATABASE app");
        server_sql(both[i], "app", schema);
        kinds_table(both[i]);
        /* keys in another order, columns in another order */
        server_sql(both[i], "app",
                   i == 0 ? "CREATE TABLE public.ordered (k text COLLATE \"C\" PRIMARY KEY, n int);"
                            "CREATE TABLE public.moved (gone int, id int PRIMARY KEY, a int, b text); ALTER"
                            " TABLE public.moved DROP COLUMN gone"
                          : "CREATE TABLE public.ordered (k text COLLATE \"en-x-icu\" PRIMARY KEY, n int);"
                            "CREATE TABLE public.moved (b text, a int, id int PRIMARY KEY)");
    }
    server_sql(old_side, "app", "CREATE PUBLICATION p FOR ALL TABLES");
    server_sql(old_side, "app", "SELECT pg_create_logical_replication_slot('s', 'pgoutput')");
    server_sqlf(
        new_side, "app",
        "CREATE SUBSCRIPTION sub CONNECTION 'host=%s port=%d dbname=app user=rdsadmin' PUBLICATION p WITH"
        " (create_slot = false, slot_name = 's', copy_data = false)",
        fixture_dir(), old_side->port);
    server_sql(old_side, "app", contents);
    fill_kinds();
    catch_up();
    return 0;
}

static int start_13_to_17(void **state)
{
    (void)state;
    return start_pair(13, 17);
}

static int start_15_to_17(void **state)
{
    (void)state;
    return start_pair(15, 17);
}

/* ---- writers ---- */

enum { WRITERS = 9, THINK_MS = 5 };
static atomic_bool writing;
static atomic_long written;

static const char *const statements[WRITERS][3] = {
    {"INSERT INTO public.hot (n, t) SELECT g, 'new' FROM generate_series(1, 3) g",
     "UPDATE public.hot SET n = n + 1 WHERE id IN (SELECT 1 + (random() * 20000)::int FROM "
     "generate_series(1, 5))",
     "DELETE FROM public.hot WHERE id = (SELECT 1 + (random() * 20000)::int)"},
    {"UPDATE public.counter SET n = n + 1 WHERE id = 1", "UPDATE public.counter SET n = n + 1 WHERE id = 2",
     NULL},
    {"UPDATE public.counter SET n = n + 1 WHERE id = 1 + (SELECT (random() * 15)::int)",
     "UPDATE public.counter SET n = - n WHERE id = 3", NULL},
    {"INSERT INTO public.queue (t) VALUES ('a'), ('b')",
     "DELETE FROM public.queue WHERE id IN (SELECT id FROM public.queue ORDER BY id FOR UPDATE SKIP LOCKED "
     "LIMIT 2)",
     NULL},
    {"INSERT INTO public.log SELECT 'line ' || g, 5 FROM generate_series(1, 3) g",
     "DELETE FROM public.log WHERE n = 5 AND t = 'line 1'", "INSERT INTO public.log VALUES ('once', -1)"},
    {"INSERT INTO public.part (k, t) VALUES (1, 'p')",
     "UPDATE public.part SET k = 1 - k WHERE id = 1 + (SELECT (random() * 300)::int) AND k < 2",
     "INSERT INTO public.part (k) VALUES (0)"},
    {"BEGIN; INSERT INTO public.big SELECT g FROM generate_series(100000, 100500) g; ROLLBACK",
     "UPDATE public.big SET n = n + 1 WHERE id = 1 + (SELECT (random() * 29999)::int)", NULL},
    {"UPDATE public.generated SET a = a + 1 WHERE id = 1 + (SELECT (random() * 99)::int)",
     "INSERT INTO public.scattered VALUES (md5(random()::text)::uuid, 'new')",
     "UPDATE public.ordered SET n = n + 1 WHERE k = (SELECT k FROM public.ordered LIMIT 1 OFFSET (random() * "
     "3999)::int)"},
    /* there and back again: versions that look alike */
    {"UPDATE public.counter SET fixed = 'a' WHERE id = 16",
     "UPDATE public.counter SET fixed = 'b' WHERE id = 16", NULL},
};

struct writers {
    PGconn *conn[WRITERS];
    pthread_t thread[WRITERS];
    const char *const *statements[WRITERS];
};
struct writer {
    PGconn *conn;
    const char *const *statements;
};
static struct writer posts[WRITERS];

static void *writer_main(void *arg)
{
    const struct writer *w = arg;
    for (size_t i = 0; atomic_load(&writing); i++) {
        const char *sql = w->statements[i % ARRAY_LEN(statements[0])];
        if (!sql)
            continue;
        PGresult *r = PQexec(w->conn, sql);
        if (PQresultStatus(r) == PGRES_COMMAND_OK) /* two may collide; that is all right */
            atomic_fetch_add(&written, 1);
        PQclear(r);
        (void)poll(NULL, 0, THINK_MS); /* an application's; else no new side could follow */
    }
    return NULL;
}

static void writers_start(struct writers *w)
{
    atomic_store(&writing, true);
    for (size_t i = 0; i < WRITERS; i++) {
        w->conn[i] = server_conn(old_side, "app");
        posts[i] = (struct writer){w->conn[i], statements[i]};
        assert_int_equal(pthread_create(&w->thread[i], NULL, writer_main, &posts[i]), 0);
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

static const char *compare_user = "rdsadmin";
static struct stop *compare_stop;

static bool open_side(void *arg, bool new_one, struct pg **ret, struct err *e)
{
    (void)arg;
    struct pg_target t = {.host = fixture_dir(),
                          .port = new_one ? new_side->port : old_side->port,
                          .database = "app",
                          .username = compare_user};
    return pg_open(&t, compare_stop, ret, e);
}

static const struct pg_rows_options defaults = {
    .open = open_side, .slot = "s", .max_connections = 2, .range_pages = 8};

static void compare(struct arena *a, struct pg_rows_options o, struct pg_rows_result *ret)
{
    struct err e = ERR_INIT;
    if (!pg_compare_rows(a, &o, ret, &e))
        fail_msg("%s: %s", e.text, e.said);
}

static const struct pg_rows_table *of(const struct pg_rows_result *r, const char *table)
{
    for (size_t i = 0; i < r->table_count; i++)
        if (strcmp(r->tables[i].table, table) == 0)
            return &r->tables[i];
    fail_msg("%s is not among the results", table);
    return NULL;
}

static void print_all(const struct pg_rows_result *r)
{
    for (size_t i = 0; i < r->table_count; i++) {
        const struct pg_rows_table *t = &r->tables[i];
        if (!t->equal || !t->exact || t->note[0])
            print_message("  %s: %lld and %lld rows%s%s%s %s\n", t->table, (long long)t->old_rows,
                          (long long)t->new_rows, t->equal ? "" : ", unequal", t->exact ? "" : ", not exact",
                          t->more ? ", more" : "", t->note);
        for (size_t k = 0; k < t->difference_count; k++)
            print_message("    %s: %s %s\n", t->differences[k].key, pg_row_kind_name(t->differences[k].kind),
                          t->differences[k].columns);
    }
}

static void equal_while_writers_run(void **state)
{
    (void)state;
    enum { ROUNDS_OF_TEST = 3 };
    struct writers w;
    writers_start(&w);
    long before = atomic_load(&written);
    int64_t from = socket_now_ms(), rows = 0;
    size_t unequal = 0, unsettled = 0;
    for (int i = 0; i < ROUNDS_OF_TEST; i++) {
        struct arena *a CLEANUP(arena_cleanup) = arena_new();
        struct pg_rows_result r;
        compare(a, defaults, &r);
        print_all(&r);
        rows += r.rows;
        for (size_t k = 0; k < r.table_count; k++) {
            unequal += !r.tables[k].equal;
            unsettled += !r.tables[k].exact;
        }
    }
    int64_t took = socket_now_ms() - from;
    long during = atomic_load(&written) - before;
    writers_stop(&w);
    print_message("%d comparisons, %lld rows, %ld transactions in %lld ms; %zu tables with unsettled rows\n",
                  ROUNDS_OF_TEST, (long long)rows, during, (long long)took, unsettled);
    assert_int_equal(unequal, 0);
    assert_true(during > 100);
}

static void equal_and_exact_once_the_writers_are_gone(void **state)
{
    (void)state;
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    struct pg_rows_result r;
    compare(a, defaults, &r);
    print_all(&r);
    for (size_t i = 0; i < r.table_count; i++)
        assert_true(r.tables[i].equal && r.tables[i].exact && r.tables[i].old_rows == r.tables[i].new_rows);
    assert_int_equal(of(&r, "public.kinds")->new_rows, ARRAY_LEN(kinds) + 22);
    assert_int_equal(of(&r, "public.parent")->new_rows, 1);
    assert_int_equal(of(&r, "public.big")->new_rows, 30000);
    assert_true(of(&r, "public.hot")->new_rows > 5000);
}

int main(void)
{
    const struct CMUnitTest first[] = {
        cmocka_unit_test(equal_while_writers_run),
        cmocka_unit_test(equal_and_exact_once_the_writers_are_gone),
    };
    (void)start_15_to_17;
    return cmocka_run_group_tests(first, start_13_to_17, NULL);
}
