#include "internal/rpc/socket.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define NAME_START "aurora-plugin-"
#define NAME_END   "XXXXXX" /* as mkdtemp() wants it */
#define SOCKET     "rpc"

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

/* ---- whose a directory is ---- */

static int open_directory(int base, const char *name)
{
    return openat(base, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

/* Whether `fd` is what stands at the name now. */
static bool stands_at(int base, const char *name, int fd)
{
    struct stat have, there;
    return fstat(fd, &have) == 0 && fstatat(base, name, &there, AT_SYMLINK_NOFOLLOW) == 0 &&
           have.st_dev == there.st_dev && have.st_ino == there.st_ino;
}

static bool is_ours(int fd)
{
    struct stat st;
    return fstat(fd, &st) == 0 && st.st_uid == geteuid();
}

/* The descriptor stays open, and the lock with it. False: somebody took the directory for a dead process's.
 */
static bool keep(const char *directory)
{
    int fd = open_directory(AT_FDCWD, directory), done;
    if (fd < 0)
        return false;
    do
        done = flock(fd, LOCK_EX);
    while (done != 0 && errno == EINTR);
    if (stands_at(AT_FDCWD, directory, fd))
        return true;
    (void)close(fd);
    return false;
}

/* With the lock nobody else removes it, and no living process has it. */
static void remove_if_left(int base, const char *name)
{
    int fd = open_directory(base, name);
    if (fd < 0)
        return;
    if (is_ours(fd) && flock(fd, LOCK_EX | LOCK_NB) == 0 && stands_at(base, name, fd)) {
        (void)unlinkat(fd, SOCKET, 0);
        (void)unlinkat(base, name, AT_REMOVEDIR);
    }
    (void)close(fd);
}

static void remove_left(const char *base)
{
    enum {
        LOOKS_MAX = 16384
    }; /* a start must not take long because a folder for everybody's files is full */
    const size_t start = strlen(NAME_START), whole = start + strlen(NAME_END);
    DIR *entries = opendir(base);
    if (!entries)
        return;
    const struct dirent *entry;
    for (int i = 0; i < LOOKS_MAX && (entry = readdir(entries)); i++)
        if (strlen(entry->d_name) == whole && strncmp(entry->d_name, NAME_START, start) == 0)
            remove_if_left(dirfd(entries), entry->d_name);
    (void)closedir(entries);
}

/* ---- making one ---- */

static bool make_under(const char *base, struct socket_path *ret)
{
    enum { TRIES = 100 };
    struct socket_path s;
    int n = 0;
    for (int i = 0; i < TRIES; i++) {
        n = snprintf(s.directory, sizeof s.directory, "%s/" NAME_START NAME_END, base);
        if (n < 0 || (size_t)n + strlen("/" SOCKET) >= sizeof s.directory) {
            errno = ENAMETOOLONG;
            return false;
        }
        if (!mkdtemp(s.directory))
            return false;
        if (!keep(s.directory)) {
            errno = EAGAIN;
            continue;
        }
        memcpy(s.socket, s.directory, (size_t)n);
        memcpy(s.socket + n, "/" SOCKET, sizeof "/" SOCKET);
        *ret = s;
        return true;
    }
    return false;
}

bool socket_path_make(const char *const *bases, size_t count, struct socket_path *ret, struct err *e)
{
    int why = EINVAL;
    for (size_t i = 0; i < count; i++) {
        if (!bases[i] || !is_usable(bases[i]))
            continue;
        if (make_under(bases[i], ret)) {
            remove_left(bases[i]);
            return true;
        }
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
