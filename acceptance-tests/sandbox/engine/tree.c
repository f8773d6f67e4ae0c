#include "acceptance-tests/sandbox/engine/tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#define DEPTH_MAX 32 /* a data directory has five levels */

static void close_fd(int *fd)
{
    if (*fd >= 0)
        (void)close(*fd);
}

DEFINE_CLEANUP(DIR, dir_cleanup, (void)closedir)

static bool is_dot(const char *name)
{
    return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

bool tree_exists(const char *path)
{
    struct stat st;
    return lstat(path, &st) == 0;
}

bool tree_rename(const char *from, const char *to, struct err *e)
{
    return rename(from, to) == 0 || err_errno(e, errno, "rename %s to %s", from, to);
}

bool tree_make(const char *path, unsigned mode, struct err *e)
{
    char part[PATH_MAX];
    size_t n = strlen(path);
    if (n == 0 || n >= sizeof part)
        return err_set(e, ERR_INVALID, "make folder: path empty or too long");
    for (size_t i = 1; i <= n; i++) {
        if (path[i] != '/' && path[i] != '\0')
            continue;
        memcpy(part, path, i);
        part[i] = '\0';
        if (mkdir(part, mode) != 0 && errno != EEXIST)
            return err_errno(e, errno, "make folder %s", part);
    }
    return true;
}

static bool give(int fd, const char *path, const struct account *account, struct err *e)
{
    if (account->change && fchown(fd, account->uid, account->gid) != 0)
        return err_errno(e, errno, "give %s to user %s", path, account->name);
    return true;
}

bool tree_make_private(const char *path, const struct account *account, struct err *e)
{
    if (mkdir(path, 0700) != 0 && errno != EEXIST)
        return err_errno(e, errno, "make folder %s", path);
    int fd CLEANUP(close_fd) = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return err_errno(e, errno, "open folder %s", path);
    if (fchmod(fd, 0700) != 0)
        return err_errno(e, errno, "set the mode of %s", path);
    return give(fd, path, account, e);
}

/* ---- removing ---- */

static bool remove_inside(int parent, const char *name, int depth)
{
    if (unlinkat(parent, name, 0) == 0 || errno == ENOENT)
        return true;
    if ((errno != EISDIR && errno != EPERM) || depth == DEPTH_MAX)
        return false;
    int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *d CLEANUP(dir_cleanup) = fd >= 0 ? fdopendir(fd) : NULL;
    if (!d)
        return false;
    for (struct dirent *x; (x = readdir(d));)
        if (!is_dot(x->d_name) && !remove_inside(fd, x->d_name, depth + 1))
            return false;
    return unlinkat(parent, name, AT_REMOVEDIR) == 0 || errno == ENOENT;
}

bool tree_remove(const char *path, struct err *e)
{
    return remove_inside(AT_FDCWD, path, 0) || err_errno(e, errno, "remove %s", path);
}

/* ---- copying ---- */

static bool move_bytes(int from, int to)
{
    if (ioctl(to, FICLONE, from) == 0)
        return true;
    for (;;) {
        ssize_t n = copy_file_range(from, NULL, to, NULL, 64 * 1024 * 1024, 0);
        if (n == 0)
            return true;
        if (n < 0 && errno != EINTR)
            break;
    }
    if (errno != EXDEV && errno != EINVAL && errno != EOPNOTSUPP && errno != ENOSYS)
        return false;
    char piece[128 * 1024];
    for (ssize_t n; (n = read(from, piece, sizeof piece)) != 0;) {
        if (n < 0 && errno != EINTR)
            return false;
        for (ssize_t done = 0, put; n > 0 && done<n; done += put> 0 ? put : 0)
            if ((put = write(to, piece + done, (size_t)(n - done))) < 0 && errno != EINTR)
                return false;
    }
    return true;
}

static bool copy_at(int from_dir, int to_dir, const char *name, const struct tree_copy *c, struct err *e)
{
    int from CLEANUP(close_fd) = openat(from_dir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (from < 0 && errno == ENOENT && c->live)
        return true;
    if (from < 0)
        return err_errno(e, errno, "read %s in %s", name, c->from);
    int to CLEANUP(close_fd) = openat(to_dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    struct stat st;
    if (to < 0 || !move_bytes(from, to) || fstat(to, &st) != 0)
        return err_errno(e, errno, "copy %s to %s", name, c->to);
    if (c->sum) {
        c->sum->files++;
        c->sum->bytes += (uint64_t)st.st_size;
    }
    return give(to, name, c->account, e);
}

static bool copy_inside(int from_dir, int to_dir, const char *under, const struct tree_copy *c, int depth,
                        struct err *e);

static bool copy_folder(int from_dir, int to_dir, const char *path, const char *name,
                        const struct tree_copy *c, int depth, struct err *e)
{
    int from CLEANUP(close_fd) = openat(from_dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (from < 0 && errno == ENOENT && c->live)
        return true;
    if (from < 0 || depth == DEPTH_MAX)
        return err_errno(e, from < 0 ? errno : ELOOP, "read folder %s in %s", path, c->from);
    if (mkdirat(to_dir, name, 0700) != 0)
        return err_errno(e, errno, "make folder %s in %s", path, c->to);
    int to CLEANUP(close_fd) = openat(to_dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (to < 0)
        return err_errno(e, errno, "open folder %s in %s", path, c->to);
    if (!give(to, path, c->account, e))
        return false;
    return (c->empty && c->empty(path)) || copy_inside(from, to, path, c, depth + 1, e);
}

static bool copy_entry(int from_dir, int to_dir, const char *under, const struct dirent *x,
                       const struct tree_copy *c, int depth, struct err *e)
{
    char path[PATH_MAX];
    struct stat st;
    if ((size_t)snprintf(path, sizeof path, "%s%s%s", under, *under ? "/" : "", x->d_name) >= sizeof path)
        return err_set(e, ERR_INVALID, "path too long in %s", c->from);
    if (fstatat(from_dir, x->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return (errno == ENOENT && c->live) || err_errno(e, errno, "look at %s in %s", path, c->from);
    bool folder = S_ISDIR(st.st_mode);
    if (c->skip && c->skip(path, folder))
        return true;
    if (folder)
        return copy_folder(from_dir, to_dir, path, x->d_name, c, depth, e);
    if (S_ISREG(st.st_mode))
        return copy_at(from_dir, to_dir, x->d_name, c, e);
    return S_ISSOCK(st.st_mode) ||
           err_set(e, ERR_INVALID, "%s in %s is neither file nor folder", path, c->from);
}

static bool copy_inside(int from_dir, int to_dir, const char *under, const struct tree_copy *c, int depth,
                        struct err *e)
{
    DIR *d CLEANUP(dir_cleanup) = fdopendir(fcntl(from_dir, F_DUPFD_CLOEXEC, 0));
    if (!d)
        return err_errno(e, errno, "read folder %s/%s", c->from, under);
    for (struct dirent *x; (x = readdir(d));)
        if (!is_dot(x->d_name) && !copy_entry(from_dir, to_dir, under, x, c, depth, e))
            return false;
    return true;
}

bool tree_copy(const struct tree_copy *c, struct err *e)
{
    int from CLEANUP(close_fd) = open(c->from, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (from < 0)
        return err_errno(e, errno, "read folder %s", c->from);
    if (!tree_make_private(c->to, c->account, e))
        return false;
    int to CLEANUP(close_fd) = open(c->to, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (to < 0)
        return err_errno(e, errno, "open folder %s", c->to);
    return copy_inside(from, to, "", c, 0, e);
}

bool tree_copy_file(const char *from, const char *to, const struct account *account, bool live, struct err *e)
{
    int in CLEANUP(close_fd) = open(from, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (in < 0)
        return (errno == ENOENT && live) || err_errno(e, errno, "read %s", from);
    int out CLEANUP(close_fd) = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (out < 0 || !move_bytes(in, out))
        return err_errno(e, errno, "copy %s to %s", from, to);
    return give(out, to, account, e);
}
