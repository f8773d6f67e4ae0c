/* What ends by itself: the sandbox, a server, an unfinished volume. And endpoints that hold or refuse
 * clients. */
#include "acceptance-tests/sandbox/engine/child.h"
#include "acceptance-tests/sandbox/engine/fixture.h"
#include "acceptance-tests/sandbox/engine/tree.h"

#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define PATIENCE_MS 30000

static char server_program[PATH_MAX]; /* of volume "v", as the kernel knows it */

/* In a process of its own: a sandbox with one server, whose pid goes into the pipe; then it waits to be
 * killed. */
static _Noreturn void sandbox_to_be_killed(int out)
{
    struct engine_options o = {.state_dir = fx_state, .run_as = "nobody"};
    struct volume_spec s = {
        .id = "v", .major = 17, .master_user = MASTER, .master_password = PASSWORD, .database = DATABASE};
    struct arena *a = arena_new();
    struct engine *g;
    int pid = 0;
    if (engine_open(&o, &g, NULL) && volume_create(g, &s, NULL) && volume_start(g, "v", NULL) &&
        volume_sql(g, a, "v", DATABASE, "CREATE TABLE t (a int); INSERT INTO t VALUES (1)", NULL, NULL))
        pid = volume_pid(g, "v");
    if (write(out, &pid, sizeof pid) != sizeof pid)
        _exit(1);
    for (;;)
        (void)pause();
}

static void kill_sandbox(pid_t sandbox)
{
    (void)kill(sandbox, SIGKILL);
    assert_int_equal(waitpid(sandbox, NULL, 0), sandbox);
}

/* Its servers end with it, cleanly, and the next one finds everything. */
static void test_sandbox_killed(void **state)
{
    (void)state;
    int out[2], server = 0;
    char link[64];
    assert_int_equal(pipe(out), 0);
    pid_t sandbox = fork();
    if (sandbox == 0)
        sandbox_to_be_killed(out[1]);
    (void)close(out[1]);
    ssize_t got = read(out[0], &server, sizeof server);
    (void)close(out[0]);
    (void)snprintf(link, sizeof link, "/proc/%d/exe", server);
    ssize_t n = server ? readlink(link, server_program, sizeof server_program - 1) : 0;
    kill_sandbox(sandbox);
    assert_int_equal(got, sizeof server);
    assert_true(server > 0 && n > 0);
    assert_true(child_ended(server, PATIENCE_MS));
    fx_reopen();
    assert_false(volume_running(fx_engine, "v"));
    OK(volume_start(fx_engine, "v", &e));
    assert_string_equal(fx_sql("v", "SELECT count(*) FROM t"), "1");
    OK(volume_stop(fx_engine, "v", &e));
}

/* A server that nobody ended is found by its pid file and ended before its volume is touched. A folder with a
 * dot is a volume that was being made. */
static void test_leftovers(void **state)
{
    (void)state;
    char data[128], half[128];
    (void)snprintf(data, sizeof data, "%s/engine/volumes/v/data", fx_state);
    (void)snprintf(half, sizeof half, "%s/engine/volumes/.half/data", fx_state);
    engine_close(fx_engine);
    fx_engine = NULL;
    struct account account = fx_account();
    const char *argv[] = {server_program, "-D", data, NULL};
    struct child_spec s = {.argv = argv, .cwd = data, .account = &account, .death_signal = SIGKILL};
    pid_t pid;
    OK(child_start(&s, &pid, &e));
    fx_await_file(data, "postmaster.pid");
    OK(tree_make(half, 0700, &e));
    fx_reopen();
    assert_true(child_ended(pid, 0));
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    assert_false(tree_exists(half));
    OK(volume_start(fx_engine, "v", &e));
    assert_string_equal(fx_sql("v", "SELECT count(*) FROM t"), "1");
}

static void test_one_sandbox_per_folder(void **state)
{
    (void)state;
    struct engine_options o = {.state_dir = fx_state, .run_as = "nobody"};
    struct engine *g = NULL;
    struct err refusal = ERR_INIT;
    assert_false(engine_open(&o, &g, &refusal));
    assert_int_equal(refusal.code, ERR_CONFLICT);
}

static void test_server_killed(void **state)
{
    (void)state;
    pid_t pid = volume_pid(fx_engine, "v");
    (void)fx_sql("v", "INSERT INTO t VALUES (2)");
    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_true(child_ended(pid, PATIENCE_MS));
    assert_false(volume_running(fx_engine, "v"));
    OK(volume_start(fx_engine, "v", &e));
    assert_string_equal(fx_sql("v", "SELECT count(*) FROM t"), "2");
}

/* Paused servers can be ended too. */
static void test_server_paused(void **state)
{
    (void)state;
    assert_int_equal(kill(volume_pid(fx_engine, "v"), SIGSTOP), 0);
    OK(volume_stop(fx_engine, "v", &e));
    OK(volume_start(fx_engine, "v", &e));
}

/* A paused server's sessions wait, too; then they go on. Killed while it is paused, it leaves none behind. */
static void test_faults(void **state)
{
    (void)state;
    char cell[256], why[256];
    struct err none = ERR_INIT;
    assert_false(volume_kill(fx_engine, "nope", &none));
    assert_false(volume_pause(fx_engine, "nope", true, &none));
    OK(endpoint_point(fx_engine, "v", 5432, "v", ENDPOINT_WRITER, &e));
    PGconn *c = fx_session("v");
    OK(volume_pause(fx_engine, "v", true, &e));
    assert_int_equal(PQsendQuery(c, "SELECT 42"), 1);
    struct pollfd p = {.fd = PQsocket(c), .events = POLLIN};
    assert_int_equal(poll(&p, 1, 300), 0);
    OK(volume_pause(fx_engine, "v", false, &e));
    assert_int_equal(poll(&p, 1, PATIENCE_MS), 1);
    PGresult *r = PQgetResult(c);
    assert_string_equal(PQgetvalue(r, 0, 0), "42");
    PQclear(r);
    assert_null(PQgetResult(c));
    OK(volume_pause(fx_engine, "v", true, &e));
    OK(volume_kill(fx_engine, "v", &e));
    assert_false(fx_run(c, "SELECT 1", cell, why));
    PQfinish(c);
    assert_false(volume_kill(fx_engine, "v", &none));
    assert_false(volume_pause(fx_engine, "v", true, &none));
    OK(volume_start(fx_engine, "v", &e));
    c = fx_session("v");
    (void)fx_must(c, "SELECT 1");
    PQfinish(c);
    OK(volume_pause(fx_engine, "v", true, &e));
    OK(volume_stop(fx_engine, "v", &e)); /* in order, although paused with its sessions */
    OK(volume_start(fx_engine, "v", &e));
}

/* A client of a held endpoint waits, and is served when it is released. */
static void test_hold(void **state)
{
    (void)state;
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    const char *host = NULL;
    OK(endpoint_point(fx_engine, "v", 5432, "v", ENDPOINT_WRITER, &e));
    OK(endpoint_address(fx_engine, a, "v", &host, &e));
    endpoint_hold(fx_engine, "v", true);
    PGconn *c =
        PQconnectStart(arena_printf(a, "host=%s port=5432 dbname=%s user=%s password='%s' sslmode=require",
                                    host, DATABASE, MASTER, PASSWORD));
    PostgresPollingStatusType next = PGRES_POLLING_WRITING;
    bool released = false;
    while (next != PGRES_POLLING_OK && next != PGRES_POLLING_FAILED) {
        struct pollfd p = {.fd = PQsocket(c), .events = next == PGRES_POLLING_READING ? POLLIN : POLLOUT};
        int ready = poll(&p, 1, released ? PATIENCE_MS : 200);
        if (ready == 0 && !released) { /* connected by the kernel, answered by nobody */
            assert_int_equal(endpoint_connections(fx_engine, "v"), 0);
            endpoint_hold(fx_engine, "v", false);
            released = true;
            continue;
        }
        assert_int_equal(ready, 1);
        next = PQconnectPoll(c);
    }
    assert_true(released);
    assert_int_equal(next, PGRES_POLLING_OK);
    PQfinish(c);
}

/* What no configuration file should hold. */
static void test_parameters(void **state)
{
    (void)state;
    static const struct engine_param bad[] = {{"no_such_setting", "1"},
                                              {"work_mem", "1\nfsync = on"},
                                              {"x y", "1"},
                                              {"work_mem=1\n", "1"},
                                              {"", "1"},
                                              {".x", "1"},
                                              {"rds.", "1"}};
    static const struct engine_param good[] = {
        {"rds.whatever", "it's \\ fine"}, {"Work_Mem", "4321"}, {"port", "1"}};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_false(engine_params_check(fx_engine, 17, &bad[i], 1, NULL));
    OK(volume_set_params(fx_engine, "v", good, ARRAY_LEN(good), &e));
    assert_string_equal(fx_sql("v", "SHOW work_mem"), "4321kB");
    assert_string_equal(fx_sql("v", "SHOW rds.whatever"), "it's \\ fine");
    static const struct engine_param wrong[] = {{"work_mem", "lots"}};
    struct err refusal = ERR_INIT;
    assert_false(volume_set_params(fx_engine, "v", wrong, 1, &refusal));
    assert_non_null(strstr(refusal.text, "work_mem"));
    assert_string_equal(fx_sql("v", "SHOW work_mem"), "4321kB");
    OK(volume_stop(fx_engine, "v", &e));
    OK(volume_start(fx_engine, "v", &e)); /* the former parameters were kept */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sandbox_killed),
        cmocka_unit_test(test_leftovers),
        cmocka_unit_test(test_one_sandbox_per_folder),
        cmocka_unit_test(test_server_killed),
        cmocka_unit_test(test_server_paused),
        cmocka_unit_test(test_faults),
        cmocka_unit_test(test_hold),
        cmocka_unit_test(test_parameters),
    };
    return cmocka_run_group_tests(tests, fx_folder, fx_close);
}
