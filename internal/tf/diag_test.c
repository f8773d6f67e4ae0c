#include "internal/base/log.h"
#include "internal/base/testing.h"
#include "internal/tf/harness.h"

#include <stdio.h>
#include <string.h>

static void path_rows(void **state)
{
    static const struct {
        const char *dotted, *path;
    } rows[] = {
        {"name", "name"},
        {"login.host", "login.host"},
        {"login.tls.mode", "login.tls.mode"},
        {"login.nothing", "login"},
        {"hook", "hook"},
        {"hook.0", "hook[0]"},
        {"hook.12.at", "hook[12].at"},
        {"hook.first.at", "hook"},
        {"hook.-1.at", "hook"},
        {"labels.a.b", "labels[\"a.b\"]"},
        {"labels", "labels"},
        {"words.1", "words[1]"},
        {"flags.0", "flags"}, /* a set has no places */
        {"size.width", "size.width"},
        {"steps.0.name", "steps[0].name"},
        {"name.deeper", "name"},
        {"nothing", ""},
        {"", ""},
        {NULL, ""},
    };
    struct harness *h = *state;
    const struct tf_schema *s = harness_schema("demo_thing");
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const Tfplugin6__AttributePath *path = attribute_path(h->arena, s, rows[i].dotted);
        assert_string_equal(harness_path(h, path), rows[i].path);
        assert_true(!path || path->n_steps > 0);
    }
    assert_null(attribute_path(h->arena, NULL, "name"));
}

static const Tfplugin6__Diagnostic *one_failure(struct harness *h, const struct err *e)
{
    struct tf_reply *reply = ARENA_NEW(h->arena, struct tf_reply);
    struct tf_call c = {.arena = h->arena, .reply = reply};
    reply->schema = harness_schema("demo_thing");
    tf_fail(&c, e);
    assert_true(tf_failed(&c));
    assert_int_equal(reply->count, 1);
    return reply->items[0];
}

/* What was found at length stands between the words of the error and the rest, masked like all texts. */
static void a_report_follows_the_words(void **state)
{
    struct harness *h = *state;
    struct err e = ERR_INIT;
    struct tf_reply *reply = ARENA_NEW(h->arena, struct tf_reply);
    struct tf_call c = {.arena = h->arena, .reply = reply};
    reply->schema = harness_schema("demo_thing");
    (void)err_set(&e, ERR_INVALID, "2 findings: a, b");
    (void)err_hint(&e, "correct them");
    log_secret("hush-hush-secret");
    tf_fail_with(&c, &e, "a: x\n  shop: hush-hush-secret\nb: y");
    assert_string_equal(reply->items[0]->summary, "AUR0901: 2 findings");
    assert_string_equal(reply->items[0]->detail,
                        "2 findings: a, b\n\na: x\n  shop: ***\nb: y\n\nNext: correct them");
}

static void error_has_all_its_parts(void **state)
{
    struct harness *h = *state;
    struct err e = ERR_INIT;
    (void)err_set(&e, ERR_DENIED, "rds:CreateBlueGreenDeployment was refused");
    (void)err_wrap(&e, "create deployment orders-upgrade-13-to-17");
    (void)err_wrap(&e, "build the new side of %s", "orders");
    (void)err_id(&e, "AUR0123");
    (void)err_said(&e, "not authorized (request id r-1)");
    (void)err_state(&e, "orders is writable on 13.23");
    (void)err_hint(&e, "allow rds:CreateBlueGreenDeployment");
    (void)err_attribute(&e, "login.host");
    const Tfplugin6__Diagnostic *d = one_failure(h, &e);
    assert_string_equal(d->summary, "AUR0123: build the new side of orders");
    assert_string_equal(d->detail, "build the new side of orders: create deployment orders-upgrade-13-to-17: "
                                   "rds:CreateBlueGreenDeployment was refused\n\n"
                                   "The answer was: not authorized (request id r-1)\n\n"
                                   "Production: orders is writable on 13.23\n\n"
                                   "Next: allow rds:CreateBlueGreenDeployment");
    assert_string_equal(harness_path(h, d->attribute), "login.host");
    assert_int_equal(d->severity, TFPLUGIN6__DIAGNOSTIC__SEVERITY__ERROR);
}

static void summary_rows(void **state)
{
    static const struct {
        enum err_code code;
        const char *id, *text, *summary, *detail;
    } rows[] = {
        {ERR_PAUSED, NULL, "waits for Sunday", "AUR-PAUSED: waits for Sunday", ""},
        {ERR_PAUSED, "AUR0200", "waits: for Sunday", "AUR-PAUSED AUR0200: waits", "waits: for Sunday"},
        {ERR_CANCELLED, NULL, "interrupted", "AUR-PAUSED AUR0908: interrupted", ""},
        {ERR_CANCELLED, "AUR0142", "names move", "AUR0142: names move", ""},
        {ERR_TIMEOUT, NULL, "waited too long", "AUR0907: waited too long", ""},
        {ERR_BUG, NULL, "", "AUR0912: failed without a word", ""},
        {(enum err_code)99, NULL, "x", "AUR0912: x", ""},
        {ERR_INVALID, "AUR0001", "first\nline\twith tab", "AUR0001: first line with tab", ""},
    };
    struct harness *h = *state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct err e = ERR_INIT;
        (void)err_set(&e, rows[i].code, "%s", rows[i].text);
        (void)err_id(&e, rows[i].id);
        const Tfplugin6__Diagnostic *d = one_failure(h, &e);
        assert_string_equal(d->summary, rows[i].summary);
        assert_string_equal(d->detail, rows[i].detail);
    }
    struct err e = ERR_INIT;
    (void)err_set(&e, ERR_REMOTE, "query failed");
    memcpy(e.remote_code, "57P01", sizeof "57P01");
    assert_string_equal(one_failure(h, &e)->detail, "(57P01)");
    (void)err_said(&e, "terminating connection");
    assert_string_equal(one_failure(h, &e)->detail, "The answer was: terminating connection (57P01)");
    char name[400];
    memset(name, 'x', sizeof name);
    name[sizeof name - 1] = '\0';
    (void)err_set(&e, ERR_REMOTE, "%s", name);
    assert_true(strlen(one_failure(h, &e)->summary) < 220);
    assert_string_equal(one_failure(h, &e)->detail, name);
}

static void foreign_bytes_and_secrets(void **state)
{
    struct harness *h = *state;
    struct tf_reply reply = {0};
    struct tf_call c = {.arena = h->arena, .reply = &reply};
    log_secret("hunter2hunter2");
    tf_warn(&c, NULL, "sum\xff of hunter2hunter2", "caf\xe9 %s \x01 %s", "hunter2hunter2", "100%s%n");
    assert_string_equal(reply.items[0]->summary, "sum? of ***");
    assert_string_equal(reply.items[0]->detail, "caf? *** ? 100%s%n");
    assert_false(tf_failed(&c));
    tf_error(&c, NULL, "x", "%s", "");
    assert_true(tf_failed(&c));
}

struct heard {
    int errors, warnings;
    char summary[64], detail[64];
};

static void hear(void *arg, bool is_error, const char *summary, const char *detail)
{
    struct heard *told = arg;
    *(is_error ? &told->errors : &told->warnings) += 1;
    (void)snprintf(told->summary, sizeof told->summary, "%s", summary);
    (void)snprintf(told->detail, sizeof told->detail, "%s", detail);
}

static void told_outside_of_an_rpc(void **state)
{
    struct harness *h = *state;
    struct heard told = {0};
    struct tf_call c = {.arena = h->arena, .tell = hear, .tell_arg = &told};
    log_secret("hunter3hunter3");
    tf_warn(&c, "a.path", "two\nlines", "of hunter3hunter3 and %s", "caf\xe9 au lait");
    assert_string_equal(told.summary, "two lines");
    assert_string_equal(told.detail, "of *** and caf? au lait");
    struct err e = ERR_INIT;
    (void)err_set(&e, ERR_NOT_FOUND, "there is nothing");
    tf_fail(&c, &e);
    assert_int_equal(told.errors, 1);
    assert_int_equal(told.warnings, 1);
    assert_non_null(strstr(told.summary, ": there is nothing"));
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, harness_setup, harness_teardown)
    const struct CMUnitTest tests[] = {
        TEST(path_rows),    TEST(error_has_all_its_parts),   TEST(a_report_follows_the_words),
        TEST(summary_rows), TEST(foreign_bytes_and_secrets), TEST(told_outside_of_an_rpc),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
