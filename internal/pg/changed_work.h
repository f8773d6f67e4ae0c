/* changed_work.h — the parts of changed_rows.h; internal.
 *
 * changed_rows.c     begin, read, end
 * changed_keys.c     from messages to a set of keys
 * changed_seen.c     whether a change can be seen yet
 * changed_compare.c  a set of keys on both sides
 */
#ifndef AURORA_PG_CHANGED_WORK_H
#define AURORA_PG_CHANGED_WORK_H

#include "internal/pg/changed_rows.h"
#include "internal/pg/rows_work.h"
#include "internal/pg/stream.h"

#include <stdatomic.h>

/* ---- changed_keys.c ---- */

struct changed_key {
    size_t table;
    const char **parts;
    uint64_t hash;
};
struct transactions {
    uint32_t *ids;
    size_t n, cap;
};
struct key_set {
    struct arena *a;
    struct transactions by[2]; /* who changed those rows, on either side */
    struct changed_key *keys;
    size_t n, cap;
    uint32_t *places; /* of a key in `keys`, plus 1; by hash */
    size_t place_count;
    bool *whole; /* tables that have to be compared whole */
    size_t whole_count;
};
struct key_set *key_set_new(size_t tables) NONNULL_RETURN;
void key_set_free(struct key_set *s);
DEFINE_CLEANUP(struct key_set, key_set_cleanup, key_set_free)
/* One text for each part. */
void key_set_add(struct key_set *s, const struct row_table *tables, size_t table, const struct str *parts);
void key_set_add_whole(struct key_set *s, size_t table);

/* One side's stream, and where the parts of each table's key stand in its rows. */
struct feed_relation {
    bool has_key;
    size_t *key_at; /* of a marker: of its token */
};
enum { MARKER_BYTES = 80 };
struct feed {
    struct stream *stream;
    const char *slot;
    struct pg_changed *of;
    const struct row_oid *oids;
    int64_t marker_oid;
    struct feed_relation *relations; /* one for each table, and that of the markers */
    char marker[MARKER_BYTES];       /* the last that came */
    uint32_t transaction;            /* whose changes come */
};
/* For stream_take; `arg` is a feed. */
bool feed_take(void *arg, const struct message *m, struct err *e);

/* ---- changed_rows.c ---- */

struct pg_changed {
    struct pg_changed_options o;
    struct pg_rows_options rows_options;
    struct arena *a;
    struct rows_run run;
    struct rows_worker w;
    struct feed feeds[2];
    struct key_set *set;
    int64_t compared;
    int64_t weighed_ms; /* when what is kept was looked at */
    size_t compare_at;  /* keys: the thread compares them then */
    pthread_t thread;
    bool has_thread;
    atomic_bool is_asked;
    bool failed;
    struct err failure;
};

/* ---- changed_seen.c ---- */

/* Waits until what c->set is made of can be seen on both sides, at most `limit_ms`: a change is streamed as
 * soon as it is on disk, which is before its transaction has ended for those who look. */
MUST_CHECK bool changed_wait_seen(struct pg_changed *c, int64_t limit_ms, bool *ret, struct err *e);

/* ---- changed_compare.c ---- */

/* Reads the rows of a set on both sides; what does not agree goes back into c->set. */
MUST_CHECK bool changed_compare_set(struct pg_changed *c, struct key_set *from, struct err *e);
/* The same when nothing changes any more: what does not agree is reported. */
MUST_CHECK bool changed_judge_set(struct pg_changed *c, struct key_set *from, struct buf *skipped,
                                  struct err *e);
/* Looks at what does not agree until it is known whether it differs. */
MUST_CHECK bool changed_look_closely(struct pg_changed *c, struct err *e);

#endif
