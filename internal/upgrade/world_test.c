/* What is left of the world while an upgrade waits. */
#include "internal/upgrade/blue_green.h"
#include "internal/upgrade/tags.h"
#include "internal/upgrade/upgrade.h"

#include "internal/base/testing.h"

#include <string.h>

static struct rds_cluster *cluster(struct arena *a, const char *name)
{
    struct rds_cluster *c = ARENA_NEW(a, struct rds_cluster);
    const char **none = ARENA_ARRAY(a, const char *, 1);
    *c = (struct rds_cluster){.identifier = arena_strdup(a, name),
                              .availability_zones = none,
                              .custom_endpoints = none,
                              .raw = ARENA_NEW(a, struct xml)};
    const char **texts[] = {&c->arn,
                            &c->resource_id,
                            &c->status,
                            &c->engine,
                            &c->engine_mode,
                            &c->parameter_group,
                            &c->endpoint,
                            &c->reader_endpoint,
                            &c->master_username,
                            &c->pending_engine_version,
                            &c->kms_key_id,
                            &c->storage_type,
                            &c->maintenance_window,
                            &c->global_cluster_identifier,
                            &c->replication_source,
                            &c->master_user_secret_arn,
                            &c->clone_group_id,
                            &c->database_name};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        *texts[i] = "";
    c->engine_version = arena_strdup(a, "13.23");
    return c;
}

static struct rds_instance *instance(struct arena *a, const char *name)
{
    struct rds_instance *i = ARENA_NEW(a, struct rds_instance);
    *i = (struct rds_instance){.identifier = arena_strdup(a, name), .raw = ARENA_NEW(a, struct xml)};
    const char **texts[] = {&i->arn,
                            &i->resource_id,
                            &i->status,
                            &i->instance_class,
                            &i->engine,
                            &i->engine_version,
                            &i->cluster_identifier,
                            &i->availability_zone,
                            &i->parameter_group,
                            &i->parameter_apply_status,
                            &i->endpoint,
                            &i->ca_certificate};
    for (size_t k = 0; k < ARRAY_LEN(texts); k++)
        *texts[k] = "";
    return i;
}

static struct rds_bluegreen *deployment(struct arena *a)
{
    struct rds_bluegreen *d = ARENA_NEW(a, struct rds_bluegreen);
    *d = (struct rds_bluegreen){.identifier = arena_strdup(a, "bgd-1"),
                                .name = arena_strdup(a, "orders-upgrade-13-to-17"),
                                .status = arena_strdup(a, "PROVISIONING")};
    d->source = d->target = d->status_details = d->create_time = "";
    return d;
}

static void what_world_state_says_outlives_the_replies(void **state)
{
    (void)state;
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    struct aws_session s = {0};
    struct upgrade u;
    struct err e = ERR_INIT;
    upgrade_init(&u, a, &s, clock_real(), NULL);
    struct arena *replies = u.look;
    const struct rds_instance **list = ARENA_ARRAY(replies, const struct rds_instance *, 2);
    list[0] = instance(replies, "orders-1");
    list[1] = instance(replies, "orders-2");
    u.world = (struct world){.production = cluster(replies, "orders"),
                             .instances = list,
                             .instance_count = 2,
                             .deployment = deployment(replies),
                             .reached = STAGE_PREPARED};
    u.world.facts = &u.world.deployment->tags;
    world_rest(&u);
    world_rest(&u);
    assert_ptr_equal(u.world.facts, &u.world.deployment->tags);
    assert_ptr_equal(u.aws.arena, u.look);
    assert_null(u.world.production->raw);
    assert_string_equal(u.world.instances[1]->identifier, "orders-2");
    assert_null(u.world.instances[1]->raw);
    assert_string_equal(u.world.deployment->status, "PROVISIONING");
    assert_null(u.world.green);
    assert_null(u.world.old);
    world_state(&u, &e);
    assert_string_equal(e.state, "orders is in production on 13.23; nothing on it was changed by this step.");
    upgrade_done(&u);
}

/* The gap of a roll-back, in which nobody bears the name. */
static void both_sides_of_a_roll_back_outlive_the_replies(void **state)
{
    (void)state;
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    struct aws_session s = {0};
    struct upgrade u;
    struct err e = ERR_INIT;
    upgrade_init(&u, a, &s, clock_real(), NULL);
    const struct rds_instance **list = ARENA_ARRAY(u.look, const struct rds_instance *, 1);
    list[0] = instance(u.look, "orders-1-restored");
    u.request.cluster = "orders";
    u.world = (struct world){.restored = cluster(u.look, "orders-restored"),
                             .restored_instances = list,
                             .restored_instance_count = 1,
                             .aside = cluster(u.look, "orders-upgraded"),
                             .stray = cluster(u.look, "orders-restored-late"),
                             .names_move = true,
                             .reached = STAGE_SWITCHED};
    u.world.production = u.world.restored;
    world_rest(&u);
    assert_string_equal(u.world.restored->identifier, "orders-restored");
    assert_string_equal(u.world.restored_instances[0]->identifier, "orders-1-restored");
    assert_string_equal(world_put_aside(&u.world)->identifier, "orders-upgraded");
    assert_null(u.world.aside->raw);
    assert_string_equal(u.world.stray->identifier, "orders-restored-late");
    assert_null(u.world.stray->raw);
    assert_true(world_has_run(&u.world));
    world_state(&u, &e);
    assert_non_null(strstr(e.state, "moving the name orders to orders-restored"));
    upgrade_done(&u);
}

/* It was killed before the clone's upgrade: the clone is still on the old version. */
static void a_run_keeps_the_version_that_it_chose(void **state)
{
    (void)state;
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    struct aws_session s = {0};
    struct upgrade u;
    struct err e = ERR_INIT;
    struct rds_tag noted = {TAG_TARGET_VERSION, "17.6"};
    upgrade_init(&u, a, &s, clock_real(), NULL);
    struct rds_cluster *clone = cluster(u.look, "orders-next");
    clone->tags = (struct rds_tags){&noted, 1};
    u.request.cluster = "orders";
    u.world = (struct world){.production = cluster(u.look, "orders"),
                             .green = clone,
                             .facts = &clone->tags,
                             .reached = STAGE_NONE};
    assert_true(resolve_version(&u, &e));
    assert_string_equal(u.resolved_version, "17.6");
    upgrade_done(&u);
}

/* What production was before: a copy beside it says so unless it was restored for a roll-back, beside which
 * production is the upgraded one. */
static void where_a_run_came_from_is_seen_beside_any_other_side(void **state)
{
    static const struct {
        const char *production;
        bool restores, has_snapshot;
        const char *before;
    } rows[] = {
        {"13.23", false, false, "13.23"}, /* a clone that follows */
        {"15.18", true, true, "13.23"},
        {"15.18", true, false, NULL},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct arena *a CLEANUP(arena_cleanup) = arena_new();
        struct aws_session s = {0};
        struct upgrade u;
        upgrade_init(&u, a, &s, clock_real(), NULL);
        struct rds_cluster *production = cluster(u.look, "orders");
        production->engine_version = rows[i].production;
        struct world w = {.production = production, .green = cluster(u.look, "orders-beside")};
        w.restored = rows[i].restores ? w.green : NULL;
        w.facts = &(struct rds_tags){0};
        w.snapshot = rows[i].has_snapshot
                         ? &(struct rds_snapshot){.identifier = "orders-before", .engine_version = "13.23"}
                         : NULL;
        world_note_history(&u, &w);
        if (rows[i].before)
            assert_string_equal(u.history.source_version, rows[i].before);
        else
            assert_null(u.history.source_version);
        upgrade_done(&u);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_world_state_says_outlives_the_replies),
        cmocka_unit_test(both_sides_of_a_roll_back_outlive_the_replies),
        cmocka_unit_test(a_run_keeps_the_version_that_it_chose),
        cmocka_unit_test(where_a_run_came_from_is_seen_beside_any_other_side),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
