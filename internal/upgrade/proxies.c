/* RDS Proxy in front of production. Facts: Aurora User Guide, blue/green limits and guard rails, autumn 2026:
 * a proxy that was registered before the deployment is carried through the switchover; its sessions end with
 * AdminShutdown; AWS refuses the switchover when a proxy does not reach the cluster. */
#include "internal/upgrade/blue_green.h"
#include "internal/upgrade/errors.h"

#include <string.h>

/* Without the right to look, AWS's own guard rail is what remains: no reason to stop. */
static bool not_allowed(struct upgrade *u, const struct err *why)
{
    if (why->code != ERR_DENIED)
        return false;
    if (u->warn)
        u->warn(u->warn_arg, "RDS Proxy was not looked for",
                arena_printf(u->look,
                             "Whether a proxy stands in front of %s is not known: %s. %s Also allow "
                             "rds:DescribeDBProxies and rds:DescribeDBProxyTargets.",
                             u->request.cluster, why->text, why->hint));
    return true;
}

static bool is_named(const char *const *names, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(names[i], name) == 0)
            return true;
    return false;
}

static void tell_proxies(struct upgrade *u, const struct rds_proxy_target *targets, size_t n)
{
    const char **names = NULL;
    size_t count = 0, cap = 0;
    for (size_t i = 0; i < n; i++)
        if (!is_named(names, count, targets[i].proxy))
            ARR_PUSH(u->look, names, count, cap, targets[i].proxy);
    if (count == 0 || !u->warn || u->world.deployment)
        return;
    u->warn(u->warn_arg, "RDS Proxy in front of production",
            arena_printf(u->look,
                         "%s is behind %s. AWS carries a proxy through the switchover if it was registered "
                         "before the deployment is made; from then on none can be registered. Its sessions "
                         "end during the switchover, as all sessions do. Look at its targets afterwards.",
                         u->request.cluster, join_lines(u->look, names, count, 10)));
}

bool proxies_check(struct upgrade *u, bool *ret, struct err *e)
{
    const struct rds_proxy_target *targets = NULL;
    size_t n = 0;
    struct err why = ERR_INIT;
    if (!world_need(u, e))
        return false;
    if (!rds_proxy_targets(&u->aws, u->request.cluster, &targets, &n, &why)) {
        *ret = not_allowed(u, &why);
        if (*ret)
            return true;
        *e = why;
        return err_wrap(e, "look for proxies of %s", u->request.cluster);
    }
    for (size_t i = 0; i < n; i++)
        if (*targets[i].state && strcmp(targets[i].state, "AVAILABLE") != 0 &&
            strcmp(targets[i].state, "UNUSED") != 0)
            return upgrade_fail(e, E_PROXY_UNREACHED, "RDS Proxy %s does not reach %s of cluster %s: %s%s%s",
                                targets[i].proxy, targets[i].resource, u->request.cluster, targets[i].state,
                                *targets[i].reason ? ", " : "", targets[i].reason);
    tell_proxies(u, targets, n);
    *ret = true;
    return true;
}
