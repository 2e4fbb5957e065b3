-- Panels of a past span took the whole hour in which it ends: readings of up to an hour later stood
-- as the last ones, and as heard at its end. Where a rolled up hour goes on after the end, its
-- series are read from the readings up to there.

-- Hours of series that hold a believed reading up to `until`, since < begins <= until: as
-- `rollup_hour` has them; stale hours (rollup_stale) and the one that `until` cuts from the readings.
CREATE OR REPLACE FUNCTION hours_of(series integer[], since timestamptz, until timestamptz)
RETURNS TABLE (series_id integer, begins timestamptz, count integer, sum float8, min float8,
               max float8, last float8, last_at timestamptz)
LANGUAGE plpgsql STABLE ROWS 5000 SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_column
DECLARE
    stale tstzmultirange := rollup_stale();
    ends  timestamptz := date_trunc('hour', hours_of.until, 'UTC');
    read  tstzmultirange;
    cut   integer[];
BEGIN
    IF (hours_of.since < hours_of.until) IS NOT TRUE THEN
        RETURN;
    END IF;
    read := stale * tstzmultirange(tstzrange(hours_of.since, hours_of.until, '[]'));
    cut := ARRAY (SELECT h.series_id FROM rollup_hour h
                  WHERE h.series_id = ANY (hours_of.series) AND h.begins = ends
                      AND h.last_at > hours_of.until AND NOT stale @> ends);
    RETURN QUERY
    SELECT h.series_id, h.begins, h.count, h.sum, h.min, h.max, h.last, h.last_at
    FROM rollup_hour h WHERE h.series_id = ANY (hours_of.series)
        AND h.begins > hours_of.since AND h.begins <= hours_of.until
        AND h.last_at <= hours_of.until AND NOT stale @> h.begins
    UNION ALL
    SELECT n.series_id, n.begins, count(*)::integer, sum(n.value), min(n.value), max(n.value),
        last(n.value, n.time), max(n.time)
    FROM (
        SELECT x.series_id, date_trunc('hour', x.time, 'UTC') AS begins, x.time, x.value
        FROM (SELECT hours_of.series AS ids, r FROM unnest(read) AS r
              UNION ALL SELECT cut, tstzrange(ends, hours_of.until, '[]') WHERE cut <> '{}') AS part
        CROSS JOIN LATERAL (
            SELECT x.series_id, x.time, x.value FROM reading x
            WHERE x.series_id = ANY (part.ids)
                AND x.time >= lower(part.r) AND x.time <= upper(part.r) AND part.r @> x.time
                AND x.value IS NOT NULL AND x.quality & 7 = 0 OFFSET 0) x
    ) n WHERE n.begins > hours_of.since AND n.begins <= hours_of.until
    GROUP BY n.series_id, n.begins;
END $$;

-- The last believed reading of each series up to `until`, of hours that begin within since < begins
-- <= until. One series after another, so that a long silence costs no more than a short one.
CREATE OR REPLACE FUNCTION last_of(series integer[], since timestamptz, until timestamptz)
RETURNS TABLE (series_id integer, begins timestamptz, last float8, last_at timestamptz)
LANGUAGE plpgsql STABLE ROWS 500 SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_column
DECLARE
    stale tstzmultirange := rollup_stale();
    ends  timestamptz := date_trunc('hour', last_of.until, 'UTC');
    read  tstzmultirange;
BEGIN
    IF (last_of.since < last_of.until) IS NOT TRUE THEN
        RETURN;
    END IF;
    read := stale * tstzmultirange(tstzrange(last_of.since, last_of.until, '[]'));
    RETURN QUERY
    SELECT DISTINCT ON (n.series_id) n.series_id, n.begins, n.last, n.last_at FROM (
        SELECT one.id AS series_id, h.begins, h.last, h.last_at
        FROM unnest(last_of.series) AS one (id) CROSS JOIN LATERAL (
            SELECT h.begins, h.last, h.last_at FROM rollup_hour h WHERE h.series_id = one.id
                AND h.begins > last_of.since AND h.begins <= last_of.until
                AND h.last_at <= last_of.until AND NOT stale @> h.begins
            ORDER BY h.begins DESC LIMIT 1) h
        UNION ALL
        SELECT part.id, date_trunc('hour', x.time, 'UTC'), x.value, x.time
        FROM (SELECT one.id, r FROM unnest(last_of.series) AS one (id) CROSS JOIN unnest(read) AS r
              UNION ALL
              SELECT h.series_id, tstzrange(ends, last_of.until, '[]')
              FROM rollup_hour h WHERE h.series_id = ANY (last_of.series) AND h.begins = ends
                  AND h.last_at > last_of.until AND ends > last_of.since AND NOT stale @> ends
             ) AS part
        CROSS JOIN LATERAL (
            SELECT x.time, x.value FROM reading x WHERE x.series_id = part.id
                AND x.time >= lower(part.r) AND x.time <= upper(part.r) AND part.r @> x.time
                AND x.value IS NOT NULL AND x.quality & 7 = 0
            ORDER BY x.time DESC LIMIT 1) x
    ) n ORDER BY n.series_id, n.last_at DESC;
END $$;
