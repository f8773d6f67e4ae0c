/* writers_check.c — holds the ledger against a database. Every acknowledged transaction must be there exactly
 * once with all its parts; one with an unknown outcome wholly or not at all; nothing else may be there. */
#include "acceptance-tests/lib/writers.h"

#include <inttypes.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct present {
    int64_t id;
    long copies;
};

struct contents {
    struct present *rows; /* sorted by id */
    size_t count;
    int64_t counter[LEDGER_WORKERS_MAX + 1];
    char version[32];
};

struct verdict {
    long acknowledged, found, lost, twice, unknown, unknown_found, torn, stray, counters_wrong;
};

static PGresult *query(PGconn *c, const char *sql)
{
    PGresult *r = PQexec(c, sql);
    if (PQresultStatus(r) == PGRES_TUPLES_OK)
        return r;
    fprintf(stderr, "check: %s", PQerrorMessage(c));
    exit(2);
}

static int64_t cell(const PGresult *r, int row, int column)
{
    return strtoll(PQgetvalue(r, row, column), NULL, 10);
}

static void read_contents(PGconn *c, struct contents *ret)
{
    PGresult *r = query(c, "SELECT id, count(*) FROM load.entry GROUP BY id ORDER BY id");
    ret->count = (size_t)PQntuples(r);
    ret->rows = calloc(ret->count + 1, sizeof(*ret->rows));
    if (!ret->rows)
        abort();
    for (size_t i = 0; i < ret->count; i++)
        ret->rows[i] = (struct present){.id = cell(r, (int)i, 0), .copies = (long)cell(r, (int)i, 1)};
    PQclear(r);
    r = query(c, "SELECT worker, n FROM load.counter WHERE worker BETWEEN 1 AND 256");
    for (int i = 0; i < PQntuples(r); i++)
        ret->counter[cell(r, i, 0)] = cell(r, i, 1);
    PQclear(r);
    r = query(c, "SHOW server_version");
    (void)snprintf(ret->version, sizeof ret->version, "%s", PQgetvalue(r, 0, 0));
    PQclear(r);
}

static int by_id(const void *a, const void *b)
{
    const struct present *x = a, *y = b;
    return x->id < y->id ? -1 : x->id > y->id;
}

static long copies(const struct contents *c, int64_t id)
{
    struct present key = {.id = id};
    const struct present *found = c->count ? bsearch(&key, c->rows, c->count, sizeof(key), by_id) : NULL;
    return found ? found->copies : 0;
}

struct removal {
    int64_t victim;
    const struct ledger_line *by;
};

static int by_victim(const void *a, const void *b)
{
    const struct removal *x = a, *y = b;
    return x->victim < y->victim ? -1 : x->victim > y->victim;
}

/* Who deletes what, sorted by victim. The caller frees it. */
static struct removal *removals(const struct ledger *l, size_t *ret_n)
{
    struct removal *all = calloc(l->count + 1, sizeof(*all));
    if (!all)
        abort();
    size_t n = 0;
    for (size_t i = 0; i < l->count; i++)
        if (l->lines[i].deletes)
            all[n++] = (struct removal){l->lines[i].deletes, &l->lines[i]};
    qsort(all, n, sizeof(*all), by_victim);
    *ret_n = n;
    return all;
}

/* A transaction happened if its row is there, or if a transaction that happened deleted it. */
static bool judge(const struct ledger_line *line, const struct contents *c, const struct removal *remover,
                  struct verdict *v)
{
    long n = copies(c, line->id);
    bool remover_ok = remover && remover->by->is_ok;
    bool remover_there = remover && copies(c, remover->by->id) > 0;
    v->twice += n > 1;
    if (n > 0 && remover && (remover_ok || remover_there))
        v->torn++; /* its deletion was committed, and yet it is there */
    if (n == 0 && remover && !remover_ok && !remover_there)
        v->torn++; /* it is gone, although the transaction that deletes it did not happen */
    return n > 0 || remover_ok || remover_there;
}

static void judge_all(const struct ledger *l, const struct contents *c, struct verdict *v)
{
    size_t n;
    struct removal *all = removals(l, &n);
    int64_t counted[LEDGER_WORKERS_MAX + 1] = {0};
    for (size_t i = 0; i < l->count; i++) {
        const struct ledger_line *line = &l->lines[i];
        struct removal key = {.victim = line->id};
        const struct removal *remover = n ? bsearch(&key, all, n, sizeof(*all), by_victim) : NULL;
        bool happened = judge(line, c, remover, v);
        counted[ledger_worker(line->id)] += happened;
        v->acknowledged += line->is_ok;
        v->found += line->is_ok && happened;
        v->lost += line->is_ok && !happened;
        v->unknown += !line->is_ok;
        v->unknown_found += !line->is_ok && happened;
    }
    for (int w = 1; w <= LEDGER_WORKERS_MAX - 1; w++)
        v->counters_wrong += counted[w] != c->counter[w];
    for (size_t i = 0; i < c->count; i++)
        v->stray += !ledger_find(l, c->rows[i].id);
    free(all);
}

static bool print(const struct verdict *v, const struct ledger *l, const struct contents *c)
{
    printf("server version: %s\n", c->version);
    printf("writes acknowledged: %ld\n", v->acknowledged);
    printf("found: %ld\n", v->found);
    printf("lost: %ld\n", v->lost);
    printf("twice: %ld\n", v->twice);
    printf("torn transactions: %ld\n", v->torn);
    printf("rows nobody wrote: %ld\n", v->stray);
    printf("counters wrong: %ld\n", v->counters_wrong);
    printf("outcome unknown to the writer: %ld (of these committed: %ld)\n", v->unknown, v->unknown_found);
    printf("longest refused write: %.1f ms\n", (double)ledger_longest_gap(l) / 1000);
    return v->acknowledged > 0 && !v->lost && !v->twice && !v->torn && !v->stray && !v->counters_wrong;
}

int writers_check(const char *conninfo, const char *path)
{
    struct ledger ledger;
    if (!ledger_read(path, &ledger))
        return 2;
    PGconn *c = PQconnectdb(conninfo);
    struct contents contents = {0};
    struct verdict verdict = {0};
    read_contents(c, &contents);
    PQfinish(c);
    judge_all(&ledger, &contents, &verdict);
    bool good = print(&verdict, &ledger, &contents);
    free(contents.rows);
    ledger_free(&ledger);
    return good ? 0 : 1;
}
