#include "acceptance-tests/sandbox/outage.h"

#include "acceptance-tests/sandbox/cluster.h"
#include "acceptance-tests/sandbox/events.h"

#include <stdio.h>
#include <string.h>

/* The names are those it had when the outage began: a switchover or a rename takes them from it meanwhile. */
struct victim {
    const char *resource;
    const json_t *endpoints;
};

static void hold(struct sandbox *sb, const struct victim *v, bool on)
{
    size_t i;
    const json_t *name;
    json_array_foreach(v->endpoints, i, name) endpoint_hold(sb->engine, json_string_value(name), on);
}

static bool begin_hold(struct sandbox *sb, const struct victim *v, struct err *e)
{
    (void)e;
    hold(sb, v, true);
    return true;
}

static bool end_hold(struct sandbox *sb, const struct victim *v, struct err *e)
{
    (void)e;
    hold(sb, v, false);
    return true;
}

static bool begin_pause(struct sandbox *sb, const struct victim *v, struct err *e)
{
    return volume_pause(sb->engine, v->resource, true, e);
}

static bool end_pause(struct sandbox *sb, const struct victim *v, struct err *e)
{
    return volume_pause(sb->engine, v->resource, false, e);
}

static bool begin_cut(struct sandbox *sb, const struct victim *v, struct err *e)
{
    return cluster_cut_endpoints(sb, v->resource, e);
}

static bool begin_kill(struct sandbox *sb, const struct victim *v, struct err *e)
{
    return volume_kill(sb->engine, v->resource, e);
}

/* Unless it was stopped or deleted meanwhile. */
static bool end_kill(struct sandbox *sb, const struct victim *v, struct err *e)
{
    sandbox_lock(sb);
    const json_t *cluster = store_resource(sb->store, KIND_CLUSTER, v->resource);
    const json_t *writer = cluster ? cluster_writer(sb, cluster) : NULL;
    bool wanted = writer && !rec_is(cluster, "Status", "stopping") && !rec_is(cluster, "Status", "stopped");
    if (wanted)
        event_add(sb, KIND_INSTANCE, writer, "availability", "DB instance restarted");
    sandbox_unlock(sb);
    return !wanted || (cluster_start(sb, v->resource, e) && cluster_point_endpoints(sb, v->resource, e));
}

/* What begins at once, and how it ends later; a kind without an end is over when it has begun. `ends_itself`:
 * also with a delay of 0. */
static const struct kind_of_outage {
    const char *name;
    bool (*begin)(struct sandbox *sb, const struct victim *v, struct err *e);
    bool (*end)(struct sandbox *sb, const struct victim *v, struct err *e);
    bool ends_itself;
} OUTAGES[] = {
    {"kill", begin_kill, end_kill, true},  {"pause", begin_pause, end_pause, false},
    {"resume", end_pause, NULL, false},    {"cut", begin_cut, NULL, false},
    {"hold", begin_hold, end_hold, false}, {"release", end_hold, NULL, false},
};

static const struct kind_of_outage *kind_named(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(OUTAGES); i++)
        if (strcmp(OUTAGES[i].name, name) == 0)
            return &OUTAGES[i];
    return NULL;
}

void outage_kinds(struct buf *b)
{
    for (size_t i = 0; i < ARRAY_LEN(OUTAGES); i++)
        (void)buf_printf(b, "%s%s", i ? ", " : "", OUTAGES[i].name);
}

static bool end_it(struct job *j, struct err *e)
{
    char resource[RESOURCE_SIZE], kind[16];
    sandbox_lock(j->sb);
    int64_t ms = (int64_t)(rec_real(j->args, "delay") * 1000);
    sandbox_unlock(j->sb);
    if (ms > 0 && j->sb->clock->wait(j->sb->clock, j->sb->stop, ms))
        return err_set(e, ERR_CANCELLED, "the sandbox is stopping");
    const struct kind_of_outage *k = kind_named(job_arg(j, "kind", kind, sizeof kind));
    sandbox_lock(j->sb);
    json_t *endpoints = json_deep_copy(rec_get(j->args, "endpoints"));
    sandbox_unlock(j->sb);
    const struct victim v = {job_arg(j, "cluster", resource, sizeof resource), endpoints};
    bool ok = !k || k->end(j->sb, &v, e);
    json_decref(endpoints);
    return ok;
}

static const struct job_step OUTAGE_STEPS[] = {{"end it", DELAY_NONE, end_it}, {0}};
const struct job_kind JOB_OUTAGE = {"outage", OUTAGE_STEPS, NULL};

static bool find_volume(struct sandbox *sb, const char *id, char out[RESOURCE_SIZE], struct err *e)
{
    sandbox_lock(sb);
    const json_t *cluster = store_find(sb->store, KIND_CLUSTER, id);
    (void)snprintf(out, RESOURCE_SIZE, "%s", rec_str(cluster, "DbClusterResourceId"));
    sandbox_unlock(sb);
    return *out || err_set(e, ERR_NOT_FOUND, "there is no cluster %s", id);
}

/* While AWS builds a cluster, its own work starts and stops a server that no instance stands for yet. */
static bool has_server_of_its_own(struct sandbox *sb, const struct victim *v, struct err *e)
{
    sandbox_lock(sb);
    const json_t *cluster = store_resource(sb->store, KIND_CLUSTER, v->resource);
    bool has = cluster && cluster_writer(sb, cluster);
    sandbox_unlock(sb);
    return has || err_set(e, ERR_CONFLICT, "the cluster has no instance");
}

static void end_later(struct sandbox *sb, const struct kind_of_outage *k, const struct victim *v,
                      double delay)
{
    json_t *args = json_pack("{s:s, s:s, s:f, s:O}", "cluster", v->resource, "kind", k->name, "delay", delay,
                             "endpoints", v->endpoints);
    sandbox_lock(sb);
    job_start(sb, &JOB_OUTAGE, args);
    sandbox_save(sb);
    sandbox_unlock(sb);
}

bool outage_begin(struct sandbox *sb, const json_t *in, struct err *e)
{
    char resource[RESOURCE_SIZE];
    const struct kind_of_outage *k = kind_named(rec_str(in, "kind"));
    double delay = rec_real(in, "delay");
    if (!k)
        return err_set(e, ERR_INVALID, "unknown kind of fault for clusters: %s", rec_str(in, "kind"));
    if (!find_volume(sb, rec_str(in, "cluster"), resource, e))
        return false;
    json_t *endpoints = cluster_endpoints(sb, resource);
    const struct victim v = {resource, endpoints};
    bool ok = (!k->ends_itself || has_server_of_its_own(sb, &v, e)) && k->begin(sb, &v, e);
    if (ok && k->end && (k->ends_itself || delay > 0))
        end_later(sb, k, &v, delay);
    json_decref(endpoints);
    return ok;
}
