/* changed_test.c — one server, of which one database follows the other. */
#include "internal/base/testing.h"
#include "internal/pg/changed_rows.h"
#include "internal/pg/fixture.h"
#include "internal/pg/logical.h"

#include <stdlib.h>
#include <string.h>

static struct server *server;
static struct pg *writer;
static int markers;

static const char schema[] =
    "CREATE TABLE public.plain (id bigint PRIMARY KEY, n int, t text);"
    "CREATE TABLE public.two (a int, b text, n int, PRIMARY KEY (a, b));"
    "CREATE TABLE public.whole (id int PRIMARY KEY, n int); ALTER TABLE public.whole REPLICA IDENTITY FULL;"
    "CREATE TABLE public.other (id int PRIMARY KEY, u text NOT NULL, n int);"
    "CREATE UNIQUE INDEX other_u ON public.other (u); ALTER TABLE public.other REPLICA IDENTITY USING INDEX"
    " other_u;"
    "CREATE TABLE public.bag (a int, t text); ALTER TABLE public.bag REPLICA IDENTITY FULL;"
    "CREATE TABLE public.part (id int, k int, PRIMARY KEY (id, k)) PARTITION BY LIST (k);"
    "CREATE TABLE public.part_0 PARTITION OF public.part FOR VALUES IN (0);"
    "CREATE TABLE public.part_1 PARTITION OF public.part DEFAULT;"
    "CREATE TABLE public.\"Odd \"\"t\\\" (\"k 1\" text, \"K2\" char(4), v numeric, PRIMARY KEY (\"k 1\", "
    "\"K2\"));"
    "CREATE TABLE public.arrays (k int[] PRIMARY KEY, n int);"
    "CREATE TABLE public.scaled (k numeric PRIMARY KEY, n int);"
    "CREATE TABLE public.left_out (id int PRIMARY KEY, n int);"
    "CREATE PUBLICATION p FOR ALL TABLES";

static const char contents[] =
    "INSERT INTO public.plain SELECT g, g % 7, repeat('x', g % 50) FROM generate_series(1, 20000) g;"
    "INSERT INTO public.two SELECT g, 'b' || g, 0 FROM generate_series(1, 100) g;"
    "INSERT INTO public.whole SELECT g, 0 FROM generate_series(1, 100) g;"
    "INSERT INTO public.other SELECT g, 'u' || g, 0 FROM generate_series(1, 100) g;"
    "INSERT INTO public.bag SELECT g % 10, 'same' FROM generate_series(1, 100) g;"
    "INSERT INTO public.part SELECT g, g % 3 FROM generate_series(1, 300) g;"
    "INSERT INTO public.\"Odd \"\"t\\\" SELECT E'it''s\\\\ \\t' || g, 'k', g FROM generate_series(1, 50) g;"
    "INSERT INTO public.arrays SELECT ARRAY[g, g + 1], g FROM generate_series(1, 50) g;"
    "INSERT INTO public.scaled SELECT g::numeric(9, 1), g FROM generate_series(1, 50) g;"
    "INSERT INTO public.left_out SELECT g, g FROM generate_series(1, 50) g;"
    "INSERT INTO public.plain SELECT 100000 + g, 0, (SELECT string_agg(md5(g::text || i), '') FROM"
    " generate_series(1, 300) i) FROM generate_series(1, 5) g";

/* ---- a pair ---- */

static bool has_arrived(void *arg)
{
    char sql[200];
    (void)snprintf(sql, sizeof sql, "SELECT count(*) FROM aurora_upgrade.marker WHERE token = '%s'",
                   (const char *)arg);
    char *n = server_value(server, "second", sql);
    bool there = strcmp(n, "1") == 0;
    free(n);
    return there;
}

/* Everything that was written is on the other side. */
static void mark(char token[40])
{
    struct err e = ERR_INIT;
    (void)snprintf(token, 40, "marker-%d", ++markers);
    if (!pg_marker_write(writer, token, &e))
        fail_msg("%s", e.text);
    assert_true(eventually(has_arrived, token, 60000));
}

static int start(void **state)
{
    static const char *const databases[] = {"first", "second"};
    (void)state;
    server = server_new(15, false, "-c wal_level=logical -c max_wal_senders=10 -c max_replication_slots=10");
    for (size_t i = 0; i < ARRAY_LEN(databases); i++) {
        struct err e = ERR_INIT;
        server_sqlf(server, "postgres", "CREATE DATABASE %s", databases[i]);
        struct pg *c CLEANUP(pg_cleanup) = server_open(server, databases[i], "rdsadmin", true);
        if (!pg_facts_make(c, &e))
            fail_msg("%s", e.text);
        server_sql(server, databases[i], schema);
    }
    server_sql(server, "first", "SELECT pg_create_logical_replication_slot('s', 'pgoutput')");
    server_sqlf(server, "second",
                "CREATE SUBSCRIPTION sub CONNECTION 'host=%s port=%d dbname=first user=rdsadmin' PUBLICATION"
                " p WITH (create_slot = false, slot_name = 's', copy_data = false)",
                fixture_dir(), server->port);
    server_sql(server, "first", contents);
    writer = server_open(server, "first", "rdsadmin", true);
    char token[40];
    mark(token);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    pg_close(writer);
    return 0;
}

static bool open_side(void *arg, bool new_side, bool replication, struct pg **ret, struct err *e)
{
    (void)arg;
    const struct pg_target t = {.host = fixture_dir(),
                                .port = server->port,
                                .database = new_side ? "second" : "first",
                                .username = "rdsadmin",
                                .replication = replication};
    return pg_open(&t, NULL, ret, e);
}

static const char *const excluded[] = {"public.left_out", NULL};

static struct pg_changed *begin_with(int64_t max_kept_bytes, size_t compare_at)
{
    const struct pg_changed_options o = {.max_kept_bytes = max_kept_bytes,
                                         .compare_at = compare_at,
                                         .open = open_side,
                                         .publication = "p",
                                         .slot = "s",
                                         .subscription = "sub",
                                         .exclude = excluded};
    struct pg_changed *c = NULL;
    struct err e = ERR_INIT;
    if (!pg_changed_begin(&o, &c, &e))
        fail_msg("%s: %s", e.text, e.said);
    return c;
}

static struct pg_changed *begin(void)
{
    return begin_with(1 << 30, 0);
}

DEFINE_CLEANUP(struct pg_changed, changed_cleanup, pg_changed_end)

static void finish(struct pg_changed *c, struct arena *a, struct pg_changed_result *ret)
{
    char token[40];
    struct err e = ERR_INIT;
    mark(token);
    if (!pg_changed_finish(c, a, token, 60000, ret, &e))
        fail_msg("%s: %s", e.text, e.said);
}

static void settle(struct pg_changed *c)
{
    struct err e = ERR_INIT;
    if (!pg_changed_settle(c, &e))
        fail_msg("%s: %s", e.text, e.said);
}

static void print_all(const struct pg_rows_result *r)
{
    for (size_t i = 0; i < r->table_count; i++) {
        print_message("  %s: %s\n", r->tables[i].table, r->tables[i].note);
        for (size_t k = 0; k < r->tables[i].difference_count; k++)
            print_message("    %s: %s %s\n", r->tables[i].differences[k].key,
                          pg_row_kind_name(r->tables[i].differences[k].kind),
                          r->tables[i].differences[k].columns);
    }
}

/* ---- what is the same ---- */

static void nothing_is_compared_where_nothing_changed(void **state)
{
    (void)state;
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    struct pg_changed *c CLEANUP(changed_cleanup) = begin();
    struct pg_changed_result r;
    settle(c);
    finish(c, a, &r);
    assert_int_equal(r.before, 0);
    assert_int_equal(r.rows.rows, 0);
    assert_int_equal(r.rows.table_count, 0);
}

static const char *const changes[] = {
    "INSERT INTO public.plain VALUES (30001, 1, 'new'), (30002, 2, NULL)",
    "UPDATE public.plain SET n = -1 WHERE id BETWEEN 1 AND 50",
    "UPDATE public.plain SET n = 8 WHERE id > 100000", /* what is out of line is not sent */
    "DELETE FROM public.plain WHERE id BETWEEN 60 AND 70",
    "UPDATE public.plain SET id = id + 1000000 WHERE id = 80",
    "UPDATE public.two SET a = a + 1000 WHERE a < 5",
    "DELETE FROM public.two WHERE a = 7",
    "UPDATE public.whole SET n = n + 1 WHERE id < 10",
    "DELETE FROM public.whole WHERE id = 50",
    "DELETE FROM public.other WHERE id = 3",
    "UPDATE public.other SET n = 5 WHERE id = 4",
    "UPDATE public.other SET u = 'new' WHERE id = 5",
    "INSERT INTO public.bag VALUES (1, 'same'), (77, 'new')",
    "UPDATE public.part SET k = 1 WHERE id = 3",
    "UPDATE public.\"Odd \"\"t\\\" SET v = 1.00 WHERE v < 9",
    "UPDATE public.arrays SET n = 0 WHERE n < 9",
    "UPDATE public.scaled SET n = 0 WHERE k < 9",
    "UPDATE public.scaled SET k = 20.000 WHERE k = 20",
    "TRUNCATE public.left_out",
    "BEGIN; INSERT INTO public.plain SELECT g FROM generate_series(50000, 50500) g; ROLLBACK",
};

static void change_all(void)
{
    for (size_t i = 0; i < ARRAY_LEN(changes); i++)
        server_sql(server, "first", changes[i]);
}

static void what_arrived_is_equal(void **state)
{
    (void)state;
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    struct pg_changed *c CLEANUP(changed_cleanup) = begin();
    struct pg_changed_result r;
    change_all();
    finish(c, a, &r);
    print_all(&r.rows);
    assert_int_equal(r.rows.table_count, 0);
    assert_in_range(r.rows.rows, 100, 500); /* the bag is read whole */
    assert_string_equal(r.skipped, "");
}

static void what_was_compared_before_is_not_compared_again(void **state)
{
    (void)state;
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    struct pg_changed *c CLEANUP(changed_cleanup) = begin();
    struct pg_changed_result r;
    char token[40];
    server_sql(server, "first", "UPDATE public.plain SET n = n + 1 WHERE id BETWEEN 1000 AND 8999");
    mark(token);
    settle(c);
    server_sql(server, "first", "UPDATE public.plain SET n = n + 1 WHERE id BETWEEN 9000 AND 9009");
    finish(c, a, &r);
    assert_int_equal(r.rows.table_count, 0);
    assert_int_equal(r.rows.rows, 10);
    assert_true(r.before >= 8000);
}

static int64_t lookups(void)
{
    char *n =
        server_value(server, "first", "SELECT idx_scan FROM pg_stat_user_tables WHERE relname = 'plain'");
    int64_t scans = strtoll(n, NULL, 10);
    free(n);
    return scans;
}

static bool were_looked_up(void *arg)
{
    return lookups() >= *(int64_t *)arg;
}

static void many_are_compared_while_nobody_asks(void **state)
{
    (void)state;
    enum { MANY = 1000 };
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    struct pg_changed *c CLEANUP(changed_cleanup) = begin_with(0, MANY / 2);
    struct pg_changed_result r;
    int64_t enough = lookups() + MANY / 2;
    server_sqlf(server, "first", "UPDATE public.plain SET n = n + 1 WHERE id BETWEEN 5001 AND %d",
                5000 + MANY);
    assert_true(eventually(were_looked_up, &enough, 60000));
    finish(c, a, &r);
    assert_int_equal(r.rows.table_count, 0);
    assert_true(r.before >= MANY);
}

/* ---- what is not ---- */

static const struct plant {
    const char *before, *old_sql, *new_sql; /* `before`: on the new side, before anybody follows */
    const char *table, *key, *columns;
    enum pg_row_kind kind;
} plants[] = {
    {"", "", "UPDATE public.plain SET n = -5 WHERE id = 200", "public.plain", "id = 200", "n",
     PG_ROW_DIFFERS},
    {"", "", "DELETE FROM public.plain WHERE id = 201", "public.plain", "id = 201", "", PG_ROW_MISSING},
    {"", "", "INSERT INTO public.plain VALUES (0)", "public.plain", "id = 0", "", PG_ROW_EXTRA},
    {"", "", "UPDATE public.plain SET t = t || 'y' WHERE id = 100001", "public.plain", "id = 100001", "t",
     PG_ROW_DIFFERS},
    /* what is dropped by who applies it is in the old side's stream alone */
    {"DELETE FROM public.plain WHERE id = 300", "UPDATE public.plain SET n = 3 WHERE id = 300", "",
     "public.plain", "id = 300", "", PG_ROW_MISSING},
    {"UPDATE public.plain SET id = 7000001 WHERE id = 301", "DELETE FROM public.plain WHERE id = 301",
     "UPDATE public.plain SET n = 0 WHERE id = 7000001", "public.plain", "id = 7000001", "", PG_ROW_EXTRA},
    {"", "", "UPDATE public.two SET n = 9 WHERE a = 40", "public.two", "(a, b) = (40, b40)", "n",
     PG_ROW_DIFFERS},
    {"", "", "DELETE FROM public.other WHERE id = 40", "public.other", "u = u40", "", PG_ROW_MISSING},
    {"", "", "UPDATE public.whole SET n = 9 WHERE id = 40", "public.whole", "id = 40", "n", PG_ROW_DIFFERS},
    {"", "", "INSERT INTO public.part VALUES (1000, 0)", "public.part_0", "(id, k) = (1000, 0)", "",
     PG_ROW_EXTRA},
    {"", "", "UPDATE public.\"Odd \"\"t\\\" SET v = 9.00 WHERE v = 9", "public.\"Odd \"\"t\\\"",
     "(k 1, K2) = (it's\\ ?9, k   )", "v", PG_ROW_DIFFERS},
    {"", "", "UPDATE public.arrays SET n = -1 WHERE n = 30", "public.arrays", "k = {30,31}", "n",
     PG_ROW_DIFFERS},
    {"", "", "DELETE FROM public.scaled WHERE k = 30", "public.scaled", "k = 30.0", "", PG_ROW_MISSING},
    {"", "", "INSERT INTO public.bag VALUES (5, 'same')", "public.bag", NULL, NULL, PG_ROW_DIFFERS},
    {"", "", "TRUNCATE public.arrays", "public.arrays", NULL, NULL, PG_ROW_DIFFERS},
};

static bool is_named(const struct pg_rows_table *t, const struct plant *p)
{
    if (!p->key)
        return t->note[0] != '\0';
    for (size_t i = 0; i < t->difference_count; i++)
        if (strcmp(t->differences[i].key, p->key) == 0 && t->differences[i].kind == p->kind &&
            strcmp(t->differences[i].columns, p->columns) == 0)
            return true;
    return false;
}

static void assert_found(const struct pg_rows_result *r, const struct plant *p)
{
    print_all(r);
    assert_int_equal(r->table_count, 1);
    assert_string_equal(r->tables[0].table, p->table);
    assert_false(r->tables[0].equal);
    assert_true(is_named(&r->tables[0], p));
}

static void both(const char *leading, const char *following)
{
    if (leading[0])
        server_sql(server, "first", leading);
    if (following[0])
        server_sql(server, "second", following);
}

/* Both sides are the same again. */
static void heal(const struct plant *p)
{
    char token[40];
    mark(token);
    server_sql(server, "second", "ALTER SUBSCRIPTION sub DISABLE");
    server_sqlf(server, "second", "TRUNCATE %s", p->table);
    server_sqlf(server, "second",
                "CREATE EXTENSION IF NOT EXISTS dblink; INSERT INTO %s SELECT (x.r).* FROM (SELECT"
                " r::%s AS r FROM public.dblink('host=%s port=%d dbname=first user=rdsadmin', $$SELECT"
                " x::text FROM ONLY %s x$$) AS d(r text)) x",
                p->table, p->table, fixture_dir(), server->port, p->table);
    server_sql(server, "second", "ALTER SUBSCRIPTION sub ENABLE");
    mark(token);
}

static void what_differs_is_named_at_the_end(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(plants); i++) {
        const struct plant *p = &plants[i];
        struct arena *a CLEANUP(arena_cleanup) = arena_new();
        struct pg_changed_result r;
        both("", p->before);
        struct pg_changed *c CLEANUP(changed_cleanup) = begin();
        both(p->old_sql, p->new_sql);
        finish(c, a, &r);
        print_message("%s\n", p->new_sql[0] ? p->new_sql : p->old_sql);
        assert_found(&r.rows, p);
        heal(p);
    }
}

/* Before anybody is fenced: a row that is looked at until it is known. */
static void what_differs_is_named_before(void **state)
{
    (void)state;
    for (size_t i = 0; i < 4; i++) {
        const struct plant *p = &plants[i];
        struct arena *a CLEANUP(arena_cleanup) = arena_new();
        struct err e = ERR_INIT;
        struct pg_rows_result r;
        struct pg_changed *c CLEANUP(changed_cleanup) = begin();
        both(p->old_sql, p->new_sql);
        if (!pg_changed_look(c, a, &r, &e))
            fail_msg("%s: %s", e.text, e.said);
        assert_found(&r, p);
        heal(p);
    }
}

static bool waits(const char *sessions)
{
    char *n = server_value(server, "postgres",
                           "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'");
    bool all = strcmp(n, sessions) == 0;
    free(n);
    return all;
}

/* The setting is in force some time after it was made. */
static bool probe_waits(void *arg)
{
    PGconn *conn = arg;
    assert_true(PQconsumeInput(conn));
    while (!PQisBusy(conn)) {
        PGresult *r = PQgetResult(conn);
        if (!r && !PQsendQuery(conn, "SELECT pg_logical_emit_message(true, 'probe', '')"))
            fail_msg("%s", PQerrorMessage(conn));
        PQclear(r);
        if (!r)
            break;
    }
    return waits("1");
}

static bool both_wait(void *arg)
{
    (void)arg;
    return waits("2");
}

static void commits_wait(bool on)
{
    server_sql(server, "postgres",
               on ? "ALTER SYSTEM SET synchronous_standby_names = 'nobody'"
                  : "ALTER SYSTEM RESET synchronous_standby_names");
    server_sql(server, "postgres", "SELECT pg_reload_conf()");
}

/* It is streamed, and nobody can see it: compared now, both sides would be the same. */
static void what_cannot_be_seen_yet_is_compared_later(void **state)
{
    (void)state;
    static const struct plant p = {.new_sql = "UPDATE public.plain SET n = -9 WHERE id = 501",
                                   .table = "public.plain",
                                   .key = "id = 501",
                                   .columns = "n",
                                   .kind = PG_ROW_DIFFERS};
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    struct pg_changed_result r;
    struct pg_changed *c CLEANUP(changed_cleanup) = begin();
    PGconn *probe = server_conn(server, "postgres"), *conn = server_conn(server, "second");
    commits_wait(true);
    assert_true(eventually(probe_waits, probe, 60000));
    assert_true(PQsendQuery(conn, p.new_sql));
    assert_true(eventually(both_wait, NULL, 60000));
    settle(c);
    commits_wait(false);
    PQclear(PQgetResult(conn));
    PQfinish(conn);
    PQfinish(probe);
    finish(c, a, &r);
    assert_found(&r.rows, &p);
    heal(&p);
}

/* ---- what is not known ---- */

static void a_stream_that_ended_is_an_error(void **state)
{
    (void)state;
    struct err e = ERR_INIT;
    struct pg_changed *c CLEANUP(changed_cleanup) = begin();
    server_sql(server, "postgres",
               "SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE temporary");
    assert_false(pg_changed_settle(c, &e));
    assert_int_equal(e.code, ERR_UNAVAILABLE);
}

static void a_marker_that_does_not_come_is_an_error(void **state)
{
    (void)state;
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    struct err e = ERR_INIT;
    struct pg_changed_result r;
    struct pg_changed *c CLEANUP(changed_cleanup) = begin();
    assert_false(pg_changed_finish(c, a, "no such marker", 200, &r, &e));
    assert_int_equal(e.code, ERR_TIMEOUT);
}

static bool no_slot(void *arg)
{
    (void)arg;
    char *n = server_value(server, "postgres", "SELECT count(*) FROM pg_replication_slots WHERE temporary");
    bool none = strcmp(n, "0") == 0;
    free(n);
    return none;
}

/* The slot keeps a little from the beginning on. */
static void more_than_may_be_kept_is_an_error(void **state)
{
    (void)state;
    struct err e = ERR_INIT;
    struct pg_changed *c CLEANUP(changed_cleanup) = begin_with(1, 0);
    assert_true(eventually(no_slot, NULL, 60000));
    assert_false(pg_changed_settle(c, &e));
    assert_int_equal(e.code, ERR_CONFLICT);
    assert_non_null(strstr(e.text, "of WAL are kept"));
}

static void nothing_is_left_behind(void **state)
{
    (void)state;
    assert_true(eventually(no_slot, NULL, 60000));
    pg_changed_end(begin());
    assert_true(eventually(no_slot, NULL, 60000));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_compared_where_nothing_changed),
        cmocka_unit_test(what_arrived_is_equal),
        cmocka_unit_test(what_was_compared_before_is_not_compared_again),
        cmocka_unit_test(many_are_compared_while_nobody_asks),
        cmocka_unit_test(what_differs_is_named_at_the_end),
        cmocka_unit_test(what_differs_is_named_before),
        cmocka_unit_test(what_cannot_be_seen_yet_is_compared_later),
        cmocka_unit_test(a_stream_that_ended_is_an_error),
        cmocka_unit_test(a_marker_that_does_not_come_is_an_error),
        cmocka_unit_test(more_than_may_be_kept_is_an_error),
        cmocka_unit_test(nothing_is_left_behind),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
