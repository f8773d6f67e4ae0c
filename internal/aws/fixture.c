#include "internal/aws/fixture.h"
#include "internal/base/file.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static const struct variable *environment;
static char home[] = "/tmp/aurora-aws-XXXXXX";

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
    struct aws_config c = {
        .region = "eu-central-1",
        .access_key = "AKIDEXAMPLE",
        .secret_key = "not-a-real-secret-key",
        .token = "not-a-real-session-token",
        .endpoints = {{"rds", url}, {"sts", url}, {"secretsmanager", url}, {"kms", url}, {"route53", url}},
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

/* ---- a home of its own ---- */

int fixture_home_make(void **state)
{
    (void)state;
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    struct err e = ERR_INIT;
    return mkdtemp(home) && dir_make(arena_printf(a, "%s/.aws", home), &e) ? 0 : -1;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st;
    (void)type;
    (void)at;
    return remove(path);
}

int fixture_home_remove(void **state)
{
    (void)state;
    return nftw(home, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

const char *fixture_home_path(struct arena *a, const char *name)
{
    return arena_printf(a, "%s/.aws/%s", home, name);
}

void fixture_home_write(const char *name, const char *text)
{
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    struct err e = ERR_INIT;
    const char *path = fixture_home_path(a, name);
    const char *folder = arena_memdup(a, path, (size_t)(strrchr(path, '/') - path));
    if (!dir_make(folder, &e) || !file_replace(path, text ? text : "", text ? strlen(text) : 0, 0600, &e))
        fail_msg("%s", e.text);
}

void fixture_set_env(const struct variable *list)
{
    environment = list;
}

const char *fixture_getenv(const char *name)
{
    for (const struct variable *v = environment; v && v->name; v++)
        if (strcmp(v->name, name) == 0)
            return v->value;
    if (strcmp(name, "HOME") == 0)
        return home;
    return strcmp(name, "AWS_EC2_METADATA_DISABLED") == 0 ? "true" : NULL;
}

struct aws *fixture_aws(const struct aws_config *given, const char *url, struct clock *clock, struct err *e)
{
    static const char *const services[] = {"sts", "rds", "sso", "ssooidc"};
    struct aws_config c = *given;
    struct aws *w = NULL;
    c.region = "eu-central-1";
    c.getenv = fixture_getenv;
    c.clock = clock;
    for (size_t i = 0; i < ARRAY_LEN(services); i++)
        c.endpoints[i] = (struct aws_endpoint){services[i], url};
    return aws_new(&c, &w, e) ? w : NULL;
}

const char *fixture_signers(struct scripted *server, struct arena *a)
{
    const char *text = "";
    for (int i = 0; i < scripted_requests(server); i++) {
        const char *at = strstr(scripted_request(server, i), " Credential=");
        int n = at ? (int)strcspn(at + 12, "/") : 1;
        text = arena_printf(a, "%s%s%.*s", text, *text ? " " : "", n, at ? at + 12 : "-");
    }
    return text;
}

bool fixture_was_sent(struct scripted *server, const char *text)
{
    for (int i = 0; i < scripted_requests(server); i++)
        if (strstr(scripted_request(server, i), text))
            return true;
    return false;
}
