/* lock.h — one upgrade at a time: an advisory lock of the session (PostgreSQL chapter 13.3.5), which writes
 * nothing and which the server gives back when the session ends, however its process ended. Advisory locks
 * belong to one database: all who compete must use the same one.
 */
#ifndef AURORA_PG_LOCK_H
#define AURORA_PG_LOCK_H

#include "internal/pg/pg.h"

/* *ret_held false: another session has it; *ret_holder then says which, in `a` ("process 4711 of \"admin\"
 * (terraform-provider-aurora), since 2026-01-02 03:04:05+00"), "" where the server does not tell. Taking it
 * twice in one session is once. */
MUST_CHECK bool pg_lock_take(struct pg *c, struct arena *a, bool *ret_held, const char **ret_holder,
                             struct err *e);

#endif
