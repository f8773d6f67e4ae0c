/* The one call of an upgrade in place, and what AWS makes of it. Success is the new version, available;
 * "available" on the old one is the failure, which events and the writer's log files explain. */
#include "internal/upgrade/errors.h"
#include "internal/upgrade/in_place.h"
#include "internal/upgrade/settings.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

enum {
    BEGIN_POLL_MS = 1000,
    BEGIN_MAX_MS = 10 * 60 * 1000, /* how long AWS may go on saying "available" after it took the call */
    STEADY_READINGS = 6,           /* consecutive "available on the old version" that count as the end */
    EVENT_MINUTES = 24 * 60,
    LOG_LINES = 40,
    LOG_QUOTED = 1400, /* bytes of a log in an error */
    LOGS_KEPT = 8,     /* files, lines of each and bytes of each, in the journal */
    LOG_LINES_KEPT = 400,
    LOG_BYTES_KEPT = 32768,
    LOG_SPREAD_MS = 600000 /* files of one attempt were written within this time */
};

/* ---- what AWS said ---- */

const struct rds_event *upgrade_refusal(struct upgrade *u, const char *since)
{
    static const char *const texts[] = {"cannot be upgraded", "unable to upgrade", "upgrade failed"};
    const struct rds_event *events = NULL, *newest = NULL;
    size_t n = 0;
    struct err ignored = ERR_INIT;
    if (!rds_events(&u->aws, "db-cluster", u->request.cluster, EVENT_MINUTES, &events, &n, &ignored))
        return NULL;
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < ARRAY_LEN(texts); k++)
            if (strcasestr(events[i].message, texts[k]) && strcmp(events[i].date, since) > 0)
                newest = &events[i];
    return newest;
}

static const char *writer_of(const struct upgrade *u)
{
    const struct rds_cluster *k = u->world.production;
    for (size_t i = 0; k && i < k->member_count; i++)
        if (k->members[i].is_writer)
            return k->members[i].identifier;
    return NULL;
}

/* Which log says most: a check's own list of what is in the way, the prechecks' summary, pg_upgrade's own. */
static int log_rank(const char *name)
{
    static const char *const parts[] = {"pg_upgrade_server", "pg_upgrade_internal", "precheck", ".txt"};
    for (size_t i = ARRAY_LEN(parts); i-- > 0;)
        if (strstr(name, parts[i]))
            return (int)i + 1;
    return 0;
}

static const struct rds_log_file *best_log(const struct rds_log_file *files, size_t n, int64_t since)
{
    const struct rds_log_file *best = NULL;
    double newest = (double)since;
    for (size_t i = 0; i < n; i++)
        newest = files[i].written_ms > newest ? files[i].written_ms : newest;
    for (size_t i = 0; i < n; i++) {
        bool of_last = files[i].bytes > 0 && files[i].written_ms >= (double)since &&
                       newest - files[i].written_ms <= LOG_SPREAD_MS;
        if (of_last && (!best || log_rank(files[i].name) > log_rank(best->name)))
            best = &files[i];
    }
    return best;
}

/* pg_upgrade's own logs have "upgrade" in their names, the lists of its checks only their ending. Those of an
 * earlier attempt are older than the snapshot of this one. */
static const struct rds_log_file *find_log(struct upgrade *u, const char *writer)
{
    static const char *const parts[] = {".txt", "upgrade"};
    const struct rds_log_file *found = NULL;
    struct err ignored = ERR_INIT;
    int64_t since = 0;
    if (u->world.snapshot && !time_parse_iso(u->world.snapshot->create_time, &since))
        since = 0;
    for (size_t i = 0; i < ARRAY_LEN(parts) && !found; i++) {
        const struct rds_log_file *files = NULL;
        size_t n = 0;
        if (rds_log_files(&u->aws, writer, parts[i], &files, &n, &ignored))
            found = best_log(files, n, since);
    }
    return found;
}

/* The end of the log that says most, with its name; "" if there is none or it cannot be read. */
static const char *quoted_log(struct upgrade *u)
{
    const char *writer = writer_of(u), *text = "";
    struct err ignored = ERR_INIT;
    const struct rds_log_file *best = writer ? find_log(u, writer) : NULL;
    if (!best || !rds_log_tail(&u->aws, writer, best->name, LOG_LINES, &text, &ignored))
        return "";
    size_t length = strlen(text);
    const char *end = length > LOG_QUOTED ? text + length - LOG_QUOTED : text;
    return arena_printf(u->look, "%s of %s:\n%s", best->name, writer, end);
}

void upgrade_keep_logs(struct upgrade *u)
{
    const char *writer = writer_of(u), *text = "";
    const struct rds_log_file *files = NULL;
    struct err ignored = ERR_INIT;
    size_t n = 0;
    if (!u->note || !writer || !rds_log_files(&u->aws, writer, "upgrade", &files, &n, &ignored))
        return;
    for (size_t i = 0; i < n && i < LOGS_KEPT; i++)
        if (files[i].bytes > 0 &&
            rds_log_tail(&u->aws, writer, files[i].name, LOG_LINES_KEPT, &text, &ignored))
            u->note(u->note_arg, "upgrade",
                    arena_printf(u->look, "%s of %s:\n%.*s", files[i].name, writer, LOG_BYTES_KEPT, text));
}

bool upgrade_went_back(struct upgrade *u, const struct rds_event *event, struct err *e)
{
    const char *log = quoted_log(u);
    (void)upgrade_fail(e, E_UPGRADE_WENT_BACK, "AWS did not upgrade %s: it is available on %s",
                       u->request.cluster, u->world.production->engine_version);
    (void)err_said(e, "%.500s%s%s", event ? event->message : "AWS left no event that says why.",
                   *log ? "\n" : "", log);
    if (u->note && *log)
        u->note(u->note_arg, "upgrade", log);
    world_state(u, e);
    return false;
}

/* ---- the call ---- */

/* A status "upgrading" may be that of a minor version, which is AWS's own business. */
bool upgrade_at_work(const struct upgrade *u, const struct world *w)
{
    const struct rds_cluster *k = w->production;
    struct version pending = {0};
    bool known = version_parse(k->pending_engine_version, &pending);
    return strcmp(k->status, "upgrading") == 0 && (!known || pending.major == u->request.target.major);
}

bool upgrade_begun(struct upgrade *u, bool *ret, struct err *e)
{
    if (!world_need(u, e))
        return false;
    *ret = u->world.version.major >= u->request.target.major || upgrade_at_work(u, &u->world);
    return true;
}

static void remember(struct upgrade *u)
{
    arena_free(u->before_look);
    u->before = u->world;
    u->before_look = u->look;
    u->look = u->aws.arena = arena_new();
}

static bool left_alone(struct upgrade *u, struct err *e)
{
    (void)upgrade_fail(e, E_UPGRADE_RUNNING, "interrupted while AWS begins to upgrade %s",
                       u->request.cluster);
    return err_state(e, "AWS may be upgrading %s at this moment; it refuses writes until that is over.",
                     u->request.cluster);
}

/* Until AWS shows that it works, is done, or has given up. */
static bool await_begin(struct upgrade *u, const char *since, struct err *e)
{
    int64_t until = u->clock->mono_ms(u->clock) + BEGIN_MAX_MS;
    for (;;) {
        bool begun = false;
        if (u->clock->wait(u->clock, u->stop, BEGIN_POLL_MS))
            return left_alone(u, e);
        if (!upgrade_begun(u, &begun, e))
            return err_wrap(e, "watch the upgrade");
        if (begun)
            return true;
        const struct rds_event *event = upgrade_refusal(u, since);
        if (event || u->clock->mono_ms(u->clock) > until)
            return upgrade_went_back(u, event, e);
    }
}

/* After a call that failed: true if what the cluster does next decides, false if AWS refused it. */
static bool outcome_open(struct upgrade *u, struct err *e)
{
    const struct err refused = *e;
    bool begun = false;
    if (refused.code == ERR_CANCELLED)
        return left_alone(u, e);
    if (refused.code == ERR_UNAVAILABLE || refused.code == ERR_TIMEOUT)
        return true; /* the reply is lost, the call perhaps not */
    if (refused.code == ERR_CONFLICT && upgrade_begun(u, &begun, e) && begun)
        return true;
    (void)upgrade_fail(e, E_UPGRADE_REFUSED, "AWS refuses to upgrade %s to %s", u->request.cluster,
                       u->resolved_version);
    (void)err_said(e, "%s", refused.said[0] ? refused.said : refused.text);
    world_state(u, e);
    return false;
}

const char *group_for_call(struct upgrade *u, bool is_cluster)
{
    if (takes_default(u, is_cluster))
        return NULL;
    if (u->request.toggles_groups)
        return arena_printf(u->arena, "default.%s", family_name(u->arena, u->request.target.major));
    return target_group(u, u->arena, is_cluster);
}

bool upgrade_begin(struct upgrade *u, struct err *e)
{
    struct rds_cluster_change change = RDS_CLUSTER_CHANGE_INIT;
    char since[TIME_ISO_SIZE] = "";
    if (!world_need(u, e) || !resolve_version(u, e))
        return false;
    const struct rds_event *last = upgrade_refusal(u, "");
    (void)snprintf(since, sizeof since, "%s", last ? last->date : "");
    change.engine_version = u->resolved_version;
    change.allow_major_version_upgrade = change.apply_immediately = true;
    change.parameter_group = group_for_call(u, true);
    change.instance_parameter_group = group_for_call(u, false);
    if (!settings_write_down(u, e))
        return false;
    remember(u);
    u->steady_readings = 0;
    if (!rds_cluster_modify(&u->aws, u->request.cluster, &change, e) && !outcome_open(u, e))
        return false;
    return await_begin(u, since, e);
}

/* ---- until it is over ---- */

bool upgrade_ended(struct upgrade *u, bool *ret, struct err *e)
{
    if (!world_need(u, e))
        return false;
    bool available = is_available(u->world.production->status);
    if (u->world.version.major >= u->request.target.major) {
        *ret = available;
        return true;
    }
    const char *since = u->attempt_since    ? u->attempt_since
                        : u->world.snapshot ? u->world.snapshot->create_time
                                            : "";
    u->steady_readings = available ? u->steady_readings + 1 : 0;
    return u->steady_readings < STEADY_READINGS || upgrade_went_back(u, upgrade_refusal(u, since), e);
}

/* ---- the new groups ---- */

static const struct rds_member *member_of(const struct upgrade *u, const struct rds_instance *i)
{
    const struct rds_cluster *k = u->world.production;
    for (size_t m = 0; m < k->member_count; m++)
        if (strcmp(k->members[m].identifier, i->identifier) == 0)
            return &k->members[m];
    return NULL;
}

static bool is_either(const struct upgrade *u, const struct rds_instance *i, const char *status)
{
    const struct rds_member *m = member_of(u, i);
    return strcmp(i->parameter_apply_status, status) == 0 ||
           (m && strcmp(m->parameter_group_status, status) == 0);
}

/* What is to be attached: the user's group, or ours if one was made, which is so where production had one of
 * its own. NULL: nothing. */
static bool wanted_group(struct upgrade *u, bool is_cluster, const char **ret, struct err *e)
{
    const struct rds_group *g = NULL;
    const char *name = target_group(u, u->look, is_cluster);
    if (!rds_group_find(&u->aws, is_cluster, name, &g, e))
        return err_wrap(e, "look for parameter group %s", name);
    *ret = g ? name : NULL;
    return true;
}

struct wanted {
    const char *cluster, *instances;
};

static bool look_wanted(struct upgrade *u, struct wanted *w, struct err *e)
{
    return world_need(u, e) && wanted_group(u, true, &w->cluster, e) &&
           wanted_group(u, false, &w->instances, e);
}

static bool differs(const char *wanted, const char *present)
{
    return wanted && strcmp(wanted, present) != 0;
}

bool groups_attached(struct upgrade *u, bool *ret, struct err *e)
{
    struct wanted w = {0};
    if (!look_wanted(u, &w, e))
        return false;
    bool missing = differs(w.cluster, u->world.production->parameter_group);
    for (size_t i = 0; i < u->world.instance_count; i++)
        missing = missing || differs(w.instances, u->world.instances[i]->parameter_group);
    *ret = !missing;
    return true;
}

bool groups_attach(struct upgrade *u, struct err *e)
{
    struct wanted w = {0};
    struct rds_cluster_change change = RDS_CLUSTER_CHANGE_INIT;
    if (!look_wanted(u, &w, e))
        return false;
    for (size_t k = 0; k < u->world.instance_count; k++) {
        const struct rds_instance *i = u->world.instances[k];
        if (differs(w.instances, i->parameter_group) &&
            !rds_instance_set_parameter_group(&u->aws, i->identifier, w.instances, e))
            return err_wrap(e, "attach parameter group %s to %s", w.instances, i->identifier);
    }
    change.parameter_group = w.cluster;
    change.apply_immediately = true;
    return !differs(w.cluster, u->world.production->parameter_group) ||
           rds_cluster_modify(&u->aws, u->request.cluster, &change, e) ||
           err_wrap(e, "attach parameter group %s", w.cluster);
}

bool groups_settled(struct upgrade *u, bool *ret, struct err *e)
{
    if (!new_available(u, ret, e))
        return false;
    for (size_t i = 0; i < u->world.instance_count; i++)
        *ret = *ret && !is_either(u, u->world.instances[i], "applying");
    return true;
}

static bool waits_for_reboot(const struct upgrade *u, const struct rds_instance *i)
{
    return strcmp(i->status, "rebooting") != 0 && is_either(u, i, "pending-reboot");
}

bool new_reboot_done(struct upgrade *u, bool *ret, struct err *e)
{
    if (!world_need(u, e))
        return false;
    *ret = true;
    for (size_t i = 0; i < u->world.instance_count; i++)
        *ret = *ret && !waits_for_reboot(u, u->world.instances[i]);
    return true;
}

/* The writer first: it is what the applications wait for. */
bool new_reboot_run(struct upgrade *u, struct err *e)
{
    for (int writers = 1; writers >= 0; writers--)
        for (size_t k = 0; k < u->world.instance_count; k++) {
            const struct rds_instance *i = u->world.instances[k];
            const struct rds_member *m = member_of(u, i);
            bool turn = (m && m->is_writer) == (writers == 1);
            if (turn && waits_for_reboot(u, i) && !rds_instance_reboot(&u->aws, i->identifier, e))
                return err_wrap(e, "reboot %s", i->identifier);
        }
    return true;
}

bool new_in_sync(struct upgrade *u, bool *ret, struct err *e)
{
    if (!groups_settled(u, ret, e))
        return false;
    for (size_t i = 0; i < u->world.instance_count; i++)
        *ret = *ret && !is_either(u, u->world.instances[i], "pending-reboot");
    return true;
}
