/* extensions.c — CREATE EXTENSION as on RDS.
 *
 * Granted: members of rds_superuser create, update and drop the extensions listed in rds.extensions.
 * Refused to all but superusers: every other extension. After pg_upgrade all extensions belong to rdsadmin,
 * hence the right to update and drop what one does not own.
 */
#include "compat.h"

static bool listed(const char *name)
{
    size_t n = strlen(name);
    for (const char *p = sandbox_extensions; *p;) {
        size_t item;
        p += strspn(p, ", ");
        item = strcspn(p, ", ");
        if (item == n && strncmp(p, name, n) == 0)
            return true;
        p += item;
    }
    return false;
}

void extensions_check(const struct request *r)
{
    const char *name;
    if (!IsA(r->stmt, CreateExtensionStmt))
        return;
    name = ((CreateExtensionStmt *)r->stmt)->extname;
    if (!listed(name))
        ereport(ERROR,
                (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
                 errmsg("Extension \"%s\" is not supported by Amazon RDS", name),
                 errhint("Amazon RDS allows users with rds_superuser role to install supported extensions. "
                         "See: SHOW rds.extensions;")));
}

bool extensions_lift(const struct request *r)
{
    return IsA(r->stmt, CreateExtensionStmt) || IsA(r->stmt, AlterExtensionStmt) ||
           (IsA(r->stmt, DropStmt) && ((DropStmt *)r->stmt)->removeType == OBJECT_EXTENSION);
}
