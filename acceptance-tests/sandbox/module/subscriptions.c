/* subscriptions.c — subscriptions without superuser.
 *
 * Granted: members of rds_superuser create subscriptions before 16, where only superusers can (later majors
 * have the role pg_create_subscription), and skip transactions of those they own. Refused before 16:
 * connection strings that lead to a unix socket. The server's own user would be trusted there; later majors
 * insist on a password themselves.
 */
#include "compat.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/dependency.h"
#include "catalog/indexing.h"
#include "catalog/pg_subscription.h"
#include "replication/logicallauncher.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"

bool subscriptions_lift(const struct request *r)
{
#if PG_VERSION_NUM < 160000
    if (IsA(r->stmt, CreateSubscriptionStmt))
        return true;
#endif
#if PG_VERSION_NUM >= 150000
    if (IsA(r->stmt, AlterSubscriptionStmt)) {
        const AlterSubscriptionStmt *alter = (AlterSubscriptionStmt *)r->stmt;
        return alter->kind == ALTER_SUBSCRIPTION_SKIP &&
               owns_subscription(get_subscription_oid(alter->subname, false), r->user);
    }
#endif
    return false;
}

#if PG_VERSION_NUM < 160000

/* "host = '/tmp'", in a list too; also as a parameter of a URI. Backslashes may hide what follows. */
static bool names_socket(const char *conninfo)
{
    for (const char *p = conninfo; (p = strstr(p, "host")); p++) {
        const char *value = p + strlen("host");
        value += strspn(value, " \t\r\n");
        if (*value != '=')
            continue;
        value += 1 + strspn(value + 1, " \t\r\n");
        size_t n = *value == '\'' ? strcspn(value + 1, "'") + 1 : strcspn(value, " \t\r\n&");
        for (size_t i = 0; i < n; i++)
            if (strchr("/@\\%", value[i]))
                return true;
    }
    return false;
}

/* "postgresql://user@%2Ftmp/db": what is not a name or an address in the host's place. */
static bool is_socket_uri(const char *conninfo)
{
    const char *authority = strstr(conninfo, "://");
    if (strncmp(conninfo, "postgres", strlen("postgres")) != 0 || !authority)
        return false;
    authority += strlen("://");
    size_t n = strcspn(authority, "/?"), host = 0;
    for (size_t i = 0; i < n; i++)
        if (authority[i] == '@')
            host = i + 1;
    return memchr(authority + host, '%', n - host) != NULL;
}

static void check_conninfo(const char *conninfo)
{
    if (conninfo && (names_socket(conninfo) || is_socket_uri(conninfo)))
        ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
                        errmsg("subscriptions through unix sockets are not supported")));
}

/* PostgreSQL before 16 refuses an owner without superuser whoever asks, so the catalog is written here. */
static void give(const char *name, Oid heir)
{
    Oid subscription = get_subscription_oid(name, false);
    Relation rel = table_open(SubscriptionRelationId, RowExclusiveLock);
    HeapTuple row = SearchSysCacheCopy1(SUBSCRIPTIONOID, ObjectIdGetDatum(subscription));
    if (!HeapTupleIsValid(row))
        elog(ERROR, "cache lookup failed for subscription %u", subscription);
    ((Form_pg_subscription)GETSTRUCT(row))->subowner = heir;
    CatalogTupleUpdate(rel, &row->t_self, row);
    changeDependencyOnOwner(SubscriptionRelationId, subscription, heir);
    table_close(rel, RowExclusiveLock);
    ApplyLauncherWakeupAtCommit();
}

void subscriptions_check(const struct request *r)
{
    if (IsA(r->stmt, CreateSubscriptionStmt))
        check_conninfo(((CreateSubscriptionStmt *)r->stmt)->conninfo);
    else if (IsA(r->stmt, AlterSubscriptionStmt))
        check_conninfo(((AlterSubscriptionStmt *)r->stmt)->conninfo);
}

void subscriptions_finish(const struct request *r)
{
    if (!IsA(r->stmt, CreateSubscriptionStmt))
        return;
    CommandCounterIncrement();
    give(((CreateSubscriptionStmt *)r->stmt)->subname, r->user);
}

/* pg_upgrade to 15 gives subscriptions back to their owners as a superuser. */
bool subscriptions_instead(const struct request *r)
{
    AlterOwnerStmt *alter = (AlterOwnerStmt *)r->stmt;
    Oid heir;
    if (!r->superuser || !IsA(r->stmt, AlterOwnerStmt) || alter->objectType != OBJECT_SUBSCRIPTION)
        return false;
    heir = get_rolespec_oid(alter->newowner, false);
    if (superuser_arg(heir) || !sandbox_member(heir, "rds_superuser"))
        return false;
    give(strVal(alter->object), heir);
    return true;
}

#else

void subscriptions_check(const struct request *r)
{
}

void subscriptions_finish(const struct request *r)
{
}

bool subscriptions_instead(const struct request *r)
{
    return false;
}

#endif
