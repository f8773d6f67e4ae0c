#include "acceptance-tests/sandbox/engine/keeper.h"

#include <pthread.h>
#include <stdlib.h>

/* One order at a time: starting a server takes a millisecond. */
struct keeper {
    pthread_t thread;
    pthread_mutex_t turn; /* held by the caller whose order is being done */
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t changed;
    const struct child_spec *order;
    bool done, ok, closing;
    pid_t pid;
    struct err *e;
};

static void *keeper_main(void *arg)
{
    struct keeper *k = arg;
    (void)pthread_mutex_lock(&k->lock);
    while (!k->closing) {
        if (k->order && !k->done) {
            k->ok = child_start(k->order, &k->pid, k->e);
            k->done = true;
            (void)pthread_cond_broadcast(&k->changed);
        }
        (void)pthread_cond_wait(&k->changed, &k->lock);
    }
    (void)pthread_mutex_unlock(&k->lock);
    return NULL;
}

static void keeper_destroy(struct keeper *k)
{
    (void)pthread_cond_destroy(&k->changed);
    (void)pthread_mutex_destroy(&k->lock);
    (void)pthread_mutex_destroy(&k->turn);
    free(k);
}

bool keeper_new(struct keeper **ret, struct err *e)
{
    struct keeper *k = calloc(1, sizeof *k);
    if (!k)
        abort();
    (void)pthread_mutex_init(&k->turn, NULL);
    (void)pthread_mutex_init(&k->lock, NULL);
    (void)pthread_cond_init(&k->changed, NULL);
    int reason = pthread_create(&k->thread, NULL, keeper_main, k);
    if (reason) {
        keeper_destroy(k);
        return err_errno(e, reason, "start the servers' keeper");
    }
    *ret = k;
    return true;
}

void keeper_free(struct keeper *k)
{
    if (!k)
        return;
    (void)pthread_mutex_lock(&k->lock);
    k->closing = true;
    (void)pthread_cond_broadcast(&k->changed);
    (void)pthread_mutex_unlock(&k->lock);
    (void)pthread_join(k->thread, NULL);
    keeper_destroy(k);
}

bool keeper_start(struct keeper *k, const struct child_spec *s, pid_t *ret_pid, struct err *e)
{
    (void)pthread_mutex_lock(&k->turn);
    (void)pthread_mutex_lock(&k->lock);
    k->order = s;
    k->e = e;
    k->done = false;
    (void)pthread_cond_broadcast(&k->changed);
    while (!k->done)
        (void)pthread_cond_wait(&k->changed, &k->lock);
    bool ok = k->ok;
    if (ok)
        *ret_pid = k->pid;
    k->order = NULL;
    (void)pthread_mutex_unlock(&k->lock);
    (void)pthread_mutex_unlock(&k->turn);
    return ok;
}
