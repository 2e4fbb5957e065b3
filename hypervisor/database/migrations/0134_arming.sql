-- Where an administrator lets a rule send by itself what it proposes as automatic (room `commands`).

-- The latest row of a rule and site counts: armed from `starts` to before `ends`, or disarmed.
CREATE TABLE arming (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    rule        text NOT NULL,
    site        integer NOT NULL REFERENCES site (id),  -- where the actuators stand: who sees it
    armed       boolean NOT NULL,
    written     jsonb,                        -- the rule as it was armed; revised since, it sends nothing
    starts      timestamptz NOT NULL,         -- the instance's clock
    ends        timestamptz,
    author      text NOT NULL CHECK (author <> ''),
    reason      text NOT NULL CHECK (reason <> ''),
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CHECK (num_nonnulls(written, ends) = CASE WHEN armed THEN 2 ELSE 0 END),
    CHECK (ends > starts)
);
CREATE INDEX ON arming (rule, site, id);
SELECT guard('arming', '(SELECT tenant_site_marks())[site]');

CREATE OR REPLACE FUNCTION safety_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'TRUNCATE' AND (SELECT mode FROM instance) = 'exercise'
            AND current_setting('hypervisor.resetting', true) = 'yes' THEN
        RETURN NULL;
    END IF;
    RAISE EXCEPTION 'interlocks, overrides and what was armed stay on record: % is refused', TG_OP;
END $$;
CREATE TRIGGER stays BEFORE UPDATE OR DELETE OR TRUNCATE ON arming
    FOR EACH STATEMENT EXECUTE FUNCTION safety_stays();
