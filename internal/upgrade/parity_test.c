#include "internal/base/testing.h"
#include "internal/upgrade/parity.h"

#include <string.h>

struct one_difference {
    size_t n;
    const char *member;
    enum parity_severity severity;
    bool repairable;
};

static void expect(enum parity_object of, const char *old_members, const char *new_members,
                   const struct one_difference *want)
{
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    const struct xml *x = NULL, *y = NULL;
    struct err e = ERR_INIT;
    assert_true(xml_parse(a, str_of(arena_printf(a, "<Object>%s</Object>", old_members)), &x, &e));
    assert_true(xml_parse(a, str_of(arena_printf(a, "<Object>%s</Object>", new_members)), &y, &e));
    const struct parity_difference *d = NULL;
    size_t n = 0;
    parity_compare(a, of, x, y, &d, &n);
    if (n != want->n)
        fail_msg("%s against %s: %zu differences, the first %s", old_members, new_members, n,
                 n ? d[0].member : "-");
    for (size_t i = 0; i < n; i++) {
        assert_string_equal(d[i].member, want->member);
        assert_int_equal(d[i].severity, want->severity);
        assert_int_equal(parity_repairable(&d[i]), want->repairable);
    }
}

#define NONE                                                                                                 \
    {                                                                                                        \
        0, "", PARITY_REPORT, false                                                                          \
    }
#define ONE(m, s, r)                                                                                         \
    {                                                                                                        \
        1, m, s, r                                                                                           \
    }

static const struct {
    enum parity_object of;
    const char *old_members, *new_members;
    struct one_difference want;
} rows[] = {
    {PARITY_CLUSTER, "<Port>5432</Port>", "<Port>5432</Port>", NONE},
    {PARITY_CLUSTER, "<Port>5432</Port>", "<Port>5433</Port>", ONE("Port", PARITY_UPDATE, true)},
    {PARITY_CLUSTER, "<Port>5432</Port>", "", ONE("Port", PARITY_UPDATE, true)},
    {PARITY_CLUSTER, "", "<Port>5432</Port>", ONE("Port", PARITY_UPDATE, false)},
    {PARITY_CLUSTER, "", "<DBSubnetGroup>other</DBSubnetGroup>", ONE("DBSubnetGroup", PARITY_REPLACE, false)},
    {PARITY_CLUSTER, "<KmsKeyId>a</KmsKeyId>", "<KmsKeyId>b</KmsKeyId>",
     ONE("KmsKeyId", PARITY_REPLACE, false)},
    /* A member nobody has heard of yet is compared as well. */
    {PARITY_CLUSTER, "<NewFeature>on</NewFeature>", "<NewFeature>off</NewFeature>",
     ONE("NewFeature", PARITY_REPORT, false)},
    /* Absent, empty, false and 0 are one. */
    {PARITY_CLUSTER, "<CopyTagsToSnapshot>false</CopyTagsToSnapshot>", "", NONE},
    {PARITY_CLUSTER, "<CopyTagsToSnapshot>true</CopyTagsToSnapshot>", "",
     ONE("CopyTagsToSnapshot", PARITY_UPDATE, true)},
    {PARITY_CLUSTER, "", "<DeletionProtection>true</DeletionProtection>",
     ONE("DeletionProtection", PARITY_UPDATE, true)},
    {PARITY_CLUSTER, "<MonitoringInterval>0</MonitoringInterval>", "", NONE},
    {PARITY_CLUSTER, "<StorageType>aurora</StorageType>", "", NONE},
    {PARITY_CLUSTER, "<StorageType>aurora-iopt1</StorageType>", "<StorageType>aurora</StorageType>",
     ONE("StorageType", PARITY_UPDATE, true)},
    {PARITY_CLUSTER, "<PreferredMaintenanceWindow>Mon:01:00-Mon:02:00</PreferredMaintenanceWindow>",
     "<PreferredMaintenanceWindow>mon:01:00-mon:02:00</PreferredMaintenanceWindow>", NONE},
    /* Lists are sets, and the status of an element is a moment's matter. */
    {PARITY_CLUSTER, "<VpcSecurityGroups><m><Id>a</Id></m><m><Id>b</Id></m></VpcSecurityGroups>",
     "<VpcSecurityGroups><m><Id>b</Id></m><m><Id>a</Id></m></VpcSecurityGroups>", NONE},
    {PARITY_CLUSTER, "<VpcSecurityGroups><m><Id>a</Id></m></VpcSecurityGroups>",
     "<VpcSecurityGroups><m><Id>a</Id></m><m><Id>b</Id></m></VpcSecurityGroups>",
     ONE("VpcSecurityGroups", PARITY_UPDATE, true)},
    {PARITY_CLUSTER, "<AssociatedRoles><r><RoleArn>a</RoleArn><Status>ACTIVE</Status></r></AssociatedRoles>",
     "<AssociatedRoles><r><Status>PENDING</Status><RoleArn>a</RoleArn></r></AssociatedRoles>", NONE},
    {PARITY_CLUSTER, "<AssociatedRoles><r><RoleArn>a</RoleArn></r></AssociatedRoles>", "<AssociatedRoles/>",
     ONE("AssociatedRoles", PARITY_UPDATE, true)},
    /* What belongs to the object itself may differ. */
    {PARITY_CLUSTER, "<DBClusterIdentifier>orders</DBClusterIdentifier><EngineVersion>13.23</EngineVersion>",
     "<DBClusterIdentifier>orders-green-abc123</DBClusterIdentifier><EngineVersion>17.6</EngineVersion>",
     NONE},
    {PARITY_CLUSTER, "<DatabaseName>shop</DatabaseName>", "", ONE("DatabaseName", PARITY_REPLACE, false)},
    {PARITY_CLUSTER, "", "<DatabaseName>shop</DatabaseName>", NONE},
    {PARITY_CLUSTER, "", "<PerformanceInsightsKMSKeyId>k</PerformanceInsightsKMSKeyId>", NONE},
    {PARITY_CLUSTER, "<LocalWriteForwardingStatus>enabled</LocalWriteForwardingStatus>", "",
     ONE("LocalWriteForwardingStatus", PARITY_INVISIBLE, true)},
    /* An instance shows its cluster's members; those are compared there. */
    {PARITY_INSTANCE, "<KmsKeyId>a</KmsKeyId>", "<KmsKeyId>b</KmsKeyId>", NONE},
    {PARITY_INSTANCE, "<AvailabilityZone>a</AvailabilityZone>", "<AvailabilityZone>b</AvailabilityZone>",
     ONE("AvailabilityZone", PARITY_REPLACE, false)},
    {PARITY_INSTANCE, "<PromotionTier>0</PromotionTier>", "<PromotionTier>1</PromotionTier>",
     ONE("PromotionTier", PARITY_UPDATE, true)},
    {PARITY_INSTANCE, "<CACertificateIdentifier>x</CACertificateIdentifier>",
     "<CACertificateIdentifier>y</CACertificateIdentifier>",
     ONE("CACertificateIdentifier", PARITY_UPDATE, true)},
};

static void differences_are_named(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        expect(rows[i].of, rows[i].old_members, rows[i].new_members, &rows[i].want);
}

/* Section 6 of the reference: these and no others must not make somebody's Terraform replace a cluster. */
static void what_replaces_is_refused(void **state)
{
    (void)state;
    static const char *const members[] = {"AvailabilityZones", "DBSubnetGroup",          "KmsKeyId",
                                          "StorageEncrypted",  "DatabaseName",           "MasterUsername",
                                          "EngineMode",        "ClusterScalabilityType", "AvailabilityZone"};
    for (size_t i = 0; i < ARRAY_LEN(members); i++) {
        const struct parity_rule *r = parity_rule(members[i]);
        assert_non_null(r);
        assert_int_equal(r->severity, PARITY_REPLACE);
        assert_int_equal(r->repair, REPAIR_NONE);
    }
}

static void the_table_is_sound(void **state)
{
    (void)state;
    for (const struct parity_rule *r = parity_rules; r->member; r++) {
        assert_ptr_equal(parity_rule(r->member), r); /* no member has two rules */
        bool sends = r->repair == REPAIR_TEXT || r->repair == REPAIR_GROUPS || r->repair == REPAIR_FORWARDING;
        assert_int_equal(sends, r->request != NULL);
        assert_true(r->may_differ ? r->repair == REPAIR_NONE : r->of != 0);
        assert_true(r->severity != PARITY_UPDATE || r->repair != REPAIR_NONE);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(differences_are_named),
        cmocka_unit_test(what_replaces_is_refused),
        cmocka_unit_test(the_table_is_sound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
