/* sandbox.h — the running sandbox, and what a handler of an operation works with.
 *
 * Order of start: state, engine, servers of the clusters that had instances, jobs in flight, HTTP. Order of
 * stop: HTTP, jobs (those that wait are kept in the state and go on at the next start; those at work finish
 * their step), engine, state.
 */
#ifndef SANDBOX_SANDBOX_H
#define SANDBOX_SANDBOX_H

#include "acceptance-tests/sandbox/auth.h"
#include "acceptance-tests/sandbox/delays.h"
#include "acceptance-tests/sandbox/engine.h"
#include "acceptance-tests/sandbox/fault.h"
#include "acceptance-tests/sandbox/shape.h"
#include "acceptance-tests/sandbox/store.h"
#include "internal/base/clock.h"
#include "internal/base/stop.h"

struct jobs;
struct request_log;

struct sandbox {
    struct store *store;
    struct engine *engine;
    struct jobs *jobs;
    struct request_log *log;
    struct stop *stop;
    struct clock *clock;
    const char *state_dir;
    _Atomic double speed;
    struct store *frozen; /* what stale reads are answered from; NULL: nothing. Under the store's lock */
    double cutover_speed; /* of switchovers; 0: as `speed` */
    int64_t dns_calls[5]; /* when Route 53 answered last; under the lock, as it limits all of an account */
    _Atomic unsigned faults_cleared; /* how often: calls held by a fault go on when it changes */
};

static inline void sandbox_lock(struct sandbox *sb)
{
    store_lock(sb->store);
}
static inline void sandbox_unlock(struct sandbox *sb)
{
    store_unlock(sb->store);
}

/* Saves what has changed; a failure is reported on stderr, because what was done cannot be taken back. */
void sandbox_save(struct sandbox *sb);
void sandbox_freeze(struct sandbox *sb);  /* with the lock: keeps a copy of the document for stale reads */
void sessions_expire(struct sandbox *sb); /* with the lock: every session's credentials are expired */
void sandbox_now(struct sandbox *sb, char out[TIME_ISO_SIZE]);
void sandbox_warn(const char *fmt, ...) PRINTF(1, 2); /* one line on stderr */

/* ---- operations ---- */

struct op;

struct call {
    struct sandbox *sb;
    struct arena *arena;
    const struct op *op;
    const struct identity *who;
    json_t *in;  /* bound parameters */
    json_t *out; /* the result, printed by op->out */
    struct fault fault;
    size_t page_limit; /* of a partial-page fault: so many elements at most; 0: none */
    char request_id[37];
};

enum op_flags {
    OP_READS = 1,    /* nothing is saved afterwards */
    OP_UNLOCKED = 2, /* takes the lock itself, because it asks the engine first */
    OP_UNSIGNED = 4, /* answered without a signature, and without a right */
};

struct describe;

struct op {
    const char *service, *action;
    const struct member *in, *out;    /* out NULL: the reply has no result element */
    bool (*run)(struct call *c);      /* with the lock held unless OP_UNLOCKED; false: c->fault says why */
    const struct describe *describe;  /* instead of run: a listing (describe.h) */
    const char *method, *path, *body; /* REST-XML (rest.h); body: root of the request, NULL: it has none */
    int status;                       /* of the reply; 0: 200 */
    unsigned flags;
};

/* Tables end with a row without action. */
extern const struct op OPS_CLUSTER[], OPS_CLUSTER_MODIFY[], OPS_INSTANCE[], OPS_INSTANCE_MODIFY[],
    OPS_SNAPSHOT[], OPS_RESTORE[], OPS_GROUP[], OPS_VERSION[], OPS_BLUEGREEN[], OPS_ENDPOINT[], OPS_LOGS[],
    OPS_EVENTS[], OPS_MISC[], OPS_STS[], OPS_SECRETS[], OPS_POWER[], OPS_ABSENT[], OPS_MAINTENANCE[],
    OPS_PROXY[], OPS_KEYS[], OPS_DNS[];

/* ---- one request, whatever carried it ---- */

struct http_reply {
    int status;
    const char *content_type; /* static */
    struct buf body;          /* the caller frees it */
    char request_id[37];
    bool drop;          /* close the connection without a word: a lost reply */
    bool cut;           /* close it after cut_at bytes of the body */
    size_t cut_at, pad; /* pad: so many blanks behind the body */
};
void sandbox_serve(struct sandbox *sb, const struct http_request *r, struct http_reply *ret);

/* "xxxxxxxx-xxxx-4xxx-…", random. */
void uuid_make(char out[37]);

#endif
