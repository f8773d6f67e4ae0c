/* An upgrade in place that AWS begins by itself, in the cluster's maintenance window. */
#include "internal/upgrade/errors.h"
#include "internal/upgrade/in_place.h"
#include "internal/upgrade/tags.h"

#include <stdio.h>
#include <string.h>

enum { WITHDRAW_POLL_MS = 1000, WITHDRAW_MAX_MS = 2 * 60 * 1000 };

/* ---- what a look shows ---- */

static struct version queued(const struct world *w)
{
    struct version v = {0};
    return w->production && version_parse(w->production->pending_engine_version, &v) ? v
                                                                                     : (struct version){0};
}

static bool is_scheduled(const struct world *w)
{
    return w->snapshot && rds_tag_value(w->facts, TAG_SCHEDULED_AT);
}

bool upgrade_waits(const struct world *w)
{
    return is_scheduled(w) && w->run_target.major > w->version.major &&
           queued(w).major == w->run_target.major && is_available(w->production->status);
}

bool upgrade_missed(const struct upgrade *u, const struct world *w)
{
    return is_scheduled(w) && w->production && w->version.major < w->run_target.major && !upgrade_waits(w) &&
           !upgrade_at_work(u, w) && is_available(w->production->status);
}

bool upgrade_schedules(const struct upgrade *u)
{
    const struct world *w = &u->world;
    bool wanted = u->request.stage == STAGE_SWITCHED || u->request.stage == STAGE_COMPLETED;
    return u->request.in_maintenance_window && wanted && w->production && w->reached < STAGE_SWITCHED &&
           w->version.major < u->request.target.major && !upgrade_at_work(u, w);
}

const char *maintenance_window(const struct upgrade *u)
{
    const struct rds_cluster *k = u->world.production;
    return k && k->maintenance_window[0] ? arena_printf(u->arena, "%s UTC", k->maintenance_window)
                                         : "not known";
}

bool not_waiting(const struct upgrade *u, enum flow_stage wanted, struct err *e)
{
    if (wanted >= STAGE_SWITCHED || !upgrade_waits(&u->world))
        return true;
    return upgrade_fail(e, E_UPGRADE_QUEUED,
                        "AWS will upgrade %s to %s in its maintenance window (%s), whatever stage says now",
                        u->request.cluster, u->world.production->pending_engine_version,
                        maintenance_window(u));
}

/* ---- into the queue ---- */

bool queue_snapshot_taken(struct upgrade *u, bool *ret, struct err *e)
{
    if (!world_need(u, e) || !same_run(u, e))
        return false;
    *ret = upgrade_waits(&u->world);
    return *ret || snapshot_taken(u, ret, e);
}

bool upgrade_queued(struct upgrade *u, bool *ret, struct err *e)
{
    bool begun = false;
    if (!upgrade_begun(u, &begun, e))
        return false;
    *ret = begun || upgrade_waits(&u->world);
    return true;
}

/* Before the call: who finds the version in the queue knows why it is there. */
static bool note_schedule(struct upgrade *u, struct err *e)
{
    char now[TIME_ISO_SIZE];
    const struct rds_snapshot *p = u->world.snapshot;
    time_iso(u->clock->wall_ms(u->clock), false, now);
    const struct rds_tag tag = {TAG_SCHEDULED_AT, now};
    return rds_tag_add(&u->aws, p->arn, (struct rds_tags){&tag, 1}, e) ||
           err_wrap(e, "tag snapshot %s", p->identifier);
}

bool upgrade_queue(struct upgrade *u, struct err *e)
{
    struct rds_cluster_change change = RDS_CLUSTER_CHANGE_INIT;
    if (!world_need(u, e) || !resolve_version(u, e))
        return false;
    if (!u->world.snapshot)
        return upgrade_fail(e, E_SNAPSHOT_FAILED, "the snapshot of %s has disappeared", u->request.cluster);
    if (!note_schedule(u, e))
        return false;
    change.engine_version = u->resolved_version;
    change.allow_major_version_upgrade = true;
    change.parameter_group = group_for_call(u, true);
    change.instance_parameter_group = group_for_call(u, false);
    if (rds_cluster_modify(&u->aws, u->request.cluster, &change, e))
        return true;
    if (e->code == ERR_CANCELLED || e->code == ERR_CONFLICT)
        return false;
    if (e->code == ERR_UNAVAILABLE || e->code == ERR_TIMEOUT)
        return true; /* the reply is lost, the call perhaps not */
    const struct err refused = *e;
    (void)upgrade_fail(e, E_UPGRADE_REFUSED, "AWS refuses to upgrade %s to %s in its maintenance window",
                       u->request.cluster, u->resolved_version);
    (void)err_said(e, "%s", refused.said[0] ? refused.said : refused.text);
    world_state(u, e);
    return false;
}

/* ---- and out of it ---- */

bool upgrade_unqueued(struct upgrade *u, bool *ret, struct err *e)
{
    if (!world_look(u, e))
        return false;
    const struct world *w = &u->world;
    *ret = !w->snapshot || queued(w).major <= w->version.major || queued(w).major != w->run_target.major;
    return true;
}

static bool stays_queued(struct upgrade *u, const struct err *why, struct err *e)
{
    (void)upgrade_fail(
        e, E_UPGRADE_STAYS_QUEUED, "AWS keeps %s in the queue of %s for its maintenance window (%s)",
        u->world.production->pending_engine_version, u->request.cluster, maintenance_window(u));
    if (why)
        (void)err_said(e, "%s", why->said[0] ? why->said : why->text);
    world_state(u, e);
    return false;
}

/* The version it has, asked for, takes the place of the one that waits. No document of AWS's promises that,
 * so nothing is believed but what is seen. Never at once: that would apply all that waits. */
bool upgrade_unqueue(struct upgrade *u, struct err *e)
{
    struct rds_cluster_change change = RDS_CLUSTER_CHANGE_INIT;
    int64_t until = u->clock->mono_ms(u->clock) + WITHDRAW_MAX_MS;
    bool gone = false;
    if (!world_need(u, e))
        return false;
    change.engine_version = u->world.production->engine_version;
    if (!rds_cluster_modify(&u->aws, u->request.cluster, &change, e)) {
        const struct err why = *e;
        bool transient = why.code == ERR_CANCELLED || why.code == ERR_CONFLICT ||
                         why.code == ERR_UNAVAILABLE || why.code == ERR_TIMEOUT || why.code == ERR_AUTH;
        return !transient && stays_queued(u, &why, e);
    }
    while (upgrade_unqueued(u, &gone, e)) {
        bool begun = u->world.production && upgrade_at_work(u, &u->world);
        if (gone && !begun)
            return true;
        if (begun)
            return upgrade_fail(e, E_UPGRADE_RUNNING, "AWS is upgrading %s at this moment",
                                u->request.cluster);
        if (u->clock->mono_ms(u->clock) > until)
            return stays_queued(u, NULL, e);
        if (u->clock->wait(u->clock, u->stop, WITHDRAW_POLL_MS))
            return err_set(e, ERR_CANCELLED, "interrupted while the upgrade of %s is taken back",
                           u->request.cluster);
    }
    return false;
}

/* ---- AWS's own snapshot, made in the window ---- */

/* preupgrade-<cluster>-<from>-to-<to>-<time>, of the old version and younger than ours. */
static bool find_preupgrade(struct upgrade *u, const struct rds_snapshot **ret, struct err *e)
{
    const struct rds_snapshot *list = NULL, *ours = u->world.snapshot;
    const char *prefix = arena_printf(u->look, "preupgrade-%s-", u->request.cluster);
    size_t n = 0;
    *ret = NULL;
    if (!rds_snapshot_list_of(&u->aws, u->request.cluster, &list, &n, e))
        return err_wrap(e, "look for AWS's own snapshot of %s", u->request.cluster);
    for (size_t i = 0; i < n; i++) {
        const struct rds_snapshot *p = &list[i];
        bool younger = strcmp(p->create_time, ours->create_time) > 0;
        if (strncmp(p->identifier, prefix, strlen(prefix)) == 0 && is_available(p->status) && younger &&
            strcmp(p->engine_version, ours->engine_version) == 0 &&
            (!*ret || strcmp(p->create_time, (*ret)->create_time) > 0))
            *ret = p;
    }
    return true;
}

bool window_snapshot_taken_over(struct upgrade *u, bool *ret, struct err *e)
{
    const struct rds_snapshot *found = NULL;
    if (!world_need(u, e))
        return false;
    if (is_scheduled(&u->world) && !find_preupgrade(u, &found, e))
        return false;
    *ret = !found;
    return true;
}

/* All that ours says of the run but what its databases held: that was another moment. */
bool window_snapshot_take_over(struct upgrade *u, struct err *e)
{
    const struct rds_snapshot *found = NULL;
    if (!find_preupgrade(u, &found, e))
        return false;
    if (!found)
        return true;
    const struct rds_tags *ours = &u->world.snapshot->tags;
    struct rds_tag *tags = ARENA_ARRAY(u->look, struct rds_tag, ours->count + 1);
    size_t n = 0;
    for (size_t i = 0; i < ours->count; i++) {
        if (strcmp(ours->tags[i].key, TAG_CONTENT) == 0 || strncmp(ours->tags[i].key, "aws:", 4) == 0)
            continue;
        tags[n] = ours->tags[i];
        if (strcmp(tags[n].key, TAG_SNAPSHOT) == 0)
            tags[n].value = found->identifier;
        n++;
    }
    return rds_tag_add(&u->aws, found->arn, (struct rds_tags){tags, n}, e) ||
           err_wrap(e, "tag snapshot %s", found->identifier);
}
