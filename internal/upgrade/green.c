/* The deployment, from the call that makes it until every member is available. */
#include "internal/upgrade/blue_green.h"
#include "internal/upgrade/errors.h"
#include "internal/upgrade/tags.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    STEADY_READINGS = 3, /* AWS may answer AVAILABLE too early (hashicorp/terraform-provider-aws 36241) */
    EVENTS_MINUTES = 14 * 1440, /* as long as AWS keeps them */
    CAPACITY_TRIES = 120,
    CAPACITY_PAUSE_MS = 5000
};
#define BUILD_CAPACITY_MIN                                                                                   \
    1.0 /* below this green's first start takes very long (AWS guide for Serverless v2) */

int64_t tag_time(const struct rds_tags *t, const char *key)
{
    int64_t ms = 0;
    const char *text = rds_tag_value(t, key);
    return text && time_parse_iso(text, &ms) ? ms : 0;
}

/* ---- raise production's own minimum, only when asked ---- */

static double build_capacity(const struct upgrade *u)
{
    return u->request.target_min_capacity >= 0 ? u->request.target_min_capacity : BUILD_CAPACITY_MIN;
}

static bool set_min_capacity(struct upgrade *u, const struct rds_cluster *k, double min, struct err *e)
{
    struct rds_cluster_change change = RDS_CLUSTER_CHANGE_INIT;
    change.min_capacity = min;
    change.max_capacity = k->max_capacity > min ? k->max_capacity : min;
    change.apply_immediately = true;
    return rds_cluster_modify(&u->aws, k->identifier, &change, e);
}

/* Never above the user's own maximum: that is not ours to change. */
static double raised_capacity(const struct upgrade *u)
{
    double wanted = build_capacity(u), highest = u->world.production->max_capacity;
    return wanted < highest ? wanted : highest;
}

bool source_capacity_done(struct upgrade *u, bool *ret, struct err *e)
{
    if (!world_need(u, e))
        return false;
    const struct rds_cluster *k = u->world.production;
    *ret = !k->serverless_v2 || k->min_capacity >= raised_capacity(u) || u->world.reached >= STAGE_VALIDATED;
    return true;
}

/* The user's value is written down on production's own group of ours before it is overwritten: the deployment
 * does not exist yet. */
bool source_capacity_run(struct upgrade *u, struct err *e)
{
    const struct rds_group *g = NULL;
    const char *name = group_name(u, u->look, true);
    char value[64];
    (void)snprintf(value, sizeof value, "%.1f/%.1f", u->world.production->min_capacity, raised_capacity(u));
    const struct rds_tag tag = {TAG_SOURCE_CAPACITY, value};
    if (!rds_group_find(&u->aws, true, name, &g, e))
        return false;
    if (!g)
        return err_set(e, ERR_INVALID,
                       "raise_source_capacity needs the cluster parameter group to be made by us");
    return rds_tag_add(&u->aws, g->arn, (struct rds_tags){&tag, 1}, e) &&
           set_min_capacity(u, u->world.production, raised_capacity(u), e);
}

/* Counts only while production still has the value we gave it: what the user has set since is theirs. */
bool noted_source_capacity(struct upgrade *u, double *ret, struct err *e)
{
    const struct rds_group *g = NULL;
    struct rds_tags tags = {0};
    *ret = -1;
    if (!rds_group_find(&u->aws, true, group_name(u, u->look, true), &g, e) ||
        (g && !rds_tag_list(&u->aws, g->arn, &tags, e)))
        return false;
    const char *noted = rds_tag_value(&tags, TAG_SOURCE_CAPACITY);
    const char *raised = noted ? strchr(noted, '/') : NULL;
    if (raised && u->world.production && strtod(raised + 1, NULL) == u->world.production->min_capacity)
        *ret = strtod(noted, NULL);
    return true;
}

bool source_capacity_restored(struct upgrade *u, bool *ret, struct err *e)
{
    double noted = -1;
    if (!world_look(u, e) || !noted_source_capacity(u, &noted, e))
        return false;
    bool ended = !u->world.production || u->world.reached >= STAGE_SWITCHED;
    *ret = noted < 0 || ended || u->world.production->min_capacity <= noted;
    return true;
}

bool source_capacity_restore(struct upgrade *u, struct err *e)
{
    double noted = -1;
    if (!noted_source_capacity(u, &noted, e))
        return false;
    return noted < 0 || set_min_capacity(u, u->world.production, noted, e);
}

/* ---- the deployment ---- */

static const char *events_text(struct upgrade *u)
{
    const struct rds_event *events = NULL;
    size_t n = 0;
    struct err ignored = ERR_INIT;
    if (!rds_events(&u->aws, "blue-green-deployment", NULL, EVENTS_MINUTES, &events, &n, &ignored))
        return "";
    const struct rds_bluegreen *d = u->world.deployment;
    for (size_t i = n; d && i-- > 0;)
        if (strcmp(events[i].source, d->identifier) == 0 || strcmp(events[i].source, d->name) == 0)
            return events[i].message;
    return "";
}

bool same_run(const struct upgrade *u, struct err *e)
{
    int other = u->world.run_target.major;
    if (other == 0 || other == u->request.target.major)
        return true;
    if (u->world.snapshot)
        return upgrade_fail(e, E_OTHER_RUN, "an upgrade of %s to %d is under way (snapshot %s)",
                            u->request.cluster, other, u->world.snapshot->identifier);
    if (u->world.green && !u->world.deployment)
        return upgrade_fail(e, E_OTHER_RUN, "an upgrade of %s to %d is under way (clone %s)",
                            u->request.cluster, other, u->world.green->identifier);
    if (u->world.is_ours)
        return upgrade_fail(e, E_OTHER_RUN, "an upgrade of %s to %d is under way (deployment %s)",
                            u->request.cluster, other, u->world.deployment->name);
    return upgrade_fail(e, E_DEPLOYMENT_FOREIGN, "deployment %s of %s goes to %d, not %d",
                        u->world.deployment->name, u->request.cluster, other, u->request.target.major);
}

bool deployment_done(struct upgrade *u, bool *ret, struct err *e)
{
    if (!world_need(u, e))
        return false;
    *ret = u->world.deployment != NULL;
    return !*ret || same_run(u, e);
}

bool deployment_run(struct upgrade *u, struct err *e)
{
    const struct rds_bluegreen *made = NULL;
    if (!resolve_version(u, e))
        return false;
    const struct rds_bluegreen_spec spec = {
        .name = deployment_name(u, u->look),
        .source_arn = u->world.production->arn,
        .target_version = u->resolved_version,
        .cluster_group = target_group(u, u->look, true),
        .instance_group = target_group(u, u->look, false),
        .instance_class = u->request.instance_class,
        .tags = run_tags(u, u->look),
    };
    if (rds_bluegreen_create(&u->aws, &spec, &made, e))
        return true;
    if (strcmp(e->remote_code, "BlueGreenDeploymentAlreadyExistsFault") != 0)
        return err_wrap(e, "make deployment %s", spec.name);
    /* Either our own call, whose reply was lost, or somebody else's deployment of another cluster. */
    const char *name = arena_strdup(u->arena, spec.name);
    if (!world_need(u, e))
        return false;
    if (u->world.is_deleting)
        return err_set(e, ERR_CONFLICT, "AWS is still deleting an earlier deployment of %s",
                       u->request.cluster);
    return u->world.deployment != NULL ||
           upgrade_fail(e, E_NAME_TAKEN, "a deployment named %s exists for another cluster", name);
}

bool green_exists(struct upgrade *u, bool *ret, struct err *e)
{
    if (!world_need(u, e))
        return false;
    if (!u->world.deployment)
        return upgrade_fail(e, E_DEPLOYMENT_GONE, "the deployment of %s has disappeared", u->request.cluster);
    *ret = u->world.green != NULL || strcmp(u->world.deployment->status, "INVALID_CONFIGURATION") == 0;
    return true;
}

bool green_capacity_done(struct upgrade *u, bool *ret, struct err *e)
{
    if (!world_need(u, e))
        return false;
    const struct rds_cluster *g = u->world.green;
    *ret = !g || !g->serverless_v2 || g->min_capacity >= build_capacity(u) ||
           u->world.reached >= STAGE_VALIDATED;
    return true;
}

static bool green_needed(struct upgrade *u, struct err *e)
{
    if (!world_need(u, e))
        return false;
    return u->world.green ||
           upgrade_fail(e, E_DEPLOYMENT_GONE, "the green side of %s has disappeared", u->request.cluster);
}

/* While green is being created AWS refuses changes: tried again until it takes this one. */
bool green_capacity_run(struct upgrade *u, struct err *e)
{
    for (int i = 0; i < CAPACITY_TRIES; i++) {
        if (set_min_capacity(u, u->world.green, build_capacity(u), e))
            return true;
        if (e->code != ERR_CONFLICT)
            return err_wrap(e, "set the capacity green builds with");
        if (u->clock->wait(u->clock, u->stop, CAPACITY_PAUSE_MS))
            return err_set(e, ERR_CANCELLED, "interrupted while green does not take changes yet");
        struct err refused = *e;
        if (!green_needed(u, e))
            return false;
        *e = refused;
    }
    return err_wrap(e, "set the capacity green builds with");
}

/* Of its own group or of the cluster's. */
static bool instance_has_group_status(const struct upgrade *u, size_t i, const char *status)
{
    const struct rds_instance *in = u->world.green_instances[i];
    const struct rds_cluster *g = u->world.green;
    bool has = strcmp(in->parameter_apply_status, status) == 0;
    for (size_t m = 0; m < g->member_count; m++)
        if (strcmp(g->members[m].identifier, in->identifier) == 0)
            has = has || strcmp(g->members[m].parameter_group_status, status) == 0;
    return has;
}

static bool waits_for_reboot(const struct upgrade *u, size_t i)
{
    return instance_has_group_status(u, i, "pending-reboot") &&
           strcmp(u->world.green_instances[i]->status, "rebooting") != 0;
}

static bool members_ready(const struct upgrade *u)
{
    const struct rds_bluegreen *d = u->world.deployment;
    const char *busy = NULL;
    for (size_t i = 0; d && i < d->task_count; i++)
        if (strcmp(d->tasks[i].status, "COMPLETED") != 0)
            return false;
    for (size_t i = 0; d && i < d->member_count; i++)
        if (strcmp(d->members[i].status, "AVAILABLE") != 0 || d->members[i].target[0] == '\0')
            return false;
    for (size_t i = 0; i < u->world.green_instance_count; i++)
        if (instance_has_group_status(u, i, "applying"))
            return false;
    return u->world.green && is_available(u->world.green->status) && u->world.green_instance_count > 0 &&
           instances_available(u->world.green_instances, u->world.green_instance_count, &busy);
}

bool deployment_available(struct upgrade *u, bool *ret, struct err *e)
{
    if (!world_need(u, e))
        return false;
    const struct rds_bluegreen *d = u->world.deployment;
    if (!d)
        return upgrade_fail(e, E_DEPLOYMENT_GONE, "the deployment of %s has disappeared", u->request.cluster);
    if (strcmp(d->status, "INVALID_CONFIGURATION") == 0) {
        (void)upgrade_fail(e, E_DEPLOYMENT_FAILED, "deployment %s is INVALID_CONFIGURATION", d->name);
        return err_said(e, "%s%s%s", d->status_details, d->status_details[0] ? " / " : "", events_text(u));
    }
    if (!same_run(u, e))
        return false;
    if (strcmp(d->status, "SWITCHOVER_FAILED") == 0) {
        (void)upgrade_fail(e, E_DEPLOYMENT_FAILED, "an earlier switchover of deployment %s has failed",
                           d->name);
        return err_said(e, "%s%s%s", d->status_details, d->status_details[0] ? " / " : "", events_text(u));
    }
    if (strncmp(d->status, "SWITCHOVER_", 11) == 0)
        return upgrade_fail(e, E_WORLD_CHANGED,
                            "deployment %s has status %s: somebody else is switching it over", d->name,
                            d->status);
    bool steady = strcmp(d->status, "AVAILABLE") == 0 && members_ready(u);
    u->steady_readings = steady ? u->steady_readings + 1 : 0;
    *ret = u->steady_readings >= STEADY_READINGS;
    if (*ret)
        u->steady_readings = 0; /* another row takes readings of its own */
    return true;
}

/* ---- green takes its groups over ---- */

bool green_reboot_done(struct upgrade *u, bool *ret, struct err *e)
{
    if (!green_needed(u, e))
        return false;
    bool waiting = false;
    for (size_t i = 0; i < u->world.green_instance_count; i++)
        waiting = waiting || waits_for_reboot(u, i);
    *ret = !waiting;
    return true;
}

bool green_reboot_run(struct upgrade *u, struct err *e)
{
    for (size_t i = 0; i < u->world.green_instance_count; i++)
        if (waits_for_reboot(u, i) &&
            !rds_instance_reboot(&u->aws, u->world.green_instances[i]->identifier, e))
            return err_wrap(e, "reboot %s", u->world.green_instances[i]->identifier);
    return true;
}

bool green_in_sync(struct upgrade *u, bool *ret, struct err *e)
{
    if (!green_needed(u, e))
        return false;
    bool in_sync = members_ready(u);
    for (size_t i = 0; i < u->world.green_instance_count; i++)
        in_sync = in_sync && !instance_has_group_status(u, i, "pending-reboot");
    *ret = in_sync;
    return true;
}
