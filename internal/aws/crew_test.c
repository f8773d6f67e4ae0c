#include "internal/aws/crew.h"
#include "internal/base/testing.h"

#include <pthread.h>
#include <stdatomic.h>

enum { ASKERS = 24, CREW = 3, ROUNDS = 50 };

struct tally {
    struct crew *crew;
    atomic_int inside, most, done;
};

struct job {
    struct tally *tally;
    pthread_t ran_on, inner_ran_on;
    bool is_done;
};

static void inner(void *of)
{
    struct job *j = of;
    j->inner_ran_on = pthread_self();
}

static void work(void *of)
{
    struct job *j = of;
    struct tally *t = j->tally;
    int now = atomic_fetch_add(&t->inside, 1) + 1;
    for (int most = atomic_load(&t->most); now > most;)
        if (atomic_compare_exchange_weak(&t->most, &most, now))
            break;
    j->ran_on = pthread_self();
    crew_run(t->crew, inner, j);
    j->is_done = true;
    (void)atomic_fetch_sub(&t->inside, 1);
}

static void *ask(void *of)
{
    struct tally *t = of;
    for (int i = 0; i < ROUNDS; i++) {
        struct job j = {.tally = t};
        crew_run(t->crew, work, &j);
        bool elsewhere = !pthread_equal(j.ran_on, pthread_self());
        (void)atomic_fetch_add(&t->done, j.is_done && elsewhere && pthread_equal(j.inner_ran_on, j.ran_on));
    }
    return NULL;
}

static void many_are_served_by_few(void **state)
{
    (void)state;
    struct tally t = {.crew = crew_new(CREW)};
    pthread_t askers[ASKERS];
    for (int i = 0; i < ASKERS; i++)
        assert_int_equal(pthread_create(&askers[i], NULL, ask, &t), 0);
    for (int i = 0; i < ASKERS; i++)
        (void)pthread_join(askers[i], NULL);
    assert_int_equal(atomic_load(&t.done), ASKERS * ROUNDS);
    assert_in_range(atomic_load(&t.most), 1, CREW);
    crew_free(t.crew);
}

static void without_a_thread_the_caller_does_it(void **state)
{
    (void)state;
    struct tally t = {.crew = crew_new(0)};
    struct job j = {.tally = &t};
    crew_run(t.crew, work, &j);
    assert_true(j.is_done && pthread_equal(j.ran_on, pthread_self()));
    crew_free(t.crew);
    crew_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(many_are_served_by_few),
        cmocka_unit_test(without_a_thread_the_caller_does_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
