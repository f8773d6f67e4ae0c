#include "internal/pg/fingerprint.h"
#include "internal/base/buf.h"
#include "internal/pg/catalog.h"
#include "internal/pg/deparse.h"
#include "internal/pg/query.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    LINES_MAX = 5000000,
    BATCH = 50,
};

struct line_set {
    struct arena *a;
    const char **lines;
    size_t n, cap;
};

/* Names may hold tabs and other control characters; a line may not, and its key must sort as such. */
static const char *one_line(struct arena *a, const char *s)
{
    enum { ESCAPED = 4 }; /* \x0a */
    size_t special = 0;
    for (const char *p = s; *p; p++)
        special += (unsigned char)*p < ' ';
    if (special == 0)
        return s;
    size_t size = strlen(s) + special * ESCAPED + 1;
    char *out = arena_alloc(a, size), *at = out;
    for (; *s; s++) {
        if ((unsigned char)*s < ' ')
            at += snprintf(at, size - (size_t)(at - out), "\\x%02x", (unsigned)*s);
        else
            *at++ = *s;
    }
    return out;
}

static void add_rows(struct line_set *set, const PGresult *r)
{
    enum { KEY, PLAIN, DEPARSED };
    struct arena *scratch CLEANUP(arena_cleanup) = arena_new();
    for (int i = 0; i < PQntuples(r); i++) {
        const char *plain = PQgetvalue(r, i, PLAIN);
        const char *deparsed = deparse_normal(scratch, PQgetvalue(r, i, DEPARSED));
        const char *gap = *plain && *deparsed ? " " : "";
        const char *line =
            arena_printf(set->a, "%s\t%s", one_line(scratch, PQgetvalue(r, i, KEY)),
                         one_line(scratch, arena_printf(scratch, "%s%s%s", plain, gap, deparsed)));
        ARR_PUSH(set->a, set->lines, set->n, set->cap, line);
    }
}

static bool add_statement(struct pg *c, const struct fingerprint_query *q, const char *param,
                          struct line_set *set, struct err *e)
{
    PGresult *r CLEANUP(result_cleanup) = NULL;
    if (!query_rows(c, q->sql, &param, param ? 1 : 0, &r, e))
        return false;
    if (set->n + (size_t)PQntuples(r) > LINES_MAX)
        return err_set(e, ERR_INVALID, "more than %d objects in database \"%s\"", LINES_MAX, c->database);
    add_rows(set, r);
    return true;
}

static bool add_in_batches(struct pg *c, const struct fingerprint_query *q, struct line_set *set,
                           struct err *e)
{
    PGresult *oids CLEANUP(result_cleanup) = NULL;
    if (!query_rows(c, q->oids, NULL, 0, &oids, e))
        return false;
    int n = PQntuples(oids);
    for (int i = 0; i < n; i += BATCH) {
        struct buf list = BUF_INIT(BATCH * 16);
        for (int k = i; k < n && k < i + BATCH; k++)
            (void)buf_printf(&list, "%s%s", k > i ? "," : "{", PQgetvalue(oids, k, 0));
        (void)buf_puts(&list, "}");
        bool done = add_statement(c, q, buf_text(&list), set, e);
        buf_done(&list);
        if (!done)
            return false;
    }
    return true;
}

static bool add_query(struct pg *c, const struct fingerprint_query *q, struct line_set *set, struct err *e)
{
    if (c->version / 10000 < q->min_major)
        return true;
    if (q->oids ? add_in_batches(c, q, set, e) : add_statement(c, q, NULL, set, e))
        return true;
    return err_wrap(e, "read %s of database \"%s\"", q->aspect, c->database);
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* FNV-1a, 64 bits: tells differences of two sets of lines apart, protects against nothing. */
static uint64_t hash_lines(const struct line_set *set)
{
    uint64_t h = 0xcbf29ce484222325U;
    for (size_t i = 0; i < set->n; i++)
        for (const char *p = set->lines[i];; p++) {
            h = (h ^ (unsigned char)*p) * 0x100000001b3U;
            if (!*p)
                break;
        }
    return h;
}

static bool read_aspect(struct pg *c, struct arena *a, size_t *query, struct pg_fingerprint_part *ret,
                        struct err *e)
{
    const char *aspect = fingerprint_queries[*query].aspect;
    struct line_set set = {.a = a};
    for (; *query < fingerprint_query_count; (*query)++) {
        const struct fingerprint_query *q = &fingerprint_queries[*query];
        if (strcmp(q->aspect, aspect) != 0)
            break;
        if (!add_query(c, q, &set, e))
            return false;
    }
    if (set.n > 0)
        qsort(set.lines, set.n, sizeof *set.lines, by_text);
    *ret = (struct pg_fingerprint_part){aspect, set.lines, set.n, hash_lines(&set)};
    return true;
}

bool pg_fingerprint(struct pg *c, struct arena *a, struct pg_fingerprint *ret, struct err *e)
{
    struct pg_fingerprint f = {.parts = ARENA_ARRAY(a, struct pg_fingerprint_part, fingerprint_query_count)};
    for (size_t query = 0; query < fingerprint_query_count;)
        if (!read_aspect(c, a, &query, &f.parts[f.part_count++], e))
            return false;
    *ret = f;
    return true;
}
