-- The course of a series, as before (0018), and of hourly gauges, too: as hypervisor.forecast.trend
-- reckons it, a reading may come five minutes early and still belongs to the three hours.
CREATE OR REPLACE FUNCTION course_at(series integer, at timestamptz, resolution double precision)
RETURNS TABLE (
    "time" timestamptz, value double precision, per_hour double precision, error double precision)
LANGUAGE sql STABLE AS $$
    SELECT newest."time", newest.value, line.slope,
           sqrt(greatest(line.scatter, resolution ^ 2 / 12) / nullif(line.spread, 0))
    FROM (
        SELECT l."time", l.value, l."time" - interval '3 hours 5 minutes' AS since
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
