/* What data.aurora_upgrade_targets makes of AWS's answers. */
#include "provider/scene.h"
#include "provider/upgrade_targets.h"

#include "internal/base/testing.h"
#include "internal/upgrade/old_sides.h"

#include <string.h>

#define TARGET(version) "<UpgradeTarget><EngineVersion>" version "</EngineVersion></UpgradeTarget>"
#define VERSIONS(version, targets)                                                                           \
    "<DescribeDBEngineVersionsResponse><DescribeDBEngineVersionsResult><DBEngineVersions><DBEngineVersion>"  \
    "<EngineVersion>" version "</EngineVersion><ValidUpgradeTarget>" targets                                 \
    "</ValidUpgradeTarget></DBEngineVersion></DBEngineVersions></DescribeDBEngineVersionsResult>"            \
    "</DescribeDBEngineVersionsResponse>"
#define SUPPORT(name, ends)                                                                                  \
    "<SupportedEngineLifecycle><LifecycleSupportName>open-source-rds-" name                                  \
    "-support</LifecycleSupportName><LifecycleSupportEndDate>" ends                                          \
    "</LifecycleSupportEndDate></SupportedEngineLifecycle>"
#define MAJORS                                                                                               \
    "<DescribeDBMajorEngineVersionsResponse><DescribeDBMajorEngineVersionsResult><DBMajorEngineVersions>"    \
    "<DBMajorEngineVersion><MajorEngineVersion>13</MajorEngineVersion><SupportedEngineLifecycles>" SUPPORT(  \
        "standard", "2026-02-28T23:59:59Z")                                                                  \
        SUPPORT(                                                                                             \
            "extended",                                                                                      \
            "2029-02-28T23:59:59Z") "</SupportedEngineLifecycles></"                                         \
                                    "DBMajorEngineVersion><DBMajorEngineVersion><MajorEngineVersion>17"      \
                                    "</MajorEngineVersion><SupportedEngineLifecycles>" SUPPORT(              \
                                        "standard",                                                          \
                                        "2030-02-28T23:59:59Z") "</SupportedEngineLifecycles></"             \
                                                                "DBMajorEngineVersion></"                    \
                                                                "DBMajorEngineVersions>"                     \
                                                                "</DescribeDBMajorEngineVersionsResult></"   \
                                                                "DescribeDBMajorEngineVersionsResponse>"

static const struct scene plain = {
    .clusters = {{"orders", CLUSTER("13.20", "available")}},
    .instances = INSTANCES,
    .answers = {{"Action=DescribeDBEngineVersions&",
                 VERSIONS("13.20", TARGET("17.10") TARGET("17.9") TARGET("13.21") TARGET("17-preview"))},
                {"Action=DescribeDBMajorEngineVersions&", MAJORS}}};

static bool targets(struct arena *a, const struct scene *scene, const struct value **ret, struct err *e)
{
    struct aws *w = scene_open(a, scene);
    struct aws_session s = {.aws = w, .arena = a};
    struct old_sides *old_sides CLEANUP(old_sides_cleanup) = old_sides_new(clock_real());
    bool ok = upgrade_targets(&s, old_sides, "Orders", ret, e);
    scene_close(w);
    return ok;
}

static void expect(struct arena *a, const struct value *v, const char *path, const char *json)
{
    const struct value *wanted = NULL;
    struct err e = ERR_INIT;
    CLEANUP(buf_done) struct buf b = BUF_INIT(1 << 16);
    assert_true(value_from_json(a, str_of(json), &wanted, &e) && value_to_json(value_path(v, path), &b, &e));
    if (!value_equal(value_path(v, path), wanted))
        fail_msg("%s is %s, not %s", path, buf_text(&b), json);
}

static void in_order_with_dates(void **state)
{
    (void)state;
    CLEANUP(arena_cleanup) struct arena *a = arena_new();
    const struct value *v = NULL;
    struct err e = ERR_INIT;
    if (!targets(a, &plain, &v, &e))
        fail_msg("%s", e.text);
    expect(a, v, "id", "\"orders\"");
    expect(a, v, "region", "\"eu-west-1\"");
    expect(a, v, "engine_version", "\"13.20\"");
    expect(a, v, "end_of_standard_support", "\"2026-02-28T23:59:59Z\"");
    expect(a, v, "end_of_extended_support", "\"2029-02-28T23:59:59Z\"");
    assert_int_equal(value_get(v, "targets")->count, 3);
    expect(a, v, "targets.0.version", "\"13.21\"");
    expect(a, v, "targets.0.is_major", "false");
    expect(a, v, "targets.0.is_newest", "true");
    expect(a, v, "targets.1",
           "{\"version\":\"17.9\",\"major\":17,\"is_major\":true,\"is_newest\":false,"
           "\"parameter_group_family\":\"aurora-postgresql17\","
           "\"end_of_standard_support\":\"2030-02-28T23:59:59Z\",\"end_of_extended_support\":null}");
    expect(a, v, "targets.2.version", "\"17.10\"");
    expect(a, v, "targets.2.is_newest", "true");
}

struct refusal_row {
    const char *name, *cluster, *deployment, *versions, *id, *text;
};

static const struct refusal_row refusal_rows[] = {
    {"absent", NULL, NULL, NULL, "AUR0101", "there is no cluster orders in eu-west-1"},
    {"another engine", "<Engine>aurora-mysql</Engine><Status>available</Status>", NULL, NULL, "AUR0102",
     "aurora-mysql"},
    {"nobody has the name", NULL,
     DEPLOYMENT("orders-old1", "orders-green-abcdef", "SWITCHOVER_IN_PROGRESS", ""), NULL, "AUR0142",
     "name moves"},
    {"a version AWS has forgotten", CLUSTER("13.20", "available"), NULL, VERSIONS("13.21", TARGET("17.9")),
     "AUR0106", "AWS does not know the engine version 13.20"},
};

static void refusals(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(refusal_rows); i++) {
        CLEANUP(arena_cleanup) struct arena *a = arena_new();
        const struct refusal_row *row = &refusal_rows[i];
        struct scene scene = plain;
        const struct value *v = NULL;
        struct err e = ERR_INIT;
        print_message("    %s\n", row->name);
        scene.clusters[0][0] = row->cluster ? "orders" : NULL;
        scene.clusters[0][1] = row->cluster;
        scene.deployments = row->deployment;
        if (row->versions)
            scene.answers[0][1] = row->versions;
        assert_false(targets(a, &scene, &v, &e));
        assert_string_equal(e.id ? e.id : "", row->id);
        if (!strstr(e.text, row->text))
            fail_msg("\"%s\" does not say \"%s\"", e.text, row->text);
        assert_true(e.hint[0] != '\0');
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(in_order_with_dates), cmocka_unit_test(refusals)};
    return cmocka_run_group_tests_name("upgrade targets", tests, NULL, NULL);
}
