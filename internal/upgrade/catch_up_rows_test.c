/* A clone that catches up, look by look: what is told, and which standstill ends the apply. Both servers are
 * this file's own, and so is the time. */
#include "internal/base/testing.h"
#include "internal/pg/replica.h"
#include "internal/pg/stall.h"
#include "internal/upgrade/errors.h"
#include "internal/upgrade/logical.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MB = 1 << 20, LOOK_MS = 15000 };

/* ---- the servers ---- */

struct pg {
    enum side side;
};

static struct {
    struct pg_slot slots[2];
    size_t slot_count;
    struct pg_holder blocker, writer;
    bool is_blocked, is_writing;
    int opened, open_now, looked_for_blockers, notes;
    char noted[1000];
} world;

bool side_open(struct upgrade *u, enum side side, const char *database, bool writable, struct pg **ret,
               struct err *e)
{
    (void)u;
    (void)e;
    assert_false(writable);
    assert_true(side == SIDE_BLUE ? !database : strcmp(database, "shop") == 0);
    struct pg *c = calloc(1, sizeof *c);
    assert_non_null(c);
    c->side = side;
    world.opened++;
    world.open_now++;
    *ret = c;
    return true;
}

void pg_close(struct pg *c)
{
    world.open_now -= c ? 1 : 0;
    free(c);
}

bool pg_slots(struct pg *c, struct arena *a, const char *prefix, const struct pg_slot **ret, size_t *ret_n,
              struct err *e)
{
    (void)a;
    (void)e;
    assert_int_equal(c->side, SIDE_BLUE);
    assert_string_equal(prefix, LOGICAL_SLOT_PREFIX);
    *ret = world.slots;
    *ret_n = world.slot_count;
    return true;
}

bool pg_apply_blockers(struct pg *c, struct arena *a, const char *subscription, const struct pg_holder **ret,
                       size_t *ret_n, struct err *e)
{
    (void)a;
    (void)e;
    assert_int_equal(c->side, SIDE_GREEN);
    assert_string_equal(subscription, LOGICAL_NAME);
    world.looked_for_blockers++;
    *ret = &world.blocker;
    *ret_n = world.is_blocked ? 1 : 0;
    return true;
}

bool pg_oldest_writer(struct pg *c, struct arena *a, struct pg_holder *ret, bool *ret_found, struct err *e)
{
    (void)a;
    (void)e;
    assert_int_equal(c->side, SIDE_BLUE);
    *ret = world.writer;
    *ret_found = world.is_writing;
    return true;
}

const char *pg_holder_text(struct arena *a, const struct pg_holder *h)
{
    return arena_printf(a, "process %lld (%s)", (long long)h->pid, h->application);
}

struct follower who_follows(const struct upgrade *u)
{
    return (struct follower){SIDE_GREEN, u->world.green};
}

const char *follower_name(const struct upgrade *u, struct arena *a)
{
    return arena_printf(a, "clone %s", u->world.green->identifier);
}

const char *follower_log_error(struct upgrade *u)
{
    (void)u;
    return "ERROR:  could not connect to the publisher";
}

static void note(void *arg, const char *step, const char *text)
{
    (void)arg;
    assert_string_equal(step, "catch-up");
    world.notes++;
    (void)snprintf(world.noted, sizeof world.noted, "%s", text);
}

/* ---- a run ---- */

struct run {
    struct upgrade u;
    struct clock_fake clock;
    struct rds_cluster clone;
};

static void begin(struct run *r)
{
    memset(&world, 0, sizeof world);
    *r = (struct run){.clone = {.identifier = "orders-next"}};
    clock_fake_init(&r->clock, 1700000000000);
    r->u =
        (struct upgrade){.arena = arena_new(), .look = arena_new(), .clock = &r->clock.clock, .note = note};
    r->u.request.cluster = "orders";
    r->u.request.max_lag_bytes = 16 * MB;
    r->u.world.green = &r->clone;
    world.slots[0] = (struct pg_slot){.name = "aurora_upgrade_1",
                                      .database = "shop",
                                      .wal_status = "reserved",
                                      .confirmed = 1000 * (lsn_t)MB,
                                      .lag_bytes = INT64_C(500) * MB,
                                      .active = true};
    world.slot_count = 1;
}

static void end(struct run *r)
{
    assert_int_equal(world.open_now, 0);
    arena_free(r->u.look);
    arena_free(r->u.arena);
}

/* `applied` MB and `written` MB since the last look. */
static bool look(struct run *r, int64_t written, int64_t applied, struct err *e)
{
    r->clock.mono += LOOK_MS;
    world.slots[0].confirmed += (lsn_t)applied * MB;
    world.slots[0].lag_bytes += (written - applied) * MB;
    return catch_up_watch(&r->u, e);
}

static void must(bool ok, const struct err *e)
{
    if (!ok)
        fail_msg("%s %s", e->text, e->said);
}

/* How many looks until it fails; `most`: it does not. */
static int looks_until_failure(struct run *r, int most, int64_t written, int64_t applied, struct err *e)
{
    int i = 0;
    while (i < most && look(r, written, applied, e))
        i++;
    return i;
}

/* ---- cases ---- */

static void it_is_told_once_a_minute(void **state)
{
    (void)state;
    struct run r;
    struct err e = ERR_INIT;
    begin(&r);
    assert_string_equal(catch_up_progress(&r.u), "");
    assert_int_equal(looks_until_failure(&r, 12, 10, 30, &e), 12);
    assert_int_equal(world.notes, 3); /* at once, after one minute, after two */
    assert_non_null(strstr(catch_up_progress(&r.u),
                           "behind; production writes 682.7 kB/s, applied are 2.0 MB/s: caught up in"));
    assert_int_equal(world.looked_for_blockers, 0);
    end(&r);
}

static void falling_behind_is_no_failure(void **state)
{
    (void)state;
    struct run r;
    struct err e = ERR_INIT;
    begin(&r);
    assert_int_equal(looks_until_failure(&r, 100, 30, 10, &e), 100);
    assert_non_null(strstr(world.noted, "will not converge at this rate"));
    end(&r);
}

static void whoever_blocks_is_named_and_ends_it_after_ten_minutes(void **state)
{
    (void)state;
    struct run r;
    struct err e = ERR_INIT;
    begin(&r);
    world.is_blocked = true;
    world.blocker = (struct pg_holder){.pid = 4711, .application = "tester", .table = "public.t"};
    int looks = looks_until_failure(&r, 1000, 1, 0, &e);
    assert_in_range(looks * LOOK_MS, 10 * 60000, 12 * 60000);
    assert_string_equal(e.id, "AUR0218");
    assert_non_null(strstr(
        e.text, "in database shop of clone orders-next the replication waits for a lock on public.t held by "
                "process 4711 (tester)"));
    assert_non_null(strstr(catch_up_progress(&r.u), "process 4711"));
    end(&r);
}

/* One after the other for a moment each, and one that lets go: nobody stands in the way for good. */
static void who_passes_ends_nothing(void **state)
{
    (void)state;
    struct run r;
    struct err e = ERR_INIT;
    begin(&r);
    for (int i = 0; i < 200; i++) {
        world.is_blocked = i % 30 != 0;
        world.blocker = (struct pg_holder){.pid = i < 100 ? i : 4711, .application = "tester", .table = ""};
        must(look(&r, 1, i % 50 == 49 ? 5 : 0, &e), &e);
    }
    assert_true(world.looked_for_blockers > 100);
    end(&r);
}

/* A large transaction is applied in one go: long silence, and nobody to blame. */
static void silence_alone_ends_nothing(void **state)
{
    (void)state;
    struct run r;
    struct err e = ERR_INIT;
    begin(&r);
    assert_int_equal(looks_until_failure(&r, 240, 5, 0, &e), 240);
    assert_non_null(strstr(world.noted, "nothing applied for"));
    must(look(&r, 5, 1200, &e), &e);
    end(&r);
}

static void a_slot_that_nobody_reads(void **state)
{
    (void)state;
    struct run r;
    struct err e = ERR_INIT;
    begin(&r);
    must(look(&r, 5, 5, &e), &e);
    world.slots[0].active = false;
    assert_int_equal(looks_until_failure(&r, 15, 5, 0, &e), 15);
    assert_non_null(strstr(world.noted, "nobody reads its slot at the moment"));
    world.slots[0].active = true; /* it is back: counted anew */
    must(look(&r, 5, 5, &e), &e);
    world.slots[0].active = false;
    int looks = looks_until_failure(&r, 1000, 5, 0, &e);
    assert_in_range(looks * LOOK_MS, 5 * 60000, 6 * 60000);
    assert_string_equal(e.id, "AUR0218");
    assert_string_equal(e.said, "ERROR:  could not connect to the publisher");
    end(&r);
}

static void an_old_transaction_of_production_is_named(void **state)
{
    (void)state;
    struct run r;
    struct err e = ERR_INIT;
    begin(&r);
    world.is_writing = true;
    world.writer = (struct pg_holder){.pid = 42, .application = "nightly", .age_ms = 299999};
    must(look(&r, 5, 5, &e), &e);
    assert_null(strstr(catch_up_progress(&r.u), "nightly"));
    world.writer.age_ms = 300000;
    must(look(&r, 5, 5, &e), &e);
    assert_non_null(
        strstr(catch_up_progress(&r.u), "since the oldest transaction began: process 42 (nightly)"));
    end(&r);
}

static void what_is_gone_never_catches_up(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        struct run r;
        struct err e = ERR_INIT;
        begin(&r);
        if (i > 0)
            must(look(&r, 5, 5, &e), &e);
        if (i == 2)
            world.slots[0].wal_status = "lost";
        else
            world.slot_count = 0;
        assert_false(look(&r, 5, 5, &e));
        assert_string_equal(e.id, "AUR0215");
        end(&r);
    }
}

/* Of several databases the one that is furthest behind is told. */
static void the_worst_is_told(void **state)
{
    (void)state;
    struct run r;
    struct err e = ERR_INIT;
    begin(&r);
    world.slots[1] = (struct pg_slot){.name = "aurora_upgrade_2",
                                      .database = "far",
                                      .wal_status = "reserved",
                                      .confirmed = MB,
                                      .lag_bytes = INT64_C(900) * MB,
                                      .active = true};
    world.slot_count = 2;
    must(look(&r, 5, 5, &e), &e);
    assert_int_equal(strncmp(catch_up_progress(&r.u), "database far: 900.0 MB behind", 29), 0);
    end(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_told_once_a_minute),
        cmocka_unit_test(falling_behind_is_no_failure),
        cmocka_unit_test(whoever_blocks_is_named_and_ends_it_after_ten_minutes),
        cmocka_unit_test(who_passes_ends_nothing),
        cmocka_unit_test(silence_alone_ends_nothing),
        cmocka_unit_test(a_slot_that_nobody_reads),
        cmocka_unit_test(an_old_transaction_of_production_is_named),
        cmocka_unit_test(what_is_gone_never_catches_up),
        cmocka_unit_test(the_worst_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
