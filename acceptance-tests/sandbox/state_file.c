#include "acceptance-tests/sandbox/state_file.h"

#include "acceptance-tests/sandbox/change.h"
#include "acceptance-tests/sandbox/json_text.h"
#include "acceptance-tests/sandbox/rec.h"
#include "internal/base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    FILE_MAX = 512 * 1024 * 1024,
    RECORD_MAX = FILE_MAX / 4,
    DIGITS = 8,
    SUM_AT = DIGITS + 1, /* "LLLLLLLL SSSSSSSS TEXT\n" */
    HEAD = 2 * SUM_AT,
    LOG_MIN = 256 * 1024 /* changes are rewritten when they are longer than this and than the document */
};

struct state_file {
    char path[1024];
    int fd;
    size_t size, whole; /* of the file, of its first record */
    int64_t seq;        /* of the last record */
    bool spoilt;        /* something half written is at the end and could not be cut off */
};

/* ---- records ---- */

/* CRC-32 as zlib's, four bits at a time. */
static uint32_t sum_add(uint32_t sum, const char *text, size_t n)
{
    static const uint32_t TABLE[16] = {0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4,
                                       0x4db26158, 0x5005713c, 0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c,
                                       0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c};
    sum = ~sum;
    for (size_t i = 0; i < n; i++) {
        sum ^= (unsigned char)text[i];
        sum = (sum >> 4) ^ TABLE[sum & 15];
        sum = (sum >> 4) ^ TABLE[sum & 15];
    }
    return ~sum;
}

static uint32_t sum_of(const char *record, size_t n)
{
    return sum_add(sum_add(0, record, DIGITS), record + HEAD, n);
}

/* The line feed included. False: longer than can be read again. */
static bool put_record(struct buf *b, int64_t seq, const char *what, const json_t *value)
{
    char head[HEAD + 1];
    (void)buf_printf(b, "%*s{\"seq\":%lld,\"%s\":", HEAD, "", (long long)seq, what);
    if (!json_text(b, value) || !buf_puts(b, "}\n"))
        return false;
    (void)snprintf(head, sizeof head, "%08zx ", b->n - HEAD - 1);
    memcpy(b->p, head, SUM_AT);
    (void)snprintf(head, sizeof head, "%08x ", sum_of(b->p, b->n - HEAD - 1));
    memcpy(b->p + SUM_AT, head, SUM_AT);
    return true;
}

/* A number's digits and the blank behind it, as far as they are there. */
static bool number_at(const char *p, size_t n, uint32_t *ret)
{
    static const char HEX[] = "0123456789abcdef";
    uint32_t value = 0;
    for (size_t i = 0; i < DIGITS && i < n; i++) {
        const char *digit = memchr(HEX, p[i], sizeof HEX - 1);
        if (!digit)
            return false;
        value = value * 16 + (uint32_t)(digit - HEX);
    }
    *ret = value;
    return n <= DIGITS || p[DIGITS] == ' ';
}

enum look { LOOK_WHOLE, LOOK_TORN, LOOK_DAMAGED };

static enum look look_at(const char *p, size_t n, size_t *ret_length)
{
    uint32_t length = 0, sum = 0;
    if (!number_at(p, n, &length) || (n > SUM_AT && !number_at(p + SUM_AT, n - SUM_AT, &sum)))
        return LOOK_DAMAGED;
    if (n <= HEAD || n - HEAD <= length)
        return memchr(p, '\n', n) ? LOOK_DAMAGED : LOOK_TORN;
    *ret_length = length;
    return p[HEAD + length] == '\n' && sum_of(p, length) == sum ? LOOK_WHOLE : LOOK_DAMAGED;
}

/* ---- reading ---- */

/* Takes the record's part in the document; *document is NULL before the first. */
static bool play(const json_t *record, int64_t seq, json_t **document, struct err *e)
{
    json_t *whole = rec_get(record, "whole");
    if (rec_int(record, "seq") != seq)
        return err_set(e, ERR_INVALID, "its number is %lld", (long long)rec_int(record, "seq"));
    if (*document)
        return change_apply(*document, rec_get(record, "changes"), e);
    if (!json_is_object(whole))
        return err_set(e, ERR_INVALID, "it has no document");
    *document = json_incref(whole);
    return true;
}

static bool play_text(const char *text, size_t n, int64_t seq, json_t **document, struct err *e)
{
    json_error_t problem;
    json_t *record = json_loadb(text, n, JSON_REJECT_DUPLICATES, &problem);
    bool ok = record ? play(record, seq, document, e) : err_set(e, ERR_INVALID, "%s", problem.text);
    json_decref(record);
    return ok;
}

/* False with the place where the damage begins. */
static bool play_all(struct str all, json_t **document, struct err *e)
{
    size_t at = 0, length = 0;
    for (int64_t seq = 1; at < all.n || seq == 1; seq++, at += HEAD + length + 1) {
        enum look look = look_at(all.p + at, all.n - at, &length);
        if (look == LOOK_TORN && seq > 1)
            break;
        bool ok = look == LOOK_WHOLE ? play_text(all.p + at + HEAD, length, seq, document, e)
                                     : err_set(e, ERR_INVALID, "%s",
                                               all.n == 0          ? "the file is empty"
                                               : look == LOOK_TORN ? "it is cut short"
                                                                   : "length or checksum is wrong");
        if (!ok)
            return err_wrap(e, "damaged from byte %zu on (record %lld)", at, (long long)seq);
    }
    return true;
}

bool state_file_read(const char *path, json_t **ret_document, struct err *e)
{
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    struct str all;
    json_t *document = NULL;
    if (!file_read(a, path, FILE_MAX, &all, e))
        return false;
    if (!play_all(all, &document, e)) {
        json_decref(document);
        return err_wrap(e, "%s", path);
    }
    *ret_document = document;
    return true;
}

/* ---- writing ---- */

static bool write_all(int fd, const char *text, size_t n)
{
    while (n > 0) {
        ssize_t done = write(fd, text, n);
        if (done < 0 && errno != EINTR)
            return false;
        text += done > 0 ? done : 0;
        n -= done > 0 ? (size_t)done : 0;
    }
    return true;
}

/* A file with this text in the place of the old one, open for more; -1 with errno: the old one is as it was.
 */
static int replace(const char *path, const char *text, size_t n)
{
    char beside[sizeof((struct state_file *)0)->path + 8];
    (void)snprintf(beside, sizeof beside, "%s.new", path);
    (void)unlink(beside);
    int fd = open(beside, O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0600);
    if (fd >= 0 && write_all(fd, text, n) && rename(beside, path) == 0)
        return fd;
    int reason = errno;
    if (fd >= 0) {
        (void)close(fd);
        (void)unlink(beside);
    }
    errno = reason;
    return -1;
}

static bool write_whole(struct state_file *f, const json_t *document, struct err *e)
{
    struct buf text CLEANUP(buf_done) = BUF_INIT(RECORD_MAX);
    if (!put_record(&text, 1, "whole", document))
        return err_set(e, ERR_INVALID, "the state is too large to be saved");
    int fd = replace(f->path, text.p, text.n), reason = errno;
    if (fd < 0)
        return err_errno(e, reason, "write %s", f->path);
    if (f->fd >= 0)
        (void)close(f->fd);
    f->fd = fd;
    f->size = f->whole = text.n;
    f->seq = 1;
    f->spoilt = false;
    return true;
}

static bool append(struct state_file *f, const json_t *changes, struct err *e)
{
    struct buf text CLEANUP(buf_done) = BUF_INIT(RECORD_MAX);
    if (!put_record(&text, f->seq + 1, "changes", changes))
        return err_set(e, ERR_INVALID, "the change is too large to be saved");
    bool ok = write_all(f->fd, text.p, text.n);
    int reason = errno;
    if (!ok) {
        f->spoilt = ftruncate(f->fd, (off_t)f->size) != 0;
        return err_errno(e, reason, "write %s", f->path);
    }
    f->size += text.n;
    f->seq++;
    return true;
}

bool state_file_create(const char *path, const json_t *document, struct state_file **ret, struct err *e)
{
    if (strlen(path) >= sizeof((struct state_file *)0)->path)
        return err_set(e, ERR_INVALID, "path too long: %s", path);
    struct state_file *f = calloc(1, sizeof *f);
    if (!f)
        abort();
    f->fd = -1;
    (void)snprintf(f->path, sizeof f->path, "%s", path);
    if (!write_whole(f, document, e)) {
        state_file_close(f);
        return false;
    }
    *ret = f;
    return true;
}

void state_file_close(struct state_file *f)
{
    if (f && f->fd >= 0)
        (void)close(f->fd);
    free(f);
}

/* A disk without room for a second file may still have some for a line. */
bool state_file_save(struct state_file *f, const json_t *changes, const json_t *document, struct err *e)
{
    size_t lines = f->size - f->whole;
    if (json_array_size(changes) == 0)
        return true;
    if (f->spoilt)
        return write_whole(f, document, e);
    if (lines > LOG_MIN && lines > f->whole && write_whole(f, document, NULL))
        return true;
    return append(f, changes, e);
}
