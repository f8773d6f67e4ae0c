/* counts.h — the tables of two sides, paired, and one counting pass over some of them; internal.
 *
 * Old rows are recognised without reading their columns: by the transaction that wrote them. `sum` and `hash`
 * are over all rows' xmin, so two passes with equal count, sum and hash saw the same versions of the same
 * rows. `kept` counts those that were there before a given snapshot began.
 */
#ifndef AURORA_PG_COUNTS_H
#define AURORA_PG_COUNTS_H

#include "internal/pg/query.h"
#include "internal/pg/replica.h"

struct counted {
    int64_t rows, kept;
    const char *sum, *hash;
};

struct activity {
    int64_t inserted, updated, deleted; /* since the statistics were reset */
};

struct count_table {
    const char *name;  /* quoted, with schema */
    const char *plain; /* schema.table, for the user's list */
    const char *oid;   /* on the old side */
    int64_t pages;
    bool readable, on_old, on_new;
    /* the state of the comparison */
    struct counted before, after; /* old side */
    struct activity first, last;
    int64_t new_rows;
    int quiet_differences;
    bool decided, exact, equal;
};

struct count_pass {
    lsn_t lsn;    /* everything the pass saw was committed before this */
    int64_t xmin; /* of a snapshot before it, as 32 bits: rows of later transactions have later ones */
};

MUST_CHECK bool counts_tables(struct pg *old_side, struct pg *new_side, struct arena *a,
                              const char *const *exclude, struct count_table **ret, size_t *ret_n,
                              struct err *e);
/* Old side: fills `after`; `kept` is relative to the pass before (NULL: to this one). */
MUST_CHECK bool counts_old(struct pg *c, struct arena *a, struct count_table **t, size_t n,
                           const struct count_pass *since, struct count_pass *ret, struct err *e);
/* New side: fills new_rows. */
MUST_CHECK bool counts_new(struct pg *c, struct arena *a, struct count_table **t, size_t n, struct err *e);
/* Old side: fills `last`. */
MUST_CHECK bool counts_activity(struct pg *c, struct arena *a, struct count_table **t, size_t n,
                                struct err *e);

/* Has the slot, on the old side, confirmed that everything before `want` is on the new one? Without a slot
 * (NULL) nothing is replicated: yes. ERR_REMOTE: its WAL is lost, ERR_NOT_FOUND: it is gone. */
MUST_CHECK bool counts_confirmed(struct pg *old_side, const char *slot, lsn_t want, bool *ret, struct err *e);
/* Waits for that, ERR_TIMEOUT after `limit_ms` (0: a minute). */
MUST_CHECK bool counts_catch_up(struct pg *old_side, const char *slot, lsn_t want, int64_t limit_ms,
                                struct err *e);

#endif
