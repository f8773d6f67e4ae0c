#include "internal/rpc/pool.h"
#include "internal/rpc/crash.h"

#include <pthread.h>
#include <stdlib.h>

/* Virtual memory only; the kernel gives what is touched. */
enum { STACK_BYTES = 2 * 1024 * 1024 };

struct worker {
    pthread_t thread;
    struct worker *next;
};

struct pool {
    pthread_mutex_t lock;
    pthread_cond_t work;
    struct pool_job *first, **end; /* queue */
    size_t queued, idle, count, max;
    struct worker *workers;
    bool is_ending;
};

struct pool *pool_new(size_t max)
{
    struct pool *p = calloc(1, sizeof *p);
    if (!p)
        crash_die("out of memory");
    (void)pthread_mutex_init(&p->lock, NULL);
    (void)pthread_cond_init(&p->work, NULL);
    p->end = &p->first;
    p->max = max;
    return p;
}

static void enqueue(struct pool *p, struct pool_job *job)
{
    job->next = NULL;
    *p->end = job;
    p->end = &job->next;
    p->queued++;
}

static struct pool_job *dequeue(struct pool *p)
{
    struct pool_job *job = p->first;
    if (!job)
        return NULL;
    p->first = job->next;
    if (!p->first)
        p->end = &p->first;
    p->queued--;
    return job;
}

/* NULL: the pool ends. */
static struct pool_job *next_job(struct pool *p)
{
    (void)pthread_mutex_lock(&p->lock);
    p->idle++;
    while (!p->first && !p->is_ending)
        (void)pthread_cond_wait(&p->work, &p->lock);
    p->idle--;
    struct pool_job *job = dequeue(p);
    (void)pthread_mutex_unlock(&p->lock);
    return job;
}

static void *work(void *of)
{
    struct pool *p = of;
    char last_words[CRASH_STACK_BYTES];
    crash_thread(last_words);
    for (struct pool_job *job = next_job(p); job; job = next_job(p))
        job->run(job->of);
    return NULL;
}

static bool add_worker(struct pool *p)
{
    struct worker *w = calloc(1, sizeof *w);
    pthread_attr_t attributes;
    if (!w || pthread_attr_init(&attributes) != 0) {
        free(w);
        return false;
    }
    (void)pthread_attr_setstacksize(&attributes, STACK_BYTES);
    bool made = pthread_create(&w->thread, &attributes, work, p) == 0;
    (void)pthread_attr_destroy(&attributes);
    if (!made) {
        free(w);
        return false;
    }
    w->next = p->workers;
    p->workers = w;
    p->count++;
    return true;
}

bool pool_submit(struct pool *p, struct pool_job *job)
{
    (void)pthread_mutex_lock(&p->lock);
    bool is_served = p->idle > p->queued || (p->count < p->max && add_worker(p)) || p->count > 0;
    if (is_served) {
        enqueue(p, job);
        (void)pthread_cond_signal(&p->work);
    }
    (void)pthread_mutex_unlock(&p->lock);
    return is_served;
}

void pool_free(struct pool *p)
{
    if (!p)
        return;
    (void)pthread_mutex_lock(&p->lock);
    p->is_ending = true;
    (void)pthread_cond_broadcast(&p->work);
    (void)pthread_mutex_unlock(&p->lock);
    for (struct worker *w = p->workers, *next; w; w = next) {
        next = w->next;
        (void)pthread_join(w->thread, NULL);
        free(w);
    }
    (void)pthread_cond_destroy(&p->work);
    (void)pthread_mutex_destroy(&p->lock);
    free(p);
}
