/* fence.h — nobody but us writes into this database any more, and how that is taken back.
 *
 * What a master user of Aurora may do (PostgreSQL chapters 5.8, 9.28; measured in the project's findings, 1c
 * and 4): CONNECT is revoked from PUBLIC and from every role that was granted it, the owner included, and
 * every session is ended again and again until none comes any more — a server checks CONNECT before a
 * session shows in pg_stat_activity, so one sweep leaks. default_transaction_read_only is no fence: any
 * session may override it. COMMIT PREPARED needs no session of before: prepared transactions are an obstacle.
 *
 * Only our own user and the login of the subscriptions keep CONNECT. Whoever else uses our user is ended by
 * every sweep, but may come back: pg_fence_obstacles tells of such sessions.
 *
 * The access list as it was is written down as a fact in the same transaction that changes it, so a session
 * that dies leaves the whole fence or none of it. The order of an access list can only be kept as long as no
 * entry becomes empty: an entry that held nothing but CONNECT holds TEMPORARY meanwhile, which is of no use
 * without a session. A list that nobody had touched (null) comes back written out, with the same content.
 *
 * Superusers are nobody's to stop on Aurora (rdsadmin) and do not write into a user's database. All verbs
 * need a `writable` session; ours stays open, and may be the only one.
 */
#ifndef AURORA_PG_FENCE_H
#define AURORA_PG_FENCE_H

#include "internal/pg/pg.h"

/* One line each of what would make the fence leak, be refused, or wait in vain; empty: nothing. `keep` is the
 * login of the subscriptions. Prepared transactions count from an age of `prepared_s` on: before the fence
 * young ones come and go, behind it nobody can end one. */
MUST_CHECK bool pg_fence_obstacles(struct pg *c, struct arena *a, const char *keep, int prepared_s,
                                   const char ***ret, size_t *ret_n, struct err *e);
/* `fact` is the name under which the access list is written down (schema aurora_upgrade must be there). Is
 * up already: success. ERR_DENIED: somebody could still connect, who is named; nothing was changed. */
MUST_CHECK bool pg_fence_raise(struct pg *c, const char *fact, const char *keep, struct err *e);
MUST_CHECK bool pg_fence_is_up(struct pg *c, const char *fact, bool *ret, struct err *e);
/* Ends every session of this database but ours and those of `keep` and of superusers. */
MUST_CHECK bool pg_fence_sweep(struct pg *c, const char *keep, int64_t *ret_ended, struct err *e);
/* Gives everybody back what was written down, and forgets it. Not up: success. *ret_same: the access list is
 * byte for byte what it was; else somebody has changed it meanwhile, and what he did stays. */
MUST_CHECK bool pg_fence_lift(struct pg *c, const char *fact, bool *ret_same, struct err *e);

/* Transaction ids of the whole server, all databases: with xmin = xmax none runs, and the commit records of
 * all that ever ran lie before `at`. */
struct pg_quiet {
    int64_t xmin, xmax;
    lsn_t at;
};
MUST_CHECK bool pg_quiet(struct pg *c, struct pg_quiet *ret, struct err *e);
/* How many changes of rows, and TRUNCATEs, the slot of this database holds from a position on, by the
 * publication: none, though ids were given out, where the server itself took them (autovacuum). The slot
 * stays where it is. SQLSTATE 55006: somebody still reads it. */
MUST_CHECK bool pg_changes_from(struct pg *c, const char *slot, const char *publication, lsn_t from,
                                int64_t *ret, struct err *e);

#endif
