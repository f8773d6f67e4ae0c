#include "internal/upgrade/endpoints_move.h"
#include "internal/upgrade/errors.h"
#include "internal/upgrade/roll_back.h"
#include "internal/upgrade/tags.h"

#include <string.h>
#include <strings.h>

enum {
    ACTS_MAX = 100,  /* of one walk; five endpoints take twenty */
    TRIES_MAX = 600, /* AWS makes and deletes one in a minute */
    PAUSE_MS = 2000,
    /* From the tag that holds plans back to the first endpoint that goes: a plan that began before it has
     * read everything by then. Production takes writes as long. */
    GRACE_MS = 30000
};

/* ---- one look ---- */

struct shown {
    const struct rds_custom_endpoint *list;
    size_t n;
};

struct both {
    const struct rds_cluster *old_cluster, *new_cluster;
    struct shown old_shown, new_shown;
    struct moving_side old_side, new_side;
};

static bool has_any(const struct rds_cluster *k)
{
    return k && k->custom_endpoints && k->custom_endpoints[0];
}

static bool read_side(struct upgrade *u, const struct rds_cluster *k, struct shown *shown,
                      struct moving_side *side, struct err *e)
{
    if (!k)
        return true;
    if (!rds_custom_endpoints(&u->aws, k->identifier, &shown->list, &shown->n, e))
        return err_wrap(e, "read the custom endpoints of %s", k->identifier);
    for (size_t i = 0; i < shown->n && side->n < ENDPOINTS_MAX; i++) {
        const struct rds_custom_endpoint *x = &shown->list[i];
        struct rds_tags tags = {0};
        struct err why = ERR_INIT;
        bool is_there = rds_tag_list(&u->aws, x->arn, &tags, &why);
        if (!is_there && why.code != ERR_NOT_FOUND) {
            if (e)
                *e = why;
            return err_wrap(e, "read the tags of custom endpoint %s", x->identifier);
        }
        /* gone since the list was read: the next look shows it no more */
        side->list[side->n++] = (struct moving_endpoint){x->identifier, rds_tag_value(&tags, TAG_TWIN_OF),
                                                         is_there && is_available(x->status)};
    }
    return true;
}

/* Which cluster is which, before names move and after it. Copies may be made before anything says that they
 * will: on the clone of a logical upgrade, or on the old side that is to come back. */
static bool look(struct upgrade *u, enum move_phase phase, struct both *ret, struct err *e)
{
    if (!world_need(u, e))
        return false;
    const struct world *w = &u->world;
    const struct rds_cluster *next = w->old ? w->old : w->green;
    const struct rds_cluster *arriving = w->restored ? w->restored : phase == MOVE_COPY ? next : NULL;
    bool has_left = !arriving || strcmp(w->production->resource_id, arriving->resource_id) == 0;
    struct both b = {.old_cluster = has_left ? w->aside : w->production,
                     .new_cluster = has_left ? w->production : arriving};
    bool any = has_any(b.old_cluster) || has_any(b.new_cluster);
    if (any && (!read_side(u, b.old_cluster, &b.old_shown, &b.old_side, e) ||
                !read_side(u, b.new_cluster, &b.new_shown, &b.new_side, e)))
        return false;
    *ret = b;
    return true;
}

/* ---- members: whatever an instance is called at this moment, by the name it has in production ---- */

static const char *production_name(struct upgrade *u, const char *member)
{
    const struct world *w = &u->world;
    for (size_t i = 0; i < w->instance_count; i++) {
        const char *twin = rds_tag_value(&w->instances[i]->tags, TAG_TWIN_OF);
        const char *name = twin ? twin : w->instances[i]->identifier;
        if (strcasecmp(member, name) == 0 || strcasecmp(member, arriving_name(u, name)) == 0 ||
            strcasecmp(member, leaving_name(u, name)) == 0)
            return name;
    }
    return NULL;
}

/* As the instances of the cluster that gets them are called; one that is gone is left out. */
static const char **members(struct upgrade *u, const char **from, bool of_twins)
{
    const struct world *w = &u->world;
    size_t n = 0, kept = 0;
    while (from && from[n])
        n++;
    const char **out = ARENA_ARRAY(u->look, const char *, n + 1);
    for (size_t i = 0; i < n; i++) {
        const char *name = production_name(u, from[i]);
        const struct rds_instance *twin =
            of_twins && name ? twin_of(w->restored_instances, w->restored_instance_count, name) : NULL;
        if (of_twins ? twin != NULL : name != NULL)
            out[kept++] = twin ? twin->identifier : name;
    }
    return out;
}

/* ---- one act ---- */

static bool make(struct upgrade *u, const struct rds_custom_endpoint *from, const char *name,
                 const struct rds_cluster *at, bool of_twins, const char *copy_of, struct err *e)
{
    const struct rds_tag ours[] = {{TAG_CLUSTER, u->request.cluster}, {TAG_TWIN_OF, copy_of}};
    const struct rds_custom_endpoint x = {.identifier = name,
                                          .cluster_identifier = at->identifier,
                                          .type = from->type,
                                          .static_members = members(u, from->static_members, of_twins),
                                          .excluded_members = members(u, from->excluded_members, of_twins)};
    struct rds_tags tags = {0};
    return (rds_tag_list(&u->aws, from->arn, &tags, e) &&
            rds_custom_endpoint_create(&u->aws, &x,
                                       carried_tags(u, &tags, ours, copy_of ? ARRAY_LEN(ours) : 0), e)) ||
           err_wrap(e, "make custom endpoint %s of %s", name, at->identifier);
}

static bool act(struct upgrade *u, const struct both *b, struct move m, struct err *e)
{
    const struct shown *shown = m.of_new ? &b->new_shown : &b->old_shown;
    if (!shown->list || m.index >= shown->n)
        return err_set(e, ERR_CONFLICT, "custom endpoints of %s have changed", u->request.cluster);
    const struct rds_custom_endpoint x = shown->list[m.index];
    const char *twin = (m.of_new ? b->new_side : b->old_side).list[m.index].twin_of;
    switch (m.act) {
    case MOVE_COPY_THERE:
        return make(u, &x, arriving_name(u, x.identifier), b->new_cluster, true, x.identifier, e);
    case MOVE_COPY_HERE:
        return make(u, &x, leaving_name(u, x.identifier), b->old_cluster, false, x.identifier, e);
    case MOVE_MAKE:
        return make(u, &x, twin, b->new_cluster, false, NULL, e);
    case MOVE_REMOVE:
        return rds_custom_endpoint_delete(&u->aws, x.identifier, e) ||
               err_wrap(e, "delete custom endpoint %s", x.identifier);
    case MOVE_DONE:
    case MOVE_WAIT:
        break;
    }
    return true;
}

static bool is_over(struct upgrade *u, enum move_phase phase, bool *ret, struct err *e)
{
    struct both b = {0};
    if (!look(u, phase, &b, e))
        return false;
    *ret = endpoints_next(phase, &b.old_side, &b.new_side).act == MOVE_DONE;
    return true;
}

static bool is_too_early(struct upgrade *u, struct move m)
{
    const struct rds_cluster *r = u->world.restored;
    const char *since = r ? rds_tag_value(&r->tags, TAG_NAMES_MOVE) : NULL;
    int64_t then = 0;
    bool is_fenced = u->strategy->slot_prefix != NULL; /* every second counts */
    if (m.act != MOVE_REMOVE || is_fenced || !since || !time_parse_iso(since, &then))
        return false;
    int64_t passed = u->clock->wall_ms(u->clock) - then;
    return passed >= 0 && passed < GRACE_MS;
}

static bool same(struct move x, struct move y)
{
    return x.act == y.act && x.of_new == y.of_new && x.index == y.index;
}

/* What AWS has just done it may show a little later: the same act comes again after a pause only. */
static bool walk(struct upgrade *u, enum move_phase phase, struct err *e)
{
    struct move last = {0};
    for (int acts = 0, tries = 0; acts < ACTS_MAX && tries < TRIES_MAX;) {
        struct both b = {0};
        if (!look(u, phase, &b, e))
            return false;
        struct move m = endpoints_next(phase, &b.old_side, &b.new_side);
        if (m.act == MOVE_DONE)
            return true;
        bool early = phase == MOVE_LEAVE && is_too_early(u, m);
        bool pauses = early || m.act == MOVE_WAIT || same(m, last);
        last = pauses ? (struct move){0} : m;
        acts += !pauses;
        tries += pauses;
        if (!pauses && !act(u, &b, m, e))
            return false;
        if (pauses && u->clock->wait(u->clock, u->stop, PAUSE_MS))
            return err_set(e, ERR_CANCELLED, "interrupted while custom endpoints of %s move",
                           u->request.cluster);
    }
    return upgrade_fail(e, phase == MOVE_COPY ? E_NOT_RESTORABLE : E_RENAME_STUCK,
                        "the custom endpoints of %s do not come: a name they need belongs to another, or AWS "
                        "does not end what it has begun",
                        u->request.cluster);
}

/* ---- the rows ---- */

bool endpoints_copied(struct upgrade *u, bool *ret, struct err *e)
{
    return is_over(u, MOVE_COPY, ret, e);
}

bool endpoints_copy(struct upgrade *u, struct err *e)
{
    return walk(u, MOVE_COPY, e);
}

bool endpoints_left(struct upgrade *u, bool *ret, struct err *e)
{
    return is_over(u, MOVE_LEAVE, ret, e);
}

bool endpoints_leave(struct upgrade *u, struct err *e)
{
    return walk(u, MOVE_LEAVE, e);
}

bool endpoints_arrived(struct upgrade *u, bool *ret, struct err *e)
{
    return is_over(u, MOVE_ARRIVE, ret, e);
}

bool endpoints_arrive(struct upgrade *u, struct err *e)
{
    return walk(u, MOVE_ARRIVE, e);
}
