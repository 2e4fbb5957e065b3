-- Readings rolled up by hour and by day: what long spans are drawn from, and what stays when the
-- readings themselves are let go. Only what conditions believe is counted.

-- One row a series and piece of time that holds a believed reading. `increase`: of counters, what
-- they rose by, up to each reading from the one before it; a fall is a restart from zero.
CREATE TABLE rollup_hour (
    series_id integer NOT NULL,
    begins    timestamptz NOT NULL,
    count     integer NOT NULL,
    sum       double precision NOT NULL,
    min       double precision NOT NULL,
    max       double precision NOT NULL,
    last      double precision NOT NULL,
    last_at   timestamptz NOT NULL,
    increase  double precision,
    PRIMARY KEY (series_id, begins)
);
SELECT create_hypertable('rollup_hour', by_range('begins', INTERVAL '90 days'), create_default_indexes => false);

-- Days of the instance's zone, out of the hours.
CREATE TABLE rollup_day (LIKE rollup_hour INCLUDING ALL);
SELECT create_hypertable('rollup_day', by_range('begins', INTERVAL '3 years'), create_default_indexes => false);

-- How far the feed has been followed. `fill`: everything is rolled up anew, the oldest chunk first
-- from there on; `frozen`: readings before it were let go, and what was rolled up of them stays.
CREATE TABLE rollup_state (
    only_one boolean PRIMARY KEY DEFAULT true CHECK (only_one),
    cursor   xid8 NOT NULL DEFAULT '0',
    fill     timestamptz DEFAULT '-infinity',
    frozen   timestamptz NOT NULL DEFAULT '-infinity',
    seen_at  timestamptz
);
INSERT INTO rollup_state DEFAULT VALUES;

SELECT guard(name, 'series_id = ANY (ARRAY (SELECT unnest(tenant_series())))')
    FROM unnest(ARRAY['rollup_hour', 'rollup_day']) name;
SELECT guard('rollup_state', 'true');
