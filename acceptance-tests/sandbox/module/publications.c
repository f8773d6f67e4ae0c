/* publications.c — publications of everything.
 *
 * Granted: members of rds_superuser create publications FOR ALL TABLES and (15 and later) FOR TABLES IN
 * SCHEMA, and own them like any other; they alter those they own.
 */
#include "compat.h"

#include "access/xact.h"
#include "catalog/pg_publication.h"
#include "commands/publicationcmds.h"
#include "utils/lsyscache.h"

#if PG_VERSION_NUM >= 150000
static bool names_schema(List *objects)
{
    ListCell *cell;
    foreach(cell, objects)
    {
        PublicationObjSpecType kind = lfirst_node(PublicationObjSpec, cell)->pubobjtype;
        if (kind == PUBLICATIONOBJ_TABLES_IN_SCHEMA || kind == PUBLICATIONOBJ_TABLES_IN_CUR_SCHEMA)
            return true;
    }
    return false;
}
#endif

static bool create_lift(const CreatePublicationStmt *create)
{
#if PG_VERSION_NUM >= 150000
    if (names_schema(create->pubobjects))
        return true;
#endif
    return create->for_all_tables;
}

bool publications_lift(const struct request *r)
{
    if (IsA(r->stmt, CreatePublicationStmt))
        return create_lift((CreatePublicationStmt *)r->stmt);
#if PG_VERSION_NUM >= 150000
    if (IsA(r->stmt, AlterPublicationStmt)) {
        const AlterPublicationStmt *alter = (AlterPublicationStmt *)r->stmt;
        return names_schema(alter->pubobjects) &&
               owns_publication(get_publication_oid(alter->pubname, false), r->user);
    }
#endif
    return false;
}

void publications_finish(const struct request *r)
{
    if (!IsA(r->stmt, CreatePublicationStmt))
        return;
    CommandCounterIncrement();
    AlterPublicationOwner_oid(get_publication_oid(((CreatePublicationStmt *)r->stmt)->pubname, false),
                              r->user);
}
