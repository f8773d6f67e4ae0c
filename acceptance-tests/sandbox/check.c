#include "acceptance-tests/sandbox/check.h"

#include "internal/base/names.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

bool check_identifier(struct call *c, const char *member)
{
    return identifier_valid(rec_str(c->in, member)) ||
           fault_set(&c->fault, "InvalidParameterValue",
                     "The parameter %s is not a valid identifier. Identifiers must begin with a letter; must "
                     "contain "
                     "only ASCII letters, digits, and hyphens; and must not end with a hyphen or contain two "
                     "consecutive hyphens.",
                     member);
}

bool check_tags(struct call *c)
{
    enum { TAGS_MAX = 50 };
    const json_t *tags = rec_get(c->in, "Tags");
    size_t i;
    json_t *tag;
    if (json_array_size(tags) > TAGS_MAX)
        return fault_set(&c->fault, "InvalidParameterValue", "A resource can have at most %d tags.",
                         TAGS_MAX);
    json_array_foreach(tags, i, tag)
    {
        const char *key = rec_str(tag, "Key");
        if (!*key || strlen(key) > 128 || strlen(rec_str(tag, "Value")) > 256)
            return fault_set(&c->fault, "InvalidParameterValue",
                             "Tag key and value must be 1 to 128 and 0 to 256 long.");
        if (strncasecmp(key, "aws:", 4) == 0)
            return fault_set(&c->fault, "InvalidParameterValue",
                             "Tag keys can't be prefixed with aws:, which is reserved for system use.");
    }
    return true;
}

bool check_range(struct call *c, const char *member, const char *what, int64_t low, int64_t high)
{
    int64_t value = rec_int(c->in, member);
    if (!rec_has(c->in, member) || (value >= low && value <= high))
        return true;
    return fault_set(&c->fault, "InvalidParameterValue", "Invalid %s: %lld. Must be between %lld and %lld.",
                     what, (long long)value, (long long)low, (long long)high);
}

static bool is_clock(const char *s)
{
    return isdigit((unsigned char)s[0]) && isdigit((unsigned char)s[1]) && s[2] == ':' &&
           isdigit((unsigned char)s[3]) && isdigit((unsigned char)s[4]) &&
           (s[0] - '0') * 10 + s[1] - '0' < 24 && s[3] < '6';
}

static bool is_backup_window(const char *s)
{
    return strlen(s) == 11 && s[5] == '-' && is_clock(s) && is_clock(s + 6);
}

static bool is_day(const char *s)
{
    static const char DAYS[] = "mon tue wed thu fri sat sun";
    for (const char *d = DAYS; d < DAYS + sizeof DAYS - 1; d += 4)
        if (strncasecmp(d, s, 3) == 0)
            return true;
    return false;
}

static bool is_maintenance_window(const char *s)
{
    return strlen(s) == 19 && s[9] == '-' && s[3] == ':' && s[13] == ':' && is_day(s) && is_day(s + 10) &&
           is_clock(s + 4) && is_clock(s + 14);
}

bool check_windows(struct call *c)
{
    const char *backup = rec_str(c->in, "PreferredBackupWindow");
    const char *maintenance = rec_str(c->in, "PreferredMaintenanceWindow");
    if (*backup && !is_backup_window(backup))
        return fault_set(&c->fault, "InvalidParameterValue",
                         "Invalid backup window: %.60s. Must be in the format hh24:mi-hh24:mi.", backup);
    if (*maintenance && !is_maintenance_window(maintenance))
        return fault_set(&c->fault, "InvalidParameterValue",
                         "Invalid maintenance window: %.60s. Must be in the format ddd:hh24:mi-ddd:hh24:mi.",
                         maintenance);
    return true;
}

bool check_engine(struct call *c)
{
    return rec_is(c->in, "Engine", ENGINE_NAME) ||
           fault_set(&c->fault, "InvalidParameterValue", "Invalid DB engine: %.60s",
                     rec_str(c->in, "Engine"));
}

bool check_password(struct call *c, const char *member)
{
    const char *text = rec_str(c->in, member);
    if (strlen(text) < 8)
        return fault_set(&c->fault, "InvalidParameterValue",
                         "The parameter %s is not a valid password because it is shorter than 8 characters.",
                         member);
    for (const char *p = text; *p; p++)
        if (!isgraph((unsigned char)*p) || strchr("/@\"", *p))
            return fault_set(
                &c->fault, "InvalidParameterValue",
                "The parameter %s is not a valid password. Only printable ASCII characters besides '/', "
                "'@', '\"', ' ' may be used.",
                member);
    return strlen(text) <= 99 ||
           fault_set(&c->fault, "InvalidParameterValue",
                     "The parameter %s is not a valid password because it is longer than 99 "
                     "characters.",
                     member);
}

bool check_serverless(struct call *c, const struct engine_version *v)
{
    const json_t *range = rec_get(c->in, "ServerlessV2ScalingConfiguration");
    double low = rec_real(range, "MinCapacity"), high = rec_real(range, "MaxCapacity");
    if (!range)
        return true;
    bool steps = fmod(low * 2, 1) == 0 && fmod(high * 2, 1) == 0;
    if (!rec_has(range, "MinCapacity") || !rec_has(range, "MaxCapacity") || low > high || !steps || high < 1)
        return fault_set(
            &c->fault, "InvalidParameterValue",
            "Serverless v2 capacity %g to %g isn't valid: both are needed, in steps of 0.5, the minimum "
            "not above the maximum.",
            low, high);
    if (low < version_serverless_min(v) || high > version_serverless_max(v))
        return fault_set(
            &c->fault, "InvalidParameterValue",
            "Serverless v2 capacity %g to %g isn't supported for engine version %d.%d: it supports %g to "
            "%g.",
            low, high, v->major, v->minor, version_serverless_min(v), version_serverless_max(v));
    return true;
}

bool check_log_types(struct call *c, const json_t *types)
{
    static const char *const KNOWN[] = {"postgresql", "instance", "iam-db-auth-error"};
    size_t i;
    json_t *type;
    json_array_foreach(types, i, type)
    {
        bool known = false;
        for (size_t k = 0; k < ARRAY_LEN(KNOWN); k++)
            known = known || strcmp(json_string_value(type), KNOWN[k]) == 0;
        if (!known)
            return fault_set(&c->fault, "InvalidParameterCombination",
                             "You cannot use the log types '%.60s' with engine version aurora-postgresql.",
                             json_string_value(type));
    }
    return true;
}

bool check_storage_type(struct call *c)
{
    const char *type = rec_str(c->in, "StorageType");
    return !*type || strcmp(type, "aurora") == 0 || strcmp(type, "aurora-iopt1") == 0 ||
           fault_set(&c->fault, "InvalidParameterCombination", "Invalid storage type: %.60s", type);
}

bool check_security_groups(struct call *c)
{
    size_t i;
    json_t *id;
    json_array_foreach(rec_get(c->in, "VpcSecurityGroupIds"), i, id)
    {
        const char *text = json_string_value(id);
        size_t n = strlen(text);
        bool ok = strncmp(text, "sg-", 3) == 0 && n >= 11 && n <= 20 &&
                  strspn(text + 3, "0123456789abcdef") == n - 3;
        if (!ok)
            return fault_set(&c->fault, "InvalidParameterValue",
                             "Invalid security group , groupId= %.60s, groupName=.", text);
    }
    return true;
}

json_t *check_group(struct call *c, enum kind kind, const char *name, const char *family)
{
    json_t *group = need_id(c, kind, name);
    if (group && !rec_is(group, "DBParameterGroupFamily", family)) {
        (void)fault_set(
            &c->fault, "InvalidParameterCombination",
            "The Parameter Group %s with DBParameterGroupFamily %s can't be used for this instance. Please "
            "use a Parameter Group with DBParameterGroupFamily %s",
            name, rec_str(group, "DBParameterGroupFamily"), family);
        return NULL;
    }
    return group;
}

const struct engine_version *check_version(struct call *c, const char *text)
{
    const struct engine_version *v = version_find(c->sb, text);
    if (!v)
        (void)fault_set(&c->fault, "InvalidParameterCombination",
                        "Cannot find version %.40s for " ENGINE_NAME, text);
    return v;
}

bool check_not_switching(struct call *c, const json_t *cluster)
{
    json_t *deployment;
    const char *arn = rec_str(cluster, "DBClusterArn");
    size_t i;
    json_array_foreach(store_list(c->sb->store, KIND_BLUEGREEN), i, deployment)
    {
        if (rec_is(deployment, "Status", "SWITCHOVER_IN_PROGRESS") &&
            (rec_is(deployment, "Source", arn) || rec_is(deployment, "Target", arn)))
            return fault_set(
                &c->fault, "InvalidDBClusterStateFault",
                "DB cluster %s can't be modified: a switchover of its blue/green deployment is in progress.",
                rec_str(cluster, "DBClusterIdentifier"));
    }
    return true;
}

bool check_cluster_ready(struct call *c, const json_t *cluster)
{
    if (!rec_is(cluster, "Status", "available"))
        return fault_set(&c->fault, "InvalidDBClusterStateFault", "DBCluster %s is not in available state.",
                         rec_str(cluster, "DBClusterIdentifier"));
    return check_not_switching(c, cluster);
}

bool check_instance_ready(struct call *c, const json_t *instance)
{
    const json_t *cluster = store_resource(c->sb->store, KIND_CLUSTER, rec_str(instance, "_cluster"));
    if (!rec_is(instance, "DBInstanceStatus", "available"))
        return fault_set(&c->fault, "InvalidDBInstanceState", "Database instance is not in available state.");
    if (!check_not_switching(c, cluster)) {
        c->fault.code = "InvalidDBInstanceState";
        return false;
    }
    return true;
}
