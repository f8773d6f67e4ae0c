/* check-databases: every database of production against the table of checks (internal/pg/preflight_checks.c),
 * and all that is found in one report. */
#include "internal/pg/catalog.h"
#include "internal/upgrade/blue_green.h"
#include "internal/upgrade/errors.h"
#include "internal/upgrade/tables.h"

#include <stdio.h>
#include <string.h>

enum {
    REPORT_MAX = 32 * 1024,
    SUMMARY_MAX = 1600, /* fits an error's text with what is put around it */
    LINE_MAX_BYTES = 700,
    PLACES_SHOWN = 20 /* databases named for one check */
};

struct place {
    const char *database, *evidence;
    size_t count;
};

/* What one check found, wherever it found it. */
struct group {
    const char *id, *remedy;
    enum pg_severity severity;
    struct place *places;
    size_t n, cap;
};

struct findings {
    struct group *items;
    size_t n, cap;
};

/* ---- collecting ---- */

/* What source_parameters = "manage" is about to cure is no finding. */
static bool is_cured(const struct upgrade *u, const char *id)
{
    return u->request.manage_source && strcmp(id, "logical-replication-off") == 0;
}

/* The same check may have two rows that differ in severity, and every row its own remedy. */
static struct group *group_of(struct upgrade *u, struct findings *f, const struct pg_finding *found)
{
    for (size_t i = 0; i < f->n; i++)
        if (strcmp(f->items[i].id, found->id) == 0 && f->items[i].severity == found->severity &&
            strcmp(f->items[i].remedy, found->remedy) == 0)
            return &f->items[i];
    struct group g = {.id = found->id, .remedy = found->remedy, .severity = found->severity};
    ARR_PUSH(u->look, f->items, f->n, f->cap, g);
    return &f->items[f->n - 1];
}

/* A finding about the whole server comes back from every database. */
static bool is_known(const struct group *g, const struct pg_finding *found)
{
    for (size_t i = 0; found->database[0] == '\0' && i < g->n; i++)
        if (g->places[i].database[0] == '\0')
            return true;
    return false;
}

static void note_finding(struct upgrade *u, struct findings *f, const struct pg_finding *found)
{
    if (is_cured(u, found->id))
        return;
    struct group *g = group_of(u, f, found);
    struct place p = {found->database, found->evidence, found->count};
    if (!is_known(g, found))
        ARR_PUSH(u->look, g->places, g->n, g->cap, p);
}

static void note_unreached(struct upgrade *u, struct findings *f, const struct pg_database_row *d,
                           const struct err *why)
{
    struct pg_finding x = {
        .id = "database-refuses-us",
        .severity = d->is_template ? PG_WARNING : PG_BLOCKER,
        .database = d->name,
        .evidence = why->said[0] ? arena_strdup(u->look, why->said) : arena_strdup(u->look, why->text),
        .remedy = "this login may not connect, so nothing in there was looked at, and AWS's "
                  "own checks may refuse it: GRANT CONNECT ON DATABASE to it, or use another "
                  "login",
        .count = 1};
    note_finding(u, f, &x);
}

/* The server's own refusal of this database; a lost network is none, and says nothing about it. */
static bool is_refusal(enum err_code code)
{
    return code == ERR_DENIED || code == ERR_AUTH || code == ERR_CONFLICT;
}

static bool examine(struct upgrade *u, const struct pg_database_row *d, struct findings *f, struct err *e)
{
    struct pg *c CLEANUP(pg_cleanup) = NULL;
    const struct pg_finding *found = NULL;
    enum pg_purpose purpose = d->is_template ? PG_FOR_TEMPLATE : (enum pg_purpose)u->strategy->purpose;
    size_t n = 0;
    struct err why = ERR_INIT;
    if (!side_open(u, SIDE_BLUE, d->name, false, &c, &why)) {
        if (is_refusal(why.code)) {
            note_unreached(u, f, d, &why);
            return true;
        }
        if (why.code == ERR_NOT_FOUND) /* dropped since they were listed */
            return true;
        if (e)
            *e = why;
        return false;
    }
    struct pg_scope scope = {NULL, NULL};
    if (!tables_scope(u, c, d->name, &scope, e) ||
        !pg_preflight_of(c, u->look, purpose, u->request.target.major, &scope, &found, &n, e))
        return false;
    for (size_t i = 0; i < n; i++)
        note_finding(u, f, &found[i]);
    return true;
}

/* One that takes no connections is found from all others (closed-databases, invalid-databases). */
static bool examine_all(struct upgrade *u, struct findings *f, struct err *e)
{
    struct pg *first CLEANUP(pg_cleanup) = NULL;
    const struct pg_database_row *rows = NULL;
    size_t n = 0;
    if (!side_open(u, SIDE_BLUE, NULL, false, &first, e) || !pg_all_databases(first, u->look, &rows, &n, e))
        return false;
    for (size_t i = 0; i < n; i++)
        if (rows[i].is_open && !examine(u, &rows[i], f, e))
            return err_wrap(e, "database %s", rows[i].name);
    return true;
}

/* ---- telling ---- */

/* Names in a database may hold anything, line ends and whole paragraphs included. */
static const char *one_line(struct arena *a, const char *text)
{
    size_t n = strlen(text);
    bool cut = n > LINE_MAX_BYTES;
    char *copy = arena_memdup(a, text, cut ? LINE_MAX_BYTES : n);
    for (size_t i = 0; copy[i]; i++)
        if ((unsigned char)copy[i] < 0x20 || copy[i] == 0x7f)
            copy[i] = ' ';
    return cut ? arena_printf(a, "%s…", copy) : copy;
}

static size_t objects_of(const struct group *g)
{
    size_t n = 0;
    for (size_t i = 0; i < g->n; i++)
        n += g->places[i].count;
    return n;
}

static const char *tell_group(struct arena *a, const struct group *g)
{
    struct buf out = BUF_INIT(REPORT_MAX);
    (void)buf_printf(&out, "%s: %s", g->id, one_line(a, g->remedy));
    for (size_t i = 0; i < g->n && i < PLACES_SHOWN; i++)
        (void)buf_printf(&out, "\n  %s: %s",
                         g->places[i].database[0] ? one_line(a, g->places[i].database) : "the whole server",
                         one_line(a, g->places[i].evidence));
    if (g->n > PLACES_SHOWN)
        (void)buf_printf(&out, "\n  and %zu more databases", g->n - PLACES_SHOWN);
    const char *text = arena_strdup(a, buf_text(&out));
    buf_done(&out);
    return text;
}

/* Every check that found something is named in the summary, which is never cut; of the report, only whole
 * groups are left out. */
static const char *tell_all(struct arena *a, const struct findings *f, size_t *ret_groups,
                            const char **ret_summary)
{
    struct buf report = BUF_INIT(REPORT_MAX), summary = BUF_INIT(SUMMARY_MAX);
    size_t left_out = 0;
    *ret_groups = 0;
    for (size_t i = 0; i < f->n; i++) {
        const struct group *g = &f->items[i];
        if (g->severity == PG_WARNING)
            continue;
        const char *text = tell_group(a, g);
        bool fits = report.n + strlen(text) + 100 < REPORT_MAX;
        (void)buf_printf(&summary, "%s%s (%zu)", *ret_groups ? ", " : "", g->id, objects_of(g));
        if (fits)
            (void)buf_printf(&report, "%s%s", report.n ? "\n" : "", text);
        left_out += fits ? 0 : 1;
        ++*ret_groups;
    }
    if (left_out > 0)
        (void)buf_printf(&report, "\nand what %zu more checks found", left_out);
    *ret_summary = arena_strdup(a, buf_text(&summary));
    const char *text = arena_strdup(a, buf_text(&report));
    buf_done(&summary);
    buf_done(&report);
    return text;
}

static void warn_all(struct upgrade *u, const struct findings *f)
{
    for (size_t i = 0; i < f->n; i++)
        if (f->items[i].severity == PG_WARNING)
            u->warn(u->warn_arg, "Finding of the preflight", tell_group(u->look, &f->items[i]));
}

bool databases_check(struct upgrade *u, bool *ret, struct err *e)
{
    struct findings f = {0};
    const char *summary = "";
    size_t groups = 0;
    if (!world_need(u, e) || !examine_all(u, &f, e))
        return false;
    warn_all(u, &f);
    u->report = tell_all(u->arena, &f, &groups, &summary);
    *ret = groups == 0;
    return *ret || upgrade_fail(e, E_DATABASE_FINDING, "%zu finding(s) in the databases of %s: %s", groups,
                                u->request.cluster, summary);
}
