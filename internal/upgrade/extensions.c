/* Extensions that are behind what the new version brings: neither an upgrade in place nor a blue/green
 * deployment touches them (AWS guide "Upgrading PostgreSQL extensions"; a row of the flows does). What may
 * not be updated by the login's role stays and is told: it works as it did before. */
#include "internal/pg/catalog.h"
#include "internal/upgrade/logical.h"

#include <string.h>

enum { EXTENSIONS_SHOWN = 20 };

struct texts {
    const char **lines;
    size_t n, cap;
};

/* Versions are whatever an extension's author writes; numbers in them are compared as such. */
static bool is_behind(const struct pg_extension *x)
{
    return x->available && x->available[0] && strverscmp(x->installed, x->available) < 0;
}

static bool add_behind(struct upgrade *u, struct pg *c, const char *database, void *arg, struct err *e)
{
    struct texts *t = arg;
    const struct pg_extension *list = NULL;
    size_t n = 0;
    if (!pg_extensions(c, u->look, &list, &n, e))
        return false;
    for (size_t i = 0; i < n; i++)
        if (is_behind(&list[i]))
            ARR_PUSH(u->look, t->lines, t->n, t->cap,
                     arena_printf(u->look, "%s %s (%s, not %s)", database, list[i].name, list[i].installed,
                                  list[i].available));
    return true;
}

static bool none_behind(struct upgrade *u, enum side side, bool looks, bool *ret, struct err *e)
{
    struct texts behind = {0};
    if (looks && !side_each_database(u, side, false, add_behind, &behind, e))
        return false;
    *ret = behind.n == 0;
    return true;
}

bool new_extensions_done(struct upgrade *u, bool *ret, struct err *e)
{
    return world_need(u, e) && none_behind(u, SIDE_BLUE, !u->is_verified && !u->extensions_told, ret, e);
}

bool clone_extensions_done(struct upgrade *u, bool *ret, struct err *e)
{
    return world_need(u, e) && none_behind(u, SIDE_GREEN, u->world.green && !u->extensions_told, ret, e);
}

/* The server's own answer; anything else is no answer at all. */
static bool is_refusal(const struct err *why)
{
    return why->remote_code[0] != '\0' && why->code != ERR_CANCELLED && why->code != ERR_UNAVAILABLE;
}

static bool update_all(struct upgrade *u, struct pg *c, const char *database, void *arg, struct err *e)
{
    struct texts *refused = arg;
    const struct pg_extension *list = NULL;
    size_t n = 0;
    if (!pg_extensions(c, u->look, &list, &n, e))
        return false;
    for (size_t i = 0; i < n; i++) {
        struct err why = ERR_INIT;
        if (!is_behind(&list[i]) || pg_extension_update(c, list[i].name, &why))
            continue;
        if (!is_refusal(&why)) {
            if (e)
                *e = why;
            return err_wrap(e, "update extension %s", list[i].name);
        }
        ARR_PUSH(
            u->look, refused->lines, refused->n, refused->cap,
            arena_printf(u->look, "%s in %s: %s", list[i].name, database, why.said[0] ? why.said : why.text));
    }
    return true;
}

static bool update_behind(struct upgrade *u, enum side side, struct err *e)
{
    struct texts refused = {0}, behind = {0};
    if (!side_each_database(u, side, true, update_all, &refused, e) ||
        !side_each_database(u, side, false, add_behind, &behind, e))
        return false;
    u->extensions_told = true;
    if (behind.n > 0)
        u->warn(u->warn_arg, "Extensions are behind the new version",
                arena_printf(
                    u->look,
                    "Still at their old versions, and working as before: %s. PostgreSQL says: %s. Update "
                    "them as their owner, or as a member of rds_superuser: ALTER EXTENSION … UPDATE.",
                    join_lines(u->look, behind.lines, behind.n, EXTENSIONS_SHOWN),
                    refused.n ? join_lines(u->look, refused.lines, refused.n, EXTENSIONS_SHOWN) : "nothing"));
    return true;
}

bool new_extensions_run(struct upgrade *u, struct err *e)
{
    return update_behind(u, SIDE_BLUE, e);
}

bool clone_extensions_run(struct upgrade *u, struct err *e)
{
    return update_behind(u, SIDE_GREEN, e);
}
