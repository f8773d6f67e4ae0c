#include "internal/upgrade/view.h"
#include "internal/upgrade/errors.h"
#include "internal/upgrade/tags.h"

/* Nothing of a run belongs to a clone. */
static bool look_at_clone(struct upgrade *v, struct world *w, struct err *e)
{
    (void)v;
    (void)w;
    (void)e;
    return true;
}

static const struct strategy strategy_clone = {.resource = TAG_RESOURCE_IN_PLACE,
                                               .look = look_at_clone,
                                               .no_way_back = E_SNAPSHOT_ONLY,
                                               .keeps_default = true,
                                               .new_side = "the clone"};

/* Whatever a row asks for, it never gets production. */
static bool login_to_clone(void *arg, const char *host, int port, struct pg_target *ret, bool *ret_known,
                           struct err *e)
{
    const struct clone_view *v = arg;
    const struct rds_cluster *k = v->view.world.production;
    (void)host;
    (void)port;
    if (!k || k->endpoint[0] == '\0')
        return err_set(e, ERR_UNAVAILABLE, "the clone has no endpoint at the moment");
    return v->of->login(v->of->login_arg, k->endpoint, k->port, ret, ret_known, e);
}

/* NULL: it is found as for production itself. */
static const char *group_named(struct upgrade *u, bool is_cluster)
{
    return takes_default(u, is_cluster) ? NULL : arena_strdup(u->arena, target_group(u, u->look, is_cluster));
}

static void open_view(struct clone_view *v, struct upgrade *u, const struct rds_cluster *clone)
{
    struct upgrade *of = &v->view;
    *of = *u;
    of->strategy = &strategy_clone;
    of->request.cluster = arena_strdup(u->arena, clone->identifier);
    of->request.cluster_group = group_named(u, true);
    of->request.instance_group = group_named(u, false);
    of->request.snapshot = NULL;
    of->request.in_maintenance_window = of->schedules = false;
    of->world = of->before = (struct world){0};
    of->history = (struct history){0};
    of->look = of->aws.arena = arena_new();
    of->before_look = NULL;
    of->rehearsal = NULL;
    of->clone = NULL;
    of->watch = NULL;
    of->report = NULL;
    of->is_verified = false;
    of->steady_readings = 0;
    of->login = login_to_clone;
    of->login_arg = v;
    of->attempt_since = arena_strdup(u->arena, xml_text(clone->raw, "ClusterCreateTime", ""));
    v->of = u;
    v->is_open = true;
}

struct upgrade *clone_view(struct clone_view *v, struct upgrade *u, const struct rds_cluster *clone)
{
    if (!v->is_open)
        open_view(v, u, clone);
    v->view.resolved_version = u->resolved_version;
    v->view.note = u->note;
    v->view.note_arg = u->note_arg;
    return &v->view;
}

void clone_view_rest(struct upgrade *view)
{
    arena_free(view->look);
    arena_free(view->before_look);
    view->look = view->aws.arena = arena_new();
    view->before_look = NULL;
    view->world = view->before = (struct world){0};
}

void clone_view_end(struct clone_view *v)
{
    if (v->is_open)
        upgrade_done(&v->view);
    v->is_open = false;
}
