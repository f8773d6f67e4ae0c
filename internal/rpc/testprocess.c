/* The process half of testclient.h. */
#include "internal/base/testing.h"
#include "internal/rpc/testclient.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ENVIRONMENT_MAX = 32 };

/* Sanitizers need theirs; nothing else of ours is inherited. */
static const char *const inherited[] = {"PATH", "ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS",
                                        "TSAN_OPTIONS"};

static void build_environment(struct arena *a, const struct plugin_options *o, const char *tmpdir,
                              char *ret[ENVIRONMENT_MAX])
{
    size_t n = 0;
    for (size_t i = 0; i < ARRAY_LEN(inherited); i++)
        if (getenv(inherited[i]))
            ret[n++] = arena_printf(a, "%s=%s", inherited[i], getenv(inherited[i]));
    ret[n++] = arena_printf(a, "TMPDIR=%s", tmpdir);
    ret[n++] = arena_strdup(a, "PLUGIN_PROTOCOL_VERSIONS=5,6");
    if (!o->has_no_cookie)
        ret[n++] = arena_strdup(a, "TF_PLUGIN_MAGIC_COOKIE="
                                   "d602bf8f470bc67ca7faa0386276bbdd4330efaf76d1a219cb4d6991ca9872b2");
    if (o->client)
        ret[n++] = arena_printf(a, "PLUGIN_CLIENT_CERT=%s", o->client->pem);
    for (const char *const *more = o->environment; more && *more; more++) {
        assert_true(n < ENVIRONMENT_MAX - 1);
        ret[n++] = arena_strdup(a, *more);
    }
    ret[n] = NULL;
}

static void spawn(struct plugin *p, char *const environment[], bool has_closed_stdout)
{
    int in[2], out[2], err = memfd_create("stderr", MFD_CLOEXEC); /* never full, unlike a pipe */
    assert_int_equal(pipe2(in, O_CLOEXEC), 0);
    assert_int_equal(pipe2(out, O_CLOEXEC), 0);
    assert_true(err >= 0);
    posix_spawn_file_actions_t actions;
    assert_int_equal(posix_spawn_file_actions_init(&actions), 0);
    assert_int_equal(posix_spawn_file_actions_adddup2(&actions, in[0], STDIN_FILENO), 0);
    assert_int_equal(posix_spawn_file_actions_adddup2(&actions, out[1], STDOUT_FILENO), 0);
    assert_int_equal(posix_spawn_file_actions_adddup2(&actions, err, STDERR_FILENO), 0);
    if (has_closed_stdout) {
        (void)close(out[0]);
        out[0] = open("/dev/null", O_RDONLY | O_CLOEXEC);
    }
    char *const argv[] = {(char *)(uintptr_t)TEST_PLUGIN, NULL};
    assert_int_equal(posix_spawn(&p->pid, TEST_PLUGIN, &actions, NULL, argv, environment), 0);
    (void)posix_spawn_file_actions_destroy(&actions);
    (void)close(in[0]);
    (void)close(out[1]);
    p->in = in[1];
    p->out = out[0];
    p->err = err;
    p->pidfd = pidfd_open(p->pid, 0);
    assert_true(p->pidfd >= 0);
}

static void read_line(struct plugin *p)
{
    size_t n = 0;
    struct pollfd ready = {.fd = p->out, .events = POLLIN};
    while (n < sizeof p->line - 1) {
        if (poll(&ready, 1, PATIENCE_MS) != 1)
            fail_msg("no handshake line in %d ms", PATIENCE_MS);
        ssize_t got = read(p->out, p->line + n, sizeof p->line - 1 - n);
        if (got <= 0)
            break;
        n += (size_t)got;
        if (p->line[n - 1] == '\n') {
            p->line[n - 1] = '\0';
            return;
        }
    }
    p->line[0] = '\0';
}

static char *pem_of(const char *base64)
{
    char text[4096 + 4];
    unsigned char der[4096];
    (void)snprintf(text, sizeof text, "%s===", base64);
    text[(strlen(base64) + 3) / 4 * 4] = '\0';
    int n = EVP_DecodeBlock(der, (const unsigned char *)text, (int)strlen(text));
    assert_true(n > 0);
    const unsigned char *at = der;
    X509 *x = d2i_X509(NULL, &at, n);
    assert_non_null(x);
    BIO *b = BIO_new(BIO_s_mem());
    assert_true(PEM_write_bio_X509(b, x));
    char *data;
    long size = BIO_get_mem_data(b, &data);
    char *pem = strndup(data, (size_t)size);
    BIO_free(b);
    X509_free(x);
    return pem;
}

static void parse_line(struct plugin *p)
{
    const char *attached = strstr(p->line, "\"String\":\"");
    if (attached)
        assert_int_equal(sscanf(attached, "\"String\":\"%107[^\"]\"}}}", p->socket), 1);
    char certificate[4096] = "";
    if (strncmp(p->line, "1|6|unix|", 9) != 0)
        return;
    assert_true(sscanf(p->line, "1|6|unix|%107[^|]|grpc|%4095s", p->socket, certificate) >= 1);
    if (certificate[0])
        p->server_pem = pem_of(certificate);
}

void plugin_start(struct plugin *p, const struct plugin_options *o)
{
    CLEANUP(arena_cleanup) struct arena *a = arena_new();
    *p = (struct plugin){.pid = -1};
    if (!o->tmpdir) {
        (void)snprintf(p->tmpdir, sizeof p->tmpdir, "/tmp/rpc-test-XXXXXX");
        assert_non_null(mkdtemp(p->tmpdir));
    }
    char *environment[ENVIRONMENT_MAX];
    build_environment(a, o, o->tmpdir ? o->tmpdir : p->tmpdir, environment);
    double begun = now_ms();
    spawn(p, environment, o->has_closed_stdout);
    read_line(p);
    p->started_ms = now_ms() - begun;
    parse_line(p);
}

bool plugin_wait(struct plugin *p, int64_t ms, int *ret_status)
{
    struct pollfd ended = {.fd = p->pidfd, .events = POLLIN};
    if (poll(&ended, 1, (int)ms) != 1)
        return false;
    pid_t reaped = waitpid(p->pid, ret_status, 0);
    assert_int_equal(reaped, p->pid);
    p->pid = -1;
    return true;
}

const char *plugin_stderr(struct plugin *p, struct arena *a)
{
    struct buf all = BUF_INIT(64 << 20);
    char some[65536];
    for (ssize_t n; (n = pread(p->err, some, sizeof some, (off_t)all.n)) > 0;)
        (void)buf_add(&all, some, (size_t)n);
    const char *text = arena_strdup(a, buf_text(&all));
    buf_done(&all);
    return text;
}

void plugin_done(struct plugin *p)
{
    assert_int_equal(p->pid, -1);
    if (p->tmpdir[0] && rmdir(p->tmpdir) != 0)
        fail_msg("%s is left behind: %s", p->tmpdir, strerror(errno));
    (void)close(p->pidfd);
    (void)close(p->in);
    (void)close(p->out);
    (void)close(p->err);
    free(p->server_pem);
}

void plugin_shut_down(struct plugin *p, struct client *c)
{
    CLEANUP(arena_cleanup) struct arena *a = arena_new();
    struct call_result r = client_call(c, a, "/plugin.GRPCController/Shutdown", STR_LIT(""));
    assert_int_equal(r.status, GRPC_STATUS_OK);
    assert_int_equal(r.reply.n, 0);
    client_free(c);
    int status;
    if (!plugin_wait(p, HOST_PATIENCE_MS, &status)) {
        (void)kill(p->pid, SIGKILL);
        fail_msg("alive %d ms after Shutdown", HOST_PATIENCE_MS);
    }
    assert_string_equal(plugin_stderr(p, a), "");
    assert_int_equal(status, 0);
    plugin_done(p);
}
