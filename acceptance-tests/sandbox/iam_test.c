/* Policy documents: which are refused when given, what they decide. */
#include "acceptance-tests/sandbox/iam.h"

#include "internal/base/testing.h"

#include <stdlib.h>
#include <string.h>

static const struct pattern {
    const char *pattern, *text;
    bool any_case, matches;
} PATTERNS[] = {
    {"*", "", false, true},
    {"", "", false, true},
    {"", "x", false, false},
    {"rds:*", "rds:DescribeDBClusters", true, true},
    {"RDS:describe*", "rds:DescribeDBClusters", true, true},
    {"rds:Describe*", "rds:describeDBClusters", false, false},
    {"a*b*c", "axxbyyc", false, true},
    {"a*b*c", "axxbyy", false, false},
    {"a?c", "abc", false, true},
    {"a?c", "ac", false, false},
    {"*aab", "aaaaaab", false, true},
    {"arn:aws:rds:*:1:cluster:prod-*", "arn:aws:rds:us-east-1:1:cluster:prod-orders", false, true},
    {"arn:aws:rds:*:1:cluster:prod-*", "arn:aws:rds:us-east-1:1:db:prod-orders", false, false},
};

static void patterns(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(PATTERNS); i++)
        if (iam_matches(PATTERNS[i].pattern, PATTERNS[i].text, PATTERNS[i].any_case) != PATTERNS[i].matches)
            fail_msg("%s against %s", PATTERNS[i].pattern, PATTERNS[i].text);
}

#define ONE(members)               "{\"Statement\":[{" members "}]}"
#define ALLOW(members)             ONE("\"Effect\":\"Allow\",\"Action\":\"*\",\"Resource\":\"*\"" members)
#define WHEN(operator, key, value) ALLOW(",\"Condition\":{\"" operator"\":{\"" key "\":" value "}}")

static const struct document {
    const char *text, *refusal; /* NULL: accepted */
} DOCUMENTS[] = {
    {ALLOW(""), NULL},
    {"{\"Version\":\"2012-10-17\",\"Id\":\"x\",\"Statement\":{\"Sid\":\"s\",\"Effect\":\"Deny\","
     "\"NotAction\":"
     "[\"rds:*\"],\"NotResource\":[\"*\"]}}",
     NULL},
    {"[]", "not an object"},
    {"{}", "no statement"},
    {"{\"Statement\":[]}", "no statement"},
    {"{\"Statement\":[7]}", "not an object"},
    {ONE("\"Effect\":\"Maybe\",\"Action\":\"*\",\"Resource\":\"*\""), "neither Allow nor Deny"},
    {ONE("\"Effect\":\"Allow\",\"Resource\":\"*\""), "either Action or NotAction"},
    {ONE("\"Effect\":\"Allow\",\"Action\":\"*\",\"NotAction\":\"*\",\"Resource\":\"*\""),
     "either Action or NotAction"},
    {ONE("\"Effect\":\"Allow\",\"Action\":\"*\""), "either Resource or NotResource"},
    {ONE("\"Effect\":\"Allow\",\"Action\":[],\"Resource\":\"*\""), "Action is empty"},
    {ONE("\"Effect\":\"Allow\",\"Action\":[7],\"Resource\":\"*\""), "not a text"},
    {ONE("\"Effect\":\"Allow\",\"Action\":\"*\",\"Resource\":\"${aws:username}\""), "variables"},
    {ALLOW(",\"NotPrincipal\":\"*\""), "NotPrincipal"},
    {ALLOW(",\"Principal\":{\"Service\":\"x\"}"), "AWS principals"},
    {ALLOW(",\"Condition\":[]"), "Condition is not an object"},
    {WHEN("NumericLessThan", "x", "\"5\""), "NumericLessThan"},
    {WHEN("NullIfExists", "x", "\"true\""), "NullIfExists"},
    {WHEN("StringEquals", "x", "[]"), "x is empty"},
    {WHEN("Bool", "x", "true"), NULL},
};

static void documents(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(DOCUMENTS); i++) {
        struct err e = ERR_INIT;
        json_t *policy = json_loads(DOCUMENTS[i].text, 0, NULL);
        assert_non_null(policy);
        bool ok = iam_check(policy, &e);
        if (ok != !DOCUMENTS[i].refusal || (!ok && !strstr(e.text, DOCUMENTS[i].refusal)))
            fail_msg("%s: %s", DOCUMENTS[i].text, e.text);
        json_decref(policy);
    }
}

#define USER   "arn:aws:iam::1:user/a"
#define ORDERS "arn:aws:rds:us-east-1:1:cluster:orders"
#define CONTEXT                                                                                              \
    "{\"aws:RequestTag/"                                                                                     \
    "team\":\"a\",\"aws:TagKeys\":[\"team\",\"env\"],\"aws:RequestedRegion\":\"us-east-1\"}"

/* Every row asks for rds:DeleteDBCluster on the cluster orders, with the context above. */
static const struct decision {
    const char *policy;
    enum iam_verdict verdict;
} DECISIONS[] = {
    {ALLOW(""), IAM_ALLOWED},
    {ONE("\"Effect\":\"Allow\",\"Action\":\"rds:Describe*\",\"Resource\":\"*\""), IAM_NOT_ALLOWED},
    {ONE("\"Effect\":\"Allow\",\"Action\":[\"sts:*\",\"RDS:deleteDBcluster\"],\"Resource\":\"" ORDERS "\""),
     IAM_ALLOWED},
    {ONE("\"Effect\":\"Allow\",\"Action\":\"*\",\"Resource\":\"arn:aws:rds:*:*:db:*\""), IAM_NOT_ALLOWED},
    {ONE("\"Effect\":\"Allow\",\"NotAction\":\"rds:Delete*\",\"Resource\":\"*\""), IAM_NOT_ALLOWED},
    {ONE("\"Effect\":\"Allow\",\"Action\":\"*\",\"NotResource\":\"*:prod-*\""), IAM_ALLOWED},
    {ONE("\"Effect\":\"Deny\",\"Action\":\"*\",\"Resource\":\"*\""), IAM_DENIED},
    {"{\"Statement\":[{\"Effect\":\"Deny\",\"Action\":\"rds:Delete*\",\"Resource\":\"*\"},{\"Effect\":"
     "\"Allow\","
     "\"Action\":\"*\",\"Resource\":\"*\"}]}",
     IAM_DENIED},
    {"{\"Statement\":[{\"Effect\":\"Allow\",\"Action\":\"*\",\"Resource\":\"*\"},{\"Effect\":\"Deny\","
     "\"Action\":"
     "\"rds:Delete*\",\"Resource\":\"*\"}]}",
     IAM_DENIED},
    {"{\"Statement\":[{\"Effect\":\"Allow\",\"Action\":\"*\",\"Resource\":\"*\"},{\"Effect\":\"Deny\","
     "\"Action\":"
     "\"rds:Delete*\",\"Resource\":\"*:prod\"}]}",
     IAM_ALLOWED},
    {ALLOW(",\"Principal\":{\"AWS\":\"arn:aws:iam::1:user/*\"}"), IAM_ALLOWED},
    {ALLOW(",\"Principal\":{\"AWS\":[\"arn:aws:iam::2:user/a\"]}"), IAM_NOT_ALLOWED},
    {ALLOW(",\"Principal\":\"*\""), IAM_ALLOWED},
    {WHEN("StringEquals", "aws:RequestTag/team", "\"a\""), IAM_ALLOWED},
    {WHEN("StringEquals", "AWS:requesttag/Team", "[\"b\",\"a\"]"), IAM_ALLOWED},
    {WHEN("StringEquals", "aws:RequestTag/team", "\"A\""), IAM_NOT_ALLOWED},
    {WHEN("StringEqualsIgnoreCase", "aws:RequestTag/team", "\"A\""), IAM_ALLOWED},
    {WHEN("StringNotEquals", "aws:RequestTag/team", "[\"b\",\"a\"]"), IAM_NOT_ALLOWED},
    {WHEN("StringNotEquals", "aws:RequestTag/team", "\"b\""), IAM_ALLOWED},
    {WHEN("StringLike", "aws:RequestedRegion", "\"us-*\""), IAM_ALLOWED},
    {WHEN("StringNotLike", "aws:RequestedRegion", "\"us-*\""), IAM_NOT_ALLOWED},
    {WHEN("StringEquals", "aws:RequestTag/none", "\"a\""), IAM_NOT_ALLOWED},
    {WHEN("StringNotEquals", "aws:RequestTag/none", "\"a\""), IAM_ALLOWED},
    {WHEN("StringEqualsIfExists", "aws:RequestTag/none", "\"a\""), IAM_ALLOWED},
    {WHEN("Null", "aws:RequestTag/none", "\"true\""), IAM_ALLOWED},
    {WHEN("Null", "aws:RequestTag/team", "\"true\""), IAM_NOT_ALLOWED},
    {WHEN("Null", "aws:RequestTag/team", "false"), IAM_ALLOWED},
    {WHEN("ForAnyValue:StringEquals", "aws:TagKeys", "[\"env\",\"x\"]"), IAM_ALLOWED},
    {WHEN("ForAllValues:StringEquals", "aws:TagKeys", "[\"env\",\"x\"]"), IAM_NOT_ALLOWED},
    {WHEN("ForAllValues:StringEquals", "aws:TagKeys", "[\"env\",\"team\"]"), IAM_ALLOWED},
    {WHEN("ForAllValues:StringEquals", "aws:nothing", "\"x\""), IAM_ALLOWED},
    {WHEN("ForAnyValue:StringEquals", "aws:nothing", "\"x\""), IAM_NOT_ALLOWED},
};

static void decisions(void **state)
{
    (void)state;
    json_t *context = json_loads(CONTEXT, 0, NULL);
    struct iam_request r = {USER, "rds:DeleteDBCluster", ORDERS, context};
    for (size_t i = 0; i < ARRAY_LEN(DECISIONS); i++) {
        struct err e = ERR_INIT;
        json_t *policy = json_loads(DECISIONS[i].policy, 0, NULL);
        if (!iam_check(policy, &e))
            fail_msg("%s: %s", DECISIONS[i].policy, e.text);
        if (iam_decide(policy, &r) != DECISIONS[i].verdict)
            fail_msg("%s", DECISIONS[i].policy);
        json_decref(policy);
    }
    json_decref(context);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(patterns),
        cmocka_unit_test(documents),
        cmocka_unit_test(decisions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
