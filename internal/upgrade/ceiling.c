/* What production may keep for the slots: written down beside them, and looked at by every run of anything of
 * ours that can log in. */
#include "internal/upgrade/errors.h"
#include "internal/upgrade/logical.h"

#include "internal/pg/logical.h"
#include "internal/pg/replica.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define CEILING_FACT "max_retained_wal"

/* ---- written down ---- */

bool ceiling_noted(struct upgrade *u, struct pg *c, int64_t *ret, struct err *e)
{
    const char *text = "";
    if (!pg_fact_read(c, u->look, CEILING_FACT, &text, e))
        return false;
    char *end = NULL;
    long long bytes = strtoll(text, &end, 10);
    *ret = text[0] && *end == '\0' && bytes > 0 && bytes < INT64_MAX ? bytes : 0;
    return true;
}

bool ceiling_note(struct upgrade *u, struct pg *c, struct err *e)
{
    const char *text = arena_printf(u->look, "%" PRId64, u->request.max_retained_bytes);
    return pg_fact_change(c, CEILING_FACT, text, e);
}

/* Only where there is one: a run whose slots are gone needs none any more. */
static bool note_again(struct upgrade *u, struct pg *c, const char *database, void *arg, struct err *e)
{
    int64_t noted = 0;
    (void)database;
    (void)arg;
    return ceiling_noted(u, c, &noted, e) &&
           (noted == 0 || noted == u->request.max_retained_bytes || ceiling_note(u, c, e));
}

bool ceiling_renew(struct upgrade *u, struct err *e)
{
    if (u->strategy != &strategy_logical || !u->has_login || !u->world.green || !u->world.production)
        return true;
    return run_each_database(u, SIDE_BLUE, true, note_again, NULL, e) ||
           err_wrap(e, "write down max_retained_wal");
}

/* ---- looked at ---- */

static bool most_kept(struct upgrade *u, const struct pg_slot **ret, struct err *e)
{
    struct pg *c CLEANUP(pg_cleanup) = NULL;
    const struct pg_slot *slots = NULL;
    size_t n = 0;
    if (!side_open(u, SIDE_BLUE, NULL, false, &c, e) ||
        !pg_slots(c, u->look, LOGICAL_SLOT_PREFIX, &slots, &n, e))
        return false;
    *ret = NULL;
    for (size_t i = 0; i < n; i++)
        if (!*ret || slots[i].kept_bytes > (*ret)->kept_bytes)
            *ret = &slots[i];
    return true;
}

/* After the switch the slot is that of the way back. */
static bool too_much(const struct upgrade *u, const struct pg_slot *s, int64_t ceiling, struct err *e)
{
    (void)upgrade_fail(
        e, E_RETAINED_WAL, "%s keeps %lld MB of WAL for slot %s, more than max_retained_wal (%lld MB)",
        u->request.cluster, (long long)(s->kept_bytes >> 20), s->name, (long long)(ceiling >> 20));
    if (u->world.old)
        (void)err_hint(e,
                       "The old side, %s, does not take what is written, so its slot goes: production comes "
                       "first. Without it there is no way back any more that loses nothing.",
                       u->world.old->identifier);
    return false;
}

static bool within(struct upgrade *u, bool *ret, struct err *e)
{
    const struct pg_slot *most = NULL;
    if (!most_kept(u, &most, e))
        return false;
    *ret = !most || most->kept_bytes <= u->request.max_retained_bytes;
    return *ret || too_much(u, most, u->request.max_retained_bytes, e);
}

bool retained_wal_check(struct upgrade *u, bool *ret, struct err *e)
{
    return world_need(u, e) && within(u, ret, e);
}

bool slots_give_up(struct upgrade *u, struct err *e)
{
    const struct pg_slot *most = NULL;
    if (!world_need(u, e) || !most_kept(u, &most, e))
        return false;
    return !most || most->kept_bytes <= u->request.max_retained_bytes || slots_remove(u, e);
}

static bool noted_beside(struct upgrade *u, const struct pg_slot *s, int64_t *ret, struct err *e)
{
    struct pg *c CLEANUP(pg_cleanup) = NULL;
    return side_open(u, SIDE_BLUE, s->database, false, &c, e) && ceiling_noted(u, c, ret, e);
}

bool ceiling_check(struct upgrade *u, bool may_drop, struct err *e)
{
    const struct pg_slot *most = NULL;
    int64_t ceiling = 0;
    if (!most_kept(u, &most, e))
        return false;
    if (!most)
        return true;
    if (!noted_beside(u, most, &ceiling, e))
        return false;
    if (ceiling == 0 || most->kept_bytes <= ceiling)
        return true;
    if (may_drop && !slots_remove(u, e))
        return err_wrap(e, "drop the slots, for which %s keeps more than max_retained_wal",
                        u->request.cluster);
    (void)too_much(u, most, ceiling, e);
    if (!may_drop && !u->world.old)
        (void)err_hint(
            e,
            "The next apply drops the slots of this upgrade, and so does `terraform-provider-aurora "
            "status %s` at once: production comes first. Then stage = \"rolled_back\" and forward again.",
            u->request.cluster);
    return false;
}

/* ---- while something else is waited for ---- */

/* Where production cannot be reached at the moment, the next look tells. */
static bool glance(struct upgrade *u, struct err *e)
{
    struct err why = ERR_INIT;
    bool fits = true;
    if (!u->has_login || !u->world.production || within(u, &fits, &why) || fits)
        return true;
    if (e)
        *e = why;
    return false;
}

#define KEPT_ROW(name, of)                                                                                   \
    bool name(struct upgrade *u, bool *ret, struct err *e)                                                   \
    {                                                                                                        \
        bool done = false;                                                                                   \
        if (!of(u, &done, e) || (!done && !glance(u, e)))                                                    \
            return false;                                                                                    \
        *ret = done;                                                                                         \
        return true;                                                                                         \
    }
KEPT_ROW(kept_seed_ready, seed_ready)
KEPT_ROW(kept_seed_copy_ready, seed_copy_ready)
KEPT_ROW(kept_clone_exists, clone_exists)
KEPT_ROW(kept_clone_available, clone_available)
KEPT_ROW(kept_clone_upgraded, clone_upgraded)
KEPT_ROW(kept_green_in_sync, green_in_sync)
KEPT_ROW(kept_soak_over, soak_over)
