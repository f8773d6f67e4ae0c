/* compat.h — what every file of the module includes, what the files are to each other, and how majors differ.
 *
 * Compiled once per major with that major's headers. libpq-be.h would want the headers of Kerberos and
 * OpenSSL; the fields the module uses come before those that depend on them.
 */
#ifndef AURORA_SANDBOX_COMPAT_H
#define AURORA_SANDBOX_COMPAT_H

#include "postgres.h"

#undef ENABLE_GSS
#undef USE_OPENSSL

#include "fmgr.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "utils/acl.h"

#if PG_VERSION_NUM >= 160000
#include "catalog/pg_publication.h"
#include "catalog/pg_subscription.h"
#define owns_publication(oid, role)  object_ownercheck(PublicationRelationId, (oid), (role))
#define owns_subscription(oid, role) object_ownercheck(SubscriptionRelationId, (oid), (role))
#else
#define owns_publication(oid, role)  pg_publication_ownercheck((oid), (role))
#define owns_subscription(oid, role) pg_subscription_ownercheck((oid), (role))
#endif

/* settings.c */
extern char *sandbox_extensions;
extern char *sandbox_reader_address;
extern bool sandbox_write_lock;
extern void sandbox_define_settings(void);

/* A statement of the utility kind and who runs it. */
struct request {
    Node *stmt;
    Oid user;
    bool superuser;
    bool master; /* a member of rds_superuser that is no superuser */
};

/* roles.c */
extern bool sandbox_member(Oid role, const char *group); /* false also if there is no such group */
extern void roles_check(const struct request *r);        /* refuses */
extern bool roles_lift(const struct request *r); /* true: the statement runs as the bootstrap superuser */

/* extensions.c */
extern void extensions_check(const struct request *r);
extern bool extensions_lift(const struct request *r);

/* publications.c */
extern bool publications_lift(const struct request *r);
extern void
publications_finish(const struct request *r); /* still as superuser: gives the owner what is his */

/* subscriptions.c */
extern void subscriptions_check(const struct request *r);
extern bool subscriptions_lift(const struct request *r);
extern void subscriptions_finish(const struct request *r);
extern bool subscriptions_instead(const struct request *r); /* true: done here, PostgreSQL must not run it */

/* replication.c */
extern void replication_install(void);
extern void replication_forget(void); /* before a statement that writes roles */

/* writelock.c */
extern void writelock_install(void);
extern void writelock_enforce(void);
extern void writelock_check(const struct request *r);

/* utility.c */
extern void utility_install(void);

#endif
