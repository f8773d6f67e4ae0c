/* parity.h — are the settings of two clusters, or two instances, the same? Compares every member AWS returns
 * by name, known to us or not, but those that belong to the object itself (names, ARNs, endpoints, times). */
#ifndef AURORA_UPGRADE_PARITY_H
#define AURORA_UPGRADE_PARITY_H

#include "internal/base/arena.h"
#include "internal/value/xml.h"

enum parity_severity { PARITY_ERROR, PARITY_WARNING };

struct parity_difference {
    const char *member, *old_value, *new_value; /* canonical text; "" = absent */
    enum parity_severity
        severity; /* ERROR: the user's Terraform would replace the resource, or clients would notice */
};

void parity_compare(struct arena *a, const struct xml *old_object, const struct xml *new_object,
                    const struct parity_difference **ret, size_t *ret_n);

#endif
