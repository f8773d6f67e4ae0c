/* events.h — what DescribeEvents tells. Texts are those of the RDS event tables; ids are not in the API. */
#ifndef SANDBOX_EVENTS_H
#define SANDBOX_EVENTS_H

#include "acceptance-tests/sandbox/sandbox.h"

enum { EVENTS_MAX = 2000 }; /* the oldest goes first; AWS keeps 14 days */

/* What is recorded is never changed again; saving relies on it (store.c).
 * With the lock held. The source is a record of the store; its kind gives type, identifier and ARN. */
void event_add(struct sandbox *sb, enum kind kind, const json_t *source, const char *category,
               const char *fmt, ...) PRINTF(5, 6);

#endif
