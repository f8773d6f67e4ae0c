/* Blue/green deployments under load: exactly once, sequences exact, sessions end with 57P01, blue locked. */
#include "acceptance-tests/sandbox/engine/fixture.h"
#include "acceptance-tests/sandbox/engine/writers.h"
#include "internal/base/clock.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct engine_param logical[] = {{"rds.logical_replication", "1"}};

static void make_objects(const char *id)
{
    PGconn *c = fx_session(id);
    (void)fx_must(c, LEDGER_TABLE);
    (void)fx_must(c, "CREATE SEQUENCE never_called START 7; CREATE SEQUENCE set_not_called;"
                     "SELECT setval('set_not_called', 50, false);"
                     "CREATE SEQUENCE down INCREMENT -2 MAXVALUE 100 START 100; SELECT nextval('down');"
                     "CREATE SCHEMA \"odd\"\"name\"; CREATE SEQUENCE \"odd\"\"name\".\"it's, one\" CACHE 20;"
                     "SELECT nextval('\"odd\"\"name\".\"it''s, one\"');"
                     "CREATE TABLE ids (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, t text);"
                     "INSERT INTO ids (t) SELECT 'x' FROM generate_series(1, 25)");
    PQfinish(c);
    (void)fx_sql_in(id, "postgres", "CREATE TABLE other (id int PRIMARY KEY); INSERT INTO other VALUES (1)");
}

static const char *sequence_values(const char *id)
{
    return fx_sql(
        id, "SELECT string_agg(v, '; ') FROM (VALUES"
            " ((SELECT nextval('never_called')::text)), ((SELECT nextval('set_not_called')::text)),"
            " ((SELECT nextval('down')::text)), ((SELECT nextval('\"odd\"\"name\".\"it''s, one\"')::text)),"
            " ((SELECT nextval('ids_id_seq')::text))) AS x(v)");
}

static void await_lag_below(const char *blue, const char *green, int64_t bytes)
{
    struct bluegreen_state s = {0};
    for (int i = 0; i < 3000; i++) {
        OK(bluegreen_observe(fx_engine, blue, green, &s, &e));
        if (s.healthy && s.lag_bytes < bytes)
            return;
        (void)clock_real()->wait(clock_real(), NULL, 10);
    }
    fail_msg("green does not follow: %s, lag %ld", s.reason, (long)s.lag_bytes);
}

struct flip {
    const char *endpoint, *old_endpoint, *blue, *green;
    bool refuse;
};

static bool flip(void *arg, struct err *e)
{
    struct flip *f = arg;
    if (f->refuse)
        return err_set(e, ERR_CONFLICT, "the endpoint cannot be moved today");
    return endpoint_point(fx_engine, f->endpoint, 5432, f->green, ENDPOINT_WRITER, e) &&
           endpoint_point(fx_engine, f->old_endpoint, 5432, f->blue, ENDPOINT_WRITER, e);
}

/* After the switch nobody but rdsadmin writes on blue, whatever he sets. */
static void check_locked(const char *endpoint)
{
    static const char *const attempts[] = {
        "INSERT INTO ids (t) VALUES ('late')",
        "SET default_transaction_read_only = off; INSERT INTO ids (t) VALUES ('late')",
        "BEGIN READ WRITE; INSERT INTO ids (t) VALUES ('late')",
        "ROLLBACK; BEGIN; SET TRANSACTION READ WRITE; INSERT INTO ids (t) VALUES ('late')",
        "ROLLBACK; SELECT nextval('ids_id_seq')",
        "CREATE TABLE late (a int)",
        "DO $$ BEGIN INSERT INTO ids (t) VALUES ('late'); END $$",
        "SELECT lo_create(0)",
    };
    char why[256], cell[256];
    PGconn *c = fx_session(endpoint);
    (void)fx_must(c, "SELECT count(*) FROM ids");
    for (size_t i = 0; i < ARRAY_LEN(attempts); i++) {
        bool done = fx_run(c, attempts[i], cell, why);
        if (done || strncmp(why, "25006", 5) != 0)
            fail_msg("on locked blue: %s: %s", attempts[i], why[0] ? why : "done");
    }
    PQfinish(c);
}

static void build(const char *blue, const char *green, int major)
{
    OK(bluegreen_build(fx_engine, blue, green, major, logical, ARRAY_LEN(logical), NULL, &e));
    OK(endpoint_point(fx_engine, green, 5432, green, ENDPOINT_WRITER, &e));
}

static void check_tally(struct writers *w, const char *volume, const char *what)
{
    struct tally t;
    writers_check(w, volume, &t);
    print_message(
        "%s: %ld acknowledged, %ld found, %ld lost, %ld twice, %ld unknown, %ld refused, longest gap "
        "%.1f ms\n",
        what, t.acknowledged, t.found, t.lost, t.twice, t.unknown, t.refused, (double)t.gap_us / 1000);
    assert_int_equal(t.lost, 0);
    assert_int_equal(t.twice, 0);
    assert_int_equal(t.foreign, 0);
    assert_true(t.acknowledged > 100);
    /* Who is logging in while sessions are ended meets the lock, until the second sweep (switchover.c). */
    if (t.refused && !strstr(t.last_refusal, "read-only transaction"))
        fail_msg("refused: %s", t.last_refusal);
    assert_true(t.ended_57p01 > 0);
    assert_true(t.gap_us < 5000000); /* a busy machine with sanitizers is slow; the figure is printed */
}

static void switch_under_load(const char *blue, const char *green, const char *endpoint)
{
    char old_endpoint[64], values[256];
    (void)snprintf(old_endpoint, sizeof old_endpoint, "%s-old1", endpoint);
    struct writers *w = writers_start(endpoint, 8);
    assert_true(writers_progress(w, 500));
    struct flip f = {endpoint, old_endpoint, blue, green, false};
    struct bluegreen_switch s = {.blue = blue, .green = green, .timeout_ms = 60000, .flip = flip, .arg = &f};
    writers_reset_gap(w);
    OK(bluegreen_switchover(fx_engine, &s, &e));
    assert_true(writers_progress(w, 500));
    char what[64];
    (void)snprintf(what, sizeof what, "switchover %s", blue);
    check_tally(w, green, what);
    writers_free(w);
    check_locked(old_endpoint);
    OK(volume_stop(fx_engine, blue, &e));
    OK(volume_start(fx_engine, blue, &e));
    check_locked(old_endpoint); /* a restart does not lift it */
    (void)snprintf(values, sizeof values, "%s", sequence_values(blue));
    assert_string_equal(values, sequence_values(green));
}

static void test_13_to_17(void **state)
{
    (void)state;
    fx_volume("b13", 13);
    make_objects("b13");
    struct writers *w = writers_start("b13", 4);
    assert_true(writers_progress(w, 100));
    build("b13", "g17", 17);
    (void)fx_sql("b13", "DELETE FROM ids WHERE id < 5; UPDATE ids SET t = 'y' WHERE id = 7");
    writers_free(w);
    (void)fx_sql_in("b13", "postgres", "INSERT INTO other VALUES (2)");
    (void)fx_sql("b13", "TRUNCATE ledger");
    await_lag_below("b13", "g17", 1024 * 1024);
    fx_refused("g17", "INSERT INTO ids (t) VALUES ('early')", "25006");
    switch_under_load("b13", "g17", "b13");
    assert_string_equal(fx_sql("g17", "SELECT count(*) || max(t) FROM ids"), "21y");
    assert_string_equal(fx_sql_in("g17", "postgres", "SELECT count(*) FROM other"), "2");
    OK(bluegreen_drop(fx_engine, "b13", "g17", &e));
    OK(bluegreen_drop(fx_engine, "b13", "g17", &e));
    assert_string_equal(fx_sql("b13", "SELECT count(*) FROM pg_replication_slots"), "0");
    assert_string_equal(fx_sql("b13", "SELECT count(*) FROM pg_publication"), "0");
    assert_string_equal(fx_sql("g17", "SELECT count(*) FROM pg_subscription"), "0");
    assert_string_equal(fx_sql("g17", "SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'rds%'"), "0");
    PGconn *c = fx_session("b13-old1");
    (void)fx_must(c, "INSERT INTO ids (t) VALUES ('free')");
    PQfinish(c);
}

/* The next upgrade of the same cluster; and everything that may go wrong before the flip leaves blue as it
 * was. */
static void test_17_to_18_with_failures(void **state)
{
    (void)state;
    struct err refusal = ERR_INIT;
    (void)fx_sql("g17", "TRUNCATE ledger");
    build("g17", "g18", 18);
    struct flip f = {"b13", "b13-old2", "g17", "g18", true};
    struct bluegreen_switch s = {.blue = "g17", .green = "g18", .timeout_ms = 60000, .flip = flip, .arg = &f};
    assert_false(bluegreen_switchover(fx_engine, &s, &refusal));
    assert_non_null(strstr(refusal.text, "cannot be moved today"));
    PGconn *c = fx_session("b13");
    (void)fx_must(c, "INSERT INTO ids (t) VALUES ('still here')");
    /* A sequence that green lacks. */
    (void)fx_must(c, "CREATE SEQUENCE new_one; SELECT nextval('new_one')");
    f.refuse = false;
    assert_false(bluegreen_switchover(fx_engine, &s, &refusal));
    assert_non_null(strstr(refusal.said, "new_one"));
    PQfinish(c);
    c = fx_session("b13");
    (void)fx_must(c, "DROP SEQUENCE new_one");
    (void)fx_must(c, "INSERT INTO ids (t) VALUES ('and here')");
    PQfinish(c);
    await_lag_below("g17", "g18", 1024 * 1024);
    (void)fx_sql("g17", "TRUNCATE ledger");
    switch_under_load("g17", "g18", "b13");
    assert_string_equal(fx_sql("g18", "SELECT count(*) FROM ids WHERE t LIKE '% here'"), "2");
}

/* Replication that cannot go on is told with PostgreSQL's words, and heals when the cause is gone. */
static void test_degraded(void **state)
{
    (void)state;
    struct bluegreen_state st = {0};
    OK(bluegreen_drop(fx_engine, "g17", "g18", &e));
    OK(volume_delete(fx_engine, "g17", &e));
    (void)fx_sql("b13", "CREATE TABLE t (a int PRIMARY KEY)");
    build("b13", "g15", 15);
    (void)fx_sql("b13", "ALTER TABLE t ADD b int; INSERT INTO t VALUES (1, 1)");
    for (int i = 0; i < 1000 && !strstr(st.reason, "missing replicated column"); i++) {
        OK(bluegreen_observe(fx_engine, "b13", "g15", &st, &e));
        (void)clock_real()->wait(clock_real(), NULL, 10);
    }
    assert_false(st.healthy);
    assert_non_null(strstr(st.reason, "missing replicated column"));
    (void)fx_sql("g15", "ALTER TABLE t ADD b int");
    await_lag_below("b13", "g15", 1024);
    /* The sandbox goes down and comes back in the middle. */
    fx_reopen();
    OK(volume_start(fx_engine, "b13", &e));
    OK(volume_start(fx_engine, "g15", &e));
    OK(bluegreen_resume(fx_engine, "b13", "g15", &e));
    OK(bluegreen_observe(fx_engine, "b13", "g15", &st, &e));
    assert_string_equal(st.reason, ""); /* a switchover asked for at once is not refused */
    assert_true(st.healthy);
    (void)fx_sql("b13", "INSERT INTO t VALUES (2, 2)");
    await_lag_below("b13", "g15", 1024);
    assert_string_equal(fx_sql("g15", "SELECT count(*) FROM t"), "2");
    OK(volume_delete(fx_engine, "g15", &e));
    OK(bluegreen_drop(fx_engine, "b13", "g15", &e));
    assert_string_equal(fx_sql("b13", "SELECT count(*) FROM pg_replication_slots"), "0");
}

/* The same writers through switch after switch of one endpoint; AURORA_STRESS_ROUNDS makes it longer. */
static void test_rounds(void **state)
{
    (void)state;
    const char *asked = getenv("AURORA_STRESS_ROUNDS");
    long rounds = asked ? strtol(asked, NULL, 10) : 2;
    char blue[32] = "round0", green[32];
    fx_volume(blue, 17);
    OK(endpoint_point(fx_engine, "stress", 5432, blue, ENDPOINT_WRITER, &e));
    (void)fx_sql(blue, LEDGER_TABLE);
    struct writers *w = writers_start("stress", 12);
    for (long i = 1; i <= rounds; i++) {
        (void)snprintf(green, sizeof green, "round%ld", i);
        assert_true(writers_progress(w, 200));
        OK(bluegreen_build(fx_engine, blue, green, 17, logical, ARRAY_LEN(logical), NULL, &e));
        struct flip f = {"stress", "stress-old", blue, green, false};
        struct bluegreen_switch s = {
            .blue = blue, .green = green, .timeout_ms = 120000, .flip = flip, .arg = &f};
        OK(bluegreen_switchover(fx_engine, &s, &e));
        OK(volume_delete(fx_engine, blue, &e));
        OK(bluegreen_drop(fx_engine, blue, green, &e));
        memcpy(blue, green, sizeof blue);
    }
    assert_true(writers_progress(w, 200));
    check_tally(w, blue, "rounds");
    writers_free(w);
}

/* The sandbox died between the flip and what comes after it: the next one opens green and locks blue before
 * they have clients, and takes green's subscription away. */
static void test_settled(void **state)
{
    (void)state;
    fx_volume("s0", 17);
    make_objects("s0");
    OK(bluegreen_build(fx_engine, "s0", "s1", 17, logical, ARRAY_LEN(logical), NULL, &e));
    await_lag_below("s0", "s1", 1024);
    fx_reopen();
    OK(bluegreen_settle(fx_engine, "s0", "s1", &e));
    fx_reopen();
    OK(volume_start(fx_engine, "s0", &e));
    OK(volume_start(fx_engine, "s1", &e));
    OK(endpoint_point(fx_engine, "settled", 5432, "s1", ENDPOINT_WRITER, &e));
    OK(endpoint_point(fx_engine, "settled-old1", 5432, "s0", ENDPOINT_WRITER, &e));
    PGconn *c = fx_session("settled");
    (void)fx_must(c, "INSERT INTO ids (t) VALUES ('open')");
    PQfinish(c);
    check_locked("settled-old1");
    OK(bluegreen_settle(fx_engine, "s0", "s1", &e)); /* now that the servers run */
    assert_string_equal(fx_sql("s1", "SELECT count(*) FROM pg_subscription"), "0");
    assert_string_equal(fx_sql("s1", "SELECT count(*) FROM ids"), "26");
    OK(bluegreen_settle(fx_engine, "s0", "s1", &e));
    OK(volume_delete(fx_engine, "s0", &e));
    OK(bluegreen_settle(fx_engine, "s0", "s1", &e)); /* the old side may be gone */
}

/* ---- blue's server ends while green is made of it ---- */

struct killer {
    const char *when; /* blue says "t" to it */
    int kills;
};

static void *kill_blue(void *arg)
{
    struct killer *k = arg;
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    for (;;) {
        struct sql_result r = {0};
        if (volume_sql(fx_engine, a, "k0", DATABASE, k->when, &r, NULL) && strcmp(r.cell[0][0], "t") == 0)
            break;
        (void)clock_real()->wait(clock_real(), NULL, 1);
    }
    OK(volume_kill(fx_engine, "k0", &e));
    OK(volume_start(fx_engine, "k0", &e));
    k->kills++;
    return NULL;
}

static void test_blue_restarts(void **state)
{
    (void)state;
    static const char *const moments[] = {
        "SELECT EXISTS (SELECT FROM pg_publication)",
        "SELECT EXISTS (SELECT FROM pg_replication_slots WHERE slot_type = 'logical')",
        "SELECT EXISTS (SELECT FROM pg_replication_slots WHERE slot_type = 'physical')", /* the copy's */
        "SELECT EXISTS (SELECT FROM pg_stat_replication)", /* green's worker is there already */
    };
    fx_volume("k0", 17);
    make_objects("k0");
    for (size_t i = 0; i < ARRAY_LEN(moments); i++) {
        struct killer k = {.when = moments[i]};
        pthread_t thread;
        assert_int_equal(pthread_create(&thread, NULL, kill_blue, &k), 0);
        OK(bluegreen_build(fx_engine, "k0", "k1", 17, logical, ARRAY_LEN(logical), NULL, &e));
        (void)pthread_join(thread, NULL);
        assert_int_equal(k.kills, 1);
        await_lag_below("k0", "k1", 1024);
        (void)fx_sql("k0", "INSERT INTO ids (t) VALUES ('later')");
        await_lag_below("k0", "k1", 1);
        assert_string_equal(fx_sql("k1", "SELECT count(*) FROM ids"),
                            fx_sql("k0", "SELECT count(*) FROM ids"));
        OK(volume_delete(fx_engine, "k1", &e));
        OK(bluegreen_drop(fx_engine, "k0", "k1", &e));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_13_to_17), cmocka_unit_test(test_17_to_18_with_failures),
        cmocka_unit_test(test_degraded), cmocka_unit_test(test_rounds),
        cmocka_unit_test(test_settled),  cmocka_unit_test(test_blue_restarts),
    };
    return cmocka_run_group_tests(tests, fx_open, fx_close);
}
