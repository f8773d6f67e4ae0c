/* How long credentials last, and who can be relied on to renew them. */
#include "internal/aws/chain_rows.h"
#include "internal/aws/rds.h"

#include <string.h>
#include <unistd.h>

enum { NEEDED_S = 900, LATER_S = 3600 - 600 };

static const struct aws_assume_role role_a[] = {{.role_arn = "arn:aws:iam::1:role/A"}};

#define STATIC_ENV                                                                                           \
    {"AWS_ACCESS_KEY_ID", "AKIDENV"},                                                                        \
    {                                                                                                        \
        "AWS_SECRET_ACCESS_KEY", CANARY                                                                      \
    }

static const struct chain_row plain = {.env = {STATIC_ENV}};
static const struct chain_row told = {
    .env = {STATIC_ENV, {"AWS_CREDENTIAL_EXPIRATION", "2026-01-02T04:00:45Z"}}};
static const struct chain_row role = {.config = {.assume_roles = role_a, .assume_role_count = 1},
                                      .env = {STATIC_ENV}};

/* Ten minutes before everything ends, and a quarter of an hour is needed. */
static void who_renews(void **state)
{
    (void)state;
    const struct {
        const struct chain_row *row;
        int64_t seconds;
        bool renews;
        const char *source;
    } rows[] = {
        {&plain, INT64_MAX, false, "environment"},
        {&told, 600, false, "environment"},
        {&role, 600, true, "role arn:aws:iam::1:role/A"},
        {chain_row("the block's web identity before the environment"), 600, false,
         "role arn:aws:iam::1:role/block"},
        {chain_row("session name of the environment"), 600, true, "role arn:aws:iam::1:role/web"},
        {chain_row("process"), 600, false, "credential_process of profile \"dev\""},
        {chain_row("process without expiry and token"), INT64_MAX, false,
         "credential_process of profile \"dev\""},
        {chain_row("a role on a process, same profile"), 600, false, "role arn:aws:iam::1:role/A"},
        {chain_row("container"), 600, true, "container"},
        {chain_row("instance"), 600, true, "instance metadata, role web-role"},
        {chain_row("session"), 600, true, "IAM Identity Center, profile \"dev\""},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct chain h;
        struct aws_life life = {0};
        struct sts_identity who;
        chain_start(&h, rows[i].row);
        assert_non_null(h.aws);
        struct aws_session s = {.aws = h.aws, .arena = h.arena};
        if (!sts_identity(&s, &who, &h.e))
            fail_msg("%s: %s", rows[i].source, h.e.text);
        recorder_advance(&h.clock, LATER_S * 1000LL);
        if (!aws_credentials_outlast(&s, NEEDED_S, &life, &h.e))
            fail_msg("%s: %s", rows[i].source, h.e.text);
        if (life.seconds != rows[i].seconds || life.renews != rows[i].renews ||
            strcmp(life.source, rows[i].source) != 0 || *life.trouble)
            fail_msg("row %zu: %lld s, renews %d, %s, %s", i, (long long)life.seconds, life.renews,
                     life.source, life.trouble);
        chain_stop(&h);
    }
}

/* Young keys that last long enough are left alone. */
static void nobody_is_asked_without_need(void **state)
{
    (void)state;
    struct chain h;
    struct aws_life life;
    chain_start(&h, &role);
    struct aws_session s = {.aws = h.aws, .arena = h.arena};
    assert_true(aws_credentials_outlast(&s, NEEDED_S, &life, &h.e));
    assert_int_equal(life.seconds, 3600);
    assert_int_equal(scripted_requests(&h.server), 1);
    assert_true(aws_credentials_outlast(&s, NEEDED_S, &life, &h.e));
    assert_int_equal(scripted_requests(&h.server), 1);
    assert_true(aws_credentials_outlast(&s, 3601, &life, &h.e));
    assert_int_equal(scripted_requests(&h.server), 2);
    assert_true(life.renews);
    chain_stop(&h);
}

/* The file that named the process is gone, and the machine would be somebody else. */
static void a_renewal_never_ends_as_somebody_else(void **state)
{
    (void)state;
    static const struct chain_row process = {
        .env = {{"AWS_EC2_METADATA_DISABLED", "false"}, {"AWS_EC2_METADATA_SERVICE_ENDPOINT", "%U/ec2"}},
        .file = "[default]\ncredential_process = /bin/cat %H/out\n",
        .files = {{"out", "{\"Version\":1,\"AccessKeyId\":\"AKIDPROC\",\"SecretAccessKey\":\"" CANARY
                          "\",\"Expiration\":\"" FIXTURE_IN_AN_HOUR "\"}"}}};
    struct chain h;
    struct aws_life life;
    struct sts_identity who;
    chain_start(&h, &process);
    struct aws_session s = {.aws = h.aws, .arena = h.arena};
    assert_true(sts_identity(&s, &who, &h.e));
    (void)unlink(fixture_home_path(h.arena, "config"));
    recorder_advance(&h.clock, LATER_S * 1000LL);
    assert_true(aws_credentials_outlast(&s, NEEDED_S, &life, &h.e));
    assert_int_equal(life.seconds, 600);
    assert_false(life.renews);
    assert_non_null(strstr(life.trouble, "no AWS credentials found in: shared"));
    assert_null(strstr(life.trouble, "instance metadata"));
    assert_true(sts_identity(&s, &who, &h.e));
    recorder_advance(&h.clock, 601 * 1000LL);
    assert_false(sts_identity(&s, &who, &h.e));
    assert_string_equal(fixture_signers(&h.server, h.arena), "AKIDPROC AKIDPROC");
    chain_stop(&h);
}

/* The identity provider has put a new token into the file. */
static void a_rotated_token_file_is_read_again(void **state)
{
    (void)state;
    struct chain h;
    struct aws_life life;
    struct sts_identity who;
    chain_start(&h, chain_row("session name of the environment"));
    struct aws_session s = {.aws = h.aws, .arena = h.arena};
    assert_true(sts_identity(&s, &who, &h.e));
    fixture_home_write("token", CANARY "-old");
    recorder_advance(&h.clock, LATER_S * 1000LL);
    assert_true(aws_credentials_outlast(&s, NEEDED_S, &life, &h.e));
    assert_false(life.renews);
    assert_non_null(strstr(life.trouble, "AssumeRoleWithWebIdentity"));
    assert_null(strstr(life.trouble, CANARY));
    fixture_home_write("token", CANARY "-good-again");
    assert_true(aws_credentials_outlast(&s, NEEDED_S, &life, &h.e));
    assert_true(life.renews && !*life.trouble);
    assert_true(fixture_was_sent(&h.server, CANARY "-good-again"));
    chain_stop(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_renews),
        cmocka_unit_test(nobody_is_asked_without_need),
        cmocka_unit_test(a_renewal_never_ends_as_somebody_else),
        cmocka_unit_test(a_rotated_token_file_is_read_again),
    };
    return cmocka_run_group_tests(tests, fixture_home_make, fixture_home_remove);
}
