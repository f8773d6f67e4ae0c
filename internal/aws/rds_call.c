#include "internal/aws/rds_internal.h"

#include <stdio.h>
#include <string.h>

enum { PAGES_MAX = 500 }; /* of up to 100 objects */
enum { EACH_PAGE = 40 };  /* MaxRecords may be 20 to 100 */

void fields_add(struct fields *f, const char *name, const char *value)
{
    struct aws_field field = {name, value};
    if (value)
        ARR_PUSH(f->arena, f->list, f->n, f->cap, field);
}

void fields_add_int(struct fields *f, const char *name, int n)
{
    fields_add(f, name, arena_printf(f->arena, "%d", n));
}

void fields_add_bool(struct fields *f, const char *name, bool b)
{
    fields_add(f, name, b ? "true" : "false");
}

void fields_add_tags(struct fields *f, struct rds_tags tags)
{
    for (size_t i = 0; i < tags.count; i++) {
        fields_add(f, arena_printf(f->arena, "Tags.Tag.%zu.Key", i + 1), tags.tags[i].key);
        fields_add(f, arena_printf(f->arena, "Tags.Tag.%zu.Value", i + 1), tags.tags[i].value);
    }
}

void fields_add_filter(struct fields *f, int n, const char *name, const char *value)
{
    fields_add(f, arena_printf(f->arena, "Filters.Filter.%d.Name", n), name);
    fields_add(f, arena_printf(f->arena, "Filters.Filter.%d.Values.Value.1", n), value);
}

const struct aws_field *fields_end(struct fields *f)
{
    struct aws_field end = {0};
    ARR_PUSH(f->arena, f->list, f->n, f->cap, end);
    f->n--;
    return f->list;
}

bool rds_call(const struct aws_session *s, const char *action, struct fields *f, const struct xml **ret,
              struct err *e)
{
    const struct xml *result = NULL;
    if (!aws_query(s, "rds", action, fields_end(f), &result, e))
        return false;
    if (ret)
        *ret = result;
    return true;
}

bool rds_call_unless_absent(const struct aws_session *s, const char *action, struct fields *f, struct err *e)
{
    struct err why = ERR_INIT;
    if (rds_call(s, action, f, NULL, &why) ||
        aws_op_means_absent(aws_op_find("rds", action), why.remote_code))
        return true;
    if (e)
        *e = why;
    return false;
}

/* ---- pages ---- */

struct pages {
    const struct aws_op *op;
    const struct shape *shape;
    char *items;
    size_t count, cap;
    size_t n;
    const char *marker; /* the next page's; "" after the last */
    const char *known;  /* one seen before, moved on at every power of two: finds circles of any length */
};

static bool next_page(struct pages *p, const struct xml *page, struct err *e)
{
    p->marker = xml_text(page, p->op->marker, "");
    p->n++;
    if (*p->marker && p->known && strcmp(p->known, p->marker) == 0)
        return err_set(e, ERR_REMOTE, "rds %s: the list goes round in a circle", p->op->action);
    if (*p->marker && p->n >= PAGES_MAX)
        return err_set(e, ERR_REMOTE, "rds %s: the list does not end after %d pages", p->op->action,
                       PAGES_MAX);
    if ((p->n & (p->n - 1)) == 0)
        p->known = p->marker;
    return true;
}

static void keep_items(struct arena *a, struct pages *p, const struct xml *page)
{
    size_t n = 0, size = p->shape->size;
    const char *items = shape_read_list(a, p->shape, xml_find(page, p->op->list), p->op->item, &n);
    if (p->count + n > p->cap || !p->items) {
        p->cap = 2 * (p->count + n) + 1;
        char *longer = arena_alloc(a, p->cap * size);
        if (p->count)
            memcpy(longer, p->items, p->count * size);
        p->items = longer;
    }
    if (n)
        memcpy(p->items + p->count * size, items, n * size);
    p->count += n;
}

static bool read_page(const struct aws_session *s, struct pages *p, struct fields *f, const struct xml **ret,
                      struct err *e)
{
    const struct xml *page = NULL;
    size_t fixed = f->n;
    if (p->n > 0)
        fields_add(f, "Marker", p->marker);
    bool ok = rds_call(s, p->op->action, f, &page, e);
    f->n = fixed;
    if (!ok || !next_page(p, page, e))
        return false;
    *ret = page;
    return true;
}

bool rds_each(const struct aws_session *s, const char *action, struct fields *f, const struct shape *shape,
              void (*each)(void *arg, const void *item), void *arg, struct err *e)
{
    struct pages p = {.op = aws_op_find("rds", action), .shape = shape};
    if (!p.op || !p.op->list)
        return err_set(e, ERR_BUG, "rds %s is no list", action);
    fields_add_int(f, "MaxRecords", EACH_PAGE);
    do {
        struct arena *a CLEANUP(arena_cleanup) = arena_new();
        struct aws_session own = *s;
        const struct xml *page = NULL;
        size_t n = 0;
        own.arena = a;
        if (!read_page(&own, &p, f, &page, e))
            return false;
        const char *items = shape_read_list(a, shape, xml_find(page, p.op->list), p.op->item, &n);
        for (size_t i = 0; i < n; i++)
            each(arg, items + i * shape->size);
        p.known = p.known ? arena_strdup(s->arena, p.known) : NULL;
        p.marker = arena_strdup(s->arena, p.marker);
    } while (*p.marker);
    return true;
}

bool rds_list(const struct aws_session *s, const char *action, struct fields *f, const struct shape *shape,
              void *ret, size_t *ret_n, struct err *e)
{
    struct pages p = {.op = aws_op_find("rds", action), .shape = shape};
    if (!p.op || !p.op->list)
        return err_set(e, ERR_BUG, "rds %s is no list", action);
    do {
        const struct xml *page = NULL;
        if (!read_page(s, &p, f, &page, e))
            return false;
        keep_items(s->arena, &p, page);
    } while (*p.marker);
    *(void **)ret = p.items;
    *ret_n = p.count;
    return true;
}

bool rds_find(const struct aws_session *s, const char *action, struct fields *f, const struct shape *shape,
              void *ret, struct err *e)
{
    struct err why = ERR_INIT;
    void *items = NULL;
    size_t n = 0;
    if (!rds_list(s, action, f, shape, &items, &n, &why)) {
        if (!aws_op_means_absent(aws_op_find("rds", action), why.remote_code)) {
            if (e)
                *e = why;
            return false;
        }
        n = 0;
    }
    *(void **)ret = n ? items : NULL;
    return true;
}

const void *const *rds_pointers(struct arena *a, const void *items, size_t size, size_t n)
{
    const void **list = ARENA_ARRAY(a, const void *, n + 1);
    for (size_t i = 0; i < n; i++)
        list[i] = (const char *)items + i * size;
    return list;
}
