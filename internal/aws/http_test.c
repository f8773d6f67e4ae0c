/* The HTTP layer: URLs, TLS that must fail closed, proxies, headers, connections kept and not kept, Stop. */
#include "internal/aws/certificate.h"
#include "internal/aws/fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct step fine[] = {{.body = "fine"}, {0}};

static enum http_result send_to(struct http *h, const char *text, bool once, struct http_reply *reply,
                                struct err *e)
{
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    struct http_url url;
    assert_true(http_url_parse(a, text, &url, e));
    struct http_request q = {.method = "POST", .url = &url, .body = STR_LIT("hello"), .once = once};
    return http_send(h, &q, NULL, reply, e);
}

/* A machine that is busy with a hundred other things, or ThreadSanitizer, may take seconds to connect or to
 * end. */
#define PATIENT .connect_ms = 60000, .total_ms = 60000
enum { SOON_S = 30 }; /* half of what it takes without Stop */

static enum http_result send_once(const struct http_config *c, const char *url, struct err *e)
{
    struct http *h CLEANUP(http_cleanup) = NULL;
    struct http_reply reply = HTTP_REPLY_INIT;
    if (!http_new(c, &h, e))
        return HTTP_REFUSED;
    enum http_result result = send_to(h, url, false, &reply, e);
    if (result == HTTP_DONE)
        assert_string_equal(buf_text(&reply.body), "fine");
    else
        assert_int_equal(reply.body.n, 0);
    http_reply_done(&reply);
    return result;
}

static void url_rows(void **state)
{
    (void)state;
    static const struct {
        const char *text, *url, *path; /* url NULL: refused */
        bool secure, loopback;
    } rows[] = {
        {"https://rds.eu-west-1.amazonaws.com", "https://rds.eu-west-1.amazonaws.com", "/", true, false},
        {"https://x:443/", "https://x", "/", true, false},
        {"https://x:8443/a%20b/", "https://x:8443", "/a%20b/", true, false},
        {"http://127.0.0.1:4566", "http://127.0.0.1:4566", "/", false, true},
        {"http://127.9.9.9", "http://127.9.9.9", "/", false, true},
        {"http://localhost:80", "http://localhost", "/", false, true},
        {"http://rds.localhost", "http://rds.localhost", "/", false, true},
        {"http://[::1]:1", "http://[::1]:1", "/", false, true},
        {"http://notlocalhost", "http://notlocalhost", "/", false, false},
        {"http://10.0.0.1", "http://10.0.0.1", "/", false, false},
        {"ftp://x", NULL, NULL, false, false},
        {"file:///etc/passwd", NULL, NULL, false, false},
        {"x", NULL, NULL, false, false},
        {"", NULL, NULL, false, false},
        {"https://", NULL, NULL, false, false},
        {"https://u@x", NULL, NULL, false, false},
        {"https://x?y", NULL, NULL, false, false},
        {"https://x#y", NULL, NULL, false, false},
        {"https://x y", NULL, NULL, false, false},
        {"https://x:99999", NULL, NULL, false, false},
    };
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct http_url u;
        struct err e = ERR_INIT;
        bool ok = http_url_parse(a, rows[i].text, &u, &e);
        if (ok != (rows[i].url != NULL))
            fail_msg("%s: %s", rows[i].text, e.text);
        if (!ok)
            continue;
        assert_string_equal(u.text, rows[i].url);
        assert_string_equal(u.path, rows[i].path);
        assert_int_equal(u.secure, rows[i].secure);
        assert_int_equal(u.loopback, rows[i].loopback);
    }
}

/* ---- TLS ---- */

static char ca_path[] = "/tmp/aurora-ca-XXXXXX", other_ca_path[] = "/tmp/aurora-ca-XXXXXX";

enum server_kind { GOOD, SELF_SIGNED, WRONG_HOST, EXPIRED, NOT_YET, OLD_TLS, PLAIN };

static SSL_CTX *make_server(enum server_kind kind, const struct authority *ca)
{
    SSL_CTX *c = NULL;
    switch (kind) {
    case PLAIN:
        return NULL;
    case SELF_SIGNED:
        return certificate_server(NULL, "127.0.0.1", -60, 3600);
    case WRONG_HOST:
        return certificate_server(ca, "127.0.0.2", -60, 3600);
    case EXPIRED:
        return certificate_server(ca, "127.0.0.1", -3000, -60);
    case NOT_YET:
        return certificate_server(ca, "127.0.0.1", 600, 3000);
    default:
        c = certificate_server(ca, "127.0.0.1", -60, 3600);
        if (kind == OLD_TLS) {
            assert_int_equal(SSL_CTX_set_cipher_list(c, "ALL:@SECLEVEL=0"), 1);
            assert_int_equal(SSL_CTX_set_max_proto_version(c, TLS1_1_VERSION), 1);
        }
        return c;
    }
}

static void tls_rows(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        enum server_kind kind;
        const char *ca_file;
        bool insecure;
        enum http_result result;
    } rows[] = {
        {"right CA", GOOD, ca_path, false, HTTP_DONE},
        {"wrong CA", GOOD, other_ca_path, false, HTTP_UNTRUSTED},
        {"the system's CAs", GOOD, NULL, false, HTTP_UNTRUSTED},
        {"a CA file that is none", GOOD, "/etc/hostname", false, HTTP_UNTRUSTED},
        {"a CA file that is absent", GOOD, "/nonexistent/ca.pem", false, HTTP_REFUSED},
        {"self-signed", SELF_SIGNED, ca_path, false, HTTP_UNTRUSTED},
        {"wrong host", WRONG_HOST, ca_path, false, HTTP_UNTRUSTED},
        {"expired", EXPIRED, ca_path, false, HTTP_UNTRUSTED},
        {"not yet valid", NOT_YET, ca_path, false, HTTP_UNTRUSTED},
        {"TLS 1.1", OLD_TLS, ca_path, false, HTTP_UNSENT},
        {"no TLS at all", PLAIN, ca_path, false, HTTP_UNSENT},
        {"insecure: wrong CA", GOOD, other_ca_path, true, HTTP_DONE},
        {"insecure: wrong host", WRONG_HOST, ca_path, true, HTTP_DONE},
        {"insecure: still no TLS 1.1", OLD_TLS, ca_path, true, HTTP_UNSENT},
    };
    struct authority ca = authority_new(), other = authority_new();
    authority_write(&ca, ca_path);
    authority_write(&other, other_ca_path);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct scripted server;
        SSL_CTX *tls = make_server(rows[i].kind, &ca);
        struct http_config c = {.ca_file = rows[i].ca_file, .insecure = rows[i].insecure, PATIENT};
        struct err e = ERR_INIT;
        char url[64];
        scripted_start(&server, fine, tls);
        (void)snprintf(url, sizeof url, "https://127.0.0.1:%d", server.port);
        enum http_result result = send_once(&c, url, &e);
        if (result != rows[i].result || (result != HTTP_DONE && scripted_requests(&server) != 0 && tls))
            fail_msg("%s: result %d, %s", rows[i].name, (int)result, e.text);
        scripted_stop(&server);
        SSL_CTX_free(tls);
    }
    authority_free(&ca);
    authority_free(&other);
}

/* ---- proxies ---- */

static void proxy_rows(void **state)
{
    (void)state;
    static const struct {
        const char *name, *url, *no_proxy;
        bool for_https;
        enum http_result result;
        const char *seen; /* by the proxy; NULL: nothing */
    } rows[] = {
        {"http", "http://rds.test.invalid/x/", NULL, false, HTTP_DONE,
         "POST http://rds.test.invalid/x/ HTTP/1.1\r\n"},
        {"the password reaches the proxy only", "http://rds.test.invalid", NULL, false, HTTP_DONE,
         "Proxy-Authorization: Basic dTpwcm94eS1wYXNzd29yZA=="},
        {"https asks for a tunnel", "https://rds.test.invalid", NULL, true, HTTP_LOST,
         "CONNECT rds.test.invalid:443 HTTP/1.1\r\n"},
        {"another scheme's proxy does not count", "http://rds.test.invalid", NULL, true, HTTP_UNSENT, NULL},
        {"excepted host", "http://rds.test.invalid", "test.invalid", false, HTTP_UNSENT, NULL},
        {"everything excepted", "http://rds.test.invalid", "*", false, HTTP_UNSENT, NULL},
        {"loopback is never sent to a proxy", "http://localhost:1", NULL, false, HTTP_UNSENT, NULL},
    };
    static const struct step steps[] = {
        {.action = "CONNECT", .status = 403, .body = "no"}, {.body = "fine"}, {0}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct scripted proxy;
        struct err e = ERR_INIT;
        char text[96];
        scripted_start(&proxy, steps, NULL);
        (void)snprintf(text, sizeof text, "http://u:proxy-password@127.0.0.1:%d", proxy.port);
        struct http_config c = {.no_proxy = rows[i].no_proxy, PATIENT};
        *(rows[i].for_https ? &c.https_proxy : &c.http_proxy) = text;
        enum http_result result = send_once(&c, rows[i].url, &e);
        if (result != rows[i].result || (scripted_requests(&proxy) > 0) != (rows[i].seen != NULL))
            fail_msg("%s: result %d, %s", rows[i].name, (int)result, e.text);
        if (rows[i].seen)
            assert_non_null(strstr(scripted_request(&proxy, 0), rows[i].seen));
        assert_null(strstr(e.text, "proxy-password"));
        scripted_stop(&proxy);
    }
}

/* The process's own variables are not looked at: the layer above has done so, with its own precedence. */
static void process_environment_is_ignored(void **state)
{
    (void)state;
    struct scripted proxy;
    struct err e = ERR_INIT;
    struct http_config c = {PATIENT};
    scripted_start(&proxy, fine, NULL);
    assert_int_equal(setenv("http_proxy", proxy.url, 1), 0);
    assert_int_equal(setenv("all_proxy", proxy.url, 1), 0);
    assert_int_equal(send_once(&c, "http://rds.test.invalid", &e), HTTP_UNSENT);
    assert_int_equal(scripted_requests(&proxy), 0);
    assert_int_equal(unsetenv("http_proxy"), 0);
    assert_int_equal(unsetenv("all_proxy"), 0);
    scripted_stop(&proxy);
}

/* ---- headers ---- */

static void reply_headers(void **state)
{
    (void)state;
    static const struct step steps[] = {{.status = 418,
                                         .headers = "date: Fri, 02 Jan 2026 03:00:45 GMT\r\n"
                                                    "X-Amzn-RequestId:   abc-1 \r\nRetry-After: 5\r\n"
                                                    "x-amzn-ErrorType: Code:x\r\nContent-Type: a/b\r\n",
                                         .body = "fine"},
                                        {0}};
    struct scripted server;
    struct http *h CLEANUP(http_cleanup) = NULL;
    struct http_reply reply = HTTP_REPLY_INIT;
    struct http_config c = {0};
    struct err e = ERR_INIT;
    scripted_start(&server, steps, NULL);
    assert_true(http_new(&c, &h, &e));
    assert_int_equal(send_to(h, server.url, false, &reply, &e), HTTP_DONE);
    assert_int_equal(reply.status, 418);
    assert_true(reply.date_ms == RECORDER_WALL_MS);
    assert_string_equal(reply.request_id, "abc-1");
    assert_string_equal(reply.error_type, "Code:x");
    assert_string_equal(reply.content_type, "a/b");
    assert_int_equal(reply.retry_after_ms, 5000);
    http_reply_done(&reply);
    scripted_stop(&server);
}

static void too_many_headers(void **state)
{
    (void)state;
    struct buf many = BUF_INIT(1024 * 1024);
    while (many.n < HTTP_HEADERS_MAX + 1000)
        (void)buf_printf(&many, "X-Filler: %0100d\r\n", 7);
    const struct step steps[] = {{.headers = buf_text(&many), .body = "fine"}, {0}};
    struct scripted server;
    struct err e = ERR_INIT;
    struct http_config c = {0};
    scripted_start(&server, steps, NULL);
    assert_int_equal(send_once(&c, server.url, &e), HTTP_OVERSIZE);
    scripted_stop(&server);
    buf_done(&many);
}

static void header_injection(void **state)
{
    (void)state;
    struct scripted server;
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    struct http *h CLEANUP(http_cleanup) = NULL;
    struct http_reply reply = HTTP_REPLY_INIT;
    struct http_config c = {0};
    struct http_url url;
    struct err e = ERR_INIT;
    const struct http_header headers[] = {{"x-amz-security-token", "a\r\nEvil: 1"}};
    scripted_start(&server, fine, NULL);
    assert_true(http_new(&c, &h, &e));
    assert_true(http_url_parse(a, server.url, &url, &e));
    struct http_request q = {.method = "GET", .url = &url, .headers = headers, .header_count = 1};
    assert_int_equal(http_send(h, &q, NULL, &reply, &e), HTTP_REFUSED);
    assert_int_equal(e.code, ERR_INVALID);
    assert_null(strstr(e.text, "Evil"));
    assert_int_equal(scripted_requests(&server), 0);
    scripted_stop(&server);
}

/* ---- connections ---- */

/* A server may close a kept connection just as the next request goes out. libcurl then sends it again by
 * itself: welcome for reading, fatal for a reboot. */
static void kept_connections(void **state)
{
    (void)state;
    static const struct {
        bool once;
        enum http_result result;
        int requests;
    } rows[] = {{false, HTTP_DONE, 3}, {true, HTTP_LOST, 2}};
    static const struct step steps[] = {{.times = 1, .body = "fine", .keep = true},
                                        {.times = 1, .fault = FAULT_HANG_UP},
                                        {.body = "fine"},
                                        {0}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct scripted server;
        struct http *h CLEANUP(http_cleanup) = NULL;
        struct http_reply reply = HTTP_REPLY_INIT;
        struct http_config c = {0};
        struct err e = ERR_INIT;
        scripted_start(&server, steps, NULL);
        assert_true(http_new(&c, &h, &e));
        assert_int_equal(send_to(h, server.url, false, &reply, &e), HTTP_DONE);
        assert_int_equal(send_to(h, server.url, rows[i].once, &reply, &e), rows[i].result);
        assert_int_equal(scripted_requests(&server), rows[i].requests);
        http_reply_done(&reply);
        http_free(STEAL(h)); /* closes the kept connection, so that the server's thread ends */
        scripted_stop(&server);
    }
}

enum { CALLERS = HTTP_PLACES + 20 };

struct crowd {
    struct scripted server;
    struct http *http;
    struct stop *stop;
};

static void *wait_for_nothing(void *context)
{
    struct crowd *k = context;
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    struct http_reply reply = HTTP_REPLY_INIT;
    struct http_url url;
    struct err e = ERR_INIT;
    if (!http_url_parse(a, k->server.url, &url, &e))
        return NULL;
    struct http_request q = {.method = "GET", .url = &url};
    return http_send(k->http, &q, k->stop, &reply, &e) == HTTP_STOPPED && e.code == ERR_CANCELLED ? k : NULL;
}

/* A full pool against a silent server, more callers queueing behind: Stop ends them all. */
static void stop_ends_running_and_queueing(void **state)
{
    (void)state;
    static const struct step silent[] = {{.fault = FAULT_SILENCE}, {0}};
    struct crowd k = {.stop = stop_new()};
    struct http_config c = {PATIENT};
    struct err e = ERR_INIT;
    pthread_t threads[CALLERS];
    scripted_start(&k.server, silent, NULL);
    assert_true(http_new(&c, &k.http, &e));
    for (int i = 0; i < CALLERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, wait_for_nothing, &k), 0);
    while (scripted_requests(&k.server) < HTTP_PLACES)
        (void)stop_wait(NULL, 5);
    int64_t began = fixture_seconds();
    stop_request(k.stop);
    for (int i = 0; i < CALLERS; i++) {
        void *result = NULL;
        (void)pthread_join(threads[i], &result);
        assert_ptr_equal(result, &k);
    }
    assert_in_range(fixture_seconds() - began, 0, SOON_S);
    assert_int_equal(scripted_requests(&k.server), HTTP_PLACES);
    assert_int_equal(k.server.peak, HTTP_PLACES);
    http_free(k.http);
    scripted_stop(&k.server);
    stop_free(k.stop);
}

static int make_files(void **state)
{
    (void)state;
    return close(mkstemp(ca_path)) + close(mkstemp(other_ca_path));
}

static int remove_files(void **state)
{
    (void)state;
    return unlink(ca_path) + unlink(other_ca_path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(url_rows),
        cmocka_unit_test(tls_rows),
        cmocka_unit_test(proxy_rows),
        cmocka_unit_test(process_environment_is_ignored),
        cmocka_unit_test(reply_headers),
        cmocka_unit_test(too_many_headers),
        cmocka_unit_test(header_injection),
        cmocka_unit_test(kept_connections),
        cmocka_unit_test(stop_ends_running_and_queueing),
    };
    return cmocka_run_group_tests(tests, make_files, remove_files);
}
