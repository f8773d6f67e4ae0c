#include "internal/base/testing.h"
#include "internal/tf/demo.h"
#include "internal/tf/harness.h"

#include <stdio.h>
#include <string.h>

/* ---- schema ---- */

static const Tfplugin6__Schema__Attribute *find_attribute(const Tfplugin6__Schema__Block *b, const char *name)
{
    for (size_t i = 0; i < b->n_attributes; i++)
        if (strcmp(b->attributes[i]->name, name) == 0)
            return b->attributes[i];
    fail_msg("no attribute %s", name);
    return NULL;
}

static const char *flags_of(struct harness *h, const Tfplugin6__Schema__Attribute *a)
{
    return arena_printf(h->arena, "%s%s%s%s%s", a->required ? "R" : "", a->optional ? "O" : "",
                        a->computed ? "C" : "", a->sensitive ? "S" : "", a->write_only ? "W" : "");
}

static void schema_of_a_resource(void **state)
{
    struct harness *h = *state;
    const Tfplugin6__GetProviderSchema__Response *resp =
        CALL(h, GetProviderSchema, get_provider_schema, REQUEST(h, GetProviderSchema, get_provider_schema));
    assert_true(resp->server_capabilities->plan_destroy);
    assert_true(resp->server_capabilities->get_provider_schema_optional);
    assert_true(resp->server_capabilities->move_resource_state);
    assert_false(resp->server_capabilities->generate_resource_config);
    assert_int_equal(resp->provider->block->n_attributes, 3);
    assert_int_equal(resp->n_resource_schemas, 2);
    assert_int_equal(resp->n_data_source_schemas, 1);
    assert_int_equal(resp->n_ephemeral_resource_schemas, 1);
    assert_int_equal(resp->n_list_resource_schemas, 0);
    assert_int_equal(resp->n_action_schemas, 0);
    assert_int_equal(resp->n_diagnostics, 0);

    const Tfplugin6__Schema *thing = resp->resource_schemas[0]->value;
    assert_string_equal(resp->resource_schemas[0]->key, "demo_thing");
    assert_int_equal(thing->version, 2);
    static const struct {
        const char *name, *type, *flags;
    } rows[] = {
        {"name", "\"string\"", "R"},
        {"count_of", "\"number\"", "OC"},
        {"enabled", "\"bool\"", "OC"},
        {"labels", "[\"map\",\"string\"]", "O"},
        {"words", "[\"list\",\"string\"]", "O"},
        {"flags", "[\"set\",\"string\"]", "O"},
        {"secret_wo", "\"string\"", "OSW"},
        {"id", "\"string\"", "C"},
        {"size", "", "O"},
        {"steps", "", "C"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const Tfplugin6__Schema__Attribute *a = find_attribute(thing->block, rows[i].name);
        assert_int_equal(a->type.len, strlen(rows[i].type));
        assert_memory_equal(a->type.data, rows[i].type, a->type.len);
        assert_string_equal(flags_of(h, a), rows[i].flags);
        assert_int_equal(a->nested_type != NULL, a->type.len == 0);
    }
    assert_int_equal(find_attribute(thing->block, "size")->nested_type->nesting,
                     TFPLUGIN6__SCHEMA__OBJECT__NESTING_MODE__SINGLE);
    assert_int_equal(find_attribute(thing->block, "steps")->nested_type->nesting,
                     TFPLUGIN6__SCHEMA__OBJECT__NESTING_MODE__LIST);
    assert_string_equal(find_attribute(thing->block, "mode")->description,
                        "Mode. One of `slow`, `fast`. Default `\"slow\"`.");
    assert_int_equal(thing->block->n_block_types, 2);
    assert_string_equal(thing->block->block_types[0]->type_name, "login");
    assert_int_equal(thing->block->block_types[0]->nesting,
                     TFPLUGIN6__SCHEMA__NESTED_BLOCK__NESTING_MODE__SINGLE);
    assert_int_equal(thing->block->block_types[0]->block->n_block_types, 1);
    assert_int_equal(thing->block->block_types[1]->nesting,
                     TFPLUGIN6__SCHEMA__NESTED_BLOCK__NESTING_MODE__LIST);
}

static void the_other_listings(void **state)
{
    struct harness *h = *state;
    const Tfplugin6__GetFunctions__Response *f =
        CALL(h, GetFunctions, get_functions, REQUEST(h, GetFunctions, get_functions));
    assert_int_equal(f->n_functions, 2);
    assert_string_equal(f->functions[0]->key, "greet");
    assert_int_equal(f->functions[0]->value->n_parameters, 2);
    assert_memory_equal(f->functions[0]->value->return_->type.data, "[\"list\",\"string\"]", 17);

    const Tfplugin6__GetMetadata__Response *m =
        CALL(h, GetMetadata, get_metadata, REQUEST(h, GetMetadata, get_metadata));
    assert_int_equal(m->n_resources, 2);
    assert_string_equal(m->resources[1]->type_name, "demo_plain");
    assert_int_equal(m->n_functions, 2);
    assert_int_equal(m->n_data_sources, 1);
    assert_int_equal(m->n_ephemeral_resources, 1);
    assert_true(m->server_capabilities->plan_destroy);

    const Tfplugin6__GetResourceIdentitySchemas__Response *i =
        CALL(h, GetResourceIdentitySchemas, get_resource_identity_schemas,
             REQUEST(h, GetResourceIdentitySchemas, get_resource_identity_schemas));
    assert_int_equal(i->n_identity_schemas, 0);
    assert_int_equal(i->n_diagnostics, 0);
}

/* ---- validation ---- */

static void resource_config_rows(void **state)
{
    static const struct {
        const char *config, *diagnostics;
        bool old_cli;
    } rows[] = {
        {"{'name':'n'}", "", false},
        {"{'name':'?','mode':'?','words':['?'],'hook':'?','login':'?'}", "", false},
        {"{'name':'two words'}", "E AUR0901: a name is one word without slashes @name", false},
        {"{'name':'n','mode':'quick'}", "E AUR0802: value not allowed @mode", false},
        {"{'name':'n','words':['a','x','?']}", "E AUR0802: value not allowed @words[1]", false},
        {"{'name':'n','count_of':1.5}", "E AUR0802: value not allowed @count_of", false},
        {"{'name':'n','count_of':9223372036854775808}", "E AUR0802: value not allowed @count_of", false},
        {"{'name':'n','count_of':1e3,'ratio':1.5}", "", false},
        {"{'name':'n\\u0000m'}", "E AUR0802: value not allowed @name", false},
        {"{'name':'n','labels':{'a.b':'x\\u0000'}}", "E AUR0802: value not allowed @labels", false},
        {"{'name':'n','login':{'port':0.5}}", "E AUR0802: value not allowed @login.port", false},
        {"{'name':'n','hook':[{'at':'before'},{'at':'never'}]}", "E AUR0802: value not allowed @hook[1].at",
         false},
        {"{'name':'n','secret_wo':'x'}", "", false},
        {"{'name':'n','secret_wo':'x'}",
         "E AUR0803: write-only attributes not supported by this CLI @secret_wo", true},
        {"{'name':'n','secret_wo':'?'}",
         "E AUR0803: write-only attributes not supported by this CLI @secret_wo", true},
        {"{'name':'n','login':{'password_wo':'x'}}",
         "E AUR0803: write-only attributes not supported by this CLI @login.password_wo", true},
        {"{'name':'n'}", "", true},
        {"{'name':'forbidden'}", "E AUR0101: this name is taken for good @name", false},
        {"{'name':'forbidden','mode':'quick'}", "E AUR0802: value not allowed @mode", false},
        {"{'name':'a b','mode':'quick'}",
         "E AUR0901: a name is one word without slashes @name | E AUR0802: value not allowed @mode", false},
    };
    struct harness *h = *state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        Tfplugin6__ValidateResourceConfig__Request *req =
            REQUEST(h, ValidateResourceConfig, validate_resource_config);
        req->type_name = "demo_thing";
        req->config = harness_dynamic(h, harness_schema("demo_thing"), rows[i].config);
        if (!rows[i].old_cli) {
            req->client_capabilities = WIRE_NEW(h->arena, ClientCapabilities, client_capabilities);
            req->client_capabilities->write_only_attributes_allowed = true;
        }
        const char *got = DIAGNOSTICS(h, CALL(h, ValidateResourceConfig, validate_resource_config, req));
        if (strcmp(got, rows[i].diagnostics) != 0)
            fail_msg("%s: %s", rows[i].config, got);
    }
}

static void other_config_rows(void **state)
{
    struct harness *h = *state;
    Tfplugin6__ValidateDataResourceConfig__Request *data =
        REQUEST(h, ValidateDataResourceConfig, validate_data_resource_config);
    data->type_name = "demo_lookup";
    data->config = harness_dynamic(h, harness_schema("demo_lookup"), "{'name':'a b','filter':[{'at':'x'}]}");
    assert_string_equal(
        DIAGNOSTICS(h, CALL(h, ValidateDataResourceConfig, validate_data_resource_config, data)),
        "E AUR0901: a name is one word without slashes @name | "
        "E AUR0802: value not allowed @filter[0].at");

    Tfplugin6__ValidateEphemeralResourceConfig__Request *token =
        REQUEST(h, ValidateEphemeralResourceConfig, validate_ephemeral_resource_config);
    token->type_name = "demo_token";
    token->config = harness_dynamic(h, harness_schema("demo_token"), "{'name':'a b'}");
    assert_string_equal(
        DIAGNOSTICS(h, CALL(h, ValidateEphemeralResourceConfig, validate_ephemeral_resource_config, token)),
        "E AUR0901: a name is one word without slashes @name");

    Tfplugin6__ValidateProviderConfig__Request *provider =
        REQUEST(h, ValidateProviderConfig, validate_provider_config);
    provider->config = harness_dynamic(h, harness_schema(NULL), "{'dir':'?','speed':'medium'}");
    assert_string_equal(DIAGNOSTICS(h, CALL(h, ValidateProviderConfig, validate_provider_config, provider)),
                        "E AUR0802: value not allowed @speed");
}

static void secrets_are_not_echoed(void **state)
{
    static const char *const allowed[] = {"a", NULL};
    static const struct tf_attr attr = {"pin", TF_STRING, TF_OPTIONAL | TF_SENSITIVE, .doc = "",
                                        .one_of = allowed};
    struct harness *h = *state;
    struct exchange x = {.call = {.arena = h->arena, .reply = &x.reply}};
    const struct place at = {.name = "pin"};
    validate_attr(&x, &attr, value_string(h->arena, "4711"), &at);
    assert_int_equal(x.reply.count, 1);
    assert_null(strstr(x.reply.items[0]->detail, "4711"));
}

/* ---- configuration of the provider ---- */

static void unconfigured_provider(void **state)
{
    struct harness *h = *state;
    struct service fresh;
    service_init(&fresh, &demo_provider);
    struct service configured = h->service;
    h->service = fresh;
    Tfplugin6__ConfigureProvider__Request *configure = REQUEST(h, ConfigureProvider, configure_provider);
    configure->config = harness_dynamic(h, harness_schema(NULL), "{'dir':'refused'}");
    assert_string_equal(DIAGNOSTICS(h, CALL(h, ConfigureProvider, configure_provider, configure)),
                        "E AUR0100: this folder is refused @dir");
    configure->config = harness_dynamic(h, harness_schema(NULL), "{'dir':'?'}");
    assert_string_equal(DIAGNOSTICS(h, CALL(h, ConfigureProvider, configure_provider, configure)), "");
    Tfplugin6__ReadDataSource__Request *req = REQUEST(h, ReadDataSource, read_data_source);
    req->type_name = "demo_lookup";
    req->config = harness_dynamic(h, harness_schema("demo_lookup"), "{'name':'n'}");
    assert_string_equal(DIAGNOSTICS(h, CALL(h, ReadDataSource, read_data_source, req)),
                        "E AUR0102: the provider is not configured");
    /* A second configuration, as in reattach mode, is used from then on; both are released at the end. */
    for (int i = 0; i < 2; i++) {
        const char *json = arena_printf(h->arena, "{'dir':'%s/%d'}", h->dir, i);
        configure->config = harness_dynamic(h, harness_schema(NULL), json);
        assert_string_equal(DIAGNOSTICS(h, CALL(h, ConfigureProvider, configure_provider, configure)), "");
    }
    assert_string_equal(DIAGNOSTICS(h, CALL(h, ReadDataSource, read_data_source, req)), "");
    service_done(&h->service);
    h->service = configured;
}

static void unknown_members(void **state)
{
    struct harness *h = *state;
    Tfplugin6__ReadResource__Request *read = REQUEST(h, ReadResource, read_resource);
    read->type_name = "demo_\xff%s";
    const Tfplugin6__ReadResource__Response *resp = CALL(h, ReadResource, read_resource, read);
    assert_string_equal(DIAGNOSTICS(h, resp), "E AUR0804: unknown resource type");
    assert_non_null(strstr(resp->diagnostics[0]->detail, "\"demo_?%s\""));
    Tfplugin6__ReadDataSource__Request *data = REQUEST(h, ReadDataSource, read_data_source);
    data->type_name = "demo_thing";
    assert_string_equal(DIAGNOSTICS(h, CALL(h, ReadDataSource, read_data_source, data)),
                        "E AUR0804: unknown data source");
    Tfplugin6__OpenEphemeralResource__Request *open =
        REQUEST(h, OpenEphemeralResource, open_ephemeral_resource);
    open->type_name = "demo_thing";
    assert_string_equal(DIAGNOSTICS(h, CALL(h, OpenEphemeralResource, open_ephemeral_resource, open)),
                        "E AUR0804: unknown ephemeral resource");
}

static void undecodable_requests(void **state)
{
    struct harness *h = *state;
    for (const struct rpc_method *m = service_methods; m->path; m++) {
        struct rpc_call call = {.arena = h->arena,
                                .stop = h->stop,
                                .service = &h->service,
                                .request = STR_LIT("\x0a\xff\xff\xff\xff\xff")};
        if (m->is_inline)
            continue; /* StopProvider looks at no request */
        assert_false(m->handle(&call));
        assert_non_null(strstr(call.failure, "undecodable request"));
    }
}

/* ---- data sources, ephemeral resources, functions ---- */

static void data_source(void **state)
{
    struct harness *h = *state;
    const struct tf_schema *s = harness_schema("demo_lookup");
    Tfplugin6__ReadDataSource__Request *req = REQUEST(h, ReadDataSource, read_data_source);
    req->type_name = "demo_lookup";
    req->config = harness_dynamic(h, s, "{'name':'n','filter':[{'at':'after'}]}");
    const Tfplugin6__ReadDataSource__Response *resp = CALL(h, ReadDataSource, read_data_source, req);
    assert_string_equal(DIAGNOSTICS(h, resp), "");
    assert_string_equal(harness_sparse(h, s, resp->state),
                        "{'name':'n','exists':false,'filter':[{'at':'after'}]}");
}

static void ephemeral_resource(void **state)
{
    struct harness *h = *state;
    const struct tf_schema *s = harness_schema("demo_token");
    Tfplugin6__OpenEphemeralResource__Request *open =
        REQUEST(h, OpenEphemeralResource, open_ephemeral_resource);
    open->type_name = "demo_token";
    open->config = harness_dynamic(h, s, "{'name':'n'}");
    const Tfplugin6__OpenEphemeralResource__Response *opened =
        CALL(h, OpenEphemeralResource, open_ephemeral_resource, open);
    assert_string_equal(harness_sparse(h, s, opened->result), "{'name':'n','token':'secret-of-n'}");
    assert_true(opened->renew_at->seconds > 1700000000 && opened->renew_at->nanos < 1000000000);
    assert_memory_equal(opened->private_.data, "opened for n", 12);

    Tfplugin6__RenewEphemeralResource__Request *renew =
        REQUEST(h, RenewEphemeralResource, renew_ephemeral_resource);
    renew->type_name = "demo_token";
    renew->_private_case = TFPLUGIN6__RENEW_EPHEMERAL_RESOURCE__REQUEST___PRIVATE_PRIVATE;
    renew->private_ = opened->private_;
    const Tfplugin6__RenewEphemeralResource__Response *renewed =
        CALL(h, RenewEphemeralResource, renew_ephemeral_resource, renew);
    assert_null(renewed->renew_at);
    assert_memory_equal(renewed->private_.data, "renewed", 7);

    Tfplugin6__CloseEphemeralResource__Request *close =
        REQUEST(h, CloseEphemeralResource, close_ephemeral_resource);
    close->type_name = "demo_token";
    close->_private_case = TFPLUGIN6__CLOSE_EPHEMERAL_RESOURCE__REQUEST___PRIVATE_PRIVATE;
    close->private_ = opened->private_;
    assert_string_equal(DIAGNOSTICS(h, CALL(h, CloseEphemeralResource, close_ephemeral_resource, close)), "");
    char content[32] = "";
    FILE *closed = fopen(arena_printf(h->arena, "%s/closed.token", h->dir), "r");
    assert_non_null(closed);
    assert_non_null(fgets(content, sizeof content, closed));
    assert_int_equal(fclose(closed), 0);
    assert_string_equal(content, "opened for n");
}

/* Arguments in the form of their own kind, whatever the function asks for; dynamic ones with their type. */
static const struct type *type_of_argument(const struct harness *h, const char *function,
                                           const struct value *v)
{
    bool is_dynamic = strcmp(function, "echo") == 0;
    return type_of(h->arena, is_dynamic ? TF_DYNAMIC : v->kind == VALUE_NUMBER ? TF_NUMBER : TF_STRING, NULL);
}

static const Tfplugin6__CallFunction__Response *call_function(struct harness *h, const char *name,
                                                              const char *arguments)
{
    struct str bytes;
    const struct value *list = harness_json(h, arguments);
    Tfplugin6__CallFunction__Request *req = REQUEST(h, CallFunction, call_function);
    req->name = (char *)name;
    req->n_arguments = list->count;
    req->arguments = ARENA_ARRAY(h->arena, Tfplugin6__DynamicValue *, list->count);
    for (size_t i = 0; i < list->count; i++) {
        const struct type *t = type_of_argument(h, name, list->items[i]);
        assert_true(msgpack_encode(h->arena, list->items[i], t, &bytes, NULL));
        req->arguments[i] = WIRE_NEW(h->arena, DynamicValue, dynamic_value);
        req->arguments[i]->msgpack = wire_data(bytes);
    }
    return CALL(h, CallFunction, call_function, req);
}

static const struct value *result_of(struct harness *h, const char *function,
                                     const Tfplugin6__CallFunction__Response *resp)
{
    const struct value *v;
    const struct tf_function *f = member_find(demo_provider.functions, function);
    const struct type *t = type_of(h->arena, f->returns, NULL);
    assert_true(msgpack_decode(h->arena, wire_bytes(resp->result->msgpack), t, &v, NULL));
    return v;
}

static void function_rows(void **state)
{
    enum { NONE = -1 };
    static const struct {
        const char *name, *arguments, *result; /* result NULL: an error */
        const char *error;
        int64_t argument;
    } rows[] = {
        {"greet", "['bob',2]", "['hello bob','hello bob']", NULL, NONE},
        {"greet", "['bob','0']", "[]", NULL, NONE},
        {"greet", "['bob',-1]", NULL, "AUR0901: from 0 to 1000 greetings", 1},
        {"greet", "['',1]", NULL, "AUR0901: nobody to greet", 0},
        {"greet", "['a b',1]", NULL, "AUR0901: a name is one word without slashes", 0},
        {"greet", "['bob',1.5]", NULL, "AUR0802: value not allowed\n\nA whole number is required.", 1},
        {"greet", "['nobody',1]", NULL, "AUR0901: greeting failed\n\ngreeting failed: *** is masked", NONE},
        {"greet", "[1,1]", NULL,
         "AUR0801: the CLI sent a value that does not fit the schema\n\na string is required", 0},
        {"greet", "['bob']", NULL, "2 arguments are required.", NONE},
        {"echo", "['s']", "'s'", NULL, NONE},
        {"echo", "[{'a':[1,true,null]}]", "{'a':[1,true,null]}", NULL, NONE},
        {"echo", "[null]", "null", NULL, NONE},
        {"nothing", "[]", NULL, "There is no function \"nothing\".", NONE},
    };
    struct harness *h = *state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const Tfplugin6__CallFunction__Response *resp = call_function(h, rows[i].name, rows[i].arguments);
        assert_int_equal(resp->error == NULL, rows[i].result != NULL);
        if (rows[i].result) {
            assert_true(value_equal(result_of(h, rows[i].name, resp), harness_json(h, rows[i].result)));
            continue;
        }
        assert_null(resp->result);
        assert_string_equal(resp->error->text, rows[i].error);
        assert_int_equal(resp->error->_function_argument_case != 0, rows[i].argument != NONE);
        if (rows[i].argument != NONE)
            assert_int_equal(resp->error->function_argument, rows[i].argument);
    }
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, harness_setup, harness_teardown)
    const struct CMUnitTest tests[] = {
        TEST(schema_of_a_resource), TEST(the_other_listings),     TEST(resource_config_rows),
        TEST(other_config_rows),    TEST(secrets_are_not_echoed), TEST(unconfigured_provider),
        TEST(unknown_members),      TEST(undecodable_requests),   TEST(data_source),
        TEST(ephemeral_resource),   TEST(function_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
