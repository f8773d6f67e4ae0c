#include "internal/base/stop.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

enum { LOOK_MS = 200 };

struct stop {
    atomic_bool requested;
    int fd;
};

struct stop *stop_new(void)
{
    struct stop *s = calloc(1, sizeof *s);
    int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (!s || fd < 0) {
        (void)fputs("panic: no descriptor or memory for a stop token\n", stderr);
        abort();
    }
    s->fd = fd;
    return s;
}

void stop_free(struct stop *s)
{
    if (!s)
        return;
    (void)close(s->fd);
    free(s);
}

void stop_request(struct stop *s)
{
    atomic_store(&s->requested, true);
    uint64_t one = 1;
    ssize_t n =
        write(s->fd, &one, sizeof one); /* fails only if the counter is full, which is readable as well */
    (void)n;
}

bool stop_requested(const struct stop *s)
{
    return s && atomic_load(&s->requested);
}

static int64_t mono_ms(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

bool stop_wait(struct stop *s, int64_t ms)
{
    int64_t until = mono_ms() + (ms < INT64_MAX / 2 ? ms : INT64_MAX / 2);
    struct pollfd p = {.fd = stop_fd(s), .events = POLLIN};
    for (int64_t left = ms; left > 0; left = until - mono_ms()) {
        int r = poll(&p, 1, left > INT_MAX ? INT_MAX : (int)left);
        if (r > 0 || (r < 0 && errno != EINTR))
            break;
    }
    return stop_requested(s);
}

bool stop_wait_signal(const struct stop *s, pthread_cond_t *signal, pthread_mutex_t *lock)
{
    struct timespec until;
    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += LOOK_MS * 1000000L;
    if (until.tv_nsec >= 1000000000L) {
        until.tv_nsec -= 1000000000L;
        until.tv_sec++;
    }
    if (!stop_requested(s))
        (void)pthread_cond_clockwait(signal, lock, CLOCK_MONOTONIC, &until);
    return stop_requested(s);
}

int stop_fd(const struct stop *s)
{
    return s ? s->fd : -1;
}
