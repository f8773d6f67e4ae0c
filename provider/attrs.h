/* attrs.h — rows that attribute tables of data sources share. Included by files that hold such tables only.
 */
#ifndef AURORA_PROVIDER_ATTRS_H
#define AURORA_PROVIDER_ATTRS_H

#include "internal/tf/tf.h"

#define COMPUTED(n, t, d)                                                                                    \
    {                                                                                                        \
        .name = n, .type = t, .flags = TF_COMPUTED, .doc = d                                                 \
    }

/* TF_OBJECT or TF_OBJECT_LIST of the rows `of`. */
#define COMPUTED_OF(n, t, of, d)                                                                             \
    {                                                                                                        \
        .name = n, .type = t, .flags = TF_COMPUTED, .nested = of, .doc = d                                   \
    }

/* With provider/validate.h. */
#define IDENTIFIER_OF_CLUSTER(how, what)                                                                     \
    {                                                                                                        \
        .name = "cluster_identifier", .type = TF_STRING, .flags = how,                                       \
        .validate = validate_cluster_identifier, .doc = what                                                 \
    }

#define REGION_OF_CLUSTER                                                                                    \
    {                                                                                                        \
        .name = "region", .type = TF_STRING, .flags = TF_OPTIONAL_COMPUTED,                                  \
        .doc = "Region of the cluster. Default: the provider's."                                             \
    }

#endif
