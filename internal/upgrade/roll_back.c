#include "internal/upgrade/roll_back.h"
#include "internal/pg/writes.h"
#include "internal/upgrade/errors.h"
#include "internal/upgrade/tags.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

enum {
    LINES_SHOWN = 20,
    TAGS_MAX = 50, /* of one object; RDS */
    MINUTE_MS = 60000
};

/* ---- names ---- */

const char *restored_name(struct arena *a, const char *name)
{
    return suffixed(a, name, "-restored");
}

const char *aside_name(struct arena *a, const char *name)
{
    return suffixed(a, name, "-upgraded");
}

const char *arriving_name(struct upgrade *u, const char *name)
{
    return suffixed(u->look, name, u->world.way ? u->world.way->arrives : "-restored");
}

const char *leaving_name(struct upgrade *u, const char *name)
{
    return suffixed(u->look, name, u->world.way ? u->world.way->leaves : "-upgraded");
}

/* ---- who is who ---- */

static const char *tag(const struct rds_cluster *k, const char *key)
{
    return k ? rds_tag_value(&k->tags, key) : NULL;
}

static bool has_tag(const struct rds_cluster *k, const char *key, const char *value)
{
    const char *found = tag(k, key);
    return found && strcasecmp(found, value) == 0;
}

static bool is_restored(const struct rds_cluster *k, const char *cluster)
{
    return has_tag(k, TAG_CLUSTER, cluster) && has_tag(k, TAG_RESOURCE, TAG_RESOURCE_IN_PLACE) &&
           tag(k, TAG_REPLACES);
}

static bool is_aside(const struct rds_cluster *k, const char *cluster)
{
    return has_tag(k, TAG_OLD_OF, cluster) && has_tag(k, TAG_RESOURCE, TAG_RESOURCE_IN_PLACE) &&
           tag(k, TAG_REPLACED_BY);
}

struct two {
    const struct rds_cluster *restored, *aside, *stray;
};

/* What the one put aside was replaced by has given the name up that this one bears. */
static bool is_stray(const struct two *t)
{
    const char *by = tag(t->aside, TAG_REPLACED_BY);
    return t->restored && by && strcmp(by, t->restored->resource_id) != 0 &&
           has_tag(t->restored, TAG_REPLACES, t->aside->resource_id);
}

/* By their names first, which cost a call each; by resource id where AWS is between two names. */
static bool find_two(const struct aws_session *s, const char *cluster, struct two *ret, struct err *e)
{
    const struct rds_cluster *r = NULL, *p = NULL;
    struct two t = {0};
    if (!rds_cluster_find(s, restored_name(s->arena, cluster), &r, e) ||
        !rds_cluster_find(s, aside_name(s->arena, cluster), &p, e))
        return err_wrap(e, "look for a roll-back of %s", cluster);
    t.restored = is_restored(r, cluster) ? r : NULL;
    bool is_replaced = t.restored && p && strcmp(tag(r, TAG_REPLACES), p->resource_id) == 0;
    t.aside = is_replaced || is_aside(p, cluster) ? p : NULL;
    if (is_stray(&t)) {
        t.stray = t.restored;
        t.restored = NULL;
    }
    bool unfinished = t.aside && !tag(t.aside, TAG_ROLLED_BACK_AT);
    if (!t.restored && unfinished &&
        !rds_cluster_find_by_resource_id(s, tag(t.aside, TAG_REPLACED_BY), &t.restored, e))
        return err_wrap(e, "look for what %s was restored as", cluster);
    *ret = t;
    return true;
}

static bool moves(const struct two *t)
{
    bool left = t->aside && !tag(t->aside, TAG_ROLLED_BACK_AT);
    return t->restored && (tag(t->restored, TAG_NAMES_MOVE) || left);
}

bool roll_back_look(struct upgrade *u, struct world *w, struct err *e)
{
    struct two t = {0};
    if (!find_two(&u->aws, u->request.cluster, &t, e))
        return false;
    const char *replaces = tag(t.restored, TAG_REPLACES);
    if (!t.aside && !w->production && replaces &&
        !rds_cluster_find_by_resource_id(&u->aws, replaces, &t.aside, e))
        return err_wrap(e, "look for what %s was", u->request.cluster);
    w->restored = t.restored;
    w->aside = t.aside;
    w->stray = t.stray;
    w->names_move = moves(&t);
    if (!t.restored)
        return true;
    if (!rds_instance_list(&u->aws, t.restored->identifier, &w->restored_instances,
                           &w->restored_instance_count, e))
        return err_wrap(e, "read the instances of %s", t.restored->identifier);
    if (!w->production) {
        w->production = t.restored;
        w->instances = w->restored_instances;
        w->instance_count = w->restored_instance_count;
        (void)!version_parse(t.restored->engine_version, &w->version);
    } else if (strcmp(w->production->resource_id, t.restored->resource_id) != 0) {
        w->green = t.restored;
        w->green_instances = w->restored_instances;
        w->green_instance_count = w->restored_instance_count;
    }
    return true;
}

/* Over, but perhaps for Terraform's state. */
bool roll_back_is_over(const struct world *w)
{
    return !w->restored && !w->snapshot && tag(w->aside, TAG_ROLLED_BACK_AT);
}

bool roll_back_is_due(const struct world *w)
{
    return w->restored || w->reached == STAGE_SWITCHED || roll_back_is_over(w);
}

bool not_rolling_back(const struct upgrade *u, struct err *e)
{
    const struct rds_cluster *r = u->world.is_switching ? NULL : u->world.restored;
    return !r ||
           upgrade_fail(e, E_ROLL_BACK_RUNNING, "a roll-back of %s is under way: %s %s", u->request.cluster,
                        u->strategy->slot_prefix ? "names move back to" : "its snapshot is restored as",
                        r->identifier);
}

bool roll_back_names_move(const struct aws_session *s, const char *cluster, bool *ret, struct err *e)
{
    struct two t = {0};
    if (!find_two(s, cluster, &t, e))
        return false;
    *ret = moves(&t);
    return true;
}

bool roll_back_announced(const struct aws_session *s, const char *cluster, bool *ret, struct err *e)
{
    const struct rds_cluster *r = NULL;
    if (!rds_cluster_find(s, restored_name(s->arena, cluster), &r, e))
        return err_wrap(e, "look for a roll-back of %s", cluster);
    *ret = is_restored(r, cluster) && tag(r, TAG_NAMES_MOVE);
    return true;
}

/* ---- what will be lost ---- */

struct losses {
    const char **lines;
    size_t n, cap;
    int64_t inserted, updated, deleted;
};

static bool add_losses(struct upgrade *u, struct pg *c, const char *database, void *arg, struct err *e)
{
    struct losses *l = arg;
    const struct pg_written *list = NULL;
    size_t n = 0;
    if (!pg_written(c, u->look, &list, &n, e))
        return false;
    for (size_t i = 0; i < n; i++) {
        const struct pg_written *w = &list[i];
        l->inserted += w->inserted;
        l->updated += w->updated;
        l->deleted += w->deleted;
        ARR_PUSH(u->look, l->lines, l->n, l->cap,
                 arena_printf(u->look,
                              "%s: %s %" PRId64 " inserted, %" PRId64 " updated, %" PRId64 " deleted",
                              database, w->table, w->inserted, w->updated, w->deleted));
    }
    return true;
}

static const char *counted(struct upgrade *u, enum side side)
{
    struct losses l = {0};
    struct err e = ERR_INIT;
    if (!u->has_login)
        return "What was written since cannot be counted: there is no login for PostgreSQL.";
    if (!side_each_database(u, side, false, add_losses, &l, &e))
        return arena_printf(u->look, "What was written since could not be counted: %s.", e.text);
    if (l.n == 0)
        return "The server's counters know of no row written since the upgrade.";
    return arena_printf(u->look,
                        "Rows written since the upgrade: %" PRId64 " inserted, %" PRId64 " updated, %" PRId64
                        " deleted (%s). What was written between the snapshot and the upgrade comes on top.",
                        l.inserted, l.updated, l.deleted, join_lines(u->look, l.lines, l.n, LINES_SHOWN));
}

static const char *age_text(struct upgrade *u)
{
    const struct rds_snapshot *p = u->world.snapshot;
    int64_t made = 0;
    if (!p || !time_parse_iso(p->create_time, &made))
        return "";
    int64_t minutes = (u->clock->wall_ms(u->clock) - made) / MINUTE_MS;
    return arena_printf(u->look, "Snapshot %s was made at %s, %" PRId64 " h %" PRId64 " min ago. ",
                        p->identifier, p->create_time, minutes / 60, minutes % 60);
}

const char *roll_back_losses(struct upgrade *u)
{
    return arena_printf(u->look, "%s%s", age_text(u), counted(u, SIDE_BLUE));
}

/* Once names move there is no way but on: the question was answered before. */
bool loss_accepted(struct upgrade *u, bool *ret, struct err *e)
{
    if (!world_need(u, e))
        return false;
    const struct rds_snapshot *p = u->world.snapshot;
    const char *accepted = u->request.accepted_loss;
    *ret = u->world.names_move || roll_back_is_over(&u->world) ||
           (p && accepted && strcasecmp(accepted, p->identifier) == 0);
    if (*ret)
        return true;
    if (!p)
        return upgrade_fail(e, E_SNAPSHOT_FAILED, "the snapshot of %s has disappeared", u->request.cluster);
    (void)upgrade_fail(e, E_LOSS_NOT_ACCEPTED,
                       "the roll-back of %s to snapshot %s loses what was written since, and "
                       "accept_data_loss_since_snapshot is %s",
                       u->request.cluster, p->identifier, accepted ? accepted : "not set");
    return err_said(e, "%s To accept it: accept_data_loss_since_snapshot = \"%s\"", roll_back_losses(u),
                    p->identifier);
}

bool losses_told(struct upgrade *u, bool *ret, struct err *e)
{
    if (!world_need(u, e))
        return false;
    *ret = true;
    if (u->world.aside)
        u->warn(u->warn_arg, "What the roll-back has taken back",
                arena_printf(u->look, "%s %s has it until `completed`.", counted(u, SIDE_OLD),
                             u->world.aside->identifier));
    return true;
}

/* ---- can it be restored? ---- */

static bool group_fits(struct upgrade *u, bool is_cluster, const char *name, struct err *e)
{
    const struct rds_group *g = NULL;
    struct version v = {0};
    if (!name)
        return upgrade_fail(e, E_NOT_RESTORABLE, "snapshot %s does not say which parameter groups %s had",
                            u->world.snapshot->identifier, u->request.cluster);
    if (strncmp(name, "default.", 8) == 0)
        return true;
    if (!rds_group_find(&u->aws, is_cluster, name, &g, e))
        return err_wrap(e, "look for parameter group %s", name);
    const char *family =
        version_parse(u->world.snapshot->engine_version, &v) ? family_name(u->look, v.major) : "";
    return (g && strcmp(g->family, family) == 0) ||
           upgrade_fail(e, E_NOT_RESTORABLE, "parameter group %s of %s, which %s had, %s", name, family,
                        u->request.cluster, g ? "is of another family by now" : "does not exist any more");
}

static bool groups_fit(struct upgrade *u, struct err *e)
{
    const struct rds_tags *t = &u->world.snapshot->tags;
    if (!group_fits(u, true, rds_tag_value(t, TAG_CLUSTER_GROUP), e) ||
        !group_fits(u, false, rds_tag_value(t, TAG_INSTANCE_GROUP), e))
        return false;
    for (size_t i = 0; i < t->count; i++)
        if (strncmp(t->tags[i].key, TAG_INSTANCE_GROUP ":", strlen(TAG_INSTANCE_GROUP) + 1) == 0 &&
            !group_fits(u, false, t->tags[i].value, e))
            return false;
    return true;
}

static bool cluster_name_free(struct upgrade *u, const char *name, const struct rds_cluster *ours,
                              struct err *e)
{
    const struct rds_cluster *k = NULL;
    if (!rds_cluster_find(&u->aws, name, &k, e))
        return err_wrap(e, "look for cluster %s", name);
    return !k || (ours && strcmp(k->resource_id, ours->resource_id) == 0) ||
           upgrade_fail(e, E_NOT_RESTORABLE, "cluster %s exists, and the roll-back needs that name", name);
}

static bool instance_name_free(struct upgrade *u, const char *name, struct err *e)
{
    const struct rds_instance *i = NULL;
    const struct rds_cluster *r = u->world.restored;
    if (!rds_instance_find(&u->aws, name, &i, e))
        return err_wrap(e, "look for instance %s", name);
    return !i || (r && strcasecmp(i->cluster_identifier, r->identifier) == 0) ||
           upgrade_fail(e, E_NOT_RESTORABLE, "instance %s exists, and the roll-back needs that name", name);
}

static bool names_free(struct upgrade *u, struct err *e)
{
    const struct world *w = &u->world;
    if (!cluster_name_free(u, restored_name(u->look, u->request.cluster), w->restored, e) ||
        !cluster_name_free(u, aside_name(u->look, u->request.cluster), NULL, e))
        return false;
    for (size_t i = 0; i < w->instance_count; i++)
        if (!instance_name_free(u, restored_name(u->look, w->instances[i]->identifier), e) ||
            !instance_name_free(u, aside_name(u->look, w->instances[i]->identifier), e))
            return false;
    return true;
}

/* Left by a roll-back of another run, or of a cluster that has been made again since. */
static bool is_of_this_run(const struct world *w)
{
    return has_tag(w->restored, TAG_REPLACES, w->production->resource_id) &&
           has_tag(w->restored, TAG_SNAPSHOT, w->snapshot->identifier);
}

bool restored_is_spare(const struct upgrade *u)
{
    const struct world *w = &u->world;
    return w->restored && !w->names_move && w->production && w->snapshot &&
           strcmp(w->production->resource_id, w->restored->resource_id) != 0 &&
           is_available(w->snapshot->status) && is_of_this_run(w);
}

bool restorable_check(struct upgrade *u, bool *ret, struct err *e)
{
    const char *busy = NULL;
    if (!world_need(u, e))
        return false;
    const struct world *w = &u->world;
    const struct rds_cluster *restored = w->restored;
    if (!w->snapshot || !is_available(w->snapshot->status))
        return upgrade_fail(e, E_SNAPSHOT_FAILED, "the snapshot of %s %s", u->request.cluster,
                            w->snapshot ? "is not available" : "has disappeared");
    if (!is_available(w->production->status) ||
        !instances_available(w->instances, w->instance_count, &busy) || w->instance_count == 0)
        return upgrade_fail(e, E_SOURCE_BUSY, "%s%s is not available", busy ? "instance " : "cluster ",
                            busy ? busy : u->request.cluster);
    if (restored && !is_of_this_run(w))
        return upgrade_fail(e, E_NOT_RESTORABLE, "cluster %s was restored for another roll-back",
                            restored->identifier);
    if (!groups_fit(u, e) || !names_free(u, e))
        return false;
    *ret = true;
    return true;
}

/* ---- what a later roll-back needs to know ---- */

static bool add_content(struct upgrade *u, struct pg *c, const char *database, void *arg, struct err *e)
{
    struct pg_content *sum = arg, one = {0};
    (void)database;
    if (!pg_content(c, u->look, &one, e))
        return false;
    sum->tables += one.tables;
    sum->rows += one.rows;
    sum->hash = (sum->hash ^ one.hash) * 1099511628211U;
    return true;
}

bool roll_back_content(struct upgrade *u, enum side side, struct arena *a, const char **ret, struct err *e)
{
    struct pg_content sum = {0};
    if (!side_each_database(u, side, false, add_content, &sum, e))
        return false;
    *ret = arena_printf(a, "%" PRId64 "/%" PRId64 "/%016" PRIx64, sum.tables, sum.rows, sum.hash);
    return true;
}

/* Without it the roll-back can only prove less. */
static const char *content_now(struct upgrade *u, struct arena *a)
{
    struct err e = ERR_INIT;
    const char *text = NULL;
    if (u->has_login && !roll_back_content(u, SIDE_BLUE, a, &text, &e))
        u->warn(u->warn_arg, "What the databases hold was not counted",
                arena_printf(a, "A roll-back can then not compare it: %s.", e.text));
    return text;
}

struct rds_tags roll_back_facts(struct upgrade *u, struct arena *a)
{
    const struct world *w = &u->world;
    const char *group = source_group(u, false), *content = content_now(u, a);
    struct rds_tag *tags = ARENA_ARRAY(a, struct rds_tag, TAGS_MAX);
    size_t n = 0;
    tags[n++] = (struct rds_tag){TAG_CLUSTER_GROUP, w->production->parameter_group};
    tags[n++] = (struct rds_tag){TAG_INSTANCE_GROUP, group};
    if (content)
        tags[n++] = (struct rds_tag){TAG_CONTENT, content};
    for (size_t i = 0; i < w->instance_count && n < TAGS_MAX; i++)
        if (strcmp(w->instances[i]->parameter_group, group) != 0)
            tags[n++] =
                (struct rds_tag){arena_printf(a, "%s:%s", TAG_INSTANCE_GROUP, w->instances[i]->identifier),
                                 w->instances[i]->parameter_group};
    return (struct rds_tags){tags, n};
}
