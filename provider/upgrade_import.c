/* Import: an upgrade's state made of what AWS shows. */
#include "internal/upgrade/roll_back.h"
#include "provider/upgrade_resource.h"

#include <string.h>

static const struct value *import_attrs(struct tf_call *c)
{
    struct arena *a = c->arena;
    struct value *v = value_object(a);
    const char *at = strchr(c->import_id, '@');
    size_t n = at ? (size_t)(at - c->import_id) : strlen(c->import_id);
    value_set(a, v, "cluster_identifier", value_string_n(a, c->import_id, n));
    value_set(a, v, "region", at ? value_string(a, at + 1) : &value_null);
    return v;
}

static const struct value *import_world(struct operation *o, const struct value *attrs)
{
    struct tf_call *c = o->call;
    struct err e = ERR_INIT;
    if (!world_need(&o->upgrade, &e)) {
        tf_fail(c, &e);
        return NULL;
    }
    const struct world *w = &o->upgrade.world;
    char text[VERSION_SIZE];
    bool run = world_has_run(w), is_back = roll_back_is_over(w);
    struct version target = w->run_target.major > 0 ? w->run_target : w->version;
    if (is_back && !version_parse(w->aside->engine_version, &target))
        target = w->version;
    o->upgrade.request.target = target;
    const struct value *v =
        tf_with(c, attrs, "target_engine_version", value_string(c->arena, version_print(target, text)));
    bool building = run && w->reached == STAGE_NONE;
    const char *stage = run       ? stage_name(building ? STAGE_PREPARED : w->reached)
                        : is_back ? "rolled_back"
                                  : "completed";
    v = tf_with(c, v, "stage", value_string(c->arena, stage));
    keeper_share(o);
    v = operation_state(o, v, &value_null);
    return is_back ? tf_with(c, v, "reached_stage", value_string(c->arena, stage)) : v;
}

const struct value *upgrade_import(const struct upgrade_kind *kind, struct tf_call *c)
{
    struct operation o;
    const struct value *attrs = import_attrs(c);
    if (!identifier_valid(value_as_text(value_get(attrs, "cluster_identifier"), ""))) {
        tf_error(c, NULL, "The import id is not valid",
                 "Use the cluster's identifier, or identifier@region.");
        return NULL;
    }
    if (!operation_start(&o, kind, c, attrs, &value_null))
        return NULL;
    const struct value *state = import_world(&o, attrs);
    operation_done(&o);
    return state;
}
