/* Scripted: how a plugin process ends, politely and otherwise. */
#include "internal/base/testing.h"
#include "internal/rpc/rpc.h"
#include "internal/rpc/testclient.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

static struct certificate go_like;
static struct plugin plugin;
static struct client *client;
static struct arena *arena;

static void begin(const char *const *environment)
{
    arena = arena_new();
    plugin_start(&plugin, &(struct plugin_options){.client = &go_like, .environment = environment});
    assert_non_null(plugin.server_pem);
    client = client_new(plugin.socket, plugin.server_pem, &go_like);
}

static void end(void)
{
    client_free(client);
    plugin_done(&plugin);
    arena_free(arena);
}

static struct str call_ok(const char *path, struct str request)
{
    struct call_result r = client_call(client, arena, path, request);
    if (r.status != GRPC_STATUS_OK)
        fail_msg("%s: status %d: %s", path, r.status, r.details);
    return r.reply;
}

/* ---- Shutdown ---- */

static void shutdown_delivers_running_answers(void **state)
{
    (void)state;
    begin(NULL);
    struct pending *apply = client_begin(client, "/test.Plugin/Undo", STR_LIT("300 -"));
    wait_until_running(client, 1);
    (void)call_ok("/plugin.GRPCController/Shutdown", STR_LIT(""));
    struct call_result r = pending_finish(apply, arena);
    assert_int_equal(r.status, GRPC_STATUS_OK);
    assert_true(str_is(r.reply, "undone"));
    int status;
    assert_true(plugin_wait(&plugin, HOST_PATIENCE_MS, &status));
    assert_int_equal(status, 0);
    assert_string_equal(plugin_stderr(&plugin, arena), "");
    end();
}

static double shutdown_takes_ms(bool client_reads)
{
    begin(NULL);
    struct pending *stdio = client_open(client, "/plugin.GRPCStdio/StreamStdio");
    (void)pending_wait_opened(stdio);
    double begun = now_ms();
    (void)call_ok("/plugin.GRPCController/Shutdown", STR_LIT(""));
    if (client_reads)
        assert_int_equal(pending_finish(stdio, arena).status, GRPC_STATUS_OK);
    int status;
    assert_true(plugin_wait(&plugin, HOST_PATIENCE_MS, &status));
    double took = now_ms() - begun;
    assert_int_equal(status, 0);
    if (!client_reads)
        (void)pending_finish(stdio, arena);
    end();
    return took;
}

static void shutdown_ends_idle_process_quickly(void **state)
{
    (void)state;
    print_message("    Shutdown to exit: %.1f ms\n", shutdown_takes_ms(true));
}

/* gRPC asks the client to confirm the end of a connection; one that does not answer must not cost the grace
 * period, which is for calls. */
static void silent_client_does_not_delay_the_end(void **state)
{
    (void)state;
    double took = shutdown_takes_ms(false);
    print_message("    Shutdown to exit: %.1f ms\n", took);
    assert_true(took < RPC_GRACE_SHUTDOWN_MS);
}

/* Two handlers that do not heed the stop token: the host would kill after 2 s, so the process must be gone by
 * then, and leave nothing. */
static void shutdown_waits_for_nobody_forever(void **state)
{
    (void)state;
    begin(NULL);
    struct pending *stubborn[2];
    for (size_t i = 0; i < ARRAY_LEN(stubborn); i++)
        stubborn[i] = client_begin(client, "/test.Plugin/Undo", STR_LIT("60000 -"));
    wait_until_running(client, 2);
    (void)call_ok("/plugin.GRPCController/Shutdown", STR_LIT(""));
    int status;
    assert_true(plugin_wait(&plugin, HOST_PATIENCE_MS, &status));
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 1);
    for (size_t i = 0; i < ARRAY_LEN(stubborn); i++)
        assert_int_not_equal(pending_finish(stubborn[i], arena).status, GRPC_STATUS_OK);
    end();
}

/* ---- signals ---- */

static void sigint_is_ignored(void **state)
{
    (void)state;
    begin(NULL);
    struct pending *apply = client_begin(client, "/test.Plugin/Block", STR_LIT(""));
    wait_until_running(client, 1);
    for (int i = 0; i < 3; i++)
        assert_int_equal(kill(plugin.pid, SIGINT), 0);
    assert_true(str_is(call_ok("/test.Plugin/Running", STR_LIT("")), "1")); /* neither dead nor stopped */
    (void)call_ok("/test.Plugin/Stop", STR_LIT(""));
    assert_int_equal(pending_finish(apply, arena).status, GRPC_STATUS_OK);
    plugin_shut_down(&plugin, client);
    arena_free(arena);
}

static void signal_ends_in_order(int signal_number)
{
    begin(NULL);
    struct pending *apply = client_begin(client, "/test.Plugin/Undo", STR_LIT("100 -"));
    struct pending *stdio = client_open(client, "/plugin.GRPCStdio/StreamStdio");
    (void)pending_wait_opened(stdio);
    wait_until_running(client, 1);
    assert_int_equal(kill(plugin.pid, signal_number), 0);
    struct call_result r = pending_finish(apply, arena);
    assert_int_equal(r.status, GRPC_STATUS_OK);
    assert_true(str_is(r.reply, "undone"));
    assert_int_equal(pending_finish(stdio, arena).status, GRPC_STATUS_OK);
    int status;
    assert_true(plugin_wait(&plugin, PATIENCE_MS, &status));
    assert_int_equal(status, 0);
    end();
}

static void sigterm_ends_in_order(void **state)
{
    (void)state;
    signal_ends_in_order(SIGTERM);
}

static void sighup_ends_in_order(void **state)
{
    (void)state;
    signal_ends_in_order(SIGHUP);
}

static void ignored_sighup_stays_ignored(void **state)
{
    (void)state;
    (void)signal(SIGHUP, SIG_IGN); /* as nohup does; the plugin inherits it */
    begin(NULL);
    (void)signal(SIGHUP, SIG_DFL);
    assert_int_equal(kill(plugin.pid, SIGHUP), 0);
    (void)call_ok("/test.Plugin/Echo", STR_LIT(""));
    plugin_shut_down(&plugin, client);
    arena_free(arena);
}

/* ---- the loss of the host ---- */

static void lost_connection_ends_it(void **state)
{
    (void)state;
    begin(NULL);
    struct pending *stdio = client_open(client, "/plugin.GRPCStdio/StreamStdio");
    (void)pending_wait_opened(stdio);
    pending_cancel(stdio);
    (void)pending_finish(stdio, arena);
    int status;
    assert_true(plugin_wait(&plugin, PATIENCE_MS, &status));
    assert_int_equal(status, 0);
    assert_string_equal(plugin_stderr(&plugin, arena), "");
    end();
}

static void closed_broker_is_no_loss(void **state)
{
    (void)state;
    begin(NULL);
    struct pending *broker = client_open(client, "/plugin.GRPCBroker/StartStream");
    (void)pending_wait_opened(broker);
    pending_cancel(broker); /* go-plugin does so before Shutdown */
    (void)pending_finish(broker, arena);
    (void)call_ok("/test.Plugin/Echo", STR_LIT(""));
    plugin_shut_down(&plugin, client);
    arena_free(arena);
}

/* ---- a host to be killed ---- */

/* This program as a host of its own: starts the plugin, says where it is, and waits. */
static int be_a_host(const char *tmpdir, const char *way, const char *request)
{
    static const char *const attached[] = {"AURORA_REATTACH=1", NULL};
    bool is_reattach = strcmp(way, "reattach") == 0;
    grpc_init();
    if (!certificate_make("P-521", &go_like, NULL))
        return 1;
    plugin_start(&plugin, &(struct plugin_options){.client = &go_like,
                                                   .tmpdir = tmpdir,
                                                   .environment = is_reattach ? attached : NULL});
    client = client_new(plugin.socket, plugin.server_pem, is_reattach ? NULL : &go_like);
    if (strcmp(way, "no stream") != 0)
        (void)pending_wait_opened(client_open(client, "/plugin.GRPCStdio/StreamStdio"));
    if (*request) {
        (void)client_begin(client, "/test.Plugin/Undo", str_of(request));
        wait_until_running(client, 1);
    }
    (void)printf("%d %s\n", (int)plugin.pid, plugin.socket);
    (void)fflush(stdout);
    for (;;)
        (void)pause();
}

struct host {
    pid_t pid;
    int plugin_pid, plugin; /* the latter a pidfd */
    char tmpdir[64], socket[108];
};

/* `way` is "stream", "no stream" or "reattach"; `request` of an Undo to be under way, or "". */
static void host_start(struct host *h, const char *way, const char *request)
{
    (void)snprintf(h->tmpdir, sizeof h->tmpdir, "/tmp/rpc-test-XXXXXX");
    assert_non_null(mkdtemp(h->tmpdir));
    int out[2];
    assert_int_equal(pipe2(out, O_CLOEXEC), 0);
    posix_spawn_file_actions_t actions;
    assert_int_equal(posix_spawn_file_actions_init(&actions), 0);
    assert_int_equal(posix_spawn_file_actions_adddup2(&actions, out[1], STDOUT_FILENO), 0);
    char *const argv[] = {(char[]){"host"}, h->tmpdir, (char *)(uintptr_t)way, (char *)(uintptr_t)request,
                          NULL};
    assert_int_equal(posix_spawn(&h->pid, "/proc/self/exe", &actions, NULL, argv, environ), 0);
    (void)posix_spawn_file_actions_destroy(&actions);
    (void)close(out[1]);
    FILE *f = fdopen(out[0], "r");
    assert_int_equal(fscanf(f, "%d %107s", &h->plugin_pid, h->socket), 2);
    (void)fclose(f);
    h->plugin = pidfd_open(h->plugin_pid, 0);
    assert_true(h->plugin >= 0);
}

static bool plugin_ended(const struct host *h, int ms)
{
    struct pollfd ended = {.fd = h->plugin, .events = POLLIN};
    return poll(&ended, 1, ms) == 1;
}

static void host_is_killed(struct host *h)
{
    assert_false(plugin_ended(h, 0)); /* it lives while its host does */
    assert_int_equal(kill(h->pid, SIGKILL), 0);
    assert_int_equal(waitpid(h->pid, NULL, 0), h->pid);
}

static void plugin_must_end(struct host *h)
{
    double begun = now_ms();
    if (!plugin_ended(h, PATIENCE_MS))
        fail_msg("the plugin lives on");
    print_message("    exit after %.1f ms\n", now_ms() - begun);
    (void)close(h->plugin);
    assert_int_equal(rmdir(h->tmpdir), 0); /* empty: the socket's directory is gone */
}

static void killed_host_ends_it(void **state)
{
    (void)state;
    struct host h;
    host_start(&h, "stream", "");
    host_is_killed(&h);
    plugin_must_end(&h);
}

static void killed_host_without_streams_ends_it(void **state)
{
    (void)state;
    struct host h;
    host_start(&h, "no stream", "");
    host_is_killed(&h);
    plugin_must_end(&h);
}

/* Nobody is left to kill the plugin after 2 s: what must be undone is undone. */
static void killed_host_leaves_time_to_undo(void **state)
{
    (void)state;
    struct host h;
    char marker[] = "/tmp/rpc-undone-XXXXXX", request[64];
    int fd = mkstemp(marker);
    assert_true(fd >= 0);
    (void)close(fd);
    assert_int_equal(unlink(marker), 0);
    (void)snprintf(request, sizeof request, "2500 %s", marker);
    host_start(&h, "stream", request);
    host_is_killed(&h);
    plugin_must_end(&h);
    assert_int_equal(unlink(marker), 0); /* it was made */
}

static void debugged_plugin_outlives_its_parent(void **state)
{
    (void)state;
    struct host h;
    arena = arena_new();
    host_start(&h, "reattach", "");
    host_is_killed(&h);
    client = client_new(h.socket, NULL, NULL);
    (void)call_ok("/test.Plugin/Echo", STR_LIT(""));
    client_free(client);
    assert_int_equal(kill(h.plugin_pid, SIGINT), 0);
    plugin_must_end(&h);
    arena_free(arena);
}

/* ---- crashes ---- */

static void crash_is_told(void **state)
{
    static const struct {
        const char *request, *line;
        int signal_number;
    } rows[] = {
        {"SIGSEGV", "panic: SIGSEGV at 0x0000000000000010 in rpc_test_plugin ", SIGSEGV},
        {"SIGBUS", "panic: SIGBUS at ", SIGBUS},
        {"SIGABRT", "panic: SIGABRT in rpc_test_plugin ", SIGABRT},
        {"overflow", "panic: SIGSEGV at ", SIGSEGV},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        begin(NULL);
        struct call_result r = client_call(client, arena, "/test.Plugin/Crash", str_of(rows[i].request));
        assert_int_equal(r.status, GRPC_STATUS_UNAVAILABLE);
        int status;
        assert_true(plugin_wait(&plugin, PATIENCE_MS, &status));
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == rows[i].signal_number);
        const char *told = plugin_stderr(&plugin, arena);
        if (strncmp(told, rows[i].line, strlen(rows[i].line)) != 0)
            fail_msg("%s: %s", rows[i].request, told);
        assert_non_null(strstr(told, "rpc_test_plugin(+0x")); /* a frame of ours */
        end();                                                /* the socket's directory is gone */
    }
}

static int start_group(void **state)
{
    (void)state;
    assert_true(certificate_make("P-521", &go_like, NULL));
    grpc_init();
    return 0;
}

static int end_group(void **state)
{
    (void)state;
    certificate_done(&go_like);
    grpc_shutdown();
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 4)
        return be_a_host(argv[1], argv[2], argv[3]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shutdown_delivers_running_answers),
        cmocka_unit_test(shutdown_ends_idle_process_quickly),
        cmocka_unit_test(silent_client_does_not_delay_the_end),
        cmocka_unit_test(shutdown_waits_for_nobody_forever),
        cmocka_unit_test(sigint_is_ignored),
        cmocka_unit_test(sigterm_ends_in_order),
        cmocka_unit_test(sighup_ends_in_order),
        cmocka_unit_test(ignored_sighup_stays_ignored),
        cmocka_unit_test(lost_connection_ends_it),
        cmocka_unit_test(closed_broker_is_no_loss),
        cmocka_unit_test(killed_host_ends_it),
        cmocka_unit_test(killed_host_without_streams_ends_it),
        cmocka_unit_test(killed_host_leaves_time_to_undo),
        cmocka_unit_test(debugged_plugin_outlives_its_parent),
        cmocka_unit_test(crash_is_told),
    };
    return cmocka_run_group_tests(tests, start_group, end_group);
}
