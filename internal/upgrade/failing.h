/* failing.h — does a subscription fail again and again, in vain?
 *
 * A worker that fails begins again by itself every few seconds, and a passing cause is over by then; while it
 * tries it looks like one that works. What tells is that errors come and nothing is applied: the statistics'
 * counts against those of the first look since anything was applied. They do not go back when a cause is
 * removed, so that what happened before this operation is no sign.
 *
 * Before 15 there are no such counts: then it never fails here.
 */
#ifndef AURORA_UPGRADE_FAILING_H
#define AURORA_UPGRADE_FAILING_H

#include "internal/base/base.h"
#include "internal/base/names.h"

struct pg_subscription;
struct upgrade;

struct failing_count {
    int64_t errors; /* at the first look since `at` */
    uint64_t at;    /* how far it was; what else it is does not matter */
    bool is_known;
};

/* True once three errors came while it stood at one place. */
bool failing_add(struct failing_count *c, int64_t errors, uint64_t at);

/* One look at the subscription of `database`: at changes that it applies, and at tables that it copies. */
bool fails_again(struct upgrade *u, const char *database, const struct pg_subscription *s);

#endif
