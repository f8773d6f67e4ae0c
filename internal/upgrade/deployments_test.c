/* Who asks AWS for the deployments, and what the others get. The list is this file's own. */
#include "internal/upgrade/deployments.h"

#include "internal/base/testing.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

enum { ASKERS = 8 };

static atomic_int calls, inside;
static bool refuses, is_gated;
static sem_t begun, may_end;

/* Each answer names its own number. */
bool rds_bluegreen_each(const struct aws_session *s, void (*each)(void *arg, const struct rds_bluegreen *d),
                        void *arg, struct err *e)
{
    char name[32];
    int number = atomic_fetch_add(&calls, 1) + 1;
    (void)s;
    assert_int_equal(atomic_fetch_add(&inside, 1), 0);
    if (is_gated) {
        (void)sem_post(&begun);
        (void)sem_wait(&may_end);
    }
    (void)snprintf(name, sizeof name, "bgd-%d", number);
    each(arg,
         &(struct rds_bluegreen){.identifier = name, .source = "s", .target = "t", .status = "AVAILABLE"});
    atomic_fetch_sub(&inside, 1);
    return !refuses || err_set(e, ERR_THROTTLED, "Rate exceeded");
}

static int set_up(void **state)
{
    (void)state;
    atomic_store(&calls, 0);
    refuses = is_gated = false;
    (void)sem_init(&begun, 0, 0);
    (void)sem_init(&may_end, 0, 0);
    return 0;
}

struct asker {
    pthread_t thread;
    struct stop *stop;
    bool ok;
    struct err e;
    char seen[32];
};

static void see(void *arg, const struct deployment_row *d)
{
    struct asker *who = arg;
    (void)snprintf(who->seen, sizeof who->seen, "%s", d->identifier);
}

static void *ask(void *arg)
{
    struct asker *who = arg;
    CLEANUP(arena_cleanup) struct arena *a = arena_new();
    const struct aws_session s = {.arena = a, .stop = who->stop};
    who->ok = deployments_each(&s, see, who, &who->e);
    return NULL;
}

static void begin(struct asker *who, struct stop *stop)
{
    *who = (struct asker){.stop = stop};
    assert_int_equal(pthread_create(&who->thread, NULL, ask, who), 0);
}

static void every_answer_is_new(void **state)
{
    (void)state;
    struct asker who = {0};
    for (int i = 1; i <= 3; i++) {
        char wanted[32];
        (void)ask(&who);
        (void)snprintf(wanted, sizeof wanted, "bgd-%d", i);
        assert_true(who.ok);
        assert_string_equal(who.seen, wanted);
    }
}

/* The first is being answered when the others come: they share the second answer, and none takes the first.
 */
static void nobody_joins_what_has_begun(void **state)
{
    (void)state;
    struct asker first, others[ASKERS];
    is_gated = true;
    begin(&first, NULL);
    (void)sem_wait(&begun);
    for (int i = 0; i < ASKERS; i++)
        begin(&others[i], NULL);
    for (int i = 0; i < ASKERS + 1; i++)
        (void)sem_post(&may_end);
    assert_int_equal(pthread_join(first.thread, NULL), 0);
    for (int i = 0; i < ASKERS; i++) {
        assert_int_equal(pthread_join(others[i].thread, NULL), 0);
        assert_true(others[i].ok);
        assert_string_not_equal(others[i].seen, "bgd-1");
    }
    assert_string_equal(first.seen, "bgd-1");
}

static void a_refusal_is_told(void **state)
{
    (void)state;
    struct asker who = {0};
    refuses = true;
    (void)ask(&who);
    assert_false(who.ok);
    assert_int_equal(who.e.code, ERR_THROTTLED);
    assert_string_equal(who.seen, "");
    refuses = false;
    who = (struct asker){0};
    (void)ask(&who);
    assert_true(who.ok);
}

static void stop_ends_the_wait(void **state)
{
    (void)state;
    struct asker first, second;
    CLEANUP(stop_cleanup) struct stop *stop = stop_new();
    is_gated = true;
    begin(&first, NULL);
    (void)sem_wait(&begun);
    stop_request(stop);
    begin(&second, stop);
    assert_int_equal(pthread_join(second.thread, NULL), 0);
    assert_false(second.ok);
    assert_int_equal(second.e.code, ERR_CANCELLED);
    (void)sem_post(&may_end);
    assert_int_equal(pthread_join(first.thread, NULL), 0);
    assert_true(first.ok);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(every_answer_is_new, set_up),
        cmocka_unit_test_setup(nobody_joins_what_has_begun, set_up),
        cmocka_unit_test_setup(a_refusal_is_told, set_up),
        cmocka_unit_test_setup(stop_ends_the_wait, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
