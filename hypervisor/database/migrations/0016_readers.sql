-- Readings without row-level security, which TimescaleDB refuses on a table it shall compress; and
-- roles that log in by themselves and only read: Grafana's.

-- Who is held to communes sees readings through a view of the same name, in a schema that stands
-- before `public` in their search path; the table is not granted to them, nor are its chunks.
ALTER TABLE reading DISABLE ROW LEVEL SECURITY;
DROP POLICY tenant ON reading;
DROP POLICY whole ON reading;

-- For our own SQL: it becomes part of the query, and guards against what that forgets.
CREATE SCHEMA seen;
CREATE VIEW seen.reading AS
    SELECT * FROM reading WHERE series_id = ANY (ARRAY (SELECT unnest(tenant_series())));

-- For anybody's SQL: no function of theirs sees a row before it is known to be one of theirs.
CREATE SCHEMA shown;
CREATE VIEW shown.reading WITH (security_barrier) AS
    SELECT * FROM reading WHERE series_id = ANY (ARRAY (SELECT unnest(tenant_series())));

-- A role that logs in, made by hypervisor.accounts.readers. Its password is the server's matter.
CREATE TABLE reader (
    name    text PRIMARY KEY CHECK (name ~ '^[a-z][a-z0-9_]{0,39}$'),
    role    text NOT NULL UNIQUE GENERATED ALWAYS AS ('reader_' || name) STORED,
    area    text REFERENCES area (code),          -- null: the whole territory
    made_at timestamptz NOT NULL DEFAULT now(),
    made_by text NOT NULL
);

-- What somebody may see. The settings are believed of who may take the role, as our own pool does;
-- of everybody else it is what the table says of the name they logged in with, whatever they set.
CREATE FUNCTION tenant_is_named() RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT pg_has_role(session_user, 'hypervisor_tenant', 'SET')
$$;
CREATE FUNCTION reader_areas() RETURNS TABLE (code text, kind text) LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path = pg_catalog, public, pg_temp AS $$
    WITH RECURSIVE below AS (
        SELECT a.code, a.kind FROM reader r JOIN area a ON a.code = r.area
        WHERE r.role = session_user::text
        UNION SELECT a.code, a.kind FROM area a JOIN below ON a.parent = below.code)
    SELECT below.code, below.kind FROM below
$$;
CREATE OR REPLACE FUNCTION tenant_communes() RETURNS text[] LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT CASE WHEN tenant_is_named()
        THEN COALESCE(NULLIF(current_setting('hypervisor.communes', true), ''), '{}')::text[]
        ELSE ARRAY (SELECT code FROM reader_areas() WHERE kind = 'commune') END
$$;
CREATE OR REPLACE FUNCTION tenant_unplaced() RETURNS boolean LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT CASE WHEN tenant_is_named()
        THEN COALESCE(current_setting('hypervisor.unplaced', true), '') = 'on'
        ELSE EXISTS (SELECT FROM reader_areas() WHERE kind = 'departement') END
$$;

-- As before, and the same for who logs in as a reader. What of it a reader is granted:
-- hypervisor.database.tenancy.
CREATE OR REPLACE FUNCTION guard(name text, condition text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
    EXECUTE format('DROP POLICY IF EXISTS tenant ON %I', name);
    EXECUTE format('DROP POLICY IF EXISTS whole ON %I', name);
    EXECUTE format('CREATE POLICY tenant ON %I TO hypervisor_tenant, hypervisor_reader'
        ' USING (%s)', name, condition);
    EXECUTE format('CREATE POLICY whole ON %I TO hypervisor_whole, hypervisor_reader_whole'
        ' USING (true)', name);
END $$;
DO $$
DECLARE
    guarded text;
BEGIN
    FOR guarded IN SELECT tablename FROM pg_policies
        WHERE schemaname = 'public' AND policyname = 'whole'
    LOOP
        EXECUTE format('ALTER POLICY tenant ON %I TO hypervisor_tenant, hypervisor_reader', guarded);
        EXECUTE format('ALTER POLICY whole ON %I TO hypervisor_whole, hypervisor_reader_whole', guarded);
    END LOOP;
END $$;
