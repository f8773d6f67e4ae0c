/* What exists in AWS and not here: global clusters. Listings are empty, names are unknown, as in an account
 * that has none. */
#include "acceptance-tests/sandbox/describe.h"
#include "internal/base/names.h"

#include <string.h>

static const struct member NOTHING[] = {SHAPE_END_ROW};

/* ---- global clusters ---- */

static const struct member GLOBAL_IN[] = {STR("GlobalClusterIdentifier"), DESCRIBE_MEMBERS, SHAPE_END_ROW};
static const struct member GLOBAL_OUT[] = {
    STR("Marker"), LIST_OF("GlobalClusters", "GlobalClusterMember", NOTHING), SHAPE_END_ROW};
static const struct member SWITCHOVER_IN[] = {STR_REQUIRED("GlobalClusterIdentifier"),
                                              STR_REQUIRED("TargetDbClusterIdentifier"), SHAPE_END_ROW};
static const struct member SWITCHOVER_OUT[] = {STRUCT_OF("GlobalCluster", NOTHING), SHAPE_END_ROW};
static const struct filter_row GLOBAL_FILTERS[] = {{"db-cluster-id", "", true}, {0}};

static bool no_global(struct call *c)
{
    return fault_set(&c->fault, "GlobalClusterNotFoundFault", "Global cluster %.100s not found",
                     rec_str(c->in, "GlobalClusterIdentifier"));
}

static bool describe_global(struct call *c)
{
    if (rec_has(c->in, "GlobalClusterIdentifier"))
        return no_global(c);
    return filters_check(c, GLOBAL_FILTERS) && paginate(c, json_array(), "GlobalClusters");
}

static bool switchover_global(struct call *c)
{
    struct arn arn;
    const char *target = rec_str(c->in, "TargetDbClusterIdentifier");
    if (!arn_parse(target, &arn) || strcmp(arn.service, "rds") != 0 || strcmp(arn.type, "cluster") != 0)
        return fault_set(&c->fault, "InvalidParameterValue",
                         "The parameter TargetDbClusterIdentifier is not the ARN of a DB cluster: %.200s",
                         target);
    return no_global(c);
}

const struct op OPS_ABSENT[] = {
    {"rds", "DescribeGlobalClusters", GLOBAL_IN, GLOBAL_OUT, .run = describe_global, .flags = OP_READS},
    {"rds", "SwitchoverGlobalCluster", SWITCHOVER_IN, SWITCHOVER_OUT, .run = switchover_global},
    {0},
};
