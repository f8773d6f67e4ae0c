/* Keys kept fresh: renewed before they expire, once for all callers; failures tolerated while keys live. */
#include "internal/aws/fixture.h"
#include "internal/aws/rds.h"
#include "internal/base/log.h"

#include <string.h>

#define ROLE(letter, expiry) FIXTURE_ROLE("AssumeRole", letter, expiry)
#define IDENTITY             FIXTURE_IDENTITY
#define IN_AN_HOUR           FIXTURE_IN_AN_HOUR

#define ENV_KEYS                                                                                             \
    {"AWS_ACCESS_KEY_ID", "AKIDENV"},                                                                        \
    {                                                                                                        \
        "AWS_SECRET_ACCESS_KEY", "secret-env"                                                                \
    }
struct keeper {
    struct scripted server;
    struct recorder clock;
    struct arena *arena;
    struct aws *aws;
    struct aws_session s;
    struct err e;
};

static void keeper_start(struct keeper *k, const struct step *steps)
{
    static const struct variable env[] = {ENV_KEYS, {0}};
    static const struct aws_assume_role roles[] = {{.role_arn = "arn:aws:iam::1:role/A"}};
    const struct aws_config c = {.assume_roles = roles, .assume_role_count = 1};
    memset(k, 0, sizeof *k);
    fixture_set_env(env);
    fixture_home_write("credentials", "");
    fixture_home_write("config", "");
    recorder_init(&k->clock);
    scripted_start(&k->server, steps, NULL);
    k->arena = arena_new();
    k->aws = fixture_aws(&c, k->server.url, &k->clock.clock, &k->e);
    assert_non_null(k->aws);
    k->s = (struct aws_session){.aws = k->aws, .arena = k->arena};
}

static void keeper_stop(struct keeper *k)
{
    aws_free(k->aws);
    arena_free(k->arena);
    scripted_stop(&k->server);
}

static const char *ask(struct keeper *k)
{
    struct sts_identity who;
    int before = scripted_requests(&k->server);
    if (!sts_identity(&k->s, &who, &k->e))
        fail_msg("%s", k->e.text);
    struct arena *a = k->arena;
    const char *all = fixture_signers(&k->server, a);
    for (int i = 0; i < before; i++)
        all += strcspn(all, " ") + 1;
    return all;
}

#define MINUTES(n) ((n)*60 * 1000LL)
#define TWO_LIVES                                                                                            \
    {.action = "Action=GetCallerIdentity", .body = IDENTITY},                                                \
    {                                                                                                        \
        .action = "AssumeRole", .times = 1, .body = ROLE("A", IN_AN_HOUR)                                    \
    }

static void renewed_before_expiry(void **state)
{
    (void)state;
    static const struct step steps[] = {
        TWO_LIVES, {.action = "AssumeRole", .body = ROLE("B", "2026-01-02T05:00:45Z")}, {0}};
    struct keeper k;
    keeper_start(&k, steps);
    assert_string_equal(ask(&k), "AKIDENV AKIDROLEA");
    assert_string_equal(ask(&k), "AKIDROLEA");
    recorder_advance(&k.clock, MINUTES(44));
    assert_string_equal(ask(&k), "AKIDROLEA");
    recorder_advance(&k.clock, MINUTES(2));
    assert_string_equal(ask(&k), "AKIDENV AKIDROLEB");
    assert_string_equal(ask(&k), "AKIDROLEB");
    keeper_stop(&k);
}

static void failed_renewal_is_tolerated_until_death(void **state)
{
    (void)state;
    static const struct step steps[] = {
        TWO_LIVES, {.action = "AssumeRole", .status = 403, .body = REFUSAL("AccessDenied", "no")}, {0}};
    struct keeper k;
    struct sts_identity who;
    keeper_start(&k, steps);
    assert_string_equal(ask(&k), "AKIDENV AKIDROLEA");
    recorder_advance(&k.clock, MINUTES(50));
    assert_string_equal(ask(&k), "AKIDENV AKIDROLEA"); /* tried, and gone on */
    assert_string_equal(ask(&k), "AKIDROLEA");         /* not at every call */
    recorder_advance(&k.clock, MINUTES(2));
    assert_string_equal(ask(&k), "AKIDENV AKIDROLEA");
    recorder_advance(&k.clock, MINUTES(9));
    assert_false(sts_identity(&k.s, &who, &k.e));
    assert_int_equal(k.e.code, ERR_DENIED);
    assert_non_null(strstr(k.e.text, "assume role arn:aws:iam::1:role/A"));
    keeper_stop(&k);
}

static void expired_for_aws(void **state)
{
    (void)state;
    static const struct step steps[] = {
        {.action = "token-of-role-A", .status = 403, .body = REFUSAL("ExpiredToken", "expired")},
        TWO_LIVES,
        {.action = "AssumeRole", .body = ROLE("B", "2026-01-02T05:00:45Z")},
        {0}};
    struct keeper k;
    keeper_start(&k, steps);
    assert_string_equal(ask(&k), "AKIDENV AKIDROLEA AKIDENV AKIDROLEB");
    assert_int_equal(k.clock.n, 0);
    keeper_stop(&k);
}

static void rotated_files_are_read_again(void **state)
{
    (void)state;
    static const struct step steps[] = {
        {.action = "Credential=AKIDOLD", .status = 403, .body = REFUSAL("ExpiredToken", "expired")},
        {.body = IDENTITY},
        {0}};
    static const struct variable none[] = {{0}};
    const struct aws_config c = {0};
    struct keeper k;
    keeper_start(&k, steps);
    fixture_set_env(none);
    fixture_home_write("credentials",
                       "[default]\naws_access_key_id = AKIDOLD\naws_secret_access_key = old\n");
    aws_free(k.aws);
    k.aws = fixture_aws(&c, k.server.url, &k.clock.clock, &k.e);
    k.s.aws = k.aws;
    struct sts_identity who;
    assert_false(sts_identity(&k.s, &who, &k.e));
    assert_int_equal(k.e.code, ERR_AUTH);
    assert_int_equal(scripted_requests(&k.server), 1);
    fixture_home_write("credentials",
                       "[default]\naws_access_key_id = AKIDNEW\naws_secret_access_key = new\n");
    assert_string_equal(ask(&k), "AKIDOLD AKIDNEW");
    keeper_stop(&k);
}

static void credential_life(void **state)
{
    (void)state;
    static const struct step steps[] = {
        TWO_LIVES,
        {.action = "AssumeRole", .times = 1, .body = ROLE("B", "2026-01-02T04:30:45Z")},
        {.action = "AssumeRole", .status = 403, .body = REFUSAL("AccessDenied", "no")},
        {0}};
    struct keeper k;
    int64_t life = 0;
    keeper_start(&k, steps);
    assert_true(aws_credential_life(&k.s, &life, &k.e));
    assert_int_equal(life, 3600);
    assert_int_equal(scripted_requests(&k.server), 1); /* young keys are not renewed */
    recorder_advance(&k.clock, MINUTES(30));
    assert_true(aws_credential_life(&k.s, &life, &k.e));
    assert_int_equal(life, 3600);
    assert_int_equal(scripted_requests(&k.server), 2);
    recorder_advance(&k.clock, MINUTES(30));
    assert_true(aws_credential_life(&k.s, &life, &k.e)); /* the renewal is refused: the truth remains */
    assert_int_equal(life, 1800);
    keeper_stop(&k);
}

enum { THREADS = 50 };

static void *one_caller(void *context)
{
    struct keeper *k = context;
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    struct aws_session s = {.aws = k->aws, .arena = a};
    struct sts_identity who;
    return sts_identity(&s, &who, NULL) ? k : NULL;
}

static void all_callers(struct keeper *k)
{
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, one_caller, k), 0);
    for (int i = 0; i < THREADS; i++) {
        void *result = NULL;
        (void)pthread_join(threads[i], &result);
        assert_ptr_equal(result, k);
    }
}

static int count_requests(struct keeper *k, const char *text)
{
    int n = 0;
    for (int i = 0; i < scripted_requests(&k->server); i++)
        n += strstr(scripted_request(&k->server, i), text) != NULL;
    return n;
}

/* However many callers wait, STS is asked once per life. */
static void one_flight(void **state)
{
    (void)state;
    static const struct step steps[] = {
        TWO_LIVES, {.action = "AssumeRole", .body = ROLE("B", "2026-01-02T05:00:45Z")}, {0}};
    struct keeper k;
    keeper_start(&k, steps);
    all_callers(&k);
    assert_int_equal(count_requests(&k, "Action=AssumeRole"), 1);
    recorder_advance(&k.clock, MINUTES(61));
    all_callers(&k);
    assert_int_equal(count_requests(&k, "Action=AssumeRole"), 2);
    assert_int_equal(count_requests(&k, "Credential=AKIDROLEA"), THREADS);
    assert_int_equal(count_requests(&k, "Credential=AKIDROLEB"), THREADS);
    keeper_stop(&k);
}

static void secrets_are_masked(void **state)
{
    (void)state;
    static const struct step steps[] = {TWO_LIVES, {0}};
    struct keeper k;
    char line[] = "a token-of-role-A b secret-of-role c";
    keeper_start(&k, steps);
    (void)ask(&k);
    log_mask(line);
    assert_string_equal(line, "a *** b *** c");
    keeper_stop(&k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(renewed_before_expiry), cmocka_unit_test(failed_renewal_is_tolerated_until_death),
        cmocka_unit_test(expired_for_aws),       cmocka_unit_test(rotated_files_are_read_again),
        cmocka_unit_test(credential_life),       cmocka_unit_test(one_flight),
        cmocka_unit_test(secrets_are_masked),
    };
    return cmocka_run_group_tests(tests, fixture_home_make, fixture_home_remove);
}
