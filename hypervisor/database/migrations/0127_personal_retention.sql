-- Homes: readings, ended alarms and what hangs on them are deleted when their time is over, or at once.
-- What was done on alarms stays otherwise (0011), so this is said by a setting of the transaction.
CREATE OR REPLACE FUNCTION alarm_act_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'TRUNCATE' AND (SELECT mode FROM instance) = 'exercise'
            AND current_setting('hypervisor.resetting', true) = 'yes'
        OR TG_OP = 'DELETE' AND current_setting('hypervisor.forgetting', true) = 'yes' THEN
        RETURN NULL;
    END IF;
    RAISE EXCEPTION 'the acts on alarms are append-only: % is refused', TG_OP;
END $$;

-- `homes`: numbers of personal sites; others are left alone. An alarm stays as long as the evaluation may
-- still need it: until its rule is inactive again. `mark`: the reason of a state before which nothing is
-- known, as the evaluation writes it. Returns how many readings and alarms.
CREATE FUNCTION forget_homes(homes integer[], before timestamptz, mark text)
RETURNS TABLE (readings bigint, alarms bigint) LANGUAGE plpgsql AS $$
DECLARE
    mine     integer[] := ARRAY (SELECT id FROM site WHERE personal AND id = ANY (homes));
    named    text[] := ARRAY (SELECT name FROM device WHERE site = ANY (mine));
    numbers  integer[] := ARRAY (SELECT id FROM series WHERE device IN (
                 SELECT id FROM device WHERE site = ANY (mine)));
    subjects text[] := ARRAY (SELECT name FROM site WHERE id = ANY (mine))
                 || ARRAY (SELECT 'device/' || n FROM unnest(named) n)
                 || ARRAY (SELECT 'group/' || g.name FROM device_group g WHERE g.site = ANY (mine));
    gone     bigint[];
BEGIN
    PERFORM set_config('hypervisor.forgetting', 'yes', true);
    DELETE FROM reading WHERE series_id = ANY (numbers) AND time < before;
    GET DIAGNOSTICS readings = ROW_COUNT;
    DELETE FROM reading_version WHERE series_id = ANY (numbers) AND time < before;
    DELETE FROM rollup_hour WHERE series_id = ANY (numbers) AND begins < before - interval '1 hour';
    DELETE FROM rollup_day WHERE series_id = ANY (numbers) AND begins < before - interval '1 day';
    DELETE FROM rollup_suspect WHERE series_id = ANY (numbers) AND begins < before;
    DELETE FROM dead_letter WHERE received_at < before
        AND split_part(regexp_replace(topic, '^exercise/', ''), '/', 2) = ANY (named);

    gone := ARRAY (SELECT a.id FROM alarm a WHERE a.site = ANY (mine)
        AND coalesce(a.withdrawn, a.ended) < before
        AND (a.source IS NOT NULL OR NOT EXISTS (
                SELECT FROM rule_state s WHERE s.rule = a.rule AND s.subject = a.subject)
            OR EXISTS (SELECT FROM rule_state s WHERE s.rule = a.rule AND s.subject = a.subject
                AND s.state->>'phase' = 'inactive' AND s.time >= a.since)));
    DELETE FROM delivery WHERE alarm = ANY (gone);
    DELETE FROM outbox WHERE alarm = ANY (gone);
    DELETE FROM transition WHERE alarm = ANY (gone);
    DELETE FROM alarm_act WHERE alarm = ANY (gone);
    DELETE FROM closing WHERE alarm = ANY (gone);
    DELETE FROM external_alarm WHERE alarm = ANY (gone);
    DELETE FROM incident_alarm WHERE alarm = ANY (gone);
    DELETE FROM incident WHERE NOT EXISTS (
        SELECT FROM incident_alarm m WHERE m.incident = incident.number);
    DELETE FROM alarm WHERE id = ANY (gone);
    alarms := cardinality(gone);

    WITH last AS (SELECT s.rule, s.subject, max(s.time) AS time FROM rule_state s
        WHERE s.subject = ANY (subjects) AND s.time < before AND s.state->>'phase' = 'inactive'
        GROUP BY 1, 2),
    marked AS (UPDATE rule_state s SET state = s.state || jsonb_build_object('reason', mark)
        FROM last WHERE (s.rule, s.subject, s.time) = (last.rule, last.subject, last.time))
    DELETE FROM rule_state s USING last
        WHERE (s.rule, s.subject) = (last.rule, last.subject) AND s.time < last.time;
    PERFORM set_config('hypervisor.forgetting', '', true);
    RETURN NEXT;
END $$;
