-- What the dashboard of mobility asks more than once. All run as whoever asks, so that row-level
-- security holds. `at` is the end of the time that is looked at.

-- Counting stations of roads in use, with their series, thresholds in force, and the section that
-- they belong to (`road` is its title, else the station's own).
CREATE FUNCTION road_stations(at timestamptz) RETURNS TABLE (
    site integer, name text, title text, commune text, lon double precision, lat double precision,
    device text, road text, flow integer, speed integer, occupancy integer, heavy integer,
    free_speed double precision, jam_speed double precision, jam_occupancy double precision,
    capacity double precision, rural boolean)
LANGUAGE sql STABLE AS $$
    SELECT s.id, s.name, s.title, s.commune, coalesce(d.lon, s.lon), coalesce(d.lat, s.lat), d.name,
           coalesce(m.title, s.title), q.flow, q.speed, q.occupancy, q.heavy,
           k.free_speed, k.jam_speed, k.jam_occupancy, k.capacity,
           coalesce((s.properties->>'rural')::boolean, false)
    FROM (
        SELECT device, max(id) FILTER (WHERE quantity = 'traffic_flow') AS flow,
               max(id) FILTER (WHERE quantity = 'traffic_speed') AS speed,
               max(id) FILTER (WHERE quantity = 'occupancy') AS occupancy,
               max(id) FILTER (WHERE quantity = 'heavy_share') AS heavy
        FROM series WHERE quantity IN ('traffic_flow', 'traffic_speed', 'occupancy', 'heavy_share')
        GROUP BY device
    ) q
    JOIN device d ON d.id = q.device AND d.commissioned <= at
        AND (d.retired IS NULL OR d.retired > at)
    JOIN site s ON s.id = d.site
    LEFT JOIN (
        SELECT DISTINCT ON (r.device) r.device, g.title
        FROM (
            SELECT DISTINCT ON (key) split_part(key, '/', 1) AS section,
                   split_part(key, '/', 2) AS device, value
            FROM revision WHERE kind = 'member' AND effective <= at
            ORDER BY key, effective DESC, id DESC
        ) r JOIN device_group g ON g.name = r.section AND g.kind = 'section'
        WHERE r.value IS NOT NULL ORDER BY r.device, g.name
    ) m ON m.device = d.name
    LEFT JOIN (
        SELECT site, max(value) FILTER (WHERE threshold = 'free_speed') AS free_speed,
               max(value) FILTER (WHERE threshold = 'jam_speed') AS jam_speed,
               max(value) FILTER (WHERE threshold = 'jam_occupancy') AS jam_occupancy,
               max(value) FILTER (WHERE threshold = 'capacity') AS capacity
        FROM (
            SELECT DISTINCT ON (key) split_part(key, '/', 1) AS site,
                   split_part(key, '/', 2) AS threshold, (value->>'value')::float8 AS value
            FROM revision
            WHERE kind = 'threshold' AND effective <= at AND NOT starts_with(key, 'device/')
            ORDER BY key, effective DESC, id DESC
        ) t GROUP BY site
    ) k ON k.site = s.name
    WHERE q.flow IS NOT NULL
$$;

-- How the traffic is, as the rules of mobility have it: slow alone is a tractor at night, a full
-- loop alone a parked van; a loop that tells 99 % and more is locked.
CREATE FUNCTION road_state(flow double precision, speed double precision,
    occupancy double precision, free_speed double precision, jam_speed double precision,
    jam_occupancy double precision, capacity double precision) RETURNS text
LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN flow IS NULL AND occupancy IS NULL THEN 'silent'
                WHEN occupancy >= 99 THEN 'locked'
                WHEN occupancy > jam_occupancy AND (speed < jam_speed OR flow < capacity * 0.05)
                    THEN 'jammed'
                WHEN flow > capacity * 0.9 OR speed < free_speed * 0.7 AND flow > capacity * 0.1
                    THEN 'dense'
                WHEN flow = 0 THEN 'empty' ELSE 'free' END
$$;

-- Pieces of time in which each station has told something, and a jam is still seen.
CREATE FUNCTION road_every(every interval) RETURNS interval LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN every <= interval '15 minutes' THEN interval '15 minutes'
                WHEN every <= interval '30 minutes' THEN interval '30 minutes'
                WHEN every <= interval '1 hour' THEN interval '1 hour'
                WHEN every <= interval '6 hours' THEN interval '3 hours' ELSE interval '1 day' END
$$;

-- Stations over time, means of a piece (`every` is one of road_every); of three hours and more the
-- state is that of its lowest speed and highest occupancy, and `peak` its highest flow, so that a jam
-- does not drown in a mean.
CREATE FUNCTION road_course(since timestamptz, until timestamptz, every interval) RETURNS TABLE (
    site integer, name text, title text, commune text, road text, "time" timestamptz,
    flow double precision, speed double precision, occupancy double precision,
    peak double precision, capacity double precision, free_speed double precision, state text)
LANGUAGE sql STABLE AS $$
    WITH station AS MATERIALIZED (SELECT * FROM road_stations(road_course.until)),
    source AS (
        SELECT station.name, q.id, q.what FROM station CROSS JOIN LATERAL (
            VALUES (flow, 'flow'), (speed, 'speed'), (occupancy, 'occupancy')) q (id, what)
    ),
    said AS (
        SELECT source.name, r."time",
               max(r.mean) FILTER (WHERE source.what = 'flow') AS flow,
               max(r.mean) FILTER (WHERE source.what = 'speed') AS told,
               max(r.mean) FILTER (WHERE source.what = 'occupancy') AS occupancy,
               max(r.high) FILTER (WHERE source.what = 'flow') AS highest,
               min(r.low) FILTER (WHERE source.what = 'speed') AS slowest,
               max(r.high) FILTER (WHERE source.what = 'occupancy') AS fullest
        FROM readings_by(ARRAY (SELECT id FROM source WHERE id IS NOT NULL),
                         road_course.since, road_course.until, every) r
        JOIN source ON source.id = r.series_id
        GROUP BY source.name, r."time"
    ),
    passing AS (SELECT said.*, CASE WHEN said.flow > 0 THEN said.told END AS speed FROM said)
    SELECT s.site, s.name, s.title, s.commune, s.road, said."time", said.flow, said.speed,
           said.occupancy, CASE WHEN every < interval '3 hours' THEN said.flow ELSE said.highest END,
           s.capacity, s.free_speed,
           CASE WHEN every < interval '3 hours'
                THEN road_state(said.flow, said.speed, said.occupancy, s.free_speed, s.jam_speed,
                                s.jam_occupancy, s.capacity)
                ELSE road_state(said.flow, said.slowest, least(said.fullest, 98), s.free_speed,
                                s.jam_speed, s.jam_occupancy, s.capacity) END
    FROM passing said JOIN station s ON s.name = said.name
$$;

-- Stations as they last told within three hours; a speed only where something passes, for a radar
-- repeats its last one.
CREATE FUNCTION road_now(at timestamptz) RETURNS TABLE (
    site integer, name text, title text, commune text, lon double precision, lat double precision,
    road text, flow double precision, speed double precision, occupancy double precision,
    heavy double precision, capacity double precision, free_speed double precision,
    heard timestamptz, state text)
LANGUAGE sql STABLE AS $$
    WITH station AS MATERIALIZED (SELECT * FROM road_stations(at)),
    said AS MATERIALIZED (
        SELECT hour.series_id, last(hour.last, hour.last_at) AS last, max(hour.last_at) AS last_at
        FROM rollup_hour hour
        WHERE hour.series_id = ANY (ARRAY (
                SELECT unnest(ARRAY[flow, speed, occupancy, heavy]) FROM station))
          AND hour.begins <= at AND hour.begins > at - interval '4 hours'
          AND hour.last_at <= at AND hour.last_at > at - interval '3 hours'
        GROUP BY hour.series_id
    )
    SELECT s.site, s.name, s.title, s.commune, s.lon, s.lat, s.road, r.flow,
           CASE WHEN r.flow > 0 THEN r.speed END, r.occupancy, CASE WHEN r.flow > 0 THEN r.heavy END, s.capacity, s.free_speed, r.heard,
           road_state(r.flow, r.speed, r.occupancy, s.free_speed, s.jam_speed, s.jam_occupancy,
                      s.capacity)
    FROM station s
    LEFT JOIN (
        SELECT station.name, max(h.last) FILTER (WHERE h.series_id = station.flow) AS flow,
               max(h.last) FILTER (WHERE h.series_id = station.speed) AS speed,
               max(h.last) FILTER (WHERE h.series_id = station.occupancy) AS occupancy,
               max(h.last) FILTER (WHERE h.series_id = station.heavy) AS heavy,
               max(h.last_at) AS heard
        FROM station CROSS JOIN LATERAL unnest(ARRAY[flow, speed, occupancy, heavy]) q (id)
        JOIN said h ON h.series_id = q.id GROUP BY station.name
    ) r ON r.name = s.name
$$;

-- The daily checks of detectors, 05 to 22 h of one local day: shares of what was told (%), and the
-- longest time without a vehicle (h). Sampled as the station tells: coarser than the thirty seconds
-- that the limits were made for, which lets shares of zero be smaller.
CREATE FUNCTION road_checks(day timestamptz) RETURNS TABLE (
    site integer, name text, title text, commune text, road text, received double precision,
    zero double precision, full_ double precision, against double precision,
    idle double precision, still boolean, verdict text)
LANGUAGE sql STABLE AS $$
    WITH hours AS MATERIALIZED (
        SELECT ((day AT TIME ZONE timezone) + interval '5 hours') AT TIME ZONE timezone AS first,
               ((day AT TIME ZONE timezone) + interval '22 hours') AT TIME ZONE timezone AS last
        FROM instance
    ),
    station AS MATERIALIZED (SELECT * FROM road_stations((SELECT last FROM hours))),
    source AS (
        SELECT station.name, q.id, q.what FROM station
        CROSS JOIN LATERAL (VALUES (flow, 'flow'), (occupancy, 'occupancy')) q (id, what)
    ),
    said AS (
        SELECT source.name, reading."time",
               max(reading.value) FILTER (WHERE source.what = 'flow') AS flow,
               max(reading.value) FILTER (WHERE source.what = 'occupancy') AS occupancy
        FROM reading JOIN source ON source.id = reading.series_id
        WHERE reading.series_id = ANY (ARRAY (SELECT id FROM source))
          AND reading."time" >= (SELECT first FROM hours)
          AND reading."time" < (SELECT last FROM hours)
          AND reading.value IS NOT NULL
        GROUP BY source.name, reading."time"
    ),
    passed AS (
        SELECT said.*, max(said."time") FILTER (WHERE said.flow > 0) OVER before AS previous
        FROM said
        WINDOW before AS (PARTITION BY said.name ORDER BY said."time"
                          ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
    ),
    told AS (
        SELECT passed.name, count(*) AS samples,
               100.0 * count(*) FILTER (WHERE occupancy = 0) / nullif(count(occupancy), 0) AS zero,
               100.0 * count(*) FILTER (WHERE occupancy > 70) / nullif(count(occupancy), 0) AS full_,
               100.0 * count(*) FILTER (WHERE flow = 0 AND occupancy >= 2) / count(*) AS against,
               max(extract(epoch FROM passed."time" - coalesce(previous, (SELECT first FROM hours)))
                   / 3600) AS idle,
               count(DISTINCT occupancy) = 1 AND max(occupancy) > 0 AS still
        FROM passed GROUP BY passed.name
    )
    SELECT s.site, s.name, s.title, s.commune, s.road,
           least(100, 100 * coalesce(t.samples, 0) * coalesce(c.interval_s, 360) / 61200.0)::float8,
           t.zero::float8, t.full_::float8, t.against::float8, t.idle::float8, t.still,
           CASE WHEN coalesce(t.samples, 0) * coalesce(c.interval_s, 360) < 0.6 * 61200 THEN 'missing'
                WHEN t.still THEN 'still' WHEN t.full_ >= 20 THEN 'full'
                WHEN t.zero >= CASE WHEN s.rural THEN 90 ELSE 59 END THEN 'zero'
                WHEN t.against >= 5 THEN 'against'
                WHEN t.idle >= 4 AND s.capacity > 1500 THEN 'idle' ELSE 'valid' END
    FROM station s LEFT JOIN told t ON t.name = s.name
    LEFT JOIN LATERAL cadence_at(s.device, 'traffic_flow', day) c ON true
$$;

-- Works as they stand, with the sites that they touch: named, by a device, or by a group's members.
CREATE FUNCTION road_works(at timestamptz) RETURNS TABLE (
    works text, sites text[], begins timestamptz, ends timestamptz)
LANGUAGE sql STABLE AS $$
    SELECT w.key, ARRAY (
               SELECT jsonb_array_elements_text(coalesce(w.value->'sites', '[]'))
               UNION
               SELECT site.name FROM device JOIN site ON site.id = device.site
               WHERE device.name IN (
                   SELECT jsonb_array_elements_text(coalesce(w.value->'devices', '[]'))
                   UNION
                   SELECT split_part(r.key, '/', 2) FROM revision r
                   WHERE r.kind = 'member' AND r.effective <= at AND split_part(r.key, '/', 1) IN (
                       SELECT jsonb_array_elements_text(coalesce(w.value->'groups', '[]'))))
           ), (w.value->>'begins')::timestamptz, (w.value->>'ends')::timestamptz
    FROM (
        SELECT DISTINCT ON (key) key, value FROM revision
        WHERE kind = 'works' ORDER BY key, id DESC
    ) w WHERE w.value IS NOT NULL
$$;
