#include "internal/base/buf.h"
#include "internal/pg/catalog.h"
#include "internal/pg/query.h"

#include <inttypes.h>
#include <string.h>

enum { ARRAY_MAX = 16 * 1024 * 1024 }; /* ten thousand names of 130 bytes take 1.4 MB */

/* ---- as they are ---- */

struct listed_sequence {
    const char *name;
    int64_t last_value, increment;
    bool allowed, is_called;
};
static const struct field listed_sequence_fields[] = {
    {FIELD_TEXT, offsetof(struct listed_sequence, name)},
    {FIELD_BOOL, offsetof(struct listed_sequence, allowed)},
    {FIELD_INT64, offsetof(struct listed_sequence, increment)},
    {FIELD_BOOL, offsetof(struct listed_sequence, is_called)},
    {FIELD_INT64, offsetof(struct listed_sequence, last_value)},
};

/* pg_sequence_last_value() is fast, and NULL for "not called" and, in some majors, "not allowed"; in others
 * the latter is an error. So rights are asked for first, and what has not been called is read from itself. */
static const char sequences_sql[] =
    "SELECT s.name, s.allowed, s.increment, s.last_value IS NOT NULL, s.last_value FROM (SELECT q.*, CASE "
    "WHEN"
    " q.allowed THEN pg_sequence_last_value(q.oid) END AS last_value FROM (SELECT c.oid, format('%I.%I', "
    "n.nspname,"
    " c.relname) AS name, has_schema_privilege(n.oid, 'USAGE') AND has_sequence_privilege(c.oid, 'SELECT') "
    "AS allowed,"
    " p.seqincrement AS increment, n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = "
    "c.relnamespace"
    " JOIN pg_sequence p ON p.seqrelid = c.oid WHERE c.relkind = 'S' AND " SQL_USER_RELATION(
        "c", "n") ") q) s"
                  " ORDER BY s.nspname, s.relname";

struct sequence_state {
    int64_t index, last_value;
    bool is_called;
};
static const struct field sequence_state_fields[] = {
    {FIELD_INT64, offsetof(struct sequence_state, index)},
    {FIELD_INT64, offsetof(struct sequence_state, last_value)},
    {FIELD_BOOL, offsetof(struct sequence_state, is_called)},
};

/* Those of all[from…] that have not been called, at most a batch; *ret_next is where to go on. */
static bool read_uncalled(struct pg *c, struct arena *a, struct pg_sequence *all, size_t n, size_t from,
                          size_t *ret_next, struct err *e)
{
    enum { BATCH = 250 };
    struct buf sql = BUF_INIT((size_t)1024 * 1024);
    size_t in_batch = 0, i = from;
    for (; i < n && in_batch < BATCH; i++)
        if (!all[i].is_called)
            (void)buf_printf(&sql, "%sSELECT %zu, last_value, is_called FROM %s",
                             in_batch++ ? " UNION ALL " : "", i, all[i].name);
    *ret_next = i;
    PGresult *r CLEANUP(result_cleanup) = NULL;
    bool done = sql.overflow    ? err_set(e, ERR_INVALID, "names of sequences are too long together")
                : in_batch == 0 ? true
                                : query_rows(c, buf_text(&sql), NULL, 0, &r, e);
    buf_done(&sql);
    void *mapped;
    size_t count = 0;
    if (!done || (r && !query_map(r, a, sequence_state_fields, ARRAY_LEN(sequence_state_fields),
                                  sizeof(struct sequence_state), &mapped, &count, e)))
        return false;
    for (size_t k = 0; k < count; k++) {
        const struct sequence_state *s = (const struct sequence_state *)mapped + k;
        all[s->index].last_value = s->last_value;
        all[s->index].is_called = s->is_called;
    }
    return true;
}

static bool list_sequences(struct pg *c, struct arena *a, struct pg_sequence **ret, size_t *ret_n,
                           struct err *e)
{
    PGresult *r CLEANUP(result_cleanup) = NULL;
    void *mapped;
    size_t n, forbidden_n = 0;
    if (!query_rows(c, sequences_sql, NULL, 0, &r, e) ||
        !query_map(r, a, listed_sequence_fields, ARRAY_LEN(listed_sequence_fields),
                   sizeof(struct listed_sequence), &mapped, &n, e))
        return false;
    const struct listed_sequence *rows = mapped;
    struct pg_sequence *all = ARENA_ARRAY(a, struct pg_sequence, n + 1);
    const char **forbidden = ARENA_ARRAY(a, const char *, n + 1);
    for (size_t i = 0; i < n; i++) {
        all[i] = (struct pg_sequence){rows[i].name, rows[i].last_value, rows[i].increment, rows[i].is_called};
        if (!rows[i].allowed)
            forbidden[forbidden_n++] = rows[i].name;
    }
    if (forbidden_n > 0)
        return denied(c, "read these sequences:", "GRANT USAGE ON SCHEMA … and GRANT SELECT ON SEQUENCE …",
                      forbidden, forbidden_n, e);
    *ret = all;
    *ret_n = n;
    return true;
}

bool pg_sequences(struct pg *c, struct arena *a, const struct pg_sequence **ret, size_t *ret_n, struct err *e)
{
    struct pg_sequence *all = NULL;
    size_t n = 0;
    bool done = list_sequences(c, a, &all, &n, e);
    for (size_t i = 0; done && i < n;)
        done = read_uncalled(c, a, all, n, i, &i, e);
    if (!done)
        return err_wrap(e, "read sequences of database \"%s\"", c->database);
    *ret = all;
    *ret_n = n;
    return true;
}

/* ---- as they shall be ---- */

/* An element of an array of texts as the server reads it: chapter 8.15. */
static void put_element(struct buf *out, const char *text)
{
    (void)buf_printf(out, "\"");
    for (const char *p = text; *p; p++)
        (void)buf_printf(out, *p == '"' || *p == '\\' ? "\\%c" : "%c", *p);
    (void)buf_printf(out, "\"");
}

bool pg_sequences_set(struct pg *c, const struct pg_sequence *list, size_t n, struct err *e)
{
    static const char sql[] = "SELECT count(setval(u.name::regclass, u.value, u.called)) FROM"
                              " unnest($1::text[], $2::bigint[], $3::bool[]) AS u (name, value, called)";
    struct buf names = BUF_INIT(ARRAY_MAX), values = BUF_INIT(ARRAY_MAX), called = BUF_INIT(ARRAY_MAX);
    for (size_t i = 0; i < n; i++) {
        const char *before = i ? "," : "{";
        (void)buf_printf(&names, "%s", before);
        put_element(&names, list[i].name);
        (void)buf_printf(&values, "%s%" PRId64, before, list[i].last_value);
        (void)buf_printf(&called, "%s%s", before, list[i].is_called ? "t" : "f");
    }
    (void)buf_printf(&names, "}");
    (void)buf_printf(&values, "}");
    (void)buf_printf(&called, "}");
    const char *params[] = {buf_text(&names), buf_text(&values), buf_text(&called)};
    PGresult *r CLEANUP(result_cleanup) = NULL;
    bool ok =
        n == 0 || (names.overflow ? err_set(e, ERR_INVALID, "names of %zu sequences are too long together", n)
                                  : query_rows(c, sql, params, ARRAY_LEN(params), &r, e));
    buf_done(&names);
    buf_done(&values);
    buf_done(&called);
    return ok || err_wrap(e, "set %zu sequences of database \"%s\"", n, c->database);
}

bool pg_sequences_denied(struct pg *c, struct arena *a, const char ***ret, size_t *ret_n, struct err *e)
{
    static const char sql[] =
        "SELECT format('%I.%I', n.nspname, c.relname) FROM pg_class c JOIN pg_namespace n ON n.oid ="
        " c.relnamespace WHERE c.relkind = 'S' AND " SQL_USER_RELATION(
            "c", "n") " AND NOT (has_schema_privilege(n.oid, 'USAGE') AND has_sequence_privilege(c.oid,"
                      " 'UPDATE')) ORDER BY 1";
    return query_names(c, a, sql, NULL, 0, ret, ret_n, e) ||
           err_wrap(e, "look which sequences of database \"%s\" may be set", c->database);
}
