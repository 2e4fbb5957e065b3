-- Tables and columns take the names of their field; every row stays.
DROP VIEW IF EXISTS shown.noted_event;  -- `hypervisor migrate` makes readers' views anew
DROP FUNCTION IF EXISTS shown.noted_event_rows();
DO $$
DECLARE
    old  text;
    new  text;
    part record;
BEGIN
    FOR old, new IN VALUES
        ('ingest_gap', 'message_loss'),          -- acknowledged messages may have been lost
        ('deaf_span', 'ingest_gap'),             -- ingest did not listen; the broker kept its queue
        ('noted_event', 'past_event'),
        ('exercise_sheet', 'exercise_checklist'),
        ('lit_made', 'lit_input')                -- from what the rows of a group were computed
    LOOP
        EXECUTE format('ALTER TABLE %I RENAME TO %I', old, new);
        FOR part IN SELECT conname AS name FROM pg_constraint
            WHERE conrelid = new::regclass AND starts_with(conname, old || '_')
        LOOP
            EXECUTE format('ALTER TABLE %I RENAME CONSTRAINT %I TO %I', new, part.name,
                new || substr(part.name, length(old) + 1));
        END LOOP;
        FOR part IN SELECT c.relname AS name FROM pg_class c
            WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('i', 'S')
              AND starts_with(c.relname, old || '_')
        LOOP
            EXECUTE format('ALTER TABLE %I RENAME TO %I', part.name,
                new || substr(part.name, length(old) + 1));
        END LOOP;
    END LOOP;
END $$;

ALTER TABLE dead_letter RENAME COLUMN redriven_at TO replayed_at;
ALTER TABLE worker RENAME COLUMN heard_at TO heartbeat_at;      -- the latest that came back
ALTER TABLE delivery RENAME COLUMN told_at TO notified_at;      -- by the instance's clock
ALTER TABLE delivery RENAME COLUMN made_at TO created_at;
ALTER TABLE account RENAME COLUMN made_at TO created_at;
ALTER TABLE session RENAME COLUMN made_at TO created_at;
ALTER TABLE api_token RENAME COLUMN made_at TO created_at;
ALTER TABLE api_token RENAME COLUMN shown TO prefix;            -- its first letters
ALTER TABLE reader RENAME COLUMN made_at TO created_at;
ALTER TABLE reader RENAME COLUMN made_by TO created_by;
ALTER TABLE exercise_run RENAME COLUMN asked_at TO requested_at;
ALTER TABLE exercise_command RENAME COLUMN asked_at TO requested_at;
ALTER TABLE past_event RENAME COLUMN noted_at TO recorded_at;
ALTER TABLE past_event RENAME COLUMN withdrawn_why TO withdrawn_reason;
ALTER TABLE message_loss RENAME COLUMN noted_at TO recorded_at;
ALTER FUNCTION ingest_gap_is_append_only() RENAME TO message_loss_is_append_only;

ALTER TABLE zone DROP CONSTRAINT zone_kind_check;  -- a domain of the catalogue, or other

CREATE OR REPLACE FUNCTION log_exercise_message_event() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM log_event('exercise', 'message/' || NEW.inject, NULL,
        jsonb_build_object('kind', NEW.kind, 'title', NEW.title));
    RETURN NULL;
END $$;
