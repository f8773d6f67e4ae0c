#include "internal/base/testing.h"
#include "internal/tf/harness.h"

#include <stdio.h>
#include <string.h>

#define DEFAULTS "'mode':'slow','enabled':false,"
#define STEPS    "'steps':[{'name':'copy','blocks_writes':false}]"

/* A whole prior state, as an apply of {'name':'n'} leaves it. */
#define PRIOR                                                                                                \
    "'name':'n','count_of':3," DEFAULTS                                                                      \
    "'region':'here','id':'id-n','revision':1,'secret_length':0,'report':'ok'," STEPS

/* Computed values of a thing that is made, and of one that is changed. */
#define MADE    "'id':'?','revision':'?','secret_length':'?','report':'?'," STEPS
#define CHANGED "'id':'id-n','revision':'?','secret_length':'?','report':'?'," STEPS

struct row {
    const char *what, *prior, *config, *planned, *replace, *diagnostics;
};

static const Tfplugin6__PlanResourceChange__Response *plan(struct harness *h, const char *type,
                                                           const char *prior, const char *config)
{
    const struct tf_schema *s = harness_schema(type);
    Tfplugin6__PlanResourceChange__Request *req = REQUEST(h, PlanResourceChange, plan_resource_change);
    const struct value *config_value = harness_value(h, s, config), *prior_value = harness_value(h, s, prior);
    req->type_name = (char *)type;
    req->config = harness_packed(h, s, config_value);
    req->prior_state = harness_packed(h, s, prior_value);
    req->proposed_new_state = harness_packed(h, s, harness_proposal(h, s, config_value, prior_value));
    req->prior_private = wire_data(STR_LIT("stored"));
    return CALL(h, PlanResourceChange, plan_resource_change, req);
}

static const char *replace_paths(struct harness *h, const Tfplugin6__PlanResourceChange__Response *resp)
{
    const char *all = "";
    for (size_t i = 0; i < resp->n_requires_replace; i++)
        all = arena_printf(h->arena, "%s%s%s", all, i > 0 ? " " : "",
                           harness_path(h, resp->requires_replace[i]));
    return all;
}

static void check(struct harness *h, const struct row *row)
{
    const Tfplugin6__PlanResourceChange__Response *resp = plan(h, "demo_thing", row->prior, row->config);
    const char *planned = harness_sparse(h, harness_schema("demo_thing"), resp->planned_state);
    const char *diagnostics = DIAGNOSTICS(h, resp), *replace = replace_paths(h, resp);
    const char *expected_replace = row->replace ? row->replace : "";
    const char *expected_diagnostics = row->diagnostics ? row->diagnostics : "";
    if (row->planned && strcmp(planned, row->planned) != 0)
        fail_msg("%s\n got: %s\nwant: %s", row->what, planned, row->planned);
    if (strcmp(replace, expected_replace) != 0 || strcmp(diagnostics, expected_diagnostics) != 0)
        fail_msg("%s: replace '%s', diagnostics '%s'", row->what, replace, diagnostics);
    assert_false(resp->legacy_type_system);
    assert_null(resp->deferred);
}

static void create_rows(void **state)
{
    static const struct row rows[] = {
        {"defaults are planned, computed values unknown", "null", "{'name':'n'}",
         .planned = "{'name':'n','count_of':3," DEFAULTS "'region':'?'," MADE "}"},
        {"what is configured stays exactly so", "null",
         "{'name':'n','count_of':7,'ratio':0.1,'mode':'fast','enabled':true,'region':'r',"
         "'labels':{'a':'b'},'words':['a'],'flags':['f']}",
         .planned = "{'name':'n','count_of':7,'ratio':0.1,'mode':'fast','enabled':true,'region':'r',"
                    "'labels':{'a':'b'},'words':['a'],'flags':['f']," MADE "}"},
        {"write-only values go", "null",
         "{'name':'n','region':'r','secret_wo':'s','secret_wo_version':1,'login':{'password_wo':'p'}}",
         .planned = "{'name':'n','count_of':3," DEFAULTS "'region':'r','secret_wo_version':1," MADE
                    ",'login':{'session':'?'}}"},
        {"blocks: computed values unknown, defaults not filled in", "null",
         "{'name':'n','region':'r','size':{'width':2},'login':{'host':'h','tls':{'mode':'x'}},"
         "'hook':[{'at':'before'},{'at':'after','sql':'x'}]}",
         .planned = "{'name':'n','count_of':3," DEFAULTS "'region':'r','size':{'width':2,'area':'?'}," MADE
                    ",'login':{'host':'h','session':'?','tls':{'mode':'x'}},"
                    "'hook':[{'at':'before','number':'?'},{'at':'after','sql':'x','number':'?'}]}"},
        {"unknown configuration stays unknown, also whole blocks", "null",
         "{'name':'?','count_of':'?','region':'r','labels':{'a':'?'},'size':'?','secret_wo':'?',"
         "'login':{'host':'?'},'hook':'?'}",
         .planned = "{'name':'?','count_of':'?'," DEFAULTS "'region':'r','labels':{'a':'?'},'size':'?'," MADE
                    ",'login':{'host':'?','session':'?'},'hook':'?'}"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        check(*state, &rows[i]);
}

static void update_rows(void **state)
{
    static const struct row rows[] = {
        {"nothing changes: the prior state, computed values included", "{" PRIOR "}", "{'name':'n'}",
         .planned = "{" PRIOR "}"},
        {"another spelling of the same number is no change", "{" PRIOR "}", "{'name':'n','count_of':3.0}",
         .planned = "{" PRIOR "}"},
        {"a changed write-only value alone is no change", "{" PRIOR "}", "{'name':'n','secret_wo':'new'}",
         .planned = "{" PRIOR "}"},
        {"its version is one", "{" PRIOR "}", "{'name':'n','secret_wo':'new','secret_wo_version':2}",
         .planned =
             "{'name':'n','count_of':3," DEFAULTS "'region':'here','secret_wo_version':2," CHANGED "}"},
        {"stable computed values stay known in an update", "{" PRIOR "}", "{'name':'n','ratio':0.5}",
         .planned = "{'name':'n','count_of':3,'ratio':0.5," DEFAULTS "'region':'here'," CHANGED "}"},
        {"a default comes back when the setting goes",
         "{'name':'n','count_of':9,'mode':'fast','enabled':true,'region':'here','id':'id-n'}", "{'name':'n'}",
         .planned = "{'name':'n','count_of':3," DEFAULTS "'region':'here'," CHANGED "}"},
        {"a stable value that was never known is unknown, not null, and replaces nothing",
         "{'name':'n','count_of':3," DEFAULTS "'revision':1}", "{'name':'n','ratio':1}",
         .planned = "{'name':'n','count_of':3,'ratio':1," DEFAULTS "'region':'?'," MADE "}"},
        {"blocks: the new hook's place is unknown, the old one's stays",
         "{" PRIOR ",'hook':[{'at':'before','number':0}]}",
         "{'name':'n','hook':[{'at':'before'},{'at':'after'}]}",
         .planned = "{'name':'n','count_of':3," DEFAULTS "'region':'here'," CHANGED
                    ",'hook':[{'at':'before','number':0},{'at':'after','number':'?'}]}"},
        {"a removed attribute is null", "{" PRIOR ",'ratio':1,'labels':{'a':'b'}}", "{'name':'n'}",
         .planned = "{'name':'n','count_of':3," DEFAULTS "'region':'here'," CHANGED "}"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        check(*state, &rows[i]);
}

static void replace_rows(void **state)
{
    static const char with_login[] = "{'name':'n','login':{'host':'other'}}";
    static const struct row rows[] = {
        {"the name", "{" PRIOR "}", "{'name':'m'}", .replace = "name"},
        {"an unknown name counts as another", "{" PRIOR "}", "{'name':'?'}", .replace = "name"},
        {"region and name", "{" PRIOR "}", "{'name':'m','region':'there'}", .replace = "name region"},
        {"inside a block", "{" PRIOR ",'login':{'host':'h'}}", with_login, .replace = "login.host"},
        {"a block that appears", "{" PRIOR "}", with_login, .replace = "login.host"},
        {"a block that goes", "{" PRIOR ",'login':{'host':'h'}}", "{'name':'n'}", .replace = "login.host"},
        {"a block without the attribute changes freely", "{" PRIOR ",'login':{'port':1}}",
         "{'name':'n','login':{'port':2}}", .replace = ""},
        {"an update is none", "{" PRIOR "}", "{'name':'n','ratio':2}", .replace = ""},
        {"a create is none", "null", "{'name':'n'}", .replace = ""},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        check(*state, &rows[i]);
}

static void misbehaving_plan_rows(void **state)
{
    static const struct row rows[] = {
        {"a plan of nothing without a reason is blamed", "null", "{'name':'n','behaviour':'bug_null'}",
         .diagnostics = "E AUR0890: provider bug: no plan"},
        {"a warning reaches the user", "{" PRIOR "}", "{'name':'n','behaviour':'warn'}",
         .diagnostics = "W Look here @behaviour"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        check(*state, &rows[i]);
}

static void plain_resource_has_the_default_plan(void **state)
{
    struct harness *h = *state;
    const Tfplugin6__PlanResourceChange__Response *resp = plan(h, "demo_plain", "null", "{'name':'n'}");
    const char *planned = harness_sparse(h, harness_schema("demo_plain"), resp->planned_state);
    assert_non_null(strstr(planned, "'steps':'?'"));
    assert_string_equal(arena_memdup(h->arena, resp->planned_private.data, resp->planned_private.len),
                        "stored");
}

static void destroy(void **state)
{
    struct harness *h = *state;
    static const struct {
        const char *type, *prior, *diagnostics, *private_data;
    } rows[] = {
        {"demo_thing", "{" PRIOR "}", "", "destroy planned"},
        {"demo_thing", "{" PRIOR ",'behaviour':'refuse_destroy'}", "E AUR0103: this thing stays",
         "destroy planned"},
        {"demo_plain", "{" PRIOR "}", "", "stored"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const Tfplugin6__PlanResourceChange__Response *resp = plan(h, rows[i].type, rows[i].prior, "null");
        assert_string_equal(harness_sparse(h, harness_schema(rows[i].type), resp->planned_state), "null");
        assert_string_equal(DIAGNOSTICS(h, resp), rows[i].diagnostics);
        assert_int_equal(resp->n_requires_replace, 0);
        assert_memory_equal(resp->planned_private.data, rows[i].private_data, strlen(rows[i].private_data));
    }
}

/* A proposal that cannot be read must not be taken for a destroy. */
static void undecodable_is_no_destroy(void **state)
{
    struct harness *h = *state;
    const struct tf_schema *s = harness_schema("demo_thing");
    Tfplugin6__PlanResourceChange__Request *req = REQUEST(h, PlanResourceChange, plan_resource_change);
    req->type_name = "demo_thing";
    req->prior_state = harness_dynamic(h, s, "{" PRIOR "}");
    req->config = harness_dynamic(h, s, "{'name':'n'}");
    Tfplugin6__DynamicValue garbage = TFPLUGIN6__DYNAMIC_VALUE__INIT;
    garbage.msgpack = wire_data(STR_LIT("\x81\xa1\x61\xc0"));
    req->proposed_new_state = &garbage;
    const Tfplugin6__PlanResourceChange__Response *resp =
        CALL(h, PlanResourceChange, plan_resource_change, req);
    assert_string_equal(DIAGNOSTICS(h, resp), "E AUR0801: the CLI sent a value that does not fit the schema");
    assert_null(resp->planned_state);

    Tfplugin6__DynamicValue json = TFPLUGIN6__DYNAMIC_VALUE__INIT;
    json.json = wire_data(STR_LIT("{\"name\":\"n\",\"count_of\":4}"));
    req->proposed_new_state = &json;
    resp = CALL(h, PlanResourceChange, plan_resource_change, req);
    assert_non_null(strstr(harness_sparse(h, s, resp->planned_state), "'name':'n'"));
}

/* Whatever the bytes of a request: an error, or a reply that fits the schema exactly. */
static void garbled_requests(void **state)
{
    struct harness *h = *state;
    static const unsigned char bytes[] = {0x00, 0x01, 0x0a, 0x12, 0x7f, 0x80, 0x81, 0x90, 0xa0,
                                          0xc0, 0xc1, 0xc4, 0xd4, 0xd9, 0xdc, 0xdd, 0xdf, 0xff};
    const struct tf_schema *s = harness_schema("demo_thing");
    Tfplugin6__PlanResourceChange__Request *req = REQUEST(h, PlanResourceChange, plan_resource_change);
    req->type_name = "demo_thing";
    req->prior_state = harness_dynamic(h, s, "{" PRIOR ",'hook':[{'at':'before','number':0}]}");
    req->config = harness_dynamic(h, s, "{'name':'?','login':{'host':'h'},'hook':[{'at':'after'}]}");
    req->proposed_new_state = req->config;
    struct str whole = wire_pack(h->arena, &req->base);
    size_t replies = 0;
    for (size_t i = 0; i < whole.n * sizeof bytes; i++) {
        struct harness one = *h;
        one.arena = arena_new();
        char *text = arena_memdup(one.arena, whole.p, whole.n);
        text[i / sizeof bytes] = (char)bytes[i % sizeof bytes];
        const Tfplugin6__PlanResourceChange__Response *resp =
            harness_try(&one, "PlanResourceChange", (struct str){text, whole.n},
                        &tfplugin6__plan_resource_change__response__descriptor);
        if (resp && resp->planned_state) {
            assert_non_null(harness_sparse(&one, s, resp->planned_state));
            replies++;
        }
        arena_free(one.arena);
    }
    assert_true(replies > whole.n / 2 && replies < whole.n * sizeof bytes);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, harness_setup, harness_teardown)
    const struct CMUnitTest tests[] = {
        TEST(create_rows),
        TEST(update_rows),
        TEST(replace_rows),
        TEST(misbehaving_plan_rows),
        TEST(plain_resource_has_the_default_plan),
        TEST(destroy),
        TEST(undecodable_is_no_destroy),
        TEST(garbled_requests),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
