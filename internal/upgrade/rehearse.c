/* The rows of a rehearsal: the upgrade's own rows, with the clone in production's place. */
#include "internal/upgrade/errors.h"
#include "internal/upgrade/in_place.h"
#include "internal/upgrade/rehearsal.h"
#include "internal/upgrade/requests.h"
#include "internal/upgrade/tags.h"
#include "internal/upgrade/view.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* As long as the engine tries again what AWS refuses for the moment, less a bit. */
static const int64_t patience_ms = 4LL * 60 * 1000;

struct rehearsal {
    struct clone_view view; /* first: a row that was given the view finds the rehearsal by it */
    struct upgrade *u;
    bool is_over;    /* the outcome is written down */
    bool is_new;     /* … by this operation */
    bool has_logs;   /* they are in the journal */
    bool has_failed; /* for good: the clone goes, then `failure` is told */
    struct err failure;
    int64_t refused_ms; /* mono; since when AWS refuses the present row; 0: it does not */
};

static struct rehearsal *of(struct upgrade *u)
{
    if (!u->rehearsal) {
        u->rehearsal = ARENA_NEW(u->arena, struct rehearsal);
        *u->rehearsal = (struct rehearsal){.u = u};
    }
    return u->rehearsal;
}

void rehearsal_end(struct upgrade *u)
{
    if (u->rehearsal)
        clone_view_end(&u->rehearsal->view);
    u->rehearsal = NULL;
}

/* ---- what fails ---- */

/* For good, and not only for this process or this moment. */
static bool is_for_good(struct rehearsal *h, const struct err *why)
{
    struct clock *c = h->u->clock;
    if (why->code == ERR_CANCELLED || why->code == ERR_PAUSED || why->code == ERR_UNAVAILABLE ||
        why->code == ERR_TIMEOUT || why->code == ERR_AUTH || why->code == ERR_THROTTLED)
        return false;
    if (why->code != ERR_CONFLICT || why->id)
        return true;
    if (h->refused_ms == 0)
        h->refused_ms = c->mono_ms(c) + 1;
    return c->mono_ms(c) - h->refused_ms > patience_ms;
}

/* True: it is kept until the clone is gone. */
static bool keep_failure(struct rehearsal *h, const struct err *why, struct err *e)
{
    bool is_final = is_for_good(h, why);
    struct err *to = is_final ? &h->failure : e;
    h->has_failed = h->has_failed || is_final;
    if (!to)
        return is_final;
    if (is_final) {
        (void)upgrade_fail(to, E_REHEARSAL_FAILED, "the rehearsal of the upgrade of %s failed: %s",
                           h->u->request.cluster, why->text);
        (void)err_said(to, "%s", why->said);
        return true;
    }
    *to = *why;
    to->state[0] = '\0'; /* it speaks of the clone */
    return err_wrap(to, "rehearse the upgrade of %s", h->u->request.cluster);
}

/* Nothing is left to rehearse. */
static bool is_through(struct upgrade *u)
{
    return of(u)->is_over || of(u)->has_failed;
}

static bool need_clone(struct upgrade *u, struct err *e)
{
    if (!world_need(u, e))
        return false;
    return u->world.rehearsal || err_set(e, ERR_NOT_FOUND, "the clone has disappeared");
}

/* A look at the clone by one of the upgrade's own rows. */
static bool observe(struct upgrade *u, bool (*row)(struct upgrade *, bool *, struct err *), bool *ret,
                    struct err *e)
{
    struct rehearsal *h = of(u);
    struct err why = ERR_INIT;
    *ret = true;
    if (is_through(u))
        return true;
    bool ok = need_clone(u, &why);
    if (ok) {
        struct upgrade *v = clone_view(&h->view, u, u->world.rehearsal);
        *ret = false;
        ok = row(v, ret, &why);
        clone_view_rest(v);
    }
    if (!ok) {
        *ret = true;
        return keep_failure(h, &why, e);
    }
    h->refused_ms = *ret ? 0 : h->refused_ms;
    return true;
}

static bool carry_out(struct upgrade *u, bool (*row)(struct upgrade *, struct err *), struct err *e)
{
    struct rehearsal *h = of(u);
    struct err why = ERR_INIT;
    bool ok = need_clone(u, &why);
    if (ok) {
        struct upgrade *v = clone_view(&h->view, u, u->world.rehearsal);
        ok = world_need(v, &why) && row(v, &why);
        clone_view_rest(v);
    }
    return ok || keep_failure(h, &why, e);
}

/* ---- the clone ---- */

/* What a restore to a point in time is not told becomes AWS's default. Neither roles, logs in CloudWatch,
 * monitoring nor windows: the clone lives for an hour. */
static const struct request_setting of_cluster[] = {
    {"Port", "Port"},
    {"DBSubnetGroup", "DBSubnetGroupName"},
    {"KmsKeyId", "KmsKeyId"},
    {"DBClusterParameterGroup", "DBClusterParameterGroupName"},
    {"IAMDatabaseAuthenticationEnabled", "EnableIAMDatabaseAuthentication"},
    {"StorageType", "StorageType"},
    {"EngineLifecycleSupport", "EngineLifecycleSupport"},
    {"NetworkType", "NetworkType"},
    {"ServerlessV2ScalingConfiguration/MinCapacity", "ServerlessV2ScalingConfiguration.MinCapacity"},
    {"ServerlessV2ScalingConfiguration/MaxCapacity", "ServerlessV2ScalingConfiguration.MaxCapacity"},
    {"ServerlessV2ScalingConfiguration/SecondsUntilAutoPause",
     "ServerlessV2ScalingConfiguration.SecondsUntilAutoPause"},
    {NULL, NULL},
};

/* Any zone will do: the writer's may have no room, and the outcome does not depend on it. */
static const struct request_setting of_instance[] = {
    {"Engine", "Engine"},
    {"DBInstanceClass", "DBInstanceClass"},
    {"PreferredMaintenanceWindow", "PreferredMaintenanceWindow"},
    {"CACertificateIdentifier", "CACertificateIdentifier"},
    {NULL, NULL},
};

static struct rds_tags tags_and(struct upgrade *u, const struct rds_tag *more, size_t n)
{
    struct rds_tags run = run_tags(u, u->look);
    struct rds_tag *all = ARENA_ARRAY(u->look, struct rds_tag, run.count + n);
    memcpy(all, run.tags, run.count * sizeof *all);
    if (n > 0)
        memcpy(all + run.count, more, n * sizeof *all);
    return (struct rds_tags){all, run.count + n};
}

static const char *instance_name(struct upgrade *u)
{
    return suffixed(u->look, u->request.cluster, "-rehearsal-1");
}

/* What bears the names and is not ours belongs to somebody else. */
static bool names_are_free(struct upgrade *u, struct err *e)
{
    const struct rds_cluster *k = NULL;
    const struct rds_instance *i = NULL;
    const char *cluster = rehearsal_name(u->look, u->request.cluster), *instance = instance_name(u);
    if (!rds_cluster_find(&u->aws, cluster, &k, e) || !rds_instance_find(&u->aws, instance, &i, e))
        return err_wrap(e, "look whether the names of the clone are free");
    if (k)
        return upgrade_fail(e, E_REHEARSAL_NAME, "cluster %s exists, and the clone needs that name", cluster);
    return !i ||
           upgrade_fail(e, E_REHEARSAL_NAME, "instance %s exists, and the clone needs that name", instance);
}

bool rehearsal_cloned(struct upgrade *u, bool *ret, struct err *e)
{
    struct rehearsal *h = of(u);
    if (!world_need(u, e) || !rehearsal_is_known(u, &h->is_over, e))
        return false;
    *ret = is_through(u) || u->world.rehearsal;
    return true;
}

bool rehearsal_clone(struct upgrade *u, struct err *e)
{
    if (!world_need(u, e) || !resolve_version(u, e) || !names_are_free(u, e))
        return false;
    const struct rds_cluster *k = u->world.production;
    const struct rds_tag ours[] = {{TAG_REHEARSAL_OF, k->resource_id},
                                   {TAG_REHEARSAL, rehearsal_subject(u, u->look)}};
    struct request_fields f = {0};
    request_put(&f, "DBClusterIdentifier", rehearsal_name(u->look, u->request.cluster));
    request_put(&f, "SourceDBClusterIdentifier", k->identifier);
    request_put(&f, "RestoreType", "copy-on-write");
    request_put(&f, "UseLatestRestorableTime", "true");
    request_put(&f, "DeletionProtection", "false");
    request_put(&f, "CopyTagsToSnapshot", "false");
    request_put(&f, "BackupRetentionPeriod", "1"); /* the least there is */
    request_put_settings(&f, k->raw, of_cluster);
    request_put_list(u->look, &f, k->raw, "VpcSecurityGroups", "VpcSecurityGroupId",
                     "VpcSecurityGroupIds.VpcSecurityGroupId");
    struct err why = ERR_INIT;
    return rds_cluster_clone(&u->aws, f.list, tags_and(u, ours, ARRAY_LEN(ours)), &why) ||
           keep_failure(of(u), &why, e);
}

static bool is_made(struct upgrade *v, bool *ret, struct err *e)
{
    if (!world_need(v, e))
        return false;
    const char *status = v->world.production->status;
    *ret = is_available(status);
    return !(strstr(status, "failed") || strstr(status, "inaccessible")) ||
           err_set(e, ERR_REMOTE, "clone %s is \"%s\"", v->request.cluster, status);
}

bool rehearsal_exists(struct upgrade *u, bool *ret, struct err *e)
{
    return observe(u, is_made, ret, e);
}

/* ---- its instance ---- */

static bool has_instance(struct upgrade *v, bool *ret, struct err *e)
{
    if (!world_need(v, e))
        return false;
    *ret = v->world.instance_count > 0;
    return true;
}

bool rehearsal_instance_made(struct upgrade *u, bool *ret, struct err *e)
{
    return observe(u, has_instance, ret, e);
}

static const struct rds_instance *writer_of(const struct world *w)
{
    const struct rds_cluster *k = w->production;
    for (size_t m = 0; m < k->member_count; m++)
        for (size_t i = 0; k->members[m].is_writer && i < w->instance_count; i++)
            if (strcmp(w->instances[i]->identifier, k->members[m].identifier) == 0)
                return w->instances[i];
    return w->instance_count > 0 ? w->instances[0] : NULL;
}

bool rehearsal_instance_make(struct upgrade *u, struct err *e)
{
    struct err why = ERR_INIT;
    struct request_fields f = {0};
    if (!world_need(u, e))
        return false;
    const struct rds_instance *writer = writer_of(&u->world);
    if (!writer)
        return upgrade_fail(e, E_SOURCE_BUSY, "%s has no instance", u->request.cluster);
    request_put(&f, "DBInstanceIdentifier", instance_name(u));
    request_put(&f, "DBClusterIdentifier", rehearsal_name(u->look, u->request.cluster));
    request_put(&f, "DBParameterGroupName", writer->parameter_group);
    request_put(&f, "PubliclyAccessible", "false");
    request_put(&f, "AutoMinorVersionUpgrade", "false");
    request_put(&f, "MonitoringInterval", "0");
    request_put(&f, "EnablePerformanceInsights", "false");
    request_put(&f, "CopyTagsToSnapshot", "false");
    request_put_settings(&f, writer->raw, of_instance);
    return rds_instance_create(&u->aws, f.list, tags_and(u, NULL, 0), &why) || keep_failure(of(u), &why, e);
}

static bool works(struct upgrade *v, bool *ret, struct err *e)
{
    if (!new_available(v, ret, e))
        return false;
    for (size_t i = 0; i < v->world.instance_count; i++) {
        const struct rds_instance *one = v->world.instances[i];
        if (strstr(one->status, "failed") || strstr(one->status, "incompatible"))
            return err_set(e, ERR_REMOTE, "instance %s is \"%s\"", one->identifier, one->status);
    }
    *ret = *ret && v->world.instance_count > 0;
    return true;
}

bool rehearsal_ready(struct upgrade *u, bool *ret, struct err *e)
{
    return observe(u, works, ret, e);
}

/* ---- the upgrade ---- */

static bool tag_clone(struct upgrade *u, const char *key, const char *value, struct err *e)
{
    const struct rds_cluster *k = u->world.rehearsal;
    const struct rds_tag tag = {key, value};
    return rds_tag_add(&u->aws, k->arn, (struct rds_tags){&tag, 1}, e) ||
           err_wrap(e, "tag cluster %s", k->identifier);
}

bool rehearsal_upgrade_begun(struct upgrade *u, bool *ret, struct err *e)
{
    return observe(u, upgrade_begun, ret, e);
}

/* A call of a process that died may be under way though AWS does not show it yet; then it refuses another. */
static bool call_again(struct upgrade *u, struct err *e)
{
    struct err why = ERR_INIT;
    struct upgrade *v = clone_view(&of(u)->view, u, u->world.rehearsal);
    bool ok = world_need(v, &why) && upgrade_begin(v, &why);
    clone_view_rest(v);
    if (ok)
        return true;
    if (why.id && strcmp(why.id, upgrade_errors[E_UPGRADE_REFUSED].id) == 0)
        return err_set(e, ERR_CONFLICT, "AWS may have begun to upgrade the clone: %s", why.said);
    return keep_failure(of(u), &why, e);
}

bool rehearsal_upgrade_begin(struct upgrade *u, struct err *e)
{
    char now[TIME_ISO_SIZE];
    time_iso(u->clock->wall_ms(u->clock), false, now);
    if (!need_clone(u, e))
        return false;
    if (rds_tag_value(&u->world.rehearsal->tags, TAG_REHEARSAL_BEGAN))
        return call_again(u, e);
    return tag_clone(u, TAG_REHEARSAL_BEGAN, now, e) && carry_out(u, upgrade_begin, e);
}

static bool ended(struct upgrade *v, bool *ret, struct err *e)
{
    struct rehearsal *h = (struct rehearsal *)v->login_arg; /* the view is its first member */
    bool over = upgrade_ended(v, ret, e);
    if ((!over || *ret) && !h->has_logs)
        upgrade_keep_logs(v);
    h->has_logs = h->has_logs || !over || *ret;
    return over && (!*ret || works(v, ret, e));
}

bool rehearsal_upgrade_ended(struct upgrade *u, bool *ret, struct err *e)
{
    return observe(u, ended, ret, e);
}

bool rehearsal_groups_attached(struct upgrade *u, bool *ret, struct err *e)
{
    return observe(u, groups_attached, ret, e);
}

bool rehearsal_groups_attach(struct upgrade *u, struct err *e)
{
    return carry_out(u, groups_attach, e);
}

bool rehearsal_groups_settled(struct upgrade *u, bool *ret, struct err *e)
{
    return observe(u, groups_settled, ret, e);
}

bool rehearsal_reboot_done(struct upgrade *u, bool *ret, struct err *e)
{
    return observe(u, new_reboot_done, ret, e);
}

bool rehearsal_reboot_run(struct upgrade *u, struct err *e)
{
    return carry_out(u, new_reboot_run, e);
}

bool rehearsal_in_sync(struct upgrade *u, bool *ret, struct err *e)
{
    return observe(u, new_in_sync, ret, e);
}

/* ---- what it took ---- */

static bool has_noted(struct upgrade *u, const char *key, bool *ret, struct err *e)
{
    struct err why = ERR_INIT;
    *ret = true;
    if (is_through(u))
        return true;
    if (!need_clone(u, &why))
        return keep_failure(of(u), &why, e);
    *ret = rds_tag_value(&u->world.rehearsal->tags, key) != NULL;
    return true;
}

static const char *seconds_since(struct upgrade *u, int64_t wall_ms)
{
    int64_t ms = u->clock->wall_ms(u->clock) - wall_ms;
    return arena_printf(u->look, "%" PRId64, ms > 0 ? (ms + 500) / 1000 : 0);
}

bool rehearsal_measured(struct upgrade *u, bool *ret, struct err *e)
{
    return has_noted(u, TAG_REHEARSED_UPGRADE, ret, e);
}

bool rehearsal_measure(struct upgrade *u, struct err *e)
{
    int64_t began = tag_time(&u->world.rehearsal->tags, TAG_REHEARSAL_BEGAN);
    return tag_clone(u, TAG_REHEARSED_UPGRADE, began ? seconds_since(u, began) : "-", e);
}

bool rehearsal_statistics_done(struct upgrade *u, bool *ret, struct err *e)
{
    return has_noted(u, TAG_REHEARSED_STATISTICS, ret, e);
}

static bool analyze(struct upgrade *v, struct err *e)
{
    bool passes = false;
    return new_version_check(v, &passes, e) && new_statistics_run(v, e);
}

/* A clone without a public name need not be reachable from here: then its time stays unknown. */
bool rehearsal_statistics_run(struct upgrade *u, struct err *e)
{
    struct rehearsal *h = of(u);
    struct err why = ERR_INIT;
    struct clock *c = u->clock;
    int64_t began = c->wall_ms(c);
    if (!need_clone(u, e))
        return false;
    struct upgrade *v = clone_view(&h->view, u, u->world.rehearsal);
    bool ok = world_need(v, &why) && analyze(v, &why);
    clone_view_rest(v);
    if (ok)
        return tag_clone(u, TAG_REHEARSED_STATISTICS, seconds_since(u, began), e);
    if (why.id && strcmp(why.id, upgrade_errors[E_VERIFY_FAILED].id) == 0)
        return keep_failure(h, &why, e);
    if (why.code == ERR_CANCELLED) {
        *e = why;
        return false;
    }
    u->warn(u->warn_arg, "The time that ANALYZE takes is not known",
            arena_printf(u->look, "The clone %s could not be reached or analyzed: %s.",
                         rehearsal_name(u->look, u->request.cluster), why.text));
    return tag_clone(u, TAG_REHEARSED_STATISTICS, "-", e);
}

/* ---- the outcome, where it outlives the clone ---- */

bool rehearsal_noted(struct upgrade *u, bool *ret, struct err *e)
{
    struct rehearsal *h = of(u);
    *ret = true;
    if (is_through(u))
        return true;
    if (!world_need(u, e) || !rehearsal_is_known(u, ret, e))
        return false;
    h->is_over = h->is_new = *ret;
    return true;
}

static bool make_note(struct upgrade *u, const char *name, struct err *e)
{
    struct err why = ERR_INIT;
    if (rds_group_create(&u->aws, true, name, family_name(u->look, u->request.target.major),
                         arena_printf(u->look,
                                      "Outcome of a rehearsal of the upgrade of %s; attached nowhere",
                                      u->request.cluster),
                         run_tags(u, u->look), &why) ||
        why.code == ERR_CONFLICT)
        return true;
    *e = why;
    return err_wrap(e, "make parameter group %s", name);
}

bool rehearsal_note(struct upgrade *u, struct err *e)
{
    struct err why = ERR_INIT;
    const struct rds_group *g = NULL;
    char now[TIME_ISO_SIZE];
    if (!need_clone(u, &why))
        return keep_failure(of(u), &why, e);
    const char *name = rehearsal_note_name(u, u->look);
    const struct rds_tags *t = &u->world.rehearsal->tags;
    const char *took = rds_tag_value(t, TAG_REHEARSED_UPGRADE),
               *own = rds_tag_value(t, TAG_REHEARSED_STATISTICS);
    time_iso(u->clock->wall_ms(u->clock), false, now);
    const struct rds_tag facts[] = {{TAG_REHEARSAL, rehearsal_subject(u, u->look)},
                                    {TAG_REHEARSED_AT, now},
                                    {TAG_REHEARSED_UPGRADE, took ? took : "-"},
                                    {TAG_REHEARSED_STATISTICS, own ? own : "-"}};
    if (!make_note(u, name, e) || !rds_group_find(&u->aws, true, name, &g, e))
        return false;
    return (g && rds_tag_add(&u->aws, g->arn, (struct rds_tags){facts, ARRAY_LEN(facts)}, e)) ||
           err_wrap(e, "write down the outcome of the rehearsal");
}

bool rehearsal_check(struct upgrade *u, bool *ret, struct err *e)
{
    struct rehearsal *h = of(u);
    if (h->has_failed) {
        *e = h->failure;
        return false;
    }
    *ret = true;
    if (h->is_new && u->warn)
        u->warn(u->warn_arg, "The upgrade was rehearsed on a clone",
                arena_printf(u->look, "Expect of production: %s. The clone is gone.",
                             rehearsal_told(u, u->look)));
    return true;
}
