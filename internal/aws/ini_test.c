/* The shared files' format as rows, and what must never crash it. */
#include "internal/aws/ini.h"
#include "internal/base/testing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct row {
    const char *name, *text, *section, *key, *sub, *value; /* value NULL: absent */
};

static const struct row rows[] = {
    {"plain", "[default]\naws_access_key_id = AKID\n", "default", "aws_access_key_id", NULL, "AKID"},
    {"no spaces", "[default]\nregion=eu-west-1", "default", "region", NULL, "eu-west-1"},
    {"CRLF", "[default]\r\nregion = eu-west-1\r\n", "default", "region", NULL, "eu-west-1"},
    {"byte-order mark", "\xef\xbb\xbf[default]\nregion = x\n", "default", "region", NULL, "x"},
    {"tabs", "[default]\n\nregion\t=\tx\t\n", "default", "region", NULL, "x"},
    {"keys are lower-cased", "[default]\nRegion = X\n", "default", "region", NULL, "X"},
    {"sections are not", "[Default]\nregion = x\n", "default", "region", NULL, NULL},
    {"comment lines", "# c\n[default]\n; region = a\n#region = b\nregion = c\n", "default", "region", NULL,
     "c"},
    {"comment after a value", "[default]\nregion = x # y\n", "default", "region", NULL, "x"},
    {"semicolon after a value", "[default]\nregion = x ; y\n", "default", "region", NULL, "x"},
    {"a hash inside a value", "[default]\nsecret = a#b;c\n", "default", "secret", NULL, "a#b;c"},
    {"only a comment as value", "[default]\nregion = # nothing\n", "default", "region", NULL, ""},
    {"comment after a section", "[default] # mine\nregion = x\n", "default", "region", NULL, "x"},
    {"equals sign in a value", "[default]\ntoken = abc==\n", "default", "token", NULL, "abc=="},
    {"profile section", "[profile  dev]\nregion = x\n", "profile dev", "region", NULL, "x"},
    {"quoted profile", "[profile \"my dev\"]\nregion = x\n", "profile my dev", "region", NULL, "x"},
    {"quoted with a blank in front", "[\" my dev\"]\nregion = x\n", "my dev", "region", NULL, "x"},
    {"blank inside brackets", "[ profile dev ]\nregion = x\n", "profile dev", "region", NULL, "x"},
    {"last one counts", "[a]\nk = 1\nk = 2\n[a]\nk = 3\n", "a", "k", NULL, "3"},
    {"other section", "[a]\nk = 1\n[b]\n", "b", "k", NULL, NULL},
    {"before any section", "k = 1\n[a]\n", "a", "k", NULL, NULL},
    {"nested", "[a]\ns3 =\n  max = 5\n  b = c\nk = 1\n", "a", "s3", "max", "5"},
    {"after nested", "[a]\ns3 =\n  max = 5\nk = 1\n", "a", "k", NULL, "1"},
    {"nested does not leak", "[a]\ns3 =\n  max = 5\n", "a", "max", NULL, NULL},
    {"services", "[services dev]\nrds =\n  endpoint_url = http://localhost:1\n", "services dev", "rds",
     "endpoint_url", "http://localhost:1"},
    {"continuation", "[a]\nk = 1\n  2\n", "a", "k", NULL, "1\n2"},
    {"whole file indented", "  [a]\n  k = 1\n  l = 2\n", "a", "l", NULL, "2"},
    {"nested comment", "[a]\ns3 =\n  # max = 1\n  max = 5\n", "a", "s3", "max", "5"},
    {"rubbish is skipped", "[a\n[a]\nnonsense\n= x\nk = 1\n]]\n", "a", "k", NULL, "1"},
    {"empty value", "[a]\nk =\n", "a", "k", NULL, ""},
    {"empty file", "", "a", "k", NULL, NULL},
    {"no line end", "[a]\nk = 1", "a", "k", NULL, "1"},
};

static void ini_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct row *r = &rows[i];
        struct arena *a CLEANUP(arena_cleanup) = arena_new();
        struct ini ini;
        struct err e = ERR_INIT;
        assert_true(ini_parse(a, str_of(r->text), &ini, &e));
        const char *got = ini_get(&ini, r->section, r->key, r->sub);
        if ((got == NULL) != (r->value == NULL) || (got && strcmp(got, r->value) != 0))
            fail_msg("%s: %s", r->name, got ? got : "absent");
    }
}

static void long_session_token(void **state)
{
    (void)state;
    enum { LENGTH = 20000 };
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    char *token = arena_alloc(a, LENGTH + 1);
    memset(token, 'T', LENGTH);
    const char *text = arena_printf(a, "[default]\naws_session_token = %s\nregion = x\n", token);
    struct ini ini;
    struct err e = ERR_INIT;
    assert_true(ini_parse(a, str_of(text), &ini, &e));
    assert_string_equal(ini_get(&ini, "default", "aws_session_token", NULL), token);
    assert_string_equal(ini_get(&ini, "default", "region", NULL), "x");
    assert_true(ini_has_section(&ini, "default"));
    assert_false(ini_has_section(&ini, "other"));
}

static void limits(void **state)
{
    (void)state;
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    struct ini ini = {NULL, 77};
    struct err e = ERR_INIT;
    assert_false(ini_parse(a, (struct str){"[a]\nk = \0x\n", 11}, &ini, &e));
    assert_int_equal(e.code, ERR_INVALID);
    char *large = arena_alloc(a, INI_BYTES_MAX + 2);
    memset(large, '\n', INI_BYTES_MAX + 1);
    assert_false(ini_parse(a, (struct str){large, INI_BYTES_MAX + 1}, &ini, &e));
    struct buf many = BUF_INIT(INI_BYTES_MAX);
    (void)buf_puts(&many, "[a]\n");
    for (int i = 0; i <= INI_ENTRIES_MAX; i++)
        (void)buf_puts(&many, "k = 1\n");
    assert_false(ini_parse(a, buf_view(&many), &ini, &e));
    assert_non_null(strstr(e.text, "entries"));
    buf_done(&many);
    assert_int_equal(ini.count, 77);
}

/* Every text that some bytes of the grammar can form, and random bytes: no crash, no over-read (sanitizers
 * watch), and what is found is what was written. The seed is fixed: a failure can be repeated. */
static void random_texts(void **state)
{
    (void)state;
    static const char alphabet[] = "[]=#; \t\r\n\"'akA\xef\xbb\xbf\x01";
    unsigned seed = 20260102;
    for (int round = 0; round < 20000; round++) {
        struct arena *a CLEANUP(arena_cleanup) = arena_new();
        char text[64];
        size_t n = (size_t)rand_r(&seed) % sizeof text;
        for (size_t i = 0; i < n; i++)
            text[i] = alphabet[(size_t)rand_r(&seed) % (sizeof alphabet - 1)];
        char *exact = malloc(n ? n : 1);
        assert_non_null(exact);
        memcpy(exact, text, n);
        struct ini ini;
        struct err e = ERR_INIT;
        assert_true(ini_parse(a, (struct str){exact, n}, &ini, &e));
        for (size_t i = 0; i < ini.count; i++)
            assert_true(strlen(ini.entries[i].section) + strlen(ini.entries[i].value) <= 2 * n);
        free(exact);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ini_rows),
        cmocka_unit_test(long_session_token),
        cmocka_unit_test(limits),
        cmocka_unit_test(random_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
