-- Commands to actuators (room `commands`): what was asked, and its life as events.

-- All times but `recorded_at` are the instance's clock: the wall's, in an exercise the scenario's.
CREATE TABLE command (
    id          uuid PRIMARY KEY,                 -- also its key on the wire
    batch       uuid NOT NULL,                    -- what was given at once; of a single one its own id
    kind        text NOT NULL,                    -- of the catalogue (sensors)
    parameters  jsonb NOT NULL,
    actuator    text NOT NULL,                    -- what of the device moves
    device      integer NOT NULL REFERENCES device (id),
    site        integer NOT NULL REFERENCES site (id),  -- where it stood: who sees the command
    target      text NOT NULL,                    -- as given: device/<name> or group/<name>
    author      text NOT NULL CHECK (author <> ''),
    reason      text NOT NULL CHECK (reason <> ''),
    alarm       bigint,                           -- that it answers; no reference: as in 0080
    rule        text,                             -- that proposed or gave it
    signatures  smallint NOT NULL CHECK (signatures IN (1, 2)),
    quantity    text,                             -- whose reading confirms it; null: none does
    low         double precision,                 -- from there
    high        double precision,                 -- to there, both included
    within      interval NOT NULL,                -- how long that may take
    drafted_at  timestamptz NOT NULL,
    valid_until timestamptz NOT NULL CHECK (valid_until > drafted_at),
    -- What the events say; only they write it.
    state       text NOT NULL DEFAULT 'drafted',
    version     integer NOT NULL DEFAULT 0,       -- events so far
    changed_at  timestamptz NOT NULL,
    sent_at     timestamptz,
    broker      text,                             -- the start of the broker under which it was sent
    due_at      timestamptz,                      -- when its state ends by itself; null: it is over
    CHECK (num_nonnulls(quantity, low, high) IN (0, 3))
);
CREATE INDEX ON command (drafted_at, id);
CREATE INDEX ON command (batch);
CREATE INDEX ON command (device, drafted_at);
CREATE INDEX ON command (alarm) WHERE alarm IS NOT NULL;
CREATE INDEX ON command (state, due_at) WHERE due_at IS NOT NULL;

-- Which state may follow which (hypervisor/commands/model.py has the same table).
CREATE TABLE command_step (
    from_state text NOT NULL,
    to_state   text NOT NULL,
    PRIMARY KEY (from_state, to_state)
);
INSERT INTO command_step
SELECT split_part(step, ' ', 1), unnest(string_to_array(split_part(step, ' ', 2), ',')) FROM unnest(ARRAY[
    'drafted queued,cancelled,expired',
    'queued sent,refused,cancelled,expired,superseded',
    'sent queued,accepted,acknowledged,refused,failed,expired,superseded',
    'accepted acknowledged,confirmed,refused,failed,expired,superseded',
    'acknowledged confirmed,failed,superseded',
    'expired acknowledged']) step;

CREATE TABLE command_event (
    command     uuid NOT NULL REFERENCES command,
    number      integer NOT NULL,
    from_state  text,                             -- null: it begins
    to_state    text NOT NULL,
    at          timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),  -- the wall's clock
    who         text NOT NULL CHECK (who <> ''),  -- a person; `device/<name>`; else a part of ours
    why         text NOT NULL,
    broker      text,                             -- of 'sent': under which start of the broker
    PRIMARY KEY (command, number)
);

-- An event is checked against its command, numbered, and moves it.
CREATE FUNCTION command_event_moves() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    about command;
BEGIN
    SELECT * INTO STRICT about FROM command WHERE id = NEW.command FOR UPDATE;
    NEW.number := about.version + 1;
    IF about.version = 0 THEN
        IF NEW.to_state <> 'drafted' THEN
            RAISE EXCEPTION 'command % begins as drafted, not %', NEW.command, NEW.to_state;
        END IF;
    ELSE
        NEW.from_state := about.state;
        IF NOT EXISTS (SELECT FROM command_step s
                WHERE s.from_state = about.state AND s.to_state = NEW.to_state) THEN
            RAISE EXCEPTION 'command % is %: it cannot become %', NEW.command, about.state, NEW.to_state;
        END IF;
    END IF;
    IF NEW.to_state = 'sent' AND NEW.at >= about.valid_until THEN
        RAISE EXCEPTION 'command % was valid until %', NEW.command, about.valid_until;
    END IF;
    IF NEW.from_state = 'drafted' AND NEW.to_state = 'queued' AND about.signatures = 2
            AND NEW.who = about.author THEN
        RAISE EXCEPTION 'command % takes two people: its author cannot sign it', NEW.command;
    END IF;
    IF NEW.from_state = 'expired' AND about.sent_at IS NULL THEN
        RAISE EXCEPTION 'command % was never sent: it cannot become %', NEW.command, NEW.to_state;
    END IF;
    UPDATE command SET state = NEW.to_state, version = NEW.number, changed_at = NEW.at,
        sent_at = CASE NEW.to_state WHEN 'sent' THEN NEW.at WHEN 'queued' THEN NULL ELSE sent_at END,
        broker = CASE NEW.to_state WHEN 'sent' THEN NEW.broker WHEN 'queued' THEN NULL ELSE broker END,
        due_at = CASE
            WHEN NEW.to_state IN ('drafted', 'queued') THEN valid_until
            WHEN NEW.to_state IN ('sent', 'accepted') THEN valid_until + within
            WHEN NEW.to_state = 'acknowledged' AND quantity IS NOT NULL THEN NEW.at + within
        END
    WHERE id = NEW.command;
    RETURN NEW;
END $$;
CREATE TRIGGER moves BEFORE INSERT ON command_event
    FOR EACH ROW EXECUTE FUNCTION command_event_moves();

-- What was asked never changes, and its state only with an event.
CREATE FUNCTION command_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'TRUNCATE' AND (SELECT mode FROM instance) = 'exercise'
            AND current_setting('hypervisor.resetting', true) = 'yes' THEN
        RETURN NULL;
    END IF;
    IF TG_OP = 'UPDATE' AND TG_TABLE_NAME = 'command' AND pg_trigger_depth() > 1 THEN
        RETURN NULL;
    END IF;
    RAISE EXCEPTION 'what was commanded, and what became of it, stays: % is refused', TG_OP;
END $$;
CREATE TRIGGER stays BEFORE UPDATE OR DELETE OR TRUNCATE ON command
    FOR EACH STATEMENT EXECUTE FUNCTION command_stays();
CREATE TRIGGER stays BEFORE UPDATE OR DELETE OR TRUNCATE ON command_event
    FOR EACH STATEMENT EXECUTE FUNCTION command_stays();

CREATE FUNCTION command_begins() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO command_event (command, to_state, at, who, why)
    VALUES (NEW.id, 'drafted', NEW.drafted_at, NEW.author, NEW.reason);
    RETURN NULL;
END $$;
CREATE TRIGGER begins AFTER INSERT ON command FOR EACH ROW EXECUTE FUNCTION command_begins();
CREATE FUNCTION command_is_new() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.state := 'drafted';
    NEW.version := 0;
    NEW.changed_at := NEW.drafted_at;
    NEW.sent_at := NULL;
    NEW.broker := NULL;
    NEW.due_at := NULL;
    RETURN NEW;
END $$;
CREATE TRIGGER is_new BEFORE INSERT ON command FOR EACH ROW EXECUTE FUNCTION command_is_new();

CREATE FUNCTION log_command_event() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM log_event('command', NEW.command::text, event_sites(c.site),
        jsonb_build_object('state', NEW.to_state, 'device', d.name))
    FROM command c JOIN device d ON d.id = c.device WHERE c.id = NEW.command;
    IF NEW.to_state = 'queued' THEN
        NOTIFY hypervisor_command;                -- the sender has something to do
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER logged AFTER INSERT ON command_event
    FOR EACH ROW EXECUTE FUNCTION log_command_event();

-- What a device says of a command, in ingest's transaction: null where it is recorded, or known
-- already; else why it is refused: 'unknown', 'another' (device's) or 'unsent'.
CREATE FUNCTION acknowledge_command(key uuid, device text, to_state text, at timestamptz, why text)
RETURNS text LANGUAGE plpgsql AS $$
#variable_conflict use_variable
DECLARE
    about command;
BEGIN
    SELECT * INTO about FROM command c WHERE c.id = key FOR UPDATE;
    IF NOT FOUND THEN
        RETURN 'unknown';
    ELSIF NOT EXISTS (SELECT FROM device d WHERE d.id = about.device AND d.name = device) THEN
        RETURN 'another';
    ELSIF about.sent_at IS NULL THEN
        RETURN 'unsent';
    ELSIF EXISTS (SELECT FROM command_step s WHERE s.from_state = about.state AND s.to_state = to_state) THEN
        INSERT INTO command_event (command, to_state, at, who, why)
        VALUES (key, to_state, at, 'device/' || device, why);
    END IF;
    RETURN NULL;
END $$;

-- The one sender.
CREATE TABLE command_sender (
    id      smallint PRIMARY KEY DEFAULT 1 CHECK (id = 1),
    seen_at timestamptz NOT NULL,                 -- the wall's clock
    broker  text                                  -- the start of the broker it is connected to
);

SELECT guard('command', '(SELECT tenant_site_marks())[site]');
SELECT guard('command_event', 'command IN (SELECT id FROM command)');
SELECT guard('command_step', 'true');
SELECT guard('command_sender', 'true');

-- Who commands is a role of its own, and so are the scopes of its tokens. Added to what the lists
-- have: other migrations add to them, too.
DO $$
DECLARE
    roles  text := (SELECT pg_get_constraintdef(oid) FROM pg_constraint
        WHERE conname = 'account_role_role_check');
    scopes text := (SELECT pg_get_constraintdef(oid) FROM pg_constraint
        WHERE conname = 'api_token_scopes_check');
BEGIN
    IF roles IS NULL OR scopes IS NULL OR roles NOT LIKE '%''operator''::text%'
            OR scopes NOT LIKE '%,operate,%' THEN
        RAISE EXCEPTION 'the lists of roles and scopes read differently: % %', roles, scopes;
    END IF;
    ALTER TABLE account_role DROP CONSTRAINT account_role_role_check;
    EXECUTE 'ALTER TABLE account_role ADD CONSTRAINT account_role_role_check '
        || replace(roles, '''operator''::text', '''operator''::text, ''controller''::text');
    ALTER TABLE api_token DROP CONSTRAINT api_token_scopes_check;
    EXECUTE 'ALTER TABLE api_token ADD CONSTRAINT api_token_scopes_check '
        || replace(scopes, ',operate,', ',operate,command,countersign,');
END $$;
