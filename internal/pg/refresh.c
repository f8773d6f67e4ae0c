#include "internal/pg/refresh.h"
#include "internal/pg/query.h"

/* One that builds on another was made behind it: no statement changes a definition. */
static const char views_sql[] =
    "SELECT format('%I.%I', n.nspname, c.relname) FROM pg_class c JOIN pg_namespace n ON n.oid ="
    " c.relnamespace WHERE c.relkind = 'm' AND c.relispopulated AND " SQL_USER_RELATION("c", "n") " ORDER BY"
                                                                                                  " c.oid";

static bool list_views(struct pg *c, struct arena *a, const char *const **ret, size_t *ret_n, struct err *e)
{
    static const struct field field = {FIELD_TEXT, 0};
    PGresult *r CLEANUP(result_cleanup) = NULL;
    void *rows;
    if (!query_rows(c, views_sql, NULL, 0, &r, e) ||
        !query_map(r, a, &field, 1, sizeof(const char *), &rows, ret_n, e))
        return err_wrap(e, "list the materialized views of database \"%s\" on %s:%d", c->database, c->host,
                        c->port);
    *ret = rows;
    return true;
}

bool pg_views_count(struct pg *c, int64_t *ret, struct err *e)
{
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    const char *const *views = NULL;
    size_t n = 0;
    if (!list_views(c, a, &views, &n, e))
        return false;
    *ret = (int64_t)n;
    return true;
}

/* The server's own answer about this view; anything else concerns the session. */
static bool is_refusal(const struct err *why)
{
    return why->remote_code[0] != '\0' && why->code != ERR_CANCELLED && why->code != ERR_UNAVAILABLE;
}

bool pg_views_refresh(struct pg *c, struct arena *a, const char ***ret_refused, size_t *ret_n, struct err *e)
{
    const char *const *views = NULL;
    size_t n = 0, refused = 0;
    if (!list_views(c, a, &views, &n, e))
        return false;
    const char **lines = ARENA_ARRAY(a, const char *, n + 1);
    for (size_t i = 0; i < n; i++) {
        struct err why = ERR_INIT;
        if (query_run(c, arena_printf(a, "REFRESH MATERIALIZED VIEW %s", views[i]), &why))
            continue;
        if (!is_refusal(&why)) {
            if (e)
                *e = why;
            return err_wrap(e, "refresh %s in database \"%s\"", views[i], c->database);
        }
        lines[refused++] = arena_printf(a, "%s: %.300s", views[i], why.said[0] ? why.said : why.text);
    }
    *ret_refused = lines;
    *ret_n = refused;
    return true;
}
