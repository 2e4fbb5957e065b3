-- Exercises that are conducted: runs of a scenario, what their leader asks for, injects, what
-- observers noted. The web only writes wishes; the part `conductor` plays and says how far it is.

-- Times: `begins`, `ends`, `clock`, `*_scenario` are the scenario's; `*_at` the wall's.
CREATE TABLE exercise_run (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind         text NOT NULL CHECK (kind IN ('story', 'recording')),
    source       text NOT NULL,                   -- a scenario's name, a recording's file
    title        text NOT NULL,
    title_fr     text NOT NULL DEFAULT '',
    parameters   jsonb NOT NULL DEFAULT '{}',     -- seed, hours, stations … by which it is made again
    state        text NOT NULL CHECK (state IN ('preparing', 'running', 'paused', 'interrupted',
                     'finished', 'stopped', 'failed', 'reset')),
    reason       text NOT NULL DEFAULT '',        -- why it failed or was interrupted
    speed        double precision CHECK (speed > 0),  -- scenario seconds a second; null: as stored
    jump_to      timestamptz,                     -- it hurries to here, then goes on at its speed
    begins       timestamptz NOT NULL,
    ends         timestamptz NOT NULL,
    clock        timestamptz,                     -- told up to here; null: not begun
    planned      bigint NOT NULL DEFAULT 0,       -- readings that the whole of it holds
    readings     bigint NOT NULL DEFAULT 0,       -- of them published
    reached      double precision,                -- the speed that was reached
    digest       text,                            -- of its messages: made again, they are the same
    author       text NOT NULL CHECK (author <> ''),
    asked_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    started_at   timestamptz,
    ended_at     timestamptz,
    version      integer NOT NULL DEFAULT 1
);
-- One at a time: a clock never turns back, and there is one broker.
CREATE UNIQUE INDEX ON exercise_run ((true))
    WHERE state IN ('preparing', 'running', 'paused', 'interrupted');

-- What leaders asked for, and what became of it. Done in order, each once.
CREATE TABLE exercise_command (
    id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    run      bigint REFERENCES exercise_run (id),  -- null: of the exercise as a whole
    kind     text NOT NULL CHECK (kind IN ('start', 'pause', 'resume', 'speed', 'jump', 'stop',
                 'fire', 'reset')),
    details  jsonb NOT NULL DEFAULT '{}',
    author   text NOT NULL CHECK (author <> ''),
    asked_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    done_at  timestamptz,
    refused  text                                  -- why it was not done; null: it was
);
CREATE INDEX ON exercise_command (id) WHERE done_at IS NULL;

-- What a leader puts in from outside: readings and lost sensors go to the sensors' side, calls,
-- rumours and messages to those who train.
CREATE TABLE exercise_inject (
    id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    run            bigint NOT NULL REFERENCES exercise_run (id),
    kind           text NOT NULL CHECK (kind IN ('reading', 'lost-sensor', 'call', 'rumour',
                       'message')),
    title          text NOT NULL CHECK (title <> ''),
    text           text NOT NULL DEFAULT '',      -- what trainees hear or read
    sender         text NOT NULL DEFAULT '',      -- from whom
    expected       text NOT NULL DEFAULT '',      -- what is expected of them: for observers
    details        jsonb NOT NULL DEFAULT '{}',   -- reading: device, quantity, value; lost: devices, hours
    planned        timestamptz,                   -- null: only by hand
    state          text NOT NULL DEFAULT 'planned'
                       CHECK (state IN ('planned', 'held', 'fired', 'done', 'cancelled')),
    fired_scenario timestamptz,
    fired_at       timestamptz,
    done_at        timestamptz,
    note           text NOT NULL DEFAULT '',
    author         text NOT NULL CHECK (author <> ''),
    fired_by       text,
    version        integer NOT NULL DEFAULT 1
);
CREATE INDEX ON exercise_inject (run, planned, id);

-- Observers' sheets: what was to be seen, and whether it was.
CREATE TABLE exercise_sheet (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    run         bigint NOT NULL REFERENCES exercise_run (id),
    inject      bigint REFERENCES exercise_inject (id),
    expected    text NOT NULL CHECK (expected <> ''),
    due         timestamptz,                      -- by when, of the scenario
    outcome     text NOT NULL DEFAULT 'open' CHECK (outcome IN ('open', 'done', 'partly', 'not')),
    seen        timestamptz,                      -- when it was seen, of the scenario
    note        text NOT NULL DEFAULT '',
    author      text NOT NULL CHECK (author <> ''),
    noted_by    text,
    noted_at    timestamptz,
    version     integer NOT NULL DEFAULT 1
);
CREATE INDEX ON exercise_sheet (run, due, id);

-- Spans of the scenario that were jumped over, with the alarms that nobody could handle in them.
CREATE TABLE exercise_skip (
    id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    run     bigint NOT NULL REFERENCES exercise_run (id),
    from_at timestamptz NOT NULL,
    to_at   timestamptz NOT NULL,
    alarms  bigint[],                             -- null: not yet known
    author  text NOT NULL,
    at      timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- What trainees were told: written when a call, rumour or message is put in, and no sooner. They see
-- this table; of the injects they see nothing.
CREATE TABLE exercise_told (
    inject      bigint PRIMARY KEY REFERENCES exercise_inject (id),
    run         bigint NOT NULL REFERENCES exercise_run (id),
    kind        text NOT NULL,
    sender      text NOT NULL,
    title       text NOT NULL,
    text        text NOT NULL,
    scenario_at timestamptz NOT NULL,
    at          timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX ON exercise_told (run, scenario_at);

-- The debrief of a run as it stood when the exercise was begun anew and all else was cleared.
CREATE TABLE exercise_archive (
    run     bigint PRIMARY KEY REFERENCES exercise_run (id),
    debrief jsonb NOT NULL,
    at      timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- Whether anybody plays: the conductor says so while it lives.
CREATE TABLE conductor (
    only_one boolean PRIMARY KEY DEFAULT true CHECK (only_one),
    seen_at  timestamptz NOT NULL,
    pid      integer NOT NULL
);

-- Everybody may see how far an exercise is and what was told. What else there is, is for those who
-- lead: it is read as the owner, after it was asked who asks.
SELECT guard(name, 'true') FROM unnest(ARRAY['exercise_run', 'exercise_told', 'conductor']) name;

CREATE FUNCTION exercise_happened() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM happened('exercise', 'run/' || NEW.id, NULL, jsonb_build_object(
        'state', NEW.state, 'speed', NEW.speed, 'version', NEW.version));
    RETURN NULL;
END $$;
CREATE TRIGGER happened_new AFTER INSERT ON exercise_run
    FOR EACH ROW EXECUTE FUNCTION exercise_happened();
CREATE TRIGGER happened_anew AFTER UPDATE OF version ON exercise_run
    FOR EACH ROW WHEN (OLD.version <> NEW.version) EXECUTE FUNCTION exercise_happened();

CREATE FUNCTION exercise_told_happened() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM happened('exercise', 'told/' || NEW.inject, NULL,
        jsonb_build_object('kind', NEW.kind, 'title', NEW.title));
    RETURN NULL;
END $$;
CREATE TRIGGER happened AFTER INSERT ON exercise_told
    FOR EACH ROW EXECUTE FUNCTION exercise_told_happened();

-- What was done to alarms may be cleared with all else when an exercise begins anew; live, never.
CREATE OR REPLACE FUNCTION alarm_act_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'TRUNCATE' AND (SELECT mode FROM instance) = 'exercise'
            AND current_setting('hypervisor.resetting', true) = 'yes' THEN
        RETURN NULL;
    END IF;
    RAISE EXCEPTION 'the acts on alarms are append-only: % is refused', TG_OP;
END $$;
