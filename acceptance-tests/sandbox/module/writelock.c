/* writelock.c — sessions that can only read, whatever they set.
 *
 * Two kinds: all but rdsadmin's while aurora_sandbox.write_lock is on (blue after a switchover), and those
 * that came through the readers' address. Before each statement their transaction is made read-only again,
 * which PostgreSQL allows at any time; its own checks then refuse with SQLSTATE 25006. What a read-only
 * transaction may do all the same is refused here: finishing a prepared transaction, and large objects
 * before 16.
 */
#include "compat.h"

#include <arpa/inet.h>

#include "access/transam.h"
#include "access/xact.h"
#include "catalog/objectaccess.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_proc.h"
#include "executor/executor.h"
#include "libpq/auth.h"
#include "libpq/libpq-be.h"
#include "tcop/utility.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"

static ExecutorStart_hook_type next_start;
static ClientAuthentication_hook_type next_authentication;
static object_access_hook_type next_access;
static bool is_reader; /* this session came through the readers' address */

static bool only_reads(void)
{
    return is_reader || (sandbox_write_lock && GetSessionUserId() != BOOTSTRAP_SUPERUSERID);
}

void writelock_enforce(void)
{
    if (only_reads())
        XactReadOnly = true;
}

void writelock_check(const struct request *r)
{
    const TransactionStmt *t = (const TransactionStmt *)r->stmt;
    if (!only_reads() || !IsA(r->stmt, TransactionStmt))
        return;
    if (t->kind == TRANS_STMT_COMMIT_PREPARED)
        PreventCommandIfReadOnly("COMMIT PREPARED");
    if (t->kind == TRANS_STMT_ROLLBACK_PREPARED)
        PreventCommandIfReadOnly("ROLLBACK PREPARED");
}

static void start(QueryDesc *query, int flags)
{
    writelock_enforce();
    if (next_start)
        next_start(query, flags);
    else
        standard_ExecutorStart(query, flags);
}

static bool came_to(const Port *port, const char *address)
{
    char text[INET_ADDRSTRLEN];
    const struct sockaddr_in *in = (const struct sockaddr_in *)&port->laddr.addr;
    return in->sin_family == AF_INET && inet_ntop(AF_INET, &in->sin_addr, text, sizeof text) &&
           strcmp(text, address) == 0;
}

static void authenticated(Port *port, int status)
{
    if (next_authentication)
        next_authentication(port, status);
    is_reader = came_to(port, sandbox_reader_address);
    if (is_reader) /* so that the session can see what it is */
        SetConfigOption("default_transaction_read_only", "on", PGC_SUSET, PGC_S_OVERRIDE);
}

static bool writes_large_object(const char *name)
{
    static const char *const names[] = {"lo_creat",      "lo_create", "lo_from_bytea",
                                        "lo_import",     "lo_put",    "lo_truncate",
                                        "lo_truncate64", "lo_unlink", "lowrite"};
    for (size_t i = 0; name && i < lengthof(names); i++)
        if (strcmp(name, names[i]) == 0)
            return true;
    return false;
}

static void accessed(ObjectAccessType access, Oid class_id, Oid object, int part, void *arg)
{
    char *name;
    if (next_access)
        next_access(access, class_id, object, part, arg);
    if (access != OAT_FUNCTION_EXECUTE || class_id != ProcedureRelationId || object >= FirstNormalObjectId ||
        !only_reads())
        return;
    XactReadOnly = true; /* a function called through the protocol's fast path has met no other hook */
    name = get_func_name(object);
    if (writes_large_object(name))
        PreventCommandIfReadOnly(psprintf("%s()", name));
}

void writelock_install(void)
{
    next_start = ExecutorStart_hook;
    ExecutorStart_hook = start;
    next_authentication = ClientAuthentication_hook;
    ClientAuthentication_hook = authenticated;
    next_access = object_access_hook;
    object_access_hook = accessed;
}
