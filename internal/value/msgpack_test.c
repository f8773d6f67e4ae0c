#include "internal/base/testing.h"
#include "internal/value/msgpack.h"

#include <stdlib.h>
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

static const struct type *type(const char *json)
{
    struct err e = ERR_INIT;
    const struct type *t = NULL;
    if (!type_from_json(arena, str_of(json), &t, &e))
        fail_msg("%s: %s", json, e.text);
    return t;
}

/* "a3 30 2e 31" */
static struct str bytes(const char *hex)
{
    char *out = arena_alloc(arena, strlen(hex) / 2 + 1);
    size_t n = 0;
    for (const char *p = hex; *p; n++) {
        char *end;
        out[n] = (char)strtoul(p, &end, 16);
        assert_true(end > p);
        p = end;
    }
    return (struct str){out, n};
}

static const char *hex_of(struct str s)
{
    struct buf out = BUF_INIT(1 << 20);
    for (size_t i = 0; i < s.n; i++)
        (void)buf_printf(&out, "%s%02x", i > 0 ? " " : "", (unsigned char)s.p[i]);
    const char *text = arena_strdup(arena, buf_text(&out));
    buf_done(&out);
    return text;
}

static const struct value *decode(const char *hex, const char *type_json)
{
    struct err e = ERR_INIT;
    const struct value *v = NULL;
    if (!msgpack_decode(arena, bytes(hex), type(type_json), &v, &e))
        fail_msg("%s: %s", hex, e.text);
    return v;
}

static const char *encode(const struct value *v, const char *type_json)
{
    struct err e = ERR_INIT;
    struct str out = {NULL, 0};
    if (!msgpack_encode(arena, v, type(type_json), &out, &e))
        fail_msg("%s: %s", type_json, e.text);
    return hex_of(out);
}

/* Worked example of the protocol reference: bytes captured from the CLI. */
static const char example_type[] =
    "[\"object\",{\"any\":\"dynamic\",\"id\":\"string\",\"name\":\"string\",\"num\":\"number\","
    "\"nums\":[\"list\",\"number\"],\"tags\":[\"map\",\"string\"],\"x\":\"bool\"}]";
static const char example[] =
    "87 a3 61 6e 79 92 c4 08 22 73 74 72 69 6e 67 22 a1 73 a2 69 64 d4 00 00 a4 6e 61 6d 65 a2 6e 31 "
    "a3 6e 75 6d a3 30 2e 31 a4 6e 75 6d 73 93 01 cb 40 04 00 00 00 00 00 00 fb "
    "a4 74 61 67 73 81 a1 6b a1 76 a1 78 c0";

static void worked_example(void **state)
{
    (void)state;
    const struct value *v = decode(example, example_type);
    assert_string_equal(value_as_text(value_get(v, "any"), ""), "s");
    assert_true(value_is_unknown(value_get(v, "id")));
    assert_string_equal(value_get(v, "num")->text, "0.1");
    assert_string_equal(value_path(v, "nums.1")->text, "2.5");
    assert_int_equal(value_as_int(value_path(v, "nums.2"), 0), -5);
    assert_string_equal(value_as_text(value_path(v, "tags.k"), ""), "v");
    assert_true(value_is_null(value_get(v, "x")));
    assert_string_equal(encode(v, example_type), example);
}

static void number_forms(void **state)
{
    (void)state;
    static const struct {
        const char *in, *text, *out; /* text NULL: too long to look at; out NULL: as it came in */
    } rows[] = {
        {"01", "1", NULL},
        {"7f", "127", NULL},
        {"fb", "-5", NULL},
        {"e0", "-32", NULL},
        {"cc ff", "255", NULL},
        {"cc 01", "1", "01"},
        {"cd ff ff", "65535", NULL},
        {"ce ff ff ff ff", "4294967295", NULL},
        {"cf 7f ff ff ff ff ff ff ff", "9223372036854775807", NULL},
        {"cf 80 00 00 00 00 00 00 00", "9223372036854775808",
         "b3 39 32 32 33 33 37 32 30 33 36 38 35 34 37 37 35 38 30 38"},
        {"cf ff ff ff ff ff ff ff ff", "18446744073709551615",
         "b4 31 38 34 34 36 37 34 34 30 37 33 37 30 39 35 35 31 36 31 35"},
        {"d0 80", "-128", NULL},
        {"d0 05", "5", "05"},
        {"d1 80 00", "-32768", NULL},
        {"d2 80 00 00 00", "-2147483648", NULL},
        {"d3 80 00 00 00 00 00 00 00", "-9223372036854775808", NULL},
        {"ca 3f c0 00 00", "1.5", "cb 3f f8 00 00 00 00 00 00"},
        {"cb 40 04 00 00 00 00 00 00", "2.5", NULL},
        {"cb 40 00 00 00 00 00 00 00", "2", "02"},
        {"cb 3f b9 99 99 99 99 99 9a", "0.1000000000000000055511151231257827021181583404541015625", NULL},
        {"cb 43 e0 00 00 00 00 00 00", "9223372036854775808",
         "b3 39 32 32 33 33 37 32 30 33 36 38 35 34 37 37 35 38 30 38"},
        {"cb c3 e0 00 00 00 00 00 00", "-9223372036854775808", "d3 80 00 00 00 00 00 00 00"},
        {"cb 00 00 00 00 00 00 00 01", NULL, NULL},
        {"cb 00 0f ff ff ff ff ff ff", NULL, NULL},
        {"cb 80 00 00 00 00 00 00 00", "-0", "00"},
        {"a3 30 2e 31", "0.1", NULL},
        {"a3 32 2e 35", "2.5", "cb 40 04 00 00 00 00 00 00"},
        {"a4 31 65 33 30", "1e30", NULL},
        {"d9 04 31 65 33 30", "1e30", "a4 31 65 33 30"},
        {"a2 2d 30", "-0", "00"},
        {"a3 31 65 33", "1e3", "cd 03 e8"},
        {"bf 31 30 30 30 30 30 30 30 30 30 30 30 30 30 30 30 30 30 30 30 30 30 30 30 30 30 30 30 30 30 30",
         "1000000000000000000000000000000", NULL},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct value *v = decode(rows[i].in, "\"number\"");
        assert_int_equal(v->kind, VALUE_NUMBER);
        if (rows[i].text)
            assert_string_equal(v->text, rows[i].text);
        assert_string_equal(encode(v, "\"number\""), rows[i].out ? rows[i].out : rows[i].in);
    }
}

static void unknown_forms(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "d4 00 00",
        "c7 00 00",
        "d4 07 01",
        "d5 0c 81 01",
        "d8 0c 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00",
        "c7 03 0c 81 01 c2",
        "c7 09 0c 82 01 c2 02 a4 70 72 65 2d",
        "c7 07 0c 82 01 c2 03 92 00 c3",
        "c7 07 0c 83 01 c2 05 01 06 03",
        "c8 00 01 63 ff",
        "c9 00 00 00 00 00",
    };
    static const char *const types[] = {"\"string\"",
                                        "\"number\"",
                                        "\"bool\"",
                                        "\"dynamic\"",
                                        "[\"list\",\"string\"]",
                                        "[\"object\",{\"a\":\"string\"}]"};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        for (size_t j = 0; j < ARRAY_LEN(types); j++)
            assert_true(value_is_unknown(decode(rows[i], types[j])));
    assert_string_equal(encode(&value_unknown, "[\"list\",\"string\"]"), "d4 00 00");
    assert_true(value_is_unknown(decode("92 c4 08 22 73 74 72 69 6e 67 22 d4 00 00", "\"dynamic\"")));
}

static void comes_back(void **state)
{
    (void)state;
    static const struct {
        const char *hex, *type;
    } rows[] = {
        {"c0", "\"string\""},
        {"c0", "\"dynamic\""},
        {"c2", "\"bool\""},
        {"c3", "\"bool\""},
        {"a0", "\"string\""},
        {"a3 61 00 62", "\"string\""},
        {"a2 0d 1b", "\"string\""},
        {"90", "[\"list\",\"string\"]"},
        {"92 c0 d4 00 00", "[\"set\",\"string\"]"},
        {"80", "[\"map\",\"number\"]"},
        {"80", "[\"object\",{}]"},
        {"92 01 a1 61", "[\"tuple\",[\"number\",\"string\"]]"},
        {"92 c4 1b 5b 22 74 75 70 6c 65 22 2c 5b 22 6e 75 6d 62 65 72 22 2c 22 62 6f 6f 6c 22 5d 5d 92 01 c3",
         "\"dynamic\""},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        assert_string_equal(encode(decode(rows[i].hex, rows[i].type), rows[i].type), rows[i].hex);
    assert_int_equal(decode("a3 61 00 62", "\"string\"")->size, 3);
    assert_true(value_is_null(decode("", "\"string\"")));
    assert_true(value_is_null(decode("92 c4 08 22 73 74 72 69 6e 67 22 c0", "\"dynamic\"")));
    const struct value *wide =
        decode("dd 00 00 00 02 da 00 01 61 db 00 00 00 01 62", "[\"list\",\"string\"]");
    assert_string_equal(value_as_text(wide->items[1], ""), "b");
    assert_int_equal(decode("de 00 01 a1 61 c0", "[\"map\",\"string\"]")->count, 1);
    assert_int_equal(decode("df 00 00 00 01 a1 61 c0", "[\"map\",\"string\"]")->count, 1);
}

static void refused(void **state)
{
    (void)state;
    static const struct {
        const char *hex, *type, *says;
    } rows[] = {
        {"80", "[\"object\",{\"a\":\"string\"}]", "attribute \"a\" is missing"},
        {"81 a1 62 c0", "[\"object\",{\"a\":\"string\"}]", "unsupported attribute \"b\""},
        {"82 a1 61 c0 a1 62 c0", "[\"object\",{\"a\":\"string\"}]", "2 attributes where 1"},
        {"82 a1 61 c0 a1 61 c0", "[\"object\",{\"a\":\"string\",\"b\":\"bool\"}]", "\"a\" is there twice"},
        {"82 a1 61 c0 a1 61 c0", "[\"map\",\"string\"]", "\"a\" is there twice"},
        {"81 a2 61 00 c0", "[\"map\",\"string\"]", "a key of plain text"},
        {"81 01 c0", "[\"map\",\"string\"]", "a key of plain text"},
        {"81 a1 61 91 01", "[\"object\",{\"a\":[\"list\",\"string\"]}]",
         "a: element 0: a string is required"},
        {"01", "\"string\"", "a string is required"},
        {"a1 61", "\"number\"", "not a number"},
        {"a2 31 00", "\"number\"", "not a number"},
        {"c3", "\"number\"", "a number is required"},
        {"01", "\"bool\"", "true or false"},
        {"cb 7f f0 00 00 00 00 00 00", "\"number\"", "infinity"},
        {"cb 7f f8 00 00 00 00 00 00", "\"number\"", "infinity"},
        {"a1 ff", "\"string\"", "UTF-8"},
        {"91 c0", "[\"tuple\",[\"string\",\"string\"]]", "right length"},
        {"93 c0 c0 c0", "\"dynamic\"", "pair of type and value"},
        {"92 c4 01 78 c0", "\"dynamic\"", "type constraint"},
        {"92 c4 09 22 73 74 72 69 6e 67 22 78 c0", "\"dynamic\"", "behind the value"},
        {"92 01 c0", "\"dynamic\"", "type constraint"},
        {"c1", "\"string\"", "0xc1"},
        {"c0 c0", "\"string\"", "1 bytes behind"},
        {"dd ff ff ff ff", "[\"list\",\"string\"]", "too early"},
        {"df 7f ff ff ff a1", "[\"map\",\"string\"]", "too early"},
        {"db ff ff ff ff 61", "\"string\"", "too early"},
        {"c9 ff ff ff ff 00 00", "\"string\"", "too early"},
        {"c4 01 61", "\"string\"", "a string is required"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct err e = ERR_INIT;
        const struct value *v = &value_true;
        if (msgpack_decode(arena, bytes(rows[i].hex), type(rows[i].type), &v, &e))
            fail_msg("accepted: %s as %s", rows[i].hex, rows[i].type);
        if (!strstr(e.text, rows[i].says))
            fail_msg("\"%s\" does not say \"%s\"", e.text, rows[i].says);
        assert_ptr_equal(v, &value_true);
    }
}

/* No prefix is accepted, and no byte changed anywhere reads out of bounds (the copies are exact for ASan). */
static void cut_and_garbled_anywhere(void **state)
{
    (void)state;
    const struct type *t = type(example_type);
    struct str whole = bytes(example);
    for (size_t n = 1; n < whole.n; n++) {
        struct arena *a CLEANUP(arena_cleanup) = arena_new();
        const struct value *v;
        char *exact = test_malloc(n);
        memcpy(exact, whole.p, n);
        assert_false(msgpack_decode(a, (struct str){exact, n}, t, &v, NULL));
        test_free(exact);
    }
    size_t accepted = 0, refused_count = 0;
    for (size_t i = 0; i < whole.n * 256; i++) {
        struct arena *a CLEANUP(arena_cleanup) = arena_new();
        const struct value *v;
        char *exact = test_malloc(whole.n);
        memcpy(exact, whole.p, whole.n);
        exact[i / 256] = (char)(i % 256);
        *(msgpack_decode(a, (struct str){exact, whole.n}, t, &v, NULL) ? &accepted : &refused_count) += 1;
        test_free(exact);
    }
    assert_true(accepted >= whole.n && refused_count > accepted);
}

static void depth(void **state)
{
    (void)state;
    for (size_t levels = 62; levels <= 66; levels++) {
        struct buf t = BUF_INIT(4096);
        char data[80];
        for (size_t i = 0; i < levels; i++)
            (void)buf_puts(&t, "[\"list\",");
        (void)buf_puts(&t, "\"string\"");
        for (size_t i = 0; i < levels; i++)
            (void)buf_puts(&t, "]");
        memset(data, 0x91, sizeof data);
        const struct type *deep;
        const struct value *v;
        bool known = type_from_json(arena, buf_view(&t), &deep, NULL);
        assert_int_equal(known, levels <= 64);
        data[levels] = (char)0xa0;
        if (known)
            assert_int_equal(msgpack_decode(arena, (struct str){data, levels + 1}, deep, &v, NULL),
                             levels <= 63);
        buf_done(&t);
    }
    /* Dynamic in dynamic: no type bounds it, the limit must. */
    struct buf nested = BUF_INIT(1 << 20);
    for (int i = 0; i < 5000; i++)
        (void)buf_add(&nested, "\x92\xc4\x09\"dynamic\"", 12);
    const struct value *v;
    struct err e = ERR_INIT;
    assert_false(msgpack_decode(arena, buf_view(&nested), type("\"dynamic\""), &v, &e));
    assert_non_null(strstr(e.text, "too deeply"));
    buf_done(&nested);
}

static void encoder_keeps_to_the_type(void **state)
{
    (void)state;
    struct err e = ERR_INIT;
    struct str out = {"untouched", 9};
    struct value *o = value_object(arena);
    value_set(arena, o, "b", &value_true);
    static const char t[] = "[\"object\",{\"a\":\"string\",\"b\":\"bool\"}]";
    assert_string_equal(encode(o, t), "82 a1 61 c0 a1 62 c3");
    value_set(arena, o, "c", &value_null);
    assert_false(msgpack_encode(arena, o, type(t), &out, &e));
    assert_int_equal(e.code, ERR_BUG);
    static const struct {
        const char *json, *type;
    } rows[] = {
        {"1", "\"string\""},
        {"\"1\"", "\"number\""},
        {"1", "\"bool\""},
        {"{}", "[\"list\",\"bool\"]"},
        {"[]", "[\"map\",\"bool\"]"},
        {"[]", "[\"object\",{}]"},
        {"[1]", "[\"tuple\",[]]"},
        {"[1]", "[\"list\",\"string\"]"},
        {"{\"k\":1}", "[\"map\",\"string\"]"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct value *v;
        assert_true(value_from_json(arena, str_of(rows[i].json), &v, NULL));
        assert_false(msgpack_encode(arena, v, type(rows[i].type), &out, &e));
        assert_int_equal(e.code, ERR_BUG);
    }
    assert_string_equal(out.p, "untouched");
    assert_string_equal(encode(value_string_n(arena, "a\xff\0b\xc3", 5), "\"string\""), "a4 61 3f 00 62");
}

static void types(void **state)
{
    (void)state;
    static const char *const good[] = {
        "\"string\"",
        "[\"map\",[\"list\",[\"object\",{\"a\":\"string\",\"b \\\"q\\\"\":[\"set\",\"number\"]}]]]",
        "[\"tuple\",[]]",
        "[\"tuple\",[\"bool\",\"dynamic\"]]",
        "[\"object\",{}]",
    };
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        struct buf out = BUF_INIT(1000);
        type_to_json(type(good[i]), &out);
        assert_string_equal(buf_text(&out), good[i]);
        buf_done(&out);
    }
    assert_int_equal(type("[\"object\",{\"a\":\"string\"},[\"a\"]]")->count, 1);
    static const char *const bad[] = {
        "",
        "\"text\"",
        "\"list\"",
        "[\"list\"]",
        "[\"list\",\"x\"]",
        "[\"string\",\"string\"]",
        "[\"object\",[]]",
        "[\"tuple\",{}]",
        "{}",
        "1",
        "null",
        "[]",
        "[1,2]",
        "[\"list\",\"string\",\"string\"]",
        "[\"object\",{\"a\":null}]",
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        const struct type *t = NULL;
        struct err e = ERR_INIT;
        if (type_from_json(arena, str_of(bad[i]), &t, &e))
            fail_msg("accepted: %s", bad[i]);
        assert_int_equal(e.code, ERR_INVALID);
        assert_null(t);
    }
}

static void conform(void **state)
{
    (void)state;
    static const struct {
        const char *json, *type, *out, *says; /* one of the last two */
    } rows[] = {
        {"{\"b\":1}", "[\"object\",{\"a\":\"string\",\"b\":\"number\"}]", "{\"a\":null,\"b\":1}", NULL},
        {"{\"c\":1}", "[\"object\",{\"a\":\"string\"}]", NULL, "unsupported attribute \"c\""},
        {"{\"a\":{\"x\":1}}", "[\"object\",{\"a\":[\"object\",{}]}]", NULL, "a: unsupported attribute \"x\""},
        {"[1,\"2\",null]", "[\"list\",\"number\"]", "[1,2,null]", NULL},
        {"[1,\"x\"]", "[\"set\",\"number\"]", NULL, "element 1: a number is required"},
        {"{\"k\":[]}", "[\"map\",\"string\"]", NULL, "k: a string is required"},
        {"{\"k\":true,\"l\":1.50}", "[\"map\",\"string\"]", "{\"k\":\"true\",\"l\":\"1.50\"}", NULL},
        {"[\"true\",\"false\",true]", "[\"list\",\"bool\"]", "[true,false,true]", NULL},
        {"\"yes\"", "\"bool\"", NULL, "a bool is required"},
        {"\"1\\u0000\"", "\"number\"", NULL, "a number is required"},
        {"[]", "[\"object\",{}]", NULL, "an object is required"},
        {"{}", "[\"list\",\"string\"]", NULL, "a list is required"},
        {"[]", "[\"map\",\"string\"]", NULL, "a map is required"},
        {"[1]", "[\"tuple\",[\"number\",\"number\"]]", NULL, "a tuple is required"},
        {"[1,\"a\"]", "[\"tuple\",[\"number\",\"string\"]]", "[1,\"a\"]", NULL},
        {"{\"value\":[1],\"type\":[\"list\",\"number\"]}", "\"dynamic\"", "[1]", NULL},
        {"{\"value\":1}", "\"dynamic\"", NULL, "dynamic value"},
        {"7", "\"dynamic\"", NULL, "dynamic value"},
        {"null", "[\"object\",{\"a\":\"string\"}]", "null", NULL},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct err e = ERR_INIT;
        const struct value *v, *shaped = NULL;
        assert_true(value_from_json(arena, str_of(rows[i].json), &v, &e));
        bool ok = value_conform(arena, v, type(rows[i].type), &shaped, &e);
        if (ok != (rows[i].out != NULL) || (!ok && !strstr(e.text, rows[i].says)))
            fail_msg("%s: %s", rows[i].json, ok ? "accepted" : e.text);
        struct buf out = BUF_INIT(1000);
        if (ok) {
            assert_true(value_to_json(shaped, &out, &e));
            assert_string_equal(buf_text(&out), rows[i].out);
        }
        buf_done(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(worked_example), cmocka_unit_test(number_forms),
        cmocka_unit_test(unknown_forms),  cmocka_unit_test(comes_back),
        cmocka_unit_test(refused),        cmocka_unit_test(cut_and_garbled_anywhere),
        cmocka_unit_test(depth),          cmocka_unit_test(encoder_keeps_to_the_type),
        cmocka_unit_test(types),          cmocka_unit_test(conform),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
