#include "internal/base/clock.h"
#include "internal/base/log.h"
#include "internal/base/testing.h"
#include "internal/pg/fixture.h"
#include "internal/pg/replica.h"

#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define PASSWORD "se'cr\\et \"x=1 host=evil"

static struct server *server;

static int start_server(void **state)
{
    (void)state;
    server = server_new(server_available(17) ? 17 : 15, true, NULL);
    server_sqlf(server, "postgres",
                "CREATE ROLE plain LOGIN PASSWORD '%s'; CREATE ROLE short LOGIN PASSWORD 'pw';"
                "CREATE ROLE nologin; CREATE ROLE fenced LOGIN PASSWORD 'fenced-password';"
                "CREATE ROLE limited LOGIN PASSWORD 'limited-password' CONNECTION LIMIT 0",
                "se''cr\\et \"x=1 host=evil");
    server_sql(server, "postgres", "CREATE DATABASE closed");
    server_sql(server, "postgres", "CREATE DATABASE fence");
    server_sql(server, "postgres", "REVOKE CONNECT ON DATABASE fence FROM PUBLIC");
    server_sql(server, "postgres", "ALTER DATABASE closed ALLOW_CONNECTIONS false");
    return 0;
}

static char *ca(const char *name)
{
    static char path[600];
    (void)snprintf(path, sizeof path, "%s/%s", server->tls_dir, name);
    return path;
}

static struct pg_target over_tls(const char *user, const char *password)
{
    return (struct pg_target){.host = "localhost",
                              .port = server->port,
                              .database = "postgres",
                              .username = user,
                              .password = password,
                              .sslrootcert = ca("ca.pem")};
}

static void verified_tls_with_a_password_works(void **state)
{
    (void)state;
    struct pg_target t = over_tls("plain", PASSWORD);
    struct pg *c CLEANUP(pg_cleanup) = NULL;
    struct err e = ERR_INIT;
    if (!pg_open(&t, NULL, &c, &e))
        fail_msg("%s (%s)", e.text, e.said);
    PGresult *r CLEANUP(result_cleanup) = NULL;
    assert_true(
        query_rows(c,
                   "SELECT a.application_name, s.ssl, current_setting('search_path'),"
                   " current_setting('transaction_read_only') FROM pg_stat_activity a JOIN pg_stat_ssl s"
                   " USING (pid) WHERE a.pid = pg_backend_pid()",
                   NULL, 0, &r, &e));
    assert_string_equal(PQgetvalue(r, 0, 0), "terraform-provider-aurora");
    assert_string_equal(PQgetvalue(r, 0, 1), "t");
    assert_string_equal(PQgetvalue(r, 0, 2), "");
    assert_string_equal(PQgetvalue(r, 0, 3), "on");
    assert_int_equal(pg_server_version(c) / 10000, server->major);
    assert_string_equal(pg_database(c), "postgres");
}

static void each_refusal_has_its_name(void **state)
{
    (void)state;
    struct pg_target good = over_tls("plain", PASSWORD);
    char other[600], missing[600];
    (void)snprintf(other, sizeof other, "%s/other.pem", server->tls_dir);
    (void)snprintf(missing, sizeof missing, "%s/missing.pem", server->tls_dir);
    struct {
        struct pg_target t;
        const char *host, *database, *user, *password, *sslmode, *root;
        int port;
        enum err_code code;
        const char *sqlstate, *text, *hint;
    } rows[] = {
        {.password = "wrong-password", .code = ERR_AUTH, .sqlstate = "28P01", .text = "password"},
        {.password = NULL, .user = "short", .code = ERR_AUTH, .text = "none was given"},
        {.user = "nobody_there", .code = ERR_AUTH, .sqlstate = "28P01"},
        {.user = "nologin", .code = ERR_AUTH, .sqlstate = "28"},
        {.database = "absent", .code = ERR_NOT_FOUND, .sqlstate = "3D000", .text = "\"absent\""},
        {.database = "closed", .code = ERR_CONFLICT, .sqlstate = "55000"},
        {.database = "fence",
         .code = ERR_DENIED,
         .sqlstate = "42501",
         .hint = "GRANT CONNECT ON DATABASE \"fence\" TO \"plain\""},
        {.user = "limited", .password = "limited-password", .code = ERR_UNAVAILABLE, .sqlstate = "53300"},
        {.root = other, .code = ERR_INVALID, .text = "not to be trusted", .hint = "sslrootcert"},
        {.root = missing, .code = ERR_INVALID, .text = "no file of certificate", .hint = "sslrootcert"},
        {.host = "127.0.0.1", .code = ERR_INVALID, .text = "for another name", .hint = "verify-ca"},
        {.sslmode = "disable", .code = ERR_AUTH, .sqlstate = "28000", .hint = "TLS"},
        {.sslmode = "perhaps", .code = ERR_INVALID, .text = "sslmode"},
        {.port = 1, .code = ERR_UNAVAILABLE, .text = "nothing listens"},
        {.host = "does-not-exist.invalid", .code = ERR_UNAVAILABLE, .text = "could not be resolved"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct pg_target t = good;
        t.host = rows[i].host ? rows[i].host : t.host;
        t.database = rows[i].database ? rows[i].database : t.database;
        t.username = rows[i].user ? rows[i].user : t.username;
        t.password = rows[i].password || rows[i].user ? rows[i].password : t.password;
        t.sslmode = rows[i].sslmode;
        t.sslrootcert = rows[i].root ? rows[i].root : t.sslrootcert;
        t.port = rows[i].port ? rows[i].port : t.port;
        t.connect_timeout_s = 10;
        struct pg *c = NULL;
        struct err e = ERR_INIT;
        if (rows[i].user && strcmp(rows[i].user, "short") != 0 && !rows[i].password)
            t.password = "some-password";
        if (pg_open(&t, NULL, &c, &e))
            fail_msg("row %zu connected", i);
        assert_null(c);
        bool right = e.code == rows[i].code && (!rows[i].text || strstr(e.text, rows[i].text)) &&
                     (!rows[i].hint || strstr(e.hint, rows[i].hint)) && e.hint[0] &&
                     strncmp(e.remote_code, rows[i].sqlstate ? rows[i].sqlstate : "",
                             rows[i].sqlstate ? strlen(rows[i].sqlstate) : 1) == 0;
        if (!right)
            fail_msg("row %zu: %s, \"%s\", \"%s\", said \"%s\", hint \"%s\"", i, err_code_name(e.code),
                     e.remote_code, e.text, e.said, e.hint);
        assert_null(strstr(e.said, "LOCATION"));
        assert_null(strstr(e.said, PASSWORD));
        assert_null(strstr(e.text, PASSWORD));
    }
}

static void nonsense_is_refused_before_connecting(void **state)
{
    (void)state;
    struct pg_target good = over_tls("plain", PASSWORD);
    static char huge[5000];
    memset(huge, 'x', sizeof huge - 1);
    struct pg_target rows[12];
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        rows[i] = good;
    rows[0].host = NULL;
    rows[1].host = "";
    rows[2].host = "a,b";
    rows[3].host = "@abstract";
    rows[4].port = 0;
    rows[5].port = 65536;
    rows[6].database = "";
    rows[7].username = NULL;
    rows[8].connect_timeout_s = -1;
    rows[9].statement_timeout_s = 2147483647;
    rows[10].host = huge;
    rows[11].host = "a b";
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct pg *c = NULL;
        struct err e = ERR_INIT;
        if (pg_open(&rows[i], NULL, &c, &e) || e.code != ERR_INVALID)
            fail_msg("row %zu: %s", i, err_code_name(e.code));
    }
}

/* A database name is a name, never a connection string. */
static void a_database_name_cannot_change_the_connection(void **state)
{
    (void)state;
    struct pg_target t = over_tls("plain", PASSWORD);
    t.database = "host=127.0.0.2 sslmode=disable dbname=postgres";
    struct pg *c = NULL;
    struct err e = ERR_INIT;
    assert_false(pg_open(&t, NULL, &c, &e));
    assert_int_equal(e.code, ERR_NOT_FOUND);
    assert_string_equal(e.remote_code, "3D000");
}

static void the_environment_cannot_lead_elsewhere(void **state)
{
    (void)state;
    struct pg_target t = over_tls("plain", PASSWORD);
    struct pg *c = NULL;
    struct err e = ERR_INIT;
    assert_int_equal(setenv("PGHOSTADDR", "127.0.0.2", 1), 0);
    bool opened = pg_open(&t, NULL, &c, &e);
    assert_int_equal(unsetenv("PGHOSTADDR"), 0);
    assert_false(opened);
    assert_int_equal(e.code, ERR_INVALID);
    assert_int_equal(setenv("PGOPTIONS", "-c DateStyle=German -c row_security=on -c statement_timeout=1d", 1),
                     0);
    assert_int_equal(setenv("PGSSLMODE", "disable", 1), 0);
    opened = pg_open(&t, NULL, &c, &e);
    assert_int_equal(unsetenv("PGOPTIONS"), 0);
    assert_int_equal(unsetenv("PGSSLMODE"), 0);
    assert_true(opened);
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    const char *value;
    assert_true(pg_setting(c, a, "DateStyle", &value, &e));
    assert_string_equal(value, "ISO, MDY");
    assert_true(pg_setting(c, a, "row_security", &value, &e));
    assert_string_equal(value, "off");
    pg_close(c);
}

static void the_password_is_masked_everywhere(void **state)
{
    (void)state;
    static const char *const passwords[] = {"wrong-but-secret", "pw2"};
    for (size_t i = 0; i < ARRAY_LEN(passwords); i++) {
        struct pg_target t = over_tls("short", passwords[i]);
        t.database = passwords[i]; /* the server quotes it back in the message */
        t.username = "plain";
        struct pg *c = NULL;
        struct err e = ERR_INIT;
        assert_false(pg_open(&t, NULL, &c, &e));
        assert_null(strstr(e.said, passwords[i]));
    }
    char text[] = "a line with wrong-but-secret in it";
    log_mask(text);
    assert_string_equal(text, "a line with *** in it");
}

/* ---- stopping ---- */

struct stopper {
    struct stop *stop;
    int64_t after_ms;
};

static void *stop_later(void *arg)
{
    struct stopper *s = arg;
    (void)stop_wait(s->stop, s->after_ms); /* nobody else requests: this is a delay that can be cut short */
    stop_request(s->stop);
    return NULL;
}

static int silent_socket(int *ret_port)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof in;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0 && bind(fd, (struct sockaddr *)&in, n) == 0 && listen(fd, 4) == 0 &&
                getsockname(fd, (struct sockaddr *)&in, &n) == 0);
    *ret_port = ntohs(in.sin_port);
    return fd;
}

static void stop_ends_a_connect_into_a_black_hole(void **state)
{
    (void)state;
    struct pg_target t = over_tls("plain", PASSWORD);
    int fd = silent_socket(&t.port);
    struct stopper s = {stop_new(), 100};
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, stop_later, &s), 0);
    struct pg *c = NULL;
    struct err e = ERR_INIT;
    int64_t begin = socket_now_ms();
    assert_false(pg_open(&t, s.stop, &c, &e));
    assert_int_equal(e.code, ERR_CANCELLED);
    assert_true(socket_now_ms() - begin < 25000);
    (void)pthread_join(thread, NULL);
    assert_false(pg_open(&t, s.stop, &c, &e)); /* and at once from now on */
    assert_int_equal(e.code, ERR_CANCELLED);
    stop_free(s.stop);
    (void)close(fd);
}

static void a_silent_server_is_given_up(void **state)
{
    (void)state;
    struct pg_target t = over_tls("plain", PASSWORD);
    int fd = silent_socket(&t.port);
    t.connect_timeout_s = 1;
    struct pg *c = NULL;
    struct err e = ERR_INIT;
    int64_t begin = socket_now_ms();
    assert_false(pg_open(&t, NULL, &c, &e));
    int64_t took = socket_now_ms() - begin;
    assert_int_equal(e.code, ERR_UNAVAILABLE);
    assert_string_equal(e.said, "no answer within 1 s");
    assert_true(took >= 1000 && took < 25000);
    (void)close(fd);
}

static bool nobody_sleeps(void *arg)
{
    char *n =
        server_value(arg, "postgres",
                     "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query ~ 'pg_sleep'"
                     " AND pid <> pg_backend_pid()");
    bool none = strcmp(n, "0") == 0;
    free(n);
    return none;
}

static void stop_cancels_the_statement_at_the_server(void **state)
{
    (void)state;
    struct pg_target t = over_tls("plain", PASSWORD);
    struct stopper s = {stop_new(), 300};
    struct pg *c CLEANUP(pg_cleanup) = NULL;
    struct err e = ERR_INIT;
    assert_true(pg_open(&t, s.stop, &c, &e));
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, stop_later, &s), 0);
    int64_t begin = socket_now_ms();
    assert_false(query_run(c, "SELECT pg_sleep(60)", &e));
    assert_true(socket_now_ms() - begin < 50000);
    assert_int_equal(e.code, ERR_CANCELLED);
    assert_non_null(strstr(e.text, "it was cancelled there"));
    assert_true(nobody_sleeps(server));
    (void)pthread_join(thread, NULL);
    assert_false(query_run(c, "SELECT 1", &e));
    assert_int_equal(e.code, ERR_CANCELLED);
    stop_free(s.stop);
}

static void a_stopped_transaction_is_rolled_back(void **state)
{
    (void)state;
    struct stopper s = {stop_new(), 200};
    struct pg_target t = {.host = fixture_dir(),
                          .port = server->port,
                          .database = "postgres",
                          .username = "rdsadmin",
                          .writable = true};
    struct pg *c CLEANUP(pg_cleanup) = NULL;
    struct err e = ERR_INIT;
    assert_true(pg_open(&t, s.stop, &c, &e));
    assert_true(query_run(c, "BEGIN", &e));
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, stop_later, &s), 0);
    assert_false(query_run(c, "SELECT pg_sleep(60)", &e));
    (void)pthread_join(thread, NULL);
    query_rollback(c);
    assert_int_equal(PQtransactionStatus(c->conn), PQTRANS_IDLE);
    stop_free(s.stop);
}

static void the_server_ends_a_statement_that_takes_too_long(void **state)
{
    (void)state;
    struct pg_target t = over_tls("plain", PASSWORD);
    t.statement_timeout_s = 1;
    struct pg *c CLEANUP(pg_cleanup) = NULL;
    struct err e = ERR_INIT;
    assert_true(pg_open(&t, NULL, &c, &e));
    assert_false(query_run(c, "SELECT pg_sleep(60)", &e));
    assert_int_equal(e.code, ERR_TIMEOUT);
    assert_string_equal(e.text, "a statement took longer than 1 s");
    assert_string_equal(e.remote_code, "57014");
    assert_true(query_run(c, "SELECT 1", &e));
}

/* A server that hangs does not end its statements either. */
static void a_frozen_server_is_given_up(void **state)
{
    (void)state;
    struct server *s = server_new(server->major, false, NULL);
    struct pg *c CLEANUP(pg_cleanup) = server_open(s, "postgres", "rdsadmin", false);
    struct err e = ERR_INIT;
    assert_int_equal(kill(PQbackendPID(c->conn), SIGSTOP), 0);
    assert_int_equal(kill(s->pid, SIGSTOP), 0);
    int64_t begin = socket_now_ms();
    bool done = query_run_for(c, "SELECT 1", 500, &e);
    int64_t took = socket_now_ms() - begin;
    assert_int_equal(kill(s->pid, SIGCONT), 0);
    assert_int_equal(kill(PQbackendPID(c->conn), SIGCONT), 0);
    assert_false(done);
    assert_int_equal(e.code, ERR_TIMEOUT);
    assert_true(took >= 500 && took < 50000);
    assert_false(query_run(c, "SELECT 1", &e));
    assert_int_equal(e.code, ERR_UNAVAILABLE);
}

static void a_killed_session_is_reported_as_lost(void **state)
{
    (void)state;
    struct pg *c CLEANUP(pg_cleanup) = server_open(server, "postgres", "rdsadmin", false);
    struct err e = ERR_INIT;
    server_sqlf(server, "postgres", "SELECT pg_terminate_backend(%d)", PQbackendPID(c->conn));
    assert_false(query_run(c, "SELECT 1", &e));
    assert_int_equal(e.code, ERR_UNAVAILABLE);
    assert_string_equal(e.remote_code, "57P01");
    assert_false(query_run(c, "SELECT 1", &e));
    assert_int_equal(e.code, ERR_UNAVAILABLE);
}

/* ---- sessions ---- */

static void roles_and_databases_cannot_change_what_a_session_reads(void **state)
{
    (void)state;
    server_sql(server, "postgres",
               "CREATE SCHEMA evil; CREATE FUNCTION evil.starts_with(text, text) RETURNS bool LANGUAGE sql AS"
               " 'SELECT 1/0 > 0'; CREATE FUNCTION evil.eq(text, text) RETURNS bool LANGUAGE sql AS 'SELECT "
               "1/0 > 0';"
               "CREATE OPERATOR evil.= (LEFTARG = text, RIGHTARG = text, FUNCTION = evil.eq);"
               "GRANT USAGE ON SCHEMA evil TO PUBLIC;"
               "ALTER ROLE fenced SET search_path = evil, pg_catalog;"
               "ALTER ROLE fenced SET \"DateStyle\" = 'German'; ALTER ROLE fenced SET statement_timeout = 60;"
               "ALTER ROLE fenced SET quote_all_identifiers = on");
    struct pg *c CLEANUP(pg_cleanup) = server_open(server, "postgres", "fenced", false);
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    struct err e = ERR_INIT;
    const struct pg_slot *slots;
    size_t n;
    const char *value;
    assert_true(pg_slots(c, a, "x", &slots, &n, &e));
    assert_true(pg_setting(c, a, "datestyle", &value, &e));
    assert_string_equal(value, "ISO, MDY");
    assert_true(pg_setting(c, a, "STATEMENT_TIMEOUT", &value, &e));
    assert_string_equal(value, "300000");
    assert_true(pg_setting(c, a, "no.such_setting'; DROP TABLE x", &value, &e));
    assert_string_equal(value, "");
}

static void databases_are_those_a_user_could_have_made(void **state)
{
    (void)state;
    server_sql(server, "postgres", "CREATE DATABASE \"q\"\"uo'te\\ ü\"");
    server_sql(server, "postgres", "CREATE DATABASE rdsadmin");
    struct pg *c CLEANUP(pg_cleanup) = server_open(server, "q\"uo'te\\ ü", "plain", false);
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    struct err e = ERR_INIT;
    const char **names;
    size_t n;
    assert_true(pg_databases(c, a, &names, &n, &e));
    assert_string_equal(name_list(a, names, n, 10), "fence, postgres, q\"uo'te\\ ü");
    static const struct pg_database_row all[] = {{"closed", false, false},   {"fence", false, true},
                                                 {"postgres", false, true},  {"q\"uo'te\\ ü", false, true},
                                                 {"template0", true, false}, {"template1", true, true}};
    const struct pg_database_row *rows;
    assert_true(pg_all_databases(c, a, &rows, &n, &e));
    assert_int_equal(n, ARRAY_LEN(all));
    for (size_t i = 0; i < n; i++) {
        assert_string_equal(rows[i].name, all[i].name);
        assert_true(rows[i].is_template == all[i].is_template && rows[i].is_open == all[i].is_open);
    }
}

static void writes_are_refused_unless_asked_for(void **state)
{
    (void)state;
    struct pg *c CLEANUP(pg_cleanup) = server_open(server, "postgres", "rdsadmin", false);
    struct err e = ERR_INIT;
    assert_false(query_run(c, "CREATE TABLE public.never (x int)", &e));
    assert_int_equal(e.code, ERR_CONFLICT);
    assert_string_equal(e.remote_code, "25006");
    assert_false(pg_probe_writable(c, &e));
    assert_int_equal(e.code, ERR_BUG);
}

static void the_write_probe_tells_the_truth_and_leaves_nothing(void **state)
{
    (void)state;
    struct err e = ERR_INIT;
    bool read_only = true;
    struct pg *c CLEANUP(pg_cleanup) = server_open(server, "postgres", "plain", true);
    assert_true(pg_is_read_only(c, &read_only, &e));
    assert_false(read_only);
    if (!pg_probe_writable(c, &e))
        fail_msg("%s: %s", e.text, e.said);
    assert_int_equal(PQtransactionStatus(c->conn), PQTRANS_IDLE);
    server_sql(server, "postgres", "ALTER DATABASE postgres SET default_transaction_read_only = on");
    struct pg *fenced CLEANUP(pg_cleanup) = server_open(server, "postgres", "plain", true);
    assert_true(pg_is_read_only(fenced, &read_only, &e));
    assert_true(read_only);
    assert_false(pg_probe_writable(fenced, &e));
    assert_int_equal(e.code, ERR_CONFLICT);
    server_sql(
        server, "postgres",
        "SET transaction_read_only = off; ALTER DATABASE postgres RESET default_transaction_read_only");
    lsn_t lsn = 0;
    assert_true(pg_current_lsn(c, &lsn, &e));
    assert_true(lsn > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(verified_tls_with_a_password_works),
        cmocka_unit_test(each_refusal_has_its_name),
        cmocka_unit_test(nonsense_is_refused_before_connecting),
        cmocka_unit_test(a_database_name_cannot_change_the_connection),
        cmocka_unit_test(the_environment_cannot_lead_elsewhere),
        cmocka_unit_test(the_password_is_masked_everywhere),
        cmocka_unit_test(stop_ends_a_connect_into_a_black_hole),
        cmocka_unit_test(a_silent_server_is_given_up),
        cmocka_unit_test(stop_cancels_the_statement_at_the_server),
        cmocka_unit_test(a_stopped_transaction_is_rolled_back),
        cmocka_unit_test(the_server_ends_a_statement_that_takes_too_long),
        cmocka_unit_test(a_frozen_server_is_given_up),
        cmocka_unit_test(a_killed_session_is_reported_as_lost),
        cmocka_unit_test(roles_and_databases_cannot_change_what_a_session_reads),
        cmocka_unit_test(databases_are_those_a_user_could_have_made),
        cmocka_unit_test(writes_are_refused_unless_asked_for),
        cmocka_unit_test(the_write_probe_tells_the_truth_and_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, start_server, NULL);
}
