/* What rows of several flows have in common: when they apply, what they say, the same by hand. */
#include "internal/upgrade/upgrade.h"
#include "provider/flow_upgrades.h"

bool has_login(const struct upgrade *u)
{
    return u->has_login;
}

/* ---- hooks: a row per point ---- */

static void say_hooks(const struct upgrade *u, enum hook_point at, struct buf *out)
{
    size_t sql = 0, all = hooks_at(u, at);
    for (size_t i = 0; i < u->request.hook_count; i++)
        sql += u->request.hooks[i].at == at && u->request.hooks[i].sql;
    (void)buf_printf(out, "Runs your hooks of %s, in their order", hook_point_name(at));
    if (all > 0)
        (void)buf_printf(out, ": %zu with SQL, %zu with a command on this machine", sql, all - sql);
    (void)buf_puts(out, ".");
}

#define HOOKS(point, at)                                                                                     \
    bool has_##point(const struct upgrade *u)                                                                \
    {                                                                                                        \
        return hooks_at(u, at) > 0;                                                                          \
    }                                                                                                        \
    void say_##point(const struct upgrade *u, struct buf *out)                                               \
    {                                                                                                        \
        say_hooks(u, at, out);                                                                               \
    }
HOOKS(after_prepare, HOOK_AFTER_PREPARE)
HOOKS(before_switch, HOOK_BEFORE_SWITCH)
HOOKS(in_window, HOOK_IN_WINDOW)
HOOKS(after_switch, HOOK_AFTER_SWITCH)
HOOKS(before_rollback, HOOK_BEFORE_ROLLBACK)
HOOKS(after_rollback, HOOK_AFTER_ROLLBACK)
TELL(cli_hooks, "psql (your SQL, on the side it is for), sh -c (your command)")

/* ---- sentences ---- */

TELL(say_target,
     "Checks that AWS offers an upgrade from %d to %d for this cluster and its instance classes, and chooses "
     "the version.",
     FROM, TO)
TELL(say_instance_group, "The same for the instance parameter group of family aurora-postgresql%d.", TO)
TELL(say_new_version, "Proves that the endpoint answers from %d and takes writes.", TO)
TELL(say_groups_remove, "Removes the parameter groups made for this upgrade.")

TELL(cli_cluster_group,
     RDS "create-db-cluster-parameter-group --db-parameter-group-family aurora-postgresql%d "
         "--db-cluster-parameter-group-name %s-upgrade-%d",
     TO, CLUSTER, TO)
TELL(cli_instance_group,
     RDS "create-db-parameter-group --db-parameter-group-family aurora-postgresql%d "
         "--db-parameter-group-name %s-upgrade-%d-instance",
     TO, CLUSTER, TO)
TELL(say_new_extensions,
     "Updates the extensions of every database that are behind what %d brings; tells those that it may not.",
     TO)
TELL(cli_new_extensions, "psql -d <each database> -c 'ALTER EXTENSION <each that is behind> UPDATE'")
TELL(cli_new_statistics, "vacuumdb --all --analyze-in-stages")
TELL(cli_groups_remove,
     RDS "delete-db-cluster-parameter-group --db-cluster-parameter-group-name %s-upgrade-%d", CLUSTER, TO)
