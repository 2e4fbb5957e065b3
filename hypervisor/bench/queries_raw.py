"""`readings_by` without roll-ups, for the bench: the same figures, always out of the readings."""

from hypervisor.database import tenancy
from hypervisor.database.connect import Connection

SCHEMA = "raw_only"

_TWIN = """
CREATE SCHEMA raw_only;
CREATE FUNCTION raw_only.readings_by(
    series integer[], since timestamptz, until timestamptz, every interval)
RETURNS TABLE (series_id integer, "time" timestamptz, mean float8, low float8, high float8,
               last float8, total float8, increase float8, count bigint)
LANGUAGE plpgsql STABLE ROWS 5000 AS $$
#variable_conflict use_column
DECLARE
    step   interval := readings_step(every);
    zone   text := (SELECT i.timezone FROM instance i);
    rising integer[] := ARRAY (SELECT s.id FROM series s, rollup_state k
                               WHERE s.id = ANY (series) AND s.quantity = ANY (k.counters));
    steady integer[] := ARRAY (SELECT unnest(series) EXCEPT SELECT unnest(rising));
    beyond timestamptz := until + step + INTERVAL '2 hours';
BEGIN
    RETURN QUERY
    SELECT p.series_id, p.at, avg(p.value), min(p.value), max(p.value), last(p.value, p.time),
        sum(p.value), sum(p.rise), count(*)
    FROM (
        SELECT v.series_id, v.time, v.value, v.rise,
            CASE WHEN step < INTERVAL '1 hour' THEN time_bucket(step, v.time)
                ELSE readings_piece(step, date_trunc('hour', v.time, 'UTC'),
                    date_trunc('day', date_trunc('hour', v.time, 'UTC'), zone), zone) END AS at
        FROM (
            SELECT x.series_id, x.time, x.value, NULL::float8 AS rise FROM reading x
            WHERE x.series_id = ANY (steady) AND x.time >= since AND x.time < beyond
                AND x.value IS NOT NULL AND x.quality & 7 = 0
            UNION ALL
            SELECT x.series_id, x.time, x.value, GREATEST(x.value - lag(x.value)
                OVER (PARTITION BY x.series_id ORDER BY x.time), 0) FROM reading x
            WHERE x.series_id = ANY (rising) AND x.time >= since AND x.time < beyond
                AND x.value IS NOT NULL AND x.quality & 7 = 0
        ) v
    ) p WHERE p.at >= since AND p.at < until
    GROUP BY p.series_id, p.at ORDER BY p.series_id, p.at;
END $$;
"""


def prepare(connection: Connection) -> None:
    """Make it, in a schema that readers may look into."""
    connection.execute(_TWIN)
    for role in (tenancy.READER, tenancy.READER_WHOLE):
        connection.execute(f"GRANT USAGE ON SCHEMA {SCHEMA} TO {role}".encode())
        connection.execute(f"GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA {SCHEMA} TO {role}".encode())


def before(connection: Connection) -> None:
    """From now on this session finds it before the other one."""
    row = connection.execute("SHOW search_path").fetchone()
    path = str(row[0]) if row else "public"
    connection.execute(f"SET search_path = {SCHEMA}, {path}".encode())
