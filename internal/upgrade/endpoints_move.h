/* endpoints_move.h — custom endpoints at a roll-back in place: made again on the cluster that takes the name.
 *
 * A name is unique in its Region, can be moved by no call, and a cluster has at most ENDPOINTS_MAX of them.
 * So each endpoint gets a copy under another name, which bears type, members and tags and says whose it is
 * (TAG_TWIN_OF): that is all the memory there is, and any apply goes on from it. Once the copy is there the
 * original goes, before any name moves: else it would go on leading to the cluster that is put aside. At the
 * end it is made again from its copy, which goes then. The last place of the restored cluster stays free for
 * that; what has no place there waits on the other side.
 *
 * Pure: what to do next follows from what is there.
 */
#ifndef AURORA_UPGRADE_ENDPOINTS_MOVE_H
#define AURORA_UPGRADE_ENDPOINTS_MOVE_H

#include <stdbool.h>
#include <stddef.h>

enum { ENDPOINTS_MAX = 5 }; /* custom endpoints of a cluster; Aurora user guide, "Quotas" */

struct moving_endpoint {
    const char *name, *twin_of; /* twin_of: it is the copy of that one; NULL: it is none */
    bool is_available;
};
struct moving_side {
    struct moving_endpoint list[ENDPOINTS_MAX];
    size_t n;
};

enum move_phase { MOVE_COPY, MOVE_LEAVE, MOVE_ARRIVE }; /* before names move, first of it, last of it */
enum move_act { MOVE_DONE, MOVE_WAIT, MOVE_COPY_THERE, MOVE_COPY_HERE, MOVE_REMOVE, MOVE_MAKE };
struct move {
    enum move_act act;
    bool of_new; /* the endpoint that is copied, removed or made from is the restored cluster's */
    size_t index;
};
struct move endpoints_next(enum move_phase phase, const struct moving_side *old_side,
                           const struct moving_side *new_side);

#endif
