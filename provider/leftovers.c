#include "provider/leftovers.h"
#include "provider/upgrade_status.h"

#include "internal/upgrade/blue_green.h"
#include "internal/upgrade/errors.h"
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
    return w->production && l->reached < STAGE_SWITCHED && !is_switching(w) && (!w->deployment || w->is_ours);
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
        (void)add(l, FATE_KEEP, "old side", k->identifier, k->status,
                  "kept until stage = \"completed\"; AWS cannot switch back, but it has the data of before");
    return true;
}

/* ---- clusters that look like somebody's ---- */

/* "-green-abc123" or "-old1", as AWS names them. */
static bool is_side_suffix(const char *s)
{
    if (strncmp(s, "-green-", 7) == 0) {
        size_t n = strspn(s + 7, "abcdefghijklmnopqrstuvwxyz0123456789");
        return n == GREEN_SUFFIX && !s[7 + n];
    }
    return strncmp(s, "-old", 4) == 0 && s[4] && !s[4 + strspn(s + 4, "0123456789")];
}

static bool is_known(const struct leftovers *l, const struct rds_cluster *k)
{
    const struct world *w = &l->o->upgrade.world;
    return (w->green && strcmp(w->green->resource_id, k->resource_id) == 0) ||
           (w->old && strcmp(w->old->resource_id, k->resource_id) == 0);
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

static const char *user_of(const struct leftovers *l, bool is_cluster, const char *group)
{
    const struct world *w = &l->o->upgrade.world;
    const struct rds_cluster *const clusters[] = {w->production, w->old};
    for (size_t i = 0; is_cluster && i < ARRAY_LEN(clusters); i++)
        if (clusters[i] && strcasecmp(clusters[i]->parameter_group, group) == 0)
            return clusters[i]->identifier;
    for (size_t i = 0; !is_cluster && i < w->instance_count; i++)
        if (strcasecmp(w->instances[i]->parameter_group, group) == 0)
            return w->instances[i]->identifier;
    return NULL;
}

static bool used_by_old(struct leftovers *l, const char *group, bool *ret, struct err *e)
{
    const struct rds_instance *const *list = NULL;
    size_t n = 0;
    struct upgrade *u = &l->o->upgrade;
    *ret = false;
    if (u->world.old && !rds_instance_list(&u->aws, u->world.old->identifier, &list, &n, e))
        return err_wrap(e, "read the instances of %s", u->world.old->identifier);
    for (size_t i = 0; i < n; i++)
        *ret = *ret || strcasecmp(list[i]->parameter_group, group) == 0;
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
    bool by_old = false;
    if (user_of(l, is_cluster, name))
        return true;
    if (!is_cluster && !used_by_old(l, name, &by_old, e))
        return false;
    if (by_old) {
        (void)add(l, FATE_KEEP, kind, name, "", "the old side uses it");
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
        bool ours = false;
        int target = 0;
        if (!group_is_ours(u, is_cluster, list[i].name, &ours, &target, e) ||
            (ours && !judge_group(l, is_cluster, list[i].name, target, e)))
            return false;
    }
    return true;
}

static bool find_groups(struct leftovers *l, struct err *e)
{
    return find_groups_of(l, true, e) && find_groups_of(l, false, e);
}

/* ---- snapshots ---- */

static bool find_snapshots(struct leftovers *l, struct err *e)
{
    struct upgrade *u = &l->o->upgrade;
    const struct rds_snapshot *list = NULL;
    size_t n = 0;
    const char *prefix = arena_printf(u->look, "%s-old", u->request.cluster);
    if (!rds_snapshot_list(&u->aws, prefix, &list, &n, e))
        return err_wrap(e, "list snapshots");
    for (size_t i = 0; i < n; i++)
        if (strstr(list[i].identifier, "-final-"))
            (void)add(l, FATE_KEEP, "snapshot", list[i].identifier, list[i].status,
                      "the last of an old side; yours to delete when nobody needs it");
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
        find_deployment, find_old_side, find_sides, find_groups, find_snapshots, find_changes};
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
