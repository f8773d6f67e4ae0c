/* Windows as users write them, and the questions asked of them at times around their edges. */
#include "internal/base/clock.h"
#include "internal/base/testing.h"
#include "internal/base/window.h"

#include <string.h>

static int64_t at(const char *iso)
{
    int64_t ms = 0;
    if (!time_parse_iso(iso, &ms))
        fail_msg("%s", iso);
    return ms;
}

/* 2026-11-22 is a Sunday. */
static const struct {
    const char *texts[3];
    const char *now;
    int left_s;       /* how long it stays open; 0: closed; -1: it never closes */
    int needed_s;     /* for `next` */
    const char *next; /* NULL: never */
} rows[] = {
    {{"Sun 02:00-04:00 UTC"}, "2026-11-22T01:59:59.999Z", 0, 300, "2026-11-22T02:00:00Z"},
    {{"Sun 02:00-04:00 UTC"}, "2026-11-22T02:00:00Z", 7200, 300, "2026-11-22T02:00:00Z"},
    {{"Sun 02:00-04:00 UTC"}, "2026-11-22T03:54:59Z", 301, 300, "2026-11-22T03:54:59Z"},
    {{"Sun 02:00-04:00 UTC"}, "2026-11-22T03:55:00Z", 300, 300, "2026-11-29T02:00:00Z"},
    {{"Sun 02:00-04:00 UTC"}, "2026-11-22T04:00:00Z", 0, 300, "2026-11-29T02:00:00Z"},
    {{"Sun 02:00-04:00 UTC"}, "2026-11-22T02:00:00Z", 7200, 7200, NULL},
    {{"sun 02:00-04:00 utc"}, "2026-11-22T02:00:00Z", 7200, 0, "2026-11-22T02:00:00Z"},
    /* Lists and ranges of days, over the end of the week as well. */
    {{"Mon-Fri 20:00-22:00 UTC"}, "2026-11-22T21:00:00Z", 0, 0, "2026-11-23T20:00:00Z"},
    {{"Mon-Fri 20:00-22:00 UTC"}, "2026-11-20T22:00:00Z", 0, 0, "2026-11-23T20:00:00Z"},
    {{"Fri-Mon 20:00-22:00 UTC"}, "2026-11-24T00:00:00Z", 0, 0, "2026-11-27T20:00:00Z"},
    {{"Fri-Mon 20:00-22:00 UTC"}, "2026-11-22T21:00:00Z", 3600, 0, "2026-11-22T21:00:00Z"},
    {{"Tue,Thu-Fri,Sun 01:00-02:00 UTC"}, "2026-11-24T02:00:00Z", 0, 0, "2026-11-26T01:00:00Z"},
    {{"daily 03:00-03:30 UTC"}, "2026-11-24T04:00:00Z", 0, 0, "2026-11-25T03:00:00Z"},
    /* Over midnight, and over the end of the week. */
    {{"Sat 23:00-02:00 UTC"}, "2026-11-22T01:00:00Z", 3600, 0, "2026-11-22T01:00:00Z"},
    {{"Sun 23:00-01:00 UTC"}, "2026-11-23T00:30:00Z", 1800, 0, "2026-11-23T00:30:00Z"},
    {{"Sun 23:00-01:00 UTC"}, "2026-11-22T00:30:00Z", 0, 0, "2026-11-22T23:00:00Z"},
    {{"Sat 00:00-24:00 UTC"}, "2026-11-21T23:59:00Z", 60, 0, "2026-11-21T23:59:00Z"},
    {{"Sat 22:00-00:00 UTC"}, "2026-11-21T23:00:00Z", 3600, 0, "2026-11-21T23:00:00Z"},
    /* Fixed distances to UTC, whatever day that makes it. */
    {{"Sun 02:00-04:00 UTC+02:00"}, "2026-11-22T00:00:00Z", 7200, 0, "2026-11-22T00:00:00Z"},
    {{"Sun 00:30-01:30 UTC+05:30"}, "2026-11-21T19:00:00Z", 3600, 0, "2026-11-21T19:00:00Z"},
    {{"Sun 20:00-22:00 UTC-05:00"}, "2026-11-23T02:00:00Z", 3600, 0, "2026-11-23T02:00:00Z"},
    {{"Mon 00:30-01:00 UTC+14:00"}, "2026-11-22T10:30:00Z", 1800, 0, "2026-11-22T10:30:00Z"},
    /* Several add up, and what touches is one. */
    {{"Sun 02:00-03:00 UTC", "Sun 03:00-04:00 UTC"}, "2026-11-22T02:30:00Z", 5400, 0, "2026-11-22T02:30:00Z"},
    {{"Sun 02:00-02:05 UTC", "Wed 02:00-03:00 UTC"}, "2026-11-22T01:00:00Z", 0, 300, "2026-11-25T02:00:00Z"},
    {{"daily 00:00-24:00 UTC"}, "2026-11-22T02:30:00Z", -1, 86400, "2026-11-22T02:30:00Z"},
    {{NULL}, "2026-11-22T02:30:00Z", 0, 0, NULL},
};

static void times_are_in_or_out(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct window w = {0};
        struct err e = ERR_INIT;
        for (size_t k = 0; k < 3 && rows[i].texts[k]; k++)
            if (!window_add(&w, rows[i].texts[k], &e))
                fail_msg("%s", e.text);
        int64_t now = at(rows[i].now), left = window_left_ms(&w, now);
        int64_t wanted = rows[i].left_s < 0 ? INT64_MAX : rows[i].left_s * 1000LL;
        int64_t next = window_next_ms(&w, now, rows[i].needed_s * 1000LL);
        if (left != wanted || next != (rows[i].next ? at(rows[i].next) : -1))
            fail_msg("row %zu: left %lld, next %lld", i, (long long)left, (long long)next);
    }
}

static void what_is_no_window_is_refused_and_adds_nothing(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        " ",
        "Sun",
        "Sun 02:00-04:00",
        "Sun 02:00-04:00 ",
        " Sun 02:00-04:00 UTC",
        "Sun 02:00-04:00 UTC ",
        "Sun  02:00-04:00 UTC",
        "Sunday 02:00-04:00 UTC",
        "Xyz 02:00-04:00 UTC",
        "Mon- 02:00-04:00 UTC",
        "Mon, 02:00-04:00 UTC",
        ",Mon 02:00-04:00 UTC",
        "Mon-Fri-Sun 02:00-04:00 UTC",
        "dailyx 02:00-04:00 UTC",
        "Sun 2:00-4:00 UTC",
        "Sun 02-04 UTC",
        "Sun 02:60-04:00 UTC",
        "Sun 24:00-04:00 UTC",
        "Sun 02:00-24:01 UTC",
        "Sun 25:00-26:00 UTC",
        "Sun 02:00-02:00 UTC",
        "Sun -2:00-04:00 UTC",
        "Sun 02:00–04:00 UTC",
        "Sun 02:00-04:00 Europe/Berlin",
        "Sun 02:00-04:00 CET",
        "Sun 02:00-04:00 UTC+2",
        "Sun 02:00-04:00 UTC+14:01",
        "Sun 02:00-04:00 UTC+15:00",
        "Sun 02:00-04:00 UTC+02:00x",
        "Sun 02:00-04:00 UTCx",
        "Sun 02:00-04:00 UTC\n",
        "%s%n%s%n 02:00-04:00 UTC",
        "Mon,Mon,Mon,Mon,Mon,Mon,Mon,Mon,Mon,Mon,Mon,Mon,Mon 02:00-04:00 UTC",
    };
    struct window w = {0};
    const struct window nothing = {0};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct err e = ERR_INIT;
        if (window_add(&w, bad[i], &e))
            fail_msg("accepted: %s", bad[i]);
        assert_int_equal(e.code, ERR_INVALID);
        assert_true(strlen(e.text) > 10);
    }
    assert_memory_equal(&w, &nothing, sizeof w);
}

static void times_before_1970_are_times_too(void **state)
{
    (void)state;
    struct window w = {0};
    struct err e = ERR_INIT;
    assert_true(window_add(&w, "Wed 23:59-24:00 UTC", &e)); /* the minute before the epoch */
    assert_int_equal(window_left_ms(&w, -1), 1);
    assert_int_equal(window_left_ms(&w, 0), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(times_are_in_or_out),
        cmocka_unit_test(what_is_no_window_is_refused_and_adds_nothing),
        cmocka_unit_test(times_before_1970_are_times_too),
    };
    return cmocka_run_group_tests_name("window", tests, NULL, NULL);
}
