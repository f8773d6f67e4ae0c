#include "internal/tf/harness.h"
#include "internal/base/testing.h"
#include "internal/tf/demo.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void configure(struct harness *h)
{
    Tfplugin6__ConfigureProvider__Request *req = REQUEST(h, ConfigureProvider, configure_provider);
    const char *json = arena_printf(h->arena, "{'dir':'%s','token':'token-123456'}", h->dir);
    req->config = harness_dynamic(h, harness_schema(NULL), json);
    assert_string_equal(DIAGNOSTICS(h, CALL(h, ConfigureProvider, configure_provider, req)), "");
}

int harness_setup(void **state)
{
    struct harness *h = test_calloc(1, sizeof *h);
    h->arena = arena_new();
    h->stop = stop_new();
    service_init(&h->service, &demo_provider);
    (void)snprintf(h->dir, sizeof h->dir, "/tmp/aurora-tf-test-XXXXXX");
    assert_non_null(mkdtemp(h->dir));
    configure(h);
    *state = h;
    return 0;
}

int harness_teardown(void **state)
{
    struct harness *h = *state;
    service_done(&h->service);
    stop_free(h->stop);
    harness_remove_tree(h->arena, h->dir);
    arena_free(h->arena);
    test_free(h);
    return 0;
}

void harness_remove_tree(struct arena *a, const char *path)
{
    DIR *dir = opendir(path);
    for (struct dirent *entry = dir ? readdir(dir) : NULL; entry; entry = readdir(dir))
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            harness_remove_tree(a, arena_printf(a, "%s/%s", path, entry->d_name));
    if (dir)
        assert_int_equal(closedir(dir), 0);
    assert_int_equal(dir ? rmdir(path) : unlink(path), 0);
}

const void *harness_try(struct harness *h, const char *rpc, struct str request,
                        const ProtobufCMessageDescriptor *response)
{
    const char *path = arena_printf(h->arena, "/tfplugin6.Provider/%s", rpc);
    const struct rpc_method *m = service_methods;
    while (m->path && strcmp(m->path, path) != 0)
        m++;
    assert_non_null(m->path);
    struct arena *received = arena_new();
    struct rpc_call call = {
        .arena = h->arena,
        .stop = h->stop,
        .service = &h->service,
        .received = received,
        .request = {arena_memdup(received, request.p, request.n), request.n},
    };
    bool ok = m->handle(&call);
    arena_free(call.received);
    if (!ok)
        return NULL;
    ProtobufCAllocator memory = wire_allocator(h->arena);
    const void *reply =
        protobuf_c_message_unpack(response, &memory, call.reply.n, (const uint8_t *)call.reply.p);
    assert_non_null(reply);
    return reply;
}

const void *harness_call(struct harness *h, const char *rpc, const void *request,
                         const ProtobufCMessageDescriptor *response)
{
    const void *reply = harness_try(h, rpc, wire_pack(h->arena, request), response);
    if (!reply)
        fail_msg("%s did not end with status OK", rpc);
    return reply;
}

/* ---- values ---- */

const struct tf_schema *harness_schema(const char *member)
{
    if (!member)
        return demo_provider.schema;
    const struct tf_resource *r = member_find(demo_provider.resources, member);
    const struct tf_data_source *d = member_find(demo_provider.data_sources, member);
    const struct tf_ephemeral *m = member_find(demo_provider.ephemerals, member);
    return r ? r->schema : d ? d->schema : m->schema;
}

static const struct value *marked(struct arena *a, const struct value *v)
{
    if (strcmp(value_as_text(v, ""), "?") == 0)
        return &value_unknown;
    if (v->kind != VALUE_LIST && v->kind != VALUE_OBJECT)
        return v;
    struct value *copy = v->kind == VALUE_LIST ? value_list(a) : value_object(a);
    for (size_t i = 0; i < v->count; i++) {
        if (v->kind == VALUE_LIST)
            value_append(a, copy, marked(a, v->items[i]));
        else
            value_set(a, copy, v->keys[i], marked(a, v->items[i]));
    }
    return copy;
}

/* List blocks are never null. */
static const struct value *with_empty_blocks(struct arena *a, const struct tf_schema *s,
                                             const struct value *v)
{
    struct value *copy = value_object(a);
    if (v->kind != VALUE_OBJECT)
        return v;
    for (size_t i = 0; i < v->count; i++)
        value_set(a, copy, v->keys[i], v->items[i]);
    for (const struct tf_block *b = s->blocks; b && b->name; b++)
        if (b->is_list && value_is_null(value_get(v, b->name)))
            value_set(a, copy, b->name, value_list(a));
    return copy;
}

static char *swap_quotes(struct arena *a, const char *text, char from, char to)
{
    char *copy = arena_strdup(a, text);
    for (char *p = copy; *p; p++)
        if (*p == from)
            *p = to;
    return copy;
}

const struct value *harness_json(struct harness *h, const char *json)
{
    struct err e = ERR_INIT;
    const struct value *v = NULL;
    if (!value_from_json(h->arena, str_of(swap_quotes(h->arena, json, '\'', '"')), &v, &e))
        fail_msg("%s: %s", json, e.text);
    return marked(h->arena, v);
}

const struct value *harness_value(struct harness *h, const struct tf_schema *s, const char *json)
{
    struct err e = ERR_INIT;
    const struct value *v;
    if (!value_conform(h->arena, harness_json(h, json), type_of_schema(h->arena, s), &v, &e))
        fail_msg("%s: %s", json, e.text);
    return with_empty_blocks(h->arena, s, v);
}

Tfplugin6__DynamicValue *harness_packed(struct harness *h, const struct tf_schema *s, const struct value *v)
{
    struct err e = ERR_INIT;
    struct str bytes;
    if (!msgpack_encode(h->arena, v, type_of_schema(h->arena, s), &bytes, &e))
        fail_msg("%s", e.text);
    Tfplugin6__DynamicValue *d = WIRE_NEW(h->arena, DynamicValue, dynamic_value);
    d->msgpack = wire_data(bytes);
    return d;
}

Tfplugin6__DynamicValue *harness_dynamic(struct harness *h, const struct tf_schema *s, const char *json)
{
    return harness_packed(h, s, harness_value(h, s, json));
}

static const struct value *without_nulls(struct arena *a, const struct value *v)
{
    if (value_is_unknown(v))
        return value_string(a, "?");
    if (v->kind != VALUE_LIST && v->kind != VALUE_OBJECT)
        return v;
    struct value *copy = v->kind == VALUE_LIST ? value_list(a) : value_object(a);
    for (size_t i = 0; i < v->count; i++) {
        bool is_empty_list = v->items[i]->kind == VALUE_LIST && v->items[i]->count == 0;
        if (v->kind == VALUE_LIST)
            value_append(a, copy, without_nulls(a, v->items[i]));
        else if (!value_is_null(v->items[i]) && !is_empty_list)
            value_set(a, copy, v->keys[i], without_nulls(a, v->items[i]));
    }
    return copy;
}

const char *harness_sparse(struct harness *h, const struct tf_schema *s, const Tfplugin6__DynamicValue *v)
{
    struct err e = ERR_INIT;
    const struct value *decoded;
    if (!v)
        return "absent";
    if (!msgpack_decode(h->arena, wire_bytes(v->msgpack), type_of_schema(h->arena, s), &decoded, &e))
        fail_msg("a reply does not fit the schema: %s", e.text);
    for (const struct tf_block *b = s->blocks; b && b->name && decoded->kind == VALUE_OBJECT; b++)
        if (b->is_list)
            assert_false(value_is_null(value_get(decoded, b->name)));
    struct buf out = BUF_INIT(64 * 1024 * 1024);
    assert_true(value_to_json(without_nulls(h->arena, decoded), &out, &e));
    const char *text = swap_quotes(h->arena, buf_text(&out), '"', '\'');
    buf_done(&out);
    return text;
}

/* ---- diagnostics ---- */

const char *harness_path(struct harness *h, const Tfplugin6__AttributePath *path)
{
    struct buf out = BUF_INIT(4096);
    for (size_t i = 0; path && i < path->n_steps; i++) {
        const Tfplugin6__AttributePath__Step *s = path->steps[i];
        if (s->selector_case == TFPLUGIN6__ATTRIBUTE_PATH__STEP__SELECTOR_ATTRIBUTE_NAME)
            (void)buf_printf(&out, "%s%s", i > 0 ? "." : "", s->attribute_name);
        else if (s->selector_case == TFPLUGIN6__ATTRIBUTE_PATH__STEP__SELECTOR_ELEMENT_KEY_INT)
            (void)buf_printf(&out, "[%lld]", (long long)s->element_key_int);
        else if (s->selector_case == TFPLUGIN6__ATTRIBUTE_PATH__STEP__SELECTOR_ELEMENT_KEY_STRING)
            (void)buf_printf(&out, "[\"%s\"]", s->element_key_string);
        else
            fail_msg("a step without a selector");
    }
    const char *text = arena_strdup(h->arena, buf_text(&out));
    buf_done(&out);
    return text;
}

const char *harness_diagnostics(struct harness *h, Tfplugin6__Diagnostic **items, size_t n)
{
    struct buf out = BUF_INIT(64 * 1024);
    for (size_t i = 0; i < n; i++) {
        assert_true(items[i]->severity != TFPLUGIN6__DIAGNOSTIC__SEVERITY__INVALID);
        assert_true(!items[i]->attribute || items[i]->attribute->n_steps > 0);
        bool is_error = items[i]->severity == TFPLUGIN6__DIAGNOSTIC__SEVERITY__ERROR;
        (void)buf_printf(&out, "%s%s %s", i > 0 ? " | " : "", is_error ? "E" : "W", items[i]->summary);
        if (items[i]->attribute)
            (void)buf_printf(&out, " @%s", harness_path(h, items[i]->attribute));
    }
    const char *text = arena_strdup(h->arena, buf_text(&out));
    buf_done(&out);
    return text;
}

/* ---- core's proposal ---- */

static const struct value *propose_object(struct arena *a, const struct tf_attr *attrs,
                                          const struct tf_block *blocks, const struct value *config,
                                          const struct value *prior);

static const struct value *propose_nested(struct arena *a, const struct tf_attr *attrs,
                                          const struct tf_block *blocks, const struct value *config,
                                          const struct value *prior)
{
    if (config->kind == VALUE_OBJECT)
        return propose_object(a, attrs, blocks, config, prior);
    if (config->kind != VALUE_LIST)
        return config;
    struct value *list = value_list(a);
    for (size_t i = 0; i < config->count; i++) {
        bool paired = prior->kind == VALUE_LIST && i < prior->count;
        value_append(
            a, list,
            propose_nested(a, attrs, blocks, config->items[i], paired ? prior->items[i] : &value_null));
    }
    return list;
}

static const struct value *propose_object(struct arena *a, const struct tf_attr *attrs,
                                          const struct tf_block *blocks, const struct value *config,
                                          const struct value *prior)
{
    struct value *proposed = value_object(a);
    for (const struct tf_attr *attr = attrs; attr && attr->name; attr++) {
        const struct value *own = value_get(config, attr->name), *old = value_get(prior, attr->name);
        bool keeps = value_is_null(own) && attr->flags & TF_COMPUTED;
        value_set(a, proposed, attr->name,
                  keeps          ? old
                  : attr->nested ? propose_nested(a, attr->nested, NULL, own, old)
                                 : own);
    }
    for (const struct tf_block *b = blocks; b && b->name; b++)
        value_set(
            a, proposed, b->name,
            propose_nested(a, b->attrs, b->blocks, value_get(config, b->name), value_get(prior, b->name)));
    return proposed;
}

const struct value *harness_proposal(struct harness *h, const struct tf_schema *s, const struct value *config,
                                     const struct value *prior)
{
    return propose_nested(h->arena, s->attrs, s->blocks, config, prior);
}
