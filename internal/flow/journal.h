/* journal.h — what happened, for people and reports; never read back to decide anything.
 *
 * One append-only NDJSON file per operation: ts (ISO 8601), mono_ms, op, step, kind (begin, intent, found,
 * done, overtaken, finding, error, undone, undo-error, sample, note, end, failed), detail. Every line is one
 * write and one fsync, so a cut-short line can only be the last. Registered secrets are masked. A journal
 * that cannot be written any more is closed with one warning in the log; the upgrade goes on, and whoever
 * asked for it is told at its end (journal_whole). NULL is a journal that is not kept. One thread.
 */
#ifndef AURORA_JOURNAL_H
#define AURORA_JOURNAL_H

#include "internal/base/clock.h"
#include "internal/base/err.h"

struct journal;

/* `dir`/<cluster>-<time>-<random>.ndjson, mode 0600; the folder is made if needed. `op` names the operation
 * in every line. */
MUST_CHECK bool journal_open(const char *dir, const char *cluster, const char *op, struct clock *clock,
                             struct journal **ret, struct err *e);
void journal_close(struct journal *j);
DEFINE_CLEANUP(struct journal, journal_cleanup, journal_close)

const char *journal_path(const struct journal *j); /* "" for NULL */
/* False: it ends before what it tells does, and why; true for NULL. */
MUST_CHECK bool journal_whole(const struct journal *j, struct err *e);
void journal_event(struct journal *j, const char *step, const char *kind, const char *detail);

#endif
