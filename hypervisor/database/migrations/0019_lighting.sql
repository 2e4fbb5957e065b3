-- What the lighting plans want, as times: kept by the roll-up's part out of the revisions of kind
-- 'plan', 'supply' and 'threshold', made anew where one of these changes.

-- When a group's plan has it burn, and how brightly. Nothing: dark by its plan. Rows that touch are
-- one span of light, `lit_from` to `lit_to`. `installed`: kW behind its cabinet as then known.
CREATE TABLE lit_plan (
    lit_group text NOT NULL,
    begins    timestamptz NOT NULL,
    ends      timestamptz NOT NULL,
    level     double precision NOT NULL,          -- %
    lit_from  timestamptz NOT NULL,
    lit_to    timestamptz NOT NULL,
    installed double precision,
    PRIMARY KEY (lit_group, begins)
);
CREATE INDEX ON lit_plan (begins);

-- The same, a day of the instance's zone in a row; no row: no plan, or none of it on that day.
CREATE TABLE lit_day (
    lit_group text NOT NULL,
    day       timestamptz NOT NULL,
    burning   double precision NOT NULL,          -- h that its lamps burn
    expected  double precision,                   -- kWh that they draw
    installed double precision,
    PRIMARY KEY (lit_group, day)
);

-- By what, and for which time, each group's rows were made.
CREATE TABLE lit_made (
    lit_group text PRIMARY KEY,
    facts     text NOT NULL,
    since     timestamptz NOT NULL,
    until     timestamptz NOT NULL
);
CREATE TABLE lit_state (
    only_one boolean PRIMARY KEY DEFAULT true CHECK (only_one),
    registry bigint NOT NULL DEFAULT -1,          -- how often it had changed
    since    timestamptz NOT NULL DEFAULT '-infinity',
    until    timestamptz NOT NULL DEFAULT '-infinity'
);
INSERT INTO lit_state DEFAULT VALUES;

SELECT guard(name, 'lit_group = ANY (ARRAY (SELECT unnest(tenant_groups())))')
    FROM unnest(ARRAY['lit_plan', 'lit_day']) name;
SELECT guard(name, 'false') FROM unnest(ARRAY['lit_made', 'lit_state']) name;

-- What follows is asked by the dashboards. All run as whoever asks, so that row-level security holds:
-- who is held to communes pays for each look into a table, so every table is looked into once. Under
-- these policies the planner takes thousands for a handful: where many are joined, it may not loop.
-- `at` is the end of the time that is looked at. The shares are those of the rules of lighting: a
-- seventh of the installed power without a reason, three fifths of what the plan wants.

-- How a cabinet burns, by its power (kW) and the least and most that its plan had it draw meanwhile.
CREATE FUNCTION lit_state(power double precision, low double precision, high double precision,
    installed double precision) RETURNS text
LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN power IS NULL THEN 'silent' WHEN high IS NULL OR installed IS NULL THEN 'unknown'
                WHEN power < low * 0.25 THEN 'dark-off-plan' WHEN power < low * 0.6 THEN 'missing'
                WHEN power > high * 1.3 + installed * 0.15 THEN 'lit-off-plan'
                WHEN power > installed * 0.15 OR low > 0 THEN 'lit' ELSE 'dark' END
$$;

-- Cabinets with a plan or a meter. `level`: % that the plan wants at `at` (0: dark; null: no plan).
-- `lit_from`, `lit_to`: the light that lasts then, else the last one before.
CREATE FUNCTION lit_cabinets(at timestamptz) RETURNS TABLE (
    lit_group text, title text, site integer, name text, commune text, lon double precision,
    lat double precision, meter integer, device text, level double precision,
    installed double precision, lit_from timestamptz, lit_to timestamptz)
LANGUAGE sql STABLE AS $$
    WITH meter AS MATERIALIZED (
        SELECT id, series.device FROM series WHERE quantity = 'cabinet_power'
    ),
    unit AS MATERIALIZED (
        SELECT d.id, d.site, d.name, d.commissioned FROM device d
        WHERE d.commissioned <= at AND (d.retired IS NULL OR d.retired > at)
    ),
    place AS MATERIALIZED (
        SELECT g.name AS lit_group, g.title, s.id, s.name, s.commune, s.lon, s.lat
        FROM device_group g JOIN site s ON s.id = g.site WHERE g.kind = 'cabinet'
    )
    SELECT g.lit_group, g.title, g.id, g.name, g.commune, g.lon, g.lat, q.id, q.device,
           CASE WHEN p.ends > at THEN p.level WHEN p.lit_group IS NOT NULL THEN 0 END,
           p.installed, p.lit_from, p.lit_to
    FROM place g
    LEFT JOIN (
        SELECT DISTINCT ON (unit.site) unit.site, unit.name AS device, meter.id
        FROM meter JOIN unit ON unit.id = meter.device ORDER BY unit.site, unit.commissioned DESC
    ) q ON q.site = g.id
    LEFT JOIN LATERAL (
        SELECT * FROM lit_plan WHERE lit_plan.lit_group = g.lit_group AND lit_plan.begins <= at
        ORDER BY lit_plan.begins DESC LIMIT 1
    ) p ON true
    WHERE p.lit_group IS NOT NULL OR q.id IS NOT NULL
$$;

-- The least and most (%) that a group's plan wants within a span; null where it has none near it.
CREATE FUNCTION lit_bounds(lit_group text, since timestamptz, until timestamptz) RETURNS TABLE (
    low double precision, high double precision)
LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN sum(extract(epoch FROM LEAST(p.ends, lit_bounds.until)
                                 - GREATEST(p.begins, lit_bounds.since)))
                     >= extract(epoch FROM lit_bounds.until - lit_bounds.since) - 1
                THEN min(p.level) ELSE 0 END, coalesce(max(p.level), 0)
    FROM lit_plan p WHERE p.lit_group = lit_bounds.lit_group AND p.begins < lit_bounds.until
      AND p.begins > lit_bounds.since - interval '1 day' AND p.ends > lit_bounds.since
$$;

-- Each cabinet as its last reading has it, with its state by the plan at that reading. A switching
-- within ten minutes of it is no fault.
CREATE FUNCTION lit_now(at timestamptz) RETURNS TABLE (
    lit_group text, title text, site integer, name text, commune text, lon double precision,
    lat double precision, level double precision, installed double precision,
    lit_from timestamptz, lit_to timestamptz, power double precision, heard timestamptz, state text)
LANGUAGE sql STABLE AS $$
    WITH cabinet AS MATERIALIZED (SELECT * FROM lit_cabinets(at)),
    said AS MATERIALIZED (
        SELECT hour.series_id, last(hour.last, hour.last_at) AS last, max(hour.last_at) AS last_at
        FROM rollup_hour hour
        WHERE hour.series_id = ANY (ARRAY (SELECT meter FROM cabinet)) AND hour.begins <= at
          AND hour.begins > at - interval '8 days' AND hour.last_at <= at
        GROUP BY hour.series_id
    )
    SELECT c.lit_group, c.title, c.site, c.name, c.commune, c.lon, c.lat, c.level, c.installed,
           c.lit_from, c.lit_to, r.last, r.last_at,
           CASE WHEN c.meter IS NULL THEN 'unknown'
                WHEN r.last_at < at - interval '2 hours' THEN 'silent' ELSE
           lit_state(r.last, b.low / 100 * c.installed, b.high / 100 * c.installed, c.installed) END
    FROM cabinet c LEFT JOIN said r ON r.series_id = c.meter
    LEFT JOIN LATERAL lit_bounds(c.lit_group, r.last_at - interval '10 minutes',
                                 r.last_at + interval '10 minutes') b ON c.level IS NOT NULL
$$;

-- Each lamp behind a cabinet: `does` is 'as-planned'; 'dark' or 'silent' in the light that lasts (or
-- lasted last), 'lit' when it should be dark; `fault` is the code that it tells. A switching is given
-- twenty minutes, a word two hours and a half; by day only lamps that are always fed are missed. Of
-- a cabinet that draws nothing all are 'unfed' that have not told otherwise since.
CREATE FUNCTION lit_lamps(at timestamptz) RETURNS TABLE (
    lit_group text, site integer, device text, lon double precision, lat double precision,
    heard timestamptz, fault double precision, does text)
LANGUAGE sql STABLE SET enable_nestloop TO off AS $$
    WITH cabinet AS MATERIALIZED (
        SELECT c.*, LEAST(at, c.lit_to - interval '10 minutes') AS judged FROM lit_now(at) c
    ),
    belongs AS MATERIALIZED (
        SELECT DISTINCT ON (key) split_part(key, '/', 1) AS lit_group,
               split_part(key, '/', 2) AS device, value
        FROM revision WHERE kind = 'member' AND effective <= at
        ORDER BY key, effective DESC, id DESC
    ),
    supply AS MATERIALIZED (
        SELECT DISTINCT ON (key) key AS lit_group, value FROM revision
        WHERE kind = 'supply' AND effective <= at ORDER BY key, effective DESC, id DESC
    ),
    unit AS MATERIALIZED (
        SELECT d.id, d.name, d.lon, d.lat FROM device d WHERE d.retired IS NULL OR d.retired > at
    ),
    source AS MATERIALIZED (
        SELECT q.device, max(q.id) FILTER (WHERE q.quantity = 'light_level') AS level,
               max(q.id) FILTER (WHERE q.quantity = 'lamp_fault') AS fault
        FROM series q WHERE q.quantity IN ('light_level', 'lamp_fault') GROUP BY q.device
    ),
    lamp AS MATERIALIZED (
        SELECT m.lit_group, d.name, d.lon, d.lat, q.level, q.fault
        FROM belongs m JOIN unit d ON d.name = m.device JOIN source q ON q.device = d.id
        WHERE m.value IS NOT NULL AND q.level IS NOT NULL
    ),
    said AS MATERIALIZED (
        SELECT hour.series_id, hour.last, hour.last_at FROM rollup_hour hour
        WHERE hour.series_id = ANY (ARRAY (SELECT level FROM lamp)) AND hour.begins <= at
          AND hour.begins > (SELECT GREATEST(min(c.lit_from) - interval '1 hour',
                                             at - interval '3 days') FROM cabinet c)
          AND hour.last_at <= at
    ),
    ill AS MATERIALIZED (
        SELECT hour.series_id, last(hour.last, hour.last_at) AS code FROM rollup_hour hour
        WHERE hour.series_id = ANY (ARRAY (SELECT lamp.fault FROM lamp)) AND hour.begins <= at
          AND hour.begins > at - interval '30 hours' AND hour.last_at <= at
        GROUP BY hour.series_id
    ),
    told AS MATERIALIZED (
        SELECT lamp.level, max(said.last_at) AS heard, last(said.last, said.last_at) AS latest,
               max(said.last_at) FILTER (WHERE said.last_at <= c.judged) AS judged,
               last(said.last, said.last_at) FILTER (WHERE said.last_at <= c.judged) AS shone
        FROM lamp JOIN cabinet c ON c.lit_group = lamp.lit_group
        JOIN said ON said.series_id = lamp.level GROUP BY lamp.level
    )
    SELECT c.lit_group, c.site, lamp.name, coalesce(lamp.lon, c.lon), coalesce(lamp.lat, c.lat),
           t.heard, ill.code,
           CASE WHEN c.level IS NULL THEN 'unknown'
                WHEN c.state = 'dark-off-plan' AND coalesce(t.judged, '-infinity') < c.heard
                    THEN 'unfed'
                WHEN (c.level > 0 OR u.value->>'switched' = 'false')
                     AND at > c.lit_from + interval '150 minutes'
                     AND coalesce(t.heard, '-infinity') < at - interval '150 minutes'
                    THEN 'silent'
                WHEN c.level = 0 AND t.latest > 0 AND t.heard > c.lit_to + interval '20 minutes'
                    THEN 'lit'
                WHEN t.judged > c.lit_from + interval '20 minutes'
                    THEN CASE WHEN t.shone = 0 THEN 'dark' ELSE 'as-planned' END
                WHEN c.judged > c.lit_from + interval '150 minutes' THEN 'silent'
                ELSE 'as-planned' END
    FROM lamp JOIN cabinet c ON c.lit_group = lamp.lit_group
    LEFT JOIN supply u ON u.lit_group = c.lit_group
    LEFT JOIN told t ON t.level = lamp.level LEFT JOIN ill ON ill.series_id = lamp.fault
$$;

-- Buckets in which a plan can be told from what a cabinet's meter says each quarter of an hour.
CREATE FUNCTION lit_every(every interval) RETURNS interval LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN every <= interval '15 minutes' THEN interval '15 minutes'
                WHEN every <= interval '30 minutes' THEN interval '30 minutes'
                WHEN every <= interval '3 hours' THEN interval '1 hour' ELSE interval '1 day' END
$$;

-- Cabinets over time: mean power of a bucket (`every` is one of lit_every), the mean that the plan
-- wants, and the least and most that it wants from ten minutes before to ten minutes after, all kW.
-- Of a day least and most are its mean: what it draws is held against the whole of it.
CREATE FUNCTION lit_course(since timestamptz, until timestamptz, every interval) RETURNS TABLE (
    lit_group text, title text, site integer, name text, commune text, "time" timestamptz,
    power double precision, wanted double precision, low double precision, high double precision,
    installed double precision)
LANGUAGE sql STABLE AS $$
    WITH cabinet AS MATERIALIZED (SELECT * FROM lit_cabinets(lit_course.until)),
    planned AS (
        SELECT p.lit_group, p.level, p.installed, p.begins, p.ends, at AS bucket
        FROM lit_plan p, generate_series(
            time_bucket(every, p.begins - interval '10 minutes'),
            p.ends + interval '10 minutes', every) at
        WHERE every < interval '1 day' AND p.begins < lit_course.until
          AND p.begins > lit_course.since - interval '1 day' AND p.ends > lit_course.since
    ),
    bounded AS (
        SELECT planned.lit_group, bucket, min(planned.installed) AS installed,
               CASE WHEN sum(extract(epoch FROM LEAST(ends, bucket + every + interval '10 minutes')
                             - GREATEST(begins, bucket - interval '10 minutes')))
                         >= extract(epoch FROM every) + 1199
                    THEN min(planned.level) ELSE 0 END AS low,
               max(planned.level) AS high,
               sum(planned.level * GREATEST(0, extract(epoch FROM LEAST(ends, bucket + every)
                   - GREATEST(begins, bucket)))) / extract(epoch FROM every) AS mean
        FROM planned GROUP BY planned.lit_group, bucket
    )
    SELECT c.lit_group, c.title, c.site, c.name, c.commune, r."time", r.mean, k.wanted, k.low, k.high,
           k.installed
    FROM cabinet c
    JOIN readings_by(ARRAY (SELECT meter FROM cabinet WHERE meter IS NOT NULL),
                     lit_course.since, lit_course.until, every) r ON r.series_id = c.meter
    LEFT JOIN bounded b ON b.lit_group = c.lit_group AND b.bucket = r."time"
    LEFT JOIN lit_day d ON every >= interval '1 day'
        AND d.lit_group = c.lit_group AND d.day = r."time"
    CROSS JOIN LATERAL (
        SELECT coalesce(b.installed, d.installed, c.installed) AS installed,
               CASE WHEN c.level IS NOT NULL THEN
               coalesce(b.mean / 100 * b.installed, d.expected / 24, 0) END AS wanted,
               CASE WHEN c.level IS NOT NULL THEN
               coalesce(b.low / 100 * b.installed, d.expected / 24, 0) END AS low,
               CASE WHEN c.level IS NOT NULL THEN
               coalesce(b.high / 100 * b.installed, d.expected / 24, 0) END AS high
    ) k
$$;

-- When cabinets switched, of the lights that began (`on_`) and ended within a time: minutes after
-- the plan, negative before it; null where no reading within 90 minutes tells of it. One that tells
-- of itself out of its turn tells when; of others it is known how late they were at least.
CREATE FUNCTION lit_switchings(since timestamptz, until timestamptz) RETURNS TABLE (
    lit_group text, title text, site integer, name text, commune text, planned timestamptz,
    on_ boolean, minutes double precision)
LANGUAGE sql STABLE SET enable_nestloop TO off AS $$
    WITH cabinet AS MATERIALIZED (SELECT * FROM lit_cabinets(lit_switchings.until)),
    edge AS MATERIALIZED (
        SELECT DISTINCT lit_plan.lit_group, e.planned, e.on_,
            min(lit_plan.level / 100 * lit_plan.installed)
                OVER (PARTITION BY lit_plan.lit_group, lit_from) AS least
        FROM lit_plan CROSS JOIN LATERAL (VALUES (lit_from, true), (lit_to, false)) e (planned, on_)
        WHERE lit_plan.begins > lit_switchings.since - interval '2 days'
          AND lit_plan.begins < lit_switchings.until
    ),
    due AS MATERIALIZED (
        SELECT c.*, edge.planned, edge.on_, edge.least FROM edge
        JOIN cabinet c ON c.lit_group = edge.lit_group
        WHERE edge.planned >= lit_switchings.since AND edge.planned < lit_switchings.until
    ),
    said AS MATERIALIZED (
        SELECT reading.series_id, reading."time", reading.value,
               lag(reading."time") OVER (PARTITION BY reading.series_id ORDER BY reading."time")
                   AS before
        FROM reading
        WHERE reading.series_id = ANY (ARRAY (SELECT meter FROM cabinet))
          AND reading."time" >= lit_switchings.since - interval '90 minutes'
          AND reading."time" <= lit_switchings.until
          AND reading.value IS NOT NULL AND reading.quality & 7 = 0
    ),
    near AS (  -- within 90 minutes, by the three hours or two in which that may lie
        SELECT due.lit_group, due.planned, due.on_, said."time", said.before,
               (said.value > due.least * 0.25) = due.on_ AS does
        FROM due CROSS JOIN LATERAL (
            SELECT DISTINCT time_bucket('3 hours', edge.at) AS piece
            FROM (VALUES (due.planned - interval '90 minutes'),
                         (due.planned + interval '90 minutes')) edge (at)
        ) k
        JOIN said ON said.series_id = due.meter AND time_bucket('3 hours', said."time") = k.piece
        WHERE said."time" >= due.planned - interval '90 minutes'
          AND said."time" <= due.planned + interval '90 minutes'
    ),
    turn AS (
        SELECT near.*, lag(near.does) OVER mine AS did,
               max(near."time" - near.before) OVER (
                   PARTITION BY near.lit_group, near.planned, near.on_) AS turn
        FROM near
        WINDOW mine AS (PARTITION BY near.lit_group, near.planned, near.on_ ORDER BY near."time")
    ),
    switched AS (
        SELECT DISTINCT ON (turn.lit_group, turn.planned, turn.on_) turn.lit_group, turn.planned,
               turn.on_, turn."time", turn.before,
               turn."time" - turn.before < turn.turn * 0.95 AS told
        FROM turn WHERE turn.does AND NOT turn.did
        ORDER BY turn.lit_group, turn.planned, turn.on_, turn."time"
    )
    SELECT due.lit_group, due.title, due.site, due.name, due.commune, due.planned, due.on_,
           extract(epoch FROM CASE WHEN r."time" <= due.planned OR r.told OR r.before IS NULL
                                   THEN r."time" - due.planned
                                   ELSE GREATEST(interval '0', r.before - due.planned) END)::float8
               / 60
    FROM due LEFT JOIN switched r ON r.lit_group = due.lit_group AND r.planned = due.planned
        AND r.on_ = due.on_
$$;

-- What cabinets tell of themselves: door, leakage, supply, contactor; each as last told.
CREATE FUNCTION lit_signals(at timestamptz) RETURNS TABLE (
    site integer, name text, title text, commune text, series integer, quantity text,
    state double precision, told timestamptz)
LANGUAGE sql STABLE AS $$
    WITH source AS MATERIALIZED (
        SELECT q.id, q.device, q.quantity FROM series q
        WHERE q.quantity IN ('cabinet_door', 'earth_leakage', 'supply_loss', 'contactor_error')
    ),
    unit AS MATERIALIZED (
        SELECT d.id, s.id AS site, s.name, s.title, s.commune
        FROM device d JOIN site s ON s.id = d.site
        WHERE d.commissioned <= at AND (d.retired IS NULL OR d.retired > at)
    ),
    said AS MATERIALIZED (
        SELECT hour.series_id, last(hour.last, hour.last_at) AS last, max(hour.last_at) AS last_at
        FROM rollup_hour hour
        WHERE hour.series_id = ANY (ARRAY (SELECT id FROM source)) AND hour.begins <= at
          AND hour.begins > at - interval '31 days' AND hour.last_at <= at
        GROUP BY hour.series_id
    )
    SELECT d.site, d.name, d.title, d.commune, q.id, q.quantity, h.last, h.last_at
    FROM source q JOIN unit d ON d.id = q.device LEFT JOIN said h ON h.series_id = q.id
$$;

-- The worst of them over time, a row where one changes: leakage, then supply, contactor, door.
CREATE FUNCTION lit_signal_course(since timestamptz, until timestamptz, every interval)
RETURNS TABLE (name text, title text, commune text, "time" timestamptz, state text)
LANGUAGE sql STABLE AS $$
    WITH source AS MATERIALIZED (SELECT * FROM lit_signals(lit_signal_course.since)),
    piece AS MATERIALIZED (
        SELECT * FROM readings_by(ARRAY (SELECT series FROM source),
                                  lit_signal_course.since, lit_signal_course.until, every)
    ),
    said AS (
        SELECT source.series, lit_signal_course.since AS "time", coalesce(source.state, 0) AS state
        FROM source
        UNION ALL
        SELECT series_id, GREATEST(piece."time", lit_signal_course.since), high FROM piece
        UNION ALL
        SELECT series_id, piece."time" + every, last FROM piece WHERE last <> high
    ),
    held AS (
        SELECT source.name, source.title, source.commune, said."time",
               mod(max(code) FILTER (WHERE source.quantity = 'earth_leakage') OVER held, 2) AS leakage,
               mod(max(code) FILTER (WHERE source.quantity = 'supply_loss') OVER held, 2) AS supply,
               mod(max(code) FILTER (WHERE source.quantity = 'contactor_error') OVER held, 2)
                   AS contactor,
               mod(max(code) FILTER (WHERE source.quantity = 'cabinet_door') OVER held, 2) AS door
        FROM (SELECT *, extract(epoch FROM said."time")::bigint * 2 + (said.state > 0)::int AS code
              FROM said) said
        JOIN source ON source.series = said.series
        WINDOW held AS (PARTITION BY source.site ORDER BY said."time")
    )
    SELECT DISTINCT held.name, held.title, held.commune, held."time",
           CASE WHEN leakage = 1 THEN 'leakage' WHEN supply = 1 THEN 'supply'
                WHEN contactor = 1 THEN 'contactor' WHEN door = 1 THEN 'door' ELSE 'fine' END
    FROM held WHERE held."time" <= lit_signal_course.until
$$;
