/* record.h — a logical switch that leads a name of the user's own, a CNAME of Route 53, to the clone
 * (cutover.endpoint = "route53"). No name of AWS moves (names_stay.c); what is added to that:
 *
 * 1. Ahead of the window the record's time to live is lowered, and the old one waited out, so that at the
 *    switch nobody has the answer for longer than cutover.route53.ttl. That also proves the right to change
 *    it while production works.
 * 2. Behind the point of no return the record is led to the clone; on the way back, to the old side, with the
 *    time to live that it had. Who still has the old answer meets the fence: refused, nothing lost.
 * 3. At `completed`, or when it is rolled back before the switch, it gets its time to live back.
 *
 * A record is replaced only from what was read, in one batch: what somebody else has changed meanwhile is not
 * overwritten. One that names neither side is somebody else's decision: AUR0241, and nothing is changed.
 * Memory: tags of the clone. What the record was is written there before the first change; the id of each
 * change behind it, since an apply that dies in between replaces the record by the same again, which gives
 * another id. So any apply, and `resume`, ends what a dead one began.
 */
#ifndef AURORA_UPGRADE_RECORD_H
#define AURORA_UPGRADE_RECORD_H

#include "internal/upgrade/upgrade.h"

/* What the run has written down of its record; false: nothing. */
struct record_note {
    const char *zone, *name;
    int was, now; /* times to live: the user's, ours */
};
bool record_noted(const struct upgrade *u, struct record_note *ret);
/* For who has no configuration: the request as the run has noted it. After a look. */
void record_adopt(struct upgrade *u);
/* By the last look: production is the clone, and the record was not led to it yet. */
bool record_waits(const struct upgrade *u);

/* Zone, name and kind of the record, and that it names production (AUR0240). Without one in the request:
 * done. Needs no login; for a plan, too. */
bool record_check(struct upgrade *u, bool *ret, struct err *e);
/* Right before the switch: and its time to live is still the lowered one. */
bool record_check_again(struct upgrade *u, bool *ret, struct err *e);

bool record_ttl_lowered(struct upgrade *u, bool *ret, struct err *e);
bool record_ttl_lower(struct upgrade *u, struct err *e);
bool record_ttl_in_sync(struct upgrade *u, bool *ret, struct err *e);
bool record_ttl_noted(struct upgrade *u, bool *ret, struct err *e);
bool record_ttl_note(struct upgrade *u, struct err *e);
bool record_ttl_passed(struct upgrade *u, bool *ret, struct err *e);
bool record_ttl_fits(struct upgrade *u, int64_t until_wall_ms, struct err *e);

bool record_moved(struct upgrade *u, bool *ret, struct err *e);
bool record_move(struct upgrade *u, struct err *e);
bool record_move_in_sync(struct upgrade *u, bool *ret, struct err *e);
bool record_returned(struct upgrade *u, bool *ret, struct err *e);
bool record_return(struct upgrade *u, struct err *e);
bool record_return_in_sync(struct upgrade *u, bool *ret, struct err *e);

bool record_ttl_restored(struct upgrade *u, bool *ret, struct err *e);
bool record_ttl_restore(struct upgrade *u, struct err *e);

#endif
