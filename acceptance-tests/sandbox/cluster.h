/* cluster.h — a cluster record and the real server behind it: settings, parameters, endpoints.
 *
 * Records name each other by immutable ids: an instance's "_cluster" is its cluster's DbClusterResourceId,
 * which is also the engine's volume. Functions that talk to the engine take ids and must be called without
 * the store's lock; those that take records need it.
 */
#ifndef SANDBOX_CLUSTER_H
#define SANDBOX_CLUSTER_H

#include "acceptance-tests/sandbox/describe.h"
#include "acceptance-tests/sandbox/jobs.h"
#include "acceptance-tests/sandbox/params.h"

#define RESOURCE_SIZE 40

/* ---- records (with the lock) ---- */

/* A new record with AWS's defaults and ids, status creating, not yet in the store. */
json_t *cluster_new(struct sandbox *sb, const char *id, const char *version);
/* Carries every setting of the request that is present over to the record, under the record's names. */
void cluster_take(struct sandbox *sb, json_t *cluster, const json_t *request);
void cluster_set_key(struct sandbox *sb, json_t *cluster,
                     const char *key); /* encrypted; "": the account's key */
void cluster_set_version(json_t *cluster, const char *version);
/* Default group of the cluster's or another family; "default.aurora-postgresql17". */
const char *default_group(struct arena *a, const char *family);
json_t *cluster_writer(struct sandbox *sb, const json_t *cluster); /* instance; NULL: none */
size_t cluster_instances(struct sandbox *sb, const json_t *cluster, bool deleting_too);
void cluster_managed_secret(struct sandbox *sb, json_t *cluster); /* makes the secret and a new password */
void cluster_drop_secret(struct sandbox *sb, json_t *cluster);
/* What the engine is to be told, from the record's groups and its writer's. */
void cluster_params(struct sandbox *sb, struct arena *a, const json_t *cluster, struct engine_param **ret,
                    size_t *ret_n);
/* Group statuses of the cluster's instances: `now`, later `then` (NULL: nothing follows). */
void cluster_group_status(struct sandbox *sb, const json_t *cluster, const char *now, const char *then);
/* Every instance's DBInstanceStatus. */
void cluster_instances_status(struct sandbox *sb, const json_t *cluster, const char *status);

/* JSON object {"cluster": id} for a job. */
json_t *cluster_job_args(const json_t *cluster);
/* The job's cluster (args "cluster"), or NULL when it is gone. With the lock. */
json_t *job_cluster(struct job *j);
void job_cluster_status(struct job *j, const char *status); /* takes the lock, saves */

/* ---- engine (without the lock) ---- */

/* Makes the volume if the cluster has none, sets the parameters, starts the server. */
MUST_CHECK bool cluster_start(struct sandbox *sb, const char *resource, struct err *e);
MUST_CHECK bool cluster_send_params(struct sandbox *sb, const char *resource, struct err *e);
/* Lets every endpoint of the cluster point where its records say. */
MUST_CHECK bool cluster_point_endpoints(struct sandbox *sb, const char *resource, struct err *e);
/* Ends every connection through the cluster's endpoints; new ones come in. */
MUST_CHECK bool cluster_cut_endpoints(struct sandbox *sb, const char *resource, struct err *e);
/* Names of the cluster's endpoints as they are now, for the engine; a new array. */
json_t *cluster_endpoints(struct sandbox *sb, const char *resource);
/* Addresses of a name's writer and reader endpoint, in the arena. */
MUST_CHECK bool cluster_addresses(struct sandbox *sb, struct arena *a, const char *id,
                                  const char **ret_writer, const char **ret_reader, struct err *e);
const char *endpoint_key(struct arena *a, const char *what, const char *id); /* the engine's name of it */

#define ENDPOINT_OF_CLUSTER  "cluster"
#define ENDPOINT_OF_READERS  "cluster-ro"
#define ENDPOINT_OF_INSTANCE "instance"
#define ENDPOINT_CUSTOM      "cluster-custom"

#endif
