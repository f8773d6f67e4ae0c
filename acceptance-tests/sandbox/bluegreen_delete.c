/* Deleting a deployment: replication goes, the old side's lock is lifted; green goes too when asked, or
 * stands alone from then on. */
#include "acceptance-tests/sandbox/bluegreen.h"
#include "acceptance-tests/sandbox/events.h"

#include <stdio.h>
#include <string.h>

static bool drop_replication(struct job *j, struct err *e)
{
    struct bluegreen_sides s;
    if (!job_sides(j, &s, e))
        return false;
    bool any =
        volume_major(j->sb->engine, s.blue) != 0 || (*s.green && volume_major(j->sb->engine, s.green) != 0);
    return !any || !*s.green || bluegreen_drop(j->sb->engine, s.blue, s.green, e);
}

/* Engine names of the cluster's endpoints, before its records go. */
struct names {
    const char **items;
    size_t count, cap;
};

static void note(struct arena *a, struct names *n, const char *what, const char *id)
{
    ARR_PUSH(a, n->items, n->count, n->cap, endpoint_key(a, what, id));
}

/* Removes the records of one kind that belong to the cluster. */
static void remove_members(struct sandbox *sb, struct arena *a, enum kind kind, const char *resource,
                           struct names *n)
{
    json_t *list = store_list(sb->store, kind);
    for (size_t i = json_array_size(list); i-- > 0;) {
        json_t *record = json_array_get(list, i);
        if (!rec_is(record, "_cluster", resource))
            continue;
        note(a, n, kind == KIND_INSTANCE ? ENDPOINT_OF_INSTANCE : ENDPOINT_CUSTOM,
             rec_str(record, KINDS[kind].id));
        store_remove(sb->store, kind, record);
    }
}

static bool is_target_wanted(struct job *j)
{
    sandbox_lock(j->sb);
    bool wanted = rec_bool(j->args, "target");
    sandbox_unlock(j->sb);
    return wanted;
}

static bool delete_green(struct job *j, struct err *e)
{
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    struct bluegreen_sides s;
    struct names n = {0};
    if (!job_sides(j, &s, e))
        return false;
    if (!is_target_wanted(j) || !*s.green)
        return true;
    sandbox_lock(j->sb);
    json_t *green = store_resource(j->sb->store, KIND_CLUSTER, s.green);
    if (green) {
        note(a, &n, ENDPOINT_OF_CLUSTER, rec_str(green, "DBClusterIdentifier"));
        note(a, &n, ENDPOINT_OF_READERS, rec_str(green, "DBClusterIdentifier"));
        remove_members(j->sb, a, KIND_INSTANCE, s.green, &n);
        remove_members(j->sb, a, KIND_ENDPOINT, s.green, &n);
        event_add(j->sb, KIND_CLUSTER, green, "deletion", "DB cluster deleted.");
        store_remove(j->sb->store, KIND_CLUSTER, green);
    }
    sandbox_unlock(j->sb);
    for (size_t i = 0; i < n.count; i++)
        endpoint_remove(j->sb->engine, n.items[i]);
    return volume_major(j->sb->engine, s.green) == 0 || volume_delete(j->sb->engine, s.green, e);
}

static void release_sides(struct job *j, const json_t *d)
{
    json_t *blue = store_resource(j->sb->store, KIND_CLUSTER, rec_str(d, "_blue"));
    json_t *green = store_resource(j->sb->store, KIND_CLUSTER, rec_str(d, "_green"));
    if (green)
        rec_unset(green, "ReplicationSourceIdentifier");
    if (blue)
        rec_set(blue, "ReadReplicaIdentifiers", json_array());
}

static bool remove_record(struct job *j, struct err *e)
{
    (void)e;
    sandbox_lock(j->sb);
    json_t *d = job_deployment(j);
    if (d) {
        release_sides(j, d);
        event_add(j->sb, KIND_BLUEGREEN, d, "deletion", "Blue/green deployment deleted.");
        store_remove(j->sb->store, KIND_BLUEGREEN, d);
    }
    sandbox_unlock(j->sb);
    return true;
}

static void delete_failed(struct job *j, const struct err *e)
{
    sandbox_lock(j->sb);
    json_t *d = job_deployment(j);
    if (d) {
        rec_set_str(d, "Status", "INVALID_CONFIGURATION");
        rec_printf(d, "StatusDetails", "Deletion of blue/green deployment failed because %s", e->text);
        rec_unset(d, "DeleteTime");
    }
    sandbox_save(j->sb);
    sandbox_unlock(j->sb);
}

static const struct job_step DELETE_STEPS[] = {
    {"drop replication", DELAY_NONE, drop_replication},
    {"delete green", DELAY_NONE, delete_green},
    {"remove the record", DELAY_BG_DELETE, remove_record},
    {0},
};
const struct job_kind JOB_BG_DELETE = {"bluegreen-delete", DELETE_STEPS, delete_failed};

/* The two sides of every deployment that is switched or not, in the arena. */
static struct bluegreen_sides *sides_of(struct sandbox *sb, struct arena *a, bool switched, size_t *ret_n)
{
    struct bluegreen_sides *sides = NULL;
    size_t n = 0, cap = 0, i;
    json_t *d;
    sandbox_lock(sb);
    json_array_foreach(store_list(sb->store, KIND_BLUEGREEN), i, d)
    {
        struct bluegreen_sides s;
        (void)snprintf(s.id, sizeof s.id, "%s", rec_str(d, "BlueGreenDeploymentIdentifier"));
        (void)snprintf(s.blue, sizeof s.blue, "%s", rec_str(d, "_blue"));
        (void)snprintf(s.green, sizeof s.green, "%s", rec_str(d, "_green"));
        bool under_way = !switched || rec_is(d, "Status", "SWITCHOVER_IN_PROGRESS");
        if (rec_bool(d, "_switched") == switched && rec_has(d, "_green") && under_way)
            ARR_PUSH(a, sides, n, cap, s);
    }
    sandbox_unlock(sb);
    *ret_n = n;
    return sides;
}

void bluegreen_settle_all(struct sandbox *sb)
{
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    size_t n;
    const struct bluegreen_sides *sides = sides_of(sb, a, true, &n);
    for (size_t i = 0; i < n; i++) {
        struct err e = ERR_INIT;
        if (!bluegreen_settle(sb->engine, sides[i].blue, sides[i].green, &e))
            sandbox_warn("finish the switchover of %s: %s%s%s", sides[i].id, e.text, *e.said ? ": " : "",
                         e.said);
    }
}

void bluegreen_resume_all(struct sandbox *sb)
{
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    size_t n;
    const struct bluegreen_sides *sides = sides_of(sb, a, false, &n);
    for (size_t i = 0; i < n; i++) {
        struct err e = ERR_INIT;
        bool both = volume_running(sb->engine, sides[i].blue) && volume_running(sb->engine, sides[i].green);
        if (both && !bluegreen_resume(sb->engine, sides[i].blue, sides[i].green, &e))
            sandbox_warn("resume replication of %s: %s%s%s", sides[i].id, e.text, *e.said ? ": " : "",
                         e.said);
    }
}
