/* blue_green.h — what the rows of the blue/green tables point to, grouped as the tables are. Each `*_done`
 * observes and changes nothing; each `*_run` may be repeated. The tables themselves are in
 * provider/flow_blue_green_upgrade.c.
 *
 * Facts: AWS guide "Using Blue/Green Deployments", RDS API 2014-10-31; statuses as in its reference. Nothing
 * is written into the databases: facts are tags, the marker is the source's WAL position against the slots.
 */
#ifndef AURORA_UPGRADE_BLUE_GREEN_H
#define AURORA_UPGRADE_BLUE_GREEN_H

#include "internal/upgrade/translate.h"
#include "internal/upgrade/upgrade.h"

/* ---- source.c: production as it is ---- */
bool source_check(struct upgrade *u, bool *ret, struct err *e);
bool target_check(struct upgrade *u, bool *ret, struct err *e); /* chooses resolved_version */
bool parameters_check(struct upgrade *u, bool *ret, struct err *e);
bool instance_groups_check(struct upgrade *u, bool *ret, struct err *e);
/* target_check's choice alone, for the plan. */
MUST_CHECK bool resolve_version(struct upgrade *u, struct err *e);

/* ---- databases.c ---- */
/* Every database that takes connections, templates included. All findings in one go: the error counts and
 * names them, u->report says each of them with what to do. */
bool databases_check(struct upgrade *u, bool *ret, struct err *e);

/* ---- proxies.c: RDS Proxy in front of production ---- */
bool proxies_check(struct upgrade *u, bool *ret, struct err *e);

/* ---- source_parameters.c: production's own group, only with source_parameters = "manage" ---- */
bool source_parameters_done(struct upgrade *u, bool *ret, struct err *e);
bool source_parameters_run(struct upgrade *u, struct err *e);
bool source_settled(struct upgrade *u, bool *ret, struct err *e);
bool source_reboot_done(struct upgrade *u, bool *ret, struct err *e);
bool source_reboot_run(struct upgrade *u, struct err *e);
bool source_in_sync(struct upgrade *u, bool *ret, struct err *e);
bool source_parameters_restored(struct upgrade *u, bool *ret, struct err *e);
bool source_parameters_restore(struct upgrade *u, struct err *e);

/* One thing production's cluster parameter group must have; `wanted` is the value "manage" sets. */
struct parameter_need {
    const char *name;
    char wanted[16];
    char present[64];
    bool is_met;
};
enum { PARAMETER_NEEDS = 5 };
MUST_CHECK bool parameter_needs(struct upgrade *u, struct parameter_need ret[PARAMETER_NEEDS], struct err *e);

/* ---- groups.c: the green side's groups ---- */
bool cluster_group_done(struct upgrade *u, bool *ret, struct err *e);
bool cluster_group_run(struct upgrade *u, struct err *e);
bool instance_group_done(struct upgrade *u, bool *ret, struct err *e);
bool instance_group_run(struct upgrade *u, struct err *e);
/* The copy of production's group alone; whether there is one does not depend on the present configuration. */
bool source_group_removed(struct upgrade *u, bool *ret, struct err *e);
bool source_group_remove(struct upgrade *u, struct err *e);
bool groups_removed(struct upgrade *u, bool *ret, struct err *e);
bool groups_remove(struct upgrade *u, struct err *e);
/* What becomes of the source's own overrides in the target's family. */
struct translation {
    const struct rds_param *carried;
    size_t carried_count;
    const char **unsupported; /* names */
    size_t unsupported_count;
};
/* The values somebody has set in a group; a default group has none. */
MUST_CHECK bool group_overrides(const struct aws_session *s, bool is_cluster, const char *name,
                                struct params *ret, struct err *e);
MUST_CHECK bool translate_group(struct upgrade *u, bool is_cluster, struct translation *ret, struct err *e);

/* ---- green.c: the deployment until it is available ---- */
bool source_capacity_done(struct upgrade *u, bool *ret, struct err *e);
bool source_capacity_run(struct upgrade *u, struct err *e);
bool deployment_done(struct upgrade *u, bool *ret, struct err *e);
bool deployment_run(struct upgrade *u, struct err *e);
bool green_exists(struct upgrade *u, bool *ret, struct err *e);
bool green_capacity_done(struct upgrade *u, bool *ret, struct err *e);
bool green_capacity_run(struct upgrade *u, struct err *e);
bool deployment_available(struct upgrade *u, bool *ret, struct err *e);
bool green_reboot_done(struct upgrade *u, bool *ret, struct err *e);
bool green_reboot_run(struct upgrade *u, struct err *e);
bool green_in_sync(struct upgrade *u, bool *ret, struct err *e);

/* ---- validate.c: is green what blue is? ---- */
bool replication_caught_up(struct upgrade *u, bool *ret, struct err *e);
bool statistics_done(struct upgrade *u, bool *ret, struct err *e);
bool statistics_run(struct upgrade *u, struct err *e);
bool events_check(struct upgrade *u, bool *ret, struct err *e);
bool schema_check(struct upgrade *u, bool *ret, struct err *e);
bool rows_check(struct upgrade *u, bool *ret, struct err *e);
bool queries_check(struct upgrade *u, bool *ret, struct err *e);
bool validated_done(struct upgrade *u, bool *ret, struct err *e);
bool validated_run(struct upgrade *u, struct err *e);

/* ---- switch.c: the point of no return, and the proof after it ---- */
bool green_capacity_restored(struct upgrade *u, bool *ret, struct err *e);
bool green_capacity_restore(struct upgrade *u, struct err *e);
/* AWS credentials that end while production is between two servers would leave nobody to watch it. */
bool credentials_check(struct upgrade *u, bool *ret, struct err *e);
bool credentials_check_upgrade(struct upgrade *u, bool *ret, struct err *e); /* of an upgrade in place */
bool credentials_check_names(struct upgrade *u, bool *ret,
                             struct err *e); /* of names that move by our calls */
bool switchover_done(struct upgrade *u, bool *ret, struct err *e);
bool switchover_underway(struct upgrade *u, bool *ret, struct err *e);
bool switchover_run(struct upgrade *u, struct err *e);
bool old_noted(struct upgrade *u, bool *ret, struct err *e);
bool old_note(struct upgrade *u, struct err *e);
bool new_available(struct upgrade *u, bool *ret, struct err *e);
bool new_version_check(struct upgrade *u, bool *ret, struct err *e);
bool new_sequences_check(struct upgrade *u, bool *ret, struct err *e);
bool new_statistics_done(struct upgrade *u, bool *ret, struct err *e);
bool new_statistics_run(struct upgrade *u, struct err *e);

/* ---- extensions.c ---- */
bool new_extensions_done(struct upgrade *u, bool *ret, struct err *e);
/* What may not be updated is a warning: it works as it did before. */
bool new_extensions_run(struct upgrade *u, struct err *e);

/* ---- settings.c: everything else stays as it was ---- */
bool green_settings_done(struct upgrade *u, bool *ret, struct err *e);
bool green_settings_run(struct upgrade *u, struct err *e);
bool settings_check(struct upgrade *u, bool *ret, struct err *e);
bool new_settings_done(struct upgrade *u, bool *ret, struct err *e);
bool new_settings_run(struct upgrade *u, struct err *e);
bool new_settings_check(struct upgrade *u, bool *ret, struct err *e);

/* ---- retire.c: what is left over, after the switch and before it ---- */
bool retention_check(struct upgrade *u, bool *ret, struct err *e);
bool deployment_removed(struct upgrade *u, bool *ret, struct err *e);
bool deployment_gone(struct upgrade *u, bool *ret, struct err *e);
bool deployment_remove(struct upgrade *u, struct err *e); /* keeps both sides */
bool old_unprotected(struct upgrade *u, bool *ret, struct err *e);
bool old_unprotect(struct upgrade *u, struct err *e);
bool old_instances_deleted(struct upgrade *u, bool *ret, struct err *e);
bool old_instances_delete(struct upgrade *u, struct err *e);
bool old_cluster_deleted(struct upgrade *u, bool *ret, struct err *e);
bool old_cluster_delete(struct upgrade *u, struct err *e);
bool old_gone(struct upgrade *u, bool *ret, struct err *e);
bool not_switched_check(struct upgrade *u, bool *ret, struct err *e);
bool green_unprotected(struct upgrade *u, bool *ret, struct err *e);
bool green_unprotect(struct upgrade *u, struct err *e);
bool green_deployment_remove(struct upgrade *u, struct err *e); /* with the green side */
bool green_gone(struct upgrade *u, bool *ret, struct err *e);
bool source_capacity_restored(struct upgrade *u, bool *ret, struct err *e);
bool source_capacity_restore(struct upgrade *u, struct err *e);
/* When the old side, or the snapshot, may go: switched-at + retain_old_for, Unix ms; counted from now while
 * that is not noted. */
int64_t retention_ends(const struct upgrade *u);

/* ---- shared ---- */
bool is_available(const char *status);
bool instances_available(const struct rds_instance *const *i, size_t n, const char **ret_first_not);
/* False: what is observed goes to another major than what is asked for. */
MUST_CHECK bool same_run(const struct upgrade *u, struct err *e);
/* What production's minimum capacity was before raise_source_capacity; *ret < 0: it was not raised. */
MUST_CHECK bool noted_source_capacity(struct upgrade *u, double *ret, struct err *e);
/* On the object that stands for the run (run_object). */
bool tag_run(struct upgrade *u, const char *key, const char *value, struct err *e);
int64_t tag_time(const struct rds_tags *t, const char *key); /* Unix ms, 0 if absent or garbled */
/* "version, key\n" list of up to `max` lines joined for an error text. */
const char *join_lines(struct arena *a, const char *const *lines, size_t n, size_t max);

#endif
