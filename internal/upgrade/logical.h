/* logical.h — what the rows of the logical tables point to, beyond what they share with blue_green.h. The
 * tables themselves are in provider/flow_logical_upgrade.c.
 *
 * A second cluster is made of production (copy-on-write, or from a snapshot), upgraded, and follows
 * production by logical replication that we set up ourselves. The order is what makes it lossless:
 * publication → slot → clone → the clone's position L read while it is still on the old major → upgrade →
 * subscription without a copy, begun at L. What is taken for L decides whether a commit is lost or applied
 * twice, so it is taken from the clone's own volume, once, written down before the upgrade, and refused
 * unless
 *
 *     slot's consistent point ≤ L ≤ production's position,   the slot has confirmed nothing beyond L,
 *     a marker committed behind the slot's making is on the clone, and was written before L.
 *
 * Afterwards a marker written behind L has to arrive, once.
 *
 * Memory: the clone's tags say of which cluster it is a clone, L, and since when it follows. In each database
 * of production schema aurora_upgrade holds the slot's consistent point and the markers (INTERFACE 2.6); it
 * is made before publication and slot. Nothing else of production is changed: one login for the subscriber,
 * one publication and one slot per database, all named aurora_upgrade….
 *
 * A slot keeps WAL on production for as long as nobody consumes it. Once that is more than max_retained_wal
 * the run is given up by the row that sees it: slots go, and the clone cannot follow any more.
 *
 * Facts: RestoreDBClusterToPointInTime (RDS API 2014-10-31), aurora_volume_logical_start_lsn() (AWS guide
 * "Performing a major version upgrade with minimal downtime"); PostgreSQL chapters 29 and 47.
 */
#ifndef AURORA_UPGRADE_LOGICAL_H
#define AURORA_UPGRADE_LOGICAL_H

#include "internal/upgrade/blue_green.h"

#define LOGICAL_NAME        "aurora_upgrade"  /* of publication and subscription */
#define LOGICAL_SLOT_PREFIX "aurora_upgrade_" /* the database's oid follows */
#define LOGICAL_ROLE        "aurora_upgrade_replication"

/* ---- logical.c: the run ---- */
bool login_check(struct upgrade *u, bool *ret, struct err *e);
bool start_position_check(struct upgrade *u, bool *ret, struct err *e);
const char *clone_name(struct arena *a, const char *name);
/* "aurora_upgrade_16401" */
MUST_CHECK bool slot_name(struct upgrade *u, struct pg *source, const char **ret, struct err *e);
/* The slot of this database as production has it; NULL: none. */
struct pg_slot;
MUST_CHECK bool slot_look(struct upgrade *u, struct pg *source, const struct pg_slot **ret, struct err *e);
/* The slot's consistent point, as noted when it was made; 0: not noted. */
MUST_CHECK bool slot_start(struct upgrade *u, struct pg *source, lsn_t *ret, struct err *e);
/* Of the marker behind the slot that begins there. */
const char *marker_behind(struct arena *a, lsn_t slot_start);
/* What the clone says it begins at; 0: not noted. */
lsn_t noted_position(const struct world *w);

/* ---- logical_source.c: production's side, in the order of the rows ---- */
bool role_done(struct upgrade *u, bool *ret, struct err *e);
bool role_run(struct upgrade *u, struct err *e);
bool facts_done(struct upgrade *u, bool *ret, struct err *e);
bool facts_run(struct upgrade *u, struct err *e);
bool publication_done(struct upgrade *u, bool *ret, struct err *e);
bool publication_run(struct upgrade *u, struct err *e);
bool slots_done(struct upgrade *u, bool *ret, struct err *e);
bool slots_run(struct upgrade *u, struct err *e);
bool marker_done(struct upgrade *u, bool *ret, struct err *e);
bool marker_run(struct upgrade *u, struct err *e);

/* What of it is there, one by one: "replication slot", "aurora_upgrade_16401". Needs a login and a look. */
MUST_CHECK bool logical_found(struct upgrade *u, void (*found)(void *arg, const char *kind, const char *name),
                              void *arg, struct err *e);
/* Back: whatever the configuration says by now. */
/* The run's slots on a side: none is left; drop them. */
MUST_CHECK bool slots_gone(struct upgrade *u, enum side side, bool *ret, struct err *e);
MUST_CHECK bool slots_drop(struct upgrade *u, enum side side, struct err *e);
bool slots_removed(struct upgrade *u, bool *ret, struct err *e);
bool slots_remove(struct upgrade *u, struct err *e);
bool publications_removed(struct upgrade *u, bool *ret, struct err *e);
bool publications_remove(struct upgrade *u, struct err *e);
bool facts_removed(struct upgrade *u, bool *ret, struct err *e);
bool facts_remove(struct upgrade *u, struct err *e);
bool role_removed(struct upgrade *u, bool *ret, struct err *e);
bool role_remove(struct upgrade *u, struct err *e);

/* ---- ceiling.c: what production keeps for the slots ---- */

/* max_retained_wal stands as a fact beside each slot, so that whoever has no configuration knows it, too. */
struct pg;
MUST_CHECK bool ceiling_noted(struct upgrade *u, struct pg *c, int64_t *ret,
                              struct err *e); /* 0: not noted */
MUST_CHECK bool ceiling_note(struct upgrade *u, struct pg *c, struct err *e);
/* After an apply without steps has changed it. Nothing to do but for a logical run under way, with a login.
 */
MUST_CHECK bool ceiling_renew(struct upgrade *u, struct err *e);
/* Is what production keeps within what is noted? If not: AUR0216, and the slots are dropped first if
 * `may_drop` (a plan and a data source must change nothing, and say who does). After a look. */
MUST_CHECK bool ceiling_check(struct upgrade *u, bool may_drop, struct err *e);
/* Drops the run's slots if production keeps more WAL for them than it may; else does nothing. */
bool slots_give_up(struct upgrade *u, struct err *e);
bool retained_wal_check(struct upgrade *u, bool *ret, struct err *e);
/* WAIT rows of others that look at it meanwhile. */
bool kept_seed_ready(struct upgrade *u, bool *ret, struct err *e);
bool kept_seed_copy_ready(struct upgrade *u, bool *ret, struct err *e);
bool kept_clone_exists(struct upgrade *u, bool *ret, struct err *e);
bool kept_clone_available(struct upgrade *u, bool *ret, struct err *e);
bool kept_clone_upgraded(struct upgrade *u, bool *ret, struct err *e);
bool kept_green_in_sync(struct upgrade *u, bool *ret, struct err *e);
bool kept_soak_over(struct upgrade *u, bool *ret, struct err *e);

/* ---- clone_key.c: clone { kms_key_id } ---- */
/* AUR0226 where the configuration asks for what AWS has no way to. */
MUST_CHECK bool clone_key_fits(bool by_snapshot, const char *kms_key, const char *cluster, struct err *e);
/* The run's clone gets another key than production has. */
bool clone_key_changes(const struct upgrade *u);
/* The difference of two objects in `member` is the key that was asked for. */
bool clone_key_explains(const struct upgrade *u, const char *member, const struct xml *of_new);
/* key_check.c: before anything is made; AUR0228 where the key could not be used. */
bool clone_key_check(struct upgrade *u, bool *ret, struct err *e);

/* ---- seed.c: the snapshot of production that the clone is restored from, instead of sharing its pages ----
 *
 * Made behind slots and markers, as the clone has to be: it says behind which, and one that says others is
 * never used. Another key than production's is given to a copy of it; where production is not encrypted AWS
 * refuses that, and the restore takes the key. Both go once the clone's position is proved; of a dead apply
 * they are known by their tags. Facts: CreateDBClusterSnapshot, CopyDBClusterSnapshot (KmsKeyId),
 * RestoreDBClusterFromSnapshot (KmsKeyId; without EngineVersion: the Region's default); AWS guide
 * "Limitations of Amazon Aurora encrypted DB clusters".
 */
bool seed_taken(struct upgrade *u, bool *ret, struct err *e);
bool seed_take(struct upgrade *u, struct err *e);
bool seed_ready(struct upgrade *u, bool *ret, struct err *e);
/* There is nothing to copy: done. */
bool seed_copied(struct upgrade *u, bool *ret, struct err *e);
bool seed_copy(struct upgrade *u, struct err *e);
bool seed_copy_ready(struct upgrade *u, bool *ret, struct err *e);
/* As a cluster of that name. Needs a look at production. */
MUST_CHECK bool seed_restore(struct upgrade *u, const char *name, struct rds_tags tags, struct err *e);
/* Made for a clone of this cluster, whatever run it was of. */
bool is_seed(const struct upgrade *u, const struct rds_snapshot *p);
bool seeds_removed(struct upgrade *u, bool *ret, struct err *e);
bool seeds_remove(struct upgrade *u, struct err *e);

/* ---- clone.c: the second cluster ---- */
bool clone_made(struct upgrade *u, bool *ret, struct err *e);
bool clone_make(struct upgrade *u, struct err *e);
bool clone_exists(struct upgrade *u, bool *ret, struct err *e);
/* The instance that is to write first: an upgrade of one instance is sooner over. */
bool clone_writer_made(struct upgrade *u, bool *ret, struct err *e);
bool clone_writer_make(struct upgrade *u, struct err *e);
bool clone_instances_made(struct upgrade *u, bool *ret, struct err *e);
bool clone_instances_make(struct upgrade *u, struct err *e);
bool clone_available(struct upgrade *u, bool *ret, struct err *e);
bool clone_upgrade_begun(struct upgrade *u, bool *ret, struct err *e);
bool clone_upgrade_begin(struct upgrade *u, struct err *e);
bool clone_upgraded(struct upgrade *u, bool *ret, struct err *e);
bool clone_snapshots_deleted(struct upgrade *u, bool *ret, struct err *e);
bool clone_snapshots_delete(struct upgrade *u, struct err *e);
bool clone_instances_deleted(struct upgrade *u, bool *ret, struct err *e);
bool clone_instances_delete(struct upgrade *u, struct err *e);
bool clone_deleted(struct upgrade *u, bool *ret, struct err *e);
bool clone_delete(struct upgrade *u, struct err *e);
bool clone_gone(struct upgrade *u, bool *ret, struct err *e);

/* ---- extensions.c, aftercare.c: the clone, before anybody is switched to it ---- */
bool clone_extensions_done(struct upgrade *u, bool *ret, struct err *e);
/* As new_extensions_run, on the clone. */
bool clone_extensions_run(struct upgrade *u, struct err *e);
/* Replication carries no materialized view. What may not be refreshed is a warning. */
bool clone_views_done(struct upgrade *u, bool *ret, struct err *e);
bool clone_views_run(struct upgrade *u, struct err *e);

/* ---- position.c: where the clone's history ends ---- */
bool position_noted(struct upgrade *u, bool *ret, struct err *e);
bool position_note(struct upgrade *u, struct err *e);
bool inherited_removed(struct upgrade *u, bool *ret, struct err *e);
bool inherited_remove(struct upgrade *u, struct err *e);

/* ---- follow.c: the clone follows ---- */
bool subscriptions_done(struct upgrade *u, bool *ret, struct err *e);
bool subscriptions_run(struct upgrade *u, struct err *e);
bool origins_done(struct upgrade *u, bool *ret, struct err *e);
bool origins_run(struct upgrade *u, struct err *e);
bool enabled_done(struct upgrade *u, bool *ret, struct err *e);
bool enabled_run(struct upgrade *u, struct err *e);
bool follow_marker_done(struct upgrade *u, bool *ret, struct err *e);
bool follow_marker_run(struct upgrade *u, struct err *e);
/* The marker has arrived in every database, once. */
bool following(struct upgrade *u, bool *ret, struct err *e);
bool follows_noted(struct upgrade *u, bool *ret, struct err *e);
bool follows_note(struct upgrade *u, struct err *e);
/* As replication_caught_up, and nothing stands still meanwhile. */
bool clone_caught_up(struct upgrade *u, bool *ret, struct err *e);
/* Who follows production: the clone, after the switch the old side. */
struct follower {
    enum side side;
    const struct rds_cluster *cluster; /* NULL: nobody does */
};
struct follower who_follows(const struct upgrade *u);
const char *follower_name(const struct upgrade *u, struct arena *a); /* "clone orders-next" */
/* Every subscription of it is enabled and has all its tables; AUR0217 where one fails again and again. And as
 * catch_up_watch(). */
MUST_CHECK bool follower_works(struct upgrade *u, bool *ret, struct err *e);
/* What the log of its writer says last of an error; "" where there is none, or it cannot be read. */
const char *follower_log_error(struct upgrade *u);

/* ---- catch_up.c: how it goes ---- */

/* One look at every slot of the run, with a side that follows: told once a minute in the journal and the
 * log. Fails with AUR0215 where a slot is gone or lost, and with AUR0218 where somebody stands in the way who
 * will not go by himself: a lock on that side held for ten minutes by one session, a slot that nobody reads
 * for five. That it falls behind is told and no failure. */
MUST_CHECK bool catch_up_watch(struct upgrade *u, struct err *e);
/* What the last look came to, in a sentence; "": there was none. Valid until the next. */
const char *catch_up_progress(const struct upgrade *u);

/* ---- change_watch.c: DDL on production, which nothing replicates ---- */

/* The catalogue of every database is written down before its slot is made, and renewed as long as there is no
 * clone. A database that came behind the clone: AUR0222. */
bool catalogue_noted(struct upgrade *u, bool *ret, struct err *e);
bool catalogue_note(struct upgrade *u, struct err *e);
/* It is as noted; or what was changed is on the clone, too, and is noted. Else AUR0219, which names each. */
bool catalogue_same(struct upgrade *u, bool *ret, struct err *e);
bool catalogue_accept(struct upgrade *u, struct err *e);
/* The same, but nothing is noted: for who only looks, after a look. *ret: nothing has to be done on the
 * clone.
 */
bool catalogue_on_both(struct upgrade *u, bool *ret, struct err *e);
/* Behind the comparison of rows: as noted, else AUR0220. */
bool catalogue_check(struct upgrade *u, bool *ret, struct err *e);
/* Behind the switch: what came between the last look and the fence (a transaction that was open meanwhile) is
 * in production, too, else AUR0221; that it was so once is noted on the old side, and what production's
 * catalogue becomes afterwards is its own affair. An old side that is gone, stopped or on its way is not
 * asked. */
bool catalogue_carried(struct upgrade *u, bool *ret, struct err *e);
bool catalogue_carried_note(struct upgrade *u, struct err *e);

#endif
