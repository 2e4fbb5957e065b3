-- As before (0110), but a command without an answer waits for a reading only where one may confirm it;
-- else for an acknowledgement on its way. One that comes later still counts.
CREATE OR REPLACE FUNCTION command_event_moves() RETURNS trigger LANGUAGE plpgsql AS $$
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
            WHEN NEW.to_state = 'accepted' AND quantity IS NOT NULL THEN valid_until + within
            WHEN NEW.to_state IN ('sent', 'accepted') THEN valid_until + interval '5 s'
            WHEN NEW.to_state = 'acknowledged' AND quantity IS NOT NULL THEN NEW.at + within
        END
    WHERE id = NEW.command;
    RETURN NEW;
END $$;
