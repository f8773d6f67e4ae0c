#include "internal/pg/fingerprint.h"
#include "internal/pg/query.h"

#include <string.h>

/* Sources of what is left out or turned round: release notes of 14 to 18 (E.1 "Migration"), pg_dump.c.
 *   - NOT NULL constraints are rows of pg_constraint from 18 (domains: 17) on, before that attnotnull only;
 *   - a default statistics target is NULL from 17 on, before that -1;
 *   - MAINTAIN (17) comes with every older grant of ALL, so it cannot be compared;
 *   - multirange types (14) appear by themselves; constraints and triggers of partitions follow the parent's
 *     and are named anew where they were made by the server;
 *   - column options pg_attver… are written by the minors of November 2026, and only by those;
 *   - CONNECT and default_transaction_read_only are what a fence changes. */

#define SORTED_OPTIONS(x)                                                                                    \
    "CASE WHEN " x                                                                                           \
    " IS NULL THEN '' ELSE coalesce((SELECT string_agg(o, ', ' ORDER BY o COLLATE \"C\") FROM"               \
    " unnest(" x ") o WHERE o !~ '^pg_attver'), '') END"
#define NAME(n, c) "format('%I.%I', " n ".nspname, " c ")"
#define RELATION   " FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
#define OF_USER                                                                                              \
    SQL_USER_RELATION("c", "n")                                                                              \
    " AND " SQL_NOT_OF_EXTENSION("pg_class", "c.oid")
#define KIND                                                                                                 \
    "CASE c.relkind WHEN 'r' THEN 'table' WHEN 'p' THEN 'table' WHEN 'v' THEN 'view' WHEN 'm' THEN"          \
    " 'materialized view' WHEN 'S' THEN 'sequence' ELSE 'foreign table' END"

static const char schemas[] =
    "SELECT quote_ident(nspname), '', NULL FROM pg_namespace n"
    " WHERE " SQL_USER_NAMESPACE("n") " AND " SQL_NOT_OF_EXTENSION("pg_namespace", "n.oid");

static const char tables[] = "SELECT " NAME(
    "n",
    "c.relname") ", concat_ws('; ',"
                 " CASE c.relkind WHEN 'p' THEN 'partitioned' WHEN 'f' THEN 'foreign' ELSE 'table' END,"
                 " CASE c.relpersistence WHEN 'u' THEN 'unlogged' END,"
                 " 'replica identity ' || c.relreplident::text,"
                 " CASE WHEN c.relrowsecurity THEN 'row security' END,"
                 " CASE WHEN c.relforcerowsecurity THEN 'forced row security' END,"
                 " nullif(" SORTED_OPTIONS(
                     "c.reloptions") ", ''),"
                                     " (SELECT 'inherits ' || string_agg(" NAME(
                                         "pn",
                                         "p.relname") ", ', ' ORDER BY i.inhseqno)"
                                                      "  FROM pg_inherits i JOIN pg_class p ON p.oid = "
                                                      "i.inhparent JOIN pg_namespace pn ON"
                                                      "  pn.oid = p.relnamespace WHERE i.inhrelid = c.oid),"
                                                      " (SELECT 'server ' || quote_ident(s.srvname) || ' ' "
                                                      "|| " SORTED_OPTIONS(
                                                          "f.ftoptions") "  FROM pg_foreign_table f JOIN "
                                                                         "pg_foreign_server s ON s.oid = "
                                                                         "f.ftserver WHERE f.ftrelid = "
                                                                         "c.oid),"
                                                                         " CASE WHEN c.reloftype <> 0 THEN "
                                                                         "'of ' || format_type(c.reloftype, "
                                                                         "NULL) END),"
                                                                         " concat(CASE WHEN c.relkind = 'p' "
                                                                         "THEN 'PARTITION BY ' || "
                                                                         "pg_get_partkeydef(c.oid) END, ' ',"
                                                                         " pg_get_expr(c.relpartbound, "
                                                                         "c.oid))" RELATION
                                                                         " WHERE c.relkind IN ('r', 'p', "
                                                                         "'f') AND " OF_USER;

static const char columns[] = "SELECT " NAME(
    "n",
    "c.relname") " || '.' || quote_ident(a.attname), concat_ws(' ',"
                 " format_type(a.atttypid, a.atttypmod),"
                 " CASE WHEN a.attnotnull THEN 'not null' END,"
                 " CASE a.attidentity WHEN 'a' THEN 'identity always' WHEN 'd' THEN 'identity by default' "
                 "END,"
                 " CASE a.attgenerated WHEN 's' THEN 'generated stored' WHEN 'v' THEN 'generated virtual' "
                 "END,"
                 " CASE WHEN d.adbin IS NOT NULL AND a.attgenerated = '' THEN 'default' END,"
                 " CASE WHEN a.attcollation <> t.typcollation THEN (SELECT 'collate ' || " NAME(
                     "cn",
                     "co.collname") "  FROM pg_collation co JOIN pg_namespace cn ON cn.oid = co.collnamespace"
                                    "  WHERE co.oid = a.attcollation) END,"
                                    " CASE WHEN a.attstorage <> t.typstorage THEN 'storage ' || "
                                    "a.attstorage::text END,"
                                    " 'statistics ' || nullif(a.attstattarget, -1)::text,"
                                    " nullif(" SORTED_OPTIONS("a.attoptions") ", ''), nullif(" SORTED_OPTIONS(
                                        "a.attfdwoptions") ", '')),"
                                                           " pg_get_expr(d.adbin, d.adrelid)" RELATION
                                                           " JOIN pg_attribute a ON a.attrelid = c.oid AND "
                                                           "a.attnum > 0"
                                                           " AND NOT a.attisdropped JOIN pg_type t ON t.oid "
                                                           "= a.atttypid"
                                                           " LEFT JOIN pg_attrdef d ON d.adrelid = "
                                                           "a.attrelid AND d.adnum = a.attnum"
                                                           " WHERE c.relkind IN ('r', 'p', 'f', 'v', 'm') "
                                                           "AND " OF_USER;

static const char column_order[] = "SELECT " NAME(
    "n", "c.relname") " || '" COLUMN_ORDER "', string_agg(quote_ident(a.attname), ', '"
                      " ORDER BY a.attnum), NULL" RELATION
                      " JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0"
                      " AND NOT a.attisdropped WHERE c.relkind IN ('r', 'p', 'f', 'v', 'm') AND " OF_USER
                      " GROUP BY 1";

static const char indexes[] = "SELECT " NAME(
    "n", "ic.relname") ", concat_ws('; ',"
                       " CASE WHEN NOT x.indisvalid THEN 'invalid' END, CASE WHEN x.indisreplident THEN "
                       "'replica identity' END,"
                       " CASE WHEN x.indisclustered THEN 'clustered' END,"
                       " (SELECT 'part of ' || " NAME(
                           "pn", "p.relname") " FROM pg_inherits i JOIN pg_class p ON"
                                              "  p.oid = i.inhparent JOIN pg_namespace pn ON pn.oid = "
                                              "p.relnamespace WHERE i.inhrelid = ic.oid)),"
                                              " pg_get_indexdef(ic.oid)" RELATION
                                              " JOIN pg_index x ON x.indrelid = c.oid"
                                              " JOIN pg_class ic ON ic.oid = x.indexrelid WHERE c.relkind IN "
                                              "('r', 'p', 'm') AND " OF_USER;

static const char constraints[] = "SELECT quote_ident(k.conname) || ' on ' || " NAME(
    "n", "c.relname") ", '', pg_get_constraintdef(k.oid)" RELATION
                      " JOIN pg_constraint k ON k.conrelid = c.oid"
                      " WHERE k.contype IN ('c', 'f', 'p', 'u', 'x') AND k.conparentid = 0 AND " OF_USER;

static const char sequences[] = "SELECT " NAME(
    "n",
    "c.relname") ", concat_ws(' ', format_type(s.seqtypid, NULL), 'start', s.seqstart,"
                 " 'increment', s.seqincrement, 'min', s.seqmin, 'max', s.seqmax, 'cache', s.seqcache,"
                 " CASE WHEN s.seqcycle THEN 'cycle' END, (SELECT CASE d.deptype WHEN 'i' THEN 'identity of "
                 "' ELSE"
                 "  'owned by ' END || " NAME(
                     "tn",
                     "t.relname") " || '.' || quote_ident(a.attname) FROM pg_depend d"
                                  "  JOIN pg_class t ON t.oid = d.refobjid JOIN pg_namespace tn ON tn.oid = "
                                  "t.relnamespace"
                                  "  JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = d.refobjsubid"
                                  "  WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND "
                                  "d.objsubid = 0"
                                  "  AND d.refclassid = 'pg_class'::regclass AND d.deptype IN ('a', 'i'))), "
                                  "NULL" RELATION " JOIN pg_sequence s ON s.seqrelid = c.oid WHERE " OF_USER;

#define FUNCTIONS                                                                                            \
    " FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace JOIN pg_language l ON l.oid = p.prolang"  \
    " WHERE " SQL_USER_NAMESPACE("n") " AND " SQL_NOT_OF_EXTENSION(                                          \
        "pg_proc", "p.oid") " AND NOT EXISTS (SELECT FROM pg_depend i WHERE i.classid = "                    \
                            "'pg_proc'::regclass AND i.objid = p.oid"                                        \
                            "  AND i.deptype = 'i')"
#define SIGNATURE                                                                                            \
    "format('%I.%I(%s)', n.nspname, p.proname, (SELECT string_agg(format_type(u.t, NULL), ', ' ORDER BY"     \
    " u.i) FROM unnest(p.proargtypes) WITH ORDINALITY u(t, i)))"

static const char functions[] =
    "SELECT " SIGNATURE ", concat_ws(' ', CASE p.prokind WHEN 'p' THEN 'procedure' WHEN 'a' THEN 'aggregate'"
    " WHEN 'w' THEN 'window function' ELSE 'function' END, 'language', l.lanname,"
    " CASE p.provolatile WHEN 'i' THEN 'immutable' WHEN 's' THEN 'stable' END,"
    " CASE WHEN p.proisstrict THEN 'strict' END, CASE WHEN p.prosecdef THEN 'security definer' END,"
    " CASE WHEN p.proleakproof THEN 'leakproof' END, 'parallel', p.proparallel::text,"
    " 'cost', p.procost, 'rows', p.prorows, 'returns', pg_get_function_result(p.oid),"
    " 'support ' || nullif(p.prosupport::oid, 0)::regproc::text,"
    " nullif(" SORTED_OPTIONS("p.proconfig") ", ''), p.probin, 'body', md5(p.prosrc)),"
                                             " pg_get_function_arguments(p.oid)" FUNCTIONS;

static const char sql_bodies[] =
    "SELECT 'body of ' || " SIGNATURE ", '', pg_get_function_sqlbody(p.oid)" FUNCTIONS
    " AND p.prosqlbody IS NOT NULL";

static const char aggregates[] =
    "SELECT 'aggregation of ' || " SIGNATURE ", (SELECT concat_ws(' ', g.aggkind::text,"
    " g.aggtransfn::text, g.aggfinalfn::text, g.aggcombinefn::text, g.aggserialfn::text,"
    " g.aggdeserialfn::text, g.aggmtransfn::text, g.aggminvtransfn::text, g.aggmfinalfn::text,"
    " format_type(g.aggtranstype, NULL), g.aggsortop::regoperator::text, g.agginitval, g.aggminitval,"
    " g.aggnumdirectargs) FROM pg_aggregate g WHERE g.aggfnoid = p.oid), NULL" FUNCTIONS
    " AND p.prokind = 'a'";

static const char views[] =
    "SELECT " NAME("n", "c.relname") ", concat_ws(' ', " KIND ", nullif(" SORTED_OPTIONS(
        "c.reloptions") ", '')), pg_get_viewdef(c.oid)" RELATION " WHERE c.oid = ANY ($1::oid[])";
static const char view_oids[] =
    "SELECT c.oid" RELATION " WHERE c.relkind IN ('v', 'm') AND " OF_USER " ORDER BY c.oid";

static const char rules[] = "SELECT quote_ident(r.rulename) || ' on ' || " NAME(
    "n", "c.relname") ", r.ev_enabled::text,"
                      " pg_get_ruledef(r.oid)" RELATION " JOIN pg_rewrite r ON r.ev_class = c.oid"
                      " WHERE r.rulename <> '_RETURN' AND " OF_USER;

static const char triggers[] = "SELECT 'trigger ' || quote_ident(t.tgname) || ' on ' || " NAME(
    "n",
    "c.relname") ", CASE t.tgenabled WHEN 'D' THEN 'disabled' WHEN 'A' THEN 'enabled always' WHEN 'R' THEN"
                 " 'enabled for replicas' ELSE 'enabled' END, pg_get_triggerdef(t.oid)" RELATION
                 " JOIN pg_trigger t ON t.tgrelid = c.oid WHERE NOT t.tgisinternal AND t.tgparentid = 0 "
                 "AND " OF_USER;

static const char event_triggers[] =
    "SELECT 'event trigger ' || quote_ident(t.evtname), concat_ws(' ', t.evtevent, t.evtenabled::text,"
    " t.evtfoid::regprocedure::text, array_to_string(t.evttags, ', ')), NULL FROM pg_event_trigger t"
    " WHERE NOT (t.evtname ~ '^rds' AND t.evtowner = 10) AND t.evtname !~ '^aurora_upgrade'"
    " AND " SQL_NOT_OF_EXTENSION("pg_event_trigger", "t.oid");

static const char policies[] = "SELECT quote_ident(p.polname) || ' on ' || " NAME(
    "n", "c.relname") ", concat_ws(' ', p.polcmd::text,"
                      " CASE WHEN p.polpermissive THEN 'permissive' ELSE 'restrictive' END, 'to', (SELECT "
                      "string_agg(CASE"
                      "  WHEN r.o = 0 THEN 'public' ELSE quote_ident(pg_get_userbyid(r.o)) END, ', ' ORDER BY"
                      "  pg_get_userbyid(r.o) COLLATE \"C\") FROM unnest(p.polroles) r(o))),"
                      " concat(pg_get_expr(p.polqual, p.polrelid), ' WITH CHECK ', "
                      "pg_get_expr(p.polwithcheck, p.polrelid))" RELATION
                      " JOIN pg_policy p ON p.polrelid = c.oid WHERE " OF_USER;

#define TYPE_KEY NAME("n", "t.typname")
#define TYPES                                                                                                \
    " FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace WHERE " SQL_USER_NAMESPACE(               \
        "n") " AND " SQL_NOT_OF_EXTENSION("pg_type", "t.oid")

static const char enums[] =
    "SELECT " TYPE_KEY ", 'enum ' || coalesce((SELECT string_agg(quote_literal(e.enumlabel), ', ' ORDER BY"
    " e.enumsortorder) FROM pg_enum e WHERE e.enumtypid = t.oid), ''), NULL" TYPES " AND t.typtype = 'e'";

static const char domains[] =
    "SELECT " TYPE_KEY ", concat_ws(' ', 'domain over', format_type(t.typbasetype, t.typtypmod),"
    " CASE WHEN t.typnotnull THEN 'not null' END, CASE WHEN t.typcollation <> b.typcollation THEN"
    " 'collation ' || t.typcollation::regcollation::text END), concat('DEFAULT ', t.typdefault, (SELECT"
    " string_agg(' ' || quote_ident(k.conname) || ' ' || pg_get_constraintdef(k.oid), '' ORDER BY"
    " k.conname COLLATE \"C\") FROM pg_constraint k WHERE k.contypid = t.oid AND k.contype = 'c'))"
    " FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace JOIN pg_type b ON b.oid = t.typbasetype"
    " WHERE t.typtype = 'd' AND " SQL_USER_NAMESPACE("n") " AND " SQL_NOT_OF_EXTENSION("pg_type", "t.oid");

static const char composites[] =
    "SELECT " TYPE_KEY ", 'composite ' || (SELECT string_agg(quote_ident(a.attname) || ' ' ||"
    " format_type(a.atttypid, a.atttypmod), ', ' ORDER BY a.attnum) FROM pg_attribute a WHERE"
    " a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped), NULL" TYPES
    " AND t.typtype = 'c' AND (SELECT c.relkind FROM pg_class c WHERE c.oid = t.typrelid) = 'c'";

static const char ranges[] =
    "SELECT " TYPE_KEY ", (SELECT concat_ws(' ', 'range of', format_type(r.rngsubtype, NULL),"
    " r.rngcanonical::text, r.rngsubdiff::text, (SELECT o.opcname FROM pg_opclass o WHERE"
    " o.oid = r.rngsubopc), nullif(r.rngcollation, 0)::regcollation::text) FROM pg_range r WHERE"
    " r.rngtypid = t.oid), NULL" TYPES " AND t.typtype = 'r'";

static const char base_types[] =
    "SELECT " TYPE_KEY ", concat_ws(' ', 'base', t.typlen, t.typbyval, t.typalign::text,"
    " t.typstorage::text, t.typcategory::text, t.typdelim::text, t.typinput::text, t.typoutput::text,"
    " t.typreceive::text, t.typsend::text), NULL" TYPES " AND t.typtype IN ('b', 'p')"
    " AND NOT EXISTS (SELECT FROM pg_type e WHERE e.typarray = t.oid)";

static const char extensions[] =
    "SELECT quote_ident(x.extname), 'in schema ' || quote_ident(n.nspname), NULL FROM pg_extension x"
    " JOIN pg_namespace n ON n.oid = x.extnamespace";
static const char extension_versions[] = "SELECT quote_ident(extname), extversion, NULL FROM pg_extension";

static const char statistics[] =
    "SELECT " NAME("n", "s.stxname") ", nullif(s.stxstattarget, -1)::text, pg_get_statisticsobjdef(s.oid)"
                                     " FROM pg_statistic_ext s JOIN pg_namespace n ON n.oid = s.stxnamespace "
                                     "WHERE " SQL_USER_NAMESPACE("n");

#define OTHER(alias, catalog, name, schema)                                                                  \
    " FROM " catalog " " alias " JOIN pg_namespace n ON n.oid = " alias "." schema                           \
    " WHERE " SQL_USER_NAMESPACE("n") " AND " SQL_NOT_OF_EXTENSION(catalog, alias ".oid")

static const char operators[] =
    "SELECT 'operator ' || o.oid::regoperator::text, concat_ws(' ', o.oprcode::text,"
    " nullif(o.oprcom, 0)::regoperator::text, nullif(o.oprnegate, 0)::regoperator::text, o.oprrest::text,"
    " o.oprjoin::text, o.oprcanmerge, o.oprcanhash), NULL" OTHER("o", "pg_operator", "oprname",
                                                                 "oprnamespace");
static const char operator_classes[] = "SELECT 'operator class ' || " NAME(
    "n", "o.opcname") " || ' using ' || (SELECT m.amname FROM pg_am m"
                      " WHERE m.oid = o.opcmethod), concat_ws(' ', format_type(o.opcintype, NULL), "
                      "o.opcdefault, (SELECT"
                      " string_agg(p.amopstrategy || ' ' || p.amopopr::regoperator::text, ', ' ORDER BY "
                      "p.amopstrategy,"
                      " p.amopopr::regoperator::text COLLATE \"C\") FROM pg_amop p WHERE p.amopfamily = "
                      "o.opcfamily), (SELECT"
                      " string_agg(p.amprocnum || ' ' || p.amproc::text, ', ' ORDER BY p.amprocnum, "
                      "p.amproc::text COLLATE"
                      " \"C\") FROM pg_amproc p WHERE p.amprocfamily = o.opcfamily)), NULL" OTHER(
                          "o", "pg_opclass", "opcname", "opcnamespace");
static const char collations[] =
    "SELECT 'collation ' || " NAME("n", "o.collname") ", concat_ws(' ', o.collprovider::text,"
                                                      " o.collisdeterministic), NULL" OTHER(
                                                          "o", "pg_collation", "collname", "collnamespace");
static const char search_configurations[] = "SELECT 'text search configuration ' || " NAME(
    "n", "o.cfgname") ", (SELECT string_agg(concat_ws(' ',"
                      " m.maptokentype, m.mapseqno, m.mapdict::regdictionary::text), ', ' ORDER BY "
                      "m.maptokentype, m.mapseqno)"
                      " FROM pg_ts_config_map m WHERE m.mapcfg = o.oid), NULL" OTHER(
                          "o", "pg_ts_config", "cfgname", "cfgnamespace");
static const char search_dictionaries[] = "SELECT 'text search dictionary ' || " NAME(
    "n", "o.dictname") ", o.dictinitoption, NULL" OTHER("o", "pg_ts_dict", "dictname", "dictnamespace");
/* Objects without a schema are the user's if their oid is (FirstNormalObjectId, access/transam.h). */
static const char casts[] =
    "SELECT 'cast from ' || format_type(k.castsource, NULL) || ' to ' || format_type(k.casttarget, NULL),"
    " concat_ws(' ', nullif(k.castfunc, 0)::regprocedure::text, k.castcontext::text, k.castmethod::text),"
    " NULL FROM pg_cast k WHERE k.oid >= 16384 AND (SELECT t.typtype FROM pg_type t WHERE t.oid = "
    "k.casttarget) <> 'm' AND " SQL_NOT_OF_EXTENSION("pg_cast", "k.oid");
static const char servers[] =
    "SELECT 'foreign server ' || quote_ident(s.srvname), concat_ws(' ', quote_ident(w.fdwname), s.srvtype,"
    " s.srvversion, " SORTED_OPTIONS("s.srvoptions") "), NULL FROM pg_foreign_server s"
                                                     " JOIN pg_foreign_data_wrapper w ON w.oid = s.srvfdw";
static const char mappings[] =
    "SELECT 'user mapping of ' || CASE WHEN m.umuser = 0 THEN 'PUBLIC' ELSE quote_ident(m.usename) END ||"
    " ' on ' || quote_ident(m.srvname), '', NULL FROM pg_user_mappings m";

/* ---- privileges ---- */

/* `items` is a set of (object text, owner oid, acl); owners are lines of their own. */
#define OWNERS(items)                                                                                        \
    "SELECT 'owner of ' || o.object, quote_ident(pg_get_userbyid(o.owner)), NULL FROM (" items               \
    ") o(object, owner, acl)"
#define PRIVILEGES(items)                                                                                    \
    "SELECT 'privileges on ' || o.object || ' to ' || CASE WHEN x.grantee = 0 THEN 'PUBLIC' ELSE"            \
    " quote_ident(pg_get_userbyid(x.grantee)) END, string_agg(DISTINCT (x.privilege_type || CASE WHEN"       \
    " x.is_grantable AND x.grantee <> o.owner THEN ' with grant option' ELSE '' END) COLLATE \"C\", ', '), " \
    "NULL"                                                                                                   \
    " FROM (" items ") o(object, owner, acl), aclexplode(o.acl) x"                                           \
    " WHERE x.privilege_type NOT IN ('MAINTAIN', 'CONNECT')"                                                 \
    " AND (x.grantee = 0 OR pg_get_userbyid(x.grantee) !~ '^aurora_upgrade') GROUP BY 1"

#define RELATION_ITEMS                                                                                       \
    "SELECT " KIND " || ' ' || " NAME(                                                                       \
        "n", "c.relname") ", c.relowner, coalesce(c.relacl, acldefault(CASE"                                 \
                          " c.relkind WHEN 'S' THEN 's' ELSE 'r' END::\"char\", c.relowner))" RELATION       \
                          " WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f') AND " OF_USER
#define COLUMN_ITEMS                                                                                         \
    "SELECT 'column ' || " NAME(                                                                             \
        "n", "c.relname") " || '.' || quote_ident(a.attname), c.relowner, a.attacl" RELATION                 \
                          " JOIN pg_attribute a ON a.attrelid = c.oid AND a.attacl IS NOT NULL AND NOT "     \
                          "a.attisdropped"                                                                   \
                          " WHERE " OF_USER
#define FUNCTION_ITEMS                                                                                       \
    "SELECT 'function ' || " SIGNATURE                                                                       \
    ", p.proowner, coalesce(p.proacl, acldefault('f', p.proowner))" FUNCTIONS
#define SCHEMA_ITEMS                                                                                         \
    "SELECT 'schema ' || quote_ident(n.nspname), n.nspowner, coalesce(n.nspacl, acldefault('n',"             \
    " n.nspowner)) FROM pg_namespace n WHERE " SQL_USER_NAMESPACE("n")
#define TYPE_ITEMS                                                                                           \
    "SELECT 'type ' || " TYPE_KEY ", t.typowner, coalesce(t.typacl, acldefault('T', t.typowner))" TYPES      \
    " AND t.typtype IN ('e', 'd', 'r', 'c') AND (t.typrelid = 0 OR (SELECT c.relkind FROM pg_class c WHERE"  \
    " c.oid = t.typrelid) = 'c')"
#define DATABASE_ITEMS                                                                                       \
    "SELECT 'this database', d.datdba, coalesce(d.datacl, acldefault('d', d.datdba)) FROM pg_database d"     \
    " WHERE d.datname = current_database()"
#define SERVER_ITEMS                                                                                         \
    "SELECT 'foreign server ' || quote_ident(s.srvname), s.srvowner, coalesce(s.srvacl, acldefault('S',"     \
    " s.srvowner)) FROM pg_foreign_server s"

static const char relation_owners[] = OWNERS(RELATION_ITEMS);
static const char relation_grants[] = PRIVILEGES(RELATION_ITEMS);
static const char column_grants[] = PRIVILEGES(COLUMN_ITEMS);
static const char function_owners[] = OWNERS(FUNCTION_ITEMS);
static const char function_grants[] = PRIVILEGES(FUNCTION_ITEMS);
static const char schema_owners[] = OWNERS(SCHEMA_ITEMS);
static const char schema_grants[] = PRIVILEGES(SCHEMA_ITEMS);
static const char type_owners[] = OWNERS(TYPE_ITEMS);
static const char type_grants[] = PRIVILEGES(TYPE_ITEMS);
static const char database_owner[] = OWNERS(DATABASE_ITEMS);
static const char database_grants[] = PRIVILEGES(DATABASE_ITEMS);
static const char server_owners[] = OWNERS(SERVER_ITEMS);
static const char server_grants[] = PRIVILEGES(SERVER_ITEMS);

static const char default_privileges[] =
    "SELECT concat_ws(' ', 'default privileges of', quote_ident(pg_get_userbyid(d.defaclrole)),"
    " 'in schema ' || quote_ident(n.nspname), 'on', d.defaclobjtype::text, 'to', CASE WHEN x.grantee = 0 THEN"
    " 'PUBLIC' ELSE quote_ident(pg_get_userbyid(x.grantee)) END), string_agg(DISTINCT (x.privilege_type ||"
    " CASE WHEN x.is_grantable AND x.grantee <> d.defaclrole THEN ' with grant option' ELSE '' END) COLLATE"
    " \"C\", ', '),"
    " NULL FROM pg_default_acl d LEFT JOIN pg_namespace n ON n.oid = d.defaclnamespace,"
    " aclexplode(d.defaclacl) x WHERE x.privilege_type <> 'MAINTAIN' GROUP BY 1";

/* ---- what lies around the schema ---- */

static const char settings[] =
    "SELECT concat_ws(' ', CASE WHEN s.setdatabase = 0 THEN 'every database' ELSE 'this database' END,"
    " 'role ' || quote_ident(pg_get_userbyid(nullif(s.setrole, 0)))), string_agg(o, ', ' ORDER BY o COLLATE"
    " \"C\"), NULL FROM pg_db_role_setting s, unnest(s.setconfig) o WHERE s.setdatabase IN (0, (SELECT oid"
    " FROM pg_database WHERE datname = current_database())) AND o !~ '^default_transaction_read_only='"
    " AND (s.setrole = 0 OR pg_get_userbyid(s.setrole) !~ '^rds') GROUP BY 1";
static const char database[] =
    "SELECT 'encoding and locale', concat_ws(' ', pg_encoding_to_char(encoding), datcollate, datctype), NULL"
    " FROM pg_database WHERE datname = current_database()";
static const char roles[] =
    "SELECT 'role ' || quote_ident(r.rolname), concat_ws(' ', CASE WHEN r.rolcanlogin THEN 'login' END,"
    " CASE WHEN r.rolsuper THEN 'superuser' END, CASE WHEN r.rolcreatedb THEN 'createdb' END,"
    " CASE WHEN r.rolcreaterole THEN 'createrole' END, CASE WHEN NOT r.rolinherit THEN 'noinherit' END,"
    " CASE WHEN r.rolreplication THEN 'replication' END, CASE WHEN r.rolbypassrls THEN 'bypassrls' END,"
    " 'limit ' || nullif(r.rolconnlimit, -1), 'until ' || r.rolvaliduntil), NULL FROM pg_roles r"
    " WHERE r.rolname !~ '^(pg_|rds)' AND r.rolname !~ '^aurora_upgrade'";
static const char members[] =
    "SELECT 'member ' || quote_ident(m.rolname) || ' of ' || quote_ident(r.rolname), CASE WHEN"
    " bool_or(x.admin_option) THEN 'with admin option' ELSE '' END, NULL FROM pg_auth_members x"
    " JOIN pg_roles m ON m.oid = x.member JOIN pg_roles r ON r.oid = x.roleid"
    " WHERE m.rolname !~ '^(pg_|rds|aurora_upgrade)' AND r.rolname !~ '^aurora_upgrade' GROUP BY 1";

const struct fingerprint_query fingerprint_queries[] = {
    {.aspect = "schemas", .sql = schemas},
    {.aspect = "tables", .sql = tables},
    {.aspect = "columns", .sql = columns},
    {.aspect = "columns", .sql = column_order},
    {.aspect = "indexes", .sql = indexes},
    {.aspect = "constraints", .sql = constraints},
    {.aspect = "sequences", .sql = sequences},
    {.aspect = "functions", .sql = functions},
    {.aspect = "functions", .min_major = 14, .sql = sql_bodies},
    {.aspect = "functions", .sql = aggregates},
    {.aspect = "views", .sql = views, .oids = view_oids},
    {.aspect = "rules", .sql = rules},
    {.aspect = "triggers", .sql = triggers},
    {.aspect = "triggers", .sql = event_triggers},
    {.aspect = "policies", .sql = policies},
    {.aspect = "types", .sql = enums},
    {.aspect = "types", .sql = domains},
    {.aspect = "types", .sql = composites},
    {.aspect = "types", .sql = ranges},
    {.aspect = "types", .sql = base_types},
    {.aspect = "extensions", .sql = extensions},
    {.aspect = "extensions.version", .sql = extension_versions},
    {.aspect = "statistics", .sql = statistics},
    {.aspect = "other", .sql = operators},
    {.aspect = "other", .sql = operator_classes},
    {.aspect = "other", .sql = collations},
    {.aspect = "other", .sql = search_configurations},
    {.aspect = "other", .sql = search_dictionaries},
    {.aspect = "other", .sql = casts},
    {.aspect = "other", .sql = servers},
    {.aspect = "other", .sql = mappings},
    {.aspect = "grants", .sql = relation_owners},
    {.aspect = "grants", .sql = relation_grants},
    {.aspect = "grants", .sql = column_grants},
    {.aspect = "grants", .sql = function_owners},
    {.aspect = "grants", .sql = function_grants},
    {.aspect = "grants", .sql = schema_owners},
    {.aspect = "grants", .sql = schema_grants},
    {.aspect = "grants", .sql = type_owners},
    {.aspect = "grants", .sql = type_grants},
    {.aspect = "grants", .sql = database_owner},
    {.aspect = "grants", .sql = database_grants},
    {.aspect = "grants", .sql = server_owners},
    {.aspect = "grants", .sql = server_grants},
    {.aspect = "grants", .sql = default_privileges},
    {.aspect = "settings", .sql = settings},
    {.aspect = "database", .sql = database},
    {.aspect = "roles", .sql = roles},
    {.aspect = "roles", .sql = members},
};
const size_t fingerprint_query_count = ARRAY_LEN(fingerprint_queries);

const char *fingerprint_noun(const char *aspect)
{
    static const struct {
        const char *aspect, *noun;
    } nouns[] = {
        {"schemas", "schema "},
        {"tables", "table "},
        {"columns", "column "},
        {"indexes", "index "},
        {"constraints", "constraint "},
        {"sequences", "sequence "},
        {"functions", "function "},
        {"views", "view "},
        {"rules", "rule "},
        {"policies", "policy "},
        {"types", "type "},
        {"extensions", "extension "},
        {"extensions.version", "version of extension "},
        {"statistics", "statistics object "},
        {"settings", "settings of "},
    };
    for (size_t i = 0; i < ARRAY_LEN(nouns); i++)
        if (strcmp(nouns[i].aspect, aspect) == 0)
            return nouns[i].noun;
    return "";
}
