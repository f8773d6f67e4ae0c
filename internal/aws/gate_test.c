#include "internal/aws/gate.h"
#include "internal/base/testing.h"

#include <stdatomic.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { PLACES = 3, WALKERS = 40, ROUNDS = 200 };

/* A wall clock that is put back an hour right after it was read: a moment taken from it is an hour ahead of
 * the one the kernel waits by. In the place of the C library's, for this program. */
int clock_gettime(clockid_t id, struct timespec *ret)
{
    long failed = syscall(SYS_clock_gettime, id, ret);
    if (id == CLOCK_REALTIME)
        ret->tv_sec += 3600;
    return (int)failed;
}

struct yard {
    struct gate gate;
    struct stop *stop;
    atomic_int inside, most, waiting;
    atomic_bool let_in;
};

static void *wait_for_a_place(void *of)
{
    struct yard *y = of;
    (void)atomic_fetch_add(&y->waiting, 1);
    atomic_store(&y->let_in, gate_enter(&y->gate, y->stop));
    return NULL;
}

static void request(struct yard *y)
{
    stop_request(y->stop); /* and signals nobody */
}

static void leave(struct yard *y)
{
    gate_leave(&y->gate);
}

/* Who waits is let in by one who leaves, and sees a request without one: in seconds, or ctest ends it. */
static void a_waiter_sees_both(void **state)
{
    (void)state;
    static const struct {
        void (*act)(struct yard *);
        bool is_let_in;
    } rows[] = {{leave, true}, {request, false}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct yard y = {.stop = stop_new()};
        pthread_t waiter;
        gate_init(&y.gate, 1);
        assert_true(gate_enter(&y.gate, y.stop));
        assert_false(gate_try(&y.gate));
        assert_int_equal(pthread_create(&waiter, NULL, wait_for_a_place, &y), 0);
        while (atomic_load(&y.waiting) == 0)
            (void)stop_wait(y.stop, 1);
        (void)stop_wait(y.stop, 50); /* most likely it waits by now; the outcome is the same if it does not */
        rows[i].act(&y);
        (void)pthread_join(waiter, NULL);
        assert_int_equal(atomic_load(&y.let_in), rows[i].is_let_in);
        gate_done(&y.gate);
        stop_free(y.stop);
    }
}

static void *walk(void *of)
{
    struct yard *y = of;
    for (int i = 0; i < ROUNDS; i++) {
        if (!gate_enter(&y->gate, y->stop))
            return y;
        int now = atomic_fetch_add(&y->inside, 1) + 1;
        for (int most = atomic_load(&y->most); now > most;)
            if (atomic_compare_exchange_weak(&y->most, &most, now))
                break;
        (void)atomic_fetch_sub(&y->inside, 1);
        gate_leave(&y->gate);
    }
    return NULL;
}

static void many_pass_and_never_more_than_places(void **state)
{
    (void)state;
    struct yard y = {.stop = stop_new()};
    pthread_t walkers[WALKERS];
    gate_init(&y.gate, PLACES);
    for (size_t i = 0; i < WALKERS; i++)
        assert_int_equal(pthread_create(&walkers[i], NULL, walk, &y), 0);
    for (size_t i = 0; i < WALKERS; i++) {
        void *stopped = NULL;
        (void)pthread_join(walkers[i], &stopped);
        assert_null(stopped);
    }
    assert_in_range(atomic_load(&y.most), 1, PLACES);
    for (int i = 0; i < PLACES; i++)
        assert_true(gate_try(&y.gate));
    assert_false(gate_try(&y.gate));
    gate_done(&y.gate);
    stop_free(y.stop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_waiter_sees_both),
        cmocka_unit_test(many_pass_and_never_more_than_places),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
