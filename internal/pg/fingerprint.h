/* fingerprint.h — the queries a fingerprint is made of; internal to internal/pg.
 *
 * Each gives three columns: key, plain definition, and a text in PostgreSQL's own rendering that is compared
 * in the form of deparse.h (NULL: none). Rows of the same aspect are put together.
 */
#ifndef AURORA_PG_FINGERPRINT_H
#define AURORA_PG_FINGERPRINT_H

#include "internal/pg/catalog.h"

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

/* The aspects of `count` queries, those of the same aspect next to each other, with hashes that the server
 * makes in place of definitions: comparable with those of the same server only. In few round trips. */
MUST_CHECK bool fingerprint_hashed(struct pg *c, struct arena *a, const struct fingerprint_query *queries,
                                   size_t count, struct pg_fingerprint *ret, struct err *e);

/* How a difference in an aspect is put: "column public.t.x …"; "" where keys begin with the kind. */
const char *fingerprint_noun(const char *aspect);

/* Line "<table> (column order)": redundant as soon as one of the table's columns differs anyway. */
#define COLUMN_ORDER " (column order)"
bool fingerprint_is_column_order(const char *line);

/* Lines of the same aspect. */
size_t fingerprint_key_length(const char *line);
int fingerprint_compare_keys(const char *a, const char *b);
const struct pg_fingerprint_part *fingerprint_part(const struct pg_fingerprint *f, const char *aspect);
/* NULL: there is none. */
const char *fingerprint_line(const struct pg_fingerprint_part *p, const char *key);
/* Tells of each pair of lines with the same key, and of each line that one side only has (the other is NULL)
 * unless it goes with an object that is missing, too. */
typedef void fingerprint_teller(void *to, const char *old_line, const char *new_line);
void fingerprint_walk(struct arena *a, const struct pg_fingerprint_part *old_side,
                      const struct pg_fingerprint_part *new_side, fingerprint_teller *tell, void *to);

#endif
