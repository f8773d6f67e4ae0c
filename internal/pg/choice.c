/* Which tables are replicated, and what that leaves out. */
#include "internal/base/buf.h"
#include "internal/pg/logical.h"
#include "internal/pg/query.h"

#include <string.h>

enum { OIDS_MAX = 16 * 1024 * 1024 };

static const char publishable_sql[] =
    "SELECT format('%I.%I', n.nspname, c.relname), n.nspname, c.relname, c.oid::text FROM pg_class c JOIN"
    " pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND"
    " c.relpersistence = 'p' AND " SQL_USER_RELATION("c", "n") " AND (" SQL_NOT_OF_EXTENSION(
        "pg_class", "c.oid") " OR EXISTS (SELECT FROM pg_extension x WHERE c.oid = ANY (x.extconfig)))"
                             " ORDER BY format('%I.%I', n.nspname, c.relname) COLLATE \"C\"";

struct candidate {
    const char *quoted, *schema, *table, *oid;
};
static const struct field candidate_fields[] = {
    {FIELD_TEXT, offsetof(struct candidate, quoted)},
    {FIELD_TEXT, offsetof(struct candidate, schema)},
    {FIELD_TEXT, offsetof(struct candidate, table)},
    {FIELD_TEXT, offsetof(struct candidate, oid)},
};

static bool list_candidates(struct pg *c, struct arena *a, const struct candidate **ret, size_t *ret_n,
                            struct err *e)
{
    PGresult *r CLEANUP(result_cleanup) = NULL;
    void *rows;
    if (!query_rows(c, publishable_sql, NULL, 0, &r, e) ||
        !query_map(r, a, candidate_fields, ARRAY_LEN(candidate_fields), sizeof(struct candidate), &rows,
                   ret_n, e))
        return err_wrap(e, "list tables of database \"%s\" on %s:%d", c->database, c->host, c->port);
    *ret = rows;
    return true;
}

/* ---- entries ---- */

static bool is_named(const struct candidate *t, const char *entry)
{
    size_t schema = strlen(t->schema);
    if (strcmp(entry, t->quoted) == 0)
        return true;
    if (strncmp(entry, t->schema, schema) != 0 || entry[schema] != '.')
        return false;
    return strcmp(entry + schema + 1, "*") == 0 || strcmp(entry + schema + 1, t->table) == 0;
}

static bool is_in(const struct candidate *t, const char *const *list)
{
    for (; list && *list; list++)
        if (is_named(t, *list))
            return true;
    return false;
}

static bool matches_any(const struct candidate *all, size_t n, const char *entry)
{
    size_t i = 0;
    while (i < n && !is_named(&all[i], entry))
        i++;
    return i < n;
}

static bool each_matches(const struct candidate *all, size_t n, const char *const *list, const char *what,
                         struct err *e)
{
    for (; list && *list; list++)
        if (!matches_any(all, n, *list))
            return err_set(e, ERR_INVALID, "%s: \"%s\" names no table that can be published", what, *list);
    return true;
}

static bool is_chosen(const struct candidate *t, const struct pg_table_choice *choice)
{
    return (!choice->include || !*choice->include || is_in(t, choice->include)) && !is_in(t, choice->exclude);
}

bool pg_publishable(struct pg *c, struct arena *a, const struct pg_table_choice *choice, const char ***ret,
                    size_t *ret_n, struct err *e)
{
    const struct candidate *all = NULL;
    size_t n = 0, kept = 0;
    if (!list_candidates(c, a, &all, &n, e))
        return false;
    if (!choice->elsewhere && (!each_matches(all, n, choice->include, "include_tables", e) ||
                               !each_matches(all, n, choice->exclude, "exclude_tables", e)))
        return err_wrap(e, "database \"%s\"", c->database);
    const char **names = ARENA_ARRAY(a, const char *, n + 1);
    for (size_t i = 0; i < n; i++)
        if (is_chosen(&all[i], choice))
            names[kept++] = all[i].quoted;
    *ret = names;
    *ret_n = kept;
    return true;
}

bool pg_choice_seen(struct pg *c, const char *const *list, bool *seen, struct err *e)
{
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    const struct candidate *all = NULL;
    size_t n = 0;
    if (!list_candidates(c, a, &all, &n, e))
        return false;
    for (size_t i = 0; list && list[i]; i++)
        seen[i] = seen[i] || matches_any(all, n, list[i]);
    return true;
}

/* ---- what is left out ---- */

struct member {
    const char *name, *oid;
};
static const struct field member_fields[] = {
    {FIELD_TEXT, offsetof(struct member, name)},
    {FIELD_TEXT, offsetof(struct member, oid)},
};
static const char members_sql[] =
    "SELECT format('%I.%I', n.nspname, c.relname), c.oid::text FROM (SELECT unnest($1::oid[]) UNION SELECT"
    " t.relid::oid FROM unnest($1::oid[]) u(root), pg_partition_tree(u.root) t) m(oid) JOIN pg_class c ON"
    " c.oid = m.oid JOIN pg_namespace n ON n.oid = c.relnamespace ORDER BY 1";
static const char references_sql[] =
    "SELECT format('%I.%I.%I → %I.%I', n.nspname, c.relname, k.conname, fn.nspname, f.relname) FROM"
    " pg_constraint k JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace"
    " JOIN pg_class f ON f.oid = k.confrelid JOIN pg_namespace fn ON fn.oid = f.relnamespace WHERE"
    " k.contype = 'f' AND k.conparentid = 0 AND k.conrelid NOT IN (SELECT unnest($1::oid[])) AND k.confrelid"
    " IN (SELECT unnest($1::oid[])) ORDER BY 1";

/* `oid(i)` of n objects, as an array is written. */
static const char *array_of(struct arena *a, const struct member *m, size_t n)
{
    struct buf b = BUF_INIT(OIDS_MAX);
    (void)buf_puts(&b, "{");
    for (size_t i = 0; i < n; i++)
        (void)buf_printf(&b, "%s%s", i ? "," : "", m[i].oid);
    (void)buf_puts(&b, "}");
    const char *text = arena_strdup(a, buf_text(&b));
    buf_done(&b);
    return text;
}

static bool read_members(struct pg *c, struct arena *a, const struct member *roots, size_t n,
                         struct pg_untaken *ret, struct err *e)
{
    const char *oids = array_of(a, roots, n);
    PGresult *r CLEANUP(result_cleanup) = NULL;
    void *rows;
    size_t count;
    if (!query_rows(c, members_sql, &oids, 1, &r, e) ||
        !query_map(r, a, member_fields, ARRAY_LEN(member_fields), sizeof(struct member), &rows, &count, e))
        return false;
    const struct member *all = rows;
    ret->oids = array_of(a, all, count);
    ret->relations = ARENA_ARRAY(a, const char *, count + 1);
    for (size_t i = 0; i < count; i++)
        ret->relations[i] = all[i].name;
    ret->relations[count] = NULL;
    return true;
}

static bool read_references(struct pg *c, struct arena *a, struct pg_untaken *ret, struct err *e)
{
    static const struct field field = {FIELD_TEXT, 0};
    PGresult *r CLEANUP(result_cleanup) = NULL;
    void *rows;
    if (!query_rows(c, references_sql, &ret->oids, 1, &r, e) ||
        !query_map(r, a, &field, 1, sizeof(const char *), &rows, &ret->reference_count, e))
        return false;
    ret->references = rows;
    return true;
}

static bool has_entries(const struct pg_table_choice *choice)
{
    return choice && ((choice->include && *choice->include) || (choice->exclude && *choice->exclude));
}

bool pg_untaken(struct pg *c, struct arena *a, const struct pg_table_choice *choice, struct pg_untaken *ret,
                struct err *e)
{
    const struct candidate *all = NULL;
    struct pg_untaken out = {.relations = ARENA_ARRAY(a, const char *, 1), .oids = "{}"};
    size_t n = 0;
    out.relations[0] = NULL;
    *ret = out;
    if (!has_entries(choice))
        return true;
    if (!list_candidates(c, a, &all, &n, e))
        return false;
    struct member *roots = ARENA_ARRAY(a, struct member, n + 1);
    out.tables = ARENA_ARRAY(a, const char *, n + 1);
    for (size_t i = 0; i < n; i++) {
        if (is_chosen(&all[i], choice))
            continue;
        roots[out.table_count] = (struct member){all[i].quoted, all[i].oid};
        out.tables[out.table_count++] = all[i].quoted;
    }
    if (!read_members(c, a, roots, out.table_count, &out, e) || !read_references(c, a, &out, e))
        return err_wrap(e, "look what is left out of database \"%s\" on %s:%d", c->database, c->host,
                        c->port);
    *ret = out;
    return true;
}
