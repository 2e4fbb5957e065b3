-- Who is held to communes reads about as fast as who sees everything: the same rows, found otherwise.
--
-- * What somebody sees is reckoned in PL/pgSQL, whose plans a session keeps. A function in SQL that may
--   not be inlined is planned anew each time it is called, which took ten times as long as running it;
--   and a panel's statement calls these once for every table that it names.
-- * By name, `IN (SELECT f())` is one look into a hash table.
-- * By number, rows are told by marks: `(SELECT tenant_site_marks())[site]`. One look into an array
--   however many sites there are. `= ANY (array)` goes through all of it for each row, sorts it again
--   for each row of an outer loop, and counts as ten rows for the planner, who then loops where
--   thousands are joined; of marks it takes half, which is near enough.
-- * `unnest(f())` has the planner call `f` to know how many rows that makes; `(SELECT f())` does not.

-- True for each of these numbers, false between them. It ends with the last of one's own, so that it does
-- not tell how many there are of others; beyond it an element is null, and the row is not seen.
CREATE FUNCTION tenant_marks(numbers integer[]) RETURNS boolean[] LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    marks boolean[] := array_fill(false, ARRAY[COALESCE((SELECT max(n) FROM unnest(numbers) n), 0)]);
    mine  integer;
BEGIN
    FOREACH mine IN ARRAY numbers LOOP
        marks[mine] := true;
    END LOOP;
    RETURN marks;
END $$;

-- As before (0008, 0016), in the same words.
CREATE OR REPLACE FUNCTION reader_areas() RETURNS TABLE (code text, kind text)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    WITH RECURSIVE below AS (
        SELECT a.code, a.kind FROM reader r JOIN area a ON a.code = r.area
        WHERE r.role = session_user::text
        UNION SELECT a.code, a.kind FROM area a JOIN below ON a.parent = below.code)
    SELECT below.code, below.kind FROM below;
END $$;
CREATE OR REPLACE FUNCTION tenant_communes() RETURNS text[]
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF tenant_is_named() THEN
        RETURN COALESCE(NULLIF(current_setting('hypervisor.communes', true), ''), '{}')::text[];
    END IF;
    RETURN ARRAY (SELECT code FROM reader_areas() WHERE kind = 'commune');
END $$;
CREATE OR REPLACE FUNCTION tenant_unplaced() RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF tenant_is_named() THEN
        RETURN COALESCE(current_setting('hypervisor.unplaced', true), '') = 'on';
    END IF;
    RETURN EXISTS (SELECT FROM reader_areas() WHERE kind = 'departement');
END $$;
CREATE OR REPLACE FUNCTION tenant_sites() RETURNS integer[]
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    RETURN ARRAY (SELECT id FROM site WHERE commune IN (SELECT unnest(tenant_communes()))
                  OR commune IS NULL AND (SELECT tenant_unplaced()));
END $$;
CREATE OR REPLACE FUNCTION tenant_devices() RETURNS integer[]
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    RETURN ARRAY (SELECT id FROM device WHERE site IN (SELECT unnest(tenant_sites())));
END $$;
CREATE OR REPLACE FUNCTION tenant_series() RETURNS integer[]
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    RETURN ARRAY (SELECT series.id FROM series JOIN device ON device.id = series.device
                  WHERE device.site IN (SELECT unnest(tenant_sites())));
END $$;
CREATE OR REPLACE FUNCTION tenant_device_names() RETURNS SETOF text
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    RETURN QUERY SELECT name FROM device WHERE site IN (SELECT unnest(tenant_sites()));
END $$;
CREATE OR REPLACE FUNCTION tenant_areas() RETURNS text[]
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    RETURN ARRAY (
        WITH RECURSIVE mine AS (
            SELECT code, parent FROM area WHERE code IN (SELECT unnest(tenant_communes()))
            UNION SELECT a.code, a.parent FROM area a JOIN mine ON a.code = mine.parent)
        SELECT code FROM mine);
END $$;
-- Of the members only those are looked at whose group has no site; most are a cabinet's lamps.
CREATE OR REPLACE FUNCTION tenant_groups() RETURNS text[]
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    RETURN ARRAY (
        SELECT name FROM device_group WHERE site IN (SELECT unnest(tenant_sites()))
        UNION
        SELECT split_part(m.key, '/', 1) FROM revision m WHERE m.kind = 'member'
          AND split_part(m.key, '/', 1) IN (SELECT name FROM device_group WHERE site IS NULL)
          AND split_part(m.key, '/', 2) IN (SELECT tenant_device_names()));
END $$;
CREATE OR REPLACE FUNCTION tenant_subjects() RETURNS SETOF text
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    RETURN QUERY SELECT name FROM site WHERE id IN (SELECT unnest(tenant_sites()))
        UNION ALL SELECT 'device/' || tenant_device_names()
        UNION ALL SELECT 'group/' || unnest(tenant_groups());
END $$;
CREATE OR REPLACE FUNCTION tenant_assets() RETURNS SETOF text
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    RETURN QUERY SELECT name FROM asset
    WHERE commune IN (SELECT unnest(tenant_communes())) OR site IN (SELECT unnest(tenant_sites()))
       OR commune IS NULL AND site IS NULL AND ((SELECT tenant_unplaced()) OR name IN (
          SELECT r.key FROM revision r JOIN site s ON s.name = r.value->>'gauge'
          WHERE r.kind = 'reach' AND s.id IN (SELECT unnest(tenant_sites()))));
END $$;
CREATE OR REPLACE FUNCTION tenant_works() RETURNS SETOF text
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    RETURN QUERY SELECT r.key FROM revision r,
        LATERAL (SELECT w FROM jsonb_array_elements_text(COALESCE(r.value->'sites', '[]')) w
            UNION ALL SELECT 'device/' || w
                FROM jsonb_array_elements_text(COALESCE(r.value->'devices', '[]')) w
            UNION ALL SELECT 'group/' || w
                FROM jsonb_array_elements_text(COALESCE(r.value->'groups', '[]')) w) at
    WHERE r.kind = 'works' AND at.w IN (SELECT tenant_subjects());
END $$;

CREATE FUNCTION tenant_site_names() RETURNS SETOF text
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    RETURN QUERY SELECT name FROM site WHERE id IN (SELECT unnest(tenant_sites()));
END $$;
CREATE FUNCTION tenant_group_names() RETURNS SETOF text
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    RETURN QUERY SELECT unnest(tenant_groups());
END $$;
CREATE FUNCTION tenant_site_marks() RETURNS boolean[]
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    RETURN tenant_marks(tenant_sites());
END $$;
CREATE FUNCTION tenant_device_marks() RETURNS boolean[]
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    RETURN tenant_marks(tenant_devices());
END $$;
CREATE FUNCTION tenant_series_marks() RETURNS boolean[]
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    RETURN tenant_marks(tenant_series());
END $$;

SELECT guard('site', '(SELECT tenant_site_marks())[id]');
SELECT guard(name, '(SELECT tenant_site_marks())[site]') FROM unnest(ARRAY['device', 'alarm']) name;
SELECT guard('series', '(SELECT tenant_device_marks())[device]');
SELECT guard(name, '(SELECT tenant_series_marks())[series_id]') FROM unnest(ARRAY[
    'reading_version', 'rollup_hour', 'rollup_day', 'rollup_suspect']) name;
SELECT guard('area', 'code = ANY ((SELECT tenant_areas())::text[])');
SELECT guard('device_group', 'name IN (SELECT tenant_group_names())');
SELECT guard(name, 'lit_group IN (SELECT tenant_group_names())')
    FROM unnest(ARRAY['lit_plan', 'lit_day']) name;

-- By kind, so that nothing is reckoned but what the kinds of a statement ask for.
SELECT guard('revision', $$
    CASE kind
        WHEN 'series' THEN split_part(key, '/', 1) IN (SELECT tenant_device_names())
        WHEN 'device' THEN key IN (SELECT tenant_device_names())
        WHEN 'member' THEN split_part(key, '/', 2) IN (SELECT tenant_device_names())
        WHEN 'threshold' THEN CASE WHEN starts_with(key, 'device/')
            THEN split_part(key, '/', 2) IN (SELECT tenant_device_names())
            ELSE split_part(key, '/', 1) IN (SELECT tenant_site_names()) END
        WHEN 'datum' THEN key IN (SELECT tenant_site_names())
        WHEN 'link' THEN split_part(key, '>', 1) IN (SELECT tenant_site_names())
            AND split_part(key, '>', 2) IN (SELECT tenant_site_names())
        WHEN 'supply' THEN key IN (SELECT tenant_group_names())
        WHEN 'reach' THEN key IN (SELECT tenant_assets())
        WHEN 'works' THEN key IN (SELECT tenant_works())
        ELSE kind IN ('rule', 'plan') END$$);
DROP FUNCTION revision_subject(text, text);

-- Readings are a hundred times as many as series, and asked for by people who do not say which: here
-- the array is worth its price, for it finds one's own by the index.
CREATE OR REPLACE VIEW seen.reading AS
    SELECT * FROM reading WHERE series_id = ANY ((SELECT tenant_series())::integer[]);
CREATE OR REPLACE VIEW shown.reading WITH (security_barrier) AS
    SELECT * FROM reading WHERE series_id = ANY ((SELECT tenant_series())::integer[]);
