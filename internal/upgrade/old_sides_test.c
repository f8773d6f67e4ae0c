/* Who asks AWS for the old sides, and how often. The list of clusters is this file's own. */
#include "internal/upgrade/old_sides.h"

#include "internal/aws/rds.h"
#include "internal/base/testing.h"
#include "internal/upgrade/tags.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

enum { ASKERS = 8 };

static atomic_int calls, inside;
static bool refuses;
static pthread_barrier_t gate;
static bool is_gated;

const char *rds_tag_value(const struct rds_tags *t, const char *key)
{
    for (size_t i = 0; i < t->count; i++)
        if (strcmp(t->tags[i].key, key) == 0)
            return t->tags[i].value;
    return NULL;
}

bool rds_cluster_each(const struct aws_session *s, void (*each)(void *arg, const struct rds_cluster *c),
                      void *arg, struct err *e)
{
    static const struct rds_tag of_orders = {TAG_OLD_OF, "Orders"};
    static const struct rds_tag rolled_back[] = {{TAG_OLD_OF, "orders"},
                                                 {TAG_RESOURCE, TAG_RESOURCE_IN_PLACE}};
    static const struct rds_tag logical[] = {{TAG_OLD_OF, "orders"}, {TAG_RESOURCE, TAG_RESOURCE_LOGICAL}};
    const bool is_west = s->region && strcmp(s->region, "eu-west-1") == 0;
    atomic_fetch_add(&calls, 1);
    assert_int_equal(atomic_fetch_add(&inside, 1), 0);
    if (is_gated)
        (void)pthread_barrier_wait(&gate);
    each(arg, &(struct rds_cluster){.identifier = "orders", .resource_id = "cluster-A"});
    each(arg, &(struct rds_cluster){
                  .identifier = "orders-upgraded", .resource_id = "cluster-C", .tags = {rolled_back, 2}});
    each(arg,
         &(struct rds_cluster){.identifier = "orders-old", .resource_id = "cluster-D", .tags = {logical, 2}});
    if (!is_west)
        each(arg, &(struct rds_cluster){
                      .identifier = "orders-old1", .resource_id = "cluster-B", .tags = {&of_orders, 1}});
    atomic_fetch_sub(&inside, 1);
    return !refuses || err_set(e, ERR_THROTTLED, "Rate exceeded");
}

struct scene {
    struct clock_fake clock;
    struct old_sides *k;
    struct arena *a;
};

static int set_up(void **state)
{
    static struct scene s;
    atomic_store(&calls, 0);
    refuses = is_gated = false;
    clock_fake_init(&s.clock, 0);
    s.k = old_sides_new(&s.clock.clock);
    s.a = arena_new();
    *state = &s;
    return 0;
}

static int tear_down(void **state)
{
    struct scene *s = *state;
    old_sides_free(s->k);
    arena_free(s->a);
    return 0;
}

static const char *ask(struct scene *s, const char *region, const char *cluster)
{
    const struct aws_session session = {.arena = s->a, .region = region};
    const char *id = NULL;
    struct err e = ERR_INIT;
    assert_true(old_sides_find(s->k, &session, cluster, &id, &e));
    return id;
}

static void test_one_answer_serves_for_ten_seconds(void **state)
{
    struct scene *s = *state;
    assert_string_equal(ask(s, NULL, "orders"), "cluster-B");
    assert_null(ask(s, NULL, "billing"));
    s->clock.mono += OLD_SIDES_MS - 1;
    assert_string_equal(ask(s, NULL, "ORDERS"), "cluster-B");
    assert_int_equal(atomic_load(&calls), 1);
    s->clock.mono += 1;
    assert_string_equal(ask(s, NULL, "orders"), "cluster-B");
    assert_int_equal(atomic_load(&calls), 2);
}

static void test_regions_are_asked_apart(void **state)
{
    struct scene *s = *state;
    assert_string_equal(ask(s, "eu-central-1", "orders"), "cluster-B");
    assert_null(ask(s, "eu-west-1", "orders"));
    assert_int_equal(atomic_load(&calls), 2);
}

static void test_a_refusal_serves_nobody_else(void **state)
{
    struct scene *s = *state;
    const struct aws_session session = {.arena = s->a};
    const char *id = "untouched";
    struct err e = ERR_INIT;
    refuses = true;
    assert_false(old_sides_find(s->k, &session, "orders", &id, &e));
    assert_int_equal(e.code, ERR_THROTTLED);
    assert_string_equal(id, "untouched");
    refuses = false;
    assert_string_equal(ask(s, NULL, "orders"), "cluster-B");
}

static void *ask_alone(void *arg)
{
    struct scene *s = arg;
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    const struct aws_session session = {.arena = a};
    const char *id = NULL;
    struct err e = ERR_INIT;
    return old_sides_find(s->k, &session, "orders", &id, &e) && id && strcmp(id, "cluster-B") == 0 ? s : NULL;
}

/* The one that asks is held inside the call until all the others have been started. */
static void test_askers_of_one_moment_share_one_call(void **state)
{
    struct scene *s = *state;
    pthread_t t[ASKERS];
    is_gated = true;
    assert_int_equal(pthread_barrier_init(&gate, NULL, 2), 0);
    for (int i = 0; i < ASKERS; i++)
        assert_int_equal(pthread_create(&t[i], NULL, ask_alone, s), 0);
    (void)pthread_barrier_wait(&gate);
    for (int i = 0; i < ASKERS; i++) {
        void *found = NULL;
        assert_int_equal(pthread_join(t[i], &found), 0);
        assert_non_null(found);
    }
    (void)pthread_barrier_destroy(&gate);
    assert_int_equal(atomic_load(&calls), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_one_answer_serves_for_ten_seconds, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_regions_are_asked_apart, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_refusal_serves_nobody_else, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_askers_of_one_moment_share_one_call, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
