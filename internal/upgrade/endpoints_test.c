/* The order in which custom endpoints leave one cluster and arrive at the other, in a Region of its own:
 * names are unique, five fit on a cluster, everything takes its time, and the process may die after every
 * step. */
#include "internal/base/base.h"
#include "internal/base/testing.h"
#include "internal/upgrade/endpoints_move.h"

#include <stdio.h>
#include <string.h>

enum { STEPS_MAX = 200 };

static char names[2 * ENDPOINTS_MAX + 1][32];
static const char *name_of(size_t i, bool is_copy)
{
    char *out = names[i + (is_copy ? ENDPOINTS_MAX : 0)];
    (void)snprintf(out, sizeof names[0], is_copy ? "e%zu-copy" : "e%zu", i);
    return out;
}

static bool exists(const struct moving_side *s, const char *name)
{
    for (size_t i = 0; i < s->n; i++)
        if (strcmp(s->list[i].name, name) == 0)
            return true;
    return false;
}

static void add(struct moving_side *s, const struct moving_side *other, const char *name, const char *twin_of)
{
    assert_true(s->n < ENDPOINTS_MAX);
    assert_false(exists(s, name) || exists(other, name));
    s->list[s->n++] = (struct moving_endpoint){name, twin_of, false};
}

static void take(struct moving_side *s, size_t i)
{
    s->list[i] = s->list[--s->n];
}

/* Everything that was begun is over by then, what is deleted at once. */
static void settle(struct moving_side *s)
{
    for (size_t i = 0; i < s->n; i++)
        s->list[i].is_available = true;
}

static void act(struct move m, struct moving_side *old_side, struct moving_side *new_side)
{
    struct moving_side *of = m.of_new ? new_side : old_side;
    const struct moving_endpoint x = of->list[m.index];
    size_t number = (size_t)((x.twin_of ? x.twin_of : x.name)[1] - '0');
    assert_true(x.is_available);
    if (m.act == MOVE_COPY_THERE)
        add(new_side, old_side, name_of(number, true), name_of(number, false));
    else if (m.act == MOVE_COPY_HERE)
        add(old_side, new_side, name_of(number, true), name_of(number, false));
    else if (m.act == MOVE_MAKE)
        add(new_side, old_side, x.twin_of, NULL);
    else if (m.act == MOVE_REMOVE)
        take(of, m.index);
    else
        fail_msg("nothing can be done, and nothing is under way");
}

/* What was there is always there under its name, or its copy is: nothing is forgotten. */
static void expect_known(const struct moving_side *old_side, const struct moving_side *new_side, size_t n)
{
    for (size_t i = 0; i < n; i++)
        assert_true(exists(old_side, name_of(i, false)) || exists(new_side, name_of(i, false)) ||
                    exists(old_side, name_of(i, true)) || exists(new_side, name_of(i, true)));
}

/* True: over; false: `*budget` acts are done, and the process with them. */
static bool walk_until(enum move_phase phase, struct moving_side *old_side, struct moving_side *new_side,
                       size_t n, int *budget)
{
    for (int step = 0; step < STEPS_MAX; step++) {
        struct move m = endpoints_next(phase, old_side, new_side);
        if (m.act == MOVE_WAIT) {
            settle(old_side);
            settle(new_side);
            m = endpoints_next(phase, old_side, new_side);
        }
        if (m.act == MOVE_DONE)
            return true;
        if ((*budget)-- == 0)
            return false;
        act(m, old_side, new_side);
        expect_known(old_side, new_side, n);
    }
    fail_msg("phase %d has no end", (int)phase);
    return false;
}

static void walk(enum move_phase phase, struct moving_side *old_side, struct moving_side *new_side, size_t n)
{
    int budget = STEPS_MAX;
    assert_true(walk_until(phase, old_side, new_side, n, &budget));
}

/* An apply that was killed after `acts` of them, whatever of it AWS has ended, and the next one: rows behind
 * the point of no return are all asked again. False: the first one came to the end. */
static bool cut_and_go_on(size_t n, int acts, bool settled)
{
    static const enum move_phase phases[] = {MOVE_COPY, MOVE_LEAVE, MOVE_ARRIVE};
    struct moving_side old_side = {0}, new_side = {0};
    size_t reached = 0;
    for (size_t i = 0; i < n; i++)
        add(&old_side, &new_side, name_of(i, false), NULL);
    settle(&old_side);
    while (reached < ARRAY_LEN(phases) && walk_until(phases[reached], &old_side, &new_side, n, &acts))
        reached++;
    if (settled) {
        settle(&old_side);
        settle(&new_side);
    }
    for (size_t k = reached > 1 ? 1 : reached; k < ARRAY_LEN(phases); k++) {
        if (reached > 1 && k == 1)
            assert_int_equal(endpoints_next(MOVE_LEAVE, &old_side, &new_side).act, MOVE_DONE);
        walk(phases[k], &old_side, &new_side, n);
    }
    assert_true(old_side.n == 0 && new_side.n == n);
    for (size_t i = 0; i < n; i++)
        assert_true(exists(&new_side, name_of(i, false)));
    return reached < ARRAY_LEN(phases);
}

static void killed_after_any_act(void **state)
{
    int cases = 0;
    (void)state;
    for (size_t n = 1; n <= ENDPOINTS_MAX; n++)
        for (int acts = 0; cut_and_go_on(n, acts, true); acts++, cases += 2)
            assert_true(cut_and_go_on(n, acts, false));
    print_message("%d cases\n", cases);
    assert_true(cases > 100);
}

static void all_arrive_whatever_their_number(void **state)
{
    (void)state;
    for (size_t n = 0; n <= ENDPOINTS_MAX; n++)
        for (int copied = 0; copied < 2; copied++) {
            struct moving_side old_side = {0}, new_side = {0};
            for (size_t i = 0; i < n; i++)
                add(&old_side, &new_side, name_of(i, false), NULL);
            settle(&old_side);
            if (copied)
                walk(MOVE_COPY, &old_side, &new_side, n);
            assert_int_equal(old_side.n, n);
            walk(MOVE_LEAVE, &old_side, &new_side, n);
            for (size_t i = 0; i < old_side.n; i++)
                assert_non_null(old_side.list[i].twin_of);
            walk(MOVE_ARRIVE, &old_side, &new_side, n);
            assert_int_equal(old_side.n, 0);
            assert_int_equal(new_side.n, n);
            for (size_t i = 0; i < n; i++)
                assert_true(exists(&new_side, name_of(i, false)));
        }
}

/* Before its copy is there, and able to tell what it is, nothing is taken away. */
static void an_original_outlives_the_making_of_its_copy(void **state)
{
    (void)state;
    struct moving_side old_side = {.list = {{"e0", NULL, true}}, .n = 1},
                       new_side = {.list = {{"e0-copy", "e0", false}}, .n = 1};
    assert_int_equal(endpoints_next(MOVE_LEAVE, &old_side, &new_side).act, MOVE_WAIT);
    new_side.list[0].is_available = true;
    assert_int_equal(endpoints_next(MOVE_LEAVE, &old_side, &new_side).act, MOVE_REMOVE);
    assert_int_equal(endpoints_next(MOVE_COPY, &old_side, &new_side).act, MOVE_DONE);
}

static void a_copy_outlives_the_making_of_its_original(void **state)
{
    (void)state;
    const struct moving_side old_side = {.n = 0};
    struct moving_side new_side = {.list = {{"e0-copy", "E0", true}, {"e0", NULL, false}}, .n = 2};
    assert_int_equal(endpoints_next(MOVE_ARRIVE, &old_side, &new_side).act, MOVE_WAIT);
    new_side.list[1].is_available = true;
    struct move m = endpoints_next(MOVE_ARRIVE, &old_side, &new_side);
    assert_true(m.act == MOVE_REMOVE && m.of_new && m.index == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_arrive_whatever_their_number),
        cmocka_unit_test(killed_after_any_act),
        cmocka_unit_test(an_original_outlives_the_making_of_its_copy),
        cmocka_unit_test(a_copy_outlives_the_making_of_its_original),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
