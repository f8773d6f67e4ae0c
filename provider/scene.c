#include "provider/scene.h"

#include "internal/aws/scripted.h"
#include "internal/base/testing.h"

#include <string.h>

static const struct step not_found = {
    .status = 404,
    .body = "<ErrorResponse><Error><Type>Sender</Type><Code>DBClusterNotFoundFault</Code><Message>DBCluster "
            "not found."
            "</Message></Error><RequestId>r-1</RequestId></ErrorResponse>"};

static const char *reply(struct arena *a, const char *action, const char *list, const char *items)
{
    return arena_printf(a, "<%sResponse><%sResult><%s>%s</%s></%sResult></%sResponse>", action, action, list,
                        items ? items : "", list, action, action);
}

static const struct step no_group = {.status = 404,
                                     .body =
                                         "<ErrorResponse><Error><Type>Sender</"
                                         "Type><Code>DBParameterGroupNotFound</Code><Message>No such group."
                                         "</Message></Error><RequestId>r-2</RequestId></ErrorResponse>"};

/* The groups of one kind, one by one and all of them. */
static void add_groups(struct arena *a, const char *kind, const char *const *names, size_t count,
                       const char *deleted, struct step *steps, size_t *n)
{
    const char *action = arena_printf(a, "Describe%sParameterGroups", kind);
    const char *list = arena_printf(a, "%sParameterGroups", kind), *all = "";
    for (size_t i = 0; i < count && names[i]; i++) {
        const char *one = arena_printf(a,
                                       "<%sParameterGroup><%sParameterGroupName>%s</%sParameterGroupName>"
                                       "<%sParameterGroupArn>arn:%s</%sParameterGroupArn></%sParameterGroup>",
                                       kind, kind, names[i], kind, kind, names[i], kind, kind);
        bool goes = deleted && strcmp(deleted, names[i]) == 0;
        steps[(*n)++] = (struct step){.action = arena_printf(a, "&%sParameterGroupName=%s", kind, names[i]),
                                      .times = goes ? 2 : 0,
                                      .body = reply(a, action, list, one)};
        all = arena_printf(a, "%s%s", all, one);
    }
    steps[(*n)++] = (struct step){.action = arena_printf(a, "&%sParameterGroupName=", kind),
                                  .status = no_group.status,
                                  .body = no_group.body};
    steps[(*n)++] =
        (struct step){.action = arena_printf(a, "Action=%s&", action), .body = reply(a, action, list, all)};
}

static void add_lists(struct arena *a, const struct scene *scene, struct step *steps, size_t *n)
{
    const struct {
        const char *action, *list, *items;
    } rows[] = {
        {"DescribeEvents", "Events", scene->events},
        {"ListTagsForResource", "TagList", scene->tags},
        {"AddTagsToResource", "Nothing", NULL},
        {"DeleteDBClusterParameterGroup", "Nothing", NULL},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        steps[(*n)++] = (struct step){.action = arena_printf(a, "Action=%s&", rows[i].action),
                                      .body = reply(a, rows[i].action, rows[i].list, rows[i].items)};
    add_groups(a, "DBCluster", scene->cluster_groups, ARRAY_LEN(scene->cluster_groups), scene->deleted, steps,
               n);
    add_groups(a, "DB", scene->instance_groups, ARRAY_LEN(scene->instance_groups), NULL, steps, n);
}

/* The body of a request ends with the identifier asked for, so that the script can tell "orders" from
 * "orders-old1" if the longer name stands first. */
static const struct step *script_of(struct arena *a, const struct scene *scene)
{
    struct step *steps = ARENA_ARRAY(a, struct step, 48);
    const char *all = "";
    size_t n = 0;
    for (size_t i = 0; i < ARRAY_LEN(scene->answers) && scene->answers[i][0]; i++)
        steps[n++] = (struct step){.action = scene->answers[i][0], .body = scene->answers[i][1]};
    steps[n++] =
        (struct step){.action = "Action=DescribeDBClusterEndpoints&",
                      .body = reply(a, "DescribeDBClusterEndpoints", "DBClusterEndpoints", scene->endpoints)};
    steps[n++] =
        (struct step){.action = "Action=DescribeDBClusterSnapshots&",
                      .body = reply(a, "DescribeDBClusterSnapshots", "DBClusterSnapshots", scene->snapshots)};
    for (size_t i = ARRAY_LEN(scene->clusters); i-- > 0;) {
        const char *const *k = scene->clusters[i];
        if (!k[0])
            continue;
        const char *one = arena_printf(
            a, "<DBCluster><DBClusterIdentifier>%s</DBClusterIdentifier>%s</DBCluster>", k[0], k[1]);
        if (i == 0)
            steps[n++] =
                (struct step){.action = "DBClusterIdentifier=orders-", .status = 404, .body = not_found.body};
        steps[n++] = (struct step){.action = arena_printf(a, "DBClusterIdentifier=%s", k[0]),
                                   .body = reply(a, "DescribeDBClusters", "DBClusters", one)};
        all = arena_printf(a, "%s%s", all, one);
    }
    steps[n++] = (struct step){.action = "&DBClusterIdentifier=", .status = 404, .body = not_found.body};
    steps[n++] = (struct step){.action = "Action=DescribeDBClusters&",
                               .body = reply(a, "DescribeDBClusters", "DBClusters", all)};
    steps[n++] = (struct step){.action = "Action=DescribeDBInstances&",
                               .body = reply(a, "DescribeDBInstances", "DBInstances", scene->instances)};
    add_lists(a, scene, steps, &n);
    steps[n++] = (struct step){
        .action = "Action=DescribeBlueGreenDeployments&",
        .body = reply(a, "DescribeBlueGreenDeployments", "BlueGreenDeployments", scene->deployments)};
    return steps;
}

static struct scripted rds;

struct aws *scene_open(struct arena *a, const struct scene *scene)
{
    scripted_start(&rds, script_of(a, scene), NULL);
    struct aws_config c = {
        .region = "eu-west-1", .access_key = "AKIDEXAMPLE", .secret_key = "secret", .max_retries = 0};
    c.endpoints[0] = (struct aws_endpoint){"rds", rds.url};
    struct aws *w = NULL;
    struct err e = ERR_INIT;
    if (!aws_new(&c, &w, &e))
        fail_msg("%s", e.text);
    return w;
}

size_t scene_asked(const char *text)
{
    size_t n = 0;
    for (int i = 0; i < scripted_requests(&rds); i++)
        n += strstr(scripted_request(&rds, i), text) != NULL;
    return n;
}

void scene_close(struct aws *aws)
{
    aws_free(aws);
    scripted_stop(&rds);
}
