#include "internal/pg/deparse.h"
#include "internal/base/buf.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

enum kind { T_WORD, T_LITERAL, T_OPERATOR, T_CAST, T_MARK };

struct token {
    const char *p;
    size_t n;
    enum kind kind;
    bool dropped;
};

struct tokens {
    struct arena *a;
    struct token *t;
    size_t n, cap;
};

/* ---- lexing ---- */

static bool starts_word(char c)
{
    return isalpha((unsigned char)c) || c == '_' || (unsigned char)c >= 0x80;
}

static bool in_word(char c)
{
    return starts_word(c) || isdigit((unsigned char)c) || c == '$';
}

static const char *skip_quoted(const char *p, char quote, bool backslashes)
{
    for (p++; *p; p++) {
        if (backslashes && *p == '\\' && p[1])
            p++;
        else if (*p == quote && p[1] == quote)
            p++;
        else if (*p == quote)
            return p + 1;
    }
    return p;
}

static const char *skip_name(const char *p)
{
    if (*p == '"')
        return skip_quoted(p, '"', false);
    while (in_word(*p))
        p++;
    return p;
}

/* A name with all its qualifiers, `schema.table.*` included, is one token. */
static const char *skip_word(const char *p)
{
    p = skip_name(p);
    while (*p == '.' && (starts_word(p[1]) || p[1] == '"' || p[1] == '*'))
        p = p[1] == '*' ? p + 2 : skip_name(p + 1);
    return p;
}

static const char *skip_number(const char *p)
{
    while (isalnum((unsigned char)*p) || *p == '.' || ((*p == '-' || *p == '+') && (p[-1] == 'e')))
        p++;
    return p;
}

static const char *skip_operator(const char *p)
{
    const char *start = p;
    while (*p && strchr("+-*/<>=~!@#%^&|`?:", *p))
        p++;
    return p == start ? p + 1 : p;
}

static const char *lex_one(const char *p, enum kind *kind)
{
    bool prefixed = (*p && strchr("EeBbXx", *p) && p[1] == '\'');
    if (*p == '\'' || prefixed) {
        *kind = T_LITERAL;
        return skip_quoted(p + prefixed, '\'', prefixed && (*p == 'E' || *p == 'e'));
    }
    if (starts_word(*p) || *p == '"') {
        *kind = T_WORD;
        return skip_word(p);
    }
    if (isdigit((unsigned char)*p) || (*p == '$' && isdigit((unsigned char)p[1]))) {
        *kind = T_LITERAL;
        return skip_number(p + 1);
    }
    if (strchr("()[],;", *p)) {
        *kind = T_MARK;
        return p + 1;
    }
    *kind = strncmp(p, "::", 2) == 0 ? T_CAST : T_OPERATOR;
    return *kind == T_CAST ? p + 2 : skip_operator(p);
}

static void lex(struct tokens *l, const char *p)
{
    while (*p) {
        if (isspace((unsigned char)*p)) {
            p++;
            continue;
        }
        struct token t = {.p = p};
        p = lex_one(p, &t.kind);
        t.n = (size_t)(p - t.p);
        ARR_PUSH(l->a, l->t, l->n, l->cap, t);
    }
}

static bool is(const struct tokens *l, size_t i, const char *text)
{
    return i < l->n && l->t[i].n == strlen(text) && strncasecmp(l->t[i].p, text, l->t[i].n) == 0;
}

static bool is_any(const struct tokens *l, size_t i, const char *const *texts)
{
    for (; *texts; texts++)
        if (is(l, i, *texts))
            return true;
    return false;
}

/* The index behind the mark that closes the one at `i`; l->n if none does. */
static size_t behind_group(const struct tokens *l, size_t i)
{
    int depth = 0;
    for (; i < l->n; i++) {
        if (is(l, i, "(") || is(l, i, "["))
            depth++;
        else if ((is(l, i, ")") || is(l, i, "]")) && --depth <= 0)
            return i + 1;
    }
    return l->n;
}

/* ---- casts ---- */

/* Behind "(10,2)", if that is what comes. */
static size_t behind_modifier(const struct tokens *l, size_t i)
{
    if (!is(l, i, "("))
        return i;
    size_t end = behind_group(l, i);
    for (size_t k = i + 1; k + 1 < end; k++)
        if (l->t[k].kind != T_LITERAL && l->t[k].kind != T_OPERATOR && !is(l, k, ","))
            return i;
    return end;
}

/* Type names of several words, as format_type() prints them; a modifier may stand between any two. */
static size_t behind_type(const struct tokens *l, size_t i)
{
    static const char *const first[] = {"character", "bit", "double", "timestamp", "time", "interval", NULL};
    static const char *const more[] = {"varying", "precision", "with", "without", "time",   "zone", "year",
                                       "month",   "day",       "hour", "minute",  "second", "to",   NULL};
    bool several = is_any(l, i, first);
    i = behind_modifier(l, i + 1);
    while (several && is_any(l, i, more))
        i = behind_modifier(l, i + 1);
    while (is(l, i, "[") && is(l, i + 1, "]"))
        i += 2;
    return i < l->n ? i : l->n;
}

static void drop_casts(struct tokens *l)
{
    for (size_t i = 0; i < l->n; i++) {
        if (l->t[i].kind != T_CAST)
            continue;
        size_t end = i + 1 < l->n && l->t[i + 1].kind == T_WORD ? behind_type(l, i + 1) : i + 1;
        for (size_t k = i; k < end; k++)
            l->t[k].dropped = true;
        i = end - 1;
    }
}

/* ---- the qualifier of a view over one relation ---- */

static bool is_join(const struct tokens *l, size_t i)
{
    static const char *const queries[] = {"SELECT", "WITH", "VALUES", NULL};
    if (i == 0 || !is(l, i, "(") || !is(l, i - 1, "FROM"))
        return false;
    while (is(l, i, "("))
        i++;
    return !is_any(l, i, queries);
}

/* Looks at a query's outermost level. The name of its only relation, or NULL if it has none or several. */
static const struct token *only_relation(const struct tokens *l)
{
    static const char *const starts[] = {"SELECT", "WITH", NULL};
    static const char *const ends[] = {"WHERE", "GROUP", "HAVING", "WINDOW", "ORDER",     "LIMIT", "OFFSET",
                                       "FETCH", "FOR",   "UNION",  "EXCEPT", "INTERSECT", ";",     NULL};
    static const char *const sets[] = {"UNION", "EXCEPT", "INTERSECT", NULL};
    const struct token *name = NULL;
    bool from = false, sample = false;
    if (!is_any(l, 0, starts))
        return NULL;
    for (size_t i = 0; i < l->n; i++) {
        if (is_any(l, i, sets) || (from && (is(l, i, ",") || is(l, i, "JOIN") || is_join(l, i))))
            return NULL;
        from = (from || is(l, i, "FROM")) && !is_any(l, i, ends);
        sample = from && (sample || is(l, i, "TABLESAMPLE"));
        if (is(l, i, "(") || is(l, i, "["))
            i = behind_group(l, i) - 1;
        else if (from && !sample && l->t[i].kind == T_WORD && !is(l, i, "FROM"))
            name = &l->t[i];
    }
    return name;
}

/* The last part of `schema.name`. */
static struct str last_part(const struct token *t)
{
    const char *p = t->p, *end = t->p + t->n, *part = p;
    while (p < end) {
        part = p;
        p = skip_name(p);
        p += p < end && *p == '.';
    }
    return (struct str){part, (size_t)(end - part)};
}

static void drop_qualifier(struct tokens *l)
{
    const struct token *only = only_relation(l);
    if (!only)
        return;
    struct str name = last_part(only);
    for (size_t i = 0; i < l->n; i++) {
        struct token *t = &l->t[i];
        if (t == only || t->kind != T_WORD || t->n <= name.n + 1 || t->p[name.n] != '.' ||
            memcmp(t->p, name.p, name.n) != 0)
            continue;
        t->p += name.n + 1;
        t->n -= name.n + 1;
    }
}

/* ---- parentheses ---- */

static size_t next_kept(const struct tokens *l, size_t i)
{
    do
        i++;
    while (i < l->n && l->t[i].dropped);
    return i;
}

/* l->n if there is none before. */
static size_t previous_kept(const struct tokens *l, size_t i)
{
    while (i-- > 0)
        if (!l->t[i].dropped)
            return i;
    return l->n;
}

/* AND or OR, if that is what joins everything between two marks; else NULL. */
static const char *connective(const struct tokens *l, size_t open, size_t close)
{
    static const char *const both[] = {"AND", "OR"};
    bool seen[ARRAY_LEN(both)] = {false};
    for (size_t i = open + 1; i < close; i++) {
        if (is(l, i, "(") || is(l, i, "["))
            i = behind_group(l, i) - 1;
        for (size_t k = 0; k < ARRAY_LEN(both); k++)
            seen[k] = seen[k] || is(l, i, both[k]);
    }
    return seen[0] == seen[1] ? NULL : seen[0] ? both[0] : both[1];
}

/* `(a AND b) AND c` is read back as one list of three. */
static bool is_part_of_chain(const struct tokens *l, size_t open, size_t close)
{
    size_t before = previous_kept(l, open), after = next_kept(l, close);
    if (!is(l, after, "AND") && !is(l, after, "OR") && !is(l, before, "AND") && !is(l, before, "OR"))
        return false;
    const char *word = connective(l, open, close);
    return word && (is(l, before, word) || is(l, after, word));
}

/* Drops the pair if it holds one thing that is no call's argument list, or just another pair. */
static void simplify(struct tokens *l, size_t open, size_t close, const size_t *opened_by)
{
    size_t first = next_kept(l, open), last = previous_kept(l, close), before = previous_kept(l, open);
    bool is_call = before < l->n && l->t[before].kind == T_WORD;
    bool single = first == last && l->t[first].kind != T_MARK && !is_call;
    bool nested = first < last && is(l, first, "(") && is(l, last, ")") && opened_by[last] == first;
    if (single || is_part_of_chain(l, open, close)) {
        l->t[open].dropped = l->t[close].dropped = true;
    } else if (nested) {
        l->t[first].dropped = l->t[last].dropped = true;
    }
}

static void drop_parentheses(struct tokens *l)
{
    size_t *stack = ARENA_ARRAY(l->a, size_t, l->n + 1), depth = 0;
    size_t *opened_by = ARENA_ARRAY(l->a, size_t, l->n + 1);
    for (size_t i = 0; i < l->n; i++) {
        if (l->t[i].dropped)
            continue;
        if (is(l, i, "(")) {
            stack[depth++] = i;
        } else if (is(l, i, ")") && depth > 0) {
            opened_by[i] = stack[--depth];
            simplify(l, opened_by[i], i, opened_by);
        }
    }
}

char *deparse_normal(struct arena *a, const char *sql)
{
    struct tokens l = {.a = a};
    if (!*sql)
        return arena_strdup(a, "");
    lex(&l, sql);
    drop_qualifier(&l);
    drop_casts(&l);
    drop_parentheses(&l);
    char *out = arena_alloc(a, strlen(sql) + l.n + 1), *at = out;
    for (size_t i = 0; i < l.n; i++) {
        if (l.t[i].dropped)
            continue;
        if (at != out)
            *at++ = ' ';
        memcpy(at, l.t[i].p, l.t[i].n);
        at += l.t[i].n;
    }
    return out;
}
