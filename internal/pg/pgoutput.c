#include "internal/pg/pgoutput.h"

#include <string.h>

enum { COLUMNS_MAX = 1664, RELATIONS_MAX = 1000000 };

/* What is left of a message; once it was too short, everything read is 0. */
struct reader {
    struct arena *a;
    struct str left;
    bool is_bad;
};

static uint64_t number(struct reader *r, size_t bytes)
{
    uint64_t value = 0;
    if (r->left.n < bytes) {
        r->is_bad = true;
        return 0;
    }
    for (size_t i = 0; i < bytes; i++)
        value = value << 8 | (unsigned char)r->left.p[i];
    r->left = (struct str){r->left.p + bytes, r->left.n - bytes};
    return value;
}

static struct str bytes(struct reader *r, size_t n)
{
    struct str s = {r->left.p, n};
    if (r->left.n < n) {
        r->is_bad = true;
        return (struct str){"", 0};
    }
    r->left = (struct str){r->left.p + n, r->left.n - n};
    return s;
}

static const char *string(struct reader *r)
{
    const char *end = r->left.n ? memchr(r->left.p, '\0', r->left.n) : NULL;
    if (!end) {
        r->is_bad = true;
        return "";
    }
    struct str s = bytes(r, (size_t)(end - r->left.p) + 1);
    return arena_memdup(r->a, s.p, s.n - 1);
}

static size_t count(struct reader *r, size_t bytes_of_it, size_t most)
{
    uint64_t n = number(r, bytes_of_it);
    r->is_bad = r->is_bad || n > most;
    return r->is_bad ? 0 : (size_t)n;
}

static struct message_value value(struct reader *r)
{
    switch (number(r, 1)) {
    case 'n':
        return (struct message_value){.kind = VALUE_NULL};
    case 'u':
        return (struct message_value){.kind = VALUE_UNCHANGED};
    case 't':
        return (struct message_value){VALUE_TEXT, bytes(r, (size_t)number(r, 4))};
    default:
        r->is_bad = true;
        return (struct message_value){.kind = VALUE_NULL};
    }
}

static struct message_row row(struct reader *r)
{
    size_t n = count(r, 2, COLUMNS_MAX);
    struct message_row out = {ARENA_ARRAY(r->a, struct message_value, n + 1), n, true};
    for (size_t i = 0; i < n && !r->is_bad; i++)
        out.values[i] = value(r);
    return out;
}

static void read_relation(struct reader *r, struct message *m)
{
    enum { FLAGS = 1, TYPE = 4, MODIFIER = 4 };
    m->kind = MESSAGE_RELATION;
    m->relation = (uint32_t)number(r, 4);
    (void)string(r); /* schema */
    (void)string(r); /* table */
    (void)number(r, 1);
    m->column_count = count(r, 2, COLUMNS_MAX);
    m->columns = ARENA_ARRAY(r->a, const char *, m->column_count + 1);
    for (size_t i = 0; i < m->column_count && !r->is_bad; i++) {
        (void)number(r, FLAGS);
        m->columns[i] = string(r);
        (void)number(r, TYPE);
        (void)number(r, MODIFIER);
    }
}

static void read_row(struct reader *r, struct message *m, bool is_delete)
{
    m->kind = MESSAGE_ROW;
    m->relation = (uint32_t)number(r, 4);
    char which = (char)number(r, 1);
    if (which == 'K' || which == 'O') {
        m->was = row(r);
        if (!is_delete)
            which = (char)number(r, 1);
    }
    r->is_bad = r->is_bad || (is_delete ? !m->was.is_there : which != 'N');
    if (!is_delete)
        m->is = row(r);
}

static void read_truncate(struct reader *r, struct message *m)
{
    m->kind = MESSAGE_TRUNCATE;
    m->relation_count = count(r, 4, RELATIONS_MAX);
    (void)number(r, 1);
    uint32_t *relations = ARENA_ARRAY(r->a, uint32_t, m->relation_count + 1);
    for (size_t i = 0; i < m->relation_count && !r->is_bad; i++)
        relations[i] = (uint32_t)number(r, 4);
    m->relations = relations;
}

static void read_begin(struct reader *r, struct message *m)
{
    m->kind = MESSAGE_BEGIN;
    (void)number(r, 8);
    (void)number(r, 8);
    m->transaction = (uint32_t)number(r, 4);
}

static void read_commit(struct reader *r, struct message *m)
{
    m->kind = MESSAGE_COMMIT;
    (void)number(r, 1);
    (void)number(r, 8);
    m->end = number(r, 8);
}

bool pgoutput_read(struct arena *a, struct str from, struct message *ret, struct err *e)
{
    struct reader r = {.a = a, .left = from};
    struct message m = {.kind = MESSAGE_OTHER};
    char kind = (char)number(&r, 1);
    if (kind == 'R')
        read_relation(&r, &m);
    else if (kind == 'I' || kind == 'U' || kind == 'D')
        read_row(&r, &m, kind == 'D');
    else if (kind == 'T')
        read_truncate(&r, &m);
    else if (kind == 'B')
        read_begin(&r, &m);
    else if (kind == 'C')
        read_commit(&r, &m);
    if (r.is_bad)
        return err_set(e, ERR_REMOTE, "a message of pgoutput is not of its documented form");
    *ret = m;
    return true;
}
