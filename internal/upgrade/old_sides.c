#include "internal/upgrade/old_sides.h"
#include "internal/aws/rds.h"
#include "internal/upgrade/tags.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct old_side {
    const char *of, *resource_id;
};

struct region {
    struct region *next;
    char *name;
    bool is_asking;
    int64_t asked_ms;
    struct arena *arena; /* owns `list`; NULL: nothing known */
    struct old_side *list;
    size_t n, cap;
};

struct old_sides {
    pthread_mutex_t lock;
    pthread_cond_t answered;
    struct clock *clock;
    struct region *regions;
};

struct old_sides *old_sides_new(struct clock *clock)
{
    struct old_sides *k = calloc(1, sizeof *k);
    if (!k)
        abort();
    k->clock = clock;
    (void)pthread_mutex_init(&k->lock, NULL);
    (void)pthread_cond_init(&k->answered, NULL);
    return k;
}

void old_sides_free(struct old_sides *k)
{
    if (!k)
        return;
    while (k->regions) {
        struct region *r = k->regions;
        k->regions = r->next;
        arena_free(r->arena);
        free(r->name);
        free(r);
    }
    (void)pthread_cond_destroy(&k->answered);
    (void)pthread_mutex_destroy(&k->lock);
    free(k);
}

static struct region *region_of(struct old_sides *k, const char *name)
{
    for (struct region *r = k->regions; r; r = r->next)
        if (strcmp(r->name, name) == 0)
            return r;
    struct region *r = calloc(1, sizeof *r);
    if (!r || !(r->name = strdup(name)))
        abort();
    r->next = k->regions;
    k->regions = r;
    return r;
}

static bool is_fresh(const struct old_sides *k, const struct region *r)
{
    return r->arena && k->clock->mono_ms(k->clock) - r->asked_ms < OLD_SIDES_MS;
}

/* Put aside by a roll-back in place or a logical switch: no deployment's, and nothing for those who look
 * after one. */
static bool is_of_another_kind(const struct rds_cluster *c)
{
    const char *resource = rds_tag_value(&c->tags, TAG_RESOURCE);
    return resource &&
           (strcmp(resource, TAG_RESOURCE_IN_PLACE) == 0 || strcmp(resource, TAG_RESOURCE_LOGICAL) == 0);
}

/* The names of a moved-aside cluster and of the one it was moved for are never the same. */
static void keep(void *arg, const struct rds_cluster *c)
{
    struct region *into = arg;
    const char *of = rds_tag_value(&c->tags, TAG_OLD_OF);
    if (!of || strcasecmp(of, c->identifier) == 0 || is_of_another_kind(c))
        return;
    const struct old_side side = {arena_strdup(into->arena, of), arena_strdup(into->arena, c->resource_id)};
    ARR_PUSH(into->arena, into->list, into->n, into->cap, side);
}

/* Called with the lock held, which is given up while AWS is asked. */
static bool refresh(struct old_sides *k, struct region *r, const struct aws_session *s, struct err *e)
{
    struct region seen = {.asked_ms = k->clock->mono_ms(k->clock), .arena = arena_new()};
    r->is_asking = true;
    (void)pthread_mutex_unlock(&k->lock);
    bool ok = rds_cluster_each(s, keep, &seen, e);
    (void)pthread_mutex_lock(&k->lock);
    r->is_asking = false;
    if (ok) {
        arena_free(r->arena);
        r->asked_ms = seen.asked_ms;
        r->arena = seen.arena;
        r->list = seen.list;
        r->n = seen.n;
    } else {
        arena_free(seen.arena);
    }
    (void)pthread_cond_broadcast(&k->answered);
    return ok;
}

static const char *resource_id_of(const struct region *r, const char *cluster, struct arena *a)
{
    for (size_t i = 0; i < r->n; i++)
        if (strcasecmp(r->list[i].of, cluster) == 0)
            return arena_strdup(a, r->list[i].resource_id);
    return NULL;
}

bool old_sides_find(struct old_sides *k, const struct aws_session *s, const char *cluster,
                    const char **ret_resource_id, struct err *e)
{
    (void)pthread_mutex_lock(&k->lock);
    struct region *r = region_of(k, s->region ? s->region : "");
    while (r->is_asking && !is_fresh(k, r) && !stop_wait_signal(s->stop, &k->answered, &k->lock))
        ; /* somebody else asks */
    bool ok = is_fresh(k, r) || refresh(k, r, s, e);
    if (ok)
        *ret_resource_id = resource_id_of(r, cluster, s->arena);
    (void)pthread_mutex_unlock(&k->lock);
    return ok;
}
