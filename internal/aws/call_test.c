/* One call: what goes over the wire, clocks, Stop, dead endpoints, JSON, many callers at once. */
#include "internal/aws/fixture.h"
#include "internal/aws/rds.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define OK_LIST                                                                                              \
    REPLY("DescribeDBClusters", "<DBClusters><DBCluster><DBClusterIdentifier>orders</DBClusterIdentifier>"   \
                                "</DBCluster></DBClusters>")
#define HTML "<!DOCTYPE html><html><body>Please log in</body></html>"

/* ---- single behaviours ---- */

static bool describe(struct fixture *f)
{
    const struct rds_cluster *const *clusters = NULL;
    size_t n = 0;
    return rds_cluster_list(&f->s, &clusters, &n, &f->e);
}

static bool create(struct fixture *f)
{
    const struct rds_bluegreen *made = NULL;
    struct rds_bluegreen_spec spec = {.name = "n", .source_arn = "arn:aws:rds:eu-central-1:1:cluster:orders"};
    return rds_bluegreen_create(&f->s, &spec, &made, &f->e);
}

static void request_on_the_wire(void **state)
{
    (void)state;
    static const struct step steps[] = {{.body = OK_LIST}, {0}};
    struct fixture f;
    fixture_start(&f, steps);
    const struct rds_cluster *const *list = NULL;
    size_t n = 0;
    f.s.region = "us-west-2";
    assert_true(rds_cluster_list(&f.s, &list, &n, &f.e));
    assert_int_equal(n, 1);
    assert_string_equal(list[0]->identifier, "orders");
    const char *q = scripted_request(&f.server, 0);
    static const char *const parts[] = {
        "POST / HTTP/1.1\r\n",
        "content-type: application/x-www-form-urlencoded; charset=utf-8\r\n",
        "x-amz-date: 20260102T030045Z\r\n",
        "authorization: AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260102/us-west-2/rds/aws4_request, "
        "SignedHeaders=content-type;host;x-amz-date;x-amz-security-token, Signature=",
        "User-Agent: terraform-provider-aurora/" AURORA_VERSION "\r\n",
        "\r\n\r\nAction=DescribeDBClusters&Version=2014-10-31",
    };
    for (size_t i = 0; i < ARRAY_LEN(parts); i++)
        if (!strstr(q, parts[i]))
            fail_msg("\"%s\" is not in %s", parts[i], q);
    assert_null(strstr(q, "Expect:"));
    assert_null(strstr(q, "not-a-real-secret-key"));
    fixture_stop(&f);
}

static void retry_after_is_followed(void **state)
{
    (void)state;
    static const struct step steps[] = {
        {.times = 1, .status = 503, .headers = "Retry-After: 7\r\n", .body = "busy"},
        {.times = 1, .status = 503, .headers = "x-amz-retry-after: 1500\r\n", .body = "busy"},
        {.times = 1, .status = 503, .headers = "Retry-After: 600\r\n", .body = "busy"},
        {.times = 1, .status = 503, .headers = "Retry-After: -5\r\n", .body = "busy"},
        {.body = OK_LIST},
        {0}};
    struct fixture f;
    fixture_start(&f, steps);
    assert_true(describe(&f));
    assert_int_equal(f.clock.n, 4);
    assert_int_equal(f.clock.delays[0], 7000);
    assert_int_equal(f.clock.delays[1], 1500);
    assert_int_equal(f.clock.delays[2], RETRY_ASKED_MAX_MS);
    assert_in_range(f.clock.delays[3], 0, RETRY_BASE_MS * 8);
    fixture_stop(&f);
}

static void clock_skew_is_corrected_once(void **state)
{
    (void)state;
    /* The recorder's time is 2026-01-02T03:00:45Z. */
    static const struct step curable[] = {{.times = 1,
                                           .status = 403,
                                           .headers = "Date: Fri, 02 Jan 2026 04:10:45 GMT\r\n",
                                           .body = REFUSAL("SignatureDoesNotMatch", "Signature expired")},
                                          {.body = OK_LIST},
                                          {0}};
    static const struct step hopeless[] = {{.status = 403,
                                            .headers = "Date: Fri, 02 Jan 2026 04:10:45 GMT\r\n",
                                            .body = REFUSAL("RequestTimeTooSkewed", "no")},
                                           {0}};
    struct fixture f;
    fixture_start(&f, curable);
    assert_true(describe(&f));
    assert_int_equal(f.clock.n, 0); /* a wrong clock is no reason to wait */
    assert_non_null(strstr(scripted_request(&f.server, 1), "x-amz-date: 20260102T041045Z\r\n"));
    assert_true(describe(&f));
    assert_non_null(strstr(scripted_request(&f.server, 2), "x-amz-date: 20260102T041045Z\r\n"));
    fixture_stop(&f);

    fixture_start(&f, hopeless);
    assert_false(describe(&f));
    assert_int_equal(f.e.code, ERR_AUTH);
    assert_int_equal(scripted_requests(&f.server), 2);
    assert_non_null(strstr(f.e.hint, "70 minutes"));
    fixture_stop(&f);
}

static void denial_names_the_right(void **state)
{
    (void)state;
    static const struct step plain[] = {{.status = 403, .body = REFUSAL("AccessDenied", "You may not.")},
                                        {0}};
    static const struct step nested[] = {
        {.status = 403,
         .body = REFUSAL("AccessDenied", "User: arn:aws:iam::1:user/u is not authorized to perform: "
                                         "rds:CreateDBCluster on resource: arn:aws:rds:x")},
        {0}};
    struct fixture f;
    fixture_start(&f, plain);
    assert_false(create(&f));
    assert_int_equal(f.e.code, ERR_DENIED);
    assert_non_null(strstr(f.e.hint, "rds:CreateBlueGreenDeployment "));
    assert_non_null(strstr(f.e.said, "request r-2"));
    fixture_stop(&f);
    fixture_start(&f, nested);
    assert_false(create(&f));
    assert_non_null(strstr(f.e.hint, "rds:CreateDBCluster "));
    fixture_stop(&f);
}

/* A kept connection dies under the request: libcurl would send a reboot again by itself. */
static void nothing_is_sent_twice_behind_our_back(void **state)
{
    (void)state;
    static const struct step steps[] = {
        {.times = 1, .body = OK_LIST, .keep = true}, {.fault = FAULT_HANG_UP}, {0}};
    struct fixture f;
    fixture_start(&f, steps);
    assert_true(describe(&f));
    assert_false(rds_instance_reboot(&f.s, "orders-1", &f.e));
    assert_int_equal(f.e.code, ERR_UNAVAILABLE);
    assert_non_null(strstr(f.e.hint, "may have been carried out"));
    assert_int_equal(scripted_requests(&f.server), 2);
    aws_free(STEAL(f.aws)); /* closes the kept connection, so that the server's thread ends */
    fixture_stop(&f);
}

static void *request_stop(void *context)
{
    struct fixture *f = context;
    while (scripted_requests(&f->server) == 0)
        (void)stop_wait(NULL, 5);
    stop_request(f->s.stop);
    return NULL;
}

static void stop_ends_a_waiting_call(void **state)
{
    (void)state;
    static const struct step steps[] = {{.fault = FAULT_SILENCE}, {0}};
    struct fixture f;
    pthread_t thread;
    fixture_start(&f, steps);
    f.s.stop = stop_new();
    int64_t began = fixture_seconds();
    assert_int_equal(pthread_create(&thread, NULL, request_stop, &f), 0);
    assert_false(describe(&f));
    (void)pthread_join(thread, NULL);
    assert_int_equal(f.e.code, ERR_CANCELLED);
    assert_in_range(fixture_seconds() - began, 0, HTTP_TOTAL_MS / 1000 / 2); /* not by a time-out */
    assert_false(describe(&f)); /* later calls do not even start */
    assert_int_equal(f.e.code, ERR_CANCELLED);
    assert_int_equal(scripted_requests(&f.server), 1);
    stop_free(f.s.stop);
    fixture_stop(&f);
}

static bool frozen_wait(struct clock *c, struct stop *stop, int64_t ms)
{
    ((struct recorder *)c)->delays[0] = ms;
    return stop_requested(stop);
}

/* A hundred retries go at once, then ten a second: with time standing still the queue only grows. */
static void retries_share_a_budget(void **state)
{
    (void)state;
    static const struct step steps[] = {{.status = 503, .body = "busy"}, {0}};
    struct fixture f;
    fixture_start(&f, steps);
    f.clock.clock.wait = frozen_wait;
    for (int calls = 0; calls < 5; calls++)
        assert_false(describe(&f));
    assert_int_equal(scripted_requests(&f.server), 5 * (SETTINGS_MAX_RETRIES + 1));
    assert_in_range(f.clock.delays[0], 2500, 2500 + RETRY_DELAY_MAX_MS);
    fixture_stop(&f);
}

static bool stopping_wait(struct clock *c, struct stop *stop, int64_t ms)
{
    stop_request(stop);
    return recorder_wait(c, stop, ms);
}

static void stop_ends_a_backoff(void **state)
{
    (void)state;
    static const struct step steps[] = {{.status = 503, .body = "busy"}, {0}};
    struct fixture f;
    fixture_start(&f, steps);
    f.clock.clock.wait = stopping_wait;
    f.s.stop = stop_new();
    assert_false(describe(&f));
    assert_int_equal(f.e.code, ERR_CANCELLED);
    assert_int_equal(scripted_requests(&f.server), 1);
    assert_non_null(strstr(f.e.said, "503"));
    stop_free(f.s.stop);
    fixture_stop(&f);
}

static void unreachable_endpoint(void **state)
{
    (void)state;
    struct scripted nobody = {0};
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof address;
    int fd =
        socket(AF_INET, SOCK_STREAM, 0); /* bound, so that nobody else takes the port, but not listening */
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &n), 0);
    (void)snprintf(nobody.url, sizeof nobody.url, "http://127.0.0.1:%d", ntohs(address.sin_port));

    struct recorder clock;
    recorder_init(&clock);
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    struct aws *w CLEANUP(aws_cleanup) = fixture_client(nobody.url, &clock.clock, -1);
    struct aws_session s = {.aws = w, .arena = a};
    struct err e = ERR_INIT;
    assert_false(rds_instance_reboot(&s, "orders-1", &e));
    assert_int_equal(e.code, ERR_UNAVAILABLE);
    assert_non_null(strstr(e.text, "gave up after 10 attempts"));
    assert_non_null(strstr(e.text, "cannot be reached"));
    assert_int_equal(clock.n, 9); /* nothing was sent: even a reboot is tried again */
    (void)close(fd);
}

static void silent_server_times_out(void **state)
{
    (void)state;
    static const struct step steps[] = {{.fault = FAULT_SILENCE}, {0}};
    struct scripted server;
    scripted_start(&server, steps, NULL);
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    struct http_config c = {.total_ms = 2000};
    struct http *h CLEANUP(http_cleanup) = NULL;
    struct err e = ERR_INIT;
    struct http_url url;
    struct http_reply reply = HTTP_REPLY_INIT;
    assert_true(http_new(&c, &h, &e));
    assert_true(http_url_parse(a, server.url, &url, &e));
    struct http_request q = {.method = "POST", .url = &url, .body = STR_LIT("x")};
    assert_int_equal(http_send(h, &q, NULL, &reply, &e), HTTP_LOST);
    assert_int_equal(e.code, ERR_UNAVAILABLE);
    scripted_stop(&server);
}

/* ---- JSON ---- */

static void json_rows(void **state)
{
    (void)state;
    static const struct {
        struct step steps[3];
        enum err_code code;
        const char *remote_code, *value;
        int attempts;
    } list[] = {
        {{{.body = "{\"SecretString\":\"{\\\"password\\\":\\\"hunter22\\\"}\"}"}},
         ERR_NONE,
         NULL,
         "{\"password\":\"hunter22\"}",
         1},
        {{{.status = 400, .body = "{\"__type\":\"com.amazonaws.x#ResourceNotFoundException\"}"}},
         ERR_NOT_FOUND,
         "ResourceNotFoundException",
         NULL,
         1},
        {{{.status = 400,
           .headers = "x-amzn-ErrorType: AccessDeniedException:http://internal/\r\n",
           .body = "{\"Message\":\"no\"}"}},
         ERR_DENIED,
         "AccessDeniedException",
         NULL,
         1},
        {{{.times = 1, .status = 400, .body = "{\"__type\":\"ThrottlingException\"}"},
          {.body = "{\"SecretString\":\"x\"}"}},
         ERR_NONE,
         NULL,
         "x",
         2},
        {{{.body = "{\"SecretBinary\":\"AA==\"}"}}, ERR_REMOTE, NULL, NULL, 1},
        {{{.body = "[1]"}}, ERR_UNAVAILABLE, NULL, NULL, 5},
        {{{.body = "{\"SecretString\":"}}, ERR_UNAVAILABLE, NULL, NULL, 5},
        {{{.body = ""}}, ERR_UNAVAILABLE, NULL, NULL, 5},
        {{{.body = HTML}}, ERR_UNAVAILABLE, NULL, NULL, 5},
    };
    for (size_t i = 0; i < ARRAY_LEN(list); i++) {
        struct fixture f;
        const char *text = NULL;
        fixture_start(&f, list[i].steps);
        bool ok = secret_value(&f.s, "arn:aws:secretsmanager:x", &text, &f.e);
        if (ok != (list[i].code == ERR_NONE) || f.e.code != list[i].code ||
            scripted_requests(&f.server) != list[i].attempts)
            fail_msg("row %zu: %s %s", i, err_code_name(f.e.code), f.e.text);
        if (list[i].remote_code)
            assert_string_equal(f.e.remote_code, list[i].remote_code);
        if (list[i].value)
            assert_string_equal(text, list[i].value);
        assert_non_null(
            strstr(scripted_request(&f.server, 0), "x-amz-target: secretsmanager.GetSecretValue"));
        assert_non_null(strstr(scripted_request(&f.server, 0),
                               "content-type;host;x-amz-date;x-amz-security-token;x-amz-target"));
        fixture_stop(&f);
    }
}

static void keys(void **state)
{
    (void)state;
#define KEY(s) "{\"KeyMetadata\":{\"KeyState\":\"" s "\",\"KeySpec\":\"SYMMETRIC_DEFAULT\"}}"
    static const struct {
        struct step steps[2];
        enum err_code code;
        const char *state; /* NULL: there is no key */
    } list[] = {
        {{{.body = KEY("Enabled")}}, ERR_NONE, "Enabled"},
        {{{.body = KEY("PendingDeletion")}}, ERR_NONE, "PendingDeletion"},
        {{{.body = "{}"}}, ERR_NONE, ""},
        {{{.status = 400, .body = "{\"__type\":\"NotFoundException\",\"message\":\"m\"}"}}, ERR_NONE, NULL},
        {{{.status = 400, .body = "{\"__type\":\"AccessDeniedException\"}"}}, ERR_DENIED, NULL},
    };
    for (size_t i = 0; i < ARRAY_LEN(list); i++) {
        struct fixture f;
        const struct kms_key *k = NULL;
        fixture_start(&f, list[i].steps);
        bool ok = kms_key_find(&f.s, "arn:k", &k, &f.e);
        if (ok != (list[i].code == ERR_NONE) || f.e.code != list[i].code)
            fail_msg("row %zu: %s %s", i, err_code_name(f.e.code), f.e.text);
        assert_int_equal(k != NULL, list[i].state != NULL);
        if (k)
            assert_string_equal(k->state, list[i].state);
        if (!ok)
            assert_non_null(strstr(f.e.hint, "kms:DescribeKey"));
        assert_non_null(strstr(scripted_request(&f.server, 0), "x-amz-target: TrentService.DescribeKey"));
        assert_non_null(strstr(scripted_request(&f.server, 0), "{\"KeyId\":\"arn:k\"}"));
        fixture_stop(&f);
    }
}

/* ---- many at once ---- */

enum { THREADS = 200 };

static void *one_caller(void *context)
{
    struct fixture *f = context;
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    struct aws_session s = {.aws = f->aws, .arena = a};
    struct err e = ERR_INIT;
    const struct rds_cluster *const *clusters = NULL;
    size_t n = 0;
    return rds_cluster_list(&s, &clusters, &n, &e) && n == 1 ? f : NULL;
}

static void many_callers(void **state)
{
    (void)state;
    static const struct step steps[] = {{.body = OK_LIST}, {0}};
    struct fixture f;
    pthread_t threads[THREADS];
    fixture_start(&f, steps);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, one_caller, &f), 0);
    for (int i = 0; i < THREADS; i++) {
        void *result = NULL;
        (void)pthread_join(threads[i], &result);
        assert_ptr_equal(result, &f);
    }
    assert_int_equal(scripted_requests(&f.server), THREADS);
    fixture_stop(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(request_on_the_wire),
        cmocka_unit_test(retry_after_is_followed),
        cmocka_unit_test(clock_skew_is_corrected_once),
        cmocka_unit_test(denial_names_the_right),
        cmocka_unit_test(nothing_is_sent_twice_behind_our_back),
        cmocka_unit_test(stop_ends_a_waiting_call),
        cmocka_unit_test(retries_share_a_budget),
        cmocka_unit_test(stop_ends_a_backoff),
        cmocka_unit_test(unreachable_endpoint),
        cmocka_unit_test(silent_server_times_out),
        cmocka_unit_test(json_rows),
        cmocka_unit_test(keys),
        cmocka_unit_test(many_callers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
