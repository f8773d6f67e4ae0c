/* RDS Proxy: which proxies stand in front of a cluster. */
#include "internal/aws/rds_internal.h"

#include <string.h>
#include <strings.h>

struct proxy {
    const char *name, *family;
};

static const struct shape_member proxy_members[] = {
    MEMBER(proxy, TEXT, name, "DBProxyName"),
    MEMBER(proxy, TEXT, family, "EngineFamily"),
    END_OF_SHAPE,
};
static const struct shape proxy_shape = {sizeof(struct proxy), proxy_members};

static const struct shape_member target_members[] = {
    MEMBER(rds_proxy_target, TEXT, cluster, "TrackedClusterId"),
    MEMBER(rds_proxy_target, TEXT, resource, "RdsResourceId"),
    MEMBER(rds_proxy_target, TEXT, type, "Type"),
    MEMBER(rds_proxy_target, TEXT, state, "TargetHealth/State"),
    MEMBER(rds_proxy_target, TEXT, reason, "TargetHealth/Reason"),
    END_OF_SHAPE,
};
static const struct shape target_shape = {sizeof(struct rds_proxy_target), target_members};

/* The cluster itself is a target of its own type; its instances say which cluster they were found by. */
static bool is_about(const struct rds_proxy_target *t, const char *cluster)
{
    bool is_cluster = strcmp(t->type, "TRACKED_CLUSTER") == 0;
    return strcasecmp(is_cluster ? t->resource : t->cluster, cluster) == 0;
}

/* A proxy that is deleted meanwhile has no targets. */
static bool targets_of(const struct aws_session *s, const char *proxy, struct rds_proxy_target **ret,
                       size_t *ret_n, struct err *e)
{
    struct fields f = {.arena = s->arena};
    struct err why = ERR_INIT;
    fields_add(&f, "DBProxyName", proxy);
    if (rds_list(s, "DescribeDBProxyTargets", &f, &target_shape, ret, ret_n, &why))
        return true;
    *ret_n = 0;
    if (why.code == ERR_NOT_FOUND)
        return true;
    if (e)
        *e = why;
    return false;
}

struct found {
    struct rds_proxy_target *target;
    size_t count, cap;
};

static bool find_targets(const struct aws_session *s, const struct proxy *p, const char *cluster,
                         struct found *found, struct err *e)
{
    struct rds_proxy_target *some = NULL;
    size_t n = 0;
    if (!targets_of(s, p->name, &some, &n, e))
        return false;
    for (size_t i = 0; i < n; i++) {
        some[i].proxy = p->name;
        if (is_about(&some[i], cluster))
            ARR_PUSH(s->arena, found->target, found->count, found->cap, some[i]);
    }
    return true;
}

bool rds_proxy_targets(const struct aws_session *s, const char *cluster, const struct rds_proxy_target **ret,
                       size_t *ret_n, struct err *e)
{
    struct fields f = {.arena = s->arena};
    struct proxy *proxies = NULL;
    size_t proxy_count = 0;
    struct found found = {0};
    if (!rds_list(s, "DescribeDBProxies", &f, &proxy_shape, &proxies, &proxy_count, e))
        return false;
    for (size_t p = 0; p < proxy_count; p++)
        if (strcmp(proxies[p].family, "POSTGRESQL") == 0 && !find_targets(s, &proxies[p], cluster, &found, e))
            return false;
    *ret = found.target;
    *ret_n = found.count;
    return true;
}
