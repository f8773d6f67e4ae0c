/* resume — names that an apply which was cut short has left between two clusters get to their end, from tags
 * alone: without its configuration, its state, its machine. It is the part of a flow's table in which names
 * move, and no more: what only the configuration knows is left to the next apply. */
#include "provider/command.h"
#include "provider/flow_upgrades.h"
#include "provider/upgrade_status.h"

#include "internal/flow/journal.h"
#include "internal/upgrade/in_place.h"
#include "internal/upgrade/logical.h"
#include "internal/upgrade/record.h"

#include <string.h>

/* From the row behind the point of no return to the last that gives a name or protects one. */
const struct names_part names_parts[] = {
    {&strategy_logical, true, &flow_logical, "check-endpoint", "new-available"},
    {&strategy_logical, false, &flow_logical_return, "opened", "record-return-in-sync"},
    {&strategy_in_place, false, &flow_in_place_restore, "endpoints-leave", "aside-protected"},
    {NULL, false, NULL, NULL, NULL},
};

struct flow names_rows(const struct names_part *p)
{
    struct flow rows = {.name = "resume", .steps = p->flow->steps};
    const struct step *end = p->flow->steps + p->flow->count;
    while (rows.steps < end && strcmp(rows.steps->name, p->first) != 0)
        rows.steps++;
    while (rows.steps + rows.count < end && strcmp(rows.steps[rows.count].name, p->last) != 0)
        rows.count++;
    rows.count += rows.steps + rows.count < end;
    return rows;
}

static const struct names_part *part_of(const struct upgrade *u)
{
    const struct names_part *p = names_parts;
    bool waits = record_waits(u), is_switching = u->world.is_switching || waits;
    while (p->kind && (p->kind != u->strategy || p->is_switching != is_switching))
        p++;
    return (u->world.names_move || waits) && p->kind ? p : NULL;
}

static bool go_on(struct invocation *i, struct upgrade *u, const struct names_part *p, struct err *e)
{
    const struct flow rows = names_rows(p);
    u->request.keeps_names = u->world.names_stay;
    record_adopt(u);
    struct journal *journal = command_journal(i);
    bool ok = command_walk(i, u, &rows, p->is_switching ? STAGE_SWITCHED : STAGE_ROLLED_BACK, journal, e);
    command_journal_end(i, journal);
    return ok;
}

static enum command_status tell(struct invocation *i, const struct upgrade *u, const struct names_part *p)
{
    const struct rds_cluster *k = u->world.production;
    const char *version = k ? k->engine_version : "", *endpoint = k ? k->endpoint : "";
    const char *stage = p ? stage_name(p->is_switching ? STAGE_SWITCHED : STAGE_ROLLED_BACK) : NULL;
    struct value *v = value_object(i->arena);
    value_set(i->arena, v, "cluster_identifier", value_string(i->arena, i->cluster));
    value_set(i->arena, v, "region", value_string(i->arena, i->place));
    value_set(i->arena, v, "resumed", p ? value_string(i->arena, stage) : &value_null);
    value_set(i->arena, v, "engine_version", value_string(i->arena, version));
    value_set(i->arena, v, "endpoint", value_string(i->arena, endpoint));
    const char *text = p ? arena_printf(i->arena,
                                        "Every name of %s is where it belongs: it is on %s, %s.\n"
                                        "Apply with stage = \"%s\" to do the rest of the upgrade.\n",
                                        i->cluster, version, endpoint, stage)
                         : arena_printf(i->arena,
                                        "No name of %s is between two clusters: it is on %s. Nothing was "
                                        "changed.\n",
                                        i->cluster, version);
    return command_answer(i, v, text, COMMAND_DONE);
}

enum command_status command_resume(struct invocation *i)
{
    struct operation o;
    struct err e = ERR_INIT;
    enum flow_stage reached = STAGE_NONE;
    if (!command_open(i, &e))
        return command_fail(i, &e);
    if (!operation_start(&o, &kind_blue_green, &i->call, command_attrs(i), &value_null))
        return COMMAND_FAILED;
    struct upgrade *u = &o.upgrade;
    bool ok = status_look(&o, &reached, &e);
    const struct names_part *p = ok ? part_of(u) : NULL;
    if (p)
        ok = go_on(i, u, p, &e) && world_look(u, &e);
    enum command_status status = ok ? tell(i, u, p) : command_fail(i, &e);
    operation_done(&o);
    return status;
}
