-- What happens, for those who look on: written in the transaction that causes it, kept for hours.
-- Read in the order of commit like the feed: xid >= cursor AND xid < pg_snapshot_xmin(…).
CREATE TABLE happening (
    xid   xid8 NOT NULL DEFAULT pg_current_xact_id(),
    id    bigint GENERATED ALWAYS AS IDENTITY,
    at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    kind  text NOT NULL,                          -- alarm, incident, reading, log, rule, exercise
    key   text NOT NULL,                          -- alarm's number, 'threshold/<site>/<name>', …
    sites text[],                                 -- who sees one of them hears of it; null: everyone;
                                                  -- none: who sees the whole territory
    data  jsonb NOT NULL DEFAULT '{}',
    PRIMARY KEY (xid, id)
);
CREATE INDEX ON happening (at);

-- Up to which transaction happenings were forgotten: who asks for older ones has missed some.
CREATE TABLE happening_forgotten (
    only_one boolean PRIMARY KEY DEFAULT true CHECK (only_one),
    xid      xid8 NOT NULL
);
INSERT INTO happening_forgotten (xid) VALUES (pg_current_xact_id());

CREATE FUNCTION happened(kind text, key text, sites text[], data jsonb DEFAULT '{}')
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO happening (kind, key, sites, data) VALUES (kind, key, sites, data);
    PERFORM pg_notify('hypervisor_happening', '');
END $$;

-- The site by its number as those who may hear of it: none where it stands at no site.
CREATE FUNCTION heard_at(number integer) RETURNS text[] LANGUAGE sql STABLE AS
    $$ SELECT coalesce((SELECT ARRAY[name] FROM site WHERE id = number), '{}') $$;

CREATE FUNCTION alarm_happened() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    place text[] := heard_at(NEW.site);
BEGIN
    PERFORM happened('alarm', NEW.id::text, place, jsonb_build_object(
        'site', place[1], 'domain', NEW.domain, 'severity', NEW.severity->-1->>1,
        'state', NEW.state, 'version', NEW.version, 'new', TG_OP = 'INSERT'));
    RETURN NULL;
END $$;
-- `last_value` is written often and alone: no version, no happening.
CREATE TRIGGER happened_new AFTER INSERT ON alarm FOR EACH ROW EXECUTE FUNCTION alarm_happened();
CREATE TRIGGER happened_anew AFTER UPDATE OF version ON alarm
    FOR EACH ROW WHEN (OLD.version <> NEW.version) EXECUTE FUNCTION alarm_happened();

-- What the system does in somebody's place changes no version.
CREATE FUNCTION alarm_act_happened() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    place text[] := heard_at((SELECT site FROM alarm WHERE id = NEW.alarm));
BEGIN
    PERFORM happened('alarm', NEW.alarm::text, place, jsonb_build_object(
        'site', place[1], 'state', NEW.state, 'version', NEW.version, 'act', NEW.kind));
    RETURN NULL;
END $$;
CREATE TRIGGER happened AFTER INSERT ON alarm_act
    FOR EACH ROW WHEN (NEW.kind IN ('escalate', 'remind')) EXECUTE FUNCTION alarm_act_happened();

-- Incidents are written anew as a whole: told are those whose alarms changed.
CREATE FUNCTION incidents_happened() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM happened('incident', n.incident::text,
        coalesce(array_agg(DISTINCT site.name) FILTER (WHERE site.name IS NOT NULL), '{}'),
        jsonb_build_object('domain', min(alarm.domain)))
    FROM new_rows n JOIN old_rows o ON o.alarm = n.alarm
    JOIN alarm ON alarm.id = n.alarm LEFT JOIN site ON site.id = alarm.site
    WHERE n.incident IS NOT NULL AND n.incident IS DISTINCT FROM o.incident
    GROUP BY n.incident;
    RETURN NULL;
END $$;
CREATE TRIGGER happened AFTER UPDATE ON incident_alarm
    REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION incidents_happened();

CREATE FUNCTION revision_happened() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    place text := split_part(NEW.key, '/', 1);
BEGIN
    IF NEW.kind = 'rule' THEN
        PERFORM happened('rule', 'rule/' || NEW.key, NULL, jsonb_build_object('revision', NEW.id));
    ELSE
        IF place = 'device' THEN
            place := (SELECT site.name FROM device JOIN site ON site.id = device.site
                      WHERE device.name = split_part(NEW.key, '/', 2));
        END IF;
        PERFORM happened('rule', 'threshold/' || NEW.key, array_remove(ARRAY[place], NULL),
            jsonb_build_object('site', place, 'revision', NEW.id));
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER happened AFTER INSERT ON revision
    FOR EACH ROW WHEN (NEW.kind IN ('rule', 'threshold')) EXECUTE FUNCTION revision_happened();

-- What people did to data. Only where it names a device do those who see its site hear of it.
CREATE FUNCTION audit_happened() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    place text := (SELECT site.name FROM device JOIN site ON site.id = device.site
                   WHERE device.name = split_part(NEW.subject, '/', 1));
BEGIN
    PERFORM happened('log', 'audit/' || NEW.id, array_remove(ARRAY[place], NULL),
        jsonb_build_object('site', place, 'act', NEW.kind));
    RETURN NULL;
END $$;
CREATE TRIGGER happened AFTER INSERT ON audit FOR EACH ROW EXECUTE FUNCTION audit_happened();

-- What an ingest worker has done since it first joined; written with its heartbeat.
ALTER TABLE worker
    ADD COLUMN messages bigint NOT NULL DEFAULT 0,  -- received and decided
    ADD COLUMN rows     bigint NOT NULL DEFAULT 0,  -- new or otherwise than before
    ADD COLUMN refused  bigint NOT NULL DEFAULT 0,  -- dead letters
    ADD COLUMN batches  bigint NOT NULL DEFAULT 0,
    ADD COLUMN retries  bigint NOT NULL DEFAULT 0;  -- batches that had to be stored anew
