/* What neither replication nor AWS's upgrade brings to the clone, before anybody is switched to it. */
#include "internal/upgrade/logical.h"
#include "internal/upgrade/tags.h"

#include "internal/pg/refresh.h"

enum { REFUSED_SHOWN = 20 };

static bool count_views(struct upgrade *u, struct pg *c, const char *database, void *arg, struct err *e)
{
    int64_t *all = arg, n = 0;
    (void)u;
    (void)database;
    if (!pg_views_count(c, &n, e))
        return false;
    *all += n;
    return true;
}

bool clone_views_done(struct upgrade *u, bool *ret, struct err *e)
{
    int64_t n = 0;
    if (!world_need(u, e))
        return false;
    bool noted = u->world.green && rds_tag_value(u->world.facts, TAG_REFRESHED_AT);
    if (u->world.green && !noted && !run_each_database(u, SIDE_GREEN, false, count_views, &n, e))
        return false;
    *ret = noted || n == 0;
    return true;
}

struct refusals {
    const char **lines;
    size_t n, cap;
};

static bool refresh_views(struct upgrade *u, struct pg *c, const char *database, void *arg, struct err *e)
{
    struct refusals *r = arg;
    const char **refused = NULL;
    size_t n = 0;
    if (!pg_views_refresh(c, u->look, &refused, &n, e))
        return false;
    for (size_t i = 0; i < n; i++)
        ARR_PUSH(u->look, r->lines, r->n, r->cap, arena_printf(u->look, "%s: %s", database, refused[i]));
    return true;
}

bool clone_views_run(struct upgrade *u, struct err *e)
{
    struct refusals r = {0};
    char now[TIME_ISO_SIZE];
    if (!run_each_database(u, SIDE_GREEN, true, refresh_views, &r, e))
        return false;
    if (r.n > 0)
        u->warn(u->warn_arg, "Materialized views of the clone are not refreshed",
                arena_printf(
                    u->look,
                    "They hold what they held when the clone was made; refresh them there as their owner. "
                    "PostgreSQL says: %s",
                    join_lines(u->look, r.lines, r.n, REFUSED_SHOWN)));
    time_iso(u->clock->wall_ms(u->clock), false, now);
    return tag_run(u, TAG_REFRESHED_AT, now, e);
}
