/* writes.h — what was written into a database, and what it holds, in few figures. */
#ifndef AURORA_PG_WRITES_H
#define AURORA_PG_WRITES_H

#include "internal/pg/pg.h"

/* Rows written per table since its statistics began: an upgrade by pg_upgrade, a reset, or a crash. No more
 * than the server's counters know: TRUNCATE is not among them, rolled-back rows are. */
struct pg_written {
    const char *table; /* quoted, with schema */
    int64_t inserted, updated, deleted;
};
/* Only tables that were written, the most written first. */
MUST_CHECK bool pg_written(struct pg *c, struct arena *a, const struct pg_written **ret, size_t *ret_n,
                           struct err *e);

/* Every user table of the database, counted and summed over the transactions that wrote its rows: equal on a
 * physical copy (a snapshot, a clone) of the same moment, and only there. Reads all tables; ERR_DENIED names
 * those the role may not read. */
struct pg_content {
    int64_t tables, rows;
    uint64_t hash;
};
MUST_CHECK bool pg_content(struct pg *c, struct arena *a, struct pg_content *ret, struct err *e);

#endif
