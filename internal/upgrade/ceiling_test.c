/* What production may keep for the slots: who drops them, and who only tells. The server is this file's own.
 */
#include "internal/base/testing.h"
#include "internal/pg/logical.h"
#include "internal/pg/replica.h"
#include "internal/upgrade/errors.h"
#include "internal/upgrade/logical.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MB = 1 << 20 };

const struct strategy strategy_logical = {.resource = "aurora_logical_upgrade"};

static struct {
    struct pg_slot slots[2];
    size_t slot_count;
    char noted[40], asked_in[20];
    bool unreachable, row_done;
    int dropped, open_now;
} server;

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
    (void)writable;
    assert_int_equal(side, SIDE_BLUE);
    if (server.unreachable)
        return err_set(e, ERR_UNAVAILABLE, "no way there");
    (void)snprintf(server.asked_in, sizeof server.asked_in, "%s", database ? database : "");
    server.open_now++;
    *ret = calloc(1, 1);
    return true;
}

void pg_close(struct pg *c)
{
    server.open_now -= c ? 1 : 0;
    free(c);
}

bool pg_slots(struct pg *c, struct arena *a, const char *prefix, const struct pg_slot **ret, size_t *ret_n,
              struct err *e)
{
    (void)c;
    (void)a;
    (void)e;
    assert_string_equal(prefix, LOGICAL_SLOT_PREFIX);
    *ret = server.slots;
    *ret_n = server.slot_count;
    return true;
}

bool pg_fact_read(struct pg *c, struct arena *a, const char *name, const char **ret, struct err *e)
{
    (void)c;
    (void)e;
    assert_string_equal(name, "max_retained_wal");
    *ret = arena_strdup(a, server.noted);
    return true;
}

bool pg_fact_change(struct pg *c, const char *name, const char *value, struct err *e)
{
    (void)c;
    (void)name;
    (void)e;
    (void)snprintf(server.noted, sizeof server.noted, "%s", value);
    return true;
}

bool run_each_database(struct upgrade *u, enum side side, bool writable,
                       bool (*each)(struct upgrade *u, struct pg *c, const char *database, void *arg,
                                    struct err *e),
                       void *arg, struct err *e)
{
    struct pg *c CLEANUP(pg_cleanup) = NULL;
    assert_true(writable);
    return side_open(u, side, "shop", writable, &c, e) && each(u, c, "shop", arg, e);
}

bool slots_remove(struct upgrade *u, struct err *e)
{
    (void)u;
    (void)e;
    server.dropped++;
    return true;
}

static bool row(bool *ret)
{
    *ret = server.row_done;
    return true;
}

#define ROW(name)                                                                                            \
    bool name(struct upgrade *u, bool *ret, struct err *e)                                                   \
    {                                                                                                        \
        (void)u;                                                                                             \
        (void)e;                                                                                             \
        return row(ret);                                                                                     \
    }
ROW(seed_ready)
ROW(seed_copy_ready)
ROW(clone_exists)
ROW(clone_available)
ROW(clone_upgraded)
ROW(green_in_sync)
ROW(soak_over)

struct run {
    struct upgrade u;
    struct rds_cluster production, clone;
};

static void begin(struct run *r, int64_t kept_mb, const char *noted)
{
    memset(&server, 0, sizeof server);
    *r = (struct run){.u = {.strategy = &strategy_logical, .has_login = true}};
    r->u.look = arena_new();
    r->u.request.cluster = "orders";
    r->u.request.max_retained_bytes = INT64_C(100) * MB;
    r->u.world.production = &r->production;
    r->u.world.green = &r->clone;
    server.slots[0] = (struct pg_slot){.name = "aurora_upgrade_1", .database = "small", .kept_bytes = MB};
    server.slots[1] =
        (struct pg_slot){.name = "aurora_upgrade_2", .database = "shop", .kept_bytes = kept_mb * MB};
    server.slot_count = 2;
    (void)snprintf(server.noted, sizeof server.noted, "%s", noted);
}

static void end(struct run *r)
{
    assert_int_equal(server.open_now, 0);
    arena_free(r->u.look);
}

/* Without a configuration: what is noted beside the slot counts. */
static void who_drops_and_who_tells(void **state)
{
    (void)state;
    static const struct {
        int64_t kept_mb;
        const char *noted;
        bool may_drop, fits;
        int dropped;
    } rows[] = {
        {50, "52428800", true, true, 0}, {51, "52428800", true, false, 1}, {51, "52428800", false, false, 0},
        {51, "", true, true, 0},         {51, "rubbish", true, true, 0},   {51, "52428800x", true, true, 0},
        {51, "-1", true, true, 0},       {51, "0", true, true, 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct run r;
        struct err e = ERR_INIT;
        begin(&r, rows[i].kept_mb, rows[i].noted);
        assert_int_equal(ceiling_check(&r.u, rows[i].may_drop, &e), rows[i].fits);
        assert_int_equal(server.dropped, rows[i].dropped);
        assert_string_equal(server.asked_in, "shop");
        if (!rows[i].fits) {
            assert_string_equal(e.id, "AUR0216");
            assert_non_null(strstr(
                e.text, "keeps 51 MB of WAL for slot aurora_upgrade_2, more than max_retained_wal (50 MB)"));
            assert_true((strstr(e.hint, "The next apply drops") != NULL) == !rows[i].may_drop);
        }
        end(&r);
    }
}

/* An apply that waits for something else: over the ceiling it ends, and its undo drops the slots. */
static void waits_look_meanwhile(void **state)
{
    (void)state;
    static bool (*const all[])(struct upgrade *, bool *, struct err *) = {
        kept_seed_ready,     kept_seed_copy_ready, kept_clone_exists, kept_clone_available,
        kept_clone_upgraded, kept_green_in_sync,   kept_soak_over};
    for (size_t i = 0; i < ARRAY_LEN(all); i++) {
        struct run r;
        struct err e = ERR_INIT;
        bool done = true;
        begin(&r, 101, "");
        assert_false(all[i](&r.u, &done, &e));
        assert_string_equal(e.id, "AUR0216");
        assert_int_equal(server.dropped, 0);
        assert_true(slots_give_up(&r.u, &e));
        assert_int_equal(server.dropped, 1);
        server.row_done = true; /* what is over needs no more waiting */
        assert_true(all[i](&r.u, &done, &e));
        assert_true(done);
        server.row_done = false;
        server.unreachable = true; /* at this moment */
        assert_true(all[i](&r.u, &done, &e));
        assert_false(done);
        server.unreachable = false;
        server.slots[1].kept_bytes = INT64_C(100) * MB;
        assert_true(all[i](&r.u, &done, &e));
        assert_true(slots_give_up(&r.u, &e));
        assert_int_equal(server.dropped, 1);
        end(&r);
    }
}

static void an_apply_without_steps_renews_it(void **state)
{
    (void)state;
    struct run r;
    struct err e = ERR_INIT;
    begin(&r, 1, "52428800");
    assert_true(ceiling_renew(&r.u, &e));
    assert_string_equal(server.noted, "104857600");
    (void)snprintf(server.noted, sizeof server.noted, "%s", ""); /* the slots are gone, or not made */
    assert_true(ceiling_renew(&r.u, &e));
    assert_string_equal(server.noted, "");
    server.unreachable = true;
    assert_false(ceiling_renew(&r.u, &e));
    r.u.world.green = NULL; /* no run */
    assert_true(ceiling_renew(&r.u, &e));
    end(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_drops_and_who_tells),
        cmocka_unit_test(waits_look_meanwhile),
        cmocka_unit_test(an_apply_without_steps_renews_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
