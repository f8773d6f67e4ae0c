#include "internal/aws/rds_internal.h"

#include <stdio.h>
#include <string.h>

enum { PAGES_MAX = 10000 };

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
    size_t n;
    const char *marker; /* the next page's; "" after the last */
    const char *known;  /* one seen before, moved on at every power of two: finds circles of any length */
};

static bool next_page(struct pages *p, const struct aws_op *op, const struct xml *page, struct err *e)
{
    p->marker = xml_text(page, op->marker, "");
    p->n++;
    if (*p->marker && ((p->known && strcmp(p->known, p->marker) == 0) || p->n >= PAGES_MAX))
        return err_set(e, ERR_REMOTE, "rds %s: the list does not end, a page's marker came again",
                       op->action);
    if ((p->n & (p->n - 1)) == 0)
        p->known = p->marker;
    return true;
}

bool rds_list(const struct aws_session *s, const char *action, struct fields *f, const struct shape *shape,
              void *ret, size_t *ret_n, struct err *e)
{
    const struct aws_op *op = aws_op_find("rds", action);
    struct pages pages = {0};
    char *all = arena_alloc(s->arena, shape->size);
    size_t count = 0;
    if (!op || !op->list)
        return err_set(e, ERR_BUG, "rds %s is no list", action);
    do {
        const struct xml *page = NULL;
        size_t n = 0, fixed = f->n;
        if (pages.n > 0)
            fields_add(f, "Marker", pages.marker);
        bool ok = rds_call(s, action, f, &page, e);
        f->n = fixed;
        if (!ok || !next_page(&pages, op, page, e))
            return false;
        char *items = shape_read_list(s->arena, shape, xml_find(page, op->list), op->item, &n);
        char *longer = n ? arena_alloc(s->arena, (count + n) * shape->size) : all;
        if (n) {
            memcpy(longer, all, count * shape->size);
            memcpy(longer + count * shape->size, items, n * shape->size);
        }
        all = longer;
        count += n;
    } while (*pages.marker);
    *(void **)ret = all;
    *ret_n = count;
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
