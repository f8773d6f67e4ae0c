/* Two servers, the old and the new major, with the same many tables and sequences: how long does looking into
 * such a database take, and carrying its sequences, beside dumping its definitions with pg_dump in the same
 * run? Rounds alternate, medians are told. */
#include "internal/pg/catalog.h"
#include "internal/pg/fixture.h"
#include "internal/pg/logical.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROUNDS = 3, OLD = 13, NEW = 17, PER_TRANSACTION = 500 };
#define PUBLICATION "aurora_upgrade"
/* A sequence has a page of its own: who has ten thousand has more buffers than the fixture gives. */
#define SETTINGS                                                                                             \
    "-c wal_level=logical -c max_locks_per_transaction=1000 -c autovacuum=off -c shared_buffers=256MB"

static struct server *old_side, *new_side;
static struct pg *from, *to;
static long objects = 10000;

static void fill(struct server *s)
{
    server_sql(s, "postgres", "CREATE DATABASE app");
    for (long i = 0; i < objects; i += PER_TRANSACTION) /* locks of one transaction are counted */
        server_sqlf(
            s, "app",
            "DO $$BEGIN FOR i IN %ld..%ld LOOP EXECUTE format('CREATE TABLE t_%%s (id bigint PRIMARY KEY, "
            "at timestamptz NOT NULL DEFAULT now(), body text); CREATE SEQUENCE s_%%s', i, i); END LOOP; "
            "END$$",
            i, i + PER_TRANSACTION - 1);
    server_sqlf(
        s, "app",
        "DO $$BEGIN FOR i IN 0..%ld BY 2 LOOP PERFORM setval(format('s_%%s', i), i + 7); END LOOP; END$$",
        objects - 1); /* the others were never called */
    server_sql(s, "app", "ANALYZE");
}

/* ---- what is timed ---- */

static void must(bool ok, const struct err *e)
{
    if (ok)
        return;
    (void)fprintf(stderr, "%s: %s\n", e->text, e->said);
    exit(1);
}

static size_t dump(struct arena *a)
{
    char command[400];
    (void)a;
    (void)snprintf(command, sizeof command, "pg_dump -h '%s' -p %d -U rdsadmin -s app >/dev/null",
                   fixture_dir(), old_side->port);
    return system(command) == 0 ? 0 : 1; /* NOLINT(cert-env33-c): the words are ours */
}

static size_t preflight(struct arena *a)
{
    const struct pg_finding *list = NULL;
    struct err e = ERR_INIT;
    size_t n = 0, blockers = 0;
    must(pg_preflight(from, a, PG_FOR_LOGICAL, NEW, &list, &n, &e), &e);
    for (size_t i = 0; i < n; i++)
        blockers +=
            list[i].severity == PG_BLOCKER && list[i].database[0]; /* of the database, not of this server */
    return blockers;
}

static size_t fingerprint(struct arena *a)
{
    struct pg_fingerprint x = {0}, y = {0};
    struct err e = ERR_INIT;
    static const char *const ignored[] = {"extensions", "settings", "grants", "roles", NULL};
    const char **lines = NULL;
    size_t n = 0;
    must(pg_fingerprint(from, a, &x, &e) && pg_fingerprint(to, a, &y, &e), &e);
    pg_fingerprint_diff(a, "app", &x, &y, ignored, 5, &lines, &n);
    for (size_t i = 0; i < n && i < 5; i++)
        (void)fprintf(stderr, "%s\n", lines[i]);
    return n;
}

/* As the cutover does before the fence, in its own session, while the application works on. */
static size_t sequences_ready(struct arena *a)
{
    struct err e = ERR_INIT;
    (void)a;
    pg_close(from);
    pg_close(to);
    from = server_open(old_side, "app", "rdsadmin", true);
    to = server_open(new_side, "app", "rdsadmin", true);
    must(pg_facts_make(from, &e) && pg_sequences_ready(from, &e) && pg_sequences_ready(to, &e), &e);
    server_sqlf(old_side, "app",
                "DO $$BEGIN FOR i IN 0..%ld BY 2 LOOP PERFORM nextval(format('s_%%s', i)); END LOOP; END$$",
                objects - 1);
    server_sqlf(old_side, "app", "SELECT setval('s_1', (SELECT last_value FROM s_1) + 1, false)");
    return 0;
}

/* As the cutover does it behind the fence: read, set what differs, read back. */
static size_t sequences(struct arena *a)
{
    const struct pg_sequence *was = NULL, *other = NULL, *still = NULL;
    struct err e = ERR_INIT;
    size_t n = 0, m = 0, left = 0;
    must(pg_sequences(from, a, &was, &n, &e) && pg_sequences_differ(to, a, was, n, &other, &m, &e) &&
             pg_sequences_set(to, other, m, &e) && pg_sequences_differ(to, a, other, m, &still, &left, &e),
         &e);
    return left + (n != (size_t)objects) + (m != (size_t)objects / 2 + 1);
}

/* What it has carried, looked at in another way. */
static size_t sequences_compared(struct arena *a)
{
    const struct pg_sequence *was = NULL, *is = NULL;
    struct err e = ERR_INIT;
    size_t n = 0, m = 0, wrong = 0;
    must(pg_sequences(from, a, &was, &n, &e) && pg_sequences(to, a, &is, &m, &e), &e);
    for (size_t i = 0; i < n; i++)
        wrong += i >= m || strcmp(was[i].name, is[i].name) != 0 || was[i].last_value != is[i].last_value ||
                 was[i].is_called != is[i].is_called;
    return wrong + (n != (size_t)objects);
}

static size_t publication(struct arena *a)
{
    struct err e = ERR_INIT;
    const struct pg_table_choice all = {0};
    const char **tables = NULL;
    size_t n = 0;
    must(pg_publication_drop(from, PUBLICATION, &e) && pg_publishable(from, a, &all, &tables, &n, &e) &&
             pg_publication_make(from, PUBLICATION, tables, n, &e),
         &e);
    return n != (size_t)objects;
}

/* Behind the fence it is asked on both sides: what is sent is taken. */
static size_t relations(struct arena *a)
{
    struct err e = ERR_INIT;
    const char **sent = NULL;
    size_t n = 0;
    must(pg_published_relations(from, a, PUBLICATION, &sent, &n, &e), &e);
    return n < (size_t)objects;
}

static const struct timed {
    const char *name;
    int64_t goal_ms, most_ms;       /* beyond it no busy machine is an excuse */
    size_t (*run)(struct arena *a); /* how much is wrong */
} all[] = {
    {"pg_dump of the definitions", 0, 0, dump},
    {"all checks before a logical upgrade", 1000, 10000, preflight},
    {"fingerprints of both sides, compared", 0, 30000, fingerprint},
    {"sequences made ready, before the fence", 0, 10000, sequences_ready},
    {"sequences read, half of them set, read back", 250, 2500, sequences},
    {"sequences of both sides, all read and compared", 0, 5000, sequences_compared},
    {"publication with an explicit list", 0, 30000, publication},
    {"relations that it sends", 0, 5000, relations},
};

static int by_time(const void *a, const void *b)
{
    return (*(const int64_t *)a > *(const int64_t *)b) - (*(const int64_t *)a < *(const int64_t *)b);
}

static int tell(size_t row, const int64_t *ms, size_t wrong, int64_t dump_ms)
{
    const struct timed *t = &all[row];
    int64_t median = ms[ROUNDS / 2];
    bool ok = wrong == 0 && (t->most_ms == 0 || median <= t->most_ms);
    (void)printf("%sok %zu - %s: %lld ms, %.2f times pg_dump's%s", ok ? "" : "not ", row + 1, t->name,
                 (long long)median, (double)median / (double)(dump_ms ? dump_ms : 1), t->goal_ms ? "" : "\n");
    if (t->goal_ms)
        (void)printf(" (goal %lld ms)\n", (long long)t->goal_ms);
    if (wrong)
        (void)printf("# %zu wrong\n", wrong);
    return ok ? 0 : 1;
}

int main(int argc, char **argv)
{
    int64_t ms[ARRAY_LEN(all)][ROUNDS];
    size_t wrong[ARRAY_LEN(all)] = {0};
    int failed = 0;
    if (argc > 1)
        objects = strtol(argv[1], NULL, 10);
    if (!server_available(OLD) || !server_available(NEW)) {
        (void)printf("not ok 1 - PostgreSQL %d and %d are there\n1..1\n", OLD, NEW);
        return 1;
    }
    old_side = server_new(OLD, false, SETTINGS);
    new_side = server_new(NEW, false, SETTINGS);
    fill(old_side);
    fill(new_side);
    from = server_open(old_side, "app", "rdsadmin", true);
    to = server_open(new_side, "app", "rdsadmin", true);
    struct err e = ERR_INIT;
    must(pg_facts_make(from, &e) && pg_facts_make(to, &e), &e);
    for (int round = 0; round < ROUNDS; round++)
        for (size_t i = 0; i < ARRAY_LEN(all); i++) {
            struct arena *a CLEANUP(arena_cleanup) = arena_new();
            int64_t began = socket_now_ms();
            wrong[i] += all[i].run(a);
            ms[i][round] = socket_now_ms() - began;
        }
    (void)printf("# %ld tables, %ld sequences\n", objects, objects);
    for (size_t i = 0; i < ARRAY_LEN(all); i++)
        qsort(ms[i], ROUNDS, sizeof ms[i][0], by_time);
    for (size_t i = 0; i < ARRAY_LEN(all); i++)
        failed += tell(i, ms[i], wrong[i], ms[0][ROUNDS / 2]);
    (void)printf("1..%zu\n", ARRAY_LEN(all));
    pg_close(from);
    pg_close(to);
    return failed > 0;
}
