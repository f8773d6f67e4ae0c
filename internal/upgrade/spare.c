/* A roll-back given up before names move: what the snapshot was restored as goes, production and snapshot
 * stay. Each row that takes something away looks once more whether it may. */
#include "internal/upgrade/errors.h"
#include "internal/upgrade/roll_back.h"

#include <string.h>

static bool is_spare(const struct upgrade *u, struct err *e)
{
    const struct rds_cluster *r = u->world.restored;
    return restored_is_spare(u) ||
           upgrade_fail(e, E_ROLL_BACK_RUNNING, "the roll-back of %s cannot be given up: %s %s",
                        u->request.cluster, r ? r->identifier : "what it restored",
                        u->world.names_move ? "is taking its name" : "is not positively of this run");
}

bool spare_check(struct upgrade *u, bool *ret, struct err *e)
{
    if (!world_look(u, e) || (u->world.restored && !is_spare(u, e)))
        return false;
    *ret = true;
    return true;
}

static bool is_going(const struct rds_cluster *r)
{
    return !r || strcmp(r->status, "deleting") == 0;
}

bool spare_unprotected(struct upgrade *u, bool *ret, struct err *e)
{
    if (!world_look(u, e))
        return false;
    const struct rds_cluster *r = u->world.restored;
    *ret = is_going(r) || !r->deletion_protection;
    return true;
}

bool spare_unprotect(struct upgrade *u, struct err *e)
{
    struct rds_cluster_change change = RDS_CLUSTER_CHANGE_INIT;
    change.deletion_protection = 0;
    change.apply_immediately = true;
    return is_spare(u, e) && (rds_cluster_modify(&u->aws, u->world.restored->identifier, &change, e) ||
                              err_wrap(e, "lift the deletion protection of what was restored"));
}

static bool all_going(const struct world *w)
{
    for (size_t i = 0; i < w->restored_instance_count; i++)
        if (strcmp(w->restored_instances[i]->status, "deleting") != 0)
            return false;
    return true;
}

bool spare_instances_deleted(struct upgrade *u, bool *ret, struct err *e)
{
    if (!world_look(u, e))
        return false;
    *ret = !u->world.restored || all_going(&u->world);
    return true;
}

bool spare_instances_delete(struct upgrade *u, struct err *e)
{
    const struct world *w = &u->world;
    if (!is_spare(u, e))
        return false;
    for (size_t i = 0; i < w->restored_instance_count; i++) {
        const struct rds_instance *one = w->restored_instances[i];
        if (strcmp(one->status, "deleting") != 0 && !rds_instance_delete(&u->aws, one->identifier, e))
            return err_wrap(e, "delete instance %s", one->identifier);
    }
    return true;
}

/* Copies of production's custom endpoints: AWS does not say that they go with their cluster, and their names
 * are wanted by the next roll-back. */
static bool endpoints(struct upgrade *u, const struct rds_custom_endpoint **ret, size_t *ret_n, struct err *e)
{
    const struct rds_cluster *r = u->world.restored;
    *ret_n = 0;
    return !r || !r->custom_endpoints || !r->custom_endpoints[0] ||
           rds_custom_endpoints(&u->aws, r->identifier, ret, ret_n, e) ||
           err_wrap(e, "read the custom endpoints of %s", r->identifier);
}

bool spare_endpoints_deleted(struct upgrade *u, bool *ret, struct err *e)
{
    const struct rds_custom_endpoint *list = NULL;
    size_t n = 0;
    if (!world_look(u, e) || !endpoints(u, &list, &n, e))
        return false;
    *ret = true;
    for (size_t i = 0; i < n; i++)
        *ret = *ret && strcmp(list[i].status, "deleting") == 0;
    return true;
}

bool spare_endpoints_delete(struct upgrade *u, struct err *e)
{
    const struct rds_custom_endpoint *list = NULL;
    size_t n = 0;
    if (!is_spare(u, e) || !endpoints(u, &list, &n, e))
        return false;
    for (size_t i = 0; i < n; i++)
        if (strcmp(list[i].status, "deleting") != 0 &&
            !rds_custom_endpoint_delete(&u->aws, list[i].identifier, e))
            return err_wrap(e, "delete custom endpoint %s", list[i].identifier);
    return true;
}

bool spare_deleted(struct upgrade *u, bool *ret, struct err *e)
{
    if (!world_look(u, e))
        return false;
    *ret = is_going(u->world.restored);
    return true;
}

/* Without a last snapshot: it holds nothing but what is in the run's. */
bool spare_delete(struct upgrade *u, struct err *e)
{
    return is_spare(u, e) && (rds_cluster_delete(&u->aws, u->world.restored->identifier, NULL, true, e) ||
                              err_wrap(e, "delete cluster %s", u->world.restored->identifier));
}

bool spare_gone(struct upgrade *u, bool *ret, struct err *e)
{
    if (!world_look(u, e))
        return false;
    *ret = !u->world.restored;
    return true;
}
