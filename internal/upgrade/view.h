/* view.h — an upgrade seen with a clone in production's place, so that rows written for production serve for
 * a clone of it, and can reach nothing else: whatever such a row asks for, it gets the clone's endpoint.
 *
 * A view has no run of its own: no snapshot, no deployment, no old side. It takes the parameter groups that
 * the upgrade itself would take. Its world is read anew by the row that it is given to; between two rows
 * nothing is held (clone_view_rest), since there may be hours.
 */
#ifndef AURORA_UPGRADE_VIEW_H
#define AURORA_UPGRADE_VIEW_H

#include "internal/upgrade/upgrade.h"

struct clone_view {
    struct upgrade *of;
    struct upgrade view;
    bool is_open;
};

/* After a look at the world; `clone` is of that look. The first call decides which clone. */
struct upgrade *clone_view(struct clone_view *v, struct upgrade *u, const struct rds_cluster *clone);
void clone_view_rest(struct upgrade *view);
/* With the operation. */
void clone_view_end(struct clone_view *v);

#endif
