/* catalog.h — what a database looks like, in comparable form, and what is in it that matters for an upgrade.
 */
#ifndef AURORA_PG_CATALOG_H
#define AURORA_PG_CATALOG_H

#include "internal/pg/pg.h"

/* One aspect of a schema as sorted lines "key<TAB>definition", stable across majors, so that two servers can
 * be compared and the difference can be named. Objects of rds*, pg_*, aurora_upgrade and the publication/slot
 * machinery are left out. */
struct pg_fingerprint {
    struct pg_fingerprint_part {
        const char *aspect; /* "columns", "indexes", "constraints", "sequences", "functions", "views",
                               "triggers", "grants", "types", "extensions" */
        const char **lines; /* sorted */
        size_t count;
        uint64_t hash;
    } * parts;
    size_t part_count;
};
MUST_CHECK bool pg_fingerprint(struct pg *c, struct arena *a, struct pg_fingerprint *ret, struct err *e);
/* Appends one human line per difference ("orders: column public.t.x is missing on green"), at most `max`;
 * *ret_n = all. Aspects in `ignore` (ends with NULL, may be NULL) are skipped: extension versions
 * legitimately differ across majors. */
void pg_fingerprint_diff(struct arena *a, const char *database, const struct pg_fingerprint *old_side,
                         const struct pg_fingerprint *new_side, const char *const *ignore, size_t max,
                         const char ***ret_lines, size_t *ret_n);

/* Findings that make an upgrade or logical replication fail or lose data. Each is a row of a table {id,
 * severity, SQL, remedy}. */
enum pg_severity { PG_BLOCKER, PG_WARNING };
struct pg_finding {
    const char *id; /* "no-replica-identity", "prepared-transactions", "long-transactions", "user-slots",
                       "subscriptions", "publications", "large-objects", "unlogged-tables", "foreign-tables",
                       "reg-columns", … */
    enum pg_severity severity;
    const char *database, *evidence, *remedy; /* evidence names up to 10 objects and how many more */
    size_t count;
};
/* Runs every check of the table that applies to `purpose`, all findings at once. */
enum pg_purpose { PG_FOR_BLUE_GREEN = 1, PG_FOR_IN_PLACE = 2, PG_FOR_LOGICAL = 4 };
MUST_CHECK bool pg_preflight(struct pg *c, struct arena *a, enum pg_purpose purpose, int target_major,
                             const struct pg_finding **ret, size_t *ret_n, struct err *e);

struct pg_sequence {
    const char *name; /* quoted, schema-qualified */
    int64_t last_value, increment;
    bool is_called;
};
MUST_CHECK bool pg_sequences(struct pg *c, struct arena *a, const struct pg_sequence **ret, size_t *ret_n,
                             struct err *e);

/* Tables with rows that have no statistics yet (pg_statistic empty): the planner would guess. Names up to
 * `max`. */
MUST_CHECK bool pg_unanalyzed(struct pg *c, struct arena *a, size_t max, const char ***ret_names,
                              size_t *ret_n, struct err *e);
/* ANALYZE of the whole database, in stages so that the first usable statistics come early; needs `writable`.
 */
MUST_CHECK bool pg_analyze(struct pg *c, struct err *e);
/* Extensions of this database with installed and default version. */
struct pg_extension {
    const char *name, *installed, *available;
};
MUST_CHECK bool pg_extensions(struct pg *c, struct arena *a, const struct pg_extension **ret, size_t *ret_n,
                              struct err *e);

#endif
