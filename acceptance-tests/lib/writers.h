/* writers.h — the ledger: what writers were told by the server, one line per transaction, outside the
 * database.
 *
 *     ok 1099511627777 0 73200111222
 *
 * A transaction inserts one row with an id nobody else uses, adds one to its worker's counter and, every few
 * times, deletes an older row of the same worker, all or nothing. "ok" = COMMIT was acknowledged; "unknown" =
 * the connection died after the statements were sent; a refusal (an ERROR of the server) leaves no line,
 * because it certainly changed nothing.
 */
#ifndef ACCEPTANCE_WRITERS_H
#define ACCEPTANCE_WRITERS_H

#include "internal/base/base.h"

struct ledger_line {
    int64_t id;      /* worker << 40 | n */
    int64_t deletes; /* id of the row it deletes; 0: none */
    int64_t us;      /* monotonic clock when the answer came */
    bool is_ok;      /* else unknown */
};

struct ledger {
    struct ledger_line *lines; /* sorted by id after ledger_read() */
    size_t count;
};

enum { LEDGER_WORKERS_MAX = 256 };
static inline int ledger_worker(int64_t id)
{
    return (int)(id >> 40);
}

/* Appends one line with a single write(); complete even if the process is killed next. False: disk full. */
MUST_CHECK bool ledger_append(int fd, const struct ledger_line *line);
MUST_CHECK bool ledger_read(const char *path, struct ledger *ret);
void ledger_free(struct ledger *l);
const struct ledger_line *ledger_find(const struct ledger *l, int64_t id); /* NULL: not there */
/* Longest time between two acknowledgements of any workers that follow each other, in microseconds. */
int64_t ledger_longest_gap(const struct ledger *l);

/* The verbs: exit status. */
int writers_init(const char *conninfo);
int writers_check(const char *conninfo, const char *path);

#endif
