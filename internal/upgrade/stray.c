/* What the snapshot was restored as once more, by a call that AWS carried out late. Each row looks anew: what
 * has instances by now is somebody's, and stays. */
#include "internal/upgrade/roll_back.h"

#include <string.h>

bool has_stray(const struct upgrade *u)
{
    return u->world.stray && u->world.stray->member_count == 0;
}

static bool look(struct upgrade *u, const struct rds_cluster **ret, struct err *e)
{
    if (!world_look(u, e))
        return false;
    *ret = has_stray(u) ? u->world.stray : NULL;
    return true;
}

static bool is_going(const struct rds_cluster *k)
{
    return !k || strcmp(k->status, "deleting") == 0;
}

bool stray_deleted(struct upgrade *u, bool *ret, struct err *e)
{
    const struct rds_cluster *k = NULL;
    if (!look(u, &k, e))
        return false;
    *ret = is_going(k);
    return true;
}

static bool unprotect(struct upgrade *u, const struct rds_cluster *k, struct err *e)
{
    struct rds_cluster_change change = RDS_CLUSTER_CHANGE_INIT;
    change.deletion_protection = 0;
    change.apply_immediately = true;
    return !k->deletion_protection || rds_cluster_modify(&u->aws, k->identifier, &change, e) ||
           err_wrap(e, "lift the deletion protection of %s", k->identifier);
}

/* Without a last snapshot: it never had an instance, and holds what the run's snapshot held. While it is
 * still being made AWS refuses, and the row is tried again. */
bool stray_delete(struct upgrade *u, struct err *e)
{
    const struct rds_cluster *k = NULL;
    return look(u, &k, e) &&
           (!k || is_going(k) ||
            (unprotect(u, k, e) && (rds_cluster_delete(&u->aws, k->identifier, NULL, true, e) ||
                                    err_wrap(e, "delete cluster %s", k->identifier))));
}

bool stray_gone(struct upgrade *u, bool *ret, struct err *e)
{
    const struct rds_cluster *k = NULL;
    if (!look(u, &k, e))
        return false;
    *ret = !k;
    return true;
}
