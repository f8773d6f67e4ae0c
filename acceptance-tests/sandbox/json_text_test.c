/* JSON as text: what the library writes, byte by byte. */
#include "acceptance-tests/sandbox/json_text.h"

#include "internal/base/testing.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

enum { TEXT_MAX = 64 * 1024 };

static void assert_as_the_library(const json_t *value)
{
    struct buf b CLEANUP(buf_done) = BUF_INIT(TEXT_MAX);
    char *wanted = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
    assert_non_null(wanted);
    assert_true(json_text(&b, value));
    assert_string_equal(buf_text(&b), wanted);
    free(wanted);
}

static const char *const VALUES[] = {
    "null",
    "true",
    "false",
    "0",
    "-1",
    "9223372036854775807",
    "-9223372036854775808",
    "0.5",
    "-1e300",
    "1.0",
    "0.1",
    "123456.75",
    "\"\"",
    "\"text\"",
    "[]",
    "{}",
    "[[]]",
    "[{}]",
    "[1,2,3]",
    "{\"a\":1}",
    "{\"b\":[1,{\"c\":null}],\"a\":true}",
    "[\"\"]",
    "{\"\":\"\"}",
    "{\"a\\\"\\n\":\"\\\\\\/\"}",
    "\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x90\x98\"",
    "\"\\u0000x\"",
};

static void values(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(VALUES); i++) {
        json_t *value = json_loads(VALUES[i], JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
        if (!value)
            fail_msg("%s is no JSON", VALUES[i]);
        assert_as_the_library(value);
        json_decref(value);
    }
}

static void every_character(void **state)
{
    (void)state;
    for (int c = 1; c < 128; c++) {
        const char text[] = {'a', (char)c, (char)c, 'b', '\0'};
        json_t *value = json_string(text);
        assert_as_the_library(value);
        json_decref(value);
    }
}

static void a_maximum_is_kept(void **state)
{
    (void)state;
    json_t *value = json_pack("{s:[s,i]}", "member", "text", 12);
    for (size_t max = 0; max < 24; max++) {
        struct buf b CLEANUP(buf_done) = BUF_INIT(max);
        assert_int_equal(json_text(&b, value), max >= sizeof "{\"member\":[\"text\",12]}" - 1);
    }
    json_decref(value);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values),
        cmocka_unit_test(every_character),
        cmocka_unit_test(a_maximum_is_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
