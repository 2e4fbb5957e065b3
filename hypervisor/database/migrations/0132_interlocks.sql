-- Interlocks of commands: what must be true of a site before an actuator there is commanded.

-- The latest row that is in effect counts: a device's before its site's before the domain's default.
CREATE TABLE interlock (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    site        integer NOT NULL REFERENCES site (id),  -- where the actuator stands: who sees it
    device      integer REFERENCES device (id),  -- null: all of the site's
    kind        text NOT NULL,                -- of command
    choice      text NOT NULL DEFAULT '',     -- only commands with this choice; empty: all
    condition   text,                         -- in the rule language; null: as if there were no row
    place       integer NOT NULL REFERENCES site (id),  -- whose readings it asks
    effective   timestamptz NOT NULL,         -- the instance's clock
    author      text NOT NULL CHECK (author <> ''),
    reason      text NOT NULL CHECK (reason <> ''),
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX ON interlock (kind, site);
SELECT guard('interlock', '(SELECT tenant_site_marks())[site]');

-- A command that an administrator let pass whatever its interlocks say.
CREATE TABLE command_override (
    command uuid PRIMARY KEY REFERENCES command,
    author  text NOT NULL CHECK (author <> ''),
    reason  text NOT NULL CHECK (reason <> '')
);
SELECT guard('command_override', 'command IN (SELECT id FROM command)');

-- Neither is changed afterwards.
CREATE FUNCTION safety_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'TRUNCATE' AND (SELECT mode FROM instance) = 'exercise'
            AND current_setting('hypervisor.resetting', true) = 'yes' THEN
        RETURN NULL;
    END IF;
    RAISE EXCEPTION 'interlocks and overrides stay on record: % is refused', TG_OP;
END $$;
CREATE TRIGGER stays BEFORE UPDATE OR DELETE OR TRUNCATE ON interlock
    FOR EACH STATEMENT EXECUTE FUNCTION safety_stays();
CREATE TRIGGER stays BEFORE UPDATE OR DELETE OR TRUNCATE ON command_override
    FOR EACH STATEMENT EXECUTE FUNCTION safety_stays();
