/* Classes, attempts, delays, the shared budget, and the table of error codes. */
#include "internal/aws/errors.h"
#include "internal/aws/retry.h"
#include "internal/base/testing.h"

#include <string.h>

static void classes(void **state)
{
    (void)state;
    static const struct {
        const char *code;
        int status;
        enum retry_class class;
    } rows[] = {
        {"Throttling", 400, RETRY_THROTTLED},
        {"ThrottlingException", 400, RETRY_THROTTLED},
        {"RequestLimitExceeded", 503, RETRY_THROTTLED},
        {"SlowDown", 503, RETRY_THROTTLED},
        {"", 429, RETRY_THROTTLED},
        {"InternalFailure", 500, RETRY_SERVER},
        {"ServiceUnavailable", 503, RETRY_SERVER},
        {"RequestTimeout", 400, RETRY_SERVER},
        {"", 500, RETRY_SERVER},
        {"", 502, RETRY_SERVER},
        {"", 504, RETRY_SERVER},
        {"", 501, RETRY_NEVER},
        {"AccessDenied", 403, RETRY_NEVER},
        {"DBClusterNotFoundFault", 404, RETRY_NEVER},
        {"InstanceQuotaExceeded", 400, RETRY_NEVER},
        {"", 403, RETRY_NEVER},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (retry_class_of(rows[i].code, rows[i].status) != rows[i].class)
            fail_msg("row %zu", i);
}

static void attempts(void **state)
{
    (void)state;
    assert_int_equal(retry_attempts(RETRY_NEVER, 25), 1);
    assert_int_equal(retry_attempts(RETRY_THROTTLED, 25), 26);
    assert_int_equal(retry_attempts(RETRY_SERVER, 25), 26);
    assert_int_equal(retry_attempts(RETRY_NETWORK, 25), RETRY_NETWORK_ATTEMPTS);
    assert_int_equal(retry_attempts(RETRY_NETWORK, 3), 4);
    assert_int_equal(retry_attempts(RETRY_BROKEN, 25), RETRY_BROKEN_ATTEMPTS);
    assert_int_equal(retry_attempts(RETRY_SERVER, 0), 1);
}

static void delays(void **state)
{
    (void)state;
    static const struct {
        enum retry_class class;
        int n;
        int64_t most;
    } rows[] = {{RETRY_SERVER, 1, 50},      {RETRY_SERVER, 2, 100},      {RETRY_SERVER, 8, 6400},
                {RETRY_SERVER, 9, 12800},   {RETRY_SERVER, 10, 20000},   {RETRY_SERVER, 1000, 20000},
                {RETRY_THROTTLED, 1, 1000}, {RETRY_THROTTLED, 5, 16000}, {RETRY_THROTTLED, 6, 20000},
                {RETRY_NETWORK, 10, 20000}, {RETRY_BROKEN, 4, 400}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        assert_int_equal(retry_delay_ms(rows[i].class, rows[i].n, -1, 0), 0);
        assert_int_equal(retry_delay_ms(rows[i].class, rows[i].n, -1, UINT32_MAX), rows[i].most);
        int64_t middle = retry_delay_ms(rows[i].class, rows[i].n, -1, UINT32_MAX / 2);
        assert_in_range(middle, rows[i].most / 2 - 1, rows[i].most / 2);
        assert_int_equal(retry_delay_ms(rows[i].class, rows[i].n, 45000, UINT32_MAX), 45000);
        assert_int_equal(retry_delay_ms(rows[i].class, rows[i].n, INT64_MAX, 0), RETRY_ASKED_MAX_MS);
    }
}

static void budget(void **state)
{
    (void)state;
    struct retry_budget b;
    retry_budget_init(&b, 0, 1000);
    for (int i = 0; i < RETRY_BURST; i++)
        assert_int_equal(retry_budget_take(&b, 1000), 0);
    for (int i = 1; i <= 50; i++) /* then everybody waits longer than the one before */
        assert_int_equal(retry_budget_take(&b, 1000), i * 1000 / RETRY_PER_SECOND);
    assert_int_equal(retry_budget_take(&b, 1000 + 5000), 100); /* five seconds pay for fifty */
    assert_int_equal(retry_budget_take(&b, 1000 + 3600 * 1000), 0);
    for (int i = 1; i < RETRY_BURST; i++) /* an hour's rest saves up no more than one burst */
        assert_int_equal(retry_budget_take(&b, 1000 + 3600 * 1000), 0);
    assert_true(retry_budget_take(&b, 1000 + 3600 * 1000) > 0);
    retry_budget_done(&b);
}

static void error_codes(void **state)
{
    (void)state;
    static const struct {
        const char *code;
        int status;
        enum err_code want;
    } rows[] = {
        {"DBClusterNotFoundFault", 404, ERR_NOT_FOUND},
        {"DBInstanceNotFound", 404, ERR_NOT_FOUND},
        {"DBParameterGroupNotFound", 404, ERR_NOT_FOUND},
        {"ResourceNotFoundException", 400, ERR_NOT_FOUND},
        {"BlueGreenDeploymentAlreadyExistsFault", 400, ERR_CONFLICT},
        {"DBParameterGroupAlreadyExists", 400, ERR_CONFLICT},
        {"InvalidDBClusterStateFault", 400, ERR_CONFLICT},
        {"InvalidBlueGreenDeploymentStateFault", 400, ERR_CONFLICT},
        {"InvalidDBInstanceState", 400, ERR_CONFLICT},
        {"AccessDenied", 403, ERR_DENIED},
        {"AccessDeniedException", 400, ERR_DENIED},
        {"KMSKeyNotAccessibleFault", 400, ERR_DENIED},
        {"InvalidClientTokenId", 403, ERR_AUTH},
        {"ExpiredTokenException", 403, ERR_AUTH},
        {"SignatureDoesNotMatch", 403, ERR_AUTH},
        {"MissingAuthenticationToken", 403, ERR_AUTH},
        {"Throttling", 400, ERR_THROTTLED},
        {"InvalidParameterCombination", 400, ERR_INVALID},
        {"ValidationError", 400, ERR_INVALID},
        {"SourceClusterNotSupportedFault", 400, ERR_REMOTE},
        {"InstanceQuotaExceeded", 400, ERR_REMOTE},
        {"NewCodeOfTomorrow", 400, ERR_REMOTE},
        {"NewCodeOfTomorrow", 500, ERR_UNAVAILABLE},
        {"", 404, ERR_REMOTE}, /* a bare 404 is no positive answer about the thing asked for */
        {"", 401, ERR_AUTH},
        {"", 429, ERR_THROTTLED},
        {"", 503, ERR_UNAVAILABLE},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (aws_error_code(rows[i].code, rows[i].status) != rows[i].want)
            fail_msg("%s %d", rows[i].code, rows[i].status);
}

static void absence(void **state)
{
    (void)state;
    const struct aws_op *op = aws_op_find("rds", "DescribeDBClusterParameterGroups");
    assert_non_null(op);
    assert_true(aws_op_means_absent(op, "DBParameterGroupNotFound"));
    assert_true(aws_op_means_absent(op, "DBClusterParameterGroupNotFound"));
    assert_false(aws_op_means_absent(op, "DBParameterGroup"));
    assert_false(aws_op_means_absent(op, "DBParameterGroupNotFoundFaultX"));
    assert_false(aws_op_means_absent(op, ""));
    assert_false(aws_op_means_absent(aws_op_find("rds", "DescribeEvents"), "DBClusterNotFoundFault"));
    assert_null(aws_op_find("rds", "NoSuchAction"));
    assert_null(aws_op_find("sts", "DescribeDBClusters"));
}

static void hints(void **state)
{
    (void)state;
    static const struct {
        const char *code, *message, *hint;
    } rows[] = {
        {"KMSKeyNotAccessibleFault", "The specified KMS key [k] does not exist.",
         "kms:CreateGrant and kms:DescribeKey"},
        {"AccessDenied", "is not authorized to perform: rds:CreateDBCluster on resource: x",
         "rds:CreateDBCluster "},
        {"AccessDenied", "no", "rds:DescribeDBClusters "},
        {"AccessDenied", "to perform: ", "rds:DescribeDBClusters "},
        {"AccessDenied", "to perform: %s%n", "rds:DescribeDBClusters "},
        {"ExpiredToken", "no", "expired"},
        {"InvalidClientTokenId", "no", "access key"},
        {"InvalidParameterValue", "no", ""},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct err e = ERR_INIT;
        struct aws_refusal r = {rows[i].code, rows[i].message, "id", 403};
        assert_false(aws_error_set(&e, aws_op_find("rds", "DescribeDBClusters"), &r));
        if (!strstr(e.hint, rows[i].hint) || (*rows[i].hint == '\0' && *e.hint))
            fail_msg("row %zu: %s", i, e.hint);
        assert_string_equal(e.remote_code, rows[i].code);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(classes), cmocka_unit_test(attempts),    cmocka_unit_test(delays),
        cmocka_unit_test(budget),  cmocka_unit_test(error_codes), cmocka_unit_test(absence),
        cmocka_unit_test(hints),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
