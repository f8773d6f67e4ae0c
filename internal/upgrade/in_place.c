/* The run of an upgrade in place: found by its snapshot's tags, and ended by them. */
#include "internal/upgrade/in_place.h"
#include "internal/pg/catalog.h"
#include "internal/upgrade/deployments.h"
#include "internal/upgrade/errors.h"
#include "internal/upgrade/rehearsal.h"
#include "internal/upgrade/roll_back.h"
#include "internal/upgrade/tags.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

static const int64_t snapshot_age_max_ms = 60LL * 60 * 1000;

/* ---- the look ---- */

static bool is_tag(const struct rds_snapshot *p, const char *key, const char *value)
{
    const char *found = rds_tag_value(&p->tags, key);
    return found && strcasecmp(found, value) == 0;
}

static bool is_of_run(const struct upgrade *u, const struct rds_snapshot *p)
{
    return is_tag(p, TAG_CLUSTER, u->request.cluster) && is_tag(p, TAG_RESOURCE, TAG_RESOURCE_IN_PLACE) &&
           is_tag(p, TAG_SNAPSHOT, p->identifier) && !rds_tag_value(&p->tags, TAG_COMPLETED_AT) &&
           strcmp(p->status, "deleting") != 0;
}

static struct version version_at(const struct rds_snapshot *p, const char *key)
{
    struct version v = {0};
    const char *text = rds_tag_value(&p->tags, key);
    return text && version_parse(text, &v) ? v : (struct version){0};
}

/* One that is being made has no time yet. */
static bool is_newer(const struct rds_snapshot *p, const struct rds_snapshot *than)
{
    return !than || p->create_time[0] == '\0' ||
           (than->create_time[0] != '\0' && strcmp(p->create_time, than->create_time) > 0);
}

/* Upgraded again since, by other means: no more what production comes from. */
static bool is_outlived(const struct world *w, const struct rds_snapshot *p)
{
    return w->production && w->version.major > version_at(p, TAG_TARGET_VERSION).major;
}

static enum flow_stage reached(const struct upgrade *u, const struct world *w)
{
    if (!w->production)
        return STAGE_NONE;
    if (w->restored)
        return STAGE_SWITCHED; /* a roll-back from there is not over */
    bool works = strcmp(w->production->status, "upgrading") == 0;
    if (w->snapshot && (upgrade_waits(w) || (rds_tag_value(w->facts, TAG_SCHEDULED_AT) && works)))
        return STAGE_VALIDATED;
    if (w->snapshot)
        return w->version.major == w->run_target.major && !works ? STAGE_SWITCHED : STAGE_NONE;
    return w->version.major >= u->request.target.major && !works ? STAGE_COMPLETED : STAGE_NONE;
}

static bool look_in_place(struct upgrade *u, struct world *w, struct err *e)
{
    const struct rds_snapshot *list = NULL;
    size_t n = 0;
    if (!roll_back_look(u, w, e) || !rehearsal_look(u, w, e))
        return false;
    if (!rds_snapshot_list_of(&u->aws, u->request.cluster, &list, &n, e))
        return err_wrap(e, "look for the snapshot of an upgrade of %s", u->request.cluster);
    for (size_t i = 0; i < n; i++) {
        if (!is_of_run(u, &list[i]) || is_outlived(w, &list[i]))
            continue;
        w->snapshot_count++;
        if (is_newer(&list[i], w->snapshot))
            w->snapshot = &list[i];
    }
    w->is_ours = w->snapshot != NULL;
    if (w->snapshot) {
        w->facts = &w->snapshot->tags;
        w->run_target = version_at(w->snapshot, TAG_TARGET_VERSION);
    }
    w->reached = reached(u, w);
    return true;
}

const struct strategy strategy_in_place = {.resource = TAG_RESOURCE_IN_PLACE,
                                           .look = look_in_place,
                                           .purpose = PG_FOR_IN_PLACE,
                                           .no_way_back = E_SNAPSHOT_ONLY,
                                           .managed_secret = true,
                                           .keeps_default = true,
                                           .new_side = "the new version",
                                           .hook_places = hooks_of_snapshot};

/* ---- check-source ---- */

struct blocker {
    const char *cluster;
    char name[128];
};

static void note_blocker(void *arg, const struct deployment_row *d)
{
    struct blocker *b = arg;
    if (is_arn_of(d->source, b->cluster) || is_arn_of(d->target, b->cluster))
        (void)snprintf(b->name, sizeof b->name, "%s", d->identifier);
}

/* Both sides of a deployment stay on their majors until it is gone. */
static bool no_deployment(struct upgrade *u, struct err *e)
{
    struct blocker b = {.cluster = u->request.cluster};
    if (!deployments_each(&u->aws, note_blocker, &b, e))
        return err_wrap(e, "look for a blue/green deployment of %s", u->request.cluster);
    return b.name[0] == '\0' ||
           upgrade_fail(e, E_OTHER_RUN, "blue/green deployment %s of %s exists", b.name, u->request.cluster);
}

static bool is_no_clone(const struct upgrade *u, struct err *e)
{
    const char *of = rds_tag_value(&u->world.production->tags, TAG_REHEARSAL_OF);
    return !of || upgrade_fail(e, E_SOURCE_UNSUPPORTED, "cluster %s is a clone, made to rehearse an upgrade",
                               u->request.cluster);
}

bool in_place_source_check(struct upgrade *u, bool *ret, struct err *e)
{
    bool passes = false;
    if (!source_check(u, &passes, e) || !same_run(u, e) || !no_deployment(u, e) || !is_no_clone(u, e))
        return false;
    *ret = passes;
    return true;
}

/* ---- the snapshot ---- */

/* The time makes it another one than that of an earlier run, which may still be wanted. */
const char *run_snapshot_name(const struct upgrade *u, struct arena *a)
{
    char iso[TIME_ISO_SIZE], digits[16];
    size_t n = 0;
    time_iso(u->clock->wall_ms(u->clock), false, iso);
    for (const char *p = iso; *p && n < 14; p++)
        if (*p >= '0' && *p <= '9')
            digits[n++] = *p;
    digits[n] = '\0';
    return arena_printf(a, "%s-upgrade-%d-to-%d-%s", u->request.cluster, u->source_major,
                        u->request.target.major, digits);
}

static bool is_fresh(const struct upgrade *u, const struct rds_snapshot *p)
{
    int64_t made = 0;
    if (strcmp(p->status, "available") != 0 || !time_parse_iso(p->create_time, &made))
        return strcmp(p->status, "failed") != 0;
    return u->clock->wall_ms(u->clock) - made <= snapshot_age_max_ms;
}

/* Of the version that production has now, and going where this run goes. */
static bool is_usable(struct upgrade *u, const struct rds_snapshot *p)
{
    const struct rds_cluster *k = u->world.production;
    bool named = !u->request.snapshot || strcasecmp(p->identifier, u->request.snapshot) == 0;
    return strcmp(p->engine_version, k->engine_version) == 0 && named && is_fresh(u, p) &&
           (!is_available(p->status) || !upgrade_refusal(u, p->create_time));
}

bool snapshot_taken(struct upgrade *u, bool *ret, struct err *e)
{
    if (!world_need(u, e) || !same_run(u, e))
        return false;
    *ret = u->world.snapshot_count == 1 && is_usable(u, u->world.snapshot);
    return true;
}

/* Deletes those of this run but `keep` (NULL: all). A call of a process that died may have been carried out
 * after all, so that there are two. */
static bool remove_but(struct upgrade *u, const char *keep, struct err *e)
{
    const struct rds_snapshot *list = NULL;
    size_t n = 0;
    if (!rds_snapshot_list_of(&u->aws, u->request.cluster, &list, &n, e))
        return err_wrap(e, "look for snapshots of an upgrade of %s", u->request.cluster);
    for (size_t i = 0; i < n; i++) {
        const struct rds_snapshot *p = &list[i];
        if (!is_of_run(u, p) || is_outlived(&u->world, p) || (keep && strcmp(p->identifier, keep) == 0))
            continue;
        if (strcmp(p->status, "creating") == 0)
            return err_set(e, ERR_CONFLICT, "snapshot %s is still being made", p->identifier);
        if (!rds_snapshot_delete(&u->aws, p->identifier, e))
            return err_wrap(e, "delete snapshot %s", p->identifier);
    }
    return true;
}

/* The user's name must be free: what bears it was not made by this run, or is just being deleted. */
static bool is_free(struct upgrade *u, const char *name, struct err *e)
{
    const struct rds_snapshot *p = NULL;
    if (!rds_snapshot_find(&u->aws, name, &p, e))
        return err_wrap(e, "look for snapshot %s", name);
    if (!p)
        return true;
    if (is_tag(p, TAG_CLUSTER, u->request.cluster) && !rds_tag_value(&p->tags, TAG_COMPLETED_AT))
        return err_set(e, ERR_CONFLICT, "snapshot %s is being replaced", name);
    return upgrade_fail(e, E_SNAPSHOT_FOREIGN, "snapshot %s exists and was not made by this run", name);
}

bool snapshot_take(struct upgrade *u, struct err *e)
{
    const struct rds_snapshot *present = u->world.snapshot;
    const char *name = u->request.snapshot ? u->request.snapshot : run_snapshot_name(u, u->look);
    if (present && is_usable(u, present))
        return remove_but(u, present->identifier, e);
    if (!resolve_version(u, e) || !remove_but(u, NULL, e) || !is_free(u, name, e))
        return false;
    struct rds_tags run = run_tags(u, u->look), facts = roll_back_facts(u, u->look);
    size_t n = run.count;
    const struct rds_tag hooks = hooks_note(u, HOOK_BEFORE_SWITCH, u->look);
    struct rds_tag *tags = ARENA_ARRAY(u->look, struct rds_tag, n + facts.count + 2);
    memcpy(tags, run.tags, n * sizeof *tags);
    tags[n++] = (struct rds_tag){TAG_SNAPSHOT, name};
    if (*hooks.value)
        tags[n++] = hooks;
    memcpy(tags + n, facts.tags, facts.count * sizeof *tags);
    return rds_snapshot_create(&u->aws, name, u->request.cluster, (struct rds_tags){tags, n + facts.count},
                               e) ||
           err_wrap(e, "make snapshot %s", name);
}

bool snapshot_ready(struct upgrade *u, bool *ret, struct err *e)
{
    if (!world_need(u, e))
        return false;
    const struct rds_snapshot *p = u->world.snapshot;
    if (!p || strcmp(p->status, "failed") == 0)
        return upgrade_fail(e, E_SNAPSHOT_FAILED, "the snapshot of %s %s", u->request.cluster,
                            p ? "failed" : "has disappeared");
    *ret = is_available(p->status);
    return true;
}

bool snapshots_removed(struct upgrade *u, bool *ret, struct err *e)
{
    if (!world_look(u, e))
        return false;
    *ret = u->world.snapshot == NULL;
    return true;
}

bool snapshots_remove(struct upgrade *u, struct err *e)
{
    return remove_but(u, NULL, e);
}

/* ---- what is written down on it ---- */

static bool note_time(struct upgrade *u, const char *key, struct err *e)
{
    char now[TIME_ISO_SIZE];
    time_iso(u->clock->wall_ms(u->clock), false, now);
    const struct rds_tag tag = {key, now};
    const struct rds_snapshot *p = u->world.snapshot;
    return rds_tag_add(&u->aws, p->arn, (struct rds_tags){&tag, 1}, e) ||
           err_wrap(e, "tag snapshot %s", p->identifier);
}

bool upgrade_noted(struct upgrade *u, bool *ret, struct err *e)
{
    if (!world_need(u, e))
        return false;
    *ret = !u->world.snapshot || rds_tag_value(u->world.facts, TAG_SWITCHED_AT);
    return true;
}

bool upgrade_note(struct upgrade *u, struct err *e)
{
    return note_time(u, TAG_SWITCHED_AT, e);
}

bool run_closed(struct upgrade *u, bool *ret, struct err *e)
{
    return snapshots_removed(u, ret, e); /* one that is closed is not of a run any more */
}

bool run_close(struct upgrade *u, struct err *e)
{
    return rehearsal_forget(u, e) && remove_but(u, u->world.snapshot->identifier, e) &&
           note_time(u, TAG_COMPLETED_AT, e);
}
