-- Who looks at the log, or at the hand-over, hears what is written there.

-- The sites in an area; none where no area is named: of the whole territory.
CREATE FUNCTION heard_in(wanted text) RETURNS text[] LANGUAGE sql STABLE AS $$
    WITH RECURSIVE below AS (SELECT code FROM area WHERE code = wanted
        UNION SELECT area.code FROM area JOIN below ON area.parent = below.code)
    SELECT coalesce(array_agg(name), '{}') FROM site WHERE commune IN (SELECT code FROM below)
$$;

CREATE FUNCTION log_entry_happened() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    place integer := coalesce(NEW.site, (SELECT site FROM alarm WHERE id = NEW.alarm));
BEGIN
    PERFORM happened('log', 'entry/' || NEW.id,
        CASE WHEN place IS NULL THEN heard_in(NEW.area) ELSE heard_at(place) END,
        jsonb_build_object('site', (heard_at(place))[1], 'act', NEW.kind));
    RETURN NULL;
END $$;
CREATE TRIGGER happened AFTER INSERT ON log_entry
    FOR EACH ROW EXECUTE FUNCTION log_entry_happened();

CREATE FUNCTION handover_happened() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM happened('log', 'handover/' || NEW.id, heard_in(NEW.area),
        jsonb_build_object('act', NEW.state));
    RETURN NULL;
END $$;
CREATE TRIGGER happened AFTER INSERT OR UPDATE ON handover
    FOR EACH ROW EXECUTE FUNCTION handover_happened();
