/* logical_switch.h — the second half of a logical upgrade: production becomes the clone, and a way back stays
 * open. The tables are in provider/flow_logical_upgrade.c and provider/flow_logical_return.c.
 *
 * The cutover (cutover.c) is one row, so that nothing but PostgreSQL is waited for while nobody can write.
 * Its phases, each of which is undone if a later one fails, or max_write_outage is over, or Stop is
 * requested:
 *
 * 1. fence: nobody but us can connect to the side that is left; what its access lists were is written down
 *    there first (internal/pg/fence.h).
 * 2. tables: whatever is sent is taken on the other side, or its rows would be dropped without a word.
 * 3. drain and sequences: no transaction runs on the whole server; a marker written then has arrived on the
 *    other side, which applies commits in their order, and with it everything before it. Sequences are
 *    carried exactly, read back and compared.
 * 4. changed rows: those that changed since all rows were compared, and were not compared before the fence,
 * are the same on both sides (changed.h).
 * 5. way back: the replication that ends is disabled, and a slot for the other direction made, before anybody
 *    can write there.
 * 6. proof: no transaction id was given out on the side that is left but to our own markers, or the slot that
 *    was followed holds no change since.
 *
 * The point of no return is a tag on the cluster that takes over. From there on it goes forward only: names
 * move (switch_names.c, rename.c), or stay where they are (names_stay.c); the side that is left stays fenced
 * and follows.
 *
 * A process that dies before the tag leaves a fence: the first row of the next walk lifts it, so does
 * `unfence`. One that dies behind it is continued by the next apply, from any machine: which cluster is which
 * is found by tags alone.
 *
 * Facts: PostgreSQL chapters 29 and 54; measured in the project's findings, 1c, 4 and 6. RDS API 2014-10-31
 * (ModifyDBCluster, ModifyDBInstance: NewDBInstanceIdentifier).
 */
#ifndef AURORA_UPGRADE_LOGICAL_SWITCH_H
#define AURORA_UPGRADE_LOGICAL_SWITCH_H

#include "internal/upgrade/logical.h"

/* Of slots on the new side; the database's oid follows. */
#define LOGICAL_BACK_PREFIX "aurora_upgrade_back_"

/* ---- fence.c, and cutover.c: cutover_run ---- */

/* Every relation that is sent is taken: one made since the subscription was is dropped without a word. */
bool taken_check(struct upgrade *u, bool *ret, struct err *e);
/* What would make the fence leak or wait in vain, in every database. */
bool fence_check(struct upgrade *u, bool *ret, struct err *e);
/* Before the point of no return: no fence of an earlier apply stands, and the clone follows again. */
bool fence_lifted(struct upgrade *u, bool *ret, struct err *e);
bool fence_lift(struct upgrade *u, struct err *e);
/* Behind it, until the first name has moved: the fence that was proved still stands. */
bool fence_stands(struct upgrade *u, bool *ret, struct err *e);
/* The window is open, the clone available and at most max_lag behind, at one moment. */
bool clone_ready_to_switch(struct upgrade *u, bool *ret, struct err *e);
/* To the side that follows: the clone, or back to the old side. */
bool cutover_run(struct upgrade *u, struct err *e);

/* ---- switch_names.c: who is who while names move, and what is written on them ---- */

/* Part of a look. */
MUST_CHECK bool switch_look(struct upgrade *u, struct world *w, struct err *e);
/* Does a name of this cluster belong to nobody, or to another than it will, at this moment or in the next?
 * Needs no operation; for who reads the cluster. */
MUST_CHECK bool switch_names_move(const struct aws_session *s, const char *cluster,
                                  const struct rds_cluster *production, bool *ret, struct err *e);
/* Behind the point of no return, as long as no name has moved: takes the decision back, before anything is
 * opened. AUR0237: names move already. Not there: success. */
bool switch_take_back(struct upgrade *u, struct err *e);
bool switch_done(struct upgrade *u, bool *ret, struct err *e);
bool return_done(struct upgrade *u, bool *ret, struct err *e);
/* Nobody has the names that the old side gets. */
bool old_names_check(struct upgrade *u, bool *ret, struct err *e);
bool not_switching_check(struct upgrade *u, bool *ret, struct err *e);
bool clone_settings_same(struct upgrade *u, bool *ret, struct err *e); /* tags included */
bool clone_settings_carry(struct upgrade *u, struct err *e);
bool old_noted_down(struct upgrade *u, bool *ret, struct err *e);
bool old_note_down(struct upgrade *u, struct err *e);
bool arriving_untagged(struct upgrade *u, bool *ret, struct err *e);
bool arriving_untag(struct upgrade *u, struct err *e);
bool switched_noted(struct upgrade *u, bool *ret, struct err *e);
bool switched_note(struct upgrade *u, struct err *e);
/* Nothing is put aside any more, or it says that the roll-back is over. */
bool aside_over(struct upgrade *u, bool *ret, struct err *e);
bool old_twins_noted(struct upgrade *u, bool *ret, struct err *e);
bool old_twins_note(struct upgrade *u, struct err *e);

/* ---- names_stay.c ---- */

/* Part of a look at a clone that may have become production under its own name; false: it has not. */
bool names_stay_look(struct world *w, const struct names_way *back);
/* AUR0239: switched in the other way than is asked for. By the last look. */
MUST_CHECK bool endpoint_way_holds(const struct upgrade *u, struct err *e);
bool endpoint_way_check(struct upgrade *u, bool *ret, struct err *e);
/* Of the old side, which is the user's: all that is ours but the access list from before the fence. */
bool old_cleared(struct upgrade *u, bool *ret, struct err *e);
bool old_clear(struct upgrade *u, struct err *e);
bool stay_completed(struct upgrade *u, bool *ret, struct err *e);
bool stay_complete(struct upgrade *u, struct err *e);

/* ---- way_back.c: the old side follows the new one ---- */
bool forward_removed(struct upgrade *u, bool *ret, struct err *e);
bool forward_remove(struct upgrade *u, struct err *e);
bool way_back_made(struct upgrade *u, bool *ret, struct err *e);
bool way_back_make(struct upgrade *u, struct err *e);
bool way_back_marked(struct upgrade *u, bool *ret, struct err *e);
bool way_back_mark(struct upgrade *u, struct err *e);
bool way_back_follows(struct upgrade *u, bool *ret, struct err *e);
bool way_back_caught_up(struct upgrade *u, bool *ret, struct err *e);
bool arriving_opened(struct upgrade *u, bool *ret, struct err *e);
bool arriving_open(struct upgrade *u, struct err *e);
bool subscription_removed(struct upgrade *u, bool *ret, struct err *e);
bool subscription_remove(struct upgrade *u, struct err *e);
bool way_back_remove(struct upgrade *u, struct err *e);

#endif
