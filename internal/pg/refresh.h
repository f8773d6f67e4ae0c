/* refresh.h — materialized views of a database whose tables are replicated into: nothing replicates them.
 *
 * Those that hold data are refreshed, in the order in which they build on each other. What PostgreSQL refuses
 * (rights, or a definition that fails) keeps its data and is told.
 */
#ifndef AURORA_PG_REFRESH_H
#define AURORA_PG_REFRESH_H

#include "internal/pg/pg.h"

/* How many there are that hold data. */
MUST_CHECK bool pg_views_count(struct pg *c, int64_t *ret, struct err *e);
/* ret_refused: "public.v: permission denied …", one each, in `a`; a lost connection or a stop is a failure.
 */
MUST_CHECK bool pg_views_refresh(struct pg *c, struct arena *a, const char ***ret_refused, size_t *ret_n,
                                 struct err *e);

#endif
