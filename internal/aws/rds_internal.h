/* rds_internal.h — how the verbs of rds.h are made: fields, calls, lists of shapes. */
#ifndef AURORA_AWS_RDS_INTERNAL_H
#define AURORA_AWS_RDS_INTERNAL_H

#include "internal/aws/ops.h"
#include "internal/aws/rds.h"
#include "internal/aws/shape.h"

#define MEMBER(T, t, m, p)                                                                                   \
    {                                                                                                        \
        .type = SHAPE_##t, .offset = offsetof(struct T, m), .path = (p)                                      \
    }
#define TEXTS(T, m, p, i)                                                                                    \
    {                                                                                                        \
        .type = SHAPE_TEXTS, .offset = offsetof(struct T, m), .path = (p), .item = (i)                       \
    }
#define LIST_OF(T, m, n, p, i, s)                                                                            \
    {                                                                                                        \
        .type = SHAPE_LIST, .offset = offsetof(struct T, m), .count_offset = offsetof(struct T, n),          \
        .path = (p), .item = (i), .shape = (s)                                                               \
    }
#define END_OF_SHAPE                                                                                         \
    {                                                                                                        \
        .path = NULL                                                                                         \
    }

extern const struct shape rds_tag_shape, rds_cluster_shape, rds_instance_shape, rds_bluegreen_shape,
    rds_snapshot_shape;
#define TAGS_OF(T) LIST_OF(T, tags.tags, tags.count, "TagList", "Tag", &rds_tag_shape)

/* Wire fields, growing in the session's arena. A value NULL is not sent. */
struct fields {
    struct arena *arena;
    struct aws_field *list;
    size_t n, cap;
};
void fields_add(struct fields *f, const char *name, const char *value);
void fields_add_int(struct fields *f, const char *name, int n);
void fields_add_bool(struct fields *f, const char *name, bool b);
void fields_add_tags(struct fields *f, struct rds_tags tags); /* Tags.Tag.N.Key */
void fields_add_filter(struct fields *f, int n, const char *name, const char *value);
const struct aws_field *fields_end(struct fields *f);

/* One call; `ret` may be NULL. */
MUST_CHECK bool rds_call(const struct aws_session *s, const char *action, struct fields *f,
                         const struct xml **ret, struct err *e);
/* The same, where "not there" is as good as done. */
MUST_CHECK bool rds_call_unless_absent(const struct aws_session *s, const char *action, struct fields *f,
                                       struct err *e);
/* All pages. *ret: array of structs of that shape. */
MUST_CHECK bool rds_list(const struct aws_session *s, const char *action, struct fields *f,
                         const struct shape *shape, void *ret, size_t *ret_n, struct err *e);
/* Every element in its turn; no more than a page of them is in memory. */
MUST_CHECK bool rds_each(const struct aws_session *s, const char *action, struct fields *f,
                         const struct shape *shape, void (*each)(void *arg, const void *item), void *arg,
                         struct err *e);
/* The only element; *ret = NULL if the list is empty or AWS answers that it is absent. */
MUST_CHECK bool rds_find(const struct aws_session *s, const char *action, struct fields *f,
                         const struct shape *shape, void *ret, struct err *e);
/* {&items[0], &items[1], …} */
const void *const *rds_pointers(struct arena *a, const void *items, size_t size, size_t n);

#endif
