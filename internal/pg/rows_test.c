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

enum { WRITERS = 9, THINK_MS = 10 };
static atomic_bool writing;
static atomic_long written;

static const char *const statements[WRITERS][3] = {
    {"INSERT INTO public.hot (n, t) SELECT g, 'new' FROM generate_series(1, 3) g",
     "UPDATE public.hot SET n = n + 1 WHERE id IN (SELECT 1 + (random() * 19000)::int FROM "
     "generate_series(1, 5))",
     "DELETE FROM public.hot WHERE id = (SELECT 1 + (random() * 19000)::int)"},
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
     "UPDATE public.big SET n = n + 1 WHERE id = 100 + (SELECT (random() * 10000)::int)", NULL},
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
    enum { ROUNDS_OF_TEST = 2 };
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

/* ---- planted differences ---- */

static const struct plant {
    const char *sql; /* on the new side */
    const char *table;
    enum pg_row_kind kind;
    const char *key; /* "": the table has none */
    const char *columns;
} plants[] = {
    {"DELETE FROM public.big WHERE id = 1", "public.big", PG_ROW_MISSING, "id = 1", ""},
    {"DELETE FROM public.big WHERE id = 15000", "public.big", PG_ROW_MISSING, "id = 15000", ""},
    {"DELETE FROM public.big WHERE id = 30000", "public.big", PG_ROW_MISSING, "id = 30000", ""},
    {"UPDATE public.big SET n = n + 1 WHERE id = 2", "public.big", PG_ROW_DIFFERS, "id = 2", "n"},
    {"UPDATE public.big SET t = NULL WHERE id = 15050", "public.big", PG_ROW_DIFFERS, "id = 15050", "t"},
    {"UPDATE public.big SET t = '', n = -1 WHERE id = 29999", "public.big", PG_ROW_DIFFERS, "id = 29999",
     "n, t"},
    {"INSERT INTO public.big VALUES (0)", "public.big", PG_ROW_EXTRA, "id = 0", ""},
    {"INSERT INTO public.big VALUES (40000)", "public.big", PG_ROW_EXTRA, "id = 40000", ""},
    {"DELETE FROM public.hot WHERE id = 19500", "public.hot", PG_ROW_MISSING, "id = 19500", ""},
    {"UPDATE public.hot SET t = 'x' WHERE id = 19501", "public.hot", PG_ROW_DIFFERS, "id = 19501", "t"},
    {"INSERT INTO public.hot VALUES (-7)", "public.hot", PG_ROW_EXTRA, "id = -7", ""},
    /* rows that change all the time */
    {"UPDATE public.counter SET fixed = repeat('w', 9) WHERE id = 1", "public.counter", PG_ROW_DIFFERS,
     "id = 1", "fixed"},
    {"DELETE FROM public.counter WHERE id = 2", "public.counter", PG_ROW_MISSING, "id = 2", ""},
    {"DELETE FROM public.bag WHERE ctid = (SELECT min(ctid) FROM public.bag WHERE a = 5)", "public.bag",
     PG_ROW_MISSING, "", ""},
    {"INSERT INTO public.bag VALUES (6, 'same')", "public.bag", PG_ROW_EXTRA, "", ""},
    {"DELETE FROM public.log WHERE ctid = (SELECT min(ctid) FROM public.log WHERE t = 'line 50' AND n = 1)",
     "public.log", PG_ROW_MISSING, "", ""},
    {"UPDATE public.part SET k = 1 WHERE id = 3000", "public.part_0", PG_ROW_MISSING, "(id, k) = (3000, 0)",
     ""},
    {"", "public.part_1", PG_ROW_EXTRA, "(id, k) = (3000, 1)", ""},
    {"UPDATE public.part SET t = 'q' WHERE id = 2999", "public.part_1", PG_ROW_DIFFERS, "(id, k) = (2999, 2)",
     "t"},
    {"DELETE FROM ONLY public.parent", "public.parent", PG_ROW_MISSING, "id = 1", ""},
    {"INSERT INTO public.child VALUES (9)", "public.child", PG_ROW_EXTRA, "id = 9", ""},
    {"UPDATE public.\"Odd \"\"t\\\" SET aurora_row.b = '' WHERE (aurora_row).a = 7", "public.\"Odd \"\"t\\\"",
     PG_ROW_DIFFERS, "(k 1, K2) = (it's\\ ?7, k   )", "aurora_row"},
    {"UPDATE public.moved SET a = -1, b = 'x' WHERE id = 250", "public.moved", PG_ROW_DIFFERS, "id = 250",
     "a, b"},
    {"DELETE FROM public.ordered WHERE k = 'Mc1234'", "public.ordered", PG_ROW_MISSING, "k = Mc1234", ""},
    {"INSERT INTO public.generated OVERRIDING SYSTEM VALUE VALUES (1000, 1)", "public.generated",
     PG_ROW_EXTRA, "id = 1000", ""},
    {"DELETE FROM public.scattered WHERE t = '77'", "public.scattered", PG_ROW_MISSING,
     "id = 28dd2c79-55ce-9264-5624-0b2ff0100bde", ""},
    {"INSERT INTO public.empty VALUES (1)", "public.empty", PG_ROW_EXTRA, "id = 1", ""},
};

static void expect(const struct pg_rows_result *r, const struct plant *p)
{
    const struct pg_rows_table *t = of(r, p->table);
    assert_false(t->equal);
    for (size_t i = 0; i < t->difference_count; i++) {
        const struct pg_row_difference *d = &t->differences[i];
        size_t n = strlen(p->key);
        bool same_key =
            n == 0 || p->key[n - 1] == ' ' ? strncmp(d->key, p->key, n) == 0 : strcmp(d->key, p->key) == 0;
        if (d->kind == p->kind && same_key && strcmp(d->columns, p->columns) == 0)
            return;
    }
    print_all(r);
    fail_msg("not found: %s: %s %s %s", p->table, p->key, pg_row_kind_name(p->kind), p->columns);
}

static size_t plant_all(void)
{
    size_t n = ARRAY_LEN(kinds);
    for (size_t i = 0; i < ARRAY_LEN(plants); i++) {
        server_sql(new_side, "app", plants[i].sql);
        n++;
    }
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
        server_sqlf(new_side, "app", "UPDATE public.kinds SET c%zu = '%s' WHERE id = %zu", i, kinds[i].other,
                    i);
    return n;
}

static void every_planted_difference_is_named(void **state)
{
    (void)state;
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    struct pg_rows_result r;
    struct pg_rows_options o = defaults;
    struct writers w;
    size_t planted = plant_all(), found = 0;
    writers_start(&w);
    o.named = 100;
    int64_t from = socket_now_ms();
    compare(a, o, &r);
    int64_t took = socket_now_ms() - from;
    writers_stop(&w);
    for (size_t i = 0; i < ARRAY_LEN(plants); i++)
        expect(&r, &plants[i]);
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        struct plant p = {NULL, "public.kinds", PG_ROW_DIFFERS, arena_printf(a, "id = %zu", i),
                          arena_printf(a, "c%zu", i)};
        expect(&r, &p);
    }
    for (size_t i = 0; i < r.table_count; i++)
        found += r.tables[i].difference_count;
    if (found != planted)
        print_all(&r);
    assert_int_equal(found, planted); /* and nothing else */
    assert_true(of(&r, "public.queue")->equal);
    print_message("%zu differences planted, %zu found in %lld ms\n", planted, found, (long long)took);
}

/* ---- what is not compared ---- */

static void structure_is_told(void **state)
{
    (void)state;
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    struct pg_rows_result r;
    server_sql(old_side, "app", "CREATE TABLE public.old_only (x int)");
    server_sql(new_side, "app", "CREATE TABLE public.new_only (x int)");
    server_sql(new_side, "app",
               "ALTER TABLE public.empty ADD COLUMN \"more \" int; ALTER TABLE public.child ADD x int");
    server_sql(old_side, "app", "ALTER TABLE public.empty ADD COLUMN gone int");
    compare(a, defaults, &r);
    assert_string_equal(of(&r, "public.old_only")->note, "missing on the new side");
    assert_string_equal(of(&r, "public.new_only")->note, "missing on the old side");
    assert_true(of(&r, "public.old_only")->old_rows == -1 && !of(&r, "public.old_only")->equal);
    assert_string_equal(of(&r, "public.empty")->note,
                        "columns differ: missing on the new side: gone; missing on the old side: \"more \"");
    assert_string_equal(of(&r, "public.child")->note, "columns differ: missing on the old side: x");
    assert_false(of(&r, "public.empty")->equal || of(&r, "public.child")->equal);
    server_sql(old_side, "app", "DROP TABLE public.old_only; ALTER TABLE public.empty DROP gone");
    server_sql(new_side, "app",
               "DROP TABLE public.new_only; ALTER TABLE public.empty DROP \"more \"; ALTER TABLE"
               " public.child DROP x");
}

static void a_table_that_may_not_be_read_whole_is_named(void **state)
{
    (void)state;
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    struct server *both[] = {old_side, new_side};
    struct pg_rows_result r;
    struct err e = ERR_INIT;
    for (size_t i = 0; i < ARRAY_LEN(both); i++)
        server_sql(
            both[i], "app",
            "GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader; REVOKE SELECT ON public.big FROM reader;"
            "ALTER TABLE public.empty ENABLE ROW LEVEL SECURITY; GRANT USAGE ON SCHEMA public TO reader");
    compare_user = "reader";
    struct pg_rows_options o = defaults;
    assert_false(pg_compare_rows(a, &o, &r, &e));
    assert_int_equal(e.code, ERR_DENIED);
    assert_non_null(strstr(e.text, "public.big, public.empty"));
    static const char *const exclude[] = {"public.big", "public.empty", NULL};
    o.exclude = exclude;
    compare(a, o, &r);
    assert_true(of(&r, "public.moved")->equal);
    compare_user = "rdsadmin";
    for (size_t i = 0; i < ARRAY_LEN(both); i++)
        server_sql(both[i], "app", "ALTER TABLE public.empty DISABLE ROW LEVEL SECURITY");
}

static void modes(void **state)
{
    (void)state;
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    struct pg_rows_result r, again, other;
    struct pg_rows_options o = defaults;
    o.mode = PG_ROWS_COUNTS;
    compare(a, o, &r);
    assert_true(of(&r, "public.big")->equal && of(&r, "public.big")->exact);
    assert_int_equal(of(&r, "public.big")->new_rows, 30000);
    o.mode = PG_ROWS_SAMPLE;
    o.sample_percent = 30;
    compare(a, o, &r);
    assert_true(r.seed != 0);
    const struct pg_rows_table *big = of(&r, "public.big");
    assert_true(big->equal && big->new_rows > 0 && big->new_rows < 30000);
    assert_int_equal(of(&r, "public.child")->new_rows, 2); /* too small to be sampled */
    compare(a, o, &other);
    assert_true(other.seed != r.seed);
    o.seed = r.seed;
    compare(a, o, &again);
    assert_true(again.seed == r.seed);
}

static void *stop_soon(void *arg)
{
    struct stop *never = stop_new();
    (void)stop_wait(never, 300);
    stop_request(arg);
    stop_free(never);
    return NULL;
}

/* With a slot that nobody moves on, comparing waits until it is stopped, or its time is over. */
static void waiting_ends(void **state)
{
    (void)state;
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    struct pg_rows_result r;
    struct err e = ERR_INIT;
    struct pg_rows_options o = defaults;
    pthread_t thread;
    server_sql(new_side, "app", "ALTER SUBSCRIPTION sub DISABLE");
    server_sql(old_side, "app", "UPDATE public.moved SET a = a + 1 WHERE id < 10");
    o.catch_up_ms = 200;
    assert_false(pg_compare_rows(a, &o, &r, &e));
    assert_int_equal(e.code, ERR_TIMEOUT);
    o.catch_up_ms = 600000;
    compare_stop = stop_new();
    assert_int_equal(pthread_create(&thread, NULL, stop_soon, compare_stop), 0);
    assert_false(pg_compare_rows(a, &o, &r, &e));
    assert_int_equal(e.code, ERR_CANCELLED);
    (void)pthread_join(thread, NULL);
    stop_free(STEAL(compare_stop));
    o.slot = "none";
    assert_false(pg_compare_rows(a, &o, &r, &e));
    assert_int_equal(e.code, ERR_NOT_FOUND);
    server_sql(new_side, "app", "ALTER SUBSCRIPTION sub ENABLE");
    catch_up();
}

int main(void)
{
    const struct CMUnitTest first[] = {
        cmocka_unit_test(equal_while_writers_run),
        cmocka_unit_test(equal_and_exact_once_the_writers_are_gone),
        cmocka_unit_test(modes),
        cmocka_unit_test(structure_is_told),
        cmocka_unit_test(a_table_that_may_not_be_read_whole_is_named),
        cmocka_unit_test(waiting_ends),
        cmocka_unit_test(every_planted_difference_is_named),
    };
    const struct CMUnitTest second[] = {
        cmocka_unit_test(every_planted_difference_is_named),
    };
    int failed = cmocka_run_group_tests(first, start_13_to_17, NULL);
    return failed + cmocka_run_group_tests(second, start_15_to_17, NULL);
}
