#include "internal/aws/ini.h"

#include <ctype.h>
#include <string.h>

struct reader {
    struct arena *arena;
    struct ini_entry *entries;
    size_t count, cap;
    const char *section; /* NULL before the first section line */
    const char *key;     /* the property an indented line belongs to; NULL: none */
    size_t key_indent, key_entry;
};

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\v' || c == '\f';
}

static struct str trim(struct str s)
{
    while (s.n > 0 && is_space(s.p[0]))
        s = (struct str){s.p + 1, s.n - 1};
    while (s.n > 0 && is_space(s.p[s.n - 1]))
        s.n--;
    return s;
}

static const char *keep(struct reader *r, struct str s)
{
    return arena_memdup(r->arena, s.p, s.n);
}

static const char *keep_lower(struct reader *r, struct str s)
{
    char *text = arena_memdup(r->arena, s.p, s.n);
    for (char *c = text; *c; c++)
        *c = (char)tolower((unsigned char)*c);
    return text;
}

/* "profile   name", "profile \"name\"" and "\" profile name\"" are all "profile name". */
static const char *section_name(struct reader *r, struct str s)
{
    struct buf b = BUF_INIT(INI_BYTES_MAX);
    bool space = false;
    s = trim(s);
    for (size_t i = 0; i < s.n; i++) {
        if (is_space(s.p[i])) {
            space = true;
            continue;
        }
        if (s.p[i] == '"' || s.p[i] == '\'')
            continue;
        if (space && b.n > 0)
            (void)buf_puts(&b, " ");
        space = false;
        (void)buf_add(&b, &s.p[i], 1);
    }
    const char *name = arena_strdup(r->arena, buf_text(&b));
    buf_done(&b);
    return name;
}

/* Cuts a comment that begins after white space. */
static struct str without_comment(struct str s)
{
    for (size_t i = 1; i < s.n; i++)
        if ((s.p[i] == '#' || s.p[i] == ';') && is_space(s.p[i - 1]))
            return trim((struct str){s.p, i});
    return s;
}

static void add(struct reader *r, struct ini_entry entry)
{
    entry.section = r->section;
    ARR_PUSH(r->arena, r->entries, r->count, r->cap, entry);
}

static bool split(struct str line, struct str *ret_key, struct str *ret_value)
{
    const char *equals = memchr(line.p, '=', line.n);
    if (!equals || equals == line.p)
        return false;
    size_t n = (size_t)(equals - line.p);
    *ret_key = trim((struct str){line.p, n});
    *ret_value = without_comment(trim((struct str){equals + 1, line.n - n - 1}));
    if (ret_value->n > 0 && (ret_value->p[0] == '#' || ret_value->p[0] == ';') && is_space(equals[1]))
        ret_value->n = 0;
    return ret_key->n > 0;
}

static void nested_line(struct reader *r, struct str line)
{
    struct ini_entry *parent = &r->entries[r->key_entry];
    struct str key, value;
    if (*parent->value == '\0' && split(line, &key, &value))
        add(r, (struct ini_entry){.key = r->key, .sub = keep_lower(r, key), .value = keep(r, value)});
    else if (*parent->value)
        parent->value = arena_printf(r->arena, "%s\n%.*s", parent->value, (int)line.n, line.p);
}

static void plain_line(struct reader *r, struct str line, size_t indent)
{
    struct str key, value;
    const char *end = line.p[0] == '[' ? memchr(line.p, ']', line.n) : NULL;
    r->key = NULL;
    if (end) {
        r->section = section_name(r, (struct str){line.p + 1, (size_t)(end - line.p) - 1});
        add(r, (struct ini_entry){.value = ""});
    } else if (r->section && split(line, &key, &value)) {
        r->key = keep_lower(r, key);
        r->key_indent = indent;
        r->key_entry = r->count;
        add(r, (struct ini_entry){.key = r->key, .value = keep(r, value)});
    }
}

static void one_line(struct reader *r, struct str raw)
{
    struct str line = trim(raw);
    if (line.n == 0 || line.p[0] == '#' || line.p[0] == ';')
        return;
    size_t indent = (size_t)(line.p - raw.p);
    if (r->key && indent > r->key_indent)
        nested_line(r, line);
    else
        plain_line(r, line, indent);
}

bool ini_parse(struct arena *a, struct str text, struct ini *ret, struct err *e)
{
    struct reader r = {.arena = a};
    if (text.n > INI_BYTES_MAX)
        return err_set(e, ERR_INVALID, "larger than %d bytes", INI_BYTES_MAX);
    if (text.n > 0 && memchr(text.p, '\0', text.n))
        return err_set(e, ERR_INVALID, "contains NUL bytes");
    if (text.n >= 3 && memcmp(text.p, "\xef\xbb\xbf", 3) == 0)
        text = (struct str){text.p + 3, text.n - 3};
    while (text.n > 0) {
        const char *end = memchr(text.p, '\n', text.n);
        size_t n = end ? (size_t)(end - text.p) : text.n;
        one_line(&r, (struct str){text.p, n});
        if (r.count > INI_ENTRIES_MAX)
            return err_set(e, ERR_INVALID, "more than %d entries", INI_ENTRIES_MAX);
        size_t used = end ? n + 1 : n;
        text = (struct str){text.p + used, text.n - used};
    }
    *ret = (struct ini){r.entries, r.count};
    return true;
}

bool ini_has_section(const struct ini *ini, const char *section)
{
    for (size_t i = 0; i < ini->count; i++)
        if (strcmp(ini->entries[i].section, section) == 0)
            return true;
    return false;
}

static bool same(const char *x, const char *y)
{
    return x == y || (x && y && strcmp(x, y) == 0);
}

const char *ini_get(const struct ini *ini, const char *section, const char *key, const char *sub)
{
    for (size_t i = ini->count; i-- > 0;) {
        const struct ini_entry *entry = &ini->entries[i];
        if (same(entry->section, section) && same(entry->key, key) && same(entry->sub, sub))
            return entry->value;
    }
    return NULL;
}
