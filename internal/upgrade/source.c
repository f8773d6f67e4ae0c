/* Production as it is: what would make an upgrade fail, all found before anything is made. */
#include "internal/upgrade/blue_green.h"
#include "internal/upgrade/errors.h"
#include "internal/upgrade/tags.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool is_available(const char *status)
{
    return strcmp(status, "available") == 0;
}

bool instances_available(const struct rds_instance *const *i, size_t n, const char **ret_first_not)
{
    for (size_t k = 0; k < n; k++) {
        if (!is_available(i[k]->status)) {
            *ret_first_not = i[k]->identifier;
            return false;
        }
    }
    return true;
}

const char *join_lines(struct arena *a, const char *const *lines, size_t n, size_t max)
{
    struct buf out = BUF_INIT(8192);
    for (size_t i = 0; i < n && i < max; i++)
        (void)buf_printf(&out, "%s%s", i ? "; " : "", lines[i]);
    if (n > max)
        (void)buf_printf(&out, "; and %zu more", n - max);
    const char *text = arena_strdup(a, buf_text(&out));
    buf_done(&out);
    return text;
}

/* ---- check-source ---- */

static bool supported(const struct upgrade *u, struct err *e)
{
    const struct rds_cluster *k = u->world.production;
    if (strcmp(k->engine, "aurora-postgresql") != 0)
        return upgrade_fail(e, E_WRONG_ENGINE, "cluster %s runs %s, not aurora-postgresql", k->identifier,
                            k->engine);
    if (strcmp(k->engine_mode, "serverless") == 0)
        return upgrade_fail(e, E_WRONG_ENGINE, "cluster %s is Aurora Serverless v1", k->identifier);
    if (k->global_cluster_identifier[0] != '\0')
        return upgrade_fail(e, E_SOURCE_UNSUPPORTED, "cluster %s belongs to the global database %s",
                            k->identifier, k->global_cluster_identifier);
    if (k->replication_source[0] != '\0')
        return upgrade_fail(e, E_SOURCE_UNSUPPORTED, "cluster %s is itself a replica of %s", k->identifier,
                            k->replication_source);
    if (k->master_user_secret_arn[0] != '\0' && !u->strategy->managed_secret)
        return upgrade_fail(
            e, E_SOURCE_UNSUPPORTED,
            "the master password of cluster %s is managed in Secrets Manager, which blue/green "
            "deployments do not support",
            k->identifier);
    return true;
}

bool source_check(struct upgrade *u, bool *ret, struct err *e)
{
    const char *busy = NULL;
    if (!world_need(u, e) || !supported(u, e))
        return false;
    const struct rds_cluster *k = u->world.production;
    if (!is_available(k->status))
        return upgrade_fail(e, E_SOURCE_BUSY, "cluster %s has status \"%s\"", k->identifier, k->status);
    if (u->world.instance_count == 0)
        return upgrade_fail(e, E_SOURCE_BUSY, "cluster %s has no instance", k->identifier);
    if (!instances_available(u->world.instances, u->world.instance_count, &busy))
        return upgrade_fail(e, E_SOURCE_BUSY, "instance %s of cluster %s is not available", busy,
                            k->identifier);
    *ret = true;
    return true;
}

/* ---- check-target ---- */

static const char *list_targets(struct arena *a, const struct rds_engine_version *v)
{
    struct buf out = BUF_INIT(2048);
    for (size_t i = 0; i < v->target_count; i++)
        (void)buf_printf(&out, "%s%s", i ? ", " : "", v->targets[i].version);
    const char *text = arena_strdup(a, out.n ? buf_text(&out) : "none");
    buf_done(&out);
    return text;
}

static bool choose_target(struct upgrade *u, const struct rds_engine_version *from, struct err *e)
{
    struct version wanted = u->request.target, best = {0};
    for (size_t i = 0; i < from->target_count; i++) {
        struct version v;
        bool fits = version_parse(from->targets[i].version, &v) && v.major == wanted.major &&
                    (wanted.minor < 0 || v.minor == wanted.minor);
        if (fits && version_compare(v, best) > 0)
            best = v;
    }
    char text[VERSION_SIZE];
    if (best.major == 0)
        return upgrade_fail(e, E_TARGET_INVALID, "cluster %s on %s cannot go to %s; AWS lists %s",
                            u->request.cluster, from->version, version_print(wanted, text),
                            list_targets(u->look, from));
    u->resolved_version = arena_strdup(u->arena, version_print(best, text));
    return true;
}

/* What the present run chose stays chosen, though newer minors may have appeared since. */
static bool version_of_run(struct upgrade *u)
{
    const struct world *w = &u->world;
    bool is_run = w->deployment || w->snapshot || w->green;
    const char *noted = is_run ? rds_tag_value(w->facts, TAG_TARGET_VERSION) : NULL;
    const char *chosen = noted && noted[0] ? noted : w->green ? w->green->engine_version : NULL;
    if (chosen && w->reached < STAGE_SWITCHED)
        u->resolved_version = arena_strdup(u->arena, chosen);
    if (w->reached >= STAGE_SWITCHED)
        u->resolved_version = arena_strdup(u->arena, w->production->engine_version);
    return u->resolved_version != NULL;
}

bool resolve_version(struct upgrade *u, struct err *e)
{
    char text[VERSION_SIZE];
    const struct rds_engine_version *from = NULL;
    if (u->resolved_version || version_of_run(u))
        return true;
    const struct rds_cluster *k = u->world.production;
    if (u->request.target.major < u->world.version.major)
        return upgrade_fail(e, E_TARGET_LOWER, "cluster %s runs %s, which is above %s", k->identifier,
                            k->engine_version, version_print(u->request.target, text));
    if (!rds_engine_version_find(&u->aws, k->engine, k->engine_version, &from, e))
        return err_wrap(e, "read the valid targets of %s", k->engine_version);
    if (!from)
        return upgrade_fail(e, E_TARGET_INVALID, "AWS does not know the engine version %s",
                            k->engine_version);
    return choose_target(u, from, e);
}

static bool classes_exist(struct upgrade *u, struct err *e)
{
    for (size_t i = 0; i < u->world.instance_count; i++) {
        const struct rds_instance *in = u->world.instances[i];
        const char *class = u->request.instance_class ? u->request.instance_class : in->instance_class;
        bool exists = false;
        if (!rds_orderable_classes(&u->aws, in->engine, u->resolved_version, class, &exists, e))
            return err_wrap(e, "ask whether %s runs %s", class, u->resolved_version);
        if (!exists)
            return upgrade_fail(e, E_CLASS_UNAVAILABLE, "instance class %s (of %s) is not offered for %s",
                                class, in->identifier, u->resolved_version);
    }
    return true;
}

bool target_check(struct upgrade *u, bool *ret, struct err *e)
{
    *ret = true;
    return world_need(u, e) && supported(u, e) && resolve_version(u, e) && classes_exist(u, e);
}

/* ---- check-parameters ---- */

static const char *value_of(const struct rds_param *params, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(params[i].name, name) == 0 && params[i].has_value)
            return params[i].value;
    return "";
}

/* The group's own number, or -1 where it is a formula or left to the engine. */
static int number_of(const struct rds_param *params, size_t n, const char *name)
{
    const char *text = value_of(params, n, name);
    char *end = NULL;
    long v = strtol(text, &end, 10);
    return text[0] != '\0' && *end == '\0' && v >= 0 && v < 1000000 ? (int)v : -1;
}

static bool count_database(struct upgrade *u, struct pg *c, const char *database, void *arg, struct err *e)
{
    (void)u;
    (void)c;
    (void)database;
    (void)e;
    ++*(int *)arg;
    return true;
}

static void need_number(struct parameter_need *need, const char *name, int present, int wanted)
{
    need->name = name;
    need->is_met = present < 0 || present >= wanted;
    (void)snprintf(need->wanted, sizeof need->wanted, "%d", wanted);
    (void)snprintf(need->present, sizeof need->present, "%d", present);
}

/* AWS guide, "Considerations for Aurora PostgreSQL": one slot and one worker per database, and some to spare.
 */
bool parameter_needs(struct upgrade *u, struct parameter_need ret[PARAMETER_NEEDS], struct err *e)
{
    const struct rds_param *p = NULL;
    size_t n = 0;
    int databases = 0;
    const char *group = u->world.production->parameter_group;
    if (!rds_group_params(&u->aws, true, group, NULL, &p, &n, e))
        return err_wrap(e, "read parameter group %s", group);
    if (u->has_login && !side_each_database(u, SIDE_BLUE, false, count_database, &databases, e))
        return false;
    databases = databases > 0 ? databases : 1;
    const char *on = value_of(p, n, "rds.logical_replication");
    ret[0] = (struct parameter_need){
        .name = "rds.logical_replication", .wanted = "1", .is_met = strcmp(on, "1") == 0};
    (void)snprintf(ret[0].present, sizeof ret[0].present, "%s", on[0] ? on : "off");
    int workers = number_of(p, n, "max_logical_replication_workers"),
        autovacuum = number_of(p, n, "autovacuum_max_workers");
    int parallel = number_of(p, n, "max_parallel_workers");
    int logical = workers > databases + 1 ? workers : databases + 1;
    int slots = databases > 1 && u->strategy->follow_changes ? 2 * databases : databases + 1;
    need_number(&ret[1], "max_replication_slots", number_of(p, n, "max_replication_slots"), slots);
    need_number(&ret[2], "max_wal_senders", number_of(p, n, "max_wal_senders"), slots);
    need_number(&ret[3], "max_logical_replication_workers", workers, databases + 1);
    need_number(&ret[4], "max_worker_processes", number_of(p, n, "max_worker_processes"),
                logical + (autovacuum > 0 ? autovacuum : 3) + (parallel > 0 ? parallel : 0));
    return true;
}

static bool report_needs(const struct upgrade *u, const struct parameter_need *needs, struct err *e)
{
    const char *group = u->world.production->parameter_group;
    if (!needs[0].is_met)
        return upgrade_fail(e, E_LOGICAL_REPLICATION_OFF,
                            "rds.logical_replication is %s in cluster parameter group %s", needs[0].present,
                            group);
    struct buf text = BUF_INIT(1024);
    for (size_t i = 1; i < PARAMETER_NEEDS; i++)
        if (!needs[i].is_met)
            (void)buf_printf(&text, "%s%s is %s, needed is %s", text.n ? "; " : "", needs[i].name,
                             needs[i].present, needs[i].wanted);
    bool ok = text.n == 0 ||
              upgrade_fail(e, E_TOO_FEW_SLOTS, "cluster parameter group %s: %s", group, buf_text(&text));
    buf_done(&text);
    return ok;
}

static bool members_in_sync(const struct rds_cluster *k, struct err *e)
{
    for (size_t i = 0; i < k->member_count; i++)
        if (k->members[i].is_writer && strcmp(k->members[i].parameter_group_status, "in-sync") != 0)
            return upgrade_fail(
                e, E_REBOOT_NEEDED,
                "the writer %s has not taken over the cluster parameter group %s yet (status %s)",
                k->members[i].identifier, k->parameter_group, k->members[i].parameter_group_status);
    return true;
}

/* A completed copy of the group takes effect at a reboot only. */
static bool no_reboot_ahead(struct upgrade *u, struct err *e)
{
    struct parameter_need needs[PARAMETER_NEEDS];
    if (!parameter_needs(u, needs, e))
        return false;
    for (size_t i = 0; i < PARAMETER_NEEDS; i++)
        if (!needs[i].is_met)
            return upgrade_fail(e, E_REBOOT_NEEDED,
                                "%s of cluster %s must become %s, which needs a reboot of its instances",
                                needs[i].name, u->request.cluster, needs[i].wanted);
    return true;
}

/* CreateBlueGreenDeployment and ModifyDBCluster take one instance group for all of the new side. */
static bool one_instance_group(const struct upgrade *u, struct err *e)
{
    bool matters = makes_group(u, false) && !u->world.deployment;
    for (size_t i = 1; matters && i < u->world.instance_count; i++) {
        const struct rds_instance *first = u->world.instances[0], *other = u->world.instances[i];
        if (strcmp(first->parameter_group, other->parameter_group) != 0)
            return upgrade_fail(e, E_SEVERAL_GROUPS,
                                "instance %s has parameter group %s, instance %s has %s, and %s gets one "
                                "for all of its instances",
                                first->identifier, first->parameter_group, other->identifier,
                                other->parameter_group, u->strategy->new_side);
    }
    return true;
}

bool instance_groups_check(struct upgrade *u, bool *ret, struct err *e)
{
    *ret = true;
    return world_need(u, e) && one_instance_group(u, e);
}

bool parameters_check(struct upgrade *u, bool *ret, struct err *e)
{
    struct parameter_need needs[PARAMETER_NEEDS];
    if (!world_need(u, e))
        return false;
    const struct rds_cluster *k = u->world.production;
    *ret = true;
    if (!one_instance_group(u, e))
        return false;
    if (u->request.manage_source)
        return u->request.allow_reboot || (no_reboot_ahead(u, e) && members_in_sync(u->world.production, e));
    if (strncmp(k->parameter_group, "default.", 8) == 0)
        return upgrade_fail(e, E_DEFAULT_GROUP, "cluster %s uses the default parameter group %s",
                            k->identifier, k->parameter_group);
    return parameter_needs(u, needs, e) && report_needs(u, needs, e) &&
           (u->request.allow_reboot || members_in_sync(u->world.production, e));
}
