-- What the dashboards of floods and weather ask more than once. All run as whoever asks, so that
-- row-level security holds, and are plain enough to be inlined. `at` is the end of the time that is
-- looked at: of a flood that is past they say what was known then.
--
-- Under row-level security an index serves only what is compared with a plain value: a sum of times
-- or of texts could tell of rows that are not one's own. So bounds are reckoned beforehand, in a
-- subquery of its own (OFFSET 0), or in UTC, where the planner reckons them itself.

-- Every threshold of a site, and from when until when it held.
CREATE FUNCTION threshold_spans() RETURNS TABLE (
    site text, name text, value double precision, begins timestamptz, ends timestamptz)
LANGUAGE sql STABLE AS $$
    SELECT split_part(key, '/', 1), split_part(key, '/', 2), (revision.value->>'value')::float8,
           effective, coalesce(lead(effective) OVER (PARTITION BY key ORDER BY effective, id), 'infinity')
    FROM revision WHERE kind = 'threshold' AND NOT starts_with(key, 'device/')
$$;

-- The gauges in use with their thresholds in force, m, and the zero of their scale, m NGF.
CREATE FUNCTION gauges_at(at timestamptz) RETURNS TABLE (
    site integer, name text, title text, river text, river_order double precision, commune text,
    lon double precision, lat double precision, series integer, device text,
    attention double precision, alert double precision, danger double precision, zero double precision)
LANGUAGE sql STABLE AS $$
    SELECT s.id, s.name, s.title, s.river, s.river_order, s.commune, s.lon, s.lat, q.id, d.name,
           limits.attention, limits.alert, limits.danger,
           coalesce(datum.zero, (s.properties->>'zero_ngf_m')::float8)
    FROM series q JOIN device d ON d.id = q.device JOIN site s ON s.id = d.site
    LEFT JOIN (
        SELECT t.site, max(t.value) FILTER (WHERE t.name = 'attention') AS attention,
               max(t.value) FILTER (WHERE t.name = 'alert') AS alert,
               max(t.value) FILTER (WHERE t.name = 'danger') AS danger
        FROM threshold_spans() t WHERE t.begins <= at AND at < t.ends GROUP BY t.site
    ) limits ON limits.site = s.name
    LEFT JOIN (
        SELECT DISTINCT ON (key) key, (value->>'zero')::float8 AS zero FROM revision
        WHERE kind = 'datum' AND effective <= at ORDER BY key, effective DESC, id DESC
    ) datum ON datum.key = s.name
    WHERE q.quantity = 'level' AND d.commissioned <= at AND (d.retired IS NULL OR d.retired > at)
$$;

-- The last believed reading up to a time: of its hour the readings, before it the roll-up.
CREATE FUNCTION last_reading(series integer, at timestamptz) RETURNS TABLE (
    "time" timestamptz, value double precision)
LANGUAGE sql STABLE AS $$
    SELECT newest."time", newest.value FROM (
        (SELECT reading."time", reading.value FROM reading
         WHERE reading.series_id = series
           AND reading."time" >= time_bucket(interval '1 hour', at) AND reading."time" <= at
           AND reading.value IS NOT NULL AND reading.quality & 7 = 0
         ORDER BY reading."time" DESC LIMIT 1)
        UNION ALL
        (SELECT hour.last_at, hour.last FROM rollup_hour hour
         WHERE hour.series_id = series AND hour.begins < time_bucket(interval '1 hour', at)
         ORDER BY hour.begins DESC LIMIT 1)
    ) newest ORDER BY newest."time" DESC LIMIT 1
$$;

-- The course of a series as hypervisor.forecast.trend reckons it: its last reading, the slope of a
-- straight line through the three hours before it (a unit an hour), and that slope's standard error.
CREATE FUNCTION course_at(series integer, at timestamptz, resolution double precision) RETURNS TABLE (
    "time" timestamptz, value double precision, per_hour double precision, error double precision)
LANGUAGE sql STABLE AS $$
    SELECT newest."time", newest.value, line.slope,
           sqrt(greatest(line.scatter, resolution ^ 2 / 12) / nullif(line.spread, 0))
    FROM (
        SELECT l."time", l.value, l."time" - interval '3 hours' AS since
        FROM last_reading(series, at) l OFFSET 0
    ) newest
    LEFT JOIN LATERAL (
        SELECT regr_slope(r.value, r.hours) AS slope, regr_sxx(r.value, r.hours) AS spread,
               (regr_syy(r.value, r.hours)
                - regr_sxy(r.value, r.hours) ^ 2 / nullif(regr_sxx(r.value, r.hours), 0))
               / (count(*) - 2) AS scatter
        FROM (
            SELECT reading.value,
                   extract(epoch FROM reading."time" - newest."time")::float8 / 3600 AS hours
            FROM reading
            WHERE reading.series_id = series AND reading."time" <= newest."time"
              AND reading."time" >= newest.since
              AND reading.value IS NOT NULL AND reading.quality & 7 = 0
        ) r
        HAVING count(*) >= 4 AND min(r.hours) <= -1.5
    ) line ON true
$$;

-- What water reaches, as hypervisor.forecast.arrival reckons it: `margin` is level minus what the
-- asset bears, m; `due_h` hours from `at` until it is in the water if the rate holds, with its range.
CREATE FUNCTION reaches_at(at timestamptz) RETURNS TABLE (
    asset text, title text, kind text, commune text, gauge text, gauge_title text,
    read_at timestamptz, margin double precision, per_hour double precision, state text,
    due_h double precision, earliest_h double precision, latest_h double precision)
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
    ), moving AS (
        SELECT s.name, s.title, s.kind, s.commune, s.gauge, c.title AS gauge_title, c."time",
               c.value - s.level AS margin, c.per_hour, c.error,
               CASE WHEN c.value IS NULL THEN 'unknown' WHEN c.value >= s.level THEN 'reached'
                    WHEN c.per_hour IS NULL THEN 'unknown' WHEN c.per_hour > 2 * c.error THEN 'rising'
                    WHEN -c.per_hour > 2 * c.error THEN 'falling' ELSE 'steady' END AS state,
               extract(epoch FROM at - c."time")::float8 / 3600 AS old,
               CASE WHEN c.per_hour > 2 * c.error AND c.value < s.level
                    AND (s.level - c.value) / c.per_hour <= 24
                    THEN (s.level - c.value) / c.per_hour END AS hours
        FROM standing s LEFT JOIN course c ON c.name = s.gauge
    ), ranged AS (
        SELECT m.*, least(-m.margin / nullif(m.per_hour + 2 * m.error, 0), 0.75 * m.hours) AS soonest,
               greatest(-m.margin / nullif(m.per_hour - 2 * m.error, 0), 1.35 * m.hours) AS last
        FROM moving m
    )
    SELECT r.name, r.title, r.kind, r.commune, r.gauge, r.gauge_title, r."time", r.margin, r.per_hour,
           r.state, r.hours - r.old, CASE WHEN r.hours IS NOT NULL THEN r.soonest - r.old END,
           CASE WHEN r.hours IS NOT NULL AND r.last < 10 * r.hours THEN r.last - r.old END
    FROM ranged r
$$;

-- What fell in the last hours, by how many hours; null: nothing was told of them. An increment is the
-- amount up to its time.
CREATE FUNCTION rain_sums(series integer, at timestamptz) RETURNS TABLE (
    hours integer, total double precision)
LANGUAGE sql STABLE AS $$
    SELECT span.hours, sum(r.value) FILTER (WHERE r."time" > at - make_interval(hours => span.hours))
    FROM unnest(ARRAY[1, 2, 3, 4, 6, 12, 24]) span (hours) LEFT JOIN (
        SELECT reading."time", reading.value FROM reading
        WHERE reading.series_id = series
          AND reading."time" > (at AT TIME ZONE 'UTC' - interval '24 hours') AT TIME ZONE 'UTC'
          AND reading."time" <= at AND reading.value IS NOT NULL AND reading.quality & 7 = 0
    ) r ON true GROUP BY span.hours
$$;

-- The wet-bulb temperature, Celsius, of air and its relative humidity in per cent (Stull 2011; within
-- 0.3 degrees at sea level between 5 and 99 %).
CREATE FUNCTION wet_bulb(air double precision, humidity double precision) RETURNS double precision
LANGUAGE sql IMMUTABLE AS $$
    SELECT air * atan(0.151977 * sqrt(humidity + 8.313659)) + atan(air + humidity)
           - atan(humidity - 1.676331) + 0.00391838 * humidity ^ 1.5 * atan(0.023101 * humidity)
           - 4.686035
$$;

-- How often a series should tell, s, and after which silence it counts as silent; null: as the
-- catalogue says.
CREATE FUNCTION cadence_at(device text, quantity text, at timestamptz) RETURNS TABLE (
    interval_s double precision, stale_s double precision)
LANGUAGE sql STABLE AS $$
    SELECT (r.value->>'interval_s')::float8, (r.value->>'stale_s')::float8
    FROM (SELECT device || '/' || quantity AS key OFFSET 0) own
    JOIN revision r ON r.kind = 'series' AND r.key = own.key AND r.effective <= at
    ORDER BY r.effective DESC, r.id DESC LIMIT 1
$$;

-- The alarms of a domain and category as lanes, a site each: from `time` on the highest severity of
-- those that last there; null: none any more. An alarm taken back by a revision is not shown.
CREATE FUNCTION alarm_lanes(domain text, category text, since timestamptz, until timestamptz) RETURNS TABLE (
    site integer, "time" timestamptz, severity text)
LANGUAGE sql STABLE AS $$
    WITH stepped AS (
        SELECT a.site, (step.value->>0)::timestamptz AS begins, step.value->>1 AS severity,
               least(coalesce(lead((step.value->>0)::timestamptz)
                              OVER (PARTITION BY a.id ORDER BY step.ordinality), 'infinity'),
                     coalesce(a.ended, 'infinity')) AS ends
        FROM alarm a CROSS JOIN jsonb_array_elements(a.severity) WITH ORDINALITY step
        WHERE a.domain = alarm_lanes.domain AND a.category = alarm_lanes.category AND a.withdrawn IS NULL
          AND a.began <= until AND (a.ended IS NULL OR a.ended > since)
    ), spell AS MATERIALIZED (
        SELECT stepped.site, greatest(begins, since) AS begins, ends, stepped.severity,
               array_position(ARRAY['critical', 'major', 'minor', 'info'], stepped.severity) AS rank
        FROM stepped WHERE ends > since AND begins < least(ends, until)
    ), turn AS (
        SELECT spell.site, begins AS at FROM spell UNION
        SELECT spell.site, ends FROM spell WHERE ends <= until
    )
    SELECT turn.site, turn.at, (
        SELECT spell.severity FROM spell WHERE spell.site = turn.site AND spell.begins <= turn.at
          AND spell.ends > turn.at ORDER BY spell.rank LIMIT 1)
    FROM turn
$$;

-- The dew point, Celsius, of air and its relative humidity in per cent (Magnus, over water).
CREATE FUNCTION dew_point(air double precision, humidity double precision) RETURNS double precision
LANGUAGE sql IMMUTABLE AS $$
    SELECT 243.12 * (ln(greatest(humidity, 1) / 100) + 17.62 * air / (243.12 + air))
           / (17.62 - ln(greatest(humidity, 1) / 100) - 17.62 * air / (243.12 + air))
$$;

-- What each station of the weather last said, where that is younger than an hour; the wet bulb, and the
-- dew point where nothing measures it, reckoned. `eased`: pressure, hPa, against three hours before.
CREATE FUNCTION weather_at(at timestamptz) RETURNS TABLE (
    site integer, name text, title text, commune text, air double precision, humidity double precision,
    dew double precision, wet double precision, wind double precision, wind_from double precision,
    gust double precision, pressure double precision, eased double precision,
    visibility double precision, snow double precision)
LANGUAGE sql STABLE AS $$
    WITH told AS (
        SELECT s.id, s.name, s.title, s.commune, q.quantity, q.id AS series, newest.value
        FROM site s JOIN device d ON d.site = s.id JOIN series q ON q.device = d.id
        CROSS JOIN LATERAL last_reading(q.id, at) newest
        WHERE s.domain = 'weather' AND newest."time" > at - interval '1 hour'
          AND q.quantity IN ('air_temperature', 'humidity', 'dew_point', 'wind_speed', 'gust',
                             'wind_direction', 'pressure', 'visibility', 'snow_depth')
    ), wide AS (
        SELECT t.id, t.name, t.title, t.commune,
               max(t.value) FILTER (WHERE t.quantity = 'air_temperature') AS air,
               max(t.value) FILTER (WHERE t.quantity = 'humidity') AS humidity,
               max(t.value) FILTER (WHERE t.quantity = 'dew_point') AS dew,
               max(t.value) FILTER (WHERE t.quantity = 'wind_speed') AS wind,
               max(t.value) FILTER (WHERE t.quantity = 'wind_direction') AS wind_from,
               max(t.value) FILTER (WHERE t.quantity = 'gust') AS gust,
               max(t.value) FILTER (WHERE t.quantity = 'pressure') AS pressure,
               max(t.series) FILTER (WHERE t.quantity = 'pressure') AS barometer,
               max(t.value) FILTER (WHERE t.quantity = 'visibility') AS visibility,
               max(t.value) FILTER (WHERE t.quantity = 'snow_depth') AS snow
        FROM told t GROUP BY t.id, t.name, t.title, t.commune
    )
    SELECT w.id, w.name, w.title, w.commune, w.air, w.humidity,
           coalesce(w.dew, dew_point(w.air, w.humidity)), wet_bulb(w.air, w.humidity),
           w.wind, w.wind_from, w.gust, w.pressure, w.pressure - earlier.value, w.visibility, w.snow
    FROM wide w LEFT JOIN LATERAL last_reading(
        w.barometer, (at AT TIME ZONE 'UTC' - interval '3 hours') AT TIME ZONE 'UTC') earlier ON true
$$;
