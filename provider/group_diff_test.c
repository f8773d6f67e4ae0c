/* What data.aurora_parameter_group_diff makes of AWS's answers. */
#include "provider/group_diff.h"
#include "provider/scene.h"

#include "internal/base/testing.h"
#include "internal/upgrade/old_sides.h"

#include <string.h>

#define REPLY(action, content)                                                                               \
    "<" action "Response><" action "Result>" content "</" action "Result></" action "Response>"
#define GROUP(kind, name, family)                                                                            \
    REPLY("Describe" kind "ParameterGroups",                                                                 \
          "<" kind "ParameterGroups><" kind "ParameterGroup><" kind "ParameterGroupName>" name "</" kind     \
          "ParameterGroupName><DBParameterGroupFamily>" family "</DBParameterGroupFamily></" kind            \
          "ParameterGroup></" kind "ParameterGroups>")
#define PARAM(name, value, type)                                                                             \
    "<Parameter><ParameterName>" name "</ParameterName><ParameterValue>" value                               \
    "</ParameterValue><ApplyType>" type                                                                      \
    "</ApplyType><DataType>string</DataType><IsModifiable>true</IsModifiable></Parameter>"
#define DEFAULTS(kind, params)                                                                               \
    REPLY("DescribeEngineDefault" kind "Parameters",                                                         \
          "<EngineDefaults><Parameters>" params "</Parameters></EngineDefaults>")
#define OWN(kind, params) REPLY("Describe" kind "Parameters", "<Parameters>" params "</Parameters>")

static const struct scene plain = {
    .clusters = {{"orders", CLUSTER("13.20", "available")}},
    .instances = INSTANCES,
    .answers = {
        {"Action=DescribeDBEngineVersions&",
         REPLY("DescribeDBEngineVersions",
               "<DBEngineVersions><DBEngineVersion><EngineVersion>13.20</EngineVersion><ValidUpgradeTarget>"
               "<UpgradeTarget><EngineVersion>17.9</EngineVersion></UpgradeTarget></ValidUpgradeTarget>"
               "</DBEngineVersion></DBEngineVersions>")},
        {"&DBClusterParameterGroupName=orders-pg&",
         OWN("DBCluster", PARAM("kept", "5", "dynamic") PARAM("gone", "6", "dynamic"))},
        {"&DBClusterParameterGroupName=orders-pg", GROUP("DBCluster", "orders-pg", "aurora-postgresql13")},
        {"&DBParameterGroupName=writer-pg&", OWN("DB", PARAM("ssl_ecdh_curve", "x", "dynamic"))},
        {"&DBParameterGroupName=writer-pg", GROUP("DB", "writer-pg", "aurora-postgresql13")},
        {"DefaultClusterParameters&Version=2014-10-31&DBParameterGroupFamily=aurora-postgresql13",
         DEFAULTS("Cluster", PARAM("kept", "1", "dynamic") PARAM("gone", "2", "dynamic")
                                 PARAM("other", "3", "dynamic"))},
        {"DefaultClusterParameters&Version=2014-10-31&DBParameterGroupFamily=aurora-postgresql17",
         DEFAULTS("Cluster", PARAM("kept", "1", "dynamic") PARAM("other", "4", "static"))},
        {"DefaultParameters&Version=2014-10-31&DBParameterGroupFamily=aurora-postgresql13",
         DEFAULTS("", PARAM("ssl_ecdh_curve", "p", "dynamic"))},
        {"DefaultParameters&Version=2014-10-31&DBParameterGroupFamily=aurora-postgresql17",
         DEFAULTS("", PARAM("ssl_groups", "p", "dynamic"))},
        {"&DBClusterParameterGroupName=mysql-pg", GROUP("DBCluster", "mysql-pg", "aurora-mysql8.0")},
        {"&DBClusterParameterGroupName=new-pg", GROUP("DBCluster", "new-pg", "aurora-postgresql18")},
    }};

static bool ask(struct arena *a, const struct scene *scene, const struct group_question *q,
                const struct value **ret, struct err *e)
{
    struct aws *w = scene_open(a, scene);
    struct aws_session s = {.aws = w, .arena = a};
    struct old_sides *old_sides CLEANUP(old_sides_cleanup) = old_sides_new(clock_real());
    bool ok = group_diff(&s, old_sides, q, ret, e);
    scene_close(w);
    return ok;
}

/* One line per parameter: level, name, what it is called, changes, outcome. */
static const char *told(struct arena *a, const struct value *v)
{
    const struct value *list = value_get(v, "parameters");
    const char *out = "";
    for (size_t i = 0; i < list->count; i++) {
        const struct value *p = list->items[i], *changes = value_get(p, "changes");
        out = arena_printf(a, "%s%s %s %s", out, value_as_text(value_get(p, "level"), ""),
                           value_as_text(value_get(p, "name"), ""),
                           value_as_text(value_get(p, "target_name"), "-"));
        for (size_t k = 0; k < changes->count; k++)
            out = arena_printf(a, "%s %s", out, value_as_text(changes->items[k], ""));
        out = arena_printf(a, "%s: %s\n", out, value_as_text(value_get(p, "outcome"), "-"));
    }
    return out;
}

struct row {
    const char *name;
    struct group_question q;
    const char *told; /* NULL: refused */
    const char *id, *text, *attribute;
};

#define BOTH(outcome)                                                                                        \
    "cluster gone - removed: " outcome "\n"                                                                  \
    "cluster kept kept: carried\n"                                                                           \
    "cluster other other default apply_type: -\n"                                                            \
    "instance ssl_ecdh_curve ssl_groups renamed: carried\n"

static const struct row rows[] = {
    {"of a cluster", {.cluster = "Orders", .target = "17"}, BOTH("refused"), NULL, NULL, NULL},
    {"told to drop",
     {.cluster = "orders", .target = "17.9", .drops_unsupported = true},
     BOTH("dropped"),
     NULL,
     NULL,
     NULL},
    {"on that major already",
     {.cluster = "orders", .target = "13"},
     "cluster gone gone: carried\ncluster kept kept: carried\ninstance ssl_ecdh_curve ssl_ecdh_curve: "
     "carried\n",
     NULL,
     NULL,
     NULL},
    {"groups by name",
     {.cluster_group = "orders-pg", .instance_group = "writer-pg", .target = "17"},
     BOTH("refused"),
     NULL,
     NULL,
     NULL},
    {"one group",
     {.instance_group = "writer-pg", .target = "17"},
     "instance ssl_ecdh_curve ssl_groups renamed: carried\n",
     NULL,
     NULL,
     NULL},
    {"no such cluster", {.cluster = "nowhere", .target = "17"}, NULL, "AUR0101", "no cluster nowhere", NULL},
    {"no such target",
     {.cluster = "orders", .target = "18"},
     NULL,
     "AUR0106",
     "AWS lists 17.9",
     "target_engine_version"},
    {"no such minor",
     {.cluster = "orders", .target = "17.99"},
     NULL,
     "AUR0106",
     "cannot go to 17.99",
     "target_engine_version"},
    {"lower", {.cluster = "orders", .target = "12"}, NULL, "AUR0105", "above 12", "target_engine_version"},
    {"no version",
     {.cluster = "orders", .target = "newest"},
     NULL,
     "AUR0106",
     "not a version",
     "target_engine_version"},
    {"no such cluster group",
     {.cluster_group = "nothing", .target = "17"},
     NULL,
     "AUR0118",
     "there is no cluster parameter group nothing in eu-west-1",
     "db_cluster_parameter_group_name"},
    {"no such instance group",
     {.instance_group = "nothing", .target = "17"},
     NULL,
     "AUR0118",
     "there is no instance parameter group nothing",
     "db_parameter_group_name"},
    {"another engine's group",
     {.cluster_group = "mysql-pg", .target = "17"},
     NULL,
     "AUR0118",
     "of family aurora-mysql8.0",
     "db_cluster_parameter_group_name"},
    {"a newer group",
     {.cluster_group = "new-pg", .target = "17"},
     NULL,
     "AUR0105",
     "above 17",
     "target_engine_version"},
};

static void questions(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(arena_cleanup) struct arena *a = arena_new();
        const struct row *row = &rows[i];
        const struct value *v = NULL;
        struct err e = ERR_INIT;
        print_message("    %s\n", row->name);
        bool ok = ask(a, &plain, &row->q, &v, &e);
        if (ok != (row->told != NULL))
            fail_msg("%s", ok ? told(a, v) : e.text);
        if (ok) {
            assert_string_equal(told(a, v), row->told);
            continue;
        }
        assert_string_equal(e.id ? e.id : "", row->id);
        if (!strstr(e.text, row->text))
            fail_msg("\"%s\" does not say \"%s\"", e.text, row->text);
        assert_true(e.hint[0] != '\0');
        if (row->attribute)
            assert_string_equal(e.attribute, row->attribute);
    }
}

static void one_parameter_in_full(void **state)
{
    (void)state;
    CLEANUP(arena_cleanup) struct arena *a = arena_new();
    const struct group_question q = {.cluster = "orders", .target = "17"};
    const struct value *v = NULL, *wanted = NULL;
    struct err e = ERR_INIT;
    if (!ask(a, &plain, &q, &v, &e))
        fail_msg("%s", e.text);
    assert_true(value_from_json(
        a,
        str_of("{\"level\":\"cluster\",\"name\":\"gone\",\"target_name\":null,\"changes\":[\"removed\"],"
               "\"outcome\":\"refused\",\"reason\":\"aurora-postgresql17 does not have it\",\"value\":\"6\","
               "\"source_default\":\"2\",\"source_apply_type\":\"dynamic\",\"source_allowed_values\":null,"
               "\"target_default\":null,\"target_apply_type\":null,\"target_allowed_values\":null}"),
        &wanted, &e));
    assert_true(value_equal(value_path(v, "parameters.0"), wanted));
    assert_string_equal(value_as_text(value_path(v, "groups.1.name"), ""), "writer-pg");
    assert_string_equal(value_as_text(value_path(v, "groups.1.source_family"), ""), "aurora-postgresql13");
    assert_string_equal(value_as_text(value_path(v, "groups.1.target_family"), ""), "aurora-postgresql17");
    assert_string_equal(value_as_text(value_get(v, "region"), ""), "eu-west-1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(questions), cmocka_unit_test(one_parameter_in_full)};
    return cmocka_run_group_tests_name("parameter group diff", tests, NULL, NULL);
}
