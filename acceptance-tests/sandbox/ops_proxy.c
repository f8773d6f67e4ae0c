/* DescribeDBProxies and DescribeDBProxyTargets, over what the verb `proxy` put there. */
#include "acceptance-tests/sandbox/proxy.h"

#include "acceptance-tests/sandbox/describe.h"

#include <string.h>

static json_t *proxies(struct sandbox *sb)
{
    return rec_list(store_root(sb->store), "proxies");
}

static json_t *find_proxy(struct sandbox *sb, const char *name, size_t *ret_place)
{
    size_t i;
    json_t *proxy;
    json_array_foreach(proxies(sb), i, proxy)
    {
        if (!rec_same(proxy, "name", name))
            continue;
        *ret_place = i;
        return proxy;
    }
    return NULL;
}

/* ---- the verb ---- */

static bool is_known_health(const char *health)
{
    static const char *const KNOWN[] = {"REGISTERING", "AVAILABLE", "UNAVAILABLE"};
    for (size_t i = 0; i < ARRAY_LEN(KNOWN); i++)
        if (strcmp(health, KNOWN[i]) == 0)
            return true;
    return false;
}

/* Blue/Green limits of the Aurora User Guide: no new registration while a deployment exists. */
static bool may_register(struct sandbox *sb, const char *cluster, struct err *e)
{
    const json_t *record = store_find(sb->store, KIND_CLUSTER, cluster);
    size_t i;
    json_t *d;
    if (!record)
        return err_set(e, ERR_NOT_FOUND, "there is no cluster %s", cluster);
    json_array_foreach(store_list(sb->store, KIND_BLUEGREEN), i, d)
    {
        if (rec_is(d, "Source", rec_str(record, "DBClusterArn")))
            return err_set(e, ERR_CONFLICT,
                           "%s is part of a blue/green deployment: a proxy has to be there before it",
                           cluster);
    }
    return true;
}

static bool change_proxy(json_t *proxy, const json_t *in, struct err *e)
{
    const char *health = rec_has(in, "health") ? rec_str(in, "health") : "AVAILABLE";
    if (!is_known_health(health))
        return err_set(e, ERR_INVALID, "%s is no health of a target", health);
    rec_set_str(proxy, "health", health);
    rec_set_str(proxy, "reason", rec_str(in, "reason"));
    return true;
}

bool proxy_set(struct sandbox *sb, const json_t *in, json_t **ret, struct err *e)
{
    size_t place = 0;
    const char *name = rec_str(in, "name"), *cluster = rec_str(in, "cluster");
    json_t *proxy = find_proxy(sb, name, &place), *made = NULL;
    if (!*name || (!proxy && !*cluster))
        return err_set(e, ERR_INVALID, "a proxy has a --name and is in front of a --cluster");
    if (rec_bool(in, "remove")) {
        if (proxy)
            (void)json_array_remove(proxies(sb), place);
        *ret = json_deep_copy(proxies(sb));
        return true;
    }
    if (*cluster && !may_register(sb, cluster, e))
        return false;
    if (!proxy)
        proxy = made = json_pack("{s:s}", "name", name);
    if (*cluster)
        rec_set_str(proxy, "cluster", cluster);
    bool ok = change_proxy(proxy, in, e);
    if (ok && made)
        (void)json_array_append(proxies(sb), made);
    json_decref(made);
    *ret = ok ? json_deep_copy(proxies(sb)) : NULL;
    return ok;
}

const char *proxy_unreached(struct sandbox *sb, const char *cluster)
{
    size_t i;
    json_t *proxy;
    json_array_foreach(proxies(sb), i, proxy)
    {
        if (rec_same(proxy, "cluster", cluster) && !rec_is(proxy, "health", "AVAILABLE"))
            return rec_str(proxy, "name");
    }
    return NULL;
}

/* ---- DescribeDBProxies ---- */

static const struct member PROXY[] = {STR("DBProxyName"),  STR("DBProxyArn"),  STR("Status"),
                                      STR("EngineFamily"), BOOL("RequireTLS"), SHAPE_END_ROW};
static const struct member PROXIES_IN[] = {STR("DBProxyName"), DESCRIBE_MEMBERS, SHAPE_END_ROW};
static const struct member PROXIES_OUT[] = {LIST_OF("DBProxies", "member", PROXY), STR("Marker"),
                                            SHAPE_END_ROW};
static const struct filter_row NO_FILTERS[] = {{0}};

static bool no_proxy(struct call *c)
{
    return fault_set(&c->fault, "DBProxyNotFoundFault",
                     "The specified proxy name %.100s doesn't correspond to a proxy owned by your Amazon Web "
                     "Services account in the specified Amazon Web Services Region.",
                     rec_str(c->in, "DBProxyName"));
}

static json_t *view_proxy(struct sandbox *sb, const json_t *proxy)
{
    const json_t *cluster = store_find(sb->store, KIND_CLUSTER, rec_str(proxy, "cluster"));
    const char *arn = cluster ? rec_str(cluster, "DBClusterArn") : "", *end = strstr(arn, ":cluster:");
    json_t *view = json_pack("{s:s, s:s, s:s, s:b}", "DBProxyName", rec_str(proxy, "name"), "Status",
                             "available", "EngineFamily", "POSTGRESQL", "RequireTLS", true);
    if (end)
        rec_printf(view, "DBProxyArn", "%.*s:db-proxy:prx-%s", (int)(end - arn), arn, rec_str(proxy, "name"));
    return view;
}

static bool describe_proxies(struct call *c)
{
    size_t i, place = 0;
    json_t *proxy, *all = NULL;
    const char *wanted = rec_str(c->in, "DBProxyName");
    if (*wanted && !find_proxy(c->sb, wanted, &place))
        return no_proxy(c);
    if (!filters_check(c, NO_FILTERS))
        return false;
    all = json_array();
    json_array_foreach(proxies(c->sb), i, proxy)
    {
        if (!*wanted || i == place)
            (void)json_array_append_new(all, view_proxy(c->sb, proxy));
    }
    return paginate(c, all, "DBProxies");
}

/* ---- DescribeDBProxyTargets ---- */

static const struct member HEALTH[] = {STR("State"), STR("Reason"), STR("Description"), SHAPE_END_ROW};
static const struct member TARGET[] = {
    STR("TrackedClusterId"),           STR("RdsResourceId"), INT("Port"), STR("Type"), STR("Role"),
    STRUCT_OF("TargetHealth", HEALTH), SHAPE_END_ROW};
static const struct member TARGETS_IN[] = {STR_REQUIRED("DBProxyName"), STR("TargetGroupName"),
                                           DESCRIBE_MEMBERS, SHAPE_END_ROW};
static const struct member TARGETS_OUT[] = {LIST_OF("Targets", "member", TARGET), STR("Marker"),
                                            SHAPE_END_ROW};

/* The cluster has no health of its own; its instances have. */
static void add_instances(const struct call *c, const json_t *proxy, const json_t *cluster, json_t *all)
{
    size_t i;
    json_t *instance;
    const char *resource = rec_str(cluster, "DbClusterResourceId"), *reason = rec_str(proxy, "reason");
    json_array_foreach(store_list(c->sb->store, KIND_INSTANCE), i, instance)
    {
        if (!rec_is(instance, "_cluster", resource))
            continue;
        json_t *health = json_pack("{s:s}", "State", rec_str(proxy, "health"));
        rec_set_str(health, "Reason", *reason ? reason : NULL);
        (void)json_array_append_new(all, json_pack("{s:s, s:s, s:i, s:s, s:s, s:o}", "TrackedClusterId",
                                                   rec_str(proxy, "cluster"), "RdsResourceId",
                                                   rec_str(instance, "DBInstanceIdentifier"), "Port",
                                                   (int)rec_int(cluster, "Port"), "Type", "RDS_INSTANCE",
                                                   "Role", "UNKNOWN", "TargetHealth", health));
    }
}

static bool describe_targets(struct call *c)
{
    size_t place = 0;
    const json_t *proxy = find_proxy(c->sb, rec_str(c->in, "DBProxyName"), &place);
    const char *group = rec_str(c->in, "TargetGroupName");
    if (!proxy)
        return no_proxy(c);
    if (*group && strcmp(group, "default") != 0)
        return fault_set(&c->fault, "DBProxyTargetGroupNotFoundFault", "Target group %.100s was not found.",
                         group);
    if (!filters_check(c, NO_FILTERS))
        return false;
    const json_t *cluster = store_find(c->sb->store, KIND_CLUSTER, rec_str(proxy, "cluster"));
    json_t *all = json_array();
    (void)json_array_append_new(all, json_pack("{s:s, s:i, s:s}", "RdsResourceId", rec_str(proxy, "cluster"),
                                               "Port", cluster ? (int)rec_int(cluster, "Port") : 5432, "Type",
                                               "TRACKED_CLUSTER"));
    if (cluster)
        add_instances(c, proxy, cluster, all);
    return paginate(c, all, "Targets");
}

const struct op OPS_PROXY[] = {
    {"rds", "DescribeDBProxies", PROXIES_IN, PROXIES_OUT, .run = describe_proxies, .flags = OP_READS},
    {"rds", "DescribeDBProxyTargets", TARGETS_IN, TARGETS_OUT, .run = describe_targets, .flags = OP_READS},
    {0},
};
