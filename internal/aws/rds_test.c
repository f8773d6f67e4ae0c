/* Typed verbs: what they make of replies, and lists of many pages.
 */
#include "internal/aws/fixture.h"
#include "internal/aws/rds.h"

#include <stdio.h>
#include <string.h>

/* ---- reading ---- */

#define CLUSTER                                                                                              \
    "<DBClusters><DBCluster><DBClusterIdentifier>orders</DBClusterIdentifier>"                               \
    "<DBClusterArn>arn:aws:rds:eu-central-1:123456789012:cluster:orders</DBClusterArn>"                      \
    "<DbClusterResourceId>cluster-ABC</DbClusterResourceId><Status>available</Status>"                       \
    "<Engine>aurora-postgresql</Engine><EngineMode>provisioned</EngineMode><EngineVersion>13.20</"           \
    "EngineVersion>"                                                                                         \
    "<DBClusterParameterGroup>orders-13</DBClusterParameterGroup><Endpoint>orders.x</Endpoint>"              \
    "<ReaderEndpoint>orders-ro.x</ReaderEndpoint><MasterUsername>app</MasterUsername><Port>5433</Port>"      \
    "<PendingModifiedValues><EngineVersion>13.21</EngineVersion></PendingModifiedValues>"                    \
    "<KmsKeyId>arn:aws:kms:k</KmsKeyId><StorageType>aurora-iopt1</StorageType>"                              \
    "<GlobalClusterIdentifier>g</GlobalClusterIdentifier>"                                                   \
    "<ReplicationSourceIdentifier>src</ReplicationSourceIdentifier>"                                         \
    "<MasterUserSecret><SecretArn>arn:s</SecretArn></MasterUserSecret><CloneGroupId>cg</CloneGroupId>"       \
    "<DatabaseName>shop</DatabaseName><BackupRetentionPeriod>7</BackupRetentionPeriod>"                      \
    "<StorageEncrypted>true</StorageEncrypted><DeletionProtection>true</DeletionProtection>"                 \
    "<IAMDatabaseAuthenticationEnabled>true</IAMDatabaseAuthenticationEnabled>"                              \
    "<ServerlessV2ScalingConfiguration><MinCapacity>0.5</MinCapacity><MaxCapacity>16.0</MaxCapacity>"        \
    "</ServerlessV2ScalingConfiguration>"                                                                    \
    "<DBClusterMembers><DBClusterMember><DBInstanceIdentifier>orders-1</DBInstanceIdentifier>"               \
    "<IsClusterWriter>true</IsClusterWriter><DBClusterParameterGroupStatus>in-sync"                          \
    "</DBClusterParameterGroupStatus><PromotionTier>1</PromotionTier></DBClusterMember>"                     \
    "<DBClusterMember><DBInstanceIdentifier>orders-2</DBInstanceIdentifier>"                                 \
    "<IsClusterWriter>false</IsClusterWriter><PromotionTier>x</PromotionTier></DBClusterMember>"             \
    "</DBClusterMembers><AvailabilityZones><AvailabilityZone>a</AvailabilityZone>"                           \
    "<AvailabilityZone>b</AvailabilityZone></AvailabilityZones>"                                             \
    "<CustomEndpoints><member>c.x</member></CustomEndpoints>"                                                \
    "<AssociatedRoles><DBClusterRole><RoleArn>arn:r</RoleArn><Status>ACTIVE</Status>"                        \
    "<FeatureName>s3Import</FeatureName></DBClusterRole></AssociatedRoles>"                                  \
    "<TagList><Tag><Key>team</Key><Value>shop</Value></Tag><Tag><Key>empty</Key><Value/></Tag></TagList>"    \
    "<SomethingNew><member>1</member></SomethingNew></DBCluster></DBClusters>"

static void check_cluster_parts(const struct rds_cluster *c)
{
    assert_int_equal(c->member_count, 2);
    assert_string_equal(c->members[0].identifier, "orders-1");
    assert_true(c->members[0].is_writer);
    assert_string_equal(c->members[0].parameter_group_status, "in-sync");
    assert_int_equal(c->members[0].promotion_tier, 1);
    assert_false(c->members[1].is_writer);
    assert_int_equal(c->members[1].promotion_tier, 0); /* a number that is none counts as absent */
    assert_string_equal(c->availability_zones[1], "b");
    assert_null(c->availability_zones[2]);
    assert_string_equal(c->custom_endpoints[0], "c.x");
    assert_int_equal(c->role_count, 1);
    assert_string_equal(c->roles[0].feature, "s3Import");
    assert_string_equal(rds_tag_value(&c->tags, "team"), "shop");
    assert_string_equal(rds_tag_value(&c->tags, "empty"), "");
    assert_null(rds_tag_value(&c->tags, "other"));
}

/* All but the tree outlives what it was copied from: AddressSanitizer sees every piece. */
static void check_copies(const struct rds_cluster *c)
{
    struct arena *first = arena_new(), *second = arena_new();
    const struct rds_cluster *copy = rds_cluster_copy(second, rds_cluster_copy(first, c));
    assert_null(rds_cluster_copy(second, NULL));
    arena_free(first);
    check_cluster_parts(copy);
    assert_string_equal(copy->identifier, c->identifier);
    assert_string_equal(copy->endpoint, c->endpoint);
    assert_int_equal(copy->port, c->port);
    assert_null(copy->raw);
    arena_free(second);
}

static void cluster_shape(void **state)
{
    (void)state;
    static const struct step steps[] = {{.body = REPLY("DescribeDBClusters", CLUSTER)}, {0}};
    struct fixture f;
    const struct rds_cluster *c = NULL;
    fixture_start(&f, steps);
    assert_true(rds_cluster_find(&f.s, "Orders", &c, &f.e));
    assert_string_equal(fixture_body(&f, 0),
                        "Action=DescribeDBClusters&Version=2014-10-31&DBClusterIdentifier=Orders");
    const struct {
        const char *got, *want;
    } texts[] = {{c->identifier, "orders"},
                 {c->arn, "arn:aws:rds:eu-central-1:123456789012:cluster:orders"},
                 {c->resource_id, "cluster-ABC"},
                 {c->status, "available"},
                 {c->engine, "aurora-postgresql"},
                 {c->engine_mode, "provisioned"},
                 {c->engine_version, "13.20"},
                 {c->parameter_group, "orders-13"},
                 {c->endpoint, "orders.x"},
                 {c->reader_endpoint, "orders-ro.x"},
                 {c->master_username, "app"},
                 {c->pending_engine_version, "13.21"},
                 {c->kms_key_id, "arn:aws:kms:k"},
                 {c->storage_type, "aurora-iopt1"},
                 {c->global_cluster_identifier, "g"},
                 {c->replication_source, "src"},
                 {c->master_user_secret_arn, "arn:s"},
                 {c->clone_group_id, "cg"},
                 {c->database_name, "shop"}};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        assert_string_equal(texts[i].got, texts[i].want);
    assert_int_equal(c->port, 5433);
    assert_int_equal(c->backup_retention, 7);
    assert_true(c->storage_encrypted && c->deletion_protection && c->iam_auth && c->has_pending_changes);
    assert_true(c->serverless_v2 && c->min_capacity > 0.49 && c->min_capacity < 0.51 && c->max_capacity > 15);
    check_cluster_parts(c);
    assert_string_equal(xml_text(c->raw, "SomethingNew/member", ""), "1");
    check_copies(c);
    fixture_stop(&f);
}

static void bare_cluster(void **state)
{
    (void)state;
    static const struct step steps[] = {
        {.body = REPLY("DescribeDBClusters", "<DBClusters><DBCluster><DBClusterIdentifier>orders"
                                             "</DBClusterIdentifier><PendingModifiedValues/></DBCluster>"
                                             "</DBClusters>")},
        {0}};
    struct fixture f;
    const struct rds_cluster *c = NULL;
    fixture_start(&f, steps);
    assert_true(rds_cluster_find(&f.s, "orders", &c, &f.e));
    assert_string_equal(c->status, "");
    assert_string_equal(c->pending_engine_version, "");
    assert_false(c->has_pending_changes || c->serverless_v2 || c->deletion_protection);
    assert_int_equal(c->member_count, 0);
    assert_null(c->availability_zones[0]);
    assert_int_equal(c->tags.count, 0);
    fixture_stop(&f);
}

static void instances_of_a_cluster(void **state)
{
    (void)state;
    static const struct step steps[] = {
        {.body = REPLY("DescribeDBInstances",
                       "<DBInstances><DBInstance><DBInstanceIdentifier>orders-1</DBInstanceIdentifier>"
                       "<DBInstanceStatus>available</DBInstanceStatus><DBInstanceClass>db.r6g.large"
                       "</DBInstanceClass><DBClusterIdentifier>orders</DBClusterIdentifier>"
                       "<DbiResourceId>db-A</DbiResourceId><Endpoint><Address>orders-1.x</Address>"
                       "<Port>5432</Port></Endpoint><DBParameterGroups><DBParameterGroup>"
                       "<DBParameterGroupName>pg13</DBParameterGroupName><ParameterApplyStatus>pending-reboot"
                       "</ParameterApplyStatus></DBParameterGroup></DBParameterGroups></DBInstance>"
                       "<DBInstance><DBInstanceIdentifier>other-1</DBInstanceIdentifier>"
                       "<DBClusterIdentifier>other</DBClusterIdentifier></DBInstance></DBInstances>")},
        {0}};
    struct fixture f;
    const struct rds_instance *const *list = NULL;
    size_t n = 0;
    fixture_start(&f, steps);
    assert_true(rds_instance_list(&f.s, "orders", &list, &n, &f.e));
    assert_string_equal(fixture_body(&f, 0),
                        "Action=DescribeDBInstances&Version=2014-10-31&Filters.Filter.1.Name=db-cluster-id&"
                        "Filters.Filter.1.Values.Value.1=orders");
    assert_int_equal(n, 1); /* a server that ignores the filter does not lend us foreign instances */
    assert_string_equal(list[0]->parameter_group, "pg13");
    assert_string_equal(list[0]->parameter_apply_status, "pending-reboot");
    assert_string_equal(list[0]->endpoint, "orders-1.x");
    assert_int_equal(list[0]->port, 5432);
    fixture_stop(&f);
}

static void another_cluster_than_asked_for(void **state)
{
    (void)state;
    static const struct step steps[] = {{.body = REPLY("DescribeDBClusters", CLUSTER)}, {0}};
    struct fixture f;
    const struct rds_cluster *c = NULL;
    fixture_start(&f, steps);
    assert_false(rds_cluster_find(&f.s, "billing", &c, &f.e));
    assert_int_equal(f.e.code, ERR_REMOTE);
    assert_null(c);
    assert_true(rds_cluster_find_by_resource_id(&f.s, "cluster-XYZ", &c, &f.e));
    assert_null(c);
    assert_true(rds_cluster_find_by_resource_id(&f.s, "cluster-ABC", &c, &f.e));
    assert_string_equal(c->identifier, "orders");
    fixture_stop(&f);
}

/* ---- pages ---- */

#define PAGE(name, marker)                                                                                   \
    REPLY("DescribeDBClusters", "<DBClusters><DBCluster><DBClusterIdentifier>" name                          \
                                "</DBClusterIdentifier></DBCluster></DBClusters>" marker)
#define MARKER(m) "<Marker>" m "</Marker>"

static void pages(void **state)
{
    (void)state;
    static const struct step steps[] = {
        {.action = "Marker=m%2F2", .times = 1, .status = 503, .body = "busy"},
        {.action = "Marker=m%2F2", .body = PAGE("c", "")},
        {.action = "Marker=m1", .body = REPLY("DescribeDBClusters", "<DBClusters/>" MARKER("m/2"))},
        {.body = PAGE("a", MARKER("m1"))},
        {0}};
    struct fixture f;
    const struct rds_cluster *const *list = NULL;
    size_t n = 0;
    fixture_start(&f, steps);
    assert_true(rds_cluster_list(&f.s, &list, &n, &f.e));
    assert_int_equal(n, 2);
    assert_string_equal(list[0]->identifier, "a");
    assert_string_equal(list[1]->identifier, "c");
    assert_int_equal(scripted_requests(&f.server), 4);
    assert_string_equal(fixture_body(&f, 3), "Action=DescribeDBClusters&Version=2014-10-31&Marker=m%2F2");
    fixture_stop(&f);
}

static void markers_in_a_circle(void **state)
{
    (void)state;
    static const struct step same[] = {{.body = PAGE("a", MARKER("m1"))}, {0}};
    static const struct step three[] = {{.action = "Marker=m1", .body = PAGE("a", MARKER("m2"))},
                                        {.action = "Marker=m2", .body = PAGE("a", MARKER("m3"))},
                                        {.action = "Marker=m3", .body = PAGE("a", MARKER("m1"))},
                                        {.body = PAGE("a", MARKER("m1"))},
                                        {0}};
    const struct step *const scripts[] = {same, three};
    for (size_t i = 0; i < ARRAY_LEN(scripts); i++) {
        struct fixture f;
        const struct rds_cluster *const *list = NULL;
        size_t n = 99;
        fixture_start(&f, scripts[i]);
        assert_false(rds_cluster_list(&f.s, &list, &n, &f.e));
        assert_int_equal(f.e.code, ERR_REMOTE);
        assert_in_range(scripted_requests(&f.server), 2, 10);
        assert_int_equal(n, 99);
        fixture_stop(&f);
    }
}

/* A new marker every time: no circle, and no end either. */
static void endless_pages(void **state)
{
    (void)state;
    static struct step steps[502];
    struct fixture f;
    const struct rds_cluster *const *list = NULL;
    size_t n = 99;
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    for (int i = 0; i < 501; i++)
        steps[i] = (struct step){
            .times = 1,
            .keep = true,
            .body = arena_printf(a,
                                 "<DescribeDBClustersResponse><DescribeDBClustersResult><Marker>m%d</Marker>"
                                 "</DescribeDBClustersResult></DescribeDBClustersResponse>",
                                 i)};
    fixture_start(&f, steps);
    assert_false(rds_cluster_list(&f.s, &list, &n, &f.e));
    assert_int_equal(f.e.code, ERR_REMOTE);
    assert_int_equal(scripted_requests(&f.server), 500);
    assert_int_equal(n, 99);
    aws_free(STEAL(f.aws)); /* closes the kept connection, so that the server's thread ends */
    fixture_stop(&f);
}

/* ---- parameter groups, versions ---- */

static void family_parameters(void **state)
{
    (void)state;
    static const struct step steps[] = {
        {.action = "Marker=n",
         .body = REPLY("DescribeEngineDefaultClusterParameters",
                       "<EngineDefaults><Parameters><Parameter><ParameterName>b</ParameterName>"
                       "<ParameterValue/><IsModifiable>true</IsModifiable></Parameter></Parameters>"
                       "</EngineDefaults>")},
        {.body = REPLY("DescribeEngineDefaultClusterParameters",
                       "<EngineDefaults><Marker>n</Marker><Parameters><Parameter><ParameterName>a"
                       "</ParameterName><ApplyType>static</ApplyType></Parameter></Parameters>"
                       "</EngineDefaults>")},
        {0}};
    struct fixture f;
    const struct rds_param *p = NULL;
    size_t n = 0;
    fixture_start(&f, steps);
    assert_true(rds_family_params(&f.s, true, "aurora-postgresql17", &p, &n, &f.e));
    assert_int_equal(n, 2);
    assert_string_equal(p[0].name, "a");
    assert_string_equal(p[0].apply_type, "static");
    assert_false(p[0].has_value || p[0].is_modifiable);
    assert_string_equal(p[1].name, "b");
    assert_true(p[1].has_value && p[1].is_modifiable);
    fixture_stop(&f);
}

static void engine_version(void **state)
{
    (void)state;
    static const struct step steps[] = {
        {.body = REPLY("DescribeDBEngineVersions",
                       "<DBEngineVersions><DBEngineVersion><EngineVersion>13.9</EngineVersion>"
                       "</DBEngineVersion><DBEngineVersion><EngineVersion>13.20</EngineVersion>"
                       "<DBParameterGroupFamily>aurora-postgresql13</DBParameterGroupFamily>"
                       "<Status>available</Status><ValidUpgradeTarget><UpgradeTarget>"
                       "<EngineVersion>13.21</EngineVersion><IsMajorVersionUpgrade>false"
                       "</IsMajorVersionUpgrade></UpgradeTarget><UpgradeTarget><EngineVersion>17.6"
                       "</EngineVersion><IsMajorVersionUpgrade>true</IsMajorVersionUpgrade></UpgradeTarget>"
                       "</ValidUpgradeTarget><ServerlessV2FeaturesSupport><MinCapacity>0.0</MinCapacity>"
                       "</ServerlessV2FeaturesSupport></DBEngineVersion></DBEngineVersions>")},
        {0}};
    struct fixture f;
    const struct rds_engine_version *v = NULL;
    fixture_start(&f, steps);
    assert_true(rds_engine_version_find(&f.s, "aurora-postgresql", "13.20", &v, &f.e));
    assert_string_equal(v->family, "aurora-postgresql13");
    assert_int_equal(v->target_count, 2);
    assert_false(v->targets[0].is_major);
    assert_true(v->targets[1].is_major);
    assert_true(v->serverless_min > -0.1 && v->serverless_min < 0.1);
    assert_true(rds_engine_version_find(&f.s, "aurora-postgresql", "13.9", &v, &f.e));
    assert_true(v->serverless_min < -0.9);
    assert_true(rds_engine_version_find(&f.s, "aurora-postgresql", "13", &v, &f.e));
    assert_null(v);
    fixture_stop(&f);
}

static void groups(void **state)
{
    (void)state;
    static const struct step steps[] = {
        {.action = "Action=DescribeDBClusterParameterGroups",
         .body =
             REPLY("DescribeDBClusterParameterGroups",
                   "<DBClusterParameterGroups><DBClusterParameterGroup><DBClusterParameterGroupName>orders-13"
                   "</DBClusterParameterGroupName><DBParameterGroupFamily>aurora-postgresql13"
                   "</DBParameterGroupFamily><Description>d</Description><DBClusterParameterGroupArn>arn:c"
                   "</DBClusterParameterGroupArn></DBClusterParameterGroup></DBClusterParameterGroups>")},
        {.action = "Action=DescribeDBParameterGroups",
         .body = REPLY("DescribeDBParameterGroups",
                       "<DBParameterGroups><DBParameterGroup><DBParameterGroupName>orders-13"
                       "</DBParameterGroupName><DBParameterGroupArn>arn:i</DBParameterGroupArn>"
                       "</DBParameterGroup></DBParameterGroups>")},
        {.body = REPLY("DescribeDBParameters",
                       "<Parameters><Parameter><ParameterName>work_mem</ParameterName><ParameterValue>64"
                       "</ParameterValue><Source>user</Source></Parameter></Parameters>")},
        {0}};
    struct fixture f;
    const struct rds_group *g = NULL;
    const struct rds_param *p = NULL;
    size_t n = 0;
    fixture_start(&f, steps);
    assert_true(rds_group_find(&f.s, true, "orders-13", &g, &f.e));
    assert_string_equal(g->arn, "arn:c");
    assert_string_equal(g->family, "aurora-postgresql13");
    assert_true(rds_group_find(&f.s, false, "Orders-13", &g, &f.e));
    assert_string_equal(g->arn, "arn:i");
    assert_false(rds_group_find(&f.s, true, "billing-13", &g, &f.e));
    assert_int_equal(f.e.code, ERR_REMOTE);
    assert_true(rds_group_params(&f.s, false, "orders-13", "user", &p, &n, &f.e));
    assert_int_equal(n, 1);
    assert_string_equal(p[0].value, "64");
    assert_non_null(strstr(fixture_body(&f, 3), "&DBParameterGroupName=orders-13&Source=user"));
    fixture_stop(&f);
}

/* AWS has no filter for names: all pages are read, what begins otherwise is left out. */
static void groups_and_snapshots_by_prefix(void **state)
{
    (void)state;
#define GROUP(n) "<DBParameterGroup><DBParameterGroupName>" n "</DBParameterGroupName></DBParameterGroup>"
#define SNAPSHOT(n)                                                                                          \
    "<DBClusterSnapshot><DBClusterSnapshotIdentifier>" n "</DBClusterSnapshotIdentifier></"                  \
    "DBClusterSnapshot>"
    static const struct step steps[] = {
        {.action = "Marker=m1",
         .body = REPLY("DescribeDBParameterGroups", "<DBParameterGroups>" GROUP("orders")
                                                        GROUP("ORDERS-upgrade-17-x") "</DBParameterGroups>")},
        {.action = "Action=DescribeDBParameterGroups",
         .body = REPLY("DescribeDBParameterGroups",
                       "<Marker>m1</Marker><DBParameterGroups>" GROUP("orders-upgrade-17")
                           GROUP("my-orders-upgrade-") "</DBParameterGroups>")},
        {.action = "SnapshotType=manual",
         .body = REPLY("DescribeDBClusterSnapshots", "<DBClusterSnapshots>" SNAPSHOT("orders-old1-final-a")
                                                         SNAPSHOT("other") "</DBClusterSnapshots>")},
        {0}};
    struct fixture f;
    fixture_start(&f, steps);
    const struct rds_group *g = NULL;
    const struct rds_snapshot *p = NULL;
    size_t n = 0;
    assert_true(rds_group_list(&f.s, false, "orders-upgrade-", &g, &n, &f.e));
    assert_int_equal(n, 2);
    assert_string_equal(g[0].name, "orders-upgrade-17");
    assert_string_equal(g[1].name, "ORDERS-upgrade-17-x");
    assert_true(rds_snapshot_list(&f.s, "orders-old", &p, &n, &f.e));
    assert_int_equal(n, 1);
    assert_string_equal(p[0].identifier, "orders-old1-final-a");
    fixture_stop(&f);
}

static void orderable(void **state)
{
    (void)state;
    static const struct step steps[] = {
        {.action = "db.r6g.large",
         .body = REPLY(
             "DescribeOrderableDBInstanceOptions",
             "<OrderableDBInstanceOptions><OrderableDBInstanceOption><EngineVersion>17.6</EngineVersion>"
             "<DBInstanceClass>db.r6g.large</DBInstanceClass></OrderableDBInstanceOption>"
             "</OrderableDBInstanceOptions>")},
        {.body = REPLY("DescribeOrderableDBInstanceOptions", "<OrderableDBInstanceOptions/>")},
        {0}};
    struct fixture f;
    bool can = false;
    fixture_start(&f, steps);
    assert_true(rds_orderable_classes(&f.s, "aurora-postgresql", "17.6", "db.r6g.large", &can, &f.e));
    assert_true(can);
    assert_true(rds_orderable_classes(&f.s, "aurora-postgresql", "17.5", "db.r6g.large", &can, &f.e));
    assert_false(can); /* options of another version do not count */
    assert_true(rds_orderable_classes(&f.s, "aurora-postgresql", "17.6", "db.r4.large", &can, &f.e));
    assert_false(can);
    fixture_stop(&f);
}

/* ---- the rest ---- */

static void tags_and_snapshots(void **state)
{
    (void)state;
    static const struct step steps[] = {
        {.action = "Action=ListTagsForResource",
         .body = REPLY("ListTagsForResource", "<TagList><Tag><Key>a</Key><Value>b</Value></Tag></TagList>")},
        {.body = REPLY("DescribeDBClusterSnapshots",
                       "<DBClusterSnapshots><DBClusterSnapshot><DBClusterSnapshotIdentifier>last"
                       "</DBClusterSnapshotIdentifier><DBClusterIdentifier>orders</DBClusterIdentifier>"
                       "<Status>creating</Status></DBClusterSnapshot></DBClusterSnapshots>")},
        {0}};
    struct fixture f;
    struct rds_tags tags;
    const struct rds_snapshot *p = NULL;
    fixture_start(&f, steps);
    assert_true(rds_tag_list(&f.s, "arn:x", &tags, &f.e));
    assert_string_equal(rds_tag_value(&tags, "a"), "b");
    assert_true(rds_snapshot_find(&f.s, "last", &p, &f.e));
    assert_string_equal(p->status, "creating");
    assert_false(rds_snapshot_find(&f.s, "first", &p, &f.e));
    assert_int_equal(f.e.code, ERR_REMOTE);
    fixture_stop(&f);
}

static void bluegreen_shape(void **state)
{
    (void)state;
    static const struct step steps[] = {
        {.body = REPLY("DescribeBlueGreenDeployments",
                       "<BlueGreenDeployments><member><BlueGreenDeploymentIdentifier>bgd-1"
                       "</BlueGreenDeploymentIdentifier><BlueGreenDeploymentName>n</BlueGreenDeploymentName>"
                       "<Source>s</Source><Target>t</Target><Status>AVAILABLE</Status><StatusDetails>d"
                       "</StatusDetails><SwitchoverDetails><member><SourceMember>sm</SourceMember>"
                       "<Status>PROVISIONING</Status></member></SwitchoverDetails><Tasks><member><Name>"
                       "CREATING_READ_REPLICA_OF_SOURCE</Name><Status>COMPLETED</Status></member></Tasks>"
                       "<TagList><Tag><Key>k</Key><Value>v</Value></Tag></TagList></member>"
                       "</BlueGreenDeployments>")},
        {0}};
    struct fixture f;
    const struct rds_bluegreen *b = NULL;
    fixture_start(&f, steps);
    assert_false(rds_bluegreen_find(&f.s, "bgd-2", &b, &f.e));
    assert_int_equal(f.e.code, ERR_REMOTE);
    const struct rds_bluegreen *const *list = NULL;
    size_t n = 0;
    assert_true(rds_bluegreen_list(&f.s, &list, &n, &f.e));
    assert_int_equal(n, 1);
    assert_string_equal(list[0]->name, "n");
    assert_true(rds_bluegreen_find(&f.s, "bgd-1", &b, &f.e));
    assert_string_equal(b->status, "AVAILABLE");
    assert_string_equal(b->status_details, "d");
    assert_int_equal(b->member_count, 1);
    assert_string_equal(b->members[0].source, "sm");
    assert_string_equal(b->members[0].target, "");
    assert_string_equal(b->tasks[0].status, "COMPLETED");
    assert_string_equal(rds_tag_value(&b->tags, "k"), "v");
    fixture_stop(&f);
}

static void events_oldest_first(void **state)
{
    (void)state;
    static const struct step steps[] = {
        {.body =
             REPLY("DescribeEvents",
                   "<Events><Event><Message>second</Message><Date>2026-01-02T03:04:06.100Z</Date></Event>"
                   "<Event><Message>first</Message><Date>2026-01-02T03:04:05.999Z</Date></Event></Events>")},
        {0}};
    struct fixture f;
    const struct rds_event *list = NULL;
    size_t n = 0;
    fixture_start(&f, steps);
    assert_true(rds_events(&f.s, "db-cluster", "orders", 90, &list, &n, &f.e));
    assert_int_equal(n, 2);
    assert_string_equal(list[0].message, "first");
    assert_non_null(
        strstr(fixture_body(&f, 0), "&SourceType=db-cluster&SourceIdentifier=orders&Duration=90"));
    fixture_stop(&f);
}

static void custom_endpoints_only(void **state)
{
    (void)state;
    static const struct step steps[] = {
        {.body = REPLY("DescribeDBClusterEndpoints",
                       "<DBClusterEndpoints><DBClusterEndpointList><EndpointType>WRITER</EndpointType>"
                       "</DBClusterEndpointList><DBClusterEndpointList><EndpointType>CUSTOM</EndpointType>"
                       "<DBClusterEndpointIdentifier>reports</DBClusterEndpointIdentifier>"
                       "<CustomEndpointType>READER</CustomEndpointType><StaticMembers><member>orders-2"
                       "</member></StaticMembers></DBClusterEndpointList></DBClusterEndpoints>")},
        {0}};
    struct fixture f;
    const struct rds_custom_endpoint *list = NULL;
    size_t n = 0;
    fixture_start(&f, steps);
    assert_true(rds_custom_endpoints(&f.s, "orders", &list, &n, &f.e));
    assert_int_equal(n, 1);
    assert_string_equal(list[0].identifier, "reports");
    assert_string_equal(list[0].type, "READER");
    assert_string_equal(list[0].static_members[0], "orders-2");
    assert_null(list[0].excluded_members[0]);
    fixture_stop(&f);
}

static void identity_and_token(void **state)
{
    (void)state;
    static const struct step steps[] = {
        {.body =
             REPLY("GetCallerIdentity", "<UserId>U</UserId><Account>123456789012</Account><Arn>arn:a</Arn>")},
        {0}};
    struct fixture f;
    struct sts_identity who;
    const char *token = NULL;
    int64_t life = 0;
    fixture_start(&f, steps);
    assert_true(sts_identity(&f.s, &who, &f.e));
    assert_string_equal(who.account, "123456789012");
    assert_non_null(
        strstr(scripted_request(&f.server, 0), "x-amz-security-token: not-a-real-session-token\r\n"));
    assert_true(aws_rds_auth_token(&f.s, "DB.example.com", 5432, "j d", &token, &f.e));
    assert_non_null(strstr(token, "db.example.com:5432/?Action=connect&DBUser=j%20d&X-Amz-Algorithm="));
    assert_non_null(strstr(token, "%2Feu-central-1%2Frds-db%2Faws4_request"));
    assert_non_null(strstr(token, "&X-Amz-Security-Token=not-a-real-session-token&X-Amz-Signature="));
    assert_true(aws_credential_life(&f.s, &life, &f.e));
    assert_true(life == INT64_MAX);
    fixture_stop(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cluster_shape),
        cmocka_unit_test(bare_cluster),
        cmocka_unit_test(instances_of_a_cluster),
        cmocka_unit_test(another_cluster_than_asked_for),
        cmocka_unit_test(pages),
        cmocka_unit_test(markers_in_a_circle),
        cmocka_unit_test(endless_pages),
        cmocka_unit_test(family_parameters),
        cmocka_unit_test(engine_version),
        cmocka_unit_test(groups),
        cmocka_unit_test(groups_and_snapshots_by_prefix),
        cmocka_unit_test(orderable),
        cmocka_unit_test(tags_and_snapshots),
        cmocka_unit_test(bluegreen_shape),
        cmocka_unit_test(events_oldest_first),
        cmocka_unit_test(custom_endpoints_only),
        cmocka_unit_test(identity_and_token),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
