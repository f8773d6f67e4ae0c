/* maintenance.h — pending maintenance: what AWS would do to a cluster or instance in its next window. Nothing
 * here puts such an action on by itself; the control verb does. */
#ifndef SANDBOX_MAINTENANCE_H
#define SANDBOX_MAINTENANCE_H

#include "acceptance-tests/sandbox/sandbox.h"

/* With the lock: {resource, action, description, auto_applied_after, forced_apply, clear} of the verb. The
 * resource is a cluster or an instance, by identifier or ARN. *ret: its actions, a new array. */
MUST_CHECK bool maintenance_set(struct sandbox *sb, const json_t *in, json_t **ret, struct err *e);

#endif
