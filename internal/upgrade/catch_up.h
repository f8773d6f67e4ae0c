/* catch_up.h — how a follower catches up: what looks at two positions over time come to, and what is said of
 * it. Pure; catch_up.c looks, and names who stands in the way.
 *
 * A follower has applied up to one position of the publisher's WAL, and the publisher has written up to
 * another. Bytes between the two say how far it is behind; how long ago the publisher was where the follower
 * is now says it in time, whatever the bytes are worth. Rates are those of the last WINDOW of looks. A
 * backlog that grows is no failure: after a clone was upgraded it always does at first. That the follower
 * falls behind for good is said only when it did so in both halves of enough looks, and even then production
 * may write less tomorrow.
 *
 * Times are the monotonic clock's, in ms. Fixed size, no allocation: it is kept for hours.
 */
#ifndef AURORA_UPGRADE_CATCH_UP_H
#define AURORA_UPGRADE_CATCH_UP_H

#include "internal/base/buf.h"
#include "internal/base/names.h"

enum {
    CATCH_UP_LOOKS = 120,
    CATCH_UP_WINDOW_MS = 10 * 60 * 1000,
    CATCH_UP_ENOUGH_LOOKS = 12, /* and CATCH_UP_ENOUGH_MS of them, before "never" is said */
    CATCH_UP_ENOUGH_MS = 2 * 60 * 1000,
    CATCH_UP_STANDS_MS = 60 * 1000, /* nothing applied for so long */
};

struct catch_up_look {
    int64_t at_ms;
    lsn_t written, applied;
};

struct catch_up {
    struct catch_up_look looks[CATCH_UP_LOOKS]; /* oldest first */
    size_t n;
    int64_t moved_ms; /* when the applied position was last seen to move, or first seen */
};

/* Adds one look. Positions that went back, and a clock that did, are another server's: all before is
 * forgotten. */
void catch_up_add(struct catch_up *c, struct catch_up_look look);

enum catch_up_verdict {
    CATCH_UP_UNKNOWN, /* not enough looks */
    CATCH_UP_THERE,   /* no more than `goal_bytes` behind */
    CATCH_UP_NEARS,
    CATCH_UP_STANDS, /* has applied nothing for CATCH_UP_STANDS_MS */
    CATCH_UP_NEVER,  /* at these rates */
};

struct catch_up_state {
    enum catch_up_verdict verdict;
    int64_t lag_bytes;
    int64_t lag_ms;                 /* -1: nothing was seen yet */
    bool lag_is_least;              /* it was that far behind before the first look */
    int64_t write_rate, apply_rate; /* bytes per second; -1: not known */
    int64_t low_s,
        high_s;        /* until no more than goal_bytes behind; -1: no such bound, low_s -1: no estimate */
    int64_t stands_ms; /* since when the applied position has not moved; 0: it is there */
};
struct catch_up_state catch_up_state(const struct catch_up *c, int64_t goal_bytes);

/* "1.2 GB (4 min) behind; production writes 3.1 MB/s, applied are 5.0 MB/s: there in 4 to 9 minutes" */
void catch_up_say(const struct catch_up_state *s, struct buf *out);
/* Only the end of that: "there in 4 to 9 minutes", "will not get there at this rate"; "" if nothing is known.
 */
void catch_up_say_end(const struct catch_up_state *s, struct buf *out);
/* "512 bytes", "1.2 GB" */
void bytes_say(int64_t bytes, struct buf *out);

#endif
