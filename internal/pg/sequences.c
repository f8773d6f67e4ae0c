#include "internal/base/buf.h"
#include "internal/pg/catalog.h"
#include "internal/pg/query.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define PREPARED "aurora_sequences_"
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

/* A statement of many branches is slow to plan: pg_sequences_ready has it planned before anybody waits. */
enum { BATCH = 250 };

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

struct reading {
    struct arena *arena;
    struct pg_sequence **wanted; /* by index: those of prepared statements, then the others */
    size_t n, left;
    struct err why;
    bool is_malformed;
};

static void take_states(void *arg, const PGresult *r)
{
    struct reading *k = arg;
    void *mapped;
    size_t n = 0;
    if (!query_map(r, k->arena, sequence_state_fields, ARRAY_LEN(sequence_state_fields),
                   sizeof(struct sequence_state), &mapped, &n, &k->why))
        k->is_malformed = true;
    for (size_t i = 0; i < n; i++) {
        const struct sequence_state *s = (const struct sequence_state *)mapped + i;
        struct pg_sequence **at = s->index >= 0 && (size_t)s->index < k->n ? &k->wanted[s->index] : NULL;
        if (!at || !*at)
            continue;
        (*at)->last_value = s->last_value;
        (*at)->is_called = s->is_called;
        *at = NULL;
        k->left--;
    }
}

static void want(const struct pg *c, struct reading *k, struct pg_sequence *s)
{
    const char **ready = c->ready_n ? bsearch(&s->name, c->ready, c->ready_n, sizeof *ready, by_name) : NULL;
    k->wanted[ready ? (size_t)(ready - c->ready) : k->n++] = s;
    k->left++;
}

static void put_state(struct buf *out, size_t index, const char *name, const char *before)
{
    (void)buf_printf(out, "%sSELECT %zu, last_value, is_called FROM %s", before, index, name);
}

static void put_script(const struct pg *c, const struct reading *k, struct buf *out)
{
    for (size_t from = 0; from < c->ready_n; from += BATCH) {
        size_t i = from, end = from + BATCH < c->ready_n ? from + BATCH : c->ready_n;
        while (i < end && !k->wanted[i])
            i++;
        if (i < end)
            (void)buf_printf(out, "EXECUTE " PREPARED "%zu;", from);
    }
    for (size_t i = c->ready_n; i < k->n; i++)
        put_state(out, i, k->wanted[i]->name, ";");
}

static bool read_uncalled_once(struct pg *c, struct arena *a, struct pg_sequence *all, size_t n,
                               struct err *e)
{
    struct buf sql CLEANUP(buf_done) = BUF_INIT(ARRAY_MAX);
    struct reading k = {.arena = a, .n = c->ready_n, .why = ERR_INIT};
    k.wanted = ARENA_ARRAY(a, struct pg_sequence *, c->ready_n + n + 1);
    for (size_t i = 0; i < n; i++)
        if (!all[i].is_called)
            want(c, &k, &all[i]);
    if (k.left == 0)
        return true;
    put_script(c, &k, &sql);
    if (sql.overflow)
        return err_set(e, ERR_INVALID, "names of %zu sequences are too long together", k.left);
    if (!query_each(c, buf_text(&sql), take_states, &k, e))
        return false;
    if (k.is_malformed && e)
        *e = k.why;
    return !k.is_malformed && (k.left == 0 || err_set(e, ERR_REMOTE, "%zu sequences have no state", k.left));
}

static bool has_vanished(const struct err *e)
{
    return strcmp(e->remote_code, "42P01") == 0;
}

/* The state of those that have not been called. What was prepared and is no more spoils its whole batch. */
static bool read_uncalled(struct pg *c, struct arena *a, struct pg_sequence *all, size_t n, struct err *e)
{
    struct err why = ERR_INIT;
    if (read_uncalled_once(c, a, all, n, &why))
        return true;
    if (c->ready_n > 0 && has_vanished(&why)) {
        c->ready_n = 0;
        return read_uncalled_once(c, a, all, n, e);
    }
    if (e)
        *e = why;
    return false;
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
    if (!list_sequences(c, a, &all, &n, e) || !read_uncalled(c, a, all, n, e))
        return err_wrap(e, "read sequences of database \"%s\"", c->database);
    *ret = all;
    *ret_n = n;
    return true;
}

/* ---- once more, soon ---- */

/* A lock that cannot be had makes all of it begin again. */
static void put_prepared(struct buf *out, const char *const *names, size_t n)
{
    (void)buf_puts(out, "DEALLOCATE ALL");
    for (size_t i = 0; i < n; i++) {
        if (i % BATCH == 0)
            (void)buf_printf(out, ";PREPARE " PREPARED "%zu AS ", i);
        put_state(out, i, names[i], i % BATCH ? " UNION ALL " : "");
    }
}

static bool prepare(struct pg *c, const struct pg_sequence *all, size_t n, struct err *e)
{
    struct buf sql CLEANUP(buf_done) = BUF_INIT(ARRAY_MAX);
    struct reading none = {0};
    size_t ready_n = 0;
    c->ready = ARENA_ARRAY(c->arena, const char *, n + 1);
    for (size_t i = 0; i < n; i++)
        if (!all[i].is_called)
            c->ready[ready_n++] = arena_strdup(c->arena, all[i].name);
    qsort(c->ready, ready_n, sizeof *c->ready, by_name);
    put_prepared(&sql, c->ready, ready_n);
    if (ready_n == 0 || sql.overflow)
        return true; /* they are read without it, too */
    struct err why = ERR_INIT;
    bool done = query_each(c, buf_text(&sql), take_states, &none, &why);
    c->ready_n = done ? ready_n : 0;
    if (done || has_vanished(&why))
        return true;
    if (e)
        *e = why;
    return false;
}

bool pg_sequences_ready(struct pg *c, struct err *e)
{
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    const struct pg_sequence *all = NULL;
    size_t n = 0;
    if (c->ready)
        return true;
    return pg_sequences(c, a, &all, &n, e) &&
           (prepare(c, all, n, e) || err_wrap(e, "read sequences of database \"%s\"", c->database)) &&
           pg_sequences(c, a, &all, &n, e);
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

static bool with_list(struct pg *c, const char *sql, const struct pg_sequence *list, size_t n, PGresult **ret,
                      struct err *e)
{
    struct buf names CLEANUP(buf_done) = BUF_INIT(ARRAY_MAX), values CLEANUP(buf_done) = BUF_INIT(ARRAY_MAX),
                     called CLEANUP(buf_done) = BUF_INIT(ARRAY_MAX);
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
    return names.overflow ? err_set(e, ERR_INVALID, "names of %zu sequences are too long together", n)
                          : query_rows(c, sql, params, ARRAY_LEN(params), ret, e);
}

bool pg_sequences_set(struct pg *c, const struct pg_sequence *list, size_t n, struct err *e)
{
    static const char sql[] = "SELECT count(setval(u.name::regclass, u.value, u.called)) FROM"
                              " unnest($1::text[], $2::bigint[], $3::bool[]) AS u (name, value, called)";
    PGresult *r CLEANUP(result_cleanup) = NULL;
    return n == 0 || with_list(c, sql, list, n, &r, e) ||
           err_wrap(e, "set %zu sequences of database \"%s\"", n, c->database);
}

/* ---- as they shall be, and are they? ---- */

/* Of those that were called the server compares: one that is not there, or was not called, differs. */
static bool compare_called(struct pg *c, struct arena *a, const struct pg_sequence *list, size_t n,
                           bool *differs, struct err *e)
{
    static const char sql[] =
        "SELECT u.at - 1, 0, true FROM unnest($1::text[], $2::bigint[], $3::bool[]) WITH ORDINALITY"
        " AS u (name, value, called, at) WHERE CASE WHEN u.called THEN"
        " pg_sequence_last_value(to_regclass(u.name)) IS DISTINCT FROM u.value END";
    PGresult *r CLEANUP(result_cleanup) = NULL;
    void *mapped;
    size_t m = 0;
    if (!with_list(c, sql, list, n, &r, e) ||
        !query_map(r, a, sequence_state_fields, ARRAY_LEN(sequence_state_fields),
                   sizeof(struct sequence_state), &mapped, &m, e))
        return false;
    for (size_t i = 0; i < m; i++) {
        int64_t at = ((const struct sequence_state *)mapped)[i].index;
        if (at < 0 || (size_t)at >= n)
            return err_set(e, ERR_REMOTE, "the server has counted %" PRId64 " sequences", at);
        differs[at] = true;
    }
    return true;
}

static bool compare_uncalled(struct pg *c, struct arena *a, const struct pg_sequence *list, size_t n,
                             bool *differs, struct err *e)
{
    struct pg_sequence *is = ARENA_ARRAY(a, struct pg_sequence, n + 1);
    memcpy(is, list, n * sizeof *list);
    if (!read_uncalled(c, a, is, n, e))
        return false;
    for (size_t i = 0; i < n; i++)
        if (!list[i].is_called && (is[i].is_called || is[i].last_value != list[i].last_value))
            differs[i] = true;
    return true;
}

bool pg_sequences_differ(struct pg *c, struct arena *a, const struct pg_sequence *list, size_t n,
                         const struct pg_sequence **ret, size_t *ret_n, struct err *e)
{
    bool *differs = ARENA_ARRAY(a, bool, n + 1);
    struct pg_sequence *some = ARENA_ARRAY(a, struct pg_sequence, n + 1);
    if (n > 0 && (!compare_called(c, a, list, n, differs, e) || !compare_uncalled(c, a, list, n, differs, e)))
        return err_wrap(e, "compare sequences of database \"%s\"", c->database);
    *ret_n = 0;
    for (size_t i = 0; i < n; i++)
        if (differs[i])
            some[(*ret_n)++] = list[i];
    *ret = some;
    return true;
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
