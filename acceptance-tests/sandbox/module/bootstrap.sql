-- What a database of the sandbox has beyond stock PostgreSQL. Run by rdsadmin in template1 and in every
-- database, again after pg_upgrade, which carries nothing of pg_catalog; running it twice changes nothing.
SET client_min_messages = warning;
SET default_transaction_read_only = off;

-- Roles belong to the whole server.
DO $roles$
DECLARE
    role text;
BEGIN
    FOREACH role IN ARRAY ARRAY['rds_superuser', 'rds_replication', 'rds_password', 'rds_iam'] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role) THEN
            EXECUTE format('CREATE ROLE %I NOLOGIN', role);
        END IF;
    END LOOP;
    FOREACH role IN ARRAY ARRAY['pg_monitor', 'pg_signal_backend', 'rds_replication', 'rds_password',
                                'pg_checkpoint', 'pg_create_subscription'] LOOP
        -- Not every major has all of them; a grant that exists already is left alone.
        IF EXISTS (SELECT FROM pg_roles r WHERE r.rolname = role
                      AND NOT EXISTS (SELECT FROM pg_auth_members m WHERE m.roleid = r.oid AND m.admin_option
                                         AND m.member = 'rds_superuser'::regrole)) THEN
            EXECUTE format('GRANT %I TO rds_superuser WITH ADMIN OPTION', role);
        END IF;
    END LOOP;
    IF current_setting('server_version_num')::int >= 150000 THEN
        EXECUTE 'GRANT SET ON PARAMETER session_replication_role TO rds_superuser';
    END IF;
END
$roles$;

CREATE OR REPLACE FUNCTION pg_catalog.aurora_version() RETURNS text LANGUAGE sql STABLE
    AS $$ SELECT pg_catalog.current_setting('aurora_sandbox.version') $$;
CREATE OR REPLACE FUNCTION pg_catalog.aurora_volume_logical_start_lsn() RETURNS pg_lsn LANGUAGE sql STABLE
    AS $$ SELECT nullif(pg_catalog.current_setting('aurora_sandbox.logical_start_lsn'), '')::pg_catalog.pg_lsn $$;

-- Replication origins and the list of subscriptions are open to rds_superuser.
DO $origins$
DECLARE
    f record;
    version int := current_setting('server_version_num')::int;
BEGIN
    IF version < 140000 THEN
        -- Later majors let everybody read all but the connection string.
        GRANT SELECT (oid, subdbid, subname, subowner, subenabled, subslotname, subsynccommit, subpublications)
            ON pg_catalog.pg_subscription TO rds_superuser;
    END IF;
    FOR f IN
        SELECT p.oid, p.proname, p.prosrc, p.proisstrict, p.oid::regprocedure AS signature,
               pg_get_function_arguments(p.oid) AS arguments, pg_get_function_result(p.oid) AS result
          FROM pg_catalog.pg_proc p
         WHERE p.pronamespace = 'pg_catalog'::regnamespace AND p.oid < 16384
           AND (p.proname LIKE 'pg\_replication\_origin\_%' OR p.proname = 'pg_show_replication_origin_status')
    LOOP
        IF version >= 140000 THEN
            EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO rds_superuser', f.signature);
            CONTINUE;
        END IF;
        -- 13 tests for superuser in C, and ignores SECURITY DEFINER on built-in functions: the built-in one
        -- steps aside for a copy that is not.
        EXECUTE format('ALTER FUNCTION %s RENAME TO %I', f.signature, 'rdsadmin' || substr(f.proname, 3));
        EXECUTE format('CREATE FUNCTION pg_catalog.%I(%s) RETURNS %s LANGUAGE internal %s SECURITY DEFINER AS %L',
                       f.proname, f.arguments, f.result, CASE WHEN f.proisstrict THEN 'STRICT' ELSE '' END, f.prosrc);
    END LOOP;
    FOR f IN
        SELECT p.oid::regprocedure AS signature FROM pg_catalog.pg_proc p
         WHERE version < 140000 AND p.pronamespace = 'pg_catalog'::regnamespace AND p.oid >= 16384
           AND (p.proname LIKE 'pg\_replication\_origin\_%' OR p.proname = 'pg_show_replication_origin_status')
    LOOP
        EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', f.signature);
        EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO rds_superuser', f.signature);
    END LOOP;
    IF version >= 140000 THEN
        GRANT SELECT ON pg_catalog.pg_replication_origin_status TO rds_superuser;
    END IF;
END
$origins$;
