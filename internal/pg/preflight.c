#include "internal/pg/preflight.h"
#include "internal/pg/query.h"

#include <string.h>

/* At most ten names come over the wire, however many rows there are. */
#define SHOWN "10"
#define WRAP_BEFORE                                                                                          \
    "SELECT count(*), coalesce(string_agg(o, ', ' ORDER BY n) FILTER (WHERE n <= " SHOWN "), '') ||"         \
    " CASE WHEN count(*) > " SHOWN " THEN ' and ' || (count(*) - " SHOWN ") || ' more' ELSE '' END FROM"     \
    " (SELECT o, row_number() OVER (ORDER BY o COLLATE \"C\") n FROM ("
#define WRAP_AFTER ") c(o)) r"

struct evidence {
    int64_t count;
    const char *names;
};
static const struct field evidence_fields[] = {
    {FIELD_INT64, offsetof(struct evidence, count)},
    {FIELD_TEXT, offsetof(struct evidence, names)},
};

struct findings {
    struct pg_finding *items;
    size_t n, cap;
};

static bool applies(const struct pg *c, const struct preflight_check *k, unsigned purpose, int target_major)
{
    return (k->purposes & purpose) && (!k->source_max || c->version / 10000 <= k->source_max) &&
           (!k->target_min || target_major == 0 || target_major >= k->target_min);
}

static bool ask(struct pg *c, struct arena *a, const struct preflight_check *k, const struct pg_scope *scope,
                struct evidence *ret, struct err *e)
{
    const char *params[] = {scope->untaken ? scope->untaken : "{}",
                            scope->made_full ? scope->made_full : "{}"};
    PGresult *r CLEANUP(result_cleanup) = NULL;
    void *rows;
    size_t n;
    if (!query_rows(c, arena_printf(a, "%s%s%s", WRAP_BEFORE, k->sql, WRAP_AFTER), params, k->params, &r,
                    e) ||
        !query_map(r, a, evidence_fields, ARRAY_LEN(evidence_fields), sizeof *ret, &rows, &n, e))
        return false;
    *ret = *(const struct evidence *)rows;
    return true;
}

static void add(struct pg *c, struct arena *a, const struct preflight_check *k, const struct evidence *v,
                struct findings *f)
{
    struct pg_finding x = {.id = k->id,
                           .severity = k->severity,
                           .database = k->whole_server ? "" : arena_strdup(a, c->database),
                           .evidence = v->names,
                           .remedy = k->remedy,
                           .count = (size_t)v->count};
    ARR_PUSH(a, f->items, f->n, f->cap, x);
}

/* A check that may not look is a finding as well: all the others are still worth having. */
static void add_unreadable(struct pg *c, struct arena *a, const struct preflight_check *k,
                           const struct err *why, struct findings *f)
{
    struct pg_finding x = {.id = "unreadable",
                           .severity = PG_BLOCKER,
                           .database = arena_strdup(a, c->database),
                           .evidence = arena_printf(a, "%s: %s", k->id, why->said),
                           .remedy = arena_strdup(a, why->hint),
                           .count = 1};
    ARR_PUSH(a, f->items, f->n, f->cap, x);
}

bool pg_preflight_of(struct pg *c, struct arena *a, enum pg_purpose purpose, int target_major,
                     const struct pg_scope *scope, const struct pg_finding **ret, size_t *ret_n,
                     struct err *e)
{
    struct findings f = {0};
    for (size_t i = 0; i < preflight_check_count; i++) {
        const struct preflight_check *k = &preflight_checks[i];
        struct evidence v = {0};
        struct err failure = ERR_INIT;
        if (!applies(c, k, (unsigned)purpose, target_major))
            continue;
        if (!ask(c, a, k, scope, &v, &failure)) {
            if (failure.code == ERR_DENIED) {
                add_unreadable(c, a, k, &failure, &f);
                continue;
            }
            if (e)
                *e = failure;
            return err_wrap(e, "check \"%s\" in database \"%s\"", k->id, c->database);
        }
        if (v.count > 0)
            add(c, a, k, &v, &f);
    }
    *ret = f.items;
    *ret_n = f.n;
    return true;
}

bool pg_check_row(size_t i, struct pg_check_row *ret)
{
    if (i >= preflight_check_count)
        return false;
    const struct preflight_check *k = &preflight_checks[i];
    *ret = (struct pg_check_row){k->id, k->purposes, k->severity, k->source_max, k->target_min, k->remedy};
    return true;
}
