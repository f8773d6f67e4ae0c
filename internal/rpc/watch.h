/* watch.h — the thread that ends the server when nobody asks for it politely, and the process when the end
 * takes too long.
 *
 * It waits for SIGTERM and SIGHUP, for the death of the parent process (a CLI that was killed sends nothing,
 * and may never have opened a stream), and for the server's own end, from when it counts the grace period of
 * rpc.h. PR_SET_PDEATHSIG would follow the parent's thread, which Go ends at will (golang/go#27505).
 */
#ifndef AURORA_RPC_WATCH_H
#define AURORA_RPC_WATCH_H

#include "internal/rpc/server.h"
#include "internal/rpc/socket.h"

#include <signal.h>

struct watch;

/* Ignores SIGINT, SIGPIPE and SIGXFSZ, blocks what the watch waits for. Before any other thread starts: masks
 * are inherited. In reattach mode SIGINT ends the process. */
void watch_signals(bool is_reattach, sigset_t *ret_waited);

struct watch_options {
    struct server *server;
    const struct socket_path *socket; /* removed before the process is ended the hard way */
    sigset_t signals;
    bool follows_parent; /* false: reattach */
};

MUST_CHECK bool watch_start(const struct watch_options *o, struct watch **ret, struct err *e);
void watch_end(struct watch *w); /* NULL is allowed */
DEFINE_CLEANUP(struct watch, watch_cleanup, watch_end)

#endif
