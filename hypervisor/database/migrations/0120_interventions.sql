-- Work orders for teams in the field: what, where, until when, and what became of them.

-- `communes`: where it works, as its area says; null: everywhere. `lon`, `lat`: its depot.
CREATE TABLE team (
    id         integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name       text NOT NULL UNIQUE CHECK (name ~ '^[a-z0-9][a-z0-9_-]{0,39}$'),
    title      text NOT NULL CHECK (title <> ''),
    area       text,
    communes   text[],
    lon        double precision CHECK (lon BETWEEN -180 AND 180),
    lat        double precision CHECK (lat BETWEEN -90 AND 90),
    retired_at timestamptz,
    CHECK ((area IS NULL) = (communes IS NULL)),
    CHECK ((lon IS NULL) = (lat IS NULL))
);
CREATE TABLE team_member (
    team    integer NOT NULL REFERENCES team,
    account integer NOT NULL REFERENCES account ON DELETE CASCADE,
    PRIMARY KEY (team, account)
);
CREATE INDEX ON team_member (account);

-- The life cycle, the same as `interventions/model.py` has it (a test compares the two).
-- `before` null: there was nothing.
CREATE TABLE intervention_transition (
    act    text NOT NULL,
    before text,
    after  text NOT NULL,
    UNIQUE NULLS NOT DISTINCT (act, before)
);
INSERT INTO intervention_transition (act, before, after)
VALUES ('create', NULL, 'open')
UNION ALL SELECT act, before, after FROM (VALUES
    ('assign', ARRAY['open', 'assigned', 'accepted', 'on_way', 'on_site', 'refused'], 'assigned'),
    ('accept', ARRAY['assigned'], 'accepted'),
    ('refuse', ARRAY['assigned', 'accepted', 'on_way'], 'refused'),
    ('depart', ARRAY['assigned', 'accepted'], 'on_way'),
    ('arrive', ARRAY['assigned', 'accepted', 'on_way'], 'on_site'),
    ('close',  ARRAY['assigned', 'accepted', 'on_way', 'on_site'], 'done'),
    ('cancel', ARRAY['open', 'assigned', 'accepted', 'on_way', 'on_site', 'refused'], 'cancelled'),
    ('reopen', ARRAY['done', 'cancelled'], 'open')
) life (act, befores, after), unnest(befores) before
UNION ALL SELECT 'edit', state, state
    FROM unnest(ARRAY['open', 'assigned', 'accepted', 'on_way', 'on_site', 'refused']) state
UNION ALL SELECT act, state, state
    FROM unnest(ARRAY['comment', 'observe', 'late']) act,
    unnest(ARRAY['open', 'assigned', 'accepted', 'on_way', 'on_site', 'done', 'refused', 'cancelled']) state;

-- All but who, where and from what is a projection of the events. `due`, `opened_at`, `closed_at`:
-- the instance's clock.
CREATE TABLE intervention (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    title       text NOT NULL CHECK (title <> ''),
    description text NOT NULL DEFAULT '',
    priority    text NOT NULL CHECK (priority IN ('urgent', 'high', 'normal', 'low')),
    due         timestamptz,
    site        integer REFERENCES site,
    alarm       bigint,                           -- no reference: a bench forgets alarms at once
    commune     text,                             -- who sees it
    address     text NOT NULL DEFAULT '',
    lon         double precision CHECK (lon BETWEEN -180 AND 180),
    lat         double precision CHECK (lat BETWEEN -90 AND 90),
    team        integer REFERENCES team,
    state       text NOT NULL DEFAULT 'open',
    version     integer NOT NULL DEFAULT 0,       -- the number of its last event
    opened_at   timestamptz NOT NULL,
    closed_at   timestamptz,
    CHECK ((lon IS NULL) = (lat IS NULL))
);
CREATE INDEX ON intervention (alarm) WHERE alarm IS NOT NULL;
CREATE INDEX ON intervention (site) WHERE site IS NOT NULL;
CREATE INDEX ON intervention (team) WHERE closed_at IS NULL;
CREATE INDEX ON intervention (due) WHERE closed_at IS NULL;

-- What people did, append-only. `at`: the wall's clock, when it was stored; `noted_at`: when it was
-- done, earlier where a phone was offline. `key`: of the act; a repeat of it changes nothing.
CREATE TABLE intervention_event (
    intervention bigint NOT NULL REFERENCES intervention,
    number       integer NOT NULL CHECK (number > 0),
    act          text NOT NULL,
    state        text NOT NULL,                   -- after it
    at           timestamptz NOT NULL,
    noted_at     timestamptz NOT NULL,
    scenario_at  timestamptz,
    author       text NOT NULL CHECK (author <> ''),
    team         integer REFERENCES team,         -- to which it is assigned; in whose name it was done
    text         text NOT NULL DEFAULT '',
    details      jsonb NOT NULL DEFAULT '{}',
    key          uuid UNIQUE,
    PRIMARY KEY (intervention, number)
);

-- The event decides: what the life cycle does not allow is refused, and the order follows.
CREATE FUNCTION apply_intervention_event() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    o intervention;
BEGIN
    SELECT * INTO o FROM intervention WHERE id = NEW.intervention FOR UPDATE;
    IF NEW.number <> o.version + 1 THEN
        RAISE EXCEPTION 'event % of intervention % does not follow event %',
            NEW.number, NEW.intervention, o.version;
    END IF;
    SELECT after INTO NEW.state FROM intervention_transition
        WHERE act = NEW.act AND before IS NOT DISTINCT FROM CASE WHEN o.version > 0 THEN o.state END;
    IF NOT FOUND THEN
        RAISE EXCEPTION '% is not possible when an intervention is %', NEW.act, o.state;
    END IF;
    IF NEW.act = 'assign' AND NEW.team IS NULL THEN
        RAISE EXCEPTION 'an intervention is assigned to a team';
    END IF;
    UPDATE intervention SET
        state = NEW.state,
        version = NEW.number,
        team = CASE NEW.act WHEN 'assign' THEN NEW.team WHEN 'reopen' THEN NULL ELSE o.team END,
        title = coalesce(CASE NEW.act WHEN 'edit' THEN NEW.details->>'title' END, o.title),
        description = coalesce(CASE NEW.act WHEN 'edit' THEN NEW.details->>'description' END,
            o.description),
        priority = coalesce(CASE NEW.act WHEN 'edit' THEN NEW.details->>'priority' END, o.priority),
        due = CASE WHEN NEW.act = 'edit' AND NEW.details ? 'due'
            THEN (NEW.details->>'due')::timestamptz ELSE o.due END,
        closed_at = CASE WHEN NEW.state NOT IN ('done', 'cancelled') THEN NULL
            ELSE coalesce(o.closed_at, NEW.scenario_at, NEW.at) END
        WHERE id = o.id;
    RETURN NEW;
END $$;
CREATE TRIGGER applied BEFORE INSERT ON intervention_event
    FOR EACH ROW EXECUTE FUNCTION apply_intervention_event();

CREATE FUNCTION intervention_event_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'TRUNCATE' AND (SELECT mode FROM instance) = 'exercise'
            AND current_setting('hypervisor.resetting', true) = 'yes' THEN
        RETURN NULL;
    END IF;
    RAISE EXCEPTION 'what was done on an intervention stays: % is refused', TG_OP;
END $$;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON intervention_event
    FOR EACH STATEMENT EXECUTE FUNCTION intervention_event_is_append_only();

CREATE FUNCTION intervention_follows_events() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND pg_trigger_depth() > 1 THEN
        RETURN NEW;
    ELSIF TG_OP = 'INSERT' AND (NEW.version, NEW.state) = (0, 'open') AND NEW.team IS NULL
            AND NEW.closed_at IS NULL THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'an intervention changes by its events only: % is refused', TG_OP;
END $$;
CREATE TRIGGER follows_events BEFORE INSERT OR UPDATE OR DELETE ON intervention
    FOR EACH ROW EXECUTE FUNCTION intervention_follows_events();

CREATE FUNCTION log_intervention_event() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    o intervention;
BEGIN
    SELECT * INTO o FROM intervention WHERE id = NEW.intervention;
    PERFORM log_event('intervention', 'intervention/' || o.id,
        CASE WHEN o.site IS NULL AND o.commune IS NOT NULL THEN event_area_sites(o.commune)
             ELSE event_sites(o.site) END,
        jsonb_build_object('act', NEW.act, 'state', NEW.state));
    RETURN NULL;
END $$;
CREATE TRIGGER logged AFTER INSERT ON intervention_event
    FOR EACH ROW EXECUTE FUNCTION log_intervention_event();

SELECT guard('intervention', $$CASE WHEN commune IS NULL THEN (SELECT tenant_unplaced())
    ELSE commune = ANY ((SELECT tenant_communes())::text[]) END$$);
SELECT guard('intervention_event', 'intervention IN (SELECT id FROM intervention)');
SELECT guard('team', $$NOT (SELECT tenant_public())
    AND (communes IS NULL OR communes && ARRAY (SELECT unnest(tenant_communes())))$$);
SELECT guard('team_member', 'team IN (SELECT id FROM team)');

-- An agent sees the orders of their own teams, and nothing else. The lists are extended as they are:
-- other migrations add roles, too.
DO $$
DECLARE
    roles  text := (SELECT pg_get_constraintdef(oid) FROM pg_constraint
        WHERE conname = 'account_role_role_check');
    scopes text := (SELECT pg_get_constraintdef(oid) FROM pg_constraint
        WHERE conname = 'api_token_scopes_check');
BEGIN
    ALTER TABLE account_role DROP CONSTRAINT account_role_role_check;
    EXECUTE 'ALTER TABLE account_role ADD CONSTRAINT account_role_role_check '
        || replace(roles, '''viewer''::text', '''viewer''::text, ''agent''::text');
    ALTER TABLE api_token DROP CONSTRAINT api_token_scopes_check;
    EXECUTE 'ALTER TABLE api_token ADD CONSTRAINT api_token_scopes_check '
        || replace(scopes, '{send,', '{send,field,');
    IF roles IS NULL OR scopes IS NULL
            OR NOT EXISTS (SELECT FROM pg_constraint WHERE conname = 'account_role_role_check'
                AND pg_get_constraintdef(oid) LIKE '%agent%')
            OR NOT EXISTS (SELECT FROM pg_constraint WHERE conname = 'api_token_scopes_check'
                AND pg_get_constraintdef(oid) LIKE '%field%') THEN
        RAISE EXCEPTION 'the lists of roles and scopes read differently: % %', roles, scopes;
    END IF;
END $$;
