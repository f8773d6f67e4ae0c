/* change.h — what has become of a database's catalogue since a moment that was written down.
 *
 * A logical upgrade replicates rows, no DDL. So production's catalogue is written down before its slot is
 * made, as a fact beside the slot (logical.h), and compared with what it is: a hash per object, made by the
 * server, of the same texts as pg_fingerprint()'s, and per table what tells it from another of the same
 * definition: its oid, and which transactions wrote its columns. So a table that was dropped and made again,
 * or whose rows ALTER TABLE has rewritten, is found where definitions are as before.
 *
 * No difference: rows, TRUNCATE (which is replicated), statistics, VACUUM FULL, CLUSTER, temporary objects,
 * values of sequences, what is of aurora_upgrade, AWS or PostgreSQL, members and versions of extensions. A
 * new partition is one: rows that go there find nothing on the other side.
 */
#ifndef AURORA_PG_CHANGE_H
#define AURORA_PG_CHANGE_H

#include "internal/pg/catalog.h"

/* As pg_fingerprint; comparable with one of the same server only. */
MUST_CHECK bool pg_catalogue(struct pg *c, struct arena *a, struct pg_fingerprint *ret, struct err *e);

/* Needs pg_facts_make() before, and a `writable` session. The last one counts. */
MUST_CHECK bool pg_catalogue_note(struct pg *c, const struct pg_fingerprint *now, struct err *e);
/* Was one ever noted; is it this one (NULL: not asked)? Cheap beside reading what was noted. */
MUST_CHECK bool pg_catalogue_is_noted(struct pg *c, const struct pg_fingerprint *now, bool *ret_noted,
                                      bool *ret_same, struct err *e);
/* ERR_NOT_FOUND: none was noted, or not by a version of ours that wrote it like that. */
MUST_CHECK bool pg_catalogue_noted(struct pg *c, struct arena *a, struct pg_fingerprint *ret, struct err *e);

enum pg_change_kind {
    PG_CHANGE_ADDED,
    PG_CHANGE_DROPPED,
    PG_CHANGE_ALTERED,
    PG_CHANGE_REMADE /* a table like the one before: made anew, or its columns rewritten */
};
struct pg_change {
    enum pg_change_kind kind;
    const char *aspect; /* of struct pg_fingerprint */
    const char *object; /* "public.t.x" */
};
/* What goes with an object that was added or dropped (its columns, privileges) is not repeated. */
void pg_catalogue_changes(struct arena *a, const struct pg_fingerprint *before,
                          const struct pg_fingerprint *now, const struct pg_change **ret, size_t *ret_n);
/* What a fence changes by itself (fence.h): who may do what with the database. */
bool pg_change_is_of_fence(const struct pg_change *change);
/* "column public.t.x was added" */
const char *pg_change_text(struct arena *a, const struct pg_change *change);
/* " (now "bigint", there "integer")": what the object is on either side; "" where that says nothing. */
const char *pg_change_sides(struct arena *a, const struct pg_change *change,
                            const struct pg_fingerprint *old_side, const struct pg_fingerprint *new_side);
/* Is the object the same on both sides (pg_fingerprint of each)? A table that was remade may differ in its
 * rows only: yes. */
bool pg_change_is_on_both(const struct pg_change *change, const struct pg_fingerprint *old_side,
                          const struct pg_fingerprint *new_side);

#endif
