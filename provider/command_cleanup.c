/* cleanup — finds what a failed or forgotten upgrade has left, and removes it with --yes: by walking the same
 * table as `rolled_back` does, then the parameter groups nobody uses. Never a deployment made elsewhere, and
 * after the switch nothing but such groups and a roll-back in place that has moved no name. */
#include "provider/command.h"
#include "provider/flow_upgrades.h"
#include "provider/leftovers.h"

#include "internal/flow/journal.h"
#include "internal/upgrade/lease.h"
#include "internal/upgrade/record.h"

#include <stdio.h>
#include <string.h>

enum { TEXT_MAX = 1 << 20 };

struct cleanup {
    struct invocation *i;
    struct operation *o;
    struct journal *journal;
};

/* ---- removing ---- */

static bool walk(struct cleanup *c, const struct flow *flow, int major, struct err *e)
{
    struct upgrade *u = &c->o->upgrade;
    u->request.target = (struct version){major, -1};
    u->source_major = u->world.version.major;
    return command_walk(c->i, u, flow, STAGE_ROLLED_BACK, c->journal, e);
}

/* Only the looks of its own kind see a clone. */
static bool walk_as(struct cleanup *c, const struct strategy *kind, const struct flow *flow, struct err *e)
{
    struct upgrade *u = &c->o->upgrade;
    const struct strategy *own = u->strategy;
    u->strategy = kind;
    bool ok = world_look(u, e);
    if (ok)
        record_adopt(u);
    ok = ok && walk(c, flow, u->request.target.major, e);
    u->strategy = own;
    return ok;
}

static bool remove_groups(struct cleanup *c, const struct leftovers *l, struct err *e)
{
    struct upgrade *u = &c->o->upgrade;
    struct lease *lease CLEANUP(lease_cleanup) = lease_new(u);
    for (size_t n = 0; n < l->count; n++) {
        const struct leftover *item = &l->items[n];
        if (item->fate != FATE_REMOVE || !item->by_itself)
            continue;
        if (!lease_hold(lease, e))
            return false;
        journal_event(c->journal, item->kind, "intent", item->name);
        if (!rds_group_delete(&u->aws, item->is_cluster_group, item->name, e))
            return err_wrap(e, "delete %s %s", item->kind, item->name);
        journal_event(c->journal, item->kind, "done", item->name);
    }
    return true;
}

static bool find(struct cleanup *c, struct leftovers *ret, struct err *e)
{
    *ret = (struct leftovers){.o = c->o, .arena = c->i->arena};
    return leftovers_find(ret, e);
}

/* A clone first, which uses groups; then the way back: it takes the groups of its own run with it. */
static bool remove_all(struct cleanup *c, const struct leftovers *found, struct err *e)
{
    struct leftovers rest;
    c->journal = command_journal(c->i);
    const struct upgrade_kind *kind = c->o->kind;
    if ((found->has_rehearsal && !walk_as(c, &strategy_in_place, &flow_in_place_sweep, e)) ||
        (found->has_stray && !walk_as(c, &strategy_in_place, &flow_in_place_stray, e)) ||
        (found->has_logical && !walk_as(c, &strategy_logical, &flow_logical_back, e)) ||
        (found->gives_up && !walk(c, kind->give_up, c->o->upgrade.request.target.major, e)))
        return false;
    for (size_t n = 0; n < found->major_count; n++)
        if (!walk(c, kind->back, found->majors[n], e))
            return false;
    return found->major_count == 0 && !found->gives_up && !found->has_logical
               ? remove_groups(c, found, e)
               : find(c, &rest, e) && remove_groups(c, &rest, e);
}

/* ---- telling ---- */

static bool is_in(const struct leftovers *l, const struct leftover *item)
{
    for (size_t n = 0; n < l->count; n++)
        if (strcmp(l->items[n].kind, item->kind) == 0 && strcmp(l->items[n].name, item->name) == 0)
            return true;
    return false;
}

static const struct value *as_json(struct invocation *i, const struct leftovers *before,
                                   const struct leftovers *after)
{
    struct arena *a = i->arena;
    struct value *v = value_object(a), *list = value_list(a);
    for (size_t n = 0; n < before->count; n++) {
        const struct leftover *item = &before->items[n];
        struct value *o = value_object(a);
        value_set(a, o, "kind", value_string(a, item->kind));
        value_set(a, o, "name", value_string(a, item->name));
        value_set(a, o, "status", *item->status ? value_string(a, item->status) : &value_null);
        value_set(a, o, "action", value_string(a, fate_name(item->fate)));
        value_set(a, o, "reason", value_string(a, item->reason));
        value_set(a, o, "removed", value_bool(after && !is_in(after, item)));
        value_append(a, list, o);
    }
    value_set(a, v, "cluster_identifier", value_string(a, i->cluster));
    value_set(a, v, "region", value_string(a, i->place));
    value_set(a, v, "found", list);
    return v;
}

static const char *as_text(struct invocation *i, const struct leftovers *before,
                           const struct leftovers *after)
{
    CLEANUP(buf_done) struct buf b = BUF_INIT(TEXT_MAX);
    bool any = false;
    for (size_t n = 0; n < before->count; n++) {
        const struct leftover *item = &before->items[n];
        bool gone = after && !is_in(after, item);
        any = any || item->fate == FATE_REMOVE;
        (void)buf_printf(&b, "%-8s %s %s%s%s%s: %s\n", gone ? "removed" : fate_name(item->fate), item->kind,
                         item->name, *item->status ? " (" : "", item->status, *item->status ? ")" : "",
                         item->reason);
    }
    if (before->count == 0)
        (void)buf_printf(&b, "Nothing of an upgrade of %s is left.\n", i->cluster);
    else if (any && !after)
        (void)buf_puts(&b, "Nothing was removed: repeat with --yes.\n");
    return arena_strdup(i->arena, buf_text(&b));
}

static enum command_status verdict(const struct leftovers *left)
{
    for (size_t n = 0; n < left->count; n++)
        if (left->items[n].fate != FATE_KEEP)
            return COMMAND_FINDINGS;
    return COMMAND_DONE;
}

/* ---- the verb ---- */

/* A cluster that is gone is AUR0101 only while nothing of it was there to remove. */
static bool find_rest(struct cleanup *c, struct leftovers *ret, struct err *e)
{
    return find(c, ret, e) || (ret->is_absent && ret->count == 0);
}

static enum command_status clean(struct cleanup *c)
{
    struct invocation *i = c->i;
    struct leftovers before, after;
    struct err e = ERR_INIT;
    if (!find(c, &before, &e))
        return command_fail(i, &e);
    if (!i->yes)
        return command_answer(i, as_json(i, &before, NULL), as_text(i, &before, NULL), verdict(&before));
    if (!remove_all(c, &before, &e) || !find_rest(c, &after, &e))
        return command_fail(i, &e);
    return command_answer(i, as_json(i, &before, &after), as_text(i, &before, &after), verdict(&after));
}

enum command_status command_cleanup(struct invocation *i)
{
    struct operation o;
    struct err e = ERR_INIT;
    if (!command_open(i, &e))
        return command_fail(i, &e);
    if (!operation_start(&o, &kind_blue_green, &i->call, command_attrs(i), &value_null))
        return COMMAND_FAILED;
    struct cleanup c = {.i = i, .o = &o};
    enum command_status status = clean(&c);
    command_journal_end(i, c.journal);
    operation_done(&o);
    return status;
}
