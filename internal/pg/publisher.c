#include "internal/base/buf.h"
#include "internal/pg/logical.h"
#include "internal/pg/query.h"
#include "internal/pg/replica.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    STATEMENT_MAX = 16 * 1024 * 1024, /* a name takes some 130 bytes at most, 10 000 tables 1.3 MB */
    RELEASE_MS = 30000,               /* for a walsender that was told to end */
    RELEASE_PAUSE_MS = 50,
    NAMED = 10,
};

#define MARKER_TABLE "aurora_upgrade.marker"

/* ---- publication ---- */

static bool read_kind(struct pg *c, struct arena *a, const char *name, struct pg_publication *p,
                      struct err *e)
{
    static const struct field field = {FIELD_BOOL, 0};
    PGresult *r CLEANUP(result_cleanup) = NULL;
    void *rows;
    size_t n;
    if (!query_rows(c, "SELECT puballtables FROM pg_publication WHERE pubname = $1", &name, 1, &r, e) ||
        !query_map(r, a, &field, 1, sizeof(bool), &rows, &n, e))
        return false;
    p->exists = n > 0;
    p->all_tables = n > 0 && *(bool *)rows;
    return true;
}

bool pg_publication_find(struct pg *c, struct arena *a, const char *name, struct pg_publication *ret,
                         struct err *e)
{
    static const char tables_sql[] =
        "SELECT format('%I.%I', n.nspname, c.relname) FROM pg_publication p JOIN pg_publication_rel pr ON"
        " pr.prpubid = p.oid JOIN pg_class c ON c.oid = pr.prrelid JOIN pg_namespace n ON n.oid ="
        " c.relnamespace WHERE p.pubname = $1 ORDER BY format('%I.%I', n.nspname, c.relname) COLLATE \"C\"";
    static const struct field field = {FIELD_TEXT, 0};
    struct pg_publication p = {0};
    PGresult *r CLEANUP(result_cleanup) = NULL;
    void *rows;
    if (!read_kind(c, a, name, &p, e) || !query_rows(c, tables_sql, &name, 1, &r, e) ||
        !query_map(r, a, &field, 1, sizeof(const char *), &rows, &p.table_count, e))
        return err_wrap(e, "look for publication %s in database \"%s\"", name, c->database);
    p.tables = rows;
    *ret = p;
    return true;
}

static int by_name(const void *x, const void *y)
{
    return strcmp(*(const char *const *)x, *(const char *const *)y);
}

/* With the marker table, sorted as the catalogue is read. */
static const char **with_marker(struct arena *a, const char *const *tables, size_t n)
{
    const char **all = ARENA_ARRAY(a, const char *, n + 1);
    for (size_t i = 0; i < n; i++)
        all[i] = tables[i];
    all[n] = MARKER_TABLE;
    qsort(all, n + 1, sizeof *all, by_name);
    return all;
}

static bool same_tables(const struct pg_publication *p, const char *const *tables, size_t n)
{
    if (p->all_tables || p->table_count != n)
        return false;
    for (size_t i = 0; i < n; i++)
        if (strcmp(p->tables[i], tables[i]) != 0)
            return false;
    return true;
}

/* ONLY: children of a table by inheritance are listed themselves, where they are wanted. */
static bool create_publication(struct pg *c, const char *quoted, const char *const *tables, size_t n,
                               struct err *e)
{
    struct buf sql = BUF_INIT(STATEMENT_MAX);
    (void)buf_printf(&sql, "CREATE PUBLICATION %s FOR TABLE", quoted);
    for (size_t i = 0; i < n; i++)
        (void)buf_printf(&sql, "%s ONLY %s", i ? "," : "", tables[i]);
    bool ok = sql.overflow ? err_set(e, ERR_INVALID, "%zu tables are too many for one statement", n)
                           : query_run(c, sql.p, e);
    buf_done(&sql);
    return ok;
}

bool pg_publication_make(struct pg *c, const char *name, const char *const *tables, size_t n, struct err *e)
{
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    const char **all = with_marker(a, tables, n), *quoted = NULL;
    struct pg_publication there;
    if (!pg_publication_find(c, a, name, &there, e))
        return false;
    if (there.exists)
        return same_tables(&there, all, n + 1) ||
               err_set(e, ERR_CONFLICT, "publication %s of database \"%s\" has other tables", name,
                       c->database);
    return (query_name(c, a, name, &quoted, e) && create_publication(c, quoted, all, n + 1, e)) ||
           err_wrap(e, "make publication %s in database \"%s\"", name, c->database);
}

bool pg_publication_make_for_all(struct pg *c, const char *name, struct err *e)
{
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    struct pg_publication there;
    const char *quoted = NULL;
    if (!pg_publication_find(c, a, name, &there, e))
        return false;
    if (there.exists)
        return there.all_tables ||
               err_set(e, ERR_CONFLICT, "publication %s of database \"%s\" has a list of tables", name,
                       c->database);
    return (query_name(c, a, name, &quoted, e) &&
            query_run(c, arena_printf(a, "CREATE PUBLICATION %s FOR ALL TABLES", quoted), e)) ||
           err_wrap(e, "make publication %s in database \"%s\"", name, c->database);
}

bool pg_publication_drop(struct pg *c, const char *name, struct err *e)
{
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    const char *quoted = NULL;
    return (query_name(c, a, name, &quoted, e) &&
            query_run(c, arena_printf(a, "DROP PUBLICATION IF EXISTS %s", quoted), e)) ||
           err_wrap(e, "drop publication %s of database \"%s\"", name, c->database);
}

/* ---- slot ---- */

/* Whose ends the server waits for: every transaction with an id, of any database. */
static const char running_sql[] =
    "SELECT concat('process ', pid, ' of ', quote_ident(usename), ' (', application_name, ') in ',"
    " quote_ident(datname), ', ', extract(epoch FROM clock_timestamp() - xact_start)::bigint, ' s') FROM"
    " pg_stat_activity WHERE backend_xid IS NOT NULL AND pid <> pg_backend_pid()"
    " UNION ALL SELECT concat('prepared transaction ', quote_literal(gid), ' in ', quote_ident(database))"
    " FROM pg_prepared_xacts ORDER BY 1";

static bool waited_in_vain(struct pg *c, const char *name, int64_t wait_ms, struct err *e)
{
    static const struct field field = {FIELD_TEXT, 0};
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    PGresult *r CLEANUP(result_cleanup) = NULL;
    void *rows = NULL;
    size_t n = 0;
    struct err ignored = ERR_INIT;
    bool known = query_rows(c, running_sql, NULL, 0, &r, &ignored) &&
                 query_map(r, a, &field, 1, sizeof(const char *), &rows, &n, &ignored);
    (void)err_set(e, ERR_TIMEOUT,
                  "slot %s was not ready after %lld s: the server waits for every transaction that runs",
                  name, (long long)(wait_ms / 1000));
    if (known && n > 0)
        (void)err_said(e, "%s", name_list(a, rows, n, NAMED));
    return err_hint(e, "End or wait for them, then apply again. Nothing was left behind.");
}

/* The server waits for transactions as one waits for a lock, and a session of ours gives up after
 * LOCK_TIMEOUT, so that it is in nobody's way. This wait is in nobody's way. */
static bool limit_locks(struct pg *c, bool on, struct err *e)
{
    return query_run(c, on ? "SET lock_timeout = '" LOCK_TIMEOUT "'" : "SET lock_timeout = 0", e);
}

static bool create_slot(struct pg *c, const char *name, int64_t wait_ms, PGresult **ret, struct err *e)
{
    struct err ignored = ERR_INIT;
    if (!limit_locks(c, false, e))
        return false;
    bool ok = query_rows_for(c, "SELECT lsn FROM pg_create_logical_replication_slot($1, 'pgoutput')", &name,
                             1, wait_ms, ret, e);
    (void)!limit_locks(c, true, &ignored);
    return ok;
}

bool pg_slot_make(struct pg *c, const char *name, int64_t wait_ms, lsn_t *ret, struct err *e)
{
    static const struct field field = {FIELD_LSN, 0};
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    PGresult *r CLEANUP(result_cleanup) = NULL;
    void *rows;
    size_t n;
    struct err why = ERR_INIT;
    if (create_slot(c, name, wait_ms, &r, &why) &&
        query_map(r, a, &field, 1, sizeof(lsn_t), &rows, &n, &why)) {
        *ret = *(lsn_t *)rows;
        return true;
    }
    if (why.code == ERR_TIMEOUT)
        return waited_in_vain(c, name, wait_ms, e);
    if (strcmp(why.remote_code, "42710") == 0)
        why.code = ERR_CONFLICT;
    if (e)
        *e = why;
    return err_wrap(e, "make slot %s in database \"%s\" of %s:%d", name, c->database, c->host, c->port);
}

/* *ret: it is there; its stream, if any, was told to end. */
static bool release(struct pg *c, const char *name, bool *ret, bool *ret_active, struct err *e)
{
    static const char sql[] =
        "SELECT active, coalesce(pg_terminate_backend(active_pid), true) FROM pg_replication_slots"
        " WHERE slot_name = $1";
    struct state {
        bool active, told;
    };
    static const struct field fields[] = {{FIELD_BOOL, offsetof(struct state, active)},
                                          {FIELD_BOOL, offsetof(struct state, told)}};
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    PGresult *r CLEANUP(result_cleanup) = NULL;
    void *rows;
    size_t n;
    if (!query_rows(c, sql, &name, 1, &r, e) ||
        !query_map(r, a, fields, ARRAY_LEN(fields), sizeof(struct state), &rows, &n, e))
        return false;
    *ret = n > 0;
    *ret_active = n > 0 && ((struct state *)rows)->active;
    return true;
}

/* A subscriber that reconnects may take it again between our two statements: 55006, tried again. */
bool pg_slot_drop(struct pg *c, const char *name, struct err *e)
{
    int64_t until = socket_now_ms() + RELEASE_MS;
    for (;;) {
        PGresult *r CLEANUP(result_cleanup) = NULL;
        struct err why = ERR_INIT;
        bool there = false, active = false;
        if (!release(c, name, &there, &active, e))
            return err_wrap(e, "release slot %s", name);
        if (!there)
            return true;
        if (!active && query_rows(c, "SELECT pg_drop_replication_slot($1)", &name, 1, &r, &why))
            return true;
        bool passes =
            active || strcmp(why.remote_code, "55006") == 0 || strcmp(why.remote_code, "42704") == 0;
        if (!passes || socket_now_ms() >= until) {
            (void)(active ? err_set(&why, ERR_CONFLICT, "somebody streams from it again and again") : false);
            if (e)
                *e = why;
            return err_wrap(e, "drop slot %s of %s:%d", name, c->host, c->port);
        }
        if (stop_wait(c->stop, RELEASE_PAUSE_MS))
            return err_set(e, ERR_CANCELLED, "stopped while slot %s was released", name);
    }
}
