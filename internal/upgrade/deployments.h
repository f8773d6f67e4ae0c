/* deployments.h — which deployments have a cluster on one of their sides, listed once for all who ask at the
 * same time.
 *
 * Whoever does not know its deployment's identifier yet has to read all of the Region's: a thousand upgrades
 * that begin together would read a thousand lists of a thousand. Here one of them asks AWS and the others get
 * the same answer, but never one that was asked for before they came: a listing that has begun is not joined,
 * the next one is. So an answer is as fresh as one's own would be; nothing is kept when nobody waits. A
 * failure is told to all who waited for that answer. Threads: any number; process-wide, apart for each client
 * and Region.
 */
#ifndef AURORA_UPGRADE_DEPLOYMENTS_H
#define AURORA_UPGRADE_DEPLOYMENTS_H

#include "internal/aws/rds.h"

struct deployment_row {
    const char *identifier, *source, *target, *status; /* live only during the call of `each` */
};

/* `each` is called with a lock held: it compares and copies, and calls nothing that may wait. */
MUST_CHECK bool deployments_each(const struct aws_session *s,
                                 void (*each)(void *arg, const struct deployment_row *d), void *arg,
                                 struct err *e);

#endif
