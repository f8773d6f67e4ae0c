#include "internal/pg/identity.h"
#include "internal/base/buf.h"
#include "internal/pg/query.h"

#include <string.h>

enum { OIDS_MAX = 1024 * 1024 };

#define FACT "identity " /* and the table's oid */

/* As the check "no-replica-identity" sees it; of an extension's tables only those with the user's data. */
static const char keyless_sql[] =
    "SELECT c.oid::text, format('%I.%I', n.nspname, c.relname), CASE c.relreplident WHEN 'd' THEN 'DEFAULT'"
    " ELSE 'NOTHING' END FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind = 'r'"
    " AND c.relpersistence = 'p' AND " SQL_USER_RELATION("c", "n") " AND (" SQL_NOT_OF_EXTENSION(
        "pg_class", "c.oid") " OR EXISTS (SELECT FROM pg_extension x WHERE c.oid = ANY (x.extconfig))) AND"
                             " c.oid NOT IN (SELECT unnest($1::oid[])) AND c.oid NOT IN (SELECT"
                             " unnest($2::oid[])) AND c.relreplident <> 'f' AND NOT EXISTS (SELECT FROM"
                             " pg_index x WHERE x.indrelid = c.oid AND x.indimmediate AND x.indisvalid AND"
                             " CASE c.relreplident WHEN 'd' THEN x.indisprimary WHEN 'i' THEN"
                             " x.indisreplident END) ORDER BY format('%I.%I', n.nspname, c.relname)"
                             " COLLATE \"C\"";

static const struct field keyless_fields[] = {
    {FIELD_TEXT, offsetof(struct pg_keyless, oid)},
    {FIELD_TEXT, offsetof(struct pg_keyless, table)},
    {FIELD_TEXT, offsetof(struct pg_keyless, before)},
};

static const char *oids_of(struct arena *a, const struct pg_keyless *t, size_t n)
{
    struct buf b = BUF_INIT(OIDS_MAX);
    for (size_t i = 0; i < n; i++)
        (void)buf_printf(&b, "%s%s", i ? "," : "{", t[i].oid);
    const char *text = n ? arena_printf(a, "%s}", buf_text(&b)) : "{}";
    buf_done(&b);
    return text;
}

bool pg_keyless_tables(struct pg *c, struct arena *a, const struct pg_table_choice *taken,
                       const char *const *list, const struct pg_keyless **ret, size_t *ret_n,
                       const char **ret_oids, struct err *e)
{
    const struct pg_table_choice named = {.include = list, .exclude = NULL, .elsewhere = true};
    struct pg_untaken untaken, unnamed;
    PGresult *r CLEANUP(result_cleanup) = NULL;
    void *rows;
    *ret = NULL;
    *ret_n = 0;
    *ret_oids = "{}";
    if (!list || !*list)
        return true;
    if (!pg_untaken(c, a, taken, &untaken, e) || !pg_untaken(c, a, &named, &unnamed, e))
        return false;
    const char *const params[] = {untaken.oids, unnamed.oids};
    if (!query_rows(c, keyless_sql, params, ARRAY_LEN(params), &r, e) ||
        !query_map(r, a, keyless_fields, ARRAY_LEN(keyless_fields), sizeof(struct pg_keyless), &rows, ret_n,
                   e))
        return err_wrap(e, "look for tables without a key in database \"%s\"", c->database);
    *ret = rows;
    *ret_oids = oids_of(a, rows, *ret_n);
    return true;
}

/* What was written down first is what it was: an apply that died may have changed the table since. */
static bool note(struct pg *c, struct arena *a, const struct pg_keyless *t, struct err *e)
{
    const char *name = arena_printf(a, FACT "%s", t->oid), *noted = "";
    return pg_fact_read(c, a, name, &noted, e) && (noted[0] || pg_fact_write(c, name, t->before, e));
}

bool pg_identity_make_full(struct pg *c, const struct pg_keyless *t, struct err *e)
{
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    return (note(c, a, t, e) &&
            query_run(c, arena_printf(a, "ALTER TABLE ONLY %s REPLICA IDENTITY FULL", t->table), e)) ||
           err_wrap(e, "set the replica identity of %s in database \"%s\"", t->table, c->database);
}

struct changed {
    const char *fact, *table, *before; /* table "": nothing of it is to be put back */
};
static const struct field changed_fields[] = {
    {FIELD_TEXT, offsetof(struct changed, fact)},
    {FIELD_TEXT, offsetof(struct changed, table)},
    {FIELD_TEXT, offsetof(struct changed, before)},
};

static bool list_changed(struct pg *c, struct arena *a, const struct changed **ret, size_t *ret_n,
                         struct err *e)
{
    static const char sql[] =
        "SELECT f.name, coalesce(quote_ident(n.nspname) || '.' || quote_ident(c.relname), ''), f.value FROM "
        "aurora_upgrade.fact"
        " f LEFT JOIN pg_class c ON c.oid = CASE WHEN f.name ~ '^" FACT "[0-9]{1,10}$' THEN substr(f.name,"
        " length('" FACT "') + 1)::oid END AND c.relreplident = 'f' LEFT JOIN pg_namespace n ON n.oid = "
        "c.relnamespace WHERE f.name ~ '^" FACT "[0-9]{1,10}$' AND"
        " f.value IN ('DEFAULT', 'NOTHING') ORDER BY f.name";
    PGresult *r CLEANUP(result_cleanup) = NULL;
    void *rows;
    bool there = false;
    *ret = NULL;
    *ret_n = 0;
    if (!pg_facts_exist(c, &there, e))
        return false;
    if (!there)
        return true;
    if (!query_rows(c, sql, NULL, 0, &r, e) ||
        !query_map(r, a, changed_fields, ARRAY_LEN(changed_fields), sizeof(struct changed), &rows, ret_n, e))
        return err_wrap(e, "look for changed replica identities in database \"%s\"", c->database);
    *ret = rows;
    return true;
}

bool pg_identity_changed(struct pg *c, int64_t *ret, struct err *e)
{
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    const struct changed *all = NULL;
    size_t n = 0;
    if (!list_changed(c, a, &all, &n, e))
        return false;
    *ret = (int64_t)n;
    return true;
}

bool pg_identity_put_back(struct pg *c, struct err *e)
{
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    const struct changed *all = NULL;
    size_t n = 0;
    if (!list_changed(c, a, &all, &n, e))
        return false;
    for (size_t i = 0; i < n; i++) {
        const struct changed *t = &all[i];
        if (t->table[0] &&
            !query_run(c, arena_printf(a, "ALTER TABLE ONLY %s REPLICA IDENTITY %s", t->table, t->before), e))
            return err_wrap(e, "put the replica identity of %s back", t->table);
        if (!pg_fact_forget(c, t->fact, e))
            return false;
    }
    return true;
}
