/* old_sides.h — which clusters bear the tag "old side of …", for all operations of one configured provider.
 *
 * That tag is the only trace of an old cluster once its deployment is gone, and AWS has no filter for tags of
 * clusters (DescribeDBClusters: clone-group-id, db-cluster-id, db-cluster-resource-id, domain, engine): all
 * of them have to be read. A configuration of a hundred upgrades would do so a hundred times at once, so one
 * answer per Region serves everybody who asks within OLD_SIDES_MS of the moment it was asked for; a refusal
 * serves only who asked. Threads: any number; one of them asks AWS, the others wait and look at their stop
 * token. What changed in the meantime is seen by resource id, not here.
 */
#ifndef AURORA_UPGRADE_OLD_SIDES_H
#define AURORA_UPGRADE_OLD_SIDES_H

#include "internal/aws/aws.h"

enum { OLD_SIDES_MS = 10000 };

struct old_sides;
struct old_sides *old_sides_new(struct clock *clock);
void old_sides_free(struct old_sides *k); /* nobody may be asking */
DEFINE_CLEANUP(struct old_sides, old_sides_cleanup, old_sides_free)

/* The resource id of the old side of `cluster`, in the session's arena; NULL: there is none. */
MUST_CHECK bool old_sides_find(struct old_sides *k, const struct aws_session *s, const char *cluster,
                               const char **ret_resource_id, struct err *e);

#endif
