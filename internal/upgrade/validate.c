/* Is green what blue is? Everything is compared while writers go on; nothing is written into the databases.
 */
#include "internal/pg/catalog.h"
#include "internal/pg/replica.h"
#include "internal/pg/rows.h"
#include "internal/upgrade/blue_green.h"
#include "internal/upgrade/errors.h"
#include "internal/upgrade/tables.h"
#include "internal/upgrade/tags.h"

#include <inttypes.h>
#include <string.h>
#include <strings.h>

enum { LINES_SHOWN = 10, EVENT_MINUTES_MAX = 14 * 1440 };

struct lines {
    const char **items;
    size_t n, cap;
};

static void add_line(struct upgrade *u, struct lines *l, const char *line)
{
    ARR_PUSH(u->look, l->items, l->n, l->cap, line);
}

static const char *shown(struct upgrade *u, const struct lines *l)
{
    return join_lines(u->look, l->items, l->n, LINES_SHOWN);
}

static bool both_sides(struct upgrade *u, struct err *e)
{
    if (!world_need(u, e))
        return false;
    return u->world.green || upgrade_fail(e, E_DEPLOYMENT_GONE, "%s of %s has disappeared",
                                          u->strategy->new_side, u->request.cluster);
}

/* ---- lag ---- */

/* With a deployment every logical slot of production is its own: AWS refuses one where the user has slots. */
static bool slots_ready(struct upgrade *u, struct pg *blue, bool *ret, struct err *e)
{
    const struct pg_slot *slots = NULL;
    size_t n = 0;
    if (!pg_slots(blue, u->look, u->strategy->slot_prefix, &slots, &n, e))
        return false;
    bool ready = n > 0;
    for (size_t i = 0; i < n; i++) {
        if (strcmp(slots[i].wal_status, "lost") == 0)
            return upgrade_fail(e, E_REPLICATION_UNHEALTHY,
                                "slot %s of database %s has lost the WAL it needs", slots[i].name,
                                slots[i].database);
        ready = ready && slots[i].active && slots[i].lag_bytes <= u->request.max_lag_bytes;
    }
    *ret = ready;
    return true;
}

/* ---- statistics ---- */

static bool list_unanalyzed(struct upgrade *u, struct pg *c, const char *database, void *arg, struct err *e)
{
    const char **names = NULL;
    size_t n = 0;
    if (!pg_unanalyzed(c, u->look, LINES_SHOWN, &names, &n, e))
        return false;
    for (size_t i = 0; i < n; i++)
        add_line(u, arg, arena_printf(u->look, "%s: %s", database, i < LINES_SHOWN ? names[i] : "…"));
    return true;
}

static bool analyze_database(struct upgrade *u, struct pg *c, const char *database, void *arg, struct err *e)
{
    (void)u;
    (void)arg;
    return pg_analyze(c, e) || err_wrap(e, "ANALYZE in %s", database);
}

static bool unanalyzed(struct upgrade *u, enum side side, struct lines *ret, struct err *e)
{
    return side_each_database(u, side, false, list_unanalyzed, ret, e);
}

bool statistics_done(struct upgrade *u, bool *ret, struct err *e)
{
    struct lines missing = {0};
    if (!both_sides(u, e) || !unanalyzed(u, SIDE_GREEN, &missing, e))
        return false;
    *ret = missing.n == 0;
    return true;
}

static bool analyze_side(struct upgrade *u, enum side side, struct err *e)
{
    struct lines missing = {0};
    /* ANALYZE changes statistics only; green is read-only by default, which would refuse it. */
    if (!side_each_database(u, side, true, analyze_database, NULL, e) || !unanalyzed(u, side, &missing, e))
        return false;
    return missing.n == 0 ||
           upgrade_fail(e, E_NO_STATISTICS, "no statistics after ANALYZE, for want of rights: %s",
                        shown(u, &missing));
}

bool statistics_run(struct upgrade *u, struct err *e)
{
    return analyze_side(u, SIDE_GREEN, e);
}

bool new_statistics_done(struct upgrade *u, bool *ret, struct err *e)
{
    struct lines missing = {0};
    if (!world_need(u, e) || (!u->is_verified && !unanalyzed(u, SIDE_BLUE, &missing, e)))
        return false;
    *ret = missing.n == 0;
    return true;
}

/* Needed where the switch was made elsewhere, or tables came between ANALYZE and the switch. */
bool new_statistics_run(struct upgrade *u, struct err *e)
{
    return analyze_side(u, SIDE_BLUE, e);
}

/* ---- events ---- */

static int minutes_since(const struct upgrade *u, const char *iso)
{
    int64_t then = 0;
    if (!time_parse_iso(iso, &then))
        return EVENT_MINUTES_MAX;
    int64_t minutes = (u->clock->wall_ms(u->clock) - then) / 60000 + 2;
    return minutes < 2 ? 2 : minutes > EVENT_MINUTES_MAX ? EVENT_MINUTES_MAX : (int)minutes;
}

static bool is_of(const struct rds_event *event, const struct rds_bluegreen *d)
{
    return strcmp(event->source, d->identifier) == 0 ||
           (strcmp(event->source, d->name) == 0 && strcmp(event->date, d->create_time) >= 0);
}

static bool has_any(const char *text, const char *const words[])
{
    while (*words && !strcasestr(text, *words))
        words++;
    return *words != NULL;
}

enum health { HEALTH_UNSAID, HEALTH_DEGRADED, HEALTH_RECOVERED };

/* AWS documents "Replication degraded" and "Replicating" as states and publishes the texts of neither event.
 * So what calls replication healthy again has to say so in plain words; whatever else names degradation does
 * not. */
static enum health health_said(const char *message)
{
    static const char *const good[] = {"recovered", "resumed", "restored", "replicating", NULL};
    static const char *const doubt[] = {" not ", "cannot", "n't ", "fail", "degraded", NULL};
    if (!strcasestr(message, "replicat"))
        return strcasestr(message, "degraded") ? HEALTH_DEGRADED : HEALTH_UNSAID;
    if (strcasestr(message, "no longer degraded") || (has_any(message, good) && !has_any(message, doubt)))
        return HEALTH_RECOVERED;
    return strcasestr(message, "degraded") ? HEALTH_DEGRADED : HEALTH_UNSAID;
}

/* The newest event that says anything of replication; NULL: none does. */
static const struct rds_event *last_of_health(const struct rds_event *events, size_t n,
                                              const struct rds_bluegreen *d, bool *ret_was_degraded)
{
    const struct rds_event *last = NULL;
    for (size_t i = 0; i < n; i++) {
        if (!is_of(&events[i], d) || health_said(events[i].message) == HEALTH_UNSAID)
            continue;
        *ret_was_degraded = *ret_was_degraded || health_said(events[i].message) == HEALTH_DEGRADED;
        if (!last || strcmp(events[i].date, last->date) >= 0)
            last = &events[i];
    }
    return last;
}

/* "Replication degraded" is no status: the API goes on to say AVAILABLE, and only an event tells. The newest
 * one counts: what has recovered is a note, since whatever was missed shows in rows, schema and lag. */
static bool not_degraded(struct upgrade *u, const struct rds_event **ret_recovered, struct err *e)
{
    const struct rds_event *events = NULL;
    size_t n = 0;
    const struct rds_bluegreen *d = u->world.deployment;
    if (!rds_events(&u->aws, "blue-green-deployment", NULL, minutes_since(u, d->create_time), &events, &n, e))
        return err_wrap(e, "read the events of deployment %s", d->name);
    bool was_degraded = false;
    const struct rds_event *last = last_of_health(events, n, d, &was_degraded);
    if (last && health_said(last->message) == HEALTH_DEGRADED) {
        (void)upgrade_fail(e, E_REPLICATION_UNHEALTHY, "AWS reports degraded replication for deployment %s",
                           d->name);
        return err_said(e, "%s (%s)", last->message, last->date);
    }
    *ret_recovered = was_degraded ? last : NULL;
    return true;
}

bool events_check(struct upgrade *u, bool *ret, struct err *e)
{
    const struct rds_event *recovered = NULL;
    if (!both_sides(u, e) || !not_degraded(u, &recovered, e))
        return false;
    if (recovered && u->note)
        u->note(u->note_arg, "check-events",
                arena_printf(u->look, "replication was degraded and has recovered: %s (%s)",
                             recovered->message, recovered->date));
    *ret = true;
    return true;
}

/* The apply worker of a broken subscription ends and begins again without end: its slot is hardly ever seen
 * at work, and would be waited for. Only an event tells. */
bool replication_caught_up(struct upgrade *u, bool *ret, struct err *e)
{
    struct pg *blue CLEANUP(pg_cleanup) = NULL;
    const struct rds_event *recovered = NULL;
    return both_sides(u, e) && side_open(u, SIDE_BLUE, NULL, false, &blue, e) &&
           slots_ready(u, blue, ret, e) && (*ret || !u->world.deployment || not_degraded(u, &recovered, e));
}

/* ---- pairs of databases ---- */

struct pair_walk {
    struct lines *differences;
    bool (*compare)(struct upgrade *u, struct pg *blue, struct pg *green, const char *database,
                    struct lines *out, struct err *e);
};

static bool open_pair(struct upgrade *u, struct pg *blue, const char *database, void *arg, struct err *e)
{
    struct pair_walk *w = arg;
    struct pg *green CLEANUP(pg_cleanup) = NULL;
    return side_open(u, SIDE_GREEN, database, false, &green, e) &&
           w->compare(u, blue, green, database, w->differences, e);
}

static bool compare_pairs(struct upgrade *u, struct lines *ret,
                          bool (*compare)(struct upgrade *, struct pg *, struct pg *, const char *,
                                          struct lines *, struct err *),
                          struct err *e)
{
    struct pair_walk w = {.differences = ret, .compare = compare};
    return both_sides(u, e) && run_each_database(u, SIDE_BLUE, false, open_pair, &w, e);
}

/* ---- schema ---- */

static bool compare_schema(struct upgrade *u, struct pg *blue, struct pg *green, const char *database,
                           struct lines *out, struct err *e)
{
    /* Extensions are raised by the upgrade; their members' definitions are left out of the other aspects. */
    static const char *const ignored[] = {"extensions", NULL};
    struct pg_fingerprint old_side = {0}, new_side = {0};
    const char **lines = NULL;
    size_t n = 0;
    if (!pg_fingerprint(blue, u->look, &old_side, e) || !pg_fingerprint(green, u->look, &new_side, e))
        return err_wrap(e, "read the catalogue of %s", database);
    pg_fingerprint_diff(u->look, database, &old_side, &new_side, ignored, LINES_SHOWN, &lines, &n);
    for (size_t i = 0; i < n; i++)
        add_line(u, out, i < LINES_SHOWN ? lines[i] : "…");
    return true;
}

bool schema_check(struct upgrade *u, bool *ret, struct err *e)
{
    struct lines differences = {0};
    if (!compare_pairs(u, &differences, compare_schema, e))
        return false;
    *ret = differences.n == 0;
    return *ret || upgrade_fail(e, E_SCHEMA_DIFFERS, "production and %s differ in %zu place(s): %s",
                                u->strategy->new_side, differences.n, shown(u, &differences));
}

/* ---- rows ---- */

static const char *slot_of(struct upgrade *u, struct pg *blue, const char *database, struct err *e)
{
    const struct pg_slot *slots = NULL;
    size_t n = 0;
    if (!pg_slots(blue, u->look, u->strategy->slot_prefix, &slots, &n, e))
        return NULL;
    for (size_t i = 0; i < n; i++)
        if (strcmp(slots[i].database, database) == 0)
            return slots[i].name;
    (void)upgrade_fail(e, E_REPLICATION_UNHEALTHY, "database %s has no replication slot", database);
    return NULL;
}

struct pair_of {
    struct upgrade *u;
    const char *database;
};

static bool open_side(void *arg, bool new_side, struct pg **ret, struct err *e)
{
    const struct pair_of *p = arg;
    return side_open(p->u, new_side ? SIDE_GREEN : SIDE_BLUE, p->database, false, ret, e);
}

static enum pg_rows_mode rows_mode(const struct upgrade *u)
{
    static const enum pg_rows_mode modes[] = {
        [ROWS_FULL] = PG_ROWS_FULL, [ROWS_SAMPLE] = PG_ROWS_SAMPLE, [ROWS_COUNTS] = PG_ROWS_COUNTS};
    if (u->request.rows_mode != ROWS_USUAL)
        return modes[u->request.rows_mode];
    return u->strategy->reads_rows ? PG_ROWS_FULL : PG_ROWS_COUNTS;
}

static const char *difference_line(struct upgrade *u, const char *database, const struct pg_rows_table *t)
{
    if (t->note[0])
        return arena_printf(u->look, "%s: %s: %s", database, t->table, t->note);
    if (t->difference_count == 0)
        return arena_printf(u->look,
                            "%s: %s has %" PRId64 " rows on the old side, %" PRId64 " on the new one",
                            database, t->table, t->old_rows, t->new_rows);
    const struct pg_row_difference *d = &t->differences[0];
    return arena_printf(u->look, "%s: %s: the row %s is %s%s%s%s", database, t->table, d->key,
                        pg_row_kind_name(d->kind), d->columns[0] ? " in " : "", d->columns,
                        t->difference_count > 1 || t->more ? ", and there are more" : "");
}

static void note_differences(struct upgrade *u, const char *database, const struct pg_rows_table *t)
{
    for (size_t i = 0; u->note && i < t->difference_count; i++)
        u->note(u->note_arg, "check-rows",
                arena_printf(u->look, "%s: %s: %s: %s %s", database, t->table, t->differences[i].key,
                             pg_row_kind_name(t->differences[i].kind), t->differences[i].columns));
}

static bool compare_rows(struct upgrade *u, struct pg *blue, struct pg *green, const char *database,
                         struct lines *out, struct err *e)
{
    struct pair_of pair = {u, database};
    const char *const *not_compared = NULL;
    if (!tables_not_compared(u, blue, database, &not_compared, e))
        return err_wrap(e, "compare the rows of %s on both sides", database);
    const struct pg_rows_options o = {.mode = rows_mode(u),
                                      .open = open_side,
                                      .arg = &pair,
                                      .slot = slot_of(u, blue, database, e),
                                      .exclude = not_compared,
                                      .max_connections = u->request.max_connections};
    struct pg_rows_result result = {0};
    (void)green;
    if (!o.slot || !pg_compare_rows(u->look, &o, &result, e))
        return err_wrap(e, "compare the rows of %s on both sides", database);
    for (size_t i = 0; i < result.table_count; i++) {
        const struct pg_rows_table *t = &result.tables[i];
        if (t->equal)
            continue;
        add_line(u, out, difference_line(u, database, t));
        note_differences(u, database, t);
    }
    return true;
}

bool rows_check(struct upgrade *u, bool *ret, struct err *e)
{
    struct lines differences = {0};
    if (!both_sides(u, e) || (u->strategy->follow_changes && !u->strategy->follow_changes(u, e)) ||
        !compare_pairs(u, &differences, compare_rows, e))
        return false;
    *ret = differences.n == 0;
    return *ret || upgrade_fail(e, E_ROWS_DIFFER, "rows differ: %s", shown(u, &differences));
}

bool queries_check(struct upgrade *u, bool *ret, struct err *e)
{
    struct pg *blue CLEANUP(pg_cleanup) = NULL, *green CLEANUP(pg_cleanup) = NULL;
    if (!both_sides(u, e) || !side_open(u, SIDE_BLUE, NULL, false, &blue, e) ||
        !side_open(u, SIDE_GREEN, NULL, false, &green, e))
        return false;
    for (size_t i = 0; i < u->request.query_count; i++) {
        const struct validation_query *q = &u->request.queries[i];
        const char *difference = "";
        bool equal = false;
        if (!pg_compare_query(blue, green, u->look, q->sql, &equal, &difference, e))
            return err_wrap(e, "validation query \"%s\"", q->name);
        if (!equal)
            return upgrade_fail(e, E_QUERY_DIFFERS, "validation query \"%s\" gives different results: %s",
                                q->name, difference);
    }
    *ret = true;
    return true;
}

/* ---- the mark ---- */

bool validated_done(struct upgrade *u, bool *ret, struct err *e)
{
    if (!both_sides(u, e))
        return false;
    *ret = rds_tag_value(u->world.facts, TAG_VALIDATED_AT) != NULL;
    return true;
}

bool validated_run(struct upgrade *u, struct err *e)
{
    char now[TIME_ISO_SIZE];
    time_iso(u->clock->wall_ms(u->clock), false, now);
    return tag_run(u, TAG_VALIDATED_AT, now, e);
}
