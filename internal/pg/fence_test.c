/* A fence on real servers: who is kept out, what is refused, and that access lists come back byte for byte.
 */
#include "internal/base/testing.h"
#include "internal/pg/catalog.h"
#include "internal/pg/fence.h"
#include "internal/pg/fixture.h"
#include "internal/pg/logical.h"
#include "internal/pg/stream.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WRITERS = 8, EMPTY_SWEEPS = 3 };

static const int majors[] = {13, 18}; /* 15 and 17 have the same catalogues and rules as one of them */

#define FACT "fence-test"
#define KEEP "subscriber"
#define LIST "SELECT coalesce(datacl, acldefault('d', datdba)) FROM pg_database WHERE datname = 'app'"

static void must(bool ok, const struct err *e)
{
    if (!ok)
        fail_msg("%s (%s %s)", e->text, e->remote_code, e->said);
}

static void make_roles(struct server *s)
{
    server_sql(s, "postgres",
               "CREATE ROLE master LOGIN CREATEROLE CREATEDB IN ROLE pg_signal_backend, pg_monitor;"
               "CREATE ROLE subscriber LOGIN; CREATE ROLE \"odd, \"\"name\" LOGIN; CREATE ROLE plain LOGIN;"
               "CREATE ROLE boss LOGIN; CREATE ROLE granter LOGIN; CREATE ROLE app_owner LOGIN");
}

static void make_database(struct server *s, const char *sql)
{
    server_sql(s, "postgres", "DROP DATABASE IF EXISTS app");
    server_sqlf(s, "postgres", "CREATE DATABASE app OWNER master");
    server_sql(s, "app",
               "CREATE TABLE t (id bigserial PRIMARY KEY); GRANT ALL ON t, t_id_seq TO PUBLIC;"
               "GRANT USAGE ON SCHEMA public TO PUBLIC; GRANT CREATE ON DATABASE app TO master");
    struct pg *c CLEANUP(pg_cleanup) = server_open(s, "app", "master", true);
    struct err e = ERR_INIT;
    must(pg_facts_make(c, &e), &e);
    if (sql[0])
        server_sql(s, "app", sql);
    server_sql(s, "app", "GRANT CONNECT ON DATABASE app TO subscriber");
}

static bool enters(struct server *s, const char *user)
{
    struct pg_target t = {
        .host = fixture_dir(), .port = s->port, .database = "app", .username = user, .sslmode = "disable"};
    struct pg *c = NULL;
    struct err e = ERR_INIT;
    bool in = pg_open(&t, NULL, &c, &e);
    pg_close(c);
    if (!in)
        assert_int_equal(e.code, ERR_DENIED);
    return in;
}

/* ---- lists of access ---- */

static const char *const lists[] = {
    "",
    "REVOKE ALL ON DATABASE app FROM PUBLIC",
    "REVOKE ALL ON DATABASE app FROM PUBLIC; GRANT CONNECT ON DATABASE app TO plain, boss",
    "GRANT CONNECT ON DATABASE app TO plain; GRANT ALL ON DATABASE app TO boss; GRANT TEMPORARY ON DATABASE "
    "app TO \"odd, \"\"name\"; GRANT CONNECT ON DATABASE app TO granter WITH GRANT OPTION",
    "REVOKE TEMPORARY ON DATABASE app FROM PUBLIC; GRANT CONNECT ON DATABASE app TO \"odd, \"\"name\"",
    "REVOKE CONNECT ON DATABASE app FROM PUBLIC; REVOKE CONNECT ON DATABASE app FROM master; GRANT CONNECT "
    "ON "
    "DATABASE app TO plain WITH GRANT OPTION; GRANT CONNECT, TEMPORARY ON DATABASE app TO master",
};

static void up_and_down(struct server *s, const char *sql)
{
    static const char *const others[] = {"plain", "boss", "odd, \"name", "granter", "app_owner"};
    struct err e = ERR_INIT;
    bool is_up = true, same = false, before[ARRAY_LEN(others)];
    make_database(s, sql);
    char *was = server_value(s, "postgres", LIST);
    for (size_t i = 0; i < ARRAY_LEN(others); i++)
        before[i] = enters(s, others[i]);
    struct pg *c CLEANUP(pg_cleanup) = server_open(s, "app", "master", true);
    for (int i = 0; i < 2; i++)
        must(pg_fence_raise(c, FACT, KEEP, &e), &e);
    must(pg_fence_is_up(c, FACT, &is_up, &e), &e);
    assert_true(is_up);
    for (size_t i = 0; i < ARRAY_LEN(others); i++)
        assert_false(enters(s, others[i]));
    assert_true(enters(s, KEEP));
    assert_true(enters(s, "master"));
    for (int i = 0; i < 2; i++) {
        must(pg_fence_lift(c, FACT, &same, &e), &e);
        assert_true(same);
    }
    char *is = server_value(s, "postgres", LIST);
    assert_string_equal(is, was);
    for (size_t i = 0; i < ARRAY_LEN(others); i++)
        assert_int_equal(enters(s, others[i]), before[i]);
    free(was);
    free(is);
}

/* ---- what it refuses ---- */

static size_t obstacles(struct server *s, const char *wanted)
{
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    struct pg *c CLEANUP(pg_cleanup) = server_open(s, "app", "master", true);
    struct err e = ERR_INIT;
    const char **lines = NULL;
    size_t n = 0, found = 0;
    must(pg_fence_obstacles(c, a, KEEP, 0, &lines, &n, &e), &e);
    for (size_t i = 0; i < n; i++)
        found += strstr(lines[i], wanted) != NULL;
    assert_int_equal(found, wanted[0] ? 1 : n);
    return n;
}

static void refusals(struct server *s)
{
    struct err e = ERR_INIT;
    make_database(s, "");
    assert_int_equal(obstacles(s, ""), 0);
    server_sql(s, "app", "GRANT master TO plain");
    assert_int_equal(obstacles(s, "plain is a member of master"), 1);
    struct pg *c CLEANUP(pg_cleanup) = server_open(s, "app", "master", true);
    char *was = server_value(s, "postgres", LIST);
    assert_false(pg_fence_raise(c, FACT, KEEP, &e));
    assert_int_equal(e.code, ERR_DENIED);
    assert_non_null(strstr(e.said, "plain"));
    char *is = server_value(s, "postgres", LIST);
    assert_string_equal(is, was); /* nothing was changed */
    free(was);
    free(is);
    server_sql(s, "app",
               "REVOKE master FROM plain; GRANT CONNECT ON DATABASE app TO granter WITH GRANT OPTION");
    server_sql(s, "app", "SET ROLE granter; GRANT CONNECT ON DATABASE app TO boss");
    assert_int_equal(obstacles(s, "CONNECT was granted by granter"), 1);
    server_sql(s, "app", "REVOKE CONNECT ON DATABASE app FROM granter CASCADE");
    PGconn *other = server_conn(s, "app");
    conn_sql(other, "SET SESSION AUTHORIZATION plain");
    conn_sql(other, "BEGIN; INSERT INTO t DEFAULT VALUES; PREPARE TRANSACTION 'p''1'");
    assert_int_equal(obstacles(s, "'p''1'"), 1);
    conn_sql(other, "COMMIT PREPARED 'p''1'");
    PQfinish(other);
    assert_int_equal(obstacles(s, ""), 0);
}

static void foreign_owner(struct server *s)
{
    struct err e = ERR_INIT;
    bool same = false;
    make_database(s, "ALTER DATABASE app OWNER TO app_owner");
    char *was = server_value(s, "postgres", LIST);
    assert_int_equal(obstacles(s, "GRANT app_owner TO master"), 1);
    struct pg *c CLEANUP(pg_cleanup) = server_open(s, "app", "master", true);
    assert_false(pg_fence_raise(c, FACT, KEEP, &e));
    server_sql(s, "app", "GRANT app_owner TO master");
    assert_int_equal(obstacles(s, ""), 0);
    must(pg_fence_raise(c, FACT, KEEP, &e), &e);
    assert_false(enters(s, "app_owner"));
    assert_true(enters(s, "master"));
    must(pg_fence_lift(c, FACT, &same, &e), &e);
    assert_true(same);
    assert_true(enters(s, "app_owner"));
    char *is = server_value(s, "postgres", LIST);
    assert_string_equal(is, was);
    free(was);
    free(is);
    server_sql(s, "app", "REVOKE app_owner FROM master");
}

/* Production is opened again whatever became of the roles, and somebody else's change stays. */
static void changed_meanwhile(struct server *s)
{
    struct err e = ERR_INIT;
    bool same = true;
    make_database(s, "REVOKE ALL ON DATABASE app FROM PUBLIC; CREATE ROLE brief LOGIN;"
                     "GRANT CONNECT ON DATABASE app TO plain, brief");
    struct pg *c CLEANUP(pg_cleanup) = server_open(s, "app", "master", true);
    must(pg_fence_raise(c, FACT, KEEP, &e), &e);
    server_sql(s, "app",
               "REVOKE ALL ON DATABASE app FROM brief; DROP ROLE brief;"
               "GRANT CONNECT ON DATABASE app TO boss");
    must(pg_fence_lift(c, FACT, &same, &e), &e);
    assert_false(same);
    assert_true(enters(s, "plain"));
    assert_true(enters(s, "boss"));
}

/* ---- hostile sessions ---- */

struct storm {
    struct server *s;
    atomic_bool over;
    atomic_long acknowledged, refused;
};

/* As fast as it can, with its own idea of what is read-only. */
static void *write_on(void *arg)
{
    struct storm *storm = arg;
    char info[700];
    (void)snprintf(info, sizeof info,
                   "host=%s port=%d dbname=app user=plain sslmode=disable options='-c "
                   "default_transaction_read_only=off'",
                   fixture_dir(), storm->s->port);
    while (!atomic_load(&storm->over)) {
        PGconn *conn = PQconnectdb(info);
        while (!atomic_load(&storm->over) && PQstatus(conn) == CONNECTION_OK) {
            PGresult *r = PQexec(conn, "BEGIN READ WRITE; INSERT INTO public.t DEFAULT VALUES; COMMIT");
            if (PQresultStatus(r) == PGRES_COMMAND_OK)
                atomic_fetch_add(&storm->acknowledged, 1);
            PQclear(r);
        }
        atomic_fetch_add(&storm->refused, 1);
        PQfinish(conn);
    }
    return NULL;
}

static bool has_written(void *arg)
{
    return atomic_load(&((struct storm *)arg)->acknowledged) > 100;
}

static bool has_been_refused(void *arg)
{
    return atomic_load(&((struct storm *)arg)->refused) > 100;
}

static void sweep_empty(struct pg *c)
{
    struct err e = ERR_INIT;
    for (int empty = 0; empty < EMPTY_SWEEPS;) {
        int64_t ended = 0;
        must(pg_fence_sweep(c, KEEP, &ended, &e), &e);
        empty = ended ? 0 : empty + 1;
        struct timespec pause = {0, 5000000};
        (void)nanosleep(&pause, NULL);
    }
}

static void holds(struct server *s)
{
    struct storm storm = {.s = s};
    struct err e = ERR_INIT;
    struct pg_quiet before = {0};
    pthread_t threads[WRITERS];
    bool same = false;
    make_database(s, "");
    struct pg *c CLEANUP(pg_cleanup) = server_open(s, "app", "master", true);
    for (int i = 0; i < WRITERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, write_on, &storm), 0);
    assert_true(eventually(has_written, &storm, 60000));
    must(pg_fence_raise(c, FACT, KEEP, &e), &e);
    sweep_empty(c);
    long acknowledged = atomic_load(&storm.acknowledged);
    must(pg_quiet(c, &before, &e), &e);
    assert_true(before.xmin <= before.xmax && before.at > 0);
    char *rows = server_value(s, "app", "SELECT count(*) FROM t");
    atomic_store(&storm.refused, 0);
    assert_true(eventually(has_been_refused, &storm, 60000));
    assert_int_equal(atomic_load(&storm.acknowledged), acknowledged);
    char *n = server_value(s, "app", "SELECT count(*) FROM t");
    assert_string_equal(n, rows);
    assert_true(strtol(n, NULL, 10) >= acknowledged);
    must(pg_fence_lift(c, FACT, &same, &e), &e);
    atomic_store(&storm.acknowledged, 0);
    assert_true(same && eventually(has_written, &storm, 60000));
    free(n);
    free(rows);
    atomic_store(&storm.over, true);
    for (int i = 0; i < WRITERS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
}

/* ---- whose sessions ---- */

static PGconn *stranger(struct server *s, const char *application)
{
    char info[700];
    (void)snprintf(info, sizeof info, "host=%s port=%d dbname=app user=master application_name='%s'",
                   fixture_dir(), s->port, application);
    PGconn *conn = PQconnectdb(info);
    assert_int_equal(PQstatus(conn), CONNECTION_OK);
    return conn;
}

static struct stream *open_stream(struct server *s)
{
    const struct pg_target t = {
        .host = fixture_dir(), .port = s->port, .database = "app", .username = "master", .replication = true};
    struct err e = ERR_INIT;
    struct pg *session = NULL;
    struct stream *stream = NULL;
    must(pg_open(&t, NULL, &session, &e), &e);
    must(stream_open(session, "changes", "p", 60000, &stream, &e), &e);
    return stream;
}

static bool take_any(void *arg, const struct message *m, struct err *e)
{
    (void)arg;
    (void)m;
    (void)e;
    return true;
}

/* Those that follow what changes are open while the fence is raised (changed_rows.h). */
static void own_sessions(struct server *s)
{
    static const char *const applications[] = {"", "nightly", "terraform-provider-aurora-2"};
    struct err e = ERR_INIT;
    int64_t ended = 0;
    make_database(s, "CREATE PUBLICATION p FOR TABLE t");
    server_sql(s, "postgres", "ALTER ROLE master REPLICATION");
    struct pg *c CLEANUP(pg_cleanup) = server_open(s, "app", "master", true);
    struct pg *reads CLEANUP(pg_cleanup) = server_open(s, "app", "master", false);
    struct stream *stream = open_stream(s);
    must(pg_fence_raise(c, FACT, KEEP, &e), &e);
    for (size_t i = 0; i < ARRAY_LEN(applications); i++) {
        assert_int_equal(obstacles(s, ""), 0);
        PGconn *other = stranger(s, applications[i]);
        assert_int_equal(obstacles(s, "master, whom this upgrade logs in as, has another session"), 1);
        must(pg_fence_sweep(c, KEEP, &ended, &e), &e);
        assert_int_equal(ended, 1);
        sweep_empty(c);
        PGresult *r = PQexec(other, "SELECT 1");
        assert_int_equal(PQresultStatus(r), PGRES_FATAL_ERROR);
        PQclear(r);
        PQfinish(other);
    }
    bool any = false, same = false, up = false;
    must(pg_fence_is_up(reads, FACT, &up, &e), &e);
    must(stream_ask(stream, &e) && stream_take(stream, take_any, NULL, &any, &e), &e);
    char *senders = server_value(s, "app", "SELECT count(*) FROM pg_stat_replication");
    assert_string_equal(senders, "1");
    free(senders);
    stream_close(stream);
    must(pg_fence_lift(c, FACT, &same, &e), &e);
    assert_true(up && same);
}

/* ---- sequences ---- */

static void sequences(struct server *s)
{
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    const struct pg_sequence *old_side = NULL, *new_side = NULL;
    struct err e = ERR_INIT;
    size_t n = 0, m = 0;
    static const char make[] =
        "CREATE SCHEMA \"a \"\"b\\\"; CREATE SEQUENCE \"a \"\"b\\\".\"s,{}\"; CREATE SEQUENCE never;"
        "CREATE SEQUENCE down INCREMENT -3 MINVALUE -1000; CREATE SEQUENCE placed;"
        "CREATE SEQUENCE tiny AS smallint CYCLE; CREATE SEQUENCE cached CACHE 50;"
        "CREATE TABLE ids (id bigint GENERATED ALWAYS AS IDENTITY)";
    make_database(s, make);
    server_sql(s, "app",
               "SELECT nextval('\"a \"\"b\\\".\"s,{}\"'), nextval('down'), nextval('down'), setval('placed', "
               "50, false), setval('tiny', 32767), nextval('cached'); INSERT INTO ids SELECT FROM "
               "generate_series(1, 7)");
    server_sql(s, "postgres", "DROP DATABASE IF EXISTS other");
    server_sql(s, "postgres", "CREATE DATABASE other OWNER master");
    server_sql(s, "other", make);
    server_sql(s, "other", "CREATE TABLE t (id bigserial PRIMARY KEY); SELECT setval('never', 9)");
    struct pg *from = server_open(s, "app", "rdsadmin", false);
    struct pg *to = server_open(s, "other", "rdsadmin", true);
    must(pg_sequences(from, a, &old_side, &n, &e), &e);
    must(pg_sequences_set(to, old_side, n, &e), &e);
    must(pg_sequences(to, a, &new_side, &m, &e), &e);
    assert_int_equal(n, 8);
    assert_int_equal(m, n);
    for (size_t i = 0; i < n; i++) {
        assert_string_equal(new_side[i].name, old_side[i].name);
        assert_int_equal(new_side[i].last_value, old_side[i].last_value);
        assert_int_equal(new_side[i].is_called, old_side[i].is_called);
    }
    must(pg_sequences_set(to, NULL, 0, &e), &e);
    const struct pg_sequence absent[] = {{"public.never", 5, 1, true}, {"public.nowhere", 1, 1, true}};
    assert_false(pg_sequences_set(to, absent, 2, &e));
    pg_close(from);
    pg_close(to);
    const char **denied = NULL;
    struct pg *poor CLEANUP(pg_cleanup) = server_open(s, "app", "plain", false);
    must(pg_sequences_denied(poor, a, &denied, &n, &e), &e);
    assert_int_equal(n, 7); /* all but the one that everybody was granted */
}

static void must_read_alike(struct server *s, struct pg *ready, const char *since)
{
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    struct pg *anew CLEANUP(pg_cleanup) = server_open(s, "app", "rdsadmin", false);
    const struct pg_sequence *x = NULL, *y = NULL;
    struct err e = ERR_INIT;
    size_t n = 0, m = 0;
    must(pg_sequences(ready, a, &x, &n, &e) && pg_sequences(anew, a, &y, &m, &e), &e);
    assert_int_equal(n, m);
    for (size_t i = 0; i < n; i++)
        if (strcmp(x[i].name, y[i].name) != 0 || x[i].last_value != y[i].last_value ||
            x[i].is_called != y[i].is_called)
            fail_msg("%s: %s is read as %lld", since, y[i].name, (long long)x[i].last_value);
}

/* Whatever happens between making ready and reading. */
static void ready_sequences(struct server *s)
{
    static const char *const meanwhile[] = {"SELECT 1",
                                            "SELECT setval('s3', 77, false), setval('s4', 5)",
                                            "SELECT nextval('s5'), setval('s1', 9, false)",
                                            "ALTER SEQUENCE s3 RENAME TO x",
                                            "ALTER SEQUENCE s6 RENAME TO s3; ALTER SEQUENCE x RENAME TO s6",
                                            "CREATE SEQUENCE later START 12",
                                            "DROP SEQUENCE s7; CREATE SEQUENCE s7 START 30",
                                            "DROP SEQUENCE s8",
                                            "ALTER SEQUENCE s9 RESTART WITH 4",
                                            "CREATE SCHEMA q; ALTER SEQUENCE s10 SET SCHEMA q"};
    struct err e = ERR_INIT;
    make_database(s, "DO $$BEGIN FOR i IN 1..600 LOOP EXECUTE format('CREATE SEQUENCE s%s', i); END LOOP; "
                     "PERFORM nextval('s2'); END$$");
    for (size_t i = 0; i < ARRAY_LEN(meanwhile); i++) {
        struct pg *ready CLEANUP(pg_cleanup) = server_open(s, "app", "rdsadmin", false);
        must(pg_sequences_ready(ready, &e), &e);
        must(pg_sequences_ready(ready, &e), &e);
        server_sql(s, "app", meanwhile[i]);
        must_read_alike(s, ready, meanwhile[i]);
        must_read_alike(s, ready, "once more");
    }
}

/* A state is more than a value: each of these differs from the list in another way, the last one does not. */
static void sequences_that_differ(struct server *s)
{
    static const struct pg_sequence list[] = {
        {"public.value", 5, 1, true},  {"public.uncalled", 5, 1, true},    {"public.called", 1, 1, false},
        {"public.start", 3, 1, false}, {"public.\"o \"\"x\"", 2, 1, true}, {"public.same", 1, 1, false},
        {"public.equal", 8, 1, true}};
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    const struct pg_sequence *other = NULL;
    struct err e = ERR_INIT;
    size_t n = 0;
    for (int is_ready = 0; is_ready < 2; is_ready++) {
        make_database(
            s, "CREATE SEQUENCE value; CREATE SEQUENCE uncalled; CREATE SEQUENCE called; CREATE "
               "SEQUENCE start; CREATE SEQUENCE \"o \"\"x\"; CREATE SEQUENCE same; CREATE SEQUENCE equal");
        struct pg *to CLEANUP(pg_cleanup) = server_open(s, "app", "rdsadmin", true);
        if (is_ready)
            must(pg_sequences_ready(to, &e), &e);
        server_sql(s, "app",
                   "SELECT setval('value', 4), setval('uncalled', 5, false), setval('called', 1), "
                   "setval('equal', 8)");
        must(pg_sequences_differ(to, a, list, ARRAY_LEN(list), &other, &n, &e), &e);
        assert_int_equal(n, 5);
        for (size_t i = 0; i < n; i++)
            assert_string_equal(other[i].name, list[i].name);
        must(pg_sequences_set(to, other, n, &e), &e);
        must(pg_sequences_differ(to, a, list, ARRAY_LEN(list), &other, &n, &e), &e);
        assert_int_equal(n, 0);
        const struct pg_sequence absent = {"public.nowhere", 3, 1, true};
        must(pg_sequences_differ(to, a, &absent, 1, &other, &n, &e), &e);
        assert_int_equal(n, 1);
        must(pg_sequences_differ(to, a, list, 0, &other, &n, &e), &e);
        assert_int_equal(n, 0);
    }
}

/* What takes an id is not what changes a row. */
static void changes(struct server *s)
{
    static const struct {
        const char *sql;
        int64_t changes;
    } rows[] = {{"ANALYZE put; SELECT txid_current()", 0},
                {"CREATE TABLE IF NOT EXISTS elsewhere (id int); INSERT INTO elsewhere VALUES (1)", 0},
                {"BEGIN; INSERT INTO put VALUES (2); ROLLBACK", 0},
                {"INSERT INTO put VALUES (3), (4)", 2},
                {"UPDATE put SET id = 5 WHERE id = 4", 1},
                {"DELETE FROM put WHERE id = 5", 1},
                {"TRUNCATE put", 1}};
    struct err e = ERR_INIT;
    make_database(s, "CREATE TABLE put (id int PRIMARY KEY); INSERT INTO put VALUES (1)");
    server_sql(s, "app", "CREATE PUBLICATION p FOR TABLE put");
    server_sql(s, "app", "SELECT pg_create_logical_replication_slot('s', 'pgoutput')");
    server_sql(s, "app", "INSERT INTO put VALUES (9)"); /* before it is quiet: of no interest */
    struct pg *c = server_open(s, "app", "rdsadmin", false);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct pg_quiet q;
        int64_t n = -1;
        must(pg_quiet(c, &q, &e), &e);
        server_sql(s, "app", rows[i].sql);
        must(pg_changes_from(c, "s", "p", q.at, &n, &e), &e);
        if (n != rows[i].changes)
            fail_msg("%s: %lld changes", rows[i].sql, (long long)n);
    }
    pg_close(c);
    server_sql(s, "app", "SELECT pg_drop_replication_slot('s')");
}

static void test_fence(void **state)
{
    (void)state;
    int seen = 0;
    for (size_t i = 0; i < ARRAY_LEN(majors); i++) {
        if (!server_available(majors[i]))
            continue;
        struct server *s =
            server_new(majors[i], false, "-c max_prepared_transactions=5 -c wal_level=logical");
        make_roles(s);
        for (size_t k = 0; k < ARRAY_LEN(lists); k++)
            up_and_down(s, lists[k]);
        refusals(s);
        foreign_owner(s);
        changed_meanwhile(s);
        holds(s);
        own_sessions(s);
        sequences(s);
        ready_sequences(s);
        sequences_that_differ(s);
        changes(s);
        server_stop(s);
        seen++;
    }
    assert_true(seen > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_fence)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
