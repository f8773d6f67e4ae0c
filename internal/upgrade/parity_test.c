#include "internal/base/testing.h"
#include "internal/upgrade/parity.h"

#include <string.h>

static void expect(const char *old_members, const char *new_members, size_t want, const char *member,
                   enum parity_severity severity)
{
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    const struct xml *x = NULL, *y = NULL;
    struct err e = ERR_INIT;
    assert_true(xml_parse(a, str_of(arena_printf(a, "<DBCluster>%s</DBCluster>", old_members)), &x, &e));
    assert_true(xml_parse(a, str_of(arena_printf(a, "<DBCluster>%s</DBCluster>", new_members)), &y, &e));
    const struct parity_difference *d = NULL;
    size_t n = 0;
    parity_compare(a, x, y, &d, &n);
    assert_int_equal(n, want);
    for (size_t i = 0; i < n; i++) {
        assert_string_equal(d[i].member, member);
        assert_int_equal(d[i].severity, severity);
    }
}

static void differences_are_named(void **state)
{
    (void)state;
    static const struct {
        const char *old_members, *new_members;
        size_t n;
        const char *member;
        enum parity_severity severity;
    } rows[] = {
        {"<Port>5432</Port>", "<Port>5432</Port>", 0, "", PARITY_ERROR},
        {"<Port>5432</Port>", "<Port>5433</Port>", 1, "Port", PARITY_ERROR},
        {"<Port>5432</Port>", "", 1, "Port", PARITY_ERROR},
        {"", "<DBSubnetGroup>other</DBSubnetGroup>", 1, "DBSubnetGroup", PARITY_ERROR},
        /* A member nobody has heard of yet is compared as well. */
        {"<NewFeature>on</NewFeature>", "<NewFeature>off</NewFeature>", 1, "NewFeature", PARITY_WARNING},
        {"<CopyTagsToSnapshot>false</CopyTagsToSnapshot>", "", 0, "", PARITY_WARNING},
        {"<CopyTagsToSnapshot>true</CopyTagsToSnapshot>", "", 1, "CopyTagsToSnapshot", PARITY_WARNING},
        /* Lists are sets. */
        {"<VpcSecurityGroups><m><Id>a</Id></m><m><Id>b</Id></m></VpcSecurityGroups>",
         "<VpcSecurityGroups><m><Id>b</Id></m><m><Id>a</Id></m></VpcSecurityGroups>", 0, "", PARITY_ERROR},
        {"<VpcSecurityGroups><m><Id>a</Id></m></VpcSecurityGroups>",
         "<VpcSecurityGroups><m><Id>a</Id></m><m><Id>b</Id></m></VpcSecurityGroups>", 1, "VpcSecurityGroups",
         PARITY_ERROR},
        /* What belongs to the object itself may differ. */
        {"<DBClusterIdentifier>orders</DBClusterIdentifier><EngineVersion>13.23</EngineVersion>",
         "<DBClusterIdentifier>orders-green-abc123</DBClusterIdentifier><EngineVersion>17.6</EngineVersion>",
         0, "", PARITY_ERROR},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        expect(rows[i].old_members, rows[i].new_members, rows[i].n, rows[i].member, rows[i].severity);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(differences_are_named)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
