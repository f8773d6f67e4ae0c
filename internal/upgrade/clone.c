/* The second cluster of a logical upgrade: made, upgraded, removed. */
#include "internal/upgrade/errors.h"
#include "internal/upgrade/in_place.h"
#include "internal/upgrade/logical.h"
#include "internal/upgrade/requests.h"
#include "internal/upgrade/roll_back.h"
#include "internal/upgrade/tags.h"
#include "internal/upgrade/view.h"

#include <string.h>
#include <strings.h>

static struct rds_tags tags_and(struct upgrade *u, const struct rds_tag *more, size_t n)
{
    struct rds_tags run = run_tags(u, u->look);
    struct rds_tag *all = ARENA_ARRAY(u->look, struct rds_tag, run.count + n);
    memcpy(all, run.tags, run.count * sizeof *all);
    memcpy(all + run.count, more, n * sizeof *all);
    return (struct rds_tags){all, run.count + n};
}

static bool need_clone(struct upgrade *u, struct err *e)
{
    if (!world_need(u, e))
        return false;
    return (u->world.green && !u->world.is_deleting) ||
           upgrade_fail(e, E_DEPLOYMENT_GONE, "the clone of %s has disappeared", u->request.cluster);
}

/* ---- the cluster ---- */

/* What bears the name and is not of this run belongs to somebody else, or to an earlier run. */
static bool name_is_free(struct upgrade *u, const char *name, struct err *e)
{
    const struct rds_cluster *k = NULL;
    if (!rds_cluster_find(&u->aws, name, &k, e))
        return err_wrap(e, "look whether the name of the clone is free");
    return !k || upgrade_fail(e, E_CLONE_NAME, "cluster %s exists, and the clone needs that name", name);
}

bool clone_made(struct upgrade *u, bool *ret, struct err *e)
{
    if (!world_need(u, e) || !same_run(u, e))
        return false;
    *ret = u->world.green && !u->world.is_deleting;
    return !u->world.is_deleting ||
           err_set(e, ERR_CONFLICT, "AWS is still deleting an earlier clone of %s", u->request.cluster);
}

static bool share_pages(struct upgrade *u, const char *name, struct rds_tags tags, struct err *e)
{
    const struct rds_cluster *k = u->world.production;
    struct request_fields f = {0};
    request_put(&f, "DBClusterIdentifier", name);
    request_put(&f, "SourceDBClusterIdentifier", k->identifier);
    request_put(&f, "RestoreType", "copy-on-write");
    request_put(&f, "UseLatestRestorableTime", "true");
    request_put(&f, "DeletionProtection", "true");
    request_put(&f, "DBClusterParameterGroupName", k->parameter_group);
    request_put_cluster(u->look, &f, k);
    return rds_cluster_clone(&u->aws, f.list, tags, e) || err_wrap(e, "clone cluster %s", k->identifier);
}

/* Snapshots that an apply with another configuration has left belong to nobody else. */
bool clone_make(struct upgrade *u, struct err *e)
{
    bool by_snapshot = u->request.clones_by_snapshot;
    if (!world_need(u, e) || !resolve_version(u, e) || !(by_snapshot || seeds_remove(u, e)))
        return false;
    const struct rds_cluster *k = u->world.production;
    const char *name = clone_name(u->look, k->identifier);
    const struct rds_tag ours[] = {{TAG_CLONE_OF, k->resource_id}};
    struct rds_tags tags = tags_and(u, ours, ARRAY_LEN(ours));
    return name_is_free(u, name, e) &&
           (by_snapshot ? seed_restore(u, name, tags, e) : share_pages(u, name, tags, e));
}

static bool has_failed(const char *status)
{
    return strstr(status, "failed") || strstr(status, "inaccessible") || strstr(status, "incompatible");
}

bool clone_exists(struct upgrade *u, bool *ret, struct err *e)
{
    if (!need_clone(u, e))
        return false;
    const struct rds_cluster *k = u->world.green;
    *ret = is_available(k->status);
    return !has_failed(k->status) || upgrade_fail(e, E_CLONE_FAILED, "clone %s of %s is \"%s\"",
                                                  k->identifier, u->request.cluster, k->status);
}

/* ---- its instances ---- */

static bool is_writer(const struct rds_cluster *k, const struct rds_instance *i)
{
    for (size_t m = 0; m < k->member_count; m++)
        if (strcmp(k->members[m].identifier, i->identifier) == 0)
            return k->members[m].is_writer;
    return false;
}

static bool has_twin(const struct upgrade *u, const struct rds_instance *i)
{
    return twin_of(u->world.green_instances, u->world.green_instance_count, i->identifier) != NULL;
}

/* The group of the version that the clone has by now. */
static const char *group_for(struct upgrade *u, const struct rds_instance *i)
{
    struct version v = {0};
    bool is_new = version_parse(u->world.green->engine_version, &v) && v.major >= u->request.target.major;
    return is_new ? target_group(u, u->look, false) : i->parameter_group;
}

static bool make_twin(struct upgrade *u, const struct rds_instance *i, struct err *e)
{
    const struct rds_tag ours[] = {{TAG_TWIN_OF, i->identifier}};
    const char *name = clone_name(u->look, i->identifier);
    struct request_fields f = {0};
    request_put(&f, "DBInstanceIdentifier", name);
    request_put(&f, "DBClusterIdentifier", u->world.green->identifier);
    request_put(&f, "Engine", i->engine);
    request_put(&f, "DBInstanceClass",
                u->request.instance_class ? u->request.instance_class : i->instance_class);
    request_put(&f, "DBParameterGroupName", group_for(u, i));
    request_put_settings(&f, i->raw, request_instance_settings);
    return rds_instance_create(&u->aws, f.list, tags_and(u, ours, ARRAY_LEN(ours)), e) ||
           err_wrap(e, "make instance %s", name);
}

bool clone_writer_made(struct upgrade *u, bool *ret, struct err *e)
{
    if (!need_clone(u, e))
        return false;
    *ret = u->world.green_instance_count > 0;
    return true;
}

bool clone_writer_make(struct upgrade *u, struct err *e)
{
    const struct world *w = &u->world;
    const struct rds_instance *first = w->instance_count > 0 ? w->instances[0] : NULL;
    for (size_t i = 0; i < w->instance_count; i++)
        if (is_writer(w->production, w->instances[i]))
            first = w->instances[i];
    if (!first)
        return upgrade_fail(e, E_SOURCE_BUSY, "%s has no instance", u->request.cluster);
    return make_twin(u, first, e);
}

bool clone_instances_made(struct upgrade *u, bool *ret, struct err *e)
{
    if (!need_clone(u, e))
        return false;
    *ret = true;
    for (size_t i = 0; i < u->world.instance_count; i++)
        *ret = *ret && has_twin(u, u->world.instances[i]);
    return true;
}

bool clone_instances_make(struct upgrade *u, struct err *e)
{
    for (size_t i = 0; i < u->world.instance_count; i++)
        if (!has_twin(u, u->world.instances[i]) && !make_twin(u, u->world.instances[i], e))
            return false;
    return true;
}

bool clone_available(struct upgrade *u, bool *ret, struct err *e)
{
    const char *busy = NULL;
    bool exists = false;
    if (!clone_exists(u, &exists, e))
        return false;
    const struct world *w = &u->world;
    for (size_t i = 0; i < w->green_instance_count; i++)
        if (has_failed(w->green_instances[i]->status))
            return upgrade_fail(e, E_CLONE_FAILED, "instance %s is \"%s\"", w->green_instances[i]->identifier,
                                w->green_instances[i]->status);
    *ret = exists && w->green_instance_count > 0 &&
           instances_available(w->green_instances, w->green_instance_count, &busy);
    return true;
}

/* ---- the upgrade: the rows of the upgrade in place ---- */

static bool fails_on_clone(struct upgrade *u, struct err *e)
{
    if (e)
        e->state[0] = '\0'; /* it speaks of the clone as if that were production */
    return err_wrap(e, "upgrade the clone of %s", u->request.cluster);
}

static struct upgrade *view(struct upgrade *u)
{
    if (!u->clone) {
        u->clone = ARENA_NEW(u->arena, struct clone_view);
        *u->clone = (struct clone_view){0};
    }
    return clone_view(u->clone, u, u->world.green);
}

static bool observe(struct upgrade *u, bool (*row)(struct upgrade *, bool *, struct err *), bool *ret,
                    struct err *e)
{
    if (!need_clone(u, e))
        return false;
    struct upgrade *v = view(u);
    bool ok = row(v, ret, e);
    clone_view_rest(v);
    return ok || fails_on_clone(u, e);
}

bool clone_upgrade_begun(struct upgrade *u, bool *ret, struct err *e)
{
    return observe(u, upgrade_begun, ret, e);
}

bool clone_upgrade_begin(struct upgrade *u, struct err *e)
{
    if (!need_clone(u, e) || !resolve_version(u, e))
        return false;
    struct upgrade *v = view(u);
    bool ok = upgrade_begin(v, e);
    clone_view_rest(v);
    return ok || fails_on_clone(u, e);
}

bool clone_upgraded(struct upgrade *u, bool *ret, struct err *e)
{
    bool ended = false;
    if (!observe(u, upgrade_ended, &ended, e) || !clone_available(u, ret, e))
        return false;
    *ret = *ret && ended;
    return true;
}

/* ---- its removal ---- */

/* The last line of defence before anything is deleted. */
static bool is_the_clone(const struct upgrade *u, struct err *e)
{
    const struct world *w = &u->world;
    bool ours = w->green && rds_tag_value(&w->green->tags, TAG_CLONE_OF) != NULL;
    bool other = ours && w->production && strcmp(w->green->resource_id, w->production->resource_id) != 0 &&
                 strcasecmp(w->green->identifier, u->request.cluster) != 0;
    return other || err_set(e, ERR_BUG, "refusing to touch %s: it is not positively the clone of %s",
                            w->green ? w->green->identifier : "nothing", u->request.cluster);
}

/* AWS makes a snapshot before an upgrade, which would outlive the clone. */
static bool find_snapshot(struct upgrade *u, const struct rds_snapshot **ret, struct err *e)
{
    const struct rds_cluster *k = u->world.green;
    const struct rds_snapshot *list = NULL;
    const char *made = xml_text(k->raw, "ClusterCreateTime", "");
    size_t n = 0;
    if (!rds_snapshot_list_of(&u->aws, k->identifier, &list, &n, e))
        return err_wrap(e, "look for snapshots of %s", k->identifier);
    for (size_t i = 0; i < n; i++)
        if (strncmp(list[i].identifier, "preupgrade-", 11) == 0 && strcmp(list[i].status, "deleting") != 0 &&
            strcmp(list[i].create_time, made) >= 0)
            *ret = &list[i];
    return true;
}

bool clone_snapshots_deleted(struct upgrade *u, bool *ret, struct err *e)
{
    const struct rds_snapshot *found = NULL;
    if (!world_look(u, e) || (u->world.green && !find_snapshot(u, &found, e)))
        return false;
    *ret = found == NULL;
    return true;
}

bool clone_snapshots_delete(struct upgrade *u, struct err *e)
{
    for (;;) {
        const struct rds_snapshot *found = NULL;
        if (!is_the_clone(u, e) || !find_snapshot(u, &found, e))
            return false;
        if (!found)
            return true;
        if (!rds_snapshot_delete(&u->aws, found->identifier, e))
            return err_wrap(e, "delete snapshot %s", found->identifier);
    }
}

bool clone_instances_deleted(struct upgrade *u, bool *ret, struct err *e)
{
    if (!world_look(u, e))
        return false;
    *ret = true;
    for (size_t i = 0; i < u->world.green_instance_count; i++)
        *ret = *ret && strcmp(u->world.green_instances[i]->status, "deleting") == 0;
    return true;
}

bool clone_instances_delete(struct upgrade *u, struct err *e)
{
    if (!is_the_clone(u, e))
        return false;
    for (size_t i = 0; i < u->world.green_instance_count; i++) {
        const struct rds_instance *one = u->world.green_instances[i];
        if (strcmp(one->status, "deleting") != 0 && !rds_instance_delete(&u->aws, one->identifier, e))
            return err_wrap(e, "delete instance %s", one->identifier);
    }
    return true;
}

bool clone_deleted(struct upgrade *u, bool *ret, struct err *e)
{
    if (!world_look(u, e))
        return false;
    *ret = !u->world.green || u->world.is_deleting;
    return true;
}

bool clone_delete(struct upgrade *u, struct err *e)
{
    return is_the_clone(u, e) && (rds_cluster_delete(&u->aws, u->world.green->identifier, NULL, true, e) ||
                                  err_wrap(e, "delete cluster %s", u->world.green->identifier));
}

bool clone_gone(struct upgrade *u, bool *ret, struct err *e)
{
    if (!world_look(u, e))
        return false;
    *ret = u->world.green == NULL;
    return true;
}
