/* Typed verbs: what they send, what they make of replies, lists of many pages, "not there" and "already so".
 */
#include "internal/aws/fixture.h"
#include "internal/aws/rds.h"

#include <stdio.h>
#include <string.h>

static bool find_nothing(struct fixture *f, int which, const void **ret)
{
    const struct rds_cluster *c = NULL;
    const struct rds_instance *i = NULL;
    const struct rds_group *g = NULL;
    const struct rds_bluegreen *b = NULL;
    const struct rds_snapshot *p = NULL;
    bool ok = which == 0   ? rds_cluster_find(&f->s, "x", &c, &f->e)
              : which == 1 ? rds_instance_find(&f->s, "x", &i, &f->e)
              : which == 2 ? rds_group_find(&f->s, true, "x", &g, &f->e)
              : which == 3 ? rds_group_find(&f->s, false, "x", &g, &f->e)
              : which == 4 ? rds_bluegreen_find(&f->s, "x", &b, &f->e)
              : which == 5 ? rds_snapshot_find(&f->s, "x", &p, &f->e)
              : which == 6 ? rds_cluster_delete(&f->s, "x", NULL, true, &f->e)
              : which == 7 ? rds_instance_delete(&f->s, "x", &f->e)
                           : rds_group_delete(&f->s, true, "x", &f->e);
    *ret = c ? (const void *)c : i ? (const void *)i : g ? (const void *)g : b ? (const void *)b : p;
    return ok;
}

static void absent_rows(void **state)
{
    (void)state;
    static const struct {
        int which;
        const char *code;
        int status;
        bool ok;
    } rows[] = {
        {0, REFUSAL("DBClusterNotFoundFault", "m"), 404, true},
        {0, REFUSAL("DBInstanceNotFound", "m"), 404, false}, /* another thing is missing: not our answer */
        {1, REFUSAL("DBInstanceNotFound", "m"), 404, true},
        {2, REFUSAL("DBParameterGroupNotFound", "m"), 404, true},
        {2, REFUSAL("DBClusterParameterGroupNotFound", "m"), 404, true},
        {3, REFUSAL("DBParameterGroupNotFound", "m"), 404, true},
        {4, REFUSAL("BlueGreenDeploymentNotFoundFault", "m"), 404, true},
        {5, REFUSAL("DBClusterSnapshotNotFoundFault", "m"), 404, true},
        {0, "<html/>", 404, false}, /* a gateway's 404 says nothing about clusters */
        {0, REFUSAL("AccessDenied", "m"), 403, false},
        {6, REFUSAL("DBClusterNotFoundFault", "m"), 404, true},
        {6, REFUSAL("InvalidDBClusterStateFault", "m"), 400, false},
        {7, REFUSAL("DBInstanceNotFound", "m"), 404, true},
        {7, REFUSAL("DBClusterNotFoundFault", "m"), 404, false},
        {8, REFUSAL("DBParameterGroupNotFound", "m"), 404, true},
        {8, REFUSAL("InvalidDBParameterGroupState", "m"), 400, false},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct step steps[] = {{.status = rows[i].status, .body = rows[i].code}, {0}};
        struct fixture f;
        const void *found = &f;
        fixture_start(&f, steps);
        bool ok = find_nothing(&f, rows[i].which, &found);
        if (ok != rows[i].ok || found)
            fail_msg("row %zu: %s", i, f.e.text);
        assert_int_equal(f.e.code == ERR_NONE, ok);
        fixture_stop(&f);
    }
}

static void group_set_in_batches(void **state)
{
    (void)state;
    static const struct step steps[] = {
        {.body = REPLY("ModifyDBClusterParameterGroup",
                       "<DBClusterParameterGroupName>g</DBClusterParameterGroupName>")},
        {0}};
    struct fixture f;
    struct rds_param params[45];
    fixture_start(&f, steps);
    for (int i = 0; i < 45; i++)
        params[i] = (struct rds_param){
            .name = arena_printf(f.arena, "p%d", i), .value = "a b", .apply_method = "pending-reboot"};
    assert_true(rds_group_set(&f.s, true, "g", params, 45, &f.e));
    assert_int_equal(scripted_requests(&f.server), 3);
    assert_non_null(strstr(fixture_body(&f, 0), "&Parameters.Parameter.20.ParameterName=p19&"));
    assert_null(strstr(fixture_body(&f, 0), "Parameter.21."));
    assert_non_null(strstr(fixture_body(&f, 2),
                           "DBClusterParameterGroupName=g&Parameters.Parameter.1.ParameterName=p40&"
                           "Parameters.Parameter.1.ParameterValue=a%20b&"
                           "Parameters.Parameter.1.ApplyMethod=pending-reboot&"));
    assert_null(strstr(fixture_body(&f, 2), "Parameter.6."));
    fixture_stop(&f);
}

static struct rds_tags two_tags(void)
{
    static const struct rds_tag list[] = {{"aurora:upgrade", "orders 1"}, {"k", "v"}};
    return (struct rds_tags){list, 2};
}

static bool set(struct fixture *f, int which)
{
    static const struct aws_field settings[] = {
        {"Port", "6543"}, {"Nothing", NULL}, {"VpcSecurityGroupIds.VpcSecurityGroupId.1", "sg-1"}, {0}};
    static const char *two[] = {"orders-1", "orders-2", NULL}, *one[] = {"orders-3", NULL};
    static const struct rds_custom_endpoint some = {.identifier = "reports",
                                                    .cluster_identifier = "orders",
                                                    .type = "READER",
                                                    .static_members = two},
                                            all = {.identifier = "any",
                                                   .cluster_identifier = "orders",
                                                   .type = "ANY",
                                                   .excluded_members = one};
    static const struct rds_tag tag = {"k", "v"};
    static const struct rds_tags tags = {&tag, 1};
    static const struct rds_role role = {"arn:aws:iam::1:role/r", "s3Import", ""}, plain = {"arn:r", "", ""};
    switch (which) {
    case 0:
        return rds_cluster_set(&f->s, "orders", settings, &f->e);
    case 1:
        return rds_instance_set(&f->s, "orders-1", settings, &f->e);
    case 2:
        return rds_cluster_role(&f->s, "orders", &role, true, &f->e);
    case 3:
    case 4:
    case 5:
        return rds_cluster_role(&f->s, "orders", &plain, which != 5, &f->e);
    case 6:
        return rds_http_endpoint(&f->s, "arn:c", true, &f->e);
    case 7:
        return rds_http_endpoint(&f->s, "arn:c", false, &f->e);
    case 8:
    case 9:
        return rds_custom_endpoint_create(&f->s, which == 8 ? &some : &all, tags, &f->e);
    default:
        return rds_custom_endpoint_delete(&f->s, "reports", &f->e);
    }
}

static bool change(struct fixture *f, int which)
{
    struct rds_cluster_change rename = RDS_CLUSTER_CHANGE_INIT, upgrade = RDS_CLUSTER_CHANGE_INIT,
                              scale = RDS_CLUSTER_CHANGE_INIT;
    static const char *const keys[] = {"a", "b", NULL};
    struct rds_bluegreen_spec spec = {"n", "arn:s", "17.6", "cg", "ig", NULL, two_tags()};
    const struct rds_bluegreen *made = NULL;
    rename.new_identifier = "orders-old";
    rename.apply_immediately = true;
    upgrade.engine_version = "17.6";
    upgrade.parameter_group = "cg";
    upgrade.instance_parameter_group = "ig";
    upgrade.allow_major_version_upgrade = upgrade.apply_immediately = true;
    scale.min_capacity = 0;
    scale.max_capacity = 16.5;
    scale.deletion_protection = 0;
    scale.backup_retention = 1;
    switch (which) {
    case 0:
        return rds_cluster_modify(&f->s, "orders", &rename, &f->e);
    case 1:
        return rds_cluster_modify(&f->s, "orders", &upgrade, &f->e);
    case 2:
        return rds_cluster_modify(&f->s, "orders", &scale, &f->e);
    case 3:
        return rds_cluster_delete(&f->s, "orders", "last", false, &f->e);
    case 4:
        return rds_instance_set_parameter_group(&f->s, "orders-1", "ig", &f->e);
    case 5:
        return rds_bluegreen_create(&f->s, &spec, &made, &f->e) && strcmp(made->identifier, "bgd-1") == 0;
    case 6:
        return rds_bluegreen_switchover(&f->s, "bgd-1", 300, &f->e);
    case 7:
        return rds_bluegreen_delete(&f->s, "bgd-1", true, &f->e);
    case 8:
        return rds_tag_add(&f->s, "arn:x", two_tags(), &f->e);
    case 9:
        return rds_tag_remove(&f->s, "arn:x", keys, &f->e);
    case 10:
        return rds_snapshot_create(&f->s, "snap", "orders", two_tags(), &f->e);
    case 11:
        return rds_snapshot_encrypt(&f->s, "snap", "copy", "arn:k", two_tags(), &f->e);
    default:
        return rds_group_create(&f->s, false, "g", "aurora-postgresql17", "d d", two_tags(), &f->e);
    }
}

#define TAGS_SENT                                                                                            \
    "&Tags.Tag.1.Key=aurora%3Aupgrade&Tags.Tag.1.Value=orders%201&Tags.Tag.2.Key=k&Tags.Tag.2.Value=v"

static void assert_sent(struct fixture *f, const char *want)
{
    const char *sent = strstr(fixture_body(f, 0), "&Version=2014-10-31&");
    assert_non_null(sent);
    assert_string_equal(sent + strlen("&Version=2014-10-31&"), want);
}

static void changes_on_the_wire(void **state)
{
    (void)state;
    static const struct {
        const char *reply, *sent;
    } rows[] = {
        {REPLY("ModifyDBCluster", ""),
         "DBClusterIdentifier=orders&NewDBClusterIdentifier=orders-old&ApplyImmediately=true"},
        {REPLY("ModifyDBCluster", ""),
         "DBClusterIdentifier=orders&DBClusterParameterGroupName=cg&DBInstanceParameterGroupName=ig&"
         "EngineVersion=17.6&AllowMajorVersionUpgrade=true&ApplyImmediately=true"},
        {REPLY("ModifyDBCluster", ""),
         "DBClusterIdentifier=orders&ServerlessV2ScalingConfiguration.MinCapacity=0.0&"
         "ServerlessV2ScalingConfiguration.MaxCapacity=16.5&DeletionProtection=false&BackupRetentionPeriod=1&"
         "ApplyImmediately=false"},
        {REPLY("DeleteDBCluster", ""), "DBClusterIdentifier=orders&SkipFinalSnapshot=false&"
                                       "FinalDBSnapshotIdentifier=last&DeleteAutomatedBackups=false"},
        {REPLY("ModifyDBInstance", ""),
         "DBInstanceIdentifier=orders-1&DBParameterGroupName=ig&ApplyImmediately=true"},
        {REPLY("CreateBlueGreenDeployment",
               "<BlueGreenDeployment><BlueGreenDeploymentIdentifier>bgd-1</BlueGreenDeploymentIdentifier>"
               "</BlueGreenDeployment>"),
         "BlueGreenDeploymentName=n&Source=arn%3As&TargetEngineVersion=17.6&"
         "TargetDBClusterParameterGroupName=cg&TargetDBParameterGroupName=ig" TAGS_SENT},
        {REPLY("SwitchoverBlueGreenDeployment", ""),
         "BlueGreenDeploymentIdentifier=bgd-1&SwitchoverTimeout=300"},
        {REPLY("DeleteBlueGreenDeployment", ""), "BlueGreenDeploymentIdentifier=bgd-1&DeleteTarget=true"},
        {EMPTY_REPLY("AddTagsToResource"), "ResourceName=arn%3Ax" TAGS_SENT},
        {EMPTY_REPLY("RemoveTagsFromResource"), "ResourceName=arn%3Ax&TagKeys.member.1=a&TagKeys.member.2=b"},
        {REPLY("CreateDBClusterSnapshot", ""),
         "DBClusterSnapshotIdentifier=snap&DBClusterIdentifier=orders" TAGS_SENT},
        {REPLY("CopyDBClusterSnapshot", ""),
         "SourceDBClusterSnapshotIdentifier=snap&TargetDBClusterSnapshotIdentifier=copy&"
         "KmsKeyId=arn%3Ak" TAGS_SENT},
        {REPLY("CreateDBParameterGroup", ""),
         "DBParameterGroupName=g&DBParameterGroupFamily=aurora-postgresql17&Description=d%20d" TAGS_SENT},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct step steps[] = {{.body = rows[i].reply}, {0}};
        struct fixture f;
        fixture_start(&f, steps);
        if (!change(&f, (int)i))
            fail_msg("row %zu: %s", i, f.e.text);
        assert_sent(&f, rows[i].sent);
        fixture_stop(&f);
    }
}

static void settings_and_roles_on_the_wire(void **state)
{
    (void)state;
    static const struct {
        int status;
        const char *reply, *sent;
    } rows[] = {
        {200, REPLY("ModifyDBCluster", ""),
         "DBClusterIdentifier=orders&Port=6543&VpcSecurityGroupIds.VpcSecurityGroupId.1=sg-1&"
         "ApplyImmediately=true"},
        {200, REPLY("ModifyDBInstance", ""),
         "DBInstanceIdentifier=orders-1&Port=6543&VpcSecurityGroupIds.VpcSecurityGroupId.1=sg-1&"
         "ApplyImmediately=true"},
        {200, EMPTY_REPLY("AddRoleToDBCluster"),
         "DBClusterIdentifier=orders&RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fr&FeatureName=s3Import"},
        {200, EMPTY_REPLY("AddRoleToDBCluster"), "DBClusterIdentifier=orders&RoleArn=arn%3Ar"},
        {400, REFUSAL("DBClusterRoleAlreadyExists", "m"), "DBClusterIdentifier=orders&RoleArn=arn%3Ar"},
        {404, REFUSAL("DBClusterRoleNotFound", "m"), "DBClusterIdentifier=orders&RoleArn=arn%3Ar"},
        {200, REPLY("EnableHttpEndpoint", ""), "ResourceArn=arn%3Ac"},
        {200, REPLY("DisableHttpEndpoint", ""), "ResourceArn=arn%3Ac"},
        {200, REPLY("CreateDBClusterEndpoint", ""),
         "DBClusterIdentifier=orders&DBClusterEndpointIdentifier=reports&EndpointType=READER&"
         "StaticMembers.member.1=orders-1&StaticMembers.member.2=orders-2&Tags.Tag.1.Key=k&Tags.Tag.1.Value="
         "v"},
        {400, REFUSAL("DBClusterEndpointAlreadyExistsFault", "m"),
         "DBClusterIdentifier=orders&DBClusterEndpointIdentifier=any&EndpointType=ANY&"
         "ExcludedMembers.member.1=orders-3&Tags.Tag.1.Key=k&Tags.Tag.1.Value=v"},
        {200, REPLY("DeleteDBClusterEndpoint", ""), "DBClusterEndpointIdentifier=reports"},
        {400, REFUSAL("DBClusterEndpointNotFoundFault", "m"), "DBClusterEndpointIdentifier=reports"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct step steps[] = {{.status = rows[i].status, .body = rows[i].reply}, {0}};
        struct fixture f;
        fixture_start(&f, steps);
        if (!set(&f, (int)i))
            fail_msg("row %zu: %s", i, f.e.text);
        assert_sent(&f, rows[i].sent);
        fixture_stop(&f);
    }
}

static void snapshots_of_a_cluster_and_logs(void **state)
{
    (void)state;
    static const struct step steps[] = {
        {.action = "DBClusterIdentifier=orders&SnapshotType=manual",
         .body = REPLY("DescribeDBClusterSnapshots",
                       "<DBClusterSnapshots><DBClusterSnapshot><DBClusterSnapshotIdentifier>last"
                       "</DBClusterSnapshotIdentifier><KmsKeyId>arn:k</KmsKeyId>"
                       "<PercentProgress>40</PercentProgress><TagList><Tag><Key>k</"
                       "Key><Value>v</Value></Tag></TagList>"
                       "</DBClusterSnapshot></DBClusterSnapshots>")},
        {.action = "DBInstanceIdentifier=orders-1&FilenameContains=upgrade",
         .body = REPLY("DescribeDBLogFiles",
                       "<DescribeDBLogFiles><DescribeDBLogFilesDetails><LogFileName>error/pg_upgrade.log.1"
                       "</LogFileName><LastWritten>1795000000123</LastWritten><Size>7</Size>"
                       "</DescribeDBLogFilesDetails></DescribeDBLogFiles>")},
        {.action = "LogFileName=error%2Fpg_upgrade.log.1&NumberOfLines=40",
         .body = REPLY("DownloadDBLogFilePortion", "<LogFileData>a &lt; b</LogFileData>")},
        {.action = "DBClusterSnapshotIdentifier=last", .body = REPLY("DeleteDBClusterSnapshot", "")},
        {.status = 404,
         .body = "<ErrorResponse><Error><Code>DBClusterSnapshotNotFoundFault</Code></Error></ErrorResponse>"},
        {0}};
    struct fixture f;
    const struct rds_snapshot *p = NULL;
    const struct rds_log_file *files = NULL;
    const char *text = NULL;
    size_t n = 0;
    fixture_start(&f, steps);
    assert_true(rds_snapshot_list_of(&f.s, "orders", &p, &n, &f.e));
    assert_int_equal(n, 1);
    assert_string_equal(rds_tag_value(&p->tags, "k"), "v");
    assert_string_equal(p->kms_key_id, "arn:k");
    assert_int_equal(p->percent, 40);
    assert_true(rds_log_files(&f.s, "orders-1", "upgrade", &files, &n, &f.e));
    assert_int_equal(n, 1);
    assert_true(files->written_ms == 1795000000123.0 && files->bytes == 7);
    assert_true(rds_log_tail(&f.s, "orders-1", files->name, 40, &text, &f.e));
    assert_string_equal(text, "a < b");
    assert_true(rds_snapshot_delete(&f.s, "last", &f.e));
    assert_true(rds_snapshot_delete(&f.s, "last", &f.e)); /* gone already */
    fixture_stop(&f);
}

static void major_versions(void **state)
{
    (void)state;
    static const struct step steps[] = {
        {.action = "Marker=n",
         .body = REPLY("DescribeDBMajorEngineVersions",
                       "<DBMajorEngineVersions><DBMajorEngineVersion><MajorEngineVersion>17"
                       "</MajorEngineVersion></DBMajorEngineVersion></DBMajorEngineVersions>")},
        {.action = "Engine=aurora-postgresql",
         .body = REPLY("DescribeDBMajorEngineVersions",
                       "<Marker>n</Marker><DBMajorEngineVersions><DBMajorEngineVersion><MajorEngineVersion>13"
                       "</MajorEngineVersion><SupportedEngineLifecycles><SupportedEngineLifecycle>"
                       "<LifecycleSupportName>open-source-rds-standard-support</LifecycleSupportName>"
                       "<LifecycleSupportEndDate>2026-02-28T23:59:59Z</LifecycleSupportEndDate>"
                       "</SupportedEngineLifecycle></SupportedEngineLifecycles></DBMajorEngineVersion>"
                       "</DBMajorEngineVersions>")},
        {0}};
    struct fixture f;
    const struct rds_major *m = NULL;
    size_t n = 0;
    fixture_start(&f, steps);
    assert_true(rds_majors(&f.s, "aurora-postgresql", &m, &n, &f.e));
    assert_int_equal(n, 2);
    assert_string_equal(rds_support_ends(m, n, 13, "open-source-rds-standard-support"),
                        "2026-02-28T23:59:59Z");
    assert_string_equal(rds_support_ends(m, n, 13, "open-source-rds-extended-support"), "");
    assert_string_equal(rds_support_ends(m, n, 17, "open-source-rds-standard-support"), "");
    assert_string_equal(rds_support_ends(m, n, 1, "open-source-rds-standard-support"), "");
    fixture_stop(&f);
}

#define TARGETS(items)                                                                                       \
    "<DescribeDBProxyTargetsResponse><DescribeDBProxyTargetsResult><Targets>" items                          \
    "</Targets></DescribeDBProxyTargetsResult></DescribeDBProxyTargetsResponse>"

/* Of four proxies one is for MySQL, one in front of another cluster, one deleted meanwhile. */
static void proxies_of_a_cluster(void **state)
{
    (void)state;
    static const struct step steps[] = {
        {.action = "Action=DescribeDBProxies&",
         .body = "<DescribeDBProxiesResponse><DescribeDBProxiesResult><DBProxies>"
                 "<member><DBProxyName>front</DBProxyName><EngineFamily>POSTGRESQL</EngineFamily></member>"
                 "<member><DBProxyName>shop</DBProxyName><EngineFamily>MYSQL</EngineFamily></member>"
                 "<member><DBProxyName>other</DBProxyName><EngineFamily>POSTGRESQL</EngineFamily></member>"
                 "<member><DBProxyName>gone</DBProxyName><EngineFamily>POSTGRESQL</EngineFamily></member>"
                 "</DBProxies></DescribeDBProxiesResult></DescribeDBProxiesResponse>"},
        {.action = "DBProxyName=front",
         .body =
             TARGETS("<member><TrackedClusterId>orders</TrackedClusterId><RdsResourceId>orders-1"
                     "</RdsResourceId><Type>RDS_INSTANCE</Type><TargetHealth><State>UNAVAILABLE</State>"
                     "<Reason>AUTH_FAILURE</Reason></TargetHealth></member>"
                     "<member><RdsResourceId>Orders</RdsResourceId><Type>TRACKED_CLUSTER</Type></member>")},
        {.action = "DBProxyName=other",
         .body =
             TARGETS("<member><RdsResourceId>billing</RdsResourceId><Type>TRACKED_CLUSTER</Type></member>")},
        {.action = "DBProxyName=gone", .status = 404, .body = REFUSAL("DBProxyNotFoundFault", "m")},
        {0}};
    const struct rds_proxy_target *t = NULL;
    size_t n = 0;
    struct fixture f;
    fixture_start(&f, steps);
    if (!rds_proxy_targets(&f.s, "orders", &t, &n, &f.e))
        fail_msg("%s", f.e.text);
    assert_int_equal(n, 2);
    assert_string_equal(t[0].proxy, "front");
    assert_string_equal(t[0].state, "UNAVAILABLE");
    assert_string_equal(t[0].reason, "AUTH_FAILURE");
    assert_string_equal(t[1].state, "");
    fixture_stop(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(major_versions),       cmocka_unit_test(snapshots_of_a_cluster_and_logs),
        cmocka_unit_test(absent_rows),          cmocka_unit_test(group_set_in_batches),
        cmocka_unit_test(changes_on_the_wire),  cmocka_unit_test(settings_and_roles_on_the_wire),
        cmocka_unit_test(proxies_of_a_cluster),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
