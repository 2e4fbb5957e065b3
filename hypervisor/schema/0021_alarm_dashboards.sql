-- What the dashboards of alarms, of the territory and of the data ask more than once. As whoever asks,
-- and plain enough to be inlined.

-- Severities in order: 1 is the highest.
CREATE FUNCTION severity_rank(severity text) RETURNS integer LANGUAGE sql IMMUTABLE AS $$
    SELECT array_position(ARRAY['critical', 'major', 'minor', 'info'], severity)
$$;

-- The alarms that stood at a time, as they stood then by what is known now: their severity, whether
-- they lacked fresh readings, who had to act still. Acknowledged: somebody did, and it did not get
-- worse since. Held: shelved or out of service.
CREATE FUNCTION alarms_at(at timestamptz) RETURNS TABLE (
    alarm bigint, rule text, subject text, site integer, domain text, category text, title text,
    title_fr text, began timestamptz, severity text, rank integer, stale boolean,
    acknowledged boolean, held text)
LANGUAGE sql STABLE AS $$
    SELECT a.id, a.rule, a.subject, a.site, a.domain, a.category, a.title, a.title_fr, a.began,
           now.severity, severity_rank(now.severity),
           EXISTS (SELECT FROM jsonb_array_elements(a.stale) s WHERE (s->>0)::timestamptz <= at
                   AND (s->>1 IS NULL OR (s->>1)::timestamptz > at)),
           COALESCE(act.kind = 'acknowledge' AND severity_rank(now.severity) >= severity_rank((
               SELECT step->>1 FROM jsonb_array_elements(a.severity) step
               WHERE (step->>0)::timestamptz <= GREATEST(act.at, a.began)
               ORDER BY severity_rank(step->>1) LIMIT 1)), false),
           (SELECT h.kind FROM alarm_hold h WHERE h.rule = a.rule AND h.subject = a.subject
               AND h.since <= alarms_at.at AND (h.until IS NULL OR h.until > alarms_at.at))
    FROM alarm a
    CROSS JOIN LATERAL (
        SELECT step.value->>1 AS severity FROM jsonb_array_elements(a.severity) WITH ORDINALITY step
        WHERE (step.value->>0)::timestamptz <= GREATEST(alarms_at.at, a.began)
        ORDER BY step.ordinality DESC LIMIT 1
    ) now
    LEFT JOIN LATERAL (
        SELECT c.kind, COALESCE(c.scenario_at, c.at) AS at FROM alarm_act c
        WHERE c.alarm = a.id AND c.kind IN ('acknowledge', 'unacknowledge')
          AND COALESCE(c.scenario_at, c.at) <= alarms_at.at ORDER BY c.id DESC LIMIT 1
    ) act ON true
    WHERE a.withdrawn IS NULL AND a.began <= alarms_at.at AND a.noticed_at <= alarms_at.at
      AND (a.ended IS NULL OR a.ended > alarms_at.at)
$$;

-- Alarms as they came before an operator within (since, until], with the severity they were raised
-- with; those that were withdrawn later too. `answered`: when somebody first acknowledged them.
CREATE FUNCTION alarms_raised(since timestamptz, until timestamptz) RETURNS TABLE (
    alarm bigint, at timestamptz, rule text, subject text, site integer, domain text, title text,
    title_fr text, severity text, answered timestamptz, ended timestamptz)
LANGUAGE sql STABLE AS $$
    SELECT a.id, t.noticed_at, a.rule, a.subject, a.site, a.domain, a.title, a.title_fr,
           t.snapshot->'severity'->0->>1,
           (SELECT min(COALESCE(c.scenario_at, c.at)) FROM alarm_act c
            WHERE c.alarm = a.id AND c.kind = 'acknowledge' AND COALESCE(c.scenario_at, c.at) <= until),
           a.ended
    FROM transition t JOIN alarm a ON a.id = t.alarm
    WHERE t.kind = 'raised' AND t.noticed_at > since AND t.noticed_at <= until
$$;
