/* describe.h — listings: identifier, filters, pages. One row of data per Describe operation. */
#ifndef SANDBOX_DESCRIBE_H
#define SANDBOX_DESCRIBE_H

#include "acceptance-tests/sandbox/sandbox.h"

/* A filter AWS accepts, and the member it compares with (case ignored). `arn`: a value may be an ARN too. */
struct filter_row {
    const char *name, *member;
    bool arn;
};

struct describe {
    enum kind kind;
    const char *by_id;  /* request member with an identifier; NULL: none. An unknown one is a fault */
    const char *result; /* list member of the result */
    const struct filter_row *filters; /* end with a row without name */
    /* Further conditions of the request; NULL: none. */
    bool (*keep)(const struct call *c, const json_t *record);
    /* The record as AWS shows it; a new object. NULL: the record itself. */
    json_t *(*view)(struct sandbox *sb, const json_t *record);
};

MUST_CHECK bool describe_run(struct call *c);

/* Checks MaxRecords (20 to 100) and Marker, and moves one page of `all` (stolen) into the result. */
MUST_CHECK bool paginate(struct call *c, json_t *all, const char *result);

/* The same for long listings whose elements are made one by one: only those of the page are. */
struct page {
    size_t from, size, seen;
    json_t *list;
};
MUST_CHECK bool page_open(struct call *c, struct page *ret);
bool page_takes(struct page *p);                /* counts one more element; is it on the page? */
void page_add(struct page *p, json_t *element); /* steals */
void page_close(struct call *c, struct page *p, const char *result);

/* Refuses filters whose name has no row. */
MUST_CHECK bool filters_check(struct call *c, const struct filter_row *rows);
bool filters_match(const struct call *c, const struct filter_row *rows, const json_t *record);

/* Request members of a listing. */
#define DESCRIBE_MEMBERS LIST_OF("Filters", "Filter", SHAPE_FILTER), STR("Marker"), INT("MaxRecords")

/* The record named by request member `member`, or its kind's not-found fault. */
json_t *need(struct call *c, enum kind kind, const char *member);
json_t *need_id(struct call *c, enum kind kind, const char *id);

/* Views: what AWS shows of a record, with what is derived from others. */
json_t *view_cluster(struct sandbox *sb, const json_t *cluster);
json_t *view_instance(struct sandbox *sb, const json_t *instance);

#endif
