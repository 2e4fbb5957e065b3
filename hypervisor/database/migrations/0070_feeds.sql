-- Official services that are read: how far each feed has come, and what its last answer was.
CREATE TABLE feed_poll (
    name          text PRIMARY KEY,
    cursor        jsonb NOT NULL DEFAULT '{}',    -- of the service: how far its answers are stored
    etag          text,
    last_modified text,
    due_at        timestamptz NOT NULL DEFAULT '-infinity',
    polled_at     timestamptz,
    answered_at   timestamptz,                    -- the last usable answer
    failures      integer NOT NULL DEFAULT 0,     -- in a row
    problem       text,                           -- of the last answer, if it was not usable
    excerpt       text,                           -- of that answer
    readings      bigint NOT NULL DEFAULT 0,      -- stored since the beginning
    summary       text                            -- what the last usable answer held, in words
);
SELECT guard('feed_poll', 'true');                -- tells nothing of a site

-- Official colours as they were issued; public. `ends` NULL: until the next bulletin. `colour` NULL:
-- the service names none. 1 green, 2 yellow, 3 orange, 4 red.
CREATE TABLE official_colour (
    feed        text NOT NULL,
    area        text NOT NULL,                    -- a département, or the code of a river reach
    title       text NOT NULL,
    phenomenon  text NOT NULL,                    -- flood, wind, rain-flood, thunderstorm, …
    begins      timestamptz NOT NULL,
    ends        timestamptz,
    colour      smallint CHECK (colour BETWEEN 1 AND 4),
    issued      timestamptz NOT NULL,             -- the bulletin's time
    created_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (feed, area, phenomenon, issued, begins)
);
CREATE INDEX ON official_colour (issued);
SELECT guard('official_colour', 'true');

-- While a service does not answer, silence of the devices that are read from it says nothing of
-- them: kind 'feed', key '<feed>', value {"answers": true or false}.
ALTER TABLE revision DROP CONSTRAINT revision_kind_check;
ALTER TABLE revision ADD CONSTRAINT revision_kind_check CHECK (kind IN (
    'threshold', 'device', 'series', 'link', 'rule',
    'member', 'plan', 'supply', 'reach', 'datum', 'works', 'forecast', 'feed'));
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
        ELSE kind IN ('rule', 'plan', 'feed') END$$);
