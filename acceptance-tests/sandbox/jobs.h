/* jobs.h — what goes on after the reply: creating, upgrading, switching over.
 *
 * A job is a row of steps. Each waits for its modelled delay, then runs without the store's lock. How far a
 * job is stands in the state, so that an orderly stop loses nothing: a job that waits goes on at the next
 * start with the same step, one at work finishes the step first. A step must therefore bear being run again
 * from its beginning. A step that fails ends the job through `failed`, which tells AWS's side of it.
 */
#ifndef SANDBOX_JOBS_H
#define SANDBOX_JOBS_H

#include "acceptance-tests/sandbox/sandbox.h"

struct job {
    struct sandbox *sb;
    const struct job_kind *kind;
    json_t *args; /* the record's own; touch with the lock held */
    int64_t id;
};

struct job_step {
    const char *name;
    enum delay before;
    bool (*run)(struct job *j, struct err *e); /* NULL: the delay is all */
};

struct job_kind {
    const char *name;                                   /* in the state file */
    const struct job_step *steps;                       /* end with a row without name */
    void (*failed)(struct job *j, const struct err *e); /* NULL: only reported */
};

struct jobs *jobs_new(struct sandbox *sb) NONNULL_RETURN;
void jobs_wait(struct jobs *js); /* until every thread has ended; request sb->stop first */
void jobs_free(struct jobs *js);

/* With the lock held: records the job and starts it. `args` is stolen. */
void job_start(struct sandbox *sb, const struct job_kind *kind, json_t *args);
/* Starts the recorded jobs again; at start-up, before HTTP. */
void jobs_resume(struct sandbox *sb);

/* Waits for a modelled delay; false with ERR_CANCELLED when the sandbox stops. Without the lock. */
MUST_CHECK bool job_delay(struct job *j, enum delay d, struct err *e);

/* Text of an argument, in a buffer of the caller; takes the lock. */
const char *job_arg(struct job *j, const char *name, char *out, size_t size);

/* Every kind, for resuming. */
extern const struct job_kind JOB_CLUSTER_CREATE, JOB_CLUSTER_DELETE, JOB_CLUSTER_MODIFY, JOB_CLUSTER_RENAME,
    JOB_CLUSTER_UPGRADE, JOB_CLUSTER_PATCH, JOB_FAILOVER, JOB_INSTANCE_CREATE, JOB_INSTANCE_DELETE,
    JOB_INSTANCE_MODIFY, JOB_INSTANCE_REBOOT, JOB_PARAMETERS, JOB_SNAPSHOT_CREATE, JOB_SNAPSHOT_COPY,
    JOB_SNAPSHOT_DELETE, JOB_RESTORE, JOB_ENDPOINT, JOB_ENDPOINT_DELETE, JOB_BG_CREATE, JOB_BG_SWITCH,
    JOB_BG_DELETE, JOB_BG_WATCH, JOB_BG_RECOVER, JOB_CLUSTER_STOP, JOB_CLUSTER_START, JOB_OUTAGE,
    JOB_CLUSTER_WINDOW, JOB_DNS_CHANGE;

#endif
