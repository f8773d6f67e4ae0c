/* harness.h — drives the service's handlers as core does, without a process: packed messages in, messages
 * out. Values are written as sparse JSON with single quotes, {'name':'n','id':'?'}: absent attributes are
 * null, the text '?' is an unknown.
 * Linked into unit tests only.
 */
#ifndef AURORA_TF_HARNESS_H
#define AURORA_TF_HARNESS_H

#include "internal/tf/inside.h"

struct harness {
    struct arena *arena;
    struct stop *stop;
    struct service service;
    char dir[64]; /* the demo provider's world */
};

int harness_setup(void **state);    /* cmocka: a fresh one per test, configured, in *state */
int harness_teardown(void **state); /* removes the world */

void harness_remove_tree(struct arena *a, const char *path); /* a folder, or a file */

/* Unpacked response; fails the test if the call does not end with status OK. */
const void *harness_call(struct harness *h, const char *rpc, const void *request,
                         const ProtobufCMessageDescriptor *response);
/* The same for bytes that may be anything: NULL if the call ends with another status. */
const void *harness_try(struct harness *h, const char *rpc, struct str request,
                        const ProtobufCMessageDescriptor *response);
#define CALL(h, Camel, snake, req)                                                                           \
    ((const Tfplugin6__##Camel##__Response *)harness_call(h, #Camel, req,                                    \
                                                          &tfplugin6__##snake##__response__descriptor))
#define REQUEST(h, Camel, snake)                                                                             \
    ({                                                                                                       \
        Tfplugin6__##Camel##__Request *req_ = ARENA_NEW((h)->arena, Tfplugin6__##Camel##__Request);          \
        tfplugin6__##snake##__request__init(req_);                                                           \
        req_;                                                                                                \
    })

const struct tf_schema *
harness_schema(const char *member); /* resource, data source or ephemeral; NULL: provider */
const struct value *harness_json(struct harness *h, const char *json);
const struct value *harness_value(struct harness *h, const struct tf_schema *s, const char *json);
Tfplugin6__DynamicValue *harness_dynamic(struct harness *h, const struct tf_schema *s, const char *json);
/* Sparse JSON of a value in a reply: without null attributes and empty lists; "null" for null, "absent" if
 * the message has none. Fails the test if the bytes do not fit the schema exactly. */
const char *harness_sparse(struct harness *h, const struct tf_schema *s, const Tfplugin6__DynamicValue *v);

/* "E AUR0802: value not allowed @login.port | W Look here", in order. */
const char *harness_diagnostics(struct harness *h, Tfplugin6__Diagnostic **items, size_t n);
#define DIAGNOSTICS(h, resp) harness_diagnostics(h, (resp)->diagnostics, (resp)->n_diagnostics)
const char *harness_path(struct harness *h,
                         const Tfplugin6__AttributePath *path); /* "hook[0].at", "labels["x"]" */

/* What core would propose for a configuration over a prior state. */
const struct value *harness_proposal(struct harness *h, const struct tf_schema *s, const struct value *config,
                                     const struct value *prior);
Tfplugin6__DynamicValue *harness_packed(struct harness *h, const struct tf_schema *s, const struct value *v);

#endif
