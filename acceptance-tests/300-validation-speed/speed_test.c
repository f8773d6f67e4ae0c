/* Two servers with the same data: how fast is comparing all of it, beside a bare hash scan of every table on
 * both sides at once? Rounds alternate, medians are told. */
#include "internal/pg/fixture.h"
#include "internal/pg/rows.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ROUNDS = 3, SMALL_TABLES = 500, PERCENT_GOAL = 80, PERCENT_LEAST = 60 };

static struct server *sides[2];
static const char *tables =
    "SELECT format('%I.%I', n.nspname, c.relname) FROM pg_class c JOIN pg_namespace n ON"
    " n.oid = c.relnamespace WHERE n.nspname = 'public' AND c.relkind = 'r' ORDER BY 1";

static void fill(struct server *s, long rows)
{
    server_sql(s, "postgres", "CREATE DATABASE app");
    server_sqlf(
        s, "app",
        "CREATE TABLE public.account (id bigint PRIMARY KEY, branch int, balance numeric, filler char(84));"
        "INSERT INTO public.account SELECT g, g %% 100, g * 1.25, 'x' FROM generate_series(1, %ld) g",
        rows);
    server_sqlf(
        s, "app",
        "CREATE TABLE public.document (id bigint PRIMARY KEY, at timestamptz, body jsonb); INSERT INTO"
        " public.document SELECT g, timestamptz '2026-01-01' + g * interval '1 second', "
        "jsonb_build_object('n',"
        " g, 'tags', ARRAY[md5(g::text), md5((g + 1)::text)]) FROM generate_series(1, %ld) g",
        rows / 8);
    server_sqlf(
        s, "app",
        "CREATE TABLE public.session (id uuid PRIMARY KEY, seen float8, who text); INSERT INTO public.session"
        " SELECT md5(g::text)::uuid, g / 7.0, 'user ' || g FROM generate_series(1, %ld) g",
        rows / 8);
    for (int i = 0; i < SMALL_TABLES; i++)
        server_sqlf(
            s, "app",
            "CREATE TABLE public.small_%d AS SELECT g AS id, md5(g::text) AS t FROM generate_series(1,"
            " 20) g; ALTER TABLE public.small_%d ADD PRIMARY KEY (id)",
            i, i);
    server_sql(s, "app", "VACUUM ANALYZE");
}

/* CPU time of a server and all its processes that have ended, in ms: wall time says little on a busy machine.
 */
static int64_t cpu_of(const struct server *s)
{
    char path[64], text[1024] = "";
    (void)snprintf(path, sizeof path, "/proc/%d/stat", (int)s->pid);
    FILE *f = fopen(path, "re");
    size_t n = f ? fread(text, 1, sizeof text - 1, f) : 0;
    if (f)
        (void)fclose(f);
    text[n] = '\0';
    const char *at = strrchr(text, ')');
    unsigned long u = 0, k = 0;
    long cu = 0, ck = 0;
    if (!at ||
        sscanf(at + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu %ld %ld", &u, &k, &cu, &ck) != 4)
        return 0;
    return (int64_t)(u + k + (unsigned long)cu + (unsigned long)ck) * 1000 / sysconf(_SC_CLK_TCK);
}

/* A session's time counts once its server has reaped it: until then some child is a session's. */
static bool has_sessions(pid_t server)
{
    char path[64], line[256];
    bool found = false;
    (void)snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)server, (int)server);
    FILE *children = fopen(path, "re");
    for (int pid; children && fscanf(children, "%d", &pid) == 1 && !found;) {
        (void)snprintf(path, sizeof path, "/proc/%d/cmdline", pid);
        FILE *f = fopen(path, "re");
        size_t n = f ? fread(line, 1, sizeof line - 1, f) : 0;
        line[n] = '\0';
        found = n == 0 || strstr(line, "rdsadmin") || strstr(line, "parallel worker");
        if (f)
            (void)fclose(f);
    }
    if (children)
        (void)fclose(children);
    return found;
}

static bool alone(void *arg)
{
    (void)arg;
    return !has_sessions(sides[0]->pid) && !has_sessions(sides[1]->pid);
}

static int64_t cpu(void)
{
    if (!eventually(alone, NULL, 120000))
        exit(1);
    return cpu_of(sides[0]) + cpu_of(sides[1]);
}

/* ---- bare ---- */

static void *scan(void *arg)
{
    struct server *s = arg;
    PGconn *c = server_conn(s, "app");
    PGresult *names = PQexec(c, tables);
    conn_sql(c, "SET max_parallel_workers_per_gather = 0; SET jit = off");
    char sql[400];
    for (int i = 0; i < PQntuples(names); i++) {
        (void)snprintf(sql, sizeof sql, "SELECT count(*), sum(hashtextextended((x.*)::text, 0)) FROM %s AS x",
                       PQgetvalue(names, i, 0));
        conn_sql(c, sql);
    }
    PQclear(names);
    PQfinish(c);
    return NULL;
}

static int64_t bare(void)
{
    pthread_t other;
    int64_t from = socket_now_ms();
    if (pthread_create(&other, NULL, scan, sides[0]) != 0)
        abort();
    (void)scan(sides[1]);
    (void)pthread_join(other, NULL);
    return socket_now_ms() - from;
}

/* ---- ours ---- */

static bool open_side(void *arg, bool new_side, struct pg **ret, struct err *e)
{
    (void)arg;
    struct pg_target t = {
        .host = fixture_dir(), .port = sides[new_side]->port, .database = "app", .username = "rdsadmin"};
    return pg_open(&t, NULL, ret, e);
}

static int64_t ours(int64_t *ret_rows, size_t *ret_unequal)
{
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    struct pg_rows_result r;
    struct err e = ERR_INIT;
    const struct pg_rows_options o = {.open = open_side, .max_connections = 2};
    int64_t from = socket_now_ms();
    if (!pg_compare_rows(a, &o, &r, &e)) {
        (void)fprintf(stderr, "%s (%s)\n", e.text, e.said);
        exit(1);
    }
    *ret_rows = r.rows;
    *ret_unequal = 0;
    for (size_t i = 0; i < r.table_count; i++)
        *ret_unequal += !r.tables[i].equal || !r.tables[i].exact;
    return socket_now_ms() - from;
}

static int by_time(const void *a, const void *b)
{
    return (*(const int64_t *)a > *(const int64_t *)b) - (*(const int64_t *)a < *(const int64_t *)b);
}

static void tell(const char *what, int64_t ms, int64_t rows, int64_t bytes)
{
    (void)printf("# %s: %lld ms, %.2f million rows/s, %.0f MB/s on either side\n", what, (long long)ms,
                 (double)rows / 1000.0 / (double)ms, (double)bytes / 1000.0 / (double)ms);
}

int main(int argc, char **argv)
{
    int64_t bare_ms[ROUNDS], our_ms[ROUNDS], rows = 0;
    size_t unequal = 0;
    static const int majors[] = {13, 17};
    for (size_t i = 0; i < ARRAY_LEN(majors); i++) {
        if (!server_available(majors[i])) {
            (void)printf("not ok 1 - PostgreSQL %d is there\n1..1\n", majors[i]);
            return 1;
        }
        sides[i] = server_new(majors[i], false,
                              "-c shared_buffers=1GB -c max_wal_size=8GB -c wal_level=minimal -c"
                              " max_wal_senders=0 -c autovacuum=off");
        fill(sides[i], argc > 1 ? strtol(argv[1], NULL, 10) : 1000000);
    }
    char *text =
        server_value(sides[0], "app",
                     "SELECT sum(pg_table_size(oid)) FROM pg_class WHERE relkind = 'r' AND relnamespace ="
                     " 'public'::regnamespace");
    int64_t bytes = strtoll(text, NULL, 10);
    free(text);
    for (int i = 0; i < ROUNDS; i++) {
        int64_t first = cpu();
        bare_ms[i] = bare();
        int64_t second = cpu();
        our_ms[i] = ours(&rows, &unequal);
        int64_t third = cpu();
        (void)printf("# round %d: bare %lld ms (CPU %lld), compared %lld ms (CPU %lld)\n", i + 1,
                     (long long)bare_ms[i], (long long)(second - first), (long long)our_ms[i],
                     (long long)(third - second));
    }
    qsort(bare_ms, ROUNDS, sizeof bare_ms[0], by_time);
    qsort(our_ms, ROUNDS, sizeof our_ms[0], by_time);
    int64_t percent = 100 * bare_ms[ROUNDS / 2] / our_ms[ROUNDS / 2];
    tell("bare scan of both sides", bare_ms[ROUNDS / 2], rows, bytes);
    tell("comparison", our_ms[ROUNDS / 2], rows, bytes);
    (void)printf("%sok 1 - %lld rows in %d tables compared, %zu of them not equal\n", unequal ? "not " : "",
                 (long long)rows, SMALL_TABLES + 3, unequal);
    (void)printf("%sok 2 - %.2f times as fast as the bare scan (goal %.2f)\n1..2\n",
                 percent >= PERCENT_LEAST ? "" : "not ", (double)percent / 100, PERCENT_GOAL / 100.0);
    return unequal || percent < PERCENT_LEAST;
}
