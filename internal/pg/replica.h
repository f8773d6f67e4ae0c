/* replica.h — logical replication as seen from the publisher, and whether two sides hold the same rows.
 *
 * Writes nothing into any database: positions come from slots, origins and the WAL position.
 */
#ifndef AURORA_PG_REPLICA_H
#define AURORA_PG_REPLICA_H

#include "internal/pg/pg.h"

struct pg_slot {
    const char *name, *plugin, *database, *wal_status; /* wal_status "lost": WAL is gone */
    lsn_t confirmed;
    int64_t lag_bytes;  /* current WAL position minus confirmed */
    int64_t kept_bytes; /* of WAL that the server keeps for it */
    /* How old what its reader has confirmed is, by the server's own measure, or for how long the reader has
     * said nothing, if that is longer; -1: nobody reads it, or nothing was measured yet. */
    int64_t behind_ms;
    bool active;
};
/* Logical slots of the whole server; those for which `prefix` matches the name (NULL: all). */
MUST_CHECK bool pg_slots(struct pg *c, struct arena *a, const char *prefix, const struct pg_slot **ret,
                         size_t *ret_n, struct err *e);

/* Row counts of every user table on both sides at a common position, without stopping writers and without
 * writing anything: count on old → wait until the slot of this database has confirmed the position behind
 * that → count on new → count on old again. A table that physically did not change in between (same count,
 * same sums over xmin, no activity reported) must be equal exactly. One that changed is tried again up to
 * `rounds` times; then the new side's count must lie between the rows that were there all the time and those
 * plus all that came in the same span: "bracketed". A loss smaller than what came and went cannot be seen in
 * such a table.
 *
 * Leaves of partitions are counted, not their parents; unlogged tables are not replicated and left out, as
 * are tables that belong to an extension, but for those it declares to hold users' data. A table that may not
 * be read whole (privileges, row security) is ERR_DENIED and named. One that exists on one side only has -1
 * rows on both and is unequal. */
struct pg_count_options {
    const char *slot; /* of this database, on the old side; NULL: nothing is replicated, no waiting */
    const char *const *exclude; /* "schema.table", ends with NULL; may be NULL */
    int rounds;                 /* 0: 5 */
    int64_t catch_up_ms;        /* how long to wait for the slot; 0: 60 s */
};
struct pg_count_result {
    const char *table; /* quoted */
    int64_t old_rows, new_rows;
    bool exact, equal; /* !exact && equal: bracketed */
};
MUST_CHECK bool pg_compare_counts(struct pg *old_side, struct pg *new_side, struct arena *a,
                                  const struct pg_count_options *o, const struct pg_count_result **ret,
                                  size_t *ret_n, struct err *e);

/* Runs a user's query (one SELECT, WITH, VALUES or TABLE; names with their schema) on both sides in read-only
 * transactions and compares the results as text, row by row: column names and types do not matter, the order
 * of rows does. *ret_difference is "" or says where they first differ. At most ten million rows. */
MUST_CHECK bool pg_compare_query(struct pg *old_side, struct pg *new_side, struct arena *a, const char *sql,
                                 bool *ret_equal, const char **ret_difference, struct err *e);

#endif
