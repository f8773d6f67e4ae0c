/* changed_test.c — who follows what changes, when all rows are compared again, and what is told. The servers
 * are this file's own. */
#include "internal/base/testing.h"
#include "internal/pg/changed_rows.h"
#include "internal/upgrade/changed.h"
#include "internal/upgrade/errors.h"
#include "internal/upgrade/logical.h"
#include "internal/upgrade/tables.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct pg_changed {
    int number;
};

static struct {
    int begun, ended, settled, looked, finished, compared_all, notes;
    int lost; /* looks that fail from here on, so many */
    bool differs, begin_fails, marker_fails;
    char last_note[400];
    struct pg_changed list[16];
} seen;

/* ---- the servers ---- */

bool world_need(struct upgrade *u, struct err *e)
{
    (void)u;
    (void)e;
    return true;
}

bool side_open(struct upgrade *u, enum side side, const char *database, bool writable, struct pg **ret,
               struct err *e)
{
    (void)u;
    (void)side;
    (void)database;
    (void)writable;
    (void)ret;
    return err_set(e, ERR_BUG, "nobody opens anything here");
}

bool side_open_replication(struct upgrade *u, enum side side, const char *database, struct pg **ret,
                           struct err *e)
{
    return side_open(u, side, database, false, ret, e);
}

bool run_each_database(struct upgrade *u, enum side side, bool writable,
                       bool (*each)(struct upgrade *u, struct pg *c, const char *database, void *arg,
                                    struct err *e),
                       void *arg, struct err *e)
{
    assert_int_equal(side, SIDE_BLUE);
    assert_false(writable);
    return each(u, NULL, "shop", arg, e) && each(u, NULL, "stock", arg, e);
}

bool slot_name(struct upgrade *u, struct pg *source, const char **ret, struct err *e)
{
    (void)u;
    (void)source;
    (void)e;
    *ret = "aurora_upgrade_1";
    return true;
}

bool tables_not_compared(struct upgrade *u, struct pg *blue, const char *database, const char *const **ret,
                         struct err *e)
{
    (void)u;
    (void)blue;
    (void)database;
    (void)e;
    *ret = NULL;
    return true;
}

/* As validate.c's: what changes is followed before anything is compared. */
bool rows_check(struct upgrade *u, bool *ret, struct err *e)
{
    seen.compared_all++;
    *ret = true;
    return changed_begin(u, e);
}

const char *join_lines(struct arena *a, const char *const *lines, size_t n, size_t max)
{
    (void)max;
    return n ? arena_strdup(a, lines[0]) : "";
}

const char *pg_row_kind_name(enum pg_row_kind kind)
{
    return kind == PG_ROW_DIFFERS ? "differs" : "other";
}

/* ---- what changes ---- */

bool pg_changed_begin(const struct pg_changed_options *o, struct pg_changed **ret, struct err *e)
{
    assert_string_equal(o->publication, "aurora_upgrade");
    assert_string_equal(o->subscription, "aurora_upgrade");
    assert_string_equal(o->slot, "aurora_upgrade_1");
    assert_int_equal(o->max_kept_bytes, 1 << 20);
    if (seen.begin_fails && seen.begun - seen.ended == 1)
        return err_set(e, ERR_UNAVAILABLE, "no slot is free");
    *ret = &seen.list[seen.begun++];
    return true;
}

void pg_changed_end(struct pg_changed *c)
{
    seen.ended += c != NULL;
}

bool pg_changed_settle(struct pg_changed *c, struct err *e)
{
    (void)c;
    (void)e;
    seen.settled++;
    return true;
}

static void set_rows(struct arena *a, struct pg_rows_result *ret)
{
    static const struct pg_row_difference difference = {PG_ROW_DIFFERS, "id = 7", "n"};
    struct pg_rows_table *t = ARENA_NEW(a, struct pg_rows_table);
    *t = (struct pg_rows_table){
        .table = "public.t", .note = "", .differences = &difference, .difference_count = 1};
    *ret = (struct pg_rows_result){.tables = t, .table_count = seen.differs ? 1 : 0, .rows = 5};
}

bool pg_changed_look(struct pg_changed *c, struct arena *a, struct pg_rows_result *ret, struct err *e)
{
    (void)c;
    seen.looked++;
    if (seen.lost-- > 0)
        return err_set(e, ERR_UNAVAILABLE, "the connection was lost");
    set_rows(a, ret);
    return true;
}

bool pg_changed_finish(struct pg_changed *c, struct arena *a, const char *token, int64_t limit_ms,
                       struct pg_changed_result *ret, struct err *e)
{
    (void)c;
    assert_string_equal(token, "switch-1");
    assert_in_range(limit_ms, 1, 5000);
    seen.finished++;
    if (seen.marker_fails)
        return err_set(e, ERR_TIMEOUT, "the last marker was not seen");
    *ret = (struct pg_changed_result){.before = 100, .skipped = ""};
    set_rows(a, &ret->rows);
    return true;
}

static void note(void *arg, const char *step, const char *text)
{
    (void)arg;
    assert_string_equal(step, "check-changed-rows");
    seen.notes++;
    (void)snprintf(seen.last_note, sizeof seen.last_note, "%s", text);
}

/* ---- tests ---- */

static struct upgrade an_upgrade(struct arena *a, enum flow_stage stage)
{
    memset(&seen, 0, sizeof seen);
    return (struct upgrade){.arena = a,
                            .look = a,
                            .clock = clock_real(),
                            .note = note,
                            .request = {.cluster = "orders", .stage = stage, .max_retained_bytes = 1 << 20}};
}

static void only_a_switch_follows_what_changes(void **state)
{
    (void)state;
    static const struct {
        enum flow_stage stage;
        int begun;
    } rows[] = {{STAGE_PREPARED, 0}, {STAGE_VALIDATED, 0}, {STAGE_SWITCHED, 2}, {STAGE_COMPLETED, 2}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct arena *a CLEANUP(arena_cleanup) = arena_new();
        struct upgrade u = an_upgrade(a, rows[i].stage);
        struct err e = ERR_INIT;
        assert_true(changed_begin(&u, &e));
        assert_int_equal(seen.begun, rows[i].begun);
        assert_true(changed_begin(&u, &e)); /* the first ones are forgotten */
        assert_int_equal(seen.ended, rows[i].begun);
        changed_end(&u);
        assert_int_equal(seen.ended, 2 * rows[i].begun);
        changed_end(&u);
        assert_int_equal(seen.ended, 2 * rows[i].begun);
    }
}

static void one_database_that_cannot_be_followed_ends_all(void **state)
{
    (void)state;
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    struct upgrade u = an_upgrade(a, STAGE_SWITCHED);
    struct err e = ERR_INIT;
    seen.begin_fails = true;
    assert_false(changed_begin(&u, &e));
    assert_non_null(strstr(e.text, "no slot is free"));
    assert_int_equal(seen.begun, 1);
    assert_int_equal(seen.ended, 1);
}

static void what_was_lost_from_sight_is_compared_again_once(void **state)
{
    (void)state;
    static const struct {
        int lost, compared_all;
        bool passes;
    } rows[] = {{0, 1, true}, {1, 2, true}, {2, 2, false}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct arena *a CLEANUP(arena_cleanup) = arena_new();
        struct upgrade u = an_upgrade(a, STAGE_SWITCHED);
        struct err e = ERR_INIT;
        bool same = false;
        assert_true(rows_check(&u, &same, &e));
        seen.lost = rows[i].lost;
        assert_int_equal(changed_check(&u, &same, &e), rows[i].passes);
        assert_int_equal(seen.compared_all, rows[i].compared_all);
        changed_end(&u);
        assert_int_equal(seen.ended, seen.begun);
    }
}

static void nothing_followed_yet_is_compared_first(void **state)
{
    (void)state;
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    struct upgrade u = an_upgrade(a, STAGE_SWITCHED);
    struct err e = ERR_INIT;
    bool same = false;
    assert_true(changed_check(&u, &same, &e) && same);
    assert_int_equal(seen.compared_all, 1);
    assert_int_equal(seen.looked, 2);
    changed_end(&u);
}

static void what_differs_before_the_fence_is_an_error(void **state)
{
    (void)state;
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    struct upgrade u = an_upgrade(a, STAGE_SWITCHED);
    struct err e = ERR_INIT;
    bool same = false;
    seen.differs = true;
    assert_false(changed_check(&u, &same, &e));
    assert_string_equal(e.id, "AUR0132");
    assert_string_equal(e.said, "shop: public.t: row id = 7: differs in n");
    assert_int_equal(seen.ended, seen.begun);
    assert_string_equal(seen.last_note, "stock: public.t: row id = 7: differs in n");
}

static void what_differs_behind_the_fence_is_told_when_it_is_down(void **state)
{
    (void)state;
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    struct upgrade u = an_upgrade(a, STAGE_SWITCHED);
    struct err e = ERR_INIT;
    assert_true(changed_begin(&u, &e) && changed_settle(&u, &e));
    assert_int_equal(seen.settled, 4);
    seen.differs = true;
    assert_false(changed_compare(&u, "switch-1", 5000, &e));
    assert_string_equal(e.id, "AUR0243");
    assert_int_equal(seen.finished, 2);
    assert_int_equal(seen.notes, 0);
    changed_end(&u);
    assert_int_equal(seen.notes, 4);
    assert_int_equal(seen.ended, 2);
}

static void the_way_back_compares_nothing(void **state)
{
    (void)state;
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    struct upgrade u = an_upgrade(a, STAGE_ROLLED_BACK);
    struct err e = ERR_INIT;
    bool same = false;
    assert_true(changed_check(&u, &same, &e) && same);
    assert_true(changed_settle(&u, &e) && changed_compare(&u, "switch-1", 5000, &e));
    assert_int_equal(seen.begun + seen.settled + seen.finished, 0);
}

static void a_marker_that_does_not_come_is_an_error(void **state)
{
    (void)state;
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    struct upgrade u = an_upgrade(a, STAGE_SWITCHED);
    struct err e = ERR_INIT;
    assert_true(changed_begin(&u, &e));
    seen.marker_fails = true;
    assert_false(changed_compare(&u, "switch-1", 5000, &e));
    assert_int_equal(e.code, ERR_TIMEOUT);
    assert_non_null(strstr(e.text, "database shop"));
    changed_end(&u);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_a_switch_follows_what_changes),
        cmocka_unit_test(one_database_that_cannot_be_followed_ends_all),
        cmocka_unit_test(what_was_lost_from_sight_is_compared_again_once),
        cmocka_unit_test(nothing_followed_yet_is_compared_first),
        cmocka_unit_test(what_differs_before_the_fence_is_an_error),
        cmocka_unit_test(what_differs_behind_the_fence_is_told_when_it_is_down),
        cmocka_unit_test(the_way_back_compares_nothing),
        cmocka_unit_test(a_marker_that_does_not_come_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
