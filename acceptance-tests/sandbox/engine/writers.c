#include "acceptance-tests/sandbox/engine/writers.h"

#include "acceptance-tests/sandbox/engine/fixture.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define NUMBERS_MAX 200000
/* Between two writes of one writer. Without a pause many writers on few cores leave the one process that
 * applies their changes on green too little of them: its backlog grows for as long as they are at work. */
#define PAUSE_NS 2000000

enum fate { UNUSED, ROLLED_BACK, UNKNOWN, ACKNOWLEDGED };

struct writer {
    struct writers *all;
    int id;
    pthread_t thread;
    int used;
    unsigned char fate[NUMBERS_MAX + 1]; /* enum fate, by number */
    long refused, ended_57p01;
    char last_refusal[128];
};

struct writers {
    char endpoint[64];
    int count;
    atomic_bool stop;
    atomic_long acknowledged;
    pthread_mutex_t lock; /* the two below */
    int64_t last_us;
    long gap_us;
    struct writer writer[];
};

static int64_t now_us(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void acknowledged(struct writers *all)
{
    int64_t now = now_us();
    (void)pthread_mutex_lock(&all->lock);
    if (all->last_us && now - all->last_us > all->gap_us)
        all->gap_us = (long)(now - all->last_us);
    all->last_us = now;
    (void)pthread_mutex_unlock(&all->lock);
    atomic_fetch_add(&all->acknowledged, 1);
}

/* True: done. Otherwise *sure tells whether the server said no and is still there. PQexec would return the
 * last result only, "connection closed", and drop the server's last words. */
static bool run(struct writer *w, PGconn *c, const char *sql, bool *sure)
{
    bool ok = PQsendQuery(c, sql) == 1;
    char first[128] = "";
    for (PGresult *r; (r = PQgetResult(c)); PQclear(r)) {
        const char *state = PQresultErrorField(r, PG_DIAG_SQLSTATE);
        bool good = PQresultStatus(r) == PGRES_COMMAND_OK || PQresultStatus(r) == PGRES_TUPLES_OK;
        if (!good && ok)
            (void)snprintf(first, sizeof first, "%s", PQresultErrorMessage(r));
        w->ended_57p01 += state && strcmp(state, "57P01") == 0;
        ok = ok && good;
    }
    *sure = PQstatus(c) == CONNECTION_OK;
    if (!ok && *sure) {
        w->refused++;
        (void)snprintf(w->last_refusal, sizeof w->last_refusal, "%s", first);
    }
    return ok;
}

/* One number, in a shape that depends on it. */
static void write_one(struct writer *w, PGconn *c)
{
    char insert[128], batch[512];
    int n = ++w->used;
    bool sure = false;
    (void)snprintf(insert, sizeof insert, "INSERT INTO ledger VALUES (%d, %d)", w->id, n);
    w->fate[n] = UNKNOWN; /* until an answer says more */
    if (n % 11 == 0) {
        (void)snprintf(batch, sizeof batch, "BEGIN; %s; ROLLBACK", insert);
        if (run(w, c, batch, &sure))
            w->fate[n] = ROLLED_BACK;
        return;
    }
    if (n % 7 == 0)
        (void)snprintf(batch, sizeof batch,
                       "BEGIN; SELECT nextval('ledger_seq'); %s; SAVEPOINT s; %s; ROLLBACK TO s; COMMIT",
                       insert, insert);
    else
        (void)snprintf(batch, sizeof batch, "%s", insert);
    if (run(w, c, batch, &sure)) {
        w->fate[n] = ACKNOWLEDGED;
        acknowledged(w->all);
    } else if (sure) {
        bool ignored;
        w->fate[n] = ROLLED_BACK;
        (void)run(w, c, "ROLLBACK", &ignored);
    }
}

static void *writer_main(void *arg)
{
    struct writer *w = arg;
    const struct timespec pause = {.tv_nsec = PAUSE_NS};
    PGconn *c = NULL;
    while (!atomic_load(&w->all->stop) && w->used < NUMBERS_MAX) {
        if (!c)
            c = fx_connect(w->all->endpoint, DATABASE, NULL, NULL);
        if (c)
            write_one(w, c);
        if (c && PQstatus(c) != CONNECTION_OK) {
            PQfinish(c);
            c = NULL;
        }
        (void)nanosleep(&pause, NULL);
    }
    PQfinish(c);
    return NULL;
}

struct writers *writers_start(const char *endpoint, int count)
{
    assert_in_range(count, 1, WRITERS_MAX);
    struct writers *all = calloc(1, sizeof *all + sizeof all->writer[0] * (size_t)count);
    assert_non_null(all);
    (void)snprintf(all->endpoint, sizeof all->endpoint, "%s", endpoint);
    (void)pthread_mutex_init(&all->lock, NULL);
    all->count = count;
    for (int i = 0; i < count; i++) {
        all->writer[i].all = all;
        all->writer[i].id = i;
        assert_int_equal(pthread_create(&all->writer[i].thread, NULL, writer_main, &all->writer[i]), 0);
    }
    return all;
}

void writers_stop(struct writers *all)
{
    if (atomic_exchange(&all->stop, true))
        return;
    for (int i = 0; i < all->count; i++)
        (void)pthread_join(all->writer[i].thread, NULL);
}

void writers_free(struct writers *all)
{
    if (!all)
        return;
    writers_stop(all);
    (void)pthread_mutex_destroy(&all->lock);
    free(all);
}

bool writers_progress(struct writers *all, int more)
{
    long want = atomic_load(&all->acknowledged) + more;
    struct timespec pause = {.tv_nsec = 2 * 1000 * 1000};
    for (int64_t end = now_us() + 30 * 1000000LL; now_us() < end; (void)nanosleep(&pause, NULL))
        if (atomic_load(&all->acknowledged) >= want)
            return true;
    return false;
}

void writers_reset_gap(struct writers *all)
{
    (void)pthread_mutex_lock(&all->lock);
    all->gap_us = 0;
    (void)pthread_mutex_unlock(&all->lock);
}

/* How often each number of one writer is in the ledger. */
static void count_rows(const char *volume, const struct writer *w, unsigned char *times)
{
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    struct sql_result r = {0};
    OK(volume_sql(fx_engine, a, volume, DATABASE,
                  arena_printf(a, "SELECT n, count(*) FROM ledger WHERE w = %d GROUP BY n", w->id), &r, &e));
    for (size_t i = 0; i < r.rows; i++) {
        int n = atoi(r.cell[i][0]), found = atoi(r.cell[i][1]);
        assert_in_range(n, 1, NUMBERS_MAX);
        times[n] = found > 200 ? 200 : (unsigned char)found;
    }
}

static void check_writer(const char *volume, const struct writer *w, struct tally *t)
{
    unsigned char *times = calloc(NUMBERS_MAX + 1, 1);
    assert_non_null(times);
    count_rows(volume, w, times);
    for (int n = 1; n <= NUMBERS_MAX; n++) {
        t->acknowledged += w->fate[n] == ACKNOWLEDGED;
        t->unknown += w->fate[n] == UNKNOWN;
        t->found += times[n] > 0;
        t->lost += w->fate[n] == ACKNOWLEDGED && times[n] == 0;
        t->twice += times[n] > 1;
        t->foreign += times[n] > 0 && (w->fate[n] == UNUSED || w->fate[n] == ROLLED_BACK);
    }
    t->refused += w->refused;
    t->ended_57p01 += w->ended_57p01;
    if (w->refused)
        (void)snprintf(t->last_refusal, sizeof t->last_refusal, "%s", w->last_refusal);
    free(times);
}

void writers_check(struct writers *all, const char *volume, struct tally *ret)
{
    struct tally t = {.gap_us = all->gap_us};
    writers_stop(all);
    for (int i = 0; i < all->count; i++)
        check_writer(volume, &all->writer[i], &t);
    *ret = t;
}
