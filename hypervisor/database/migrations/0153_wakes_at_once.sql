-- As before (0143), but what only notifies does not wait for the disk: a NOTIFY makes its transaction
-- write a commit, so that the listener woke one flush (in a cluster one confirmation) later, and the
-- session's next batch began as much later. A notification that a crash loses was for a session that the
-- crash ended, too.
CREATE OR REPLACE FUNCTION wake_waiting() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF pg_current_xact_id_if_assigned() IS NULL THEN
        PERFORM set_config('synchronous_commit', 'off', true);
    END IF;
    PERFORM pg_notify(channel, '')
        FROM unnest(string_to_array(current_setting('hypervisor.waiting', true), ' ')) channel
        WHERE channel <> '';
    PERFORM set_config('hypervisor.waiting', '', false);
END $$;
