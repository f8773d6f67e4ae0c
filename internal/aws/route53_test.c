/* Route 53: what goes over the wire, what replies and refusals mean, which records are plain CNAMEs. */
#include "internal/aws/fixture.h"
#include "internal/aws/route53.h"

#include <string.h>

#define NS " xmlns=\"https://route53.amazonaws.com/doc/2013-04-01/\""
#define RECORDS(inner)                                                                                       \
    "<?xml version=\"1.0\"?>\n<ListResourceRecordSetsResponse" NS "><ResourceRecordSets>" inner              \
    "</ResourceRecordSets><IsTruncated>false</IsTruncated><MaxItems>1</MaxItems>"                            \
    "</ListResourceRecordSetsResponse>"
#define RECORD(name, type, more)                                                                             \
    "<ResourceRecordSet><Name>" name "</Name><Type>" type "</Type>" more "</ResourceRecordSet>"
#define VALUES(inner) "<ResourceRecords>" inner "</ResourceRecords>"
#define VALUE(text)   "<ResourceRecord><Value>" text "</Value></ResourceRecord>"
#define CHANGE(action, status)                                                                               \
    "<" action "Response" NS "><ChangeInfo><Id>/change/C0123ABC</Id><Status>" status                         \
    "</Status><SubmittedAt>2026-11-22T02:00:00.000Z</SubmittedAt></ChangeInfo></" action "Response>"
#define REFUSED(code, text)                                                                                  \
    "<ErrorResponse" NS "><Error><Type>Sender</Type><Code>" code "</Code><Message>" text                     \
    "</Message></Error><RequestId>r-9</RequestId></ErrorResponse>"

static const char *const values[] = {"old.example.com", NULL};

static struct route53_record plain(void)
{
    return (struct route53_record){.name = "db.example.com.",
                                   .type = "CNAME",
                                   .ttl = 300,
                                   .values = (const char **)values,
                                   .set_identifier = "",
                                   .health_check = "",
                                   .traffic_policy = ""};
}

static void has(const char *request, const char *const *parts, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!strstr(request, parts[i]))
            fail_msg("\"%s\" is not in %s", parts[i], request);
}

static void requests_on_the_wire(void **state)
{
    (void)state;
    static const struct step steps[] = {
        {.action = "/rrset?", .body = RECORDS("")},
        {.action = "/rrset/", .body = CHANGE("ChangeResourceRecordSets", "PENDING")},
        {.action = "/change/", .body = CHANGE("GetChange", "INSYNC")},
        {0}};
    static const char *const list[] = {
        "GET /2013-04-01/hostedzone/Z0123/rrset?maxitems=1&name=db.example.com HTTP/1.1\r\n",
        "authorization: AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260102/us-east-1/route53/aws4_request, "
        "SignedHeaders=host;x-amz-date;x-amz-security-token, Signature="};
    static const char *const change[] = {
        "POST /2013-04-01/hostedzone/Z0123/rrset/ HTTP/1.1\r\n", "content-type: application/xml\r\n",
        "\r\n\r\n<ChangeResourceRecordSetsRequest" NS "><ChangeBatch><Changes>"
        "<Change><Action>DELETE</Action><ResourceRecordSet><Name>db.example.com.</Name><Type>CNAME</Type>"
        "<TTL>300</TTL><ResourceRecords><ResourceRecord><Value>old.example.com</Value></ResourceRecord>"
        "</ResourceRecords></ResourceRecordSet></Change>"
        "<Change><Action>CREATE</Action><ResourceRecordSet><Name>db.example.com.</Name><Type>CNAME</Type>"
        "<TTL>5</TTL><ResourceRecords><ResourceRecord><Value>&lt;new&gt;</Value></ResourceRecord>"
        "</ResourceRecords></ResourceRecordSet></Change>"
        "</Changes></ChangeBatch></ChangeResourceRecordSetsRequest>"};
    static const char *const asked[] = {"GET /2013-04-01/change/C0123ABC HTTP/1.1\r\n"};
    struct fixture f;
    const struct route53_record *none = NULL, was = plain();
    const char *id = NULL;
    bool done = false;
    fixture_start(&f, steps);
    assert_true(route53_record_find(&f.s, "/hostedzone/Z0123", "db.example.com", &none, &f.e));
    assert_null(none);
    assert_true(route53_replace(&f.s, "Z0123", &was, "<new>", 5, &id, &f.e));
    assert_string_equal(id, "C0123ABC");
    assert_true(route53_change_done(&f.s, id, &done, &f.e));
    assert_true(done);
    has(scripted_request(&f.server, 0), list, ARRAY_LEN(list));
    assert_null(strstr(scripted_request(&f.server, 0), "ontent-"));
    has(scripted_request(&f.server, 1), change, ARRAY_LEN(change));
    has(scripted_request(&f.server, 2), asked, ARRAY_LEN(asked));
    fixture_stop(&f);
}

static void ids_stay_in_their_place(void **state)
{
    (void)state;
    static const struct step steps[] = {{.status = 404, .body = REFUSED("NoSuchHostedZone", "none")}, {0}};
    struct fixture f;
    const struct route53_zone *zone = NULL;
    fixture_start(&f, steps);
    assert_true(route53_zone_find(&f.s, "Z1?x=\r\nEvil: 1", &zone, &f.e));
    assert_null(zone);
    assert_non_null(strstr(scripted_request(&f.server, 0),
                           "GET /2013-04-01/hostedzone/Z1%3Fx%3D%0D%0AEvil%3A%201 HTTP/1.1\r\n"));
    fixture_stop(&f);
}

/* A stand-in or a gateway may have one; what is signed is what stands in the request line. */
static void an_endpoint_may_have_a_path(void **state)
{
    (void)state;
    static const struct step steps[] = {{.body = RECORDS("")}, {0}};
    static const char *const paths[] = {"", "/", "/aws", "/aws/"};
    static const char *const lines[] = {"GET /2013-04-01/", "GET /2013-04-01/", "GET /aws/2013-04-01/",
                                        "GET /aws/2013-04-01/"};
    for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
        struct fixture f;
        const struct route53_record *none = NULL;
        fixture_start(&f, steps);
        struct aws *w CLEANUP(aws_cleanup) =
            fixture_client(arena_printf(f.arena, "%s%s", f.server.url, paths[i]), &f.clock.clock, 0);
        const struct aws_session s = {.aws = w, .arena = f.arena};
        assert_true(route53_record_find(&s, "Z0123", "db.example.com", &none, &f.e));
        if (strncmp(scripted_request(&f.server, 0), lines[i], strlen(lines[i])) != 0)
            fail_msg("%s", scripted_request(&f.server, 0));
        fixture_stop(&f);
    }
}

static void zones_are_read(void **state)
{
    (void)state;
    static const struct step steps[] = {
        {.body = "<GetHostedZoneResponse" NS "><HostedZone><Id>/hostedzone/Z0123</Id><Name>example.com."
                 "</Name><CallerReference>x</CallerReference><Config><PrivateZone>true</PrivateZone></Config>"
                 "</HostedZone></GetHostedZoneResponse>"},
        {0}};
    struct fixture f;
    const struct route53_zone *zone = NULL;
    fixture_start(&f, steps);
    assert_true(route53_zone_find(&f.s, "Z0123", &zone, &f.e));
    assert_string_equal(zone->name, "example.com.");
    assert_true(zone->is_private);
    fixture_stop(&f);
}

/* ---- which records can be replaced ---- */

#define ONE VALUES(VALUE("old.example.com"))
static const struct {
    const char *what, *reply;
    bool is_there, is_plain;
} records[] = {
    {"a CNAME", RECORDS(RECORD("db.example.com.", "CNAME", "<TTL>300</TTL>" ONE)), true, true},
    {"in capitals", RECORDS(RECORD("DB.Example.com.", "CNAME", "<TTL>0</TTL>" ONE)), true, true},
    {"none", RECORDS(""), false, false},
    {"the next name", RECORDS(RECORD("dc.example.com.", "CNAME", "<TTL>300</TTL>" ONE)), false, false},
    {"an address", RECORDS(RECORD("db.example.com.", "A", "<TTL>300</TTL>" VALUES(VALUE("192.0.2.1")))), true,
     false},
    {"an alias",
     RECORDS(RECORD("db.example.com.", "CNAME",
                    "<AliasTarget><HostedZoneId>Z2</HostedZoneId><DNSName>x.example.com.</DNSName>"
                    "<EvaluateTargetHealth>false</EvaluateTargetHealth></AliasTarget>")),
     true, false},
    {"weighted",
     RECORDS(RECORD("db.example.com.", "CNAME",
                    "<SetIdentifier>a</SetIdentifier><Weight>1</Weight><TTL>300</TTL>" ONE)),
     true, false},
    {"with a health check",
     RECORDS(RECORD("db.example.com.", "CNAME", "<TTL>300</TTL>" ONE "<HealthCheckId>h</HealthCheckId>")),
     true, false},
    {"of a traffic policy",
     RECORDS(RECORD("db.example.com.", "CNAME",
                    "<TTL>300</TTL>" ONE "<TrafficPolicyInstanceId>t</TrafficPolicyInstanceId>")),
     true, false},
    {"without a value", RECORDS(RECORD("db.example.com.", "CNAME", "<TTL>300</TTL>")), true, false},
    {"without a time to live", RECORDS(RECORD("db.example.com.", "CNAME", ONE)), true, false},
    {"two values",
     RECORDS(RECORD("db.example.com.", "CNAME",
                    "<TTL>300</TTL>" VALUES(VALUE("a.example.com") VALUE("b.example.com")))),
     true, false},
};

static void plain_records_are_told(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(records); i++) {
        const struct step steps[] = {{.body = records[i].reply}, {0}};
        struct fixture f;
        const struct route53_record *r = NULL;
        fixture_start(&f, steps);
        if (!route53_record_find(&f.s, "Z0123", "db.example.com", &r, &f.e))
            fail_msg("%s: %s", records[i].what, f.e.text);
        if ((r != NULL) != records[i].is_there || (r && route53_is_plain_cname(r) != records[i].is_plain))
            fail_msg("%s", records[i].what);
        if (r && records[i].is_plain)
            assert_string_equal(r->values[0], "old.example.com");
        fixture_stop(&f);
    }
}

static void names_of_hosts(void **state)
{
    (void)state;
    assert_true(route53_same_name("a.example.com", "A.Example.com."));
    assert_true(route53_same_name("", "."));
    assert_false(route53_same_name("a.example.com", "b.example.com"));
    assert_false(route53_same_name("a.example.com", "a.example.comx"));
    assert_false(route53_same_name("a.example.com", "xa.example.com"));
}

/* ---- refusals ---- */

static const struct {
    const char *body;
    int status;
    enum fault fault;
    const char *remote_code;
    enum err_code code;
    const char *said;
    int requests;
} refusals[] = {
    {REFUSED("InvalidChangeBatch", "[Tried to delete it, but the values provided do not match]"), 400,
     FAULT_NONE, ROUTE53_RECORD_CHANGED, ERR_CONFLICT, "do not match", 1},
    {"<InvalidChangeBatch" NS "><Messages><Message>one</Message><Message> two </Message></Messages>"
     "<RequestId>r-9</RequestId></InvalidChangeBatch>",
     400, FAULT_NONE, ROUTE53_RECORD_CHANGED, ERR_CONFLICT, "one; two (HTTP 400, request r-9)", 1},
    {REFUSED("NoSuchHostedZone", "none"), 404, FAULT_NONE, "NoSuchHostedZone", ERR_NOT_FOUND, "none", 1},
    {REFUSED("AccessDenied", "User: x is not authorized to perform: route53:ChangeResourceRecordSets on "
                             "resource: arn:aws:route53:::hostedzone/Z0123"),
     403, FAULT_NONE, "AccessDenied", ERR_DENIED, "not authorized", 1},
    /* once it may have been carried out it is not repeated */
    {REFUSED("InternalFailure", "x"), 500, FAULT_NONE, "InternalFailure", ERR_UNAVAILABLE, "x", 1},
    {CHANGE("ChangeResourceRecordSets", "PENDING"), 0, FAULT_HANG_UP, "", ERR_UNAVAILABLE, "", 1},
    {CHANGE("SomethingElse", "PENDING"), 0, FAULT_NONE, "", ERR_UNAVAILABLE, "", 1},
};

static void changes_that_are_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(refusals); i++) {
        const struct step steps[] = {
            {.status = refusals[i].status, .body = refusals[i].body, .fault = refusals[i].fault}, {0}};
        const struct route53_record was = plain();
        const char *id = NULL;
        struct fixture f;
        fixture_start(&f, steps);
        assert_false(route53_replace(&f.s, "Z0123", &was, "new.example.com", 5, &id, &f.e));
        assert_string_equal(f.e.remote_code, refusals[i].remote_code);
        if (f.e.code != refusals[i].code || !strstr(f.e.said, refusals[i].said))
            fail_msg("%zu: code %d, %s, %s", i, (int)f.e.code, f.e.text, f.e.said);
        assert_int_equal(scripted_requests(&f.server), refusals[i].requests);
        assert_null(id);
        fixture_stop(&f);
    }
}

static void throttled_changes_are_repeated(void **state)
{
    (void)state;
    static const struct step steps[] = {
        {.times = 3, .status = 400, .body = REFUSED("Throttling", "Rate exceeded")},
        {.body = CHANGE("ChangeResourceRecordSets", "PENDING")},
        {0}};
    const struct route53_record was = plain();
    const char *id = NULL;
    struct fixture f;
    fixture_start(&f, steps);
    assert_true(route53_replace(&f.s, "Z0123", &was, "new.example.com", 5, &id, &f.e));
    assert_int_equal(scripted_requests(&f.server), 4);
    fixture_stop(&f);
}

static void changes_are_awaited(void **state)
{
    (void)state;
    static const struct step steps[] = {
        {.times = 1, .body = CHANGE("GetChange", "PENDING")},
        {.times = 1, .body = CHANGE("GetChange", "INSYNC")},
        {.times = 1, .status = 404, .body = REFUSED("NoSuchChange", "forgotten")},
        {.status = 403, .body = REFUSED("AccessDenied", "no")},
        {0}};
    static const bool expected[] = {false, true, true};
    struct fixture f;
    fixture_start(&f, steps);
    for (size_t i = 0; i < ARRAY_LEN(expected); i++) {
        bool done = !expected[i];
        assert_true(route53_change_done(&f.s, "/change/C0123ABC", &done, &f.e));
        assert_int_equal(done, expected[i]);
    }
    bool done = false;
    assert_false(route53_change_done(&f.s, "C0123ABC", &done, &f.e));
    assert_int_equal(f.e.code, ERR_DENIED);
    fixture_stop(&f);
}

static void only_plain_records_are_replaced(void **state)
{
    (void)state;
    static const struct step steps[] = {{.body = CHANGE("ChangeResourceRecordSets", "PENDING")}, {0}};
    struct route53_record weighted = plain();
    const char *id = NULL;
    struct fixture f;
    weighted.set_identifier = "a";
    fixture_start(&f, steps);
    assert_false(route53_replace(&f.s, "Z0123", &weighted, "new.example.com", 5, &id, &f.e));
    assert_int_equal(f.e.code, ERR_BUG);
    assert_int_equal(scripted_requests(&f.server), 0);
    fixture_stop(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_on_the_wire),        cmocka_unit_test(ids_stay_in_their_place),
        cmocka_unit_test(an_endpoint_may_have_a_path), cmocka_unit_test(zones_are_read),
        cmocka_unit_test(plain_records_are_told),      cmocka_unit_test(names_of_hosts),
        cmocka_unit_test(changes_that_are_refused),    cmocka_unit_test(throttled_changes_are_repeated),
        cmocka_unit_test(changes_are_awaited),         cmocka_unit_test(only_plain_records_are_replaced),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
