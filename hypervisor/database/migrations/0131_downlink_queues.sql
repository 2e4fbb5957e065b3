-- The Things Stack keeps no end of validity: a command that is over is taken out of its queue.
ALTER TABLE command_relay ADD COLUMN cleared_at timestamptz;  -- the instance's clock
CREATE INDEX ON command_relay (gateway, taken_at) WHERE cleared_at IS NULL;
DROP TRIGGER stays ON command_relay;
CREATE FUNCTION command_relay_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.cleared_at IS NOT NULL OR (NEW.command, NEW.gateway, NEW.taken_at)
            IS DISTINCT FROM (OLD.command, OLD.gateway, OLD.taken_at) THEN
        RAISE EXCEPTION 'what the broker took for a gateway stays on record';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER clears BEFORE UPDATE ON command_relay
    FOR EACH ROW EXECUTE FUNCTION command_relay_stays();
CREATE TRIGGER stays BEFORE DELETE OR TRUNCATE ON command_relay
    FOR EACH STATEMENT EXECUTE FUNCTION command_stays();
