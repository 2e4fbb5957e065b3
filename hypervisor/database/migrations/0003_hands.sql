-- Hands on the data: what people did, what it changed, and how long readings are kept.

-- Who did what, when and why. `at` is the wall's clock; `scenario_at` the scenario's, in an exercise.
-- Kinds are the doer's words: invalidate, undo, observe, restore, retention, inventory, works, codec …
CREATE TABLE audit (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at          timestamptz NOT NULL DEFAULT clock_timestamp(),
    scenario_at timestamptz,
    author      text NOT NULL CHECK (author <> ''),
    kind        text NOT NULL CHECK (kind <> ''),
    subject     text NOT NULL,                    -- '<device>/<quantity>', a file, an instance …
    reason      text NOT NULL CHECK (reason <> ''),
    details     jsonb NOT NULL DEFAULT '{}'
);
CREATE INDEX ON audit (at);
CREATE UNIQUE INDEX ON audit ((details->>'undoes')) WHERE details ? 'undoes';  -- undone once

CREATE FUNCTION audit_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the audit is append-only: % is refused', TG_OP;
END $$;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit
    FOR EACH STATEMENT EXECUTE FUNCTION audit_is_append_only();

-- A version that a person made stand: by which act, and when, on the axis of arrivals. Of the
-- versions at one (series, time) the one stands whose first arrival or act is latest; so what an
-- act replaced does not come back through a redelivery.
ALTER TABLE reading_version
    ADD COLUMN act      bigint REFERENCES audit (id),
    ADD COLUMN acted_at timestamptz;
CREATE INDEX ON reading_version (act) WHERE act IS NOT NULL;

-- For how many days things have been kept by agreement: a shorter setting is asked for first.
CREATE TABLE retention (
    what      text PRIMARY KEY CHECK (what IN ('readings', 'dead_letters', 'imported')),
    days      integer,                            -- null: for good
    agreed_at timestamptz NOT NULL DEFAULT now()
);
