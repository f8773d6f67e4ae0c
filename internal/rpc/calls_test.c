/* Scripted: a plugin process of its own, called over its socket. Who gets in, and what calls see. */
#include "internal/base/testing.h"
#include "internal/rpc/testclient.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static struct certificate go_like, stranger; /* P-521, as go-plugin makes them; same subject */

static struct plugin plugin;
static struct client *client;
static struct arena *arena;

static int start_plugin(void **state)
{
    (void)state;
    arena = arena_new();
    plugin_start(&plugin, &(struct plugin_options){.client = &go_like});
    assert_non_null(plugin.server_pem);
    client = client_new(plugin.socket, plugin.server_pem, &go_like);
    return 0;
}

static int stop_plugin(void **state)
{
    (void)state;
    plugin_shut_down(&plugin, client);
    arena_free(arena);
    return 0;
}

static struct str call_ok(const char *path, struct str request)
{
    struct call_result r = client_call(client, arena, path, request);
    if (r.status != GRPC_STATUS_OK)
        fail_msg("%s: status %d: %s", path, r.status, r.details);
    return r.reply;
}

static bool str_same(struct str a, struct str b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

/* ---- who gets in ---- */

static void handshake_names_a_private_socket(void **state)
{
    (void)state;
    assert_int_equal(strncmp(plugin.line, "1|6|unix|/", 10), 0);
    const char *certificate = strrchr(plugin.line, '|') + 1;
    assert_true(strlen(certificate) > 50); /* go-plugin overlooks shorter ones */
    assert_null(strchr(certificate, '='));
    struct stat st;
    char directory[256];
    (void)snprintf(directory, sizeof directory, "%s", plugin.socket);
    *strrchr(directory, '/') = '\0';
    assert_int_equal(stat(directory, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0700);
    assert_int_equal(stat(plugin.socket, &st), 0);
    assert_true(S_ISSOCK(st.st_mode));
}

static void expect_refusal(const char *server_pem, const struct certificate *who)
{
    struct client *c = client_new(plugin.socket, server_pem, who);
    struct call_result r = client_call(c, arena, "/test.Plugin/EchoInline", STR_LIT("let me in"));
    assert_int_equal(r.status, GRPC_STATUS_UNAVAILABLE);
    client_free(c);
    assert_true(str_is(call_ok("/test.Plugin/EchoInline", STR_LIT("still here")), "still here"));
}

static void other_certificate_is_refused(void **state)
{
    (void)state;
    expect_refusal(plugin.server_pem, &stranger);
}

static void no_certificate_is_refused(void **state)
{
    (void)state;
    expect_refusal(plugin.server_pem, NULL);
}

static void plain_text_is_refused(void **state)
{
    (void)state;
    expect_refusal(NULL, NULL);
}

static void send_garbage(const char *bytes, size_t n)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    (void)snprintf(address.sun_path, sizeof address.sun_path, "%s", plugin.socket);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_true(send(fd, bytes, n, MSG_NOSIGNAL) > 0);
    char back[256];
    (void)shutdown(fd, SHUT_WR);
    while (recv(fd, back, sizeof back, 0) > 0) /* until the plugin hangs up */
        ;
    (void)close(fd);
}

static void send_all_garbage(void)
{
    static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff";
    char noise[8192];
    srand(6);
    for (size_t i = 0; i < sizeof noise; i++)
        noise[i] = (char)rand();
    send_garbage(noise, sizeof noise);
    send_garbage("GET / HTTP/1.1\r\n\r\n", 18);
    send_garbage(preface, sizeof preface - 1);
    send_garbage("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11); /* the start of a TLS hello */
    assert_true(str_is(call_ok("/test.Plugin/Echo", STR_LIT("unharmed")), "unharmed"));
}

static void garbage_bytes_do_no_harm(void **state)
{
    (void)state;
    send_all_garbage();
}

static void without_certificate_it_is_plain_text(void **state)
{
    (void)state;
    arena = arena_new();
    plugin_start(&plugin, &(struct plugin_options){.client = NULL});
    assert_string_equal(plugin.line + strlen(plugin.line) - 6, "|grpc|"); /* an empty certificate field */
    client = client_new(plugin.socket, NULL, NULL);
    assert_true(str_is(call_ok("/test.Plugin/Echo", STR_LIT("hello")), "hello"));
    send_all_garbage();
    (void)stop_plugin(NULL);
}

/* ---- calls ---- */

static void messages_come_back(void **state)
{
    static const char *const paths[] = {"/test.Plugin/Echo", "/test.Plugin/EchoInline"};
    static const struct str rows[] = {STR_LIT(""), STR_LIT("x"), STR_LIT("with\0a NUL"),
                                      STR_LIT("twenty-three bytes long"),
                                      STR_LIT("twenty-four bytes long!!")};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(paths) * ARRAY_LEN(rows); i++) {
        struct str sent = rows[i / 2];
        assert_true(str_same(call_ok(paths[i % 2], sent), sent));
    }
}

static void large_message_both_ways(void **state)
{
    (void)state;
    size_t n = 40 << 20; /* core's own limit is 4 MiB */
    char *bytes = malloc(n);
    assert_non_null(bytes);
    for (size_t i = 0; i < n; i++)
        bytes[i] = (char)(i * 2654435761u >> 13);
    assert_true(str_same(call_ok("/test.Plugin/Echo", (struct str){bytes, n}), (struct str){bytes, n}));
    free(bytes);
}

static void failure_becomes_internal(void **state)
{
    (void)state;
    struct call_result r = client_call(client, arena, "/test.Plugin/Fail", STR_LIT("abc"));
    assert_int_equal(r.status, GRPC_STATUS_INTERNAL);
    assert_string_equal(r.details, "cannot decode 3 bytes");
}

static void call_without_message_is_refused(void **state)
{
    static const char *const paths[] = {"/test.Plugin/Echo", "/test.Plugin/EchoInline"};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
        struct call_result r = pending_finish(client_begin_without_message(client, paths[i]), arena);
        assert_int_equal(r.status, GRPC_STATUS_INTERNAL);
        assert_string_equal(r.details, "the request has no readable message");
    }
}

static void unknown_method_is_answered_at_once(void **state)
{
    static const char *const paths[] = {"/test.Plugin/Nothing",
                                        "/tfplugin6.Provider/GetResourceIdentitySchemas",
                                        "/tfplugin5.Provider/GetSchema",
                                        "/",
                                        "/test.Plugin/Echo2",
                                        "/test.Plugin/Ech",
                                        "/grpc.reflection.v1.ServerReflection/x"};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
        struct call_result r = client_call(client, arena, paths[i], STR_LIT("x"));
        assert_int_equal(r.status, GRPC_STATUS_UNIMPLEMENTED);
        struct pending *stream = client_open(client, paths[i]); /* a client stream: no end of sending */
        r = pending_finish(stream, arena);
        assert_int_equal(r.status, GRPC_STATUS_UNIMPLEMENTED);
    }
}

static void many_unknown_calls_at_once(void **state)
{
    enum { N = 200 };
    struct pending *calls[N];
    (void)state;
    for (size_t i = 0; i < N; i++)
        calls[i] = client_begin(client, "/test.Plugin/Nothing", STR_LIT(""));
    for (size_t i = 0; i < N; i++)
        assert_int_equal(pending_finish(calls[i], arena).status, GRPC_STATUS_UNIMPLEMENTED);
}

static void health(void **state)
{
    static const struct {
        struct str request;
        char status;
    } rows[] = {
        {STR_LIT("\x0a\x06plugin"), 1 /* SERVING */},
        {STR_LIT(""), 1},
        {STR_LIT("\x0a\x05other"), 3 /* SERVICE_UNKNOWN */},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct str reply = call_ok("/grpc.health.v1.Health/Check", rows[i].request);
        assert_true(str_same(reply, (struct str){(const char[]){0x08, rows[i].status}, 2}));
    }
    struct call_result r = client_call(client, arena, "/grpc.health.v1.Health/Check", STR_LIT("\x0a\xff"));
    assert_int_equal(r.status, GRPC_STATUS_INTERNAL);
}

static void host_streams_stay_open(void **state)
{
    static const char *const paths[] = {"/plugin.GRPCStdio/StreamStdio", "/plugin.GRPCBroker/StartStream"};
    struct pending *streams[ARRAY_LEN(paths)];
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
        streams[i] = client_open(client, paths[i]);
        assert_true(pending_wait_opened(streams[i]));
    }
    (void)call_ok("/test.Plugin/Echo", STR_LIT(""));
    for (size_t i = 0; i < ARRAY_LEN(paths); i++)
        assert_false(pending_is_over(streams[i], 20));
    assert_int_equal(client_call(client, arena, "/plugin.GRPCController/Shutdown", STR_LIT("")).status,
                     GRPC_STATUS_OK);
    for (size_t i = 0; i < ARRAY_LEN(paths); i++)
        assert_int_equal(pending_finish(streams[i], arena).status, GRPC_STATUS_OK);
    int status;
    assert_true(plugin_wait(&plugin, HOST_PATIENCE_MS, &status));
    assert_int_equal(status, 0);
    plugin_done(&plugin);
    client_free(client);
    arena_free(arena);
}

/* ---- a hundred at once ---- */

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median_inline_ms(void)
{
    double took[21];
    for (size_t i = 0; i < ARRAY_LEN(took); i++) {
        double begun = now_ms();
        (void)call_ok("/test.Plugin/EchoInline", STR_LIT("ping"));
        took[i] = now_ms() - begun;
    }
    qsort(took, ARRAY_LEN(took), sizeof took[0], by_value);
    return took[ARRAY_LEN(took) / 2];
}

static void hundred_wait_while_stop_is_answered(void **state)
{
    enum { N = 100 };
    struct pending *calls[N];
    (void)state;
    for (size_t i = 0; i < N; i++)
        calls[i] = client_begin(client, "/test.Plugin/Block", STR_LIT(""));
    wait_until_running(client, N);
    double median = median_inline_ms();
    print_message("    inline call beside %d waiting ones: %.2f ms (median of 21)\n", N, median);
    assert_true(median < 5000); /* behind one of those that wait it would take for ever */

    double begun = now_ms();
    assert_true(str_is(call_ok("/test.Plugin/Stop", STR_LIT("")), "stopping"));
    print_message("    stop answered in %.2f ms", now_ms() - begun);
    for (size_t i = 0; i < N; i++) {
        struct call_result r = pending_finish(calls[i], arena);
        assert_int_equal(r.status, GRPC_STATUS_OK);
        assert_true(str_is(r.reply, "stopped"));
    }
    print_message(", all %d ended in %.2f ms\n", N, now_ms() - begun);
    assert_true(str_is(call_ok("/test.Plugin/Echo", STR_LIT("stop is not the end")), "stop is not the end"));
}

static void cancelled_call_leaves_the_rest_alone(void **state)
{
    (void)state;
    struct client *other = client_new(plugin.socket, plugin.server_pem, &go_like);
    struct pending *lost = client_begin(other, "/test.Plugin/Block", STR_LIT(""));
    wait_until_running(client, 1);
    pending_cancel(lost);
    assert_int_equal(pending_finish(lost, arena).status, GRPC_STATUS_CANCELLED);
    client_free(other);
    assert_true(str_is(call_ok("/test.Plugin/Running", STR_LIT("")), "1")); /* it ends by the stop token */
    assert_true(str_is(call_ok("/test.Plugin/Stop", STR_LIT("")), "stopping"));
    wait_until_running(client, 0);
}

/* ---- the process around them ---- */

static void children_inherit_nothing(void **state)
{
    (void)state;
    struct str seen = call_ok("/test.Plugin/ChildDescriptors", STR_LIT(""));
    /* Its own stdout, and the directory that ls reads; which number that gets does not matter. */
    size_t lines = 0;
    bool has_stdout = false;
    for (const char *p = seen.p; *p; p += strcspn(p, "\n") + 1) {
        lines++;
        has_stdout = has_stdout || strncmp(p, "1\n", 2) == 0;
    }
    if (lines != 2 || !has_stdout)
        fail_msg("a child sees the descriptors\n%s", seen.p);
}

static void stdin_is_left_alone(void **state)
{
    (void)state;
    assert_true(str_is(call_ok("/test.Plugin/ReadStdin", STR_LIT("")), "end of file"));
}

static void no_core_files(void **state)
{
    (void)state;
    char path[64], line[256];
    (void)snprintf(path, sizeof path, "/proc/%d/limits", (int)plugin.pid);
    FILE *f = fopen(path, "re");
    assert_non_null(f);
    bool is_forbidden = false;
    while (fgets(line, sizeof line, f)) {
        char soft[32], hard[32];
        if (sscanf(line, "Max core file size %31s %31s", soft, hard) == 2)
            is_forbidden = strcmp(soft, "0") == 0 && strcmp(hard, "0") == 0;
    }
    (void)fclose(f);
    assert_true(is_forbidden);
}

static int make_certificates(void **state)
{
    (void)state;
    assert_true(certificate_make("P-521", &go_like, NULL));
    assert_true(certificate_make("P-521", &stranger, NULL));
    grpc_init();
    return 0;
}

static int free_certificates(void **state)
{
    (void)state;
    certificate_done(&go_like);
    certificate_done(&stranger);
    grpc_shutdown();
    return 0;
}

#define WITH_PLUGIN(f) cmocka_unit_test_setup_teardown(f, start_plugin, stop_plugin)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_PLUGIN(handshake_names_a_private_socket),
        WITH_PLUGIN(other_certificate_is_refused),
        WITH_PLUGIN(no_certificate_is_refused),
        WITH_PLUGIN(plain_text_is_refused),
        WITH_PLUGIN(garbage_bytes_do_no_harm),
        cmocka_unit_test(without_certificate_it_is_plain_text),
        WITH_PLUGIN(messages_come_back),
        WITH_PLUGIN(large_message_both_ways),
        WITH_PLUGIN(failure_becomes_internal),
        WITH_PLUGIN(call_without_message_is_refused),
        WITH_PLUGIN(unknown_method_is_answered_at_once),
        WITH_PLUGIN(many_unknown_calls_at_once),
        WITH_PLUGIN(health),
        cmocka_unit_test_setup(host_streams_stay_open, start_plugin),
        WITH_PLUGIN(hundred_wait_while_stop_is_answered),
        WITH_PLUGIN(cancelled_call_leaves_the_rest_alone),
        WITH_PLUGIN(children_inherit_nothing),
        WITH_PLUGIN(stdin_is_left_alone),
        WITH_PLUGIN(no_core_files),
    };
    return cmocka_run_group_tests(tests, make_certificates, free_certificates);
}
