#include "internal/upgrade/parity.h"
#include "internal/base/buf.h"

#include <stdlib.h>
#include <string.h>

/* Members that describe the object itself, the upgrade's purpose, or a moment. */
static const char *const own_members[] = {
    "AllocatedStorage",
    "CloneGroupId",
    "ClusterCreateTime",
    "CustomEndpoints",
    "DBClusterArn",
    "DBClusterIdentifier",
    "DBClusterMembers",
    "DBClusterOptionGroupMemberships",
    "DBClusterParameterGroup",
    "DBInstanceArn",
    "DBInstanceIdentifier",
    "DBInstanceStatus",
    "DBParameterGroups",
    "DbClusterResourceId",
    "DbiResourceId",
    "EarliestRestorableTime",
    "Endpoint",
    "EngineVersion",
    "InstanceCreateTime",
    "LatestRestorableTime",
    "MasterUserSecret",
    "OptionGroupMemberships",
    "PendingModifiedValues",
    "PercentProgress",
    "ReadReplicaIdentifiers",
    "ReaderEndpoint",
    "ReplicationSourceIdentifier",
    "ServerlessV2PlatformVersion",
    "Status",
    "StatusInfos",
    "TagList",
    "DBSystemId",
    "BacktrackConsumedChangeRecords",
    "Capacity",
    "IOOptimizedNextAllowedModificationTime",
    "HostedZoneId",
    "PerformanceInsightsKMSKeyId",
    /* Our own doing while we work; put right where it matters. */
    "DeletionProtection",
    "ServerlessV2ScalingConfiguration",
};

/* A difference here replaces the user's aws_rds_cluster or its instances, or shuts clients out. */
static const char *const hard_members[] = {
    "DBSubnetGroup",
    "VpcSecurityGroups",
    "Port",
    "StorageEncrypted",
    "KmsKeyId",
    "DatabaseName",
    "MasterUsername",
    "IAMDatabaseAuthenticationEnabled",
    "NetworkType",
    "Engine",
    "EngineMode",
    "StorageType",
    "PubliclyAccessible",
    "PromotionTier",
    "DBInstanceClass",
};

static bool is_in(const char *const *names, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(names[i], name) == 0)
            return true;
    return false;
}

static int by_text(const void *x, const void *y)
{
    return strcmp(*(const char *const *)x, *(const char *const *)y);
}

/* One text for an element: its own for a leaf, its children's in sorted order else (lists are sets here). */
static const char *canonical(struct arena *a, const struct xml *x, int depth)
{
    if (!x->first || depth > 8)
        return x->text;
    const char **parts = NULL;
    size_t n = 0, cap = 0;
    for (const struct xml *c = xml_child(x, NULL, NULL); c; c = xml_child(x, NULL, c))
        ARR_PUSH(a, parts, n, cap, arena_printf(a, "%s=%s", c->name, canonical(a, c, depth + 1)));
    if (n > 0)
        qsort(parts, n, sizeof *parts, by_text);
    struct buf out = BUF_INIT(64 * 1024);
    for (size_t i = 0; i < n; i++)
        (void)buf_printf(&out, "%s%s", i ? ", " : "", parts[i]);
    const char *text = arena_strdup(a, buf_text(&out));
    buf_done(&out);
    return text;
}

static const char *member_text(struct arena *a, const struct xml *object, const char *name)
{
    const struct xml *x = xml_child(object, name, NULL);
    return x ? canonical(a, x, 0) : "";
}

/* Statuses inside a member ("active") are a moment's matter; absent, empty and false are the same to a
 * reader. */
static bool same(const char *x, const char *y)
{
    if (strcmp(x, "false") == 0)
        x = "";
    if (strcmp(y, "false") == 0)
        y = "";
    return strcmp(x, y) == 0;
}

struct differences {
    struct parity_difference *items;
    size_t n, cap;
};

static void compare_member(struct arena *a, const char *name, const struct xml *x, const struct xml *y,
                           struct differences *out)
{
    if (is_in(own_members, ARRAY_LEN(own_members), name))
        return;
    struct parity_difference d = {
        .member = name,
        .old_value = member_text(a, x, name),
        .new_value = member_text(a, y, name),
        .severity = is_in(hard_members, ARRAY_LEN(hard_members), name) ? PARITY_ERROR : PARITY_WARNING};
    if (!same(d.old_value, d.new_value))
        ARR_PUSH(a, out->items, out->n, out->cap, d);
}

void parity_compare(struct arena *a, const struct xml *old_object, const struct xml *new_object,
                    const struct parity_difference **ret, size_t *ret_n)
{
    struct differences out = {0};
    for (const struct xml *c = xml_child(old_object, NULL, NULL); c; c = xml_child(old_object, NULL, c))
        compare_member(a, c->name, old_object, new_object, &out);
    for (const struct xml *c = xml_child(new_object, NULL, NULL); c; c = xml_child(new_object, NULL, c))
        if (!xml_child(old_object, c->name, NULL))
            compare_member(a, c->name, old_object, new_object, &out);
    *ret = out.items;
    *ret_n = out.n;
}
