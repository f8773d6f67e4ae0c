/* What data.aurora_cluster makes of AWS's answers, over the wire from a scripted RDS on a loopback port. */
#include "provider/cluster_facts.h"
#include "provider/scene.h"

#include "internal/base/testing.h"
#include "internal/upgrade/old_sides.h"

#include <stdio.h>
#include <string.h>

/* ---- scenes ---- */

static const struct scene plain = {.clusters = {{"orders", CLUSTER("15.4", "available")}},
                                   .instances = INSTANCES};

static bool facts(struct arena *a, const struct scene *scene, const struct value *fallback,
                  const struct value **ret, struct err *e)
{
    struct aws *w = scene_open(a, scene);
    struct aws_session s = {.aws = w, .arena = a};
    struct old_sides *old_sides CLEANUP(old_sides_cleanup) = old_sides_new(clock_real());
    bool ok = cluster_facts(&s, old_sides, "Orders", fallback, ret, e);
    scene_close(w);
    return ok;
}

static const char *json_of(struct arena *a, const struct value *v)
{
    CLEANUP(buf_done) struct buf b = BUF_INIT(1 << 20);
    struct err e = ERR_INIT;
    if (!value_to_json(v, &b, &e))
        fail_msg("%s", e.text);
    return arena_strdup(a, buf_text(&b));
}

static const struct value *json(struct arena *a, const char *text)
{
    const struct value *v = NULL;
    struct err e = ERR_INIT;
    if (!value_from_json(a, str_of(text), &v, &e))
        fail_msg("%s: %s", text, e.text);
    return v;
}

static void expect(struct arena *a, const struct value *facts_, const char *name, const char *expected)
{
    const struct value *got = value_get(facts_, name);
    if (!value_equal(got, json(a, expected)))
        fail_msg("%s is %s, not %s", name, json_of(a, got), expected);
}

/* ---- tests ---- */

static void test_everything(void **state)
{
    (void)state;
    CLEANUP(arena_cleanup) struct arena *a = arena_new();
    struct scene scene = plain;
    scene.clusters[0][1] = CLUSTER(
        "15.4", "available") "<ServerlessV2ScalingConfiguration><MinCapacity>0.5</"
                             "MinCapacity><MaxCapacity>16.0</MaxCapacity>"
                             "</ServerlessV2ScalingConfiguration><MasterUserSecret><SecretArn>s</"
                             "SecretArn><SecretStatus>active"
                             "</SecretStatus></MasterUserSecret><AssociatedRoles><DBClusterRole><RoleArn>r1</"
                             "RoleArn><FeatureName>"
                             "s3Import</FeatureName></DBClusterRole><DBClusterRole><RoleArn>r1</"
                             "RoleArn><FeatureName>s3Export"
                             "</FeatureName></DBClusterRole></AssociatedRoles><CustomEndpoints><member>x</"
                             "member></CustomEndpoints>";
    scene.endpoints = "<DBClusterEndpointList><DBClusterEndpointIdentifier>rep</DBClusterEndpointIdentifier>"
                      "<DBClusterIdentifier>orders</DBClusterIdentifier><Endpoint>rep.e</Endpoint>"
                      "<EndpointType>CUSTOM</EndpointType><CustomEndpointType>READER</CustomEndpointType>"
                      "<StaticMembers><member>orders-1</member></StaticMembers><DBClusterEndpointArn>ea"
                      "</DBClusterEndpointArn></DBClusterEndpointList>";
    const struct value *f = NULL;
    struct err e = ERR_INIT;
    if (!facts(a, &scene, NULL, &f, &e))
        fail_msg("%s", e.text);
    expect(a, f, "id", "\"orders\"");
    expect(a, f, "region", "\"eu-west-1\"");
    expect(a, f, "exists", "true");
    expect(a, f, "engine_version", "\"15.4\"");
    expect(a, f, "db_cluster_parameter_group_name", "\"orders-pg\"");
    expect(a, f, "db_parameter_group_name", "\"writer-pg\"");
    expect(a, f, "cluster_resource_id", "\"cluster-A\"");
    expect(a, f, "port", "5432");
    expect(a, f, "storage_encrypted", "true");
    expect(a, f, "availability_zones", "[\"a\",\"b\"]");
    expect(a, f, "iam_roles", "[\"r1\"]");
    expect(a, f, "operation", "null");
    expect(a, f, "serverlessv2_scaling_configuration",
           "[{\"min_capacity\":0.5,\"max_capacity\":16,\"seconds_until_auto_pause\":null}]");
    expect(a, f, "master_user_secret",
           "[{\"secret_arn\":\"s\",\"secret_status\":\"active\",\"kms_key_id\":null}]");
    expect(a, value_path(f, "custom_endpoints.0"), "cluster_endpoint_identifier", "\"rep\"");
    expect(a, value_path(f, "custom_endpoints.0"), "custom_endpoint_type", "\"READER\"");
    expect(a, value_path(f, "custom_endpoints.0"), "static_members", "[\"orders-1\"]");
    expect(a, value_path(f, "instances.0"), "identifier", "\"orders-0\"");
    expect(a, value_path(f, "instances.0"), "dbi_resource_id", "\"db-0\"");
    expect(a, value_path(f, "instances.1"), "promotion_tier", "1");
}

struct operation_row {
    const char *name, *deployment;
    const char *old; /* members of a cluster orders-old1; NULL: there is none */
    const char *expect;
    const char *snapshots, *other, *members; /* another cluster's name, and what it shows */
};

#define SNAPSHOT(version, tags)                                                                              \
    "<DBClusterSnapshot><DBClusterSnapshotIdentifier>snap</DBClusterSnapshotIdentifier><Status>available</"  \
    "Status><EngineVersion>13.9</EngineVersion><SnapshotCreateTime>2026-01-01T00:00:00Z</"                   \
    "SnapshotCreateTime><TagList>" TAG("cluster", "orders") TAG("resource", "aurora_in_place_upgrade")       \
        TAG("snapshot", "snap") TAG("target-version", version) tags "</TagList></DBClusterSnapshot>"
#define SIDE(id, tags)                                                                                       \
    "<DbClusterResourceId>" id                                                                               \
    "</DbClusterResourceId>" CLUSTER("13.9", "available") "<TagList>" TAG("cluster", "orders") tags          \
        "</TagList>"

static const struct operation_row operation_rows[] = {
    {"building", DEPLOYMENT("orders", "orders-green-abcdef", "PROVISIONING", ""), NULL,
     .expect = "{\"in_flight\":true,\"stage\":\"none\",\"resource\":\"aurora_blue_green_upgrade\"}"},
    {"a status nobody listed", DEPLOYMENT("orders", "orders-green-abcdef", "POLISHING", ""), NULL,
     .expect = "{\"in_flight\":true,\"stage\":\"none\",\"resource\":\"aurora_blue_green_upgrade\"}"},
    {"built", DEPLOYMENT("orders", "orders-green-abcdef", "AVAILABLE", ""), NULL,
     .expect = "{\"in_flight\":false,\"stage\":\"prepared\",\"resource\":\"aurora_blue_green_upgrade\"}"},
    {"validated",
     DEPLOYMENT("orders", "orders-green-abcdef", "AVAILABLE", TAG("validated-at", "2026-01-01T00:00:00Z")),
     NULL,
     .expect = "{\"in_flight\":false,\"stage\":\"validated\",\"resource\":\"aurora_blue_green_upgrade\"}"},
    {"switched", DEPLOYMENT("orders-old1", "orders", "SWITCHOVER_COMPLETED", ""),
     CLUSTER("13.9", "available"),
     .expect = "{\"in_flight\":false,\"stage\":\"switched\",\"resource\":\"aurora_blue_green_upgrade\"}"},
    {"switched, deployment removed, old side kept", NULL,
     "<DbClusterResourceId>cluster-B</DbClusterResourceId>" CLUSTER("13.9", "available") "<TagList>" TAG(
         "old-of", "orders") TAG("resource", "aurora_other") "</TagList>",
     .expect = "{\"in_flight\":false,\"stage\":\"switched\",\"resource\":\"aurora_other\"}"},
    {"in place, switched", NULL, NULL,
     .expect = "{\"in_flight\":false,\"stage\":\"switched\",\"resource\":\"aurora_in_place_upgrade\"}",
     .snapshots = SNAPSHOT("15.4", "")},
    {"in place, over", NULL, NULL, .expect = "null",
     .snapshots = SNAPSHOT("15.4", TAG("completed-at", "2026-01-02T00:00:00Z"))},
    {"in place, rolled back", NULL, NULL,
     .expect = "{\"in_flight\":false,\"stage\":\"rolled_back\",\"resource\":\"aurora_in_place_upgrade\"}",
     .snapshots = SNAPSHOT("15.4", TAG("completed-at", "2026-01-02T00:00:00Z")), .other = "orders-upgraded",
     .members = SIDE("cluster-U",
                     TAG("resource", "aurora_in_place_upgrade") TAG("old-of", "orders")
                         TAG("replaced-by", "cluster-A") TAG("rolled-back-at", "2026-01-02T00:00:00Z"))},
    {"logical, the clone follows", NULL, NULL,
     .expect = "{\"in_flight\":false,\"stage\":\"prepared\",\"resource\":\"aurora_logical_upgrade\"}",
     .other = "orders-next",
     .members =
         SIDE("cluster-N", TAG("resource", "aurora_logical_upgrade") TAG("clone-of", "cluster-A")
                               TAG("target-version", "17.4") TAG("follows-since", "2026-01-02T00:00:00Z"))},
    {"somebody else's deployment",
     DEPLOYMENT("orders2", "orders2-green-abcdef", "SWITCHOVER_IN_PROGRESS", ""), NULL, .expect = "null"},
};

static void test_operation(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(operation_rows); i++) {
        CLEANUP(arena_cleanup) struct arena *a = arena_new();
        const struct operation_row *row = &operation_rows[i];
        struct scene scene = plain;
        scene.deployments = row->deployment;
        if (row->old) {
            scene.clusters[1][0] = "orders-old1";
            scene.clusters[1][1] = row->old;
        }
        if (row->other) {
            scene.clusters[2][0] = row->other;
            scene.clusters[2][1] = row->members;
        }
        scene.snapshots = row->snapshots;
        const struct value *f = NULL;
        struct err e = ERR_INIT;
        print_message("    %s\n", row->name);
        if (!facts(a, &scene, NULL, &f, &e))
            fail_msg("%s", e.text);
        expect(a, f, "operation", row->expect);
    }
}

struct refusal_row {
    const char *name;
    const char *cluster, *deployment, *old; /* as above; cluster NULL: absent */
    bool has_default;
    const char *id, *text;
};

static const struct refusal_row refusal_rows[] = {
    {"absent", NULL, NULL, NULL, false, "AUR0101", "no cluster orders in eu-west-1"},
    {"wrong engine", "<Engine>aurora-mysql</Engine><Status>available</Status>", NULL, NULL, false, "AUR0102",
     "aurora-mysql"},
    {"wrong engine, whatever the default says", "<Engine>postgres</Engine><Status>available</Status>", NULL,
     NULL, true, "AUR0102", "postgres"},
    {"switching over", CLUSTER("13.9", "available"),
     DEPLOYMENT("orders", "orders-green-abcdef", "SWITCHOVER_IN_PROGRESS", ""), NULL, true, "AUR0142",
     "name moves"},
    {"in the gap: nobody has the name", NULL,
     DEPLOYMENT("orders-old1", "orders-green-abcdef", "SWITCHOVER_IN_PROGRESS", ""), NULL, true, "AUR0142",
     "name moves"},
    {"in the gap, by tag", NULL, DEPLOYMENT("p", "q", "SWITCHOVER_IN_PROGRESS", TAG("cluster", "orders")),
     NULL, true, "AUR0142", "name moves"},
    {"renaming", CLUSTER("13.9", "renaming"), NULL, NULL, true, "AUR0142", "renaming"},
    {"the old side has lost the name, the new one has not got it", NULL, NULL,
     "<DbClusterResourceId>cluster-B</DbClusterResourceId>" CLUSTER("13.9", "available") "<TagList>" TAG(
         "old-of", "orders") "</TagList>",
     true, "AUR0142", "lost the name"},
};

static void test_refusals(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(refusal_rows); i++) {
        CLEANUP(arena_cleanup) struct arena *a = arena_new();
        const struct refusal_row *row = &refusal_rows[i];
        struct scene scene = {.instances = row->cluster ? INSTANCES : NULL, .deployments = row->deployment};
        size_t n = 0;
        if (row->cluster) {
            scene.clusters[n][0] = "orders";
            scene.clusters[n++][1] = row->cluster;
        }
        if (row->old) {
            scene.clusters[n][0] = "orders-old1";
            scene.clusters[n][1] = row->old;
        }
        const struct value *f = NULL,
                           *fallback = row->has_default ? json(a, "{\"engine_version\":\"17.6\"}") : NULL;
        struct err e = ERR_INIT;
        print_message("    %s\n", row->name);
        assert_false(facts(a, &scene, fallback, &f, &e));
        assert_string_equal(e.id ? e.id : "", row->id);
        if (!strstr(e.text, row->text))
            fail_msg("\"%s\" does not say \"%s\"", e.text, row->text);
        assert_true(e.hint[0] != '\0');
    }
}

/* Custom endpoints go before the first instance has another name: the restored cluster alone tells. */
static void test_announced(void **state)
{
    static const struct {
        const char *tags;
        bool moves;
    } rows[] = {
        {TAG("cluster", "orders") TAG("resource", "aurora_in_place_upgrade") TAG("replaces", "cluster-A")
             TAG("names-move", "2026-01-01T10:00:00Z"),
         true},
        {TAG("cluster", "orders") TAG("resource", "aurora_in_place_upgrade") TAG("replaces", "cluster-A"),
         false},
        {TAG("cluster", "other") TAG("resource", "aurora_in_place_upgrade") TAG("replaces", "cluster-A")
             TAG("names-move", "2026-01-01T10:00:00Z"),
         false},
        {"", false},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(arena_cleanup) struct arena *a = arena_new();
        struct scene scene = plain;
        const struct value *f = NULL;
        struct err e = ERR_INIT;
        scene.clusters[1][0] = "orders-restored";
        scene.clusters[1][1] =
            arena_printf(a, "<DbClusterResourceId>cluster-R</DbClusterResourceId>%s<TagList>%s</TagList>",
                         CLUSTER("13.9", "available"), rows[i].tags);
        assert_int_equal(facts(a, &scene, NULL, &f, &e), !rows[i].moves);
        assert_string_equal(e.id ? e.id : "", rows[i].moves ? "AUR0142" : "");
    }
}

static void test_default(void **state)
{
    (void)state;
    CLEANUP(arena_cleanup) struct arena *a = arena_new();
    const struct value *fallback =
        json(a, "{\"engine_version\":\"17.6\",\"db_parameter_group_name\":\"g\",\"kms_key_id\":null}");
    const struct scene nothing = {0};
    const struct value *f = NULL;
    struct err e = ERR_INIT;
    assert_true(facts(a, &nothing, fallback, &f, &e));
    expect(a, f, "exists", "false");
    expect(a, f, "engine_version", "\"17.6\"");
    expect(a, f, "db_parameter_group_name", "\"g\"");
    expect(a, f, "db_cluster_parameter_group_name", "null");
    expect(a, f, "kms_key_id", "null");
    expect(a, f, "instances", "[]");
    expect(a, f, "availability_zones", "[]");

    /* Created, but no instance yet: the next apply must not want another instance group. */
    struct scene young = plain;
    young.instances = NULL;
    assert_true(facts(a, &young, fallback, &f, &e));
    expect(a, f, "exists", "true");
    expect(a, f, "engine_version", "\"15.4\"");
    expect(a, f, "db_parameter_group_name", "\"g\"");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_everything), cmocka_unit_test(test_operation), cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_announced),  cmocka_unit_test(test_default),
    };
    return cmocka_run_group_tests_name("cluster facts", tests, NULL, NULL);
}
