#include "provider/leftovers.h"
#include "provider/upgrade_status.h"

#include "internal/upgrade/blue_green.h"
#include "internal/upgrade/errors.h"
#include "internal/upgrade/in_place.h"
#include "internal/upgrade/logical.h"
#include "internal/upgrade/rehearsal.h"
#include "internal/upgrade/roll_back.h"
#include "internal/upgrade/tags.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

enum { GREEN_SUFFIX = 6 };

const char *fate_name(enum fate f)
{
    static const char *const names[] = {"remove", "keep", "decide"};
    return names[f];
}

static struct leftover *add(struct leftovers *l, enum fate fate, const char *kind, const char *name,
                            const char *status, const char *reason)
{
    struct leftover item = {.kind = kind,
                            .name = arena_strdup(l->arena, name),
                            .status = arena_strdup(l->arena, status),
                            .reason = reason,
                            .fate = fate};
    ARR_PUSH(l->arena, l->items, l->count, l->cap, item);
    return &l->items[l->count - 1];
}

static void add_major(struct leftovers *l, int major)
{
    for (size_t i = 0; i < l->major_count; i++)
        if (l->majors[i] == major)
            return;
    ARR_PUSH(l->arena, l->majors, l->major_count, l->major_cap, major);
}

/* ---- the deployment and its new side ---- */

static bool is_switching(const struct world *w)
{
    return w->deployment && strcmp(w->deployment->status, "SWITCHOVER_IN_PROGRESS") == 0;
}

/* Everything before the switch may be taken back, if the deployment is ours or not there. */
static bool may_go_back(const struct leftovers *l)
{
    const struct world *w = &l->o->upgrade.world;
    bool switched = l->reached == STAGE_SWITCHED || l->reached == STAGE_COMPLETED;
    bool works = w->production && strcmp(w->production->status, "upgrading") == 0;
    return w->production && !switched && !works && !w->restored && !is_switching(w) && !upgrade_waits(w) &&
           (!w->deployment || w->is_ours);
}

static bool find_deployment(struct leftovers *l, struct err *e)
{
    const struct world *w = &l->o->upgrade.world;
    const struct rds_bluegreen *d = w->deployment;
    (void)e;
    if (w->is_deleting)
        (void)add(l, FATE_KEEP, "deployment", l->o->upgrade.request.cluster, "DELETING",
                  "AWS is deleting it");
    if (!d)
        return true;
    if (may_go_back(l)) {
        (void)add(l, FATE_REMOVE, "deployment", d->name, d->status, "production is not switched");
        add_major(l, l->o->upgrade.request.target.major);
        if (w->green)
            (void)add(l, FATE_REMOVE, "green cluster", w->green->identifier, w->green->status,
                      "goes with its deployment");
        return true;
    }
    const char *reason = is_switching(w) ? "AWS is switching over"
                         : l->reached >= STAGE_SWITCHED
                             ? "production is switched; stage = \"completed\" removes it"
                             : "made elsewhere: delete it in AWS if nobody needs it";
    (void)add(l, FATE_KEEP, "deployment", d->name, d->status, reason);
    return true;
}

static bool find_old_side(struct leftovers *l, struct err *e)
{
    const struct rds_cluster *k = l->o->upgrade.world.old;
    (void)e;
    if (k)
        (void)add(
            l, FATE_KEEP, "old side", k->identifier, k->status,
            l->o->kind == &kind_logical
                ? "kept until stage = \"completed\""
                : "kept until stage = \"completed\"; AWS cannot switch back, but it has the data of before");
    return true;
}

/* ---- the clone of a rehearsal ---- */

static bool find_rehearsal(struct leftovers *l, struct err *e)
{
    struct upgrade *u = &l->o->upgrade;
    if (!rehearsal_look(u, &u->world, e))
        return false;
    l->has_rehearsal = u->world.rehearsal != NULL;
    if (l->has_rehearsal)
        (void)add(l, FATE_REMOVE, "clone", u->world.rehearsal->identifier, u->world.rehearsal->status,
                  "made to rehearse an upgrade");
    return true;
}

/* ---- a logical upgrade ---- */

static void note_logical(void *arg, const char *kind, const char *name)
{
    struct leftovers *l = arg;
    const struct world *w = &l->o->upgrade.world;
    if (w->old || w->names_move) {
        (void)add(l, FATE_KEEP, kind, name, "", "of the way back from a logical upgrade");
        return;
    }
    (void)add(l, FATE_REMOVE, kind, name, "", "of a logical upgrade; production is not switched");
    l->has_logical = true;
}

/* In the databases it may be there without a clone: made before it, or behind its removal. */
static bool find_logical(struct leftovers *l, struct err *e)
{
    struct upgrade *u = &l->o->upgrade;
    const struct rds_cluster *k = l->o->kind == &kind_logical ? u->world.green : NULL;
    if (k && u->world.names_move)
        (void)add(l, FATE_KEEP, "cluster", k->identifier, k->status, "names move to it at this moment");
    else if (k) {
        (void)add(l, FATE_REMOVE, "clone", k->identifier, k->status,
                  "follows production; nobody was switched to it");
        l->has_logical = true;
    }
    if (!u->world.production || !u->has_login)
        return true;
    return logical_found(u, note_logical, l, e) ||
           err_wrap(e, "look into the databases of %s", u->request.cluster);
}

/* ---- clusters that look like somebody's ---- */

/* "-green-abc123" or "-old1", as AWS names them, and as a roll-back in place does. */
static bool is_side_suffix(const char *s)
{
    if (strcmp(s, "-next") == 0 || strcmp(s, "-restored") == 0 || strcmp(s, "-upgraded") == 0)
        return true;
    if (strncmp(s, "-green-", 7) == 0) {
        size_t n = strspn(s + 7, "abcdefghijklmnopqrstuvwxyz0123456789");
        return n == GREEN_SUFFIX && !s[7 + n];
    }
    return strncmp(s, "-old", 4) == 0 && s[4] && !s[4 + strspn(s + 4, "0123456789")];
}

static bool is_known(const struct leftovers *l, const struct rds_cluster *k)
{
    const struct world *w = &l->o->upgrade.world;
    const struct rds_cluster *const known[] = {w->production, w->green, w->old,
                                               w->restored,   w->aside, w->stray};
    for (size_t i = 0; i < ARRAY_LEN(known); i++)
        if (known[i] && strcmp(known[i]->resource_id, k->resource_id) == 0)
            return true;
    return false;
}

static void note_side(void *arg, const struct rds_cluster *k)
{
    struct leftovers *l = arg;
    const char *cluster = l->o->upgrade.request.cluster;
    size_t n = strlen(cluster);
    if (strncasecmp(k->identifier, cluster, n) != 0 || !is_side_suffix(k->identifier + n) || is_known(l, k))
        return;
    (void)add(l, FATE_DECIDE, "cluster", k->identifier, k->status,
              "named like a side of an upgrade, but no deployment and no tag tell whose it is");
}

static bool find_sides(struct leftovers *l, struct err *e)
{
    return rds_cluster_each(&l->o->upgrade.aws, note_side, l, e) || err_wrap(e, "look at all clusters");
}

/* ---- what was changed on production ---- */

static bool find_changes(struct leftovers *l, struct err *e)
{
    struct upgrade *u = &l->o->upgrade;
    bool restored = true;
    double noted = -1;
    if (!may_go_back(l))
        return true;
    if (!source_parameters_restored(u, &restored, e))
        return err_wrap(e, "whose parameter group production has");
    if (!restored) {
        (void)add(l, FATE_REMOVE, "attached parameter group", u->world.production->parameter_group, "",
                  "production gets its own group back");
        add_major(l, u->request.target.major);
    }
    if (!noted_source_capacity(u, &noted, e))
        return err_wrap(e, "what production's minimum capacity was");
    if (noted >= 0 && u->world.production->min_capacity > noted) {
        (void)add(l, FATE_REMOVE, "raised capacity", u->request.cluster, "",
                  "production gets its own minimum capacity back");
        add_major(l, u->request.target.major);
    }
    return true;
}

/* ---- parameter groups ---- */

static bool uses(struct upgrade *u, const struct rds_cluster *k, bool is_cluster, const char *group,
                 bool *ret, struct err *e)
{
    const struct rds_instance *const *list = NULL;
    size_t n = 0;
    *ret = is_cluster && k && strcasecmp(k->parameter_group, group) == 0;
    if (!is_cluster && k && !rds_instance_list(&u->aws, k->identifier, &list, &n, e))
        return err_wrap(e, "read the instances of %s", k->identifier);
    for (size_t i = 0; i < n; i++)
        *ret = *ret || strcasecmp(list[i]->parameter_group, group) == 0;
    return true;
}

/* Production before an upgrade in place had it: without it the snapshot is not restored. */
static bool is_noted(const struct world *w, bool is_cluster, const char *group)
{
    const char *key = is_cluster ? TAG_CLUSTER_GROUP : TAG_INSTANCE_GROUP;
    for (size_t i = 0; w->snapshot && i < w->snapshot->tags.count; i++)
        if (strncmp(w->snapshot->tags.tags[i].key, key, strlen(key)) == 0 &&
            strcasecmp(w->snapshot->tags.tags[i].value, group) == 0)
            return true;
    return false;
}

/* Why it stays: "" where that need not be told, NULL where nothing speaks for it. */
static bool stays_for(struct leftovers *l, bool is_cluster, const char *group, const char **ret,
                      struct err *e)
{
    struct upgrade *u = &l->o->upgrade;
    const struct world *w = &u->world;
    const struct {
        const struct rds_cluster *cluster;
        const char *reason;
    } rows[] = {{w->production, ""},
                {w->old, is_cluster ? "" : "the old side uses it"},
                {w->aside, "what the roll-back put aside uses it"},
                {w->restored, "what the snapshot is restored as uses it"}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        bool used = false;
        if (!uses(u, rows[i].cluster, is_cluster, group, &used, e))
            return false;
        if (used) {
            *ret = rows[i].reason;
            return true;
        }
    }
    *ret = upgrade_waits(w)                 ? "the upgrade that waits for the maintenance window may need it"
           : is_noted(w, is_cluster, group) ? "a roll-back to the snapshot needs it"
                                            : NULL;
    return true;
}

static bool used_by_green(const struct world *w, bool is_cluster, const char *group)
{
    if (is_cluster)
        return w->green && strcasecmp(w->green->parameter_group, group) == 0;
    for (size_t i = 0; i < w->green_instance_count; i++)
        if (strcasecmp(w->green_instances[i]->parameter_group, group) == 0)
            return true;
    return false;
}

/* One of ours: whose it is now decides. Production's own, from a finished upgrade, is no leftover. */
static bool judge_group(struct leftovers *l, bool is_cluster, const char *name, int target, struct err *e)
{
    const struct world *w = &l->o->upgrade.world;
    const char *kind = is_cluster ? "cluster parameter group" : "instance parameter group";
    const char *reason = NULL;
    if (!stays_for(l, is_cluster, name, &reason, e))
        return false;
    if (reason) {
        if (*reason)
            (void)add(l, FATE_KEEP, kind, name, "", reason);
        return true;
    }
    bool by_green = used_by_green(w, is_cluster, name);
    if (by_green && !may_go_back(l)) {
        (void)add(l, FATE_KEEP, kind, name, "", "the new side uses it");
        return true;
    }
    struct leftover *item = add(l, FATE_REMOVE, kind, name, "",
                                by_green ? "made for the new side, which goes" : "nobody uses it");
    item->by_itself = !by_green;
    item->is_cluster_group = is_cluster;
    if (may_go_back(l) && target > w->version.major)
        add_major(l, target);
    return true;
}

static bool find_groups_of(struct leftovers *l, bool is_cluster, struct err *e)
{
    struct upgrade *u = &l->o->upgrade;
    const struct rds_group *list = NULL;
    size_t n = 0;
    const char *prefix = arena_printf(u->look, "%s-upgrade-", u->request.cluster);
    if (!rds_group_list(&u->aws, is_cluster, prefix, &list, &n, e))
        return err_wrap(e, "list parameter groups");
    for (size_t i = 0; i < n; i++) {
        struct group_owner owner = {0};
        if (!group_owner(u, is_cluster, list[i].name, &owner, e) ||
            (owner.is_ours && !judge_group(l, is_cluster, list[i].name, owner.target, e)))
            return false;
    }
    return true;
}

static bool find_groups(struct leftovers *l, struct err *e)
{
    return find_groups_of(l, true, e) && find_groups_of(l, false, e);
}

/* ---- snapshots ---- */

static const char *const of_aside =
    "the last of what a roll-back put aside; yours to delete when nobody needs it";

static bool final_snapshots(struct leftovers *l, const char *prefix, const char *reason, struct err *e)
{
    struct upgrade *u = &l->o->upgrade;
    const struct rds_snapshot *list = NULL;
    size_t n = 0;
    if (!rds_snapshot_list(&u->aws, prefix, &list, &n, e))
        return err_wrap(e, "list snapshots");
    for (size_t i = 0; i < n; i++)
        if (strstr(list[i].identifier, "-final-"))
            (void)add(l, FATE_KEEP, "snapshot", list[i].identifier, list[i].status, reason);
    return true;
}

/* In place: of this run, or of one that is over. A copy of it, under another name, is none of ours. */
static bool is_run_snapshot(const struct leftovers *l, const struct rds_snapshot *p)
{
    const char *of = rds_tag_value(&p->tags, TAG_CLUSTER), *resource = rds_tag_value(&p->tags, TAG_RESOURCE),
               *name = rds_tag_value(&p->tags, TAG_SNAPSHOT);
    return of && strcasecmp(of, l->o->upgrade.request.cluster) == 0 && resource &&
           strcmp(resource, TAG_RESOURCE_IN_PLACE) == 0 && name && strcasecmp(name, p->identifier) == 0;
}

static void judge_snapshot(struct leftovers *l, const struct rds_snapshot *p)
{
    const struct world *w = &l->o->upgrade.world;
    bool of_run = w->snapshot && !rds_tag_value(&p->tags, TAG_COMPLETED_AT);
    const char *reason = "of a run that is over; yours to delete when nobody needs it";
    if (!w->production)
        reason = "the cluster is gone: nothing else may hold what it was";
    else if (of_run && may_go_back(l)) {
        (void)add(l, FATE_REMOVE, "snapshot", p->identifier, p->status, "production was not upgraded");
        add_major(l, l->o->upgrade.request.target.major);
        return;
    } else if (of_run && w->reached == STAGE_SWITCHED)
        reason = "production as it was before the upgrade; stage = \"completed\" ends the run";
    else if (of_run && upgrade_waits(w))
        reason = "AWS upgrades production in its maintenance window; stage = \"rolled_back\" takes that back";
    else if (of_run)
        reason = "AWS is upgrading production at this moment";
    (void)add(l, FATE_KEEP, "snapshot", p->identifier, p->status, reason);
}

/* Behind a switch nothing walks by it any more. */
static void judge_seed(struct leftovers *l, const struct rds_snapshot *p)
{
    const struct world *w = &l->o->upgrade.world;
    bool switched = w->old || w->names_move || !w->production;
    (void)add(l, switched ? FATE_KEEP : FATE_REMOVE, "snapshot", p->identifier, p->status,
              switched ? "a clone was restored from it; yours to delete"
                       : "made to restore the clone of a logical upgrade from");
    l->has_logical = l->has_logical || !switched;
}

static bool find_snapshots(struct leftovers *l, struct err *e)
{
    struct upgrade *u = &l->o->upgrade;
    const struct rds_snapshot *list = NULL;
    size_t n = 0;
    if (!rds_snapshot_list_of(&u->aws, u->request.cluster, &list, &n, e))
        return err_wrap(e, "list the snapshots of %s", u->request.cluster);
    for (size_t i = 0; i < n; i++)
        if (is_run_snapshot(l, &list[i]))
            judge_snapshot(l, &list[i]);
        else if (is_seed(u, &list[i]))
            judge_seed(l, &list[i]);
    return final_snapshots(l, arena_printf(u->look, "%s-old", u->request.cluster),
                           "the last of an old side; yours to delete when nobody needs it", e) &&
           final_snapshots(l, aside_name(u->look, u->request.cluster), of_aside, e);
}

/* ---- a roll-back in place ---- */

static bool find_restored(struct leftovers *l, struct err *e)
{
    const struct world *w = &l->o->upgrade.world;
    const struct rds_cluster *r = w->restored;
    (void)e;
    if (!r)
        return true;
    if (restored_is_spare(&l->o->upgrade)) {
        (void)add(
            l, FATE_REMOVE, "restored cluster", r->identifier, r->status,
            "no name was moved, production is untouched and the snapshot is there: the roll-back is given "
            "up; stage = \"rolled_back\" would go on with it");
        l->gives_up = true;
        return true;
    }
    (void)add(l, w->names_move ? FATE_KEEP : FATE_DECIDE, "restored cluster", r->identifier, r->status,
              w->names_move ? "names are in mid-move: apply again with stage = \"rolled_back\", which ends it"
                            : "restored for a roll-back that is not of this run, or whose snapshot is gone: "
                              "nothing else may hold what it does");
    return true;
}

static bool find_stray(struct leftovers *l, struct err *e)
{
    const struct rds_cluster *k = l->o->upgrade.world.stray;
    (void)e;
    if (!k)
        return true;
    l->has_stray = has_stray(&l->o->upgrade);
    (void)add(l, l->has_stray ? FATE_REMOVE : FATE_DECIDE, "restored cluster", k->identifier, k->status,
              l->has_stray
                  ? "restored once more by a call that AWS carried out late; nobody has used it"
                  : "restored once more by a call that AWS carried out late; somebody gave it instances");
    return true;
}

/* What was written between snapshot and roll-back is in it alone. */
static bool find_aside(struct leftovers *l, struct err *e)
{
    struct upgrade *u = &l->o->upgrade;
    const struct rds_cluster *k = u->world.aside;
    const char *cost = "";
    if (!k)
        return true;
    if (!aside_cost(u, l->arena, &cost, e))
        return false;
    (void)add(
        l, FATE_KEEP, "upgraded cluster", k->identifier, k->status,
        arena_printf(l->arena,
                     "put aside %s; it alone holds what was written between the snapshot and the roll-back. "
                     "stage = \"completed\" deletes it, with a final snapshot; %s",
                     age_since(u, l->arena, rds_tag_value(&k->tags, TAG_ROLLED_BACK_AT)), cost));
    return true;
}

/* ---- all of it ---- */

/* An absent cluster may have left groups and snapshots. */
static bool look(struct leftovers *l, struct err *e)
{
    if (status_look(l->o, &l->reached, e))
        return true;
    l->is_absent = e->id && strcmp(e->id, upgrade_errors[E_CLUSTER_ABSENT].id) == 0;
    return l->is_absent;
}

/* Changes come last: they look anew, and what was seen before is gone then. */
bool leftovers_find(struct leftovers *l, struct err *e)
{
    static bool (*const kinds[])(struct leftovers *, struct err *) = {
        find_deployment, find_logical, find_rehearsal, find_old_side,  find_restored, find_stray,
        find_aside,      find_sides,   find_groups,    find_snapshots, find_changes};
    struct err absent = ERR_INIT;
    if (!look(l, &absent)) {
        *e = absent;
        return false;
    }
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
        if (!kinds[i](l, e))
            return false;
    if (l->is_absent && l->count == 0)
        *e = absent;
    return !l->is_absent || l->count > 0;
}
