/* settings.h — between settings.c and endpoints.c. */
#ifndef AURORA_UPGRADE_SETTINGS_H
#define AURORA_UPGRADE_SETTINGS_H

#include "internal/upgrade/blue_green.h"

/* Differences, one sentence each; in the arena of the present look. */
struct lines {
    const char **items;
    size_t n, cap;
};

/* Custom endpoints of two sides of a deployment: type and members. Nothing without a deployment. */
MUST_CHECK bool endpoints_compare(struct upgrade *u, const struct rds_cluster *from,
                                  const struct rds_cluster *to, struct lines *ret, struct err *e);

#endif
