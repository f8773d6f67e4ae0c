/* socket.h — a path for the listening socket, in a directory nobody else can enter.
 *
 * gRPC binds the path itself and unlinks it in an orderly shutdown; the directory is ours to remove. A Unix
 * socket's path ends at 107 bytes, and the path travels inside the handshake line and a gRPC address: a base
 * that is too long, relative, or holds a character with a meaning there is passed over.
 *
 * The CLI kills a plugin that takes too long to end, so directories are left behind; the next plugin under
 * the same base removes them. A directory is in use as long as somebody holds a lock (flock) on it: its
 * process takes one before anything else and keeps it to its end, however that comes. One whose lock was
 * taken by another in between looks whether the directory still stands there, and makes a new one if it does
 * not. Where a file system has no such locks, nothing is removed.
 */
#ifndef AURORA_RPC_SOCKET_H
#define AURORA_RPC_SOCKET_H

#include "internal/base/err.h"

enum { SOCKET_PATH_SIZE = 108 }; /* sizeof(struct sockaddr_un.sun_path), Linux */

struct socket_path {
    char directory[SOCKET_PATH_SIZE]; /* "" = none */
    char socket[SOCKET_PATH_SIZE];
};

/* Makes a new directory, mode 0700, under the first of `bases` that will do, and removes there what dead
 * processes of this user left; NULLs are passed over. The directory's lock is this process's until it ends.
 */
MUST_CHECK bool socket_path_make(const char *const *bases, size_t count, struct socket_path *ret,
                                 struct err *e);

/* PLUGIN_UNIX_SOCKET_DIR, TMPDIR, then the system's short ones. */
MUST_CHECK bool socket_path_default(struct socket_path *ret, struct err *e);

/* Async-signal-safe, any number of times. */
void socket_path_remove(const struct socket_path *s);

#endif
