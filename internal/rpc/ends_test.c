/* Scripted: how a plugin process begins and ends, politely and otherwise. */
#include "internal/base/testing.h"
#include "internal/rpc/rpc.h"
#include "internal/rpc/testclient.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
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

/* This program as a host of its own, to be killed: starts the plugin, prints its pid, and waits. */
static int be_a_host(const char *tmpdir, const char *opens_stream, const char *request)
{
    grpc_init();
    struct certificate mine;
    if (!certificate_make("P-521", &mine, NULL))
        return 1;
    plugin_start(&plugin, &(struct plugin_options){.client = &mine, .tmpdir = tmpdir});
    client = client_new(plugin.socket, plugin.server_pem, &mine);
    if (strcmp(opens_stream, "stream") == 0)
        (void)pending_wait_opened(client_open(client, "/plugin.GRPCStdio/StreamStdio"));
    if (*request) {
        (void)client_begin(client, "/test.Plugin/Undo", str_of(request));
        wait_until_running(client, 1);
    }
    (void)printf("%d\n", (int)plugin.pid);
    (void)fflush(stdout);
    for (;;)
        (void)pause();
}

struct host {
    pid_t pid;
    int plugin; /* pidfd */
    char tmpdir[64];
};

static void host_start(struct host *h, const char *opens_stream, const char *request)
{
    (void)snprintf(h->tmpdir, sizeof h->tmpdir, "/tmp/rpc-test-XXXXXX");
    assert_non_null(mkdtemp(h->tmpdir));
    int out[2];
    assert_int_equal(pipe2(out, 02000000 /* O_CLOEXEC */), 0);
    posix_spawn_file_actions_t actions;
    assert_int_equal(posix_spawn_file_actions_init(&actions), 0);
    assert_int_equal(posix_spawn_file_actions_adddup2(&actions, out[1], STDOUT_FILENO), 0);
    char *const argv[] = {(char[]){"host"}, h->tmpdir, (char *)(uintptr_t)opens_stream,
                          (char *)(uintptr_t)request, NULL};
    assert_int_equal(posix_spawn(&h->pid, "/proc/self/exe", &actions, NULL, argv, environ), 0);
    (void)posix_spawn_file_actions_destroy(&actions);
    (void)close(out[1]);
    FILE *f = fdopen(out[0], "r");
    int pid = 0;
    assert_int_equal(fscanf(f, "%d", &pid), 1);
    (void)fclose(f);
    h->plugin = pidfd_open(pid, 0);
    assert_true(h->plugin >= 0);
}

static void host_is_killed(struct host *h)
{
    struct pollfd ended = {.fd = h->plugin, .events = POLLIN};
    assert_int_equal(poll(&ended, 1, 0), 0); /* the plugin lives while its host does */
    assert_int_equal(kill(h->pid, SIGKILL), 0);
    assert_int_equal(waitpid(h->pid, NULL, 0), h->pid);
    double begun = now_ms();
    if (poll(&ended, 1, PATIENCE_MS) != 1)
        fail_msg("the plugin lives on");
    print_message("    death of the host to exit: %.1f ms\n", now_ms() - begun);
    (void)close(h->plugin);
}

static void killed_host_ends_it(void **state)
{
    (void)state;
    struct host h;
    host_start(&h, "stream", "");
    host_is_killed(&h);
    assert_int_equal(rmdir(h.tmpdir), 0); /* empty: the socket's directory is gone */
}

static void killed_host_without_streams_ends_it(void **state)
{
    (void)state;
    struct host h;
    host_start(&h, "no stream", "");
    host_is_killed(&h);
    assert_int_equal(rmdir(h.tmpdir), 0);
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
    assert_int_equal(unlink(marker), 0); /* it was made */
    assert_int_equal(rmdir(h.tmpdir), 0);
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

/* ---- beginnings ---- */

static void expect_no_start(const struct plugin_options *o, const char *told)
{
    arena = arena_new();
    plugin_start(&plugin, o);
    assert_string_equal(plugin.line, "");
    int status;
    assert_true(plugin_wait(&plugin, PATIENCE_MS, &status));
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 1);
    const char *said = plugin_stderr(&plugin, arena);
    if (strncmp(said, told, strlen(told)) != 0)
        fail_msg("%s", said);
    plugin_done(&plugin);
    arena_free(arena);
}

static void started_by_hand_it_explains(void **state)
{
    (void)state;
    expect_no_start(&(struct plugin_options){.has_no_cookie = true}, "This program is a plugin.");
}

static void bad_client_certificate_is_told(void **state)
{
    static const char *const rows[] = {
        "PLUGIN_CLIENT_CERT=garbage",
        "PLUGIN_CLIENT_CERT=-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const char *const environment[] = {rows[i], NULL};
        expect_no_start(&(struct plugin_options){.environment = environment},
                        "panic: the plugin could not start: ");
    }
}

static void closed_stdout_ends_it(void **state)
{
    (void)state;
    expect_no_start(&(struct plugin_options){.has_closed_stdout = true},
                    "panic: the plugin could not start: ");
}

static void other_versions_still_get_a_line(void **state)
{
    static const char *const rows[] = {"PLUGIN_PROTOCOL_VERSIONS=5", "PLUGIN_PROTOCOL_VERSIONS=6,5",
                                       "PLUGIN_PROTOCOL_VERSIONS="};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const char *const environment[] = {rows[i], NULL};
        begin(environment);
        assert_int_equal(strncmp(plugin.line, "1|6|unix|", 9), 0);
        plugin_shut_down(&plugin, client);
        arena_free(arena);
    }
}

static void unusable_tmpdir_is_passed_over(void **state)
{
    static const char *const rows[] = {
        "/tmp/0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123",
        "/does/not/exist",
        "relative",
        "",
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (i == 0)
            assert_int_equal(mkdir(rows[0], 0700), 0);
        arena = arena_new();
        plugin_start(&plugin, &(struct plugin_options){.client = &go_like, .tmpdir = rows[i]});
        assert_int_equal(strncmp(plugin.socket, "/tmp/plugin-", 12), 0);
        client = client_new(plugin.socket, plugin.server_pem, &go_like);
        (void)call_ok("/test.Plugin/Echo", STR_LIT(""));
        char socket[sizeof plugin.socket];
        memcpy(socket, plugin.socket, sizeof socket);
        plugin_shut_down(&plugin, client);
        arena_free(arena);
        *strrchr(socket, '/') = '\0';
        assert_int_equal(access(socket, F_OK), -1);
        if (i == 0)
            assert_int_equal(rmdir(rows[0]), 0);
    }
}

static void reattach_outlives_its_hosts(void **state)
{
    static const char *const environment[] = {"AURORA_REATTACH=1", NULL};
    (void)state;
    arena = arena_new();
    plugin_start(&plugin, &(struct plugin_options){
                              .client = &go_like, .environment = environment, .has_no_cookie = true});
    char start[200], socket[108] = "";
    (void)snprintf(start, sizeof start,
                   "{\"example.com/test/plugin\":{\"Protocol\":\"grpc\",\"ProtocolVersion\":6,\"Pid\":%d,"
                   "\"Test\":true,\"Addr\":{\"Network\":\"unix\",\"String\":\"",
                   (int)plugin.pid);
    assert_int_equal(strncmp(plugin.line, start, strlen(start)), 0);
    assert_int_equal(sscanf(plugin.line + strlen(start), "%107[^\"]\"}}}", socket), 1);
    for (int i = 0; i < 3; i++) { /* a host for each command, plain text, streams left without a word */
        client = client_new(socket, NULL, NULL);
        struct pending *stdio = client_open(client, "/plugin.GRPCStdio/StreamStdio");
        (void)pending_wait_opened(stdio);
        (void)call_ok("/test.Plugin/Echo", STR_LIT(""));
        pending_cancel(stdio);
        (void)pending_finish(stdio, arena);
        client_free(client);
    }
    assert_int_equal(kill(plugin.pid, SIGINT), 0); /* the developer's Ctrl-C */
    int status;
    assert_true(plugin_wait(&plugin, PATIENCE_MS, &status));
    assert_int_equal(status, 0);
    plugin_done(&plugin);
    arena_free(arena);
}

/* ---- the log ---- */

/* A line that is not such JSON can crash the host itself (go-plugin asserts types unchecked). */
static void every_log_line_is_json(void **state)
{
    static const char *const environment[] = {"TF_LOG=trace", "GRPC_VERBOSITY=debug", "GRPC_TRACE=http,tsi",
                                              NULL};
    (void)state;
    begin(environment);
    (void)call_ok("/test.Plugin/Echo", STR_LIT("x"));
    struct client *stranger = client_new(plugin.socket, NULL, NULL);
    (void)client_call(stranger, arena, "/test.Plugin/Echo", STR_LIT("x"));
    client_free(stranger);
    (void)call_ok("/plugin.GRPCController/Shutdown", STR_LIT(""));
    int status;
    assert_true(plugin_wait(&plugin, PATIENCE_MS, &status));
    const char *log = plugin_stderr(&plugin, arena);
    size_t lines = 0;
    for (const char *p = log; *p; p += strcspn(p, "\n") + 1, lines++) {
        static const char key[] = "{\"@level\":\"";
        if (strncmp(p, key, sizeof key - 1) != 0)
            fail_msg("%.*s", (int)strcspn(p, "\n"), p);
    }
    assert_non_null(strstr(log, "\"@module\":\"grpc\"")); /* gRPC's own words came through ours */
    assert_non_null(strstr(log, "/test.Plugin/Echo"));
    assert_true(lines > 10);
    assert_null(strstr(log, "PRIVATE KEY"));
    end();
}

/* ---- the real host ---- */

static void run_terraform(const char *directory, const char *argument, int *ret_status)
{
    char config[128];
    (void)snprintf(config, sizeof config, "%s/terraformrc", directory);
    assert_int_equal(setenv("TF_CLI_CONFIG_FILE", config, 1), 0);
    char command[256];
    (void)snprintf(command, sizeof command, "cd %s && terraform %s > out 2>&1", directory, argument);
    *ret_status = system(command); /* a fixed command in a directory of our own */
}

static void write_file(const char *directory, const char *name, const char *content)
{
    char path[128];
    (void)snprintf(path, sizeof path, "%s/%s", directory, name);
    FILE *f = fopen(path, "we");
    assert_non_null(f);
    assert_true(fputs(content, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

static void real_terraform_gets_in(void **state)
{
    (void)state;
    if (system("terraform version > /dev/null 2>&1") != 0) {
        print_message("    no terraform on PATH\n");
        skip();
    }
    char directory[] = "/tmp/rpc-test-XXXXXX", config[512], binary[64], remove[64];
    assert_non_null(mkdtemp(directory));
    (void)snprintf(binary, sizeof binary, "%s/terraform-provider-plugin", directory);
    assert_int_equal(symlink(TEST_PLUGIN, binary), 0);
    (void)snprintf(config, sizeof config,
                   "provider_installation {\n  dev_overrides { \"example.com/test/plugin\" = \"%s\" }\n"
                   "  direct {}\n}\n",
                   directory);
    write_file(directory, "terraformrc", config);
    write_file(
        directory, "main.tf",
        "terraform {\n  required_providers { plugin = { source = \"example.com/test/plugin\" } }\n}\n");
    int status;
    double begun = now_ms();
    run_terraform(directory, "providers schema -json", &status);
    print_message("    terraform providers schema: %.0f ms\n", now_ms() - begun);
    assert_int_equal(status, 0);
    assert_true(now_ms() - begun < PATIENCE_MS);
    (void)snprintf(remove, sizeof remove, "rm -r %s", directory);
    assert_int_equal(system(remove), 0);
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
        cmocka_unit_test(crash_is_told),
        cmocka_unit_test(started_by_hand_it_explains),
        cmocka_unit_test(bad_client_certificate_is_told),
        cmocka_unit_test(closed_stdout_ends_it),
        cmocka_unit_test(other_versions_still_get_a_line),
        cmocka_unit_test(unusable_tmpdir_is_passed_over),
        cmocka_unit_test(reattach_outlives_its_hosts),
        cmocka_unit_test(every_log_line_is_json),
        cmocka_unit_test(real_terraform_gets_in),
    };
    return cmocka_run_group_tests(tests, start_group, end_group);
}
