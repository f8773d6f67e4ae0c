/* Every setting of production is carried: compared member by member, put right on the new side where that is
 * possible, refused before the switch where it is not. Only sides of our own making are changed. */
#include "internal/upgrade/settings.h"
#include "internal/upgrade/errors.h"
#include "internal/upgrade/in_place.h"
#include "internal/upgrade/logical.h"
#include "internal/upgrade/parity.h"
#include "internal/upgrade/roll_back.h"
#include "internal/upgrade/tags.h"

#include <string.h>

enum {
    LINES_SHOWN = 10,
    REPAIR_TRIES = 120, /* AWS shows a changed setting minutes later */
    REPAIR_PAUSE_MS = 5000,
    FIELDS_MAX = 256
};

#define OURS "aurora-upgrade:" /* what every name in tags.h begins with */

/* ---- what differs ---- */

/* One object of the old side, and its counterpart. */
struct pair {
    enum parity_object of;
    const char *old_name, *new_name;
    const struct xml *old_object, *new_object;
    const struct rds_tags *old_tags, *new_tags;
    const char *new_arn;
    const struct parity_difference *list; /* that count for this upgrade */
    size_t n;
};

/* Cluster first, then instances. */
struct pairs {
    struct pair *items;
    size_t n, cap;
    bool with_tags; /* after the switch, which carries them: before it they are no matter */
};

#define PAIR(o, x, y)                                                                                        \
    (struct pair)                                                                                            \
    {                                                                                                        \
        .of = (o), .old_name = (x)->identifier, .new_name = (y)->identifier, .old_object = (x)->raw,         \
        .new_object = (y)->raw, .old_tags = &(x)->tags, .new_tags = &(y)->tags, .new_arn = (y)->arn          \
    }

static void add_pair(struct upgrade *u, struct pairs *p, struct pair one)
{
    const struct parity_difference *all = NULL;
    struct parity_difference *kept = NULL;
    size_t n = 0, kept_n = 0, cap = 0;
    parity_compare(u->look, one.of, one.old_object, one.new_object, &all, &n);
    for (size_t i = 0; i < n; i++) {
        bool wanted = u->request.instance_class && strcmp(all[i].member, "DBInstanceClass") == 0;
        /* We lift the old side's before it goes, and never production's. */
        bool lifted = p->with_tags && strcmp(all[i].member, "DeletionProtection") == 0 &&
                      strcmp(all[i].new_value, "true") == 0;
        /* Ours is protected while it is of no use to anybody else. */
        bool guarded = u->strategy->slot_prefix && strcmp(all[i].member, "DeletionProtection") == 0;
        bool rekeyed = clone_key_explains(u, all[i].member, one.new_object);
        if (!wanted && !lifted && !guarded && !rekeyed)
            ARR_PUSH(u->look, kept, kept_n, cap, all[i]);
    }
    one.list = kept;
    one.n = kept_n;
    ARR_PUSH(u->look, p->items, p->n, p->cap, one);
}

static const struct rds_instance *by_arn(const struct rds_instance *const *list, size_t n, const char *arn)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(list[i]->arn, arn) == 0)
            return list[i];
    return NULL;
}

struct members {
    const struct rds_instance *const *list;
    size_t n;
};

static void add_instances(struct upgrade *u, struct pairs *p, struct members old_side,
                          struct members new_side)
{
    const struct rds_bluegreen *d = u->world.deployment;
    for (size_t i = 0; d && i < d->member_count; i++) {
        const struct rds_instance *x = by_arn(old_side.list, old_side.n, d->members[i].source);
        const struct rds_instance *y = by_arn(new_side.list, new_side.n, d->members[i].target);
        if (x && y)
            add_pair(u, p, PAIR(PARITY_INSTANCE, x, y));
    }
    for (size_t i = 0; !d && i < old_side.n; i++) {
        const struct rds_instance *y = twin_of(new_side.list, new_side.n, old_side.list[i]->identifier);
        if (y)
            add_pair(u, p, PAIR(PARITY_INSTANCE, old_side.list[i], y));
    }
}

static void add_clusters(struct upgrade *u, struct pairs *p, const struct rds_cluster *x,
                         const struct rds_cluster *y)
{
    add_pair(u, p, PAIR(PARITY_CLUSTER, x, y));
}

static bool both_sides(struct upgrade *u, struct pairs *ret, struct err *e)
{
    if (!world_need(u, e))
        return false;
    const struct world *w = &u->world;
    if (!w->green)
        return upgrade_fail(e, E_DEPLOYMENT_GONE, "%s of %s has disappeared", u->strategy->new_side,
                            u->request.cluster);
    *ret = (struct pairs){.with_tags = w->restored || u->carries_tags};
    add_clusters(u, ret, w->production, w->green);
    add_instances(u, ret, (struct members){w->instances, w->instance_count},
                  (struct members){w->green_instances, w->green_instance_count});
    return true;
}

/* After the switch the old side is what production was. Nothing is compared once an apply has proved the new
 * side, or when the old side is gone. */
static bool after_switch(struct upgrade *u, struct pairs *ret, struct err *e)
{
    struct members old_side = {0};
    *ret = (struct pairs){.with_tags = true};
    if (!world_need(u, e))
        return false;
    const struct world *w = &u->world;
    if (!w->old || u->is_verified)
        return true;
    if (!rds_instance_list(&u->aws, w->old->identifier, &old_side.list, &old_side.n, e))
        return err_wrap(e, "read the instances of %s", w->old->identifier);
    add_clusters(u, ret, w->old, w->production);
    add_instances(u, ret, old_side, (struct members){w->instances, w->instance_count});
    return true;
}

/* In place the objects are the same ones: by name. */
static bool before_and_now(struct upgrade *u, struct pairs *ret, struct err *e)
{
    const struct world *was = &u->before;
    *ret = (struct pairs){.with_tags = true};
    if (!world_need(u, e))
        return false;
    const struct world *w = &u->world;
    if (!was->production || u->is_verified)
        return true;
    add_clusters(u, ret, was->production, w->production);
    for (size_t i = 0; i < was->instance_count; i++)
        for (size_t k = 0; k < w->instance_count; k++)
            if (strcmp(was->instances[i]->identifier, w->instances[k]->identifier) == 0)
                add_pair(u, ret, PAIR(PARITY_INSTANCE, was->instances[i], w->instances[k]));
    return true;
}

/* ---- requests ---- */

struct request_fields {
    struct aws_field list[FIELDS_MAX];
    size_t n;
};

static void add_field(struct request_fields *f, const char *name, const char *value)
{
    if (value && f->n + 1 < FIELDS_MAX)
        f->list[f->n++] = (struct aws_field){name, value};
}

static bool has_field(const struct request_fields *f, const char *name)
{
    for (size_t i = 0; i < f->n; i++)
        if (strcmp(f->list[i].name, name) == 0)
            return true;
    return false;
}

static void add_text(struct upgrade *u, const struct pair *p, const struct parity_rule *r,
                     struct request_fields *f)
{
    const char *value = xml_text(p->old_object, r->member, "");
    if ((r->of & p->of) && !has_field(f, r->request))
        add_field(f, r->request, *value ? arena_strdup(u->look, value) : r->unset);
}

/* AWS wants some settings in one request. */
static void add_together(struct upgrade *u, const struct pair *p, const struct parity_rule *one,
                         struct request_fields *f)
{
    add_text(u, p, one, f);
    for (const struct parity_rule *r = parity_rules; one->together && r->member; r++)
        if (r->together == one->together)
            add_text(u, p, r, f);
}

static void add_groups(struct upgrade *u, const struct pair *p, const struct parity_rule *r,
                       struct request_fields *f)
{
    size_t n = 0;
    const struct xml *list = xml_child(p->old_object, r->member, NULL);
    for (const struct xml *x = NULL; list && (x = xml_child(list, NULL, x));)
        add_field(f, arena_printf(u->look, "%s.%zu", r->request, ++n),
                  xml_text(x, "VpcSecurityGroupId", NULL));
}

static bool lists(const struct xml *list, const char *text)
{
    for (const struct xml *x = NULL; list && (x = xml_child(list, NULL, x));)
        if (strcmp(x->text, text) == 0)
            return true;
    return false;
}

static void add_log_types(struct upgrade *u, const char *verb, const struct xml *those,
                          const struct xml *without, struct request_fields *f)
{
    size_t n = 0;
    for (const struct xml *x = NULL; those && (x = xml_child(those, NULL, x));)
        if (!lists(without, x->text))
            add_field(
                f,
                arena_printf(u->look, "CloudwatchLogsExportConfiguration.%sLogTypes.member.%zu", verb, ++n),
                x->text);
}

static void add_logs(struct upgrade *u, const struct pair *p, const char *member, struct request_fields *f)
{
    const struct xml *was = xml_child(p->old_object, member, NULL),
                     *is = xml_child(p->new_object, member, NULL);
    add_log_types(u, "Enable", was, is, f);
    add_log_types(u, "Disable", is, was, f);
}

static void add_difference(struct upgrade *u, const struct pair *p, const struct parity_difference *d,
                           struct request_fields *f)
{
    if (!parity_repairable(d))
        return;
    switch (d->rule->repair) {
    case REPAIR_TEXT:
        add_together(u, p, d->rule, f);
        break;
    case REPAIR_GROUPS:
        add_groups(u, p, d->rule, f);
        break;
    case REPAIR_LOGS:
        add_logs(u, p, d->member, f);
        break;
    case REPAIR_FORWARDING:
        add_field(f, d->rule->request,
                  strncmp(xml_text(p->old_object, d->member, ""), "enabl", 5) == 0 ? "true" : "false");
        break;
    case REPAIR_NONE:
    case REPAIR_ROLES:
    case REPAIR_DATA_API:
        break;
    }
}

static bool differs(const struct pair *p, enum parity_repair repair)
{
    for (size_t i = 0; i < p->n; i++)
        if (p->list[i].rule && p->list[i].rule->repair == repair)
            return true;
    return false;
}

/* ---- roles ---- */

static bool has_role(const struct rds_cluster *k, const struct rds_role *role)
{
    for (size_t i = 0; i < k->role_count; i++)
        if (strcmp(k->roles[i].arn, role->arn) == 0 && strcmp(k->roles[i].feature, role->feature) == 0)
            return true;
    return false;
}

static bool carry_roles(struct upgrade *u, const struct rds_cluster *from, const struct rds_cluster *to,
                        struct err *e)
{
    for (size_t i = 0; i < to->role_count; i++)
        if (!has_role(from, &to->roles[i]) &&
            !rds_cluster_role(&u->aws, to->identifier, &to->roles[i], false, e))
            return err_wrap(e, "remove role %s from %s", to->roles[i].arn, to->identifier);
    for (size_t i = 0; i < from->role_count; i++)
        if (!has_role(to, &from->roles[i]) &&
            !rds_cluster_role(&u->aws, to->identifier, &from->roles[i], true, e))
            return err_wrap(e, "add role %s to %s", from->roles[i].arn, to->identifier);
    return true;
}

/* ---- tags ---- */

bool is_users_tag(const struct rds_tag *t)
{
    return strncmp(t->key, "aws:", 4) != 0 && strncmp(t->key, OURS, strlen(OURS)) != 0;
}

/* The user's tags of the old side that the new one has not; AWS's own and ours stay where they are. */
static struct rds_tags missing_tags(struct upgrade *u, const struct pair *p)
{
    struct rds_tag *list = ARENA_ARRAY(u->look, struct rds_tag, p->old_tags->count + 1);
    size_t n = 0;
    for (size_t i = 0; i < p->old_tags->count; i++) {
        const struct rds_tag *t = &p->old_tags->tags[i];
        const char *now = rds_tag_value(p->new_tags, t->key);
        if (is_users_tag(t) && (!now || strcmp(now, t->value) != 0))
            list[n++] = *t;
    }
    return (struct rds_tags){list, n};
}

static bool carry_tags(struct upgrade *u, const struct pairs *p, struct err *e)
{
    for (size_t i = 0; p->with_tags && i < p->n; i++) {
        struct rds_tags missing = missing_tags(u, &p->items[i]);
        if (missing.count > 0 && !rds_tag_add(&u->aws, p->items[i].new_arn, missing, e))
            return err_wrap(e, "tag %s", p->items[i].new_name);
    }
    return true;
}

/* ---- repair ---- */

static bool repair_pair(struct upgrade *u, const struct pair *p, struct err *e)
{
    struct request_fields f = {0};
    for (size_t i = 0; i < p->n; i++)
        add_difference(u, p, &p->list[i], &f);
    if (f.n == 0)
        return true;
    bool ok = p->of == PARITY_CLUSTER ? rds_cluster_set(&u->aws, p->new_name, f.list, e)
                                      : rds_instance_set(&u->aws, p->new_name, f.list, e);
    return ok || err_wrap(e, "give %s the settings of %s", p->new_name, p->old_name);
}

static bool repair_cluster(struct upgrade *u, const struct pair *p, const struct rds_cluster *from,
                           const struct rds_cluster *to, struct err *e)
{
    if (differs(p, REPAIR_ROLES) && !carry_roles(u, from, to, e))
        return false;
    if (differs(p, REPAIR_DATA_API) &&
        !rds_http_endpoint(&u->aws, to->arn,
                           strcmp(xml_text(p->old_object, "HttpEndpointEnabled", ""), "true") == 0, e))
        return err_wrap(e, "switch the Data API of %s", to->identifier);
    return repair_pair(u, p, e);
}

static bool is_repaired(struct upgrade *u, const struct pairs *p)
{
    for (size_t i = 0; p->with_tags && i < p->n; i++)
        if (missing_tags(u, &p->items[i]).count > 0)
            return false;
    for (size_t i = 0; i < p->n; i++)
        for (size_t k = 0; k < p->items[i].n; k++)
            if (parity_repairable(&p->items[i].list[k]))
                return false;
    return true;
}

static bool repair_all(struct upgrade *u, const struct pairs *p, const struct rds_cluster *from,
                       const struct rds_cluster *to, struct err *e)
{
    for (size_t i = 0; i < p->n; i++) {
        const struct pair *one = &p->items[i];
        bool ok = one->of == PARITY_CLUSTER ? repair_cluster(u, one, from, to, e) : repair_pair(u, one, e);
        if (!ok)
            return false;
    }
    return carry_tags(u, p, e);
}

/* AWS takes the requests at once and shows them later. What does not come is left to the check. */
static bool wait_repaired(struct upgrade *u,
                          bool (*look)(struct upgrade *u, struct pairs *ret, struct err *e), struct err *e)
{
    for (int i = 0; i < REPAIR_TRIES; i++) {
        struct pairs p = {0};
        if (!look(u, &p, e))
            return false;
        if (is_repaired(u, &p))
            return true;
        if (u->clock->wait(u->clock, u->stop, REPAIR_PAUSE_MS))
            return err_set(e, ERR_CANCELLED, "interrupted while the new side takes production's settings");
    }
    return upgrade_fail(e, E_SETTINGS_DIFFER, "the new side of %s does not take production's settings",
                        u->request.cluster);
}

bool green_settings_done(struct upgrade *u, bool *ret, struct err *e)
{
    struct pairs p = {0};
    if (!both_sides(u, &p, e))
        return false;
    *ret = !u->world.is_ours || is_repaired(u, &p);
    return true;
}

bool green_settings_run(struct upgrade *u, struct err *e)
{
    struct pairs p = {0};
    return both_sides(u, &p, e) && repair_all(u, &p, u->world.production, u->world.green, e) &&
           wait_repaired(u, both_sides, e);
}

bool new_settings_done(struct upgrade *u, bool *ret, struct err *e)
{
    struct pairs p = {0};
    if (!after_switch(u, &p, e))
        return false;
    *ret = !u->world.is_ours || is_repaired(u, &p);
    return true;
}

bool new_settings_run(struct upgrade *u, struct err *e)
{
    struct pairs p = {0};
    return after_switch(u, &p, e) && repair_all(u, &p, u->world.old, u->world.production, e) &&
           wait_repaired(u, after_switch, e);
}

/* ---- check ---- */

static void collect(struct upgrade *u, const struct pairs *p, bool hard, struct lines *ret)
{
    for (size_t i = 0; i < p->n; i++)
        for (size_t k = 0; k < p->items[i].n; k++) {
            const struct parity_difference *d = &p->items[i].list[k];
            if (hard != (d->severity == PARITY_REPLACE || d->severity == PARITY_UPDATE))
                continue;
            ARR_PUSH(u->look, ret->items, ret->n, ret->cap,
                     arena_printf(u->look, "%s: %s was \"%s\", is \"%s\"", p->items[i].old_name, d->member,
                                  d->old_value, d->new_value));
        }
}

static void collect_tags(struct upgrade *u, const struct pairs *p, struct lines *ret)
{
    for (size_t i = 0; i < p->n; i++) {
        struct rds_tags missing = missing_tags(u, &p->items[i]);
        for (size_t k = 0; k < missing.count; k++)
            ARR_PUSH(
                u->look, ret->items, ret->n, ret->cap,
                arena_printf(u->look, "%s: tag %s is missing", p->items[i].old_name, missing.tags[k].key));
    }
}

static void tell(struct upgrade *u, const char *when, const struct lines *l)
{
    if (l->n > 0)
        u->warn(u->warn_arg, "Settings of the new side differ",
                arena_printf(u->look, "%s: %s", when, join_lines(u->look, l->items, l->n, LINES_SHOWN)));
}

bool settings_check(struct upgrade *u, bool *ret, struct err *e)
{
    struct lines hard = {0}, soft = {0};
    struct pairs p = {0};
    if (!both_sides(u, &p, e) || !endpoints_compare(u, u->world.production, u->world.green, &hard, e))
        return false;
    collect(u, &p, true, &hard);
    collect(u, &p, false, &soft);
    const char *key = xml_text(u->world.green->raw, "KmsKeyId", "");
    if (u->request.kms_key && strcmp(key, u->request.kms_key) != 0)
        ARR_PUSH(u->look, hard.items, hard.n, hard.cap,
                 arena_printf(u->look, "KmsKeyId shall be \"%s\", is \"%s\"", u->request.kms_key, key));
    tell(u, "before the switch", &soft);
    *ret = hard.n == 0;
    return *ret || upgrade_fail(e, E_SETTINGS_DIFFER, "%s does not have production's settings: %s",
                                u->world.restored ? u->world.restored->identifier : u->strategy->new_side,
                                join_lines(u->look, hard.items, hard.n, LINES_SHOWN));
}

/* Nothing can be refused any more: everything is told. */
static void tell_all(struct upgrade *u, const struct pairs *p, struct lines *all)
{
    collect(u, p, true, all);
    collect(u, p, false, all);
    collect_tags(u, p, all);
    tell(u, "after the switch", all);
}

bool new_settings_check(struct upgrade *u, bool *ret, struct err *e)
{
    struct lines all = {0};
    struct pairs p = {0};
    if (!after_switch(u, &p, e) ||
        (p.n > 0 && !endpoints_compare(u, u->world.old, u->world.production, &all, e)))
        return false;
    tell_all(u, &p, &all);
    *ret = true;
    return true;
}

/* A process that made the call has seen both; another reads what that one wrote down before it. What the
 * window began was set days before: what differs may be the user's own doing, so it is not compared. */
bool kept_settings_check(struct upgrade *u, bool *ret, struct err *e)
{
    struct lines all = {0};
    struct pairs p = {0};
    if (!before_and_now(u, &p, e))
        return false;
    bool by_aws = u->world.facts && rds_tag_value(u->world.facts, TAG_SCHEDULED_AT);
    if (!u->before.production && !u->is_verified && !by_aws)
        settings_compare_noted(u, &all);
    if (by_aws && u->note)
        u->note(u->note_arg, "verify-settings", "not compared: the window began the upgrade");
    tell_all(u, &p, &all);
    *ret = true;
    return true;
}
