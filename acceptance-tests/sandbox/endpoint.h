/* endpoint.h — custom endpoint records, for those that make them besides CreateDBClusterEndpoint. */
#ifndef SANDBOX_ENDPOINT_H
#define SANDBOX_ENDPOINT_H

#include "acceptance-tests/sandbox/cluster.h"

/* With the lock: a record in status creating, in the store. */
json_t *endpoint_new(struct sandbox *sb, const json_t *cluster, const char *id, const char *address);

#endif
