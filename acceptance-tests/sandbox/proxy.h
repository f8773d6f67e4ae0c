/* proxy.h — RDS Proxy as far as an upgrade sees it: which proxies stand in front of a cluster and whether
 * they reach it. Nothing is forwarded; the control verb puts proxies there. A proxy tracks a cluster by name,
 * so that it follows production through a switchover. */
#ifndef SANDBOX_PROXY_H
#define SANDBOX_PROXY_H

#include "acceptance-tests/sandbox/sandbox.h"

/* With the lock: {name, cluster, health, reason, remove} of the verb. *ret: all proxies, a new array. */
MUST_CHECK bool proxy_set(struct sandbox *sb, const json_t *in, json_t **ret, struct err *e);
/* With the lock: a proxy that does not reach this cluster; NULL: every one does. */
const char *proxy_unreached(struct sandbox *sb, const char *cluster);

#endif
