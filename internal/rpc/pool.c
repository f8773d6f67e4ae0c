#include "internal/rpc/pool.h"
#include "internal/base/idle.h"
#include "internal/rpc/crash.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>

/* Virtual memory only; the kernel gives what is touched. From below: the stack for last words, a guard, the
 * thread's own. */
enum {
    GUARD_BYTES = 64 * 1024, /* whole pages on every machine */
    STACK_BYTES = 2 * 1024 * 1024,
    MAP_BYTES = CRASH_STACK_BYTES + GUARD_BYTES + STACK_BYTES
};

struct worker {
    pthread_t thread;
    struct pool *pool;
    struct worker *next;
    char *map;
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

static char *stack_of(const struct worker *w)
{
    return w->map + CRASH_STACK_BYTES + GUARD_BYTES;
}

static void *work(void *of)
{
    struct worker *w = of;
    struct pool *p = w->pool;
    crash_thread(w->map);
    idle_stack(stack_of(w));
    for (struct pool_job *job = next_job(p); job; job = next_job(p))
        job->run(job->of);
    return NULL;
}

static void free_worker(struct worker *w)
{
    if (w->map)
        (void)munmap(w->map, MAP_BYTES);
    free(w);
}

/* A huge page would be all of it at the first touch. */
static bool map_stacks(struct worker *w)
{
    void *map = mmap(NULL, MAP_BYTES, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
    if (map == MAP_FAILED)
        return false;
    w->map = map;
    (void)madvise(map, MAP_BYTES, MADV_NOHUGEPAGE);
    return mprotect(w->map + CRASH_STACK_BYTES, GUARD_BYTES, PROT_NONE) == 0;
}

static bool start_worker(struct worker *w)
{
    pthread_attr_t attributes;
    if (!map_stacks(w) || pthread_attr_init(&attributes) != 0)
        return false;
    bool made = pthread_attr_setstack(&attributes, stack_of(w), STACK_BYTES) == 0 &&
                pthread_create(&w->thread, &attributes, work, w) == 0;
    (void)pthread_attr_destroy(&attributes);
    return made;
}

static bool add_worker(struct pool *p)
{
    struct worker *w = calloc(1, sizeof *w);
    if (!w)
        return false;
    w->pool = p;
    if (!start_worker(w)) {
        free_worker(w);
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
        free_worker(w);
    }
    (void)pthread_cond_destroy(&p->work);
    (void)pthread_mutex_destroy(&p->lock);
    free(p);
}
