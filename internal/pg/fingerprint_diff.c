#include "internal/base/utf8.h"
#include "internal/pg/catalog.h"
#include "internal/pg/fingerprint.h"

#include <stdlib.h>
#include <string.h>

enum { SHOWN_BYTES = 160 }; /* of each definition in a difference */

struct difference {
    struct arena *a;
    const char *database, *noun;
    size_t max;
    const char **lines;
    size_t count, cap; /* count: shown; total: all */
    size_t total;
};

/* "columns" in the list also leaves out "columns.anything". */
static bool ignored(const char *aspect, const char *const *ignore)
{
    for (; ignore && *ignore; ignore++) {
        size_t n = strlen(*ignore);
        if (strncmp(aspect, *ignore, n) == 0 && (aspect[n] == '\0' || aspect[n] == '.'))
            return true;
    }
    return false;
}

size_t fingerprint_key_length(const char *line)
{
    return strcspn(line, "\t");
}

int fingerprint_compare_keys(const char *a, const char *b)
{
    size_t na = fingerprint_key_length(a), nb = fingerprint_key_length(b);
    int c = memcmp(a, b, na < nb ? na : nb);
    return c ? c : (na > nb) - (na < nb);
}

/* From a little before the first difference on: two long bodies mostly begin alike. */
static const char *excerpt(struct arena *a, const char *definition, size_t same)
{
    enum { BEFORE = 40 };
    size_t from = same > SHOWN_BYTES - BEFORE ? same - BEFORE : 0;
    char *s = arena_printf(a, "%s%.*s%s", from ? "…" : "", SHOWN_BYTES, definition + from,
                           strlen(definition + from) > SHOWN_BYTES ? "…" : "");
    utf8_clean(s);
    return s;
}

static void add(struct difference *d, const char *line, const char *words)
{
    d->total++;
    if (d->count >= d->max)
        return;
    char *text = arena_printf(d->a, "%s: %s%.*s %s", d->database, d->noun, (int)fingerprint_key_length(line),
                              line, words);
    utf8_clean(text);
    ARR_PUSH(d->a, d->lines, d->count, d->cap, (const char *)text);
}

static void add_changed(struct difference *d, const char *old_line, const char *new_line)
{
    const char *o = old_line + fingerprint_key_length(old_line),
               *n = new_line + fingerprint_key_length(new_line);
    o += *o != '\0';
    n += *n != '\0';
    size_t same = 0;
    while (o[same] && o[same] == n[same])
        same++;
    if (d->count >= d->max)
        d->total++;
    else
        add(d, old_line,
            arena_printf(d->a, "differs: old side \"%s\", new side \"%s\"", excerpt(d->a, o, same),
                         excerpt(d->a, n, same)));
}

bool fingerprint_is_column_order(const char *line)
{
    size_t n = fingerprint_key_length(line), tail = sizeof COLUMN_ORDER - 1;
    return n >= tail && memcmp(line + n - tail, COLUMN_ORDER, tail) == 0;
}

/* The same for any order of the names in a comma-separated list. */
static uint64_t names_sum(const char *list)
{
    uint64_t sum = 0;
    while (*list) {
        size_t n = strcspn(list, ",\t");
        uint64_t h = 0xcbf29ce484222325U;
        for (size_t k = 0; k < n; k++)
            if (list[k] != ' ')
                h = (h ^ (unsigned char)list[k]) * 0x100000001b3U;
        sum += h;
        list += n + (list[n] != '\0');
    }
    return sum;
}

/* The columns that one list has and the other has not are reported as such; only a change of order among the
 * same columns is news. */
static bool same_columns(const char *x, const char *y)
{
    return strlen(x) == strlen(y) && names_sum(x) == names_sum(y);
}

static int compare_key_to_line(const void *key, const void *line)
{
    return fingerprint_compare_keys(key, *(const char *const *)line);
}

const char *fingerprint_line(const struct pg_fingerprint_part *p, const char *key)
{
    const char *const *line =
        p->count > 0 ? bsearch(key, p->lines, p->count, sizeof *p->lines, compare_key_to_line) : NULL;
    return line ? *line : NULL;
}

static bool has_key(const struct pg_fingerprint_part *p, const char *key)
{
    return fingerprint_line(p, key) != NULL;
}

/* The key whose absence explains that this line is absent as well, or NULL. Columns go with their table,
 * privileges with their object; the object's own aspect reports it once. */
static const char *parent_key(struct arena *a, const struct pg_fingerprint_part *has, const char *line)
{
    static const char privileges[] = "privileges on ";
    char *key = arena_memdup(a, line, fingerprint_key_length(line));
    if (strncmp(key, privileges, sizeof privileges - 1) == 0) {
        for (char *to = strstr(key, " to "); to; to = strstr(to + 1, " to ")) {
            const char *object = key + sizeof privileges - 1;
            const char *owner = arena_printf(a, "owner of %.*s", (int)(to - object), object);
            if (has_key(has, owner))
                return owner;
        }
        return NULL;
    }
    bool quoted = false;
    for (char *p = key + strlen(key); p > key; p--) {
        quoted = quoted != (*p == '"');
        if (*p != '.' || quoted)
            continue;
        const char *order = arena_printf(a, "%.*s" COLUMN_ORDER, (int)(p - key), key);
        return has_key(has, order) ? order : NULL;
    }
    return NULL;
}

/* `line` is one that `has` has and `lacks` has not. */
static bool is_redundant(struct arena *a, const struct pg_fingerprint_part *has,
                         const struct pg_fingerprint_part *lacks, const char *line)
{
    if (fingerprint_is_column_order(line) || strncmp(line, "owner of ", strlen("owner of ")) == 0)
        return true;
    const char *parent = parent_key(a, has, line);
    return parent && !has_key(lacks, parent);
}

void fingerprint_walk(struct arena *a, const struct pg_fingerprint_part *o,
                      const struct pg_fingerprint_part *n, fingerprint_teller *tell, void *to)
{
    size_t i = 0, k = 0;
    while (i < o->count || k < n->count) {
        int order = i == o->count   ? 1
                    : k == n->count ? -1
                                    : fingerprint_compare_keys(o->lines[i], n->lines[k]);
        if (order < 0 && !is_redundant(a, o, n, o->lines[i]))
            tell(to, o->lines[i], NULL);
        else if (order > 0 && !is_redundant(a, n, o, n->lines[k]))
            tell(to, NULL, n->lines[k]);
        else if (order == 0)
            tell(to, o->lines[i], n->lines[k]);
        i += order <= 0;
        k += order >= 0;
    }
}

static void tell_difference(void *to, const char *old_line, const char *new_line)
{
    struct difference *d = to;
    if (!new_line)
        add(d, old_line, "is missing on the new side");
    else if (!old_line)
        add(d, new_line, "exists only on the new side");
    else if (strcmp(old_line, new_line) != 0 &&
             (!fingerprint_is_column_order(old_line) || same_columns(old_line, new_line)))
        add_changed(d, old_line, new_line);
}

const struct pg_fingerprint_part *fingerprint_part(const struct pg_fingerprint *f, const char *aspect)
{
    static const struct pg_fingerprint_part none = {.aspect = ""};
    for (size_t i = 0; i < f->part_count; i++)
        if (strcmp(f->parts[i].aspect, aspect) == 0)
            return &f->parts[i];
    return &none;
}

void pg_fingerprint_diff(struct arena *a, const char *database, const struct pg_fingerprint *old_side,
                         const struct pg_fingerprint *new_side, const char *const *ignore, size_t max,
                         const char ***ret_lines, size_t *ret_n)
{
    struct difference d = {.a = a, .database = database, .max = max};
    for (size_t i = 0; i < old_side->part_count; i++) {
        const struct pg_fingerprint_part *o = &old_side->parts[i], *n = fingerprint_part(new_side, o->aspect);
        if (ignored(o->aspect, ignore) || (o->hash == n->hash && o->count == n->count))
            continue;
        d.noun = fingerprint_noun(o->aspect);
        fingerprint_walk(a, o, n, tell_difference, &d);
    }
    *ret_lines = d.lines;
    *ret_n = d.total;
}
