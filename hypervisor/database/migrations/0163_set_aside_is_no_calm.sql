-- What is set aside is evaluated from `since` on by nobody: no dashboard shows anything as calm then.
CREATE OR REPLACE FUNCTION evaluated_at(at timestamptz) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT coalesce((
        SELECT p.evaluated_to >= least(at, CASE i.mode WHEN 'live' THEN now() ELSE p.watermark END)
            - INTERVAL '30 seconds'
        FROM evaluation_progress() p, instance i), false)
    AND NOT EXISTS (SELECT FROM set_aside a WHERE a.since <= at)$$;
