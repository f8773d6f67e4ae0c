/* writers.h — clients that write for ever through an endpoint and remember what was acknowledged. Tests only.
 *
 * Writer w inserts (w, n) for n = 1, 2, 3 … into the table `ledger`, one transaction each, in several shapes:
 * one row, a row in a longer transaction, a row rolled back first; it rests for two milliseconds after each.
 * A lost connection is opened again; a number whose outcome the client does not know is never used again.
 */
#ifndef SANDBOX_ENGINE_WRITERS_H
#define SANDBOX_ENGINE_WRITERS_H

#include "internal/base/base.h"

#define WRITERS_MAX 16

/* The table without a primary key (doubles are seen); REPLICA IDENTITY FULL, as AWS asks for such tables. */
#define LEDGER_TABLE                                                                                         \
    "CREATE TABLE ledger (w int NOT NULL, n int NOT NULL, at timestamptz DEFAULT clock_timestamp());"        \
    "CREATE SEQUENCE ledger_seq; ALTER TABLE ledger REPLICA IDENTITY FULL;"                                  \
    "GRANT ALL ON ledger, ledger_seq TO PUBLIC"

struct writers;

struct writers *writers_start(const char *endpoint, int count);
void writers_stop(struct writers *w); /* waits for all of them */
void writers_free(struct writers *w);

/* Until this many more writes than now have been acknowledged; false after 30 s. */
MUST_CHECK bool writers_progress(struct writers *w, int more);

struct tally {
    long acknowledged, unknown;       /* unknown: the connection broke before the answer came */
    long found, lost, twice, foreign; /* foreign: rolled back by the client, or never written */
    long gap_us;                      /* the longest time without an acknowledged write */
    long refused;                     /* answered with an error */
    char last_refusal[128];
    long ended_57p01; /* sessions that were told "terminating connection due to administrator command" */
};
/* Forgets gaps seen so far, to measure one event. */
void writers_reset_gap(struct writers *w);
/* Holds what the writers remember against the ledger of a volume. */
void writers_check(struct writers *w, const char *volume, struct tally *ret);

#endif
