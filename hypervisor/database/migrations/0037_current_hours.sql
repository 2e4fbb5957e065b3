-- Panels that read hours take those which are not rolled up yet from the readings: a roll-up that
-- lags behind a fast replay made devices silent that had just reported.

-- Hours of series that hold a believed reading, since < begins <= until: as `rollup_hour` has them,
-- and of stale hours (rollup_stale) from the readings. PL/pgSQL for the reasons of `readings_by`;
-- a view would not do, for what `reading` is depends on who reads.
CREATE FUNCTION hours_of(series integer[], since timestamptz, until timestamptz)
RETURNS TABLE (series_id integer, begins timestamptz, count integer, sum float8, min float8,
               max float8, last float8, last_at timestamptz)
LANGUAGE plpgsql STABLE ROWS 5000 SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_column
DECLARE
    stale tstzmultirange := rollup_stale();
    read  tstzmultirange;
BEGIN
    IF (hours_of.since < hours_of.until) IS NOT TRUE THEN
        RETURN;
    END IF;
    read := stale
        * tstzmultirange(tstzrange(hours_of.since, hours_of.until + INTERVAL '1 hour'));
    RETURN QUERY
    SELECT h.series_id, h.begins, h.count, h.sum, h.min, h.max, h.last, h.last_at
    FROM rollup_hour h WHERE h.series_id = ANY (hours_of.series)
        AND h.begins > hours_of.since AND h.begins <= hours_of.until
        AND NOT stale @> h.begins
    UNION ALL
    SELECT n.series_id, n.begins, count(*)::integer, sum(n.value), min(n.value), max(n.value),
        last(n.value, n.time), max(n.time)
    FROM (
        SELECT x.series_id, date_trunc('hour', x.time, 'UTC') AS begins, x.time, x.value
        FROM unnest(read) AS r CROSS JOIN LATERAL (
            SELECT x.series_id, x.time, x.value FROM reading x
            WHERE x.series_id = ANY (hours_of.series)
                AND x.time >= lower(r) AND x.time < upper(r)
                AND x.value IS NOT NULL AND x.quality & 7 = 0 OFFSET 0) x
    ) n WHERE n.begins > hours_of.since AND n.begins <= hours_of.until
    GROUP BY n.series_id, n.begins;
END $$;

-- The last believed reading of each series, of hours that begin within since < begins <= until. One
-- series after another, so that a long silence costs no more than a short one.
CREATE FUNCTION last_of(series integer[], since timestamptz, until timestamptz)
RETURNS TABLE (series_id integer, begins timestamptz, last float8, last_at timestamptz)
LANGUAGE plpgsql STABLE ROWS 500 SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_column
DECLARE
    stale tstzmultirange := rollup_stale();
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
                AND NOT stale @> h.begins
            ORDER BY h.begins DESC LIMIT 1) h
        UNION ALL
        SELECT one.id, date_trunc('hour', x.time, 'UTC'), x.value, x.time
        FROM unnest(last_of.series) AS one (id) CROSS JOIN unnest(read) AS r
        CROSS JOIN LATERAL (
            SELECT x.time, x.value FROM reading x WHERE x.series_id = one.id
                AND x.time >= lower(r) AND x.time <= upper(r) AND r @> x.time
                AND x.value IS NOT NULL AND x.quality & 7 = 0
            ORDER BY x.time DESC LIMIT 1) x
    ) n ORDER BY n.series_id, n.last_at DESC;
END $$;

-- How many believed readings each domain has, by hours (every < 1 day) or days of the instance's zone
-- that begin within since <= time < until; counted here, one series after another: a join with all
-- their hours compares each with each.
CREATE FUNCTION volume_by(series integer[], since timestamptz, until timestamptz, every interval)
RETURNS TABLE (domain text, "time" timestamptz, count bigint)
LANGUAGE plpgsql STABLE ROWS 1000 SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_column
DECLARE
    zone    text := (SELECT i.timezone FROM instance i);
    unit    text := CASE WHEN every < INTERVAL '1 day' THEN 'hour' ELSE 'day' END;
    stale   tstzmultirange := rollup_stale();
    span    tstzmultirange;
    by_hour tstzmultirange;  -- not read from days
BEGIN
    IF (volume_by.since < volume_by.until) IS NOT TRUE THEN
        RETURN;
    END IF;
    span := tstzmultirange(tstzrange(volume_by.since, volume_by.until + INTERVAL '2 days'));
    by_hour := CASE WHEN unit = 'hour' THEN span ELSE span * COALESCE((
        SELECT range_agg(tstzrange(date_trunc('day', lower(r), zone),
            date_trunc('day', date_trunc('day', upper(r), zone) + INTERVAL '30 hours', zone)))
        FROM unnest(stale) AS r), '{}') END;
    RETURN QUERY
    SELECT p.domain, p.at, sum(p.count)::bigint FROM (
        SELECT site.domain, piece.* FROM series s JOIN device d ON d.id = s.device
        JOIN site ON site.id = d.site CROSS JOIN LATERAL (
            SELECT x.begins AS at, x.count FROM unnest(span - by_hour) AS r CROSS JOIN LATERAL (
                SELECT x.begins, x.count FROM rollup_day x WHERE x.series_id = s.id
                    AND x.begins >= lower(r) AND x.begins < upper(r) OFFSET 0) x
            UNION ALL
            SELECT CASE unit WHEN 'hour' THEN x.begins ELSE x.day END, x.count
            FROM unnest(by_hour) AS r CROSS JOIN LATERAL (
                SELECT x.begins, x.day, x.count FROM rollup_hour x WHERE x.series_id = s.id
                    AND x.begins >= lower(r) AND x.begins < upper(r)
                    AND NOT stale @> x.begins OFFSET 0) x
            UNION ALL
            SELECT date_trunc(unit, x.time, zone), 1
            FROM unnest(by_hour * stale) AS r CROSS JOIN LATERAL (
                SELECT x.time FROM reading x WHERE x.series_id = s.id
                    AND x.time >= lower(r) AND x.time < upper(r)
                    AND x.value IS NOT NULL AND x.quality & 7 = 0 OFFSET 0) x) piece
        WHERE s.id = ANY (volume_by.series)
    ) p
    WHERE p.at >= volume_by.since AND p.at < volume_by.until
    GROUP BY 1, 2 ORDER BY 2, 1;
END $$;

-- As before (0018), and where the hours before this one are not rolled up, from the readings.
CREATE OR REPLACE FUNCTION last_reading(series integer, at timestamptz) RETURNS TABLE (
    "time" timestamptz, value double precision)
LANGUAGE sql STABLE AS $$
    SELECT newest."time", newest.value FROM (
        (SELECT reading."time", reading.value FROM reading
         WHERE reading.series_id = series
           AND reading."time" >= time_bucket(interval '1 hour', at) AND reading."time" <= at
           AND reading.value IS NOT NULL AND reading.quality & 7 = 0
         ORDER BY reading."time" DESC LIMIT 1)
        UNION ALL
        (SELECT before.last_at, before.last FROM last_of(ARRAY[series], '-infinity',
            time_bucket(interval '1 hour', at) - interval '1 microsecond') before)
    ) newest ORDER BY newest."time" DESC LIMIT 1
$$;

-- The other functions of the panels read hours in the same form: each such piece of them now asks
-- `hours_of`, and its conditions stay.
DO $$
DECLARE
    piece record;
    text_was text;
    text_is  text;
BEGIN
    FOR piece IN SELECT * FROM (VALUES
        ('lit_now', 'FROM rollup_hour hour',
         'FROM hours_of(ARRAY (SELECT meter FROM cabinet), at - interval ''8 days'', at) hour'),
        ('lit_lamps', 'FROM rollup_hour hour(?=\s+WHERE hour.series_id = ANY \(ARRAY \(SELECT level)',
         'FROM hours_of(ARRAY (SELECT level FROM lamp), (SELECT GREATEST(min(c.lit_from)'
         ' - interval ''1 hour'', at - interval ''3 days'') FROM cabinet c), at) hour'),
        ('lit_lamps', 'FROM rollup_hour hour',
         'FROM hours_of(ARRAY (SELECT lamp.fault FROM lamp), at - interval ''30 hours'', at) hour'),
        ('lit_signals', 'FROM rollup_hour hour',
         'FROM hours_of(ARRAY (SELECT id FROM source), at - interval ''31 days'', at) hour'),
        ('road_now', 'FROM rollup_hour hour',
         'FROM hours_of(ARRAY (SELECT unnest(ARRAY[flow, speed, occupancy, heavy])'
         ' FROM station), at - interval ''4 hours'', at) hour'),
        ('devices_at', 'SELECT DISTINCT ON \(h.series_id\) h.series_id, h.last_at FROM rollup_hour h'
         '(.*?)ORDER BY h.series_id DESC, h.begins DESC',
         'SELECT h.series_id, max(h.last_at) AS last_at FROM hours_of('
         'ARRAY (SELECT quickest.series FROM quickest), devices_at.at - interval ''3 hours'','
         ' devices_at.at) h GROUP BY h.series_id'),
        ('devices_at', '\(SELECT h.last_at FROM rollup_hour h WHERE h.series_id = q.series'
         '(.*?)LIMIT 1\)',
         '(SELECT told.last_at FROM last_of(ARRAY[q.series], ''-infinity'', devices_at.at) told)'),
        -- Columns of the same name (alarm.since, act.at) hid these parameters: every alarm was told
        -- as raised, ended ones had no lane, and none without an answer lacked readings.
        ('alarms_raised', 't\.noticed_at > since', 't.noticed_at > alarms_raised.since'),
        ('alarm_lanes', 'a\.ended > since', 'a.ended > alarm_lanes.since'),
        ('alarm_lanes', 'greatest\(begins, since\)', 'greatest(begins, alarm_lanes.since)'),
        ('alarm_lanes', 'ends > since', 'ends > alarm_lanes.since'),
        ('alarms_at', '::timestamptz <= at\y', '::timestamptz <= alarms_at.at'),
        ('alarms_at', '::timestamptz > at\y', '::timestamptz > alarms_at.at')
    ) AS change (name, was, becomes)
    LOOP
        SELECT pg_get_functiondef(p.oid) INTO STRICT text_was
        FROM pg_proc p WHERE p.pronamespace = 'public'::regnamespace AND p.proname = piece.name;
        text_is := regexp_replace(text_was, piece.was, replace(piece.becomes, '\', '\\'));
        IF text_is = text_was THEN
            RAISE EXCEPTION 'function % has no %', piece.name, piece.was;
        END IF;
        EXECUTE text_is;
    END LOOP;
    IF EXISTS (SELECT FROM pg_proc p WHERE p.pronamespace = 'public'::regnamespace
               AND p.prosrc ~ 'rollup_hour' AND p.proname IN
               ('lit_now', 'lit_lamps', 'lit_signals', 'road_now', 'devices_at', 'last_reading'))
    THEN
        RAISE EXCEPTION 'a function of the panels still reads rollup_hour by itself';
    END IF;
END $$;
