#include "internal/aws/crew.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>

/* Virtual memory only; the kernel gives what is touched. */
enum { STACK_BYTES = 2 * 1024 * 1024 };

struct errand {
    void (*work)(void *of);
    void *of;
    sem_t done;
    struct errand *next;
};

struct member {
    pthread_t thread;
    struct member *next;
};

struct crew {
    pthread_mutex_t lock;
    pthread_cond_t wanted;
    struct errand *first, **end; /* queue */
    size_t queued, idle, count, max;
    struct member *members;
    bool is_ending;
};

static _Thread_local bool is_member;

struct crew *crew_new(size_t max)
{
    struct crew *c = calloc(1, sizeof *c);
    if (!c)
        abort();
    (void)pthread_mutex_init(&c->lock, NULL);
    (void)pthread_cond_init(&c->wanted, NULL);
    c->end = &c->first;
    c->max = max;
    return c;
}

/* NULL: the crew ends. */
static struct errand *next_errand(struct crew *c)
{
    (void)pthread_mutex_lock(&c->lock);
    c->idle++;
    while (!c->first && !c->is_ending)
        (void)pthread_cond_wait(&c->wanted, &c->lock);
    c->idle--;
    struct errand *e = c->first;
    if (e) {
        c->first = e->next;
        c->queued--;
        if (!c->first)
            c->end = &c->first;
    }
    (void)pthread_mutex_unlock(&c->lock);
    return e;
}

static void *serve(void *of)
{
    struct crew *c = of;
    is_member = true;
    for (struct errand *e = next_errand(c); e; e = next_errand(c)) {
        e->work(e->of);
        (void)sem_post(&e->done); /* from here on it may be gone */
    }
    return NULL;
}

static void add_member(struct crew *c)
{
    struct member *m = calloc(1, sizeof *m);
    pthread_attr_t attributes;
    if (!m || pthread_attr_init(&attributes) != 0) {
        free(m);
        return;
    }
    (void)pthread_attr_setstacksize(&attributes, STACK_BYTES);
    bool made = pthread_create(&m->thread, &attributes, serve, c) == 0;
    (void)pthread_attr_destroy(&attributes);
    if (!made) {
        free(m);
        return;
    }
    m->next = c->members;
    c->members = m;
    c->count++;
}

/* False: there is nobody to do it. */
static bool hand_over(struct crew *c, struct errand *e)
{
    (void)pthread_mutex_lock(&c->lock);
    if (c->idle <= c->queued && c->count < c->max)
        add_member(c);
    bool is_served = c->count > 0;
    if (is_served) {
        *c->end = e;
        c->end = &e->next;
        c->queued++;
        (void)pthread_cond_signal(&c->wanted);
    }
    (void)pthread_mutex_unlock(&c->lock);
    return is_served;
}

void crew_run(struct crew *c, void (*work)(void *of), void *of)
{
    struct errand e = {.work = work, .of = of};
    if (is_member || sem_init(&e.done, 0, 0) != 0) {
        work(of);
        return;
    }
    if (!hand_over(c, &e))
        work(of);
    else
        while (sem_wait(&e.done) != 0 && errno == EINTR)
            continue;
    (void)sem_destroy(&e.done);
}

void crew_free(struct crew *c)
{
    if (!c)
        return;
    (void)pthread_mutex_lock(&c->lock);
    c->is_ending = true;
    (void)pthread_cond_broadcast(&c->wanted);
    (void)pthread_mutex_unlock(&c->lock);
    for (struct member *m = c->members, *next; m; m = next) {
        next = m->next;
        (void)pthread_join(m->thread, NULL);
        free(m);
    }
    (void)pthread_cond_destroy(&c->wanted);
    (void)pthread_mutex_destroy(&c->lock);
    free(c);
}
