/* The clone of a rehearsal: whose it is, what is known of it, and how it goes. */
#include "internal/upgrade/rehearsal.h"
#include "internal/upgrade/blue_green.h"
#include "internal/upgrade/errors.h"
#include "internal/upgrade/tags.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* How long AWS may go on saying "available" after it took the call; and how long a clone that waits for it is
 * still what production is. */
static const int64_t call_takes_ms = 5LL * 60 * 1000, fresh_ms = 6LL * 3600 * 1000;

/* ---- names and whose they are ---- */

const char *rehearsal_name(struct arena *a, const char *cluster)
{
    return suffixed(a, cluster, "-rehearsal");
}

const char *rehearsal_note_name(const struct upgrade *u, struct arena *a)
{
    return arena_printf(a, "%s-upgrade-%d-rehearsal", u->request.cluster, u->request.target.major);
}

static bool has_tag(const struct rds_cluster *k, const char *key, const char *value)
{
    const char *found = rds_tag_value(&k->tags, key);
    return found && strcasecmp(found, value) == 0;
}

bool rehearsal_look(struct upgrade *u, struct world *w, struct err *e)
{
    const struct rds_cluster *k = NULL;
    if (!rds_cluster_find(&u->aws, rehearsal_name(u->look, u->request.cluster), &k, e))
        return err_wrap(e, "look for a rehearsal of %s", u->request.cluster);
    bool ours = k && has_tag(k, TAG_CLUSTER, u->request.cluster) && rds_tag_value(&k->tags, TAG_REHEARSAL_OF);
    w->rehearsal = ours ? k : NULL;
    return true;
}

/* ---- what it is good for ---- */

static uint32_t mixed(uint32_t h, const char *s) /* FNV-1a */
{
    for (; *s; s++)
        h = (h ^ (unsigned char)*s) * 16777619U;
    return (h ^ '/') * 16777619U;
}

static const char *group_wanted(const struct upgrade *u, struct arena *a, bool is_cluster)
{
    return takes_default(u, is_cluster) ? "default" : target_group(u, a, is_cluster);
}

const char *rehearsal_subject(const struct upgrade *u, struct arena *a)
{
    const struct rds_cluster *k = u->world.production;
    uint32_t groups = mixed(mixed(2166136261U, group_wanted(u, a, true)), group_wanted(u, a, false));
    return arena_printf(a, "%s %s %s %s %08" PRIx32, k->resource_id, k->engine_version, u->resolved_version,
                        u->request.toggles_groups ? "toggle" : "direct", groups);
}

static bool is_failed(const char *status)
{
    static const char *const words[] = {"failed", "inaccessible", "incompatible", "restore-error"};
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (strstr(status, words[i]))
            return true;
    return false;
}

static int64_t age_ms(const struct upgrade *u, int64_t since)
{
    return u->clock->wall_ms(u->clock) - since;
}

/* An attempt that AWS took back is over: its clone has the faults of then, which may be corrected by now. */
static bool goes_on(const struct upgrade *u, const struct rds_cluster *k)
{
    struct version v = {0};
    int64_t made = 0, began = tag_time(&k->tags, TAG_REHEARSAL_BEGAN);
    if (strcmp(k->status, "deleting") == 0 || is_failed(k->status))
        return false;
    if (!version_parse(k->engine_version, &v) || v.major >= u->request.target.major)
        return true;
    if (began)
        return !is_available(k->status) || age_ms(u, began) <= call_takes_ms;
    return !time_parse_iso(xml_text(k->raw, "ClusterCreateTime", ""), &made) || age_ms(u, made) <= fresh_ms;
}

bool rehearsal_is_left(struct upgrade *u, bool forward, bool *ret, struct err *e)
{
    const struct world *w = &u->world;
    bool mine = forward && u->request.rehearses && w->production && w->rehearsal &&
                w->version.major < u->request.target.major && strcmp(w->production->status, "upgrading") != 0;
    if (mine && !resolve_version(u, e))
        return err_wrap(e, "look at cluster %s", w->rehearsal->identifier);
    mine = mine && has_tag(w->rehearsal, TAG_REHEARSAL, rehearsal_subject(u, u->look)) &&
           goes_on(u, w->rehearsal);
    *ret = w->rehearsal && !mine;
    return true;
}

/* ---- what is known of one that is over ---- */

static bool find_note(struct upgrade *u, const struct rds_group **ret, struct rds_tags *ret_tags,
                      struct err *e)
{
    const char *name = rehearsal_note_name(u, u->look);
    *ret_tags = (struct rds_tags){0};
    if (!rds_group_find(&u->aws, true, name, ret, e) ||
        (*ret && !rds_tag_list(&u->aws, (*ret)->arn, ret_tags, e)))
        return err_wrap(e, "look for what a rehearsal of %s has shown", u->request.cluster);
    const char *of = rds_tag_value(ret_tags, TAG_CLUSTER);
    if (!of || strcasecmp(of, u->request.cluster) != 0)
        *ret = NULL;
    return true;
}

static const char *kept(struct upgrade *u, const struct rds_tags *t, const char *key)
{
    const char *text = rds_tag_value(t, key);
    return text && text[0] ? arena_strdup(u->arena, text) : NULL;
}

bool rehearsal_is_known(struct upgrade *u, bool *ret, struct err *e)
{
    const struct rds_group *g = NULL;
    struct rds_tags tags = {0};
    if (!resolve_version(u, e) || !find_note(u, &g, &tags, e))
        return false;
    const char *subject = g ? rds_tag_value(&tags, TAG_REHEARSAL) : NULL;
    *ret = subject && strcmp(subject, rehearsal_subject(u, u->look)) == 0;
    if (*ret) {
        u->history.rehearsed_at = kept(u, &tags, TAG_REHEARSED_AT);
        u->history.rehearsed_upgrade_s = kept(u, &tags, TAG_REHEARSED_UPGRADE);
        u->history.rehearsed_statistics_s = kept(u, &tags, TAG_REHEARSED_STATISTICS);
    }
    return true;
}

static const char *span(struct arena *a, const char *seconds)
{
    long s = seconds ? strtol(seconds, NULL, 10) : 0;
    return s < 60 ? arena_printf(a, "%ld s", s) : arena_printf(a, "%ld min %ld s", s / 60, s % 60);
}

const char *rehearsal_told(const struct upgrade *u, struct arena *a)
{
    const struct history *h = &u->history;
    const char *own = h->rehearsed_statistics_s;
    if (!h->rehearsed_upgrade_s)
        return "";
    return arena_printf(a, "the upgrade took %s%s%s", span(a, h->rehearsed_upgrade_s),
                        own && own[0] != '-' ? ", ANALYZE in stages " : "",
                        own && own[0] != '-' ? span(a, own) : "");
}

bool rehearsal_forgotten(struct upgrade *u, bool *ret, struct err *e)
{
    const struct rds_group *g = NULL;
    struct rds_tags tags = {0};
    if (!world_look(u, e) || !find_note(u, &g, &tags, e))
        return false;
    *ret = g == NULL;
    return true;
}

bool rehearsal_forget(struct upgrade *u, struct err *e)
{
    const struct rds_group *g = NULL;
    struct rds_tags tags = {0};
    if (!find_note(u, &g, &tags, e))
        return false;
    return !g || rds_group_delete(&u->aws, true, g->name, e) ||
           err_wrap(e, "delete parameter group %s", g->name);
}

/* ---- its end ---- */

/* The last line of defence before anything is deleted. */
static bool is_the_clone(const struct upgrade *u, struct err *e)
{
    const struct rds_cluster *k = u->world.rehearsal, *p = u->world.production;
    bool other = strcasecmp(k->identifier, u->request.cluster) != 0 &&
                 (!p || strcmp(p->resource_id, k->resource_id) != 0);
    if (other && rds_tag_value(&k->tags, TAG_REHEARSAL_OF) && !has_tag(k, TAG_REHEARSAL_OF, k->resource_id))
        return true;
    return err_set(e, ERR_BUG, "refusing to delete %s: it is not positively the clone of a rehearsal",
                   k->identifier);
}

static bool instances_of(struct upgrade *u, const struct rds_instance *const **ret, size_t *ret_n,
                         struct err *e)
{
    *ret_n = 0;
    if (!u->world.rehearsal || rds_instance_list(&u->aws, u->world.rehearsal->identifier, ret, ret_n, e))
        return true;
    return err_wrap(e, "read the instances of %s", u->world.rehearsal->identifier);
}

/* AWS deletes nothing that it is working on. */
static bool is_settled(const char *status)
{
    return is_available(status) || is_failed(status) || strcmp(status, "deleting") == 0 ||
           strcmp(status, "stopped") == 0 || strcmp(status, "storage-full") == 0;
}

bool rehearsal_rests(struct upgrade *u, bool *ret, struct err *e)
{
    const struct rds_instance *const *list = NULL;
    size_t n = 0;
    if (!world_look(u, e) || !instances_of(u, &list, &n, e))
        return false;
    bool rests = !u->world.rehearsal || is_settled(u->world.rehearsal->status);
    for (size_t i = 0; i < n; i++)
        rests = rests && is_settled(list[i]->status);
    *ret = rests;
    return true;
}

bool rehearsal_instances_deleted(struct upgrade *u, bool *ret, struct err *e)
{
    const struct rds_instance *const *list = NULL;
    size_t n = 0;
    if (!world_look(u, e) || !instances_of(u, &list, &n, e))
        return false;
    bool all = true;
    for (size_t i = 0; i < n; i++)
        all = all && strcmp(list[i]->status, "deleting") == 0;
    *ret = all;
    return true;
}

/* Written down before: whoever comes next must not go on with half a clone. */
static bool mark_over(struct upgrade *u, struct err *e)
{
    static const struct rds_tag over = {TAG_REHEARSAL, "over"};
    const struct rds_cluster *k = u->world.rehearsal;
    return has_tag(k, over.key, over.value) || rds_tag_add(&u->aws, k->arn, (struct rds_tags){&over, 1}, e) ||
           err_wrap(e, "tag cluster %s", k->identifier);
}

bool rehearsal_instances_delete(struct upgrade *u, struct err *e)
{
    const struct rds_instance *const *list = NULL;
    size_t n = 0;
    if (!is_the_clone(u, e) || !mark_over(u, e) || !instances_of(u, &list, &n, e))
        return false;
    for (size_t i = 0; i < n; i++)
        if (strcmp(list[i]->status, "deleting") != 0 && !rds_instance_delete(&u->aws, list[i]->identifier, e))
            return err_wrap(e, "delete instance %s", list[i]->identifier);
    return true;
}

bool rehearsal_deleted(struct upgrade *u, bool *ret, struct err *e)
{
    if (!world_look(u, e))
        return false;
    *ret = !u->world.rehearsal || strcmp(u->world.rehearsal->status, "deleting") == 0;
    return true;
}

/* No final snapshot: it is a copy. Somebody may have protected it. */
bool rehearsal_delete(struct upgrade *u, struct err *e)
{
    struct rds_cluster_change change = RDS_CLUSTER_CHANGE_INIT;
    const struct rds_cluster *k = u->world.rehearsal;
    change.deletion_protection = 0;
    change.apply_immediately = true;
    if (!is_the_clone(u, e))
        return false;
    if (k->deletion_protection && !rds_cluster_modify(&u->aws, k->identifier, &change, e))
        return err_wrap(e, "lift the deletion protection of %s", k->identifier);
    return rds_cluster_delete(&u->aws, k->identifier, NULL, true, e) ||
           err_wrap(e, "delete cluster %s", k->identifier);
}

bool rehearsal_gone(struct upgrade *u, bool *ret, struct err *e)
{
    if (!world_look(u, e))
        return false;
    *ret = u->world.rehearsal == NULL;
    return true;
}
