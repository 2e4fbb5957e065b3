-- What anybody may read, where an output is public: sites, zones and assets whose properties say
-- `public: true`, with their readings. Neither alarms nor forecasts.

CREATE FUNCTION tenant_public() RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    RETURN tenant_is_named() AND COALESCE(current_setting('hypervisor.public', true), '') = 'on';
END $$;

-- As 0022, in the same words.
CREATE OR REPLACE FUNCTION tenant_sites() RETURNS integer[]
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF tenant_public() THEN
        RETURN ARRAY (SELECT id FROM site WHERE properties @> '{"public": true}');
    END IF;
    RETURN ARRAY (SELECT id FROM site WHERE commune IN (SELECT unnest(tenant_communes()))
                  OR commune IS NULL AND (SELECT tenant_unplaced()));
END $$;
CREATE OR REPLACE FUNCTION tenant_areas() RETURNS text[]
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    RETURN ARRAY (
        WITH RECURSIVE mine AS (
            SELECT code, parent FROM area WHERE code IN (SELECT unnest(tenant_communes()))
                OR tenant_public() AND code IN (
                    SELECT commune FROM site WHERE id IN (SELECT unnest(tenant_sites())))
            UNION SELECT a.code, a.parent FROM area a JOIN mine ON a.code = mine.parent)
        SELECT code FROM mine);
END $$;
CREATE OR REPLACE FUNCTION tenant_assets() RETURNS SETOF text
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF tenant_public() THEN
        RETURN QUERY SELECT name FROM asset WHERE properties @> '{"public": true}';
        RETURN;
    END IF;
    RETURN QUERY SELECT name FROM asset
    WHERE commune IN (SELECT unnest(tenant_communes())) OR site IN (SELECT unnest(tenant_sites()))
       OR commune IS NULL AND site IS NULL AND ((SELECT tenant_unplaced()) OR name IN (
          SELECT r.key FROM revision r JOIN site s ON s.name = r.value->>'gauge'
          WHERE r.kind = 'reach' AND s.id IN (SELECT unnest(tenant_sites()))));
END $$;

-- Beside the policies that say whose a row is.
CREATE POLICY unpublished ON zone AS RESTRICTIVE TO hypervisor_tenant
    USING (NOT (SELECT tenant_public()) OR properties @> '{"public": true}');
DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['alarm', 'forecast', 'forecast_input', 'forecast_facts', 'forecast_due']
    LOOP
        EXECUTE format('CREATE POLICY unpublished ON %I AS RESTRICTIVE TO hypervisor_tenant'
            ' USING (NOT (SELECT tenant_public()))', name);
    END LOOP;
END $$;
