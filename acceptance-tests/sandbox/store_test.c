/* The store over its file: what outlives a restart, and what is refused. */
#include "acceptance-tests/sandbox/store.h"

#include "acceptance-tests/sandbox/state_file.h"
#include "acceptance-tests/sandbox/state_folder.h"
#include "internal/base/file.h"
#include "internal/base/testing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct store_seed SEED = {"us-east-1", "123456789012"};

static int open_folder(void **state)
{
    struct state_folder *f = calloc(1, sizeof *f);
    assert_non_null(f);
    state_folder_open(f);
    *state = f;
    return 0;
}

static int close_folder(void **state)
{
    state_folder_close(*state);
    free(*state);
    return 0;
}

static struct store *opened(struct state_folder *f)
{
    struct err e = ERR_INIT;
    struct store *s = NULL;
    if (!store_open(f->path, &SEED, &s, &e))
        fail_msg("%s", e.text);
    return s;
}

static void must_save(struct store *s)
{
    struct err e = ERR_INIT;
    if (!store_save(s, &e))
        fail_msg("%s", e.text);
}

/* Records of every kind come, change and go; what was not saved is gone. */
static void test_reopened(void **state)
{
    struct state_folder *f = *state;
    struct store *s = opened(f);
    const char *key = arena_strdup(f->arena, rec_str(store_root(s), "access_key_id"));
    for (int round = 0; round < 50; round++) {
        for (enum kind k = 0; k < KIND_COUNT; k++) {
            json_t *record = store_add(s, k, json_pack("{s:i}", "round", round));
            rec_printf(record, KINDS[k].id, "r%d", round);
            must_save(s);
            rec_set_bool(record, "seen", true);
            if (round % 3 == 1)
                store_remove(s, k, record);
        }
        must_save(s);
    }
    json_t *wanted = json_deep_copy(store_root(s));
    rec_set_str(store_root(s), "not saved", "x");
    for (int i = 0; i < 3; i++) {
        store_close(s);
        s = opened(f);
        assert_true(json_equal(store_root(s), wanted));
        assert_string_equal(rec_str(store_root(s), "access_key_id"), key);
    }
    json_decref(wanted);
    store_close(s);
}

/* They come at the end and go at the front; a restart finds each as it was. */
static void test_events(void **state)
{
    enum { ROUNDS = 60, KEPT = 20 };
    struct state_folder *f = *state;
    struct store *s = opened(f);
    for (int round = 0; round < ROUNDS; round++) {
        json_t *events = rec_list(store_root(s), "events");
        for (int i = 0; i < round % 12; i++)
            (void)json_array_append_new(events, json_pack("{s:i, s:[i]}", "round", round, "i", i));
        while (json_array_size(events) > KEPT)
            (void)json_array_remove(events, 0);
        must_save(s);
        json_t *wanted = json_deep_copy(store_root(s));
        if (round % 7 == 0) {
            store_close(s);
            s = opened(f);
        }
        struct err e = ERR_INIT;
        json_t *is = NULL;
        assert_true(state_file_read(f->path, &is, &e));
        assert_true(json_equal(is, wanted));
        assert_true(json_equal(store_root(s), wanted));
        json_decref(is);
        json_decref(wanted);
    }
    store_close(s);
}

/* A copy is nobody's file. */
static void test_copy(void **state)
{
    struct state_folder *f = *state;
    struct store *s = opened(f), *copy = store_copy(s);
    rec_set_str(store_root(s), "later", "x");
    must_save(s);
    assert_false(rec_has(store_root(copy), "later"));
    store_close(copy);
    store_close(s);
    s = opened(f);
    assert_true(rec_is(store_root(s), "later", "x"));
    store_close(s);
}

/* A member of a good document set to something else, and what the refusal says. */
static const struct refused {
    const char *member, *value, *part;
} REFUSED[] = {
    {"format", "1", "written in format 1, this program reads 2"},
    {"format", "3", "written in format 3"},
    {"format", NULL, "written in format 0"},
    {"region", NULL, "region is missing"},
    {"account_id", "7", "account_id is missing"},
    {"access_key_id", "\"\"", "access_key_id is missing"},
    {"secret_access_key", NULL, "secret_access_key is missing"},
    {"control_token", "null", "control_token is missing"},
    {"clusters", "{}", "clusters is no list"},
    {"secrets", "null", "secrets is no list"},
    {"jobs", "\"\"", "jobs is no list"},
    {"sessions", "{}", "sessions is no list"},
    {"faults", "[{},7]", "element 1 of faults is no record"},
    {"instances", "[[]]", "element 0 of instances is no record"},
};

static void assert_refused(struct state_folder *f, const char *what, const char *part)
{
    struct err e = ERR_INIT;
    struct store *s = NULL;
    struct str before = state_folder_content(f);
    if (store_open(f->path, &SEED, &s, &e) || e.code != ERR_INVALID)
        fail_msg("%s: not refused", what);
    if (!strstr(e.text, part) || !strstr(e.text, f->path) || !strstr(e.text, "it was left as it is"))
        fail_msg("%s: %s", what, e.text);
    assert_null(s);
    struct str after = state_folder_content(f);
    assert_true(before.n == after.n && memcmp(before.p, after.p, before.n) == 0);
}

static void test_refused(void **state)
{
    struct state_folder *f = *state;
    struct store *s = opened(f);
    for (size_t i = 0; i < ARRAY_LEN(REFUSED); i++) {
        const struct refused *r = &REFUSED[i];
        struct err e = ERR_INIT;
        struct state_file *file = NULL;
        json_t *document = json_deep_copy(store_root(s));
        rec_set(document, r->member, r->value ? json_loads(r->value, JSON_DECODE_ANY, NULL) : NULL);
        assert_true(state_file_create(f->path, document, &file, &e));
        state_file_close(file);
        json_decref(document);
        assert_refused(f, r->part, r->part);
    }
    store_close(s);
}

/* Never taken for a state that is not there yet. */
static void test_damaged(void **state)
{
    static const char *const TEXTS[] = {"", "{}", "\n", "00000002 00000000 {}\n",
                                        "{\"format\":2,\"clusters\":[]}"};
    struct state_folder *f = *state;
    for (size_t i = 0; i < ARRAY_LEN(TEXTS); i++) {
        struct err e = ERR_INIT;
        assert_true(file_replace(f->path, TEXTS[i], strlen(TEXTS[i]), 0600, &e));
        assert_refused(f, TEXTS[i], "damaged from byte 0 on (record 1)");
    }
}

#define ROW(test) cmocka_unit_test_setup_teardown(test, open_folder, close_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ROW(test_reopened), ROW(test_events), ROW(test_copy), ROW(test_refused), ROW(test_damaged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
