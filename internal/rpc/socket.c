#include "internal/rpc/socket.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* '|' separates the handshake's fields, '%' escapes in gRPC addresses, quotes end the reattach JSON. */
static bool is_usable(const char *base)
{
    if (base[0] != '/' || strpbrk(base, "|%\"\\"))
        return false;
    for (const char *p = base; *p; p++)
        if ((unsigned char)*p < 0x20 || *p == 0x7f)
            return false;
    return true;
}

static bool make_under(const char *base, struct socket_path *ret)
{
    struct socket_path s;
    int n = snprintf(s.directory, sizeof s.directory, "%s/plugin-XXXXXX", base);
    if (n < 0 || (size_t)n + strlen("/rpc") >= sizeof s.directory) {
        errno = ENAMETOOLONG;
        return false;
    }
    if (!mkdtemp(s.directory))
        return false;
    memcpy(s.socket, s.directory, (size_t)n);
    memcpy(s.socket + n, "/rpc", sizeof "/rpc");
    *ret = s;
    return true;
}

bool socket_path_make(const char *const *bases, size_t count, struct socket_path *ret, struct err *e)
{
    int why = EINVAL;
    for (size_t i = 0; i < count; i++) {
        if (!bases[i] || !is_usable(bases[i]))
            continue;
        if (make_under(bases[i], ret))
            return true;
        why = errno;
    }
    return err_errno(e, why, "make a directory for the plugin's socket");
}

bool socket_path_default(struct socket_path *ret, struct err *e)
{
    const char *const bases[] = {getenv("PLUGIN_UNIX_SOCKET_DIR"), getenv("TMPDIR"), "/tmp", "/var/tmp",
                                 "/dev/shm"};
    if (!socket_path_make(bases, ARRAY_LEN(bases), ret, e)) {
        (void)err_hint(e, "Set TMPDIR to a directory that can be written, with a path under 80 characters.");
        return false;
    }
    return true;
}

void socket_path_remove(const struct socket_path *s)
{
    if (!s->directory[0])
        return;
    (void)unlink(s->socket);
    (void)rmdir(s->directory);
}
