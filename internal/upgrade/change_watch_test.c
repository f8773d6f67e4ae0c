/* DDL on production: when its catalogue is written down, when a change is told, when it is accepted. The
 * server is this file's own: one change at most, which is on the clone or not. */
#include "internal/base/testing.h"
#include "internal/pg/change.h"
#include "internal/pg/logical.h"
#include "internal/upgrade/blue_green.h"
#include "internal/upgrade/errors.h"
#include "internal/upgrade/logical.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct {
    enum side of;
    int now, noted; /* which catalogue it is; 0: none was noted */
    bool has_slot, is_on_clone, unreachable, is_of_fence;
    int notes, open_now, reads;
    bool is_two, fails_to_note;  /* databases; in the second */
    int database, carried_to[2]; /* the one being asked; which clone each has noted, 0: none */
} server;

static const char *const databases[] = {"shop", "till"};
static const char *const clones[] = {"", "cluster-ONE", "cluster-TWO"};

bool world_need(struct upgrade *u, struct err *e)
{
    (void)u;
    (void)e;
    return true;
}

bool is_available(const char *status)
{
    return strcmp(status, "available") == 0;
}

bool side_open(struct upgrade *u, enum side side, const char *database, bool writable, struct pg **ret,
               struct err *e)
{
    (void)u;
    (void)writable;
    assert_string_equal(database, databases[server.database]);
    if (side == SIDE_GREEN && server.unreachable)
        return err_set(e, ERR_UNAVAILABLE, "no way there");
    server.open_now++;
    *ret = calloc(1, 1);
    return true;
}

void pg_close(struct pg *c)
{
    server.open_now -= c ? 1 : 0;
    free(c);
}

bool run_each_database(struct upgrade *u, enum side side, bool writable,
                       bool (*each)(struct upgrade *u, struct pg *c, const char *database, void *arg,
                                    struct err *e),
                       void *arg, struct err *e)
{
    bool ok = true;
    assert_int_equal(side, server.of);
    for (size_t i = 0; ok && i < (server.is_two ? 2 : 1); i++) {
        struct pg *c CLEANUP(pg_cleanup) = NULL;
        server.database = (int)i;
        ok = side_open(u, side, databases[i], writable, &c, e) && each(u, c, databases[i], arg, e);
    }
    return ok;
}

bool pg_fact_read(struct pg *c, struct arena *a, const char *name, const char **ret, struct err *e)
{
    (void)c;
    (void)a;
    (void)e;
    assert_string_equal(name, "catalogue_carried");
    *ret = clones[server.carried_to[server.database]];
    return true;
}

bool pg_fact_change(struct pg *c, const char *name, const char *value, struct err *e)
{
    (void)c;
    assert_string_equal(name, "catalogue_carried");
    if (server.database == 1 && server.fails_to_note)
        return err_set(e, ERR_UNAVAILABLE, "no way there");
    server.carried_to[server.database] = strcmp(value, clones[1]) == 0 ? 1 : 2;
    return true;
}

bool slot_start(struct upgrade *u, struct pg *source, lsn_t *ret, struct err *e)
{
    (void)u;
    (void)source;
    (void)e;
    *ret = server.has_slot ? 7 : 0;
    return true;
}

const char *join_lines(struct arena *a, const char *const *lines, size_t n, size_t max)
{
    assert_true(n >= 1 && max >= 1);
    return arena_strdup(a, lines[0]);
}

bool pg_catalogue(struct pg *c, struct arena *a, struct pg_fingerprint *ret, struct err *e)
{
    (void)c;
    (void)a;
    (void)e;
    server.reads++;
    *ret = (struct pg_fingerprint){.part_count = (size_t)server.now};
    return true;
}

bool pg_fingerprint(struct pg *c, struct arena *a, struct pg_fingerprint *ret, struct err *e)
{
    return pg_catalogue(c, a, ret, e);
}

bool pg_catalogue_note(struct pg *c, const struct pg_fingerprint *now, struct err *e)
{
    (void)c;
    (void)e;
    server.noted = (int)now->part_count;
    server.notes++;
    return true;
}

bool pg_catalogue_is_noted(struct pg *c, const struct pg_fingerprint *now, bool *ret_noted, bool *ret_same,
                           struct err *e)
{
    (void)c;
    (void)e;
    *ret_noted = server.noted != 0;
    *ret_same = now && server.noted == (int)now->part_count;
    return true;
}

bool pg_catalogue_noted(struct pg *c, struct arena *a, struct pg_fingerprint *ret, struct err *e)
{
    (void)c;
    (void)a;
    (void)e;
    *ret = (struct pg_fingerprint){.part_count = (size_t)server.noted};
    return true;
}

void pg_catalogue_changes(struct arena *a, const struct pg_fingerprint *before,
                          const struct pg_fingerprint *now, const struct pg_change **ret, size_t *ret_n)
{
    struct pg_change *one = ARENA_NEW(a, struct pg_change);
    *one = (struct pg_change){PG_CHANGE_ADDED, "columns", "public.t.x"};
    *ret = one;
    *ret_n = before->part_count != now->part_count;
}

const char *pg_change_text(struct arena *a, const struct pg_change *change)
{
    return arena_printf(a, "column %s was added", change->object);
}

bool pg_change_is_of_fence(const struct pg_change *change)
{
    (void)change;
    return server.is_of_fence;
}

const char *pg_change_sides(struct arena *a, const struct pg_change *change,
                            const struct pg_fingerprint *old_side, const struct pg_fingerprint *new_side)
{
    (void)change;
    (void)old_side;
    (void)new_side;
    return arena_strdup(a, "");
}

bool pg_change_is_on_both(const struct pg_change *change, const struct pg_fingerprint *old_side,
                          const struct pg_fingerprint *new_side)
{
    (void)change;
    (void)old_side;
    (void)new_side;
    return server.is_on_clone;
}

enum row { NOTED, NOTE, SAME, ACCEPT, ON_BOTH, CHECK, CARRIED };

static const struct {
    const char *name;
    enum row row;
    bool has_clone, has_slot;
    int now, noted;
    bool is_on_clone, unreachable;
    bool ok, is_done;
    const char *id, *says; /* of the failure */
    int noted_then;
} rows[] = {
    {"nothing is noted yet", NOTED, false, false, 1, 0, false, false, true, false, NULL, NULL, 0},
    {"it is", NOTE, false, false, 1, 0, false, false, true, true, NULL, NULL, 1},
    {"noted", NOTED, false, true, 1, 1, false, false, true, true, NULL, NULL, 1},
    {"noted once is enough", NOTE, false, true, 1, 1, false, false, true, true, NULL, NULL, 1},
    {"changed while there is no clone", NOTED, false, true, 2, 1, false, false, true, false, NULL, NULL, 1},
    {"noted anew", NOTE, false, true, 2, 1, false, false, true, true, NULL, NULL, 2},
    {"with a clone it stays as it was", NOTED, true, true, 2, 1, false, false, true, true, NULL, NULL, 1},
    {"whatever is asked for", NOTE, true, true, 2, 1, false, false, true, true, NULL, NULL, 1},
    {"a run of an older version", NOTED, true, true, 2, 0, false, false, true, false, NULL, NULL, 0},
    {"is watched from now on", NOTE, true, true, 2, 0, false, false, true, true, NULL, NULL, 2},
    {"a database behind the clone", NOTED, true, false, 1, 0, false, false, false, false, "AUR0222",
     "database shop of orders came behind clone orders-next", 0},
    {"no DDL", SAME, true, true, 1, 1, false, false, true, true, NULL, NULL, 1},
    {"DDL", SAME, true, true, 2, 1, true, false, true, false, NULL, NULL, 1},
    {"not on the clone", ACCEPT, true, true, 2, 1, false, false, false, false, "AUR0219",
     "shop: column public.t.x was added", 1},
    {"on the clone, too", ACCEPT, true, true, 2, 1, true, false, true, true, NULL, NULL, 2},
    {"the clone cannot be asked", ACCEPT, true, true, 2, 1, true, true, false, false, NULL, "no way there",
     1},
    {"the clone is gone", ACCEPT, false, true, 2, 1, true, false, false, false, "AUR0121", "disappeared", 1},
    {"a look: none", ON_BOTH, true, true, 1, 1, false, true, true, true, NULL, NULL, 1},
    {"a look: on both sides", ON_BOTH, true, true, 2, 1, true, false, true, true, NULL, NULL, 1},
    {"a look: on one side", ON_BOTH, true, true, 2, 1, false, false, false, false, "AUR0219",
     "clone orders-next lacks it, in 1 place(s): shop: column public.t.x was added", 1},
    {"behind the comparison: none", CHECK, true, true, 1, 1, false, false, true, true, NULL, NULL, 1},
    {"behind the comparison", CHECK, true, true, 2, 1, true, true, false, false, "AUR0220",
     "shop: column public.t.x was added", 1},
    {"between look and fence: none", CARRIED, true, true, 1, 1, false, true, true, true, NULL, NULL, 1},
    {"between look and fence", CARRIED, true, true, 2, 1, false, false, false, false, "AUR0221",
     "orders lacks it, in 1 place(s): shop: column public.t.x was added", 1},
    {"between look and fence, done by hand", CARRIED, true, true, 2, 1, true, false, true, true, NULL, NULL,
     1},
};

static bool ask(struct upgrade *u, enum row row, bool *ret, struct err *e)
{
    *ret = true;
    switch (row) {
    case NOTED:
        return catalogue_noted(u, ret, e);
    case NOTE:
        return catalogue_note(u, e);
    case SAME:
        return catalogue_same(u, ret, e);
    case ACCEPT:
        return catalogue_accept(u, e);
    case ON_BOTH:
        return catalogue_on_both(u, ret, e);
    case CHECK:
        return catalogue_check(u, ret, e);
    case CARRIED:
        break;
    }
    return catalogue_carried_note(u, e);
}

/* Only behind the switch: before it a privilege of the database is as good as any. */
static void what_the_fence_changes_itself(void **state)
{
    (void)state;
    struct rds_cluster production = {.resource_id = clones[1]},
                       other = {.identifier = "orders-old", .status = "available"};
    for (int is_behind = 0; is_behind < 2; is_behind++) {
        struct upgrade u = {
            .look = arena_new(), .request.cluster = "orders", .world.production = &production};
        struct err e = ERR_INIT;
        bool done = true;
        memset(&server, 0, sizeof server);
        server.of = is_behind ? SIDE_OLD : SIDE_BLUE;
        server.now = 2;
        server.noted = 1;
        server.is_of_fence = true;
        *(is_behind ? &u.world.old : &u.world.green) = &other;
        bool ok = is_behind ? catalogue_carried_note(&u, &e) : catalogue_on_both(&u, &done, &e);
        assert_int_equal(ok && done, is_behind);
        assert_true(is_behind || strcmp(e.id, "AUR0219") == 0);
        arena_free(u.look);
    }
}

static void what_is_told_and_what_is_noted(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct rds_cluster production = {.resource_id = clones[1]},
                           clone = {.identifier = "orders-next", .status = "available"};
        struct upgrade u = {
            .look = arena_new(), .request.cluster = "orders", .world.production = &production};
        struct err e = ERR_INIT;
        bool done = false;
        memset(&server, 0, sizeof server);
        server.now = rows[i].now;
        server.noted = rows[i].noted;
        server.has_slot = rows[i].has_slot;
        server.is_on_clone = rows[i].is_on_clone;
        server.unreachable = rows[i].unreachable;
        server.of = rows[i].row == CARRIED ? SIDE_OLD : SIDE_BLUE;
        *(rows[i].row == CARRIED ? &u.world.old : &u.world.green) = rows[i].has_clone ? &clone : NULL;
        bool ok = ask(&u, rows[i].row, &done, &e);
        if (ok != rows[i].ok || (ok && done != rows[i].is_done) || server.noted != rows[i].noted_then)
            fail_msg("%s: %d %d, noted %d: %s", rows[i].name, ok, done, server.noted, e.text);
        if (!ok && (!strstr(e.text, rows[i].says) || (rows[i].id && strcmp(e.id, rows[i].id) != 0)))
            fail_msg("%s: %s %s", rows[i].name, e.id, e.text);
        assert_int_equal(server.carried_to[0], rows[i].row == CARRIED && ok);
        assert_int_equal(server.open_now, 0);
        arena_free(u.look);
    }
}

static bool is_carried(struct upgrade *u)
{
    struct err e = ERR_INIT;
    bool done = false;
    int reads = server.reads;
    assert_true(catalogue_carried(u, &done, &e));
    assert_int_equal(server.reads, reads); /* no catalogue was read for that */
    return done;
}

static void behind_the_switch_it_is_looked_at_once(void **state)
{
    (void)state;
    struct rds_cluster production = {.resource_id = clones[1]},
                       old = {.identifier = "orders-old", .status = "available"};
    struct upgrade u = {
        .look = arena_new(), .request.cluster = "orders", .world = {.production = &production, .old = &old}};
    struct err e = ERR_INIT;
    memset(&server, 0, sizeof server);
    server.of = SIDE_OLD;
    server.is_two = true;
    server.now = 2;
    server.noted = 1;
    assert_false(is_carried(&u));
    assert_false(catalogue_carried_note(&u, &e));
    assert_string_equal(e.id, "AUR0221");
    assert_false(is_carried(&u));

    server.is_on_clone = server.fails_to_note = true; /* brought over; cut short while that is noted */
    assert_false(catalogue_carried_note(&u, &e));
    assert_int_equal(server.carried_to[0], 1);
    assert_false(is_carried(&u));
    server.fails_to_note = false;
    assert_true(catalogue_carried_note(&u, &e));
    server.is_on_clone = false; /* changed there again: nothing to do with the switch */
    assert_true(is_carried(&u));

    production.resource_id = clones[2]; /* another switch */
    assert_false(is_carried(&u));
    old.status = "stopped";
    assert_true(is_carried(&u));
    old.status = "available";
    u.world.names_move = true;
    assert_true(is_carried(&u));
    u.world.names_move = false;
    u.world.old = NULL;
    assert_true(is_carried(&u));
    assert_int_equal(server.open_now, 0);
    arena_free(u.look);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(what_is_told_and_what_is_noted),
                                       cmocka_unit_test(what_the_fence_changes_itself),
                                       cmocka_unit_test(behind_the_switch_it_is_looked_at_once)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
