/* Who looks after a run, and plans over a world that has moved: a scripted RDS under the resource's own
 * functions. */
#include "provider/scene.h"

#include "internal/base/testing.h"
#include "internal/upgrade/old_sides.h"
#include "provider/upgrade_resource.h"

#include <stdio.h>
#include <string.h>

struct stage {
    struct arena *arena;
    struct aws *aws;
    struct old_sides *old_sides;
    struct provider_config config;
    struct tf_call call;
};

static char told[4096]; /* "E summary|W summary|" */

static void tell(void *arg, bool is_error, const char *summary, const char *detail)
{
    size_t n = strlen(told);
    (void)arg;
    (void)snprintf(told + n, sizeof told - n, "%s %s: %s|", is_error ? "E" : "W", summary, detail);
}

/* The attributes of an object that has reached `stage`. */
static const struct value *object(struct arena *a, const char *stage, const char *reached)
{
    const struct {
        const char *name, *text;
    } rows[] = {{"cluster_identifier", "orders"},
                {"target_engine_version", "17"},
                {"stage", stage},
                {"reached_stage", reached},
                {"retain_old_for", "168h"},
                {"on_destroy", "refuse"},
                {"blue_green_deployment_identifier", "bgd-1"}};
    struct value *v = value_object(a);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        value_set(a, v, rows[i].name, value_string(a, rows[i].text));
    return v;
}

/* `keeper` is the object's own name in its private data; NULL: none. */
static void open_stage(struct stage *s, const struct scene *scene, const char *keeper)
{
    struct arena *a = s->arena = arena_new();
    told[0] = '\0';
    s->aws = scene_open(a, scene);
    s->old_sides = old_sides_new(clock_real());
    s->config = (struct provider_config){
        .aws = s->aws, .old_sides = s->old_sides, .plan_checks = "aws", .journal_dir = "", .arena = a};
    s->call = (struct tf_call){.arena = a,
                               .configured = &s->config,
                               .config = &value_null,
                               .prior = &value_null,
                               .planned = &value_null,
                               .tell = tell};
    plan_note_write(&s->call,
                    &(struct plan_note){.cluster = "orders", .region = "eu-west-1", .keeper = keeper});
    s->call.private_in = s->call.private_out;
    s->call.private_out = (struct str){0};
}

static void close_stage(struct stage *s)
{
    old_sides_free(s->old_sides);
    scene_close(s->aws);
    arena_free(s->arena);
}

static const char *name_left(struct stage *s)
{
    s->call.private_in = s->call.private_out;
    return keeper_noted(&s->call);
}

/* ---- scenes ---- */

#define OURS(keeper) TAG("cluster", "orders") TAG("target-version", "17.4") keeper
#define BUILT(keeper)                                                                                        \
    {                                                                                                        \
        .clusters = {{"orders", CLUSTER("13.9", "available")}}, .instances = INSTANCES,                      \
        .deployments = DEPLOYMENT("orders", "", "AVAILABLE", OURS(keeper))                                   \
    }
#define OLD_SIDE(tags)                                                                                       \
    "<DbClusterResourceId>cluster-B</DbClusterResourceId>" CLUSTER("13.9", "available") "<TagList>" tags     \
                                                                                        "</TagList>"
#define SWITCHED(keeper)                                                                                     \
    {                                                                                                        \
        .clusters = {{"orders", CLUSTER("17.4", "available")},                                               \
                     {"orders-old1", OLD_SIDE(TAG("old-of", "orders"))}},                                    \
        .instances = INSTANCES,                                                                              \
        .deployments = DEPLOYMENT("orders-old1", "orders", "SWITCHOVER_COMPLETED", OURS(keeper))             \
    }
#define NO_DEPLOYMENT(keeper)                                                                                \
    {                                                                                                        \
        .clusters = {{"orders", CLUSTER("17.4", "available")},                                               \
                     {"orders-old1", OLD_SIDE(TAG("old-of", "orders") keeper)}},                             \
        .instances = INSTANCES                                                                               \
    }
static const struct scene nothing = {.clusters = {{"orders", CLUSTER("13.9", "available")}},
                                     .instances = INSTANCES};

/* ---- who keeps it ---- */

static const struct {
    const char *name, *own;
    struct scene scene;
    bool another, takes; /* an apply writes the name on the run */
} keeper_rows[] = {
    {"its own, being built", "me", BUILT(TAG("kept-by", "me")), false, false},
    {"taken over by another", "me", BUILT(TAG("kept-by", "you")), true, true},
    {"nobody's yet", "me", BUILT(""), false, true},
    {"an object without a name", NULL, BUILT(TAG("kept-by", "you")), false, true},
    {"its own, switched", "me", SWITCHED(TAG("kept-by", "me")), false, false},
    {"another's, switched", "me", SWITCHED(TAG("kept-by", "you")), true, true},
    {"another's, the deployment is gone", "me", NO_DEPLOYMENT(TAG("kept-by", "you")), true, true},
    {"no run",
     "me",
     {.clusters = {{"orders", CLUSTER("13.9", "available")}}, .instances = INSTANCES},
     false,
     false},
};

static void who_keeps_a_run(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(keeper_rows); i++) {
        struct stage s;
        struct operation o;
        struct err e = ERR_INIT;
        open_stage(&s, &keeper_rows[i].scene, keeper_rows[i].own);
        assert_true(operation_start(&o, &kind_blue_green, &s.call, object(s.arena, "prepared", "prepared"),
                                    &value_null));
        assert_true(world_look(&o.upgrade, &e));
        if (keeper_is_another(&o) != keeper_rows[i].another || !told[0] == keeper_rows[i].another)
            fail_msg("%s: %s", keeper_rows[i].name, told);
        assert_true(keeper_take(&o, false, &e));
        if (scene_asked("Action=AddTagsToResource") != keeper_rows[i].takes)
            fail_msg("%s: %zu tags", keeper_rows[i].name, scene_asked("Action=AddTagsToResource"));
        const char *name = name_left(&s);
        if (keeper_rows[i].own ? strcmp(name, keeper_rows[i].own) != 0 : strlen(name) != 16)
            fail_msg("%s: is called %s", keeper_rows[i].name, name);
        operation_done(&o);
        close_stage(&s);
    }
}

static void a_new_object_has_a_name_of_its_own(void **state)
{
    static const struct scene scene = BUILT(TAG("kept-by", "me"));
    struct stage s;
    struct operation o;
    struct err e = ERR_INIT;
    (void)state;
    open_stage(&s, &scene, "me"); /* the plan of a replacement passes the private data of what is replaced */
    assert_true(
        operation_start(&o, &kind_blue_green, &s.call, object(s.arena, "prepared", "prepared"), &value_null));
    assert_true(world_look(&o.upgrade, &e));
    assert_true(keeper_take(&o, true, &e));
    assert_int_equal(scene_asked("Action=AddTagsToResource"), 1);
    assert_string_not_equal(name_left(&s), "me");
    operation_done(&o);
    close_stage(&s);
}

static void an_imported_object_shares_the_name(void **state)
{
    static const struct scene scene = BUILT(TAG("kept-by", "you"));
    struct stage s;
    (void)state;
    open_stage(&s, &scene, NULL);
    s.call.import_id = "orders";
    assert_non_null(resource_blue_green_upgrade.import(&s.call));
    assert_string_equal(name_left(&s), "you");
    assert_int_equal(scene_asked("Action=AddTagsToResource"), 0);
    close_stage(&s);
}

/* ---- destroys ---- */

static const struct {
    const char *name, *own;
    struct scene scene;
    const char *plan; /* begin of what the plan says; "": nothing */
    bool goes;        /* the destroy itself is over without a change */
} destroy_rows[] = {
    {"refused while its own is switched", "me", SWITCHED(TAG("kept-by", "me")), "E AUR0161", false},
    {"refused where nobody is known to keep it", "me", SWITCHED(""), "E AUR0161", false},
    {"deposed, switched", "me", SWITCHED(TAG("kept-by", "you")), "W The upgrade stays", true},
    {"deposed, being built", "me", BUILT(TAG("kept-by", "you")), "W The upgrade stays", true},
    {"its own, being built", "me", BUILT(TAG("kept-by", "me")), "", false},
};

static void a_destroy_leaves_to_another_what_it_keeps(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(destroy_rows); i++) {
        struct stage s;
        open_stage(&s, &destroy_rows[i].scene, destroy_rows[i].own);
        s.call.prior = object(s.arena, "switched", "switched");
        upgrade_plan_destroy(&kind_blue_green, &s.call);
        const char *plan = destroy_rows[i].plan;
        if (strncmp(told, plan, strlen(plan)) != 0 || (!plan[0] && told[0]))
            fail_msg("%s: %s", destroy_rows[i].name, told);
        s.call.private_in = s.call.private_out;
        if (destroy_rows[i].goes && resource_blue_green_upgrade.del(&s.call))
            fail_msg("%s: %s", destroy_rows[i].name, told);
        assert_int_equal(scene_asked("Action=Delete") + scene_asked("Action=Modify"), 0);
        close_stage(&s);
    }
}

/* ---- plans ---- */

static const struct scene upgraded = {.clusters = {{"orders", CLUSTER("17.4", "available")}},
                                      .instances = INSTANCES};
static const struct scene no_cluster = {.clusters = {{"billing", CLUSTER("13.9", "available")}}};

static const struct {
    const char *name, *reached, *wanted;
    const struct scene *scene;
    bool is_create, is_refused;
} gone_rows[] = {
    {"validated, to be switched", "validated", "switched", &nothing, false, true},
    {"prepared, to be validated", "prepared", "validated", &nothing, false, true},
    {"to be rolled back", "validated", "rolled_back", &nothing, false, false},
    {"switched by hand, its deployment deleted, to be completed", "switched", "completed", &upgraded, false,
     true},
    {"what a refresh has found out", "none", "validated", &nothing, false, false},
    {"the cluster is gone", "rolled_back", "prepared", &no_cluster, false, true},
    {"the cluster is yet to be made", "none", "prepared", &no_cluster, true, false},
};

static void a_plan_over_what_is_gone_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(gone_rows); i++) {
        struct stage s;
        open_stage(&s, gone_rows[i].scene, "me");
        if (!gone_rows[i].is_create)
            s.call.prior = object(s.arena, gone_rows[i].reached, gone_rows[i].reached);
        s.call.config = s.call.planned = object(s.arena, gone_rows[i].wanted, gone_rows[i].reached);
        (void)upgrade_plan(&kind_blue_green, &s.call, s.call.planned);
        if ((strstr(told, "E AUR0170") != NULL) != gone_rows[i].is_refused)
            fail_msg("%s: %s", gone_rows[i].name, told);
        close_stage(&s);
    }
}

/* ---- completed by the state, and production on the old major again ---- */

static const struct {
    const char *name, *was, *wanted;
    const struct scene *scene;
    const char *refusal; /* id; NULL: none */
    bool has_steps;
} undone_rows[] = {
    {"prepared again", "completed", "prepared", &nothing, NULL, true},
    {"switched again", "completed", "switched", &nothing, NULL, true},
    {"nothing to roll back", "completed", "rolled_back", &nothing, NULL, true},
    {"another attribute", "completed", "completed", &nothing, NULL, false},
    {"the end of a roll-back", "rolled_back", "completed", &nothing, NULL, false},
    {"not undone, lowered", "completed", "switched", &upgraded, "AUR0171", false},
};

static const struct value *asked_for(struct arena *a, const char *stage, const char *reached, bool is_new)
{
    const struct value *from = object(a, stage, reached);
    struct value *v = value_object(a);
    for (size_t i = 0; i < from->count; i++)
        if (strcmp(from->keys[i], "blue_green_deployment_identifier") != 0)
            value_set(a, v, from->keys[i], from->items[i]);
    if (is_new) {
        value_set(a, v, "on_destroy", value_string(a, "keep_old"));
        value_set(a, v, "retain_old_for", value_string(a, "0s"));
    }
    return v;
}

static void judge_undone(size_t i, const struct upgrade_kind *kind)
{
    static const char *const refusals[] = {"AUR0171", "AUR0160", "AUR0195", "AUR0150"};
    struct stage s;
    open_stage(&s, undone_rows[i].scene, "me");
    s.call.prior = asked_for(s.arena, undone_rows[i].was, undone_rows[i].was, false);
    s.call.config = s.call.planned = asked_for(s.arena, undone_rows[i].wanted, undone_rows[i].was, true);
    const struct value *planned = upgrade_plan(kind, &s.call, s.call.planned);
    for (size_t k = 0; k < ARRAY_LEN(refusals); k++) {
        bool wanted = undone_rows[i].refusal && strcmp(undone_rows[i].refusal, refusals[k]) == 0;
        if ((strstr(told, arena_printf(s.arena, "E %s", refusals[k])) != NULL) != wanted)
            fail_msg("%s, %s: %s", kind->strategy->new_side, undone_rows[i].name, told);
    }
    if ((value_get(planned, "planned_steps")->count > 0) != undone_rows[i].has_steps)
        fail_msg("%s, %s: %zu steps, %s", kind->strategy->new_side, undone_rows[i].name,
                 value_get(planned, "planned_steps")->count, told);
    close_stage(&s);
}

static void what_is_undone_begins_anew(void **state)
{
    static const struct upgrade_kind *const kinds[] = {&kind_blue_green, &kind_in_place, &kind_logical};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(undone_rows); i++)
        for (size_t k = 0; k < ARRAY_LEN(kinds); k++)
            judge_undone(i, kinds[k]);
}

/* What the plan has shown no steps for is not done, either. */
static void another_attribute_upgrades_nothing(void **state)
{
    static const char *const was[] = {"completed", "rolled_back"};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(was); i++) {
        struct stage s;
        open_stage(&s, &nothing, "me");
        s.call.prior = asked_for(s.arena, was[i], was[i], false);
        s.call.config = s.call.planned = asked_for(s.arena, "completed", was[i], true);
        const struct value *left = upgrade_update(&kind_in_place, &s.call);
        if (!left || strstr(told, "E "))
            fail_msg("%s: %s", was[i], told);
        assert_string_equal(value_as_text(value_get(left, "reached_stage"), ""), "completed");
        assert_int_equal(scene_asked("Action=Create") + scene_asked("Action=Modify"), 0);
        close_stage(&s);
    }
}

/* ---- what an apply left that died behind the old side ---- */

#define COPY_OF_13 "orders-upgrade-13-source"
#define UPGRADED(member, whose)                                                                              \
    {                                                                                                        \
        .clusters = {{"orders", member CLUSTER("17.4", "available")}}, .instances = INSTANCES,               \
        .cluster_groups = {COPY_OF_13}, .tags = TAG("cluster", whose), .deleted = COPY_OF_13                 \
    }
#define ATTACHED "<DBClusterParameterGroup>" COPY_OF_13 "</DBClusterParameterGroup>"

static const struct {
    const char *name, *prior; /* stage by the state; NULL: an empty state */
    const char *source_version;
    struct scene scene;
    bool is_destroy;
    size_t deletions;
} copy_rows[] = {
    {"the next apply", "switched", "13.9", UPGRADED("", "orders"), false, 1},
    {"a state that does not know what it started from", "switched", NULL, UPGRADED("", "orders"), false, 1},
    {"it was completed before", "completed", "13.9", UPGRADED("", "orders"), false, 0},
    {"a destroy", "completed", "13.9", UPGRADED("", "orders"), true, 1},
    {"not ours", "switched", "13.9", UPGRADED("", "billing"), false, 0},
    {"in use", "switched", "13.9", UPGRADED(ATTACHED, "orders"), false, 0},
    {"in use at a destroy", "switched", NULL, UPGRADED(ATTACHED, "orders"), true, 0},
    /* last: a destroy after a create of the same process does nothing */
    {"an empty state", NULL, NULL, UPGRADED("", "orders"), false, 1},
};

static const struct value *with_source(struct arena *a, const char *stage, const char *version)
{
    struct value *v = value_object(a);
    const struct value *from = object(a, stage, "completed");
    static const char *const names[] = {"cluster_identifier", "target_engine_version", "stage",
                                        "reached_stage",      "retain_old_for",        "on_destroy"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        value_set(a, v, names[i], value_get(from, names[i]));
    value_set(a, v, "source_engine_version", version ? value_string(a, version) : &value_null);
    return v;
}

static void the_copied_group_goes_exactly_once(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(copy_rows); i++) {
        struct stage s;
        open_stage(&s, &copy_rows[i].scene, "me");
        struct tf_call *c = &s.call;
        c->prior = copy_rows[i].prior ? with_source(s.arena, copy_rows[i].prior, copy_rows[i].source_version)
                                      : &value_null;
        c->config = c->planned = with_source(s.arena, "completed", copy_rows[i].source_version);
        if (copy_rows[i].is_destroy)
            plan_note_write(c, &(struct plan_note){.is_destroy = true, .cluster = "orders"});
        c->private_in = copy_rows[i].is_destroy ? c->private_out : c->private_in;
        bool stays = copy_rows[i].is_destroy   ? resource_blue_green_upgrade.del(c) != NULL
                     : value_is_null(c->prior) ? upgrade_create(&kind_blue_green, c) == NULL
                                               : upgrade_update(&kind_blue_green, c) == NULL;
        size_t deletions = scene_asked("Action=DeleteDBClusterParameterGroup&");
        if (stays || strstr(told, "E AUR") || deletions != copy_rows[i].deletions)
            fail_msg("%s: %zu deletions, %s", copy_rows[i].name, deletions, told);
        assert_int_equal(scene_asked("DBClusterParameterGroupName=orders-pg&"), 0);
        close_stage(&s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_keeps_a_run),
        cmocka_unit_test(a_new_object_has_a_name_of_its_own),
        cmocka_unit_test(an_imported_object_shares_the_name),
        cmocka_unit_test(a_destroy_leaves_to_another_what_it_keeps),
        cmocka_unit_test(a_plan_over_what_is_gone_is_refused),
        cmocka_unit_test(what_is_undone_begins_anew),
        cmocka_unit_test(another_attribute_upgrades_nothing),
        cmocka_unit_test(the_copied_group_goes_exactly_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
