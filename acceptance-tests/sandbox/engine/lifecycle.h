/* lifecycle.h — the pieces of making a volume that creating, cloning and upgrading share. The caller holds
 * the volume's lock.
 */
#ifndef SANDBOX_ENGINE_LIFECYCLE_H
#define SANDBOX_ENGINE_LIFECYCLE_H

#include "acceptance-tests/sandbox/engine/volume.h"

/* initdb as the servers' user. */
MUST_CHECK bool data_init(struct engine *g, const struct major *m, const char *data, bool checksums,
                          struct err *e);
/* bootstrap.sql in every database of the running volume. */
MUST_CHECK bool volume_bootstrap(struct engine *g, struct volume *v, struct err *e);
/* The volume made in the hidden folder gets its name and exists from now on. */
MUST_CHECK bool volume_publish(struct engine *g, struct volume *v, int major, struct err *e);

#endif
