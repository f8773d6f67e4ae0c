/* The plan of an upgrade: what a change means in the world as it is (INTERFACE 2.2), told
 * before anything is done.
 *
 * Rules that can refuse a plan are rows of one table, each a question to the situation. What is planned as
 * known depends on the configuration, the prior state and the two majors only.
 */
#include "internal/upgrade/blue_green.h"
#include "internal/upgrade/errors.h"
#include "internal/upgrade/in_place.h"
#include "internal/upgrade/logical_switch.h"
#include "internal/upgrade/rehearsal.h"
#include "internal/upgrade/roll_back.h"
#include "provider/flow_upgrades.h"
#include "provider/staging.h"
#include "provider/upgrade_resource.h"

#include <string.h>
#include <strings.h>

/* ---- the situation ---- */

struct situation {
    struct tf_call *c;
    struct operation *o;
    const struct value *prior;   /* null on create */
    const struct value *planned; /* defaults filled in */
    enum flow_stage was, wanted; /* stage in state and configuration */
    enum flow_stage was_reached; /* reached_stage in the state */
    int prior_target;            /* major; 0 on create */
    bool run;                    /* a run is observed */
    bool above;                  /* production is above the target, and no run */
    bool already;                /* production is on the target's major, and no run */
};

static bool is_create(const struct situation *s)
{
    return value_is_null(s->prior);
}

static struct situation situation_of(struct tf_call *c, struct operation *o, const struct value *planned)
{
    const struct upgrade *u = &o->upgrade;
    struct version before = {0};
    struct situation s = {.c = c, .o = o, .prior = c->prior, .planned = planned, .wanted = u->request.stage};
    if (!is_create(&s)) {
        s.was = stage_of(c->prior, "stage");
        s.was_reached = stage_of(c->prior, "reached_stage");
        if (version_parse(value_as_text(value_get(c->prior, "target_engine_version"), ""), &before))
            s.prior_target = before.major;
    }
    s.run = world_has_run(&u->world);
    s.above = !s.run && u->world.version.major > u->request.target.major;
    s.already = !s.run && u->world.version.major == u->request.target.major;
    return s;
}

/* Nothing of a flow is walked: the cluster is there already, or what is asked for only ends what is over. */
static bool walks_nothing(const struct situation *s)
{
    return s->already || s->above || only_ends(s->o);
}

/* ---- refusals ---- */

static bool other_run(const struct situation *s, struct err *e)
{
    const struct world *w = &s->o->upgrade.world;
    int major = w->run_target.major;
    if (!s->run || major == 0 || major == s->o->upgrade.request.target.major ||
        s->wanted == STAGE_ROLLED_BACK)
        return true;
    return upgrade_fail(e, w->is_ours || !w->deployment ? E_OTHER_RUN : E_DEPLOYMENT_FOREIGN,
                        "an upgrade of %s to %d is under way", s->o->upgrade.request.cluster, major);
}

static bool lower_target(const struct situation *s, struct err *e)
{
    if (!s->above || is_create(s) || s->prior_target == s->o->upgrade.request.target.major)
        return true;
    return upgrade_fail(e, E_TARGET_LOWER, "cluster %s runs %s, which is above %d",
                        s->o->upgrade.request.cluster, s->o->upgrade.world.production->engine_version,
                        s->o->upgrade.request.target.major);
}

static bool lower_stage(const struct situation *s, struct err *e)
{
    enum flow_stage passed = is_create(s) ? STAGE_NONE : passed_by(s->o->kind, s->prior);
    bool switched = passed == STAGE_SWITCHED || passed == STAGE_COMPLETED;
    bool same_target = s->prior_target == s->o->upgrade.request.target.major;
    if (is_create(s) || !switched || !same_target || s->wanted >= s->was || s->wanted == STAGE_ROLLED_BACK ||
        s->o->is_undone)
        return true;
    return upgrade_fail(e, E_STAGE_LOWERED, "stage cannot go from \"%s\" to \"%s\"", stage_name(s->was),
                        stage_name(s->wanted));
}

static bool roll_back_running(const struct situation *s, struct err *e)
{
    return s->wanted == STAGE_ROLLED_BACK || not_rolling_back(&s->o->upgrade, e);
}

static bool goes_back_after_switch(const struct situation *s)
{
    return s->wanted == STAGE_ROLLED_BACK && s->o->kind->restore && way_back(s->o) == s->o->kind->restore;
}

static bool loss_not_accepted(const struct situation *s, struct err *e)
{
    bool accepted = false;
    return !s->o->kind->restore_loses || !goes_back_after_switch(s) ||
           loss_accepted(&s->o->upgrade, &accepted, e);
}

static bool no_way_back(const struct situation *s, struct err *e)
{
    bool switched = s->o->upgrade.world.reached == STAGE_SWITCHED;
    bool done = !is_create(s) && (s->was == STAGE_SWITCHED || s->was == STAGE_COMPLETED) &&
                s->was_reached >= STAGE_SWITCHED && s->was_reached != STAGE_ROLLED_BACK &&
                s->prior_target == s->o->upgrade.request.target.major;
    if (s->wanted != STAGE_ROLLED_BACK || (!switched && !done) || s->o->is_undone ||
        goes_back_after_switch(s))
        return true;
    return upgrade_fail(e, (enum upgrade_error)s->o->kind->strategy->no_way_back,
                        "%s is already switched to %s", s->o->upgrade.request.cluster,
                        s->o->upgrade.world.production->engine_version);
}

static bool too_early(const struct situation *s, struct err *e)
{
    struct upgrade *u = &s->o->upgrade;
    char date[TIME_ISO_SIZE];
    if (s->wanted != STAGE_COMPLETED || u->request.retain_old_ms <= 0 || walks_nothing(s))
        return true;
    if (u->world.reached != STAGE_SWITCHED)
        return upgrade_fail(
            e, E_RETENTION,
            "stage = \"completed\" with retain_old_for before the switch was observed: \"switched\" now, "
            "\"completed\" when the time is over, or retain_old_for = \"0s\"");
    int64_t ends = retention_ends(u);
    if (u->clock->wall_ms(u->clock) >= ends)
        return true;
    time_iso(ends, false, date);
    return upgrade_fail(e, E_RETENTION, "what %s was before is kept until %s (retain_old_for)",
                        u->request.cluster, date);
}

static bool shape_changed(const struct situation *s, struct err *e)
{
    bool of_this_run = s->prior_target == s->o->upgrade.request.target.major;
    if (!endpoint_way_holds(&s->o->upgrade, e))
        return false;
    if (is_create(s) || !s->run || !of_this_run || s->wanted == STAGE_ROLLED_BACK)
        return true;
    for (const char *const *path = s->o->kind->shape; *path; path++) {
        const struct value *before = value_path(s->prior, *path);
        const struct value *now = value_path(s->planned, *path);
        if (value_is_unknown(now) || value_equal(before, now))
            continue;
        (void)upgrade_fail(e, E_SHAPE_CHANGED, "%s cannot change while the upgrade is under way", *path);
        return err_attribute(e, *path);
    }
    return true;
}

/* What the state knows from the last refresh, and with it every plan, is no more: the steps that were shown
 * are not those that an apply would walk. */
static bool run_gone(const struct situation *s, struct err *e)
{
    bool was_there = s->was_reached >= STAGE_PREPARED && s->was_reached <= STAGE_SWITCHED;
    bool same_target = s->prior_target == s->o->upgrade.request.target.major;
    const char *id = value_as_text(value_get(s->prior, "blue_green_deployment_identifier"), NULL);
    if (is_create(s) || !was_there || !same_target || !id || s->run || s->wanted == STAGE_ROLLED_BACK)
        return true;
    return upgrade_fail(e, E_WORLD_CHANGED, "changed since this plan: deployment %s of %s is gone", id,
                        s->o->upgrade.request.cluster);
}

static bool still_queued(const struct situation *s, struct err *e)
{
    return s->wanted == STAGE_ROLLED_BACK || not_waiting(&s->o->upgrade, s->wanted, e);
}

/* Told until somebody says that it is known: another stage, at once instead of in the window, or back. */
static bool missed_window(const struct situation *s, struct err *e)
{
    struct upgrade *u = &s->o->upgrade;
    bool again = s->wanted == STAGE_SWITCHED || s->wanted == STAGE_COMPLETED;
    if (is_create(s) || !again || !u->request.in_maintenance_window || !missed_by(s->prior) ||
        !upgrade_missed(u, &u->world))
        return true;
    (void)upgrade_went_back(u, upgrade_refusal(u, u->world.snapshot->create_time), e);
    return err_wrap(e, "the maintenance window is over");
}

static bool login_missing(const struct situation *s, struct err *e)
{
    bool passes = false;
    return walks_nothing(s) || !s->o->kind->strategy->needs_login ||
           provider_login_state(s->c, s->o->login_block) == PROVIDER_LOGIN_UNKNOWN ||
           login_check(&s->o->upgrade, &passes, e);
}

static bool hook_without_login(const struct situation *s, struct err *e)
{
    bool unknown = provider_login_state(s->c, s->o->login_block) == PROVIDER_LOGIN_UNKNOWN;
    return unknown || walks_nothing(s) ||
           staging_hooks_have_login(&s->o->upgrade, s->o->upgrade.world.reached, s->wanted, e);
}

static bool (*const refusals[])(const struct situation *s, struct err *e) = {
    run_gone,           other_run,    lower_target, lower_stage,   roll_back_running,
    loss_not_accepted,  no_way_back,  too_early,    shape_changed, login_missing,
    hook_without_login, still_queued, missed_window};

static void refuse(const struct situation *s)
{
    for (size_t i = 0; i < ARRAY_LEN(refusals); i++) {
        struct err e = ERR_INIT;
        if (refusals[i](s, &e))
            continue;
        world_state(&s->o->upgrade, &e);
        tf_fail(s->c, &e);
    }
}

/* ---- checks of the first steps, as far as a plan may look ---- */

static void run_check(struct situation *s, bool (*check)(struct upgrade *u, bool *ret, struct err *e))
{
    struct upgrade *u = &s->o->upgrade;
    struct err e = ERR_INIT;
    bool passes = false;
    if (check(u, &passes, &e) && passes)
        return;
    world_state(u, &e);
    if (e.code == ERR_CONFLICT)
        tf_warn(s->c, NULL, "Production is not ready at the moment", "%s. %s", e.text, e.hint);
    else
        tf_fail_with(s->c, &e, upgrade_report_take(u));
}

static void tell_translation(struct situation *s, bool is_cluster)
{
    struct upgrade *u = &s->o->upgrade;
    struct translation t = {0};
    struct err e = ERR_INIT;
    if (!makes_group(u, is_cluster) || takes_default(u, is_cluster))
        return;
    if (!translate_group(u, is_cluster, &t, &e)) {
        tf_fail(s->c, &e);
        return;
    }
    const char *kind = is_cluster ? "cluster" : "instance";
    const char *lost = join_lines(u->look, t.unsupported, t.unsupported_count, 20);
    if (t.unsupported_count > 0 && !u->request.drop_unsupported) {
        (void)upgrade_fail(&e, E_UNSUPPORTED_PARAMETER,
                           "the %s parameter group sets what %s does not have or allow: %s", kind,
                           family_name(u->look, u->request.target.major), lost);
        tf_fail(s->c, &e);
    } else if (t.unsupported_count > 0) {
        tf_warn(s->c, "target_parameter_group.on_unsupported", "Parameters will be dropped",
                "The %s parameter group for %s carries %zu override(s) and drops: %s", kind,
                u->strategy->new_side, t.carried_count, lost);
    }
}

static void look_ahead(struct situation *s, const char *checks)
{
    struct upgrade *u = &s->o->upgrade;
    bool full = strcmp(checks, "full") == 0, login = u->has_login;
    u->has_login = login && full;
    for (upgrade_check *const *check = s->o->kind->checks; *check && !tf_failed(s->c); check++)
        run_check(s, *check);
    if (!tf_failed(s->c)) {
        tell_translation(s, true);
        tell_translation(s, false);
    }
    if (u->has_login && !tf_failed(s->c))
        run_check(s, databases_check);
    u->has_login = login;
}

/* ---- warnings ---- */

/* The object that stands for the run. */
static const char *run_name(const struct upgrade *u)
{
    const struct world *w = &u->world;
    return w->green && !w->deployment ? arena_printf(u->arena, "clone %s", w->green->identifier)
           : w->snapshot              ? arena_printf(u->arena, "snapshot %s", w->snapshot->identifier)
           : w->deployment            ? arena_printf(u->arena, "deployment %s", w->deployment->name)
           : w->old                   ? arena_printf(u->arena, "cluster %s", w->old->identifier)
                                      : "nothing";
}

/* What it has shown, where production comes next; that it is made again; what an earlier one left. */
static void tell_rehearsal(struct situation *s)
{
    struct upgrade *u = &s->o->upgrade;
    struct err e = ERR_INIT;
    bool is_left = false, is_known = false, steps = s->was_reached == STAGE_NONE || asks_rehearsal(s->o);
    bool forward = s->wanted != STAGE_ROLLED_BACK && !walks_nothing(s) && u->world.reached < STAGE_SWITCHED;
    if (!s->o->kind->sweep || tf_failed(s->c))
        return;
    if (!rehearsal_is_left(u, forward, &is_left, &e) ||
        (forward && u->request.rehearses && !rehearsal_is_known(u, &is_known, &e))) {
        tf_warn(s->c, "rehearse", "What is known of a rehearsal could not be read", "%s", e.text);
        return;
    }
    if (is_left)
        tf_warn(s->c, "rehearse", "The clone of a rehearsal is left", "It is cluster %s, and removed first.",
                u->world.rehearsal->identifier);
    if (is_known && s->wanted >= STAGE_SWITCHED)
        tf_warn(s->c, "rehearse", "The upgrade was rehearsed",
                "On a clone, at %s: %s. Expect the same of production.", u->history.rehearsed_at,
                rehearsal_told(u, s->c->arena));
    if (is_known && steps)
        tf_warn(s->c, "rehearse", "The rehearsal is not made again",
                "It was made at %s for the same versions and parameter groups: its steps are skipped.",
                u->history.rehearsed_at);
    if (forward && u->request.rehearses && !is_known && !steps && s->wanted > s->was_reached)
        tf_warn(s->c, "rehearse", "The rehearsal is made again",
                "Versions or parameter groups are others than those that were rehearsed.");
}

static void tell(struct situation *s)
{
    struct upgrade *u = &s->o->upgrade;
    const char *cluster = u->request.cluster;
    bool forward = s->wanted != STAGE_ROLLED_BACK;
    if (goes_back_after_switch(s) && !tf_failed(s->c) && u->world.snapshot && !u->world.names_move)
        tf_warn(s->c, "accept_data_loss_since_snapshot",
                "The roll-back loses what was written since the snapshot", "%s", roll_back_losses(u));
    if (forward && u->world.aside && !u->world.restored && !puts_away(s->o))
        tf_warn(s->c, "stage", "What the roll-back put aside stays",
                "It is cluster %s: it costs, and another roll-back needs its name. "
                "stage = \"completed\" first removes it, or delete it in AWS.",
                u->world.aside->identifier);
    if (s->above)
        tf_warn(s->c, "target_engine_version", "Production is above the target",
                "Cluster %s runs %s; there is nothing to do for %d.", cluster,
                u->world.production->engine_version, u->request.target.major);
    if (is_create(s) && s->run)
        tf_warn(s->c, NULL, "An upgrade is under way",
                "Found: %s, reached \"%s\". Earlier steps are skipped.", run_name(u),
                stage_name(u->world.reached));
    if (s->run && u->world.deployment && !u->world.is_ours)
        tf_warn(s->c, NULL, "The deployment was made elsewhere",
                "Deployment %s is adopted; a destroy leaves it alone, stage = \"rolled_back\" deletes it "
                "with its green side.",
                u->world.deployment->name);
    if (forward && !u->has_login && !u->strategy->needs_login && !s->already && !s->above &&
        u->world.reached < STAGE_SWITCHED)
        tf_warn(s->c, "postgresql", "No login for PostgreSQL", "There is no postgresql { } for %s: %s.",
                cluster, s->o->kind->without_login);
    if (forward && u->request.watch_ms > 0 && !u->has_login && u->world.reached <= STAGE_SWITCHED &&
        !s->already && !s->above)
        tf_warn(s->c, "cutover.watch_for", "The new production will not be watched",
                "watch_for needs a login for PostgreSQL, and there is none.");
    tell_undone(s->o);
    tell_rehearsal(s);
    if (forward && u->world.reached < STAGE_SWITCHED && !s->already && !s->above && s->o->kind->tell)
        s->o->kind->tell(s->o);
    if (u->request.manage_source && forward && u->world.reached == STAGE_NONE && !s->already && !s->above)
        tf_warn(s->c, "source_parameters", "The cluster's parameter group is managed",
                "Take db_cluster_parameter_group_name of %s from data.aurora_cluster, else your own "
                "configuration will want to change it back.",
                cluster);
}

/* ---- planned values ---- */

/* A stage that follows a roll-back starts from nothing; after `completed` another target starts a new run. */
static enum flow_stage steps_from(const struct situation *s)
{
    int target = s->o->upgrade.request.target.major;
    if (is_create(s) || s->was_reached == STAGE_ROLLED_BACK || s->prior_target != target || s->o->is_undone)
        return STAGE_NONE;
    return s->was_reached;
}

/* AWS has done its part; what stands above the point of no return is history. */
static const struct value *steps_after(struct situation *s)
{
    struct flow rest = *s->o->kind->forward;
    while (rest.count > 0 && rest.steps->kind != STEP_NO_RETURN) {
        rest.steps++;
        rest.count--;
    }
    rest.steps++;
    rest.count--;
    return planned_steps(s->o, &rest, s->was, s->wanted);
}

static const struct value *steps_for(struct situation *s)
{
    struct upgrade *u = &s->o->upgrade;
    bool same_target = s->prior_target == u->request.target.major;
    if (puts_away(s->o))
        return planned_steps(s->o, s->o->kind->put_away, STAGE_NONE, STAGE_COMPLETED);
    if (s->wanted == STAGE_ROLLED_BACK)
        return walks_nothing(s) ? value_list(s->c->arena)
                                : planned_steps(s->o, way_back(s->o), STAGE_COMPLETED, STAGE_ROLLED_BACK);
    if (s->already && s->o->upgrade.request.manage_source && tidies(s->o->kind, s->prior, s->wanted))
        return planned_steps(s->o, s->o->kind->tidy, STAGE_NONE, STAGE_COMPLETED);
    if (walks_nothing(s))
        return value_list(s->c->arena);
    if (u->schedules)
        return planned_steps(s->o, s->o->kind->forward,
                             steps_from(s) < STAGE_VALIDATED ? steps_from(s) : STAGE_PREPARED,
                             STAGE_VALIDATED);
    if (!is_create(s) && same_target && s->was < STAGE_SWITCHED && s->was_reached == STAGE_SWITCHED &&
        !s->o->kind->strategy->shows_stages)
        return steps_after(s);
    return planned_steps(s->o, s->o->kind->forward, asks_rehearsal(s->o) ? STAGE_NONE : steps_from(s),
                         s->wanted);
}

/* The major the upgrade started from: of production before the switch, of the old side after it. */
static int source_major(const struct upgrade *u)
{
    struct version v = {0};
    const char *before = u->history.source_version;
    if (before && version_parse(before, &v))
        return v.major;
    return u->world.version.major;
}

static const struct value *plan_in_world(struct situation *s, const struct value *planned, const char *checks)
{
    struct upgrade *u = &s->o->upgrade;
    refuse(s);
    tell(s);
    bool first =
        steps_from(s) == STAGE_NONE && !s->run && !walks_nothing(s) && s->wanted != STAGE_ROLLED_BACK;
    if (first && !tf_failed(s->c))
        look_ahead(s, checks);
    const struct plan_note note = {.cluster = u->request.cluster,
                                   .region = operation_region(s->o),
                                   .source_major = u->source_major,
                                   .is_serverless = u->is_serverless,
                                   .has_login = u->has_login,
                                   .keeper = keeper_noted(s->c)};
    plan_note_write(s->c, &note);
    if (provider_login_state(s->c, s->o->login_block) == PROVIDER_LOGIN_UNKNOWN)
        return planned;
    return tf_with(s->c, planned, "planned_steps", steps_for(s));
}

static const char *checks_of(struct tf_call *c, const struct value *planned)
{
    const struct provider_config *p = provider_config(c);
    return value_as_text(value_get(planned, "plan_checks"), p ? p->plan_checks : "aws");
}

/* What decides the steps is known only at apply: mock outputs, a provider block that is not wholly known,
 * plan_checks = "off". */
static bool cannot_look(const struct upgrade_kind *kind, struct tf_call *c, const struct value *planned,
                        const char **ret_why)
{
    const struct provider_config *p = provider_config(c);
    *ret_why = NULL;
    if (strcmp(checks_of(c, planned), "off") == 0)
        return true;
    if (!p || !p->aws)
        *ret_why = p && p->unknown ? p->unknown : "the provider block is known only after apply";
    for (const char *const *name = kind->deciding; *name && !*ret_why; name++)
        if (value_has_unknown(value_get(c->config, *name)))
            *ret_why = arena_printf(c->arena, "%s is known only after apply", *name);
    return *ret_why != NULL;
}

static bool is_other(const struct value *prior, const struct value *planned, const char *name)
{
    const struct value *was = value_get(prior, name), *is = value_get(planned, name);
    return !value_is_null(was) && !value_is_unknown(is) && !value_equal(was, is);
}

/* Another cluster: a plan of its own follows, as a create. This one only asks whether the present may go. */
static bool leaves_cluster(struct tf_call *c, const struct value *planned)
{
    struct err e = ERR_INIT;
    if (value_is_null(c->prior) ||
        (!is_other(c->prior, planned, "cluster_identifier") && !is_other(c->prior, planned, "region")))
        return false;
    const char *was = value_as_text(value_get(c->prior, "cluster_identifier"), "");
    const char *is = value_as_text(value_get(planned, "cluster_identifier"), "");
    bool refuses = strcmp(value_as_text(value_get(c->prior, "on_destroy"), "refuse"), "refuse") == 0;
    if (strcasecmp(was, is) == 0 && !is_other(c->prior, planned, "region"))
        return true; /* another spelling: the same cluster is adopted */
    if (stage_of(c->prior, "reached_stage") != STAGE_SWITCHED || !refuses)
        return true;
    (void)upgrade_fail(&e, E_DESTROY_REFUSED, "%s is switched, and what it was before is still kept", was);
    tf_fail(c, &e);
    return true;
}

/* A refresh takes a resource out of the state whose cluster is gone with all of ours: if it is there
 * nevertheless, the cluster went after the refresh. */
static void tell_absent(const struct operation *o)
{
    const struct world *w = &o->upgrade.world;
    const char *cluster = o->upgrade.request.cluster, *region = operation_region(o);
    struct err e = ERR_INIT;
    if (value_is_null(o->call->prior) || world_has_run(w) || w->is_deleting) {
        tf_warn(o->call, "cluster_identifier", "The cluster does not exist",
                "Cluster %s was not found in %s. If it is made by the same apply, all is well; else the "
                "apply will fail.",
                cluster, region);
        return;
    }
    (void)upgrade_fail(&e, E_WORLD_CHANGED, "changed since this plan: cluster %s does not exist in %s",
                       cluster, region);
    tf_fail(o->call, &e);
}

const struct value *upgrade_plan(const struct upgrade_kind *kind, struct tf_call *c,
                                 const struct value *planned)
{
    struct operation o;
    const char *why = NULL;
    if (!value_is_null(c->prior) && value_equal(planned, c->prior) && !missed_by(c->prior))
        return planned;
    if (leaves_cluster(c, planned))
        return planned;
    planned = tf_with(c, planned, "id", value_get(planned, "cluster_identifier"));
    planned = tf_with(c, planned, "tags_all", provider_tags_all(c, value_get(planned, "tags")));
    if (cannot_look(kind, c, planned, &why)) {
        if (why)
            tf_warn(c, NULL, "The steps are decided at apply", "%s.", why);
        return planned;
    }
    if (!operation_start(&o, kind, c, planned, value_get(c->config, "postgresql")))
        return planned;
    struct err e = ERR_INIT;
    if (!world_look(&o.upgrade, &e)) {
        tf_fail(c, &e);
    } else if (!o.upgrade.world.production) {
        tell_absent(&o);
    } else {
        o.upgrade.source_major = source_major(&o.upgrade);
        o.upgrade.is_serverless = o.upgrade.world.production->serverless_v2;
        o.upgrade.schedules = upgrade_schedules(&o.upgrade);
        operation_looked(&o);
        struct situation s = situation_of(c, &o, planned);
        planned = plan_in_world(&s, planned, checks_of(c, planned));
    }
    operation_done(&o);
    return planned;
}

/* Whether a destroy can do what it is for, and what it leaves. */
static bool judge_destroy(struct operation *o, struct err *e)
{
    struct upgrade *u = &o->upgrade;
    bool unknown = provider_login_state(o->call, o->login_block) == PROVIDER_LOGIN_UNKNOWN;
    if (!world_look(u, e))
        return false;
    if (keeper_is_another(o))
        return true;
    if (!not_rolling_back(u, e))
        return false;
    if (u->world.aside)
        tf_warn(o->call, NULL, "What the roll-back put aside stays",
                "It is cluster %s; stage = \"completed\" before the destroy removes it.",
                u->world.aside->identifier);
    bool has_clone = u->world.green && !u->world.deployment;
    if (u->strategy->needs_login && has_clone && !unknown && !u->has_login)
        return login_check(u, &unknown, e);
    if (u->world.reached < STAGE_SWITCHED)
        return !(u->world.deployment || u->world.snapshot) || unknown ||
               staging_hooks_have_login(u, STAGE_NONE, STAGE_ROLLED_BACK, e);
    if (u->world.reached != STAGE_SWITCHED)
        return true;
    if (u->request.on_destroy == DESTROY_REFUSE)
        return upgrade_fail(e, E_DESTROY_REFUSED, "%s is switched, and what it was before is still kept",
                            u->request.cluster);
    if (u->request.on_destroy == DESTROY_KEEP_OLD)
        tf_warn(o->call, NULL, "What production was before stays",
                "It is kept (%s); removing it is then up to you.", run_name(u));
    return true;
}

void upgrade_plan_destroy(const struct upgrade_kind *kind, struct tf_call *c)
{
    struct operation o;
    struct err e = ERR_INIT;
    const char *cluster = value_as_text(value_get(c->prior, "cluster_identifier"), "");
    plan_note_write(c, &(struct plan_note){
                           .is_destroy = true, .cluster = cluster, .region = "", .keeper = keeper_noted(c)});
    const struct provider_config *p = provider_config(c);
    if (!p || !p->aws || !operation_start(&o, kind, c, c->prior, value_get(c->prior, "postgresql")))
        return;
    /* create_before_destroy: the new resource has taken everything over */
    if (!cluster_was_created(operation_region(&o), o.upgrade.request.cluster) && !judge_destroy(&o, &e)) {
        world_state(&o.upgrade, &e);
        tf_fail(c, &e);
    }
    operation_done(&o);
}
