/* changed.h — what changes while all rows are compared, and from then on to the switch.
 *
 * The comparison of all rows (check-rows) takes as long as the data is large; behind the fence there is a
 * tenth of a second. So from before that comparison begins what changes on either side is followed
 * (internal/pg/changed_rows.h): right before the fence what has changed is compared, and behind it, with both
 * sides drained, what changed in the last moments. It is never continued by another process: every apply that
 * is to switch compares all rows again, and one that loses sight of what changes does so, too.
 *
 * Only for an apply that is to switch; one that is to validate follows nothing.
 */
#ifndef AURORA_UPGRADE_CHANGED_H
#define AURORA_UPGRADE_CHANGED_H

#include "internal/upgrade/upgrade.h"

/* Before all rows are compared: from here on, what was followed before is forgotten. Nothing to do unless a
 * switch is wanted. */
MUST_CHECK bool changed_begin(struct upgrade *u, struct err *e);
void changed_end(struct upgrade *u);

/* The row: what has changed is the same on both sides, else AUR0132. Once it was lost from sight, all rows
 * are compared again. */
bool changed_check(struct upgrade *u, bool *ret, struct err *e);

/* In a cutover; nothing to do where nothing is followed. Right before the fence: */
MUST_CHECK bool changed_settle(struct upgrade *u, struct err *e);
/* Behind it, when the marker is on both sides: AUR0243 names what differs. `limit_ms` for all databases. */
MUST_CHECK bool changed_compare(struct upgrade *u, const char *token, int64_t limit_ms, struct err *e);

#endif
