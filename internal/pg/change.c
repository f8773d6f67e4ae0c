#include "internal/pg/change.h"
#include "internal/base/buf.h"
#include "internal/base/hash.h"
#include "internal/base/utf8.h"
#include "internal/pg/fingerprint.h"
#include "internal/pg/logical.h"
#include "internal/pg/query.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { SHOWN_BYTES = 80 }; /* of a definition */

#define IDENTITY   "identity"
#define VERSIONS   "extensions.version"
#define FACT       "catalogue"
#define FACT_SUM   "catalogue_sum"
#define FORMAT     "1"                 /* of both facts; another one cannot be compared */
#define FACT_BYTES ((size_t)512 << 20) /* 5 million objects */

/* ALTER TABLE writes the rows of pg_attribute whose columns it changes; ANALYZE and VACUUM do not. */
static const struct fingerprint_query identity[] = {
    {.aspect = IDENTITY,
     .sql = "SELECT format('%I.%I', n.nspname, c.relname), concat(c.oid, (SELECT string_agg(concat(' ',"
            " a.attnum, ':', a.xmin), '' ORDER BY a.attnum) FROM pg_attribute a WHERE a.attrelid = c.oid AND"
            " a.attnum > 0)), NULL FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE"
            " c.relkind IN ('r', 'p') AND " SQL_USER_RELATION("c", "n") " AND " SQL_NOT_OF_EXTENSION(
                "pg_class", "c.oid")},
};

bool pg_catalogue(struct pg *c, struct arena *a, struct pg_fingerprint *ret, struct err *e)
{
    struct pg_fingerprint objects = {0}, tables = {0};
    if (!fingerprint_hashed(c, a, fingerprint_queries, fingerprint_query_count, &objects, e) ||
        !fingerprint_hashed(c, a, identity, ARRAY_LEN(identity), &tables, e))
        return false;
    struct pg_fingerprint all = {
        .parts = ARENA_ARRAY(a, struct pg_fingerprint_part, objects.part_count + tables.part_count)};
    for (size_t i = 0; i < objects.part_count; i++)
        if (strcmp(objects.parts[i].aspect, VERSIONS) != 0)
            all.parts[all.part_count++] = objects.parts[i];
    for (size_t i = 0; i < tables.part_count; i++)
        all.parts[all.part_count++] = tables.parts[i];
    *ret = all;
    return true;
}

/* ---- written down ---- */

static const char *sum_of(struct arena *a, const struct pg_fingerprint *f)
{
    uint64_t h = HASH_INIT;
    size_t lines = 0;
    for (size_t i = 0; i < f->part_count; i++) {
        h = hash_mix(h, f->parts[i].aspect);
        h = (h ^ f->parts[i].hash) * 0x100000001b3U;
        lines += f->parts[i].count;
    }
    return arena_printf(a, FORMAT " %zu %016" PRIx64, lines, h);
}

/* The sum is written last: where it is this one, so are the lines. */
bool pg_catalogue_note(struct pg *c, const struct pg_fingerprint *now, struct err *e)
{
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    struct buf text CLEANUP(buf_done) = BUF_INIT(FACT_BYTES);
    (void)buf_puts(&text, FORMAT "\n");
    for (size_t i = 0; i < now->part_count; i++)
        for (size_t k = 0; k < now->parts[i].count; k++)
            (void)buf_printf(&text, "%s\t%s\n", now->parts[i].aspect, now->parts[i].lines[k]);
    if (text.overflow)
        return err_set(e, ERR_INVALID, "the catalogue of database \"%s\" is too large to be written down",
                       c->database);
    return pg_fact_change(c, FACT, buf_text(&text), e) && pg_fact_change(c, FACT_SUM, sum_of(a, now), e);
}

bool pg_catalogue_is_noted(struct pg *c, const struct pg_fingerprint *now, bool *ret_noted, bool *ret_same,
                           struct err *e)
{
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    const char *noted = "";
    if (!pg_fact_read(c, a, FACT_SUM, &noted, e))
        return false;
    *ret_noted = noted[0] != '\0';
    *ret_same = now && strcmp(noted, sum_of(a, now)) == 0;
    return true;
}

/* Lines of an aspect stand together, sorted as they were read. */
static void add_line(struct arena *a, struct pg_fingerprint *f, char *line, size_t *cap)
{
    char *tab = strchr(line, '\t');
    if (!tab)
        return;
    *tab = '\0';
    struct pg_fingerprint_part *last = f->part_count ? &f->parts[f->part_count - 1] : NULL;
    if (!last || strcmp(last->aspect, line) != 0) {
        if (f->part_count >= fingerprint_query_count + ARRAY_LEN(identity))
            return;
        last = &f->parts[f->part_count++];
        *last = (struct pg_fingerprint_part){.aspect = line};
        *cap = 0;
    }
    ARR_PUSH(a, last->lines, last->count, *cap, (const char *)tab + 1);
}

bool pg_catalogue_noted(struct pg *c, struct arena *a, struct pg_fingerprint *ret, struct err *e)
{
    const char *text = "";
    size_t cap = 0;
    if (!pg_fact_read(c, a, FACT, &text, e))
        return false;
    if (strncmp(text, FORMAT "\n", 2) != 0)
        return err_set(e, ERR_NOT_FOUND, "nothing says what the catalogue of database \"%s\" was",
                       c->database);
    struct pg_fingerprint f = {
        .parts = ARENA_ARRAY(a, struct pg_fingerprint_part, fingerprint_query_count + ARRAY_LEN(identity))};
    char *line = arena_strdup(a, text + 2);
    while (*line) {
        char *end = strchrnul(line, '\n'), *next = *end ? end + 1 : end;
        *end = '\0';
        add_line(a, &f, line, &cap);
        line = next;
    }
    *ret = f;
    return true;
}

/* ---- compared ---- */

struct changes {
    struct arena *a;
    const char *aspect;
    struct pg_change *list;
    size_t n, cap;
};

static void add(struct changes *to, enum pg_change_kind kind, const char *line)
{
    size_t length = fingerprint_key_length(line);
    ARR_PUSH(to->a, to->list, to->n, to->cap,
             ((struct pg_change){kind, to->aspect, arena_memdup(to->a, line, length)}));
}

static void tell_change(void *to, const char *before, const char *now)
{
    if (!now)
        add(to, PG_CHANGE_DROPPED, before);
    else if (!before)
        add(to, PG_CHANGE_ADDED, now);
    else if (strcmp(before, now) != 0 && !fingerprint_is_column_order(before)) /* part of its identity */
        add(to, PG_CHANGE_ALTERED, before);
}

static bool is_of_table(const char *object, const char *table)
{
    size_t length = strlen(table);
    return strncmp(object, table, length) == 0 && (object[length] == '\0' || object[length] == '.');
}

/* What is told already says why the table's columns were written: privileges stand there, too. */
static bool is_told(const struct changes *of, const char *table)
{
    static const char grant[] = "privileges on column ";
    for (size_t i = 0; i < of->n; i++) {
        const struct pg_change *c = &of->list[i];
        bool is_column = strncmp(c->object, grant, sizeof grant - 1) == 0;
        bool is_table = strcmp(c->aspect, "tables") == 0 || strcmp(c->aspect, "columns") == 0;
        if ((is_table || is_column) && is_of_table(c->object + (is_column ? sizeof grant - 1 : 0), table))
            return true;
    }
    return false;
}

static void tell_identity(void *to, const char *before, const char *now)
{
    struct changes *changes = to;
    if (before && now && strcmp(before, now) != 0 &&
        !is_told(changes, arena_memdup(changes->a, before, fingerprint_key_length(before))))
        add(changes, PG_CHANGE_REMADE, before);
}

static bool is_equal(const struct pg_fingerprint_part *o, const struct pg_fingerprint_part *n)
{
    if (o->count != n->count)
        return false;
    for (size_t i = 0; i < o->count; i++)
        if (strcmp(o->lines[i], n->lines[i]) != 0)
            return false;
    return true;
}

/* An aspect without a line is not in what was noted. */
void pg_catalogue_changes(struct arena *a, const struct pg_fingerprint *before,
                          const struct pg_fingerprint *now, const struct pg_change **ret, size_t *ret_n)
{
    struct changes to = {.a = a};
    for (size_t i = 0; i < now->part_count; i++) {
        const struct pg_fingerprint_part *n = &now->parts[i], *o = fingerprint_part(before, n->aspect);
        if (is_equal(o, n))
            continue;
        to.aspect = n->aspect;
        fingerprint_walk(a, o, n, strcmp(n->aspect, IDENTITY) == 0 ? tell_identity : tell_change, &to);
    }
    *ret = to.list;
    *ret_n = to.n;
}

bool pg_change_is_of_fence(const struct pg_change *change)
{
    static const char begin[] = "privileges on this database to ";
    return strncmp(change->object, begin, sizeof begin - 1) == 0;
}

const char *pg_change_text(struct arena *a, const struct pg_change *change)
{
    static const char *const words[] = {
        [PG_CHANGE_ADDED] = "was added",
        [PG_CHANGE_DROPPED] = "was dropped",
        [PG_CHANGE_ALTERED] = "was altered",
        [PG_CHANGE_REMADE] = "was made again, or its columns were rewritten",
    };
    const char *noun = change->kind == PG_CHANGE_REMADE ? "table " : fingerprint_noun(change->aspect);
    char *text = arena_printf(a, "%s%s %s", noun, change->object, words[change->kind]);
    utf8_clean(text);
    return text;
}

const char *pg_change_sides(struct arena *a, const struct pg_change *change,
                            const struct pg_fingerprint *old_side, const struct pg_fingerprint *new_side)
{
    const char *o = fingerprint_line(fingerprint_part(old_side, change->aspect), change->object);
    const char *n = fingerprint_line(fingerprint_part(new_side, change->aspect), change->object);
    if (change->kind != PG_CHANGE_ALTERED || !o || !n)
        return "";
    o += fingerprint_key_length(o);
    n += fingerprint_key_length(n);
    o += *o != '\0';
    n += *n != '\0';
    if (strlen(o) > SHOWN_BYTES || strlen(n) > SHOWN_BYTES)
        return "";
    char *text = arena_printf(a, " (now \"%s\", there \"%s\")", o, n);
    utf8_clean(text);
    return text;
}

static bool is_below(const char *line, const char *object)
{
    size_t length = strlen(object);
    return strncmp(line, object, length) == 0 &&
           (line[length] == '.' || strcmp(line + length, COLUMN_ORDER) == 0 ||
            strncmp(line + length, COLUMN_ORDER "\t", sizeof COLUMN_ORDER) == 0);
}

/* Of a table that came whole, columns are not told one by one. */
static bool same_columns(const struct pg_fingerprint *old_side, const struct pg_fingerprint *new_side,
                         const char *object)
{
    const struct pg_fingerprint_part *o = fingerprint_part(old_side, "columns"),
                                     *n = fingerprint_part(new_side, "columns");
    for (size_t i = 0, k = 0;; i++, k++) {
        while (i < o->count && !is_below(o->lines[i], object))
            i++;
        while (k < n->count && !is_below(n->lines[k], object))
            k++;
        if (i == o->count || k == n->count)
            return i == o->count && k == n->count;
        if (strcmp(o->lines[i], n->lines[k]) != 0)
            return false;
    }
}

bool pg_change_is_on_both(const struct pg_change *change, const struct pg_fingerprint *old_side,
                          const struct pg_fingerprint *new_side)
{
    if (change->kind == PG_CHANGE_REMADE)
        return true;
    const char *o = fingerprint_line(fingerprint_part(old_side, change->aspect), change->object);
    const char *n = fingerprint_line(fingerprint_part(new_side, change->aspect), change->object);
    if (!o != !n || (o && strcmp(o, n) != 0))
        return false;
    return change->kind != PG_CHANGE_ADDED || !o || same_columns(old_side, new_side, change->object);
}
