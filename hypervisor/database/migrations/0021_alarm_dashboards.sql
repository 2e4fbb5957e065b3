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
    WHERE a.withdrawn IS NULL AND a.began <= alarms_at.at
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

-- The devices in use at a time, each by its quickest quantity that is told regularly: how often it is
-- due, after which silence it is missed, when it last told something believed. `usual`: by quantity
-- the catalogue's interval, s, of those told regularly. `switched`: its cabinet feeds it nothing by
-- day, so its silence says nothing.
CREATE FUNCTION devices_at(at timestamptz, usual jsonb) RETURNS TABLE (
    device integer, name text, site integer, series integer, quantity text, interval_s double precision,
    limit_s double precision, heard_at timestamptz, switched boolean)
LANGUAGE sql STABLE AS $$
    WITH cadence AS MATERIALIZED (
        SELECT DISTINCT ON (r.key COLLATE "C") r.key, r.value FROM revision r
        WHERE r.kind = 'series' AND r.effective <= devices_at.at
        ORDER BY r.key COLLATE "C", r.effective DESC, r.id DESC
    ), feeds AS MATERIALIZED (
        SELECT DISTINCT ON (r.key) r.key, r.value FROM revision r
        WHERE r.kind = 'member' AND r.effective <= devices_at.at
        ORDER BY r.key, r.effective DESC, r.id DESC
    ), supply AS MATERIALIZED (
        SELECT DISTINCT ON (r.key) r.key, r.value FROM revision r
        WHERE r.kind = 'supply' AND r.effective <= devices_at.at
        ORDER BY r.key, r.effective DESC, r.id DESC
    ), fed AS MATERIALIZED (
        SELECT DISTINCT split_part(feeds.key, '/', 2) AS device FROM feeds
        JOIN supply ON supply.key = split_part(feeds.key, '/', 1)
        WHERE feeds.value IS NOT NULL AND (supply.value->>'switched')::boolean
    ), told AS (
        SELECT d.id, d.name, d.site, s.id AS series, s.quantity,
               COALESCE((c.value->>'interval_s')::float8, (usual->>s.quantity)::float8) AS interval_s,
               (c.value->>'stale_s')::float8 AS stale_s
        FROM device d JOIN series s ON s.device = d.id
        LEFT JOIN cadence c ON c.key = d.name || '/' || s.quantity
        WHERE d.commissioned <= devices_at.at AND (d.retired IS NULL OR d.retired > devices_at.at)
          AND (c.key IS NULL OR c.value IS NOT NULL)
          AND COALESCE(c.value->>'reporting', CASE WHEN usual ? s.quantity THEN 'periodic' END)
              = 'periodic'
    ), quickest AS (
        SELECT DISTINCT ON (id) *, COALESCE(stale_s, 3 * interval_s) AS limit_s FROM told
        WHERE interval_s > 0 ORDER BY id, COALESCE(stale_s, 3 * interval_s), series
    )
    SELECT q.id, q.name, q.site, q.series, q.quantity, q.interval_s, q.limit_s,
           (SELECT h.last_at FROM rollup_hour h WHERE h.series_id = q.series
             AND h.begins <= devices_at.at ORDER BY h.begins DESC LIMIT 1),
           fed.device IS NOT NULL
    FROM quickest q LEFT JOIN fed ON fed.device = q.name
    WHERE COALESCE((SELECT (r.value->>'in_service')::boolean FROM revision r WHERE r.kind = 'device'
        AND r.key = q.name AND r.effective <= devices_at.at ORDER BY r.effective DESC, r.id DESC LIMIT 1),
        true)
$$;
