/* A fence against hundreds of sessions that want to write, each kind in its own way, on every major there is.
 * In every round the fence is raised in the middle of the storm; what is acknowledged, or found in the
 * tables, behind it has leaked. Then it is taken back: how long until somebody has written, and is the access
 * list what it was? At last whoever raises it is killed at any moment, again and again. */
#include "internal/pg/fence.h"
#include "internal/pg/fixture.h"
#include "internal/pg/logical.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SESSIONS_MAX = 400, EMPTY_SWEEPS = 3, PATIENCE_MS = 120000, KILLS = 60 };

#define FACT "storm"
#define KEEP "subscriber"
#define LIST "SELECT coalesce(datacl, acldefault('d', datdba)) FROM pg_database WHERE datname = 'app'"
#define SETTINGS                                                                                             \
    "-c max_connections=500 -c wal_level=logical -c max_wal_senders=10 -c wal_retrieve_retry_interval=100"

/* `step`, a pause, `then`; `begin` once in a session. */
static const struct kind {
    const char *name, *user, *options, *begin, *step, *then;
    int pause_ms;
    bool once; /* a session for every write */
} kinds[] = {
    {"insists", "plain", "-c default_transaction_read_only=off", "",
     "BEGIN READ WRITE; INSERT INTO public.t DEFAULT VALUES; COMMIT", "", 2, false},
    {"comes again", "plain", "", "", "INSERT INTO public.t DEFAULT VALUES", "", 0, true},
    {"in a transaction", "plain", "", "", "BEGIN; INSERT INTO public.t DEFAULT VALUES", "COMMIT", 40, false},
    {"idle", "plain", "", "", "INSERT INTO public.t DEFAULT VALUES", "", 300, false},
    {"another role", "boss", "", "SET ROLE granter", "INSERT INTO public.t DEFAULT VALUES", "", 2, false},
    {"owner of the database", "app_owner", "", "", "INSERT INTO public.t DEFAULT VALUES", "", 2, false},
    {"takes numbers", "plain", "", "", "SELECT nextval('public.t_id_seq')", "", 2, false},
    {"does not wait for its commit", "plain", "-c synchronous_commit=off", "",
     "INSERT INTO public.t DEFAULT VALUES", "", 2, false},
    {"defines things", "app_owner", "", "",
     "CREATE OR REPLACE VIEW public.made AS SELECT 1 AS one; INSERT INTO public.t DEFAULT VALUES", "", 20,
     false},
};

static struct server *server;
static atomic_bool over;
static atomic_long acknowledged[ARRAY_LEN(kinds)], refused;
static int sessions = 200, rounds = 25;

static void must(bool ok, const struct err *e)
{
    if (ok)
        return;
    (void)fprintf(stderr, "%s: %s\n", e->text, e->said);
    exit(1);
}

/* ---- the storm ---- */

static bool does(PGconn *conn, const char *sql)
{
    PGresult *r = PQexec(conn, sql);
    ExecStatusType status = PQresultStatus(r);
    PQclear(r);
    return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;
}

static void *rage(void *arg)
{
    size_t n = (size_t)(uintptr_t)arg % ARRAY_LEN(kinds);
    const struct kind *k = &kinds[n];
    char info[700];
    (void)snprintf(info, sizeof info,
                   "host=%s port=%d dbname=app user=%s sslmode=disable options='-c "
                   "client_min_messages=warning %s'",
                   fixture_dir(), server->port, k->user, k->options);
    while (!atomic_load(&over)) {
        PGconn *conn = PQconnectdb(info);
        bool lives = PQstatus(conn) == CONNECTION_OK && (!k->begin[0] || does(conn, k->begin));
        while (lives && !atomic_load(&over)) {
            bool done = does(conn, k->step);
            (void)poll(NULL, 0, k->pause_ms);
            done = done && (!k->then[0] || does(conn, k->then));
            atomic_fetch_add(&acknowledged[n], done);
            lives = !k->once && PQstatus(conn) == CONNECTION_OK;
        }
        atomic_fetch_add(&refused, PQstatus(conn) != CONNECTION_OK);
        PQfinish(conn);
    }
    return NULL;
}

static long all_acknowledged(void)
{
    long sum = 0;
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
        sum += atomic_load(&acknowledged[i]);
    return sum;
}

static bool all_have_written(void *arg)
{
    (void)arg;
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
        if (atomic_load(&acknowledged[i]) < 3)
            return false;
    return true;
}

static bool somebody_has_written(void *arg)
{
    (void)arg;
    return all_acknowledged() > 0;
}

static bool all_were_refused(void *arg)
{
    (void)arg;
    return atomic_load(&refused) > 3L * sessions;
}

static void forget(void)
{
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
        atomic_store(&acknowledged[i], 0);
    atomic_store(&refused, 0);
}

/* ---- a server ---- */

/* From 16 on a subscription may belong to somebody who is no superuser: a worker that nobody connects. */
static void make_worker(void)
{
    server_sql(server, "postgres", "CREATE DATABASE source");
    server_sql(server, "source",
               "CREATE TABLE followed (id bigserial PRIMARY KEY); CREATE PUBLICATION f FOR TABLE followed;"
               "GRANT ALL ON followed, followed_id_seq TO plain");
    server_sql(server, "source", "SELECT pg_create_logical_replication_slot('f', 'pgoutput')");
    server_sql(server, "app",
               "CREATE TABLE followed (id bigint PRIMARY KEY); ALTER TABLE followed OWNER TO app_owner");
    if (server->major < 16)
        return;
    server_sql(server, "app", "GRANT pg_create_subscription TO app_owner; ALTER ROLE app_owner REPLICATION");
    server_sqlf(
        server, "app",
        "CREATE SUBSCRIPTION f CONNECTION 'host=%s port=%d dbname=source user=app_owner' PUBLICATION f WITH"
        " (create_slot = false, slot_name = 'f', copy_data = false, password_required = false, enabled = "
        "false)",
        fixture_dir(), server->port);
    server_sql(server, "app", "ALTER SUBSCRIPTION f OWNER TO app_owner");
    server_sql(server, "app", "ALTER SUBSCRIPTION f ENABLE"); /* first launched as its owner */
}

static void make(int major)
{
    struct err e = ERR_INIT;
    server = server_new(major, false, SETTINGS);
    server_sql(
        server, "postgres",
        "CREATE ROLE master LOGIN CREATEROLE CREATEDB IN ROLE pg_signal_backend, pg_monitor;"
        "CREATE ROLE subscriber LOGIN; CREATE ROLE plain LOGIN; CREATE ROLE granter;"
        "CREATE ROLE boss LOGIN IN ROLE granter; CREATE ROLE app_owner LOGIN; GRANT app_owner TO master");
    server_sql(server, "postgres", "CREATE DATABASE app OWNER app_owner");
    server_sql(server, "app",
               "CREATE TABLE t (id bigserial PRIMARY KEY); GRANT ALL ON t, t_id_seq TO PUBLIC;"
               "GRANT ALL ON SCHEMA public TO PUBLIC; GRANT CREATE ON DATABASE app TO master");
    struct pg *c CLEANUP(pg_cleanup) = server_open(server, "app", "master", true);
    must(pg_facts_make(c, &e), &e);
    server_sql(server, "app", "GRANT CONNECT ON DATABASE app TO subscriber");
    make_worker();
}

/* What the database holds, with what a sequence has given out, which no transaction takes back. */
static char *contents(void)
{
    return server_value(
        server, "app",
        "SELECT (SELECT count(*) FROM t) || ' ' || (SELECT count(*) FROM followed) || ' ' || (SELECT"
        " last_value FROM t_id_seq) || ' ' || (SELECT count(*) FROM pg_class WHERE relname = 'made')");
}

/* ---- rounds ---- */

struct tally {
    int64_t raised_ms[100], writable_ms[100];
    int rounds, leaked, lists_that_differ, stood, did_not;
    long refused, written;
};

static void sweep_empty(struct pg *c)
{
    struct err e = ERR_INIT;
    for (int empty = 0; empty < EMPTY_SWEEPS;) {
        int64_t ended = 0;
        must(pg_fence_sweep(c, KEEP, &ended, &e), &e);
        empty = ended ? 0 : empty + 1;
        (void)poll(NULL, 0, 5);
    }
}

static void expect_quickly(bool (*done)(void *), const char *what)
{
    if (eventually(done, NULL, PATIENCE_MS))
        return;
    (void)fprintf(stderr, "%s: not within %d s\n", what, PATIENCE_MS / 1000);
    exit(1);
}

/* Written to the database that is followed: nobody but the worker brings it here. */
static void feed(void)
{
    server_sql(server, "source", "INSERT INTO followed SELECT FROM generate_series(1, 10)");
}

static bool take_back(struct pg *c, const char *was, struct tally *t)
{
    struct err e = ERR_INIT;
    bool same = false;
    int64_t from = socket_now_ms();
    must(pg_fence_lift(c, FACT, &same, &e), &e);
    char *is = server_value(server, "postgres", LIST);
    forget();
    expect_quickly(somebody_has_written, "a write behind the fence's end");
    t->writable_ms[t->rounds] = socket_now_ms() - from;
    same = same && strcmp(is, was) == 0;
    free(is);
    return same;
}

static void run_round(struct tally *t)
{
    struct err e = ERR_INIT;
    struct pg *c CLEANUP(pg_cleanup) = server_open(server, "app", "master", true);
    char *was = server_value(server, "postgres", LIST);
    forget();
    feed();
    expect_quickly(all_have_written, "writes of every kind");
    t->written += all_acknowledged();
    int64_t from = socket_now_ms();
    must(pg_fence_raise(c, FACT, KEEP, &e), &e);
    sweep_empty(c);
    t->raised_ms[t->rounds] = socket_now_ms() - from;
    char *before = contents();
    forget();
    feed();
    expect_quickly(all_were_refused, "refusals");
    t->refused += atomic_load(&refused);
    char *after = contents();
    if (strcmp(before, after) != 0) {
        t->leaked++;
        (void)printf("# leaked: %s before, %s after\n", before, after);
    }
    t->lists_that_differ += !take_back(c, was, t);
    t->rounds++;
    free(before);
    free(after);
    free(was);
}

/* ---- whoever raises it dies ---- */

/* This program again: raises the fence and sweeps until it is killed. */
static int raise_and_sweep(const char *dir, const char *port)
{
    const struct pg_target t = {.host = dir,
                                .port = (int)strtol(port, NULL, 10),
                                .database = "app",
                                .username = "master",
                                .sslmode = "disable",
                                .writable = true};
    struct pg *c CLEANUP(pg_cleanup) = NULL;
    struct err e = ERR_INIT;
    int64_t ended;
    if (!pg_open(&t, NULL, &c, &e) || write(STDOUT_FILENO, "+", 1) != 1 || !pg_fence_raise(c, FACT, KEEP, &e))
        return 1;
    while (pg_fence_sweep(c, KEEP, &ended, &e))
        continue;
    return 1;
}

/* Killed `us` after it was started, or after it has a session. */
static void raise_and_die(const char *self, bool has_session, long us)
{
    int ready[2];
    char port[16], byte;
    (void)snprintf(port, sizeof port, "%d", server->port);
    if (pipe(ready) != 0)
        exit(1);
    pid_t pid = fork();
    if (pid == 0) {
        (void)dup2(ready[1], STDOUT_FILENO);
        (void)execl(self, self, "raise", fixture_dir(), port, (char *)NULL);
        _exit(127);
    }
    (void)close(ready[1]);
    if (pid < 0 || (has_session && read(ready[0], &byte, 1) != 1))
        exit(1);
    (void)close(ready[0]);
    struct timespec pause = {us / 1000000, us % 1000000 * 1000};
    (void)nanosleep(&pause, NULL);
    (void)kill(pid, SIGKILL);
    (void)waitpid(pid, NULL, 0);
}

/* Its statement may still be at work in the server when it is gone. */
static bool nobody_raises(void *arg)
{
    (void)arg;
    char *n = server_value(server, "app", "SELECT count(*) FROM pg_stat_activity WHERE usename = 'master'");
    bool none = strcmp(n, "0") == 0;
    free(n);
    return none;
}

static void kill_round(const char *self, long i, struct tally *t)
{
    struct err e = ERR_INIT;
    bool up = false;
    char *was = server_value(server, "postgres", LIST);
    raise_and_die(self, i % 2 == 0, i * 250);
    expect_quickly(nobody_raises, "the end of the dead one's session");
    struct pg *c CLEANUP(pg_cleanup) = server_open(server, "app", "master", true);
    must(pg_fence_is_up(c, FACT, &up, &e), &e);
    t->stood += up;
    t->did_not += !up;
    t->rounds = 0;
    t->lists_that_differ += !take_back(c, was, t);
    free(was);
}

/* ---- telling ---- */

static int tests, failed;

static void row(bool ok, int major, const char *what)
{
    failed += !ok;
    (void)printf("%sok %d - %d: %s\n", ok ? "" : "not ", ++tests, major, what);
    (void)fflush(stdout);
}

static int by_time(const void *a, const void *b)
{
    return (*(const int64_t *)a > *(const int64_t *)b) - (*(const int64_t *)a < *(const int64_t *)b);
}

static void tell_times(const char *what, int64_t *ms, int n)
{
    qsort(ms, (size_t)n, sizeof *ms, by_time);
    (void)printf("# %s: p50 %lld ms, longest %lld ms of %d\n", what, (long long)ms[n / 2],
                 (long long)ms[n - 1], n);
}

static void storm(const char *self, int major)
{
    pthread_t threads[SESSIONS_MAX];
    struct tally t = {0}, killed = {0};
    make(major);
    atomic_store(&over, false);
    for (int i = 0; i < sessions; i++)
        if (pthread_create(&threads[i], NULL, rage, (void *)(uintptr_t)i) != 0)
            exit(1);
    for (int i = 0; i < rounds; i++)
        run_round(&t);
    for (long i = 0; i < KILLS; i++)
        kill_round(self, i, &killed);
    atomic_store(&over, true);
    for (int i = 0; i < sessions; i++)
        (void)pthread_join(threads[i], NULL);
    (void)printf(
        "# %d sessions of %zu kinds%s, %d rounds: %ld writes before the fences, %ld refusals behind them\n",
        sessions, ARRAY_LEN(kinds), major >= 16 ? " and a worker" : "", rounds, t.written, t.refused);
    tell_times("until nobody was left", t.raised_ms, rounds);
    tell_times("from the undo until somebody had written", t.writable_ms, rounds);
    char *brought = server_value(server, "app", "SELECT count(*) FROM followed");
    (void)printf("# killed %d times: the fence stood %d times\n", KILLS, killed.stood);
    row(t.leaked == 0, major, "nothing was written behind a fence");
    row(t.lists_that_differ == 0, major, "the access list was what it was, byte for byte");
    row(killed.stood > 0 && killed.did_not > 0, major, "kills before and behind the fence's statement");
    row(killed.lists_that_differ == 0, major, "… and the list was what it was behind each");
    row((major >= 16) == (strtol(brought, NULL, 10) > 0), major,
        major >= 16 ? "the worker wrote between the fences" : "without a worker nothing came from elsewhere");
    free(brought);
    server_stop(server);
}

int main(int argc, char **argv)
{
    static const int majors[] = {13, 15, 17, 18};
    if (argc == 4 && strcmp(argv[1], "raise") == 0)
        return raise_and_sweep(argv[2], argv[3]);
    if (argc > 1)
        sessions = (int)strtol(argv[1], NULL, 10);
    if (argc > 2)
        rounds = (int)strtol(argv[2], NULL, 10);
    if (sessions < (int)ARRAY_LEN(kinds) || sessions > SESSIONS_MAX || rounds < 1 || rounds > 100) {
        (void)fprintf(stderr, "usage: aurora-fence-storm [SESSIONS [ROUNDS]]\n");
        return 2;
    }
    for (size_t i = 0; i < ARRAY_LEN(majors); i++) {
        if (server_available(majors[i]))
            storm(argv[0], majors[i]);
        else
            row(false, majors[i], "is there");
    }
    (void)printf("1..%d\n", tests);
    return failed ? 1 : 0;
}
