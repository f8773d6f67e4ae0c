#include "internal/base/arena.h"
#include "internal/base/buf.h"
#include "internal/base/clock.h"
#include "internal/base/err.h"
#include "internal/base/file.h"
#include "internal/base/log.h"
#include "internal/base/names.h"
#include "internal/base/stop.h"
#include "internal/base/testing.h"
#include "internal/base/utf8.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void version_rows(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool ok;
        int major, minor;
    } rows[] = {
        {"17", true, 17, -1},  {"17.6", true, 17, 6},    {"13.23", true, 13, 23}, {"10.0", true, 10, 0},
        {"9.6", false, 0, 0},  {"", false, 0, 0},        {"17.", false, 0, 0},    {"17.x", false, 0, 0},
        {"017", false, 0, 0},  {"17.06", false, 0, 0},   {" 17", false, 0, 0},    {"17.6 ", false, 0, 0},
        {"1700", false, 0, 0}, {"16.6-R1", false, 0, 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct version v = {-7, -7};
        assert_int_equal(version_parse(rows[i].text, &v), rows[i].ok);
        assert_int_equal(v.major, rows[i].ok ? rows[i].major : -7);
        assert_int_equal(v.minor, rows[i].ok ? rows[i].minor : -7);
    }
    assert_true(version_compare((struct version){17, -1}, (struct version){17, 1}) < 0);
    assert_true(version_compare((struct version){17, 9}, (struct version){17, 10}) < 0);
    assert_int_equal(version_compare((struct version){15, 2}, (struct version){15, 2}), 0);
}

static void lsn_rows(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool ok;
        lsn_t value;
    } rows[] = {
        {"0/0", true, 0},
        {"16/B374D848", true, 0x16b374d848},
        {"FFFFFFFF/ffffffff", true, UINT64_MAX},
        {"100000000/0", false, 0},
        {"/0", false, 0},
        {"0/", false, 0},
        {"-1/0", false, 0},
        {"0/0 ", false, 0},
        {"0x1/0", false, 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        lsn_t lsn = 42;
        assert_int_equal(lsn_parse(rows[i].text, &lsn), rows[i].ok);
        assert_true(lsn == (rows[i].ok ? rows[i].value : 42));
    }
    char out[LSN_SIZE];
    assert_string_equal(lsn_print(0x16b374d848, out), "16/B374D848");
}

static void arn_rows(void **state)
{
    (void)state;
    struct arn a;
    assert_true(arn_parse("arn:aws:rds:eu-west-1:123456789012:cluster:orders", &a));
    assert_string_equal(a.type, "cluster");
    assert_string_equal(a.resource, "orders");
    assert_string_equal(a.account, "123456789012");
    assert_true(arn_parse("arn:aws:iam::123456789012:role/x", &a));
    assert_string_equal(a.type, "");
    assert_string_equal(a.resource, "role/x");
    assert_false(arn_parse("arn:aws:rds", &a));
    assert_false(arn_parse("arn::rds:r:a:cluster:x", &a));
    assert_false(arn_parse("arn:aws:rds:r:a:cluster:", &a));
    assert_true(identifier_valid("orders-1"));
    assert_false(identifier_valid("1orders"));
    assert_false(identifier_valid("orders-"));
    assert_false(identifier_valid("or--ders"));
    assert_false(identifier_valid("or ders"));
}

/* 30000 of the largest numbers: more milliseconds than an int64_t holds. */
static void duration_without_end(void **state)
{
    (void)state;
    enum { TIMES = 30000 };
    CLEANUP(buf_done) struct buf text = BUF_INIT(TIMES * 16);
    int64_t ms = -1;
    for (int i = 0; i < TIMES; i++)
        assert_true(buf_puts(&text, "100000000h"));
    assert_false(duration_parse(buf_text(&text), &ms));
    assert_int_equal(ms, -1);
}

static void durations_and_dates(void **state)
{
    (void)state;
    int64_t ms = -1;
    assert_true(duration_parse("1h30m", &ms) && ms == 5400000);
    assert_true(duration_parse("168h", &ms) && ms == 604800000);
    assert_true(duration_parse("0s", &ms) && ms == 0);
    assert_true(duration_parse("250ms", &ms) && ms == 250);
    static const char *const bad[] = {"", "5", "h", "-1h", "1d", "1h ", "999999999999h"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_false(duration_parse(bad[i], &ms));
    char iso[TIME_ISO_SIZE];
    time_iso(1767323045678, true, iso);
    assert_string_equal(iso, "2026-01-02T03:04:05.678Z");
    assert_true(time_parse_iso(iso, &ms) && ms == 1767323045678);
    time_iso(-1, true, iso);
    assert_string_equal(iso, "1969-12-31T23:59:59.999Z");
    assert_true(time_parse_iso(iso, &ms) && ms == -1);
    assert_false(time_parse_iso("2026-01-02", &ms));
}

static void errors_keep_every_layers_words(void **state)
{
    (void)state;
    struct err e = ERR_INIT;
    assert_false(err_set(&e, ERR_NOT_FOUND, "cluster %s not found", "orders"));
    assert_false(err_said(&e, "DBClusterNotFoundFault \xff (request 1)"));
    assert_false(err_wrap(&e, "read production"));
    assert_string_equal(e.text, "read production: cluster orders not found");
    assert_string_equal(e.said, "DBClusterNotFoundFault ? (request 1)");
    assert_int_equal(e.code, ERR_NOT_FOUND);
    assert_false(err_set(NULL, ERR_BUG, "nobody listens"));
    assert_string_equal(err_code_name(ERR_PAUSED), "paused");
}

static void utf8_rows(void **state)
{
    (void)state;
    char cut[] = "gr\xc3\xbc\xc3";
    utf8_clean(cut);
    assert_string_equal(cut, "gr\xc3\xbc");
    char bad[] = "a\xed\xa0\x80"
                 "b\x01\xc0\x80";
    utf8_clean(bad);
    assert_string_equal(bad, "a???b???");
    assert_true(utf8_valid("\xf0\x9f\x98\x80", 4));
    assert_false(utf8_valid("\xf5\x80\x80\x80", 4));
    assert_false(utf8_valid("a\0b", 3));
}

static void buffers_have_a_maximum(void **state)
{
    (void)state;
    struct buf b = BUF_INIT(10);
    assert_true(buf_puts(&b, "12345"));
    assert_false(buf_puts(&b, "678901"));
    assert_true(b.overflow);
    assert_string_equal(buf_text(&b), "12345");
    assert_false(buf_puts(&b, "6"));
    buf_done(&b);
    assert_string_equal(buf_text(&b), "");
}

struct gate {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool is_open, is_waited_for;
    struct stop *stop;
};

static void *open_it(void *arg)
{
    struct gate *g = arg;
    (void)pthread_mutex_lock(&g->lock);
    while (!g->is_waited_for)
        (void)pthread_cond_wait(&g->changed, &g->lock);
    g->is_open = true;
    (void)pthread_cond_broadcast(&g->changed);
    (void)pthread_mutex_unlock(&g->lock);
    return NULL;
}

static void *request_it(void *arg)
{
    struct gate *g = arg;
    (void)pthread_mutex_lock(&g->lock);
    while (!g->is_waited_for)
        (void)pthread_cond_wait(&g->changed, &g->lock);
    (void)pthread_mutex_unlock(&g->lock);
    stop_request(g->stop); /* and signals nobody */
    return NULL;
}

static void a_wait_for_a_signal_sees_both(void **state)
{
    (void)state;
    static void *(*const others[])(void *) = {open_it, request_it};
    for (size_t i = 0; i < ARRAY_LEN(others); i++) {
        struct gate g = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false, false, stop_new()};
        pthread_t other;
        assert_int_equal(pthread_create(&other, NULL, others[i], &g), 0);
        (void)pthread_mutex_lock(&g.lock);
        g.is_waited_for = true;
        (void)pthread_cond_broadcast(&g.changed);
        while (!g.is_open && !stop_wait_signal(g.stop, &g.changed, &g.lock))
            ;
        assert_int_equal(g.is_open, others[i] == open_it);
        assert_int_equal(stop_requested(g.stop), others[i] == request_it);
        (void)pthread_mutex_unlock(&g.lock);
        (void)pthread_join(other, NULL);
        stop_free(g.stop);
    }
}

static void stop_wakes_a_waiter(void **state)
{
    (void)state;
    struct stop *s = stop_new();
    assert_false(stop_wait(s, 1));
    stop_request(s);
    assert_true(stop_wait(s, 60000));
    assert_true(stop_requested(s));
    stop_free(s);
    struct clock_fake f;
    clock_fake_init(&f, 1000);
    assert_false(f.clock.wait(&f.clock, NULL, 5000));
    assert_int_equal(f.clock.mono_ms(&f.clock), 5000);
    assert_int_equal(f.clock.wall_ms(&f.clock), 6000);
}

static void secrets_are_masked(void **state)
{
    (void)state;
    log_secret("hunter2hunter2");
    log_secret("abc");
    char text[] = "password=hunter2hunter2 and hunter2hunter2 abc";
    log_mask(text);
    assert_string_equal(text, "password=*** and *** abc");
}

/* Hours of tokens do not push out a password that is used again and again. */
static void secrets_in_use_are_kept(void **state)
{
    (void)state;
    char old[] = "first-token-of-all", kept[] = "pass hunter2hunter2";
    log_secret(old);
    for (int i = 0; i < 1000; i++) {
        char token[32];
        (void)snprintf(token, sizeof token, "token-number-%d", i);
        log_secret(token);
        if (i % 100 == 0)
            log_secret("hunter2hunter2");
    }
    log_mask(old);
    log_mask(kept);
    assert_string_equal(old, "first-token-of-all");
    assert_string_equal(kept, "pass ***");
}

static void files_are_replaced_whole(void **state)
{
    (void)state;
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    char dir[] = "/tmp/aurora-base-XXXXXX";
    assert_non_null(mkdtemp(dir));
    struct err e = ERR_INIT;
    char *sub = arena_printf(a, "%s/a/b", dir), *path = arena_printf(a, "%s/f", sub);
    assert_true(dir_make(sub, &e));
    assert_true(file_replace(path, "one", 3, 0600, &e));
    assert_true(file_replace(path, "second", 6, 0600, &e));
    struct str got;
    assert_true(file_read(a, path, 100, &got, &e));
    assert_true(str_is(got, "second"));
    assert_false(file_read(a, path, 3, &got, &e));
    assert_false(file_read(a, sub, 3, &got, &e));
    assert_false(file_read(a, arena_printf(a, "%s/absent", dir), 3, &got, &e));
    assert_int_equal(e.code, ERR_NOT_FOUND);
    (void)unlink(path);
    (void)rmdir(sub);
    (void)rmdir(arena_printf(a, "%s/a", dir));
    (void)rmdir(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(version_rows),
        cmocka_unit_test(lsn_rows),
        cmocka_unit_test(arn_rows),
        cmocka_unit_test(durations_and_dates),
        cmocka_unit_test(duration_without_end),
        cmocka_unit_test(utf8_rows),
        cmocka_unit_test(errors_keep_every_layers_words),
        cmocka_unit_test(buffers_have_a_maximum),
        cmocka_unit_test(stop_wakes_a_waiter),
        cmocka_unit_test(a_wait_for_a_signal_sees_both),
        cmocka_unit_test(secrets_are_masked),
        cmocka_unit_test(secrets_in_use_are_kept),
        cmocka_unit_test(files_are_replaced_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
