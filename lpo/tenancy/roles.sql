-- The database roles, and who may do what in the database this runs in. Run as a superuser; running it again changes nothing.
-- PostgreSQL 15 or newer. Passwords come from the session settings lpo.setup_owner_password, lpo.setup_app_password and
-- lpo.setup_backup_password; an empty or missing one leaves the role's password as it is.

DO $$
DECLARE
    member record;
BEGIN
    -- Two servers may set up one cluster at the same moment.
    PERFORM pg_advisory_xact_lock(hashtextextended('lpo.roles', 0));

    FOR member IN SELECT * FROM (VALUES ('lpo_owner'), ('lpo_app'), ('lpo_portal'), ('lpo_backup'), ('lpo_search'), ('lpo_jobs')) AS r(name) LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = member.name) THEN
            EXECUTE format('CREATE ROLE %I', member.name);
        END IF;
    END LOOP;

    -- Migrates. Creates the tests' databases.
    ALTER ROLE lpo_owner LOGIN NOSUPERUSER NOBYPASSRLS CREATEDB NOCREATEROLE NOREPLICATION;
    -- Serves. NOINHERIT comes before the grant of lpo_portal: a role that inherits it would be bound by the portal's
    -- restrictive policies.
    ALTER ROLE lpo_app LOGIN NOINHERIT NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE NOREPLICATION;
    -- What a client's request becomes inside its transaction; SELECT is granted table by table in migrations.
    ALTER ROLE lpo_portal NOLOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE NOREPLICATION;
    -- pg_dump under forced row security needs BYPASSRLS.
    ALTER ROLE lpo_backup LOGIN BYPASSRLS NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION;
    -- Own the SECURITY DEFINER functions for search and for finding due jobs.
    ALTER ROLE lpo_search NOLOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE NOREPLICATION;
    ALTER ROLE lpo_jobs NOLOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE NOREPLICATION;

    -- Without the right to read by itself, a dump also could not lock tables.
    GRANT pg_read_all_data TO lpo_backup;

    -- From 16 on, inheritance belongs to the grant and must be said again; before, it belongs to the role (above).
    -- The owner hands functions over to the two function owners without taking their policies upon itself.
    IF current_setting('server_version_num')::int >= 160000 THEN
        EXECUTE 'GRANT lpo_portal TO lpo_app WITH INHERIT FALSE, SET TRUE';
        EXECUTE 'GRANT lpo_search, lpo_jobs TO lpo_owner WITH INHERIT FALSE, SET TRUE';
    ELSE
        GRANT lpo_portal TO lpo_app;
        GRANT lpo_search, lpo_jobs TO lpo_owner;
    END IF;
    IF pg_has_role('lpo_app', 'lpo_portal', 'USAGE') THEN
        RAISE EXCEPTION 'lpo_app inherits lpo_portal; the portal''s policies would bind staff';
    END IF;

    FOR member IN SELECT * FROM (VALUES ('lpo_owner', 'owner'), ('lpo_app', 'app'), ('lpo_backup', 'backup')) AS r(name, setting) LOOP
        IF COALESCE(current_setting('lpo.setup_' || member.setting || '_password', true), '') <> '' THEN
            EXECUTE format('ALTER ROLE %I PASSWORD %L', member.name, current_setting('lpo.setup_' || member.setting || '_password'));
        END IF;
    END LOOP;

    EXECUTE format('ALTER DATABASE %I OWNER TO lpo_owner', current_database());
    EXECUTE format('REVOKE ALL ON DATABASE %I FROM PUBLIC', current_database());
    -- Temporary tables carry the bulk loads: COPY is refused under row-level security.
    EXECUTE format('GRANT CONNECT, TEMPORARY ON DATABASE %I TO lpo_app', current_database());
    EXECUTE format('GRANT CONNECT ON DATABASE %I TO lpo_backup', current_database());
END
$$;

ALTER SCHEMA public OWNER TO lpo_owner;
REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO lpo_app, lpo_portal, lpo_backup;
-- A function's new owner must be allowed to create in its schema.
GRANT USAGE, CREATE ON SCHEMA public TO lpo_search, lpo_jobs;
