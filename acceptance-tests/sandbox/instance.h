/* instance.h — instance records, shared by the operations that make instances. */
#ifndef SANDBOX_INSTANCE_H
#define SANDBOX_INSTANCE_H

#include "acceptance-tests/sandbox/cluster.h"

/* With the lock. */
json_t *instance_new(struct sandbox *sb, const json_t *cluster, const char *id); /* not yet in the store */
void instance_take(json_t *instance, const json_t *request);
MUST_CHECK bool instance_check_settings(struct call *c, const json_t *cluster);
json_t *instance_job_args(const json_t *instance);
json_t *job_instance(struct job *j);

/* Without it. */
void job_instance_status(struct job *j, const char *status);
/* Gives the instance its address; from then on it has an Endpoint. */
MUST_CHECK bool instance_address(struct sandbox *sb, const char *instance, struct err *e);

#endif
