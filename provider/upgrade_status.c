#include "provider/upgrade_status.h"

#include "internal/pg/replica.h"
#include "internal/upgrade/errors.h"
#include "internal/upgrade/lease.h"
#include "internal/upgrade/logical.h"
#include "internal/upgrade/record.h"
#include "internal/upgrade/tags.h"

#include <string.h>
#include <strings.h>

/* ---- values ---- */

struct report {
    struct operation *o;
    struct arena *arena;
    enum flow_stage reached;
    struct value *out, *findings, *slots;
    const struct value *not_followed;
    int64_t lag_bytes;
    bool lag_known;
    struct follow_status follow;
};

static const struct value *text(struct report *r, const char *s)
{
    return s && *s ? value_string(r->arena, s) : &value_null;
}

static void put(struct report *r, struct value *object, const char *name, const char *s)
{
    value_set(r->arena, object, name, text(r, s));
}

static void set(struct report *r, const char *name, const struct value *v)
{
    value_set(r->arena, r->out, name, v);
}

/* The resource an ARN names, or the whole where it is none. */
static const char *arn_name(struct report *r, const char *arn)
{
    struct arn parsed;
    return arn_parse(arn, &parsed) ? arena_strdup(r->arena, parsed.resource) : arn;
}

static const struct value *deployment_value(struct report *r, const struct world *w)
{
    const struct rds_bluegreen *d = w->deployment;
    if (!d)
        return &value_null;
    struct value *o = value_object(r->arena);
    put(r, o, "created_at", d->create_time);
    put(r, o, "identifier", d->identifier);
    value_set(r->arena, o, "is_ours", value_bool(w->is_ours));
    put(r, o, "name", d->name);
    put(r, o, "status", d->status);
    put(r, o, "status_details", d->status_details);
    return o;
}

static const struct value *members_value(struct report *r, const struct rds_bluegreen *d)
{
    struct value *list = value_list(r->arena);
    for (size_t i = 0; d && i < d->member_count; i++) {
        struct value *o = value_object(r->arena);
        put(r, o, "source", arn_name(r, d->members[i].source));
        put(r, o, "status", d->members[i].status);
        put(r, o, "target", arn_name(r, d->members[i].target));
        value_append(r->arena, list, o);
    }
    return list;
}

static const struct value *tasks_value(struct report *r, const struct rds_bluegreen *d)
{
    struct value *list = value_list(r->arena);
    for (size_t i = 0; d && i < d->task_count; i++) {
        struct value *o = value_object(r->arena);
        put(r, o, "name", d->tasks[i].name);
        put(r, o, "status", d->tasks[i].status);
        value_append(r->arena, list, o);
    }
    return list;
}

static const struct value *cluster_value(struct report *r, const struct rds_cluster *k)
{
    if (!k)
        return &value_null;
    struct value *o = value_object(r->arena);
    put(r, o, "endpoint", k->endpoint);
    put(r, o, "engine_version", k->engine_version);
    put(r, o, "identifier", k->identifier);
    put(r, o, "resource_id", k->resource_id);
    put(r, o, "status", k->status);
    return o;
}

/* Who works on it now; a lease that has run out holds nobody off. */
static const char *holder(struct report *r, const struct world *w)
{
    struct upgrade *u = &r->o->upgrade;
    const char *noted = w->facts ? rds_tag_value(w->facts, TAG_HOLDER) : NULL;
    struct lease_holder h;
    if (!noted || !lease_read(noted, &h) || h.until_ms < u->clock->wall_ms(u->clock))
        return NULL;
    return arena_strdup(r->arena, h.who);
}

static const char *const settled[] = {"AVAILABLE", "SWITCHOVER_COMPLETED", "SWITCHOVER_FAILED",
                                      "INVALID_CONFIGURATION"};

static bool is_one_of(const char *s, const char *const *list, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(s, list[i]) == 0)
            return true;
    return false;
}

static bool is_switching(const struct world *w)
{
    return w->deployment && strcmp(w->deployment->status, "SWITCHOVER_IN_PROGRESS") == 0;
}

/* An unknown status is AWS at work, too. */
bool world_in_flight(const struct world *w)
{
    return w->is_deleting || in_place_in_flight(w) ||
           (w->deployment && !is_one_of(w->deployment->status, settled, ARRAY_LEN(settled)));
}

/* ---- findings ---- */

static void add_finding(struct report *r, const struct err *e)
{
    struct value *o = value_object(r->arena);
    put(r, o, "id", e->id ? e->id : upgrade_errors[E_UNSEEN].id);
    put(r, o, "next", e->hint[0] ? hint_alone(r->arena, e) : upgrade_errors[E_UNSEEN].hint);
    put(r, o, "said", e->said);
    put(r, o, "summary", e->text);
    value_append(r->arena, r->findings, o);
}

static bool check_deployment(struct report *r, struct err *e)
{
    const struct rds_bluegreen *d = r->o->upgrade.world.deployment;
    if (!d)
        return true;
    if (strcmp(d->status, "SWITCHOVER_FAILED") == 0) {
        (void)upgrade_fail(e, E_SWITCHOVER_ROLLED_BACK, "AWS has rolled a switchover of deployment %s back",
                           d->name);
        return err_said(e, "%s", d->status_details);
    }
    if (strcmp(d->status, "INVALID_CONFIGURATION") == 0 || strstr(d->status, "FAILED")) {
        (void)upgrade_fail(e, E_DEPLOYMENT_FAILED, "deployment %s is %s", d->name, d->status);
        return err_said(e, "%s", d->status_details);
    }
    return true;
}

static bool check_members(struct report *r, struct err *e)
{
    static const char *const bad[] = {"PROVISIONING_FAILED", "MISSING_SOURCE", "MISSING_TARGET"};
    const struct rds_bluegreen *d = r->o->upgrade.world.deployment;
    for (size_t i = 0; d && i < d->member_count; i++)
        if (is_one_of(d->members[i].status, bad, ARRAY_LEN(bad)))
            return upgrade_fail(e, E_DEPLOYMENT_FAILED, "member %s of deployment %s is %s",
                                arn_name(r, d->members[i].source), d->name, d->members[i].status);
    return true;
}

/* Between two names, and nobody goes on with it: a person has to. */
static bool check_names(struct report *r, struct err *e)
{
    const struct upgrade *u = &r->o->upgrade;
    if (record_waits(u) && !holder(r, &u->world))
        return upgrade_fail(e, E_SWITCH_UNDERWAY,
                            "the record that clients know %s by still leads to the side that is left",
                            u->request.cluster);
    return !u->world.names_move || holder(r, &u->world) ||
           upgrade_fail(e, u->world.is_switching ? E_SWITCH_UNDERWAY : E_ROLL_BACK_RUNNING,
                        "names of %s move, and that was cut short", u->request.cluster);
}

/* States that do not pass by themselves. */
static bool is_stuck(const char *status)
{
    static const char *const words[] = {"failed", "inaccessible", "incompatible",
                                        "stop",   "storage-full", "restore-error"};
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (strstr(status, words[i]))
            return true;
    return false;
}

static bool check_production(struct report *r, struct err *e)
{
    const struct world *w = &r->o->upgrade.world;
    if (w->production && is_stuck(w->production->status))
        return upgrade_fail(e, E_SOURCE_BUSY, "cluster %s is %s", w->production->identifier,
                            w->production->status);
    for (size_t i = 0; i < w->instance_count; i++)
        if (is_stuck(w->instances[i]->status))
            return upgrade_fail(e, E_SOURCE_BUSY, "instance %s is %s", w->instances[i]->identifier,
                                w->instances[i]->status);
    return true;
}

static bool check_events(struct report *r, struct err *e)
{
    bool ignored = false;
    return !r->o->upgrade.world.deployment || !r->o->upgrade.world.green ||
           events_check(&r->o->upgrade, &ignored, e);
}

static void note_slot(struct report *r, const struct pg_slot *s)
{
    struct value *o = value_object(r->arena);
    value_set(r->arena, o, "active", value_bool(s->active));
    put(r, o, "database", s->database);
    value_set(r->arena, o, "kept_bytes", value_int(r->arena, s->kept_bytes));
    value_set(r->arena, o, "lag_bytes", value_int(r->arena, s->lag_bytes));
    put(r, o, "name", s->name);
    put(r, o, "wal_status", s->wal_status);
    value_append(r->arena, r->slots, o);
    r->lag_bytes = s->lag_bytes > r->lag_bytes ? s->lag_bytes : r->lag_bytes;
}

/* Somebody should be reading the slots by now. */
static bool is_built(const struct report *r)
{
    const struct rds_bluegreen *d = r->o->upgrade.world.deployment;
    return d ? strcmp(d->status, "AVAILABLE") == 0 : r->reached >= STAGE_PREPARED;
}

static bool slot_is_well(const struct report *r, const struct pg_slot *s, struct err *e)
{
    if (strcmp(s->wal_status, "lost") == 0)
        return upgrade_fail(e, E_REPLICATION_UNHEALTHY, "slot %s of database %s has lost the WAL it needs",
                            s->name, s->database);
    if (!is_built(r) || s->active)
        return true;
    (void)upgrade_fail(e, E_REPLICATION_UNHEALTHY, "nobody reads slot %s of database %s at the moment",
                       s->name, s->database);
    return r->o->kind == &kind_logical ? err_said(e, "%.1000s", follower_log_error(&r->o->upgrade)) : false;
}

/* The clone of a logical upgrade follows, and after the switch its old side, unless names move. */
static bool logical_follows(const struct report *r)
{
    const struct world *w = &r->o->upgrade.world;
    return r->o->kind == &kind_logical && (w->green || w->old) && !w->names_move;
}

/* Before the switch every logical slot of production belongs to the deployment, if there is one. */
static bool check_slots(struct report *r, struct err *e)
{
    struct upgrade *u = &r->o->upgrade;
    struct pg *blue CLEANUP(pg_cleanup) = NULL;
    const struct pg_slot *slots = NULL;
    size_t n = 0;
    bool is_blue_green = u->world.deployment && r->reached < STAGE_SWITCHED && !is_switching(&u->world);
    if (!u->has_login || !u->world.production || !(is_blue_green || logical_follows(r)))
        return true;
    if (!side_open(u, SIDE_BLUE, NULL, false, &blue, e) ||
        !pg_slots(blue, u->look, u->strategy->slot_prefix, &slots, &n, e))
        return err_wrap(e, "the replication slots cannot be looked at");
    r->lag_known = n > 0;
    bool well = n > 0 || r->o->kind != &kind_logical || !is_built(r) || !u->world.green ||
                upgrade_fail(e, E_CANNOT_FOLLOW, "%s can never catch up: %s has no slot of it",
                             follower_name(u, u->look), u->request.cluster);
    if (n > 0 && r->o->kind == &kind_logical && is_built(r)) {
        r->follow = (struct follow_status){.slots = slots, .slot_count = n};
        well = status_follow(u, r->arena, blue, &r->follow, e);
        slots = r->follow.slots;
        n = r->follow.slot_count;
    }
    for (size_t i = 0; i < n; i++) {
        note_slot(r, &slots[i]);
        well = well && slot_is_well(r, &slots[i], e);
    }
    return well;
}

static bool check_ceiling(struct report *r, struct err *e)
{
    struct upgrade *u = &r->o->upgrade;
    return !u->has_login || !u->world.production || !logical_follows(r) ||
           ceiling_check(u, r->o->may_give_up, e);
}

static bool check_catalogue(struct report *r, struct err *e)
{
    return r->reached >= STAGE_SWITCHED || !is_built(r) || status_catalogue(r->o, e);
}

static bool check_tables(struct report *r, struct err *e)
{
    return status_not_followed(r->o, r->arena, &r->not_followed, e);
}

static void find(struct report *r)
{
    static bool (*const checks[])(struct report *, struct err *) = {
        check_deployment, check_members, check_names,  check_production, check_ceiling,
        check_catalogue,  check_slots,   check_tables, check_events};
    for (size_t i = 0; i < ARRAY_LEN(checks); i++) {
        struct err e = ERR_INIT;
        if (!checks[i](r, &e))
            add_finding(r, &e);
    }
}

/* ---- what to do next ---- */

static const char *next_of(const struct report *r)
{
    static const char *const by_stage[] = {
        [STAGE_NONE] = "No upgrade is under way.",
        [STAGE_PREPARED] = "Raise stage to \"validated\" and apply.",
        [STAGE_VALIDATED] = "Raise stage to \"switched\" and apply, at a time that suits you.",
        [STAGE_SWITCHED] = "Watch production; when retain_old_for is over, apply stage \"completed\".",
        [STAGE_COMPLETED] = "Nothing is left to do; `adopt` prints what was made and stays.",
    };
    const struct world *w = &r->o->upgrade.world;
    if (is_switching(w))
        return "AWS is switching over: wait until it has ended, then apply the upgrade resource, which "
               "verifies the outcome.";
    if (r->findings->count > 0)
        return "See the findings.";
    if (w->is_deleting)
        return w->deployment || !w->green ? "AWS is deleting the deployment." : "AWS is deleting the clone.";
    if (!value_is_null(value_get(r->out, "held_by")))
        return "An apply is at work: let it end.";
    const char *in_place = r->o->kind == &kind_in_place ? in_place_next(&r->o->upgrade, r->arena) : NULL;
    if (in_place)
        return in_place;
    if (r->o->kind == &kind_logical && r->reached == STAGE_NONE)
        return "The clone does not follow production yet; apply the upgrade resource to go on from there.";
    if (r->o->kind == &kind_logical && w->names_move)
        return w->is_switching
                   ? "Names move to the new version: apply the upgrade resource, which goes on there."
                   : "Names move back: apply the upgrade resource with stage = \"rolled_back\".";
    if (w->deployment && r->reached == STAGE_NONE)
        return "AWS is building the new side; apply the upgrade resource to go on from there.";
    return by_stage[r->reached < ARRAY_LEN(by_stage) ? r->reached : STAGE_NONE];
}

/* ---- the whole ---- */

static bool has_something(const struct upgrade *u)
{
    return world_has_run(&u->world) || u->world.aside;
}

static const char *target_text(const struct upgrade *u, char out[VERSION_SIZE])
{
    return has_something(u) ? version_print(u->request.target, out) : NULL;
}

/* In plain words, whatever the kind. */
static const char *situation(struct report *r)
{
    struct upgrade *u = &r->o->upgrade;
    const char *in_place = r->o->kind == &kind_in_place ? in_place_situation(u, r->arena) : NULL;
    struct err said = ERR_INIT;
    if (in_place)
        return in_place;
    if (!u->world.production)
        return arena_printf(r->arena, "No cluster bears the name %s at this moment.", u->request.cluster);
    if (is_switching(&u->world) || r->reached == STAGE_SWITCHED)
        world_state(u, &said);
    if (said.state[0])
        return arena_strdup(r->arena, said.state);
    return arena_printf(r->arena, "%s is in production on %s.", u->world.production->identifier,
                        u->world.production->engine_version);
}

static const struct value *snapshot_value(struct report *r, const struct rds_snapshot *p)
{
    if (!p)
        return &value_null;
    struct value *o = value_object(r->arena);
    put(r, o, "created_at", p->create_time);
    put(r, o, "engine_version", p->engine_version);
    put(r, o, "identifier", p->identifier);
    put(r, o, "status", p->status);
    return o;
}

/* In the gap of a roll-back the restored cluster stands for production. */
static bool bears_name(const struct report *r, const struct rds_cluster *k)
{
    return k && strcasecmp(k->identifier, r->o->upgrade.request.cluster) == 0;
}

/* A roll-back that is over leads back to what production runs now. */
static const char *source_text(const struct report *r)
{
    const struct upgrade *u = &r->o->upgrade;
    bool is_back = r->reached == STAGE_ROLLED_BACK && u->world.production;
    return is_back ? u->world.production->engine_version : u->history.source_version;
}

static void fill(struct report *r)
{
    struct upgrade *u = &r->o->upgrade;
    const struct world *w = &u->world;
    const struct rds_tags *tags = w->deployment ? &w->deployment->tags : w->green ? w->facts : NULL;
    char target[VERSION_SIZE];
    put(r, r->out, "id", u->request.cluster);
    put(r, r->out, "region", operation_region(r->o));
    put(r, r->out, "reached_stage", stage_name(r->reached));
    set(r, "in_flight", value_bool(world_in_flight(w)));
    set(r, "switching", value_bool(is_switching(w)));
    put(r, r->out, "held_by", holder(r, w));
    put(r, r->out, "source_engine_version", source_text(r));
    put(r, r->out, "target_engine_version", target_text(u, target));
    put(r, r->out, "validated_at", tags ? rds_tag_value(tags, TAG_VALIDATED_AT) : NULL);
    put(r, r->out, "switched_at", u->history.switched_at);
    put(r, r->out, "resource", has_something(u) || w->rehearsal ? u->strategy->resource : NULL);
    set(r, "rehearsal", cluster_value(r, w->rehearsal));
    put(r, r->out, "situation", situation(r));
    put(r, r->out, "put_aside_at", w->aside ? rds_tag_value(&w->aside->tags, TAG_ROLLED_BACK_AT) : NULL);
    set(r, "snapshot", snapshot_value(r, w->snapshot));
    set(r, "production", cluster_value(r, bears_name(r, w->production) ? w->production : NULL));
    set(r, "new_side", cluster_value(r, w->restored && !bears_name(r, w->restored) ? w->restored : w->green));
    set(r, "old_side", cluster_value(r, world_put_aside(w)));
    set(r, "deployment", deployment_value(r, w));
    set(r, "members", members_value(r, w->deployment));
    set(r, "tasks", tasks_value(r, w->deployment));
    set(r, "slots", r->slots);
    set(r, "not_followed", r->not_followed);
    set(r, "lag_bytes", r->lag_known ? value_int(r->arena, r->lag_bytes) : &value_null);
    set(r, "findings", r->findings);
    status_follow_fill(r->arena, &r->follow, r->out);
    put(r, r->out, "next", next_of(r));
}

/* A check looks, too, and one that failed may have seen nothing, or the first moment of a switchover, in
 * which servers are not reached and slots are not read for good reasons. */
static bool find_again(struct report *r, struct err *e)
{
    if (!status_look(r->o, &r->reached, e))
        return false;
    if (!is_switching(&r->o->upgrade.world))
        return true;
    r->findings = value_list(r->arena);
    r->slots = value_list(r->arena);
    r->lag_known = false;
    r->follow = (struct follow_status){0};
    find(r);
    return true;
}

bool upgrade_status(struct operation *o, const struct value **ret, struct err *e)
{
    struct arena *a = o->call->arena;
    struct report r = {.o = o,
                       .arena = a,
                       .out = value_object(a),
                       .findings = value_list(a),
                       .slots = value_list(a),
                       .not_followed = &value_null};
    if (!status_look(o, &r.reached, e))
        return false;
    find(&r);
    if (r.findings->count > 0 && !stop_requested(o->upgrade.stop) && !find_again(&r, e))
        return false;
    if (stop_requested(o->upgrade.stop))
        return err_set(e, ERR_CANCELLED, "interrupted");
    fill(&r);
    *ret = r.out;
    return true;
}
