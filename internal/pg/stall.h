/* stall.h — who holds replication up: on the subscriber whoever the apply worker waits for, on the publisher
 * whoever has a transaction open for long.
 *
 * Reads catalogues and statistics only. What the role may not see of other people's sessions (pg_monitor) is
 * "". Of statements only their shape is told: values are users' data and have no place in messages and logs.
 */
#ifndef AURORA_PG_STALL_H
#define AURORA_PG_STALL_H

#include "internal/pg/pg.h"

enum { PG_HOLDERS_MAX = 5, PG_SHAPE_BYTES = 300 };

struct pg_holder {
    int64_t pid;    /* 0: a prepared transaction, which no process has any more */
    int64_t age_ms; /* of its transaction */
    const char *user, *application, *state, *database;
    const char *table; /* what is waited for, as far as locks tell; quoted, with its schema */
    const char *query; /* the shape of its present or last statement; a prepared transaction's name */
};

/* Those for whose locks the workers of a subscription wait, the longest transaction first, at most
 * PG_HOLDERS_MAX; none: they wait for no lock. */
MUST_CHECK bool pg_apply_blockers(struct pg *c, struct arena *a, const char *subscription,
                                  const struct pg_holder **ret, size_t *ret_n, struct err *e);

/* The oldest transaction of the server that has written: WAL from its beginning on cannot be given back
 * before it ends, whatever a slot has confirmed, and if it is large nothing of it is sent before either.
 * *ret_found false: there is none. */
MUST_CHECK bool pg_oldest_writer(struct pg *c, struct arena *a, struct pg_holder *ret, bool *ret_found,
                                 struct err *e);

/* "process 4711 (psql, app, idle in transaction) for 312 s: UPDATE t SET v = ? WHERE id = ?" */
const char *pg_holder_text(struct arena *a, const struct pg_holder *h);

/* A statement without its values and comments, in one line, cut at PG_SHAPE_BYTES. What cannot be told apart
 * (an unfinished literal, a backslash in a plain one) ends it. */
const char *pg_query_shape(struct arena *a, const char *sql);

#endif
