-- Roll-ups put to use: one function says what series said by pieces of time, from days, hours or
-- readings, and the same whichever it reads.

-- The hours of which an entry tells readings: until these are rolled up anew, whoever reads
-- roll-ups takes these hours from `reading`. Null: who wrote it does not know.
ALTER TABLE feed ADD COLUMN hours tstzmultirange;

-- The quantities that are counters, as the part that rolls up finds them in the catalogue; before
-- it first ran nothing is known to rise.
ALTER TABLE rollup_state ADD COLUMN counters text[] NOT NULL DEFAULT '{}';

-- The midnight (of the instance's zone) before an hour: what days and parts of days are counted from.
ALTER TABLE rollup_hour ADD COLUMN day timestamptz;
UPDATE rollup_hour SET day = date_trunc('day', begins, (SELECT timezone FROM instance));
ALTER TABLE rollup_hour ALTER COLUMN day SET NOT NULL;

-- Hours that hold readings which nothing believes, and how many.
CREATE TABLE rollup_suspect (
    series_id integer NOT NULL,
    begins    timestamptz NOT NULL,
    day       timestamptz NOT NULL,
    count     integer NOT NULL,
    PRIMARY KEY (series_id, begins)
);
SELECT create_hypertable('rollup_suspect', by_range('begins', INTERVAL '90 days'), create_default_indexes => false);
SELECT guard('rollup_suspect', 'series_id = ANY (ARRAY (SELECT unnest(tenant_series())))');
UPDATE rollup_state SET fill = '-infinity';  -- to count them

-- Hours of which the roll-ups do not yet tell what the readings do. None that are frozen.
CREATE FUNCTION rollup_stale() RETURNS tstzmultirange LANGUAGE sql STABLE AS $$
    SELECT (COALESCE((SELECT range_agg(COALESCE(f.hours, '{(,)}')) FROM feed f
                      WHERE f.kind = 'readings' AND f.xid >= s.cursor), '{}')
            + CASE WHEN s.fill IS NULL THEN '{}' ELSE tstzmultirange(tstzrange(s.fill, NULL)) END
           ) * tstzmultirange(tstzrange(s.frozen, NULL))
    FROM rollup_state s
$$;

-- The piece of time that is read for `every`: whole hours from an hour on, whole days from a day on.
CREATE FUNCTION readings_step(every interval) RETURNS interval LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE
        WHEN every < INTERVAL '1 hour' OR every >= INTERVAL '28 days'
            AND every = date_trunc('month', every) THEN every
        WHEN every < INTERVAL '1 day'
            THEN make_interval(hours => ceil(extract(epoch FROM every) / 3600)::integer)
        ELSE make_interval(days => ceil(extract(epoch FROM every) / 86400)::integer)
    END
$$;

-- When the piece begins in which an hour lies. Parts of a day are counted from its midnight, so that
-- the last of a day of 23 or 25 hours is shorter or one more; weeks begin on Monday, months on the 1st.
CREATE FUNCTION readings_piece(step interval, begins timestamptz, day timestamptz, zone text)
RETURNS timestamptz LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE
        WHEN step <= INTERVAL '1 hour' THEN begins
        WHEN step < INTERVAL '1 day' THEN date_bin(step, begins, day)
        WHEN step = INTERVAL '1 day' THEN day
        ELSE time_bucket(step, day, zone)
    END
$$;

-- What to draw a span by, so that no picture reads more than it can show: `every`, and at least hours
-- beyond eight days, at least days beyond a hundred.
CREATE FUNCTION readings_fit(every interval, since timestamptz, until timestamptz)
RETURNS interval LANGUAGE sql IMMUTABLE AS $$
    SELECT GREATEST(every, CASE
        WHEN until - since > INTERVAL '100 days' THEN INTERVAL '1 day'
        WHEN until - since > INTERVAL '8 days' THEN INTERVAL '1 hour'
        ELSE every END)
$$;

-- What series said, by pieces of time: of each piece that begins within since <= time < until and
-- holds a believed reading the whole, by series and time. Null bounds are none.
--
--   every < 1 h           from the readings; before the limit of their retention by hours
--   1 h <= every < 1 day  from rollup_hour; hours are UTC's (whole ones on the wall, too, wherever the
--                         zone is whole hours from UTC)
--   1 day <= every        from rollup_day: days, weeks and months of the instance's zone
--
-- There is no seam: hours that are not rolled up yet (rollup_stale) are reckoned from the readings,
-- and days that hold such hours from their hours. `increase` is told of counters alone: what they rose
-- by up to each reading from the believed one before it, wherever that lies.
--
-- Believed: `quality & 7 = 0` (sensors._quality.SUSPECT).
-- PL/pgSQL, for each session keeps its plans, made once: with the times at hand it would plan every
-- call for all chunks, which takes longer than most calls; as whoever asks, so it tells what they may see.
CREATE FUNCTION readings_by(series integer[], since timestamptz, until timestamptz, every interval)
RETURNS TABLE (series_id integer, "time" timestamptz, mean float8, low float8, high float8,
               last float8, total float8, increase float8, count bigint)
LANGUAGE plpgsql STABLE ROWS 5000 SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_column
DECLARE
    step     interval := readings_step(every);
    first    timestamptz := COALESCE(since, '-infinity');
    ends     timestamptz := COALESCE(until, 'infinity');
    beyond   timestamptz := ends + step + INTERVAL '2 hours';  -- the last piece is told whole
    zone     text := (SELECT i.timezone FROM instance i);
    stale    tstzmultirange := rollup_stale();
    rising   integer[] := ARRAY (SELECT s.id FROM series s, rollup_state k
                                 WHERE s.id = ANY (series) AND s.quantity = ANY (k.counters));
    steady   integer[] := ARRAY (SELECT unnest(series) EXCEPT SELECT unnest(rising));
    span     tstzmultirange;
    by_day   tstzmultirange := '{}';
    by_hour  tstzmultirange;
    whole_days  tstzmultirange := '{}';  -- of these, what is told as it is kept
    whole_hours tstzmultirange := '{}';
    raw      tstzmultirange;
    earlier  tstzmultirange := '{}';  -- not rolled up, before the span
BEGIN
    IF first >= ends THEN
        RETURN;
    END IF;
    span := tstzmultirange(tstzrange(first, beyond));
    IF step < INTERVAL '1 hour' THEN
        raw := span * (SELECT tstzmultirange(tstzrange(k.frozen, NULL)) FROM rollup_state k);
        earlier := stale + tstzmultirange(tstzrange(date_trunc('hour', first, 'UTC'), first));
    ELSE
        -- A counter's first hour after one that is stale rises from another reading than it says.
        stale := stale + COALESCE((
            SELECT range_agg(tstzrange(n.begins, n.begins + INTERVAL '1 hour'))
            FROM unnest(rising) AS c (id) CROSS JOIN unnest(stale) AS r CROSS JOIN LATERAL (
                SELECT h.begins FROM rollup_hour h WHERE h.series_id = c.id
                    AND h.begins >= upper(r) AND h.begins < beyond ORDER BY h.begins LIMIT 1
            ) n WHERE n.begins >= first), '{}');
        raw := span * stale;
        earlier := stale;
    END IF;
    earlier := earlier * tstzmultirange(tstzrange(NULL, first));
    IF step >= INTERVAL '1 day' THEN
        by_hour := COALESCE((
            SELECT range_agg(tstzrange(date_trunc('day', lower(r), zone),
                date_trunc('day', date_trunc('day', upper(r), zone) + INTERVAL '30 hours', zone)))
            FROM unnest(raw) AS r), '{}');
        by_day := span - by_hour;
        by_hour := by_hour - stale;
    ELSE
        by_hour := span - raw;
    END IF;
    IF step = INTERVAL '1 day' THEN
        whole_days := by_day;
        by_day := '{}';
    ELSIF step <= INTERVAL '1 hour' THEN
        whole_hours := by_hour;
        by_hour := '{}';
    END IF;
    RETURN QUERY
    WITH piece AS (
        SELECT d.series_id, readings_piece(step, d.begins, d.begins, zone) AS at,
            d.count, d.sum, d.min, d.max, d.last, d.last_at, d.increase
        FROM unnest(by_day) AS r CROSS JOIN LATERAL (
            SELECT * FROM rollup_day x WHERE x.series_id = ANY (series)
                AND x.begins >= lower(r) AND x.begins < upper(r) OFFSET 0) d
        UNION ALL
        SELECT h.series_id, readings_piece(step, h.begins, h.day, zone),
            h.count, h.sum, h.min, h.max, h.last, h.last_at, h.increase
        FROM unnest(by_hour) AS r CROSS JOIN LATERAL (
            SELECT * FROM rollup_hour x WHERE x.series_id = ANY (series)
                AND x.begins >= lower(r) AND x.begins < upper(r) OFFSET 0) h
        UNION ALL
        SELECT v.series_id, CASE WHEN step < INTERVAL '1 hour' THEN time_bucket(step, v.time)
                ELSE readings_piece(step, v.hour, date_trunc('day', v.hour, zone), zone) END,
            1, v.value, v.value, v.value, v.value, v.time, v.rise
        FROM (
            SELECT x.series_id, x.time, date_trunc('hour', x.time, 'UTC') AS hour, x.value,
                NULL::float8 AS rise
            FROM unnest(raw) AS r CROSS JOIN LATERAL (
                SELECT x.series_id, x.time, x.value FROM reading x WHERE x.series_id = ANY (steady)
                    AND x.time >= lower(r) AND x.time < upper(r)
                    AND x.value IS NOT NULL AND x.quality & 7 = 0 OFFSET 0) x
            UNION ALL
            SELECT risen.series_id, risen.time, date_trunc('hour', risen.time, 'UTC'), risen.value,
                CASE WHEN risen.before IS NULL THEN 0 WHEN risen.value < risen.before
                    THEN risen.value ELSE risen.value - risen.before END
            FROM (
                SELECT own.*, lag(own.value) OVER (PARTITION BY own.series_id ORDER BY own.time)
                    AS before
                FROM (
                    SELECT x.series_id, x.time, x.value, true AS counts
                    FROM unnest(raw) AS r CROSS JOIN LATERAL (
                        SELECT x.series_id, x.time, x.value FROM reading x
                        WHERE x.series_id = ANY (rising)
                            AND x.time >= lower(r) AND x.time < upper(r)
                            AND x.value IS NOT NULL AND x.quality & 7 = 0 OFFSET 0) x
                    UNION ALL
                    -- What stood before: rolled up …
                    SELECT c.id, b.last_at, b.last, false
                    FROM unnest(rising) AS c (id) CROSS JOIN unnest(raw) AS r CROSS JOIN LATERAL (
                        SELECT h.last_at, h.last FROM rollup_hour h WHERE h.series_id = c.id
                            AND h.begins < date_trunc('hour', lower(r), 'UTC')
                            AND NOT stale @> h.begins ORDER BY h.begins DESC LIMIT 1) b
                    UNION ALL
                    -- … or not yet.
                    SELECT c.id, b.time, b.value, false
                    FROM unnest(rising) AS c (id) CROSS JOIN unnest(earlier) AS r
                    CROSS JOIN LATERAL (
                        SELECT x.time, x.value FROM reading x WHERE x.series_id = c.id
                            AND x.time >= lower(r) AND x.time < upper(r)
                            AND x.value IS NOT NULL AND x.quality & 7 = 0
                        ORDER BY x.time DESC LIMIT 1) b
                ) own
            ) risen WHERE risen.counts
        ) v
    )
    SELECT d.series_id, d.begins, d.sum / d.count, d.min, d.max, d.last, d.sum, d.increase,
        d.count::bigint
    FROM unnest(whole_days) AS r CROSS JOIN LATERAL (
        SELECT * FROM rollup_day x WHERE x.series_id = ANY (series)
            AND x.begins >= lower(r) AND x.begins < upper(r) AND x.begins < ends OFFSET 0) d
    UNION ALL
    SELECT h.series_id, h.begins, h.sum / h.count, h.min, h.max, h.last, h.sum, h.increase,
        h.count::bigint
    FROM unnest(whole_hours) AS r CROSS JOIN LATERAL (
        SELECT * FROM rollup_hour x WHERE x.series_id = ANY (series)
            AND x.begins >= lower(r) AND x.begins < upper(r) AND x.begins < ends OFFSET 0) h
    UNION ALL
    SELECT p.series_id, p.at, sum(p.sum) / sum(p.count), min(p.min), max(p.max),
        last(p.last, p.last_at), sum(p.sum), sum(p.increase), sum(p.count)::bigint
    FROM piece p WHERE p.at >= first AND p.at < ends GROUP BY p.series_id, p.at
    ORDER BY 1, 2;
END $$;

-- How many readings nothing believes, by pieces of time as `readings_by` has them; of at least an hour.
CREATE FUNCTION suspects_by(series integer[], since timestamptz, until timestamptz, every interval)
RETURNS TABLE (series_id integer, "time" timestamptz, count bigint)
LANGUAGE plpgsql STABLE ROWS 500 SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_column
DECLARE
    step   interval := readings_step(GREATEST(every, INTERVAL '1 hour'));
    first  timestamptz := COALESCE(since, '-infinity');
    ends   timestamptz := COALESCE(until, 'infinity');
    beyond timestamptz := ends + step + INTERVAL '2 hours';
    zone   text := (SELECT i.timezone FROM instance i);
    stale  tstzmultirange := rollup_stale();
BEGIN
    IF first >= ends THEN
        RETURN;
    END IF;
    RETURN QUERY
    SELECT n.series_id, n.at, sum(n.count)::bigint FROM (
        SELECT s.series_id, readings_piece(step, s.begins, s.day, zone) AS at, s.count
        FROM rollup_suspect s WHERE s.series_id = ANY (series)
            AND s.begins >= first AND s.begins < beyond AND NOT stale @> s.begins
        UNION ALL
        SELECT x.series_id, readings_piece(step, x.hour, date_trunc('day', x.hour, zone), zone), 1
        FROM unnest(stale * tstzmultirange(tstzrange(first, beyond))) AS r CROSS JOIN LATERAL (
            SELECT x.series_id, date_trunc('hour', x.time, 'UTC') AS hour FROM reading x
            WHERE x.series_id = ANY (series) AND x.time >= lower(r) AND x.time < upper(r)
                AND x.quality & 7 <> 0 OFFSET 0) x
    ) n WHERE n.at >= first AND n.at < ends GROUP BY n.series_id, n.at ORDER BY n.series_id, n.at;
END $$;
