/* The point of no return, and the proof after it. */
#include "internal/pg/catalog.h"
#include "internal/upgrade/blue_green.h"
#include "internal/upgrade/errors.h"
#include "internal/upgrade/tags.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum {
    SWITCH_POLL_MS = 1000,
    SWITCH_GRACE_MS = 60000, /* how long AWS may still say AVAILABLE after it took the call */
    PROBE_TRIES = 30,
    LINES_SHOWN = 10
};

/* ---- green gets production's minimum before it takes over ---- */

static double capacity_of_production(const struct upgrade *u)
{
    const char *noted = rds_tag_value(&u->world.deployment->tags, TAG_GREEN_CAPACITY);
    return noted ? strtod(noted, NULL) : u->world.production->min_capacity;
}

bool green_capacity_restored(struct upgrade *u, bool *ret, struct err *e)
{
    if (!world_need(u, e))
        return false;
    const struct rds_cluster *g = u->world.green;
    *ret = !g || !u->world.deployment || g->min_capacity <= capacity_of_production(u);
    return true;
}

bool green_capacity_restore(struct upgrade *u, struct err *e)
{
    struct rds_cluster_change change = RDS_CLUSTER_CHANGE_INIT;
    change.min_capacity = capacity_of_production(u);
    change.max_capacity = u->world.green->max_capacity;
    change.apply_immediately = true;
    return rds_cluster_modify(&u->aws, u->world.green->identifier, &change, e);
}

/* ---- switchover ---- */

bool switchover_done(struct upgrade *u, bool *ret, struct err *e)
{
    if (!world_look(u, e))
        return false;
    const struct rds_bluegreen *d = u->world.deployment;
    *ret = u->world.reached >= STAGE_SWITCHED && (!d || strcmp(d->status, "SWITCHOVER_COMPLETED") == 0);
    return true;
}

bool switchover_underway(struct upgrade *u, bool *ret, struct err *e)
{
    if (!world_look(u, e))
        return false;
    const struct rds_bluegreen *d = u->world.deployment;
    *ret = d && strcmp(d->status, "SWITCHOVER_IN_PROGRESS") == 0;
    return true;
}

/* The newest event that tells why AWS gave up, no older than the call. */
static const char *cancel_reason(struct upgrade *u, int64_t called_wall_ms)
{
    static const char *const types[] = {"blue-green-deployment", "db-cluster"};
    const char *reason = NULL;
    for (size_t t = 0; t < ARRAY_LEN(types); t++) {
        const struct rds_event *events = NULL;
        size_t n = 0;
        struct err ignored = ERR_INIT;
        if (!rds_events(&u->aws, types[t], NULL, 60, &events, &n, &ignored))
            continue;
        for (size_t i = 0; i < n; i++) {
            int64_t when = 0;
            bool cancelled = strcasestr(events[i].message, "cancel") != NULL &&
                             strcasestr(events[i].message, "switchover") != NULL;
            if (cancelled && time_parse_iso(events[i].date, &when) && when + 1000 >= called_wall_ms)
                reason = events[i].message;
        }
    }
    return reason;
}

/* Says whether production takes writes again, by trying; without a login, what AWS promises. */
static void prove_writable(struct upgrade *u, struct err *e)
{
    struct err last = ERR_INIT;
    const char *name = u->request.cluster;
    if (!u->has_login) {
        (void)err_state(e, "%s stays in production on its old version; AWS rolls its own switchover back.",
                        name);
        return;
    }
    for (int i = 0; i < PROBE_TRIES; i++) {
        struct pg *blue = NULL;
        bool ok = side_open(u, SIDE_BLUE, NULL, true, &blue, &last) && pg_probe_writable(blue, &last);
        pg_close(blue);
        if (ok) {
            (void)err_state(e, "%s is in production on %s and takes writes (tried just now).", name,
                            u->world.production ? u->world.production->engine_version : "its old version");
            return;
        }
        if (u->clock->wait(u->clock, u->stop, SWITCH_POLL_MS))
            break;
    }
    (void)err_state(e, "%s is in production on its old version, but a test write failed: %s", name,
                    last.text);
}

static bool rolled_back(struct upgrade *u, const char *reason, struct err *e)
{
    const struct rds_bluegreen *d = u->world.deployment;
    char details[512] = "";
    (void)snprintf(details, sizeof details, "%s", d ? d->status_details : "");
    char why[1024];
    (void)snprintf(why, sizeof why, "%s", reason ? reason : "");
    (void)upgrade_fail(e, E_SWITCHOVER_ROLLED_BACK, "AWS did not switch %s over and went back",
                       u->request.cluster);
    (void)err_said(e, "%s%s%s", why, why[0] && details[0] ? " / " : "", details);
    prove_writable(u, e);
    return false;
}

struct switch_wait {
    int64_t called_wall_ms, called_mono_ms;
    bool seen_running;
};

enum switch_outcome { SWITCH_GOES_ON, SWITCH_DONE, SWITCH_BACK };

static enum switch_outcome judge(struct upgrade *u, struct switch_wait *w, const char **reason)
{
    const struct rds_bluegreen *d = u->world.deployment;
    *reason = NULL;
    if (!d || strcmp(d->status, "SWITCHOVER_COMPLETED") == 0)
        return SWITCH_DONE;
    if (strcmp(d->status, "SWITCHOVER_FAILED") == 0) {
        *reason = cancel_reason(u, w->called_wall_ms);
        return SWITCH_BACK;
    }
    if (strcmp(d->status, "AVAILABLE") != 0) {
        w->seen_running = true;
        return SWITCH_GOES_ON;
    }
    *reason = cancel_reason(u, w->called_wall_ms);
    bool late = u->clock->mono_ms(u->clock) - w->called_mono_ms > SWITCH_GRACE_MS;
    return *reason || w->seen_running || late ? SWITCH_BACK : SWITCH_GOES_ON;
}

/* AWS bounds the switchover itself (SwitchoverTimeout); this only watches. */
static bool watch_switchover(struct upgrade *u, struct switch_wait *w, struct err *e)
{
    for (;;) {
        const char *reason = NULL;
        if (u->clock->wait(u->clock, u->stop, SWITCH_POLL_MS))
            return upgrade_fail(e, E_SWITCHOVER_RUNNING, "interrupted while AWS switches %s over",
                                u->request.cluster);
        if (!world_look(u, e))
            return err_wrap(e, "watch the switchover");
        switch (judge(u, w, &reason)) {
        case SWITCH_DONE:
            return true;
        case SWITCH_BACK:
            return rolled_back(u, reason, e);
        case SWITCH_GOES_ON:
            break;
        }
    }
}

bool switchover_run(struct upgrade *u, struct err *e)
{
    if (!world_need(u, e))
        return false;
    const struct rds_bluegreen *d = u->world.deployment;
    if (!d)
        return upgrade_fail(e, E_DEPLOYMENT_GONE, "the deployment of %s has disappeared", u->request.cluster);
    struct switch_wait w = {.called_wall_ms = u->clock->wall_ms(u->clock),
                            .called_mono_ms = u->clock->mono_ms(u->clock)};
    w.seen_running = strcmp(d->status, "SWITCHOVER_IN_PROGRESS") == 0;
    if (!w.seen_running &&
        !rds_bluegreen_switchover(&u->aws, d->identifier, u->request.max_write_outage_s, e)) {
        struct err refused = *e;
        if (refused.code != ERR_CONFLICT && refused.code != ERR_UNAVAILABLE)
            return err_wrap(e, "switch over deployment %s", d->name);
        /* A lost reply looks like this as well: what the deployment does next decides. */
        if (!world_look(u, e))
            return false;
        d = u->world.deployment;
        if (d && strcmp(d->status, "AVAILABLE") == 0) {
            (void)upgrade_fail(e, E_SWITCHOVER_REFUSED, "AWS refuses to switch %s over", u->request.cluster);
            (void)err_said(e, "%s%s%s", refused.said[0] ? refused.said : refused.text,
                           d->status_details[0] ? " / " : "", d->status_details);
            prove_writable(u, e);
            return false;
        }
    }
    return watch_switchover(u, &w, e);
}

/* ---- what must be known later is written on the old cluster, which is ours since it lost the name ---- */

bool old_noted(struct upgrade *u, bool *ret, struct err *e)
{
    if (!world_need(u, e))
        return false;
    *ret = !u->world.old || rds_tag_value(&u->world.old->tags, TAG_OLD_OF) != NULL;
    return true;
}

bool old_note(struct upgrade *u, struct err *e)
{
    char now[TIME_ISO_SIZE];
    time_iso(u->clock->wall_ms(u->clock), false, now);
    const struct rds_tag tags[] = {
        {TAG_OLD_OF, u->request.cluster},
        {TAG_RESOURCE, TAG_RESOURCE_BLUE_GREEN},
        {TAG_SOURCE_VERSION, u->world.old->engine_version},
        {TAG_TARGET_VERSION, u->world.production->engine_version},
        {TAG_SWITCHED_AT, now},
    };
    return rds_tag_add(&u->aws, u->world.old->arn, (struct rds_tags){tags, ARRAY_LEN(tags)}, e) ||
           err_wrap(e, "tag the old cluster %s", u->world.old->identifier);
}

/* ---- proof ---- */

bool new_available(struct upgrade *u, bool *ret, struct err *e)
{
    const char *busy = NULL;
    if (!world_need(u, e))
        return false;
    const struct rds_cluster *k = u->world.production;
    bool ready =
        is_available(k->status) && instances_available(u->world.instances, u->world.instance_count, &busy);
    for (size_t i = 0; i < k->member_count; i++)
        ready = ready && strcmp(k->members[i].parameter_group_status, "applying") != 0;
    *ret = ready;
    return true;
}

bool new_version_check(struct upgrade *u, bool *ret, struct err *e)
{
    struct pg *c CLEANUP(pg_cleanup) = NULL;
    if (!world_need(u, e))
        return false;
    const struct rds_cluster *k = u->world.production;
    if (u->world.version.major != u->request.target.major)
        return upgrade_fail(e, E_VERIFY_FAILED, "%s runs %s after the switch", k->identifier,
                            k->engine_version);
    for (size_t i = 0; i < k->member_count; i++)
        if (strcmp(k->members[i].parameter_group_status, "pending-reboot") == 0)
            return upgrade_fail(e, E_VERIFY_FAILED,
                                "instance %s has not taken over parameter group %s (pending-reboot)",
                                k->members[i].identifier, k->parameter_group);
    *ret = true;
    if (!u->has_login)
        return true;
    if (!side_open(u, SIDE_BLUE, NULL, true, &c, e) || !pg_probe_writable(c, e))
        return err_wrap(e, "write to %s after the switch", k->identifier);
    if (pg_server_version(c) / 10000 != u->request.target.major)
        return upgrade_fail(e, E_VERIFY_FAILED, "the endpoint of %s answers from a server of version %d",
                            k->identifier, pg_server_version(c));
    return true;
}

/* ---- sequences ---- */

static const struct pg_sequence *find_sequence(const struct pg_sequence *s, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(s[i].name, name) == 0)
            return &s[i];
    return NULL;
}

static bool is_behind(const struct pg_sequence *old_side, const struct pg_sequence *new_side)
{
    if (!old_side->is_called)
        return false;
    if (!new_side->is_called)
        return true;
    return old_side->increment > 0 ? new_side->last_value < old_side->last_value
                                   : new_side->last_value > old_side->last_value;
}

static bool compare_sequences(struct upgrade *u, struct pg *old_side, const char *database, void *arg,
                              struct err *e)
{
    struct pg *new_side CLEANUP(pg_cleanup) = NULL;
    const struct pg_sequence *was = NULL, *is = NULL;
    size_t n = 0, m = 0;
    struct buf *out = arg;
    if (!side_open(u, SIDE_BLUE, database, false, &new_side, e) ||
        !pg_sequences(old_side, u->look, &was, &n, e) || !pg_sequences(new_side, u->look, &is, &m, e))
        return false;
    for (size_t i = 0; i < n; i++) {
        const struct pg_sequence *now = find_sequence(is, m, was[i].name);
        if (!now || is_behind(&was[i], now))
            (void)buf_printf(out, "%s%s: %s was at %lld, is at %lld", out->n ? "; " : "", database,
                             was[i].name, (long long)was[i].last_value,
                             now ? (long long)now->last_value : -1LL);
    }
    return true;
}

bool new_sequences_check(struct upgrade *u, bool *ret, struct err *e)
{
    struct buf behind = BUF_INIT(1500);
    if (!world_need(u, e))
        return false;
    /* Without the deployment the old side is already being removed, after this check had passed. */
    bool ok = !u->world.old || !u->world.deployment ||
              side_each_database(u, SIDE_OLD, false, compare_sequences, &behind, e);
    if (ok && behind.n > 0)
        ok = upgrade_fail(e, E_VERIFY_FAILED, "sequences are behind: %s", buf_text(&behind));
    buf_done(&behind);
    *ret = ok;
    return ok;
}
