#include "internal/pg/changed_work.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PLACES_MIN = 1024 };

/* ---- a set ---- */

struct key_set *key_set_new(size_t tables)
{
    struct key_set *s = calloc(1, sizeof *s);
    if (!s)
        abort();
    s->a = arena_new();
    s->whole = ARENA_ARRAY(s->a, bool, tables + 1);
    s->place_count = PLACES_MIN;
    s->places = ARENA_ARRAY(s->a, uint32_t, s->place_count);
    return s;
}

void key_set_free(struct key_set *s)
{
    if (!s)
        return;
    arena_free(s->a);
    free(s);
}

static uint64_t mix(uint64_t h, const char *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        h = (h ^ (unsigned char)p[i]) * 0x100000001b3U;
    return (h ^ 256U) * 0x100000001b3U;
}

static uint64_t hash_of(size_t table, const struct str *parts, size_t n)
{
    uint64_t h = mix(0xcbf29ce484222325U, (const char *)&table, sizeof table);
    for (size_t i = 0; i < n; i++)
        h = mix(h, parts[i].p, parts[i].n);
    return h ^ (h >> 29);
}

static bool is_key(const struct changed_key *k, uint64_t hash, size_t table, const struct str *parts,
                   size_t n)
{
    bool same = k->hash == hash && k->table == table;
    for (size_t i = 0; i < n && same; i++)
        same = strlen(k->parts[i]) == parts[i].n && memcmp(k->parts[i], parts[i].p, parts[i].n) == 0;
    return same;
}

static void place(struct key_set *s, size_t key)
{
    size_t at = s->keys[key].hash & (s->place_count - 1);
    while (s->places[at])
        at = (at + 1) & (s->place_count - 1);
    s->places[at] = (uint32_t)key + 1;
}

static void widen(struct key_set *s)
{
    if (2 * (s->n + 1) < s->place_count)
        return;
    s->place_count *= 4;
    s->places = ARENA_ARRAY(s->a, uint32_t, s->place_count);
    for (size_t i = 0; i < s->n; i++)
        place(s, i);
}

void key_set_add(struct key_set *s, const struct row_table *tables, size_t table, const struct str *parts)
{
    size_t n = tables[table].key_count;
    uint64_t hash = hash_of(table, parts, n);
    for (size_t at = hash & (s->place_count - 1); s->places[at]; at = (at + 1) & (s->place_count - 1))
        if (is_key(&s->keys[s->places[at] - 1], hash, table, parts, n))
            return;
    struct changed_key k = {.table = table, .parts = ARENA_ARRAY(s->a, const char *, n), .hash = hash};
    for (size_t i = 0; i < n; i++)
        k.parts[i] = arena_memdup(s->a, parts[i].p, parts[i].n);
    widen(s);
    ARR_PUSH(s->a, s->keys, s->n, s->cap, k);
    place(s, s->n - 1);
}

void key_set_add_whole(struct key_set *s, size_t table)
{
    s->whole_count += !s->whole[table];
    s->whole[table] = true;
}

/* ---- which table a message speaks of ---- */

static int by_oid(const void *a, const void *b)
{
    int64_t x = ((const struct row_oid *)a)->oid, y = ((const struct row_oid *)b)->oid;
    return (x > y) - (x < y);
}

static bool is_compared(const struct row_table *t)
{
    return t->on_old && t->on_new && !t->note[0];
}

/* NULL: of no table that is compared. The markers' is the last. */
static struct feed_relation *relation_of(struct feed *f, uint32_t oid)
{
    const struct row_oid key = {.oid = oid};
    size_t n = f->of->run.table_count;
    if (f->marker_oid != 0 && oid == (uint32_t)f->marker_oid)
        return &f->relations[n];
    const struct row_oid *found = n ? bsearch(&key, f->oids, n, sizeof key, by_oid) : NULL;
    return found && is_compared(&f->of->run.tables[found->table]) ? &f->relations[found->table] : NULL;
}

static size_t table_of(const struct feed *f, const struct feed_relation *r)
{
    return (size_t)(r - f->relations);
}

static bool is_marker(const struct feed *f, const struct feed_relation *r)
{
    return table_of(f, r) == f->of->run.table_count;
}

static bool find_column(const struct message *m, const char *name, size_t *ret)
{
    for (size_t i = 0; i < m->column_count; i++)
        if (strcmp(m->columns[i], name) == 0) {
            *ret = i;
            return true;
        }
    return false;
}

/* Sent before the first change of each table, and again when it may be another. */
static void note_relation(struct feed *f, const struct message *m)
{
    struct feed_relation *r = relation_of(f, m->relation);
    if (!r)
        return;
    const struct row_table *t = is_marker(f, r) ? NULL : &f->of->run.tables[table_of(f, r)];
    size_t n = t ? t->key_count : 1;
    if (!r->key_at)
        r->key_at = ARENA_ARRAY(f->of->a, size_t, n + 1);
    r->has_key = n > 0;
    for (size_t i = 0; i < n; i++)
        r->has_key = r->has_key && find_column(m, t ? t->key[i]->name : "token", &r->key_at[i]);
}

/* ---- what changed ---- */

/* `other` knows what is stored out of line and was not sent again; NULL: nothing does. */
static bool key_of(const struct feed_relation *r, size_t n, const struct message_row *row,
                   const struct message_row *other, struct str *ret)
{
    for (size_t i = 0; i < n; i++) {
        size_t at = r->key_at[i];
        bool is_sent = at >= row->n || row->values[at].kind != VALUE_UNCHANGED;
        const struct message_row *from = is_sent || !other ? row : other;
        if (at >= from->n || from->values[at].kind != VALUE_TEXT)
            return false;
        ret[i] = from->values[at].text;
    }
    return true;
}

static void note_transaction(struct feed *f)
{
    struct transactions *by = &f->of->set->by[f - f->of->feeds];
    if (by->n == 0 || by->ids[by->n - 1] != f->transaction)
        ARR_PUSH(f->of->set->a, by->ids, by->n, by->cap, f->transaction);
}

static void add_row(struct feed *f, const struct feed_relation *r, const struct message_row *row,
                    const struct message_row *other)
{
    enum { KEY_MAX = 32 }; /* columns of an index, INDEX_MAX_KEYS */
    struct str parts[KEY_MAX];
    size_t table = table_of(f, r), n = f->of->run.tables[table].key_count;
    if (!row->is_there)
        return;
    note_transaction(f);
    if (r->has_key && n <= KEY_MAX && key_of(r, n, row, other, parts))
        key_set_add(f->of->set, f->of->run.tables, table, parts);
    else
        key_set_add_whole(f->of->set, table);
}

static void see_marker(struct feed *f, const struct feed_relation *r, const struct message_row *row)
{
    struct str token;
    if (row->is_there && r->has_key && key_of(r, 1, row, NULL, &token) && token.n < sizeof f->marker)
        (void)snprintf(f->marker, sizeof f->marker, "%.*s", (int)token.n, token.p);
}

static void truncated(struct feed *f, const struct message *m)
{
    for (size_t i = 0; i < m->relation_count; i++) {
        const struct feed_relation *r = relation_of(f, m->relations[i]);
        if (!r || is_marker(f, r))
            continue;
        note_transaction(f);
        key_set_add_whole(f->of->set, table_of(f, r));
    }
}

bool feed_take(void *arg, const struct message *m, struct err *e)
{
    struct feed *f = arg;
    (void)e;
    if (m->kind == MESSAGE_BEGIN)
        f->transaction = m->transaction;
    if (m->kind == MESSAGE_RELATION)
        note_relation(f, m);
    if (m->kind == MESSAGE_TRUNCATE)
        truncated(f, m);
    const struct feed_relation *r = m->kind == MESSAGE_ROW ? relation_of(f, m->relation) : NULL;
    if (!r)
        return true;
    if (is_marker(f, r)) {
        see_marker(f, r, &m->is);
        return true;
    }
    add_row(f, r, &m->was, NULL);
    add_row(f, r, &m->is, &m->was);
    return true;
}
