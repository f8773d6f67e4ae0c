#include "internal/aws/gate.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

void gate_init(struct gate *g, unsigned places)
{
    g->fd = eventfd(places, EFD_CLOEXEC | EFD_NONBLOCK | EFD_SEMAPHORE);
    if (g->fd < 0) {
        (void)fputs("panic: no descriptor for a gate\n", stderr);
        abort();
    }
}

void gate_done(struct gate *g)
{
    (void)close(g->fd);
    g->fd = -1;
}

bool gate_try(struct gate *g)
{
    uint64_t one;
    return read(g->fd, &one, sizeof one) == (ssize_t)sizeof one;
}

bool gate_enter(struct gate *g, const struct stop *stop)
{
    struct pollfd wait[] = {{.fd = g->fd, .events = POLLIN}, {.fd = stop_fd(stop), .events = POLLIN}};
    while (!stop_requested(stop)) {
        if (gate_try(g))
            return true;
        (void)poll(wait, ARRAY_LEN(wait), -1); /* EINTR: look again */
    }
    return false;
}

void gate_leave(struct gate *g)
{
    uint64_t one = 1;
    ssize_t n = write(g->fd, &one, sizeof one); /* cannot fail: the counter is far from its limit */
    (void)n;
}
