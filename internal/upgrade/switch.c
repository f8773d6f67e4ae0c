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
    SWITCH_GRACE_MS = 60000,           /* how long AWS may still say AVAILABLE after it took the call */
    SWITCH_BEYOND_MS = 30 * 60 * 1000, /* how long beyond its own time-out AWS is watched */
    CREDENTIALS_BEYOND_S = 10 * 60,    /* for what follows at once */
    CREDENTIALS_UPGRADE_S =
        20 * 60, /* a snapshot, and AWS's upgrade as a rule; what is late the next apply does */
    CREDENTIALS_NAMES_S = 20 * 60, /* RDS User Guide: renaming takes up to ten minutes, and both sides move */
    OLD_TRIES = 60,                /* looks until the old side answers to its new name */
    PROBE_TRIES = 30,
    LINES_SHOWN = 10
};

/* ---- green gets production's minimum before it takes over ---- */

/* Production's own range; its minimum may have been raised for the duration. */
static bool own_minimum(struct upgrade *u, double *ret, struct err *e)
{
    if (!noted_source_capacity(u, ret, e))
        return err_wrap(e, "read production's own minimum capacity");
    if (*ret < 0)
        *ret = u->world.production->min_capacity;
    return true;
}

bool green_capacity_restored(struct upgrade *u, bool *ret, struct err *e)
{
    double minimum = -1;
    if (!world_need(u, e) || !own_minimum(u, &minimum, e))
        return false;
    const struct rds_cluster *g = u->world.green;
    *ret = !g || !g->serverless_v2 ||
           (g->min_capacity == minimum && g->max_capacity == u->world.production->max_capacity);
    return true;
}

bool green_capacity_restore(struct upgrade *u, struct err *e)
{
    struct rds_cluster_change change = RDS_CLUSTER_CHANGE_INIT;
    if (!own_minimum(u, &change.min_capacity, e))
        return false;
    change.max_capacity = u->world.production->max_capacity;
    change.apply_immediately = true;
    return rds_cluster_modify(&u->aws, u->world.green->identifier, &change, e);
}

/* ---- credentials that last ---- */

/* `what` goes on without a way back and may take `takes_s`. */
static bool credentials_outlast(struct upgrade *u, int64_t takes_s, const char *what, bool *ret,
                                struct err *e)
{
    int64_t needed = takes_s + (int64_t)CREDENTIALS_BEYOND_S;
    struct aws_life life;
    if (!aws_credentials_outlast(&u->aws, needed, &life, e))
        return err_wrap(e, "how long the AWS credentials last");
    *ret = true;
    if (life.seconds >= needed || life.renews)
        return true;
    (void)upgrade_fail(e, E_CREDENTIALS_SHORT,
                       "the AWS credentials (%s) end in %lld minutes, %s of %s may take %lld, and there is "
                       "nothing to renew them with",
                       life.source, (long long)(life.seconds / 60), what, u->request.cluster,
                       (long long)(needed / 60));
    return *life.trouble ? err_said(e, "%s", life.trouble) : false;
}

bool credentials_check(struct upgrade *u, bool *ret, struct err *e)
{
    return credentials_outlast(u, u->request.max_write_outage_s, "the switchover", ret, e);
}

bool credentials_check_upgrade(struct upgrade *u, bool *ret, struct err *e)
{
    return credentials_outlast(u, CREDENTIALS_UPGRADE_S, "the upgrade", ret, e);
}

bool credentials_check_names(struct upgrade *u, bool *ret, struct err *e)
{
    return credentials_outlast(u, CREDENTIALS_NAMES_S, "the change of names", ret, e);
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

static bool tells_of_cancelling(const struct upgrade *u, const struct rds_event *v)
{
    const struct rds_bluegreen *d = u->world.deployment;
    bool about_us = strcmp(v->source, d->identifier) == 0 || strcmp(v->source, d->name) == 0 ||
                    strcasecmp(v->source, u->request.cluster) == 0;
    return about_us && strcasestr(v->message, "cancel") && strcasestr(v->message, "switchover");
}

/* The newest event that tells why AWS gave up, if it is newer than `since` (AWS's own time: this machine's
 * clock has no say). *ret_date may be NULL. */
static const char *cancel_reason(struct upgrade *u, const char *since, const char **ret_date)
{
    static const char *const types[] = {"blue-green-deployment", "db-cluster"};
    const char *reason = NULL, *newest = since;
    for (size_t t = 0; u->world.deployment && t < ARRAY_LEN(types); t++) {
        const struct rds_event *events = NULL;
        size_t n = 0;
        struct err ignored = ERR_INIT;
        if (!rds_events(&u->aws, types[t], NULL, 60, &events, &n, &ignored))
            continue;
        for (size_t i = 0; i < n; i++) {
            if (!tells_of_cancelling(u, &events[i]) || strcmp(events[i].date, newest) <= 0)
                continue;
            newest = events[i].date;
            reason = events[i].message;
        }
    }
    if (ret_date)
        *ret_date = newest;
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
    int64_t called_mono_ms;
    char cancelled_before[TIME_ISO_SIZE]; /* date of the newest such event before the call; "" none */
    bool seen_running;
    int without_old; /* looks since the switch at which the old side was not found */
};

enum switch_outcome { SWITCH_GOES_ON, SWITCH_DONE, SWITCH_BACK };

static enum switch_outcome judge(struct upgrade *u, struct switch_wait *w, const char **reason)
{
    const struct rds_bluegreen *d = u->world.deployment;
    *reason = NULL;
    if (!d) /* removed by somebody; production tells how it ended */
        return u->world.version.major == u->request.target.major ? SWITCH_DONE : SWITCH_GOES_ON;
    if (strcmp(d->status, "SWITCHOVER_COMPLETED") == 0)
        return u->world.old || w->without_old++ >= OLD_TRIES ? SWITCH_DONE : SWITCH_GOES_ON;
    if (strcmp(d->status, "SWITCHOVER_FAILED") == 0) {
        *reason = cancel_reason(u, w->cancelled_before, NULL);
        return SWITCH_BACK;
    }
    if (strcmp(d->status, "AVAILABLE") != 0) {
        w->seen_running = true;
        return SWITCH_GOES_ON;
    }
    *reason = cancel_reason(u, w->cancelled_before, NULL);
    bool late = u->clock->mono_ms(u->clock) - w->called_mono_ms > SWITCH_GRACE_MS;
    return *reason || w->seen_running || late ? SWITCH_BACK : SWITCH_GOES_ON;
}

static bool left_alone(struct upgrade *u, const char *why, struct err *e)
{
    (void)upgrade_fail(e, E_SWITCHOVER_RUNNING, "%s while AWS switches %s over", why, u->request.cluster);
    return err_state(e, "AWS may be switching %s over at this moment; it refuses writes for a short time.",
                     u->request.cluster);
}

/* AWS bounds the switchover itself (SwitchoverTimeout); this only watches. */
static bool watch_switchover(struct upgrade *u, struct switch_wait *w, struct err *e)
{
    int64_t longest = u->request.max_write_outage_s * 1000LL + SWITCH_BEYOND_MS;
    for (;;) {
        const char *reason = NULL;
        if (u->clock->wait(u->clock, u->stop, SWITCH_POLL_MS))
            return left_alone(u, "interrupted", e);
        if (u->clock->mono_ms(u->clock) - w->called_mono_ms > longest)
            return left_alone(u, "no end was seen", e);
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

/* After a call that failed: true if what the deployment does next decides, false if AWS refused it. */
static bool outcome_open(struct upgrade *u, struct err *e)
{
    const struct err refused = *e;
    if (refused.code == ERR_CANCELLED)
        return left_alone(u, "interrupted", e);
    if (refused.code == ERR_UNAVAILABLE || refused.code == ERR_TIMEOUT)
        return true; /* the reply is lost, the call perhaps not */
    if (refused.code != ERR_CONFLICT)
        return err_wrap(e, "switch over deployment %s", u->world.deployment->name);
    if (!world_look(u, e))
        return false;
    const struct rds_bluegreen *d = u->world.deployment;
    if (!d || strcmp(d->status, "AVAILABLE") != 0)
        return true;
    (void)upgrade_fail(e, E_SWITCHOVER_REFUSED, "AWS refuses to switch %s over", u->request.cluster);
    (void)err_said(e, "%s%s%s", refused.said[0] ? refused.said : refused.text,
                   d->status_details[0] ? " / " : "", d->status_details);
    prove_writable(u, e);
    return false;
}

bool switchover_run(struct upgrade *u, struct err *e)
{
    if (!world_look(u, e))
        return false;
    const struct rds_bluegreen *d = u->world.deployment;
    if (!d)
        return upgrade_fail(e, E_DEPLOYMENT_GONE, "the deployment of %s has disappeared", u->request.cluster);
    struct switch_wait w = {.called_mono_ms = u->clock->mono_ms(u->clock)};
    w.seen_running = strcmp(d->status, "SWITCHOVER_IN_PROGRESS") == 0;
    if (w.seen_running)
        return watch_switchover(u, &w, e);
    if (!u->world.production)
        return upgrade_fail(e, E_CLUSTER_ABSENT, "cluster %s does not exist", u->request.cluster);
    const char *before = "";
    (void)cancel_reason(u, "", &before);
    (void)snprintf(w.cancelled_before, sizeof w.cancelled_before, "%s", before);
    if (!same_run(u, e))
        return false;
    if (!rds_bluegreen_switchover(&u->aws, d->identifier, u->request.max_write_outage_s, e) &&
        !outcome_open(u, e))
        return false;
    return watch_switchover(u, &w, e);
}

/* ---- what must be known later is written on the old cluster, which is ours since it lost the name ---- */

/* A note older than the deployment is of an earlier run: AWS hands tags on. */
static bool is_noted(const struct upgrade *u)
{
    const struct rds_bluegreen *d = u->world.deployment;
    const struct rds_tags *tags = &u->world.old->tags;
    int64_t made = 0;
    bool of_this_run =
        !d || !time_parse_iso(d->create_time, &made) || tag_time(tags, TAG_SWITCHED_AT) >= made;
    return rds_tag_value(tags, TAG_OLD_OF) && of_this_run;
}

bool old_noted(struct upgrade *u, bool *ret, struct err *e)
{
    if (!world_need(u, e))
        return false;
    *ret = !u->world.old || is_noted(u);
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
        {TAG_TARGET_VERSION, u->world.production ? u->world.production->engine_version : ""},
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
    bool ok = u->is_verified || !u->world.old || !u->world.deployment ||
              side_each_database(u, SIDE_OLD, false, compare_sequences, &behind, e);
    if (ok && behind.n > 0)
        ok = upgrade_fail(e, E_VERIFY_FAILED, "sequences are behind: %s", buf_text(&behind));
    buf_done(&behind);
    *ret = ok;
    return ok;
}
