#include "internal/base/utf8.h"
#include "internal/tf/inside.h"

#include <string.h>

static void *allocate(void *arena, size_t n)
{
    return arena_alloc(arena, n);
}

static void release(void *arena, void *p)
{
    (void)arena;
    (void)p;
}

ProtobufCAllocator wire_allocator(struct arena *a)
{
    return (ProtobufCAllocator){.alloc = allocate, .free = release, .allocator_data = a};
}

struct str wire_pack(struct arena *a, const ProtobufCMessage *m)
{
    size_t n = protobuf_c_message_get_packed_size(m);
    uint8_t *bytes = arena_alloc(a, n);
    (void)protobuf_c_message_pack(m, bytes); /* the size again */
    return (struct str){(const char *)bytes, n};
}

struct str wire_bytes(ProtobufCBinaryData b)
{
    return (struct str){(const char *)b.data, b.len};
}

ProtobufCBinaryData wire_data(struct str s)
{
    return (ProtobufCBinaryData){.len = s.n, .data = (uint8_t *)s.p};
}

char *wire_text(struct arena *a, const char *s)
{
    char *copy = arena_strdup(a, s ? s : "");
    utf8_clean(copy);
    return copy;
}

static bool from_json(struct arena *a, struct str json, const struct type *t, const struct value **ret,
                      struct err *e)
{
    const struct value *v;
    return value_from_json(a, json, &v, e) && value_conform(a, v, t, ret, e);
}

bool value_in(struct exchange *x, const Tfplugin6__DynamicValue *in, const struct type *t,
              const struct value **ret)
{
    struct err e = ERR_INIT;
    struct arena *a = x->call.arena;
    /* Core never sends the JSON form; taking it for an absent value would look like a destroy. */
    bool is_json = in && in->msgpack.len == 0 && in->json.len > 0;
    bool ok = is_json ? from_json(a, wire_bytes(in->json), t, ret, &e)
                      : msgpack_decode(a, in ? wire_bytes(in->msgpack) : (struct str){NULL, 0}, t, ret, &e);
    if (!ok)
        tf_error(&x->call, NULL, "AUR0801: the CLI sent a value that does not fit the schema", "%s", e.text);
    return ok;
}

Tfplugin6__DynamicValue *value_out(struct exchange *x, const struct value *v, const struct type *t)
{
    struct err e = ERR_INIT;
    struct str bytes;
    struct arena *a = x->call.arena;
    Tfplugin6__DynamicValue *out = WIRE_NEW(a, DynamicValue, dynamic_value);
    if (!msgpack_encode(a, v, t, &bytes, &e)) {
        tf_error(&x->call, NULL, "AUR0890: provider bug: a value could not be encoded", "%s", e.text);
        bytes = STR_LIT("\xc0");
    }
    out->msgpack = wire_data(bytes);
    return out;
}
