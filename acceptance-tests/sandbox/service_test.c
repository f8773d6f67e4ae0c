/* The AWS side as a whole, over an engine in memory: refusals as rows, then the lives of a cluster, an
 * upgrade and a deployment through signed requests. */
#include "acceptance-tests/sandbox/service_fixture.h"

#include "acceptance-tests/sandbox/fake_engine.h"
#include "acceptance-tests/sandbox/faults.h"
#include "internal/base/testing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- refusals ---- */

static const struct refusal {
    const char *form, *code, *part;
    int status;
} REFUSALS[] = {
    {"Action=NoSuchThing", "InvalidAction", "Could not find operation NoSuchThing", 400},
    {"Actio=x", "MissingAction", "", 400},
    {"Action=CreateDBCluster&DBClusterIdentifier=a", "MissingParameter", "Engine", 400},
    {CREATE "-a", "InvalidParameterValue", "not a valid identifier", 400},
    {CREATE "a--b", "InvalidParameterValue", "not a valid identifier", 400},
    {CREATE "orders", "DBClusterAlreadyExistsFault", "", 400},
    {CREATE "ORDERS", "DBClusterAlreadyExistsFault", "", 400},
    {CREATE "a&EngineVersion=14.9", "InvalidParameterCombination",
     "Cannot find version 14.9 for aurora-postgresql", 400},
    {CREATE "a&EngineVersion=17.x", "InvalidParameterCombination", "Cannot find version", 400},
    {CREATE "a&Port=80", "InvalidParameterValue", "port", 400},
    {CREATE "a&BackupRetentionPeriod=0", "InvalidParameterValue", "backup retention period: 0", 400},
    {CREATE "a&PreferredBackupWindow=25:00-26:00", "InvalidParameterValue", "backup window", 400},
    {CREATE "a&EngineMode=serverless", "InvalidParameterValue", "engine mode", 400},
    {CREATE "a&DBSubnetGroupName=nope", "DBSubnetGroupNotFoundFault", "'nope'", 404},
    {CREATE "a&VpcSecurityGroupIds.VpcSecurityGroupId.1=bad", "InvalidParameterValue", "security group", 400},
    {CREATE "a&DBClusterParameterGroupName=nope", "DBParameterGroupNotFound",
     "DBClusterParameterGroup not found: nope", 404},
    {CREATE "a&DBClusterParameterGroupName=g13&EngineVersion=17.6", "InvalidParameterCombination",
     "DBParameterGroupFamily aurora-postgresql13", 400},
    {CREATE "a&ManageMasterUserPassword=true", "InvalidParameterCombination", "MasterUserPassword", 400},
    {CREATE "a&EngineVersion=13.12&ServerlessV2ScalingConfiguration.MinCapacity=0&"
            "ServerlessV2ScalingConfiguration.MaxCapacity=2",
     "InvalidParameterValue", "isn't supported for engine version 13.12", 400},
    {CREATE "a&Tags.Tag.1.Key=aws:x&Tags.Tag.1.Value=y", "InvalidParameterValue", "aws:", 400},
    {"Action=CreateDBCluster&Engine=mysql&DBClusterIdentifier=a", "InvalidParameterValue",
     "Invalid DB engine: mysql", 400},
    {"Action=CreateDBCluster&Engine=aurora-postgresql&DBClusterIdentifier=a&MasterUsername=rdsadmin&"
     "MasterUserPassword=12345678",
     "InvalidParameterValue", "reserved word", 400},
    {"Action=CreateDBCluster&Engine=aurora-postgresql&DBClusterIdentifier=a&MasterUsername=app&"
     "MasterUserPassword=short",
     "InvalidParameterValue", "shorter than 8", 400},
    {"Action=CreateDBCluster&Engine=aurora-postgresql&DBClusterIdentifier=a&MasterUsername=app&"
     "MasterUserPassword=with%20blank",
     "InvalidParameterValue", "printable ASCII", 400},
    {CLUSTER "nope", "DBClusterNotFoundFault", "DBCluster nope not found.", 404},
    {INSTANCES "nope", "DBInstanceNotFound", "DBInstance nope not found.", 404},
    {"Action=DescribeDBClusters&MaxRecords=19", "InvalidParameterValue", "Must be between 20 and 100", 400},
    {"Action=DescribeDBClusters&Marker=xyz", "InvalidParameterValue", "Marker", 400},
    {"Action=DescribeDBClusters&Filters.Filter.1.Name=colour&Filters.Filter.1.Values.Value.1=red",
     "InvalidParameterValue", "Unrecognized filter name: colour", 400},
    {INSTANCE "nope&DBInstanceIdentifier=x", "DBClusterNotFoundFault", "", 404},
    {INSTANCE "orders&DBInstanceIdentifier=orders-1", "DBInstanceAlreadyExists", "", 400},
    {INSTANCE "orders&DBInstanceIdentifier=x&EngineVersion=17.6", "InvalidParameterCombination",
     "does not match the engine version of your DB cluster (13.22)", 400},
    {INSTANCE "orders&DBInstanceIdentifier=x&AvailabilityZone=mars-1a", "InvalidParameterValue",
     "availability zone", 400},
    {INSTANCE "orders&DBInstanceIdentifier=x&DBParameterGroupName=i17", "InvalidParameterCombination",
     "aurora-postgresql17", 400},
    {INSTANCE "orders&DBInstanceIdentifier=x&PromotionTier=16", "InvalidParameterValue", "promotion tier",
     400},
    {"Action=CreateDBInstance&Engine=aurora-postgresql&DBInstanceClass=db.r99.large&DBClusterIdentifier="
     "orders&DBInstanceIdentifier=x",
     "InvalidParameterValue", "Invalid DB Instance class: db.r99.large", 400},
    {"Action=CreateDBInstance&Engine=aurora-postgresql&DBInstanceClass=db.r8g.large&DBClusterIdentifier="
     "orders&DBInstanceIdentifier=x",
     "InvalidParameterCombination", "DBInstanceClass=db.r8g.large", 400},
    {"Action=CreateDBInstance&Engine=aurora-postgresql&DBInstanceClass=db.serverless&DBClusterIdentifier="
     "orders&DBInstanceIdentifier=x",
     "InvalidDBClusterStateFault", "Set the Serverless v2 scaling configuration", 400},
    {"Action=CreateDBInstance&Engine=aurora-postgresql&DBInstanceClass=db.r6g.large&DBInstanceIdentifier=x",
     "InvalidParameterCombination", "cluster", 400},
    {"Action=DeleteDBInstance&DBInstanceIdentifier=orders-1&FinalDBSnapshotIdentifier=s",
     "InvalidParameterCombination", "FinalDBSnapshotIdentifier", 400},
    {"Action=RebootDBInstance&DBInstanceIdentifier=orders-1&ForceFailover=true",
     "InvalidParameterCombination", "Multi-AZ", 400},
    {"Action=ModifyDBInstance&DBInstanceIdentifier=orders-1&EngineVersion=17.6",
     "InvalidParameterCombination", "ModifyDbCluster API", 400},
    {"Action=ModifyDBInstance&DBInstanceIdentifier=orders-1&MonitoringInterval=60",
     "InvalidParameterCombination", "MonitoringRoleARN", 400},
    {"Action=DeleteDBCluster&DBClusterIdentifier=orders", "InvalidParameterCombination",
     "FinalDBSnapshotIdentifier is required", 400},
    {"Action=DeleteDBCluster&DBClusterIdentifier=orders&SkipFinalSnapshot=true&FinalDBSnapshotIdentifier=x",
     "InvalidParameterCombination", "", 400},
    {"Action=DeleteDBCluster&DBClusterIdentifier=orders&SkipFinalSnapshot=true", "InvalidDBClusterStateFault",
     "still contains DB instances", 400},
    {"Action=FailoverDBCluster&DBClusterIdentifier=orders", "InvalidDBClusterStateFault",
     "no available Aurora Replica", 400},
    {MODIFY "orders&EngineVersion=17.6", "InvalidParameterCombination",
     "The AllowMajorVersionUpgrade flag must be present", 400},
    {MODIFY "orders&EngineVersion=13.12", "InvalidParameterCombination",
     "Cannot upgrade aurora-postgresql from 13.22 to 13.12", 400},
    {MODIFY "orders&EngineVersion=17.4&AllowMajorVersionUpgrade=true", "InvalidParameterCombination",
     "Cannot upgrade aurora-postgresql from 13.22 to 17.4", 400},
    {MODIFY "orders&DBInstanceParameterGroupName=i17", "InvalidParameterCombination",
     "can only be specified for a major", 400},
    {MODIFY "orders&EngineVersion=17.6&AllowMajorVersionUpgrade=true&DBClusterParameterGroupName=g13",
     "InvalidParameterCombination", "can't be used for this instance", 400},
    {MODIFY "orders&NewDBClusterIdentifier=9x", "InvalidParameterValue", "NewDBClusterIdentifier", 400},
    {MODIFY "orders&NewDBClusterIdentifier=empty", "DBClusterAlreadyExistsFault", "", 400},
    {MODIFY "empty&EngineVersion=17.6&AllowMajorVersionUpgrade=true", "InvalidDBClusterStateFault",
     "without a primary instance", 400},
    {"Action=CreateDBClusterParameterGroup&DBClusterParameterGroupName=default.mine&DBParameterGroupFamily="
     "aurora-postgresql13&Description=d",
     "InvalidParameterValue", "", 400},
    {"Action=CreateDBClusterParameterGroup&DBClusterParameterGroupName=g13&DBParameterGroupFamily=aurora-"
     "postgresql13&Description=d",
     "DBParameterGroupAlreadyExists", "", 400},
    {"Action=CreateDBClusterParameterGroup&DBClusterParameterGroupName=x&DBParameterGroupFamily=aurora-"
     "postgresql14&Description=d",
     "InvalidParameterValue", "not a valid parameter group family", 400},
    {"Action=ModifyDBClusterParameterGroup&DBClusterParameterGroupName=default.aurora-postgresql13&"
     "Parameters.Parameter.1.ParameterName=work_mem&Parameters.Parameter.1.ParameterValue=9999&Parameters."
     "Parameter.1.ApplyMethod=immediate",
     "InvalidDBParameterGroupState", "default", 400},
    {"Action=ModifyDBClusterParameterGroup&DBClusterParameterGroupName=g13&Parameters.Parameter.1."
     "ParameterName=nope&Parameters.Parameter.1.ParameterValue=1&Parameters.Parameter.1.ApplyMethod="
     "immediate",
     "InvalidParameterValue", "Could not find parameter with name: nope", 400},
    {"Action=DeleteDBClusterParameterGroup&DBClusterParameterGroupName=default.aurora-postgresql13",
     "InvalidDBParameterGroupState", "Default", 400},
    {"Action=DescribeDBClusterParameters&DBClusterParameterGroupName=nope", "DBParameterGroupNotFound", "",
     404},
    {"Action=DescribeDBClusterParameters&DBClusterParameterGroupName=g13&Filters.Filter.1.Name=x&Filters."
     "Filter.1.Values.Value.1=y",
     "InvalidParameterValue", "Unrecognized filter", 400},
    {"Action=CreateDBClusterSnapshot&DBClusterIdentifier=nope&DBClusterSnapshotIdentifier=s",
     "DBClusterNotFoundFault", "", 404},
    {"Action=CreateDBClusterSnapshot&DBClusterIdentifier=orders&DBClusterSnapshotIdentifier=1s",
     "InvalidParameterValue", "", 400},
    {"Action=RestoreDBClusterFromSnapshot&DBClusterIdentifier=x&SnapshotIdentifier=nope&Engine=aurora-"
     "postgresql",
     "DBClusterSnapshotNotFoundFault", "", 404},
    {"Action=RestoreDBClusterToPointInTime&DBClusterIdentifier=x&SourceDBClusterIdentifier=orders",
     "InvalidParameterCombination", "UseLatestRestorableTime or RestoreToTime", 400},
    {"Action=RestoreDBClusterToPointInTime&DBClusterIdentifier=x&SourceDBClusterIdentifier=orders&"
     "UseLatestRestorableTime=true&MonitoringInterval=0",
     "InvalidParameterCombination", "Aurora Limitless", 400},
    {"Action=RestoreDBClusterToPointInTime&DBClusterIdentifier=x&SourceDBClusterIdentifier=orders&"
     "RestoreType=copy-on-write&RestoreToTime=2026-01-01T00:00:00Z",
     "InvalidParameterCombination", "copy-on-write", 400},
    {"Action=DescribeBlueGreenDeployments&BlueGreenDeploymentIdentifier=bgd-nope",
     "BlueGreenDeploymentNotFoundFault", "", 404},
    {"Action=CreateBlueGreenDeployment&BlueGreenDeploymentName=x&Source=arn:aws:rds:us-east-1:123456789012:"
     "cluster:nope",
     "DBClusterNotFoundFault", "", 404},
    {"Action=CreateBlueGreenDeployment&BlueGreenDeploymentName=x&Source=orders", "InvalidParameterValue",
     "ARN", 400},
    {"Action=CreateBlueGreenDeployment&BlueGreenDeploymentName=a.b&Source=arn:aws:rds:us-east-1:123456789012:"
     "cluster:orders",
     "InvalidParameterValue", "a.b", 400},
    {"Action=CreateBlueGreenDeployment&BlueGreenDeploymentName=x&Source=arn:aws:rds:us-east-1:123456789012:"
     "db:orders-1",
     "SourceDatabaseNotSupportedFault", "", 400},
    {"Action=CreateBlueGreenDeployment&BlueGreenDeploymentName=x&Source=arn:aws:rds:us-east-1:123456789012:"
     "cluster:orders&TargetEngineVersion=17.6",
     "SourceClusterNotSupportedFault", "require a DB cluster with logical replication enabled", 400},
    {"Action=ListTagsForResource&ResourceName=arn:aws:rds:us-east-1:123456789012:cluster:nope",
     "DBClusterNotFoundFault", "", 404},
    {"Action=ListTagsForResource&ResourceName=orders", "InvalidParameterValue", "Invalid resource name", 400},
    {"Action=DescribeEvents&SourceIdentifier=orders", "InvalidParameterCombination", "SourceType", 400},
    {"Action=DownloadDBLogFilePortion&DBInstanceIdentifier=orders-1&LogFileName=..%2F..%2Fstate.log",
     "DBLogFileNotFoundFault", "", 404},
    {"Action=DescribeGlobalClusters&GlobalClusterIdentifier=g", "GlobalClusterNotFoundFault", "", 404},
};

static void refusals(void **state)
{
    struct fixture *f = *state;
    make_groups(f);
    make_cluster(f, "orders", "&EngineVersion=13.22");
    make_cluster(f, "empty", "&EngineVersion=13.22");
    make_instance(f, "orders", "orders-1");
    for (size_t i = 0; i < ARRAY_LEN(REFUSALS); i++) {
        const struct refusal *r = &REFUSALS[i];
        char code[128];
        (void)snprintf(code, sizeof code, "<Code>%s</Code>", r->code);
        const char *reply = ask(f, r->form);
        if (!strstr(reply, code) || !strstr(reply, r->part) || last_status() != r->status)
            fail_msg("%s\nwanted %s (%d) with: %s\ngot %d %s", r->form, r->code, r->status, r->part,
                     last_status(), reply);
    }
}

/* ---- reading ---- */

static void pages(void **state)
{
    struct fixture *f = *state;
    char form[512], marker[256];
    size_t rows = 0, calls = 0;
    (void)snprintf(form, sizeof form,
                   "Action=DescribeDBClusterParameters&DBClusterParameterGroupName=default.aurora-"
                   "postgresql17&MaxRecords=20");
    do {
        const char *reply = ask(f, form);
        for (const char *p = reply; (p = strstr(p, "<ParameterName>")); p++)
            rows++;
        (void)snprintf(marker, sizeof marker, "%s", element(reply, "Marker"));
        (void)snprintf(form, sizeof form,
                       "Action=DescribeDBClusterParameters&DBClusterParameterGroupName=default.aurora-"
                       "postgresql17&MaxRecords=20&Marker=%s",
                       marker);
        calls++;
    } while (*marker && calls < 100);
    assert_true(rows > 300);
    assert_int_equal(calls, (rows + 19) / 20);
}

static void versions(void **state)
{
    struct fixture *f = *state;
    const char *reply = ask(f, "Action=DescribeDBEngineVersions&Engine=aurora-postgresql&EngineVersion=15.8");
    static const char *const targets[] = {">18.3<", ">18.4<", ">17.4<", ">17.10<", ">15.10<", ">15.18<"};
    for (size_t i = 0; i < ARRAY_LEN(targets); i++)
        assert_non_null(strstr(reply, targets[i]));
    assert_null(strstr(reply, ">16.4<")); /* there is no server of 16 */
    assert_null(strstr(reply, ">15.7<"));
    expect(f, "Action=DescribeDBEngineVersions&EngineVersion=17", "<EngineVersion>17.10</EngineVersion>");
    expect(f, "Action=DescribeDBEngineVersions&DefaultOnly=true", "<EngineVersion>17.7</EngineVersion>");
    expect(f, "Action=DescribeDBEngineVersions&EngineVersion=99.9", "<DBEngineVersions></DBEngineVersions>");
    expect(f, "Action=DescribeDBEngineVersions&EngineVersion=13.12",
           "<MinCapacity>0.5</MinCapacity><MaxCapacity>128.0</MaxCapacity>");
    expect(f,
           "Action=DescribeOrderableDBInstanceOptions&Engine=aurora-postgresql&EngineVersion=13.22&"
           "DBInstanceClass=db.r8g.large",
           "<OrderableDBInstanceOptions></OrderableDBInstanceOptions>");
    expect(f,
           "Action=DescribeOrderableDBInstanceOptions&Engine=aurora-postgresql&EngineVersion=17.6&"
           "DBInstanceClass=db.r8g.large",
           "<DBInstanceClass>db.r8g.large</DBInstanceClass>");
}

static void tags(void **state)
{
    struct fixture *f = *state;
    make_cluster(f, "tagged", "&Tags.Tag.1.Key=a&Tags.Tag.1.Value=1");
#define TAGGED "&ResourceName=arn:aws:rds:us-east-1:123456789012:cluster:tagged"
    expect(f,
           "Action=AddTagsToResource" TAGGED
           "&Tags.Tag.1.Key=a&Tags.Tag.1.Value=2&Tags.Tag.2.Key=A&Tags.Tag.2.Value=3",
           "<AddTagsToResourceResponse");
    expect(f, "Action=ListTagsForResource" TAGGED,
           "<Tag><Key>a</Key><Value>2</Value></Tag><Tag><Key>A</Key><Value>3</Value></Tag>");
    expect(f, "Action=RemoveTagsFromResource" TAGGED "&TagKeys.member.1=a",
           "<RemoveTagsFromResourceResponse");
    expect(f, "Action=ListTagsForResource" TAGGED, "<TagList><Tag><Key>A</Key>");
    expect(
        f,
        "Action=DescribeDBClusters&Filters.Filter.1.Name=db-cluster-id&Filters.Filter.1.Values.Value.1=nope",
        "<DBClusters></DBClusters>");
    expect(f,
           "Action=DescribeDBClusters&Filters.Filter.1.Name=db-cluster-id&Filters.Filter.1.Values.Value.1="
           "arn:aws:rds:us-east-1:123456789012:cluster:tagged",
           ">tagged<");
}

/* ---- lives ---- */

static void parameters_and_reboot(void **state)
{
    struct fixture *f = *state;
    make_groups(f);
    make_cluster(f, "orders", "&EngineVersion=13.22&DBClusterParameterGroupName=g13");
    make_instance(f, "orders", "orders-1");
    char resource[64];
    (void)snprintf(resource, sizeof resource, "%s", element(ask(f, CLUSTER "orders"), "DbClusterResourceId"));
    assert_string_equal(fake_param(resource, "rds.logical_replication"), "1");
    expect(f, CLUSTER "orders", "<DBClusterParameterGroupStatus>in-sync</DBClusterParameterGroupStatus>");
    expect(f,
           "Action=ModifyDBClusterParameterGroup&DBClusterParameterGroupName=g13&Parameters.Parameter.1."
           "ParameterName=work_mem"
           "&Parameters.Parameter.1.ParameterValue=8192&Parameters.Parameter.1.ApplyMethod=immediate&"
           "Parameters.Parameter.2.ParameterName="
           "max_replication_slots&Parameters.Parameter.2.ParameterValue=30&Parameters.Parameter.2."
           "ApplyMethod=pending-reboot",
           ">g13<");
    await(f, CLUSTER "orders",
          "<DBClusterParameterGroupStatus>pending-reboot</DBClusterParameterGroupStatus>");
    assert_string_equal(fake_param(resource, "work_mem"), "8192");
    expect(f, "Action=RebootDBInstance&DBInstanceIdentifier=orders-1", UP); /* still, as AWS shows it */
    await(f, CLUSTER "orders", "<DBClusterParameterGroupStatus>in-sync</DBClusterParameterGroupStatus>");
    await(f, INSTANCES "orders-1", UP);
    expect(f, "Action=DescribeDBClusterParameters&DBClusterParameterGroupName=g13&Source=user",
           "<ParameterName>work_mem</ParameterName>");
    expect(f, "Action=DeleteDBClusterParameterGroup&DBClusterParameterGroupName=g13",
           "InvalidDBParameterGroupState");
    expect(f, "Action=ResetDBClusterParameterGroup&DBClusterParameterGroupName=g13&ResetAllParameters=true",
           ">g13<");
    await(f, CLUSTER "orders",
          "<DBClusterParameterGroupStatus>pending-reboot</DBClusterParameterGroupStatus>");
    assert_null(fake_param(resource, "work_mem"));
}

static void rename_and_restart(void **state)
{
    struct fixture *f = *state;
    make_cluster(f, "orders", "&EngineVersion=15.15");
    make_instance(f, "orders", "orders-1");
    char resource[64], address[64];
    (void)snprintf(resource, sizeof resource, "%s", element(ask(f, CLUSTER "orders"), "DbClusterResourceId"));
    (void)snprintf(address, sizeof address, "<Endpoint>%s</Endpoint>",
                   element(ask(f, CLUSTER "orders"), "Endpoint"));
    assert_string_equal(fake_endpoint("orders.cluster"), resource);
    expect(f, MODIFY "orders&NewDBClusterIdentifier=Other&ApplyImmediately=true",
           "<DBClusterIdentifier>orders</DBClusterIdentifier>");
    await(f, CLUSTER "other", AVAILABLE);
    expect(f, CLUSTER "orders", "DBClusterNotFoundFault");
    expect(f, CLUSTER "other", resource);
    expect(f, INSTANCES "orders-1", "<DBClusterIdentifier>other</DBClusterIdentifier>");
    assert_string_equal(fake_endpoint("orders.cluster"), "");
    assert_string_equal(fake_endpoint("other.cluster"), resource);
    expect(f,
           "Action=ModifyDBInstance&DBInstanceIdentifier=orders-1&NewDBInstanceIdentifier=other-1&"
           "ApplyImmediately=true",
           ">orders-1<");
    await(f, INSTANCES "other-1", UP);
    fixture_reopen(f);
    expect(f, CLUSTER "other", resource);
    expect(f, INSTANCES "other-1", UP);
    expect(f, "Action=DescribeEvents&SourceType=db-cluster&SourceIdentifier=other",
           "Renamed cluster from orders to other.");
    expect(f, MODIFY "other&NewDBClusterIdentifier=orders&ApplyImmediately=true", "other");
    await(f, CLUSTER "orders", address); /* a name keeps its address for ever */
}

static void restart_in_flight(void **state)
{
    struct fixture *f = *state;
    f->sb.speed = 1; /* creating takes the better part of a minute */
    expect(f, CREATE "slow", "<Status>creating</Status>");
    fixture_reopen(f); /* full speed again */
    await(f, CLUSTER "slow", AVAILABLE);
}

static void upgrade(void **state)
{
    struct fixture *f = *state;
    make_groups(f);
    make_cluster(f, "orders", "&EngineVersion=13.22&DBClusterParameterGroupName=g13");
    make_instance(f, "orders", "orders-1");
#define GO MODIFY "orders&EngineVersion=17.6&AllowMajorVersionUpgrade=true&ApplyImmediately=true"
    expect(f, GO,
           "The current DB cluster parameter group g13 is custom. You must explicitly specify a new DB "
           "cluster parameter group");
    fake_expect(
        (struct fake_plan){.sql_finds = "pg_replication_slots WHERE slot_type", .fingerprint = "same"});
    expect(f, GO "&DBClusterParameterGroupName=g17&DBInstanceParameterGroupName=i17",
           "<EngineVersion>17.6</EngineVersion></PendingModifiedValues>");
    await(f, "Action=DescribeEvents&SourceType=db-cluster&SourceIdentifier=orders",
          "Database cluster is in a state that cannot be upgraded: PreUpgrade checks failed: The instance "
          "could not be upgraded because "
          "one or more databases have logical replication slots.");
    await(f, CLUSTER "orders", AVAILABLE);
    expect(f, CLUSTER "orders", "<EngineVersion>13.22</EngineVersion>");
    expect(f, "Action=DescribeDBLogFiles&DBInstanceIdentifier=orders-1&FilenameContains=upgrade",
           "error/pg_upgrade_precheck.log.");
    fake_expect((struct fake_plan){.fingerprint = "same"});
    expect(f, GO "&DBClusterParameterGroupName=g17&DBInstanceParameterGroupName=i17", AVAILABLE);
    await(f, "Action=DescribeEvents&SourceType=db-cluster&SourceIdentifier=orders",
          "Database cluster engine major version has been upgraded.");
    await(f, CLUSTER "orders", AVAILABLE);
    expect(f, CLUSTER "orders", "<DBClusterParameterGroup>g17</DBClusterParameterGroup>");
    expect(f, INSTANCES "orders-1",
           "<DBParameterGroupName>i17</DBParameterGroupName><ParameterApplyStatus>pending-reboot<");
    expect(f, "Action=DescribeDBClusterSnapshots&DBClusterIdentifier=orders&SnapshotType=manual",
           ">preupgrade-orders-13-22-to-17-6-");
}

static void deferred(void **state)
{
    struct fixture *f = *state;
    make_groups(f);
    make_cluster(f, "orders", "&EngineVersion=13.22&DBClusterParameterGroupName=g13");
    make_instance(f, "orders", "orders-1");
    expect(f,
           MODIFY "orders&EngineVersion=17.6&AllowMajorVersionUpgrade=true&DBClusterParameterGroupName=g17",
           "<PendingModifiedValues><EngineVersion>17.6</EngineVersion></PendingModifiedValues>");
    expect(f, CLUSTER "orders", "<DBClusterParameterGroup>g13</DBClusterParameterGroup>");
    expect(f, MODIFY "orders&ApplyImmediately=true", AVAILABLE);
    await(f, CLUSTER "orders", "<DBClusterParameterGroup>g17</DBClusterParameterGroup>");
}

static void snapshots_and_copies(void **state)
{
    struct fixture *f = *state;
    make_cluster(
        f, "orders",
        "&EngineVersion=13.22&DatabaseName=shop&StorageEncrypted=true&Port=6000&BackupRetentionPeriod=7");
    make_instance(f, "orders", "orders-1");
#define SNAPSHOT "Action=DescribeDBClusterSnapshots&DBClusterSnapshotIdentifier="
    expect(f, "Action=CreateDBClusterSnapshot&DBClusterIdentifier=orders&DBClusterSnapshotIdentifier=s1",
           "<Status>creating</Status>");
    await(f, SNAPSHOT "s1", AVAILABLE);
    expect(f, "Action=CreateDBClusterSnapshot&DBClusterIdentifier=orders&DBClusterSnapshotIdentifier=S1",
           "DBClusterSnapshotAlreadyExistsFault");
    expect(f,
           "Action=CopyDBClusterSnapshot&SourceDBClusterSnapshotIdentifier=s1&"
           "TargetDBClusterSnapshotIdentifier=s2&KmsKeyId=other",
           "key/other");
    await(f, SNAPSHOT "s2", AVAILABLE);
    expect(f, "Action=DeleteDBClusterSnapshot&DBClusterSnapshotIdentifier=s1", "<Status>deleting</Status>");
    expect(f, SNAPSHOT "s1", "DBClusterSnapshotNotFoundFault");
    /* the Region's default version, not the snapshot's: an upgrade on the way */
    expect(f,
           "Action=RestoreDBClusterFromSnapshot&DBClusterIdentifier=up&SnapshotIdentifier=s2&Engine=aurora-"
           "postgresql",
           "<EngineVersion>17.7<");
    await(f, CLUSTER "up", AVAILABLE);
    expect(f, CLUSTER "up", "<Port>6000</Port>");
    expect(f, CLUSTER "up", "key/other");
    expect(f, CLUSTER "up", "<DBClusterParameterGroup>default.aurora-postgresql17<");
    char resource[64];
    (void)snprintf(resource, sizeof resource, "%s", element(ask(f, CLUSTER "up"), "DbClusterResourceId"));
    assert_int_equal(volume_major(f->sb.engine, resource), 17);
    expect(f,
           "Action=RestoreDBClusterFromSnapshot&DBClusterIdentifier=down&SnapshotIdentifier=s2&Engine=aurora-"
           "postgresql&EngineVersion=13.20",
           "Cannot upgrade aurora-postgresql from 13.22 to 13.20");
    expect(f,
           "Action=RestoreDBClusterToPointInTime&DBClusterIdentifier=clone&SourceDBClusterIdentifier=orders&"
           "RestoreType=copy-on-write"
           "&UseLatestRestorableTime=true",
           "<CloneGroupId>");
    await(f, CLUSTER "clone", AVAILABLE);
    expect(f, CLUSTER "clone", "<Port>5432</Port>"); /* not the source's */
    expect(f, CLUSTER "clone", "<BackupRetentionPeriod>7<");
    make_instance(f, "clone", "clone-1");
    for (int i = 2; i <= 16; i++) { /* fifteen share the volume, one more is a full copy */
        char request[256];
        (void)snprintf(
            request, sizeof request,
            "Action=RestoreDBClusterToPointInTime&DBClusterIdentifier=clone%d&"
            "SourceDBClusterIdentifier=orders&RestoreType=copy-on-write&UseLatestRestorableTime=true",
            i);
        assert_int_equal(strstr(ask(f, request), "<CloneGroupId>") != NULL, i <= 15);
    }
}

static void failover(void **state)
{
    struct fixture *f = *state;
    make_cluster(f, "orders", "");
    make_instance(f, "orders", "orders-1");
    make_instance(f, "orders", "orders-2");
    expect(f, CLUSTER "orders", "orders-1</DBInstanceIdentifier><IsClusterWriter>true<");
    expect(f, "Action=FailoverDBCluster&DBClusterIdentifier=orders", "<Status>failing-over</Status>");
    await(f, CLUSTER "orders", AVAILABLE);
    expect(f, CLUSTER "orders", "orders-2</DBInstanceIdentifier><IsClusterWriter>true<");
    expect(f, "Action=DeleteDBInstance&DBInstanceIdentifier=orders-2", "deleting");
    await(f, INSTANCES "orders-2", "DBInstanceNotFound");
    expect(f, CLUSTER "orders",
           "orders-1</DBInstanceIdentifier><IsClusterWriter>true<"); /* the role is passed on */
}

static void settings(void **state)
{
    struct fixture *f = *state;
    make_cluster(f, "orders", "&EngineVersion=17.6");
    make_instance(f, "orders", "orders-1");
    f->sb.speed = 30; /* slow enough to see what is shown for a while */
#define ROLE "&DBClusterIdentifier=orders&RoleArn=arn:aws:iam::123456789012:role/s3&FeatureName=s3Import"
    expect(f, "Action=AddRoleToDBCluster" ROLE, "<AddRoleToDBClusterResponse");
    expect(f, CLUSTER "orders", "<FeatureName>s3Import</FeatureName>");
    expect(f, "Action=AddRoleToDBCluster" ROLE, "DBClusterRoleAlreadyExists");
    expect(f, "Action=RemoveRoleFromDBCluster" ROLE, "<RemoveRoleFromDBClusterResponse");
    expect(f, "Action=RemoveRoleFromDBCluster" ROLE, "DBClusterRoleNotFound");
#define DATA_API "&ResourceArn=arn:aws:rds:us-east-1:123456789012:cluster:orders"
    expect(f, "Action=EnableHttpEndpoint" DATA_API, "<HttpEndpointEnabled>true<");
    expect(f, CLUSTER "orders", "<HttpEndpointEnabled>true<");
    expect(f, "Action=DisableHttpEndpoint" DATA_API, "<HttpEndpointEnabled>false<");
    expect(f, "Action=EnableHttpEndpoint" DATA_API "-2", "DBClusterNotFoundFault");
    expect(f,
           MODIFY "orders&ServerlessV2ScalingConfiguration.MinCapacity=0.5&ServerlessV2ScalingConfiguration."
                  "MaxCapacity=4"
                  "&CloudwatchLogsExportConfiguration.EnableLogTypes.member.1=postgresql&DeletionProtection="
                  "true&Port=6543"
                  "&PreferredMaintenanceWindow=Sun:02:00-Sun:03:00",
           "<Port>5432</Port>"); /* the reply shows what was */
    await(f, CLUSTER "orders", "<Status>modifying</Status>");
    await(f, CLUSTER "orders", AVAILABLE);
    static const char *const now[] = {"<MinCapacity>0.5</MinCapacity>", "<member>postgresql</member>",
                                      "<Port>6543</Port>", "<DeletionProtection>true<",
                                      "sun:02:00-sun:03:00"};
    for (size_t i = 0; i < ARRAY_LEN(now); i++)
        expect(f, CLUSTER "orders", now[i]);
    expect(f, "Action=DeleteDBCluster&DBClusterIdentifier=orders&SkipFinalSnapshot=true",
           "Cannot delete protected Cluster");
    expect(f, MODIFY "orders&ManageMasterUserPassword=true", AVAILABLE);
    await(f, CLUSTER "orders", "<Status>resetting-master-credentials</Status>");
    await(f, CLUSTER "orders", AVAILABLE);
    expect(f, CLUSTER "orders", "<MasterUserSecret>");
    expect(f, MODIFY "orders&MasterUserPassword=other-pass", "InvalidParameterCombination");
    expect(f,
           MODIFY "orders&ManageMasterUserPassword=false&MasterUserPassword=other-pass&ApplyImmediately=true",
           AVAILABLE);
    await(f, CLUSTER "orders", AVAILABLE);
    assert_null(strstr(ask(f, CLUSTER "orders"), "MasterUserSecret"));
}

/* ---- other services, faults ---- */

static void sessions_and_secrets(void **state)
{
    struct fixture *f = *state;
    const char *reply = ask_service(
        f, "sts", "Action=AssumeRole&RoleArn=arn:aws:iam::123456789012:role/path/deploy&RoleSessionName=me");
    assert_non_null(strstr(reply, "<Arn>arn:aws:sts::123456789012:assumed-role/deploy/me</Arn>"));
    assert_non_null(
        strstr(ask_service(f, "sts", "Action=GetCallerIdentity"), "<Account>123456789012</Account>"));
    assert_non_null(strstr(
        ask_service(f, "sts",
                    "Action=AssumeRole&RoleArn=arn:aws:iam::1:role/x&RoleSessionName=me&DurationSeconds=60"),
        "ValidationError"));
    assert_non_null(
        strstr(ask_service(f, "secretsmanager", "CreateSecret {\"Name\":\"s\",\"SecretString\":\"hidden\"}"),
               "\"Name\":\"s\""));
    assert_non_null(strstr(ask_service(f, "secretsmanager", "GetSecretValue {\"SecretId\":\"s\"}"),
                           "\"SecretString\":\"hidden\""));
    assert_non_null(strstr(ask_service(f, "secretsmanager", "GetSecretValue {\"SecretId\":\"t\"}"),
                           "\"__type\":\"ResourceNotFoundException\""));
    assert_int_equal(last_status(), 400);
    assert_non_null(strstr(ask_service(f, "secretsmanager", "GetSecretValue {}"), "ValidationException"));
    assert_non_null(
        strstr(ask_service(f, "secretsmanager", "GetSecretValue nonsense"), "SerializationException"));
    assert_non_null(strstr(ask_service(f, "secretsmanager", "Nothing {}"), "UnknownOperationException"));
    expect(f,
           "Action=CreateDBCluster&Engine=aurora-postgresql&DBClusterIdentifier=managed&MasterUsername=app&"
           "ManageMasterUserPassword=true",
           "<SecretStatus>active</SecretStatus>");
    char form[256];
    (void)snprintf(form, sizeof form, "GetSecretValue {\"SecretId\":\"%s\"}",
                   element(ask(f, CLUSTER "managed"), "SecretArn"));
    assert_non_null(strstr(ask_service(f, "secretsmanager", form), "\\\"username\\\":\\\"app\\\""));
}

static void add_fault(struct fixture *f, const char *kind, const char *code)
{
    struct err e = ERR_INIT;
    json_t *spec = json_pack("{s:s, s:s, s:i}", "operation", "DescribeDBClusters", "kind", kind, "count", 1);
    rec_set_str(spec, "code", code);
    sandbox_lock(&f->sb);
    assert_true(fault_add(&f->sb, spec, &e));
    sandbox_unlock(&f->sb);
    json_decref(spec);
}

static void faults_on_request(void **state)
{
    struct fixture *f = *state;
    add_fault(f, "error", "AccessDenied");
    expect(f, "Action=DescribeDBInstances", "DescribeDBInstancesResult");
    expect(f, "Action=DescribeDBClusters", "<Code>AccessDenied</Code>");
    assert_int_equal(last_status(), 403);
    add_fault(f, "throttle", NULL);
    expect(f, "Action=DescribeDBClusters", "<Code>Throttling</Code>");
    add_fault(f, "http", NULL);
    expect(f, "Action=DescribeDBClusters", "<html>");
    assert_int_equal(last_status(), 503);
    add_fault(f, "garbled", NULL);
    assert_null(strstr(ask(f, "Action=DescribeDBClusters"), "</DescribeDBClustersResponse>"));
    expect(f, "Action=DescribeDBClusters", "</DescribeDBClustersResponse>");
    struct err e = ERR_INIT;
    json_t *bad = json_pack("{s:s, s:s}", "operation", "X", "kind", "nonsense");
    assert_false(fault_add(&f->sb, bad, &e));
    json_decref(bad);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(refusals),
        TEST(pages),
        TEST(versions),
        TEST(tags),
        TEST(parameters_and_reboot),
        TEST(rename_and_restart),
        TEST(restart_in_flight),
        TEST(upgrade),
        TEST(deferred),
        TEST(snapshots_and_copies),
        TEST(failover),
        TEST(settings),
        TEST(sessions_and_secrets),
        TEST(faults_on_request),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
