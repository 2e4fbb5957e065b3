-- Alarms of other systems (room `external`). They are handled like ours, so they have rows of `alarm`;
-- no evaluation reads or writes them. The alarm log is the rows of which `source` is null.
-- rule 'external/<source>', subject the alert's fingerprint, `since` as the source says.
ALTER TABLE revision ADD CONSTRAINT revision_rule_check
    CHECK (kind <> 'rule' OR NOT starts_with(key, 'external/'));
ALTER TABLE alarm
    ADD COLUMN source  text GENERATED ALWAYS AS (
        CASE WHEN starts_with(rule, 'external/') THEN substr(rule, 10) END) STORED,
    ADD COLUMN commune text;                      -- of an external one that names no site of ours
CREATE INDEX ON alarm (source) WHERE source IS NOT NULL AND ended IS NULL;

-- What a source last said of an alarm. Deleted some time after its end (housekeeping).
CREATE TABLE external_alarm (
    alarm       bigint PRIMARY KEY REFERENCES alarm (id),
    heard_at    timestamptz NOT NULL,
    closed      boolean NOT NULL DEFAULT false,   -- by an operator, while the source repeats it
    labels      jsonb NOT NULL,
    annotations jsonb NOT NULL,
    links       jsonb NOT NULL                    -- generator, dashboard, panel, silence, image
);

-- How each source does; `name` is its account's.
CREATE TABLE external_source (
    name       text PRIMARY KEY,
    kind       text NOT NULL,                     -- alertmanager or grafana
    heard_at   timestamptz,                       -- its last usable delivery
    deliveries bigint NOT NULL DEFAULT 0,
    raised     bigint NOT NULL DEFAULT 0,
    refused    bigint NOT NULL DEFAULT 0,         -- alerts
    problem    text,                              -- of its last delivery, if it had one
    problem_at timestamptz,
    excerpt    text
);

-- How sources are read: the file that was applied; the last one is in force.
CREATE TABLE external_mapping (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    text        text NOT NULL,
    author      text NOT NULL CHECK (author <> ''),
    reason      text NOT NULL CHECK (reason <> ''),
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- What a source names no place for is seen by whoever sees sites of no commune.
SELECT guard('alarm', $$(SELECT tenant_site_marks())[site]
    OR source IS NOT NULL AND site IS NULL
        AND CASE WHEN commune IS NULL THEN (SELECT tenant_unplaced())
                 ELSE commune = ANY ((SELECT tenant_communes())::text[]) END$$);
SELECT guard('alarm_hold', $$subject IN (SELECT tenant_subjects())
    OR starts_with(rule, 'external/') AND EXISTS (SELECT FROM alarm a
        WHERE a.rule = alarm_hold.rule AND a.subject = alarm_hold.subject)$$);
SELECT guard('external_alarm', 'alarm IN (SELECT id FROM alarm)');
SELECT guard(name, 'false') FROM unnest(ARRAY['external_source', 'external_mapping']) name;

-- Who hears of an alarm: who sees its site, else a site of its commune.
CREATE FUNCTION event_alarm_sites(alarm) RETURNS text[] LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN $1.site IS NULL AND $1.commune IS NOT NULL THEN event_area_sites($1.commune)
                ELSE event_sites($1.site) END
$$;
CREATE OR REPLACE FUNCTION log_alarm_event() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM log_event('alarm', NEW.id::text, event_alarm_sites(NEW), jsonb_build_object(
        'site', (event_sites(NEW.site))[1], 'domain', NEW.domain, 'severity', NEW.severity->-1->>1,
        'state', NEW.state, 'version', NEW.version, 'new', TG_OP = 'INSERT'));
    RETURN NULL;
END $$;
CREATE OR REPLACE FUNCTION log_alarm_act_event() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    about alarm;
BEGIN
    SELECT * INTO about FROM alarm WHERE id = NEW.alarm;
    PERFORM log_event('alarm', NEW.alarm::text, event_alarm_sites(about), jsonb_build_object(
        'site', (event_sites(about.site))[1], 'state', NEW.state, 'version', NEW.version,
        'act', NEW.kind));
    RETURN NULL;
END $$;

-- A source is an account that sends alarms and sees nothing.
ALTER TABLE account_role DROP CONSTRAINT account_role_role_check;
ALTER TABLE account_role ADD CONSTRAINT account_role_role_check
    CHECK (role IN ('source', 'viewer', 'operator', 'author', 'administrator'));
ALTER TABLE api_token DROP CONSTRAINT api_token_scopes_check;
ALTER TABLE api_token ADD CONSTRAINT api_token_scopes_check
    CHECK (scopes <@ '{send,read,operate,rules,administer}');
