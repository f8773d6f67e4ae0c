/* What the guardrails look at, asked from the real servers. Conditions are rows; their texts reach users
 * through StatusDetails and events, so they say what to do. AWS's own texts are not published: all of them
 * stand in the README's list. */
#include "acceptance-tests/sandbox/bluegreen.h"
#include "acceptance-tests/sandbox/proxy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Everything of a catalogue that logical replication does not carry: relations, columns, indexes,
 * constraints, triggers, functions, types, large objects. Names, not oids; the sandbox's own schemas are left
 * out. */
#define FINGERPRINT                                                                                          \
    "WITH ns AS (SELECT oid, nspname FROM pg_namespace WHERE nspname !~ '^(pg_|rds_)' AND "                  \
    "nspname <> 'information_schema'), lines AS ("                                                           \
    "SELECT concat_ws(' ', 'r', n.nspname, c.relname, c.relkind, c.relpersistence, c.relreplident) AS l "    \
    "FROM pg_class c JOIN ns n ON n.oid = c.relnamespace WHERE c.relpersistence <> 't' UNION ALL "           \
    "SELECT concat_ws(' ', 'a', n.nspname, c.relname, a.attnum, a.attname, "                                 \
    "format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attidentity, pg_get_expr(d.adbin, d.adrelid)) "   \
    "FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN ns n ON n.oid = c.relnamespace "         \
    "LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum "                               \
    "WHERE a.attnum > 0 AND c.relpersistence <> 't' UNION ALL "                                              \
    "SELECT concat_ws(' ', 'i', pg_get_indexdef(x.indexrelid)) FROM pg_index x JOIN pg_class c ON "          \
    "c.oid = x.indrelid JOIN ns n ON n.oid = c.relnamespace WHERE c.relpersistence <> 't' UNION ALL "        \
    "SELECT concat_ws(' ', 'c', n.nspname, k.conrelid::regclass, k.conname, pg_get_constraintdef(k.oid)) "   \
    "FROM pg_constraint k JOIN ns n ON n.oid = k.connamespace UNION ALL "                                    \
    "SELECT concat_ws(' ', 't', pg_get_triggerdef(t.oid), t.tgenabled) FROM pg_trigger t JOIN pg_class c "   \
    "ON "                                                                                                    \
    "c.oid = t.tgrelid JOIN ns n ON n.oid = c.relnamespace WHERE NOT t.tgisinternal UNION ALL "              \
    "SELECT concat_ws(' ', 'f', n.nspname, p.proname, pg_get_function_identity_arguments(p.oid), "           \
    "md5(p.prosrc)) FROM pg_proc p JOIN ns n ON n.oid = p.pronamespace UNION ALL "                           \
    "SELECT concat_ws(' ', 'e', n.nspname, t.typname, g.enumlabel, g.enumsortorder) FROM pg_enum g "         \
    "JOIN pg_type t ON t.oid = g.enumtypid JOIN ns n ON n.oid = t.typnamespace UNION ALL "                   \
    "SELECT concat_ws(' ', 'x', extname, extversion) FROM pg_extension UNION ALL "                           \
    "SELECT concat_ws(' ', 'l', count(*), max(oid)) FROM pg_largeobject_metadata) "                          \
    "SELECT md5(coalesce(string_agg(l, E'\\n' ORDER BY l COLLATE \"C\"), '')) FROM lines"

/* A condition that must find nothing. */
static const struct guard {
    bool green, each_database;
    const char *sql, *reason;
} GUARDS[] = {
    {false, false,
     "SELECT slot_name FROM pg_replication_slots WHERE slot_type = 'logical' AND slot_name !~ '^rds_'",
     "the blue environment has logical replication slots of its own. Drop them and try again"},
    {false, false, "SELECT subname FROM pg_subscription WHERE subname !~ '^rds_'",
     "the blue environment is a self-managed logical subscriber. Drop the subscriptions and try again"},
    {false, true, "SELECT pubname FROM pg_publication WHERE pubname !~ '^rds_'",
     "the blue environment is a self-managed logical publisher. Drop the publications and try again"},
    {false, false, "SELECT gid FROM pg_prepared_xacts",
     "the blue environment has prepared transactions. Commit or roll back them and try again"},
    {false, false,
     "SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend' AND usename <> 'rdsadmin' AND "
     "backend_xid IS NOT NULL AND xact_start < clock_timestamp() - interval '10 seconds'",
     "the blue environment has long-running write operations or DDL. Wait for them to finish and try again"},
    {true, false,
     "SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend' AND usename <> 'rdsadmin' AND "
     "backend_xid IS NOT NULL",
     "the green environment has active writes. Stop them and try again"},
};

bool bluegreen_long_transaction(struct sandbox *sb, const char *blue, bool *ret, struct err *e)
{
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    struct sql_result found = {0};
    if (!volume_sql(sb->engine, a, blue, "postgres",
                    "SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend' AND usename <> "
                    "'rdsadmin' "
                    "AND backend_xid IS NOT NULL AND xact_start < clock_timestamp() - interval '10 seconds' "
                    "UNION ALL SELECT 0 FROM pg_prepared_xacts",
                    &found, e))
        return err_wrap(e, "look for long transactions");
    *ret = found.rows > 0;
    return true;
}

bool bluegreen_fingerprints(struct sandbox *sb, const char *volume, json_t **ret, struct err *e)
{
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    const char **databases = NULL;
    size_t n = 0;
    if (!volume_databases(sb->engine, a, volume, &databases, &n, e))
        return false;
    json_t *prints = json_object();
    for (size_t i = 0; i < n; i++) {
        struct sql_result found = {0};
        if (!volume_sql(sb->engine, a, volume, databases[i], FINGERPRINT, &found, e)) {
            json_decref(prints);
            return err_wrap(e, "read the catalogue of %s", databases[i]);
        }
        rec_set_str(prints, databases[i], found.rows > 0 ? found.cell[0][0] : "");
    }
    *ret = prints;
    return true;
}

static bool check_catalogues(struct sandbox *sb, const struct bluegreen_sides *s, struct err *e)
{
    json_t *now = NULL;
    if (!bluegreen_fingerprints(sb, s->blue, &now, e))
        return false;
    sandbox_lock(sb);
    const json_t *d = store_find(sb->store, KIND_BLUEGREEN, s->id);
    bool same = json_equal(now, rec_get(d, "_fingerprints"));
    sandbox_unlock(sb);
    json_decref(now);
    return same ||
           err_set(e, ERR_CONFLICT,
                   "unsupported changes were made on the blue environment since the deployment was created: "
                   "DDL or large objects. Delete the deployment and create it again");
}

bool bluegreen_degraded(struct sandbox *sb, const struct bluegreen_sides *s, struct err *e)
{
    struct bluegreen_state state = {0};
    if (!bluegreen_observe(sb->engine, s->blue, s->green, &state, e))
        return err_wrap(e, "observe replication");
    if (!state.healthy)
        return err_set(e, ERR_CONFLICT, "replication from the blue to the green environment is unhealthy: %s",
                       state.reason);
    return check_catalogues(sb, s, e);
}

/* The User Guide: with RDS Proxy, the proxy reaches both environments. */
static bool check_proxies(struct sandbox *sb, const struct bluegreen_sides *s, struct err *e)
{
    sandbox_lock(sb);
    const json_t *d = store_find(sb->store, KIND_BLUEGREEN, s->id);
    const char *blue = strrchr(rec_str(d, "Source"), ':');
    const char *name = blue ? proxy_unreached(sb, blue + 1) : NULL;
    bool ok = !name || err_set(e, ERR_CONFLICT, "the RDS Proxy %s does not reach the blue environment", name);
    sandbox_unlock(sb);
    return ok;
}

static bool check_guard(struct sandbox *sb, const struct bluegreen_sides *s, const struct guard *g,
                        struct err *e)
{
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    const char *volume = g->green ? s->green : s->blue, *only[] = {"postgres"}, **databases = only;
    size_t n = 1;
    if (g->each_database && !volume_databases(sb->engine, a, volume, &databases, &n, e))
        return false;
    for (size_t i = 0; i < n; i++) {
        struct sql_result found = {0};
        if (!volume_sql(sb->engine, a, volume, databases[i], g->sql, &found, e))
            return err_wrap(e, "guardrail");
        if (found.rows > 0)
            return err_set(e, ERR_CONFLICT, "%s", g->reason);
    }
    return true;
}

/* What green has not confirmed must be drained within the time-out, at a modest rate. */
static bool check_lag(struct sandbox *sb, const struct bluegreen_sides *s, int64_t timeout_ms, struct err *e)
{
    enum { BYTES_PER_MS = 4096 };
    struct bluegreen_state state = {0};
    if (!bluegreen_observe(sb->engine, s->blue, s->green, &state, e))
        return err_wrap(e, "observe replication");
    return state.lag_bytes <= timeout_ms * BYTES_PER_MS ||
           err_set(e, ERR_CONFLICT, "replication lag of %lld bytes is too high for the switchover timeout",
                   (long long)state.lag_bytes);
}

bool bluegreen_guard(struct sandbox *sb, const struct bluegreen_sides *s, int64_t timeout_ms, struct err *e)
{
    for (size_t i = 0; i < ARRAY_LEN(GUARDS); i++)
        if (!check_guard(sb, s, &GUARDS[i], e))
            return false;
    return check_proxies(sb, s, e) && bluegreen_degraded(sb, s, e) && check_lag(sb, s, timeout_ms, e);
}
