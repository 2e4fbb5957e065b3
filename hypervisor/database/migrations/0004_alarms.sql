-- The operator's side of an alarm. What the watch writes and what people do stand in columns of
-- their own, so that neither overwrites the other; `version` counts both.
ALTER TABLE alarm
    ADD COLUMN version      integer NOT NULL DEFAULT 1,
    ADD COLUMN acknowledged text,                 -- the severity up to which somebody did; null: nobody
    ADD COLUMN assignee     text,
    ADD COLUMN closing      timestamptz,          -- closed by hand from here on; the watch ends it
    ADD COLUMN merged_into  bigint,               -- the alarm that it proved to be part of
    ADD COLUMN split_from   bigint;               -- the alarm that it was a piece of

-- The states of hypervisor.alarms.lifecycle; shelved and out of service stand in alarm_hold.
ALTER TABLE alarm ADD COLUMN state text NOT NULL GENERATED ALWAYS AS (
    CASE WHEN withdrawn IS NOT NULL THEN 'withdrawn'
         WHEN ended IS NULL AND closing IS NOT NULL THEN 'closing'
         WHEN ended IS NULL AND acknowledged IS NULL THEN 'unacknowledged'
         WHEN ended IS NULL THEN 'acknowledged'
         WHEN acknowledged IS NULL THEN 'returned'
         ELSE 'normal' END) STORED;
CREATE INDEX ON alarm (state, began);

ALTER TABLE transition ADD COLUMN other bigint;   -- merged: into which alarm; split: from which

-- What people, and the system on their behalf, did to alarms: append-only. `at` is the wall's clock,
-- `scenario_at` the scenario's in an exercise; `version` and `state` are the alarm's after it.
CREATE TABLE alarm_act (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    alarm       bigint NOT NULL,
    kind        text NOT NULL CHECK (kind IN ('acknowledge', 'unacknowledge', 'assign', 'comment',
                    'shelve', 'unshelve', 'out-of-service', 'return-to-service', 'close',
                    'escalate', 'remind')),
    author      text NOT NULL CHECK (author <> ''),
    at          timestamptz NOT NULL,
    scenario_at timestamptz,
    reason      text NOT NULL DEFAULT '',
    details     jsonb NOT NULL DEFAULT '{}',
    version     integer NOT NULL,
    state       text NOT NULL
);
CREATE INDEX ON alarm_act (alarm, id);
CREATE INDEX ON alarm_act (at);

CREATE FUNCTION alarm_act_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the acts on alarms are append-only: % is refused', TG_OP;
END $$;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON alarm_act
    FOR EACH STATEMENT EXECUTE FUNCTION alarm_act_is_append_only();

-- Shelved or out of service is a rule at a subject, not one of its alarms: what is shelved because
-- it comes and goes stays shelved when it comes again. Who did it and when is in alarm_act.
CREATE TABLE alarm_hold (
    rule    text NOT NULL,
    subject text NOT NULL,
    kind    text NOT NULL CHECK (kind IN ('shelved', 'out-of-service')),
    since   timestamptz NOT NULL,                 -- on the instance's clock: the scenario's in an exercise
    until   timestamptz,                          -- shelved: its end, on the same clock
    author  text NOT NULL,
    reason  text NOT NULL,
    PRIMARY KEY (rule, subject),
    CHECK ((kind = 'shelved') = (until IS NOT NULL))
);

-- Alarms closed by hand, for the engine: the alarm of this rule and subject that is on at `at` (event
-- time) ends there, and another begins only after `when` was false.
CREATE TABLE closing (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    rule        text NOT NULL,
    subject     text NOT NULL,
    at          timestamptz NOT NULL,
    author      text NOT NULL,
    reason      text NOT NULL,
    alarm       bigint NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX ON closing (rule, subject, at);

-- How an instance handles its alarms (hypervisor.alarms.settings); what is not here has its default.
CREATE TABLE alarm_setting (
    name  text PRIMARY KEY,
    value jsonb NOT NULL
);

-- Alarms that belong together: a function of the alarm log and the settings, kept for fast listing.
-- `number` is that of its first alarm.
CREATE TABLE incident (
    number     bigint PRIMARY KEY,
    domain     text NOT NULL,
    category   text NOT NULL,
    grouped_by text NOT NULL,                     -- river, commune, site or group …
    name       text NOT NULL,                     -- … of this name
    title      text NOT NULL,
    opened     timestamptz NOT NULL,
    ended      timestamptz,                       -- the last of its alarms; null while one lasts
    closes     timestamptz,                       -- `ended` and the quiet time
    severity   text NOT NULL,                     -- the highest that one of its alarms reached
    alarms     integer NOT NULL,
    active     integer NOT NULL
);
CREATE INDEX ON incident (opened);

-- Which incident an alarm is of, as of that version of it; a withdrawn one is of none.
CREATE TABLE incident_alarm (
    alarm    bigint PRIMARY KEY,
    version  integer NOT NULL,
    key      text NOT NULL,                       -- '<domain>/<category>/<grouped by>/<name>'
    place    text NOT NULL,                       -- its title
    incident bigint
);
CREATE INDEX ON incident_alarm (incident);
CREATE INDEX ON incident_alarm (key);

-- By which registry and settings they were grouped: where these changed, all are grouped again.
CREATE TABLE incident_state (
    only_one boolean PRIMARY KEY DEFAULT true CHECK (only_one),
    grouped  jsonb NOT NULL
);
