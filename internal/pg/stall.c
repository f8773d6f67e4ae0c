#include "internal/pg/stall.h"
#include "internal/base/buf.h"
#include "internal/pg/query.h"

#include <inttypes.h>
#include <string.h>

#define AGE(of) "coalesce(greatest(extract(epoch FROM clock_timestamp() - " of ") * 1000, 0), 0)::bigint"

static const struct field holder_fields[] = {
    {FIELD_INT64, offsetof(struct pg_holder, pid)},  {FIELD_INT64, offsetof(struct pg_holder, age_ms)},
    {FIELD_TEXT, offsetof(struct pg_holder, user)},  {FIELD_TEXT, offsetof(struct pg_holder, application)},
    {FIELD_TEXT, offsetof(struct pg_holder, state)}, {FIELD_TEXT, offsetof(struct pg_holder, database)},
    {FIELD_TEXT, offsetof(struct pg_holder, table)}, {FIELD_TEXT, offsetof(struct pg_holder, query)},
};

static bool read_holders(struct pg *c, struct arena *a, const char *sql, const char *param,
                         struct pg_holder **ret, size_t *ret_n, struct err *e)
{
    PGresult *r CLEANUP(result_cleanup) = NULL;
    void *rows;
    size_t n;
    if (!query_rows(c, sql, &param, param ? 1 : 0, &r, e) ||
        !query_map(r, a, holder_fields, ARRAY_LEN(holder_fields), sizeof(struct pg_holder), &rows, &n, e))
        return false;
    struct pg_holder *list = rows;
    for (size_t i = 0; i < n; i++)
        if (list[i].pid != 0)
            list[i].query = pg_query_shape(a, list[i].query);
    *ret = list;
    *ret_n = n;
    return true;
}

/* A row that is locked is waited for through the transaction that has it, and the table then shows in the
 * worker's own locks alone: first what it has not got, then the row's table, then one it writes. */
static const char blockers_sql[] =
    "WITH w AS (SELECT DISTINCT t.pid FROM pg_stat_subscription t JOIN pg_subscription s ON s.oid = t.subid"
    "  WHERE s.subname = $1 AND s.subdbid = (SELECT oid FROM pg_database WHERE datname = current_database())"
    "  AND EXISTS (SELECT FROM pg_locks l WHERE l.pid = t.pid AND NOT l.granted)),"
    " b AS (SELECT w.pid AS worker, unnest(pg_blocking_pids(w.pid)) AS pid FROM w)"
    " SELECT b.pid, " AGE(
        "h.xact_start") ", coalesce(h.usename, ''), coalesce(h.application_name, ''),"
                        " coalesce(h.state, ''), coalesce(h.datname, ''), coalesce((SELECT format('%I.%I', "
                        "n.nspname, c.relname)"
                        "  FROM pg_locks l JOIN pg_class c ON c.oid = l.relation JOIN pg_namespace n ON "
                        "n.oid = c.relnamespace"
                        "  WHERE l.pid = b.worker AND c.relkind IN ('r', 'p') AND n.nspname <> 'pg_catalog'"
                        "  ORDER BY l.granted, l.locktype <> 'tuple', l.mode <> 'RowExclusiveLock', c.oid "
                        "LIMIT 1), ''),"
                        " coalesce(h.query, '') FROM b LEFT JOIN pg_stat_activity h ON h.pid = b.pid ORDER "
                        "BY 2 DESC LIMIT 5";

bool pg_apply_blockers(struct pg *c, struct arena *a, const char *subscription, const struct pg_holder **ret,
                       size_t *ret_n, struct err *e)
{
    struct pg_holder *list = NULL;
    if (!read_holders(c, a, blockers_sql, subscription, &list, ret_n, e))
        return err_wrap(e, "look for whom subscription %s of database \"%s\" waits", subscription,
                        c->database);
    *ret = list;
    return true;
}

static const char oldest_sql[] = "SELECT * FROM (SELECT pid, " AGE(
    "xact_start") " AS age, coalesce(usename, ''), coalesce(application_name, ''),"
                  " coalesce(state, ''), coalesce(datname, ''), '', coalesce(query, '') FROM pg_stat_activity"
                  " WHERE backend_xid IS NOT NULL AND pid <> pg_backend_pid()"
                  " UNION ALL SELECT 0, " AGE(
                      "prepared") ", owner, '', 'prepared', database, '', quote_literal(gid)"
                                  " FROM pg_prepared_xacts) AS x ORDER BY age DESC LIMIT 1";

bool pg_oldest_writer(struct pg *c, struct arena *a, struct pg_holder *ret, bool *ret_found, struct err *e)
{
    struct pg_holder *list = NULL;
    size_t n = 0;
    if (!read_holders(c, a, oldest_sql, NULL, &list, &n, e))
        return err_wrap(e, "look for the oldest transaction of %s:%d", c->host, c->port);
    *ret_found = n > 0;
    if (n > 0)
        *ret = list[0];
    return true;
}

const char *pg_holder_text(struct arena *a, const struct pg_holder *h)
{
    int64_t seconds = h->age_ms / 1000;
    if (h->pid == 0)
        return arena_printf(a, "prepared transaction%s%s for %" PRId64 " s", h->query[0] ? " " : "", h->query,
                            seconds);
    return arena_printf(a, "process %" PRId64 " (%s%s%s%s%s) for %" PRId64 " s%s%s", h->pid,
                        h->application[0] ? h->application : "no application name", h->user[0] ? ", " : "",
                        h->user, h->state[0] ? ", " : "", h->state, seconds, h->query[0] ? ": " : "",
                        h->query);
}
