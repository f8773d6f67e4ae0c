/* The rules that stories rely on: were one of them lost, a plan that should show a difference would be empty.
 */
#include "acceptance-tests/awslike/awslike.h"
#include "internal/base/testing.h"

#include <string.h>

static void tables_are_sound(void **state)
{
    (void)state;
    struct err e = ERR_INIT;
    if (!tf_check(&awslike_provider, &e))
        fail_msg("%s", e.text);
}

static bool has_attr(const struct tf_schema *schema, const char *name)
{
    for (const struct tf_attr *a = schema->attrs; a->name; a++)
        if (strcmp(a->name, name) == 0)
            return true;
    return false;
}

static void every_member_is_an_attribute_once(void **state)
{
    (void)state;
    static const struct {
        const struct tf_schema *schema;
        const struct member *table;
    } rows[] = {{&cluster_schema, cluster_members}, {&instance_schema, instance_members}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        for (const struct member *m = rows[i].table; m->attr; m++) {
            assert_true(has_attr(rows[i].schema, m->attr));
            assert_true((m->type == TF_STRING_SET && m->shown) == (m->item != NULL));
            for (const struct member *n = rows[i].table; n != m; n++)
                assert_string_not_equal(m->attr, n->attr);
        }
}

static void versions_are_kept_by_their_beginning(void **state)
{
    (void)state;
    static const struct {
        const char *prior, *live, *pending, *want;
    } rows[] = {
        {"16", "16.4", "", "16"},       {"16.4", "16.4", "", "16.4"},     {"16", "17.1", "", "17.1"},
        {"15.4", "16.4", "", "16.4"},   {"16.4", "15.4", "16.4", "16.4"}, {NULL, "16.4", "", "16.4"},
        {"16.1", "16.10", "", "16.10"}, {"1", "16.4", "", "16.4"},
    };
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct value *got =
            version_state(a, value_string(a, rows[i].prior), rows[i].live, rows[i].pending);
        assert_string_equal(value_as_text(got, ""), rows[i].want);
    }
}

static void only_later_releases_overlook_an_older_version(void **state)
{
    (void)state;
    static const struct {
        const char *configured, *actual;
        bool only_if_newer, differs;
    } rows[] = {
        {"15.4", "16.4", false, true}, {"15.4", "16.4", true, false}, {"16", "16.4", true, false},
        {"16.5", "16.4", true, true},  {"17", "16.4", true, true},    {"odd", "16.4", true, true},
    };
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        assert_int_equal(
            version_differs(value_string(a, rows[i].configured), rows[i].actual, rows[i].only_if_newer),
            rows[i].differs);
}

/* ---- reply → state ---- */

static const struct value *refreshed(struct tf_call *c, const char *xml, const char *prior_json)
{
    struct err e = ERR_INIT;
    const struct xml *x = NULL;
    const struct value *prior = NULL;
    assert_true(xml_parse(c->arena, str_of(xml), &x, &e));
    assert_true(value_from_json(c->arena, str_of(prior_json), &prior, &e));
    return object_state(c, cluster_members, x, prior);
}

/* What is shown, against what the state has: the attribute's text afterwards. */
static void a_read_keeps_what_counts_as_the_same(void **state)
{
    (void)state;
    static const struct {
        const char *shown, *prior, *attr, *want;
    } rows[] = {
        {"<Port>5432</Port>", "{\"port\":5433}", "port", "5432"},
        {"<DeletionProtection>false</DeletionProtection>", "{\"deletion_protection\":null}",
         "deletion_protection", "null"},
        {"<DeletionProtection>true</DeletionProtection>", "{\"deletion_protection\":null}",
         "deletion_protection", "true"},
        {"<CopyTagsToSnapshot>true</CopyTagsToSnapshot>", "{\"copy_tags_to_snapshot\":false}",
         "copy_tags_to_snapshot", "true"},
        {"", "{\"database_name\":\"shop\"}", "database_name", "\"shop\""},
        {"", "{\"kms_key_id\":\"k\"}", "kms_key_id", "null"},
        {"<PreferredMaintenanceWindow>mon:01:00-mon:02:00</PreferredMaintenanceWindow>",
         "{\"preferred_maintenance_window\":\"Mon:01:00-Mon:02:00\"}", "preferred_maintenance_window",
         "\"Mon:01:00-Mon:02:00\""},
        {"<AvailabilityZones><AvailabilityZone>b</AvailabilityZone><AvailabilityZone>a</AvailabilityZone>"
         "</AvailabilityZones>",
         "{\"availability_zones\":[\"a\",\"b\"]}", "availability_zones", "[\"a\",\"b\"]"},
        {"<AssociatedRoles><DBClusterRole><RoleArn>r</RoleArn></DBClusterRole><DBClusterRole><RoleArn>r</"
         "RoleArn>"
         "</DBClusterRole></AssociatedRoles>",
         "{}", "iam_roles", "[\"r\"]"},
        {"<ReplicationSourceIdentifier>blue</ReplicationSourceIdentifier>", "{}",
         "replication_source_identifier", "\"blue\""},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct arena *a CLEANUP(arena_cleanup) = arena_new();
        struct buf out CLEANUP(buf_done) = BUF_INIT(4096);
        struct tf_call c = {.arena = a};
        struct err e = ERR_INIT;
        const char *xml = arena_printf(a, "<DBCluster>%s</DBCluster>", rows[i].shown);
        assert_true(value_to_json(value_get(refreshed(&c, xml, rows[i].prior), rows[i].attr), &out, &e));
        assert_string_equal(buf_text(&out), rows[i].want);
    }
}

/* ---- plan ---- */

static void a_plan_is_empty_only_if_all_is_the_same(void **state)
{
    (void)state;
    static const struct {
        const char *prior, *config;
        bool empty;
    } rows[] = {
        {"{\"preferred_maintenance_window\":\"mon:01:00-mon:02:00\"}",
         "{\"preferred_maintenance_window\":\"Mon:01:00-Mon:02:00\"}", true},
        {"{\"preferred_maintenance_window\":\"mon:01:00-mon:02:00\"}",
         "{\"preferred_maintenance_window\":\"tue:01:00-tue:02:00\"}", false},
        {"{\"engine_version\":\"17.6\",\"engine_version_actual\":\"17.6\"}", "{\"engine_version\":\"15.4\"}",
         false},
        {"{\"engine_version\":\"17.6\",\"engine_version_actual\":\"17.6\"}", "{\"engine_version\":\"17.6\"}",
         true},
        {"{\"availability_zones\":[\"a\",\"b\"]}", "{\"availability_zones\":[\"b\",\"a\"]}", true},
        {"{\"availability_zones\":[\"a\",\"b\"]}", "{\"availability_zones\":[\"b\",\"c\"]}", false},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct arena *a CLEANUP(arena_cleanup) = arena_new();
        struct tf_call c = {.arena = a};
        struct err e = ERR_INIT;
        assert_true(value_from_json(a, str_of(rows[i].prior), &c.prior, &e));
        assert_true(value_from_json(a, str_of(rows[i].config), &c.config, &e));
        c.proposed = c.prior;
        for (size_t k = 0; k < c.config->count; k++)
            c.proposed = tf_with(&c, c.proposed, c.config->keys[k], c.config->items[k]);
        const struct value *planned = object_plan_versioned(
            &c, cluster_members, value_equal(c.proposed, c.prior) ? c.prior : c.proposed);
        assert_int_equal(planned == c.prior, rows[i].empty);
    }
}

/* ---- plan → request ---- */

static const char *sent(const struct request *r, const char *name)
{
    for (size_t i = 0; i < r->n; i++)
        if (strcmp(r->list[i].name, name) == 0)
            return r->list[i].value;
    return NULL;
}

static void only_differences_are_sent(void **state)
{
    (void)state;
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    struct err e = ERR_INIT;
    const struct value *prior = NULL, *planned = NULL;
    struct request r = {.arena = a}, none = {.arena = a};
    assert_true(value_from_json(
        a, STR_LIT("{\"port\":1,\"deletion_protection\":true,\"storage_type\":\"aurora\"}"), &prior, &e));
    assert_true(value_from_json(
        a, STR_LIT("{\"port\":2,\"deletion_protection\":null,\"storage_type\":\"aurora\"}"), &planned, &e));
    assert_false(object_change(&none, cluster_members, prior, prior));
    assert_true(object_change(&r, cluster_members, prior, planned));
    assert_int_equal(r.n, 2);
    assert_string_equal(sent(&r, "Port"), "2");
    assert_string_equal(sent(&r, "DeletionProtection"), "false");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tables_are_sound),
        cmocka_unit_test(every_member_is_an_attribute_once),
        cmocka_unit_test(versions_are_kept_by_their_beginning),
        cmocka_unit_test(only_later_releases_overlook_an_older_version),
        cmocka_unit_test(a_read_keeps_what_counts_as_the_same),
        cmocka_unit_test(a_plan_is_empty_only_if_all_is_the_same),
        cmocka_unit_test(only_differences_are_sent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
