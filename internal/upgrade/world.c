#include "internal/aws/gate.h"
#include "internal/pg/catalog.h"
#include "internal/upgrade/deployments.h"
#include "internal/upgrade/errors.h"
#include "internal/upgrade/rehearsal.h"
#include "internal/upgrade/tags.h"
#include "internal/upgrade/upgrade.h"
#include "internal/upgrade/view.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

void upgrade_init(struct upgrade *u, struct arena *arena, const struct aws_session *s, struct clock *clock,
                  struct old_sides *old_sides)
{
    *u = (struct upgrade){.arena = arena,
                          .aws = *s,
                          .clock = clock,
                          .stop = s->stop,
                          .strategy = &strategy_blue_green,
                          .old_sides = old_sides,
                          .look = arena_new()};
    u->aws.arena = u->look;
    u->request = (struct request){.target_min_capacity = -1, .max_write_outage_s = 300};
}

void upgrade_done(struct upgrade *u)
{
    arena_free(u->look);
    arena_free(u->before_look);
    u->look = u->before_look = NULL;
    rehearsal_end(u);
    if (u->strategy->forget_changes)
        u->strategy->forget_changes(u);
    if (u->clone)
        clone_view_end(u->clone);
    u->clone = NULL;
}

/* ---- one look ---- */

bool is_arn_of(const char *arn, const char *cluster)
{
    struct arn parsed;
    return arn_parse(arn, &parsed) && strcmp(parsed.type, "cluster") == 0 &&
           strcasecmp(parsed.resource, cluster) == 0;
}

/* While AWS renames, neither side of the deployment need bear production's name. */
static bool is_known_switching(const struct upgrade *u, const char *identifier, const char *status)
{
    const char *known = u->history.deployment_id ? u->history.deployment_id : u->deployment_hint;
    return known && strcmp(identifier, known) == 0 && strcmp(status, "SWITCHOVER_IN_PROGRESS") == 0;
}

/* Has production on one side: as source before the switch, as target after it. */
static bool concerns(const struct upgrade *u, const struct deployment_row *d)
{
    return is_arn_of(d->source, u->request.cluster) || is_arn_of(d->target, u->request.cluster) ||
           is_known_switching(u, d->identifier, d->status);
}

static bool is_being_deleted(const char *status)
{
    return strcmp(status, "DELETING") == 0;
}

struct search {
    const struct upgrade *u;
    char identifier[256]; /* "": none found */
    bool is_deleting;
};

static void note_deployment(void *arg, const struct deployment_row *d)
{
    struct search *found = arg;
    if (!concerns(found->u, d))
        return;
    if (is_being_deleted(d->status))
        found->is_deleting = true;
    else
        (void)snprintf(found->identifier, sizeof found->identifier, "%s", d->identifier);
}

/* NULL: it is gone, or is no more this cluster's. */
static bool read_deployment(struct upgrade *u, const char *identifier, const struct rds_bluegreen **ret,
                            struct err *e)
{
    const struct rds_bluegreen *d = NULL;
    if (!rds_bluegreen_find(&u->aws, identifier, &d, e))
        return false;
    *ret = NULL;
    if (d && !is_being_deleted(d->status) &&
        concerns(u, &(struct deployment_row){d->identifier, d->source, d->target, d->status}))
        *ret = d;
    return true;
}

/* One that this operation has seen is asked for by its identifier; a list costs more the more there are. */
static bool find_deployment(struct upgrade *u, struct world *w, struct err *e)
{
    struct search found = {.u = u};
    const char *known = u->history.deployment_id;
    if (known && !read_deployment(u, known, &w->deployment, e))
        return err_wrap(e, "look for deployment %s of %s", known, u->request.cluster);
    if (!w->deployment && !deployments_each(&u->aws, note_deployment, &found, e))
        return err_wrap(e, "look for a blue/green deployment of %s", u->request.cluster);
    if (found.identifier[0] && !read_deployment(u, found.identifier, &w->deployment, e))
        return err_wrap(e, "look for deployment %s of %s", found.identifier, u->request.cluster);
    w->is_deleting = found.is_deleting;
    const char *owner = w->deployment ? rds_tag_value(&w->deployment->tags, TAG_CLUSTER) : NULL;
    w->is_ours = owner && strcasecmp(owner, u->request.cluster) == 0;
    return true;
}

static bool find_by_arn(struct upgrade *u, const char *arn, const struct rds_cluster **ret, struct err *e)
{
    struct arn parsed;
    if (!arn_parse(arn, &parsed)) {
        *ret = NULL;
        return true;
    }
    return rds_cluster_find(&u->aws, arena_strdup(u->look, parsed.resource), ret, e);
}

static bool is_old_of(const struct upgrade *u, const struct rds_cluster *k)
{
    const char *of = rds_tag_value(&k->tags, TAG_OLD_OF);
    return of && strcasecmp(of, u->request.cluster) == 0 &&
           strcasecmp(k->identifier, u->request.cluster) != 0;
}

/* Once the deployment is gone, the tag alone tells. Searched for once: what is found is known by its resource
 * id from then on. */
static bool search_old(struct upgrade *u, struct world *w, struct err *e)
{
    const char *id = NULL;
    if (u->old_searched)
        return true;
    if (!old_sides_find(u->old_sides, &u->aws, u->request.cluster, &id, e))
        return err_wrap(e, "look for the old side of %s", u->request.cluster);
    if (id && !rds_cluster_find_by_resource_id(&u->aws, id, &w->old, e))
        return false;
    if (w->old && !is_old_of(u, w->old))
        w->old = NULL;
    u->old_searched = true;
    return true;
}

/* The id in a state may be that of an earlier run, and gone: then the tag is searched for. */
static bool find_old(struct upgrade *u, struct world *w, struct err *e)
{
    const char *seen = u->history.old_resource_id;
    if (w->deployment && is_arn_of(w->deployment->target, u->request.cluster))
        return find_by_arn(u, w->deployment->source, &w->old, e);
    if (w->deployment)
        return true;
    if (seen)
        return rds_cluster_find_by_resource_id(&u->aws, seen, &w->old, e);
    if (u->old_hint && !rds_cluster_find_by_resource_id(&u->aws, u->old_hint, &w->old, e))
        return false;
    if (w->old && is_old_of(u, w->old))
        return true;
    w->old = NULL;
    return search_old(u, w, e);
}

static bool find_green(struct upgrade *u, struct world *w, struct err *e)
{
    bool before = w->deployment && is_arn_of(w->deployment->source, u->request.cluster);
    if (!before || w->deployment->target[0] == '\0')
        return true;
    if (!find_by_arn(u, w->deployment->target, &w->green, e))
        return false;
    if (!w->green)
        return true;
    return rds_instance_list(&u->aws, w->green->identifier, &w->green_instances, &w->green_instance_count, e);
}

static struct version version_of(const char *text)
{
    struct version v = {0};
    return text && version_parse(text, &v) ? v : (struct version){0};
}

/* The target of the run that AWS shows: what our tag says, else what green or production runs. */
static struct version run_target(const struct world *w)
{
    const char *noted = w->facts ? rds_tag_value(w->facts, TAG_TARGET_VERSION) : NULL;
    if (noted)
        return version_of(noted);
    if (w->green)
        return version_of(w->green->engine_version);
    if (w->old)
        return w->version;
    return (struct version){0};
}

static bool is_switched(const struct upgrade *u, const struct world *w)
{
    if (!w->deployment)
        return w->old != NULL;
    return is_arn_of(w->deployment->target, u->request.cluster) ||
           strcmp(w->deployment->status, "SWITCHOVER_COMPLETED") == 0;
}

/* Built, whatever a switchover makes or made of it. */
static bool is_built(const struct rds_bluegreen *d)
{
    static const char *const built[] = {"AVAILABLE", "SWITCHOVER_IN_PROGRESS", "SWITCHOVER_FAILED"};
    for (size_t i = 0; i < ARRAY_LEN(built); i++)
        if (strcmp(d->status, built[i]) == 0)
            return true;
    return false;
}

static bool is_validated(const struct upgrade *u, const struct rds_bluegreen *d)
{
    int64_t since = 0;
    const char *noted = rds_tag_value(&d->tags, TAG_VALIDATED_AT);
    return noted && (u->request.minimum_stable_ms == 0 ||
                     (time_parse_iso(noted, &since) &&
                      u->clock->wall_ms(u->clock) - since >= u->request.minimum_stable_ms));
}

static enum flow_stage reached_stage(const struct upgrade *u, const struct world *w)
{
    if (is_switched(u, w))
        return STAGE_SWITCHED;
    if (w->deployment && is_built(w->deployment))
        return is_validated(u, w->deployment) ? STAGE_VALIDATED : STAGE_PREPARED;
    if (w->deployment)
        return STAGE_NONE;
    return w->production && w->version.major >= u->request.target.major ? STAGE_COMPLETED : STAGE_NONE;
}

static const char *keep(struct upgrade *u, const char *text)
{
    return text && text[0] ? arena_strdup(u->arena, text) : NULL;
}

static const char **resource_ids(struct upgrade *u, const struct rds_instance *const *list, size_t n)
{
    const char **ids = ARENA_ARRAY(u->arena, const char *, n + 1);
    for (size_t i = 0; i < n; i++)
        ids[i] = arena_strdup(u->arena, list[i]->resource_id);
    return ids;
}

/* Instances come one by one: the longest list seen counts. */
static void note_new_side(struct upgrade *u, const struct rds_cluster *k,
                          const struct rds_instance *const *list, size_t n)
{
    struct history *h = &u->history;
    bool same = h->new_cluster_resource_id && strcmp(h->new_cluster_resource_id, k->resource_id) == 0;
    if (same && n <= h->new_dbi_count)
        return;
    h->new_cluster_resource_id = keep(u, k->resource_id);
    h->new_dbi_resource_ids = resource_ids(u, list, n);
    h->new_dbi_count = n;
}

static void note_old_side(struct upgrade *u, const struct world *w)
{
    struct history *h = &u->history;
    if (!h->old_identifier) {
        h->old_identifier = keep(u, w->old->identifier);
        h->old_resource_id = keep(u, w->old->resource_id);
        h->source_version = keep(u, w->old->engine_version);
    }
    if (!h->switched_at)
        h->switched_at = keep(u, rds_tag_value(&switch_notes(w)->tags, TAG_SWITCHED_AT));
}

/* Each fact is copied once. */
void world_note_history(struct upgrade *u, const struct world *w)
{
    struct history *h = &u->history;
    if (w->deployment && !h->deployment_id)
        h->deployment_id = keep(u, w->deployment->identifier);
    if (w->names_move && u->strategy->slot_prefix) {
        if (!h->source_version)
            h->source_version = keep(u, rds_tag_value(w->facts, TAG_SOURCE_VERSION));
        return;
    }
    if (w->green) {
        if (!h->green_identifier)
            h->green_identifier = keep(u, w->green->identifier);
        note_new_side(u, w->green, w->green_instances, w->green_instance_count);
    }
    /* Beside a cluster restored for a roll-back production is the upgraded one: the snapshot knows. */
    if (w->production && !w->old && !w->restored && (w->deployment || w->green) && !h->source_version)
        h->source_version = keep(u, w->production->engine_version);
    if (w->snapshot) {
        h->snapshot_id = keep(u, w->snapshot->identifier);
        if (!h->source_version)
            h->source_version = keep(u, w->snapshot->engine_version);
        if (!h->switched_at)
            h->switched_at = keep(u, rds_tag_value(w->facts, TAG_SWITCHED_AT));
    }
    if (w->aside && !w->old) {
        h->old_identifier = keep(u, w->aside->identifier);
        h->old_resource_id = keep(u, w->aside->resource_id);
    }
    if (w->old) {
        note_old_side(u, w);
        if (w->production)
            note_new_side(u, w->production, w->instances, w->instance_count);
    }
}

static bool look_blue_green(struct upgrade *u, struct world *w, struct err *e)
{
    if (!find_deployment(u, w, e) || !find_green(u, w, e) || !find_old(u, w, e))
        return false;
    w->facts = w->deployment ? &w->deployment->tags : w->old ? &w->old->tags : NULL;
    w->run_target = run_target(w);
    w->reached = reached_stage(u, w);
    return true;
}

const struct strategy strategy_blue_green = {.resource = TAG_RESOURCE_BLUE_GREEN,
                                             .look = look_blue_green,
                                             .purpose = PG_FOR_BLUE_GREEN,
                                             .no_way_back = E_NO_WAY_BACK,
                                             .replicates = true,
                                             .shows_stages = true,
                                             .new_side = "green",
                                             .hook_places = hooks_of_deployment};

const struct rds_cluster *switch_notes(const struct world *w)
{
    return w->names_stay ? w->production : w->old;
}

const struct rds_cluster *world_put_aside(const struct world *w)
{
    return w->old ? w->old : w->aside;
}

static bool look(struct upgrade *u, struct err *e)
{
    struct world w = {0};
    if (!rds_cluster_find(&u->aws, u->request.cluster, &w.production, e))
        return err_wrap(e, "read cluster %s", u->request.cluster);
    if (w.production) {
        w.version = version_of(w.production->engine_version);
        if (!rds_instance_list(&u->aws, w.production->identifier, &w.instances, &w.instance_count, e))
            return err_wrap(e, "read the instances of %s", u->request.cluster);
    }
    if (!u->strategy->look(u, &w, e))
        return false;
    world_note_history(u, &w);
    u->world = w;
    return true;
}

/* Of all upgrades of the process: a look that has begun holds what it has read so far, and more at once would
 * only wait for the same connections (HTTP_PLACES). */
enum { LOOKS_AT_ONCE = 32 };
static struct gate looks;

static void open_gate(void)
{
    gate_init(&looks, LOOKS_AT_ONCE);
}

bool world_look(struct upgrade *u, struct err *e)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    (void)pthread_once(&once, open_gate);
    arena_free(u->look);
    u->look = u->aws.arena = arena_new();
    u->world = (struct world){0};
    if (!gate_enter(&looks, u->stop))
        return err_set(e, ERR_CANCELLED, "stopped before looking at %s", u->request.cluster);
    bool ok = look(u, e);
    gate_leave(&looks);
    return ok;
}

static const struct rds_instance *const *copies(struct arena *a, const struct rds_instance *const *list,
                                                size_t n)
{
    const struct rds_instance **out = ARENA_ARRAY(a, const struct rds_instance *, n);
    for (size_t i = 0; i < n; i++)
        out[i] = rds_instance_copy(a, list[i]);
    return out;
}

void world_rest(struct upgrade *u)
{
    struct world *w = &u->world, seen = u->world;
    struct arena *replies = u->look, *a = arena_new();
    w->production = rds_cluster_copy(a, seen.production);
    w->green = rds_cluster_copy(a, seen.green);
    w->old = rds_cluster_copy(a, seen.old);
    w->deployment = rds_bluegreen_copy(a, seen.deployment);
    w->snapshot = rds_snapshot_copy(a, seen.snapshot);
    w->restored = rds_cluster_copy(a, seen.restored);
    w->aside = rds_cluster_copy(a, seen.aside);
    w->stray = rds_cluster_copy(a, seen.stray);
    w->rehearsal = rds_cluster_copy(a, seen.rehearsal);
    w->restored_instances = copies(a, seen.restored_instances, seen.restored_instance_count);
    w->instances = copies(a, seen.instances, seen.instance_count);
    w->green_instances = copies(a, seen.green_instances, seen.green_instance_count);
    if (seen.facts)
        w->facts = seen.deployment && seen.facts == &seen.deployment->tags ? &w->deployment->tags
                   : seen.old && seen.facts == &seen.old->tags             ? &w->old->tags
                   : seen.names_stay && !seen.aside                        ? &w->production->tags
                   : seen.aside && seen.facts == &seen.aside->tags         ? &w->aside->tags
                   : seen.restored && seen.facts == &seen.restored->tags   ? &w->restored->tags
                   : seen.green && seen.facts == &seen.green->tags         ? &w->green->tags
                   : seen.snapshot                                         ? &w->snapshot->tags
                                                                           : NULL;
    u->look = u->aws.arena = a;
    arena_free(replies);
}

bool world_need(struct upgrade *u, struct err *e)
{
    if (!world_look(u, e))
        return false;
    if (u->world.production)
        return true;
    (void)upgrade_fail(e, E_CLUSTER_ABSENT, "cluster %s does not exist in %s", u->request.cluster,
                       u->aws.region ? u->aws.region : aws_region(u->aws.aws));
    return false;
}

void world_state(const struct upgrade *u, struct err *e)
{
    const struct world *w = &u->world;
    if (!w->production || !e || e->state[0] != '\0')
        return;
    const char *name = w->production->identifier, *version = w->production->engine_version;
    if (w->names_move)
        (void)err_state(e,
                        "An upgrade is moving the name %s to %s at this moment: its endpoints may not answer "
                        "until an apply has brought that to its end.",
                        u->request.cluster, w->restored->identifier);
    else if (w->reached == STAGE_SWITCHED && w->old)
        (void)err_state(e, "%s is in production on %s; the old side is %s, kept as it was at the switch.",
                        name, version, w->old->identifier);
    else if (w->reached == STAGE_SWITCHED && w->snapshot)
        (void)err_state(e, "%s is in production on %s; snapshot %s holds it as it was before.", name, version,
                        w->snapshot->identifier);
    else if (w->snapshot && strcmp(w->production->status, "upgrading") == 0)
        (void)err_state(e, "AWS is upgrading %s at this moment; it refuses writes until that is over.", name);
    else if (w->deployment && strcmp(w->deployment->status, "SWITCHOVER_IN_PROGRESS") == 0)
        (void)err_state(e, "AWS is switching %s over at this moment; writes are refused for a short time.",
                        name);
    else
        (void)err_state(e, "%s is in production on %s; nothing on it was changed by this step.", name,
                        version);
}

/* ---- logins ---- */

static bool place_of(const struct upgrade *u, enum side side, const char **host, int *port)
{
    const struct rds_cluster *k = side == SIDE_GREEN ? u->world.green
                                  : side == SIDE_OLD ? world_put_aside(&u->world)
                                                     : u->world.production;
    *host = k ? k->endpoint : "";
    *port = k ? k->port : 0;
    return k && k->endpoint[0] != '\0';
}

static const char *side_name(const struct upgrade *u, enum side side)
{
    return side == SIDE_GREEN ? u->strategy->new_side : side == SIDE_OLD ? "the old side" : "production";
}

static bool open_as(struct upgrade *u, enum side side, const char *database, const struct pg_target *as,
                    struct pg **ret, struct err *e)
{
    const char *host = NULL;
    int port = 0;
    bool known = false;
    struct pg_target t = {0};
    if (!place_of(u, side, &host, &port))
        return err_set(e, ERR_UNAVAILABLE, "%s has no endpoint at the moment", side_name(u, side));
    if (!u->login(u->login_arg, side == SIDE_BLUE && !u->world.names_stay ? NULL : host, port, &t, &known, e))
        return err_wrap(e, "log in to %s", side_name(u, side));
    if (!known)
        return err_set(e, ERR_NOT_FOUND, "no login is configured");
    if (database)
        t.database = database;
    t.writable = as->writable;
    t.replication = as->replication;
    if (!pg_open(&t, u->stop, ret, e)) {
        u->unreached = side;
        (void)err_attribute(e, "postgresql");
        return err_wrap(e, "connect to %s", side_name(u, side));
    }
    u->has_answered[side] = true;
    return true;
}

bool side_open(struct upgrade *u, enum side side, const char *database, bool writable, struct pg **ret,
               struct err *e)
{
    return open_as(u, side, database, &(struct pg_target){.writable = writable}, ret, e);
}

bool side_open_replication(struct upgrade *u, enum side side, const char *database, struct pg **ret,
                           struct err *e)
{
    return open_as(u, side, database, &(struct pg_target){.replication = true}, ret, e);
}

bool side_each_database(struct upgrade *u, enum side side, bool writable,
                        bool (*each)(struct upgrade *u, struct pg *c, const char *database, void *arg,
                                     struct err *e),
                        void *arg, struct err *e)
{
    struct pg *first CLEANUP(pg_cleanup) = NULL;
    const char **names = NULL;
    size_t n = 0;
    if (!side_open(u, side, NULL, writable, &first, e) || !pg_databases(first, u->look, &names, &n, e))
        return false;
    for (size_t i = 0; i < n; i++) {
        struct pg *c CLEANUP(pg_cleanup) = NULL;
        if (!side_open(u, side, names[i], writable, &c, e) || !each(u, c, names[i], arg, e))
            return err_wrap(e, "database %s", names[i]);
    }
    return true;
}

struct of_run {
    bool (*each)(struct upgrade *u, struct pg *c, const char *database, void *arg, struct err *e);
    void *arg;
};

bool run_has_database(const struct upgrade *u, const char *database)
{
    const char *const *wanted = u->request.databases;
    if (!wanted || !*wanted)
        return true;
    while (*wanted && strcmp(*wanted, database) != 0)
        wanted++;
    return *wanted != NULL;
}

static bool if_of_run(struct upgrade *u, struct pg *c, const char *database, void *arg, struct err *e)
{
    const struct of_run *r = arg;
    return !run_has_database(u, database) || r->each(u, c, database, r->arg, e);
}

bool run_each_database(struct upgrade *u, enum side side, bool writable,
                       bool (*each)(struct upgrade *u, struct pg *c, const char *database, void *arg,
                                    struct err *e),
                       void *arg, struct err *e)
{
    struct of_run r = {each, arg};
    return side_each_database(u, side, writable, if_of_run, &r, e);
}
