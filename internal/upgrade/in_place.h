/* in_place.h — what the rows of the in-place tables point to, beyond what they share with blue_green.h. The
 * tables themselves are in provider/flow_in_place_upgrade.c.
 *
 * One ModifyDBCluster call with the version and both parameter groups; from then on AWS works alone: its own
 * prechecks, its own snapshot (preupgrade-…), pg_upgrade, and back to the old version by itself when it
 * fails. What was made for a run is known by the tags of our snapshot, made right before that call; after it
 * the same snapshot says when it was, and at the end that the run is over. Nothing of production is tagged.
 *
 * Facts: AWS guide "Upgrading the Aurora PostgreSQL DB engine", RDS API 2014-10-31. "available" on the old
 * version is a failure; events tell why, and the log files of the writer.
 */
#ifndef AURORA_UPGRADE_IN_PLACE_H
#define AURORA_UPGRADE_IN_PLACE_H

#include "internal/upgrade/blue_green.h"

/* ---- in_place.c: the run, its snapshot, its end ---- */
bool in_place_source_check(struct upgrade *u, bool *ret, struct err *e);
/* A snapshot of this run that is not older than an hour: an attempt that failed leaves one without the last
 * writes. Those are deleted before another is made. */
bool snapshot_taken(struct upgrade *u, bool *ret, struct err *e);
bool snapshot_take(struct upgrade *u, struct err *e);
bool snapshot_ready(struct upgrade *u, bool *ret, struct err *e);
bool snapshots_removed(struct upgrade *u, bool *ret, struct err *e);
bool snapshots_remove(struct upgrade *u, struct err *e);
bool upgrade_noted(struct upgrade *u, bool *ret, struct err *e);
bool upgrade_note(struct upgrade *u, struct err *e);
bool run_closed(struct upgrade *u, bool *ret, struct err *e);
bool run_close(struct upgrade *u, struct err *e);
/* For unit tests. */
const char *run_snapshot_name(const struct upgrade *u, struct arena *a);

/* ---- in_place_upgrade.c: the call, and what AWS makes of it ---- */
/* The newest event that says the upgrade cannot be or was not made, newer than `since` (AWS's own time, ISO
 * 8601). NULL: none. */
const struct rds_event *upgrade_refusal(struct upgrade *u, const char *since);
/* The end of every log of pg_upgrade that the writer has, into the journal. Best effort: it may fail. */
void upgrade_keep_logs(struct upgrade *u);
bool upgrade_begun(struct upgrade *u, bool *ret, struct err *e);
bool upgrade_begin(struct upgrade *u, struct err *e);
bool upgrade_ended(struct upgrade *u, bool *ret, struct err *e);
/* With parameter_group_strategy = "toggle" only. */
bool groups_attached(struct upgrade *u, bool *ret, struct err *e);
bool groups_attach(struct upgrade *u, struct err *e);
bool groups_settled(struct upgrade *u, bool *ret, struct err *e);
bool new_reboot_done(struct upgrade *u, bool *ret, struct err *e);
bool new_reboot_run(struct upgrade *u, struct err *e);
bool new_in_sync(struct upgrade *u, bool *ret, struct err *e);

bool upgrade_at_work(const struct upgrade *u, const struct world *w);
/* What the call names: NULL where AWS takes the new family's default by itself. */
const char *group_for_call(struct upgrade *u, bool is_cluster);
/* Fails with AUR0191: AWS's event, if there is one, and the log that says most. */
bool upgrade_went_back(struct upgrade *u, const struct rds_event *event, struct err *e);

/* ---- maintenance.c: with switch_in_maintenance_window the call says "later", and AWS begins by itself ----
 * The snapshot is made before that call and holds nothing newer; in the window AWS makes one of its own,
 * right before it upgrades, which becomes the run's. That the upgrade was left to the window is a tag on
 * ours. */
/* By the last look: does this walk only put the upgrade into the queue? */
bool upgrade_schedules(const struct upgrade *u);
/* In a look: the queue holds the upgrade of this run. */
bool upgrade_waits(const struct world *w);
/* In a look: it was in the queue, is not any more, and production is on the old version. */
bool upgrade_missed(const struct upgrade *u, const struct world *w);
/* Fails unless `wanted` leaves the queue as it is, or is rolled_back, which empties it. */
MUST_CHECK bool not_waiting(const struct upgrade *u, enum flow_stage wanted, struct err *e);
/* "sun:05:00-sun:05:30 UTC", for people. */
const char *maintenance_window(const struct upgrade *u);
bool queue_snapshot_taken(struct upgrade *u, bool *ret, struct err *e);
bool upgrade_queued(struct upgrade *u, bool *ret, struct err *e);
bool upgrade_queue(struct upgrade *u, struct err *e);
bool upgrade_unqueued(struct upgrade *u, bool *ret, struct err *e);
bool upgrade_unqueue(struct upgrade *u, struct err *e);
bool window_snapshot_taken_over(struct upgrade *u, bool *ret, struct err *e);
bool window_snapshot_take_over(struct upgrade *u, struct err *e);

/* ---- settings.c ---- */
/* Against the last look before the call; in another process against what was written down then. Tells, never
 * refuses. */
bool kept_settings_check(struct upgrade *u, bool *ret, struct err *e);

#endif
