/* catalog.h — what a database looks like, in comparable form, and what is in it that matters for an upgrade.
 *
 * Reads catalogues only, with the rights of any role that may connect, unless a verb says otherwise; what it
 * may not read is ERR_DENIED and named, never left out. Holds no lock longer than one statement, and gives
 * way to other people's DDL. Results live in the caller's arena.
 */
#ifndef AURORA_PG_CATALOG_H
#define AURORA_PG_CATALOG_H

#include "internal/pg/pg.h"

/* One aspect of a schema as sorted lines "key<TAB>definition", stable across majors (13 to 18, proved on
 * copies that pg_upgrade made), so that two servers can be compared and the difference can be named. Left
 * out: objects of AWS (rds* of the bootstrap superuser), of PostgreSQL, of extensions and of aurora_upgrade;
 * publications, subscriptions and slots; what a fence changes (CONNECT, default_transaction_read_only);
 * MAINTAIN, which 17 adds to every older grant of ALL; values of sequences; passwords, options of user
 * mappings. A change of nothing but a cast within an expression is not seen (deparse.h). */
struct pg_fingerprint {
    struct pg_fingerprint_part {
        const char *aspect; /* "schemas", "tables", "columns", "indexes", "constraints", "sequences",
                               "functions", "views", "rules", "triggers", "policies", "types", "extensions",
                               "extensions.version", "statistics", "other" (operators, casts, collations, text
                               search, foreign servers), "grants" (owners, default privileges), "settings",
                               "database" (encoding, locale), "roles" (of the whole server) */
        const char **lines; /* sorted */
        size_t count;
        uint64_t hash;
    } * parts;
    size_t part_count;
};
MUST_CHECK bool pg_fingerprint(struct pg *c, struct arena *a, struct pg_fingerprint *ret, struct err *e);
/* One human line per difference ("orders: column public.t.x is missing on the new side"), at most `max`;
 * *ret_n = all. What goes with an object that is missing (its columns, privileges) is not repeated. Aspects
 * in `ignore` (ends with NULL, may be NULL) are skipped, "extensions" with "extensions.version": versions of
 * extensions legitimately differ across majors, while a missing one does not. */
void pg_fingerprint_diff(struct arena *a, const char *database, const struct pg_fingerprint *old_side,
                         const struct pg_fingerprint *new_side, const char *const *ignore, size_t max,
                         const char ***ret_lines, size_t *ret_n);

/* Findings that make an upgrade or logical replication fail or lose data. Each is a row of a table {id,
 * severity, SQL, remedy}. */
enum pg_severity { PG_BLOCKER, PG_WARNING };
struct pg_finding {
    const char *id; /* "no-replica-identity", "prepared-transactions", "long-transactions", "user-slots",
                       "subscriptions", "publications", "large-objects", "unlogged-tables", "foreign-tables",
                       "reg-columns", … (preflight_checks.c); "unreadable": a check needs a privilege, which
                       the remedy names */
    enum pg_severity severity;
    const char *database; /* "": concerns the whole server, and is found from each of its databases */
    const char *evidence, *remedy; /* evidence names up to 10 objects and how many more */
    size_t count;
};
/* Runs every check of the table that applies to `purpose` (one of them) and to the way from this server's
 * major to `target_major` (0: unknown, all checks), all findings at once. Slots, publications and
 * subscriptions whose names begin with rds or aurora_upgrade are not the user's, but in place, where nothing
 * may be left. */
enum pg_purpose {
    PG_FOR_BLUE_GREEN = 1,
    PG_FOR_IN_PLACE = 2,
    PG_FOR_LOGICAL = 4,
    PG_FOR_TEMPLATE =
        8 /* a template database: nothing replicates it, pg_upgrade takes it over like any other */
};
/* What of a database is replicated, and how: objects as PostgreSQL writes an array of oids, "{16401,16405}".
 */
struct pg_scope {
    const char *untaken;   /* tables and partitions that are not replicated; NULL: none */
    const char *made_full; /* that get REPLICA IDENTITY FULL before they are published; NULL: none */
};
MUST_CHECK bool pg_preflight_of(struct pg *c, struct arena *a, enum pg_purpose purpose, int target_major,
                                const struct pg_scope *scope, const struct pg_finding **ret, size_t *ret_n,
                                struct err *e);
/* The same of the whole database, as it is. */
MUST_CHECK static inline bool pg_preflight(struct pg *c, struct arena *a, enum pg_purpose purpose,
                                           int target_major, const struct pg_finding **ret, size_t *ret_n,
                                           struct err *e)
{
    return pg_preflight_of(c, a, purpose, target_major, &(struct pg_scope){NULL, NULL}, ret, ret_n, e);
}

/* Row `i` of that table, for the documentation. False: there are no more. */
struct pg_check_row {
    const char *id;
    unsigned purposes; /* of enum pg_purpose */
    enum pg_severity severity;
    int source_max, target_min; /* majors; 0: all */
    const char *remedy;
};
bool pg_check_row(size_t i, struct pg_check_row *ret);

/* Exact state of every sequence, identity columns' included, temporary ones not. */
struct pg_sequence {
    const char *name; /* quoted, schema-qualified */
    int64_t last_value, increment;
    bool is_called;
};
MUST_CHECK bool pg_sequences(struct pg *c, struct arena *a, const struct pg_sequence **ret, size_t *ret_n,
                             struct err *e);
/* Later calls in this session are to be fast: what costs them time (the server's cache, plans for those never
 * called, which have to be read one by one) is done now. They are as exact as without. */
MUST_CHECK bool pg_sequences_ready(struct pg *c, struct err *e);
/* Those of `list` whose state here is another: as `list` has them. */
MUST_CHECK bool pg_sequences_differ(struct pg *c, struct arena *a, const struct pg_sequence *list, size_t n,
                                    const struct pg_sequence **ret, size_t *ret_n, struct err *e);
/* Gives each the state of `list`, called or not, in one round trip; needs `writable` and UPDATE on them. One
 * that does not exist is an error, and then none is set. */
MUST_CHECK bool pg_sequences_set(struct pg *c, const struct pg_sequence *list, size_t n, struct err *e);
/* Those that this user may not set. */
MUST_CHECK bool pg_sequences_denied(struct pg *c, struct arena *a, const char ***ret, size_t *ret_n,
                                    struct err *e);

/* Tables, materialized views and parents of partitions that have data and no statistics yet: the planner
 * would guess. *ret_n = all, names up to `max`, then NULL. Needs to be allowed to read them. */
MUST_CHECK bool pg_unanalyzed(struct pg *c, struct arena *a, size_t max, const char ***ret_names,
                              size_t *ret_n, struct err *e);
/* ANALYZE of the whole database, every table in each of three stages (statistics targets 1, 10, default)
 * before the next, so that usable statistics come early; needs `writable`. What the role may not analyze is
 * ERR_DENIED and named once all others are done; PostgreSQL's own catalogues are analyzed where it may. */
MUST_CHECK bool pg_analyze(struct pg *c, struct err *e);
/* Extensions of this database with installed and default version. */
struct pg_extension {
    const char *name, *installed, *available;
};
MUST_CHECK bool pg_extensions(struct pg *c, struct arena *a, const struct pg_extension **ret, size_t *ret_n,
                              struct err *e);
/* ALTER EXTENSION … UPDATE, to the default version; needs `writable` and the rights of its owner
 * (ERR_DENIED). */
MUST_CHECK bool pg_extension_update(struct pg *c, const char *name, struct err *e);

#endif
