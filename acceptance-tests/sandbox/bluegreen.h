/* bluegreen.h — blue/green deployments: the record, its refusals, its guardrails.
 *
 * Besides AWS's members a record has "_blue" and "_green" (resource ids, which stay with the physical
 * clusters), "_from" and "_to" (versions) and "_fingerprints" (blue's catalogues when green was made). Each
 * of the SwitchoverDetails has "_kind" ("cluster", "db", "cluster-endpoint"), "_source" and "_target"
 * (resource ids).
 */
#ifndef SANDBOX_BLUEGREEN_H
#define SANDBOX_BLUEGREEN_H

#include "acceptance-tests/sandbox/check.h"
#include "acceptance-tests/sandbox/cluster.h"

/* What "_kind" of a detail means in the store. */
enum kind bluegreen_kind(const json_t *detail);

/* The job's deployment (args "deployment"); NULL when it is gone. With the lock. */
json_t *job_deployment(struct job *j);
/* Resource ids of both sides, copied out. Takes the lock. False: the deployment is gone. */
struct bluegreen_sides {
    char id[40], blue[RESOURCE_SIZE], green[RESOURCE_SIZE];
};
MUST_CHECK bool job_sides(struct job *j, struct bluegreen_sides *ret, struct err *e);

/* With the lock. */
void bluegreen_details_status(json_t *deployment, const char *status);

/* Catalogue fingerprint of every database of a volume: {"database": "md5"}; a new object. Without the lock.
 */
MUST_CHECK bool bluegreen_fingerprints(struct sandbox *sb, const char *volume, json_t **ret, struct err *e);
/* Looks at everything AWS's guardrails look at; ERR_CONFLICT with the reason. Without the lock. */
MUST_CHECK bool bluegreen_guard(struct sandbox *sb, const struct bluegreen_sides *s, int64_t timeout_ms,
                                struct err *e);
/* The part of it that "Replication degraded" events tell of: schema changes, broken apply. */
MUST_CHECK bool bluegreen_degraded(struct sandbox *sb, const struct bluegreen_sides *s, struct err *e);
/* Is a transaction open on blue that would keep replication from starting? */
MUST_CHECK bool bluegreen_long_transaction(struct sandbox *sb, const char *blue, bool *ret, struct err *e);

/* After a restart: replication of every deployment that is not switched over. Without the lock. */
void bluegreen_resume_all(struct sandbox *sb);
/* Before the servers start again: switchovers that died after the names had moved. */
void bluegreen_settle_all(struct sandbox *sb);

#endif
