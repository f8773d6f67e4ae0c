/* writers.c — clients of a production database that never stop, and the check of what became of their work.
 *
 *     aurora-writers init  CONNINFO
 *     aurora-writers run   CONNINFO LEDGER [CONNECTIONS [COMMITS-PER-SECOND]]   until SIGTERM or SIGINT
 *     aurora-writers check CONNINFO LEDGER
 *
 * The password is libpq's business (PGPASSWORD), so it is in nobody's argument list. `run` prints one JSON
 * line at the end; `check` prints "name: value" lines and ends with 0 if nothing was lost, doubled or torn.
 */
#include "acceptance-tests/lib/writers.h"

#include <fcntl.h>
#include <inttypes.h>
#include <libpq-fe.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { DELETE_EVERY = 5, RECENT = 8, CODES_MAX = 32 };

struct code_count {
    char state[6]; /* SQLSTATE; "" = the connection itself */
    long n;
};

struct shared {
    const char *conninfo;
    int ledger;
    int64_t pause_us; /* between the starts of two transactions of one worker */
    _Atomic long acknowledged, unknown, refused;
    pthread_mutex_t lock;
    struct code_count codes[CODES_MAX];
};

struct worker {
    struct shared *shared;
    pthread_t thread;
    int number; /* from 1 */
    PGconn *conn;
    int64_t n;              /* of the last transaction */
    int64_t recent[RECENT]; /* acknowledged ids, a ring, the next victims of deletes */
    int64_t acknowledged;
};

static volatile sig_atomic_t stopping;

static void on_signal(int number)
{
    (void)number;
    stopping = 1;
}

static int64_t now_us(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void count_code(struct shared *s, const char *state)
{
    (void)pthread_mutex_lock(&s->lock);
    size_t i = 0;
    while (i < CODES_MAX - 1 && s->codes[i].n && strcmp(s->codes[i].state, state) != 0)
        i++;
    (void)snprintf(s->codes[i].state, sizeof s->codes[i].state, "%s", state);
    s->codes[i].n++;
    (void)pthread_mutex_unlock(&s->lock);
}

static void note(struct worker *w, const struct ledger_line *line)
{
    if (!ledger_append(w->shared->ledger, line)) {
        fprintf(stderr, "the ledger cannot be written: %m\n");
        _exit(3); /* what is not in the ledger must not go on happening */
    }
}

/* ---- one transaction ---- */

enum outcome { COMMITTED, REFUSED, UNKNOWN };

/* Reads results until there are no more. Only a COMMIT that says "COMMIT" is an acknowledgement; after an
 * ERROR the same COMMIT says "ROLLBACK". A FATAL one may come after the commit became durable. */
static enum outcome outcome_of(struct worker *w)
{
    bool committed = false, refused = false;
    PGresult *r;
    while ((r = PQgetResult(w->conn))) {
        const char *state = PQresultErrorField(r, PG_DIAG_SQLSTATE);
        const char *severity = PQresultErrorField(r, PG_DIAG_SEVERITY_NONLOCALIZED);
        if (PQresultStatus(r) == PGRES_FATAL_ERROR) {
            count_code(w->shared, state ? state : "");
            refused = refused || (severity && strcmp(severity, "ERROR") == 0);
        } else if (strcmp(PQcmdStatus(r), "COMMIT") == 0) {
            committed = true;
        }
        PQclear(r);
    }
    return committed ? COMMITTED : refused ? REFUSED : UNKNOWN;
}

static bool send_transaction(struct worker *w, const struct ledger_line *line)
{
    char sql[640], removal[96] = "";
    if (line->deletes)
        (void)snprintf(removal, sizeof removal, "DELETE FROM load.entry WHERE id = %" PRId64 ";",
                       line->deletes);
    (void)snprintf(sql, sizeof sql,
                   "BEGIN; INSERT INTO load.entry (id, worker, note) VALUES (%" PRId64 ", %d, 'entry %" PRId64
                   "'); UPDATE load.counter SET n = n + 1, last = %" PRId64 " WHERE worker = %d; %s COMMIT",
                   line->id, w->number, line->id, line->id, w->number, removal);
    return PQsendQuery(w->conn, sql) == 1;
}

static void transact(struct worker *w)
{
    w->n++;
    struct ledger_line line = {.id = (int64_t)w->number << 40 | w->n};
    int64_t *slot = &w->recent[w->acknowledged % RECENT];
    if (w->n % DELETE_EVERY == 0) {
        line.deletes = *slot;
        *slot = 0;
    }
    enum outcome outcome = send_transaction(w, &line) ? outcome_of(w) : UNKNOWN;
    line.us = now_us();
    if (outcome == COMMITTED) {
        line.is_ok = true;
        w->recent[w->acknowledged++ % RECENT] = line.id;
        w->shared->acknowledged++;
    } else if (outcome == UNKNOWN) {
        w->shared->unknown++;
    } else {
        w->shared->refused++;
    }
    if (outcome != REFUSED)
        note(w, &line);
}

/* ---- a worker's life ---- */

static void pause_until(int64_t us)
{
    int64_t left = us - now_us();
    if (left > 0 && !stopping)
        (void)nanosleep(&(struct timespec){left / 1000000, (long)(left % 1000000) * 1000}, NULL);
}

static void ignore_notice(void *arg, const char *message)
{
    (void)arg;
    (void)message; /* what a dying server says is expected here, and counted by its SQLSTATE */
}

static bool connected(struct worker *w)
{
    if (w->conn && PQstatus(w->conn) == CONNECTION_OK)
        return true;
    PQfinish(w->conn);
    w->conn = PQconnectdb(w->shared->conninfo);
    if (PQstatus(w->conn) == CONNECTION_OK) {
        (void)PQsetNoticeProcessor(w->conn, ignore_notice, NULL);
        return true;
    }
    count_code(w->shared, "");
    return false;
}

static void *work(void *arg)
{
    struct worker *w = arg;
    int64_t next = now_us();
    while (!stopping) {
        if (!connected(w)) {
            pause_until(now_us() + 2000); /* refused at once: do not burn a processor that the server needs */
            continue;
        }
        transact(w);
        next += w->shared->pause_us;
        if (next < now_us())
            next = now_us(); /* what was missed in an outage is not made up for */
        pause_until(next);
    }
    PQfinish(w->conn);
    return NULL;
}

static void report(const struct shared *s, const char *path)
{
    struct ledger ledger;
    if (!ledger_read(path, &ledger))
        exit(3);
    printf(
        "{\"acknowledged\": %ld, \"unknown\": %ld, \"refused\": %ld, \"longest_gap_ms\": %.1f, \"errors\": {",
        s->acknowledged, s->unknown, s->refused, (double)ledger_longest_gap(&ledger) / 1000);
    for (size_t i = 0; i < CODES_MAX && s->codes[i].n; i++)
        printf("%s\"%s\": %ld", i ? ", " : "", s->codes[i].state[0] ? s->codes[i].state : "connection",
               s->codes[i].n);
    printf("}}\n");
    ledger_free(&ledger);
}

static int run(const char *conninfo, const char *path, int connections, int rate)
{
    struct shared s = {.conninfo = conninfo, .lock = PTHREAD_MUTEX_INITIALIZER};
    static struct worker workers[LEDGER_WORKERS_MAX];
    s.pause_us = (int64_t)connections * 1000000 / rate;
    s.ledger = open(path, O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0644);
    if (s.ledger < 0) {
        fprintf(stderr, "%s: %m\n", path);
        return 2;
    }
    struct sigaction action = {.sa_handler = on_signal};
    (void)sigaction(SIGTERM, &action, NULL);
    (void)sigaction(SIGINT, &action, NULL);
    for (int i = 0; i < connections; i++) {
        workers[i] = (struct worker){.shared = &s, .number = i + 1};
        if (pthread_create(&workers[i].thread, NULL, work, &workers[i]) != 0)
            abort();
    }
    for (int i = 0; i < connections; i++)
        (void)pthread_join(workers[i].thread, NULL);
    (void)close(s.ledger);
    report(&s, path);
    return 0;
}

int writers_init(const char *conninfo)
{
    PGconn *c = PQconnectdb(conninfo);
    char sql[640];
    (void)snprintf(
        sql, sizeof sql,
        "CREATE SCHEMA load; CREATE TABLE load.entry (key bigserial PRIMARY KEY, id bigint NOT NULL, "
        "worker int NOT NULL, note text NOT NULL, at timestamptz NOT NULL DEFAULT clock_timestamp()); "
        "CREATE INDEX ON load.entry (id); CREATE TABLE load.counter (worker int PRIMARY KEY, "
        "n bigint NOT NULL, last bigint NOT NULL); "
        "INSERT INTO load.counter SELECT w, 0, 0 FROM generate_series(1, %d) w",
        LEDGER_WORKERS_MAX);
    PGresult *r = PQexec(c, sql);
    bool done = PQresultStatus(r) == PGRES_COMMAND_OK;
    if (!done)
        fprintf(stderr, "init: %s", PQerrorMessage(c));
    PQclear(r);
    PQfinish(c);
    return done ? 0 : 1;
}

static int number(const char *text, int max)
{
    char *end;
    long n = strtol(text, &end, 10);
    if (end == text || *end || n < 1 || n > max) {
        fprintf(stderr, "%s: a number from 1 to %d is wanted\n", text, max);
        exit(2);
    }
    return (int)n;
}

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "init") == 0)
        return writers_init(argv[2]);
    if (argc == 4 && strcmp(argv[1], "check") == 0)
        return writers_check(argv[2], argv[3]);
    if (argc >= 4 && argc <= 6 && strcmp(argv[1], "run") == 0)
        return run(argv[2], argv[3], argc > 4 ? number(argv[4], LEDGER_WORKERS_MAX - 1) : 4,
                   argc > 5 ? number(argv[5], 100000) : 400);
    fprintf(stderr, "usage: aurora-writers init CONNINFO | run CONNINFO LEDGER [CONNECTIONS [RATE]] | "
                    "check CONNINFO LEDGER\n");
    return 2;
}
