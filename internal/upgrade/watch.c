/* The rows of the watch: when it began, and until when it looks. */
#include "internal/upgrade/watch.h"
#include "internal/upgrade/blue_green.h"
#include "internal/upgrade/errors.h"
#include "internal/upgrade/staging.h"
#include "internal/upgrade/tags.h"

enum { FINDINGS_BYTES = 8192 };

/* AWS hands tags on: one from before this switch is another run's. */
static bool began(const struct upgrade *u, int64_t *ret_since_ms, struct pg_health *ret)
{
    const struct rds_tags *tags = &switch_notes(&u->world)->tags;
    const char *text = rds_tag_value(tags, TAG_WATCHED);
    return text && watch_read(text, ret_since_ms, ret) && *ret_since_ms >= tag_time(tags, TAG_SWITCHED_AT);
}

/* Nothing to compare with, or watched by an earlier apply. */
static bool is_past(const struct upgrade *u)
{
    return u->is_verified || !u->world.old;
}

static bool health_of(struct upgrade *u, enum side side, struct pg_health *ret, struct err *e)
{
    struct pg *c CLEANUP(pg_cleanup) = NULL;
    return side_open(u, side, NULL, false, &c, e) && pg_health(c, u->look, ret, e);
}

bool watch_begun(struct upgrade *u, bool *ret, struct err *e)
{
    int64_t since_ms = 0;
    struct pg_health ignored;
    if (!world_need(u, e))
        return false;
    *ret = is_past(u) || began(u, &since_ms, &ignored);
    return true;
}

bool watch_begin(struct upgrade *u, struct err *e)
{
    struct pg_health now = {0};
    char text[WATCH_TEXT];
    if (!health_of(u, SIDE_BLUE, &now, e))
        return false;
    watch_write(u->clock->wall_ms(u->clock), &now, text);
    const struct rds_tag tag = {TAG_WATCHED, text};
    return rds_tag_add(&u->aws, switch_notes(&u->world)->arn, (struct rds_tags){&tag, 1}, e) ||
           err_wrap(e, "tag the old cluster with %s", tag.key);
}

/* The upgrade is done; a side that cannot be looked at is a finding. Only Stop ends the watch. */
static bool look_at(struct upgrade *u, enum side side, struct watched_side *s, struct err *e)
{
    struct pg_health h = {0};
    struct err cause = ERR_INIT;
    if (health_of(u, side, &h, &cause)) {
        watch_add(u->arena, s, &h);
        return true;
    }
    if (stop_requested(u->stop)) {
        if (e)
            *e = cause;
        return err_wrap(e, "watch the new side");
    }
    s->misses++;
    s->trouble = arena_printf(u->arena, "%.300s", cause.text);
    return true;
}

static void tell(struct upgrade *u)
{
    struct buf findings CLEANUP(buf_done) = BUF_INIT(FINDINGS_BYTES);
    watch_findings(u->watch, &findings);
    if (findings.n > 0)
        u->warn(u->warn_arg, "Found while watching the new side", buf_text(&findings));
    if (!u->note)
        return;
    struct buf sessions CLEANUP(buf_done) = BUF_INIT(FINDINGS_BYTES);
    watch_sessions(u->watch, &sessions);
    u->note(u->note_arg, "watch", buf_text(&sessions));
    u->note(u->note_arg, "watch", findings.n ? buf_text(&findings) : "nothing is worse than before");
}

bool watch_ended(struct upgrade *u, bool *ret, struct err *e)
{
    int64_t since_ms = 0;
    if (!world_need(u, e))
        return false;
    if (is_past(u)) {
        *ret = true;
        return true;
    }
    if (!u->watch)
        u->watch = ARENA_NEW(u->arena, struct watch);
    if (!began(u, &since_ms, &u->watch->before))
        return err_set(e, ERR_CONFLICT, "the tag that says since when the new side is watched was removed");
    if (!look_at(u, SIDE_BLUE, &u->watch->new_side, e) || !look_at(u, SIDE_OLD, &u->watch->old_side, e))
        return false;
    *ret = u->clock->wall_ms(u->clock) - since_ms >= u->request.watch_ms;
    if (*ret)
        tell(u);
    return true;
}
