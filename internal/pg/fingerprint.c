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
    STATEMENT_MAX = 1024 * 1024,
};

struct line_set {
    struct arena *a;
    const char **lines;
    size_t n, cap;
    bool is_hashed;
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

#define HASH       "left(md5(concat_ws(' ', q.p, q.d)), 16)"
#define HASHED     "SELECT q.k, " HASH ", '' FROM (%s) q(k, p, d)"
#define HASHED_ALL "%sSELECT %zu, q.k::text, " HASH " FROM (%s) q(k, p, d)"

static bool add_statement(struct pg *c, const struct fingerprint_query *q, const char *param,
                          struct line_set *set, struct err *e)
{
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    PGresult *r CLEANUP(result_cleanup) = NULL;
    const char *sql = set->is_hashed ? arena_printf(a, HASHED, q->sql) : q->sql;
    if (!query_rows(c, sql, &param, param ? 1 : 0, &r, e))
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

static void end_part(struct line_set *set, const char *aspect, struct pg_fingerprint_part *ret)
{
    if (set->n > 0)
        qsort(set->lines, set->n, sizeof *set->lines, by_text);
    *ret = (struct pg_fingerprint_part){aspect, set->lines, set->n, hash_lines(set)};
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
    end_part(&set, aspect, ret);
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

/* ---- hashes ---- */

struct hashing {
    struct pg *c;
    const struct fingerprint_query *queries;
    size_t count;
    struct line_set *sets; /* one per query; those of an aspect share the first */
};

static size_t set_of(const struct hashing *h, size_t query)
{
    while (query > 0 && strcmp(h->queries[query - 1].aspect, h->queries[query].aspect) == 0)
        query--;
    return query;
}

/* What needs no list of oids, in one statement. */
static bool hash_most(struct hashing *h, struct err *e)
{
    struct buf sql CLEANUP(buf_done) = BUF_INIT(STATEMENT_MAX);
    struct arena *scratch CLEANUP(arena_cleanup) = arena_new();
    PGresult *r CLEANUP(result_cleanup) = NULL;
    for (size_t i = 0; i < h->count; i++)
        if (!h->queries[i].oids && h->c->version / 10000 >= h->queries[i].min_major)
            (void)buf_printf(&sql, HASHED_ALL, sql.n ? " UNION ALL " : "", set_of(h, i), h->queries[i].sql);
    if (sql.overflow || !query_rows(h->c, buf_text(&sql), NULL, 0, &r, e))
        return err_wrap(e, "read the catalogue of database \"%s\"", h->c->database);
    if (PQntuples(r) > LINES_MAX)
        return err_set(e, ERR_INVALID, "more than %d objects in database \"%s\"", LINES_MAX, h->c->database);
    for (int i = 0; i < PQntuples(r); i++) {
        size_t at = strtoul(PQgetvalue(r, i, 0), NULL, 10);
        struct line_set *set = &h->sets[at < h->count ? at : 0];
        const char *line =
            arena_printf(set->a, "%s\t%s", one_line(scratch, PQgetvalue(r, i, 1)), PQgetvalue(r, i, 2));
        ARR_PUSH(set->a, set->lines, set->n, set->cap, line);
    }
    return true;
}

bool fingerprint_hashed(struct pg *c, struct arena *a, const struct fingerprint_query *queries, size_t count,
                        struct pg_fingerprint *ret, struct err *e)
{
    struct pg_fingerprint f = {.parts = ARENA_ARRAY(a, struct pg_fingerprint_part, count)};
    struct hashing h = {c, queries, count, ARENA_ARRAY(a, struct line_set, count)};
    for (size_t i = 0; i < count; i++)
        h.sets[i] = (struct line_set){.a = a, .is_hashed = true};
    if (!hash_most(&h, e))
        return false;
    for (size_t i = 0; i < count; i++)
        if (queries[i].oids && !add_query(c, &queries[i], &h.sets[set_of(&h, i)], e))
            return false;
    for (size_t i = 0; i < count; i++)
        if (set_of(&h, i) == i)
            end_part(&h.sets[i], queries[i].aspect, &f.parts[f.part_count++]);
    *ret = f;
    return true;
}
