-- Who may do what. Two roles without login see the tables (hypervisor.database.tenancy makes them): the
-- API takes one of them for every request. Row-level security lets `hypervisor_tenant` see what stands
-- in its communes, `hypervisor_whole` everything. The owner, as whom all parts but the API's requests
-- run, is not held by it.

CREATE TABLE account (
    id          integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name        text NOT NULL UNIQUE CHECK (name <> ''),  -- also the author of what they do
    title       text NOT NULL,                            -- what people read
    password    text,                                     -- argon2id; null: cannot sign in
    language    text CHECK (language IN ('fr', 'en')),
    made_at     timestamptz NOT NULL DEFAULT now(),
    disabled_at timestamptz,
    signed_in_at timestamptz
);
CREATE UNIQUE INDEX ON account (lower(name));             -- nobody is taken for somebody else

CREATE TABLE account_role (
    account integer NOT NULL REFERENCES account (id),
    role    text NOT NULL CHECK (role IN ('viewer', 'operator', 'author', 'administrator')),
    area    text REFERENCES area (code),                  -- null: the whole instance
    UNIQUE NULLS NOT DISTINCT (account, role, area)
);

-- `secret` is the digest of what the browser shows.
CREATE TABLE session (
    secret  bytea PRIMARY KEY,
    account integer NOT NULL REFERENCES account (id),
    made_at timestamptz NOT NULL,
    seen_at timestamptz NOT NULL,                         -- sliding: too long ago, it is over
    ends_at timestamptz NOT NULL,                         -- at the latest
    address text NOT NULL DEFAULT '',
    browser text NOT NULL DEFAULT ''
);
CREATE INDEX ON session (account);

CREATE TABLE api_token (
    id         integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    secret     bytea NOT NULL UNIQUE,
    shown      text NOT NULL,                             -- its first letters
    account    integer NOT NULL REFERENCES account (id),
    name       text NOT NULL CHECK (name <> ''),
    scopes     text[] NOT NULL CHECK (scopes <@ '{read,operate,rules,administer}'),
    made_at    timestamptz NOT NULL DEFAULT now(),
    ends_at    timestamptz NOT NULL,
    used_at    timestamptz,
    revoked_at timestamptz
);
CREATE INDEX ON api_token (account);

-- Failed sign-ins in a row, by what is slowed: 'pair <address> <account>', 'address …', 'account …'.
CREATE TABLE login_attempt (
    key      text PRIMARY KEY,
    failures integer NOT NULL,
    last_at  timestamptz NOT NULL
);

-- What a request's person may see, as the pool has set it.
CREATE FUNCTION tenant_communes() RETURNS text[] LANGUAGE sql STABLE AS $$
    SELECT COALESCE(NULLIF(current_setting('hypervisor.communes', true), ''), '{}')::text[]
$$;
CREATE FUNCTION tenant_unplaced() RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT COALESCE(current_setting('hypervisor.unplaced', true), '') = 'on'
$$;

-- These run as the owner, so that a policy is one array and not a tower of policies. They are asked
-- once a query where they stand in a subselect, `site = ANY (ARRAY (SELECT unnest(tenant_sites())))`;
-- bare in a condition they would be asked once a row.
CREATE FUNCTION tenant_sites() RETURNS integer[] LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT ARRAY (SELECT id FROM site WHERE commune IN (SELECT unnest(tenant_communes()))
                  OR commune IS NULL AND (SELECT tenant_unplaced()))
$$;
CREATE FUNCTION tenant_devices() RETURNS integer[] LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT ARRAY (SELECT id FROM device WHERE site IN (SELECT unnest(tenant_sites())))
$$;
CREATE FUNCTION tenant_series() RETURNS integer[] LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT ARRAY (SELECT series.id FROM series JOIN device ON device.id = series.device
                  WHERE device.site IN (SELECT unnest(tenant_sites())))
$$;
CREATE FUNCTION tenant_device_names() RETURNS SETOF text LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT name FROM device WHERE site IN (SELECT unnest(tenant_sites()))
$$;
-- A group is seen by whom its site belongs to; without one, by whoever sees a member of it.
CREATE FUNCTION tenant_groups() RETURNS text[] LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT ARRAY (
        SELECT name FROM device_group WHERE site IN (SELECT unnest(tenant_sites()))
        UNION
        SELECT g.name FROM device_group g JOIN revision m ON split_part(m.key, '/', 1) = g.name
        WHERE g.site IS NULL AND m.kind = 'member'
          AND split_part(m.key, '/', 2) IN (SELECT tenant_device_names()))
$$;
CREATE FUNCTION tenant_areas() RETURNS text[] LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path = pg_catalog, public, pg_temp AS $$
    WITH RECURSIVE mine AS (
        SELECT code, parent FROM area WHERE code IN (SELECT unnest(tenant_communes()))
        UNION SELECT a.code, a.parent FROM area a JOIN mine ON a.code = mine.parent)
    SELECT ARRAY (SELECT code FROM mine)
$$;
-- Names as they stand in keys: of sites, and 'device/<…>', 'group/<…>' as subjects do.
CREATE FUNCTION tenant_subjects() RETURNS SETOF text LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT name FROM site WHERE id IN (SELECT unnest(tenant_sites()))
    UNION ALL SELECT 'device/' || tenant_device_names()
    UNION ALL SELECT 'group/' || unnest(tenant_groups())
$$;
CREATE FUNCTION tenant_assets() RETURNS SETOF text LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT name FROM asset
    WHERE commune IN (SELECT unnest(tenant_communes())) OR site IN (SELECT unnest(tenant_sites()))
       OR commune IS NULL AND site IS NULL AND ((SELECT tenant_unplaced()) OR name IN (
          SELECT r.key FROM revision r JOIN site s ON s.name = r.value->>'gauge'
          WHERE r.kind = 'reach' AND s.id IN (SELECT unnest(tenant_sites()))))
$$;
-- Whom a revision of this kind and key is about, as tenant_subjects names it; null: nobody alone.
CREATE FUNCTION revision_subject(kind text, key text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE kind
        WHEN 'threshold' THEN CASE WHEN starts_with(key, 'device/')
            THEN 'device/' || split_part(key, '/', 2) ELSE split_part(key, '/', 1) END
        WHEN 'device' THEN 'device/' || key
        WHEN 'series' THEN 'device/' || split_part(key, '/', 1)
        WHEN 'member' THEN 'device/' || split_part(key, '/', 2)
        WHEN 'supply' THEN 'group/' || key
        WHEN 'datum' THEN key
        WHEN 'link' THEN split_part(key, '>', 1)
        END
$$;
-- Works are seen by whoever sees something that they are at.
CREATE FUNCTION tenant_works() RETURNS SETOF text LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT r.key FROM revision r,
        LATERAL (SELECT w FROM jsonb_array_elements_text(COALESCE(r.value->'sites', '[]')) w
            UNION ALL SELECT 'device/' || w
                FROM jsonb_array_elements_text(COALESCE(r.value->'devices', '[]')) w
            UNION ALL SELECT 'group/' || w
                FROM jsonb_array_elements_text(COALESCE(r.value->'groups', '[]')) w) at
    WHERE r.kind = 'works' AND at.w IN (SELECT tenant_subjects())
$$;

-- Lets both roles read a table: everybody whole, tenants those rows for which `condition` holds.
-- Every table that the API reads is guarded, in the migration that makes it; what is not cannot be
-- read there. The grants follow with the next migration run (hypervisor.database.tenancy).
CREATE FUNCTION guard(name text, condition text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
    EXECUTE format('DROP POLICY IF EXISTS tenant ON %I', name);
    EXECUTE format('DROP POLICY IF EXISTS whole ON %I', name);
    EXECUTE format('CREATE POLICY tenant ON %I TO hypervisor_tenant USING (%s)', name, condition);
    EXECUTE format('CREATE POLICY whole ON %I TO hypervisor_whole USING (true)', name);
END $$;

-- What tells nothing of a site.
SELECT guard(name, 'true') FROM unnest(ARRAY[
    'instance', 'zone', 'codec', 'retention', 'alarm_setting', 'worker', 'deaf_span', 'watch_state',
    'columnar_part', 'columnar_dirty']) name;
-- What only whoever sees everything may see.
SELECT guard(name, 'false') FROM unnest(ARRAY['notify_routes', 'judged_under', 'migration']) name;

SELECT guard('area', 'code = ANY (ARRAY (SELECT unnest(tenant_areas())))');
SELECT guard('site', 'id = ANY (ARRAY (SELECT unnest(tenant_sites())))');
SELECT guard('device', 'site = ANY (ARRAY (SELECT unnest(tenant_sites())))');
SELECT guard('series', 'device = ANY (ARRAY (SELECT unnest(tenant_devices())))');
SELECT guard('reading', 'series_id = ANY (ARRAY (SELECT unnest(tenant_series())))');
SELECT guard('reading_version', 'series_id = ANY (ARRAY (SELECT unnest(tenant_series())))');
SELECT guard('gateway', 'name IN (SELECT gateway FROM device)');  -- of the devices that are seen
SELECT guard('device_group', 'name = ANY (ARRAY (SELECT unnest(tenant_groups())))');
SELECT guard('asset', 'name IN (SELECT tenant_assets())');
SELECT guard('revision', $$
    kind IN ('rule', 'plan')
    OR revision_subject(kind, key) IN (SELECT tenant_subjects())
        AND (kind <> 'link' OR split_part(key, '>', 2) IN (SELECT tenant_subjects()))
    OR kind = 'reach' AND key IN (SELECT tenant_assets())
    OR kind = 'works' AND key IN (SELECT tenant_works())$$);
SELECT guard('journal', 'subject IN (SELECT tenant_subjects())');
SELECT guard('feed', 'true');  -- its `rows` are not granted: how much waits may be counted

SELECT guard('alarm', 'site = ANY (ARRAY (SELECT unnest(tenant_sites())))');
SELECT guard(name, 'alarm IN (SELECT id FROM alarm)') FROM unnest(ARRAY[
    'transition', 'alarm_act', 'closing', 'incident_alarm', 'outbox', 'delivery']) name;
SELECT guard('alarm_hold', 'subject IN (SELECT tenant_subjects())');
SELECT guard('incident', 'number IN (SELECT incident FROM incident_alarm)');

-- A letter of an unknown device, or of a gateway that speaks for several, is nobody's alone.
SELECT guard('dead_letter', $$
    starts_with(topic, 'devices/')
    AND split_part(topic, '/', 2) IN (SELECT tenant_device_names())$$);
-- Acts on what a tenant sees, on rules, and works; not those on the whole instance.
SELECT guard('audit', $$
    kind IN ('rule', 'rule-rollback', 'rule-withdraw')
    OR subject IN (SELECT tenant_subjects())
    OR split_part(subject, '/', 1) IN (SELECT tenant_device_names())
    OR split_part(subject, '/', 1) IN (SELECT tenant_subjects())
    OR starts_with(subject, 'device/') AND split_part(subject, '/', 2) IN (SELECT tenant_device_names())
    OR kind = 'works' AND subject IN (SELECT tenant_works())$$);
