/* rows.h — whether two sides hold the same data, while writers go on and the new side follows by logical
 * replication. Nothing is written; rows are hashed in the servers, and only hashes and keys travel.
 *
 * How it is exact though both sides change. Every table is read in ranges of its key. A range whose number of
 * rows and sum of hashes agree at once has been equal at some moment, and is done. Else it is read at a
 * common position: old → wait until the slot has confirmed the position behind that → new → old again; what
 * the new side showed then existed on the old one somewhere in between. A range that agrees with neither is
 * split until single rows are left, and those are looked at by their key for some rounds:
 *  - a row that equals a version seen around it is equal;
 *  - an old version that physically stayed (ctid, xmin) over the span, and that nobody was about to change,
 *    but is not what the new side shows, is a difference; and so is a new version that stayed over a span
 *    whose start does not show it on the old side, all transactions that ran when it was first seen having
 *    ended. Either is seen twice before it is believed;
 *  - a row that never stands still on either side: missing (extra) if it was absent from (present on) the new
 *    side in every round and present on (absent from) the old one at every look; different in those columns
 *    that were constant on both sides, and not equal; else "unsettled": neither equal nor different.
 *
 * A table without a key (no primary key, no unique index over columns that are not null) is compared as a
 * bag: how many rows there are of each hash, narrowed by buckets of hashes. It is read whole by each
 * statement; one that cannot be hashed in a minute (some 15 GB) is ERR_TIMEOUT, and has to be excluded.
 *
 * What can not be seen: a set of differences whose 64-bit hashes cancel out in count and sum at once (one in
 * 2^64); types that print different values alike; what happens after a range was looked at. In an unsettled
 * row: a wrong value in a column that changes between any two looks. A commit that waits for
 * a synchronous standby is on the new side before anybody sees it on the old one; a row that it inserts reads
 * as extra if it waits for longer than all rounds (Aurora has no such standby).
 *
 * Text forms are compared: 1.0 and 1.00, NULL and '' are different. Columns are matched by name, so that
 * their physical order does not matter; tables whose columns differ in name are unequal and not read. A leaf
 * of a partitioned table is a table: a row that sits in another leaf is missing here and extra there. Which
 * tables: as for pg_compare_counts (replica.h), as are ERR_DENIED and the tables of one side.
 *
 * Load: at most max_connections sessions on either side, of which a worker uses one at a time; no parallel
 * query; no statement (and so no snapshot) longer than a minute; no transaction over several statements. A
 * table in no physical order of its key (random uuids) is read once for every 8 GB of it.
 */
#ifndef AURORA_PG_ROWS_H
#define AURORA_PG_ROWS_H

#include "internal/pg/pg.h"

enum pg_rows_mode {
    PG_ROWS_FULL,
    PG_ROWS_SAMPLE, /* a share of the ranges, others with every seed; a table of one range is read whole */
    PG_ROWS_COUNTS, /* pg_compare_counts: numbers of rows only */
};

struct pg_rows_options {
    enum pg_rows_mode mode;
    /* Opens a session on either side, to the same database; never called by two threads at once. The sessions
     * should share a stop token: with it, everything ends with ERR_CANCELLED. They are closed here. */
    bool (*open)(void *arg, bool new_side, struct pg **ret, struct err *e);
    void *arg;
    const char *slot; /* of this database, on the old side; NULL: nothing is replicated, no waiting */
    const char *const *exclude; /* "schema.table", ends with NULL; may be NULL */
    int max_connections;        /* on either side; 0: 2 */
    int sample_percent;         /* 0: 10 */
    uint64_t seed;              /* of the sample; 0: a new one */
    int64_t catch_up_ms;        /* how long to wait for the slot each time; 0: 60 s */
    int64_t range_pages;        /* of 8 kB, about; 0: 16384 */
    int named;                  /* differences named in one table; 0: 20 */
};

enum pg_row_kind { PG_ROW_MISSING, PG_ROW_EXTRA, PG_ROW_DIFFERS };
const char *pg_row_kind_name(enum pg_row_kind kind); /* "missing on the new side" */

struct pg_row_difference {
    enum pg_row_kind kind;
    const char *key; /* "id = 5", printable and at most some 300 bytes; without a key: where such a row is */
    const char
        *columns; /* PG_ROW_DIFFERS: their names; no value of a column outside of the key is ever told */
};

struct pg_rows_table {
    const char *table;          /* quoted */
    int64_t old_rows, new_rows; /* of what was compared, when it was; -1: the table is on one side only */
    bool equal;                 /* no difference found */
    bool exact;                 /* and no row was left unsettled (counts: as in replica.h) */
    bool more;                  /* there are more differences than were named; looking for them ended there */
    const char *note; /* "", or why rows were not compared (their columns differ), or what is unsettled */
    const struct pg_row_difference *differences;
    size_t difference_count;
};

struct pg_rows_result {
    const struct pg_rows_table *tables; /* in the order of names */
    size_t table_count;
    int64_t rows;  /* compared, on the new side */
    uint64_t seed; /* of the sample; else 0 */
};

MUST_CHECK bool pg_compare_rows(struct arena *a, const struct pg_rows_options *o, struct pg_rows_result *ret,
                                struct err *e);

#endif
