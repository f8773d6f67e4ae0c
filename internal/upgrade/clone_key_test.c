/* Another key for the clone: what is possible, and which difference it explains. */
#include "internal/base/testing.h"
#include "internal/upgrade/logical.h"

#include <stdio.h>
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

/* ---- the key itself, before anything is made ---- */

static struct {
    const char *production;
    const struct kms_key *shown;
    enum err_code code;
    char told[80];
} kms;

bool world_need(struct upgrade *u, struct err *e)
{
    static struct rds_cluster k;
    (void)e;
    k = (struct rds_cluster){.arn = "arn:aws:rds:eu-central-1:123456789012:cluster:orders",
                             .kms_key_id = kms.production};
    u->world.production = &k;
    return true;
}

bool kms_key_find(const struct aws_session *s, const char *id, const struct kms_key **ret, struct err *e)
{
    (void)s;
    assert_string_equal(id, OTHER);
    *ret = kms.shown;
    return kms.code == ERR_NONE || err_set(e, kms.code, "look at key");
}

static void tell(void *arg, const char *summary, const char *detail)
{
    (void)arg;
    (void)snprintf(kms.told, sizeof kms.told, "%s", *detail ? summary : "");
}

static void a_key_is_looked_at_first(void **state)
{
    (void)state;
    static const struct kms_key good = {"Enabled", "SYMMETRIC_DEFAULT"},
                                off = {"Disabled", "SYMMETRIC_DEFAULT"}, rsa = {"Enabled", "RSA_2048"};
    static const struct {
        const char *production, *asked;
        const struct kms_key *shown;
        enum err_code code;
        const char *id, *said; /* of the error, or the warning; NULL: it passes */
    } rows[] = {
        {MINE, OTHER, &good, ERR_NONE, NULL, ""},
        {MINE, OTHER, &off, ERR_NONE, "AUR0228", "is \"Disabled\""},
        {MINE, OTHER, &rsa, ERR_NONE, "AUR0228", "RSA_2048"},
        {MINE, OTHER, NULL, ERR_NONE, "AUR0228", "does not exist"},
        {MINE, "arn:aws:kms:eu-west-1:123456789012:key/k", &good, ERR_NONE, "AUR0228", "another Region"},
        {MINE, OTHER, NULL, ERR_DENIED, "", "look at key"},
        {MINE, OTHER, NULL, ERR_UNAVAILABLE, NULL, "The new KMS key could not be looked at"},
        {OTHER, OTHER, &off, ERR_NONE, NULL, ""}, /* production's own */
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct arena *a CLEANUP(arena_cleanup) = arena_new();
        struct upgrade u = {.arena = a, .look = a, .warn = tell};
        struct err e = ERR_INIT;
        bool passes = false;
        kms.production = rows[i].production;
        kms.shown = rows[i].shown;
        kms.code = rows[i].code;
        kms.told[0] = '\0';
        u.request = (struct request){.clones_by_snapshot = true, .kms_key = rows[i].asked};
        assert_int_equal(clone_key_check(&u, &passes, &e), rows[i].id == NULL);
        assert_int_equal(passes, rows[i].id == NULL);
        assert_non_null(strstr(rows[i].id ? e.text : kms.told, rows[i].said));
        assert_true(!rows[i].id || !*rows[i].id || strcmp(e.id, rows[i].id) == 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(which_key_is_possible),
        cmocka_unit_test(the_key_asked_for_explains_a_difference),
        cmocka_unit_test(production_may_have_it_already),
        cmocka_unit_test(a_key_is_looked_at_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
