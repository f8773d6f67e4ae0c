/* Settings of the fake's two sides, as AWS keeps and shows them: a change is taken at once and seen later. */
#include "internal/aws/rds.h"
#include "provider/fake_rds.h"

#include <stdio.h>
#include <string.h>

enum { SHOWN_MS = 45 * 1000 };
#define ROLE "arn:aws:iam::123456789012:role/import"

static void settle(void)
{
    if (fake.settings.due_ms == 0 || fake.clock.mono < fake.settings.due_ms)
        return;
    fake.settings.green = fake.settings.blue;
    fake.settings.due_ms = 0;
}

void fake_settings_tag(struct arena *a, struct rds_tags *tags)
{
    struct rds_tag *list = ARENA_ARRAY(a, struct rds_tag, tags->count + 1);
    for (size_t i = 0; i < tags->count; i++)
        list[i] = tags->tags[i];
    list[tags->count] = (struct rds_tag){"team", "shop"};
    *tags = (struct rds_tags){list, tags->count + 1};
}

void fake_settings_show(struct arena *a, struct rds_cluster *k, bool is_green)
{
    struct err e = ERR_INIT;
    settle();
    if (!is_green || !fake.settings.tag_lost)
        fake_settings_tag(a, &k->tags);
    const char *own = is_green ? fake.settings.green : fake.settings.blue;
    bool has_role = is_green ? fake.settings.green_role : fake.settings.blue_role;
    const char *role = has_role
                           ? "<AssociatedRoles><DBClusterRole><RoleArn>" ROLE
                             "</RoleArn><FeatureName>s3Import</FeatureName></DBClusterRole></AssociatedRoles>"
                           : "";
    struct rds_role *r = ARENA_NEW(a, struct rds_role);
    *r = (struct rds_role){ROLE, "s3Import", "ACTIVE"};
    k->roles = r;
    k->role_count = has_role;
    k->custom_endpoints = ARENA_ARRAY(a, const char *, 2);
    k->custom_endpoints[0] = fake.settings.endpoint ? "reports.example" : NULL;
    /* Texts of tests; what does not parse leaves the settings out, which no test expects. */
    if (!xml_parse(a, str_of(arena_printf(a, "<DBCluster>%s%s</DBCluster>", own ? own : "", role)), &k->raw,
                   &e))
        (void)fprintf(stderr, "fake settings: %s\n", e.text);
}

static const char *endpoint_arn(struct arena *a, bool is_green)
{
    const char *suffix = fake.completed == is_green ? ""
                         : is_green                 ? "-green-abc123"
                                                    : "-old1"; /* production's is plain */
    return arena_printf(a, "arn:aws:rds:eu-central-1:123456789012:cluster-endpoint:reports%s", suffix);
}

void fake_settings_members(struct arena *a, struct rds_bluegreen *d)
{
    struct rds_bg_member *m = ARENA_NEW(a, struct rds_bg_member);
    *m = (struct rds_bg_member){endpoint_arn(a, false), endpoint_arn(a, true), "AVAILABLE"};
    d->members = m;
    d->member_count = fake.settings.endpoint;
}

bool rds_custom_endpoints(const struct aws_session *s, const char *cluster_id,
                          const struct rds_custom_endpoint **ret, size_t *ret_n, struct err *e)
{
    bool green = fake.completed ? strcmp(cluster_id, "orders") == 0 : strstr(cluster_id, "-green-") != NULL;
    struct rds_custom_endpoint *one = ARENA_NEW(s->arena, struct rds_custom_endpoint);
    *one = (struct rds_custom_endpoint){
        .identifier = "reports",
        .arn = endpoint_arn(s->arena, green),
        .type = green && fake.settings.endpoint_type ? fake.settings.endpoint_type : "READER"};
    *ret = one;
    *ret_n = 1;
    return fake_enter(e);
}

static bool is_green(const char *id)
{
    return strncmp(id, "orders-green-", 13) == 0 || (fake.completed && strcmp(id, "orders") == 0);
}

bool rds_cluster_set(const struct aws_session *s, const char *id, const struct aws_field *settings,
                     struct err *e)
{
    (void)s;
    if (!fake_enter(e))
        return false;
    if (!is_green(id))
        return err_set(e, ERR_BUG, "%s is not ours to change", id);
    fake.settings.sent[0] = '\0';
    for (; settings->name; settings++) {
        size_t n = strlen(fake.settings.sent);
        (void)snprintf(fake.settings.sent + n, sizeof fake.settings.sent - n, "%s=%s ", settings->name,
                       settings->value);
    }
    if (!fake.settings.deaf)
        fake.settings.due_ms = fake.clock.mono + SHOWN_MS;
    return fake_leave(e);
}

bool rds_instance_set(const struct aws_session *s, const char *id, const struct aws_field *settings,
                      struct err *e)
{
    (void)s;
    (void)settings;
    return fake_enter(e) && err_set(e, ERR_BUG, "%s: the fake's instances are all alike", id);
}

bool rds_cluster_role(const struct aws_session *s, const char *id, const struct rds_role *role, bool add,
                      struct err *e)
{
    (void)s;
    (void)role;
    if (!fake_enter(e))
        return false;
    if (!is_green(id))
        return err_set(e, ERR_BUG, "%s is not ours to change", id);
    fake.settings.green_role = add;
    return fake_leave(e);
}

bool rds_http_endpoint(const struct aws_session *s, const char *arn, bool on, struct err *e)
{
    (void)s;
    (void)on;
    return fake_enter(e) && err_set(e, ERR_BUG, "%s: the fake has no Data API", arn);
}

/* ---- the one deployment, asked for in other ways than by a list ---- */

bool rds_bluegreen_find(const struct aws_session *s, const char *identifier, const struct rds_bluegreen **ret,
                        struct err *e)
{
    const struct rds_bluegreen *const *all = NULL;
    size_t n = 0;
    if (!rds_bluegreen_list(s, &all, &n, e))
        return false;
    *ret = n > 0 && strcmp(all[0]->identifier, identifier) == 0 ? all[0] : NULL;
    return true;
}

bool rds_bluegreen_each(const struct aws_session *s, void (*each)(void *arg, const struct rds_bluegreen *d),
                        void *arg, struct err *e)
{
    const struct rds_bluegreen *d = NULL;
    if (!rds_bluegreen_find(s, "bgd-1", &d, e))
        return false;
    if (d)
        each(arg, d);
    return true;
}

/* ---- proxies ---- */

bool rds_proxy_targets(const struct aws_session *s, const char *cluster, const struct rds_proxy_target **ret,
                       size_t *ret_n, struct err *e)
{
    if (!fake_enter(e))
        return false;
    if (fake.proxies_denied)
        return err_set(e, ERR_DENIED, "DescribeDBProxies: AWS refused it");
    struct rds_proxy_target *t = ARENA_ARRAY(s->arena, struct rds_proxy_target, 2);
    t[0] = (struct rds_proxy_target){"front",        cluster,          "orders-1",
                                     "RDS_INSTANCE", fake.proxy_state, "AUTH_FAILURE"};
    t[1] = (struct rds_proxy_target){"front", "", cluster, "TRACKED_CLUSTER", "", ""};
    *ret = t;
    *ret_n = fake.proxy_state ? 2 : 0;
    return true;
}

/* ---- classes ---- */

bool rds_orderable_classes(const struct aws_session *s, const char *engine, const char *version,
                           const char *instance_class, bool *ret, struct err *e)
{
    (void)s;
    (void)engine;
    (void)version;
    (void)instance_class;
    *ret = true;
    return fake_enter(e);
}
