/* Subscriptions of a clone: what is made again after a process that died, and what never may be. The servers,
 * and the clone's tags, are this file's own. */
#include "internal/base/testing.h"
#include "internal/pg/logical.h"
#include "internal/pg/replica.h"
#include "internal/upgrade/errors.h"
#include "internal/upgrade/failing.h"
#include "internal/upgrade/logical.h"
#include "internal/upgrade/tags.h"

#include <stdlib.h>
#include <string.h>

struct pg {
    int nothing;
};

enum { TAGS_MAX = 4 };

static struct {
    struct pg_subscription s;
    struct rds_tag tags[TAGS_MAX];
    struct rds_tags all;
    int made, begun, enabled;
    bool tag_fails, was_noted_first, is_failing, has_ddl;
} world;

/* ---- the world ---- */

const char *rds_tag_value(const struct rds_tags *t, const char *key)
{
    for (size_t i = 0; t && i < t->count; i++)
        if (strcmp(t->tags[i].key, key) == 0)
            return t->tags[i].value;
    return NULL;
}

bool tag_run(struct upgrade *u, const char *key, const char *value, struct err *e)
{
    (void)u;
    (void)value;
    assert_true(world.all.count < TAGS_MAX);
    if (world.tag_fails)
        return err_set(e, ERR_UNAVAILABLE, "no answer");
    world.tags[world.all.count++] = (struct rds_tag){key, "2026-01-01T00:00:00Z"};
    return true;
}

bool world_need(struct upgrade *u, struct err *e)
{
    (void)u;
    (void)e;
    return true;
}

lsn_t noted_position(const struct world *w)
{
    (void)w;
    return 1000;
}

bool side_open(struct upgrade *u, enum side side, const char *database, bool writable, struct pg **ret,
               struct err *e)
{
    (void)u;
    (void)side;
    (void)database;
    (void)writable;
    (void)e;
    *ret = calloc(1, sizeof **ret);
    assert_non_null(*ret);
    return true;
}

void pg_close(struct pg *c)
{
    free(c);
}

bool run_each_database(struct upgrade *u, enum side side, bool writable,
                       bool (*each)(struct upgrade *u, struct pg *c, const char *database, void *arg,
                                    struct err *e),
                       void *arg, struct err *e)
{
    struct pg c = {0};
    (void)side;
    (void)writable;
    return each(u, &c, "shop", arg, e);
}

bool pg_subscription_find(struct pg *c, struct arena *a, const char *name, struct pg_subscription *ret,
                          struct err *e)
{
    (void)c;
    (void)a;
    (void)e;
    assert_string_equal(name, LOGICAL_NAME);
    *ret = world.s;
    return true;
}

bool pg_subscription_make(struct pg *c, const char *name, const struct pg_source *from,
                          const char *publication, const char *slot, struct err *e)
{
    (void)c;
    (void)name;
    (void)from;
    (void)publication;
    (void)slot;
    (void)e;
    world.made++;
    world.s.exists = true;
    return true;
}

bool pg_subscription_connect(struct pg *c, const char *name, const struct pg_source *from, struct err *e)
{
    (void)c;
    (void)name;
    (void)from;
    (void)e;
    return true;
}

bool pg_subscription_start_at(struct pg *c, const char *name, lsn_t at, struct err *e)
{
    (void)c;
    (void)name;
    (void)e;
    world.begun++;
    world.s.advanced = true;
    world.s.origin = at;
    return true;
}

bool pg_subscription_enable(struct pg *c, const char *name, bool enabled, struct err *e)
{
    (void)c;
    (void)name;
    (void)e;
    world.enabled++;
    world.s.enabled = enabled;
    world.was_noted_first = rds_tag_value(&world.all, TAG_ENABLED_AT) != NULL;
    return true;
}

bool slot_name(struct upgrade *u, struct pg *source, const char **ret, struct err *e)
{
    (void)u;
    (void)source;
    (void)e;
    *ret = "aurora_upgrade_1";
    return true;
}

bool pg_replication_role_password(struct pg *c, const char *name, const char *password, struct err *e)
{
    (void)c;
    (void)name;
    (void)password;
    (void)e;
    return true;
}

bool pg_marker_find(struct pg *c, const char *token, int64_t *ret_n, lsn_t *ret_at, struct err *e)
{
    (void)c;
    (void)token;
    (void)e;
    *ret_n = 1;
    *ret_at = 0;
    return true;
}

bool pg_marker_write(struct pg *c, const char *token, struct err *e)
{
    (void)c;
    (void)token;
    (void)e;
    return true;
}

bool rds_log_files(const struct aws_session *s, const char *instance, const char *containing,
                   const struct rds_log_file **ret, size_t *ret_n, struct err *e)
{
    (void)s;
    (void)instance;
    (void)containing;
    (void)e;
    *ret = NULL;
    *ret_n = 0;
    return true;
}

bool rds_log_tail(const struct aws_session *s, const char *instance, const char *file, int lines,
                  const char **ret, struct err *e)
{
    (void)s;
    (void)instance;
    (void)file;
    (void)lines;
    (void)ret;
    return err_set(e, ERR_NOT_FOUND, "no log");
}

bool fails_again(struct upgrade *u, const char *database, const struct pg_subscription *s)
{
    (void)u;
    (void)database;
    (void)s;
    return world.is_failing;
}

bool catalogue_on_both(struct upgrade *u, bool *ret, struct err *e)
{
    (void)u;
    *ret = !world.has_ddl;
    return *ret || upgrade_fail(e, E_CATALOGUE_CHANGED, "column public.t.x was added");
}

static bool yes(struct upgrade *u, bool *ret, struct err *e)
{
    (void)u;
    (void)e;
    *ret = true;
    return true;
}

bool retained_wal_check(struct upgrade *u, bool *ret, struct err *e)
{
    return yes(u, ret, e);
}

bool replication_caught_up(struct upgrade *u, bool *ret, struct err *e)
{
    return yes(u, ret, e);
}

bool catch_up_watch(struct upgrade *u, struct err *e)
{
    (void)u;
    (void)e;
    return true;
}

/* ---- a run ---- */

struct run {
    struct upgrade u;
    struct clock_fake clock;
    struct rds_cluster clone, production;
};

static void begin(struct run *r)
{
    memset(&world, 0, sizeof world);
    world.all.tags = world.tags;
    *r = (struct run){.clone = {.identifier = "orders-next"}, .production = {.identifier = "orders"}};
    clock_fake_init(&r->clock, 1700000000000);
    r->u = (struct upgrade){.arena = arena_new(), .look = arena_new(), .clock = &r->clock.clock};
    r->u.request.cluster = "orders";
    r->u.world.green = &r->clone;
    r->u.world.production = &r->production;
    r->u.world.facts = &world.all;
}

static void end(struct run *r)
{
    arena_free(r->u.look);
    arena_free(r->u.arena);
}

/* As a walk goes over rows: each that is not done is run. */
static bool walk(struct run *r, struct err *e)
{
    static const struct {
        bool (*is_done)(struct upgrade *u, bool *ret, struct err *e);
        bool (*run)(struct upgrade *u, struct err *e);
    } rows[] = {
        {subscriptions_done, subscriptions_run}, {origins_done, origins_run}, {enabled_done, enabled_run}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        bool done = false;
        if (!rows[i].is_done(&r->u, &done, e) || (!done && !rows[i].run(&r->u, e)))
            return false;
    }
    return true;
}

/* ---- cases ---- */

static void it_begins_once_and_is_noted_before(void **state)
{
    (void)state;
    struct run r;
    struct err e = ERR_INIT;
    begin(&r);
    world.tag_fails = true;
    assert_false(walk(&r, &e));
    assert_int_equal(world.enabled, 0);
    world.tag_fails = false;
    assert_true(walk(&r, &e));
    assert_true(walk(&r, &e));
    assert_int_equal(world.made, 1);
    assert_int_equal(world.begun, 1);
    assert_int_equal(world.enabled, 1);
    assert_true(world.was_noted_first);
    assert_int_equal(world.all.count, 1);
    end(&r);
}

static void one_that_a_dead_process_left_is_gone_on_with(void **state)
{
    static const struct pg_subscription left[] = {{.exists = true},
                                                  {.exists = true, .advanced = true, .origin = 1000}};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(left); i++) {
        struct run r;
        struct err e = ERR_INIT;
        begin(&r);
        world.s = left[i];
        assert_true(walk(&r, &e));
        assert_int_equal(world.made, 0);
        assert_true(world.s.enabled && world.s.advanced);
        end(&r);
    }
}

/* Whoever disabled it took nothing away. */
static void a_disabled_one_is_enabled_again(void **state)
{
    (void)state;
    struct run r;
    struct err e = ERR_INIT;
    begin(&r);
    assert_true(walk(&r, &e));
    world.s.enabled = false;
    assert_true(walk(&r, &e));
    assert_int_equal(world.enabled, 2);
    assert_int_equal(world.begun, 1);
    end(&r);
}

static void one_that_was_dropped_is_never_made_anew(void **state)
{
    static const struct pg_subscription after[] = {{0}, {.exists = true}, {.exists = true, .enabled = true}};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(after); i++) {
        struct run r;
        struct err e = ERR_INIT;
        begin(&r);
        assert_true(walk(&r, &e));
        world.s = after[i];
        assert_false(walk(&r, &e));
        assert_string_equal(e.id, "AUR0215");
        assert_non_null(
            strstr(e.text, "clone orders-next can never catch up: the subscription of database shop"));
        assert_int_equal(world.made, 1);
        assert_int_equal(world.begun, 1);
        end(&r);
    }
}

static void nor_is_it_waited_for(void **state)
{
    (void)state;
    struct run r;
    struct err e = ERR_INIT, disabled = ERR_INIT;
    bool is = false;
    begin(&r);
    assert_true(walk(&r, &e));
    assert_true(clone_caught_up(&r.u, &is, &e) && is);
    world.s.enabled = false;
    assert_false(clone_caught_up(&r.u, &is, &disabled));
    assert_string_equal(disabled.id, "AUR0217");
    world.s.exists = false;
    assert_false(following(&r.u, &is, &e));
    assert_string_equal(e.id, "AUR0215");
    end(&r);
}

/* The worker says what is missing, DDL says why. */
static void a_worker_that_fails_names_the_ddl(void **state)
{
    (void)state;
    static const struct {
        bool has_ddl;
        const char *id, *says;
    } rows[] = {{false, "AUR0217", "the subscription of database shop"},
                {true, "AUR0219", "column public.t.x was added"}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct run r;
        struct err e = ERR_INIT;
        bool is = false;
        begin(&r);
        assert_true(walk(&r, &e));
        world.is_failing = true;
        world.has_ddl = rows[i].has_ddl;
        assert_false(clone_caught_up(&r.u, &is, &e));
        assert_string_equal(e.id, rows[i].id);
        assert_non_null(strstr(e.text, rows[i].says));
        end(&r);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_begins_once_and_is_noted_before),
        cmocka_unit_test(one_that_a_dead_process_left_is_gone_on_with),
        cmocka_unit_test(a_disabled_one_is_enabled_again),
        cmocka_unit_test(one_that_was_dropped_is_never_made_anew),
        cmocka_unit_test(nor_is_it_waited_for),
        cmocka_unit_test(a_worker_that_fails_names_the_ddl),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
