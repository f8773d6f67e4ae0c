#include "acceptance-tests/fuzz/dispatch.h"
#include "acceptance-tests/fuzz/fuzz.h"
#include "internal/tf/inside.h"

#include <string.h>

static size_t method_count(void)
{
    size_t n = 0;
    while (service_methods[n].path)
        n++;
    return n;
}

/* The answer is a message, or an error with words: nothing in between. */
static void give(struct service *s, struct stop *stop, const struct rpc_method *m, struct str request)
{
    CLEANUP(arena_cleanup) struct arena *a = arena_new();
    struct rpc_call call = {.arena = a, .stop = stop, .service = s, .request = request};
    if (!m->handle(&call))
        DEMAND(call.failure && call.failure[0]);
    else
        DEMAND(call.reply.n == 0 || call.reply.p);
}

static const struct rpc_method *method_named(const char *name)
{
    const struct rpc_method *m = service_methods;
    while (m->path && strcmp(strrchr(m->path, '/') + 1, name) != 0)
        m++;
    DEMAND(m->path);
    return m;
}

void dispatch_request(const struct tf_provider *p, const char *before, const char *never, const uint8_t *data,
                      size_t n)
{
    size_t methods = method_count();
    if (n == 0 || methods == 0)
        return;
    const struct rpc_method *m = &service_methods[data[0] % methods];
    if (never && m == method_named(never))
        return;
    CLEANUP(stop_cleanup) struct stop *stop = stop_new();
    struct service s;
    service_init(&s, p);
    if (before)
        give(&s, stop, method_named(before), (struct str){0});
    give(&s, stop, m, (struct str){(const char *)data + 1, n - 1});
    service_done(&s);
}
