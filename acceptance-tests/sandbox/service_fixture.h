/* service_fixture.h — a whole sandbox over the fake engine, asked through sandbox_serve() with signed
 * requests, as a client would. */
#ifndef SANDBOX_SERVICE_FIXTURE_H
#define SANDBOX_SERVICE_FIXTURE_H

#include "acceptance-tests/sandbox/sandbox.h"

struct fixture {
    struct sandbox sb;
    char dir[64];
};

void fixture_reopen(struct fixture *f); /* an orderly restart on the same state */

/* One RDS call, "Action=X&A=b" without Version; the reply stands until the next call. */
const char *ask(struct fixture *f, const char *form);
/* The same to another service; JSON services take the target in `form` before the first blank. */
const char *ask_service(struct fixture *f, const char *service, const char *form);
/* Route 53; the query in its canonical form. */
const char *ask_rest(struct fixture *f, const char *method, const char *path, const char *query,
                     const char *body);
/* A form as it is, without a signature. */
const char *ask_unsigned(struct fixture *f, const char *form);
int last_status(void);
const struct http_reply *last_reply(void);

/* Fails the test when the reply lacks `part`. */
void expect(struct fixture *f, const char *form, const char *part);
/* Asks until the reply has the part; fails after some seconds. */
void await(struct fixture *f, const char *form, const char *part);
/* Text of the first element of that name in a reply; "" if none. */
const char *element(const char *reply, const char *name);

/* Forms to add an identifier and more to. */
#define CREATE                                                                                               \
    "Action=CreateDBCluster&Engine=aurora-postgresql&MasterUsername=app&MasterUserPassword=master-pass&"     \
    "DBClusterIdentifier="
#define INSTANCE                                                                                             \
    "Action=CreateDBInstance&Engine=aurora-postgresql&DBInstanceClass=db.r6g.large&DBClusterIdentifier="
#define MODIFY    "Action=ModifyDBCluster&DBClusterIdentifier="
#define CLUSTER   "Action=DescribeDBClusters&DBClusterIdentifier="
#define INSTANCES "Action=DescribeDBInstances&DBInstanceIdentifier="
#define AVAILABLE "<Status>available</Status>"
#define UP        "<DBInstanceStatus>available</DBInstanceStatus>"

/* Made and available. `more` begins with "&". */
void make_cluster(struct fixture *f, const char *id, const char *more);
void make_instance(struct fixture *f, const char *cluster, const char *id);
/* Cluster group g13 with logical replication, cluster group g17, instance group i17. */
void make_groups(struct fixture *f);

/* For cmocka_unit_test_setup_teardown: *state is a struct fixture; its folder goes at the end. */
int open_fixture(void **state);
int close_fixture(void **state);
#define TEST(f) cmocka_unit_test_setup_teardown(f, open_fixture, close_fixture)

#endif
