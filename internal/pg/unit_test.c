#include "internal/base/testing.h"
#include "internal/pg/catalog.h"
#include "internal/pg/deparse.h"
#include "internal/pg/query.h"
#include "internal/pg/stall.h"

#include <string.h>

static void same_after_upgrade(void **state)
{
    (void)state;
    /* left: as printed by the old major; right: after pg_upgrade by the new one; same: must be equal */
    static const struct {
        const char *left, *right;
        bool same;
    } rows[] = {
        {"CHECK (((x)::text = ANY ((ARRAY['a'::character varying, 'b'::character varying])::text[])))",
         "CHECK (((x)::text = ANY (ARRAY[('a'::character varying)::text, ('b'::character varying)::text])))",
         true},
        {" SELECT t.a,\n    t.b\n   FROM public.t\n  WHERE (t.a > 1);",
         " SELECT a,\n    b\n   FROM public.t\n  WHERE (a > 1);", true},
        {" SELECT o.a FROM public.t o;", " SELECT a FROM public.t o;", true},
        {" SELECT \"T.x\".a FROM public.\"T.x\";", " SELECT a FROM public.\"T.x\";", true},
        {" SELECT s.a FROM ( SELECT t.a FROM public.t) s;", " SELECT a FROM ( SELECT t.a FROM public.t) s;",
         true},
        {" WITH c AS ( SELECT t.a FROM public.t) SELECT c.a FROM c;",
         " WITH c AS ( SELECT t.a FROM public.t) SELECT a FROM c;", true},
        {" SELECT t.a FROM public.t TABLESAMPLE system (10);",
         " SELECT a FROM public.t TABLESAMPLE system (10);", true},
        {" SELECT g.i FROM generate_series(1, 3) g(i);", " SELECT i FROM generate_series(1, 3) g(i);", true},
        {" SELECT t.a FROM public.t WHERE (EXISTS ( SELECT 1 FROM public.u WHERE (u.x = t.a)));",
         " SELECT a FROM public.t WHERE (EXISTS ( SELECT 1 FROM public.u WHERE (u.x = t.a)));", true},
        {"x::timestamp(3) without time zone AND y", "x AND y", true},
        {"(a)::numeric(10,2) > (b)::double precision", "a > b", true},
        {"CHECK ((((a > 1) AND (b > 2)) AND ((c) OR (d))))", "CHECK (((a > 1) AND (b > 2) AND ((c) OR (d))))",
         true},
        {"((a OR b) OR c)", "(a OR b OR c)", true},
        {"(a AND (b OR c))", "(a AND b OR c)", false},
        {"((a AND b) OR c)", "(a AND b OR c)", false},
        {"'it''s (a) :: text'", "'it''s (a) :: int'", false},
        {"E'\\' (a)'", "E'\\' a'", false},
        {"\"odd ( name\" + 1", "\"odd ( name\" + 2", false},
        {"f(a)", "f a", false},
        {"((a + b) * c)", "(a + (b * c))", false},
        {"a AND (b OR c)", "(a AND b) OR c", false},
        {" SELECT t.a FROM public.t, public.u;", " SELECT u.a FROM public.t, public.u;", false},
        {" SELECT t.a FROM (public.t JOIN public.u ON (true));",
         " SELECT u.a FROM (public.t JOIN public.u ON (true));", false},
        {" SELECT a FROM public.t;", " SELECT a FROM other.t;", false},
        {" SELECT a FROM public.t;", " SELECT b FROM public.t;", false},
        {" SELECT a FROM public.t WHERE a > 1;", " SELECT a FROM public.t WHERE a > 2;", false},
        {"CHECK ((a > 0))", "CHECK ((a >= 0))", false},
    };
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const char *left = deparse_normal(a, rows[i].left), *right = deparse_normal(a, rows[i].right);
        if ((strcmp(left, right) == 0) != rows[i].same)
            fail_msg("row %zu: \"%s\" and \"%s\"", i, left, right);
    }
}

static void malformed_text_is_survived(void **state)
{
    (void)state;
    static const char *const rows[] = {"",
                                       "(",
                                       ")",
                                       "((((",
                                       "))))(((",
                                       "'open",
                                       "\"op",
                                       "E'\\",
                                       "::",
                                       "a::",
                                       "a::(",
                                       "a::b(",
                                       "[",
                                       "SELECT",
                                       "FROM",
                                       "a.",
                                       "a.\"",
                                       "$",
                                       "$1",
                                       "WITH (",
                                       "x::b[",
                                       "SELECT a FROM",
                                       "SELECT a FROM (",
                                       "1e",
                                       "x::bit(3",
                                       "\xff\xfe",
                                       "a::character varying varying varying",
                                       ".",
                                       "..",
                                       "()",
                                       "(())",
                                       "f(())",
                                       "''''"};
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const char *once = deparse_normal(a, rows[i]);
        assert_string_equal(deparse_normal(a, once), once);
    }
}

static void passwords_are_masked(void **state)
{
    (void)state;
    static const struct {
        const char *text, *password, *expected;
    } rows[] = {
        {"password=ab host", "ab", "password=** host"},
        {"a word with about", "ab", "a word with about"},
        {"ab", "ab", "**"},
        {"quote 'x!' end", "x!", "quote '**' end"},
        {"nothing", "", "nothing"},
        {"nothing", NULL, "nothing"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char text[64];
        (void)snprintf(text, sizeof text, "%s", rows[i].text);
        scrub(text, rows[i].password);
        assert_string_equal(text, rows[i].expected);
    }
}

static struct pg_fingerprint one_part(struct pg_fingerprint_part *part, const char *aspect,
                                      const char **lines, size_t n, uint64_t hash)
{
    *part = (struct pg_fingerprint_part){aspect, lines, n, hash};
    return (struct pg_fingerprint){part, 1};
}

static void differences_are_named(void **state)
{
    (void)state;
    const char *old_lines[] = {"public.t (column order)\ta, b", "public.t.a\tinteger", "public.t.b\ttext",
                               "public.t.c\ttext"};
    const char *new_lines[] = {"public.t (column order)\tb, a", "public.t.a\tbigint", "public.t.c\ttext",
                               "public.t.d\ttext"};
    static const char *const expected[] = {
        "db: column public.t (column order) differs: old side \"a, b\", new side \"b, a\"",
        "db: column public.t.a differs: old side \"integer\", new side \"bigint\"",
        "db: column public.t.b is missing on the new side",
        "db: column public.t.d exists only on the new side",
    };
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    struct pg_fingerprint_part parts[2];
    struct pg_fingerprint o = one_part(&parts[0], "columns", old_lines, ARRAY_LEN(old_lines), 1);
    struct pg_fingerprint n = one_part(&parts[1], "columns", new_lines, ARRAY_LEN(new_lines), 2);
    const char **lines, *ignore[] = {"types", "columns", NULL};
    size_t count;
    pg_fingerprint_diff(a, "db", &o, &n, NULL, 10, &lines, &count);
    assert_int_equal(count, ARRAY_LEN(expected));
    for (size_t i = 0; i < count; i++)
        assert_string_equal(lines[i], expected[i]);
    pg_fingerprint_diff(a, "db", &o, &n, NULL, 1, &lines, &count);
    assert_int_equal(count, ARRAY_LEN(expected));
    assert_string_equal(lines[0], expected[0]);
    pg_fingerprint_diff(a, "db", &o, &n, ignore, 10, &lines, &count);
    assert_int_equal(count, 0);
}

static void an_order_that_follows_from_other_differences_is_not_news(void **state)
{
    (void)state;
    const char *old_lines[] = {"public.t (column order)\ta, b"}, *gone[] = {"public.u (column order)\ta, b"};
    const char *new_lines[] = {"public.t (column order)\ta, b, c"};
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    struct pg_fingerprint_part parts[3];
    struct pg_fingerprint o = one_part(&parts[0], "columns", old_lines, 1, 1);
    struct pg_fingerprint n = one_part(&parts[1], "columns", new_lines, 1, 2);
    struct pg_fingerprint g = one_part(&parts[2], "columns", gone, 1, 3);
    const char **lines;
    size_t count;
    pg_fingerprint_diff(a, "db", &o, &n, NULL, 10, &lines, &count);
    assert_int_equal(count, 0);
    pg_fingerprint_diff(a, "db", &o, &g, NULL, 10, &lines, &count);
    assert_int_equal(count, 0);
}

static void names_are_listed_up_to_a_limit(void **state)
{
    (void)state;
    const char *names[] = {"a", "b", "c"};
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    assert_string_equal(name_list(a, names, 3, 3), "a, b, c");
    assert_string_equal(name_list(a, names, 3, 2), "a, b and 1 more");
    assert_string_equal(name_list(a, names, 0, 2), "");
}

/* Values are users' data: none of them gets through, whatever is doubtful. */
static void statements_are_told_without_values(void **state)
{
    (void)state;
    static const struct {
        const char *sql, *shape;
    } rows[] = {
        {"", ""},
        {"  SELECT\n\t1 ", "SELECT ?"},
        {"UPDATE t SET v = 'secret' WHERE id = 42", "UPDATE t SET v = ? WHERE id = ?"},
        {"SELECT 'it''s secret', \"Odd 'name\"\"\" FROM t1", "SELECT ?, \"Odd 'name\"\"\" FROM t1"},
        {"SELECT E'a\\'secret', e'b' x", "SELECT ?, ? x"},
        {"SELECT B'01', x'1F', INTERVAL'1 day'", "SELECT ?, ?, ?"},
        {"SELECT U&'\\0041secret', 'secret'", "SELECT U&?"},
        {"SELECT 'C:\\' , 'secret'", "SELECT ?"},
        {"SELECT $$secret$$, $a$ $b$ secret $a$, $1, a$b", "SELECT ?, ?, $1, a$b"},
        {"SELECT $a$ secret", "SELECT ?"},
        {"SELECT 'secret that was cut", "SELECT ?"},
        {"SELECT -1.5e-3, .5, 0x1F, 1_000, t.c2", "SELECT -?, ?, ?, ?, t.c2"},
        {"SELECT /* secret /* nested */ secret */ a -- secret\n, b", "SELECT a , b"},
        {"/* secret, cut", ""},
        {"SELECT \"cut name", "SELECT ?"},
        {"INSERT INTO caf\xc3\xa9 VALUES (1, 'x'), (2, 'y')",
         "INSERT INTO caf\xc3\xa9 VALUES (?, ?), (?, ?)"},
    };
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        assert_string_equal(pg_query_shape(a, rows[i].sql), rows[i].shape);
    char longest[2 * PG_SHAPE_BYTES];
    memset(longest, 'a', sizeof longest);
    longest[sizeof longest - 1] = '\0';
    memcpy(longest + PG_SHAPE_BYTES - 1, "\xc3\xa9", 2); /* not cut in the middle of a letter */
    const char *shape = pg_query_shape(a, longest);
    assert_int_equal(strlen(shape), PG_SHAPE_BYTES - 1 + strlen("…"));
    assert_string_equal(shape + PG_SHAPE_BYTES - 1, "…");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_after_upgrade),
        cmocka_unit_test(malformed_text_is_survived),
        cmocka_unit_test(passwords_are_masked),
        cmocka_unit_test(statements_are_told_without_values),
        cmocka_unit_test(differences_are_named),
        cmocka_unit_test(an_order_that_follows_from_other_differences_is_not_news),
        cmocka_unit_test(names_are_listed_up_to_a_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
