-- The operational log, and the hand-over of a shift. Append-only: what was said wrongly is corrected
-- by another entry, what was promised is kept by another.

-- Areas that are a tenant's own: every commune below is theirs.
CREATE FUNCTION tenant_own_areas() RETURNS SETOF text LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path = pg_catalog, public AS $$
    WITH RECURSIVE below AS (
        SELECT code AS top, code, kind FROM area
        UNION SELECT b.top, a.code, a.kind FROM area a JOIN below b ON a.parent = b.code)
    SELECT top FROM below WHERE kind = 'commune'
    GROUP BY top HAVING bool_and(code = ANY (tenant_communes()))
$$;

-- `area` is whom it concerns: whose the author is, or where the site stands; null: the whole
-- territory, and seen only by who sees that.
CREATE TABLE log_entry (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at          timestamptz NOT NULL,             -- the wall's clock
    scenario_at timestamptz,                      -- where the scenario stood, in an exercise
    author      text NOT NULL CHECK (author <> ''),
    kind        text NOT NULL CHECK (kind IN ('note', 'decision', 'call', 'promise', 'closure',
                    'expectation', 'bulletin', 'settled', 'correction')),
    text        text NOT NULL CHECK (text <> ''),
    area        text REFERENCES area (code),
    site        integer REFERENCES site (id),
    alarm       bigint,                           -- no reference: a bench forgets alarms at once
    incident    bigint,
    due         timestamptz,                      -- on the instance's clock: kept, reopened, expected by
    about       bigint REFERENCES log_entry (id)  -- the entry that is settled or corrected
);
CREATE INDEX ON log_entry (at);
CREATE INDEX ON log_entry (alarm) WHERE alarm IS NOT NULL;
CREATE UNIQUE INDEX ON log_entry (about) WHERE kind = 'settled';  -- settled once

-- One hand-over. What it says is frozen when it is offered: both sign the same page.
CREATE TABLE handover (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    area         text REFERENCES area (code),     -- whose shift; null: the whole territory's
    begins       timestamptz NOT NULL,            -- the wall's: since the hand-over before
    offered_at   timestamptz NOT NULL,
    scenario_at  timestamptz,
    offered_by   text NOT NULL CHECK (offered_by <> ''),
    note         text NOT NULL DEFAULT '',        -- what the outgoing says in their own words
    page         jsonb NOT NULL,                  -- all that it shows
    digest       text NOT NULL,                   -- of page and note: what was signed
    state        text NOT NULL DEFAULT 'offered' CHECK (state IN ('offered', 'taken', 'withdrawn')),
    closed_at    timestamptz,
    closed_by    text,                            -- who took it over, or withdrew it
    remark       text NOT NULL DEFAULT '',        -- of whoever took it
    CHECK ((state = 'offered') = (closed_at IS NULL AND closed_by IS NULL)),
    CHECK (state <> 'taken' OR closed_by <> offered_by)
);
CREATE UNIQUE INDEX ON handover (COALESCE(area, '')) WHERE state = 'offered';
CREATE INDEX ON handover (offered_at);

CREATE FUNCTION log_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'TRUNCATE' AND (SELECT mode FROM instance) = 'exercise'
            AND current_setting('hypervisor.resetting', true) = 'yes' THEN
        RETURN NULL;
    END IF;
    RAISE EXCEPTION 'the operational log is append-only: % is refused', TG_OP;
END $$;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON log_entry
    FOR EACH STATEMENT EXECUTE FUNCTION log_is_append_only();

-- A signed page stays as it was signed.
CREATE FUNCTION handover_is_frozen() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.state <> 'offered' OR (NEW.page, NEW.note, NEW.digest, NEW.offered_by, NEW.offered_at)
            IS DISTINCT FROM (OLD.page, OLD.note, OLD.digest, OLD.offered_by, OLD.offered_at) THEN
        RAISE EXCEPTION 'a hand-over that is signed is not changed';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER frozen BEFORE UPDATE ON handover
    FOR EACH ROW EXECUTE FUNCTION handover_is_frozen();

-- Whoever sees a site of the area hears that something was written; null: who sees the whole.
CREATE FUNCTION heard_in(area_code text) RETURNS text[] LANGUAGE sql STABLE AS $$
    WITH RECURSIVE mine AS (SELECT area_code AS code
        UNION SELECT a.code FROM area a JOIN mine ON a.parent = mine.code)
    SELECT coalesce(array_agg(site.name), '{}') FROM site JOIN mine ON site.commune = mine.code
$$;
CREATE FUNCTION log_happened() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM happened('log', 'log/' || NEW.id,
        CASE WHEN NEW.site IS NULL THEN heard_in(NEW.area) ELSE heard_at(NEW.site) END,
        jsonb_build_object('entry', NEW.kind));
    RETURN NULL;
END $$;
CREATE TRIGGER happened AFTER INSERT ON log_entry FOR EACH ROW EXECUTE FUNCTION log_happened();
CREATE FUNCTION handover_happened() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM happened('log', 'handover/' || NEW.id, heard_in(NEW.area),
        jsonb_build_object('state', NEW.state));
    RETURN NULL;
END $$;
CREATE TRIGGER happened AFTER INSERT OR UPDATE ON handover
    FOR EACH ROW EXECUTE FUNCTION handover_happened();

SELECT guard('log_entry', $$
    site = ANY (ARRAY (SELECT unnest(tenant_sites())))
    OR site IS NULL AND area IN (SELECT tenant_own_areas())$$);
SELECT guard('handover', 'area IN (SELECT tenant_own_areas())');
