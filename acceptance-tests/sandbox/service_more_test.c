/* Stopping and starting, maintenance, majors, what does not exist here; over the engine in memory. */
#include "acceptance-tests/sandbox/service_fixture.h"

#include "acceptance-tests/sandbox/fake_engine.h"
#include "acceptance-tests/sandbox/maintenance.h"
#include "acceptance-tests/sandbox/proxy.h"
#include "acceptance-tests/sandbox/window.h"
#include "internal/base/testing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define STOP  "Action=StopDBCluster&DBClusterIdentifier="
#define START "Action=StartDBCluster&DBClusterIdentifier="
#define ARN   "arn:aws:rds:us-east-1:123456789012:"

static const struct refusal {
    const char *form, *code, *part;
    int status;
} REFUSALS[] = {
    {STOP "nope", "DBClusterNotFoundFault", "DBCluster nope not found.", 404},
    {START "nope", "DBClusterNotFoundFault", "DBCluster nope not found.", 404},
    {"Action=StopDBCluster", "MissingParameter", "DBClusterIdentifier", 400},
    {START "orders", "InvalidDBClusterStateFault",
     "DbCluster orders is in available state but expected it to be one of stopped", 400},
    {"Action=RebootDBCluster&DBClusterIdentifier=orders", "InvalidDBClusterStateFault", "Multi-AZ", 400},
    {"Action=RebootDBCluster&DBClusterIdentifier=nope", "DBClusterNotFoundFault", "nope", 404},
    {"Action=SwitchoverGlobalCluster&GlobalClusterIdentifier=g&TargetDbClusterIdentifier=" ARN
     "cluster:orders",
     "GlobalClusterNotFoundFault", "Global cluster g not found", 404},
    {"Action=SwitchoverGlobalCluster&GlobalClusterIdentifier=g&TargetDbClusterIdentifier=orders",
     "InvalidParameterValue", "not the ARN", 400},
    {"Action=SwitchoverGlobalCluster&GlobalClusterIdentifier=g", "MissingParameter",
     "TargetDbClusterIdentifier", 400},
    {"Action=DescribeGlobalClusters&GlobalClusterIdentifier=g", "GlobalClusterNotFoundFault", "", 404},
    {"Action=DescribeGlobalClusters&Filters.Filter.1.Name=x&Filters.Filter.1.Values.Value.1=y",
     "InvalidParameterValue", "Unrecognized filter name", 400},
    {"Action=DescribeDBProxies&DBProxyName=p", "DBProxyNotFoundFault", "The specified proxy name p", 404},
    {"Action=DescribeDBProxyTargets&DBProxyName=p", "DBProxyNotFoundFault", "", 404},
    {"Action=DescribeDBProxyTargets", "MissingParameter", "DBProxyName", 400},
    {"Action=DescribeDBProxies&MaxRecords=5", "InvalidParameterValue", "MaxRecords", 400},
    {"Action=DescribeDBMajorEngineVersions&MaxRecords=101", "InvalidParameterValue", "MaxRecords", 400},
    {"Action=DescribeDBMajorEngineVersions&Marker=x", "InvalidParameterValue", "Marker", 400},
    {"Action=DescribePendingMaintenanceActions&ResourceIdentifier=" ARN "cluster:nope",
     "ResourceNotFoundFault", "cluster:nope", 404},
    {"Action=ApplyPendingMaintenanceAction&ResourceIdentifier=" ARN "cluster:nope&ApplyAction=a&OptInType=b",
     "ResourceNotFoundFault", "cluster:nope", 404},
    {"Action=ApplyPendingMaintenanceAction&ResourceIdentifier=" ARN
     "cluster:orders&ApplyAction=db-upgrade&OptInType=immediate",
     "InvalidParameterValue", "no pending action db-upgrade", 400},
    {"Action=ApplyPendingMaintenanceAction&ApplyAction=a&OptInType=b", "MissingParameter",
     "ResourceIdentifier", 400},
    {"Action=DescribePendingMaintenanceActions&Filters.Filter.1.Name=x&Filters.Filter.1.Values.Value.1=y",
     "InvalidParameterValue", "Unrecognized filter name", 400},
};

static void refusals(void **state)
{
    struct fixture *f = *state;
    make_cluster(f, "orders", "");
    for (size_t i = 0; i < ARRAY_LEN(REFUSALS); i++) {
        const struct refusal *r = &REFUSALS[i];
        const char *reply = ask(f, r->form);
        if (strcmp(element(reply, "Code"), r->code) != 0 || !strstr(reply, r->part) ||
            last_status() != r->status)
            fail_msg("%s: %d %s", r->form, last_status(), reply);
    }
}

/* A stopped cluster has no server and keeps its addresses; nothing but a start is possible. */
static void power(void **state)
{
    struct fixture *f = *state;
    char volume[64], endpoint[64];
    make_cluster(f, "orders", "");
    make_instance(f, "orders", "orders-1");
    const char *reply = ask(f, CLUSTER "orders");
    (void)snprintf(volume, sizeof volume, "%s", element(reply, "DbClusterResourceId"));
    (void)snprintf(endpoint, sizeof endpoint, "<Endpoint>%s</Endpoint>", element(reply, "Endpoint"));
    expect(f, STOP "orders", "<Status>stopping</Status>");
    await(f, CLUSTER "orders", "<Status>stopped</Status>");
    expect(f, CLUSTER "orders", endpoint);
    expect(f, INSTANCES "orders-1", "<DBInstanceStatus>stopped</DBInstanceStatus>");
    assert_false(volume_running(f->sb.engine, volume));
    expect(f, STOP "orders", "DbCluster orders is in stopped state but expected it to be one of available.");
    expect(f, MODIFY "orders&BackupRetentionPeriod=3", "InvalidDBClusterStateFault");
    expect(f, "Action=RebootDBInstance&DBInstanceIdentifier=orders-1", "InvalidDBInstanceState");
    fixture_reopen(f);
    assert_false(volume_running(f->sb.engine, volume));
    expect(f, START "orders", "<Status>starting</Status>");
    await(f, CLUSTER "orders", AVAILABLE);
    expect(f, INSTANCES "orders-1", UP);
    assert_true(volume_running(f->sb.engine, volume));
    expect(f, "Action=DescribeEvents", "DB cluster stopped.");
    expect(f, "Action=DescribeEvents", "DB cluster started.");
}

static bool set_maintenance(struct fixture *f, const char *json, size_t *ret_n, struct err *e)
{
    json_t *in = json_loads(json, 0, NULL), *actions = NULL;
    assert_non_null(in);
    sandbox_lock(&f->sb);
    bool ok = maintenance_set(&f->sb, in, &actions, e);
    sandbox_unlock(&f->sb);
    *ret_n = json_array_size(actions);
    json_decref(actions);
    json_decref(in);
    return ok;
}

static void opt_in_rows(struct fixture *f)
{
    static const struct {
        const char *how, *part; /* of the reply */
    } rows[] = {{"next-maintenance", "<OptInStatus>next-maintenance</OptInStatus>"},
                {"undo-opt-in", "<Action>system-update</Action>"},
                {"now", "InvalidParameterValue"},
                {"immediate", "<OptInStatus>immediate</OptInStatus>"},
                {"undo-opt-in", "be undone"}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char form[256];
        (void)snprintf(form, sizeof form,
                       "Action=ApplyPendingMaintenanceAction&ResourceIdentifier=" ARN
                       "cluster:orders&ApplyAction=system-update&OptInType=%s",
                       rows[i].how);
        expect(f, form, rows[i].part);
    }
}

static void maintenance(void **state)
{
    static const char *const BAD[] = {
        "{\"resource\":\"nope\",\"action\":\"system-update\"}",
        "{\"resource\":\"orders\",\"action\":\"os-upgrade\"}",
        "{\"resource\":\"orders\",\"action\":\"nonsense\"}",
        "{\"resource\":\"orders\",\"action\":\"db-upgrade\",\"forced_apply\":\"tomorrow\"}",
    };
    struct fixture *f = *state;
    struct err e = ERR_INIT;
    size_t n = 0;
    make_cluster(f, "orders", "");
    make_instance(f, "orders", "orders-1");
    for (size_t i = 0; i < ARRAY_LEN(BAD); i++)
        assert_false(set_maintenance(f, BAD[i], &n, &e));
    assert_null(strstr(ask(f, "Action=DescribePendingMaintenanceActions"), "<Action>"));
    assert_true(
        set_maintenance(f,
                        "{\"resource\":\"orders\",\"action\":\"system-update\",\"auto_applied_after\":"
                        "\"2026-12-24T03:00:00Z\"}",
                        &n, &e));
    assert_true(
        set_maintenance(f, "{\"resource\":\"" ARN "db:orders-1\",\"action\":\"os-upgrade\"}", &n, &e));
    assert_int_equal(n, 1);
    const char *reply = ask(f, "Action=DescribePendingMaintenanceActions");
    assert_non_null(strstr(reply, "<ResourceIdentifier>" ARN "cluster:orders</ResourceIdentifier>"));
    assert_non_null(strstr(reply, "<AutoAppliedAfterDate>2026-12-24T03:00:00Z</AutoAppliedAfterDate>"));
    assert_non_null(strstr(reply, "<Action>os-upgrade</Action>"));
    reply = ask(f, "Action=DescribePendingMaintenanceActions&Filters.Filter.1.Name=db-instance-id&"
                   "Filters.Filter.1.Values.Value.1=orders-1");
    assert_null(strstr(reply, "system-update"));
    assert_non_null(strstr(reply, "os-upgrade"));
    reply = ask(f, "Action=DescribePendingMaintenanceActions&ResourceIdentifier=" ARN "cluster:orders");
    assert_null(strstr(reply, "os-upgrade"));
    opt_in_rows(f);
    assert_true(set_maintenance(f, "{\"resource\":\"orders\",\"clear\":true}", &n, &e));
    assert_int_equal(n, 0);
}

static bool set_proxy(struct fixture *f, const char *json, size_t *ret_n, struct err *e)
{
    json_t *in = json_loads(json, 0, NULL), *all = NULL;
    sandbox_lock(&f->sb);
    bool ok = proxy_set(&f->sb, in, &all, e);
    sandbox_unlock(&f->sb);
    *ret_n = json_array_size(all);
    json_decref(all);
    json_decref(in);
    return ok;
}

static void proxies(void **state)
{
    static const char *const BAD[] = {
        "{}",
        "{\"name\":\"front\"}",
        "{\"name\":\"front\",\"cluster\":\"nope\"}",
        "{\"name\":\"front\",\"cluster\":\"orders\",\"health\":\"WELL\"}",
    };
    struct fixture *f = *state;
    struct err e = ERR_INIT;
    size_t n = 0;
    make_cluster(f, "orders", "");
    make_instance(f, "orders", "orders-1");
    for (size_t i = 0; i < ARRAY_LEN(BAD); i++)
        assert_false(set_proxy(f, BAD[i], &n, &e));
    expect(f, "Action=DescribeDBProxies", "<DBProxies></DBProxies>");
    assert_true(set_proxy(f, "{\"name\":\"front\",\"cluster\":\"orders\"}", &n, &e));
    assert_int_equal(n, 1);
    expect(f, "Action=DescribeDBProxies", "<DBProxyName>front</DBProxyName>");
    expect(f, "Action=DescribeDBProxies&DBProxyName=Front", "<EngineFamily>POSTGRESQL</EngineFamily>");
    expect(f, "Action=DescribeDBProxyTargets&DBProxyName=front", "<RdsResourceId>orders</RdsResourceId>");
    expect(f, "Action=DescribeDBProxyTargets&DBProxyName=front", "<State>AVAILABLE</State>");
    expect(f, "Action=DescribeDBProxyTargets&DBProxyName=front&TargetGroupName=x",
           "DBProxyTargetGroupNotFound");
    assert_null(proxy_unreached(&f->sb, "orders"));
    assert_true(
        set_proxy(f, "{\"name\":\"front\",\"health\":\"UNAVAILABLE\",\"reason\":\"AUTH_FAILURE\"}", &n, &e));
    assert_int_equal(n, 1);
    expect(f, "Action=DescribeDBProxyTargets&DBProxyName=front", "<Reason>AUTH_FAILURE</Reason>");
    assert_string_equal(proxy_unreached(&f->sb, "orders"), "front");
    assert_true(set_proxy(f, "{\"name\":\"front\",\"remove\":true}", &n, &e));
    assert_int_equal(n, 0);
}

static void majors(void **state)
{
    struct fixture *f = *state;
    const char *reply = ask(f, "Action=DescribeDBMajorEngineVersions&Engine=aurora-postgresql");
    assert_non_null(strstr(reply, "<MajorEngineVersion>13</MajorEngineVersion>"));
    assert_non_null(strstr(reply, "<LifecycleSupportEndDate>2026-02-28T23:59:59Z</LifecycleSupportEndDate>"));
    reply = ask(f, "Action=DescribeDBMajorEngineVersions&MajorEngineVersion=17");
    assert_null(strstr(reply, "<MajorEngineVersion>13</MajorEngineVersion>"));
    assert_non_null(strstr(reply, "<MajorEngineVersion>17</MajorEngineVersion>"));
    assert_null(strstr(ask(f, "Action=DescribeDBMajorEngineVersions&Engine=mysql"), "<MajorEngineVersion>"));
}

/* Pages of a long listing: each class and version once, every page but the last of the size asked for. */
static void long_listings(void **state)
{
    struct fixture *f = *state;
    char form[512], marker[128] = "";
    size_t total = 0;
    for (int page = 0; page < 100; page++) {
        (void)snprintf(
            form, sizeof form,
            "Action=DescribeOrderableDBInstanceOptions&Engine=aurora-postgresql&EngineVersion=17.6&"
            "MaxRecords=20%s%s",
            *marker ? "&Marker=" : "", marker);
        const char *reply = ask(f, form);
        size_t here = 0;
        for (const char *at = reply; (at = strstr(at, "<DBInstanceClass>")); at++)
            here++;
        total += here;
        (void)snprintf(marker, sizeof marker, "%s", element(reply, "Marker"));
        assert_true(here == 20 || !*marker);
        if (!*marker)
            break;
    }
    assert_int_equal(total, 24);
    expect(f,
           "Action=DescribeDBEngineVersions&Filters.Filter.1.Name=engine-version&Filters.Filter.1.Values."
           "Value.1=17.6",
           "<EngineVersion>17.6</EngineVersion>");
    assert_null(strstr(ask(f, "Action=DescribeDBEngineVersions&Filters.Filter.1.Name=status&"
                              "Filters.Filter.1.Values.Value.1=deprecated"),
                       "<EngineVersion>"));
}

static void nothing_there(void **state)
{
    struct fixture *f = *state;
    expect(f, "Action=DescribeGlobalClusters", "<GlobalClusters></GlobalClusters>");
}

/* "wed:23:10-thu:01:10": from an hour before `wall_ms` to an hour after it. */
static void window_around(int64_t wall_ms, char ret[24])
{
    char begin[12], end[12];
    time_t from = (time_t)(wall_ms / 1000) - 3600, to = from + 7200;
    struct tm utc;
    (void)strftime(begin, sizeof begin, "%a:%H:%M", gmtime_r(&from, &utc));
    (void)strftime(end, sizeof end, "%a:%H:%M", gmtime_r(&to, &utc));
    (void)snprintf(ret, 24, "%s-%s", begin, end);
}

static void windows_of_a_week(void **state)
{
    static const struct {
        const char *window;
        int64_t hour; /* since Monday 1970-01-05 00:00 UTC */
        bool open;
    } rows[] = {{"mon:00:00-mon:01:00", 0, true},
                {"mon:01:00-mon:02:00", 0, false},
                {"mon:00:00-mon:01:00", 1, false},
                {"sun:23:00-mon:01:00", 0, true},
                {"sun:23:00-mon:01:00", 167, true},
                {"sun:23:00-mon:01:00", 100, false},
                {"Thu:10:00-Thu:11:00", 82, true},
                {"thu:10:00-thu:11:00", 82 + 168, true},
                {"nonsense", 0, false},
                {"xyz:00:00-mon:01:00", 0, false}};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        assert_int_equal(window_is_open(rows[i].window, (96 + rows[i].hour) * 3600000), rows[i].open);
}

/* What was put aside waits, over a restart, is taken back by naming the present version, and is applied once
 * the window is moved to now. */
static void the_window_applies_what_waits(void **state)
{
    struct fixture *f = *state;
    char form[128], now[24];
    int64_t wall = f->sb.clock->wall_ms(f->sb.clock);
    make_groups(f);
    make_cluster(f, "orders", "&EngineVersion=13.22&DBClusterParameterGroupName=g13");
    make_instance(f, "orders", "orders-1");
#define LATER                                                                                                \
    MODIFY "orders&EngineVersion=17.6&AllowMajorVersionUpgrade=true&DBClusterParameterGroupName=g17&"        \
           "DBInstanceParameterGroupName=i17"
#define PENDING "<PendingModifiedValues><EngineVersion>17.6</EngineVersion></PendingModifiedValues>"
    window_around(wall + 48 * 3600000LL, now);
    (void)snprintf(form, sizeof form, MODIFY "orders&PreferredMaintenanceWindow=%s", now);
    expect(f, form, AVAILABLE);
    expect(f, LATER, PENDING);
    expect(f, CLUSTER "orders", PENDING);
    expect(f, MODIFY "orders&EngineVersion=13.22", AVAILABLE);
    assert_null(strstr(ask(f, CLUSTER "orders"), "<EngineVersion>17.6"));
    expect(f, LATER, PENDING);
    fixture_reopen(f);
    expect(f, CLUSTER "orders", PENDING);
    fake_expect((struct fake_plan){.fingerprint = "same"});
    window_around(wall, now);
    (void)snprintf(form, sizeof form, MODIFY "orders&PreferredMaintenanceWindow=%s", now);
    expect(f, form, AVAILABLE);
    await(f, "Action=DescribeEvents&SourceType=db-cluster&SourceIdentifier=orders",
          "Database cluster engine major version has been upgraded.");
    await(f, CLUSTER "orders", AVAILABLE);
    expect(f, CLUSTER "orders", "<DBClusterParameterGroup>g17</DBClusterParameterGroup>");
    expect(f, INSTANCES "orders-1", "<DBParameterGroupName>i17</DBParameterGroupName>");
    assert_null(strstr(ask(f, CLUSTER "orders"), "<PendingModifiedValues><EngineVersion>"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(refusals),
        TEST(power),
        TEST(maintenance),
        TEST(majors),
        TEST(long_listings),
        TEST(nothing_there),
        TEST(proxies),
        TEST(the_window_applies_what_waits),
        cmocka_unit_test(windows_of_a_week),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
