#include "internal/pg/changed_work.h"

#include <string.h>

enum { PAUSE_MS = 1 };

/* What a look at one side sees, by the lower halves of the ids. */
struct sight {
    uint32_t from, to; /* all before `from` have ended, none from `to` on has */
    const uint32_t *running;
    size_t n;
};

static bool read_sight(struct pg *c, struct arena *a, struct sight *ret, struct err *e)
{
    static const char sql[] =
        "SELECT pg_snapshot_xmin(s)::text::bigint & 4294967295, pg_snapshot_xmax(s)::text::bigint &"
        " 4294967295, coalesce(x::text::bigint & 4294967295, 0) FROM (SELECT pg_current_snapshot() AS s) o "
        "LEFT"
        " JOIN LATERAL pg_snapshot_xip(s) x ON true";
    struct row {
        int64_t from, to, running;
    };
    static const struct field fields[] = {{FIELD_INT64, offsetof(struct row, from)},
                                          {FIELD_INT64, offsetof(struct row, to)},
                                          {FIELD_INT64, offsetof(struct row, running)}};
    PGresult *r CLEANUP(result_cleanup) = NULL;
    void *rows;
    size_t n;
    if (!query_rows(c, sql, NULL, 0, &r, e) ||
        !query_map(r, a, fields, ARRAY_LEN(fields), sizeof(struct row), &rows, &n, e))
        return err_wrap(e, "read which transactions run on %s:%d", c->host, c->port);
    const struct row *all = rows;
    uint32_t *running = ARENA_ARRAY(a, uint32_t, n + 1);
    for (size_t i = 0; i < n; i++)
        running[i] = (uint32_t)all[i].running;
    *ret = (struct sight){(uint32_t)all[0].from, (uint32_t)all[0].to, running, n};
    return true;
}

/* Ids come round. */
static bool is_before(uint32_t a, uint32_t b)
{
    return (int32_t)(a - b) < 0;
}

static bool has_ended(const struct sight *s, uint32_t id)
{
    if (is_before(id, s->from))
        return true;
    bool runs = !is_before(id, s->to);
    for (size_t i = 0; i < s->n && !runs; i++)
        runs = s->running[i] == id;
    return !runs;
}

static bool all_ended(struct pg *c, const struct transactions *of, bool *ret, struct err *e)
{
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    struct sight s;
    *ret = true;
    if (of->n > 0 && !read_sight(c, a, &s, e))
        return false;
    for (size_t i = 0; i < of->n && *ret; i++)
        *ret = has_ended(&s, of->ids[i]);
    return true;
}

bool changed_wait_seen(struct pg_changed *c, int64_t limit_ms, bool *ret, struct err *e)
{
    int64_t until = socket_now_ms() + limit_ms;
    for (;;) {
        bool old = false, now = false;
        if (!all_ended(c->w.side[OLD], &c->set->by[OLD], &old, e) ||
            !all_ended(c->w.side[NEW], &c->set->by[NEW], &now, e))
            return false;
        *ret = old && now;
        if (*ret || socket_now_ms() >= until)
            return true;
        if (stop_wait(c->w.side[OLD]->stop, PAUSE_MS))
            return err_set(e, ERR_CANCELLED, "stopped while reading what has changed");
    }
}
