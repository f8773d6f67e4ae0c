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

/* What a cluster, or an instance of one, that is to stand in for the described one takes from it. AWS refuses
 * Performance Insights and Enhanced Monitoring at a cluster's restore; they, roles, the Data API, windows of
 * maintenance and whatever a list like this forgets come with the repair (settings.c). Names, parameter
 * groups, protection and the instance's class are the caller's. */
extern const struct request_setting request_cluster_settings[], request_instance_settings[];

struct request_fields {
    struct aws_field list[REQUEST_FIELDS_MAX];
    size_t n;
};

/* NULL and "" are not sent; what is beyond the end of the list neither. */
void request_put(struct request_fields *f, const char *name, const char *value);
/* In place of what was put under that name. */
void request_put_instead(struct request_fields *f, const char *name, const char *value);
/* Rows end with member NULL. */
void request_put_settings(struct request_fields *f, const struct xml *from,
                          const struct request_setting *rows);
/* What a restore takes of a cluster, whatever it is restored from. */
void request_put_cluster(struct arena *a, struct request_fields *f, const struct rds_cluster *k);
/* What a snapshot's takes besides; not told, AWS chooses zones. */
void request_put_restored(struct arena *a, struct request_fields *f, const struct rds_cluster *k);
/* `item` NULL: the element's own text. */
void request_put_list(struct arena *a, struct request_fields *f, const struct xml *from, const char *member,
                      const char *item, const char *request);

#endif
