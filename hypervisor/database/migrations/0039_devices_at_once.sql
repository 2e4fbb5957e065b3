-- Who is silent, as before (0037), and quicker: those who were not heard lately are looked for in one
-- call, not one by one.
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
        SELECT h.series_id, max(h.last_at) AS last_at
        FROM hours_of(ARRAY (SELECT quickest.series FROM quickest),
                      devices_at.at - interval '3 hours', devices_at.at) h GROUP BY h.series_id
    ), before AS MATERIALIZED (
        SELECT b.series_id, b.last_at
        FROM last_of(ARRAY (SELECT quickest.series FROM quickest WHERE NOT EXISTS (
                         SELECT FROM lately WHERE lately.series_id = quickest.series)),
                     '-infinity', devices_at.at) b
    )
    SELECT q.id, q.name, q.site, q.series, q.quantity, q.interval_s, q.limit_s,
           COALESCE(lately.last_at, before.last_at), fed.device IS NOT NULL
    FROM quickest q LEFT JOIN lately ON lately.series_id = q.series
    LEFT JOIN before ON before.series_id = q.series
    LEFT JOIN fed ON fed.device = q.name LEFT JOIN service ON service.key = q.name
    WHERE COALESCE(service.stands, true)
$$;
