/* health.h — how a server fares, from its own counters: for the watch after a switch.
 *
 * Reads pg_stat_database and pg_stat_activity. What the role may not see of other people's sessions is
 * counted without a name. Sessions of ours, of AWS and of PostgreSQL itself are left out.
 */
#ifndef AURORA_PG_HEALTH_H
#define AURORA_PG_HEALTH_H

#include "internal/pg/pg.h"

struct pg_application {
    const char *name; /* "" where it has none, or may not be seen */
    int64_t sessions;
};

struct pg_health {
    /* Of all users' databases, since their counters were reset. */
    int64_t commits, rollbacks, deadlocks;
    int64_t broken_sessions; /* ended by a lost client, an error or an operator; before 14: 0 */
    int64_t active_ms;       /* spent in statements; before 14: 0 */
    /* Now. */
    int64_t longest_ms;                        /* age of the oldest open transaction of a client */
    const char *longest_application;           /* whose it is */
    const struct pg_application *applications; /* most sessions first, at most 50 */
    size_t application_count;
};
MUST_CHECK bool pg_health(struct pg *c, struct arena *a, struct pg_health *ret, struct err *e);

#endif
