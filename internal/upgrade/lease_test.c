/* Who may work on a cluster. AWS's tags and the database's lock are this file's own. */
#include "internal/upgrade/lease.h"

#include "internal/base/testing.h"
#include "internal/pg/lock.h"
#include "internal/upgrade/errors.h"
#include "internal/upgrade/tags.h"

#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- the world ---- */

static struct {
    char tag[LEASE_TEXT]; /* on the deployment; "" none */
    int writes, removals, lists;
    bool is_gone;            /* the deployment */
    const char *overwritten; /* what another process writes right after us; NULL: nothing */
    bool lock_taken;         /* by another session */
    bool has_database, is_open;
    int lock_asked;
    /* the other process renews its tag each time we wait; NULL: it does not */
    const struct lease_holder *renews;
} aws;

static struct rds_tag present;

const char *rds_tag_value(const struct rds_tags *t, const char *key)
{
    for (size_t i = 0; i < t->count; i++)
        if (strcmp(t->tags[i].key, key) == 0)
            return t->tags[i].value;
    return NULL;
}

bool rds_tag_list(const struct aws_session *s, const char *arn, struct rds_tags *ret, struct err *e)
{
    aws.lists++;
    assert_string_equal(arn, "arn:aws:rds:eu-west-1:123456789012:deployment:bgd-1");
    if (aws.is_gone)
        return err_set(e, ERR_NOT_FOUND, "no such deployment");
    present = (struct rds_tag){TAG_HOLDER, arena_strdup(s->arena, aws.tag)};
    *ret = (struct rds_tags){&present, aws.tag[0] ? 1 : 0};
    return true;
}

bool rds_tag_add(const struct aws_session *s, const char *arn, struct rds_tags tags, struct err *e)
{
    (void)s;
    (void)arn;
    (void)e;
    assert_int_equal(tags.count, 1);
    assert_string_equal(tags.tags[0].key, TAG_HOLDER);
    (void)snprintf(aws.tag, sizeof aws.tag, "%s", aws.overwritten ? aws.overwritten : tags.tags[0].value);
    aws.writes++;
    return true;
}

bool rds_tag_remove(const struct aws_session *s, const char *arn, const char *const *keys, struct err *e)
{
    (void)s;
    (void)arn;
    (void)e;
    assert_string_equal(keys[0], TAG_HOLDER);
    aws.tag[0] = '\0';
    aws.removals++;
    return true;
}

bool side_open(struct upgrade *u, enum side side, const char *database, bool writable, struct pg **ret,
               struct err *e)
{
    (void)u;
    assert_int_equal(side, SIDE_BLUE);
    assert_false(writable);
    if (!aws.has_database)
        return err_set(e, ERR_UNAVAILABLE, "nobody listens");
    if (database)
        return err_set(e, ERR_NOT_FOUND, "database \"%s\" does not exist", database);
    aws.is_open = true;
    *ret = (struct pg *)&aws;
    return true;
}

void pg_close(struct pg *c)
{
    if (c)
        aws.is_open = false;
}

bool pg_lock_take(struct pg *c, struct arena *a, bool *ret_held, const char **ret_holder, struct err *e)
{
    (void)c;
    (void)a;
    (void)e;
    aws.lock_asked++;
    *ret_held = !aws.lock_taken;
    *ret_holder = aws.lock_taken ? "process 4711 of admin" : "";
    return true;
}

void world_state(const struct upgrade *u, struct err *e)
{
    (void)u;
    (void)e;
}

/* ---- scenes ---- */

struct scene {
    struct clock_fake clock;
    struct upgrade u;
    struct rds_cluster production;
    struct rds_bluegreen deployment;
    bool (*wait)(struct clock *c, struct stop *stop, int64_t ms);
};
static struct scene scene;

static bool wait_while_another_renews(struct clock *c, struct stop *stop, int64_t ms)
{
    bool stopped = scene.wait(c, stop, ms);
    if (aws.renews && aws.tag[0]) {
        struct lease_holder h = *aws.renews;
        h.until_ms = c->wall_ms(c) + LEASE_MS;
        lease_write(&h, aws.tag);
    }
    return stopped;
}

static int set_up(void **state)
{
    memset(&aws, 0, sizeof aws);
    scene = (struct scene){0};
    clock_fake_init(&scene.clock, 1700000000000);
    scene.wait = scene.clock.clock.wait;
    scene.clock.clock.wait = wait_while_another_renews;
    scene.production = (struct rds_cluster){.identifier = "orders",
                                            .arn = "arn:aws:rds:eu-west-1:123456789012:cluster:orders"};
    scene.deployment = (struct rds_bluegreen){.identifier = "bgd-1", .status = "AVAILABLE"};
    struct arena *a = arena_new();
    scene.u = (struct upgrade){.arena = a, .look = a, .clock = &scene.clock.clock};
    scene.u.aws.arena = a;
    scene.u.request.cluster = "orders";
    scene.u.world.production = &scene.production;
    scene.u.world.deployment = &scene.deployment;
    *state = &scene;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    arena_free(scene.u.arena);
    return 0;
}

static struct lease_holder other(const char *place, int64_t until_ms)
{
    struct lease_holder h = {.who = "ci@runner-7", .until_ms = until_ms};
    (void)snprintf(h.place, sizeof h.place, "%s", place);
    return h;
}
#define ELSEWHERE "00000000000000aa/77/12345"

static int64_t now(void)
{
    return scene.clock.wall;
}

/* ---- the text ---- */

static void test_text(void **state)
{
    (void)state;
    struct lease_holder mine, back;
    char text[LEASE_TEXT];
    lease_self(&mine);
    mine.until_ms = 1700000000000;
    lease_write(&mine, text);
    assert_true(lease_read(text, &back));
    assert_string_equal(back.who, mine.who);
    assert_string_equal(back.place, mine.place);
    assert_int_equal(back.until_ms, 1700000000000);
    assert_int_equal(strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 _.:/=+-@"),
                     strlen(text));
    static const char *const bad[] = {"",
                                      "me",
                                      "me here until",
                                      "me here until tomorrow",
                                      "me here until 2026-01-02T03:04:05Z and on",
                                      "me here until 2026-01-02T03:04:05Z2026-01-02T03:04:05Z"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_false(lease_read(bad[i], &back));
}

static void test_only_an_ended_process_of_this_machine_is_dead(void **state)
{
    (void)state;
    struct lease_holder mine, theirs = other(ELSEWHERE, 0);
    lease_self(&mine);
    assert_false(lease_is_dead(&mine));
    assert_false(lease_is_dead(&theirs));
    int to_parent[2];
    assert_int_equal(pipe(to_parent), 0);
    pid_t child = fork();
    if (child == 0) {
        lease_self(&mine);
        _exit(write(to_parent[1], &mine, sizeof mine) == sizeof mine ? 0 : 1);
    }
    assert_int_equal(read(to_parent[0], &mine, sizeof mine), sizeof mine);
    assert_int_equal(waitpid(child, NULL, 0), child);
    (void)close(to_parent[0]);
    (void)close(to_parent[1]);
    assert_true(lease_is_dead(&mine));
}

/* ---- the tag ---- */

static void hold_and_free(bool ok, const char *id)
{
    struct err e = ERR_INIT;
    struct lease *l = lease_new(&scene.u);
    bool held = lease_hold(l, &e);
    if (held != ok)
        fail_msg("held %d, wanted %d: %s", held, ok, e.text);
    if (id)
        assert_string_equal(e.id, id);
    lease_free(l);
}

static void test_a_free_object_is_taken_and_given_back(void **state)
{
    (void)state;
    hold_and_free(true, NULL);
    assert_int_equal(aws.writes, 1);
    assert_int_equal(aws.removals, 1);
    assert_string_equal(aws.tag, "");
}

static void test_held_again_without_writing_again(void **state)
{
    (void)state;
    struct err e = ERR_INIT;
    struct lease *l CLEANUP(lease_cleanup) = lease_new(&scene.u);
    assert_true(lease_hold(l, &e));
    assert_true(lease_hold(l, &e));
    assert_int_equal(aws.writes, 1);
    (void)__atomic_add_fetch(&scene.clock.mono, LEASE_RENEW_MS, __ATOMIC_SEQ_CST); /* the renewer reads it */
    assert_true(lease_hold(l, &e));
    assert_int_equal(aws.writes, 2);
}

static void test_another_that_lives_is_refused(void **state)
{
    (void)state;
    static struct lease_holder h;
    h = other(ELSEWHERE, now() + LEASE_MS);
    lease_write(&h, aws.tag);
    aws.renews = &h;
    struct err e = ERR_INIT;
    struct lease *l = lease_new(&scene.u);
    assert_false(lease_hold(l, &e));
    assert_string_equal(e.id, "AUR0175");
    assert_non_null(strstr(e.text, "ci@runner-7"));
    lease_free(l);
    assert_int_equal(aws.writes + aws.removals, 0);
}

static void test_another_that_ended_without_a_word_is_waited_out(void **state)
{
    (void)state;
    struct lease_holder h = other(ELSEWHERE, now() + LEASE_MS);
    lease_write(&h, aws.tag);
    int64_t before = scene.clock.mono;
    hold_and_free(true, NULL);
    assert_true(scene.clock.mono - before >= LEASE_MS);
    assert_true(scene.clock.mono - before <= LEASE_MS + 2 * LEASE_SKEW_MS);
}

static void test_an_expiry_that_never_comes_is_waited_out_too(void **state)
{
    (void)state;
    struct lease_holder h = other(ELSEWHERE, now() + 365LL * 86400000);
    lease_write(&h, aws.tag);
    hold_and_free(true, NULL);
}

static void test_nonsense_and_run_out_tags_are_taken_at_once(void **state)
{
    (void)state;
    struct lease_holder h = other(ELSEWHERE, now() - LEASE_SKEW_MS - 1);
    lease_write(&h, aws.tag);
    hold_and_free(true, NULL);
    (void)snprintf(aws.tag, sizeof aws.tag, "written by hand");
    hold_and_free(true, NULL);
    assert_int_equal(scene.clock.mono, 0);
}

static void test_a_dead_process_of_this_machine_is_taken_over_at_once(void **state)
{
    (void)state;
    struct lease_holder h;
    lease_self(&h);
    (void)snprintf(strrchr(h.place, '/'), 3, "/1"); /* the same process id, another process */
    h.until_ms = now() + LEASE_MS;
    lease_write(&h, aws.tag);
    hold_and_free(true, NULL);
    assert_int_equal(scene.clock.mono, 0);
}

static void test_who_writes_last_has_it(void **state)
{
    (void)state;
    static char text[LEASE_TEXT];
    static struct lease_holder h;
    h = other(ELSEWHERE, now() + LEASE_MS);
    lease_write(&h, text);
    aws.overwritten = text;
    aws.renews = &h;
    hold_and_free(false, "AUR0175");
}

static void test_an_object_that_goes_is_no_obstacle(void **state)
{
    (void)state;
    aws.is_gone = true;
    hold_and_free(true, NULL);
    scene.u.world.deployment = NULL;
    aws.lists = 0;
    hold_and_free(true, NULL);
    assert_int_equal(aws.lists, 0);
}

/* ---- the lock ---- */

static void test_the_lock_is_taken_with_a_login(void **state)
{
    (void)state;
    scene.u.has_login = true;
    aws.has_database = true;
    hold_and_free(true, NULL);
    assert_int_equal(aws.lock_asked, 1);
    assert_false(aws.is_open);
    aws.lock_taken = true;
    hold_and_free(false, "AUR0175");
    assert_false(aws.is_open);
}

static void test_no_database_leaves_the_tag(void **state)
{
    (void)state;
    scene.u.has_login = true;
    hold_and_free(true, NULL);
    assert_int_equal(aws.writes, 1);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_text),
        TEST(test_only_an_ended_process_of_this_machine_is_dead),
        TEST(test_a_free_object_is_taken_and_given_back),
        TEST(test_held_again_without_writing_again),
        TEST(test_another_that_lives_is_refused),
        TEST(test_another_that_ended_without_a_word_is_waited_out),
        TEST(test_an_expiry_that_never_comes_is_waited_out_too),
        TEST(test_nonsense_and_run_out_tags_are_taken_at_once),
        TEST(test_a_dead_process_of_this_machine_is_taken_over_at_once),
        TEST(test_who_writes_last_has_it),
        TEST(test_an_object_that_goes_is_no_obstacle),
        TEST(test_the_lock_is_taken_with_a_login),
        TEST(test_no_database_leaves_the_tag),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
