/* unfence — production takes writes again. A logical upgrade stops them for its switch; what a process that
 * died there left is taken back, the switch included as long as no name has moved. A blue/green upgrade never
 * stops them itself: AWS refuses writes during its own switchover, and ends that by itself. */
#include "provider/command.h"
#include "provider/upgrade_status.h"

#include "internal/upgrade/errors.h"
#include "internal/upgrade/lease.h"
#include "internal/upgrade/logical_switch.h"

#include <string.h>

struct proof {
    const char *read_only; /* default_transaction_read_only of the login's sessions */
    bool was_fenced;
    const char *version, *database;
};

static bool refuse_switching(const struct upgrade *u, struct err *e)
{
    const struct rds_bluegreen *d = u->world.deployment;
    if (!d || strcmp(d->status, "SWITCHOVER_IN_PROGRESS") != 0)
        return true;
    return upgrade_fail(e, E_SWITCHOVER_RUNNING,
                        "AWS is switching %s over and refuses writes until that has ended",
                        u->request.cluster);
}

static bool no_login(const struct upgrade *u, struct err *e)
{
    return upgrade_fail(e, E_NO_LOGIN,
                        "whether %s takes writes can only be tried with a login for PostgreSQL, and none is "
                        "configured",
                        u->request.cluster);
}

static bool not_writable(const struct upgrade *u, const struct proof *p, struct err *e)
{
    struct err why = *e;
    (void)upgrade_fail(e, E_NOT_WRITABLE, "%s refuses writes (default_transaction_read_only is %s)",
                       u->request.cluster, *p->read_only ? p->read_only : "not known");
    return err_said(e, "%s", why.said[0] ? why.said : why.text);
}

static bool prove(struct upgrade *u, struct arena *a, struct proof *ret, struct err *e)
{
    struct pg *c CLEANUP(pg_cleanup) = NULL;
    if (!u->has_login)
        return no_login(u, e);
    if (!side_open(u, SIDE_BLUE, NULL, true, &c, e) ||
        !pg_setting(c, a, "default_transaction_read_only", &ret->read_only, e) ||
        !pg_setting(c, a, "server_version", &ret->version, e))
        return err_wrap(e, "try a write on %s", u->request.cluster);
    ret->database = arena_strdup(a, pg_database(c));
    return pg_probe_writable(c, e) ||
           (e->code == ERR_CONFLICT ? not_writable(u, ret, e) : err_wrap(e, "try a write"));
}

/* An apply that lives is at work there: it has the lease. */
static bool take_back(struct upgrade *u, struct err *e)
{
    struct lease *lease CLEANUP(lease_cleanup) = lease_new(u);
    return lease_hold(lease, e) && switch_take_back(u, e) && fence_lift(u, e);
}

static bool lift(struct upgrade *u, bool *ret_was_fenced, struct err *e)
{
    bool is_down = true;
    if (u->strategy != &strategy_logical || !u->has_login)
        return true;
    if (!u->world.names_move && !fence_lifted(u, &is_down, e))
        return err_wrap(e, "look for a fence");
    *ret_was_fenced = !is_down || u->world.names_move;
    return !*ret_was_fenced || take_back(u, e);
}

static bool look_and_prove(struct invocation *i, struct operation *o, struct proof *ret, struct err *e)
{
    enum flow_stage reached = STAGE_NONE;
    if (!status_look(o, &reached, e) || !refuse_switching(&o->upgrade, e))
        return false;
    if (!o->upgrade.world.production)
        return upgrade_fail(e, E_CLUSTER_ABSENT, "nothing bears the name %s at the moment", i->cluster);
    return lift(&o->upgrade, &ret->was_fenced, e) && prove(&o->upgrade, i->arena, ret, e);
}

static enum command_status tell(struct invocation *i, const struct proof *p)
{
    struct value *v = value_object(i->arena);
    value_set(i->arena, v, "cluster_identifier", value_string(i->arena, i->cluster));
    value_set(i->arena, v, "region", value_string(i->arena, i->place));
    value_set(i->arena, v, "writable", &value_true);
    value_set(i->arena, v, "fence", p->was_fenced ? value_string(i->arena, "lifted") : &value_null);
    value_set(i->arena, v, "default_transaction_read_only", value_string(i->arena, p->read_only));
    value_set(i->arena, v, "server_version", value_string(i->arena, p->version));
    value_set(i->arena, v, "database", value_string(i->arena, p->database));
    return command_answer(i, v,
                          arena_printf(i->arena,
                                       "%s takes writes on %s (tried in database %s, rolled back).\n"
                                       "%s\n",
                                       i->cluster, p->version, p->database,
                                       p->was_fenced
                                           ? "A fence of an upgrade stood there, and was lifted; apply "
                                             "again to go on."
                                           : "There is no fence of ours; nothing was changed."),
                          COMMAND_DONE);
}

enum command_status command_unfence(struct invocation *i)
{
    struct operation o;
    struct proof p = {.read_only = ""};
    struct err e = ERR_INIT;
    if (!command_open(i, &e))
        return command_fail(i, &e);
    if (!operation_start(&o, &kind_blue_green, &i->call, command_attrs(i), &value_null))
        return COMMAND_FAILED;
    bool ok = look_and_prove(i, &o, &p, &e);
    if (!ok)
        world_state(&o.upgrade, &e);
    operation_done(&o);
    return ok ? tell(i, &p) : command_fail(i, &e);
}
