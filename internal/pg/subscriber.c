#include "internal/base/buf.h"
#include "internal/pg/logical.h"
#include "internal/pg/query.h"

#include <stdio.h>
#include <string.h>

enum { RUN_AS_OWNER_SINCE = 160000, STATISTICS_SINCE = 150000, CONNINFO_MAX = 8192 };

#define OF_THIS_DATABASE "subdbid = (SELECT oid FROM pg_database WHERE datname = current_database())"

/* ---- clone ---- */

bool pg_volume_start_exists(struct pg *c, bool *ret, struct err *e)
{
    static const struct field field = {FIELD_BOOL, 0};
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    PGresult *r CLEANUP(result_cleanup) = NULL;
    void *rows;
    size_t n;
    if (!query_rows(c, "SELECT to_regprocedure('pg_catalog.aurora_volume_logical_start_lsn()') IS NOT NULL",
                    NULL, 0, &r, e) ||
        !query_map(r, a, &field, 1, sizeof(bool), &rows, &n, e))
        return err_wrap(e, "look for aurora_volume_logical_start_lsn()");
    *ret = *(bool *)rows;
    return true;
}

bool pg_volume_start(struct pg *c, lsn_t *ret, struct err *e)
{
    static const struct field field = {FIELD_LSN, 0};
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    PGresult *r CLEANUP(result_cleanup) = NULL;
    void *rows;
    size_t n;
    struct err why = ERR_INIT;
    bool asked = query_rows(c, "SELECT pg_catalog.aurora_volume_logical_start_lsn()", NULL, 0, &r, &why) &&
                 query_map(r, a, &field, 1, sizeof(lsn_t), &rows, &n, &why);
    if (asked && n == 1 && *(lsn_t *)rows != 0) {
        *ret = *(lsn_t *)rows;
        return true;
    }
    bool missing = asked || strcmp(why.remote_code, "42883") == 0;
    if (missing)
        (void)err_set(&why, ERR_NOT_FOUND, "aurora_volume_logical_start_lsn() %s",
                      asked ? "gives no position" : "does not exist");
    if (e)
        *e = why;
    return err_wrap(e, "read the position of the clone %s:%d", c->host, c->port);
}

#define INHERITED_SUBSCRIPTIONS                                                                              \
    "SELECT subname FROM pg_subscription WHERE " OF_THIS_DATABASE " ORDER BY subname"
#define INHERITED_SLOTS                                                                                      \
    "SELECT slot_name FROM pg_replication_slots WHERE slot_type = 'logical' AND"                             \
    " database = current_database() ORDER BY slot_name"

struct prepared {
    const char *gid, *owner;
};
struct inherited {
    const char **subscriptions, **slots;
    const struct prepared *prepared;
    struct pg_inherited n;
};

static bool find_prepared(struct pg *c, struct arena *a, struct inherited *ret, struct err *e)
{
    static const char sql[] = "SELECT gid, owner FROM pg_prepared_xacts WHERE database = current_database()"
                              " ORDER BY gid";
    static const struct field fields[] = {{FIELD_TEXT, offsetof(struct prepared, gid)},
                                          {FIELD_TEXT, offsetof(struct prepared, owner)}};
    PGresult *r CLEANUP(result_cleanup) = NULL;
    void *rows;
    if (!query_rows(c, sql, NULL, 0, &r, e) ||
        !query_map(r, a, fields, ARRAY_LEN(fields), sizeof(struct prepared), &rows, &ret->n.prepared, e))
        return false;
    ret->prepared = rows;
    return true;
}

static bool find_inherited(struct pg *c, struct arena *a, struct inherited *ret, struct err *e)
{
    return (query_names(c, a, INHERITED_SUBSCRIPTIONS, NULL, 0, &ret->subscriptions, &ret->n.subscriptions,
                        e) &&
            query_names(c, a, INHERITED_SLOTS, NULL, 0, &ret->slots, &ret->n.slots, e) &&
            find_prepared(c, a, ret, e)) ||
           err_wrap(e, "look for what the clone %s:%d inherited", c->host, c->port);
}

bool pg_inherited(struct pg *c, struct pg_inherited *ret, struct err *e)
{
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    struct inherited all = {0};
    if (!find_inherited(c, a, &all, e))
        return false;
    *ret = all.n;
    return true;
}

/* Only its owner may end it, and none but a superuser for him: the login acts as the owner meanwhile. */
static bool end_prepared(struct pg *c, struct arena *a, const struct prepared *p, struct err *e)
{
    struct err ignored = ERR_INIT;
    const char *owner, *gid;
    if (!query_name(c, a, p->owner, &owner, e) || !query_text(c, a, p->gid, &gid, e))
        return false;
    bool ok = query_run(c, arena_printf(a, "SET ROLE %s", owner), e) &&
              query_run(c, arena_printf(a, "ROLLBACK PREPARED %s", gid), e);
    (void)!query_run(c, "RESET ROLE", &ignored);
    return ok || err_wrap(e, "roll back prepared transaction %s of %s", gid, owner);
}

static bool drop_inherited(struct pg *c, struct arena *a, const struct inherited *all, struct err *e)
{
    for (size_t i = 0; i < all->n.subscriptions; i++)
        if (!pg_subscription_drop(c, all->subscriptions[i], e))
            return false;
    for (size_t i = 0; i < all->n.slots; i++)
        if (!pg_slot_drop(c, all->slots[i], e))
            return false;
    for (size_t i = 0; i < all->n.prepared; i++)
        if (!end_prepared(c, a, &all->prepared[i], e))
            return false;
    return true;
}

bool pg_inherited_drop(struct pg *c, struct pg_inherited *ret, struct err *e)
{
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    struct inherited all = {0};
    if (!find_inherited(c, a, &all, e))
        return false;
    if (!drop_inherited(c, a, &all, e))
        return err_wrap(e, "remove what the clone %s:%d inherited", c->host, c->port);
    *ret = all.n;
    return true;
}

/* ---- subscription ---- */

static const struct field found_fields[] = {
    {FIELD_BOOL, offsetof(struct pg_subscription, exists)},
    {FIELD_BOOL, offsetof(struct pg_subscription, enabled)},
    {FIELD_BOOL, offsetof(struct pg_subscription, advanced)},
    {FIELD_TEXT, offsetof(struct pg_subscription, slot)},
    {FIELD_TEXT, offsetof(struct pg_subscription, publication)},
    {FIELD_LSN, offsetof(struct pg_subscription, origin)},
    {FIELD_INT64, offsetof(struct pg_subscription, tables)},
    {FIELD_INT64, offsetof(struct pg_subscription, not_ready)},
    {FIELD_INT64, offsetof(struct pg_subscription, pid)},
    {FIELD_INT64, offsetof(struct pg_subscription, silent_ms)},
    {FIELD_LSN, offsetof(struct pg_subscription, received)},
    {FIELD_INT64, offsetof(struct pg_subscription, apply_errors)},
    {FIELD_INT64, offsetof(struct pg_subscription, sync_errors)},
};

/* pg_subscription_rel and the function behind pg_replication_origin_status are open to members of
 * rds_superuser; the view is not. */
#define FOUND_SQL(errors)                                                                                    \
    "SELECT true, s.subenabled, o.lsn IS NOT NULL AND o.lsn <> '0/0', coalesce(s.subslotname, ''),"          \
    " array_to_string(s.subpublications, ', '), coalesce(o.lsn, '0/0'),"                                     \
    " (SELECT count(*) FROM pg_subscription_rel r WHERE r.srsubid = s.oid),"                                 \
    " (SELECT count(*) FROM pg_subscription_rel r WHERE r.srsubid = s.oid AND r.srsubstate <> 'r'),"         \
    " coalesce(w.pid, 0), coalesce(greatest(extract(epoch FROM clock_timestamp() -"                          \
    " w.last_msg_receipt_time) * 1000, 0), 0)::bigint, w.received_lsn, " errors                              \
    " FROM pg_subscription s LEFT JOIN pg_stat_subscription w ON w.subid = s.oid AND w.relid IS NULL,"       \
    " LATERAL (SELECT pg_replication_origin_progress('pg_' || s.oid, true) AS lsn) o"                        \
    " WHERE s.subname = $1 AND s." OF_THIS_DATABASE

#define COUNTED(column)                                                                                      \
    " coalesce((SELECT t." column " FROM pg_stat_subscription_stats t WHERE t.subid = s.oid), 0)"

bool pg_subscription_find(struct pg *c, struct arena *a, const char *name, struct pg_subscription *ret,
                          struct err *e)
{
    static const char since_15[] = FOUND_SQL(COUNTED("apply_error_count") "," COUNTED("sync_error_count"));
    static const char before_15[] = FOUND_SQL("0::bigint, 0::bigint");
    PGresult *r CLEANUP(result_cleanup) = NULL;
    void *rows;
    size_t n;
    if (!query_rows(c, c->version >= STATISTICS_SINCE ? since_15 : before_15, &name, 1, &r, e) ||
        !query_map(r, a, found_fields, ARRAY_LEN(found_fields), sizeof *ret, &rows, &n, e))
        return err_wrap(e, "look for subscription %s in database \"%s\" of %s:%d", name, c->database, c->host,
                        c->port);
    *ret = n ? *(struct pg_subscription *)rows : (struct pg_subscription){.slot = "", .publication = ""};
    return true;
}

/* keyword='value', as libpq reads it (PostgreSQL chapter 34.1.1.1). */
static void add_keyword(struct buf *out, const char *keyword, const char *value)
{
    if (!value)
        return;
    (void)buf_printf(out, "%s%s='", out->n ? " " : "", keyword);
    for (; *value; value++)
        (void)buf_printf(out, "%s%c", *value == '\'' || *value == '\\' ? "\\" : "", *value);
    (void)buf_puts(out, "'");
}

static bool conninfo(struct pg *c, struct arena *a, const struct pg_source *from, const char **ret,
                     struct err *e)
{
    struct buf text = BUF_INIT(CONNINFO_MAX);
    char port[12];
    (void)snprintf(port, sizeof port, "%d", from->port);
    add_keyword(&text, "host", from->host);
    add_keyword(&text, "port", port);
    add_keyword(&text, "dbname", from->database);
    add_keyword(&text, "user", from->username);
    add_keyword(&text, "password", from->password);
    add_keyword(&text, "sslmode", from->sslmode ? from->sslmode : "require");
    add_keyword(&text, "channel_binding", from->sslmode ? NULL : "require");
    bool ok = text.overflow ? err_set(e, ERR_INVALID, "the connection to %s is described at too great length",
                                      from->host)
                            : query_text(c, a, text.p, ret, e);
    buf_done(&text);
    return ok;
}

static bool create_subscription(struct pg *c, struct arena *a, const char *name, const struct pg_source *from,
                                const char *publication, const char *slot, struct err *e)
{
    const char *quoted_name, *quoted_publication, *quoted_slot, *info;
    if (!query_name(c, a, name, &quoted_name, e) || !query_name(c, a, publication, &quoted_publication, e) ||
        !query_text(c, a, slot, &quoted_slot, e) || !conninfo(c, a, from, &info, e))
        return false;
    const char *sql = arena_printf(
        a,
        "CREATE SUBSCRIPTION %s CONNECTION %s PUBLICATION %s WITH (connect = true, create_slot = false,"
        " copy_data = false, enabled = false, slot_name = %s%s)",
        quoted_name, info, quoted_publication, quoted_slot,
        c->version >= RUN_AS_OWNER_SINCE ? ", run_as_owner = true" : "");
    bool ok = query_run(c, sql, e);
    if (e)
        scrub(e->said, from->password); /* the server quotes the statement it refuses */
    return ok;
}

bool pg_subscription_make(struct pg *c, const char *name, const struct pg_source *from,
                          const char *publication, const char *slot, struct err *e)
{
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    struct pg_subscription there;
    if (!pg_subscription_find(c, a, name, &there, e))
        return false;
    if (there.exists)
        return (strcmp(there.slot, slot) == 0 && strcmp(there.publication, publication) == 0) ||
               err_set(e, ERR_CONFLICT, "subscription %s of database \"%s\" reads %s from slot %s", name,
                       c->database, there.publication, there.slot);
    return create_subscription(c, a, name, from, publication, slot, e) ||
           err_wrap(e, "make subscription %s in database \"%s\" of %s:%d", name, c->database, c->host,
                    c->port);
}

bool pg_subscription_start_at(struct pg *c, const char *name, lsn_t start, struct err *e)
{
    static const char sql[] = "SELECT pg_replication_origin_advance('pg_' || oid, $2::pg_lsn) FROM"
                              " pg_subscription WHERE subname = $1 AND " OF_THIS_DATABASE;
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    PGresult *r CLEANUP(result_cleanup) = NULL;
    struct pg_subscription there;
    char at[LSN_SIZE], stands[LSN_SIZE];
    const char *params[] = {name, lsn_print(start, at)};
    if (!pg_subscription_find(c, a, name, &there, e))
        return false;
    if (!there.exists)
        return err_set(e, ERR_NOT_FOUND, "there is no subscription %s in database \"%s\"", name, c->database);
    if (there.advanced && there.origin == start)
        return true;
    if (there.enabled || there.advanced)
        return err_set(e, ERR_CONFLICT, "subscription %s stands at %s already, and cannot begin at %s", name,
                       lsn_print(there.origin, stands), at);
    return query_rows(c, sql, params, 2, &r, e) || err_wrap(e, "let subscription %s begin at %s", name, at);
}

static bool alter(struct pg *c, const char *name, const char *what, struct err *e)
{
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    const char *quoted;
    return (query_name(c, a, name, &quoted, e) &&
            query_run(c, arena_printf(a, "ALTER SUBSCRIPTION %s %s", quoted, what), e)) ||
           err_wrap(e, "alter subscription %s of database \"%s\"", name, c->database);
}

bool pg_subscription_connect(struct pg *c, const char *name, const struct pg_source *from, struct err *e)
{
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    const char *info;
    bool ok = conninfo(c, a, from, &info, e) && alter(c, name, arena_printf(a, "CONNECTION %s", info), e);
    if (!ok && e)
        scrub(e->said, from->password);
    return ok;
}

bool pg_subscription_enable(struct pg *c, const char *name, bool on, struct err *e)
{
    return alter(c, name, on ? "ENABLE" : "DISABLE", e);
}

bool pg_subscription_halt(struct pg *c, const char *name, bool *ret, struct err *e)
{
    /* One that runs as a superuser is nobody's to end; it notices by itself. */
    static const char sql[] =
        "SELECT count(*), count(CASE WHEN NOT r.rolsuper THEN pg_terminate_backend(s.pid) END) FROM"
        " pg_stat_subscription s LEFT JOIN pg_stat_activity a ON a.pid = s.pid LEFT JOIN pg_roles r ON r.oid "
        "="
        " a.usesysid WHERE s.subname = $1 AND s.pid IS NOT NULL";
    struct running {
        int64_t n, told;
    };
    static const struct field fields[] = {{FIELD_INT64, offsetof(struct running, n)},
                                          {FIELD_INT64, offsetof(struct running, told)}};
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    PGresult *r CLEANUP(result_cleanup) = NULL;
    void *rows;
    size_t n;
    if (!pg_subscription_enable(c, name, false, e) || !query_rows(c, sql, &name, 1, &r, e) ||
        !query_map(r, a, fields, ARRAY_LEN(fields), sizeof(struct running), &rows, &n, e))
        return err_wrap(e, "halt subscription %s of database \"%s\"", name, c->database);
    *ret = ((const struct running *)rows)->n == 0;
    return true;
}

bool pg_subscription_drop(struct pg *c, const char *name, struct err *e)
{
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    struct pg_subscription there;
    const char *quoted;
    if (!pg_subscription_find(c, a, name, &there, e))
        return false;
    if (!there.exists)
        return true;
    if (there.enabled && !alter(c, name, "DISABLE", e))
        return false;
    if (there.slot[0] && !alter(c, name, "SET (slot_name = NONE)", e))
        return false;
    return (query_name(c, a, name, &quoted, e) &&
            query_run(c, arena_printf(a, "DROP SUBSCRIPTION %s", quoted), e)) ||
           err_wrap(e, "drop subscription %s of database \"%s\"", name, c->database);
}

/* ---- what is sent, and what is taken ---- */

/* Always in quotes: which words need them is another question in every major. */
#define QUOTED(schema, relation)                                                                             \
    "'\"' || replace(" schema ", '\"', '\"\"') || '\".\"' || replace(" relation ", '\"', '\"\"') || '\"'"

bool pg_published_relations(struct pg *c, struct arena *a, const char *publication, const char ***ret,
                            size_t *ret_n, struct err *e)
{
    static const char sql[] = "SELECT name FROM (SELECT " QUOTED(
        "schemaname", "tablename") " AS name FROM pg_catalog.pg_publication_tables WHERE pubname = $1) t"
                                   " ORDER BY name COLLATE \"C\"";
    return query_names(c, a, sql, &publication, 1, ret, ret_n, e) ||
           err_wrap(e, "read what publication %s of database \"%s\" sends", publication, c->database);
}

bool pg_subscribed_relations(struct pg *c, struct arena *a, const char *subscription, const char ***ret,
                             size_t *ret_n, struct err *e)
{
    static const char sql[] = "SELECT name FROM (SELECT " QUOTED(
        "n.nspname", "k.relname") " AS name FROM pg_subscription_rel r JOIN pg_subscription s ON s.oid ="
                                  " r.srsubid JOIN pg_class k ON k.oid = r.srrelid JOIN pg_namespace n ON"
                                  " n.oid = k.relnamespace WHERE s.subname = $1 AND r.srsubstate IN ('r',"
                                  " 's') AND s." OF_THIS_DATABASE ") t ORDER BY name COLLATE \"C\"";
    return query_names(c, a, sql, &subscription, 1, ret, ret_n, e) ||
           err_wrap(e, "read what subscription %s of database \"%s\" takes", subscription, c->database);
}
