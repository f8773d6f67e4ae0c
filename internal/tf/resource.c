#include "internal/tf/inside.h"

#include <inttypes.h>
#include <string.h>

static const struct tf_resource *use_resource(struct exchange *x, const char *type_name)
{
    const struct tf_resource *r = member_find(x->service->provider->resources, type_name);
    if (r)
        exchange_use(x, r->schema);
    else
        tf_error(&x->call, NULL, "AUR0804: unknown resource type",
                 "This provider has no resource type \"%s\".", type_name);
    return r;
}

/* Unset means "as before"; set but empty means "none". */
static ProtobufCBinaryData private_data(const struct tf_call *c)
{
    return wire_data(c->private_out.p ? c->private_out : c->private_in);
}

HANDLER(validate_resource_config, ValidateResourceConfig)
{
    (void)resp;
    struct tf_call *c = &x->call;
    const struct tf_resource *r = use_resource(x, req->type_name);
    if (!r || !value_in(x, req->config, x->type, &c->config))
        return;
    c->write_only_allowed =
        req->client_capabilities && req->client_capabilities->write_only_attributes_allowed;
    validate_config(x, c->config);
    if (r->validate && !tf_failed(c))
        r->validate(c);
}

/* ---- plan ---- */

static const struct value *plan_change(struct exchange *x, const struct tf_resource *r,
                                       const struct value *proposed)
{
    struct tf_call *c = &x->call;
    const struct value *planned = plan_default(x, proposed);
    if (!r->plan)
        return planned;
    const struct value *own = r->plan(c, planned);
    if (!own && !tf_failed(c))
        tf_error(c, NULL, "AUR0890: provider bug: no plan", "%s made no plan and gave no reason.", r->name);
    return own ? own : planned;
}

HANDLER(plan_resource_change, PlanResourceChange)
{
    struct tf_call *c = &x->call;
    const struct value *proposed, *planned = &value_null;
    const struct tf_resource *r = use_resource(x, req->type_name);
    if (!r || !value_in(x, req->prior_state, x->type, &c->prior) ||
        !value_in(x, req->config, x->type, &c->config) ||
        !value_in(x, req->proposed_new_state, x->type, &proposed))
        return;
    c->private_in = wire_bytes(req->prior_private);
    c->write_only_allowed = true; /* validation comes first and has refused them otherwise */
    if (!value_is_null(proposed)) {
        planned = shape_result(x, plan_change(x, r, proposed), true);
        plan_replacements(x, planned, resp);
    } else if (r->plan_destroy) {
        r->plan_destroy(c);
    }
    resp->planned_state = value_out(x, planned, x->type);
    resp->planned_private = private_data(c);
}

/* ---- apply ---- */

/* Null with an error means: nothing was made (create), or the prior state stays (update, delete). */
static const struct value *apply_result(struct exchange *x, const struct tf_resource *r,
                                        const struct value *result, bool is_delete)
{
    struct tf_call *c = &x->call;
    if (!result && !is_delete && !tf_failed(c))
        tf_error(c, NULL, "AUR0890: provider bug: no result", "%s returned no state and gave no reason.",
                 r->name);
    if (!value_is_null(result) && is_delete && !tf_failed(c))
        tf_error(c, NULL, "AUR0890: provider bug: state after a delete",
                 "%s returned a state for an object it says to have deleted.", r->name);
    return value_is_null(result) ? &value_null : shape_result(x, result, false);
}

HANDLER(apply_resource_change, ApplyResourceChange)
{
    struct tf_call *c = &x->call;
    const struct tf_resource *r = use_resource(x, req->type_name);
    if (!r || !value_in(x, req->prior_state, x->type, &c->prior) ||
        !value_in(x, req->planned_state, x->type, &c->planned) ||
        !value_in(x, req->config, x->type, &c->config))
        return;
    struct str private = wire_bytes(req->planned_private);
    c->private_in = (struct str){arena_memdup(c->arena, private.p, private.n), private.n};
    c->write_only_allowed = true;
    exchange_forget_request(x);
    bool is_delete = value_is_null(c->planned);
    const struct value *result = is_delete                 ? r->del(c)
                                 : value_is_null(c->prior) ? r->create(c)
                                                           : r->update(c);
    resp->new_state = value_out(x, apply_result(x, r, result, is_delete), x->type);
    resp->private_ = private_data(c);
}

/* ---- read, import ---- */

HANDLER(read_resource, ReadResource)
{
    struct tf_call *c = &x->call;
    const struct tf_resource *r = use_resource(x, req->type_name);
    if (!r || !value_in(x, req->current_state, x->type, &c->prior))
        return;
    c->private_in = wire_bytes(req->private_);
    const struct value *state = r->read(c);
    if (!state && tf_failed(c))
        state = c->prior; /* gone and unreadable are different things */
    resp->new_state =
        value_out(x, value_is_null(state) ? &value_null : shape_result(x, state, false), x->type);
    resp->private_ = private_data(c);
}

HANDLER(import_resource_state, ImportResourceState)
{
    struct tf_call *c = &x->call;
    const struct tf_resource *r = use_resource(x, req->type_name);
    if (!r)
        return;
    if (!r->import || req->id[0] == '\0')
        return tf_error(c, NULL, r->import ? "AUR0805: import needs an id" : "AUR0805: import not supported",
                        r->import ? "%s is imported by an id; import by identity is not supported."
                                  : "%s cannot be imported.",
                        r->name);
    c->import_id = wire_text(c->arena, req->id);
    const struct value *state = r->import(c);
    if (!state && !tf_failed(c))
        tf_error(c, NULL, "AUR0890: provider bug: no result", "Import of %s returned nothing.", r->name);
    if (!state)
        return;
    Tfplugin6__ImportResourceState__ImportedResource *one =
        WIRE_NEW(c->arena, ImportResourceState__ImportedResource, import_resource_state__imported_resource);
    one->type_name = req->type_name;
    one->state = value_out(x, shape_result(x, state, false), x->type);
    one->private_ = private_data(c);
    resp->imported_resources = ARENA_ARRAY(c->arena, Tfplugin6__ImportResourceState__ImportedResource *, 1);
    resp->imported_resources[0] = one;
    resp->n_imported_resources = 1;
}

/* ---- stored states of other versions and types ---- */

static const struct value *upgraded(struct exchange *x, const struct tf_resource *r, int64_t version,
                                    const struct value *old)
{
    struct tf_call *c = &x->call;
    struct err e = ERR_INIT;
    const struct value *state;
    if (version == r->schema->version) {
        if (value_conform(c->arena, old, x->type, &state, &e))
            return state;
        tf_error(c, NULL, "AUR0806: stored state does not fit the schema", "%s: %s", r->name, e.text);
        return NULL;
    }
    if (version > r->schema->version || !r->upgrade) {
        tf_error(c, NULL, "AUR0806: stored state of an unknown version",
                 "The state of %s has schema version %" PRId64 "; this provider knows version %" PRId64
                 ". Use a provider of at least the version that wrote it.",
                 r->name, version, r->schema->version);
        return NULL;
    }
    state = r->upgrade(c, version, old);
    if (!state && !tf_failed(c))
        tf_error(c, NULL, "AUR0890: provider bug: no result", "The upgrade of %s returned no state.",
                 r->name);
    return state;
}

HANDLER(upgrade_resource_state, UpgradeResourceState)
{
    struct tf_call *c = &x->call;
    struct err e = ERR_INIT;
    const struct value *old;
    const struct tf_resource *r = use_resource(x, req->type_name);
    if (!r)
        return;
    if (!req->raw_state || req->raw_state->json.len == 0)
        return tf_error(
            c, NULL, "AUR0806: stored state cannot be read",
            "The state of %s is not stored as JSON. States written by Terraform 0.11 or older must "
            "first be written once by a newer CLI.",
            r->name);
    if (!value_from_json(c->arena, wire_bytes(req->raw_state->json), &old, &e))
        return tf_error(c, NULL, "AUR0806: stored state cannot be read", "%s: %s", r->name, e.text);
    const struct value *state = upgraded(x, r, req->version, old);
    if (state)
        resp->upgraded_state = value_out(x, shape_result(x, state, false), x->type);
}

HANDLER(upgrade_resource_identity, UpgradeResourceIdentity)
{
    (void)resp;
    tf_error(&x->call, NULL, "AUR0806: stored identity cannot be read",
             "%s has no identity in this provider version.", req->type_name);
}

HANDLER(move_resource_state, MoveResourceState)
{
    (void)resp;
    tf_error(
        &x->call, NULL, "AUR0807: move between resource types not supported",
        "A %s of provider %s cannot become a %s. Remove the moved block; use an import block for the new "
        "resource and a removed block with destroy = false for the old one.",
        req->source_type_name, req->source_provider_address, req->target_type_name);
}

HANDLER(generate_resource_config, GenerateResourceConfig)
{
    (void)resp;
    tf_error(&x->call, NULL, "AUR0808: configuration cannot be generated by the provider",
             "The CLI derives the configuration of %s from its schema itself.", req->type_name);
}
