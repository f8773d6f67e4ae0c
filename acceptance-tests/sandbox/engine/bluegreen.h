/* bluegreen.h — one pair of volumes as the steps of a deployment see it: every database with a session on
 * either side, and the names of what the sandbox makes in them.
 *
 *     on blue, per database    publication rds_bluegreen FOR ALL TABLES, slot rds_bluegreen_<oid of database>
 *     on green, per database   subscription rds_bluegreen
 *     on both                  table rds_bluegreen.rds_marker with one row: what is written into it on blue
 * is seen on green after everything that was committed before
 */
#ifndef SANDBOX_ENGINE_BLUEGREEN_H
#define SANDBOX_ENGINE_BLUEGREEN_H

#include "acceptance-tests/sandbox/engine/sql.h"

struct pair_database {
    const char *name;
    const char *origin; /* name of green's replication origin, "pg_16400" */
    PGconn *blue, *green;
};

struct pair {
    struct arena *arena;
    struct volume *blue, *green;      /* entered */
    PGconn *blue_admin, *green_admin; /* in database rdsadmin */
    struct pair_database *databases;  /* those that are replicated */
    size_t count;
};

/* Enters both volumes, in this order, and connects; both servers must run. */
MUST_CHECK bool pair_open(struct engine *g, const char *blue, const char *green, struct pair *ret,
                          struct err *e);
void pair_done(struct pair *p); /* the whole of it; a zeroed pair is allowed */

/* Writes a new token into every marker on blue. ret_token in the pair's arena. */
MUST_CHECK bool marker_write(struct pair *p, const char **ret_token, struct err *e);
/* Until green shows it in every database. ERR_TIMEOUT at `deadline` (clock_real's mono_ms). */
MUST_CHECK bool marker_await(struct pair *p, const char *token, int64_t deadline, struct err *e);
/* Sets green's sequences to blue's exact state. `prove`: compares afterwards, which only makes sense when
 * nobody calls nextval() on blue any more. */
MUST_CHECK bool sequences_carry(struct pair *p, bool prove, struct err *e);

/* Drops green's subscription and what else build made there; blue is not asked. */
MUST_CHECK bool green_detach(PGconn *green, struct err *e);

#endif
