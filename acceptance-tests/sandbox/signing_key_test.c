/* Derived keys: published ones, and that what is remembered is what would be derived. */
#include "acceptance-tests/sandbox/signing_key.h"

#include "internal/base/testing.h"

#include <stdio.h>
#include <string.h>

#define SECRET "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY" /* of AWS's own examples */

static void assert_hex(const unsigned char key[SIGNING_KEY_SIZE], const char *wanted)
{
    char text[2 * SIGNING_KEY_SIZE + 1];
    for (size_t i = 0; i < SIGNING_KEY_SIZE; i++)
        (void)snprintf(text + 2 * i, 3, "%02x", key[i]);
    assert_string_equal(text, wanted);
}

static void published(void **state)
{
    unsigned char key[SIGNING_KEY_SIZE];
    (void)state;
    signing_hmac("Jefe", 4, "what do ya want for nothing?", key); /* RFC 4231, case 2 */
    assert_hex(key, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    for (int i = 0; i < 2; i++) { /* IAM User Guide, "Derive a signing key" */
        signing_key(SECRET, &(struct signing_scope){"20150830", "us-east-1", "iam"}, key);
        assert_hex(key, "c4afb1cc5771d871763a393e44b703571b55cc28424d1a5e86da6ed3c154a4b9");
    }
}

static void derive(const char *secret, const struct signing_scope *s, unsigned char key[SIGNING_KEY_SIZE])
{
    char start[600];
    int n = snprintf(start, sizeof start, "AWS4%s", secret);
    signing_hmac(start, (size_t)n, s->date, key);
    signing_hmac(key, SIGNING_KEY_SIZE, s->region, key);
    signing_hmac(key, SIGNING_KEY_SIZE, s->service, key);
    signing_hmac(key, SIGNING_KEY_SIZE, "aws4_request", key);
}

static void assert_derived(const char *secret, const struct signing_scope *s)
{
    unsigned char key[SIGNING_KEY_SIZE], wanted[SIGNING_KEY_SIZE];
    derive(secret, s, wanted);
    signing_key(secret, s, key);
    assert_memory_equal(key, wanted, sizeof key);
}

/* More than are remembered, each part different in turn, three times over. */
static void each_scope_has_its_own(void **state)
{
    (void)state;
    for (int i = 0; i < 3 * 40; i++) {
        char date[16], secret[64];
        (void)snprintf(date, sizeof date, "202611%02d", i % 40 / 2);
        (void)snprintf(secret, sizeof secret, "secret-%d", i % 5);
        assert_derived(
            secret, &(struct signing_scope){date, i % 2 ? "us-east-1" : "eu-west-1", i % 3 ? "rds" : "sts"});
    }
}

static void a_long_secret_is_a_secret(void **state)
{
    char one[140], other[140];
    unsigned char key[SIGNING_KEY_SIZE], another[SIGNING_KEY_SIZE];
    const struct signing_scope s = {"20261122", "us-east-1", "rds"};
    (void)state;
    memset(one, 'x', sizeof one - 1);
    one[sizeof one - 1] = '\0';
    memcpy(other, one, sizeof one);
    other[sizeof other - 2] = 'y';
    assert_derived(one, &s);
    signing_key(one, &s, key);
    signing_key(other, &s, another);
    assert_memory_not_equal(key, another, sizeof key);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(published),
        cmocka_unit_test(each_scope_has_its_own),
        cmocka_unit_test(a_long_secret_is_a_secret),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
