#include "internal/upgrade/changed.h"
#include "internal/upgrade/errors.h"
#include "internal/upgrade/logical.h"
#include "internal/upgrade/tables.h"

#include "internal/base/log.h"
#include "internal/pg/changed_rows.h"

#include <inttypes.h>
#include <string.h>

enum { LINES_SHOWN = 10 };

struct followed {
    const char *database;
    struct pg_changed *rows;
};
struct changed {
    struct followed *list;
    size_t n, cap;
    const char **untold; /* a line of the journal is written to disk: not while nobody can write */
    size_t untold_n, untold_cap;
};

struct found {
    const char **lines;
    size_t n, cap;
};

/* ---- from when to when ---- */

static bool is_wanted(const struct upgrade *u)
{
    enum flow_stage to = u->request.stage;
    return to == STAGE_SWITCHED || to == STAGE_COMPLETED;
}

struct opener {
    struct upgrade *u;
    const char *database;
};

static bool open_session(void *arg, bool new_side, bool replication, struct pg **ret, struct err *e)
{
    const struct opener *o = arg;
    enum side side = new_side ? SIDE_GREEN : SIDE_BLUE;
    return replication ? side_open_replication(o->u, side, o->database, ret, e)
                       : side_open(o->u, side, o->database, false, ret, e);
}

static bool begin_in(struct upgrade *u, struct pg *source, const char *database, void *arg, struct err *e)
{
    struct opener opener = {u, database};
    struct followed f = {.database = arena_strdup(u->arena, database)};
    struct pg_changed_options o = {.open = open_session,
                                   .arg = &opener,
                                   .publication = LOGICAL_NAME,
                                   .subscription = LOGICAL_NAME,
                                   .max_kept_bytes = u->request.max_retained_bytes};
    (void)arg;
    if (!slot_name(u, source, &o.slot, e) || !tables_not_compared(u, source, database, &o.exclude, e) ||
        !pg_changed_begin(&o, &f.rows, e))
        return err_wrap(e, "database %s", database);
    ARR_PUSH(u->arena, u->changed->list, u->changed->n, u->changed->cap, f);
    return true;
}

/* ---- telling ---- */

static void add_table(struct upgrade *u, const char *database, const struct pg_rows_table *t,
                      struct found *out)
{
    for (size_t i = 0; i < t->difference_count; i++) {
        const struct pg_row_difference *d = &t->differences[i];
        ARR_PUSH(u->look, out->lines, out->n, out->cap,
                 (const char *)arena_printf(u->look, "%s: %s: row %s: %s%s%s", database, t->table, d->key,
                                            pg_row_kind_name(d->kind), d->columns[0] ? " in " : "",
                                            d->columns));
    }
    if (t->note[0])
        ARR_PUSH(u->look, out->lines, out->n, out->cap,
                 (const char *)arena_printf(u->look, "%s: %s: %s", database, t->table, t->note));
}

static void add_found(struct upgrade *u, const char *database, const struct pg_rows_result *r,
                      struct found *out)
{
    for (size_t i = 0; i < r->table_count; i++)
        add_table(u, database, &r->tables[i], out);
}

static void tell(struct upgrade *u, const char *text)
{
    log_line(LOG_INFO, "upgrade", "%s: %s", u->request.cluster, text);
    if (u->note)
        u->note(u->note_arg, "check-changed-rows", text);
}

static void tell_later(struct upgrade *u, const char *text)
{
    struct changed *c = u->changed;
    ARR_PUSH(u->arena, c->untold, c->untold_n, c->untold_cap, (const char *)arena_strdup(u->arena, text));
}

static bool differ(struct upgrade *u, enum upgrade_error id, const struct found *f, const char *when,
                   struct err *e)
{
    for (size_t i = 0; i < f->n; i++)
        tell_later(u, f->lines[i]);
    (void)upgrade_fail(e, id, "%zu row(s) or table(s) that have changed since all were compared differ %s",
                       f->n, when);
    return err_said(e, "%s", join_lines(u->look, f->lines, f->n, LINES_SHOWN));
}

/* ---- the beginning and the end ---- */

void changed_end(struct upgrade *u)
{
    struct changed *c = u->changed;
    for (size_t i = 0; c && i < c->n; i++)
        pg_changed_end(c->list[i].rows);
    for (size_t i = 0; c && i < c->untold_n; i++)
        tell(u, c->untold[i]);
    u->changed = NULL;
}

bool changed_begin(struct upgrade *u, struct err *e)
{
    changed_end(u);
    if (!is_wanted(u))
        return true;
    u->changed = ARENA_NEW(u->arena, struct changed);
    if (run_each_database(u, SIDE_BLUE, false, begin_in, NULL, e))
        return true;
    changed_end(u);
    return false;
}

/* ---- before the fence ---- */

static bool look(struct upgrade *u, struct found *ret, struct err *e)
{
    int64_t rows = 0;
    for (size_t i = 0; i < u->changed->n; i++) {
        const struct followed *f = &u->changed->list[i];
        struct pg_rows_result r = {0};
        if (!pg_changed_look(f->rows, u->look, &r, e))
            return err_wrap(e, "database %s", f->database);
        add_found(u, f->database, &r, ret);
        rows += r.rows;
    }
    tell(u, arena_printf(u->look, "%" PRId64 " rows that have changed since were compared again", rows));
    return true;
}

static bool all_again(struct upgrade *u, struct err *e)
{
    bool same = false;
    changed_end(u);
    return rows_check(u, &same, e);
}

/* Sessions that were open for hours may have ended: all is compared again, once. */
static bool look_or_again(struct upgrade *u, struct found *ret, struct err *e)
{
    struct err why = ERR_INIT;
    if (!u->changed && !all_again(u, e))
        return false;
    if (look(u, ret, &why))
        return true;
    if (stop_requested(u->stop)) {
        *e = why;
        return false;
    }
    tell(u, arena_printf(u->look, "what has changed is not known any more, all rows are compared again: %s",
                         why.text));
    *ret = (struct found){0};
    return all_again(u, e) && look(u, ret, e);
}

bool changed_check(struct upgrade *u, bool *ret, struct err *e)
{
    struct found f = {0};
    if (!world_need(u, e) || (is_wanted(u) && !look_or_again(u, &f, e)))
        return false;
    *ret = f.n == 0;
    if (*ret)
        return true;
    (void)differ(u, E_ROWS_DIFFER, &f, "before the switch", e);
    changed_end(u);
    return false;
}

/* ---- behind it ---- */

/* Of several databases the first ones go on while the others are looked at: a second turn is short. */
bool changed_settle(struct upgrade *u, struct err *e)
{
    size_t n = u->changed ? u->changed->n : 0, turns = n > 1 ? 2 * n : n;
    for (size_t i = 0; i < turns; i++)
        if (!pg_changed_settle(u->changed->list[i % n].rows, e))
            return err_wrap(e, "database %s", u->changed->list[i % n].database);
    return true;
}

static void tell_compared(struct upgrade *u, const struct followed *f, const struct pg_changed_result *r,
                          int64_t ms)
{
    tell_later(u, arena_printf(u->look,
                               "database %s: %" PRId64 " rows were compared behind the fence, in %" PRId64
                               " ms (%" PRId64 " ms of it to read which), %" PRId64 " before it%s%s",
                               f->database, r->rows.rows, ms, r->read_ms, r->before,
                               r->skipped[0] ? "; too big to be compared whole there: " : "", r->skipped));
}

bool changed_compare(struct upgrade *u, const char *token, int64_t limit_ms, struct err *e)
{
    struct found found = {0};
    int64_t began = u->clock->mono_ms(u->clock);
    for (size_t i = 0; u->changed && i < u->changed->n; i++) {
        const struct followed *f = &u->changed->list[i];
        struct pg_changed_result r = {0};
        int64_t from = u->clock->mono_ms(u->clock);
        if (!pg_changed_finish(f->rows, u->look, token, limit_ms - (from - began), &r, e))
            return err_wrap(e, "database %s", f->database);
        tell_compared(u, f, &r, u->clock->mono_ms(u->clock) - from);
        add_found(u, f->database, &r.rows, &found);
    }
    return found.n == 0 || differ(u, E_CHANGED_DIFFER, &found, "behind the fence", e);
}
