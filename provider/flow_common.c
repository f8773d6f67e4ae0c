/* What rows of several flows have in common: when they apply, what they say, the same by hand. */
#include "internal/upgrade/tables.h"
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
HOOKS(at_switch, HOOK_AT_SWITCH)
HOOKS(after_switch, HOOK_AFTER_SWITCH)
HOOKS(before_rollback, HOOK_BEFORE_ROLLBACK)
HOOKS(at_rollback, HOOK_AT_ROLLBACK)
HOOKS(after_rollback, HOOK_AFTER_ROLLBACK)
TELL(cli_hooks, "psql (your SQL, on the side it is for), sh -c (your command)")

bool manages_source(const struct upgrade *u)
{
    return u->request.manage_source;
}

bool may_reboot(const struct upgrade *u)
{
    return u->request.allow_reboot;
}

bool has_queries(const struct upgrade *u)
{
    return u->has_login && u->request.query_count > 0;
}

bool soaks(const struct upgrade *u)
{
    return u->request.minimum_stable_ms > 0;
}

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

TELL(say_parameters, "Checks that logical replication is on and that slots, senders and workers suffice.")
TELL(say_source_group,
     "Attaches a completed copy of the cluster's parameter group, because source_parameters is \"manage\".")
TELL(say_source_settled, "Waits until AWS says which instances of production wait for a reboot.")
TELL(say_source_reboot,
     "Reboots instances of production that wait for a reboot, because allow_reboot is true.")
TELL(say_source_ready, "Waits until production is available and has taken its parameters over.")
TELL(cli_source_group,
     RDS
     "modify-db-cluster --db-cluster-identifier %s --db-cluster-parameter-group-name %s-upgrade-%d-source "
     "--apply-immediately",
     CLUSTER, CLUSTER, FROM)
TELL(cli_source_reboot, RDS "reboot-db-instance --db-instance-identifier <each instance of %s>", CLUSTER)
TELL(say_group_back,
     "Attaches production's own parameter group again, where a completed copy had replaced it.")
TELL(cli_group_back,
     RDS "modify-db-cluster --db-cluster-identifier %s --db-cluster-parameter-group-name <your group>",
     CLUSTER)
TELL(say_not_switched, "Checks that production was not switched yet.")
void say_rows(const struct upgrade *u, struct buf *out)
{
    enum rows_mode mode = u->request.rows_mode;
    bool usual_reads = u->strategy && u->strategy->reads_rows;
    bool counts = mode == ROWS_COUNTS || (mode == ROWS_USUAL && !usual_reads);
    const char *which = chooses_tables(u) ? "followed " : "";
    (void)buf_printf(out, "Compares %s every %stable%s at a common position while writers go on.",
                     counts                ? "the row count of"
                     : mode == ROWS_SAMPLE ? "a tenth of the rows of"
                                           : "all rows of",
                     which, counts ? "" : ", by content,");
}

TELL(say_schema,
     "Compares the catalogue of both sides: columns, indexes, constraints, functions, grants and more.")
TELL(say_queries, "Runs your validation queries on both sides and compares the results.")
TELL(say_settings, "Compares every setting of cluster and instances on both sides.")
TELL(say_soak, "Waits until the new side has been stable for minimum_stable, counted from that moment.")
TELL(say_lag, "Waits until every replication slot is active and its lag is under the bound.")
TELL(cli_lag,
     "SELECT slot_name, active, pg_current_wal_lsn() - confirmed_flush_lsn FROM pg_replication_slots")

bool has_window(const struct upgrade *u)
{
    return u->request.window != NULL;
}

bool watches(const struct upgrade *u)
{
    return u->has_login && u->request.watch_ms > 0;
}

TELL(say_window, "Waits for cutover.window: open for longer than max_write_outage.")
TELL(say_window_left, "Checks that what is left of the window is longer than max_write_outage.")
TELL(say_watch_started,
     "Writes down on the old cluster since when the new production is watched, and its counters.")
TELL(say_watch,
     "Watches the new production for watch_for: deadlocks, lost sessions, failing and slow transactions, "
     "applications still on the old side.")
TELL(cli_watch,
     "SELECT * FROM pg_stat_database; SELECT application_name, count(*) FROM pg_stat_activity GROUP BY 1")
TELL(say_retention, "Checks that retain_old_for is over.")
TELL(say_old_unprotect, "Lifts the deletion protection of the old cluster.")
TELL(say_old_instances, "Deletes the instances of the old cluster.")
TELL(say_old_cluster, "Deletes the old cluster with a final snapshot; its automated backups are kept.")
TELL(say_old_gone, "Waits until the old cluster is gone.")
TELL(cli_old_instances, RDS "delete-db-instance --db-instance-identifier <each old instance>")
TELL(say_new_put_right, "Puts right what the switch did not carry over from the old side.")
TELL(say_new_settings, "Compares every setting with the old side.")
