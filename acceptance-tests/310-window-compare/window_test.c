/* Two servers, the old and the new major, of which one follows the other. Rows change after the comparison of
 * all of them has begun, and clients go on writing until a fence would stop them. How long does it take
 * behind it to know that every changed row is the same on both sides? In every round a row is planted on the
 * new side, too, and has to be named. */
#include "internal/pg/changed_rows.h"
#include "internal/pg/fixture.h"
#include "internal/pg/logical.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    ROUNDS = 5,
    OLD = 13,
    NEW = 17,
    ROWS = 300000,
    WRITERS = 16,
    GOAL_MS = 100,
    MOST_MS = 2000,
    THINK_MS = 20
};
#define SETTINGS                                                                                             \
    "-c wal_level=logical -c shared_buffers=256MB -c max_wal_size=2GB -c max_wal_senders=10"                 \
    " -c max_replication_slots=10"

static struct server *old_side, *new_side;
static struct pg *writer, *follower;
static long changed = 100000;
static int markers;
static atomic_bool writing;
static atomic_long written;

static void must(bool ok, const struct err *e)
{
    if (ok)
        return;
    (void)fprintf(stderr, "%s: %s\n", e->text, e->said);
    exit(1);
}

/* ---- a pair ---- */

static const char schema[] = "CREATE TABLE public.plain (id bigint PRIMARY KEY, n int, body text);"
                             "CREATE TABLE public.scattered (id uuid PRIMARY KEY, n int, body text);"
                             "CREATE TABLE public.pairs (a int, b text, n int, PRIMARY KEY (a, b));"
                             "CREATE PUBLICATION p FOR ALL TABLES";

static void fill(struct server *s)
{
    struct err e = ERR_INIT;
    server_sql(s, "postgres", "CREATE DATABASE app");
    struct pg *c CLEANUP(pg_cleanup) = server_open(s, "app", "rdsadmin", true);
    must(pg_facts_make(c, &e), &e);
    server_sql(s, "app", schema);
    server_sqlf(s, "app",
                "INSERT INTO plain SELECT g, 0, repeat(md5(g::text), 4) FROM generate_series(1, %d) g;"
                "INSERT INTO scattered SELECT md5(g::text)::uuid, 0, repeat(md5(g::text), 4) FROM"
                " generate_series(1, %d) g;"
                "INSERT INTO pairs SELECT g, 'b' || g %% 7, 0 FROM generate_series(1, %d) g",
                ROWS, ROWS, ROWS);
    server_sql(s, "app", "VACUUM ANALYZE");
}

static bool has_arrived(void *arg)
{
    struct err e = ERR_INIT;
    int64_t n = 0;
    lsn_t at = 0;
    must(pg_marker_find(follower, arg, &n, &at, &e), &e);
    return n == 1;
}

/* As a cutover does: written, arrived, durable. */
static void mark(char token[40])
{
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    struct pg_subscription s;
    struct err e = ERR_INIT;
    (void)snprintf(token, 40, "marker-%d", ++markers);
    must(pg_marker_write(writer, token, &e), &e);
    if (!eventually(has_arrived, token, 300000))
        exit(1);
    must(pg_subscription_find(follower, a, "sub", &s, &e), &e);
}

static void start(void)
{
    old_side = server_new(OLD, false, SETTINGS);
    new_side = server_new(NEW, false, SETTINGS);
    fill(old_side);
    fill(new_side);
    server_sql(old_side, "app", "SELECT pg_create_logical_replication_slot('s', 'pgoutput')");
    server_sqlf(new_side, "app",
                "CREATE SUBSCRIPTION sub CONNECTION 'host=%s port=%d dbname=app user=rdsadmin' PUBLICATION p"
                " WITH (create_slot = false, slot_name = 's', copy_data = false)",
                fixture_dir(), old_side->port);
    writer = server_open(old_side, "app", "rdsadmin", true);
    follower = server_open(new_side, "app", "rdsadmin", false);
}

static bool open_side(void *arg, bool on_new, bool replication, struct pg **ret, struct err *e)
{
    (void)arg;
    const struct pg_target t = {.host = fixture_dir(),
                                .port = on_new ? new_side->port : old_side->port,
                                .database = "app",
                                .username = "rdsadmin",
                                .replication = replication};
    return pg_open(&t, NULL, ret, e);
}

/* ---- who writes ---- */

static void *write_main(void *arg)
{
    PGconn *conn = server_conn(old_side, "app");
    unsigned seed = (unsigned)(uintptr_t)arg;
    while (atomic_load(&writing)) {
        char sql[300];
        int id = 1 + rand_r(&seed) % ROWS;
        (void)snprintf(sql, sizeof sql,
                       "UPDATE plain SET n = n + 1 WHERE id = %d; UPDATE scattered SET n = n + 1 WHERE id ="
                       " md5('%d')::uuid; UPDATE pairs SET n = n + 1 WHERE a = %d",
                       id, id, id);
        PGresult *r = PQexec(conn, sql); /* two may deadlock */
        atomic_fetch_add(&written, PQresultStatus(r) == PGRES_COMMAND_OK ? 3 : 0);
        PQclear(r);
        (void)poll(NULL, 0, THINK_MS);
    }
    PQfinish(conn);
    return NULL;
}

/* ---- a round ---- */

struct round {
    int64_t before_ms, ms;
    struct pg_changed_result result;
};

/* So many different rows, by single transactions of a hundred. */
static void change(void)
{
    for (long i = 0; i < changed; i += 300)
        server_sqlf(old_side, "app",
                    "UPDATE plain SET n = n + 1 WHERE id BETWEEN %ld AND %ld;"
                    "UPDATE scattered SET n = n + 1 WHERE id IN (SELECT md5(g::text)::uuid FROM"
                    " generate_series(%ld, %ld) g); UPDATE pairs SET n = n + 1 WHERE a BETWEEN %ld AND %ld",
                    i / 3 + 1, i / 3 + 100, i / 3 + 1, i / 3 + 100, i / 3 + 1, i / 3 + 100);
}

static void run_round(struct arena *a, int planted, struct round *r)
{
    const struct pg_changed_options o = {
        .open = open_side, .publication = "p", .slot = "s", .subscription = "sub"};
    struct pg_changed *c = NULL;
    struct err e = ERR_INIT;
    pthread_t threads[WRITERS];
    char token[40];
    must(pg_changed_begin(&o, &c, &e), &e);
    atomic_store(&writing, true);
    for (size_t i = 0; i < WRITERS; i++)
        if (pthread_create(&threads[i], NULL, write_main, (void *)(uintptr_t)(i + 1)) != 0)
            exit(1);
    change();
    mark(token);
    int64_t from = socket_now_ms();
    must(pg_changed_settle(c, &e), &e);
    r->before_ms = socket_now_ms() - from;
    atomic_store(&writing, false);
    for (size_t i = 0; i < WRITERS; i++)
        (void)pthread_join(threads[i], NULL);
    server_sqlf(new_side, "app", "UPDATE plain SET body = 'planted' WHERE id = %d", planted);
    mark(token);
    from = socket_now_ms();
    must(pg_changed_finish(c, a, token, 60000, &r->result, &e), &e);
    r->ms = socket_now_ms() - from;
    pg_changed_end(c);
    server_sqlf(new_side, "app", "UPDATE plain SET body = repeat(md5(id::text), 4) WHERE id = %d", planted);
}

static bool names(const struct round *r, int planted)
{
    char key[40];
    (void)snprintf(key, sizeof key, "id = %d", planted);
    const struct pg_rows_table *t = r->result.rows.tables;
    return r->result.rows.table_count == 1 && strcmp(t->table, "public.plain") == 0 &&
           t->difference_count == 1 && strcmp(t->differences[0].key, key) == 0 &&
           strcmp(t->differences[0].columns, "body") == 0;
}

static int by_time(const void *a, const void *b)
{
    return (*(const int64_t *)a > *(const int64_t *)b) - (*(const int64_t *)a < *(const int64_t *)b);
}

int main(int argc, char **argv)
{
    int64_t ms[ROUNDS];
    int named = 0, enough = 0;
    if (argc > 1)
        changed = strtol(argv[1], NULL, 10);
    if (!server_available(OLD) || !server_available(NEW)) {
        (void)printf("not ok 1 - PostgreSQL %d and %d are there\n1..1\n", OLD, NEW);
        return 1;
    }
    start();
    for (int i = 0; i < ROUNDS; i++) {
        struct arena *a CLEANUP(arena_cleanup) = arena_new();
        struct round r = {0};
        run_round(a, 7 + i, &r);
        const struct pg_changed_result *x = &r.result;
        ms[i] = r.ms;
        named += names(&r, 7 + i);
        enough += x->before + x->rows.rows >= changed;
        (void)printf(
            "# round %d: %lld rows compared before the fence, the last turns in %lld ms; behind it %lld"
            " rows in %lld ms, of it %lld to read which\n",
            i + 1, (long long)x->before, (long long)r.before_ms, (long long)x->rows.rows, (long long)r.ms,
            (long long)x->read_ms);
        (void)fflush(stdout);
    }
    qsort(ms, ROUNDS, sizeof *ms, by_time);
    pg_close(writer);
    pg_close(follower);
    (void)printf(
        "%sok 1 - %ld rows changed: compared behind the fence in %lld ms, longest %lld ms (goal %d ms)\n",
        ms[ROUNDS / 2] <= MOST_MS ? "" : "not ", changed, (long long)ms[ROUNDS / 2],
        (long long)ms[ROUNDS - 1], GOAL_MS);
    (void)printf("%sok 2 - every one of them was compared\n", enough == ROUNDS ? "" : "not ");
    (void)printf(
        "%sok 3 - a row that was changed on the new side alone was named, and nothing else: %d of %d\n",
        named == ROUNDS ? "" : "not ", named, ROUNDS);
    (void)printf("# %ld rows were written by %d clients meanwhile\n1..3\n", atomic_load(&written), WRITERS);
    return ms[ROUNDS / 2] <= MOST_MS && enough == ROUNDS && named == ROUNDS ? 0 : 1;
}
