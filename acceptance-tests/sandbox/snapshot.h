/* snapshot.h — snapshots are volumes that never start: "_volume" is the engine's name of one. */
#ifndef SANDBOX_SNAPSHOT_H
#define SANDBOX_SNAPSHOT_H

#include "acceptance-tests/sandbox/cluster.h"

/* With the lock. */
MUST_CHECK bool snapshot_check_name(struct call *c, const char *member); /* legal and free */
/* A record in status creating, added to the store. type: "manual" or "automated". */
json_t *snapshot_new(struct sandbox *sb, const json_t *cluster, const char *id, const char *type);

/* Without the lock. Copies the cluster's volume; tolerates a cluster that never had one. */
MUST_CHECK bool snapshot_copy_volume(struct sandbox *sb, const char *resource, const char *volume,
                                     struct err *e);
/* Status available, with its event. Always true. */
bool snapshot_finish(struct sandbox *sb, const char *volume);

#endif
