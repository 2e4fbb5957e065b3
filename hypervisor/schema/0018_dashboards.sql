-- What every dashboard asks: the thresholds in force. Plain SQL that inlines, under the asker's rights.

-- A site's threshold at a time; null where it has none. Kept in the unit that the catalogue says.
CREATE FUNCTION threshold_at(site text, name text, at timestamptz) RETURNS double precision
LANGUAGE sql STABLE AS $$
    SELECT (r.value->>'value')::double precision FROM revision r
    WHERE r.kind = 'threshold' AND r.key = threshold_at.site || '/' || threshold_at.name
      AND r.effective <= threshold_at.at
    ORDER BY r.effective DESC, r.id DESC LIMIT 1
$$;

-- Every threshold over a time: where it stands at the beginning, each change, where it stands at the
-- end. Drawn as steps, it is the line that the water is held against. Withdrawn: null.
CREATE FUNCTION thresholds_over(since timestamptz, until timestamptz)
RETURNS TABLE (site text, name text, "time" timestamptz, value double precision, unit text)
LANGUAGE sql STABLE AS $$
    WITH told AS (
        SELECT DISTINCT ON (r.key, r.effective) r.key, r.effective, r.value
        FROM revision r WHERE r.kind = 'threshold' AND r.effective <= until
        ORDER BY r.key, r.effective, r.id DESC
    ), held AS (
        SELECT key, value, effective, lead(effective) OVER (PARTITION BY key ORDER BY effective) AS next
        FROM told
    )
    SELECT split_part(held.key, '/', 1), split_part(held.key, '/', 2), at.time,
           (held.value->>'value')::double precision, held.value->>'unit'
    FROM held, LATERAL (
        SELECT greatest(held.effective, since) AS time
        UNION SELECT until WHERE held.next IS NULL
    ) AS at
    WHERE held.next IS NULL OR held.next > since
$$;
