#include "internal/base/testing.h"

#include "internal/base/stop.h"
#include "internal/rpc/pool.h"

#include <poll.h>
#include <stdatomic.h>

enum { JOBS = 40 };

struct counts {
    atomic_int running, peak, done;
    struct stop *gate, *expected_peak;
    int expected;
};

struct counted_job {
    struct pool_job job;
    struct counts *counts;
};

static void raise_peak(struct counts *c, int now)
{
    for (int peak = atomic_load(&c->peak); now > peak;)
        if (atomic_compare_exchange_weak(&c->peak, &peak, now))
            return;
}

static void run(void *of)
{
    struct counts *c = ((struct counted_job *)of)->counts;
    int now = atomic_fetch_add(&c->running, 1) + 1;
    raise_peak(c, now);
    if (now == c->expected)
        stop_request(c->expected_peak);
    assert_true(stop_wait(c->gate, 60000));
    (void)atomic_fetch_sub(&c->running, 1);
    (void)atomic_fetch_add(&c->done, 1);
}

/* All jobs wait at a gate: as many as allowed stand there at once, and all were run in the end. */
static void fills_up_to_its_maximum(void **state)
{
    static const struct {
        size_t max;
        int peak;
    } rows[] = {{1, 1}, {3, 3}, {JOBS, JOBS}, {2048, JOBS}};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct counts c = {.gate = stop_new(), .expected_peak = stop_new(), .expected = rows[i].peak};
        struct counted_job jobs[JOBS];
        struct pool *p = pool_new(rows[i].max);
        for (size_t j = 0; j < JOBS; j++) {
            jobs[j] = (struct counted_job){.job = {.run = run, .of = &jobs[j]}, .counts = &c};
            assert_true(pool_submit(p, &jobs[j].job));
        }
        assert_true(stop_wait(c.expected_peak, 60000));
        assert_int_equal(atomic_load(&c.done), 0);
        stop_request(c.gate);
        pool_free(p); /* runs what is queued */
        assert_int_equal(atomic_load(&c.done), JOBS);
        assert_int_equal(atomic_load(&c.peak), rows[i].peak);
        stop_free(c.gate);
        stop_free(c.expected_peak);
    }
}

static void finish(void *of)
{
    stop_request(of);
}

/* One job after the other: a thread that is free is used again, else the third job would never run. */
static void reuses_threads(void **state)
{
    struct stop *done[100];
    struct pool_job jobs[ARRAY_LEN(done)];
    (void)state;
    struct pool *p = pool_new(2);
    for (size_t i = 0; i < ARRAY_LEN(done); i++) {
        done[i] = stop_new();
        jobs[i] = (struct pool_job){.run = finish, .of = done[i]};
        assert_true(pool_submit(p, &jobs[i]));
        assert_true(stop_wait(done[i], 60000));
    }
    pool_free(p);
    for (size_t i = 0; i < ARRAY_LEN(done); i++)
        stop_free(done[i]);
}

static void no_thread_no_job(void **state)
{
    (void)state;
    CLEANUP(pool_cleanup) struct pool *p = pool_new(0);
    struct pool_job job = {.run = finish, .of = NULL};
    assert_false(pool_submit(p, &job)); /* rather than waiting for a thread that never comes */
}

static void empty_pool_ends(void **state)
{
    (void)state;
    pool_free(pool_new(4));
    pool_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fills_up_to_its_maximum),
        cmocka_unit_test(reuses_threads),
        cmocka_unit_test(no_thread_no_job),
        cmocka_unit_test(empty_pool_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
