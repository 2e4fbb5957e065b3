-- Photographs have a retention of their own, and a team is notified of an order that is given to it.
-- The lists are extended as they are: other migrations extend them, too.
DO $$
DECLARE
    kinds  text := (SELECT pg_get_constraintdef(oid) FROM pg_constraint
        WHERE conname = 'retention_what_check');
    events text := (SELECT pg_get_constraintdef(oid) FROM pg_constraint
        WHERE conname = 'outbox_event_check');
BEGIN
    ALTER TABLE retention DROP CONSTRAINT retention_what_check;
    EXECUTE 'ALTER TABLE retention ADD CONSTRAINT retention_what_check '
        || replace(kinds, '''readings''::text', '''readings''::text, ''photographs''::text');
    ALTER TABLE outbox DROP CONSTRAINT outbox_event_check;
    EXECUTE 'ALTER TABLE outbox ADD CONSTRAINT outbox_event_check '
        || replace(events, '''raised''::text', '''raised''::text, ''assigned''::text');
    IF kinds IS NULL OR events IS NULL
            OR NOT EXISTS (SELECT FROM pg_constraint WHERE conname = 'retention_what_check'
                AND pg_get_constraintdef(oid) LIKE '%photographs%')
            OR NOT EXISTS (SELECT FROM pg_constraint WHERE conname = 'outbox_event_check'
                AND pg_get_constraintdef(oid) LIKE '%assigned%') THEN
        RAISE EXCEPTION 'the lists of retention and events read differently: % %', kinds, events;
    END IF;
END $$;
