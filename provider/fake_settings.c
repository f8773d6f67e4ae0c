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

void fake_settings_show(struct arena *a, struct rds_cluster *k, bool is_green)
{
    struct err e = ERR_INIT;
    settle();
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
    /* Texts of tests; what does not parse leaves the settings out, which no test expects. */
    if (!xml_parse(a, str_of(arena_printf(a, "<DBCluster>%s%s</DBCluster>", own ? own : "", role)), &k->raw,
                   &e))
        (void)fprintf(stderr, "fake settings: %s\n", e.text);
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
