/* DDL on production while the clone follows: written down what its catalogue was, told what has become of it,
 * accepted once the clone has it, too. */
#include "internal/upgrade/blue_green.h"
#include "internal/upgrade/errors.h"
#include "internal/upgrade/logical.h"

#include "internal/pg/change.h"
#include "internal/pg/logical.h"

#include <inttypes.h>
#include <string.h>

enum { SHOWN = 10 };

/* ---- written down ---- */

static bool is_noted(struct upgrade *u, struct pg *c, const char *database, void *arg, struct err *e)
{
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    struct pg_fingerprint now = {0};
    bool *all = arg, noted = false, same = false, has_clone = u->world.green != NULL;
    lsn_t start = 0;
    if ((!has_clone && !pg_catalogue(c, a, &now, e)) ||
        !pg_catalogue_is_noted(c, has_clone ? NULL : &now, &noted, &same, e) || !slot_start(u, c, &start, e))
        return false;
    *all = *all && noted && (same || has_clone);
    return start || noted || !has_clone ||
           upgrade_fail(e, E_NEW_DATABASE, "database %s of %s came behind clone %s", database,
                        u->request.cluster, u->world.green->identifier);
}

bool catalogue_noted(struct upgrade *u, bool *ret, struct err *e)
{
    bool all = true;
    if (!world_need(u, e) || !run_each_database(u, SIDE_BLUE, false, is_noted, &all, e))
        return false;
    *ret = all;
    return true;
}

/* With a clone, a run that began with another version of ours: from now on. */
static bool note(struct upgrade *u, struct pg *c, const char *database, void *arg, struct err *e)
{
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    struct pg_fingerprint now = {0};
    bool noted = false, same = false;
    (void)arg;
    if (!pg_catalogue(c, a, &now, e) || !pg_catalogue_is_noted(c, &now, &noted, &same, e))
        return false;
    return same || (noted && u->world.green) || pg_catalogue_note(c, &now, e) ||
           err_wrap(e, "write down the catalogue of %s", database);
}

bool catalogue_note(struct upgrade *u, struct err *e)
{
    return run_each_database(u, SIDE_BLUE, true, note, NULL, e);
}

/* ---- compared ---- */

struct comparison {
    enum side of, with;  /* where it was written down; where it has to be, too */
    bool accepts, looks; /* what to do with a difference that is on both sides; whether to look for it */
    const char **lines;  /* what has to be done yet */
    size_t n, cap;
    bool differs;
};

static void add_line(struct upgrade *u, struct comparison *all, const char *database, const char *text,
                     const char *sides)
{
    ARR_PUSH(u->look, all->lines, all->n, all->cap,
             (const char *)arena_printf(u->look, "%s: %s%s", database, text, sides));
}

/* What both sides have is told to the journal when it is accepted, and to nobody else. */
static bool compare_sides(struct upgrade *u, struct pg *c, const char *database, struct arena *a,
                          const struct pg_change *list, size_t n, struct comparison *all, struct err *e)
{
    struct pg *other CLEANUP(pg_cleanup) = NULL;
    struct pg_fingerprint old_side = {0}, new_side = {0};
    if (all->with == SIDE_GREEN && !u->world.green)
        return upgrade_fail(e, E_DEPLOYMENT_GONE, "the clone of %s has disappeared", u->request.cluster);
    if (!side_open(u, all->with, database, false, &other, e) || !pg_fingerprint(c, a, &old_side, e) ||
        !pg_fingerprint(other, a, &new_side, e))
        return false;
    for (size_t i = 0; i < n; i++) {
        const char *text = pg_change_text(a, &list[i]);
        if (all->of == SIDE_OLD && pg_change_is_of_fence(&list[i]))
            continue;
        if (!pg_change_is_on_both(&list[i], &old_side, &new_side))
            add_line(u, all, database, text, pg_change_sides(a, &list[i], &old_side, &new_side));
        else if (all->accepts && u->note)
            u->note(u->note_arg, "catalogue-compared",
                    arena_printf(u->look, "%s: %s, on both sides", database, text));
    }
    return true;
}

static bool tell_all(struct upgrade *u, const char *database, const struct pg_change *list, size_t n,
                     struct comparison *all)
{
    for (size_t i = 0; i < n; i++)
        add_line(u, all, database, pg_change_text(u->look, &list[i]), "");
    return true;
}

static bool compare(struct upgrade *u, struct pg *c, const char *database, void *arg, struct err *e)
{
    struct comparison *all = arg;
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    struct pg_fingerprint before = {0}, now = {0};
    const struct pg_change *list = NULL;
    bool noted = false, same = false;
    size_t n = 0, told = all->n;
    if (!pg_catalogue(c, a, &now, e) || !pg_catalogue_is_noted(c, &now, &noted, &same, e))
        return err_wrap(e, "read the catalogue of %s", database);
    if (same || !noted)
        return true;
    all->differs = true;
    if (!pg_catalogue_noted(c, a, &before, e))
        return false;
    pg_catalogue_changes(a, &before, &now, &list, &n);
    if (all->looks ? !compare_sides(u, c, database, a, list, n, all, e)
                   : !tell_all(u, database, list, n, all))
        return err_wrap(e, "compare the catalogues of %s", database);
    return !all->accepts || all->n > told || pg_catalogue_note(c, &now, e);
}

static bool compare_all(struct upgrade *u, struct comparison *all, struct err *e)
{
    return run_each_database(u, all->of, all->accepts, compare, all, e);
}

bool catalogue_same(struct upgrade *u, bool *ret, struct err *e)
{
    struct comparison all = {0};
    if (!world_need(u, e) || !compare_all(u, &all, e))
        return false;
    *ret = !all.differs;
    return true;
}

static bool on_clone(struct upgrade *u, const struct comparison *all, struct err *e)
{
    return all->n == 0 || upgrade_fail(e, E_CATALOGUE_CHANGED,
                                       "production's catalogue was changed since the slots of %s were made, "
                                       "and clone %s lacks it, in %zu place(s): %s",
                                       u->request.cluster, u->world.green->identifier, all->n,
                                       join_lines(u->look, all->lines, all->n, SHOWN));
}

bool catalogue_accept(struct upgrade *u, struct err *e)
{
    struct comparison all = {.with = SIDE_GREEN, .accepts = true, .looks = true};
    return world_need(u, e) && compare_all(u, &all, e) && on_clone(u, &all, e);
}

bool catalogue_on_both(struct upgrade *u, bool *ret, struct err *e)
{
    struct comparison all = {.with = SIDE_GREEN, .looks = true};
    if (!compare_all(u, &all, e))
        return false;
    *ret = all.n == 0;
    return on_clone(u, &all, e);
}

bool catalogue_check(struct upgrade *u, bool *ret, struct err *e)
{
    struct comparison all = {0};
    if (!world_need(u, e) || !compare_all(u, &all, e))
        return false;
    *ret = !all.differs;
    return *ret || upgrade_fail(e, E_CATALOGUE_MOVES,
                                "production's catalogue was changed since both sides were compared, in %zu "
                                "place(s): %s",
                                all.n, join_lines(u->look, all.lines, all.n, SHOWN));
}

/* ---- behind the switch ---- */

#define CARRIED "catalogue_carried"

/* A clone takes over once: its resource id names the switch. Kept on the old side, where nobody else writes
 * and from where nothing of it is replicated. */
static bool is_carried(struct upgrade *u, struct pg *c, const char *database, void *arg, struct err *e)
{
    bool *all = arg;
    const char *to = "";
    (void)database;
    if (!pg_fact_read(c, u->look, CARRIED, &to, e))
        return false;
    *all = *all && strcmp(to, u->world.production->resource_id) == 0;
    return true;
}

bool catalogue_carried(struct upgrade *u, bool *ret, struct err *e)
{
    bool all = true;
    if (!world_need(u, e))
        return false;
    const struct rds_cluster *old = u->world.names_move ? NULL : u->world.old;
    if (old && is_available(old->status) && !run_each_database(u, SIDE_OLD, false, is_carried, &all, e))
        return false;
    *ret = all;
    return true;
}

static bool note_carried(struct upgrade *u, struct pg *c, const char *database, void *arg, struct err *e)
{
    (void)database;
    (void)arg;
    return pg_fact_change(c, CARRIED, u->world.production->resource_id, e);
}

bool catalogue_carried_note(struct upgrade *u, struct err *e)
{
    struct comparison all = {.of = SIDE_OLD, .with = SIDE_BLUE, .looks = true};
    if (!world_need(u, e) || !compare_all(u, &all, e))
        return false;
    if (all.n > 0)
        return upgrade_fail(e, E_CATALOGUE_BEHIND,
                            "the catalogue of %s was changed right before writes to it were stopped, "
                            "and %s lacks it, in %zu place(s): %s",
                            u->world.old->identifier, u->request.cluster, all.n,
                            join_lines(u->look, all.lines, all.n, SHOWN));
    return run_each_database(u, SIDE_OLD, true, note_carried, NULL, e);
}
