/* utility.c — the one hook on utility statements: asks each concern, then runs the statement as the caller or
 * as the bootstrap superuser.
 */
#include "compat.h"

#include "access/xact.h"
#include "catalog/pg_authid.h"
#include "tcop/utility.h"

/* From 14 on the hook is also told whether it may scribble on the statement. */
#if PG_VERSION_NUM >= 140000
#define PARAMETERS                                                                                           \
    PlannedStmt *pstmt, const char *text, bool read_only_tree, ProcessUtilityContext context,                \
        ParamListInfo params, QueryEnvironment *env, DestReceiver *dest, QueryCompletion *done
#define ARGUMENTS pstmt, text, read_only_tree, context, params, env, dest, done
#else
#define PARAMETERS                                                                                           \
    PlannedStmt *pstmt, const char *text, ProcessUtilityContext context, ParamListInfo params,               \
        QueryEnvironment *env, DestReceiver *dest, QueryCompletion *done
#define ARGUMENTS pstmt, text, context, params, env, dest, done
#endif

static ProcessUtility_hook_type next_utility;

static void pass_on(PARAMETERS)
{
    if (next_utility)
        next_utility(ARGUMENTS);
    else
        standard_ProcessUtility(ARGUMENTS);
}

static void run_lifted(const struct request *r, PARAMETERS)
{
    Oid user;
    int context_flags;
    GetUserIdAndSecContext(&user, &context_flags);
    SetUserIdAndSecContext(BOOTSTRAP_SUPERUSERID, context_flags | SECURITY_LOCAL_USERID_CHANGE);
    PG_TRY();
    {
        pass_on(ARGUMENTS);
        publications_finish(r);
        subscriptions_finish(r);
    }
    PG_CATCH();
    {
        SetUserIdAndSecContext(user, context_flags);
        PG_RE_THROW();
    }
    PG_END_TRY();
    SetUserIdAndSecContext(user, context_flags);
}

/* 15 and later grant this one with GRANT SET ON PARAMETER. */
static bool settings_lift(const struct request *r)
{
#if PG_VERSION_NUM < 150000
    const VariableSetStmt *set = (const VariableSetStmt *)r->stmt;
    return IsA(r->stmt, VariableSetStmt) && set->name &&
           pg_strcasecmp(set->name, "session_replication_role") == 0;
#else
    return false;
#endif
}

static bool lifted(const struct request *r)
{
    return r->master && (roles_lift(r) || extensions_lift(r) || publications_lift(r) ||
                         subscriptions_lift(r) || settings_lift(r));
}

static void utility(PARAMETERS)
{
    struct request r = {.stmt = pstmt->utilityStmt, .user = GetUserId()};
    writelock_enforce();
    if (!IsTransactionState()) { /* ROLLBACK after an error: the catalogs cannot be asked, nothing is at stake
                                  */
        pass_on(ARGUMENTS);
        return;
    }
    writelock_check(&r);
    r.superuser = superuser_arg(r.user);
    r.master = !r.superuser && sandbox_member(r.user, "rds_superuser");
    if (!r.superuser) {
        roles_check(&r);
        extensions_check(&r);
        subscriptions_check(&r);
    }
    if (IsA(r.stmt, AlterRoleStmt) || IsA(r.stmt, RenameStmt))
        replication_forget();
    if (subscriptions_instead(&r))
        return;
    if (lifted(&r))
        run_lifted(&r, ARGUMENTS);
    else /* and the current user is left as the statement leaves it: it may be SET ROLE */
        pass_on(ARGUMENTS);
}

void utility_install(void)
{
    next_utility = ProcessUtility_hook;
    ProcessUtility_hook = utility;
}
