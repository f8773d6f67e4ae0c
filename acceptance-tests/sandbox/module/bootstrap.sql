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
