/* The switchover: guardrails, the engine's fence and drain, names and endpoints changing hands inside it, and
 * the slow turning of statuses afterwards. What fails before the names have moved leaves everything as it
 * was. */
#include "acceptance-tests/sandbox/bluegreen.h"
#include "acceptance-tests/sandbox/events.h"

#include <stdio.h>
#include <string.h>

/* ---- before ---- */

static void tell_cluster(struct job *j, const char *category, const char *what, const char *more)
{
    sandbox_lock(j->sb);
    const json_t *d = job_deployment(j);
    const json_t *blue = store_resource(j->sb->store, KIND_CLUSTER, rec_str(d, "_blue"));
    const json_t *green = store_resource(j->sb->store, KIND_CLUSTER, rec_str(d, "_green"));
    if (d)
        event_add(j->sb, KIND_BLUEGREEN, d, category, "%s of DB cluster %s to %s %s", what,
                  rec_str(blue, "DBClusterIdentifier"), rec_str(green, "DBClusterIdentifier"), more);
    sandbox_save(j->sb);
    sandbox_unlock(j->sb);
}

static bool begin(struct job *j, struct err *e)
{
    (void)e;
    sandbox_lock(j->sb);
    json_t *d = job_deployment(j);
    const json_t *blue = store_resource(j->sb->store, KIND_CLUSTER, rec_str(d, "_blue"));
    const json_t *green = store_resource(j->sb->store, KIND_CLUSTER, rec_str(d, "_green"));
    if (d) {
        bluegreen_details_status(d, "SWITCHOVER_IN_PROGRESS");
        event_add(j->sb, KIND_BLUEGREEN, d, "notification", "Switchover from %s to %s started.",
                  rec_str(blue, "DBClusterIdentifier"), rec_str(green, "DBClusterIdentifier"));
        event_add(j->sb, KIND_BLUEGREEN, d, "notification", "Switchover from DB cluster %s to %s started.",
                  rec_str(blue, "DBClusterIdentifier"), rec_str(green, "DBClusterIdentifier"));
    }
    sandbox_unlock(j->sb);
    return true;
}

static int64_t timeout_ms(struct job *j)
{
    sandbox_lock(j->sb);
    int64_t seconds = rec_int(j->args, "timeout");
    sandbox_unlock(j->sb);
    return seconds * 1000;
}

static bool guard(struct job *j, struct err *e)
{
    struct bluegreen_sides s;
    return job_sides(j, &s, e) && bluegreen_guard(j->sb, &s, timeout_ms(j), e);
}

/* ---- names ---- */

/* "-old1", counting up while a record of the kind has the name. */
static const char *old_name(struct sandbox *sb, struct arena *a, enum kind kind, const char *name)
{
    enum { IDENTIFIER_MAX = 63 };
    for (int n = 1;; n++) {
        char suffix[16];
        (void)snprintf(suffix, sizeof suffix, "-old%d", n);
        int room = IDENTIFIER_MAX - (int)strlen(suffix), length = (int)strlen(name);
        const char *candidate = arena_printf(a, "%.*s%s", length < room ? length : room, name, suffix);
        if (!store_find(sb->store, kind, candidate))
            return candidate;
    }
}

/* What changes hands for one member, worked out before anything changes. */
struct exchange {
    enum kind kind;
    json_t *detail, *blue, *green;
    const char *name, *old, *former; /* production's name; blue's new one; green's present one */
    const char *address[2];          /* endpoints of `old`: writer or only one, reader */
};

struct exchanges {
    struct exchange *items;
    size_t count, cap;
};

/* Members whose twin is missing stay as they are. With the lock; takes references. */
static void collect(struct job *j, struct arena *a, struct exchanges *ret)
{
    const json_t *d = job_deployment(j);
    size_t i;
    json_t *detail;
    json_array_foreach(rec_get(d, "SwitchoverDetails"), i, detail)
    {
        enum kind kind = bluegreen_kind(detail);
        struct exchange x = {.kind = kind, .detail = detail};
        x.blue = store_resource(j->sb->store, kind, rec_str(detail, "_source"));
        x.green = store_resource(j->sb->store, kind, rec_str(detail, "_target"));
        if (!x.blue || !x.green)
            continue;
        x.name = arena_strdup(a, rec_str(x.blue, KINDS[kind].id));
        x.former = arena_strdup(a, rec_str(x.green, KINDS[kind].id));
        x.old = old_name(j->sb, a, kind, x.name);
        (void)json_incref(x.detail);
        (void)json_incref(x.blue);
        (void)json_incref(x.green);
        ARR_PUSH(a, ret->items, ret->count, ret->cap, x);
    }
}

static void release(struct exchanges *x)
{
    for (size_t i = 0; i < x->count; i++) {
        json_decref(x->items[i].detail);
        json_decref(x->items[i].blue);
        json_decref(x->items[i].green);
    }
}

/* What an endpoint of each kind is called in the engine. */
static const char *key_of(struct arena *a, enum kind kind, const char *name, bool reader)
{
    const char *what = kind == KIND_CLUSTER    ? (reader ? ENDPOINT_OF_READERS : ENDPOINT_OF_CLUSTER)
                       : kind == KIND_INSTANCE ? ENDPOINT_OF_INSTANCE
                                               : ENDPOINT_CUSTOM;
    return endpoint_key(a, what, name);
}

static bool find_addresses(struct job *j, struct arena *a, struct exchanges *x, struct err *e)
{
    for (size_t i = 0; i < x->count; i++)
        for (int reader = 0; reader < 2; reader++)
            if (!endpoint_address(j->sb->engine, a, key_of(a, x->items[i].kind, x->items[i].old, reader),
                                  &x->items[i].address[reader], e))
                return false;
    return true;
}

/* Members that hold addresses, by kind. */
static const struct held {
    enum kind kind;
    const char *member;
    int address;
} HELD[] = {
    {KIND_CLUSTER, "Endpoint", 0},
    {KIND_CLUSTER, "ReaderEndpoint", 1},
    {KIND_INSTANCE, "_address", 0},
    {KIND_ENDPOINT, "Endpoint", 0},
};

static void exchange_names(struct job *j, const struct exchange *x)
{
    const struct kind_row *row = &KINDS[x->kind];
    for (size_t i = 0; i < ARRAY_LEN(HELD); i++) {
        if (HELD[i].kind != x->kind)
            continue;
        rec_copy(x->green, x->blue, HELD[i].member);
        rec_set_str(x->blue, HELD[i].member, x->address[HELD[i].address]);
    }
    rec_set_str(x->blue, row->id, x->old);
    rec_set_str(x->green, row->id, x->name);
    store_set_arn(j->sb->store, x->kind, x->blue);
    store_set_arn(j->sb->store, x->kind, x->green);
    rec_copy(x->green, x->blue, "TagList"); /* blue's tags replace green's */
    rec_set_str(x->detail, "SourceMember", rec_str(x->blue, row->arn));
    rec_set_str(x->detail, "TargetMember", rec_str(x->green, row->arn));
}

/* Lists of names inside endpoints follow the instances. */
static void rename_members(const struct exchanges *x, const struct exchange *endpoint)
{
    static const char *const LISTS[] = {"StaticMembers", "ExcludedMembers"};
    const json_t *records[] = {endpoint->blue, endpoint->green};
    for (size_t r = 0; r < ARRAY_LEN(records); r++)
        for (size_t l = 0; l < ARRAY_LEN(LISTS); l++) {
            json_t *list = rec_get(records[r], LISTS[l]);
            for (size_t k = 0; k < json_array_size(list); k++)
                for (size_t i = 0; i < x->count; i++) {
                    const struct exchange *member = &x->items[i];
                    const char *before = r == 0 ? member->name : member->former;
                    const char *now = json_string_value(json_array_get(list, k));
                    if (member->kind == KIND_INSTANCE && strcmp(now, before) == 0) {
                        (void)json_array_set_new(list, k, json_string(r == 0 ? member->old : member->name));
                        break;
                    }
                }
        }
}

static void name_clusters_of_endpoints(struct job *j)
{
    size_t i;
    json_t *endpoint;
    json_array_foreach(store_list(j->sb->store, KIND_ENDPOINT), i, endpoint)
    {
        const json_t *cluster = store_resource(j->sb->store, KIND_CLUSTER, rec_str(endpoint, "_cluster"));
        rec_copy(endpoint, cluster, "DBClusterIdentifier");
    }
}

static void exchange_all(struct job *j, const struct exchanges *x)
{
    json_t *d = job_deployment(j);
    for (size_t i = 0; i < x->count; i++) {
        exchange_names(j, &x->items[i]);
        if (x->items[i].kind == KIND_ENDPOINT)
            rename_members(x, &x->items[i]);
    }
    name_clusters_of_endpoints(j);
    json_t *blue = store_resource(j->sb->store, KIND_CLUSTER, rec_str(d, "_blue"));
    json_t *green = store_resource(j->sb->store, KIND_CLUSTER, rec_str(d, "_green"));
    if (blue && green) {
        rec_set_str(d, "Source", rec_str(blue, "DBClusterArn"));
        rec_set_str(d, "Target", rec_str(green, "DBClusterArn"));
        rec_unset(green, "ReplicationSourceIdentifier");
        rec_set(blue, "ReadReplicaIdentifiers", json_array());
        rec_set_bool(d, "_switched", true);
    }
}

/* ---- inside the fence ---- */

struct flip {
    struct job *job;
    struct arena *arena;
    struct exchanges exchanges;
    struct bluegreen_sides sides;
    enum delay hold;
};

/* Copies of everything exchange_all() may touch, to put back when the endpoints cannot be moved. */
static json_t *keep_records(struct job *j)
{
    json_t *root = store_root(j->sb->store), *kept = json_object();
    rec_copy(kept, root, KINDS[KIND_ENDPOINT].list);
    rec_copy(kept, root, KINDS[KIND_CLUSTER].list);
    rec_copy(kept, root, KINDS[KIND_INSTANCE].list);
    rec_copy(kept, root, KINDS[KIND_BLUEGREEN].list);
    return kept;
}

static void put_back(struct job *j, const json_t *kept)
{
    const enum kind kinds[] = {KIND_ENDPOINT, KIND_CLUSTER, KIND_INSTANCE};
    for (size_t k = 0; k < ARRAY_LEN(kinds); k++) {
        size_t i;
        json_t *copy;
        json_array_foreach(rec_get(kept, KINDS[kinds[k]].list), i, copy)
        {
            json_t *record = store_resource(j->sb->store, kinds[k], rec_str(copy, KINDS[kinds[k]].resource));
            (void)json_object_update(record, copy);
        }
    }
    size_t i;
    json_t *copy;
    json_array_foreach(rec_get(kept, KINDS[KIND_BLUEGREEN].list), i, copy)
    {
        json_t *record = store_find(j->sb->store, KIND_BLUEGREEN, rec_str(copy, KINDS[KIND_BLUEGREEN].id));
        (void)json_object_update(record, copy);
        rec_unset(record, "_switched");
    }
}

/* Called by the engine when both sides are still and equal: production's names go to green. */
static bool on_flip(void *arg, struct err *e)
{
    struct flip *f = arg;
    struct job *j = f->job;
    if (!job_delay(j, f->hold, e))
        return false;
    sandbox_lock(j->sb);
    json_t *kept = keep_records(j);
    exchange_all(j, &f->exchanges);
    sandbox_unlock(j->sb);
    bool ok =
        cluster_point_endpoints(j->sb, f->sides.green, e) && cluster_point_endpoints(j->sb, f->sides.blue, e);
    sandbox_lock(j->sb);
    if (!ok)
        put_back(j, kept);
    sandbox_save(j->sb);
    sandbox_unlock(j->sb);
    json_decref(kept);
    return ok;
}

static bool already_switched(struct job *j)
{
    sandbox_lock(j->sb);
    bool is = rec_bool(job_deployment(j), "_switched");
    sandbox_unlock(j->sb);
    return is;
}

static enum delay hold_of(struct job *j)
{
    sandbox_lock(j->sb);
    const struct engine_version *v = version_find(j->sb, rec_str(job_deployment(j), "_from"));
    sandbox_unlock(j->sb);
    return v && v->fast_switchover ? DELAY_BG_SWITCH_NAMES : DELAY_BG_SWITCH_NAMES_OLD_ENGINE;
}

static bool run_switch(struct job *j, struct flip *f, struct err *e)
{
    struct bluegreen_switch s = {.blue = f->sides.blue, .green = f->sides.green, .timeout_ms = timeout_ms(j)};
    s.flip = on_flip;
    s.arg = f;
    if (!find_addresses(j, f->arena, &f->exchanges, e))
        return false;
    if (bluegreen_switchover(j->sb->engine, &s, e))
        return true;
    /* the engine has opened blue again: endpoints must lead where the records say */
    struct err again = ERR_INIT;
    if (!cluster_point_endpoints(j->sb, f->sides.blue, &again) ||
        !cluster_point_endpoints(j->sb, f->sides.green, &again))
        sandbox_warn("roll back the switchover: %s", again.text);
    return false;
}

static bool switch_over(struct job *j, struct err *e)
{
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    struct flip f = {.job = j, .arena = a, .hold = hold_of(j)};
    if (!job_sides(j, &f.sides, e))
        return false;
    if (already_switched(j)) /* before our process was killed */
        return bluegreen_settle(j->sb->engine, f.sides.blue, f.sides.green, e);
    tell_cluster(j, "notification", "Sequence sync for switchover", "has initiated.");
    sandbox_lock(j->sb);
    collect(j, a, &f.exchanges);
    sandbox_unlock(j->sb);
    bool ok = run_switch(j, &f, e);
    for (size_t i = 0; ok && i < f.exchanges.count; i++)
        for (int reader = 0; reader < (f.exchanges.items[i].kind == KIND_CLUSTER ? 2 : 1); reader++)
            endpoint_remove(j->sb->engine,
                            key_of(a, f.exchanges.items[i].kind, f.exchanges.items[i].former, reader));
    sandbox_lock(j->sb);
    release(&f.exchanges);
    sandbox_unlock(j->sb);
    return ok;
}

/* ---- after ---- */

static bool complete_members(struct job *j, struct err *e)
{
    size_t n = 0;
    for (size_t i = 0;; i++) {
        sandbox_lock(j->sb);
        json_t *details = rec_get(job_deployment(j), "SwitchoverDetails");
        json_t *detail = json_array_get(details, i);
        n = json_array_size(details);
        if (detail)
            rec_set_str(detail, "Status", "SWITCHOVER_COMPLETED");
        sandbox_save(j->sb);
        sandbox_unlock(j->sb);
        if (i + 1 >= n)
            return true;
        if (!job_delay(j, DELAY_BG_SWITCH_MEMBER, e))
            return false;
    }
}

static bool finish(struct job *j, struct err *e)
{
    (void)e;
    sandbox_lock(j->sb);
    json_t *d = job_deployment(j);
    const json_t *blue = store_resource(j->sb->store, KIND_CLUSTER, rec_str(d, "_blue"));
    const json_t *green = store_resource(j->sb->store, KIND_CLUSTER, rec_str(d, "_green"));
    if (d) {
        rec_set_str(d, "Status", "SWITCHOVER_COMPLETED");
        event_add(j->sb, KIND_BLUEGREEN, d, "notification",
                  "Switchover from DB cluster %s completed. Renamed %s to %s.",
                  rec_str(green, "DBClusterIdentifier"), rec_str(green, "DBClusterIdentifier"),
                  rec_str(blue, "DBClusterIdentifier"));
        event_add(j->sb, KIND_BLUEGREEN, d, "notification", "Switchover completed on blue/green deployment.");
    }
    sandbox_unlock(j->sb);
    return true;
}

/* A guardrail's refusal leaves the deployment AVAILABLE; a roll-back shows SWITCHOVER_FAILED for a while. */
static void switch_failed(struct job *j, const struct err *e)
{
    bool refused = e->code == ERR_CONFLICT;
    const char *colon = *e->said ? ": " : "";
    sandbox_lock(j->sb);
    json_t *d = job_deployment(j);
    const json_t *blue = store_resource(j->sb->store, KIND_CLUSTER, rec_str(d, "_blue"));
    const json_t *green = store_resource(j->sb->store, KIND_CLUSTER, rec_str(d, "_green"));
    if (d) {
        rec_set_str(d, "Status", refused ? "AVAILABLE" : "SWITCHOVER_FAILED");
        bluegreen_details_status(d, refused ? "AVAILABLE" : "SWITCHOVER_FAILED");
        rec_printf(d, "StatusDetails", "Switchover from DB cluster %s to %s was canceled due to %s%s%s.",
                   rec_str(blue, "DBClusterIdentifier"), rec_str(green, "DBClusterIdentifier"), e->text,
                   colon, e->said);
        event_add(j->sb, KIND_BLUEGREEN, d, "notification", "%s", rec_str(d, "StatusDetails"));
        event_add(j->sb, KIND_BLUEGREEN, d, "notification", "Switchover canceled on blue/green deployment.");
    }
    if (d && !refused)
        job_start(j->sb, &JOB_BG_RECOVER,
                  json_pack("{s:s}", "deployment", rec_str(d, "BlueGreenDeploymentIdentifier")));
    sandbox_save(j->sb);
    sandbox_unlock(j->sb);
}

static const struct job_step SWITCH_STEPS[] = {
    {"begin", DELAY_BG_SWITCH_LAG, begin},      {"guardrails", DELAY_BG_SWITCH_GUARD, guard},
    {"switch over", DELAY_NONE, switch_over},   {"members", DELAY_NONE, complete_members},
    {"finish", DELAY_BG_SWITCH_FINISH, finish}, {0},
};
const struct job_kind JOB_BG_SWITCH = {"bluegreen-switch", SWITCH_STEPS, switch_failed};

static bool recover(struct job *j, struct err *e)
{
    (void)e;
    sandbox_lock(j->sb);
    json_t *d = job_deployment(j);
    if (rec_is(d, "Status", "SWITCHOVER_FAILED")) {
        rec_set_str(d, "Status", "AVAILABLE");
        bluegreen_details_status(d, "AVAILABLE");
    }
    sandbox_unlock(j->sb);
    return true;
}

static const struct job_step RECOVER_STEPS[] = {{"available again", DELAY_BG_FAILED, recover}, {0}};
const struct job_kind JOB_BG_RECOVER = {"bluegreen-recover", RECOVER_STEPS, NULL};
