-- Tables, columns and functions take the names of their field; every row stays.

-- How far the evaluation is.
ALTER TABLE watch_state RENAME TO evaluation_state;
ALTER TABLE evaluation_state RENAME COLUMN heard_to TO watermark;      -- silence is evaluated up to here
ALTER TABLE evaluation_state RENAME COLUMN judged_to TO evaluated_to;  -- values are evaluated up to here
ALTER INDEX watch_state_pkey RENAME TO evaluation_state_pkey;
ALTER TABLE evaluation_state RENAME CONSTRAINT watch_state_only_one_check TO evaluation_state_only_one_check;

-- Per rule and subject: the changes of truth, runs and latches from which the alarm log folds.
DROP VIEW IF EXISTS shown.journal;  -- `hypervisor migrate` makes readers' views of rule_state
DROP FUNCTION IF EXISTS shown.journal_rows();
ALTER TABLE journal RENAME TO rule_state;
ALTER TABLE rule_state RENAME COLUMN moment TO state;
ALTER INDEX journal_pkey RENAME TO rule_state_pkey;

-- What registry and rules said at the last evaluation; where they differ, evaluation starts again.
ALTER TABLE judged_under RENAME TO evaluation_input;
ALTER TABLE evaluation_input DROP CONSTRAINT judged_under_kind_check;
UPDATE evaluation_input SET kind = 'gap' WHERE kind = 'deaf';
ALTER TABLE evaluation_input ADD CONSTRAINT evaluation_input_kind_check
    CHECK (kind IN ('subject', 'rule', 'gap', 'closing'));
ALTER INDEX judged_under_pkey RENAME TO evaluation_input_pkey;

-- The event log: what open pages follow, in commit order.
ALTER TABLE happening RENAME TO event_log;
ALTER INDEX happening_pkey RENAME TO event_log_pkey;
ALTER INDEX happening_at_idx RENAME TO event_log_at_idx;
ALTER SEQUENCE happening_id_seq RENAME TO event_log_id_seq;
ALTER TABLE happening_forgotten RENAME TO event_log_horizon;  -- older events were pruned
ALTER TABLE event_log_horizon RENAME COLUMN swept_at TO pruned_at;
ALTER INDEX happening_forgotten_pkey RENAME TO event_log_horizon_pkey;
ALTER TABLE event_log_horizon
    RENAME CONSTRAINT happening_forgotten_only_one_check TO event_log_horizon_only_one_check;

CREATE FUNCTION log_event(kind text, key text, sites text[], data jsonb DEFAULT '{}')
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO event_log (kind, key, sites, data) VALUES (kind, key, sites, data);
    PERFORM pg_notify('hypervisor_event', '');
END $$;
ALTER FUNCTION heard_at(integer) RENAME TO event_sites;   -- the site by its number; none: at no site
ALTER FUNCTION heard_in(text) RENAME TO event_area_sites; -- the sites below an area

-- The trigger functions call these by their new names and are renamed themselves:
-- alarm_happened → log_alarm_event.
DO $$
DECLARE
    f record;
BEGIN
    FOR f IN SELECT oid, proname FROM pg_proc
        WHERE pronamespace = 'public'::regnamespace AND proname LIKE '%\_happened'
    LOOP
        EXECUTE regexp_replace(regexp_replace(regexp_replace(pg_get_functiondef(f.oid),
            '\mhappened\(', 'log_event(', 'g'),
            '\mheard_at\(', 'event_sites(', 'g'),
            '\mheard_in\(', 'event_area_sites(', 'g');
        EXECUTE format('ALTER FUNCTION %s RENAME TO %I', f.oid::regprocedure, CASE f.proname
            WHEN 'log_happened' THEN 'log_entry_event'
            WHEN 'noted_event_happened' THEN 'log_past_event'
            ELSE 'log_' || regexp_replace(f.proname, 's?_happened$', '_event') END);
    END LOOP;
    FOR f IN SELECT tgrelid::regclass AS place, tgname FROM pg_trigger
        WHERE NOT tgisinternal AND tgname IN ('happened', 'happened_new', 'happened_anew')
    LOOP
        EXECUTE format('ALTER TRIGGER %I ON %s RENAME TO %I', f.tgname, f.place, CASE f.tgname
            WHEN 'happened' THEN 'log_event'
            WHEN 'happened_new' THEN 'log_new_event'
            ELSE 'log_change_event' END);
    END LOOP;
END $$;
DROP FUNCTION happened(text, text, text[], jsonb);
