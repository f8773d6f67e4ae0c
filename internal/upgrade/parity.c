#include "internal/upgrade/parity.h"
#include "internal/base/buf.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static int by_text(const void *x, const void *y)
{
    return strcmp(*(const char *const *)x, *(const char *const *)y);
}

/* "active", "ACTIVE", "Complete": a moment's matter. */
static bool is_status(const char *name)
{
    size_t n = strlen(name);
    return n >= 6 && strcmp(name + n - 6, "Status") == 0;
}

/* One text for an element: its own for a leaf, its children's in sorted order else (lists are sets here). */
static const char *canonical(struct arena *a, const struct xml *x, int depth)
{
    if (!x->first || depth > 8)
        return x->text;
    const char **parts = NULL;
    size_t n = 0, cap = 0;
    for (const struct xml *c = xml_child(x, NULL, NULL); c; c = xml_child(x, NULL, c))
        if (!is_status(c->name))
            ARR_PUSH(a, parts, n, cap, arena_printf(a, "%s=%s", c->name, canonical(a, c, depth + 1)));
    if (n > 0)
        qsort(parts, n, sizeof *parts, by_text);
    struct buf out = BUF_INIT(64 * 1024);
    for (size_t i = 0; i < n; i++)
        (void)buf_printf(&out, "%s%s", i ? ", " : "", parts[i]);
    const char *text = arena_strdup(a, buf_text(&out));
    buf_done(&out);
    return text;
}

static const char *member_text(struct arena *a, const struct xml *object, const char *name)
{
    const struct xml *x = xml_child(object, name, NULL);
    return x ? canonical(a, x, 0) : "";
}

static const char *plain(const char *member, const char *s)
{
    if (strcmp(s, "false") == 0 || strcmp(s, "0") == 0)
        return "";
    return strcmp(member, "StorageType") == 0 && strcmp(s, "aurora") == 0 ? "" : s;
}

/* A window's days have no case; nothing else that AWS shows has two spellings. */
static bool same(const char *member, const char *x, const char *y)
{
    return strcasecmp(plain(member, x), plain(member, y)) == 0;
}

struct differences {
    struct parity_difference *items;
    size_t n, cap;
};

/* An instance shows members of its cluster: those are compared there. */
static bool counts(const struct parity_rule *r, enum parity_object of, const char *old_value)
{
    return !r || (!r->may_differ && (r->of & of) && !(r->if_set && *old_value == '\0'));
}

static void compare_member(struct arena *a, enum parity_object of, const char *name, const struct xml *x,
                           const struct xml *y, struct differences *out)
{
    const struct parity_rule *r = parity_rule(name);
    struct parity_difference d = {.member = name,
                                  .old_value = member_text(a, x, name),
                                  .new_value = member_text(a, y, name),
                                  .severity = r ? r->severity : PARITY_REPORT,
                                  .rule = r};
    if (counts(r, of, d.old_value) && !same(name, d.old_value, d.new_value))
        ARR_PUSH(a, out->items, out->n, out->cap, d);
}

void parity_compare(struct arena *a, enum parity_object of, const struct xml *old_object,
                    const struct xml *new_object, const struct parity_difference **ret, size_t *ret_n)
{
    struct differences out = {0};
    for (const struct xml *c = xml_child(old_object, NULL, NULL); c; c = xml_child(old_object, NULL, c))
        compare_member(a, of, c->name, old_object, new_object, &out);
    for (const struct xml *c = xml_child(new_object, NULL, NULL); c; c = xml_child(new_object, NULL, c))
        if (!xml_child(old_object, c->name, NULL))
            compare_member(a, of, c->name, old_object, new_object, &out);
    *ret = out.items;
    *ret_n = out.n;
}

static const char *lower(struct arena *a, const char *s)
{
    char *out = arena_strdup(a, s);
    for (char *c = out; *c; c++)
        *c = (char)tolower((unsigned char)*c);
    return out;
}

struct members {
    struct parity_member *items;
    size_t n, cap;
};

static void add_member(struct arena *a, enum parity_object of, const struct xml *object, const char *name,
                       struct members *out)
{
    const struct parity_rule *r = parity_rule(name);
    const char *value = lower(a, plain(name, member_text(a, object, name)));
    if (*value && counts(r, of, value))
        ARR_PUSH(a, out->items, out->n, out->cap, ((struct parity_member){name, value, r}));
}

void parity_members(struct arena *a, enum parity_object of, const struct xml *object,
                    const struct parity_member **ret, size_t *ret_n)
{
    struct members out = {0};
    for (const struct xml *c = xml_child(object, NULL, NULL); c; c = xml_child(object, NULL, c))
        add_member(a, of, object, c->name, &out);
    *ret = out.items;
    *ret_n = out.n;
}

bool parity_repairable(const struct parity_difference *d)
{
    const struct parity_rule *r = d->rule;
    if (!r || r->repair == REPAIR_NONE)
        return false;
    return r->repair != REPAIR_TEXT || *d->old_value || r->unset;
}
