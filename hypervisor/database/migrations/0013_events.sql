-- What people noted as having happened, whatever a gauge said: alarms are held against it.

-- At a site, or all along a river. `begins` and `ends` are event times. Never deleted: a note that
-- was wrong is withdrawn, with who and why.
CREATE TABLE noted_event (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    site         integer REFERENCES site (id),
    river        text,
    kind         text NOT NULL CHECK (kind IN ('overflow', 'flood', 'heavy-rain', 'frost', 'heat',
                     'storm', 'outage', 'jam', 'other', 'nothing')),  -- nothing: it is known that
                                                                      -- nothing happened then
    begins       timestamptz NOT NULL,
    ends         timestamptz NOT NULL CHECK (ends >= begins),
    peak         double precision,                -- what was read or measured on the spot …
    unit         text,                            -- … in this unit
    note         text NOT NULL CHECK (note <> ''),
    author       text NOT NULL CHECK (author <> ''),
    noted_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    withdrawn_at timestamptz,
    withdrawn_by text,
    withdrawn_why text,
    CHECK ((site IS NULL) <> (river IS NULL)),
    CHECK ((peak IS NULL) = (unit IS NULL))
);
CREATE INDEX ON noted_event (site, begins) WHERE withdrawn_at IS NULL;
CREATE INDEX ON noted_event (river, begins) WHERE withdrawn_at IS NULL;

-- A river's are seen by whoever sees a site of it.
SELECT guard('noted_event', $$
    site = ANY (ARRAY (SELECT unnest(tenant_sites())))
    OR river IN (SELECT site.river FROM site WHERE site.id = ANY (ARRAY (SELECT unnest(tenant_sites()))))$$);

CREATE FUNCTION noted_event_happened() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    places text[] := (SELECT coalesce(array_agg(name), '{}') FROM site
                      WHERE id = NEW.site OR site.river = NEW.river);
BEGIN
    PERFORM happened('log', 'past-event/' || NEW.id, places, jsonb_build_object(
        'site', CASE WHEN NEW.site IS NOT NULL THEN places[1] END, 'kind', NEW.kind));
    RETURN NULL;
END $$;
CREATE TRIGGER happened AFTER INSERT OR UPDATE ON noted_event
    FOR EACH ROW EXECUTE FUNCTION noted_event_happened();
