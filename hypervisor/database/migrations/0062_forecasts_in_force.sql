-- Which forecast stands at a time, and when it takes the water to a level: what the console
-- (hypervisor.forecast.expected) and the dashboards show. All run as whoever asks; see 0018 for how
-- bounds are written under row-level security.

-- Of each horizon (s) of a GaugeResult that is shown, which share of what came in floods lay inside
-- the range between the 10 % and the 90 % quantile.
CREATE FUNCTION forecast_coverage(result jsonb) RETURNS jsonb LANGUAGE sql IMMUTABLE AS $$
    SELECT coalesce(jsonb_object_agg((h.value->>'horizon')::bigint / 1000000, m.value->'covered'->'80'), '{}')
    FROM jsonb_array_elements(result->'horizons') h, jsonb_array_elements(h.value->'methods') m
    WHERE jsonb_typeof(h.value->'closed') = 'null' AND m.value->>'method' = 'chosen'
      AND jsonb_typeof(m.value->'covered'->'80') = 'number'
$$;
-- A result holds every event: pages that want these few numbers need not unpack it.
ALTER TABLE forecast_skill ADD COLUMN coverage jsonb GENERATED ALWAYS AS (forecast_coverage(result)) STORED;

-- Every gauge that a fit was tried on, and the forecast that stands there: of the last reading that
-- has one, as it was known at that time; else, where it was made later, as it was made first. Nothing
-- stands once it is older than the series may be silent. `open`: a model is in force.
CREATE FUNCTION forecasts_at(at timestamptz) RETURNS TABLE (
    site integer, name text, quantity text, open boolean, coverage jsonb, issued timestamptz,
    value double precision, horizons integer[], levels real[], quantiles real[])
LANGUAGE sql STABLE AS $$
    WITH bound AS MATERIALIZED (
        SELECT at - interval '1 day' AS since
    ), model AS (
        SELECT DISTINCT ON (key) key, value IS NOT NULL AS there FROM revision
        WHERE kind = 'forecast' AND effective <= at ORDER BY key, effective DESC, id DESC
    ), fit AS (
        SELECT DISTINCT ON (k.site, k.quantity) k.site, k.quantity, k.coverage FROM forecast_skill k
        WHERE k.effective <= at ORDER BY k.site, k.quantity, k.effective DESC, k.id DESC
    ), gauge AS MATERIALIZED (
        SELECT s.id AS site, s.name, split_part(key, '/', 2) AS quantity,
               coalesce(model.there, false) AS open, coalesce(tried.coverage, '{}') AS coverage
        FROM model FULL JOIN (SELECT s.name || '/' || fit.quantity AS key, fit.coverage
                              FROM fit JOIN site s ON s.id = fit.site) tried USING (key)
        JOIN site s ON s.name = split_part(key, '/', 1)
    ), cadence AS (
        SELECT d.site, q.quantity, max(coalesce(c.stale_s, 3 * c.interval_s, 2700)) AS stale_s
        FROM gauge JOIN device d ON d.site = gauge.site
        JOIN series q ON q.device = d.id AND q.quantity = gauge.quantity
        LEFT JOIN LATERAL cadence_at(d.name, q.quantity, at) c ON true
        WHERE d.retired IS NULL OR d.retired > at GROUP BY d.site, q.quantity
    )
    SELECT g.site, g.name, g.quantity, g.open, g.coverage, f.issued, f.value, f.horizons, f.levels, f.quantiles
    FROM gauge g LEFT JOIN cadence c ON c.site = g.site AND c.quantity = g.quantity
    LEFT JOIN LATERAL (
        SELECT newest.* FROM (
            SELECT DISTINCT ON (forecast.issued) forecast.* FROM forecast
            WHERE forecast.site = g.site AND forecast.quantity = g.quantity
              AND forecast.issued > (SELECT since FROM bound) AND forecast.issued <= at
            ORDER BY forecast.issued DESC, forecast.created_at <= at DESC,
                CASE WHEN forecast.created_at <= at THEN forecast.created_at END DESC, forecast.created_at
        ) newest WHERE newest.tier >= 0 ORDER BY newest.issued DESC LIMIT 1
    ) f ON g.open AND f.issued >= at - make_interval(secs => c.stale_s)
$$;

-- As rules._forecast.time_to: how many seconds after its issue a forecast's quantile crosses a level;
-- null: not within its last horizon. NaN stands where a horizon was not issued.
CREATE FUNCTION forecast_crossing(value double precision, horizons integer[], levels real[], quantiles real[],
    quantile real, level double precision) RETURNS double precision
LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN value > level THEN 0 ELSE (
        SELECT step.begins + (level - step.first) / (step.second - step.first) * (step.ends - step.begins)
        FROM (
            SELECT lag(h.ends, 1, 0) OVER way AS begins, h.ends, q.value AS second,
                   lag(q.value, 1, forecast_crossing.value) OVER way AS first
            FROM unnest(horizons) WITH ORDINALITY h (ends, place) CROSS JOIN LATERAL (
                SELECT quantiles[(h.place - 1) * cardinality(levels) + array_position(levels, quantile)]::float8
            ) q (value)
            WINDOW way AS (ORDER BY h.place)
        ) step
        WHERE step.first <= level AND step.second > level AND step.second < 'Infinity'
        ORDER BY step.begins LIMIT 1) END
$$;

-- As hypervisor.forecast.expected reckons it, in hours from `at`: when a course (0018) reaches a level.
-- By the forecast: `due_h` by its median, between its 10 % and 90 % quantiles; where only the upper one
-- gets there, `earliest_h` alone, and no `due_h` before `until_h`. Where none stands, or beyond its
-- last horizon, by the straight line. No row where neither gets there.
CREATE FUNCTION arrival_of(level double precision, at timestamptz, read_at timestamptz,
    reading double precision, per_hour double precision, error double precision,
    issued timestamptz, value double precision, horizons integer[], levels real[], quantiles real[],
    coverage jsonb) RETURNS TABLE (
    due_h double precision, earliest_h double precision, latest_h double precision,
    until_h double precision, by_forecast boolean, inside double precision)
LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN whole.by_forecast THEN whole.median - whole.age ELSE whole.hours - whole.old END,
           CASE WHEN whole.by_forecast THEN whole.earliest - whole.age
                ELSE greatest(whole.soonest - whole.old, whole.ends - whole.age) END,
           CASE WHEN whole.by_forecast THEN whole.latest - whole.age
                WHEN whole.last < 10 * whole.hours THEN whole.last - whole.old END,
           CASE WHEN whole.by_forecast AND whole.median IS NULL THEN whole.ends - whole.age END,
           whole.by_forecast,
           CASE WHEN whole.by_forecast THEN (
               SELECT c.value::text::float8 FROM jsonb_each(coverage) c
               ORDER BY c.key::int < coalesce(whole.median, whole.earliest) * 3600,
                   abs(c.key::int - coalesce(whole.median, whole.earliest) * 3600) LIMIT 1) END
    FROM (
        SELECT straight.*, said.*, said.earliest IS NOT NULL AS by_forecast
        FROM (
            SELECT line.hours, extract(epoch FROM at - read_at)::float8 / 3600 AS old,
                   least((level - reading) / nullif(per_hour + 2 * error, 0), 0.75 * line.hours) AS soonest,
                   greatest((level - reading) / nullif(per_hour - 2 * error, 0), 1.35 * line.hours) AS last
            FROM (SELECT CASE WHEN per_hour > 2 * error AND (level - reading) / per_hour <= 24
                         THEN (level - reading) / per_hour END AS hours) line
        ) straight CROSS JOIN (
            SELECT extract(epoch FROM at - issued)::float8 / 3600 AS age,
                   forecast_crossing(value, horizons, levels, quantiles, 0.9, level) / 3600 AS earliest,
                   forecast_crossing(value, horizons, levels, quantiles, 0.5, level) / 3600 AS median,
                   forecast_crossing(value, horizons, levels, quantiles, 0.1, level) / 3600 AS latest,
                   (SELECT max(h.ends) FROM unnest(horizons) WITH ORDINALITY h (ends, place)
                    WHERE quantiles[h.place * cardinality(levels)] < 'Infinity') / 3600.0 AS ends
        ) said
    ) whole
    WHERE reading < level AND (whole.by_forecast
        OR whole.hours IS NOT NULL AND (whole.ends IS NULL OR whole.hours - whole.old > whole.ends - whole.age))
$$;

-- What water reaches. `margin` is level minus what the asset bears, m; hours as of arrival_of.
DROP FUNCTION reaches_at(timestamptz);
CREATE FUNCTION reaches_at(at timestamptz) RETURNS TABLE (
    asset text, title text, kind text, commune text, gauge text, gauge_title text,
    read_at timestamptz, margin double precision, per_hour double precision, state text,
    due_h double precision, earliest_h double precision, latest_h double precision,
    until_h double precision, by_forecast boolean, inside double precision)
LANGUAGE sql STABLE AS $$
    WITH standing AS (
        SELECT a.name, a.title, a.kind, a.commune, tied.value->>'gauge' AS gauge,
               (tied.value->>'level')::float8 AS level
        FROM asset a JOIN (
            SELECT DISTINCT ON (key) key, value FROM revision
            WHERE kind = 'reach' AND effective <= at ORDER BY key, effective DESC, id DESC
        ) tied ON tied.key = a.name AND tied.value IS NOT NULL
    ), course AS MATERIALIZED (
        SELECT DISTINCT ON (g.name) g.name, g.title, c."time", c.value, c.per_hour, c.error
        FROM gauges_at(at) g CROSS JOIN LATERAL course_at(g.series, at, 0.001) c
        WHERE g.name IN (SELECT standing.gauge FROM standing)
        ORDER BY g.name, c."time" DESC
    ), forecast AS MATERIALIZED (
        SELECT f.* FROM forecasts_at(at) f WHERE f.quantity = 'level'
    )
    SELECT s.name, s.title, s.kind, s.commune, s.gauge, c.title, c."time", c.value - s.level, c.per_hour,
           CASE WHEN c.value IS NULL THEN 'unknown' WHEN c.value >= s.level THEN 'reached'
                WHEN c.per_hour IS NULL THEN 'unknown' WHEN c.per_hour > 2 * c.error THEN 'rising'
                WHEN -c.per_hour > 2 * c.error THEN 'falling' ELSE 'steady' END,
           due.due_h, due.earliest_h, due.latest_h, due.until_h, due.by_forecast, due.inside
    FROM standing s LEFT JOIN course c ON c.name = s.gauge LEFT JOIN forecast f ON f.name = s.gauge
    LEFT JOIN LATERAL arrival_of(s.level, at, c."time", c.value, c.per_hour, c.error, f.issued, f.value,
                                 f.horizons, f.levels, f.quantiles, f.coverage) due ON true
$$;

-- The thresholds of each gauge's level that the water is below and rises to; hours as of arrival_of.
CREATE FUNCTION crossings_at(at timestamptz) RETURNS TABLE (
    gauge text, title text, river text, threshold text, read_at timestamptz, margin double precision,
    due_h double precision, earliest_h double precision, latest_h double precision,
    until_h double precision, by_forecast boolean, inside double precision)
LANGUAGE sql STABLE AS $$
    WITH course AS MATERIALIZED (
        SELECT DISTINCT ON (g.name) g.*, c."time", c.value, c.per_hour, c.error
        FROM gauges_at(at) g CROSS JOIN LATERAL course_at(g.series, at, 0.001) c
        ORDER BY g.name, c."time" DESC
    ), forecast AS MATERIALIZED (
        SELECT f.* FROM forecasts_at(at) f WHERE f.quantity = 'level'
    )
    SELECT c.name, c.title, c.river, limits.name, c."time", c.value - limits.level, due.*
    FROM course c LEFT JOIN forecast f ON f.name = c.name
    CROSS JOIN LATERAL (VALUES ('attention', c.attention), ('alert', c.alert), ('danger', c.danger))
        limits (name, level)
    CROSS JOIN LATERAL arrival_of(limits.level, at, c."time", c.value, c.per_hour, c.error, f.issued, f.value,
                                  f.horizons, f.levels, f.quantiles, f.coverage) due
$$;
