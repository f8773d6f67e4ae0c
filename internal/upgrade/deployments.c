#include "internal/upgrade/deployments.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* Of one client and Region; there while somebody uses it. */
struct listing {
    struct listing *next;
    const struct aws *aws;
    char *region;
    int users;
    uint64_t begun, ended; /* numbers of listings */
    bool is_ok;
    struct err failure;
    struct arena *arena; /* owns `rows`; NULL: none has ended well */
    struct deployment_row *rows;
    size_t n, cap;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t answered = PTHREAD_COND_INITIALIZER;
static struct listing *listings;

static struct listing *use(const struct aws_session *s)
{
    const char *region = s->region ? s->region : "";
    struct listing *l = listings;
    while (l && (l->aws != s->aws || strcmp(l->region, region) != 0))
        l = l->next;
    if (!l) {
        l = calloc(1, sizeof *l);
        if (!l || !(l->region = strdup(region)))
            abort();
        l->aws = s->aws;
        l->next = listings;
        listings = l;
    }
    l->users++;
    return l;
}

static void leave(struct listing *l)
{
    if (--l->users > 0)
        return;
    struct listing **at = &listings;
    while (*at != l)
        at = &(*at)->next;
    *at = l->next;
    arena_free(l->arena);
    free(l->region);
    free(l);
}

static void keep(void *arg, const struct rds_bluegreen *d)
{
    struct listing *into = arg;
    struct arena *a = into->arena;
    const struct deployment_row row = {arena_strdup(a, d->identifier), arena_strdup(a, d->source),
                                       arena_strdup(a, d->target), arena_strdup(a, d->status)};
    ARR_PUSH(a, into->rows, into->n, into->cap, row);
}

/* Called with the lock held, which is given up while AWS is asked. */
static void ask(struct listing *l, const struct aws_session *s)
{
    CLEANUP(arena_cleanup) struct arena *own = arena_new(); /* what the pages' ends leave */
    struct aws_session session = *s;
    struct listing seen = {.arena = arena_new()};
    session.arena = own;
    l->begun++;
    (void)pthread_mutex_unlock(&lock);
    bool ok = rds_bluegreen_each(&session, keep, &seen, &seen.failure);
    (void)pthread_mutex_lock(&lock);
    arena_free(l->arena);
    l->arena = seen.arena;
    l->rows = seen.rows;
    l->n = ok ? seen.n : 0;
    l->is_ok = ok;
    l->failure = seen.failure;
    l->ended++;
    (void)pthread_cond_broadcast(&answered);
}

bool deployments_each(const struct aws_session *s, void (*each)(void *arg, const struct deployment_row *d),
                      void *arg, struct err *e)
{
    (void)pthread_mutex_lock(&lock);
    struct listing *l = use(s);
    uint64_t wanted = l->begun + 1;
    bool ok = true;
    while (ok && l->ended < wanted) {
        if (l->begun == l->ended)
            ask(l, s);
        else if (stop_wait_signal(s->stop, &answered, &lock) && l->ended < wanted)
            ok = err_set(e, ERR_CANCELLED, "stopped while waiting for the list of deployments");
    }
    if (ok && !l->is_ok) {
        *e = l->failure;
        ok = false;
    }
    for (size_t i = 0; ok && i < l->n; i++)
        each(arg, &l->rows[i]);
    leave(l);
    (void)pthread_mutex_unlock(&lock);
    return ok;
}
