/* window.h — the maintenance window: what a ModifyDBCluster without ApplyImmediately put aside is applied
 * when PreferredMaintenanceWindow opens, by the sandbox's wall clock (never scaled by --speed: windows are
 * dates). Who wants it to come does what a user of AWS does: moves the window to now. A window that is open
 * already when something is put aside, or that is moved to now, counts.
 *
 * Source: AWS guide "Maintaining an Amazon Aurora DB cluster", "The Amazon RDS maintenance window". Only a
 * version waits here; a deferred rename or password waits for a call that applies it.
 */
#ifndef SANDBOX_WINDOW_H
#define SANDBOX_WINDOW_H

#include "acceptance-tests/sandbox/cluster.h"

/* "sun:05:00-sun:05:30", in UTC, any case; one that ends before it begins goes over the end of the week. */
bool window_is_open(const char *window, int64_t wall_ms);

/* With the lock: something was put aside; begins to wait for the window unless that is waited for already. */
void window_await(struct sandbox *sb, json_t *cluster);

/* ops_cluster_modify.c: ModifyDBCluster as one of its requests would. With the lock. */
bool cluster_modify(struct call *c);

#endif
