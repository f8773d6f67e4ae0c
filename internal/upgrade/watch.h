/* watch.h — what a watch after the switch makes of counters; the pure part of watch.c, for its test. */
#ifndef AURORA_UPGRADE_WATCH_H
#define AURORA_UPGRADE_WATCH_H

#include "internal/base/arena.h"
#include "internal/base/buf.h"
#include "internal/pg/health.h"

enum { WATCH_APPLICATIONS_MAX = 50 };

/* What one side's clients looked like, over all looks at it. */
struct watched_side {
    size_t looks, misses; /* misses: it could not be looked at */
    const char *trouble;  /* why not, the last time */
    struct pg_health last;
    struct pg_application applications[WATCH_APPLICATIONS_MAX]; /* most sessions at a time */
    size_t application_count;
    int64_t longest_ms;
    const char *longest_application;
};

struct watch {
    struct pg_health before; /* counters of the new side when the watch began */
    struct watched_side new_side, old_side;
};

/* Adds one look. Names are copied into `a`. */
void watch_add(struct arena *a, struct watched_side *s, const struct pg_health *h);

/* One sentence per thing that is worse than it was, "" for none: deadlocks, sessions that broke, transactions
 * that fail or take longer, applications that are still on the old side, nobody on the new one. */
void watch_findings(const struct watch *w, struct buf *out);

/* "new side: \"shop\" 3, \"report\" 1; old side: nobody": most sessions at a time, for the journal. */
void watch_sessions(const struct watch *w, struct buf *out);

/* "2026-01-02T03:04:05Z 1 2 3 4 5": since when, and the counters then. Only characters RDS allows in tags. */
enum { WATCH_TEXT = 160 };
void watch_write(int64_t since_ms, const struct pg_health *h, char out[WATCH_TEXT]);
MUST_CHECK bool watch_read(const char *text, int64_t *ret_since_ms, struct pg_health *ret);

#endif
