-- NOTIFY takes a lock of the whole server at the commit and keeps it until a copy has confirmed that:
-- one such commit would wait for the other. A session with hypervisor.wake = 'later' notifies after
-- its commits, by wake_waiting(); whoever listens looks again each second all the same.
CREATE FUNCTION wake(channel text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    waiting text[] := string_to_array(current_setting('hypervisor.waiting', true), ' ');
BEGIN
    IF current_setting('hypervisor.wake', true) IS DISTINCT FROM 'later' THEN
        PERFORM pg_notify(channel, '');
    ELSIF (channel = ANY (waiting)) IS NOT TRUE THEN
        PERFORM set_config('hypervisor.waiting', array_to_string(waiting || channel, ' '), false);
    END IF;
END $$;

CREATE FUNCTION wake_waiting() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify(channel, '')
        FROM unnest(string_to_array(current_setting('hypervisor.waiting', true), ' ')) channel
        WHERE channel <> '';
    PERFORM set_config('hypervisor.waiting', '', false);
END $$;

CREATE OR REPLACE FUNCTION log_event(kind text, key text, sites text[], data jsonb DEFAULT '{}')
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO event_log (kind, key, sites, data) VALUES (kind, key, sites, data);
    PERFORM wake('hypervisor_event');
END $$;
