/* Scripted: how a plugin process begins, by a host, by hand, by a debugger; and what it logs. */
#include "internal/base/testing.h"
#include "internal/rpc/testclient.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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

static void expect_start_in_tmp(const char *tmpdir)
{
    arena = arena_new();
    plugin_start(&plugin, &(struct plugin_options){.client = &go_like, .tmpdir = tmpdir});
    assert_int_equal(strncmp(plugin.socket, "/tmp/aurora-plugin-", 19), 0);
    client = client_new(plugin.socket, plugin.server_pem, &go_like);
    (void)call_ok("/test.Plugin/Echo", STR_LIT(""));
    char directory[sizeof plugin.socket];
    memcpy(directory, plugin.socket, sizeof directory);
    *strrchr(directory, '/') = '\0';
    plugin_shut_down(&plugin, client);
    arena_free(arena);
    assert_int_equal(access(directory, F_OK), -1);
}

static void unusable_tmpdir_is_passed_over(void **state)
{
    static const char *const rows[] = {"/does/not/exist", "relative", ""};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        expect_start_in_tmp(rows[i]);
    char much_too_long[] =
        "/tmp/rpc-test-123456789-123456789-123456789-123456789-123456789-123456789-123456789-"
        "123456789-XXXXXX";
    assert_non_null(mkdtemp(much_too_long));
    expect_start_in_tmp(much_too_long);
    assert_int_equal(rmdir(much_too_long), 0);
}

static void reattach_outlives_its_hosts(void **state)
{
    static const char *const environment[] = {"AURORA_REATTACH=1", NULL};
    (void)state;
    arena = arena_new();
    plugin_start(&plugin, &(struct plugin_options){
                              .client = &go_like, .environment = environment, .has_no_cookie = true});
    char start[200];
    (void)snprintf(start, sizeof start,
                   "{\"example.com/test/plugin\":{\"Protocol\":\"grpc\",\"ProtocolVersion\":6,\"Pid\":%d,"
                   "\"Test\":true,\"Addr\":{\"Network\":\"unix\",\"String\":\"",
                   (int)plugin.pid);
    assert_int_equal(strncmp(plugin.line, start, strlen(start)), 0);
    for (int i = 0; i < 3; i++) { /* a host for each command, plain text, streams left without a word */
        client = client_new(plugin.socket, NULL, NULL);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(started_by_hand_it_explains),    cmocka_unit_test(bad_client_certificate_is_told),
        cmocka_unit_test(closed_stdout_ends_it),          cmocka_unit_test(other_versions_still_get_a_line),
        cmocka_unit_test(unusable_tmpdir_is_passed_over), cmocka_unit_test(reattach_outlives_its_hosts),
        cmocka_unit_test(every_log_line_is_json),         cmocka_unit_test(real_terraform_gets_in),
    };
    return cmocka_run_group_tests(tests, start_group, end_group);
}
