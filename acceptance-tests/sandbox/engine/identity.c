#include "acceptance-tests/sandbox/engine/identity.h"

#include "internal/base/arena.h"
#include "internal/base/clock.h"
#include "internal/base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define CONTROL_MAX    512 /* PG_CONTROL_MAX_SAFE_SIZE: one sector holds all of it */
#define CONTROL_MIN    64
#define HEAD_SYSTEM_ID 24 /* behind the header that every page has */

DEFINE_CLEANUP(DIR, dir_cleanup, (void)closedir)

static void close_fd(int *fd)
{
    if (*fd >= 0)
        (void)close(*fd);
}

static uint32_t crc32c(uint32_t state, const uint8_t *p, size_t n)
{
    for (; n; n--) {
        state ^= *p++;
        for (int bit = 0; bit < 8; bit++)
            state = state >> 1 ^ (state & 1 ? 0x82F63B78U : 0);
    }
    return state;
}

/* The struct grows with the majors, so its end is where the checksum of all before it stands. 0: nowhere. */
static size_t crc_offset(const uint8_t *control, size_t n)
{
    uint32_t state = UINT32_MAX, there;
    for (size_t at = 0; at + sizeof there <= n; at += sizeof there) {
        memcpy(&there, control + at, sizeof there);
        if (at >= CONTROL_MIN && there == ~state)
            return at;
        state = crc32c(state, control + at, sizeof there);
    }
    return 0;
}

/* As initdb does it: the time in the upper half, so that later ones are greater. */
static uint64_t new_identifier(void)
{
    uint32_t chance;
    random_bytes(&chance, sizeof chance);
    return (uint64_t)(clock_real()->wall_ms(clock_real()) / 1000) << 32 | chance;
}

static bool renew_control(const char *path, uint64_t fresh, uint64_t *ret_old, struct err *e)
{
    uint8_t control[CONTROL_MAX];
    int fd CLEANUP(close_fd) = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0 || pread(fd, control, sizeof control, 0) != (ssize_t)sizeof control)
        return err_errno(e, errno, "read %s", path);
    size_t end = crc_offset(control, sizeof control);
    if (end == 0)
        return err_set(e, ERR_INVALID, "%s is not a control file of a known form", path);
    memcpy(ret_old, control, sizeof *ret_old);
    memcpy(control, &fresh, sizeof fresh);
    uint32_t crc = ~crc32c(UINT32_MAX, control, end);
    memcpy(control + end, &crc, sizeof crc);
    return pwrite(fd, control, sizeof control, 0) == (ssize_t)sizeof control ||
           err_errno(e, errno, "write %s", path);
}

static bool renew_segment(const char *path, uint64_t old, uint64_t fresh, struct err *e)
{
    uint64_t there;
    int fd CLEANUP(close_fd) = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0 || pread(fd, &there, sizeof there, HEAD_SYSTEM_ID) != (ssize_t)sizeof there)
        return err_errno(e, errno, "read %s", path);
    if (there != old) /* made for later use, and still empty */
        return true;
    return pwrite(fd, &fresh, sizeof fresh, HEAD_SYSTEM_ID) == (ssize_t)sizeof fresh ||
           err_errno(e, errno, "write %s", path);
}

bool identity_renew(const char *data, struct err *e)
{
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    uint64_t old, fresh = new_identifier();
    const char *wal = arena_printf(a, "%s/pg_wal", data);
    DIR *d CLEANUP(dir_cleanup) = opendir(wal);
    if (!d)
        return err_errno(e, errno, "read folder %s", wal);
    if (!renew_control(arena_printf(a, "%s/global/pg_control", data), fresh, &old, e))
        return false;
    for (struct dirent *x; (x = readdir(d));)
        if (strlen(x->d_name) == 24 && strspn(x->d_name, "0123456789ABCDEF") == 24 &&
            !renew_segment(arena_printf(a, "%s/%s", wal, x->d_name), old, fresh, e))
            return false;
    return true;
}
