/* Blue/green deployments over an engine in memory: building, switching, what guardrails refuse, failing,
 * deleting. */
#include "acceptance-tests/sandbox/fake_engine.h"
#include "acceptance-tests/sandbox/service_fixture.h"
#include "internal/base/testing.h"

#include <stdio.h>
#include <string.h>

#define SOURCE "&Source=arn:aws:rds:us-east-1:123456789012:cluster:orders"
#define BLUEGREEN                                                                                            \
    "Action=CreateBlueGreenDeployment&BlueGreenDeploymentName=up" SOURCE                                     \
    "&TargetEngineVersion=17.6&TargetDBClusterParameterGroupName=g17"

static char deployment[64];

static const char *on_deployment(const char *verb, const char *more)
{
    static char form[256];
    (void)snprintf(form, sizeof form, "Action=%s&BlueGreenDeploymentIdentifier=%s%s", verb, deployment, more);
    return form;
}

static void build_green(struct fixture *f)
{
    make_groups(f);
    make_cluster(f, "orders",
                 "&EngineVersion=13.22&DBClusterParameterGroupName=g13&Tags.Tag.1.Key=t&Tags.Tag.1.Value=v");
    make_instance(f, "orders", "orders-1");
    make_instance(f, "orders", "orders-2");
    expect(f,
           "Action=CreateDBClusterEndpoint&DBClusterIdentifier=orders&DBClusterEndpointIdentifier=reports&"
           "EndpointType=READER&StaticMembers.member.1=orders-2",
           "creating");
    await(f, "Action=DescribeDBClusterEndpoints&DBClusterEndpointIdentifier=reports", AVAILABLE);
    const char *reply = ask(f, BLUEGREEN);
    assert_non_null(strstr(reply, "<Status>PROVISIONING</Status>"));
    assert_null(strstr(reply, "<Target>"));
    (void)snprintf(deployment, sizeof deployment, "%s", element(reply, "BlueGreenDeploymentIdentifier"));
    expect(f, BLUEGREEN, "BlueGreenDeploymentAlreadyExistsFault");
    await(f, on_deployment("DescribeBlueGreenDeployments", ""), "</Tasks><Status>AVAILABLE</Status>");
    await(f,
          "Action=DescribeDBInstances&Filters.Filter.1.Name=engine&Filters.Filter.1.Values.Value.1=aurora-"
          "postgresql",
          "-green-");
    while (strstr(ask(f, "Action=DescribeDBInstances"), "storage-optimization"))
        continue;
}

static void switchover(void **state)
{
    struct fixture *f = *state;
    char blue[64], green[64], target[128];
    build_green(f);
    const char *reply = ask(f, on_deployment("DescribeBlueGreenDeployments", ""));
    (void)snprintf(target, sizeof target, "%s", strrchr(element(reply, "Target"), ':') + 1);
    assert_int_equal(strncmp(target, "orders-green-", 13), 0);
    (void)snprintf(blue, sizeof blue, "%s", element(ask(f, CLUSTER "orders"), "DbClusterResourceId"));
    char form[256];
    (void)snprintf(form, sizeof form, CLUSTER "%s", target);
    (void)snprintf(green, sizeof green, "%s", element(ask(f, form), "DbClusterResourceId"));
    expect(f, form, "<ReplicationSourceIdentifier>arn:aws:rds:us-east-1:123456789012:cluster:orders<");
    expect(f, on_deployment("SwitchoverBlueGreenDeployment", "&SwitchoverTimeout=29"),
           "InvalidParameterValue");
    expect(f, on_deployment("SwitchoverBlueGreenDeployment", ""),
           "</TargetMember><Status>AVAILABLE</Status>"); /* details lag */
    await(f, on_deployment("DescribeBlueGreenDeployments", ""),
          "<Status>SWITCHOVER_COMPLETED</Status><CreateTime>");
    expect(f, on_deployment("DescribeBlueGreenDeployments", ""),
           "<Source>arn:aws:rds:us-east-1:123456789012:cluster:orders-old1</Source>");
    expect(f, CLUSTER "orders", green);
    expect(f, CLUSTER "orders", "<Key>t</Key><Value>v</Value>");
    expect(f, CLUSTER "orders", "<DBClusterParameterGroup>g17</DBClusterParameterGroup>");
    expect(f, CLUSTER "orders-old1", blue);
    expect(f, INSTANCES "orders-2-old1", "<DBClusterIdentifier>orders-old1</DBClusterIdentifier>");
    expect(f, "Action=DescribeDBClusterEndpoints&DBClusterEndpointIdentifier=reports",
           "<StaticMembers><member>orders-2</member></StaticMembers>");
    expect(f, "Action=DescribeDBClusterEndpoints&DBClusterEndpointIdentifier=reports-old1",
           "<member>orders-2-old1</member>");
    assert_string_equal(fake_endpoint("orders.cluster"), green);
    assert_string_equal(fake_endpoint("orders-old1.cluster"), blue);
    assert_string_equal(fake_endpoint("orders-1.instance"), green);
    (void)snprintf(form, sizeof form, "%s.cluster", target);
    assert_string_equal(fake_endpoint(form), "");
    assert_true(fake_is_locked(blue));
    expect(f, on_deployment("DeleteBlueGreenDeployment", "&DeleteTarget=true"),
           "InvalidBlueGreenDeploymentStateFault");
    expect(f, on_deployment("DeleteBlueGreenDeployment", ""), "<Status>DELETING</Status>");
    await(f, on_deployment("DescribeBlueGreenDeployments", ""), "BlueGreenDeploymentNotFoundFault");
    assert_false(fake_is_locked(blue));
}

static const struct guard_case {
    const char *sql_finds, *unhealthy, *fingerprint, *fail_switchover; /* what is wrong */
    const char *part;                                                  /* of the event */
} GUARD_CASES[] = {
    {"slot_name !~", NULL, NULL, NULL,
     "was canceled due to the blue environment has logical replication slots of its own"},
    {"pg_subscription", NULL, NULL, NULL, "self-managed logical subscriber"},
    {"pubname !~", NULL, NULL, NULL, "self-managed logical publisher"},
    {"SELECT gid FROM pg_prepared_xacts", NULL, NULL, NULL, "prepared transactions"},
    {NULL, "apply error", NULL, NULL, "is unhealthy: apply error"},
    {NULL, NULL, "other", NULL, "unsupported changes were made on the blue environment"},
    {NULL, NULL, NULL, "drain took too long", "drain took too long"},
};

static void guardrails(void **state)
{
    struct fixture *f = *state;
    build_green(f);
    for (size_t i = 0; i < ARRAY_LEN(GUARD_CASES); i++) {
        const struct guard_case *g = &GUARD_CASES[i];
        fake_expect((struct fake_plan){.fail_switchover = g->fail_switchover,
                                       .unhealthy = g->unhealthy,
                                       .sql_finds = g->sql_finds,
                                       .fingerprint = g->fingerprint ? g->fingerprint : "same"});
        await(f, on_deployment("SwitchoverBlueGreenDeployment", ""),
              "<Status>SWITCHOVER_IN_PROGRESS</Status>");
        await(f, "Action=DescribeEvents&SourceType=blue-green-deployment", g->part);
        await(f, on_deployment("DescribeBlueGreenDeployments", ""), "</Tasks><Status>AVAILABLE</Status>");
        expect(f, on_deployment("DescribeBlueGreenDeployments", ""),
               "<StatusDetails>Switchover from DB cluster orders to orders-green-");
        expect(f, CLUSTER "orders", "<EngineVersion>13.22</EngineVersion>");
        fake_expect((struct fake_plan){.fingerprint = "same"});
    }
    expect(f, "Action=DeleteDBCluster&DBClusterIdentifier=orders&SkipFinalSnapshot=true",
           "InvalidDBClusterStateFault");
    expect(f, on_deployment("DeleteBlueGreenDeployment", "&DeleteTarget=true"), "<Status>DELETING</Status>");
    await(f, on_deployment("DescribeBlueGreenDeployments", ""), "BlueGreenDeploymentNotFoundFault");
    assert_null(strstr(ask(f, "Action=DescribeDBClusters"), "-green-"));
    assert_null(strstr(ask(f, "Action=DescribeDBInstances"), "-green-"));
}

static void degraded_and_back(void **state)
{
    struct fixture *f = *state;
    static const char events[] = "Action=DescribeEvents&SourceType=blue-green-deployment";
    static const struct {
        const char *unhealthy, *part;
    } rows[] = {{"a column is missing", "Replication degraded: replication from the blue"},
                {NULL, "Replication recovered: "},
                {"a table is missing", "unhealthy: a table is missing"}};
    build_green(f);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        fake_expect((struct fake_plan){.unhealthy = rows[i].unhealthy, .fingerprint = "same"});
        await(f, events, rows[i].part);
        expect(f, on_deployment("DescribeBlueGreenDeployments", ""), "</Tasks><Status>AVAILABLE</Status>");
    }
}

static void failed_build(void **state)
{
    struct fixture *f = *state;
    make_groups(f);
    make_cluster(f, "orders", "&EngineVersion=13.22&DBClusterParameterGroupName=g13");
    make_instance(f, "orders", "orders-1");
    fake_expect((struct fake_plan){.fail_upgrade = "pg_upgrade said no", .fingerprint = "same"});
    (void)snprintf(deployment, sizeof deployment, "%s",
                   element(ask(f, BLUEGREEN), "BlueGreenDeploymentIdentifier"));
    await(f, on_deployment("DescribeBlueGreenDeployments", ""),
          "<Status>INVALID_CONFIGURATION</Status><StatusDetails>Creation of blue/green deployment failed "
          "because");
    expect(f, "Action=DescribeEvents&SourceType=blue-green-deployment", "pg_upgrade said no");
    fake_expect((struct fake_plan){.fingerprint = "same"});
    expect(f, on_deployment("DeleteBlueGreenDeployment", "&DeleteTarget=true"), "DELETING");
    await(f, on_deployment("DescribeBlueGreenDeployments", ""), "BlueGreenDeploymentNotFoundFault");
    assert_null(strstr(ask(f, "Action=DescribeDBClusters"), "-green-"));
}

static void wait_for_green(struct fixture *f)
{
    await(f, on_deployment("DescribeBlueGreenDeployments", ""), "</Tasks><Status>AVAILABLE</Status>");
    while (strstr(ask(f, "Action=DescribeDBInstances"), "storage-optimization"))
        continue;
}

/* Two in a row, the second within one major: green keeps blue's groups, the old names count up. */
static void again(void **state)
{
    struct fixture *f = *state;
    for (int round = 1; round <= 2; round++) {
        if (round == 1) {
            make_groups(f);
            make_cluster(f, "orders", "&EngineVersion=13.22&DBClusterParameterGroupName=g13");
            make_instance(f, "orders", "orders-1");
        }
        char form[512];
        (void)snprintf(form, sizeof form,
                       "Action=CreateBlueGreenDeployment&BlueGreenDeploymentName=r%d" SOURCE
                       "&TargetEngineVersion=13.23",
                       round);
        (void)snprintf(deployment, sizeof deployment, "%s",
                       element(ask(f, form), "BlueGreenDeploymentIdentifier"));
        wait_for_green(f);
        assert_non_null(ask(f, on_deployment("SwitchoverBlueGreenDeployment", "")));
        await(f, on_deployment("DescribeBlueGreenDeployments", ""),
              "<Status>SWITCHOVER_COMPLETED</Status><CreateTime>");
        expect(f, on_deployment("DeleteBlueGreenDeployment", ""), "DELETING");
        await(f, on_deployment("DescribeBlueGreenDeployments", ""), "BlueGreenDeploymentNotFoundFault");
        expect(f, CLUSTER "orders", "<DBClusterParameterGroup>g13</DBClusterParameterGroup>");
    }
    expect(f, CLUSTER "orders-old1", "<EngineVersion>13.22</EngineVersion>");
    expect(f, CLUSTER "orders-old2", "<EngineVersion>13.23</EngineVersion>");
    expect(f, INSTANCES "orders-1-old2", UP);
    expect(f, CLUSTER "orders", "<EngineVersion>13.23</EngineVersion>");
}

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(switchover), TEST(guardrails), TEST(degraded_and_back),
                                       TEST(failed_build), TEST(again)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
