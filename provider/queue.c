#include "internal/upgrade/in_place.h"
#include "provider/upgrade_resource.h"

/* What AWS did not do although it was due did not pass the checks after all. */
enum flow_stage passed_by(const struct upgrade_kind *kind, const struct value *prior)
{
    enum flow_stage was = stage_of(prior, "stage"), reached = stage_of(prior, "reached_stage");
    bool switched = was == STAGE_SWITCHED || was == STAGE_COMPLETED;
    if (kind->strategy->shows_stages || !switched || reached >= STAGE_SWITCHED)
        return was;
    return reached == STAGE_VALIDATED ? STAGE_VALIDATED : STAGE_PREPARED;
}

static bool uses_window(const struct value *attrs)
{
    return value_as_bool(value_get(attrs, "switch_in_maintenance_window"), false);
}

bool missed_by(const struct value *attrs)
{
    enum flow_stage was = stage_of(attrs, "stage");
    return uses_window(attrs) && (was == STAGE_SWITCHED || was == STAGE_COMPLETED) &&
           stage_of(attrs, "reached_stage") < STAGE_VALIDATED;
}

const struct value *queue_state(struct operation *o, const struct value *state)
{
    struct tf_call *c = o->call;
    const struct upgrade *u = &o->upgrade;
    tf_warn(
        c, "switch_in_maintenance_window", "The upgrade waits for the maintenance window",
        "AWS upgrades %s to %s by itself in its maintenance window: %s. Plans are empty until then; the "
        "apply after it verifies the upgrade and does the rest. Snapshot %s holds nothing that is written "
        "from now on; the one that AWS makes in the window will take its place. Any change of the cluster "
        "that is applied at once starts the upgrade with it.",
        u->request.cluster, u->resolved_version ? u->resolved_version : "the new version",
        maintenance_window(u), u->history.snapshot_id ? u->history.snapshot_id : "of this run");
    return tf_with(c, state, "reached_stage", value_string(c->arena, "validated"));
}

const struct value *queue_settle(struct operation *o, const struct value *state)
{
    struct tf_call *c = o->call;
    enum flow_stage stage = stage_of(c->prior, "stage"), reached = o->upgrade.world.reached;
    bool after = stage >= STAGE_SWITCHED && stage != STAGE_ROLLED_BACK;
    if (reached == STAGE_SWITCHED && passed_by(o->kind, c->prior) < stage)
        return tf_with(c, state, "stage", value_string(c->arena, "validated"));
    if (!uses_window(c->prior))
        return NULL;
    if (after && upgrade_waits(&o->upgrade.world))
        tf_warn(c, "switch_in_maintenance_window", "The upgrade waits for the maintenance window",
                "AWS upgrades %s to %s by itself in its maintenance window: %s.", o->upgrade.request.cluster,
                o->upgrade.world.production->pending_engine_version, maintenance_window(&o->upgrade));
    if (stage == STAGE_VALIDATED && reached == STAGE_SWITCHED)
        tf_warn(c, "switch_in_maintenance_window", "The maintenance window is over",
                "AWS has upgraded %s; an apply verifies it and does the rest.", o->upgrade.request.cluster);
    return reached == STAGE_VALIDATED || (stage == STAGE_VALIDATED && reached == STAGE_SWITCHED) ? state
                                                                                                 : NULL;
}
