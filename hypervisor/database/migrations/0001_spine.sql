-- The spine: instance, territory, registry, readings, the feed to the watch, alarms.
CREATE EXTENSION IF NOT EXISTS timescaledb;

-- One database is either live or an exercise, for good.
CREATE TABLE instance (
    only_one   boolean PRIMARY KEY DEFAULT true CHECK (only_one),
    mode       text NOT NULL CHECK (mode IN ('live', 'exercise')),
    name       text NOT NULL,
    timezone   text NOT NULL DEFAULT 'Europe/Paris',
    created_at timestamptz NOT NULL DEFAULT now()
);

-- Territory: departement > EPCI > commune. Codes are INSEE's (EPCI: SIREN).
CREATE TABLE area (
    code       text PRIMARY KEY,
    kind       text NOT NULL CHECK (kind IN ('departement', 'epci', 'commune')),
    name       text NOT NULL,
    parent     text REFERENCES area (code),
    population integer,
    lon        double precision,
    lat        double precision
);

CREATE TABLE site (
    id           integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name         text NOT NULL UNIQUE,            -- the key in files, topics and the API
    title        text NOT NULL,                   -- what people read
    domain       text NOT NULL,
    commune      text REFERENCES area (code),
    lon          double precision,
    lat          double precision,
    river        text,
    river_order  double precision,                -- rank from the source down
    illustrative boolean NOT NULL DEFAULT false,  -- coordinates chosen by us, not surveyed
    properties   jsonb NOT NULL DEFAULT '{}'
);

CREATE TABLE device (
    id           integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name         text NOT NULL UNIQUE,            -- also its MQTT user name
    site         integer NOT NULL REFERENCES site (id),
    model        text,
    commissioned timestamptz NOT NULL,
    retired      timestamptz
);

CREATE TABLE series (
    id        integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    device    integer NOT NULL REFERENCES device (id),
    quantity  text NOT NULL,
    low       double precision,                   -- narrower than the catalogue's, or null
    high      double precision,
    saturates double precision,                   -- top of its scale: at or above, a lower bound
    UNIQUE (device, quantity)
);

-- Whatever a rule uses has revisions, each with the event time from which it holds.
-- kind 'threshold'  key '<site>/<name>'        value {"value": 3.1, "unit": "m", "quantity": "level"}
-- kind 'device'     key '<device>'             value {"in_service": true}
-- kind 'series'     key '<device>/<quantity>'  value {"interval_s": 300, "stale_s": 900, "reporting": "periodic"}
-- kind 'link'       key '<upstream>><downstream>' value {"travel_s": 3600}
-- kind 'rule'       key '<rule id>'            value the rule as its pack writes it
-- A null value withdraws. Of two revisions of one key and effective time the later recorded stands.
CREATE TABLE revision (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind         text NOT NULL CHECK (kind IN ('threshold', 'device', 'series', 'link', 'rule')),
    key          text NOT NULL,
    value        jsonb,
    effective    timestamptz NOT NULL,
    author       text NOT NULL,
    reason       text NOT NULL,
    illustrative boolean NOT NULL DEFAULT false,
    previous     bigint REFERENCES revision (id),
    recorded_at  timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX ON revision (kind, key, effective, id);

-- Readings: narrow, one row a series and time. Quality: the flags of sensors._quality.
CREATE TABLE reading (
    series_id   integer NOT NULL,
    time        timestamptz NOT NULL,
    received_at timestamptz,                      -- null: imported history, which is no arrival
    value       double precision,
    quality     smallint NOT NULL,
    PRIMARY KEY (series_id, time)
);
SELECT create_hypertable('reading', by_range('time', INTERVAL '7 days'), create_default_indexes => false);

-- A watch that starts asks what arrived lately, however old: this tells the pages that cannot hold it.
CREATE INDEX ON reading USING brin (received_at) WITH (autosummarize = on, pages_per_range = 64);

-- Every distinct value ever seen at a (series, time) that was corrected, with its first arrival.
-- The one whose first arrival is latest stands in `reading`.
CREATE TABLE reading_version (
    series_id   integer NOT NULL,
    time        timestamptz NOT NULL,
    value       double precision,
    quality     smallint NOT NULL,
    received_at timestamptz,
    UNIQUE NULLS NOT DISTINCT (series_id, time, value, quality)
);

CREATE TABLE dead_letter (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    topic       text NOT NULL,
    payload     bytea NOT NULL,
    reason      text NOT NULL,                    -- a short word: unknown-device, not-json, ...
    detail      text NOT NULL,                    -- a sentence for the person who can mend it
    received_at timestamptz NOT NULL,
    worker      text NOT NULL,
    redriven_at timestamptz,
    outcome     text
);
CREATE INDEX ON dead_letter (received_at);
CREATE INDEX ON dead_letter (topic, reason, md5(payload));  -- one sent again is buried once

-- Ingest workers and how far each has listened.
CREATE TABLE worker (
    name       text PRIMARY KEY,
    heard_at   timestamptz,                       -- its latest heartbeat that came round
    joined_at  timestamptz NOT NULL,
    drained_at timestamptz                        -- no longer expected to be heard
);

-- When a worker was not listening (live; in an exercise only a scenario declares them).
CREATE TABLE deaf_span (
    worker  text NOT NULL,
    from_at timestamptz NOT NULL,
    to_at   timestamptz NOT NULL,
    PRIMARY KEY (worker, from_at)
);

-- What is new for the watch, in commit order: read with
--   xid >= cursor AND xid < pg_snapshot_xmin(pg_current_snapshot()), the new cursor being that xmin.
CREATE TABLE feed (
    xid    xid8 NOT NULL DEFAULT pg_current_xact_id(),
    id     bigint GENERATED ALWAYS AS IDENTITY,
    kind   text NOT NULL CHECK (kind IN ('readings', 'heartbeat', 'registry')),
    worker text NOT NULL DEFAULT '',
    at     timestamptz,                           -- heartbeat: the clock that came round
    rows   bytea STORAGE EXTERNAL,                -- readings: packed rows, see hypervisor.database.feed;
                                                  -- compressing them would cost a fifth of the batch
    PRIMARY KEY (xid, id)
);
CREATE INDEX ON feed (id) WHERE kind = 'registry';  -- few, kept for good: how often it changed

-- The watch's own state; written in one transaction with what it concluded.
CREATE TABLE watch_state (
    only_one   boolean PRIMARY KEY DEFAULT true CHECK (only_one),
    cursor     xid8 NOT NULL,
    heard_to   timestamptz,                       -- lowest heartbeat seen: silence is judged up to here
    judged_to  timestamptz,                       -- values are judged up to here
    engine     text NOT NULL                      -- version of the engine
);

-- Per rule and subject: the changes of truth, runs, latches (rules._journal), from which the log folds.
CREATE TABLE journal (
    rule    text NOT NULL,
    subject text NOT NULL,
    time    timestamptz NOT NULL,
    moment  jsonb NOT NULL,
    PRIMARY KEY (rule, subject, time)
);

-- What the registry and the rules said when they were last judged by, per site and per rule: where
-- they now say something else, the judgement starts again from the first moment that differs.
CREATE TABLE judged_under (
    kind  text NOT NULL CHECK (kind IN ('site', 'rule', 'deaf')),
    key   text NOT NULL,
    facts jsonb NOT NULL,
    PRIMARY KEY (kind, key)
);

CREATE TABLE alarm (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    rule       text NOT NULL,
    subject    text NOT NULL,
    site       integer REFERENCES site (id),
    since      timestamptz NOT NULL,
    began      timestamptz NOT NULL,
    ended      timestamptz,
    end_reason text,
    severity   jsonb NOT NULL,                    -- [[time, severity], ...] its steps
    stale      jsonb NOT NULL,                    -- [[from, to or null], ...]
    title      text NOT NULL,
    advice     text NOT NULL DEFAULT '',
    last_value jsonb,                             -- what the rule's series last said, with time, unit and trend
    withdrawn  timestamptz,                       -- when a revision of the past took it back
    noticed_at timestamptz NOT NULL,
    changed_at timestamptz NOT NULL
);
CREATE INDEX ON alarm (rule, subject, began);
CREATE INDEX ON alarm (began) WHERE ended IS NULL AND withdrawn IS NULL;

-- What people could see, and when: append-only.
CREATE TABLE transition (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    alarm      bigint NOT NULL REFERENCES alarm (id),
    kind       text NOT NULL CHECK (kind IN ('raised', 'cleared', 'severity', 'stale', 'fresh',
                   'retrospective', 'revised', 'withdrawn', 'merged', 'split')),
    event_time timestamptz NOT NULL,              -- when it became true
    noticed_at timestamptz NOT NULL,              -- when we noticed
    reason     text NOT NULL DEFAULT '',
    snapshot   jsonb NOT NULL                     -- the alarm as it then stood
);
CREATE INDEX ON transition (alarm, id);
CREATE INDEX ON transition (noticed_at);
