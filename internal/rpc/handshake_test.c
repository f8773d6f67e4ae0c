#include "internal/base/testing.h"

#include "internal/rpc/certificate.h"
#include "internal/rpc/handshake.h"
#include "internal/rpc/socket.h"

#include <fcntl.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void offered_versions(void **state)
{
    static const struct {
        const char *versions;
        bool offers_6;
    } rows[] = {
        {"5,6", true},
        {"6,5", true},
        {"6", true},
        {NULL, true},
        {"", true},
        {"5", false},
        {"7", false},
        {"66", false},
        {"6x", false},
        {"x6", false},
        {",,6", true},
        {"5,,6,", true},
        {",", false},
        {"-6", false},
        {"5;6", false},
        {" 6", true},
        {"99999999999999999999,6", true},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (handshake_offers(rows[i].versions, 6) != rows[i].offers_6)
            fail_msg("PLUGIN_PROTOCOL_VERSIONS=%s", rows[i].versions ? rows[i].versions : "(unset)");
}

static void line_is_unpadded(void **state)
{
    static const struct {
        const char *der, *line;
    } rows[] = {
        {"", "1|6|unix|/tmp/s|grpc|\n"},
        {"f", "1|6|unix|/tmp/s|grpc|Zg\n"},
        {"fo", "1|6|unix|/tmp/s|grpc|Zm8\n"},
        {"foo", "1|6|unix|/tmp/s|grpc|Zm9v\n"},
        {"\xfb\xff", "1|6|unix|/tmp/s|grpc|+/8\n"}, /* the standard alphabet, not the URL one */
    };
    (void)state;
    CLEANUP(arena_cleanup) struct arena *a = arena_new();
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        assert_string_equal(handshake_line(a, 6, "/tmp/s", rows[i].der, strlen(rows[i].der)), rows[i].line);
}

static void reattach_line(void **state)
{
    (void)state;
    CLEANUP(arena_cleanup) struct arena *a = arena_new();
    assert_string_equal(
        handshake_reattach_line(a, "example.com/acme/aurora", 6, 4711, "/tmp/s"),
        "{\"example.com/acme/aurora\":{\"Protocol\":\"grpc\",\"ProtocolVersion\":6,"
        "\"Pid\":4711,\"Test\":true,\"Addr\":{\"Network\":\"unix\",\"String\":\"/tmp/s\"}}}\n");
}

static void environment(void **state)
{
    const struct rpc_options o = {
        .magic_cookie_key = "RPC_TEST_COOKIE", .magic_cookie_value = "yes", .protocol_version = 6};
    (void)state;
    static const char *const names[] = {"RPC_TEST_COOKIE", "PLUGIN_PROTOCOL_VERSIONS", "PLUGIN_CLIENT_CERT",
                                        "AURORA_REATTACH"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        assert_int_equal(unsetenv(names[i]), 0);
    struct handshake h = handshake_read(&o);
    assert_false(h.has_cookie || h.is_reattach || h.client_pem);
    assert_true(h.offers_version);

    assert_int_equal(setenv("RPC_TEST_COOKIE", "yes", 1), 0);
    assert_int_equal(setenv("PLUGIN_PROTOCOL_VERSIONS", "5", 1), 0);
    assert_int_equal(setenv("PLUGIN_CLIENT_CERT", "pem", 1), 0);
    h = handshake_read(&o);
    assert_true(h.has_cookie && !h.is_reattach && !h.offers_version);
    assert_string_equal(h.client_pem, "pem");

    assert_int_equal(setenv("PLUGIN_CLIENT_CERT", "", 1), 0);
    assert_null(handshake_read(&o).client_pem);
    assert_int_equal(setenv("RPC_TEST_COOKIE", "no", 1), 0);
    assert_false(handshake_read(&o).has_cookie);
    assert_int_equal(setenv("PLUGIN_CLIENT_CERT", "pem", 1), 0);
    assert_int_equal(setenv("AURORA_REATTACH", "1", 1), 0);
    h = handshake_read(&o);
    assert_true(h.is_reattach);
    assert_null(h.client_pem); /* who attaches speaks no TLS */
}

/* ---- certificate ---- */

static X509 *parse(const struct certificate *c)
{
    const unsigned char *der = c->der;
    X509 *x = d2i_X509(NULL, &der, (long)c->der_size);
    assert_non_null(x);
    assert_ptr_equal(der, c->der + c->der_size); /* nothing behind the leaf */
    return x;
}

static void certificate_properties(void **state)
{
    static const struct {
        const char *curve;
        int bits, signature;
    } rows[] = {
        {"P-256", 256, NID_ecdsa_with_SHA256},
        {"P-521", 521, NID_ecdsa_with_SHA512},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct certificate c;
        struct err e = ERR_INIT;
        if (!certificate_make(rows[i].curve, &c, &e))
            fail_msg("%s", e.text);
        X509 *x = parse(&c);
        assert_int_equal(EVP_PKEY_get_bits(X509_get0_pubkey(x)), rows[i].bits);
        assert_int_equal(X509_get_signature_nid(x), rows[i].signature);
        assert_int_equal(X509_get_version(x), X509_VERSION_3);
        assert_int_equal(X509_check_host(x, "localhost", 0, X509_CHECK_FLAG_NEVER_CHECK_SUBJECT, NULL), 1);
        assert_int_equal(X509_check_purpose(x, X509_PURPOSE_SSL_SERVER, 0), 1);
        assert_int_equal(X509_check_purpose(x, X509_PURPOSE_SSL_CLIENT, 0), 1);
        assert_int_equal(X509_check_ca(x), 1);
        assert_int_equal(X509_verify(x, X509_get0_pubkey(x)), 1);
        X509_free(x);
        certificate_done(&c);
    }
}

static void certificate_is_valid_around_now(void **state)
{
    (void)state;
    struct certificate c;
    assert_true(certificate_make("P-256", &c, NULL));
    X509 *x = parse(&c);
    time_t earlier = time(NULL) - 25, much_earlier = time(NULL) - 60, next_year = time(NULL) + 366L * 86400;
    assert_int_equal(X509_cmp_time(X509_get0_notBefore(x), &earlier), -1);
    assert_int_equal(X509_cmp_time(X509_get0_notBefore(x), &much_earlier), 1);
    assert_int_equal(X509_cmp_time(X509_get0_notAfter(x), &next_year), 1);
    X509_free(x);
    certificate_done(&c);
}

static void certificate_is_new_each_time(void **state)
{
    (void)state;
    struct certificate one, two;
    assert_true(certificate_make("P-256", &one, NULL));
    assert_true(certificate_make("P-256", &two, NULL));
    X509 *x = parse(&one), *y = parse(&two);
    assert_int_not_equal(ASN1_INTEGER_cmp(X509_get0_serialNumber(x), X509_get0_serialNumber(y)), 0);
    assert_int_equal(EVP_PKEY_eq(X509_get0_pubkey(x), X509_get0_pubkey(y)), 0);
    X509_free(x);
    X509_free(y);
    certificate_done(&one);
    certificate_done(&two);
}

static void pem_and_key_belong_together(void **state)
{
    (void)state;
    struct certificate c;
    assert_true(certificate_make("P-256", &c, NULL));
    BIO *cert = BIO_new_mem_buf(c.pem, -1), *secret = BIO_new_mem_buf(c.key_pem, -1);
    X509 *x = PEM_read_bio_X509(cert, NULL, NULL, NULL);
    EVP_PKEY *key = PEM_read_bio_PrivateKey(secret, NULL, NULL, NULL);
    assert_int_equal(X509_check_private_key(x, key), 1);
    X509 *same = parse(&c);
    assert_int_equal(X509_cmp(x, same), 0);
    X509_free(same);
    X509_free(x);
    EVP_PKEY_free(key);
    BIO_free(cert);
    BIO_free(secret);
    certificate_done(&c);
    assert_null(c.key_pem);
}

static void unknown_curve_is_an_error(void **state)
{
    (void)state;
    struct certificate c = {.pem = NULL};
    struct err e = ERR_INIT;
    assert_false(certificate_make("P-257", &c, &e));
    assert_non_null(strstr(e.text, "make a key"));
    assert_null(c.pem);
}

/* ---- socket path ---- */

static char root[] = "/tmp/rpc-unit-XXXXXX";

static int make_root(void **state)
{
    (void)state;
    return mkdtemp(root) ? 0 : -1;
}

static bool listens_at(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    (void)snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    return fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof address) == 0 && listen(fd, 1) == 0;
}

static int remove_root(void **state)
{
    (void)state;
    return rmdir(root); /* fails if a test left something behind */
}

static void socket_bases(void **state)
{
    static const struct {
        const char *base;
        bool is_taken;
    } rows[] = {
        {NULL, false},
        {"", false},
        {"relative", false},
        {"/does/not/exist", false},
        {"/tmp/a|b", false},
        {"/tmp/100%", false},
        {"/tmp/a\nb", false},
        {"/tmp/\"quoted\"", false},
        {"/tmp/back\\slash", false},
        {"/dev/null", false},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const char *const bases[] = {rows[i].base, root};
        struct socket_path s;
        assert_true(socket_path_make(bases, 2, &s, NULL));
        assert_int_equal(strncmp(s.directory, root, strlen(root)), 0);
        struct stat st;
        assert_int_equal(stat(s.directory, &st), 0);
        assert_int_equal(st.st_mode & 07777, 0700);
        socket_path_remove(&s);
        assert_int_equal(access(s.directory, F_OK), -1);
        assert_false(socket_path_make(bases, 1, &s, NULL));
    }
}

static void socket_base_too_long(void **state)
{
    (void)state;
    for (size_t n = 80; n <= 120; n++) { /* mkdtemp would make any that exists: these end in "/././." */
        char base[128];
        (void)snprintf(base, sizeof base, "%s", root);
        for (size_t i = strlen(base); i < n; i++)
            base[i] = "/."[i % 2];
        base[n] = '\0';
        const char *const bases[] = {base, root};
        struct socket_path s;
        assert_true(socket_path_make(bases, 2, &s, NULL));
        assert_true(strlen(s.socket) < SOCKET_PATH_SIZE);
        bool fits = n + strlen("/aurora-plugin-XXXXXX/rpc") < SOCKET_PATH_SIZE;
        assert_int_equal(strncmp(s.directory, base, n) == 0, fits);
        socket_path_remove(&s);
    }
}

/* ---- what killed processes leave ---- */

struct owner {
    pid_t pid;
    int go_on; /* closed: it ends without a word */
    char directory[SOCKET_PATH_SIZE];
};

/* A process that has made a directory, and a listening socket in it. */
static void owner_start(struct owner *o)
{
    int told[2], go[2];
    assert_int_equal(pipe2(told, O_CLOEXEC), 0);
    assert_int_equal(pipe2(go, O_CLOEXEC), 0);
    o->pid = fork();
    assert_true(o->pid >= 0);
    if (o->pid == 0) {
        const char *const bases[] = {root};
        struct socket_path s;
        char byte;
        (void)close(go[1]);
        bool ok = socket_path_make(bases, 1, &s, NULL) && listens_at(s.socket) &&
                  write(told[1], s.directory, sizeof s.directory) == sizeof s.directory;
        (void)close(told[1]);
        _exit(ok && read(go[0], &byte, 1) == 0 ? 0 : 1);
    }
    (void)close(told[1]);
    (void)close(go[0]);
    o->go_on = go[1];
    assert_int_equal(read(told[0], o->directory, sizeof o->directory), sizeof o->directory);
    (void)close(told[0]);
}

static void owner_is_killed(struct owner *o)
{
    int status;
    assert_int_equal(kill(o->pid, SIGKILL), 0);
    assert_int_equal(waitpid(o->pid, &status, 0), o->pid);
    assert_true(WIFSIGNALED(status));
    (void)close(o->go_on);
}

static bool is_there(const char *path)
{
    return access(path, F_OK) == 0;
}

/* The next plugin under the same base takes the dead one's directory away, and only that. */
static void socket_of_a_killed_process(void **state)
{
    const char *const bases[] = {root};
    struct owner killed, alive;
    struct socket_path s;
    char other[64], file[80];
    (void)state;
    owner_start(&killed);
    owner_start(&alive);
    (void)snprintf(other, sizeof other, "%s/aurora-plugin-filled",
                   root); /* named as ours, of six letters, and full */
    (void)snprintf(file, sizeof file, "%s/file", other);
    assert_int_equal(mkdir(other, 0700), 0);
    assert_int_equal(mkdir(file, 0700), 0);
    owner_is_killed(&killed);
    assert_true(is_there(killed.directory));
    assert_true(socket_path_make(bases, 1, &s, NULL));
    assert_false(is_there(killed.directory));
    assert_true(is_there(alive.directory));
    assert_true(is_there(file));
    socket_path_remove(&s);
    owner_is_killed(&alive);
    assert_int_equal(rmdir(file), 0);
    assert_true(socket_path_make(bases, 1, &s, NULL));
    assert_false(is_there(alive.directory));
    assert_false(is_there(other)); /* nobody's, empty now */
    socket_path_remove(&s);
}

/* Many come and go at once; each finds its own directory as long as it lives. */
static void sockets_of_many_at_once(void **state)
{
    enum { MANY = 8, ROUNDS = 40 };
    pid_t pids[MANY];
    (void)state;
    for (size_t i = 0; i < MANY; i++) {
        pids[i] = fork();
        assert_true(pids[i] >= 0);
        if (pids[i] > 0)
            continue;
        const char *const bases[] = {root};
        bool ok = true;
        for (int n = 0; ok && n < ROUNDS; n++) {
            struct socket_path s;
            ok = socket_path_make(bases, 1, &s, NULL) && is_there(s.directory);
            if (ok && n % 2)
                socket_path_remove(&s); /* the others stay until the process ends */
        }
        _exit(ok ? 0 : 1);
    }
    for (size_t i = 0; i < MANY; i++) {
        int status;
        assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
        assert_int_equal(status, 0);
    }
    const char *const bases[] = {root};
    struct socket_path s;
    assert_true(socket_path_make(bases, 1, &s, NULL));
    socket_path_remove(&s); /* remove_root() looks whether that was the last */
}

static void socket_nowhere_to_go(void **state)
{
    (void)state;
    const char *const bases[] = {"/does/not/exist", NULL};
    struct socket_path s = {.directory = "untouched"};
    struct err e = ERR_INIT;
    assert_false(socket_path_make(bases, 2, &s, &e));
    assert_string_equal(s.directory, "untouched");
    assert_int_equal(e.code, ERR_NOT_FOUND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(offered_versions),
        cmocka_unit_test(line_is_unpadded),
        cmocka_unit_test(reattach_line),
        cmocka_unit_test(environment),
        cmocka_unit_test(certificate_properties),
        cmocka_unit_test(certificate_is_valid_around_now),
        cmocka_unit_test(certificate_is_new_each_time),
        cmocka_unit_test(pem_and_key_belong_together),
        cmocka_unit_test(unknown_curve_is_an_error),
        cmocka_unit_test(socket_bases),
        cmocka_unit_test(socket_base_too_long),
        cmocka_unit_test(socket_of_a_killed_process),
        cmocka_unit_test(sockets_of_many_at_once),
        cmocka_unit_test(socket_nowhere_to_go),
    };
    return cmocka_run_group_tests(tests, make_root, remove_root);
}
