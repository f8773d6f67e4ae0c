#include "acceptance-tests/sandbox/describe.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { PAGE_MIN = 20, PAGE_MAX = 100, MARKER_MAX = 1000000 };

#define MARKER_PREFIX "bWFya2Vy"

json_t *need_id(struct call *c, enum kind kind, const char *id)
{
    json_t *record = store_find(c->sb->store, kind, id);
    if (!record) {
        char shown[256]; /* AWS repeats the name it was asked for */
        (void)snprintf(shown, sizeof shown, "%s", id);
        const struct kind_row *row = &KINDS[kind];
        const char *mark = strstr(row->missing_text, "%s");
        if (mark)
            (void)fault_set(&c->fault, row->missing, "%.*s%s%s", (int)(mark - row->missing_text),
                            row->missing_text, shown, mark + 2);
        else
            (void)fault_set(&c->fault, row->missing, "%s", row->missing_text);
    }
    return record;
}

json_t *need(struct call *c, enum kind kind, const char *member)
{
    return need_id(c, kind, rec_str(c->in, member));
}

static const struct filter_row *filter_named(const struct filter_row *rows, const char *name)
{
    for (; rows && rows->name; rows++)
        if (strcmp(rows->name, name) == 0)
            return rows;
    return NULL;
}

bool filters_check(struct call *c, const struct filter_row *rows)
{
    size_t i;
    json_t *filter;
    json_array_foreach(rec_get(c->in, "Filters"), i, filter)
    {
        if (!filter_named(rows, rec_str(filter, "Name")))
            return fault_set(&c->fault, "InvalidParameterValue", "Unrecognized filter name: %.100s",
                             rec_str(filter, "Name"));
        if (json_array_size(rec_get(filter, "Values")) == 0)
            return fault_set(&c->fault, "InvalidParameterValue", "Filter %.100s has no values.",
                             rec_str(filter, "Name"));
    }
    return true;
}

static bool value_matches(const struct filter_row *row, const json_t *record, const char *wanted)
{
    const char *colon = row->arn && strncmp(wanted, "arn:", 4) == 0 ? strrchr(wanted, ':') : NULL;
    return rec_same(record, row->member, colon ? colon + 1 : wanted);
}

bool filters_match(const struct call *c, const struct filter_row *rows, const json_t *record)
{
    size_t i, k;
    json_t *filter, *value;
    json_array_foreach(rec_get(c->in, "Filters"), i, filter)
    {
        const struct filter_row *row = filter_named(rows, rec_str(filter, "Name"));
        bool any = false;
        json_array_foreach(rec_get(filter, "Values"), k, value)
        {
            any = any || (row && value_matches(row, record, json_string_value(value)));
        }
        if (!any)
            return false;
    }
    return true;
}

/* Markers are opaque to callers: the number of records before the page. */
static bool read_marker(struct call *c, size_t *ret)
{
    const char *marker = rec_str(c->in, "Marker");
    size_t prefix = strlen(MARKER_PREFIX);
    char *end = NULL;
    bool ours = strncmp(marker, MARKER_PREFIX, prefix) == 0 && marker[prefix] != '\0';
    unsigned long long from = ours ? strtoull(marker + prefix, &end, 16) : 0;
    if (*marker && (!ours || *end || from > MARKER_MAX))
        return fault_set(&c->fault, "InvalidParameterValue", "Invalid Marker");
    *ret = (size_t)from;
    return true;
}

static bool read_page(struct call *c, size_t *ret_from, size_t *ret_size)
{
    int64_t size = rec_has(c->in, "MaxRecords") ? rec_int(c->in, "MaxRecords") : PAGE_MAX;
    if (size < PAGE_MIN || size > PAGE_MAX)
        return fault_set(&c->fault, "InvalidParameterValue",
                         "Invalid value %lld for MaxRecords. Must be between %d and %d", (long long)size,
                         PAGE_MIN, PAGE_MAX);
    *ret_size = (size_t)size;
    return read_marker(c, ret_from);
}

bool page_open(struct call *c, struct page *ret)
{
    struct page p = {0};
    if (!read_page(c, &p.from, &p.size))
        return false;
    if (c->page_limit > 0 && p.size > c->page_limit)
        p.size = c->page_limit;
    p.list = json_array();
    *ret = p;
    return true;
}

bool page_takes(struct page *p)
{
    size_t at = p->seen++;
    return at >= p->from && at - p->from < p->size;
}

void page_add(struct page *p, json_t *element)
{
    (void)json_array_append_new(p->list, element);
}

void page_close(struct call *c, struct page *p, const char *result)
{
    rec_set(c->out, result, p->list);
    if (p->from + p->size < p->seen)
        rec_printf(c->out, "Marker", MARKER_PREFIX "%zx", p->from + p->size);
}

bool paginate(struct call *c, json_t *all, const char *result)
{
    struct page p;
    size_t i;
    json_t *element;
    bool ok = page_open(c, &p);
    if (ok) {
        json_array_foreach(all, i, element)
        {
            if (page_takes(&p))
                page_add(&p, json_incref(element));
        }
        page_close(c, &p, result);
    }
    json_decref(all);
    return ok;
}

bool describe_run(struct call *c)
{
    const struct describe *d = c->op->describe;
    const char *id = d->by_id ? rec_str(c->in, d->by_id) : "";
    const json_t *only = *id ? need_id(c, d->kind, id) : NULL;
    size_t i;
    json_t *record;
    if ((*id && !only) || !filters_check(c, d->filters))
        return false;
    json_t *all = json_array();
    json_array_foreach(store_list(c->sb->store, d->kind), i, record)
    {
        if ((only && record != only) || (d->keep && !d->keep(c, record)))
            continue;
        json_t *shown = d->view ? d->view(c->sb, record) : json_incref(record);
        if (filters_match(c, d->filters, shown))
            (void)json_array_append(all, shown);
        json_decref(shown);
    }
    return paginate(c, all, d->result);
}
