/* Golden rows: the published AWS Signature Version 4 test suite (same key, date and scope throughout), the
 * S3 guide's presigned example, and RDS requests and tokens computed with botocore 1.43.67. */
#include "internal/aws/sigv4.h"
#include "internal/base/clock.h"
#include "internal/base/testing.h"

#include <stdio.h>
#include <string.h>

enum { PAIRS = 8 };

static const char suite_secret[] = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
static const char suite_token[] =
    "AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKWHGBuFqwAeMicRXmxfpSPfIeoIYRqTf"
    "lfKD8YUuwthAx7mSEI/qkPpKPi/kMcGdQrmGdeehM4IC1NtBmUpp2wUE8phUZampKsburEDy0KPkyQDYwT7WZ0wq5VSXDvp75YU9HF"
    "vlRd8Tx6q6fE8YQcHNVXAkiY9q6d+xo0rKwT38xVqr7ZD0u0iPPkUL64lIZbqBAz+scqKmlzm8FDrypNC9Yjc8fPOLn9FX9KSYvKTr"
    "4rvx3iSIlTJabIQwj2ICCR/oLxBA==";
#define SUITE_HOST                                                                                           \
    {                                                                                                        \
        "Host", "example.amazonaws.com"                                                                      \
    }
#define FORM                                                                                                 \
    {                                                                                                        \
        "Content-Type", "application/x-www-form-urlencoded"                                                  \
    }

struct row {
    const char *name, *method, *path;
    struct sigv4_pair query[PAIRS], headers[PAIRS];
    const char *body, *token, *signed_headers, *signature;
};

static const struct row suite[] = {
    {"get-vanilla",
     "GET",
     "/",
     {{0}},
     {SUITE_HOST},
     "",
     NULL,
     "host;x-amz-date",
     "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
    {"get-vanilla-empty-query-key",
     "GET",
     "/",
     {{"Param1", "value1"}},
     {SUITE_HOST},
     "",
     NULL,
     "host;x-amz-date",
     "a67d582fa61cc504c4bae71f336f98b97f1ea3c7a6bfe1b6e45aec72011b9aeb"},
    {"get-vanilla-query-order-key-case",
     "GET",
     "/",
     {{"Param2", "value2"}, {"Param1", "value1"}},
     {SUITE_HOST},
     "",
     NULL,
     "host;x-amz-date",
     "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"},
    {"get-vanilla-query-unreserved",
     "GET",
     "/",
     {{"-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
       "-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"}},
     {SUITE_HOST},
     "",
     NULL,
     "host;x-amz-date",
     "9c3e54bfcdf0b19771a7f523ee5669cdf59bc7cc0884027167c21bb143a40197"},
    {"get-vanilla-utf8-query",
     "GET",
     "/",
     {{"\xe1\x88\xb4", "bar"}},
     {SUITE_HOST},
     "",
     NULL,
     "host;x-amz-date",
     "2cdec8eed098649ff3a119c94853b13c643bcf08f8b0a1d91e12c9027818dd04"},
    {"get-utf8",
     "GET",
     "/\xe1\x88\xb4",
     {{0}},
     {SUITE_HOST},
     "",
     NULL,
     "host;x-amz-date",
     "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85"},
    {"get-unreserved",
     "GET",
     "/-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
     {{0}},
     {SUITE_HOST},
     "",
     NULL,
     "host;x-amz-date",
     "07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f"},
    {"get-header-key-duplicate",
     "GET",
     "/",
     {{0}},
     {SUITE_HOST, {"My-Header1", "value2"}, {"My-Header1", "value2"}, {"My-Header1", "value1"}},
     "",
     NULL,
     "host;my-header1;x-amz-date",
     "c9d5ea9f3f72853aea855b47ea873832890dbdd183b4468f858259531a5138ea"},
    {"get-header-value-order",
     "GET",
     "/",
     {{0}},
     {SUITE_HOST,
      {"My-Header1", "value4"},
      {"My-Header1", "value1"},
      {"My-Header1", "value3"},
      {"My-Header1", "value2"}},
     "",
     NULL,
     "host;my-header1;x-amz-date",
     "08c7e5a9acfcfeb3ab6b2185e75ce8b1deb5e634ec47601a50643f830c755c01"},
    {"get-header-value-trim",
     "GET",
     "/",
     {{0}},
     {SUITE_HOST, {"My-Header1", " value1"}, {"My-Header2", " \"a   b   c\""}},
     "",
     NULL,
     "host;my-header1;my-header2;x-amz-date",
     "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736"},
    {"post-vanilla",
     "POST",
     "/",
     {{0}},
     {SUITE_HOST},
     "",
     NULL,
     "host;x-amz-date",
     "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"},
    {"post-vanilla-query",
     "POST",
     "/",
     {{"Param1", "value1"}},
     {SUITE_HOST},
     "",
     NULL,
     "host;x-amz-date",
     "28038455d6de14eafc1f9222cf5aa6f1a96197d7deb8263271d420d138af7f11"},
    {"post-header-key-case",
     "POST",
     "/",
     {{0}},
     {{"HOST", "example.amazonaws.com"}},
     "",
     NULL,
     "host;x-amz-date",
     "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"},
    {"post-header-key-sort",
     "POST",
     "/",
     {{0}},
     {SUITE_HOST, {"My-Header1", "value1"}},
     "",
     NULL,
     "host;my-header1;x-amz-date",
     "c5410059b04c1ee005303aed430f6e6645f61f4dc9e1461ec8f8916fdf18852c"},
    {"post-header-value-case",
     "POST",
     "/",
     {{0}},
     {SUITE_HOST, {"My-Header1", "VALUE1"}},
     "",
     NULL,
     "host;my-header1;x-amz-date",
     "cdbc9802e29d2942e5e10b5bccfdd67c5f22c7c4e8ae67b53629efa58b974b7d"},
    {"post-x-www-form-urlencoded",
     "POST",
     "/",
     {{0}},
     {SUITE_HOST, FORM},
     "Param1=value1",
     NULL,
     "content-type;host;x-amz-date",
     "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a"},
    {"post-x-www-form-urlencoded-parameters",
     "POST",
     "/",
     {{0}},
     {SUITE_HOST, {"Content-Type", "application/x-www-form-urlencoded; charset=utf8"}},
     "Param1=value1",
     NULL,
     "content-type;host;x-amz-date",
     "1a72ec8f64bd914b0e42e42607c7fbce7fb2c7465f63e3092b3b0d39fa77a6fe"},
    {"post-sts-header-before",
     "POST",
     "/",
     {{0}},
     {SUITE_HOST},
     "",
     suite_token,
     "host;x-amz-date;x-amz-security-token",
     "85d96828115b5dc0cfc3bd16ad9e210dd772bbebba041836c64533a82be05ead"},
};

/* Computed with botocore for the same key on another day, Region and service. */
#define RDS_HOST                                                                                             \
    {                                                                                                        \
        "host", "rds.us-east-1.amazonaws.com"                                                                \
    }
#define RDS_FORM                                                                                             \
    {                                                                                                        \
        "content-type", "application/x-www-form-urlencoded; charset=utf-8"                                   \
    }
static const struct row rds[] = {
    {"rds",
     "POST",
     "/",
     {{0}},
     {RDS_HOST, RDS_FORM},
     "Action=DescribeDBClusters&Version=2014-10-31",
     NULL,
     "content-type;host;x-amz-date",
     "16b17650881611cf8d4f8d6fa93f359e90eee8342a26b1eeb7dcf3f92ab64310"},
    {"rds with token",
     "POST",
     "/",
     {{0}},
     {RDS_HOST, RDS_FORM},
     "Action=DescribeDBClusters&Version=2014-10-31",
     "tok/en==",
     "content-type;host;x-amz-date;x-amz-security-token",
     "bcf9344fc28a000bfb46142f2719e324fc54cb8922a7bd698833a9420e22332b"},
};

static size_t pairs(const struct sigv4_pair *p)
{
    size_t n = 0;
    while (n < PAIRS && p[n].name)
        n++;
    return n;
}

static int64_t at(const char *iso)
{
    int64_t ms = 0;
    assert_true(time_parse_iso(iso, &ms));
    return ms;
}

static void check_row(const struct row *r, const struct sigv4_scope *scope, struct sigv4_cache *cache)
{
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    char hash[SIGV4_HEX_SIZE];
    sigv4_sha256(str_of(r->body), hash);
    struct sigv4_request q = {r->method,       r->path,           r->query, r->headers,
                              pairs(r->query), pairs(r->headers), hash};
    struct sigv4_keys k = {"AKIDEXAMPLE", suite_secret, r->token};
    struct sigv4_signed s = sigv4_sign(a, cache, &k, scope, &q);
    char date[SIGV4_DATE_SIZE];
    sigv4_date(scope->wall_ms, date);
    assert_string_equal(s.date, date);
    assert_string_equal(
        s.authorization,
        arena_printf(a,
                     "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/%.8s/%s/%s/aws4_request, SignedHeaders=%s, "
                     "Signature=%s",
                     date, scope->region, scope->service, r->signed_headers, r->signature));
}

static void header_form(void **state)
{
    (void)state;
    struct sigv4_cache *cache = sigv4_cache_new();
    struct sigv4_scope scope = {"us-east-1", "service", at("2015-08-30T12:36:00Z")};
    for (size_t i = 0; i < ARRAY_LEN(suite); i++) {
        check_row(&suite[i], &scope, NULL);
        check_row(&suite[i], &scope, cache);
    }
    struct sigv4_scope other = {"us-east-1", "rds", at("2026-01-02T03:04:05Z")};
    for (size_t i = 0; i < ARRAY_LEN(rds); i++)
        check_row(&rds[i], &other, cache); /* the cache must not mix days and services */
    sigv4_cache_free(cache);
}

static void stages(void **state)
{
    (void)state;
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    struct sigv4_scope scope = {"us-east-1", "service", at("2015-08-30T12:36:00Z")};
    struct sigv4_pair headers[] = {SUITE_HOST, {"X-Amz-Date", "20150830T123600Z"}};
    struct sigv4_pair query[] = {{"Param2", "value2"}, {"Param1", "value1"}};
    char hash[SIGV4_HEX_SIZE], signature[SIGV4_HEX_SIZE];
    sigv4_sha256(str_of(""), hash);
    struct sigv4_request q = {"GET", "/", query, headers, 2, 2, hash};
    struct sigv4_canonical c = sigv4_canonical(a, &q);
    assert_string_equal(c.text, "GET\n/\nParam1=value1&Param2=value2\nhost:example.amazonaws.com\n"
                                "x-amz-date:20150830T123600Z\n\nhost;x-amz-date\n"
                                "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    const char *text = sigv4_string_to_sign(a, &scope, c.text);
    assert_string_equal(text, "AWS4-HMAC-SHA256\n20150830T123600Z\n20150830/us-east-1/service/aws4_request\n"
                              "816cd5b414d056048ba4f7c5386d6e0533120fb1fcfa93762cf0fc39e2cf19e0");
    unsigned char key[SIGV4_KEY_SIZE];
    sigv4_key(suite_secret, &scope, key);
    sigv4_signature(key, text, signature);
    assert_string_equal(signature, "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500");
}

static void presigned_s3_example(void **state)
{
    (void)state;
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    struct sigv4_pair headers[] = {{"host", "examplebucket.s3.amazonaws.com"}};
    struct sigv4_request q = {"GET", "/test.txt", NULL, headers, 0, 1, "UNSIGNED-PAYLOAD"};
    struct sigv4_keys k = {"AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", NULL};
    struct sigv4_scope scope = {"us-east-1", "s3", at("2013-05-24T00:00:00Z")};
    assert_string_equal(
        sigv4_presign(a, NULL, &k, &scope, &q, 86400),
        "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%"
        "2F"
        "aws4_request&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host&"
        "X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404");
}

static void presigned_rds_tokens(void **state)
{
    (void)state;
    static const struct {
        const char *token, *tail;
    } rows[] = {
        {NULL, "X-Amz-Signature=9789aa6b6db20903d0ac5c75ccc9ff62984f28a8f1f39e4611b39cf0faac1d20"},
        {"tok/en==", "X-Amz-Security-Token=tok%2Fen%3D%3D&"
                     "X-Amz-Signature=4163904cd078882df1d52117a0a3fb42de8a56179117e610a119ef8e43dc6771"},
    };
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    struct sigv4_pair headers[] = {{"host", "mycluster.cluster-abc.us-east-1.rds.amazonaws.com:5432"}};
    struct sigv4_pair query[] = {{"Action", "connect"}, {"DBUser", "jane_doe"}};
    char hash[SIGV4_HEX_SIZE];
    sigv4_sha256(str_of(""), hash);
    struct sigv4_request q = {"GET", "/", query, headers, 2, 1, hash};
    struct sigv4_scope scope = {"us-east-1", "rds-db", at("2026-01-02T03:04:05Z")};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct sigv4_keys k = {"AKIDEXAMPLE", suite_secret, rows[i].token};
        assert_string_equal(
            sigv4_presign(a, NULL, &k, &scope, &q, 900),
            arena_printf(a,
                         "Action=connect&DBUser=jane_doe&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential="
                         "AKIDEXAMPLE%%2F20260102%%2Fus-east-1%%2Frds-db%%2Faws4_request&X-Amz-Date="
                         "20260102T030405Z&X-Amz-Expires=900&X-Amz-SignedHeaders=host&%s",
                         rows[i].tail));
    }
}

static void uri_encoding(void **state)
{
    (void)state;
    static const struct {
        const char *in, *out;
        bool keep_slash;
    } rows[] = {
        {"a b", "a%20b", false}, {"a/b", "a%2Fb", false},         {"a/b", "a/b", true},
        {"-._~", "-._~", false}, {"+=&%", "%2B%3D%26%25", false}, {"\xc3\xa9\x01\x7f", "%C3%A9%01%7F", false},
        {"", "", false},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct buf b = BUF_INIT(1000);
        sigv4_uri_encode(&b, rows[i].in, rows[i].keep_slash);
        assert_string_equal(buf_text(&b), rows[i].out);
        buf_done(&b);
    }
}

/* More scopes than the cache has places: evicted keys are derived again, and all stay right. */
static void cache_overflow(void **state)
{
    (void)state;
    struct sigv4_cache *cache = sigv4_cache_new();
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    struct sigv4_pair headers[] = {{"host", "h"}};
    struct sigv4_request q = {"GET", "/", NULL, headers, 0, 1, "UNSIGNED-PAYLOAD"};
    struct sigv4_keys k = {"AKIDEXAMPLE", suite_secret, NULL};
    for (int round = 0; round < 2; round++)
        for (int day = 1; day <= 28; day++) {
            struct sigv4_scope scope = {"eu-west-1", "rds",
                                        at(arena_printf(a, "2026-02-%02dT00:00:00Z", day))};
            assert_string_equal(sigv4_sign(a, cache, &k, &scope, &q).authorization,
                                sigv4_sign(a, NULL, &k, &scope, &q).authorization);
        }
    sigv4_cache_free(cache);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(header_form),          cmocka_unit_test(stages),
        cmocka_unit_test(presigned_s3_example), cmocka_unit_test(presigned_rds_tokens),
        cmocka_unit_test(uri_encoding),         cmocka_unit_test(cache_overflow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
