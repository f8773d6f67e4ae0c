#include "acceptance-tests/lib/writers.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool ledger_append(int fd, const struct ledger_line *line)
{
    char text[128];
    int n = snprintf(text, sizeof text, "%s %" PRId64 " %" PRId64 " %" PRId64 "\n",
                     line->is_ok ? "ok" : "unknown", line->id, line->deletes, line->us);
    ssize_t written;
    do
        written = write(fd, text, (size_t)n);
    while (written < 0 && errno == EINTR);
    return written == n;
}

static int by_id(const void *a, const void *b)
{
    const struct ledger_line *x = a, *y = b;
    return x->id < y->id ? -1 : x->id > y->id;
}

static int by_time(const void *a, const void *b)
{
    const struct ledger_line *x = a, *y = b;
    return x->us < y->us ? -1 : x->us > y->us;
}

static bool parse_line(char *text, struct ledger_line *ret)
{
    char *rest = strchr(text, ' ');
    if (!rest)
        return false;
    *rest++ = '\0';
    ret->is_ok = strcmp(text, "ok") == 0;
    if (!ret->is_ok && strcmp(text, "unknown") != 0)
        return false;
    int64_t *fields[] = {&ret->id, &ret->deletes, &ret->us};
    for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
        char *end;
        errno = 0;
        *fields[i] = strtoll(rest, &end, 10);
        if (end == rest || errno)
            return false;
        rest = end;
    }
    return *rest == '\n' && ret->id > 0 && ledger_worker(ret->id) < LEDGER_WORKERS_MAX;
}

static bool add_line(struct ledger *l, size_t *room, const struct ledger_line *line)
{
    if (l->count == *room) {
        *room = *room ? 2 * *room : 4096;
        struct ledger_line *more = realloc(l->lines, *room * sizeof(*more));
        if (!more)
            return false;
        l->lines = more;
    }
    l->lines[l->count++] = *line;
    return true;
}

static bool read_lines(FILE *f, const char *path, struct ledger *l)
{
    char text[256];
    size_t room = 0;
    while (fgets(text, sizeof text, f)) {
        struct ledger_line line;
        if (!parse_line(text, &line)) {
            fprintf(stderr, "%s: line %zu is damaged\n", path, l->count + 1);
            return false;
        }
        if (!add_line(l, &room, &line))
            return false;
    }
    return !ferror(f);
}

bool ledger_read(const char *path, struct ledger *ret)
{
    FILE *f = fopen(path, "r");
    if (!f) {
        fprintf(stderr, "%s: %m\n", path);
        return false;
    }
    struct ledger l = {0};
    bool done = read_lines(f, path, &l);
    (void)fclose(f); /* only read */
    if (!done) {
        ledger_free(&l);
        return false;
    }
    if (l.count)
        qsort(l.lines, l.count, sizeof(*l.lines), by_id);
    *ret = l;
    return true;
}

void ledger_free(struct ledger *l)
{
    free(l->lines);
    l->lines = NULL;
    l->count = 0;
}

const struct ledger_line *ledger_find(const struct ledger *l, int64_t id)
{
    struct ledger_line key = {.id = id};
    return l->count ? bsearch(&key, l->lines, l->count, sizeof(*l->lines), by_id) : NULL;
}

int64_t ledger_longest_gap(const struct ledger *l)
{
    struct ledger_line *sorted = calloc(l->count ? l->count : 1, sizeof(*sorted));
    if (!sorted)
        abort();
    size_t n = 0;
    for (size_t i = 0; i < l->count; i++)
        if (l->lines[i].is_ok)
            sorted[n++] = l->lines[i];
    qsort(sorted, n, sizeof(*sorted), by_time);
    int64_t longest = 0;
    for (size_t i = 1; i < n; i++)
        if (sorted[i].us - sorted[i - 1].us > longest)
            longest = sorted[i].us - sorted[i - 1].us;
    free(sorted);
    return longest;
}
