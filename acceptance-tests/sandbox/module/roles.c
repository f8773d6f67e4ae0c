/* roles.c — the service's own roles.
 *
 * Granted: members of rds_superuser grant and revoke rds_* roles.
 * Refused to all but superusers: changing rdsadmin and rds_* roles; handing out the roles that lead out of
 * the database, which CREATEROLE alone would allow before 16.
 */
#include "compat.h"

static bool is_service_role(const char *name)
{
    return name && strncmp(name, "rds_", 4) == 0;
}

static bool is_way_out(const char *name)
{
    static const char *const names[] = {"rdsadmin", "pg_read_server_files", "pg_write_server_files",
                                        "pg_execute_server_program"};
    for (size_t i = 0; name && i < lengthof(names); i++)
        if (strcmp(name, names[i]) == 0)
            return true;
    return false;
}

bool sandbox_member(Oid role, const char *group)
{
    Oid oid = get_role_oid(group, true);
    return OidIsValid(oid) && is_member_of_role_nosuper(role, oid);
}

static void refuse(const char *act, const char *role)
{
    ereport(ERROR,
            (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE), errmsg("permission denied to %s \"%s\"", act, role)));
}

static void check_granted(const char *role)
{
    if (is_way_out(role))
        refuse("grant role", role);
}

static void check_changed(const char *role)
{
    if (is_way_out(role) || is_service_role(role))
        refuse("alter reserved role", role);
}

static void check_spec(const RoleSpec *spec)
{
    if (spec) /* CURRENT_USER and the like have no name and are nobody reserved */
        check_changed(spec->rolename);
}

/* CREATE ROLE … IN ROLE is a grant as well. */
static void check_create(const CreateRoleStmt *create)
{
    ListCell *option, *group;
    check_changed(create->role);
    foreach(option, create->options)
    {
        DefElem *d = lfirst_node(DefElem, option);
        if (strcmp(d->defname, "addroleto") != 0)
            continue;
        foreach(group, (List *)d->arg) check_granted(lfirst_node(RoleSpec, group)->rolename);
    }
}

static void check_rename(const RenameStmt *rename)
{
    if (rename->renameType != OBJECT_ROLE)
        return;
    check_changed(rename->subname);
    check_changed(rename->newname);
}

void roles_check(const struct request *r)
{
    ListCell *cell;
    switch (nodeTag(r->stmt)) {
    case T_GrantRoleStmt:
        foreach(cell, ((GrantRoleStmt *)r->stmt)->granted_roles)
            check_granted(lfirst_node(AccessPriv, cell)->priv_name);
        break;
    case T_CreateRoleStmt:
        check_create((CreateRoleStmt *)r->stmt);
        break;
    case T_AlterRoleStmt:
        check_spec(((AlterRoleStmt *)r->stmt)->role);
        break;
    case T_AlterRoleSetStmt:
        check_spec(((AlterRoleSetStmt *)r->stmt)->role);
        break;
    case T_DropRoleStmt:
        foreach(cell, ((DropRoleStmt *)r->stmt)->roles) check_spec(lfirst_node(RoleSpec, cell));
        break;
    case T_RenameStmt:
        check_rename((RenameStmt *)r->stmt);
        break;
    default:
        break;
    }
}

bool roles_lift(const struct request *r)
{
    ListCell *cell;
    if (!IsA(r->stmt, GrantRoleStmt))
        return false;
    foreach(cell,
            ((GrantRoleStmt *)r->stmt)
                ->granted_roles) if (!is_service_role(lfirst_node(AccessPriv, cell)->priv_name)) return false;
    return true;
}
