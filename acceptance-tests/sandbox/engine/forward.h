/* forward.h — carries connections from endpoints to servers; one thread with epoll(7).
 *
 * An endpoint listens on an address of its own and connects each client to the server of the volume it points
 * at, on the address that makes the server treat the session as a writer's or a reader's. Bytes pass
 * untouched: TLS is between client and server. When the target changes, what the old server has already said
 * is still delivered, then the connection is closed. A held endpoint, and any endpoint whose volume is held,
 * leaves new clients in the kernel's accept queue. Thread-safe.
 */
#ifndef SANDBOX_ENGINE_FORWARD_H
#define SANDBOX_ENGINE_FORWARD_H

#include "acceptance-tests/sandbox/engine/volume.h"

MUST_CHECK bool forward_new(struct engine *g, struct forward **ret, struct err *e);
void forward_free(struct forward *f); /* cuts everything; NULL allowed */

struct forward_point {
    int octet, port;       /* where it listens: 127.A.B.octet */
    struct volume *target; /* NULL: nowhere */
    enum endpoint_mode mode;
};
MUST_CHECK bool forward_set(struct forward *f, const char *name, const struct forward_point *p,
                            struct err *e);
void forward_hold(struct forward *f, const char *name, bool hold);
void forward_remove(struct forward *f, const char *name);
size_t forward_count(struct forward *f, const char *name);
/* Holds or releases every endpoint that points, or will point, at this volume. Counts. */
void forward_hold_volume(struct forward *f, struct volume *v, bool hold);
/* Cuts what leads to this volume and points its endpoints nowhere. */
void forward_forget(struct forward *f, struct volume *v);

#endif
