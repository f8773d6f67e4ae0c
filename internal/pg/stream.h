/* stream.h — what is committed in one database, as long as this session lives: from a temporary slot, which
 * goes with the session, however that ends. Internal.
 *
 * The server keeps WAL for it only until it is taken, which somebody has to do: one that is not read for
 * STREAM_PATIENCE is ended by the server, and the slot with it.
 *
 * Facts: PostgreSQL chapter 55.4 (streaming replication protocol), 55.5.
 */
#ifndef AURORA_PG_STREAM_H
#define AURORA_PG_STREAM_H

#include "internal/pg/pgoutput.h"
#include "internal/pg/query.h"

#define STREAM_PATIENCE "2min"

struct stream;
/* `c` was opened with pg_target.replication, and is owned from here on, failure included. The server waits
 * for every transaction that runs before a slot is ready, at most `wait_ms`: ERR_TIMEOUT. */
MUST_CHECK bool stream_open(struct pg *c, const char *slot, const char *publication, int64_t wait_ms,
                            struct stream **ret, struct err *e);
void stream_close(struct stream *s);

typedef bool stream_taker(void *arg, const struct message *m, struct err *e);
/* Much of what has arrived by now; waits for nothing. *ret_any: something had, and there may be more, which
 * poll(2) does not know of. */
MUST_CHECK bool stream_take(struct stream *s, stream_taker *take, void *arg, bool *ret_any, struct err *e);
/* All commits before it were taken. */
lsn_t stream_position(const struct stream *s);
/* Lets the server say how far it has come. */
MUST_CHECK bool stream_ask(struct stream *s, struct err *e);
int stream_fd(const struct stream *s);

#endif
