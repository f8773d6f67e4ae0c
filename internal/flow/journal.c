#include "internal/flow/journal.h"
#include "internal/base/buf.h"
#include "internal/base/file.h"
#include "internal/base/log.h"
#include "internal/base/utf8.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LINE_MAX_BYTES = 16 * 1024 };

struct journal {
    int fd;
    int broken; /* errno of the first line that could not be written */
    struct clock *clock;
    char *path; /* owned */
    char op[64];
};

bool journal_open(const char *dir, const char *cluster, const char *op, struct clock *clock,
                  struct journal **ret, struct err *e)
{
    char when[TIME_ISO_SIZE], unique[7];
    if (!dir_make(dir, e))
        return err_wrap(e, "open the journal");
    struct journal *j = calloc(1, sizeof *j);
    if (!j)
        abort();
    time_iso(clock->wall_ms(clock), false, when);
    random_name(unique, 6);
    if (asprintf(&j->path, "%s/%s-%s-%s.ndjson", dir, cluster, when, unique) < 0)
        abort();
    (void)snprintf(j->op, sizeof j->op, "%s", op);
    j->clock = clock;
    j->fd = open(j->path, O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0600);
    if (j->fd < 0) {
        (void)err_errno(e, errno, "open the journal %s", j->path);
        free(j->path);
        free(j);
        return false;
    }
    *ret = j;
    return true;
}

void journal_close(struct journal *j)
{
    if (!j)
        return;
    if (j->fd >= 0)
        (void)close(j->fd);
    free(j->path);
    free(j);
}

const char *journal_path(const struct journal *j)
{
    return j ? j->path : "";
}

bool journal_whole(const struct journal *j, struct err *e)
{
    return !j || !j->broken || err_errno(e, j->broken, "write the journal %s", j->path);
}

static void add_member(struct buf *b, const char *name, const char *text)
{
    char clean[4096];
    (void)snprintf(clean, sizeof clean, "%s", text);
    utf8_clean(clean);
    log_mask(clean);
    (void)buf_printf(b, ",\"%s\":\"", name);
    for (const char *p = clean; *p; p++) {
        if (*p == '"' || *p == '\\')
            (void)buf_printf(b, "\\%c", *p);
        else if ((unsigned char)*p < 0x20)
            (void)buf_printf(b, "\\u%04x", (unsigned)*p);
        else
            (void)buf_add(b, p, 1);
    }
    (void)buf_puts(b, "\"");
}

/* Part of a line is written where the disk, or what a file may grow to, ends within it. */
static bool write_line(int fd, const struct buf *line)
{
    ssize_t n = write(fd, line->p, line->n);
    if (n >= 0 && (size_t)n < line->n)
        errno = ENOSPC;
    return n == (ssize_t)line->n && fsync(fd) == 0;
}

void journal_event(struct journal *j, const char *step, const char *kind, const char *detail)
{
    if (!j || j->fd < 0)
        return;
    char when[TIME_ISO_SIZE];
    struct buf line = BUF_INIT(LINE_MAX_BYTES);
    time_iso(j->clock->wall_ms(j->clock), true, when);
    (void)buf_printf(&line, "{\"ts\":\"%s\",\"mono_ms\":%lld", when, (long long)j->clock->mono_ms(j->clock));
    add_member(&line, "op", j->op);
    add_member(&line, "step", step);
    add_member(&line, "kind", kind);
    add_member(&line, "detail", detail);
    (void)buf_puts(&line, "}\n");
    if (!write_line(j->fd, &line)) {
        j->broken = errno;
        log_line(LOG_WARN, "journal", "%s cannot be written any more: errno %d", j->path, j->broken);
        (void)close(j->fd);
        j->fd = -1;
    }
    buf_done(&line);
}
