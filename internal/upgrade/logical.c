/* The run of a logical upgrade: found by its clone, which says whose it is. */
#include "internal/pg/logical.h"
#include "internal/pg/catalog.h"
#include "internal/pg/replica.h"
#include "internal/upgrade/changed.h"
#include "internal/upgrade/errors.h"
#include "internal/upgrade/logical_switch.h"
#include "internal/upgrade/tags.h"

#include <string.h>
#include <strings.h>

const char *clone_name(struct arena *a, const char *name)
{
    return suffixed(a, name, "-next");
}

/* ---- the look ---- */

static bool has_tag(const struct rds_cluster *k, const char *key, const char *value)
{
    const char *found = rds_tag_value(&k->tags, key);
    return found && strcasecmp(found, value) == 0;
}

/* A clone of a cluster that bore the name before is not of this production: its data is another's. */
static bool is_our_clone(const struct upgrade *u, const struct world *w, const struct rds_cluster *k)
{
    return has_tag(k, TAG_CLUSTER, u->request.cluster) && has_tag(k, TAG_RESOURCE, TAG_RESOURCE_LOGICAL) &&
           (!w->production || has_tag(k, TAG_CLONE_OF, w->production->resource_id));
}

static bool is_stable(const struct upgrade *u, const struct rds_tags *t)
{
    int64_t since = tag_time(t, TAG_VALIDATED_AT);
    return since > 0 && (u->request.minimum_stable_ms == 0 ||
                         u->clock->wall_ms(u->clock) - since >= u->request.minimum_stable_ms);
}

static enum flow_stage reached(const struct upgrade *u, const struct world *w)
{
    if (w->green && rds_tag_value(w->facts, TAG_FOLLOWS_SINCE))
        return is_stable(u, w->facts) ? STAGE_VALIDATED : STAGE_PREPARED;
    if (w->green)
        return STAGE_NONE;
    return w->production && w->version.major >= u->request.target.major ? STAGE_COMPLETED : STAGE_NONE;
}

static struct version target_of(const struct rds_tags *t)
{
    struct version v = {0};
    const char *noted = rds_tag_value(t, TAG_TARGET_VERSION);
    return noted && version_parse(noted, &v) ? v : (struct version){0};
}

static bool look_logical(struct upgrade *u, struct world *w, struct err *e)
{
    const struct rds_cluster *k = NULL;
    if (!rds_cluster_find(&u->aws, clone_name(u->look, u->request.cluster), &k, e))
        return err_wrap(e, "look for the clone of %s", u->request.cluster);
    if (k && is_our_clone(u, w, k)) {
        w->is_deleting = strcmp(k->status, "deleting") == 0;
        w->green = k;
        w->facts = &k->tags;
        w->is_ours = true;
        w->run_target = target_of(&k->tags);
        if (!rds_instance_list(&u->aws, k->identifier, &w->green_instances, &w->green_instance_count, e))
            return err_wrap(e, "read the instances of %s", k->identifier);
    }
    if (!switch_look(u, w, e))
        return false;
    if (w->names_move || w->old || w->aside)
        w->run_target = target_of(w->facts);
    else
        w->reached = reached(u, w);
    return true;
}

const struct strategy strategy_logical = {.resource = TAG_RESOURCE_LOGICAL,
                                          .look = look_logical,
                                          .purpose = PG_FOR_LOGICAL,
                                          .no_way_back = E_NO_WAY_BACK,
                                          .replicates = true,
                                          .managed_secret = true,
                                          .shows_stages = true,
                                          .reads_rows = true,
                                          .needs_login = true,
                                          .slot_prefix = LOGICAL_SLOT_PREFIX,
                                          .follow_changes = changed_begin,
                                          .forget_changes = changed_end,
                                          .new_side = "the clone",
                                          .hook_places = hooks_of_clone};

lsn_t noted_position(const struct world *w)
{
    lsn_t at = 0;
    const char *text = w->facts ? rds_tag_value(w->facts, TAG_RESTORE_LSN) : NULL;
    return text && lsn_parse(text, &at) ? at : 0;
}

/* ---- checks of its own ---- */

bool login_check(struct upgrade *u, bool *ret, struct err *e)
{
    *ret = u->has_login;
    return *ret || upgrade_fail(e, E_LOGIN_NEEDED, "a logical upgrade of %s needs a login for its databases",
                                u->request.cluster);
}

bool start_position_check(struct upgrade *u, bool *ret, struct err *e)
{
    struct pg *c CLEANUP(pg_cleanup) = NULL;
    if (!world_need(u, e) || !side_open(u, SIDE_BLUE, NULL, false, &c, e) ||
        !pg_volume_start_exists(c, ret, e))
        return false;
    return *ret || upgrade_fail(e, E_NO_POSITION, "%s on %s cannot tell the position of a clone",
                                u->request.cluster, u->world.production->engine_version);
}

/* ---- the slot of a database ---- */

bool slot_name(struct upgrade *u, struct pg *source, const char **ret, struct err *e)
{
    int64_t oid = 0;
    if (!pg_database_oid(source, &oid, e))
        return false;
    *ret = arena_printf(u->look, "%s%lld", LOGICAL_SLOT_PREFIX, (long long)oid);
    return true;
}

bool slot_look(struct upgrade *u, struct pg *source, const struct pg_slot **ret, struct err *e)
{
    const struct pg_slot *slots = NULL;
    const char *name = NULL;
    size_t n = 0;
    if (!slot_name(u, source, &name, e) || !pg_slots(source, u->look, name, &slots, &n, e))
        return false;
    *ret = NULL;
    for (size_t i = 0; i < n; i++)
        if (strcmp(slots[i].name, name) == 0)
            *ret = &slots[i];
    return true;
}

bool slot_start(struct upgrade *u, struct pg *source, lsn_t *ret, struct err *e)
{
    const char *text = "";
    lsn_t at = 0;
    if (!pg_fact_read(source, u->look, "slot_lsn", &text, e))
        return false;
    *ret = lsn_parse(text, &at) ? at : 0;
    return true;
}

const char *marker_behind(struct arena *a, lsn_t slot_start)
{
    char text[LSN_SIZE];
    return arena_printf(a, "behind-slot-%s", lsn_print(slot_start, text));
}
