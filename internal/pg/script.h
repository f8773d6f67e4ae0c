/* script.h — SQL of the user's own, run as psql would run it. For hooks. */
#ifndef AURORA_PG_SCRIPT_H
#define AURORA_PG_SCRIPT_H

#include "internal/pg/pg.h"

/* One or more statements in one go, in a session that has been given back what server, database and role have
 * set (search_path; read-only default, unless it was opened for reading): without BEGIN of its own all of it
 * happens or nothing. Each statement may take `timeout_ms`, and so may all together. Rows are read and
 * dropped. ERR_INVALID: it copies from or to the client, or leaves a transaction open, which is rolled back.
 */
MUST_CHECK bool pg_run_script(struct pg *c, const char *sql, int64_t timeout_ms, struct err *e);

#endif
