/* What an upgrade in place, and a roll-back of it, have made of production: in plain words, for people. */
#include "provider/upgrade_status.h"

#include "internal/upgrade/in_place.h"
#include "internal/upgrade/roll_back.h"
#include "internal/upgrade/tags.h"

#include <inttypes.h>
#include <string.h>
#include <strings.h>

enum { MINUTE_MS = 60000, HOUR_MINUTES = 60, DAY_MINUTES = 24 * 60 };

const char *age_since(const struct upgrade *u, struct arena *a, const char *iso)
{
    int64_t then = 0;
    if (!iso || !time_parse_iso(iso, &then))
        return "at a time nobody noted";
    int64_t minutes = (u->clock->wall_ms(u->clock) - then) / MINUTE_MS;
    if (minutes >= DAY_MINUTES)
        return arena_printf(a, "%" PRId64 " d %" PRId64 " h ago", minutes / DAY_MINUTES,
                            minutes % DAY_MINUTES / HOUR_MINUTES);
    return arena_printf(a, "%" PRId64 " h %" PRId64 " min ago", minutes / HOUR_MINUTES,
                        minutes % HOUR_MINUTES);
}

bool aside_cost(struct upgrade *u, struct arena *a, const char **ret, struct err *e)
{
    const struct rds_instance *const *list = NULL;
    size_t n = 0;
    const struct rds_cluster *k = u->world.aside;
    if (!rds_instance_list(&u->aws, k->identifier, &list, &n, e))
        return err_wrap(e, "read the instances of %s", k->identifier);
    *ret =
        n == 0
            ? "until then its storage costs what production's does"
            : arena_printf(a, "until then its %zu instance%s (%s) and its storage cost what production's do",
                           n, n == 1 ? "" : "s", list[0]->instance_class);
    return true;
}

/* ---- what is going on ---- */

static bool bears(const struct upgrade *u, const struct rds_cluster *k)
{
    return k && strcasecmp(k->identifier, u->request.cluster) == 0;
}

static bool is_upgrading(const struct world *w)
{
    return w->snapshot && w->production && strcmp(w->production->status, "upgrading") == 0;
}

static bool is_settled(const struct rds_cluster *k)
{
    return !k || is_available(k->status) || strcmp(k->status, "stopped") == 0 || strstr(k->status, "failed");
}

bool in_place_in_flight(const struct world *w)
{
    bool being_made = w->snapshot && strcmp(w->snapshot->status, "creating") == 0;
    return is_upgrading(w) || being_made || !is_settled(w->restored) || !is_settled(w->aside) ||
           !is_settled(w->stray) || !is_settled(w->rehearsal);
}

/* ---- names in mid-move ---- */

static const char *moving(const struct upgrade *u, struct arena *a)
{
    const struct world *w = &u->world;
    const struct rds_cluster *r = w->restored, *left = w->aside;
    const char *name = u->request.cluster;
    if (bears(u, r))
        return arena_printf(
            a,
            "%s is the restored cluster on %s by now; its instances are taking their names and "
            "reboot, so that it may not answer until they have them. What was upgraded is %s.",
            name, r->engine_version, left ? left->identifier : "put aside");
    if (bears(u, w->production))
        return arena_printf(
            a,
            "%s is still the upgraded cluster, on %s; its instances are losing their names and "
            "reboot, so that it may refuse connections. What takes its place is %s, on %s.",
            name, w->production->engine_version, r->identifier, r->engine_version);
    return arena_printf(
        a,
        "No cluster bears the name %s at this moment: its endpoints do not answer, and nothing "
        "is written. What was upgraded (%s) is %s, what takes the name (%s) is %s.",
        name, left ? left->engine_version : "?", left ? left->identifier : "between two names",
        r->engine_version, r->identifier);
}

/* ---- the whole ---- */

static const char *put_aside(const struct upgrade *u, struct arena *a)
{
    const struct world *w = &u->world;
    return arena_printf(
        a,
        "%s is in production on %s, as it was before the upgrade. %s (%s) was put aside %s; what "
        "was written between the snapshot and the roll-back is nowhere else.",
        u->request.cluster, w->production ? w->production->engine_version : "?", w->aside->identifier,
        w->aside->engine_version, age_since(u, a, rds_tag_value(&w->aside->tags, TAG_ROLLED_BACK_AT)));
}

/* Before it is made; a clone that outlived that is being removed. */
static bool rehearses_now(const struct world *w)
{
    return w->rehearsal && w->production && !w->snapshot;
}

const char *in_place_situation(const struct upgrade *u, struct arena *a)
{
    const struct world *w = &u->world;
    struct err said = ERR_INIT;
    if (w->names_move)
        return moving(u, a);
    if (w->restored && w->production)
        return arena_printf(
            a,
            "%s is in production on %s, untouched; for a roll-back its snapshot is restored as "
            "%s (%s).",
            u->request.cluster, w->production->engine_version, w->restored->identifier, w->restored->status);
    if (roll_back_is_over(w))
        return put_aside(u, a);
    if (rehearses_now(w))
        return arena_printf(
            a, "%s is in production on %s, untouched; its upgrade is rehearsed on the clone %s (%s, %s).",
            u->request.cluster, w->production->engine_version, w->rehearsal->identifier,
            w->rehearsal->engine_version, w->rehearsal->status);
    if (!is_upgrading(w) && w->reached != STAGE_SWITCHED)
        return NULL;
    world_state(u, &said);
    return arena_strdup(a, said.state);
}

const char *in_place_next(const struct upgrade *u, struct arena *a)
{
    const struct world *w = &u->world;
    if (w->names_move)
        return "Apply again with stage = \"rolled_back\": names go on moving from where they are, from any "
               "machine.";
    if (w->restored)
        return arena_printf(
            a,
            "Apply again with stage = \"rolled_back\" to go on with the roll-back. `cleanup %s` "
            "gives it up as long as no name has moved.",
            u->request.cluster);
    if (roll_back_is_over(w))
        return arena_printf(
            a,
            "When nobody needs %s any more, apply stage = \"completed\": that deletes it, with a "
            "final snapshot.",
            w->aside->identifier);
    if (rehearses_now(w))
        return arena_printf(
            a,
            "Wait for the apply that rehearses it. If none is at work: apply again, which goes on or removes "
            "%s, or `cleanup %s`.",
            w->rehearsal->identifier, u->request.cluster);
    if (is_upgrading(w))
        return "Wait until AWS has ended, or apply again with the same stage: it waits, verifies the outcome "
               "and "
               "goes on.";
    if (upgrade_waits(w))
        return arena_printf(
            a,
            "Nothing until the maintenance window (%s), in which AWS upgrades it; then apply again. stage = "
            "\"rolled_back\" takes it back.",
            maintenance_window(u));
    if (w->snapshot && w->reached == STAGE_SWITCHED)
        return arena_printf(
            a,
            "Watch production; when retain_old_for is over, apply stage \"completed\". The way "
            "back is stage = \"rolled_back\" with accept_data_loss_since_snapshot = \"%s\".",
            w->snapshot->identifier);
    return w->snapshot
               ? "The upgrade was not made yet: apply again to go on, or with stage = \"rolled_back\" to "
                 "remove what was made."
               : NULL;
}

const char *hint_alone(struct arena *a, const struct err *e)
{
    char *hint = arena_strdup(a, e->hint), *note = strstr(hint, " (Attribute: ");
    if (note && !strchr(note, '\n'))
        *note = '\0';
    return hint;
}
