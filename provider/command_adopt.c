/* adopt — HCL and import blocks for what an upgrade has made and what stays, so that it can be taken into the
 * user's own configuration: the upgrade itself, the new side's parameter groups, the values it changes. */
#include "provider/command.h"
#include "provider/hcl.h"
#include "provider/upgrade_status.h"

#include <string.h>

enum { HCL_MAX_BYTES = 4 << 20, NAMES_MAX = 64 };

struct adoption {
    struct invocation *i;
    struct operation *o;
    struct buf out;
    struct value *imports;
    const char *names[NAMES_MAX]; /* addresses in use */
    size_t name_count;
    enum flow_stage reached;
};

#define QUOTED(x, text) hcl_quoted((x)->i->arena, text)

/* Two groups whose names differ in punctuation only are two resources all the same. */
static const char *new_name(struct adoption *x, const char *type, const char *text)
{
    struct arena *a = x->i->arena;
    const char *base = hcl_name(a, text), *name = base;
    for (int copy = 2;; copy++) {
        const char *address = arena_printf(a, "%s.%s", type, name);
        bool taken = false;
        for (size_t n = 0; n < x->name_count; n++)
            taken = taken || strcmp(x->names[n], address) == 0;
        if (!taken) {
            if (x->name_count < NAMES_MAX)
                x->names[x->name_count++] = address;
            return name;
        }
        name = arena_printf(a, "%s_%d", base, copy);
    }
}

static void import_block(struct adoption *x, const char *type, const char *name, const char *id)
{
    struct arena *a = x->i->arena;
    const char *to = arena_printf(a, "%s.%s", type, name);
    struct value *v = value_object(a);
    value_set(a, v, "id", value_string(a, id));
    value_set(a, v, "to", value_string(a, to));
    value_append(a, x->imports, v);
    const struct hcl_arg args[] = {{"to", to}, {"id", QUOTED(x, id)}};
    (void)buf_puts(&x->out, "import {\n");
    hcl_args(&x->out, 2, args, ARRAY_LEN(args));
    (void)buf_printf(&x->out, "}\n\nresource \"%s\" \"%s\" {\n", type, name);
}

/* ---- the upgrade ---- */

/* A roll-back in place is gone on with; an upgrade that was not made yet is not made by taking it over:
 * `prepared` changes nothing of production. */
static const char *stage_of_run(const struct adoption *x)
{
    const struct world *w = &x->o->upgrade.world;
    if (w->restored)
        return stage_name(STAGE_ROLLED_BACK);
    return world_has_run(w) && x->reached == STAGE_NONE ? "prepared" : stage_name(x->reached);
}

static void adopt_upgrade(struct adoption *x)
{
    const char *type = x->o->kind->strategy->resource;
    const struct world *w = &x->o->upgrade.world;
    char target[VERSION_SIZE];
    const char *name = new_name(x, type, x->i->cluster);
    bool accepts = w->restored && w->snapshot;
    const struct hcl_arg args[] = {
        {"cluster_identifier", QUOTED(x, x->i->cluster)},
        {"target_engine_version", QUOTED(x, version_print(x->o->upgrade.request.target, target))},
        {"stage", QUOTED(x, stage_of_run(x))},
        {"accept_data_loss_since_snapshot", accepts ? QUOTED(x, w->snapshot->identifier) : ""},
    };
    (void)buf_puts(&x->out, "# The upgrade itself, at the stage that AWS shows.\n");
    import_block(x, type, name, arena_printf(x->i->arena, "%s@%s", x->i->cluster, x->i->place));
    hcl_args(&x->out, 2, args, ARRAY_LEN(args) - !accepts);
    (void)buf_puts(&x->out, "}\n");
}

/* ---- parameter groups ---- */

static void parameters(struct adoption *x, const struct rds_param *params, size_t n)
{
    for (size_t p = 0; p < n; p++) {
        bool later = strcmp(params[p].apply_method, "pending-reboot") == 0;
        const struct hcl_arg args[] = {{"name", QUOTED(x, params[p].name)},
                                       {"value", QUOTED(x, params[p].value)},
                                       {"apply_method", later ? "\"pending-reboot\"" : "\"immediate\""}};
        if (!params[p].has_value)
            continue;
        (void)buf_puts(&x->out, "\n  parameter {\n");
        hcl_args(&x->out, 4, args, ARRAY_LEN(args));
        (void)buf_puts(&x->out, "  }\n");
    }
}

static void tags(struct adoption *x, const struct rds_tags *t)
{
    struct arena *a = x->i->arena;
    struct hcl_arg *args = ARENA_ARRAY(a, struct hcl_arg, t->count + 1);
    size_t n = 0;
    for (size_t i = 0; i < t->count; i++)
        if (strncmp(t->tags[i].key, "aws:", 4) != 0)
            args[n++] = (struct hcl_arg){QUOTED(x, t->tags[i].key), QUOTED(x, t->tags[i].value)};
    if (n == 0)
        return;
    (void)buf_puts(&x->out, "\n  tags = {\n");
    hcl_args(&x->out, 4, args, n);
    (void)buf_puts(&x->out, "  }\n");
}

static bool adopt_group(struct adoption *x, bool is_cluster, const char *group, struct err *e)
{
    const char *type = is_cluster ? "aws_rds_cluster_parameter_group" : "aws_db_parameter_group";
    const struct aws_session *s = &x->o->upgrade.aws;
    const struct rds_group *g = NULL;
    const struct rds_param *params = NULL;
    struct rds_tags t = {0};
    size_t n = 0;
    if (!rds_group_find(s, is_cluster, group, &g, e))
        return false;
    if (!g)
        return true;
    if (!rds_tag_list(s, g->arn, &t, e) || !rds_group_params(s, is_cluster, group, "user", &params, &n, e))
        return err_wrap(e, "read parameter group %s", group);
    const struct hcl_arg args[] = {{"name", QUOTED(x, g->name)},
                                   {"family", QUOTED(x, g->family)},
                                   {"description", QUOTED(x, g->description)}};
    (void)buf_printf(&x->out, "\n# Made for the new side, which goes on using it.\n");
    import_block(x, type, new_name(x, type, group), group);
    hcl_args(&x->out, 2, args, ARRAY_LEN(args));
    parameters(x, params, n);
    tags(x, &t);
    (void)buf_puts(&x->out, "}\n");
    return true;
}

static bool adopt_if_ours(struct adoption *x, bool is_cluster, const char *group, int major, struct err *e)
{
    struct group_owner owner = {0};
    if (!group_owner(&x->o->upgrade, is_cluster, group, &owner, e))
        return false;
    /* A completed copy for the old side is given back or goes with it. */
    return !owner.is_ours || owner.target != major || adopt_group(x, is_cluster, group, e);
}

struct production {
    const struct rds_cluster *cluster; /* NULL: it has nothing of the upgrade's */
    const struct rds_instance *const *list;
    size_t n;
    int major;
};

/* What production is from the upgrade on, or will be. */
static struct production upgraded(const struct adoption *x)
{
    const struct world *w = &x->o->upgrade.world;
    int target = x->o->upgrade.request.target.major;
    if (w->restored)
        return (struct production){0};
    if (w->green)
        return (struct production){w->green, w->green_instances, w->green_instance_count, target};
    return (struct production){x->reached >= STAGE_SWITCHED ? w->production : NULL, w->instances,
                               w->instance_count, w->version.major};
}

static bool adopt_groups(struct adoption *x, struct err *e)
{
    const struct production p = upgraded(x);
    if (!p.cluster)
        return true;
    if (!adopt_if_ours(x, true, p.cluster->parameter_group, p.major, e))
        return false;
    for (size_t i = 0; i < p.n; i++) {
        bool again = false;
        for (size_t j = 0; j < i; j++)
            again = again || strcmp(p.list[i]->parameter_group, p.list[j]->parameter_group) == 0;
        if (!again && !adopt_if_ours(x, false, p.list[i]->parameter_group, p.major, e))
            return false;
    }
    return true;
}

/* ---- the new cluster, where it keeps its own name ---- */

static void adopt_renamed(struct adoption *x, const char *type, const char *of, const char *name,
                          const char *argument)
{
    const struct hcl_arg args[] = {{argument, QUOTED(x, name)}};
    (void)buf_puts(&x->out, "\n");
    import_block(x, type, new_name(x, type, name), name);
    hcl_args(&x->out, 2, args, ARRAY_LEN(args));
    (void)buf_printf(&x->out, "  # and what your %s of %s has else\n}\n", type, of);
}

static void adopt_cluster(struct adoption *x)
{
    const struct world *w = &x->o->upgrade.world;
    const char *name = w->production->identifier;
    (void)buf_printf(&x->out,
                     "\n# Production since the switch. The next upgrade is one of cluster_identifier = %s.\n",
                     QUOTED(x, name));
    adopt_renamed(x, "aws_rds_cluster", x->i->cluster, name, "cluster_identifier");
    for (size_t i = 0; i < w->instance_count; i++)
        adopt_renamed(x, "aws_rds_cluster_instance", x->i->cluster, w->instances[i]->identifier,
                      "identifier");
}

/* ---- values ---- */

static void adopt_values(struct adoption *x)
{
    const struct world *w = &x->o->upgrade.world;
    const char *cluster = w->names_stay && !w->aside ? w->production->identifier : x->i->cluster;
    const char *name = hcl_name(x->i->arena, cluster);
    const char *live = arena_printf(x->i->arena, "data.aurora_cluster.%s", name);
    const struct hcl_arg one[] = {{"cluster_identifier", QUOTED(x, cluster)}};
    (void)buf_printf(&x->out,
                     "\n# What an upgrade changes about the cluster itself. Your aws_rds_cluster takes from "
                     "here:\n"
                     "#   engine_version                  = %s.engine_version\n"
                     "#   db_cluster_parameter_group_name = %s.db_cluster_parameter_group_name\n"
                     "# and each aws_rds_cluster_instance:\n"
                     "#   db_parameter_group_name = %s.db_parameter_group_name\n"
                     "data \"aurora_cluster\" \"%s\" {\n",
                     live, live, live, name);
    hcl_args(&x->out, 2, one, ARRAY_LEN(one));
    (void)buf_puts(&x->out, "}\n");
}

/* ---- the verb ---- */

static bool adopt(struct adoption *x, struct err *e)
{
    const struct world *w = &x->o->upgrade.world;
    if (!status_look(x->o, &x->reached, e))
        return false;
    if (!world_has_run(w) && x->reached == STAGE_NONE)
        return true;
    adopt_upgrade(x);
    if (!adopt_groups(x, e))
        return false;
    if (w->names_stay && !w->aside)
        adopt_cluster(x);
    adopt_values(x);
    return !x->out.overflow || err_set(e, ERR_UNAVAILABLE, "the answer is too large");
}

static enum command_status tell(struct adoption *x)
{
    struct invocation *i = x->i;
    struct value *v = value_object(i->arena);
    value_set(i->arena, v, "cluster_identifier", value_string(i->arena, i->cluster));
    value_set(i->arena, v, "region", value_string(i->arena, i->place));
    value_set(i->arena, v, "reached_stage", value_string(i->arena, stage_name(x->reached)));
    value_set(i->arena, v, "imports", x->imports);
    value_set(i->arena, v, "hcl", value_string(i->arena, buf_text(&x->out)));
    const char *nothing =
        arena_printf(i->arena, "# Nothing of an upgrade of ours was found for %s.\n", i->cluster);
    return command_answer(i, v, x->out.n ? buf_text(&x->out) : nothing, COMMAND_DONE);
}

enum command_status command_adopt(struct invocation *i)
{
    struct operation o;
    struct err e = ERR_INIT;
    if (!command_open(i, &e))
        return command_fail(i, &e);
    if (!operation_start(&o, &kind_blue_green, &i->call, command_attrs(i), &value_null))
        return COMMAND_FAILED;
    struct adoption x = {.i = i, .o = &o, .out = BUF_INIT(HCL_MAX_BYTES), .imports = value_list(i->arena)};
    bool ok = adopt(&x, &e);
    operation_done(&o);
    enum command_status status = ok ? tell(&x) : command_fail(i, &e);
    buf_done(&x.out);
    return status;
}
