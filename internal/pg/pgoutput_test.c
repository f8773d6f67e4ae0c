#include "internal/base/testing.h"
#include "internal/pg/pgoutput.h"

#include <stdlib.h>
#include <string.h>

#define BYTES(s) ((struct str){(s), sizeof(s) - 1})

/* As a server of 15 sends them; see chapter 55.9. */
static const char relation[] =
    "R\0\0\x40\x01public\0t\0d\0\2\1id\0\0\0\0\x17\xff\xff\xff\xff\0n\0\0\0\0\x17\xff\xff\xff\xff";
static const char inserted[] = "I\0\0\x40\x01N\0\2t\0\0\0\1"
                               "7n";
static const char updated[] = "U\0\0\x40\x01K\0\2t\0\0\0\1"
                              "7nN\0\2t\0\0\0\2"
                              "88u";
static const char updated_only[] = "U\0\0\x40\x01N\0\2t\0\0\0\1"
                                   "7t\0\0\0\0";
static const char deleted[] = "D\0\0\x40\x01O\0\2t\0\0\0\1"
                              "7t\0\0\0\1"
                              "x";
static const char truncated[] = "T\0\0\0\2\0\0\0\x40\x01\0\0\x40\x02";
static const char committed[] = "C\0\0\0\0\1\0\0\0\2\0\0\0\1\0\0\0\x09\0\0\0\0\0\0\0\0";

static struct message read_all(struct arena *a, struct str bytes)
{
    struct message m = {0};
    struct err e = ERR_INIT;
    if (!pgoutput_read(a, bytes, &m, &e))
        fail_msg("%s", e.text);
    return m;
}

static void what_a_server_sends_is_read(void **state)
{
    (void)state;
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    struct message m = read_all(a, BYTES(relation));
    assert_int_equal(m.kind, MESSAGE_RELATION);
    assert_int_equal(m.relation, 0x4001);
    assert_int_equal(m.column_count, 2);
    assert_string_equal(m.columns[0], "id");
    assert_string_equal(m.columns[1], "n");
    m = read_all(a, BYTES(inserted));
    assert_int_equal(m.kind, MESSAGE_ROW);
    assert_true(m.is.is_there && !m.was.is_there && m.is.n == 2);
    assert_true(str_is(m.is.values[0].text, "7"));
    assert_int_equal(m.is.values[1].kind, VALUE_NULL);
    m = read_all(a, BYTES(updated));
    assert_true(m.is.is_there && m.was.is_there);
    assert_true(str_is(m.was.values[0].text, "7") && str_is(m.is.values[0].text, "88"));
    assert_int_equal(m.is.values[1].kind, VALUE_UNCHANGED);
    m = read_all(a, BYTES(updated_only));
    assert_true(m.is.is_there && !m.was.is_there && m.is.values[1].text.n == 0);
    assert_int_equal(m.is.values[1].kind, VALUE_TEXT);
    m = read_all(a, BYTES(deleted));
    assert_true(!m.is.is_there && m.was.is_there && str_is(m.was.values[1].text, "x"));
    m = read_all(a, BYTES(truncated));
    assert_int_equal(m.kind, MESSAGE_TRUNCATE);
    assert_int_equal(m.relation_count, 2);
    assert_int_equal(m.relations[1], 0x4002);
    m = read_all(a, BYTES(committed));
    assert_int_equal(m.kind, MESSAGE_COMMIT);
    assert_int_equal(m.end, 0x100000009);
    m = read_all(a, BYTES("B\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0\2\0\0\x03\x04"));
    assert_int_equal(m.kind, MESSAGE_BEGIN);
    assert_int_equal(m.transaction, 0x304);
    assert_int_equal(read_all(a, BYTES("Y\0\0\0\0")).kind, MESSAGE_OTHER);
}

/* Cut anywhere, in memory of its own size, so that a byte too many is seen. */
static void what_is_cut_is_an_error(void **state)
{
    (void)state;
    static const struct str all[] = {BYTES(relation), BYTES(inserted),  BYTES(updated),  BYTES(updated_only),
                                     BYTES(deleted),  BYTES(truncated), BYTES(committed)};
    for (size_t i = 0; i < ARRAY_LEN(all); i++)
        for (size_t n = 0; n + (i + 1 == ARRAY_LEN(all) ? 8 : 0) < all[i].n;
             n++) { /* a COMMIT ends in a time */
            struct arena *a CLEANUP(arena_cleanup) = arena_new();
            struct message m;
            struct err e = ERR_INIT;
            char *copy = malloc(n + 1);
            assert_non_null(copy);
            memcpy(copy, all[i].p, n);
            bool ok = pgoutput_read(a, (struct str){copy, n}, &m, &e);
            free(copy);
            assert_false(ok);
            assert_int_equal(e.code, ERR_REMOTE);
        }
}

static void what_is_no_message_is_an_error(void **state)
{
    (void)state;
    static const struct str all[] = {
        BYTES(""),
        BYTES("I\0\0\x40\x01K\0\0"),                   /* an insert of an old row */
        BYTES("D\0\0\x40\x01N\0\0"),                   /* a delete of a new one */
        BYTES("I\0\0\x40\x01N\0\1b\0\0\0\1x"),         /* binary was not asked for */
        BYTES("I\0\0\x40\x01N\0\1t\xff\xff\xff\xffx"), /* longer than the message */
        BYTES("I\0\0\x40\x01N\xff\xff"),               /* more columns than a table has */
        BYTES("T\xff\xff\xff\xff\0"),                  /* more relations than there are */
        BYTES("R\0\0\x40\x01public"),                  /* a name without an end */
    };
    for (size_t i = 0; i < ARRAY_LEN(all); i++) {
        struct arena *a CLEANUP(arena_cleanup) = arena_new();
        struct message m;
        struct err e = ERR_INIT;
        assert_false(pgoutput_read(a, all[i], &m, &e));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_server_sends_is_read),
        cmocka_unit_test(what_is_cut_is_an_error),
        cmocka_unit_test(what_is_no_message_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
