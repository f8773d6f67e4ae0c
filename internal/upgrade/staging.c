/* When a switch may be: after the soak, in the window, with everything in order at the same moment. */
#include "internal/upgrade/staging.h"
#include "internal/upgrade/blue_green.h"
#include "internal/upgrade/errors.h"
#include "internal/upgrade/tags.h"

/* ---- soak: counted from the tag, not from a living process ---- */

/* Unix ms; 0: it does not count yet. */
static int64_t soak_ends(const struct upgrade *u)
{
    const struct rds_tags *run = u->world.reached < STAGE_SWITCHED ? u->world.facts : NULL;
    int64_t since = run ? tag_time(run, TAG_VALIDATED_AT) : 0;
    return since > 0 ? since + u->request.minimum_stable_ms : 0;
}

bool soak_over(struct upgrade *u, bool *ret, struct err *e)
{
    if (!world_need(u, e))
        return false;
    if (!u->world.facts)
        return upgrade_fail(e, E_DEPLOYMENT_GONE, "the new side of %s has disappeared", u->request.cluster);
    int64_t ends = soak_ends(u);
    *ret = ends > 0 && u->clock->wall_ms(u->clock) >= ends;
    return true;
}

bool soak_fits(struct upgrade *u, int64_t until_wall_ms, struct err *e)
{
    char date[TIME_ISO_SIZE];
    int64_t ends = soak_ends(u);
    if (ends <= until_wall_ms)
        return true;
    time_iso(ends, false, date);
    return upgrade_fail(e, E_SOAK, "%s of %s has to be stable until %s (minimum_stable)",
                        u->strategy->new_side, u->request.cluster, date);
}

/* ---- window ---- */

static int64_t outage_ms(const struct upgrade *u)
{
    return u->request.max_write_outage_s * 1000LL;
}

bool window_open(struct upgrade *u, bool *ret, struct err *e)
{
    (void)e;
    const struct window *w = u->request.window;
    *ret = !w || window_left_ms(w, u->clock->wall_ms(u->clock)) > outage_ms(u);
    return true;
}

static bool closed(const struct upgrade *u, struct err *e)
{
    char date[TIME_ISO_SIZE];
    int64_t next = window_next_ms(u->request.window, u->clock->wall_ms(u->clock), outage_ms(u));
    if (next < 0)
        return upgrade_fail(e, E_WINDOW_CLOSED, "no window for the switch of %s is longer than %d s",
                            u->request.cluster, u->request.max_write_outage_s);
    time_iso(next, false, date);
    return upgrade_fail(e, E_WINDOW_CLOSED, "the window for the switch of %s opens at %s", u->request.cluster,
                        date);
}

bool window_fits(struct upgrade *u, int64_t until_wall_ms, struct err *e)
{
    if (!u->request.window)
        return true;
    int64_t next = window_next_ms(u->request.window, u->clock->wall_ms(u->clock), outage_ms(u));
    return (next >= 0 && next < until_wall_ms) || closed(u, e);
}

/* The last look before the point of no return: hooks and waits may have used the window up. */
bool window_check(struct upgrade *u, bool *ret, struct err *e)
{
    return window_open(u, ret, e) && (*ret || closed(u, e));
}

bool switch_ready(struct upgrade *u, bool *ret, struct err *e)
{
    bool ready = false;
    if (!window_open(u, &ready, e))
        return false;
    if (ready && !deployment_available(u, &ready, e))
        return false;
    if (ready && u->has_login && !replication_caught_up(u, &ready, e))
        return false;
    *ret = ready;
    return true;
}
