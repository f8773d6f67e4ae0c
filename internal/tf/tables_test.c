#include "internal/base/file.h"
#include "internal/base/testing.h"
#include "internal/tf/demo.h"
#include "internal/tf/harness.h"

#include <stdlib.h>
#include <string.h>

static bool never(const struct value *v, struct err *e)
{
    (void)v;
    return err_set(e, ERR_INVALID, "never");
}

static const struct value *anything(struct tf_call *c)
{
    return c->prior;
}

static const char *const a_or_b[] = {"a", "b", NULL};
static const struct tf_attr inner[] = {{"x", TF_STRING, TF_OPTIONAL, .doc = "X."}, {0}};
static const struct tf_attr inner_secret[] = {
    {"x", TF_STRING, TF_OPTIONAL | TF_WRITE_ONLY | TF_SENSITIVE, .doc = "X."}, {0}};

/* ---- attributes of a resource ---- */

static bool check_resource_attr(const struct tf_attr *attr, struct err *e)
{
    const struct tf_attr attrs[] = {*attr, {0}};
    const struct tf_schema schema = {.attrs = attrs, .doc = "D."};
    const struct tf_schema none = {.doc = "D."};
    const struct tf_resource r = {
        "t_r", &schema, .create = anything, .read = anything, .update = anything, .del = anything};
    const struct tf_resource *const resources[] = {&r, NULL};
    const struct tf_provider p = {.name = "t", .schema = &none, .resources = resources};
    return tf_check(&p, e);
}

static void attribute_rows(void **state)
{
    (void)state;
    static const struct {
        struct tf_attr attr;
        const char *says; /* NULL: accepted */
    } rows[] = {
        {{"a", TF_STRING, TF_REQUIRED, .doc = "D."}, NULL},
        {{"a", TF_STRING, .flags = TF_REQUIRED}, "resource t_r: a: has no doc"},
        {{"a", TF_STRING, 0, .doc = "D."}, "neither required, optional nor computed"},
        {{"a", TF_STRING, TF_REQUIRED | TF_OPTIONAL, .doc = "D."}, "required and something else"},
        {{"a", TF_STRING, TF_REQUIRED | TF_COMPUTED, .doc = "D."}, "required and something else"},
        {{"A", TF_STRING, TF_REQUIRED, .doc = "D."}, "not a name"},
        {{"1a", TF_STRING, TF_REQUIRED, .doc = "D."}, "not a name"},
        {{"a-b", TF_STRING, TF_REQUIRED, .doc = "D."}, "not a name"},
        {{"connection", TF_STRING, TF_REQUIRED, .doc = "D."}, "reserved by the language"},
        {{"count", TF_NUMBER, TF_OPTIONAL, .doc = "D."}, "reserved by the language"},
        {{"version", TF_STRING, TF_OPTIONAL, .doc = "D."}, NULL},
        {{"a", TF_STRING, TF_OPTIONAL | TF_WRITE_ONLY | TF_SENSITIVE, .doc = "D."}, NULL},
        {{"a", TF_STRING, TF_OPTIONAL | TF_WRITE_ONLY, .doc = "D."}, "write-only, but not sensitive"},
        {{"a", TF_STRING, TF_OPTIONAL_COMPUTED | TF_WRITE_ONLY, .doc = "D."}, "write-only, but computed"},
        {{"a", TF_STRING, TF_OPTIONAL | TF_WRITE_ONLY | TF_SENSITIVE | TF_REPLACE, .doc = "D."},
         "and replaces"},
        {{"a", TF_STRING, TF_OPTIONAL | TF_STABLE, .doc = "D."}, "stable, but not computed"},
        {{"a", TF_STRING, TF_OPTIONAL | TF_INTEGER, .doc = "D."}, "integer, but no number"},
        {{"a", TF_DYNAMIC, TF_OPTIONAL, .doc = "D."}, "is dynamic"},
        {{"a", TF_OBJECT, TF_OPTIONAL, .doc = "D."}, "object without attributes"},
        {{"a", TF_STRING, TF_OPTIONAL, .doc = "D.", .nested = inner}, "attributes without being one"},
        {{"a", TF_OBJECT, TF_OPTIONAL, .doc = "D.", .nested = inner}, NULL},
        {{"a", TF_OBJECT, TF_OPTIONAL, .doc = "D.", .nested = inner_secret}, "that takes a block"},
        {{"a", TF_NUMBER, TF_OPTIONAL, .doc = "D.", .one_of = a_or_b}, "allowed texts, but no text"},
        {{"a", TF_STRING, TF_OPTIONAL_COMPUTED, .doc = "D.", .otherwise = "\"a\"", .one_of = a_or_b}, NULL},
        {{"a", TF_STRING, TF_OPTIONAL_COMPUTED, .doc = "D.", .otherwise = "\"c\"", .one_of = a_or_b},
         "not allowed"},
        {{"a", TF_STRING, TF_OPTIONAL_COMPUTED, .doc = "D.", .otherwise = "c"}, "does not fit its type"},
        {{"a", TF_NUMBER, TF_OPTIONAL_COMPUTED, .doc = "D.", .otherwise = "[]"}, "does not fit its type"},
        {{"a", TF_NUMBER, TF_OPTIONAL_COMPUTED | TF_INTEGER, .doc = "D.", .otherwise = "1.5"}, "not allowed"},
        {{"a", TF_STRING, TF_OPTIONAL_COMPUTED, .doc = "D.", .otherwise = "\"c\"", .validate = never},
         "not allowed"},
        {{"a", TF_STRING, TF_OPTIONAL, .doc = "D.", .otherwise = "\"c\""}, "not optional and computed"},
        {{"a", TF_STRING, TF_REQUIRED, .doc = "D.", .otherwise = "\"c\""}, "not optional and computed"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct err e = ERR_INIT;
        bool ok = check_resource_attr(&rows[i].attr, &e);
        if (ok != (rows[i].says == NULL) || (!ok && !strstr(e.text, rows[i].says)))
            fail_msg("row %zu: %s", i, ok ? "accepted" : e.text);
    }
}

/* ---- the other tables ---- */

static const struct tf_attr good_attrs[] = {{"a", TF_STRING, TF_OPTIONAL, .doc = "D."}, {0}};
static const struct tf_attr computed_attrs[] = {{"a", TF_STRING, TF_COMPUTED, .doc = "D."}, {0}};
static const struct tf_attr twice_attrs[] = {
    {"a", TF_STRING, TF_OPTIONAL, .doc = "D."}, {"a", TF_BOOL, TF_OPTIONAL, .doc = "D."}, {0}};
static const struct tf_attr alias_attrs[] = {{"alias", TF_STRING, TF_OPTIONAL, .doc = "D."}, {0}};
static const struct tf_attr secret_attrs[] = {
    {"a", TF_STRING, TF_OPTIONAL | TF_WRITE_ONLY | TF_SENSITIVE, .doc = "D."}, {0}};
static const struct tf_attr replace_attrs[] = {{"a", TF_STRING, TF_OPTIONAL | TF_REPLACE, .doc = "D."}, {0}};
static const struct tf_block a_block[] = {{.name = "a", .attrs = good_attrs, .doc = "D."}, {0}};
static const struct tf_block undocumented_block[] = {{.name = "b", .attrs = good_attrs}, {0}};
static const struct tf_block bad_inner_block[] = {{.name = "b", .attrs = twice_attrs, .doc = "D."}, {0}};
static const struct tf_schema good = {.attrs = good_attrs, .doc = "D."};
static const struct tf_schema computed = {.attrs = computed_attrs, .doc = "D."};
static const struct tf_schema twice = {.attrs = twice_attrs, .doc = "D."};
static const struct tf_schema alias = {.attrs = alias_attrs, .doc = "D."};
static const struct tf_schema secret = {.attrs = secret_attrs, .doc = "D."};
static const struct tf_schema replacing = {.attrs = replace_attrs, .doc = "D."};
static const struct tf_schema same_names = {.attrs = good_attrs, .blocks = a_block, .doc = "D."};
static const struct tf_schema undocumented = {.blocks = undocumented_block, .doc = "D."};
static const struct tf_schema bad_inner = {.blocks = bad_inner_block, .doc = "D."};
static const struct tf_schema no_doc = {.attrs = good_attrs};
static const struct tf_schema old = {.version = -1, .doc = "D."};

static void provider_schema_rows(void **state)
{
    (void)state;
    static const struct {
        const struct tf_schema *schema;
        const char *says;
    } rows[] = {
        {&good, NULL},
        {NULL, "provider: has no schema"},
        {&no_doc, "provider: has no doc"},
        {&old, "negative version"},
        {&computed, "computed in a provider"},
        {&twice, "same name"},
        {&same_names, "same name"},
        {&alias, "\"alias\" is reserved"},
        {&secret, "write-only, but computed or not of a resource"},
        {&replacing, "plan rules outside a resource"},
        {&undocumented, "b: a block has no doc"},
        {&bad_inner, "provider: b: two attributes"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct err e = ERR_INIT;
        const struct tf_provider p = {.name = "t", .schema = rows[i].schema};
        bool ok = tf_check(&p, &e);
        if (ok != (rows[i].says == NULL) || (!ok && !strstr(e.text, rows[i].says)))
            fail_msg("row %zu: %s", i, ok ? "accepted" : e.text);
    }
}

#define LIST(T, x)                                                                                           \
    (const struct T *const[])                                                                                \
    {                                                                                                        \
        x, NULL                                                                                              \
    }

static void member_rows(void **state)
{
    (void)state;
    static const struct tf_resource half = {"t_r", &good, .create = anything};
    static const struct tf_resource whole = {
        "t_r", &good, .create = anything, .read = anything, .update = anything, .del = anything};
    static const struct tf_resource foreign = {"other_r", &good, .create = anything};
    static const struct tf_data_source unread = {"t_d", .schema = &good};
    static const struct tf_data_source reserved = {"t_d", &secret, .read = anything};
    static const struct tf_ephemeral closed = {"t_e", .schema = &good};
    static const struct tf_function uncalled = {"f", .summary = "S", .doc = "D."};
    const struct {
        struct tf_provider p;
        const char *says;
    } rows[] = {
        {{.name = "t", .schema = &good, .resources = LIST(tf_resource, &whole)}, NULL},
        {{.name = "t", .schema = &good, .resources = LIST(tf_resource, &half)}, "t_r: lacks create, read"},
        {{.name = "t", .schema = &good, .resources = LIST(tf_resource, &foreign)}, "other_r: not a name"},
        {{.name = "t",
          .schema = &good,
          .resources = (const struct tf_resource *const[]){&whole, &half, NULL}},
         "t_r: there twice"},
        {{.name = "t", .schema = &good, .data_sources = LIST(tf_data_source, &unread)}, "t_d: lacks read"},
        {{.name = "t", .schema = &good, .data_sources = LIST(tf_data_source, &reserved)},
         "t_d: a: is write-only"},
        {{.name = "t", .schema = &good, .ephemerals = LIST(tf_ephemeral, &closed)}, "t_e: lacks open"},
        {{.name = "t", .schema = &good, .functions = LIST(tf_function, &uncalled)}, "f: lacks call"},
        {{.name = "T", .schema = &good}, "the provider has no name"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct err e = ERR_INIT;
        bool ok = tf_check(&rows[i].p, &e);
        if (ok != (rows[i].says == NULL) || (!ok && !strstr(e.text, rows[i].says)))
            fail_msg("row %zu: %s", i, ok ? "accepted" : e.text);
    }
    struct err e = ERR_INIT;
    if (!tf_check(&demo_provider, &e))
        fail_msg("%s", e.text);
}

/* ---- documentation ---- */

static const char *page(struct arena *a, const char *dir, const char *name)
{
    struct str text;
    struct err e = ERR_INIT;
    if (!file_read(a, arena_printf(a, "%s/%s", dir, name), 1 << 20, &text, &e))
        fail_msg("%s", e.text);
    return text.p;
}

static void docs_are_the_golden_ones(void **state)
{
    (void)state;
    static const char *const names[] = {
        "index.md",          "resources/thing.md", "resources/plain.md",           "data-sources/lookup.md",
        "functions/echo.md", "functions/greet.md", "ephemeral-resources/token.md",
    };
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    struct err e = ERR_INIT;
    char dir[] = "/tmp/aurora-tf-docs-XXXXXX";
    assert_non_null(mkdtemp(dir));
    for (int twice_over = 0; twice_over < 2; twice_over++)
        if (!tf_write_docs(&demo_provider, dir, "testdata/examples", &e))
            fail_msg("%s", e.text);
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        assert_string_equal(page(a, dir, names[i]), page(a, "testdata/docs", names[i]));
    harness_remove_tree(a, dir);
}

static void docs_need_sound_tables_and_a_folder(void **state)
{
    (void)state;
    struct err e = ERR_INIT;
    const struct tf_provider bad = {.name = "t", .schema = &twice};
    assert_false(tf_write_docs(&bad, "/tmp", "testdata/examples", &e));
    assert_non_null(strstr(e.text, "tables of t: provider: two attributes"));
    assert_false(tf_write_docs(&demo_provider, "/dev/null/docs", "testdata/examples", &e));
    assert_non_null(strstr(e.text, "write documentation: "));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(attribute_rows),
        cmocka_unit_test(provider_schema_rows),
        cmocka_unit_test(member_rows),
        cmocka_unit_test(docs_are_the_golden_ones),
        cmocka_unit_test(docs_need_sound_tables_and_a_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
