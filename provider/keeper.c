/* keeper.c — which of Terraform's objects looks after a run.
 *
 * An object that a replacement put aside ("deposed", create_before_destroy) and one in a second state look
 * like the object that took the run over from them, in every attribute. Terraform destroys a deposed object
 * with no word that it is one, and that must not remove what its successor looks after. So every object has a
 * name of its own in its private data, drawn at its create, and each apply that gets through writes that name
 * on the run.
 */
#include "internal/base/file.h"
#include "internal/upgrade/tags.h"
#include "provider/upgrade_resource.h"

#include <string.h>

enum { NAME_LETTERS = 16 };

const char *keeper_noted(struct tf_call *c)
{
    struct plan_note note = {0};
    return plan_note_read(c, c->arena, &note) ? note.keeper : NULL;
}

static const char *of_run(const struct world *w)
{
    return w->facts ? rds_tag_value(w->facts, TAG_KEEPER) : NULL;
}

static void note(struct operation *o, const char *name)
{
    struct plan_note n = {.cluster = o->upgrade.request.cluster, .region = operation_region(o)};
    (void)plan_note_read(o->call, o->call->arena, &n);
    n.keeper = name;
    plan_note_write(o->call, &n);
}

static bool write_down(struct upgrade *u, const char *name, struct err *e)
{
    const char *arn = run_object(u);
    const struct rds_tag tag = {TAG_KEEPER, name};
    return !arn || rds_tag_add(&u->aws, arn, (struct rds_tags){&tag, 1}, e) ||
           err_wrap(e, "write down who looks after the upgrade of %s", u->request.cluster);
}

bool keeper_take(struct operation *o, bool is_new, struct err *e)
{
    struct arena *a = o->call->arena;
    const char *own = is_new ? NULL : keeper_noted(o->call), *present = of_run(&o->upgrade.world);
    if (!own) {
        char *drawn = arena_alloc(a, NAME_LETTERS + 1);
        random_name(drawn, NAME_LETTERS);
        own = drawn;
    }
    if ((!present || strcmp(present, own) != 0) && !write_down(&o->upgrade, own, e))
        return false;
    note(o, own);
    return true;
}

void keeper_share(struct operation *o)
{
    const char *name = of_run(&o->upgrade.world);
    if (name)
        note(o, arena_strdup(o->call->arena, name));
}

bool keeper_is_another(struct operation *o)
{
    const char *own = keeper_noted(o->call), *present = of_run(&o->upgrade.world);
    if (!own || !present || strcmp(own, present) == 0)
        return false;
    tf_warn(o->call, NULL, "The upgrade stays",
            "Another object of Terraform's took the upgrade of %s over after this one (a replacement, or "
            "another state). Nothing is "
            "removed with this one; if the other no longer exists, `terraform-provider-aurora cleanup %s` "
            "removes what is left.",
            o->upgrade.request.cluster, o->upgrade.request.cluster);
    return true;
}
