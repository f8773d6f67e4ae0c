/* roll_back.h — the way back from an upgrade in place: what the rows of flow_in_place_restore point to.
 *
 * The snapshot made right before the upgrade is restored as "<cluster>-restored", with every setting that
 * production has, given explicitly: a restore that is not told takes defaults (random windows, no security
 * groups, the Region's default version). Once it is proved, names move: production's instances and cluster
 * become "…-upgraded", the restored ones take their names, and with them the endpoints. The cluster put aside
 * stays until `completed`.
 *
 * Memory, so that any apply from any machine can finish it: the restored cluster says whom it replaces and
 * since when names move, its instances whose names they take; before the restored cluster loses its tags to
 * take the name, the one put aside says what replaced it. At each moment one of the two tells (tags.h).
 *
 * A call to restore that an apply which was cut short has left behind may take effect after the next apply
 * has restored the snapshot itself and given its name away: the one put aside says which of the two it was
 * replaced by, and the other, which nobody ever used, goes.
 *
 * What was written since the snapshot is lost. It is told before anything is done, as far as the server's
 * counters know, and has to be accepted by the snapshot's name.
 *
 * Facts: RDS API 2014-10-31 (RestoreDBClusterFromSnapshot, ModifyDBCluster, ModifyDBInstance); a renamed
 * instance reboots, a new name answers minutes later. Custom endpoints are unique by name and cannot be
 * moved: endpoints_move.h.
 */
#ifndef AURORA_UPGRADE_ROLL_BACK_H
#define AURORA_UPGRADE_ROLL_BACK_H

#include "internal/upgrade/blue_green.h"

/* ---- roll_back.c: who is who, and whether it may be ---- */

/* Part of a look: restored, aside, names_move; production's place while nobody bears the name. */
MUST_CHECK bool roll_back_look(struct upgrade *u, struct world *w, struct err *e);
/* In the last look: does this walk go back after the upgrade? */
bool roll_back_is_due(const struct world *w);
/* It is over: what it put aside is all that is left, and no run. */
bool roll_back_is_over(const struct world *w);
/* False, with who and what to do: a roll-back after the upgrade has begun and is not over. */
MUST_CHECK bool not_rolling_back(const struct upgrade *u, struct err *e);
/* Does a name of this cluster belong to nobody, or to another than it will, at this moment? Needs no
 * operation; for who reads the cluster. `production` may be NULL. */
MUST_CHECK bool roll_back_names_move(const struct aws_session *s, const char *cluster, bool *ret,
                                     struct err *e);
/* The same until the first renaming, with one call: names are about to move. */
MUST_CHECK bool roll_back_announced(const struct aws_session *s, const char *cluster, bool *ret,
                                    struct err *e);
/* What was written since the snapshot, per table, as a text for people; says so where it cannot be known. */
const char *roll_back_losses(struct upgrade *u);
bool loss_accepted(struct upgrade *u, bool *ret, struct err *e);
bool restorable_check(struct upgrade *u, bool *ret, struct err *e);
/* For a snapshot about to be made: production's groups and, with a login, what its databases hold. */
struct rds_tags roll_back_facts(struct upgrade *u, struct arena *a);
/* "tables/rows/hash" of all databases of a side. */
MUST_CHECK bool roll_back_content(struct upgrade *u, enum side side, struct arena *a, const char **ret,
                                  struct err *e);
/* What those are called that come and go, whatever moves them. */
const char *arriving_name(struct upgrade *u, const char *name);
const char *leaving_name(struct upgrade *u, const char *name);
const char *restored_name(struct arena *a, const char *name);
const char *aside_name(struct arena *a, const char *name);

/* In the last look: what the snapshot was restored as is ours, of this run, no name has moved, and production
 * and snapshot are both there: nothing depends on it. */
bool restored_is_spare(const struct upgrade *u);

/* ---- spare.c: a roll-back given up before names move ---- */
bool spare_check(struct upgrade *u, bool *ret, struct err *e);
bool spare_unprotected(struct upgrade *u, bool *ret, struct err *e);
bool spare_unprotect(struct upgrade *u, struct err *e);
bool spare_instances_deleted(struct upgrade *u, bool *ret, struct err *e);
bool spare_instances_delete(struct upgrade *u, struct err *e);
bool spare_endpoints_deleted(struct upgrade *u, bool *ret, struct err *e);
bool spare_endpoints_delete(struct upgrade *u, struct err *e);
bool spare_deleted(struct upgrade *u, bool *ret, struct err *e);
bool spare_delete(struct upgrade *u, struct err *e);
bool spare_gone(struct upgrade *u, bool *ret, struct err *e);

/* ---- stray.c: what was restored once more ---- */
/* In the last look: there is one, and nobody has given it an instance. */
bool has_stray(const struct upgrade *u);
bool stray_deleted(struct upgrade *u, bool *ret, struct err *e);
bool stray_delete(struct upgrade *u, struct err *e);
bool stray_gone(struct upgrade *u, bool *ret, struct err *e);

/* ---- names.c ---- */
/* The instance of `list` that is to take `name`, or bears it already; NULL: none. */
const struct rds_instance *twin_of(const struct rds_instance *const *list, size_t n, const char *name);

/* ---- endpoints_move.c: custom endpoints, by copies under other names ---- */
bool endpoints_copied(struct upgrade *u, bool *ret, struct err *e);
bool endpoints_copy(struct upgrade *u, struct err *e);
bool endpoints_left(struct upgrade *u, bool *ret, struct err *e);
bool endpoints_leave(struct upgrade *u, struct err *e);
bool endpoints_arrived(struct upgrade *u, bool *ret, struct err *e);
bool endpoints_arrive(struct upgrade *u, struct err *e);

/* The user's tags of `from`, and `n` of ours; lives until the next look. */
struct rds_tags carried_tags(struct upgrade *u, const struct rds_tags *from, const struct rds_tag *ours,
                             size_t n);

/* ---- restore.c: the restored cluster until it is what production was ---- */
bool restored_done(struct upgrade *u, bool *ret, struct err *e);
bool restored_run(struct upgrade *u, struct err *e);
bool restored_exists(struct upgrade *u, bool *ret, struct err *e);
bool restored_instances_done(struct upgrade *u, bool *ret, struct err *e);
bool restored_instances_run(struct upgrade *u, struct err *e);
bool restored_available(struct upgrade *u, bool *ret, struct err *e);
bool restored_reboot_done(struct upgrade *u, bool *ret, struct err *e);
bool restored_reboot_run(struct upgrade *u, struct err *e);
bool restored_in_sync(struct upgrade *u, bool *ret, struct err *e);
bool restored_content_check(struct upgrade *u, bool *ret, struct err *e);
bool restored_secret_done(struct upgrade *u, bool *ret, struct err *e);
bool restored_secret_run(struct upgrade *u, struct err *e);

/* ---- rename.c: names move ---- */
bool names_move_done(struct upgrade *u, bool *ret, struct err *e);
bool names_move_run(struct upgrade *u, struct err *e);
bool instances_leave_done(struct upgrade *u, bool *ret, struct err *e);
bool instances_leave_run(struct upgrade *u, struct err *e);
bool instances_left(struct upgrade *u, bool *ret, struct err *e);
bool cluster_leaves_done(struct upgrade *u, bool *ret, struct err *e);
bool cluster_leaves_run(struct upgrade *u, struct err *e);
bool cluster_left(struct upgrade *u, bool *ret, struct err *e);
bool aside_noted(struct upgrade *u, bool *ret, struct err *e);
bool aside_note(struct upgrade *u, struct err *e);
bool restored_untagged(struct upgrade *u, bool *ret, struct err *e);
bool restored_untag(struct upgrade *u, struct err *e);
bool cluster_arrives_done(struct upgrade *u, bool *ret, struct err *e);
bool cluster_arrives_run(struct upgrade *u, struct err *e);
bool cluster_arrived(struct upgrade *u, bool *ret, struct err *e);
bool instances_arrive_done(struct upgrade *u, bool *ret, struct err *e);
bool instances_arrive_run(struct upgrade *u, struct err *e);
bool instances_arrived(struct upgrade *u, bool *ret, struct err *e);
bool instances_untagged(struct upgrade *u, bool *ret, struct err *e);
bool instances_untag(struct upgrade *u, struct err *e);
bool aside_protected(struct upgrade *u, bool *ret, struct err *e);
bool aside_protect(struct upgrade *u, struct err *e);
bool back_version_check(struct upgrade *u, bool *ret, struct err *e);
bool losses_told(struct upgrade *u, bool *ret, struct err *e);
bool roll_back_noted(struct upgrade *u, bool *ret, struct err *e);
bool roll_back_note(struct upgrade *u, struct err *e);

#endif
