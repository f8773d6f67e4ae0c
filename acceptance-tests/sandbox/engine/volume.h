/* volume.h — what the engine knows of one volume, and the files that survive us.
 *
 *     <state>/engine/volumes/<id>/data      the data directory; its PG_VERSION is the truth about the major
 *     <state>/engine/volumes/<id>/facts     port, label, start LSN, write mode, parameters: one fact per line
 *     <state>/engine/volumes/<id>/log       what the server said
 *
 * A struct volume stays at its address until engine_close, also after its volume was deleted: the forwarder
 * and other threads may hold it. `op` serialises operations; what several threads read meanwhile is atomic.
 * A folder whose name starts with a dot is a volume being made: it gets its name when it is complete.
 */
#ifndef SANDBOX_ENGINE_VOLUME_H
#define SANDBOX_ENGINE_VOLUME_H

#include "acceptance-tests/sandbox/engine.h"
#include "acceptance-tests/sandbox/engine/keeper.h"
#include "acceptance-tests/sandbox/engine/majors.h"

#include <pthread.h>
#include <stdatomic.h>

#define VOLUME_ID_MAX 100

enum writes {
    WRITES_OPEN,
    WRITES_OFF_BY_DEFAULT, /* green: default_transaction_read_only, as AWS does */
    WRITES_LOCKED          /* blue after the switch: refused to everybody but rdsadmin */
};

struct volume {
    struct volume *next;
    char id[VOLUME_ID_MAX + 1];
    pthread_mutex_t op; /* recursive */
    atomic_bool exists;
    atomic_int major, port, pid;    /* pid 0: not started by us */
    atomic_long apply_errors;       /* of subscriptions, as last observed; -1: not yet */
    _Atomic int64_t apply_error_at; /* when that number grew last; 0: never */
    int held;                       /* under the forwarder's lock */

    /* under `op` */
    struct arena *arena; /* holds what follows; replaced as a whole */
    const char *label;   /* what aurora_version() answers; NULL: the server's own version */
    lsn_t start_lsn;
    unsigned generation; /* counts configurations, so that a reload can be seen to have happened */
    enum writes writes;
    const struct engine_param *params;
    size_t param_count;
};

struct forward;
struct names;

struct engine {
    const char *dir, *volumes_dir, *tls_dir, *ca_file, *socket_dir, *work_dir, *templates_dir;
    struct arena *arena; /* filled by engine_open, not later */
    struct account account;
    char own_name[64]; /* the user we are */
    struct majors *majors;
    struct keeper *keeper;
    struct forward *forward;
    struct names *names;
    int block_a, block_b; /* all our addresses are 127.A.B.x */
    int state_lock, block_lock;
    pthread_mutex_t lock; /* the list below and the names of endpoints */
    struct volume *volumes;
};

#define WRITER_OCTET 254 /* where servers listen for writers */
#define READER_OCTET 253 /* and for readers */

/* The volume, not deleted; ERR_NOT_FOUND. */
MUST_CHECK bool volume_find(struct engine *g, const char *id, struct volume **ret, struct err *e);
/* Takes the volume's lock, then looks whether it still exists. On success the caller unlocks. */
MUST_CHECK bool volume_enter(struct engine *g, const char *id, struct volume **ret, struct err *e);
void volume_leave(struct volume *v);
DEFINE_CLEANUP(struct volume, volume_leave_cleanup, volume_leave)

/* A record for a new id, entered; not existing until the caller says so. ERR_CONFLICT if one exists. */
MUST_CHECK bool volume_reserve(struct engine *g, const char *id, struct volume **ret, struct err *e);

/* <volumes>/<id>/<name>; `making` gives the folder of a volume being made. */
const char *volume_path(struct engine *g, struct arena *a, const struct volume *v, const char *name);
const char *volume_making_path(struct engine *g, struct arena *a, const struct volume *v, const char *name);

/* Copies of what the caller has; frees the former ones. */
void volume_keep(struct volume *v, const char *label, const struct engine_param *p, size_t n);
MUST_CHECK bool volume_save(struct engine *g, struct volume *v, const char *folder, struct err *e);
/* Reads what an earlier process left, finishes or removes what it was making. */
MUST_CHECK bool volumes_load(struct engine *g, struct err *e);
void volumes_free(struct engine *g);

/* PG_VERSION of a data directory; 0 if there is none. */
int data_major(const char *data);

#endif
