/* Which cluster is production after a switch that moved no name: told by tags of the clone alone. Whatever
 * they say, the clone is never what a roll-back before the switch would delete. */
#include "internal/base/testing.h"
#include "internal/upgrade/logical_switch.h"
#include "internal/upgrade/tags.h"

#include <string.h>

static const struct names_way back = {.arrives = "-old", .leaves = "-upgraded"};

/* Of the clone: up to three; who is who then. "" nobody. */
static const struct {
    const char *tags[3];
    bool has_left; /* the cluster that it was made of is still there */
    const char *production, *old, *aside;
    bool moves, is_of_run;
    enum flow_stage reached;
} rows[] = {
    {{TAG_NAMES_STAY, TAG_SWITCHED_AT}, true, "orders-next", "orders", "", false, true, STAGE_SWITCHED},
    {{TAG_NAMES_STAY, TAG_SWITCHED_AT}, false, "orders-next", "", "", false, true, STAGE_SWITCHED},
    {{TAG_NAMES_STAY, TAG_COMPLETED_AT}, true, "orders-next", "", "", false, false, STAGE_COMPLETED},
    {{TAG_NAMES_STAY, TAG_COMPLETED_AT}, false, "orders-next", "", "", false, false, STAGE_COMPLETED},
    {{TAG_NAMES_STAY, TAG_RETURNED_AT}, true, "orders", "", "orders-next", true, true, STAGE_SWITCHED},
    {{TAG_NAMES_STAY, TAG_RETURNED_AT, TAG_ROLLED_BACK_AT},
     true,
     "orders",
     "",
     "orders-next",
     false,
     false,
     STAGE_NONE},
};

static const char *name_of(const struct rds_cluster *k)
{
    return k ? k->identifier : "";
}

static void tags_tell_who_is_production(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct rds_tag tags[3];
        size_t n = 0;
        for (; n < 3 && rows[i].tags[n]; n++)
            tags[n] = (struct rds_tag){rows[i].tags[n], "2026-11-22T02:00:00Z"};
        const struct rds_cluster left = {.identifier = "orders", .engine_version = "13.20"},
                                 clone = {.identifier = "orders-next",
                                          .engine_version = "17.6",
                                          .tags = {tags, n}};
        struct world w = {.production = rows[i].has_left ? &left : NULL, .green = &clone};
        assert_true(names_stay_look(&w, &back));
        assert_string_equal(name_of(w.production), rows[i].production);
        assert_string_equal(name_of(w.old), rows[i].old);
        assert_string_equal(name_of(w.aside), rows[i].aside);
        assert_null(w.green);
        assert_int_equal(w.names_move, rows[i].moves);
        assert_int_equal(w.facts != NULL && !w.aside, rows[i].is_of_run && !rows[i].moves);
        assert_int_equal(w.reached, rows[i].reached);
        assert_true(!w.names_move || (w.restored == w.production && w.way == &back));
    }
}

static void another_clone_is_a_clone(void **state)
{
    (void)state;
    static const struct rds_tag moves[] = {{TAG_NAMES_MOVE, "2026-11-22T02:00:00Z"},
                                           {TAG_REPLACES, "cluster-1"}};
    const struct rds_cluster left = {.identifier = "orders"},
                             clone = {.identifier = "orders-next", .tags = {moves, ARRAY_LEN(moves)}};
    struct world w = {.production = &left, .green = &clone};
    assert_false(names_stay_look(&w, &back));
    assert_true(w.green == &clone && w.production == &left && !w.names_stay);
    w.green = NULL;
    assert_false(names_stay_look(&w, &back));
}

/* Of a run as its tags show it, and of what is asked for: does the second continue the first? */
static const struct {
    const char *record; /* on the clone; NULL: none */
    bool switched, stays, keeps, leads;
    const char *zone, *name; /* asked for */
    bool holds;
} ways[] = {
    {NULL, false, false, false, false, NULL, NULL, true},
    {NULL, false, false, true, true, "Z1", "db.example.com", true},
    {NULL, true, false, false, false, NULL, NULL, true},
    {NULL, true, false, true, false, NULL, NULL, false},
    {NULL, true, true, true, false, NULL, NULL, true},
    {NULL, true, true, false, false, NULL, NULL, false},
    {NULL, true, true, true, true, "Z1", "db.example.com", false},
    {"Z1/db.example.com/300/5", false, false, true, true, "Z1", "db.example.com", true},
    {"Z1/db.example.com/300/5", false, false, false, false, NULL, NULL, false},
    {"Z1/db.example.com/300/5", false, false, true, false, NULL, NULL, false},
    {"Z1/db.example.com/300/5", true, true, true, true, "Z1", "db.example.com", true},
    {"Z1/db.example.com/300/5", true, true, true, true, NULL, NULL, true},
    {"Z1/db.example.com/300/5", true, true, true, true, "Z2", "db.example.com", false},
    {"Z1/db.example.com/300/5", true, true, true, true, "Z1", "db2.example.com", false},
    {"Z1/db.example.com/300/5", true, true, true, false, NULL, NULL, false},
};

static void a_run_ends_in_the_way_it_began(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(ways); i++) {
        struct arena *a CLEANUP(arena_cleanup) = arena_new();
        struct rds_tag tag = {TAG_RECORD, ways[i].record};
        const struct rds_tags tags = {&tag, ways[i].record ? 1 : 0};
        const struct rds_cluster old = {.identifier = "orders"};
        struct err e = ERR_INIT;
        struct upgrade u = {.look = a};
        u.world = (struct world){
            .facts = &tags, .old = ways[i].switched ? &old : NULL, .names_stay = ways[i].stays};
        u.request =
            (struct request){.cluster = "orders",
                             .keeps_names = ways[i].keeps,
                             .record = {.is_led = ways[i].leads, .zone = ways[i].zone, .name = ways[i].name}};
        if (endpoint_way_holds(&u, &e) != ways[i].holds)
            fail_msg("row %zu: %s", i, e.text);
        assert_true(ways[i].holds || strcmp(e.id, "AUR0239") == 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(tags_tell_who_is_production),
                                       cmocka_unit_test(another_clone_is_a_clone),
                                       cmocka_unit_test(a_run_ends_in_the_way_it_began)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
