/* Calls against a server that misbehaves: every row ends in bounded time, with success or the right code,
 * after the right number of attempts, each later than the one before by a delay within its bounds. */
#include "internal/aws/client.h"
#include "internal/aws/rds.h"
#include "internal/aws/scripted.h"
#include "internal/base/testing.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define XMLNS " xmlns=\"http://rds.amazonaws.com/doc/2014-10-31/\""
#define OK_LIST                                                                                              \
    "<DescribeDBClustersResponse" XMLNS "><DescribeDBClustersResult><DBClusters><DBCluster>"                 \
    "<DBClusterIdentifier>orders</DBClusterIdentifier></DBCluster></DBClusters></DescribeDBClustersResult>"  \
    "<ResponseMetadata><RequestId>r-1</RequestId></ResponseMetadata></DescribeDBClustersResponse>"
#define OK_REBOOT "<RebootDBInstanceResponse" XMLNS "><RebootDBInstanceResult/></RebootDBInstanceResponse>"
#define OK_CREATE                                                                                            \
    "<CreateBlueGreenDeploymentResponse" XMLNS "><CreateBlueGreenDeploymentResult><BlueGreenDeployment>"     \
    "<BlueGreenDeploymentIdentifier>bgd-1</BlueGreenDeploymentIdentifier></BlueGreenDeployment>"             \
    "</CreateBlueGreenDeploymentResult></CreateBlueGreenDeploymentResponse>"
#define REFUSAL(code, message)                                                                               \
    "<ErrorResponse" XMLNS "><Error><Type>Sender</Type><Code>" code "</Code><Message>" message               \
    "</Message></Error><RequestId>r-2</RequestId></ErrorResponse>"
#define BOMB                                                                                                 \
    "<?xml version=\"1.0\"?><!DOCTYPE x [<!ENTITY a \"aaaaaaaaaa\"><!ENTITY b \"&a;&a;&a;&a;&a;&a;\">]>"     \
    "<DescribeDBClustersResponse><DescribeDBClustersResult>&b;</DescribeDBClustersResult>"                   \
    "</DescribeDBClustersResponse>"
#define TEN(x)       x x x x x x x x x x
#define DEEP         TEN("<a><a><a><a><a><a><a><a><a><a>")
#define THROTTLED    REFUSAL("Throttling", "Rate exceeded")
#define CLUSTER_GONE REFUSAL("DBClusterNotFoundFault", "DBCluster orders not found.")
#define HTML         "<!DOCTYPE html><html><body>Please log in</body></html>"

enum { DELAYS = 64, WALL = 1767322845 };

/* Time that passes only by waiting, and remembers how long each wait was. */
struct recorder {
    struct clock clock;
    int64_t now_ms, delays[DELAYS];
    int n;
};

static int64_t recorder_wall(struct clock *c)
{
    return WALL * 1000LL + ((struct recorder *)c)->now_ms;
}

static int64_t recorder_mono(struct clock *c)
{
    return ((struct recorder *)c)->now_ms;
}

static bool recorder_wait(struct clock *c, struct stop *stop, int64_t ms)
{
    struct recorder *r = (struct recorder *)c;
    if (r->n < DELAYS)
        r->delays[r->n++] = ms;
    r->now_ms += ms;
    return stop_requested(stop);
}

static void recorder_init(struct recorder *r)
{
    *r = (struct recorder){.clock = {recorder_wall, recorder_mono, recorder_wait}};
}

static const char *no_env(const char *name)
{
    (void)name;
    return NULL;
}

static struct aws *connect_to(struct scripted *s, struct clock *clock, int max_retries)
{
    struct aws_config c = {.region = "eu-central-1",
                           .access_key = "AKIDEXAMPLE",
                           .secret_key = "not-a-real-secret-key",
                           .endpoints = {{"rds", s->url}, {"sts", s->url}, {"secretsmanager", s->url}},
                           .max_retries = max_retries,
                           .getenv = no_env,
                           .clock = clock};
    struct aws *w = NULL;
    struct err e = ERR_INIT;
    if (!aws_new(&c, &w, &e))
        fail_msg("%s", e.text);
    return w;
}

static int64_t seconds_now(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec;
}

/* ---- the fault table ---- */

enum verb { DESCRIBE, REBOOT, CREATE };

struct row {
    const char *name;
    enum verb verb;
    struct step steps[4];
    int max_retries;
    enum err_code code;             /* ERR_NONE: success */
    const char *remote_code, *text; /* a part of the error; NULL: not looked at */
    int attempts;
};

static const struct row rows[] = {
    {"good", DESCRIBE, {{.body = OK_LIST}}, -1, ERR_NONE, NULL, NULL, 1},
    {"throttled three times",
     DESCRIBE,
     {{.times = 3, .status = 400, .body = THROTTLED}, {.body = OK_LIST}},
     -1,
     ERR_NONE,
     NULL,
     NULL,
     4},
    {"throttled for ever",
     DESCRIBE,
     {{.status = 400, .body = THROTTLED}},
     -1,
     ERR_THROTTLED,
     "Throttling",
     "gave up after 26 attempts",
     26},
    {"429 without a body",
     DESCRIBE,
     {{.times = 1, .status = 429}, {.body = OK_LIST}},
     -1,
     ERR_NONE,
     NULL,
     NULL,
     2},
    {"503 three times",
     DESCRIBE,
     {{.times = 3, .status = 503, .body = "busy"}, {.body = OK_LIST}},
     -1,
     ERR_NONE,
     NULL,
     NULL,
     4},
    {"503 for ever, four retries",
     DESCRIBE,
     {{.status = 503, .body = "busy"}},
     4,
     ERR_UNAVAILABLE,
     "503",
     NULL,
     5},
    {"500 with a body",
     DESCRIBE,
     {{.status = 500, .body = REFUSAL("InternalFailure", "oops")}},
     2,
     ERR_UNAVAILABLE,
     "InternalFailure",
     NULL,
     3},
    {"no retries at all", DESCRIBE, {{.status = 503, .body = "busy"}}, 0, ERR_UNAVAILABLE, NULL, NULL, 1},
    {"reset mid-body",
     DESCRIBE,
     {{.times = 2, .body = OK_LIST, .fault = FAULT_RESET}, {.body = OK_LIST}},
     -1,
     ERR_NONE,
     NULL,
     NULL,
     3},
    {"reset for ever",
     DESCRIBE,
     {{.body = OK_LIST, .fault = FAULT_RESET}},
     -1,
     ERR_UNAVAILABLE,
     "",
     "gave up after 10 attempts",
     10},
    {"wrong length",
     DESCRIBE,
     {{.times = 1, .body = OK_LIST, .fault = FAULT_SHORT_BODY}, {.body = OK_LIST}},
     -1,
     ERR_NONE,
     NULL,
     NULL,
     2},
    {"hangs up",
     DESCRIBE,
     {{.times = 1, .fault = FAULT_HANG_UP}, {.body = OK_LIST}},
     -1,
     ERR_NONE,
     NULL,
     NULL,
     2},
    {"truncated XML once",
     DESCRIBE,
     {{.times = 1, .body = "<DescribeDBClustersResponse><DescribeDBClu"}, {.body = OK_LIST}},
     -1,
     ERR_NONE,
     NULL,
     NULL,
     2},
    {"truncated XML for ever",
     DESCRIBE,
     {{.body = "<DescribeDBClustersResponse><DescribeDBClu"}},
     -1,
     ERR_REMOTE,
     "",
     "not XML",
     5},
    {"HTML with 200",
     DESCRIBE,
     {{.body = HTML, .headers = "Content-Type: text/html\r\n"}},
     -1,
     ERR_REMOTE,
     "",
     "not XML",
     5},
    {"XHTML with 200", DESCRIBE, {{.body = "<html><body/></html>"}}, -1, ERR_REMOTE, "", "<html>", 5},
    {"wrong root",
     DESCRIBE,
     {{.body = "<DescribeDBInstancesResponse/>"}},
     -1,
     ERR_REMOTE,
     "",
     "<DescribeDBInstancesResponse>",
     5},
    {"no result", DESCRIBE, {{.body = "<DescribeDBClustersResponse/>"}}, -1, ERR_REMOTE, "", "no result", 5},
    {"empty body", DESCRIBE, {{.body = ""}}, -1, ERR_REMOTE, "", "not XML", 5},
    {"binary", DESCRIBE, {{.body = "\x80\xff\xfe<"}}, -1, ERR_REMOTE, "", "not XML", 5},
    {"entity bomb", DESCRIBE, {{.body = BOMB}}, -1, ERR_REMOTE, "", "not XML", 5},
    {"deep nesting", DESCRIBE, {{.body = DEEP}}, -1, ERR_REMOTE, "", "not XML", 5},
    {"20 MB", DESCRIBE, {{.fault = FAULT_ENDLESS}}, -1, ERR_REMOTE, "", "larger than 16 MiB", 5},
    {"an error with status 200",
     DESCRIBE,
     {{.body = CLUSTER_GONE}},
     -1,
     ERR_NOT_FOUND,
     "DBClusterNotFoundFault",
     NULL,
     1},
    {"redirect",
     DESCRIBE,
     {{.status = 302, .headers = "Location: http://127.0.0.1:1/\r\n", .body = ""}},
     -1,
     ERR_REMOTE,
     "302",
     NULL,
     1},
    {"HTML with 403", DESCRIBE, {{.status = 403, .body = HTML}}, -1, ERR_REMOTE, "403", NULL, 1},
    {"access denied",
     DESCRIBE,
     {{.status = 403, .body = REFUSAL("AccessDenied", "no")}},
     -1,
     ERR_DENIED,
     "AccessDenied",
     NULL,
     1},
    {"wrong key",
     DESCRIBE,
     {{.status = 403, .body = REFUSAL("InvalidClientTokenId", "no")}},
     -1,
     ERR_AUTH,
     "InvalidClientTokenId",
     NULL,
     1},
    {"wrong secret",
     DESCRIBE,
     {{.status = 403, .body = REFUSAL("SignatureDoesNotMatch", "no")}},
     -1,
     ERR_AUTH,
     "SignatureDoesNotMatch",
     NULL,
     1},
    {"static keys expired",
     DESCRIBE,
     {{.status = 403, .body = REFUSAL("ExpiredToken", "no")}},
     -1,
     ERR_AUTH,
     "ExpiredToken",
     NULL,
     1},
    {"invalid parameter",
     DESCRIBE,
     {{.status = 400, .body = REFUSAL("InvalidParameterValue", "no")}},
     -1,
     ERR_INVALID,
     "InvalidParameterValue",
     NULL,
     1},
    {"old error form",
     DESCRIBE,
     {{.status = 400,
       .body = "<Response><Errors><Error><Code>InvalidAction</Code></Error></Errors></Response>"}},
     -1,
     ERR_INVALID,
     "InvalidAction",
     NULL,
     1},
    {"an error code of none",
     DESCRIBE,
     {{.status = 400, .body = REFUSAL(" ", "no")}},
     -1,
     ERR_REMOTE,
     "400",
     NULL,
     1},

    /* Not repeatable: only what certainly had no effect is repeated. */
    {"reboot throttled",
     REBOOT,
     {{.times = 2, .status = 400, .body = THROTTLED}, {.body = OK_REBOOT}},
     -1,
     ERR_NONE,
     NULL,
     NULL,
     3},
    {"reboot, lost reply", REBOOT, {{.fault = FAULT_HANG_UP}}, -1, ERR_UNAVAILABLE, "", NULL, 1},
    {"reboot, 500", REBOOT, {{.status = 500, .body = "oops"}}, -1, ERR_UNAVAILABLE, "500", NULL, 1},
    {"reboot, garbage", REBOOT, {{.body = "garbage"}}, -1, ERR_REMOTE, "", NULL, 1},

    /* Repeatable creation: AWS's "exists already" is shown, not hidden. */
    {"create, lost reply, then exists",
     CREATE,
     {{.times = 1, .fault = FAULT_HANG_UP},
      {.status = 400, .body = REFUSAL("BlueGreenDeploymentAlreadyExistsFault", "exists")}},
     -1,
     ERR_CONFLICT,
     "BlueGreenDeploymentAlreadyExistsFault",
     "an attempt whose reply was lost",
     2},
    {"create, 503, then done",
     CREATE,
     {{.times = 1, .status = 503, .body = "busy"}, {.body = OK_CREATE}},
     -1,
     ERR_NONE,
     NULL,
     NULL,
     2},
};

static bool run_verb(enum verb verb, const struct aws_session *s, struct err *e)
{
    const struct rds_cluster *const *clusters = NULL;
    const struct rds_bluegreen *made = NULL;
    struct rds_bluegreen_spec spec = {.name = "n", .source_arn = "arn:aws:rds:eu-central-1:1:cluster:orders"};
    size_t n = 0;
    switch (verb) {
    case DESCRIBE:
        return rds_cluster_list(s, &clusters, &n, e);
    case REBOOT:
        return rds_instance_reboot(s, "orders-1", e);
    default:
        return rds_bluegreen_create(s, &spec, &made, e);
    }
}

static void check_delays(const struct row *r, const struct recorder *clock)
{
    for (int i = 0; i < clock->n; i++) {
        int64_t most = (int64_t)RETRY_THROTTLE_BASE_MS << (i < 10 ? i : 10);
        if (most > RETRY_DELAY_MAX_MS)
            most = RETRY_DELAY_MAX_MS;
        if (clock->delays[i] < 0 || clock->delays[i] > most)
            fail_msg("%s: delay %d is %lld ms", r->name, i, (long long)clock->delays[i]);
    }
}

static void check_row(const struct row *r)
{
    struct scripted server;
    struct recorder clock;
    struct err e = ERR_INIT;
    recorder_init(&clock);
    scripted_start(&server, r->steps, NULL);
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    struct aws *w CLEANUP(aws_cleanup) = connect_to(&server, &clock.clock, r->max_retries);
    struct aws_session s = {.aws = w, .arena = a};
    int64_t began = seconds_now();
    bool ok = run_verb(r->verb, &s, &e);
    int64_t took = seconds_now() - began;
    if (ok != (r->code == ERR_NONE) || e.code != r->code || scripted_requests(&server) != r->attempts ||
        clock.n != r->attempts - 1 || took > 20)
        fail_msg("%s: %s (%s, said %s), %d requests, %d waits, %d s", r->name, err_code_name(e.code), e.text,
                 e.said, scripted_requests(&server), clock.n, (int)took);
    if (r->remote_code && strcmp(e.remote_code, r->remote_code) != 0)
        fail_msg("%s: remote code %s", r->name, e.remote_code);
    if (r->text && !strstr(e.text, r->text))
        fail_msg("%s: %s", r->name, e.text);
    check_delays(r, &clock);
    scripted_stop(&server);
}

static void fault_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        check_row(&rows[i]);
    print_message("%zu rows\n", ARRAY_LEN(rows));
}

/* ---- single behaviours ---- */

struct fixture {
    struct scripted server;
    struct recorder clock;
    struct arena *arena;
    struct aws *aws;
    struct aws_session session;
    struct err e;
};

static void fixture_start(struct fixture *f, const struct step *steps)
{
    memset(f, 0, sizeof *f);
    recorder_init(&f->clock);
    scripted_start(&f->server, steps, NULL);
    f->arena = arena_new();
    f->aws = connect_to(&f->server, &f->clock.clock, -1);
    f->session = (struct aws_session){.aws = f->aws, .arena = f->arena};
}

static void fixture_stop(struct fixture *f)
{
    aws_free(f->aws);
    arena_free(f->arena);
    scripted_stop(&f->server);
}

static void request_on_the_wire(void **state)
{
    (void)state;
    static const struct step steps[] = {{.body = OK_LIST}, {0}};
    struct fixture f;
    fixture_start(&f, steps);
    const struct rds_cluster *const *list = NULL;
    size_t n = 0;
    f.session.region = "us-west-2";
    assert_true(rds_cluster_list(&f.session, &list, &n, &f.e));
    assert_int_equal(n, 1);
    assert_string_equal(list[0]->identifier, "orders");
    const char *q = scripted_request(&f.server, 0);
    static const char *const parts[] = {
        "POST / HTTP/1.1\r\n",
        "content-type: application/x-www-form-urlencoded; charset=utf-8\r\n",
        "x-amz-date: 20260102T030045Z\r\n",
        "authorization: AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260102/us-west-2/rds/aws4_request, "
        "SignedHeaders=content-type;host;x-amz-date, Signature=",
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
    assert_true(run_verb(DESCRIBE, &f.session, &f.e));
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
    assert_true(run_verb(DESCRIBE, &f.session, &f.e));
    assert_int_equal(f.clock.n, 0); /* a wrong clock is no reason to wait */
    assert_non_null(strstr(scripted_request(&f.server, 1), "x-amz-date: 20260102T041045Z\r\n"));
    assert_true(run_verb(DESCRIBE, &f.session, &f.e));
    assert_non_null(strstr(scripted_request(&f.server, 2), "x-amz-date: 20260102T041045Z\r\n"));
    fixture_stop(&f);

    fixture_start(&f, hopeless);
    assert_false(run_verb(DESCRIBE, &f.session, &f.e));
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
    assert_false(run_verb(CREATE, &f.session, &f.e));
    assert_int_equal(f.e.code, ERR_DENIED);
    assert_non_null(strstr(f.e.hint, "rds:CreateBlueGreenDeployment "));
    assert_non_null(strstr(f.e.said, "request r-2"));
    fixture_stop(&f);
    fixture_start(&f, nested);
    assert_false(run_verb(CREATE, &f.session, &f.e));
    assert_non_null(strstr(f.e.hint, "rds:CreateDBCluster "));
    fixture_stop(&f);
}

static void *request_stop(void *context)
{
    struct fixture *f = context;
    while (scripted_requests(&f->server) == 0)
        (void)stop_wait(NULL, 5);
    stop_request(f->session.stop);
    return NULL;
}

static void stop_ends_a_waiting_call(void **state)
{
    (void)state;
    static const struct step steps[] = {{.fault = FAULT_SILENCE}, {0}};
    struct fixture f;
    pthread_t thread;
    fixture_start(&f, steps);
    f.session.stop = stop_new();
    int64_t began = seconds_now();
    assert_int_equal(pthread_create(&thread, NULL, request_stop, &f), 0);
    assert_false(run_verb(DESCRIBE, &f.session, &f.e));
    (void)pthread_join(thread, NULL);
    assert_int_equal(f.e.code, ERR_CANCELLED);
    assert_in_range(seconds_now() - began, 0, 3);
    assert_false(run_verb(DESCRIBE, &f.session, &f.e)); /* later calls do not even start */
    assert_int_equal(f.e.code, ERR_CANCELLED);
    assert_int_equal(scripted_requests(&f.server), 1);
    stop_free(f.session.stop);
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
    f.session.stop = stop_new();
    assert_false(run_verb(DESCRIBE, &f.session, &f.e));
    assert_int_equal(f.e.code, ERR_CANCELLED);
    assert_int_equal(scripted_requests(&f.server), 1);
    assert_non_null(strstr(f.e.said, "503"));
    stop_free(f.session.stop);
    fixture_stop(&f);
}

static void unreachable_endpoint(void **state)
{
    (void)state;
    struct scripted nobody = {0};
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM, 0); /* bound, so that nobody else takes the port, but not listening */
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &n), 0);
    (void)snprintf(nobody.url, sizeof nobody.url, "http://127.0.0.1:%d", ntohs(address.sin_port));

    struct recorder clock;
    recorder_init(&clock);
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    struct aws *w CLEANUP(aws_cleanup) = connect_to(&nobody, &clock.clock, -1);
    struct aws_session s = {.aws = w, .arena = a};
    struct err e = ERR_INIT;
    assert_false(run_verb(REBOOT, &s, &e));
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
    struct http_config c = {.total_ms = 300};
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
        {{{.body = "[1]"}}, ERR_REMOTE, NULL, NULL, 5},
        {{{.body = "{\"SecretString\":"}}, ERR_REMOTE, NULL, NULL, 5},
        {{{.body = ""}}, ERR_REMOTE, NULL, NULL, 5},
        {{{.body = HTML}}, ERR_REMOTE, NULL, NULL, 5},
    };
    for (size_t i = 0; i < ARRAY_LEN(list); i++) {
        struct fixture f;
        const char *text = NULL;
        fixture_start(&f, list[i].steps);
        bool ok = secret_value(&f.session, "arn:aws:secretsmanager:x", &text, &f.e);
        if (ok != (list[i].code == ERR_NONE) || f.e.code != list[i].code ||
            scripted_requests(&f.server) != list[i].attempts)
            fail_msg("row %zu: %s %s", i, err_code_name(f.e.code), f.e.text);
        if (list[i].remote_code)
            assert_string_equal(f.e.remote_code, list[i].remote_code);
        if (list[i].value)
            assert_string_equal(text, list[i].value);
        assert_non_null(
            strstr(scripted_request(&f.server, 0), "x-amz-target: secretsmanager.GetSecretValue"));
        assert_non_null(strstr(scripted_request(&f.server, 0), "content-type;host;x-amz-date;x-amz-target"));
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
    return run_verb(DESCRIBE, &s, &e) ? f : NULL;
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
        cmocka_unit_test(fault_rows),
        cmocka_unit_test(request_on_the_wire),
        cmocka_unit_test(retry_after_is_followed),
        cmocka_unit_test(clock_skew_is_corrected_once),
        cmocka_unit_test(denial_names_the_right),
        cmocka_unit_test(stop_ends_a_waiting_call),
        cmocka_unit_test(stop_ends_a_backoff),
        cmocka_unit_test(unreachable_endpoint),
        cmocka_unit_test(silent_server_times_out),
        cmocka_unit_test(json_rows),
        cmocka_unit_test(many_callers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
