-- What stands at a time, of the kinds that there are many of, in the order in which everybody asks for it
-- (DISTINCT ON (key) … ORDER BY key, effective DESC, id DESC): nothing is sorted, and the table not read.
-- Their values are short; rules and plans, which are not, have no place in an index.
CREATE INDEX revision_standing ON revision (kind, key, effective DESC, id DESC) INCLUDE (value)
    WHERE kind IN ('series', 'device', 'member', 'supply');

-- Who is silent, quicker: the same answer as 0021's. What a revision says is taken out of its value once,
-- and whether something is told regularly is a truth, not a text compared, which the planner would take
-- for one row in two hundred. Of the many devices that were heard lately the last hour is found in one
-- go; only the others are looked for one by one.
CREATE OR REPLACE FUNCTION devices_at(at timestamptz, usual jsonb) RETURNS TABLE (
    device integer, name text, site integer, series integer, quantity text, interval_s double precision,
    limit_s double precision, heard_at timestamptz, switched boolean)
LANGUAGE sql STABLE AS $$
    WITH cadence AS MATERIALIZED (
        SELECT own.key, own.value IS NOT NULL AS stands,
               own.value->>'reporting' = 'periodic' AS regular,
               (own.value->>'interval_s')::float8 AS interval_s,
               (own.value->>'stale_s')::float8 AS stale_s
        FROM (SELECT DISTINCT ON (r.key) r.key, r.value FROM revision r
              WHERE r.kind = 'series' AND r.effective <= devices_at.at
              ORDER BY r.key, r.effective DESC, r.id DESC) own
    ), service AS MATERIALIZED (
        SELECT DISTINCT ON (r.key) r.key, (r.value->>'in_service')::boolean AS stands
        FROM revision r WHERE r.kind = 'device' AND r.effective <= devices_at.at
        ORDER BY r.key, r.effective DESC, r.id DESC
    ), feeds AS MATERIALIZED (
        SELECT DISTINCT ON (r.key) split_part(r.key, '/', 1) AS feeder,
               split_part(r.key, '/', 2) AS device, r.value IS NOT NULL AS stands
        FROM revision r WHERE r.kind = 'member' AND r.effective <= devices_at.at
        ORDER BY r.key, r.effective DESC, r.id DESC
    ), supply AS MATERIALIZED (
        SELECT DISTINCT ON (r.key) r.key, (r.value->>'switched')::boolean AS switched
        FROM revision r WHERE r.kind = 'supply' AND r.effective <= devices_at.at
        ORDER BY r.key, r.effective DESC, r.id DESC
    ), fed AS MATERIALIZED (
        SELECT DISTINCT feeds.device FROM feeds JOIN supply ON supply.key = feeds.feeder
        WHERE feeds.stands AND supply.switched
    ), told AS (
        SELECT d.id, d.name, d.site, s.id AS series, s.quantity,
               COALESCE(c.interval_s, (usual->>s.quantity)::float8) AS interval_s, c.stale_s
        FROM device d JOIN series s ON s.device = d.id
        LEFT JOIN cadence c ON c.key = d.name || '/' || s.quantity
        WHERE d.commissioned <= devices_at.at AND (d.retired IS NULL OR d.retired > devices_at.at)
          AND COALESCE(c.stands, true) AND COALESCE(c.regular, usual ? s.quantity)
    ), quickest AS MATERIALIZED (
        SELECT DISTINCT ON (id) *, COALESCE(stale_s, 3 * interval_s) AS limit_s FROM told
        WHERE interval_s > 0 ORDER BY id, COALESCE(stale_s, 3 * interval_s), series
    ), lately AS MATERIALIZED (
        SELECT DISTINCT ON (h.series_id) h.series_id, h.last_at FROM rollup_hour h
        WHERE h.series_id = ANY (ARRAY (SELECT quickest.series FROM quickest))
          AND h.begins > (devices_at.at AT TIME ZONE 'UTC' - interval '3 hours') AT TIME ZONE 'UTC'
          AND h.begins <= devices_at.at
        ORDER BY h.series_id DESC, h.begins DESC
    )
    SELECT q.id, q.name, q.site, q.series, q.quantity, q.interval_s, q.limit_s,
           COALESCE(lately.last_at, (SELECT h.last_at FROM rollup_hour h WHERE h.series_id = q.series
             AND h.begins <= devices_at.at ORDER BY h.begins DESC LIMIT 1)),
           fed.device IS NOT NULL
    FROM quickest q LEFT JOIN lately ON lately.series_id = q.series
    LEFT JOIN fed ON fed.device = q.name LEFT JOIN service ON service.key = q.name
    WHERE COALESCE(service.stands, true)
$$;
