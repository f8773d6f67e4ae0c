/* Which cluster is which while a logical upgrade moves names, in both directions, and what is written on
 * them. */
#include "internal/upgrade/errors.h"
#include "internal/upgrade/logical_switch.h"
#include "internal/upgrade/roll_back.h"
#include "internal/upgrade/tags.h"

#include <string.h>
#include <strings.h>

#define OURS "aurora-upgrade:" /* what every name in tags.h begins with */

static const struct names_way to_clone = {.arrives = "-next", .leaves = "-old"};
static const struct names_way to_old = {.arrives = "-old", .leaves = "-upgraded"};

/* ---- the look ---- */

static const char *tag(const struct rds_cluster *k, const char *key)
{
    return k ? rds_tag_value(&k->tags, key) : NULL;
}

static bool has_tag(const struct rds_cluster *k, const char *key, const char *value)
{
    const char *found = tag(k, key);
    return found && strcasecmp(found, value) == 0;
}

static bool was_put_aside(const struct upgrade *u, const struct rds_cluster *k)
{
    return k && has_tag(k, TAG_OLD_OF, u->request.cluster) &&
           has_tag(k, TAG_RESOURCE, TAG_RESOURCE_LOGICAL) && tag(k, TAG_REPLACED_BY);
}

/* The one that leaves, once it has lost the name: under its new one, or wherever AWS is with it. */
static bool find_left(struct upgrade *u, const struct world *w, const char *id, const char *suffix,
                      const struct rds_cluster **ret, struct err *e)
{
    const struct rds_cluster *k = NULL;
    if (!id || (w->production && strcmp(w->production->resource_id, id) == 0))
        return true;
    if (!rds_cluster_find(&u->aws, suffixed(u->look, u->request.cluster, suffix), &k, e))
        return false;
    if (!k || strcmp(k->resource_id, id) != 0)
        return rds_cluster_find_by_resource_id(&u->aws, id, ret, e);
    *ret = k;
    return true;
}

/* While nobody bears the name, the one that is to get it stands for production. */
static bool moving(struct upgrade *u, struct world *w, const struct rds_cluster *arriving,
                   const struct names_way *way, struct err *e)
{
    w->restored = arriving;
    w->names_move = w->is_ours = true;
    w->is_switching = way == &to_clone;
    w->way = way;
    w->facts = tag(w->aside, TAG_REPLACED_BY) ? &w->aside->tags : &arriving->tags;
    w->reached = w->is_switching ? STAGE_VALIDATED : STAGE_SWITCHED;
    if (!rds_instance_list(&u->aws, arriving->identifier, &w->restored_instances, &w->restored_instance_count,
                           e))
        return err_wrap(e, "read the instances of %s", arriving->identifier);
    if (!w->production) {
        w->production = arriving;
        w->instances = w->restored_instances;
        w->instance_count = w->restored_instance_count;
        (void)!version_parse(arriving->engine_version, &w->version);
    } else if (strcmp(w->production->resource_id, arriving->resource_id) != 0) {
        w->green = arriving;
        w->green_instances = w->restored_instances;
        w->green_instance_count = w->restored_instance_count;
    }
    return true;
}

static bool announced(struct upgrade *u, struct world *w, const struct rds_cluster *arriving,
                      const struct names_way *way, struct err *e)
{
    return find_left(u, w, tag(arriving, TAG_REPLACES), way->leaves, &w->aside, e) &&
           moving(u, w, arriving, way, e);
}

/* Nothing on the arriving one tells any more: the one put aside does. */
static bool noted(struct upgrade *u, struct world *w, const struct rds_cluster *aside,
                  const struct names_way *way, struct err *e)
{
    const struct rds_cluster *arriving = NULL;
    const char *id = tag(aside, TAG_REPLACED_BY);
    w->aside = aside;
    if (id && !rds_cluster_find_by_resource_id(&u->aws, id, &arriving, e))
        return false;
    return arriving ? moving(u, w, arriving, way, e)
                    : upgrade_fail(e, E_RENAME_STUCK, "the cluster that took over from %s (%s) is gone",
                                   aside->identifier, id ? id : "");
}

static bool look_back(struct upgrade *u, struct world *w, const struct rds_cluster *old, struct err *e)
{
    const struct rds_cluster *up = NULL;
    if (old && tag(old, TAG_NAMES_MOVE) && tag(old, TAG_REPLACES))
        return announced(u, w, old, &to_old, e);
    if (!rds_cluster_find(&u->aws, suffixed(u->look, u->request.cluster, to_old.leaves), &up, e))
        return false;
    if (was_put_aside(u, up) && !tag(up, TAG_ROLLED_BACK_AT))
        return noted(u, w, up, &to_old, e);
    if (was_put_aside(u, up)) {
        w->aside = up;
        w->facts = &up->tags;
        w->is_ours = true;
        return true;
    }
    if (!was_put_aside(u, old))
        return true;
    w->old = old;
    w->facts = &old->tags;
    w->is_ours = true;
    w->reached = STAGE_SWITCHED;
    w->way = &to_old;
    return rds_instance_list(&u->aws, old->identifier, &w->restored_instances, &w->restored_instance_count,
                             e);
}

bool switch_look(struct upgrade *u, struct world *w, struct err *e)
{
    const struct rds_cluster *old = NULL, *clone = w->green;
    if (names_stay_look(w, &to_old))
        return true;
    if (clone && tag(clone, TAG_NAMES_MOVE) && tag(clone, TAG_REPLACES))
        return announced(u, w, clone, &to_clone, e);
    if (clone) {
        w->way = &to_clone;
        w->restored_instances = w->green_instances;
        w->restored_instance_count = w->green_instance_count;
        return true;
    }
    if (!rds_cluster_find(&u->aws, suffixed(u->look, u->request.cluster, to_clone.leaves), &old, e))
        return err_wrap(e, "look for the old side of %s", u->request.cluster);
    if (was_put_aside(u, old) && !tag(old, TAG_SWITCHED_AT))
        return noted(u, w, old, &to_clone, e);
    return look_back(u, w, old, e);
}

bool switch_names_move(const struct aws_session *s, const char *cluster, const struct rds_cluster *production,
                       bool *ret, struct err *e)
{
    struct upgrade u = {.strategy = &strategy_logical, .aws = *s, .look = s->arena};
    struct world w = {.production = production};
    u.request.cluster = cluster;
    if (!strategy_logical.look(&u, &w, e))
        return err_wrap(e, "look whether names of %s move", cluster);
    *ret = w.names_move && !w.names_stay;
    return true;
}

static bool has_begun_to_move(const struct world *w)
{
    if (!w->production || !w->restored || strcmp(w->production->resource_id, w->restored->resource_id) == 0 ||
        !is_available(w->production->status) || w->production->has_pending_changes)
        return true;
    for (size_t i = 0; i < w->instance_count; i++)
        if (!is_available(w->instances[i]->status) || w->instances[i]->has_pending_changes ||
            !twin_of(w->restored_instances, w->restored_instance_count, w->instances[i]->identifier))
            return true;
    return false;
}

bool switch_take_back(struct upgrade *u, struct err *e)
{
    static const char *const keys[] = {TAG_NAMES_MOVE, TAG_REPLACES, NULL};
    if (!world_need(u, e))
        return false;
    const struct world *w = &u->world;
    if (!w->names_move)
        return true;
    if (has_begun_to_move(w))
        return upgrade_fail(e, E_SWITCH_UNDERWAY, "names of %s move at this moment", u->request.cluster);
    return rds_tag_remove(&u->aws, w->restored->arn, keys, e) ||
           err_wrap(e, "take back that %s takes over", w->restored->identifier);
}

bool switch_done(struct upgrade *u, bool *ret, struct err *e)
{
    if (!world_look(u, e))
        return false;
    *ret = u->world.names_move || u->world.old;
    return true;
}

bool return_done(struct upgrade *u, bool *ret, struct err *e)
{
    if (!world_look(u, e))
        return false;
    *ret = u->world.names_move || !u->world.old;
    return true;
}

/* ---- before names move ---- */

bool clone_settings_same(struct upgrade *u, bool *ret, struct err *e)
{
    u->carries_tags = true;
    bool ok = green_settings_done(u, ret, e);
    u->carries_tags = false;
    return ok;
}

bool clone_settings_carry(struct upgrade *u, struct err *e)
{
    u->carries_tags = true;
    bool ok = green_settings_run(u, e);
    u->carries_tags = false;
    return ok;
}

static bool is_free(struct upgrade *u, const char *name, struct err *e)
{
    const struct rds_cluster *k = NULL;
    if (!rds_cluster_find(&u->aws, name, &k, e))
        return err_wrap(e, "look whether %s is free", name);
    return !k || upgrade_fail(e, E_CLONE_NAME, "cluster %s exists, and the switch needs that name", name);
}

static bool is_free_instance(struct upgrade *u, const char *name, struct err *e)
{
    const struct rds_instance *i = NULL;
    if (!rds_instance_find(&u->aws, name, &i, e))
        return err_wrap(e, "look whether %s is free", name);
    return !i || upgrade_fail(e, E_CLONE_NAME, "instance %s exists, and the switch needs that name", name);
}

bool old_names_check(struct upgrade *u, bool *ret, struct err *e)
{
    if (!world_need(u, e))
        return false;
    const struct world *w = &u->world;
    *ret = false;
    if (!w->names_move && !w->old && !is_free(u, suffixed(u->look, u->request.cluster, to_clone.leaves), e))
        return false;
    for (size_t i = 0; !w->names_move && !w->old && i < w->instance_count; i++)
        if (!is_free_instance(u, suffixed(u->look, w->instances[i]->identifier, to_clone.leaves), e))
            return false;
    *ret = true;
    return true;
}

/* ---- what is written while they move ---- */

static bool stays_behind(const char *key)
{
    static const char *const of_arriving[] = {TAG_CLONE_OF,    TAG_RESTORE_LSN, TAG_FOLLOWS_SINCE,
                                              TAG_OLD_OF,      TAG_NAMES_MOVE,  TAG_REPLACES,
                                              TAG_REPLACED_BY, TAG_SWITCHED_AT, TAG_TWIN_OF};
    for (size_t i = 0; i < ARRAY_LEN(of_arriving); i++)
        if (strcmp(key, of_arriving[i]) == 0)
            return true;
    return false;
}

static bool is_ours(const struct rds_tag *t)
{
    return strncmp(t->key, OURS, sizeof OURS - 1) == 0;
}

static bool need_aside(struct upgrade *u, struct err *e)
{
    if (!world_need(u, e))
        return false;
    return world_put_aside(&u->world) ||
           upgrade_fail(e, E_RENAME_STUCK, "the cluster that %s was has disappeared", u->request.cluster);
}

bool old_noted_down(struct upgrade *u, bool *ret, struct err *e)
{
    if (!need_aside(u, e))
        return false;
    *ret = was_put_aside(u, world_put_aside(&u->world));
    return true;
}

/* All that the run knows of itself goes with it. */
bool old_note_down(struct upgrade *u, struct err *e)
{
    const struct world *w = &u->world;
    const struct rds_tags *run = &w->restored->tags;
    struct rds_tag *tags = ARENA_ARRAY(u->look, struct rds_tag, run->count + 4);
    size_t n = 0;
    for (size_t i = 0; i < run->count; i++)
        if (is_ours(&run->tags[i]) && !stays_behind(run->tags[i].key))
            tags[n++] = run->tags[i];
    tags[n++] = (struct rds_tag){TAG_OLD_OF, u->request.cluster};
    tags[n++] = (struct rds_tag){TAG_REPLACED_BY, w->restored->resource_id};
    return rds_tag_add(&u->aws, w->aside->arn, (struct rds_tags){tags, n}, e) ||
           err_wrap(e, "tag cluster %s", w->aside->identifier);
}

static size_t own_keys(struct upgrade *u, const struct rds_tags *all, const char ***ret)
{
    const char **keys = ARENA_ARRAY(u->look, const char *, all->count + 1);
    size_t n = 0;
    for (size_t i = 0; i < all->count; i++)
        if (is_ours(&all->tags[i]))
            keys[n++] = all->tags[i].key;
    *ret = keys;
    return n;
}

bool arriving_untagged(struct upgrade *u, bool *ret, struct err *e)
{
    const char **keys = NULL;
    if (!world_need(u, e))
        return false;
    *ret = !u->world.restored || own_keys(u, &u->world.restored->tags, &keys) == 0;
    return true;
}

bool arriving_untag(struct upgrade *u, struct err *e)
{
    const char **keys = NULL;
    const struct rds_cluster *k = u->world.restored;
    (void)own_keys(u, &k->tags, &keys);
    return rds_tag_remove(&u->aws, k->arn, keys, e) ||
           err_wrap(e, "take our tags from cluster %s", k->identifier);
}

bool switched_noted(struct upgrade *u, bool *ret, struct err *e)
{
    if (!need_aside(u, e))
        return false;
    *ret = tag(world_put_aside(&u->world), TAG_SWITCHED_AT) != NULL;
    return true;
}

bool switched_note(struct upgrade *u, struct err *e)
{
    char date[TIME_ISO_SIZE];
    time_iso(u->clock->wall_ms(u->clock), false, date);
    const struct rds_tag t = {TAG_SWITCHED_AT, date};
    return rds_tag_add(&u->aws, u->world.aside->arn, (struct rds_tags){&t, 1}, e) ||
           err_wrap(e, "write down that %s is switched", u->request.cluster);
}

/* ---- the other direction ---- */

bool not_switching_check(struct upgrade *u, bool *ret, struct err *e)
{
    if (!world_need(u, e))
        return false;
    *ret = !u->world.is_switching;
    return *ret || upgrade_fail(e, E_SWITCH_UNDERWAY, "names of %s move to the new version at this moment",
                                u->request.cluster);
}

bool aside_over(struct upgrade *u, bool *ret, struct err *e)
{
    if (!world_look(u, e))
        return false;
    *ret = !u->world.aside || tag(u->world.aside, TAG_ROLLED_BACK_AT);
    return true;
}

/* Whose name each of the old side's instances had. */
static const char *name_before(struct upgrade *u, const struct rds_instance *i)
{
    const struct world *w = &u->world;
    for (size_t k = 0; k < w->instance_count; k++)
        if (strcasecmp(suffixed(u->look, w->instances[k]->identifier, to_clone.leaves), i->identifier) == 0)
            return w->instances[k]->identifier;
    return NULL;
}

static bool each_old_instance(struct upgrade *u, bool notes, bool *ret, struct err *e)
{
    const struct rds_instance *const *list = NULL;
    size_t n = 0;
    *ret = true;
    if (u->world.names_move || !u->world.old)
        return true;
    if (!rds_instance_list(&u->aws, u->world.old->identifier, &list, &n, e))
        return err_wrap(e, "read the instances of %s", u->world.old->identifier);
    for (size_t i = 0; i < n; i++) {
        const char *name = name_before(u, list[i]);
        const struct rds_tag t = {TAG_TWIN_OF, name};
        bool is_noted = !name || rds_tag_value(&list[i]->tags, TAG_TWIN_OF);
        *ret = *ret && is_noted;
        if (notes && !is_noted && !rds_tag_add(&u->aws, list[i]->arn, (struct rds_tags){&t, 1}, e))
            return err_wrap(e, "write down whose name %s takes", list[i]->identifier);
    }
    return true;
}

bool old_twins_noted(struct upgrade *u, bool *ret, struct err *e)
{
    return world_need(u, e) && each_old_instance(u, false, ret, e);
}

bool old_twins_note(struct upgrade *u, struct err *e)
{
    bool all = false;
    return each_old_instance(u, true, &all, e);
}
