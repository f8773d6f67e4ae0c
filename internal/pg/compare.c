#include "internal/base/utf8.h"
#include "internal/pg/query.h"
#include "internal/pg/replica.h"

#include <stdlib.h>
#include <string.h>

enum {
    ROWS_MAX = 10000000,
    SHOWN_BYTES = 120,
};
#define FETCH "FETCH 500 FROM aurora_compare"

/* One side's result, read in portions from a cursor: DECLARE takes nothing but a query, and the parser of a
 * statement with parameters nothing behind it. */
struct side {
    struct pg *c;
    const char *name;
    PGresult *portion;
    int at;
    int64_t rows;
    uint64_t sum; /* over hashes of rows, in any order */
};

static void side_done(struct side *s)
{
    PQclear(s->portion);
    query_rollback(s->c);
}

static bool side_try(struct side *s, const char *declare, struct err *e)
{
    return query_run(s->c, "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY", e) &&
           query_run(s->c, declare, e) && query_rows(s->c, FETCH, NULL, 0, &s->portion, e);
}

/* Within a transaction nothing is tried again by itself: a lock that is held by somebody's DDL is waited for
 * here, without holding any. */
static bool side_begin(struct side *s, struct arena *a, const char *sql, struct err *e)
{
    const char *declare = arena_printf(a, "DECLARE aurora_compare NO SCROLL CURSOR FOR %s", sql);
    struct err failure = ERR_INIT;
    int64_t until = socket_now_ms() + LOCK_PATIENCE_MS;
    while (!side_try(s, declare, &failure)) {
        query_rollback(s->c);
        if (is_lock_failure(&failure) && socket_now_ms() < until && !stop_wait(s->c->stop, LOCK_PAUSE_MS))
            continue;
        if (failure.code == ERR_NOT_FOUND && failure.remote_code[0])
            (void)err_hint(&failure,
                           "names need their schema (public.orders): the session's search_path is empty");
        if (e)
            *e = failure;
        return err_wrap(e, "run the query on the %s side", s->name);
    }
    return true;
}

/* Moves to a row, if one is left. */
static bool side_row(struct side *s, bool *ret_there, struct err *e)
{
    if (s->at >= PQntuples(s->portion) && s->at > 0) {
        PQclear(STEAL(s->portion));
        s->at = 0;
        if (!query_rows(s->c, FETCH, NULL, 0, &s->portion, e))
            return err_wrap(e, "run the query on the %s side", s->name);
    }
    *ret_there = s->at < PQntuples(s->portion);
    return true;
}

static uint64_t hash_row(const PGresult *r, int row)
{
    uint64_t h = 0xcbf29ce484222325U;
    for (int i = 0; i < PQnfields(r); i++) {
        const char *p = PQgetvalue(r, row, i);
        size_t n = (size_t)PQgetlength(r, row, i);
        for (size_t k = 0; k < n; k++)
            h = (h ^ (unsigned char)p[k]) * 0x100000001b3U;
        h = (h ^ (PQgetisnull(r, row, i) ? 257U : 256U)) * 0x100000001b3U;
    }
    return h ^ (h >> 29);
}

static void side_next(struct side *s)
{
    s->sum += hash_row(s->portion, s->at);
    s->rows++;
    s->at++;
}

static bool same_field(const struct side *o, const struct side *n, int column)
{
    int length = PQgetlength(o->portion, o->at, column);
    return PQgetisnull(o->portion, o->at, column) == PQgetisnull(n->portion, n->at, column) &&
           length == PQgetlength(n->portion, n->at, column) &&
           memcmp(PQgetvalue(o->portion, o->at, column), PQgetvalue(n->portion, n->at, column),
                  (size_t)length) == 0;
}

static const char *shown(struct arena *a, const struct side *s, int column)
{
    if (PQgetisnull(s->portion, s->at, column))
        return "NULL";
    const char *value = PQgetvalue(s->portion, s->at, column);
    char *text = arena_printf(a, "\"%.*s\"%s", SHOWN_BYTES, value, strlen(value) > SHOWN_BYTES ? "…" : "");
    utf8_clean(text);
    return text;
}

/* NULL: the two rows are equal. */
static const char *row_difference(struct arena *a, const struct side *o, const struct side *n)
{
    for (int i = 0; i < PQnfields(o->portion); i++)
        if (!same_field(o, n, i))
            return arena_printf(a, "row %lld, column \"%s\": %s on the old side, %s on the new side",
                                (long long)o->rows + 1, PQfname(o->portion, i), shown(a, o, i),
                                shown(a, n, i));
    return NULL;
}

static bool compare_rows(struct arena *a, struct side *o, struct side *n, const char **ret_first,
                         struct err *e)
{
    bool more_old = true, more_new = true;
    while (more_old || more_new) {
        if (!side_row(o, &more_old, e) || !side_row(n, &more_new, e))
            return false;
        if (more_old && more_new && !*ret_first)
            *ret_first = row_difference(a, o, n);
        if (more_old)
            side_next(o);
        if (more_new)
            side_next(n);
        if (o->rows > ROWS_MAX || n->rows > ROWS_MAX)
            return err_set(e, ERR_INVALID, "the query gives more than %d rows: let it aggregate", ROWS_MAX);
    }
    return true;
}

static bool compare_sides(struct arena *a, struct side *o, struct side *n, const char **ret_difference,
                          struct err *e)
{
    const char *first = NULL;
    if (PQnfields(o->portion) != PQnfields(n->portion)) {
        *ret_difference = arena_printf(a, "%d columns on the old side, %d on the new side",
                                       PQnfields(o->portion), PQnfields(n->portion));
        return true;
    }
    if (!compare_rows(a, o, n, &first, e))
        return false;
    if (o->rows != n->rows)
        *ret_difference =
            arena_printf(a, "%lld rows on the old side, %lld on the new side%s%s", (long long)o->rows,
                         (long long)n->rows, first ? "; first difference: " : "", first ? first : "");
    else if (first && o->sum == n->sum)
        *ret_difference = arena_printf(a,
                                       "the same %lld rows in another order (%s): add ORDER BY, with COLLATE"
                                       " \"C\" for text",
                                       (long long)o->rows, first);
    else
        *ret_difference = first ? first : "";
    return true;
}

bool pg_compare_query(struct pg *old_side, struct pg *new_side, struct arena *a, const char *sql,
                      bool *ret_equal, const char **ret_difference, struct err *e)
{
    struct side o = {.c = old_side, .name = "old"}, n = {.c = new_side, .name = "new"};
    const char *difference = "";
    bool done =
        side_begin(&o, a, sql, e) && side_begin(&n, a, sql, e) && compare_sides(a, &o, &n, &difference, e);
    side_done(&o);
    side_done(&n);
    if (!done)
        return false;
    *ret_equal = difference[0] == '\0';
    *ret_difference = difference;
    return true;
}
