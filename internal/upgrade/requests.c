#include "internal/upgrade/requests.h"

#include <string.h>

const struct request_setting request_cluster_settings[] = {
    {"Port", "Port"},
    {"DBSubnetGroup", "DBSubnetGroupName"},
    {"KmsKeyId", "KmsKeyId"},
    {"IAMDatabaseAuthenticationEnabled", "EnableIAMDatabaseAuthentication"},
    {"CopyTagsToSnapshot", "CopyTagsToSnapshot"},
    {"StorageType", "StorageType"},
    {"EngineLifecycleSupport", "EngineLifecycleSupport"},
    {"NetworkType", "NetworkType"},
    {"BackupRetentionPeriod", "BackupRetentionPeriod"},
    {"PreferredBackupWindow", "PreferredBackupWindow"},
    {"ServerlessV2ScalingConfiguration/MinCapacity", "ServerlessV2ScalingConfiguration.MinCapacity"},
    {"ServerlessV2ScalingConfiguration/MaxCapacity", "ServerlessV2ScalingConfiguration.MaxCapacity"},
    {"ServerlessV2ScalingConfiguration/SecondsUntilAutoPause",
     "ServerlessV2ScalingConfiguration.SecondsUntilAutoPause"},
    {NULL, NULL},
};

const struct request_setting request_instance_settings[] = {
    {"AvailabilityZone", "AvailabilityZone"},
    {"PreferredMaintenanceWindow", "PreferredMaintenanceWindow"},
    {"AutoMinorVersionUpgrade", "AutoMinorVersionUpgrade"},
    {"PubliclyAccessible", "PubliclyAccessible"},
    {"PromotionTier", "PromotionTier"},
    {"CopyTagsToSnapshot", "CopyTagsToSnapshot"},
    {"CACertificateIdentifier", "CACertificateIdentifier"},
    {"MonitoringInterval", "MonitoringInterval"},
    {"MonitoringRoleArn", "MonitoringRoleArn"},
    {"PerformanceInsightsEnabled", "EnablePerformanceInsights"},
    {"PerformanceInsightsKMSKeyId", "PerformanceInsightsKMSKeyId"},
    {"PerformanceInsightsRetentionPeriod", "PerformanceInsightsRetentionPeriod"},
    {NULL, NULL},
};

void request_put(struct request_fields *f, const char *name, const char *value)
{
    if (value && value[0] && f->n + 1 < REQUEST_FIELDS_MAX)
        f->list[f->n++] = (struct aws_field){name, value};
}

void request_put_instead(struct request_fields *f, const char *name, const char *value)
{
    for (size_t i = 0; i < f->n; i++)
        if (strcmp(f->list[i].name, name) == 0) {
            f->list[i].value = value;
            return;
        }
    request_put(f, name, value);
}

void request_put_settings(struct request_fields *f, const struct xml *from,
                          const struct request_setting *rows)
{
    for (; rows->member; rows++)
        request_put(f, rows->request, xml_text(from, rows->member, NULL));
}

void request_put_list(struct arena *a, struct request_fields *f, const struct xml *from, const char *member,
                      const char *item, const char *request)
{
    const struct xml *list = xml_child(from, member, NULL);
    size_t n = 0;
    for (const struct xml *x = NULL; list && (x = xml_child(list, NULL, x));)
        request_put(f, arena_printf(a, "%s.%zu", request, ++n), item ? xml_text(x, item, NULL) : x->text);
}

void request_put_cluster(struct arena *a, struct request_fields *f, const struct rds_cluster *k)
{
    request_put_settings(f, k->raw, request_cluster_settings);
    request_put_list(a, f, k->raw, "VpcSecurityGroups", "VpcSecurityGroupId",
                     "VpcSecurityGroupIds.VpcSecurityGroupId");
    request_put_list(a, f, k->raw, "EnabledCloudwatchLogsExports", NULL,
                     "EnableCloudwatchLogsExports.member");
}

void request_put_restored(struct arena *a, struct request_fields *f, const struct rds_cluster *k)
{
    request_put_cluster(a, f, k);
    request_put(f, "Engine", k->engine);
    request_put(f, "DatabaseName", xml_text(k->raw, "DatabaseName", NULL));
    request_put_list(a, f, k->raw, "AvailabilityZones", NULL, "AvailabilityZones.AvailabilityZone");
}
