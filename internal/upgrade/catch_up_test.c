/* What looks at two positions come to, row by row, and the words for it. */
#include "internal/base/testing.h"
#include "internal/upgrade/catch_up.h"

#include <string.h>

enum { MB = 1 << 20, EVERY_MS = 15000, GOAL = 16 * MB };

/* Looks every 15 s. A row's phases come one after the other: MB per second written and applied. */
struct phase {
    int looks;
    double written, applied;
};

static const struct {
    const char *name;
    int64_t behind_mb; /* at the first look */
    struct phase phases[4];
    enum catch_up_verdict verdict;
    const char *said;
} rows[] = {
    {"one look", 2048, {{0}}, CATCH_UP_UNKNOWN, "2.0 GB behind"},
    {"there",
     15,
     {{20, 5, 5}},
     CATCH_UP_THERE,
     "15.0 MB (3 s) behind; production writes 5.0 MB/s, applied are "
     "5.0 MB/s: caught up"},
    {"nothing to do",
     0,
     {{4, 0, 0}},
     CATCH_UP_THERE,
     "0 bytes behind; production writes 0 bytes/s, applied are 0 bytes/s: caught up"},
    {"steadily nearer",
     3016,
     {{21, 5, 10}},
     CATCH_UP_NEARS,
     "1.4 GB (4 min) behind; production writes 5.0 MB/s, applied are 10.0 MB/s: caught up in between 4 "
     "and 5 minutes"},
    {"few looks: a wide range",
     616,
     {{4, 0, 5}},
     CATCH_UP_NEARS,
     "316.0 MB (at least 60 s) behind; production writes 0 bytes/s, applied are 5.0 MB/s: caught up in "
     "between 30 and 120 seconds"},
    {"changing speed: a range between the halves",
     3016,
     {{20, 5, 8}, {20, 5, 11}},
     CATCH_UP_NEARS,
     "316.0 MB (63 s) behind; production writes 5.0 MB/s, applied are 9.5 MB/s: caught up in between "
     "50 and 100 seconds"},
    {"grows at first, for long", 100, {{20, 10, 1}}, CATCH_UP_NEVER, "will not converge at this rate"},
    {"grows at first, too few looks for a verdict",
     100,
     {{7, 10, 1}},
     CATCH_UP_UNKNOWN,
     "1.0 GB (104 s) behind; production writes 10.0 MB/s, applied are 1.0 MB/s"},
    {"grew at first, comes nearer now", 100, {{12, 10, 1}, {12, 1, 10}}, CATCH_UP_UNKNOWN, "at the earliest"},
    {"grew at first, and has won since", 1000, {{8, 10, 1}, {10, 1, 10}}, CATCH_UP_NEARS, "at the earliest"},
    {"neither nearer nor further", 100, {{20, 3, 3}}, CATCH_UP_NEVER, "will not converge at this rate"},
    {"falls behind now, gained before", 4000, {{12, 1, 20}, {12, 9, 1}}, CATCH_UP_UNKNOWN, "at the earliest"},
    {"stands", 100, {{10, 1, 1}, {10, 1, 0}}, CATCH_UP_STANDS, "nothing applied for 2 min"},
    {"stands while nothing is written", 100, {{10, 0, 0}}, CATCH_UP_STANDS, "nothing applied for 2 min"},
    {"stood, and goes on", 1000, {{10, 1, 0}, {1, 1, 20}}, CATCH_UP_NEARS, "at the earliest"},
    {"a window forgets", 100, {{40, 10, 1}, {44, 1, 9}}, CATCH_UP_NEARS, "caught up in about 26 seconds"},
    {"more looks than are kept", 5000, {{300, 1, 2}}, CATCH_UP_NEARS, "applied are 2.0 MB/s: caught up in"},
};

static struct catch_up_state play(int64_t behind_mb, const struct phase *phases)
{
    struct catch_up c = {0};
    double written = 10000.0 * MB, applied = written - (double)behind_mb * MB;
    int64_t at = 7;
    catch_up_add(&c, (struct catch_up_look){at, (lsn_t)written, (lsn_t)applied});
    for (size_t p = 0; p < 4; p++) {
        for (int i = 0; i < phases[p].looks; i++) {
            at += EVERY_MS;
            written += phases[p].written * MB * EVERY_MS / 1000;
            applied += phases[p].applied * MB * EVERY_MS / 1000;
            catch_up_add(&c, (struct catch_up_look){at, (lsn_t)written, (lsn_t)applied});
        }
    }
    return catch_up_state(&c, GOAL);
}

static void verdicts_and_words(void **state)
{
    (void)state;
    size_t wrong = 0;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct catch_up_state s = play(rows[i].behind_mb, rows[i].phases);
        struct buf out CLEANUP(buf_done) = BUF_INIT(1000);
        catch_up_say(&s, &out);
        if (s.verdict == rows[i].verdict && strstr(buf_text(&out), rows[i].said))
            continue;
        wrong++;
        print_error("%s: verdict %d: %s\n", rows[i].name, (int)s.verdict, buf_text(&out));
    }
    assert_int_equal(wrong, 0);
}

/* "Never" is a hard word: not one look before there are enough of them. */
static void never_is_said_late(void **state)
{
    (void)state;
    for (int looks = 0; looks < 30; looks++) {
        const struct phase p[4] = {{looks, 10, 1}};
        struct catch_up_state s = play(100, p);
        assert_int_equal(s.verdict == CATCH_UP_NEVER, looks + 1 >= CATCH_UP_ENOUGH_LOOKS);
    }
    struct catch_up c = {0}; /* many looks within a moment are not enough either */
    for (int i = 0; i < 100; i++)
        catch_up_add(&c, (struct catch_up_look){i * 1000, (lsn_t)(100 + i * 10) * MB, (lsn_t)(1 + i) * MB});
    assert_int_equal(catch_up_state(&c, GOAL).verdict, CATCH_UP_UNKNOWN);
}

static void lag_in_time(void **state)
{
    (void)state;
    struct catch_up c = {0};
    assert_int_equal(catch_up_state(&c, 0).lag_ms, -1);
    for (int i = 0; i <= 10; i++) /* 100 bytes a second, applied 250 bytes behind */
        catch_up_add(&c, (struct catch_up_look){i * 1000, 1000 + (lsn_t)i * 100, 750 + (lsn_t)i * 100});
    struct catch_up_state s = catch_up_state(&c, 0);
    assert_int_equal(s.lag_ms, 2500);
    assert_int_equal(s.lag_bytes, 250);
    assert_false(s.lag_is_least);
}

/* Another server, or one that was restored: what was seen before says nothing of it. */
static void what_went_back_is_forgotten(void **state)
{
    (void)state;
    static const struct catch_up_look back[] = {{5000, 50, 40}, {5000, 500, 4}, {10, 500, 400}};
    for (size_t i = 0; i < ARRAY_LEN(back); i++) {
        struct catch_up c = {0};
        catch_up_add(&c, (struct catch_up_look){1000, 100, 10});
        catch_up_add(&c, (struct catch_up_look){2000, 200, 20});
        catch_up_add(&c, back[i]);
        assert_int_equal(c.n, 1);
        assert_int_equal(catch_up_state(&c, 0).write_rate, -1);
        assert_int_equal(catch_up_state(&c, 0).stands_ms, 0);
    }
    struct catch_up twice = {0}; /* two looks at one moment are one */
    catch_up_add(&twice, (struct catch_up_look){1000, 100, 10});
    catch_up_add(&twice, (struct catch_up_look){1000, 120, 20});
    assert_int_equal(twice.n, 1);
    assert_int_equal(catch_up_state(&twice, 0).lag_bytes, 100);
}

static void sizes(void **state)
{
    (void)state;
    static const struct {
        int64_t bytes;
        const char *said;
    } all[] = {{0, "0 bytes"},
               {1023, "1023 bytes"},
               {1024, "1.0 kB"},
               {5 * MB / 2, "2.5 MB"},
               {INT64_C(107374182400), "100.0 GB"},
               {INT64_MAX, "8388608.0 TB"}};
    for (size_t i = 0; i < ARRAY_LEN(all); i++) {
        struct buf out CLEANUP(buf_done) = BUF_INIT(100);
        bytes_say(all[i].bytes, &out);
        assert_string_equal(buf_text(&out), all[i].said);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(verdicts_and_words),
        cmocka_unit_test(never_is_said_late),
        cmocka_unit_test(lag_in_time),
        cmocka_unit_test(what_went_back_is_forgotten),
        cmocka_unit_test(sizes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
