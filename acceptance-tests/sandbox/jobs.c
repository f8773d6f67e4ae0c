#include "acceptance-tests/sandbox/jobs.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct job_kind *const JOB_KINDS[] = {
    &JOB_CLUSTER_CREATE,  &JOB_CLUSTER_DELETE,  &JOB_CLUSTER_MODIFY,  &JOB_CLUSTER_RENAME,
    &JOB_CLUSTER_UPGRADE, &JOB_CLUSTER_PATCH,   &JOB_FAILOVER,        &JOB_INSTANCE_CREATE,
    &JOB_INSTANCE_DELETE, &JOB_INSTANCE_MODIFY, &JOB_INSTANCE_REBOOT, &JOB_PARAMETERS,
    &JOB_SNAPSHOT_CREATE, &JOB_SNAPSHOT_COPY,   &JOB_SNAPSHOT_DELETE, &JOB_RESTORE,
    &JOB_ENDPOINT,        &JOB_ENDPOINT_DELETE, &JOB_BG_CREATE,       &JOB_BG_SWITCH,
    &JOB_BG_DELETE,       &JOB_BG_WATCH,        &JOB_BG_RECOVER,      &JOB_CLUSTER_STOP,
    &JOB_CLUSTER_START,   &JOB_OUTAGE,          &JOB_CLUSTER_WINDOW,  &JOB_DNS_CHANGE,
};

struct jobs {
    struct sandbox *sb;
    pthread_mutex_t lock;
    pthread_cond_t idle;
    size_t threads; /* guarded by `lock` */
};

struct running {
    struct job job;
    json_t *record; /* borrowed reference of ours: {id, kind, step, args} */
};

struct jobs *jobs_new(struct sandbox *sb)
{
    struct jobs *js = calloc(1, sizeof *js);
    if (!js)
        abort();
    js->sb = sb;
    (void)pthread_mutex_init(&js->lock, NULL);
    (void)pthread_cond_init(&js->idle, NULL);
    return js;
}

void jobs_wait(struct jobs *js)
{
    (void)pthread_mutex_lock(&js->lock);
    while (js->threads > 0)
        (void)pthread_cond_wait(&js->idle, &js->lock);
    (void)pthread_mutex_unlock(&js->lock);
}

void jobs_free(struct jobs *js)
{
    if (!js)
        return;
    (void)pthread_cond_destroy(&js->idle);
    (void)pthread_mutex_destroy(&js->lock);
    free(js);
}

static void count_thread(struct jobs *js, int by)
{
    (void)pthread_mutex_lock(&js->lock);
    js->threads += (size_t)by;
    if (js->threads == 0)
        (void)pthread_cond_broadcast(&js->idle);
    (void)pthread_mutex_unlock(&js->lock);
}

bool job_delay(struct job *j, enum delay d, struct err *e)
{
    double apart = j->sb->cutover_speed;
    int64_t ms = delay_ms(d, apart > 0 && delay_is_cutover(d) ? apart : j->sb->speed);
    bool stop = ms > 0 ? j->sb->clock->wait(j->sb->clock, j->sb->stop, ms) : stop_requested(j->sb->stop);
    return !stop || err_set(e, ERR_CANCELLED, "the sandbox is stopping");
}

const char *job_arg(struct job *j, const char *name, char *out, size_t size)
{
    sandbox_lock(j->sb);
    (void)snprintf(out, size, "%s", rec_str(j->args, name));
    sandbox_unlock(j->sb);
    return out;
}

static void remove_record(struct sandbox *sb, const json_t *record)
{
    json_t *list = rec_list(store_root(sb->store), "jobs");
    for (size_t i = 0; i < json_array_size(list); i++)
        if (json_array_get(list, i) == record) {
            (void)json_array_remove(list, i);
            break;
        }
    sandbox_save(sb);
}

static void record_step(struct running *r, size_t step)
{
    sandbox_lock(r->job.sb);
    rec_set_int(r->record, "step", (int64_t)step);
    sandbox_save(r->job.sb);
    sandbox_unlock(r->job.sb);
}

/* False: stopped or failed. */
static bool run_steps(struct running *r, struct err *e)
{
    const struct job_step *steps = r->job.kind->steps;
    for (size_t i = (size_t)rec_int(r->record, "step"); steps[i].name; i++) {
        if (!job_delay(&r->job, steps[i].before, e))
            return false;
        if (steps[i].run && !steps[i].run(&r->job, e))
            return false;
        record_step(r, i + 1);
    }
    return true;
}

static void *job_main(void *arg)
{
    struct running *r = arg;
    struct sandbox *sb = r->job.sb;
    struct err e = ERR_INIT;
    bool done = run_steps(r, &e);
    if (!done && e.code != ERR_CANCELLED) {
        sandbox_warn("%s, %s: %s%s%s", r->job.kind->name, r->job.kind->steps[rec_int(r->record, "step")].name,
                     e.text, *e.said ? ": " : "", e.said);
        if (r->job.kind->failed)
            r->job.kind->failed(&r->job, &e);
    }
    sandbox_lock(sb);
    if (done || e.code != ERR_CANCELLED)
        remove_record(sb, r->record);
    json_decref(r->record);
    sandbox_unlock(sb);
    free(r);
    count_thread(sb->jobs, -1);
    return NULL;
}

static void spawn(struct sandbox *sb, const struct job_kind *kind, json_t *record)
{
    struct running *r = calloc(1, sizeof *r);
    pthread_t thread;
    if (!r)
        abort();
    *r = (struct running){{sb, kind, rec_get(record, "args"), rec_int(record, "id")}, json_incref(record)};
    count_thread(sb->jobs, 1);
    if (pthread_create(&thread, NULL, job_main, r) != 0)
        abort();
    (void)pthread_detach(thread);
}

void job_start(struct sandbox *sb, const struct job_kind *kind, json_t *args)
{
    json_t *root = store_root(sb->store);
    rec_set_int(root, "job_count", rec_int(root, "job_count") + 1);
    json_t *record = json_pack("{s:I, s:s, s:i, s:o}", "id", rec_int(root, "job_count"), "kind", kind->name,
                               "step", 0, "args", args);
    (void)json_array_append_new(rec_list(root, "jobs"), record);
    spawn(sb, kind, record);
}

void jobs_resume(struct sandbox *sb)
{
    size_t i;
    json_t *record;
    sandbox_lock(sb);
    json_array_foreach(rec_list(store_root(sb->store), "jobs"), i, record)
    {
        for (size_t k = 0; k < ARRAY_LEN(JOB_KINDS); k++)
            if (rec_is(record, "kind", JOB_KINDS[k]->name))
                spawn(sb, JOB_KINDS[k], record);
    }
    sandbox_unlock(sb);
}
