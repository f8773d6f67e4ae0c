/* Rows that lose what they work with, a server that restarts, and are done once more when it is back. */
#include "internal/base/testing.h"
#include "internal/flow/flow.h"

#include <string.h>

enum { R_CHECK, R_CHANGE, R_WAIT, R_FENCE, R_SWITCH, ROWS };

struct upgrade {
    bool done[ROWS];
    int row, times; /* which row loses its server, how often */
    int asked;      /* whether that is back */
    bool never_back;
    int findings;
};

static bool lost(struct upgrade *u, int row, struct err *e)
{
    if (u->row != row || u->times == 0)
        return false;
    u->times--;
    (void)err_set(e, ERR_UNAVAILABLE, "server lost");
    return true;
}

#define LOOKS(name, index)                                                                                   \
    static bool name##_done(struct upgrade *u, bool *ret, struct err *e)                                     \
    {                                                                                                        \
        *ret = true;                                                                                         \
        return !lost(u, index, e);                                                                           \
    }
#define CHANGES(name, index)                                                                                 \
    static bool name##_done(struct upgrade *u, bool *ret, struct err *e)                                     \
    {                                                                                                        \
        (void)e;                                                                                             \
        *ret = u->done[index];                                                                               \
        return true;                                                                                         \
    }                                                                                                        \
    static bool name##_run(struct upgrade *u, struct err *e)                                                 \
    {                                                                                                        \
        u->done[index] = !lost(u, index, e);                                                                 \
        return u->done[index];                                                                               \
    }
LOOKS(check, R_CHECK)
CHANGES(change, R_CHANGE)
LOOKS(wait, R_WAIT)
CHANGES(fence, R_FENCE)
CHANGES(cutover, R_SWITCH)

static void say(const struct upgrade *u, struct buf *out)
{
    (void)u;
    (void)buf_puts(out, "Does it.");
}

/* clang-format off */
static const struct step steps[ROWS] = {
    {.name = "check", .stage = STAGE_PREPARED, .kind = STEP_CHECK, .duration = "seconds",
     .describe = say, .is_done = check_done},
    {.name = "change", .stage = STAGE_PREPARED, .kind = STEP_CHANGE, .duration = "seconds",
     .describe = say, .equivalent = say, .is_done = change_done, .run = change_run},
    {.name = "wait", .stage = STAGE_PREPARED, .kind = STEP_WAIT, .duration = "minutes",
     .describe = say, .is_done = wait_done},
    {.name = "fence", .stage = STAGE_SWITCHED, .kind = STEP_CHANGE, .duration = "seconds", .blocks_writes = true,
     .describe = say, .equivalent = say, .is_done = fence_done, .run = fence_run},
    {.name = "switch", .stage = STAGE_SWITCHED, .kind = STEP_NO_RETURN, .duration = "minutes",
     .describe = say, .equivalent = say, .is_done = cutover_done, .run = cutover_run},
};
/* clang-format on */
static const struct flow flow = {.name = "toy", .steps = steps, .count = ROWS};

static bool is_back(void *arg, const struct err *why)
{
    struct upgrade *u = arg;
    if (why->code != ERR_UNAVAILABLE)
        return false;
    u->asked++;
    return !u->never_back;
}

static void note_finding(void *arg, const struct step *s, const struct err *finding)
{
    (void)s;
    assert_int_equal(finding->code, ERR_UNAVAILABLE);
    ((struct upgrade *)arg)->findings++;
}

static void test_again(void **state)
{
    (void)state;
    static const struct {
        int row, times;
        bool never_back, ends;
        int asked;
    } rows[] = {
        {R_CHECK, 1, false, true, 1},   {R_CHECK, 3, false, true, 3},
        {R_CHECK, 4, false, false, 3},  {R_CHANGE, 2, false, true, 2},
        {R_CHANGE, 4, false, false, 3}, {R_CHANGE, 1, true, false, 1},
        {R_WAIT, 3, false, true, 3},    {R_WAIT, 4, false, false, 3},
        {R_FENCE, 1, false, false, 0}, /* nobody can write until it is over: no waiting */
        {R_SWITCH, 1, false, false, 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct upgrade u = {.row = rows[i].row, .times = rows[i].times, .never_back = rows[i].never_back};
        struct clock_fake clock;
        struct err e = ERR_INIT;
        clock_fake_init(&clock, 0);
        const struct flow_run r = {.flow = &flow,
                                   .u = &u,
                                   .target = STAGE_SWITCHED,
                                   .clock = &clock.clock,
                                   .deadline_ms = 1000000,
                                   .poll_ms = 1000,
                                   .is_over = is_back,
                                   .is_over_arg = &u,
                                   .report = note_finding,
                                   .report_arg = &u};
        bool ok = flow_apply(&r, NULL, &e);
        assert_int_equal(ok, rows[i].ends);
        assert_int_equal(ok, e.code == ERR_NONE);
        assert_int_equal(u.asked, rows[i].asked);
        assert_int_equal(u.findings, rows[i].row == R_CHECK && !ok); /* what has passed is no finding */
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_again)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
