/* requests.h — members of a request that makes a cluster or an instance anew, taken from the one it is to be
 * like. What AWS is not told becomes its own default, not what the other has; so each maker has a table.
 *
 * Ownership: texts are those of the element read, or live in the arena given. One request, one thread.
 */
#ifndef AURORA_UPGRADE_REQUESTS_H
#define AURORA_UPGRADE_REQUESTS_H

#include "internal/aws/rds.h"

enum { REQUEST_FIELDS_MAX = 128 };

struct request_setting {
    const char *member, *request; /* path in the described object; name in the request */
};

struct request_fields {
    struct aws_field list[REQUEST_FIELDS_MAX];
    size_t n;
};

/* NULL and "" are not sent; what is beyond the end of the list neither. */
void request_put(struct request_fields *f, const char *name, const char *value);
/* Rows end with member NULL. */
void request_put_settings(struct request_fields *f, const struct xml *from,
                          const struct request_setting *rows);
/* `item` NULL: the element's own text. */
void request_put_list(struct arena *a, struct request_fields *f, const struct xml *from, const char *member,
                      const char *item, const char *request);

#endif
