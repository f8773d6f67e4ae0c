#include "acceptance-tests/sandbox/window.h"

#include "acceptance-tests/sandbox/events.h"

#include <string.h>
#include <strings.h>

enum { POLL_MS = 200, DAY_MINUTES = 24 * 60, WEEK_MINUTES = 7 * DAY_MINUTES, THURSDAY = 3 };

static int two_digits(const char *s)
{
    return (s[0] - '0') * 10 + s[1] - '0';
}

/* "sun:05:00" → minutes since Monday 00:00; -1 if it is no such text. */
static int minute_of(const char *s)
{
    static const char DAYS[] = "mon tue wed thu fri sat sun";
    for (int d = 0; d < 7; d++)
        if (strncasecmp(DAYS + 4L * d, s, 3) == 0)
            return d * DAY_MINUTES + two_digits(s + 4) * 60 + two_digits(s + 7);
    return -1;
}

bool window_is_open(const char *window, int64_t wall_ms)
{
    if (strlen(window) != 19)
        return false;
    int from = minute_of(window), to = minute_of(window + 10);
    int now = (int)((wall_ms / 60000 + THURSDAY * DAY_MINUTES) % WEEK_MINUTES); /* 1970 began on one */
    if (from < 0 || to < 0)
        return false;
    return from <= to ? now >= from && now < to : now >= from || now < to;
}

static bool waits(const json_t *cluster)
{
    return cluster && rec_has(cluster, "_pending_upgrade");
}

void window_await(struct sandbox *sb, json_t *cluster)
{
    if (!waits(cluster) || rec_bool(cluster, "_awaits_window"))
        return;
    rec_set_bool(cluster, "_awaits_window", true);
    job_start(sb, &JOB_CLUSTER_WINDOW, cluster_job_args(cluster));
}

static void apply_pending(struct job *j, json_t *cluster)
{
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    struct call c = {.sb = j->sb, .arena = a, .in = json_object(), .out = json_object()};
    rec_set_str(c.in, "DBClusterIdentifier", rec_str(cluster, "DBClusterIdentifier"));
    rec_set_bool(c.in, "ApplyImmediately", true);
    if (!cluster_modify(&c)) {
        rec_unset(cluster, "PendingModifiedValues");
        rec_unset(cluster, "_pending_upgrade");
        event_add(j->sb, KIND_CLUSTER, cluster, "maintenance",
                  "Database cluster is in a state that cannot be upgraded: %.500s", c.fault.text);
    }
    json_decref(c.in);
    json_decref(c.out);
}

/* True: there is nothing to wait for any more. */
static bool window_came(struct job *j)
{
    sandbox_lock(j->sb);
    json_t *cluster = job_cluster(j);
    bool open =
        waits(cluster) && rec_is(cluster, "Status", "available") &&
        window_is_open(rec_str(cluster, "PreferredMaintenanceWindow"), j->sb->clock->wall_ms(j->sb->clock));
    if (open)
        apply_pending(j, cluster);
    bool over = open || !waits(cluster);
    if (over && cluster)
        rec_unset(cluster, "_awaits_window");
    if (over)
        sandbox_save(j->sb);
    sandbox_unlock(j->sb);
    return over;
}

static bool await_window(struct job *j, struct err *e)
{
    while (!window_came(j))
        if (j->sb->clock->wait(j->sb->clock, j->sb->stop, POLL_MS))
            return err_set(e, ERR_CANCELLED, "the sandbox is stopping");
    return true;
}

static const struct job_step WINDOW_STEPS[] = {{"await the window", DELAY_NONE, await_window}, {0}};
const struct job_kind JOB_CLUSTER_WINDOW = {"cluster-window", WINDOW_STEPS, NULL};
