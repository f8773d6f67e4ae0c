/* shape.h — structs filled from XML by tables of {member, type, path}: parsing as data.
 *
 * Absent elements give "", 0, false, an empty list, or the row's own `otherwise`. Numbers that are none count
 * as absent. Everything lives in the arena given; texts point into the XML tree.
 */
#ifndef AURORA_AWS_SHAPE_H
#define AURORA_AWS_SHAPE_H

#include "internal/base/arena.h"
#include "internal/value/xml.h"

enum shape_type {
    SHAPE_TEXT,         /* const char * */
    SHAPE_BOOL,         /* bool: "true" */
    SHAPE_INT,          /* int */
    SHAPE_DOUBLE,       /* double */
    SHAPE_PRESENT,      /* bool: the element is there */
    SHAPE_HAS_CHILDREN, /* bool: it is there and not empty */
    SHAPE_TEXTS,        /* const char **, ends with NULL: texts of the `item` children */
    SHAPE_LIST,         /* array of `shape` structs, its length in the member at `count_offset` */
    SHAPE_RAW           /* const struct xml *: the object itself */
};

struct shape {
    size_t size;
    const struct shape_member {
        enum shape_type type;
        size_t offset;
        const char *path, *item;
        const struct shape *shape;
        size_t count_offset;
        double otherwise; /* numbers */
    } * members;          /* ends with path == NULL */
};

void shape_read(struct arena *a, const struct shape *s, const struct xml *x, void *out);
/* The `item` children of `list` (NULL: none) as an array of structs. */
void *shape_read_list(struct arena *a, const struct shape *s, const struct xml *list, const char *item,
                      size_t *ret_n);

/* Copies of `n` structs with all they point to, but for SHAPE_RAW members, which become NULL: the tree is ten
 * times as large as what was read from it. */
void *shape_copy(struct arena *a, const struct shape *s, const void *items, size_t n);

#endif
