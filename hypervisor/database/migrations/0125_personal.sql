-- Personal domains: what is measured in people's homes. Their sites, and all that hangs on one, are seen
-- only with the duty `personal` at the place, in addition to what shows the place. A site follows its
-- domain; the domains follow the catalogue (`Domain.personal`, written by database/personal.py).
CREATE TABLE personal_domain (
    name           text PRIMARY KEY,
    retention_days integer NOT NULL CHECK (retention_days > 0)
);
ALTER TABLE site ADD COLUMN personal boolean NOT NULL DEFAULT false;
CREATE INDEX site_personal ON site (id) WHERE personal;

CREATE FUNCTION mark_personal_site() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    NEW.personal := EXISTS (SELECT FROM personal_domain p WHERE p.name = NEW.domain);
    RETURN NEW;
END $$;
CREATE TRIGGER personal BEFORE INSERT OR UPDATE OF domain, personal ON site
    FOR EACH ROW EXECUTE FUNCTION mark_personal_site();
CREATE FUNCTION follow_personal_domain() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE site SET personal = NOT personal WHERE domain = coalesce(NEW.name, OLD.name)
        AND personal <> EXISTS (SELECT FROM personal_domain p WHERE p.name = site.domain);
    RETURN NULL;
END $$;
CREATE TRIGGER followed AFTER INSERT OR DELETE ON personal_domain
    FOR EACH ROW EXECUTE FUNCTION follow_personal_domain();

-- A reader with SQL of its own sees personal sites only where an administrator said so.
ALTER TABLE reader ADD COLUMN personal boolean NOT NULL DEFAULT false;

-- From the first personal site on, a reader of the whole territory is held by the same policies as one
-- of an area: until then it pays nothing. Who may not change its role may not enter the site either.
CREATE FUNCTION hold_readers() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    held text;
BEGIN
    LOCK TABLE reader IN SHARE ROW EXCLUSIVE MODE;  -- nobody adds one meanwhile
    FOR held IN SELECT role FROM reader JOIN pg_roles r ON r.rolname = reader.role
        WHERE NOT reader.personal AND EXISTS (SELECT FROM pg_auth_members m
            WHERE m.member = r.oid AND m.roleid = 'hypervisor_reader_whole'::regrole)
    LOOP
        EXECUTE format('GRANT hypervisor_reader TO %I WITH INHERIT TRUE, SET FALSE', held);
        EXECUTE format('REVOKE hypervisor_reader_whole FROM %I', held);
        EXECUTE format('ALTER ROLE %I IN DATABASE %I SET search_path = shown, public',
            held, current_database());
    END LOOP;
    RETURN NULL;
END $$;
CREATE TRIGGER readers_held AFTER INSERT OR UPDATE ON site
    FOR EACH ROW WHEN (NEW.personal) EXECUTE FUNCTION hold_readers();

-- Whether somebody sees every place: their roles hold in the whole instance, and personal sites exist
-- that they may not see. Who may see those, too, or where there are none, takes `hypervisor_whole`.
CREATE FUNCTION tenant_everywhere() RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF tenant_is_named() THEN
        RETURN COALESCE(current_setting('hypervisor.everywhere', true), '') = 'on';
    END IF;
    RETURN EXISTS (SELECT FROM reader WHERE role = session_user::text AND area IS NULL);
END $$;
-- The communes where somebody sees personal sites: '' for those in none, '*' for all.
CREATE FUNCTION tenant_personal() RETURNS text[]
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF tenant_is_named() THEN
        RETURN COALESCE(NULLIF(current_setting('hypervisor.personal', true), ''), '{}')::text[];
    END IF;
    RETURN ARRAY (SELECT '*' FROM reader WHERE role = session_user::text AND personal);
END $$;

-- As 0022 and 0076. No personal site is public, whatever its properties say.
CREATE OR REPLACE FUNCTION tenant_communes() RETURNS text[]
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF tenant_everywhere() THEN
        RETURN ARRAY (SELECT code FROM area WHERE kind = 'commune');
    ELSIF tenant_is_named() THEN
        RETURN COALESCE(NULLIF(current_setting('hypervisor.communes', true), ''), '{}')::text[];
    END IF;
    RETURN ARRAY (SELECT code FROM reader_areas() WHERE kind = 'commune');
END $$;
CREATE OR REPLACE FUNCTION tenant_unplaced() RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF tenant_everywhere() THEN
        RETURN true;
    ELSIF tenant_is_named() THEN
        RETURN COALESCE(current_setting('hypervisor.unplaced', true), '') = 'on';
    END IF;
    RETURN EXISTS (SELECT FROM reader_areas() WHERE kind = 'departement');
END $$;
CREATE OR REPLACE FUNCTION tenant_sites() RETURNS integer[]
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    personally text[];
BEGIN
    IF tenant_public() THEN
        RETURN ARRAY (SELECT id FROM site WHERE properties @> '{"public": true}' AND NOT personal);
    END IF;
    personally := tenant_personal();
    IF tenant_everywhere() THEN
        RETURN ARRAY (SELECT id FROM site WHERE NOT personal
                      OR personally && ARRAY['*', coalesce(commune, '')]);
    END IF;
    RETURN ARRAY (SELECT id FROM site
                  WHERE (commune IN (SELECT unnest(tenant_communes()))
                      OR commune IS NULL AND (SELECT tenant_unplaced()))
                  AND (NOT personal OR personally && ARRAY['*', coalesce(commune, '')]));
END $$;
CREATE OR REPLACE FUNCTION tenant_areas() RETURNS text[]
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF tenant_everywhere() THEN
        RETURN ARRAY (SELECT code FROM area);
    END IF;
    RETURN ARRAY (
        WITH RECURSIVE mine AS (
            SELECT code, parent FROM area WHERE code IN (SELECT unnest(tenant_communes()))
                OR tenant_public() AND code IN (
                    SELECT commune FROM site WHERE id IN (SELECT unnest(tenant_sites())))
            UNION SELECT a.code, a.parent FROM area a JOIN mine ON a.code = mine.parent)
        SELECT code FROM mine);
END $$;

-- What belongs to personal sites that somebody does not see. In `seen`, which only our own SQL may use:
-- a reader that could call these would learn from them what there is.
CREATE FUNCTION seen.hidden_sites() RETURNS integer[]
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    personally text[] := tenant_personal();
BEGIN
    RETURN ARRAY (SELECT id FROM site WHERE personal
        AND (tenant_public() OR NOT personally && ARRAY['*', coalesce(commune, '')]));
END $$;
CREATE FUNCTION seen.hidden_devices() RETURNS SETOF text
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    RETURN QUERY SELECT name FROM device WHERE site = ANY (seen.hidden_sites());
END $$;
CREATE FUNCTION seen.hidden_groups() RETURNS SETOF text
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    hidden text[] := ARRAY (SELECT seen.hidden_devices());
BEGIN
    RETURN QUERY SELECT name FROM device_group WHERE site = ANY (seen.hidden_sites())
        UNION SELECT split_part(key, '/', 1) FROM revision
        WHERE kind = 'member' AND hidden <> '{}' AND split_part(key, '/', 2) = ANY (hidden);
END $$;
-- As tenant_subjects names them.
CREATE FUNCTION seen.hidden_subjects() RETURNS SETOF text
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    RETURN QUERY SELECT name FROM site WHERE id = ANY (seen.hidden_sites())
        UNION ALL SELECT 'device/' || seen.hidden_devices()
        UNION ALL SELECT 'group/' || seen.hidden_groups();
END $$;
-- Names that keys and the audit's subjects begin with: of sites, devices and groups.
CREATE FUNCTION seen.hidden_names() RETURNS SETOF text
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    RETURN QUERY SELECT name FROM site WHERE id = ANY (seen.hidden_sites())
        UNION SELECT seen.hidden_devices() UNION SELECT seen.hidden_groups();
END $$;
CREATE FUNCTION seen.hidden_gateways() RETURNS SETOF text
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    RETURN QUERY SELECT gateway FROM device
        WHERE gateway IS NOT NULL AND site = ANY (seen.hidden_sites());
END $$;
CREATE FUNCTION seen.hidden_works() RETURNS SETOF text
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    RETURN QUERY SELECT r.key FROM revision r,
        LATERAL (SELECT w FROM jsonb_array_elements_text(COALESCE(r.value->'sites', '[]')) w
            UNION ALL SELECT 'device/' || w
                FROM jsonb_array_elements_text(COALESCE(r.value->'devices', '[]')) w
            UNION ALL SELECT 'group/' || w
                FROM jsonb_array_elements_text(COALESCE(r.value->'groups', '[]')) w) at
    WHERE r.kind = 'works' AND at.w IN (SELECT seen.hidden_subjects());
END $$;

-- Works that are also at somebody's home name it to everybody who sees them.
CREATE OR REPLACE FUNCTION tenant_works() RETURNS SETOF text
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    RETURN QUERY SELECT r.key FROM revision r,
        LATERAL (SELECT w FROM jsonb_array_elements_text(COALESCE(r.value->'sites', '[]')) w
            UNION ALL SELECT 'device/' || w
                FROM jsonb_array_elements_text(COALESCE(r.value->'devices', '[]')) w
            UNION ALL SELECT 'group/' || w
                FROM jsonb_array_elements_text(COALESCE(r.value->'groups', '[]')) w) at
    WHERE r.kind = 'works' AND at.w IN (SELECT tenant_subjects())
      AND r.key NOT IN (SELECT seen.hidden_works());
END $$;
CREATE OR REPLACE FUNCTION tenant_assets() RETURNS SETOF text
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF tenant_public() THEN
        RETURN QUERY SELECT name FROM asset WHERE properties @> '{"public": true}'
            AND (site IS NULL OR site <> ALL (seen.hidden_sites()));
        RETURN;
    END IF;
    RETURN QUERY SELECT name FROM asset
    WHERE (commune IN (SELECT unnest(tenant_communes())) OR site IN (SELECT unnest(tenant_sites()))
       OR commune IS NULL AND site IS NULL AND ((SELECT tenant_unplaced()) OR name IN (
          SELECT r.key FROM revision r JOIN site s ON s.name = r.value->>'gauge'
          WHERE r.kind = 'reach' AND s.id IN (SELECT unnest(tenant_sites())))))
      AND (site IS NULL OR site <> ALL (seen.hidden_sites()));
END $$;

-- An order or an entry about what somebody does not see is not theirs because its commune is.
SELECT guard('intervention', $$CASE WHEN commune IS NULL THEN (SELECT tenant_unplaced())
        ELSE commune = ANY ((SELECT tenant_communes())::text[]) END
    AND (site IS NULL OR (SELECT tenant_site_marks())[site])
    AND (alarm IS NULL OR site IS NOT NULL OR EXISTS (SELECT FROM alarm a WHERE a.id = alarm))$$);
CREATE POLICY of_what_is_seen ON log_entry AS RESTRICTIVE TO hypervisor_tenant USING (
    alarm IS NULL OR site IS NOT NULL OR EXISTS (SELECT FROM alarm a WHERE a.id = alarm));

-- What is at no place, or of the whole instance: who sees everywhere sees it, but for what is hidden.
CREATE FUNCTION guard_everywhere(name text, condition text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('DROP POLICY IF EXISTS everywhere ON %I', name);
    EXECUTE format('CREATE POLICY everywhere ON %I TO hypervisor_tenant'
        ' USING ((SELECT tenant_everywhere()) AND (%s))', name, condition);
END $$;
SELECT guard_everywhere(name, 'true') FROM unnest(ARRAY['notify_routes', 'migration', 'handover',
    'external_source', 'external_mapping', 'publication', 'team', 'lit_input', 'lit_state']) name;
SELECT guard_everywhere('alarm',
    'site IS NULL AND subject NOT IN (SELECT seen.hidden_subjects())');
SELECT guard_everywhere('alarm_hold', 'subject NOT IN (SELECT seen.hidden_subjects())');
SELECT guard_everywhere('past_event', 'site IS NULL');
SELECT guard_everywhere('log_entry', 'site IS NULL');
SELECT guard_everywhere('device_group',
    'site IS NULL AND name NOT IN (SELECT seen.hidden_groups())');
SELECT guard_everywhere('gateway', 'name NOT IN (SELECT seen.hidden_gateways())');
SELECT guard_everywhere('outbox', $$alarm IS NULL
    AND NOT COALESCE(body->'subjects', '[]') ?| ARRAY (SELECT seen.hidden_subjects())
    AND (NOT body ? 'order'
        OR EXISTS (SELECT FROM intervention i WHERE i.id::text = body->>'order'))$$);
SELECT guard_everywhere('delivery', $$alarm IS NULL
    AND EXISTS (SELECT FROM outbox o WHERE o.id = delivery.outbox)$$);
-- A gateway's letter may be of any of its devices, and it is not known of which.
SELECT guard_everywhere('dead_letter', $$
    split_part(regexp_replace(topic, '^exercise/', ''), '/', 2) NOT IN (
        SELECT seen.hidden_devices() UNION ALL SELECT seen.hidden_gateways())$$);
SELECT guard_everywhere('revision', $$CASE kind
    WHEN 'works' THEN key NOT IN (SELECT seen.hidden_works())
    WHEN 'reach' THEN key IN (SELECT tenant_assets())
    WHEN 'link' THEN split_part(key, '>', 1) NOT IN (SELECT seen.hidden_names())
        AND split_part(key, '>', 2) NOT IN (SELECT seen.hidden_names())
    ELSE split_part(key, '/', 1) NOT IN (SELECT seen.hidden_names())
        AND split_part(key, '/', 2) NOT IN (SELECT seen.hidden_names()) END$$);
SELECT guard_everywhere('audit', $$CASE
    WHEN starts_with(subject, 'intervention/')
        THEN EXISTS (SELECT FROM intervention i WHERE 'intervention/' || i.id = subject)
    WHEN starts_with(subject, 'log/')
        THEN EXISTS (SELECT FROM log_entry e WHERE 'log/' || e.id = subject)
    WHEN kind = 'works' THEN subject NOT IN (SELECT seen.hidden_works())
    ELSE split_part(subject, '/', 1) NOT IN (SELECT seen.hidden_names())
        AND split_part(subject, '/', 2) NOT IN (SELECT seen.hidden_names()) END$$);

-- Events of personal sites: a listener of the whole territory hears of them only with the duty.
ALTER TABLE event_log ADD COLUMN personal text[];  -- those of `sites` that are personal; null: none
CREATE FUNCTION mark_personal_event() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    NEW.personal := (SELECT array_agg(name) FROM site WHERE personal AND name = ANY (NEW.sites));
    RETURN NEW;
END $$;
CREATE TRIGGER personal BEFORE INSERT ON event_log
    FOR EACH ROW WHEN (NEW.sites IS NOT NULL) EXECUTE FUNCTION mark_personal_event();

-- The duty is a role of its own, which no other carries, and a scope of its own.
DO $$
DECLARE
    roles  text := (SELECT pg_get_constraintdef(oid) FROM pg_constraint
        WHERE conname = 'account_role_role_check');
    scopes text := (SELECT pg_get_constraintdef(oid) FROM pg_constraint
        WHERE conname = 'api_token_scopes_check');
BEGIN
    ALTER TABLE account_role DROP CONSTRAINT account_role_role_check;
    EXECUTE 'ALTER TABLE account_role ADD CONSTRAINT account_role_role_check '
        || replace(roles, '''viewer''::text', '''viewer''::text, ''personal''::text');
    ALTER TABLE api_token DROP CONSTRAINT api_token_scopes_check;
    EXECUTE 'ALTER TABLE api_token ADD CONSTRAINT api_token_scopes_check '
        || replace(scopes, '{send,', '{send,personal,');
    IF roles IS NULL OR scopes IS NULL
            OR NOT EXISTS (SELECT FROM pg_constraint WHERE conname = 'account_role_role_check'
                AND pg_get_constraintdef(oid) LIKE '%personal%')
            OR NOT EXISTS (SELECT FROM pg_constraint WHERE conname = 'api_token_scopes_check'
                AND pg_get_constraintdef(oid) LIKE '%personal%') THEN
        RAISE EXCEPTION 'the lists of roles and scopes read differently: % %', roles, scopes;
    END IF;
END $$;
