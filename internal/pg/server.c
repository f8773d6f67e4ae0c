#include "internal/pg/pg.h"
#include "internal/pg/query.h"
#include "internal/pg/replica.h"

#include <string.h>

static bool one_value(struct pg *c, const char *sql, const char *const *params, size_t n,
                      enum field_kind kind, struct arena *a, void *ret, size_t size, struct err *e)
{
    PGresult *r CLEANUP(result_cleanup) = NULL;
    const struct field field = {kind, 0};
    void *rows;
    size_t count;
    if (!query_rows(c, sql, params, n, &r, e) || !query_map(r, a, &field, 1, size, &rows, &count, e))
        return false;
    if (count != 1)
        return err_set(e, ERR_BUG, "%zu rows where one was asked for", count);
    memcpy(ret, rows, size);
    return true;
}

bool pg_setting(struct pg *c, struct arena *a, const char *name, const char **ret, struct err *e)
{
    static const char sql[] =
        "SELECT coalesce((SELECT setting FROM pg_settings WHERE lower(name) = lower($1)), '')";
    if (one_value(c, sql, &name, 1, FIELD_TEXT, a, (void *)ret, sizeof *ret, e))
        return true;
    return err_wrap(e, "read setting %s", name);
}

bool pg_database_oid(struct pg *c, int64_t *ret, struct err *e)
{
    static const char sql[] = "SELECT oid::bigint FROM pg_database WHERE datname = current_database()";
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    return one_value(c, sql, NULL, 0, FIELD_INT64, a, ret, sizeof *ret, e) ||
           err_wrap(e, "look database \"%s\" up", c->database);
}

bool pg_databases(struct pg *c, struct arena *a, const char ***ret, size_t *ret_n, struct err *e)
{
    static const char sql[] = "SELECT datname FROM pg_database WHERE datallowconn AND NOT datistemplate"
                              " AND datconnlimit <> -2 AND datname <> 'rdsadmin'"
                              " ORDER BY datname COLLATE \"C\"";
    static const struct field field = {FIELD_TEXT, 0};
    PGresult *r CLEANUP(result_cleanup) = NULL;
    void *rows;
    if (!query_rows(c, sql, NULL, 0, &r, e) || !query_map(r, a, &field, 1, sizeof(char *), &rows, ret_n, e))
        return err_wrap(e, "list databases of %s:%d", c->host, c->port);
    *ret = rows;
    return true;
}

bool pg_all_databases(struct pg *c, struct arena *a, const struct pg_database_row **ret, size_t *ret_n,
                      struct err *e)
{
    static const char sql[] = "SELECT datname, datistemplate, datallowconn AND datconnlimit <> -2 FROM"
                              " pg_database WHERE datname <> 'rdsadmin' ORDER BY datname COLLATE \"C\"";
    static const struct field fields[] = {
        {FIELD_TEXT, offsetof(struct pg_database_row, name)},
        {FIELD_BOOL, offsetof(struct pg_database_row, is_template)},
        {FIELD_BOOL, offsetof(struct pg_database_row, is_open)},
    };
    PGresult *r CLEANUP(result_cleanup) = NULL;
    void *rows;
    if (!query_rows(c, sql, NULL, 0, &r, e) ||
        !query_map(r, a, fields, ARRAY_LEN(fields), sizeof(struct pg_database_row), &rows, ret_n, e))
        return err_wrap(e, "list every database of %s:%d", c->host, c->port);
    *ret = rows;
    return true;
}

bool pg_current_lsn(struct pg *c, lsn_t *ret, struct err *e)
{
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    if (one_value(c, "SELECT " SQL_CURRENT_LSN, NULL, 0, FIELD_LSN, a, ret, sizeof *ret, e))
        return true;
    return err_wrap(e, "read the WAL position of %s:%d", c->host, c->port);
}

/* reset_val is what any new session of this user gets; our own sessions' value says nothing. */
bool pg_is_read_only(struct pg *c, bool *ret, struct err *e)
{
    static const char sql[] = "SELECT pg_is_in_recovery() OR reset_val = 'on' FROM pg_settings"
                              " WHERE name = 'default_transaction_read_only'";
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    if (one_value(c, sql, NULL, 0, FIELD_BOOL, a, ret, sizeof *ret, e))
        return true;
    return err_wrap(e, "ask whether %s:%d takes writes", c->host, c->port);
}

/* A transaction as any application would begin it: with the defaults of user and database. The message goes
 * through WAL insertion and, being transactional, reaches nobody once it is rolled back. */
static bool probe(struct pg *c, struct err *e)
{
    static const char write_something[] =
        "SELECT pg_current_xact_id()::text,"
        " pg_logical_emit_message(true, 'terraform-provider-aurora', 'write test')::text";
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    const char *read_only;
    struct pg *tx CLEANUP(query_rollback_cleanup) = c;
    PGresult *r CLEANUP(result_cleanup) = NULL;
    if (!query_run(tx, "BEGIN", e) || !one_value(c, "SELECT current_setting('transaction_read_only')", NULL,
                                                 0, FIELD_TEXT, a, (void *)&read_only, sizeof read_only, e))
        return false;
    if (strcmp(read_only, "off") != 0)
        return err_set(e, ERR_CONFLICT, "transactions are read-only by default");
    return query_rows(c, write_something, NULL, 0, &r, e);
}

bool pg_probe_writable(struct pg *c, struct err *e)
{
    if (!c->writable)
        return err_set(e, ERR_BUG, "write test on a session that was opened read-only");
    bool read_only;
    if (!pg_is_read_only(c, &read_only, e))
        return false;
    if (read_only)
        return err_set(e, ERR_CONFLICT, "%s:%d, database \"%s\", refuses writes", c->host, c->port,
                       c->database);
    if (!probe(c, e))
        return err_wrap(e, "write test on %s:%d, database \"%s\"", c->host, c->port, c->database);
    return true;
}

static const struct field slot_fields[] = {
    {FIELD_TEXT, offsetof(struct pg_slot, name)},        {FIELD_TEXT, offsetof(struct pg_slot, plugin)},
    {FIELD_TEXT, offsetof(struct pg_slot, database)},    {FIELD_TEXT, offsetof(struct pg_slot, wal_status)},
    {FIELD_LSN, offsetof(struct pg_slot, confirmed)},    {FIELD_INT64, offsetof(struct pg_slot, lag_bytes)},
    {FIELD_INT64, offsetof(struct pg_slot, kept_bytes)}, {FIELD_BOOL, offsetof(struct pg_slot, active)},
    {FIELD_INT64, offsetof(struct pg_slot, behind_ms)},
};

/* A reader that has nothing to confirm says so this often (wal_receiver_status_interval). */
#define REPLIES_EVERY "10 s"

bool pg_slots(struct pg *c, struct arena *a, const char *prefix, const struct pg_slot **ret, size_t *ret_n,
              struct err *e)
{
    static const char sql[] =
        "SELECT slot_name, plugin, database, wal_status, confirmed_flush_lsn,"
        " greatest(pg_wal_lsn_diff(" SQL_CURRENT_LSN ", confirmed_flush_lsn), 0)::bigint,"
        " greatest(pg_wal_lsn_diff(" SQL_CURRENT_LSN ", restart_lsn), 0)::bigint, active,"
        " CASE WHEN r.reply_time IS NULL THEN -1 WHEN confirmed_flush_lsn >= " SQL_CURRENT_LSN " THEN 0 ELSE"
        " (greatest(extract(epoch FROM greatest(r.replay_lag, clock_timestamp() - r.reply_time -"
        " interval '" REPLIES_EVERY "')), 0) * 1000)::bigint END"
        " FROM pg_replication_slots LEFT JOIN pg_stat_replication r ON r.pid = active_pid"
        " WHERE slot_type = 'logical' AND starts_with(slot_name, $1)"
        " ORDER BY slot_name COLLATE \"C\"";
    const char *params[] = {prefix ? prefix : ""};
    PGresult *r CLEANUP(result_cleanup) = NULL;
    void *rows;
    if (!query_rows(c, sql, params, 1, &r, e) ||
        !query_map(r, a, slot_fields, ARRAY_LEN(slot_fields), sizeof(struct pg_slot), &rows, ret_n, e))
        return err_wrap(e, "list replication slots of %s:%d", c->host, c->port);
    *ret = rows;
    return true;
}
