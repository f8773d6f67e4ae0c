#include "provider/upgrade_resource.h"

void operation_looked(struct operation *o)
{
    struct upgrade *u = &o->upgrade;
    const struct value *prior = o->call->prior;
    struct version v = {0};
    if (value_is_null(prior) || passed_by(o->kind, prior) != STAGE_COMPLETED)
        return;
    bool same = version_parse(value_as_text(value_get(prior, "target_engine_version"), ""), &v) &&
                v.major == u->request.target.major;
    o->is_undone = same && u->world.version.major < v.major && !world_has_run(&u->world);
    u->is_verified = u->is_verified && !o->is_undone;
}

bool only_ends(const struct operation *o)
{
    const struct value *prior = o->call->prior;
    enum flow_stage wanted = o->upgrade.request.stage;
    if (value_is_null(prior))
        return false;
    return wanted == STAGE_COMPLETED
               ? o->is_undone || stage_of(prior, "stage") == STAGE_ROLLED_BACK
               : wanted == STAGE_ROLLED_BACK && stage_of(prior, "stage") == STAGE_ROLLED_BACK;
}

void tell_undone(const struct operation *o)
{
    const struct upgrade *u = &o->upgrade;
    if (o->is_undone && u->request.stage != STAGE_COMPLETED && u->request.stage != STAGE_ROLLED_BACK)
        tf_warn(
            o->call, "stage", "The upgrade begins anew",
            "The state says \"completed\", but production %s runs %s again, and nothing is left of a run: "
            "it was rolled back, or restored by hand.",
            u->request.cluster, u->world.production->engine_version);
}
