#include "internal/aws/fixture.h"

#include <string.h>
#include <time.h>

static int64_t recorder_mono(struct clock *c)
{
    struct recorder *r = (struct recorder *)c;
    (void)pthread_mutex_lock(&r->lock);
    int64_t now = r->now_ms;
    (void)pthread_mutex_unlock(&r->lock);
    return now;
}

static int64_t recorder_wall(struct clock *c)
{
    return RECORDER_WALL_MS + recorder_mono(c);
}

bool recorder_wait(struct clock *c, struct stop *stop, int64_t ms)
{
    struct recorder *r = (struct recorder *)c;
    (void)pthread_mutex_lock(&r->lock);
    if (r->n < RECORDER_DELAYS)
        r->delays[r->n++] = ms;
    r->now_ms += ms;
    (void)pthread_mutex_unlock(&r->lock);
    return stop_requested(stop);
}

void recorder_advance(struct recorder *r, int64_t ms)
{
    (void)pthread_mutex_lock(&r->lock);
    r->now_ms += ms;
    (void)pthread_mutex_unlock(&r->lock);
}

void recorder_init(struct recorder *r)
{
    *r = (struct recorder){.clock = {recorder_wall, recorder_mono, recorder_wait}};
    (void)pthread_mutex_init(&r->lock, NULL);
}

const char *fixture_no_env(const char *name)
{
    (void)name;
    return NULL;
}

int64_t fixture_seconds(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec;
}

struct aws *fixture_client(const char *url, struct clock *clock, int max_retries)
{
    struct aws_config c = {.region = "eu-central-1",
                           .access_key = "AKIDEXAMPLE",
                           .secret_key = "not-a-real-secret-key",
                           .token = "not-a-real-session-token",
                           .endpoints = {{"rds", url}, {"sts", url}, {"secretsmanager", url}},
                           .max_retries = max_retries,
                           .getenv = fixture_no_env,
                           .clock = clock};
    struct aws *w = NULL;
    struct err e = ERR_INIT;
    if (!aws_new(&c, &w, &e))
        fail_msg("%s", e.text);
    return w;
}

void fixture_start(struct fixture *f, const struct step *steps)
{
    memset(f, 0, sizeof *f);
    recorder_init(&f->clock);
    scripted_start(&f->server, steps, NULL);
    f->arena = arena_new();
    f->aws = fixture_client(f->server.url, &f->clock.clock, -1);
    f->s = (struct aws_session){.aws = f->aws, .arena = f->arena};
}

void fixture_stop(struct fixture *f)
{
    aws_free(f->aws);
    arena_free(f->arena);
    scripted_stop(&f->server);
}

const char *fixture_body(struct fixture *f, int i)
{
    const char *at = strstr(scripted_request(&f->server, i), "\r\n\r\n");
    return at ? at + 4 : "";
}
