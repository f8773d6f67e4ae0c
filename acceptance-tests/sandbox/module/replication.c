/* replication.c — the right to replicate without the role attribute REPLICATION.
 *
 * Granted: members of rds_replication open logical walsenders and use the slot functions.
 *
 * PostgreSQL asks for the attribute, which is not inherited and which Aurora's users do not have, and reads
 * it from its cache of pg_authid. So the copy in this backend's cache gets the attribute just before it is
 * asked for; the table never does. At most one role is marked at a time, and the mark is dropped before the
 * next use, so a REVOKE bites at once, and before any statement that would write the copy back.
 */
#include "compat.h"

#include "access/htup_details.h"
#include "access/transam.h"
#include "catalog/objectaccess.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_proc.h"
#include "libpq/auth.h"
#include "replication/walsender.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

static object_access_hook_type next_access;
static ClientAuthentication_hook_type next_authentication;
static Oid marked = InvalidOid;

void replication_forget(void)
{
    if (OidIsValid(marked))
        SysCacheInvalidate(AUTHOID, GetSysCacheHashValue1(AUTHOID, ObjectIdGetDatum(marked)));
    marked = InvalidOid;
}

static void mark(Oid role)
{
    HeapTuple cached;
    replication_forget();
    if (!OidIsValid(role) || !sandbox_member(role, "rds_replication"))
        return;
    cached = SearchSysCache1(AUTHOID, ObjectIdGetDatum(role));
    if (!HeapTupleIsValid(cached))
        return;
    if (!((Form_pg_authid)GETSTRUCT(cached))->rolreplication) {
        ((Form_pg_authid)GETSTRUCT(cached))->rolreplication = true;
        marked = role;
    }
    ReleaseSysCache(cached);
}

/* Logical only: physical replication has no line in pg_hba.conf. */
static void authenticated(Port *port, int status)
{
    if (next_authentication)
        next_authentication(port, status);
    if (status == STATUS_OK && am_walsender && am_db_walsender)
        mark(get_role_oid(port->user_name, true));
}

static void accessed(ObjectAccessType access, Oid class_id, Oid object, int part, void *arg)
{
    char *name;
    if (next_access)
        next_access(access, class_id, object, part, arg);
    if (access != OAT_FUNCTION_EXECUTE || class_id != ProcedureRelationId || object >= FirstNormalObjectId)
        return;
    name = get_func_name(object);
    if (name && strstr(name, "_slot"))
        mark(GetUserId());
}

void replication_install(void)
{
    next_authentication = ClientAuthentication_hook;
    ClientAuthentication_hook = authenticated;
    next_access = object_access_hook;
    object_access_hook = accessed;
}
