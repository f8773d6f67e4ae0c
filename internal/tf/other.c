#include "internal/tf/inside.h"

/* ---- data sources ---- */

static const struct tf_data_source *use_data_source(struct exchange *x, const char *type_name)
{
    const struct tf_data_source *d = member_find(x->service->provider->data_sources, type_name);
    if (d)
        exchange_use(x, d->schema);
    else
        tf_error(&x->call, NULL, "AUR0804: unknown data source", "This provider has no data source \"%s\".",
                 type_name);
    return d;
}

HANDLER(validate_data_resource_config, ValidateDataResourceConfig)
{
    (void)resp;
    const struct tf_data_source *d = use_data_source(x, req->type_name);
    if (!d || !value_in(x, req->config, x->type, &x->call.config))
        return;
    validate_config(x, x->call.config);
    if (d->validate && !x->reply.failed)
        d->validate(&x->call);
}

HANDLER(read_data_source, ReadDataSource)
{
    struct tf_call *c = &x->call;
    const struct tf_data_source *d = use_data_source(x, req->type_name);
    if (!d || !value_in(x, req->config, x->type, &c->config))
        return;
    const struct value *state = d->read(c);
    if (!state && !tf_failed(c))
        tf_error(c, NULL, "AUR0890: provider bug: no result", "%s was read and returned nothing.", d->name);
    if (state)
        resp->state = value_out(x, shape_result(x, state, false), x->type);
}

/* ---- ephemeral resources ---- */

static const struct tf_ephemeral *use_ephemeral(struct exchange *x, const char *type_name)
{
    const struct tf_ephemeral *m = member_find(x->service->provider->ephemerals, type_name);
    if (m)
        exchange_use(x, m->schema);
    else
        tf_error(&x->call, NULL, "AUR0804: unknown ephemeral resource",
                 "This provider has no ephemeral resource \"%s\".", type_name);
    return m;
}

static Google__Protobuf__Timestamp *timestamp(struct arena *a, int64_t unix_ms)
{
    enum { MS = 1000, NS_PER_MS = 1000000 };
    if (unix_ms <= 0)
        return NULL;
    Google__Protobuf__Timestamp *t = ARENA_NEW(a, Google__Protobuf__Timestamp);
    google__protobuf__timestamp__init(t);
    t->seconds = unix_ms / MS;
    t->nanos = (int32_t)(unix_ms % MS) * NS_PER_MS;
    return t;
}

HANDLER(validate_ephemeral_resource_config, ValidateEphemeralResourceConfig)
{
    (void)resp;
    if (use_ephemeral(x, req->type_name) && value_in(x, req->config, x->type, &x->call.config))
        validate_config(x, x->call.config);
}

HANDLER(open_ephemeral_resource, OpenEphemeralResource)
{
    struct tf_call *c = &x->call;
    int64_t renew_at = 0;
    const struct tf_ephemeral *m = use_ephemeral(x, req->type_name);
    if (!m || !value_in(x, req->config, x->type, &c->config))
        return;
    const struct value *result = m->open(c, &renew_at);
    if (!result && !tf_failed(c))
        tf_error(c, NULL, "AUR0890: provider bug: no result", "%s was opened and returned nothing.", m->name);
    if (!result)
        return;
    resp->result = value_out(x, shape_result(x, result, false), x->type);
    resp->renew_at = timestamp(c->arena, renew_at);
    resp->_private_case = TFPLUGIN6__OPEN_EPHEMERAL_RESOURCE__RESPONSE___PRIVATE_PRIVATE;
    resp->private_ = wire_data(c->private_out);
}

HANDLER(renew_ephemeral_resource, RenewEphemeralResource)
{
    struct tf_call *c = &x->call;
    int64_t renew_at = 0;
    const struct tf_ephemeral *m = use_ephemeral(x, req->type_name);
    if (!m)
        return;
    if (req->_private_case)
        c->private_in = wire_bytes(req->private_);
    if (m->renew)
        m->renew(c, &renew_at);
    resp->renew_at = timestamp(c->arena, renew_at);
    resp->_private_case = TFPLUGIN6__RENEW_EPHEMERAL_RESOURCE__RESPONSE___PRIVATE_PRIVATE;
    resp->private_ = wire_data(c->private_out.p ? c->private_out : c->private_in);
}

HANDLER(close_ephemeral_resource, CloseEphemeralResource)
{
    (void)resp;
    const struct tf_ephemeral *m = use_ephemeral(x, req->type_name);
    if (m && req->_private_case)
        x->call.private_in = wire_bytes(req->private_); /* what open returned, whatever renew said since */
    if (m && m->close)
        m->close(&x->call);
}

/* ---- functions ---- */

static void function_failed(struct exchange *x, Tfplugin6__CallFunction__Response *resp, const char *text,
                            int argument)
{
    Tfplugin6__FunctionError *error = WIRE_NEW(x->call.arena, FunctionError, function_error);
    error->text = text_out(x->call.arena, text);
    if (argument >= 0) {
        error->_function_argument_case = TFPLUGIN6__FUNCTION_ERROR___FUNCTION_ARGUMENT_FUNCTION_ARGUMENT;
        error->function_argument = argument;
    }
    resp->error = error;
}

/* A function's reply has room for one error, not for diagnostics: the first one is taken. */
static bool diagnosed(struct exchange *x, Tfplugin6__CallFunction__Response *resp, int argument)
{
    if (x->reply.count == 0)
        return false;
    const Tfplugin6__Diagnostic *d = x->reply.items[0];
    const char *text = d->summary;
    if (d->detail[0])
        text = arena_printf(x->call.arena, "%s\n\n%s", d->summary, d->detail);
    function_failed(x, resp, text, argument);
    return true;
}

static const struct value *arguments(struct exchange *x, const struct tf_function *f,
                                     const Tfplugin6__CallFunction__Request *req,
                                     Tfplugin6__CallFunction__Response *resp)
{
    struct value *args = value_list(x->call.arena);
    size_t wanted = count_attrs(f->params);
    if (req->n_arguments != wanted) {
        function_failed(x, resp, arena_printf(x->call.arena, "%zu arguments are required.", wanted), -1);
        return NULL;
    }
    for (size_t i = 0; i < wanted; i++) {
        const struct tf_attr *p = &f->params[i];
        const struct place at = {.name = p->name};
        const struct value *v;
        if (value_in(x, req->arguments[i], type_of(x->call.arena, p->type, p->nested), &v))
            validate_attr(x, p, v, &at);
        if (diagnosed(x, resp, (int)i))
            return NULL;
        value_append(x->call.arena, args, v);
    }
    return args;
}

HANDLER(call_function, CallFunction)
{
    struct err e = ERR_INIT;
    int argument = -1;
    const struct value *result;
    struct arena *a = x->call.arena;
    const struct tf_function *f = member_find(x->service->provider->functions, req->name);
    if (!f)
        return function_failed(x, resp, arena_printf(a, "There is no function \"%s\".", req->name), -1);
    const struct value *args = arguments(x, f, req, resp);
    if (!args)
        return;
    if (f->call(a, args, &result, &argument, &e))
        resp->result = value_out(x, result, type_of(a, f->returns, NULL));
    else
        tf_fail(&x->call, &e);
    if (diagnosed(x, resp, argument))
        resp->result = NULL;
}
