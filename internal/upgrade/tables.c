#include "internal/upgrade/tables.h"
#include "internal/upgrade/errors.h"
#include "internal/upgrade/logical.h"

#include "internal/pg/identity.h"

#include <string.h>

enum { TABLES_TOLD = 40 };

static bool is_empty(const char *const *list)
{
    return !list || !*list;
}

bool chooses_tables(const struct upgrade *u)
{
    return !is_empty(u->request.tables) || !is_empty(u->request.tables_left_out);
}

bool sets_identities(const struct upgrade *u)
{
    return !is_empty(u->request.full_identity);
}

bool names_tables(const struct upgrade *u)
{
    return chooses_tables(u) || sets_identities(u);
}

struct pg_table_choice table_choice(const struct upgrade *u, const char *database)
{
    static const char *const nothing[] = {"", NULL};
    if (!run_has_database(u, database))
        return (struct pg_table_choice){.include = nothing, .exclude = NULL, .elsewhere = true};
    return (struct pg_table_choice){
        .include = u->request.tables, .exclude = u->request.tables_left_out, .elsewhere = true};
}

const char *table_choice_text(struct upgrade *u)
{
    const char *text = u->request.publishes_all ? "all" : "tables";
    for (const char *const *p = u->request.tables; p && *p; p++)
        text = arena_printf(u->look, "%s\n+%s", text, *p);
    for (const char *const *p = u->request.tables_left_out; p && *p; p++)
        text = arena_printf(u->look, "%s\n-%s", text, *p);
    return text;
}

bool tables_scope(struct upgrade *u, struct pg *c, const char *database, struct pg_scope *ret, struct err *e)
{
    const struct pg_table_choice choice = table_choice(u, database);
    const struct pg_keyless *keyless = NULL;
    struct pg_untaken untaken;
    const char *made_full = NULL;
    size_t n = 0;
    if (!pg_untaken(c, u->look, &choice, &untaken, e) ||
        !pg_keyless_tables(c, u->look, &choice, u->request.full_identity, &keyless, &n, &made_full, e))
        return false;
    *ret = (struct pg_scope){.untaken = untaken.oids, .made_full = made_full};
    return true;
}

static size_t length(const char *const *list)
{
    size_t n = 0;
    while (list && list[n])
        n++;
    return n;
}

bool tables_not_compared(struct upgrade *u, struct pg *blue, const char *database, const char *const **ret,
                         struct err *e)
{
    const struct pg_table_choice choice = table_choice(u, database);
    const char *const *excluded = u->request.exclude_tables;
    struct pg_untaken untaken;
    if (!pg_untaken(blue, u->look, &choice, &untaken, e))
        return false;
    size_t n = length(excluded), m = length(untaken.relations);
    const char **all = ARENA_ARRAY(u->look, const char *, n + m + 1);
    for (size_t i = 0; i < n; i++)
        all[i] = excluded[i];
    for (size_t i = 0; i < m; i++)
        all[n + i] = untaken.relations[i];
    all[n + m] = NULL;
    *ret = all;
    return true;
}

/* ---- check-tables ---- */

/* What the databases of the run say, one after the other. */
struct survey {
    bool *included, *left_out, *keyless; /* by entry: names a table somewhere */
    const char **lines, **references;
    size_t line_count, line_cap, reference_count, reference_cap, taken;
};

static bool survey_database(struct upgrade *u, struct pg *c, const char *database, void *arg, struct err *e)
{
    struct survey *s = arg;
    const struct pg_table_choice choice = table_choice(u, database);
    struct pg_untaken untaken;
    const char **taken = NULL;
    size_t n = 0;
    if (!pg_choice_seen(c, choice.include, s->included, e) ||
        !pg_choice_seen(c, choice.exclude, s->left_out, e) ||
        !pg_choice_seen(c, u->request.full_identity, s->keyless, e) ||
        !pg_publishable(c, u->look, &choice, &taken, &n, e) || !pg_untaken(c, u->look, &choice, &untaken, e))
        return false;
    s->taken += n;
    for (size_t i = 0; i < untaken.table_count; i++)
        ARR_PUSH(u->look, s->lines, s->line_count, s->line_cap,
                 arena_printf(u->look, "%s: %s", database, untaken.tables[i]));
    for (size_t i = 0; i < untaken.reference_count; i++)
        ARR_PUSH(u->look, s->references, s->reference_count, s->reference_cap,
                 arena_printf(u->look, "%s: %s", database, untaken.references[i]));
    return true;
}

static const char *unseen(struct upgrade *u, const char *text, const char *const *list, const bool *seen,
                          const char *attribute)
{
    for (size_t i = 0; list && list[i]; i++)
        if (!seen[i])
            text =
                arena_printf(u->look, "%s%s \"%.200s\" (%s)", text, text[0] ? "," : "", list[i], attribute);
    return text;
}

static bool each_names_a_table(struct upgrade *u, const struct survey *s, struct err *e)
{
    const char *text = unseen(u, "", u->request.tables, s->included, "include_tables");
    text = unseen(u, text, u->request.tables_left_out, s->left_out, "exclude_tables");
    text = unseen(u, text, u->request.full_identity, s->keyless, "replica_identity_full");
    if (text[0])
        return upgrade_fail(e, E_TABLES, "no database of %s has a table named%s", u->request.cluster, text);
    return s->taken > 0 || upgrade_fail(e, E_TABLES, "include_tables and exclude_tables leave no table of %s",
                                        u->request.cluster);
}

static void tell_survey(struct upgrade *u, const struct survey *s)
{
    if (s->line_count > 0)
        u->warn(u->warn_arg, "Tables that the clone does not follow",
                arena_printf(u->look,
                             "They stay on the clone as they are when it is made, and are not compared: %s",
                             join_lines(u->look, s->lines, s->line_count, TABLES_TOLD)));
    if (s->reference_count > 0)
        u->warn(
            u->warn_arg, "Foreign keys into tables that are not followed",
            arena_printf(u->look,
                         "Replication does not check them: what they refer to may be missing on the clone. "
                         "%s",
                         join_lines(u->look, s->references, s->reference_count, TABLES_TOLD)));
}

static void tell_entries(struct upgrade *u)
{
    const char *in = join_lines(u->look, u->request.tables, length(u->request.tables), TABLES_TOLD);
    const char *out =
        join_lines(u->look, u->request.tables_left_out, length(u->request.tables_left_out), TABLES_TOLD);
    u->warn(
        u->warn_arg, "The clone follows a part of the tables",
        arena_printf(u->look,
                     "Followed: %s%s%s. All others stay on the clone as they are when it is made, and are "
                     "not compared; plan_checks = \"full\" names them.",
                     in[0] ? in : "all", out[0] ? ", but not " : "", out));
}

bool tables_check(struct upgrade *u, bool *ret, struct err *e)
{
    struct survey s = {
        .included = ARENA_ARRAY(u->arena, bool, length(u->request.tables) + 1),
        .left_out = ARENA_ARRAY(u->arena, bool, length(u->request.tables_left_out) + 1),
        .keyless = ARENA_ARRAY(u->arena, bool, length(u->request.full_identity) + 1),
    };
    *ret = tables_may_switch(chooses_tables(u), u->request.stage, u->request.cluster, e);
    if (!*ret || !names_tables(u))
        return *ret;
    if (!world_need(u, e))
        return false;
    if (u->world.green)
        return true;
    if (!u->has_login) {
        if (chooses_tables(u))
            tell_entries(u);
        return true;
    }
    if (!run_each_database(u, SIDE_BLUE, false, survey_database, &s, e))
        return false;
    *ret = each_names_a_table(u, &s, e);
    if (*ret)
        tell_survey(u, &s);
    return *ret;
}

bool tables_may_switch(bool chooses, enum flow_stage to, const char *cluster, struct err *e)
{
    if (!chooses || (to != STAGE_SWITCHED && to != STAGE_COMPLETED))
        return true;
    return upgrade_fail(e, E_SWITCH_SUBSET,
                        "%s cannot be switched to a clone that follows a part of its tables", cluster);
}

/* ---- what the publications hold ---- */

struct listener {
    void (*found)(void *arg, const char *database, const char *table);
    void *arg;
};

static bool is_published(const struct pg_publication *p, const char *table)
{
    size_t low = 0, high = p->table_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(p->tables[middle], table);
        if (order == 0)
            return true;
        low = order < 0 ? middle + 1 : low;
        high = order < 0 ? high : middle;
    }
    return false;
}

static bool find_unfollowed(struct upgrade *u, struct pg *c, const char *database, void *arg, struct err *e)
{
    static const struct pg_table_choice everything = {.include = NULL, .exclude = NULL, .elsewhere = true};
    const struct listener *f = arg;
    struct pg_publication p;
    const char **tables = NULL;
    size_t n = 0;
    if (!pg_publication_find(c, u->look, LOGICAL_NAME, &p, e))
        return false;
    if (!p.exists || p.all_tables)
        return true;
    if (!pg_publishable(c, u->look, &everything, &tables, &n, e))
        return false;
    for (size_t i = 0; i < n; i++)
        if (!is_published(&p, tables[i]))
            f->found(f->arg, database, tables[i]);
    return true;
}

bool tables_not_followed(struct upgrade *u, void (*found)(void *arg, const char *database, const char *table),
                         void *arg, struct err *e)
{
    struct listener f = {found, arg};
    return side_each_database(u, SIDE_BLUE, false, find_unfollowed, &f, e);
}

struct unfollowed {
    struct upgrade *u;
    const char **lines;
    size_t n, cap;
};

static void note_unfollowed(void *arg, const char *database, const char *table)
{
    struct unfollowed *f = arg;
    ARR_PUSH(f->u->look, f->lines, f->n, f->cap, arena_printf(f->u->look, "%s: %s", database, table));
}

bool tables_all_followed(struct upgrade *u, struct err *e)
{
    struct unfollowed f = {.u = u};
    if (!tables_not_followed(u, note_unfollowed, &f, e))
        return false;
    if (f.n == 0)
        return true;
    (void)upgrade_fail(e, E_NOT_FOLLOWED, "%zu table(s) of %s are not replicated", f.n, u->request.cluster);
    return err_said(e, "%s", join_lines(u->look, f.lines, f.n, TABLES_TOLD));
}
