#include "acceptance-tests/sandbox/change.h"

#include "internal/base/testing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static json_t *parsed(const char *text)
{
    json_error_t problem;
    json_t *value = json_loads(text, JSON_REJECT_DUPLICATES, &problem);
    if (!value)
        fail_msg("%s: %s", text, problem.text);
    return value;
}

static void assert_json(const char *what, const json_t *is, const char *wanted)
{
    char *text = json_dumps(is, JSON_COMPACT);
    if (strcmp(text, wanted) != 0)
        fail_msg("%s: %s, not %s", what, text, wanted);
    free(text);
}

/* ---- what is found ---- */

static const struct found {
    const char *what, *before, *after, *changes;
} FOUND[] = {
    {"nothing", "{}", "{}", "[]"},
    {"equal", "{'a':[1,2.5,'x',null,true,{'b':[]}]}", "{'a':[1,2.5,'x',null,true,{'b':[]}]}", "[]"},
    {"equal in another order", "{'a':1,'b':{'c':1,'d':2}}", "{'b':{'d':2,'c':1},'a':1}", "[]"},
    {"a member", "{'a':1,'b':2}", "{'a':1,'b':3}", "[['set',['b'],3]]"},
    {"a member of another type", "{'a':1}", "{'a':1.0}", "[['set',['a'],1.0]]"},
    {"an empty list for an empty object", "{'a':{}}", "{'a':[]}", "[['set',['a'],[]]]"},
    {"a text that got longer", "{'a':'x'}", "{'a':'xy'}", "[['set',['a'],'xy']]"},
    {"true for null", "{'a':null}", "{'a':true}", "[['set',['a'],true]]"},
    {"null is a value", "{}", "{'a':null}", "[['set',['a'],null]]"},
    {"a new member", "{'a':1}", "{'a':1,'b':{'c':2}}", "[['set',['b'],{'c':2}]]"},
    {"a new member in front", "{'a':1}", "{'b':2,'a':1}", "[['set',['b'],2]]"},
    {"a member less", "{'a':1,'b':2,'c':3}", "{'a':1,'c':3}", "[['cut',['b']]]"},
    {"another name", "{'a':1,'b':2}", "{'c':1,'b':2}", "[['set',['c'],1],['cut',['a']]]"},
    {"deep inside", "{'l':[{'x':[1,2]},{'x':[3,{'y':'z'}]}]}", "{'l':[{'x':[1,2]},{'x':[3,{'y':'w'}]}]}",
     "[['set',['l',1,'x',1,'y'],'w']]"},
    {"an element", "{'l':[1,2,3]}", "{'l':[1,9,3]}", "[['set',['l',1],9]]"},
    {"an element more", "{'l':[1,2]}", "{'l':[1,2,3]}", "[['add',['l',2],3]]"},
    {"an element more in the middle", "{'l':[1,3]}", "{'l':[1,2,3]}", "[['add',['l',1],2]]"},
    {"the first element of a list", "{'l':[]}", "{'l':[{}]}", "[['add',['l',0],{}]]"},
    {"an element less", "{'l':[1,2,3]}", "{'l':[1,3]}", "[['cut',['l',1]]]"},
    {"the last element less", "{'l':[1,2]}", "{'l':[1]}", "[['cut',['l',1]]]"},
    {"all elements less", "{'l':[1,2]}", "{'l':[]}", "[['cut',['l',0]],['cut',['l',0]]]"},
    {"the oldest goes, a new one comes", "{'l':[1,2,3,4]}", "{'l':[2,3,4,5]}",
     "[['cut',['l',0]],['add',['l',3],5]]"},
    {"the two oldest go, two new ones come", "{'l':[1,2,3,4]}", "{'l':[3,4,5,6]}",
     "[['cut',['l',0]],['cut',['l',0]],['add',['l',2],5],['add',['l',3],6]]"},
    {"an element less and a later one changed", "{'l':[1,2,3,{'a':1}]}", "{'l':[1,3,{'a':2}]}",
     "[['cut',['l',1]],['set',['l',2,'a'],2]]"},
    {"changed places", "{'l':[1,2]}", "{'l':[2,1]}", "[['cut',['l',0]],['add',['l',1],1]]"},
    {"names that look like paths", "{'a/b':{'0':1}}", "{'a/b':{'0':2,'':3}}",
     "[['set',['a/b','0'],2],['set',['a/b',''],3]]"},
};

static void quotes(const char *text, char out[512])
{
    (void)snprintf(out, 512, "%s", text);
    for (char *p = out; *p; p++)
        if (*p == '\'')
            *p = '"';
}

static void test_found(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(FOUND); i++) {
        char before[512], after[512], wanted[512];
        struct err e = ERR_INIT;
        quotes(FOUND[i].before, before);
        quotes(FOUND[i].after, after);
        quotes(FOUND[i].changes, wanted);
        json_t *a = parsed(before), *b = parsed(after), *changes = change_find(a, b);
        assert_json(FOUND[i].what, changes, wanted);
        assert_json(FOUND[i].what, a, before);
        assert_json(FOUND[i].what, b, after);
        assert_true(change_apply(a, changes, &e));
        assert_true(json_equal(a, b));
        json_decref(changes);
        json_decref(a);
        json_decref(b);
    }
}

/* A value that goes on changing where it stands does not change in the list. */
static void test_shares_nothing(void **state)
{
    (void)state;
    json_t *a = parsed("{}"), *b = parsed("{\"l\":[{\"x\":1}]}"), *changes = change_find(a, b);
    (void)json_object_set_new(json_array_get(json_object_get(b, "l"), 0), "x", json_integer(2));
    assert_json("changes", changes, "[[\"set\",[\"l\"],[{\"x\":1}]]]");
    json_decref(changes);
    json_decref(a);
    json_decref(b);
}

/* A copy follows no change of the original, at any depth, and holds the same texts. */
static void test_copy(void **state)
{
    (void)state;
    json_t *a = parsed("{\"l\":[{\"x\":\"t\"}],\"o\":{\"y\":[1]}}"), *copy = change_copy(a);
    json_t *inner = json_array_get(json_object_get(a, "l"), 0);
    assert_true(json_equal(a, copy));
    assert_ptr_equal(json_object_get(json_array_get(json_object_get(copy, "l"), 0), "x"),
                     json_object_get(inner, "x"));
    (void)json_object_set_new(inner, "x", json_string("u"));
    (void)json_array_append_new(json_object_get(json_object_get(a, "o"), "y"), json_integer(2));
    (void)json_object_set_new(a, "n", json_null());
    assert_json("the copy", copy, "{\"l\":[{\"x\":\"t\"}],\"o\":{\"y\":[1]}}");
    json_decref(copy);
    json_decref(a);
}

/* ---- any two documents ---- */

static unsigned dice; /* the same throws in every run */

static size_t throw_of(size_t sides)
{
    dice = dice * 1103515245u + 12345u;
    return (dice >> 16) % sides;
}

static json_t *any_value(int depth)
{
    static const char *const TEXTS[] = {"", "a", "b", "a\nb", "\xc3\xa9", "\"\\"};
    size_t kind = throw_of(depth > 0 ? 7 : 5);
    json_t *value = kind == 0   ? json_integer((json_int_t)throw_of(3))
                    : kind == 1 ? json_string(TEXTS[throw_of(ARRAY_LEN(TEXTS))])
                    : kind == 2 ? json_real((double)throw_of(3) / 2)
                    : kind == 3 ? json_null()
                    : kind == 4 ? json_boolean(throw_of(2))
                    : kind == 5 ? json_array()
                                : json_object();
    for (size_t i = throw_of(5); kind >= 5 && i > 0; i--) {
        char key[4] = {(char)('a' + throw_of(6)), '\0'};
        (void)(kind == 5 ? json_array_append_new(value, any_value(depth - 1))
                         : json_object_set_new(value, key, any_value(depth - 1)));
    }
    return value;
}

static void change_anything(json_t *value, int depth)
{
    char key[4] = {(char)('a' + throw_of(6)), '\0'};
    size_t n = json_array_size(value), at = n > 0 ? throw_of(n) : 0;
    json_t *inside = json_is_array(value) ? json_array_get(value, at) : json_object_get(value, key);
    switch (throw_of(4)) {
    case 0:
        (void)(json_is_array(value) ? json_array_remove(value, at) : json_object_del(value, key));
        break;
    case 1:
        (void)(json_is_array(value) ? json_array_insert_new(value, at, any_value(2))
                                    : json_object_set_new(value, key, any_value(2)));
        break;
    default:
        if (inside && depth > 0)
            change_anything(inside, depth - 1);
    }
}

static void test_any(void **state)
{
    enum { ROUNDS = 20000 };
    (void)state;
    size_t changed = 0;
    dice = 1;
    json_t *now = json_object(), *saved = json_object();
    for (int i = 0; i < ROUNDS; i++) {
        struct err e = ERR_INIT;
        for (size_t n = throw_of(4); n > 0; n--)
            change_anything(now, 3);
        json_t *changes = change_find(saved, now);
        changed += json_array_size(changes) > 0;
        if (json_equal(saved, now) != (json_array_size(changes) == 0))
            fail_msg("round %d: equal and changes do not agree", i);
        if (!change_apply(saved, changes, &e) || !json_equal(saved, now))
            fail_msg("round %d: not the same afterwards: %s", i, e.text);
        json_decref(changes);
    }
    assert_true(changed > ROUNDS / 10);
    json_decref(now);
    json_decref(saved);
}

/* ---- what does not fit ---- */

static const char *const REFUSED[] = {
    "{}",
    "null",
    "[1]",
    "[[]]",
    "[['set']]",
    "[['set',[],{}]]",
    "[['set',['a']]]",
    "[['set',['a'],1,2]]",
    "[['put',['a'],1]]",
    "[['add',['a'],1]]",
    "[['cut',['x']]]",
    "[['cut',['a'],1]]",
    "[['set',['x','y'],1]]",
    "[['set',['a','y'],1]]",
    "[['set',[0],1]]",
    "[['set',['l','x'],1]]",
    "[['set',['l',-1],1]]",
    "[['set',['l',2],1]]",
    "[['add',['l',3],1]]",
    "[['cut',['l',2]]]",
    "[['cut',['l',-1]]]",
    "[['set',['l',9223372036854775807],1]]",
    "[['set',['l',1.0],1]]",
    "[['set','a',1]]",
    "[['set',['b'],1],['cut',['x']]]",
};

static void test_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(REFUSED); i++) {
        char text[512];
        struct err e = ERR_INIT;
        quotes(REFUSED[i], text);
        json_t *document = parsed("{\"a\":1,\"l\":[1,2]}"),
               *changes = json_loads(text, JSON_DECODE_ANY, NULL);
        assert_non_null(changes);
        if (change_apply(document, changes, &e) || e.code != ERR_INVALID)
            fail_msg("%s: not refused", text);
        json_decref(changes);
        json_decref(document);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_found), cmocka_unit_test(test_shares_nothing), cmocka_unit_test(test_copy),
        cmocka_unit_test(test_any),   cmocka_unit_test(test_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
