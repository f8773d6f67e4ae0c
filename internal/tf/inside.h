/* inside.h — what the files of this folder share; nobody outside includes it.
 *
 *     serve.c     tf_serve: the process                wire.c     protobuf messages in arenas, values in and
 * out service.c   RPCs as a table, provider level      resource.c, other.c   the rest of the RPCs schema.c
 * tables → schema messages             shape.c    tables → types; results → the schema's shape validate.c
 * configuration against the tables     plan.c     the default plan diag.c      diagnostics check.c    the
 * tables themselves; docs*.c the pages
 *
 * One RPC is one `struct exchange`: the public tf_call and what the tables' functions must not see.
 */
#ifndef AURORA_TF_INSIDE_H
#define AURORA_TF_INSIDE_H

#include "internal/rpc/rpc.h"
#include "internal/tf/tf.h"
#include "internal/value/msgpack.h"
#include "proto/tfplugin6.pb-c.h"

#include <pthread.h>

/* ---- the process ---- */

struct configured {
    struct configured *next;
    void *data;
};

struct service {
    const struct tf_provider *provider;
    pthread_mutex_t lock;
    struct configured *configured; /* newest first: calls that still run may use an older one */
    struct arena *arena;           /* of `types` */
    struct schema_type *types;     /* of schemas used so far */
};

struct schema_type {
    struct schema_type *next;
    const struct tf_schema *schema;
    const struct type *type;
};

extern const struct rpc_method service_methods[];
void service_init(struct service *s, const struct tf_provider *p);
void service_done(struct service *s); /* no call may be running */

/* ---- one RPC ---- */

struct tf_reply {
    const struct tf_schema *schema; /* what attribute paths are looked up in; NULL: none */
    bool failed;
    size_t count, cap;
    Tfplugin6__Diagnostic **items;
};

struct exchange {
    struct tf_call call;
    struct rpc_call *rpc;
    struct tf_reply reply;
    struct service *service;
    const struct tf_schema *schema;
    const struct type *type; /* of a value of that schema */
};

void exchange_use(struct exchange *x, const struct tf_schema *schema);
/* Frees the request's message, which nothing may point into any more: for calls that last for hours. */
void exchange_forget_request(struct exchange *x);

/* The member called `name` of a list of tables; each kind of table begins with its name. */
const void *member_find(const void *list, const char *name);

/* ---- wire.c ---- */

ProtobufCAllocator wire_allocator(struct arena *a); /* frees nothing: the arena does */
struct str wire_pack(struct arena *a, const ProtobufCMessage *m);
struct str wire_bytes(ProtobufCBinaryData b);
ProtobufCBinaryData wire_data(struct str s);
char *wire_text(struct arena *a, const char *s); /* a copy that is valid UTF-8; NULL gives "" */

/* A message of the arena: WIRE_NEW(a, Schema__Block, schema__block). */
#define WIRE_NEW(a, Camel, snake)                                                                            \
    ({                                                                                                       \
        Tfplugin6__##Camel *message_ = ARENA_NEW((a), Tfplugin6__##Camel);                                   \
        tfplugin6__##snake##__init(message_);                                                                \
        message_;                                                                                            \
    })

/* False: a diagnostic says what is wrong with it. An absent value is null. */
MUST_CHECK bool value_in(struct exchange *x, const Tfplugin6__DynamicValue *in, const struct type *t,
                         const struct value **ret);
/* Never NULL: a value that does not fit becomes null, and an error. */
Tfplugin6__DynamicValue *value_out(struct exchange *x, const struct value *v, const struct type *t);

/* ---- diag.c ---- */

/* "postgresql.host", "hook.0.at" as the steps of the schema, as far as they exist there; NULL: not at all. */
Tfplugin6__AttributePath *attribute_path(struct arena *a, const struct tf_schema *s, const char *dotted);
/* tf_fail_with; `path` unless e has one */
void fail_at(struct tf_call *c, const char *path, const struct err *e, const char *report);
char *text_out(struct arena *a, const char *s); /* secrets masked, valid UTF-8 */

/* ---- schema.c ---- */

Tfplugin6__Schema *schema_message(struct arena *a, const struct tf_schema *s);
Tfplugin6__Function *function_message(struct arena *a, const struct tf_function *f);
const char *attr_doc(struct arena *a, const struct tf_attr *attr); /* with allowed values and default */

/* ---- shape.c ---- */

size_t count_attrs(const struct tf_attr *attrs); /* NULL: none */
size_t count_blocks(const struct tf_block *blocks);
const struct type *type_of(struct arena *a, enum tf_type type, const struct tf_attr *nested);
const struct type *type_of_schema(struct arena *a, const struct tf_schema *s);

/* Where a walk through a value is. */
struct place {
    const struct place *up;
    const char *name; /* NULL: element `index` */
    size_t index;
};
const char *place_text(struct arena *a, const struct place *p); /* "hook.0.at" */

/* What a table's function returned, in exactly the schema's shape: absent attributes null, list blocks never
 * null, write-only null. What does not fit becomes null and an error that blames the provider. */
const struct value *shape_result(struct exchange *x, const struct value *v, bool unknown_allowed);

/* ---- validate.c ---- */

void validate_config(struct exchange *x, const struct value *config);
/* One value of one attribute; nested ones included. */
void validate_attr(struct exchange *x, const struct tf_attr *attr, const struct value *v,
                   const struct place *at);

/* ---- plan.c ---- */

/* Fills call.proposed (write-only nulled, defaults of the schema) and returns the default plan. */
const struct value *plan_default(struct exchange *x, const struct value *proposed);
void plan_replacements(struct exchange *x, const struct value *planned,
                       Tfplugin6__PlanResourceChange__Response *resp);

/* ---- RPCs beside the provider level: fill `resp`; diagnostics are added behind them ---- */

#define HANDLER(snake, Camel)                                                                                \
    void serve_##snake(struct exchange *x, const Tfplugin6__##Camel##__Request *req,                         \
                       Tfplugin6__##Camel##__Response *resp)

HANDLER(validate_resource_config, ValidateResourceConfig);
HANDLER(upgrade_resource_state, UpgradeResourceState);
HANDLER(upgrade_resource_identity, UpgradeResourceIdentity);
HANDLER(read_resource, ReadResource);
HANDLER(plan_resource_change, PlanResourceChange);
HANDLER(apply_resource_change, ApplyResourceChange);
HANDLER(import_resource_state, ImportResourceState);
HANDLER(generate_resource_config, GenerateResourceConfig);
HANDLER(move_resource_state, MoveResourceState);
HANDLER(validate_data_resource_config, ValidateDataResourceConfig);
HANDLER(read_data_source, ReadDataSource);
HANDLER(validate_ephemeral_resource_config, ValidateEphemeralResourceConfig);
HANDLER(open_ephemeral_resource, OpenEphemeralResource);
HANDLER(renew_ephemeral_resource, RenewEphemeralResource);
HANDLER(close_ephemeral_resource, CloseEphemeralResource);
HANDLER(call_function, CallFunction);

#endif
