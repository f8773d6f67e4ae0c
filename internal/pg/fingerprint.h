/* fingerprint.h — the queries a fingerprint is made of; internal to internal/pg.
 *
 * Each gives three columns: key, plain definition, and a text in PostgreSQL's own rendering that is compared
 * in the form of deparse.h (NULL: none). Rows of the same aspect are put together.
 */
#ifndef AURORA_PG_FINGERPRINT_H
#define AURORA_PG_FINGERPRINT_H

#include "internal/base/base.h"

struct fingerprint_query {
    const char *aspect;
    int min_major; /* 0: all */
    const char *sql;
    /* Lists oids, for a query that takes an array of them as $1: printing a view locks what it reads, so only
     * some are printed at a time. */
    const char *oids;
};
extern const struct fingerprint_query fingerprint_queries[];
extern const size_t fingerprint_query_count;

/* How a difference in an aspect is put: "column public.t.x …"; "" where keys begin with the kind. */
const char *fingerprint_noun(const char *aspect);

/* Line "<table> (column order)": redundant as soon as one of the table's columns differs anyway. */
#define COLUMN_ORDER " (column order)"

#endif
