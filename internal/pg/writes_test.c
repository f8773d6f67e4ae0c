/* What was written, and what is there, from a real server. */
#include "internal/base/testing.h"
#include "internal/pg/fixture.h"
#include "internal/pg/query.h"
#include "internal/pg/writes.h"

static struct server *s;
static const int64_t counters_ms = 120000; /* a statistics collector on a busy machine */

static int start(void **state)
{
    (void)state;
    s = server_new(server_available(13) ? 13 : 15, false, NULL);
    server_sql(s, "postgres", "CREATE DATABASE one");
    server_sql(s, "one",
               "CREATE TABLE public.\"Odd t\" (i int); CREATE TABLE public.still (i int); INSERT INTO "
               "public.still SELECT generate_series(1, 100)");
    server_sql(s, "postgres", "CREATE DATABASE two TEMPLATE one");
    return 0;
}

static struct pg_content content(const char *database)
{
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    struct pg *c CLEANUP(pg_cleanup) = server_open(s, database, "rdsadmin", false);
    struct pg_content found = {0};
    struct err e = ERR_INIT;
    if (!pg_content(c, a, &found, &e))
        fail_msg("%s: %s", e.text, e.said);
    return found;
}

static void a_physical_copy_holds_the_same_until_a_row_is_written_again(void **state)
{
    (void)state;
    struct pg_content one = content("one"), two = content("two");
    assert_int_equal(one.tables, 2);
    assert_int_equal(one.rows, 100);
    assert_int_equal(two.rows, 100);
    assert_true(one.hash == two.hash);
    server_sql(s, "two", "UPDATE public.still SET i = i WHERE i = 50");
    two = content("two");
    assert_int_equal(two.rows, 100);
    assert_true(one.hash != two.hash);
    server_sql(s, "one", "VACUUM FREEZE public.still");
    assert_true(content("one").hash == one.hash);
}

static size_t written(struct pg *c, struct arena *a, const struct pg_written **ret)
{
    struct err e = ERR_INIT;
    size_t n = 0;
    if (!pg_written(c, a, ret, &n, &e))
        fail_msg("%s: %s", e.text, e.said);
    return n;
}

static void written_tables_are_told_the_most_written_first(void **state)
{
    (void)state;
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    struct pg *c CLEANUP(pg_cleanup) = server_open(s, "one", "rdsadmin", false);
    const struct pg_written *list = NULL;
    int64_t until = socket_now_ms() + counters_ms;
    server_sql(s, "one", "INSERT INTO public.\"Odd t\" SELECT generate_series(1, 500)");
    server_sql(s, "one",
               "UPDATE public.\"Odd t\" SET i = 0 WHERE i <= 7; DELETE FROM public.\"Odd t\" WHERE i > 498");
    while (written(c, a, &list) < 2 || list[0].inserted != 500 || list[0].deleted != 2)
        if (socket_now_ms() > until || stop_wait(NULL, 100))
            fail_msg("the server's counters do not come");
    assert_string_equal(list[0].table, "public.\"Odd t\"");
    assert_int_equal(list[0].updated, 7);
    assert_string_equal(list[1].table, "public.still");
    assert_int_equal(list[1].inserted, 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_physical_copy_holds_the_same_until_a_row_is_written_again),
        cmocka_unit_test(written_tables_are_told_the_most_written_first),
    };
    return cmocka_run_group_tests(tests, start, NULL);
}
