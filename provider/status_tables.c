/* What a logical upgrade does not follow, for the status. */
#include "internal/upgrade/tables.h"
#include "provider/upgrade_status.h"

enum { NAMED_MAX = 1000 };

struct names {
    struct arena *arena;
    struct value *list;
};

static void note(void *arg, const char *database, const char *table)
{
    struct names *n = arg;
    if (n->list->count < NAMED_MAX)
        value_append(n->arena, n->list,
                     value_string(n->arena, arena_printf(n->arena, "%s: %s", database, table)));
}

bool status_not_followed(struct operation *o, struct arena *a, const struct value **ret, struct err *e)
{
    struct upgrade *u = &o->upgrade;
    struct names n = {a, value_list(a)};
    *ret = &value_null;
    if (o->kind != &kind_logical || !u->has_login || !u->world.production || !u->world.green)
        return true;
    if (!tables_not_followed(u, note, &n, e))
        return err_wrap(e, "the publications cannot be looked at");
    *ret = n.list;
    return true;
}
