/* Before a cutover, and after a process that died in it. */
#include "internal/upgrade/cutover_work.h"
#include "internal/upgrade/errors.h"
#include "internal/upgrade/tables.h"

#include "internal/pg/catalog.h"
#include "internal/pg/logical.h"

#include <string.h>

enum { OLD_PREPARED_S = 60, NAMED = 10 };

struct untaken {
    const char **lines;
    size_t n, cap;
};

static bool check_rights(struct cutover *k, const struct place *p, struct err *e)
{
    const struct pg_sequence *all = NULL;
    const char **denied = NULL;
    size_t n = 0;
    if (!pg_sequences(p->from, k->u->look, &all, &n, e) ||
        !pg_sequences_denied(p->to, k->u->look, &denied, &n, e))
        return err_wrap(e, "database %s", p->database);
    if (n == 0)
        return true;
    (void)upgrade_fail(e, E_SEQUENCES_DENIED, "the login may not set %zu sequences in database %s of %s", n,
                       p->database, k->arriving->identifier);
    return err_said(e, "%s", join_lines(k->u->look, denied, n, NAMED));
}

static bool is_whole(struct cutover *k, struct err *e)
{
    const char **names = NULL;
    size_t n = 0;
    if (!pg_databases(k->places[0].from, k->u->look, &names, &n, e))
        return false;
    for (size_t i = 0; i < n; i++) {
        size_t at = 0;
        while (at < k->n && strcmp(k->places[at].database, names[i]) != 0)
            at++;
        if (at == k->n)
            return upgrade_fail(
                e, E_SWITCH_PARTIAL,
                "database %s is not of this upgrade, and %s has it as it was when the clone was "
                "made",
                names[i], k->arriving->identifier);
    }
    return true;
}

/* Both in the order of bytes. */
static void find_untaken(struct cutover *k, const struct place *p, const char **sent, size_t n,
                         const char **taken, size_t m, struct untaken *ret)
{
    size_t at = 0;
    for (size_t i = 0; i < n; i++) {
        while (at < m && strcmp(taken[at], sent[i]) < 0)
            at++;
        if (at == m || strcmp(taken[at], sent[i]) != 0)
            ARR_PUSH(k->u->look, ret->lines, ret->n, ret->cap,
                     (const char *)arena_printf(k->u->look, "%s: %s", p->database, sent[i]));
    }
}

bool cutover_all_taken(struct cutover *k, struct err *e)
{
    struct untaken all = {0};
    for (size_t i = 0; i < k->n; i++) {
        const struct place *p = &k->places[i];
        const char **sent = NULL, **taken = NULL;
        size_t n = 0, m = 0;
        if (!pg_published_relations(p->from, k->u->look, LOGICAL_NAME, &sent, &n, e) ||
            !pg_subscribed_relations(p->to, k->u->look, LOGICAL_NAME, &taken, &m, e))
            return false;
        find_untaken(k, p, sent, n, taken, m, &all);
    }
    if (all.n == 0)
        return true;
    (void)upgrade_fail(e, E_NOT_FOLLOWED, "%s does not take %zu table(s) or partition(s) that %s sends",
                       k->arriving->identifier, all.n, k->left->identifier);
    return err_said(e, "%s", join_lines(k->u->look, all.lines, all.n, NAMED));
}

bool taken_check(struct upgrade *u, bool *ret, struct err *e)
{
    if (!world_need(u, e))
        return false;
    struct cutover k = cutover_direction(u);
    bool ok = !k.arriving || (cutover_open(&k, e) && cutover_all_taken(&k, e));
    cutover_close(&k);
    *ret = ok;
    return ok;
}

bool clone_ready_to_switch(struct upgrade *u, bool *ret, struct err *e)
{
    bool ready = false;
    if (!window_open(u, &ready, e) || (ready && !clone_available(u, &ready, e)) ||
        (ready && !clone_caught_up(u, &ready, e)) || (ready && !catalogue_check(u, &ready, e)))
        return false;
    *ret = ready;
    return true;
}

bool fence_check(struct upgrade *u, bool *ret, struct err *e)
{
    if (!world_need(u, e))
        return false;
    struct cutover k = cutover_direction(u);
    *ret = !k.arriving;
    if (!k.arriving)
        return true;
    bool ok = cutover_open(&k, e) && is_whole(&k, e) && tables_all_followed(u, e) &&
              cutover_all_taken(&k, e) && cutover_obstacles(&k, OLD_PREPARED_S, e);
    for (size_t i = 0; ok && i < k.n; i++)
        ok = check_rights(&k, &k.places[i], e);
    cutover_close(&k);
    *ret = ok;
    return ok;
}

struct fences {
    size_t up, down;
};

static bool count_fence(struct upgrade *u, struct pg *c, const char *database, void *arg, struct err *e)
{
    struct fences *all = arg;
    bool up = false;
    (void)database;
    if (!pg_fence_is_up(c, cutover_fact(u, u->world.production), &up, e))
        return false;
    all->up += up;
    all->down += !up;
    return true;
}

bool fence_lifted(struct upgrade *u, bool *ret, struct err *e)
{
    struct fences all = {0};
    if (!world_look(u, e))
        return false;
    if (u->world.production && u->has_login && !u->world.names_move &&
        !side_each_database(u, SIDE_BLUE, false, count_fence, &all, e))
        return false;
    *ret = all.up == 0;
    return true;
}

bool fence_lift(struct upgrade *u, struct err *e)
{
    if (!world_need(u, e))
        return false;
    struct cutover k = cutover_direction(u);
    bool ok = run_each_database(u, k.from, false, cutover_add_place, &k, e);
    ok = ok && cutover_take_back(&k, e) && cutover_follow_again(&k, e);
    cutover_close(&k);
    return ok;
}

/* Whoever lifts it in between has taken the decision back: writes go on where nothing follows any more. */
bool fence_stands(struct upgrade *u, bool *ret, struct err *e)
{
    struct fences all = {0};
    if (!world_need(u, e))
        return false;
    const struct world *w = &u->world;
    *ret = true;
    if (!w->restored || strcmp(w->production->resource_id, w->restored->resource_id) == 0)
        return true;
    if (!side_each_database(u, SIDE_BLUE, false, count_fence, &all, e))
        return false;
    *ret = all.down == 0;
    return *ret || upgrade_fail(e, E_FENCE_GONE, "the fence around %s was lifted after %s was to take over",
                                w->production->identifier, w->restored->identifier);
}
