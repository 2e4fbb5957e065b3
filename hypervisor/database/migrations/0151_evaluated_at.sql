-- Whether alarms are evaluated up to a time: without that no dashboard shows anything as calm. In an
-- exercise, whose clock may stand still, up to what its player has sent.
CREATE FUNCTION evaluated_at(at timestamptz) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT coalesce((
        SELECT p.evaluated_to >= least(at, CASE i.mode WHEN 'live' THEN now() ELSE p.watermark END)
            - INTERVAL '30 seconds'
        FROM evaluation_progress() p, instance i), false)$$;
