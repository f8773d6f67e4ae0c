#include "internal/pg/health.h"
#include "internal/pg/query.h"

enum { SESSION_COUNTERS_SINCE = 140000 };

#define FROM_DATABASES " FROM pg_stat_database WHERE datname NOT IN ('rdsadmin', 'template0', 'template1')"
#define COUNTERS                                                                                             \
    "SELECT coalesce(sum(xact_commit), 0)::bigint, coalesce(sum(xact_rollback), 0)::bigint,"                 \
    " coalesce(sum(deadlocks), 0)::bigint, "

/* Columns that the role may not read are null, backend_type among them. */
#define FROM_CLIENTS                                                                                         \
    " FROM pg_stat_activity WHERE coalesce(backend_type, 'client backend') = 'client backend'"               \
    " AND datid IS NOT NULL AND pid <> pg_backend_pid() AND usename IS DISTINCT FROM 'rdsadmin'"             \
    " AND application_name IS DISTINCT FROM 'terraform-provider-aurora'"

static bool read_counters(struct pg *c, struct arena *a, struct pg_health *h, struct err *e)
{
    static const char since_14[] =
        COUNTERS "coalesce(sum(sessions_abandoned + sessions_fatal + sessions_killed), 0)::bigint,"
                 " coalesce(sum(active_time), 0)::bigint" FROM_DATABASES;
    static const char before_14[] = COUNTERS "0::bigint, 0::bigint" FROM_DATABASES;
    static const struct field fields[] = {
        {FIELD_INT64, offsetof(struct pg_health, commits)},
        {FIELD_INT64, offsetof(struct pg_health, rollbacks)},
        {FIELD_INT64, offsetof(struct pg_health, deadlocks)},
        {FIELD_INT64, offsetof(struct pg_health, broken_sessions)},
        {FIELD_INT64, offsetof(struct pg_health, active_ms)},
    };
    PGresult *r CLEANUP(result_cleanup) = NULL;
    void *rows;
    size_t n;
    if (!query_rows(c, c->version >= SESSION_COUNTERS_SINCE ? since_14 : before_14, NULL, 0, &r, e) ||
        !query_map(r, a, fields, ARRAY_LEN(fields), sizeof *h, &rows, &n, e))
        return false;
    *h = *(struct pg_health *)rows;
    return true;
}

static bool read_longest(struct pg *c, struct arena *a, struct pg_health *h, struct err *e)
{
    static const char sql[] =
        "SELECT greatest(extract(epoch FROM clock_timestamp() - xact_start) * 1000, 0)::bigint,"
        " coalesce(application_name, '')" FROM_CLIENTS
        " AND xact_start IS NOT NULL ORDER BY xact_start LIMIT 1";
    static const struct field fields[] = {{FIELD_INT64, offsetof(struct pg_health, longest_ms)},
                                          {FIELD_TEXT, offsetof(struct pg_health, longest_application)}};
    PGresult *r CLEANUP(result_cleanup) = NULL;
    void *rows;
    size_t n;
    if (!query_rows(c, sql, NULL, 0, &r, e) ||
        !query_map(r, a, fields, ARRAY_LEN(fields), sizeof *h, &rows, &n, e))
        return false;
    h->longest_ms = n ? ((struct pg_health *)rows)->longest_ms : 0;
    h->longest_application = n ? ((struct pg_health *)rows)->longest_application : "";
    return true;
}

static bool read_applications(struct pg *c, struct arena *a, struct pg_health *h, struct err *e)
{
    static const char sql[] =
        "SELECT coalesce(application_name, '') AS name, count(*) AS sessions" FROM_CLIENTS
        " GROUP BY coalesce(application_name, '') ORDER BY sessions DESC, coalesce(application_name, '') "
        "COLLATE \"C\" LIMIT 50";
    static const struct field fields[] = {{FIELD_TEXT, offsetof(struct pg_application, name)},
                                          {FIELD_INT64, offsetof(struct pg_application, sessions)}};
    PGresult *r CLEANUP(result_cleanup) = NULL;
    void *rows;
    if (!query_rows(c, sql, NULL, 0, &r, e) ||
        !query_map(r, a, fields, ARRAY_LEN(fields), sizeof *h->applications, &rows, &h->application_count, e))
        return false;
    h->applications = rows;
    return true;
}

bool pg_health(struct pg *c, struct arena *a, struct pg_health *ret, struct err *e)
{
    struct pg_health h = {0};
    if (!read_counters(c, a, &h, e) || !read_longest(c, a, &h, e) || !read_applications(c, a, &h, e))
        return err_wrap(e, "read the counters of %s:%d", c->host, c->port);
    *ret = h;
    return true;
}
