/* StopDBCluster, StartDBCluster, RebootDBCluster: a stopped cluster keeps its volume and its addresses;
 * nobody listens behind them. */
#include "acceptance-tests/sandbox/check.h"
#include "acceptance-tests/sandbox/cluster.h"
#include "acceptance-tests/sandbox/events.h"

static const struct member POWER_IN[] = {STR_REQUIRED("DBClusterIdentifier"), SHAPE_END_ROW};

/* The text names the state the cluster is in and those it may be in. */
static bool check_status(struct call *c, const json_t *cluster, const char *wanted, const char *expected)
{
    return rec_is(cluster, "Status", wanted) ||
           fault_set(&c->fault, "InvalidDBClusterStateFault",
                     "DbCluster %s is in %s state but expected it to be one of %s.",
                     rec_str(cluster, "DBClusterIdentifier"), rec_str(cluster, "Status"), expected);
}

/* Clusters of a deployment can't be stopped or started, whatever the deployment is doing. */
static bool check_alone(struct call *c, const json_t *cluster)
{
    const char *arn = rec_str(cluster, "DBClusterArn");
    size_t i;
    json_t *d;
    json_array_foreach(store_list(c->sb->store, KIND_BLUEGREEN), i, d)
    {
        if (rec_is(d, "Source", arn) || rec_is(d, "Target", arn))
            return fault_set(
                &c->fault, "InvalidDBClusterStateFault", "DB cluster %s is part of blue/green deployment %s.",
                rec_str(cluster, "DBClusterIdentifier"), rec_str(d, "BlueGreenDeploymentIdentifier"));
    }
    return true;
}

static bool check_instances(struct call *c, const json_t *cluster, const char *wanted)
{
    size_t i;
    json_t *instance;
    json_array_foreach(store_list(c->sb->store, KIND_INSTANCE), i, instance)
    {
        if (rec_is(instance, "_cluster", rec_str(cluster, "DbClusterResourceId")) &&
            !rec_is(instance, "DBInstanceStatus", wanted))
            return fault_set(&c->fault, "InvalidDBInstanceState", "Instance %s is not in %s state.",
                             rec_str(instance, "DBInstanceIdentifier"), wanted);
    }
    return true;
}

static void change(struct call *c, json_t *cluster, const char *status, const struct job_kind *kind)
{
    rec_set_str(cluster, "Status", status);
    cluster_instances_status(c->sb, cluster, status);
    job_start(c->sb, kind, cluster_job_args(cluster));
    rec_set(c->out, "DBCluster", view_cluster(c->sb, cluster));
}

static bool stop_cluster(struct call *c)
{
    json_t *cluster = need(c, KIND_CLUSTER, "DBClusterIdentifier");
    if (!cluster || !check_status(c, cluster, "available", "available") || !check_alone(c, cluster) ||
        !check_instances(c, cluster, "available"))
        return false;
    change(c, cluster, "stopping", &JOB_CLUSTER_STOP);
    return true;
}

static bool start_cluster(struct call *c)
{
    json_t *cluster = need(c, KIND_CLUSTER, "DBClusterIdentifier");
    if (!cluster ||
        !check_status(c, cluster, "stopped", "stopped,inaccessible-encryption-credentials-recoverable"))
        return false;
    change(c, cluster, "starting", &JOB_CLUSTER_START);
    return true;
}

/* Documented for Multi-AZ DB clusters only, which do not exist here. */
static bool reboot_cluster(struct call *c)
{
    const json_t *cluster = need(c, KIND_CLUSTER, "DBClusterIdentifier");
    return cluster && check_cluster_ready(c, cluster) &&
           fault_set(&c->fault, "InvalidDBClusterStateFault",
                     "DB cluster %s isn't a Multi-AZ DB cluster. Reboot its DB instances instead.",
                     rec_str(cluster, "DBClusterIdentifier"));
}

/* ---- jobs ---- */

static void show(struct job *j, const char *status, const char *text)
{
    sandbox_lock(j->sb);
    json_t *cluster = job_cluster(j);
    if (cluster) {
        rec_set_str(cluster, "Status", status);
        cluster_instances_status(j->sb, cluster, status);
        event_add(j->sb, KIND_CLUSTER, cluster, "notification", "%s", text);
    }
    sandbox_unlock(j->sb);
}

static bool stop_server(struct job *j, struct err *e)
{
    char resource[RESOURCE_SIZE];
    (void)job_arg(j, "cluster", resource, sizeof resource);
    return volume_major(j->sb->engine, resource) == 0 || volume_stop(j->sb->engine, resource, e);
}

static bool show_stopped(struct job *j, struct err *e)
{
    (void)e;
    show(j, "stopped", "DB cluster stopped.");
    return true;
}

/* Instances come back with their groups in effect, as after a reboot. */
static bool start_server(struct job *j, struct err *e)
{
    char resource[RESOURCE_SIZE];
    size_t i;
    json_t *instance;
    (void)job_arg(j, "cluster", resource, sizeof resource);
    sandbox_lock(j->sb);
    json_t *cluster = job_cluster(j);
    bool served = cluster && cluster_writer(j->sb, cluster);
    if (cluster)
        cluster_group_status(j->sb, cluster, "in-sync", NULL);
    json_array_foreach(store_list(j->sb->store, KIND_INSTANCE), i, instance)
    {
        if (rec_is(instance, "_cluster", resource))
            rec_set_str(instance, "_group_status", "in-sync");
    }
    sandbox_unlock(j->sb);
    return !served || (cluster_start(j->sb, resource, e) && cluster_point_endpoints(j->sb, resource, e));
}

static bool show_started(struct job *j, struct err *e)
{
    (void)e;
    show(j, "available", "DB cluster started.");
    return true;
}

static void power_failed(struct job *j, const struct err *e)
{
    sandbox_lock(j->sb);
    json_t *cluster = job_cluster(j);
    if (cluster) {
        rec_set_str(cluster, "Status", "failed");
        event_add(j->sb, KIND_CLUSTER, cluster, "failure", "DB cluster failed: %s", e->text);
    }
    sandbox_save(j->sb);
    sandbox_unlock(j->sb);
}

static const struct job_step STOP_STEPS[] = {
    {"stop the server", DELAY_NONE, stop_server},
    {"show stopped", DELAY_CLUSTER_STOP, show_stopped},
    {0},
};
const struct job_kind JOB_CLUSTER_STOP = {"cluster-stop", STOP_STEPS, power_failed};

static const struct job_step START_STEPS[] = {
    {"start the server", DELAY_CLUSTER_START, start_server},
    {"show available", DELAY_NONE, show_started},
    {0},
};
const struct job_kind JOB_CLUSTER_START = {"cluster-start", START_STEPS, power_failed};

const struct op OPS_POWER[] = {
    {"rds", "StopDBCluster", POWER_IN, RESULT_CLUSTER, .run = stop_cluster},
    {"rds", "StartDBCluster", POWER_IN, RESULT_CLUSTER, .run = start_cluster},
    {"rds", "RebootDBCluster", POWER_IN, RESULT_CLUSTER, .run = reboot_cluster},
    {0},
};
