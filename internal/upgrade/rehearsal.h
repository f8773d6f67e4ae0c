/* rehearsal.h — the upgrade in place, made on a clone of production first (rehearse = true).
 *
 * The clone ("<cluster>-rehearsal", copy-on-write: minutes, whatever the size) has production's settings, as
 * far as the upgrade or a login needs them, and one instance of the writer's class. It gets no public name,
 * no deletion protection, no backups beyond the least, no logs in CloudWatch, no custom endpoint, and none of
 * the associated roles: pg_upgrade needs none, and without them no job, trigger or extension that wakes up in
 * the copy can reach S3 or Lambda in production's place. With a login every check in the databases comes
 * before the clone: one that subscribes would take production's place at the publisher.
 *
 * Its rows are the same as the real one's, with the clone in production's place: one call, judged by version
 * and events. What fails there for good is kept in mind until the clone is gone, and told then: production
 * was not touched. The clone never outlives the run: a walk that finds one that is not its own removes it
 * first.
 *
 * Memory: the clone says what it is of, what is rehearsed and when the call was made. The outcome is written
 * on a parameter group of ours ("<cluster>-upgrade-<to>-rehearsal") that is attached nowhere and costs
 * nothing: the only object that exists whatever groups production has. It goes at `completed`, `rolled_back`,
 * destroy.
 *
 * Facts: RestoreDBClusterToPointInTime (RestoreType copy-on-write, UseLatestRestorableTime; no engine
 * version: the source's; what is not told is AWS's default), CreateDBInstance, ModifyDBCluster; more than 15
 * clones of one volume are full copies. Events and log files are the clone's own.
 */
#ifndef AURORA_UPGRADE_REHEARSAL_H
#define AURORA_UPGRADE_REHEARSAL_H

#include "internal/upgrade/upgrade.h"

/* ---- rehearsal.c: who is who, what is known, and the end of it ---- */

const char *rehearsal_name(struct arena *a, const char *cluster);
const char *rehearsal_note_name(const struct upgrade *u, struct arena *a);
/* Part of a look: world.rehearsal. */
MUST_CHECK bool rehearsal_look(struct upgrade *u, struct world *w, struct err *e);
/* In the last look: a clone that the coming walk does not use, and that has to go first. `forward`: the walk
 * comes by the rehearsal's rows. */
MUST_CHECK bool rehearsal_is_left(struct upgrade *u, bool forward, bool *ret, struct err *e);
/* Was this very upgrade rehearsed (the same versions, strategy and groups)? Fills u->history then. */
MUST_CHECK bool rehearsal_is_known(struct upgrade *u, bool *ret, struct err *e);
/* Versions, strategy and a hash of the groups: what a rehearsal is good for. Needs resolve_version(). */
const char *rehearsal_subject(const struct upgrade *u, struct arena *a);
/* The parameter group with the outcome, whatever it says. */
MUST_CHECK bool rehearsal_forget(struct upgrade *u, struct err *e);
bool rehearsal_forgotten(struct upgrade *u, bool *ret, struct err *e);
/* "The upgrade took 5 min 3 s, ANALYZE 20 s": of u->history; "" without one. */
const char *rehearsal_told(const struct upgrade *u, struct arena *a);

bool rehearsal_rests(struct upgrade *u, bool *ret, struct err *e);
bool rehearsal_instances_deleted(struct upgrade *u, bool *ret, struct err *e);
bool rehearsal_instances_delete(struct upgrade *u, struct err *e);
bool rehearsal_deleted(struct upgrade *u, bool *ret, struct err *e);
bool rehearsal_delete(struct upgrade *u, struct err *e);
bool rehearsal_gone(struct upgrade *u, bool *ret, struct err *e);

/* ---- rehearse.c: the rows; each is done where the outcome is known already ---- */
bool rehearsal_cloned(struct upgrade *u, bool *ret, struct err *e);
bool rehearsal_clone(struct upgrade *u, struct err *e);
bool rehearsal_exists(struct upgrade *u, bool *ret, struct err *e);
bool rehearsal_instance_made(struct upgrade *u, bool *ret, struct err *e);
bool rehearsal_instance_make(struct upgrade *u, struct err *e);
bool rehearsal_ready(struct upgrade *u, bool *ret, struct err *e);
bool rehearsal_upgrade_begun(struct upgrade *u, bool *ret, struct err *e);
bool rehearsal_upgrade_begin(struct upgrade *u, struct err *e);
bool rehearsal_upgrade_ended(struct upgrade *u, bool *ret, struct err *e);
bool rehearsal_groups_attached(struct upgrade *u, bool *ret, struct err *e); /* "toggle" only */
bool rehearsal_groups_attach(struct upgrade *u, struct err *e);
bool rehearsal_groups_settled(struct upgrade *u, bool *ret, struct err *e);
bool rehearsal_reboot_done(struct upgrade *u, bool *ret, struct err *e);
bool rehearsal_reboot_run(struct upgrade *u, struct err *e);
bool rehearsal_in_sync(struct upgrade *u, bool *ret, struct err *e);
bool rehearsal_measured(struct upgrade *u, bool *ret, struct err *e);
bool rehearsal_measure(struct upgrade *u, struct err *e);
bool rehearsal_statistics_done(struct upgrade *u, bool *ret, struct err *e);
bool rehearsal_statistics_run(struct upgrade *u, struct err *e);
bool rehearsal_noted(struct upgrade *u, bool *ret, struct err *e);
bool rehearsal_note(struct upgrade *u, struct err *e);
/* What the rehearsal has proved: passes, or fails with what the clone's upgrade failed with. */
bool rehearsal_check(struct upgrade *u, bool *ret, struct err *e);
/* With the operation; upgrade_done() calls it. */
void rehearsal_end(struct upgrade *u);

#endif
