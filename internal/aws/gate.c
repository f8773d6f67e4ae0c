#include "internal/aws/gate.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

void gate_init(struct gate *g, unsigned places)
{
    if (sem_init(&g->places, 0, places) != 0) {
        (void)fputs("panic: no semaphore for a gate\n", stderr);
        abort();
    }
}

void gate_done(struct gate *g)
{
    (void)sem_destroy(&g->places);
}

bool gate_try(struct gate *g)
{
    return sem_trywait(&g->places) == 0;
}

static struct timespec next_look(void)
{
    struct timespec until;
    (void)clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += GATE_LOOK_MS * 1000000L;
    if (until.tv_nsec >= 1000000000L) {
        until.tv_nsec -= 1000000000L;
        until.tv_sec++;
    }
    return until;
}

bool gate_enter(struct gate *g, const struct stop *stop)
{
    while (!stop_requested(stop)) {
        const struct timespec until = next_look();
        if (gate_try(g) || sem_timedwait(&g->places, &until) == 0)
            return true; /* else EINTR or the time is up: look again */
    }
    return false;
}

void gate_leave(struct gate *g)
{
    (void)sem_post(&g->places); /* cannot fail: the counter is far from its limit */
}
