#include "internal/base/log.h"
#include "internal/tf/inside.h"

#include <stdlib.h>
#include <string.h>

/* ---- the process ---- */

void service_init(struct service *s, const struct tf_provider *p)
{
    *s = (struct service){.provider = p, .arena = arena_new()};
    (void)pthread_mutex_init(&s->lock, NULL); /* cannot fail without attributes */
}

void service_done(struct service *s)
{
    for (struct configured *c = s->configured, *next; c; c = next) {
        next = c->next;
        if (s->provider->unconfigure)
            s->provider->unconfigure(c->data);
        free(c);
    }
    (void)pthread_mutex_destroy(&s->lock);
    arena_free(s->arena);
}

static void *current_configuration(struct service *s)
{
    (void)pthread_mutex_lock(&s->lock);
    void *data = s->configured ? s->configured->data : NULL;
    (void)pthread_mutex_unlock(&s->lock);
    return data;
}

static void keep_configuration(struct service *s, void *data)
{
    struct configured *c = calloc(1, sizeof *c);
    if (!c)
        abort();
    c->data = data;
    (void)pthread_mutex_lock(&s->lock);
    c->next = s->configured;
    s->configured = c;
    (void)pthread_mutex_unlock(&s->lock);
}

/* ---- one RPC ---- */

static void exchange_begin(struct exchange *x, struct rpc_call *rpc)
{
    struct service *s = rpc->service;
    *x = (struct exchange){.rpc = rpc,
                           .service = s,
                           .call = {.arena = rpc->arena,
                                    .stop = rpc->stop,
                                    .configured = current_configuration(s),
                                    .config = &value_null,
                                    .prior = &value_null,
                                    .proposed = &value_null,
                                    .planned = &value_null,
                                    .reply = &x->reply}};
}

void exchange_forget_request(struct exchange *x)
{
    arena_free(STEAL(x->rpc->received));
    x->rpc->request = (struct str){NULL, 0};
}

/* Made once: it does not change, and each of a thousand calls would keep its own. */
static const struct type *type_of_used(struct service *s, const struct tf_schema *schema)
{
    (void)pthread_mutex_lock(&s->lock);
    struct schema_type *t = s->types;
    while (t && t->schema != schema)
        t = t->next;
    if (!t) {
        t = ARENA_NEW(s->arena, struct schema_type);
        *t = (struct schema_type){s->types, schema, type_of_schema(s->arena, schema)};
        s->types = t;
    }
    (void)pthread_mutex_unlock(&s->lock);
    return t->type;
}

void exchange_use(struct exchange *x, const struct tf_schema *schema)
{
    x->schema = schema;
    x->reply.schema = schema;
    x->type = type_of_used(x->service, schema);
}

_Static_assert(offsetof(struct tf_resource, name) == 0 && offsetof(struct tf_data_source, name) == 0 &&
                   offsetof(struct tf_function, name) == 0 && offsetof(struct tf_ephemeral, name) == 0,
               "member_find reads the name at the beginning");

const void *member_find(const void *list, const char *name)
{
    for (const void *const *member = list; member && *member; member++)
        if (strcmp(*(const char *const *)*member, name) == 0)
            return *member;
    return NULL;
}

const struct value *tf_with(struct tf_call *c, const struct value *base, const char *name,
                            const struct value *v)
{
    struct value *copy = value_object(c->arena);
    for (size_t i = 0; base && base->kind == VALUE_OBJECT && i < base->count; i++)
        value_set(c->arena, copy, base->keys[i], base->items[i]);
    value_set(c->arena, copy, name, v);
    return copy;
}

/* ---- what the provider is ---- */

static Tfplugin6__ServerCapabilities *capabilities(struct arena *a)
{
    Tfplugin6__ServerCapabilities *c = WIRE_NEW(a, ServerCapabilities, server_capabilities);
    c->plan_destroy = true;
    c->get_provider_schema_optional = true; /* every RPC works without the schema having been asked for */
    c->move_resource_state = true;          /* to refuse it in words */
    return c;
}

/* Adds one entry per member of `list` to a repeated field. `Make` turns a member into the entry. */
#define EACH(Type, list, n, items, Make)                                                                     \
    do {                                                                                                     \
        size_t cap_ = 0;                                                                                     \
        for (const struct Type *const *m = (list); m && *m; m++)                                             \
            ARR_PUSH(a, (items), (n), cap_, Make(*m));                                                       \
    } while (0)

#define ENTRY(Camel, snake, member_key, member_value)                                                        \
    ({                                                                                                       \
        Tfplugin6__##Camel *entry_ = WIRE_NEW(a, Camel, snake);                                              \
        entry_->key = (char *)(member_key);                                                                  \
        entry_->value = (member_value);                                                                      \
        entry_;                                                                                              \
    })
#define RESOURCE_ENTRY(m)                                                                                    \
    ENTRY(GetProviderSchema__Response__ResourceSchemasEntry,                                                 \
          get_provider_schema__response__resource_schemas_entry, (m)->name, schema_message(a, (m)->schema))
#define DATA_SOURCE_ENTRY(m)                                                                                 \
    ENTRY(GetProviderSchema__Response__DataSourceSchemasEntry,                                               \
          get_provider_schema__response__data_source_schemas_entry, (m)->name,                               \
          schema_message(a, (m)->schema))
#define EPHEMERAL_ENTRY(m)                                                                                   \
    ENTRY(GetProviderSchema__Response__EphemeralResourceSchemasEntry,                                        \
          get_provider_schema__response__ephemeral_resource_schemas_entry, (m)->name,                        \
          schema_message(a, (m)->schema))
#define SCHEMA_FUNCTION_ENTRY(m)                                                                             \
    ENTRY(GetProviderSchema__Response__FunctionsEntry, get_provider_schema__response__functions_entry,       \
          (m)->name, function_message(a, m))
#define FUNCTION_ENTRY(m)                                                                                    \
    ENTRY(GetFunctions__Response__FunctionsEntry, get_functions__response__functions_entry, (m)->name,       \
          function_message(a, m))

static HANDLER(get_provider_schema, GetProviderSchema)
{
    (void)req;
    struct arena *a = x->call.arena;
    const struct tf_provider *p = x->service->provider;
    resp->provider = schema_message(a, p->schema);
    resp->server_capabilities = capabilities(a);
    EACH(tf_resource, p->resources, resp->n_resource_schemas, resp->resource_schemas, RESOURCE_ENTRY);
    EACH(tf_data_source, p->data_sources, resp->n_data_source_schemas, resp->data_source_schemas,
         DATA_SOURCE_ENTRY);
    EACH(tf_ephemeral, p->ephemerals, resp->n_ephemeral_resource_schemas, resp->ephemeral_resource_schemas,
         EPHEMERAL_ENTRY);
    EACH(tf_function, p->functions, resp->n_functions, resp->functions, SCHEMA_FUNCTION_ENTRY);
}

static HANDLER(get_functions, GetFunctions)
{
    (void)req;
    struct arena *a = x->call.arena;
    EACH(tf_function, x->service->provider->functions, resp->n_functions, resp->functions, FUNCTION_ENTRY);
}

#define NAMED(Camel, snake, field, member_name)                                                              \
    ({                                                                                                       \
        Tfplugin6__##Camel *named_ = WIRE_NEW(a, Camel, snake);                                              \
        named_->field = (char *)(member_name);                                                               \
        named_;                                                                                              \
    })
#define RESOURCE_NAME(m)                                                                                     \
    NAMED(GetMetadata__ResourceMetadata, get_metadata__resource_metadata, type_name, (m)->name)
#define DATA_SOURCE_NAME(m)                                                                                  \
    NAMED(GetMetadata__DataSourceMetadata, get_metadata__data_source_metadata, type_name, (m)->name)
#define EPHEMERAL_NAME(m)                                                                                    \
    NAMED(GetMetadata__EphemeralMetadata, get_metadata__ephemeral_metadata, type_name, (m)->name)
#define FUNCTION_NAME(m)                                                                                     \
    NAMED(GetMetadata__FunctionMetadata, get_metadata__function_metadata, name, (m)->name)

static HANDLER(get_metadata, GetMetadata)
{
    (void)req;
    struct arena *a = x->call.arena;
    const struct tf_provider *p = x->service->provider;
    resp->server_capabilities = capabilities(a);
    EACH(tf_resource, p->resources, resp->n_resources, resp->resources, RESOURCE_NAME);
    EACH(tf_data_source, p->data_sources, resp->n_data_sources, resp->data_sources, DATA_SOURCE_NAME);
    EACH(tf_ephemeral, p->ephemerals, resp->n_ephemeral_resources, resp->ephemeral_resources, EPHEMERAL_NAME);
    EACH(tf_function, p->functions, resp->n_functions, resp->functions, FUNCTION_NAME);
}

static HANDLER(get_resource_identity_schemas, GetResourceIdentitySchemas)
{
    (void)x;
    (void)req;
    (void)resp; /* none of our resources has an identity yet: the maps stay empty */
}

/* ---- configuration of the provider ---- */

static HANDLER(validate_provider_config, ValidateProviderConfig)
{
    (void)resp;
    const struct tf_provider *p = x->service->provider;
    exchange_use(x, p->schema);
    if (!value_in(x, req->config, x->type, &x->call.config))
        return;
    x->call.write_only_allowed = true; /* the provider block has none: tf_check */
    validate_config(x, x->call.config);
    if (p->validate && !x->reply.failed)
        p->validate(&x->call);
}

static HANDLER(configure_provider, ConfigureProvider)
{
    (void)resp;
    const struct tf_provider *p = x->service->provider;
    exchange_use(x, p->schema);
    log_debug("tf", "configured by CLI version %.40s", req->terraform_version);
    if (!value_in(x, req->config, x->type, &x->call.config) || !p->configure)
        return;
    void *data = p->configure(&x->call);
    if (data)
        keep_configuration(x->service, data);
}

/* "Cancel what can be cancelled", not "exit": calls in flight see the token, later ones are still served. */
static bool call_stop_provider(struct rpc_call *rpc)
{
    Tfplugin6__StopProvider__Response resp;
    tfplugin6__stop_provider__response__init(&resp);
    stop_request(rpc->stop);
    rpc->reply = wire_pack(rpc->arena, &resp.base);
    return true;
}

/* ---- the table ---- */

#define WITHOUT_DIAGNOSTICS ((void)0)
#define WITH_DIAGNOSTICS                                                                                     \
    do {                                                                                                     \
        resp.n_diagnostics = x.reply.count;                                                                  \
        resp.diagnostics = x.reply.items;                                                                    \
    } while (0)

/* Unpacks, lets serve_<snake> fill the response, packs. */
#define METHOD(snake, Camel, finish)                                                                         \
    static bool call_##snake(struct rpc_call *rpc)                                                           \
    {                                                                                                        \
        struct exchange x;                                                                                   \
        Tfplugin6__##Camel##__Response resp;                                                                 \
        ProtobufCAllocator memory = wire_allocator(rpc->received ? rpc->received : rpc->arena);              \
        const void *req =                                                                                    \
            protobuf_c_message_unpack(&tfplugin6__##snake##__request__descriptor, &memory, rpc->request.n,   \
                                      rpc->request.n ? (const uint8_t *)rpc->request.p : (uint8_t *)"");     \
        if (!req) {                                                                                          \
            rpc->failure = "undecodable request of " #Camel;                                                 \
            return false;                                                                                    \
        }                                                                                                    \
        tfplugin6__##snake##__response__init(&resp);                                                         \
        exchange_begin(&x, rpc);                                                                             \
        serve_##snake(&x, req, &resp);                                                                       \
        finish;                                                                                              \
        rpc->reply = wire_pack(rpc->arena, &resp.base);                                                      \
        return true;                                                                                         \
    }

METHOD(get_metadata, GetMetadata, WITH_DIAGNOSTICS)
METHOD(get_provider_schema, GetProviderSchema, WITH_DIAGNOSTICS)
METHOD(get_resource_identity_schemas, GetResourceIdentitySchemas, WITH_DIAGNOSTICS)
METHOD(get_functions, GetFunctions, WITH_DIAGNOSTICS)
METHOD(validate_provider_config, ValidateProviderConfig, WITH_DIAGNOSTICS)
METHOD(configure_provider, ConfigureProvider, WITH_DIAGNOSTICS)
METHOD(validate_resource_config, ValidateResourceConfig, WITH_DIAGNOSTICS)
METHOD(upgrade_resource_state, UpgradeResourceState, WITH_DIAGNOSTICS)
METHOD(upgrade_resource_identity, UpgradeResourceIdentity, WITH_DIAGNOSTICS)
METHOD(read_resource, ReadResource, WITH_DIAGNOSTICS)
METHOD(plan_resource_change, PlanResourceChange, WITH_DIAGNOSTICS)
METHOD(apply_resource_change, ApplyResourceChange, WITH_DIAGNOSTICS)
METHOD(import_resource_state, ImportResourceState, WITH_DIAGNOSTICS)
METHOD(generate_resource_config, GenerateResourceConfig, WITH_DIAGNOSTICS)
METHOD(move_resource_state, MoveResourceState, WITH_DIAGNOSTICS)
METHOD(validate_data_resource_config, ValidateDataResourceConfig, WITH_DIAGNOSTICS)
METHOD(read_data_source, ReadDataSource, WITH_DIAGNOSTICS)
METHOD(validate_ephemeral_resource_config, ValidateEphemeralResourceConfig, WITH_DIAGNOSTICS)
METHOD(open_ephemeral_resource, OpenEphemeralResource, WITH_DIAGNOSTICS)
METHOD(renew_ephemeral_resource, RenewEphemeralResource, WITH_DIAGNOSTICS)
METHOD(close_ephemeral_resource, CloseEphemeralResource, WITH_DIAGNOSTICS)
METHOD(call_function, CallFunction, WITHOUT_DIAGNOSTICS)

/* List resources, actions and state stores are not offered; the transport answers their paths, like any other
 * unknown one, with UNIMPLEMENTED. */
#define PROVIDER "/tfplugin6.Provider/"
const struct rpc_method service_methods[] = {
    {PROVIDER "GetMetadata", call_get_metadata, false},
    {PROVIDER "GetProviderSchema", call_get_provider_schema, false},
    {PROVIDER "GetResourceIdentitySchemas", call_get_resource_identity_schemas, false},
    {PROVIDER "GetFunctions", call_get_functions, false},
    {PROVIDER "ValidateProviderConfig", call_validate_provider_config, false},
    {PROVIDER "ConfigureProvider", call_configure_provider, false},
    {PROVIDER "StopProvider", call_stop_provider, true},
    {PROVIDER "ValidateResourceConfig", call_validate_resource_config, false},
    {PROVIDER "UpgradeResourceState", call_upgrade_resource_state, false},
    {PROVIDER "UpgradeResourceIdentity", call_upgrade_resource_identity, false},
    {PROVIDER "ReadResource", call_read_resource, false},
    {PROVIDER "PlanResourceChange", call_plan_resource_change, false},
    {PROVIDER "ApplyResourceChange", call_apply_resource_change, false},
    {PROVIDER "ImportResourceState", call_import_resource_state, false},
    {PROVIDER "GenerateResourceConfig", call_generate_resource_config, false},
    {PROVIDER "MoveResourceState", call_move_resource_state, false},
    {PROVIDER "ValidateDataResourceConfig", call_validate_data_resource_config, false},
    {PROVIDER "ReadDataSource", call_read_data_source, false},
    {PROVIDER "ValidateEphemeralResourceConfig", call_validate_ephemeral_resource_config, false},
    {PROVIDER "OpenEphemeralResource", call_open_ephemeral_resource, false},
    {PROVIDER "RenewEphemeralResource", call_renew_ephemeral_resource, false},
    {PROVIDER "CloseEphemeralResource", call_close_ephemeral_resource, false},
    {PROVIDER "CallFunction", call_call_function, false},
    {0},
};
