-- Forecasts as they were issued. A row is never changed: one that later readings or models make
-- another is a new row with a later `created_at`, and the newest of an issue time is in force. `tier`:
-- -1 and no quantiles where nothing is issued any more, else the place in the model's list.
-- `horizons`: s; `quantiles`: by horizon, then by level, NaN where a horizon was not issued.
CREATE TABLE forecast (
    site      integer NOT NULL,
    quantity  text NOT NULL,
    issued    timestamptz NOT NULL,
    created_at   timestamptz NOT NULL,
    revision  bigint NOT NULL,                    -- of the model
    tier      smallint NOT NULL,
    value     double precision,                   -- measured at the issue time
    horizons  integer[] NOT NULL,
    levels    real[] NOT NULL,
    quantiles real[] NOT NULL,
    PRIMARY KEY (site, quantity, issued, created_at)
);
SELECT create_hypertable('forecast', by_range('issued', INTERVAL '7 days'), create_default_indexes => false);

-- Which series a forecast is made from, as far as it was worked out: what is rolled up of them makes
-- forecasts due. `since`: older readings change none that is stored. `span`: the model's memory.
CREATE TABLE forecast_input (
    series   integer NOT NULL,
    site     integer NOT NULL,
    quantity text NOT NULL,
    since    timestamptz NOT NULL,
    span     interval NOT NULL,
    PRIMARY KEY (series, site, quantity)
);

-- What a gauge's forecasts are made by; where that changes they are due from then on.
CREATE TABLE forecast_facts (
    site     integer NOT NULL,
    quantity text NOT NULL,
    facts    jsonb NOT NULL,
    problem  text,                                -- why none could be made of late
    PRIMARY KEY (site, quantity)
);

-- Issue times whose forecasts are to be made again.
CREATE TABLE forecast_due (
    site     integer NOT NULL,
    quantity text NOT NULL,
    begins   timestamptz NOT NULL,
    ends     timestamptz NOT NULL,
    PRIMARY KEY (site, quantity, begins, ends)
);

CREATE TABLE forecast_state (
    only_one boolean PRIMARY KEY DEFAULT true CHECK (only_one),
    registry bigint NOT NULL DEFAULT -1           -- the version whose models are in forecast_facts
);
INSERT INTO forecast_state DEFAULT VALUES;

SELECT guard(name, '(SELECT tenant_site_marks())[site]') FROM unnest(ARRAY[
    'forecast', 'forecast_input', 'forecast_facts', 'forecast_due']) name;
SELECT guard('forecast_state', 'true');

-- As 0022; a model belongs to its site.
SELECT guard('revision', $$
    CASE kind
        WHEN 'series' THEN split_part(key, '/', 1) IN (SELECT tenant_device_names())
        WHEN 'device' THEN key IN (SELECT tenant_device_names())
        WHEN 'member' THEN split_part(key, '/', 2) IN (SELECT tenant_device_names())
        WHEN 'threshold' THEN CASE WHEN starts_with(key, 'device/')
            THEN split_part(key, '/', 2) IN (SELECT tenant_device_names())
            ELSE split_part(key, '/', 1) IN (SELECT tenant_site_names()) END
        WHEN 'forecast' THEN split_part(key, '/', 1) IN (SELECT tenant_site_names())
        WHEN 'datum' THEN key IN (SELECT tenant_site_names())
        WHEN 'link' THEN split_part(key, '>', 1) IN (SELECT tenant_site_names())
            AND split_part(key, '>', 2) IN (SELECT tenant_site_names())
        WHEN 'supply' THEN key IN (SELECT tenant_group_names())
        WHEN 'reach' THEN key IN (SELECT tenant_assets())
        WHEN 'works' THEN key IN (SELECT tenant_works())
        ELSE kind IN ('rule', 'plan') END$$);
