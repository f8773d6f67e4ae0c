/* keeper.h — the one thread that is the servers' parent, so that they are told when we die, whatever thread
 * asked for them and however long that one lives (see child.h). Thread-safe.
 */
#ifndef SANDBOX_ENGINE_KEEPER_H
#define SANDBOX_ENGINE_KEEPER_H

#include "acceptance-tests/sandbox/engine/child.h"

struct keeper;

MUST_CHECK bool keeper_new(struct keeper **ret, struct err *e);
/* Ends the thread; whatever it started and still runs gets its death signal. NULL allowed. */
void keeper_free(struct keeper *k);
MUST_CHECK bool keeper_start(struct keeper *k, const struct child_spec *s, pid_t *ret_pid, struct err *e);

#endif
