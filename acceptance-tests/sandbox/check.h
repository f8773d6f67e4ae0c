/* check.h — AWS's rules for values that several operations take. Each returns false with the fault set. */
#ifndef SANDBOX_CHECK_H
#define SANDBOX_CHECK_H

#include "acceptance-tests/sandbox/describe.h"
#include "acceptance-tests/sandbox/versions.h"

MUST_CHECK bool check_identifier(struct call *c, const char *member);
MUST_CHECK bool check_tags(struct call *c);
MUST_CHECK bool check_range(struct call *c, const char *member, const char *what, int64_t low, int64_t high);
MUST_CHECK bool check_windows(struct call *c);
MUST_CHECK bool check_engine(struct call *c); /* Engine = aurora-postgresql */
MUST_CHECK bool check_password(struct call *c, const char *member);
MUST_CHECK bool check_serverless(struct call *c, const struct engine_version *v);
MUST_CHECK bool check_log_types(struct call *c, const json_t *types);
MUST_CHECK bool check_storage_type(struct call *c);
MUST_CHECK bool check_security_groups(struct call *c);
/* The named group, of this family; NULL with the fault set. */
json_t *check_group(struct call *c, enum kind kind, const char *name, const char *family);
/* The version named by EngineVersion; NULL with the fault set. */
const struct engine_version *check_version(struct call *c, const char *text);
/* Status available, and no switchover under way. */
MUST_CHECK bool check_cluster_ready(struct call *c, const json_t *cluster);
MUST_CHECK bool check_instance_ready(struct call *c, const json_t *instance);
/* Refuses what a switchover in progress forbids: its members must not change. */
MUST_CHECK bool check_not_switching(struct call *c, const json_t *cluster);

#endif
