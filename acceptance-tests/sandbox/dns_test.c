/* Hosted zones: names, batches that are carried out whole or not at all, listings, changes on their way. */
#include "acceptance-tests/sandbox/dns.h"

#include "acceptance-tests/sandbox/faults.h"
#include "acceptance-tests/sandbox/iam.h"
#include "acceptance-tests/sandbox/service_fixture.h"
#include "internal/base/testing.h"

#include <stdio.h>
#include <string.h>

#define ROOT "/2013-04-01/hostedzone"

static char zone_path[128];

/* What all calls of a second would be refused for. */
static void a_second_later(struct fixture *f)
{
    memset(f->sb.dns_calls, 0, sizeof f->sb.dns_calls);
}

static const char *rest(struct fixture *f, const char *method, const char *path, const char *query,
                        const char *body)
{
    a_second_later(f);
    return ask_rest(f, method, path, query, body);
}

static void has(const char *reply, const char *part)
{
    if (!strstr(reply, part))
        fail_msg("lacks: %s\nreply: %s", part, reply);
}

#define NEW_ZONE(name, reference)                                                                            \
    "<CreateHostedZoneRequest xmlns=\"https://route53.amazonaws.com/doc/2013-04-01/\"><Name>" name           \
    "</Name><CallerReference>" reference "</CallerReference></CreateHostedZoneRequest>"

static void make_zone(struct fixture *f)
{
    const char *reply = rest(f, "POST", ROOT, "", NEW_ZONE("Example.com", "r1"));
    assert_int_equal(last_status(), 201);
    has(reply, "<Name>example.com.</Name>");
    has(reply, "<ResourceRecordSetCount>2</ResourceRecordSetCount>");
    (void)snprintf(zone_path, sizeof zone_path, "/2013-04-01%s", element(reply, "Id"));
}

/* Rows of "ACTION name type ttl value", one per line; ttl "-" gives none. */
static const char *change(struct fixture *f, const char *rows)
{
    static char body[8192];
    char path[160];
    size_t n = (size_t)snprintf(body, sizeof body, "<ChangeResourceRecordSetsRequest><ChangeBatch><Changes>");
    for (const char *p = rows; *p; p += strcspn(p, "\n"), p += *p == '\n') {
        char action[16], name[300], type[16], ttl[24], value[300];
        assert_int_equal(sscanf(p, "%15s %299s %15s %23s %299s", action, name, type, ttl, value), 5);
        n += (size_t)snprintf(
            body + n, sizeof body - n,
            "<Change><Action>%s</Action><ResourceRecordSet><Name>%s</Name><Type>%s</Type>%s%s%s"
            "<ResourceRecords><ResourceRecord><Value>%s</Value></ResourceRecord>"
            "</ResourceRecords></ResourceRecordSet></Change>",
            action, name, type, *ttl == '-' ? "" : "<TTL>", *ttl == '-' ? "" : ttl,
            *ttl == '-' ? "" : "</TTL>", value);
        assert_true(n < sizeof body);
    }
    (void)snprintf(body + n, sizeof body - n, "</Changes></ChangeBatch></ChangeResourceRecordSetsRequest>");
    (void)snprintf(path, sizeof path, "%s/rrset/", zone_path);
    return rest(f, "POST", path, "", body);
}

static const char *list(struct fixture *f, const char *query)
{
    char path[160];
    (void)snprintf(path, sizeof path, "%s/rrset", zone_path);
    return rest(f, "GET", path, query, "");
}

/* ---- names ---- */

static void test_names(void **state)
{
    (void)state;
    static const struct {
        const char *text, *name;
    } rows[] = {{"Db.Example.COM", "db.example.com."},
                {"db.example.com.", "db.example.com."},
                {"*.example.com", "\\052.example.com."},
                {"_x._tcp.example.com", "_x._tcp.example.com."},
                {"", NULL},
                {".", NULL},
                {"a..b", NULL},
                {"-a.b", NULL},
                {"a-.b", NULL},
                {"a b.c", NULL},
                {"a.*.b", NULL},
                {"a<b.c", NULL},
                {"x123456789012345678901234567890123456789012345678901234567890123.b", NULL}};
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const char *name = dns_name(a, rows[i].text);
        if (!rows[i].name != !name || (name && strcmp(name, rows[i].name) != 0))
            fail_msg("%s: %s", rows[i].text, name ? name : "refused");
    }
    static const char *const ordered[] = {
        "com.", "example.com.", "a.example.com.", "b.a.example.com.", "b.example.com.", "example.net."};
    for (size_t i = 0; i < ARRAY_LEN(ordered); i++)
        for (size_t k = 0; k < ARRAY_LEN(ordered); k++) {
            int order = dns_compare(ordered[i], ordered[k]);
            assert_int_equal((order > 0) - (order < 0), (i > k) - (i < k));
        }
    assert_true(dns_is_within("a.example.com.", "example.com."));
    assert_true(dns_is_within("example.com.", "example.com."));
    assert_false(dns_is_within("aexample.com.", "example.com."));
}

/* ---- batches ---- */

/* On a zone with a CNAME db, TTL 300, and an address app. The reply must hold `part`. */
static const struct {
    const char *rows, *part;
} batches[] = {
    {"DELETE db.example.com CNAME 300 old.example.net\nCREATE db.example.com CNAME 5 new.example.net",
     "<Status>PENDING</Status>"},
    {"DELETE db.example.com CNAME 300 old.example.net\nCREATE db.example.com CNAME 300 old.example.net",
     "<Status>PENDING</Status>"},
    {"UPSERT db.example.com CNAME 5 new.example.net", "<Status>PENDING</Status>"},
    {"UPSERT made.example.com CNAME 5 x.example.net", "<Status>PENDING</Status>"},
    {"DELETE db.example.com CNAME 300 old.example.net", "<Status>PENDING</Status>"},
    {"DELETE db.example.com CNAME 60 old.example.net",
     "[Tried to delete resource record set [name='db.example.com.', type='CNAME'] but the values provided do "
     "not match the current values]"},
    {"DELETE db.example.com CNAME 300 other.example.net", "do not match the current values"},
    {"DELETE no.example.com CNAME 300 old.example.net", "but it was not found"},
    {"DELETE db.example.com CNAME 300 old.example.net\nDELETE db.example.com CNAME 300 old.example.net",
     "but it was not found"},
    {"CREATE db.example.com CNAME 5 new.example.net", "but it already exists"},
    {"CREATE example.com CNAME 5 new.example.net", "is not permitted at apex in zone example.com."},
    {"CREATE app.example.com CNAME 5 new.example.net", "as it conflicts with other records"},
    {"CREATE db.example.com A 5 192.0.2.1", "because a conflicting RRSet of type  CNAME"},
    {"CREATE db.example.org CNAME 5 new.example.net", "is not permitted in zone example.com."},
    {"CREATE a_b.-x.example.com CNAME 5 new.example.net", "is not permitted in zone"},
    {"CREATE new.example.com CNAME 5 no&lt;host", "<Code>InvalidChangeBatch</Code>"},
    {"CREATE new.example.com CNAME - new.example.net", "<Code>InvalidInput</Code>"},
    {"CREATE new.example.com CNAME -1 new.example.net", "<Code>InvalidInput</Code>"},
    {"CREATE new.example.com CNAME 2147483648 new.example.net", "<Code>InvalidInput</Code>"},
    {"CREATE new.example.com CNAME 1x new.example.net", "<Code>InvalidInput</Code>"},
    {"CREATE new.example.com ZZZ 5 new.example.net", "<Code>InvalidInput</Code>"},
    {"REPLACE db.example.com CNAME 5 new.example.net", "<Code>InvalidInput</Code>"},
    {"", "<Code>InvalidChangeBatch</Code>"},
    /* the second fails: the first is not done either */
    {"DELETE db.example.com CNAME 300 old.example.net\nCREATE app.example.com A 5 192.0.2.1",
     "but it already exists"},
};

static void test_batches(void **state)
{
    struct fixture *f = *state;
    make_zone(f);
    for (size_t i = 0; i < ARRAY_LEN(batches); i++) {
        has(change(f,
                   "UPSERT db.example.com CNAME 300 old.example.net\nUPSERT app.example.com A 5 192.0.2.1"),
            "PENDING");
        bool good = strstr(batches[i].part, "PENDING") != NULL;
        const char *reply = change(f, batches[i].rows);
        if (!strstr(reply, batches[i].part) || last_status() != (good ? 200 : 400))
            fail_msg("%s\nlacks: %s\nreply: %d %s", batches[i].rows, batches[i].part, last_status(), reply);
        if (good)
            continue;
        has(list(f, "maxitems=1&name=db.example.com"),
            "<Name>db.example.com.</Name><Type>CNAME</Type><TTL>300</TTL><ResourceRecords><ResourceRecord>"
            "<Value>old.example.net</Value>");
        assert_null(strstr(list(f, ""), "new.example"));
    }
}

static void test_bodies(void **state)
{
    struct fixture *f = *state;
    static const char *const refused[] = {
        "",
        "<",
        "<html/>",
        "<!DOCTYPE x [<!ENTITY a \"b\">]><ChangeResourceRecordSetsRequest/>",
        "<ChangeResourceRecordSetsRequest/>",
        "<ChangeResourceRecordSetsRequest><ChangeBatch/></ChangeResourceRecordSetsRequest>",
        "<ChangeResourceRecordSetsRequest><ChangeBatch><Changes><Other/></Changes></ChangeBatch>"
        "</ChangeResourceRecordSetsRequest>",
        "<ChangeResourceRecordSetsRequest><ChangeBatch><Changes><Change><Action>CREATE</Action></Change>"
        "</Changes></ChangeBatch></ChangeResourceRecordSetsRequest>",
        "<ChangeResourceRecordSetsRequest><ChangeBatch><Comment>a</Comment><Comment>b</Comment><Changes/>"
        "</ChangeBatch></ChangeResourceRecordSetsRequest>"};
    char path[160];
    make_zone(f);
    (void)snprintf(path, sizeof path, "%s/rrset/", zone_path);
    for (size_t i = 0; i < ARRAY_LEN(refused); i++)
        has(rest(f, "POST", path, "", refused[i]), "<Code>InvalidInput</Code>");
}

/* ---- listings ---- */

static void test_listings(void **state)
{
    struct fixture *f = *state;
    make_zone(f);
    has(change(f, "CREATE b.example.com A 5 192.0.2.1\nCREATE a.example.com TXT 5 \"x\"\n"
                  "CREATE z.a.example.com CNAME 5 x.example.net\nCREATE b.example.com AAAA 5 2001:db8::1"),
        "PENDING");
    const char *all = list(f, "");
    static const char *const order[] = {"<Type>NS<",    "<Type>SOA<", "<Name>a.ex",
                                        "<Name>z.a.ex", "<Type>A<",   "<Type>AAAA<"};
    const char *at = all;
    for (size_t i = 0; i < ARRAY_LEN(order); i++) {
        const char *next = strstr(at, order[i]);
        if (!next)
            fail_msg("%s is not behind %s", order[i], at);
        at = next;
    }
    has(all, "<IsTruncated>false</IsTruncated>");
    has(list(f, "maxitems=1&name=b.example.com"), "<Type>A</Type>");
    has(list(f, "maxitems=1&name=b.example.com"), "<NextRecordType>AAAA</NextRecordType>");
    has(list(f, "maxitems=1&name=b.example.com&type=AAAA"), "<Type>AAAA</Type>");
    has(list(f, "maxitems=1&name=aa.example.com"), "<Name>b.example.com.</Name>");
    has(list(f, "maxitems=1&name=c.example.com"), "<ResourceRecordSets></ResourceRecordSets>");
    has(list(f, "type=A"), "<Code>InvalidInput</Code>");
    has(list(f, "maxitems=x"), "<Code>InvalidInput</Code>");
    has(list(f, "maxitems=1"), "<IsTruncated>true</IsTruncated>");
}

static void test_zones(void **state)
{
    struct fixture *f = *state;
    make_zone(f);
    has(rest(f, "GET", zone_path, "", ""), "<PrivateZone>false</PrivateZone>");
    has(rest(f, "GET", ROOT, "", ""), "<Name>example.com.</Name>");
    has(rest(f, "POST", ROOT, "", NEW_ZONE("example.com", "r1")), "<Code>HostedZoneAlreadyExists</Code>");
    assert_int_equal(last_status(), 409);
    has(rest(f, "POST", ROOT, "", NEW_ZONE("exa mple.com", "r2")), "<Code>InvalidDomainName</Code>");
    has(rest(f, "GET", ROOT "/Z0", "", ""), "No hosted zone found with ID: Z0");
    assert_int_equal(last_status(), 404);
    has(rest(f, "PUT", zone_path, "", ""), "<Code>InvalidAction</Code>");
    has(change(f, "CREATE db.example.com CNAME 5 x.example.net"), "PENDING");
    has(rest(f, "DELETE", zone_path, "", ""), "<Code>HostedZoneNotEmpty</Code>");
    fixture_reopen(f);
    has(list(f, "maxitems=1&name=db.example.com"), "x.example.net");
    has(change(f, "DELETE db.example.com CNAME 5 x.example.net"), "PENDING");
    has(rest(f, "DELETE", zone_path, "", ""), "<ChangeInfo>");
    has(rest(f, "GET", zone_path, "", ""), "<Code>NoSuchHostedZone</Code>");
}

/* ---- changes, limits, rights, trouble ---- */

static void test_changes_get_in_sync(void **state)
{
    struct fixture *f = *state;
    char path[160];
    make_zone(f);
    f->sb.speed = 0.01;
    const char *reply = change(f, "CREATE db.example.com CNAME 5 x.example.net");
    (void)snprintf(path, sizeof path, "/2013-04-01%s", element(reply, "Id"));
    has(rest(f, "GET", path, "", ""), "<Status>PENDING</Status>");
    f->sb.speed = 100000;
    reply = change(f, "UPSERT db.example.com CNAME 5 y.example.net");
    (void)snprintf(path, sizeof path, "/2013-04-01%s", element(reply, "Id"));
    while (!strstr(rest(f, "GET", path, "", ""), "<Status>INSYNC</Status>"))
        has(buf_text(&last_reply()->body), "<Status>PENDING</Status>");
    has(rest(f, "GET", "/2013-04-01/change/C0", "", ""), "<Code>NoSuchChange</Code>");
    assert_int_equal(last_status(), 404);
}

static void test_five_a_second(void **state)
{
    struct fixture *f = *state;
    make_zone(f);
    a_second_later(f);
    for (int i = 0; i < 5; i++)
        has(ask_rest(f, "GET", zone_path, "", ""), "<HostedZone>");
    has(ask_rest(f, "GET", zone_path, "", ""), "<Code>Throttling</Code><Message>Rate exceeded</Message>");
    assert_int_equal(last_status(), 400);
}

static void test_rights(void **state)
{
    struct fixture *f = *state;
    struct err e = ERR_INIT;
    json_t *now = NULL;
    make_zone(f);
    json_t *in =
        json_pack("{s:{s:s, s:[{s:s, s:s, s:s}]}}", "policy", "Version", "2012-10-17", "Statement", "Effect",
                  "Allow", "Action", "route53:List*", "Resource", "arn:aws:route53:::hostedzone/*");
    sandbox_lock(&f->sb);
    if (!iam_set(&f->sb, in, &now, &e))
        fail_msg("%s", e.text);
    sandbox_unlock(&f->sb);
    json_decref(in);
    json_decref(now);
    has(list(f, "maxitems=1"), "<MaxItems>1</MaxItems>");
    has(change(f, "CREATE db.example.com CNAME 5 x.example.net"), "<Code>AccessDenied</Code>");
    has(buf_text(&last_reply()->body),
        "route53:ChangeResourceRecordSets on resource: arn:aws:route53:::hostedzone/Z");
}

static void test_trouble(void **state)
{
    struct fixture *f = *state;
    struct err e = ERR_INIT;
    make_zone(f);
    json_t *spec = json_pack("{s:s, s:s, s:s}", "operation", "ChangeResourceRecordSets", "kind", "error",
                             "code", "PriorRequestNotComplete");
    sandbox_lock(&f->sb);
    if (!fault_add(&f->sb, spec, &e))
        fail_msg("%s", e.text);
    sandbox_unlock(&f->sb);
    json_decref(spec);
    has(change(f, "CREATE db.example.com CNAME 5 x.example.net"), "<Code>PriorRequestNotComplete</Code>");
    has(change(f, "CREATE db.example.com CNAME 5 x.example.net"), "PENDING");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names), TEST(test_batches), TEST(test_bodies),
        TEST(test_listings),          TEST(test_zones),   TEST(test_changes_get_in_sync),
        TEST(test_five_a_second),     TEST(test_rights),  TEST(test_trouble)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
