#include "provider/cluster_facts.h"
#include "provider/upgrade_resource.h"
#include "provider/upgrade_status.h"

#include "internal/base/clock.h"
#include "internal/upgrade/errors.h"
#include "internal/upgrade/logical_switch.h"
#include "internal/upgrade/roll_back.h"
#include "internal/upgrade/tags.h"
#include "internal/upgrade/upgrade.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* ---- values ---- */

struct reading {
    struct arena *arena;
    const struct value *fallback; /* the default block; null if not given */
    struct upgrade look;
    struct value *out;
};

static const struct value *text(struct reading *r, const char *s)
{
    return s && *s ? value_string(r->arena, s) : &value_null;
}

static void set(struct reading *r, const char *name, const struct value *v)
{
    value_set(r->arena, r->out, name, v);
}

static void set_text(struct reading *r, const char *name, const char *s)
{
    set(r, name, text(r, s));
}

static const struct value *texts(struct reading *r, const char **list)
{
    struct value *out = value_list(r->arena);
    for (; list && *list; list++)
        value_append(r->arena, out, value_string(r->arena, *list));
    return out;
}

/* AWS writes capacities and seconds as decimal numbers: their text is the value. */
static const struct value *number_of(struct reading *r, const struct xml *x, const char *path)
{
    const char *s = xml_text(x, path, "");
    return *s ? value_number(r->arena, s) : &value_null;
}

static const struct value *scaling(struct reading *r, const struct rds_cluster *k)
{
    struct value *list = value_list(r->arena);
    const struct xml *x = xml_find(k->raw, "ServerlessV2ScalingConfiguration");
    if (!x || !x->first)
        return list;
    struct value *o = value_object(r->arena);
    value_set(r->arena, o, "max_capacity", number_of(r, x, "MaxCapacity"));
    value_set(r->arena, o, "min_capacity", number_of(r, x, "MinCapacity"));
    value_set(r->arena, o, "seconds_until_auto_pause", number_of(r, x, "SecondsUntilAutoPause"));
    value_append(r->arena, list, o);
    return list;
}

static const struct value *master_secret(struct reading *r, const struct rds_cluster *k)
{
    struct value *list = value_list(r->arena);
    const struct xml *x = xml_find(k->raw, "MasterUserSecret");
    if (!x || !x->first)
        return list;
    struct value *o = value_object(r->arena);
    value_set(r->arena, o, "kms_key_id", text(r, xml_text(x, "KmsKeyId", "")));
    value_set(r->arena, o, "secret_arn", text(r, xml_text(x, "SecretArn", "")));
    value_set(r->arena, o, "secret_status", text(r, xml_text(x, "SecretStatus", "")));
    value_append(r->arena, list, o);
    return list;
}

static int by_identifier(const void *x, const void *y)
{
    return strcmp((*(const struct rds_instance *const *)x)->identifier,
                  (*(const struct rds_instance *const *)y)->identifier);
}

static const struct value *instances(struct reading *r, const struct world *w)
{
    struct value *list = value_list(r->arena);
    const struct rds_instance **sorted =
        arena_memdup(r->arena, w->instances, w->instance_count * sizeof *sorted);
    qsort(sorted, w->instance_count, sizeof *sorted, by_identifier);
    for (size_t i = 0; i < w->instance_count; i++) {
        struct value *o = value_object(r->arena);
        value_set(r->arena, o, "availability_zone", text(r, sorted[i]->availability_zone));
        value_set(r->arena, o, "dbi_resource_id", text(r, sorted[i]->resource_id));
        value_set(r->arena, o, "identifier", text(r, sorted[i]->identifier));
        value_set(r->arena, o, "instance_class", text(r, sorted[i]->instance_class));
        value_set(r->arena, o, "promotion_tier", value_int(r->arena, sorted[i]->promotion_tier));
        value_append(r->arena, list, o);
    }
    return list;
}

static const struct value *roles(struct reading *r, const struct rds_cluster *k)
{
    struct value *list = value_list(r->arena);
    for (size_t i = 0; i < k->role_count; i++) {
        bool seen = false; /* one role may serve several features */
        for (size_t j = 0; j < i; j++)
            seen = seen || strcmp(k->roles[i].arn, k->roles[j].arn) == 0;
        if (!seen)
            value_append(r->arena, list, value_string(r->arena, k->roles[i].arn));
    }
    return list;
}

static int endpoint_order(const void *x, const void *y)
{
    return strcmp(((const struct rds_custom_endpoint *)x)->identifier,
                  ((const struct rds_custom_endpoint *)y)->identifier);
}

static bool custom_endpoints(struct reading *r, const struct rds_cluster *k, const struct value **ret,
                             struct err *e)
{
    const struct rds_custom_endpoint *found = NULL;
    struct value *list = value_list(r->arena);
    size_t n = 0;
    if (k->custom_endpoints && *k->custom_endpoints &&
        !rds_custom_endpoints(&r->look.aws, k->identifier, &found, &n, e))
        return err_wrap(e, "read the custom endpoints of %s", k->identifier);
    struct rds_custom_endpoint *sorted = arena_memdup(r->arena, found, n * sizeof *sorted);
    qsort(sorted, n, sizeof *sorted, endpoint_order);
    for (size_t i = 0; i < n; i++) {
        struct value *o = value_object(r->arena);
        value_set(r->arena, o, "arn", text(r, sorted[i].arn));
        value_set(r->arena, o, "cluster_endpoint_identifier", text(r, sorted[i].identifier));
        value_set(r->arena, o, "custom_endpoint_type", text(r, sorted[i].type));
        value_set(r->arena, o, "endpoint", text(r, sorted[i].endpoint));
        value_set(r->arena, o, "excluded_members", texts(r, sorted[i].excluded_members));
        value_set(r->arena, o, "static_members", texts(r, sorted[i].static_members));
        value_append(r->arena, list, o);
    }
    *ret = list;
    return true;
}

/* Last of all: the look for an upgrade of another kind takes the place of the one that the rest was read
 * from. */
static bool operation(struct reading *r, struct err *e)
{
    const struct upgrade_kind *kind = NULL;
    if (!look_for_other_runs(&r->look, &kind, e))
        return err_wrap(e, "look for an upgrade of %s", r->look.request.cluster);
    const struct world *w = &r->look.world;
    bool is_back = roll_back_is_over(w);
    if (!w->deployment && !w->old && !is_back && !(world_has_run(w) && kind != &kind_blue_green)) {
        set(r, "operation", &value_null);
        return true;
    }
    const struct rds_tags *tags = w->deployment ? &w->deployment->tags : w->old ? &w->old->tags : NULL;
    const char *noted = tags ? rds_tag_value(tags, TAG_RESOURCE) : NULL;
    struct value *o = value_object(r->arena);
    value_set(r->arena, o, "in_flight", value_bool(world_in_flight(w)));
    value_set(r->arena, o, "resource", text(r, noted ? noted : kind->strategy->resource));
    value_set(r->arena, o, "stage", text(r, stage_name(is_back ? STAGE_ROLLED_BACK : w->reached)));
    set(r, "operation", o);
    return true;
}

static const char *writer_group(const struct world *w)
{
    const struct rds_cluster *k = w->production;
    for (size_t i = 0; i < k->member_count; i++)
        for (size_t j = 0; k->members[i].is_writer && j < w->instance_count; j++)
            if (strcasecmp(k->members[i].identifier, w->instances[j]->identifier) == 0)
                return w->instances[j]->parameter_group;
    return NULL;
}

static bool fill(struct reading *r, struct err *e)
{
    const struct world *w = &r->look.world;
    const struct rds_cluster *k = w->production;
    const struct value *endpoints;
    if (!custom_endpoints(r, k, &endpoints, e))
        return false;
    const char *group = writer_group(w);
    set(r, "exists", &value_true);
    set(r, "availability_zones", texts(r, k->availability_zones));
    set_text(r, "cluster_resource_id", k->resource_id);
    set(r, "custom_endpoints", endpoints);
    set_text(r, "db_cluster_parameter_group_name", k->parameter_group);
    set(r, "db_parameter_group_name",
        group ? text(r, group) : value_get(r->fallback, "db_parameter_group_name"));
    set_text(r, "endpoint", k->endpoint);
    set_text(r, "engine_version", k->engine_version);
    set(r, "iam_roles", roles(r, k));
    set(r, "instances", instances(r, w));
    set_text(r, "kms_key_id", k->kms_key_id);
    set(r, "master_user_secret", master_secret(r, k));
    set(r, "port", value_int(r->arena, k->port));
    set_text(r, "reader_endpoint", k->reader_endpoint);
    set(r, "serverlessv2_scaling_configuration", scaling(r, k));
    set(r, "storage_encrypted", value_bool(k->storage_encrypted));
    return operation(r, e);
}

/* Everything the block says; lists that nobody can know are empty, the rest is null. */
static void fill_default(struct reading *r)
{
    static const char *const lists[] = {"availability_zones", "custom_endpoints",
                                        "iam_roles",          "instances",
                                        "master_user_secret", "serverlessv2_scaling_configuration"};
    for (size_t i = 0; i < ARRAY_LEN(lists); i++)
        set(r, lists[i], value_list(r->arena));
    for (size_t i = 0; i < r->fallback->count; i++)
        if (!value_is_null(r->fallback->items[i]))
            set(r, r->fallback->keys[i], r->fallback->items[i]);
    set(r, "exists", &value_false);
}

/* ---- when not to answer ---- */

static bool names(const char *arn, const char *cluster)
{
    struct arn parsed;
    size_t n = strlen(cluster);
    if (!arn_parse(arn, &parsed) || strcmp(parsed.type, "cluster") != 0 ||
        strncasecmp(parsed.resource, cluster, n) != 0)
        return false;
    const char *rest = parsed.resource + n;
    return !*rest || strncmp(rest, "-old", 4) == 0 || strncmp(rest, "-green-", 7) == 0;
}

bool cluster_concerns(const struct rds_bluegreen *d, const char *cluster)
{
    const char *owner = rds_tag_value(&d->tags, TAG_CLUSTER);
    if (names(d->source, cluster) || names(d->target, cluster) || (owner && strcasecmp(owner, cluster) == 0))
        return true;
    for (size_t i = 0; i < d->member_count; i++)
        if (names(d->members[i].source, cluster) || names(d->members[i].target, cluster))
            return true;
    return false;
}

static bool refuse_moving(const struct upgrade *u, const char *why, struct err *e)
{
    (void)upgrade_fail(e, E_SWITCHOVER_RUNNING, "cannot read %s while its name moves: %s", u->request.cluster,
                       why);
    (void)err_hint(
        e,
        "Plan again when the switch has ended, usually within minutes. If it was interrupted, apply the "
        "upgrade resource first (terraform apply -target=<its address>), or run "
        "`terraform-provider-aurora resume %s`: both finish it.",
        u->request.cluster);
    return false;
}

static bool ends_with(const char *s, const char *end)
{
    size_t n = strlen(s), k = strlen(end);
    return n > k && strcmp(s + n - k, end) == 0;
}

/* A roll-back of an upgrade in place shows in the instances from the first renaming on, or leaves the name to
 * nobody. Before that custom endpoints go, and the restored cluster alone says so. */
static bool may_be_rolled_back(const struct world *w)
{
    for (size_t i = 0; i < w->instance_count; i++) {
        const struct rds_instance *one = w->instances[i];
        if (strcmp(one->status, "available") != 0 || ends_with(one->identifier, "-upgraded") ||
            rds_tag_value(&one->tags, TAG_TWIN_OF))
            return true;
    }
    return !w->production;
}

static bool refuse_roll_back(struct upgrade *u, struct err *e)
{
    bool moves = false;
    bool ok = may_be_rolled_back(&u->world) ? roll_back_names_move(&u->aws, u->request.cluster, &moves, e)
                                            : roll_back_announced(&u->aws, u->request.cluster, &moves, e);
    if (!ok)
        return false;
    return !moves || refuse_moving(u, "a roll-back gives it to the restored cluster", e);
}

static bool refuse_switch(struct upgrade *u, struct err *e)
{
    bool moves = false;
    if (!switch_names_move(&u->aws, u->request.cluster, u->world.production, &moves, e))
        return false;
    return !moves || refuse_moving(u, "a logical upgrade gives it to its other side", e);
}

/* Between two renames the name may belong to nobody, or already to the new side with half of its instances.
 */
static bool refuse_while_moving(struct upgrade *u, struct err *e)
{
    const struct world *w = &u->world;
    const struct rds_bluegreen *const *all = NULL;
    size_t n = 0;
    if (w->production && strcmp(w->production->status, "renaming") == 0)
        return refuse_moving(u, "AWS says \"renaming\"", e);
    if (!w->production && w->old)
        return refuse_moving(u, "the old side has lost the name and the new side does not have it yet", e);
    if (w->production && w->deployment)
        return strcmp(w->deployment->status, "SWITCHOVER_IN_PROGRESS") != 0 ||
               refuse_moving(u, "a blue/green switchover is in progress", e);
    if (!rds_bluegreen_list(&u->aws, &all, &n, e))
        return err_wrap(e, "look for a switchover of %s", u->request.cluster);
    for (size_t i = 0; i < n; i++)
        if (strcmp(all[i]->status, "SWITCHOVER_IN_PROGRESS") == 0 &&
            cluster_concerns(all[i], u->request.cluster))
            return refuse_moving(u, "a blue/green switchover is in progress", e);
    return true;
}

bool cluster_look(struct upgrade *u, struct err *e)
{
    if (!world_look(u, e) || !refuse_while_moving(u, e) || !refuse_roll_back(u, e) || !refuse_switch(u, e))
        return false;
    const struct rds_cluster *k = u->world.production;
    if (!k || strcmp(k->engine, "aurora-postgresql") == 0)
        return true;
    return upgrade_fail(e, E_WRONG_ENGINE, "cluster %s runs %s, not aurora-postgresql", k->identifier,
                        k->engine);
}

static const char *region_of(const struct aws_session *s)
{
    return s->region ? s->region : aws_region(s->aws);
}

bool cluster_need(struct upgrade *u, struct err *e)
{
    return cluster_look(u, e) &&
           (u->world.production || upgrade_fail(e, E_CLUSTER_ABSENT, "there is no cluster %s in %s",
                                                u->request.cluster, region_of(&u->aws)));
}

/* ---- the whole ---- */

static bool read_cluster(struct reading *r, struct err *e)
{
    bool may_be_absent = !value_is_null(r->fallback);
    if (may_be_absent ? !cluster_look(&r->look, e) : !cluster_need(&r->look, e)) {
        if (e->id && strcmp(e->id, upgrade_errors[E_CLUSTER_ABSENT].id) == 0)
            (void)err_hint(e, "Check cluster_identifier, region and account; for a cluster that is still to "
                              "be created add default { engine_version = \"…\" }.");
        return false;
    }
    if (r->look.world.production)
        return fill(r, e);
    fill_default(r);
    return true;
}

/* RDS stores identifiers in lower case. */
static const char *lower(struct arena *a, const char *s)
{
    char *copy = arena_strdup(a, s);
    for (char *p = copy; *p; p++)
        if (*p >= 'A' && *p <= 'Z')
            *p += 'a' - 'A';
    return copy;
}

void cluster_open(struct upgrade *u, const struct aws_session *s, struct old_sides *old_sides,
                  const char *identifier)
{
    upgrade_init(u, s->arena, s, clock_real(), old_sides);
    u->request.cluster = lower(s->arena, identifier);
}

bool cluster_facts(const struct aws_session *s, struct old_sides *old_sides, const char *identifier,
                   const struct value *fallback, const struct value **ret, struct err *e)
{
    struct reading r = {.arena = s->arena, .fallback = fallback, .out = value_object(s->arena)};
    cluster_open(&r.look, s, old_sides, identifier);
    set_text(&r, "id", r.look.request.cluster);
    set_text(&r, "region", region_of(s));
    bool ok = read_cluster(&r, e);
    upgrade_done(&r.look);
    if (ok)
        *ret = r.out;
    return ok;
}
