/* The object that stands for a run, and what is written on it. */
#include "internal/upgrade/blue_green.h"
#include "internal/upgrade/tags.h"

#include <string.h>

bool world_has_run(const struct world *w)
{
    return w->deployment || w->old || w->snapshot || w->restored || w->green;
}

const char *run_object(const struct upgrade *u)
{
    const struct world *w = &u->world;
    struct arn p;
    if (w->deployment && w->production && arn_parse(w->production->arn, &p))
        return arena_printf(u->look, "arn:%s:rds:%s:%s:deployment:%s", p.partition, p.region, p.account,
                            w->deployment->identifier);
    if (w->green && w->facts == &w->green->tags)
        return w->green->arn;
    if (w->names_stay && (w->aside || w->production))
        return w->aside ? w->aside->arn : w->production->arn;
    if (w->snapshot)
        return w->snapshot->arn;
    if (w->rehearsal && strcmp(w->rehearsal->status, "deleting") != 0)
        return w->rehearsal->arn;
    if (w->names_move && u->strategy->slot_prefix)
        return w->aside && w->facts == &w->aside->tags ? w->aside->arn : w->restored->arn;
    return w->old && rds_tag_value(&w->old->tags, TAG_OLD_OF) ? w->old->arn : NULL;
}

bool tag_run(struct upgrade *u, const char *key, const char *value, struct err *e)
{
    const struct rds_tag tag = {key, value};
    const char *arn = run_object(u);
    if (!arn)
        return err_set(e, ERR_NOT_FOUND, "nothing stands for the run to write %s on", key);
    return rds_tag_add(&u->aws, arn, (struct rds_tags){&tag, 1}, e) ||
           err_wrap(e, "write %s on %s", key, arn);
}

const char *run_found(const struct upgrade *u)
{
    const struct world *w = &u->world;
    if (w->rehearsal)
        return arena_printf(
            u->look, "cluster %s (%s), the clone of a rehearsal. Apply again to go on, or to remove it.",
            w->rehearsal->identifier, w->rehearsal->status);
    if (!world_has_run(w))
        return NULL;
    if (w->names_move)
        return arena_printf(u->look, "names of %s that move. Apply again to go on.", u->request.cluster);
    if (w->green && !w->deployment)
        return arena_printf(u->look,
                            "clone %s (%s). Apply again to go on; stage = \"rolled_back\" removes it.",
                            w->green->identifier, w->green->status);
    if (w->snapshot)
        return arena_printf(u->look, "snapshot %s (%s). Apply again to go on.", w->snapshot->identifier,
                            w->snapshot->status);
    if (w->old && u->strategy->slot_prefix)
        return arena_printf(u->look, "old side %s. Apply again to go on.", w->old->identifier);
    return arena_printf(u->look,
                        "deployment %s (%s). Apply again to go on; stage = \"rolled_back\" removes it while "
                        "production is not switched.",
                        w->deployment ? w->deployment->name : "removed",
                        w->deployment ? w->deployment->status : "the old side is being removed");
}
