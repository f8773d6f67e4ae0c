#include "internal/base/testing.h"
#include "internal/value/value.h"

#include <string.h>

static struct arena *arena;

static int setup(void **state)
{
    (void)state;
    arena = arena_new();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    arena_free(arena);
    return 0;
}

static const struct value *json(const char *text)
{
    struct err e = ERR_INIT;
    const struct value *v = NULL;
    if (!value_from_json(arena, str_of(text), &v, &e))
        fail_msg("%s: %s", text, e.text);
    return v;
}

static const char *to_json(const struct value *v)
{
    struct err e = ERR_INIT;
    struct buf out = BUF_INIT(1 << 20);
    assert_true(value_to_json(v, &out, &e));
    const char *text = arena_strdup(arena, buf_text(&out));
    buf_done(&out);
    return text;
}

static void json_comes_back(void **state)
{
    (void)state;
    static const struct {
        const char *in, *out; /* NULL: as it came in */
    } rows[] = {
        {"null", NULL},
        {" true ", "true"},
        {"[false,null]", NULL},
        {"0.1", NULL},
        {"9223372036854775808", NULL},
        {"1e30", NULL},
        {"-0.0", NULL},
        {"1E+2", NULL},
        {"123456789012345678901234567890.123456789012345678901234567890", NULL},
        {"{\"a\":{\"b\":[1,2,{}]},\"c\":\"\"}", NULL},
        {"[ 1 , [ ] , { \"a\" : 2 } ]", "[1,[],{\"a\":2}]"},
        {"\"\\u003cb\\u003e \\/ \\\" \\\\ \\n\"", "\"<b> / \\\" \\\\ \\n\""},
        {"\"a\\u0000b\\u001f\"", NULL},
        {"\"\\u00e9\\u20AC\\ud83d\\ude00\"", "\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\""},
        {"\"\\ud83d\"", "\"\xef\xbf\xbd\""},
        {"\"\\ud83d\\u0041\"", "\"\xef\xbf\xbd"
                               "A\""},
        {"\"\\ude00\"", "\"\xef\xbf\xbd\""},
        {"\"\xc3\xa9\"", NULL},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        assert_string_equal(to_json(json(rows[i].in)), rows[i].out ? rows[i].out : rows[i].in);
}

static void json_refused(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "",
        " ",
        "nul",
        "nullx",
        "tru",
        "[1,]",
        "[,1]",
        "[1 2]",
        "[",
        "]",
        "{",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1,}",
        "{a:1}",
        "{1:1}",
        "01",
        "+1",
        ".5",
        "1.",
        "1e",
        "1e+",
        "-",
        "--1",
        "1.2.3",
        "0x10",
        "NaN",
        "Infinity",
        "1e99999999",
        "\"",
        "\"\\\"",
        "\"\\x\"",
        "\"\\u12\"",
        "\"\\u12G4\"",
        "\"a\nb\"",
        "\"\xff\"",
        "\"\xc3\\u00a9\"",
        "\"\xed\xa0\x80\"",
        "'a'",
        "1 1",
        "[1}",
        "{\"a\":1]",
        "{\"a\":1,\"b\":2,\"a\":3}",
        "{\"a\\u0000\":1}",
        "/* c */ 1",
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct err e = ERR_INIT;
        const struct value *v = &value_true;
        if (value_from_json(arena, str_of(rows[i]), &v, &e))
            fail_msg("accepted: %s", rows[i]);
        assert_int_equal(e.code, ERR_INVALID);
        assert_ptr_equal(v, &value_true);
    }
}

/* Every prefix of a document is refused, and none reads beyond its end (the copy is exact: ASan sees it). */
static void json_cut_anywhere(void **state)
{
    (void)state;
    static const char whole[] = "{\"k\\u00e9y\":[1.5e-3,true,null,\"\\ud83d\\ude00 x\"],\"z\":{\"a\":false}}";
    for (size_t n = 0; n < sizeof whole - 1; n++) {
        struct arena *a CLEANUP(arena_cleanup) = arena_new();
        char *exact = test_malloc(n ? n : 1);
        memcpy(exact, whole, n);
        const struct value *v;
        assert_false(value_from_json(a, (struct str){exact, n}, &v, NULL));
        test_free(exact);
    }
    assert_int_equal(json(whole)->count, 2);
}

/* Any byte anywhere: whatever is accepted can be written and read again as the same. */
static void json_garbled_anywhere(void **state)
{
    (void)state;
    static const char whole[] = "{\"k\\u00e9y\":[1.5e-3,true,null,\"\\ud83d\\ude00 x\"],\"z\":{\"a\":false}}";
    size_t accepted = 0;
    for (size_t i = 0; i < (sizeof whole - 1) * 256; i++) {
        struct arena *a CLEANUP(arena_cleanup) = arena_new();
        struct buf out CLEANUP(buf_done) = BUF_INIT(1 << 20);
        const struct value *v, *again;
        char text[sizeof whole];
        memcpy(text, whole, sizeof whole);
        text[i / 256] = (char)(i % 256);
        if (!value_from_json(a, (struct str){text, sizeof whole - 1}, &v, NULL))
            continue;
        accepted++;
        assert_true(value_to_json(v, &out, NULL) && value_from_json(a, buf_view(&out), &again, NULL));
        assert_true(value_equal(v, again));
    }
    assert_true(accepted >= sizeof whole - 1);
}

static void json_depth(void **state)
{
    (void)state;
    for (size_t depth = 63; depth <= 66; depth++) {
        char text[200] = "";
        memset(text, '[', depth);
        memset(text + depth, ']', depth);
        const struct value *v;
        assert_int_equal(value_from_json(arena, str_of(text), &v, NULL), depth <= 64);
    }
    char hostile[100000];
    memset(hostile, '[', sizeof hostile);
    const struct value *v;
    assert_false(value_from_json(arena, (struct str){hostile, sizeof hostile}, &v, NULL));
}

static void json_writes_only_what_it_can(void **state)
{
    (void)state;
    struct err e = ERR_INIT;
    struct value *list = value_list(arena);
    value_append(arena, list, &value_unknown);
    struct buf out = BUF_INIT(100);
    assert_false(value_to_json(list, &out, &e));
    assert_int_equal(e.code, ERR_BUG);
    buf_done(&out);

    struct buf small = BUF_INIT(4);
    assert_false(value_to_json(value_string(arena, "too long"), &small, &e));
    assert_int_equal(e.code, ERR_INVALID);
    buf_done(&small);

    assert_string_equal(to_json(value_string(arena, "caf\xe9 \xc3")), "\"caf? \"");
}

static void numbers_by_value(void **state)
{
    (void)state;
    static const struct {
        const char *x, *y;
        bool equal;
    } rows[] = {
        {"1", "1.0", true},
        {"1e2", "100", true},
        {"0.10", "0.1", true},
        {"-0", "0", true},
        {"0e5", "0.000", true},
        {"1", "-1", false},
        {"1.5e1", "15", true},
        {"0.1", "0.10000000000000000001", false},
        {"1e30", "1000000000000000000000000000000", true},
        {"9007199254740993", "9007199254740992", false},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        assert_int_equal(value_equal(json(rows[i].x), json(rows[i].y)), rows[i].equal);
}

static void integers(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t expected; /* -7: the default */
    } rows[] = {
        {"0", 0},      {"-5", -5},   {"300.0", 300},
        {"1e3", 1000}, {"1.5", -7},  {"9223372036854775807", INT64_MAX},
        {"\"1\"", -7}, {"null", -7}, {"9223372036854775808", -7},
        {"1e30", -7},  {"0.1e1", 1}, {"-9223372036854775808", INT64_MIN},
        {"1e-1", -7},  {"1e19", -7}, {"-9223372036854775809", -7},
        {"true", -7},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        assert_true(value_as_int(json(rows[i].text), -7) == rows[i].expected);
    assert_true(value_is_null(value_number(arena, "abc")));
    assert_true(value_is_null(value_number(arena, NULL)));
    assert_string_equal(value_int(arena, INT64_MIN)->text, "-9223372036854775808");
}

static void equality(void **state)
{
    (void)state;
    static const struct {
        const char *x, *y;
        bool equal;
    } rows[] = {
        {"{\"a\":1,\"b\":[1,2]}", "{\"b\":[1,2],\"a\":1}", true},
        {"{\"a\":1}", "{\"a\":1,\"b\":null}", false},
        {"{\"a\":1,\"b\":1}", "{\"a\":1,\"c\":1}", false},
        {"[1,2]", "[2,1]", false},
        {"\"1\"", "1", false},
        {"\"a\"", "\"a\\u0000\"", false},
        {"true", "false", false},
        {"null", "null", true},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        assert_int_equal(value_equal(json(rows[i].x), json(rows[i].y)), rows[i].equal);
    assert_true(value_equal(NULL, &value_null));
    assert_false(value_equal(NULL, &value_unknown));
}

static void paths(void **state)
{
    (void)state;
    const struct value *v =
        json("{\"postgresql\":{\"host\":\"h\"},\"hook\":[{\"at\":\"x\"},{\"at\":\"y\"}]}");
    static const struct {
        const char *path, *expected;
    } rows[] = {
        {"postgresql.host", "h"},
        {"hook.1.at", "y"},
        {"hook.2.at", NULL},
        {"hook.at", NULL},
        {"hook.-1.at", NULL},
        {"hook.0x1.at", NULL},
        {"nothing", NULL},
        {"postgresql.host.deeper", NULL},
        {"", NULL},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const char *found = value_as_text(value_path(v, rows[i].path), NULL);
        if (rows[i].expected)
            assert_string_equal(found, rows[i].expected);
        else
            assert_null(found);
    }
    assert_true(value_is_null(value_path(NULL, "a.b")));
}

static void builders(void **state)
{
    (void)state;
    struct value *o = value_object(arena);
    struct value *l = value_list(arena);
    for (int i = 0; i < 1000; i++) {
        value_set(arena, o, arena_printf(arena, "k%d", i % 500), value_int(arena, i));
        value_append(arena, l, value_int(arena, i));
    }
    assert_int_equal(o->count, 500);
    assert_int_equal(l->count, 1000);
    for (int i = 0; i < 500; i++)
        assert_int_equal(value_as_int(value_get(o, arena_printf(arena, "k%d", i)), -1), 500 + i);
    for (size_t i = 0; i < 1000; i++)
        assert_int_equal(value_as_int(l->items[i], -1), i);
    assert_false(value_has_unknown(o));
    value_set(arena, o, "deep", l);
    value_append(arena, l, &value_unknown);
    assert_true(value_has_unknown(o));
    value_set(arena, o, "none", NULL);
    assert_true(value_is_null(value_get(o, "none")));
    assert_true(value_is_null(value_string(arena, NULL)));
    assert_string_equal(value_as_text(value_int(arena, 1), "other kind"), "other kind");
    assert_true(value_as_bool(&value_true, false));
    assert_true(value_as_bool(&value_null, true));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(json_comes_back),
        cmocka_unit_test(json_refused),
        cmocka_unit_test(json_cut_anywhere),
        cmocka_unit_test(json_depth),
        cmocka_unit_test(json_garbled_anywhere),
        cmocka_unit_test(json_writes_only_what_it_can),
        cmocka_unit_test(numbers_by_value),
        cmocka_unit_test(integers),
        cmocka_unit_test(equality),
        cmocka_unit_test(paths),
        cmocka_unit_test(builders),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
