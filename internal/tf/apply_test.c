#include "internal/base/testing.h"
#include "internal/tf/harness.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define TYPE "demo_thing"

/* A plan of {'name':'n'} and what applying it gives. */
#define PLANNED                                                                                              \
    "'count_of':3,'mode':'slow','enabled':false,'region':'?','id':'?','revision':'?','secret_length':'?',"   \
    "'report':'?','steps':[{'name':'copy','blocks_writes':false}]"
#define HEAD  "'count_of':3,'mode':'slow','enabled':false,'region':'here',"
#define TAIL  "'id':'id-n','revision':1,'secret_length':0,'report':'all is well',"
#define STEPS "'steps':[{'name':'copy','blocks_writes':false}]"
#define STATE "{'name':'n'," HEAD TAIL STEPS "}"

static const char *bytes_text(struct harness *h, ProtobufCBinaryData b)
{
    return arena_memdup(h->arena, b.data, b.len);
}

static const Tfplugin6__ApplyResourceChange__Response *apply(struct harness *h, const char *prior,
                                                             const char *planned, const char *config)
{
    const struct tf_schema *s = harness_schema(TYPE);
    Tfplugin6__ApplyResourceChange__Request *req = REQUEST(h, ApplyResourceChange, apply_resource_change);
    req->type_name = TYPE;
    req->prior_state = harness_dynamic(h, s, prior);
    req->planned_state = harness_dynamic(h, s, planned);
    req->config = harness_dynamic(h, s, config);
    req->planned_private = wire_data(STR_LIT("planned"));
    return CALL(h, ApplyResourceChange, apply_resource_change, req);
}

struct row {
    const char *what, *prior, *planned, *config, *expected, *diagnostics, *private_data;
};

static void check(struct harness *h, const struct row *row)
{
    const Tfplugin6__ApplyResourceChange__Response *resp = apply(h, row->prior, row->planned, row->config);
    const char *got = harness_sparse(h, harness_schema(TYPE), resp->new_state);
    const char *diagnostics = DIAGNOSTICS(h, resp);
    if (strcmp(got, row->expected) != 0 || strcmp(diagnostics, row->diagnostics) != 0)
        fail_msg("%s\n got: %s\nwant: %s\n%s", row->what, got, row->expected, diagnostics);
    assert_string_equal(bytes_text(h, resp->private_), row->private_data);
    assert_false(resp->legacy_type_system);
}

/* A create of a thing that misbehaves: what is planned, configured, and kept. */
#define MISBEHAVING(how)                                                                                     \
    "null", "{'name':'n','behaviour':'" how "'," PLANNED "}", "{'name':'n','behaviour':'" how "'}"
#define KEPT(how, rest) "{'name':'n'," HEAD "'behaviour':'" how "'," rest "}"
#define MISFIT          "E AUR0890: provider bug: a result does not fit the schema"

static void apply_rows(void **state)
{
    static const struct row rows[] = {
        {"create", "null", "{'name':'n'," PLANNED "}", "{'name':'n'}", STATE, "", "made"},
        {"create sees write-only values, and they stay out of the state", "null",
         "{'name':'n'," PLANNED ",'login':{'session':'?'},'hook':[{'at':'before','number':'?'}]}",
         "{'name':'n','secret_wo':'abc','login':{'password_wo':'p'},'hook':[{'at':'before'}]}",
         "{'name':'n'," HEAD "'id':'id-n','revision':1,'secret_length':3,'report':'all is well'," STEPS
         ",'login':{'session':'s-1'},'hook':[{'at':'before','number':0}]}",
         "", "made"},
        {"update counts on", STATE, "{'name':'n'," PLANNED "}", "{'name':'n'}",
         "{'name':'n'," HEAD "'id':'id-n','revision':2,'secret_length':0,'report':'all is well'," STEPS "}",
         "", "planned"},
        {"delete", STATE, "null", "null", "null", "", "planned"},
        {"delete of what is gone", "{'name':'gone'}", "null", "null", "null", "", "planned"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        check(*state, &rows[i]);
}

static void failing_rows(void **state)
{
    static const struct row rows[] = {
        {"create failed: nothing is kept", "null", "{'name':'n','behaviour':'fail_create'," PLANNED "}",
         "{'name':'n','behaviour':'fail_create','hook':[{'at':'before'}]}", "null",
         "E AUR0909: create thing n @hook[0].at", "planned"},
        {"create failed half way: what was made is kept", MISBEHAVING("partial_create"),
         KEPT("partial_create", TAIL STEPS), "E AUR0104: half made", "made"},
        {"paused work says so", MISBEHAVING("pause"), KEPT("pause", TAIL STEPS),
         "E AUR-PAUSED: the window opens on Sunday", "made"},
        {"update failed: null, core keeps the prior state", STATE,
         "{'name':'n','behaviour':'fail_update'," PLANNED "}", "{'name':'n','behaviour':'fail_update'}",
         "null", "E AUR0105: update failed @behaviour", "planned"},
        {"unknown values left over become null and an error", MISBEHAVING("bug_unknown"),
         KEPT("bug_unknown", "'id':'id-n','revision':1,'secret_length':0"),
         MISFIT " @report | " MISFIT " @steps", "made"},
        {"values of a wrong type are left out, and attributes nobody knows", MISBEHAVING("bug_type"),
         KEPT("bug_type", "'id':'id-n','revision':1,'secret_length':0," STEPS), MISFIT " @report | " MISFIT,
         "made"},
        {"a state after a successful delete is an error", "{'name':'n','behaviour':'bug_type'}", "null",
         "null", "{'name':'n','behaviour':'bug_type'}", "E AUR0890: provider bug: state after a delete",
         "planned"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        check(*state, &rows[i]);
}

static void huge_text_survives(void **state)
{
    struct harness *h = *state;
    const Tfplugin6__ApplyResourceChange__Response *resp =
        apply(h, "null", "{'name':'n','behaviour':'huge'," PLANNED "}", "{'name':'n','behaviour':'huge'}");
    assert_true(strlen(harness_sparse(h, harness_schema(TYPE), resp->new_state)) > 5 * 1024 * 1024);
}

/* ---- interrupts ---- */

/* As the CLI does on Ctrl-C: on another connection, while the create is under way. The harness is a copy that
 * was made before that began, with an arena of its own, because an arena belongs to one thread. */
static void *stop_once_started(void *of)
{
    struct harness *own = of;
    struct stop *never = stop_new();
    const char *marker = arena_printf(own->arena, "%s/n.started", own->dir);
    while (access(marker, F_OK) != 0)
        (void)stop_wait(never, 1);
    stop_free(never);
    (void)CALL(own, StopProvider, stop_provider, REQUEST(own, StopProvider, stop_provider));
    return NULL;
}

static void stop_ends_a_create_and_later_calls_are_served(void **state)
{
    struct harness *h = *state;
    struct harness other = *h;
    pthread_t thread;
    other.arena = arena_new();
    assert_int_equal(pthread_create(&thread, NULL, stop_once_started, &other), 0);
    const Tfplugin6__ApplyResourceChange__Response *resp =
        apply(h, "null", "{'name':'n','behaviour':'hang_create'," PLANNED "}",
              "{'name':'n','behaviour':'hang_create'}");
    assert_int_equal(pthread_join(thread, NULL), 0);
    arena_free(other.arena);
    assert_string_equal(DIAGNOSTICS(h, resp), "E AUR-PAUSED AUR0908: interrupted before anything was made");
    assert_string_equal(harness_sparse(h, harness_schema(TYPE), resp->new_state), "null");
    assert_string_equal(DIAGNOSTICS(h, apply(h, "null", "{'name':'m'," PLANNED "}", "{'name':'m'}")), "");
}

/* ---- read, import ---- */

static const Tfplugin6__ReadResource__Response *read_thing(struct harness *h, const char *state_json)
{
    Tfplugin6__ReadResource__Request *req = REQUEST(h, ReadResource, read_resource);
    req->type_name = TYPE;
    req->current_state = harness_dynamic(h, harness_schema(TYPE), state_json);
    req->private_ = wire_data(STR_LIT("stored"));
    return CALL(h, ReadResource, read_resource, req);
}

static void read_rows(void **state)
{
    struct harness *h = *state;
    const struct tf_schema *s = harness_schema(TYPE);
    (void)apply(h, "null", "{'name':'n'," PLANNED "}", "{'name':'n'}");
    const Tfplugin6__ReadResource__Response *resp = read_thing(h, "{'name':'n','count_of':99}");
    assert_string_equal(harness_sparse(h, s, resp->new_state), STATE);
    assert_string_equal(bytes_text(h, resp->private_), "stored");

    resp = read_thing(h, "{'name':'gone'}");
    assert_string_equal(harness_sparse(h, s, resp->new_state), "null");
    assert_string_equal(DIAGNOSTICS(h, resp), "");

    FILE *garbage = fopen(arena_printf(h->arena, "%s/bad.json", h->dir), "w");
    assert_non_null(garbage);
    assert_true(fputs("{", garbage) >= 0);
    assert_int_equal(fclose(garbage), 0);
    resp = read_thing(h, "{'name':'bad'}");
    assert_string_equal(harness_sparse(h, s, resp->new_state), "{'name':'bad'}");
    assert_string_equal(DIAGNOSTICS(h, resp), "E AUR0901: JSON");
}

static void import_rows(void **state)
{
    struct harness *h = *state;
    static const struct {
        const char *type, *id, *diagnostics;
    } rows[] = {
        {"demo_thing", "n", ""},
        {"demo_thing", "", "E AUR0805: import needs an id"},
        {"demo_plain", "n", "E AUR0805: import not supported"},
        {"demo_other", "n", "E AUR0804: unknown resource type"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        Tfplugin6__ImportResourceState__Request *req = REQUEST(h, ImportResourceState, import_resource_state);
        req->type_name = (char *)rows[i].type;
        req->id = (char *)rows[i].id;
        const Tfplugin6__ImportResourceState__Response *resp =
            CALL(h, ImportResourceState, import_resource_state, req);
        assert_string_equal(DIAGNOSTICS(h, resp), rows[i].diagnostics);
        assert_int_equal(resp->n_imported_resources, rows[i].diagnostics[0] == '\0');
        if (resp->n_imported_resources == 0)
            continue;
        assert_string_equal(resp->imported_resources[0]->type_name, "demo_thing");
        assert_string_equal(harness_sparse(h, harness_schema(TYPE), resp->imported_resources[0]->state),
                            "{'name':'n'}");
    }
}

/* ---- stored states ---- */

static void upgrade_rows(void **state)
{
    static const struct {
        const char *what, *type, *json;
        int64_t version;
        const char *expected, *diagnostics;
    } rows[] = {
        {"the same version, with white space", TYPE, " {\n  \"name\": \"n\",\n  \"ratio\": 0.1\n}\n", 2,
         "{'name':'n','ratio':0.1}", ""},
        {"numbers keep their text", TYPE, "{\"name\":\"n\",\"ratio\":9223372036854775808}", 2,
         "{'name':'n','ratio':9223372036854775808}", ""},
        {"write-only values are dropped, block lists are filled in", TYPE,
         "{\"name\":\"n\",\"secret_wo\":\"x\",\"hook\":null}", 2, "{'name':'n'}", ""},
        {"an older version", TYPE, "{\"title\":\"n\",\"count_of\":\"7\",\"id\":\"i\"}", 1,
         "{'name':'n','count_of':7,'id':'i'}", ""},
        {"an attribute nobody knows", TYPE, "{\"name\":\"n\",\"colour\":1}", 2, "absent",
         "E AUR0806: stored state does not fit the schema"},
        {"a version too old", TYPE, "{}", 0, "absent", "E AUR0106: too old"},
        {"a newer version", TYPE, "{}", 3, "absent", "E AUR0806: stored state of an unknown version"},
        {"no upgrade at all", "demo_plain", "{}", 1, "absent",
         "E AUR0806: stored state of an unknown version"},
        {"garbage", TYPE, "{", 2, "absent", "E AUR0806: stored state cannot be read"},
        {"another shape", TYPE, "[]", 2, "absent", "E AUR0806: stored state does not fit the schema"},
        {"nothing", TYPE, "", 2, "absent", "E AUR0806: stored state cannot be read"},
    };
    struct harness *h = *state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        Tfplugin6__UpgradeResourceState__Request *req =
            REQUEST(h, UpgradeResourceState, upgrade_resource_state);
        req->type_name = (char *)rows[i].type;
        req->version = rows[i].version;
        req->raw_state = WIRE_NEW(h->arena, RawState, raw_state);
        req->raw_state->json = wire_data(str_of(rows[i].json));
        const Tfplugin6__UpgradeResourceState__Response *resp =
            CALL(h, UpgradeResourceState, upgrade_resource_state, req);
        const char *got = harness_sparse(h, harness_schema(TYPE), resp->upgraded_state);
        const char *diagnostics = DIAGNOSTICS(h, resp);
        if (strcmp(got, rows[i].expected) != 0 || strcmp(diagnostics, rows[i].diagnostics) != 0)
            fail_msg("%s: %s, %s", rows[i].what, got, diagnostics);
    }
}

static void refused_with_a_reason(void **state)
{
    struct harness *h = *state;
    Tfplugin6__MoveResourceState__Request *move = REQUEST(h, MoveResourceState, move_resource_state);
    move->source_type_name = "other_thing";
    move->source_provider_address = "example.com/test/other";
    move->target_type_name = TYPE;
    const Tfplugin6__MoveResourceState__Response *moved =
        CALL(h, MoveResourceState, move_resource_state, move);
    assert_string_equal(DIAGNOSTICS(h, moved), "E AUR0807: move between resource types not supported");
    assert_non_null(strstr(moved->diagnostics[0]->detail, "other_thing of provider example.com/test/other"));
    assert_non_null(strstr(moved->diagnostics[0]->detail, TYPE));
    assert_null(moved->target_state);

    Tfplugin6__GenerateResourceConfig__Request *generate =
        REQUEST(h, GenerateResourceConfig, generate_resource_config);
    generate->type_name = TYPE;
    assert_string_equal(DIAGNOSTICS(h, CALL(h, GenerateResourceConfig, generate_resource_config, generate)),
                        "E AUR0808: configuration cannot be generated by the provider");

    Tfplugin6__UpgradeResourceIdentity__Request *identity =
        REQUEST(h, UpgradeResourceIdentity, upgrade_resource_identity);
    identity->type_name = TYPE;
    assert_string_equal(DIAGNOSTICS(h, CALL(h, UpgradeResourceIdentity, upgrade_resource_identity, identity)),
                        "E AUR0806: stored identity cannot be read");
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, harness_setup, harness_teardown)
    const struct CMUnitTest tests[] = {
        TEST(apply_rows),         TEST(failing_rows),
        TEST(huge_text_survives), TEST(stop_ends_a_create_and_later_calls_are_served),
        TEST(read_rows),          TEST(import_rows),
        TEST(upgrade_rows),       TEST(refused_with_a_reason),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
