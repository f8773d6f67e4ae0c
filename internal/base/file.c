#include "internal/base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

static void close_fd(int *fd)
{
    if (*fd >= 0)
        (void)close(*fd);
}

bool file_read(struct arena *a, const char *path, size_t max, struct str *ret, struct err *e)
{
    int fd CLEANUP(close_fd) = open(path, O_RDONLY | O_CLOEXEC);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) != 0)
        return err_errno(e, errno, "read %s", path);
    if (!S_ISREG(st.st_mode))
        return err_set(e, ERR_INVALID, "read %s: not a regular file", path);
    if (st.st_size < 0 || (size_t)st.st_size > max)
        return err_set(e, ERR_INVALID, "read %s: larger than %zu bytes", path, max);
    size_t size = (size_t)st.st_size, n = 0;
    char *data = arena_alloc(a, size + 1);
    while (n < size) {
        ssize_t got = read(fd, data + n, size - n);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return err_errno(e, errno, "read %s", path);
        if (got == 0)
            break;
        n += (size_t)got;
    }
    *ret = (struct str){data, n};
    return true;
}

static bool write_all(int fd, const char *p, size_t n)
{
    while (n > 0) {
        ssize_t put = write(fd, p, n);
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return false;
        p += put;
        n -= (size_t)put;
    }
    return true;
}

bool file_replace(const char *path, const void *data, size_t n, unsigned mode, struct err *e)
{
    char beside[PATH_MAX], suffix[9];
    random_name(suffix, 8);
    if ((size_t)snprintf(beside, sizeof beside, "%s.%s", path, suffix) >= sizeof beside)
        return err_set(e, ERR_INVALID, "write %s: path too long", path);
    int fd CLEANUP(close_fd) = open(beside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    if (fd < 0)
        return err_errno(e, errno, "write %s", path);
    if (!write_all(fd, data, n) || fsync(fd) != 0 || rename(beside, path) != 0) {
        int reason = errno;
        (void)unlink(beside);
        return err_errno(e, reason, "write %s", path);
    }
    return true;
}

bool dir_make(const char *path, struct err *e)
{
    char part[PATH_MAX];
    size_t n = strlen(path);
    if (n == 0 || n >= sizeof part)
        return err_set(e, ERR_INVALID, "make folder: path empty or too long");
    memcpy(part, path, n + 1);
    for (size_t i = 1; i <= n; i++) {
        if (part[i] != '/' && part[i] != '\0')
            continue;
        char kept = part[i];
        part[i] = '\0';
        if (mkdir(part, 0700) != 0 && errno != EEXIST)
            return err_errno(e, errno, "make folder %s", part);
        part[i] = kept;
    }
    return true;
}

void random_bytes(void *out, size_t n)
{
    for (size_t done = 0; done < n;) {
        ssize_t got = getrandom((char *)out + done, n - done, 0);
        if (got < 0 && errno != EINTR) {
            (void)fputs("panic: the kernel gives no random bytes\n", stderr);
            abort();
        }
        done += got > 0 ? (size_t)got : 0;
    }
}

void random_name(char *out, size_t n)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789";
    for (size_t i = 0; i < n;) {
        unsigned char byte;
        random_bytes(&byte, 1);
        if (byte < 252) /* 7 × 36: no letter more likely than another */
            out[i++] = letters[byte % 36];
    }
    out[n] = '\0';
}
