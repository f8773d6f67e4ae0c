#include "acceptance-tests/sandbox/request_log.h"

#include "acceptance-tests/sandbox/json_text.h"
#include "acceptance-tests/sandbox/rec.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LINE_SIZE_MAX = 16 * 1024 * 1024 }; /* a body of HTTP_BODY_MAX, each byte escaped */

struct request_log {
    int fd;
    pthread_mutex_t lock; /* guards what follows */
    int64_t last;
    json_t *running; /* by number, as text */
};

static const char *const SECRETS[] = {"MasterUserPassword", "SecretString", "SecretBinary", "TokenCode",
                                      "WebIdentityToken"};

/* Where the last whole line begins and ends in the file's tail; false: there is none. */
static bool last_line(const char *tail, size_t n, size_t *ret_from, size_t *ret_to)
{
    size_t to = n;
    while (to > 0 && tail[to - 1] != '\n')
        to--;
    size_t from = to > 0 ? to - 1 : 0;
    while (from > 0 && tail[from - 1] != '\n')
        from--;
    *ret_from = from;
    *ret_to = to;
    return to > 0;
}

static bool read_tail(int fd, const char *path, int64_t *ret_last, struct err *e)
{
    enum { TAIL = 1024 * 1024 }; /* longer than any line: parameters are limited by the body's size */
    off_t size = lseek(fd, 0, SEEK_END), at = size > TAIL ? size - TAIL : 0;
    char *tail = malloc(TAIL);
    size_t from = 0, to = 0;
    if (!tail)
        abort();
    ssize_t n = size > 0 ? pread(fd, tail, TAIL, at) : 0;
    bool any = n > 0 && last_line(tail, (size_t)n, &from, &to);
    json_t *line = any ? json_loadb(tail + from, to - from, 0, NULL) : NULL;
    *ret_last = rec_int(line, "seq");
    bool ok = n >= 0 && (at + (off_t)to == size || ftruncate(fd, at + (off_t)to) == 0);
    int reason = errno;
    json_decref(line);
    free(tail);
    return ok || err_errno(e, reason, "read %s", path);
}

bool request_log_open(const char *path, struct request_log **ret, struct err *e)
{
    int64_t last = 0;
    int fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (fd < 0)
        return err_errno(e, errno, "open %s", path);
    if (!read_tail(fd, path, &last, e)) {
        (void)close(fd);
        return false;
    }
    struct request_log *l = calloc(1, sizeof *l);
    if (!l)
        abort();
    (void)pthread_mutex_init(&l->lock, NULL);
    l->fd = fd;
    l->last = last;
    l->running = json_object();
    *ret = l;
    return true;
}

void request_log_close(struct request_log *l)
{
    if (!l)
        return;
    (void)close(l->fd);
    (void)pthread_mutex_destroy(&l->lock);
    json_decref(l->running);
    free(l);
}

static const char *key_of(int64_t seq, char out[24])
{
    (void)snprintf(out, 24, "%lld", (long long)seq);
    return out;
}

int64_t request_log_begin(struct request_log *l, json_t *what)
{
    char key[24];
    (void)pthread_mutex_lock(&l->lock);
    int64_t seq = ++l->last;
    rec_set_int(what, "seq", seq);
    rec_set(l->running, key_of(seq, key), what);
    (void)pthread_mutex_unlock(&l->lock);
    return seq;
}

json_t *request_log_running(struct request_log *l)
{
    json_t *list = json_array(), *what;
    const char *key;
    (void)pthread_mutex_lock(&l->lock);
    json_object_foreach(l->running, key, what)
    {
        (void)json_array_append_new(list, json_deep_copy(what));
    }
    (void)pthread_mutex_unlock(&l->lock);
    return list;
}

void request_log_write(struct request_log *l, int64_t seq, json_t *entry)
{
    char key[24];
    rec_set_int(entry, "seq", seq);
    struct buf line CLEANUP(buf_done) = BUF_INIT(LINE_SIZE_MAX);
    bool whole = json_text(&line, entry) && buf_puts(&line, "\n");
    (void)pthread_mutex_lock(&l->lock);
    rec_unset(l->running, key_of(seq, key));
    (void)pthread_mutex_unlock(&l->lock);
    /* a line is one write, so lines of threads do not mix; a full disk must not stop the sandbox */
    if (whole && write(l->fd, line.p, line.n) < 0)
        (void)0;
}

json_t *request_log_mask(const json_t *parameters)
{
    json_t *copy = json_deep_copy(parameters);
    for (size_t i = 0; i < ARRAY_LEN(SECRETS); i++)
        if (rec_has(copy, SECRETS[i]))
            rec_set_str(copy, SECRETS[i], "***");
    return copy;
}
