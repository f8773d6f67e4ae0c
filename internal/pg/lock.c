#include "internal/pg/lock.h"
#include "internal/pg/query.h"

/* The first eight bytes of "aurora-upgrade" as a number. In pg_locks a bigint key stands as its two halves,
 * with objsubid 1. */
#define LOCK_KEY "7022645016940064117"
#define LOCK_IS_OURS                                                                                         \
    "l.locktype = 'advisory' AND l.objsubid = 1 AND l.granted"                                               \
    " AND (l.classid::bigint << 32) + l.objid::bigint = " LOCK_KEY                                           \
    " AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())"

struct answer {
    bool held;
    const char *holder;
};
static const struct field answer_fields[] = {
    {FIELD_BOOL, offsetof(struct answer, held)},
    {FIELD_TEXT, offsetof(struct answer, holder)},
};

/* A machine that is lost must not hold it for hours: the server looks for its client after half a minute. */
static const char watch_sql[] = "SELECT set_config('tcp_keepalives_idle', '30', false), "
                                "set_config('tcp_keepalives_interval', '10', false),"
                                " set_config('tcp_keepalives_count', '3', false)";

/* Asked before it is taken: a session may take its own lock any number of times, and would have to give it
 * back as often. */
static const char take_sql[] =
    "SELECT EXISTS (SELECT FROM pg_locks l WHERE l.pid = pg_backend_pid() AND " LOCK_IS_OURS ")"
    " OR pg_try_advisory_lock(" LOCK_KEY "),"
    " (SELECT concat('process ', l.pid, ' of ', quote_ident(s.usename), ' (', s.application_name, '), since "
    "',"
    " date_trunc('second', s.backend_start)) FROM pg_locks l LEFT JOIN pg_stat_activity s ON s.pid = l.pid"
    " WHERE l.pid <> pg_backend_pid() AND " LOCK_IS_OURS " LIMIT 1)";

bool pg_lock_take(struct pg *c, struct arena *a, bool *ret_held, const char **ret_holder, struct err *e)
{
    PGresult *r CLEANUP(result_cleanup) = NULL;
    void *rows = NULL;
    size_t n = 0;
    if (!query_run(c, watch_sql, e) || !query_rows(c, take_sql, NULL, 0, &r, e) ||
        !query_map(r, a, answer_fields, ARRAY_LEN(answer_fields), sizeof(struct answer), &rows, &n, e))
        return false;
    if (n != 1)
        return err_set(e, ERR_REMOTE, "the server answered with %zu rows", n);
    const struct answer *answer = rows;
    *ret_held = answer->held;
    *ret_holder = answer->holder;
    return true;
}
