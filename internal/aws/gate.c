#include "internal/aws/gate.h"

void gate_init(struct gate *g, unsigned places)
{
    *g = (struct gate){PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, places};
}

void gate_done(struct gate *g)
{
    (void)pthread_cond_destroy(&g->left);
    (void)pthread_mutex_destroy(&g->lock);
}

static bool take(struct gate *g)
{
    bool is_free = g->places > 0;
    g->places -= is_free;
    return is_free;
}

bool gate_try(struct gate *g)
{
    (void)pthread_mutex_lock(&g->lock);
    bool is_inside = take(g);
    (void)pthread_mutex_unlock(&g->lock);
    return is_inside;
}

bool gate_enter(struct gate *g, const struct stop *stop)
{
    (void)pthread_mutex_lock(&g->lock);
    bool is_stopped = stop_requested(stop);
    while (!is_stopped && g->places == 0)
        is_stopped = stop_wait_signal(stop, &g->left, &g->lock);
    bool is_inside = !is_stopped && take(g);
    (void)pthread_mutex_unlock(&g->lock);
    return is_inside;
}

void gate_leave(struct gate *g)
{
    (void)pthread_mutex_lock(&g->lock);
    g->places++;
    (void)pthread_cond_signal(&g->left);
    (void)pthread_mutex_unlock(&g->lock);
}
