/* What is chosen to be replicated and what that leaves out; replica identities for a while; materialized
 * views. */
#include "internal/base/testing.h"
#include "internal/pg/fixture.h"
#include "internal/pg/identity.h"
#include "internal/pg/logical.h"
#include "internal/pg/refresh.h"

#include <stdlib.h>
#include <string.h>

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

static bool is_listed(const char *const *list, const char *name)
{
    while (*list && strcmp(*list, name) != 0)
        list++;
    return *list != NULL;
}

static void what_a_choice_leaves_out(struct server *s, struct pg *c)
{
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    const struct pg_table_choice choice = {(const char *const[]){"public.*", "elsewhere.t", NULL},
                                           (const char *const[]){"public.part", "public.audit", NULL}, true},
                                 none = {NULL, NULL, true};
    const char *const entries[] = {"public.t", "elsewhere.t", "public.part_1", NULL};
    bool seen[4] = {false, false, false, true};
    struct pg_untaken left = {0};
    struct err e = ERR_INIT;
    server_sql(s, "app", "ALTER TABLE t ADD audit_id int CONSTRAINT heard REFERENCES audit");
    must(pg_untaken(c, a, &choice, &left, &e), &e);
    assert_int_equal(left.table_count, 3);
    assert_string_equal(left.tables[0], "\"Odd, name\".\"a\"\"b\"");
    assert_string_equal(left.tables[1], "public.audit");
    assert_string_equal(left.tables[2], "public.part");
    assert_true(is_listed(left.relations, "public.part_1") && !is_listed(left.relations, "public.t"));
    assert_int_equal(number(s, arena_printf(a, "SELECT cardinality('%s'::oid[])", left.oids)), 4);
    assert_int_equal(left.reference_count, 1);
    assert_string_equal(left.references[0], "public.t.heard → public.audit");
    must(pg_untaken(c, a, &none, &left, &e), &e);
    assert_true(left.table_count == 0 && !left.relations[0] && strcmp(left.oids, "{}") == 0);
    must(pg_choice_seen(c, entries, seen, &e), &e);
    assert_true(seen[0] && !seen[1] && !seen[2] && seen[3]);
    server_sql(s, "app", "ALTER TABLE t DROP audit_id");
}

static void expect_identities(struct server *s, const char *expected)
{
    char *got =
        server_value(s, "app",
                     "SELECT string_agg(concat(relname, ' ', relreplident), ', ' ORDER BY relname) FROM"
                     " pg_class WHERE relname ~ '^(bare|void|keyed|indexed|leaf)$'");
    assert_string_equal(got, expected);
    free(got);
}

static void a_replica_identity_for_a_while(struct server *s, struct pg *c)
{
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    const struct pg_table_choice taken = {NULL, (const char *const[]){"odd.skipped", NULL}, true};
    const char *const list[] = {"odd.*", NULL};
    const struct pg_keyless *t = NULL;
    const char *oids = NULL;
    struct err e = ERR_INIT;
    int64_t changed = -1;
    size_t n = 9;
    must(pg_keyless_tables(c, a, &taken, NULL, &t, &n, &oids, &e), &e);
    assert_true(n == 0 && strcmp(oids, "{}") == 0);
    server_sql(
        s, "app",
        "CREATE SCHEMA odd; CREATE TABLE odd.bare (x int); CREATE TABLE odd.skipped (x int); CREATE TABLE"
        " odd.void (id int PRIMARY KEY); ALTER TABLE odd.void REPLICA IDENTITY NOTHING; CREATE TABLE"
        " odd.keyed (id int PRIMARY KEY); CREATE TABLE odd.indexed (id int NOT NULL UNIQUE); ALTER TABLE"
        " odd.indexed REPLICA IDENTITY USING INDEX indexed_id_key; CREATE TABLE odd.root (x int)"
        " PARTITION BY LIST (x); CREATE TABLE odd.leaf PARTITION OF odd.root DEFAULT");
    must(pg_keyless_tables(c, a, &taken, list, &t, &n, &oids, &e), &e);
    const char *joined = "";
    for (size_t i = 0; i < n; i++)
        joined = arena_printf(a, "%s%s %s, ", joined, t[i].table, t[i].before);
    assert_string_equal(joined, "odd.bare DEFAULT, odd.leaf DEFAULT, odd.void NOTHING, ");
    for (size_t i = 0; i < n; i++)
        for (int twice = 0; twice < 2; twice++)
            must(pg_identity_make_full(c, &t[i], &e), &e);
    must(pg_keyless_tables(c, a, &taken, list, &t, &n, &oids, &e), &e);
    assert_int_equal(n, 0);
    must(pg_identity_changed(c, &changed, &e), &e);
    assert_int_equal(changed, 3);
    expect_identities(s, "bare f, indexed i, keyed d, leaf f, void f");
    server_sql(s, "app",
               "ALTER TABLE odd.leaf REPLICA IDENTITY NOTHING; ALTER TABLE odd.bare RENAME TO bared;"
               " ALTER TABLE odd.bared RENAME TO bare");
    for (int i = 0; i < 2; i++)
        must(pg_identity_put_back(c, &e), &e);
    expect_identities(s, "bare d, indexed i, keyed d, leaf n, void n"); /* leaf: somebody else's by now */
    must(pg_identity_changed(c, &changed, &e), &e);
    assert_int_equal(changed, 0);
    server_sql(s, "app", "DROP SCHEMA odd CASCADE");
}

static void views_are_refreshed_as_they_build_on_each_other(struct server *s, struct pg *c)
{
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    const char **refused = NULL;
    struct err e = ERR_INIT;
    int64_t count = -1;
    size_t n = 9;
    server_sql(
        s, "app",
        "CREATE SCHEMA seen; CREATE TABLE seen.t (x int PRIMARY KEY); INSERT INTO seen.t VALUES (1);"
        " CREATE MATERIALIZED VIEW seen.z AS SELECT x, 10 / x AS y FROM seen.t; CREATE MATERIALIZED VIEW"
        " seen.a AS SELECT count(*) AS n FROM seen.z; CREATE MATERIALIZED VIEW seen.empty AS SELECT 1 WITH"
        " NO DATA; INSERT INTO seen.t VALUES (2)");
    must(pg_views_count(c, &count, &e), &e);
    assert_int_equal(count, 2);
    must(pg_views_refresh(c, a, &refused, &n, &e), &e);
    assert_int_equal(n, 0);
    assert_int_equal(number(s, "SELECT n FROM seen.a"), 2);
    assert_int_equal(
        number(s, "SELECT count(*) FROM pg_class WHERE relname = 'empty' AND NOT relispopulated"), 1);
    server_sql(s, "app", "INSERT INTO seen.t VALUES (0)");
    must(pg_views_refresh(c, a, &refused, &n, &e), &e);
    assert_int_equal(n, 1);
    assert_non_null(strstr(refused[0], "seen.z: division by zero"));
    server_sql(s, "app", "DROP SCHEMA seen CASCADE");
}

static void options_of_a_database(void **state)
{
    static const int majors[] = {13, 15, 18};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(majors); i++) {
        struct err e = ERR_INIT;
        if (!server_available(majors[i]))
            continue;
        struct server *s = server_new(majors[i], false, "-c wal_level=logical");
        server_sql(s, "postgres", "CREATE DATABASE app");
        server_sql(
            s, "app",
            "CREATE SCHEMA \"Odd, name\"; CREATE TABLE \"Odd, name\".\"a\"\"b\" (id int PRIMARY KEY); CREATE"
            " TABLE t (id int PRIMARY KEY, v text); CREATE TABLE part (id int PRIMARY KEY) PARTITION BY RANGE"
            " (id); CREATE TABLE part_1 PARTITION OF part FOR VALUES FROM (0) TO (1000); CREATE TABLE audit "
            "(id"
            " int PRIMARY KEY)");
        struct pg *c = server_open(s, "app", "rdsadmin", true);
        must(pg_facts_make(c, &e), &e);
        what_a_choice_leaves_out(s, c);
        a_replica_identity_for_a_while(s, c);
        views_are_refreshed_as_they_build_on_each_other(s, c);
        pg_close(c);
        server_stop(s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(options_of_a_database)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
