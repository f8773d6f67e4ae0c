/* outage.h — trouble of servers and connections, on request: a server is killed or paused, connections are
 * cut or left waiting. */
#ifndef SANDBOX_OUTAGE_H
#define SANDBOX_OUTAGE_H

#include "acceptance-tests/sandbox/sandbox.h"

/* Without the lock: {cluster, kind, delay} of the verb. Kinds: kill (the server comes back after `delay`
 * seconds, as Aurora restarts it), pause and resume, cut, hold and release (connections through all endpoints
 * of the cluster). pause and hold end after `delay` seconds; 0: when told. */
MUST_CHECK bool outage_begin(struct sandbox *sb, const json_t *in, struct err *e);

void outage_kinds(struct buf *b); /* for --help */

#endif
