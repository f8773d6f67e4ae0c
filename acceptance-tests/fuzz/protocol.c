/* Plugin protocol 6 as it reaches us: every method, the demo provider's tables, its things kept nowhere.
 *
 * The demo keeps things as files whose folder and names come with the request; here they are what the request
 * says they are.
 */
#include "acceptance-tests/fuzz/dispatch.h"
#include "acceptance-tests/fuzz/fuzz.h"
#include "internal/tf/demo.h"

#include <string.h>

enum { RESOURCES_MAX = 4 };

static void *configure(struct tf_call *c)
{
    return strdup(value_as_text(value_get(c->config, "dir"), ""));
}

static const struct value *made(struct tf_call *c)
{
    const struct value *v = tf_with(c, c->planned, "revision", value_int(c->arena, 1));
    return tf_with(c, v, "id", value_get(c->planned, "name"));
}

static const struct value *gone(struct tf_call *c)
{
    (void)c;
    return NULL;
}

static const struct value *as_before(struct tf_call *c)
{
    return c->prior;
}

static const struct value *imported(struct tf_call *c)
{
    return tf_with(c, &value_null, "name", value_string(c->arena, c->import_id));
}

static const struct value *as_asked(struct tf_call *c)
{
    return tf_with(c, c->config, "exists", &value_true);
}

static const struct value *opened(struct tf_call *c, int64_t *renew_at_ms)
{
    *renew_at_ms = 1;
    c->private_out = STR_LIT("token");
    return tf_with(c, c->config, "token", value_string(c->arena, "t"));
}

static void renewed(struct tf_call *c, int64_t *renew_at_ms)
{
    *renew_at_ms = (int64_t)c->private_in.n;
}

/* The demo's tables with functions that touch no file. */
static const struct tf_provider *tame_provider(void)
{
    static struct tf_resource resources[RESOURCES_MAX];
    static const struct tf_resource *resource_list[RESOURCES_MAX + 1];
    static struct tf_data_source source;
    static const struct tf_data_source *source_list[2];
    static struct tf_ephemeral ephemeral;
    static const struct tf_ephemeral *ephemeral_list[2];
    static struct tf_provider p;
    if (p.name)
        return &p;
    for (size_t i = 0; i < RESOURCES_MAX && demo_provider.resources[i]; i++) {
        resources[i] = *demo_provider.resources[i];
        resources[i].create = resources[i].update = made;
        resources[i].del = gone;
        resources[i].read = as_before;
        resources[i].import = resources[i].import ? imported : NULL;
        resource_list[i] = &resources[i];
    }
    source = *demo_provider.data_sources[0];
    source.read = as_asked;
    source_list[0] = &source;
    ephemeral = *demo_provider.ephemerals[0];
    ephemeral.open = opened;
    ephemeral.renew = renewed;
    ephemeral.close = NULL;
    ephemeral_list[0] = &ephemeral;
    p = demo_provider;
    p.configure = configure;
    p.resources = resource_list;
    p.data_sources = source_list;
    p.ephemerals = ephemeral_list;
    return &p;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    dispatch_request(tame_provider(), "ConfigureProvider", NULL, data, n);
    return 0;
}
