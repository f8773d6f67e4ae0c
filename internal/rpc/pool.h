/* pool.h — threads made on demand, kept for the next job.
 *
 * A job starts at once while fewer than `max` are busy, else waits its turn. Threads are not given back while
 * the pool lives: a plugin process serves one walk of Terraform. Jobs are embedded in what they belong to;
 * nothing is allocated per job.
 */
#ifndef AURORA_RPC_POOL_H
#define AURORA_RPC_POOL_H

#include "internal/base/base.h"

struct pool;

struct pool_job {
    void (*run)(void *of);
    void *of;
    struct pool_job *next; /* the pool's */
};

struct pool *pool_new(size_t max) NONNULL_RETURN;

/* Any thread. The job belongs to the pool until run() was entered. False: no thread is there and none could
 * be made; the job was not taken. */
MUST_CHECK bool pool_submit(struct pool *p, struct pool_job *job);

/* Runs what is queued, waits for it, joins all threads. NULL is allowed. */
void pool_free(struct pool *p);
DEFINE_CLEANUP(struct pool, pool_cleanup, pool_free)

#endif
