/* Scripts of the user's own and the counters of a server, on the oldest and a newer major. */
#include "internal/base/testing.h"
#include "internal/pg/fixture.h"
#include "internal/pg/health.h"
#include "internal/pg/script.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct server *servers[2];

static int start_servers(void **state)
{
    (void)state;
    servers[0] = server_new(13, false, "-c deadlock_timeout=50ms");
    servers[1] = server_new(server_available(17) ? 17 : 15, false, "-c deadlock_timeout=50ms");
    for (size_t i = 0; i < ARRAY_LEN(servers); i++)
        server_sql(servers[i], "postgres",
                   "CREATE ROLE app LOGIN; CREATE SCHEMA shop AUTHORIZATION app;"
                   "ALTER ROLE app SET search_path = shop; CREATE TABLE shop.t (id int PRIMARY KEY);"
                   "ALTER TABLE shop.t OWNER TO app; CREATE TABLE shop.d (id int, n int);"
                   "INSERT INTO shop.d VALUES (1, 0), (2, 0)");
    return 0;
}

static int64_t rows_of(struct server *s)
{
    char *text = server_value(s, "postgres", "SELECT count(*) FROM shop.t");
    int64_t n = strtoll(text, NULL, 10);
    free(text);
    return n;
}

/* `rows` are there afterwards; code ERR_NONE: it succeeds. */
static const struct {
    const char *sql;
    enum err_code code;
    const char *state; /* SQLSTATE; NULL: not looked at */
    int rows;
} scripts[] = {
    {"INSERT INTO t VALUES (1)", ERR_NONE, NULL, 1}, /* search_path is the role's */
    {"INSERT INTO t VALUES (1); INSERT INTO t VALUES (2); SELECT * FROM t", ERR_NONE, NULL, 2},
    {"", ERR_NONE, NULL, 0},
    {"-- nothing", ERR_NONE, NULL, 0},
    {"INSERT INTO t VALUES (1); INSERT INTO t VALUES (1)", ERR_REMOTE, "23505", 0},
    {"BEGIN; INSERT INTO t VALUES (1); COMMIT; INSERT INTO t VALUES (1)", ERR_REMOTE, "23505", 1},
    {"BEGIN; INSERT INTO t VALUES (1)", ERR_INVALID, NULL, 0},
    {"INSERT INTO missing VALUES (1)", ERR_NOT_FOUND, "42P01", 0},
    {"COPY t FROM STDIN", ERR_INVALID, NULL, 0},
    {"INSERT INTO t VALUES (1); SELECT pg_sleep(60)", ERR_NONE, "57014", 0},
};

static void scripts_run_as_psql_would_run_them(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2 * ARRAY_LEN(scripts); i++) {
        struct server *s = servers[i % 2];
        struct err e = ERR_INIT;
        server_sql(s, "postgres", "TRUNCATE shop.t");
        struct pg *c CLEANUP(pg_cleanup) = server_open(s, "postgres", "app", true);
        bool slow = strstr(scripts[i / 2].sql, "pg_sleep") != NULL;
        bool ok = pg_run_script(c, scripts[i / 2].sql, slow ? 300 : 60000, &e);
        pg_close(STEAL(c));
        bool expected = slow ? !ok && e.code != ERR_NONE : e.code == scripts[i / 2].code;
        if (!expected || rows_of(s) != scripts[i / 2].rows)
            fail_msg("%s: %s %s, %lld rows", scripts[i / 2].sql, err_code_name(e.code), e.text,
                     (long long)rows_of(s));
        if (scripts[i / 2].state && !slow)
            assert_string_equal(e.remote_code, scripts[i / 2].state);
    }
}

/* Unless it insists. */
static void a_script_for_reading_does_not_write(void **state)
{
    (void)state;
    static const struct {
        const char *sql, *state;
        int rows;
    } rows[] = {{"SELECT 1", "", 0},
                {"INSERT INTO t VALUES (1)", "25006", 0},
                {"SET TRANSACTION READ WRITE; INSERT INTO t VALUES (1)", "", 1}};
    server_sql(servers[1], "postgres", "TRUNCATE shop.t");
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct err e = ERR_INIT;
        struct pg *c CLEANUP(pg_cleanup) = server_open(servers[1], "postgres", "app", false);
        assert_int_equal(pg_run_script(c, rows[i].sql, 60000, &e), rows[i].state[0] == '\0');
        assert_string_equal(e.remote_code, rows[i].state);
        assert_int_equal(rows_of(servers[1]), rows[i].rows);
    }
}

static const struct pg_application *find(const struct pg_health *h, const char *name)
{
    for (size_t i = 0; i < h->application_count; i++)
        if (strcmp(h->applications[i].name, name) == 0)
            return &h->applications[i];
    return NULL;
}

static struct pg_health look(struct server *s, struct arena *a)
{
    struct pg_health h = {0};
    struct err e = ERR_INIT;
    struct pg *c CLEANUP(pg_cleanup) = server_open(s, "postgres", "rdsadmin", false);
    if (!pg_health(c, a, &h, &e))
        fail_msg("%s: %s", e.text, e.said);
    return h;
}

/* The first to wait is found to be in a deadlock and ended by the server. */
static void make_deadlock(struct server *s)
{
    PGconn *one = server_conn(s, "postgres"), *two = server_conn(s, "postgres");
    conn_sql(one, "BEGIN; UPDATE shop.d SET n = 1 WHERE id = 1");
    conn_sql(two, "BEGIN; UPDATE shop.d SET n = 2 WHERE id = 2");
    assert_true(PQsendQuery(one, "UPDATE shop.d SET n = 1 WHERE id = 2"));
    PGresult *r = PQexec(two, "UPDATE shop.d SET n = 2 WHERE id = 1");
    PQclear(r);
    PQfinish(two);
    PQclear(PQgetResult(one));
    PQfinish(one);
}

static PGconn *client(struct server *s)
{
    char port[12];
    (void)snprintf(port, sizeof port, "%d", s->port);
    PGconn *conn = PQsetdbLogin(fixture_dir(), port, NULL, NULL, "postgres", "app", NULL);
    if (PQstatus(conn) != CONNECTION_OK)
        fail_msg("%s", PQerrorMessage(conn));
    return conn;
}

struct wanted {
    struct server *server;
    struct pg_health before;
};

static bool counted(void *arg)
{
    struct wanted *w = arg;
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    struct pg_health h = look(w->server, a);
    return h.deadlocks > w->before.deadlocks && h.rollbacks > w->before.rollbacks &&
           h.commits > w->before.commits &&
           (w->server->major < 14 || h.broken_sessions > w->before.broken_sessions);
}

static void counters_and_sessions_are_seen(void **state)
{
    (void)state;
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    for (size_t i = 0; i < ARRAY_LEN(servers); i++) {
        struct wanted w = {servers[i], look(servers[i], a)};
        assert_true(w.before.longest_ms == 0 && w.before.application_count == 0);
        make_deadlock(servers[i]);
        PGconn *conn = client(servers[i]);
        conn_sql(conn, "SET application_name = 'till 7'");
        conn_sql(conn, "BEGIN");
        PGconn *killed = client(servers[i]);
        conn_sql(killed, "SET application_name = 'killed'");
        server_sql(
            servers[i], "postgres",
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'killed'");
        PQfinish(killed);
        assert_true(eventually(counted, &w, 20000));
        struct pg_health h = look(servers[i], a);
        const struct pg_application *till = find(&h, "till 7");
        assert_true(till && till->sessions == 1);
        assert_true(h.longest_ms > 0);
        assert_string_equal(h.longest_application, "till 7");
        PQfinish(conn);
    }
}

/* A role that may see next to nothing still gets the numbers. */
static void a_plain_role_sees_sessions_without_names(void **state)
{
    (void)state;
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    struct pg_health h = {0};
    struct err e = ERR_INIT;
    struct pg *other CLEANUP(pg_cleanup) = server_open(servers[1], "postgres", "rdsadmin", true);
    struct pg *c CLEANUP(pg_cleanup) = server_open(servers[1], "postgres", "app", false);
    assert_non_null(other); /* the session that is not to be named */
    if (!pg_health(c, a, &h, &e))
        fail_msg("%s", e.text);
    assert_true(h.commits > 0);
    assert_null(find(&h, "terraform-provider-aurora"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scripts_run_as_psql_would_run_them),
        cmocka_unit_test(a_script_for_reading_does_not_write),
        cmocka_unit_test(counters_and_sessions_are_seen),
        cmocka_unit_test(a_plain_role_sees_sessions_without_names),
    };
    return cmocka_run_group_tests_name("scripts and health", tests, start_servers, NULL);
}
