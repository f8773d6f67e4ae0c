/* An upgrade: create, read, update, delete, import. All of it is one walk over a table of the kind's
 * (flow_<kind>_upgrade.c). */
#include "provider/upgrade_resource.h"
#include "internal/flow/journal.h"
#include "internal/upgrade/blue_green.h"
#include "internal/upgrade/errors.h"
#include "internal/upgrade/in_place.h"
#include "internal/upgrade/lease.h"
#include "internal/upgrade/logical.h"
#include "internal/upgrade/rehearsal.h"
#include "internal/upgrade/roll_back.h"
#include "internal/upgrade/tags.h"
#include "provider/staging.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

enum { POLL_MS = 1000, POLL_MAX_MS = 30000 };
static const int64_t create_default_ms = 24LL * 3600000, delete_default_ms = 2LL * 3600000;

/* ---- one walk ---- */

struct walk {
    struct operation *o;
    struct tf_call *c;
    const char *name; /* of the operation, for the journal */
    int64_t timeout_ms;
    size_t findings;
    bool has_walked;           /* the world may be another than the one first looked at */
    const struct step *failed; /* the row the walk ended at; NULL: none, or before the first */
};

static void report(void *arg, const struct step *s, const struct err *finding)
{
    struct walk *w = arg;
    struct err e = *finding;
    (void)s;
    w->findings++;
    world_state(&w->o->upgrade, &e);
    tf_fail_with(w->c, &e, upgrade_report_take(&w->o->upgrade));
}

static OWN_FRAME struct journal *open_journal(struct walk *w)
{
    struct journal *j = NULL;
    struct err e = ERR_INIT;
    const char *dir = provider_config(w->c)->journal_dir;
    if (!journal_open(dir, w->o->upgrade.request.cluster, w->name, clock_real(), &j, &e))
        tf_warn(w->c, NULL, "No journal is kept", "%s. The upgrade itself does not need it.", e.text);
    return j;
}

static OWN_FRAME void end_journal(struct walk *w, const struct journal *j)
{
    struct err e = ERR_INIT;
    if (!journal_whole(j, &e))
        tf_warn(w->c, NULL, "The journal is not whole", "%s. The upgrade itself does not need it.", e.text);
}

static void note(void *arg, const char *step, const char *text)
{
    journal_event(arg, step, "note", text);
}

/* What a failed operation leaves, for the last paragraph of its error. */
static void tell_what_exists(struct walk *w, struct err *e)
{
    const char *found = run_found(&w->o->upgrade);
    char before[sizeof e->hint];
    (void)snprintf(before, sizeof before, "%s", e->hint);
    if (found)
        (void)err_hint(e, "%s%sFound: %s", before, before[0] ? "\n" : "", found);
}

static void rest(void *arg)
{
    const struct walk *w = arg;
    world_rest(&w->o->upgrade);
}

/* Findings were told one by one; the summary of a group would only repeat the first. */
static void failed(void *arg, const struct step *s, struct err *e)
{
    struct walk *w = arg;
    w->failed = s;
    if (w->failed && w->failed->kind == STEP_CHECK && w->findings > 0) {
        struct err exists = ERR_INIT;
        tell_what_exists(w, &exists);
        if (exists.hint[0])
            tf_warn(w->c, NULL, "What was made so far stays", "%s", exists.hint);
        return;
    }
    const char *progress = catch_up_progress(&w->o->upgrade);
    if (e->code == ERR_PAUSED && s && (s->is_done == following || s->is_done == clone_caught_up))
        (void)err_said(e, "%s", progress);
    world_state(&w->o->upgrade, e);
    tell_what_exists(w, e);
    tf_fail(w->c, e);
}

/* The walk waits below this frame, and a thousand may: there is no error on it. */
static bool walk_flow(struct walk *w, const struct flow *flow, enum flow_stage target)
{
    struct upgrade *u = &w->o->upgrade;
    struct journal *journal CLEANUP(journal_cleanup) = open_journal(w);
    struct lease *lease CLEANUP(lease_cleanup) = lease_new(u);
    const struct flow_run run = {.flow = flow,
                                 .u = u,
                                 .target = target,
                                 .clock = u->clock,
                                 .stop = u->stop,
                                 .deadline_ms = u->clock->mono_ms(u->clock) + w->timeout_ms,
                                 .poll_ms = POLL_MS,
                                 .poll_max_ms = POLL_MAX_MS,
                                 .journal = journal,
                                 .may_change = lease_hold,
                                 .may_change_arg = lease,
                                 .is_over = server_is_back,
                                 .is_over_arg = u,
                                 .rest = rest,
                                 .rest_arg = w,
                                 .failed = failed,
                                 .failed_arg = w,
                                 .report = report,
                                 .report_arg = w};
    w->has_walked = true;
    u->note = note;
    u->note_arg = journal;
    bool ok = flow_apply(&run, NULL, NULL);
    u->note = NULL;
    end_journal(w, journal);
    return ok;
}

static int64_t timeout_of(const struct value *attrs, const char *name, int64_t otherwise)
{
    int64_t ms = otherwise;
    const char *text = value_as_text(value_get(value_get(attrs, "timeouts"), name), NULL);
    return text && duration_parse(text, &ms) ? ms : otherwise;
}

/* ---- create and update ---- */

/* Before the upgrade: names of objects of ours are made of it. */
static void note_source_major(struct upgrade *u)
{
    struct version before = {0};
    if (u->world.production)
        u->source_major = u->world.version.major;
    if (u->history.source_version && version_parse(u->history.source_version, &before))
        u->source_major = before.major;
}

/* Compares what the plan saw with what is there now. */
static OWN_FRAME bool same_world(struct operation *o)
{
    struct arena *a CLEANUP(arena_cleanup) = arena_new(); /* not the call's: that one lives for hours */
    struct upgrade *u = &o->upgrade;
    struct plan_note note = {0};
    struct err e = ERR_INIT;
    if (!world_need(u, &e)) {
        tf_fail(o->call, &e);
        return false;
    }
    u->is_serverless = u->world.production->serverless_v2;
    u->schedules = upgrade_schedules(u);
    operation_looked(o);
    note_source_major(u);
    if (!plan_note_read(o->call, a, &note) || note.source_major == 0)
        return true;
    if (note.source_major == u->source_major && note.is_serverless == u->is_serverless &&
        note.has_login == u->has_login)
        return true;
    (void)upgrade_fail(&e, E_WORLD_CHANGED, "changed since this plan: %s",
                       note.source_major != u->source_major     ? "production's major version"
                       : note.is_serverless != u->is_serverless ? "the kind of the cluster's instances"
                                                                : "the login for PostgreSQL");
    world_state(u, &e);
    tf_fail(o->call, &e);
    return false;
}

/* How far an earlier apply has come for the same target, by the state: every row up to there has passed. */
static enum flow_stage walked_before(const struct operation *o)
{
    const struct value *prior = o->call->prior;
    struct version v = {0};
    enum flow_stage was = passed_by(o->kind, prior);
    bool same = version_parse(value_as_text(value_get(prior, "target_engine_version"), ""), &v) &&
                v.major == o->upgrade.request.target.major;
    return same && was != STAGE_ROLLED_BACK && !o->is_undone ? was : STAGE_NONE;
}

/* A stage that is lowered, and attributes that make no step, change the state only. */
static bool is_state_only(const struct operation *o)
{
    enum flow_stage wanted = o->upgrade.request.stage;
    return wanted != STAGE_ROLLED_BACK && !asks_rehearsal(o) && walked_before(o) >= wanted &&
           reached_of(o, walked_before(o)) >= wanted;
}

static bool has_ended(const struct operation *o)
{
    const struct world *w = &o->upgrade.world;
    return w->version.major >= o->upgrade.request.target.major && !world_has_run(w);
}

static bool walks_nothing(const struct operation *o)
{
    return has_ended(o) || only_ends(o) || is_state_only(o);
}

/* An apply to `completed` died behind the old side: by the state it has not passed. */
bool tidies(const struct upgrade_kind *kind, const struct value *prior, enum flow_stage wanted)
{
    return kind->tidy && wanted == STAGE_COMPLETED && stage_of(prior, "stage") < STAGE_COMPLETED;
}

/* What a plan that could look would have refused, before anything is made. */
static OWN_FRAME bool may_go(struct operation *o)
{
    struct upgrade *u = &o->upgrade;
    const struct world *w = &u->world;
    struct err e = ERR_INIT;
    if (u->request.stage == STAGE_ROLLED_BACK)
        return true;
    bool waits = !not_waiting(u, u->request.stage, &e);
    if (walks_nothing(o) && !waits)
        return true;
    bool other = waits || (w->restored && !not_rolling_back(u, &e)) || (world_has_run(w) && !same_run(u, &e));
    bool early = !other && u->request.stage == STAGE_COMPLETED && u->request.retain_old_ms > 0 &&
                 w->reached < STAGE_SWITCHED;
    if (early)
        (void)upgrade_fail(&e, E_RETENTION, "stage = \"completed\" before the switch of %s was observed",
                           u->request.cluster);
    if (!other && !early)
        return true;
    world_state(u, &e);
    tf_fail(o->call, &e);
    return false;
}

/* A clone that no walk uses any more must not wait for one that does. False after an error. */
static OWN_FRAME bool swept(struct walk *w)
{
    struct upgrade *u = &w->o->upgrade;
    struct err e = ERR_INIT;
    bool forward = u->request.stage != STAGE_ROLLED_BACK && !walks_nothing(w->o), is_left = false;
    if (!w->o->kind->sweep || !u->world.rehearsal)
        return true;
    if (rehearsal_is_left(u, forward, &is_left, &e))
        return !is_left || walk_flow(w, w->o->kind->sweep, STAGE_PREPARED);
    failed(w, NULL, &e);
    return false;
}

/* What an apply without steps changes all the same. */
static OWN_FRAME bool renewed(struct walk *w)
{
    struct err e = ERR_INIT;
    if (has_ended(w->o) || ceiling_renew(&w->o->upgrade, &e))
        return true;
    failed(w, NULL, &e);
    return false;
}

static bool go(struct walk *w)
{
    if (!swept(w))
        return false;
    enum flow_stage wanted = w->o->upgrade.request.stage;
    bool back = wanted == STAGE_ROLLED_BACK;
    const struct upgrade_kind *kind = w->o->kind;
    if (puts_away(w->o))
        return walk_flow(w, kind->put_away, wanted);
    if (has_ended(w->o) && tidies(w->o->kind, w->c->prior, wanted))
        return walk_flow(w, kind->tidy, wanted);
    if (walks_nothing(w->o))
        return renewed(w);
    if (w->o->upgrade.schedules)
        return walk_flow(w, kind->forward, STAGE_VALIDATED);
    return walk_flow(w, back ? way_back(w->o) : kind->forward, wanted);
}

static OWN_FRAME bool is_kept(struct walk *w)
{
    struct err e = ERR_INIT;
    if (keeper_take(w->o, value_is_null(w->c->prior), &e))
        return true;
    world_state(&w->o->upgrade, &e);
    tf_fail(w->c, &e);
    return false;
}

/* What AWS shows, but not beyond a row that has yet to pass: else the next plan would be empty over it. */
static enum flow_stage stage_after_failure(const struct walk *w)
{
    enum flow_stage reached = reached_of(w->o, walked_before(w->o));
    if (!w->failed || w->failed->stage > reached || walked_before(w->o) >= w->failed->stage)
        return reached;
    return w->failed->stage - 1;
}

/* reached_stage is what AWS shows; that something was rolled back shows in nothing, so the stage itself says
 * it. NULL if the world cannot be seen: then the prior state is nearer to the truth than anything made up. */
static OWN_FRAME const struct value *final_state(const struct walk *w, bool ok)
{
    struct operation *o = w->o;
    struct tf_call *c = o->call;
    struct err e = ERR_INIT;
    if (w->has_walked && !world_look(&o->upgrade, &e)) {
        if (ok)
            tf_fail(c, &e);
        return NULL;
    }
    const struct value *state = operation_state(o, c->planned, c->prior);
    if (ok && o->upgrade.request.stage == STAGE_ROLLED_BACK)
        return tf_with(c, state, "reached_stage", value_string(c->arena, "rolled_back"));
    if (ok && only_ends(o))
        return tf_with(c, state, "reached_stage",
                       value_string(c->arena, stage_name(o->upgrade.request.stage)));
    if (ok && o->upgrade.schedules)
        return queue_state(o, state);
    if (ok)
        return state;
    if (puts_away(o)) /* what is left of it goes with the next apply; nothing else may come of it */
        state = tf_with(c, tf_with(c, state, "reached_stage", value_get(c->prior, "reached_stage")), "stage",
                        value_get(c->prior, "stage"));
    if (puts_away(o))
        return tf_with(c, state, "planned_steps", value_list(c->arena));
    const char *passed = stage_name(reached_of(o, walked_before(o)));
    state = tf_with(c, state, "reached_stage", value_string(c->arena, passed));
    state = tf_with(c, state, "stage", value_string(c->arena, stage_name(stage_after_failure(w))));
    return tf_with(c, state, "planned_steps", value_list(c->arena));
}

/* False after an error. */
static OWN_FRAME bool claim(struct operation *o, bool create)
{
    struct err e = ERR_INIT;
    const char *region = operation_region(o), *cluster = o->upgrade.request.cluster;
    if (!cluster_claim(region, cluster, o->call->stop, &e)) {
        tf_fail(o->call, &e);
        return false;
    }
    if (!create || !cluster_was_created(region, cluster))
        return true;
    (void)upgrade_fail(&e, E_SECOND_RESOURCE, "another resource of this configuration upgrades %s", cluster);
    tf_fail(o->call, &e);
    cluster_release(region, cluster);
    return false;
}

static const struct value *apply(const struct upgrade_kind *kind, struct tf_call *c, const char *name,
                                 int64_t timeout_ms)
{
    struct operation o;
    bool create = value_is_null(c->prior);
    if (!operation_start(&o, kind, c, c->planned, value_get(c->config, "postgresql")))
        return NULL;
    const char *region = operation_region(&o), *cluster = o.upgrade.request.cluster;
    const struct value *state = NULL;
    struct walk w = {.o = &o, .c = c, .name = name, .timeout_ms = timeout_ms};
    if (claim(&o, create)) {
        bool started = same_world(&o) && may_go(&o), ok = started && go(&w) && is_kept(&w);
        if (ok || (started && !create))
            state = final_state(&w, ok);
        if (create && state)
            cluster_created(region, cluster);
        cluster_release(region, cluster);
    }
    operation_done(&o);
    return state;
}

const struct value *upgrade_create(const struct upgrade_kind *kind, struct tf_call *c)
{
    return apply(kind, c, "create", timeout_of(c->planned, "create", create_default_ms));
}

const struct value *upgrade_update(const struct upgrade_kind *kind, struct tf_call *c)
{
    return apply(kind, c, "update", timeout_of(c->planned, "update", create_default_ms));
}

/* ---- read ---- */

static const struct value *absent(struct operation *o)
{
    if (!world_has_run(&o->upgrade.world) && !o->upgrade.world.is_deleting)
        return NULL;
    tf_warn(o->call, NULL, "The cluster is gone",
            "Cluster %s does not exist, but objects of its upgrade do; the resource is kept.",
            o->upgrade.request.cluster);
    return o->call->prior;
}

static void tell_moving(struct operation *o)
{
    const struct world *w = &o->upgrade.world;
    const char *cluster = o->upgrade.request.cluster;
    if (w->is_switching)
        tf_warn(o->call, NULL, "A switch is not over",
                "Names of %s move to the new version. Apply with stage = \"switched\" to go on.", cluster);
    else if (w->restored)
        tf_warn(o->call, NULL, "A roll-back is not over",
                "%s of %s %s cluster %s. Apply with stage = \"rolled_back\" to go on.",
                o->kind->restore_loses ? "What the snapshot" : "The side that gets the names", cluster,
                o->kind->restore_loses ? "was restored as is" : "back is", w->restored->identifier);
    else if (w->stray)
        tf_warn(o->call, NULL, "A restore came late",
                "AWS restored the snapshot of %s once more, as %s, for an apply that was cut short. Nobody "
                "uses it; "
                "`cleanup %s` removes it, and so does stage = \"completed\".",
                cluster, w->stray->identifier, cluster);
}

/* Lowered only from `prepared` and `validated`, and only when AWS positively shows no deployment. */
static const struct value *settle_stage(struct operation *o, const struct value *state)
{
    struct tf_call *c = o->call;
    enum flow_stage stage = stage_of(c->prior, "stage"), reached = o->upgrade.world.reached;
    bool building = stage == STAGE_PREPARED || stage == STAGE_VALIDATED;
    if (stage == STAGE_ROLLED_BACK && reached < STAGE_SWITCHED && !world_has_run(&o->upgrade.world))
        return tf_with(c, state, "reached_stage", value_string(c->arena, "rolled_back"));
    bool ended = stage == STAGE_COMPLETED && stage_of(c->prior, "reached_stage") == STAGE_COMPLETED &&
                 value_is_null(value_get(state, "old_cluster_resource_id"));
    bool ended_back = o->kind->put_away && stage == STAGE_COMPLETED &&
                      stage_of(c->prior, "reached_stage") == STAGE_COMPLETED;
    tell_moving(o);
    if ((ended || ended_back) && reached == STAGE_NONE &&
        !world_has_run(&o->upgrade.world)) /* ended after a roll-back */
        return tf_with(c, state, "reached_stage", value_string(c->arena, "completed"));
    bool shows = o->kind->strategy->shows_stages;
    if (building && shows && !world_has_run(&o->upgrade.world) && reached == STAGE_NONE)
        return tf_with(c, state, "stage", value_string(c->arena, "none"));
    const struct value *of_queue = queue_settle(o, state);
    if (of_queue)
        return of_queue;
    if (building && reached == STAGE_SWITCHED)
        tf_warn(c, NULL, "Switched elsewhere",
                "%s was switched outside of Terraform, or by an apply that did not get to its end. Raise "
                "stage to "
                "\"switched\" to verify it and take it over.",
                o->upgrade.request.cluster);
    if (stage >= STAGE_SWITCHED && stage != STAGE_ROLLED_BACK && reached < STAGE_SWITCHED)
        tf_warn(c, NULL, "The stage is contradicted", "The state says \"%s\", but AWS shows \"%s\" for %s.",
                stage_name(stage), stage_name(reached), o->upgrade.request.cluster);
    return state;
}

static const struct value *read_state(struct operation *o)
{
    struct tf_call *c = o->call;
    struct err e = ERR_INIT;
    if (!world_look(&o->upgrade, &e)) {
        tf_fail(c, &e);
        return NULL;
    }
    if (!o->upgrade.world.production)
        return absent(o);
    staging_remind(o);
    const struct value *state = operation_state(o, c->prior, c->prior);
    return settle_stage(o, tf_with(c, state, "planned_steps", value_list(c->arena)));
}

const struct value *upgrade_read(const struct upgrade_kind *kind, struct tf_call *c)
{
    struct operation o;
    if (!provider_session(c, NULL).aws)
        return c->prior;
    if (!operation_start(&o, kind, c, c->prior, value_get(c->prior, "postgresql")))
        return NULL;
    const struct value *state = read_state(&o);
    operation_done(&o);
    return state;
}

/* ---- delete ---- */

/* Adopted, and never taken over by an apply of ours: that would have left its tag on the old side. */
static bool is_foreign_switch(const struct upgrade *u)
{
    const struct world *w = &u->world;
    return w->deployment && !w->is_ours && !(w->old && rds_tag_value(&w->old->tags, TAG_OLD_OF));
}

static bool tear_down(struct operation *o, int64_t timeout_ms)
{
    struct upgrade *u = &o->upgrade;
    struct walk w = {.o = o, .c = o->call, .name = "delete", .timeout_ms = timeout_ms};
    struct err e = ERR_INIT;
    bool switches = u->world.is_switching;
    if (switches)
        (void)upgrade_fail(&e, E_SWITCH_UNDERWAY, "names of %s move at this moment", u->request.cluster);
    if (switches || !not_rolling_back(u, &e)) {
        world_state(u, &e);
        tf_fail(o->call, &e);
        return false;
    }
    bool refuses = u->world.reached == STAGE_SWITCHED && u->request.on_destroy == DESTROY_REFUSE;
    if (o->kind->sweep && !refuses && !walk_flow(&w, o->kind->sweep, STAGE_COMPLETED))
        return false;
    if (u->world.aside) {
        tf_warn(o->call, NULL, "What the roll-back put aside stays",
                "It is cluster %s; removing it, and the parameter groups it uses, is then up to you.",
                u->world.aside->identifier);
        return true;
    }
    if (u->world.reached == STAGE_COMPLETED) /* the groups made for it are production's by now */
        return !o->kind->tidy || walk_flow(&w, o->kind->tidy, STAGE_COMPLETED);
    if (u->world.reached != STAGE_SWITCHED) {
        u->is_serverless = u->world.production && u->world.production->serverless_v2;
        if (!u->world.deployment || u->world.is_ours)
            return walk_flow(&w, o->kind->back, STAGE_ROLLED_BACK);
        tf_warn(o->call, NULL, "The deployment stays", "Deployment %s was made elsewhere and is left alone.",
                u->world.deployment->name);
        return true;
    }
    if (u->request.on_destroy == DESTROY_KEEP_OLD)
        return !o->kind->keep || walk_flow(&w, o->kind->keep, STAGE_COMPLETED);
    if (u->request.on_destroy == DESTROY_DELETE_OLD && is_foreign_switch(u)) {
        tf_warn(o->call, NULL, "The old side stays",
                "Deployment %s was made and switched over elsewhere; it and the old side are left alone.",
                u->world.deployment->name);
        return true;
    }
    if (u->request.on_destroy == DESTROY_DELETE_OLD)
        return walk_flow(&w, o->kind->retire, STAGE_COMPLETED);
    (void)upgrade_fail(&e, E_DESTROY_REFUSED, "%s is switched, and what it was before is still kept",
                       u->request.cluster);
    world_state(u, &e);
    tf_fail(o->call, &e);
    return false;
}

/* The delete leg of a replacement gets the create plan's note: for the same cluster nothing is removed, the
 * create adopts it. */
static bool is_replacement_of_itself(struct tf_call *c)
{
    struct plan_note note = {0};
    const char *cluster = value_as_text(value_get(c->prior, "cluster_identifier"), "");
    bool known = plan_note_read(c, c->arena, &note);
    const char *region = value_as_text(value_get(c->prior, "region"), "");
    bool same_place = note.region == NULL || note.region[0] == '\0' || strcasecmp(note.region, region) == 0;
    return known && !note.is_destroy && strcasecmp(note.cluster, cluster) == 0 && same_place;
}

const struct value *upgrade_delete(const struct upgrade_kind *kind, struct tf_call *c)
{
    struct operation o;
    struct err e = ERR_INIT;
    if (is_replacement_of_itself(c))
        return NULL;
    if (!operation_start(&o, kind, c, c->prior, value_get(c->prior, "postgresql")))
        return c->prior;
    const char *region = operation_region(&o);
    if (cluster_was_created(region, o.upgrade.request.cluster)) {
        operation_done(&o); /* create_before_destroy, or another resource of the same cluster */
        return NULL;
    }
    bool ok = cluster_claim(region, o.upgrade.request.cluster, c->stop, &e);
    if (ok) {
        ok = world_look(&o.upgrade, &e);
        if (ok)
            note_source_major(&o.upgrade);
        bool done =
            ok && (keeper_is_another(&o) || tear_down(&o, timeout_of(c->prior, "delete", delete_default_ms)));
        cluster_release(region, o.upgrade.request.cluster);
        if (ok && !done) {
            operation_done(&o);
            return c->prior;
        }
    }
    if (!ok)
        tf_fail(c, &e);
    operation_done(&o);
    return ok ? NULL : c->prior;
}

/* ---- validate ---- */

void upgrade_validate(const struct upgrade_kind *kind, struct tf_call *c)
{
    provider_validate_login(c, value_get(c->config, "postgresql"), "postgresql");
    staging_validate(kind, c);
    if (kind->validate)
        kind->validate(c);
}
