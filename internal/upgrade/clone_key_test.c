/* Another key for the clone: what is possible, and which difference it explains. */
#include "internal/base/testing.h"
#include "internal/upgrade/logical.h"

#include <string.h>

#define MINE  "arn:aws:kms:eu-central-1:123456789012:key/mine"
#define OTHER "arn:aws:kms:eu-central-1:123456789012:key/other"

static void which_key_is_possible(void **state)
{
    (void)state;
    static const struct {
        bool by_snapshot;
        const char *key;
        bool fits;
    } rows[] = {{true, OTHER, true}, {true, NULL, true}, {false, NULL, true}, {false, OTHER, false}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct err e = ERR_INIT;
        assert_int_equal(clone_key_fits(rows[i].by_snapshot, rows[i].key, "orders", &e), rows[i].fits);
        assert_true(rows[i].fits || strcmp(e.id, "AUR0226") == 0);
    }
}

static void the_key_asked_for_explains_a_difference(void **state)
{
    (void)state;
    static const struct {
        const char *asked, *shown, *member;
        bool explained;
    } rows[] = {
        {OTHER, OTHER, "KmsKeyId", true},
        {OTHER, OTHER, "StorageEncrypted", true},
        {OTHER, OTHER, "StorageEncryptionType", true},
        {OTHER, OTHER, "Port", false},
        {OTHER, MINE, "KmsKeyId", false},
        {OTHER, "", "StorageEncrypted", false},
        {NULL, OTHER, "KmsKeyId", false},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct arena *a CLEANUP(arena_cleanup) = arena_new();
        const struct upgrade u = {.request = {.kms_key = rows[i].asked}};
        const struct xml *x = NULL;
        struct err e = ERR_INIT;
        const char *text = arena_printf(a, "<DBCluster><KmsKeyId>%s</KmsKeyId></DBCluster>", rows[i].shown);
        assert_true(xml_parse(a, (struct str){text, strlen(text)}, &x, &e));
        assert_int_equal(clone_key_explains(&u, rows[i].member, x), rows[i].explained);
    }
}

static void production_may_have_it_already(void **state)
{
    (void)state;
    static const struct {
        const char *asked, *production;
        bool changes;
    } rows[] = {{OTHER, MINE, true}, {OTHER, "", true}, {OTHER, OTHER, false}, {NULL, MINE, false}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct rds_cluster k = {.kms_key_id = rows[i].production};
        struct upgrade u = {.request = {.kms_key = rows[i].asked}, .world = {.production = &k}};
        assert_int_equal(clone_key_changes(&u), rows[i].changes);
        u.world.production = NULL;
        assert_false(clone_key_changes(&u));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(which_key_is_possible),
        cmocka_unit_test(the_key_asked_for_explains_a_difference),
        cmocka_unit_test(production_may_have_it_already),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
