/* What counters of two servers come to, row by row. */
#include "internal/base/testing.h"
#include "internal/upgrade/watch.h"

#include <string.h>

static const struct {
    const char *name;
    struct pg_health before, now, old_side;
    const char *finding; /* NULL: nothing is worse */
} rows[] = {
    {"all quiet", {.commits = 5000}, {.commits = 9000}, {.commits = 100000}, NULL},
    {"deadlocks since, not before", {.deadlocks = 3}, {.commits = 500, .deadlocks = 3}, {0}, NULL},
    {"deadlocks", {.deadlocks = 3}, {.commits = 500, .deadlocks = 5}, {0}, "2 deadlock(s)"},
    {"lost sessions", {.broken_sessions = 1}, {.commits = 500, .broken_sessions = 2}, {0}, "1 session(s)"},
    {"errors as ever", {0}, {.commits = 950, .rollbacks = 50}, {.commits = 9600, .rollbacks = 400}, NULL},
    {"more errors",
     {0},
     {.commits = 900, .rollbacks = 100},
     {.commits = 9600, .rollbacks = 400},
     "10.0 % of"},
    {"more errors, of few", {0}, {.commits = 50, .rollbacks = 49}, {.commits = 9600}, NULL},
    {"twice next to nothing",
     {0},
     {.commits = 1991, .rollbacks = 9},
     {.commits = 99999, .rollbacks = 1},
     NULL},
    {"errors, the old side not seen", {0}, {.commits = 900, .rollbacks = 100}, {0}, "it was 0.0 %"},
    {"slower",
     {.active_ms = 10},
     {.commits = 1000, .active_ms = 50010},
     {.commits = 1000, .active_ms = 5000},
     "takes 50000 us on the new side; on the old side it took 5000 us"},
    {"slower by nothing",
     {0},
     {.commits = 1000, .active_ms = 900},
     {.commits = 1000, .active_ms = 100},
     NULL},
    {"slower, but the old side does not count that",
     {0},
     {.commits = 1000, .active_ms = 90000},
     {.commits = 1000},
     NULL},
    {"counters were reset",
     {.commits = 5000, .deadlocks = 9},
     {.commits = 500, .deadlocks = 1},
     {0},
     "1 deadlock(s)"},
};

static const struct pg_application shop[] = {{"shop", 3}};

static void what_is_worse_is_told(void **state)
{
    (void)state;
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct watch w = {.before = rows[i].before};
        struct pg_health now = rows[i].now;
        struct buf out CLEANUP(buf_done) = BUF_INIT(4096);
        now.applications = shop;
        now.application_count = 1;
        watch_add(a, &w.new_side, &now);
        watch_add(a, &w.old_side, &rows[i].old_side);
        watch_findings(&w, &out);
        if (!rows[i].finding != !out.n || (rows[i].finding && !strstr(buf_text(&out), rows[i].finding)))
            fail_msg("%s: %s", rows[i].name, buf_text(&out));
    }
}

static void clients_on_either_side_are_told(void **state)
{
    (void)state;
    static const struct pg_application cron[] = {{"cron", 1}, {"", 2}}, more[] = {{"cron", 4}};
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    struct buf out CLEANUP(buf_done) = BUF_INIT(4096);
    struct watch w = {0};
    watch_add(a, &w.new_side, &(struct pg_health){.longest_ms = 61000, .longest_application = "report"});
    watch_add(a, &w.new_side, &(struct pg_health){.longest_ms = 10, .longest_application = "shop"});
    watch_add(a, &w.old_side, &(struct pg_health){.applications = cron, .application_count = 2});
    watch_add(a, &w.old_side, &(struct pg_health){.applications = more, .application_count = 1});
    watch_findings(&w, &out);
    assert_string_equal(buf_text(&out),
                        "A transaction was open for 61 s on the new side, of \"report\".\n"
                        "Still connected to the old side: \"cron\", 4 session(s).\n"
                        "Still connected to the old side: an application without a name, 2 session(s).\n"
                        "No client of yours was seen on the new side.\n");
    buf_clear(&out);
    watch_sessions(&w, &out);
    assert_string_equal(buf_text(&out),
                        "new side: nobody; old side: \"cron\" 4, an application without a name 2");
}

static void a_side_that_is_not_there_is_told_and_compared_with_nothing(void **state)
{
    (void)state;
    struct buf out CLEANUP(buf_done) = BUF_INIT(4096);
    struct watch w = {.new_side = {.misses = 2, .trouble = "nothing listens there"}};
    watch_findings(&w, &out);
    assert_string_equal(buf_text(&out),
                        "The new side could not be looked at 2 time(s): nothing listens there\n");
}

static void applications_are_bounded(void **state)
{
    (void)state;
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    struct watched_side s = {0};
    for (int i = 0; i < 3 * WATCH_APPLICATIONS_MAX; i++) {
        const struct pg_application one = {arena_printf(a, "app %d", i), 1};
        watch_add(a, &s, &(struct pg_health){.applications = &one, .application_count = 1});
    }
    assert_int_equal(s.application_count, WATCH_APPLICATIONS_MAX);
    assert_int_equal(s.looks, 3 * WATCH_APPLICATIONS_MAX);
}

static void the_tag_is_read_as_it_was_written(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "2026-01-02T03:04:05Z",
        "2026-01-02T03:04:05Z 1 2 3 4",
        "2026-01-02T03:04:05Z 1 2 3 4 5 6",
        "2026-01-02T03:04:05Z 1 2 3 4 5 ",
        "2026-01-02T03:04:05Z 1 2 3 4 -5",
        "2026-01-02T03:04:05Z 1 2 3 4 x",
        "2026-01-02T03:04:05Z  1 2 3 4 5",
        "yesterday 1 2 3 4 5",
        "2026-01-02T03:04:05Z2026-01-02T03:04:05Z2026-01-02T03:04:05Z 1 2 3 4 5",
    };
    char text[WATCH_TEXT];
    int64_t since_ms = 0;
    struct pg_health h = {1, 2, 3, 4, 5, 0, NULL, NULL, 0}, r = {0};
    watch_write(1767323045000, &h, text);
    assert_string_equal(text, "2026-01-02T03:04:05Z 1 2 3 4 5");
    assert_true(watch_read(text, &since_ms, &r));
    assert_true(since_ms == 1767323045000 && r.commits == 1 && r.rollbacks == 2 && r.deadlocks == 3 &&
                r.broken_sessions == 4 && r.active_ms == 5);
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        if (watch_read(bad[i], &since_ms, &r))
            fail_msg("accepted: %s", bad[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_worse_is_told),
        cmocka_unit_test(clients_on_either_side_are_told),
        cmocka_unit_test(a_side_that_is_not_there_is_told_and_compared_with_nothing),
        cmocka_unit_test(applications_are_bounded),
        cmocka_unit_test(the_tag_is_read_as_it_was_written),
    };
    return cmocka_run_group_tests_name("watch", tests, NULL, NULL);
}
