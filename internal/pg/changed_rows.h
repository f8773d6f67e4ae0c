/* changed_rows.h — which rows of one database change on either side while both are compared, and whether
 * those rows are equal, too, in the end. So that behind a fence nothing is left to compare but what changed
 * in the last moments.
 *
 * How it is known. Either side streams what is committed there, from a temporary slot that is made before the
 * comparison of all rows begins; of it only the keys are kept. The old side's stream has what has to arrive,
 * whether it was applied or dropped in silence; the new side's has what was applied there, and what somebody
 * else wrote. Nothing is written on either side, there is no trigger, and nothing of it outlives this
 * process: what is not known to the end is not continued but compared anew.
 *
 * When they are compared. Keys are taken out of the set, then their rows are read on both sides; those that
 * agree are done: whatever changes later comes through a stream later, and puts its key back. That is begun
 * whenever there are many keys, and repeated right before the fence until few are left. Behind it, once both
 * streams have shown the last marker, both sides stand still, and the keys that are left are compared for
 * good.
 *
 * A table without a key, one that was truncated, and one whose key is not sent, are compared whole; behind
 * the fence only if they are smaller than 64 MB, else they are named. Of a row that is updated PostgreSQL
 * sends the replica identity, so that is the key; with REPLICA IDENTITY FULL any unique one.
 *
 * Cost. One decoding of the WAL on either side, and rows that change travel here; nothing but their keys is
 * kept or told. A row that changes often is compared once per turn. Memory is bounded: with more than two
 * million keys that will not agree it fails. WAL is kept for as long as it takes to read it; a reader that is
 * so slow that the old side would have to keep more than `max_kept_bytes` fails and lets go of it, and one
 * that stops is ended by the server (stream.h).
 */
#ifndef AURORA_PG_CHANGED_ROWS_H
#define AURORA_PG_CHANGED_ROWS_H

#include "internal/pg/rows.h"

struct pg_changed_options {
    /* Opens a session of either side; `replication`: as pg_target has it. Only pg_changed_begin calls it. */
    bool (*open)(void *arg, bool new_side, bool replication, struct pg **ret, struct err *e);
    void *arg;
    const char *publication;    /* on both sides, with the table of markers in it */
    const char *slot;           /* of this database, which the new side follows with */
    const char *subscription;   /* this one */
    const char *const *exclude; /* as in pg_rows_options */
    int64_t max_kept_bytes;     /* of WAL, on the old side; 0: no limit */
    size_t compare_at;          /* so many keys are compared at once, by the thread; 0: 50,000 */
    int64_t slot_wait_ms;       /* for the transactions that run; 0: ten minutes */
};

struct pg_changed;
/* From here on, everything. A thread of its own reads until somebody asks. */
MUST_CHECK bool pg_changed_begin(const struct pg_changed_options *o, struct pg_changed **ret, struct err *e);
void pg_changed_end(struct pg_changed *c); /* NULL is allowed */

/* Up to now, and until few keys are left. The thread has ended then, so that it has to be soon followed by
 * the next call. Fails where anything was missed: all rows have to be compared again. */
MUST_CHECK bool pg_changed_settle(struct pg_changed *c, struct err *e);
/* And what is left is looked at as pg_compare_rows does while writers go on: what differs. */
MUST_CHECK bool pg_changed_look(struct pg_changed *c, struct arena *a, struct pg_rows_result *ret,
                                struct err *e);

struct pg_changed_result {
    struct pg_rows_result rows; /* only tables in which something differs; `rows` were compared for it */
    int64_t before;             /* rows that were compared before */
    int64_t read_ms;            /* until the streams were read to their end */
    const char *skipped;        /* tables that were too big to be compared whole; "": none */
};
/* Both sides stand still, and the marker is on both: all the rest. ERR_TIMEOUT if the streams do not show it
 * within `limit_ms`. */
MUST_CHECK bool pg_changed_finish(struct pg_changed *c, struct arena *a, const char *token, int64_t limit_ms,
                                  struct pg_changed_result *ret, struct err *e);

#endif
