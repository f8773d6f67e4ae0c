/* scene.h — a scripted RDS with one upgrade in it, for unit tests of this folder. A scene says what AWS
 * shows; texts are the members of the XML elements. Linked into unit tests only. */
#ifndef AURORA_PROVIDER_SCENE_H
#define AURORA_PROVIDER_SCENE_H

#include "internal/aws/aws.h"

struct scene {
    const char *clusters[3][2]; /* identifier, members of <DBCluster> */
    const char *instances, *deployments, *endpoints;
    const char *cluster_groups[3], *instance_groups[3]; /* names */
    const char *tags;                                   /* of every one of these groups */
    const char *deleted;            /* a cluster group of these that is found twice and then no more */
    const char *snapshots, *events; /* of lists; NULL: empty */
    /* Before all of these: a text that a request must have, and the whole answer. */
    const char *answers[12][2];
};

/* Starts it and gives a client of it, with keys of its own. One at a time. */
struct aws *scene_open(struct arena *a, const struct scene *scene);
size_t scene_asked(const char *text); /* requests with this text so far */
void scene_close(struct aws *aws);

#define ARN(type, name) "arn:aws:rds:eu-west-1:123456789012:" type ":" name

#define CLUSTER(version, status)                                                                             \
    "<Engine>aurora-postgresql</Engine><EngineVersion>" version "</EngineVersion><Status>" status            \
    "</Status><DBClusterParameterGroup>orders-pg</DBClusterParameterGroup><Endpoint>orders.e</Endpoint>"     \
    "<ReaderEndpoint>orders.r</ReaderEndpoint><Port>5432</Port><StorageEncrypted>true</StorageEncrypted>"    \
    "<KmsKeyId>key</KmsKeyId><DbClusterResourceId>cluster-A</DbClusterResourceId>"                           \
    "<DBClusterArn>" ARN(                                                                                    \
        "cluster",                                                                                           \
        "orders") "</DBClusterArn>"                                                                          \
                  "<AvailabilityZones><AvailabilityZone>a</AvailabilityZone><AvailabilityZone>b</"           \
                  "AvailabilityZone>"                                                                        \
                  "</AvailabilityZones><DBClusterMembers><DBClusterMember><DBInstanceIdentifier>orders-1"    \
                  "</DBInstanceIdentifier><IsClusterWriter>false</IsClusterWriter></"                        \
                  "DBClusterMember><DBClusterMember>"                                                        \
                  "<DBInstanceIdentifier>orders-0</DBInstanceIdentifier><IsClusterWriter>true</"             \
                  "IsClusterWriter>"                                                                         \
                  "</DBClusterMember></DBClusterMembers>"

#define INSTANCE(n, group)                                                                                   \
    "<DBInstance><DBInstanceIdentifier>orders-" n "</DBInstanceIdentifier><DBInstanceClass>db.r6g.large"     \
    "</DBInstanceClass><PromotionTier>1</PromotionTier><DbiResourceId>db-" n "</DbiResourceId>"              \
    "<DBClusterIdentifier>orders</DBClusterIdentifier><DBParameterGroups><DBParameterGroup>"                 \
    "<DBParameterGroupName>" group "</DBParameterGroupName></DBParameterGroup></DBParameterGroups>"          \
    "</DBInstance>"

#define INSTANCES INSTANCE("1", "reader-pg") INSTANCE("0", "writer-pg")

#define DEPLOYMENT(source, target, status, tags)                                                             \
    "<member><BlueGreenDeploymentIdentifier>bgd-1</BlueGreenDeploymentIdentifier>"                           \
    "<BlueGreenDeploymentName>n</BlueGreenDeploymentName><Source>" ARN(                                      \
        "cluster", source) "</Source><Target>" ARN("cluster", target) "</Target><Status>" status             \
                                                                      "</Status><TagList>" tags              \
                                                                      "</TagList></member>"

#define TAG(key, value) "<Tag><Key>aurora-upgrade:" key "</Key><Value>" value "</Value></Tag>"

#endif
