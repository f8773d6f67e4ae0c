/* settings.h — between settings.c, settings_note.c and endpoints.c. */
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

/* Neither AWS's own nor ours. */
bool is_users_tag(const struct rds_tag *t);

/* ---- settings_note.c: in place, for a process that has not seen what was before ---- */
/* On the snapshot of the run, if there is one: what cluster and instances are set to in the last look. */
MUST_CHECK bool settings_write_down(struct upgrade *u, struct err *e);
/* Adds what differs from that, what is not there any more, and what was not written down. */
void settings_compare_noted(struct upgrade *u, struct lines *ret);

#endif
