/* Both sides of a deployment at once: sessions, markers, sequences. */
#include "acceptance-tests/sandbox/engine/bluegreen.h"

#include "internal/base/clock.h"
#include "internal/base/file.h"

#include <string.h>

static int64_t now_ms(void)
{
    return clock_real()->mono_ms(clock_real());
}

static bool open_database(struct engine *g, struct pair *p, struct pair_database *d, struct err *e)
{
    return (sql_open_volume(g, p->blue, d->name, &d->blue, e) &&
            sql_open_volume(g, p->green, d->name, &d->green, e)) ||
           err_wrap(e, "database \"%s\"", d->name);
}

static bool open_databases(struct engine *g, struct pair *p, struct err *e)
{
    struct sql_result r;
    if (!sql_run(
            p->green_admin, p->arena,
            "SELECT d.datname, 'pg_' || s.oid FROM pg_subscription s JOIN pg_database d ON d.oid = s.subdbid"
            " WHERE s.subname = 'rds_bluegreen' ORDER BY d.datname",
            &r, e))
        return false;
    p->databases = ARENA_ARRAY(p->arena, struct pair_database, r.rows + 1);
    p->count = r.rows;
    for (size_t i = 0; i < r.rows; i++) {
        p->databases[i] = (struct pair_database){.name = r.cell[i][0], .origin = r.cell[i][1]};
        if (!open_database(g, p, &p->databases[i], e))
            return false;
    }
    return true;
}

bool pair_open(struct engine *g, const char *blue, const char *green, struct pair *ret, struct err *e)
{
    struct pair p CLEANUP(pair_done) = {.arena = arena_new()};
    if (!volume_enter(g, blue, &p.blue, e) || !volume_enter(g, green, &p.green, e) ||
        !sql_open_volume(g, p.blue, "rdsadmin", &p.blue_admin, e) ||
        !sql_open_volume(g, p.green, "rdsadmin", &p.green_admin, e) || !open_databases(g, &p, e))
        return false;
    *ret = p;
    p = (struct pair){0};
    return true;
}

void pair_done(struct pair *p)
{
    for (size_t i = 0; i < p->count; i++) {
        PQfinish(p->databases[i].blue);
        PQfinish(p->databases[i].green);
    }
    PQfinish(p->blue_admin);
    PQfinish(p->green_admin);
    if (p->green)
        volume_leave(p->green);
    if (p->blue)
        volume_leave(p->blue);
    arena_free(p->arena);
    *p = (struct pair){0};
}

/* ---- markers ---- */

bool marker_write(struct pair *p, const char **ret_token, struct err *e)
{
    char token[17];
    random_name(token, 16);
    const char *value = arena_strdup(p->arena, token);
    for (size_t i = 0; i < p->count; i++)
        if (!sql_params(p->databases[i].blue, p->arena, "UPDATE rds_bluegreen.rds_marker SET token = $1", 1,
                        &value, NULL, e))
            return err_wrap(e, "write the marker in database \"%s\"", p->databases[i].name);
    *ret_token = value;
    return true;
}

/* Seen and, by asking the origin with flush, durable. */
static bool arrived(struct pair *p, struct pair_database *d, const char *token, bool *ret, struct err *e)
{
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    struct sql_result r;
    if (!sql_params(d->green, a, "SELECT 1 FROM rds_bluegreen.rds_marker WHERE token = $1", 1, &token, &r, e))
        return false;
    *ret = r.rows > 0;
    (void)p;
    return !*ret ||
           sql_params(d->green, a, "SELECT pg_replication_origin_progress($1, true)", 1, &d->origin, NULL, e);
}

bool marker_await(struct pair *p, const char *token, int64_t deadline, struct err *e)
{
    for (size_t i = 0; i < p->count; i++) {
        for (bool seen = false; !seen;) {
            if (!arrived(p, &p->databases[i], token, &seen, e))
                return err_wrap(e, "read the marker in database \"%s\"", p->databases[i].name);
            if (!seen && now_ms() >= deadline)
                return err_set(e, ERR_TIMEOUT, "green does not catch up in database \"%s\"",
                               p->databases[i].name);
            if (!seen)
                (void)clock_real()->wait(clock_real(), NULL, 1);
        }
    }
    return true;
}

/* ---- sequences ---- */

/* Three arrays as PostgreSQL prints and reads them: names, values, whether the value was handed out. */
struct sequences {
    const char *names, *values, *called;
};

static bool read_arrays(PGconn *c, struct arena *a, const char *sql, struct sequences *ret, struct err *e)
{
    struct sql_result r;
    if (!sql_run(c, a, sql, &r, e))
        return false;
    *ret = (struct sequences){r.cell[0][0], r.cell[0][1], r.cell[0][2]};
    return true;
}

/* Most sequences were called, and one view has their values. */
static bool read_called(PGconn *c, struct arena *a, struct sequences *ret, struct err *e)
{
    return read_arrays(
        c, a,
        "SELECT array_agg(name ORDER BY name), array_agg(last_value ORDER BY name),"
        " array_agg(true) FROM (SELECT format('%I.%I', schemaname, sequencename) AS name, last_value"
        " FROM pg_sequences WHERE last_value IS NOT NULL) s",
        ret, e);
}

/* For the others the view says NULL, but setval(…, false) may have moved them: ask each, a hundred at a time.
 */
static bool read_uncalled(PGconn *c, struct arena *a, struct sequences **ret, size_t *ret_n, struct err *e)
{
    struct sql_result chunks;
    if (!sql_run(
            c, a,
            "SELECT 'SELECT array_agg(s), array_agg(v), array_agg(c) FROM ('"
            " || string_agg(format('SELECT %L AS s, last_value AS v, is_called AS c FROM %s', name, name),"
            " ' UNION ALL ' ORDER BY name) || ') x'"
            " FROM (SELECT format('%I.%I', schemaname, sequencename) AS name, row_number() OVER"
            "       (ORDER BY schemaname, sequencename) / 100 AS chunk"
            "       FROM pg_sequences WHERE last_value IS NULL) s GROUP BY chunk ORDER BY chunk",
            &chunks, e))
        return false;
    struct sequences *all = ARENA_ARRAY(a, struct sequences, chunks.rows + 1);
    for (size_t i = 0; i < chunks.rows; i++)
        if (!read_arrays(c, a, chunks.cell[i][0], &all[i], e))
            return false;
    *ret = all;
    *ret_n = chunks.rows;
    return true;
}

static bool write_sequences(PGconn *c, struct arena *a, const struct sequences *s, struct err *e)
{
    const char *values[] = {s->names, s->values, s->called};
    return !s->names || sql_params(c, a,
                                   "SELECT count(setval(s::regclass, v, c))"
                                   " FROM unnest($1::text[], $2::bigint[], $3::bool[]) AS t(s, v, c)",
                                   3, values, NULL, e);
}

static bool same(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

static bool same_sequences(const struct sequences *a, const struct sequences *b)
{
    return same(a->names, b->names) && same(a->values, b->values) && same(a->called, b->called);
}

/* Everything of one side: the called ones first, then the chunks of the others. */
static bool read_all(PGconn *c, struct arena *a, struct sequences **ret, size_t *ret_n, struct err *e)
{
    struct sequences called, *others;
    size_t n;
    if (!read_called(c, a, &called, e) || !read_uncalled(c, a, &others, &n, e))
        return false;
    struct sequences *all = ARENA_ARRAY(a, struct sequences, n + 1);
    all[0] = called;
    memcpy(all + 1, others, n * sizeof *others);
    *ret = all;
    *ret_n = n + 1;
    return true;
}

static bool carry_database(const struct pair_database *d, bool prove, struct err *e)
{
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    struct sequences *here, *there;
    size_t n, m;
    const char *any;
    if (!sql_value(d->blue, a, "SELECT count(*) FROM pg_class WHERE relkind = 'S'", &any, e))
        return false;
    if (strcmp(any, "0") == 0)
        return true;
    if (!read_all(d->blue, a, &here, &n, e))
        return false;
    for (size_t i = 0; i < n; i++)
        if (!write_sequences(d->green, a, &here[i], e))
            return false;
    if (!prove)
        return true;
    if (!read_all(d->green, a, &there, &m, e))
        return false;
    bool equal = n == m;
    for (size_t i = 0; equal && i < n; i++)
        equal = same_sequences(&here[i], &there[i]);
    return equal || err_set(e, ERR_CONFLICT, "sequences of blue and green differ");
}

bool sequences_carry(struct pair *p, bool prove, struct err *e)
{
    for (size_t i = 0; i < p->count; i++)
        if (!carry_database(&p->databases[i], prove, e))
            return err_wrap(e, "carry the sequences of database \"%s\"", p->databases[i].name);
    return true;
}
