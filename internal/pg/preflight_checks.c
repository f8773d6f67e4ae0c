#include "internal/pg/preflight.h"
#include "internal/pg/query.h"

/* Sources: pg_upgrade's check.c, AWS's lists for blue/green deployments and major upgrades of Aurora
 * PostgreSQL, PostgreSQL's chapter on logical replication (restrictions) and the release notes of 14 to 18.
 */

#define EACH    (PG_FOR_BLUE_GREEN | PG_FOR_IN_PLACE | PG_FOR_LOGICAL | PG_FOR_TEMPLATE)
#define STREAMS (PG_FOR_BLUE_GREEN | PG_FOR_LOGICAL)

#define NAME(n, c) "format('%I.%I', " n ".nspname, " c ")"
#define RELATION                                                                                             \
    " FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE " SQL_USER_RELATION("c", "n")
#define COLUMN                                                                                               \
    " FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_attribute a ON"                  \
    " a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped WHERE " SQL_USER_RELATION("c", "n")
#define COLUMN_NAME NAME("n", "c.relname") " || '.' || quote_ident(a.attname)"
/* A role that may not see other people's sessions sees only its own: that would look like "none". */
#define IF_SESSIONS_ARE_VISIBLE "pg_has_role(current_user, 'pg_read_all_stats', 'USAGE')"

/* ---- replica identity ---- */

#define TAKEN     "c.oid NOT IN (SELECT unnest($1::oid[]))"
#define MADE_FULL "c.oid IN (SELECT unnest($2::oid[]))"
#define PUBLISHED "c.relkind = 'r' AND c.relpersistence = 'p' AND " TAKEN
/* relcache.c takes an index as identity only if it is valid and immediate: a deferrable key is none. */
static const char no_identity[] = "SELECT " NAME("n", "c.relname") RELATION
    " AND " PUBLISHED " AND NOT " MADE_FULL " AND (c.relreplident = 'n'"
    " OR c.relreplident = 'd' AND NOT EXISTS (SELECT FROM pg_index x WHERE x.indrelid = c.oid"
    "  AND x.indisprimary AND x.indimmediate AND x.indisvalid)"
    " OR c.relreplident = 'i' AND NOT EXISTS (SELECT FROM pg_index x WHERE x.indrelid = c.oid"
    "  AND x.indisreplident AND x.indimmediate AND x.indisvalid))";
static const char full_identity[] = "SELECT " NAME("n", "c.relname") RELATION
    " AND " PUBLISHED " AND (c.relreplident = 'f' OR " MADE_FULL ")";
/* The apply worker compares whole rows through the type cache: a default btree or hash operator class of the
 * type itself, of what it is binary-coercible to, or of its family of container types. */
static const char full_without_equality[] =
    "SELECT " COLUMN_NAME " || ' ' || format_type(a.atttypid, NULL)" COLUMN " AND " PUBLISHED
    " AND (c.relreplident = 'f' OR " MADE_FULL
    ") AND NOT EXISTS (WITH RECURSIVE b(t) AS (SELECT a.atttypid UNION SELECT CASE"
    "  WHEN y.typbasetype <> 0 THEN y.typbasetype WHEN y.typelem <> 0 AND y.typlen = -1 THEN y.typelem ELSE"
    "  y.oid END FROM b JOIN pg_type y ON y.oid = b.t) SELECT FROM b JOIN pg_type y ON y.oid = b.t"
    "  WHERE y.typbasetype = 0 AND NOT (y.typelem <> 0 AND y.typlen = -1) AND (y.typtype IN ('e', 'c', 'r', "
    "'m')"
    "  OR EXISTS (SELECT FROM pg_opclass o JOIN pg_am m ON m.oid = o.opcmethod AND m.amname IN ('btree', "
    "'hash')"
    "   WHERE o.opcdefault AND (o.opcintype = y.oid OR EXISTS (SELECT FROM pg_cast k WHERE"
    "   k.castsource = y.oid AND k.casttarget = o.opcintype AND k.castmethod = 'b'"
    "   AND k.castcontext = 'i')))))";

/* ---- what the login may ---- */

/* A publication takes only tables of its maker's, and a subscription writes with its owner's rights: a member
 * of the owner has both. */
static const char of_others[] = "SELECT " NAME(
    "n", "c.relname") " || ' of ' || pg_get_userbyid(c.relowner)::text" RELATION
                      " AND c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relpersistence = 'p'"
                      " AND " TAKEN " AND NOT pg_has_role(current_user, c.relowner, 'USAGE')";
static const char no_create[] = "SELECT quote_ident(current_database()) WHERE NOT"
                                " has_database_privilege(current_database(), 'CREATE')";
static const char no_roles[] =
    "SELECT quote_ident(current_user) WHERE NOT (SELECT rolcreaterole OR rolsuper FROM"
    " pg_roles WHERE rolname = current_user)";

/* ---- what runs or is kept ---- */

/* Of all databases: one that this login may not enter counts as well. */
static const char prepared[] = "SELECT quote_literal(gid) || ' since ' || date_trunc('second', prepared) ||"
                               " ' in ' || quote_ident(database) FROM pg_prepared_xacts";
/* One that is about to be finished only lets a slot wait. */
static const char left_prepared[] =
    "SELECT quote_literal(gid) || ' since ' || date_trunc('second', prepared) || ' in ' ||"
    " quote_ident(database) FROM pg_prepared_xacts WHERE prepared < clock_timestamp() - interval '10 "
    "seconds'";
static const char long_running[] =
    "SELECT concat('process ', pid, ' of ', quote_ident(usename), ' (', application_name, '), ',"
    " extract(epoch FROM clock_timestamp() - xact_start)::bigint, ' s') FROM pg_stat_activity"
    " WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
    " AND xact_start < clock_timestamp() - interval '10 seconds'";
static const char hidden_sessions[] = "SELECT 'sessions of other users' WHERE NOT " IF_SESSIONS_ARE_VISIBLE;
#define OWN_SLOTS "'^(rds|aurora_upgrade|aurora_changes)'"
static const char user_slots[] = "SELECT quote_ident(slot_name) || ' (' || plugin || ')' FROM"
                                 " pg_replication_slots WHERE slot_type = 'logical' AND database ="
                                 " current_database() AND slot_name !~ " OWN_SLOTS;
static const char all_slots[] =
    "SELECT quote_ident(slot_name) || ' (' || plugin || ') in ' ||"
    " quote_ident(database) FROM pg_replication_slots WHERE slot_type = 'logical'";
static const char lost_slots[] = "SELECT quote_ident(slot_name) FROM pg_replication_slots WHERE"
                                 " wal_status = 'lost'";
static const char subscriptions[] =
    "SELECT quote_ident(subname) FROM pg_subscription WHERE subdbid = (SELECT"
    " oid FROM pg_database WHERE datname = current_database()) AND subname !~ " OWN_SLOTS;
static const char publications[] =
    "SELECT quote_ident(pubname) FROM pg_publication WHERE pubname !~ " OWN_SLOTS;
static const char wal_level[] =
    "SELECT 'wal_level is ' || setting FROM pg_settings WHERE name = 'wal_level' AND"
    " setting <> 'logical'";
#define FEW_SLOTS(wanted)                                                                                    \
    "SELECT concat(s.name, ' is ', s.setting, ', ', u.used, ' in use, ', " wanted ", ' more needed') FROM"   \
    " pg_settings s, (SELECT count(*) n FROM pg_database WHERE datallowconn AND NOT datistemplate AND"       \
    " datname <> 'rdsadmin') d, (SELECT count(*) used FROM pg_replication_slots WHERE slot_name !~"          \
    " " OWN_SLOTS ") u WHERE s.name IN ('max_replication_slots', 'max_wal_senders') AND"                     \
    " s.setting::int < u.used + " wanted
/* One slot and one sender for each database, and one to spare. */
static const char few_slots[] = FEW_SLOTS("d.n + 1");
/* And one to see what changes while rows are compared; where the former is met. */
static const char few_slots_to_compare[] = FEW_SLOTS("2 * d.n") " AND s.setting::int > u.used + d.n";

/* pg_upgrade's pg_dump locks all of them in one transaction; so many locks are documented to fit (a few more
 * do). */
static const char many_relations[] =
    "SELECT concat(r.n, ' tables, sequences and views; max_locks_per_transaction ', s.locks, ' gives room for"
    " ', s.locks * s.sessions, ' locks') FROM (SELECT count(*) n FROM pg_class c WHERE c.relkind IN"
    " ('r', 'p', 'f', 'S', 'v', 'm') AND c.oid >= 16384) r, (SELECT"
    " current_setting('max_locks_per_transaction')::bigint AS locks,"
    " current_setting('max_connections')::bigint + current_setting('max_prepared_transactions')::bigint AS"
    " sessions) s WHERE r.n > s.locks * s.sessions";

/* ---- not carried by logical replication ---- */

static const char large_objects[] = "SELECT oid::text FROM pg_largeobject_metadata";
static const char very_many_large_objects[] =
    "SELECT count(*) || ' large objects' FROM pg_largeobject_metadata HAVING count(*) > 1000000";
static const char unlogged[] =
    "SELECT " NAME("n", "c.relname") RELATION " AND c.relpersistence = 'u' AND c.relkind IN ('r', 'p')";
static const char foreign_tables[] = "SELECT " NAME("n", "c.relname") RELATION " AND c.relkind = 'f'";
static const char materialized_views[] = "SELECT " NAME("n", "c.relname") RELATION " AND c.relkind = 'm'";
static const char always_triggers[] = "SELECT quote_ident(t.tgname) || ' on ' || " NAME(
    "n", "c.relname") " FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_namespace n ON n.oid "
                      "= c.relnamespace"
                      " WHERE NOT t.tgisinternal AND t.tgenabled IN ('A', 'R') AND " SQL_USER_RELATION("c",
                                                                                                       "n");
static const char event_triggers[] =
    "SELECT quote_ident(evtname) FROM pg_event_trigger WHERE evtenabled <> 'D'"
    " AND evtname !~ '^(rds|aurora_upgrade)'";

/* ---- what pg_upgrade refuses: check.c, version.c ---- */

/* Types that contain one of the named ones: domains, arrays, composites, ranges, in any depth. */
#define COLUMNS_OF_TYPES(types)                                                                              \
    "WITH RECURSIVE part(inner_type, outer_type) AS (SELECT typbasetype, oid FROM pg_type WHERE "            \
    "typbasetype <> 0"                                                                                       \
    " UNION ALL SELECT typelem, oid FROM pg_type WHERE typelem <> 0 UNION ALL SELECT rngsubtype, rngtypid "  \
    "FROM"                                                                                                   \
    " pg_range UNION ALL SELECT x.atttypid, y.oid FROM pg_type y JOIN pg_attribute x ON x.attrelid = "       \
    "y.typrelid"                                                                                             \
    " AND x.attnum > 0 AND NOT x.attisdropped WHERE y.typtype = 'c'), bad(t) AS (" types                     \
    " UNION SELECT part.outer_type FROM bad JOIN part ON part.inner_type = bad.t) SELECT " COLUMN_NAME       \
    " || ' ' || format_type(a.atttypid, NULL) FROM bad JOIN pg_attribute a ON a.atttypid = bad.t AND"        \
    " a.attnum > 0 AND NOT a.attisdropped JOIN pg_class c ON c.oid = a.attrelid AND c.relkind IN"            \
    " ('r', 'm', 'i') JOIN pg_namespace n ON n.oid = c.relnamespace WHERE " SQL_USER_RELATION("c", "n")
#define NAMED_TYPES(names)                                                                                   \
    "SELECT oid FROM pg_type WHERE typnamespace = 'pg_catalog'::regnamespace AND typname IN (" names ")"

static const char reg_columns[] =
    COLUMNS_OF_TYPES(NAMED_TYPES("'regproc', 'regprocedure', 'regoper', 'regoperator', 'regconfig',"
                                 " 'regdictionary', 'regcollation', 'regnamespace'"));
static const char aclitem_columns[] = COLUMNS_OF_TYPES(NAMED_TYPES("'aclitem'"));
static const char system_rows[] = COLUMNS_OF_TYPES(
    "SELECT t.oid FROM pg_type t JOIN pg_namespace k ON k.oid = t.typnamespace WHERE t.typtype = 'c'"
    " AND (k.nspname = 'pg_catalog' OR k.nspname = 'information_schema')");
static const char invalid_databases[] =
    "SELECT quote_ident(datname) FROM pg_database WHERE datconnlimit = -2";
static const char closed_databases[] =
    "SELECT quote_ident(datname) FROM pg_database WHERE NOT datallowconn AND"
    " datname <> 'template0' AND datconnlimit <> -2";
static const char templates[] =
    "SELECT quote_ident(w.name) || ' is missing or no template' FROM (VALUES ('template0'), ('template1'))"
    " w(name) WHERE NOT EXISTS (SELECT FROM pg_database d WHERE d.datname = w.name AND d.datistemplate)"
    " UNION ALL SELECT 'template0 allows connections' FROM pg_database WHERE datname = 'template0' AND"
    " datallowconn";
static const char postfix_operators[] =
    "SELECT o.oid::regoperator::text FROM pg_operator o JOIN pg_namespace n ON n.oid = o.oprnamespace WHERE"
    " o.oprright = 0 AND o.oid >= 16384 AND " SQL_USER_NAMESPACE("n");
static const char conversions[] =
    "SELECT " NAME("n", "o.conname") " FROM pg_conversion o JOIN pg_namespace n ON"
                                     " n.oid = o.connamespace WHERE o.oid >= 16384";
/* Arguments of these functions became anycompatible in 14. */
#define POLYMORPHIC                                                                                          \
    "'array_append(anyarray,anyelement)', 'array_cat(anyarray,anyarray)',"                                   \
    " 'array_prepend(anyelement,anyarray)', 'array_remove(anyarray,anyelement)',"                            \
    " 'array_replace(anyarray,anyelement,anyelement)', 'array_position(anyarray,anyelement)',"               \
    " 'array_position(anyarray,anyelement,integer)', 'array_positions(anyarray,anyelement)',"                \
    " 'width_bucket(anyelement,anyarray)'"
static const char polymorphics[] =
    "SELECT 'aggregate ' || g.aggfnoid::regprocedure::text FROM pg_aggregate g WHERE g.aggfnoid >= 16384 AND"
    " (g.aggtransfn::oid = ANY (SELECT f::regprocedure::oid FROM unnest(ARRAY[" POLYMORPHIC "]) f) OR"
    " g.aggfinalfn::oid = ANY (SELECT f::regprocedure::oid FROM unnest(ARRAY[" POLYMORPHIC "]) f))"
    " UNION ALL SELECT 'operator ' || o.oid::regoperator::text FROM pg_operator o WHERE o.oid >= 16384 AND"
    " o.oprcode::oid = ANY (SELECT f::regprocedure::oid FROM unnest(ARRAY[" POLYMORPHIC "]) f)";
static const char not_null_children[] =
    "SELECT " NAME("n", "c.relname") " || '.' || quote_ident(a.attname) FROM pg_inherits i"
                                     " JOIN pg_attribute p ON p.attrelid = i.inhparent AND p.attnum > 0 AND "
                                     "p.attnotnull AND NOT p.attisdropped"
                                     " JOIN pg_attribute a ON a.attrelid = i.inhrelid AND a.attname = "
                                     "p.attname AND NOT a.attnotnull AND NOT"
                                     " a.attisdropped JOIN pg_class c ON c.oid = a.attrelid JOIN "
                                     "pg_namespace n ON n.oid = c.relnamespace"
                                     " WHERE c.relkind IN ('r', 'p', 'f')";
static const char attver_columns[] =
    "SELECT " COLUMN_NAME COLUMN " AND EXISTS (SELECT FROM unnest(a.attoptions)"
    " o WHERE o ~ '^pg_attver')";

/* ---- system objects that newer majors changed: pg_upgrade --check does not see these, its run fails ---- */

/* Dependencies on most system objects are not recorded (they are pinned), so the stored form of the view is
 * asked, which needs no lock; only those that may be concerned are printed, which locks what they read. The
 * catalogues of 13.23, 15.18, 17.11 and 18.6 were compared; which of two majors did it: release notes. */
#define VIEWS(condition)                                                                                     \
    " FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_rewrite w ON w.ev_class = "      \
    "c.oid AND"                                                                                              \
    " w.rulename = '_RETURN' WHERE c.relkind IN ('v', 'm') AND " SQL_USER_RELATION(                          \
        "c", "n") " AND " SQL_NOT_OF_EXTENSION("pg_class", "c.oid") " AND w.ev_action::text ~ " condition
#define VIEWS_USING(columns, functions)                                                                      \
    "WITH r(what, a, b, stored) AS MATERIALIZED (SELECT relation || '.' || name, '\\m' || relation || "      \
    "'\\M',"                                                                                                 \
    " '\\m' || name || '\\M', ':relid ' || to_regclass('pg_catalog.' || relation)::oid || ' ' FROM "         \
    "(VALUES " columns                                                                                       \
    ") v(relation, name) WHERE to_regclass('pg_catalog.' || relation) IS NOT NULL UNION ALL SELECT"          \
    " p.proname || '()', '\\m' || p.proname || '\\(', '', ':funcid ' || p.oid || ' ' FROM pg_proc p WHERE"   \
    " p.pronamespace = 'pg_catalog'::regnamespace AND p.proname IN (" functions ")), x AS MATERIALIZED"      \
    " (SELECT c.oid, " NAME("n", "c.relname") " AS name" VIEWS(                                              \
        "(SELECT string_agg(stored, '|') FROM r)") ")"                                                       \
                                                   " SELECT x.name || ' uses ' || r.what FROM x JOIN r ON "  \
                                                   "pg_get_viewdef(x.oid) ~ r.a AND"                         \
                                                   " pg_get_viewdef(x.oid) ~ r.b"

static const char views_14[] =
    VIEWS_USING("('pg_stat_ssl', 'compression')",
                "'numeric_fac', 'close_lb', 'close_sl', 'dist_bl', 'dist_lb', 'path_center', 'currtid'");
static const char views_15[] =
    VIEWS_USING("('pg_database', 'datlastsysoid')",
                "'pg_is_in_backup', 'pg_backup_start_time', 'pg_start_backup', 'pg_stop_backup'");
static const char views_17[] =
    VIEWS_USING("('pg_stat_progress_vacuum', 'max_dead_tuples'), ('pg_stat_progress_vacuum',"
                " 'num_dead_tuples'), ('pg_stat_bgwriter', 'checkpoints_timed'), ('pg_stat_bgwriter',"
                " 'checkpoints_req'), ('pg_stat_bgwriter', 'checkpoint_write_time'), ('pg_stat_bgwriter',"
                " 'checkpoint_sync_time'), ('pg_stat_bgwriter', 'buffers_checkpoint'), ('pg_stat_bgwriter',"
                " 'buffers_backend'), ('pg_stat_bgwriter', 'buffers_backend_fsync'), ('pg_database',"
                " 'daticulocale'), ('pg_collation', 'colliculocale')",
                "'pg_stat_get_bgwriter_timed_checkpoints', 'pg_stat_get_bgwriter_requested_checkpoints',"
                " 'pg_stat_get_bgwriter_buf_written_checkpoints', 'pg_stat_get_checkpoint_write_time',"
                " 'pg_stat_get_checkpoint_sync_time', 'pg_stat_get_buf_written_backend',"
                " 'pg_stat_get_buf_fsync_backend', 'pg_read_file_old', 'pg_rotate_logfile_old'");
static const char views_18[] =
    VIEWS_USING("('pg_stat_io', 'op_bytes'), ('pg_stat_wal', 'wal_write'), ('pg_stat_wal', 'wal_sync'),"
                " ('pg_stat_wal', 'wal_write_time'), ('pg_stat_wal', 'wal_sync_time'), ('pg_attribute',"
                " 'attcacheoff'), ('pg_backend_memory_contexts', 'parent')",
                "'pg_timezone_abbrevs'");
/* Relations below FirstNormalObjectId, 16384. */
static const char system_views[] = "SELECT " NAME("n", "c.relname")
    VIEWS("':relid ([1-9][0-9]{0,3}|1[0-5][0-9]{3}|16[0-2][0-9]{2}|163[0-7][0-9]|1638[0-3]) '");
static const char old_bodies[] =
    "SELECT p.oid::regprocedure::text FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE"
    " p.prosrc ~* '\\m(pg_is_in_backup|pg_backup_start_time|pg_start_backup|pg_stop_backup)\\M' AND"
    " p.prokind IN ('f', 'p') AND " SQL_USER_NAMESPACE("n");

/* ---- extensions ---- */

#define EXTENSIONS(names) "SELECT extname || ' ' || extversion FROM pg_extension WHERE extname IN (" names ")"
static const char removed_17[] = EXTENSIONS("'adminpack', 'old_snapshot'");
static const char drop_first[] = EXTENSIONS("'pg_repack', 'chkpass', 'tsearch2'");
static const char update_first[] =
    "SELECT x.extname || ' ' || x.extversion || ' → ' || a.default_version FROM pg_extension x JOIN"
    " pg_available_extensions a ON a.name = x.extname WHERE x.extversion <> a.default_version AND x.extname "
    "IN"
    " ('pgrouting', 'postgis', 'postgis_raster', 'postgis_tiger_geocoder', 'postgis_topology',"
    " 'address_standardizer', 'address_standardizer_data_us', 'rdkit')";
static const char background[] =
    EXTENSIONS("'pg_cron', 'pg_partman', 'pglogical', 'pgactive', 'apg_plan_mgmt'");

#define CHECK(id_, purposes_, severity_, sql_, remedy_)                                                      \
    {                                                                                                        \
        .id = id_, .purposes = purposes_, .severity = severity_, .sql = sql_, .remedy = remedy_              \
    }
/* One that looks at what is replicated: `params_` of the scope. */
#define SCOPED_CHECK(id_, purposes_, severity_, params_, sql_, remedy_)                                      \
    {                                                                                                        \
        .id = id_, .purposes = purposes_, .severity = severity_, .params = params_, .sql = sql_,             \
        .remedy = remedy_                                                                                    \
    }
#define SERVER_CHECK(id_, purposes_, severity_, sql_, remedy_)                                               \
    {                                                                                                        \
        .id = id_, .purposes = purposes_, .severity = severity_, .whole_server = true, .sql = sql_,          \
        .remedy = remedy_                                                                                    \
    }
#define VERSION_CHECK(id_, source_max_, target_min_, sql_, remedy_)                                          \
    {                                                                                                        \
        .id = id_, .purposes = EACH, .severity = PG_BLOCKER, .source_max = source_max_,                      \
        .target_min = target_min_, .sql = sql_, .remedy = remedy_                                            \
    }

const struct preflight_check preflight_checks[] = {
    SCOPED_CHECK(
        "no-replica-identity", STREAMS, PG_BLOCKER, 2, no_identity,
        "once published, UPDATE and DELETE on these tables fail: add a primary key (not deferrable), or ALTER"
        " TABLE … REPLICA IDENTITY FULL where the table is small"),
    SCOPED_CHECK(
        "identity-without-equality", STREAMS, PG_BLOCKER, 2, full_without_equality,
        "with REPLICA IDENTITY FULL these columns' types cannot be compared, and the new side would stop "
        "at the"
        " first UPDATE or DELETE: add a primary key instead"),
    SCOPED_CHECK(
        "identity-full", STREAMS, PG_WARNING, 2, full_identity,
        "each changed row is searched for on the new side: add a primary key if the table is large or busy"),
    SCOPED_CHECK(
        "tables-of-others", PG_FOR_LOGICAL, PG_BLOCKER, 1, of_others,
        "GRANT each of these owners to the login: only then it can publish the tables, and write to them on "
        "the new side"),
    CHECK("database-without-create", PG_FOR_LOGICAL, PG_BLOCKER, no_create,
          "GRANT CREATE ON DATABASE to the login: a publication and schema aurora_upgrade are made there"),
    SERVER_CHECK("login-makes-no-roles", PG_FOR_LOGICAL, PG_BLOCKER, no_roles,
                 "use the master user, or ALTER ROLE … CREATEROLE: the new side gets a login of its own"),
    SERVER_CHECK("prepared-transactions", PG_FOR_BLUE_GREEN | PG_FOR_IN_PLACE, PG_BLOCKER, prepared,
                 "COMMIT PREPARED or ROLLBACK PREPARED each of them, in its database: they block slots and"
                 " pg_upgrade"),
    SERVER_CHECK("prepared-transactions", PG_FOR_LOGICAL, PG_BLOCKER, left_prepared,
                 "COMMIT PREPARED or ROLLBACK PREPARED each of them that was left for more than 10 seconds, "
                 "in its database: a slot waits for them"),
    CHECK("long-transactions", EACH, PG_WARNING, long_running,
          "let them end or end them: a slot waits for every running transaction, and so does the upgrade"),
    SERVER_CHECK("sessions-hidden", EACH, PG_WARNING, hidden_sessions,
                 "GRANT pg_read_all_stats (or rds_superuser) to the user, else long transactions go unseen"),
    CHECK("user-slots", PG_FOR_BLUE_GREEN, PG_BLOCKER, user_slots,
          "blue/green refuses a source that publishes: stop the consumers and drop the slots"),
    CHECK("user-slots", PG_FOR_LOGICAL, PG_WARNING, user_slots,
          "these consumers do not follow to the new cluster: plan how each is set up again there"),
    SERVER_CHECK("user-slots", PG_FOR_IN_PLACE, PG_BLOCKER, all_slots,
                 "stop the consumers and drop the slots, then set them up again after the upgrade"),
    SERVER_CHECK("lost-slots", EACH, PG_WARNING, lost_slots,
                 "the WAL these slots need is gone: drop them and set up their consumers anew"),
    CHECK("subscriptions", PG_FOR_BLUE_GREEN, PG_BLOCKER, subscriptions,
          "blue/green refuses a source that subscribes: drop the subscriptions, make them again afterwards"),
    CHECK("subscriptions", PG_FOR_IN_PLACE | PG_FOR_LOGICAL, PG_BLOCKER, subscriptions,
          "a subscription loses its position in the upgrade, and with it rows: drop it, and make it again"
          " afterwards with a fresh copy"),
    CHECK("publications", STREAMS, PG_WARNING, publications,
          "subscribers of these publications have to be pointed to the new cluster and synchronised anew"),
    SERVER_CHECK("logical-replication-off", STREAMS, PG_BLOCKER, wal_level,
                 "set rds.logical_replication = 1 (wal_level = logical) in the cluster parameter group, then"
                 " reboot the writer"),
    SERVER_CHECK("slots-exhausted", STREAMS, PG_BLOCKER, few_slots,
                 "raise the parameter in the cluster parameter group, then reboot the writer"),
    SERVER_CHECK(
        "slots-to-compare", PG_FOR_LOGICAL, PG_BLOCKER, few_slots_to_compare,
        "raise the parameter in the cluster parameter group, then reboot the writer: each database needs"
        " a second slot and sender while its rows are compared before a switch"),
    CHECK(
        "locks-exhausted", EACH, PG_WARNING, many_relations,
        "pg_upgrade locks them all at once, and fails with \"out of shared memory\" if they do not fit: raise"
        " max_locks_per_transaction in the cluster parameter group, then reboot the writer"),
    CHECK("large-objects", STREAMS, PG_WARNING, large_objects,
          "large objects are copied once and never again: whatever changes in them afterwards is lost"),
    CHECK("large-objects", PG_FOR_IN_PLACE, PG_WARNING, very_many_large_objects,
          "so many can exhaust memory in pg_upgrade: remove orphans (vacuumlo), or take a larger instance"),
    CHECK("unlogged-tables", STREAMS, PG_WARNING, unlogged,
          "rows written to unlogged tables after the copy are lost: ALTER TABLE … SET LOGGED, or let the"
          " application fill them again"),
    CHECK("foreign-tables", STREAMS, PG_WARNING, foreign_tables,
          "the new side reaches the same foreign servers: their options must name cluster endpoints, and "
          "nothing"
          " on the new side may write through them before the switch"),
    CHECK("materialized-views", PG_FOR_BLUE_GREEN, PG_WARNING, materialized_views,
          "REFRESH on blue breaks the replication: pause it until the switch, then refresh on the new side"),
    CHECK("materialized-views", PG_FOR_LOGICAL, PG_WARNING, materialized_views,
          "their content is not replicated: refresh them on the new side before the switch"),
    CHECK("always-triggers", STREAMS, PG_WARNING, always_triggers,
          "these fire for replicated rows as well, so what they do happens twice: ENABLE TRIGGER without "
          "ALWAYS or"
          " REPLICA"),
    CHECK("event-triggers", STREAMS, PG_WARNING, event_triggers,
          "they fire for the DDL of the upgrade itself: make sure that they refuse nothing"),
    CHECK("reg-columns", EACH, PG_BLOCKER, reg_columns,
          "pg_upgrade cannot carry oids of these types: change the columns to text"),
    CHECK("system-row-columns", EACH, PG_BLOCKER, system_rows,
          "row types of system tables differ between majors: drop these columns"),
    VERSION_CHECK("aclitem-columns", 15, 16, aclitem_columns,
                  "the stored form of aclitem changed in 16: change the columns to text"),
    SERVER_CHECK("invalid-databases", EACH, PG_BLOCKER, invalid_databases,
                 "a DROP DATABASE was interrupted: drop the databases"),
    SERVER_CHECK("closed-databases", EACH, PG_BLOCKER, closed_databases,
                 "ALTER DATABASE … ALLOW_CONNECTIONS true, or drop it"),
    SERVER_CHECK("template-databases", EACH, PG_BLOCKER, templates,
                 "template0 and template1 must be templates, and template0 must not allow connections"),
    VERSION_CHECK("postfix-operators", 13, 14, postfix_operators, "14 has no postfix operators: drop them"),
    VERSION_CHECK(
        "encoding-conversions", 13, 14, conversions,
        "conversion functions have another signature from 14 on: drop them, make them again afterwards"),
    VERSION_CHECK(
        "polymorphic-functions", 13, 14, polymorphics,
        "the array functions they are built on have other argument types from 14 on: drop them, make them"
        " again afterwards with anycompatiblearray"),
    VERSION_CHECK(
        "not-null-inheritance", 17, 18, not_null_children,
        "the parent's column is NOT NULL and the child's is not: ALTER TABLE … ALTER COLUMN … SET NOT"
        " NULL on the child"),
    VERSION_CHECK("removed-views", 13, 14, views_14,
                  "drop these views: the target has no such column or function"),
    VERSION_CHECK("removed-views", 14, 15, views_15,
                  "drop these views: the target has no such column or function"),
    VERSION_CHECK("removed-views", 16, 17, views_17,
                  "drop these views: the target has no such column or function"),
    VERSION_CHECK("removed-views", 17, 18, views_18,
                  "drop these views: the target has no such column or function"),
    CHECK(
        "system-views", EACH, PG_WARNING, system_views,
        "views on the system catalogue can stop the upgrade when the target changed it: rehearse on a clone"),
    {.id = "removed-functions",
     .purposes = EACH,
     .severity = PG_WARNING,
     .source_max = 14,
     .target_min = 15,
     .sql = old_bodies,
     .remedy = "these bodies call functions that 15 removed: they are carried and fail when they are called"},
    VERSION_CHECK("removed-extensions", 16, 17, removed_17,
                  "the target does not have these extensions: DROP EXTENSION"),
    CHECK("extensions-to-drop", EACH, PG_BLOCKER, drop_first,
          "DROP EXTENSION before the upgrade, CREATE EXTENSION after it"),
    CHECK("extensions-to-update", EACH, PG_BLOCKER, update_first,
          "ALTER EXTENSION … UPDATE before the upgrade"),
    CHECK("background-extensions", STREAMS, PG_WARNING, background,
          "these act by themselves on both sides: switch their jobs off on the new side until the switch, "
          "and new"
          " partitions must not be made meanwhile"),
    {.id = "attver-columns",
     .purposes = EACH,
     .severity = PG_WARNING,
     .target_min = 14,
     .sql = attver_columns,
     .remedy = "these columns carry an option that only minors of November 2026 and later know: choose such a"
               " minor of the target, or the upgrade fails in the schema restore"},
};
const size_t preflight_check_count = ARRAY_LEN(preflight_checks);
