/* The whole order on real servers: publication, slot, clone and upgrade, subscription, origin; and what each
 * verb refuses. The clone is a stopped copy: nothing is written between its end and the source's restart. */
#include "internal/base/testing.h"
#include "internal/pg/fixture.h"
#include "internal/pg/logical.h"
#include "internal/pg/replica.h"
#include "internal/pg/stall.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SETTINGS "-c wal_level=logical -c wal_retrieve_retry_interval=200ms -c wal_receiver_timeout=20s"

static const struct {
    int from, to;
} pairs[] = {{13, 17}, {15, 17}};

struct sides {
    struct server *source, *target;
    struct pg *old_side, *new_side;
    const char *marker; /* that is waited for */
};

static void must(bool ok, const struct err *e)
{
    if (!ok)
        fail_msg("%s (%s %s)", e->text, e->remote_code, e->said);
}

static int64_t number(struct server *s, const char *sql)
{
    char *text = server_value(s, "app", sql);
    int64_t n = strtoll(text, NULL, 10);
    free(text);
    return n;
}

static void make_app(struct server *s)
{
    server_sql(s, "postgres", "CREATE DATABASE app");
    server_sql(s, "postgres",
               "ALTER SYSTEM SET wal_level = logical"); /* for pg_upgrade, which starts it itself */
    server_sql(s, "app",
               "CREATE SCHEMA \"Odd, name\"; CREATE TABLE \"Odd, name\".\"a\"\"b\" (id int PRIMARY KEY);"
               "CREATE TABLE t (id int PRIMARY KEY, v text); CREATE TABLE parent (id int PRIMARY KEY);"
               "CREATE TABLE child (PRIMARY KEY (id)) INHERITS (parent);"
               "CREATE TABLE part (id int PRIMARY KEY) PARTITION BY RANGE (id);"
               "CREATE TABLE part_1 PARTITION OF part FOR VALUES FROM (0) TO (1000);"
               "CREATE UNLOGGED TABLE scratch (id int); CREATE TABLE audit (id int PRIMARY KEY)");
}

/* ---- facts ---- */

static void facts(struct pg *c)
{
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    struct err e = ERR_INIT;
    const char *value = NULL;
    int64_t n = -1;
    lsn_t at = 1;
    must(pg_fact_read(c, a, "slot_lsn", &value, &e), &e);
    assert_string_equal(value, ""); /* no schema yet */
    for (int i = 0; i < 2; i++)
        must(pg_facts_make(c, &e), &e);
    for (int i = 0; i < 2; i++)
        must(pg_fact_write(c, "slot_lsn", "0/1'\"", &e), &e);
    assert_false(pg_fact_write(c, "slot_lsn", "0/2", &e));
    assert_int_equal(e.code, ERR_CONFLICT);
    must(pg_fact_read(c, a, "slot_lsn", &value, &e), &e);
    assert_string_equal(value, "0/1'\"");
    for (int i = 0; i < 2; i++)
        must(pg_fact_change(c, "ceiling", i ? "2" : "1", &e), &e);
    must(pg_fact_read(c, a, "ceiling", &value, &e), &e);
    assert_string_equal(value, "2");
    for (int i = 0; i < 2; i++)
        must(pg_marker_write(c, "before", &e), &e);
    must(pg_marker_find(c, "before", &n, &at, &e), &e);
    assert_int_equal(n, 1);
    assert_true(at > 0);
    must(pg_marker_find(c, "never", &n, &at, &e), &e);
    assert_true(n == 0 && at == 0);
    for (int i = 0; i < 2; i++)
        must(pg_fact_forget(c, "slot_lsn", &e), &e);
    must(pg_fact_write(c, "slot_lsn", "0/2", &e), &e);
}

/* ---- the subscriber's login ---- */

static void a_login_for_subscribers(struct server *s, struct pg *c)
{
    struct err e = ERR_INIT;
    bool is_there = true;
    server_sql(s, "postgres", "CREATE ROLE somebody LOGIN");
    assert_false(pg_replication_role_make(c, "somebody", &e));
    assert_int_equal(e.code, ERR_CONFLICT);
    must(pg_replication_role_drop(c, "somebody", &e), &e);
    assert_int_equal(number(s, "SELECT count(*) FROM pg_roles WHERE rolname = 'somebody'"), 1);
    must(pg_replication_role_exists(c, "somebody", &is_there, &e), &e);
    assert_false(is_there);
    is_there = true;
    must(pg_replication_role_exists(c, "follower", &is_there, &e), &e);
    assert_false(is_there);
    must(pg_replication_role_drop(c, "follower", &e), &e);
    for (int i = 0; i < 2; i++)
        must(pg_replication_role_make(c, "follower", &e), &e);
    assert_int_equal(number(s, "SELECT (rolpassword IS NULL)::int FROM pg_authid WHERE rolname = 'follower'"),
                     1);
    must(pg_replication_role_password(c, "follower", "first", &e), &e);
    must(pg_replication_role_ready(c, "follower", &is_there, &e), &e);
    assert_true(is_there);
    char *verifier =
        server_value(s, "postgres", "SELECT rolpassword FROM pg_authid WHERE rolname = 'follower'");
    assert_int_equal(strncmp(verifier, "SCRAM-SHA-256$", 14), 0);
    free(verifier);
    assert_int_equal(number(s, "SELECT rolreplication::int FROM pg_roles WHERE rolname = 'follower'"), 1);
    must(pg_replication_role_exists(c, "follower", &is_there, &e), &e);
    assert_true(is_there);
    server_sql(s, "app", "GRANT SELECT ON t, \"Odd, name\".\"a\"\"b\" TO follower");
    for (int i = 0; i < 2; i++) {
        must(pg_replication_role_leave(c, "follower", &e), &e);
        must(pg_replication_role_drop(c, "follower", &e), &e);
    }
    assert_int_equal(number(s, "SELECT count(*) FROM pg_roles WHERE rolname = 'follower'"), 0);
}

/* A schema of that name made by somebody else could hold triggers that run with our rights. */
static void foreign_facts(struct server *s)
{
    struct err e = ERR_INIT;
    server_sql(s, "postgres", "CREATE DATABASE other");
    server_sql(
        s, "postgres",
        "CREATE ROLE intruder; CREATE ROLE operator LOGIN; GRANT CREATE ON DATABASE other TO operator");
    server_sql(s, "other", "CREATE SCHEMA aurora_upgrade AUTHORIZATION intruder");
    struct pg *c CLEANUP(pg_cleanup) = server_open(s, "other", "operator", true);
    assert_false(pg_facts_make(c, &e));
    assert_int_equal(e.code, ERR_CONFLICT);
}

/* ---- which tables ---- */

static const struct {
    const char *include[3], *exclude[3];
    const char *chosen; /* joined by spaces; NULL: refused */
} choices[] = {
    {{NULL}, {NULL}, "\"Odd, name\".\"a\"\"b\" public.audit public.child public.parent public.part public.t"},
    {{"public.*"}, {"public.audit"}, "public.child public.parent public.part public.t"},
    {{"public.t", "Odd, name.a\"b"}, {NULL}, "\"Odd, name\".\"a\"\"b\" public.t"},
    {{NULL}, {"Odd, name.*", "public.part"}, "public.audit public.child public.parent public.t"},
    {{"public.missing"}, {NULL}, NULL},
    {{NULL}, {"public.part_1"}, NULL}, /* a partition goes with its root */
    {{NULL}, {"public.scratch"}, NULL},
};

static void choosing(struct pg *c)
{
    for (size_t i = 0; i < ARRAY_LEN(choices); i++) {
        struct arena *a CLEANUP(arena_cleanup) = arena_new();
        const struct pg_table_choice choice = {choices[i].include, choices[i].exclude, false};
        const char **names = NULL, *joined = "";
        struct err e = ERR_INIT;
        size_t n = 0;
        bool ok = pg_publishable(c, a, &choice, &names, &n, &e);
        if (!choices[i].chosen) {
            assert_false(ok);
            assert_int_equal(e.code, ERR_INVALID);
            continue;
        }
        must(ok, &e);
        for (size_t k = 0; k < n; k++)
            joined = arena_printf(a, "%s%s%s", joined, k ? " " : "", names[k]);
        assert_string_equal(joined, choices[i].chosen);
    }
}

/* ---- publisher ---- */

static void publish(struct pg *c, lsn_t *ret_slot)
{
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    const struct pg_table_choice choice = {NULL, (const char *const[]){"public.audit", NULL}, false};
    struct err e = ERR_INIT;
    struct pg_publication p;
    const char **names;
    size_t n;
    lsn_t again;
    must(pg_publishable(c, a, &choice, &names, &n, &e), &e);
    for (int i = 0; i < 2; i++)
        must(pg_publication_make(c, "up \"1\"", names, n, &e), &e);
    assert_false(pg_publication_make(c, "up \"1\"", names, n - 1, &e));
    assert_int_equal(e.code, ERR_CONFLICT);
    assert_false(pg_publication_make_for_all(c, "up \"1\"", &e));
    assert_int_equal(e.code, ERR_CONFLICT);
    must(pg_publication_find(c, a, "up \"1\"", &p, &e), &e);
    assert_true(p.exists && !p.all_tables);
    assert_int_equal(p.table_count, n + 1); /* and the marker */
    must(pg_slot_make(c, "up_slot", 30000, ret_slot, &e), &e);
    assert_false(pg_slot_make(c, "up_slot", 30000, &again, &e));
    assert_int_equal(e.code, ERR_CONFLICT);
}

static void a_slot_that_cannot_be_had(struct server *s, struct pg *c)
{
    PGconn *open = server_conn(s, "app");
    struct err e = ERR_INIT;
    const struct pg_slot *slots;
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    size_t n;
    lsn_t lsn;
    conn_sql(open, "SET application_name = 'nightly'; BEGIN; INSERT INTO audit VALUES (1)");
    time_t began = time(NULL);
    assert_false(pg_slot_make(c, "late", 1000, &lsn, &e));
    assert_true(time(NULL) - began < 30);
    assert_int_equal(e.code, ERR_TIMEOUT);
    assert_non_null(strstr(e.said, "nightly"));
    must(pg_slots(c, a, "late", &slots, &n, &e), &e);
    assert_int_equal(n, 0);
    conn_sql(open, "ROLLBACK");
    PQfinish(open);
}

/* ---- both sides ---- */

static bool caught_up(void *arg)
{
    struct sides *s = arg;
    struct err e = ERR_INIT;
    int64_t n = 0;
    lsn_t at = 0;
    return pg_marker_find(s->new_side, s->marker, &n, &at, &e) && n == 1;
}

static void subscribe(struct sides *s, lsn_t start)
{
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    const struct pg_source from = {.host = fixture_dir(),
                                   .port = s->source->port,
                                   .database = "app",
                                   .username = "rdsadmin",
                                   .password = "se'cret\\word",
                                   .sslmode = "disable"};
    struct err e = ERR_INIT;
    struct pg_subscription sub;
    assert_false(pg_subscription_start_at(s->new_side, "up_sub", start, &e));
    assert_int_equal(e.code, ERR_NOT_FOUND);
    for (int i = 0; i < 2; i++)
        must(pg_subscription_make(s->new_side, "up_sub", &from, "up \"1\"", "up_slot", &e), &e);
    assert_false(pg_subscription_make(s->new_side, "up_sub", &from, "other", "up_slot", &e));
    assert_int_equal(e.code, ERR_CONFLICT);
    must(pg_subscription_find(s->new_side, a, "up_sub", &sub, &e), &e);
    assert_true(sub.exists && !sub.enabled && !sub.advanced);
    assert_int_equal(sub.tables, 6); /* a leaf instead of its root, and the marker */
    assert_int_equal(sub.not_ready, 0);
    for (int i = 0; i < 2; i++)
        must(pg_subscription_start_at(s->new_side, "up_sub", start, &e), &e);
    assert_false(pg_subscription_start_at(s->new_side, "up_sub", start + 8, &e));
    assert_int_equal(e.code, ERR_CONFLICT);
    must(pg_subscription_enable(s->new_side, "up_sub", true, &e), &e);
}

static void follow(struct sides *s)
{
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    struct err e = ERR_INIT;
    struct pg_subscription sub;
    server_sql(s->source, "app",
               "INSERT INTO t SELECT i, 'after' FROM generate_series(101, 200) i; UPDATE t SET v = 'changed' "
               "WHERE id = 1;"
               "DELETE FROM t WHERE id = 2; INSERT INTO part VALUES (7); INSERT INTO child VALUES (1);"
               "INSERT INTO \"Odd, name\".\"a\"\"b\" VALUES (1); INSERT INTO audit VALUES (1)");
    s->marker = "after";
    must(pg_marker_write(s->old_side, s->marker, &e), &e);
    if (!eventually(caught_up, s, 120000))
        fail_msg("the subscriber does not catch up within two minutes");
    assert_int_equal(number(s->target, "SELECT count(*) FROM t"), 199);
    assert_int_equal(number(s->target, "SELECT count(*) FROM t WHERE v = 'before'"), 98);
    assert_int_equal(number(s->target, "SELECT count(*) FROM part"), 1);
    assert_int_equal(number(s->target, "SELECT count(*) FROM ONLY child"), 1);
    assert_int_equal(number(s->target, "SELECT count(*) FROM \"Odd, name\".\"a\"\"b\""), 1);
    assert_int_equal(number(s->target, "SELECT count(*) FROM audit"), 0); /* not in the publication */
    must(pg_subscription_find(s->new_side, a, "up_sub", &sub, &e), &e);
    assert_true(sub.enabled && sub.advanced && sub.pid > 0 && sub.received > 0);
    assert_int_equal(sub.apply_errors, 0);
}

/* A partition made on both sides is sent, and dropped by who has never heard of it, until it is asked to. */
static void a_partition_made_since(struct sides *s)
{
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    struct err e = ERR_INIT;
    const char **sent = NULL, **taken = NULL;
    size_t n = 0, m = 0;
    for (int made = 0; made < 2; made++) {
        must(pg_published_relations(s->old_side, a, "up \"1\"", &sent, &n, &e), &e);
        must(pg_subscribed_relations(s->new_side, a, "up_sub", &taken, &m, &e), &e);
        assert_int_equal(n, m + (size_t)made);
        for (size_t i = 0; i < m; i++) /* part_2 comes behind part_1, and that before t */
            assert_string_equal(sent[i + (made && strcmp(sent[i], "\"public\".\"part_2\"") >= 0)], taken[i]);
        if (made)
            break;
        assert_string_equal(sent[0], "\"Odd, name\".\"a\"\"b\"");
        server_sql(s->source, "app",
                   "CREATE TABLE part_2 PARTITION OF part FOR VALUES FROM (1000) TO (2000)");
        server_sql(s->target, "app",
                   "CREATE TABLE part_2 PARTITION OF part FOR VALUES FROM (1000) TO (2000)");
    }
    server_sql(s->source, "app", "INSERT INTO part VALUES (1001)");
    s->marker = "behind the partition";
    must(pg_marker_write(s->old_side, s->marker, &e), &e);
    if (!eventually(caught_up, s, 120000))
        fail_msg("the subscriber does not catch up within two minutes");
    assert_int_equal(number(s->target, "SELECT count(*) FROM part_2"), 0); /* without a word */
}

static bool has_halted(void *arg)
{
    const struct sides *s = arg;
    struct err e = ERR_INIT;
    bool halted = false;
    must(pg_subscription_halt(s->new_side, "up_sub", &halted, &e), &e);
    return halted;
}

/* Written meanwhile, it arrives once the subscription goes on. */
static void halt(struct sides *s)
{
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    struct err e = ERR_INIT;
    struct pg_subscription sub;
    assert_true(eventually(has_halted, s, 30000));
    must(pg_subscription_find(s->new_side, a, "up_sub", &sub, &e), &e);
    assert_true(sub.exists && !sub.enabled && sub.pid == 0);
    server_sql(s->source, "app", "INSERT INTO t VALUES (300, 'halted')");
    assert_int_equal(number(s->target, "SELECT count(*) FROM t WHERE id = 300"), 0);
    must(pg_subscription_enable(s->new_side, "up_sub", true, &e), &e);
    must(pg_marker_write(s->old_side, "halted", &e), &e);
    for (int64_t n = 0; n == 0;) {
        lsn_t at = 0;
        must(pg_marker_find(s->new_side, "halted", &n, &at, &e), &e);
    }
    assert_int_equal(number(s->target, "SELECT count(*) FROM t WHERE id = 300"), 1);
}

/* ---- who stands in the way ---- */

struct blocked {
    struct sides *sides;
    struct arena *a;
    const struct pg_holder *holders;
    size_t n;
};

static bool waits(void *arg)
{
    struct blocked *b = arg;
    struct err e = ERR_INIT;
    must(pg_apply_blockers(b->sides->new_side, b->a, "up_sub", &b->holders, &b->n, &e), &e);
    return b->n > 0;
}

static bool waits_no_more(void *arg)
{
    return !waits(arg);
}

/* A lock on the whole table, and one on a row of it, which shows as a transaction alone. */
static void whoever_holds_a_lock_is_named(struct sides *s)
{
    static const char *const locks[] = {"LOCK TABLE t", "UPDATE t SET v = 'top secret' WHERE id = 5"};
    static const char *const shapes[] = {"LOCK TABLE t", "UPDATE t SET v = ? WHERE id = ?"};
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    struct blocked b = {.sides = s, .a = a};
    assert_false(waits(&b));
    for (size_t i = 0; i < ARRAY_LEN(locks); i++) {
        PGconn *other = server_conn(s->target, "app");
        conn_sql(other, "SET application_name = 'tester'; BEGIN");
        conn_sql(other, locks[i]);
        server_sql(s->source, "app", "UPDATE t SET v = v || '.' WHERE id = 5");
        if (!eventually(waits, &b, 120000))
            fail_msg("after two minutes nobody is named whom the worker waits for (%s)", locks[i]);
        assert_int_equal(b.n, 1);
        assert_int_equal(b.holders[0].pid, PQbackendPID(other));
        assert_string_equal(b.holders[0].table, "public.t");
        assert_string_equal(b.holders[0].application, "tester");
        assert_string_equal(b.holders[0].query, shapes[i]);
        assert_non_null(strstr(pg_holder_text(a, b.holders), "(tester, rdsadmin, idle in transaction)"));
        conn_sql(other, "ROLLBACK");
        PQfinish(other);
        if (!eventually(waits_no_more, &b, 120000))
            fail_msg("two minutes after the end of \"%s\" the worker still waits", locks[i]);
    }
}

static void the_oldest_writer_is_named(struct sides *s)
{
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    struct pg_holder h;
    struct err e = ERR_INIT;
    bool found = true;
    PGconn *reader = server_conn(s->source, "app"), *writer = server_conn(s->source, "app");
    conn_sql(reader, "BEGIN; SELECT 1 FROM t");
    must(pg_oldest_writer(s->old_side, a, &h, &found, &e), &e);
    assert_false(found);
    conn_sql(writer, "SET application_name = 'nightly'; BEGIN; INSERT INTO audit VALUES (4711)");
    must(pg_oldest_writer(s->old_side, a, &h, &found, &e), &e);
    assert_true(found);
    assert_int_equal(h.pid, PQbackendPID(writer));
    assert_string_equal(h.database, "app");
    assert_string_equal(h.query, "SET application_name = ?; BEGIN; INSERT INTO audit VALUES (?)");
    conn_sql(writer, "ROLLBACK");
    PQfinish(reader);
    PQfinish(writer);
}

static bool is_measured(void *arg)
{
    struct sides *s = arg;
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    const struct pg_slot *slots = NULL;
    struct err e = ERR_INIT;
    size_t n = 0;
    must(pg_slots(s->old_side, a, "up_slot", &slots, &n, &e), &e);
    return n == 1 && slots[0].active && slots[0].behind_ms >= 0;
}

static void tear_down(struct sides *s)
{
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    struct err e = ERR_INIT;
    struct pg_subscription sub;
    struct pg_publication p;
    /* The slot first, while its subscriber streams and reconnects: the order of a hurry, not of the flow. */
    must(pg_slot_drop(s->old_side, "up_slot", &e), &e);
    for (int i = 0; i < 2; i++) {
        must(pg_subscription_drop(s->new_side, "up_sub", &e), &e);
        must(pg_slot_drop(s->old_side, "up_slot", &e), &e);
        must(pg_publication_drop(s->old_side, "up \"1\"", &e), &e);
        must(pg_facts_drop(s->old_side, &e), &e);
    }
    must(pg_subscription_find(s->new_side, a, "up_sub", &sub, &e), &e);
    must(pg_publication_find(s->old_side, a, "up \"1\"", &p, &e), &e);
    assert_false(sub.exists || p.exists);
    assert_int_equal(number(s->source, "SELECT count(*) FROM pg_replication_slots"), 0);
    assert_int_equal(number(s->target, "SELECT count(*) FROM pg_replication_origin"), 0);
}

static void one_pair(int from, int to)
{
    struct sides s = {.source = server_new(from, false, SETTINGS)};
    struct err e = ERR_INIT;
    lsn_t slot = 0, start = 0;
    make_app(s.source);
    foreign_facts(s.source);
    s.old_side = server_open(s.source, "app", "rdsadmin", true);
    facts(s.old_side);
    a_login_for_subscribers(s.source, s.old_side);
    choosing(s.old_side);
    a_slot_that_cannot_be_had(s.source, s.old_side);
    publish(s.old_side, &slot);
    server_sql(s.source, "app", "INSERT INTO t SELECT i, 'before' FROM generate_series(1, 100) i");
    pg_close(s.old_side);
    s.target = server_upgrade(s.source, to, SETTINGS);
    s.old_side = server_open(s.source, "app", "rdsadmin", true);
    s.new_side = server_open(s.target, "app", "rdsadmin", true);
    must(pg_current_lsn(s.old_side, &start, &e), &e);
    assert_true(slot < start);
    subscribe(&s, start);
    follow(&s);
    a_partition_made_since(&s);
    halt(&s);
    if (!eventually(is_measured, &s, 120000))
        fail_msg("after two minutes nobody knows how old what the subscriber has is");
    whoever_holds_a_lock_is_named(&s);
    the_oldest_writer_is_named(&s);
    tear_down(&s);
    pg_close(s.old_side);
    pg_close(s.new_side);
    server_stop(s.source);
    server_stop(s.target);
}

static void the_whole_order(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(pairs); i++)
        one_pair(pairs[i].from, pairs[i].to);
}

/* ---- a clone ---- */

static void prepare_transaction(struct server *s)
{
    server_sql(s, "postgres", "SET ROLE app; BEGIN; PREPARE TRANSACTION 'it''s'");
}

/* Nobody but a superuser may end those of a role that it is no member of. */
static void prepared_ones_of_another_role_go(struct server *s)
{
    struct err e = ERR_INIT;
    struct pg_inherited there = {0};
    prepare_transaction(s);
    struct pg *stranger CLEANUP(pg_cleanup) = server_open(s, "postgres", "stranger", true);
    struct pg *member CLEANUP(pg_cleanup) = server_open(s, "postgres", "member", true);
    assert_false(pg_inherited_drop(stranger, &there, &e));
    assert_int_equal(e.code, ERR_DENIED);
    must(pg_inherited_drop(member, &there, &e), &e);
    assert_int_equal(there.prepared, 1);
    must(pg_inherited(member, &there, &e), &e);
    assert_int_equal(there.prepared, 0);
}

static void what_a_clone_inherits_goes(void **state)
{
    (void)state;
    struct server *s = server_new(15, false, SETTINGS " -c max_prepared_transactions=5");
    struct pg *c CLEANUP(pg_cleanup) = server_open(s, "postgres", "rdsadmin", true);
    struct err e = ERR_INIT;
    struct pg_inherited there = {0};
    lsn_t lsn;
    server_sql(s, "postgres", "CREATE DATABASE other");
    server_sql(s, "postgres",
               "SELECT pg_create_logical_replication_slot('one', 'pgoutput'), "
               "pg_create_logical_replication_slot('two', "
               "'test_decoding')");
    server_sql(
        s, "postgres",
        "CREATE SUBSCRIPTION dead CONNECTION 'host=192.0.2.1 dbname=x' PUBLICATION p WITH (connect = false)");
    server_sql(s, "other", "SELECT pg_create_logical_replication_slot('elsewhere', 'pgoutput')");
    server_sql(s, "postgres",
               "CREATE ROLE app; CREATE ROLE member LOGIN IN ROLE app; CREATE ROLE stranger LOGIN");
    prepare_transaction(s);
    must(pg_inherited_drop(c, &there, &e), &e);
    assert_int_equal(there.slots, 2);
    assert_int_equal(there.subscriptions, 1);
    assert_int_equal(there.prepared, 1);
    must(pg_inherited_drop(c, &there, &e), &e);
    assert_int_equal(there.slots + there.subscriptions + there.prepared, 0);
    prepared_ones_of_another_role_go(s);
    char *left = server_value(s, "postgres", "SELECT string_agg(slot_name, ',') FROM pg_replication_slots");
    assert_string_equal(left, "elsewhere");
    free(left);
    assert_false(pg_volume_start(c, &lsn, &e));
    assert_int_equal(e.code, ERR_NOT_FOUND);
    static const struct {
        const char *answer;
        lsn_t start;
    } answers[] = {{"'16/B374D848'", 0x16B374D848}, {"NULL", 0}, {"'0/0'", 0}};
    for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
        server_sqlf(s, "postgres",
                    "CREATE OR REPLACE FUNCTION pg_catalog.aurora_volume_logical_start_lsn() RETURNS pg_lsn "
                    "LANGUAGE sql"
                    " AS $$SELECT %s::pg_lsn$$",
                    answers[i].answer);
        bool known = pg_volume_start(c, &lsn, &e);
        assert_true(known == (answers[i].start != 0));
        if (known)
            assert_true(lsn == answers[i].start);
    }
    server_stop(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_whole_order),
        cmocka_unit_test(what_a_clone_inherits_goes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
